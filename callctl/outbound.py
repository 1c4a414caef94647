"""What calls to lists need of the database: contacts, the do-not-call lists, and what time it is there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from callctl.core.commands import ClaimContacts
from callctl.core.contacts import Contact
from callctl.core.events import ClockCompared, ContactsClaimed, Event
from callctl.core.facts import DoNotCallRead, Fact
from callctl.core.ids import SECOND, CampaignId, Micros
from callctl.core.judgement import horizon
from callctl.core.outbound import CLAIM_LIFE
from callctl.core.policy import Policy
from callctl.store import contacts
from callctl.store.errors import StoreError
from callctl.store.pool import Pool
from callctl.zones import offsets_for

COMPARE_EVERY = 20.0
"""Seconds between looks at the database's clock: a third of how long one counts."""
LOST: Micros = CLAIM_LIFE + 600 * SECOND
"""A claim that is older is not judged by any more: who holds it has been let go, or was lost on the way."""
GOODBYE = 0.1
"""Seconds for which the end waits for a question to the database to be given up."""
RETRY = 2.0
"""Seconds after which what the database did not answer is asked again."""
BEHIND = 2.0
"""Seconds for which a claim waits for the journal. What was decided before it counts in it: an attempt, say."""
_log = structlog.get_logger(__name__)

Ask = Callable[[Event], Awaitable[tuple[Fact, ...]]]


class Outbound:
    """Keeps the World's knowledge fresh: nothing is dialled for a campaign while it is not. Fulfils `ports.Lists`."""

    def __init__(
        self,
        pool: Pool,
        epoch: int,
        ask: Ask,
        now: Callable[[], Micros],
        policy: Callable[[], Policy],
        committed: Callable[[int], Awaitable[None]],
    ) -> None:
        """`epoch`: this life's. `ask`: gives an event to the core; returns when it is stored. `committed`: returns when
        Postgres has everything up to a step (`ports.Journal`)."""
        self._pool = pool
        self._epoch = epoch
        self._version = -1
        """Of the lists that were read last."""
        self._ask = ask
        self._now = now
        self._policy = policy
        self._committed = committed
        self._wanted: dict[CampaignId, tuple[ClaimContacts, int]] = {}
        """By campaign, what is asked while a claim is under way; the newest alone."""
        self._claims: dict[CampaignId, asyncio.Task[None]] = {}
        self._stopped = False
        self._reading = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="outbound")

    async def stop(self) -> None:
        self._stopped = True
        tasks = [*self._claims.values(), *([] if self._task is None else [self._task])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GOODBYE)  # a Postgres that hangs does not hold up the end

    async def read_lists(self) -> DoNotCallRead:
        """Read the do-not-call lists anew, after an import say. StoreError: the database does not answer."""
        async with self._reading:
            version = await contacts.list_version(self._pool)
            facts = await self._ask(await contacts.do_not_call(self._pool))
            self._version = version
        return next(fact for fact in facts if isinstance(fact, DoNotCallRead))

    # ── contacts ─────────────────────────────────────────────────────────────────────────────

    def claim(self, command: ClaimContacts, seq: int) -> None:
        """See `ports.Lists`. One claim of a campaign at a time; of those that are asked for meanwhile the newest."""
        if self._stopped:
            return
        self._wanted[command.campaign] = command, seq
        if command.campaign not in self._claims:
            task = asyncio.create_task(self._claim_all(command.campaign), name=f"claim {command.campaign}")
            self._claims[command.campaign] = task

    async def _claim_all(self, campaign: CampaignId) -> None:
        try:
            while (wanted := self._wanted.pop(campaign, None)) is not None:
                await self._give(await self._claimed(*wanted))
        finally:
            del self._claims[campaign]

    async def _claimed(self, command: ClaimContacts, seq: int) -> ContactsClaimed:
        """The answer, whatever happens: the core waits for it, and may ask again after it."""
        found: list[Contact] = []
        try:
            found = await self._read_due(command, seq)
        except TimeoutError:
            _log.warning("not_claimed", campaign=command.campaign, why=f"the journal is {BEHIND:g} s behind, or more")
        except StoreError as error:
            _log.warning("not_claimed", campaign=command.campaign, why=str(error))
        except Exception:  # a fault of ours must not leave the campaign waiting
            _log.exception("claim_failed", campaign=command.campaign)
        zones = await asyncio.to_thread(offsets_for, found) if found else {}
        return ContactsClaimed(command.campaign, tuple(found), zones)

    async def _read_due(self, command: ClaimContacts, seq: int) -> list[Contact]:
        """StoreError: the database does not answer. TimeoutError: it does not know yet what was decided."""
        async with asyncio.timeout(BEHIND):
            await self._committed(seq)
        policy = self._policy()
        campaign = policy.campaigns.get(command.campaign)
        if campaign is None or command.most < 1:
            return []
        now, back = self._now(), horizon(policy)
        return await contacts.claim(self._pool, self._epoch, seq, campaign, command.most, now, back, command.agents)

    async def _give(self, event: Event) -> None:
        """Until the core has taken it: those who were claimed are nobody else's. Where its step fails, giving it again
        would not help."""
        while True:
            try:
                await self._ask(event)
                return
            except asyncio.QueueFull:
                await asyncio.sleep(RETRY)
            except Exception as error:  # it was taken, or has made the core fail
                _log.warning("claim_not_stored", why=str(error))
                return

    # ── lists and clock ──────────────────────────────────────────────────────────────────────

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
