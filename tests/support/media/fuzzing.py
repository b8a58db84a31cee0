"""Broken files of the ten formats: cut, flipped, spliced. The same number gives the same file."""

import random
from functools import cache
from pathlib import Path

import numpy as np

from tests.support.media.formats import TEN, encode
from tests.support.media.signals import voice

FILES = 500
MOST_FLIPS = 200


@cache
def whole(folder: Path, suffix: str) -> bytes:
    """A sound file of a format, a second and a half of a voice in stereo."""
    samples = voice(1.5, f0_hz=130.0)
    stereo = np.stack([samples, 0.5 * samples], axis=1)
    return encode(stereo, 16_000, folder / f"whole.{suffix}").read_bytes()


def broken(number: int, folder: Path) -> Path:
    """The file of a number: of each format in turn, broken in one to three ways."""
    chance = random.Random(number)
    suffix = TEN[number % len(TEN)]
    data = bytearray(whole(folder, suffix))
    for _ in range(chance.randint(1, 3)):
        data = chance.choice([_cut, _flipped, _spliced, _repeated, _holed, _headed])(data, chance, folder)
    path = folder / f"{number}.{suffix}"
    path.write_bytes(data)
    return path


def _cut(data: bytearray, chance: random.Random, _folder: Path) -> bytearray:
    return data[: chance.randrange(len(data) + 1)]


def _flipped(data: bytearray, chance: random.Random, _folder: Path) -> bytearray:
    for _ in range(chance.choice([1, 10, MOST_FLIPS])):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _headed(data: bytearray, chance: random.Random, _folder: Path) -> bytearray:
    """Nonsense in the header, where sizes, rates and counts stand."""
    for _ in range(chance.randint(1, 8)):
        if data:
            data[chance.randrange(min(len(data), 256))] = chance.choice([0, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    return data


def _spliced(data: bytearray, chance: random.Random, folder: Path) -> bytearray:
    other = whole(folder, chance.choice(TEN))
    begin = chance.randrange(len(other))
    at = chance.randrange(len(data) + 1)
    return data[:at] + other[begin : begin + chance.randrange(len(other))] + data[at:]


def _repeated(data: bytearray, chance: random.Random, _folder: Path) -> bytearray:
    begin, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[begin:end] + data[end:]


def _holed(data: bytearray, chance: random.Random, _folder: Path) -> bytearray:
    begin, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:begin] + data[end:]
