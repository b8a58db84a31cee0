"""One attempt of a callback, at receivers that answer badly on purpose."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from ecg_audio import claim
from ecg_audio.address import Permit
from ecg_audio.child import Child
from ecg_audio.delivery import client
from ecg_audio.delivery.callback import LARGEST_BYTES, Endpoint
from ecg_audio.delivery.client import CallbackClient
from tests.support.media import bombs

LOOPBACK = Permit(["127.0.0.0/8"])


@contextmanager
def receiver(head: bytes, repeated: bytes, *, reads: bool = True) -> Iterator[str]:
    """A receiver that answers a beginning, then the same few bytes until it is hung up on; or that reads nothing."""
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if reads:
                connection.recv(1 << 16)
                connection.sendall(head)
            while not over.wait(0.02):
                if reads:
                    connection.sendall(repeated)
                else:
                    connection.recv(1)

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        over.set()
        listening.close()


@pytest.mark.parametrize(
    ("head", "repeated"),
    [(b"", b"H"), (b"HTTP/1.1 200 OK\r\nX-More: ", b"x"), (b"", b"HTTP/1.1 102 Processing\r\n\r\n")],
    ids=["status", "header", "processing"],
)
def test_an_answer_that_trickles_is_none(head: bytes, repeated: bytes) -> None:
    """A header that comes a byte at a time is ended, and the message may be taken later."""
    with receiver(head, repeated) as url, CallbackClient(Endpoint(url), LOOPBACK, answer_s=0.5) as carrying:
        answer = carrying.post(b"{}", "msg_1")
    assert (answer.verdict, answer.status) == ("later", None)


def test_what_trickles_behind_a_status_changes_nothing() -> None:
    """Once the receiver has said 200 it has taken the message, however its body goes on."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nthanks\n"
    with receiver(head, b"x") as url, CallbackClient(Endpoint(url), LOOPBACK, answer_s=0.5) as carrying:
        answer = carrying.post(b"{}", "msg_1")
    assert (answer.verdict, answer.status, answer.said) == ("delivered", 200, "thanks")


def test_a_receiver_that_takes_a_body_a_byte_at_a_time() -> None:
    """A large body that is hardly taken is ended too."""
    with receiver(b"", b"", reads=False) as url, CallbackClient(Endpoint(url), LOOPBACK, answer_s=0.5) as carrying:
        answer = carrying.post(b" " * 8_000_000, "msg_1")
    assert (answer.verdict, answer.status) == ("later", None)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_an_answer_that_is_a_bomb_is_not_unpacked(layers: int) -> None:
    """Gigabytes in a few hundred bytes, in a process that may take 300 MB: the status is the answer."""
    body = bombs.packed(layers)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {', '.join(['gzip'] * layers)}\r\nContent-Length: {len(body)}\r\n\r\n"
    with receiver(head.encode() + body, b"") as url, Child("the bombed", memory_bytes=300_000_000) as child:
        assert child.call(bombs.told, url) == ("delivered", 200)


def test_a_header_without_an_end_is_given_up() -> None:
    """However fast it comes: it is not kept, and the message may be taken later."""
    endless = receiver(b"HTTP/1.1 200 OK\r\nX-More: ", b"x" * 100_000)
    with endless as url, CallbackClient(Endpoint(url), LOOPBACK, answer_s=20.0) as carrying:
        answer = carrying.post(b"{}", "msg_1")
    assert (answer.verdict, answer.status) == ("later", None)


def test_an_attempt_ends_before_its_claim() -> None:
    """The largest callback to the slowest receiver ends while others still step back from it."""
    assert 30.0 + LARGEST_BYTES / client.TAKEN_BYTES_PER_S < claim.STANDS_S
