"""What annotators' and scorers' programs read back from the exchange formats is what was written."""

import itertools
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import parselmouth
import praatio.textgrid
import pympi.Elan
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parselmouth.praat import call

from ecg_audio.analysis import Analysis
from ecg_audio.results import ctm, eaf, intervals, stm, textgrid
from ecg_audio.results.intervals import Interval
from tests.support.results import factory

SPANS = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0, 100), st.text("abc", min_size=1, max_size=3)).map(
        lambda span: (min(span[:2]), max(span[:2]), span[2])
    )
)


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    """Two voices that talk over each other, in three scripts, with markup and quotes in their words."""
    return factory.analysis(words=24, speakers=2)


def spoken(analysis: Analysis, speaker: str) -> list[str]:
    """The speaker's words in order of time."""
    words = [word for segment in analysis.segments if segment.speaker == speaker for word in segment.words]
    return [word.text for word in sorted(words, key=lambda word: (word.start_s, word.end_s))]


@given(SPANS)
def test_intervals_never_overlap_and_lose_no_label(spans: list[tuple[float, float, str]]) -> None:
    """Whatever the spans: in order, at least 1 ms long, disjoint, and every label is in one of them."""
    found = intervals.disjoint(spans)
    assert all(one.end_ms > one.start_ms for one in found)
    assert all(one.end_ms <= next_.start_ms for one, next_ in itertools.pairwise(found))
    assert sorted(" ".join(one.label for one in found).split()) == sorted(label for *_, label in spans)


@given(SPANS)
def test_filled_intervals_cover_the_recording(spans: list[tuple[float, float, str]]) -> None:
    """From 0 to its length without a hole."""
    found = intervals.disjoint(spans)
    covered = intervals.filled(found, 100_002)
    assert covered[0].start_ms == 0 and covered[-1].end_ms == 100_002
    assert all(one.end_ms == next_.start_ms for one, next_ in itertools.pairwise(covered))


def test_a_word_without_length_of_its_own_keeps_its_label() -> None:
    """Two words at one moment share an interval; one that begins too early begins where the one ahead ends."""
    found = intervals.disjoint([(1.0, 1.5, "a"), (1.2, 1.4, "b"), (1.4, 2.0, "c")])
    assert found == (Interval(1000, 1500, "a b"), Interval(1500, 2000, "c"))


def test_praat_reads_the_textgrid(analysis: Analysis, tmp_path: Path) -> None:
    """Praat itself finds the tiers and, to the millisecond, the words and who talks when; and the sounds."""
    path = tmp_path / "job.TextGrid"
    path.write_text(textgrid.dumps(analysis), "utf-8")
    grid = parselmouth.read(str(path))
    names = [call(grid, "Get tier name", number + 1) for number in range(call(grid, "Get number of tiers"))]
    assert names[-2:] == ["pauses", "events"]

    def read(name: str) -> list[Interval]:
        tier = names.index(name) + 1
        found = []
        for index in range(1, call(grid, "Get number of intervals", tier) + 1):
            if label := call(grid, "Get label of interval", tier, index):
                start, end = (call(grid, f"Get {edge} time of interval", tier, index) for edge in ("start", "end"))
                found.append(Interval(round(start * 1000), round(end * 1000), label))
        return found

    for voice in intervals.voices(analysis):
        said = read(f"{voice.speaker} words")
        assert said == list(voice.words)
        if voice.speaker != intervals.NOBODY:
            assert " ".join(one.label for one in said) == " ".join(spoken(analysis, voice.speaker))
            assert read(f"{voice.speaker} turns") == list(voice.turns) != []
    assert analysis.events and [one.label for one in read("events")] == [event.kind for event in analysis.events]


def test_praatio_reads_the_textgrid(analysis: Analysis, tmp_path: Path) -> None:
    """What phoneticians' scripts read: the words of each tier, with their times."""
    path = tmp_path / "job.TextGrid"
    path.write_text(textgrid.dumps(analysis), "utf-8")
    grid = praatio.textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    for voice in intervals.voices(analysis):
        entries = grid.getTier(f"{voice.speaker} words").entries
        assert [Interval(round(a * 1000), round(b * 1000), label) for a, b, label in entries] == list(voice.words)


def test_pympi_reads_the_elan_file(analysis: Analysis, tmp_path: Path) -> None:
    """Words under their speakers' segments, with their times."""
    path = tmp_path / "job.eaf"
    path.write_text(eaf.dumps(analysis), "utf-8")
    document = pympi.Elan.Eaf(str(path))
    for voice in intervals.voices(analysis):
        words = sorted(document.get_annotation_data_for_tier(f"{voice.speaker} words"))
        assert [label for *_, label in words] == [one.label for one in voice.words]
        segments = sorted(document.get_annotation_data_for_tier(f"{voice.speaker} segments"))
        assert [Interval(*segment) for segment in segments] == list(voice.segments)
        if voice.turns:
            turns = sorted(document.get_annotation_data_for_tier(f"{voice.speaker} turns"))
            assert [Interval(*turn) for turn in turns] == list(voice.turns)
    events = sorted(document.get_annotation_data_for_tier("events"))
    assert [Interval(*event) for event in events] == list(intervals.events(analysis)) != []


def test_elan_annotations_lie_inside_their_parents(analysis: Analysis) -> None:
    """Every word is an annotation of its speaker's tier, within a segment, in a document of one root."""
    document = ElementTree.fromstring(eaf.dumps(analysis, media="talk & more.wav").partition("\n")[2])
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE") or -1) for slot in document.iter("TIME_SLOT")}
    tiers = {
        tier.get("TIER_ID"): [
            (slots[one.get("TIME_SLOT_REF1")], slots[one.get("TIME_SLOT_REF2")], one.findtext("ANNOTATION_VALUE"))
            for one in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        for tier in document.iter("TIER")
    }
    assert document.find("HEADER/MEDIA_DESCRIPTOR").get("MEDIA_URL") == "talk & more.wav"  # type: ignore[union-attr]
    for speaker in ("SPEAKER_00", "SPEAKER_01"):
        assert " ".join(label or "" for *_, label in tiers[f"{speaker} words"]) == " ".join(spoken(analysis, speaker))
        for start_ms, end_ms, _ in tiers[f"{speaker} words"]:
            assert any(a <= start_ms < end_ms <= b for a, b, _ in tiers[f"{speaker} segments"])
    names = [one.get("ANNOTATION_ID") for one in document.iter("ALIGNABLE_ANNOTATION")]
    assert len(set(names)) == len(names)


def test_ctm_has_every_word_with_its_times(analysis: Analysis) -> None:
    """Fields as NIST's scorers split them; a confidence where there is one."""
    words = sorted(analysis.words, key=lambda word: (word.start_s, word.end_s))
    for line, word in zip(ctm.dumps(analysis).splitlines(), words, strict=True):
        _file, channel, start, length, text, *confidence = line.split(" ")
        assert channel == "1" and text == word.text
        assert abs(float(start) - word.start_s) < 0.001
        assert abs(float(start) + float(length) - word.end_s) < 0.0011
        assert confidence == ([] if word.confidence is None else [f"{word.confidence:.3f}"])


def test_stm_has_every_segment_with_its_speaker(analysis: Analysis) -> None:
    """One line a segment; nobody known is `unknown`, which is a name to a scorer."""
    segments = sorted(analysis.segments, key=lambda segment: (segment.start_s, segment.end_s))
    for line, segment in zip(stm.dumps(analysis).splitlines(), segments, strict=True):
        _file, _channel, speaker, start, end, text = line.split(" ", 5)
        assert speaker == (segment.speaker or "unknown") and text == " ".join(segment.text.split())
        assert (float(start), float(end)) == (round(segment.start_s, 3), round(segment.end_s, 3))


@settings(max_examples=20)
@given(st.text(min_size=1).filter(str.strip))
def test_labels_of_any_text_keep_the_textgrid_whole(text: str) -> None:
    """Quotes and line breaks of a word end no label early: the file has the lines it should have."""
    analysis = factory.analysis(words=6, speakers=1)
    first, *others = analysis.segments
    changed = analysis.model_copy(update={"segments": (first.model_copy(update={"text": text}), *others)})
    assert textgrid.dumps(changed).count("\n") == textgrid.dumps(analysis).count("\n")
