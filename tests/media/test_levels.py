"""Levels: offsets, clipping, float recordings above full scale, faint recordings, and what is said of their quality."""

import re

import av
import numpy as np
import pytest
import soundfile
import soxr

from ecg_audio.media.decode import blocks
from ecg_audio.media.level import LevelMeter
from ecg_audio.media.meter import Meter
from ecg_audio.sound_quality import sound_quality
from tests.support.media.formats import encode
from tests.support.media.signals import extracted, rms_dbfs, voice

RATE_HZ = 48_000
VOICE = voice(6.0, RATE_HZ)
PLAIN = soxr.resample(VOICE, RATE_HZ, 16_000, "HQ")


def written(path, samples, subtype="PCM_24", rate=RATE_HZ):
    """A WAV of these samples."""
    soundfile.write(path, samples, rate, subtype)
    return path


def in_source_scale(path, recording):
    """A recording's samples, as the voice is measured from them."""
    return np.concatenate(list(blocks(path.with_name(path.name + ".flac"), gain_db=recording.gain_db)))


def codes(recording):
    """The codes of a recording's notices."""
    return [notice.code for notice in recording.notices]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("offset", "told"), [(0.003, []), (0.05, ["SOUND_OFFSET"]), (-0.4, ["SOUND_OFFSET"])])
def test_an_offset_is_taken_off(tmp_path, offset, told, channels):
    """A direct current on the line is no part of the recording: the samples are those without it."""
    path = written(tmp_path / "a.wav", np.stack([VOICE + offset] * channels, axis=1))
    recording, samples = extracted(path)
    assert recording.offset_removed == pytest.approx(offset, abs=2e-4)
    assert np.abs(samples - PLAIN)[100:-100].max() < 1e-3
    assert recording.source_peak_dbfs == pytest.approx(20 * np.log10(0.3), abs=0.05)
    assert codes(recording) == told
    assert all(f"{100 * offset:+.1f} % of full scale" in notice.message for notice in recording.notices)


def test_what_is_missing_is_no_offset(tmp_path):
    """Silence in the place of a damaged stretch stays silence when the offset around it is taken off."""
    samples = VOICE + 0.3
    samples[2 * RATE_HZ : 3 * RATE_HZ] = np.nan
    recording, got = extracted(written(tmp_path / "a.wav", samples, "FLOAT"))
    assert codes(recording) == ["MEDIA_DAMAGED", "SOUND_OFFSET"]
    assert np.abs(got[int(2.2 * 16000) : int(2.8 * 16000)]).max() < 1e-3


@pytest.mark.parametrize("above_db", [1.5, 6.0, 18.0, 40.0])
def test_a_float_recording_above_full_scale(tmp_path, above_db):
    """It is made softer as a whole, by a gain that is noted; nothing is clipped, and levels are the source's own."""
    loud = VOICE / 0.3 * 10 ** (above_db / 20)
    path = written(tmp_path / "a.wav", loud, "FLOAT")
    recording, samples = extracted(path)
    assert np.abs(samples).max() == pytest.approx(1.0, abs=0.01)
    assert recording.gain_db == pytest.approx(-above_db, abs=0.1)
    assert recording.source_peak_dbfs == pytest.approx(above_db, abs=0.01)
    truth = soxr.resample(loud, RATE_HZ, 16_000, "HQ")
    assert np.abs(in_source_scale(path, recording) - truth).max() < 1e-3 * np.abs(truth).max()
    assert codes(recording) == ["SOUND_SCALED"]
    assert f"{above_db:.1f} dB above full scale" in recording.notices[0].message


@pytest.mark.parametrize("suffix", ["mp3", "m4a"])
def test_a_lossy_codec_above_full_scale(tmp_path, suffix):
    """What its decoder gives above full scale is not cut off: the recording has a gain, levels are as decoded."""
    path = encode(VOICE / 0.3 * 2, RATE_HZ, tmp_path / f"a.{suffix}", video=False)
    with av.open(str(path)) as container:
        decoded = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    recording, samples = extracted(path)
    assert recording.gain_db < -1
    assert recording.gain_db == pytest.approx(-20 * np.log10(np.abs(decoded).max()), abs=0.1)
    assert rms_dbfs(samples) - recording.gain_db == pytest.approx(rms_dbfs(decoded), abs=0.05)


@pytest.mark.parametrize("level_db", [-22.0, -35.0, -50.0])
@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_a_faint_recording(tmp_path, level_db, subtype):
    """It is raised, so that 16 bits hold it; its level is told, and levels stay the source's own."""
    faint = VOICE * 10 ** (level_db / 20)
    path = written(tmp_path / "a.wav", faint, subtype)
    recording, samples = extracted(path)
    assert -45 < rms_dbfs(samples) < -25
    truth = PLAIN * 10 ** (level_db / 20)
    error = in_source_scale(path, recording) - truth
    assert rms_dbfs(error) < rms_dbfs(truth) - 35
    active_dbfs = levels(PLAIN).active_dbfs + level_db
    assert recording.active_level_dbfs == pytest.approx(active_dbfs, abs=0.2)
    assert codes(recording) == ["SOUND_FAINT"]
    (told,) = re.findall(r"(-\d+) dBFS", recording.notices[0].message)
    assert float(told) == pytest.approx(active_dbfs, abs=0.7)


def test_an_ordinary_recording_keeps_its_samples(tmp_path):
    """Without offset, excess or faintness the recording is the source, with no gain and nothing to tell."""
    recording, samples = extracted(written(tmp_path / "a.wav", VOICE))
    assert (recording.gain_db, recording.offset_removed, recording.source_clipped_ratio) == (0.0, 0.0, 0.0)
    assert recording.clipped == recording.notices == ()
    assert np.abs(samples - PLAIN)[100:-100].max() < 1e-4


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a", "webm"])
def test_a_clipped_recording(tmp_path, suffix):
    """Runs of samples at full scale are counted and placed, also after a lossy codec, and a notice says their share."""
    loud = VOICE.copy()
    shouted = slice(int(2.0 * RATE_HZ), int(2.6 * RATE_HZ))
    loud[shouted] *= 20
    truly = np.abs(loud) >= 1.0
    path = encode(np.clip(loud, -1, 1), RATE_HZ, tmp_path / f"a.{suffix}", video=False)
    recording, _ = extracted(path)
    if suffix in {"wav", "flac"}:
        assert recording.source_clipped_ratio == pytest.approx(truly.mean(), rel=0.03)
    else:  # a lossy codec rounds many tops off
        assert 5e-4 < recording.source_clipped_ratio < 1.1 * truly.mean()
    assert recording.clipped[0].start_s == pytest.approx(np.flatnonzero(truly)[0] / RATE_HZ, abs=0.1)
    assert recording.clipped[-1].end_s == pytest.approx(np.flatnonzero(truly)[-1] / RATE_HZ, abs=0.1)
    assert codes(recording) == ["SOUND_CLIPPED"]
    told = f"{100 * recording.source_clipped_ratio:.{1 if recording.source_clipped_ratio >= 0.001 else 2}f} %"
    assert told in recording.notices[0].message


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
def test_a_loud_recording_is_not_a_clipped_one(tmp_path, subtype):
    """A wave that reaches full scale and turns there has no run of samples at it."""
    full = VOICE / 0.3 * (126 / 128)
    recording, _ = extracted(written(tmp_path / "a.wav", full, subtype))
    assert recording.source_clipped_ratio == 0.0
    assert codes(recording) == []


def test_runs_are_counted_and_joined():
    """Three samples or more in a row on one side are a clipped top; tops within 0.1 s of each other are one span."""
    samples = np.zeros(16_000, np.float32)
    for begin, count in ((1000, 5), (1400, 3), (1700, 2), (8000, 4), (12_000, 1)):
        samples[begin : begin + count] = 1.0
    samples[8004:8006] = -1.0
    meter = Meter("pcm_s16le")
    for begin, end in ((0, 9000), (9000, 16_000)):
        part = samples[None, begin:end]
        meter.take(part, part.sum(axis=1), 16_000, begin / 16_000)
    assert meter.clipped_share([0]) == pytest.approx(12 / 16_000)
    assert [(span.start_s, span.end_s) for span in meter.clipped([0], 1.0)] == [(0.06, 0.09), (0.5, 0.51)]


def levels(samples):
    """What is read off a recording."""
    meter = LevelMeter()
    for part in np.array_split(samples.astype(np.float32), 7):
        meter.take(part)
    return meter.level()


@pytest.mark.parametrize("noise_db", [-50.0, -40.0, -30.0])
def test_noise_is_estimated(noise_db):
    """The level that stays in the pauses of a voice is the noise, within 1.5 dB; the voice's level stands above it."""
    noise = 10 ** (noise_db / 20) * np.random.default_rng(0).standard_normal(len(PLAIN))
    level = levels(PLAIN + noise)
    assert level.noise_dbfs == pytest.approx(noise_db, abs=1.5)
    assert level.snr_db == pytest.approx(rms_dbfs(PLAIN) + 2.5 - noise_db, abs=3)


@pytest.mark.parametrize("share", [1.0, 0.2, 0.02])
def test_pauses_do_not_lower_the_active_level(share):
    """However little of a recording is spoken, the level is that of the speech."""
    seconds = len(PLAIN) / 16_000 / share
    quiet = 1e-5 * np.random.default_rng(0).standard_normal(round(seconds * 16_000))
    quiet[: len(PLAIN)] += PLAIN
    assert levels(quiet).active_dbfs == pytest.approx(levels(PLAIN).active_dbfs, abs=0.2)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000])
def test_the_band_is_that_of_the_source(rate):
    """Noise that was recorded at a low rate has a narrow band: half the rate, less what its filter takes."""
    noise = np.random.default_rng(0).standard_normal(10 * rate)
    wide = soxr.resample(noise, rate, 16_000) if rate != 16_000 else noise
    assert levels(0.1 * wide).bandwidth_hz == pytest.approx(rate / 2, rel=0.07)


@pytest.mark.parametrize(
    ("rate", "noise", "line"), [(8000, 0.005, "telephone"), (48_000, 0.1, "noisy"), (48_000, 0.005, "clear")]
)
def test_the_quality_of_measured_sound(tmp_path, rate, noise, line):
    """What an ear would say first of a recording is said of its measured figures."""
    hiss = noise * np.random.default_rng(0).standard_normal(6 * rate)
    recording, _ = extracted(written(tmp_path / "a.wav", voice(6.0, rate) + hiss, rate=rate))
    assert sound_quality(recording).startswith(line)


def test_nothing_is_said_of_nothing():
    """Digital silence, and a moment of sound, have no noise and no band to tell of."""
    assert levels(np.zeros(16_000)).active_dbfs is None
    assert levels(0.1 * np.ones(5000)).noise_dbfs is None
