"""Linear prediction: the resonances of a frame, eight frames at once.

Burg's recursion is done on sums of products of the samples (Vos, "A fast implementation of Burg's method", 2013), which
are made once, and not on the errors of every order: the coefficients are the same.
"""

import math
from typing import Any, NamedTuple

from ecg_audio.voice.kernels.compiled import kernel, part
from ecg_audio.voice.kernels.lanes import (
    LANES,
    absolute,
    any_lane,
    below,
    double,
    larger,
    load,
    room,
    smaller,
    store,
)

Array = Any

ORDER = 10
ROUNDS = 60
CONVERGED = 1e-9


class Scratch(NamedTuple):
    """What `find_roots` works in: float64."""

    x: Array  # ((length + ORDER + 2) * LANES,): the windowed samples, and zeros
    a: Array  # ((ORDER + 2) * LANES,): coefficients, as the next three
    mirrored: Array
    g: Array
    lags: Array
    re: Array  # (ORDER * LANES,): roots
    im: Array


def scratch(length: int) -> Scratch:
    """Room for one thread and windows of `length`."""
    a, mirrored, g, lags = (room(ORDER + 2) for _ in range(4))
    x, re, im = (room(numbers) for numbers in (length + ORDER + 2, ORDER, ORDER))
    return Scratch(x, a, mirrored, g, lags, re, im)


@kernel
def find_roots(samples: Array, starts: Array, window: Array, work: Scratch, re: Array, im: Array) -> None:
    """Roots of the prediction polynomial of each frame.

    Args:
        samples: float32, (any,).
        starts: int64, (frames,), a multiple of LANES: where each frame's window begins.
        window: float64.
        work: from `scratch`.
        re: out, float64, flat, (ORDER * frames,): real parts, NaN where the roots were not found.
        im: out, likewise: imaginary parts.
    """
    groups = len(starts) // LANES
    for group in range(groups):
        for lane in range(LANES):
            first = starts[group * LANES + lane]
            for i in range(len(window)):
                work.x[i * LANES + lane] = samples[first + i] * window[i]
        _predict(work, len(window))
        found = 1.0 - _solve(work)
        for i in range(ORDER):  # 0 / 0 where not found
            store(re, i * groups + group, load(work.re, i) * found / found)
            store(im, i * groups + group, load(work.im, i) * found / found)


@part
def _predict(work: Scratch, length: int) -> None:
    """The coefficients 1, a1, ... of eight windowed frames, by Burg's method."""
    x, a, mirrored, g, lags = work.x, work.a, work.mirrored, work.g, work.lags
    for n in range(length, length + ORDER + 2):
        store(x, n, double(0.0))
    for lag in range(0, ORDER + 2, 4):  # four sums, as each waits for its own last addition
        one, two, three, four = double(0.0), double(0.0), double(0.0), double(0.0)
        for n in range(length):
            now = load(x, n)
            one += now * load(x, n + lag)
            two += now * load(x, n + lag + 1)
            three += now * load(x, n + lag + 2)
            four += now * load(x, n + lag + 3)
        store(lags, lag, one * 2.0)
        store(lags, lag + 1, two * 2.0)
        store(lags, lag + 2, three * 2.0)
        store(lags, lag + 3, four * 2.0)
    for k in range(ORDER + 2):
        store(a, k, double(0.0))
    store(a, 0, double(1.0))
    head, tail = load(x, 0), load(x, length - 1)
    store(g, 0, load(lags, 0) - head * head - tail * tail)
    store(g, 1, load(lags, 1))
    # g is the matrix of sums of products, of errors forward and backward, times a: of order + 1 rows
    for order in range(1, ORDER + 1):
        both, power = double(0.0), double(1e-30)
        for j in range(order):
            both += load(a, j) * load(g, order - j)
            power += load(a, j) * load(g, j)
        reflection = smaller(larger(both * -1.0 / power, double(-1.0)), double(1.0))
        for j in range(order + 1):
            store(mirrored, j, load(a, j) + reflection * load(a, order - j))
        for j in range(order + 1):
            store(a, j, load(mirrored, j))
        if order == ORDER:
            break
        for j in range(order + 1):
            store(mirrored, j, load(g, j) + reflection * load(g, order - j))
        # the next order begins a sample later and ends one earlier: what these two gave is taken out
        first, last, newest = double(0.0), double(0.0), double(0.0)
        for j in range(order + 1):
            first += load(a, j) * load(x, order - j)
            last += load(a, j) * load(x, length - 1 - order + j)
        for lag in range(1, order + 1):
            gone = load(x, order) * load(x, order - lag) + load(x, length - 1 - order) * load(
                x, length - 1 - order + lag
            )
            store(lags, lag, load(lags, lag) - gone)
        for j in range(order + 1):
            store(g, j, load(mirrored, j) - load(x, order - j) * first - load(x, length - 1 - order + j) * last)
            newest += load(a, j) * load(lags, order + 1 - j)
        store(g, order + 1, newest)


@part
def _solve(work: Scratch) -> Any:
    """All roots of eight polynomials at once, by Aberth's iteration; 1.0 for each whose were not found.

    A lane whose roots stand still is not moved any more, so that none depends on its neighbours.
    """
    a, re, im = work.a, work.re, work.im
    for i in range(ORDER):
        angle = 2.0 * math.pi * (i + 0.35) / ORDER
        store(re, i, double(0.9 * math.cos(angle)))
        store(im, i, double(0.9 * math.sin(angle)))
    moving = double(1.0)
    for _round in range(ROUNDS):
        furthest = double(0.0)
        for i in range(ORDER):
            zr, zi = load(re, i), load(im, i)
            pr, pi, dr, di = load(a, 0), double(0.0), double(0.0), double(0.0)
            for k in range(1, ORDER + 1):  # Horner's scheme for the value p and its slope d
                dr, di = dr * zr - di * zi + pr, dr * zi + di * zr + pi
                pr, pi = pr * zr - pi * zi + load(a, k), pr * zi + pi * zr
            sr, si = double(0.0), double(0.0)
            for j in range(ORDER):
                gr, gi = zr - load(re, j), zi - load(im, j)
                scale = 1.0 / (gr * gr + gi * gi + 1e-300)
                sr += gr * scale
                si -= gi * scale
            nr, ni = dr - (pr * sr - pi * si), di - (pr * si + pi * sr)
            scale = moving / (nr * nr + ni * ni + 1e-300)
            stepr, stepi = (pr * nr + pi * ni) * scale, (pi * nr - pr * ni) * scale
            store(re, i, zr - stepr)
            store(im, i, zi - stepi)
            furthest = larger(furthest, absolute(stepr) + absolute(stepi))
        moving = below(double(CONVERGED), furthest)
        if not any_lane(moving):
            break
    return moving
