"""Virtual time: an event loop of the standard library that never waits. When nothing is ready it jumps to what is
next due, so a day passes as fast as its events can be worked off, and each run of a seed is the same."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

from callctl.core.ids import SECOND, Micros
from callctl.sim.office import START


class StandstillError(RuntimeError):
    """Nothing is ready and nothing will ever be due: somebody waits for what cannot come."""


class _Jump(selectors.BaseSelector):
    """A selector without files: to wait is to move the clock on."""

    def __init__(self) -> None:
        self.now = 0.0
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """The loop's own pipe to itself; nothing ever comes through it."""
        key = self._keys[fileobj] = selectors.SelectorKey(fileobj, 0, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing is ever ready here.

        Raises:
            StandstillError: the wait would have no end.
        """
        if timeout is None:
            raise StandstillError("the simulation stands still")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, which begins at 0 s."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


class VirtualClock:
    """Fulfils `ports.Clock` by the loop's time; can be held still, as the process it belongs to."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._still: Micros | None = None

    def now(self) -> Micros:
        return self.true() if self._still is None else self._still

    def true(self) -> Micros:
        """What it is, for everybody else."""
        return START + round(self._loop.time() * SECOND)

    @property
    def held(self) -> bool:
        return self._still is not None

    def hold(self) -> None:
        self._still = self.now()

    def go_on(self) -> None:
        self._still = None
