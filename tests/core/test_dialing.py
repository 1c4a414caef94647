"""Whatever happens, nobody is called who must not be: a second reading of the rules, by the wall clock and from the
whole story, says before each attempt whether it may be, and the gate must say the same.

The database is a list of the ledger's entries. It knows each a moment later than the core; a kill forgets what it does
not know yet, and who is claimed is read from it."""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest

from callctl.core import dialing, engine
from callctl.core.addresses import E164
from callctl.core.campaigns import RETRIES, CallerId, CampaignPhase, CampaignPolicy, NextNumber, Retry
from callctl.core.contacts import Consent, Contact, Happened, Number, Past
from callctl.core.events import (
    CampaignAsked,
    CampaignWish,
    ClockCompared,
    ConsentAsked,
    ContactsClaimed,
    DoNotCallAsked,
    DoNotCallLists,
    Event,
)
from callctl.core.ids import SECOND, AttemptId, CampaignId, ContactId, IdSource, Micros, RuleSetId
from callctl.core.law import (
    UNDELIVERED,
    After,
    AttemptLimit,
    AttemptOutcome,
    CallingHours,
    CallKind,
    ConsentNeeded,
    Per,
    Rest,
    RuleSet,
)
from callctl.core.ledger import (
    AttemptMade,
    AttemptOver,
    ConsentGiven,
    Entry,
    Listed,
    Planned,
    Remembered,
    Standing,
    Withheld,
)
from callctl.core.model import World
from callctl.core.numberset import NumberSet
from callctl.core.outbound import Attempt, Campaign
from callctl.core.policy import DialingRules, HangUp, OutsideNumber, Policy
from callctl.core.turn import Turn
from callctl.zones import offsets_of
from tests.core.outbound import NODE, OWN, TRUNK, at

pytestmark = pytest.mark.core

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
SALES, DEBT = CampaignId("sales"), CampaignId("debt")
EASTERN, CENTRAL = "America/New_York", "America/Chicago"
BEGIN = at(EASTERN, 2026, 10, 29, 9)
"""Some days before the clock is put back."""
ONE, TWO, THREE = (E164(f"1502555010{n}") for n in range(3))


def number(address: E164, *zones: str) -> Number:
    return Number(address, country="US", zones=zones, states=("KY",))


LIST = {
    ContactId(1): Contact(ContactId(1), SALES, (number(ONE, EASTERN, CENTRAL), number(TWO, EASTERN)), zone=""),
    ContactId(2): Contact(ContactId(2), DEBT, (number(TWO, EASTERN),), debt="loan"),
    ContactId(3): Contact(ContactId(3), DEBT, (number(THREE, CENTRAL), number(TWO, EASTERN)), debt="loan"),
    ContactId(4): Contact(ContactId(4), SALES, (number(THREE, CENTRAL),), zone="America/Los_Angeles"),
}
"""Numbers are shared between contacts, and a debt between two."""
SETS = (
    RuleSet(
        RuleSetId("us-sales"),
        "1",
        "US",
        kinds=frozenset({CallKind.SALES}),
        rules=(
            CallingHours("us-sales.hours", (((8 * 3600, 21 * 3600),),) * 7, frozenset({20_760})),
            AttemptLimit("us-sales.limit", 3, 24 * HOUR, Per.CONTACT),
            ConsentNeeded("us-sales.consent", "sales", 3 * 24 * HOUR),
            Rest("us-sales.abandoned", After.ABANDONED, 72 * HOUR, Per.NUMBER),
        ),
    ),
    RuleSet(
        RuleSetId("us-debt"),
        "1",
        "US",
        kinds=frozenset({CallKind.DEBT}),
        rules=(
            CallingHours("us-debt.hours", (((8 * 3600, 21 * 3600),),) * 7),
            AttemptLimit("us-debt.limit", 2, 7 * 24 * HOUR, Per.DEBT, undelivered=False),
            Rest("us-debt.talk", After.CONVERSATION, 7 * 24 * HOUR, Per.DEBT),
        ),
    ),
)


def policy() -> Policy:
    own = (CallerId(OWN, "ours"),)
    quick = {outcome: replace(retry, delay=10 * MINUTE, most=50) for outcome, retry in RETRIES.items()}
    campaigns = {
        name: CampaignPolicy(
            name, kind, trunks=(TRUNK.id,), caller_ids=own, retries=quick, most_per_number=40, most_per_contact=60
        )
        for name, kind in ((SALES, CallKind.SALES), (DEBT, CallKind.DEBT))
    }
    return Policy(
        entries={OWN: HangUp()},
        trunks={TRUNK.id: TRUNK},
        dialing=DialingRules(allowed=("1",)),
        rule_sets=SETS,
        campaigns=campaigns,
    )


@dataclass
class Database:
    """The ledger's entries, in order, and when each was made; what a claim reads from them."""

    entries: list[tuple[Micros, Entry]]

    def read(self, contact: ContactId, now: Micros) -> Contact:
        """The contact as a claim finds it."""
        it = LIST[contact]
        digits = {one.address.digits for one in it.numbers}
        pasts: dict[tuple[str, Happened], Past] = {}
        consents: list[Consent] = []
        next_number = attempts = 0
        for _, entry in self.entries:
            match entry:
                case AttemptMade(a):
                    made = Past(a.id, a.began, Happened.ATTEMPT, a.number.digits, a.contact, a.debt)
                    pasts[made.id, made.what] = made
                    attempts += a.contact == contact
                case AttemptOver(id_, _, _, outcome):
                    pasts[id_, Happened.ATTEMPT] = replace(pasts[id_, Happened.ATTEMPT], outcome=outcome)
                case Remembered(past):
                    pasts[past.id, past.what] = past
                case ConsentGiven(to, scope, given, how):
                    consents.append(Consent(to, scope, given, how))
                case Planned(whom, _, _, n) if whom == contact:
                    next_number = n
        known = [
            p for p in pasts.values() if p.number in digits or p.contact == contact or (it.debt and p.debt == it.debt)
        ]
        return replace(
            it,
            past=tuple(known),
            consents=tuple(c for c in consents if c.number.digits in digits),
            next_number=next_number,
            attempts=attempts,
            claimed=now,
        )

    def listed(self) -> NumberSet:
        found = NumberSet()
        for _, entry in self.entries:
            match entry:
                case Listed(_, digits, prefix, off=off):
                    (found.remove if off else found.add)(digits, prefix=prefix)
        return found

    def plan(self, contact: ContactId) -> Planned | None:
        return next((e for _, e in reversed(self.entries) if isinstance(e, Planned) and e.contact == contact), None)


MOST_BEHIND = 5 * MINUTE
"""No claim is read from a database that is further behind: while it was away, none is, until the spool is stored."""
COUNTED: Counter[str] = Counter()
"""What the gate said."""
SEEDS = int(os.environ.get("SIMULATION", "2000")) // 50


class Book:
    """The rules, read a second time: from the whole story, by the wall clock."""

    def __init__(self, entries: list[tuple[Micros, Entry]]) -> None:
        self.entries = entries

    def allows(self, contact: Contact, to: E164, now: Micros) -> bool:
        zones = [contact.zone] if contact.zone else next(n.zones for n in contact.numbers if n.address == to)
        sales = contact.campaign == SALES
        return (
            not self._is_listed(to)
            and all(self._is_day(zone, now, sales) for zone in zones)
            and not self._talked_elsewhere(contact, to, now)
            and (self._for_sales(contact, to, now) if sales else self._for_debt(contact, now))
        )

    def _is_day(self, zone: str, now: Micros, sales: bool) -> bool:
        wall = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)).astimezone(ZoneInfo(zone))
        closed = sales and wall.date() == datetime(1970, 1, 1, tzinfo=UTC).date() + timedelta(20_760)
        return 8 <= wall.hour < 21 and not closed

    def _is_listed(self, to: E164) -> bool:
        last = [e for _, e in self.entries if isinstance(e, Listed) and to.digits.startswith(e.digits)]
        latest: dict[str, bool] = {entry.digits: not entry.off for entry in last}
        return any(latest.values())

    def _attempts(self) -> list[Attempt]:
        return [e.attempt for _, e in self.entries if isinstance(e, AttemptMade)]

    def _outcome(self, attempt: Attempt) -> AttemptOutcome | None:
        found = [e for _, e in self.entries if isinstance(e, AttemptOver) and e.attempt == attempt.id]
        return found[0].outcome if found else None

    def _talks(self) -> list[Past]:
        said = [e.past for _, e in self.entries if isinstance(e, Remembered)]
        return [past for past in said if past.what is Happened.CONVERSATION]

    def _talked_elsewhere(self, contact: Contact, to: E164, now: Micros) -> bool:
        week = 7 * 24 * HOUR
        return any(p.number == to.digits and p.contact != contact.id and now - p.at < week for p in self._talks())

    def _for_sales(self, contact: Contact, to: E164, now: Micros) -> bool:
        mine = [a for a in self._attempts() if a.contact == contact.id and now - a.began < 24 * HOUR]
        dropped = [a for a in self._attempts() if a.number == to and self._outcome(a) is AttemptOutcome.ABANDONED]
        return len(mine) < 3 and all(now - a.began >= 72 * HOUR for a in dropped) and self._consented(to, now)

    def _consented(self, to: E164, now: Micros) -> bool:
        given = [e for _, e in self.entries if isinstance(e, ConsentGiven) and e.number == to and e.scope == "sales"]
        said = [e.past for _, e in self.entries if isinstance(e, Remembered)]
        revoked = [p.at for p in said if p.what is Happened.REVOKED and p.number == to.digits]
        return any(g.at > max(revoked, default=0) and now - g.at < 72 * HOUR for g in given)

    def _for_debt(self, contact: Contact, now: Micros) -> bool:
        week = 7 * 24 * HOUR
        about = [a for a in self._attempts() if a.debt == contact.debt and now - a.began < week]
        counted = [a for a in about if self._outcome(a) not in UNDELIVERED]
        numbers = {number.address.digits for number in contact.numbers}
        talks = [
            p
            for p in self._talks()
            if now - p.at < week and (p.debt == contact.debt or (p.contact is None and p.number in numbers))
        ]
        return len(counted) < 2 and not talks


class Walk:
    """One life after another: claims, attempts, their ends, what people say meanwhile, and kills; by a seed."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)
        self.now = BEGIN + self.draw.randrange(14 * 24) * HOUR
        self.entries: list[tuple[Micros, Entry]] = []
        self.stored = 0
        self.campaigns: dict[CampaignId, Campaign] = {}

    def walk(self, steps: int) -> None:
        """So many things happen."""
        self.begin()
        doings, weights = zip(*self.DOINGS.items(), strict=True)
        for doing in self.draw.choices(doings, weights, k=steps):
            doing(self)
            self.who_is_called_is_called_once()

    def begin(self) -> None:
        self._start()
        for campaign in (SALES, DEBT):
            self._do(CampaignAsked(campaign, CampaignWish.START))
        for one in (ONE, TWO, THREE):
            self._do(ConsentAsked(one, "sales", True, "on paper"))
        self.store()

    def _start(self) -> None:
        """From what is stored."""
        self.world = World(policy(), IdSource(len(self.entries) + 1))
        self.world.outbound.campaigns = {name: replace(it) for name, it in self.campaigns.items()}
        for attempt in self._open():
            dialing.begun(self.world.outbound, attempt)
        listed = Database(self.entries).listed()
        numbers = {"": NumberSet(added=listed.added).added}
        self._do(DoNotCallLists({"": _array(numbers[""])}, {"": frozenset(listed.prefixes)}))
        self._do(ClockCompared(0))

    def _open(self) -> list[Attempt]:
        over = {e.attempt for _, e in self.entries if isinstance(e, AttemptOver)}
        return [e.attempt for _, e in self.entries if isinstance(e, AttemptMade) and e.attempt.id not in over]

    def _do(self, event: Event) -> None:
        done = engine.step(self.world, event, self.now)
        self.entries.extend((self.now, entry) for entry in done.touched.ledger)
        for campaign in done.touched.campaigns:
            self.campaigns[campaign.id] = campaign

    def _turn(self) -> Turn:
        return Turn(self.world, self.now)

    def _taken(self, turn: Turn) -> None:
        self.entries.extend((self.now, entry) for entry in turn.ledger)

    # ── what happens ─────────────────────────────────────────────────────────────────────────

    def time_passes(self) -> None:
        minutes = self.draw.choice((1, 9, 29, 59, 61, 4 * 60, 11 * 60, 23 * 60, 24 * 60 - 1, 24 * 60, 3 * 24 * 60))
        self.now += minutes * MINUTE
        self.store()
        self._do(ClockCompared(0))

    def time_ticks(self) -> None:
        self.now += self.draw.randint(1, 3600) * SECOND
        self._do(ClockCompared(0))

    def store(self) -> None:
        """The journal has written everything."""
        self.stored = len(self.entries)

    def kill(self) -> None:
        """What was not stored was told to nobody, and dialled for nobody."""
        del self.entries[self.stored :]
        self.now += SECOND
        self._start()

    def claim(self, contact: ContactId | None = None) -> None:
        """Read from the database as it is: it may not know our last words."""
        contact = contact or self.draw.choice(sorted(LIST))
        while self.stored < len(self.entries) and self.entries[self.stored][0] < self.now - MOST_BEHIND:
            self.stored += 1
        known = Database(self.entries[: self.stored])
        found = known.read(contact, self.now)
        zones = {zone for one in found.numbers for zone in one.zones} | ({found.zone} - {""})
        self._do(ContactsClaimed(found.campaign, (found,), {zone: offsets_of(zone) for zone in zones}))

    def attempt(self) -> None:
        contact, which = self.draw.choice(sorted(LIST)), self.draw.randrange(2)
        if contact not in self.world.outbound.contacts:
            self.claim(contact)
        held = self.world.outbound.contacts.get(contact)
        if held is None:
            assert self.world.outbound.campaigns[LIST[contact].campaign].phase is CampaignPhase.STOPPED
            return
        which %= len(held.numbers)
        to = held.numbers[which].address
        expected = self._may(held, to)
        turn = self._turn()
        out = OutsideNumber(to, TRUNK.id, str(to), "trunk-out")
        begun = dialing.begin(turn, held, which, out, OWN)
        self._taken(turn)
        if begun is None:
            COUNTED[turn.ledger[0].rule if isinstance(turn.ledger[0], Withheld) else ""] += 1
            assert not expected, f"{turn.facts} though nothing forbids it"
        else:
            COUNTED["allowed"] += 1
            assert expected, f"{to} is called at {self.now}: {turn.facts}"

    def _may(self, held: Contact, to: E164) -> bool:
        """What the book says, and what is plain to see."""
        out = self.world.outbound
        running = out.campaigns[held.campaign].phase is CampaignPhase.RUNNING
        free = all(a.number != to and a.contact != held.id for a in self._open())
        seen = out.clock is not None and self.now - out.clock.at <= MINUTE and abs(out.clock.off) <= 2 * SECOND
        fresh = self.now - held.claimed <= HOUR
        return running and free and seen and fresh and Book(self.entries).allows(LIST[held.id], to, self.now)

    def ends(self) -> None:
        outcome = self.draw.choice(sorted(AttemptOutcome))
        attempts = list(self.world.outbound.attempts.values())
        if attempts:
            turn = self._turn()
            dialing.end(turn, self.draw.choice(attempts), outcome)
            self._taken(turn)

    def says_do_not_call(self) -> None:
        """Most of it is taken back soon: else nobody would be called for long."""
        digits = self.draw.choice((ONE.digits, TWO.digits, "1502"))
        self._do(DoNotCallAsked(digits, prefix=digits == "1502", off=self.draw.random() < 0.7))

    def says_of_consent(self) -> None:
        self.now += 1
        one, given = self.draw.choice((ONE, TWO, THREE)), self.draw.random() < 0.8
        self._do(ConsentAsked(one, "sales", given, "on the phone"))

    def talks_with_us(self) -> None:
        """Somebody called, and an agent talked with them."""
        one = self.draw.choice((ONE, TWO, THREE))
        turn = self._turn()
        dialing.talked(turn, self.world.ids.ulid(self.now), one)
        self._taken(turn)

    def is_asked(self) -> None:
        campaign = self.draw.choice((SALES, DEBT))
        self._do(CampaignAsked(campaign, self.draw.choice(sorted(CampaignWish))))
        if self.draw.random() < 0.8:
            self._do(CampaignAsked(campaign, CampaignWish.START))

    def clock_is_off(self) -> None:
        self._do(ClockCompared(self.draw.choice((-3, -2, 2, 3)) * SECOND))

    def who_is_called_is_called_once(self) -> None:
        attempts = list(self.world.outbound.attempts.values())
        assert len({a.number for a in attempts}) == len({a.contact for a in attempts}) == len(attempts)
        assert len(self.world.outbound.busy) == 2 * len(attempts)

    DOINGS: ClassVar[dict[Callable[[Walk], None], int]] = {
        attempt: 12, ends: 8, time_passes: 3, time_ticks: 6, claim: 3, store: 3, kill: 1,
        says_do_not_call: 1, says_of_consent: 2, talks_with_us: 1, is_asked: 1, clock_is_off: 1,
    }  # fmt: skip
    """How likely each is."""


def _array(numbers: set[int]) -> array[int]:
    return array("Q", sorted(numbers))


def test_nobody_is_called_who_must_not_be() -> None:
    """A thousand steps of each seed. Every reason to refuse has come up, and often nothing stood against it."""
    COUNTED.clear()
    for seed in range(SEEDS):
        try:
            Walk(seed).walk(1000)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    told = {rule.id for rules in SETS for rule in rules.rules} | {"allowed"}
    others = {"do_not_call", "being_called", "conversation", "campaign", "clock", "stale"}
    assert set(COUNTED) >= told | others
    assert COUNTED["allowed"] > 5 * SEEDS


# ── what comes after an attempt ──────────────────────────────────────────────────────────────


def plan(contact: Contact, outcome: AttemptOutcome, retry: Retry, number: int = 0) -> Planned:
    campaign = policy().campaigns[SALES]
    return dialing.after(contact, number, outcome, retry, campaign, BEGIN)


def test_delays_grow_for_the_same_outcome() -> None:
    retry = Retry(10 * MINUTE, 200, 4)
    assert [dialing.delay(retry, n) // MINUTE for n in (1, 2, 3)] == [10, 20, 40]
    assert dialing.delay(Retry(24 * HOUR, 1000), 50) == dialing.LONGEST_DELAY
    contact = LIST[ContactId(1)]
    first = plan(contact, AttemptOutcome.BUSY, retry)
    assert (first.standing, first.due) == (Standing.LATER, BEGIN + 10 * MINUTE)
    third = plan(replace(contact, outcomes=((AttemptOutcome.BUSY, 2),)), AttemptOutcome.BUSY, retry)
    assert third.due == BEGIN + 40 * MINUTE
    fourth = plan(replace(contact, outcomes=((AttemptOutcome.BUSY, 3),)), AttemptOutcome.BUSY, retry)
    assert (fourth.standing, fourth.why) == (Standing.DONE, "busy 4 times: the most that is tried")


def test_which_number_is_next() -> None:
    contact = LIST[ContactId(1)]
    assert plan(contact, AttemptOutcome.NO_ANSWER, Retry(HOUR, number=NextNumber.NEXT)).next_number == 1
    assert plan(contact, AttemptOutcome.NO_ANSWER, Retry(HOUR, number=NextNumber.NEXT), 1).next_number == 0
    assert plan(contact, AttemptOutcome.NO_ANSWER, Retry(HOUR, number=NextNumber.SAME), 1).next_number == 1
    assert plan(contact, AttemptOutcome.INVALID, Retry(HOUR, number=NextNumber.SAME)).next_number == 1
    barred = replace(contact, numbers=(contact.numbers[0], replace(contact.numbers[1], barred="another's")))
    assert plan(barred, AttemptOutcome.NO_ANSWER, Retry(HOUR, number=NextNumber.NEXT)).next_number == 0
    assert plan(barred, AttemptOutcome.INVALID, Retry(HOUR)).standing is Standing.DONE


def test_an_attempt_of_an_earlier_life_ends_with_a_plan_as_well() -> None:
    world = World(policy(), IdSource(1))
    attempt = Attempt(AttemptId("a"), SALES, ContactId(1), TWO, TRUNK.id, OWN, BEGIN, at=1)
    ends = {
        AttemptOutcome.UNKNOWN: Standing.UNKNOWN,
        AttemptOutcome.ANSWERED: Standing.DONE,
        AttemptOutcome.BUSY: Standing.LATER,
    }
    for outcome, standing in ends.items():
        dialing.begun(world.outbound, attempt)
        turn = Turn(world, BEGIN)
        dialing.end(turn, attempt, outcome)
        (planned,) = [entry for entry in turn.ledger if isinstance(entry, Planned)]
        assert (planned.standing, planned.next_number) == (standing, 1)
        assert not world.outbound.attempts
        assert not world.outbound.busy


def test_the_node_of_the_tests() -> None:
    assert TRUNK.node == NODE
