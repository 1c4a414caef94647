"""What the API may see and ask about campaigns and the people on their lists."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from callctl.api.ports import Stored, UnavailableError
from callctl.core.addresses import E164
from callctl.core.campaigns import CampaignPhase, CampaignPolicy, fits
from callctl.core.compliance import may_dial
from callctl.core.contacts import Callback, Contact, Number
from callctl.core.events import Event, PersonErased
from callctl.core.facts import DoNotCallRead
from callctl.core.hours import Offsets
from callctl.core.ids import SECOND, CampaignId, ContactId, Micros, NodeId
from callctl.core.judgement import About, all_reasons, horizon
from callctl.core.law import AbandonedLimit, AttemptOutcome, RuleSet
from callctl.core.model import World
from callctl.core.outbound import Campaign, number_key
from callctl.core.permits import Purpose, Verdict
from callctl.core.policy import Policy
from callctl.numbers import outside
from callctl.outbound import Outbound
from callctl.runtime import live
from callctl.runtime.masking import Masking
from callctl.runtime.views import Plain, iso, iso_or_none
from callctl.store import cdr, contacts, person, reports
from callctl.store.contacts import Listed, Wanted
from callctl.store.errors import StoreError
from callctl.store.pool import Pool
from callctl.zones import offsets_for

DAY: Micros = 86_400 * SECOND
_T = TypeVar("_T")


class PeopleDesk:
    """Fulfils `api.ports.People`."""

    def __init__(
        self,
        world: Callable[[], World],
        now: Callable[[], Micros],
        pool: Callable[[], Pool],
        out: Callable[[], Outbound],
        ask: Callable[[Event], Awaitable[object]],
        all_stored: Callable[[], Awaitable[None]],
        forget_files: Callable[[Iterable[str]], int],
        tallies: Callable[[], Mapping[CampaignId, live.Tally]],
    ) -> None:
        """`all_stored`: waits until the database knows all that was decided; UnavailableError: it does not come to that
        now. `forget_files`: removes what the state folder holds of somebody; how many files. `tallies`: how far
        campaigns have come, as last counted."""
        self._world = world
        self._now = now
        self._pool = pool
        self._out = out
        self._ask = ask
        self._all_stored = all_stored
        self._forget_files = forget_files
        self._tallies = tallies

    async def read_lists(self) -> DoNotCallRead:
        """The do-not-call lists, read anew."""
        return await _answered(self._out().read_lists())

    # ── campaigns ────────────────────────────────────────────────────────────────────────────

    async def campaigns(self) -> list[Plain]:
        """Every campaign of the configuration, with its contacts by standing and its attempts of 24 hours."""
        world = self._world()
        counts = await _answered(reports.counts(self._pool(), self._now() - DAY))
        return [_campaign(world, policy, counts.get(policy.id)) for policy in world.policy.campaigns.values()]

    async def campaign(self, name: CampaignId) -> Plain:
        """One, with what the gate refused it within 30 days."""
        world, now = self._world(), self._now()
        counts = await _answered(reports.counts(self._pool(), now - DAY))
        refused = await _answered(reports.refusals(self._pool(), name, now - 30 * DAY))
        nowhere = await _answered(reports.nowhere(self._pool(), name))
        body = _campaign(world, world.policy.campaigns[name], counts.get(name))
        return {**body, "refusals": refused, "without_zone": nowhere}

    def live(self, name: CampaignId) -> Plain:
        """One while it runs: its agents, calls, lines, pace and budget; how far it has come, as last counted."""
        tally = self._tallies().get(name)
        now = live.campaign(self._world(), name, self._now())
        return {**now, "tally": None if tally is None else live.tally(tally)}

    async def decided(self, name: CampaignId, limit: int) -> Sequence[Stored]:
        """What was decided for one within a week, and that its trunks were left alone: the newest, in order."""
        trunks, since = self._world().policy.campaigns[name].trunks, self._now() - 7 * DAY
        return await _answered(cdr.campaign_events(self._pool(), name, trunks, since, limit))

    async def compliance(self, name: CampaignId, masking: Masking, rows: bool) -> Plain:
        """The abandoned rate as each rule set counts it, window by window; with `rows` the attempts themselves."""
        world = self._world()
        policy, known = world.policy.campaigns[name], world.outbound.campaigns.get(name)
        body: Plain = {"campaign": name, "began": iso_or_none(known.began or None if known else None), "limits": []}
        for rules, limit in _limits(world, policy):
            if known is None or not known.began:
                break
            args = (self._pool(), name, known.began, rules.id)
            windows = await _answered(reports.abandoned(*args, limit.window))
            said = _limit(rules, limit)
            said["windows"] = [_window(it, limit, known.mistaken) for it in windows]
            if rows:
                found = await _answered(reports.abandoned_rows(*args))
                said["rows"] = [{**row, "number": _masked(row["number"], masking)} for row in found]
            body["limits"].append(said)
        body["refusals"] = await _answered(reports.refusals(self._pool(), name, 0))
        return body

    async def recycle(self, name: CampaignId, of: Collection[AttemptOutcome], dry: bool) -> int:
        """Take up again who is done with and ended so; how many."""
        return await _answered(reports.recycle(self._pool(), name, of, dry))

    async def listed(self, number: E164) -> list[Plain]:
        """By which entries of the lists a number is not called."""
        return await _answered(reports.listed(self._pool(), number))

    # ── a person ─────────────────────────────────────────────────────────────────────────────

    async def person(self, number: E164) -> Plain:
        """Everything that is stored about whoever has this number, unmasked: it is theirs."""
        plain, pool = Masking(unmask=True), self._pool()
        who = await _answered(person.person_of(pool, number))
        policy = self._world().policy
        found = [await self._found(Wanted(id=contact), policy, plain) for contact in who.contacts]
        return {
            "numbers": [str(it) for it in who.numbers],
            "contacts": [it for one in found for it in one],
            "calls": await _answered(person.calls(pool, who)),
            "rows": await _answered(person.rows(pool, who)),
        }

    async def erase(self, number: E164, forget: bool) -> Plain:
        """Everything about whoever has this number goes. That they are not to be called stays, unless `forget`."""
        who = await _answered(person.person_of(self._pool(), number))
        self._refuse_in_call(who.numbers)
        await self._all_stored()
        await _answered(person.erase(self._pool(), who, forget))
        await self._ask(PersonErased(who.numbers, who.contacts, forget))
        files = self._forget_files(it.digits for it in who.numbers)
        return {"numbers": len(who.numbers), "contacts": len(who.contacts), "files": files}

    def _refuse_in_call(self, numbers: Iterable[E164]) -> None:
        """What the World knows may not be in any row yet."""
        world = self._world()
        for number in numbers:
            if world.index.callers.get(number.digits) or number_key(number.digits) in world.outbound.busy:
                raise UnavailableError("they are in a call, or being called: try again when it is over")

    # ── a contact ────────────────────────────────────────────────────────────────────────────

    async def explain(self, said: str, number: E164 | None, masking: Masking) -> list[Plain]:
        """Contacts by their number here, a telephone number, or the house's own name: how each stands, whether it may
        be called now and why not, and all that was done and refused. Where one word means several, all of them."""
        policy = self._world().policy
        by_id = ContactId(int(said)) if re.fullmatch("[0-9]{1,15}", said, re.ASCII) else None
        return await self._found(Wanted(number, said, by_id), policy, masking)

    async def _found(self, wanted: Wanted, policy: Policy, masking: Masking) -> list[Plain]:
        now, back = self._now(), horizon(policy)
        found = await _answered(contacts.at(self._pool(), wanted, policy.campaigns, now, back))
        tables = await asyncio.to_thread(offsets_for, [it.contact for it in found])
        return [await self._explained(it, tables, masking) for it in found]

    async def customer(self, name: ContactId, masking: Masking) -> Plain | None:
        """A contact, for the agent who is to talk with them; None: there is none any more. With the database away: what
        the World knows, without key and fields."""
        known = self._world().outbound.contacts.get(name)
        try:
            found = await contacts.one(self._pool(), name, self._now(), 0)
        except StoreError:
            found = None
        if found is not None:
            return {**_customer(known or found.contact, masking), **_of_list(found, masking)}
        return None if known is None else {**_customer(known, masking), "key": None, "fields": None}

    async def _explained(self, it: Listed, zones: Mapping[str, Offsets], masking: Masking) -> Plain:
        past = await _answered(
            reports.history(self._pool(), it.contact.id, [n.address.digits for n in it.contact.numbers])
        )
        for kind in past.values():
            for row in kind:
                row["number"] = _masked(row["number"], masking)
        world = _knowing(self._world(), zones)
        return {
            **_listed(it, masking),
            "fits": _fits(world, it),
            "numbers": [self._number(world, it.contact, number, masking) for number in it.contact.numbers],
            **past,
        }

    def _number(self, world: World, contact: Contact, number: Number, masking: Masking) -> Plain:
        verdicts = list(self._verdicts(world, contact, number))
        return {
            "number": masking.address(number.address),
            "kind": number.kind,
            "country": number.country,
            "zones": list(number.zones),
            "states": list(number.states),
            "barred": number.barred,
            "may_be_called": verdicts[0].permit is not None,
            "kept": list(verdicts[0].kept),
            "reasons": [
                {"rule": v.rule, "version": v.version, "why": masking.text(v.why), "until": iso_or_none(v.until)}
                for v in verdicts
                if v.permit is None
            ],
        }

    def _verdicts(self, world: World, contact: Contact, number: Number) -> Iterator[Verdict]:
        """The gate's verdict now; then, where it refuses, every other reason."""
        now = self._now()
        policy = world.policy.campaigns.get(contact.campaign)
        if policy is None:
            yield Verdict(None, "campaign", f"there is no campaign {contact.campaign} any more")
            return
        trunk = next((world.policy.trunks[t] for t in policy.trunks if t in world.policy.trunks), None)
        if trunk is None:
            yield Verdict(None, "trunk", f"the campaign {policy.id} has no trunk")
            return
        shown = policy.caller_ids[0].number if policy.caller_ids else None
        about = About(contact, number, policy, shown)
        to = outside(number.address, trunk.id, trunk.numbers)
        verdict = may_dial(world, Purpose.CAMPAIGN, to, NodeId(trunk.node), now, about)
        yield verdict
        if verdict.permit is None:
            for more in all_reasons(world, about, now):
                if more.rule != verdict.rule:
                    yield Verdict(None, more.rule, more.why, more.version, more.until)


def _knowing(world: World, zones: Mapping[str, Offsets]) -> World:
    """The World as it is, with the time zones of people who are not claimed: for a look, and no step's."""
    return replace(world, outbound=replace(world.outbound, zones={**world.outbound.zones, **zones}))


async def _answered(asked: Awaitable[_T]) -> _T:
    try:
        return await asked
    except StoreError as error:
        raise UnavailableError(str(error)) from error


# ── as JSON ──────────────────────────────────────────────────────────────────────────────────────


def _campaign(world: World, policy: CampaignPolicy, counts: reports.Counts | None) -> Plain:
    known = world.outbound.campaigns.get(policy.id) or Campaign(policy.id, CampaignPhase.STOPPED)
    claimed = sum(contact.campaign == policy.id for contact in world.outbound.contacts.values())
    return {
        "id": policy.id,
        "kind": policy.kind.value,
        "mode": policy.mode.value,
        "queue": policy.queue,
        "phase": known.phase.value,
        "since": iso_or_none(known.since or None),
        "by": known.by,
        "began": iso_or_none(known.began or None),
        "contacts": dict(counts.contacts) if counts is not None else {},
        "promised": counts.promised if counts is not None else 0,
        "claimed": claimed,
        "attempts_24h": dict(counts.attempts) if counts is not None else {},
        "order": policy.order.value,
        "caller_ids": [str(own.number) for own in policy.caller_ids],
    }


def _limits(world: World, policy: CampaignPolicy) -> Iterator[tuple[RuleSet, AbandonedLimit]]:
    for rules in world.policy.rule_sets:
        if policy.kind in rules.kinds:
            for rule in rules.rules:
                if isinstance(rule, AbandonedLimit):
                    yield rules, rule


def _limit(rules: RuleSet, limit: AbandonedLimit) -> Plain:
    return {
        "rule": limit.id,
        "version": rules.version,
        "source": limit.source,
        "verified": limit.verified,
        "most_percent": limit.most / 1000,
        "window_days": limit.window / DAY,
        "false_positives_count": limit.machines_count,
    }


def _window(it: reports.Window, limit: AbandonedLimit, mistaken: float | None) -> Plain:
    """`mistaken`: the share of those turned away as machines who were people, as the sample tells; None: not known."""
    false = it.turned_away * mistaken if mistaken is not None else None
    counted = (false or 0.0) if limit.machines_count else 0.0
    lost, people = it.abandoned + counted, it.live + counted
    return {
        "begins": iso(it.begins),
        "ends": iso(it.ends),
        "answered_by_a_person": it.live,
        "abandoned": it.abandoned,
        "taken_for_machines": it.turned_away,
        "false_positives": None if false is None else round(false, 1),
        "percent": round(100 * lost / people, 3) if people else 0.0,
        "kept": lost * 100_000 <= limit.most * people,
    }


def _listed(it: Listed, masking: Masking) -> Plain:
    contact = it.contact
    return {
        "id": contact.id,
        "campaign": contact.campaign,
        "key": it.key,
        "name": masking.text(contact.name),
        "country": contact.country,
        "state": contact.state,
        "zone": contact.zone,
        "debt": contact.debt,
        "priority": it.priority,
        "standing": it.standing,
        "why": masking.text(it.why),
        "due": iso(it.due),
        "fields": _fields(it, masking),
        "attempt_count": contact.attempts,
        "outcomes": {outcome.value: count for outcome, count in contact.outcomes},
        "last_attempt": iso_or_none(it.last_attempt),
        "entered": iso(it.entered),
        "callback": _callback(contact.callback, masking),
    }


def _customer(contact: Contact, masking: Masking) -> Plain:
    at = contact.next_number if contact.next_number < len(contact.numbers) else 0
    return {
        "id": contact.id,
        "campaign": contact.campaign,
        "name": masking.text(contact.name),
        "number": masking.address(contact.numbers[at].address) if contact.numbers else None,
        "numbers": [{"number": masking.address(it.address), "kind": it.kind} for it in contact.numbers],
        "country": contact.country,
        "state": contact.state,
        "zone": contact.zone,
        "attempts": contact.attempts,
        "outcomes": {outcome.value: count for outcome, count in contact.outcomes},
        "callback": _callback(contact.callback, masking),
    }


def _of_list(it: Listed, masking: Masking) -> Plain:
    return {"key": it.key, "fields": _fields(it, masking)}


def _fields(it: Listed, masking: Masking) -> Plain:
    return {name: masking.text(value) if isinstance(value, str) else value for name, value in it.fields.items()}


def _callback(back: Callback | None, masking: Masking) -> Plain | None:
    if back is None:
        return None
    return {
        "at": iso(back.at),
        "number": masking.address(back.number),
        "agent": back.agent,
        "theirs_until": iso_or_none(back.theirs_until or None),
        "note": masking.text(back.note),
    }


def _fits(world: World, it: Listed) -> bool | None:
    """Whether the campaign's filters let the contact be claimed; None: there is no such campaign any more."""
    policy = world.policy.campaigns.get(it.contact.campaign)
    return None if policy is None else all(fits(one, it.fields) for one in policy.filters)


def _masked(number: str | None, masking: Masking) -> str | None:
    return None if number is None else masking.text(number)
