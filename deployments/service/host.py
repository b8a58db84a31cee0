"""What a GPU host runs where Prefect and the gateway are elsewhere: models, fork server, worker, protection.

`python -m deployments.service.host` supervises them until it gets SIGTERM; then the worker's jobs get a while to end.
Settings: PREFECT_API_URL, ECG_MODELS (which are kept warm), ECG_JOBS_AT_ONCE, and on AWS ECG_SCALE_IN_PROTECTION=1.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Mapping

from deployments.service import programs
from deployments.service.programs import VARIABLES
from deployments.service.session import use_engine_settings
from deployments.service.supervisor import Service, Supervisor
from ecg_audio import environment, modes, workspace
from ecg_audio.errors import EcgError, InvalidRequest
from ecg_audio.settings import Host, Models, Prefect
from ecg_audio.speech import engine

STEP_S = 0.5
DRAIN_S = 90.0


def main() -> int:
    """Run until SIGTERM or SIGINT; returns 0 when all has ended in order."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_received: stop.set())
    try:
        modes.begin()
        with Supervisor(services(os.environ), workspace.root() / "logs") as supervisor:
            while not stop.wait(STEP_S):
                supervisor.step()
            supervisor.stop()
    except EcgError as error:
        sys.stderr.write(f"{error.message} ({error.code})\n{error.hint}\n")
        return 1
    return 0


def services(given: Mapping[str, str]) -> list[Service]:
    """The programs of this host.

    Raises:
        InvalidRequest: a setting is missing or cannot be used.
        EngineUnavailable: the models cannot be had.
    """
    if not Prefect.read(given).url:
        unset = f"{Prefect.variable('url')} is not set"
        raise InvalidRequest(unset, hint="Name the Prefect server that this host works for.")
    host = Host.read(given)
    env = {"PATH": programs.own_path(given.get("PATH"))}
    use_engine_settings()
    engine.LocalEngine(host.models)  # what cannot be had is said now
    address = str(workspace.root().absolute() / "models" / "socket")
    found = [programs.model_server(address, host.models, env, startup_s=600.0)]
    env[Models.variable("model_server")] = address
    if warm := programs.fork_server(workspace.root(), env):
        env[environment.WARM_SOCKET] = warm.address
        found.append(warm)
    command = programs.worker(host.pool, host.jobs_at_once, "--with-healthcheck")
    found.append(Service("worker", command, env=env, variables=VARIABLES["worker gpu"], drain_s=DRAIN_S))
    if host.scale_in_protection:
        protection = [*programs.PYTHON, "deployments.aws.protection"]
        found.append(Service("protection", protection, variables=VARIABLES["protection"], vital=False))
    return found


if __name__ == "__main__":
    # no arguments but --help, so that a mistyped one starts nothing
    parser = argparse.ArgumentParser(
        "python -m deployments.service.host", description=__doc__, epilog="`ecg settings` prints its settings."
    )
    parser.parse_args()
    sys.exit(main())
