"""What the worker of the tests starts for a flow run: Prefect's engine, and a speech engine without models.

STUB_FOLDER is where it logs its stages and its process id, STUB_HANGING a stage that waits for a file of that name
there, STUB_FAILING a stage that breaks.
"""

import os
import runpy
from pathlib import Path

from ecg_audio.errors import TranscriptionFailed
from ecg_audio.speech import engine
from tasks.publish import publish
from tests.support.stub_engine import StubEngine

if __name__ == "__main__":
    folder = Path(os.environ["STUB_FOLDER"])
    failing: dict[str, Exception] = {
        stage: TranscriptionFailed("the decoder broke") for stage in [os.environ.get("STUB_FAILING")] if stage
    }
    stub = StubEngine(folder / "calls", failing, os.environ.get("STUB_HANGING"))
    engine.shared = lambda _models: stub  # type: ignore[assignment]
    publish.task.retry_delay_seconds = [0.1]
    (folder / "pid").write_text(str(os.getpid()))
    os.environ["PREFECT__FLOW_ENTRYPOINT"] = "flows.analyze.analyze"
    runpy.run_module("prefect.engine", run_name="__main__")
