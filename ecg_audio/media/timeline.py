"""Decoded blocks laid on the recording's time line, at 16 kHz.

A block goes where its time stamp says: what is missing before it becomes silence, what overlaps is dropped, so that
every later word stays in time. Resampling is soxr's HQ, streamed; the length is exact to the sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecg_audio.sampling import RATE_HZ

if TYPE_CHECKING:
    import soxr

Samples = NDArray[np.float32]

TOLERANCE_S = 0.03
"""Time stamps are rounded (1 ms in Matroska) and clocks jitter: a block this near its place simply follows on."""
OVERLAP_S = 1.0
"""A step back by more than this is a restarted clock, not an overlap."""
RESTART_S = 10.0
"""A step ahead by more than this is a restarted clock, in containers whose clock may restart, unless other streams
prove that the time has passed."""
BATCH = 1 << 15
"""Source samples that are resampled at a time: frames are small, and a call has its price."""


class Timeline:
    """Turns blocks with time stamps into one unbroken row of samples.

    Args:
        may_restart: the container's clock may jump in the middle (transport streams).
        ends_s: where the container says that it ends: time stamps far beyond that are damage, and not believed.
    """

    def __init__(self, *, may_restart: bool = False, ends_s: float | None = None) -> None:
        self._may_restart = may_restart
        self._ends_s = ends_s
        self._rate = 0
        self._resampler: soxr.ResampleStream | None = None
        self._held: list[Samples] = []  # source samples waiting for a full batch
        self._holds = 0
        self._fed = 0  # source samples at this rate, held ones included
        self._given = 0  # samples at 16 kHz, of those
        self._begin_s = 0.0  # where this rate began
        self._clock_s = 0.0  # what restarts of the clock add up to
        self.start_offset_s: float | None = None  # silence in front; None until the first block
        self.filled_s = 0.0  # silence in gaps
        self.restarts_s: list[float] = []  # where the clock began anew
        self.laid_s = 0.0  # where the first sample of the last block lies, even if it was dropped

    @property
    def end_s(self) -> float:
        """Where the next block follows on."""
        return self._begin_s + (self._fed / self._rate if self._rate else 0.0)

    def place(self, start_s: float | None, block: Samples, rate: int, *, proven: bool = False) -> Iterator[Samples]:
        """Lay a block down.

        Args:
            start_s: its time on the recording's time line; None: right after the last one.
            block: mono samples, shape (n,).
            rate: their sample rate, Hz. It may change from block to block.
            proven: other streams of the container show that the time since the last block has really passed: a step
                ahead is a gap, however long, and no new clock.

        Yields:
            Samples at 16 kHz, as they become ready.
        """
        if rate != self._rate:
            yield from self.finish()
            self._begin_s, self._fed, self._given, self._rate = self.end_s, 0, 0, rate
            self._resampler = _resampler(rate)
        if start_s is not None and self._ends_s is not None and start_s > self._ends_s + OVERLAP_S:
            start_s = None
        lag = 0 if start_s is None else round((start_s + self._clock_s - self.end_s) * rate)
        if self.start_offset_s is None:
            if not len(block[max(0, -lag) :]):
                self.laid_s = lag / rate
                return  # all of it lies before the recording begins
            self.start_offset_s = max(0, lag) / rate
        elif lag < -OVERLAP_S * rate or (self._may_restart and not proven and lag > RESTART_S * rate):
            self._clock_s -= lag / rate
            self.restarts_s.append(self.end_s)
            lag = 0
        elif abs(lag) <= TOLERANCE_S * rate:
            lag = 0
        else:
            self.filled_s += max(0, lag) / rate
        self.laid_s = self.end_s + lag / rate
        for begin in range(0, lag, BATCH):
            yield from self._feed(np.zeros(min(BATCH, lag - begin), np.float32))
        yield from self._feed(block[max(0, -lag) :])

    def finish(self) -> Iterator[Samples]:
        """Give what is still held: the whole is then round(n * 16000 / rate) samples long."""
        if not self._rate:
            return
        yield from self._release(last=True)
        missing = round(self._fed * RATE_HZ / self._rate) - self._given
        if missing > 0:
            yield np.zeros(missing, np.float32)
            self._given += missing

    def _feed(self, block: Samples) -> Iterator[Samples]:
        self._held.append(block)
        self._holds += len(block)
        self._fed += len(block)
        if self._holds >= BATCH:
            yield from self._release()

    def _release(self, *, last: bool = False) -> Iterator[Samples]:
        batch = np.concatenate(self._held) if self._held else np.zeros(0, np.float32)
        self._held, self._holds = [], 0
        ready = batch if self._resampler is None else self._resampler.resample_chunk(batch, last=last)
        if last:
            ready = ready[: max(0, round(self._fed * RATE_HZ / self._rate) - self._given)]
        self._given += len(ready)
        yield ready


def _resampler(rate: int) -> soxr.ResampleStream | None:
    if rate == RATE_HZ:
        return None
    import soxr

    return soxr.ResampleStream(rate, RATE_HZ, 1, "float32", quality="HQ")
