"""The database's tables of people on lists, as the statements of `store/queries.sql` keep them: contacts and how they
stand, attempts, numbers that are not called. Where a statement lets something pass, so does this; but what is said
twice, or of nobody, is told."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import assert_never

from callctl.core.contacts import Consent, Contact, Number, Past
from callctl.core.events import DoNotCallLists
from callctl.core.ids import AgentId, AttemptId, CampaignId, ContactId, Micros
from callctl.core.law import AttemptOutcome
from callctl.core.ledger import (
    AttemptMade,
    AttemptOver,
    Barred,
    ConsentGiven,
    Entry,
    Listed,
    Planned,
    Promised,
    Remembered,
    Standing,
    TriedAgain,
    Withheld,
)
from callctl.core.outbound import Attempt

CLAIMED = "claimed"


@dataclass
class Row:
    """A contact."""

    contact: Contact
    standing: str = Standing.OPEN
    due: Micros = 0
    epoch: int = 0
    """Of who has claimed it."""


@dataclass
class ListTables:
    rows: dict[ContactId, Row] = field(default_factory=dict)
    made: dict[AttemptId, Attempt] = field(default_factory=dict)
    over: dict[AttemptId, AttemptOutcome] = field(default_factory=dict)
    past: list[Past] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
    barred: dict[str, str] = field(default_factory=dict)
    """Why, by digits."""
    do_not_call: dict[str, set[str]] = field(default_factory=dict)
    """Digits, by scope."""
    epoch: int = 0
    """Of the life that writes."""
    wrong: list[str] = field(default_factory=list)

    def add(self, contact: Contact) -> None:
        """Somebody is put on a list."""
        self.rows[contact.id] = Row(contact)

    def erase(self, contact: ContactId, digits: str) -> None:
        """Nothing of them is known any more, but that an attempt was made, and that they are not to be called."""
        self.rows.pop(contact, None)
        self.past = [it for it in self.past if it.number != digits]
        self.consents = [it for it in self.consents if it.number.digits != digits]

    # ── the ledger ───────────────────────────────────────────────────────────────────────────

    def take(self, entries: Iterable[Entry]) -> None:
        """What a batch says, in order."""
        for entry in entries:
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        match entry:
            case AttemptMade(attempt):
                self._made(replace(attempt))
            case AttemptOver():
                self._over(entry)
            case Planned():
                self._planned(entry)
            case Listed(scope, digits, _, _, _, off):
                numbers = self.do_not_call.setdefault(scope, set())
                (numbers.discard if off else numbers.add)(digits)
            case ConsentGiven(number, scope, at, how):
                self.consents.append(Consent(number, scope, at, how))
            case Remembered(past):
                self.past.append(past)
            case Barred(number, why):
                self.barred[number.digits] = why
            case Promised():
                self._promised(entry)
            case TriedAgain():
                self._again(entry)
            case Withheld():
                pass  # for people
            case _:
                assert_never(entry)

    def _made(self, attempt: Attempt) -> None:
        if attempt.id in self.made:
            self.wrong.append(f"attempt {attempt.id} is made twice")
        self.made[attempt.id] = attempt
        if (row := self.rows.get(attempt.contact)) is None:
            return
        contact, at = row.contact, attempt.at
        counts = [contact.per_number[n] if n < len(contact.per_number) else 0 for n in range(len(contact.numbers))]
        counts[at] += 1
        kept = contact.callback if contact.callback is not None and contact.callback.at > attempt.began else None
        row.contact = replace(contact, attempts=contact.attempts + 1, per_number=tuple(counts), callback=kept)

    def _over(self, entry: AttemptOver) -> None:
        if entry.attempt not in self.made:
            self.wrong.append(f"attempt {entry.attempt} is over, and was never made")
        if entry.attempt in self.over:
            self.wrong.append(f"attempt {entry.attempt} ends twice: {self.over[entry.attempt]}, then {entry.outcome}")
        self.over[entry.attempt] = entry.outcome
        if (row := self.rows.get(entry.contact)) is not None:
            counts = dict(row.contact.outcomes)
            counts[entry.outcome] = counts.get(entry.outcome, 0) + 1
            row.contact = replace(row.contact, outcomes=tuple(sorted(counts.items())))

    def _planned(self, entry: Planned) -> None:
        row = self.rows.get(entry.contact)
        if row is None or row.standing != CLAIMED or row.epoch > self.epoch:
            return
        back = row.contact.callback
        kept = entry.standing in (Standing.DONE, Standing.LATER) and back is not None and back.at > entry.decided
        row.standing, row.due, row.epoch = entry.standing, entry.due, 0
        if kept and back is not None:
            row.standing, row.due = Standing.LATER, back.at
        elif entry.standing is Standing.DONE:
            row.contact = replace(row.contact, callback=None)
        row.contact = replace(row.contact, next_number=entry.next_number)

    def _again(self, entry: TriedAgain) -> None:
        row = self.rows.get(entry.contact)
        if row is not None and row.standing == Standing.DONE:
            row.standing, row.due = Standing.LATER, entry.due
            row.contact = replace(row.contact, next_number=entry.next_number)

    def _promised(self, entry: Promised) -> None:
        """As for whom is on the campaign's list: others are not added here."""
        found = (row for row in self.rows.values() if _is(row, entry.campaign, entry.callback.number.digits))
        row = self.rows.get(entry.contact) if entry.contact is not None else next(found, None)
        if row is None:
            return
        row.contact = replace(row.contact, callback=entry.callback)
        if row.standing != CLAIMED:
            row.standing, row.due = Standing.LATER, entry.callback.at

    # ── the claim ────────────────────────────────────────────────────────────────────────────

    def claim(self, campaign: CampaignId, most: int, now: Micros, agents: Iterable[AgentId]) -> tuple[Contact, ...]:
        """At most so many who are due, the oldest first; ours from now on."""
        whose = set(agents)
        found = []
        for row in self.rows.values():
            if row.contact.campaign == campaign and row.standing == Standing.LATER and row.due <= now:
                row.standing = Standing.OPEN
            if row.contact.campaign == campaign and row.standing == Standing.OPEN and _may_have(row, now, whose):
                found.append(row)
        for row in found[:most]:
            row.standing, row.epoch = CLAIMED, self.epoch
        return tuple(self._read(row.contact, now) for row in found[:most])

    def _read(self, contact: Contact, now: Micros) -> Contact:
        numbers = tuple(self._number(it) for it in contact.numbers)
        digits = {it.address.digits for it in numbers}
        past = [it for it in self.past if it.number in digits or it.contact == contact.id]
        consents = [it for it in self.consents if it.number.digits in digits]
        return replace(contact, numbers=numbers, past=tuple(past), consents=tuple(consents), claimed=now)

    def _number(self, number: Number) -> Number:
        return replace(number, barred=self.barred.get(number.address.digits, number.barred))

    def release(self, epoch: int) -> None:
        """Of lives before this one: who was not being called is anybody's again."""
        self.epoch = epoch
        being_called = {it.contact for it in self.made.values() if it.id not in self.over}
        for row in self.rows.values():
            if row.standing == CLAIMED and row.epoch != epoch and row.contact.id not in being_called:
                row.standing, row.epoch = Standing.OPEN, 0

    def lists(self) -> DoNotCallLists:
        """As they are stored."""
        return DoNotCallLists(
            {scope: array("Q", sorted(map(int, found))) for scope, found in self.do_not_call.items()}, {}
        )

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    def left(self) -> Iterator[str]:
        """What should have ended."""
        yield from (f"attempt {it} has no end in the ledger" for it in self.made if it not in self.over)
        yield from (
            f"contact {row.contact.id} is claimed for ever" for row in self.rows.values() if row.standing == CLAIMED
        )


def _is(row: Row, campaign: CampaignId, digits: str) -> bool:
    return row.contact.campaign == campaign and any(it.address.digits == digits for it in row.contact.numbers)


def _may_have(row: Row, now: Micros, agents: set[AgentId]) -> bool:
    back = row.contact.callback
    if back is None:
        return True
    return back.at <= now and (back.agent is None or back.theirs_until <= now or back.agent in agents)
