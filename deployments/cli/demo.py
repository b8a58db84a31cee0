"""The demo's recording: the telephone conversation that pyannote.audio ships, put into an MP4 with a picture.

`python -m deployments.cli.demo TARGET.mp4` writes it, unless it is there.
"""

import sys
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import soundfile

WIDTH, HEIGHT, FRAMES_PER_S = 640, 360, 10


def sample() -> Path:
    """The conversation's WAV file, found without importing pyannote."""
    package = find_spec("pyannote.audio")
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "sample" / "sample.wav"


def write(target: Path) -> None:
    """Encode the conversation as H.264 or MPEG-4 video with AAC sound."""
    samples, sample_rate_hz = soundfile.read(sample(), dtype="float32", always_2d=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    incoming = target.with_suffix(".part.mp4")
    with av.open(str(incoming), "w", format="mp4") as container:
        picture = container.add_stream("mpeg4", rate=FRAMES_PER_S)
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream("aac", rate=sample_rate_hz, layout="mono")
        level = np.abs(samples[:, 0])
        step = sample_rate_hz // FRAMES_PER_S
        for index in range(0, len(samples), step):
            image = av.VideoFrame.from_ndarray(_meter(float(level[index : index + step].max())), format="rgb24")
            container.mux(picture.encode(image))
            block = av.AudioFrame.from_ndarray(samples[index : index + step].T.copy(), format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = sample_rate_hz, index, Fraction(1, sample_rate_hz)
            container.mux(sound.encode(block))
        container.mux(picture.encode(None))
        container.mux(sound.encode(None))
    incoming.replace(target)


def _meter(level: float) -> np.ndarray:
    """A dark picture with a bar as wide as the sound is loud."""
    image = np.full((HEIGHT, WIDTH, 3), 24, np.uint8)
    image[HEIGHT // 2 - 6 : HEIGHT // 2 + 6, 40 : 40 + int((WIDTH - 80) * min(1.0, level))] = (86, 180, 233)
    return image


def main() -> None:
    """Entry of `python -m deployments.cli.demo`."""
    target = Path(sys.argv[1])
    if not target.exists():
        write(target)
    sys.stdout.write(f"{target}: the two-speaker telephone conversation that comes with pyannote.audio\n")


if __name__ == "__main__":
    main()
