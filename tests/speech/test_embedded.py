"""The embedded models on real speech: the telephone conversation that pyannote.audio ships, silence and noise."""

import importlib.util
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ecg_audio.analysis import Diarization, Transcript
from ecg_audio.errors import DiarizationFailed, TranscriptionFailed
from ecg_audio.request import EMBEDDED, SpeakerCount
from ecg_audio.speech import suspect, weights
from ecg_audio.speech.attribution import attribute
from ecg_audio.speech.engine import LocalEngine

RATE_HZ = 16_000
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def embedded() -> Iterator[LocalEngine]:
    """An engine with the embedded models, warm after its first use."""
    if not all(importlib.util.find_spec(package) for file in weights.WHISPER_FILES for package, _ in file.parts):
        pytest.skip("the packages of requirements-weights.lock are not installed: the registry may not have them")
    engine = LocalEngine(EMBEDDED)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def heard(embedded: LocalEngine, conversation: Path) -> tuple[Transcript, Diarization, list[float]]:
    """The conversation, transcribed and diarized at the same time, and what the transcription reported."""
    reports: list[float] = []
    with ThreadPoolExecutor() as pool:
        transcript = pool.submit(embedded.transcribe, conversation, report=reports.append)
        diarization = pool.submit(embedded.diarize, conversation)
        return embedded.align(conversation, transcript.result()), diarization.result(), reports


def write(path: Path, samples: NDArray[Any]) -> Path:
    """16 kHz mono FLAC from floats in [-1, 1]."""
    soundfile.write(path, samples, RATE_HZ)
    return path


def test_the_transcript_says_what_it_is(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Model and language are in the result; the language was found, so it has a probability; nothing was missing."""
    transcript = heard[0]
    assert (transcript.model, transcript.language, transcript.task) == (weights.WHISPER_NAME, "en", "transcribe")
    assert transcript.language_probability is not None and transcript.language_probability > 0.9
    assert transcript.notices == ()
    assert {utterance.language for utterance in transcript.utterances} == {"en"}
    assert heard[1].model and "embedded" in heard[1].model


def test_words_lie_in_order_where_somebody_speaks(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Real words come out, in time order, none before the first of the voices at 6.7 s."""
    transcript = heard[0]
    words = [word for utterance in transcript.utterances for word in utterance.words]
    assert "diane" in " ".join(word.text.lower() for word in words)
    assert 60 <= len(words) <= 100  # 81 were said
    assert all(a.start_s <= b.start_s for a, b in pairwise(words))
    assert 6.4 < words[0].start_s < 7.2
    assert words[-1].end_s <= 30.0
    assert {word.timing for word in words} <= {"aligned", "interpolated"}
    assert 6.4 < transcript.speech[0].start_s < 7.2


def test_progress_rises_to_the_end(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Transcription reports fractions that never fall, at least three of them, the last being 1."""
    reports = heard[2]
    assert reports == sorted(reports)
    assert len(reports) >= 3
    assert reports[-1] == 1.0


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
    total, claimed = sum(said, np.zeros(3000, int)), sum(found, np.zeros(3000, int))
    correct = max(
        np.sum((said[0] & found[0]).astype(int) + (said[1] & found[1])),
        np.sum((said[0] & found[1]).astype(int) + (said[1] & found[0])),
    )
    return float((np.maximum(total, claimed).sum() - correct) / total.sum())


def test_exclusive_turns_do_not_overlap_and_turns_may(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """One speaker at a time in the exclusive turns; the other turns keep the overlaps that are there."""
    found = heard[1]
    assert all(b.start_s >= a.end_s - 0.001 for a, b in pairwise(found.exclusive))
    assert any(b.start_s < a.end_s and b.speaker != a.speaker for a, b in pairwise(found.turns))


def test_each_speaker_has_a_voice_of_their_own(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Embeddings are unit vectors, one a speaker, and the two voices differ."""
    vectors = {name: np.array(vector) for name, vector in heard[1].embeddings.items()}
    assert set(vectors) == {"SPEAKER_00", "SPEAKER_01"}
    assert all(abs(np.linalg.norm(vector) - 1.0) < 1e-6 for vector in vectors.values())
    assert float(vectors["SPEAKER_00"] @ vectors["SPEAKER_01"]) < 0.9


def test_every_word_finds_its_speaker(heard: tuple[Transcript, Diarization, list[float]]) -> None:
    """Words and turns of the same recording fit together: nobody is left unknown, both speakers have segments."""
    segments = attribute(heard[0], heard[1])
    assert {segment.speaker for segment in segments} == {"SPEAKER_00", "SPEAKER_01"}


def test_an_exact_count_is_kept(embedded: LocalEngine, conversation: Path) -> None:
    """Asked for one speaker, the conversation becomes one speaker's."""
    found = embedded.diarize(conversation, speakers=SpeakerCount(exact=1))
    assert {turn.speaker for turn in found.turns} == {"SPEAKER_00"}
    assert found.notices == ()


def test_one_speaker_alone_is_one_speaker(embedded: LocalEngine, conversation: Path, tmp_path: Path) -> None:
    """A single sentence is not split between invented people."""
    samples, _ = soundfile.read(conversation)
    found = embedded.diarize(write(tmp_path / "one.flac", samples[round(14.8 * RATE_HZ) : round(17.7 * RATE_HZ)]))
    assert {turn.speaker for turn in found.turns} == {"SPEAKER_00"}


def test_a_track_that_begins_later_has_the_same_words_and_turns_later(
    embedded: LocalEngine, conversation: Path, tmp_path: Path
) -> None:
    """A second of digital silence before the sound moves everything by a second, and changes nothing.

    The first word begins where the recording does, or a tenth of a second of silence later: its edge is for `edges`.
    """
    samples, _ = soundfile.read(conversation)
    piece = samples[round(14.4 * RATE_HZ) : round(17.8 * RATE_HZ)]
    now = write(tmp_path / "now.flac", piece)
    late = write(tmp_path / "late.flac", np.concatenate([np.zeros(RATE_HZ), piece]))
    words, later = (embedded.align(path, embedded.transcribe(path)) for path in (now, late))
    assert (
        [utterance.text for utterance in later.utterances] == [utterance.text for utterance in words.utterances] != []
    )
    for before, after in zip(words.utterances, later.utterances, strict=True):
        for index, (a, b) in enumerate(zip(before.words, after.words, strict=True)):
            assert index == 0 or b.start_s - a.start_s == pytest.approx(1.0, abs=0.002)
            assert b.end_s - a.end_s == pytest.approx(1.0, abs=0.002)
    turns, turns_later = embedded.diarize(now).turns, embedded.diarize(late).turns
    assert [b.start_s - a.start_s for a, b in zip(turns, turns_later, strict=True)] == pytest.approx([1.0] * len(turns))


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
def test_what_is_not_speech_has_no_words_and_no_speakers(name: str, embedded: LocalEngine, tmp_path: Path) -> None:
    """Silence, noise, hum, clicks and tones: no words, no turns, and a notice that says so."""
    seconds = np.arange(6 * RATE_HZ) / RATE_HZ
    noise = np.clip(np.random.default_rng(7).normal(0, 0.3, len(seconds)), -1, 1)
    recording = write(tmp_path / "noise.flac", NOISES[name](noise, seconds))
    transcript = embedded.align(recording, embedded.transcribe(recording))
    assert transcript.utterances == ()
    assert transcript.speech == ()
    assert [notice.code for notice in transcript.notices] == ["NO_SPEECH"]
    found = embedded.diarize(recording)
    assert (found.turns, found.exclusive, found.embeddings) == ((), (), {})


@pytest.mark.parametrize("samples", [1, 100, 8000])
def test_recordings_of_next_to_nothing_are_handled(samples: int, embedded: LocalEngine, tmp_path: Path) -> None:
    """From one sample to half a second, silent or a single tone: nothing found, nothing broken."""
    for content in (np.zeros(samples), 0.1 * np.sin(np.arange(samples) / 5)):
        recording = write(tmp_path / "short.flac", content)
        assert embedded.transcribe(recording).utterances == ()
        assert embedded.diarize(recording).turns == ()


@pytest.mark.parametrize("begin_s", [12.0, 15.0])
def test_a_piece_of_a_word_is_no_sentence(
    begin_s: float, embedded: LocalEngine, conversation: Path, tmp_path: Path
) -> None:
    """What is made of a quarter of a second is marked, as far as nobody can say so much in it."""
    samples, _ = soundfile.read(conversation)
    begin = round(begin_s * RATE_HZ)
    recording = write(tmp_path / "piece.flac", samples[begin : begin + RATE_HZ // 4])
    found = suspect.examined(embedded.align(recording, embedded.transcribe(recording)))
    words = [word for utterance in found.utterances for word in utterance.words]
    assert sum(suspect.syllables(word.text) for word in words if word.suspect is None) <= 3


def test_a_short_call_is_heard(embedded: LocalEngine, conversation: Path, tmp_path: Path) -> None:
    """Less than a second with a greeting in it has one speaker, inside the recording."""
    samples, _ = soundfile.read(conversation)
    found = embedded.diarize(write(tmp_path / "call.flac", samples[round(6.5 * RATE_HZ) : round(7.4 * RATE_HZ)]))
    assert {turn.speaker for turn in found.turns} == {"SPEAKER_00"}
    assert found.turns[-1].end_s <= 0.9


def test_a_damaged_recording_is_a_named_failure(embedded: LocalEngine, tmp_path: Path) -> None:
    """What cannot be read fails by name, for words and for speakers, and the engine goes on."""
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC but no more")
    with pytest.raises(TranscriptionFailed, match="recognition failed"):
        embedded.transcribe(broken)
    with pytest.raises(DiarizationFailed, match="telling the speakers apart failed"):
        embedded.diarize(broken)
    assert embedded.transcribe(write(tmp_path / "fine.flac", np.zeros(1000))).utterances == ()
