"""What agents say of calls is held against what answering machine detection heard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.campaigns import Detection, Disposition, DispositionPolicy, Then
from callctl.core.commands import Dial
from callctl.core.events import CampaignAsked, CampaignWish, ClockCompared, DispositionChosen, Heard
from callctl.core.facts import DetectionOff
from callctl.core.ids import AgentId, DispositionId
from callctl.core.model import WrapUp
from callctl.core.outbound import Campaign
from callctl.core.policy import Policy
from callctl.sim.lists import NAILED, OUTBOUND, PUSH, calling
from callctl.sim.office import SOLD
from tests.core.calling import Calling

pytestmark = pytest.mark.core

TAPE = DispositionId("tape")


def listening(off_at: int = 0, default: DispositionId | None = None) -> Policy:
    """Machines too go to an agent, who says what they were."""
    known = calling()
    push = known.campaigns[PUSH]
    detects = Detection(Then.AGENT, Then.AGENT, Then.AGENT, off_at=off_at)
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

    @property
    def campaign(self) -> Campaign:
        return self.case.it.world.outbound.campaigns[PUSH]

    def call(self, heard: Heard, said: DispositionId | None) -> list[DetectionOff]:
        case, it = self.case, self.case.it
        it.do(ClockCompared(0))
        legs = case.give(PUSH, self._next)
        self._next += 1
        case.answers(legs[0], heard)
        it.wait(3)
        it.gone(legs[0])
        assert isinstance(it.agent(NAILED).state, WrapUp)
        told: list[object] = []
        if said is not None:
            told.extend(it.do(DispositionChosen(AgentId(NAILED), said)).facts)
        told.extend(it.wait(6))
        return [fact for fact in told if isinstance(fact, DetectionOff)]


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
