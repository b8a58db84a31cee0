"""`ecg analyze`: check everything cheap first, then run the flow for each source and say how it went."""

import importlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from blocks.storage import is_block, open_store, reference
from deployments.cli import job_ids
from deployments.service.session import PrivateServer, prefect_server, unwatched
from deployments.terminal import LiveProgress, print_error, print_outcome, write_json
from ecg_audio.compute.lazy_imports import without_collecting
from ecg_audio.errors import EcgError, InvalidRequest
from ecg_audio.logs import redacted
from ecg_audio.media import source
from ecg_audio.progress import listening
from ecg_audio.request import AnalysisRequest
from ecg_audio.results.outcome import Outcome
from ecg_audio.voice.cold import compile_once

Run = Callable[[AnalysisRequest], Outcome]

BESIDE_FLOW = ("prefect.flow_engine", "prefect.task_engine", "prefect.utilities.visualization")
"""What Prefect imports when a flow begins."""
BESIDE_MEASUREMENT = ("ecg_audio.results.tables", "ecg_audio.voice.frames")
"""What the measurement imports: numba and Arrow would hold the interpreter's lock just when speech is recognised."""


def analyze_all(
    sources: list[str], options: Mapping[str, object], *, refresh: bool, as_json: bool, paths: bool, debug: bool
) -> int:
    """Analyse each source and return the exit code: 0, 2 if only users' mistakes failed, else 1."""
    if len(sources) > 1 and options["job_id"]:
        raise InvalidRequest("--job-id names one job, and there are several sources")
    failures: list[EcgError] = []

    def fail(error: EcgError, job_id: str | None, where: str) -> None:
        failures.append(error)
        if debug:
            sys.excepthook(type(error), error, error.__traceback__)
        if len(sources) > 1 and printable(where) not in printable(error.message):
            error = type(error)(f"{printable(where)}: {printable(error.message)}", hint=error.hint)
        print_error(error)
        if as_json:
            write_json(
                Outcome(
                    job_id=job_id,
                    source=printable(where),
                    status="failed",
                    error_code=error.code,
                    error_message=printable(error.message),
                )
            )

    asked = {name: value for name, value in options.items() if value is not None}
    named = str(asked["job_id"]) if "job_id" in asked else None
    AnalysisRequest.checked(**{**asked, "source": "any"})  # what is wrong with the options is wrong for all sources
    with ExitStack() as stack:
        begun: Begun | None = None
        accepted: list[AnalysisRequest] = []
        for where in sources:
            try:
                request = AnalysisRequest.checked(**{**asked, "source": readable(where)})
                check_asked(request)
                begun = begun or begin(stack, request, refresh=refresh)
                check_media(request)
                accepted.append(request)
            except EcgError as error:
                fail(error, named, where)
        if begun and accepted:
            run = begun.ready(refresh=refresh)
            for request in accepted:
                job_id = named
                try:
                    with _named(request, named) as begun_as:
                        job_id = begun_as.job_id
                        title, several = source.classify(request.source).display, len(sources) > 1
                        with (
                            LiveProgress(title, quiet=as_json, named=several) as shown,
                            listening(shown.listen),
                        ):
                            ended = run(begun_as)
                    ended = ended.model_copy(update={"source": printable(request.source)})
                    if as_json:
                        write_json(ended)
                    else:
                        print_outcome(ended, request.store, paths=paths, title=title)
                except EcgError as error:
                    fail(error, job_id, request.source)
    if not failures:
        return 0
    return 2 if all(error.by_user for error in failures) else 1


@contextmanager
def _named(request: AnalysisRequest, job_id: str | None) -> Iterator[AnalysisRequest]:
    """The request under the id that it was given; else under one after its source, which is its own meanwhile."""
    if job_id is not None:
        yield request
        return
    with job_ids.unused(open_store(request.store), job_ids.named_after(request.source)) as own:
        yield request.model_copy(update={"job_id": own})


def readable(where: str) -> str:
    """The source, if its name is text.

    Raises:
        InvalidRequest: it has bytes that are no UTF-8, which neither a request nor a result can hold.
    """
    try:
        where.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(
            "source: its name is not UTF-8", hint="Rename the file, or give it under another name by a link."
        ) from None
    return where


def printable(text: str) -> str:
    """Text of any origin as one line that every terminal and JSON reader takes, without secrets of addresses."""
    known = redacted(text).encode("utf-8", "backslashreplace").decode()
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in known)


def check_asked(request: AnalysisRequest) -> None:
    """What can be said of a request at once, before anything is started.

    Raises:
        EcgError: the request cannot succeed.
    """
    from ecg_audio.speech import engine

    source.classify(request.source)
    speech = engine.shared(request.models)
    speech.check_language(request.language)
    speech.check_guidance(request.guidance)
    if not is_block(reference(request.store)):
        open_store(request.store).check()


def check_media(request: AnalysisRequest) -> None:
    """Look into a file; what is slow to start starts meanwhile.

    Raises:
        EcgError: it is no recording that can be analysed.
    """
    from ecg_audio.media import probe

    found = source.classify(request.source)
    if isinstance(found, source.FileSource):
        probe.probe(found.path, limits=request.limits, audio_stream=request.audio_stream)


class Begun(NamedTuple):
    """What has been started: the server, None where one is configured, and whether the models were."""

    server: PrivateServer | None
    anew: bool

    def ready(self, *, refresh: bool) -> Run:
        """Import what the flow needs while the server starts, and return what runs a job."""
        with without_collecting():
            from flows.analyze import analyze

            for name in (*BESIDE_FLOW, *(BESIDE_MEASUREMENT if self.anew else ())):
                importlib.import_module(name)
        if self.server is not None:
            self.server.wait()

        def run(request: AnalysisRequest) -> Outcome:
            with unwatched(self.server):
                return analyze(request, refresh=refresh)

        return run


def begin(stack: ExitStack, first: AnalysisRequest, *, refresh: bool) -> Begun:
    """Start what takes seconds, each in a process of its own: the server; if needed, the speech models and a decoder.

    Of several sources, the first alone finds its decoder here.
    """
    from ecg_audio.media import decode
    from ecg_audio.speech import engine

    server = stack.enter_context(prefect_server())
    speech = engine.shared(first.models)
    stack.callback(speech.close)
    anew = refresh or _unseen(first)
    if anew:
        speech.warm()
        stack.enter_context(decode.prepared())
        threading.Thread(target=compile_once, daemon=True).start()  # a machine's first run alone has to
    return Begun(server, anew)


def _unseen(request: AnalysisRequest) -> bool:
    """Whether this source has no cached first stage, so that the speech models will be needed."""
    from tasks import keys

    if is_block(reference(request.store)):
        return False  # asking takes the server; the flow itself warms the models when it must
    key = keys.download_key(request.source)
    return key is None or not keys.known(open_store(request.store), key)
