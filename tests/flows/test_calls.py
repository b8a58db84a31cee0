"""Calls, one person a channel, as whole jobs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ecg_audio.analysis import Analysis
from ecg_audio.request import AnalysisRequest
from ecg_audio.results import document
from ecg_audio.results.outcome import Outcome
from flows.analyze import analyze
from tests.support.jobs import SAMPLE_RATE_HZ
from tests.support.media.signals import voice
from tests.support.stub_engine import StubEngine

pytestmark = pytest.mark.usefixtures("prefect_server")

SECONDS = 8.0
TIMES_S = np.arange(round(SECONDS * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
LINE = 1e-4 * np.random.default_rng(4).standard_normal((2, len(TIMES_S)))
CALLER = voice(SECONDS, SAMPLE_RATE_HZ) * (TIMES_S < 5.0) + LINE[0]
CALLED = 0.25 * np.roll(voice(SECONDS, SAMPLE_RATE_HZ, f0_hz=210.0), SAMPLE_RATE_HZ) * (TIMES_S > 2.0) + LINE[1]

Ask = Callable[..., AnalysisRequest]
Calls = Callable[[], list[str]]


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A call in which both speak at once for 3 s."""
    path = tmp_path_factory.mktemp("media") / "call.wav"
    soundfile.write(path, np.stack([CALLER, CALLED], axis=1), SAMPLE_RATE_HZ)
    return path


def result(ended: Outcome) -> Analysis:
    """The published document."""
    assert ended.outputs
    return document.loads(Path(ended.outputs.analysis).read_bytes())


def sounding_s(samples: np.ndarray) -> tuple[float, float]:
    """When a channel begins and ends to sound."""
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    return TIMES_S[loud[0]], TIMES_S[loud[-1]]


def test_both_people_keep_their_words_and_their_voices(stub: StubEngine, ask: Ask, calls: Calls, call: Path) -> None:
    """Each channel is recognised, no diarizer runs, and pitch and level are those of the own channel in overlap too."""
    ended = analyze(ask(source=str(call)))
    found = result(ended)
    assert (ended.status, calls()) == ("completed", ["listen", "transcribe", "transcribe"])
    assert [(one.id, one.channel, one.words) for one in found.speakers] == [("SPEAKER_00", 0, 4), ("SPEAKER_01", 1, 4)]
    assert [segment.id for segment in found.segments] == list(range(len(found.segments)))
    first, second = (one.voice for one in found.speakers)
    assert first and second and first.f0_median_hz and second.f0_median_hz
    assert first.f0_median_hz == pytest.approx(120, rel=0.1)
    assert second.f0_median_hz == pytest.approx(210, rel=0.1)
    assert first.rms_dbfs is not None and second.rms_dbfs is not None
    assert first.rms_dbfs - second.rms_dbfs == pytest.approx(20 * np.log10(4.0), abs=0.5)
    turns = {name: [one for one in found.turns if one.speaker == name] for name in ("SPEAKER_00", "SPEAKER_01")}
    both = [
        (a, b) for a in turns["SPEAKER_00"] for b in turns["SPEAKER_01"] if a.start_s < b.end_s > b.start_s < a.end_s
    ]
    assert both
    for name, sound in (("SPEAKER_00", CALLER), ("SPEAKER_01", CALLED)):
        edges_s = min(turn.start_s for turn in turns[name]), max(turn.end_s for turn in turns[name])
        assert edges_s == pytest.approx(sounding_s(sound), abs=0.1)
    assert "CHANNELS_SEPARATE" in [notice.code for notice in found.notices]


def test_a_second_job_finds_every_channel(stub: StubEngine, ask: Ask, calls: Calls, call: Path, tmp_path: Path) -> None:
    """Nothing is done twice; a channel that has gone from the store is made again."""
    analyze(ask(source=str(call)))
    analyze(ask(source=str(call), job_id="job-2"))
    assert calls() == ["listen", "transcribe", "transcribe"]
    (gone,) = (tmp_path / "store" / "recordings").rglob("*.channel1.flac")
    gone.unlink()
    ended = analyze(ask(source=str(call), job_id="job-3"))
    assert (ended.status, gone.exists(), calls()) == ("completed", True, ["listen", "transcribe", "transcribe"])


def test_mixed_channels_are_diarized(stub: StubEngine, ask: Ask, calls: Calls, call: Path) -> None:
    """With `mixed`, and where another number of speakers is asked for, voices are told apart in the mix."""
    for number, wish in enumerate(({"channels": "mixed"}, {"speakers": 3})):
        ended = analyze(ask(source=str(call), job_id=f"job-{number}", **wish))
        assert all(one.channel is None for one in result(ended).speakers)
    assert calls().count("diarize") == 2


def test_a_call_whose_voice_cannot_be_measured(
    stub: StubEngine, ask: Ask, call: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without frames, words and turns are still delivered, each with the speaker of its channel."""
    from ecg_audio.voice import frames

    def broken(*_blocks: object, **_options: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(frames, "measure", broken)
    monkeypatch.setattr("tasks.measure.measure.task.retries", 0)
    ended = analyze(ask(source=str(call)))
    found = result(ended)
    assert ended.status == "partial"
    assert {segment.speaker for segment in found.segments} == {"SPEAKER_00", "SPEAKER_01"}
    assert {turn.speaker for turn in found.turns} == {"SPEAKER_00", "SPEAKER_01"}
