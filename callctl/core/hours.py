"""Opening hours: weekly hours and dates of their own, in a place's local time.

The core knows no time zones: a calendar carries its zone's offsets from UTC as data, made when the configuration is
read. Wall-clock times are meant: where the clock is put back, both hours of that name count; where it is put forward,
the hour that does not exist is never now.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from callctl.core.ids import SECOND, Micros

DAY = 24 * 3600
"""Seconds."""

Span: TypeAlias = tuple[int, int]
"""Open from … until (seconds since local midnight; the end is not in it, and 86,400 is the next midnight)."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a place is open."""

    offsets: tuple[tuple[Micros, int], ...]
    """(from this moment on, seconds east of UTC), in order; the first holds before it too, and the last for ever."""
    week: tuple[tuple[Span, ...], ...]
    """By weekday, Monday first."""
    dates: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)
    """In place of the weekday's, by days since 1970-01-01; none: closed all day."""
    zone: str = ""
    """Its name, for people."""


def is_open(calendar: Calendar, now: Micros) -> bool:
    """Whether the place is open at this moment."""
    day, second = local(calendar, now)
    spans = calendar.dates.get(day)
    if spans is None:
        spans = calendar.week[(day + 3) % 7]  # 1970-01-01 was a Thursday
    return any(start <= second < end for start, end in spans)


def local(calendar: Calendar, now: Micros) -> tuple[int, int]:
    """The local date as days since 1970-01-01, and the seconds since its midnight by the clock on the wall."""
    at = bisect_right(calendar.offsets, now, key=lambda it: it[0])
    offset = calendar.offsets[max(at - 1, 0)][1]
    return divmod(now // SECOND + offset, DAY)
