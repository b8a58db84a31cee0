"""What all tests share: everything written goes below a temporary folder, and nothing asks the network."""

import os
import tempfile
from pathlib import Path

import pytest

from ecg_audio.telemetry import TELEMETRY_OFF

pytest_plugins = ["tests.jobs", "tests.commands", "tests.models.fixtures", "tests.s3"]

REPOSITORY = Path(__file__).parent.parent

# before anything imports Prefect or numba, which read these once
os.environ.setdefault("ECG_CACHE_DIR", str(REPOSITORY / ".cache"))
os.environ.setdefault("MPLCONFIGDIR", str(Path(os.environ["ECG_CACHE_DIR"], "matplotlib")))
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="ecg-tests-prefect-")
os.environ.update(TELEMETRY_OFF)
os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
os.environ["HF_HUB_OFFLINE"] = "1"
for name in ("PREFECT_API_URL", "ECG_STORE", "ECG_ALLOWED_NETWORKS", "ECG_MODEL_SERVER", "HF_TOKEN"):
    os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def _own_work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECG_WORK_DIR", str(tmp_path / "work"))


MODEL_HOSTS = ("whisperx", "engine")
"""Fixtures that hold a model process: each takes its time to load, so all tests of one share it."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests for parallel workers: by the model process they share, else by file; the slow groups go first."""
    slow = set()
    for item in items:
        hosts = [name for name in MODEL_HOSTS if name in getattr(item, "fixturenames", ())]
        group = hosts[0] if hosts else item.location[0]
        item.add_marker(pytest.mark.xdist_group(group))
        if hosts or item.get_closest_marker("slow"):
            slow.add(group)
    items.sort(key=lambda item: _group(item) not in slow)


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    assert marker
    return str(marker.args[0])
