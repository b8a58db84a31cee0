"""Logs: which job and run a line is about, as JSON where that is wanted, and never with a secret.

`ECG_LOG_FORMAT=json` makes every line of a process one JSON object; without it lines look as they always did. Either
way signatures and credentials of addresses are blotted out before any handler sees them.
"""

import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter
from typing_extensions import override

from ecg_audio.environment import LOG_FORMAT
from ecg_audio.errors import InvalidRequest

_SECRET = re.compile(
    r"""(?P<name>\b(?:X-Amz-(?:Signature|Credential|Security-Token)|Signature|AWSAccessKeyId)=)[^&\s"'<>]+"""
    r"""|(?<=://)[^/?#\s"'<>@]+:[^/?#\s"'<>@]*(?=@)""",
    re.IGNORECASE,
)
_VISIBLE = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"},  # Unicode has pictures of them
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
}
_about: ContextVar[Mapping[str, str] | None] = ContextVar("ecg_about", default=None)
_jobs: dict[str, str] = {}


@contextmanager
def about(job_id: str, run_id: str) -> Iterator[None]:
    """Let every line that is logged from here, and from whatever is started here, tell its job and its run."""
    relate(run_id, job_id)
    token = _about.set({"job_id": job_id, "run_id": run_id})
    try:
        yield
    finally:
        _about.reset(token)


def relate(run_id: str, job_id: str) -> None:
    """Say which job a run does: Prefect's own lines, before and after its flow, name the run alone."""
    _jobs[run_id] = job_id


def facts(record: logging.LogRecord) -> dict[str, str]:
    """The job and the run that a record is about, as far as they are known."""
    run_id = getattr(record, "flow_run_id", None)
    if run_id and str(run_id) in _jobs:
        return {"job_id": _jobs[str(run_id)], "run_id": str(run_id)}
    return dict(_about.get() or {})


def redacted(text: str) -> str:
    """A text without the signatures and credentials of its addresses."""
    return _SECRET.sub(lambda found: f"{found['name'] or ''}***", text)


def visible(text: str) -> str:
    """A text whose control characters are seen and do nothing; lines and tabs stay.

    Untrusted titles, words and messages would otherwise move the cursor of whoever reads them in a terminal, or
    change what stands there already.
    """
    return text.translate(_VISIBLE)


class Redaction(logging.Filter):
    """Blots secrets and control characters out of a record, its traceback included, before a handler formats it."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if (clean := visible(redacted(said))) != said:
            record.msg, record.args = clean, ()
        if record.exc_info and not record.exc_text:
            record.exc_text = visible(redacted(logging.Formatter().formatException(record.exc_info)))
        return True


class JsonLines(JsonFormatter):
    """One JSON object a line: time, level, logger, message, job_id and run_id, and what `extra` was given."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
            json_ensure_ascii=False,
        )

    @override
    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        moment = datetime.fromtimestamp(record.created, UTC)
        log_data["time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        super().add_fields(log_data, record, message_dict)
        log_data.pop("color_message", None)  # uvicorn's, for terminals
        log_data |= facts(record)

    @override
    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {name: redacted(value) if isinstance(value, str) else value for name, value in log_data.items()}


def configure() -> None:
    """Let this process log as `ECG_LOG_FORMAT` says: `json`, or `text`, the default. Doing it again changes nothing.

    Raises:
        InvalidRequest: it says neither.
    """
    wanted = os.environ.get(LOG_FORMAT) or "text"
    if wanted not in {"json", "text"}:
        raise InvalidRequest(f"{LOG_FORMAT} must be json or text, not {wanted!r}")
    for logger in [logging.root, *logging.root.manager.loggerDict.values()]:
        if not isinstance(logger, logging.Logger):
            continue  # a name that only others' names begin with
        for handler in [*logger.handlers]:
            if wanted == "json" and _on_console(handler) and not isinstance(handler.formatter, JsonLines):
                logger.removeHandler(handler)
                logger.addHandler(handler := _json_console(handler.level))
            if not any(isinstance(found, Redaction) for found in handler.filters):
                handler.addFilter(Redaction())
    if wanted == "json":
        logging.getLogger("ecg_audio").setLevel(logging.INFO)


def _on_console(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler) and handler.stream in {sys.stderr, sys.stdout, sys.__stderr__}


def _json_console(level: int) -> logging.Handler:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    handler.setLevel(level)
    return handler
