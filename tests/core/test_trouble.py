"""Agents, phones and configurations that behave badly: nothing is stuck, and nobody is lost."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from callctl.core.addresses import E164, Address
from callctl.core.commands import DropBridge, Hangup, Hold
from callctl.core.events import PolicyChanged, Wish
from callctl.core.facts import CallEnded, CallRequeued
from callctl.core.ids import QueueId, seconds
from callctl.core.model import Connected, Idle, Offered, OnCall, Outcome, Paused, Queued, RingResult
from callctl.core.policy import Destination, Policy, QueuePolicy, ToQueue
from callctl.sim.office import SALES, TO_QUEUE, policy
from tests.core.world import Stage, stage

pytestmark = pytest.mark.core

FIFTY = tuple(f"c{n:02d}" for n in range(50))


# ── an agent who answers and hangs up at once ────────────────────────────────────────────────


def test_who_hangs_up_at_once_has_missed_the_call_and_the_caller_waits_on() -> None:
    it = stage(policy(("ana", "ben")))
    leg = it.talk("c1", "ana")
    since = it.call("c1").story.queued
    it.wait(0.5)
    it.gone(leg)
    kinds = [type(c) for c in it.commands]
    assert kinds.index(DropBridge) < kinds.index(Hold)
    assert Hangup not in kinds
    assert it.told(CallRequeued)[0].why == "ana hung up at once"
    assert it.call("c1").story.rings[0].result is RingResult.DROPPED
    assert it.agent("ana").misses == 1
    phase = it.call("c1").phase
    assert isinstance(phase, Offered), "ben is free"
    assert (phase.agents, phase.place.since) == (("ben",), since)
    it.answer(it.legs("ben")[0])
    it.wait(10)
    it.gone("c1")
    assert it.told(CallEnded)[0].outcome is Outcome.ANSWERED


def test_who_does_so_again_and_again_is_paused() -> None:
    it = stage(policy(("ana",)))
    it.arrive("c1")
    for _ in range(3):
        leg = it.legs("ana")[0]
        it.answer(leg)
        it.gone(leg)
        it.wait(6)
    assert it.agent("ana").status == Paused("missed_calls")
    assert isinstance(it.call("c1").phase, Queued)


def test_a_second_is_a_talk_and_so_is_any_where_it_is_configured() -> None:
    it = stage(policy(("ana",)))
    leg = it.talk("c1", "ana")
    it.wait(1)
    it.gone(leg)
    assert it.told(CallEnded)[0].outcome is Outcome.ANSWERED
    known = policy(("ana",))
    it = stage(replace(known, queues={**known.queues, SALES: replace(known.queues[SALES], least_talk=0)}))
    it.gone(it.talk("c1", "ana"))
    assert it.told(CallEnded)[0].outcome is Outcome.ANSWERED


def test_a_caller_who_has_gone_as_well_does_not_wait_on() -> None:
    it = stage(policy(("ana",)))
    leg = it.talk("c1", "ana")
    it.gone("c1")
    assert it.told(CallEnded)[0].outcome is Outcome.ANSWERED
    it.gone(leg)
    assert not it.told(CallRequeued)


# ── phones ───────────────────────────────────────────────────────────────────────────────────


def test_a_phone_that_unregisters_while_it_rings_may_still_answer() -> None:
    it = stage(policy(("ana",)))
    it.arrive("c1")
    leg = it.legs("ana")[0]
    it.ring(leg)
    it.contacts("ana")
    assert isinstance(it.call("c1").phase, Offered)
    it.answer(leg)
    assert isinstance(it.call("c1").phase, Connected)


def test_a_phone_that_unregisters_and_vanishes_is_no_miss() -> None:
    it = stage(policy(("ana",)))
    it.arrive("c1")
    leg = it.legs("ana")[0]
    it.ring(leg)
    it.contacts("ana")
    it.wait(20)
    it.gone(leg, 18)
    assert it.agent("ana").misses == 0
    assert isinstance(it.call("c1").phase, Queued)


def test_one_of_two_phones_unregisters_while_both_ring() -> None:
    it = stage(policy(("ana",)))
    it.contacts("ana", "sip:ana@1", "sip:ana@2")
    it.arrive("c1")
    first, second = it.legs("ana")
    it.contacts("ana", "sip:ana@2")
    it.gone(first, 20, 404)
    it.answer(second)
    assert isinstance(it.agent("ana").state, OnCall)


# ── a queue that changes while fifty wait ────────────────────────────────────────────────────


def fifty(config: Policy) -> Stage:
    it = stage(config, reachable=())
    for leg in FIFTY:
        it.arrive(leg)
        it.wait(0.1)
    return it


def served_in_order(it: Stage, agents: tuple[str, ...], legs: tuple[str, ...]) -> None:
    """The agents come, and all the callers are served, the first first."""
    for agent in agents:
        it.contacts(agent, f"sip:{agent}@1")
    for leg in legs:
        phase = it.call(leg).phase
        assert isinstance(phase, Offered), leg
        ring = it.legs(phase.agents[0])[0]
        it.answer(ring)
        it.wait(2)
        it.gone(leg)
        it.gone(ring)
        it.wait(11)


def without(config: Policy, queue: QueueId) -> Policy:
    """The queue is gone, with all that led to it."""
    queues = {name: it for name, it in config.queues.items() if name != queue}
    agents = {n: replace(a, queues=tuple(q for q in a.queues if q != queue)) for n, a in config.agents.items()}
    return replace(config, sha="without", queues=queues, agents=agents, entries={}, menus={})


def bare_sales() -> Policy:
    known = policy(("ana", "ben"))
    queues = {SALES: QueuePolicy(SALES, wrap_up=seconds(10))}
    agents = {name: replace(agent, queues=(SALES,), penalties={}) for name, agent in known.agents.items()}
    return replace(known, queues=queues, agents=agents, menus={}, entries={E164(TO_QUEUE): ToQueue(SALES)})


def test_a_queue_is_removed_while_fifty_wait() -> None:
    """It drains: its agents serve on whoever waits."""
    it = fifty(bare_sales())
    it.do(PolicyChanged(without(bare_sales(), SALES)))
    served_in_order(it, ("ana",), FIFTY)
    assert not it.world.calls
    assert not it.world.draining or it.world.policy.queues


def test_a_queue_is_renamed_while_fifty_wait() -> None:
    """Who waits stays in the old one until it is empty; who comes waits in the new one."""
    it = fifty(bare_sales())
    known, new = bare_sales(), QueueId("vente")
    agents = {name: replace(agent, queues=(new,)) for name, agent in known.agents.items()}
    entries: dict[Address, Destination] = {E164(TO_QUEUE): ToQueue(new)}
    renamed = replace(known, sha="renamed", queues={new: QueuePolicy(new)}, agents=agents, entries=entries)
    it.do(PolicyChanged(renamed))
    it.arrive("late")
    phase = it.call("late").phase
    assert isinstance(phase, Queued)
    assert phase.place.queue == new
    served_in_order(it, ("ana",), (*FIFTY, "late"))
    assert not it.world.calls


def test_a_queue_is_changed_while_fifty_wait() -> None:
    """Everything about it but its name; the first is still first."""
    it = fifty(bare_sales())
    known = bare_sales()
    other = QueuePolicy(SALES, ageing=5, weight=9, music="jazz", max_waiting=1, ring_timeout=seconds(9))
    it.do(PolicyChanged(replace(known, sha="changed", queues={SALES: other})))
    served_in_order(it, ("ben",), FIFTY)
    assert not it.world.calls


# ── agents who come and go ───────────────────────────────────────────────────────────────────


WHATS = ("login", "logout", "pause", "unpause", "answer", "reject", "end", "unregister", "register", "wait")
NAMES = ("ana", "ben", "carl")


def happens(it: Stage, agent: str, what: str, length: float) -> None:
    """Something that the agent or the agent's phone does, where it can."""
    match what:
        case "answer" if rung := it.legs_or_none(agent):
            it.answer(rung[0])
        case "reject" if rung := it.legs_or_none(agent):
            it.gone(rung[0], 21, 603)
        case "end" if isinstance(state := it.agent(agent).state, OnCall):
            it.wait(2)
            it.gone(it.world.calls[state.call].leg)
            it.gone(state.leg)
        case "register" | "unregister":
            it.contacts(agent, *((f"sip:{agent}@1",) if what == "register" else ()))
        case "login" | "logout" | "pause" | "unpause":
            it.ask(agent, Wish(what))
        case _:
            it.wait(length)


@pytest.mark.parametrize("seed", range(20))
def test_agents_come_and_go_at_random_and_everybody_is_served(seed: int) -> None:
    rng, config, hung = Random(seed), policy(NAMES), list[str]()
    it = stage(replace(config, queues={**config.queues, SALES: replace(config.queues[SALES], wrap_up=0)}))
    it.watch = lambda event, done: hung.extend(c.leg for c in done.commands if isinstance(c, Hangup))
    for leg in FIFTY[:20]:
        it.arrive(leg)
        it.wait(0.1)
    everybody_back = [(name, what) for name in NAMES for what in ("register", "login", "unpause")]
    everybody_works = [(name, what) for _ in range(200) for what in ("end", "answer", "wait") for name in NAMES]
    at_random = [(rng.choice(NAMES), rng.choice(WHATS)) for _ in range(400)]
    for agent, what in (*at_random, *everybody_back, *everybody_works):
        happens(it, agent, what, rng.uniform(0, 3))
        while hung:  # what callctl hangs up is gone
            if (leg := hung.pop()) in it.world.legs:
                it.gone(leg)
    assert not it.world.calls
    assert all(isinstance(it.agent(name).state, Idle) for name in NAMES)
