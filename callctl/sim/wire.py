"""One direction of a connection: everything arrives in order, each thing a moment after it was sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Wire(Generic[T]):
    """`latency` draws seconds; `deliver` is the far end."""

    def __init__(self, latency: Callable[[], float], deliver: Callable[[T], None]) -> None:
        self._latency = latency
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._under_way: deque[tuple[float, T]] = deque()
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._stalled = False

    def __len__(self) -> int:
        return len(self._under_way)

    def put(self, item: T) -> None:
        self._last = max(self._last, self._loop.time() + self._latency())
        self._under_way.append((self._last, item))
        self._arm()

    def cut(self, kept: int = 0) -> None:
        """The connection breaks: of what is under way the first `kept` things still arrive, now; the rest is lost."""
        for _ in range(min(kept, len(self._under_way))):
            self._deliver(self._under_way.popleft()[1])
        self._under_way.clear()
        self._disarm()

    def stall(self) -> None:
        """Nothing arrives until `flow`."""
        self._stalled = True
        self._disarm()

    def flow(self) -> None:
        """What was held up arrives now, in order."""
        self._stalled = False
        self._arm()

    def _arm(self) -> None:
        if self._timer is None and self._under_way and not self._stalled:
            self._timer = self._loop.call_at(self._under_way[0][0], self._arrive)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arrive(self) -> None:
        self._timer = None
        _, item = self._under_way.popleft()
        self._deliver(item)
        self._arm()
