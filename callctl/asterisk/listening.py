"""The endpoints that ARI listens to for good: those of the phones, and of the trunks over which campaigns dial.

Who is rung may refuse the call before its leg can be subscribed to, and the cause of that is told once. Listening to
the endpoint only while it rings costs four requests a ring in place of one, so each endpoint of the configuration is
listened to from the connect on. One that Asterisk does not know yet is listened to ring by ring until it does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from callctl.asterisk.translate import listen, listened
from callctl.asterisk.wire import Reply, Request

TOGETHER = 20
"""Requests sent at once: they are carried out one after the other, and calls must not wait behind these for long."""

KIND = "PJSIP/"

Submit = Callable[[Request], asyncio.Future[Reply]]


class Listening:
    """Of one connection. `endpoints` is what is listened to for certain."""

    def __init__(self) -> None:
        self.endpoints: set[str] = set()
        self._lock = asyncio.Lock()

    def begin(self, said: object) -> None:
        """What an earlier connection has left, from Asterisk's own answer about the application."""
        known = said.get("endpoint_ids") if isinstance(said, dict) else None
        names = [str(name) for name in known] if isinstance(known, list) else []
        self.endpoints = {name.removeprefix(KIND) for name in names if name.startswith(KIND)}

    async def adjust(self, wanted: Iterable[str], submit: Submit) -> None:
        """Listen to these, and to no other."""
        async with self._lock:
            after = set(wanted)
            for some in _slices(sorted(self.endpoints - after)):
                self.endpoints.difference_update(some)
                await asyncio.gather(*(submit(listened(endpoint)) for endpoint in some))
            for some in _slices(sorted(after - self.endpoints)):
                replies = await asyncio.gather(*(submit(listen(endpoint)) for endpoint in some))
                self.endpoints.update(endpoint for endpoint, reply in zip(some, replies, strict=True) if reply.ok)


def _slices(endpoints: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(endpoints)
    while some := list(islice(rest, TOGETHER)):
        yield some
