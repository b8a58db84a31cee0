"""`ecg serve`: the whole service on one machine, until it is told to stop."""

import base64
import fcntl
import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from deployments.service import postgres, prefect_server, programs, readiness, session
from deployments.service.job_board import JobBoard
from deployments.service.programs import PYTHON, SILENT_S
from deployments.service.status_page import StatusPage
from deployments.service.supervisor import Service, Supervisor
from deployments.terminal import out
from ecg_audio import environment
from ecg_audio.errors import AddressInUse, InvalidRequest
from ecg_audio.peer import LONGEST_PATH
from ecg_audio.settings import Files, Gateway, Models, Prefect, Runs

LOOPBACK = "127.0.0.1"
DATABASE_URL = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
POOLS = ("gpu", "control")
"""What this machine has workers for; a pool that nobody serves is not made."""
DEPLOY = ("deployments.cli", "deploy", "--wait", "300", *(word for pool in POOLS for word in ("--pool", pool)))
STEP_S = 0.2
LOOK_S, PLAIN_LOOK_S = 2.0, 10.0
"""How often Prefect is asked how the jobs are: five requests, which a log needs less often than a page."""
CONTROL_RUNS = 4
"""Batches and reconcilers that run beside each other; they mostly wait."""
QUERY_S = {"gpu": 0.5, "control": 2.0}
"""How often workers ask for runs: a job is begun at once, while a batch or a reconciler may come a moment later."""
CLIENT, SERVER = "client", "server"
"""Prefect's profiles that hold the key of a server of ours."""
CONTROL_DRAIN_S = 5.0
"""They can be stopped at any time: the next one goes on."""


@dataclass(frozen=True)
class ServeOptions:
    """What `ecg serve` was asked for.

    Attributes:
        host: where the gateway listens.
        port: the gateway's.
        prefect_port: of the Prefect server, where none is configured.
        store: where results go; None: as everywhere.
        models: of jobs: auto, embedded, or the name of a Whisper model.
        limit: jobs at once.
        data: folder for the server's database and all logs.
        warm: whether to keep models warm.
        drain_s: how long jobs that run may take to end when the service is stopped.
        plain: lines instead of a page.
    """

    host: str
    port: int
    prefect_port: int
    store: str | None
    models: str
    limit: int
    data: Path
    warm: bool
    drain_s: float
    plain: bool


def serve(wanted: ServeOptions) -> int:
    """Serve until SIGINT or SIGTERM; returns 0 when all has ended in order.

    Raises:
        AddressInUse: another program, or another `ecg serve`, is where a service would be.
        InvalidRequest: a Prefect server is configured and does not answer.
        EngineUnavailable: the models that jobs will ask for cannot be had.
        ServiceFailed: a service dies however often it is begun.
    """
    api = session.configured()
    if api is not None and not session.reachable(api):
        raise InvalidRequest(
            f"no Prefect server answers at {api}",
            hint="Start it, or unset PREFECT_API_URL to serve with one of its own.",
        )
    with_models = _with_models(wanted)
    key = None if api else _key(wanted.data)
    services = _services(wanted, api, key, with_models=with_models)
    credentials = _credentials(key)
    api = api or _own_api(wanted)
    with _alone(wanted.data), ExitStack() as stack:
        _check_ports(wanted, services)
        stops = _stops(stack)
        board = JobBoard(api, credentials)
        stack.callback(board.close)
        supervisor = stack.enter_context(Supervisor(services, wanted.data / "logs"))
        plain = wanted.plain or not out.is_terminal
        notes = _notes(wanted, api, own=key is not None)
        page = stack.enter_context(StatusPage(list(supervisor.supervised.values()), notes, out, plain=plain))
        _watch(supervisor, page, board, notes, stops, PLAIN_LOOK_S if plain else LOOK_S)
        jobs = board.look()

        def shown() -> None:
            page.show(jobs)

        if stops and plain:
            page.say(f"stopping; jobs that run get {wanted.drain_s:.0f} s to end, once more stops at once")
        supervisor.stop(shown, hurried=lambda: len(stops) > 1)
    if plain:
        page.say("stopped")
    return 0


def _watch(
    supervisor: Supervisor,
    page: StatusPage,
    board: JobBoard,
    notes: Sequence[str],
    stops: Sequence[int],
    look_s: float,
) -> None:
    """Keep everything running, and shown, until a signal comes."""
    began = time.monotonic()
    looked, jobs, was_up = 0.0, None, False
    while not stops:
        supervisor.step()
        if supervisor.supervised["deploy"].up and time.monotonic() - looked > look_s:
            looked, jobs = time.monotonic(), board.look()
        page.show(jobs)
        if supervisor.up and not was_up:
            was_up = True
            page.say(f"up in {time.monotonic() - began:.1f} s")
            for note in notes:
                page.say(note)
        time.sleep(STEP_S)


def _services(wanted: ServeOptions, configured: str | None, key: str | None, *, with_models: bool) -> list[Service]:
    from blocks.storage import is_block, reference

    api = configured or _own_api(wanted)
    store = reference(wanted.store)
    env = {
        **{name: value for name, value in session.QUIET.items() if "CONSOLE" not in name},
        Files.variable("store"): store if is_block(store) else str(Path(store).expanduser().absolute()),
        "NO_COLOR": "1",
        "PATH": programs.own_path(os.environ.get("PATH")),
        Prefect.variable("url"): api,
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PYTHONUNBUFFERED": "1",
    }
    gateway = {
        Gateway.variable("host"): wanted.host,
        Gateway.variable("port"): str(wanted.port),
        Gateway.variable("models"): wanted.models,
    }
    services: list[Service] = []
    client = {"PREFECT_PROFILE": CLIENT} if key else {}  # for those alone that speak to Prefect's server
    if key:
        env["PREFECT_HOME"] = str(_prefect_folder(wanted.data))
        env["PREFECT_PROFILES_PATH"] = str(_profiles(wanted.data))
        gateway[Prefect.variable("auth_string")] = key  # it knows no Prefect, so no profiles
        database = os.environ.get(DATABASE_URL)
        start = [*PYTHON, "deployments.service.prefect_server", str(wanted.prefect_port)]
        if not database:
            folder = wanted.data.absolute() / "postgres"
            postgres.check(folder)
            database = postgres.url(folder)
            start.append(str(folder))  # whose socket it waits for when it has imported Prefect
            run = [*PYTHON, "deployments.service.postgres", str(folder)]
            accepts = postgres.accepts(folder)
            services.append(Service("database", run, accepts, str(folder), stop_s=30.0, silent_s=SILENT_S))
        page = api.removesuffix("/api")
        # it listens to this machine alone: the list of processes tells which runs live
        env[Runs.variable("one_machine")] = "1"
        # its database is begun again within seconds
        env |= session.LOCAL_CLIENT | {"PREFECT_CLIENT_RETRY_EXTRA_CODES": "500"}
        own = (
            prefect_server.settings()
            | session.TOKENLESS
            | {
                DATABASE_URL: database,
                "PREFECT_PROFILE": SERVER,
                "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": page,
                "PREFECT_UI_API_URL": api,
                "PREFECT_UI_STATIC_DIRECTORY": str(_prefect_folder(wanted.data) / "ui"),  # packages may not be writable
            }
        )
        ready = readiness.answers(f"{api}/health")
        services.append(Service("server", start, ready, page, env | own, silent_s=SILENT_S))
    server = ("server",) if key else ()
    if with_models:
        address = str(_models_socket(wanted.data))
        # it is asked to end last, so that jobs that are still running keep their models
        services.append(programs.model_server(address, wanted.models, dict(env), startup_s=300.0))
        env[Models.variable("model_server")] = address
    # after the server, from whose start its imports would take the processor; no job can come before that answers
    if warm := programs.fork_server(wanted.data, env, after=server):
        env[environment.WARM_SOCKET] = warm.address
        services.append(warm)
    # it imports Prefect while the server does, and waits for it
    services.append(Service("deploy", [*PYTHON, *DEPLOY], env=env | client, once=True))
    for pool, limit in zip(POOLS, (wanted.limit, CONTROL_RUNS), strict=True):
        name = f"{socket.gethostname()}-{pool}"
        command = programs.worker(pool, limit, "--name", name, "--create-pool-if-not-found")
        drain_s = wanted.drain_s if pool == "gpu" else min(wanted.drain_s, CONTROL_DRAIN_S)
        ready = readiness.polls(api, _credentials(key), pool, name)
        work = env | client | {"PREFECT_WORKER_QUERY_SECONDS": str(QUERY_S[pool])}
        services.append(Service(f"worker {pool}", command, ready, env=work, after=("deploy",), drain_s=drain_s))
    address = f"http://{wanted.host}:{wanted.port}"
    alive = readiness.answers(f"{address}/health/live")
    services.append(Service("gateway", [*PYTHON, "gateway"], alive, address, env | gateway, server, silent_s=SILENT_S))
    return [replace(service, variables=programs.VARIABLES[service.name]) for service in services]


def _own_api(wanted: ServeOptions) -> str:
    return f"http://{LOOPBACK}:{wanted.prefect_port}/api"


def _models_socket(data: Path) -> Path:
    """Where the model server listens.

    Raises:
        InvalidRequest: the path is too long for a socket.
    """
    path = data.absolute() / "models" / "socket"
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise InvalidRequest(
            f"--data: {path} is longer than the {LONGEST_PATH} bytes that a socket's path may have",
            hint="Name a folder with a shorter path.",
        )
    return path


def _prefect_folder(data: Path) -> Path:
    return data.absolute() / "prefect"


def _key_file(data: Path) -> Path:
    return _prefect_folder(data) / "key"


def _key(data: Path) -> str:
    """What opens Prefect's API, as user:password; made once for a data folder, and readable by this user alone."""
    folder, file = _prefect_folder(data), _key_file(data)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    if not file.exists():
        _write(file, session.new_key())
    key = file.read_text().strip()
    _write(
        _profiles(data),
        f'active = "none"\n[profiles.none]\n[profiles.{CLIENT}]\n{Prefect.variable("auth_string")} = "{key}"\n'
        f'[profiles.{SERVER}]\nPREFECT_SERVER_API_AUTH_STRING = "{key}"\n',
    )
    return key


def _profiles(data: Path) -> Path:
    """From which Prefect's server and its clients read the key, so that it stands in the environment of none."""
    return _prefect_folder(data) / "profiles.toml"


def _write(file: Path, text: str) -> None:
    incoming = os.open(part := file.with_suffix(".part"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(incoming, "w") as opened:
        opened.write(text)
    part.replace(file)


def _with_models(wanted: ServeOptions) -> bool:
    """Whether a model server is wanted, and nobody else serves models.

    Raises:
        EngineUnavailable: the models that jobs will ask for cannot be had.
    """
    from ecg_audio.speech import engine

    session.use_engine_settings()
    if Models.read().model_server:
        return False
    engine.LocalEngine(wanted.models)  # what cannot be had is said now
    return wanted.warm


def _notes(wanted: ServeOptions, api: str, *, own: bool) -> list[str]:
    from blocks.storage import reference
    from gateway.settings import open_door

    way_in = f" (it asks for the text in {_key_file(wanted.data)})" if own else ""
    earlier = _prefect_folder(wanted.data) / "prefect.db"
    warning = open_door(wanted.host)
    left = [f"note      {earlier} holds runs of an earlier version and is not read any more"]
    return [
        f"page      http://{wanted.host}:{wanted.port}/",
        f"jobs      POST http://{wanted.host}:{wanted.port}/api/upload-video/process-video",
        f"Prefect   {api.removesuffix('/api')}{way_in}",
        f"results   {reference(wanted.store)}",
        f"logs      {wanted.data.absolute() / 'logs'}",
        *(left if own and earlier.exists() else []),
        *([f"warning   {warning}"] if warning else []),
    ]


def _credentials(key: str | None) -> dict[str, str]:
    """Headers for Prefect's API: by the key of the server of ours, else as the environment says."""
    if key:
        return {"Authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}
    from gateway.settings import credentials

    return credentials(Prefect.read())


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """One `ecg serve` a data folder: two would write one database."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock: IO[str] = (data / "lock").open("a+")
    except OSError as error:
        raise InvalidRequest(f"--data: {data} cannot be used: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AddressInUse(
                f"ecg serve runs already with the data in {data} (pid {lock.read().strip()})",
                hint="End that one, or name another folder with --data.",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _check_ports(wanted: ServeOptions, services: Sequence[Service]) -> None:
    names = {service.name for service in services}
    places = [("--port", wanted.host, wanted.port)]
    places += [("--prefect-port", LOOPBACK, wanted.prefect_port)] if "server" in names else []
    for option, host, port in places:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise AddressInUse(
                    f"{host}:{port} cannot be listened on: {error.strerror}", hint=f"Choose another with {option}."
                ) from error


def _stops(stack: ExitStack) -> list[int]:
    """The signals to stop that have come, from now on."""
    came: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        before = signal.signal(number, lambda received, _frame: came.append(received))
        stack.callback(signal.signal, number, before)
    return came
