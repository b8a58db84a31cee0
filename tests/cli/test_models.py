"""`ecg models`: what is needed, what is here, and getting it from a hub on loopback."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecg_audio.compute import gpu
from ecg_audio.compute import hub as hub_presence
from ecg_audio.speech import weights
from ecg_audio.speech.settings import EngineSettings
from tests.support import models
from tests.support.commands import Ecg, Ended

COMMIT = "1" * 40
FILES = {"model.bin": b"weights", "config.json": b"{}", "tokenizer.json": b"{}"}
OPEN, GATED = "tiny/whisper", "tiny/gated"


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub's interface as fetching a repository takes: one open repository, one behind a licence."""

    def do_GET(self) -> None:
        """A repository's list of files, or a file."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """What a file is."""
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        name = self.path.split("?")[0].rsplit("/", 1)[-1]
        if GATED in self.path:
            content, status = b"{}", 403
        elif self.path.startswith("/api/models/"):
            siblings = [{"rfilename": file} for file in FILES]
            content, status = json.dumps({"id": OPEN, "sha": COMMIT, "siblings": siblings}).encode(), 200
        else:
            content, status = FILES[name], 200
        self.send_response(status)
        if status == 403:
            self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model is set."""
    for field in EngineSettings.model_fields:
        monkeypatch.delenv(EngineSettings.variable(field), raising=False)


@pytest.fixture
def hub() -> Iterator[str]:
    """The address of a hub."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def fetch(hub: str, home: Path, *arguments: str, **settings: str) -> Ended:
    """`ecg models fetch` in a process of its own: the hub's library reads its address once."""
    return run(hub, home, [sys.executable, "-m", "deployments.cli", "models", "fetch", *arguments], **settings)


def run(hub: str, home: Path, command: list[str], **settings: str) -> Ended:
    """Run a command to which this is the hub."""
    environment = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
    environment |= {"HF_ENDPOINT": hub, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "COLUMNS": "300", **settings}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.slow
def test_models_are_fetched_into_a_folder_for_machines_without_a_network(hub: str, tmp_path: Path) -> None:
    """The files arrive, and the command prints the settings that name them."""
    ended = fetch(
        hub,
        tmp_path / "home",
        "--to",
        str(tmp_path / "models"),
        ECG_WHISPERX_MODEL=OPEN,
        ECG_WHISPERX_DIARIZATION="embedded",
    )
    assert ended.code == 0, ended.err
    folder = tmp_path / "models" / "tiny--whisper"
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert f"export ECG_WHISPERX_MODEL={folder}" in ended.out


@pytest.mark.slow
def test_a_model_behind_a_licence_names_the_page_to_accept(hub: str, tmp_path: Path) -> None:
    """Access denied is one line and one hint, with the page, and never the token."""
    ended = fetch(hub, tmp_path, ECG_WHISPERX_MODEL=GATED, ECG_WHISPERX_DIARIZATION="embedded", HF_TOKEN="hf_secret")
    assert ended.code == 1
    assert f"{hub}/{GATED}" in ended.err and "HF_TOKEN" in ended.err
    assert "hf_secret" not in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_the_list_says_what_is_here_and_what_is_not(ecg: Ecg, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Directories and embedded parts are here; a hub name that is not in the cache is not, and its page is named."""
    for name, value in models.SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    ended = ecg("models", "list")
    assert ended.code == 0
    assert "comes with the installed packages" in ended.out
    monkeypatch.setenv("ECG_WHISPERX_MODEL", "base")
    ended = ecg("models", "list")
    assert ended.code == 1
    assert "not here; https://huggingface.co/Systran/faster-whisper-base" in ended.out


def test_the_plan_is_printed_and_no_stage_goes_over_budget(ecg: Ecg) -> None:
    """Three hours on a 16 GB card: stages, batch, expected memory, the budget, and that these are estimates."""
    ended = ecg("models", "plan", "--hours", "3", "--gpu-gb", "16")
    assert ended.code == 0
    assert "3 h with large-v3-turbo: at most 6.0 GB of GPU memory for each stage" in ended.out
    rows = [line.split() for line in ended.out.splitlines() if line.startswith("  ")]
    assert [row[0] for row in rows] == ["transcribe", "align", "diarize"]
    assert [" ".join(row[1:6]) for row in rows] == [
        "batch 16, float16 on cuda",
        "batch 1, float32 on cuda",
        "batch 32, float32 on cuda",
    ]
    assert all(0.6 < float(row[6]) <= 6.0 for row in rows)
    assert "estimates" in ended.out


def test_a_plan_for_a_small_card_or_none_runs_on_less(ecg: Ecg, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit begins lower on its ladder, at the end of it on the CPU, where no GPU memory is expected."""
    small = ecg("models", "plan", "--hours", "3", "--gpu-gb", "1").out
    assert "3 h with embedded: at most 1.0 GB" in small and "on the CPU" in small
    monkeypatch.setattr(gpu, "gpus", lambda: ())
    here = ecg("models", "plan").out
    assert "no GPU" in here and "int8 on the CPU" in here


def test_a_language_whisper_does_not_know_is_refused(ecg: Ecg) -> None:
    """Before anything is looked up."""
    ended = ecg("models", "fetch", "--language", "xx")
    assert ended.code == 2
    assert "'xx'" in ended.err


def test_a_model_that_is_nowhere_fails_at_once_with_what_to_do(tmp_path: Path) -> None:
    """No hub, token or GPU: two lines before anything heavy is imported or any server is started."""
    script = (
        "import sys; sys.argv = sys.argv[1:]\n"
        "from deployments.cli.main import main\n"
        "try: main()\n"
        "finally: print(sorted({'prefect', 'torch', 'numpy', 'av', 'numba'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", script, "ecg", "analyze", str(models.KOREAN), "--models", "nobody/nothing"]
    environment = {**os.environ, "HF_HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "400"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert ended.returncode == 2
    assert ended.stdout.strip() == "[]"
    for part in ("ENGINE_UNAVAILABLE", "nobody/nothing", "not on disk", "ecg models fetch", "--models embedded"):
        assert part in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_model_is_fetched_by_the_name_that_jobs_give_it(hub: str, tmp_path: Path) -> None:
    """`ecg models fetch NAME` gets what `--models NAME` takes, into the hub's cache; then it is here."""
    ended = fetch(hub, tmp_path, OPEN, ECG_WHISPERX_DIARIZATION="embedded")
    assert ended.code == 0, ended.err
    assert f"{OPEN} is in" in ended.out and "export" not in ended.out
    again = fetch(hub, tmp_path, OPEN, ECG_WHISPERX_DIARIZATION="embedded")
    assert f"{OPEN} is here already" in again.out


@pytest.mark.slow
def test_embedded_weights_that_are_others_on_the_hub_are_refused(hub: str, tmp_path: Path) -> None:
    """Where the packages are missing, `ecg models fetch embedded` takes nothing whose digest is not the known one."""
    script = (
        "import sys; sys.argv = sys.argv[1:]\n"
        "from ecg_audio.compute import carried\n"
        "carried.found = lambda *_: None\n"
        "from deployments.cli.main import main\n"
        "main()\n"
    )
    arguments = [sys.executable, "-c", script, "ecg", "models", "fetch", "embedded"]
    environment = {"ECG_CACHE_DIR": str(tmp_path / "cache"), "ECG_WHISPERX_DIARIZATION": "embedded"}
    ended = run(hub, tmp_path, arguments, **environment)
    assert ended.code == 1
    assert "model.bin of the embedded Whisper model is damaged" in ended.err and "Traceback" not in ended.err
    assert not list((tmp_path / "cache" / "models").glob("*whisper-base-*[!k]"))


def test_doctor_says_in_three_lines_what_the_models_lack(
    ecg: Ecg, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without GPU, hub and token: a line each, exit 0; the embedded models still run."""
    monkeypatch.setattr(weights, "embedded_here", lambda: True)
    monkeypatch.setattr(gpu, "gpus", lambda: ())
    monkeypatch.setattr(hub_presence, "answers", lambda: False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    ended = ecg("doctor", "--out", str(tmp_path / "store"))
    assert ended.code == 0
    for finding in ("none: models run on the CPU", "does not answer: only models on this machine", "none (HF_TOKEN)"):
        assert sum(finding in line for line in ended.out.splitlines()) == 1
