"""How agents are rung: several at once, one after the other, on numbers outside; the whisper; how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.briefing import ACCEPT_WITHIN, WHISPER_MOST
from callctl.core.commands import Answer, Bridge, Hangup, Play, RingBack, RingPhone, StopPlay
from callctl.core.events import PolicyChanged, TrunkState, Wish
from callctl.core.facts import AgentAccepted, CallConnected, CallOffered, DialRefused, RingEnded
from callctl.core.ids import SECOND, AgentId, NodeId, PhoneId, seconds
from callctl.core.model import Briefed, Connected, Idle, Offered, OnCall, Queued, Ringing, RingResult, Unreachable
from callctl.core.policy import DialingRules, HangupReason, Policy, QueuePolicy, ToQueue
from callctl.core.recovery import restore
from callctl.sim.office import DESK, FRONT, NODE, OUT, SALES, TO_DESK, TO_FRONT, TO_QUEUE, policy
from tests.core.world import Stage, arrival_of, stage

pytestmark = pytest.mark.core

THREE = ("ana", "ben", "carl")


def with_queue(known: Policy, queue: QueuePolicy) -> Policy:
    return replace(known, queues={**known.queues, queue.id: queue})


def desk(agents: tuple[str, ...] = THREE, **changes: object) -> Stage:
    """The office; its desk rings all, without a whisper unless the changes say so."""
    known = policy(agents)
    return stage(with_queue(known, replace(known.queues[DESK], **{"whisper": (), "wrap_up": 0, **changes})))  # type: ignore[arg-type]


def agents_of(it: Stage, leg: str) -> tuple[str, ...]:
    phase = it.call(leg).phase
    return phase.agents if isinstance(phase, Offered) else ()


def results(it: Stage) -> dict[str, RingResult]:
    return {fact.agent: fact.result for fact in it.told(RingEnded)}


# ── several at once ──────────────────────────────────────────────────────────────────────────


def test_ringall_rings_all_and_the_first_has_the_call() -> None:
    it = desk()
    it.arrive("c1", TO_DESK)
    assert agents_of(it, "c1") == THREE
    assert {f.why for f in it.told(CallOffered)} == {"all 3 rung of 3 free in desk"}
    losers = [leg for agent in ("ana", "carl") for leg in it.legs(agent)]
    it.ring(losers[0])
    winner = it.legs("ben")[0]
    it.answer(winner)
    assert results(it) == {
        "ana": RingResult.ANSWERED_ELSEWHERE,
        "ben": RingResult.ANSWERED,
        "carl": RingResult.ANSWERED_ELSEWHERE,
    }
    hung = {(h.leg, h.reason) for h in it.wished(Hangup)}
    assert hung == {(leg, HangupReason.ANSWERED_ELSEWHERE) for leg in losers}
    for leg in losers:
        it.gone(leg, 26)
    assert [it.agent(a).misses for a in THREE] == [0, 0, 0]
    assert isinstance(it.agent("ana").state, Idle)
    assert it.agent("ana").held_until is None


def test_a_second_answer_at_the_same_moment_is_hung_up_and_no_ghost() -> None:
    """asterisk#176."""
    it = desk()
    it.arrive("c1", TO_DESK)
    first, second = it.legs("ana")[0], it.legs("ben")[0]
    it.answer(first)
    it.answer(second)
    assert [(h.leg, h.reason) for h in it.wished(Hangup)] == [(second, HangupReason.ANSWERED_ELSEWHERE)]
    assert it.call("c1").story.rings[1].result is RingResult.ANSWERED_ELSEWHERE
    assert isinstance(it.call("c1").phase, Connected)


def test_who_declines_leaves_the_others_ringing() -> None:
    it = desk()
    it.arrive("c1", TO_DESK)
    it.gone(it.legs("ana")[0], 21, 603)
    assert agents_of(it, "c1") == ("ben", "carl")
    it.gone(it.legs("carl")[0], 17, 486)
    it.gone(it.legs("ben")[0], 20, 404)
    assert isinstance(it.call("c1").phase, Queued)
    assert [it.agent(a).misses for a in THREE] == [1, 0, 1]


def test_nobody_answers_and_all_have_missed_it() -> None:
    it = desk()
    it.arrive("c1", TO_DESK)
    for agent in THREE:
        it.ring(it.legs(agent)[0])
    it.wait(20)
    assert {r.agent: r.result for r in it.call("c1").story.rings} == dict.fromkeys(THREE, RingResult.NO_ANSWER)
    assert isinstance(it.call("c1").phase, Queued)


def test_ringall_takes_the_next_tier_after_a_while() -> None:
    """The lowest penalty first; after each `ring_more` who else is free as well."""
    known = policy(THREE)
    carl = replace(known.agents[AgentId("carl")], penalties={DESK: 5})
    known = replace(known, agents={**known.agents, carl.id: carl})
    it = stage(with_queue(known, replace(known.queues[DESK], whisper=())))
    it.arrive("c1", TO_DESK)
    assert agents_of(it, "c1") == ("ana", "ben")
    it.wait(4.9)
    assert agents_of(it, "c1") == ("ana", "ben")
    it.wait(0.2)
    assert agents_of(it, "c1") == ("ana", "ben", "carl")


def test_who_becomes_free_serves_who_waits_before_ringing_along() -> None:
    it = desk(("ana", "ben"))
    it.arrive("c1", TO_DESK)
    it.arrive("c2", TO_DESK)
    it.gone(it.legs("ben")[0], 20, 404)
    it.wait(5)  # the hold is over, and so is the time after which more are rung
    assert agents_of(it, "c2") == ("ben",)
    assert agents_of(it, "c1") == ("ana",)


def test_one_after_the_other() -> None:
    it = stage(policy(THREE))
    it.arrive("c1", TO_FRONT)
    assert agents_of(it, "c1") == ("ana",)
    it.wait(2)
    assert agents_of(it, "c1") == ("ana", "ben")
    it.wait(2)
    assert agents_of(it, "c1") == THREE
    it.answer(it.legs("ana")[0])
    assert isinstance(it.call("c1").phase, Connected)
    assert set(results(it).values()) == {RingResult.ANSWERED, RingResult.ANSWERED_ELSEWHERE}


def test_each_rings_for_the_whole_time() -> None:
    it = stage(policy(("ana", "ben")))
    it.arrive("c1", TO_FRONT)
    it.ring(it.legs("ana")[0])
    it.wait(2)
    it.ring(it.legs("ben")[0])
    it.wait(18)
    assert agents_of(it, "c1") == ("ben",)
    it.wait(2)
    assert it.call("c1").story.rings[1].result is RingResult.NO_ANSWER


# ── the whisper ──────────────────────────────────────────────────────────────────────────────


def test_the_whisper_comes_before_the_call() -> None:
    it = stage(policy(("ana",)))
    it.arrive("c1", TO_DESK)
    leg = it.legs("ana")[0]
    it.answer(leg)
    assert [(p.leg, p.prompts) for p in it.wished(Play)] == [(leg, ("sound:desk",))]
    assert not it.wished(Bridge)
    assert isinstance(it.agent("ana").state, Briefed)
    assert isinstance(it.call("c1").phase, Offered)
    it.wait(3)
    it.whispered("ana")
    assert len(it.wished(Bridge)) == 1
    assert it.told(CallConnected)[0].waited == seconds(3)


def test_a_whisper_that_cannot_be_played_keeps_nobody() -> None:
    it = stage(policy(("ana",)))
    it.arrive("c1", TO_DESK)
    it.answer(it.legs("ana")[0])
    it.whispered("ana", failed=True)
    assert isinstance(it.call("c1").phase, Connected)


def test_a_whisper_whose_end_nobody_told_keeps_nobody() -> None:
    it = stage(policy(("ana",)))
    it.arrive("c1", TO_DESK)
    it.answer(it.legs("ana")[0])
    it.wait(WHISPER_MOST / SECOND)
    assert isinstance(it.call("c1").phase, Connected)


def test_who_hangs_up_at_the_whisper_has_not_accepted() -> None:
    it = stage(policy(("ana",)))
    it.arrive("c1", TO_DESK)
    leg = it.legs("ana")[0]
    it.answer(leg)
    it.gone(leg)
    assert results(it) == {"ana": RingResult.NOT_ACCEPTED}
    assert it.agent("ana").misses == 1
    assert isinstance(it.call("c1").phase, Queued)


def test_the_caller_gives_up_at_the_whisper() -> None:
    it = stage(policy(("ana",)))
    it.arrive("c1", TO_DESK)
    leg = it.legs("ana")[0]
    it.answer(leg)
    it.gone("c1")
    assert results(it) == {"ana": RingResult.ABANDONED}
    assert [h.leg for h in it.wished(Hangup)] == [leg]
    it.gone(leg)
    assert it.agent("ana").misses == 0
    assert isinstance(it.agent("ana").state, Idle)


# ── a number outside ─────────────────────────────────────────────────────────────────────────


def mobile(agents: tuple[str, ...] = ("mob",), **changes: object) -> Stage:
    return desk(agents, **changes)


def test_an_outside_number_is_dialled_by_permit_alone() -> None:
    it = mobile()
    it.arrive("c1", TO_DESK)
    (ring,) = it.wished(RingPhone)
    assert ring.permit is not None
    assert (ring.endpoint, ring.contact, ring.permit.to.number) == ("trunk-out", "", ring.permit.to.number)
    assert it.world.usage[OUT].calls == 1


def test_the_key_accepts_and_no_other() -> None:
    it = mobile()
    it.arrive("c1", TO_DESK)
    leg = it.legs("mob")[0]
    it.answer(leg)
    assert len(it.wished(Play)[0].prompts) == 8  # said twice
    it.press(leg, "5")
    assert isinstance(it.agent("mob").state, Briefed)
    it.press(leg, "1")
    assert it.told(AgentAccepted)[0].agent == "mob"
    assert [type(c) for c in it.commands][:2] == [StopPlay, Bridge]
    assert isinstance(it.agent("mob").state, OnCall)
    it.wait(90)
    it.gone("c1")
    it.gone(leg)
    assert it.world.usage[OUT].lasted == seconds(90)


def test_voicemail_presses_nothing_and_is_a_miss() -> None:
    it = mobile()
    it.arrive("c1", TO_DESK)
    it.answer(it.legs("mob")[0])
    it.whispered("mob")
    it.wait(ACCEPT_WITHIN / SECOND)
    assert it.call("c1").story.rings[0].result is RingResult.NOT_ACCEPTED
    assert isinstance(it.call("c1").phase, Queued)
    assert it.agent("mob").misses == 1


@pytest.mark.parametrize("gone", [False, True])
def test_a_reload_does_not_give_the_caller_to_a_voicemail(gone: bool) -> None:
    """The agent has a phone of the house now, or is configured no more: it is the number outside that was dialled."""
    it = mobile()
    it.arrive("c1", TO_DESK)
    leg = it.legs("mob")[0]
    known = it.world.policy
    house = replace(known.phones[PhoneId("mob")], outside=None, endpoint="desk1")
    agents = {} if gone else known.agents
    it.do(PolicyChanged(replace(known, sha="house", phones={PhoneId("mob"): house}, agents=agents)))
    it.answer(leg)
    assert isinstance(it.agent("mob").state, Briefed)
    assert not it.wished(Bridge)
    it.wait(10)
    it.press(leg, "1")
    it.wait(50)
    it.gone("c1")
    it.gone(leg)
    assert it.world.usage[OUT].lasted == seconds(60), "what was talked over the trunk is counted there"


def test_a_network_that_never_says_that_it_rings_is_a_miss_all_the_same() -> None:
    it = mobile()
    it.arrive("c1", TO_DESK)
    it.wait(20)
    assert it.call("c1").story.rings[0].result is RingResult.NO_ANSWER
    assert it.agent("mob").misses == 1


def test_after_the_longest_wait_nobody_new_is_rung() -> None:
    known = policy(THREE)
    front = replace(known.queues[FRONT], longest_wait=seconds(5), ring_more=seconds(3), give_up=ToQueue(SALES))
    it = stage(with_queue(known, front))
    it.arrive("c1", TO_FRONT)
    it.wait(3)
    assert agents_of(it, "c1") == ("ana", "ben")
    it.wait(3)
    assert agents_of(it, "c1") == ("ana", "ben")
    it.wait(17)
    phase = it.call("c1").phase
    assert isinstance(phase, Queued | Offered)
    assert phase.place.queue == SALES


def test_colleagues_ring_on_until_the_key_is_pressed() -> None:
    it = mobile(("ana", "mob"))
    it.arrive("c1", TO_DESK)
    outside = it.legs("mob")[0]
    it.answer(outside)
    assert not it.wished(Hangup)
    it.answer(it.legs("ana")[0])
    assert results(it) == {"mob": RingResult.ANSWERED_ELSEWHERE, "ana": RingResult.ANSWERED}
    assert [h.leg for h in it.wished(Hangup)] == [outside]
    it.press(outside, "1")  # too late
    assert isinstance(it.agent("mob").state, Briefed)
    it.gone(outside)
    assert isinstance(it.agent("mob").state, Idle)


def test_a_trunk_that_is_down_makes_its_numbers_unreachable() -> None:
    it = mobile()
    it.do(TrunkState(NODE, OUT, False, "OPTIONS unanswered"))
    assert isinstance(it.agent("mob").phone, Unreachable)
    it.arrive("c1", TO_DESK)
    assert isinstance(it.call("c1").phase, Queued)
    it.do(TrunkState(NODE, OUT, True, ""))
    assert agents_of(it, "c1") == ("mob",)


@pytest.mark.parametrize(
    ("rules", "rule"),
    [
        (DialingRules(allowed=("44",), stopped=True), "stopped"),
        (DialingRules(allowed=("33",)), "not_allowed"),
        (DialingRules(), "not_allowed"),
        (DialingRules(allowed=("44",), refused=("447",)), "refused"),
    ],
)
def test_the_gate_keeps_the_agent_back_and_another_is_rung(rules: DialingRules, rule: str) -> None:
    known = policy(("mob", "ana"))
    it = stage(replace(known, dialing=rules))
    it.arrive("c1", TO_QUEUE)
    assert [f.rule for f in it.told(DialRefused)] == [rule]
    assert agents_of(it, "c1") == ("ana",)
    assert it.agent("mob").held_until == it.now + seconds(60)
    it.do(PolicyChanged(replace(known, sha="allowed")))
    it.arrive("c2", TO_QUEUE)
    it.wait(60)
    assert agents_of(it, "c2") == ("mob",)


def test_a_premium_number_and_the_ceilings_of_a_day() -> None:
    known = policy(("mob",))
    phone = known.phones[PhoneId("mob")]
    assert phone.outside is not None
    dear = replace(phone, outside=replace(phone.outside, premium=True))
    it = stage(replace(known, phones={phone.id: dear}))
    it.arrive("c1", TO_QUEUE)
    assert it.told(DialRefused)[0].rule == "premium"

    few = replace(known, trunks={OUT: replace(known.trunks[OUT], calls_a_day=1)})
    it = stage(few)
    it.arrive("c1", TO_QUEUE)
    it.gone(it.legs("mob")[0], 17, 486)
    it.wait(6)
    assert [f.rule for f in it.wait(0) if isinstance(f, DialRefused)] or it.world.usage[OUT].calls == 1
    assert isinstance(it.call("c1").phase, Queued)
    again = restore(few, 2, (), (), (), (NODE,), it.now, usage=it.rows.trunks.values())
    assert again.usage == it.world.usage, "a restart does not forget what the day has cost"
    it.gone("c1")
    it.wait(86_400)
    it.arrive("c2", TO_QUEUE)
    assert agents_of(it, "c2") == ("mob",), "another day"


def test_a_trunk_at_another_node_carries_nothing() -> None:
    known = policy(("mob",))
    it = stage(replace(known, trunks={OUT: replace(known.trunks[OUT], node=NodeId("other"))}))
    it.arrive("c1", TO_QUEUE)
    assert it.told(DialRefused)[0].rule == "trunk"


def test_minutes_are_counted_and_then_nothing_goes_out() -> None:
    known = policy(("mob",))
    it = stage(replace(known, trunks={OUT: replace(known.trunks[OUT], minutes_a_day=1)}))
    it.arrive("c1", TO_QUEUE)
    leg = it.legs("mob")[0]
    it.answer(leg)
    it.press(leg, "1")
    it.wait(61)
    it.gone("c1")
    it.gone(leg)
    it.wait(11)
    it.arrive("c2", TO_QUEUE)
    assert it.told(DialRefused)[0].rule == "minutes_a_day"


# ── how long, and what then ──────────────────────────────────────────────────────────────────


def test_an_agents_own_ring_timeout_goes_before_the_queues() -> None:
    known = policy(("ana",))
    ana = replace(known.agents[AgentId("ana")], ring_timeout=seconds(7))
    it = stage(replace(known, agents={ana.id: ana}))
    it.arrive("c1", TO_QUEUE)
    assert it.wished(RingPhone)[0].timeout == seconds(7)
    it.ring(it.legs("ana")[0])
    it.wait(6.9)
    assert isinstance(it.agent("ana").state, Ringing)
    assert agents_of(it, "c1") == ("ana",)
    it.wait(0.2)
    assert isinstance(it.call("c1").phase, Queued)


@pytest.mark.parametrize(("cause", "sip", "delay"), [(17, 486, 30), (21, 603, 60), (19, 0, 5)])
def test_how_long_an_agent_is_left_alone_depends_on_the_miss(cause: int, sip: int, delay: int) -> None:
    known = policy(("ana",))
    ana = replace(known.agents[AgentId("ana")], busy_delay=seconds(30), reject_delay=seconds(60))
    it = stage(replace(known, agents={ana.id: ana}))
    it.arrive("c1", TO_QUEUE)
    it.gone(it.legs("ana")[0], cause, sip)
    assert it.agent("ana").held_until == it.now + seconds(delay)


@pytest.mark.parametrize(
    ("display", "name", "shown"),
    [
        ("{name}", "Zoe", "Zoe"),
        ("{queue} {waited} {name}", "Zoe", "desk 1:05 Zoe"),
        ("{queue}: {number}", "Zoe", "desk: +33142685300"),
        ("{name}", "{queue} {number}", "{queue} {number}"),
        ("{name}", "x" * 99, "x" * 80),
        ("{name} ({queue})", "", "(desk)"),
    ],
)
def test_what_the_phone_shows(display: str, name: str, shown: str) -> None:
    """Braces in a caller's name mean nothing."""
    it = desk(("ana",), display=display, longest_wait=0)
    it.ask("ana", Wish.PAUSE)
    it.do(replace(arrival_of("c1", TO_DESK), caller_name=name))
    it.wait(65)
    it.ask("ana", Wish.UNPAUSE)
    (ring,) = it.wished(RingPhone)
    assert (ring.caller_number, ring.caller_name) == ("+33142685300", shown)


# ── who pays when ────────────────────────────────────────────────────────────────────────────


def test_who_comes_straight_to_the_front_is_answered_with_the_agent() -> None:
    it = stage(policy(("ana",)))
    it.arrive("c1", TO_FRONT)
    assert [type(c) for c in it.commands if isinstance(c, Answer | RingBack)] == [RingBack]
    assert it.call("c1").story.answered_by_pbx is None
    it.wait(1)
    it.answer(it.legs("ana")[0])
    assert [type(c) for c in it.commands if isinstance(c, Answer | Bridge)] == [Answer, Bridge]
    assert it.call("c1").story.answered_by_pbx == it.now


def test_who_is_sent_on_from_the_front_is_answered_there() -> None:
    it = stage(policy(("ana",)), reachable=())
    it.arrive("c1", TO_FRONT)
    it.wait(30)
    phase = it.call("c1").phase
    assert isinstance(phase, Queued)
    assert phase.place.queue == DESK
    assert it.call("c1").story.answered_by_pbx == it.now


def test_who_came_through_a_menu_hears_the_music_at_the_front() -> None:
    known = policy(("ana",))
    front = known.queues[FRONT]
    it = stage(replace(known, queues={**known.queues, SALES: replace(front, id=SALES)}), reachable=())
    it.arrive("c1", "442079460000")
    it.press("c1", "1")
    assert not it.wished(RingBack)
    assert it.call("c1").is_answered
