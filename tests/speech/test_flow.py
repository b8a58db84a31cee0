"""The speech engine in the whole flow, with tiny models and no network."""

import statistics
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import calls
from ecg_audio.analysis import Analysis, Turn
from ecg_audio.request import AnalysisRequest
from ecg_audio.results import document
from ecg_audio.sampling import RATE_HZ
from ecg_audio.serving.client import RemoteEngine
from ecg_audio.serving.server import ModelServer
from ecg_audio.speech import engine as engines
from ecg_audio.speech.engine import LocalEngine
from flows.analyze import analyze
from tests.support import models

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server", "tiny")]


@pytest.fixture(autouse=True)
def _warm(tiny_engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "shared", lambda _models: tiny_engine)


def test_a_conversation_comes_out_word_for_word_with_its_speakers(tmp_path: Path) -> None:
    """Published: exact text, English, word starts within 60 ms by the median, the speaker of each sentence, voices."""
    ended = analyze(AnalysisRequest.checked(source=str(models.CONVERSATION), store=str(tmp_path / "store")))
    assert ended.status == "completed" and ended.outputs
    found = document.loads(Path(ended.outputs.analysis).read_bytes())
    spoken = models.REFERENCE["conversation"]
    assert (found.models_requested, found.language, found.transcription_model) == ("auto", "en", "asr")
    assert [segment.text for segment in found.segments] == [line["text"] for line in spoken]
    assert [segment.speaker[-1] for segment in found.segments if segment.speaker] == list("01010")
    starts_s = [start_s for line in spoken for start_s in line["word_starts_s"]]
    assert statistics.median(abs(a.start_s - b) for a, b in zip(found.words, starts_s, strict=True)) <= 0.06
    assert {word.timing for word in found.words} == {"aligned"}
    assert [stage.name for stage in found.stages][2:5] == ["measure", "transcribe", "align"]


def test_a_call_of_two_sentences_that_overlap(tmp_path: Path) -> None:
    """One person a channel, both at once for a while: every word its speaker's, turns right by exact truth."""
    whole, _ = soundfile.read(models.CONVERSATION, dtype="float32")
    lines = models.REFERENCE["conversation"][:2]
    channels = 1e-4 * np.random.default_rng(0).standard_normal((7 * RATE_HZ, 2), np.float32)
    turns: list[Turn] = []
    words: list[tuple[str, str]] = []
    start_s = 0.5
    for channel, line in enumerate(lines):
        clip, spoken = calls.cut(whole[round(line["start_s"] * RATE_HZ) : round(line["end_s"] * RATE_HZ)])
        at = round(start_s * RATE_HZ)
        channels[at : at + len(clip), channel] += clip
        speaker = f"SPEAKER_{channel:02d}"
        turns += [Turn(speaker=speaker, start_s=start_s + a, end_s=start_s + b) for a, b in spoken]
        words += [(word, speaker) for word in line["text"].split()]
        start_s = turns[-1].end_s - 1.2
    soundfile.write(tmp_path / "call.wav", channels, RATE_HZ)
    ended = analyze(AnalysisRequest.checked(source=str(tmp_path / "call.wav"), store=str(tmp_path / "store")))
    assert "CHANNELS_SEPARATE" in [notice.code for notice in ended.warnings] and ended.outputs
    truth = calls.Call(channels, tuple(words), tuple(turns))
    assert truth.overlap_s > 1.0
    found = calls.scored(truth, document.loads(Path(ended.outputs.analysis).read_bytes()))
    assert (found["concatenated_errors"], found["wrong_speaker_words"]) == (0, 0)
    assert found["der"] <= 0.03


def test_korean_comes_out_word_for_word_with_and_without_a_server(
    tmp_path: Path, tiny_engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published: exact text, language found by itself, the engine's own times; through a model server the same."""

    def published(store: str) -> Analysis:
        request = AnalysisRequest.checked(source=str(models.KOREAN), store=str(tmp_path / store), job_id="job")
        ended = analyze(request)
        assert ended.status == "completed" and ended.outputs
        return document.loads(Path(ended.outputs.analysis).read_bytes())

    found = published("alone")
    assert [segment.text for segment in found.segments] == [line["text"] for line in models.REFERENCE["korean"]]
    assert (found.language, found.task, found.language_requested) == ("ko", "transcribe", "auto")
    assert {word.timing for word in found.words} == {"engine"}
    assert [word.text for segment in found.segments for word in segment.words] == found.text.split()
    took = {stage.name: stage.peak_resident_bytes for stage in found.stages if stage.peak_resident_bytes}
    assert list(took) == ["transcribe", "align", "diarize"]
    with tempfile.TemporaryDirectory() as folder, ModelServer(tiny_engine, Path(folder, "socket")) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        client = RemoteEngine(server.address)
        monkeypatch.setattr(engines, "shared", lambda _models: client)
        served = published("served")
        assert sum(server.jobs.values()) == 3
        client.close()
        server.shutdown()
    own = {"run_id", "created_at", "stages"}
    assert served.model_dump(exclude=own) == found.model_dump(exclude=own)
    assert {stage.name for stage in served.stages if stage.peak_resident_bytes} == set(took)


def test_another_aligner_or_speaker_count_does_not_transcribe_again(
    tmp_path: Path, tiny_engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stages keep their own results: only what depends on a change runs anew."""

    def statuses(**asked: object) -> dict[str, str]:
        request = AnalysisRequest.checked(source=str(models.KOREAN), store=str(tmp_path / "store"), **asked)
        return {stage.name: stage.status for stage in analyze(request).stages}

    assert statuses()["transcribe"] == "completed"
    again = statuses(speakers=2)
    assert (again["transcribe"], again["align"], again["diarize"]) == ("cached", "cached", "completed")
    other = tiny_engine.settings.model_copy(
        update={"align_models": {**tiny_engine.settings.align_models, "ja": "none"}}
    )
    monkeypatch.setattr(tiny_engine, "settings", other)
    again = statuses()
    assert (again["transcribe"], again["align"], again["diarize"]) == ("cached", "completed", "cached")
