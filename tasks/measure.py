"""measure: 10 ms voice frames of the whole recording, as a Parquet file in the store."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from blocks.storage import ArtifactStore
from ecg_audio import layout, progress, time_limit, workspace
from ecg_audio.analysis import Recording
from ecg_audio.errors import MeasurementFailed
from ecg_audio.progress import Report
from ecg_audio.time_limit import Deadline
from tasks import keys
from tasks.stage import Work, stage

if TYPE_CHECKING:
    import numpy as np


@stage("media", "voice", "results", failure=MeasurementFailed)
def measure(work: Work, recording: Recording) -> str:
    """Measure a recording's voice in one pass, and that of each of its channels; returns the key of its frames."""
    measured = list(dict.fromkeys((recording.model_copy(update={"channels": ()}), *recording.tracks)))
    for index, one in enumerate(measured):
        _measure(one, work.store, progress.part(work.report, index, len(measured)))
    return frames_key(recording)


def _measure(recording: Recording, artifacts: ArtifactStore, report: Report) -> None:
    # numba and Arrow take their time to import: only the task that measures pays for them
    from ecg_audio.media import decode
    from ecg_audio.results.frame_file import FrameFile
    from ecg_audio.voice import frames

    stage, job = Deadline("the measurement"), progress.current().deadline
    stage.begin(time_limit.stage_s(recording.duration_s))
    with artifacts.local(recording.key) as path, workspace.scratch("measure") as folder:

        def counted() -> "Iterator[np.ndarray]":
            done = 0
            for block in decode.blocks(path, gain_db=recording.gain_db):
                yield block
                done += len(block)
                report(done / max(1, recording.samples))
                stage.check()
                job.check()

        target = folder / "frames.parquet"
        with FrameFile(target) as file:
            for batch in frames.measure(counted(), clipped=recording.clipped):
                file.write(batch)
        artifacts.upload(frames_key(recording), target)


def frames_key(recording: Recording) -> str:
    """Where frames lie: beside the audio they were measured from, which may be a channel."""
    version = keys.code_version("media", "voice", "results")
    return layout.frames(recording.key, version)
