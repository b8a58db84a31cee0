"""Log lines tell their job, as JSON, and never a secret."""

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest

from ecg_audio import logs
from ecg_audio.errors import InvalidRequest

SIGNED = "https://b.s3.amazonaws.com/a.mp4?X-Amz-Credential=AKIA/x&X-Amz-Signature=c0ffee&X-Amz-Security-Token=t0k"


@pytest.fixture
def lines() -> Iterator[tuple[logging.Logger, list[dict[str, Any]]]]:
    """A logger that writes JSON lines, and what it has written."""
    written: list[dict[str, Any]] = []

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            written.extend(json.loads(line) for line in text.splitlines())
            return len(text)

    handler = logging.StreamHandler(Stream())
    handler.setFormatter(logs.JsonLines())
    logger = logging.getLogger("ecg_audio.a_test")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, written
    logger.removeHandler(handler)
    logger.propagate = True


Lines = tuple[logging.Logger, list[dict[str, Any]]]


def test_every_line_of_a_job_tells_job_and_run(lines: Lines) -> None:
    """Also in threads that work for it; lines before and after are about no job."""
    logger, written = lines
    logger.warning("before")
    with logs.about("job-1", "run-1"):
        logger.warning("한 %d", 1, extra={"stage": "measure"})
        worker = threading.Thread(target=copy_context().run, args=(logger.warning, "in a thread"))
        worker.start()
        worker.join()
    logger.warning("after")
    assert [line.get("job_id") for line in written] == [None, "job-1", "job-1", None]
    assert [line.get("run_id") for line in written] == [None, "run-1", "run-1", None]
    first = written[1]
    assert (first["level"], first["message"], first["stage"]) == ("WARNING", "한 1", "measure")
    assert first["logger"] == "ecg_audio.a_test" and first["time"].endswith("Z")


def test_lines_that_know_their_run_know_its_job(lines: Lines) -> None:
    """Prefect's own last lines come after the flow, with the run's id."""
    logger, written = lines
    with logs.about("job-2", "run-2"):
        pass
    logger.warning("Finished", extra={"flow_run_id": "run-2"})
    assert (written[0]["job_id"], written[0]["run_id"]) == ("job-2", "run-2")


@pytest.mark.parametrize("secret", ["AKIA", "c0ffee", "t0k", "hunter2", "0ld"])
def test_no_line_holds_a_secret(lines: Lines, secret: str) -> None:
    """Signatures of links and credentials in addresses: not in messages, extras or tracebacks; the rest stays."""
    logger, written = lines
    try:
        raise ValueError(f"cannot open {SIGNED}")  # noqa: TRY301
    except ValueError:
        logger.exception("%s and ftp://kim:hunter2@host/x?Signature=0ld", SIGNED, extra={"url": SIGNED})
    [line] = written
    assert secret not in json.dumps(line)
    assert "https://b.s3.amazonaws.com/a.mp4?X-Amz-Credential=***" in line["url"]
    assert "***@host/x" in line["message"] and "ValueError" in line["traceback"]


def test_other_handlers_get_no_secret_either(caplog: pytest.LogCaptureFixture) -> None:
    """The filter that stands before Prefect's handlers, text and traceback."""
    record = logging.LogRecord("a", logging.ERROR, "", 0, "to %s", (SIGNED,), None)
    assert logs.Redaction().filter(record)
    assert "c0ffee" not in record.getMessage() and "a.mp4" in record.getMessage()


PROGRAM = """
import logging
from ecg_audio import logs
logging.basicConfig()
logs.configure(); logs.configure()
with logs.about("job-3", "run-3"):
    logging.getLogger("ecg_audio.x").info("said")
    logging.getLogger("other").warning("warned")
"""


@pytest.mark.parametrize(
    ("wanted", "said"),
    [("json", ["said", "warned"]), ("text", ["WARNING:other:warned"]), ("", ["WARNING:other:warned"])],
)
def test_the_environment_decides_how_lines_look(wanted: str, said: list[str]) -> None:
    """JSON from every logger of the process, each line once; or as before."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={"ECG_LOG_FORMAT": wanted}, capture_output=True, text=True, check=True
    )
    found = ran.stderr.splitlines()
    if wanted == "json":
        assert {json.loads(line)["job_id"] for line in found} == {"job-3"}
        found = [json.loads(line)["message"] for line in found]
    assert found == said


def test_a_format_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, and what it takes."""
    monkeypatch.setenv("ECG_LOG_FORMAT", "xml")
    with pytest.raises(InvalidRequest, match="ECG_LOG_FORMAT must be json or text"):
        logs.configure()


def test_no_line_commands_a_terminal() -> None:
    """Control characters in a message, from wherever, are seen and do nothing; lines and tabs stay."""
    record = logging.LogRecord("a", logging.ERROR, "", 0, "from %s\n\tthere", ("\x1b[2J\x9b1m\x07\x7f",), None)
    assert logs.Redaction().filter(record)
    assert record.getMessage() == "from ␛[2J\ufffd1m␇␡\n\tthere"
