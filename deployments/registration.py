"""Make a Prefect server know the work pools, deployments and automations of this project.

Everything is compared before it is written, so a second run changes nothing: schedules keep their next runs, and what
operators have paused stays paused.
"""

import json
from collections.abc import AsyncIterator, Collection
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, get_args, get_type_hints

from ecg_audio.errors import InvalidRequest, OrchestratorUnavailable

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

HERE = Path(__file__).parent
DEPLOYMENTS = HERE / "prefect.yaml"
AUTOMATIONS = HERE / "automations.yaml"
PoolType = Literal["process", "docker", "ecs"]
POOLS = {
    "gpu": "Jobs on hosts with a GPU; each worker takes as many at once as its --limit says, 1 or 2 a GPU.",
    "cpu": "Jobs on hosts without a GPU.",
    "control": "Flows that only ask and tell, batches and the reconciler: never behind the jobs they look after.",
}
UPKEEP = "control"
"""The pool of the reconciler, which the automations nudge."""
QUEUES = {"batches": 3}
"""Queues of the control pool, and how many of their runs may be under way: a worker that takes four has a place left
for the reconciler. Prefect counts the runs themselves, so no count outlives them."""
REMOVED = ("ecg-silent-runs",)
"""Automations of earlier versions: silence is the reconciler's to judge, which begins the run again."""
JOB_POOLS = ("gpu", "cpu")
"""The pools whose type operators choose; the control pool's runs are always processes of its worker."""


class Registered(NamedTuple):
    """One thing on the server, and what was done about it."""

    kind: str
    name: str
    done: Literal["made", "changed", "unchanged", "left out", "removed"]


async def register(
    pools: PoolType | None = None, image: str | None = None, only: Collection[str] = ()
) -> AsyncIterator[Registered]:
    """Register all but the blocks with the server that Prefect's settings name.

    Args:
        pools: type of the pools for jobs; None: as they are, else processes.
        image: what runs run in, for types that have images; None: the template's.
        only: names of pools; others, and the deployments that run in them, are left as they are. Empty: all.

    Yields:
        each thing as it is done.

    Raises:
        InvalidRequest: a pool exists already with another type, or there is none of a name.
        OrchestratorUnavailable: no server answers.
    """
    import httpx
    from prefect.client.orchestration import get_client

    if unknown := set(only) - set(POOLS):
        raise InvalidRequest(f"work pools are {', '.join(POOLS)}, not {', '.join(sorted(unknown))}")
    wanted = [name for name in POOLS if not only or name in only]
    try:
        async with get_client() as client:
            for name in wanted:
                yield await _pool(client, name, pools if name in JOB_POOLS else "process", image)
            for name in QUEUES if UPKEEP in wanted else ():
                yield await _queue(client, name)
            for declared in declared_deployments():
                if declared["work_pool"]["name"] in wanted:
                    yield await _deployment(client, declared)
            for declared in _read(AUTOMATIONS)["automations"] if UPKEEP in wanted else ():
                yield await _automation(client, declared)
            for name in REMOVED if UPKEEP in wanted else ():
                for automation in await client.read_automations_by_name(name):
                    await client.delete_automation(automation.id)
                    yield Registered("automation", name, "removed")
    except httpx.TransportError as error:
        raise OrchestratorUnavailable(
            f"no Prefect server answers: {error}", hint="Start it, or correct PREFECT_API_URL."
        ) from error


def template(kind: PoolType, image: str | None = None) -> dict[str, Any]:
    """The base job template of a pool, as Prefect's workers of that type take it."""
    found: dict[str, Any] = json.loads((HERE / "pools" / f"{kind}.json").read_text())
    variables = found["variables"]
    if image and "image" in variables["properties"]:
        variables["properties"]["image"]["default"] = image
    return found


def declared_deployments() -> list[dict[str, Any]]:
    """The deployments of prefect.yaml."""
    found: list[dict[str, Any]] = _read(DEPLOYMENTS)["deployments"]
    return found


def _read(path: Path) -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


async def _pool(client: "PrefectClient", name: str, wanted: PoolType | None, image: str | None) -> Registered:
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectNotFound

    try:
        known = await client.read_work_pool(name)
    except ObjectNotFound:
        kind = wanted or "process"
        made = WorkPoolCreate(name=name, type=kind, description=POOLS[name], base_job_template=template(kind, image))
        await client.create_work_pool(made)
        return Registered("work pool", name, "made")
    if wanted not in {None, known.type}:
        raise InvalidRequest(
            f"the work pool {name} is of the type {known.type}, and a pool keeps its type",
            hint=f"Delete it first (prefect work-pool delete {name}), or leave out --type.",
        )
    described = template(pool_type(known.type), image)
    if known.base_job_template == described and known.description == POOLS[name]:
        return Registered("work pool", name, "unchanged")
    await client.update_work_pool(name, WorkPoolUpdate(description=POOLS[name], base_job_template=described))
    return Registered("work pool", name, "changed")


async def _queue(client: "PrefectClient", name: str) -> Registered:
    from prefect.exceptions import ObjectNotFound

    try:
        known = await client.read_work_queue_by_name(name, work_pool_name=UPKEEP)
    except ObjectNotFound:
        await client.create_work_queue(name, concurrency_limit=QUEUES[name], work_pool_name=UPKEEP)
        return Registered("work queue", name, "made")
    if known.concurrency_limit is not None:  # whatever operators have made of it
        return Registered("work queue", name, "unchanged")
    await client.update_work_queue(known.id, concurrency_limit=QUEUES[name])
    return Registered("work queue", name, "changed")


def pool_type(named: str) -> PoolType:
    """The type of a work pool by its name.

    Raises:
        InvalidRequest: there is no template for it.
    """
    if named not in get_args(PoolType):
        raise InvalidRequest(f"work pools are of the types {', '.join(get_args(PoolType))}, not {named}")
    return cast("PoolType", named)


def form(flow: Any) -> dict[str, Any]:
    """The form of a flow's runs: its parameters with the titles that their `Field`s give, where Prefect has names."""
    from prefect.utilities.callables import parameter_schema
    from pydantic.fields import FieldInfo

    found = parameter_schema(flow).model_dump(exclude_unset=True)
    for name, annotation in get_type_hints(flow.fn, include_extras=True).items():
        for told in getattr(annotation, "__metadata__", ()):
            if isinstance(told, FieldInfo) and told.title:
                found["properties"][name]["title"] = told.title
    return found


async def _deployment(client: "PrefectClient", declared: dict[str, Any]) -> Registered:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.objects import ConcurrencyOptions
    from prefect.deployments.schedules import create_deployment_schedule_create
    from prefect.exceptions import ObjectNotFound
    from prefect.flows import load_flow_from_entrypoint
    from prefect.schedules import Cron

    flow: Any = load_flow_from_entrypoint(declared["entrypoint"], use_placeholder_flow=False)
    limit = declared.get("concurrency_limit") or {}
    schedules: list[DeploymentScheduleCreate] = [
        create_deployment_schedule_create(Cron(schedule["cron"])) for schedule in declared.get("schedules", ())
    ]
    wanted: dict[str, Any] = {
        "version": version("ecg-audio-analyzer"),
        "description": declared["description"],
        "tags": declared["tags"],
        "entrypoint": declared["entrypoint"],
        "parameters": declared.get("parameters", {}),
        "parameter_openapi_schema": form(flow),
        "enforce_parameter_schema": True,
        "pull_steps": [],
        "work_pool_name": declared["work_pool"]["name"],
        "work_queue_name": declared["work_pool"].get("work_queue_name", "default"),
        "job_variables": declared["work_pool"].get("job_variables", {}),
        "concurrency_options": ConcurrencyOptions(collision_strategy=limit["collision_strategy"]) if limit else None,
    }
    name = f"{flow.name}/{declared['name']}"
    try:
        known = await client.read_deployment_by_name(name)
    except ObjectNotFound:
        done: Literal["made", "changed"] = "made"
    else:
        limited = known.global_concurrency_limit
        same = (
            all(_plain(getattr(known, field)) == _plain(value) for field, value in wanted.items())
            and [_plain(kept.schedule) for kept in known.schedules] == [_plain(new.schedule) for new in schedules]
            and (limited.limit if limited else None) == limit.get("limit")
        )
        if same:
            return Registered("deployment", name, "unchanged")
        done = "changed"
    flow_id = await client.create_flow_from_name(flow.name)
    await client.create_deployment(
        flow_id, declared["name"], schedules=schedules, concurrency_limit=limit.get("limit"), **wanted
    )
    return Registered("deployment", name, done)


async def _automation(client: "PrefectClient", declared: dict[str, Any]) -> Registered:
    from prefect.events.schemas.automations import AutomationCore

    for action in declared["actions"]:
        if deployment := action.pop("deployment", None):
            found = await client.read_deployment_by_name(deployment)
            action |= {"source": "selected", "deployment_id": str(found.id), "parameters": {}, "job_variables": {}}
    wanted = AutomationCore.model_validate(declared)
    known = await client.read_automations_by_name(wanted.name)
    if not known:
        await client.create_automation(wanted)
        return Registered("automation", wanted.name, "made")
    asked, kept = (_automated(automation) for automation in (wanted, known[0]))
    if asked == kept:
        return Registered("automation", wanted.name, "unchanged")
    await client.update_automation(known[0].id, wanted)
    return Registered("automation", wanted.name, "changed")


def _automated(automation: Any) -> dict[str, Any]:
    """What an automation does; whether it is enabled is the operators' affair."""
    plain: dict[str, Any] = automation.model_dump(mode="json", include={"name", "description", "trigger", "actions"})
    ordered: dict[str, Any] = _sorted(plain)
    return ordered


def _sorted(value: Any) -> Any:
    """With every list in one order: Prefect keeps sets of names as lists."""
    if isinstance(value, dict):
        return {name: _sorted(inner) for name, inner in value.items() if name != "id"}
    if isinstance(value, list):
        return sorted((_sorted(inner) for inner in value), key=repr)
    return value


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
