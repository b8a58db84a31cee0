"""The settings: each one once, read in one way, and written down."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ecg_audio import environment, settings
from ecg_audio.errors import InvalidRequest
from ecg_audio.settings import GROUPS, Bucket, Callbacks, Engine, Gateway, Sources
from tests.support.commands import Ecg

REPOSITORY = Path(__file__).parent.parent
VARIABLES = {name for group in GROUPS for field in group.model_fields for name in group.variables(field)}
SPELLED = re.compile(r"ECG_[A-Z0-9_]*[A-Z0-9]")
OWN_NAMES = {
    # a program that imports nothing of ours, and what no operator sets
    "deployments/service/guard.py": {"ECG_FAMILY"},
    "ecg_audio/environment.py": {"ECG_FAMILY"},
}


def test_the_page_is_as_generated() -> None:
    """Whoever changes a setting renews the page: `python -m ecg_audio.settings > docs/settings.md`."""
    assert (REPOSITORY / "docs/settings.md").read_text("utf-8") == settings.markdown()


def test_every_setting_has_a_sentence_and_one_variable_of_its_own() -> None:
    """No two settings share a variable, and each says what it means."""
    listed = [name for group in GROUPS for field in group.model_fields for name in group.variables(field)]
    assert len(listed) == len(set(listed))
    for group in GROUPS:
        assert all(group.sentence(field).endswith(".") for field in group.model_fields), group
        assert group.title in settings.markdown()


def test_no_other_file_spells_a_variable() -> None:
    """Code reads a setting by its group, so that a name stands once; the lists of `environment` name settings only."""
    for package in ("ecg_audio", "blocks", "tasks", "flows", "gateway", "deployments"):
        for path in (REPOSITORY / package).rglob("*.py"):
            name = path.relative_to(REPOSITORY).as_posix()
            tree = ast.parse(path.read_text("utf-8"))
            found = {
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and SPELLED.fullmatch(node.value)
            }
            if name == "ecg_audio/environment.py":
                assert found - OWN_NAMES[name] <= VARIABLES
            elif name != "ecg_audio/settings.py":
                assert found <= OWN_NAMES.get(name, set()), name


def test_lists_of_variables_name_settings() -> None:
    """What a program is given by name, or by the beginning of a name, exists."""
    for name in (*environment.MODELS, *environment.DOWNLOADER, *environment.SIGNING, *environment.CALLERS):
        if name.startswith("ECG_") and name != "ECG_FAMILY":
            assert any(variable.startswith(name.rstrip("*")) for variable in VARIABLES), name


def test_making_a_group_looks_at_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that crossed a process boundary says what it was sent with; reading is a call of its own."""
    monkeypatch.setenv("ECG_WHISPERX_MODEL", "small")
    assert Engine().model == "auto" and Engine.model_validate({}).model == "auto"
    assert Engine.read().model == "small" and Engine.read({}).model == "auto"


def test_the_first_of_several_names_counts() -> None:
    """A setting with an older name takes that where the first is not set, or is empty."""
    assert Bucket.read({"S3_BUCKET": "older"}).name == "older"
    assert Bucket.read({"S3_BUCKET": "older", "S3_BUCKET_NAME": "newer"}).name == "newer"
    assert Callbacks.read({"FASTAPI_BASE_URL": " ", "BACKEND_URL": "http://second"}).base_url == "http://second"


def test_lists_are_split_at_commas() -> None:
    """Spaces and empty entries do not count."""
    assert Sources.read({"ECG_ALLOWED_NETWORKS": "10.0.0.0/8, storage ,"}).allowed_networks == ("10.0.0.0/8", "storage")


def test_a_setting_that_cannot_be_used_is_named() -> None:
    """Under the variable that was really set."""
    with pytest.raises(InvalidRequest, match="ECG_GATEWAY_PORT"):
        Gateway.read({"ECG_GATEWAY_PORT": "eighty"})
    with pytest.raises(InvalidRequest, match="BACKEND_URL"):
        Callbacks.read({"BACKEND_URL": "backend:8000"})


def test_the_client_of_the_fork_server_imports_no_settings() -> None:
    """It starts for every job, and so do decoders: their variables are read without pydantic."""
    for module in (
        "deployments.service.warm.client",
        "ecg_audio.modes",
        "ecg_audio.workspace",
        "ecg_audio.local_socket",
    ):
        script = f"import sys, {module}; assert not {{'pydantic', 'pydantic_settings'}} & set(sys.modules)"
        subprocess.run([sys.executable, "-c", script], check=True, cwd=REPOSITORY)


def test_the_command_shows_what_holds_and_masks_secrets(ecg: Ecg, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set, with its source; no secret; `--all` adds the defaults."""
    monkeypatch.setenv("ECG_GATEWAY_API_KEY", "hidden-key")
    monkeypatch.setenv("ECG_WHISPERX_BEAM_SIZE", "2")
    ended = ecg("settings")
    assert ended.code == 0 and "ECG_WHISPERX_BEAM_SIZE = 2  environment" in ended.out
    assert "hidden-key" not in ended.out and "ECG_GATEWAY_API_KEY = ********" in ended.out
    assert "ECG_WHISPERX_BATCH_SIZE" not in ended.out
    assert "ECG_WHISPERX_BATCH_SIZE = 16  default" in ecg("settings", "--all").out


def test_the_command_names_what_cannot_be_used(ecg: Ecg, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are shown all the same, and the exit code says that something is wrong."""
    monkeypatch.setenv("ECG_WHISPERX_BEAM_SIZE", "wide")
    monkeypatch.setenv("ECG_GATEWAY_PORT", "8081")
    ended = ecg("settings")
    assert ended.code == 2 and "ECG_WHISPERX_BEAM_SIZE" in ended.err and "ECG_GATEWAY_PORT = 8081" in ended.out
