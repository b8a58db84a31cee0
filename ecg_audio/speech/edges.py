"""The edges of words, refined by the sound: no word holds a pause, and pauses become gaps between words.

Whatever timed the words (an aligner, a recogniser's attention, interpolation), each is given to one stretch of sound
between two pauses (see `assignment`), and edges that are left inside a pause move to where the sound is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import FRAME_HOP_S, Timing, Transcript, Utterance, Word
from ecg_audio.speech import assignment, islands, lengths
from ecg_audio.speech.islands import Islands

TIME_DECIMALS = 3
REACH_S: dict[Timing, float] = {"aligned": 0.12, "engine": 0.3, "interpolated": 0.6}
"""A phrase's first word begins where its sound does, if it was timed no later than this after it; so do last words."""
STRETCH = 1.3  # and so it does if the word is then no longer than this share of its expected length
LEAST_SHARE = 0.3  # of its expected length that a word has at least
LEAST_S = 0.04
NOTHING_S = 0.005
SLACK_S = 0.001
MOST_SILENT = round(islands.LONGEST_CLOSURE_S / FRAME_HOP_S)  # frames


@dataclass(frozen=True, slots=True)
class Refined:
    """A transcript whose words hold no pauses. `outside` are indices, in the order of speech, of those out of sound."""

    transcript: Transcript
    outside: frozenset[int]


def refined(transcript: Transcript, rms_dbfs: NDArray[np.float32], f0_hz: NDArray[np.float32] | None = None) -> Refined:
    """Refine the edges of all words of a recording.

    Args:
        transcript: its words in the order of speech.
        rms_dbfs: (frames,) float32, level every 10 ms, NaN in digital silence.
        f0_hz: (frames,) float32, NaN where unvoiced; None: not measured.

    Returns:
        The transcript with `start_s`, `end_s` and `pause_before_s` of its words refined, its utterances holding their
        words. Words that lie outside all sound stay where they are.
    """
    words = [word for utterance in transcript.utterances for word in utterance.words]
    if not words or not len(rms_dbfs):
        return Refined(transcript, frozenset(range(len(words))))
    sound = islands.found(rms_dbfs, f0_hz)
    spans, outside = placed(words, sound)
    moved = iter(_paused(words, spans, outside))
    utterances = tuple(
        _holding(utterance, tuple(next(moved) for _ in utterance.words)) for utterance in transcript.utterances
    )
    return Refined(transcript.model_copy(update={"utterances": utterances}), outside)


def placed(words: Sequence[Word], sound: Islands) -> tuple[NDArray[np.float64], frozenset[int]]:
    """Where each word begins and ends.

    Returns:
        (words, 2) float64 seconds, and the indices of words outside all sound, which keep their times as far as their
        neighbours leave them room.
    """
    times = np.array([(word.start_s, max(word.start_s, word.end_s)) for word in words], np.float64)
    owners = assignment.owners(words, times, sound)
    spans = times.copy()
    for island in np.unique(owners[owners >= 0]).tolist():
        members = np.flatnonzero(owners == island)
        spans[members] = _inside([words[index] for index in members.tolist()], times[members], sound, island)
    earliest_s = 0.0
    for index in range(len(words)):
        if owners[index] >= 0:
            earliest_s = spans[index, 1]
            continue
        later = owners[index:] >= 0
        latest_s = spans[index + int(np.argmax(later)), 0] if later.any() else np.inf
        spans[index] = np.clip(spans[index], earliest_s, max(earliest_s, latest_s))
        earliest_s = spans[index, 1]
    return spans, frozenset(np.flatnonzero(owners < 0).tolist())


# Edges inside a stretch


def _inside(words: Sequence[Word], times: NDArray[np.float64], sound: Islands, island: int) -> NDArray[np.float64]:
    """(words, 2) the times of all words of one island, in order and inside it."""
    begin_s, end_s = float(sound.start_s[island]), float(sound.end_s[island])
    spans = np.clip(times, begin_s, end_s)
    spans[:, 0] = np.maximum.accumulate(spans[:, 0])
    spans[:-1, 1] = np.minimum(spans[:-1, 1], spans[1:, 0])
    spans[:, 1] = np.maximum(spans[:, 1], spans[:, 0])
    wanted_s = np.array([lengths.expected_s(word.text) for word in words])
    reach_s = [(REACH_S[words[at].timing], STRETCH * float(wanted_s[at])) for at in (0, -1)]
    _reach(spans, begin_s, end_s, reach_s, sound.silent)
    spans = _trimmed(_relieved(spans, times, wanted_s), sound)
    _reach(spans, begin_s, end_s, reach_s, sound.silent)  # what was trimmed may be near enough now
    return spans


def _reach(
    spans: NDArray[np.float64],
    begin_s: float,
    end_s: float,
    reach_s: Sequence[tuple[float, float]],
    silent: NDArray[np.bool_],
) -> None:
    """Let the first word begin where the sound does and the last end where it ends, if they are near, in place.

    `reach_s` holds for either how far it reaches at any length, and up to which length it reaches farther. No word
    reaches over a pause.
    """
    for at, start_s, stop_s in ((0, begin_s, spans[0, 1]), (-1, spans[-1, 0], end_s)):
        (nearest_s, longest_s), wider_s = reach_s[at], stop_s - start_s
        if wider_s - (spans[at, 1] - spans[at, 0]) > nearest_s and wider_s > longest_s:
            continue
        first, end = _frames(np.array([[start_s, stop_s]]), len(silent))
        if silent[first[0] : end[0]].sum() <= MOST_SILENT:
            spans[at] = start_s, stop_s


def _relieved(
    spans: NDArray[np.float64], times: NDArray[np.float64], wanted_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Words that were left hardly any time get their share of the time of their neighbours.

    A word that was timed as short as it is now, and not at nothing, is left alone.
    """
    least_s = np.maximum(LEAST_S, LEAST_SHARE * wanted_s)
    had_s = times[:, 1] - times[:, 0]
    index = 0
    while index < len(spans):
        has_s = spans[index, 1] - spans[index, 0]
        squeezed = has_s < had_s[index] - SLACK_S or has_s < NOTHING_S
        if not squeezed or has_s >= least_s[index] - SLACK_S:
            index += 1
            continue
        low = high = index
        while spans[high, 1] - spans[low, 0] < least_s[low : high + 1].sum() and (low > 0 or high + 1 < len(spans)):
            before_s = spans[low, 0] - spans[low - 1, 0] - least_s[low - 1] if low > 0 else -np.inf
            after_s = spans[high + 1, 1] - spans[high, 1] - least_s[high + 1] if high + 1 < len(spans) else -np.inf
            low, high = (low - 1, high) if before_s >= after_s else (low, high + 1)
        shares = np.concatenate([[0.0], np.cumsum(least_s[low : high + 1])]) / least_s[low : high + 1].sum()
        bounds = spans[low, 0] + (spans[high, 1] - spans[low, 0]) * shares
        spans[low : high + 1] = np.stack([bounds[:-1], bounds[1:]], axis=1)
        index = high + 1
    return spans


def _trimmed(spans: NDArray[np.float64], sound: Islands) -> NDArray[np.float64]:
    """Words that hold no more silence than a closure's, cut where they do.

    The silence at a word's end goes first, then that at its beginning (before a stop it belongs to the word). A word
    of several closures, none of them a pause, loses a part only where all of it together is mute for too long.
    """
    spans = spans.copy()
    silent, mute = sound.silent, sound.mute
    for index, (first, end) in enumerate(zip(*_frames(spans, len(silent)), strict=True)):
        low, high = first, end
        while silent[low:high].sum() > MOST_SILENT and not silent[low:high].all():
            if silent[high - 1]:
                high -= int(np.argmin(silent[low:high][::-1]))
            elif silent[low]:
                low += int(np.argmin(silent[low:high]))
            elif mute[low:high].sum() > MOST_SILENT:
                low, high = _larger_part(silent, low, high)
            else:
                break
        spans[index] = (
            spans[index, 0] if low == first else (low - 0.5) * FRAME_HOP_S,
            spans[index, 1] if high == end else (high - 0.5) * FRAME_HOP_S,
        )
    return spans


def _frames(spans: NDArray[np.float64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first frame whose centre each span holds, and the frame after the last."""
    first = np.ceil(spans[:, 0] / FRAME_HOP_S - 1e-6).astype(np.int64)
    return first, np.minimum(np.floor(spans[:, 1] / FRAME_HOP_S + 1e-6).astype(np.int64) + 1, count)


def _larger_part(silent: NDArray[np.bool_], low: int, high: int) -> tuple[int, int]:
    """The side of the longest silence in [low, high) that has more sound."""
    starts, ends = islands.runs(silent[low:high])
    at = int(np.argmax(np.subtract(ends, starts)))
    before, after = (low, low + starts[at]), (low + ends[at], high)
    return max(before, after, key=lambda part: int((~silent[part[0] : part[1]]).sum()))


def _paused(words: Sequence[Word], spans: NDArray[np.float64], outside: frozenset[int]) -> list[Word]:
    """The words with their new times, and the silence before each."""
    found: list[Word] = []
    for index, (word, (start_s, end_s)) in enumerate(zip(words, spans.round(TIME_DECIMALS).tolist(), strict=True)):
        known = found and index not in outside and index - 1 not in outside
        pause_s = round(max(0.0, start_s - found[-1].end_s), TIME_DECIMALS) if known else None
        found.append(word.model_copy(update={"start_s": start_s, "end_s": end_s, "pause_before_s": pause_s}))
    return found


def _holding(utterance: Utterance, words: tuple[Word, ...]) -> Utterance:
    """The utterance around its words."""
    if not words:
        return utterance
    start_s, end_s = min(utterance.start_s, words[0].start_s), max(utterance.end_s, words[-1].end_s)
    return utterance.model_copy(update={"words": words, "start_s": start_s, "end_s": end_s})
