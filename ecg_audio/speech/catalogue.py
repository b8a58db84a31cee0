"""The models that the WhisperX engine's settings name: which they are, whether they are here, how to get them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecg_audio.compute import hub, loading
from ecg_audio.speech import aligners
from ecg_audio.speech.whisperx_settings import BUNDLED, NO_ALIGNER, WhisperXSettings

NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class NeededModel:
    """A model that the settings name. `variable` is the setting; `language` is set for aligners."""

    variable: str
    name: str
    revision: str | None = None
    language: str | None = None

    @property
    def local(self) -> bool:
        """Whether it is a directory, or comes with the installed packages: nothing to fetch."""
        return self.name == BUNDLED or Path(self.name).is_dir()

    @property
    def here(self) -> bool:
        """Whether it can be loaded without a network."""
        return self.local or aligners.here(self.name)


def needed(settings: WhisperXSettings, languages: Sequence[str] = ()) -> tuple[NeededModel, ...]:
    """The recogniser, the diarization pipeline, the aligners that are set, and those for more languages."""
    return (
        NeededModel("ECG_WHISPERX_MODEL", settings.repository, settings.model_revision),
        NeededModel("ECG_WHISPERX_DIARIZATION", settings.diarization, settings.diarization_revision),
        *_aligners(settings, languages),
    )


def fetch(model: NeededModel, folder: Path | None = None) -> Path:
    """Get a model from the hub.

    Args:
        model: one that is not local.
        folder: where its files go; None: into the hub's cache, where the engine finds it by name.

    Returns:
        The directory it lies in now.

    Raises:
        ModelAccessDenied: the hub wants a licence accepted, or a token.
        ModelLoadingFailed: the hub does not have it, or does not answer.
    """
    with loading.named(model.name):
        if not NAME.fullmatch(model.name):  # torchaudio's aligners are not on the hub
            import torchaudio  # type: ignore[import-untyped]

            getattr(torchaudio.pipelines, model.name).get_model()
            return hub.cache_folder()
        import huggingface_hub

        target = folder / model.name.replace("/", "--") if folder else None
        found = Path(huggingface_hub.snapshot_download(model.name, revision=model.revision, local_dir=target))
        for part in _parts(found / "config.yaml"):
            huggingface_hub.snapshot_download(part)  # a pipeline's parts are named, not contained: by name they load
        return found


def _aligners(settings: WhisperXSettings, languages: Sequence[str]) -> Iterator[NeededModel]:
    for language in dict.fromkeys([*settings.align_models, *languages]):
        name = settings.align_models.get(language) or aligners.own().get(language)
        if name and name != NO_ALIGNER:
            yield NeededModel("ECG_WHISPERX_ALIGN_MODELS", name, language=language)


def _parts(config: Path) -> list[str]:
    """Hub names in a pyannote pipeline's configuration."""
    if not config.is_file():
        return []
    import yaml

    parameters = (yaml.safe_load(config.read_text()).get("pipeline") or {}).get("params") or {}
    return [value for value in parameters.values() if isinstance(value, str) and NAME.fullmatch(value)]
