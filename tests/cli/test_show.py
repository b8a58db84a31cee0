"""`ecg show`: words on the terminal as they were judged."""

from pathlib import Path

import pytest
from rich.cells import cell_len

from deployments.cli import show
from deployments.cli.show import _marked, _style
from deployments.terminal import Terminal
from ecg_audio.analysis import Emphasis, RelativeVoice, SpokenWord
from ecg_audio.results import document
from tests.support.results import factory


def word(*, whispered: bool = False, **emphasis: float) -> SpokenWord:
    """A word with this emphasis."""
    relative = RelativeVoice(volume="whisper") if whispered else None
    return SpokenWord(text="word", start_s=0, end_s=1, relative=relative, emphasis=Emphasis(**emphasis))


@pytest.mark.parametrize(
    ("said", "style", "text"),
    [
        (word(), "", "word"),
        (word(louder=0.0, higher=0.0, slower=0.0, loudness_db=2.0), "", "word"),
        (word(louder=0.6), "bold", "word"),
        (word(louder=-0.6, higher=0.7), "dim", "word↗"),
        (word(slower=0.6, higher=-0.7), "underline", "word↘"),
        (word(louder=-0.6, whispered=True), "dim italic", "word"),
        (SpokenWord(text="word", start_s=0, end_s=1), "", "word"),
    ],
)
def test_what_stands_out_is_seen(said: SpokenWord, style: str, text: str) -> None:
    """Loud is bold, soft dim, slow underlined, an arrow says higher or lower; as usual, or not judged, is plain."""
    assert (_style(said), _marked(said)) == (style, text)


def test_speakers_are_called_as_in_captions_and_words_stand_below_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`Speaker 1` or the name, in one column as wide as the widest; a long segment goes on where its words began."""
    words = [factory.word(f"word{number}", number, number + 0.5, speaker="SPEAKER_00") for number in range(6)]
    words += [factory.word(text, 9 + at, 9.5 + at, speaker="서울 Kim") for at, text in enumerate(("좋은", "아침"))]
    (tmp_path / "analysis.json").write_bytes(document.dumps(factory.analysis(words, events=())))
    monkeypatch.setattr(show, "out", Terminal(width=60))
    show.show_result(str(tmp_path / "analysis.json"), None)
    lines = capfd.readouterr().out.splitlines()
    first = next(at for at, line in enumerate(lines) if "Speaker 1" in line)
    told = lines[first : next(at for at, line in enumerate(lines) if "서울 Kim" in line) + 1]
    begins = told[0].index("word0")
    assert len(told) > 2 and all(
        line[:begins].strip() == "" and line[begins : begins + 4] == "word" for line in told[1:-1]
    )
    assert cell_len(told[-1].partition("좋은")[0]) == begins and max(map(cell_len, lines[first:])) <= 60
    assert "SPEAKER_00" not in "".join(lines)
