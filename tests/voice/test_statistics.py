"""Statistics: baselines, and how words stand out from their speaker."""

import numpy as np
import pytest

from ecg_audio.analysis import VoiceFeatures
from ecg_audio.voice.statistics import (
    FEWEST_TO_COMPARE,
    compare,
    pitch_statistics,
    relative_volume,
    volume_statistics,
)


def voices(levels_dbfs, f0_hz=None):
    """Spans of these levels and pitches."""
    pitches = f0_hz if f0_hz is not None else [None] * len(levels_dbfs)
    return [VoiceFeatures(rms_dbfs=level, f0_median_hz=f0) for level, f0 in zip(levels_dbfs, pitches, strict=True)]


def test_baselines_are_percentiles():
    """Loudness has its quartiles over words, pitch its thirds over voiced frames."""
    levels = [float(level) for level in range(-60, 41)]
    volume = volume_statistics([*levels, None])
    assert (volume.min_dbfs, volume.p25_dbfs, volume.median_dbfs, volume.p75_dbfs) == (-60.0, -35.0, -10.0, 15.0)
    assert volume.mean_dbfs == pytest.approx(-10.0)
    assert volume.std_db == pytest.approx(np.std(levels))
    pitch = pitch_statistics(np.array([np.nan, *np.arange(100.0, 201.0)]))
    assert (pitch.p33_hz, pitch.median_hz, pitch.p67_hz) == (133.0, 150.0, 167.0)


def test_nothing_measured_has_no_baseline():
    """Without a level or a voiced frame there are no statistics, not zeros."""
    assert volume_statistics([None, None]) is None
    assert pitch_statistics(np.array([np.nan])) is None
    assert pitch_statistics(np.empty(0)) is None


def test_words_are_placed_among_their_speakers_own():
    """z-scores, percentiles, semitones from the median and rates follow their definitions."""
    levels = [-30.0, -28.0, -26.0, -24.0, -22.0, -20.0, -18.0, -16.0, -14.0]
    f0_hz = [100.0 * 2 ** (i / 12) for i in range(9)]
    relatives = compare(voices(levels, f0_hz), [2.0 ** (i / 4) for i in range(9)])
    middle, last = relatives[4], relatives[8]
    assert middle.loudness_z == pytest.approx(0.0)
    assert middle.loudness_percentile == pytest.approx(50.0)
    assert middle.f0_shift_st == pytest.approx(0.0, abs=1e-9)
    assert last.loudness_z == pytest.approx(8.0 / np.std(levels))
    assert last.f0_shift_st == pytest.approx(4.0)
    assert last.f0_z == pytest.approx(last.rate_z) == pytest.approx(4.0 / np.std(range(9)))
    assert last.volume == "loud"


def test_too_few_words_are_not_compared():
    """One span less than the bound and nothing is called relative; at the bound it is."""
    few = voices([-20.0 - i for i in range(FEWEST_TO_COMPARE - 1)])
    assert compare(few, [None] * len(few)) == [None] * len(few)
    enough = voices([-20.0 - i for i in range(FEWEST_TO_COMPARE)])
    assert all(relative is not None for relative in compare(enough, [None] * len(enough)))


def test_what_was_not_measured_is_not_compared():
    """A word without level, pitch and rate stays without comparison among others that have one."""
    words = [*voices([-20.0 - i for i in range(10)]), VoiceFeatures(), None]
    relatives = compare(words, [None] * len(words))
    assert relatives[-2:] == [None, None]
    assert relatives[0].f0_z is None


def test_an_even_voice_has_no_z():
    """Where all words are equal there is no spread to measure by, and each one is normal."""
    relatives = compare(voices([-20.0] * 10), [None] * 10)
    assert {relative.loudness_z for relative in relatives} == {None}
    assert {relative.volume for relative in relatives} == {"normal"}


@pytest.mark.parametrize(
    ("percentile", "distance_db", "raised_st", "voiced", "name"),
    [
        (99.0, 12.0, 5.0, 0.8, "shout"),
        (99.0, 12.0, 0.0, 0.8, "loud"),
        (99.0, 12.0, None, 0.8, "loud"),
        (99.0, 5.0, 5.0, 0.8, "loud"),
        (99.0, 1.0, 5.0, 0.8, "normal"),
        (50.0, 5.0, 0.0, 0.8, "normal"),
        (20.0, -5.0, 0.0, 0.8, "soft"),
        (2.0, -12.0, None, 0.0, "whisper"),
        (2.0, -12.0, 0.0, 0.8, "soft"),
        (2.0, -12.0, None, None, "soft"),
        (2.0, -1.0, None, 0.0, "normal"),
    ],
)
def test_a_name_needs_rank_and_distance_and_the_voice_of_it(percentile, distance_db, raised_st, voiced, name):
    """Loudest by a hair is not loud, loud without a raised pitch no shout, soft with a voice no whisper."""
    assert relative_volume(percentile, distance_db, raised_st, voiced) == name


def manners(*counts, words=None, silences_s=None):
    """The volumes of runs of usual, whispered and shouted words: `counts` of each in turn."""
    kinds = [
        VoiceFeatures(rms_dbfs=-20.0, f0_median_hz=100.0, voiced_fraction=0.8),
        VoiceFeatures(rms_dbfs=-32.0, voiced_fraction=0.0),
        VoiceFeatures(rms_dbfs=-8.0, f0_median_hz=150.0, voiced_fraction=0.8),
    ]
    spans = [kind for count, kind in zip(counts, kinds * 9, strict=False) for _ in range(count)]
    return [relative.volume for relative in compare(spans, [None] * len(spans), words, silences_s)]


def test_one_word_is_neither_whispered_nor_shouted():
    """A single one is soft, or loud; two in a row are a whisper, or a shout."""
    assert manners(20, 1, 1, 20) == ["normal"] * 20 + ["soft", "loud"] + ["normal"] * 20
    assert manners(20, 2, 2, 20) == ["normal"] * 20 + ["whisper"] * 2 + ["shout"] * 2 + ["normal"] * 20


def test_words_far_apart_are_not_in_a_row():
    """Two soft words with a minute between them are no whisper; with half a second they are."""
    assert manners(20, 2, 0, 20, silences_s=[0.0] * 21 + [60.0] + [0.0] * 20)[20:22] == ["soft", "soft"]
    assert manners(20, 2, 0, 20, silences_s=[0.0] * 21 + [0.5] + [0.0] * 20)[20:22] == ["whisper", "whisper"]


def test_a_segment_of_several_words_lasts_by_itself():
    """A whispered segment of two words is a whisper, one of a single word is soft."""
    assert manners(20, 1, 0, 20, words=[3] * 20 + [2] + [3] * 20)[20] == "whisper"
    assert manners(20, 1, 0, 20, words=[3] * 20 + [1] + [3] * 20)[20] == "soft"
