"""The kinds of files that docs/media.md tells of: made, extracted, and put into its table.

`python -m tests.support.media.kinds > docs/media.md` renews the page.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from ecg_audio.analysis import Recording
from ecg_audio.sound_quality import sound_quality
from tests.support.media.formats import Track, encode, remuxed
from tests.support.media.signals import extracted, onsets_s, rms_dbfs

RATE_HZ = 48_000
BURSTS_S = (1.0, 3.5, 6.0, 8.5)
SECONDS = 10.0
BURST = slice(round(1.05 * 16_000), round(1.15 * 16_000))
TRUE_DBFS = -15.05
Make = Callable[[Path], Path]


def bursts(rate: int = RATE_HZ) -> np.ndarray:
    """Tones of 0.2 s, 1 kHz, -12.04 dBFS peak, at known times over a faint hiss."""
    samples = 1e-4 * np.random.default_rng(1).standard_normal(round(SECONDS * rate))
    t = np.arange(round(0.2 * rate)) / rate
    for start_s in BURSTS_S:
        samples[round(start_s * rate) :][: len(t)] += 0.25 * np.sin(2 * np.pi * 1000 * t)
    return samples


@dataclass(frozen=True)
class Kind:
    """A kind of file: what people call it, how it is made, what is done with it, and its times, if not the usual."""

    name: str
    make: Make
    done: str
    times_s: tuple[float, ...] = BURSTS_S
    louder_db: float = 0.0  # the source's own bursts, than the usual ones


def wav(*channels: np.ndarray, subtype: str = "PCM_24") -> Make:
    """A WAV of these channels."""

    def make(folder: Path) -> Path:
        soundfile.write(folder / "a.wav", np.stack(channels, axis=1), RATE_HZ, subtype)
        return folder / "a.wav"

    return make


def joined(folder: Path) -> Path:
    """Two AAC recordings of different rates, one after the other."""
    parts = [encode(bursts(rate), rate, folder / f"{rate}.aac").read_bytes() for rate in (44_100, 22_050)]
    (folder / "a.aac").write_bytes(b"".join(parts))
    return folder / "a.aac"


def gap(folder: Path) -> Path:
    """A transport stream whose sound drops out while the picture runs on."""
    late = np.concatenate([bursts(), np.zeros(2 * RATE_HZ)])
    late[round(3.5 * RATE_HZ) : round(6.3 * RATE_HZ)] = 0.0
    late = np.concatenate([late[: 3 * RATE_HZ], np.zeros(9 * RATE_HZ), late[3 * RATE_HZ :]])
    whole = encode(late, RATE_HZ, folder / "whole.ts", audio_codec="mp2")
    return remuxed(
        whole,
        folder / "a.ts",
        keep=lambda kind, time_s: kind == "video" or not 2.5 < time_s < 13.0,
        format="mpegts",
    )


def live(folder: Path) -> Path:
    """A WebM cut out of a live stream, whose clock stands at 3 h 20 min."""
    plain = encode(bursts(), RATE_HZ, folder / "plain.webm", video=False)
    return remuxed(plain, folder / "a.webm", shift_s=lambda _time_s: 12_000.0)


def two_streams(folder: Path) -> Path:
    """An MP4 whose first sound stream is silent."""
    return encode(0 * bursts(), RATE_HZ, folder / "a.mp4", streams=[Track(bursts())])


def stale(folder: Path) -> Path:
    """A WAV whose header tells of half of it."""
    path = wav(bursts(), subtype="PCM_16")(folder)
    data = bytearray(path.read_bytes())
    half = (len(data) - 44) // 2
    data[4:8], data[40:44] = (half + 36).to_bytes(4, "little"), half.to_bytes(4, "little")
    path.write_bytes(data)
    return path


def one_a_side(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first and third burst left, the others right: as in a recorded call."""
    times_s = np.arange(len(samples)) / RATE_HZ
    left = (times_s // 2.5) % 2 == 0
    return np.where(left, samples, 0.0), np.where(left, 0.0, samples)


_B = bursts()
_Z = 0 * _B
KINDS = (
    Kind("mono WAV", wav(_B), "as it is"),
    Kind("MP4 with picture", lambda folder: encode(_B, RATE_HZ, folder / "a.mp4"), "as it is"),
    Kind("stereo, the same on both sides", wav(_B, _B), "mean"),
    Kind("stereo, one side silent", wav(_B, _Z), "that side alone, at its own level"),
    Kind("stereo in opposite phase", wav(_B, -_B), "difference, as the mean cancels"),
    Kind("stereo, another voice on each side", wav(*one_a_side(_B)), "each side by itself, beside their mix"),
    Kind("six channels, sound in the third", wav(_Z, _Z, _B, _Z, _Z, _Z), "that channel alone"),
    Kind("offset of 30 % of full scale", wav(_B + 0.3), "offset taken off before anything is measured"),
    Kind("float, 12 dB above full scale", wav(16 * _B, subtype="FLOAT"), "softer as a whole", louder_db=24.08),
    Kind("clipped", wav(np.clip(20 * _B, -1, 1)), "kept; words there carry `clipped_ratio`", louder_db=14.6),
    Kind("50 dB too faint", wav(_B * 10**-2.5), "louder as a whole", louder_db=-50.0),
    Kind("sound missing for 10.5 s in a transport stream", gap, "silence of that length: the picture's clock proves it",
         (1.0, 17.5)),
    Kind("clock of a live stream, at 12 000 s", live, "begins at 0, as long as it is"),
    Kind("two joined AAC files, 44.1 and 22.05 kHz", joined, "one after the other",
         (*BURSTS_S, *((432 - 1) * 1024 / 44_100 + 1024 / 22_050 + time for time in BURSTS_S))),
    Kind("two sound streams, the first silent", two_streams, "the one that carries a voice"),
    Kind("WAV header that tells of half the file", stale, "read to the end of the file"),
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What came out of a kind: the recording, when its bursts begin and how loud they are in the source's scale."""

    recording: Recording
    onsets_s: list[float]
    level_dbfs: float


def found(kind: Kind) -> Found:
    """Make the file and extract it."""
    with tempfile.TemporaryDirectory() as folder:
        recording, samples = extracted(kind.make(Path(folder)))
    level_dbfs = rms_dbfs(samples[BURST]) - recording.gain_db
    return Found(recording, onsets_s(samples, apart_s=0.5), level_dbfs)


def row(kind: Kind) -> str:
    """A line of the page's table."""
    result = found(kind)
    recording = result.recording
    notices = ", ".join(f"`{notice.code}`" for notice in recording.notices) or "–"
    gain = f"{recording.gain_db:+.1f} dB" if recording.gain_db else "–"
    cells = (
        kind.name,
        kind.done,
        f"{recording.duration_s:.1f} s",
        f"{result.level_dbfs:.1f} dBFS",
        recording.mix,
        gain,
        notices,
        (sound_quality(recording) or "").split(" (")[0],
    )
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def page() -> str:
    """docs/media.md."""
    text = Path(__file__).with_name("media_page.md").read_text(encoding="utf-8")
    return text.replace("{{ROWS}}", "\n".join(row(kind) for kind in KINDS))


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - printing is what this command is for
