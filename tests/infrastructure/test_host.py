import pytest

from deployments.host import services
from ecg_audio.errors import InvalidRequest


def test_a_host_runs_a_worker_and_what_its_settings_want() -> None:
    """The offline engine needs no model server; protection is for groups that scale."""
    given = {"PREFECT_API_URL": "http://server/api", "ECG_ENGINE": "offline", "ECG_JOBS_AT_ONCE": "2"}
    found = {service.name: service for service in services(given)}
    assert set(found) <= {"warm", "worker"}
    assert found["worker"].command[-9:] == [
        *("worker", "start", "--pool", "gpu", "--type", "process", "--limit", "2"),
        "--with-healthcheck",
    ]
    scaling = services(given | {"ECG_SCALE_IN_PROTECTION": "1"})
    assert {service.name for service in scaling} == {*found, "protection"}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"PREFECT_API_URL": ""}, "PREFECT_API_URL"),
        ({"ECG_JOBS_AT_ONCE": "no"}, "ECG_JOBS_AT_ONCE"),
        ({"ECG_ENGINE": "x"}, "engine"),
    ],
)
def test_settings_that_cannot_be_used_are_named(wrong: dict[str, str], named: str) -> None:
    """Nothing is started with half a configuration."""
    with pytest.raises(InvalidRequest, match=named):
        services({"PREFECT_API_URL": "http://server/api", "ECG_ENGINE": "offline"} | wrong)
