"""Speech whose word times are known exactly: espeak-ng's own, through the events of its library.

`python -m benchmarks.espeak FOLDER` makes the recitations that tests of the aligner use.

espeak-ng is GPL and is loaded from the machine for benchmarks alone, never shipped. Its synthesiser says at which
sample each word and each phoneme begins; pauses are phonemes of their own, so a word's end is known too.
"""

import ctypes
import ctypes.util
import functools
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE_HZ = 16_000
RETRIEVAL, PHONEME_EVENTS = 1, 1  # AUDIO_OUTPUT_RETRIEVAL, espeakINITIALIZE_PHONEME_EVENTS
UTF8 = 1
LIST_TERMINATED, WORD, PHONEME = 0, 1, 7
RATE, PITCH = 1, 3  # espeakRATE in words per minute, espeakPITCH in 0..100
PAUSES = frozenset({"", "_", "_:", "_!", "_|", "||"})


class _Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class TrueWord:
    """A word and when it is said, from the start of the recording."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Said:
    """A text as it was said: (samples,) float32 mono at 16 kHz, and its words."""

    text: str
    samples: NDArray[np.float32]
    words: tuple[TrueWord, ...]


@functools.cache
def _library() -> tuple[Any, int]:
    found = ctypes.util.find_library("espeak-ng")
    if found is None:
        raise SystemExit("this benchmark needs libespeak-ng (apt-get install espeak-ng)")
    library = ctypes.CDLL(found)
    rate_hz = library.espeak_Initialize(RETRIEVAL, 0, None, PHONEME_EVENTS)
    return library, rate_hz


def said(text: str, voice: str, words_per_minute: int, pitch: int = 50) -> Said:
    """Let espeak-ng say a text.

    Args:
        text: sentences, words parted by single spaces.
        voice: of espeak-ng, such as `en-us`, or with a variant `en-us+f3`.
        words_per_minute: 80 to 450.
        pitch: 0 to 100.

    Returns:
        Samples, and those written words that have an event of their own: where espeak-ng says two words as one ("of
        the"), it tells only the first one's start, and the second is absent.
    """
    library, rate_hz = _library()
    if library.espeak_SetVoiceByName(voice.encode()):
        raise SystemExit(f"espeak-ng has no voice {voice}")
    library.espeak_SetParameter(RATE, words_per_minute, 0)
    library.espeak_SetParameter(PITCH, pitch, 0)
    blocks: list[bytes] = []
    events: list[tuple[int, int, int, str]] = []

    def hear(wav: Any, count: int, heard: Any) -> int:
        if wav and count > 0:
            blocks.append(ctypes.string_at(wav, count * 2))
        index = 0
        while heard[index].type != LIST_TERMINATED:
            event = heard[index]
            name = event.id.string.decode("utf-8", "replace") if event.type == PHONEME else ""
            events.append((event.type, event.text_position, event.sample, name))
            index += 1
        return 0

    callback = _Callback(hear)
    library.espeak_SetSynthCallback(callback)
    encoded = text.encode() + b"\0"
    library.espeak_Synth(encoded, len(encoded), 0, 1, 0, UTF8, None, None)
    library.espeak_Synchronize()
    whole = np.frombuffer(b"".join(blocks), np.int16).astype(np.float32) / 32768
    samples = soxr.resample(whole, rate_hz, RATE_HZ, quality="HQ").astype(np.float32)
    return Said(text, samples, tuple(_words(text, events, len(whole), rate_hz)))


def _words(text: str, events: list[tuple[int, int, int, str]], count: int, rate_hz: int) -> Iterator[TrueWord]:
    """The written words that have an event; a word ends where the next begins, or the pause before that."""
    starts: dict[int, str] = {}  # where each written word begins in the text, as espeak counts: letters from 1
    at = 1
    for word in text.split(" "):
        starts[at] = word
        at += len(word) + 1
    for index, (kind, position, sample, _) in enumerate(events):
        if kind != WORD or position not in starts:
            continue
        later = [event for event in events[index + 1 :] if event[0] == WORD and event[1] in starts]
        until = later[0][2] if later else count
        pauses = [at for kind, _, at, name in events if kind == PHONEME and name in PAUSES and sample < at < until]
        # glottal stops are pauses too, by name: one that ends the word is nearer to the next one than any sound
        sounds = [at for kind, _, at, name in events if kind == PHONEME and name not in PAUSES and sample <= at < until]
        end = min((at for at in pauses if not sounds or at > sounds[-1]), default=until)
        yield TrueWord(starts[position], sample / rate_hz, end / rate_hz)


RECITED = {
    "en": ("en-us+m3", 165, "He paid 25% in zorbels. Nobody knew why."),
    "de": ("de+m3", 160, "Der Hund schläft. Die Katze sucht Milch."),
    "es": ("es+m3", 160, "El perro duerme. La niña busca leche."),
    "ko": ("ko+m3", 160, "비가 옵니다. 아이들은 집에 갑니다."),
}
QUIET_S, QUIET_RMS = 0.4, 10 ** (-70 / 20)


def main() -> None:
    """Write LANGUAGE.flac and LANGUAGE.json, the words with their start and end in seconds, to a folder."""
    folder = Path(sys.argv[1])
    for language, (voice, words_per_minute, text) in RECITED.items():
        recited = said(text, voice, words_per_minute)
        quiet = np.zeros(round(QUIET_S * RATE_HZ), np.float32)
        samples = np.concatenate([quiet, recited.samples, quiet])
        samples += np.random.default_rng(1).normal(0.0, QUIET_RMS, len(samples)).astype(np.float32)
        soundfile.write(folder / f"{language}.flac", samples, RATE_HZ, subtype="PCM_16")
        words = [
            [word.text, round(word.start_s + QUIET_S, 3), round(word.end_s + QUIET_S, 3)] for word in recited.words
        ]
        document = json.dumps({"text": text, "words": words}, ensure_ascii=False, indent=1)
        (folder / f"{language}.json").write_text(document + "\n")


if __name__ == "__main__":
    main()
