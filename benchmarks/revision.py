"""What a correction costs and what it leaves: `python -m benchmarks.revision --material DIR [--words 1 5 20]`.

Material is a folder of recordings. Each is analysed with the embedded models. Then k of its words are replaced by words
that are not in it, by a revision, and corrected back by another one. The result is compared with the untouched one:
words, times, levels, and the time of each revision against that of a whole analysis in the same process, with the same
warm models and nothing cached (Prefect's heartbeats are off: their thread sleeps a second at a time, and every run
waits for it at its end). New words are aligned with the sound; those that are taken back have their times already.
`benchmarks.corrected` corrects what was misheard by a right text.

Prints one JSON object a line.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy import AUDIO_SUFFIXES
from benchmarks.wording import plain
from deployments.service import session
from ecg_audio.analysis import Analysis, Edits, SegmentEdit
from ecg_audio.request import EMBEDDED, AnalysisRequest
from ecg_audio.results import document
from ecg_audio.results.outcome import Outcome
from ecg_audio.sampling import RATE_HZ

MISHEARD = (
    *("harvest", "orange", "seven", "window", "purple", "mountain", "cabbage", "engine", "whisper", "lemon"),
    *("garden", "tunnel", "copper", "velvet", "rocket", "pillow", "bottle", "ladder", "monkey", "basket"),
)
SAME_S = 0.02
SAME_DB = 0.3


def main() -> None:
    """Analyse, corrupt, correct, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path, required=True)
    parser.add_argument("--words", type=int, nargs="+", default=[1, 5, 20], help="how many are corrupted")
    parser.add_argument("--own-words", action="store_true", help="corrupt with other words of the recording instead")
    parser.add_argument("--rounds", type=int, default=3, help="each time is the middle one of so many")
    parser.add_argument("--seed", type=int, default=16)
    given = parser.parse_args()
    session.quieten(debug=False)
    with tempfile.TemporaryDirectory() as folder, session.prefect_server() as server:
        if server is not None:
            server.wait()
        for recording in sorted(given.material.iterdir()):
            if recording.suffix in AUDIO_SUFFIXES:
                with session.unwatched(server):
                    for figures in _of(recording, given, Path(folder)):
                        sys.stdout.write(json.dumps({"recording": recording.stem, **figures}) + "\n")
                        sys.stdout.flush()


def _of(recording: Path, given: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    from flows.analyze import analyze
    from flows.revise import revise

    store = str(folder / recording.stem)
    request = AnalysisRequest.checked(
        source=str(recording), job_id=recording.stem, language="en", models=EMBEDDED, store=store, sounds=False
    )
    analyze(request)  # the models are warm from here on
    for count in given.words:
        whole_s, new_s, back_s = [], [], []
        for _ in range(given.rounds):  # in turns, so that whatever else the machine does is beside each
            ended, took_s = _timed(analyze, request, refresh=True)
            whole_s.append(took_s)
            untouched = analysis_of(ended)
            places = [(segment.id, index) for segment in untouched.segments for index in range(len(segment.words))]
            if count > len(places):
                break
            chosen, chance = set(random.Random(given.seed).sample(places, count)), random.Random(given.seed)
            wrong = _corrupted(untouched, chosen, chance, own_words=given.own_words)
            new_s.append(_timed(revise, recording.stem, wrong, store)[1])
            ended, took_s = _timed(revise, recording.stem, _rightened(untouched, chosen), store)
            back_s.append(took_s)
        if not back_s:
            continue
        middle_s = {"whole_s": whole_s, "new_words_s": new_s, "taken_back_s": back_s}
        yield {
            "corrupted": count,
            "length_s": untouched.recording.duration_s,
            **_compared(untouched, analysis_of(ended)),
            **{name: round(statistics.median(each), 2) for name, each in middle_s.items()},
            "share_of_new_words": round(statistics.median(new_s) / statistics.median(whole_s), 3),
            "share_of_taken_back": round(statistics.median(back_s) / statistics.median(whole_s), 3),
        }


def _timed(flow: Callable[..., Outcome], *asked: Any, **options: Any) -> tuple[Outcome, float]:
    began = time.perf_counter()
    return flow(*asked, **options), time.perf_counter() - began


def analysis_of(ended: Outcome) -> Analysis:
    """The result that a flow has published."""
    assert ended.outputs
    return document.loads(Path(ended.outputs.analysis).read_bytes())


def _corrupted(untouched: Analysis, chosen: set[tuple[int, int]], chance: random.Random, *, own_words: bool) -> Edits:
    """The chosen words replaced by others, which nobody says in the recording, or which somebody does."""
    said = {word for spoken in untouched.words for word in plain(spoken.text)}
    others = sorted(said) if own_words else [word for word in MISHEARD if word not in said]
    texts: dict[int, SegmentEdit] = {}
    for segment in untouched.segments:
        if any((segment.id, index) in chosen for index in range(len(segment.words))):
            words = [
                chance.choice(others) if (segment.id, index) in chosen else word.text
                for index, word in enumerate(segment.words)
            ]
            texts[segment.id] = SegmentEdit(text=" ".join(words))
    return Edits(segments=texts)


def _rightened(untouched: Analysis, chosen: set[tuple[int, int]]) -> Edits:
    touched = {segment for segment, _ in chosen}
    return Edits(
        segments={
            segment.id: SegmentEdit(text=" ".join(word.text for word in segment.words))
            for segment in untouched.segments
            if segment.id in touched
        }
    )


def _compared(untouched: Analysis, corrected: Analysis) -> dict[str, Any]:
    """How far the corrected result is from the untouched one."""
    before, after = untouched.words, corrected.words
    same = [word.text for word in before] == [word.text for word in after]
    if not same:
        return {"same_words": False}
    times_s = [max(abs(a.start_s - b.start_s), abs(a.end_s - b.end_s)) for a, b in zip(before, after, strict=True)]
    levels_db = [
        abs(a.voice.rms_dbfs - b.voice.rms_dbfs)
        for a, b in zip(before, after, strict=True)
        if a.voice and b.voice and a.voice.rms_dbfs is not None and b.voice.rms_dbfs is not None
    ]
    return {
        "same_words": True,
        "words": len(before),
        "largest_time_ms": round(1000 * max(times_s), 1),
        "within_20_ms": sum(time_s <= SAME_S for time_s in times_s),
        "largest_level_db": round(max(levels_db), 2),
        "within_0.3_db": sum(level_db <= SAME_DB for level_db in levels_db),
    }


def aligned(samples: np.ndarray, text: str) -> list[float]:
    """When each word of the reference begins, by an alignment of all of it, seconds."""
    from benchmarks.edges import frames_of
    from ecg_audio.analysis import Span, Transcript, Utterance
    from ecg_audio.speech import alignment, edges, forced

    whole = Utterance(start_s=0.0, end_s=len(samples) / RATE_HZ, text=text, words=())
    stretch = forced.stretches([whole], whole.end_s)[0]
    pieces = forced.aligned(samples, text.split(), stretch, "en")
    words = alignment.words(pieces, Span(start_s=stretch.start_s, end_s=stretch.end_s), "aligned")
    heard = Transcript(
        model="reference", language="en", utterances=(whole.model_copy(update={"words": words}),), speech=()
    )
    frames = frames_of(samples)
    refined = edges.refined(heard, frames["rms_dbfs"], frames["f0_hz"]).transcript
    return [word.start_s for utterance in refined.utterances for word in utterance.words]


if __name__ == "__main__":
    main()
