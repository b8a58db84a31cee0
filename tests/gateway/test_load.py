"""The gateway under load, and against those who hold connections."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from gateway import connections, jobs
from gateway.concurrency import LONGEST_RETRY_AFTER_S, RETRY_AFTER_S, ConcurrencyLimit, GatewayBusy, SingleFlight
from tests.gateway.conftest import Open
from tests.support.gateway import PROCESS, STATUS, asked, code, run_of


class SlowPrefect(BaseHTTPRequestHandler):
    """Prefect as far as a submission needs it; counts how many ask at once."""

    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    now = most = created = 0
    takes_s = 0.05

    def do_GET(self) -> None:
        """A deployment."""
        self._answer({"id": "3a6a9d1c-0000-4000-8000-000000000000"})

    def do_POST(self) -> None:
        """A run, or nothing found."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = type(self)
        with kind.lock:
            kind.now += 1
            kind.most = max(kind.most, kind.now)
        time.sleep(kind.takes_s)
        with kind.lock:
            kind.now -= 1
        if self.path.endswith("create_flow_run"):
            kind.created += 1
            self._answer({"id": "run", "parameters": json.loads(body)["parameters"], "state": {"type": "SCHEDULED"}})
        else:
            self._answer(0 if self.path.endswith("count") else [])

    def _answer(self, said: Any) -> None:
        content = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@contextmanager
def slow_prefect() -> Iterator[str]:
    """The address of its API."""
    SlowPrefect.now = SlowPrefect.most = SlowPrefect.created = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowPrefect) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api"
        finally:
            server.shutdown()
            thread.join()


def at_once(client: httpx.Client, count: int) -> list[httpx.Response]:
    """So many submissions, all at once."""
    answers: list[httpx.Response] = []
    callers = [
        threading.Thread(target=lambda: answers.append(client.post(PROCESS, json=asked()))) for _ in range(count)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return answers


def test_a_crowd_does_not_become_a_storm(gateway: Open) -> None:
    """Forty submissions at once are all taken, and Prefect never has more than a few of them."""
    with slow_prefect() as prefect:
        answers = at_once(gateway(PREFECT_API_URL=prefect), 40)
        assert [answer.status_code for answer in answers] == [200] * 40
        assert SlowPrefect.most <= 6 + 5 + 1, "six turns, the five counts of the queue and what is usual"


def test_a_prefect_that_is_slower_than_callers_wait_takes_jobs_all_the_same(
    gateway: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has begun goes on when its caller has been told to come again: nobody begins from the start for ever."""
    monkeypatch.setattr("gateway.orchestrator.SUBMIT_S", 0.3)
    monkeypatch.setattr(SlowPrefect, "takes_s", 1.0)
    with slow_prefect() as prefect:
        client = gateway(PREFECT_API_URL=prefect)
        refused = at_once(client, 10)
        assert {code(answer) for answer in refused} == {(503, "SERVICE_UNAVAILABLE")}
        time.sleep(1.5)
        assert SlowPrefect.created >= 1, "though nobody waits for it any more"
        assert SlowPrefect.most <= 6 + 5 + 1


def test_beyond_the_bound_callers_come_later(gateway: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 BUSY with Retry-After, at once; who comes again with the same id is taken."""
    monkeypatch.setattr("gateway.orchestrator.ConcurrencyLimit", lambda: ConcurrencyLimit(at_once=1, most_waiting=2))
    with slow_prefect() as prefect:
        client = gateway(PREFECT_API_URL=prefect)
        answers = at_once(client, 12)
        refused = [answer for answer in answers if answer.status_code != 200]
        assert refused and len(refused) < 12
        for answer in refused:
            assert code(answer) == (503, "BUSY") and int(answer.headers["Retry-After"]) >= RETRY_AFTER_S
        assert client.post(PROCESS, json=asked()).status_code == 200


def test_who_waits_is_told_to_come_later_the_more_are_waiting() -> None:
    """Also spread out, and never in more than a minute."""

    async def told(waiting: int) -> list[int]:
        limit = ConcurrencyLimit(at_once=1)
        async with limit.turn():
            await asyncio.sleep(0.1)
        limit.waiting = waiting
        limit._usual_s = 0.5
        return [limit.retry_after_s() for _ in range(50)]

    assert set(asyncio.run(told(0))) == {RETRY_AFTER_S}
    some, many = asyncio.run(told(10)), asyncio.run(told(100_000))
    assert min(some) >= RETRY_AFTER_S + 5 and len(set(some)) > 1
    assert set(many) == {LONGEST_RETRY_AFTER_S}


def test_turns_are_had_in_order_and_given_back_after_failures() -> None:
    """Whoever is cancelled while waiting leaves the line; an error within a turn frees it."""

    async def go() -> None:
        limit = ConcurrencyLimit(at_once=1, most_waiting=2)
        order: list[int] = []

        async def one(number: int) -> None:
            async with limit.turn():
                order.append(number)
                await asyncio.sleep(0.01)
                if number == 1:
                    raise ValueError

        async with limit.turn():
            tasks = [asyncio.create_task(one(number)) for number in (1, 2)]
            await asyncio.sleep(0)
            with pytest.raises(GatewayBusy):
                async with limit.turn():
                    pass
            tasks[1].cancel()
            await asyncio.sleep(0)
            tasks[1] = asyncio.create_task(one(3))
            await asyncio.sleep(0)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(ended[0], ValueError) and ended[1] is None
        assert order == [1, 3] and limit.waiting == 0
        async with limit.turn():
            pass

    asyncio.run(go())


def test_one_answer_serves_all_who_ask_at_about_the_same_time() -> None:
    """Asked once; again when it is too old, or forgotten; a failure is nobody else's answer."""

    async def go() -> None:
        asked_for: list[int] = []

        async def ask() -> int:
            asked_for.append(1)
            await asyncio.sleep(0)
            if len(asked_for) == 1:
                raise ValueError
            return len(asked_for)

        shared = SingleFlight(ask, 60.0)
        with pytest.raises(ValueError):
            await shared.get()
        assert await asyncio.gather(*(shared.get() for _ in range(5))) == [2] * 5
        shared.forget()
        assert await shared.get() == 3
        old = SingleFlight(ask, 0.0)
        assert [await old.get(), await old.get()] == [4, 5]

    asyncio.run(go())


def test_a_deployment_that_was_made_anew_is_found(gateway: Open, prefect_server: str) -> None:
    """What the gateway remembers for seconds is asked again when Prefect does not know it any more."""
    from prefect.client.orchestration import get_client

    from flows.analyze import analyze

    with get_client(sync_client=True) as prefect:
        flow_id = prefect.create_flow(analyze)
        first = prefect.create_deployment(flow_id, "made-anew")
        client = gateway(ECG_DEPLOYMENT="analyze/made-anew")
        assert client.post(PROCESS, json=asked()).status_code == 200
        prefect.delete_deployment(first)
        prefect.create_deployment(flow_id, "made-anew")
    body = asked()
    assert client.post(PROCESS, json=body).status_code == 200
    assert len(run_of(prefect_server, body["job_id"])) == 1


def test_those_who_wait_for_results_have_a_bound(gateway: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it /transcribe hands nothing in; process-video goes on taking jobs."""
    monkeypatch.setattr(jobs, "MOST_WAITING", 0)
    client, body = gateway(), asked()
    answer = client.post("/transcribe", json=body)
    assert code(answer) == (503, "BUSY") and int(answer.headers["Retry-After"]) > 0
    assert client.get(STATUS + body["job_id"]).status_code == 404
    assert client.post(PROCESS, json=body).status_code == 200


def opened(client: httpx.Client) -> socket.socket:
    """A connection to a gateway."""
    address = urlsplit(str(client.base_url))
    return socket.create_connection((address.hostname, address.port), timeout=10)


def ends(connection: socket.socket, trickled: bytes = b"") -> bool:
    """Whether the gateway ends a connection over which a byte comes now and then."""
    connection.settimeout(0.05)
    for number in range(200):
        try:
            if trickled:
                connection.sendall(trickled[number % len(trickled) :][:1])
            if connection.recv(1000) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


@pytest.mark.parametrize("trickled", [b"", b"GET / HTTP/1.1\r\nX: " + b"y" * 1000], ids=["silent", "trickling"])
def test_half_open_connections_are_let_go(gateway: Open, monkeypatch: pytest.MonkeyPatch, trickled: bytes) -> None:
    """Whoever connects and sends no whole header, or never a byte, is gone in time; so is one between two requests."""
    monkeypatch.setattr(connections, "HEADER_S", 0.5)
    client = gateway()
    with opened(client) as connection:
        assert ends(connection, trickled)
    with opened(client) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert ends(connection, trickled)


def test_a_body_that_trickles_on_after_its_answer_is_cut_off(gateway: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer was 404 long ago; what still comes keeps no connection open."""
    monkeypatch.setattr(connections, "HEADER_S", 0.5)
    with opened(gateway()) as connection:
        connection.sendall(b"PUT /uploads/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        assert b" 404 " in connection.recv(100)
        assert ends(connection, b"x" * 1000)


def test_a_request_that_takes_its_time_is_not_cut_off(gateway: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit counts while nothing is answered, and not while a caller waits for an answer."""
    monkeypatch.setattr(connections, "HEADER_S", 0.2)
    answer = gateway(ECG_TRANSCRIBE_WAIT_S="1.0").post("/transcribe", json=asked())
    assert answer.status_code == 504


def test_beyond_the_bound_the_longest_idle_connection_goes(gateway: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are held open, a caller with a request gets in."""
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 10)
    client = gateway()
    with ExitStack() as stack:
        idle = [stack.enter_context(opened(client)) for _ in range(30)]
        assert client.get("/health/live").status_code == 200
        assert sum(ends(connection) for connection in idle[:15]) == 15


def test_an_answer_that_nobody_reads_is_given_up(gateway: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who asks for much and takes nothing of it holds no connection for ever."""
    monkeypatch.setattr(connections, "UNREAD_S", 0.3)
    with opened(gateway()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        asks = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 400
        connection.settimeout(10)
        try:
            for _ in range(50):
                connection.sendall(asks)
                time.sleep(0.05)
        except OSError:
            return
    pytest.fail("it goes on answering")
