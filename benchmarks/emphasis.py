"""Whether captions show a changed word, and nothing else: `python -m benchmarks.emphasis --material DIR`.

One word of a recording is made 6 dB louder, 4 semitones higher or half as long again (Praat's PSOLA), all stages run
on the new sound (decoding, recognition, alignment, speakers, measurement; in this process), and the words' looks are
read from the ASS of the expressive preset. Each changed word has its control: it goes the same way through PSOLA and
back into the recording, and nothing about it is changed. Two more runs put the whole recording into another sound: all
of it taken apart and put together by PSOLA, and coded as AAC and decoded.

- recall: the changed word is now larger or heavier, raised, or set wider; by the property of the change, and by any;
- new: other words that were plain and show something, per 100 words; and of words that were recognised alike;
- turned: other words that showed something and show another property, per 100 words;
- marked: other words that show anything, natural emphasis included, per 100 words;
- null: new ones in the controls, the word itself among them, per 100 words; and those that turned;
- recoded: the same in the recordings that are another sound as a whole;
- plain: words of the unchanged recordings that show nothing.

Words are chosen without looking at any style: content words of three letters or more, at least 0.15 s long, that were
aligned and that nothing makes suspect. `--as-usual` takes only words that Praat hears near the middle of what stands
around them: for the others a change may lead back to the usual.

`--carry` recognises each recording once and carries its words over to the changed sound, which is then measured, judged
and written as captions: quick enough for every word, and without what recognition makes of the change.

`--store` keeps what models and measurement found. Judgement and captions are made anew each time, so that a change of
those alone is tried in seconds.
"""

import argparse
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import parselmouth
import pysubs2
import soundfile
import soxr
from numpy.typing import NDArray
from parselmouth.praat import call

from benchmarks.accuracy import AUDIO_SUFFIXES
from deployments.cli import demo
from ecg_audio.analysis import Model, Segment, SpokenWord, Turn
from ecg_audio.captions import ass, cues
from ecg_audio.media import decode
from ecg_audio.request import EMBEDDED, Limits
from ecg_audio.sampling import RATE_HZ
from ecg_audio.speech import edges, suspect
from ecg_audio.speech.attribution import attribute
from ecg_audio.speech.engine import LocalEngine
from ecg_audio.voice.expression import express
from ecg_audio.voice.frames import measure

Change = Literal["louder", "higher", "slower"]
Recoding = Literal["resynthesised", "coded"]
Sound = NDArray[np.float64]

CHANGES: tuple[Change, ...] = ("louder", "higher", "slower")
CONTROL = "control"
RECODINGS: tuple[Recoding, ...] = ("resynthesised", "coded")
GAIN_DB, RAISED_ST, STRETCHED = 6.0, 4.0, 1.5
HEADROOM_DB = 7.0  # all runs are so much softer, so that no change can clip
RAMP_S = 0.01
AROUND_S = 1.0  # of sound on each side that PSOLA sees
PITCH_HZ = (60.0, 500.0)
AAC_DELAY = 1024  # samples that the encoder puts in front
USUAL_DB, USUAL_ST, USUAL_RATIO = 2.0, 1.5, 1.2

FEWEST_LETTERS, SHORTEST_S = 3, 0.15
FUNCTION_WORDS = """
    the and for but not you your his her its our their they them this that these those with from was were are
    has had have been being will would shall should can could may might must does did than then there here
    which who whom what when where into onto upon about all any some just yes yeah okay well she him how why
    nor
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A word as the ASS shows it."""

    text: str
    start_s: float
    end_s: float
    marks: frozenset[str]  # louder, quieter, higher, lower, slower, quicker, whispered


@dataclass(frozen=True, slots=True)
class Variant:
    """A recording in which one stretch was changed, or (no stretch) none."""

    recording: str
    kind: str
    start_s: float = 0.0
    end_s: float = 0.0

    @property
    def job_id(self) -> str:
        """The name of its job."""
        return f"{self.recording}-{self.kind}" + (f"-{round(self.start_s * 1000):06d}" if self.end_s else "")

    def moved(self, time_s: float) -> float:
        """Where a moment of the unchanged recording lies now."""
        if self.kind != "slower":
            return time_s
        inside_s = min(max(time_s, self.start_s), self.end_s) - self.start_s
        return time_s + inside_s * (STRETCHED - 1)


@dataclass(slots=True)
class Count:
    """So many of so many."""

    found: int = 0
    of: int = 0

    def add(self, found: int, of: int = 1) -> None:
        """Count some more."""
        self.found += found
        self.of += of

    def figures(self) -> dict[str, Any]:
        """Percent with Wilson's 95 % interval."""
        if not self.of:
            return {"percent": None, "of": 0}
        share, z = self.found / self.of, 1.96
        middle = (share + z * z / (2 * self.of)) / (1 + z * z / self.of)
        half = z * sqrt(share * (1 - share) / self.of + z * z / (4 * self.of**2)) / (1 + z * z / self.of)
        low, high = (round(100 * max(0.0, middle - half), 1), round(100 * min(1.0, middle + half), 1))
        return {"percent": round(100 * share, 1), "found": self.found, "of": self.of, "interval": [low, high]}


@dataclass(slots=True)
class Changes:
    """Words that look otherwise than in the unchanged recording."""

    new: Count = field(default_factory=Count)  # that were plain
    new_alike: Count = field(default_factory=Count)  # of words that the recogniser writes as before
    turned: Count = field(default_factory=Count)  # that were not, and show another property now

    def add(self, was: Shown | None, now: Shown) -> None:
        """Count a word; `was` None: nothing was recognised there."""
        marks = was.marks if was else frozenset()
        self.new.add(bool(now.marks and not marks))
        self.turned.add(bool(marks and now.marks - marks))
        if was and _bare(was.text) == _bare(now.text):
            self.new_alike.add(bool(now.marks and not marks))

    def figures(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: getattr(self, name).figures() for name in ("new", "new_alike", "turned")}


@dataclass(slots=True)
class Tally:
    """What all runs together show."""

    own: dict[str, Count] = field(default_factory=lambda: {change: Count() for change in CHANGES})
    any: dict[str, Count] = field(default_factory=lambda: {change: Count() for change in CHANGES})
    others: Changes = field(default_factory=Changes)
    marked: Count = field(default_factory=Count)
    null: Changes = field(default_factory=Changes)
    recoded: dict[str, Changes] = field(default_factory=lambda: {name: Changes() for name in RECODINGS})
    plain: Count = field(default_factory=Count)
    crowded: Count = field(default_factory=Count)  # three properties at once
    lost: list[str] = field(default_factory=list)  # changed words that the recogniser no longer has

    def figures(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "recall": _total(self.own).figures(),
            "recall_by_change": {name: count.figures() for name, count in self.own.items()},
            "recall_by_any_property": _total(self.any).figures(),
            "other_words": self.others.figures(),
            "marked_other_words": self.marked.figures(),
            "null": self.null.figures(),
            "recoded": {name: changes.figures() for name, changes in self.recoded.items()},
            "plain": self.plain.figures(),
            "three_properties": self.crowded.figures(),
            "lost": self.lost,
        }


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.emphasis", description=__doc__.splitlines()[0])
    parser.add_argument("--material", type=Path, required=True, help="folder of recordings")
    parser.add_argument("--only", nargs="*", help="names of recordings without suffix; demo is the product's own")
    parser.add_argument("--words", type=int, default=3, help="changed words a recording, each changed three ways")
    parser.add_argument("--as-usual", action="store_true", help="only words said as usual: see above")
    parser.add_argument("--carry", action="store_true", help="recognise each recording once: see above")
    parser.add_argument("--language", default="en")
    parser.add_argument("--store", type=Path, help="keep sound and results here, and go on from what is there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ecg-emphasis-") as folder:
        store = arguments.store or Path(folder)
        sounds = dict(_sounds(arguments.material, arguments.only))
        unchanged = [Variant(name, "unchanged") for name in sounds]
        analysed(unchanged, sounds, store, arguments.language)
        words = {variant.recording: chosen(variant, sounds, store, arguments) for variant in unchanged}
        variants = [
            Variant(name, kind, word.start_s, word.end_s)
            for name in sounds
            for word in words[name]
            for kind in (*CHANGES, CONTROL)
        ]
        variants += [Variant(name, kind) for name in sounds for kind in RECODINGS]
        if arguments.carry:
            found = {variant.recording: found_in(store, variant) for variant in unchanged}
            shown = {
                variant: carried(variant, found[variant.recording], *sounds[variant.recording])
                for variant in [*unchanged, *variants]
            }
        else:
            analysed(variants, sounds, store, arguments.language)
            shown = {variant: shown_in(store, variant) for variant in [*unchanged, *variants]}
        print(json.dumps({"recordings": sorted(sounds), **tally(shown).figures()}, indent=1))


def _sounds(material: Path, only: Sequence[str] | None) -> Iterator[tuple[str, tuple[Sound, int]]]:
    paths = {path.stem: path for path in sorted(material.iterdir()) if path.suffix in AUDIO_SUFFIXES}
    paths["demo"] = demo.sample()
    for name, path in paths.items():
        if not only or name in only:
            samples, rate_hz = soundfile.read(path, always_2d=True)
            yield name, (samples.mean(axis=1) * 10 ** (-HEADROOM_DB / 20), rate_hz)


# Changing sound


def changed(variant: Variant, samples: Sound, rate_hz: int) -> Sound:
    """The samples of a variant."""
    if variant.kind == "unchanged":
        return samples
    if variant.kind == "coded":
        return coded(samples, rate_hz)
    if variant.kind == "resynthesised":
        return resynthesised(samples, rate_hz, variant)
    if variant.kind == "louder":
        times_s = np.arange(len(samples)) / rate_hz
        knots_s = [variant.start_s - RAMP_S, variant.start_s, variant.end_s, variant.end_s + RAMP_S]
        return samples * 10 ** (np.interp(times_s, knots_s, [0.0, GAIN_DB, GAIN_DB, 0.0]) / 20)
    return _spliced(variant, samples, rate_hz)


def _spliced(variant: Variant, samples: Sound, rate_hz: int) -> Sound:
    """PSOLA's sound for the word, everything else as it was."""
    first = max(0, round((variant.start_s - AROUND_S) * rate_hz))
    last = min(len(samples), round((variant.end_s + AROUND_S) * rate_hz))
    offset_s = first / rate_hz
    inner = Variant(variant.recording, variant.kind, variant.start_s - offset_s, variant.end_s - offset_s)
    piece = resynthesised(samples[first:last], rate_hz, inner)
    begin = max(0, round((inner.start_s - RAMP_S) * rate_hz))
    end = min(len(piece), round((inner.moved(inner.end_s) + RAMP_S) * rate_hz))
    end_before = round((inner.end_s + RAMP_S) * rate_hz) + first
    head, tail = samples[: first + begin], samples[end_before:]
    ramp = round(RAMP_S * rate_hz)
    middle = piece[begin:end].copy()
    fade = np.linspace(0.0, 1.0, ramp)
    middle[:ramp] = fade * middle[:ramp] + (1 - fade) * samples[first + begin : first + begin + ramp]
    if len(tail):
        middle[-ramp:] = (1 - fade) * middle[-ramp:] + fade * samples[end_before - ramp : end_before]
    return np.concatenate([head, middle, tail])


def resynthesised(samples: Sound, rate_hz: int, variant: Variant) -> Sound:
    """The sound taken apart into periods and put together again, with the change on its way."""
    sound = parselmouth.Sound(samples, rate_hz)
    manipulation = call(sound, "To Manipulation", 0.01, *PITCH_HZ)
    if variant.kind == "higher":
        tier = call(manipulation, "Extract pitch tier")
        call(tier, "Multiply frequencies", variant.start_s, variant.end_s, 2 ** (RAISED_ST / 12))
        call([manipulation, tier], "Replace pitch tier")
    if variant.kind == "slower":
        tier = call("Create DurationTier", "word", sound.xmin, sound.xmax)
        for time_s, factor in (
            (variant.start_s - 1e-4, 1.0),
            (variant.start_s, STRETCHED),
            (variant.end_s, STRETCHED),
            (variant.end_s + 1e-4, 1.0),
        ):
            call(tier, "Add point", time_s, factor)
        call([manipulation, tier], "Replace duration tier")
    made: Sound = call(manipulation, "Get resynthesis (overlap-add)").values[0]
    return made


def coded(samples: Sound, rate_hz: int) -> Sound:
    """The sound as AAC at 96 kbit/s, decoded again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "coded.mp4")
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=rate_hz, layout="mono", bit_rate=96_000)
            frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], format="fltp", layout="mono")
            frame.sample_rate = rate_hz
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        with av.open(str(path)) as container:
            blocks = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(blocks)[AAC_DELAY:][: len(samples)].astype(np.float64)


# All stages


class Found(Model):
    """What the models find in a variant: who says which words when."""

    duration_s: float
    segments: tuple[Segment, ...]
    turns: tuple[Turn, ...]

    @property
    def words(self) -> list[SpokenWord]:
        """All words, segment by segment."""
        return [word for segment in self.segments for word in segment.words]


def analysed(variants: Sequence[Variant], sounds: dict[str, tuple[Sound, int]], store: Path, language: str) -> None:
    """Find words, speakers and frames of all variants that are not yet in the store."""
    store.mkdir(parents=True, exist_ok=True)
    missing = [variant for variant in variants if not _kept(store, variant, "json").exists()]
    engine = LocalEngine(EMBEDDED)
    try:
        for number, variant in enumerate(missing, 1):
            with tempfile.TemporaryDirectory() as folder:
                samples, rate_hz = sounds[variant.recording]
                source = Path(folder, "source.flac")
                soundfile.write(source, changed(variant, samples, rate_hz), rate_hz, subtype="PCM_24")
                found, measured = _found(engine, source, language)
            np.savez(_kept(store, variant, "npz"), **measured)
            _kept(store, variant, "json").write_text(found.model_dump_json(), "utf-8")
            print(f"{number}/{len(missing)} {variant.job_id}: {len(found.words)} words", file=sys.stderr, flush=True)
    finally:
        engine.close()


def _found(engine: LocalEngine, source: Path, language: str) -> tuple[Found, dict[str, NDArray[np.float32]]]:
    """The stages of a job, one after another."""
    path = source.with_name("recording.flac")
    recording = decode.extract(source, path, key="recording", sha256="", limits=Limits())
    batches = list(measure(decode.blocks(path, gain_db=recording.gain_db), clipped=recording.clipped))
    measured = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    recognised = engine.align(path, engine.transcribe(path, language=language))
    refined = edges.refined(recognised, measured["rms_dbfs"], measured["f0_hz"])
    transcript = suspect.examined(refined.transcript, recognised=recognised, unsounded=refined.outside)
    diarization = engine.diarize(path)
    segments = attribute(transcript, diarization)
    return Found(duration_s=recording.duration_s, segments=segments, turns=diarization.turns), measured


def _kept(store: Path, variant: Variant, kind: str) -> Path:
    return store / f"{variant.job_id}.{kind}"


def found_in(store: Path, variant: Variant) -> Found:
    """What the models found in a variant."""
    return Found.model_validate_json(_kept(store, variant, "json").read_text("utf-8"))


def shown_in(store: Path, variant: Variant) -> list[Shown]:
    """The words of a variant as its ASS shows them, in order of time."""
    with np.load(_kept(store, variant, "npz")) as kept:
        measured = dict(kept)
    return _shown(found_in(store, variant), measured)


def _shown(found: Found, measured: Mapping[str, NDArray[np.float32]]) -> list[Shown]:
    heard = express(found.segments, found.turns, measured, found.duration_s)
    script = ass.dumps(cues.cues(heard.segments), "expressive")
    return sorted(read(pysubs2.SSAFile.from_string(script)), key=lambda word: word.start_s)


def carried(variant: Variant, found: Found, samples: Sound, rate_hz: int) -> list[Shown]:
    """The words of a variant as its ASS shows them, were they recognised as in the unchanged recording."""
    sound = soxr.resample(changed(variant, samples, rate_hz), rate_hz, RATE_HZ)
    batches = list(measure([sound.astype(np.float32)]))
    measured = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}

    def moved(span: Any) -> dict[str, float]:
        return {"start_s": variant.moved(span.start_s), "end_s": variant.moved(span.end_s)}

    segments = tuple(
        segment.model_copy(
            update={**moved(segment), "words": tuple(word.model_copy(update=moved(word)) for word in segment.words)}
        )
        for segment in found.segments
    )
    turns = tuple(turn.model_copy(update=moved(turn)) for turn in found.turns)
    return _shown(Found(duration_s=len(sound) / RATE_HZ, segments=segments, turns=turns), measured)


# Choosing words


def chosen(
    variant: Variant, sounds: dict[str, tuple[Sound, int]], store: Path, arguments: argparse.Namespace
) -> list[SpokenWord]:
    """The words of a recording that are changed, the same in every run of this program."""
    words = [word for word in found_in(store, variant).words if _content(word)]
    if arguments.as_usual:
        usual = _as_usual(words, *sounds[variant.recording])
        words = [word for word in words if usual(word)]
    random.Random(variant.recording).shuffle(words)
    return sorted(words[: arguments.words], key=lambda word: word.start_s)


def _content(word: SpokenWord) -> bool:
    letters = re.sub(r"[^a-z]", "", word.text.lower())
    known = word.timing == "aligned" and word.suspect is None and word.end_s - word.start_s >= SHORTEST_S
    return known and len(letters) >= FEWEST_LETTERS and letters not in FUNCTION_WORDS.split()


def _as_usual(words: Sequence[SpokenWord], samples: Sound, rate_hz: int) -> Any:
    """Whether Praat hears a word near the middle of the content words of its recording within 3 s."""
    sound = parselmouth.Sound(samples, rate_hz)
    intensity, pitch = sound.to_intensity(), sound.to_pitch(pitch_floor=PITCH_HZ[0], pitch_ceiling=PITCH_HZ[1])

    def heard(word: SpokenWord) -> tuple[float, float, float]:
        level_db = call(intensity, "Get mean", word.start_s, word.end_s, "energy")
        pitch_st = 12 * np.log2(call(pitch, "Get quantile", word.start_s, word.end_s, 0.5, "Hertz"))
        letters = sum(character.isalnum() for character in word.text)
        return level_db, pitch_st, (word.end_s - word.start_s) / letters

    figures = {id(word): heard(word) for word in words}

    def usual(word: SpokenWord) -> bool:
        near = [figures[id(other)] for other in words if abs(other.start_s - word.start_s) <= 3 and other is not word]
        if len(near) < 2:
            return False
        level_db, pitch_st, length_s = np.nanmedian(np.array(near), axis=0)
        own = figures[id(word)]
        return bool(
            abs(own[0] - level_db) <= USUAL_DB
            and abs(own[1] - pitch_st) <= USUAL_ST
            and 1 / USUAL_RATIO <= own[2] / length_s <= USUAL_RATIO
        )

    return usual


# Reading the ASS

TAG = re.compile(r"\\(kt|kf|k|b|fsp|fs|frz|i|r)([^\\}]*)")
PIECE = re.compile(r"\{([^}]*)\}|([^{]+)")


def read(file: pysubs2.SSAFile) -> Iterator[Shown]:
    """Every word with what its overrides say; a word begins at its syllable's tag."""
    for event in file.events:
        if event.is_comment:
            continue
        size_px = file.styles[event.style].fontsize
        state: dict[str, float] = {}
        clock_cs, length_cs, begun, leads = 0.0, 0.0, False, False
        for overrides, run in PIECE.findall(event.text):
            if run:
                if begun and run.strip() and run.strip() != r"\N":
                    start_s = event.start / 1000 + clock_cs / 100
                    # one that was said before its cue begins, or after it ends, has no time of its own there
                    end_s = start_s + max(length_cs, 1.0) / 100
                    yield Shown(run.strip(), start_s, end_s, _marks(state, size_px))
                    clock_cs, length_cs, begun = clock_cs + length_cs, 0.0, False
                continue
            for name, value in TAG.findall(overrides):
                if name in ("k", "kf"):
                    clock_cs += length_cs  # of a silent syllable
                    length_cs, begun, leads = float(value), not leads, False
                elif name == "kt":  # the clock of a second speaker, whose dash and name are a syllable and no word
                    clock_cs, length_cs, begun, leads = float(value), 0.0, False, True
                elif name == "r":
                    state = {}
                else:
                    state[name] = float(value)


def _marks(state: dict[str, float], size_px: float) -> frozenset[str]:
    weight, size = state.get("b", 400.0), state.get("fs", size_px)
    found = {
        "louder": weight > 400 or size > size_px,
        "quieter": weight < 400 or size < size_px,
        "higher": state.get("frz", 0.0) > 0,
        "lower": state.get("frz", 0.0) < 0,
        "slower": state.get("fsp", 0.0) > 0,
        "quicker": state.get("fsp", 0.0) < 0,
        "whispered": state.get("i", 0.0) > 0,
    }
    return frozenset(name for name, holds in found.items() if holds)


# Comparing


def tally(shown: Mapping[Variant, Sequence[Shown]]) -> Tally:
    """Compare every variant with its unchanged recording."""
    found = Tally()
    before = {variant.recording: words for variant, words in shown.items() if variant.kind == "unchanged"}
    for words in before.values():
        for word in words:
            found.plain.add(not word.marks)
            found.crowded.add(len(word.marks) >= 3)
    for variant, words in shown.items():
        if variant.kind == "unchanged":
            continue
        target = None
        if variant.kind in CHANGES:
            end_s = variant.moved(variant.end_s)
            target = max(words, key=lambda word: _overlap_s(word, variant.start_s, end_s), default=None)
            if target is None or _overlap_s(target, variant.start_s, end_s) < 0.5 * (variant.end_s - variant.start_s):
                target = None
                found.lost.append(variant.job_id)
            marks = target.marks if target else frozenset()
            found.own[variant.kind].add(variant.kind in marks)
            found.any[variant.kind].add(bool(marks & set(CHANGES)))
        for word in words:
            if word is target:
                continue
            was = _earlier(before[variant.recording], word, variant)
            if variant.kind in CHANGES:
                found.others.add(was, word)
                found.marked.add(bool(word.marks))
            elif variant.kind == CONTROL:
                found.null.add(was, word)
            else:
                found.recoded[variant.kind].add(was, word)
    return found


def _earlier(before: Sequence[Shown], word: Shown, variant: Variant) -> Shown | None:
    """What was shown of the same moment; where two spoke at once, the word that is written alike."""

    def likeness(old: Shown) -> tuple[bool, float]:
        return _bare(old.text) == _bare(word.text), _shared_s(old, word, variant)

    return max((old for old in before if _shared_s(old, word, variant) > 0), key=likeness, default=None)


def _bare(text: str) -> str:
    return re.sub(r"\\N|\W", "", text).lower()


def _overlap_s(word: Shown, start_s: float, end_s: float) -> float:
    return min(word.end_s, end_s) - max(word.start_s, start_s)


def _shared_s(old: Shown, word: Shown, variant: Variant) -> float:
    return _overlap_s(word, variant.moved(old.start_s), variant.moved(old.end_s))


def _total(counts: dict[str, Count]) -> Count:
    total = Count()
    for count in counts.values():
        total.add(count.found, count.of)
    return total


if __name__ == "__main__":
    main()
