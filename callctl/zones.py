"""Time zones for the core, which knows none: each a table of its offsets from UTC, made from the IANA's data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callctl.core.contacts import Contact
from callctl.core.hours import Offsets
from callctl.core.ids import SECOND, Micros

FIRST_YEAR, LAST_YEAR = 2020, 2060
"""Between these the zone's offsets are known to the core. Fixed, so that the same files always give the same policy."""


@lru_cache(maxsize=512)
def offsets_of(zone: str) -> Offsets:
    """The zone's table. ZoneInfoNotFoundError (a KeyError): there is no such zone."""
    return tuple(_changes(ZoneInfo(zone)))


def offsets_for(contacts: Iterable[Contact]) -> dict[str, Offsets]:
    """The tables of all zones that the contacts name. A name that this machine's data does not have is left out: who
    may be there is not called."""
    names = {zone for it in contacts for zone in (it.zone, *(z for number in it.numbers for z in number.zones))}
    found = {}
    for name in sorted(names - {""}):
        with contextlib.suppress(ZoneInfoNotFoundError, ValueError, OSError):  # not there; `../x`; a folder
            found[name] = offsets_of(name)
    return found


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
