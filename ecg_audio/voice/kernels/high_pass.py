"""A first-order high-pass that ends its own tail."""

from typing import Any

import numpy as np

from ecg_audio.voice.kernels.compiled import kernel

Array = Any

DECAYED = 1e-7
"""What is left of the filter's tail below this, the last bit of 24, is nothing."""
ZEROS = 16
"""So many zeros in a row are digital silence, in which nothing rings on."""


@kernel
def high_pass(samples: Array, coefficient: float, state: Array, out: Array) -> None:
    """Filter a block: y[n] = x[n] - x[n - 1] + coefficient y[n - 1].

    Args:
        samples: float32, (any,).
        coefficient: the pole, between 0 and 1.
        state: float64, (3,): the sample before, the value before, the zeros before; goes on to the next block.
        out: float32, as long as `samples`.
    """
    before, value, zeros = state[0], state[1], state[2]
    for n in range(len(samples)):
        now = np.float64(samples[n])
        value = now - before + coefficient * value
        if now == 0.0 or abs(value) < DECAYED:  # seldom, so that it costs nothing to ask
            zeros = zeros + 1.0 if now == 0.0 and before == 0.0 else 0.0
            if now == before and (zeros >= ZEROS or abs(value) < DECAYED):
                value = 0.0
        else:
            zeros = 0.0
        before = now
        out[n] = value
    state[0], state[1], state[2] = before, value, zeros
