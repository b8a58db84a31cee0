"""Settings of the speech engine: from the environment, checked, and settled for the machine at hand."""

import ast
import importlib.util
from pathlib import Path

import pytest

from ecg_audio.compute import gpu
from ecg_audio.compute.gpu import Gpu
from ecg_audio.compute.memory import GIB
from ecg_audio.errors import InvalidRequest
from ecg_audio.speech.settings import HUB_NAMES, EngineSettings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in EngineSettings.model_fields:
        monkeypatch.delenv(EngineSettings.variable(field), raising=False)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field has its variable; an empty one counts as not set."""
    monkeypatch.setenv("ECG_WHISPERX_MODEL", "small")
    monkeypatch.setenv("ECG_WHISPERX_BATCH_SIZE", "4")
    monkeypatch.setenv("ECG_WHISPERX_DEVICE", "")
    monkeypatch.setenv("ECG_WHISPERX_ALIGN_MODELS", "en=/models/en, ko=none")
    found = EngineSettings.read()
    assert (found.model, found.batch_size, found.device) == ("small", 4, "auto")
    assert found.align_models == {"en": "/models/en", "ko": "none"}
    assert found.repository == "Systran/faster-whisper-small"


@pytest.mark.parametrize(
    ("field", "value"), [("batch_size", "many"), ("device", "tpu"), ("align_models", "english=x"), ("chunk_s", "90")]
)
def test_a_setting_that_makes_no_sense_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, field: str, value: str
) -> None:
    """The mistake is a user's, and the message says where it is."""
    monkeypatch.setenv(EngineSettings.variable(field), value)
    with pytest.raises(InvalidRequest, match=EngineSettings.variable(field)):
        EngineSettings.read()


@pytest.mark.parametrize(
    ("cards", "settled"),
    [((), ("cpu", "int8")), ((Gpu(0, "T4", 16 * GIB),), ("cuda", "float16"))],
)
def test_device_and_arithmetic_are_decided_by_the_machine(
    monkeypatch: pytest.MonkeyPatch, cards: tuple[Gpu, ...], settled: tuple[str, str]
) -> None:
    """Half precision on GPUs, int8 on the CPU; which models there are is decided elsewhere, for each request."""
    monkeypatch.setattr(gpu, "gpus", lambda: cards)
    found = EngineSettings().resolved()
    assert (found.device, found.compute_type) == settled
    assert (found.model, found.diarization) == ("auto", "auto")
    assert found.resolved() == found


def test_a_machine_can_be_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan for another machine asks nothing of this one."""
    monkeypatch.setattr(gpu, "gpus", lambda: pytest.fail("this machine was asked"))
    assert EngineSettings().resolved(16 * GIB).device == "cuda"
    assert EngineSettings().resolved(0).device == "cpu"


@pytest.mark.parametrize(
    ("given", "settled"), [({"device": "cuda"}, ("cuda", "float16")), ({"compute_type": "float32"}, ("cpu", "float32"))]
)
def test_arithmetic_follows_the_device_that_is_set(given: dict[str, str], settled: tuple[str, str]) -> None:
    """One of the two may be named, and the other is decided by it."""
    found = EngineSettings.model_validate(given).resolved(0)
    assert (found.device, found.compute_type) == settled


def test_what_is_named_stays_as_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `auto` is decided."""
    monkeypatch.setattr(gpu, "gpus", lambda: (Gpu(0, "T4", 16 * GIB),))
    named = EngineSettings(model="org/model", device="cpu", compute_type="float32")
    assert named.resolved() == named
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
