"""How many words are wrong and how much time is given to the wrong speaker: `python -m benchmarks.accuracy`.

Material is a folder of recordings with references beside them: NAME.txt (the words, lower case, no punctuation) for the
word error rate, NAME.rttm (who spoke when) for the diarization error rate with collar 0 and overlap included. The
telephone conversation inside pyannote.audio is always measured. Pooled figures are errors over all of a kind of
material, not means of rates.
"""

import argparse
import importlib.util
import json
import re
import tempfile
import time
import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jiwer
import soundfile
import soxr

from ecg_audio.analysis import Diarization, Transcript
from ecg_audio.progress import silent
from ecg_audio.speech.engine import UNKNOWN, Engine, choose, create

SAMPLE_RATE_HZ = 16_000
AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")
NOT_A_WORD = re.compile(r"[^a-z' ]+")


@dataclass(frozen=True)
class WordScore:
    """Word errors of one recording."""

    name: str
    duration_s: float
    reference_words: int
    errors: int
    took_s: float

    @property
    def rate(self) -> float:
        """Word error rate."""
        return self.errors / self.reference_words


@dataclass(frozen=True)
class SpeakerScore:
    """Diarization errors of one recording, in seconds of speech."""

    name: str
    duration_s: float
    reference_s: float
    missed_s: float
    false_alarm_s: float
    confusion_s: float
    speakers: int
    reference_speakers: int
    took_s: float

    @property
    def rate(self) -> float:
        """Diarization error rate."""
        return (self.missed_s + self.false_alarm_s + self.confusion_s) / self.reference_s


def measure(engine: Engine, material: Path | None) -> dict[str, list[Any]]:
    """Score the engine on pyannote's sample and on every referenced recording in a folder."""
    scores: dict[str, list[Any]] = {"sample": [], "words": [], "speakers": []}
    with tempfile.TemporaryDirectory(prefix="ecg-accuracy-") as folder:
        sample = _bundled_sample()
        recording = _converted(sample, Path(folder))
        scores["sample"].append(_score_words(engine, sample.stem, recording, _stm_words(sample.with_suffix(".stm"))))
        scores["sample"].append(_score_speakers(engine, sample.stem, recording, sample.with_suffix(".rttm")))
        for audio in _recordings(material):
            words, turns = audio.with_suffix(".txt"), audio.with_suffix(".rttm")
            if words.is_file():
                recording = _converted(audio, Path(folder))
                scores["words"].append(_score_words(engine, audio.stem, recording, words.read_text()))
            if turns.is_file():
                recording = _converted(audio, Path(folder))
                scores["speakers"].append(_score_speakers(engine, audio.stem, recording, turns))
    return scores


def word_error_rate(scores: Iterable[WordScore]) -> float | None:
    """Pooled: all errors over all reference words."""
    scores = list(scores)
    total = sum(score.reference_words for score in scores)
    return sum(score.errors for score in scores) / total if total else None


def diarization_error_rate(scores: Iterable[SpeakerScore]) -> float | None:
    """Pooled: all missed, false and confused time over all reference time."""
    scores = list(scores)
    total = sum(score.reference_s for score in scores)
    wrong = sum(score.missed_s + score.false_alarm_s + score.confusion_s for score in scores)
    return wrong / total if total else None


def _score_words(engine: Engine, name: str, recording: Path, reference: str) -> WordScore:
    started = time.perf_counter()
    transcript: Transcript = engine.transcribe(recording, language="en", report=silent)
    took_s = time.perf_counter() - started
    said = _plain(" ".join(utterance.text for utterance in transcript.utterances))
    out = jiwer.process_words(_plain(reference), said)
    errors = out.substitutions + out.deletions + out.insertions
    return WordScore(name, _duration_s(recording), len(_plain(reference).split()), errors, took_s)


def _score_speakers(engine: Engine, name: str, recording: Path, reference_rttm: Path) -> SpeakerScore:
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    started = time.perf_counter()
    found: Diarization = engine.diarize(recording, speakers=UNKNOWN, report=silent)
    took_s = time.perf_counter() - started
    duration_s = _duration_s(recording)
    reference, hypothesis = Annotation(), Annotation()
    for line in reference_rttm.read_text().splitlines():
        _, _, _, start_s, length_s, _, _, speaker, *_ = line.split()
        reference[Segment(float(start_s), float(start_s) + float(length_s)), len(reference)] = speaker
    for turn in found.turns:
        hypothesis[Segment(turn.start_s, turn.end_s), len(hypothesis)] = turn.speaker
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = DiarizationErrorRate(collar=0.0, skip_overlap=False)(
            reference, hypothesis, uem=Timeline([Segment(0.0, duration_s)]), detailed=True
        )
    return SpeakerScore(
        name,
        duration_s,
        parts["total"],
        parts["missed detection"],
        parts["false alarm"],
        parts["confusion"],
        len(hypothesis.labels()),
        len(reference.labels()),
        took_s,
    )


def _bundled_sample() -> Path:
    namespace = importlib.util.find_spec("pyannote")
    assert namespace is not None and namespace.submodule_search_locations
    folders = [Path(folder) / "audio" / "sample" for folder in namespace.submodule_search_locations]
    return next(folder / "sample.wav" for folder in folders if folder.is_dir())


def _stm_words(path: Path) -> str:
    return " ".join(line.split(maxsplit=5)[5] for line in path.read_text().splitlines() if not line.startswith(";;"))


def _recordings(material: Path | None) -> list[Path]:
    return sorted(path for path in material.iterdir() if path.suffix in AUDIO_SUFFIXES) if material else []


def _converted(audio: Path, folder: Path) -> Path:
    """The recording as 16 kHz mono FLAC, as the engines take it."""
    samples, sample_rate_hz = soundfile.read(audio, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), sample_rate_hz, SAMPLE_RATE_HZ, quality="HQ")
    target = folder / f"{audio.stem}.flac"
    soundfile.write(target, mono, SAMPLE_RATE_HZ)
    return target


def _duration_s(recording: Path) -> float:
    return float(soundfile.info(recording).duration)


def _plain(text: str) -> str:
    return " ".join(NOT_A_WORD.sub(" ", text.lower()).split())


def _print(scores: dict[str, list[Any]]) -> None:
    for score in (score for kind in scores.values() for score in kind):
        if isinstance(score, WordScore):
            measure_name, errors = "WER", f"{score.errors} of {score.reference_words} words"
        else:
            errors = (
                f"missed {score.missed_s:.1f} s, false {score.false_alarm_s:.1f} s, confused {score.confusion_s:.1f} s"
            )
            measure_name, errors = "DER", f"{errors}, speakers {score.speakers}/{score.reference_speakers}"
        speed = f"{score.duration_s / score.took_s:.1f} x real time"
        print(f"{measure_name} {score.rate:7.1%}  {score.name:14} {errors:58} {speed:>18}")


def main() -> None:
    """Measure, print a table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--material", type=Path, help="folder of recordings with .txt and .rttm references")
    parser.add_argument("--engine", choices=("auto", "whisperx", "offline"), default="offline")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    choice = choose(arguments.engine)
    engine = create(choice.engine)
    try:
        scores = measure(engine, arguments.material)
        settings = engine.fingerprint()
    finally:
        engine.close()
    pooled = {
        "wer": word_error_rate(scores["words"]),
        "der": diarization_error_rate(scores["speakers"]),
    }
    print(f"engine {choice.engine}: {choice.reason}")
    for name, value in settings.items():
        print(f"  {name}: {value}")
    _print(scores)
    for name, rate in pooled.items():
        if rate is not None:
            print(f"{name.upper()} {rate:7.1%}  pooled over the material")
    if arguments.json:
        kinds = {kind: [asdict(score) | {"rate": score.rate} for score in of] for kind, of in scores.items()}
        document = {"engine": choice.engine, "settings": settings, "pooled": pooled, **kinds}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
