"""What linters cannot know of the images and the compose file."""

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
DOCKERFILES = sorted((ROOT / "deployments/docker").glob("*.Dockerfile"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def pinned(lock: str) -> dict[str, str]:
    """A lock's packages and their versions."""
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_the_gpu_image_asks_for_the_cuda_that_torch_brings() -> None:
    """The driver that the container toolkit demands fits the CUDA of the lock's wheels."""
    lock = pinned("requirements.lock")
    assert lock["torch"].startswith("2.8.")
    cuda = ".".join(lock["nvidia-cuda-runtime-cu12"].split(".")[:2])
    text = (ROOT / "deployments/docker/gpu.Dockerfile").read_text()
    assert f"cuda>={cuda} " in text and f"CUDA {cuda} " in text


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_are_locked_and_run_as_nobody(path: Path) -> None:
    """Wheels by hash alone, a base by version, make's uv, a user that is not root, a health check, an init."""
    text = path.read_text()
    assert "--require-hashes --only-binary :all: --compile-bytecode" in text
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"python:3.11-slim-bookworm"}
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["10001:10001"]
    assert "HEALTHCHECK" in text and 'ENTRYPOINT ["tini", "--"]' in text
    make = re.search(r"UV_VERSION := (\S+)", (ROOT / "Makefile").read_text())
    assert make and f"uv=={make[1]}" in text


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_hold_the_installed_product_and_no_clone(path: Path) -> None:
    """The product is installed as a wheel, only the environment is kept, and all that is copied is in the context."""
    text = path.read_text()
    assert not re.search(r"pip install[^&]* (?:-e|--editable)", text.replace("\\\n", " "))
    _, build, final = text.split("\nFROM ")
    assert re.findall(r"COPY --from=build (\S+)", final) == ["/opt/venv"]
    copied = {name for line in re.findall(r"^COPY (?!--)(.+) \S+$", build, re.MULTILINE) for name in line.split()} - {
        "."
    }
    context = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    needed = {"pyproject.toml", "README.md", "LICENSE", "NOTICE"}  # for the wheel
    assert copied | needed <= context


def test_the_control_image_has_what_it_imports_and_no_model() -> None:
    """Gateway, deploy, batches, reconciler and host settings import with the control lock's packages alone."""
    lock = set(pinned("requirements-control.lock"))
    assert not lock & {"torch", "whisperx", "pyannote-audio", "av", "numba", "pandas", "pyarrow"}
    assert (
        pinned("requirements.lock").items()
        >= {name: v for name, v in pinned("requirements-control.lock").items() if name != "numpy"}.items()
    )
    others = sorted(
        module
        for module, owners in packages_distributions().items()
        if not {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners} & (lock | {"ecg-audio-analyzer"})
    )
    wanted = ["gateway.app", "deployments.cli", "deployments.deploy", "deployments.blocks", "blocks.registration"]
    wanted += ["flows.analyze", "flows.analyze_batch", "flows.reconcile", "prefect.cli", "prefect_aws"]
    program = (
        "import importlib, json, sys\n"
        "others, wanted = json.load(sys.stdin)\n"
        "sys.modules.update(dict.fromkeys(others))\n"  # importing them raises ModuleNotFoundError
        "for name in wanted: importlib.import_module(name)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps([others, wanted]), text=True, capture_output=True, cwd=ROOT
    )
    assert ended.returncode == 0, ended.stderr[-2000:]


def test_the_build_context_is_the_product_alone() -> None:
    """Everything is left out but what is named, and no file with secrets is."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*" and "**/.env*" in lines
    named = [line[1:] for line in lines if line.startswith("!")]
    assert all((ROOT / name).exists() for name in named) and not {"tests", ".git", ".env"} & set(named)


def test_compose_holds_no_secret_and_listens_on_loopback() -> None:
    """Every secret comes from the environment or stops compose; ports are of loopback, images have versions."""
    text = (ROOT / "compose.yaml").read_text()
    example = dict(re.findall(r"^([A-Z_0-9]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_0-9]+)", text))
    assert asked == set(example), "the example names every variable that compose asks for, and no other"
    for name in ("POSTGRES_PASSWORD", "PREFECT_AUTH", "S3_ACCESS_KEY", "S3_SECRET_KEY", "ECG_GATEWAY_API_KEY"):
        assert example[name] == "" and not re.search(rf"\$\{{{name}(\}}|:-)", text), f"{name} may not be empty"
    for name, service in COMPOSE["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert service["image"].startswith("ecg-") or not service["image"].endswith(":latest"), name


def test_compose_starts_in_order() -> None:
    """What lasts has a health check of its own or its image's; what is waited for healthily has one in the file."""
    services = COMPOSE["services"]
    assert set(services) == {"postgres", "migrate", "server", "bucket", "deploy", "gateway", "control", "gpu"}
    for service in services.values():
        for awaited, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "test" in services[awaited]["healthcheck"]
            else:
                assert services[awaited]["restart"] in {"no", "on-failure"}, f"{awaited} must be able to end"
    (device,) = services["gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]


def test_compose_names_programs_that_are_there() -> None:
    """Commands of `ecg` and modules that images and compose start exist."""
    from typer.main import get_command

    from deployments.cli import app

    named: Any = get_command(app)
    text = (ROOT / "compose.yaml").read_text() + "".join(path.read_text() for path in DOCKERFILES)
    assert COMPOSE["services"]["deploy"]["command"] == ["ecg", "deploy"] and "deploy" in named.commands
    for module in re.findall(r'"python", "-m", "([\w.]+)"', text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
