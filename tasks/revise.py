"""revise: a person's corrections put into a result, aligned and measured."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from ecg_audio.analysis import Analysis, Edits, Notice, Revision, Segment, Transcript, Utterance, Word
from ecg_audio.revision import draft as drafts
from ecg_audio.revision import naming
from tasks.align import align, aligned_in
from tasks.assemble import PACKAGE, assemble, tracks
from tasks.measure import frames_key
from tasks.stage import Work, stage

UNHEARD = "REVISED_UNHEARD"
"""The notice of a result that was corrected when its recording had been removed."""
REACH_S = 0.3
"""How far beyond a segment its first and last words are looked for, where nothing else is said."""
ADDED_WORD_S = 1.0
"""And so much farther for each word more than the machine heard there: it may have missed a whole phrase."""
LONGEST_S = 30.0
"""Of sound that is aligned as one."""


@stage(tags=["speech"], within=align.name)
def realign(work: Work, before: Analysis, draft: Analysis, frames: str, machine: Analysis) -> Analysis:
    """The draft of a revision whose new words have the times at which they are said.

    Args:
        work: see `Work`.
        before: the result as it was.
        draft: the same with a person's corrections (`revision.drafted`).
        frames: key of the recording's voice frames.
        machine: the machine's own result.
    """
    segments = sorted(drafts.changed(before, draft), key=lambda one: one.start_s)
    recording = before.recording
    sounds = {one.number: track for one, track in zip(recording.channels, recording.tracks, strict=False)}
    heard_in = {one.id: one.channel for one in before.speakers}
    spoken = {segment.id: segment.speaker for segment in before.segments}  # whose channel the sound is in
    found: dict[int, tuple[Word, ...]] = {}
    for number in dict.fromkeys(heard_in.get(spoken[one.id] or "") for one in segments):
        own = [one for one in segments if heard_in.get(spoken[one.id] or "") == number]
        track = recording if number is None else sounds[number]
        measured = frames if number is None else frames_key(track)
        asked = Transcript(
            model=before.transcription_model,
            language=before.language,
            task=before.task,
            utterances=_utterances(own, before, draft),
            speech=(),
        )
        timed = aligned_in(track, work.store, before.models_requested, asked, measured, work.report)
        found |= _by_segment(own, timed)
    return draft.model_copy(update={"segments": _placed(before, draft, found, machine)})


def without_sound(
    before: Analysis, draft: Analysis, edits: tuple[Edits, ...], original_run_id: str, run_id: str
) -> Analysis:
    """The revised result of a recording that has been removed: nothing is measured, and a notice says so.

    Args: as of `reassemble`.
    """
    unheard = drafts.unheard(before, draft, edits[-1].speakers if edits else {})
    given = naming.after(before.speakers, edits[-1]) if edits else {}
    speakers = tuple(one.model_copy(update={"naming": given.get(one.id)}) for one in unheard.speakers)
    others = tuple(notice for notice in unheard.notices if notice.code != UNHEARD)
    said = Notice(code=UNHEARD, message="the recording has been removed: what was corrected since is not measured")
    return _revised(unheard, edits, original_run_id, run_id).model_copy(
        update={"notices": (*others, said), "speakers": speakers}
    )


def _revised(found: Analysis, edits: tuple[Edits, ...], original_run_id: str, run_id: str) -> Analysis:
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    return found.model_copy(
        update={
            "run_id": run_id,
            "software_version": version(PACKAGE),
            "revision": Revision(number=len(edits), original_run_id=original_run_id, revised_at=moment, edits=edits)
            if edits
            else None,
        }
    )


@stage(within=assemble.name)
def reassemble(
    work: Work,
    before: Analysis,
    draft: Analysis,
    edits: tuple[Edits, ...],
    original_run_id: str,
    run_id: str,
    frames: str,
) -> Analysis:
    """The revised result: every word, segment and speaker measured again, and compared with its speaker's others.

    Args:
        work: see `Work`.
        before: the result as it was.
        draft: with corrected texts, speakers and times.
        edits: all corrections since the machine's own result; none: it is that again.
        original_run_id: the run that made the machine's own result.
        run_id: the run that revises.
        frames: key of the recording's voice frames.
    """
    from ecg_audio.results.frame_file import read_frames
    from ecg_audio.voice.expression import express, express_apart

    with work.store.local(frames) as path:
        heard = express(draft.segments, draft.turns, read_frames(path), draft.recording.duration_s)
        names = edits[-1].speakers if edits else {}
        apart = _channels(before, draft, names)
        if apart:
            own = tracks(draft.recording, apart, work.store)
            heard = express_apart(heard, draft.turns, own, draft.recording.duration_s)
        vectors = drafts.merged(before.speakers, names)
        given = naming.after(before.speakers, edits[-1]) if edits else {}
        found = draft.model_copy(
            update={
                "segments": heard.segments,
                "turns": heard.turns,
                "speakers": tuple(
                    speaker.model_copy(update={"embedding": vectors.get(speaker.id), "naming": given.get(speaker.id)})
                    for speaker in heard.speakers
                ),
                "exchanges": heard.exchanges,
                "tempo": heard.tempo,
                "voice": heard.voice,
                "volume": heard.volume,
                "pitch": heard.pitch,
            }
        )
        return _revised(found, edits, original_run_id, run_id)


def _utterances(segments: Sequence[Segment], before: Analysis, draft: Analysis) -> tuple[Utterance, ...]:
    """What is looked for, and where, in order of the segments.

    Words that a person has added may be said beside a segment as well as in it. Then all of what is free there is
    searched, and segments that would search the same are one utterance.
    """
    found: list[Utterance] = []
    wide = False  # whether the last one is searched beyond its segment
    for segment in segments:
        start_s, end_s, was_wide, wide = segment.start_s, segment.end_s, wide, _added(before, segment) > 0
        if wide:
            start_s, end_s = _room(before, draft, segment)
        text, language = " ".join(word.text for word in segment.words), segment.language or before.language
        last = found[-1] if found else None
        shared = last and (wide or was_wide) and start_s < last.end_s
        if last and shared and language == last.language and end_s - last.start_s <= LONGEST_S:
            found[-1] = last.model_copy(update={"end_s": max(end_s, last.end_s), "text": f"{last.text} {text}"})
        else:
            found.append(Utterance(start_s=start_s, end_s=end_s, text=text, words=(), language=language))
    return tuple(found)


def _added(before: Analysis, segment: Segment) -> int:
    """How many words more a segment has than before."""
    return max(0, len(segment.words) - sum(len(one.words) for one in before.segments if one.id == segment.id))


def _channels(before: Analysis, draft: Analysis, names: Mapping[str, str]) -> dict[int, str]:
    """Whose channel each is, by its number; empty where one is no longer one person's: the mix is measured then."""
    found = {one.channel: names.get(one.id, one.id) for one in before.speakers if one.channel is not None}
    told = {segment.speaker for segment in draft.segments}
    apart = len(set(found.values())) == len(found) == len(before.recording.channels) and told <= set(found.values())
    return found if apart else {}


def _by_segment(segments: Sequence[Segment], timed: Transcript) -> dict[int, tuple[Word, ...]]:
    """The words of each segment, which are those of the utterances in their order; an aligner may part utterances."""
    left = iter(word for utterance in timed.utterances for word in utterance.words)
    return {segment.id: tuple(itertools.islice(left, len(segment.words))) for segment in segments}


def _placed(
    before: Analysis, draft: Analysis, found: Mapping[int, tuple[Word, ...]], machine: Analysis
) -> tuple[Segment, ...]:
    """All segments of the draft, those whose words were found with the times of these."""
    placed = [
        drafts.placed(segment, found[segment.id], _room(before, draft, segment)) if segment.id in found else segment
        for segment in draft.segments
    ]
    return drafts.paused(before, placed, machine)


def _room(before: Analysis, draft: Analysis, segment: Segment) -> tuple[float, float]:
    """From when until when the segment's words may be: a little beyond it, as far as nobody else speaks there."""
    reach_s = REACH_S + ADDED_WORD_S * _added(before, segment)
    others = [one for one in draft.segments if one.id != segment.id]
    earliest_s = max((one.end_s for one in others if one.end_s <= segment.start_s), default=0.0)
    latest_s = min((one.start_s for one in others if one.start_s >= segment.end_s), default=draft.recording.duration_s)
    return max(earliest_s, segment.start_s - reach_s), min(latest_s, segment.end_s + reach_s)
