"""Speech from espeak-ng with the time of every word: for making recordings and training material, never for a test.

Needs the library libespeak-ng (Debian: `apt install espeak-ng`). What the tests use is recorded and lies beside.
"""

import ctypes
import functools
import itertools
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

RATE_HZ = 16_000
LEVEL = 0.8
QUIET = 0.004  # amplitude below which the ends of a clip are cut off

ENGLISH = (
    "The quick brown fox jumps over the lazy dog.",
    "Please open the window before the meeting starts.",
    "We will send the final report on Friday morning.",
    "My sister bought seven green apples at the market.",
    "Could you repeat the last question for me?",
    "The train to London leaves from platform nine.",
    "I think the second proposal is much better.",
    "Nobody expected the weather to change so fast.",
    "Let us talk about the budget for next year.",
    "Thank you very much for listening today.",
)
KOREAN = (
    "안녕하세요 오늘 회의를 시작하겠습니다.",
    "내일 오후에 다시 연락드리겠습니다.",
    "이 문서를 먼저 읽어 주세요.",
    "질문이 있으면 말씀해 주세요.",
)
ENGLISH_VOICES = ("en-us", "en-gb", "en-us+f2", "en-us+m3", "en-gb+f4", "en-us+m7")
KOREAN_VOICES = ("ko", "ko+f2", "ko+m3", "ko+f4")

_SYNCHRONOUS, _UTF8, _BY_CHARACTER = 2, 1, 1
_RATE, _PITCH = 1, 3
_WORD_EVENT = 1


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("identifier", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Clip:
    """A spoken text: (samples,) float32 at 16 kHz without silence around it, and when each word begins."""

    samples: NDArray[np.float32]
    word_starts_s: tuple[float, ...]


@functools.cache
def _library() -> tuple[ctypes.CDLL, int]:
    library = ctypes.CDLL("libespeak-ng.so.1")
    rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, None, 0)
    assert rate_hz > 0, "espeak-ng does not start"
    return library, rate_hz


@functools.cache
def speak(text: str, voice: str, *, words_per_minute: int = 165, pitch: int = 50) -> Clip:
    """Say a text."""
    library, rate_hz = _library()
    blocks: list[NDArray[np.int16]] = []
    starts_ms: dict[int, int] = {}

    @_Callback
    def hear(samples: object, count: int, events: object) -> int:
        if samples:
            blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())  # type: ignore[arg-type]
        heard = itertools.takewhile(lambda event: event.type, (events[index] for index in itertools.count()))  # type: ignore[index]
        for event in heard:
            if event.type == _WORD_EVENT:
                starts_ms.setdefault(event.text_position, event.audio_position_ms)
        return 0

    library.espeak_SetSynthCallback(hear)
    library.espeak_SetVoiceByName(voice.encode())
    library.espeak_SetParameter(_RATE, words_per_minute, 0)
    library.espeak_SetParameter(_PITCH, pitch, 0)
    encoded = text.encode()
    library.espeak_Synth(encoded, len(encoded) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)
    raw = np.concatenate(blocks).astype(np.float32) / 32768
    samples = soxr.resample(raw, rate_hz, RATE_HZ)
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    first, last = max(0, int(loud[0]) - 160), int(loud[-1]) + 320
    starts_s = tuple(max(0.0, starts_ms[position] / 1000 - first / RATE_HZ) for position in sorted(starts_ms))
    return Clip(samples[first:last], starts_s)
