"""Models from afar: in a model server on this machine.

`ECG_MODEL_SERVER` names the server; a process then loads no models of its own.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed
from typing_extensions import override

from ecg_audio.errors import EngineUnavailable, WorkerLost
from ecg_audio.progress import Report
from ecg_audio.request import AUTO
from ecg_audio.serving.connection import ANSWER_S, call
from ecg_audio.settings import Models
from ecg_audio.speech.engine import Engine, Stage

PATIENCE_S = 60.0  # a supervisor restarts a server that died
PAUSE_S = 0.5


class RemoteEngine(Engine):
    """An engine of which every call is one call of the model server.

    Args:
        address: the path of the server's socket; None takes it from the environment.
        models: what the request says of its models; the server decides what they are, by its own settings.
        patience_s: how long a server that is not there is waited for, once it has been there.

    Raises:
        EngineUnavailable: no server answers within 2 s, or it cannot have these models.
    """

    def __init__(self, address: str | None = None, *, models: str = AUTO, patience_s: float = PATIENCE_S) -> None:
        self._models = models
        self._patience_s = patience_s
        self._address = address or (Models.read().model_server or "")
        try:
            self._model, self.notices = call(self._address, "about", models, silence_s=ANSWER_S)
        except (OSError, EOFError) as error:
            raise EngineUnavailable(
                f"the model server at {self._address} does not answer ({type(error).__name__})"
            ) from error

    @property
    @override
    def model(self) -> str:
        return str(self._model)

    @override
    def fingerprint(self, stage: Stage = "transcribe", /) -> dict[str, str]:
        found: dict[str, str] = self._patiently("fingerprint", self._models, stage)
        return found

    @override
    def warm(self) -> None:
        """Nothing to do: the server's models are."""

    @override
    def close(self) -> None:
        """Nothing to do: the server goes on."""

    @override
    def ask(self, stage: Stage, recording: Path, *asked: object, report: Report) -> Any:
        self._patiently("health")
        return _work(self._address, "stage", self._models, stage, recording, *asked, report=report)

    def _patiently(self, what: str, *arguments: object) -> Any:
        return _patiently(self._patience_s, self._address, what, *arguments)


class RemoteClassifiers:
    """The model server in the place of a `ClassifierProcess`."""

    def __init__(self) -> None:
        self._address = Models.read().model_server or ""

    def call(self, function: Callable[..., Any], *arguments: Any, report: Report, timeout_s: float) -> Any:
        """As there; raises `WorkerLost` also where the server was lost."""
        _patiently(PATIENCE_S, self._address, "health")
        return _work(self._address, "classify", function, timeout_s, *arguments, report=report)

    def stop(self) -> None:
        """Nothing to do: the server goes on."""


def _work(address: str, what: str, *arguments: object, report: Report) -> Any:
    try:
        return call(address, what, *arguments, report=report)
    except (OSError, EOFError) as error:
        raise WorkerLost(f"the model server was lost while it worked ({type(error).__name__})") from error


def _patiently(patience_s: float, address: str, what: str, *arguments: object) -> Any:
    """Ask what costs nothing to ask again."""
    again = Retrying(
        stop=stop_after_delay(patience_s),
        wait=wait_fixed(PAUSE_S),
        retry=retry_if_exception_type((OSError, EOFError)),
        reraise=True,
    )
    try:
        return again(call, address, what, *arguments)
    except (OSError, EOFError) as error:
        raise WorkerLost(f"no model server answers at {address}") from error
