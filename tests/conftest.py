"""What all tests share: everything written goes below a temporary folder, and nothing asks the network."""

import collections
import os
import tempfile
from pathlib import Path

import pytest

from ecg_audio.speech import engine
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


@pytest.fixture(autouse=True)
def _own_engines() -> None:
    """No test gets an engine that was made with another one's settings."""
    engine.shared.cache_clear()


def _group(item: pytest.Item) -> str:
    marked = item.get_closest_marker("xdist_group")
    return str(marked.args[0]) if marked else item.nodeid.partition("::")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each file together, unless it is marked to share a worker with others, and put what takes longest first.

    So parallel workers end together: tests with limits of their own come first, then files with many slow ones.
    """
    groups = {item: _group(item) for item in items}
    limit_s: dict[str, float] = collections.defaultdict(float)
    slow: collections.Counter[str] = collections.Counter()
    for item, group in groups.items():
        timeout = item.get_closest_marker("timeout")
        limit_s[group] = max(limit_s[group], timeout.args[0] if timeout else 0.0)
        slow[group] += item.get_closest_marker("slow") is not None
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: (-limit_s[groups[item]], -slow[groups[item]]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """More workers than cores: much of what is tested waits for processes."""
    return 3 * (os.cpu_count() or 1) // 2
