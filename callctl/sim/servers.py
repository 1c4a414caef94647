"""Servers that flows ask, in virtual time: they answer in a while, late, never or twice, with all, with some or with
nothing. Fulfils `ports.Servers`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from callctl.core.events import Event
from callctl.core.ids import SECOND, CallId, LookupId
from callctl.core.lookups import Ask, LookedUp, LookupFailure

SOON, LATE = 2.0, 4.0
"""Seconds: most answers come within the first; some come so long after the time is over, though none should."""


class VirtualServers:
    """What one life of callctl asks. `tell` is told the answers."""

    def __init__(self, tell: Callable[[Event], None], rng: Random) -> None:
        self._tell = tell
        self._rng = rng
        self._loop = asyncio.get_running_loop()
        self._asked: dict[tuple[CallId, LookupId], list[asyncio.TimerHandle]] = {}

    def ask(self, it: Ask) -> None:
        """Again, while it is being looked up: nothing changes."""
        if (it.call, it.request) in self._asked:
            return
        rng, timeout = self._rng, it.timeout / SECOND
        after: tuple[float, ...] = rng.choice(
            (
                *[(rng.uniform(0.001, SOON),)] * 5,
                (rng.uniform(SOON, timeout),),
                (timeout + rng.uniform(0.0, LATE),),
                (rng.uniform(0.001, SOON), rng.uniform(0.001, timeout)),
                (),
            )
        )
        answer = self._answer(it)
        self._asked[it.call, it.request] = [self._loop.call_later(later, self._tell, answer) for later in after]

    def _answer(self, it: Ask) -> LookedUp:
        found = {name: self._rng.choice(("Ada", "", "12")) for name, _ in it.into}
        if self._rng.random() < 0.7:
            return LookedUp(it.call, it.request, found)
        failed = self._rng.choice(list(LookupFailure))
        return LookedUp(it.call, it.request, found if failed is LookupFailure.MISSING else {}, failed)

    def drop(self, call: CallId) -> None:
        """Some answers are on their way already, and come all the same."""
        for key in [key for key in self._asked if key[0] == call]:
            timers = self._asked.pop(key)
            if self._rng.random() < 0.8:
                _stop(timers)

    def die(self) -> None:
        for timers in self._asked.values():
            _stop(timers)


def _stop(timers: list[asyncio.TimerHandle]) -> None:
    for timer in timers:
        timer.cancel()
