"""Sounds that the 10 ms frames tell by themselves: steady tones, steady noise, and hands that clap.

Speech changes its level within every syllable and is voiced half of the time; these three are told by what they lack.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import FRAME_HOP_S, EventKind, Span
from ecg_audio.speech.islands import runs
from ecg_audio.speech.joining import joined

COLUMNS = ("rms_dbfs", "spectral_flatness", "spectral_centroid_hz", "f0_hz")
Frames = Mapping[str, NDArray[np.float32]]
Flags = NDArray[np.bool_]

AROUND_FRAMES = 31  # over which a sound is steady or is not
LOUD_DB = 15.0  # below the loudest
BURST_FRAMES = 70  # laughter comes in bursts
CLOSING_FRAMES = 10  # a shorter interruption is none

TONE_S = 1.0
TONE_DB = 0.7  # deviation of the level
TONE_FLATNESS = 0.02
TONE_CENTROID = 0.04  # deviation, as a share
TONE_ST = 0.1  # deviation of the pitch, semitones: nobody sings so steadily

NOISE_S = 2.0
NOISE_DB = 1.3
NOISE_FLATNESS = 0.2  # hiss is above it, breath and rustle are not for long

CLAP_RISE_DB = 15.0  # within 50 ms
CLAP_FALL_DB = 12.0  # within 120 ms: hands do not sound on, as bells and vowels do
CLAP_FLATNESS = 0.3
CLAPS = 5  # in a row,
CLAP_STEP_S = (0.15, 0.8)  # so far apart,
CLAP_RHYTHM = 0.15  # in a beat that some may miss: deviation by mean
CLAP_BELOW_DB = 20.0  # the loudest sound of the recording: typing and ticking are fainter

APPLAUSE_S = 2.0
APPLAUSE_FLATNESS = 0.4  # many hands are as white as noise,
APPLAUSE_DB = 6.0  # and less steady; single claps are not steady at all


def steady_tones(frames: Frames) -> list[Span]:
    """Where one tone sounds on and on."""
    level, flatness, centroid = (_filled(frames[name]) for name in COLUMNS[:3])
    steady = (_deviation(level) < TONE_DB) & (flatness < TONE_FLATNESS) & np.isfinite(frames["rms_dbfs"])
    pitch = np.nan_to_num(12 * np.log2(frames["f0_hz"].astype(np.float64)), nan=-120.0)
    # in noise the centroid wanders and the pitch does not; above 600 Hz there may be no pitch
    steady &= (_deviation(centroid) < TONE_CENTROID * np.maximum(centroid, 1.0)) | (
        np.isfinite(frames["f0_hz"]) & (_deviation(pitch) < TONE_ST)
    )
    return _lasting(steady, TONE_S)


def steady_noise(frames: Frames) -> list[Span]:
    """Where something hisses or rushes without a change."""
    level, flatness = (_filled(frames[name]) for name in COLUMNS[:2])
    unvoiced = ~np.isfinite(frames["f0_hz"])
    return _lasting((_deviation(level) < NOISE_DB) & (flatness > NOISE_FLATNESS) & unvoiced, NOISE_S)


def clapping(frames: Frames) -> list[Span]:
    """Where hands clap in a rhythm."""
    level, flatness = (_filled(frames[name]) for name in COLUMNS[:2])
    if not len(level):
        return []
    loud = level > np.percentile(level, 99.5) - CLAP_BELOW_DB
    rises = level - np.minimum.reduce([_shifted(level, by) for by in range(1, 6)]) > CLAP_RISE_DB
    peaks = (level >= _shifted(level, 1)) & (level > _shifted(level, -1))
    falls = level - np.minimum.reduce([_shifted(level, -by) for by in range(1, 13)]) > CLAP_FALL_DB
    at_s = np.flatnonzero(loud & rises & peaks & falls & (flatness > CLAP_FLATNESS)) * FRAME_HOP_S
    found: list[Span] = []
    row: list[float] = []
    for time_s in [*at_s.tolist(), np.inf]:
        if row and not CLAP_STEP_S[0] <= time_s - row[-1] <= CLAP_STEP_S[1]:
            if time_s - row[-1] < CLAP_STEP_S[0]:
                continue  # the same clap
            if len(row) >= CLAPS and _rhythmic(np.diff(row)):
                found.append(Span(start_s=max(0.0, row[0] - 0.02), end_s=row[-1] + 0.1))
            row = []
        row.append(time_s)
    return found


def _rhythmic(steps_s: NDArray[np.float64]) -> bool:
    beats = steps_s / np.round(steps_s / steps_s.min())
    return bool(beats.std() <= CLAP_RHYTHM * beats.mean())


def applause(frames: Frames) -> list[Span]:
    """Where many hands clap, each in a time of its own: white, never voiced, uneven, and it lasts."""
    level, flatness = (_filled(frames[name]) for name in COLUMNS[:2])
    white = (flatness > APPLAUSE_FLATNESS) & ~np.isfinite(frames["f0_hz"])
    deviation = _deviation(level)
    uneven = _lasting(white & (deviation < APPLAUSE_DB), APPLAUSE_S)
    return [span for span in uneven if np.median(deviation[_frames_of(span)]) > NOISE_DB]


def contradicted(kind: EventKind, span: Span, frames: Frames) -> bool:
    """Whether a stretch's frames speak against what a recogniser took it for."""
    here = _frames_of(span)
    flatness = frames["spectral_flatness"][here]
    flatness = flatness[np.isfinite(flatness)]
    if not len(flatness):
        return True  # digital silence
    part = {name: frames[name][here] for name in COLUMNS}
    lasted_s = sum(tone.end_s - tone.start_s for tone in steady_tones(part))
    if lasted_s > (span.end_s - span.start_s) / 2:
        return True
    noisy = bool(np.median(flatness) > NOISE_FLATNESS)
    return noisy if kind in ("music", "laughter") else kind == "applause" and not noisy and not clapping(part)


def loud_part(span: Span, frames: Frames) -> Span:
    """The burst of a stretch that has most of its energy: what was named is seldom all of it."""
    level = _filled(frames["rms_dbfs"][_frames_of(span)])
    if not len(level):
        return span
    bursts = joined(zip(*runs(level >= np.percentile(level, 95) - LOUD_DB), strict=True), BURST_FRAMES + 1)
    first, end = max(bursts, key=lambda burst: float(np.sum(10 ** (level[slice(*burst)] / 10))))
    start_s = min(span.end_s, span.start_s + first * FRAME_HOP_S)
    return Span(start_s=start_s, end_s=min(span.end_s, span.start_s + end * FRAME_HOP_S))


def _frames_of(span: Span) -> slice:
    return slice(round(span.start_s / FRAME_HOP_S), max(1, round(span.end_s / FRAME_HOP_S)))


def _filled(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.nan_to_num(values.astype(np.float64), nan=-120.0)


def _shifted(values: NDArray[np.float64], by: int) -> NDArray[np.float64]:
    """The values of `by` frames before; at the edges those of the edge."""
    at = np.clip(np.arange(len(values)) - by, 0, max(0, len(values) - 1))
    return values[at]


def _deviation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The standard deviation over `AROUND_FRAMES` around each frame."""
    half = AROUND_FRAMES // 2
    padded = np.pad(values, half, mode="edge") if len(values) else values
    if not len(values):
        return values
    windows = np.lib.stride_tricks.sliding_window_view(padded, AROUND_FRAMES)
    return np.asarray(windows.std(axis=1))


def _lasting(flags: Flags, least_s: float) -> list[Span]:
    """Runs of true, closed over short interruptions, that last."""
    half = AROUND_FRAMES // 2  # what surrounds the first and the last of them is as steady
    return [
        Span(start_s=max(0, first - half) * FRAME_HOP_S, end_s=min(len(flags), end + half) * FRAME_HOP_S)
        for first, end in joined(zip(*runs(flags), strict=True), CLOSING_FRAMES + 1)
        if (end - first + 2 * half) * FRAME_HOP_S >= least_s
    ]
