"""Sound at another rate, eight hops at once."""

from typing import Any

from ecg_audio.voice.kernels.compiled import kernel
from ecg_audio.voice.kernels.lanes import LANES, load, load_at, single, store

Array = Any


@kernel
def resample(hops: Array, places: Array, starts: Array, taps: Array, work: Array, out: Array) -> None:
    """Weighted sums of neighbouring samples: a polyphase filter, whose phases are the samples of a new hop.

    Args:
        hops: see `spectrum.measure_waveform`; a multiple of LANES.
        places: int64, (samples,): where in `hops` the samples lie that make hop 0, a little of its neighbours among
            them.
        starts: int64, (phases,): the first of these samples that each phase takes.
        taps: float32, flat, (phases * width,): the weights of each, a multiple of four.
        work: float32, ((samples + 1) * LANES,): room to work in.
        out: float32, (count * phases,): the new hops, one after the other; the first and the last are of no use, as
            their neighbours are missing.
    """
    phases, summed = len(starts), len(places)
    width, count = len(taps) // phases, len(out) // phases
    for group in range(count // LANES):
        first = group * LANES
        for i in range(len(places)):
            store(work, i, load_at(hops, places[i] + first))
        for phase in range(phases):
            # four sums, as each waits for its own last addition
            one, two, three, four = single(0.0), single(0.0), single(0.0), single(0.0)
            sample, tap = starts[phase], phase * width
            for i in range(0, width, 4):
                one += load(work, sample + i) * taps[tap + i]
                two += load(work, sample + i + 1) * taps[tap + i + 1]
                three += load(work, sample + i + 2) * taps[tap + i + 2]
                four += load(work, sample + i + 3) * taps[tap + i + 3]
            store(work, summed, (one + two) + (three + four))
            for lane in range(LANES):
                out[(first + lane) * phases + phase] = work[summed * LANES + lane]
