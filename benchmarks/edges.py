"""How true the edges of words are: `python -m benchmarks.edges [--material DIR] [--model DIR] [--json FILE]`.

Word starts against espeak-ng's own events in four languages; edges of pauses in real speech against pauses measured in
the waveform; how words move when 500 ms of silence are put into a pause; and silence inside words. Our times stand
beside bare faster-whisper's in the same run. Thresholds were chosen on `sentences.CHOSEN_ON`, other voices and texts.

Material is a folder of recordings; where NAME.txt lies beside one, its pauses are scored too. The conversation inside
pyannote.audio is always among them.
"""

import argparse
import difflib
import hashlib
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import espeak, sentences, voice
from ecg_audio.analysis import Span, Timing, Transcript, Utterance, Word
from ecg_audio.speech import alignment, attention, edges, forced
from ecg_audio.speech.alignment import Piece
from ecg_audio.voice.frames import measure

Samples = NDArray[np.float32]

RATE_HZ = 16_000
PAUSE_S = 0.15
LEAD_S = 0.5  # of room noise around what espeak-ng says
ROOM_DBFS = -65.0
ADDED_S = 0.5
CLOSE_S = 0.05
SHIFTED = 4  # of espeak-ng's readings
BARE, ATTENDED, ALIGNED = "faster-whisper", "attention", "aligner"
SETTLED = " + edges"


@dataclass
class Scores:
    """Errors of one way to time words, in seconds."""

    starts: list[float] = field(default_factory=list)
    after_pauses: list[float] = field(default_factory=list)
    before_pauses: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """What is told of them."""
        found: dict[str, Any] = {}
        for name, errors in asdict(self).items():
            size_ms = np.abs(errors) * 1000
            found[name] = {
                "words": len(errors),
                "mean_ms": round(float(size_ms.mean()), 1) if len(errors) else None,
                "median_ms": round(float(np.median(size_ms)), 1) if len(errors) else None,
                "within_50_ms": round(float((size_ms < CLOSE_S * 1000).mean()), 3) if len(errors) else None,
                "bias_ms": round(float(np.median(errors) * 1000), 1) if len(errors) else None,
            }
        return found


# The ways to time words


class Contestants:
    """Bare faster-whisper; the recogniser's attention and the aligner, both with and without refined edges."""

    def __init__(self, model: str) -> None:
        import faster_whisper

        self._heard: dict[bytes, list[Word]] = {}
        self._model = faster_whisper.WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=1)

    def bare(self, samples: Samples, language: str) -> list[Word]:
        """Words and times as faster-whisper itself gives them."""
        key = hashlib.sha256(samples.tobytes()).digest()
        if key not in self._heard:
            segments, _ = self._model.transcribe(samples, language=language, word_timestamps=True, beam_size=5)
            self._heard[key] = [
                Word(text=word.word.strip(), start_s=max(0.0, word.start), end_s=max(0.0, word.end))
                for segment in segments
                for word in segment.words or ()
            ]
        return self._heard[key]

    def times(self, samples: Samples, text: str, language: str) -> dict[str, list[Word]]:
        """The words of a known text by every way of ours."""
        within = _spoken(samples)
        utterance = Utterance(start_s=within.start_s, end_s=within.end_s, text=text, words=())
        pieces = alignment.gathered(text, attention.attended(samples, text, within, language, self._model), language)
        found = {ATTENDED: self._both(samples, utterance, within, pieces, language, "engine")}
        if language in forced.LANGUAGES:
            stretch = forced.stretches([utterance], len(samples) / RATE_HZ)[0]
            pieces = forced.aligned(samples, text.split(), stretch, language)
            found[ALIGNED] = self._both(samples, utterance, stretch, pieces, language, "aligned")
        return {name + after: words for name, both in found.items() for after, words in both.items()}

    def _both(
        self, samples: Samples, utterance: Utterance, within: Span, pieces: list[Piece], language: str, timing: Timing
    ) -> dict[str, list[Word]]:
        raw = alignment.words(pieces, within, timing)
        transcript = Transcript(
            model="base",
            language=language,
            utterances=(utterance.model_copy(update={"words": raw}),),
            speech=(),
        )
        frames = frames_of(samples)
        refined = edges.refined(transcript, frames["rms_dbfs"], frames["f0_hz"]).transcript
        return {"": list(raw), SETTLED: [word for utterance in refined.utterances for word in utterance.words]}


def frames_of(samples: Samples) -> dict[str, Samples]:
    """The 10 ms frames, as the pipeline measures them."""
    batches = list(measure([samples], threads=1))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in ("rms_dbfs", "f0_hz")}


def _spoken(samples: Samples) -> Span:
    """From the first voice to the last, as voice detection hears them."""
    from faster_whisper.vad import get_speech_timestamps

    found = get_speech_timestamps(samples)
    if not found:
        return Span(start_s=0.0, end_s=len(samples) / RATE_HZ)
    return Span(start_s=found[0]["start"] / RATE_HZ, end_s=found[-1]["end"] / RATE_HZ)


# Synthetic truth


def synthetic(contestants: Contestants, readings: Sequence[sentences.Reading]) -> dict[str, dict[str, Scores]]:
    """Errors by language and contestant, against espeak-ng's events."""
    scores: dict[str, dict[str, Scores]] = {}
    for number, reading in enumerate(readings):
        samples, truth = recited(reading, number)
        found = {BARE: contestants.bare(samples, reading.language)}
        found |= contestants.times(samples, reading.text, reading.language)
        for name, words in found.items():
            _compare(truth, words, scores.setdefault(reading.language, {}).setdefault(name, Scores()))
    return scores


def recited(reading: sentences.Reading, seed: int) -> tuple[Samples, list[espeak.TrueWord]]:
    """What espeak-ng says, in a quiet room."""
    said = espeak.said(reading.text, reading.voice, reading.words_per_minute, reading.pitch)
    silence = np.zeros(round(LEAD_S * RATE_HZ), np.float32)
    samples = np.concatenate([silence, said.samples, silence])
    samples += np.random.default_rng(seed).normal(0.0, 10 ** (ROOM_DBFS / 20), len(samples)).astype(np.float32)
    truth = [espeak.TrueWord(word.text, word.start_s + LEAD_S, word.end_s + LEAD_S) for word in said.words]
    return samples, truth


def _compare(truth: Sequence[espeak.TrueWord], words: Sequence[Word], scores: Scores) -> None:
    """Words that both have, in order, and how their edges differ."""
    ours, theirs = [_plain(word.text) for word in words], [_plain(word.text) for word in truth]
    for at, found_at, length in difflib.SequenceMatcher(None, theirs, ours, autojunk=False).get_matching_blocks():
        for step in range(length):
            index, word = at + step, words[found_at + step]
            scores.starts.append(word.start_s - truth[index].start_s)
            if index and truth[index].start_s - truth[index - 1].end_s >= PAUSE_S:
                scores.after_pauses.append(word.start_s - truth[index].start_s)
            if index + 1 < len(truth) and truth[index + 1].start_s - truth[index].end_s >= PAUSE_S:
                scores.before_pauses.append(word.end_s - truth[index].end_s)


def _plain(text: str) -> str:
    return re.sub(r"\W", "", text.casefold())


# Real speech


def real(contestants: Contestants, material: dict[str, Samples]) -> dict[str, Scores]:
    """Errors at pauses by contestant: words against the waveform, which knows no words."""
    scores: dict[str, Scores] = {}
    for samples in material.values():
        bare = contestants.bare(samples, "en")
        found = {BARE: bare} | contestants.times(samples, " ".join(word.text for word in bare), "en")
        for name, words in found.items():
            of = scores.setdefault(name, Scores())
            for start_s, end_s in pauses(samples):
                after = next((word for word in words if word.end_s > end_s + CLOSE_S), None)
                before = next((word for word in reversed(words) if word.start_s < start_s - CLOSE_S), None)
                if after and before:
                    of.after_pauses.append(after.start_s - end_s)
                    of.before_pauses.append(before.end_s - start_s)
    return scores


def pauses(samples: Samples) -> list[tuple[float, float]]:
    """Pauses of 0.15 s or more between sounds of 50 ms or more; no part of what is measured here.

    Otsu's method (1979) parts the level of a 10 ms window, every 5 ms, into loud and quiet. Sound is what is louder
    than a third of the way from the mean of the quiet to that of the loud, for it begins where it leaves the quiet.
    """
    step = RATE_HZ // 200
    count = len(samples) // step - 1
    windows = np.lib.stride_tricks.sliding_window_view(samples[: (count + 1) * step], 2 * step)[::step]
    level = 10 * np.log10(np.maximum((windows.astype(np.float64) ** 2).mean(axis=1), 1e-10))
    parting = _otsu(level)
    quiet, loud = float(level[level <= parting].mean()), float(level[level > parting].mean())
    changes = np.flatnonzero(np.diff((level > quiet + (loud - quiet) / 3).astype(np.int8))) + 1
    bounds = [0, *changes.tolist(), len(level)]
    runs = [(low, high) for low, high in itertools.pairwise(bounds) if level[low] > quiet + (loud - quiet) / 3]
    sounds = [(low, high) for low, high in runs if high - low >= 10]
    return [
        ((before + 1) * step / RATE_HZ, (after + 1) * step / RATE_HZ)
        for (_, before), (after, _) in itertools.pairwise(sounds)
        if (after - before) * step / RATE_HZ >= PAUSE_S
    ]


def _otsu(level: NDArray[np.float64]) -> float:
    counts, edges_db = np.histogram(level, bins=200)
    centres = (edges_db[:-1] + edges_db[1:]) / 2
    below, above = np.cumsum(counts), len(level) - np.cumsum(counts)
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(centres[int(np.nanargmax(between))])


# Shifts and silence


def shifts(contestants: Contestants, material: dict[str, Samples]) -> dict[str, dict[str, float]]:
    """How far words are from where they should be, ms, when 500 ms of silence are put into the longest pause.

    The silence is the room's own, and then digital. Recordings without a pause of 0.3 s are left out: the closure of a
    stop is no place to put half a second.
    """
    found = {}
    for name, samples in material.items():
        long = [pause for pause in pauses(samples) if pause[1] - pause[0] >= 2 * PAUSE_S]
        if not long:
            continue
        start_s, end_s = max(long, key=lambda pause: pause[1] - pause[0])
        at = round((start_s + end_s) / 2 * RATE_HZ)
        near = samples[at - RATE_HZ // 50 : at + RATE_HZ // 50]
        room = np.resize(np.concatenate([near, near[::-1]]), round(ADDED_S * RATE_HZ)).astype(np.float32)
        text = " ".join(word.text for word in contestants.bare(samples, "en"))
        before = contestants.times(samples, text, "en")[ALIGNED + SETTLED]
        off_ms: dict[str, list[float]] = {"earlier_ms": [0.0], "later_ms": [0.0]}
        for added in (room, np.zeros_like(room)):
            longer = np.concatenate([samples[:at], added, samples[at:]])
            for old, new in zip(before, contestants.times(longer, text, "en")[ALIGNED + SETTLED], strict=True):
                later = old.start_s >= at / RATE_HZ
                by_s = new.start_s - old.start_s - (ADDED_S if later else 0.0)
                off_ms["later_ms" if later else "earlier_ms"].append(round(abs(by_s) * 1000, 1))
        found[name] = {"words": len(before)} | {where: max(off) for where, off in off_ms.items()}
    return found


def held(contestants: Contestants, material: dict[str, Samples]) -> dict[str, dict[str, int]]:
    """How many words hold more than 150 ms of silence, of how many, by recording and contestant.

    Silence is what lies 35 dB or more below the recording's loud frames, or within 6 dB of its quietest tenth.
    """
    found: dict[str, dict[str, int]] = {}
    for name, samples in material.items():
        level = np.nan_to_num(frames_of(samples)["rms_dbfs"].astype(np.float64), nan=-120.0)
        bound = max(np.percentile(level, 95) - 35, np.percentile(level, 10) + 6)
        bare = contestants.bare(samples, "en")
        ways = {BARE: bare} | contestants.times(samples, " ".join(word.text for word in bare), "en")
        found[name] = {"words": len(bare)} | {
            way: sum(_silence_s(level, bound, word) > PAUSE_S + 0.001 for word in words) for way, words in ways.items()
        }
    return found


def _silence_s(level: NDArray[np.float64], bound: float, word: Word) -> float:
    """Seconds of silence in a word, wherever they are in it."""
    inside = level[int(np.ceil(word.start_s * 100 - 1e-6)) : int(np.floor(word.end_s * 100 + 1e-6)) + 1]
    return float((inside < bound).sum() / 100)


# The report


def run(model: str, material: Path | None) -> dict[str, Any]:
    """The whole report."""
    contestants = Contestants(model)
    recordings = voice.recordings(None) | (voice.recordings(material) if material else {})
    referenced = {name: sound for name, sound in recordings.items() if _has_words(material, name)}
    report: dict[str, Any] = {
        "synthetic": {
            language: {name: scores.figures() for name, scores in ways.items()}
            for language, ways in synthetic(contestants, sentences.REPORTED).items()
        },
        "held": held(contestants, recordings),
        "shifts": shifts(contestants, referenced | _recited("en", SHIFTED)),
    }
    if referenced:
        report["real"] = {name: scores.figures() for name, scores in real(contestants, referenced).items()}
    if "jfk.flac" in recordings:
        words = contestants.times(recordings["jfk.flac"], _jfk(material), "en")[ALIGNED + SETTLED]
        report["jfk_what_s"] = next(word.start_s for word in words if word.text == "what")
    return report


def _recited(language: str, count: int) -> dict[str, Samples]:
    """Some readings, by number."""
    readings = [reading for reading in sentences.REPORTED if reading.language == language][:count]
    return {f"espeak-ng {language} {number}": recited(reading, number)[0] for number, reading in enumerate(readings)}


def _has_words(material: Path | None, name: str) -> bool:
    return material is not None and (material / name).with_suffix(".txt").is_file()


def _jfk(material: Path | None) -> str:
    assert material is not None
    return (material / "jfk.txt").read_text()


def show(report: dict[str, Any]) -> None:
    """Print the report for people."""

    def row(name: str, figures: dict[str, Any]) -> str:
        cells = []
        for kind in ("starts", "after_pauses", "before_pauses"):
            of = figures[kind]
            mean = "-" if of["mean_ms"] is None else f"{of['mean_ms']:.0f} ms"
            share = "-" if of["within_50_ms"] is None else f"{of['within_50_ms']:.0%}"
            cells.append(f"{of['words']:6}{mean:>9}{share:>6}")
        return f"{name:26}" + "".join(cells)

    header = f"{'':26}{'word starts':>21}{'after pauses':>21}{'before pauses':>21}\n"
    header += f"{'':26}" + f"{'n':>6}{'mean':>9}{'<50':>6}" * 3
    for language, ways in report["synthetic"].items():
        print(f"\nespeak-ng, {language}\n{header}")
        print("\n".join(row(name, figures) for name, figures in ways.items()))
    if "real" in report:
        print(f"\nreal speech, pauses in the waveform\n{header}")
        print("\n".join(row(name, figures) for name, figures in report["real"].items()))
    print("\n500 ms more silence in the longest pause: how far words are from where they should be then, at most")
    for name, moved in report["shifts"].items():
        print(f"{name:26}{moved['earlier_ms']:8.0f} ms before it{moved['later_ms']:8.0f} ms after it")
    print("\nwords that hold more than 150 ms of silence")
    ways = [way for way in next(iter(report["held"].values())) if way != "words"]
    print(f"{'':26}{'words':>8}" + "".join(f"{way:>20}" for way in ways))
    for name, counts in report["held"].items():
        print(f"{name:26}{counts['words']:8}" + "".join(f"{counts[way]:20}" for way in ways))
    if "jfk_what_s" in report:
        print(f'\nthe first "what" of jfk.flac starts at {report["jfk_what_s"]:.3f} s')


def main() -> None:
    """Measure, print tables, and write them as JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.edges", description=__doc__)
    parser.add_argument("--material", type=Path, help="folder of recordings, with .txt where pauses are to be scored")
    parser.add_argument("--model", default="base", help="Whisper model for faster-whisper: a size or a directory")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    report = run(arguments.model, arguments.material)
    show(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
