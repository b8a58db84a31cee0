"""Nobody's maker hears how their library is used."""

import os
import subprocess
import sys
from pathlib import Path

from ecg_audio.telemetry import TELEMETRY_OFF


def test_onnxruntime_leaves_no_trace_at_home(tmp_path: Path) -> None:
    """Importing onnxruntime with telemetry off writes no device id and no queue of events into the home folder."""
    environment = {**os.environ, "HOME": str(tmp_path), **TELEMETRY_OFF}
    environment.pop("XDG_CACHE_HOME", None)
    subprocess.run([sys.executable, "-c", "import onnxruntime"], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []
