"""Make the recordings beside this file: `python -m tests.support.models.record`. It needs espeak-ng; no test does."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from tests.support.models.synthesis import ENGLISH, KOREAN, LEVEL, RATE_HZ, speak

HERE = Path(__file__).parent
SPEAKERS = {"A": ("en-us+m3", 45, 165), "B": ("en-us+f2", 60, 165)}  # voice, pitch, words per minute
CONVERSATION = tuple(zip("ABABA", (ENGLISH[index] for index in (0, 2, 4, 7, 9)), strict=True))
LEAD_S, PAUSE_S = 0.375, 0.875
NOISE = 1e-3


def main() -> None:
    """Write the recordings and what is said in them."""
    said = {
        "conversation": record("conversation", [(name, text, *SPEAKERS[name]) for name, text in CONVERSATION]),
        "korean": record("korean", [("A", text, "ko+f2", 50, 155) for text in KOREAN]),
    }
    (HERE / "reference.json").write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")


def record(name: str, lines: Sequence[tuple[str, str, str, int, int]]) -> list[dict[str, object]]:
    """Speak lines of (speaker, text, voice, pitch, speed) one after the other; returns who said what when."""
    silence = np.zeros(round(PAUSE_S * RATE_HZ), np.float32)
    pieces = [np.zeros(round(LEAD_S * RATE_HZ), np.float32)]
    said: list[dict[str, object]] = []
    for speaker, text, voice, pitch, words_per_minute in lines:
        clip = speak(text, voice, pitch=pitch, words_per_minute=words_per_minute)
        start_s = sum(map(len, pieces)) / RATE_HZ
        said.append(
            {
                "speaker": speaker,
                "text": text,
                "start_s": round(start_s, 3),
                "end_s": round(start_s + len(clip.samples) / RATE_HZ, 3),
                # espeak-ng runs some Korean words together: then there is no start for each
                "word_starts_s": [round(start_s + at_s, 3) for at_s in clip.word_starts_s]
                if len(clip.word_starts_s) == len(text.split())
                else None,
            }
        )
        pieces += [clip.samples * LEVEL, silence]
    samples = np.concatenate(pieces)
    noise = np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32) * NOISE
    soundfile.write(HERE / f"{name}.flac", samples + noise, RATE_HZ, subtype="PCM_16")
    return said


if __name__ == "__main__":
    main()
