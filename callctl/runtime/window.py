"""What is said while lists are read: about those legs the events are right, and the lists may be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from callctl.core.events import CallArrived, DigitPressed, Event, LegGone, LegLeft, PlaybackEnded, Snapshot
from callctl.core.ids import LegId

GONE_KEPT = 5.0
"""Seconds: a leg that had gone so shortly before the lists were asked for is named to the snapshot, as they may still
hold it."""

_SAY_NOTHING = (DigitPressed, PlaybackEnded)
"""Events of a leg that do not tell in what state it is: its answer may have been lost before them."""


def seen_in(first: Snapshot, second: Snapshot) -> Snapshot:
    """Two lists, one a moment after the other: what either holds, exists. But nobody is met for the first time who is
    not in the second: a list may still hold the dead, whose record another life has written."""
    known = {leg.leg for leg in second.legs}
    only_first = tuple(replace(leg, arrival=None) for leg in first.legs if leg.leg not in known)
    return Snapshot(second.legs + only_first, second.bridges)


class Window:
    """One link's memory of the legs that events and requests have named lately. `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._opened = clock()
        self._named: set[LegId] | None = None
        self._making: set[LegId] = set()
        self._gone: dict[LegId, float] = {}
        self._left: dict[LegId, float] = {}
        """When a leg was last heard to have gone, or to have left the application."""

    def open(self) -> None:
        """Lists are about to be read: from now on what is named is noted."""
        self._opened = self._clock()
        self._named = set()

    def reopen(self) -> None:
        """As `open`, on a new connection: what an earlier one was asked to make may or may not have been made."""
        self._making.clear()
        self.open()

    def shut(self) -> None:
        """The lists are not to be had."""
        self._named = None

    def close(self) -> tuple[frozenset[LegId], frozenset[LegId]]:
        """The lists have been read: the legs about which events or our own requests say more than they can, and those
        of them that have gone or left the application."""
        horizon = self._opened - GONE_KEPT  # callctl may have stood still since the lists were read
        for memory in (self._gone, self._left):
            for leg in [leg for leg, at in memory.items() if at < horizon]:
                del memory[leg]
        gone = frozenset(self._gone) | frozenset(self._left)
        named = frozenset(self._named or ()) | self._making | gone
        self._named = None
        return named, gone

    def heard(self, event: Event) -> None:
        """An event of the link."""
        leg: LegId | None = getattr(event, "leg", None)
        if leg is None:
            return
        if self._named is not None and not isinstance(event, _SAY_NOTHING):
            self._named.add(leg)
        if isinstance(event, LegGone):
            self._gone[leg] = self._clock()
        elif isinstance(event, LegLeft):
            self._left[leg] = self._clock()
        elif isinstance(event, CallArrived):
            self._left.pop(leg, None)  # back from the dialplan

    def making(self, leg: LegId) -> None:
        """The leg is asked for."""
        self._making.add(leg)
        if self._named is not None:
            self._named.add(leg)

    def made(self, leg: LegId) -> None:
        """The answer to that is here."""
        self._making.discard(leg)

    def is_gone(self, leg: LegId) -> bool:
        return leg in self._gone

    def is_away(self, leg: LegId) -> bool:
        """Gone, or in the dialplan."""
        return leg in self._gone or leg in self._left
