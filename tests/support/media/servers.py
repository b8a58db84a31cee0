"""Small HTTP servers on loopback that behave well or badly on purpose."""

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """A running server: where it is, and what it was asked for."""

    port: int = 0
    requests: list[dict[str, str]] = field(default_factory=list)  # headers, with ":path"

    def url(self, path: str = "/a.mp4", host: str = "127.0.0.1") -> str:
        """An address on this server."""
        return f"http://{host}:{self.port}{path}"


Answer = Callable[[BaseHTTPRequestHandler, int], None]
"""Answers one request; gets the handler and the number of the request, from 0."""


@contextmanager
def serving(answer: Answer) -> Iterator[Site]:
    """Run a server until the block ends."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            number = len(site.requests)
            site.requests.append({":path": self.path, **{key.lower(): value for key, value in self.headers.items()}})
            try:
                answer(self, number)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    """A whole answer; underscores in header names stand for hyphens."""
    handler.send_response(status)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in {"Content-Length": str(len(body)), **names}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection the hard way."""
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def file_server(data: bytes, *, etag: bool = True, breaks: tuple[int, ...] = ()) -> Answer:
    """A server of one file that understands ranges and validators.

    Args:
        data: the file.
        etag: give a validator and honour ranges; else neither.
        breaks: after how many bytes of its body the n-th request breaks off.
    """
    tag = f'"{hashlib.md5(data).hexdigest()}"'

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        asked = handler.headers
        if etag and asked.get("If-None-Match") == tag:
            handler.send_response(304)
            handler.end_headers()
            return
        begin = 0
        if etag and asked.get("Range") and asked.get("If-Range") == tag:
            begin = int(asked["Range"].removeprefix("bytes=").removesuffix("-"))
        handler.send_response(206 if begin else 200)
        handler.send_header("Content-Length", str(len(data) - begin))
        if etag:
            handler.send_header("ETag", tag)
        if begin:
            handler.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        handler.end_headers()
        body = data[begin:]
        if number < len(breaks):
            handler.wfile.write(body[: breaks[number]])
            reset(handler)
        else:
            handler.wfile.write(body)

    return answer


def trickle(handler: BaseHTTPRequestHandler, head: bytes, repeated: bytes, pause_s: float = 0.02) -> None:
    """Send a beginning, then the same few bytes again and again until the other side hangs up."""
    handler.close_connection = True
    handler.wfile.write(head)
    while True:
        handler.wfile.write(repeated)
        time.sleep(pause_s)
