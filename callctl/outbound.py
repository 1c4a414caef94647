"""What calls to lists need to know of the database: the do-not-call lists, and what time it is there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from callctl.core.events import ClockCompared, Event
from callctl.core.facts import DoNotCallRead, Fact
from callctl.core.ids import SECOND, Micros
from callctl.core.outbound import CLAIM_LIFE
from callctl.store import contacts
from callctl.store.errors import StoreError
from callctl.store.pool import Pool

COMPARE_EVERY = 20.0
"""Seconds between looks at the database's clock: a third of how long one counts."""
LOST: Micros = CLAIM_LIFE + 600 * SECOND
"""A claim that is older is not judged by any more: who holds it has been let go, or was lost on the way."""
GOODBYE = 0.1
"""Seconds for which the end waits for a question to the database to be given up."""
RETRY = 2.0
"""Seconds after which what the database did not answer is asked again."""
_log = structlog.get_logger(__name__)

Ask = Callable[[Event], Awaitable[tuple[Fact, ...]]]


class Outbound:
    """Keeps the World's knowledge fresh. Nothing is dialled for a campaign while it is not."""

    def __init__(self, pool: Pool, epoch: int, ask: Ask, now: Callable[[], Micros]) -> None:
        """`epoch`: this life's. `ask`: gives an event to the core; returns when it is stored."""
        self._pool = pool
        self._epoch = epoch
        self._version = -1
        """Of the lists that were read last."""
        self._ask = ask
        self._now = now
        self._reading = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="outbound")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=GOODBYE)  # a Postgres that hangs does not hold up the end

    async def read_lists(self) -> DoNotCallRead:
        """Read the do-not-call lists anew, after an import say. StoreError: the database does not answer."""
        async with self._reading:
            version = await contacts.list_version(self._pool)
            facts = await self._ask(await contacts.do_not_call(self._pool))
            self._version = version
        return next(fact for fact in facts if isinstance(fact, DoNotCallRead))

    async def _run(self) -> None:
        await self._until_done(self._read)
        while True:
            await self._until_done(self._compare)
            await self._until_done(self._look)
            await asyncio.sleep(COMPARE_EVERY)

    async def _read(self) -> None:
        await self.read_lists()

    async def _compare(self) -> None:
        await self._ask(ClockCompared(await contacts.clock_off(self._pool, self._now)))

    async def _look(self) -> None:
        """Whether a file was read onto a list, by whomever; and claims that nobody holds any more are let go."""
        if await contacts.list_version(self._pool) != self._version:
            await self.read_lists()
        await contacts.release_lost(self._pool, self._epoch, self._now() - LOST)

    async def _until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        """The last of what is suppressed: a step failed, and the World was rebuilt."""
        while True:
            with contextlib.suppress(StoreError, asyncio.QueueFull, RuntimeError):
                await work()
                return
            await asyncio.sleep(RETRY)
