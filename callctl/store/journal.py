"""The journal: batches go to Postgres soon and in order; while it is away, to the spool.

One task writes. It takes what has come since its last transaction as one unit (group commit), and holds it
until it is stored or spooled:

    storing ──(any trouble, or slow)──> spooling ──(connected again, spool drained)──> storing
       └──────────(epoch ended by another)──> deposed <──────────┘

Each unit is stored exactly once: `epoch.last_seq` is written in its transaction, so a unit whose commit was
in doubt is known at the next try.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import structlog

from callctl.core.ids import Micros
from callctl.runtime.ports import Batch
from callctl.store import partitions
from callctl.store.drain import UNIT_FACTS, store_spooled
from callctl.store.errors import DeposedError, StoreError
from callctl.store.pool import TROUBLE, Connection, connect
from callctl.store.queries import SQL
from callctl.store.rows import Rows, Unit, to_rows
from callctl.store.spool import Spool, SpoolFullError
from callctl.store.write import write

ACTIVE_LOCK = 0x63616C6C63746C02  # "callctl", 2
"""The advisory lock that the writing daemon holds on its journal's connection."""
UNIT_BATCHES = 500
"""A unit takes no further batch beyond these and UNIT_FACTS: its encoding and its transaction stay short."""
MAX_UNITS = 100
"""So many units wait in memory; beyond that, batches are merged without their facts."""
MAX_RECORDS = 100_000
"""Call records kept in memory in the last unit when neither database nor disk takes them."""
SLOW = 0.1
"""Seconds after which a transaction's unit is spooled beside it: what a kill would take from memory is what was
decided within that time, however long Postgres hangs."""
GATHER = 0.05
"""Seconds from one transaction to the next, at least, unless somebody waits for it or a phone is rung: who answers a
callctl that was just started anew must be known to it. What comes after a pause is stored at once; of many calls the
steps are gathered, since a transaction for each costs more than all that is in it."""
WRITE_TIMEOUT = 5.0
BEAT_EVERY = 5.0
"""Seconds between signs of life when nothing happens."""
MONTHS_EVERY = 3600.0
GOODBYE = 0.3
"""Seconds for which the end waits for Postgres to hang up."""
SPOOL_RETRY = 1.0
BACKOFF = (0.1, 5.0)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Epoch:
    """The life of a daemon that this journal writes for."""

    id: int
    seed: int


class Mode(StrEnum):
    STORING = "storing"
    SPOOLING = "spooling"
    DEPOSED = "deposed"
    CLOSED = "closed"


@dataclass(slots=True)
class Counts:
    """Of this journal, since it began; for metrics."""

    batches: int = 0
    units: int = 0
    """Transactions committed."""
    spooled: int = 0
    """Units that went through the spool."""
    dropped_events: int = 0
    dropped_records: int = 0
    refused_rows: int = 0
    """Rows that the server refused as data."""


class PostgresJournal:
    """Fulfils `runtime.ports.Journal`. Made by `store.start.open_store`, which gives it a connection with the lock.

    `on_deposed` is called once, with the reason, when another daemon has taken over; `on_database` at each change: with
    False and why when Postgres takes nothing any more and the spool begins, with True when it has taken all of that.
    """

    def __init__(
        self,
        url: str,
        epoch: Epoch,
        spool: Spool,
        connection: Connection,
        now: Callable[[], Micros],
        on_deposed: Callable[[str], None],
        live: dict[tuple[str, str], str],
        on_database: Callable[[bool, str], None] = lambda up, why: None,
    ) -> None:
        self.epoch = epoch
        self.counts = Counts()
        self.mode = Mode.STORING
        self.why = ""
        """Why it is not storing; for readyz."""
        self.live = live
        """Body by kind and id: what the live rows are when everything safe is stored, also while it is spooled."""
        self._url = url
        self._spool = spool
        self._connection: Connection | None = connection
        self._now = now
        self._on_deposed = on_deposed
        self._on_database = on_database
        self._units: deque[Unit] = deque()
        self._held: Rows | None = None
        self._safe_to, self._committed_to = _Mark(), _Mark()
        """Postgres or the spool has everything up to there; Postgres has."""
        self._stored_at = 0.0
        """When the last transaction was over, by the loop's clock."""
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        """Set when somebody waits for what is not stored yet."""
        self._closing = False
        self._spool_stuck = False
        self._months_at = asyncio.get_running_loop().time() + MONTHS_EVERY
        self._reconnecting: asyncio.Task[None] | None = None
        self._writer = asyncio.create_task(self._run(), name="journal")

    # ── the port ─────────────────────────────────────────────────────────────────────────────

    def append(self, batch: Batch) -> None:
        """Take a batch. Never blocks, never raises; over the bound, explaining events go first."""
        self.counts.batches += 1
        last = self._units[-1] if self._units else None
        if last is None or last.batches >= UNIT_BATCHES or len(last.facts) >= UNIT_FACTS:
            if last is not None and len(self._units) >= MAX_UNITS:
                self._add_thinly(last, batch)
                return
            last = Unit()
            self._units.append(last)
        last.add(batch)
        self._wake.set()
        if last.urgent:
            self._hurry.set()

    async def flushed(self, seq: int) -> None:
        """Return when everything up to `seq` is in Postgres or fsynced in the spool. StoreError: never."""
        if self._safe_to.seq < seq:
            self._refuse_if_over()
            self._hurry.set()
            await self._safe_to.reached(seq)

    async def committed(self, seq: int) -> None:
        """Return when everything up to `seq` is in Postgres, the spool included. Nothing is hurried for it. StoreError:
        never."""
        if self._committed_to.seq < seq:
            self._refuse_if_over()
            await self._committed_to.reached(seq)

    def _refuse_if_over(self) -> None:
        if self.mode is Mode.CLOSED:
            raise StoreError("the journal is closed")
        if self.mode is Mode.DEPOSED:
            raise DeposedError(self.why)

    async def close(self, timeout: float = 3.0) -> None:
        """Store what waits; what is not stored after `timeout` seconds is spooled. Then let go of everything."""
        if self.mode is Mode.CLOSED:
            return
        self._closing = True
        self._wake.set()
        self._hurry.set()
        await asyncio.wait([self._writer], timeout=timeout)
        if not self._writer.done() and self._connection is not None:
            self._connection.terminate()
        await _cancelled(self._writer)
        await _cancelled(self._reconnecting)
        await asyncio.to_thread(self._spool_rest)
        await self._hang_up()
        self._spool.close()
        self.mode = Mode.CLOSED
        self._release(StoreError("the journal is closed"))

    def forget(self, texts: Iterable[str]) -> int:
        """Remove what the spool put aside for people, where it names any of these; how many files."""
        return self._spool.forget(texts)

    @property
    def stored_seq(self) -> int:
        """Everything up to this step is safe."""
        return self._safe_to.seq

    @property
    def spool_bytes(self) -> int:
        """Bytes that wait in the spool."""
        return self._spool.waiting

    @property
    def waiting_batches(self) -> int:
        """Batches that wait in memory."""
        return sum(unit.batches for unit in self._units)

    # ── the writer ───────────────────────────────────────────────────────────────────────────

    async def _run(self) -> None:
        while self.mode is not Mode.DEPOSED:
            if self._held is None and self._units:
                await self._gather()
                self._held = to_rows(self._units.popleft(), self.epoch.id, self.epoch.seed)
            if self._closing and self._held is None:
                return
            try:
                await (self._store() if self.mode is Mode.STORING else self._to_spool())
            except DeposedError as error:
                self._depose(str(error))
            except Exception as error:  # whatever it is, the batch is held, and goes to the spool
                self._lose(error)

    async def _gather(self) -> None:
        """When the last transaction is just over, wait a moment for more."""
        self._hurry.clear()
        left = self._stored_at + GATHER - asyncio.get_running_loop().time()
        hurried = self._safe_to.is_awaited or self._closing or len(self._units) > 1 or self._units[0].urgent
        if left <= 0 or hurried:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._hurry.wait()

    async def _store(self) -> None:
        """Write what is held; with nothing to write, wait, and give a sign of life."""
        rows = self._held
        if rows is None and await self._woken(BEAT_EVERY):
            return
        connection = self._connection
        assert connection is not None
        writing = asyncio.create_task(self._write(connection, rows or self._sign_of_life()))
        if rows is not None:
            await asyncio.wait([writing], timeout=SLOW)
            if not writing.done():
                self._go_on_without(connection, writing)
                return
        await writing
        if rows is not None:
            self.counts.units += 1
            self._stored_at = asyncio.get_running_loop().time()
            self._committed_to.reach(rows.seq)
            self._safe(rows)
        if asyncio.get_running_loop().time() >= self._months_at:
            self._months_at = asyncio.get_running_loop().time() + MONTHS_EVERY
            with _bounded(connection):
                await partitions.make_ahead(connection, self._now())

    async def _write(self, connection: Connection, rows: Rows) -> None:
        with _bounded(connection):
            self.counts.refused_rows += await write(connection, rows)

    async def _to_spool(self) -> None:
        """Spool what is held; with a connection, store what was spooled, oldest first."""
        if self._connection is not None and self._spool.waiting == 0:
            self._set_mode(Mode.STORING, "")  # before what is held is spooled: else a steady stream never ends
            return
        stuck = self._held is not None and not await self._spool_held()
        if self._connection is not None:
            await self._drain(self._connection)
        elif stuck and self._reconnecting is not None:
            await asyncio.wait([self._reconnecting], timeout=SPOOL_RETRY)
        elif self._held is None and not self._units:
            await self._woken(None)

    async def _drain(self, connection: Connection) -> None:
        with _bounded(connection):
            drained = await store_spooled(connection, self._spool)
        self.counts.refused_rows += drained.refused
        self._committed_to.reach(drained.seq)

    async def _spool_held(self) -> bool:
        """False: the disk does not take it; it stays held."""
        rows = self._held
        assert rows is not None
        try:
            await self._put_wholly(rows)
        except SpoolFullError as error:
            if not self._spool_stuck:
                _log.critical("spool.full", why=str(error), then="kept in memory; a crash now loses it")
            self._spool_stuck = True
            return False
        self._spool_stuck = False
        self.counts.spooled += 1
        self._safe(rows)
        return True

    async def _put_wholly(self, rows: Rows) -> None:
        """In a thread, which no cancelling stops: who cancels the writer waits for it, and finds the unit held no more.
        Otherwise the end would spool the same unit once more."""
        putting = asyncio.ensure_future(asyncio.to_thread(self._put, rows))
        try:
            await asyncio.shield(putting)
        except asyncio.CancelledError:
            await asyncio.wait([putting])
            if putting.exception() is None:
                self._safe(rows)
            raise

    def _put(self, rows: Rows) -> None:
        """In a thread. The last fifth of the spool is kept for what restores and what is counted."""
        payload = rows.to_bytes()
        try:
            if rows.events and self._spool.size + len(payload) > self._spool.max_bytes * 4 // 5:
                raise SpoolFullError("nearly full: the rest is for records")
            self._spool.append(payload)
        except SpoolFullError as error:
            self._spool.append(rows.without_events().to_bytes())
            self.counts.dropped_events += len(rows.events)
            _log.error("spool.events_dropped", why=str(error), events=len(rows.events), seq=rows.seq)

    def _sign_of_life(self) -> Rows:
        return Rows(self.epoch.id, self.epoch.seed, 0)

    async def _woken(self, timeout: float | None) -> bool:
        """Wait for a batch, a connection or the end; False: `timeout` seconds have passed."""
        if self._closing:
            return True
        self._wake.clear()
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    # ── trouble ──────────────────────────────────────────────────────────────────────────────

    def _lose(self, error: Exception) -> None:
        why = str(error) or type(error).__name__
        expected = isinstance(error, TROUBLE)
        _log.error("journal.spooling", why=why, exc_info=None if expected else error)
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
        self._set_mode(Mode.SPOOLING, f"the database does not take records: {why}")
        if self._reconnecting is None or self._reconnecting.done():
            self._reconnecting = asyncio.create_task(self._reconnect(), name="journal-reconnect")

    def _go_on_without(self, connection: Connection, writing: asyncio.Task[None]) -> None:
        """Spool what is held, and all that comes, until the transaction is over. If it was committed, `last_seq` will
        say so when the spool is stored."""
        self._connection = None
        self._set_mode(Mode.SPOOLING, "the database is slow")
        self._reconnecting = asyncio.create_task(self._wait_for(connection, writing), name="journal-slow")

    async def _wait_for(self, connection: Connection, writing: asyncio.Task[None]) -> None:
        try:
            await writing
        except DeposedError as error:
            connection.terminate()
            self._depose(str(error))
            self._wake.set()
            return
        except asyncio.CancelledError:  # the end: nobody waits for an answer any more
            connection.terminate()
            await _cancelled(writing)
            raise
        except Exception as error:
            _log.error("journal.spooling", why=str(error) or type(error).__name__)
            connection.terminate()
            await self._reconnect()
            return
        self._connection = connection
        self._wake.set()

    async def _reconnect(self) -> None:
        pause, longest = BACKOFF
        told = ""
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
            try:
                connection = await self._connect_and_lock()
            except (StoreError, *TROUBLE) as error:
                if str(error) != told:
                    _log.warning("journal.not_connected", why=str(error))
                    told = str(error)
                continue
            self._connection = connection
            self._wake.set()
            return

    async def _connect_and_lock(self) -> Connection:
        connection = await connect(self._url)
        try:
            if not await connection.fetchval(SQL["try_lock"], ACTIVE_LOCK):
                _log.warning("journal.lock_held_elsewhere", then="the epoch's row decides who writes")
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _depose(self, why: str) -> None:
        _log.critical("journal.deposed", why=why)
        self._set_mode(Mode.DEPOSED, why)
        self._release(DeposedError(why))
        self._on_deposed(why)

    def _set_mode(self, mode: Mode, why: str) -> None:
        changed, self.mode, self.why = mode is not self.mode, mode, why
        if changed:
            _log.info("journal.mode", mode=mode.value, stored_seq=self.stored_seq)
        if changed and mode in (Mode.STORING, Mode.SPOOLING):
            self._on_database(mode is Mode.STORING, why)

    def _add_thinly(self, last: Unit, batch: Batch) -> None:
        """Over the bound of memory: merged without facts, so that it grows with the calls there are."""
        if self.counts.dropped_events == 0 and batch.facts:
            _log.critical("journal.memory_full", then="events that explain are dropped")
        self.counts.dropped_events += len(batch.facts)
        last.add(batch, facts=False)
        while len(last.ended) > MAX_RECORDS:
            del last.ended[next(iter(last.ended))]
            self.counts.dropped_records += 1

    # ── leaving ──────────────────────────────────────────────────────────────────────────────

    def _spool_rest(self) -> None:
        """At the end, in a thread: everything that is still held or waits."""
        rest = [self._held] if self._held is not None else []
        rest += [to_rows(unit, self.epoch.id, self.epoch.seed) for unit in self._units]
        self._held = None
        self._units.clear()
        for rows in rest:
            try:
                self._put(rows)
            except SpoolFullError as error:
                self.counts.dropped_events += len(rows.events)
                self.counts.dropped_records += len(rows.records)
                _log.critical("journal.lost_at_the_end", why=str(error), records=len(rows.records))
                continue
            self._safe_to.seq = max(self._safe_to.seq, rows.seq)  # who waits is told in the loop's thread: `_release`

    async def _hang_up(self) -> None:
        if self._connection is not None:
            try:
                await self._connection.close(timeout=GOODBYE)
            except TROUBLE:
                self._connection.terminate()
            self._connection = None

    def _safe(self, rows: Rows) -> None:
        """What was held is stored or spooled."""
        self._held = None
        self.live.update({(kind, id_): body for kind, id_, _, body in rows.live})
        for key in rows.gone:
            self.live.pop(key, None)
        self._safe_to.reach(rows.seq)

    def _release(self, error: StoreError) -> None:
        self._safe_to.reach(self._safe_to.seq)
        self._safe_to.fail(error)
        self._committed_to.fail(error)


class _Mark:
    """The step up to which something is so, and who waits for a later one."""

    def __init__(self) -> None:
        self.seq = 0
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    @property
    def is_awaited(self) -> bool:
        return bool(self._waiters)

    def reached(self, seq: int) -> asyncio.Future[None]:
        """Done when it is so up to `seq`."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, (seq, next(self._numbers), done))
        return done

    def reach(self, seq: int) -> None:
        """It is so up to here, or further."""
        self.seq = max(self.seq, seq)
        while self._waiters and self._waiters[0][0] <= self.seq:
            _, _, done = heapq.heappop(self._waiters)
            if not done.done():
                done.set_result(None)

    def fail(self, error: StoreError) -> None:
        """Whoever waits waits for nothing."""
        for _, _, done in self._waiters:
            if not done.done():
                done.set_exception(error)
        self._waiters.clear()


@contextlib.contextmanager
def _bounded(connection: Connection) -> Iterator[None]:
    """Cut a transaction off that takes too long. Cancelling would not do: the rollback waits for the same server."""
    timer = asyncio.get_running_loop().call_later(WRITE_TIMEOUT, connection.terminate)
    try:
        yield
    finally:
        timer.cancel()


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
