"""Arguments that Prefect hands to a task as they are.

Prefect looks through whatever a task is given for futures, twice, and copies it: for the result of an hour that takes
longer than the task. Ours hold none.
"""

from typing import TypeVar, cast

from prefect.utilities.annotations import quote

T = TypeVar("T")


def quoted(value: T) -> T:
    """The argument, marked; the task itself gets the value."""
    return cast(T, quote(value))
