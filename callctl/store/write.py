"""One unit, one transaction: fenced, and stored at most once however often it is tried.

The transaction is a single statement, since callers wait for it: what a request costs, here and on the way, is more
than all that is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import asyncpg
import structlog

from callctl.store.codec import to_text
from callctl.store.errors import DeposedError, StoreError
from callctl.store.ledger import write_ledger
from callctl.store.pool import Connection
from callctl.store.queries import SQL
from callctl.store.rows import Rows
from callctl.store.times import to_datetime

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
    if history:
        rows = replace(rows, live=(), gone=())
    try:
        if rows.ledger or not await _store(connection, rows, history):
            await _store_held(connection, rows, history)
    except _REFUSALS as error:
        _log.error("journal.refused", why=str(error), seq=rows.seq)
        return await _store_piecewise(connection, rows, history)
    return 0


async def _store_held(connection: Connection, rows: Rows, history: bool) -> None:
    """In a transaction that holds the epoch's row: with what the ledger says, or after a race for the row."""
    async with connection.transaction():
        stored = await _hold(connection, rows, history)
        await _store(connection, rows, history)
        await write_ledger(connection, rows.epoch, rows.ledger, stored)


async def _store(connection: Connection, rows: Rows, history: bool, *, whole: bool = True) -> bool:
    """False: nothing is stored, and whoever holds the epoch's row learns why, or may try again."""
    stored = await connection.fetchval(
        SQL["store_unit"],
        rows.epoch,
        Decimal(rows.seed),
        rows.seq,
        whole,
        history,
        *_columns(rows.live, 4),
        *_columns(rows.gone, 2),
        to_text(rows.records),
        *_columns([(to_datetime(at), *others) for at, *others in rows.events], 6),
    )
    return stored is not None


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> Sequence[tuple[Any, ...]]:
    return tuple(zip(*rows, strict=True)) or ((),) * width


async def _hold(connection: Connection, rows: Rows, history: bool) -> int:
    """Lock the epoch's row until the transaction's end: what follows sees all that was stored before, up to the step
    that is returned."""
    held = await connection.fetchrow(SQL["hold_epoch"], rows.epoch, Decimal(rows.seed))
    if held is None:
        raise ForeignRowsError(f"this database has no epoch {rows.epoch} with these rows' seed")
    if not held["current"] and not history:
        raise DeposedError(f"epoch {rows.epoch} has ended: another callctl has taken over this database")
    return int(held["last_seq"])


async def _store_piecewise(connection: Connection, rows: Rows, history: bool) -> int:
    """The same, each row in a savepoint of its own."""
    refused = 0
    async with connection.transaction():
        stored = await _hold(connection, rows, history)
        for what, piece in _pieces(rows):
            try:
                async with connection.transaction():
                    await _store(connection, piece, history, whole=False)
                    await write_ledger(connection, rows.epoch, piece.ledger, stored)
            except _REFUSALS as error:
                _log.error("journal.row_refused", what=what, why=str(error))
                refused += 1
        await _store(connection, Rows(rows.epoch, rows.seed, rows.seq), history)
    return refused


def _pieces(rows: Rows) -> Iterator[tuple[str, Rows]]:
    none = Rows(rows.epoch, rows.seed, rows.seq)
    for row in rows.live:
        yield "live row", replace(none, live=(row,))
    for key in rows.gone:
        yield "live row's end", replace(none, gone=(key,))
    for record in rows.records:
        yield "record", replace(none, records=(record,))
    for event in rows.events:
        yield "event", replace(none, events=(event,))
    for entry in rows.ledger:
        yield "ledger entry", replace(none, ledger=(entry,))
