"""Stretches of time that overlap or touch, as one."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T", int, float)


def joined(stretches: Iterable[tuple[T, T]], shortest_gap: T = 0) -> list[tuple[T, T]]:
    """Stretches in order of time, those that overlap, touch or have a shorter gap between them as one.

    Args:
        stretches: where each begins and ends, in seconds or in frames.
        shortest_gap: the shortest that stays.
    """
    found: list[tuple[T, T]] = []
    for start, end in sorted(stretches):
        gap = start - found[-1][1] if found else None
        if gap is not None and (gap <= 0 or gap < shortest_gap):
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def without(stretch: tuple[T, T], others: Iterable[tuple[T, T]]) -> Iterator[tuple[T, T]]:
    """What others leave of a stretch of time, in order.

    Args:
        stretch: where it begins and ends.
        others: in order of their beginnings.
    """
    at, until = stretch
    for start, end in others:
        if start >= until:
            break
        if start > at:
            yield at, start
        at = max(at, end)
    if at < until:
        yield at, until
