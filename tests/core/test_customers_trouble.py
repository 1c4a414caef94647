"""What a hard look at dialling has found: each was wrong once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from callctl.core.commands import Bridge, Dial, Hangup, Lease, StopPlay
from callctl.core.contacts import Callback
from callctl.core.events import (
    BridgeFailed,
    CampaignAsked,
    CampaignWish,
    ClockCompared,
    Heard,
    LegAnswered,
    LegGone,
    LegSeen,
    LegState,
    LegUp,
    LinkLost,
    LinkRestored,
    PolicyChanged,
    PreviewAsked,
    PreviewWish,
    Snapshot,
    Synced,
    Wish,
)
from callctl.core.facts import AttemptEnded, AttemptRefused, HarbourReached, LineChanged, Paced, PreviewBegan
from callctl.core.ids import AgentId, LegId, seconds
from callctl.core.law import AttemptOutcome
from callctl.core.ledger import Planned, Standing
from callctl.core.model import Announcing, Connected, Idle, Queued
from callctl.core.policy import HangUp, Policy
from callctl.sim.lists import LOOK, NAILED, OUTBOUND, PUSH, calling, person
from callctl.sim.office import NODE, OUT
from callctl.sim.rows import copied
from tests.core.calling import Calling

pytestmark = pytest.mark.core


def push(**changes: Any) -> Policy:
    known = calling()
    return replace(known, campaigns={**known.campaigns, PUSH: replace(known.campaigns[PUSH], **changes)})


def outcomes(told: list[Any]) -> list[AttemptOutcome]:
    return [it.outcome for it in told if isinstance(it, AttemptEnded)]


def test_keys_of_the_queue_are_not_a_customer_s() -> None:
    known = calling()
    queue = replace(known.queues[OUTBOUND], exit_keys={"9": HangUp()})
    case = Calling(PUSH, config=replace(known, queues={**known.queues, OUTBOUND: queue}))
    first, second = case.give(PUSH, 1, 2)
    case.answers(first, Heard.HUMAN)
    case.answers(second, Heard.HUMAN)
    case.it.press(second, "9")
    assert isinstance(case.call(second).phase, Queued)


def test_who_is_free_when_the_grace_is_over_has_the_call() -> None:
    """Detection has taken longer than the grace."""
    case = Calling(PUSH)
    (first, _) = case.give(PUSH, 1, 2)
    case.it.do(LegUp(NODE, first))
    case.it.wait(4)
    case.it.do(LegAnswered(NODE, first, Heard.UNSURE))
    assert isinstance(case.call(first).phase, Connected)
    budget = case.it.world.outbound.campaigns[PUSH].budget
    assert (budget.connected, budget.abandoned) == (0, 1), "it came too late for the law"


def test_power_goes_down_to_one_line_each_where_too_many_were_abandoned() -> None:
    case = Calling(PUSH, config=push(lines_per_agent=300, detection=None))
    campaign = case.it.world.outbound.campaigns[PUSH]
    for _ in range(3):
        campaign.budget.abandon()
    case.it.rows.campaigns[PUSH] = copied(campaign)
    assert len(case.give(PUSH, 1, 2, 3, 4)) == 1
    assert "too many were abandoned" in case.it.told(Paced)[0].why


def test_who_is_gone_after_the_grace_was_abandoned() -> None:
    """Nobody was listening when the grace was over."""
    case = Calling(PUSH)
    first, second = case.give(PUSH, 1, 2)
    case.answers(first, Heard.HUMAN)
    case.answers(second, Heard.HUMAN)
    case.it.do(LinkLost(NODE))
    case.it.now += seconds(9)
    case.it.do(LinkRestored(NODE, "boot-1"))
    case.it.do(Synced(NODE, Snapshot((LegSeen(case.line(), LegState.UP, True), LegSeen(first, LegState.UP, True)))))
    assert outcomes(list(case.it.facts)) == [AttemptOutcome.ABANDONED]
    assert case.it.world.outbound.campaigns[PUSH].budget.abandoned == 1


def test_an_answer_that_is_found_late_has_no_new_grace() -> None:
    case = Calling(PUSH, config=push(detection=None))
    (first, _) = case.give(PUSH, 1, 2)
    case.it.do(LinkLost(NODE))
    case.it.now += seconds(9)
    case.it.do(LinkRestored(NODE, "boot-1"))
    answered = LegAnswered(NODE, first, Heard.HUMAN, seconds(0.7))
    legs = (LegSeen(case.line(), LegState.UP, True), LegSeen(first, LegState.UP, True, "", answered))
    case.it.do(Synced(NODE, Snapshot(legs)))
    assert isinstance(case.call(first).phase, Connected), "an agent is free"
    assert case.it.world.outbound.campaigns[PUSH].budget.connected == 0


def test_a_customer_counts_once_however_often_joined() -> None:
    case = Calling(PUSH, config=push(detection=None))
    (first, _) = case.give(PUSH, 1, 2)
    case.answers(first)
    call = case.call(first)
    assert isinstance(call.phase, Connected)
    case.it.do(BridgeFailed(NODE, call.id, call.phase.agent_leg, "no"))
    told = case.it.wait(2.1)
    assert isinstance(case.call(first).phase, Connected) or any(isinstance(it, HarbourReached) for it in told)
    budget = case.it.world.outbound.campaigns[PUSH].budget
    assert budget.connected + budget.abandoned == 1


def test_whoever_answers_for_a_campaign_that_is_no_more_hears_that_nobody_is_there() -> None:
    case = Calling(PUSH)
    (first, _) = case.give(PUSH, 1, 2)
    known = calling()
    campaigns = {name: it for name, it in known.campaigns.items() if name != PUSH}
    case.it.do(PolicyChanged(replace(known, campaigns=campaigns)))
    case.answers(first, Heard.HUMAN)
    assert isinstance(case.call(first).phase, Announcing)
    assert not case.it.wished(Hangup)


@pytest.mark.parametrize("why", ["clock", "stopped"])
def test_while_nobody_may_be_called_no_contact_is_even_looked_at(why: str) -> None:
    known = calling()
    if why == "stopped":
        known = replace(known, dialing=replace(known.dialing, stopped=True))
    case = Calling(PUSH, config=known)
    if why == "clock":
        case.it.wait(61)
    assert case.give(PUSH, *range(1, 9)) == []
    assert not case.it.told(AttemptRefused)
    case.it.do(ClockCompared(0))
    case.it.do(PolicyChanged(replace(calling(), sha="again")))
    case.it.wait(0.6)
    assert len(case.it.world.outbound.attempts) == 2


def test_a_promised_callback_is_dialled_for_who_has_promised_it_and_keeps_nobody_else() -> None:
    case = Calling(PUSH, config=push(lines_per_agent=100, detection=None))
    now, address = case.it.now, person(1, PUSH).numbers[0].address
    theirs, others = (Callback(now, address, AgentId(name), now + seconds(3600)) for name in (NAILED, "ana"))
    people = [person(1, PUSH, callback=others), person(2, PUSH, callback=theirs), person(3, PUSH)]
    legs = case.come(PUSH, *(replace(it, claimed=now) for it in people))
    assert [case.call(leg).contact for leg in legs] == [2], "ana does not work for the campaign"
    case.answers(legs[0])
    assert case.call(legs[0]).story.agent == NAILED


def test_a_trunk_that_does_not_know_us_has_failed_and_not_the_person() -> None:
    case = Calling(PUSH)
    (first, _) = case.give(PUSH, 1, 2)
    case.it.gone(first, 21, 403)
    assert outcomes(list(case.it.facts)) == [AttemptOutcome.FAILED]
    assert case.it.world.outbound.loads[OUT].failures == 1


def test_a_trunk_that_has_failed_is_tried_with_one_call() -> None:
    case = Calling(PUSH, config=push(lines_per_agent=500))
    first, *others = case.give(PUSH, *range(1, 30))
    for leg in (first, *others):
        case.it.gone(leg, 34, 503)
    case.it.wait(6)
    assert len(case.it.world.outbound.attempts) == 1
    (call,) = [it for it in case.it.world.calls.values() if it.campaign]
    case.it.ring(call.leg)
    assert len(case.it.world.outbound.attempts) == 1
    case.it.wait(0.6)
    assert len(case.it.world.outbound.attempts) == 5


def test_what_was_never_sent_counts_for_nothing() -> None:
    case = Calling(PUSH)
    (first, _) = case.give(PUSH, 1, 2)
    case.it.do(LegGone(NODE, first, 41, 0, unsent=True))
    assert outcomes(list(case.it.facts)) == [AttemptOutcome.UNSENT]
    assert case.it.last is not None
    (plan,) = [it for it in case.it.last.touched.ledger if isinstance(it, Planned)]
    assert plan.standing is Standing.LATER
    assert not case.it.world.outbound.loads[OUT].failures


def test_a_line_is_opened_though_the_link_was_down_at_the_login() -> None:
    case = Calling(on_line=False)
    case.it.ask(NAILED, Wish.LOGOUT)
    case.it.do(LinkLost(NODE))
    case.it.ask(NAILED, Wish.LOGIN)
    assert not case.rings()
    case.it.link_up()
    assert [it.how for it in case.it.told(LineChanged)] == ["rings"]


def test_a_line_s_ring_does_not_time_out_while_nobody_can_know() -> None:
    case = Calling(on_line=False)
    case.it.do(LinkLost(NODE))
    case.it.wait(40)
    assert case.it.agent(NAILED).misses == 0
    line = case.it.agent(NAILED).line
    assert line is not None
    legs = tuple(LegSeen(leg, LegState.RINGING, False) for leg in line.legs)
    case.it.link_up(snapshot=Snapshot(legs))
    case.it.wait(29)
    assert case.it.agent(NAILED).misses == 0
    case.it.wait(2)
    assert case.it.agent(NAILED).misses == 1


def test_an_open_line_s_lease_is_owed() -> None:
    case = Calling()
    case.it.do(Synced(NODE, Snapshot((LegSeen(case.line(), LegState.UP, True),))))
    assert [it.leg for it in case.it.wished(Lease)] == [case.line()]


def test_the_ringing_tone_ends_with_the_call() -> None:
    case = Calling(LOOK)
    case.it.ask("ana", Wish.LOGOUT)
    case.give(LOOK, 1)
    case.it.do(PreviewAsked(AgentId(NAILED), PreviewWish.DIAL, "test"))
    (dial,) = case.it.wished(Dial)
    case.it.gone(dial.leg, 17, 486)
    assert case.it.wished(StopPlay)


def test_whose_preview_is_over_is_free_for_who_waits() -> None:
    case = Calling(LOOK)
    case.it.ask(NAILED, Wish.LOGOUT)
    case.give(LOOK, 1)
    case.it.arrive("c1")
    case.it.do(CampaignAsked(LOOK, CampaignWish.PAUSE, "test"))
    assert case.it.legs("ana")


def test_nobody_dials_for_ever_on_a_phone_that_cannot_be_rung() -> None:
    case = Calling(LOOK)
    case.it.ask(NAILED, Wish.LOGOUT)
    case.give(LOOK, 1)
    case.it.contacts("ana")
    case.it.do(PreviewAsked(AgentId("ana"), PreviewWish.DIAL, "test"))
    case.it.wait(31)
    assert isinstance(case.it.agent("ana").state, Idle)


def test_who_may_not_be_called_is_not_shown() -> None:
    case = Calling(LOOK)
    case.it.ask(NAILED, Wish.LOGOUT)
    barred = person(1, LOOK, claimed=case.it.now)
    numbers = tuple(replace(number, barred="not theirs") for number in barred.numbers)
    case.come(LOOK, replace(barred, numbers=numbers), person(2, LOOK, claimed=case.it.now))
    assert [it.contact for it in case.it.told(PreviewBegan)] == [2]


def test_the_most_lines_are_the_campaign_s_own() -> None:
    case = Calling(PUSH, config=push(most_lines=1, lines_per_agent=500, detection=None))
    (first,) = case.give(PUSH, 1, 2)
    case.answers(first)
    assert case.it.wished(Bridge)
    assert len([leg for leg in case.it.world.legs if leg != LegId("")]) >= 2
