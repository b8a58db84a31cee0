import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ecg_audio.analysis import Span, Utterance
from ecg_audio.speech import forced
from ecg_audio.speech.alignment import Piece

# said by espeak-ng, with the times of its own word events: python -m benchmarks.espeak tests/speech/recited
RECITED = Path(__file__).parent / "recited"
RATE_HZ = 16_000


def recited(language: str) -> tuple[NDArray[np.float32], list[tuple[str, float, float]]]:
    """The sound, and the words with their true start and end."""
    samples, rate_hz = soundfile.read(RECITED / f"{language}.flac", dtype="float32")
    assert rate_hz == RATE_HZ
    return samples, [tuple(word) for word in json.loads((RECITED / f"{language}.json").read_text())["words"]]


def whole(samples: NDArray[np.float32]) -> Span:
    """All of a recording."""
    return Span(start_s=0.0, end_s=len(samples) / RATE_HZ)


def starts(pieces: list[Piece]) -> NDArray[np.float64]:
    """When each piece begins, seconds."""
    assert all(piece.span is not None for piece in pieces)
    return np.array([piece.span.start_s for piece in pieces if piece.span])


@pytest.mark.parametrize("language", ["en", "de", "es", "ko"])
def test_words_begin_where_they_are_said(language: str) -> None:
    """Words of each language begin within 60 ms of the truth, and within 30 ms on average."""
    samples, truth = recited(language)
    pieces = forced.aligned(samples, [text for text, _, _ in truth], whole(samples), language)
    off_s = np.abs(starts(pieces) - [start_s for _, start_s, _ in truth])
    assert off_s.max() < 0.06
    assert off_s.mean() < 0.03


def test_a_numeral_stays_one_word() -> None:
    """`25%` is said in three words and is one piece over all of them."""
    samples, truth = recited("en")
    pieces = forced.aligned(samples, [text for text, _, _ in truth], whole(samples), "en")
    assert [piece.text for piece in pieces] == [text for text, _, _ in truth]
    span = pieces[2].span
    assert pieces[2].text == "25%"
    assert span is not None
    assert span.end_s - span.start_s == pytest.approx(truth[2][2] - truth[2][1], abs=0.06)


def test_times_are_from_the_start_of_the_recording() -> None:
    """Words are found where they are when only a part of the recording is looked at."""
    samples, truth = recited("en")
    late = np.concatenate([np.zeros(5 * RATE_HZ, np.float32), samples])
    first, second = truth[5][1] - 0.1, truth[-1][2] + 0.1
    within = Span(start_s=5 + first, end_s=5 + second)
    pieces = forced.aligned(late, [text for text, _, _ in truth[5:]], within, "en")
    assert starts(pieces) == pytest.approx([5 + start_s for _, start_s, _ in truth[5:]], abs=0.06)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_longer_pause_moves_later_words_by_as_much(language: str) -> None:
    """Half a second more in the pause between two sentences changes nothing but the times after it."""
    samples, truth = recited(language)
    index = next(index for index in range(len(truth) - 1) if truth[index][0].endswith("."))
    at = round((truth[index][2] + truth[index + 1][1]) / 2 * RATE_HZ)
    near = samples[at - 400 : at + 400]
    longer = np.concatenate([samples[:at], np.tile(near, 10), samples[at:]])
    words = [text for text, _, _ in truth]
    before = starts(forced.aligned(samples, words, whole(samples), language))
    after = starts(forced.aligned(longer, words, whole(longer), language))
    assert after[: index + 1] == pytest.approx(before[: index + 1], abs=0.0101)
    assert after[index + 1 :] == pytest.approx(before[index + 1 :] + 0.5, abs=0.0101)


def test_a_word_without_a_pronunciation_has_no_time() -> None:
    """A sign and a word in another script are in the result, without times; their neighbours have theirs."""
    samples, truth = recited("en")
    words = [text for text, _, _ in truth]
    pieces = forced.aligned(samples, [words[0], "—", *words[1:4], "안녕", *words[4:]], whole(samples), "en")
    untimed = [piece for piece in pieces if piece.span is None]
    assert untimed == [Piece("—"), Piece("안녕")]


def test_a_text_that_is_not_said_has_no_times() -> None:
    """The words of another recording are not laid over this one."""
    samples, _ = recited("en")
    text = ["Whereas", "recognition", "of", "the", "inherent", "dignity", "and", "inalienable", "rights"]
    assert forced.aligned(samples, text, whole(samples), "en") == [Piece(word) for word in text]


def test_noise_and_silence_have_no_words() -> None:
    """Digital silence, noise and no samples at all give no times and no error."""
    noise = np.random.default_rng(1).normal(0.0, 0.1, RATE_HZ).astype(np.float32)
    for samples in (np.zeros(RATE_HZ, np.float32), noise, np.zeros(0, np.float32)):
        assert forced.aligned(samples, ["nobody", "is", "here"], whole(samples), "en") == [
            Piece("nobody"),
            Piece("is"),
            Piece("here"),
        ]
    assert forced.aligned(noise, [], whole(noise), "en") == []


def test_words_that_do_not_fit_leave_the_others_their_times() -> None:
    """Where more is written than the sound can hold, it is aligned in parts, and parts without room have no times."""
    samples, truth = recited("en")
    words = [text for text, _, _ in truth]
    end_s = truth[4][2]
    crowded = words[:5] + ["congratulations"] * 40
    pieces = forced.aligned(samples, crowded, Span(start_s=0.0, end_s=end_s), "en")
    assert [piece.text for piece in pieces] == crowded
    assert all(piece.span is None or 0.0 <= piece.span.start_s <= piece.span.end_s <= end_s for piece in pieces)


def test_what_was_aligned_before_changes_nothing() -> None:
    """The same sound and text give the same times after others have been through the same decoder."""
    samples, truth = recited("en")
    words = [text for text, _, _ in truth]
    first = forced.aligned(samples, words, whole(samples), "en")
    other, others = recited("de")
    forced.aligned(other, [text for text, _, _ in others], whole(other), "de")
    forced.aligned(other, ["zorbel's", "zorbeling"], whole(other), "en")
    assert forced.aligned(samples, words, whole(samples), "en") == first


def test_utterances_get_a_margin_that_stops_half_way_to_the_next() -> None:
    """Stretches reach 0.3 s beyond an utterance, never past the middle of a gap, never out of the recording."""
    utterances = [Utterance(start_s=s, end_s=e, text="", words=()) for s, e in ((0.1, 1.0), (1.2, 2.0), (5.0, 6.0))]
    found = [(span.start_s, span.end_s) for span in forced.stretches(utterances, 6.1)]
    assert found == [
        (0.0, pytest.approx(1.1)),
        (pytest.approx(1.1), pytest.approx(2.3)),
        (pytest.approx(4.7), pytest.approx(6.1)),
    ]
