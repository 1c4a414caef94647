"""An attempt's life, from the claim of a contact to its end: who may be tried, what is remembered of it, what is next.

No line is taken here: an attempt is a promise, stored first, that a line may be.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from callctl.core import compliance, trunking
from callctl.core.addresses import E164
from callctl.core.campaigns import CampaignPhase, CampaignPolicy, NextNumber, Retry
from callctl.core.contacts import Contact, Happened, Past
from callctl.core.events import ContactsClaimed
from callctl.core.facts import AttemptBegan, AttemptEnded, AttemptRefused
from callctl.core.ids import SECOND, AttemptId, CallId, ContactId, Micros, TrunkId
from callctl.core.judgement import About, Refusal, judge
from callctl.core.law import AttemptOutcome
from callctl.core.ledger import AttemptMade, AttemptOver, Barred, Planned, Remembered, Standing, Withheld
from callctl.core.model import Call, Outcome
from callctl.core.outbound import Attempt, Outbound, contact_key, number_key
from callctl.core.permits import Permit
from callctl.core.policy import OutsideNumber
from callctl.core.turn import Turn

LONGEST_DELAY: Micros = 365 * 86_400 * SECOND
DRY: Micros = 5 * SECOND
"""Where nobody was due, nobody is asked for so long."""
LOOK_AGAIN: Micros = 3600 * SECOND
"""A contact that may not be called, and nobody can say from when on, is looked at again after so long."""


def claimed(turn: Turn, event: ContactsClaimed) -> None:
    """Contacts were read for us. Who is claimed already stays as known: the database may not know our last word."""
    out = turn.world.outbound
    out.zones.update(event.zones)
    campaign = out.campaigns.get(event.campaign)
    out.claiming.pop(event.campaign, None)
    turn.paced.add(event.campaign)
    if not event.contacts:
        out.dry[event.campaign] = turn.now + DRY
    wanted = campaign is not None and campaign.phase is not CampaignPhase.STOPPED
    for contact in event.contacts:
        if contact.id in out.contacts:
            continue
        out.contacts[contact.id] = replace(contact, claimed=min(contact.claimed, turn.now))
        if wanted:
            out.ready.setdefault(event.campaign, deque()).append(contact.id)
        else:  # it was stopped meanwhile
            let_go(turn, Planned(contact.id, Standing.OPEN, turn.now, contact.next_number, "the campaign was stopped"))


def begin(
    turn: Turn, contact: Contact, at: int, to: OutsideNumber, caller_id: E164 | None
) -> tuple[Attempt, Permit] | None:
    """An attempt at the contact's number `at`, if the gate lets it pass. Else the contact is let go until it may be
    otherwise, and None."""
    world = turn.world
    campaign = world.policy.campaigns[contact.campaign]
    number = contact.numbers[at]
    about = About(contact, number, campaign, caller_id)
    verdict = compliance.ask_campaign(turn, to, about)
    if verdict.permit is None or caller_id is None:
        _refused(turn, about, at, Refusal(verdict.rule, verdict.why, verdict.version, verdict.until))
        return None
    attempt = Attempt(
        id=AttemptId(world.ids.ulid(turn.now)),
        campaign=campaign.id,
        contact=contact.id,
        number=number.address,
        trunk=TrunkId(to.trunk),
        caller_id=caller_id,
        began=turn.now,
        debt=contact.debt,
        rules=verdict.kept,
        at=at,
    )
    begun(world.outbound, attempt)
    remember(turn, _past(attempt, None))
    counts = [contact.per_number[n] if n < len(contact.per_number) else 0 for n in range(len(contact.numbers))]
    counts[at] += 1
    world.outbound.contacts[contact.id] = replace(contact, attempts=contact.attempts + 1, per_number=tuple(counts))
    turn.attempts.add(attempt.id)
    turn.enter(AttemptMade(attempt))
    turn.tell(AttemptBegan(attempt.id, campaign.id, contact.id, attempt.number, verdict.kept))
    return attempt, verdict.permit


def may_be_tried(turn: Turn, contact: Contact, caller_id: E164 | None) -> bool:
    """Whether the contact may be called now, as far as the house and the law have a say. If not, it is let go."""
    campaign = turn.world.policy.campaigns[contact.campaign]
    about = About(contact, contact.numbers[contact.next_number], campaign, caller_id)
    refusal = judge(turn.world, about, turn.now)
    if refusal is not None:
        _refused(turn, about, contact.next_number, refusal)
    return refusal is None


def begun(out: Outbound, attempt: Attempt) -> None:
    """Nobody else calls the contact, or the number, meanwhile."""
    out.attempts[attempt.id] = attempt
    out.busy[number_key(attempt.number.digits)] = attempt.id
    out.busy[contact_key(attempt.contact)] = attempt.id


def over(turn: Turn, call: Call) -> None:
    """The call that an attempt was is over, and so is the attempt."""
    attempt = turn.world.outbound.attempts.get(call.attempt) if call.attempt is not None else None
    if attempt is not None:
        end(turn, attempt, result_of(call), call.id, talked_with=call.story.connected is not None)


def result_of(call: Call) -> AttemptOutcome:
    """What an attempt came to, by its call's story."""
    story = call.story
    if story.connected is not None:
        return AttemptOutcome.ANSWERED
    if story.harboured is not None:
        return AttemptOutcome.ABANDONED
    match story.outcome:
        case Outcome.NOT_REACHED if story.unsent:
            return AttemptOutcome.UNSENT
        case Outcome.NOT_REACHED:
            return trunking.outcome_of(story.cause, story.sip, rang=story.rang is not None)
        case Outcome.MACHINE:
            return AttemptOutcome.MACHINE
        case Outcome.HUNG_UP:
            return AttemptOutcome.HUNG_UP
        case Outcome.PBX_LOST:
            return AttemptOutcome.UNKNOWN
        case Outcome.LEFT_FOR_FALLBACK | Outcome.FAILED:
            return AttemptOutcome.ABANDONED  # the dialplan has told the person that nobody is there
        case Outcome.ABANDONED if not story.queues:
            return AttemptOutcome.ABANDONED
        case _:
            return AttemptOutcome.ANSWERED  # heard the message that a broadcast is


def end(
    turn: Turn, attempt: Attempt, outcome: AttemptOutcome, call: CallId | None = None, *, talked_with: bool = True
) -> None:
    """The attempt is over: remembered, and the contact let go until it is tried next. `talked_with`: by an agent, of
    one that was answered."""
    out = turn.world.outbound
    del out.attempts[attempt.id]
    out.busy.pop(number_key(attempt.number.digits), None)
    out.busy.pop(contact_key(attempt.contact), None)
    remember(turn, _past(attempt, outcome))
    if outcome is AttemptOutcome.ANSWERED and talked_with:
        talked(turn, str(call or attempt.id), attempt.number, attempt.contact, attempt.debt)
    turn.attempts.add(attempt.id)
    turn.enter(AttemptOver(attempt.id, attempt.contact, attempt.number, outcome, turn.now, call))
    contact = out.contacts.get(attempt.contact)
    plan = _plan(turn, attempt, outcome, contact)
    let_go(turn, plan)
    turn.tell(AttemptEnded(attempt.id, attempt.campaign, attempt.contact, outcome, plan.due))


def let_go(turn: Turn, plan: Planned) -> None:
    """The contact is nobody's again, with a plan."""
    turn.world.outbound.contacts.pop(plan.contact, None)
    turn.enter(replace(plan, decided=turn.now))


def _past(attempt: Attempt, outcome: AttemptOutcome | None) -> Past:
    digits = attempt.number.digits
    return Past(attempt.id, attempt.began, Happened.ATTEMPT, digits, attempt.contact, attempt.debt, outcome)


def _refused(turn: Turn, about: About, at: int, refusal: Refusal) -> None:
    contact, now = about.contact, turn.now
    number = about.number.address
    args = (contact.campaign, contact.id, number, refusal.rule, refusal.version, refusal.why, refusal.until)
    turn.enter(Withheld(now, *args))
    turn.tell(AttemptRefused(*args))
    let_go(turn, _looked_at(turn, about, at, refusal))


def _looked_at(turn: Turn, about: About, at: int, refusal: Refusal) -> Planned:
    """When and where the contact is tried after a refusal: at once at another number that may be called, else when one
    of them may be otherwise; never, where no passing of time changes anything."""
    contact, now = about.contact, turn.now
    if refusal.rule == "most_per_contact":
        return Planned(contact.id, Standing.DONE, now, at, refusal.why)
    found = {at: refusal}
    for n in (*range(at + 1, len(contact.numbers)), *range(at)):
        other = judge(turn.world, replace(about, number=contact.numbers[n]), now)
        if other is None:
            return Planned(contact.id, Standing.OPEN, now, n, refusal.why)
        found[n] = other
    waits = {n: it.until or now + LOOK_AGAIN for n, it in found.items() if it.rule not in FOR_GOOD}
    if not waits:
        return Planned(contact.id, Standing.DONE, now, at, refusal.why)
    first = min(waits, key=lambda n: (waits[n], (n - at) % len(contact.numbers)))
    due = max(waits[first], now + SECOND)
    return Planned(contact.id, Standing.LATER, due, first, found[first].why)


FOR_GOOD = frozenset({"barred", "do_not_call", "most_per_number", "not_theirs", "not_allowed", "refused", "premium"})
"""Refusals of a number that no passing of time ends."""


def _callable(contact: Contact) -> list[int]:
    return [n for n, number in enumerate(contact.numbers) if not number.barred]


# ── what comes next ──────────────────────────────────────────────────────────────────────────


def _plan(turn: Turn, attempt: Attempt, outcome: AttemptOutcome, contact: Contact | None) -> Planned:
    """Of a contact that an earlier life had claimed no more is known than the attempt: it counts as the first."""
    whom, at, now = attempt.contact, attempt.at, turn.now
    if outcome is AttemptOutcome.UNKNOWN:
        return Planned(whom, Standing.UNKNOWN, now, at, "the attempt was cut off: nobody knows how it ended")
    if outcome is AttemptOutcome.UNSENT:
        return Planned(whom, Standing.LATER, now + DRY, at, "no call was made: the database did not take it in time")
    if outcome is AttemptOutcome.ANSWERED:
        return Planned(whom, Standing.DONE, now, at, "was reached")
    campaign = turn.world.policy.campaigns.get(attempt.campaign)
    retry = campaign.retries.get(outcome) if campaign is not None else None
    if campaign is None or retry is None:
        return Planned(whom, Standing.DONE, now, at, f"{outcome}: not tried again")
    if contact is None:
        return Planned(whom, Standing.LATER, now + delay(retry, 1), at, f"{outcome}: tried again")
    return after(contact, at, outcome, retry, campaign, now)


def after(
    contact: Contact, at: int, outcome: AttemptOutcome, retry: Retry, campaign: CampaignPolicy, now: Micros
) -> Planned:
    """When and where a contact is tried after this outcome, which is its newest."""
    times = dict(contact.outcomes).get(outcome, 0) + 1
    if times >= retry.most:
        return Planned(contact.id, Standing.DONE, now, at, f"{outcome} {times} times: the most that is tried")
    if contact.attempts >= campaign.most_per_contact:
        return Planned(contact.id, Standing.DONE, now, at, f"{contact.attempts} attempts: the campaign's most")
    following = _next(contact, at, retry, outcome)
    if following is None:
        return Planned(contact.id, Standing.DONE, now, at, f"{outcome}: none of the numbers is left")
    due = now + delay(retry, times)
    return Planned(contact.id, Standing.LATER, due, following, f"{outcome}: tried again")


def delay(retry: Retry, times: int) -> Micros:
    """How long after the `times`-th end of this kind the next attempt is: `delay` × (growth/100)^(times − 1)."""
    length = retry.delay
    for _ in range(times - 1):
        length = length * retry.growth // 100
        if length >= LONGEST_DELAY:
            return LONGEST_DELAY
    return length


def _next(contact: Contact, at: int, retry: Retry, outcome: AttemptOutcome) -> int | None:
    """The number that is tried next; one that does not exist is not tried again."""
    ways = [n for n in _callable(contact) if not (outcome is AttemptOutcome.INVALID and n == at)]
    if not ways:
        return None
    if retry.number is NextNumber.SAME and at in ways:
        return at
    return next((n for n in ways if n > at), ways[0])


# ── what is remembered ───────────────────────────────────────────────────────────────────────


def remember(turn: Turn, past: Past) -> None:
    """It counts for who is claimed already, too."""
    turn.world.outbound.recent.add(past, turn.now)


def talked(turn: Turn, of: str, number: E164, contact: ContactId | None = None, debt: str = "") -> None:
    """An agent talked with somebody at this number."""
    past = Past(of, turn.now, Happened.CONVERSATION, number.digits, contact, debt)
    remember(turn, past)
    turn.enter(Remembered(past, "talked with an agent"))


def bar(turn: Turn, number: E164, contact: ContactId | None, why: str) -> None:
    """The number is not this person's: not for any claim either."""
    turn.enter(Barred(number, why, contact))
    out = turn.world.outbound
    for one in list(out.contacts.values()):
        if any(it.address == number for it in one.numbers):
            numbers = tuple(replace(it, barred=why) if it.address == number else it for it in one.numbers)
            out.contacts[one.id] = replace(one, numbers=numbers)
