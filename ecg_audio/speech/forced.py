"""When each word of a known text is said: PocketSphinx as forced aligner.

Its US-English acoustic model lies inside its wheel. It is told the words and finds only their times, so its own modest
recognition plays no part. Words of some other languages are put to it in the nearest English sounds. For the model
process: one thread, one decoder a process, about 40 times real time.
"""

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Span, Utterance
from ecg_audio.sampling import RATE_HZ
from ecg_audio.speech import islands, lengths, spelling, spoken
from ecg_audio.speech.alignment import Piece

FRAMES_PER_S = 100
FRAME_SAMPLES = RATE_HZ // FRAMES_PER_S
LANGUAGES = spelling.LANGUAGES | {"en"}

MARGIN_S = 0.3  # voice detection begins late and ends early
AROUND_S = 0.1  # of silence that is kept on each side of sound
BEAM = 1e-300  # nothing is pruned: the words are known, and the best way through them must reach the end
SILENCE_PROBABILITY = 0.5  # between any two words; the decoder's own 0.005 is for fluent speech
# mean log likelihood of a word's frames, relative to the best sound there is for each. On twelve recordings of real
# speech the medians were -1.3 to -3.6 for texts that are said there and -4.9 to -8.1 for the texts of others
WORST_WORD, WORST_TEXT = -10.0, -6.0
SCORE_SCALE = 1024  # the search keeps log likelihoods shifted by 10 bits (SENSCR_SHIFT), and hands them out so
FILLER = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+|\(NULL\)")  # <s> </s> <sil> [NOISE]
SENTENCE_END = (".", "!", "?", "…")
CLAUSE_END = (",", ";", ":")
QUIET_FRAMES = 20  # a cut is made where 0.2 s are quietest


@dataclass(frozen=True, slots=True)
class _Timed:
    """A spoken word as the decoder placed it, seconds from the start of the sound it was given."""

    start_s: float
    end_s: float
    fit: float  # mean log likelihood of its frames below that of the best sound, never above 0


def stretches(utterances: Sequence[Utterance], duration_s: float) -> list[Span]:
    """Where to look for the words of each utterance: with a margin, but never past the middle of the gap to the next.

    Args:
        utterances: in time order.
        duration_s: of the recording.
    """
    found = []
    for index, utterance in enumerate(utterances):
        before_s = utterances[index - 1].end_s if index else -math.inf
        after_s = utterances[index + 1].start_s if index + 1 < len(utterances) else math.inf
        start_s = max(0.0, utterance.start_s - min(MARGIN_S, max(0.0, utterance.start_s - before_s) / 2))
        end_s = min(duration_s, utterance.end_s + min(MARGIN_S, max(0.0, after_s - utterance.end_s) / 2))
        found.append(Span(start_s=start_s, end_s=max(start_s, end_s)))
    return found


def aligned(samples: NDArray[np.float32], words: Sequence[str], within: Span, language: str) -> list[Piece]:
    """The words of an utterance, timed.

    Args:
        samples: (samples,) float32, the whole recording, 16 kHz mono.
        words: as recognised: with case, punctuation and numerals.
        within: where they are said, see `stretches`; up to 30 s or so.
        language: one of `LANGUAGES`.

    Returns:
        A piece for each word, its times from the start of the recording. `span` is None where the word has no
        pronunciation, or where the sound does not fit it; all are None where most do not fit. `score` is None: a
        likelihood is no confidence.
    """
    decoder = _decoder()
    said = spoken.sounds(words, decoder.phones) if language == "en" else _foreign(words, language)
    sound = samples[round(within.start_s * RATE_HZ) : round(within.end_s * RATE_HZ)]
    kept = _without_pauses(sound)
    found = _placed(decoder, sound[kept], list(words), said)
    fits = [_fit(parts) if parts else -math.inf for parts in found]
    if (
        not words
        or np.median([fit for fit, sounds in zip(fits, said, strict=True) if sounds] or [-math.inf]) < WORST_TEXT
    ):
        return [Piece(word) for word in words]
    return [
        Piece(word, _span(parts, kept, within) if fit >= WORST_WORD else None)
        for word, parts, fit in zip(words, found, fits, strict=True)
    ]


def _foreign(words: Sequence[str], language: str) -> list[tuple[spoken.Sound, ...]]:
    """Each word as one sound, under a name that no English word has."""
    found: list[tuple[spoken.Sound, ...]] = []
    for word in words:
        phones = spelling.phones(word, language)
        found.append((spoken.Sound(f"{language}:{'_'.join(phones)}", " ".join(phones)),) if phones else ())
    return found


def _fit(parts: Sequence[_Timed]) -> float:
    """How well a written word fits, over all its frames."""
    lengths_s = [part.end_s - part.start_s for part in parts]
    return sum(part.fit * length_s for part, length_s in zip(parts, lengths_s, strict=True)) / sum(lengths_s)


def _without_pauses(sound: NDArray[np.float32]) -> NDArray[np.int64]:
    """The samples to look at: all but the middles of long pauses.

    Nothing is said there, and the means that cepstra are freed of would be the room's. So that a longer pause changes
    nothing but the times of what comes after it.
    """
    count = len(sound) // FRAME_SAMPLES
    powers = (sound[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES).astype(np.float64) ** 2).mean(axis=1)
    heard = islands.found(10 * np.log10(np.maximum(powers, 1e-12)))
    keep = np.zeros(count, np.bool_)
    for start_s, end_s in zip(heard.start_s, heard.end_s, strict=True):
        keep[max(0, round((start_s - AROUND_S) * FRAMES_PER_S)) : round((end_s + AROUND_S) * FRAMES_PER_S)] = True
    return np.flatnonzero(np.repeat(keep, FRAME_SAMPLES))


def _span(parts: Sequence[_Timed], kept: NDArray[np.int64], within: Span) -> Span:
    """From a written word's first spoken one to its last, from the start of the recording."""
    first, last = round(parts[0].start_s * RATE_HZ), round(parts[-1].end_s * RATE_HZ)
    start_s = within.start_s + int(kept[min(first, len(kept) - 1)]) / RATE_HZ
    end_s = within.start_s + (int(kept[min(last, len(kept)) - 1]) + 1) / RATE_HZ
    return Span(start_s=start_s, end_s=max(start_s, min(within.end_s, end_s)))


def _placed(
    decoder: "_Decoder", sound: NDArray[np.float32], words: list[str], said: list[tuple[spoken.Sound, ...]]
) -> list[list[_Timed]]:
    """The spoken words of each written one; in two halves where not as a whole, down to single words, and then none."""
    counts = [len(parts) for parts in said]
    timed = decoder.align(sound, [part for parts in said for part in parts]) if sum(counts) else []
    if len(timed) == sum(counts):
        rest = iter(timed)
        return [[next(rest) for _ in range(count)] for count in counts]
    if len(words) == 1:
        return [[]]
    middle = _middle(words)
    cut = _quietest(sound, sum(map(lengths.expected_s, words[:middle])) / sum(map(lengths.expected_s, words)))
    later_s = cut / RATE_HZ
    first = _placed(decoder, sound[:cut], words[:middle], said[:middle])
    second = _placed(decoder, sound[cut:], words[middle:], said[middle:])
    return first + [
        [_Timed(part.start_s + later_s, part.end_s + later_s, part.fit) for part in parts] for parts in second
    ]


def _middle(words: Sequence[str]) -> int:
    """Where to part words: after the sentence, else the clause, else the word, that ends nearest the middle."""
    for ends in (SENTENCE_END, CLAUSE_END, ("",)):
        places = [index for index in range(1, len(words)) if words[index - 1].endswith(ends)]
        if places:
            return min(places, key=lambda place: abs(2 * place - len(words)))
    raise AssertionError("a single word cannot be parted")


def _quietest(sound: NDArray[np.float32], share: float) -> int:
    """The sample to cut at: in the middle of the quietest 0.2 s within a quarter of the length from a share of it."""
    frames = len(sound) // FRAME_SAMPLES
    powers = (sound[: frames * FRAME_SAMPLES].reshape(frames, FRAME_SAMPLES) ** 2).mean(axis=1)
    low, high = round(max(0.0, share - 0.25) * frames), round(min(1.0, share + 0.25) * frames)
    if high - low <= QUIET_FRAMES:
        return round(share * len(sound))
    sums = np.convolve(powers[low:high], np.ones(QUIET_FRAMES), "valid")
    return (low + int(np.argmin(sums)) + QUIET_FRAMES // 2) * FRAME_SAMPLES


class _Decoder:
    """PocketSphinx with words added that its dictionary lacks."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        # the best path through the lattice is for choosing words; without one the text is always found to its end
        self._decoder: Any = Decoder(
            lm=None,
            loglevel="FATAL",
            samprate=float(RATE_HZ),
            beam=BEAM,
            wbeam=BEAM,
            pbeam=BEAM,
            bestpath=False,
            silprob=SILENCE_PROBABILITY,
        )
        self._added: set[str] = set()

    def phones(self, word: str) -> str | None:
        """The phonemes of a word by its own dictionary, whatever was added since."""
        found: str | None = None if word in self._added else self._decoder.lookup_word(word)
        return found

    def align(self, sound: NDArray[np.float32], text: Sequence[spoken.Sound]) -> list[_Timed]:
        """The times of all words of a text; shorter than it where they do not fit into the sound."""
        if len(sound) < FRAME_SAMPLES:
            return []
        for word in text:
            if word.phones is not None and word.word not in self._added:
                self._decoder.add_word(word.word, word.phones, False)
                self._added.add(word.word)
        self._decoder.set_align_text(" ".join(word.word for word in text))
        self._decoder.reinit_feat()  # else the sound before would colour this one
        self._decoder.start_utt()
        # all of it at once: cepstral means are then taken over the whole, not guessed as it comes
        scaled = np.clip(sound * (32767.0 / max(1e-4, float(np.abs(sound).max()))), -32767.0, 32767.0)
        self._decoder.process_raw(scaled.astype(np.int16).tobytes(), full_utt=True)
        self._decoder.end_utt()
        if self._decoder.hyp() is None:
            return []
        return [self._timed(segment) for segment in self._decoder.seg() if not FILLER.fullmatch(segment.word)]

    def _timed(self, segment: Any) -> _Timed:
        frames = segment.end_frame + 1 - segment.start_frame
        likelihood = float(segment.ascore)
        fit = SCORE_SCALE * math.log(likelihood) / frames if likelihood > 0 else -math.inf
        return _Timed(segment.start_frame / FRAMES_PER_S, (segment.end_frame + 1) / FRAMES_PER_S, fit)


@functools.cache
def _decoder() -> _Decoder:
    return _Decoder()
