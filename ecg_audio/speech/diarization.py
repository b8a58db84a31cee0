"""Who spoke when: what pyannote's pipeline finds, put into our words.

Any pyannote `SpeakerDiarization` pipeline goes through here: the embedded one (`local_pipeline`) and one from
a hub name or a directory. torch and pyannote are imported by whoever made the pipeline, not here.
"""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_audio.analysis import Diarization, Notice, Span, Turn, VoiceTrack
from ecg_audio.progress import Report, silent
from ecg_audio.request import UNKNOWN, SpeakerCount
from ecg_audio.speech.voices import HOP_S, WINDOW_S

SHARES: Mapping[str, tuple[float, float]] = {
    # where in the work the pipeline's long steps lie: start and length
    "segmentation": (0.0, 0.4),
    "embeddings": (0.4, 0.55),
}
TIME_DECIMALS = 3


def diarize(
    pipeline: Any,
    samples: NDArray[np.float32],
    sample_rate_hz: int,
    *,
    model: str,
    speakers: SpeakerCount = UNKNOWN,
    report: Report = silent,
    segmentations: Any = None,
    speech: Sequence[Span] = (),
) -> Diarization:
    """Run a pyannote pipeline over samples in memory.

    Args:
        pipeline: an instantiated `pyannote.audio.pipelines.SpeakerDiarization`.
        samples: (samples,) float32, mono.
        sample_rate_hz: of `samples`.
        model: what to call the pipeline in the result.
        speakers: how many there are, as far as it is known; nothing is forced otherwise.
        report: hears the finished fraction.
        segmentations: scores that a `LocalPipeline` need not compute again.
        speech: where another detector hears somebody, for a `LocalPipeline` to say who.

    Returns:
        Turns with their overlaps, turns without, and a unit vector per speaker whose voice could be embedded. Speakers
        are numbered in the order in which they first speak. No speech: no turns.
    """
    if not len(samples):
        return Diarization(model=model, turns=(), exclusive=())
    import torch

    file: dict[str, Any] = {
        "uri": "recording",
        "waveform": torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None],
        "sample_rate": sample_rate_hz,
    }
    if segmentations is not None:
        file["segmentations"] = segmentations
    if speech:
        file["speech"] = speech
    with quiet():
        found = pipeline(
            file,
            num_speakers=speakers.exact,
            min_speakers=speakers.least,
            max_speakers=speakers.most,
            hook=_hook(report),
        )
    duration_s = len(samples) / sample_rate_hz
    turns = _turns(found.speaker_diarization, duration_s)
    names = _names_by_appearance(turns)
    labels = [str(label) for label in found.speaker_diarization.labels()]
    rows = () if found.speaker_embeddings is None else found.speaker_embeddings
    report(1.0)
    return Diarization(
        model=model,
        turns=_renamed(turns, names),
        exclusive=_renamed(_turns(found.exclusive_speaker_diarization, duration_s), names),
        embeddings={
            names[label]: unit
            for label, row in zip(labels, rows, strict=False)
            if label in names and (unit := _unit_vector(row)) is not None
        },
        voices=_voices(getattr(found, "similarities", None), labels, names),
        notices=count_notices(speakers, len(names)),
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep libraries' prints and warnings out of our output."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _hook(report: Report) -> Callable[..., None]:
    def hear(
        step: str, _artefact: object, *, total: int | None = None, completed: int | None = None, **_: object
    ) -> None:
        if step in SHARES and total and completed is not None:
            start, length = SHARES[step]
            report(start + length * min(1.0, completed / total))

    return hear


def _turns(annotation: Any, duration_s: float) -> list[Turn]:
    """The annotation's turns in order of time, cut at the end of the recording (pyannote pads its last window)."""
    turns = []
    for segment, _, label in annotation.itertracks(yield_label=True):
        start_s = round(max(0.0, segment.start), TIME_DECIMALS)
        end_s = round(min(duration_s, segment.end), TIME_DECIMALS)
        if end_s > start_s:
            turns.append(Turn(speaker=str(label), start_s=start_s, end_s=end_s))
    return sorted(turns, key=lambda turn: (turn.start_s, turn.end_s, turn.speaker))


def _names_by_appearance(turns: Iterable[Turn]) -> dict[str, str]:
    """Labels of pyannote's -> SPEAKER_00, SPEAKER_01, ... as they first speak."""
    order = dict.fromkeys(turn.speaker for turn in turns)
    return {label: f"SPEAKER_{index:02d}" for index, label in enumerate(order)}


def _renamed(turns: Iterable[Turn], names: Mapping[str, str]) -> tuple[Turn, ...]:
    return tuple(turn.model_copy(update={"speaker": names[turn.speaker]}) for turn in turns if turn.speaker in names)


def _unit_vector(row: NDArray[np.float64]) -> tuple[float, ...] | None:
    """None where the voice could not be embedded: pyannote fills such rows with zeros or NaN."""
    length = float(np.linalg.norm(row))
    return tuple(float(value) for value in row / length) if np.isfinite(length) and length > 0 else None


def _voices(
    similarities: NDArray[np.float64] | None, labels: Sequence[str], names: Mapping[str, str]
) -> VoiceTrack | None:
    """(windows, labels) cosines under the speakers' names; None where the pipeline gives none."""
    if similarities is None or not len(labels):
        return None
    return VoiceTrack(
        hop_s=HOP_S,
        window_s=WINDOW_S,
        similarity={
            names[label]: tuple(None if np.isnan(value) else round(float(value), 2) for value in column)
            for label, column in zip(labels, similarities.T, strict=True)
            if label in names
        },
    )


def count_notices(asked: SpeakerCount, found: int) -> tuple[Notice, ...]:
    """What is said where other than the asked number of speakers were found."""
    if not found or asked == UNKNOWN:
        return ()
    least = asked.exact or asked.least or 1
    most = asked.exact or asked.most or found
    if least <= found <= most:
        return ()
    wanted = str(least) if least == most else f"{least} to {most}" if asked.most else f"at least {least}"
    return (Notice(code="SPEAKER_COUNT", message=f"{wanted} speakers were asked for, {found} could be told apart"),)
