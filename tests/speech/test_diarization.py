"""What a pipeline finds becomes our result: names, bounds, vectors, notices. The pipeline itself is a stand-in here."""

import math
import sys
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pyannote.core import Annotation, Segment

from ecg_audio.request import UNKNOWN, SpeakerCount
from ecg_audio.speech.diarization import diarize

RATE_HZ = 16_000


class Pipeline:
    """Answers with known turns of (label, start_s, end_s), as pyannote would, noise and all."""

    def __init__(self, *turns: tuple[Any, float, float], embeddings: list[list[float]] | None = None) -> None:
        self.turns = turns
        self.embeddings = embeddings
        self.asked: dict[str, Any] = {}

    def __call__(self, file: dict[str, Any], *, hook: Any, **counts: int | None) -> SimpleNamespace:
        """Diarize, as the pipeline is called."""
        self.asked = {**file, **counts}
        print("Found only 1 clusters.")  # noqa: T201 - pyannote does
        warnings.warn("std(): degrees of freedom is <= 0", UserWarning, stacklevel=1)
        for step in ("segmentation", "embeddings"):
            for completed in (0, 5, 12):
                hook(step, None, file=file, total=10, completed=completed)
            hook(step, object(), file=file)
        annotation = Annotation(uri="recording")
        for number, (label, start_s, end_s) in enumerate(self.turns):
            annotation[Segment(start_s, end_s), number] = label
        embeddings = None if self.embeddings is None else np.array(self.embeddings)
        return SimpleNamespace(
            speaker_diarization=annotation, exclusive_speaker_diarization=annotation, speaker_embeddings=embeddings
        )


@pytest.fixture(autouse=True)
def _light_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    # all that is asked of torch is to wrap the samples, and its import takes longer than all tests of this file
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(from_numpy=lambda samples: samples))


def ten_seconds() -> np.ndarray[Any, np.dtype[np.float32]]:
    """Samples; the stand-in does not listen to them."""
    return np.zeros(10 * RATE_HZ, np.float32)


def test_speakers_are_numbered_as_they_first_speak() -> None:
    """Labels of pyannote's follow its clusters; ours follow time, with each vector staying with its voice."""
    pipeline = Pipeline(("SPEAKER_01", 0, 2), ("SPEAKER_00", 1, 4), embeddings=[[0.0, 2.0], [3.0, 0.0]])
    found = diarize(pipeline, ten_seconds(), RATE_HZ, model="test")
    assert [(turn.speaker, turn.start_s, turn.end_s) for turn in found.turns] == [
        ("SPEAKER_00", 0.0, 2.0),
        ("SPEAKER_01", 1.0, 4.0),
    ]
    assert found.embeddings == {"SPEAKER_00": (1.0, 0.0), "SPEAKER_01": (0.0, 1.0)}


def test_vectors_have_length_one_or_are_absent() -> None:
    """A voice that was too short to embed has no vector: zeros and NaN are not passed off as one."""
    pipeline = Pipeline(
        ("A", 0, 1), ("B", 1, 2), ("C", 2, 3), embeddings=[[3.0, 4.0], [0.0, 0.0], [math.nan, math.nan]]
    )
    assert diarize(pipeline, ten_seconds(), RATE_HZ, model="test").embeddings == {"SPEAKER_00": (0.6, 0.8)}


def test_turns_end_with_the_recording() -> None:
    """What the padded last window hears after the end is cut, what lies wholly there is dropped."""
    found = diarize(Pipeline(("A", -0.01, 2), ("A", 9, 10.4), ("B", 10.1, 10.3)), ten_seconds(), RATE_HZ, model="test")
    assert [(turn.start_s, turn.end_s) for turn in found.turns] == [(0.0, 2.0), (9.0, 10.0)]
    assert {turn.speaker for turn in found.exclusive} == {"SPEAKER_00"}


def test_nothing_is_forced_unless_asked() -> None:
    """No speaker count reaches the pipeline by default, and the asked one does."""
    pipeline = Pipeline(("A", 0, 1))
    diarize(pipeline, ten_seconds(), RATE_HZ, model="test")
    assert [pipeline.asked[f"{bound}_speakers"] for bound in ("num", "min", "max")] == [None, None, None]
    diarize(pipeline, ten_seconds(), RATE_HZ, model="test", speakers=SpeakerCount(least=2, most=4))
    assert [pipeline.asked[f"{bound}_speakers"] for bound in ("num", "min", "max")] == [None, 2, 4]


@pytest.mark.parametrize(
    ("asked", "noticed"),
    [
        (UNKNOWN, None),
        (SpeakerCount(exact=1), None),
        (SpeakerCount(least=1, most=3), None),
        (SpeakerCount(exact=3), "3 speakers were asked for, 1 could be told apart"),
        (SpeakerCount(least=2), "at least 2 speakers were asked for, 1 could be told apart"),
        (SpeakerCount(least=2, most=5), "2 to 5 speakers were asked for, 1 could be told apart"),
    ],
)
def test_a_count_that_was_not_reached_is_said(asked: SpeakerCount, noticed: str | None) -> None:
    """Asking for three speakers of one voice gives one, and a notice."""
    found = diarize(Pipeline(("A", 0, 1)), ten_seconds(), RATE_HZ, model="test", speakers=asked)
    assert [notice.message for notice in found.notices] == ([noticed] if noticed else [])


def test_nobody_speaking_is_no_turns() -> None:
    """Silence has no speakers, whatever was asked for, and so has a recording without samples."""
    for samples in (ten_seconds(), np.zeros(0, np.float32)):
        found = diarize(Pipeline(embeddings=[]), samples, RATE_HZ, model="test", speakers=SpeakerCount(exact=2))
        assert (found.turns, found.exclusive, found.embeddings, found.notices) == ((), (), {}, ())


def test_the_pipeline_is_given_samples_in_memory() -> None:
    """One channel of float32, with its rate: no file, so no decoder of pyannote's is needed."""
    pipeline = Pipeline()
    diarize(pipeline, ten_seconds(), RATE_HZ, model="test")
    assert tuple(pipeline.asked["waveform"].shape) == (1, 10 * RATE_HZ)
    assert pipeline.asked["sample_rate"] == RATE_HZ
    assert "audio" not in pipeline.asked


def test_progress_goes_from_nothing_to_all() -> None:
    """The pipeline's steps become one fraction that never falls and ends at 1."""
    heard: list[float] = []
    diarize(Pipeline(("A", 0, 1)), ten_seconds(), RATE_HZ, model="test", report=heard.append)
    assert heard[0] == 0.0
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_what_libraries_print_stays_with_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Prints and warnings of the pipeline reach neither our output nor our caller."""
    diarize(Pipeline(("A", 0, 1)), ten_seconds(), RATE_HZ, model="test")
    assert capsys.readouterr().out == ""
