"""The sound classifiers of the classifier process: loaded once, asked by window, their labels put into our kinds.

Imported light: transformers and torch come with the first call.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ecg_audio import settings
from ecg_audio.analysis import Event, EventKind
from ecg_audio.compute import classification
from ecg_audio.compute.memory import Metered
from ecg_audio.errors import ModelLoadingFailed
from ecg_audio.progress import Report, silent
from ecg_audio.sampling import RATE_HZ
from ecg_audio.sounds import kinds

WINDOW_S, HOP_S = 2.0, 1.0
SHORTEST_S = 0.5  # of the last window
BATCH = 8
DECIMALS = 4

Scores = list[dict[EventKind, float]]
Ear = Callable[[Sequence[classification.Sound]], Scores]


def classify(
    path: str, model: str, revision: str | None, *, report: Report = silent
) -> tuple[tuple[Event, ...], Metered]:
    """What the model hears in a 16 kHz mono FLAC or WAV, and what hearing it took.

    Raises:
        ModelLoadingFailed, ModelAccessDenied: the model cannot be had, or knows none of our kinds.
    """
    samples = classification.samples_of(path)
    starts = range(0, max(1, len(samples) - round(SHORTEST_S * RATE_HZ)), round(HOP_S * RATE_HZ))
    windows = [samples[start : start + round(WINDOW_S * RATE_HZ)] for start in starts]

    def work(ear: Ear) -> Scores:
        scores: Scores = []
        for first in range(0, len(windows), BATCH):
            scores += ear(windows[first : first + BATCH])
            report(len(scores) / len(windows))
        return scores

    scores, measured = classification.run(_load, model, revision, work, what="sound classification")
    return tuple(events(scores, len(samples) / RATE_HZ)), measured


def events(scores: Scores, duration_s: float) -> Iterator[Event]:
    """Windows one after the other in which a kind scores enough, as one event with the best of their scores."""
    for kind in kinds.ALL:
        run: list[float] = []
        for index, heard in enumerate([*scores, {}]):
            score = heard.get(kind, 0.0)
            if score >= kinds.table()[kind].least_score:
                run.append(score)
            elif run:
                start_s = (index - len(run)) * HOP_S
                end_s = min(duration_s, (index - 1) * HOP_S + WINDOW_S)
                best = round(min(1.0, max(run)), DECIMALS)
                yield Event(kind=kind, start_s=start_s, end_s=end_s, found_by="classifier", score=best)
                run = []


def scored(labels: Sequence[str], probabilities: Sequence[float]) -> dict[EventKind, float]:
    """The best of each kind's labels."""
    found: dict[EventKind, float] = {}
    for label, probability in zip(labels, probabilities, strict=True):
        kind = kinds.of_label(label)
        if kind is not None:
            found[kind] = max(found.get(kind, 0.0), probability)
    return found


def _load(model: str, revision: str | None, device: str) -> Ear:
    with classification.loading(model):
        extractor = classification.extractor(model, revision)
    network = classification.network(model, revision, device, _refused)
    config = network.config
    labels = [str(config.id2label[index]) for index in range(len(config.id2label))]
    if not any(kinds.of_label(label) for label in labels):
        raise _refused(model, f"none of its labels is in our table: {', '.join(labels[:8])}")
    # AudioSet's labels do not exclude each other, whether or not the checkpoint says so
    several = config.problem_type == "multi_label_classification" or {"Speech", "Music"} <= set(labels)

    def ear(sounds: Sequence[classification.Sound]) -> Scores:
        import torch

        heard = extractor(list(sounds), sampling_rate=RATE_HZ, return_tensors="pt", padding=True).to(device)
        with torch.inference_mode():
            logits: Any = network(**heard).logits.float()
        shares = logits.sigmoid() if several else logits.softmax(-1)
        return [scored(labels, row) for row in shares.tolist()]

    return ear


def _refused(model: str, why: str) -> ModelLoadingFailed:
    variable = settings.Events.variable("model")
    return ModelLoadingFailed(
        f"{model} cannot tell events: {why}",
        hint=f"Set {variable} to an audio-classification model with AudioSet's labels, or unset it.",
    )
