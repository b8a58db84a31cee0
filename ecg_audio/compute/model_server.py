"""Whether a model server has the models: its client stands above those who ask, so it is named here, not imported."""

import importlib
from typing import Any

from ecg_audio.settings import Models

CLIENT = "ecg_audio.serving.client"


def client() -> Any:
    """The client's module; None where ECG_MODEL_SERVER names no server, and models are this process's own affair."""
    return importlib.import_module(CLIENT) if Models.read().model_server else None
