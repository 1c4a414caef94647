"""How many calls a campaign begins, over which trunk, showing which number; what it may abandon."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from callctl.core import pacers, trunking
from callctl.core.addresses import E164
from callctl.core.campaigns import Blend, CallerId, CampaignPhase
from callctl.core.commands import Dial
from callctl.core.events import CampaignAsked, CampaignWish, Heard, TrunkState, Wish
from callctl.core.facts import AttemptEnded, CallConnected, HarbourReached, Paced
from callctl.core.ids import SECOND, CampaignId, TrunkId, seconds
from callctl.core.law import AttemptOutcome
from callctl.core.model import Dialled
from callctl.core.outbound import Campaign
from callctl.core.pacing import Pace
from callctl.core.policy import Policy
from callctl.core.recovery import restore
from callctl.sim.lists import CAMPAIGNS, NAILED, OWN, PREDICT, PUSH, calling
from callctl.sim.office import NODE, OUT
from callctl.sim.rows import copied
from tests.core.calling import Calling

pytestmark = pytest.mark.core

DAY = 24 * 3600
SPARE = TrunkId("spare")


def push(trunk: dict[str, Any] | None = None, **changes: Any) -> Policy:
    """The campaign `push` otherwise, and its trunk; a spare trunk beside it."""
    known = calling()
    out = replace(known.trunks[OUT], **(trunk or {}))
    spare = replace(known.trunks[OUT], id=SPARE)
    campaign = replace(known.campaigns[PUSH], detection=None, **changes)
    return replace(known, trunks={OUT: out, SPARE: spare}, campaigns={**known.campaigns, PUSH: campaign})


def dialled(case: Calling, campaign: CampaignId = PUSH, count: int = 10) -> list[TrunkId]:
    """Contacts come; the trunks of the calls that begin at once."""
    case.give(campaign, *range(1, count + 1))
    return [command.permit.to.trunk for command in case.it.wished(Dial)]


def test_a_trunk_keeps_channels_free() -> None:
    case = Calling(PUSH, config=push({"max_channels": 5, "keep_free": 3}, lines_per_agent=500))
    assert dialled(case) == [OUT, OUT]
    case.it.wait(2)
    assert len(case.it.world.outbound.attempts) == 2


def test_calls_begin_at_a_trunk_s_pace() -> None:
    case = Calling(PUSH, config=push({"calls_a_second": 2}, lines_per_agent=500))
    assert len(dialled(case)) == 2
    case.it.wait(0.9)
    assert len(case.it.world.outbound.attempts) == 2
    case.it.wait(0.7)
    assert len(case.it.world.outbound.attempts) == 4


def test_what_is_too_much_for_the_first_trunk_goes_over_the_next() -> None:
    case = Calling(PUSH, config=push({"max_channels": 2}, lines_per_agent=500, trunks=(OUT, SPARE)))
    assert sorted(dialled(case)) == [OUT, OUT, SPARE, SPARE, SPARE]


def test_a_trunk_that_is_down_or_fails_is_passed_over() -> None:
    case = Calling(PUSH, config=push(lines_per_agent=100, trunks=(OUT, SPARE)))
    case.it.do(TrunkState(NODE, OUT, False, "no answer to OPTIONS"))
    assert dialled(case) == [SPARE]
    case.it.do(TrunkState(NODE, OUT, True, "answers"))
    leg = next(call.leg for call in case.it.world.calls.values())
    case.it.gone(leg, 34, 503)
    assert [it.permit.to.trunk for it in case.it.wished(Dial)] == [OUT]


def test_the_most_lines_of_a_campaign() -> None:
    case = Calling(PUSH, config=push(lines_per_agent=1000, most_lines=3))
    assert len(dialled(case)) == 3


def test_agents_are_left_to_callers() -> None:
    case = Calling(PUSH, config=push(blend=Blend(keep_free=1)))
    assert dialled(case) == []
    assert "0 free agents" in case.it.world.outbound.paces[PUSH].why


@pytest.mark.parametrize(
    ("number", "trunk", "shown"),
    [
        ("447700900001", OUT, "442079460002"),
        ("442079460999", OUT, "442079460003"),
        ("441632960001", OUT, "442079460001"),
        ("447700900001", SPARE, "442079460002"),
    ],
)
def test_the_number_shown_is_near(number: str, trunk: TrunkId, shown: str) -> None:
    own = (
        CallerId(E164("442079460001"), "ours"),
        CallerId(E164("442079460002"), "ours", areas=("447",)),
        CallerId(E164("442079460003"), "ours", areas=("44", "4420"), trunks=(OUT,)),
    )
    policy = replace(CAMPAIGNS[PUSH], caller_ids=(own[0], own[1], replace(own[2], areas=("4420",))))
    found = trunking.shown(policy, trunk, E164(number))
    assert found is not None
    assert found.number.digits == shown


def test_what_people_hear_of_an_answer_counts_once() -> None:
    """Who was connected earns, who was abandoned costs, and who hung up in time does neither."""
    case = Calling(PUSH, config=push(lines_per_agent=300))
    first, second, third = case.give(PUSH, 1, 2, 3, 4)[:3]
    for leg in (first, second, third):
        case.answers(leg)
    case.it.gone(third)
    told = case.it.wait(2.1)
    assert [type(it) for it in told if isinstance(it, HarbourReached)] == [HarbourReached]
    budget = case.it.world.outbound.campaigns[PUSH].budget
    assert (budget.connected, budget.abandoned) == (1, 1)


def test_the_budget_survives_a_restart() -> None:
    case = Calling(PREDICT, config=calling())
    campaign = case.it.world.outbound.campaigns[PREDICT]
    for _ in range(40):
        campaign.budget.connect()
    campaign.budget.abandon()
    kept = copied(campaign)
    world = restore(case.it.world.policy, 2, (), (), (), (NODE,), case.it.now, campaigns=[kept])
    again = pacers.of(world, world.outbound.campaigns[PREDICT]).budget
    assert (again.connected, again.abandoned, again.saved) == (40, 1, campaign.budget.saved)
    assert world.outbound.pace_at == {PREDICT: case.it.now}, "a campaign that runs goes on by itself"


def test_a_window_of_the_law_begins_anew_and_debts_stay() -> None:
    case = Calling(PUSH)
    campaign = case.it.world.outbound.campaigns[PUSH]
    campaign.budget.abandon()
    saved = campaign.budget.saved
    pacers.roll(case.it.world, campaign, campaign.began + DAY * SECOND + 1)
    assert campaign.budget.abandoned == 0
    assert campaign.budget.saved == saved
    assert campaign.counted_from == campaign.began + DAY * SECOND


def test_the_law_s_bounds_come_before_the_campaign_s() -> None:
    case = Calling(config=push(grace=seconds(5), most_abandoned=5000, ring_timeout=seconds(5)))
    world, policy = case.it.world, case.it.world.policy.campaigns[PUSH]
    assert pacers.grace(world, policy) == seconds(2)
    assert pacers.most_abandoned(world, policy) == 3000
    assert pacers.ring_timeout(world, policy) == seconds(15)
    assert pacers.of(world, Campaign(PUSH)).budget.cap == 0.03


def test_two_campaigns_of_the_same_agents_count_each_other_s_calls() -> None:
    known = push(lines_per_agent=100)
    other = replace(known.campaigns[PUSH], id=PREDICT)
    case = Calling(PUSH, PREDICT, config=replace(known, campaigns={**known.campaigns, PREDICT: other}))
    assert len(case.give(PUSH, 1)) == 1
    assert case.give(PREDICT, 2) == []
    assert case.it.world.outbound.paces[PREDICT].in_flight == 1


def test_a_paused_campaign_keeps_its_contacts_and_goes_on() -> None:
    case = Calling(PUSH, config=push(lines_per_agent=100))
    case.it.do(CampaignAsked(PUSH, CampaignWish.PAUSE, "test"))
    assert case.give(PUSH, 1, 2) == []
    assert case.it.world.outbound.campaigns[PUSH].phase is CampaignPhase.PAUSED
    case.it.do(CampaignAsked(PUSH, CampaignWish.START, "test"))
    assert len(case.it.wished(Dial)) == 1


def test_every_pace_says_why() -> None:
    case = Calling(PUSH, config=push())
    case.give(PUSH, 1, 2, 3)
    (said,) = case.it.told(Paced)
    assert "2 lines for each of 1 free agents" in said.why


def test_a_call_that_is_dialled_goes_on_over_a_restart() -> None:
    case = Calling(PUSH, config=push(lines_per_agent=100))
    (leg,) = case.give(PUSH, 1)
    rows, attempts = copied(case.it.rows), copied(tuple(case.it.world.outbound.attempts.values()))
    parts = rows.calls.values(), rows.agents.values(), rows.nodes.values()
    campaigns = copied(tuple(case.it.world.outbound.campaigns.values()))
    world = restore(case.it.world.policy, 2, *parts, (NODE,), case.it.now, campaigns=campaigns, attempts=attempts)
    (call,) = world.calls.values()
    assert isinstance(call.phase, Dialled)
    assert call.leg == leg
    assert list(world.outbound.attempts) == [call.attempt]
    assert world.outbound.busy


def test_agents_who_are_away_are_not_dialled_for() -> None:
    case = Calling(PUSH, config=push())
    case.it.ask(NAILED, Wish.PAUSE)
    assert dialled(case) == []
    case.it.ask(NAILED, Wish.UNPAUSE)
    assert len(case.it.wished(Dial)) == 2


def test_an_agent_s_talk_and_the_attempt_s_end() -> None:
    case = Calling(PUSH, config=push(lines_per_agent=100))
    (leg,) = case.give(PUSH, 1)
    case.answers(leg, Heard.NOTHING)
    assert case.it.told(CallConnected)
    case.it.wait(1)
    case.it.gone(leg)
    assert [it.outcome for it in case.it.told(AttemptEnded)] == [AttemptOutcome.ANSWERED]
    assert OWN.digits not in case.it.world.last_agents
    assert "+447700900001" in case.it.world.last_agents


def test_calls_that_would_find_nobody_are_given_up_when_they_have_rung_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = calling()
    policy = replace(known.campaigns[PREDICT], ring_timeout=seconds(60))
    case = Calling(PREDICT, config=replace(known, campaigns={**known.campaigns, PREDICT: policy}))
    (first,) = case.give(PREDICT, 1)
    pacer = pacers.of(case.it.world, case.it.world.outbound.campaigns[PREDICT])
    case.it.ring(first)
    nothing = Pace(0, 0, 0, 1, 0.0, 0.0, 1.0, 0.0, 0.0, cut=5)
    monkeypatch.setattr(type(pacer), "decide", lambda self, seen, now: nothing)
    assert not [it for it in case.it.wait(14.9) if isinstance(it, AttemptEnded)], "the law lets it ring for 15 s"
    ended = [it for it in case.it.wait(1) if isinstance(it, AttemptEnded)]
    assert [it.outcome for it in ended] == [AttemptOutcome.NO_ANSWER]
    assert pacer.learned.rings.seen == 5, "how it would have ended nobody knows: what was believed is all"
