"""Corrected texts find their segments by the words that are still the same."""

import json

import pytest

from ecg_audio.analysis import Analysis, Edits, SegmentEdit
from ecg_audio.captions import cues, srt, transcript
from ecg_audio.errors import InvalidRequest
from ecg_audio.revision import draft, matching
from tests.support.results import factory

SAID = (("A", "Hello. I heard of deep."), ("B", "Neither did I, Ana."), ("A", "This is Diane in New Jersey."))


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    """Three sentences of two speakers."""
    words, at_s = [], 0.0
    for speaker, sentence in SAID:
        for text in sentence.split():
            words.append(factory.word(text, at_s, at_s + 0.4, speaker))
            at_s += 0.5
    return factory.analysis(words)


def corrected(analysis: Analysis, edits: Edits) -> list[str]:
    """The segments' texts afterwards."""
    return [segment.text for segment in draft.drafted(analysis, edits).segments]


def test_one_corrected_word_edits_its_segment_alone(analysis: Analysis) -> None:
    """The other segments are not even mentioned."""
    text = " ".join(sentence for _, sentence in SAID).replace("deep", "it")
    edits = matching.from_text(analysis, text.encode())
    assert edits == Edits(segments={analysis.segments[0].id: SegmentEdit(text="Hello. I heard of it.")})


def test_words_come_and_go_in_the_segment_beside_them(analysis: Analysis) -> None:
    """Split, joined, inserted and left out, wherever it is."""
    text = "Hello Hello. I heard it. Neither did I, Anna Maria. This is Diane in NewJersey now."
    assert corrected(analysis, matching.from_text(analysis, text.encode())) == [
        "Hello Hello. I heard it.",
        "Neither did I, Anna Maria.",
        "This is Diane in NewJersey now.",
    ]


def test_a_reference_without_punctuation_corrects_words_alone(analysis: Analysis) -> None:
    """Small letters only: what is the same keeps its capitals and marks."""
    text = "hello i heard of it neither did i ana this is diane in new jersey"
    assert corrected(analysis, matching.from_text(analysis, text.encode())) == [
        "Hello. I heard of it",
        "Neither did I, Ana.",
        "This is Diane in New Jersey.",
    ]


def test_our_own_subtitles_change_nothing(analysis: Analysis) -> None:
    """What `ecg captions` wrote comes back as it was, names and all; with one word corrected, as one edit."""
    settings = cues.CueSettings.for_language("en").model_copy(update={"names": "always"})
    written = srt.dumps(cues.cues(analysis.segments, settings))
    assert matching.from_subtitles(analysis, written.encode()) == Edits()
    edits = matching.from_subtitles(analysis, ("\ufeff" + written.replace("deep", "it")).encode())
    assert corrected(analysis, edits)[0] == "Hello. I heard of it."


def test_our_own_transcript_changes_nothing(analysis: Analysis) -> None:
    """Title, times and names of what `ecg captions --format txt` wrote are no words."""
    written = transcript.plain(analysis)
    assert "[0:00] A" in written
    assert matching.from_text(analysis, written.encode()) == Edits()
    assert corrected(analysis, matching.from_text(analysis, written.replace("deep", "it").encode()))[0].endswith("it.")


def test_edits_are_read_as_json() -> None:
    """Names and segments by their ids."""
    edits = Edits(speakers={"A": "Ana"}, segments={3: SegmentEdit(text="so", speaker="B")})
    assert matching.from_json(json.dumps(edits.model_dump()).encode()) == edits


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><p>hello</p>", "markup"),
        (b"\xff\xfe\x00", "no UTF-8"),
        (b"hello \x00", "no text"),
        (b"x" * 5_000_001, "more than 5 MB are no transcript"),
        (b"Call me Ishmael. Some years ago, never mind how long precisely.", "another recording"),
    ],
)
def test_what_is_no_transcript_of_it_is_refused(analysis: Analysis, content: bytes, message: str) -> None:
    """Before anything is done."""
    with pytest.raises(InvalidRequest, match=message):
        matching.from_text(analysis, content)


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"segments": {"a": {}}}', b'{"speaker": {}}'])
def test_what_is_no_edits_is_refused(content: bytes) -> None:
    """With the place that is wrong."""
    with pytest.raises(InvalidRequest, match="no edits"):
        matching.from_json(content)
