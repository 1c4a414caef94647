"""What campaigns learn from their calls, and what they may abandon: fed by what happens, asked by `lines`."""

from __future__ import annotations

from callctl.core import detection
from callctl.core.budget import LEAST_CAP
from callctl.core.campaigns import CampaignPhase, CampaignPolicy, Mode
from callctl.core.ids import SECOND, AgentId, CampaignId, Micros
from callctl.core.law import AbandonedLimit
from callctl.core.model import Call, World
from callctl.core.outbound import Campaign
from callctl.core.pacing import Learned, Pacer
from callctl.core.policy import OF_ALL
from callctl.core.turn import Turn

LEAST_RING: Micros = 15 * SECOND
"""Where no rule set says how long it rings before it is given up: the figure of the US and of the UK."""
FEW = 100.0
"""Customers: with fewer, one person taken for a machine would be the whole share."""
KEPT_EVERY: Micros = 10 * SECOND
"""Every how long what was learned is stored; what is abandoned is stored at once."""


def of(world: World, campaign: Campaign) -> Pacer:
    """The campaign's pacer; what it may abandon is as the configuration and the law say now."""
    found = world.outbound.pacers.get(campaign.id)
    policy = world.policy.campaigns[campaign.id]
    if found is None:
        campaign.learned = campaign.learned or Learned()
        found = Pacer(learned=campaign.learned, budget=campaign.budget)
        world.outbound.pacers[campaign.id] = found
    found.grace = grace(world, policy) / SECOND
    found.least_ring = least_ring(world, policy) / SECOND
    found.budget.cap = left_to_abandon(world, campaign, policy)
    return found


def limits(world: World, policy: CampaignPolicy) -> list[AbandonedLimit]:
    """What the law says of abandoned calls, of all the places whose rules may hold for calls of this kind."""
    sets = (rules for rules in world.policy.rule_sets if policy.kind in rules.kinds)
    return [rule for rules in sets for rule in rules.rules if isinstance(rule, AbandonedLimit)]


def grace(world: World, policy: CampaignPolicy) -> Micros:
    """Within how long an agent comes: the shortest of the campaign's and the law's."""
    return min([policy.grace, *(rule.grace for rule in limits(world, policy))])


def most_abandoned(world: World, policy: CampaignPolicy) -> int:
    """Of 100,000 calls that people answered: the lowest of the campaign's and the law's."""
    return min([policy.most_abandoned, *(rule.most for rule in limits(world, policy))])


def counts_machines(world: World, policy: CampaignPolicy) -> bool:
    """A rule set counts as abandoned who was taken for a machine."""
    return any(rule.machines_count for rule in limits(world, policy))


def left_to_abandon(world: World, campaign: Campaign, policy: CampaignPolicy) -> float:
    """The share of customers who may find nobody, after what false positives have taken of it where they count.

    With N customers and F people taken for machines, (abandoned + F) / (N + F) ≤ cap is abandoned / N ≤ cap −
    F·(1 − cap) / N.
    """
    cap = most_abandoned(world, policy) / OF_ALL
    customers = campaign.budget.connected + campaign.budget.abandoned
    return max(LEAST_CAP, cap - counted_false_positives(world, campaign, policy) * (1 - cap) / max(customers, FEW))


def counted_false_positives(world: World, campaign: Campaign, policy: CampaignPolicy) -> float:
    """People of the law's window who were taken for machines and count as abandoned; 0 where they do not, or nobody
    knows yet."""
    return (detection.false_positives(campaign) or 0.0) if counts_machines(world, policy) else 0.0


def abandoned_share(world: World, campaign: Campaign, policy: CampaignPolicy) -> float:
    """Of the customers of the law's window, as the rule sets count them."""
    lost, budget = counted_false_positives(world, campaign, policy), campaign.budget
    customers = budget.connected + budget.abandoned + lost
    return (budget.abandoned + lost) / customers if customers else 0.0


def ring_timeout(world: World, policy: CampaignPolicy) -> Micros:
    """How long it rings at least and at most: never shorter than the law's least."""
    return max([policy.ring_timeout, *(rule.least_ring for rule in limits(world, policy))])


def least_ring(world: World, policy: CampaignPolicy) -> Micros:
    """So long it rings before it may be given up since no agent would be free."""
    return max([rule.least_ring for rule in limits(world, policy)], default=LEAST_RING)


def roll(world: World, campaign: Campaign, now: Micros) -> None:
    """Where the law counts anew, so does the guard of the budget. What was overspent is still paid for."""
    windows = [rule.window for rule in limits(world, world.policy.campaigns[campaign.id])]
    if not windows or not campaign.began:
        return
    window = min(windows)
    begins = campaign.began + (now - campaign.began) // window * window
    if campaign.counted_from < begins:
        campaign.counted_from = begins
        budget = campaign.budget
        budget.connected = budget.abandoned = 0.0
        campaign.turned_away = 0
        budget.saved = min(budget.saved, 0.0)


# ── what happens ─────────────────────────────────────────────────────────────────────────────


def rang(turn: Turn, call: Call, *, answered: bool) -> None:
    """A call to somebody on a list was answered, or ended otherwise."""
    pacer, age = _predictive(turn.world, call.campaign), (turn.now - call.entered) / SECOND
    if pacer is not None and call.story.given_up:
        pacer.gave_up(age)
    elif pacer is not None:
        pacer.rang(age, answered=answered)


def judged(turn: Turn, call: Call, *, human: bool) -> None:
    """Detection has said what answered."""
    pacer, picked_up = _predictive(turn.world, call.campaign), call.story.picked_up
    if pacer is not None and picked_up is not None:
        pacer.learned.detections.end((turn.now - picked_up) / SECOND, lost=not human)


def connected(turn: Turn, call: Call, *, late: bool) -> None:
    """A customer reached an agent, in time or not; joined again, it says nothing new."""
    campaign = _counted(turn, call) if not call.story.counted else None
    if campaign is None:
        return
    if late:
        _abandon(turn, call, campaign)
    else:
        call.story.counted = "connected"
        campaign.budget.connect()


def abandoned(turn: Turn, call: Call) -> None:
    """No agent came within the grace. Who was counted as connected before has found nobody in the end."""
    campaign = _counted(turn, call)
    if campaign is None or call.story.counted == "abandoned":
        return
    if call.story.counted:
        campaign.budget.take_back()
    _abandon(turn, call, campaign)


def _abandon(turn: Turn, call: Call, campaign: Campaign) -> None:
    """Stored at once: a restart must not forget it."""
    call.story.counted = "abandoned"
    campaign.budget.abandon()
    turn.campaigns.add(campaign.id)


def _counted(turn: Turn, call: Call) -> Campaign | None:
    campaign = turn.world.outbound.campaigns.get(call.campaign) if call.campaign is not None else None
    if campaign is not None and campaign.id in turn.world.policy.campaigns:
        of(turn.world, campaign)
        roll(turn.world, campaign, turn.now)
        return campaign
    return None


def talked(turn: Turn, agent: AgentId, length: Micros) -> None:
    """An agent's talk is over, with whomever: it was one that a campaign's customers waited for."""
    for pacer in _serving(turn.world, agent):
        pacer.learned.talks.end(length / SECOND)


def wrapped(turn: Turn, agent: AgentId, length: Micros) -> None:
    """An agent is ready again, so long after a talk."""
    for pacer in _serving(turn.world, agent):
        pacer.learned.wraps.end(length / SECOND)


def _serving(world: World, agent: AgentId) -> list[Pacer]:
    queues = world.served_by(agent)
    running = (it for it in world.outbound.campaigns.values() if it.phase is CampaignPhase.RUNNING)
    policies = ((it, world.policy.campaigns.get(it.id)) for it in running)
    return [
        of(world, it) for it, policy in policies if policy is not None and _learns(policy) and policy.queue in queues
    ]


def _learns(policy: CampaignPolicy) -> bool:
    return policy.mode is Mode.PREDICTIVE


def _predictive(world: World, name: CampaignId | None) -> Pacer | None:
    campaign = world.outbound.campaigns.get(name) if name is not None else None
    policy = world.policy.campaigns.get(name) if name is not None else None
    return of(world, campaign) if campaign is not None and policy is not None and _learns(policy) else None
