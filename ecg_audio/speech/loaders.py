"""The models of the model process: imported, loaded at first use, kept.

For the model process alone: torch, whisperx and pyannote are imported here and nowhere in the parent.
"""

import functools
import os
from typing import Any

from ecg_audio.compute import hub, load_errors
from ecg_audio.compute.loaded_models import LoadedModels
from ecg_audio.compute.memory_ladder import Placement
from ecg_audio.request import EMBEDDED
from ecg_audio.speech import diarization, model_imports, weights
from ecg_audio.speech.settings import NO_ALIGNER, EngineSettings

loaded_models = LoadedModels()


class AlignerOutOfReach(Exception):
    """whisperx's own aligner for a language is not on this machine: words can do without it."""


def prepare(settings: EngineSettings) -> None:
    """Import everything, and keep to the memory budget."""
    model_imports.import_all()
    if settings.device != "cuda":
        return
    import torch

    loaded_models.budget_bytes = settings.memory_budget_bytes
    if torch.cuda.is_available():
        # beyond it torch runs out of memory, and the ladder goes on with less
        total_bytes = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, settings.memory_budget_bytes / total_bytes))


def first_placement(settings: EngineSettings) -> Placement:
    """How recognition begins."""
    return Placement(settings.device, settings.batch_size, settings.compute_type)


@functools.cache
def alignment() -> Any:
    """The alignment of whisperx, imported where a language has an aligner: it brings transformers' models with it."""
    with diarization.quiet():
        import whisperx.alignment
    # sentences are of no use here, and finding them would download a model of nltk's
    whisperx.alignment.nltk_load = lambda _name: _WholeText()
    return whisperx.alignment


class _WholeText:
    """What whisperx takes for a sentence splitter: the text is one sentence."""

    @staticmethod
    def span_tokenize(text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


def recogniser(settings: EngineSettings, placement: Placement) -> Any:
    """Whisper as whisperx runs it in batches: `model`, and the `options` of a transcription."""

    def load() -> Any:
        import whisperx.asr

        with load_errors.named(settings.repository), diarization.quiet():
            embedded = settings.model == EMBEDDED
            model = whisperx.asr.WhisperModel(
                str(weights.verified_whisper()) if embedded else settings.model,
                device=placement.device,
                compute_type=placement.compute_type,
                cpu_threads=len(os.sched_getaffinity(0)),
                revision=settings.model_revision,
                # else a dead network holds up what is here
                local_files_only=embedded or hub.on_disk(settings.repository),
            )
            # told where speech is, whisperx needs no voice detection of its own
            return whisperx.asr.load_model(
                settings.model,
                placement.device,
                model=model,
                vad_model=object(),
                asr_options={"beam_size": settings.beam_size},
            )

    key = (
        "recogniser",
        settings.model,
        settings.model_revision,
        placement.device,
        placement.compute_type,
        settings.beam_size,
    )
    return loaded_models.get(key, load, size_bytes=lambda: weights.size_bytes(settings.repository))


def aligner(settings: EngineSettings, spoken: str, device: str) -> tuple[Any, dict[str, Any]] | None:
    """The wav2vec2 aligner for a language; None where there is none for it, or none is wanted.

    Raises:
        AlignerOutOfReach: whisperx's own for the language is not here.
        ModelLoadingFailed, ModelAccessDenied: the aligner that the settings name cannot be had.
    """
    own = weights.own_aligners().get(spoken) if settings.own_aligners else None
    name = settings.align_models.get(spoken) or own
    if name is None or name in (NO_ALIGNER, EMBEDDED):
        return None
    if spoken not in settings.align_models and not weights.aligner_here(name):
        raise AlignerOutOfReach(name)

    def load() -> tuple[Any, dict[str, Any]]:
        with load_errors.named(name), diarization.quiet():
            model, about = alignment().load_align_model(
                spoken, device, model_name=name, model_cache_only=hub.on_disk(name)
            )
        return model.eval(), about

    return loaded_models.get(("aligner", spoken, name, device), load, size_bytes=lambda: weights.size_bytes(name))


def embedded_pipeline(device: str) -> Any:
    """The diarization pipeline out of installed packages, whose segmentation also finds speech."""

    def load() -> Any:
        import torch

        from ecg_audio.speech import local_pipeline

        with load_errors.named("the embedded diarization pipeline"), diarization.quiet():
            return local_pipeline.build().to(torch.device(device))

    return loaded_models.get(("segmentation", device), load)


def pipeline(settings: EngineSettings, device: str) -> Any:
    """The diarization pipeline of pyannote that the settings name."""
    if settings.diarization == EMBEDDED:
        return embedded_pipeline(device)

    def load() -> Any:
        import torch

        with load_errors.named(settings.diarization), diarization.quiet():
            from pyannote.audio import Pipeline

            pipeline = Pipeline.from_pretrained(settings.diarization, revision=settings.diarization_revision)
            if pipeline is None:  # how pyannote says that the hub did not let it in
                raise load_errors.denied(settings.diarization)
            return pipeline.to(torch.device(device))

    return loaded_models.get(("diarization", settings.diarization, settings.diarization_revision, device), load)
