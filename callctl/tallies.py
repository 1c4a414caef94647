"""How far campaigns have come, as the database counts it: contacts by standing, attempts by how they ended.

A list may have millions of rows, and many may look at once: so it is counted in the background, the more seldom the
longer it takes, and everybody is shown the last count.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from callctl.core.ids import SECOND, CampaignId, Micros
from callctl.core.model import World
from callctl.runtime.live import Tally
from callctl.store import reports
from callctl.store.errors import StoreError
from callctl.store.pool import Pool

EVERY = 10.0
"""Seconds between two counts, at least."""
SHARE = 50
"""Times as long as a count takes, at least: it is never more than a fiftieth of what the database does."""


class Tallies:
    """Counts as long as it runs, while any campaign is configured. `known`: the last count."""

    def __init__(self, pool: Pool, world: Callable[[], World], now: Callable[[], Micros], every: float = EVERY) -> None:
        self.known: Mapping[CampaignId, Tally] = {}
        self._pool = pool
        self._world = world
        self._now = now
        self._every = every
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="tallies")

    def stop(self) -> None:
        """At once: a question to the database is given up."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        """For ever. A database that is away is asked again, and what was counted stays known."""
        while True:
            pause = self._every
            with contextlib.suppress(StoreError):
                pause = max(pause, SHARE * await self.count())
            await asyncio.sleep(pause)

    async def count(self) -> float:
        """Count now; how many seconds it took. StoreError: the database does not answer."""
        world, began = self._world(), self._now()
        names = list(world.policy.campaigns)
        if not names:
            return 0.0
        starts = {name: it.began for name, it in world.outbound.campaigns.items() if it.began and name in names}
        contacts = await reports.standings(self._pool)
        outcomes = await reports.outcomes_since(self._pool, starts)
        self.known = {name: Tally(began, contacts.get(name, {}), outcomes.get(name, {})) for name in names}
        return (self._now() - began) / SECOND
