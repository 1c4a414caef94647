"""What a queue does with those it does not take, or no longer: where they go, and what they keep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.commands import Hangup, Hold, Play, Unhold
from callctl.core.events import PolicyChanged, Wish
from callctl.core.facts import CallEnded, CallQueued, FlowedOut, RingEnded
from callctl.core.hours import Calendar
from callctl.core.ids import CalendarId, QueueId, seconds
from callctl.core.model import Idle, InMenu, Offered, Outcome, Queued, QueueVisit, RingResult, World
from callctl.core.policy import (
    Announce,
    Destination,
    HangUp,
    HangupReason,
    Overflow,
    Policy,
    QueuePolicy,
    Staffed,
    ToMenu,
    ToQueue,
)
from callctl.sim.office import CARE, MAIN, SALES, policy
from tests.core.world import Stage, stage

pytestmark = pytest.mark.core

BYE = Announce(("sound:bye",), HangUp())
ALWAYS = Calendar(((0, 0),), (((0, 86400),),) * 7)
NEVER = Calendar(((0, 0),), ((),) * 7)


def sales(reachable: tuple[str, ...] = (), care: QueuePolicy | None = None, **changes: object) -> Stage:
    """The office, its sales changed so."""
    return stage(changed(policy(), care, **changes), reachable=reachable)


def changed(known: Policy, care: QueuePolicy | None = None, **changes: object) -> Policy:
    queues = {**known.queues, SALES: replace(known.queues[SALES], **changes)}  # type: ignore[arg-type]
    if care is not None:
        queues[CARE] = care
    return replace(known, queues=queues, last_resort=BYE)


def where(world: World, leg: str) -> QueueId | None:
    phase = next(call.phase for call in world.calls.values() if call.leg == leg)
    return phase.place.queue if isinstance(phase, Queued | Offered) else None


def flows(it: Stage) -> list[tuple[QueueId, Overflow, bool]]:
    return [(f.queue, f.why, f.taken) for f in it.told(FlowedOut)]


# ── on entry ─────────────────────────────────────────────────────────────────────────────────


def test_a_full_queue_sends_on() -> None:
    it = sales(max_waiting=2, full=ToQueue(CARE))
    for leg in ("c1", "c2", "c3"):
        it.arrive(leg)
    assert flows(it) == [(SALES, Overflow.FULL, False)]
    assert [where(it.world, leg) for leg in ("c1", "c2", "c3")] == [SALES, SALES, CARE]
    story = it.call("c3").story
    assert story.queues == [QueueVisit(SALES, it.now, it.now, Overflow.FULL), QueueVisit(CARE, it.now)]
    it.gone("c1")
    it.arrive("c4")
    assert where(it.world, "c4") == SALES


def test_who_is_refused_hears_busy_and_is_not_answered_by_an_agent() -> None:
    it = sales(max_waiting=1, full=HangUp(HangupReason.BUSY))
    it.arrive("c1")
    it.arrive("c2")
    assert [(h.leg, h.reason) for h in it.wished(Hangup)] == [("c2", HangupReason.BUSY)]
    assert it.told(CallEnded)[0].outcome is Outcome.OVERFLOWED
    assert not it.told(CallQueued)


def test_those_whose_agent_is_rung_count() -> None:
    it = sales(("ana",), max_waiting=1, full=BYE)
    it.arrive("c1")
    assert isinstance(it.call("c1").phase, Offered)
    it.arrive("c2")
    assert flows(it) == [(SALES, Overflow.FULL, False)]


@pytest.mark.parametrize(("calendar", "taken"), [(ALWAYS, True), (NEVER, False)])
def test_hours(calendar: Calendar, taken: bool) -> None:
    name = CalendarId("office")
    it = stage(replace(changed(policy(), hours=name, closed=BYE), calendars={name: calendar}), reachable=())
    it.arrive("c1")
    assert flows(it) == ([] if taken else [(SALES, Overflow.CLOSED, False)])
    assert (where(it.world, "c1") == SALES) is taken


# ── nobody is there ──────────────────────────────────────────────────────────────────────────


def test_nobody_logged_in() -> None:
    it = sales(staffed=Staffed.LOGGED_IN, unstaffed=BYE)
    it.ask("ana", Wish.LOGOUT)
    it.ask("ben", Wish.PAUSE)
    it.arrive("c1")
    assert where(it.world, "c1") == SALES  # ben is there, though paused
    it.ask("ben", Wish.LOGOUT)
    assert flows(it) == [(SALES, Overflow.UNSTAFFED, True)]
    assert [type(c) for c in it.commands] == [Unhold, Play]
    it.arrive("c2")
    assert flows(it) == [(SALES, Overflow.UNSTAFFED, False)]


def test_all_paused_and_back_in_time() -> None:
    it = sales(staffed=Staffed.AVAILABLE, unstaffed=BYE, unstaffed_after=seconds(10))
    it.arrive("c1")
    for agent in ("ana", "ben"):
        it.ask(agent, Wish.PAUSE)
    assert not it.wait(9)
    it.ask("ana", Wish.UNPAUSE)
    it.wait(60)
    assert where(it.world, "c1") == SALES
    it.ask("ana", Wish.PAUSE)
    assert next(f for f in it.wait(10) if isinstance(f, FlowedOut)).why is Overflow.UNSTAFFED


def test_a_rule_that_comes_with_a_reload_holds_for_those_who_wait() -> None:
    it = sales()
    it.arrive("c1")
    for agent in ("ana", "ben"):
        it.ask(agent, Wish.LOGOUT)
    it.do(PolicyChanged(changed(policy(), staffed=Staffed.LOGGED_IN, unstaffed=BYE)))
    assert flows(it) == [(SALES, Overflow.UNSTAFFED, True)]


# ── keys ─────────────────────────────────────────────────────────────────────────────────────


def test_an_exit_key_leads_out() -> None:
    it = sales(exit_keys={"0": ToMenu(MAIN)})
    it.arrive("c1")
    it.press("c1", "5")
    assert where(it.world, "c1") == SALES
    it.press("c1", "0")
    assert flows(it) == [(SALES, Overflow.EXIT_KEY, True)]
    assert isinstance(it.call("c1").phase, InMenu)
    assert it.call("c1").flow is None


def test_an_exit_key_while_the_agent_is_rung_lets_the_phone_be() -> None:
    it = sales(("ana",), exit_keys={"0": HangUp()})
    it.arrive("c1")
    ring = it.legs("ana")[0]
    it.press("c1", "0")
    assert [r.result for r in it.told(RingEnded)] == [RingResult.ABANDONED]
    assert {h.leg for h in it.wished(Hangup)} == {"c1", ring}
    it.gone(ring)
    assert isinstance(it.agent("ana").state, Idle)


# ── from queue to queue ──────────────────────────────────────────────────────────────────────


def test_the_waited_time_is_kept() -> None:
    it = sales(longest_wait=seconds(30), give_up=ToQueue(CARE))
    it.arrive("c1")
    since = it.now
    it.wait(30)
    phase = it.call("c1").phase
    assert isinstance(phase, Queued)
    assert (phase.place.queue, phase.place.since) == (CARE, since)
    assert it.call("c1").story.queued == since
    assert it.wished(Hold)[-1].queue == CARE


def test_two_queues_that_send_round_end_at_the_last_resort() -> None:
    care = QueuePolicy(CARE, longest_wait=seconds(10), give_up=ToQueue(SALES))
    it = sales(care=care, longest_wait=seconds(10), give_up=ToQueue(CARE))
    it.arrive("c1")
    told = [(f.queue, f.why) for f in it.wait(20) if isinstance(f, FlowedOut)]
    assert told == [(SALES, Overflow.WAITED), (CARE, Overflow.WAITED), (SALES, Overflow.AGAIN)]
    it.heard("c1")
    assert it.told(CallEnded)[0].outcome is Outcome.OVERFLOWED


def test_who_presses_a_key_may_come_back() -> None:
    to: Destination = ToMenu(MAIN)
    it = sales(longest_wait=seconds(10), give_up=to)
    it.arrive("c1")
    it.wait(10)
    assert isinstance(it.call("c1").phase, InMenu)
    it.press("c1", "1")
    assert where(it.world, "c1") == SALES


def test_a_reload_changes_how_long_callers_wait_at_most() -> None:
    it = sales()
    it.arrive("c1")
    it.wait(20)
    it.do(PolicyChanged(changed(replace(policy(), sha="60"), longest_wait=seconds(60), give_up=BYE)))
    it.wait(39)
    assert where(it.world, "c1") == SALES
    it.do(PolicyChanged(changed(replace(policy(), sha="0"), longest_wait=0)))
    it.wait(60)
    assert where(it.world, "c1") == SALES, "nobody is hung up by a limit that is gone"


def test_who_is_sent_on_to_a_queue_that_does_not_take_them_hears_no_music_behind_the_words() -> None:
    shut = QueuePolicy(CARE, staffed=Staffed.AVAILABLE, unstaffed=BYE)
    it = sales(care=shut, longest_wait=seconds(10), give_up=ToQueue(CARE))
    for agent in ("ana", "ben"):
        it.ask(agent, Wish.PAUSE)
    it.arrive("c1")
    it.wait(10)
    kinds = [type(c) for c in it.commands if isinstance(c, Hold | Unhold | Play)]
    assert kinds == [Unhold, Play]
