"""What people ask of campaigns, and say of numbers: started and stopped, do-not-call, consent given and taken back."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import replace

from callctl.core import dialing
from callctl.core.addresses import E164
from callctl.core.campaigns import CampaignPhase
from callctl.core.contacts import Happened, Past
from callctl.core.events import (
    CampaignAsked,
    CampaignWish,
    ClockCompared,
    ConsentAsked,
    DoNotCallAsked,
    DoNotCallLists,
    PersonErased,
)
from callctl.core.facts import (
    CampaignChanged,
    CampaignRefused,
    ConsentChanged,
    DoNotCallChanged,
    DoNotCallRead,
    PersonForgotten,
)
from callctl.core.ids import CampaignId, Micros
from callctl.core.judgement import horizon
from callctl.core.ledger import ConsentGiven, Listed, Planned, Remembered, Standing
from callctl.core.model import Previewing
from callctl.core.numberset import NumberSet, no_numbers
from callctl.core.outbound import EVERYWHERE, Campaign, ClockSeen
from callctl.core.policy import Policy
from callctl.core.turn import Turn

_PHASES: Mapping[CampaignWish, CampaignPhase] = {
    CampaignWish.START: CampaignPhase.RUNNING,
    CampaignWish.PAUSE: CampaignPhase.PAUSED,
    CampaignWish.STOP: CampaignPhase.STOPPED,
}


def campaign_asked(turn: Turn, event: CampaignAsked) -> None:
    """What is so already is no error."""
    world, name = turn.world, event.campaign
    if name not in world.policy.campaigns:
        turn.tell(CampaignRefused(name, event.wish, "there is no such campaign"))
        return
    campaign = world.outbound.campaigns.setdefault(name, Campaign(name))
    phase = _PHASES[event.wish]
    if event.wish is CampaignWish.PAUSE and campaign.phase is CampaignPhase.STOPPED:
        turn.tell(CampaignRefused(name, event.wish, "it is stopped: start it first"))
        return
    if phase is campaign.phase:
        return
    if campaign.phase is CampaignPhase.STOPPED and campaign.detection_off:
        campaign.detection_off, campaign.judged = False, {}  # tried again, and judged anew
    campaign.phase, campaign.since, campaign.by = phase, turn.now, event.by
    if phase is CampaignPhase.RUNNING:
        campaign.began = campaign.began or turn.now
        turn.world.outbound.dry.pop(name, None)
        turn.paced.add(name)
    if phase is CampaignPhase.STOPPED:
        _let_all_go(turn, name)
    turn.campaigns.add(name)
    turn.tell(CampaignChanged(name, phase, event.by))


def campaigns_changed(turn: Turn, old: Policy) -> None:
    """A new configuration: a campaign that it does not have is stopped, and may be started when it is back."""
    out, policy = turn.world.outbound, turn.world.policy
    for campaign in out.campaigns.values():
        if campaign.id not in policy.campaigns and campaign.phase is not CampaignPhase.STOPPED:
            campaign.phase, campaign.since, campaign.by = CampaignPhase.STOPPED, turn.now, "configuration"
            turn.campaigns.add(campaign.id)
            turn.tell(CampaignChanged(campaign.id, campaign.phase, campaign.by))
        elif campaign.phase is CampaignPhase.RUNNING:
            turn.paced.add(campaign.id)
    if horizon(policy) > horizon(old):  # what was read of their past does not reach as far
        out.contacts.update({it.id: replace(it, claimed=0) for it in out.contacts.values()})
    for gone in {contact.campaign for contact in out.contacts.values()} - policy.campaigns.keys():
        _let_all_go(turn, gone)


def _let_all_go(turn: Turn, campaign: CampaignId) -> None:
    """Claims of a campaign that is not dialled any more; who is being called stays until that is over."""
    turn.world.outbound.ready.pop(campaign, None)
    being_called = {attempt.contact for attempt in turn.world.outbound.attempts.values()}
    for contact in list(turn.world.outbound.contacts.values()):
        if contact.campaign == campaign and contact.id not in being_called:
            why = "the campaign was stopped"
            dialing.let_go(turn, Planned(contact.id, Standing.OPEN, turn.now, contact.next_number, why))


# ── do not call ──────────────────────────────────────────────────────────────────────────────


def do_not_call(turn: Turn, event: DoNotCallAsked) -> None:
    """At once, for those who are claimed too."""
    out = turn.world.outbound
    lists = out.do_not_call if EVERYWHERE in out.do_not_call else out.unread  # nothing is dialled before they are read
    numbers = lists.setdefault(event.scope, NumberSet())
    if event.off:
        numbers.remove(event.digits, prefix=event.prefix)
    else:
        numbers.add(event.digits, prefix=event.prefix)
    turn.enter(Listed(event.scope, event.digits, event.prefix, event.how, turn.now, event.off))
    turn.tell(DoNotCallChanged(event.scope, event.digits, event.prefix, event.off, event.how))


def lists_read(turn: Turn, event: DoNotCallLists) -> None:
    """The lists as the database has them. What was said since it was asked stays beside them."""
    out = turn.world.outbound
    scopes = {EVERYWHERE, *event.numbers, *event.prefixes, *out.unread, *out.do_not_call}
    out.do_not_call = {
        scope: _merged(
            event.numbers.get(scope, no_numbers()),
            event.prefixes.get(scope, frozenset()),
            out.do_not_call.get(scope, out.unread.get(scope, NumberSet())),
        )
        for scope in scopes
    }
    out.unread.clear()
    count = sum(len(numbers.base) for numbers in out.do_not_call.values())
    turn.tell(DoNotCallRead(count, sum(len(numbers.prefixes) for numbers in out.do_not_call.values())))


def _merged(base: array[int], prefixes: frozenset[str], said: NumberSet) -> NumberSet:
    """What was listed since this life began is in the database, or on its way there: it counts in any case. What was
    taken off is not, unless the database does not have it either: a file may have brought it back."""
    return replace(said, base=base, removed=set(), removed_prefixes=set(), prefixes={*prefixes, *said.added_prefixes})


# ── consent ──────────────────────────────────────────────────────────────────────────────────


def consent(turn: Turn, event: ConsentAsked) -> None:
    """Given: for those who are claimed too. Taken back: as from now, whatever was given before."""
    if event.given:
        at = min(event.at or turn.now, turn.now)
        turn.enter(ConsentGiven(event.number, event.scope, at, event.how))
        dialing.remember(turn, _said(turn, event, Happened.CONSENTED, at))
    else:
        past = _said(turn, event, Happened.REVOKED, turn.now)
        dialing.remember(turn, past)
        turn.enter(Remembered(past, event.how))
    turn.tell(ConsentChanged(event.number, event.scope, event.given, event.how))


def _said(turn: Turn, event: ConsentAsked, what: Happened, at: Micros) -> Past:
    return Past(turn.world.ids.ulid(turn.now), at, what, event.number.digits, scope=event.scope)


def erase(turn: Turn, event: PersonErased) -> None:
    """Nothing of them is known any more, but that they are not to be called, if that stays."""
    world, out = turn.world, turn.world.outbound
    for contact in event.contacts:
        out.contacts.pop(contact, None)
    for agent in world.agents.values():
        if isinstance(agent.state, Previewing) and agent.state.contact in event.contacts:
            turn.touch_agent(agent)  # there is nobody to look at any more
    for number in event.numbers:
        out.recent.erase(number.digits)
        out.promised.pop(number.digits, None)
        world.last_agents.pop(str(number), None)
        world.left.pop(str(number), None)
        if event.forget:
            for numbers in (*out.do_not_call.values(), *out.unread.values()):
                numbers.remove(number.digits)
    turn.tell(PersonForgotten(len(event.contacts)))


def clock_compared(turn: Turn, event: ClockCompared) -> None:
    turn.world.outbound.clock = ClockSeen(event.off, turn.now)


def refuse_to_call(turn: Turn, number: E164, how: str) -> None:
    """A person does not want to be called: the house's list."""
    do_not_call(turn, DoNotCallAsked(number.digits, how=how))
