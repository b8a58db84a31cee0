"""Which recognised words not to trust, and which speech has none.

Whisper writes where nobody speaks, goes in circles, and squeezes a sentence into a click. Nothing is removed here:
inventions and real refrains look alike, and a reader can decide where a program cannot. One sign alone is seldom
enough: a word is suspect where it could not have been said like this, or where two witnesses agree against it.
"""

import bisect
import itertools
import re
import statistics
import unicodedata
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ecg_audio.analysis import LOOPING, Notice, Speech, Transcript, Utterance, Word
from ecg_audio.speech.joining import joined, without

OUTSIDE = "outside voiced speech"
UNSOUNDED = "no sound there"
TOO_FAST = "faster than anybody speaks"
TOO_LONG = "longer than its letters allow"
UNLIKELY = "unlikely by the recogniser's own figure"
INVENTED = "a known invention over hardly any speech"

TOLERANCE_S = 0.2  # voice detection begins late and ends early by about so much

# Loops
LONGEST_PHRASE = 8  # words in the phrase that is repeated
MIN_REPEATS = 4  # of a phrase; speakers say a thing three times, seldom four
MIN_REPEATED_WORDS = 6
MIN_SAID_AGAIN = 3  # utterances, one after the other: no sentence is said three times over,
MIN_REPEATED_SENTENCE = 4  # if it has so many words
MIN_COMPRESSED_LENGTH = 120  # shorter texts compress badly, whatever they say
MAX_COMPRESSION = 2.4  # Whisper's own bound (Radford et al. 2022, section 4.5)
CIRCLING = re.compile(r"(.{1,10}?)\1{9,}")  # within one word: "4-4-4-4-4-4-4-4-4-4"
STEADY = 0.35  # who says a thing again and again takes about as long each time: deviation by mean

# Times
FASTEST_PER_S = 20.0  # syllables; the fastest talkers reach 10 to 12 over a phrase
FAST_WORDS = 4  # over which they are counted: one word's edges alone may be wrong
LONG_S, LONG_PER_SYLLABLE_S = 1.0, 0.5  # a syllable takes 0.2 s, a stressed one before a pause up to 0.5 s

# Likelihood
UNLIKELY_LOG_PROBABILITY = -1.0  # mean of a token, Whisper's own bound
DOUBTFUL_LOG_PROBABILITY = -0.6  # where a second witness is wanted; clear speech is above -0.3
SUPPORTED = 0.5  # mean score of a detector that hears speech

INVENTIONS = frozenset(
    {
        "bye",
        "bye bye",
        "goodbye",
        "like and subscribe",
        "music",
        "please subscribe",
        "so",
        "subscribe",
        "thank you",
        "thank you for watching",
        "thank you so much",
        "thank you so much for watching",
        "thank you very much",
        "thanks",
        "thanks for watching",
        "the end",
        "you",
    }
)
"""What Whisper writes over silence, noise and music more often than anything else: endings of videos."""

MOSTLY = 0.5  # of all words
NAMED_S = 1.0  # speech without words is named from this length on
WORDLESS_MARGIN_S = 0.3  # around each word, for its edges
LISTED = 8  # spans that a notice names

VOWELS = re.compile("[aeiouyαεηιουωаеёиоуыэюяєії]+")
SYLLABIC = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")  # kana, Chinese characters, Hangul


def examined(
    found: Transcript, *, recognised: Transcript | None = None, unsounded: Collection[int] = frozenset()
) -> Transcript:
    """The transcript with a reason on each word and utterance that should not be trusted, and notices that say so.

    Args:
        found: with the words' final times.
        recognised: the same words with the times that an aligner or the recogniser gave them, before anything moved
            them into the sound: only these tell a sentence that was squeezed in; None: the final times are those.
        unsounded: indices, in the order of the transcript, of words for which there is no sound.

    Returns:
        The same words. Notices are added: TRANSCRIPT_SUSPECT if most words are suspect, SPEECH_WITHOUT_WORDS if
        speech of a second or more has none, with both detectors' scores.
    """
    repeated = _said_again(found.utterances)
    at = 0
    utterances = []
    pairs = zip(found.utterances, (recognised or found).utterances, strict=True)
    for number, (utterance, before) in enumerate(pairs):
        own = frozenset(index - at for index in unsounded if at <= index < at + len(utterance.words))
        at += len(utterance.words)
        evidence = _Evidence(utterance, before, found.speech)
        utterances.append(_marked(utterance, list(evidence.reasons(number in repeated, own))))
    marked = found.model_copy(update={"utterances": tuple(utterances)})
    notices = (*found.notices, *_mostly(marked), *_wordless(marked))
    return marked.model_copy(update={"notices": notices})


def repetitive(text: str) -> bool:
    """Whether a text goes in circles: it packs better than speech does, or one of its words repeats itself."""
    encoded = text.encode()
    packs = len(encoded) >= MIN_COMPRESSED_LENGTH and len(encoded) / len(zlib.compress(encoded)) > MAX_COMPRESSION
    return packs or CIRCLING.search(text) is not None


def wordless(speech: Sequence[Speech], words: Sequence[Word], least_s: float = NAMED_S) -> tuple[Speech, ...]:
    """Speech in which there is no word, with the mean scores of both detectors.

    Args:
        speech: ordered and disjoint.
        words: in any order.
        least_s: shorter stretches of it do not count.
    """
    taken = joined((word.start_s - WORDLESS_MARGIN_S, word.end_s + WORDLESS_MARGIN_S) for word in words)
    runs: list[list[Speech]] = []  # of parts that touch
    for span in speech:
        first = bisect.bisect_right(taken, span.start_s, key=lambda edges: edges[1])
        last = bisect.bisect_left(taken, span.end_s, key=lambda edges: edges[0])
        for start_s, end_s in without((span.start_s, span.end_s), taken[first:last]):
            part = span.model_copy(update={"start_s": start_s, "end_s": end_s})
            if runs and runs[-1][-1].end_s == start_s:
                runs[-1].append(part)
            else:
                runs.append([part])
    whole = map(_whole, runs)
    return tuple(run for run in whole if run.end_s - run.start_s >= least_s)


def syllables(text: str) -> float:
    """About how many syllables a word has: groups of vowels, kana, Chinese characters, Hangul, digits.

    Other scripts count half a syllable for each letter: an Arabic or Thai one seldom has more.
    """
    decomposed = unicodedata.normalize("NFD", text.casefold())
    plain = "".join(letter for letter in decomposed if unicodedata.category(letter) != "Mn")
    counted = len(VOWELS.findall(plain)) + len(SYLLABIC.findall(unicodedata.normalize("NFC", text)))
    counted += sum(letter.isdigit() for letter in text)
    letters = sum(letter.isalpha() for letter in text)
    return float(counted) if counted else 0.5 * max(1, letters)


# The evidence on one utterance


class _Evidence:
    """What speaks for and against the words of an utterance.

    Args:
        utterance: with the words' final times.
        before: the same with the times that its words were recognised or aligned at.
        speech: of the recording.
    """

    def __init__(self, utterance: Utterance, before: Utterance, speech: Sequence[Speech]) -> None:
        self._utterance = utterance
        self._before = before.words
        self._speech = speech
        self._supports = [_support(word, speech) for word in utterance.words]

    def reasons(self, repeated: bool, unsounded: Collection[int]) -> Iterator[str | None]:
        """For each word, why it is suspect."""
        loops = self._looping()
        fast = _too_fast(self._before)
        unlikely, invented = self._unlikely(), self._invented()
        for index, word in enumerate(self._utterance.words):
            if repeated or index in loops:
                yield LOOPING
            elif self._supports[index] is None:
                yield OUTSIDE
            elif index in unsounded:
                yield UNSOUNDED
            elif index in fast:
                yield TOO_FAST
            elif invented:
                yield INVENTED
            elif unlikely:
                yield UNLIKELY
            elif word.end_s - word.start_s > LONG_S + LONG_PER_SYLLABLE_S * syllables(word.text):
                yield TOO_LONG
            else:
                yield None

    def _looping(self) -> frozenset[int]:
        words = self._utterance.words
        found: set[int] = {index for index, word in enumerate(words) if CIRCLING.search(word.text)}
        for run in _loops([word.text for word in words]):
            if not self._truly_said(run):
                found.update(run.repeats)
        return frozenset(found)

    def _truly_said(self, run: "_Loop") -> bool:
        """Whether somebody may have said the same again and again: steadily, not too fast, heard by both detectors."""
        turns = [self._before[start : start + run.length] for start in run.turns]
        lengths_s = [turn[-1].end_s - turn[0].start_s for turn in turns]
        steps_s = [after[0].start_s - before[0].start_s for before, after in itertools.pairwise(turns)]
        said = sum(syllables(word.text) for word in turns[0])
        paced = min(lengths_s) > 0 and said / min(lengths_s) <= FASTEST_PER_S / 2 and max(lengths_s) <= LONG_S * said
        steady = statistics.pstdev(steps_s) <= STEADY * statistics.fmean(steps_s)
        supports = [self._supports[index] for index in (*run.turns, *run.repeats)]
        return paced and steady and all(each is not None and min(each) >= SUPPORTED for each in supports)

    def _unlikely(self) -> bool:
        figure = self._utterance.log_probability
        if figure is None:
            return False
        return figure < UNLIKELY_LOG_PROBABILITY or (figure < DOUBTFUL_LOG_PROBABILITY and self._by_one_alone())

    def _invented(self) -> bool:
        said = " ".join(re.findall(r"[^\W_]+", self._utterance.text.casefold()))
        figure = self._utterance.log_probability
        doubtful = figure is not None and figure < DOUBTFUL_LOG_PROBABILITY
        return said in INVENTIONS and (doubtful or self._by_one_alone())

    def _by_one_alone(self) -> bool:
        """Whether at most one detector hears these words: nowhere do both."""
        return not any(support is not None and min(support) >= SUPPORTED for support in self._supports)


def _support(word: Word, speech: Sequence[Speech]) -> tuple[float, float] | None:
    """The scores of both detectors where a word is, the best within the tolerance; None: nobody is heard there."""
    first = bisect.bisect_left(speech, word.start_s - TOLERANCE_S, key=lambda span: span.end_s)
    last = bisect.bisect_right(speech, word.end_s + TOLERANCE_S, key=lambda span: span.start_s)
    near = speech[first:last]
    return (max(s.segmentation for s in near), max(s.silero for s in near)) if near else None


def _too_fast(words: Sequence[Word]) -> frozenset[int]:
    """Indices of words that nobody could say in the time they have, several in a row."""
    found: set[int] = set()
    span = min(FAST_WORDS, len(words))
    for first in range(len(words) - span + 1) if span > 1 else ():
        window = words[first : first + span]
        said = sum(syllables(word.text) for word in window)
        length_s = window[-1].end_s - window[0].start_s
        if said >= 2 and said > FASTEST_PER_S * length_s:
            found.update(range(first, first + span))
    return frozenset(found)


# Loops


@dataclass(frozen=True, slots=True)
class _Loop:
    """A phrase that is said again and again: where each turn begins, and how many words it has."""

    turns: tuple[int, ...]
    length: int
    repeats: range  # the words after its first saying


def _loops(texts: Sequence[str]) -> list[_Loop]:
    """Where a phrase of up to 8 words comes 4 times or more."""
    said = [text.casefold().strip(".,!?;:…\"'") for text in texts]
    found = []
    for length in range(1, LONGEST_PHRASE + 1):
        run = 0  # words that equal the one a phrase earlier
        for index in range(length, len(said) + 1):
            if index < len(said) and said[index] == said[index - length]:
                run += 1
                continue
            repeated = run + length
            if repeated >= max(MIN_REPEATS * length, MIN_REPEATED_WORDS):
                first = index - repeated
                turns = tuple(range(first, first + repeated // length * length, length))
                found.append(_Loop(turns, length, range(index - run, index)))
            run = 0
    return found


def _said_again(utterances: Sequence[Utterance]) -> frozenset[int]:
    """Indices of utterances that say what the one before said, word for word, from the second of three or more on."""
    found: set[int] = set()
    for text, group in itertools.groupby(enumerate(utterances), key=lambda pair: pair[1].text.casefold()):
        run = list(group)
        doubtful = all((one.log_probability or 0.0) < DOUBTFUL_LOG_PROBABILITY for _, one in run)
        if len(run) >= MIN_SAID_AGAIN and (len(text.split()) >= MIN_REPEATED_SENTENCE or doubtful):
            found.update(index for index, _ in run[1:])
    return frozenset(found)


# Results


def _marked(utterance: Utterance, reasons: Sequence[str | None]) -> Utterance:
    words = tuple(
        word.model_copy(update={"suspect": reason}) if reason else word
        for word, reason in zip(utterance.words, reasons, strict=True)
    )
    every = set(reasons)
    if repetitive(utterance.text) and LOOPING in every:
        whole: str | None = LOOPING
    else:
        whole = next((reason for reason in reasons if reason), None) if every and None not in every else None
    return utterance.model_copy(update={"words": words, "suspect": whole})


def _mostly(found: Transcript) -> list[Notice]:
    words = [word for utterance in found.utterances for word in utterance.words]
    suspect = sum(word.suspect is not None for word in words)
    if not words or suspect / len(words) < MOSTLY:
        return []
    share = "none of its words" if suspect == len(words) else f"only {len(words) - suspect} of its {len(words)} words"
    message = f"the transcript is not to be trusted: {share} can be; perhaps this is no speech, or another language"
    return [Notice(code="TRANSCRIPT_SUSPECT", message=message)]


def _wordless(found: Transcript) -> list[Notice]:
    # a word that is stretched over other speech is no word of that speech
    words = [word for utterance in found.utterances for word in utterance.words if word.suspect != TOO_LONG]
    spans = wordless(found.speech, words)
    if not spans:
        return []
    named = [
        f"{span.start_s:.1f}-{span.end_s:.1f} s (segmentation {span.segmentation:.2f}, Silero {span.silero:.2f})"
        for span in spans[:LISTED]
    ]
    more = [f"{len(spans) - LISTED} more"] if len(spans) > LISTED else []
    total_s = sum(span.end_s - span.start_s for span in spans)
    message = f"{total_s:.1f} s of speech have no words: {', '.join(named + more)}"
    return [Notice(code="SPEECH_WITHOUT_WORDS", message=message)]


def _whole(parts: Sequence[Speech]) -> Speech:
    lengths_s = [part.end_s - part.start_s for part in parts]
    total_s = sum(lengths_s) or 1.0

    def mean(scores: Sequence[float]) -> float:
        return round(sum(score * length_s for score, length_s in zip(scores, lengths_s, strict=True)) / total_s, 3)

    return Speech(
        start_s=parts[0].start_s,
        end_s=parts[-1].end_s,
        segmentation=mean([part.segmentation for part in parts]),
        silero=mean([part.silero for part in parts]),
    )
