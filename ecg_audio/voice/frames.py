"""The voice, measured every 10 ms in one pass over the samples.

Frame t is centred on t * 10 ms; before the first and after the last sample there is silence. Spectral figures come from
32 ms around the centre, pitch, formants and cepstral peak from 50 ms. All are of the sound about its mean: see
`highpass`. Periods are marked batch by batch, along the batch's own path through the candidates; where the whole
recording's path differs, they count for nothing.
"""

import math
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from ecg_audio.analysis import FRAME_COLUMNS, FRAME_HOP_S, Span
from ecg_audio.errors import MeasurementFailed
from ecg_audio.voice import periods
from ecg_audio.voice.batch import MEASURED, ROWS, VOICED, measure_batch
from ecg_audio.voice.cold import compile_once
from ecg_audio.voice.highpass import about_mean
from ecg_audio.voice.kernels.candidates import CANDIDATES
from ecg_audio.voice.kernels.marks import HOP
from ecg_audio.voice.kernels.spectrum import WINDOW
from ecg_audio.voice.pitch import PitchSettings, lags
from ecg_audio.voice.pitch_path import PitchPath, silence_reference
from ecg_audio.voice.spool import Spool

Array = Any

BATCH = 2048
"""Frames measured at a time, about 20 s. Batches begin at the same frames however the samples arrive, and each one is
measured by itself, so neither the sizes of the blocks nor the number of threads can change a result."""

STANDARD = PitchSettings()
SAME_PITCH = 0.1
"""F0 along a batch's own path and along the whole recording's differ by no more than this share."""


def _batches(blocks: Iterable[Array], margin: int) -> Iterator[tuple[Array, int]]:
    """Cut a stream of blocks into the samples of one batch each, with `margin` hops of context on either side."""
    stride, context = BATCH * HOP, margin * HOP
    needed = stride + 2 * context
    pending = [np.zeros(context, np.float32)]
    held, total, frames_done = context, 0, 0
    for block in about_mean(_checked(blocks)):
        pending.append(block)
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


def _checked(blocks: Iterable[Array]) -> Iterator[Array]:
    for block in blocks:
        if block.ndim != 1 or block.dtype != np.float32:
            raise MeasurementFailed(f"measuring takes float32 mono blocks, not {block.dtype} of shape {block.shape}")
        with np.errstate(over="ignore", invalid="ignore"):
            total = block @ block  # never finite where a sample is not, and quicker to look at
        if not np.isfinite(total) and not np.isfinite(block).all():
            raise MeasurementFailed("the recording holds samples that are not finite numbers")
        yield block


def measure(
    blocks: Iterable[Array],
    *,
    settings: PitchSettings | None = STANDARD,
    threads: int | None = None,
    clipped: Sequence[Span] | None = None,
) -> Iterator[dict[str, Array]]:
    """Measure a recording frame by frame.

    Which frames are voiced depends on how loud the recording gets and on the best path over its whole length. So while
    the samples come in, each batch is measured completely but for that choice and laid into a spool (in memory, beyond
    a bound in a temporary file); then the path is walked and the finished batches come out, in order.

    Args:
        blocks: float32 mono samples at 16 kHz, shape (any,), in order; sizes do not matter.
        settings: what counts as voice; None leaves pitch alone, and its columns NaN.
        threads: how many cores may work; None takes all that this process may use.
        clipped: where the source is clipped, in order of time, as its extraction found; None: nobody looked, and the
            column is NaN.

    Yields:
        Batches of frames: every column of `analysis.FRAME_COLUMNS`, float32, all of the same length, NaN where a figure
        cannot be measured (digital silence; F0, its strength and the harmonics-to-noise ratio where unvoiced).

    Raises:
        MeasurementFailed: a block is not float32 mono, or not finite.
        InsufficientResources: no space for the spool.

    >>> seconds = np.arange(16000) / 16000
    >>> tone = sum(0.1 / k * np.sin(2 * np.pi * 110 * k * seconds) for k in range(1, 10))
    >>> [frames] = measure([tone.astype(np.float32)])
    >>> round(float(np.nanmedian(frames["f0_hz"])), 1)
    110.0
    """
    compile_once()
    longest = len(lags(settings).window) if settings else WINDOW
    margin = math.ceil(max(WINDOW, longest) / 2 / HOP) + 1  # and a hop for the frame before, the resampling's edge
    threads = threads or len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(threads, "measure") as pool:
        batches = _measured(_batches(blocks, margin), margin, settings, pool, threads)
        if settings is None:
            yield from _without_pitch(batches, clipped)
            return
        with Spool(ROWS) as spool:
            peaks = [np.empty(0, np.float32)]
            for batch in batches:
                peaks.append(batch[len(MEASURED) + 1].copy())
                spool.append(batch)
            yield from _finish(spool, np.concatenate(peaks), settings, clipped)


def _measured(
    batches: Iterable[tuple[Array, int]],
    margin: int,
    settings: PitchSettings | None,
    pool: ThreadPoolExecutor,
    threads: int,
) -> Iterator[Array]:
    """Batches as `measure_batch` makes them, in order, some at a time."""
    running: deque[Future[Array]] = deque()
    for samples, frames in batches:
        running.append(pool.submit(measure_batch, samples, margin, frames, settings))
        if len(running) > threads:  # the decoder waits rather than run ahead
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


def _in_spans(spans: Sequence[Span] | None, first: int, frames: int) -> Array:
    """1.0 for frames, from the first on, whose centre lies in one of the spans, else 0.0; NaN where nobody looked."""
    inside = np.full(frames, np.nan if spans is None else 0.0, np.float32)
    for span in spans or ():
        # a hair of slack, so that 0.29 / 0.01 is frame 29
        start, end = (math.ceil(edge / FRAME_HOP_S - 1e-6) - first for edge in (span.start_s, span.end_s))
        inside[max(0, start) : max(0, end)] = 1.0
    return inside


def _without_pitch(batches: Iterable[Array], clipped: Sequence[Span] | None) -> Iterator[dict[str, Array]]:
    """Frames as they come: nothing waits for the recording's end."""
    given = 0
    for batch in batches:
        rows = np.full((len(MEASURED) + 1, batch.shape[1]), np.nan, np.float32)
        rows[: len(batch)] = batch
        if given == 0:
            rows[MEASURED.index("spectral_flux"), 0] = np.nan  # nothing was before the first
        nothing = rows[-1]
        yield _columns(rows, nothing.copy(), nothing.copy(), _in_spans(clipped, given, len(nothing)))
        given += len(nothing)


def _finish(
    spool: Spool, peaks: Array, settings: PitchSettings, clipped: Sequence[Span] | None
) -> Iterator[dict[str, Array]]:
    """Walk the path over the spooled batches and yield frames as they become certain."""
    path = PitchPath(settings, silence_reference(peaks))
    waiting = np.empty((len(MEASURED) + 1, 0), np.float32)
    done, given = 0, 0
    for batch in spool:
        done += batch.shape[1]
        f0_hz, strength = path.extend(
            batch[len(MEASURED) + 2 : -CANDIDATES],
            batch[-CANDIDATES:],
            batch[len(MEASURED) + 1],
            end=done == len(peaks),
        )
        waiting = np.concatenate([waiting, batch[: len(MEASURED) + 1]], axis=1)
        if len(f0_hz):
            if given == 0:
                waiting[MEASURED.index("spectral_flux"), 0] = np.nan  # nothing was before the first
            yield _columns(waiting[:, : len(f0_hz)], f0_hz, strength, _in_spans(clipped, given, len(f0_hz)))
            waiting = waiting[:, len(f0_hz) :]
            given += len(f0_hz)


def _columns(rows: Array, f0_hz: Array, strength: Array, clipped: Array) -> dict[str, Array]:
    columns = {name: row.copy() for name, row in zip(MEASURED, rows[:-1], strict=True)}
    unvoiced, elsewhere = np.isnan(f0_hz), ~(np.abs(rows[-1] / f0_hz - 1.0) <= SAME_PITCH)
    for name in VOICED:
        columns[name][elsewhere if name in periods.COLUMNS else unvoiced] = np.nan
    rms = columns["rms"]
    columns["rms_dbfs"] = np.full_like(rms, np.nan)
    np.log10(rms, out=columns["rms_dbfs"], where=rms > 0.0)
    columns["rms_dbfs"] *= np.float32(20.0)
    # Boersma (1993), eq. 4: a share r of the power repeats with the period, the rest is noise; float32 can
    # tell no more than 60 dB apart
    inside = np.clip(strength, np.float32(1e-6), np.float32(1.0 - 1e-6))
    columns["hnr_db"] = np.float32(10.0) * np.log10(inside / (np.float32(1.0) - inside))
    columns["f0_hz"], columns["f0_strength"] = f0_hz, strength
    columns["clipped_ratio"] = clipped
    return {name: columns[name] for name in FRAME_COLUMNS}
