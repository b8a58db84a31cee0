"""Which engine a request gets, and why."""

import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from ecg_audio.errors import EngineUnavailable, LanguageUnsupported, ModelLoadingFailed, OptionUnsupported
from ecg_audio.speech import bundled, engine
from ecg_audio.speech.engine import Availability, Choice, Guidance, availability, choose, create
from ecg_audio.speech.offline import OfflineEngine


def pretend_whisperx(monkeypatch: pytest.MonkeyPatch, found: Availability) -> None:
    """Put a whisperx engine in place whose availability is known."""
    module = types.ModuleType("pretended_whisperx")
    module.availability = lambda: found  # type: ignore[attr-defined]
    module.WhisperXEngine = lambda: "the engine"  # type: ignore[attr-defined]
    module.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(engine, "WHISPERX_ENGINE", module.__name__)


def test_auto_takes_whisperx_where_its_models_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """The better engine wins, and nothing was settled for."""
    pretend_whisperx(monkeypatch, Availability(True, "its models are on disk"))
    assert choose("auto") == Choice("whisperx", "its models are on disk")
    assert create("whisperx") == "the engine"


def test_auto_settles_for_offline_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without models the offline engine runs, and the choice carries the reason in one line."""
    reason = "its models are neither on disk nor reachable"
    pretend_whisperx(monkeypatch, Availability(False, reason))
    assert choose("auto") == Choice("offline", reason, settled=True)


def test_whisperx_by_name_fails_at_once_where_it_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by name there is no settling: the error says why, and what to do."""
    pretend_whisperx(monkeypatch, Availability(False, "no models"))
    with pytest.raises(EngineUnavailable, match="whisperx engine cannot run here: no models") as failure:
        choose("whisperx")
    assert "--engine offline" in failure.value.hint


def test_a_version_without_the_whisperx_engine_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing module is a reason like any other, for choosing and for creating."""
    monkeypatch.setattr(engine, "WHISPERX_ENGINE", "ecg_audio.speech.no_such_engine")
    assert choose("auto").settled
    with pytest.raises(EngineUnavailable):
        create("whisperx")


def test_offline_is_chosen_by_name_without_settling() -> None:
    """Asking for the offline engine is no compromise."""
    choice = choose("offline")
    assert (choice.engine, choice.settled) == ("offline", False)
    assert isinstance(create("offline"), OfflineEngine)


def test_offline_without_its_packages_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package is named, and then neither engine can run."""
    pretend_whisperx(monkeypatch, Availability(False, "no models"))
    monkeypatch.setattr(bundled.importlib.util, "find_spec", lambda package: None)
    assert "whisperx" in availability("offline").reason
    with pytest.raises(ModelLoadingFailed, match="resemblyzer"):
        bundled.voice_encoder_path()
    monkeypatch.setattr(engine, "availability", availability)
    with pytest.raises(EngineUnavailable):
        choose("offline")


@pytest.mark.parametrize("language", ["en", "auto"])
def test_the_offline_engine_takes_english(language: str) -> None:
    """English by name or by default is accepted."""
    OfflineEngine().check_language(language)


def test_the_offline_engine_names_the_engine_that_has_a_language() -> None:
    """Another language is refused, with the way out."""
    with pytest.raises(LanguageUnsupported, match="English only, not 'ko'") as failure:
        OfflineEngine().check_language("ko")
    assert "whisperx" in failure.value.hint


@pytest.mark.parametrize("guidance", [Guidance("Dr. Kim"), Guidance(hotwords="fox"), Guidance(translate=True)])
def test_the_offline_engine_refuses_guidance(guidance: Guidance) -> None:
    """By name and before any work: the file is never looked for."""
    with pytest.raises(OptionUnsupported, match=f"cannot take {guidance}") as failure:
        OfflineEngine().transcribe(Path("none.flac"), guidance=guidance)
    assert "whisperx" in failure.value.hint


def test_the_fingerprint_follows_models_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal as long as nothing changes; different as soon as a setting does."""
    before = OfflineEngine().fingerprint()
    assert before == OfflineEngine().fingerprint()
    assert "pocketsphinx" in before["recogniser"]
    monkeypatch.setattr(bundled, "CLUSTERING", {**bundled.CLUSTERING, "threshold": 0.9})
    assert OfflineEngine().fingerprint() != before


def test_deciding_and_creating_import_nothing_heavy() -> None:
    """A process that chooses, creates and fingerprints an engine has imported no model library."""
    script = (
        "import sys; from ecg_audio.speech import engine, attribution\n"
        "engine.create(engine.choose('offline').engine).fingerprint()\n"
        "heavy = {'torch', 'pyannote.audio', 'whisperx', 'pocketsphinx', 'librosa', 'huggingface_hub'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_choosing_takes_no_time_to_speak_of() -> None:
    """The decision is made in under two seconds, whatever the network does."""
    started = time.perf_counter()
    choose("auto")
    assert time.perf_counter() - started < 2.5
