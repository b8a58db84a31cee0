"""analyze_batch: many recordings, each one a job of its own; what an earlier try has finished is not done again."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain
from typing import Annotated, Any
from uuid import UUID

from prefect import Flow, flow, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging import get_run_logger
from pydantic import Field

from blocks.published import published
from blocks.storage import ArtifactStore, open_store, reference
from ecg_audio import layout
from ecg_audio.batch.rows import Row, rows
from ecg_audio.batch.summary import Ended, Summary, ended
from ecg_audio.errors import BatchFailed, EcgError, InvalidRequest
from ecg_audio.request import JOB_ID, AnalysisRequest
from ecg_audio.results.manifest import Manifest
from flows import runs
from flows.analyze import analyze
from flows.batch_board import Board, show_summary
from flows.fan_out import cancel, fan_out
from flows.faults import resumable
from tasks.retrying import with_retries

LOOKS_AT_ONCE = 16


def run_name() -> str:
    """The batch's id, or how much it is; never its inputs, which may hold signatures."""
    asked = runtime.flow_run.parameters
    return f"batch {asked['batch_id']}" if asked.get("batch_id") else f"batch of {len(asked['inputs'])} inputs"


def cancel_jobs(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect names them
    """When a batch is cancelled, so is what it began."""
    with get_client(sync_client=True) as client:
        tags = client.read_flow_run(flow_run.id).tags
    for tag in tags:
        if tag.startswith("batch:"):
            cancel(tag, but=flow_run.id)


@flow(
    name="analyze-batch",
    flow_run_name=run_name,
    description="Many recordings: a list of sources, a CSV or JSONL file, a folder or an S3 prefix.",
    on_cancellation=[cancel_jobs],
)
@resumable
def analyze_batch(
    inputs: Annotated[list[str | dict[str, Any]], Field(title="Recordings")],
    options: Annotated[dict[str, Any] | None, Field(title="Asked of all rows")] = None,
    deployment: Annotated[str, Field(title="Deployment for each job")] = "analyze/analyze",
    in_process: Annotated[bool, Field(title="One after the other, in this run")] = False,
    at_once: Annotated[int, Field(title="Runs at once", ge=1, le=200)] = 4,
    min_success: Annotated[float, Field(title="Share that must succeed", ge=0, le=1)] = 0.995,
    batch_id: Annotated[str | None, Field(title="Batch id")] = None,
    refresh: Annotated[bool, Field(title="Do again what is published")] = False,
) -> Summary:
    """Analyse many recordings.

    Args:
        inputs: sources; lists (.csv with a line of field names, .jsonl); folders; S3 prefixes (ending in "/"); or the
            fields of a request.
        options: request fields of all rows that do not give them themselves, such as language, store or callback.
        deployment: what does each job, as flow/deployment.
        in_process: do the jobs here, one after the other, with models that are loaded once.
        at_once: how many runs of the deployment may be under way.
        min_success: the share of rows that must succeed, as 0.995; below it the batch fails, when everything is done.
        batch_id: what the batch is called; default: a digest of its rows, so the same batch again has the same id.
        refresh: also do again what is published.
    """
    options = options or {}
    todo = rows(inputs, options, here=in_process)
    stores = _Stores()
    store = stores.of(options.get("store"))
    store.check()
    name = _batch_id(batch_id, todo)
    tag = f"batch:{name}"
    runs.tag("batch", tag)

    board = Board(name, len(todo))
    ends: dict[str | None, Ended] = {}
    try:
        earlier, left = _divided(todo, stores, refresh=refresh)
        begun = (
            _in_turn(left, refresh=refresh)
            if in_process
            else fan_out(left, deployment, stores.published, at_once=at_once, refresh=refresh, tags=["batch", tag])
        )
        for end in chain(earlier, begun):
            board.count(end)
            ends[end.where + end.source] = end
    except KeyboardInterrupt:
        cancel(tag, but=UUID(runtime.flow_run.id))
        raise

    summary = Summary(
        batch_id=name,
        run_id=runtime.flow_run.id,
        created_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        min_success=min_success,
        rows=tuple(ends[row.where + row.source] for row in todo),
    )
    store.write(layout.batch(name), summary.model_dump_json(indent=1).encode())
    show_summary(summary)
    get_run_logger().info("batch %s: %s; summary in %s", name, summary.sentence, store.uri(layout.batch(name)))
    if not summary.enough:
        raise BatchFailed(f"{summary.sentence}; asked for was {100 * min_success:g} %")
    return summary


class _Stores:
    """The stores of a batch's jobs, each opened once, and what is published there."""

    def __init__(self) -> None:
        self._open: dict[str, ArtifactStore] = {}

    def of(self, named: str | None) -> ArtifactStore:
        place = reference(named)
        if place not in self._open:
            self._open[place] = with_retries(open_store(place))
        return self._open[place]

    def published(self, request: AnalysisRequest) -> Manifest | None:
        """The manifest under the job's id, if it is that of the same request."""
        found = published(self.of(request.store), request.job_id)
        return found if found and found.request == request.digest else None


def _divided(todo: Sequence[Row], stores: _Stores, *, refresh: bool) -> tuple[list[Ended], list[Row]]:
    """Rows that need nothing done (invalid, or published before) as ends, and the others."""

    def look(row: Row) -> Ended | Row:
        if row.request is None:
            return ended(row, "invalid", error=row.error)
        found = None if refresh else stores.published(row.request)
        return ended(row, "published", run_id=found.run_id) if found else row

    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        looked = list(pool.map(look, todo))
    return [end for end in looked if isinstance(end, Ended)], [row for row in looked if isinstance(row, Row)]


def _in_turn(left: Sequence[Row], *, refresh: bool) -> Iterator[Ended]:
    for row in left:
        assert row.request
        state = analyze(row.request, refresh=refresh, return_state=True)
        run_id = str(state.state_details.flow_run_id)
        if state.is_completed():
            yield ended(row, state.result().status, run_id=run_id)
        else:
            error = state.result(raise_on_failure=False)
            named = error if isinstance(error, EcgError) else EcgError(f"{type(error).__name__}: {error}")
            yield ended(row, "cancelled" if state.is_cancelled() else "failed", run_id=run_id, error=named)


def _batch_id(given: str | None, todo: Sequence[Row]) -> str:
    if given is None:
        named = "\n".join(row.request.job_id if row.request else row.where for row in todo)
        return f"batch-{hashlib.sha256(named.encode()).hexdigest()[:12]}"
    if not JOB_ID.fullmatch(given) or ".." in given:
        raise InvalidRequest("batch_id: must be made of letters, digits, '.', '_' and '-'")
    return given
