import json
import os
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from deployments.cli import doctor
from deployments.cli.main import app
from deployments.service import session
from ecg_audio.results.outcome import TABLES
from ecg_audio.speech import weights
from tests.support import models
from tests.support.commands import Ecg

OUTPUTS = {"analysis", "backend", "rttm", "srt", "vtt", "ass", "report", "manifest", "tables", "presets"}


def test_help_imports_nothing_heavy() -> None:
    """`ecg --help` teaches without importing Prefect, numpy or anything else that takes long."""
    script = (
        "import sys; sys.argv = ['ecg', '--help']\n"
        "from deployments.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'prefect', 'numpy', 'torch', 'av', 'pyarrow', 'numba', 'fastapi', 'boto3'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for command in ("analyze", "doctor", "show"):
        assert command in ended.stdout


def test_the_version_is_that_of_the_results() -> None:
    """`ecg --version` says what results and bug reports name."""
    from typer.testing import CliRunner

    from tasks.assemble import PACKAGE

    said = CliRunner().invoke(app, ["--version"])
    assert (said.exit_code, said.output) == (0, f"ecg {version(PACKAGE)}\n")


def test_help_says_all_of_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sentence about an option is shown by --help; none is taken for markup and left out."""
    from typer.main import get_command
    from typer.testing import CliRunner

    monkeypatch.setenv("COLUMNS", "1000")  # each sentence is one line
    commands: dict[tuple[str, ...], Any] = {(): get_command(app)}
    seen = 0
    while commands:
        path, command = commands.popitem()
        commands |= {(*path, name): below for name, below in getattr(command, "commands", {}).items()}
        shown = " ".join(CliRunner().invoke(app, [*path, "--help"]).output.split())
        for option in command.params:
            told = " ".join((getattr(option, "help", None) or "").split())
            assert told in shown, (path, option.name)
            seen += bool(told)
    assert seen > 100


@pytest.mark.usefixtures("stub", "server")
def test_json_is_one_object_and_nothing_else(ecg: Ecg, talk: Path) -> None:
    """With --json, stdout holds one object with the agreed keys, and the paths in it exist."""
    ended = ecg("analyze", str(talk), "--job-id", "job-1", "--json")
    found = json.loads(ended.out)
    assert ended.code == 0 and ended.out.count("\n") == 1 and ended.err == ""
    assert {
        "job_id",
        "status",
        "error_code",
        "duration_s",
        "language",
        "transcription_model",
        "speakers",
        "words",
        "warnings",
    } <= set(found)
    assert set(found["outputs"]) == OUTPUTS
    assert set(found["outputs"]["tables"]) == set(TABLES)
    paths = [path for name, path in found["outputs"].items() if isinstance(path, str)]
    assert all(Path(path).is_file() for path in [*paths, *found["outputs"]["tables"].values()])


@pytest.mark.usefixtures("stub", "server")
def test_a_summary_says_what_was_found_and_where_it_lies(ecg: Ecg, talk: Path) -> None:
    """Without --json, progress goes to stderr; stdout has figures, stages and paths, the page last.

    Tables are named where that is asked.
    """
    ended = ecg("analyze", str(talk), "--job-id", "job-1")
    assert "transcribe completed" in ended.err and "100%" in ended.err
    for part in ("job-1", "4 words", "2 speakers", "× real time", "measure", "manifest.json", "ecg show job-1\n"):
        assert part in ended.out
    assert Path(ended.out.split()[-1]).name == "report.html" and ".parquet" not in ended.out
    whole = ecg("analyze", str(talk), "--job-id", "job-1", "--out", "my results", "--paths").out
    assert all(f"/features/{table}/" in whole for table in TABLES) and "captions.karaoke.vtt" in whole
    assert "ecg show job-1 --out 'my results'\n" in whole


@pytest.mark.usefixtures("stub", "server")
def test_show_prints_the_transcript(ecg: Ecg, talk: Path) -> None:
    """`ecg show` finds a result by job id, by manifest and by analysis, and prints who said what how loudly."""
    ended = json.loads(ecg("analyze", str(talk), "--job-id", "job-1", "--json").out)
    by_id = ecg("show", "job-1")
    assert by_id.code == 0 and "Speaker 1" in by_id.out and "hello there" in by_id.out and "dB" in by_id.out
    assert ecg("show", ended["outputs"]["manifest"]).out == by_id.out == ecg("show", ended["outputs"]["analysis"]).out


def test_showing_what_is_not_there_is_a_users_mistake(ecg: Ecg) -> None:
    """An unknown job id is RESULT_NOT_FOUND, exit 2."""
    ended = ecg("show", "no-such-job")
    assert ended.code == 2 and "(RESULT_NOT_FOUND)" in ended.err and "Traceback" not in ended.err


@pytest.mark.usefixtures("tiny")
def test_doctor_says_what_can_run(ecg: Ecg, tmp_path: Path) -> None:
    """Without hub, token and GPU, `ecg doctor` names what a job would get, store and server."""
    ended = ecg("doctor", "--out", str(tmp_path / "store"))
    assert ended.code == 0
    for part in ("models auto", f"words by {models.HERE / 'asr'} on the CPU, speakers by embedded", "models embedded"):
        assert part in ended.out
    for part in ("store", "private", "prefect 3.", "a job of 3 h and 5 GB takes up to 5.6 GB there"):
        assert part in ended.out
    assert not (tmp_path / "store").exists(), "it leaves nothing behind"


def test_doctor_ticks_only_what_it_looked_at(ecg: Ecg, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block without a server has a third mark; a port is free, ours, or another program's."""
    with socket.socket() as other, socket.socket() as unused:
        for one in (other, unused):
            one.bind(("127.0.0.1", 0))
        ports = other.getsockname()[1], unused.getsockname()[1]
        other.listen()
        monkeypatch.setattr(session, "ANSWER_S", 0.2)
        monkeypatch.setattr(doctor, "PORTS", tuple((port, "gateway", "/health/live", "alive") for port in ports))
        told = [" ".join(line.split()) for line in ecg("doctor", "--out", "s3-bucket/ecg").out.splitlines()]
    assert any(line.startswith("– store s3-bucket/ecg was not looked at") for line in told)
    assert any(line.startswith(f"✗ port {ports[0]} another program has it") for line in told)
    assert f"✓ port {ports[1]} free for the gateway" in told


@pytest.mark.usefixtures("tiny")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning")
def test_doctor_says_how_a_model_server_is(ecg: Ecg, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that is named and does not answer keeps jobs from their models: exit code 1, and where it should be."""
    monkeypatch.setenv("ECG_MODEL_SERVER", "/nowhere/socket")
    ended = ecg("doctor", "--out", str(tmp_path / "store"))
    assert (ended.code, "the model server at /nowhere/socket does not answer" in ended.out) == (1, True)


def test_doctor_says_why_models_cannot_be_had(ecg: Ecg, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither embedded nor named: both lines say what is missing, or which setting is wrong; exit code 1."""
    monkeypatch.setattr(weights, "embedded_here", lambda: False)
    monkeypatch.setenv("ECG_WHISPERX_MODEL", "/nowhere/whisper")
    ended = ecg("doctor", "--out", str(tmp_path / "store"))
    assert ended.code == 1
    assert "ECG_WHISPERX_MODEL names a directory that is not there: /nowhere/whisper" in ended.out
    assert "the embedded Whisper model is not installed" in ended.out
    monkeypatch.setenv("ECG_WHISPERX_MODEL", "")
    monkeypatch.setenv("ECG_WHISPERX_DEVICE", "abacus")
    wrong = ecg("doctor", "--out", str(tmp_path / "store"))
    assert wrong.code == 1 and "ECG_WHISPERX_DEVICE" in wrong.out and "Traceback" not in wrong.out + wrong.err


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/api", "http://[::1", "http://a:b:c/api"])
def test_an_unreachable_server_is_named(address: str, ecg: Ecg, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configured server that does not answer, or whose address is none, is a clear error, not a traceback."""
    monkeypatch.setenv("PREFECT_API_URL", address)
    ended = ecg("analyze", str(talk))
    assert ended.code == 2 and f"no Prefect server answers at {address}" in ended.err


@pytest.mark.slow
def test_a_conversation_from_start_to_end(tmp_path: Path) -> None:
    """Without any server, in a process of its own: two speakers and their words; silence and noise become none."""
    import numpy as np
    import soundfile

    from tests.support.media.formats import encode

    encode(*soundfile.read(models.CONVERSATION), tmp_path / "conversation.mp4")
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000 * 4), 16_000)
    soundfile.write(tmp_path / "noise.wav", 0.1 * np.random.default_rng(0).standard_normal(16_000 * 6), 16_000)
    command = [sys.executable, "-m", "deployments.cli", "analyze"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(tmp_path / "prefect"), "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [*command, "conversation.mp4", "silence.wav", "noise.wav", "--json"],
        cwd=tmp_path,
        env=environment | models.SETTINGS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    talk, silence, noise = (json.loads(line) for line in ended.stdout.splitlines())
    assert (talk["transcription_model"], talk["language"], talk["speakers"]) == ("asr", "en", 2)
    assert talk["words"] == sum(len(line["text"].split()) for line in models.REFERENCE["conversation"])
    assert talk["warnings"] == []
    for quiet in (silence, noise):
        assert (quiet["status"], quiet["words"]) == ("completed", 0)
        assert "NO_SPEECH" in {warning["code"] for warning in quiet["warnings"]}


def test_documents_are_utf_8_whatever_the_terminal_is(tmp_path: Path) -> None:
    """On a terminal without letters, JSON stays whole, what people read shows escapes, and nothing fails."""
    command = [sys.executable, "-m", "deployments.cli", "analyze", "강의.mp4", "--json"]
    given = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, check=False)
    assert json.loads(ended.stdout.decode("utf-8"))["source"] == "강의.mp4"
    assert "\\uac15\\uc758.mp4" in ended.stderr.decode("ascii") and b"Traceback" not in ended.stderr
