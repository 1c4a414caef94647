"""Routing by example: who has been idle longest, and what restarts that; who is served first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.events import Wish
from callctl.core.facts import CallOffered
from callctl.core.ids import AgentId, NodeId, PhoneId
from callctl.core.model import Idle, Offered, Queued
from callctl.core.policy import PhoneKind, PhonePolicy
from callctl.core.routing import choose
from callctl.sim.office import CARE, NODE, SALES, TO_QUEUE, TO_QUEUE_FIRST, policy
from tests.core.world import Stage, stage

pytestmark = pytest.mark.core


def three() -> Stage:
    """ana, ben and carl, idle in this order, a second apart."""
    it = stage(policy(("ana", "ben", "carl")))
    it.wait(10)
    return it


def chosen(it: Stage, leg: str = "c1") -> str:
    """Who is rung for a new caller."""
    it.arrive(leg)
    (offer,) = it.told(CallOffered)
    return offer.agent


def test_the_longest_idle_is_rung_and_it_says_why() -> None:
    it = three()
    assert chosen(it) == "ana"
    assert it.told(CallOffered)[0].why == "longest idle of 3 free in sales: 12.0 s, next ben 11.0 s"


def test_a_pause_restarts_idleness() -> None:
    it = three()
    it.ask("ana", Wish.PAUSE)
    it.ask("ana", Wish.UNPAUSE)
    assert chosen(it) == "ben"


def test_so_does_logging_in() -> None:
    it = three()
    it.ask("ana", Wish.LOGOUT)
    it.ask("ana", Wish.LOGIN)
    assert chosen(it) == "ben"


def test_so_does_a_phone_that_was_gone_or_in_other_use() -> None:
    it = three()
    it.contacts("ana")
    it.contacts("ana", "sip:a@1")
    it.wait(1)
    it.busy("ben", True)
    it.busy("ben", False)
    assert [chosen(it, leg) for leg in ("c1", "c2", "c3")] == ["carl", "ana", "ben"]


def test_a_missed_ring_does_not() -> None:
    it = three()
    it.arrive("c1")
    it.gone(it.legs("ana")[0], 17, 486)
    it.gone("c1")  # ben's ring goes on until his leg is gone
    it.wait(6)
    assert chosen(it, "c2") == "ana"


def test_a_phone_that_settles_does_not() -> None:
    it = three()
    it.arrive("c1", "442079460007")
    it.busy("ana", True)
    leg = it.legs("ana")[0]
    it.answer(leg)
    it.gone("c1")
    it.gone(leg)
    ended = it.now
    it.wait(3)
    it.busy("ana", False)
    assert it.agent("ana").state == Idle(ended)


def test_a_talk_does_as_it_ends() -> None:
    it = three()
    it.arrive("c1", "442079460007")
    leg = it.legs("ana")[0]
    it.answer(leg)
    it.wait(5)
    it.gone("c1")
    it.gone(leg)
    assert it.agent("ana").state == Idle(it.now)
    assert chosen(it, "c2") == "ben"


def test_a_repeated_contact_report_changes_nothing() -> None:
    it = three()
    before = it.agent("ana").state
    it.contacts("ana", "sip:ana@192.0.2.1")
    assert it.agent("ana").state == before


def test_priority_is_served_first_then_who_waited_longest() -> None:
    it = stage(reachable=())
    for leg, number in (("c1", TO_QUEUE), ("c2", TO_QUEUE), ("c3", TO_QUEUE_FIRST)):
        it.arrive(leg, number)
        it.wait(1)
    for phone, leg in (("ana", "c3"), ("ben", "c1")):
        it.contacts(phone, f"sip:{phone}@1")
        assert isinstance(it.call(leg).phase, Offered), leg
    assert isinstance(it.call("c2").phase, Queued)


def test_the_same_moment_is_decided_by_id() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    it.arrive("c2")
    first = min(it.world.calls)
    it.contacts("ana", "sip:a@1")
    assert isinstance(it.world.calls[first].phase, Offered)


def test_an_agent_of_two_queues_takes_the_longest_wait_of_both() -> None:
    it = stage(reachable=())
    it.arrive("c1", "442079460007")
    it.wait(1)
    it.arrive("c2")
    it.contacts("ana", "sip:a@1")
    assert isinstance(it.call("c1").phase, Offered)


def test_only_agents_of_the_queue_are_rung() -> None:
    known = policy(("ana", "ben"))
    ana = replace(known.agents[AgentId("ana")], queues=(CARE,))
    it = stage(replace(known, agents={**known.agents, AgentId("ana"): ana}))
    assert chosen(it) == "ben"
    it.arrive("c2")
    assert isinstance(it.call("c2").phase, Queued)


def test_a_phone_of_another_node_is_not_rung() -> None:
    known = policy(("ana",))
    phones = {PhoneId("ana"): PhonePolicy(PhoneId("ana"), PhoneKind.EXISTING, "ana", NodeId("other"))}
    it = stage(replace(known, phones=phones))
    it.arrive("c1")
    assert isinstance(it.call("c1").phase, Queued)


def test_several_callers_and_agents_are_matched_in_one_step() -> None:
    it = stage(reachable=())
    for leg in ("c1", "c2", "c3"):
        it.arrive(leg)
    for agent in ("ana", "ben"):
        it.ask(agent, Wish.PAUSE)
        it.contacts(agent, f"sip:{agent}@1")
    it.ask("ana", Wish.UNPAUSE)
    it.ask("ben", Wish.UNPAUSE)
    assert sum(isinstance(call.phase, Offered) for call in it.world.calls.values()) == 2


def test_nobody_to_match_is_no_choice() -> None:
    it = stage()
    assert choose(it.world, [(SALES, NODE), (CARE, NODE)], it.now) is None
