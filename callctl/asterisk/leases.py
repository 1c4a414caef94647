"""Leases wait behind whatever is urgent.

Asterisk carries requests out one after the other, and an audit owes two leases to each call that talks: sent at once
they would keep a caller from an agent for as long as they all take. A lease is renewed long before it ends, so a few
at a time are soon enough. Of a leg only the newest counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from callctl.asterisk.wire import Reply
from callctl.core.commands import Lease
from callctl.core.ids import LegId

AT_ONCE = 4
PATIENCE = 1.0
"""Seconds after which a lease waits no longer: under any load it comes long before the dialplan's 15 s are over."""


class Leases:
    """Of one link. `submit` sends one and gives its reply, or None when it is not to be sent (any more)."""

    def __init__(self, submit: Callable[[Lease], asyncio.Future[Reply] | None]) -> None:
        self._submit = submit
        self._waiting: dict[LegId, Lease] = {}
        self._open: set[asyncio.Future[Reply]] = set()

    def put(self, lease: Lease) -> None:
        """Send it, as soon as it is its turn."""
        self._waiting[lease.leg] = lease
        self._go_on()
        if self._waiting.get(lease.leg) is lease:
            asyncio.get_running_loop().call_later(PATIENCE, self._overdue, lease)

    def forget(self, leg: LegId) -> None:
        """The leg is gone."""
        self._waiting.pop(leg, None)

    def clear(self) -> None:
        """A new connection."""
        self._waiting.clear()
        self._open.clear()

    def _overdue(self, lease: Lease) -> None:
        if self._waiting.get(lease.leg) is lease:
            del self._waiting[lease.leg]
            self._submit(lease)

    def _go_on(self) -> None:
        while self._waiting and len(self._open) < AT_ONCE:
            reply = self._submit(self._waiting.pop(next(iter(self._waiting))))
            if reply is not None and not reply.done():
                self._open.add(reply)
                reply.add_done_callback(self._done)

    def _done(self, reply: asyncio.Future[Reply]) -> None:
        if reply in self._open:  # else it is an earlier connection's
            self._open.discard(reply)
            self._go_on()
