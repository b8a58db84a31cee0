"""What the model process imports: torch, whisperx and pyannote, without what recognition and diarization never use.

Imported plainly, these libraries bring training metrics, image transforms, plotting, hyperparameter search, data frames
and torch's compiler with them: two thirds of the seconds before the first word. Those stay deferred until something of
theirs is used (see `ecg_audio.compute.lazy_imports`), which the alignment and emotion models of transformers do, and
speech recognition and the pipelines of pyannote do not. A name that another version of a library lacks defers nothing.
"""

import functools
import logging
import os

from ecg_audio.compute import lazy_imports
from ecg_audio.speech import diarization
from ecg_audio.telemetry import TELEMETRY_OFF

DEFERRED = (
    "matplotlib",
    "networkx",
    "nltk",
    "optuna",
    "pandas",
    "scipy.signal",
    "sklearn",
    "torchcodec",  # audio reaches pyannote in memory
    "torchmetrics",
    "torchvision",
    # lightning's trainer: pyannote needs its modules to be loaded, not trained
    "lightning.fabric.wrappers",
    "lightning.pytorch.trainer.connectors.logger_connector.result",
    "lightning.pytorch.utilities.compile",
    # pyannote's training, evaluation and pictures
    "pyannote.audio.core.calibration",
    "pyannote.audio.utils.metric",
    "pyannote.core.notebook",
    "pyannote.metrics",
    "pyannote.pipeline.optimizer",
    # transformers, of which whisperx's recognition inherits one class
    "transformers.image_processing_utils",
    "transformers.image_utils",
    "transformers.modelcard",
    "transformers.modeling_utils",
    "transformers.models",
    "transformers.pipelines.*",
    "transformers.processing_utils",
)
PLAIN = ("transformers.pipelines.base",)  # that class, which whisperx also names in `super`


@functools.cache
def import_all() -> None:
    """Once a process: with telemetry off, chatter kept out, and as many threads as there are cores for us."""
    os.environ.update(TELEMETRY_OFF)  # before anything of pyannote's or the hub's is imported
    lazy_imports.defer(*DEFERRED, plain=PLAIN)
    with lazy_imports.without_collecting(), diarization.quiet():
        import torch
        import whisperx.asr  # noqa: F401

        import ecg_audio.speech.local_pipeline  # noqa: F401
    for chatty in ("whisperx", "lightning", "lightning.pytorch"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
