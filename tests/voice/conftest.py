"""What tests of the voice share."""

import pytest

from ecg_audio.voice.cold import compile_once


@pytest.fixture(autouse=True, scope="session")
def _compiled() -> None:
    """Kernels are compiled once for all processes that test, and not in each."""
    compile_once()
