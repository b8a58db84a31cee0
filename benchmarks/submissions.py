"""Many callers at one gateway: `python -m benchmarks.submissions [--at-once 30 100] [--listed 10000]`.

`ecg serve` as it is, on PostgreSQL, but for its models, which are stubs. For each number, so many callers hand in a job
each at the same moment, and come again after Retry-After when they are sent away. Then so many finished jobs are put
into Prefect's records, and pages of the list are read. Prints one JSON object.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import httpx

from benchmarks.service import load_average
from tests.support.processes.service import Served, served

PROCESS = "/api/upload-video/process-video"
LIST = "/api/upload-video/jobs"
PATIENCE_S = 300.0
SOURCE = "https://93.184.216.34/a.mp4"
"""Nothing answers there: what is measured is how jobs are taken, and not how they end."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-once", type=int, nargs="*", default=[30, 100], metavar="N")
    parser.add_argument("--listed", type=int, default=10_000, metavar="N", help="jobs in the list; 0: no list")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ecg-submissions-") as folder:
        began = time.monotonic()
        with served(Path(folder), {"ECG_STORE": f"{folder}/store", "ECG_WORK_DIR": f"{folder}/work"}) as service:
            found: dict[str, Any] = {"start_s": round(time.monotonic() - began, 1), "crowds": []}
            for count in asked.at_once:
                found["crowds"].append(crowd(service, count))
            if asked.listed:
                found["list"] = listed(service, Path(folder), asked.listed)
    print(json.dumps(found | {"load_average": round(load_average(), 1)}, indent=2))


def crowd(service: Served, count: int) -> dict[str, Any]:
    """So many submissions at the same moment."""
    took: list[float] = []
    refusals: list[int] = []
    start = threading.Barrier(count)

    def hand_in() -> None:
        body = {"job_id": str(uuid.uuid4()), "video_url": SOURCE}
        with httpx.Client(base_url=service.gateway, timeout=30.0) as client:
            start.wait()
            began = time.monotonic()
            while time.monotonic() - began < PATIENCE_S:
                answer = client.post(PROCESS, json=body)
                if answer.status_code == httpx.codes.OK:
                    took.append(time.monotonic() - began)
                    return
                refusals.append(answer.status_code)
                time.sleep(float(answer.headers["Retry-After"]))

    callers = [threading.Thread(target=hand_in) for _ in range(count)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return {
        "at_once": count,
        "accepted": len(took),
        "refusals": len(refusals),
        "median_s": round(statistics.median(took), 2) if took else None,
        "worst_s": round(max(took), 2) if took else None,
    }


def listed(service: Served, folder: Path, count: int) -> dict[str, Any]:
    """Pages of a list of so many jobs."""
    with httpx.Client(base_url=service.gateway, timeout=60.0) as client:
        add_jobs(folder / "data", count)
        timed = {}
        for name, query in {"first": {}, "failed": {"state": "failed"}, "hundred": {"limit": 100}}.items():
            timed[name] = [page_s(client, query) for _ in range(5)]
        cursor, pages, began = None, 0, time.monotonic()
        while pages == 0 or cursor:
            answer = client.get(LIST, params={"limit": 100, **({"cursor": cursor} if cursor else {})})
            cursor, pages = answer.raise_for_status().json()["next_cursor"], pages + 1
        every_s = time.monotonic() - began
    pages_s = {name: round(statistics.median(seconds), 3) for name, seconds in timed.items()}
    return {"jobs": count, "page_s": pages_s, "pages": pages, "all_pages_s": round(every_s, 1)}


def page_s(client: httpx.Client, query: dict[str, Any]) -> float:
    """How long one page takes."""
    began = time.monotonic()
    client.get(LIST, params=query).raise_for_status()
    return time.monotonic() - began


def add_jobs(data: Path, count: int) -> None:
    """Finished jobs in Prefect's records, copied from the newest one."""
    import asyncio

    import asyncpg

    async def add() -> None:
        database = await asyncpg.connect(user="postgres", database="postgres", host=str(data / "postgres"))
        columns = [
            row["column_name"]
            for row in await database.fetch(
                "select column_name from information_schema.columns where table_name = 'flow_run' "
                "and is_generated = 'NEVER'"
            )
        ]
        own = {
            "id": "gen_random_uuid()",
            "idempotency_key": "gen_random_uuid()::text",
            "expected_start_time": "expected_start_time - n * interval '1 minute'",
            "state_id": "null",
            "state_type": "'FAILED'",
            "state_name": "'Failed'",
            "next_scheduled_start_time": "null",
        }
        chosen = ", ".join(f'"{column}"' for column in columns)
        values = ", ".join(own.get(column, f'"{column}"') for column in columns)
        await database.execute(
            f"insert into flow_run ({chosen}) select {values} from "
            "(select * from flow_run where 'gateway' = any(select jsonb_array_elements_text(tags)) "
            f"order by expected_start_time desc limit 1) as newest, generate_series(1, {count}) as n"
        )
        await database.close()

    asyncio.run(add())


if __name__ == "__main__":
    main()
