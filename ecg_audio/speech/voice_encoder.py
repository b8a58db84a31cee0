"""The GE2E voice encoder: a voice as a unit vector, as a model that pyannote's pipeline can use.

Imports torch and pyannote.audio: import this module only in a process that pays for them anyway.
"""

import torch
import torch.nn.functional as functional
import torchaudio  # type: ignore[import-untyped]
from pyannote.audio.core.model import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from torch import Tensor, nn

from ecg_audio.errors import ModelLoadingFailed
from ecg_audio.sampling import RATE_HZ
from ecg_audio.speech.weights import voice_encoder_path

WINDOW_SAMPLES = 400
HOP_SAMPLES = 160
MEL_BANDS = 40
DIMENSION = 256
TARGET_DBFS = -30.0  # the level the encoder was trained at
PARTIAL_FRAMES = 160  # 1.6 s, the length the encoder was trained on
PARTIAL_HOP_FRAMES = 80
MIN_FRAMES = 25  # 0.25 s: less voice than this says nothing about whose it is
TAIL_FRAMES = 20  # a remainder shorter than this gets no partial of its own


class VoiceEncoder(Model):
    """Speaker embedding by a three-layer LSTM over 40 mel bands, averaged over 1.6 s partials.

    Architecture and front end follow Wan, Wang, Papir and Moreno, "Generalized End-to-End Loss for Speaker
    Verification" (ICASSP 2018), in the shape of the weights that resemblyzer publishes (linear power mel, no log).
    Masked-out frames are cut, not zeroed, so that a partial holds one voice only.
    """

    filters: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__(sample_rate=RATE_HZ, num_channels=1)
        filters: Tensor = torchaudio.functional.melscale_fbanks(
            WINDOW_SAMPLES // 2 + 1,
            0.0,
            RATE_HZ / 2,
            MEL_BANDS,
            RATE_HZ,
            norm="slaney",
            mel_scale="slaney",
        )
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hann_window(WINDOW_SAMPLES), persistent=False)
        self.lstm = nn.LSTM(MEL_BANDS, DIMENSION, 3, batch_first=True)
        self.linear = nn.Linear(DIMENSION, DIMENSION)
        self.specifications = Specifications(
            problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=PARTIAL_FRAMES * 0.01
        )

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return DIMENSION

    def forward(self, waveforms: Tensor, weights: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """Embed each waveform, or the part of it that its mask selects.

        Args:
            waveforms: (batch, 1, samples) float32 at 16 kHz.
            weights: (batch, frames) in [0, 1] at any frame rate; above 0.5 is kept. None keeps all.

        Returns:
            (batch, 256) float32 unit vectors; a row of NaN where less than 0.25 s is left.

        Raises:
            RuntimeError: no mask, and the waveform is shorter than 0.25 s (pyannote probes for this length).
        """
        samples = waveforms[:, 0]
        mel = self.mel(samples)
        batch, frames, _ = mel.shape
        if weights is None:
            if frames < MIN_FRAMES:
                raise RuntimeError("waveform too short to embed")
            kept = torch.ones(batch, frames, dtype=torch.bool, device=mel.device)
        else:
            kept = functional.interpolate(weights[:, None].float(), size=frames, mode="nearest")[:, 0] > 0.5
        power = _frame_power(samples, frames)
        partials: list[Tensor] = []
        owners: list[int] = []
        for row in range(batch):
            if int(kept[row].sum()) < MIN_FRAMES:
                continue
            gain = 10 ** (TARGET_DBFS / 10) / (power[row][kept[row]].mean() + 1e-12)
            pieces = _partials(mel[row][kept[row]] * gain)
            partials += pieces
            owners += [row] * len(pieces)
        embeddings = torch.full((batch, DIMENSION), float("nan"), device=mel.device)
        if partials:
            _, (hidden, _) = self.lstm(torch.stack(partials))
            pieces_embedded = functional.normalize(functional.relu(self.linear(hidden[-1])), dim=1)
            owner = torch.tensor(owners, device=mel.device)
            for row in set(owners):
                embeddings[row] = functional.normalize(pieces_embedded[owner == row].mean(0), dim=0)
        return embeddings

    def mel(self, samples: Tensor) -> Tensor:
        """Mel power spectrogram, (batch, samples) -> (batch, 1 + samples // 160, 40)."""
        spectrum = torch.stft(
            samples,
            WINDOW_SAMPLES,
            HOP_SAMPLES,
            window=self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        return spectrum.abs().square().transpose(1, 2) @ self.filters


def load() -> VoiceEncoder:
    """The encoder with the weights inside the installed resemblyzer package, which is never imported.

    Raises:
        ModelLoadingFailed: the package or its weights are missing or damaged.
    """
    path = voice_encoder_path()
    encoder = VoiceEncoder()
    try:
        trained = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        encoder.load_state_dict({key: trained[key] for key in encoder.state_dict()})
    except (OSError, KeyError, RuntimeError, EOFError, ValueError) as error:
        raise ModelLoadingFailed(f"the voice encoder's weights in {path} cannot be read: {error}") from error
    return encoder.eval()


def _frame_power(samples: Tensor, frames: int) -> Tensor:
    """Mean square of each 10 ms, (batch, samples) -> (batch, frames)."""
    length = frames * HOP_SAMPLES
    padded = functional.pad(samples, (0, max(0, length - samples.shape[1])))[:, :length]
    return padded.reshape(len(samples), frames, HOP_SAMPLES).square().mean(-1)


def _partials(mel: Tensor) -> list[Tensor]:
    """Cut (frames, bands) into windows of 160 frames, half overlapping; a shorter piece is repeated to fill one."""
    frames = len(mel)
    if frames < PARTIAL_FRAMES:
        return [mel[torch.arange(PARTIAL_FRAMES, device=mel.device) % frames]]
    starts = list(range(0, frames - PARTIAL_FRAMES + 1, PARTIAL_HOP_FRAMES))
    if starts[-1] + PARTIAL_FRAMES < frames - TAIL_FRAMES:
        starts.append(frames - PARTIAL_FRAMES)
    return [mel[start : start + PARTIAL_FRAMES] for start in starts]
