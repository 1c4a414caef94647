"""Answering machine detection: what is done with what it heard, and how often it errs.

With whom it takes for a machine nobody talks, so nobody would ever learn that it was a person. A sample of those calls
therefore goes to an agent, and what the agent says that it was is held against what was heard. The rest are people as
often as the sample were: people who found nobody, beside those who were abandoned.
"""

from __future__ import annotations

from callctl.core.campaigns import CampaignPolicy, Detection, Mode, Then
from callctl.core.events import Heard
from callctl.core.facts import DetectionOff
from callctl.core.ids import QueueId
from callctl.core.model import Call
from callctl.core.outbound import Campaign
from callctl.core.policy import OF_ALL, Policy
from callctl.core.turn import Turn

HUMAN, MACHINE = "human", "machine"
"""What agents say that answered."""
ENOUGH_LABELS = 20
"""Labels by which a share is known, and people by whom detection is judged."""
ENOUGH_MISTAKES = 3
"""People of a sample who were taken for machines: fewer may be chance, since each stands for many."""
ERRS = (Heard.MACHINE, Heard.UNSURE, Heard.SILENCE)
"""What may be heard where a person is; nobody answers with the tones of a fax or of the network."""


def decide(turn: Turn, call: Call, heard: Heard) -> tuple[Then, bool]:
    """What is done with an answer; and whether only since it belongs to the sample."""
    policy = turn.world.policy.campaigns.get(call.campaign) if call.campaign is not None else None
    then = usual(policy.detection if policy is not None else None, heard)
    if policy is None or policy.detection is None or not _turns_away(policy, heard, then):
        return then, False
    sample = policy.detection.sample if are_told(turn.world.policy, policy.queue) else 0
    if sample and turn.world.ids.below(OF_ALL) < sample:
        return Then.AGENT, True
    campaign = turn.world.outbound.campaigns.get(policy.id)
    if campaign is not None:
        campaign.turned_away += 1
        turn.campaigns.add(campaign.id)
    return then, False


def usual(detection: Detection | None, heard: Heard) -> Then:
    """What the configuration says of an answer."""
    if heard in (Heard.FAX, Heard.SIT):
        return Then.HANG_UP
    match heard:
        case Heard.MACHINE if detection is not None:
            return detection.machine
        case Heard.UNSURE if detection is not None:
            return detection.unsure
        case Heard.SILENCE if detection is not None:
            return detection.silence
    return Then.AGENT


def _turns_away(policy: CampaignPolicy, heard: Heard, then: Then) -> bool:
    """Somebody who may be a person gets no agent where people do."""
    return then is not Then.AGENT and heard in ERRS and policy.mode is not Mode.BROADCAST


def are_told(policy: Policy, queue: QueueId | None) -> bool:
    """The agents of a queue have a disposition by which to say that it was a machine: else all would seem people."""
    known = policy.queues.get(queue) if queue is not None else None
    if known is None:
        return False
    offered = known.dispositions.of or policy.dispositions
    return any(it in policy.dispositions and policy.dispositions[it].machine for it in offered)


# ── how often it errs ────────────────────────────────────────────────────────────────────────


def label(turn: Turn, call: Call, *, machine: bool) -> None:
    """The agent's word is held against what detection heard."""
    campaign = turn.world.outbound.campaigns.get(call.campaign) if call.campaign is not None else None
    policy = turn.world.policy.campaigns.get(call.campaign) if call.campaign is not None else None
    if campaign is None or call.story.heard is None or not are_told(turn.world.policy, call.story.queue):
        return
    labels = campaign.judged.setdefault(call.story.heard.value, {HUMAN: 0, MACHINE: 0})
    labels[MACHINE if machine else HUMAN] += 1
    turn.campaigns.add(campaign.id)
    if policy is not None and policy.detection is not None:
        _learn(campaign, policy, policy.detection)
        _judge(turn, campaign, policy, policy.detection)


def _learn(campaign: Campaign, policy: CampaignPolicy, detection: Detection) -> None:
    """Of those who are turned away, how many are people."""
    people = machines = 0
    for heard in ERRS:
        if _turns_away(policy, heard, usual(detection, heard)):
            labels = campaign.judged.get(heard.value, {})
            people, machines = people + labels.get(HUMAN, 0), machines + labels.get(MACHINE, 0)
    if people + machines >= ENOUGH_LABELS:
        campaign.mistaken = people / (people + machines)


def _judge(turn: Turn, campaign: Campaign, policy: CampaignPolicy, detection: Detection) -> None:
    """Off where it takes too many people for machines. Each of a sample stands for as many as it was drawn from."""
    if not detection.off_at or campaign.detection_off:
        return
    known = people = taken = sampled = 0
    for name, labels in campaign.judged.items():
        if name == Heard.NOTHING:
            continue
        heard, met = Heard(name), labels[HUMAN]
        away = _turns_away(policy, heard, usual(detection, heard))
        weight = OF_ALL // detection.sample if away and detection.sample else 1
        known, people = known + met, people + met * weight
        if away or heard is Heard.MACHINE:
            taken, sampled = taken + met * weight, sampled + (met if weight > 1 else 0)
    chance = 0 < sampled < ENOUGH_MISTAKES
    if known >= ENOUGH_LABELS and not chance and taken * OF_ALL > detection.off_at * people:
        campaign.detection_off = True
        turn.tell(DetectionOff(campaign.id, people, taken))


def false_positives(campaign: Campaign) -> float | None:
    """People in the law's window who were turned away as machines, as far as the sample tells; None: it does not yet
    (it has fewer than ENOUGH_LABELS)."""
    return None if campaign.mistaken is None else campaign.turned_away * campaign.mistaken
