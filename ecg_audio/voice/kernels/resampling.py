"""Sound at another rate, eight hops at once."""

from typing import Any

from ecg_audio.voice.kernels.compiled import kernel
from ecg_audio.voice.kernels.lanes import LANES, load_at, single, store_at

Array = Any


@kernel
def resample(hops: Array, places: Array, taps: Array, count: int, out: Array) -> None:
    """Weighted sums of neighbouring samples: a polyphase filter, whose phases are the samples of a hop.

    Args:
        hops: see `spectrum.measure_waveform`; `count` hops.
        places: int64, flat, (samples of a new hop * taps of each,): where in `hops` its samples lie for hop 0.
        taps: float32, likewise: their weights.
        count: of hops, a multiple of LANES.
        out: float32, flat: the new hops, laid as the old; the first and the last are of no use, as their neighbours are
            missing.
    """
    phases = len(out) // count
    width = len(taps) // phases
    for group in range(count // LANES):
        first = group * LANES
        for phase in range(phases):
            summed = single(0.0)
            for i in range(phase * width, (phase + 1) * width):
                summed += load_at(hops, places[i] + first) * taps[i]
            store_at(out, phase * count + first, summed)
