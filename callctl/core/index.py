"""What the rules ask often, kept at hand: who waits, who is free, which legs belong to a call, what is due.

Everything here follows from calls, legs and agents; `invariants.check` compares it with a naive scan.
A *lane* is a queue on one node: a call is answered by a phone of its own node.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Literal, TypeAlias, TypeVar

from callctl.core.ids import AgentId, CallId, LegId, Micros, NodeId, QueueId

Lane: TypeAlias = tuple[QueueId, NodeId]
PlaceKey: TypeAlias = tuple[int, Micros, CallId]
"""(−priority, queued since, id): the order in which callers are served."""
IdleKey: TypeAlias = tuple[Micros, AgentId]
"""(idle since, id): the order of longest-idle."""
Alarm: TypeAlias = tuple[Micros, Literal["call", "leg", "agent", "node"], str]


@dataclass(slots=True)
class Line:
    """One lane: callers waiting, callers whose agent's phone rings, agents free."""

    waiting: list[PlaceKey] = field(default_factory=list)
    offered: list[PlaceKey] = field(default_factory=list)
    free: list[IdleKey] = field(default_factory=list)

    def position(self, key: PlaceKey) -> int:
        """1: next."""
        return bisect_left(self.waiting, key) + bisect_left(self.offered, key) + 1


@dataclass(slots=True)
class Index:
    lines: dict[Lane, Line] = field(default_factory=dict)
    legs: dict[CallId, set[LegId]] = field(default_factory=dict)
    alarms: list[Alarm] = field(default_factory=list)
    _places: dict[CallId, tuple[Lane, bool, PlaceKey]] = field(default_factory=dict)
    _free: dict[AgentId, tuple[tuple[Lane, ...], IdleKey]] = field(default_factory=dict)

    def line(self, lane: Lane) -> Line:
        found = self.lines.get(lane)
        if found is None:
            found = self.lines[lane] = Line()
        return found

    def place(self, call: CallId, at: tuple[Lane, bool, PlaceKey] | None) -> bool:
        """Note where a call stands (lane, offered?, key). True if that is news."""
        old = self._places.get(call)
        if old == at:
            return False
        if old is not None:
            line = self.lines[old[0]]
            _remove(line.offered if old[1] else line.waiting, old[2])
            del self._places[call]
        if at is not None:
            line = self.line(at[0])
            insort(line.offered if at[1] else line.waiting, at[2])
            self._places[call] = at
        return True

    def free(self, agent: AgentId, at: tuple[tuple[Lane, ...], IdleKey] | None) -> bool:
        """Note in which lanes an agent is routable, and since when idle. True if that is news."""
        old = self._free.get(agent)
        if old == at:
            return False
        if old is not None:
            for lane in old[0]:
                _remove(self.lines[lane].free, old[1])
            del self._free[agent]
        if at is not None:
            for lane in at[0]:
                insort(self.line(lane).free, at[1])
            self._free[agent] = at
        return True

    def places(self) -> Iterator[tuple[CallId, tuple[Lane, bool, PlaceKey]]]:
        return iter(self._places.items())

    def frees(self) -> Iterator[tuple[AgentId, tuple[tuple[Lane, ...], IdleKey]]]:
        return iter(self._free.items())

    def alarm(self, alarm: Alarm) -> None:
        """Note a deadline. It is checked against its owner when it comes up, so a stale one is harmless."""
        heappush(self.alarms, alarm)

    def pop_alarm(self) -> Alarm:
        return heappop(self.alarms)

    def compact(self, still: list[Alarm]) -> None:
        """Forget stale deadlines: memory stays proportional to what lives."""
        self.alarms = still
        heapify(self.alarms)


_Key = TypeVar("_Key", PlaceKey, IdleKey)


def _remove(items: list[_Key], item: _Key) -> None:
    del items[bisect_left(items, item)]
