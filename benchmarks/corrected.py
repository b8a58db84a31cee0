"""What a correct text makes of what was misheard: `python -m benchmarks.corrected [--material DIR] [--readings N]`.

Material is a folder of recordings with the words of each in NAME.txt; beside them espeak-ng reads English sentences,
whose times it tells itself. Each is taken as it is and made worse, so that Whisper base errs: by noise, by a telephone,
by a room. What is recognised then is corrected by the right text, given as plain text as `ecg revise JOB --edits
FILE.txt` takes it. Told are

- the word errors before, and those that are left;
- how far the words that a person wrote begin from where they should, beside those that the recogniser had right, in
  the same recordings (`benchmarks.edges` says the errors). Where a word begins is known from espeak-ng; of real speech
  it is taken from an alignment of the whole text to the clean recording, and at pauses from the waveform. What is
  misheard is also harder to place, so beside both stands (`at_once`) where an alignment of the whole right text to the
  same worse recording puts these words: as if nothing had been misheard.

Prints one JSON object a line, the last over all.
"""

import argparse
import difflib
import json
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks import edges, sentences, voice
from benchmarks.conditions import noisy, room, telephone
from benchmarks.revision import aligned, analysis_of
from benchmarks.wording import plain, word_errors
from deployments.service import session
from ecg_audio.analysis import Analysis, SpokenWord
from ecg_audio.errors import InvalidRequest
from ecg_audio.request import EMBEDDED, AnalysisRequest
from ecg_audio.revision import matching
from ecg_audio.sampling import RATE_HZ

Samples = Any
WORSE: dict[str, Callable[[Samples], Samples]] = {
    "as it is": lambda samples: samples,
    "noise at +5 dB": lambda samples: noisy(samples, 5.0),
    "noise at 0 dB": lambda samples: noisy(samples, 0.0),
    "noise at -3 dB": lambda samples: noisy(samples, -3.0),
    "telephone, noise at +5 dB": lambda samples: noisy(telephone(samples), 5.0),
    "a room, noise at +5 dB": lambda samples: noisy(room(samples), 5.0),
}
DRAWS = 2000


@dataclass(frozen=True)
class Spoken:
    """A clean recording, and its words."""

    name: str
    samples: Samples
    text: str
    starts: list[tuple[str, float]]
    """Words with their beginnings; espeak-ng says some as one."""


@dataclass
class Found:
    """Word errors before and after, and the errors of word edges by who wrote the word."""

    words: int = 0
    wrong_before: int = 0
    wrong_after: int = 0
    refused: int = 0
    person: edges.Scores = field(default_factory=edges.Scores)
    machine: edges.Scores = field(default_factory=edges.Scores)
    person_at_once: edges.Scores = field(default_factory=edges.Scores)
    machine_at_once: edges.Scores = field(default_factory=edges.Scores)

    def add(self, other: "Found") -> None:
        """Put another recording's beside it."""
        for name in ("words", "wrong_before", "wrong_after", "refused"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for who in ("person", "machine", "person_at_once", "machine_at_once"):
            for name in ("starts", "after_pauses", "before_pauses"):
                getattr(getattr(self, who), name).extend(getattr(getattr(other, who), name))

    def figures(self) -> dict[str, Any]:
        """What is told of it."""
        return {
            "words": self.words,
            "wrong_before": self.wrong_before,
            "wrong_after": self.wrong_after,
            "refused": self.refused,
            "corrected": self.person.figures(),
            "right": self.machine.figures(),
            "corrected_at_once": self.person_at_once.figures()["starts"],
            "right_at_once": self.machine_at_once.figures()["starts"],
            "starts_differ_ms": _difference_ms(self.person.starts, self.machine.starts),
        }


def main() -> None:
    """Make worse, analyse, correct, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path)
    parser.add_argument("--readings", type=int, default=4, help="of espeak-ng")
    parser.add_argument("--conditions", nargs="+", choices=list(WORSE), default=list(WORSE))
    given = parser.parse_args()
    session.quieten(debug=False)
    everything = {"real": Found(), "espeak-ng": Found()}
    with tempfile.TemporaryDirectory() as folder, session.prefect_server() as server:
        if server is not None:
            server.wait()
        for kind, spoken in (*_real(given.material), *_read(given.readings)):
            for condition in given.conditions:
                found = _corrected(spoken, WORSE[condition], Path(folder))
                everything[kind].add(found)
                _say({"recording": spoken.name, "condition": condition, **found.figures()})
    for kind, together in everything.items():
        _say({"over all": kind, **together.figures()})


def _real(material: Path | None) -> Iterator[tuple[str, Spoken]]:
    if material is None:
        return
    for name, samples in voice.recordings(material).items():
        text = (material / name).with_suffix(".txt")
        if text.is_file():
            words = text.read_text().strip()
            yield (
                "real",
                Spoken(text.stem, samples, words, list(zip(words.split(), aligned(samples, words), strict=True))),
            )


def _read(count: int) -> Iterator[tuple[str, Spoken]]:
    english = [reading for reading in sentences.REPORTED if reading.language == "en"]
    for number, reading in enumerate(english[:count]):
        samples, truth = edges.recited(reading, number)
        name = f"espeak-{number}"
        yield "espeak-ng", Spoken(name, samples, reading.text, [(word.text, word.start_s) for word in truth])


def _corrected(spoken: Spoken, worse: Callable[[Samples], Samples], folder: Path) -> Found:
    from flows.analyze import analyze
    from flows.revise import revise

    path, store = folder / f"{spoken.name}.wav", str(folder / "store")
    heavier = np.clip(worse(spoken.samples), -1.0, 1.0).astype(np.float32)
    soundfile.write(path, heavier, RATE_HZ, subtype="FLOAT")
    request = AnalysisRequest.checked(
        source=str(path), job_id=spoken.name, language="en", models=EMBEDDED, store=store, sounds=False
    )
    heard = analysis_of(analyze(request))
    wanted = plain(spoken.text)
    found = Found(words=len(wanted), wrong_before=word_errors(wanted, _said(heard)))
    try:
        edits = matching.from_text(heard, spoken.text.encode())
    except InvalidRequest:  # too little was recognised right to say which word is whose
        found.refused, found.wrong_after = 1, found.wrong_before
        return found
    corrected = analysis_of(revise(spoken.name, edits, store)) if edits.segments else heard
    found.wrong_after = word_errors(wanted, _said(corrected))
    _score(corrected, spoken, aligned(heavier, spoken.text), found)
    return found


def _said(found: Analysis) -> list[str]:
    return plain(" ".join(word.text for word in found.words))


def _score(found: Analysis, spoken: Spoken, told: list[float], scores: Found) -> None:
    """Put the errors of a corrected result's word edges into the scores of who wrote the word."""
    texts, truth = [_bare(word.text) for word in found.words], [_bare(text) for text, _ in spoken.starts]
    together = dict(zip(range(len(texts)), told, strict=False)) if len(told) == len(texts) else {}
    for at, true_at, length in difflib.SequenceMatcher(None, texts, truth, autojunk=False).get_matching_blocks():
        for step in range(length):
            word, (_, start_s) = found.words[at + step], spoken.starts[true_at + step]
            _of(word, scores).starts.append(word.start_s - start_s)
            if at + step in together:
                _of(word, scores, at_once=True).starts.append(together[at + step] - start_s)
    words = sorted(found.words, key=lambda word: word.start_s)
    for start_s, end_s in edges.pauses(spoken.samples):
        after = next((word for word in words if word.end_s > end_s + edges.CLOSE_S), None)
        before = next((word for word in reversed(words) if word.start_s < start_s - edges.CLOSE_S), None)
        if after and before:
            _of(after, scores).after_pauses.append(after.start_s - end_s)
            _of(before, scores).before_pauses.append(before.end_s - start_s)


def _of(word: SpokenWord, scores: Found, *, at_once: bool = False) -> edges.Scores:
    if at_once:
        return scores.person_at_once if word.written_by == "person" else scores.machine_at_once
    return scores.person if word.written_by == "person" else scores.machine


def _bare(word: str) -> str:
    return re.sub(r"\W", "", word.casefold())


def _difference_ms(corrected: list[float], right: list[float]) -> dict[str, float] | None:
    """How much farther off corrected words begin than right ones, in the mean, with 95 % by drawing words again."""
    if not corrected or not right:
        return None
    ours, theirs = np.abs(corrected) * 1000, np.abs(right) * 1000
    chance = random.Random(0)
    drawn = [
        np.mean(chance.choices(ours, k=len(ours))) - np.mean(chance.choices(theirs, k=len(theirs)))
        for _ in range(DRAWS)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {"mean": round(float(ours.mean() - theirs.mean()), 1), "from": round(low, 1), "to": round(high, 1)}


def _say(figures: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
