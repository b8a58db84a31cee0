"""How long work may take."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ecg_audio import time_limit
from ecg_audio.errors import ProcessingTimeout
from ecg_audio.time_limit import Deadline


def test_limits_grow_with_the_recording() -> None:
    """A floor, and so much for each second of sound: less where a graphics card works."""
    assert time_limit.stage_s() == 1800.0
    assert (time_limit.stage_s(60.0), time_limit.stage_s(60.0, gpu=True)) == (4200.0, 2400.0)
    assert time_limit.job_s(60.0) >= 4 * time_limit.stage_s(60.0)


def test_the_operator_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the environment of the process that has the model's process."""
    monkeypatch.setenv("ECG_TIME_LIMIT_LEAST_S", "10")
    monkeypatch.setenv("ECG_TIME_LIMIT_PER_S", "2")
    assert time_limit.stage_s(60.0) == 130.0


def test_a_files_own_length_counts(tmp_path: Path) -> None:
    """What cannot be read has the floor, and is for the stage to tell."""
    soundfile.write(tmp_path / "a.flac", np.zeros(32_000), 16_000)
    (tmp_path / "b.flac").write_text("no sound")
    assert time_limit.stage_on_s(tmp_path / "a.flac") == 1800.0 + 40.0 * 2
    assert time_limit.stage_on_s(tmp_path / "b.flac") == time_limit.stage_on_s(tmp_path / "none.flac") == 1800.0


def test_a_deadline_counts_from_its_beginning_and_without_waits() -> None:
    """Until it begins it is never over; what was waited for others is added."""
    deadline = Deadline()
    deadline.check()
    deadline.begin(0.0)
    with pytest.raises(ProcessingTimeout, match="longer than 0 s"):
        deadline.check()
    deadline.waited(60.0)
    deadline.check()
    assert 50.0 < deadline.left_s() <= 60.0
