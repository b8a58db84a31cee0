"""measure: 10 ms voice frames of the whole recording, as a Parquet file in the store."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prefect import task

from blocks.storage import open_store
from ecg_audio import progress, workspace
from ecg_audio.analysis import Recording
from tasks import caching
from tasks.retrying import RETRYING

if TYPE_CHECKING:
    import numpy as np


@task(name="measure", **RETRYING)
def measure(recording: Recording, store: str) -> str:
    """Measure a recording's voice in one pass; returns the key of its frames."""
    # numba and Arrow take their time to import: only the task that measures pays for them
    from ecg_audio.media import decode
    from ecg_audio.results.tables import FrameFile
    from ecg_audio.voice import frames

    artifacts = open_store(store)
    with (
        progress.current().stage("measure") as report,
        artifacts.local(recording.key) as path,
        workspace.scratch("measure") as folder,
    ):

        def counted() -> "Iterator[np.ndarray]":
            done = 0
            for block in decode.blocks(path, gain_db=recording.gain_db):
                yield block
                done += len(block)
                report(done / max(1, recording.samples))

        target = folder / "frames.parquet"
        with FrameFile(target) as file:
            for batch in frames.measure(counted(), clipped=recording.clipped):
                file.write(batch)
        key = frames_key(recording)
        artifacts.upload(key, target)
        return key


def frames_key(recording: Recording) -> str:
    """Frames lie beside the audio they were measured from."""
    version = caching.code_version("media", "voice", "results")
    return f"{recording.key.removesuffix('.flac')}.{version}.frames.parquet"


def measure_key(recording: Recording) -> str:
    """The same audio gives the same frames."""
    return caching.key("measure", "media", "voice", "results", content=recording.key)
