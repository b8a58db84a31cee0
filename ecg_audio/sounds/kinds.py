"""Which events are looked for, and what other people's words for sounds mean: the table of `kinds.toml`."""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ConfigDict

from ecg_audio.analysis import EventKind
from ecg_audio.errors import InvalidRequest
from ecg_audio.settings import Events

ALL: tuple[EventKind, ...] = get_args(EventKind)
DEFAULT, EVERY, NONE = "default", "all", "none"

_BRACKETED = re.compile(r"[\[(*][^\])*]+[\])*]|[♪♫]")


class Kind(BaseModel):
    """What tells of one kind of event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: bool
    shortest_s: float = 0.3
    remarks: tuple[str, ...] = ()
    least_share: float = 1.0
    least_probability: float = 1.0
    labels: tuple[str, ...] = ()
    least_score: float = 1.0


@cache
def table() -> dict[EventKind, Kind]:
    """All kinds."""
    read = tomllib.loads((Path(__file__).parent / "kinds.toml").read_text("utf-8"))
    assert tuple(read) == ALL, "kinds.toml has other kinds than the result"
    return {kind: Kind.model_validate(read[kind]) for kind in ALL}


def wanted() -> tuple[EventKind, ...]:
    """The kinds that are looked for: those of the table that are on, or what ECG_EVENT_KINDS names.

    Raises:
        InvalidRequest: it names something else.
    """
    given = [name.strip() for name in Events.read().kinds.split(",") if name.strip()] or [DEFAULT]
    known = {DEFAULT: {kind for kind in ALL if table()[kind].default}, EVERY: set(ALL), NONE: set()}
    found: set[EventKind] = set()
    for name in given:
        kinds = known.get(name, {kind for kind in ALL if kind == name})
        if not kinds and name != NONE:
            choices = ", ".join((DEFAULT, EVERY, NONE, *ALL))
            variable = Events.variable("kinds")
            raise InvalidRequest(f"{variable}: {name!r} is no kind of event", hint=f"Name some of: {choices}.")
        found |= kinds
    return tuple(kind for kind in ALL if kind in found)


def of_remark(text: str) -> EventKind | None:
    """The kind of what a recogniser wrote, if all that it wrote is one sound in brackets (or several of a kind)."""
    parts = _BRACKETED.findall(text)
    if not parts or re.search(r"\w", _BRACKETED.sub("", text)):
        return None
    found = {next((kind for kind in ALL if _names(part, table()[kind].remarks)), None) for part in parts}
    return found.pop() if len(found) == 1 else None


@cache
def _by_label() -> dict[str, EventKind]:
    return {label.lower(): kind for kind in ALL for label in table()[kind].labels}


def of_label(label: str) -> EventKind | None:
    """The kind that a classifier's label stands for."""
    return _by_label().get(label.strip().lower())


def _names(part: str, remarks: Sequence[str]) -> bool:
    return any(remark in part.lower() for remark in remarks)
