"""Words with their times, from Python and without Prefect.

    python examples/domain.py RECORDING

Everything in `ecg_audio` can be called like this: it knows files, numbers and reports of progress, and no server.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from ecg_audio.analysis import Transcript
from ecg_audio.media import decode
from ecg_audio.request import EMBEDDED, Limits
from ecg_audio.speech.engine import Engine, LocalEngine


def transcribed(media: Path, engine: Engine) -> Transcript:
    """The words of a media file, placed in its sound.

    Args:
        media: whatever the decoder knows; its sound is made 16 kHz mono first.
        engine: which keeps its models for a next call.
    """
    sha256 = hashlib.sha256(media.read_bytes()).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder, "recording.flac")
        decode.extract(media, sound, key=sound.name, sha256=sha256, limits=Limits())
        return engine.align(sound, engine.transcribe(sound))


def main() -> int:
    """Print a line for each word."""
    engine = LocalEngine(EMBEDDED)  # the models inside installed packages: nothing is downloaded
    try:
        found = transcribed(Path(sys.argv[1]), engine)
    finally:
        engine.close()
    for word in (word for utterance in found.utterances for word in utterance.words):
        when = "   -   " if word.start_s is None else f"{word.start_s:7.2f}"
        print(f"{when} s  {word.text}")  # noqa: T201 - a program for the terminal
    return 0


if __name__ == "__main__":
    sys.exit(main())
