"""A start: the schema, the lock, what an earlier life left in the spool, a new epoch, what it restores from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import structlog

from callctl.core.agents import MOST_REMEMBERED
from callctl.core.ids import AgentId, Micros, QueueId
from callctl.core.model import LeftWaiting
from callctl.runtime.ports import Restored
from callctl.store import partitions
from callctl.store.codec import DecodeError, loads
from callctl.store.contacts import release_claims
from callctl.store.drain import store_spooled
from callctl.store.errors import DeposedError, StoreError
from callctl.store.journal import ACTIVE_LOCK, Epoch, PostgresJournal
from callctl.store.migrate import migrate
from callctl.store.pool import TROUBLE, Connection, Pool, connect, reading_pool, shown
from callctl.store.queries import SQL
from callctl.store.rows import LIVE
from callctl.store.spool import MAX_BYTES, Spool
from callctl.store.times import to_datetime, to_micros

LOCK_PATIENCE = 6.0
"""Seconds to wait for another daemon that may be stopping: longer than a SIGTERM takes."""
LiveBodies: TypeAlias = dict[tuple[str, str], str]
"""JSON text by kind and id."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Life:
    """What a daemon is, as its epoch's row says."""

    holder: str
    """Host and process id."""
    code: str
    """Version of callctl."""
    policy_sha: str
    seed: int
    """Of its ids: 64 random bits."""


@dataclass(frozen=True, slots=True)
class Store:
    """An open store. `close()` stores or spools what waits, and lets go."""

    journal: PostgresJournal
    pool: Pool
    """For reading."""
    restored: Restored
    """What this start found."""

    def restore(self) -> Restored:
        """What a start would find now: everything that `journal.flushed` has answered for, Postgres there or not."""
        found, _ = _decoded(self.journal.live)
        return found

    async def close(self, timeout: float = 3.0) -> None:
        """Everything, in at most a second more than `timeout`; what Postgres has not taken by then is spooled."""
        await self.journal.close(timeout)
        await self.close_pool()

    async def close_pool(self, timeout: float = 0.5) -> None:
        """Let go of the readers' connections; who still reads after `timeout` seconds is cut off."""
        try:
            async with asyncio.timeout(timeout):
                await self.pool.close()
        except TROUBLE:
            self.pool.terminate()


async def open_store(
    url: str,
    life: Life,
    spool_folder: Path,
    *,
    now: Callable[[], Micros],
    on_deposed: Callable[[str], None],
    patience: float = 10.0,
    lock_patience: float = LOCK_PATIENCE,
    spool_bytes: int = MAX_BYTES,
    last_agents_of: Micros = 0,
    left_of: Micros = 0,
    on_database: Callable[[bool, str], None] = lambda up, why: None,
) -> Store:
    """Everything from the first connection to a journal that takes batches.

    `patience`: seconds to wait for a database that is not there yet. StoreError: it cannot be used, another
    callctl is using it, or its schema does not fit. `last_agents_of`: callers' last agents are read back so far,
    `left_of`: those who left while waiting; 0: none.
    """
    connection = await connect(url, patience=patience)
    spool = Spool(spool_folder, max_bytes=spool_bytes)
    try:
        await migrate(connection)
        await _take_lock(connection, url, lock_patience)
        await partitions.make_ahead(connection, now())
        spool.open()
        await _store_leftovers(connection, spool)
        epoch, restored, live = await _begin(connection, life)
        await release_claims(connection, epoch.id)
        if last_agents_of:
            restored = replace(restored, last_agents=await _last_agents(connection, now() - last_agents_of))
        if left_of:
            restored = replace(restored, left=await _left(connection, now() - left_of))
        pool = await reading_pool(url)
    except BaseException as error:
        connection.terminate()
        spool.close()
        if isinstance(error, TROUBLE):
            raise StoreError(f"{shown(url)}: {error}") from error
        raise
    journal = PostgresJournal(url, epoch, spool, connection, now, on_deposed, live, on_database)
    _log.info("store.open", epoch=epoch.id, calls=len(restored.calls), agents=len(restored.agents))
    return Store(journal, pool, restored)


async def _take_lock(connection: Connection, url: str, patience: float) -> None:
    deadline = asyncio.get_running_loop().time() + patience
    told = False
    while not await connection.fetchval(SQL["try_lock"], ACTIVE_LOCK):
        if asyncio.get_running_loop().time() >= deadline:
            row = await connection.fetchrow(SQL["current_epoch"])
            who = f" ({row['holder']}, last sign of life {row['beat']:%F %T} UTC)" if row else ""
            raise StoreError(f"{shown(url)}: another callctl{who} is using this database; stop it first")
        if not told:
            _log.warning("store.lock_held", url=shown(url), patience=patience)
            told = True
        await asyncio.sleep(0.1)


async def _store_leftovers(connection: Connection, spool: Spool) -> None:
    """What the last life could not store. The lock is ours: nobody else writes."""
    found = spool.waiting
    while spool.waiting:
        try:
            await store_spooled(connection, spool)
        except DeposedError:
            await store_spooled(connection, spool, history=True)
    if found:
        _log.info("spool.stored", bytes=found)


async def _begin(connection: Connection, life: Life) -> tuple[Epoch, Restored, LiveBodies]:
    async with connection.transaction():
        await connection.execute(SQL["end_epochs"])
        epoch = int(
            await connection.fetchval(SQL["begin_epoch"], life.holder, life.code, life.policy_sha, Decimal(life.seed))
        )
        rows = await connection.fetch(SQL["load_live"])
        live = {(str(row["kind"]), str(row["id"])): str(row["body"]) for row in rows}
        restored, refused = _decoded(live)
        for (kind, id_), why in refused.items():
            await connection.execute(SQL["set_aside"], kind, id_, why)
            del live[kind, id_]
    return Epoch(epoch, life.seed), restored, live


async def _last_agents(connection: Connection, since: Micros) -> tuple[tuple[str, AgentId, Micros], ...]:
    rows = await connection.fetch(SQL["last_agents"], to_datetime(since), MOST_REMEMBERED)
    return tuple((str(row["caller"]), AgentId(row["agent"]), to_micros(row["ended"])) for row in rows)


async def _left(connection: Connection, since: Micros) -> tuple[tuple[str, LeftWaiting], ...]:
    rows = await connection.fetch(SQL["left_waiting"], to_datetime(since), MOST_REMEMBERED)
    ended = [(row, to_micros(row["ended"])) for row in rows]
    return tuple(
        (str(row["caller"]), LeftWaiting(QueueId(row["queue"]), at - to_micros(row["queued"]), at)) for row, at in ended
    )


def _decoded(live: LiveBodies) -> tuple[Restored, dict[tuple[str, str], str]]:
    """The live rows as values; and those that cannot be read, with why: they must not keep the daemon down."""
    found: dict[str, list[Any]] = {kind: [] for kind in LIVE}
    refused: dict[tuple[str, str], str] = {}
    for (kind, id_), body in live.items():
        try:
            if kind not in LIVE:
                raise DecodeError(f"unknown kind {kind}")
            found[kind].append(loads(LIVE[kind], body))
        except DecodeError as error:
            _log.error("store.row_set_aside", kind=kind, id=id_, why=str(error))
            refused[kind, id_] = str(error)
    rows = {kind: tuple(values) for kind, values in found.items()}
    restored = Restored(
        calls=rows["call"],
        agents=rows["agent"],
        nodes=rows["node"],
        trunks=rows["trunk"],
        campaigns=rows["campaign"],
        attempts=rows["attempt"],
        switches=rows["switch"],
        flows=rows["flows"],
    )
    return restored, refused
