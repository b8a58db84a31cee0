"""`ecg` with an engine without models, in its own process.

python -m tests.support.processes.stubbed_ecg LOG HANGING ...
"""

import sys
from pathlib import Path

from deployments.cli.main import main
from ecg_audio.speech import engine
from tests.support.stub_engine import StubEngine

if __name__ == "__main__":
    log, hanging, *arguments = sys.argv[1:]
    stub = StubEngine(Path(log), hanging=hanging)
    engine.shared = lambda _models: stub  # type: ignore[assignment]
    sys.argv = ["ecg", *arguments]
    main()
