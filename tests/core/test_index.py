"""The indexes by example; that they agree with a naive scan is an invariant of every other test."""

from __future__ import annotations

import pytest

from callctl.core.engine import next_due
from callctl.core.ids import AgentId, CallId, LegId
from callctl.core.index import Index, Line
from callctl.core.invariants import check
from callctl.core.model import Arrived, Idle, LoggedOut, OnCall, Queued
from callctl.sim.office import CARE, NODE, SALES
from tests.core.world import stage

pytestmark = pytest.mark.core

LANE = (SALES, NODE)


def test_a_place_is_noted_moved_and_forgotten() -> None:
    index = Index()
    first, second = (LANE, False, (0, 1, CallId("a"))), (LANE, False, (0, 2, CallId("b")))
    assert index.place(CallId("b"), second)
    assert index.place(CallId("a"), first)
    assert not index.place(CallId("a"), first)
    assert index.lines[LANE].waiting == [first[2], second[2]]
    assert index.place(CallId("a"), (LANE, True, first[2]))
    assert index.lines[LANE] == Line([second[2]], [first[2]], [])
    assert index.lines[LANE].position(second[2]) == 2
    assert index.place(CallId("a"), None)
    assert not index.place(CallId("a"), None)
    assert dict(index.places()) == {"b": second}


def test_a_free_agent_stands_in_every_lane() -> None:
    index, lanes = Index(), (LANE, (CARE, NODE))
    assert index.free(AgentId("ana"), (lanes, (5, AgentId("ana"))))
    assert all(index.line(lane).free == [(5, "ana")] for lane in lanes)
    assert index.free(AgentId("ana"), None)
    assert not any(index.line(lane).free for lane in lanes)


def test_stale_alarms_are_forgotten() -> None:
    it = stage(reachable=())
    for n in range(200):
        it.arrive(f"c{n}")
        it.gone(f"c{n}")
    next_due(it.world)
    assert len(it.world.index.alarms) <= 64 + 4 * len(it.world.agents)


def test_the_check_finds_what_is_broken() -> None:
    """The watchman is awake: each of these is a World that must not be."""
    it = stage(reachable=())
    it.arrive("c1")
    call = it.call("c1")

    def broken() -> str:
        return "; ".join(check(it.world))

    call.phase, kept = Arrived(), call.phase
    assert "between its arrival" in broken()
    call.phase = Queued(SALES, 9, 0)
    assert "places:" in broken()
    call.phase = kept
    ana = it.agent("ana")
    ana.state, idle = OnCall(call.id, LegId("x")), ana.state
    assert "is on" in broken()
    ana.state = idle
    ana.status, available = LoggedOut(), ana.status
    assert broken() == ""
    ana.status = available
    leg = it.world.legs.pop(LegId("c1"))
    assert "without its caller" in broken()
    it.world.legs[LegId("c1")] = leg
    it.world.index.alarms.clear()
    assert "nobody watches" in broken()
    assert isinstance(idle, Idle)
