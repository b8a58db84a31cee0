"""Text of strangers on a terminal: seen, and without power over it."""

import json
import re
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.live import Live
from rich.table import Table

from deployments import terminal
from deployments.cli import batch, doctor
from deployments.cli.show import show_result
from deployments.service.job_board import Jobs, Recent
from deployments.service.status_page import StatusPage
from deployments.service.supervisor import Service, Supervised
from deployments.terminal import Terminal
from ecg_audio.analysis import Notice
from ecg_audio.batch.summary import Ended
from ecg_audio.errors import SourceInvalid
from ecg_audio.results import document
from ecg_audio.results.outcome import Outcome
from tests.support.results import factory

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31mred\rover\x08\x7f"
OURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
"""What rich itself says to a terminal: styles and movements, all of this form."""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What is printed, on a terminal with colours."""
    screen = StringIO()
    for name in ("out", "err"):
        console = Terminal(file=screen, force_terminal=True, width=200, color_system="truecolor", stderr=name == "err")
        console._environ = {"TERM": "xterm-256color"}
        for module in (terminal, batch, doctor, sys.modules["deployments.cli.show"]):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, console)
    return screen


def harmless(printed: str) -> bool:
    """Whether nothing in it commands the terminal but rich's own styles and movements."""
    left = OURS.sub("", printed).replace("\r", "")
    return "␛" in printed and all(character.isprintable() or character in "\n\t" for character in left)


def commanded(printed: str) -> list[str]:
    """The commands to a terminal that clear or move."""
    return [found for found in OURS.findall(printed) if not found.endswith("m")]


def test_show(shown: StringIO, tmp_path: Path) -> None:
    """Titles, words, speakers and notices of a result."""
    found = factory.analysis()
    words = [word.model_copy(update={"text": HOSTILE}) for word in found.segments[0].words]
    segment = found.segments[0].model_copy(update={"words": tuple(words), "text": HOSTILE, "speaker": HOSTILE})
    notice = Notice(code="CODE", message=HOSTILE)
    changed = {"title": HOSTILE, "segments": (segment,), "notices": (notice,), "transcription_model": HOSTILE}
    (tmp_path / "analysis.json").write_bytes(document.dumps(found.model_copy(update=changed)))
    show_result(str(tmp_path / "analysis.json"), None)
    assert harmless(shown.getvalue()) and commanded(shown.getvalue()) == []
    assert "␛[2J" in shown.getvalue()


def test_errors_and_batches(shown: StringIO) -> None:
    """Messages hold names of files, titles of pages and what far sides said."""
    terminal.print_error(SourceInvalid(HOSTILE, hint=HOSTILE))
    batch._say(Ended(where=HOSTILE, source=HOSTILE, status="failed", error_code="X", error_message=HOSTILE), 1, 2)
    doctor._line(False, "store", HOSTILE)
    assert harmless(shown.getvalue()) and commanded(shown.getvalue()) == []


@pytest.mark.parametrize("plain", [True, False])
def test_the_status_page(shown: StringIO, tmp_path: Path, plain: bool) -> None:
    """Names of runs hold names of sources; also where the page is drawn in place."""
    kept = Supervised(Service("it", ("true",), address=HOSTILE), tmp_path / "it.log", "ready")
    jobs = Jobs({"done": 1}, (Recent(HOSTILE, HOSTILE, datetime.now(UTC), 1.0),))
    with StatusPage([kept], [HOSTILE], terminal.out, plain=plain) as page:
        page.show(jobs)
        page.say(HOSTILE)
    assert harmless(shown.getvalue())
    assert "\x1b[2J" not in shown.getvalue() and "\x1b]0" not in shown.getvalue()


def test_whatever_is_printed(shown: StringIO) -> None:
    """Strings, tables and what is drawn in place pass one gate; tabs, lines and letters of any script stay."""
    table = Table(HOSTILE)
    table.add_row(HOSTILE)
    terminal.out.print(HOSTILE, markup=False)
    terminal.out.print(table)
    with Live(table, console=terminal.out, auto_refresh=False):
        pass
    assert harmless(shown.getvalue())
    shown.truncate(shown.seek(0))
    terminal.out.print("서울 é\n[bold]x[/]", highlight=False)
    assert shown.getvalue() == "서울 é\n\x1b[1mx\x1b[0m\n"


def test_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """One line of ASCII controls escaped, which says the same."""
    said = Outcome(job_id="j", status="failed", error_code="X", error_message=HOSTILE + "é")
    terminal.write_json(said)
    printed = capsys.readouterr().out
    assert json.loads(printed)["error_message"] == HOSTILE + "é"
    assert printed.rstrip("\n").isprintable() and printed.count("\n") == 1
