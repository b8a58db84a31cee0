"""The examples in docstrings say what happens."""

import doctest
import importlib

import pytest

MODULES = ("boundaries", "breaks", "reading", "text", "timing")


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_captions_hold(name: str) -> None:
    """Every module named here has an example, and all of them give what they say."""
    found = doctest.testmod(importlib.import_module(f"ecg_audio.captions.{name}"))
    assert found.attempted and not found.failed
