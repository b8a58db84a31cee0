"""The product as others install it: as a wheel, without the clone beside it."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from packaging.utils import canonicalize_name

from deployments.cli import demo
from deployments.service import guard
from ecg_audio.speech import weights
from tests.conftest import REPOSITORY
from tests.support.ports import free_ports
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PACKAGES = ("blocks", "deployments", "ecg_audio", "flows", "gateway", "tasks")
DATA = re.compile(r".*\.(?:json|yaml|toml|html|css|js|md)|.*Dockerfile")


JOB = "550e8400-e29b-41d4-a716-446655440000"
STRANGER = ("unshare", "--user", "--map-user=12345", "--map-group=12345")
"""Begins a program as a user of whom the system knows no name, and who may do nothing that others may not."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the wheel, and of this one's packages those that the locks name."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    [wheel] = folder.glob("*.whl")
    pip = [python, "-I", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True)
    where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = subprocess.run([python, "-I", "-c", where], check=True, capture_output=True, text=True).stdout.strip()
    _link(Path(sysconfig.get_paths()["purelib"]), Path(site))
    return python


def _locked() -> set[str]:
    """The names of all packages that are installed with the product."""
    files = [REPOSITORY / name for name in ("requirements.lock", "requirements-weights.lock")]
    return {found for file in files for found in re.findall(r"^([a-z0-9-]+)==", file.read_text(), re.MULTILINE)}


def _link(ours: Path, theirs: Path) -> None:
    """Link every locked package into another environment: whole folders, as long as all in them is locked."""
    names, locked, foreign = _locked(), set[str](), set[str]()
    for package in ours.glob("*.dist-info"):
        of_lock = canonicalize_name(package.name.partition("-")[0]) in names
        for line in (package / "RECORD").read_text().splitlines():
            file = line.partition(",")[0]
            if not file.startswith(("..", "/")):
                (locked if of_lock else foreign).add(file)
    foreign = set(chain.from_iterable(map(_lineage, foreign)))
    for place in {next(place for place in _lineage(file) if place not in foreign) for file in locked}:
        if not (theirs / place).exists():  # what every new environment has stays
            (theirs / place).parent.mkdir(parents=True, exist_ok=True)
            (theirs / place).symlink_to(ours / place)


def _lineage(file: str) -> Iterator[str]:
    """A file and the folders that it lies in, the outermost first."""
    return accumulate(file.split("/"), "{}/{}".format)


def ran(python: Path, program: str, folder: Path) -> str:
    """What a program says that runs outside the clone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PREFECT_"))}
    environment = kept | {"PREFECT_HOME": str(folder / "prefect"), "HOME": str(folder)}
    ended = subprocess.run([python, "-c", program], cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


class Stranger:
    """Somebody who has installed the product, and nothing else of ours.

    Packages cannot be written, the terminal's encoding has no letters but those of ASCII, new files are nobody else's,
    and the folder's name has what names of folders may have.

    Args:
        python: the Python of the environment.
        folder: where they are at home.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        self.folder = folder / "mein Ordner's 강의 100%"
        home = folder / "höme"
        for made in (self.folder, home):
            made.mkdir()
        self._ecg = str(python.parent / "ecg")
        self.environment = {
            "ECG_CACHE_DIR": os.environ["ECG_CACHE_DIR"],
            "ECG_WORK_DIR": str(folder / "work"),
            "HF_HUB_OFFLINE": "1",
            "HOME": str(home),
            "LC_ALL": "C",
            "PATH": os.defpath,
            "PYTHONIOENCODING": "ascii",
        }
        possible = shutil.which(STRANGER[0]) and not subprocess.run([*STRANGER, "true"], capture_output=True).returncode
        self._prefix = STRANGER if possible else ()

    def begin(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Begin `ecg` with arguments."""
        command = [*self._prefix, self._ecg, *arguments]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, umask=0o077, **options)

    def ecg(self, *arguments: str) -> str:
        """What `ecg` says on stdout, which is UTF-8 where it is a document; it must end well, without a traceback."""
        process = self.begin(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=300)
        finally:
            process.kill()
            process.wait()
        said = err.decode("ascii")
        assert process.returncode == 0 and "Traceback" not in said, said[-3000:]
        return out.decode()

    def recording(self, name: str, start_s: int, end_s: int) -> Path:
        """A part of the telephone conversation that comes with pyannote.audio."""
        samples, rate_hz = soundfile.read(demo.sample())
        soundfile.write(self.folder / name, samples[start_s * rate_hz : end_s * rate_hz], rate_hz)
        return self.folder / name


@pytest.fixture(scope="module")
def stranger(installed: Path) -> Iterator[Stranger]:
    """Somebody with the installed product and the embedded models."""
    if not all(importlib.util.find_spec(package) for file in weights.WHISPER_FILES for package, _ in file.parts):
        pytest.skip("the packages of requirements-weights.lock are not installed: the registry may not have them")
    packages = [installed.parent.parent, *(installed.parent.parent / "lib").rglob("*")]
    folders = [path for path in packages if path.is_dir() and not path.is_symlink()]
    for path in folders:
        path.chmod(0o555)
    # PostgreSQL's socket wants a short path, and the parallel tests' folders are deep
    with tempfile.TemporaryDirectory(prefix="ecg-", ignore_cleanup_errors=True) as folder:
        yield Stranger(installed, Path(folder))
    for path in folders:
        path.chmod(0o755)


def test_the_wheel_analyses(stranger: Stranger) -> None:
    """`ecg analyze`, then what its users do next: the line that it prints, captions, the doctor."""
    stranger.recording("ein Gespräch.wav", 6, 20)
    said = stranger.ecg("analyze", "ein Gespräch.wav", "--out", "out", "--models", "embedded")
    assert said.isascii() and re.search("ein-Gesprach  .* completed", said) and re.search(r"[1-9] speakers", said)
    for word in ("measure", "transcribe", "align", "diarize", "publish"):
        assert word in said
    [line] = re.findall(r"Read it: ecg (show .+)", said)
    assert "diane" in stranger.ecg(*shlex.split(line.encode().decode("unicode_escape"))).lower()
    assert stranger.ecg("captions", "ein-Gesprach", "--out", "out", "--format", "ebuttd")
    with pytest.MonkeyPatch.context() as changed:
        changed.delitem(stranger.environment, "HOME")
        assert "words by embedded" in stranger.ecg("doctor")
    written = [path for path in stranger.folder.rglob("*") if path.name != "ein Gespräch.wav"]
    assert written and not [path for path in written if path.stat().st_mode & 0o077]


def test_the_wheel_serves(stranger: Stranger, tmp_path: Path) -> None:
    """`ecg serve` comes up whole, with all deployments, does a job by HTTP, and is gone when it is told to end."""
    recording = stranger.recording("das nächste.wav", 6, 16)
    gateway, prefect = free_ports(2)
    ports = ["--port", str(gateway), "--prefect-port", str(prefect)]
    printed = tmp_path / "printed"
    with printed.open("wb") as out:
        process = stranger.begin("serve", *ports, "--models", "embedded", "--limit", "1", stdout=out, stderr=out)

    def up() -> bool:
        assert process.poll() is None, printed.read_text()
        return "up in" in printed.read_text()

    try:
        until(up, seconds=400.0)
        assert "restarted" not in printed.read_text() and "warm: ready" in printed.read_text()
        [served] = re.findall(r"gateway: starting \(pid (\d+)\)", printed.read_text())
        mark = Path(f"/proc/{served}/environ").read_bytes().decode().partition(f"{guard.VARIABLE}=")[2].split("\0")[0]
        registered = (stranger.folder / "ecg-data/logs/deploy.log").read_text()
        for thing in ("analyze/analyze", "analyze-batch/analyze-batch", "reconcile/reconcile", "work pool   gpu"):
            assert thing in registered
        page = httpx.get(f"http://127.0.0.1:{prefect}/", headers={"Accept": "text/html"}, follow_redirects=True)
        assert page.status_code == 200 and "<title>" in page.text
        assert [*stranger.folder.glob("ecg-data/prefect/ui/*/index.html")], "packages are not written"
        api = f"http://127.0.0.1:{gateway}/api/upload-video"
        asked = {"job_id": JOB, "video_url": str(recording)}
        taken = httpx.post(f"{api}/process-video", json=asked, timeout=60.0)
        assert taken.status_code == 200, taken.text

        ended: dict[str, Any] = {}

        def over() -> bool:
            answer = httpx.get(f"{api}/status/{JOB}", timeout=60.0)
            ended.update(answer.json() if answer.status_code == 200 else {})  # a busy machine says so with 503
            return ended.get("status", "processing") != "processing"

        until(over, seconds=400.0)
        assert ended["status"] == "completed", ended
        assert "diane" in json.dumps(ended["result"]).lower()
        assert len(guard.family(mark)) > 5
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert guard.family(mark) == []
        assert "Traceback" not in printed.read_text()
    finally:
        process.kill()  # its guard ends the rest
        process.wait()


def test_the_wheel_holds_what_the_packages_hold(installed: Path, tmp_path: Path) -> None:
    """Every file of data that lies in a package is installed with it, and no package comes from the clone."""
    program = (
        "import importlib, pathlib\n"
        f"for name in {PACKAGES}:\n"
        "    folder = pathlib.Path(importlib.import_module(name).__file__).parent\n"
        "    for path in folder.rglob('*'):\n"
        "        print(name, path.relative_to(folder.parent), folder, sep='\\t')\n"
    )
    lines = [line.split("\t") for line in ran(installed, program, tmp_path).splitlines()]
    assert all(Path(folder).is_relative_to(installed.parent.parent) for _, _, folder in lines)
    listed = subprocess.run(["git", "ls-files", *PACKAGES], cwd=REPOSITORY, capture_output=True, text=True).stdout
    files = listed.split() or [
        str(path.relative_to(REPOSITORY)) for name in PACKAGES for path in (REPOSITORY / name).rglob("*")
    ]
    wanted = {file for file in files if DATA.fullmatch(file) and (REPOSITORY / file).is_file()}
    assert "deployments/prefect.yaml" in wanted
    assert wanted <= {path for _, path, _ in lines}


def test_the_wheel_stands_on_what_is_locked(installed: Path, tmp_path: Path) -> None:
    """No package is there that is for development alone: what the product imports, its own dependencies bring."""
    program = "from importlib import metadata\nprint(*(one.name for one in metadata.distributions()))"
    there = {canonicalize_name(name) for name in ran(installed, program, tmp_path).split()}
    usual = {"pip", "setuptools", "ecg-audio-analyzer"}
    assert {"prefect", "torch"} <= there and there - usual <= _locked()


def test_the_wheel_brings_the_command(installed: Path, tmp_path: Path) -> None:
    """`ecg` is there, and knows its commands."""
    said = subprocess.run(
        [installed.parent / "ecg", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "serve" in said.stdout and "deploy" in said.stdout


def test_the_wheel_brings_the_page_and_the_schema(installed: Path, tmp_path: Path) -> None:
    """What is read from beside the code at run time is found."""
    program = (
        "from ecg_audio.captions import html, styling\n"
        "from ecg_audio.results import document\n"
        "from deployments.registration import AUTOMATIONS, template\n"
        "assert document.SCHEMA_FILE.exists() and AUTOMATIONS.exists()\n"
        "[template(kind) for kind in ('process', 'docker', 'ecs')]\n"
        "print(styling.Style.preset('expressive', 1.0) is not None)\n"
    )
    assert ran(installed, program, tmp_path) == "True\n"
