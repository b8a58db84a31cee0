"""`ecg forget`: every trace of a job, from Prefect first, so that nobody tells of it again, then from the store."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from deployments.cli.options import DebugPrefect, Store
from ecg_audio.errors import InvalidRequest, JobConflict, JobUnknown, OrchestratorUnavailable


def forget(
    job_id: Annotated[str | None, typer.Argument(metavar="JOB_ID", help="The job to forget.")] = None,
    voice: Annotated[
        str | None, typer.Option("--voice", metavar="NAME", help="A known voice to forget instead of a job.")
    ] = None,
    out: Store = None,
    debug: DebugPrefect = False,
) -> None:
    """Remove every trace of a job: result, tables, receipt, runs in Prefect; its recording, unless others use it.

    With --voice: a voice that was remembered under a name. Results that it has named keep the name.
    """
    if (job_id is None) == (voice is None):
        raise InvalidRequest(
            "give a JOB_ID, or --voice NAME", hint="`ecg list` and `ecg voices list` say what there is."
        )
    if voice is not None:
        from deployments.cli import voices

        voices.remove(voice, out)
    elif job_id is not None:
        _forget_job(job_id, out)


def _forget_job(job_id: str, store: str | None) -> None:
    from rich.markup import escape

    from blocks.bucket import BucketStore
    from blocks.forgetting import forget
    from blocks.storage import is_block, open_store, reference
    from deployments.service import session
    from deployments.terminal import out
    from ecg_audio.request import AnalysisRequest

    AnalysisRequest.checked(source="unused", job_id=job_id)
    if is_block(reference(store)):
        session.needs_server()
    artifacts = open_store(store)
    runs = _forget_runs(job_id) if session.configured() else 0
    forgotten = forget(artifacts, job_id)
    if not runs and not forgotten.gone:
        raise JobUnknown(f"there is nothing of a job {job_id} in {artifacts.reference}")
    for key in forgotten.gone:
        out.print(f"[red]-[/] {escape(artifacts.uri(key))}", highlight=False, soft_wrap=True)
    if runs:
        out.print(f"[red]-[/] {runs} run{'s' if runs > 1 else ''} in Prefect, with logs and artifacts", highlight=False)
    for key in forgotten.shared:
        out.print(f"[dim]=[/] {escape(key)} stays: other jobs use it", highlight=False, soft_wrap=True)
    if isinstance(artifacts, BucketStore) and artifacts.keeps_versions:
        out.print("[yellow]![/] the bucket keeps versions: older ones stay until its lifecycle ends them")


def _forget_runs(job_id: str) -> int:
    """Delete the runs of a job, with their artifacts; Prefect deletes their logs and task runs. Returns how many."""
    import httpx
    from prefect.client.orchestration import get_client

    from blocks.run_states import over

    try:
        with get_client(sync_client=True) as client:
            found: dict[str, dict[str, Any]] = {}
            for wanted in ({"idempotency_key": {"any_": [job_id]}}, {"name": {"like_": job_id}}):
                asked = {"flow_runs": wanted, "limit": 200}
                found |= {run["id"]: run for run in client.request("POST", "/flow_runs/filter", json=asked).json()}
            ours = {run_id: run for run_id, run in found.items() if _asked_for(run) == job_id}
            for run in ours.values():
                state = str(run["state_type"])
                if not over(state, datetime.fromisoformat(run["state"]["timestamp"])):
                    raise JobConflict(
                        f"the job {job_id} is not over: a run of it is {state.lower()}",
                        hint="Cancel it first (prefect flow-run cancel), or wait for its end.",
                    )
            for run_id in ours:
                of_run = {"artifacts": {"flow_run_id": {"any_": [run_id]}}, "limit": 200}
                for artifact in client.request("POST", "/artifacts/filter", json=of_run).json():
                    client.request("DELETE", "/artifacts/{id}", path_params={"id": artifact["id"]})
                client.delete_flow_run(UUID(run_id))
            return len(ours)
    except httpx.HTTPError as error:
        raise OrchestratorUnavailable(f"Prefect does not answer: {error}") from error


def _asked_for(run: dict[str, Any]) -> object:
    parameters = run["parameters"]
    if not isinstance(parameters, dict):
        return None
    request = parameters.get("request", parameters)  # a revision names its job itself
    return request.get("job_id") if isinstance(request, dict) else None
