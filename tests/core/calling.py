"""A Stage on which people on lists are called: campaigns that run, and contacts that are given when they are wanted."""

from __future__ import annotations

from callctl.core.commands import Dial, RingPhone
from callctl.core.contacts import Contact
from callctl.core.engine import Step
from callctl.core.events import (
    CampaignAsked,
    CampaignWish,
    ClockCompared,
    ContactsClaimed,
    DoNotCallLists,
    Heard,
    LegAnswered,
    LegUp,
)
from callctl.core.ids import AgentId, CampaignId, LegId
from callctl.core.model import Call
from callctl.core.policy import Policy
from callctl.sim.lists import NAILED, ZONES, calling, person
from callctl.sim.office import NODE
from tests.core.world import Stage, stage


class Calling:
    """`it` is the Stage."""

    def __init__(self, *campaigns: CampaignId, config: Policy | None = None, on_line: bool = True) -> None:
        self.it: Stage = stage(config or calling())
        self.it.do(DoNotCallLists({}, {}))
        self.it.do(ClockCompared(0))
        if on_line:
            self.open_line()
        for campaign in campaigns:
            self.it.do(CampaignAsked(campaign, CampaignWish.START, "test"))

    def open_line(self, agent: str = NAILED) -> None:
        """The nailed-up agent's phone rings, and is picked up."""
        line = self.it.agent(agent).line
        assert line is not None
        self.it.answer(min(line.legs))

    def give(self, campaign: CampaignId, *numbers: int, **changes: object) -> list[LegId]:
        """Contacts come. The legs that are dialled at once."""
        people = tuple(person(number, campaign, claimed=self.it.now, **changes) for number in numbers)
        return self.come(campaign, *people)

    def come(self, campaign: CampaignId, *people: Contact) -> list[LegId]:
        self.it.do(ContactsClaimed(campaign, people, ZONES))
        return [command.leg for command in self.it.wished(Dial)]

    def answers(self, leg: LegId, heard: Heard = Heard.NOTHING) -> Step:
        """The person picks up; where detection is on the dialplan listens first. What came of it."""
        if heard is not Heard.NOTHING:
            self.it.do(LegUp(NODE, leg))
            self.it.wait(1)
        return self.it.do(LegAnswered(NODE, leg, heard))

    def call(self, leg: LegId) -> Call:
        return next(call for call in self.it.world.calls.values() if call.leg == leg)

    def line(self, agent: str = NAILED) -> LegId:
        """The agent's open line."""
        found = self.it.world.agents[AgentId(agent)].open_line
        assert found is not None
        return found

    def rings(self) -> list[RingPhone]:
        return self.it.wished(RingPhone)
