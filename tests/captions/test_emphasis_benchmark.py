"""The benchmark of emphasis: known looks give known counts."""

from benchmarks.emphasis import CONTROL, Shown, Variant, tally


def words(*marks: str) -> list[Shown]:
    """Words of a second each, with what each shows."""
    return [Shown(f"w{at}", at, at + 1.0, frozenset(shown.split())) for at, shown in enumerate(marks)]


def test_changed_word_and_others_are_told_apart() -> None:
    """The changed word counts for recall alone; of the others, those that were plain and those that were not."""
    found = tally(
        {
            Variant("r", "unchanged"): words("", "", "louder", "louder"),
            Variant("r", "louder", 0.0, 1.0): words("louder", "higher", "higher", "louder"),
            Variant("r", "louder", 1.0, 2.0): words("", "higher", "louder", ""),
        }
    ).figures()
    assert (found["recall"]["found"], found["recall"]["of"]) == (1, 2)
    assert found["recall_by_any_property"]["found"] == 2
    assert (found["other_words"]["new"]["found"], found["other_words"]["turned"]["found"]) == (1, 1)
    assert (found["other_words"]["new"]["of"], found["plain"]["percent"]) == (6, 50.0)


def test_control_counts_its_own_word_and_recodings_are_apart() -> None:
    """In a control nothing was changed, so that its word may not show anything new either."""
    found = tally(
        {
            Variant("r", "unchanged"): words("", "louder"),
            Variant("r", CONTROL, 0.0, 1.0): words("higher", "louder"),
            Variant("r", "coded"): words("", "louder higher"),
        }
    ).figures()
    assert (found["null"]["new"]["found"], found["null"]["turned"]["found"], found["null"]["new"]["of"]) == (1, 0, 2)
    assert (found["recoded"]["coded"]["new"]["found"], found["recoded"]["coded"]["turned"]["found"]) == (0, 1)
    assert found["recall"]["of"] == 0
