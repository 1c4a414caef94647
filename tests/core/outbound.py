"""A World in which one campaign calls one contact, and a switch for each thing that may forbid it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from callctl.core.addresses import E164
from callctl.core.campaigns import CallerId, CampaignPhase, CampaignPolicy
from callctl.core.compliance import may_dial
from callctl.core.contacts import Contact, Number
from callctl.core.ids import SECOND, CampaignId, ContactId, IdSource, Micros, NodeId, RuleSetId, TrunkId
from callctl.core.judgement import About
from callctl.core.law import CallingHours, CallKind, Rule, RuleSet
from callctl.core.model import World
from callctl.core.numberset import NumberSet
from callctl.core.outbound import EVERYWHERE, Campaign, ClockSeen
from callctl.core.permits import Purpose, Verdict
from callctl.core.policy import DialingRules, HangUp, OutsideNumber, Policy, TrunkKind, TrunkPolicy
from callctl.zones import offsets_of

OWN = E164("442079460000")
CAMPAIGN = CampaignId("spring")
NODE = NodeId("pbx")
TRUNK = TrunkPolicy(TrunkId("out"), TrunkKind.IP, NODE, "192.0.2.9", calls_a_day=0, minutes_a_day=0)


def at(zone: str, *wall: int, fold: int = 0) -> Micros:
    """The moment of a wall clock's time."""
    moment = datetime(*wall, tzinfo=ZoneInfo(zone), fold=fold)  # type: ignore[arg-type,misc]
    return round(moment.timestamp()) * SECOND


ALWAYS = CallingHours("always.hours", (((0, 24 * 3600),),) * 7)
"""Where no hours are known nobody is called at all."""


@dataclass
class Case:
    """Everything allows the call, but for what the test changes."""

    rules: tuple[Rule, ...] = ()
    country: str = "US"
    states: frozenset[str] = frozenset()
    kind: CallKind = CallKind.SALES
    number: Number = field(
        default_factory=lambda: Number(E164("12125550123"), country="US", zones=("America/New_York",), states=("NY",))
    )
    contact: Contact | None = None
    caller_id: E164 | None = OWN
    world: World = field(init=False)

    def __post_init__(self) -> None:
        own = (CallerId(OWN, "ours"),)
        campaign = CampaignPolicy(CAMPAIGN, self.kind, trunks=(TRUNK.id,), caller_ids=own)
        sets = (
            RuleSet(RuleSetId("set"), "2026-11-27", self.country, self.states, rules=self.rules),
            RuleSet(RuleSetId("always"), "1", self.country, rules=(ALWAYS,)),
        )
        policy = Policy(
            entries={OWN: HangUp()},
            trunks={TRUNK.id: TRUNK},
            dialing=DialingRules(allowed=("1", "33", "44", "49")),
            rule_sets=sets,
            campaigns={CAMPAIGN: campaign},
        )
        self.world = World(policy, IdSource(1))
        self.world.outbound.campaigns[CAMPAIGN] = Campaign(CAMPAIGN, CampaignPhase.RUNNING)
        self.world.outbound.do_not_call[EVERYWHERE] = NumberSet()
        self.contact = self.contact or Contact(ContactId(7), CAMPAIGN, (self.number,))
        for zone in {*self.number.zones, self.contact.zone} - {""}:
            self.world.outbound.zones[zone] = offsets_of(zone)

    @property
    def campaign(self) -> CampaignPolicy:
        return self.world.policy.campaigns[CAMPAIGN]

    def configure(self, **changes: object) -> None:
        """Change the campaign's policy."""
        changed = {CAMPAIGN: replace(self.campaign, **changes)}  # type: ignore[arg-type]
        self.world.policy = replace(self.world.policy, campaigns=changed)

    def to(self) -> OutsideNumber:
        return OutsideNumber(self.number.address, TRUNK.id, str(self.number.address), "trunk-out")

    def judge(self, now: Micros) -> Verdict:
        """The gate's verdict, with the contact read and the clock compared just now."""
        assert self.contact is not None
        self.world.outbound.clock = ClockSeen(0, now)
        about = About(replace(self.contact, claimed=now), self.number, self.campaign, self.caller_id)
        return may_dial(self.world, Purpose.CAMPAIGN, self.to(), NODE, now, about)

    def refused(self, now: Micros) -> str:
        """The rule that refuses; empty: it is allowed."""
        verdict = self.judge(now)
        assert (verdict.permit is None) == (verdict.rule != "allowed")
        return "" if verdict.permit is not None else verdict.rule
