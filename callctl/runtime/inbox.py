"""The inbox: everything that happens, in the order in which it was heard of."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from callctl.core.events import Event
from callctl.core.facts import Fact

Answer = asyncio.Future[tuple[Fact, ...]]
"""What a person who asked waits for: the facts of the step, once they are stored."""


log = structlog.get_logger(__name__)


class BoundedInbox:
    """Fulfils `ports.Inbox`. What is over the bound is dropped, counted and logged.

    The audit cannot find everything that was dropped (a digit, a phone that went away): so `on_relief` is called, once,
    when half of the bound is free again, for whoever can have everything told anew.
    """

    def __init__(self, bound: int = 100_000) -> None:
        self.bound = bound
        self.dropped = 0
        """Since the start."""
        self.on_relief: Callable[[], None] = lambda: None
        self._missing = 0
        self._items: deque[tuple[Event, Answer | None]] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, event: Event, answer: Answer | None = None) -> None:
        """Give an event to the core. Never blocks."""
        if len(self._items) >= self.bound:
            self.dropped += 1
            self._missing += 1
            if self._missing == 1:
                log.error("inbox_full", bound=self.bound, then="dropping; all is told anew when half of it is done")
            if answer is not None:
                answer.set_exception(asyncio.QueueFull("callctl has more to do than it can"))
            return
        self._items.append((event, answer))
        self._filled.set()

    def take(self) -> tuple[Event, Answer | None] | None:
        """The oldest, or None."""
        taken = self._items.popleft() if self._items else None
        if self._missing and len(self._items) <= self.bound // 2:
            log.warning("inbox_relieved", dropped=self._missing, then="the links begin anew")
            self._missing = 0
            self.on_relief()
        return taken

    async def wait(self, seconds: float | None) -> None:
        """Return when there is something, or after so long."""
        if self._items or (seconds is not None and seconds <= 0):
            return
        self._filled.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._filled.wait()
        except TimeoutError:
            return
