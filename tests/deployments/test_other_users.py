"""A running `ecg serve` and those who have no business with it: another user, and a page of another origin."""

import json
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.service import guard
from tests.deployments.conftest import KEY, Site
from tests.support.other_user import needs_root, tries
from tests.support.processes.service import Served

CREATE = "/deployments/00000000-0000-4000-8000-000000000000/create_flow_run"
"""Who gets further than the key learns that there is no such deployment."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def service(site: Site) -> Served:
    """The service that these tests share, which asks callers for a key."""
    return site.service


def prefect(service: Served) -> str:
    """The address of Prefect's API."""
    line = next(line for line in service.printed.splitlines() if "server: ready at" in line)
    return line.split("ready at ")[1].split()[0] + "/api"


def listening(processes: Iterable[int]) -> list[str]:
    """The addresses, as the kernel writes them, that processes listen on by TCP."""
    inodes = set()
    for process in processes:
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    tables = [Path(f"/proc/net/{table}").read_text().splitlines()[1:] for table in ("tcp", "tcp6")]
    lines = [line.split() for table in tables for line in table]
    return [fields[1] for fields in lines if fields[3] == "0A" and fields[9] in inodes]


def test_the_gateways_and_prefects_ports_are_the_services_only_ones(service: Served) -> None:
    """On loopback; database, models and fork server have none.

    Prefect's workers have one of their own each, for the runs that they start, which show a token.
    """
    for name, address in (("server", prefect(service)), ("gateway", service.gateway)):
        assert listening(service.pids(name)[-1:]) == [f"0100007F:{httpx.URL(address).port:04X}"]
    for name in ("database", "models", "warm"):
        assert listening(service.pids(name)[-1:]) == [], name
    assert {address.partition(":")[0] for address in listening(guard.family(service.mark()))} == {"0100007F"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", CREATE), ("POST", "/flow_runs/filter"), ("GET", "/admin/settings"),
     ("POST", "/block_documents/filter"), ("GET", "/work_pools/gpu"), ("POST", "/deployments/"),
     ("PATCH", "/work_pools/gpu"), ("POST", "/logs/filter")],
)  # fmt: skip
@pytest.mark.parametrize("shown", [{}, {"Authorization": "Basic ZWNnOmVjZw=="}, {"Authorization": "Bearer ecg"}])
def test_prefect_wants_its_key(service: Served, method: str, path: str, shown: dict[str, str]) -> None:
    """From this machine too: no runs, no block's secrets, no settings, no pool's command."""
    answer = httpx.request(method, prefect(service) + path, json={}, headers=shown, timeout=30)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/upload-video/process-video"), ("POST", "/request-process"), ("POST", "/transcribe"),
     ("POST", "/uploads"), ("PUT", "/uploads/anonymous/a"), ("GET", "/api/upload-video/jobs"),
     ("GET", "/api/upload-video/status/a"), ("GET", "/api/upload-video/outputs/a/srt")],
)  # fmt: skip
def test_the_gateway_wants_its_key(service: Served, method: str, path: str) -> None:
    """For everything about jobs and recordings."""
    assert httpx.request(method, service.gateway + path, json={}, timeout=30).status_code == 401


@needs_root
def test_another_user_reaches_no_socket(service: Served) -> None:
    """Models, fork server and database: the folders are closed."""
    for place in ("models/socket", "warm/socket", "postgres/.s.PGSQL.5432"):
        assert (service.data / place).is_socket()
        script = (
            "import socket\nfor kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):\n"
            f"    print(socket.socket(socket.AF_UNIX, kind).connect_ex({str(service.data / place)!r}))\n"
        )
        assert tries(script).split() == ["13", "13"], f"{place}: permission denied"


@needs_root
def test_another_user_reads_no_file(service: Served) -> None:
    """Nothing below the data and the work folder opens: keys, logs, the database, what jobs are at."""
    script = (
        "import os\n"
        f"for place in ({str(service.data)!r}, {str(service.data.parent / 'work')!r}):\n"
        "    for folder, _, files in os.walk(place):\n"
        "        for name in files:\n"
        "            path = os.path.join(folder, name)\n"
        "            if os.access(path, os.R_OK) or os.access(path, os.W_OK):\n"
        "                print(path)\n"
        "    if os.access(place, os.W_OK):\n"
        "        print(place)\n"
    )
    known = [str(service.data / "prefect" / "key"), str(service.data / "logs" / "gateway.log")]
    assert all(Path(path).is_file() for path in known)
    assert tries(script) == ""
    openings = (
        f"for path in {known!r}:\n    try:\n        open(path)\n    except PermissionError:\n        print('refused')\n"
    )
    assert tries(openings).split() == ["refused"] * 2


@needs_root
def test_another_user_reads_no_variables_and_ends_no_process(service: Served) -> None:
    """What processes were given stays theirs."""
    script = (
        "import os\n"
        f"for process in {guard.family(service.mark())!r}:\n"
        "    try:\n"
        "        open(f'/proc/{process}/environ').read()\n"
        "        print(process)\n"
        "    except OSError:\n"
        "        pass\n"
        "    try:\n"
        "        os.kill(process, 0)\n"
        "        print(process)\n"
        "    except OSError:\n"
        "        pass\n"
    )
    assert tries(script) == ""


def test_secrets_are_in_the_processes_that_need_them(site: Site, service: Served) -> None:
    """The keys of callers and of Prefect are the gateway's alone, the store's secret is with those who open the store.

    All others of Prefect's read its key from a file that is closed to others.
    """
    store = site.rclone.environment["AWS_SECRET_ACCESS_KEY"]
    key = service.data / "prefect" / "key"
    assert {path.stat().st_mode & 0o777 for path in (key, key.with_name("profiles.toml"))} == {0o600}
    holders: dict[str, set[str]] = {KEY: set(), store: set(), key.read_text(): set()}
    for name in ("database", "server", "models", "warm", "gateway", "worker gpu"):
        environment = Path(f"/proc/{service.pids(name)[-1]}/environ").read_text()
        for secret, found in holders.items():
            if secret in environment:
                found.add(name)
    assert list(holders.values()) == [{"gateway"}, {"gateway", "worker gpu"}, {"gateway"}]


PAGE = """<!doctype html><script>
async function tried(url, init) {
  try {
    const answer = await fetch(url, init);
    return answer.type === "opaque" ? "sent blindly" : answer.status + " " + (await answer.text()).slice(0, 80);
  } catch (error) { return "refused by the browser"; }
}
</script>"""


class Elsewhere(BaseHTTPRequestHandler):
    """A page of another origin."""

    def do_GET(self) -> None:
        """The page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def stranger() -> Iterator[Any]:
    """Chromium on that page: what a fetch of its comes to."""
    from selenium import webdriver

    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and chromedriver):
        pytest.skip("no chromium and chromedriver on PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{flag}")
    # a name of another site that leads to this machine: what a name server can do to any page
    options.add_argument("--host-resolver-rules=MAP rebound.example 127.0.0.1")
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def fetched(url: str, home: str | None = None, **init: Any) -> str:
            browser.get(home or f"http://127.0.0.1:{server.server_port}/")
            defined = PAGE.partition("<script>")[2].removesuffix("</script>")
            script = f"{defined} const done = arguments[2]; tried(arguments[0], arguments[1]).then(done)"
            return str(browser.execute_async_script(script, url, init))

        yield fetched
        server.shutdown()
    browser.quit()


@pytest.mark.browser
def test_a_page_of_another_origin_gets_nothing(service: Served, stranger: Any, tmp_path: Path) -> None:
    """What it may ask at all is asked without a key, and it reads no answer; what it sends blindly changes nothing."""
    api = prefect(service)
    body = json.dumps({"job_variables": {"command": f"touch {tmp_path}/owned"}})
    for address in (f"{api}/block_documents/filter", f"{api}{CREATE}", f"{service.gateway}/uploads"):
        for kind in ("application/json", "text/plain"):
            answer = stranger(address, method="POST", headers={"Content-Type": kind}, body=body)
            assert answer == "refused by the browser", address
    assert stranger(f"{api}/admin/settings") == "refused by the browser"
    assert stranger(f"{service.gateway}/api/upload-video/jobs") == "refused by the browser"
    blindly = stranger(f"{api}{CREATE}", method="POST", mode="no-cors", body=body)
    assert blindly == "sent blindly"
    # a name of the page's own that leads here makes it the same origin: then the key is what keeps it out
    rebound = api.replace("127.0.0.1", "rebound.example")
    assert stranger(f"{rebound}/admin/settings", home=rebound.removesuffix("api")).startswith("401")
    key = (service.data / "prefect" / "key").read_text()
    user, _, password = key.partition(":")
    counted = httpx.post(
        f"{api}/flow_runs/count", json={"flow_runs": {"tags": {"all_": ["gateway"]}}}, auth=(user, password)
    )
    assert counted.json() == 0
    assert not (tmp_path / "owned").exists()
