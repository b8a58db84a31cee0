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

from deployments.service import prefect_server

ROOT = Path(__file__).parent.parent.parent
DOCKERFILES = sorted((ROOT / "deployments/docker").glob("*.Dockerfile"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def dockerfile(image: str) -> str:
    """The text of an image's Dockerfile."""
    return (ROOT / f"deployments/docker/{image}.Dockerfile").read_text()


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
    wanted = ["gateway.app", "deployments.registration", "deployments.cli.blocks", "deployments.cli.deploy"]
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


def test_composes_prefect_server_is_closed_as_that_of_serve_is() -> None:
    """It has a key, its own page alone, and as long a memory, and finds the leases of running jobs when begun again."""
    server = COMPOSE["services"]["server"]
    given = server["environment"]
    assert given["PREFECT_SERVER_API_AUTH_STRING"]
    assert given["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == given["PREFECT_UI_API_URL"].removesuffix("/api")
    name = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
    assert given[name] == prefect_server.SETTINGS[name]
    assert all(
        f"{name}={prefect_server.settings()[name]} " in dockerfile("control")
        for name in (prefect_server.VACUUM, prefect_server.RETENTION_S)
    )
    (home,) = re.findall(r"PREFECT_HOME=(\S+)", dockerfile("control"))
    (volume,) = (one.split(":")[1] for one in server["volumes"])
    assert Path(home).is_relative_to(volume) and not any(one.startswith(volume) for one in server["tmpfs"])


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


def test_compose_makes_the_pools_that_it_has_workers_for() -> None:
    """No pool stays without a worker, and no worker without its pool."""
    services = COMPOSE["services"]
    made = [word for word in services["deploy"]["command"][2:] if word != "--pool"]
    control = services["control"]["command"]
    gpu = services["gpu"]["environment"].get("ECG_POOL", "gpu")
    assert sorted(made) == sorted([control[control.index("--pool") + 1], gpu])


def test_compose_confines_every_service() -> None:
    """No service can write its root, gain privileges or keep one; what our images write goes to tmpfs or a volume."""
    for name, service in COMPOSE["services"].items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        written = [place.partition(":")[0] for place in service["tmpfs"]]
        written += [volume.split(":")[1] for volume in service.get("volumes", [])]
        assert "/tmp" in written, name
        image = {"ecg-control:latest": "control", "ecg-audio-analyzer:latest": "gpu"}.get(service["image"])
        if image:
            volumes = re.search(r"^VOLUME (.+)$", dockerfile(image), re.MULTILINE)
            assert volumes and set(json.loads(volumes[1])) <= set(written), name


def test_compose_asks_for_the_health_that_the_images_tell() -> None:
    """Images in OCI's format lose their health check, so the file has it too, and the same one."""
    for name, image in {"gateway": "control", "gpu": "gpu"}.items():
        told = re.search(r"^HEALTHCHECK (.+) \\\n +CMD (.+)$", dockerfile(image), re.MULTILINE)
        asked = COMPOSE["services"][name]["healthcheck"]
        assert told and asked["test"] == ["CMD", *json.loads(told[2])], name
        options = dict(re.findall(r"--([a-z-]+)=(\S+)", told[1]))
        assert options == {key.replace("_", "-"): str(asked[key]) for key in asked if key != "test"}, name
    for name, service in COMPOSE["services"].items():
        assert "healthcheck" in service, name
        assert ("disable" in service["healthcheck"]) == (service["restart"] in {"no", "on-failure"}), name


@pytest.mark.parametrize("image", ["control", "gpu"])
def test_images_write_below_their_volumes(image: str) -> None:
    """Whatever a variable of the image says is written, and the user's home, lies where a read-only root allows it."""
    _, final = dockerfile(image).rsplit("\nFROM ", 1)
    volumes = json.loads(re.findall(r"^VOLUME (.+)$", final, re.MULTILINE)[0])
    folders = dict(re.findall(r"([A-Z_]+)=(/\S+)", final)) | {"HOME": re.findall(r"--home-dir (\S+)", final)[0]}
    del folders["PATH"]
    assert {"HOME", "ECG_WORK_DIR", "ECG_CACHE_DIR", "PREFECT_HOME", "TMPDIR"} <= set(folders)
    for name, folder in folders.items():
        assert any(Path(folder).is_relative_to(volume) for volume in volumes), name
    made = re.findall(r"install --directory --owner ecg --group ecg --mode 0700 (.+)", final)
    assert set(volumes) <= set(made[0].split()), "volumes get their owner from the image"


def test_the_gpu_image_installs_the_lock_beside_its_overrides() -> None:
    """Without pyproject's overrides the lock's own packages ask for one that only a compiler could make."""
    build = dockerfile("gpu").split("\nFROM ")[1]
    copied, installed = build.index("pyproject.toml"), build.index("-r requirements.lock")
    assert copied < build.index("WORKDIR /opt/ecg") < installed
    assert re.search(r"^override-dependencies = .*webrtcvad", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)


def test_compose_names_programs_that_are_there() -> None:
    """Commands of `ecg` and modules that images and compose start exist."""
    from typer.main import get_command

    from deployments.cli.main import app

    named: Any = get_command(app)
    text = (ROOT / "compose.yaml").read_text() + "".join(path.read_text() for path in DOCKERFILES)
    assert COMPOSE["services"]["deploy"]["command"][:2] == ["ecg", "deploy"] and "deploy" in named.commands
    for module in re.findall(r'"python", "-m", "([\w.]+)"', text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
