"""Syllables: nuclei in the loudness contour."""

import numpy as np
import pytest

from ecg_audio.voice.syllables import find_nuclei


def contour(*levels_dbfs, frames=10):
    """A contour that goes from level to level in straight lines, all of it voiced."""
    corners = np.arange(len(levels_dbfs)) * frames
    line = np.interp(np.arange(corners[-1] + 1), corners, levels_dbfs).astype(np.float32)
    return line, np.full(len(line), 120.0, np.float32)


def test_each_peak_between_two_dips_is_a_syllable():
    """Three peaks with dips of 6 dB are three syllables, where they are loudest."""
    nuclei = find_nuclei(*contour(-40, -20, -26, -18, -24, -21, -40))
    assert np.flatnonzero(nuclei) == pytest.approx([10, 30, 50], abs=1)


def test_a_ripple_is_no_syllable():
    """A dip of one decibel does not part two syllables."""
    assert find_nuclei(*contour(-40, -20, -21, -20, -40)).sum() == 1


def test_what_is_not_voiced_is_no_syllable():
    """A burst of noise counts as little as silence does."""
    levels, f0_hz = contour(-40, -20, -40, -20, -40)
    f0_hz[:20] = np.nan
    assert np.flatnonzero(find_nuclei(levels, f0_hz)).tolist() == [30]
    assert not find_nuclei(levels, np.full_like(f0_hz, np.nan)).any()


def test_murmurs_far_below_the_loudest_are_no_syllables():
    """A peak more than 25 dB below the loudest voice is not one, and digital silence does no harm."""
    levels, f0_hz = contour(-60, -48, -60, -20, -60, -48, -60)
    levels[:5] = np.nan
    assert np.flatnonzero(find_nuclei(levels, f0_hz)).tolist() == [30]
