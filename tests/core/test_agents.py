"""The agent machine by example: rings, misses, wrap-up, status and phone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.commands import Bridge, Hangup, RingPhone
from callctl.core.events import Wish
from callctl.core.facts import AgentStatusChanged, CallConnected, CallRequeued, GhostAnswered, RingEnded, StatusRefused
from callctl.core.ids import SECOND, AgentId, seconds
from callctl.core.model import (
    Available,
    BusyElsewhere,
    Idle,
    LoggedOut,
    Offered,
    OnCall,
    Paused,
    Place,
    Queued,
    Reachable,
    Reserved,
    Ringing,
    RingResult,
    Settling,
    Unreachable,
    WrapUp,
)
from callctl.core.policy import DefaultStatus, HangupReason, Policy
from callctl.core.rings import result_of
from callctl.sim.office import SALES, policy
from tests.core.world import Stage, stage

pytestmark = pytest.mark.core


def alone() -> Stage:
    """Only ana can be rung."""
    return stage(reachable=("ana",))


# ── rings ────────────────────────────────────────────────────────────────────────────────────


def test_all_contacts_ring_and_the_losers_end_as_answered_elsewhere() -> None:
    it = alone()
    it.contacts("ana", "sip:a@1", "sip:a@2", "sip:a@3")
    it.arrive("c1")
    legs = it.legs("ana")
    assert [(c.leg, c.contact, c.caller_number) for c in it.wished(RingPhone)] == [
        (leg, f"sip:a@{n}", "+33142685300") for n, leg in enumerate(legs, 1)
    ]
    it.ring(legs[0])
    it.ring(legs[1])
    it.answer(legs[1])
    assert set(it.wished(Hangup)) == {
        Hangup(it.call("c1").node, leg, HangupReason.ANSWERED_ELSEWHERE) for leg in (legs[0], legs[2])
    }
    for loser in (legs[0], legs[2]):
        it.gone(loser, 26)
    assert it.agent("ana").state == OnCall(it.call("c1").id, legs[1])


def test_two_contacts_answer_at_once_the_first_has_the_call() -> None:
    it = alone()
    it.contacts("ana", "sip:a@1", "sip:a@2")
    it.arrive("c1")
    first, second = it.legs("ana")
    it.answer(first)
    it.answer(second)
    assert [h.leg for h in it.wished(Hangup)] == [second]
    assert not it.wished(Bridge)
    it.gone("c1")
    it.answer(second)  # said once more, when the talk is over: neither a ghost nor another result
    assert not it.told(GhostAnswered)
    assert it.call("c1").story.rings[0].result is RingResult.ANSWERED


def test_a_phone_that_rings_too_long_is_given_up_and_the_caller_is_back_ahead_of_later_ones() -> None:
    it = alone()
    it.arrive("c1")
    since = it.now
    it.wait(4)
    it.arrive("c2")
    leg = it.legs("ana")[0]
    it.ring(leg)
    told = it.wait(15.9)
    assert isinstance(it.call("c1").phase, Offered)
    told = it.wait(0.2)
    assert it.call("c1").phase == Queued(Place(SALES, 0, since, since))
    assert [f.position for f in told if isinstance(f, CallRequeued)] == [1]
    assert [(f.result, f.rang) for f in told if isinstance(f, RingEnded)] == [(RingResult.NO_ANSWER, 20 * SECOND)]
    assert [(h.leg, h.reason) for h in it.wished(Hangup)] == [(leg, HangupReason.NO_ANSWER)]
    assert isinstance(it.agent("ana").state, Ringing)  # until the leg is gone
    it.contacts("ben", "sip:ben@1")
    assert isinstance(it.call("c1").phase, Offered)
    assert isinstance(it.call("c2").phase, Queued)


@pytest.mark.parametrize(
    ("cause", "sip", "result"),
    [
        (17, 486, RingResult.BUSY),
        (21, 603, RingResult.REJECTED),
        (0, 480, RingResult.REJECTED),
        (17, 0, RingResult.BUSY),
        (0, 302, RingResult.FORWARDED),
        (18, 0, RingResult.NO_ANSWER),
        (19, 0, RingResult.NO_ANSWER),
        (20, 404, RingResult.UNREACHABLE),
        (38, 503, RingResult.UNREACHABLE),
        (0, 0, RingResult.UNREACHABLE),
    ],
)
def test_what_a_failed_ring_came_to(cause: int, sip: int, result: RingResult) -> None:
    assert result_of(cause, sip) is result
    it = alone()
    it.arrive("c1")
    it.gone(it.legs("ana")[0], cause, sip)
    assert it.told(RingEnded)[0].result is result
    assert isinstance(it.call("c1").phase, Queued)
    assert isinstance(it.agent("ana").state, Idle)
    counted = result in (RingResult.REJECTED, RingResult.BUSY, RingResult.NO_ANSWER)
    assert it.agent("ana").misses == int(counted)


def test_of_several_contacts_the_one_that_says_most_counts() -> None:
    for causes, result in (
        ([(0, 302), (17, 486)], RingResult.FORWARDED),
        ([(17, 486), (0, 302)], RingResult.FORWARDED),
        ([(17, 486), (20, 404)], RingResult.BUSY),
        ([(20, 404), (19, 0)], RingResult.NO_ANSWER),
    ):
        it = alone()
        it.contacts("ana", "sip:a@1", "sip:a@2")
        it.arrive("c1")
        for leg, (cause, sip) in zip(it.legs("ana"), causes, strict=True):
            it.gone(leg, cause, sip)
        assert it.told(RingEnded)[0].result is result, causes


def test_a_phone_that_forwards_is_refused_and_paused() -> None:
    it = alone()
    it.arrive("c1")
    it.gone(it.legs("ana")[0], 0, 302)
    assert it.agent("ana").status == Paused("phone_forwarded")
    assert it.agent("ana").misses == 0


def test_after_n_misses_in_a_row_the_agent_is_paused() -> None:
    it = alone()
    it.arrive("c1")
    for n in (1, 2, 3):
        assert it.agent("ana").status == Available()
        it.gone(it.legs("ana")[0], 17, 486)
        assert it.agent("ana").misses == n
        it.wait(5)
    assert it.agent("ana").status == Paused("missed_calls")
    assert isinstance(it.call("c1").phase, Queued)
    it.ask("ana", Wish.UNPAUSE)
    assert it.agent("ana").misses == 0
    assert isinstance(it.call("c1").phase, Offered)


def test_a_talk_forgives_the_misses() -> None:
    it = alone()
    it.arrive("c1")
    it.gone(it.legs("ana")[0], 17, 486)
    it.wait(5)
    it.answer(it.legs("ana")[0])
    assert it.agent("ana").misses == 1, "who hangs up at once has missed this one too"
    it.wait(1)
    it.gone("c1")
    assert it.agent("ana").misses == 0


def test_only_misses_by_a_reachable_phone_count() -> None:
    it = alone()
    it.arrive("c1")
    it.ring(it.legs("ana")[0])
    it.contacts("ana")  # the phone is gone while it rings
    it.wait(20)
    assert it.call("c1").story.rings[0].result is RingResult.NO_ANSWER
    assert it.agent("ana").misses == 0
    it.gone(it.legs("ana")[0])
    it.contacts("ana", "sip:a@1")
    it.wait(5)
    it.gone(it.legs("ana")[0], 20, 0)
    assert it.agent("ana").misses == 0


def test_a_phone_that_never_rang_is_no_miss_of_the_person() -> None:
    it = alone()
    it.arrive("c1")
    it.wait(20)
    assert it.call("c1").story.rings[0].result is RingResult.UNREACHABLE
    assert it.agent("ana").misses == 0


def test_a_forwarded_contact_is_not_forgotten_because_another_rings_on() -> None:
    it = alone()
    it.contacts("ana", "sip:a@1", "sip:a@2")
    it.arrive("c1")
    first, second = it.legs("ana")
    it.ring(second)
    it.gone(first, 0, 302)
    it.wait(20)
    assert it.call("c1").story.rings[0].result is RingResult.FORWARDED
    assert it.agent("ana").status == Paused("phone_forwarded")
    assert it.agent("ana").misses == 0


def test_who_answers_just_too_late_is_no_ghost() -> None:
    """The caller waits on: the miss is one, and nobody is told that a caller had vanished."""
    it = alone()
    it.arrive("c1")
    leg = it.legs("ana")[0]
    it.ring(leg)
    it.wait(20)
    it.answer(leg)
    assert [h.leg for h in it.wished(Hangup)] == [leg]
    assert not it.told(GhostAnswered)
    assert it.call("c1").story.rings[0].result is RingResult.NO_ANSWER
    assert it.agent("ana").misses == 1


def test_an_agent_who_missed_is_left_alone_for_a_moment() -> None:
    it = alone()
    it.arrive("c1")
    it.gone(it.legs("ana")[0], 17, 486)
    it.wait(4.9)
    assert isinstance(it.call("c1").phase, Queued)
    it.wait(0.2)
    assert isinstance(it.call("c1").phase, Offered)


def test_a_phone_that_cannot_be_rung_is_not_tried_at_once_even_without_a_miss_delay() -> None:
    config = policy(("ana",))
    it = stage(replace(config, agents={AgentId("ana"): replace(config.agents[AgentId("ana")], miss_delay=0)}))
    it.arrive("c1")
    for _ in range(3):
        it.gone(it.legs("ana")[0], 20, 503)
        it.wait(0.9)
        assert isinstance(it.call("c1").phase, Queued)
        it.wait(0.2)
    it.gone(it.legs("ana")[0], 17, 486)  # by a person, who is counted
    assert it.agent("ana").misses == 1
    assert isinstance(it.call("c1").phase, Offered)


def test_an_agent_who_answers_a_vanished_caller_is_idle_again() -> None:
    it = alone()
    it.arrive("c1")
    since = it.agent("ana").state
    leg = it.legs("ana")[0]
    it.ring(leg)
    it.gone("c1")
    assert [h.leg for h in it.wished(Hangup)] == [leg]
    it.answer(leg)
    assert len(it.told(GhostAnswered)) == 1
    assert [h.leg for h in it.wished(Hangup)] == [leg]
    it.answer(leg)
    assert not it.told(GhostAnswered)  # counted once
    call = it.call("c1").id
    it.gone(leg)
    assert isinstance(since, Reserved)
    assert it.agent("ana").state == Idle(since.idle_since)
    assert (it.agent("ana").misses, it.agent("ana").held_until) == (0, None)
    assert it.rows.records[call][-1].story.rings[0].result is RingResult.GHOST
    it.arrive("c2")
    assert isinstance(it.call("c2").phase, Offered)


def test_an_answer_that_comes_as_the_call_goes_on_is_hung_up() -> None:
    it = stage()
    it.arrive("c1")
    leg = it.legs("ana")[0]
    it.wait(20)
    it.answer(it.legs("ben")[0])
    it.answer(leg)
    assert [h.leg for h in it.wished(Hangup)] == [leg]
    assert isinstance(it.agent("ben").state, OnCall)
    it.gone(leg)
    assert isinstance(it.agent("ana").state, Idle)


# ── wrap-up ──────────────────────────────────────────────────────────────────────────────────


def test_wrap_up_lasts_as_the_queue_says() -> None:
    it = alone()
    leg = it.talk("c1", "ana")
    it.gone("c1")
    it.gone(leg)
    assert it.agent("ana").state == WrapUp(it.call("c1").id, it.now + 10 * SECOND)
    it.arrive("c2")
    it.wait(9.9)
    assert isinstance(it.call("c2").phase, Queued)
    it.wait(0.2)
    assert isinstance(it.call("c2").phase, Offered)


def test_ready_early_ends_the_wrap_up() -> None:
    it = alone()
    leg = it.talk("c1", "ana")
    it.gone("c1")
    it.gone(leg)
    call = it.call("c1").id
    it.wait(4)
    it.ask("ana", Wish.UNPAUSE)
    assert it.agent("ana").state == Idle(it.now)
    story = it.rows.records[call][-1].story
    assert story.ended is not None
    assert story.wrap_up_ended == story.ended + 4 * SECOND


def test_who_pauses_in_wrap_up_is_not_rung_after_it() -> None:
    it = alone()
    leg = it.talk("c1", "ana")
    it.gone("c1")
    it.gone(leg)
    it.ask("ana", Wish.PAUSE, "lunch")
    it.arrive("c2")
    it.wait(20)
    assert it.agent("ana").status == Paused("lunch")
    assert isinstance(it.call("c2").phase, Queued)


def test_who_logs_out_while_a_phone_that_forwards_rings_stays_logged_out() -> None:
    it = alone()
    it.arrive("c1")
    it.ask("ana", Wish.LOGOUT)
    it.gone(it.legs("ana")[0], 0, 302)
    assert it.agent("ana").status == LoggedOut()


# ── status ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("before", "wish", "after", "refused"),
    [
        ([], Wish.LOGIN, Available(), ""),
        ([], Wish.UNPAUSE, Available(), ""),
        ([], Wish.PAUSE, Paused("lunch"), ""),
        ([], Wish.LOGOUT, LoggedOut(), ""),
        ([Wish.PAUSE], Wish.PAUSE, Paused("lunch"), ""),
        ([Wish.PAUSE], Wish.UNPAUSE, Available(), ""),
        ([Wish.PAUSE], Wish.LOGIN, Available(), ""),
        ([Wish.PAUSE], Wish.LOGOUT, LoggedOut(), ""),
        ([Wish.LOGOUT], Wish.LOGIN, Available(), ""),
        ([Wish.LOGOUT], Wish.LOGOUT, LoggedOut(), ""),
        ([Wish.LOGOUT], Wish.PAUSE, LoggedOut(), "logged out: log in first"),
        ([Wish.LOGOUT], Wish.UNPAUSE, LoggedOut(), "logged out: log in first"),
    ],
)
def test_every_wish_in_every_status(before: list[Wish], wish: Wish, after: object, refused: str) -> None:
    it = stage()
    for earlier in before:
        it.ask("ana", earlier)
    was = it.agent("ana").status
    it.ask("ana", wish, "lunch")
    assert it.agent("ana").status == after
    assert [fact.why for fact in it.told(StatusRefused)] == ([refused] if refused else [])
    assert bool(it.told(AgentStatusChanged)) == (was != after)


def test_a_wish_for_nobody_is_refused() -> None:
    it = stage()
    it.ask("nobody", Wish.LOGIN)
    assert it.told(StatusRefused)[0].why == "no such agent"


def test_the_default_status_is_the_first() -> None:
    config = policy(("ana", "ben", "carl"))
    for name, default in zip(("ana", "ben", "carl"), DefaultStatus, strict=True):
        config = _with_default(config, name, default)
    it = stage(config)
    assert [it.agent(n).status for n in ("ana", "ben", "carl")] == [LoggedOut(), Available(), Paused("default")]


def _with_default(config: Policy, name: str, default: DefaultStatus) -> Policy:
    agent = AgentId(name)
    return replace(config, agents={**config.agents, agent: replace(config.agents[agent], default=default)})


def test_who_logs_out_while_talking_talks_on() -> None:
    it = alone()
    leg = it.talk("c1", "ana")
    it.ask("ana", Wish.LOGOUT)
    assert it.agent("ana").state == OnCall(it.call("c1").id, leg)
    it.gone("c1")
    it.wait(20)
    it.arrive("c2")
    assert isinstance(it.call("c2").phase, Queued)


# ── phone ────────────────────────────────────────────────────────────────────────────────────


def test_a_phone_without_contacts_is_not_rung() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    assert it.agent("ana").phone == Unreachable()
    assert isinstance(it.call("c1").phase, Queued)
    it.contacts("ana", "sip:a@1")
    assert it.agent("ana").phone == Reachable(("sip:a@1",))
    assert isinstance(it.call("c1").phase, Offered)


def test_a_phone_that_is_busy_elsewhere_is_not_rung() -> None:
    it = alone()
    it.busy("ana", True)
    assert isinstance(it.agent("ana").phone, BusyElsewhere)
    it.arrive("c1")
    assert isinstance(it.call("c1").phase, Queued)
    it.busy("ana", False)
    assert isinstance(it.call("c1").phase, Offered)


def test_a_phone_that_comes_back_while_in_use_is_busy_elsewhere() -> None:
    it = stage(reachable=())
    it.busy("ana", True)
    it.contacts("ana", "sip:a@1")
    assert it.agent("ana").phone == BusyElsewhere(("sip:a@1",))


def test_our_own_call_does_not_make_the_phone_busy_elsewhere() -> None:
    it = alone()
    it.arrive("c1")
    it.busy("ana", True)
    assert isinstance(it.agent("ana").phone, Reachable)
    leg = it.legs("ana")[0]
    it.answer(leg)
    it.gone("c1")
    assert isinstance(it.agent("ana").phone, Settling)
    it.busy("ana", False)
    assert isinstance(it.agent("ana").phone, Reachable)


def test_a_device_said_to_be_busy_just_after_our_ring_does_not_restart_idleness() -> None:
    it = alone()
    it.wait(60)
    it.arrive("c1")
    was = it.agent("ana").state
    assert isinstance(was, Reserved)
    it.gone(it.legs("ana")[0], 17, 486)  # rejected at once, before the device was said to ring
    it.wait(0.2)
    it.busy("ana", True)
    assert isinstance(it.agent("ana").phone, Settling)
    it.busy("ana", False)
    assert it.agent("ana").state == Idle(was.idle_since)
    it.wait(0.9)
    it.busy("ana", True)
    assert isinstance(it.agent("ana").phone, BusyElsewhere)


def test_a_device_said_to_be_busy_just_after_our_talk_is_busy_from_it() -> None:
    it = alone()
    leg = it.talk("c1", "ana")
    it.gone("c1")
    it.wait(2)  # the agent's leg ends later
    it.gone(leg)
    it.busy("ana", True)
    assert isinstance(it.agent("ana").phone, Settling)


def test_a_phone_that_still_settles_is_not_rung() -> None:
    it = alone()
    it.arrive("c1", "442079460007")
    it.busy("ana", True)
    leg = it.legs("ana")[0]
    it.answer(leg)
    it.gone("c1")
    it.gone(leg)
    it.arrive("c2")
    assert isinstance(it.call("c2").phase, Queued)
    it.busy("ana", False)
    assert isinstance(it.call("c2").phase, Offered)


def test_contacts_change_while_the_phone_is_known() -> None:
    it = alone()
    it.contacts("ana", "sip:a@1", "sip:a@2")
    assert it.agent("ana").phone == Reachable(("sip:a@1", "sip:a@2"))
    it.busy("ana", True)
    it.contacts("ana", "sip:a@3")
    assert it.agent("ana").phone == BusyElsewhere(("sip:a@3",))


def test_answered_by_and_when_is_told() -> None:
    it = alone()
    it.arrive("c1")
    it.wait(2.5)
    it.answer(it.legs("ana")[0])
    (fact,) = it.told(CallConnected)
    assert (fact.agent, fact.queue, fact.waited) == ("ana", SALES, seconds(2.5))
