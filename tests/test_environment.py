"""What our processes find in their environment: what their kind needs, and nobody's secrets."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import soundfile

from ecg_audio import child, environment
from ecg_audio.errors import EcgError
from ecg_audio.media import decode, platforms, probe
from ecg_audio.progress import silent
from ecg_audio.request import Limits
from ecg_audio.speech.engine import ModelProcess
from ecg_audio.voice.emotion import EmotionClassifier

SECRETS = {
    "ECG_GATEWAY_API_KEY": "sesame",
    "ECG_CALLBACK_SECRET": "between us",
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "aws",
    "AWS_SESSION_TOKEN": "session",
    "PREFECT_API_KEY": "pnu",
    "PREFECT_API_AUTH_STRING": "user:password",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://prefect:password@db/prefect",
    "SOMEBODYS_TOKEN": "else's",
}
NEEDED = {"HF_TOKEN": "hf_x", "HTTPS_PROXY": "http://proxy:3128", "SSL_CERT_FILE": "/etc/ca.pem"}
NEEDED |= {"ECG_WHISPERX_DEVICE": "cpu", "ECG_ALLOWED_NETWORKS": "10.0.0.0/8", "OMP_NUM_THREADS": "3", "TMPDIR": "/tmp"}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The environments of all children that are started from now on; ours is full of secrets."""
    for name, value in (SECRETS | NEEDED).items():
        monkeypatch.setenv(name, value)
    environments: list[dict[str, str]] = []
    begin = subprocess.Popen

    def noted(*arguments: Any, **options: Any) -> Any:
        environments.append(options["env"])
        return begin(*arguments, **options)

    monkeypatch.setattr(child.subprocess, "Popen", noted)
    return environments


def test_decoders_get_no_secret_and_no_setting_of_others(given: list[dict[str, str]], tmp_path: Path) -> None:
    """Probe and decoder work with the machine's variables alone."""
    path = tmp_path / "a.wav"
    soundfile.write(path, [0.1, -0.1] * 8000, 16000)
    probe.probe(path, limits=Limits())
    decode.extract(path, tmp_path / "a.flac", key="a", sha256="0" * 64, limits=Limits())
    assert len(given) == 2
    for found in given:
        assert not set(found) & set(SECRETS)
        assert set(found) & set(NEEDED) == {"OMP_NUM_THREADS", "TMPDIR"}
        assert found["PATH"] and found["PYTHONPATH"]


def test_the_site_downloader_knows_which_addresses_it_may_speak_to(given: list[dict[str, str]], tmp_path: Path) -> None:
    """And whom to trust, but no token, no key and no proxy."""
    with pytest.raises(EcgError):
        platforms.download("https://fake.invalid/1", tmp_path, limits=Limits(), report=silent)
    [found] = given
    assert not set(found) & set(SECRETS)
    assert set(found) & set(NEEDED) == {"OMP_NUM_THREADS", "TMPDIR", "SSL_CERT_FILE", "ECG_ALLOWED_NETWORKS"}


def test_model_processes_get_the_hubs_token_and_no_other(given: list[dict[str, str]]) -> None:
    """Speech and emotion models are fetched with the hub's variables, through the proxy; nobody's keys are there."""
    for process in (ModelProcess().child, EmotionClassifier("none")._process):
        with process:
            process.start()
    assert len(given) == 2
    for found in given:
        assert not set(found) & set(SECRETS)
        assert set(NEEDED) - set(found) == {"ECG_ALLOWED_NETWORKS"}


def test_a_child_that_names_no_list_gets_the_shortest(given: list[dict[str, str]]) -> None:
    """Whoever forgets to choose has chosen the machine's variables."""
    with child.Child("the forgetful", environment={"MORE": "1"}) as process:
        process.start()
    [found] = given
    assert found["MORE"] == "1"
    assert not set(found) & (set(SECRETS) | set(NEEDED) - {"OMP_NUM_THREADS", "TMPDIR"})


def test_a_beginning_of_names_stands_for_no_secret() -> None:
    """`PREFECT_*` is all of Prefect's settings and none of its keys; those are given where they are named."""
    everything = {**SECRETS, **NEEDED, "PREFECT_HOME": "/home"}
    assert set(environment.chosen(everything, ("PREFECT_*", "ECG_*"))) == {
        "PREFECT_HOME", "ECG_WHISPERX_DEVICE", "ECG_ALLOWED_NETWORKS",
    }  # fmt: skip
    given = environment.chosen(everything, ("PREFECT_*", *environment.STORE, *environment.CALLERS))
    assert {name for name in given if name in SECRETS} == {
        "ECG_GATEWAY_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    }  # fmt: skip
