"""What the notebooks look at: a corpus of the factory's, and references in which the mistakes are known."""

from pathlib import Path

from ecg_audio.analysis import Analysis
from ecg_audio.results import rttm
from tests.support.results import corpus

WRONG_EVERY = 8
LATE_S = 0.02


def store(folder: Path) -> Path:
    """Six published recordings of four people."""
    return corpus.publish(folder, corpus.recordings(), wobble=0.06)


def references(folder: Path) -> Path:
    """The truth about the first three recordings.

    Every eighth word was really another, all words began 20 ms earlier than recognised, and the first recording's
    turns are right; the second has no turns in its reference and the third no word times.
    """
    folder.mkdir(parents=True)
    for number, analysis in enumerate(corpus.recordings()[:3]):
        name = Path(analysis.title).stem
        said = [
            (f"other{index}" if index % WRONG_EVERY == 0 else word.text, word.start_s - LATE_S, word.end_s - LATE_S)
            for index, word in enumerate(analysis.words)
        ]
        (folder / f"{name}.txt").write_text(" ".join(text for text, _, _ in said), encoding="utf-8")
        if number != 2:
            lines = [f"{name} 1 {start_s:.3f} {end_s - start_s:.3f} {text}\n" for text, start_s, end_s in said]
            (folder / f"{name}.ctm").write_text("".join(lines), encoding="utf-8")
        if number != 1:
            (folder / f"{name}.rttm").write_text(rttm.dumps(analysis), encoding="utf-8")
    return folder


def comparable(analysis: Analysis) -> int:
    """How many words have letters or digits, so that a word error rate counts them."""
    return sum(any(character.isalnum() for character in word.text) for word in analysis.words)
