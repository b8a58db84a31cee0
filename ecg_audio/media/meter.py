"""How loud the channels of a source are, what offset they have, and where they are clipped."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from ecg_audio.analysis import Span

Array = Any

LOSSY_TOPS = (0.98, 1.5)
"""Between these lie the samples of clipped tops after a lossy codec, as far as it kept them: where it rounded them by
more, they are not counted, as a loud wave that was never clipped would be counted too."""
INTEGER_TOPS = (0.9915, 1.5)
"""Likewise of samples that were never more than integers: 127 of 128 is as far as 8 bits go."""
FLOAT_TOPS = (0.9999, 1.0001)
"""Likewise of float samples, which may go on above full scale: cut off by a converter, and by nothing else."""
LOSSLESS = ("pcm_", "flac", "alac", "wavpack", "tta", "ape", "tak", "shorten", "wmalossless")
FEWEST_IN_RUN = 3
"""So many samples in a row at full scale are a clipped top; a wave that only touches full scale has fewer."""
PIECE = 8000
"""Samples of a piece whose mean is looked at, at least: a sixth to half of a second."""
FEWEST_PIECES = 8
RARELY_PERCENT, STEADY = 10.0, 0.5
"""An offset stays if nine of ten pieces have half of it."""
MARK_S = 0.01
"""Clipped tops are marked on this grid ..."""
JOIN_S = 0.1
"""... and marks this near to each other are one span."""


class Meter:
    """Takes the channels block by block and keeps figures of each: all float64 (channels,).

    Channels that a source has for part of its time only are counted from 0 as well.

    Args:
        codec: FFmpeg's name of the source's codec: how exactly clipped tops are kept depends on it.
    """

    def __init__(self, codec: str = "pcm_s16le") -> None:
        exact = FLOAT_TOPS if codec.startswith("pcm_f") else INTEGER_TOPS
        self._tops = exact if codec.startswith(LOSSLESS) else LOSSY_TOPS
        self.samples = np.zeros(0)
        self._sums = np.zeros(0)
        self._piece_sums = np.zeros(0)
        self._piece_samples = np.zeros(0)
        self._means: list[list[float]] = []  # of each channel's pieces
        self._highest = np.zeros(0)  # -inf and inf before the first sample
        self._lowest = np.zeros(0)
        self._clipped = np.zeros(0)
        self._marks: list[Array] = []  # of each channel: whether a cell of the grid holds a clipped top

    def take(self, channels: Array, sums: Array, rate: int, begin_s: float) -> None:
        """Take a block.

        Args:
            channels: float32 (channels, n), full scale 1.0.
            sums: of each channel's samples.
            rate: their sample rate, Hz.
            begin_s: where the first sample lies in the recording; negative: before it begins.
        """
        if not channels.size:
            return
        self._widen(len(channels))
        here = slice(len(channels))
        highest, lowest = channels.max(axis=1), channels.min(axis=1)
        self.samples[here] += channels.shape[1]
        self._sums[here] += sums
        self._piece_sums[here] += sums
        self._piece_samples[here] += channels.shape[1]
        if self._piece_samples[0] >= PIECE:
            for number in range(len(channels)):
                self._means[number].append(self._piece_sums[number] / self._piece_samples[number])
            self._piece_sums[here] = self._piece_samples[here] = 0.0
        self._highest[here] = np.maximum(self._highest[here], highest)
        self._lowest[here] = np.minimum(self._lowest[here], lowest)
        for index in np.flatnonzero(np.maximum(highest, -lowest) >= self._tops[0]):
            self._mark(int(index), channels[index], rate, begin_s)

    def offsets(self) -> Array:
        """The mean of each channel's samples: what a direct current on its line has added; 0.0 where it comes and goes.

        What is there for a part of the time only (a clip with an offset, between silences) is nothing that can be taken
        off the whole.
        """
        means = self._sums / np.maximum(1.0, self.samples)
        return np.array(
            [mean if self._stays(mean, pieces) else 0.0 for mean, pieces in zip(means, self._means, strict=True)]
        )

    @staticmethod
    def _stays(mean: float, pieces: list[float]) -> bool:
        if len(pieces) < FEWEST_PIECES or not mean:
            return True
        return bool(np.percentile(np.array(pieces) / mean, RARELY_PERCENT) >= STEADY)

    def peaks(self) -> Array:
        """The largest absolute sample of each channel, about its offset."""
        offsets = self.offsets()
        return np.maximum(0.0, np.maximum(self._highest - offsets, offsets - self._lowest))

    def clipped_share(self, channels: Collection[int]) -> float:
        """Share of the samples of these channels that lie in clipped tops."""
        chosen = list(channels)
        return float(self._clipped[chosen].sum() / max(1.0, self.samples[chosen].sum()))

    def clipped(self, channels: Iterable[int], end_s: float) -> tuple[Span, ...]:
        """Where these channels hold clipped tops, joined where they are near to each other."""
        marks = np.zeros(max((len(self._marks[channel]) for channel in channels), default=0), np.bool_)
        for channel in channels:
            marks[: len(self._marks[channel])] |= self._marks[channel]
        cells = np.flatnonzero(marks)
        if not len(cells):
            return ()
        starts = np.flatnonzero(np.diff(cells, prepend=-np.inf) * MARK_S > JOIN_S)
        ends = np.append(starts[1:], len(cells)) - 1
        return tuple(
            Span(start_s=round(cells[first] * MARK_S, 2), end_s=min(round((cells[last] + 1) * MARK_S, 2), end_s))
            for first, last in zip(starts, ends, strict=True)
            if cells[first] * MARK_S < end_s
        )

    def _widen(self, channels: int) -> None:
        more = channels - len(self.samples)
        if more > 0:
            for name in ("samples", "_sums", "_piece_sums", "_piece_samples", "_clipped"):
                setattr(self, name, np.append(getattr(self, name), np.zeros(more)))
            self._highest = np.append(self._highest, np.full(more, -np.inf))
            self._lowest = np.append(self._lowest, np.full(more, np.inf))
            self._means += [[] for _ in range(more)]
            self._marks += [np.zeros(0, np.bool_) for _ in range(more)]

    def _mark(self, channel: int, samples: Array, rate: int, begin_s: float) -> None:
        level = np.abs(samples)
        full = np.flatnonzero((level >= self._tops[0]) & (level <= self._tops[1]))
        # the first sample of each run of neighbours on the same side
        breaks = np.flatnonzero((np.diff(full) > 1) | (np.diff(np.signbit(samples[full]).astype(np.int8)) != 0)) + 1
        first = np.concatenate([[0], breaks]) if len(full) else np.zeros(0, np.int64)
        lengths = np.diff(np.append(first, len(full)))
        long = lengths >= FEWEST_IN_RUN
        self._clipped[channel] += lengths[long].sum()
        cells = ((begin_s + full[first[long]] / rate) / MARK_S).astype(np.int64)
        cells = cells[cells >= 0]
        if len(cells):
            marks = self._marks[channel]
            if cells[-1] >= len(marks):
                marks = np.append(marks, np.zeros(cells[-1] + 1 - len(marks), np.bool_))
            marks[cells] = True
            self._marks[channel] = marks
