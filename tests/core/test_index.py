"""The indexes by example; that they agree with a naive scan is an invariant of every other test."""

from __future__ import annotations

import pytest

from callctl.core.engine import next_due
from callctl.core.ids import AgentId, CallId, LegId, SkillId
from callctl.core.index import Group, Index, Line, Standing
from callctl.core.invariants import check
from callctl.core.model import Arrived, Idle, LoggedOut, OnCall, Place, Queued
from callctl.core.policy import ANYBODY, Requirement
from callctl.core.ranks import Free, Merit
from callctl.sim.office import CARE, NODE, SALES
from tests.core.world import stage

pytestmark = pytest.mark.core

LANE = (SALES, NODE)
GERMAN = SkillId("german")


def test_a_place_is_noted_moved_and_forgotten() -> None:
    index = Index()
    first, second = (Standing(LANE, (0, n, CallId(name)), ANYBODY) for n, name in ((1, "a"), (2, "b")))
    assert index.place(CallId("b"), second)
    assert index.place(CallId("a"), first)
    assert not index.place(CallId("a"), first)
    assert index.lines[LANE].waiting == [first.key, second.key]
    assert index.place(CallId("a"), first._replace(offered=True))
    assert index.lines[LANE] == Line([second.key], [first.key], {}, {ANYBODY: Group([second.key])})
    assert index.lines[LANE].position(second.key) == 2
    assert index.place(CallId("a"), None)
    assert not index.place(CallId("a"), None)
    assert dict(index.places()) == {CallId("b"): second}
    assert index.place(CallId("b"), None)
    assert index.lines[LANE] == Line()


def test_a_free_agent_stands_in_every_lane() -> None:
    index, lanes = Index(), (LANE, (CARE, NODE))
    ana = Free(AgentId("ana"), NODE, 5, {SALES: Merit(0, 5), CARE: Merit(1, 5)}, {})
    assert index.free(ana.agent, ana)
    assert all(index.line(lane).free == {ana.agent: ana} for lane in lanes)
    assert index.free(ana.agent, None)
    assert not any(index.line(lane).free for lane in lanes)


def test_a_group_has_the_free_agents_who_fit() -> None:
    """Whether the caller or the agent comes first."""
    index, german = Index(), Requirement(needs=((GERMAN, 50),))
    speaks, learns = (
        Free(AgentId(name), NODE, 5, {SALES: Merit(0, 5)}, {GERMAN: level})
        for name, level in (("ana", 50), ("ben", 49))
    )
    index.free(speaks.agent, speaks)
    for call, asks in (("a", german), ("b", ANYBODY)):
        index.place(CallId(call), Standing(LANE, (0, 1, CallId(call)), asks))
    index.free(learns.agent, learns)
    groups = index.lines[LANE].groups
    assert [key[-1] for key in groups[german].free] == ["ana"]
    assert [key[-1] for key in groups[ANYBODY].free] == ["ana", "ben"]
    index.free(speaks.agent, None)
    assert (groups[german].free, len(groups[ANYBODY].free)) == ([], 1)


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
    call.phase = Queued(Place(SALES, 9, 0))
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
