"""Sound about its mean: what a direct current or a slow drift adds to every sample is no part of a voice."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ecg_audio.sampling import RATE_HZ
from ecg_audio.voice.kernels.high_pass import high_pass

Array = Any

CORNER_HZ = 5.0
"""A first-order high-pass here takes 0.03 dB from 60 Hz, the lowest voice, and 34 dB from a drift of 0.1 Hz."""
SETTLING = RATE_HZ
"""Samples whose mean is where the filter begins, so that an offset makes no thump at the start."""


def about_mean(blocks: Iterable[Array]) -> Iterator[Array]:
    """Samples through a first-order high-pass at 5 Hz that has settled before the first.

    Args:
        blocks: float32 (any,), 16 kHz, in order; how they are cut does not matter.

    Yields:
        float32 blocks, together as long as those that came.
    """
    coefficient = math.exp(-2.0 * math.pi * CORNER_HZ / RATE_HZ)
    state = np.zeros(3)
    waiting: list[Array] | None = []
    for block in blocks:
        if waiting is not None:
            waiting.append(block.copy())  # the decoder may use its buffer again
            if sum(map(len, waiting)) < SETTLING:
                continue
            block, waiting = _settle(waiting, state), None
        yield _filtered(block, coefficient, state)
    if waiting:
        yield _filtered(_settle(waiting, state), coefficient, state)


def _settle(waiting: list[Array], state: Array) -> Array:
    whole = np.concatenate(waiting)
    state[0] = whole[:SETTLING].mean(dtype=np.float64) if len(whole) else 0.0
    return whole


def _filtered(block: Array, coefficient: float, state: Array) -> Array:
    out = np.empty(len(block), np.float32)
    high_pass(np.ascontiguousarray(block), coefficient, state, out)
    return out
