"""Postgres and the spool, as the loop knows them: batches become durable in order, a moment later. Fulfils
`ports.Journal`; and `ports.Lists`, where contacts are claimed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from random import Random

from callctl.core.commands import ClaimContacts
from callctl.core.contacts import Contact
from callctl.core.events import ClockCompared, ContactsClaimed, DatabaseState, Event
from callctl.core.ids import AttemptId, CampaignId, Micros
from callctl.core.ledger import AttemptMade
from callctl.core.model import World
from callctl.runtime.ports import Batch
from callctl.sim.contacts import ListTables
from callctl.sim.lists import ZONES
from callctl.sim.rows import Rows, copied

FSYNC = 0.004
"""Seconds until a batch is in the spool."""
MISSED_WITHIN = 0.5
"""Seconds after the first batch that Postgres did not take, within which callctl knows."""
BEHIND = 2.0
"""Seconds for which a claim waits for the journal."""
COMPARE_EVERY = 20.0
"""Seconds between looks at the database's clock."""


class Database:
    """What survives a kill: rows and records, be they in Postgres or still in the spool. `up` is cleared while Postgres
    is away: then nothing is committed, and all of it once it is back."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.lists = ListTables()
        self.lives = 0
        self.up = asyncio.Event()
        self.up.set()
        self.away_since: float | None = None
        """By the loop's clock."""
        self.spooled: set[AttemptId] = set()
        """Attempts that Postgres does not have yet."""

    def go(self) -> None:
        """Postgres is away."""
        self.up.clear()
        if self.away_since is None:
            self.away_since = asyncio.get_running_loop().time()

    def come(self) -> None:
        """It is back."""
        self.up.set()
        self.away_since = None

    def begin(self) -> None:
        """A life begins: it has taken what was in the spool, and lets go whom earlier ones had claimed."""
        self.spooled.clear()
        self.lives += 1
        self.lists.release(self.lives)

    def store(self, batch: Batch) -> None:
        """In Postgres or in the spool."""
        self.rows.store(batch)
        self.lists.take(batch.ledger)
        if not self.up.is_set():
            self.spooled.update(it.attempt.id for it in batch.ledger if isinstance(it, AttemptMade))

    def has(self, attempt: AttemptId) -> bool:
        """Whether Postgres knows the attempt."""
        return attempt in self.lists.made and attempt not in self.spooled


class VirtualJournal:
    """One life's journal. `tell`: is told when Postgres goes, and when it has everything again; None: nobody is."""

    def __init__(self, database: Database, rng: Random, tell: Callable[[Event], None] | None = None) -> None:
        self._database = database
        self._rng = rng
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Batch] = deque()
        self.stored = self.in_postgres = 0
        """The last step that is durable, and the last that Postgres has."""
        self._stored_more = asyncio.Event()
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._tell = tell
        self._missing: asyncio.Task[None] | None = None
        """While Postgres is known to be away."""
        self.ahead = copied(database.rows.live())
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
            self._database.store(batch)
            self.stored = batch.seq
        if self._missing is None and self._database.up.is_set():
            self._caught_up()
        elif self._missing is None and self._tell is not None:
            self._missing = asyncio.ensure_future(self._miss(self._tell))
        self._stored_more.set()

    def _caught_up(self) -> None:
        self.in_postgres = self.stored
        self._database.spooled.clear()

    async def _miss(self, tell: Callable[[Event], None]) -> None:
        """What is decided goes to the spool, until Postgres has taken all of it."""
        await asyncio.sleep(self._rng.uniform(0.0, MISSED_WITHIN))
        tell(DatabaseState(False, "no answer"))
        while True:
            await self._database.up.wait()
            await asyncio.sleep(self._delay())
            if self._database.up.is_set():
                break
        self._missing = None
        self._caught_up()
        tell(DatabaseState(True))

    async def flushed(self, seq: int) -> None:
        while self.stored < seq:
            self._stored_more.clear()
            await self._stored_more.wait()

    async def committed(self, seq: int) -> None:
        await self.flushed(seq)
        while self.in_postgres < seq:  # in the spool, which is stored a moment after Postgres is back
            await self._database.up.wait()
            await asyncio.sleep(self._delay())
            if self._database.up.is_set():
                self._caught_up()

    def die(self, much: float) -> None:
        """Killed: of what waits the first part is durable, the rest never was."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._missing is not None:
            self._missing.cancel()
        for _ in range(round(len(self._waiting) * much)):
            self.stored = self._waiting[0].seq
            self._database.store(self._waiting.popleft())
        self._waiting.clear()

    def differ(self, world: World) -> list[str]:
        """Where the rows no longer say what the World is."""
        return self.ahead.differ(world)


class VirtualLists:
    """What one life reads of the database for calls to lists. Fulfils `ports.Lists`."""

    def __init__(
        self,
        database: Database,
        journal: VirtualJournal,
        rng: Random,
        tell: Callable[[Event], None],
        now: Callable[[], Micros],
    ) -> None:
        self._database = database
        self._journal = journal
        self._rng = rng
        self._tell = tell
        self._now = now
        self._wanted: dict[CampaignId, tuple[ClaimContacts, int]] = {}
        self._claims: set[CampaignId] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._begin(self._keep_fresh())

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def die(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _keep_fresh(self) -> None:
        await self._answer()
        self._tell(self._database.lists.lists())
        while True:
            await self._answer()
            self._tell(ClockCompared(0))
            self._database.lists.release(self._database.lives)
            await asyncio.sleep(COMPARE_EVERY)

    async def _answer(self) -> None:
        """However long it takes."""
        while True:
            await self._database.up.wait()
            await asyncio.sleep(self._rng.uniform(0.001, 0.02))
            if self._database.up.is_set():
                return

    # ── claims ───────────────────────────────────────────────────────────────────────────────

    def claim(self, command: ClaimContacts, seq: int) -> None:
        """One claim of a campaign at a time; of those that are asked for meanwhile the newest."""
        self._wanted[command.campaign] = command, seq
        if command.campaign not in self._claims:
            self._claims.add(command.campaign)
            self._begin(self._claim_all(command.campaign))

    async def _claim_all(self, campaign: CampaignId) -> None:
        while (wanted := self._wanted.pop(campaign, None)) is not None:
            found = await self._claimed(*wanted)
            await asyncio.sleep(self._rng.uniform(0.001, 0.01))  # it is on its way: a kill loses it
            self._tell(ContactsClaimed(campaign, found, ZONES if found else {}))
        self._claims.discard(campaign)

    async def _claimed(self, command: ClaimContacts, seq: int) -> tuple[Contact, ...]:
        try:
            async with asyncio.timeout(BEHIND):
                await self._journal.committed(seq)
                await asyncio.sleep(self._rng.uniform(0.002, 0.05))
        except TimeoutError:
            return ()
        if not self._database.up.is_set():
            return ()
        return self._database.lists.claim(command.campaign, command.most, self._now(), command.agents)
