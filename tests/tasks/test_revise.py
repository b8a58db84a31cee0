"""Where the words of corrected segments are looked for."""

from ecg_audio.analysis import Analysis, Edits, SegmentEdit
from ecg_audio.revision import draft
from tasks import revise
from tests.support.results import factory


def analysis() -> Analysis:
    """Two segments of a recording, between which and behind which 4 s are free."""
    made = factory.analysis(words=12, speakers=1)
    first, second = made.segments[:2]
    later_s = first.end_s + 4.0 - second.start_s
    moved = second.model_copy(
        update={
            "start_s": second.start_s + later_s,
            "end_s": second.end_s + later_s,
            "words": tuple(
                word.model_copy(update={"start_s": word.start_s + later_s, "end_s": word.end_s + later_s})
                for word in second.words
            ),
        }
    )
    recording = made.recording.model_copy(update={"duration_s": moved.end_s + 4.0})
    return made.model_copy(update={"segments": (first, moved), "recording": recording})


def corrected(before: Analysis, texts: dict[int, str]) -> Analysis:
    """The draft with other texts."""
    segments = {number: SegmentEdit(text=text) for number, text in texts.items()}
    return draft.drafted(before, Edits(segments=segments))


def test_words_in_the_place_of_others_are_looked_for_where_these_were() -> None:
    """As many words as before: the segment is searched, and nothing else."""
    before = analysis()
    first = before.segments[0]
    after = corrected(before, {first.id: " ".join(["Why", *[word.text for word in first.words[1:]]])})
    [found] = revise._utterances(after.segments[:1], before, after)
    assert (found.start_s, found.end_s) == (first.start_s, first.end_s)


def test_added_words_are_looked_for_as_far_as_nobody_speaks() -> None:
    """A phrase that the machine passed over may lie beside the segment; a second more for each of its words."""
    before = analysis()
    first, second = before.segments
    for more, reach_s in ((1, 1.3), (9, 4.0)):
        after = corrected(before, {first.id: first.text + " more" * more})
        [found] = revise._utterances(after.segments[:1], before, after)
        assert found.end_s == min(first.end_s + reach_s, second.start_s)
        assert revise._room(before, after, after.segments[0])[1] == found.end_s


def test_segments_that_would_search_the_same_are_one() -> None:
    """What was added to both is aligned together, so that it comes in its order; else each is looked for alone."""
    before = analysis()
    first, second = before.segments
    after = corrected(before, {first.id: first.text + " a b c", second.id: "d e f " + second.text})
    [found] = revise._utterances(after.segments, before, after)
    assert found.text == f"{after.segments[0].text} {after.segments[1].text}"
    assert found.end_s == before.recording.duration_s - 4.0 + 3.3
    apart = corrected(before, {first.id: first.text + " a", second.id: "d " + second.text})
    assert len(revise._utterances(apart.segments, before, apart)) == 2
