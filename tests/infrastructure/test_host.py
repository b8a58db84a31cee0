import pytest

from deployments.service.host import services
from ecg_audio.errors import EngineUnavailable, InvalidRequest

pytestmark = pytest.mark.usefixtures("tiny")


def test_a_host_runs_a_worker_and_what_its_settings_want() -> None:
    """Models are kept warm for the worker's jobs; protection is for groups that scale."""
    given = {"PREFECT_API_URL": "http://server/api", "ECG_JOBS_AT_ONCE": "2"}
    found = {service.name: service for service in services(given)}
    assert {"models", "worker"} <= set(found) <= {"models", "warm", "worker"}
    assert found["models"].command[-5:] == ["serve-models", "--socket", found["models"].address, "--models", "auto"]
    assert found["worker"].env["ECG_MODEL_SERVER"] == found["models"].address
    options = ["--pool", "gpu", "--limit", "2", "--with-healthcheck"]
    assert found["worker"].command[-6:] == ["deployments.service.worker", *options]
    assert found["worker"].drain_s > 0, "asked to end while it has runs, Prefect's worker ends them"
    scaling = services(given | {"ECG_SCALE_IN_PROTECTION": "1"})
    assert {service.name for service in scaling} == {*found, "protection"}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"PREFECT_API_URL": ""}, "PREFECT_API_URL"),
        ({"ECG_JOBS_AT_ONCE": "no"}, "ECG_JOBS_AT_ONCE"),
    ],
)
def test_settings_that_cannot_be_used_are_named(wrong: dict[str, str], named: str) -> None:
    """Nothing is started with half a configuration."""
    with pytest.raises(InvalidRequest, match=named):
        services({"PREFECT_API_URL": "http://server/api"} | wrong)


def test_models_that_cannot_be_had_are_named_before_anything_is_started() -> None:
    """A host whose every job would fail does not pretend to work."""
    with pytest.raises(EngineUnavailable, match="/nowhere/whisper"):
        services({"PREFECT_API_URL": "http://server/api", "ECG_MODELS": "/nowhere/whisper"})
