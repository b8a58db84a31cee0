"""revise: a person's corrections put into a result, aligned and measured."""

from datetime import UTC, datetime
from importlib.metadata import version

from prefect import task

from blocks.storage import open_store
from ecg_audio import progress
from ecg_audio.analysis import Analysis, Edits, Revision, Segment, SpokenWord, Transcript, Utterance, Word
from ecg_audio.revision import draft as drafts
from ecg_audio.speech import engine
from tasks.assemble import PACKAGE
from tasks.retrying import RETRYING

REACH_S = 0.3
"""How far beyond a segment its first and last words are looked for, where nothing else is said."""


@task(name="realign", tags=["speech"], **RETRYING)
def realign(before: Analysis, draft: Analysis, frames: str, store: str) -> Analysis:
    """The draft of a revision whose new words have the times at which they are said.

    Args:
        before: the result as it was.
        draft: the same with a person's corrections (`revision.drafted`).
        frames: key of the recording's voice frames.
        store: reference of the artifact store.
    """
    from ecg_audio.results.tables import read_frames
    from ecg_audio.speech import edges

    segments = drafts.changed(before, draft)
    with progress.current().stage("align") as report:
        if not segments:
            report(1.0)
            return draft
        artifacts = open_store(store)
        asked = Transcript(
            model=before.transcription_model,
            language=before.language,
            task=before.task,
            utterances=tuple(_utterance(segment, before) for segment in sorted(segments, key=lambda one: one.start_s)),
            speech=(),
        )
        with artifacts.local(before.recording.key) as path:
            found = engine.shared(before.models_requested).align(path, asked, report=report)
        with artifacts.local(frames) as path:
            measured = read_frames(path, ("rms_dbfs", "f0_hz"))
        settled = edges.settled(found, measured["rms_dbfs"], measured["f0_hz"]).transcript
    words = [word for utterance in settled.utterances for word in utterance.words]
    return draft.model_copy(update={"segments": _placed(before, draft, segments, words)})


@task(name="reassemble", **RETRYING)
def reassemble(
    before: Analysis,
    draft: Analysis,
    edits: tuple[Edits, ...],
    original_run_id: str,
    run_id: str,
    frames: str,
    store: str,
) -> Analysis:
    """The revised result: every word, segment and speaker measured again, and compared with its speaker's others.

    Args:
        before: the result as it was.
        draft: with corrected texts, speakers and times.
        edits: all corrections since the machine's own result; none: it is that again.
        original_run_id: the run that made the machine's own result.
        run_id: the run that revises.
        frames: key of the recording's voice frames.
        store: reference of the artifact store.
    """
    from ecg_audio.results.tables import read_frames
    from ecg_audio.voice.expression import express

    with progress.current().stage("assemble"), open_store(store).local(frames) as path:
        heard = express(draft.segments, draft.turns, read_frames(path), draft.recording.duration_s)
        names = edits[-1].speakers if edits else {}
        vectors = drafts.merged(before.speakers, names)
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        return draft.model_copy(
            update={
                "run_id": run_id,
                "software_version": version(PACKAGE),
                "segments": heard.segments,
                "speakers": tuple(
                    speaker.model_copy(update={"embedding": vectors.get(speaker.id)}) for speaker in heard.speakers
                ),
                "voice": heard.voice,
                "volume": heard.volume,
                "pitch": heard.pitch,
                "revision": Revision(number=len(edits), original_run_id=original_run_id, revised_at=moment, edits=edits)
                if edits
                else None,
            }
        )


def _utterance(segment: Segment, before: Analysis) -> Utterance:
    return Utterance(
        start_s=segment.start_s,
        end_s=segment.end_s,
        text=" ".join(word.text for word in segment.words),
        words=(),
        language=segment.language or before.language,
    )


def _placed(before: Analysis, draft: Analysis, changed: tuple[Segment, ...], words: list[Word]) -> tuple[Segment, ...]:
    """All segments of the draft, those that changed with the times of `words`, which are theirs in order of time."""
    known: dict[int, tuple[SpokenWord, ...]] = {segment.id: segment.words for segment in before.segments}
    said: dict[int, list[Word]] = {}
    left = iter(words)
    for segment in sorted(changed, key=lambda one: one.start_s):
        said[segment.id] = [word for _, word in zip(segment.words, left, strict=False)]
    placed = [
        drafts.placed(segment, said[segment.id], known[segment.id], _room(draft, segment))
        if segment.id in said
        else segment
        for segment in draft.segments
    ]
    return drafts.paused(before, placed)


def _room(draft: Analysis, segment: Segment) -> tuple[float, float]:
    """From when until when the segment's words may be: a little beyond it, as far as nobody else speaks there."""
    others = [one for one in draft.segments if one.id != segment.id]
    earliest_s = max((one.end_s for one in others if one.end_s <= segment.start_s), default=0.0)
    latest_s = min((one.start_s for one in others if one.start_s >= segment.end_s), default=draft.recording.duration_s)
    return max(earliest_s, segment.start_s - REACH_S), min(latest_s, segment.end_s + REACH_S)
