"""How many words are wrong and how much time is given to the wrong speaker: `python -m benchmarks.accuracy`.

Material is a folder of recordings with references beside them: NAME.txt (the words, lower case, no punctuation) for the
word error rate, NAME.rttm (who spoke when) for the diarization error rate with collar 0 and overlap included. The
telephone conversation inside pyannote.audio is always measured. Pooled figures are errors over all of a kind of
material, not means of rates.

Dialogues (`benchmarks.dialogues`) are spliced from the material where it has two readers. Of each, `found` is the share
of the reference's words that have a counterpart, right or misheard, `right` the share that was recognised as it is,
WDER the share of counterparts with the wrong speaker and cpWER the word error rate of each speaker's words in a row.
They are told apart without knowing how many speak and as two, and words get speakers by `speech.attribution` and, to
compare with, by turns alone.
"""

import argparse
import importlib.util
import itertools
import json
import tempfile
import time
import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.dialogues import Dialogue, dialogues
from benchmarks.wording import Attributed, Spoken, attributed, plain, plain_words, word_errors
from ecg_audio.analysis import Diarization, Transcript
from ecg_audio.progress import silent
from ecg_audio.request import AUTO, UNGUIDED, UNKNOWN, SpeakerCount
from ecg_audio.speech.attribution import attribute
from ecg_audio.speech.engine import Engine, shared

SAMPLE_RATE_HZ = 16_000
AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")
SEEDS = (0, 1, 2, 3)
NEAREST_TURN_S = 0.5


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


@dataclass(frozen=True)
class DialogueScore:
    """Words and speakers of one spliced dialogue."""

    name: str
    count: str
    """What was known of the number of speakers: `unknown` or `two`."""
    step: str
    """How words got their speakers: by `attribution` or by `turns` alone."""
    words: Attributed


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


def measure_dialogues(engine: Engine, material: Path, seeds: Iterable[int] = SEEDS) -> list[DialogueScore]:
    """Score the engine on dialogues spliced from a folder's read speech; nothing where it has no two readers."""
    scores = []
    with tempfile.TemporaryDirectory(prefix="ecg-accuracy-") as folder:

        def hear(samples: NDArray[np.float32]) -> str:
            transcript = _transcribed(engine, _written(samples, Path(folder) / "piece.flac"))
            return " ".join(utterance.text for utterance in transcript.utterances)

        for dialogue in dialogues(material, tuple(seeds), hear):
            recording = _written(dialogue.samples, Path(folder) / f"{dialogue.name}.flac")
            transcript = engine.align(recording, _transcribed(engine, recording), report=silent)
            for count, speakers in (("unknown", UNKNOWN), ("two", SpeakerCount(exact=2))):
                found = engine.diarize(recording, speakers=speakers, report=silent)
                scores += [
                    _scored(dialogue, count, "turns", by_turns(transcript, found)),
                    _scored(dialogue, count, "attribution", _by_attribution(transcript, found)),
                ]
    return scores


def pooled(scores: Iterable[DialogueScore]) -> dict[str, float]:
    """Shares over all words of the dialogues, and speakers found for each that there is."""
    words = [score.words for score in scores]
    reference = sum(one.reference_words for one in words)
    aligned = sum(one.aligned_words for one in words)
    return {
        "found": aligned / reference,
        "right": sum(one.right_words for one in words) / reference,
        "wder": sum(one.wrong_speaker_words for one in words) / aligned if aligned else 1.0,
        "cpwer": sum(one.concatenated_errors for one in words) / reference,
        "speakers": sum(one.speakers for one in words) / sum(one.reference_speakers for one in words),
    }


def by_turns(transcript: Transcript, found: Diarization) -> list[Spoken]:
    """Each word with the speaker whose exclusive turns overlap it longest, else the nearest one within 0.5 s."""
    words: list[Spoken] = []
    for word in (word for utterance in transcript.utterances for word in utterance.words):
        overlaps_s = {
            turn: min(word.end_s, turn.end_s) - max(word.start_s, turn.start_s) for turn in found.exclusive
        }  # negative: how far away the turn is
        nearest = max(overlaps_s, key=lambda turn: overlaps_s[turn], default=None)
        if nearest is None or overlaps_s[nearest] < -NEAREST_TURN_S:
            words.append((word.text, None))
            continue
        shares_s: dict[str, float] = {}
        for turn, overlap_s in overlaps_s.items():
            shares_s[turn.speaker] = shares_s.get(turn.speaker, 0.0) + max(0.0, overlap_s)
        longest = max(shares_s, key=lambda speaker: shares_s[speaker])
        words.append((word.text, longest if shares_s[longest] > 0 else nearest.speaker))
    return words


def _by_attribution(transcript: Transcript, found: Diarization) -> list[Spoken]:
    return [(word.text, word.speaker) for segment in attribute(transcript, found) for word in segment.words]


def _scored(dialogue: Dialogue, count: str, step: str, words: list[Spoken]) -> DialogueScore:
    return DialogueScore(dialogue.name, count, step, attributed(plain_words(dialogue.words), plain_words(words)))


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


def _transcribed(engine: Engine, recording: Path) -> Transcript:
    return engine.transcribe(recording, language="en", guidance=UNGUIDED, report=silent)


def _score_words(engine: Engine, name: str, recording: Path, reference: str) -> WordScore:
    started = time.perf_counter()
    transcript = _transcribed(engine, recording)
    took_s = time.perf_counter() - started
    words = plain(reference)
    errors = word_errors(words, plain(" ".join(utterance.text for utterance in transcript.utterances)))
    return WordScore(name, _duration_s(recording), len(words), errors, took_s)


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
    return _written(mono, folder / f"{audio.stem}.flac")


def _written(samples: NDArray[np.float32], target: Path) -> Path:
    soundfile.write(target, samples, SAMPLE_RATE_HZ)
    return target


def _duration_s(recording: Path) -> float:
    return float(soundfile.info(recording).duration)


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


def _print_dialogues(scores: list[DialogueScore]) -> None:
    for score in scores:
        words = score.words
        print(
            f"WDER {words.wrong_speaker_words / max(1, words.aligned_words):6.1%} {score.name:12} count {score.count:8}"
            f" by {score.step:12} cpWER {words.concatenated_errors / words.reference_words:6.1%}, speakers "
            f"{words.speakers}/{words.reference_speakers}, {words.aligned_words} of {words.reference_words} words found"
        )
    for (count, step), figures in _conditions(scores).items():
        shares = ", ".join(f"{name} {figures[name]:.1%}" for name in ("found", "right", "wder", "cpwer"))
        print(f"dialogues, count {count}, by {step}: {shares}, speakers {figures['speakers']:.2f} of each")


def _conditions(scores: list[DialogueScore]) -> dict[tuple[str, str], dict[str, float]]:
    conditions = itertools.product(("unknown", "two"), ("turns", "attribution"))
    return {
        condition: pooled(of)
        for condition in conditions
        if (of := [score for score in scores if (score.count, score.step) == condition])
    }


def main() -> None:
    """Measure, print a table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--material", type=Path, help="folder of recordings with .txt and .rttm references")
    parser.add_argument("--models", default=AUTO, help="auto, embedded, or the name of a Whisper model")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    engine = shared(arguments.models)
    try:
        scores = measure(engine, arguments.material)
        spliced = measure_dialogues(engine, arguments.material) if arguments.material else []
        settings = engine.fingerprint()
    finally:
        engine.close()
    rates = {
        "wer": word_error_rate(scores["words"]),
        "der": diarization_error_rate(scores["speakers"]),
    }
    for name, value in settings.items():
        print(f"  {name}: {value}")
    _print(scores)
    for name, rate in rates.items():
        if rate is not None:
            print(f"{name.upper()} {rate:7.1%}  pooled over the material")
    _print_dialogues(spliced)
    if arguments.json:
        kinds = {kind: [asdict(score) | {"rate": score.rate} for score in of] for kind, of in scores.items()}
        conditions = {f"{count}, {step}": figures for (count, step), figures in _conditions(spliced).items()}
        document = {
            "models": arguments.models,
            "settings": settings,
            "pooled": rates,
            "dialogues": {"pooled": conditions, "scores": [asdict(score) for score in spliced]},
            **kinds,
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
