"""Bodies that are more than they seem, sent to a gateway that has little memory."""

import gzip
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.gateway.test_hostile import ENDPOINTS
from tests.support.gateway import PROCESS
from tests.support.ports import free_ports
from tests.support.waiting import until

MOST_BYTES = 500_000_000
"""Of its own data, heap and anonymous maps, with all its libraries."""
GROWN_BYTES = 60_000_000


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """The address and process of a gateway whose memory has a limit; nobody answers where its Prefect would be."""
    [port] = free_ports(1)
    store = str(tmp_path_factory.mktemp("store"))
    env = {
        **os.environ,
        "ECG_GATEWAY_PORT": str(port),
        "ECG_STORE": store,
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway"], env=env, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _alive(address), 120.0)
        resource.prlimit(process.pid, resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
        yield address, process.pid
    finally:
        process.kill()
        process.wait()


def _alive(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/live", timeout=5).is_success
    except httpx.TransportError:
        return False


def held(process: int) -> int:
    """The most memory that a process has held, in bytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the kernel does not say")


def bomb(layers: int) -> bytes:
    """JSON of a gigabyte, compressed so many times over."""
    body = b'{"job_id": "' + gzip.compress(b"a" * (1 << 20), mtime=0) * 1000
    for _ in range(layers):
        body = gzip.compress(body, mtime=0)
    return body


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_coded_bodies_are_not_unpacked(limited: tuple[str, int], method: str, path: str, layers: int) -> None:
    """However often it is packed, a body is what arrives: no JSON, or too much of it."""
    address, process = limited
    before = held(process)
    headers = {"Content-Type": "application/json", "Content-Encoding": ", ".join(["gzip"] * layers)}
    answer = httpx.request(method, address + path, content=bomb(layers), headers=headers, timeout=60)
    assert answer.status_code in {413, 422}
    assert held(process) - before < GROWN_BYTES and _alive(address)


@pytest.mark.slow
def test_bodies_and_headers_without_an_end_are_cut_off(limited: tuple[str, int]) -> None:
    """A body in chunks, and a header, that go on until somebody stops them: nothing of them is held."""
    address, process = limited
    before, place = held(process), httpx.URL(address)
    json = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    for head, repeated in (
        (f"POST {PROCESS} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode() + json, b"10000\r\n" + b" " * 65536 + b"\r\n"),
        (b"GET / HTTP/1.1\r\nX: ", b"x" * 65536),
    ):
        with socket.create_connection((place.host, place.port or 80), timeout=30) as connection:
            connection.sendall(head)
            with pytest.raises(OSError):
                for _ in range(16_000):
                    connection.sendall(repeated)
    assert held(process) - before < GROWN_BYTES and _alive(address)
