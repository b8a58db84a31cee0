"""How long the list of jobs takes when it is long: `python -m benchmarks.listing --data ecg-data [--jobs 10000]`.

Asks the gateway of an `ecg serve` that runs and has done at least one job. That job's run is copied in its database,
with other ids and earlier times, until there are so many; then pages are asked for as the page does, first to last, by
state and by a word of the name. Prints one JSON object. Use a data folder of no other worth: the copies stay.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

import httpx

from deployments.service import postgres

LIST = "/api/upload-video/jobs"
ASKED = {
    "first page": {"limit": 50},
    "by state": {"limit": 50, "state": "completed"},
    "a rare name": {"limit": 50, "search": "copy-7777"},
    "a common name": {"limit": 50, "search": "copy"},
    "no such name": {"limit": 50, "search": "nobody is called so"},
}
OWN = {
    "id": "gen_random_uuid()",
    "idempotency_key": "'copy-' || n",
    "name": "'copy-' || n || ' · recording ' || n || '.mp4'",
    "expected_start_time": "expected_start_time - n * interval '1 minute'",
}


def main() -> None:
    """Copy, ask, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--gateway", default="http://127.0.0.1:8080")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    jobs = asyncio.run(_copied(given.data, given.jobs))
    found: dict[str, object] = {"jobs": jobs}
    with httpx.Client(base_url=given.gateway, timeout=60.0) as client:
        for name, query in ASKED.items():
            took_ms = sorted(_asked_ms(client, query) for _ in range(given.times))
            found[name] = {
                "median_ms": round(statistics.median(took_ms), 1),
                "p95_ms": round(took_ms[int(0.95 * len(took_ms)) - 1], 1),
            }
    sys.stdout.write(json.dumps(found) + "\n")


async def _copied(data: Path, count: int) -> int:
    """Copy the latest job's run so often; how many jobs there are then."""
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(postgres.url(data.absolute() / "postgres"))
    async with engine.begin() as connection:
        asked = "SELECT column_name FROM information_schema.columns WHERE table_name = 'flow_run'"
        told = await connection.execute(text(f"{asked} AND is_generated = 'NEVER'"))
        columns = [row[0] for row in told]
        values = ", ".join(OWN.get(column, f'"{column}"') for column in columns)
        names = ", ".join(f'"{column}"' for column in columns)
        latest = (
            "SELECT * FROM flow_run WHERE tags::text LIKE '%gateway%' AND state_type = 'COMPLETED' "
            "AND idempotency_key NOT LIKE 'copy-%' ORDER BY expected_start_time DESC LIMIT 1"
        )
        await connection.execute(
            text(
                f"INSERT INTO flow_run ({names}) SELECT {values} FROM ({latest}) one, generate_series(1, :n) n "
                "ON CONFLICT DO NOTHING"
            ),
            {"n": count},
        )
        await connection.execute(text("ANALYZE flow_run"))  # as the database does by itself, a minute later
        number = await connection.scalar(text("SELECT count(*) FROM flow_run WHERE tags::text LIKE '%gateway%'"))
    await engine.dispose()
    return int(number or 0)


def _asked_ms(client: httpx.Client, query: dict[str, object]) -> float:
    began = time.perf_counter()
    client.get(LIST, params=query).raise_for_status()
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
