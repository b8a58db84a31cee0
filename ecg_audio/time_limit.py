"""How long work on a recording may take, by the recording's length: what takes longer hangs, and is ended.

The limits are far beyond what slow machines need. They end what would hold its place for ever, such as a call into a
graphics card's driver that does not return.
"""

import contextlib
import math
import time
from pathlib import Path

from ecg_audio.errors import ProcessingTimeout

STAGES_IN_TURN = 5
"""Of a job, those that can each come to their limit one after the other: transcribe, align, and what needs words."""


class Deadline:
    """When a job must have ended; until it begins, never.

    Args:
        what: has the deadline, for messages.
    """

    def __init__(self, what: str = "the job") -> None:
        self._what = what
        self._until = math.inf
        self._seconds = math.inf

    def begin(self, seconds: float) -> None:
        """Let the job have so many seconds from now on."""
        self._seconds, self._until = seconds, time.monotonic() + seconds

    def waited(self, seconds: float) -> None:
        """Do not count time in which the job waited for others; what stages that wait beside each other say adds up."""
        self._until += seconds

    def left_s(self) -> float:
        """How long the job may still take; zero or less: it is over."""
        return self._until - time.monotonic()

    def check(self) -> None:
        """Raise `ProcessingTimeout` if it is over."""
        if self.left_s() <= 0:
            raise ProcessingTimeout(f"{self._what} took longer than {self._seconds:.0f} s")

    def within(self, limit_s: float) -> float:
        """The limit of a step of the job: its own, or what is left for all, whichever is less.

        Raises:
            ProcessingTimeout: nothing is left.
        """
        self.check()
        return min(limit_s, self.left_s())


def stage_s(duration_s: float = 0.0, *, gpu: bool = False) -> float:
    """How long one stage may take.

    Args:
        duration_s: of the sound that it works on; 0: it works on none, such as loading models.
        gpu: whether it works on a graphics card.
    """
    from ecg_audio.settings import TimeLimits  # decoders import this module, and start without pydantic

    limits = TimeLimits.read()
    return limits.least_s + (limits.gpu_per_s if gpu else limits.per_s) * duration_s


def stage_on_s(recording: Path, *, gpu: bool = False) -> float:
    """How long one stage may take that works on a FLAC or WAV."""
    import soundfile

    with contextlib.suppress(OSError, soundfile.SoundFileError):  # the stage itself says what is wrong with the file
        return stage_s(soundfile.info(str(recording)).duration, gpu=gpu)
    return stage_s(gpu=gpu)


def job_s(duration_s: float) -> float:
    """How long a whole job may take, on any machine, from the moment at which its length is known.

    Args:
        duration_s: of all sound that is worked on: of each channel that is listened to by itself.
    """
    return STAGES_IN_TURN * stage_s(duration_s)
