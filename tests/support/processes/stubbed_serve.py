"""`ecg serve` whose model server has no models: `python -m tests.support.processes.stubbed_serve ...`."""

import sys

from deployments.cli.main import main
from deployments.service import programs, serve

if __name__ == "__main__":
    programs.MODEL_SERVER = (*programs.PYTHON, "tests.support.stub_models")  # type: ignore[assignment]
    serve._with_models = lambda _wanted: True
    sys.argv = ["ecg", "serve", *sys.argv[1:]]
    main()
