"""Path: the best way through the candidates, settled while it is walked."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.voice.kernels.candidates import CANDIDATES
from ecg_audio.voice.pitch import PitchSettings
from ecg_audio.voice.pitch_path import PitchPath, silence_reference

SETTINGS = PitchSettings()


def scene(seed, frames):
    """Random candidates and levels, with stretches of silence, of rivalry between octaves and of none."""
    random = np.random.default_rng(seed)
    f0_hz = np.exp(random.uniform(np.log(60), np.log(500), (CANDIDATES, frames))).astype(np.float32)
    strength = random.uniform(0.2, 1.0, (CANDIDATES, frames)).astype(np.float32)
    f0_hz[random.uniform(size=f0_hz.shape) < random.uniform(0.1, 0.9)] = 0.0
    peaks = (0.3 * random.uniform(size=frames) * (np.sin(np.arange(frames) / 9) > -0.4)).astype(np.float32)
    return f0_hz, strength, peaks


def naive(f0_hz, strength, peaks, reference):
    """The same recursion, frame by frame in Python, over the whole at once."""
    quiet = 2.0 - peaks.astype(np.float64) / reference * (1 + SETTINGS.voicing_threshold) / SETTINGS.silence_threshold
    unvoiced = SETTINGS.voicing_threshold + np.maximum(0.0, quiet)
    worth, ways = {None: 0.0}, []
    for t in range(len(peaks)):
        states = [None, *np.flatnonzero(f0_hz[:, t] > 0).tolist()]
        fresh, came = {}, {}
        for state in states:
            own = unvoiced[t]
            if state is not None:
                octaves = np.log2(float(f0_hz[state, t]) / SETTINGS.floor_hz)
                own = float(strength[state, t]) + SETTINGS.octave_cost * octaves

            def price(before, state=state, t=t):
                if (before is None) != (state is None):
                    return SETTINGS.switch_cost
                if state is None:
                    return 0.0
                return SETTINGS.jump_cost * abs(np.log2(f0_hz[state, t] / float(f0_hz[before, t - 1])))

            came[state] = max(worth, key=lambda before: worth[before] - price(before))
            fresh[state] = worth[came[state]] - price(came[state]) + own
        worth = fresh
        ways.append(came)
    state = max(worth, key=worth.get)
    track = []
    for t in range(len(peaks) - 1, -1, -1):
        track.append(np.nan if state is None else f0_hz[state, t])
        state = ways[t][state]
    return np.array(track[::-1], np.float32)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 200), max_size=8))
def test_settling_early_changes_nothing(seed, cuts):
    """Handed frames in any pieces, the path that comes out is the best path of the whole recording."""
    f0_hz, strength, peaks = scene(seed, 200)
    path = PitchPath(SETTINGS, 0.3)
    found = []
    edges = [0, *sorted(cuts), 200]
    for start, end in itertools.pairwise(edges):
        found.append(path.extend(f0_hz[:, start:end], strength[:, start:end], peaks[start:end])[0])
    found.append(path.extend(f0_hz[:, :0], strength[:, :0], peaks[:0], end=True)[0])
    assert np.array_equal(np.concatenate(found), naive(f0_hz, strength, peaks, 0.3), equal_nan=True)


def test_a_pause_settles_what_came_before():
    """After a voice and a pause the voice is handed out at once, though more may follow."""
    frames = 60
    f0_hz, strength = np.zeros((2, CANDIDATES, frames), np.float32)
    f0_hz[0, 10:40], strength[0, 10:40] = 120.0, 0.9
    peaks = np.where(f0_hz[0] > 0, 0.3, 0.0).astype(np.float32)
    settled, _ = PitchPath(SETTINGS, 0.3).extend(f0_hz, strength, peaks)
    assert len(settled) >= 40
    assert np.array_equal(np.isfinite(settled[:40]), f0_hz[0, :40] > 0)


def test_reference_forgives_what_is_short():
    """A click and a second of applause in ten minutes leave the reference where the voice has it."""
    random = np.random.default_rng(0)
    level = np.repeat(random.uniform(0.05, 0.1, 6000), 10).astype(np.float32)
    clicked = level.copy()
    clicked[3000:3006] = 1.0
    clicked[40_000:40_100] = 1.0
    assert silence_reference(clicked) < 1.1 * silence_reference(level)
    assert silence_reference(np.zeros(100, np.float32)) == 0.0
    assert silence_reference(np.empty(0, np.float32)) == 0.0
