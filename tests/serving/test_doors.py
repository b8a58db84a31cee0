"""Who and what the model server lets in: its own user, whole requests, so many connections."""

import pickle
import socket
import struct
from contextlib import ExitStack
from pathlib import Path

import pytest

from ecg_audio.errors import AddressInUse, EngineUnavailable, InvalidRequest
from ecg_audio.request import UNGUIDED
from ecg_audio.serving import server as serving
from ecg_audio.serving.client import RemoteEngine
from ecg_audio.serving.server import ModelServer
from tests.serving.test_server import Serve, connected, handed_in, serve, stub, told_by
from tests.support.other_user import needs_root, tries
from tests.support.stub_models import StubModels
from tests.support.waiting import until

__all__ = ["serve", "stub"]

CALLS = pickle.dumps(("stage", ("auto", "transcribe", Path("0.1.flac"), "auto", UNGUIDED)))
ASKS = {"call": struct.pack("!i", len(CALLS)) + CALLS, "probe": b"GET /health HTTP/1.0\r\n\r\n"}
CONNECT = "import socket\ns = socket.socket(socket.AF_UNIX)\ntry:\n    s.connect({!r})\n"
REFUSED = "except OSError as error:\n    print(type(error).__name__)\n"


def connection(server: ModelServer) -> socket.socket:
    """A connection that has said nothing yet."""
    found = socket.socket(socket.AF_UNIX)
    found.settimeout(10.0)
    found.connect(str(server.path))
    return found


def is_closed(found: socket.socket) -> bool:
    """Whether the server closes a connection without another word."""
    try:
        return found.recv(1) == b""
    except ConnectionResetError:
        return True


def test_there_is_no_port_and_the_folder_is_closed(serve: Serve, stub: StubModels) -> None:
    """A socket of this user's, in a folder that nobody else enters; both go with the server."""
    server = serve(stub)
    assert server.socket.family == socket.AF_UNIX
    assert server.path.is_socket() and server.path.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(AddressInUse, match=r"serves .* already"):
        ModelServer(stub, server.path)  # type: ignore[arg-type]
    assert RemoteEngine(server.address).transcribe(Path("0.1.flac")).model == "0.1", "the first one still has its place"
    server.shutdown()
    server.server_close()
    assert not server.path.exists()


def test_a_place_that_others_can_enter_is_none(stub: StubModels, place: Path) -> None:
    """Neither server nor client trusts it; nor is a path longer than sockets have one."""
    place.parent.mkdir(mode=0o755)
    place.parent.chmod(0o755)
    with pytest.raises(InvalidRequest, match="closed to others"):
        ModelServer(stub, place)  # type: ignore[arg-type]
    with pytest.raises(EngineUnavailable, match="not trusted"):
        RemoteEngine(str(place))
    with pytest.raises(InvalidRequest, match="longer than the 107 bytes"):
        ModelServer(stub, place.parent / ("x" * 107))  # type: ignore[arg-type]


@needs_root
def test_another_user_does_not_get_in(serve: Serve, stub: StubModels) -> None:
    """Not through the folder; and where an operator has opened that, the kernel's word on the peer decides."""
    server = serve(stub)
    hear = "    s.sendall(b'GET /health HTTP/1.0\\r\\n\\r\\n')\n    print(s.recv(100))\n"
    script = CONNECT.format(server.address) + hear + REFUSED
    assert tries(script) == "PermissionError"
    for path, mode in ((server.path.parent.parent, 0o755), (server.path.parent, 0o755), (server.path, 0o777)):
        path.chmod(mode)
    assert tries(script) in {"b''", "ConnectionResetError", "BrokenPipeError"}
    server.path.parent.chmod(0o700)
    assert told_by(server, "/health").is_success


def test_connections_have_a_bound(serve: Serve, stub: StubModels) -> None:
    """Two hundred that say nothing get no thread each: beyond the bound they are closed, and the rest in time."""
    server = serve(stub, most_connections=5, request_s=0.5)
    with ExitStack() as stack:
        idle = [stack.enter_context(connection(server)) for _ in range(20)]
        assert all(is_closed(one) for one in idle)
    # a connection leaves its place after it was closed
    assert connected(server.path).transcribe(Path("0.1.flac")).model == "0.1"


@pytest.mark.parametrize("whole", ASKS.values(), ids=ASKS)
def test_a_request_that_trickles_is_dropped(serve: Serve, stub: StubModels, whole: bytes) -> None:
    """A byte now and a byte then, each well within a limit per read: over when the time for all of it is."""
    server = serve(stub, request_s=0.5)
    with connection(server) as trickling:
        trickling.settimeout(0.05)
        for sent in range(400):
            try:
                trickling.sendall(whole[sent : sent + 1] if sent < len(whole) - 1 else b"")
                if trickling.recv(1000) == b"":
                    break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        else:
            pytest.fail("it may trickle for ever")
    assert not server.jobs
    assert RemoteEngine(server.address).transcribe(Path("0.1.flac")).model == "0.1"


@pytest.mark.parametrize("length", [-1, serving.MOST_BYTES + 1, 0x504F5354])
def test_a_call_without_a_bearable_length_is_refused(serve: Serve, stub: StubModels, length: int) -> None:
    """Before a byte of it is read, let alone understood; so is what is neither a call nor a probe (POST)."""
    with connection(serve(stub)) as asked:
        asked.sendall(struct.pack("!iQ", length, 1 << 40))
        assert is_closed(asked)


def test_a_client_that_takes_nothing_is_let_go(serve: Serve, stub: StubModels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its work is stopped, as that of one who has hung up, and the next one works."""
    monkeypatch.setattr(serving, "TAKEN_S", 0.2)
    stub.told = bytes(1 << 20)
    server = serve(stub)
    with handed_in(server, "60.flac"):
        until(lambda: bool(server.jobs), seconds=20)
    assert dict(server.jobs) == {("transcribe", "vanished"): 1}
