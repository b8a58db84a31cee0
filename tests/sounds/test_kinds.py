"""What other people's words for sounds mean, and which kinds are looked for."""

import pytest

from ecg_audio.errors import InvalidRequest
from ecg_audio.sounds import kinds


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("(laughs)", "laughter"),
        ("[LAUGHTER]", "laughter"),
        ("*laughs*", "laughter"),
        ("(claps) (claps)", "applause"),
        ("[Music]", "music"),
        ("♪", "music"),
        ("[ Music Playing ]", "music"),
        ("[BLANK_AUDIO]", None),
        ("(footsteps)", None),
        ("(laughs) Okay.", None),
        ("He laughs at the music.", None),
        ("(laughs) [Music]", None),
        ("", None),
    ],
)
def test_a_remark_is_a_kind_only_if_it_is_nothing_else(text: str, kind: str | None) -> None:
    """Words beside the brackets, two kinds at once and unknown sounds are no event."""
    assert kinds.of_remark(text) == kind


def test_labels_are_audiosets() -> None:
    """However they are written in capitals; what is not in the table is nothing."""
    assert kinds.of_label("laughter") == "laughter"
    assert kinds.of_label("Chuckle, chortle") == "laughter"
    assert kinds.of_label("Speech") is None


def test_no_label_stands_for_two_kinds() -> None:
    """The table is a function."""
    labels = [label.lower() for kind in kinds.ALL for label in kinds.table()[kind].labels]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", {kind for kind in kinds.ALL if kinds.table()[kind].default}),
        ("all", set(kinds.ALL)),
        ("none", set()),
        ("music, laughter", {"laughter", "music"}),
        ("default,crosstalk", {kind for kind in kinds.ALL if kinds.table()[kind].default} | {"crosstalk"}),
    ],
)
def test_the_environment_says_what_is_looked_for(
    given: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, groups of names, or the table's own choice."""
    monkeypatch.setenv("ECG_EVENT_KINDS", given)
    assert set(kinds.wanted()) == expected


def test_an_unknown_kind_has_a_named_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which word, and what there is."""
    monkeypatch.setenv("ECG_EVENT_KINDS", "laughter,sneezing")
    with pytest.raises(InvalidRequest, match="sneezing") as caught:
        kinds.wanted()
    assert "laughter" in str(caught.value.hint)
