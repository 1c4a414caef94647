"""Opening hours as people write them, to the core's calendars: zones become tables of offsets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from callctl.core.hours import Calendar, Span
from callctl.core.ids import SECOND, Micros
from callctl.settings.models import CalendarModel
from callctl.settings.types import WEEKDAYS

FIRST_YEAR, LAST_YEAR = 2020, 2060
"""Between these the zone's offsets are known to the core. Fixed, so that the same files always give the same policy."""
_EPOCH = date(1970, 1, 1)


def calendar_of(model: CalendarModel) -> Calendar:
    """The calendar, as the core reads it."""
    week: list[tuple[Span, ...]] = [()] * 7
    for days, hours in model.week.items():
        for day in days_of(days):
            week[day] = tuple(sorted(span_of(one) for one in hours))
    dates = {
        (date.fromisoformat(day) - _EPOCH).days: tuple(sorted(span_of(one) for one in hours))
        for day, hours in model.dates.items()
    }
    return Calendar(_offsets(model.zone), tuple(week), dates, model.zone)


def days_of(text: str) -> list[int]:
    """`mon-fri` → 0 to 4; `sat-mon` → 5, 6, 0."""
    first, _, last = text.partition("-")
    start = WEEKDAYS.index(first)
    length = (WEEKDAYS.index(last or first) - start) % 7
    return [(start + n) % 7 for n in range(length + 1)]


def span_of(text: str) -> Span:
    """`08:30-18:00` → seconds since midnight."""
    start, end = (int(hour) * 3600 + int(minute) * 60 for hour, minute in (t.split(":") for t in text.split("-")))
    return start, end


@lru_cache(maxsize=32)
def _offsets(zone: str) -> tuple[tuple[Micros, int], ...]:
    return tuple(_changes(ZoneInfo(zone)))


def _changes(zone: ZoneInfo) -> Iterator[tuple[Micros, int]]:
    """Each change of the zone's offset from UTC, to the second."""
    at, end = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
    offset = _offset(zone, at)
    yield _micros(at), offset
    while at < end:
        later = at + timedelta(days=7)  # no zone has changed twice in a week
        if _offset(zone, later) != offset:
            change = _change(zone, at, later, offset)
            offset = _offset(zone, change)
            yield _micros(change), offset
        at = later


def _change(zone: ZoneInfo, before: datetime, after: datetime, offset: int) -> datetime:
    """The first second at which the offset is another."""
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (middle, after) if _offset(zone, middle) == offset else (before, middle)
    return after


def _offset(zone: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())


def _micros(at: datetime) -> Micros:
    return round(at.timestamp()) * SECOND
