"""What agents say of calls is held against what answering machine detection heard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core import pacers
from callctl.core.campaigns import HOUR, Detection, Disposition, DispositionPolicy, Then
from callctl.core.commands import Dial
from callctl.core.detection import false_positives
from callctl.core.events import CampaignAsked, CampaignWish, ClockCompared, DispositionChosen, Heard
from callctl.core.facts import AnswerJudged, DetectionOff
from callctl.core.ids import AgentId, DispositionId, RuleSetId
from callctl.core.law import AbandonedLimit, RuleSet
from callctl.core.model import WrapUp
from callctl.core.outbound import Campaign
from callctl.core.policy import Policy
from callctl.sim.lists import NAILED, OUTBOUND, PUSH, calling
from callctl.sim.office import SOLD
from tests.core.calling import Calling

pytestmark = pytest.mark.core

TAPE = DispositionId("tape")


def listening(
    off_at: int = 0, default: DispositionId | None = None, *, machine: Then = Then.AGENT, sample: int = 0
) -> Policy:
    """Machines too go to an agent, who says what they were."""
    known = calling()
    push = known.campaigns[PUSH]
    detects = Detection(machine, Then.AGENT, Then.AGENT, off_at=off_at, sample=sample)
    tape = Disposition(TAPE, "A machine", "", machine=True)
    outbound = replace(known.queues[OUTBOUND], dispositions=DispositionPolicy(default=default))
    return replace(
        known,
        campaigns={**known.campaigns, PUSH: replace(push, detection=detects, lines_per_agent=100)},
        dispositions={**known.dispositions, TAPE: tape},
        queues={**known.queues, OUTBOUND: outbound},
    )


class Labels:
    """Calls one after the other, each with what was heard and what the agent said."""

    def __init__(self, config: Policy) -> None:
        self.case = Calling(PUSH, config=config)
        self._next = 1
        self.sampled = self.away = 0

    @property
    def campaign(self) -> Campaign:
        return self.case.it.world.outbound.campaigns[PUSH]

    def call(self, heard: Heard, said: DispositionId | None) -> list[DetectionOff]:
        """Who is turned away gets no agent, and no label."""
        case, it = self.case, self.case.it
        it.do(ClockCompared(0))
        legs = case.give(PUSH, self._next)
        self._next += 1
        answer = case.answers(legs[0], heard)
        (fact,) = [fact for fact in answer.facts if isinstance(fact, AnswerJudged)]
        self.sampled, self.away = self.sampled + fact.sampled, self.away + (fact.then is not Then.AGENT)
        told: list[object] = []
        if fact.then is Then.AGENT:
            it.wait(3)
            it.gone(legs[0])
            assert isinstance(it.agent(NAILED).state, WrapUp)
            told.extend(it.do(DispositionChosen(AgentId(NAILED), said)).facts if said is not None else [])
        told.extend(it.wait(6))
        return [fact for fact in told if isinstance(fact, DetectionOff)]

    def sample(self, heard: Heard, said: DispositionId) -> list[DetectionOff]:
        """So many calls until one belongs to the sample."""
        before = self.sampled
        while self.sampled == before:
            told = self.call(heard, said)
        return told


def test_labels_are_counted_by_what_was_heard() -> None:
    it = Labels(listening())
    it.call(Heard.HUMAN, SOLD)
    it.call(Heard.HUMAN, TAPE)
    it.call(Heard.MACHINE, TAPE)
    it.call(Heard.UNSURE, SOLD)
    it.call(Heard.UNSURE, SOLD)
    assert it.campaign.judged == {
        "human": {"human": 1, "machine": 1},
        "machine": {"human": 0, "machine": 1},
        "unsure": {"human": 2, "machine": 0},
    }


def test_the_campaign_s_row_changes_with_a_label() -> None:
    it = Labels(listening())
    rows: list[Campaign] = []
    it.case.it.watch = lambda _, done: rows.extend(done.touched.campaigns)
    it.call(Heard.HUMAN, SOLD)
    assert rows[-1].judged == {"human": {"human": 1, "machine": 0}}


def test_a_default_is_nobody_s_word() -> None:
    it = Labels(listening(default=SOLD))
    it.call(Heard.HUMAN, None)
    assert it.campaign.judged == {}


def test_callers_say_nothing_of_detection() -> None:
    it = Labels(listening())
    stage = it.case.it
    leg = stage.talk("c1", "ana")
    stage.do(DispositionChosen(AgentId("ana"), SOLD))
    stage.gone("c1")
    stage.gone(leg)
    stage.wait(60)
    assert it.campaign.judged == {}


def test_detection_goes_off_where_it_takes_too_many_people_for_machines() -> None:
    it = Labels(listening(off_at=10_000))
    for n in range(19):
        assert it.call(Heard.MACHINE if n < 3 else Heard.HUMAN, SOLD) == [], "too few to judge by"
    assert it.call(Heard.HUMAN, SOLD) == [DetectionOff(PUSH, 20, 3)]
    assert it.campaign.detection_off
    it.case.give(PUSH, 99)
    assert [command.detect for command in it.case.it.wished(Dial)] == [False]


def test_as_many_mistakes_as_are_allowed_leave_it_on() -> None:
    it = Labels(listening(off_at=10_000))
    for n in range(20):
        it.call(Heard.MACHINE if n < 2 else Heard.HUMAN, SOLD)
    assert not it.campaign.detection_off
    it.call(Heard.MACHINE, TAPE)
    it.call(Heard.NOTHING, SOLD)
    assert not it.campaign.detection_off, "machines, and calls that nobody listened to, say nothing of people"


def test_without_a_bound_it_stays_on() -> None:
    it = Labels(listening())
    for _ in range(25):
        assert it.call(Heard.MACHINE, SOLD) == []
    assert not it.campaign.detection_off


def test_stopped_and_started_it_is_tried_again() -> None:
    it = Labels(listening(off_at=10_000))
    it.campaign.detection_off, it.campaign.judged = True, {"machine": {"human": 30, "machine": 0}}
    it.case.it.do(CampaignAsked(PUSH, CampaignWish.PAUSE, "me"))
    it.case.it.do(CampaignAsked(PUSH, CampaignWish.START, "me"))
    assert it.campaign.detection_off, "a pause is no new beginning"
    it.case.it.do(CampaignAsked(PUSH, CampaignWish.STOP, "me"))
    it.case.it.do(CampaignAsked(PUSH, CampaignWish.START, "me"))
    assert not it.campaign.detection_off
    assert it.campaign.judged == {}


# ── with whom nobody talks ───────────────────────────────────────────────────────────────────


def test_a_sample_of_machines_goes_to_an_agent() -> None:
    it = Labels(listening(machine=Then.HANG_UP, sample=50_000))
    for _ in range(30):
        it.call(Heard.MACHINE, TAPE)
    assert it.sampled + it.away == 30
    assert 8 <= it.sampled <= 22
    assert it.campaign.judged == {"machine": {"human": 0, "machine": it.sampled}}
    assert it.campaign.turned_away == it.away


def test_without_a_sample_every_machine_is_turned_away() -> None:
    it = Labels(listening(machine=Then.HANG_UP))
    for _ in range(5):
        it.call(Heard.MACHINE, TAPE)
    assert (it.sampled, it.away, it.campaign.turned_away) == (0, 5, 5)


def test_agents_who_cannot_say_that_it_was_a_machine_get_no_sample_and_label_nothing() -> None:
    config = listening(machine=Then.HANG_UP, sample=100_000)
    queue = replace(config.queues[OUTBOUND], dispositions=DispositionPolicy(of=(SOLD,)))
    it = Labels(replace(config, queues={**config.queues, OUTBOUND: queue}))
    for _ in range(3):
        it.call(Heard.MACHINE, SOLD)
    it.call(Heard.HUMAN, SOLD)
    assert (it.sampled, it.away, it.campaign.judged) == (0, 3, {})


@pytest.mark.parametrize("heard", [Heard.FAX, Heard.SIT])
def test_tones_are_no_people(heard: Heard) -> None:
    it = Labels(listening(machine=Then.HANG_UP, sample=100_000))
    it.call(heard, TAPE)
    assert (it.sampled, it.away, it.campaign.turned_away) == (0, 1, 0)


def test_who_is_turned_away_is_a_person_as_often_as_the_sample() -> None:
    it = Labels(listening(machine=Then.HANG_UP, sample=50_000))
    it.campaign.judged = {"machine": {"human": 1, "machine": 17}, "human": {"human": 500, "machine": 3}}
    it.sample(Heard.MACHINE, TAPE)
    assert false_positives(it.campaign) is None, "nineteen are too few"
    it.sample(Heard.MACHINE, TAPE)
    it.campaign.turned_away = 200
    assert false_positives(it.campaign) == pytest.approx(200 / 20)


def test_each_of_a_sample_stands_for_many() -> None:
    """Of a sample of a half; three mistakes of 25 people whom agents had are six of 28."""
    it = Labels(listening(20_000, machine=Then.HANG_UP, sample=50_000))
    it.campaign.judged = {"human": {"human": 22, "machine": 0}, "machine": {"human": 1, "machine": 30}}
    assert it.sample(Heard.MACHINE, SOLD) == [], "two may be chance"
    assert it.sample(Heard.MACHINE, SOLD) == [DetectionOff(PUSH, 28, 6)]
    assert it.campaign.detection_off


def test_what_is_known_of_mistakes_survives_a_new_beginning() -> None:
    """Else a stop and a start would make those forgotten who were taken for machines."""
    it = Labels(listening(machine=Then.HANG_UP, sample=50_000))
    it.campaign.detection_off, it.campaign.mistaken, it.campaign.turned_away = True, 0.1, 50
    it.case.it.do(CampaignAsked(PUSH, CampaignWish.STOP, "me"))
    it.case.it.do(CampaignAsked(PUSH, CampaignWish.START, "me"))
    assert false_positives(it.campaign) == pytest.approx(5)


# ── inside the abandoned rate, where a rule set says so ──────────────────────────────────────


def bound(counts: bool) -> Labels:
    """3 % of a day's customers may be abandoned, those who were taken for machines among them or not."""
    config = listening(machine=Then.HANG_UP)
    limit = AbandonedLimit("gb/limit", 3_000, 24 * HOUR, machines_count=counts)
    rules = RuleSet(RuleSetId("gb"), "1", "GB", kinds=frozenset({config.campaigns[PUSH].kind}), rules=(limit,))
    return Labels(replace(config, rule_sets=(rules,)))


@pytest.mark.parametrize("counts", [False, True])
def test_pacing_is_left_what_false_positives_have_not_taken(counts: bool) -> None:
    """1,000 customers, 10 of them abandoned, and 10 people taken for machines: 20 of 1,010."""
    it = bound(counts)
    world, campaign = it.case.it.world, it.campaign
    campaign.budget.connected, campaign.budget.abandoned = 990, 10
    campaign.turned_away, campaign.mistaken = 100, 0.1
    policy = world.policy.campaigns[PUSH]
    left = pacers.left_to_abandon(world, campaign, policy)
    assert left == pytest.approx(0.03 - 0.01 * 0.97 if counts else 0.03)
    assert pacers.of(world, campaign).budget.cap == left
    assert pacers.abandoned_share(world, campaign, policy) == pytest.approx(20 / 1_010 if counts else 0.01)
    campaign.turned_away = 100_000
    assert pacers.left_to_abandon(world, campaign, policy) == (0.001 if counts else 0.03), "never nought"
    pacers.roll(world, campaign, it.case.it.now + 25 * HOUR)
    assert campaign.turned_away == 0, "a new window counts anew"


def test_at_the_bound_both_together_are_exactly_the_cap() -> None:
    it = bound(counts=True)
    campaign, policy = it.campaign, it.case.it.world.policy.campaigns[PUSH]
    campaign.budget.connected, campaign.turned_away, campaign.mistaken = 2_000, 200, 0.1
    left = pacers.left_to_abandon(it.case.it.world, campaign, policy)
    campaign.budget.connected, campaign.budget.abandoned = 2_000 * (1 - left), 2_000 * left
    assert pacers.abandoned_share(it.case.it.world, campaign, policy) == pytest.approx(0.03)
