"""What all tests share: everything written goes below a temporary folder, and nothing asks the network."""

import collections
import os
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from deployments.service.session import LOCAL_CLIENT
from ecg_audio.speech import engine
from ecg_audio.telemetry import TELEMETRY_OFF

pytest_plugins = ["tests.support.jobs", "tests.support.commands", "tests.support.models.fixtures", "tests.support.s3"]

REPOSITORY = Path(__file__).parent.parent

# before anything imports Prefect or numba, which read these once
os.environ.setdefault("ECG_CACHE_DIR", str(REPOSITORY / ".cache"))
os.environ.setdefault("MPLCONFIGDIR", str(Path(os.environ["ECG_CACHE_DIR"], "matplotlib")))
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="ecg-tests-prefect-")
os.environ.update(TELEMETRY_OFF | LOCAL_CLIENT)
os.environ["SSL_CERT_FILE"] = LOCAL_CLIENT["PREFECT_API_SSL_CERT_FILE"]  # reading all authorities takes 50 ms a client
os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
os.environ["HF_HUB_OFFLINE"] = "1"
for name in ("PREFECT_API_URL", "ECG_STORE", "ECG_ALLOWED_NETWORKS", "ECG_MODEL_SERVER", "HF_TOKEN"):
    os.environ.pop(name, None)


# how fast a property is tried says something of the machine, and nothing of the property
hypothesis.settings.register_profile("suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _own_work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECG_WORK_DIR", str(tmp_path / "work"))


@pytest.fixture(autouse=True)
def _own_engines() -> None:
    """No test gets an engine that was made with another one's settings."""
    engine.shared.cache_clear()


TOGETHER = {
    "tests/deployments/test_other_users.py": "tests/deployments/test_whole_service.py",  # one service
    # these share a model process, which takes its time to load; xdist's own groups are without effect under pytest 9.2
    "tests/speech/test_flow.py": "tests/speech/test_engine_with_models.py",
    "tests/speech/test_formats.py": "tests/speech/test_engine_with_models.py",
    "tests/speech/test_gpu_benchmark.py": "tests/speech/test_engine_with_models.py",
    "tests/speech/test_ladder.py": "tests/speech/test_engine_with_models.py",
    "tests/speech/test_voice_encoder.py": "tests/speech/test_engine_with_models.py",
    "tests/serving/test_server.py": "tests/speech/test_engine_with_models.py",
    "tests/voice/test_emotion.py": "tests/speech/test_engine_with_models.py",
}


def _group(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return TOGETHER.get(file, file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first, so that parallel workers end together: limits of their own, then many slow ones."""
    limit_s: dict[str, float] = collections.defaultdict(float)
    slow: collections.Counter[str] = collections.Counter()
    for item in items:
        group, timeout = _group(item.nodeid), item.get_closest_marker("timeout")
        limit_s[group] = max(limit_s[group], timeout.args[0] if timeout else 0.0)
        slow[group] += item.get_closest_marker("slow") is not None
    items.sort(key=lambda item: (-limit_s[_group(item.nodeid)], -slow[_group(item.nodeid)]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """More workers than cores: much of what is tested waits for processes."""
    return 3 * (os.cpu_count() or 1) // 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give parallel workers whole files, and files that share a model process together."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return Groups(config, log)
