"""How a recording of some length is to be analysed within a memory budget: which batch, on what, and what it takes.

The figures are estimates made before anything runs: weights from what the models are known to hold, activations from
their architectures (Radford et al. 2022, table 1; Baevski et al. 2020). What really happens is bounded twice more, by
the ladder in `compute.memory_ladder` and by the cap that the model process sets on torch.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ecg_audio.compute import gpu, hub
from ecg_audio.compute.memory_ladder import Placement, fallbacks
from ecg_audio.request import EMBEDDED
from ecg_audio.sampling import RATE_HZ
from ecg_audio.speech.settings import EngineSettings

MIB = 1 << 20
RUNTIME_BYTES = 600 * MIB  # CUDA's context and the libraries' kernels

BYTES_OF: Mapping[str, int] = {"float32": 4, "float16": 2, "bfloat16": 2}


@dataclass(frozen=True, slots=True)
class Whisper:
    """Parameters and shape of a Whisper model."""

    parameters: int
    width: int
    heads: int
    decoder_layers: int


SIZES: Mapping[str, Whisper] = {
    "tiny": Whisper(39_000_000, 384, 6, 4),
    "base": Whisper(74_000_000, 512, 8, 6),
    "small": Whisper(244_000_000, 768, 12, 12),
    "medium": Whisper(769_000_000, 1024, 16, 24),
    "large": Whisper(1_550_000_000, 1280, 20, 32),
    "turbo": Whisper(809_000_000, 1280, 20, 4),
}
ENCODER_FRAMES, TEXT_TOKENS = 1500, 448
ALIGNER_PARAMETERS = 317_000_000  # wav2vec2 large, the largest of whisperx's aligners but one
ALIGNER_BYTES_PER_S = 12 * MIB  # its feature encoder's first layers, in single precision
DIARIZATION_BATCH = 32
DIARIZATION_BYTES = 80 * MIB  # segmentation and speaker embedding weights
# a 10 s window through the embedding network: 32 of them were seen to peak at 1.83 GiB (pyannote-audio issue 1963,
# which also tells of cuDNN taking 10 GiB as workspace where it may: the cap on torch's memory forbids it)
EMBEDDING_BYTES = 60 * MIB
SAMPLES_BYTES_PER_HOUR = 3600 * RATE_HZ * 4


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage: how it begins, and how much GPU memory it is expected to take (0 on the CPU)."""

    name: str
    placement: Placement
    expected_bytes: int
    made_of: Mapping[str, int]  # what those bytes are for


def plan(duration_s: float, settings: EngineSettings, card_bytes: int | None = None) -> tuple[PlannedStage, ...]:
    """Plan recognition, alignment and diarization so that no stage is expected to go beyond the budget.

    Args:
        duration_s: of the recording.
        settings: resolved; its budget counts, and at most the card's size.
        card_bytes: memory of the GPU; None: of this machine's own.

    Returns:
        The three stages. Each begins on the first placement of its ladder that fits; models of other stages are
        given back first where they would not fit beside it, so that each stage is counted alone.
    """
    budget = budget_bytes(settings, card_bytes)
    return tuple(_fitting(name, ladder, budget, duration_s, settings) for name, ladder in _ladders(settings).items())


def budget_bytes(settings: EngineSettings, card_bytes: int | None = None) -> int:
    """What no stage may go beyond: the settings' budget, and at most the card's size (None: this machine's)."""
    if card_bytes is None:
        card_bytes = max((card.total_bytes for card in gpu.gpus()), default=settings.memory_budget_bytes)
    return min(settings.memory_budget_bytes, card_bytes)


def placements(name: str, duration_s: float, settings: EngineSettings) -> list[Placement]:
    """The ladder of a stage (`transcribe`, `align`, `diarize`), from where the plan for this recording begins."""
    planned = next(stage for stage in plan(duration_s, settings) if stage.name == name)
    return list(itertools.dropwhile(lambda placement: placement != planned.placement, _ladders(settings)[name]))


def _ladders(settings: EngineSettings) -> dict[str, list[Placement]]:
    first = Placement(settings.device, settings.batch_size, settings.compute_type)
    return {
        "transcribe": list(fallbacks(first, quantised=True)),
        "align": list(fallbacks(Placement(settings.device, 1))),
        "diarize": list(fallbacks(Placement(settings.device, DIARIZATION_BATCH))),
    }


def _fitting(
    name: str, ladder: list[Placement], budget: int, duration_s: float, settings: EngineSettings
) -> PlannedStage:
    for placement in ladder:
        if placement.device == "cpu":
            return PlannedStage(name, placement, 0, {})
        cost = {**_cost(name, placement, duration_s, settings), "CUDA and its kernels": RUNTIME_BYTES}
        if sum(cost.values()) <= budget:
            return PlannedStage(name, placement, sum(cost.values()), cost)
    raise AssertionError("every ladder ends on the CPU")


def _cost(name: str, placement: Placement, duration_s: float, settings: EngineSettings) -> dict[str, int]:
    if name == "transcribe":
        return _recognition(settings, placement)
    return _alignment(settings) if name == "align" else _diarization(duration_s, placement)


def _recognition(settings: EngineSettings, placement: Placement) -> dict[str, int]:
    model = _shape(settings.model)
    size = BYTES_OF.get(placement.compute_type, 1)
    activation = 2 if placement.compute_type != "float32" else 4
    # attention over the encoder's frames, and its feed-forward layer, live one layer at a time
    encoder = ENCODER_FRAMES * (model.heads * ENCODER_FRAMES + 8 * model.width) * activation
    keys = 2 * model.decoder_layers * model.width * activation
    caches = keys * (ENCODER_FRAMES + settings.beam_size * TEXT_TOKENS)
    return {
        f"weights in {placement.compute_type}": model.parameters * size,
        f"{placement.batch_size} stretches at once": placement.batch_size * (encoder + caches),
    }


def _shape(model: str) -> Whisper:
    """Of a model by its name, else by its size on disk (in half precision); an unknown one is taken for the largest."""
    if model == EMBEDDED:
        return SIZES["base"]
    name = Path(model).name
    named = next((SIZES[size] for size in ("turbo", "large", "medium", "small", "base", "tiny") if size in name), None)
    on_disk = 0 if named else hub.size_bytes(model)
    if named or not on_disk:
        return named or SIZES["large"]
    return min(SIZES.values(), key=lambda shape: abs(shape.parameters * BYTES_OF["float16"] - on_disk))


def _alignment(settings: EngineSettings) -> dict[str, int]:
    return {
        "weights in float32": ALIGNER_PARAMETERS * 4,
        f"a stretch of {settings.chunk_s:g} s": round(settings.chunk_s * ALIGNER_BYTES_PER_S),
    }


def _diarization(duration_s: float, placement: Placement) -> dict[str, int]:
    return {
        "weights in float32": DIARIZATION_BYTES,
        f"{placement.batch_size} windows at once": placement.batch_size * EMBEDDING_BYTES,
        "the recording": round(duration_s / 3600 * SAMPLES_BYTES_PER_HOUR),
    }
