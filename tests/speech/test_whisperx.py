"""The WhisperX engine with tiny trained models, on the CPU, with no hub and no network."""

import itertools
import os
import signal
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ecg_audio.analysis import Diarization, Transcript
from ecg_audio.compute import hub
from ecg_audio.compute.idle import Rest
from ecg_audio.errors import (
    DiarizationFailed,
    EngineUnavailable,
    LanguageUnsupported,
    ModelLoadingFailed,
    OptionUnsupported,
    TranscriptionFailed,
    WorkerLost,
)
from ecg_audio.speech import aligners
from ecg_audio.speech import engine as engines
from ecg_audio.speech.attribution import attribute
from ecg_audio.speech.engine import Choice, Guidance
from ecg_audio.speech.whisperx import WhisperXEngine, availability
from ecg_audio.speech.whisperx_settings import WhisperXSettings
from tests import models
from tests.speech import pipeline_folder, shortage

SPOKEN = models.REFERENCE["conversation"]


@pytest.fixture(scope="module")
def heard(whisperx: WhisperXEngine) -> tuple[Transcript, Diarization, list[float]]:
    """The conversation, transcribed and diarized, and what the transcription reported."""
    reports: list[float] = []
    with ThreadPoolExecutor() as pool:
        diarization = pool.submit(whisperx.diarize, models.CONVERSATION)
        transcript = whisperx.transcribe(models.CONVERSATION, report=reports.append)
        return whisperx.align(models.CONVERSATION, transcript), diarization.result(), reports


# Light: settings, availability, fingerprint


def test_with_its_models_on_disk_the_engine_is_chosen(tiny: None) -> None:
    """Directories that are there are enough: no hub is asked."""
    assert engines.choose("auto") == Choice("whisperx", f"its models are on disk ({models.HERE / 'asr'} on the CPU)")


def test_by_name_without_models_it_fails_at_once_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """In under 5 s, naming the models, the command that fetches them and the variables that name directories."""
    monkeypatch.setattr(hub, "answers", lambda: False)
    monkeypatch.setenv("HF_HUB_CACHE", "/nonexistent")
    started = time.perf_counter()
    with pytest.raises(EngineUnavailable, match="not on disk, and the hub does not answer") as failure:
        engines.choose("whisperx")
    assert time.perf_counter() - started < 5
    for part in ("Systran/faster-whisper-base", "pyannote/speaker-diarization", "ecg models fetch", "ECG_WHISPERX_"):
        assert part in failure.value.message
    assert engines.choose("auto").engine == "offline"


def test_a_gated_model_without_a_token_is_no_promise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The hub answers, but would refuse: auto does not take the engine, and the reason names the page."""
    monkeypatch.setattr(hub, "answers", lambda: True)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    found = availability()
    assert not found.available
    assert "https://huggingface.co/pyannote/speaker-diarization-community-1" in found.reason
    assert "HF_TOKEN" in found.reason
    monkeypatch.setenv("HF_TOKEN", "a token")
    assert availability().available


def test_a_directory_that_is_not_there_is_named(tiny: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong path is not taken for a name on the hub."""
    monkeypatch.setenv("ECG_WHISPERX_MODEL", "/models/whisper")
    assert "ECG_WHISPERX_MODEL names a directory that is not there: /models/whisper" in availability().reason


def test_an_aligner_that_is_asked_for_must_be_there(tiny: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Auto does not promise what an aligner out of reach would break; whisperx's own aligners are no condition."""
    monkeypatch.setattr(hub, "answers", lambda: False)
    monkeypatch.setenv("ECG_WHISPERX_ALIGN_MODELS", "en=nobody/aligner")
    assert engines.choose("auto").settled
    assert "nobody/aligner: not on disk" in availability().reason
    assert "set ECG_WHISPERX_ALIGN_MODELS to" in availability().reason
    monkeypatch.setenv("ECG_WHISPERX_ALIGN_MODELS", "en=/models/aligner")
    assert "ECG_WHISPERX_ALIGN_MODELS names a directory that is not there: /models/aligner" in availability().reason
    monkeypatch.setenv("ECG_WHISPERX_ALIGN_MODELS", "")
    assert availability().available


def test_an_aligner_of_torchaudio_lies_in_torchs_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is no hub name: its file is looked for where torch would put it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert not aligners.here("WAV2VEC2_ASR_BASE_960H")
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "wav2vec2_fairseq_base_ls960_asr_ls960.pth").touch()
    assert aligners.here("WAV2VEC2_ASR_BASE_960H")


def test_a_senseless_setting_makes_the_engine_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` then still finds the other engine, and says why."""
    monkeypatch.setenv("ECG_WHISPERX_DEVICE", "abacus")
    assert "ECG_WHISPERX_DEVICE" in availability().reason
    assert engines.choose("auto").settled


def test_a_stage_has_the_fingerprint_of_its_own_models_and_settings(tmp_path: Path) -> None:
    """Another setting, or other files under the same path, are other results, of that stage and of no other."""
    (tmp_path / "model.bin").write_bytes(b"weights")
    settings = WhisperXSettings(model=str(tmp_path), diarization="bundled", device="cpu")

    def fingerprints(**changes: object) -> tuple[dict[str, str], ...]:
        engine = WhisperXEngine(settings.model_copy(update=changes))
        return engine.fingerprint("transcribe"), engine.fingerprint("align"), engine.fingerprint("diarize")

    before = fingerprints()
    assert fingerprints() == before
    assert [a == b for a, b in zip(before, fingerprints(beam_size=1), strict=True)] == [False, True, True]
    assert [a == b for a, b in zip(before, fingerprints(align_models={"en": "x"}), strict=True)] == [True, False, True]
    assert [a == b for a, b in zip(before, fingerprints(diarization="x"), strict=True)] == [True, True, False]
    (tmp_path / "model.bin").write_bytes(b"other weights")
    assert [a == b for a, b in zip(before, fingerprints(), strict=True)] == [False, True, True]


@pytest.mark.parametrize(("model", "language"), [("base", "xx"), ("base.en", "ko")])
def test_a_language_the_model_does_not_have_is_refused(model: str, language: str) -> None:
    """Before any work: Whisper's hundred languages, or English alone for an English model."""
    engine = WhisperXEngine(WhisperXSettings(model=model))
    engine.check_language("auto")
    engine.check_language("en")
    with pytest.raises(LanguageUnsupported, match=language):
        engine.transcribe(Path("none.flac"), language=language)


@pytest.mark.parametrize("model", ["base.en", "large-v3-turbo", "distil-large-v3"])
def test_a_model_that_cannot_translate_is_not_asked_to(model: str) -> None:
    """Before any work; a model in a directory is taken at its word."""
    engine = WhisperXEngine(WhisperXSettings(model=model))
    engine.check_guidance(Guidance("Dr. Kim", "Ångström"))
    with pytest.raises(OptionUnsupported, match="not trained to translate") as failure:
        engine.transcribe(Path("none.flac"), guidance=Guidance(translate=True))
    assert "large-v3" in failure.value.hint
    WhisperXEngine(WhisperXSettings(model="large-v3")).check_guidance(Guidance(translate=True))


# Heavy: the models


@pytest.mark.slow
def test_the_conversation_is_recognised_word_for_word(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Text exact, English found by itself, probability told, nothing suspect, no step of the ladder."""
    transcript = heard[0]
    assert [utterance.text for utterance in transcript.utterances] == [line["text"] for line in SPOKEN]
    assert (transcript.engine, transcript.model, transcript.language) == ("whisperx", "asr", "en")
    assert transcript.language_probability is not None and 0.9 < transcript.language_probability <= 1
    assert transcript.notices == ()
    assert all(utterance.suspect is None for utterance in transcript.utterances)


@pytest.mark.slow
def test_words_begin_where_they_are_said(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Every word is aligned, with a score; starts are within 60 ms of the synthesiser's own, by the median."""
    words = [word for utterance in heard[0].utterances for word in utterance.words]
    starts_s = [start_s for line in SPOKEN for start_s in line["word_starts_s"]]
    assert {word.timing for word in words} == {"aligned"}
    assert all(word.confidence is not None and word.suspect is None for word in words)
    assert statistics.median(abs(a.start_s - b) for a, b in zip(words, starts_s, strict=True)) <= 0.06


@pytest.mark.slow
def test_two_speakers_are_told_apart(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Unasked: each sentence belongs to one speaker, the one who says it; every voice has its vector."""
    segments = attribute(heard[0], heard[1])
    names = {"A": "SPEAKER_00", "B": "SPEAKER_01"}
    assert [segment.speaker for segment in segments] == [names[line["speaker"]] for line in SPOKEN]
    assert set(heard[1].embeddings) == set(names.values())


@pytest.mark.slow
def test_progress_goes_from_nothing_to_all(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Transcription reports rising fractions that end at 1."""
    reports = heard[2]
    assert reports == sorted(reports)
    assert len(reports) > 5
    assert reports[-1] == 1.0


@pytest.mark.slow
def test_another_language_is_found_and_has_the_engines_own_times(whisperx: WhisperXEngine) -> None:
    """Korean by itself; without an aligner for it the words carry engine times, marked, with the engine's score."""
    found = whisperx.align(models.KOREAN, whisperx.transcribe(models.KOREAN))
    assert found.language == "ko"
    assert [utterance.text for utterance in found.utterances] == [line["text"] for line in models.REFERENCE["korean"]]
    for utterance in found.utterances:
        assert [word.text for word in utterance.words] == utterance.text.split()
        assert {word.timing for word in utterance.words} == {"engine"}
        assert all(word.confidence is not None for word in utterance.words)
        assert all(utterance.start_s <= word.start_s <= word.end_s <= utterance.end_s for word in utterance.words)


@pytest.mark.slow
def test_a_language_that_is_asked_for_is_obeyed(whisperx: WhisperXEngine) -> None:
    """No detection: the language is the one asked for, and there is no probability to report."""
    found = whisperx.transcribe(models.CONVERSATION, language="ko")
    assert (found.language, found.language_probability) == ("ko", None)


@pytest.mark.slow
def test_without_a_hub_words_have_the_engines_own_times(whisperx: WhisperXEngine) -> None:
    """Whisperx's own aligner for English is out of reach: the job goes on, and says what is missing."""
    engine = WhisperXEngine(whisperx.settings.model_copy(update={"align_models": {}}))
    engine._models = whisperx._models
    found = engine.align(models.CONVERSATION, whisperx.transcribe(models.CONVERSATION))
    assert [notice.code for notice in found.notices] == ["ALIGNER_MISSING"]
    assert "WAV2VEC2_ASR_BASE_960H" in found.notices[0].message
    assert {word.timing for utterance in found.utterances for word in utterance.words} == {"engine"}


@pytest.mark.slow
def test_whisperx_itself_takes_the_aligners_that_were_read(whisperx: WhisperXEngine) -> None:
    """What its source says without an import, and the files of torchaudio's, are what its modules say."""
    own, files = whisperx._models.call(shortage.own_aligners)
    assert aligners.own() == own
    assert {name: aligners.TORCHAUDIO_FILES[name] for name in files} == files


@pytest.mark.slow
def test_a_pipeline_in_a_directory_is_loaded_and_tells_the_same(whisperx: WhisperXEngine, tmp_path: Path) -> None:
    """A pyannote pipeline with its parts beside it, as the hub has them: bundled parts say the same there."""
    folder = tmp_path / "own-diarization"
    whisperx._models.call(pipeline_folder.write, str(folder))
    engine = WhisperXEngine(whisperx.settings.model_copy(update={"diarization": str(folder)}))
    engine._models = whisperx._models
    found = engine.diarize(models.CONVERSATION)
    assert found.model == "own-diarization"
    assert found.exclusive == whisperx.diarize(models.CONVERSATION).exclusive != ()
    (folder / "segmentation" / "pytorch_model.bin").write_bytes(b"no model")
    broken = tmp_path / "broken"
    folder.rename(broken)
    engine.settings = engine.settings.model_copy(update={"diarization": str(broken)})
    with pytest.raises(ModelLoadingFailed, match="cannot be loaded"):
        engine.diarize(models.CONVERSATION)


@pytest.mark.slow
def test_a_translation_says_so_and_has_the_engines_own_times(whisperx: WhisperXEngine) -> None:
    """Korean speech, English asked: the language is the spoken one, and no aligner is trusted with the words."""
    engine = WhisperXEngine(whisperx.settings.model_copy(update={"align_models": {"ko": "nobody/nothing"}}))
    engine._models = whisperx._models
    heard = engine.transcribe(models.KOREAN, guidance=Guidance(translate=True))
    assert (heard.language, heard.task) == ("ko", "translate")
    assert [notice.code for notice in heard.notices] == ["TRANSLATED"]
    found = engine.align(models.KOREAN, heard)
    assert {word.timing for utterance in found.utterances for word in utterance.words} <= {"engine", "interpolated"}
    english = engine.transcribe(models.CONVERSATION, guidance=Guidance(translate=True))
    assert (english.task, english.notices) == ("transcribe", ())


@pytest.mark.slow
def test_guidance_reaches_the_recogniser(whisperx: WhisperXEngine) -> None:
    """What Whisper is given before the speech are the hotwords and the prompt; the next request starts afresh."""
    whisperx.transcribe(models.CONVERSATION, guidance=Guidance("The quick brown fox", "lazy dog"))
    assert whisperx._models.call(shortage.led_by, whisperx.settings) == ("The quick brown fox", "lazy dog")
    whisperx.transcribe(models.CONVERSATION)
    assert whisperx._models.call(shortage.led_by, whisperx.settings) == (None, None)


@pytest.mark.slow
def test_guidance_that_is_too_long_is_cut_and_said_so(whisperx: WhisperXEngine) -> None:
    """Whisper keeps half of its text for what came before: the hotwords and the end of the prompt remain."""
    asked = Guidance("fox " * 240 + "dog", "report " * 60 + "end")
    found = whisperx.transcribe(models.CONVERSATION, guidance=asked)
    assert [notice.code for notice in found.notices] == ["PROMPT_CUT"]
    prompt, hotwords = whisperx._models.call(shortage.led_by, whisperx.settings)
    assert prompt.endswith("fox dog") and len(prompt) < len("fox " * 240)
    assert hotwords == asked.hotwords


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "timings"),
    [
        ("The 5 brown fox $100 the lazy dog.", "aiaaiaaa"),
        ("5 % 100", "iii"),
        ("İstanbul 안녕 quick 東京 Straße", "aiaia"),
        ("fox", "a"),
        ("…", "i"),
        ("", ""),
    ],
)
def test_numerals_symbols_and_foreign_letters_are_interpolated_and_marked(
    whisperx: WhisperXEngine, text: str, timings: str
) -> None:
    """What the aligner has no letters for gets a place between its neighbours, and never a score."""
    heard = whisperx.transcribe(models.CONVERSATION)
    utterance = heard.utterances[0].model_copy(update={"text": text})
    found = whisperx.align(models.CONVERSATION, heard.model_copy(update={"utterances": (utterance,)}))
    words = found.utterances[0].words
    assert [word.text for word in words] == text.split()
    assert "".join(word.timing[0] for word in words) == timings
    assert all((word.confidence is None) == (word.timing == "interpolated") for word in words)
    at_s = utterance.start_s
    for word in words:
        assert at_s <= word.start_s <= word.end_s <= utterance.end_s
        at_s = word.end_s


@pytest.mark.slow
def test_text_that_does_not_fit_its_time_is_placed_and_marked(whisperx: WhisperXEngine) -> None:
    """Two thousand words in three seconds cannot be aligned: all come through, inside, in order, marked."""
    heard = whisperx.transcribe(models.CONVERSATION)
    text = " ".join(["quick brown fox jumps"] * 500)
    utterance = heard.utterances[0].model_copy(update={"text": text})
    words = (
        whisperx.align(models.CONVERSATION, heard.model_copy(update={"utterances": (utterance,)})).utterances[0].words
    )
    assert [word.text for word in words] == text.split()
    assert {word.timing for word in words} == {"interpolated"}
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(words))
    assert utterance.start_s <= words[0].start_s and words[-1].end_s <= utterance.end_s


@pytest.mark.slow
@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(100), np.zeros(16_000 * 5)], ids=["none", "few", "silence"])
def test_silence_is_no_speech(whisperx: WhisperXEngine, tmp_path: Path, samples: np.ndarray) -> None:
    """No utterances, no turns, a notice, an undetermined language; nothing is invented."""
    path = tmp_path / "silence.wav"
    soundfile.write(path, samples, 16_000)
    found = whisperx.align(path, whisperx.transcribe(path))
    assert (found.utterances, found.speech, found.language) == ((), (), "und")
    assert [notice.code for notice in found.notices] == ["NO_SPEECH"]
    assert whisperx.diarize(path).turns == ()


@pytest.mark.slow
def test_a_damaged_recording_is_a_named_failure(whisperx: WhisperXEngine, tmp_path: Path) -> None:
    """For words and for speakers; the engine goes on."""
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC but no more")
    with pytest.raises(TranscriptionFailed, match="recognition failed"):
        whisperx.transcribe(broken)
    with pytest.raises(DiarizationFailed, match="telling the speakers apart failed"):
        whisperx.diarize(broken)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["transcribe", "align", "diarize"])
def test_a_model_that_cannot_be_had_is_named(whisperx: WhisperXEngine, stage: str) -> None:
    """A hub name without a hub, for each of the three models: a loading error that names it."""
    missing = {"model": "nobody/nothing", "align_models": {"en": "nobody/nothing"}, "diarization": "nobody/nothing"}
    engine = WhisperXEngine(whisperx.settings.model_copy(update=missing))
    engine._models = whisperx._models  # the warm process: what is missing is not cached there
    heard = whisperx.transcribe(models.CONVERSATION)
    asked = {
        "transcribe": lambda: engine.transcribe(models.CONVERSATION),
        "align": lambda: engine.align(models.CONVERSATION, heard),
        "diarize": lambda: engine.diarize(models.CONVERSATION),
    }
    with pytest.raises(ModelLoadingFailed, match="nobody/nothing is not on this machine"):
        asked[stage]()


@pytest.mark.slow
def test_a_stage_tells_what_memory_it_took(whisperx: WhisperXEngine) -> None:
    """Before, at most and after, of the model process; without a GPU there is no figure for one."""
    whisperx.transcribe(models.CONVERSATION)
    taken = whisperx.memory["transcribe"]
    assert taken.peak.resident_bytes >= taken.before.resident_bytes > 0
    assert taken.peak.resident_bytes > 100_000_000
    assert taken.after.gpu_bytes is None


@pytest.mark.slow
def test_a_second_recording_loads_nothing(whisperx: WhisperXEngine) -> None:
    """Warm means that no model is loaded again."""
    for recording in (models.CONVERSATION, models.KOREAN):
        whisperx.align(recording, whisperx.transcribe(recording))
        whisperx.diarize(recording)
    before = whisperx._models.call(shortage.loads)
    whisperx.align(models.CONVERSATION, whisperx.transcribe(models.CONVERSATION))
    whisperx.diarize(models.CONVERSATION)
    assert whisperx._models.call(shortage.loads) == before


@pytest.mark.slow
def test_models_that_nobody_needs_are_given_back(whisperx: WhisperXEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the idle time nothing is loaded; the next job loads what it needs and has the same result."""
    monkeypatch.setenv("ECG_MODELS_IDLE_S", "0.5")
    engine = WhisperXEngine(whisperx.settings)
    engine._models = whisperx._models
    heard = engine.transcribe(models.KOREAN)
    assert "recogniser" in engine.loaded
    deadline = time.monotonic() + 20
    while engine.loaded:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    before = whisperx._models.call(shortage.loads)["recogniser"]
    monkeypatch.setattr(engine, "_rest", Rest(None, engine._unload))
    assert engine.transcribe(models.KOREAN) == heard
    assert whisperx._models.call(shortage.loads)["recogniser"] == before + 1


def test_a_killed_model_process_is_named() -> None:
    """Kill -9 while the models load is a WorkerLost, which is retryable."""
    engine = WhisperXEngine(WhisperXSettings(model=str(models.HERE / "asr"), diarization="bundled", device="cpu"))
    with ThreadPoolExecutor() as pool:
        trying = pool.submit(engine.transcribe, models.CONVERSATION)
        while engine._models._process is None:
            time.sleep(0.01)
        os.kill(engine._models._process.pid, signal.SIGKILL)
        with pytest.raises(WorkerLost, match="the WhisperX models ended by signal SIGKILL") as failure:
            trying.result()
    assert failure.value.retryable
    engine.close()
