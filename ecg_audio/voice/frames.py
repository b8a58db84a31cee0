"""The voice, measured every 10 ms in one pass over the samples.

Frame t is centred on t * 10 ms; before the first and after the last sample there is silence. Spectral figures come from
32 ms around the centre, pitch, formants and cepstral peak from 50 ms. All are of the sound about its mean: see
`highpass`. Periods are marked batch by batch, along the batch's own path through the candidates; where the whole
recording's path differs, they count for nothing.
"""

import logging
import math
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from ecg_audio.analysis import FRAME_COLUMNS, FRAME_HOP_S, Span
from ecg_audio.errors import MeasurementFailed
from ecg_audio.voice import cepstrum, formants, periods
from ecg_audio.voice.highpass import about_mean
from ecg_audio.voice.kernels import candidates as peak_kernel
from ecg_audio.voice.kernels import cepstrum as cepstrum_kernel
from ecg_audio.voice.kernels import prediction
from ecg_audio.voice.kernels import spectrum as spectrum_kernel
from ecg_audio.voice.kernels.candidates import CANDIDATES
from ecg_audio.voice.kernels.compiled import is_cold
from ecg_audio.voice.kernels.lanes import LANES
from ecg_audio.voice.kernels.resampling import resample
from ecg_audio.voice.kernels.spectrum import CEPSTRA, MELS, WINDOW
from ecg_audio.voice.path import PitchPath, silence_reference
from ecg_audio.voice.pitch import PitchSettings, lags
from ecg_audio.voice.spectrum import BALANCE, HOP, SILENT_RMS, sones, tables
from ecg_audio.voice.spool import Spool

Array = Any
logger = logging.getLogger(__name__)

BATCH = 2048
"""Frames measured at a time, about 20 s. Batches begin at the same frames however the samples arrive, and each one is
measured by itself, so neither the sizes of the blocks nor the number of threads can change a result."""

WAVEFORM = ("rms", "peak", "zero_crossing_rate")
SHAPE = ("spectral_centroid_hz", "spectral_rolloff_hz", "spectral_flatness")
MFCC = tuple(f"mfcc_{index:02d}" for index in range(CEPSTRA))
STANDARD = PitchSettings()
VOICED = ("cpp_db", *periods.COLUMNS, *formants.COLUMNS)  # of voiced frames alone
MEASURED = (*WAVEFORM, *SHAPE, *MFCC, *BALANCE, *VOICED)  # columns of a batch, before the path is known
SPECTRAL = len(MEASURED) - len(VOICED)
PERTURBATION = slice(1, 1 + len(periods.COLUMNS))  # of the rows of `VOICED`
FIRST_FORMANT = PERTURBATION.stop
ROWS = len(MEASURED) + 2 + 2 * CANDIDATES  # and its own path's F0, its peaks, and its candidates
AROUND = 2
"""Frames beside those that may be voiced, which are measured as if they were."""
EVERYTHING = 1e-9
"""A silence reference beside which every sound is loud."""
SAME_PITCH = 0.1
"""F0 along a batch's own path and along the whole recording's differ by no more than this share."""


class Hops(NamedTuple):
    """Samples laid so that one sample of neighbouring frames is one contiguous stretch of memory.

    Attributes:
        samples: float32, flat: sample j of all hops, then sample j + 1 of all hops, and so on.
        length: samples of a hop.
        count: hops, a multiple of LANES.
        margin: hops before the first frame's centre.
    """

    samples: Array
    length: int
    count: int
    margin: int

    def places(self, window: int) -> Array:
        """Where the samples of the first frame's window lie."""
        return self.at(np.arange(window) + self.margin * self.length - window // 2)

    def at(self, samples: Array) -> Array:
        """Where samples lie, counted from the first; of hop -1, only the last can be told."""
        return samples % self.length * self.count + samples // self.length


def _measure(samples: Array, margin: int, frames: int, settings: PitchSettings | None) -> Array:
    """One batch, (ROWS, frames); `samples` begin `margin` hops before the first frame's centre."""
    padded_frames = math.ceil(frames / LANES) * LANES
    out = np.empty((ROWS, padded_frames), np.float32)
    count = math.ceil((padded_frames + 2 * margin + 1) / LANES) * LANES
    padded = np.zeros(count * HOP, np.float32)
    padded[: min(len(samples), len(padded))] = samples[: len(padded)]
    hops = Hops(np.ascontiguousarray(padded.reshape(count, HOP).T).reshape(-1), HOP, count, margin)

    rms, spectral = out[0], out[len(WAVEFORM) : SPECTRAL]
    decibels = np.empty((MELS, padded_frames), np.float32)
    places, room = hops.places(WINDOW), spectrum_kernel.rooms()
    spectrum_kernel.measure_waveform(hops.samples, places, padded_frames, out[: len(WAVEFORM)].reshape(-1))
    spectrum_kernel.measure_spectrum(
        hops.samples, places, tables(), room, padded_frames, spectral[:-1].reshape(-1), decibels.reshape(-1)
    )
    np.exp2(spectral[2], out=spectral[2])
    spectral[-1] = sones(decibels)

    voiced, found = out[SPECTRAL : len(MEASURED)], out[len(MEASURED) + 1 :]
    voiced[:] = np.nan
    out[len(MEASURED)] = np.nan
    found[:] = 0.0
    if settings is not None:
        constants = lags(settings)
        places, search_room = hops.places(len(constants.window)), peak_kernel.rooms(len(constants.cos))
        peak_kernel.find_candidates(hops.samples, places, constants, search_room, padded_frames, found.reshape(-1))
        own, possible = _own_path(found[:, :frames], settings), np.zeros(padded_frames, np.bool_)
        out[len(MEASURED), :frames] = own
        voiced[PERTURBATION, :frames] = periods.find_perturbation(padded, margin * HOP, own)
        possible[:frames] = _may_be_voiced(found[:, :frames], settings)
        _measure_voice(hops, possible.reshape(-1, LANES).any(axis=1), voiced)
    out[2 : len(MEASURED), rms < SILENT_RMS] = np.nan
    return np.ascontiguousarray(out[:, :frames])


def _own_path(found: Array, settings: PitchSettings) -> Array:
    """F0 of a batch by itself, as good as it can be known before the others."""
    return _walk(found, settings, silence_reference(found[0]))


def _may_be_voiced(found: Array, settings: PitchSettings) -> Array:
    """Frames that are voiced if the rest of the recording is faint enough, and those beside them.

    A voice may come from the batch before, or go on in the next, with less than it takes to begin or end.
    """
    loose = np.pad(np.isfinite(_walk(found, settings, EVERYTHING)), AROUND)
    loose[: AROUND + LANES] = loose[-AROUND - LANES :] = True
    return np.lib.stride_tricks.sliding_window_view(loose, 2 * AROUND + 1).any(axis=1)


def _walk(found: Array, settings: PitchSettings, reference: float) -> Array:
    path = PitchPath(settings, reference)
    return path.extend(found[1 : 1 + CANDIDATES], found[1 + CANDIDATES :], found[0], end=True)[0]


def _measure_voice(hops: Hops, wanted: Array, out: Array) -> None:
    """Cepstral peak and formants of the frames of `wanted` groups, by the rows of `VOICED`."""
    row = FIRST_FORMANT
    for ceiling_hz in formants.CEILINGS_HZ:
        rate_hz = 2 * ceiling_hz
        taken, taps = formants.resampling(ceiling_hz)
        length = len(taps)
        slow = Hops(np.empty(length * hops.count, np.float32), length, hops.count, hops.margin)
        resample(hops.samples, hops.at(taken).reshape(-1), taps.reshape(-1), hops.count, slow.samples)

        window = formants.gaussian(int(formants.WINDOW_S * rate_hz))
        re, im = np.full((2, prediction.ORDER, len(wanted) * LANES), np.nan)
        room = prediction.rooms(len(window))
        places = slow.places(len(window))
        prediction.find_roots(slow.samples, places, window, wanted, room, re.reshape(-1), im.reshape(-1))
        out[row : row + 2 * formants.FORMANTS] = formants.choose(re, im, rate_hz)
        row += 2 * formants.FORMANTS

        if rate_hz == cepstrum.RATE_HZ:
            places, cepstral_room = slow.places(cepstrum.WINDOW), cepstrum_kernel.rooms(cepstrum.SIZE)
            cepstrum_kernel.find_prominence(slow.samples, places, cepstrum.constants(), wanted, cepstral_room, out[0])


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
        if not np.isfinite(block).all():
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
    """
    cold = is_cold()
    if cold:
        logger.info("compiling the voice measurement for this machine: half a minute, once")
    longest = len(lags(settings).window) if settings else WINDOW
    margin = math.ceil(max(WINDOW, longest) / 2 / HOP) + 1  # and a hop for the frame before, the resampling's edge
    threads = threads or len(os.sched_getaffinity(0))
    peaks: list[Array] = []
    with Spool(ROWS) as spool, ThreadPoolExecutor(threads, "measure") as pool:
        running: deque[Future[Array]] = deque()

        def collect() -> None:
            batch = running.popleft().result()
            peaks.append(batch[len(MEASURED) + 1].copy())
            spool.append(batch)

        for samples, frames in _batches(blocks, margin):
            running.append(pool.submit(_measure, samples, margin, frames, settings))
            if cold or len(running) > threads:  # the decoder waits rather than run ahead
                collect()
                cold = False  # one batch has compiled everything, alone
        while running:
            collect()
        all_peaks = np.concatenate(peaks) if peaks else np.empty(0, np.float32)
        yield from _finish(spool, all_peaks, settings, _in_spans(clipped, len(all_peaks)))


def _in_spans(spans: Sequence[Span] | None, frames: int) -> Array:
    """1.0 for each frame whose centre lies in one of the spans, else 0.0; NaN where there are none to ask."""
    inside = np.full(frames, np.nan if spans is None else 0.0, np.float32)
    for span in spans or ():
        # a hair of slack, so that 0.29 / 0.01 is frame 29
        inside[math.ceil(span.start_s / FRAME_HOP_S - 1e-6) : math.ceil(span.end_s / FRAME_HOP_S - 1e-6)] = 1.0
    return inside


def _finish(spool: Spool, peaks: Array, settings: PitchSettings | None, clipped: Array) -> Iterator[dict[str, Array]]:
    """Walk the path over the spooled batches and yield frames as they become certain."""
    path = PitchPath(settings or STANDARD, silence_reference(peaks))
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
            yield _columns(waiting[:, : len(f0_hz)], f0_hz, strength, clipped[given : given + len(f0_hz)])
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
