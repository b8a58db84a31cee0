"""The offline engine with its real models: a conversation, silence, noise, and children that die."""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ecg_audio.analysis import Diarization, Transcript
from ecg_audio.child import Child
from ecg_audio.errors import DiarizationFailed, LanguageUnsupported, TranscriptionFailed, WorkerLost
from ecg_audio.speech.attribution import attribute
from ecg_audio.speech.engine import SpeakerCount
from ecg_audio.speech.offline import FINDING_SHARE, OfflineEngine

RATE_HZ = 16_000
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def heard(engine: OfflineEngine, conversation: Path) -> tuple[Transcript, Diarization, list[float]]:
    """The conversation, transcribed and diarized at the same time, and what the transcription reported."""
    reports: list[float] = []
    with ThreadPoolExecutor() as pool:
        transcript = pool.submit(engine.transcribe, conversation, language="auto", report=reports.append)
        diarization = pool.submit(engine.diarize, conversation)
        return transcript.result(), diarization.result(), reports


def write(path: Path, samples: NDArray[Any]) -> Path:
    """16 kHz mono FLAC from floats in [-1, 1]."""
    soundfile.write(path, samples, RATE_HZ)
    return path


def test_the_conversation_has_two_speakers_in_their_places(
    heard: tuple[Transcript, Diarization, list[float]], sample_folder: Path
) -> None:
    """Two speakers are found unasked, with at most 10 % diarization error (collar 0, overlap included)."""
    found = heard[1]
    assert {turn.speaker for turn in found.turns} == {"SPEAKER_00", "SPEAKER_01"}
    assert found.turns[0].speaker == "SPEAKER_00"
    reference = [
        (float(line.split()[3]), float(line.split()[3]) + float(line.split()[4]), line.split()[7])
        for line in (sample_folder / "sample.rttm").read_text().splitlines()
    ]
    hypothesis = [(turn.start_s, turn.end_s, turn.speaker) for turn in found.turns]
    assert error_rate(reference, hypothesis) <= 0.10


def error_rate(reference: list[tuple[float, float, str]], hypothesis: list[tuple[float, float, str]]) -> float:
    """Diarization error rate over 10 ms frames, with the better of the two ways to match two speakers."""

    def frames(turns: list[tuple[float, float, str]], speaker: str) -> NDArray[np.bool_]:
        active = np.zeros(3000, bool)
        for start_s, end_s, name in turns:
            if name == speaker:
                active[round(start_s * 100) : round(end_s * 100)] = True
        return active

    said = [frames(reference, speaker) for speaker in sorted({name for *_, name in reference})]
    found = [frames(hypothesis, speaker) for speaker in sorted({name for *_, name in hypothesis})]
    total, heard_ = sum(said, np.zeros(3000, int)), sum(found, np.zeros(3000, int))
    correct = max(
        np.sum((said[0] & found[0]).astype(int) + (said[1] & found[1])),
        np.sum((said[0] & found[1]).astype(int) + (said[1] & found[0])),
    )
    return float((np.maximum(total, heard_).sum() - correct) / total.sum())


def test_exclusive_turns_do_not_overlap_and_turns_may(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """One speaker at a time in the exclusive turns; the other turns keep the overlaps that are there."""
    found = heard[1]
    ends = [turn.end_s for turn in found.exclusive]
    assert all(turn.start_s >= end - 0.001 for turn, end in zip(found.exclusive[1:], ends, strict=False))
    assert any(
        later.start_s < earlier.end_s and later.speaker != earlier.speaker
        for earlier, later in zip(found.turns, found.turns[1:], strict=False)
    )


def test_each_speaker_has_a_voice_of_their_own(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Embeddings are unit vectors, one a speaker, and the two voices differ."""
    vectors = {name: np.array(vector) for name, vector in heard[1].embeddings.items()}
    assert set(vectors) == {"SPEAKER_00", "SPEAKER_01"}
    assert all(abs(np.linalg.norm(vector) - 1.0) < 1e-6 for vector in vectors.values())
    assert float(vectors["SPEAKER_00"] @ vectors["SPEAKER_01"]) < 0.9


def test_words_lie_in_order_where_somebody_speaks(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Real words come out, in time order, none before the first of the voices at 6.7 s."""
    transcript = heard[0]
    words = [word for utterance in transcript.utterances for word in utterance.words]
    assert "sheila" in [word.text for word in words]
    assert 40 <= len(words) <= 120  # 81 were said
    starts = [word.start_s for word in words]
    assert starts == sorted(starts)
    assert 6.4 < starts[0] < 7.2
    assert words[-1].end_s <= 30.0
    assert all(word.timing == "engine" for word in words)
    assert len({word.confidence for word in words}) > 10
    assert 6.4 < transcript.speech[0].start_s < 7.2


def test_the_transcript_says_what_it_is(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Engine, model and modesty are in the result; the language was not detected, so it has no probability."""
    transcript = heard[0]
    assert (transcript.engine, transcript.language, transcript.language_probability) == ("offline", "en", None)
    assert "pocketsphinx" in transcript.model
    assert [notice.code for notice in transcript.notices] == ["ENGINE_MODEST"]


def test_progress_rises_to_the_end(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Transcription reports fractions that never fall, more than two of them, the last being 1."""
    reports = heard[2]
    assert reports == sorted(reports)
    assert len(reports) > 3
    assert reports[-1] == 1.0


def test_every_word_finds_its_speaker(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Words and turns of the same recording fit together: nobody is left unknown, both speakers have segments."""
    segments = attribute(heard[0], heard[1])
    assert {segment.speaker for segment in segments} == {"SPEAKER_00", "SPEAKER_01"}


def test_an_exact_count_is_kept(engine: OfflineEngine, conversation: Path) -> None:
    """Asked for one speaker, the conversation becomes one speaker's."""
    found = engine.diarize(conversation, speakers=SpeakerCount(exact=1))
    assert {turn.speaker for turn in found.turns} == {"SPEAKER_00"}
    assert found.notices == ()


def test_one_speaker_alone_is_one_speaker(engine: OfflineEngine, conversation: Path, tmp_path: Path) -> None:
    """A single sentence is not split between invented people."""
    samples, _ = soundfile.read(conversation)
    found = engine.diarize(write(tmp_path / "one.flac", samples[round(14.8 * RATE_HZ) : round(17.7 * RATE_HZ)]))
    assert {turn.speaker for turn in found.turns} == {"SPEAKER_00"}


def _pink(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(noise)
    spectrum /= np.sqrt(np.maximum(1.0, np.arange(len(spectrum))))
    shaped = np.fft.irfft(spectrum, len(noise))
    return shaped / np.abs(shaped).max()


def _clicks(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    sparse = np.zeros(len(noise))
    sparse[::7919] = 0.9
    return sparse


def _melody(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    notes = 220.0 * 2 ** (np.array([0, 4, 7, 12, 7, 4, 0, 5, 9, 12]) / 12)
    frequency = notes[np.minimum(len(notes) - 1, seconds.astype(int))]
    phase = 2 * np.pi * np.cumsum(frequency) / RATE_HZ
    decay = np.exp(-2.0 * (seconds % 1.0))
    return decay * sum(np.sin(k * phase) / k for k in (1, 2, 3)) / 2


NOISES: dict[str, Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]] = {
    "silence": lambda noise, t: 0 * t,
    "white noise": lambda noise, t: 0.1 * noise,
    "faint white noise": lambda noise, t: 0.001 * noise,
    "pink noise": lambda noise, t: 0.5 * _pink(noise),
    "mains hum": lambda noise, t: 0.3 * sum(np.sin(2 * np.pi * 50 * k * t) / k for k in range(1, 6)) + 0.002 * noise,
    "melody": lambda noise, t: 0.5 * _melody(t),
    "chord": lambda noise, t: 0.1 * sum(np.sin(2 * np.pi * f * t) for f in (261.6, 329.6, 392.0, 523.3)),
    "clicks": lambda noise, t: _clicks(noise),
    "sweep": lambda noise, t: 0.3 * np.sin(2 * np.pi * (100 * t + 20 * t * t)),
}


@pytest.mark.parametrize("name", NOISES)
def test_what_is_not_speech_has_no_words_and_no_speakers(name: str, engine: OfflineEngine, tmp_path: Path) -> None:
    """Silence, noise, hum, clicks and tones: no words, no turns, and a notice that says so."""
    seconds = np.arange(6 * RATE_HZ) / RATE_HZ
    noise = np.clip(np.random.default_rng(7).normal(0, 0.3, len(seconds)), -1, 1)
    recording = write(tmp_path / "noise.flac", NOISES[name](noise, seconds))
    transcript = engine.transcribe(recording)
    assert transcript.utterances == ()
    assert transcript.speech == ()
    assert "NO_SPEECH" in [notice.code for notice in transcript.notices]
    found = engine.diarize(recording)
    assert (found.turns, found.exclusive, found.embeddings) == ((), (), {})


@pytest.mark.parametrize("samples", [1, 100, 8000])
def test_recordings_of_next_to_nothing_are_handled(samples: int, engine: OfflineEngine, tmp_path: Path) -> None:
    """From one sample to half a second of silence: nothing found, nothing broken."""
    recording = write(tmp_path / "short.flac", np.zeros(samples))
    assert engine.transcribe(recording).utterances == ()
    assert engine.diarize(recording).turns == ()


def test_a_short_call_is_heard(engine: OfflineEngine, conversation: Path, tmp_path: Path) -> None:
    """Less than a second with a greeting in it has one speaker, inside the recording."""
    samples, _ = soundfile.read(conversation)
    found = engine.diarize(write(tmp_path / "call.flac", samples[round(6.5 * RATE_HZ) : round(7.4 * RATE_HZ)]))
    assert {turn.speaker for turn in found.turns} == {"SPEAKER_00"}
    assert found.turns[-1].end_s <= 0.9


def test_a_language_it_does_not_have_is_refused_before_any_work(tmp_path: Path) -> None:
    """The refusal does not even look whether the recording exists."""
    with pytest.raises(LanguageUnsupported):
        OfflineEngine().transcribe(tmp_path / "none.flac", language="ko")


def test_a_damaged_recording_is_a_named_failure(engine: OfflineEngine, tmp_path: Path) -> None:
    """What the children cannot read fails by name, for words and for speakers, and the engine goes on."""
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC but no more")
    with pytest.raises(TranscriptionFailed, match="recognition failed"):
        engine.transcribe(broken)
    with pytest.raises(DiarizationFailed, match="telling the speakers apart failed"):
        engine.diarize(broken)
    assert engine.transcribe(write(tmp_path / "fine.flac", np.zeros(1000))).utterances == ()


def kill(child: Child) -> None:
    """Kill -9 as soon as the child runs, and see it dead."""
    while child._process is None:
        time.sleep(0.01)
    process = child._process
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)  # dead for sure: an idle one must not look alive to the next call


def test_a_killed_recogniser_is_named_and_replaced(engine: OfflineEngine, conversation: Path, tmp_path: Path) -> None:
    """Kill -9 in the middle of recognition is a WorkerLost, which is retryable; the next try gives the same as ever."""
    samples, _ = soundfile.read(conversation)
    sentence = write(tmp_path / "sentence.flac", samples[round(14.4 * RATE_HZ) : round(17.8 * RATE_HZ)])
    undisturbed = engine.transcribe(sentence)
    assert undisturbed.utterances
    recognising = threading.Event()
    with ThreadPoolExecutor() as pool:
        trying = pool.submit(
            engine.transcribe, sentence, report=lambda done: recognising.set() if done >= FINDING_SHARE else None
        )
        assert recognising.wait(60)
        time.sleep(0.1)
        for recogniser in engine._recognisers:
            kill(recogniser)
        with pytest.raises(WorkerLost, match=r"recogniser \d+ ended by signal SIGKILL") as failure:
            trying.result()
    assert failure.value.retryable
    assert engine.transcribe(sentence) == undisturbed


def test_killed_models_are_named(conversation: Path) -> None:
    """Kill -9 while the models load: everybody who waits for them hears of it, words and speakers alike."""
    engine = OfflineEngine(cores=1)
    try:
        with ThreadPoolExecutor() as pool:
            waiting = [pool.submit(engine.transcribe, conversation), pool.submit(engine.diarize, conversation)]
            time.sleep(0.5)
            kill(engine._models)
            for waiter in waiting:
                with pytest.raises(WorkerLost, match="the speech models ended by signal SIGKILL"):
                    waiter.result()
    finally:
        engine.close()


def test_closing_ends_all_children(conversation: Path) -> None:
    """After close no process is left, also when it comes in the middle of warming up."""
    engine = OfflineEngine(cores=2)
    engine.warm()
    children = [engine._models, *engine._recognisers]
    while not all(child._process for child in children):
        time.sleep(0.01)
    pids = [child._process.pid for child in children if child._process]
    engine.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
