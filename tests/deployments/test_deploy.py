"""What `ecg deploy` makes of a Prefect server."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deployments import registration
from deployments.cli import deploy
from deployments.registration import declared_deployments, template
from deployments.service import serve, session
from ecg_audio.errors import InvalidRequest
from tests.support.commands import Ecg

SNAPSHOT = Path(__file__).parent / "deployments.json"
FLOWS = sorted({declared["entrypoint"] for declared in declared_deployments()})
AGREED = (
    *("description", "entrypoint", "tags", "parameters", "enforce_parameter_schema", "paused", "pull_steps"),
    *("work_pool_name", "job_variables", "concurrency_options"),
)


async def told_back() -> list[Any]:
    """The deployments that are declared, as the server that Prefect's settings name tells of them."""
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        names = [f"{_flow(declared['entrypoint'])}/{declared['name']}" for declared in declared_deployments()]
        return [(name, await client.read_deployment_by_name(name)) for name in names]


async def register_as_before() -> None:
    """An automation of an earlier version."""
    from prefect.client.orchestration import get_client
    from prefect.events.actions import DoNothing
    from prefect.events.schemas.automations import AutomationCore, EventTrigger

    async with get_client() as client:
        trigger = EventTrigger(expect={"prefect.flow-run.heartbeat"}, posture="Reactive", threshold=1)
        await client.create_automation(AutomationCore(name="ecg-silent-runs", trigger=trigger, actions=[DoNothing()]))


def _flow(entrypoint: str) -> str:
    return entrypoint.rpartition(".")[2].replace("_", "-")


def agreed(known: Any) -> dict[str, Any]:
    """What a deployment's users rely on; ids, times and versions are every server's own."""
    plain = known.model_dump(mode="json")
    limited = plain["global_concurrency_limit"]
    asked = plain["parameter_openapi_schema"]
    return {
        **{name: plain[name] for name in AGREED},
        "concurrency_limit": limited["limit"] if limited else None,
        "schedules": [(schedule["schedule"], schedule["active"]) for schedule in plain["schedules"]],
        "form": {name: f"{field['title']}: {field['description']}" for name, field in asked["properties"].items()},
        "required": asked.get("required", []),
    }


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_what_is_registered_is_what_was_agreed(ecg: Ecg) -> None:
    """The deployments, as Prefect tells them back, equal the snapshot; a second run changes nothing and says so.

    What earlier versions registered and nobody wants any more goes.
    """
    asyncio.run(register_as_before())
    first = ecg("deploy")
    assert first.code == 0, first.err
    assert "removed   automation  ecg-silent-runs" in first.out
    for name in ("gpu", "cpu", "control", "batches", "analyze/analyze", "reconcile/reconcile", "ecg-ended-badly"):
        assert any(line.split()[-1] == name for line in first.out.splitlines()), first.out
    known = asyncio.run(told_back())
    found = {name: agreed(deployment) for name, deployment in known}
    shown = json.dumps(found, indent=2, ensure_ascii=False)
    assert json.loads(shown) == json.loads(SNAPSHOT.read_text()), f"if that is meant, {SNAPSHOT} becomes: {shown}"

    second = ecg("deploy")
    assert second.out.splitlines()[-1].startswith("nothing to do")
    assert {line.split()[0] for line in second.out.splitlines()[:-1]} <= {"unchanged", "left"}  # left out, that is
    assert asyncio.run(told_back()) == known, "not even a schedule is made anew"

    refused = ecg("deploy", "--type", "docker")
    assert (refused.code, "the work pool gpu is of the type process" in refused.err) == (2, True)


def test_a_server_that_is_only_beginning_is_waited_for(ecg: Ecg, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again until it answers, as long as `--wait` says, and only then told anything."""
    answers, told = [False, False, True], list[int]()

    async def nothing(*_asked: object) -> AsyncIterator[str]:
        told.append(len(answers))
        for line in ():
            yield line

    monkeypatch.setattr(session, "reachable", lambda _api: answers.pop(0))
    monkeypatch.setattr(deploy, "STEP_S", 0.0)
    monkeypatch.setattr(registration, "register", nothing)
    monkeypatch.setattr("blocks.registration.register", lambda _environment: ())
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    ended = ecg("deploy", "--wait", "60")
    assert (ended.code, told) == (0, [0]), ended.err


def test_nothing_is_registered_with_nobody(ecg: Ecg, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a configured server, or for an unknown type of pool, the command says what to do."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "none"))
    nobody = ecg("deploy")
    assert (nobody.code, "no Prefect server is configured" in nobody.err) == (2, True)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    unknown = ecg("deploy", "--type", "kubernetes")
    assert (unknown.code, "process, docker, ecs" in unknown.err) == (2, True)


@pytest.mark.parametrize(
    ("only", "left_out"),
    [
        ((), set()),
        (serve.POOLS, {"cpu", "analyze-cpu", "revise-cpu", "burn-cpu", "remember-voice-cpu"}),
        (("cpu",), {"gpu", "control", "analyze", "reconcile"}),
    ],
)
def test_what_nobody_serves_is_not_made(
    only: tuple[str, ...], left_out: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ecg serve` makes the pools that it has workers for, and the deployments and automations of these."""

    async def pool(_client: object, name: str, *_asked: object) -> registration.Registered:
        return registration.Registered("work pool", name, "made")

    class Bare:
        async def read_automations_by_name(self, _name: str) -> list[Any]:
            return []

    async def declared(_client: object, thing: dict[str, Any]) -> registration.Registered:
        return registration.Registered("thing", thing["name"], "made")

    monkeypatch.setattr(registration, "_pool", pool)
    monkeypatch.setattr(registration, "_queue", pool)
    monkeypatch.setattr(registration, "_deployment", declared)
    monkeypatch.setattr(registration, "_automation", declared)
    monkeypatch.setattr("prefect.client.orchestration.get_client", lambda: contextlib.nullcontext(Bare()))

    async def made(*names: str) -> set[str]:
        return {thing.name async for thing in registration.register(only=names)}

    everything = asyncio.run(made())
    found = asyncio.run(made(*only))
    assert left_out <= everything and not left_out & found
    assert ("reconcile" in found) == any(name.startswith("ecg-") for name in found)
    with pytest.raises(InvalidRequest, match="tpu"):
        asyncio.run(made("tpu"))


def test_the_form_of_a_run_explains_itself() -> None:
    """Each field of a request that the UI's form shows has a description, a default where it need not be given."""
    from ecg_audio.request import AnalysisRequest

    schema = AnalysisRequest.model_json_schema()
    assert schema["required"] == ["source"]
    for name, field in schema["properties"].items():
        assert field.get("description") or "$ref" in field or "enum" in field, f"{name} is not explained"


@pytest.mark.parametrize("flow", FLOWS)
def test_forms_speak_in_words(flow: str) -> None:
    """Every field of a flow's form, in whatever depth, has a title in words, no name, and says what it takes."""
    from prefect.flows import load_flow_from_entrypoint

    asked = registration.form(load_flow_from_entrypoint(flow, use_placeholder_flow=False))
    for kind in (asked, *asked.get("definitions", {}).values()):
        for name, field in kind.get("properties", {}).items():
            title = field.get("title")
            assert title and "_" not in title and title != name and title != name.replace("_", " ").title(), name
            assert field.get("description"), name


def worker_types() -> list[Any]:
    """The workers of the types that there are templates for."""
    from prefect.workers.process import ProcessWorker
    from prefect_aws.workers.ecs_worker import ECSWorker
    from prefect_docker.worker import DockerWorker

    return [ProcessWorker, DockerWorker, ECSWorker]


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_the_workers_take_their_templates() -> None:
    """Each worker makes a job of its template's defaults, has every field it fills in, and asks for nothing more."""
    given = {
        "cluster": "ecg",
        "image": "registry.example.com/ecg:1",
        "execution_role_arn": "arn:aws:iam::123456789012:role/ecg-execution",
        "task_role_arn": "arn:aws:iam::123456789012:role/ecg-task",
    }

    async def job(worker: Any) -> Any:
        described = template(worker.type, "registry.example.com/ecg:1")
        ours, theirs = described["job_configuration"], worker.get_default_base_job_template()["job_configuration"]
        assert set(ours) <= set(theirs), worker.type
        needed = {name: given[name] for name in described["variables"].get("required", ())}
        return await worker.job_configuration.from_template_and_values(described, needed)

    made = {worker.type: asyncio.run(job(worker)) for worker in worker_types()}
    for configuration in made.values():
        assert configuration.env["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"
    assert str(made["process"].working_dir) == "."
    gpus = made["docker"].container_create_kwargs["device_requests"]
    assert gpus == [{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]}]
    container = made["ecs"].task_definition["containerDefinitions"][0]
    assert container["resourceRequirements"] == [{"type": "GPU", "value": "1"}]
    assert made["ecs"].task_definition["requiresCompatibilities"] == ["EC2"]
