"""Tiny emotion models without training, made inside a process that has transformers: they always hear one label."""

from ecg_audio.progress import Report, silent


def build_regressor(path: str, outputs: dict[str, float], *, report: Report = silent) -> None:
    """Write a model with a regression head, named as published ones name its parts, that always says `outputs`."""
    import torch
    from safetensors.torch import load_file, save_file

    build(path, list(outputs), next(iter(outputs)))
    weights = {key: value for key, value in load_file(f"{path}/model.safetensors").items() if "wav2vec2." in key}
    weights |= {
        "classifier.dense.weight": torch.zeros(16, 16),
        "classifier.dense.bias": torch.zeros(16),
        "classifier.out_proj.weight": torch.zeros(len(outputs), 16),
        "classifier.out_proj.bias": torch.tensor(list(outputs.values())),
    }
    save_file(weights, f"{path}/model.safetensors", metadata={"format": "pt"})


def loads(*, report: Report = silent) -> dict[str, int]:
    """How often each kind of classifier was loaded."""
    from ecg_audio.compute import classification

    return dict(classification.models.loads)


def build(path: str, labels: list[str], heard: str, *, report: Report = silent) -> None:
    """Write a model with these labels that hears `heard` in everything, with a probability near 0.9 for three."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification

    config = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=8,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    model = Wav2Vec2ForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([3.0 if label == heard else 0.0 for label in labels]))
    model.save_pretrained(path)
    Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(path)
