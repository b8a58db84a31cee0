"""Figures for people."""

import pytest

from ecg_audio.duration import length


@pytest.mark.parametrize(
    ("duration_s", "said"),
    [
        (0.0, "0.0 s"),
        (0.04, "0.0 s"),
        (30.0, "30.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1:00"),
        (339.0, "5:39"),
        (3723.4, "1:02:03"),
    ],
)
def test_durations_are_said_as_people_say_them(duration_s: float, said: str) -> None:
    """Seconds below a minute, then minutes, then hours."""
    assert length(duration_s) == said
