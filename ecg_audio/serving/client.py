"""The speech engine from afar: with its models in a model server on this machine.

`ECG_MODEL_SERVER` names the server; a process then loads no models of its own.
"""

import json
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed
from typing_extensions import override

from ecg_audio.analysis import Notice
from ecg_audio.errors import EngineUnavailable, InsufficientResources, WorkerLost
from ecg_audio.progress import Report, Taken, current, took
from ecg_audio.request import AUTO
from ecg_audio.serving import connection, wire
from ecg_audio.settings import Models
from ecg_audio.speech.engine import Engine, Stage

ANSWER_S = 2.0
SILENCE_S = 15 * wire.HEARTBEAT_S
PATIENCE_S = 60.0  # a supervisor restarts a server that died
PAUSE_S = 0.5


class RemoteEngine(Engine):
    """An engine of which every call is one request to the model server.

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
        self._http = connection.connect(self._address, httpx.Timeout(SILENCE_S, connect=ANSWER_S))
        try:
            answer = self._http.get("/models", params={"models": models}, timeout=ANSWER_S)
        except httpx.HTTPError as error:
            raise EngineUnavailable(
                f"the model server at {self._address} does not answer ({type(error).__name__})"
            ) from error
        found = self._understood(answer).json()
        self._model: str = found["model"]
        self.notices = tuple(Notice.model_validate(notice) for notice in found["notices"])

    @property
    @override
    def model(self) -> str:
        return self._model

    @override
    def fingerprint(self, stage: Stage = "transcribe", /) -> dict[str, str]:
        asked = {"models": self._models}
        found: dict[str, str] = self._retried(lambda: self._http.get(f"/fingerprint/{stage}", params=asked)).json()
        return found

    @override
    def warm(self) -> None:
        """Nothing to do: the server's models are."""

    @override
    def close(self) -> None:
        """End the connection; the server goes on."""
        self._http.close()

    @override
    def _ask(self, stage: Stage, recording: Path, *asked: object, report: Report) -> Any:
        given: dict[str, Any] = dict(zip(wire.ASKED[stage], asked, strict=True))
        job = wire.Job(recording=str(recording), models=self._models, **given)
        self._retried(lambda: self._http.get("/health"))
        deadline = current().deadline
        try:
            with closing(self._lines(stage, job)) as lines:  # the server stops working when nobody listens
                for said in lines:
                    if "result" in said:
                        return wire.RESULTS[stage].model_validate(said["result"])
                    if "error" in said:
                        raise wire.raised(said["error"])
                    if "took" in said:
                        took(Taken(**said["took"]))
                    if "progress" in said:
                        report(said["progress"])
                    if "waiting" in said:  # for other jobs
                        deadline.waited(wire.HEARTBEAT_S)
                    deadline.check()
        except httpx.TransportError as error:
            raise WorkerLost(f"the model server was lost while it worked ({type(error).__name__})") from error
        raise WorkerLost("the model server ended before it answered")

    def _lines(self, stage: Stage, job: wire.Job) -> Generator[dict[str, Any]]:
        with self._http.stream("POST", f"/{stage}", content=job.model_dump_json()) as answer:
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                raise InsufficientResources(json.loads(answer.read())["message"], hint="Try again later.")
            answer.raise_for_status()
            for text in answer.iter_lines():
                yield json.loads(text)

    def _retried(self, ask: Any) -> httpx.Response:
        again = Retrying(
            stop=stop_after_delay(self._patience_s),
            wait=wait_fixed(PAUSE_S),
            retry=retry_if_exception_type(httpx.TransportError),
            reraise=True,
        )
        try:
            found: httpx.Response = again(lambda: self._understood(ask()))
        except httpx.TransportError as error:
            raise WorkerLost(f"no model server answers at {self._address}") from error
        return found

    @staticmethod
    def _understood(answer: httpx.Response) -> httpx.Response:
        """The answer; raises the error with a name that a refusal holds."""
        if answer.status_code == httpx.codes.CONFLICT:
            raise wire.raised(answer.json())
        return answer.raise_for_status()
