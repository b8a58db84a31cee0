"""The models inside installed packages, and the settings they run with: light, so that anybody may ask."""

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from ecg_audio.errors import ModelLoadingFailed

SEGMENTATION: Mapping[str, float] = {"threshold": 0.4, "min_duration_off": 0.0}
CLUSTERING: Mapping[str, str | float] = {"method": "average", "threshold": 0.21, "min_cluster_size": 6}
LANGUAGE_MODEL = "en-us"


def segmentation_path() -> Path:
    """The segmentation model of pyannote, which whisperx carries for its voice detection.

    Raises:
        ModelLoadingFailed: whisperx is not installed, or without the model.
    """
    return _part("whisperx", "assets/pytorch_model.bin", "the segmentation model")


def voice_encoder_path() -> Path:
    """The GE2E voice encoder's weights, which resemblyzer carries.

    Raises:
        ModelLoadingFailed: resemblyzer is not installed, or without the weights.
    """
    return _part("resemblyzer", "pretrained.pt", "the voice encoder")


def recogniser() -> str:
    """Name and version of the recogniser and its model.

    Raises:
        ModelLoadingFailed: pocketsphinx is not installed, or without its model.
    """
    _part("pocketsphinx", f"model/{LANGUAGE_MODEL}/{LANGUAGE_MODEL}.lm.bin", "the US-English speech model")
    return f"pocketsphinx {importlib.metadata.version('pocketsphinx')} {LANGUAGE_MODEL}"


def _part(package: str, inside: str, what: str) -> Path:
    found = importlib.util.find_spec(package)  # finds the package without importing it
    path = Path(found.origin).parent / inside if found and found.origin else None
    if path is None or not path.is_file():
        raise ModelLoadingFailed(
            f"{what} is missing: it comes with the package {package}",
            hint=f"Install the project with its lock file, or reinstall {package}.",
        )
    return path
