"""Postgres and the spool, as the loop knows them: batches become durable in order, a moment later. Fulfils
`ports.Journal`."""

from __future__ import annotations

import asyncio
from collections import deque
from random import Random

from callctl.core.model import World
from callctl.runtime.ports import Batch
from callctl.sim.rows import Rows, copied

FSYNC = 0.004
"""Seconds until a batch is in the spool."""


class Database:
    """What survives a kill: rows and records, be they in Postgres or still in the spool."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.up = asyncio.Event()
        self.up.set()


class VirtualJournal:
    """One life's journal."""

    def __init__(self, database: Database, rng: Random) -> None:
        self._database = database
        self._rng = rng
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Batch] = deque()
        self.stored = 0
        """The last step that is durable."""
        self._stored_more = asyncio.Event()
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        rows = database.rows
        self.ahead = copied(Rows(rows.calls, rows.agents, rows.nodes, rows.trunks))
        """The rows as they will be when all that waits is durable."""

    def append(self, batch: Batch) -> None:
        if self._closed:
            return
        self._waiting.append(batch)
        self.ahead.store(batch)
        self.ahead.records.clear()
        if self._timer is None:
            self._timer = self._loop.call_later(self._delay(), self._commit)

    def _delay(self) -> float:
        return self._rng.uniform(0.002, 0.03) if self._database.up.is_set() else FSYNC

    def _commit(self) -> None:
        """All that waits, in one transaction."""
        self._timer = None
        while self._waiting:
            batch = self._waiting.popleft()
            self._database.rows.store(batch)
            self.stored = batch.seq
        self._stored_more.set()

    async def flushed(self, seq: int) -> None:
        while self.stored < seq:
            self._stored_more.clear()
            await self._stored_more.wait()

    def die(self, much: float) -> None:
        """Killed: of what waits the first part is durable, the rest never was."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for _ in range(round(len(self._waiting) * much)):
            self.stored = self._waiting[0].seq
            self._database.rows.store(self._waiting.popleft())
        self._waiting.clear()

    def differ(self, world: World) -> list[str]:
        """Where the rows no longer say what the World is."""
        return self.ahead.differ(world)
