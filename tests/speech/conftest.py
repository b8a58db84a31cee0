"""The room's slow things, once: pyannote's sample recording and an engine whose models are loaded."""

import importlib.util
from pathlib import Path

import pytest
import soundfile


@pytest.fixture(scope="session")
def sample_folder() -> Path:
    """Where pyannote.audio keeps its 30 s telephone conversation and the reference, found without importing it."""
    package = importlib.util.find_spec("pyannote")
    assert package is not None and package.submodule_search_locations
    return next(
        folder for entry in package.submodule_search_locations if (folder := Path(entry) / "audio" / "sample").is_dir()
    )


@pytest.fixture(scope="session")
def conversation(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The conversation as the engines take it: 16 kHz mono FLAC. Speech from 6.7 s to the end, two speakers."""
    samples, sample_rate_hz = soundfile.read(sample_folder / "sample.wav", dtype="int16")
    assert sample_rate_hz == 16_000
    path = tmp_path_factory.mktemp("speech") / "conversation.flac"
    soundfile.write(path, samples, sample_rate_hz)
    return path
