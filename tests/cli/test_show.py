"""`ecg show`: words on the terminal as they were judged."""

import pytest

from deployments.cli.show import _marked, _style
from ecg_audio.analysis import Emphasis, RelativeVoice, SpokenWord


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
