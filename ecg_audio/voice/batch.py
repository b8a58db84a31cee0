"""What is measured of a batch of frames by itself, before the whole recording is known."""

import math
from typing import Any, NamedTuple

import numpy as np

from ecg_audio.voice import cepstrum, formants, periods
from ecg_audio.voice.kernels import candidates as peak_kernel
from ecg_audio.voice.kernels import cepstrum as cepstrum_kernel
from ecg_audio.voice.kernels import prediction
from ecg_audio.voice.kernels import spectrum as spectrum_kernel
from ecg_audio.voice.kernels.candidates import CANDIDATES
from ecg_audio.voice.kernels.lanes import LANES, room
from ecg_audio.voice.kernels.marks import HOP
from ecg_audio.voice.kernels.resampling import resample
from ecg_audio.voice.kernels.spectrum import BEFORE, CEPSTRA, MELS, TILE_HOPS, WINDOW
from ecg_audio.voice.kernels.transform import scratch
from ecg_audio.voice.pitch import PitchSettings, lags
from ecg_audio.voice.pitch_path import PitchPath, silence_reference
from ecg_audio.voice.spectrum import BALANCE, SILENT_RMS, sones, tables

Array = Any

WAVEFORM = ("rms", "peak", "zero_crossing_rate")
SHAPE = ("spectral_centroid_hz", "spectral_rolloff_hz", "spectral_flatness")
MFCC = tuple(f"mfcc_{index:02d}" for index in range(CEPSTRA))
VOICED = ("cpp_db", *periods.COLUMNS, *formants.COLUMNS)  # of voiced frames alone
MEASURED = (*WAVEFORM, *SHAPE, *MFCC, *BALANCE, *VOICED)  # columns of a batch, before the path is known
SPECTRAL = len(MEASURED) - len(VOICED)
PERTURBATION = slice(1, 1 + len(periods.COLUMNS))  # of the rows of `VOICED`
FIRST_FORMANT = PERTURBATION.stop
FOUND = 1 + 2 * CANDIDATES  # rows of the search for pitch: peaks, F0 and strengths of candidates
ROWS = len(MEASURED) + 1 + FOUND  # and its own path's F0
EVERYTHING = 1e-9
"""A silence reference beside which every sound is loud."""


class Hops(NamedTuple):
    """Samples laid so that one sample of neighbouring frames is one contiguous stretch of memory.

    Attributes:
        samples: float32, flat: sample j of all hops, then sample j + 1 of all hops, and so on.
        length: samples of a hop.
        number: how many hops, a multiple of LANES.
        margin: hops before the first frame's centre.
    """

    samples: Array
    length: int
    number: int
    margin: int

    def places(self, window: int) -> Array:
        """Where the samples of the first frame's window lie."""
        return self.at(np.arange(window) + self.margin * self.length - window // 2)

    def at(self, samples: Array) -> Array:
        """Where samples lie, counted from the first; of hop -1, only the last can be told."""
        return samples % self.length * self.number + samples // self.length


def measure_batch(samples: Array, margin: int, frames: int, settings: PitchSettings | None) -> Array:
    """One batch, (ROWS, frames), or (SPECTRAL, frames) without pitch.

    `samples` begin `margin` hops before the first frame's centre.
    """
    padded = pad(samples, margin, frames)
    rows = SPECTRAL if settings is None else ROWS
    out = np.empty((rows, math.ceil(frames / LANES) * LANES), np.float32)
    measure_spectra(padded, margin, out[:SPECTRAL])
    if settings is not None:
        voiced, found = out[SPECTRAL : len(MEASURED)], out[len(MEASURED) + 1 :]
        voiced[:] = np.nan
        out[len(MEASURED)] = np.nan
        found[:] = 0.0
        hops = lay(padded, margin)
        own, possible = find_pitch(hops, frames, settings, found)
        out[len(MEASURED), :frames] = own
        voiced[PERTURBATION, :frames] = periods.find_perturbation(padded, margin * HOP, own)
        measure_voices(hops, possible, voiced)
    out[2 : len(MEASURED), out[0] < SILENT_RMS] = np.nan
    return np.ascontiguousarray(out[:, :frames])


def pad(samples: Array, margin: int, frames: int) -> Array:
    """A batch's samples, filled up with silence so that kernels need not ask where they end."""
    count = math.ceil((math.ceil(frames / LANES) * LANES + 2 * margin + TILE_HOPS) / LANES) * LANES
    padded = np.empty(count * HOP, np.float32)
    kept = min(len(samples), len(padded))
    padded[:kept], padded[kept:] = samples[:kept], 0.0
    return padded


def lay(padded: Array, margin: int) -> Hops:
    """A batch's samples as the kernels of pitch and voices take them."""
    count = len(padded) // HOP
    return Hops(np.ascontiguousarray(padded.reshape(count, HOP).T).reshape(-1), HOP, count, margin)


def measure_spectra(padded: Array, margin: int, out: Array) -> None:
    """What needs no pitch, by the rows of `MEASURED`; float32, (SPECTRAL, frames), frames a multiple of LANES."""
    frames, spectral = out.shape[1], out[len(WAVEFORM) :]
    decibels = np.empty((MELS, frames), np.float32)
    start, work = margin * HOP - WINDOW // 2 - BEFORE, spectrum_kernel.scratch()
    spectrum_kernel.measure_waveform(padded, start, work, frames, out[: len(WAVEFORM)].reshape(-1))
    spectrum_kernel.measure_spectrum(
        padded, start, tables(), work, frames, spectral[:-1].reshape(-1), decibels.reshape(-1)
    )
    np.exp2(spectral[2], out=spectral[2])
    spectral[-1] = sones(decibels)


def find_pitch(hops: Hops, frames: int, settings: PitchSettings, found: Array) -> tuple[Array, Array]:
    """Fill in the candidates of a batch and walk its own path through them.

    Args:
        hops: the batch.
        frames: how many.
        settings: what counts as voice.
        found: out, float32, (FOUND, frames up to a multiple of LANES): peaks, F0 and strengths.

    Returns:
        F0 by the batch alone, as good as it can be known before the others, float32, (frames,); and the numbers of
        frames that may be voiced, int64.
    """
    constants, padded_frames = lags(settings), found.shape[1]
    places, work = hops.places(len(constants.window)), scratch(len(constants.cos))
    score = room(CANDIDATES, np.float32)
    peak_kernel.find_candidates(hops.samples, places, constants, work, score, padded_frames, found.reshape(-1))
    possible = _may_be_voiced(found[:, :frames], settings)
    own = _walk(found[:, :frames], settings, silence_reference(found[0, :frames]))
    return own, possible


def _may_be_voiced(found: Array, settings: PitchSettings) -> Array:
    """The numbers of frames that are voiced if the rest of the recording is faint enough.

    A voice may come from the batch before, or go on in the next, with less than it takes to begin or end.
    """
    loose = np.isfinite(_walk(found, settings, EVERYTHING))
    loose[:LANES] = loose[-LANES:] = True
    return np.flatnonzero(loose)


def _walk(found: Array, settings: PitchSettings, reference: float) -> Array:
    path = PitchPath(settings, reference)
    return path.extend(found[1 : 1 + CANDIDATES], found[1 + CANDIDATES :], found[0], end=True)[0]


def measure_voices(hops: Hops, wanted: Array, out: Array) -> None:
    """Cepstral peak and formants, by the rows of `VOICED`, of the frames whose numbers are `wanted`."""
    if not len(wanted):
        return
    eights = np.pad(wanted, (0, -len(wanted) % LANES), mode="edge")
    row = FIRST_FORMANT
    for ceiling_hz in formants.CEILINGS_HZ:
        rate_hz = 2 * ceiling_hz
        slow = resampled(hops, ceiling_hz)

        def starts(length: int, hop: int = rate_hz // 100) -> Array:
            return (eights + hops.margin) * hop - length // 2

        window = formants.gaussian(int(formants.WINDOW_S * rate_hz))
        re, im = np.empty((2, prediction.ORDER, len(eights)))
        solving = prediction.scratch(len(window))
        prediction.find_roots(slow, starts(len(window)), window, solving, re.reshape(-1), im.reshape(-1))
        found = formants.choose(re[:, : len(wanted)], im[:, : len(wanted)], rate_hz)
        out[row : row + 2 * formants.FORMANTS, wanted] = found
        row += 2 * formants.FORMANTS

        if rate_hz == cepstrum.RATE_HZ:
            prominence = np.empty(len(eights), np.float32)
            work, where = scratch(cepstrum.SIZE), starts(cepstrum.WINDOW)
            cepstrum_kernel.find_prominence(slow, where, cepstrum.constants(), work, prominence)
            out[0, wanted] = prominence[: len(wanted)]


def resampled(hops: Hops, ceiling_hz: int) -> Array:
    """A batch at twice a ceiling, its highs raised, float32; its first and last hop are of no use."""
    taken, starts, taps = formants.resampling(ceiling_hz)
    slow = np.empty(hops.number * len(starts), np.float32)
    resample(hops.samples, hops.at(taken), starts, taps.reshape(-1), room(len(taken) + 1, np.float32), slow)
    return slow
