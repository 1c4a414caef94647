"""Calendars, against the standard library's time zones."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.core.hours import is_open, local
from callctl.core.ids import SECOND
from callctl.settings.calendars import calendar_of, days_of
from callctl.settings.models import CalendarModel
from callctl.settings.types import WEEKDAYS

pytestmark = pytest.mark.core

ZONES = ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata", "UTC")


def calendar(zone: str = "Europe/London", **dates: list[str]) -> CalendarModel:
    week = {"mon-fri": ["08:00-12:00", "13:00-18:00"], "sat": ["09:00-12:30"]}
    named = {day.replace("_", "-").lstrip("d"): hours for day, hours in dates.items()}
    return CalendarModel.model_validate({"zone": zone, "week": week, "dates": named}, context={})


moments = st.datetimes(datetime(2021, 1, 1), datetime(2055, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))


@given(st.sampled_from(ZONES), moments)
def test_the_clock_on_the_wall(zone: str, at: datetime) -> None:
    day, second = local(calendar_of(calendar(zone)).offsets, round(at.timestamp() * SECOND))
    wall = at.astimezone(ZoneInfo(zone))
    assert day == (wall.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    assert second == wall.hour * 3600 + wall.minute * 60 + wall.second


def opened(model: CalendarModel, *wall: int, fold: int = 0) -> bool:
    year, month, day, hour, minute = wall
    at = datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(model.zone), fold=fold)
    return is_open(calendar_of(model), round(at.timestamp() * SECOND), ())


def test_weekly_hours() -> None:
    office = calendar()
    monday = (2026, 11, 23)
    assert [opened(office, *monday, h, m) for h, m in ((7, 59), (8, 0), (11, 59), (12, 0), (13, 0), (18, 0))] == [
        False, True, True, False, True, False,
    ]  # fmt: skip
    assert opened(office, 2026, 11, 28, 12, 29)
    assert not opened(office, 2026, 11, 29, 10, 0)


def test_a_date_has_its_own() -> None:
    office = calendar(d2026_12_25=[], d2026_11_29=["10:00-24:00"])
    assert not opened(office, 2026, 12, 25, 10, 0)
    assert opened(office, 2026, 11, 29, 23, 59)


def test_holidays_are_closed_but_for_dates_of_their_own() -> None:
    """Good Friday, Easter Monday and Christmas of 2026; St Andrew's Day is Scotland's alone."""
    written = {**calendar(d2026_12_25=["10:00-11:00"]).model_dump(), "holidays": {"country": "GB"}}
    written["holidays"]["subdivision"] = "ENG"
    office = CalendarModel.model_validate(written, context={})
    assert [opened(office, 2026, month, day, 10, 0) for month, day in ((4, 2), (4, 3), (4, 6), (4, 7))] == [
        True, False, False, True,
    ]  # fmt: skip
    assert opened(office, 2026, 12, 25, 10, 30)
    assert not opened(office, 2026, 12, 25, 11, 30)
    assert opened(office, 2026, 11, 30, 10, 0)
    some = CalendarModel.model_validate({**written, "holiday_hours": ["13:00-14:00"]}, context={})
    assert [opened(some, 2026, 4, 3, hour, 0) for hour in (10, 13)] == [False, True]


def test_where_the_clock_is_put_back_both_hours_count() -> None:
    night = CalendarModel.model_validate({"zone": "Europe/London", "week": {"sun": ["01:00-02:00"]}}, context={})
    assert [opened(night, 2026, 10, 25, 1, 30, fold=fold) for fold in (0, 1)] == [True, True]
    assert not opened(night, 2026, 10, 25, 2, 0)


def test_days() -> None:
    assert days_of("mon-fri") == [0, 1, 2, 3, 4]
    assert days_of("sat-mon") == [5, 6, 0]
    assert [days_of(day) for day in WEEKDAYS] == [[n] for n in range(7)]
