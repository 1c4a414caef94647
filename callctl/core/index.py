"""What the rules ask often, kept at hand: who waits, who is free, which legs belong to a call, what is due.

Everything here follows from calls, legs and agents; `invariants.check` compares it with a naive scan.
A *lane* is a queue on one node: a call is answered by a phone of its own node. Within a lane, callers who ask the same
of an agent stand in one *group*, with the free agents who have it: so a match is the first of both.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from callctl.core.ids import AgentId, CallId, LegId, Micros, NodeId, QueueId
from callctl.core.policy import Requirement
from callctl.core.ranks import Free, RankKey, rank

Lane: TypeAlias = tuple[QueueId, NodeId]
PlaceKey: TypeAlias = tuple[int, Micros, CallId]
"""(−score, queued since, id): the order in which callers are served. The score without what it gains for all alike
with time (`turn.place_key`), so that the order within a lane never changes."""
Alarm: TypeAlias = tuple[Micros, Literal["call", "leg", "agent", "node", "campaign"], str]


class Standing(NamedTuple):
    """Where a caller stands. Made and compared a dozen times a call: as a tuple that costs a third."""

    lane: Lane
    key: PlaceKey
    asks: Requirement
    offered: bool = False
    """An agent's phone rings for the call."""


@dataclass(slots=True)
class Group:
    """Callers of one lane who ask the same of an agent, and the free agents who have it, each in order."""

    waiting: list[PlaceKey] = field(default_factory=list)
    free: list[RankKey] = field(default_factory=list)


@dataclass(slots=True)
class Line:
    """One lane: callers waiting, callers whose agent's phone rings, agents free."""

    waiting: list[PlaceKey] = field(default_factory=list)
    offered: list[PlaceKey] = field(default_factory=list)
    free: dict[AgentId, Free] = field(default_factory=dict)
    groups: dict[Requirement, Group] = field(default_factory=dict)
    """Of those who wait."""

    def position(self, key: PlaceKey) -> int:
        """1: next."""
        return bisect_left(self.waiting, key) + bisect_left(self.offered, key) + 1


@dataclass(slots=True)
class Index:
    lines: dict[Lane, Line] = field(default_factory=dict)
    legs: dict[CallId, set[LegId]] = field(default_factory=dict)
    alarms: list[Alarm] = field(default_factory=list)
    callers: dict[str, set[CallId]] = field(default_factory=dict)
    """By the caller's number (digits of the public network): calls that are not over."""
    _places: dict[CallId, Standing] = field(default_factory=dict)
    _free: dict[AgentId, Free] = field(default_factory=dict)

    def line(self, lane: Lane) -> Line:
        found = self.lines.get(lane)
        if found is None:
            found = self.lines[lane] = Line()
        return found

    def place(self, call: CallId, at: Standing | None) -> bool:
        """Note where a call stands. True if that is news."""
        old = self._places.get(call)
        if old == at:
            return False
        if old is not None:
            self._leave(old)
            del self._places[call]
        if at is not None:
            self._stand(at)
            self._places[call] = at
        return True

    def _leave(self, old: Standing) -> None:
        line = self.lines[old.lane]
        if old.offered:
            _remove(line.offered, old.key)
            return
        _remove(line.waiting, old.key)
        group = line.groups[old.asks]
        _remove(group.waiting, old.key)
        if not group.waiting:
            del line.groups[old.asks]

    def _stand(self, at: Standing) -> None:
        line = self.line(at.lane)
        if at.offered:
            insort(line.offered, at.key)
            return
        insort(line.waiting, at.key)
        group = line.groups.get(at.asks)
        if group is None:
            fit = (rank(free, at.lane[0], at.asks) for free in line.free.values())
            group = line.groups[at.asks] = Group(free=sorted(key for key in fit if key is not None))
        insort(group.waiting, at.key)

    def free(self, agent: AgentId, at: Free | None) -> bool:
        """Note in which lanes an agent is routable, and with what merits. True if that is news."""
        old = self._free.get(agent)
        if old == at:
            return False
        if old is not None:
            for lane in old.lanes:
                line = self.lines[lane]
                del line.free[agent]
                for asks, group in line.groups.items():
                    if (key := rank(old, lane[0], asks)) is not None:
                        _remove(group.free, key)
            del self._free[agent]
        if at is not None:
            for lane in at.lanes:
                line = self.line(lane)
                line.free[agent] = at
                for asks, group in line.groups.items():
                    if (key := rank(at, lane[0], asks)) is not None:
                        insort(group.free, key)
            self._free[agent] = at
        return True

    def places(self) -> Iterator[tuple[CallId, Standing]]:
        return iter(self._places.items())

    def is_free(self, agent: AgentId) -> bool:
        """Whether the agent is routable anywhere."""
        return agent in self._free

    def frees(self) -> Iterator[tuple[AgentId, Free]]:
        return iter(self._free.items())

    def in_call(self, digits: str, call: CallId, *, over: bool) -> None:
        """Note that somebody from this number is in a call, or no longer."""
        if not over:
            self.callers.setdefault(digits, set()).add(call)
        elif (calls := self.callers.get(digits)) is not None:
            calls.discard(call)
            if not calls:
                del self.callers[digits]

    def alarm(self, alarm: Alarm) -> None:
        """Note a deadline. It is checked against its owner when it comes up, so a stale one is harmless."""
        heappush(self.alarms, alarm)

    def pop_alarm(self) -> Alarm:
        return heappop(self.alarms)

    def compact(self, still: list[Alarm]) -> None:
        """Forget stale deadlines: memory stays proportional to what lives."""
        self.alarms = still
        heapify(self.alarms)


_Key = TypeVar("_Key", PlaceKey, RankKey)


def _remove(items: list[_Key], item: _Key) -> None:
    del items[bisect_left(items, item)]
