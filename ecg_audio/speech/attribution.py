"""Who said each word: words of a transcript, turns of a diarization, segments of both."""

import bisect
from collections.abc import Iterable, Iterator, Sequence

from ecg_audio import spacing
from ecg_audio.analysis import Diarization, Segment, SpokenWord, Transcript, Turn, Utterance

NEAREST_TURN_S = 0.5  # a word in a gap between turns belongs to a turn this close
PAUSE_S = 0.8  # a longer silence begins a new segment
LONGEST_SEGMENT_S = 30.0

Said = tuple[SpokenWord, bool]  # a word, and whether a space stands before it


def attribute(transcript: Transcript, diarization: Diarization | None) -> tuple[Segment, ...]:
    """Give each word its speaker and cut the words into segments.

    A word belongs to the speaker of the exclusive turns that overlap it longest (the earlier turn's among equals). A
    word that no turn overlaps belongs to the nearest turn within 0.5 s; further away nobody is known, and the speaker
    is None. Nothing is smoothed: where the turns say that somebody put in one word, the word is theirs.

    A segment ends where the speaker changes, at a pause of 0.8 s, at the end of an utterance, and before it would be
    longer than 30 s. Its times span its words, its text has the spaces of the utterance's.

    Args:
        transcript: its utterances in order of time.
        diarization: None when it failed or was not wanted: all speakers are None.

    Returns:
        Segments with ids 0, 1, ...; all words of the transcript in their order.
    """
    turns = _Turns(diarization.exclusive if diarization else ())
    groups = ((utterance, group) for utterance in transcript.utterances for group in _groups(_said(utterance, turns)))
    return tuple(_segment(number, utterance, group) for number, (utterance, group) in enumerate(groups))


class _Turns:
    """Exclusive turns, searchable by time."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._turns: Sequence[Turn] = sorted(turns, key=lambda turn: turn.start_s)
        self._ends_s = [turn.end_s for turn in self._turns]

    def speaker(self, start_s: float, end_s: float) -> str | None:
        first = bisect.bisect_right(self._ends_s, start_s)  # the first turn that ends after the word begins
        shares: dict[str, float] = {}
        for turn in self._turns[first:]:
            if turn.start_s >= end_s:
                break
            overlap_s = min(end_s, turn.end_s) - max(start_s, turn.start_s)
            shares[turn.speaker] = shares.get(turn.speaker, 0.0) + overlap_s
        if shares:
            return max(shares, key=lambda speaker: shares[speaker])
        neighbours = self._turns[max(0, first - 1) : first + 1]
        distances_s = [(max(start_s - turn.end_s, turn.start_s - end_s), turn.speaker) for turn in neighbours]
        nearest = min(distances_s, key=lambda pair: pair[0], default=None)
        return nearest[1] if nearest and nearest[0] <= NEAREST_TURN_S else None


def _said(utterance: Utterance, turns: _Turns) -> Iterator[Said]:
    spaced = spacing.before_each([word.text for word in utterance.words], utterance.text)
    for word, space in zip(utterance.words, spaced, strict=True):
        yield SpokenWord(**word.model_dump(), speaker=turns.speaker(word.start_s, word.end_s)), space


def _groups(words: Iterable[Said]) -> Iterator[list[Said]]:
    """Cut an utterance's words where the speaker changes, after a pause, and before a segment grows too long."""
    group: list[Said] = []
    for word, space in words:
        if group:
            first, last = group[0][0], group[-1][0]
            if (
                word.speaker != last.speaker
                or word.start_s - last.end_s >= PAUSE_S
                or word.end_s - first.start_s > LONGEST_SEGMENT_S
            ):
                yield group
                group = []
        group.append((word, space))
    if group:
        yield group


def _segment(number: int, utterance: Utterance, group: list[Said]) -> Segment:
    words = [word for word, _ in group]
    return Segment(
        id=number,
        start_s=min(word.start_s for word in words),
        end_s=max(word.end_s for word in words),
        speaker=words[0].speaker,
        text=spacing.joined([word.text for word in words], [space for _, space in group]),
        words=tuple(words),
        suspect=utterance.suspect,
    )
