"""Opening hours: weekly hours and dates of their own, in a place's local time.

The core knows no time zones: a calendar carries its zone's offsets from UTC as data, made when the configuration is
read. Wall-clock times are meant: where the clock is put back, both hours of that name count; where it is put forward,
the hour that does not exist is never now.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from callctl.core.ids import SECOND, Micros, SwitchId

DAY = 24 * 3600
"""Seconds."""

Offsets: TypeAlias = tuple[tuple[Micros, int], ...]
"""A zone: (from this moment on, seconds east of UTC), in order; the first holds before it too, the last for ever."""
Span: TypeAlias = tuple[int, int]
"""Open from … until (seconds since local midnight; the end is not in it, and 86,400 is the next midnight)."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a place is open."""

    offsets: Offsets
    week: tuple[tuple[Span, ...], ...]
    """By weekday, Monday first."""
    dates: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)
    """In place of the weekday's, by days since 1970-01-01; none: closed all day."""
    zone: str = ""
    """Its name, for people."""
    closed_while: tuple[SwitchId, ...] = ()
    """Closed at any time while one of these is on."""


def is_open(calendar: Calendar, now: Micros, switched_on: Container[SwitchId]) -> bool:
    """Whether the place is open at this moment, with these switches on."""
    if shut_by(calendar.closed_while, switched_on) is not None:
        return False
    day, second = local(calendar.offsets, now)
    spans = calendar.dates.get(day)
    return within(second, on(calendar.week, day) if spans is None else spans)


def shut_by(closed_while: Iterable[SwitchId], switched_on: Container[SwitchId]) -> SwitchId | None:
    """The first of these switches that is on; None: none is."""
    return next((it for it in closed_while if it in switched_on), None)


def on(week: tuple[tuple[Span, ...], ...], day: int) -> tuple[Span, ...]:
    """The weekday's hours on a day (since 1970-01-01, which was a Thursday)."""
    return week[(day + 3) % 7]


def within(second: int, spans: tuple[Span, ...]) -> bool:
    """Whether a second of the day lies in one of them."""
    return any(start <= second < end for start, end in spans)


def local(offsets: Offsets, now: Micros) -> tuple[int, int]:
    """The local date as days since 1970-01-01, and the seconds since its midnight by the clock on the wall."""
    return divmod(now // SECOND + _offset(offsets, now), DAY)


def moment(offsets: Offsets, day: int, second: int) -> Micros:
    """When it is this second of the local day. Of a time that comes twice the first; of one that never comes, one
    shortly after it would have been."""
    wall = day * DAY + second
    at = (wall - _offset(offsets, wall * SECOND)) * SECOND
    before = (wall - _offset(offsets, at - DAY * SECOND // 2)) * SECOND
    return before if local(offsets, before) == (day, second) else (wall - _offset(offsets, at)) * SECOND


def _offset(offsets: Offsets, now: Micros) -> int:
    at = bisect_right(offsets, now, key=lambda it: it[0])
    return offsets[max(at - 1, 0)][1]


def starts(calendar: Calendar, now: Micros, days: int) -> Iterator[Micros]:
    """When the place opens from now on, in the coming days, in order."""
    today, _ = local(calendar.offsets, now)
    for day in range(today, today + days):
        spans = calendar.dates.get(day)
        for start, _ in on(calendar.week, day) if spans is None else spans:
            at = moment(calendar.offsets, day, start)
            if at >= now:
                yield at
