"""A campaign's attempt, judged in full: the house's own rules, and the law's. One check after the other; the first that
refuses is told, with the moment from which it may be otherwise, where that is known.

It fails closed: what is not known (a zone, a country, the time, the do-not-call list) is a reason not to call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, assert_never

from callctl.core.addresses import E164
from callctl.core.campaigns import CampaignPhase, CampaignPolicy
from callctl.core.contacts import Contact, Happened, Number, Past
from callctl.core.hours import Calendar, is_open, local, on, shut_by, starts, within
from callctl.core.ids import SECOND, Micros
from callctl.core.law import (
    UNDELIVERED,
    AbandonedLimit,
    After,
    AttemptLimit,
    AttemptOutcome,
    CallingHours,
    ConsentNeeded,
    Per,
    Rest,
    RuleSet,
)
from callctl.core.model import World
from callctl.core.outbound import CLAIM_LIFE, CLOCK_LIFE, EVERYWHERE, contact_key, debt_key, number_key
from callctl.core.policy import Policy

MOST_OFF: Micros = 2 * SECOND
"""By which this machine's clock may differ from Postgres's."""
LOOK_AHEAD = 16
"""Days for which the next common opening is looked for."""
ALL_SCOPES = "*"


@dataclass(frozen=True, slots=True)
class About:
    """Whom an attempt is to reach, where, and as what."""

    contact: Contact
    number: Number
    campaign: CampaignPolicy
    caller_id: E164 | None


@dataclass(frozen=True, slots=True)
class Refusal:
    rule: str
    """In one word, for labels; of the law: `RULE_SET.RULE`."""
    why: str
    version: str = ""
    """The rule set's; empty: it is the house's own rule."""
    until: Micros | None = None
    """Not before; None: not while this is so."""


Check: TypeAlias = Callable[[World, About, Micros], Refusal | None]


def judge(world: World, about: About, now: Micros) -> Refusal | None:
    """The first reason not to make this attempt now; None: there is none."""
    for check in CHECKS:
        if (found := check(world, about, now)) is not None:
            return found
    return None


def horizon(policy: Policy) -> Micros:
    """How far back the rules count: what is read of a contact's past."""
    longest = max((campaign.after_conversation for campaign in policy.campaigns.values()), default=0)
    for rules in policy.rule_sets:
        for rule in rules.rules:
            match rule:
                case AttemptLimit(within=length) | Rest(lasting=length):
                    longest = max(longest, length)
    return longest


def all_reasons(world: World, about: About, now: Micros) -> Iterator[Refusal]:
    """Every check's first reason: for people who ask why."""
    return (found for check in CHECKS if (found := check(world, about, now)) is not None)


# ── the house's own ──────────────────────────────────────────────────────────────────────────


def _running(world: World, about: About, now: Micros) -> Refusal | None:
    campaign = world.outbound.campaigns.get(about.campaign.id)
    phase = CampaignPhase.STOPPED if campaign is None else campaign.phase
    if phase is CampaignPhase.RUNNING:
        return None
    return Refusal("campaign", f"the campaign {about.campaign.id} is {phase}")


def nobody(world: World, campaign: CampaignPolicy, now: Micros) -> str:
    """Why nobody at all may be called for the campaign now, whoever it is; empty: somebody may be."""
    if world.policy.dialing.stopped:
        return "dialling out is stopped (dialing: {stopped: true})"
    if EVERYWHERE not in world.outbound.do_not_call:
        return "the do-not-call list has not been read yet"
    calendar = world.policy.calendars.get(campaign.hours) if campaign.hours is not None else None
    refused = _closed(world, campaign, calendar, now) if calendar is not None else None
    refused = refused or _clock_wrong(world, now)
    return refused.why if refused is not None else ""


def _clock(world: World, about: About, now: Micros) -> Refusal | None:
    return _clock_wrong(world, now)


def _clock_wrong(world: World, now: Micros) -> Refusal | None:
    seen = world.outbound.clock
    if seen is None or now - seen.at > CLOCK_LIFE:
        return Refusal("clock", "this machine's clock has not been compared with the database's")
    if abs(seen.off) > MOST_OFF:
        off = abs(seen.off) / SECOND
        return Refusal("clock", f"this machine's clock is {off:.1f} s off the database's: hours cannot be kept")
    return None


def _house_hours(world: World, about: About, now: Micros) -> Refusal | None:
    name = about.campaign.hours
    if name is None:
        return None
    calendar = world.policy.calendars.get(name)
    if calendar is None:
        return Refusal("house_hours", f"there is no calendar {name} any more")
    return _closed(world, about.campaign, calendar, now)


def _closed(world: World, campaign: CampaignPolicy, calendar: Calendar, now: Micros) -> Refusal | None:
    """By a switch: nobody knows until when."""
    if is_open(calendar, now, world.switches):
        return None
    if (switch := shut_by(calendar.closed_while, world.switches)) is not None:
        return Refusal("house_hours", f"the campaign's hours ({campaign.hours}) are closed by the switch {switch}")
    until = next(starts(calendar, now, LOOK_AHEAD), None)
    return Refusal("house_hours", f"the campaign's hours ({campaign.hours}) are over", until=until)


def _fresh(world: World, about: About, now: Micros) -> Refusal | None:
    if now - about.contact.claimed <= CLAIM_LIFE:
        return None
    return Refusal("stale", "what is known of the contact is too old: it is read anew first", until=now)


def _barred(world: World, about: About, now: Micros) -> Refusal | None:
    contact, number = about.contact, about.number
    if number not in contact.numbers:
        return Refusal("not_theirs", f"{number.address} is none of the contact's numbers")
    if number.barred:
        return Refusal("barred", f"{number.address} is barred for this contact: {number.barred}")
    return None


def _exhausted(world: World, about: About, now: Micros) -> Refusal | None:
    contact, campaign = about.contact, about.campaign
    if contact.attempts >= campaign.most_per_contact:
        return Refusal("most_per_contact", f"{contact.attempts} attempts were made: the campaign's most for a contact")
    at = contact.numbers.index(about.number)
    tried = contact.per_number[at] if at < len(contact.per_number) else 0
    if tried >= campaign.most_per_number:
        return Refusal("most_per_number", f"{tried} attempts at this number: the campaign's most")
    return None


def _listed(world: World, about: About, now: Micros) -> Refusal | None:
    lists, digits = world.outbound.do_not_call, about.number.address.digits
    if EVERYWHERE not in lists:
        return Refusal("do_not_call_unread", "the do-not-call list has not been read yet")
    for scope, what in ((EVERYWHERE, "the house's"), (about.campaign.id, f"{about.campaign.id}'s")):
        numbers = lists.get(scope)
        if numbers is None:
            continue
        if numbers.holds_number(int(digits)):
            return Refusal("do_not_call", f"the number is on {what} do-not-call list")
        if (prefix := numbers.prefix_of(digits)) is not None:
            return Refusal("do_not_call", f"numbers that begin +{prefix} are on {what} do-not-call list")
    return None


def _in_the_way(world: World, about: About, now: Micros) -> Refusal | None:
    """Never in each other's way."""
    digits = about.number.address.digits
    if world.index.callers.get(digits):
        return Refusal("in_a_call", "somebody from this number is in a call with the house")
    busy = world.outbound.busy
    if number_key(digits) in busy or contact_key(about.contact.id) in busy:
        return Refusal("being_called", "the contact, or somebody at this number, is being called")
    promised = world.outbound.promised.get(digits)
    if about.number.promised or (promised is not None and promised != about.contact.id):
        return Refusal("promised", "a time to call was agreed with somebody else at this number")
    return None


def _after_conversation(world: World, about: About, now: Micros) -> Refusal | None:
    """Who has just talked with us about something else is left in peace. A time agreed in that talk is kept."""
    rest = about.campaign.after_conversation
    callback = about.contact.callback
    if not rest or (callback is not None and callback.at <= now):
        return None
    id_ = about.contact.id
    past = [p for p in _known(world, about, now, Per.NUMBER) if p.what is Happened.CONVERSATION]
    last = max((p.at for p in past if p.contact != id_), default=None)
    if last is None or last + rest <= now:
        return None
    return Refusal("conversation", "somebody at this number talked with an agent", until=last + rest)


def _house_consent(world: World, about: About, now: Micros) -> Refusal | None:
    scope = about.campaign.consent
    if not scope or _consented(world, about, now, scope, 0):
        return None
    return Refusal("consent", f"there is no consent on record for `{scope}`, as the campaign asks for")


def _shown(world: World, about: About, now: Micros) -> Refusal | None:
    """A number of the house's own, verified, and answered when it is called back; never withheld."""
    shown = about.caller_id
    if shown is None:
        return Refusal("caller_id", "no number would be shown")
    if all(own.number != shown for own in about.campaign.caller_ids):
        return Refusal("caller_id", f"{shown} is none of the campaign's verified numbers")
    if shown not in world.policy.entries:
        return Refusal("caller_id", f"{shown} would be shown, and nobody answers there (`numbers`)")
    return None


# ── the law's ────────────────────────────────────────────────────────────────────────────────


def _law(world: World, about: About, now: Micros) -> Refusal | None:
    countries = countries_of(about)
    if not countries:
        return Refusal("country", "nobody knows in which country the person is")
    timed = set()
    for rules in sets_for(world, about):
        for rule in rules.rules:
            if (refusal := _by_rule(world, about, now, rules, rule)) is not None:
                return refusal
            if isinstance(rule, CallingHours):
                timed.add(rules.country)
    for country in countries:
        if country not in timed:
            what = f"no hours for {about.campaign.kind} calls to {country}: no rule set of `rule_sets` says any"
            return Refusal("no_rules", f"there are {what}")
    return None


def countries_of(about: About) -> tuple[str, ...]:
    """Where the person may be: as the contact says, and as the number does."""
    return tuple(dict.fromkeys(c for c in (about.contact.country, about.number.country) if c))


def sets_for(world: World, about: About) -> list[RuleSet]:
    """The rule sets that hold: by who is called. Of somebody who may be of any state, those of all its states."""
    kind = about.campaign.kind
    states = {country: _states(about, country) for country in countries_of(about)}
    return [
        rules
        for rules in world.policy.rule_sets
        if (known := states.get(rules.country)) is not None
        and kind in rules.kinds
        and (not rules.states or not known or not rules.states.isdisjoint(known))
    ]


def _states(about: About, country: str) -> set[str]:
    """In which of the country's states the person may be, as far as contact and number say; none: in any."""
    contact, number = about.contact, about.number
    found = set(number.states) if number.country == country else set()
    if contact.state and contact.country in (country, ""):
        found.add(contact.state)
    return found


def _by_rule(world: World, about: About, now: Micros, rules: RuleSet, rule: object) -> Refusal | None:
    match rule:
        case CallingHours():
            return _calling_hours(world, about, now, rules, rule)
        case AttemptLimit():
            return _attempt_limit(world, about, now, rules, rule)
        case Rest():
            return _rest(world, about, now, rules, rule)
        case ConsentNeeded(id=name, scope=scope, max_age=age):
            if _consented(world, about, now, scope, age):
                return None
            return Refusal(name, f"there is no consent on record for `{scope}`", rules.version)
        case AbandonedLimit():
            return None  # it binds the pace, not one attempt
        case _:
            raise AssertionError(f"a rule that nobody judges by: {rule!r}")


def _calling_hours(world: World, about: About, now: Micros, rules: RuleSet, rule: CallingHours) -> Refusal | None:
    """By the zone that the contact states, else in all zones in which the number may be."""
    contact, number = about.contact, about.number
    if not contact.zone and contact.country and number.country and contact.country != number.country:
        why = f"the contact is said to be in {contact.country}, and the number is of {number.country}: state its zone"
        return Refusal("zone", why, rules.version)
    zones = (contact.zone,) if contact.zone else number.zones
    if not zones:
        return Refusal("zone", "nobody knows in which time zone the person is", rules.version)
    for zone in zones:
        offsets = world.outbound.zones.get(zone)
        if offsets is None:
            return Refusal("zone", f"the time zone {zone} is not known", rules.version)
        day, second = local(offsets, now)
        if day in rule.closed or not within(second, on(rule.week, day)):
            clock = f"{second // 3600:02}:{second // 60 % 60:02}"
            until = next_common(world, zones, rule, now)
            return Refusal(rule.id, f"it is {clock} in {zone}: out of the hours for calls", rules.version, until)
    return None


def next_common(world: World, zones: Iterable[str], rule: CallingHours, now: Micros) -> Micros | None:
    """When calls are next allowed in all of the zones; None: not within LOOK_AHEAD days."""
    closed: dict[int, tuple[tuple[int, int], ...]] = dict.fromkeys(rule.closed, ())
    places = [Calendar(world.outbound.zones[z], rule.week, closed, z) for z in zones if z in world.outbound.zones]
    openings = sorted(at for place in places for at in starts(place, now, LOOK_AHEAD))
    return next((at for at in openings if all(is_open(place, at, ()) for place in places)), None)


def _attempt_limit(world: World, about: About, now: Micros, rules: RuleSet, rule: AttemptLimit) -> Refusal | None:
    after = now - rule.within
    times = [
        past.at
        for past in _known(world, about, now, rule.per)
        if past.at > after and past.what is Happened.ATTEMPT and past.outcome is not AttemptOutcome.UNSENT
        if rule.undelivered or past.outcome not in UNDELIVERED
    ]
    if len(times) < rule.most:
        return None
    times.sort(reverse=True)
    why = f"{len(times)} attempts by {rule.per} since {_ago(now - times[-1])} ago; {rule.most} are the most"
    return Refusal(rule.id, why, rules.version, times[rule.most - 1] + rule.within)


def _rest(world: World, about: About, now: Micros, rules: RuleSet, rule: Rest) -> Refusal | None:
    last = max((p.at for p in _known(world, about, now, rule.per) if _is_after(p, rule.after)), default=None)
    if last is None or last + rule.lasting <= now:
        return None
    why = f"{rule.after} {_ago(now - last)} ago: a rest of {_ago(rule.lasting)} follows"
    return Refusal(rule.id, why, rules.version, last + rule.lasting)


def _is_after(past: Past, after: After) -> bool:
    match after:
        case After.CONVERSATION:
            return past.what is Happened.CONVERSATION
        case After.REFUSAL:
            return past.what is Happened.REFUSAL
        case After.ABANDONED:
            return past.outcome is AttemptOutcome.ABANDONED
        case After.MACHINE:
            return past.outcome is AttemptOutcome.MACHINE
        case _:
            assert_never(after)


def _consented(world: World, about: About, now: Micros, scope: str, max_age: Micros) -> bool:
    """Consent for this number and scope, not older than allowed, and not revoked since it was given."""
    number, scopes = about.number.address, (scope, ALL_SCOPES)
    past = [it for it in _known(world, about, now, Per.NUMBER) if it.scope in scopes]
    revoked = max((it.at for it in past if it.what is Happened.REVOKED), default=0)
    given = [it.at for it in past if it.what is Happened.CONSENTED]
    given += [it.given for it in about.contact.consents if it.number == number and it.scope in scopes]
    return any(revoked < at <= now and (not max_age or now < at + max_age) for at in given)


# ── the past ─────────────────────────────────────────────────────────────────────────────────


def _known(world: World, about: About, now: Micros, per: Per) -> Sequence[Past]:
    """What has happened: as it was when the contact was claimed, and since. Each thing once, as known last."""
    theirs = _theirs(about, per)
    past = [it for it in about.contact.past if theirs(it)]
    recent = world.outbound.recent
    if not len(recent):
        return past
    found = {(it.id, it.what): it for it in past}
    for key in _keys(about, per):
        found.update({(it.id, it.what): it for it in recent.of(key) if theirs(it)})
    return list(found.values())


def _keys(about: About, per: Per) -> list[str]:
    """Under which more of it may be remembered."""
    contact = about.contact
    if per is Per.NUMBER:
        return [number_key(about.number.address.digits)]
    found = [contact_key(contact.id), *(number_key(number.address.digits) for number in contact.numbers)]
    return [*found, debt_key(contact.debt)] if contact.debt else found


def _theirs(about: About, per: Per) -> Callable[[Past], bool]:
    """Whether a thing counts. One of no known contact (somebody called us) is theirs by any of their numbers."""
    contact = about.contact
    if per is Per.NUMBER:
        digits = about.number.address.digits
        return lambda it: it.number == digits
    numbers = {number.address.digits for number in contact.numbers}
    if per is Per.DEBT and contact.debt:
        debt = contact.debt
        return lambda it: it.debt == debt or (it.contact is None and it.number in numbers)
    id_ = contact.id
    return lambda it: it.contact == id_ or (it.contact is None and it.number in numbers)


def _ago(length: Micros) -> str:
    """A length of time for people: its two largest parts."""
    left, parts = max(0, length // SECOND), []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(islice(parts, 2)) or "0 s"


CHECKS: tuple[Check, ...] = (
    _running,
    _clock,
    _house_hours,
    _fresh,
    _barred,
    _exhausted,
    _listed,
    _in_the_way,
    _after_conversation,
    _house_consent,
    _shown,
    _law,
)
"""In the order in which they are held against an attempt: those that cost least, and rule out most, first."""
