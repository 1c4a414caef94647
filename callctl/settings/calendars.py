"""Opening hours as people write them, to the core's calendars: zones become tables of offsets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from callctl.core.hours import Calendar, Span
from callctl.core.ids import SwitchId
from callctl.settings.days_off import day_number, days_off
from callctl.settings.models import CalendarModel
from callctl.settings.types import WEEKDAYS
from callctl.zones import offsets_of


def calendar_of(model: CalendarModel) -> Calendar:
    """The calendar, as the core reads it."""
    week: list[tuple[Span, ...]] = [()] * 7
    for days, hours in model.week.items():
        for day in days_of(days):
            week[day] = _spans(hours)
    dates = dict.fromkeys(days_off(*model.holidays.key()), _spans(model.holiday_hours)) if model.holidays else {}
    dates |= {day_number(date.fromisoformat(day)): _spans(hours) for day, hours in model.dates.items()}
    switches = tuple(map(SwitchId, model.closed_while))
    return Calendar(offsets_of(model.zone), tuple(week), dates, model.zone, switches)


def _spans(hours: Iterable[str]) -> tuple[Span, ...]:
    return tuple(sorted(span_of(one) for one in hours))


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
