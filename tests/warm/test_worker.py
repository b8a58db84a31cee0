import os
from collections.abc import Iterator

import pytest

from benchmarks.service import Service, service, until
from benchmarks.throughput import measure
from deployments.service.warm import client

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # six processes import Prefect: on a busy machine that takes its time
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the fork server needs Linux"),
]


@pytest.fixture(scope="module")
def started(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two workers on the tests' Prefect server, and a fork server that was started with other settings than theirs."""
    with service(tmp_path_factory.mktemp("warm") / "service", api=prefect_server) as made:
        made.start_warm(PREFECT_API_URL="http://127.0.0.1:9/api", PREFECT_HOME=str(made.folder / "other"))
        made.staff("tests-warm", workers=2, query_s=0.5, limit=1)
        yield made


def jobs_running(started: Service) -> int:
    """How many jobs the fork server watches."""
    return int(client.ping(started.environment["ECG_WARM_SOCKET"])["jobs"])


def test_jobs_of_two_workers_are_done_once_each_and_none_starts_cold(started: Service) -> None:
    """Each job has one run, however often it is asked for, one manifest, and a start from the fork server."""
    found = measure(started, "tests-warm", 3, same=True)
    assert (found["jobs"], found["cold_starts"]) == (3, 0)
    until(lambda: jobs_running(started) == 0, "their processes have ended")
