"""The product as others install it: as a wheel, without the clone beside it."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PACKAGES = ("blocks", "deployments", "ecg_audio", "flows", "gateway", "tasks")
DATA = re.compile(r".*\.(?:json|yaml|toml|html|css|js|md)|.*Dockerfile")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the wheel, and everything else by the lock's packages."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    [wheel] = folder.glob("*.whl")
    pip = [python, "-I", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile", str(wheel)]
    subprocess.run(pip, check=True)
    where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = subprocess.run([python, "-I", "-c", where], check=True, capture_output=True, text=True).stdout.strip()
    # its own packages come first on the path; the .pth files of the other folder, and so the clone, are not read
    Path(site, "locked.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return python


def ran(python: Path, program: str, folder: Path) -> str:
    """What a program says that runs outside the clone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PREFECT_"))}
    environment = kept | {"PREFECT_HOME": str(folder / "prefect"), "HOME": str(folder)}
    ended = subprocess.run([python, "-c", program], cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


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


def test_the_wheel_deploys(installed: Path, tmp_path: Path) -> None:
    """`ecg deploy` makes pools, deployments and automations from what is installed, and the second time nothing."""
    program = (
        "import os\n"
        "from deployments import session\n"
        "session.quieten(debug=False)\n"
        "server = session.PrivateServer()\n"
        "server.wait()\n"
        "os.environ['PREFECT_API_URL'] = server.address\n"
        "from deployments.deploy import deploy\n"
        "deploy(None, None)\n"
        "deploy(None, None)\n"
        "server.stop()\n"
    )
    said = ran(installed, program, tmp_path)
    for thing in ("analyze/analyze", "analyze-batch/analyze-batch", "reconcile/reconcile", "work pool   gpu"):
        assert thing in said
    assert "nothing to do" in said


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
        "from deployments.deploy import AUTOMATIONS, template\n"
        "assert document.SCHEMA_FILE.exists() and AUTOMATIONS.exists()\n"
        "[template(kind) for kind in ('process', 'docker', 'ecs')]\n"
        "print(styling.Style.preset('expressive', 1.0) is not None)\n"
    )
    assert ran(installed, program, tmp_path) == "True\n"
