"""Months of `call_event`, made ahead; what fell into the default partition meanwhile is moved."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from callctl.core.ids import Micros
from callctl.store.pool import Connection
from callctl.store.queries import SQL
from callctl.store.times import to_datetime

AHEAD = 2
"""Months beyond the current one."""
_log = structlog.get_logger(__name__)


async def make_ahead(connection: Connection, now: Micros, ahead: int = AHEAD) -> tuple[str, ...]:
    """Make this month's partition and those of the next months, where missing; returns their names."""
    have = {row["relname"] for row in await connection.fetch(SQL["event_partitions"])}
    made = []
    first = _month(to_datetime(now))
    for _ in range(ahead + 1):
        after = _next(first)
        name = f"call_event_{first:%Y_%m}"
        if name not in have:
            await _make(connection, name, first, after)
            made.append(name)
        first = after
    if made:
        _log.info("journal.months_made", partitions=made)
    return tuple(made)


async def _make(connection: Connection, name: str, first: datetime, after: datetime) -> None:
    """Built beside, filled, then attached: attaching fails while the default partition holds its rows.

    Names and bounds are made of a date alone; DDL takes no parameters.
    """
    span = f"at >= '{first.isoformat()}' and at < '{after.isoformat()}'"
    async with connection.transaction():
        await connection.execute(f"""
            create table {name} (like call_event including defaults including comments);
            with late as (delete from call_event_default where {span} returning *)
            insert into {name} select * from late;
            alter table call_event attach partition {name}
                for values from ('{first.isoformat()}') to ('{after.isoformat()}');
        """)


def _month(at: datetime) -> datetime:
    return datetime(at.year, at.month, 1, tzinfo=UTC)


def _next(first: datetime) -> datetime:
    return datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=UTC)
