"""The office when it calls people on lists: campaigns of every mode, an agent who is nailed up, people to call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from callctl.core.addresses import E164
from callctl.core.campaigns import (
    CallerId,
    CampaignPolicy,
    Detection,
    Disposition,
    Mode,
    Over,
    Preview,
    Retry,
    Then,
)
from callctl.core.contacts import Contact, Number
from callctl.core.hours import Offsets
from callctl.core.ids import SECOND, CampaignId, ContactId, DispositionId, MenuId, QueueId, RuleSetId, seconds
from callctl.core.law import AbandonedLimit, AttemptOutcome, CallingHours, CallKind, RuleSet
from callctl.core.policy import HangUp, Menu, OptOut, Policy, QueuePolicy, Strategy, ToQueue
from callctl.sim.office import OUT, SALES, policy

PUSH, PREDICT, LOOK, ASK, BLAST = map(CampaignId, ("push", "predict", "look", "ask", "blast"))
OUTBOUND = QueueId("outbound")
HARBOUR, REMINDER = MenuId("harbour"), MenuId("reminder")
OWN = E164("442079460000")
NAILED = "nia"
"""Agents whose name begins so are nailed up."""
ZONE = "Europe/London"
ZONES: dict[str, Offsets] = {ZONE: ((0, 0),)}
ALWAYS = RuleSet(
    RuleSetId("always"),
    "1",
    "GB",
    rules=(
        CallingHours("always.hours", (((0, 24 * 3600),),) * 7),
        AbandonedLimit("always.abandoned", 3000, 24 * 3600 * SECOND),
    ),
)
RETRIES = {
    outcome: Retry(seconds(20), most=3)
    for outcome in (AttemptOutcome.BUSY, AttemptOutcome.NO_ANSWER, AttemptOutcome.FAILED, AttemptOutcome.ABANDONED)
}


def _campaign(name: CampaignId, mode: Mode, **changes: object) -> CampaignPolicy:
    made = CampaignPolicy(
        name,
        CallKind.SERVICE,
        mode,
        OUTBOUND,
        trunks=(OUT,),
        caller_ids=(CallerId(OWN, "ours"),),
        retries=RETRIES,
        ring_timeout=seconds(15),
        harbour=HARBOUR,
        after_conversation=0,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


TAPE = DispositionId("tape")
DETECTS = Detection(Then.MESSAGE, Then.AGENT, Then.HANG_UP, message=("sound:message",))
CAMPAIGNS = {
    PUSH: _campaign(PUSH, Mode.POWER, lines_per_agent=200, detection=DETECTS),
    PREDICT: _campaign(PREDICT, Mode.PREDICTIVE),
    LOOK: _campaign(LOOK, Mode.PREVIEW, queue=SALES, preview=Preview(seconds(10), Over.DIAL)),
    ASK: _campaign(ASK, Mode.MANUAL, queue=SALES, preview=Preview(skip=False)),
    BLAST: _campaign(BLAST, Mode.BROADCAST, queue=None, harbour=None, message=REMINDER, most_lines=2),
}
MENUS = {
    HARBOUR: Menu(HARBOUR, ("sound:nobody-is-free",), {"9": OptOut()}, HangUp(), seconds(3), tries=1),
    REMINDER: Menu(REMINDER, ("sound:reminder",), {"1": ToQueue(SALES), "9": OptOut()}, HangUp(), seconds(3), tries=1),
}


def calling(names: Iterable[str] = ("ana", NAILED), strategy: Strategy = Strategy.LONGEST_IDLE) -> Policy:
    """The office's policy, with campaigns for its agents."""
    known = policy(names, strategy)
    agents = {
        name: replace(agent, queues=(*agent.queues, OUTBOUND), nailed_up=True) if name.startswith(NAILED) else agent
        for name, agent in known.agents.items()
    }
    trunk = replace(known.trunks[OUT], calls_a_day=0, minutes_a_day=0)
    return replace(
        known,
        sha="calling",
        agents=agents,
        queues={**known.queues, OUTBOUND: QueuePolicy(OUTBOUND, wrap_up=seconds(5), least_talk=0)},
        menus={**known.menus, **MENUS},
        campaigns={**known.campaigns, **CAMPAIGNS},
        rule_sets=(ALWAYS,),
        trunks={OUT: trunk},
    )


def calling_variants(
    names: tuple[str, ...],
    strategy: Strategy = Strategy.LONGEST_IDLE,
    *,
    blended: bool = False,
    channels: int = 0,
    sampled: bool = False,
) -> tuple[Policy, ...]:
    """As `office.variants`. `blended`: the agents who serve callers are called for too; `channels`: of the trunk, 0: no
    limit; `sampled`: agents get some of the answering machines, to say what they were."""
    full = calling(names, strategy)
    full = replace(full, trunks={OUT: replace(full.trunks[OUT], max_channels=channels)})
    if sampled:
        full = replace(full, dispositions={**full.dispositions, TAPE: Disposition(TAPE, "A machine", "", machine=True)})
        full = _with(full, PUSH, detection=replace(DETECTS, sample=50_000))
    if blended:
        full = _with(full, PUSH, queue=SALES)
    fewer = calling(names[1:], strategy)
    fewer = replace(fewer, sha="fewer", trunks=full.trunks)
    stopped = replace(full, sha="stopped", dialing=replace(full.dialing, stopped=True))
    none = replace(
        full, sha="none", campaigns={}, menus={name: it for name, it in full.menus.items() if name not in MENUS}
    )
    other = _with(full, PUSH, detection=None, lines_per_agent=100, harbour=None)
    agents = {name: replace(agent, nailed_up=not agent.nailed_up) for name, agent in other.agents.items()}
    return (full, fewer, stopped, none, replace(other, sha="other", agents=agents))


def _with(known: Policy, campaign: CampaignId, **changes: object) -> Policy:
    changed = replace(known.campaigns[campaign], **changes)  # type: ignore[arg-type]
    return replace(known, campaigns={**known.campaigns, campaign: changed})


def digits_of(number: int) -> str:
    return f"4477009{number:05}"


def person(number: int, campaign: CampaignId, **changes: object) -> Contact:
    """Somebody on a list. Their numbers are of those that Ofcom reserves for drama."""
    where = Number(E164(digits_of(number)), country="GB", zones=(ZONE,))
    made = Contact(ContactId(number), campaign, (where,), name=f"Person {number}", country="GB", zone=ZONE)
    return replace(made, **changes)  # type: ignore[arg-type]
