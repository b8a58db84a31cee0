"""analyze: one recording, from its source to published results."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from prefect import flow, runtime
from prefect.logging import get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from blocks.engine import use_settings
from blocks.forgetting import remember
from blocks.storage import ArtifactStore, check_source, key_of, open_store
from ecg_audio import layout, modes, settings, workspace
from ecg_audio.analysis import Emotion, EventKind, Media, Naming, Recording
from ecg_audio.duration import length
from ecg_audio.errors import EcgError, EngineUnavailable, WorkerLost
from ecg_audio.media import decode, source
from ecg_audio.progress import BESIDE, WEIGHTS, Progress, listeners, tracked
from ecg_audio.request import AnalysisRequest
from ecg_audio.results.manifest import Origin
from ecg_audio.results.outcome import Outcome, outcome
from ecg_audio.settings import Models
from ecg_audio.sound_events import Events
from ecg_audio.sounds import classifier, kinds
from ecg_audio.speech import engine
from ecg_audio.voice import emotion
from flows.callbacks import answered
from flows.compacting import compacting
from flows.faults import resumable
from flows.observation import begin, observed
from flows.stages import StageFuture, Stages
from flows.summary import summarise
from flows.unkept import UNKEPT
from tasks import keys
from tasks.align import align
from tasks.assemble import Findings, assemble
from tasks.classify_emotion import classify_emotion
from tasks.diarize import diarize, read_channels
from tasks.download import download
from tasks.extract import extract
from tasks.find_events import find_events
from tasks.measure import frames_key, measure
from tasks.name_speakers import name_speakers
from tasks.publish import publish
from tasks.retrying import with_retries
from tasks.transcribe import transcribe

MODELS_AWAY_S = 60.0
"""A supervisor restarts a model server that died within this time."""


def run_name() -> str:
    """Job and source, for whoever reads the list of runs."""
    request = AnalysisRequest.model_validate(runtime.flow_run.parameters["request"])
    begin(request.job_id)  # Prefect says its first lines about a run when it has its name
    try:
        return f"{request.job_id} · {source.classify(request.source).display}"
    except EcgError:
        return request.job_id  # the flow itself says what is wrong with the source


@flow(
    name="analyze",
    flow_run_name=run_name,
    description="Who said what, when and how: transcript, speakers, voice features, tables and captions.",
    task_runner=ThreadPoolTaskRunner(max_workers=4),  # type: ignore[arg-type]  # its type parameter is invariant
    **UNKEPT,
)
@resumable
@compacting
@observed
@answered
def analyze(
    request: Annotated[AnalysisRequest, Field(title="What is asked")],
    refresh: Annotated[bool, Field(title="Do every stage again")] = False,
) -> Outcome:
    """Analyse one recording and publish what was found.

    Args:
        request: what is asked.
        refresh: do every stage again, also where an earlier result could be used.
    """
    modes.begin()  # Prefect writes cached records itself
    log = get_run_logger()
    store = with_retries(open_store(request.store))
    check_source(store, request.source)
    store.check()
    use_settings()
    speech = _engine(request.models)
    speech.check_language(request.language)
    speech.check_guidance(request.guidance)
    sounds = kinds.wanted() if request.sounds else ()
    wanted = Extras(emotion.configured(), sounds, classifier.configured(), bool(store.keys(layout.VOICES)))
    run_id = str(runtime.flow_run.id)

    with (
        _decoder(store, request.source, refresh=refresh),
        _stages(wanted, store, refresh=refresh) as stages,
        workspace.incoming(request.job_id, request.source) as folder,
    ):
        media = stages.begin(download, request.source, request.limits, folder, request.cookies).result()
        recording = _recording(stages, media, request)
        stages.limit(recording)
        remember(store, request.job_id, run_id, recording.key, request.source)
        log.info("%s of sound", length(recording.duration_s))
        found = _found(request, wanted, stages, speech, recording, _title(store, request.source, media))
        for notice in found.notices:
            log.warning("%s (%s)", notice.message, notice.code)
        analysis = assemble(store, request, run_id, found, stages.records(recording.duration_s))
        lasting, origin = _lasting(media, folder), _origin(request, speech)
        outputs = publish(store, analysis, found.frames, media=lasting, asked=request.digest, origin=origin)
        ended = outcome(analysis, outputs, stages.records(recording.duration_s))
        summarise(analysis, ended)
        log.info("published, %s: %d words, %d speakers", ended.status, ended.words, ended.speakers)
        return ended


@dataclass(frozen=True, slots=True)
class Extras:
    """What is looked for beside words and speakers. A model is None where none is configured."""

    emotion_model: str | None
    event_kinds: tuple[EventKind, ...]
    event_model: str | None
    voices: bool  # whether any are known


def _found(
    request: AnalysisRequest, wanted: Extras, stages: Stages, speech: engine.Engine, recording: Recording, title: str
) -> Findings:
    """The recipe: what is found in a recording, stage by stage; what can go side by side does."""
    log, begin = get_run_logger(), stages.begin
    models, speakers = request.models, request.speaker_count
    words = recording, models, request.language, request.guidance
    voices = recording, models, speakers, request.voice_vectors

    if not (stages.known(transcribe, *words) and (recording.channels or stages.known(diarize, *voices))):
        speech.warm()
    measuring = _measuring(stages, recording)
    transcribing = begin(transcribe, *words)
    telling = None if recording.channels else begin(diarize, *voices)
    transcript = transcribing.result()
    frames = measuring.attempt()
    transcript = begin(align, recording, models, transcript, frames).result()
    said = sum(len(utterance.words) for utterance in transcript.utterances)
    log.info("%d words, %s, %s", said, transcript.language, transcript.model)
    diarization = (telling or begin(read_channels, recording, transcript, frames, speakers)).attempt()
    namings: dict[str, Naming] | None = {}
    if diarization:
        log.info("%d speakers", len({turn.speaker for turn in diarization.turns}))
        if wanted.voices:
            namings = begin(name_speakers, recording, models, diarization).attempt()
    events: Events | None = None
    if wanted.event_kinds and frames:
        sought = wanted.event_kinds, wanted.event_model
        events = begin(find_events, recording, models, *sought, transcript, diarization, frames).attempt()
    emotions: list[Emotion | None] | None = []
    if wanted.emotion_model:
        emotions = begin(classify_emotion, recording, wanted.emotion_model, transcript, diarization).attempt()

    return Findings(
        source=source.classify(request.source).display,
        title=title,
        recording=recording,
        transcript=transcript,
        diarization=diarization,
        frames=frames,
        emotions=emotions,
        events=events,
        namings=namings,
        sought_events=bool(wanted.event_kinds),
        notices=(
            *speech.notices,
            *recording.notices,
            *transcript.notices,
            *(diarization.notices if diarization else ()),
            *(events.notices if events else ()),
            *stages.lost,
        ),
    )


def _measuring(stages: Stages, recording: Recording) -> StageFuture[str]:
    """Begin the measurement; also where its record is kept and the frames are gone."""
    measured = all(stages.store.exists(frames_key(one)) for one in (recording, *recording.tracks))
    return (stages.begin if measured else stages.begin_anew)(measure, recording)


def _recording(stages: Stages, media: Media, request: AnalysisRequest) -> Recording:
    """The sound of a media file.

    Raises:
        TooLong: it is longer than asked; an earlier run with wider limits may have extracted it.
    """
    asked = media, request.limits, request.audio_stream, request.channel_use
    recording = stages.begin(extract, *asked).result()
    if not all(stages.store.exists(one.key) for one in (recording, *recording.tracks)):
        recording = stages.begin_anew(extract, *asked).result()  # the record outlived the sound
    request.limits.check_duration(recording.duration_s)
    return recording


def _decoder(store: ArtifactStore, asked: str, *, refresh: bool) -> AbstractContextManager[None]:
    """The decoder begins beside the first stage, where nothing is known of the source."""
    key = keys.download_key(asked)
    return nullcontext() if key and not refresh and keys.known(store, key) else decode.prepared()


def _engine(models: str) -> engine.Engine:
    """The engine; a model server that is being begun again gets its time, so that a job that begins then need not fail.

    Raises:
        EngineUnavailable: the models cannot be had.
        WorkerLost: the model server does not answer.
    """
    again = Retrying(
        stop=stop_after_delay(MODELS_AWAY_S), wait=wait_fixed(0.5), retry=retry_if_exception(_away), reraise=True
    )
    try:
        found: engine.Engine = again(engine.shared, models)
    except EngineUnavailable as error:
        if _away(error):
            raise WorkerLost(error.message) from error
        raise
    return found


def _away(failure: BaseException) -> bool:
    """Whether a model server is named and does not answer."""
    silent = isinstance(failure, EngineUnavailable) and isinstance(failure.__cause__, (OSError, EOFError))
    return silent and Models.read().model_server is not None


@contextmanager
def _stages(wanted: Extras, store: ArtifactStore, *, refresh: bool) -> Iterator[Stages]:
    workspace.sweep()
    without = {classify_emotion.name: not wanted.emotion_model, find_events.name: not wanted.event_kinds}
    without[name_speakers.name] = not wanted.voices
    names = tuple(name for name in WEIGHTS if name not in BESIDE and not without.get(name))
    with tracked(Progress(names, listeners())) as progress:
        yield Stages(progress, store, refresh=refresh)


def _origin(request: AnalysisRequest, speech: engine.Engine) -> Origin:
    """What decides the result beside the recording. Whose job it is, and who is told, does not."""
    options = request.model_dump(mode="json", exclude={"source", "job_id", "store", "callback"}, exclude_defaults=True)
    groups = (settings.Engine, settings.Emotion, settings.Events)
    said = {one.variable: one.value for group in groups for one in settings.held(group) if one.whence != "default"}
    stages: tuple[engine.Stage, ...] = ("transcribe", "align", "diarize")
    return Origin(
        options=options, settings=said, engine={k: v for one in stages for k, v in speech.fingerprint(one).items()}
    )


def _title(store: ArtifactStore, asked: str, media: Media) -> str:
    """The name of the recording; of an upload, the one that its sender gave it."""
    key = key_of(store, asked)
    return layout.UPLOADED_AS.sub("", media.name, count=1) if key and layout.UPLOAD.match(key) else media.name


def _lasting(media: Media, folder: Path) -> Path | None:
    """The media file, unless it is a download that goes with this job."""
    path = Path(media.path).resolve()
    return None if path.is_relative_to(folder.resolve()) else path
