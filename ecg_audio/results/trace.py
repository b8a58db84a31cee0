"""What a job left in the store beside its published result, so that it can be forgotten whole.

The record lies in `jobs/{job_id}.json`. It is written while the job works, so it also tells
which recordings are in use.
"""

from ecg_audio.analysis import Model


class Trace(Model):
    """The runs of a job, the recordings it made or used, and the uploads it was given, as keys of the store."""

    job_id: str
    runs: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()

    def with_run(self, run_id: str, recording: str, upload: str | None) -> "Trace":
        """The same with one more run."""
        return Trace(
            job_id=self.job_id,
            runs=_joined(self.runs, run_id),
            recordings=_joined(self.recordings, recording),
            uploads=_joined(self.uploads, upload),
        )


def _joined(known: tuple[str, ...], new: str | None) -> tuple[str, ...]:
    return known if new is None or new in known else (*known, new)
