"""The models of the WhisperX engine's process: imported, loaded at first use, kept.

For the model process alone: torch, whisperx and pyannote are imported here and nowhere in the parent.
"""

import functools
import logging
import os
from typing import Any

from ecg_audio.compute import hub, loading
from ecg_audio.compute.models import Models, Rung
from ecg_audio.speech import aligners, diarization
from ecg_audio.speech.whisperx_settings import BUNDLED, NO_ALIGNER, WhisperXSettings

VAD_ONSET, VAD_OFFSET = 0.5, 0.363  # whisperx's own

models = Models()


class AlignerOutOfReach(Exception):
    """An aligner that nobody asked for by name cannot be had now: words can do without it."""


def prepare(settings: WhisperXSettings) -> None:
    """Import everything, and keep to the memory budget."""
    _import()
    if settings.device != "cuda":
        return
    import torch

    models.budget_bytes = settings.memory_budget_bytes
    if torch.cuda.is_available():
        # beyond it torch runs out of memory, and the ladder goes on with less
        total_bytes = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, settings.memory_budget_bytes / total_bytes))


@functools.cache
def _import() -> None:
    """Once a process: with telemetry off and chatter kept out."""
    diarization.silence_telemetry()
    with diarization.quiet():
        import torch
        import whisperx.alignment
        import whisperx.asr

        logging.getLogger("whisperx").setLevel(logging.ERROR)
        logging.getLogger("lightning").setLevel(logging.ERROR)
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        torch.set_num_threads(_cores())
    # sentences are of no use here, and finding them would download a model of nltk's
    whisperx.alignment.nltk_load = lambda _name: _WholeText()


class _WholeText:
    """What whisperx takes for a sentence splitter: the text is one sentence."""

    @staticmethod
    def span_tokenize(text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def vad(device: str) -> Any:
    """The voice detection that whisperx carries."""

    def load() -> Any:
        import torch
        from whisperx.vads import Pyannote

        with loading.named("the voice detection inside whisperx"), diarization.quiet():
            return Pyannote(torch.device(device), token=None, vad_onset=VAD_ONSET, vad_offset=VAD_OFFSET)

    return models.get(("vad", device), load)


def recogniser(settings: WhisperXSettings, rung: Rung) -> Any:
    """The batched pipeline of whisperx, which is told where speech is instead of looking itself."""

    def load() -> Any:
        import whisperx.asr
        from whisperx.vads import Vad

        class Known(Vad):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__(VAD_ONSET)
                self.chunks: list[dict[str, Any]] = []

            def __call__(self, _audio: object, **_options: object) -> list[dict[str, Any]]:
                return self.chunks

            @staticmethod
            def merge_chunks(chunks: list[dict[str, Any]], *_: object, **_options: object) -> list[dict[str, Any]]:
                return chunks

        with loading.named(settings.repository), diarization.quiet():
            model = whisperx.asr.WhisperModel(
                settings.model,
                device=rung.device,
                compute_type=rung.compute_type,
                cpu_threads=_cores(),
                revision=settings.model_revision,
                local_files_only=hub.on_disk(settings.repository),  # else a dead network holds up what is here
            )
            return whisperx.asr.load_model(
                settings.model,
                rung.device,
                model=model,
                vad_model=Known(),
                asr_options={"beam_size": settings.beam_size},
            )

    key = ("recogniser", settings.model, settings.model_revision, rung.device, rung.compute_type, settings.beam_size)
    return models.get(key, load, size_bytes=lambda: hub.size_bytes(settings.repository))


def aligner(settings: WhisperXSettings, spoken: str, device: str) -> tuple[Any, dict[str, Any]] | None:
    """The aligner for a language; None where there is none for it, or none is wanted.

    Raises:
        AlignerOutOfReach: whisperx's own for the language is not here, and there is no network to fetch it.
        ModelLoadingFailed, ModelAccessDenied: the aligner cannot be had otherwise.
    """
    import whisperx.alignment

    name = settings.align_models.get(spoken) or aligners.own().get(spoken)
    if name is None or name == NO_ALIGNER:
        return None
    if spoken not in settings.align_models and not aligners.here(name) and not hub.answers():
        raise AlignerOutOfReach(name)

    def load() -> tuple[Any, dict[str, Any]]:
        with loading.named(name), diarization.quiet():
            model, about = whisperx.alignment.load_align_model(
                spoken, device, model_name=name, model_cache_only=hub.on_disk(name)
            )
        return model.eval(), about

    return models.get(("aligner", spoken, name, device), load, size_bytes=lambda: hub.size_bytes(name))


def pipeline(settings: WhisperXSettings, device: str) -> Any:
    """The diarization pipeline of pyannote that the settings name."""

    def load() -> Any:
        import torch

        with loading.named(settings.diarization), diarization.quiet():
            if settings.diarization == BUNDLED:
                from ecg_audio.speech import local_pipeline

                pipeline: Any = local_pipeline.build()
            else:
                from pyannote.audio import Pipeline

                pipeline = Pipeline.from_pretrained(settings.diarization, revision=settings.diarization_revision)
                if pipeline is None:  # how pyannote says that the hub did not let it in
                    raise loading.denied(settings.diarization)
            return pipeline.to(torch.device(device))

    return models.get(("diarization", settings.diarization, settings.diarization_revision, device), load)
