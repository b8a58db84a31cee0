"""The list of jobs."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prefect.client.orchestration import get_client

from ecg_audio.errors import NoAudio
from flows.analyze import analyze
from tests.gateway.conftest import Open
from tests.support.gateway import PROCESS, STATUS, asked, code, put, run_of
from tests.support.waiting import until

LIST = "/api/upload-video/jobs"


@pytest.fixture
def own(prefect_server: str) -> Iterator[str]:
    """A deployment without jobs."""
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(analyze)
        name = f"list-{uuid.uuid4().hex[:8]}"
        client.create_deployment(flow_id, name)
    yield f"analyze/{name}"


def handed_in(client: httpx.Client, count: int) -> list[str]:
    """So many new jobs, in order."""
    bodies = [asked() for _ in range(count)]
    for body in bodies:
        assert client.post(PROCESS, json=body).status_code == 200
    return [body["job_id"] for body in bodies]


def page(client: httpx.Client, **query: Any) -> dict[str, Any]:
    """One page."""
    answer = client.get(LIST, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_jobs_are_listed_newest_first_page_by_page(gateway: Open, own: str) -> None:
    """Each job once, whatever is handed in meanwhile; the last page says that it is the last."""
    client = gateway(ECG_DEPLOYMENT=own)
    assert page(client)["jobs"] == []
    ids = handed_in(client, 7)
    first = page(client, limit=3)
    handed_in(client, 2)
    second = page(client, limit=3, cursor=first["next_cursor"])
    third = page(client, limit=3, cursor=second["next_cursor"])
    assert [job["job_id"] for one in (first, second, third) for job in one["jobs"]] == ids[::-1]
    assert third["next_cursor"] is None
    assert len(page(client)["jobs"]) == 9
    newest = first["jobs"][0]
    assert (newest["status"], newest["state"], newest["progress"]) == ("processing", "queued", 0)
    assert newest["created_at"] and newest["started_at"] is None and newest["status_url"] == STATUS + ids[-1]


def test_jobs_that_came_in_the_same_instant_are_each_shown_once(gateway: Open, own: str, prefect_server: str) -> None:
    """A page may end among them."""
    client = gateway(ECG_DEPLOYMENT=own)
    deployment = httpx.get(f"{prefect_server}/deployments/name/{own}").json()["id"]
    same = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2026-01-31T09:00:00Z"}}
    job_ids = [str(uuid.uuid4()) for _ in range(5)]  # a key is one of the flow's, in whichever deployment
    for job_id in job_ids:
        wanted = {"state": same, "tags": ["gateway"], "idempotency_key": job_id, "parameters": {"request": {}}}
        create = f"{prefect_server}/deployments/{deployment}/create_flow_run"
        until(lambda create=create, wanted=wanted: httpx.post(create, json=wanted).is_success)  # type: ignore[misc]
    shown, cursor = [], {}
    while True:
        found = page(client, limit=2, **cursor)
        shown += [job["job_id"] for job in found["jobs"]]
        if found["next_cursor"] is None:
            break
        cursor = {"cursor": found["next_cursor"]}
    assert sorted(shown) == sorted(job_ids)


def test_jobs_are_listed_by_state(gateway: Open, own: str, prefect_server: str) -> None:
    """One state, or several; failures say why, and the queue's length is told."""
    client = gateway(ECG_DEPLOYMENT=own)
    queued, paused, running, completed, failed, cancelled = handed_in(client, 6)
    put(prefect_server, paused, "PAUSED")
    put(prefect_server, running, "RUNNING")
    put(prefect_server, completed, "COMPLETED")
    put(prefect_server, failed, "FAILED", "Flow run encountered an exception: NoAudio: no stream")
    put(prefect_server, cancelled, "CANCELLED")
    for state, job_ids in {
        "queued": [paused, queued],
        "running": [running],
        "completed": [completed],
        "failed": [failed],
        "cancelled": [cancelled],
    }.items():
        assert [(job["job_id"], job["state"]) for job in page(client, state=state)["jobs"]] == [
            (job_id, state) for job_id in job_ids
        ]
    both = [job["job_id"] for job in page(client, state=["queued", "failed"])["jobs"]]
    assert both == [failed, paused, queued]
    [job] = page(client, state="failed")["jobs"]
    assert (job["error_code"], job["error_message"], job["status"]) == (NoAudio.code, "no stream", "failed")
    [job] = page(client, state="cancelled")["jobs"]
    assert (job["error_code"], job["status"]) == ("JOB_CANCELLED", "failed")
    [job] = page(client, state="completed")["jobs"]
    assert (job["progress"], job["status"]) == (100, "completed")
    until(lambda: page(client)["queued"] == 2)


def test_a_running_job_says_how_far_it_is(gateway: Open, own: str, prefect_server: str) -> None:
    """The latest figure of its progress artifact, as its status says it."""
    client = gateway(ECG_DEPLOYMENT=own)
    [job_id] = handed_in(client, 1)
    put(prefect_server, job_id, "RUNNING")
    [run] = run_of(prefect_server, job_id)
    for figure in (10, 40):
        artifact = {"type": "progress", "data": figure, "flow_run_id": run["id"]}
        until(lambda artifact=artifact: httpx.post(f"{prefect_server}/artifacts/", json=artifact).is_success)  # type: ignore[misc]
    [job] = page(client)["jobs"]
    assert job["progress"] == client.get(STATUS + job_id).json()["progress"] == 40


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "state=done", "cursor=x", "cursor=%ff",
     "cursor=MjAyNi0wMS0zMVQwOTowMDowMFogJycr", "cursor=bm90IGEgdGltZQ=="],
)  # fmt: skip
def test_what_asks_for_no_page_is_refused(gateway: Open, query: str) -> None:
    """422, in the one shape; a cursor that was made up is never passed on to Prefect."""
    client = gateway(PREFECT_API_URL="http://127.0.0.1:9/api")
    assert code(client.get(f"{LIST}?{query}")) == (422, "INVALID_REQUEST")


def test_the_list_wants_the_key(gateway: Open) -> None:
    """As everything about jobs."""
    assert code(gateway(ECG_GATEWAY_API_KEY="sesame").get(LIST)) == (401, "UNAUTHORIZED")
