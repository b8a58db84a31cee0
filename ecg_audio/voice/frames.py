"""The voice, measured every 10 ms in one pass over the samples.

Frame t is centred on t * 10 ms; before the first and after the last sample there is silence. Spectral figures come from
32 ms around the centre, pitch from three periods of its floor (50 ms).
"""

import math
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from ecg_audio.analysis import FRAME_COLUMNS
from ecg_audio.errors import MeasurementFailed
from ecg_audio.voice.compiled import LANES, kernel
from ecg_audio.voice.pitch import CANDIDATES, Lags, Path, PitchSettings, find_candidates, lags, silence_reference
from ecg_audio.voice.spectrum import (
    CEPSTRA,
    HOP,
    SILENT_RMS,
    WINDOW,
    Tables,
    measure_spectrum,
    measure_waveform,
    tables,
)
from ecg_audio.voice.spool import Spool

Array = Any

BATCH = 2048
"""Frames measured at a time, about 20 s. Batches begin at the same frames however the samples arrive, and each one is
measured by itself, so neither the sizes of the blocks nor the number of threads can change a result."""

WAVEFORM = ("rms", "peak", "zero_crossing_rate")
SHAPE = ("spectral_centroid_hz", "spectral_rolloff_hz", "spectral_flatness")
MFCC = tuple(f"mfcc_{index:02d}" for index in range(CEPSTRA))
MEASURED = (*WAVEFORM, *SHAPE, *MFCC)  # columns of a batch, before the path is known
WIDTH = len(MEASURED) + 1 + 2 * CANDIDATES  # and its peaks, and its candidates


@kernel
def _measure_batch(hops: Array, margin: int, spectral: Tables, pitch: Lags, costs: Array, rows: Array) -> None:
    """Measure all frames of a batch.

    Args:
        hops: float32, (HOP, frames + 2 * margin + 1): sample j of hop h.
        margin: hops before the first frame's centre.
        spectral: constants.
        pitch: constants.
        costs: octave cost, and the least autocorrelation of a candidate.
        rows: out, float32, (frames, WIDTH); frames is a multiple of LANES.
    """
    octave_cost, least = costs
    bins = max(WINDOW // 2 + 1, len(pitch.half_cos) + 1)
    work = np.empty((5, bins * LANES), np.float32)
    waveform = np.empty((3, LANES), np.float32)
    shape = np.empty((3, LANES), np.float32)
    cepstra = np.empty((CEPSTRA, LANES), np.float32)
    peak = np.empty(LANES, np.float32)
    f0_hz = np.empty((LANES, CANDIDATES), np.float32)
    strength = np.empty((LANES, CANDIDATES), np.float32)
    centre = margin * HOP
    for first in range(0, len(rows), LANES):
        measure_waveform(hops, first, centre - WINDOW // 2, waveform[0], waveform[1], waveform[2])
        measure_spectrum(hops, first, centre - WINDOW // 2, spectral, work, shape, cepstra)
        start = centre - len(pitch.window) // 2
        find_candidates(hops, first, start, pitch, octave_cost, least, work, peak, f0_hz, strength)
        for lane in range(LANES):
            row = rows[first + lane]
            row[0], row[1], row[2] = waveform[0, lane], waveform[1, lane], waveform[2, lane]
            row[3], row[4], row[5] = shape[0, lane], shape[1, lane], shape[2, lane]
            for c in range(CEPSTRA):
                row[6 + c] = cepstra[c, lane]
            if row[0] < np.float32(SILENT_RMS):
                row[2 : 6 + CEPSTRA] = np.float32(np.nan)
            row[6 + CEPSTRA] = peak[lane]
            row[7 + CEPSTRA : 7 + CEPSTRA + CANDIDATES] = f0_hz[lane]
            row[7 + CEPSTRA + CANDIDATES :] = strength[lane]


def _measure(samples: Array, margin: int, frames: int, settings: PitchSettings) -> Array:
    """The rows of one batch; `samples` begin `margin` hops before the first frame's centre."""
    rows = np.empty((math.ceil(frames / LANES) * LANES, WIDTH), np.float32)
    needed = (len(rows) + 2 * margin + 1) * HOP
    padded = np.zeros(needed, np.float32)
    padded[: min(len(samples), needed)] = samples[:needed]
    hops = np.ascontiguousarray(padded.reshape(-1, HOP).T)
    costs = (settings.octave_cost, 0.5 * settings.voicing_threshold)
    _measure_batch(hops, margin, tables(), lags(settings), costs, rows)
    return rows[:frames]


def _batches(blocks: Iterable[Array], margin: int) -> Iterator[tuple[Array, int]]:
    """Cut a stream of blocks into the samples of one batch each, with `margin` hops of context on either side."""
    stride, context = BATCH * HOP, margin * HOP
    needed = stride + 2 * context
    pending = [np.zeros(context, np.float32)]
    held, total, frames_done = context, 0, 0
    for block in blocks:
        if block.ndim != 1 or block.dtype != np.float32:
            raise MeasurementFailed(f"measuring takes float32 mono blocks, not {block.dtype} of shape {block.shape}")
        if not np.isfinite(block).all():
            raise MeasurementFailed("the recording holds samples that are not finite numbers")
        pending.append(block.copy())  # the decoder may use its buffer again
        held += len(block)
        total += len(block)
        if held < needed:
            continue
        samples = np.concatenate(pending)
        at = 0
        while held - at >= needed:
            yield samples[at : at + needed], BATCH
            at += stride
            frames_done += BATCH
        pending, held = [samples[at:].copy()], held - at
    frames = total // HOP + 1 - frames_done if total else 0
    samples = np.concatenate(pending)
    for at in range(0, frames, BATCH):
        yield samples[at * HOP :][:needed], min(BATCH, frames - at)


def measure(
    blocks: Iterable[Array], *, settings: PitchSettings | None = None, threads: int | None = None
) -> Iterator[dict[str, Array]]:
    """Measure a recording frame by frame.

    Which frames are voiced depends on how loud the recording gets and on the best path over its whole length. So while
    the samples come in, each batch is measured completely but for that choice and laid into a spool (in memory, beyond
    a bound in a temporary file); then the path is walked and the finished batches come out, in order.

    Args:
        blocks: float32 mono samples at 16 kHz, shape (any,), in order; sizes do not matter.
        settings: what counts as voice.
        threads: how many cores may work; None takes all that this process may use.

    Yields:
        Batches of frames: every column of `analysis.FRAME_COLUMNS`, float32, all of the same length, NaN where a figure
        cannot be measured (digital silence; F0, its strength and the harmonics-to-noise ratio where unvoiced).

    Raises:
        MeasurementFailed: a block is not float32 mono, or not finite.
        InsufficientResources: no space for the spool.
    """
    settings = settings or PitchSettings()
    margin = math.ceil(max(WINDOW, len(lags(settings).window)) / 2 / HOP)
    threads = threads or len(os.sched_getaffinity(0))
    peaks: list[Array] = []
    with Spool(WIDTH) as spool, ThreadPoolExecutor(threads, "measure") as pool:
        running: deque[Future[Array]] = deque()

        def collect() -> None:
            rows = running.popleft().result()
            peaks.append(rows[:, len(MEASURED)].copy())
            spool.append(rows)

        for samples, frames in _batches(blocks, margin):
            running.append(pool.submit(_measure, samples, margin, frames, settings))
            if len(running) > threads:  # the decoder waits rather than run ahead
                collect()
        while running:
            collect()
        yield from _finish(spool, np.concatenate(peaks) if peaks else np.empty(0, np.float32), settings)


def _finish(spool: Spool, peaks: Array, settings: PitchSettings) -> Iterator[dict[str, Array]]:
    """Walk the path over the spooled rows and yield frames as they become certain."""
    path = Path(settings, silence_reference(peaks))
    waiting = np.empty((0, len(MEASURED)), np.float32)
    done = 0
    for rows in spool:
        done += len(rows)
        candidates = np.ascontiguousarray(rows[:, len(MEASURED) + 1 :])
        f0_hz, strength = path.extend(
            np.ascontiguousarray(candidates[:, :CANDIDATES]),
            np.ascontiguousarray(candidates[:, CANDIDATES:]),
            np.ascontiguousarray(rows[:, len(MEASURED)]),
            end=done == len(peaks),
        )
        waiting = np.concatenate([waiting, rows[:, : len(MEASURED)]])
        if len(f0_hz):
            yield _columns(waiting[: len(f0_hz)], f0_hz, strength)
            waiting = waiting[len(f0_hz) :]


def _columns(rows: Array, f0_hz: Array, strength: Array) -> dict[str, Array]:
    columns = {name: np.ascontiguousarray(rows[:, index]) for index, name in enumerate(MEASURED)}
    rms = columns["rms"]
    columns["rms_dbfs"] = np.full_like(rms, np.nan)
    np.log10(rms, out=columns["rms_dbfs"], where=rms > 0.0)
    columns["rms_dbfs"] *= np.float32(20.0)
    # Boersma (1993), eq. 4: a share r of the power repeats with the period, the rest is noise
    inside = np.clip(strength, 1e-6, 1.0 - 1e-6)
    columns["hnr_db"] = (10.0 * np.log10(inside / (1.0 - inside))).astype(np.float32)
    columns["f0_hz"], columns["f0_strength"] = f0_hz, strength
    return {name: columns[name] for name in FRAME_COLUMNS}
