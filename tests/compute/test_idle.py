"""Rest after work."""

import threading

import pytest

from ecg_audio.compute.idle import IdleTimer
from ecg_audio.errors import InvalidRequest
from ecg_audio.settings import Models

IDLE = Models.variable("models_idle_s")


def test_rest_comes_once_after_the_last_work() -> None:
    """Not while anything works; after the next work it comes again."""
    rested = threading.Semaphore(0)
    rest = IdleTimer(0.02, rested.release)
    with rest.work():
        with rest.work():
            pass
        assert not rested.acquire(timeout=0.1)
    assert rested.acquire(timeout=5)
    assert not rested.acquire(timeout=0.1)
    with rest.work():
        pass
    assert rested.acquire(timeout=5)


def test_what_is_cancelled_or_never_wanted_does_not_come() -> None:
    """No timer is left."""
    rested = threading.Semaphore(0)
    for rest in (IdleTimer(0.05, rested.release), IdleTimer(None, rested.release)):
        with rest.work():
            pass
        rest.cancel()
    assert not rested.acquire(timeout=0.2)


def test_the_setting_is_a_positive_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset or empty is never; what is no such number is named."""
    monkeypatch.delenv(IDLE, raising=False)
    assert Models.read().models_idle_s is None
    monkeypatch.setenv(IDLE, "600")
    assert Models.read().models_idle_s == 600.0
    for senseless in ("soon", "0", "-1", "nan", "inf"):
        monkeypatch.setenv(IDLE, senseless)
        with pytest.raises(InvalidRequest, match=IDLE):
            Models.read()
