"""What the one model process runs: its functions are called through a `Child`."""

from collections.abc import Callable
from typing import Any

from ecg_audio.compute.memory import Meter, Metered
from ecg_audio.progress import Report, silent
from ecg_audio.speech import align, diarize, listen, loaders, recognise, voice_vectors
from ecg_audio.speech.settings import EngineSettings

STAGES: dict[str, Callable[..., Any]] = {
    "transcribe": recognise.transcribe,
    "align": align.align,
    "diarize": diarize.diarize,
    "listen": listen.listen,
    "embed": voice_vectors.embed,
}


def prepare(settings: EngineSettings, *, report: Report = silent) -> None:
    """Import everything, and load what every recording needs.

    What cannot be loaded now is for the stage that needs it to tell.
    """
    loaders.prepare(settings)
    loaders.embedded_pipeline(settings.device)
    loaders.recogniser(settings, loaders.first_placement(settings))
    loaders.pipeline(settings, settings.device)
    report(1.0)


def metered(
    stage: str, *arguments: Any, report: Report = silent
) -> tuple[Any, Metered, dict[str, int], tuple[str, ...]]:
    """Run a stage; returns its result, what it took, how often each kind was loaded until now, and what still is."""
    with Meter() as meter:
        found = STAGES[stage](*arguments, report=report)
    return found, meter.measured, dict(loaders.loaded_models.loads), loaders.loaded_models.loaded


def unload(idle_s: float, *, report: Report = silent) -> tuple[str, ...]:
    """Give back models that nobody has used for so long; returns the kinds that stay."""
    loaders.loaded_models.drop_idle(idle_s)
    report(1.0)
    return loaders.loaded_models.loaded
