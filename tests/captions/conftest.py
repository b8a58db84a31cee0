"""Small transcripts for the captions' tests."""

from collections.abc import Callable
from typing import Any

import pytest

from ecg_audio.analysis import RelativeVoice, Segment, SpokenWord

Talk = Callable[..., Segment]


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
    voices: dict[str, RelativeVoice] | None = None,
    **fields: Any,
) -> Segment:
    """A segment of the words of `text`, each `word_s` long, `pause_s` apart; `voices` by word."""
    words: list[SpokenWord] = []
    at_s = start_s
    for word in text.split(" "):
        relative = (voices or {}).get(word)
        words.append(SpokenWord(text=word, start_s=at_s, end_s=at_s + word_s, speaker=speaker, relative=relative))
        at_s += word_s + pause_s
    return Segment(
        id=0, start_s=start_s, end_s=words[-1].end_s, speaker=speaker, text=text, words=tuple(words), **fields
    )
