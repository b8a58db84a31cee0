"""Where a channel of a call holds only the voice of another channel, heard faintly through.

A voice that leaks is as much fainter in the other channel at every moment, and is there whenever it is loud. So from
the moments in which one channel is at its loudest it is known whether it leaks into another, and by how much; what is
louder there than the leak can be is the channel's own. The rest is made silent, so that nothing is recognised twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any

FRAME = 160
"""Samples of a frame, 10 ms at 16 kHz."""
FAINTEST_DBFS = -96.0
NOISE_PERCENT, ABOVE_NOISE_DB = 10.0, 8.0
"""A channel sounds where it is this much above its own noise: a tenth of its frames is below that."""
LOUDEST_PERCENT = 70.0
"""Whether a channel leaks is asked of the loudest part of the frames in which it sounds and the other is softer."""
SOFTER_DB = 6.0
LEAST_FRAMES = 50
LEAKS_SHARE = 0.6
"""Of those frames, the share in which the channel sounds too, if something leaks into it ..."""
STEADY_DB = 3.0
"""... and from a quarter to half of them, by how much the leak varies: 0 to 2 dB, also behind 0.3 s of reverberation;
somebody who talks all the time while another does, as an interpreter does, varies by 4 dB and more."""
OWN_DB = 8.0
"""What is louder than the leak by this much is the channel's own: reverberation moves a leak by less, mostly."""
BEFORE_FRAMES, AFTER_FRAMES = 60, 3
"""A leak comes with its cause or up to so much later: echoes of mobile telephones take half a second."""
CORE_FRAMES, CORE_SHARE = 10, 0.4
"""The channel's own voice is louder than the leak in this share of so many frames around, which a click is not."""
AROUND_FRAMES = 30
"""What lies this near to a channel's own voice is left with it: a soft consonant, a word's fading end."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What is left of a channel: 1.0 for frames that stay, 0.0 for those that hold a leak alone; (frames,) float32.

    `crosstalk_db` is how much fainter the leak is than its source; None: nothing leaks, and everything stays.
    """

    frames: Array
    crosstalk_db: float | None = None

    def applied(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """Sound at 16 kHz, float32 (n,) a block, with what is not left silent; edges fade for 10 ms."""
        if self.crosstalk_db is None:
            yield from blocks
            return
        centres = (np.arange(len(self.frames)) + 0.5) * FRAME
        done = 0
        for block in blocks:
            at = np.arange(done, done + len(block))
            first, last = max(0, done // FRAME - 1), (done + len(block)) // FRAME + 2
            factor = np.interp(at, centres[first:last], self.frames[first:last])
            yield (block * factor).astype(np.float32)
            done += len(block)


def levels_dbfs(blocks: Iterable[Array]) -> Array:
    """The level of each 10 ms of sound at 16 kHz, float32 (frames,); the last frame may be shorter."""
    found, rest = [], np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([rest, block])
        whole = len(held) // FRAME * FRAME
        found.append(np.square(held[:whole].reshape(-1, FRAME)).mean(axis=1))
        rest = held[whole:]
    if len(rest):
        found.append(np.square(rest).mean(keepdims=True))
    power = np.concatenate(found) if found else np.zeros(0, np.float32)
    levels: Array = 10.0 * np.log10(np.maximum(power, 10.0 ** (FAINTEST_DBFS / 10.0)))
    return levels.astype(np.float32)


def gates(levels: Sequence[Array]) -> list[Gate]:
    """What is to be left of each channel, by the levels of all of them.

    Args:
        levels: of each channel, as `levels_dbfs` finds them; all of the same length.
    """
    return [
        _gate(own, [level for number, level in enumerate(levels) if number != index])
        for index, own in enumerate(levels)
    ]


def _gate(own: Array, others: Sequence[Array]) -> Gate:
    sounds = _sounds(own)
    leaked = np.full(len(own), -np.inf, np.float32)  # how loud what leaks from the others can be
    strongest: float | None = None
    for other in others:
        leak_db = _leak_db(own, sounds, other)
        if leak_db is None:
            continue
        strongest = leak_db if strongest is None else max(strongest, leak_db)
        heard = np.where(_sounds(other), other, -np.inf)
        leaked = np.maximum(leaked, _held(heard) + leak_db)
    if strongest is None:
        return Gate(np.ones(len(own), np.float32))
    louder = sounds & (own > leaked + OWN_DB)
    core = louder & (np.convolve(louder, np.ones(CORE_FRAMES), "same") >= CORE_SHARE * CORE_FRAMES)
    near = np.convolve(core, np.ones(2 * AROUND_FRAMES + 1), "same") > 0.5
    return Gate((near | ~np.isfinite(leaked)).astype(np.float32), round(strongest, 1))


def _sounds(level: Array) -> Array:
    audible = level[level > FAINTEST_DBFS]
    noise = float(np.percentile(audible, NOISE_PERCENT)) if len(audible) else 0.0
    return level > noise + ABOVE_NOISE_DB


def _leak_db(own: Array, sounds: Array, other: Array) -> float | None:
    """How much fainter another channel's voice is heard in a channel, now or a little later; None: it is not."""
    late = _delay(own, other)
    own, sounds, other = own[late:], sounds[late:], other[: len(other) - late]
    alone = _sounds(other) & (own < other - SOFTER_DB)
    if alone.sum() < LEAST_FRAMES:
        return None
    loudest = alone & (other >= np.percentile(other[alone], LOUDEST_PERCENT))
    if sounds[loudest].mean() < LEAKS_SHARE:
        return None
    fainter_db = (own - other)[loudest & sounds]  # where the channel's own voice is heard too, by less
    low_db, leak_db = np.percentile(fainter_db, (25.0, 50.0))
    return float(leak_db) if leak_db - low_db <= STEADY_DB else None


def _delay(own: Array, other: Array) -> int:
    """By how many frames the levels of a channel follow those of another one, where it is softer."""
    softer = own < _held(other) - SOFTER_DB
    if not softer.any():
        return 0
    own, other = np.where(softer, own - own[softer].mean(), 0.0), other - other.mean()
    length = len(own)
    likeness = [float(own[late:] @ other[: length - late]) for late in range(min(BEFORE_FRAMES, length))]
    return int(np.argmax(likeness)) if likeness else 0


def _held(level: Array) -> Array:
    """The loudest from `BEFORE_FRAMES` before each frame to `AFTER_FRAMES` after it."""
    padded = np.concatenate([np.full(BEFORE_FRAMES, -np.inf), level, np.full(AFTER_FRAMES, -np.inf)])
    held = padded
    span = BEFORE_FRAMES + AFTER_FRAMES + 1
    width = 1
    while width < span:  # by doubling: the maximum of two windows is that of both together
        step = min(width, span - width)
        held = np.maximum(held[:-step], held[step:])
        width += step
    return held.astype(np.float32)
