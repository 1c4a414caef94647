"""Switches: who turns them, what they close, and what is remembered of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.commands import Play
from callctl.core.engine import first_step
from callctl.core.events import PolicyChanged, SwitchAsked
from callctl.core.facts import FlowedOut, SwitchRefused, SwitchTurned
from callctl.core.hours import Calendar
from callctl.core.ids import AgentId, CalendarId, SwitchId, seconds
from callctl.core.model import Queued, QueueVisit, Switch
from callctl.core.policy import Announce, HangUp, Overflow, Policy, SwitchPolicy
from callctl.core.recovery import restore
from callctl.sim.office import LOCKED, NODE, SALES, bare, policy
from tests.core.world import Stage, arrival_of, stage

pytestmark = pytest.mark.core

BYE = Announce(("sound:bye",), HangUp())
OFFICE = CalendarId("office")
FIRE = SwitchId("fire")


def sales(closed_while: tuple[SwitchId, ...] = (), calendar: Calendar | None = None) -> Policy:
    """The office, its sales closed while one of these is on, and out of the calendar's hours."""
    known = policy()
    queue = replace(known.queues[SALES], closed_while=closed_while, closed=BYE, hours=OFFICE if calendar else None)
    calendars = known.calendars if calendar is None else {**known.calendars, OFFICE: calendar}
    switches = {**known.switches, FIRE: SwitchPolicy(FIRE)}
    return replace(known, queues={**known.queues, SALES: queue}, calendars=calendars, switches=switches)


def always(*closed_while: SwitchId) -> Calendar:
    return Calendar(((0, 0),), (((0, 86400),),) * 7, closed_while=closed_while)


def turned(it: Stage) -> list[tuple[SwitchId, bool, str]]:
    return [(f.switch, f.on, f.by) for f in it.told(SwitchTurned)]


# ── what they close ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "closed",
    [sales((FIRE, LOCKED)), sales((), always(FIRE, LOCKED)), sales((LOCKED,), always(FIRE))],
    ids=["the queue's", "the calendar's", "both"],
)
def test_a_queue_is_closed_while_a_switch_is_on(closed: Policy) -> None:
    it = stage(closed, reachable=())
    it.arrive("c1")
    it.do(SwitchAsked(LOCKED, True, "eve"))
    it.arrive("c2")
    (flow,) = it.told(FlowedOut)
    assert (flow.queue, flow.why, flow.taken, flow.switch) == (SALES, Overflow.CLOSED, False, LOCKED)
    assert it.call("c2").story.queues == [QueueVisit(SALES, it.now, it.now, Overflow.CLOSED)]
    assert isinstance(it.call("c1").phase, Queued), "who was let in may wait"
    it.do(SwitchAsked(LOCKED, False, "eve"))
    it.arrive("c3")
    assert isinstance(it.call("c3").phase, Queued)


def test_by_the_clock_no_switch_is_named() -> None:
    it = stage(sales((), Calendar(((0, 0),), ((),) * 7, closed_while=(LOCKED,))), reachable=())
    it.arrive("c1")
    assert [f.switch for f in it.told(FlowedOut)] == [None]
    it.do(SwitchAsked(LOCKED, True))
    it.arrive("c2")
    assert [f.switch for f in it.told(FlowedOut)] == [LOCKED]


# ── who turns them ───────────────────────────────────────────────────────────────────────────


def test_its_code_turns_it_and_says_how_it_is() -> None:
    it = stage()
    it.feature("f1", "ana", "*70")
    assert turned(it) == [(LOCKED, True, "agent ana")]
    assert it.world.switches == {LOCKED: Switch(LOCKED, it.now, "agent ana")}
    assert it.wished(Play)[0].prompts == ("sound:silence/1", "sound:locked")
    it.feature("f2", "ben", "*70")
    assert it.wished(Play)[0].prompts == ("sound:silence/1", "sound:unlocked")
    assert turned(it) == [(LOCKED, False, "agent ben")]
    assert it.world.switches == {}


@pytest.mark.parametrize(("may", "by"), [((), "phone hall"), ((AgentId("ana"),), "")])
def test_from_a_phone_that_is_nobodys(may: tuple[AgentId, ...], by: str) -> None:
    known = policy()
    it = stage(replace(known, switches={LOCKED: replace(known.switches[LOCKED], may=may)}))
    it.feature("f1", "hall", "*70")
    assert turned(it) == ([(LOCKED, True, by)] if by else [])
    assert [f.switch for f in it.told(SwitchRefused)] == ([] if by else [LOCKED])
    assert it.wished(Play)[0].prompts[1] == ("sound:locked" if by else "sound:beeperr")


def test_from_a_phone_that_the_configuration_does_not_have() -> None:
    it = stage()
    it.do(replace(arrival_of("f1", "1"), phone=None, feature_code="*70"))
    assert it.told(SwitchRefused) == [SwitchRefused(LOCKED, "not from this phone", "phone unknown")]
    assert it.world.switches == {}


def test_who_may_not() -> None:
    known = policy()
    it = stage(replace(known, switches={LOCKED: replace(known.switches[LOCKED], may=(AgentId("ana"),))}))
    it.feature("f1", "ben", "*70")
    assert it.told(SwitchRefused) == [SwitchRefused(LOCKED, "not from this phone", "phone ben")]
    assert it.world.switches == {}
    it.feature("f2", "ana", "*70")
    assert LOCKED in it.world.switches


def test_what_is_so_already_is_no_news() -> None:
    it = stage()
    assert not it.do(SwitchAsked(LOCKED, False)).facts
    done = it.do(SwitchAsked(LOCKED, True, "eve"))
    assert done.touched.switches == (Switch(LOCKED, it.now, "eve"),)
    it.wait(5)
    done = it.do(SwitchAsked(LOCKED, True, "adam"))
    assert not done.facts
    assert it.world.switches[LOCKED].by == "eve"
    assert it.do(SwitchAsked(LOCKED, False, "adam")).touched.off == (LOCKED,)
    it.do(SwitchAsked(SwitchId("none"), True, "eve"))
    assert it.told(SwitchRefused) == [SwitchRefused(SwitchId("none"), "there is no such switch", "eve")]


# ── what is remembered ───────────────────────────────────────────────────────────────────────


def test_it_is_on_after_a_start() -> None:
    it = stage()
    it.do(SwitchAsked(LOCKED, True, "eve"))
    assert it.rows.switches == it.world.switches
    again = restore(policy(), 2, (), (), (), (NODE,), it.now, switches=it.rows.switches.values())
    assert again.switches == it.world.switches


def test_a_switch_that_the_configuration_does_not_have_is_forgotten() -> None:
    it = stage()
    it.do(SwitchAsked(LOCKED, True, "eve"))
    it.do(PolicyChanged(bare()))
    assert turned(it) == [(LOCKED, False, "configuration")]
    assert it.rows.switches == {}
    it.do(PolicyChanged(policy()))
    assert it.world.switches == {}


def test_also_where_it_is_gone_at_a_start() -> None:
    on = Switch(LOCKED, seconds(1), "eve")
    assert restore(bare(), 2, (), (), (), (NODE,), seconds(2), switches=[on]).switches == {}
    done = first_step((), (), (NODE,), seconds(2), [on], bare().switches)
    assert done.touched.off == (LOCKED,)
    assert done.facts == (SwitchTurned(LOCKED, False, "configuration"),)
    assert not first_step((), (), (NODE,), seconds(2), [on], policy().switches).touched.off
