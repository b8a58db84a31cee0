"""Who spoke when: the stage, as the model process runs it."""

import functools

from ecg_audio.analysis import Diarization
from ecg_audio.compute import hub
from ecg_audio.compute.memory_ladder import Placement, descend
from ecg_audio.progress import Report, silent
from ecg_audio.request import EMBEDDED, SpeakerCount
from ecg_audio.sampling import RATE_HZ
from ecg_audio.speech import activity, detection, diarization, loaders, plan
from ecg_audio.speech.settings import EngineSettings
from ecg_audio.speech.sound import duration_s


def diarize(path: str, settings: EngineSettings, speakers: SpeakerCount, *, report: Report = silent) -> Diarization:
    """Who spoke when in a FLAC or WAV. In single precision always: half of it wrecks the clustering.

    Raises:
        ModelLoadingFailed, ModelAccessDenied: the pipeline cannot be had.
        GpuMemoryExhausted: no step of the ladder had enough memory.
    """
    loaders.prepare(settings)
    embedded = settings.diarization == EMBEDDED

    def attempt(placement: Placement) -> Diarization:
        heard = detection.detect(path, placement.device, lambda fraction: report(FINDING_SHARE * fraction))
        if not heard.speech:
            return Diarization(model=settings.diarization, turns=(), exclusive=())
        pipeline = loaders.pipeline(settings, placement.device)
        pipeline.segmentation_batch_size = pipeline.embedding_batch_size = placement.batch_size
        found = diarization.diarize(
            pipeline,
            heard.samples,
            RATE_HZ,
            model=_name(settings),
            speakers=speakers,
            report=lambda fraction: report(FINDING_SHARE + (1 - FINDING_SHARE) * fraction),
            segmentations=heard.segmentations if embedded else None,
            speech=heard.speech if embedded else (),
        )
        return found.model_copy(
            update={
                "turns": activity.later(found.turns, heard.lead_s),
                "exclusive": activity.later(found.exclusive, heard.lead_s),
                "voices": found.voices and found.voices.model_copy(update={"first_s": heard.lead_s}),
            }
        )

    found, notices = descend(
        plan.placements("diarize", duration_s(path), settings),
        attempt,
        what="diarization",
        free=functools.partial(loaders.loaded_models.drop, "diarization", "segmentation"),
    )
    report(1.0)
    return found.model_copy(update={"notices": (*found.notices, *notices)})


FINDING_SHARE = 0.3  # of the work: nothing where recognition has found speech before


def _name(settings: EngineSettings) -> str:
    if settings.diarization == EMBEDDED:
        return "pyannote segmentation + GE2E voice encoder (embedded)"
    return hub.called(settings.diarization)
