"""Which emotion a voice carries: any audio-classification model of transformers, by hub name or directory.

Not configured means absent: there is no default, and nothing is derived from loudness or pitch. The model lives in a
process of its own; a label outside the seven known ones is no emotion, and neither is a span too short to judge.
"""

import contextlib
import functools
import io
import os
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ecg_audio.analysis import Emotion, EmotionLabel, Segment, Span
from ecg_audio.child import Child, ChildError
from ecg_audio.compute import hub, loading
from ecg_audio.compute.models import Models, Rung, descend, free, rungs
from ecg_audio.errors import MeasurementFailed, ModelLoadingFailed
from ecg_audio.progress import Report, silent
from ecg_audio.telemetry import TELEMETRY_OFF

MODEL, REVISION = "ECG_EMOTION_MODEL", "ECG_EMOTION_MODEL_REVISION"
SHORTEST_S = 0.5
LONGEST_S = 15.0  # of a span, its middle part
RATE_HZ = 16_000
DECIMALS = 4

LABELS: Mapping[str, EmotionLabel] = {
    # as models call them
    **dict.fromkeys(("joy", "happy", "happiness", "hap", "excited"), "joy"),
    **dict.fromkeys(("sadness", "sad"), "sadness"),
    **dict.fromkeys(("anger", "angry", "ang"), "anger"),
    **dict.fromkeys(("fear", "fearful", "fea"), "fear"),
    **dict.fromkeys(("surprise", "surprised", "sur"), "surprise"),
    **dict.fromkeys(("disgust", "disgusted", "dis"), "disgust"),
    **dict.fromkeys(("neutral", "neu", "calm"), "neutral"),
}

models = Models()


def configured() -> str | None:
    """The model that is to be used (ECG_EMOTION_MODEL); None: emotion is not wanted."""
    return os.environ.get(MODEL, "").strip() or None


def mapped(probabilities: Mapping[str, float], model: str) -> Emotion | None:
    """The likeliest emotion by a model's own labels; None where that label is none of the seven.

    Labels that mean the same (happy, excited) count together; the confidence is the model's own probability.
    """
    shares: dict[str, float] = {}
    for label, probability in probabilities.items():
        name = LABELS.get(label.strip().lower(), label)
        shares[name] = shares.get(name, 0.0) + probability
    name, share = max(shares.items(), key=lambda item: item[1])
    known: EmotionLabel | None = next((label for label in LABELS.values() if label == name), None)
    return known and Emotion(label=known, confidence=round(min(1.0, share), DECIMALS), model=model)


class EmotionClassifier:
    """Hears the emotion of spans of a recording.

    Args:
        model: hub name or directory.
        revision: of the hub's model; None takes ECG_EMOTION_MODEL_REVISION, or the newest.
        process: where the model lives; None: a process of its own.
    """

    def __init__(self, model: str, *, revision: str | None = None, process: Child | None = None) -> None:
        self.model = model
        self.revision = revision or os.environ.get(REVISION) or None
        self._process = process or Child("the emotion model", environment=dict(TELEMETRY_OFF))

    def fingerprint(self) -> dict[str, str]:
        """Model, revision and libraries that decide the results."""
        names = ("transformers", "torch")
        return {
            "model": self.model,
            "revision": str(self.revision),
            "content": hub.content(self.model),
            **{name: version(name) for name in names},
        }

    def classify(
        self, recording: Path, spans: Sequence[Span | Segment], *, report: Report = silent
    ) -> tuple[Emotion | None, ...]:
        """One answer for each span of a 16 kHz mono FLAC or WAV; None where the model has none.

        Raises:
            ModelLoadingFailed, ModelAccessDenied: the model cannot be had, or is no emotion model.
            MeasurementFailed: the model broke.
        """
        if not spans:
            return ()
        stretches = tuple(Span(start_s=span.start_s, end_s=span.end_s) for span in spans)
        try:
            found: tuple[Emotion | None, ...] = self._process.call(
                classify, str(recording), self.model, self.revision, stretches, report=report
            )
        except ChildError as error:
            raise MeasurementFailed(f"the emotion model failed: {error}") from error
        return found

    def close(self) -> None:
        """End the model's process."""
        self._process.stop()


def classify(
    path: str, model: str, revision: str | None, spans: Sequence[Span], *, report: Report = silent
) -> tuple[Emotion | None, ...]:
    """The heavy half, called in the model's process."""
    import soundfile
    import torch

    samples, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == RATE_HZ, f"{path} has {rate_hz} Hz"
    name = Path(model).name if Path(model).is_dir() else model

    def attempt(rung: Rung) -> list[Emotion | None]:
        extractor, network = models.get(
            ("emotion", model, revision, rung.device), functools.partial(_load, model, revision, rung.device)
        )
        found: list[Emotion | None] = []
        for number, span in enumerate(spans, 1):
            sound = samples[slice(*_bounds(span))]
            if len(sound) < SHORTEST_S * RATE_HZ:
                found.append(None)
            else:
                heard = extractor(sound, sampling_rate=RATE_HZ, return_tensors="pt").to(rung.device)
                with torch.inference_mode():
                    shares = network(**heard).logits.softmax(-1)[0].tolist()
                found.append(
                    mapped({network.config.id2label[index]: share for index, share in enumerate(shares)}, name)
                )
            report(number / len(spans))
        return found

    device = "cuda" if torch.cuda.is_available() else "cpu"
    emotions, _notices = descend(list(rungs(Rung(device, 1))), attempt, what="emotion", free=_forget)
    return tuple(emotions)


def _bounds(span: Span) -> tuple[int, int]:
    middle_s, half_s = (span.start_s + span.end_s) / 2, min(span.end_s - span.start_s, LONGEST_S) / 2
    return round((middle_s - half_s) * RATE_HZ), round((middle_s + half_s) * RATE_HZ)


def _load(model: str, revision: str | None, device: str) -> tuple[Any, Any]:
    with loading.named(model), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

        extractor = AutoFeatureExtractor.from_pretrained(model, revision=revision)  # type: ignore[no-untyped-call]
        network = AutoModelForAudioClassification.from_pretrained(model, revision=revision).to(device).eval()
    labels = {str(label).strip().lower() for label in network.config.id2label.values()}
    if not labels & set(LABELS):
        raise ModelLoadingFailed(
            f"{model} is not an emotion model: its labels are {', '.join(sorted(labels))}",
            hint=f"Set {MODEL} to an audio-classification model with emotion labels, or unset it.",
        )
    return extractor, network


def _forget() -> None:
    models.drop("emotion")
    free()
