"""FLAC beside the decoder: the same samples however they come, and a failure that is told."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ecg_audio.media.decode import extract
from ecg_audio.media.flac import MOST_WAITING, FlacWriter
from ecg_audio.request import Limits

RATE_HZ = 16_000


def test_blocks_become_one_recording(tmp_path: Path) -> None:
    """Every sample is there in order, rounded to 16 bits and cut off at full scale."""
    sound = np.random.default_rng(0).uniform(-1.2, 1.2, RATE_HZ * 3).astype(np.float32)
    writer = FlacWriter(tmp_path / "a.flac")
    for block in np.split(sound, [1, 1000, 1001, 30_000]):
        writer.write(block)
    writer.close()
    found, rate_hz = soundfile.read(tmp_path / "a.flac", dtype="int16")
    wanted = np.clip(sound, -1.0, 32767 / 32768) * 32768
    assert rate_hz == RATE_HZ and len(found) == len(sound)
    assert np.abs(found - wanted).max() <= 1.0


def test_a_failure_is_raised_at_the_end_and_stops_nobody(tmp_path: Path) -> None:
    """Where nothing can be written, many blocks are taken all the same, and closing says why."""
    writer = FlacWriter(tmp_path / "missing" / "a.flac")
    for _ in range(3 * MOST_WAITING):
        writer.write(np.zeros(1000, np.float32))
    with pytest.raises(soundfile.SoundFileError):
        writer.close()


def test_what_is_discarded_is_gone(tmp_path: Path) -> None:
    """Before and after its end."""
    for closed in (False, True):
        writer = FlacWriter(tmp_path / "a.flac")
        writer.write(np.zeros(1000, np.float32))
        if closed:
            writer.close()
        writer.discard()
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("level", [0.2, 1e-4])
def test_an_extraction_leaves_the_recording_alone(tmp_path: Path, level: float) -> None:
    """Whether what was written meanwhile is the recording, or a faint sound has to be written anew."""
    source, folder = tmp_path / "a.wav", tmp_path / "out"
    times = np.arange(RATE_HZ * 2) / RATE_HZ
    soundfile.write(source, level * np.sin(2 * np.pi * 200 * times), RATE_HZ, "FLOAT")
    recording = extract(source, folder / "a.flac", key="k", sha256="s", limits=Limits())
    assert (recording.gain_db > 0.0) == (level < 0.1)
    assert [path.name for path in folder.iterdir()] == ["a.flac"]
    peak = np.abs(soundfile.read(folder / "a.flac")[0]).max()
    assert peak == pytest.approx(level * 10 ** (recording.gain_db / 20), rel=0.02)
