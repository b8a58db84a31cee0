"""The Prefect server a command talks to: the one that is configured, else a private one for as long as it runs."""

import os
import secrets
import select
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from ecg_audio import environment, workspace
from ecg_audio.errors import InsufficientResources, InvalidRequest
from ecg_audio.settings import Models, Prefect
from ecg_audio.telemetry import TELEMETRY_OFF

STARTUP_S = 120.0
ANSWER_S = 5.0
DRAIN_S = 5.0

QUIET = {
    **TELEMETRY_OFF,
    "OTEL_SDK_DISABLED": "true",
    # the terminal shows progress and one line for an error; logs are in Prefect
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_CLI_PROMPT": "false",
}

TOKENLESS = {"PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "false"}
"""For a Prefect server of ours, whatever the environment asks for: no tokens against forged pages, which are kept
out by the key and the list of origins."""
LOCAL_CLIENT = {
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    "PREFECT_API_SSL_CERT_FILE": str(Path(__file__).with_name("nobody.pem")),
}
"""For its clients, of which a run makes seven. Each would fetch a token, ask a server of the same installation for its
version, and read all authorities of the world, 30 ms of processor time, although no TLS guards a server of this
machine. The certificate of `nobody.pem` has ended, and its key was thrown away."""


def quieten(*, debug: bool) -> None:
    """Set up the environment before Prefect is imported: telemetry off, and unless debugging, no chatter."""
    if debug:
        QUIET.pop("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", None)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def configured() -> str | None:
    """The API address that the environment or the active Prefect profile names; found without importing Prefect."""
    if os.environ.get("PREFECT_API_URL"):
        return os.environ["PREFECT_API_URL"]
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    try:
        profiles = tomllib.loads((home / "profiles.toml").read_text())
    except (OSError, tomllib.TOMLDecodeError):
        return None
    active = os.environ.get("PREFECT_PROFILE") or profiles.get("active", "")
    address = profiles.get("profiles", {}).get(active, {}).get("PREFECT_API_URL")
    return str(address) if address else None


def use_engine_settings() -> None:
    """Let ECG_ENGINE_SETTINGS's block say what the environment does not; where it is not set, Prefect stays unimported.

    Raises:
        InvalidRequest: no server is configured, or it has no such block.
    """
    if Models.read().engine_settings:
        needs_server()
        from blocks.engine import use_settings

        use_settings()


def needs_server() -> None:
    """Raise `InvalidRequest` unless a Prefect server is configured: blocks live there."""
    if configured() is None:
        raise InvalidRequest(
            "blocks are kept by a Prefect server, and none is configured",
            hint="Set PREFECT_API_URL, such as http://127.0.0.1:4200/api.",
        )


def reachable(address: str) -> bool:
    """Whether a Prefect server answers at an API address."""
    import httpx

    from ecg_audio.address import trusted_at

    try:
        answer = httpx.get(f"{address.rstrip('/')}/health", timeout=ANSWER_S, verify=trusted_at(address))
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.status_code == 200


def database_template() -> Path:
    """Where an empty database of Prefect's, migrated and with all types of blocks, is kept once one has been made."""
    return workspace.cache() / f"prefect-{version('prefect')}-aws-{version('prefect-aws')}.db"


def new_key() -> str:
    """What opens the API of a Prefect server of ours, as user:password."""
    return f"ecg:{secrets.token_urlsafe(32)}"


class PrivateServer:
    """A Prefect server of our own, in a child process. It begins to start with the constructor.

    Args:
        key: what its clients must show, as user:password; None: nothing.
    """

    def __init__(self, key: str | None) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self.address = f"{origin}/api"
            closed = {"PREFECT_SERVER_CORS_ALLOWED_ORIGINS": origin}
            if key:
                closed["PREFECT_SERVER_API_AUTH_STRING"] = key
            given = str(listener.fileno()), str(database_template())
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deployments.service.private_server", *given],
                stdin=subprocess.PIPE,  # its end is the server's signal to stop
                stdout=subprocess.PIPE,  # a line on it is the server's signal that it answers
                stderr=subprocess.DEVNULL,
                env=environment.chosen(os.environ, environment.PREFECT_PROGRAM) | TOKENLESS | closed,
                start_new_session=True,
                pass_fds=[listener.fileno()],
            )

    def wait(self) -> None:
        """Return when the server answers; for its starter alone to call, once.

        Raises:
            InsufficientResources: it did not come up.
        """
        assert self._process.stdout
        heard, _, _ = select.select([self._process.stdout], [], [], STARTUP_S)
        if not (heard and self._process.stdout.readline()):
            raise InsufficientResources(
                "the private Prefect server did not start",
                hint="Start one yourself (`prefect server start`) and set PREFECT_API_URL; it says what is wrong.",
            )

    def stop(self) -> None:
        """End the server."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@contextmanager
def prefect_server() -> Iterator[PrivateServer | None]:
    """Make sure that flows find a server. Yields at once; call `wait` on what it yields before running a flow.

    Yields:
        the private server that is starting, or None where one is configured.

    Raises:
        InvalidRequest: a server is configured and does not answer.
    """
    address = configured()
    if address is not None:
        if not reachable(address):
            raise InvalidRequest(
                f"no Prefect server answers at {address}",
                hint="Start it, or unset PREFECT_API_URL to run with a private one.",
            )
        yield None
        return
    key = new_key()
    server = PrivateServer(key)
    here = {Prefect.variable("url"): server.address, Prefect.variable("auth_string"): key, **LOCAL_CLIENT}
    os.environ.update(here)
    os.environ.setdefault("PREFECT_HOME", str(workspace.cache() / "prefect"))
    try:
        yield server
    finally:
        _drain()
        for name in here:
            os.environ.pop(name, None)
        server.stop()


@contextmanager
def unwatched(server: PrivateServer | None) -> Iterator[None]:
    """Runs on a private server send no heartbeats: nobody looks for them, and their thread is up to 1 s late to end."""
    if server is None:
        yield
        return
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


def _drain() -> None:
    """Let Prefect send what it still holds, so that it does not complain about a server that is gone."""
    if "prefect" in sys.modules:
        from prefect.events.worker import EventsWorker
        from prefect.logging.handlers import APILogWorker

        APILogWorker.drain_all(timeout=DRAIN_S)
        EventsWorker.drain_all(timeout=DRAIN_S)
