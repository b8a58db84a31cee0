"""`ecg analyze`: check everything cheap first, then run the flow for each source and say how it went."""

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from deployments.session import PrivateServer, prefect_server
from deployments.terminal import LiveProgress, print_error, print_outcome
from ecg_audio.errors import EcgError, InvalidRequest
from ecg_audio.media import source
from ecg_audio.progress import listening
from ecg_audio.request import AnalysisRequest
from ecg_audio.results.outcome import Outcome

if TYPE_CHECKING:
    from ecg_audio.speech.engine import Engine

Run = Callable[[AnalysisRequest], Outcome]


def analyze_all(sources: list[str], options: Mapping[str, object], *, refresh: bool, as_json: bool, debug: bool) -> int:
    """Analyse each source and return the exit code: 0, 2 if only users' mistakes failed, else 1."""
    if len(sources) > 1 and options["job_id"]:
        raise InvalidRequest("--job-id names one job, and there are several sources")
    accepted: list[AnalysisRequest] = []
    failures: list[EcgError] = []

    def fail(error: EcgError, job_id: str) -> None:
        failures.append(error)
        if debug:
            sys.excepthook(type(error), error, error.__traceback__)
        print_error(error)
        if as_json:
            failed = Outcome(job_id=job_id, status="failed", error_code=error.code, error_message=error.message)
            print_json(failed)

    for where in sources:
        request = AnalysisRequest.checked(
            source=where, **{name: value for name, value in options.items() if value is not None}
        )
        try:
            check(request)
            accepted.append(request)
        except EcgError as error:
            fail(error, request.job_id)
    if accepted:
        with ExitStack() as stack:
            run = _runner(stack, accepted[0], refresh=refresh)
            for request in accepted:
                try:
                    with LiveProgress(request, quiet=as_json) as shown, listening(shown.listen):
                        ended = run(request)
                    print_json(ended) if as_json else print_outcome(ended)
                except EcgError as error:
                    fail(error, request.job_id)
    if not failures:
        return 0
    return 2 if all(error.by_user for error in failures) else 1


def check(request: AnalysisRequest) -> None:
    """Everything about a request that can be known at once, before anything is started.

    Raises:
        EcgError: the request cannot succeed.
    """
    from ecg_audio.speech import engine

    found = source.classify(request.source)
    guidance = engine.Guidance.of(request)
    if request.engine != "auto" or guidance != engine.UNGUIDED:
        speech = engine.shared(engine.choose(request.engine).engine)
        speech.check_language(request.language)
        speech.check_guidance(guidance)
    # these take seconds: only for what can be done at all
    from blocks.storage import is_block, open_store, reference
    from ecg_audio.media import probe

    if isinstance(found, source.FileSource):
        probe.probe(found.path, limits=request.limits, audio_stream=request.audio_stream)
    if not is_block(reference(request.store)):
        open_store(request.store).check()


def print_json(ended: Outcome) -> None:
    """One line of JSON on stdout."""
    sys.stdout.write(ended.model_dump_json() + "\n")
    sys.stdout.flush()


def _runner(stack: ExitStack, first: AnalysisRequest, *, refresh: bool) -> Run:
    """Everything slow, begun at once and side by side: the server, the speech models, Prefect's own import."""
    server: PrivateServer | None = stack.enter_context(prefect_server())
    speech = _speech(first)
    stack.callback(speech.close)
    if refresh or _unseen(first):
        speech.warm()

    from flows.analyze import analyze

    if server is not None:
        server.wait()
    return lambda request: analyze(request, refresh=refresh)


def _speech(request: AnalysisRequest) -> "Engine":
    from ecg_audio.speech import engine

    return engine.shared(engine.choose(request.engine).engine)


def _unseen(request: AnalysisRequest) -> bool:
    """Whether this source has no cached first stage, so that the speech models will be needed."""
    from blocks.storage import is_block, open_store, reference
    from tasks import caching
    from tasks.download import download_key

    if is_block(reference(request.store)):
        return False  # asking takes the server; the flow itself warms the models when it must
    key = download_key(request.source)
    return key is None or not caching.known(open_store(request.store), key)
