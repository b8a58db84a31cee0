"""What runs in the model process of a stub: `StubModels` as a program, which can lose it as real models can be lost."""

import time

from ecg_audio.progress import Report


def ready() -> None:
    """Nothing to import ahead; its name tells the process from a decoder's."""


def hear(seconds: float, *, report: Report) -> None:
    """Take the time of a recognition."""
    report(0.5)
    time.sleep(seconds)
