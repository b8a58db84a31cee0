"""How long each kind of object in a store is kept.

Nothing goes by itself unless an operator says so, except what can be made again. A job's manifest goes a day before
the objects that it names, so that nothing is published of which a part is missing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ecg_audio.errors import InvalidRequest

UPLOAD = re.compile(r"videos/[^/]+/\d{8}_\d{6}_[0-9a-f]{8}_[^/]+")
"""Keys of uploads: by user, time and chance."""
UPLOADED_AS = re.compile(r"\d{8}_\d{6}_[0-9a-f]{8}_")
"""How the name of an upload begins, before the name that its sender gave it."""
CACHED = re.compile(r"cache/([0-9a-f]{64}|sources)/[a-z_]+-[0-9a-f]{32}")
FOR_EVER = "forever"
LONGEST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Kind:
    """Objects that are kept equally long.

    Attributes:
        folders: where they lie, with the days by which they outlast the kind's age.
        days: the age at which they go unless the operator says otherwise; None: never.
        least_days: no shorter age is taken.
        keys: how their keys look. A folder may be shared with files of other programs, which are let be.
    """

    name: str
    folders: Mapping[str, int]
    days: int | None = None
    least_days: int = 1
    keys: re.Pattern[str] = re.compile("")

    @property
    def variable(self) -> str:
        """What an operator sets: a number of days, or forever."""
        return f"ECG_KEEP_{self.name.upper()}_DAYS"


KINDS = (
    Kind("recordings", {"recordings": 0}),
    Kind("results", {"results": 0, "runs": 1, "jobs": 1, "batches": 1}),
    Kind("features", {"features": 0}),
    # without its receipt a job that ended lately would be told of again
    Kind("deliveries", {"deliveries": 0}, least_days=30),
    Kind("cache", {"cache": 0}, days=30, keys=CACHED),
    Kind("uploads", {"videos": 0}, keys=UPLOAD),
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


def rules(environment: Mapping[str, str]) -> list[Rule]:
    """The rules that an operator's ECG_KEEP_…_DAYS make; manifests come before what they name.

    Raises:
        InvalidRequest: a variable is neither a sensible number of days nor `forever`.
    """
    aged = [(kind, _days(kind, environment.get(kind.variable, "").strip())) for kind in KINDS]
    return [
        Rule(kind, folder, days + longer)
        for kind, days in aged
        if days is not None
        for folder, longer in kind.folders.items()
    ]


def _days(kind: Kind, given: str) -> int | None:
    if not given:
        return kind.days
    if given == FOR_EVER:
        return None
    days = int(given) if given.isascii() and given.isdecimal() else 0
    if not kind.least_days <= days <= LONGEST_DAYS:
        raise InvalidRequest(
            f"{kind.variable} must be {kind.least_days} to {LONGEST_DAYS} days or {FOR_EVER}, not {given!r}",
            hint=f"Correct or unset {kind.variable}.",
        )
    return days
