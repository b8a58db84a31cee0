"""The speech engine with tiny trained models, on the CPU, with no hub and no network."""

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
from ecg_audio.errors import DiarizationFailed, ModelLoadingFailed, TranscriptionFailed, WorkerLost
from ecg_audio.request import Guidance
from ecg_audio.speech import weights
from ecg_audio.speech.attribution import attribute
from ecg_audio.speech.engine import LocalEngine, ModelProcess
from tests.support import child_work, models
from tests.support.models import pipeline_folder, shortage

SPOKEN = models.REFERENCE["conversation"]


def with_settings(engine: LocalEngine, changes: dict[str, object]) -> LocalEngine:
    """An engine with some other settings on the same warm process, also where what they name is not there."""
    other = LocalEngine(settings=engine.settings, process=engine.process)
    other.settings = engine.settings.model_copy(update=changes)
    return other


@pytest.fixture(scope="module")
def heard(tiny_engine: LocalEngine) -> tuple[Transcript, Diarization, list[float]]:
    """The conversation, transcribed and diarized, and what the transcription reported."""
    reports: list[float] = []
    with ThreadPoolExecutor() as pool:
        diarization = pool.submit(tiny_engine.diarize, models.CONVERSATION)
        transcript = tiny_engine.transcribe(models.CONVERSATION, report=reports.append)
        return tiny_engine.align(models.CONVERSATION, transcript), diarization.result(), reports


@pytest.mark.slow
def test_the_conversation_is_recognised_word_for_word(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Text exact, English found by itself, probability told, nothing suspect, no step of the ladder."""
    transcript = heard[0]
    assert [utterance.text for utterance in transcript.utterances] == [line["text"] for line in SPOKEN]
    assert (transcript.model, transcript.language) == ("asr", "en")
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
    assert len(reports) >= 3
    assert reports[-1] == 1.0


@pytest.mark.slow
def test_another_language_is_found_and_has_the_engines_own_times(tiny_engine: LocalEngine) -> None:
    """Korean by itself; without an aligner for it the words carry engine times, marked, with the engine's score."""
    found = tiny_engine.align(models.KOREAN, tiny_engine.transcribe(models.KOREAN))
    assert found.language == "ko"
    assert [utterance.text for utterance in found.utterances] == [line["text"] for line in models.REFERENCE["korean"]]
    for utterance in found.utterances:
        assert [word.text for word in utterance.words] == utterance.text.split()
        assert {word.timing for word in utterance.words} == {"engine"}
        assert all(word.confidence is not None for word in utterance.words)
        assert all(utterance.start_s <= word.start_s <= word.end_s <= utterance.end_s for word in utterance.words)


@pytest.mark.slow
def test_a_language_that_is_asked_for_is_obeyed(tiny_engine: LocalEngine) -> None:
    """No detection: the language is the one asked for, and there is no probability to report."""
    found = tiny_engine.transcribe(models.CONVERSATION, language="ko")
    assert (found.language, found.language_probability) == ("ko", None)


@pytest.mark.slow
def test_without_a_hub_words_have_the_engines_own_times(tiny_engine: LocalEngine) -> None:
    """Whisperx's own aligner for a language is out of reach: the job goes on, and says what is missing."""
    engine = with_settings(tiny_engine, {"align_models": {}})
    heard = engine.transcribe(models.KOREAN)
    polish = tuple(utterance.model_copy(update={"language": "pl"}) for utterance in heard.utterances)
    found = engine.align(models.KOREAN, heard.model_copy(update={"utterances": polish}))
    assert [notice.code for notice in found.notices] == ["ALIGNER_MISSING"]
    assert weights.own_aligners()["pl"] in found.notices[0].message
    assert "ecg models fetch --language pl" in found.notices[0].message
    assert {word.timing for utterance in found.utterances for word in utterance.words} == {"engine"}


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"align_models": {}}, {"align_models": {"en": "embedded"}}])
def test_english_needs_no_aligner_from_a_hub(tiny_engine: LocalEngine, changes: dict[str, object]) -> None:
    """The embedded one is always there: nothing is missing, and every word has its time."""
    engine = with_settings(tiny_engine, changes)
    found = engine.align(models.CONVERSATION, engine.transcribe(models.CONVERSATION))
    assert found.notices == ()
    for utterance in found.utterances:
        assert [word.text for word in utterance.words] == utterance.text.split()
        assert all(utterance.start_s <= word.start_s <= word.end_s <= utterance.end_s for word in utterance.words)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{"align_models": {"en": "none"}}, {"own_aligners": False, "align_models": {"ko": "none"}}]
)
def test_where_no_aligner_is_wanted_none_is_missing(tiny_engine: LocalEngine, changes: dict[str, object]) -> None:
    """Set so, words are where the recogniser looked, and there is nothing to excuse."""
    recording = models.CONVERSATION if "own_aligners" not in changes else models.KOREAN
    engine = with_settings(tiny_engine, changes)
    found = engine.align(recording, engine.transcribe(recording))
    assert found.notices == ()
    assert {word.timing for utterance in found.utterances for word in utterance.words} == {"engine"}


@pytest.mark.slow
def test_whisperx_itself_takes_the_aligners_that_were_read(tiny_engine: LocalEngine) -> None:
    """What its source says without an import, and the files of torchaudio's, are what its modules say."""
    own, files = tiny_engine.process.child.call(shortage.own_aligners)
    assert weights.own_aligners() == own
    assert {name: weights.TORCHAUDIO_FILES[name] for name in files} == files


@pytest.mark.slow
def test_a_pipeline_in_a_directory_is_loaded_and_tells_the_same(tiny_engine: LocalEngine, tmp_path: Path) -> None:
    """A pyannote pipeline with its parts beside it, as the hub has them: embedded parts say nearly the same there."""
    folder = tmp_path / "own-diarization"
    tiny_engine.process.child.call(pipeline_folder.write, str(folder))
    engine = with_settings(tiny_engine, {"diarization": str(folder)})
    found = engine.diarize(models.CONVERSATION)
    assert found.model == "own-diarization"
    own = tiny_engine.diarize(models.CONVERSATION).exclusive
    assert [turn.speaker for turn in found.exclusive] == [turn.speaker for turn in own] != []
    for turn, other in zip(found.exclusive, own, strict=True):
        assert (turn.start_s, turn.end_s) == pytest.approx((other.start_s, other.end_s), abs=0.1)
    (folder / "segmentation" / "pytorch_model.bin").write_bytes(b"no model")
    broken = tmp_path / "broken"
    folder.rename(broken)
    with pytest.raises(ModelLoadingFailed, match="cannot be loaded"):
        with_settings(tiny_engine, {"diarization": str(broken)}).diarize(models.CONVERSATION)


@pytest.mark.slow
def test_a_translation_says_so_and_has_the_engines_own_times(tiny_engine: LocalEngine) -> None:
    """Korean speech, English asked: the language is the spoken one, and no aligner is trusted with the words."""
    engine = with_settings(tiny_engine, {"align_models": {"ko": "nobody/nothing"}})
    heard = engine.transcribe(models.KOREAN, guidance=Guidance(translate=True))
    assert (heard.language, heard.task) == ("ko", "translate")
    assert [notice.code for notice in heard.notices] == ["TRANSLATED"]
    found = engine.align(models.KOREAN, heard)
    assert {word.timing for utterance in found.utterances for word in utterance.words} <= {"engine", "interpolated"}
    english = engine.transcribe(models.CONVERSATION, guidance=Guidance(translate=True))
    assert (english.task, english.notices) == ("transcribe", ())


@pytest.mark.slow
def test_words_have_the_recognisers_probability(tiny_engine: LocalEngine) -> None:
    """Each part of a recognised text comes with its probability, and so does every word, whoever finds its time."""
    heard = tiny_engine.transcribe(models.CONVERSATION)
    for utterance in heard.utterances:
        assert "".join(text for text, _ in utterance.written).split() == utterance.text.split()
        assert all(0.0 <= probability <= 1.0 for _, probability in utterance.written)
    found = tiny_engine.align(models.CONVERSATION, heard)
    assert found.utterances and all(word.confidence is not None for one in found.utterances for word in one.words)


@pytest.mark.slow
def test_guidance_reaches_the_recogniser(tiny_engine: LocalEngine) -> None:
    """What Whisper is given before the speech are the hotwords and the prompt; the next request starts afresh."""
    child = tiny_engine.process.child
    child.call(shortage.watch_guidance, tiny_engine.settings)
    tiny_engine.transcribe(models.CONVERSATION, guidance=Guidance("The quick brown fox", "lazy dog"))
    assert child.call(shortage.led_by) == {("The quick brown fox", "lazy dog")}
    tiny_engine.transcribe(models.CONVERSATION)
    assert child.call(shortage.led_by) == {(None, None)}


@pytest.mark.slow
def test_guidance_that_is_too_long_is_cut_and_said_so(tiny_engine: LocalEngine) -> None:
    """Whisper keeps half of its text for what came before: the hotwords and the end of the prompt remain."""
    asked = Guidance("fox " * 240 + "dog", "report " * 60 + "end")
    tiny_engine.process.child.call(shortage.watch_guidance, tiny_engine.settings)
    found = tiny_engine.transcribe(models.CONVERSATION, guidance=asked)
    assert [notice.code for notice in found.notices] == ["PROMPT_CUT"]
    ((prompt, hotwords),) = tiny_engine.process.child.call(shortage.led_by)
    assert prompt.endswith("fox dog") and len(prompt) < len("fox " * 240)
    assert hotwords == asked.hotwords


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words", "timings"),
    [
        ("The 5 brown fox $100 the lazy dog.", None, "aiaaiaaa"),
        ("5 % 100", ["5 %", "100"], "ee"),
        ("İstanbul 안녕 quick 東京 Straße", None, "aiaia"),
        ("fox", None, "a"),
        ("…", [], ""),
        ("", None, ""),
    ],
)
def test_numerals_symbols_and_foreign_letters_are_interpolated_and_marked(
    tiny_engine: LocalEngine, text: str, words: list[str] | None, timings: str
) -> None:
    """What the aligner has no letters for gets a place between its neighbours, and never a score.

    Where it has none for the whole text, the words are where the recogniser looked. What has neither letter nor digit
    is no word: it goes with the one before.
    """
    heard = tiny_engine.transcribe(models.CONVERSATION)
    utterance = heard.utterances[0].model_copy(update={"text": text})
    found = tiny_engine.align(models.CONVERSATION, heard.model_copy(update={"utterances": (utterance,)}))
    timed = found.utterances[0].words
    assert [word.text for word in timed] == (text.split() if words is None else words)
    assert "".join(word.timing[0] for word in timed) == timings
    assert all((word.confidence is None) == (word.timing == "interpolated") for word in timed)
    at_s = utterance.start_s
    for word in timed:
        assert at_s <= word.start_s <= word.end_s <= utterance.end_s
        at_s = word.end_s


@pytest.mark.slow
def test_text_that_does_not_fit_its_time_is_placed_and_marked(tiny_engine: LocalEngine) -> None:
    """Two thousand words in three seconds cannot be aligned: all come through, inside, in order, marked."""
    heard = tiny_engine.transcribe(models.CONVERSATION)
    text = " ".join(["quick brown fox jumps"] * 500)
    utterance = heard.utterances[0].model_copy(update={"text": text})
    words = (
        tiny_engine.align(models.CONVERSATION, heard.model_copy(update={"utterances": (utterance,)}))
        .utterances[0]
        .words
    )
    assert [word.text for word in words] == text.split()
    assert {word.timing for word in words} == {"interpolated"}
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(words))
    assert utterance.start_s <= words[0].start_s and words[-1].end_s <= utterance.end_s


@pytest.mark.slow
@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(100), np.zeros(16_000 * 5)], ids=["none", "few", "silence"])
def test_silence_is_no_speech(tiny_engine: LocalEngine, tmp_path: Path, samples: np.ndarray) -> None:
    """No utterances, no turns, a notice, an undetermined language; nothing is invented."""
    path = tmp_path / "silence.wav"
    soundfile.write(path, samples, 16_000)
    found = tiny_engine.align(path, tiny_engine.transcribe(path))
    assert (found.utterances, found.speech, found.language) == ((), (), "und")
    assert [notice.code for notice in found.notices] == ["NO_SPEECH"]
    assert tiny_engine.diarize(path).turns == ()


@pytest.mark.slow
def test_a_damaged_recording_is_a_named_failure(tiny_engine: LocalEngine, tmp_path: Path) -> None:
    """For words and for speakers; the engine goes on."""
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC but no more")
    with pytest.raises(TranscriptionFailed, match="recognition failed"):
        tiny_engine.transcribe(broken)
    with pytest.raises(DiarizationFailed, match="telling the speakers apart failed"):
        tiny_engine.diarize(broken)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["transcribe", "align", "diarize"])
def test_a_model_that_cannot_be_had_is_named(tiny_engine: LocalEngine, stage: str) -> None:
    """A hub name without a hub, for each of the three models: a loading error that names it."""
    missing = {"model": "nobody/nothing", "align_models": {"en": "nobody/nothing"}, "diarization": "nobody/nothing"}
    engine = with_settings(tiny_engine, missing)
    heard = tiny_engine.transcribe(models.CONVERSATION)
    asked = {
        "transcribe": lambda: engine.transcribe(models.CONVERSATION),
        "align": lambda: engine.align(models.CONVERSATION, heard),
        "diarize": lambda: engine.diarize(models.CONVERSATION),
    }
    with pytest.raises(ModelLoadingFailed, match="nobody/nothing is not on this machine"):
        asked[stage]()


@pytest.mark.slow
def test_a_stage_tells_what_memory_it_took(tiny_engine: LocalEngine) -> None:
    """Before, at most and after, of the model process; without a GPU there is no figure for one."""
    tiny_engine.transcribe(models.CONVERSATION)
    taken = tiny_engine.process.memory["transcribe"]
    assert taken.peak.resident_bytes >= taken.before.resident_bytes > 0
    assert taken.peak.resident_bytes > 100_000_000
    assert taken.after.gpu_bytes is None


@pytest.mark.slow
def test_a_second_recording_loads_nothing(tiny_engine: LocalEngine) -> None:
    """Warm means that no model is loaded again."""
    for recording in (models.CONVERSATION, models.KOREAN):
        tiny_engine.align(recording, tiny_engine.transcribe(recording))
        tiny_engine.diarize(recording)
    before = tiny_engine.process.child.call(shortage.loads)
    tiny_engine.align(models.CONVERSATION, tiny_engine.transcribe(models.CONVERSATION))
    tiny_engine.diarize(models.CONVERSATION)
    assert tiny_engine.process.child.call(shortage.loads) == before


@pytest.mark.slow
def test_models_that_nobody_needs_are_given_back(tiny_engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the idle time nothing is loaded; the next job loads what it needs and has the same result."""
    monkeypatch.setenv("ECG_MODELS_IDLE_S", "0.5")
    idle = ModelProcess()
    idle.child = tiny_engine.process.child
    engine = LocalEngine(settings=tiny_engine.settings, process=idle)
    heard = engine.transcribe(models.KOREAN)
    assert "recogniser" in idle.loaded
    deadline = time.monotonic() + 20
    while idle.loaded:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    before = idle.child.call(shortage.loads)["recogniser"]
    assert tiny_engine.transcribe(models.KOREAN) == heard
    assert idle.child.call(shortage.loads)["recogniser"] == before + 1


@pytest.mark.usefixtures("tiny")
def test_a_killed_model_process_is_named_and_replaced() -> None:
    """Kill -9 while the models load is a WorkerLost, which is retryable; the next call has a new process."""
    engine = LocalEngine()
    child = engine.process.child
    with ThreadPoolExecutor() as pool:
        trying = pool.submit(engine.transcribe, models.CONVERSATION)
        while child._process is None:
            time.sleep(0.01)
        killed = child._process.pid
        os.kill(killed, signal.SIGKILL)
        with pytest.raises(WorkerLost, match="the speech models ended by signal SIGKILL") as failure:
            trying.result()
    assert failure.value.retryable
    assert child.call(child_work.add, 1, 2)[1] != killed
    engine.close()


@pytest.mark.usefixtures("tiny")
def test_closing_ends_the_process() -> None:
    """After close nothing is left, also when it comes in the middle of warming up."""
    engine = LocalEngine()
    engine.warm()
    while engine.process.child._process is None:
        time.sleep(0.01)
    pid = engine.process.child._process.pid
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
