"""The emotion models of the emotion process: loaded once, and what they hear put into our words.

Two kinds are known. A classifier gives each of its labels a probability. A regression model gives dimensions, on a
scale from 0 to 1 as models trained on MSP-Podcast do (Wagner et al. 2023); it names no emotion, and none is made up
from its figures. Imported light: transformers and torch come with the first call.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ecg_audio import settings
from ecg_audio.analysis import Emotion, EmotionLabel, Span
from ecg_audio.compute import classification, hub
from ecg_audio.compute.memory import Metered
from ecg_audio.errors import MeasurementFailed, ModelLoadingFailed
from ecg_audio.progress import Report, silent
from ecg_audio.sampling import RATE_HZ

SHORTEST_S = 0.5
LONGEST_S = 15.0  # of a span, its middle part
DECIMALS = 4

LABELS: Mapping[str, EmotionLabel] = {
    # as models call them
    **dict.fromkeys(("joy", "happy", "happiness", "hap", "excited", "기쁨", "행복"), "joy"),
    **dict.fromkeys(("sadness", "sad", "슬픔"), "sadness"),
    **dict.fromkeys(("anger", "angry", "ang", "분노"), "anger"),
    **dict.fromkeys(("fear", "fearful", "fea", "공포", "두려움"), "fear"),
    **dict.fromkeys(("surprise", "surprised", "sur", "놀람"), "surprise"),
    **dict.fromkeys(("disgust", "disgusted", "dis", "혐오"), "disgust"),
    **dict.fromkeys(("neutral", "neu", "calm", "중립"), "neutral"),
}
DIMENSIONS = frozenset({"arousal", "dominance", "valence"})
OFF_SCALE = 0.5  # beyond 0 and 1; further away it is another scale
HEAD = "classifier.dense.weight", "classifier.dense.bias", "classifier.out_proj.weight", "classifier.out_proj.bias"

Ear = Callable[[classification.Sound], Emotion | None]


def classify(
    path: str, model: str, revision: str | None, spans: Sequence[Span], *, report: Report = silent
) -> tuple[tuple[Emotion | None, ...], Metered]:
    """What the model hears in each span of a 16 kHz mono FLAC or WAV, and what hearing it took.

    Raises:
        ModelLoadingFailed, ModelAccessDenied: the model cannot be had, or is no emotion model.
        MeasurementFailed: its dimensions are on another scale.
    """
    samples = classification.samples_of(path)

    def work(ear: Ear) -> list[Emotion | None]:
        found: list[Emotion | None] = []
        for number, span in enumerate(spans, 1):
            sound = samples[slice(*_bounds(span))]
            found.append(ear(sound) if len(sound) >= SHORTEST_S * RATE_HZ else None)
            report(number / len(spans))
        return found

    emotions, measured = classification.run(_load, model, revision, work, what="emotion")
    return tuple(emotions), measured


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


def felt(dimensions: Mapping[str, float], model: str) -> Emotion:
    """Valence in [-1, 1] and arousal in [0, 1], from a model's figures in [0, 1]; no label.

    Raises:
        MeasurementFailed: a figure lies far outside of [0, 1], so the model's scale is another one.
    """
    for name, value in dimensions.items():
        if not -OFF_SCALE <= value <= 1 + OFF_SCALE:
            raise MeasurementFailed(f"{model} says {name} {value:.3g}: its scale is not 0 to 1, and not known")
    inside = {name: min(1.0, max(0.0, value)) for name, value in dimensions.items()}
    valence, arousal = inside.get("valence"), inside.get("arousal")
    return Emotion(
        valence=None if valence is None else round(2 * valence - 1, DECIMALS),
        arousal=None if arousal is None else round(arousal, DECIMALS),
        model=model,
    )


def _bounds(span: Span) -> tuple[int, int]:
    middle_s, half_s = (span.start_s + span.end_s) / 2, min(span.end_s - span.start_s, LONGEST_S) / 2
    return round((middle_s - half_s) * RATE_HZ), round((middle_s + half_s) * RATE_HZ)


def _load(model: str, revision: str | None, device: str) -> Ear:
    with classification.loading(model):
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(model, revision=revision, trust_remote_code=False)
        extractor = classification.extractor(model, revision)
    labels = [str(config.id2label[index]).strip().lower() for index in range(len(config.id2label))]
    name = hub.called(model)
    if set(labels) & set(LABELS):
        network = classification.network(model, revision, device, _refused)
        understood: Callable[[Any], Emotion | None] = lambda heard: mapped(  # noqa: E731
            dict(zip(labels, network(**heard).logits.softmax(-1)[0].tolist(), strict=True)), name
        )
    elif set(labels) <= DIMENSIONS:
        regress = _regressor(model, revision, device)
        understood = lambda heard: felt(dict(zip(labels, regress(heard)[0].tolist(), strict=True)), name)  # noqa: E731
    else:
        raise _refused(model, f"its labels are {', '.join(sorted(labels))}")

    def ear(sound: classification.Sound) -> Emotion | None:
        import torch

        with torch.inference_mode():
            return understood(extractor(sound, sampling_rate=RATE_HZ, return_tensors="pt").to(device))

    return ear


def _regressor(model: str, revision: str | None, device: str) -> Callable[[Any], Any]:
    """The network with the head of regression models: the mean over time, a hidden layer, the dimensions."""
    with classification.loading(model):
        weights = _weights(model, revision)
        if not set(HEAD) <= set(weights):
            network = classification.network(model, revision, device, _refused)
            return lambda heard: network(**heard).logits
        from torch.nn.functional import linear
        from transformers import AutoModel

        network = AutoModel.from_pretrained(model, revision=revision, trust_remote_code=False).to(device).eval()
        inner, inner_bias, outer, outer_bias = (weights[key].to(device) for key in HEAD)
    return lambda heard: linear(
        linear(network(**heard).last_hidden_state.mean(1), inner, inner_bias).tanh(), outer, outer_bias
    )


def _weights(model: str, revision: str | None) -> dict[str, Any]:
    """All tensors of a model, as its file has them."""
    from transformers.utils.hub import cached_file

    for name in ("model.safetensors", "pytorch_model.bin"):
        path = cached_file(model, name, revision=revision, _raise_exceptions_for_missing_entries=False)
        if path and name.endswith("safetensors"):
            from safetensors.torch import load_file

            return dict(load_file(path))
        if path:
            import torch

            return dict(torch.load(path, map_location="cpu", weights_only=True))
    return {}


def _refused(model: str, why: str) -> ModelLoadingFailed:
    variable = settings.Emotion.variable("model")
    return ModelLoadingFailed(
        f"{model} is not an emotion model: {why}",
        hint=f"Set {variable} to an audio-classification model with emotion labels, or one of arousal, dominance and "
        "valence, or unset it.",
    )
