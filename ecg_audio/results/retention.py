"""How long each kind of object in a store is kept.

Nothing goes by itself unless an operator says so, except what can be made again. A job's manifest goes a day before
the objects that it names, so that nothing is published of which a part is missing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ecg_audio import layout
from ecg_audio.errors import InvalidRequest
from ecg_audio.settings import FOR_EVER, Retention

LONGEST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Kind:
    """Objects that are kept equally long.

    Attributes:
        folders: where they lie, with the days by which they outlast the kind's age.
        least_days: no shorter age is taken.
        keys: how their keys look. A folder may be shared with files of other programs, which are let be.
    """

    name: str
    folders: Mapping[str, int]
    least_days: int = 1
    keys: re.Pattern[str] = re.compile("")

    @property
    def field(self) -> str:
        """What an operator sets, of `Retention`: a number of days, or forever."""
        return f"{self.name}_days"


KINDS = (
    Kind("recordings", {layout.RECORDINGS: 0}),
    Kind("results", {folder: int(folder != "results") for folder in layout.RESULTS}),
    Kind("features", {layout.TABLES: 0}),
    # without its receipt a job that ended lately would be told of again
    Kind("deliveries", {layout.DELIVERIES: 0}, least_days=30),
    Kind("cache", {layout.CACHE: 0}, keys=layout.CACHED),
    Kind("uploads", {layout.UPLOADS: 0}, keys=layout.UPLOAD),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """Objects in a folder of the store go when nobody has written them for so many days."""

    kind: Kind
    folder: str
    days: int

    def ends(self, key: str, modified: datetime, now: datetime) -> bool:
        """Whether an object's time is over. Both times are aware."""
        return self.kind.keys.match(key) is not None and now - modified > timedelta(days=self.days)


def rules(given: Mapping[str, str] | None = None) -> list[Rule]:
    """The rules that an operator's settings make; manifests come before what they name.

    Args:
        given: variables; None: this process's own.

    Raises:
        InvalidRequest: a variable is neither a sensible number of days nor `forever`.
    """
    settings = Retention.read(given)
    aged = [(kind, days(settings, kind.field, kind.least_days)) for kind in KINDS]
    return [
        Rule(kind, folder, kept_days + longer)
        for kind, kept_days in aged
        if kept_days is not None
        for folder, longer in kind.folders.items()
    ]


def days(settings: Retention, field: str, least_days: int = 1) -> int | None:
    """How many days an operator's setting says; None: for ever.

    Raises:
        InvalidRequest: it is neither a sensible number of days nor `forever`.
    """
    given = getattr(settings, field)
    if given == FOR_EVER:
        return None
    found = int(given) if given.isascii() and given.isdecimal() else 0
    if not least_days <= found <= LONGEST_DAYS:
        variable = Retention.variable(field)
        raise InvalidRequest(
            f"{variable} must be {least_days} to {LONGEST_DAYS} days or {FOR_EVER}, not {given!r}",
            hint=f"Correct or unset {variable}.",
        )
    return found
