"""The core's microseconds as Postgres's timestamps, exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from callctl.core.ids import Micros

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


def to_datetime(at: Micros) -> datetime:
    """OverflowError: not between the years 1 and 9999."""
    return _ZERO + timedelta(microseconds=at)


def to_micros(at: datetime) -> Micros:
    return (at - _ZERO) // _MICRO


def iso(at: Micros) -> str:
    """ISO 8601 in UTC, always with six digits of a second."""
    return to_datetime(at).isoformat(timespec="microseconds")


def iso_or_none(at: Micros | None) -> str | None:
    return None if at is None else iso(at)
