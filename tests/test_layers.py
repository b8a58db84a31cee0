import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GROUND = {
    "address",
    "analysis",
    "child",
    "claim",
    "deadline",
    "duration",
    "environment",
    "error_codes",
    "errors",
    "graphemes",
    "layout",
    "local_socket",
    "logs",
    "modes",
    "peer",
    "progress",
    "request",
    "sampling",
    "settings",
    "sound_events",
    "sound_quality",
    "spacing",
    "store",
    "telemetry",
    "time_limit",
    "workspace",
}
ROOMS = {
    # room -> the rooms of ecg_audio it may import, beside itself and the ground
    "media": set(),
    "captions": set(),
    "compute": set(),
    "speech": {"compute"},
    "voice": {"compute"},
    "sounds": {"speech", "compute"},
    "results": set(),
    "delivery": {"results"},
    "batch": {"media"},
    "revision": {"captions"},
    "serving": {"speech", "compute"},
}
FLOORS = {
    # top-level package -> the packages of ours it may import
    "ecg_audio": {"ecg_audio"},
    "blocks": {"blocks", "ecg_audio"},
    "tasks": {"tasks", "blocks", "ecg_audio"},
    "flows": {"flows", "tasks", "blocks", "ecg_audio"},
    "gateway": {"gateway", "blocks", "ecg_audio"},
    "deployments": {"deployments", "flows", "tasks", "blocks", "ecg_audio", "gateway"},
}
COMMANDS = {
    # the rooms of deployments, and what lies beside them -> what of deployments it may import
    "cli": {"cli", "service", "registration", "terminal"},
    "service": {"service", "terminal"},
    "*.py": {"registration", "terminal"},
}
HEAVY = {"torch", "whisperx", "pyannote", "transformers", "librosa", "lightning", "faster_whisper", "ctranslate2"}


def sources(package: str) -> list[Path]:
    """The package's modules."""
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path, *, at_top: bool = False) -> set[str]:
    """Dotted names of what a module imports; `at_top`: only when it is itself imported."""
    tree = ast.parse(path.read_text())
    names: set[str] = set()
    nodes = _executed_on_import(tree) if at_top else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _executed_on_import(tree: ast.AST) -> list[ast.AST]:
    found: list[ast.AST] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        found += [node, *_executed_on_import(node)]
    return found


@pytest.mark.parametrize("package", FLOORS)
def test_packages_import_only_what_lies_below_them(package: str) -> None:
    """No package imports one that stands above it."""
    ours = set(FLOORS) | {"tests", "benchmarks", "notebooks"}
    for path in sources(package):
        reached = {name.split(".")[0] for name in imported(path)} & ours
        assert reached <= FLOORS[package], f"{path.relative_to(ROOT)} imports {reached - FLOORS[package]}"


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_of_the_domain_import_only_their_ground(room: str) -> None:
    """A room of ecg_audio imports the ground modules and the rooms it stands on, no others."""
    for path in sources(f"ecg_audio/{room}"):
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "ecg_audio" and len(parts) > 1:
                assert parts[1] in GROUND | ROOMS[room] | {room}, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("room", COMMANDS)
def test_the_service_knows_no_commands(room: str) -> None:
    """Commands start the programs that run for long; those import no command, and what both use imports neither."""
    paths = sources(f"deployments/{room}") or sorted((ROOT / "deployments").glob(room))
    assert paths
    for path in paths:
        reached = {name.split(".")[1] for name in imported(path) if name.startswith("deployments.")}
        assert reached <= COMMANDS[room], f"{path.relative_to(ROOT)} imports {reached - COMMANDS[room]}"


def test_ground_modules_import_no_room() -> None:
    """The ground knows none of the rooms above it."""
    for name in GROUND:
        reached = {
            parts[1]
            for entry in imported(ROOT / f"ecg_audio/{name}.py")
            if (parts := entry.split("."))[0] == "ecg_audio"
        }
        assert reached <= GROUND, f"{name} imports {reached - GROUND}"


def test_the_domain_knows_nothing_of_prefect() -> None:
    """Everything in ecg_audio can be called from a notebook, without Prefect."""
    for path in sources("ecg_audio"):
        assert not any(name.split(".")[0] in {"prefect", "prefect_aws"} for name in imported(path)), path


@pytest.mark.parametrize("package", [*FLOORS])
def test_heavy_packages_are_imported_where_they_are_used(package: str) -> None:
    """No module imports torch and its kin by being imported, except those that run inside model processes."""
    inside_model_processes = {
        "ecg_audio/speech/local_pipeline.py",
        "ecg_audio/speech/voice_encoder.py",
        "ecg_audio/speech/activity.py",
    }
    for path in sources(package):
        name = path.relative_to(ROOT).as_posix()
        if name not in inside_model_processes:
            reached = {entry.split(".")[0] for entry in imported(path, at_top=True)} & HEAVY
            assert not reached, f"{name} imports {reached} at its top"
