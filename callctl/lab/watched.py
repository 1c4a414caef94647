"""The demo's house as callctl's API tells it; while callctl is away as it was, and it is started again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from callctl.api.client import NoDaemonError, RefusedError
from callctl.lab.campaign import CAMPAIGN, Campaign
from callctl.lab.house import House
from callctl.lab.people import People
from callctl.lab.view import Scene

AWAY = "callctl does not answer: what you see is from before"
ENDED = "callctl has ended, and is being started again: calls that come now take the fallback"
COUNTED_EVERY = 1.0
"""Seconds: for this Postgres is asked."""
_ASKED = ("status", "queues", "agents", "calls")


class Watched:
    """A house, and the people who use it. None: it is left to whoever brings a phone."""

    def __init__(self, house: House, people: People | None = None, campaign: Campaign | None = None) -> None:
        self.people = people
        self.restarts = 0
        """How often callctl had to be started again."""
        self.trouble = ""
        """Why it is not ready, at the last look."""
        self._house = house
        self._campaign = campaign
        self._scene = Scene(phones=_phones(house) if people is None else ())
        self._counted = 0.0
        self._starting: asyncio.Task[None] | None = None

    def goes_on(self, stop: asyncio.Event) -> Iterator[Coroutine[Any, Any, None]]:
        """What its people do until they are told to stop."""
        if self.people is not None:
            yield self.people.come(stop)
        if self._campaign is not None:
            yield self._campaign.run(stop)

    @property
    def so_far(self) -> str:
        """How many have called, and were called."""
        if self.people is None:
            return "your own phones"
        called = self._campaign.customers.called.total() if self._campaign is not None else 0
        return f"{self.people.tally.called} callers, {called} calls to the list"

    async def look(self) -> Scene:
        """How things are. HouseError: callctl has ended, and does not start any more."""
        await self._started()
        try:
            await self._ask()
        except NoDaemonError:
            self._away()
        return self._scene

    async def _ask(self) -> None:
        daemon = self._house.daemon
        status, queues, agents, calls = await asyncio.gather(*(daemon.get(what) for what in _ASKED))
        scene = replace(self._scene, queues=queues["queues"], agents=agents["agents"], calls=calls["calls"])
        if self._campaign is not None:
            scene = replace(
                scene, campaign=await daemon.get("campaigns", CAMPAIGN, "live"), counts=await self._counts()
            )
        self._scene = scene
        self.trouble = "" if status["ready"] else "not ready: " + "; ".join(status["reasons"])

    async def _counts(self) -> dict[str, Any] | None:
        """While Postgres is away: the last ones."""
        if self._scene.counts is None or time.monotonic() - self._counted >= COUNTED_EVERY:
            self._counted = time.monotonic()
            with suppress(RefusedError):
                return await self._house.daemon.get("campaigns", CAMPAIGN)
        return self._scene.counts

    # ── callctl is away ──────────────────────────────────────────────────────────────────────

    def _away(self) -> None:
        if self._starting is None and self._house.daemon.pid is None:
            self.restarts += 1
            self._starting = asyncio.create_task(self._house.daemon.start())
        self.trouble = AWAY if self._starting is None else ENDED

    async def _started(self) -> None:
        if self._starting is not None and self._starting.done():
            starting, self._starting = self._starting, None
            await starting


def _phones(house: House) -> Sequence[str]:
    """What a person needs to use softphones."""
    return (
        f"Register softphones by UDP at 127.0.0.1:{house.node.ports.sip}",
        *(
            f"  extension {extension}: user phone{extension}, password {house.secret(f'phone{extension}')}"
            for extension in (101, 102)
        ),
        "Dial 200: the main menu (1 sales, 2 support) · 101, 102: each other",
        "     *45 log in · *46 log out · *47 pause · *48 ready again · 112 emergency",
    )
