"""assemble: words to speakers, frames to voices, everything into one analysis."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from prefect import runtime

from blocks.storage import ArtifactStore
from ecg_audio.analysis import (
    Analysis,
    Diarization,
    Emotion,
    Naming,
    Notice,
    Recording,
    Segment,
    StageRecord,
    Transcript,
)
from ecg_audio.request import AnalysisRequest
from ecg_audio.revision.naming import named
from ecg_audio.sound_events import Events
from ecg_audio.speech import channels
from ecg_audio.speech.attribution import attribute
from tasks.measure import frames_key
from tasks.stage import Work, stage

if TYPE_CHECKING:
    from ecg_audio.voice.expression import Expression, Track

PACKAGE = "ecg-audio-analyzer"


@dataclass(frozen=True, slots=True)
class Findings:
    """What the stages of a job found. A stage that failed for good is None, with a notice that says why."""

    source: str
    title: str
    recording: Recording
    transcript: Transcript
    diarization: Diarization | None
    frames: str | None
    emotions: list[Emotion | None] | None  # of the segments in their order; empty where no model is configured
    events: Events | None  # None: not looked for, or not found out
    namings: Mapping[str, Naming] | None  # of speakers whose voices are known; None: it was not found out
    sought_events: bool  # whether they were to be
    notices: tuple[Notice, ...]

    @property
    def complete(self) -> bool:
        """Whether every stage delivered."""
        heard = self.events is not None or not self.sought_events
        return (
            self.diarization is not None
            and self.frames is not None
            and self.emotions is not None
            and heard
            and self.namings is not None
        )


@stage()
def assemble(
    work: Work, request: AnalysisRequest, run_id: str, found: Findings, stages: tuple[StageRecord, ...]
) -> Analysis:
    """Build the result of a job from what its stages found."""
    heard = _heard(found, work.store)
    embeddings = found.diarization.embeddings if found.diarization else {}
    analysis = Analysis(
        job_id=request.job_id,
        run_id=run_id,
        tries=max(1, runtime.flow_run.run_count),
        status="completed" if found.complete else "partial",
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        source=found.source,
        title=found.title,
        software_version=version(PACKAGE),
        recording=found.recording,
        models_requested=request.models,
        transcription_model=found.transcript.model,
        diarization_model=found.diarization.model if found.diarization else None,
        emotion_model=next((emotion.model for emotion in found.emotions or [] if emotion), None),
        language=found.transcript.language,
        language_requested=request.language,
        language_probability=found.transcript.language_probability,
        task=found.transcript.task,
        initial_prompt=request.initial_prompt,
        hotwords=request.hotwords,
        segments=_felt(heard.segments, found.emotions or []),
        turns=heard.turns,
        speakers=tuple(
            speaker.model_copy(update={"embedding": embeddings.get(speaker.id)}) for speaker in heard.speakers
        ),
        events=found.events.found if found.events else None,
        event_kinds=found.events.kinds if found.events else (),
        event_model=found.events.model if found.events else None,
        exchanges=heard.exchanges,
        tempo=heard.tempo,
        voice=heard.voice,
        volume=heard.volume,
        pitch=heard.pitch,
        stages=stages,
        notices=found.notices,
    )
    return named(analysis, found.namings or {})


def _felt(segments: tuple[Segment, ...], emotions: list[Emotion | None]) -> tuple[Segment, ...]:
    if not emotions:
        return segments
    return tuple(
        segment.model_copy(update={"emotion": emotion}) for segment, emotion in zip(segments, emotions, strict=True)
    )


def _heard(found: Findings, store: ArtifactStore) -> "Expression":
    from ecg_audio.results.frame_file import read_frames
    from ecg_audio.voice.expression import Expression, express, express_apart

    segments = attribute(found.transcript, found.diarization)
    turns = found.diarization.turns if found.diarization else ()
    if found.frames is None:
        return Expression(segments, turns, speakers=())
    with store.local(found.frames) as path:
        heard = express(segments, turns, read_frames(path), found.recording.duration_s)
    if found.recording.channels:
        names = {channel.number: channels.name(channel.number) for channel in found.recording.channels}
        heard = express_apart(heard, turns, tracks(found.recording, names, store), found.recording.duration_s)
    return heard


def tracks(recording: Recording, names: Mapping[int, str], store: ArtifactStore) -> "Iterator[Track]":
    """The measured channels of a recording in which one person speaks in each, under the speakers' names by number."""
    from ecg_audio.results.frame_file import read_frames
    from ecg_audio.voice.expression import Track

    for channel, track in zip(recording.channels, recording.tracks, strict=True):
        with store.local(frames_key(track)) as path:
            yield Track(names[channel.number], channel.number, read_frames(path))
