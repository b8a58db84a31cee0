"""A pyannote pipeline in a directory, made of the parts that installed packages bring."""

import shutil
from pathlib import Path

from ecg_audio.progress import Report, silent
from ecg_audio.speech import weights

CLUSTERING = {"method": "average", "threshold": 0.21, "min_cluster_size": 6}
CONFIGURATION = """
dependencies:
  pyannote.audio: 4.0.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: AgglomerativeClustering
    segmentation: $model/segmentation
    segmentation_batch_size: 32
    embedding: $model/embedding
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    plda: $model/plda
params:
  segmentation:
    threshold: {threshold}
    min_duration_off: {min_duration_off}
  clustering:
    method: {method}
    threshold: {closeness}
    min_cluster_size: {min_cluster_size}
"""


def write(path: str, *, report: Report = silent) -> None:
    """Write the configuration and its three parts; the clustering never asks the third."""
    import numpy as np
    import torch
    from pyannote.audio import __version__

    from ecg_audio.speech import local_pipeline, voice_encoder

    folder = Path(path)
    for part in ("segmentation", "embedding", "plda"):
        (folder / part).mkdir(parents=True)
    settings = {**local_pipeline.SEGMENTATION, "closeness": CLUSTERING["threshold"]}
    settings |= {name: CLUSTERING[name] for name in ("method", "min_cluster_size")}
    (folder / "config.yaml").write_text(CONFIGURATION.format(**settings))
    shutil.copy(weights.segmentation_path(), folder / "segmentation" / "pytorch_model.bin")
    encoder = voice_encoder.load()
    about = {
        "versions": {"pyannote.audio": __version__},
        "architecture": {"module": type(encoder).__module__, "class": type(encoder).__name__},
        "specifications": encoder.specifications,
    }
    checkpoint = {
        "state_dict": encoder.state_dict(),
        "hyper_parameters": {},
        "pyannote.audio": about,
        "pytorch-lightning_version": "2.0.0",
    }
    torch.save(checkpoint, folder / "embedding" / "pytorch_model.bin")
    size = encoder.dimension
    np.savez(folder / "plda" / "xvec_transform.npz", mean1=np.zeros(size), mean2=np.zeros(size), lda=np.eye(size))
    spread = np.linspace(2.0, 1.0, size)
    np.savez(folder / "plda" / "plda.npz", mu=np.zeros(size), tr=np.eye(size), psi=spread)
