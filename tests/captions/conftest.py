"""Small transcripts for the captions' tests."""

from collections.abc import Callable
from typing import Any

import pytest

from ecg_audio.analysis import Emphasis, RelativeVoice, Segment, SpokenWord

Talk = Callable[..., Segment]
Voice = dict[str, Any]
"""How a word was said: fields of `SpokenWord`."""


def said(*, whispered: bool = False, **emphasis: float) -> Voice:
    """A voice with this emphasis."""
    return {"emphasis": Emphasis(**emphasis), "relative": RelativeVoice(volume="whisper" if whispered else "normal")}


@pytest.fixture
def talk() -> Talk:
    """Builds a segment of evenly spoken words."""
    return make_segment


def make_segment(
    text: str,
    start_s: float = 0.0,
    *,
    speaker: str | None = "A",
    word_s: float = 0.3,
    pause_s: float = 0.05,
    voices: dict[str, Voice] | None = None,
    **fields: Any,
) -> Segment:
    """A segment of the words of `text`, each `word_s` long, `pause_s` apart; `voices` by word."""
    words: list[SpokenWord] = []
    at_s = start_s
    for word in text.split(" "):
        voice = (voices or {}).get(word, {})
        words.append(SpokenWord(text=word, start_s=at_s, end_s=at_s + word_s, speaker=speaker, **voice))
        at_s += word_s + pause_s
    return Segment(
        id=0, start_s=start_s, end_s=words[-1].end_s, speaker=speaker, text=text, words=tuple(words), **fields
    )
