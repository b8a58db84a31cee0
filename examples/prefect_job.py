"""One job by Prefect's own API, with nothing of ours installed.

    PREFECT_API_URL=http://localhost:4200/api PREFECT_API_AUTH_STRING=user:password \
        python examples/prefect_job.py SOURCE JOB_ID

The job id is the idempotency key: handed in twice, it is the same run.
"""

import os
import sys
import time

import httpx

DEPLOYMENT = "analyze/analyze"
ENDED = {"COMPLETED", "FAILED", "CANCELLED"}  # a run that CRASHED is begun again by the reconciler
POLL_S = 2.0


def client() -> httpx.Client:
    """For Prefect's API, as the environment names it."""
    user, _, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    address = os.environ["PREFECT_API_URL"]
    return httpx.Client(base_url=address, auth=(user, password) if user else None, timeout=30.0)


def hand_in(prefect: httpx.Client, source: str, job_id: str, deployment: str = DEPLOYMENT) -> str:
    """Hand in a job; returns the id of its run."""
    known = prefect.get(f"/deployments/name/{deployment}").raise_for_status().json()
    asked = {"idempotency_key": job_id, "parameters": {"request": {"source": source, "job_id": job_id}}}
    run = prefect.post(f"/deployments/{known['id']}/create_flow_run", json=asked).raise_for_status().json()
    return str(run["id"])


def state(prefect: httpx.Client, run_id: str) -> str:
    """How a run stands: SCHEDULED, PENDING, RUNNING, COMPLETED, FAILED, CRASHED or CANCELLED."""
    return str(prefect.get(f"/flow_runs/{run_id}").raise_for_status().json()["state"]["type"])


def main() -> int:
    """Hand in, wait, and print how it ended."""
    source, job_id = sys.argv[1:]
    with client() as prefect:
        run_id = hand_in(prefect, source, job_id)
        while (stands := state(prefect, run_id)) not in ENDED:
            time.sleep(POLL_S)
    print(stands)  # noqa: T201 - a program for the terminal
    return 0 if stands == "COMPLETED" else 1


if __name__ == "__main__":
    sys.exit(main())
