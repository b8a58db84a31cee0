"""The page's words: which languages there are, and what each of them has."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from ecg_audio import errors
from ecg_audio.analysis import LOOPING
from ecg_audio.errors import EcgError
from ecg_audio.speech import suspect
from gateway import concurrency, front
from tests.gateway.conftest import Open

OF_COMMANDS = {"ADDRESS_IN_USE", "SERVICE_FAILED", "BATCH_FAILED"}
"""Codes that no gateway answers, and no job ends with."""
OF_THE_GATEWAY = {"UNAUTHORIZED", "FOREIGN_PAGE", "MISDIRECTED", "NOT_FOUND", "METHOD_NOT_ALLOWED", "HTTP_ERROR"}
FIGURES = re.compile(r"\{(\w+)\}")


def texts(language: str) -> dict[str, str]:
    """A language's words."""
    found: dict[str, str] = json.loads((front.FOLDER / f"{language}.json").read_text("utf-8"))
    return found


def test_a_file_of_words_is_a_language(gateway: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever puts one beside the others can choose it."""
    assert gateway().get("/studio/languages").json() == ["en", "ko"]
    folder = tmp_path / "studio"
    shutil.copytree(front.FOLDER, folder)
    (folder / "de.json").write_text('{"jobs": "Aufnahmen"}')
    monkeypatch.setattr(front, "FOLDER", folder)
    front._parts.cache_clear()
    client: httpx.Client = gateway()
    assert client.get("/studio/languages").json() == ["de", "en", "ko"]
    assert client.get("/studio/de.json").json() == {"jobs": "Aufnahmen"}
    front._parts.cache_clear()


def kinds() -> list[type[EcgError]]:
    """The errors that can reach the page."""
    ours = {errors.__name__, concurrency.__name__}
    return [kind for kind in errors.kinds() if kind.__module__ in ours and kind.code not in OF_COMMANDS]


def test_every_failure_is_said_in_korean() -> None:
    """Each code that can reach the page has its words."""
    wanted = {kind.code for kind in kinds()} | OF_THE_GATEWAY
    assert len(wanted) >= 50 and {f"error_{code}" for code in wanted} <= set(texts("ko"))


def test_no_failure_sends_a_reader_to_a_terminal() -> None:
    """Where a hint speaks of commands and their options, the page has other words in English."""
    own = texts("en")
    terminal = [kind.code for kind in kinds() if re.search(r"`ecg |--\w|POST /", kind.default_hint)]
    assert terminal and {f"error_{code}" for code in terminal} <= set(own)
    assert not [name for name, text in own.items() if re.search(r"`|--\w", text)]


def test_every_doubt_is_said_in_words() -> None:
    """What makes a word suspect has words in both languages."""
    reasons = [suspect.OUTSIDE, suspect.UNSOUNDED, suspect.TOO_FAST, suspect.TOO_LONG, suspect.UNLIKELY]
    for reason in [*reasons, suspect.INVENTED, LOOPING]:
        wanted = "suspect_" + re.sub(r"\W+", "_", reason)
        assert wanted in texts("en") and wanted in texts("ko"), wanted


def test_korean_has_all_words_with_their_figures() -> None:
    """No text of the page is English in Korean, and none names a figure that nobody gives."""
    english, korean = texts("en"), texts("ko")
    assert set(english) <= set(korean)
    for name, text in english.items():
        given: Any = set(FIGURES.findall(text)) | ({"message", "hint"} if name.startswith("error_") else set())
        assert set(FIGURES.findall(korean[name])) <= given, name
