"""Settings of the WhisperX engine: from the environment, checked, and settled for the machine at hand."""

import ast
import importlib.util
from pathlib import Path

import pytest

from ecg_audio.compute import memory
from ecg_audio.compute.memory import GIB, Gpu
from ecg_audio.errors import InvalidRequest
from ecg_audio.speech.whisperx_settings import HUB_NAMES, PREFIX, WhisperXSettings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in WhisperXSettings.model_fields:
        monkeypatch.delenv(PREFIX + field.upper(), raising=False)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field has its variable; an empty one counts as not set."""
    monkeypatch.setenv("ECG_WHISPERX_MODEL", "small")
    monkeypatch.setenv("ECG_WHISPERX_BATCH_SIZE", "4")
    monkeypatch.setenv("ECG_WHISPERX_DEVICE", "")
    monkeypatch.setenv("ECG_WHISPERX_ALIGN_MODELS", "en=/models/en, ko=none")
    found = WhisperXSettings.from_environment()
    assert (found.model, found.batch_size, found.device) == ("small", 4, "auto")
    assert found.align_models == {"en": "/models/en", "ko": "none"}
    assert found.repository == "Systran/faster-whisper-small"


@pytest.mark.parametrize(
    ("name", "value"), [("BATCH_SIZE", "many"), ("DEVICE", "tpu"), ("ALIGN_MODELS", "english=x"), ("CHUNK_S", "90")]
)
def test_a_setting_that_makes_no_sense_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The mistake is a user's, and the message says where it is."""
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(InvalidRequest, match=PREFIX + name):
        WhisperXSettings.from_environment()


@pytest.mark.parametrize(
    ("cards", "settled"),
    [
        ((), ("cpu", "base", "int8")),
        ((Gpu(0, "T4", 16 * GIB),), ("cuda", "large-v3-turbo", "float16")),
        ((Gpu(0, "small", 4 * GIB),), ("cuda", "base", "float16")),
    ],
)
def test_auto_is_decided_by_the_machine(
    monkeypatch: pytest.MonkeyPatch, cards: tuple[Gpu, ...], settled: tuple[str, str, str]
) -> None:
    """The large model only on a GPU with room; half precision on GPUs, int8 on the CPU."""
    monkeypatch.setattr(memory, "gpus", lambda: cards)
    found = WhisperXSettings().settled()
    assert (found.device, found.model, found.compute_type) == settled
    assert found.settled() == found


def test_what_is_named_stays_as_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `auto` is decided."""
    monkeypatch.setattr(memory, "gpus", lambda: (Gpu(0, "T4", 16 * GIB),))
    named = WhisperXSettings(model="org/model", device="cpu", compute_type="float32")
    assert named.settled() == named
    assert named.repository == "org/model"


def test_short_names_are_those_of_faster_whisper() -> None:
    """The table that saves a heavy import says what faster-whisper says."""
    package = importlib.util.find_spec("faster_whisper")
    assert package is not None and package.origin is not None
    source = ast.parse((Path(package.origin).parent / "utils.py").read_text())
    table = next(
        node.value for node in source.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_MODELS"
    )
    assert ast.literal_eval(table) == HUB_NAMES
