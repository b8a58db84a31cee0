"""An engine without models behind a model server; as a program, a server that can be killed: `... stub_models PATH`."""

import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from typing_extensions import override

from ecg_audio.analysis import Diarization, Notice, Transcript, VoiceVectors
from ecg_audio.child import Child
from ecg_audio.compute.memory import Metered, Use
from ecg_audio.errors import EcgError, EngineUnavailable, WorkerLost
from ecg_audio.progress import Report, took
from ecg_audio.request import AUTO, Guidance
from ecg_audio.serving.server import ModelServer
from ecg_audio.sound_events import Remark, Remarks
from tests.support import stub_speech

NUMBER = re.compile(r"[\d.]{1,5}")


class StubProcess:
    """What a server is told of the model process."""

    def __init__(self) -> None:
        self.memory: dict[str, Metered] = {}
        self.loads = {"recogniser": 1}
        self.loaded = ("recogniser",)


class StubModels:
    """Hears its recording's name, in as many seconds as the name says (`1.5.flac`), else in one."""

    def __init__(self) -> None:
        self.settings = SimpleNamespace(model="stub", device="cpu")
        self.notices = (Notice(code="MODELS_EMBEDDED", message="it is a stub"),)
        self.process = StubProcess()
        self.heard: list[str] = []
        self.asked: list[str] = []  # which models, of each stage
        self.guidance: list[Guidance] = []
        self.warmed = self.closed = 0
        self.failures: list[EcgError] = []
        self.resident_bytes = 1000
        self.told: Any = 0.5  # of progress
        self._free = threading.Event()
        self._free.set()
        self._stop = threading.Event()

    def of(self, models: str) -> "_Named":
        """The same for what a request says of its models; there is none called nowhere."""
        if models == "nowhere":
            raise EngineUnavailable("there is no model nowhere", hint="Name another.")
        return _Named(self, models)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody have been heard until the block ends."""
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    def warm(self) -> None:
        """Counted."""
        self.warmed += 1
        self._stop.clear()

    def close(self) -> None:
        """As a model process that is ended: who works there hears that it is lost."""
        self.closed += 1
        self.process.memory.clear()
        self._stop.set()

    def transcribe(self, recording: Path, language: str, guidance: Guidance, *, report: Report) -> Transcript:
        """Take the time, then tell the name."""
        if self.failures:
            raise self.failures.pop(0)
        self.work(float(recording.stem) if NUMBER.fullmatch(recording.stem) else 1.0, report)
        self.heard.append(recording.stem)
        self.guidance.append(guidance)
        self.process.memory["transcribe"] = measured = Metered(*[Use(self.resident_bytes)] * 3)
        took(measured.taken)
        return Transcript(model=recording.stem, language=language, utterances=(), speech=())

    def work(self, seconds: float, report: Report) -> None:
        """Take so long, and as long as nobody may be heard."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0 or not self._free.is_set():
            report(self.told)
            if self._stop.wait(min(max(left_s, 0.02), 0.2)):
                raise WorkerLost("the stub was closed")


class _Named:
    """The stub's models by one name."""

    def __init__(self, stub: StubModels, models: str) -> None:
        self.settings = SimpleNamespace(model=stub.settings.model if models == AUTO else models, device="cpu")
        self.notices = stub.notices if models == AUTO else ()
        self._stub = stub
        self._models = models

    def fingerprint(self, stage: str) -> dict[str, str]:
        """Of the stage."""
        return {"stage": stage, "models": self._models}

    def ask(self, stage: str, recording: Path, *asked: Any, report: Report) -> Any:
        """Transcribe as the stub does; tell of the other stages what was asked."""
        self._stub.asked.append(self._models)
        if stage == "transcribe":
            return self._stub.transcribe(recording, *asked, report=report)
        if stage == "align":
            return asked[0]
        if stage == "diarize":
            return Diarization(model=f"{asked[0].exact} speakers", turns=(), exclusive=())
        if stage == "listen":
            spans, language = asked
            return Remarks(remarks=tuple(Remark(**span.model_dump(), text=language, probability=1.0) for span in spans))
        told = tuple((sum(span.end_s - span.start_s for span in spans),) for spans in asked[0])
        return VoiceVectors(encoder=self._models, vectors=told)


class ApartModels(StubModels):
    """A stub whose recognition is at work in a process of its own, as that of real models is."""

    def __init__(self) -> None:
        super().__init__()
        self._child = Child("the stub's models", ahead="tests.support.stub_speech:ready")

    @override
    def warm(self) -> None:
        super().warm()
        self._child.start()

    @override
    def close(self) -> None:
        super().close()
        self._child.stop()

    @override
    def work(self, seconds: float, report: Report) -> None:
        self._child.call(stub_speech.hear, seconds, report=report)


def main() -> None:
    """Serve until killed or asked to end."""
    with ModelServer(ApartModels(), Path(sys.argv[1])) as server:  # type: ignore[arg-type]
        server.serve()


if __name__ == "__main__":
    main()
