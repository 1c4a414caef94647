"""The node machine by example: heartbeat, link, restarts."""

from __future__ import annotations

import pytest

from callctl.core.commands import Beat, RingPhone
from callctl.core.engine import next_due
from callctl.core.events import LinkLost, LinkRestored, Snapshot, Synced
from callctl.core.facts import CallEnded, NodeChanged, RingEnded, StrayEvent
from callctl.core.ids import SECOND, NodeId
from callctl.core.model import (
    Connected,
    Down,
    Idle,
    InMenu,
    Outcome,
    Party,
    Queued,
    RingResult,
    Unreachable,
    Up,
    WrapUp,
)
from callctl.sim.office import NODE, TO_MENU
from tests.core.world import stage

pytestmark = pytest.mark.core


def test_the_heartbeat_is_written_at_once_and_every_second() -> None:
    it = stage(up=False)
    beats: list[int] = []
    it.watch = lambda event, done: beats.extend(it.now for c in done.commands if isinstance(c, Beat))
    it.link_up()
    start = it.now
    it.wait(5)
    assert beats == [start + n * SECOND for n in range(6)]


def test_there_is_no_heartbeat_without_a_link() -> None:
    it = stage()
    it.do(LinkLost(NODE))
    assert next_due(it.world) is None
    assert it.wait(60) == []


def test_a_lost_link_is_told_once_and_says_nothing_of_the_calls() -> None:
    it = stage()
    it.talk("c1", "ana")
    it.arrive("c2", TO_MENU)
    it.do(LinkLost(NODE))
    assert it.told(NodeChanged)[0].phase == "down"
    assert isinstance(it.call("c1").phase, Connected)
    assert isinstance(it.call("c2").phase, InMenu)
    it.do(LinkLost(NODE))
    assert it.facts == ()


def test_nobody_is_rung_and_nothing_commanded_without_a_link() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    it.do(LinkLost(NODE))
    it.contacts("ana", "sip:a@1")
    assert isinstance(it.call("c1").phase, Queued)
    assert it.commands == ()
    it.do(LinkRestored(NODE, "boot-1"))
    assert isinstance(it.call("c1").phase, Queued)
    assert it.commands == ()


def test_a_restarted_pbx_has_lost_its_calls_and_no_phone_is_rung_before_it_qualifies() -> None:
    it = stage()
    it.talk("c1", "ana")
    it.arrive("c2")
    it.arrive("c3")
    it.do(LinkLost(NODE))
    it.do(LinkRestored(NODE, "boot-2"))
    assert [(f.outcome, f.by) for f in it.told(CallEnded)] == [(Outcome.PBX_LOST, Party.PBX)] * 3
    assert [f.result for f in it.told(RingEnded)] == [RingResult.LOST]
    assert not it.world.legs
    assert it.agent("ana").phone == it.agent("ben").phone == Unreachable()
    assert isinstance(it.agent("ana").state, WrapUp)
    assert isinstance(it.agent("ben").state, Idle)
    it.do(Synced(NODE, Snapshot()))
    it.arrive("c4")
    it.wait(20)
    assert isinstance(it.call("c4").phase, Queued)
    assert not it.agent("ben").misses
    it.contacts("ben", "sip:b@1")
    assert it.wished(RingPhone)


def test_the_first_boot_seen_is_no_restart() -> None:
    it = stage(up=False)
    it.do(LinkRestored(NODE, "boot-1"))
    assert it.told(NodeChanged)[0].why == "link restored"
    it.do(Synced(NODE, Snapshot()))
    assert it.world.nodes[NODE].phase == Up(it.now + SECOND)


def test_a_snapshot_that_comes_after_its_link_is_stray() -> None:
    it = stage()
    it.do(LinkLost(NODE))
    it.do(Synced(NODE, Snapshot()))
    assert it.facts == (StrayEvent("Synced", "Down"),)
    assert it.world.nodes[NODE].phase == Down(it.now)


def test_a_node_that_nobody_knows_is_stray() -> None:
    it = stage()
    it.do(LinkLost(NodeId("nowhere")))
    assert it.facts == (StrayEvent("LinkLost", "unknown node"),)
