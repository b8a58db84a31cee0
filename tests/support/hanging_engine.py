"""A stub engine whose transcription goes through a process of its own, and hangs there until a file is made."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from ecg_audio.analysis import Transcript
from ecg_audio.child import Child
from ecg_audio.compute.memory import Metered, Use
from ecg_audio.progress import Report
from ecg_audio.request import Guidance
from ecg_audio.speech import process
from ecg_audio.speech.engine import ModelProcess
from tests.support.stub_engine import StubEngine


class HangingEngine(StubEngine):
    """Keeps the engine protocol.

    Args:
        folder: gets the log; transcription hangs as long as no file `free` is in it.
        monkeypatch: puts the stub in the place of what the model process runs.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder / "calls.txt")
        monkeypatch.setattr(process, "metered", hang)
        self.settings = SimpleNamespace(model="stub", device="cpu", free=str(folder / "free"))
        self.process = ModelProcess()
        self.process.child = Child("the speech models")  # without the imports of models

    def of(self, _models: str) -> "HangingEngine":
        """Itself."""
        return self

    def ask(self, _stage: str, recording: Path, language: str, guidance: Guidance, *, report: Report) -> Transcript:
        """As a model server asks."""
        return self.transcribe(recording, language=language, guidance=guidance, report=report)

    def transcribe(self, recording: Path, *, language: str, guidance: Guidance, report: Report) -> Transcript:
        """What the stub hears, when the process has answered."""
        self.process.run("transcribe", recording, self.settings, report=report)  # type: ignore[arg-type]
        return super().transcribe(recording, language=language, guidance=guidance, report=report)

    def close(self) -> None:
        """End the process."""
        self.process.close()


def hang(
    stage: str, _recording: str, settings: SimpleNamespace, *, report: Report
) -> tuple[str, Metered, dict[str, int], tuple[str, ...]]:
    """Runs in the process: in the place of `process.metered`."""
    report(0.1)
    while not Path(settings.free).exists():
        time.sleep(0.05)
    return stage, Metered(*[Use(1000)] * 3), {}, ()
