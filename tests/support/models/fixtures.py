"""Fixtures for tests of the speech engine: one with the tiny models, loaded once for all tests."""

from collections.abc import Iterator

import pytest

from ecg_audio.speech.engine import LocalEngine
from tests.support import models


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of an operator who has the tiny models."""
    for name, value in models.SETTINGS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def tiny_engine() -> Iterator[LocalEngine]:
    """An engine with the tiny models, warm after its first use."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in models.SETTINGS.items():
            environment.setenv(name, value)
        engine = LocalEngine()
    yield engine
    engine.close()
