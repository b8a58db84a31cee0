import base64
import json
import logging
import lzma
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from ecg_audio.analysis import Analysis, Notice
from ecg_audio.errors import (
    EngineUnavailable,
    OptionUnsupported,
    PublishFailed,
    TooLong,
    TranscriptionFailed,
    WorkerLost,
)
from ecg_audio.media import fetch
from ecg_audio.request import AnalysisRequest
from ecg_audio.results import document, manifest
from ecg_audio.results.outcome import TABLES, Outcome
from ecg_audio.speech import engine
from flows.analyze import analyze
from tasks.diarize import diarize
from tasks.publish import publish
from tasks.transcribe import transcribe
from tests.support.jobs import SAMPLE_RATE_HZ, voiced
from tests.support.media.formats import encode
from tests.support.stub_engine import StubEngine

pytestmark = pytest.mark.usefixtures("prefect_server")

Ask = Callable[..., AnalysisRequest]
Calls = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for task in (transcribe.task, diarize.task, publish.task):
        monkeypatch.setattr(task, "retry_delay_seconds", [0.05])


def result(ended: Outcome) -> Analysis:
    """The published document."""
    assert ended.outputs
    return document.loads(Path(ended.outputs.analysis).read_bytes())


@pytest.fixture
def said() -> Iterator[list[str]]:
    """The lines of flow runs as handlers get them, once they have passed the filters."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("prefect.flow_runs").addHandler(handler)
    yield lines
    logging.getLogger("prefect.flow_runs").removeHandler(handler)


def statuses(ended: Outcome) -> dict[str, str]:
    """How each stage went."""
    return {stage.name: stage.status for stage in ended.stages}


def test_a_job_publishes_everything(stub: StubEngine, ask: Ask, tmp_path: Path) -> None:
    """Words, speakers, voices, six tables, captions and a manifest that names them all with their checksums."""
    ended = analyze(ask())
    found = result(ended)
    assert (ended.status, ended.words, ended.speakers) == ("completed", 4, 2)
    assert [segment.speaker for segment in found.segments] == ["SPEAKER_00", "SPEAKER_01"]
    voice = found.segments[0].voice
    assert voice and voice.f0_median_hz == pytest.approx(150.0, abs=1.0)
    assert [speaker.embedding for speaker in found.speakers] == [None, None]
    assert ended.outputs and set(ended.outputs.tables) == set(TABLES)
    written = manifest.loads(Path(ended.outputs.manifest).read_bytes())
    manifest.verify(written, lambda key: (tmp_path / "store" / key).read_bytes())
    frames = pq.read_table(ended.outputs.tables["frames"])
    assert frames.num_rows == pytest.approx(300, abs=3)
    assert json.loads(Path(ended.outputs.backend).read_text())["segments"][0]["words"][0]["word"] == "hello"
    for name in ("srt", "vtt", "ass"):
        assert "hello there" in Path(getattr(ended.outputs, name)).read_text().replace("{", " ") or name != "srt"


def test_a_run_says_what_it_finds(stub: StubEngine, ask: Ask, said: list[str]) -> None:
    """Figures, the model's name and each notice are lines of the run, made harmless; no word of the recording is."""
    stub.notices = (Notice(code="ODD", message="an odd \x1b[2J recording"),)
    analyze(ask())
    for line in ("3.0 s of sound", "4 words, en, stub", "2 speakers", "an odd ␛[2J recording (ODD)"):
        assert line in said
    assert "published, completed: 4 words, 2 speakers" in said and "hello" not in " ".join(said)


def test_words_get_their_edges_after_the_voice_is_measured(stub: StubEngine, ask: Ask) -> None:
    """Stages are recorded in the order in which they need each other, and alignment always runs."""
    ended = analyze(ask())
    names = ["download", "extract", "measure", "transcribe", "align", "diarize", "find_events", "assemble", "publish"]
    assert [stage.name for stage in ended.stages] == names
    assert set(statuses(ended).values()) == {"completed"}


def test_a_result_says_which_models_it_settled_for(stub: StubEngine, ask: Ask) -> None:
    """What the engine settled for stands among the result's notices, and what was asked for beside what ran."""
    stub.notices = (Notice(code="MODELS_EMBEDDED", message="words are by the stub"),)
    ended = analyze(ask(models="some/model"))
    found = result(ended)
    assert stub.notices[0] in found.notices and stub.notices[0] in ended.warnings
    assert (found.models_requested, found.transcription_model) == ("some/model", "stub")
    assert ended.transcription_model == "stub"


def test_models_that_cannot_be_had_fail_the_job_before_the_work(ask: Ask, tmp_path: Path) -> None:
    """By name, also inside a worker; where a model server is named, it is waited for instead."""
    with pytest.raises(EngineUnavailable, match="/nowhere/whisper"):
        analyze(ask(models="/nowhere/whisper"))
    assert not list((tmp_path / "store").rglob("*.flac"))


def test_a_model_server_that_is_begun_again_is_waited_for(
    stub: StubEngine, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that begins while nobody answers there goes on as soon as somebody does."""
    away = [EngineUnavailable("no answer"), EngineUnavailable("no answer")]

    def shared(_models: str) -> StubEngine:
        if away:
            raise away.pop() from ConnectionRefusedError("nobody listens")
        return stub

    monkeypatch.setattr(engine, "shared", shared)
    with pytest.raises(EngineUnavailable):
        analyze(ask())
    monkeypatch.setenv("ECG_MODEL_SERVER", "/nowhere/socket")
    away[:] = [EngineUnavailable("no answer"), EngineUnavailable("no answer")]
    assert analyze(ask()).status == "completed"
    assert away == []


def test_the_same_content_under_another_name_is_not_analysed_again(
    stub: StubEngine, ask: Ask, calls: Calls, talk: Path, tmp_path: Path
) -> None:
    """A copy of the file under another name and job id finds every finished stage in the cache."""
    first = analyze(ask())
    copy = shutil.copy(talk, tmp_path / "other name.mov")
    second = analyze(ask(source=str(copy), job_id="job-2"))
    assert calls() == ["diarize", "transcribe"]
    assert {name for name, status in statuses(second).items() if status == "cached"} == {
        "extract",
        "measure",
        "transcribe",
        "align",
        "diarize",
        "find_events",
    }
    assert result(first).segments == result(second).segments


def test_the_same_job_again_replaces_its_result_whole(stub: StubEngine, ask: Ask, tmp_path: Path) -> None:
    """A second run with the same id is all cached, and leaves one manifest and one run's outputs."""
    analyze(ask())
    again = analyze(ask())
    assert statuses(again)["download"] == "cached"
    store = tmp_path / "store"
    assert len(list((store / "runs").iterdir())) == 1
    assert len(list((store / "results").rglob("manifest.json"))) == 1
    assert len(list((store / "features").rglob("*.parquet"))) == len(TABLES)


def test_guidance_that_the_model_cannot_take_fails_before_the_work(stub: StubEngine, ask: Ask, calls: Calls) -> None:
    """A prompt, hotwords or translation that a model cannot take are refused by name, and nothing has run."""
    for guidance in ({"initial_prompt": "Dr. Kim"}, {"hotwords": "fox"}, {"translate": True}):
        with pytest.raises(OptionUnsupported, match=next(iter(guidance))):
            analyze(ask(**guidance))
    assert calls() == []


def test_refresh_does_everything_again(stub: StubEngine, ask: Ask, calls: Calls) -> None:
    """With refresh, no stage is taken from the cache."""
    analyze(ask())
    again = analyze(ask(), refresh=True)
    assert calls() == ["diarize", "diarize", "transcribe", "transcribe"]
    assert set(statuses(again).values()) == {"completed"}


def test_vectors_of_voices_are_kept_for_whoever_asks(ask: Ask, calls: Calls, tmp_path: Path) -> None:
    """Without it neither a result nor a kept record has one; with it speakers are told apart again, and have theirs."""
    analyze(ask())
    [kept] = (tmp_path / "store" / "cache").rglob("diarize-*")
    record = json.loads(kept.read_text())["result"]
    assert json.loads(lzma.decompress(base64.b64decode(record)))["data"]["embeddings"] == {}
    found = result(analyze(ask(voice_vectors=True)))
    assert [speaker.embedding for speaker in found.speakers] == [(1.0, 0.0), None]
    assert calls().count("diarize") == 2


def test_another_speaker_count_only_diarizes_again(stub: StubEngine, ask: Ask, calls: Calls) -> None:
    """Asking for another number of speakers keeps the transcript and the frames."""
    analyze(ask())
    again = analyze(ask(speakers=3))
    assert calls() == ["diarize", "diarize", "transcribe"]
    assert statuses(again)["measure"] == "cached"


def test_a_failed_diarization_still_delivers_the_words(stub: StubEngine, ask: Ask) -> None:
    """The result is partial, says what is missing and why, and has the transcript without speakers."""
    stub.failing["diarize"] = ValueError("clustering broke")
    ended = analyze(ask())
    found = result(ended)
    assert ended.status == "partial"
    assert [notice.code for notice in ended.warnings] == ["DIARIZATION_ERROR"]
    assert "clustering broke" in ended.warnings[0].message
    assert found.text == "hello there good bye" and {segment.speaker for segment in found.segments} == {None}
    assert found.turns == () and found.diarization_model is None
    assert statuses(ended)["diarize"] == "failed"


def test_a_failed_measurement_still_delivers_the_words(
    stub: StubEngine, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without frames the result is partial: speakers and words, no voices, no frames table."""
    from ecg_audio.voice import frames

    def broken(*_arguments: object, **_options: object) -> None:
        raise FloatingPointError("numbers went wrong")

    monkeypatch.setattr(frames, "measure", broken)
    ended = analyze(ask())
    assert (ended.status, ended.warnings[0].code) == ("partial", "ANALYSIS_ERROR")
    assert ended.outputs and set(ended.outputs.tables) == set(TABLES) - {"frames"}
    assert all(word.voice is None for word in result(ended).words)


def test_sounds_are_found_or_absent(stub: StubEngine, ask: Ask) -> None:
    """A result names its events and the kinds it looked for; unwanted they are absent, not an empty list."""
    wanted = analyze(ask())
    found = result(wanted)
    assert found.events is not None and "pause" in found.event_kinds
    assert wanted.outputs and {"sdh.srt", "sdh.vtt", "sdh.ass"} <= set(wanted.outputs.presets)
    unwanted = analyze(ask(sounds=False))
    silent = result(unwanted)
    assert (silent.events, silent.event_kinds, silent.status) == (None, (), "completed")
    assert unwanted.outputs and not any(name.startswith("sdh") for name in unwanted.outputs.presets)
    assert "find_events" not in statuses(unwanted)


def test_failing_to_find_events_still_delivers_the_words(
    stub: StubEngine, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is partial, says why, and knows nothing of events."""
    from ecg_audio.sounds import events

    def broken(*_arguments: object) -> None:
        raise ValueError("the rule broke")

    monkeypatch.setattr(events.EventSearch, "events", broken)
    ended = analyze(ask())
    assert (ended.status, [notice.code for notice in ended.warnings]) == ("partial", ["ANALYSIS_ERROR"])
    assert "the rule broke" in ended.warnings[0].message
    assert result(ended).events is None and result(ended).text == "hello there good bye"


def test_a_failed_transcription_fails_the_job(stub: StubEngine, ask: Ask, tmp_path: Path) -> None:
    """No words, no result: the error keeps its name and nothing is published."""
    stub.failing["transcribe"] = TranscriptionFailed("the decoder broke")
    with pytest.raises(TranscriptionFailed, match="the decoder broke"):
        analyze(ask())
    assert not (tmp_path / "store/results").exists() and not (tmp_path / "store/features").exists()


def test_only_what_can_succeed_is_tried_again(stub: StubEngine, ask: Ask, calls: Calls) -> None:
    """A lost worker is tried four times in all, a broken decoder once."""
    stub.failing["transcribe"] = WorkerLost("the speech models ended by signal SIGKILL")
    with pytest.raises(WorkerLost):
        analyze(ask())
    assert calls().count("transcribe") == 4
    stub.failing["transcribe"] = TranscriptionFailed("no")
    with pytest.raises(TranscriptionFailed):
        analyze(ask())
    assert calls().count("transcribe") == 5


def test_silence_is_a_completed_job_without_words(stub: StubEngine, ask: Ask, tmp_path: Path) -> None:
    """Digital silence gives no segments, the warning NO_SPEECH, and not one invented number."""
    quiet = tmp_path / "quiet.wav"
    encode(np.zeros(2 * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ, quiet)
    ended = analyze(ask(source=str(quiet)))
    found = result(ended)
    assert (ended.status, ended.words, ended.speakers) == ("completed", 0, 0)
    assert [notice.code for notice in ended.warnings] == ["NO_SPEECH"]
    assert found.segments == () and found.pitch is None and found.volume is None
    assert ended.outputs
    frames = pq.read_table(ended.outputs.tables["frames"])
    assert frames["f0_hz"].null_count == frames.num_rows and frames["rms_dbfs"].null_count == frames.num_rows


def test_a_lost_recording_is_extracted_again(stub: StubEngine, ask: Ask, tmp_path: Path) -> None:
    """When audio or frames were removed from the store, their stages run again though the cache remembers them."""
    analyze(ask())
    shutil.rmtree(tmp_path / "store/recordings")
    again = analyze(ask())
    assert (statuses(again)["extract"], statuses(again)["measure"]) == ("completed", "completed")


def test_a_torn_cache_record_is_not_believed(stub: StubEngine, ask: Ask, calls: Calls, tmp_path: Path) -> None:
    """A record that its writer did not finish is dropped, and the stage runs again."""
    analyze(ask())
    for record in (tmp_path / "store/cache").glob("*/transcribe-*"):
        record.write_bytes(record.read_bytes()[:100])
    assert analyze(ask()).status == "completed"
    assert calls().count("transcribe") == 2


def test_limits_hold_for_cached_recordings_too(stub: StubEngine, ask: Ask) -> None:
    """A recording that an earlier request with wider limits extracted is still too long for a narrower one."""
    analyze(ask())
    with pytest.raises(TooLong):
        analyze(ask(limits={"max_duration_s": 1.0}))


def test_an_unusable_store_fails_before_the_work(stub: StubEngine, ask: Ask, calls: Calls, tmp_path: Path) -> None:
    """Where results cannot be written, nothing is computed."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishFailed):
        analyze(ask(store=str(tmp_path / "file")))
    assert calls() == []


def test_a_torn_publish_leaves_the_old_result(stub: StubEngine, ask: Ask, tmp_path: Path) -> None:
    """When the store stops taking objects in the middle, the job fails, nothing new is left, no manifest appears."""
    store = tmp_path / "store"
    store.mkdir()
    (store / "features").write_text("in the way")
    with pytest.raises(PublishFailed):
        analyze(ask())
    assert not (store / "results").exists() and not list(store.glob("runs/*/*"))


def test_words_are_as_loud_and_as_high_whatever_the_source(stub: StubEngine, ask: Ask, tmp_path: Path) -> None:
    """Mono, one side, the centre of 5.1, opposite phase, an offset, floats 18 dB up: the same words, voices, levels."""
    mono = voiced()
    silent = np.zeros_like(mono)
    kinds: dict[str, tuple[list[np.ndarray], str, float]] = {
        "mono": ([mono], "PCM_24", 0.0),
        "left": ([mono, silent], "PCM_24", 0.0),
        "centre": ([silent, silent, mono, silent, silent, silent], "PCM_24", 0.0),
        "opposed": ([mono, -mono], "PCM_24", 0.0),
        "offset": ([mono + 0.05], "PCM_24", 0.0),
        "float": ([8 * mono], "FLOAT", 20 * np.log10(8)),
    }
    heard = {}
    for kind, (channels, subtype, louder_db) in kinds.items():
        path = tmp_path / f"{kind}.wav"
        soundfile.write(path, np.stack(channels, axis=1), SAMPLE_RATE_HZ, subtype)
        words = result(analyze(ask(source=str(path), job_id=kind, sounds=False))).words
        voices = [word.voice for word in words if word.voice]
        heard[kind] = [
            [word.start_s for word in words],
            [voice.rms_dbfs - louder_db for voice in voices if voice.rms_dbfs is not None],
            [voice.f0_median_hz for voice in voices],
        ]
    assert [len(figures) for figures in heard["mono"]] == [4, 4, 4]
    for kind, (starts_s, levels_dbfs, pitches_hz) in heard.items():
        assert starts_s == pytest.approx(heard["mono"][0], abs=0.02), kind
        assert levels_dbfs == pytest.approx(heard["mono"][1], abs=0.5), kind
        assert pitches_hz == pytest.approx(heard["mono"][2], abs=0.5), kind


def test_clipped_words_are_marked(stub: StubEngine, ask: Ask, tmp_path: Path) -> None:
    """Words in the clipped half of a recording say how much of them is, the others that nothing is."""
    sound = voiced() / np.abs(voiced()).max() + 1e-4 * np.random.default_rng(0).standard_normal(len(voiced()))
    half = len(sound) // 2
    sound = np.concatenate([0.3 * sound[:half], np.clip(40 * sound[half:], -1, 1)])
    soundfile.write(tmp_path / "a.wav", sound, SAMPLE_RATE_HZ)
    ended = analyze(ask(source=str(tmp_path / "a.wav")))
    shares = [word.voice and word.voice.clipped_ratio for word in result(ended).words]
    assert shares == pytest.approx([0.0, 0.0, 1.0, 1.0], abs=0.2)
    assert "SOUND_CLIPPED" in [notice.code for notice in ended.warnings]


def test_what_was_seen_while_hashing_is_told(stub: StubEngine, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notice of the download, such as of a file that was still being written, is among the result's."""
    hashed, growing = fetch._hashed, Notice(code="MEDIA_GROWING", message="its first 9 bytes were analysed")
    monkeypatch.setattr(fetch, "_hashed", lambda *given: hashed(*given).model_copy(update={"notices": (growing,)}))
    ended = analyze(ask())
    assert growing in result(ended).notices and growing in ended.warnings


def test_prefect_shows_job_source_and_progress(stub: StubEngine, ask: Ask, prefect_server: str) -> None:
    """The run's name says job and source, and its progress artifact ends at 100 %."""
    analyze(ask(job_id="shown-job"))
    runs = httpx.post(f"{prefect_server}/flow_runs/filter", json={"sort": "START_TIME_DESC", "limit": 1}).json()
    assert runs[0]["name"] == "shown-job · talk.mp4"
    wanted = {"artifacts": {"flow_run_id": {"any_": [runs[0]["id"]]}, "type": {"any_": ["progress"]}}}
    artifacts: list[dict[str, Any]] = httpx.post(f"{prefect_server}/artifacts/filter", json=wanted).json()
    assert [artifact["data"] for artifact in artifacts] == [100.0]
