"""One unit, one transaction: fenced, and stored at most once however often it is tried."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import asyncpg
import structlog

from callctl.store.codec import to_text
from callctl.store.errors import DeposedError, StoreError
from callctl.store.pool import Connection
from callctl.store.queries import SQL
from callctl.store.rows import EventRow, Rows
from callctl.store.times import to_datetime

_EVENT_COLUMNS = ("at", "call", "epoch", "seq", "n", "kind", "body")
_REFUSALS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)
"""Errors of the data itself: a second try meets them again."""
_log = structlog.get_logger(__name__)


class ForeignRowsError(StoreError):
    """The rows belong to an epoch that this database never had."""


async def write(connection: Connection, rows: Rows, *, history: bool = False) -> int:
    """Store the unit, or find that it is stored; returns how many rows the server refused.

    What the server refuses as data is left out, row by row, and logged: the rest is stored.
    `history`: of an epoch that has ended: its events and records are still true, its live rows are not.
    DeposedError: the epoch has ended. ForeignRowsError: it is not of this database.
    """
    try:
        return await _write(connection, rows, history, _store)
    except _REFUSALS as error:
        _log.error("journal.refused", why=str(error), seq=rows.seq)
        return await _write(connection, rows, history, _store_piecewise)


async def _write(
    connection: Connection,
    rows: Rows,
    history: bool,
    store: Callable[[Connection, Rows, list[EventRow], bool], Awaitable[int]],
) -> int:
    async with connection.transaction():
        held = await connection.fetchrow(SQL["hold_epoch"], rows.epoch, Decimal(rows.seed))
        if held is None:
            raise ForeignRowsError(f"this database has no epoch {rows.epoch} with these rows' seed")
        if not held["current"] and not history:
            raise DeposedError(f"epoch {rows.epoch} has ended: another callctl has taken over this database")
        stored = held["last_seq"]
        refused = 0
        if rows.seq > stored:
            events = [event for event in rows.events if event[2] > stored]
            refused = await store(connection, rows, events, history)
        await connection.execute(SQL["beat_epoch"], rows.epoch, rows.seq)
        return refused


async def _store(connection: Connection, rows: Rows, events: list[EventRow], history: bool) -> int:
    if rows.live and not history:
        kinds, ids, seqs, bodies = zip(*rows.live, strict=True)
        await connection.execute(SQL["upsert_live"], rows.epoch, kinds, ids, seqs, bodies)
    if rows.gone and not history:
        kinds, ids = zip(*rows.gone, strict=True)
        await connection.execute(SQL["delete_live"], kinds, ids)
    if rows.records:
        await connection.execute(SQL["upsert_call"], rows.epoch, to_text(rows.records))
    if events:
        await connection.copy_records_to_table(
            "call_event", columns=_EVENT_COLUMNS, records=[_event_values(rows.epoch, event) for event in events]
        )
    return 0


async def _store_piecewise(connection: Connection, rows: Rows, events: list[EventRow], history: bool) -> int:
    """The same, each row in a savepoint of its own."""
    pieces: list[tuple[str, str, tuple[Any, ...]]] = []
    if not history:
        pieces += [
            ("live row", SQL["upsert_live"], (rows.epoch, [kind], [id_], [seq], [body]))
            for kind, id_, seq, body in rows.live
        ]
        pieces += [("live row's end", SQL["delete_live"], ([kind], [id_])) for kind, id_ in rows.gone]
    pieces += [("record", SQL["upsert_call"], (rows.epoch, to_text([record]))) for record in rows.records]
    refused = 0
    for what, statement, values in pieces:
        refused += not await _piece(connection, what, statement, values)
    for event in events:
        refused += not await _piece(connection, "event", SQL["insert_event"], _event_values(rows.epoch, event))
    return refused


async def _piece(connection: Connection, what: str, statement: str, values: tuple[Any, ...]) -> bool:
    try:
        async with connection.transaction():
            await connection.execute(statement, *values)
    except _REFUSALS as error:
        _log.error("journal.row_refused", what=what, why=str(error))
        return False
    return True


def _event_values(epoch: int, event: EventRow) -> tuple[Any, ...]:
    at, call, seq, n, kind, body = event
    return (to_datetime(at), call, epoch, seq, n, kind, body)
