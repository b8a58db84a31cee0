"""Fixtures for tests that run whole jobs: a Prefect server, a recording, an engine without models."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from deployments.service.session import PrivateServer, unwatched
from ecg_audio.request import AnalysisRequest
from ecg_audio.speech import engine
from tests.support.media.formats import encode
from tests.support.stub_engine import StubEngine

SAMPLE_RATE_HZ = 16_000


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """The API address of a private server that ends with the tests, and asks for no key."""
    server = PrivateServer(None)
    server.wait()
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with unwatched(server), temporary_settings({PREFECT_API_URL: server.address}):
        yield server.address
        from deployments.service.session import _drain

        _drain()
    server.stop()


def voiced(duration_s: float = 3.0, *, f0_hz: float = 150.0) -> np.ndarray:
    """A buzz with ten harmonics between half a second of silence on both sides, float64 in [-1, 1]."""
    times = np.arange(round(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    sound = sum(np.sin(2 * np.pi * f0_hz * harmonic * times) / harmonic for harmonic in range(1, 11))
    assert isinstance(sound, np.ndarray)
    sound[(times < 0.5) | (times > duration_s - 0.5)] = 0.0
    return 0.2 * sound


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short MP4 with sound."""
    path = tmp_path_factory.mktemp("media") / "talk.mp4"
    encode(voiced(), SAMPLE_RATE_HZ, path)
    return path


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubEngine:
    """The engine of every job in this test; `stub.log` says which of its stages ran."""
    made = StubEngine(tmp_path / "calls.txt")
    monkeypatch.setattr(engine, "shared", lambda _models: made)
    return made


@pytest.fixture
def calls(stub: StubEngine) -> Callable[[], list[str]]:
    """The stages that ran in the engine so far, without `warm`."""

    def read() -> list[str]:
        lines = stub.log.read_text().splitlines() if stub.log.exists() else []
        return sorted(line for line in lines if line != "warm")

    return read


@pytest.fixture
def ask(tmp_path: Path, talk: Path) -> Callable[..., AnalysisRequest]:
    """Make a request for the short MP4 into this test's own store."""

    def make(**fields: object) -> AnalysisRequest:
        return AnalysisRequest.checked(
            **{"source": str(talk), "store": str(tmp_path / "store"), "job_id": "job-1", **fields}
        )

    return make
