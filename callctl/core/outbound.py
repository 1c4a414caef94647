"""What the World knows of calls to lists of people: campaigns, who is claimed, attempts, numbers not to be called."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from callctl.core.addresses import E164
from callctl.core.budget import Budget
from callctl.core.campaigns import CampaignPhase
from callctl.core.contacts import Contact, Happened, Past
from callctl.core.hours import Offsets
from callctl.core.ids import SECOND, AttemptId, CallId, CampaignId, ContactId, Micros, TrunkId
from callctl.core.numberset import NumberSet
from callctl.core.pacing import Learned, Pace, Pacer

EVERYWHERE = ""
"""The scope of the house's own do-not-call list; others are campaigns."""
CLAIM_LIFE: Micros = 3600 * SECOND
"""Who was claimed longer ago is read anew before any attempt: what happened since is remembered for so long."""
CLOCK_LIFE: Micros = 60 * SECOND
"""The clock was compared with Postgres's within so long, or nothing is dialled."""


@dataclass(slots=True)
class Campaign:
    """What people have asked of a campaign; its policy is the configuration's."""

    id: CampaignId
    phase: CampaignPhase = CampaignPhase.STOPPED
    since: Micros = 0
    by: str = ""
    began: Micros = 0
    """When it was first started: windows of the law are counted from then; 0: never."""
    budget: Budget = field(default_factory=Budget)
    """What was abandoned of what may be. It survives a restart."""
    learned: Learned | None = None
    """How calls and agents behave, of predictive campaigns."""
    judged: dict[str, dict[str, int]] = field(default_factory=dict)
    """What detection heard, and what agents then said it was (`human`, `machine`): the confusion matrix, since the
    first start, or since detection was taken up again."""
    detection_off: bool = False
    """It took too many people for machines. Stopped and started, the campaign tries it again."""
    turned_away: int = 0
    """Answers in the law's window that got no agent, since detection took them for no person."""
    mistaken: float | None = None
    """The share of those that were people all the same, as last known; None: not known yet."""
    counted_from: Micros = 0
    """When the law's window began in which `budget` counts."""


@dataclass(slots=True)
class Attempt:
    """To reach a contact at one number. Stored before the line is taken."""

    id: AttemptId
    campaign: CampaignId
    contact: ContactId
    number: E164
    trunk: TrunkId
    caller_id: E164
    began: Micros
    debt: str = ""
    rules: tuple[str, ...] = ()
    """The rule sets that were held against it, with their versions."""
    at: int = 0
    """Which of the contact's numbers, from 0."""
    call: CallId | None = None
    """The call that reaches out; None: none is known."""


@dataclass(frozen=True, slots=True)
class ClockSeen:
    """How far this machine's clock is from Postgres's, and when that was looked at."""

    off: Micros
    at: Micros


@dataclass(slots=True)
class Outbound:
    campaigns: dict[CampaignId, Campaign] = field(default_factory=dict)
    contacts: dict[ContactId, Contact] = field(default_factory=dict)
    """Who is claimed."""
    attempts: dict[AttemptId, Attempt] = field(default_factory=dict)
    """That are not over."""
    busy: dict[str, AttemptId] = field(default_factory=dict)
    """Numbers and contacts that are being called (`number_key`, `contact_key`); follows from `attempts`."""
    do_not_call: dict[str, NumberSet] = field(default_factory=dict)
    """By scope; EVERYWHERE is missing until the house's list has been read, and nothing is dialled before."""
    unread: dict[str, NumberSet] = field(default_factory=dict)
    """What was said before the lists were read."""
    zones: dict[str, Offsets] = field(default_factory=dict)
    """Of those who are claimed, by the IANA's name."""
    recent: Recent = field(default_factory=lambda: Recent())
    """What happened within CLAIM_LIFE: those who are claimed were read before it."""
    promised: dict[str, ContactId] = field(default_factory=dict)
    """By number: with whom a time was agreed there since it was read."""
    clock: ClockSeen | None = None
    ready: dict[CampaignId, deque[ContactId]] = field(default_factory=dict)
    """Who is claimed and not being called, in the order of the claim."""
    claiming: dict[CampaignId, Micros] = field(default_factory=dict)
    """When contacts were asked for that have not come."""
    dry: dict[CampaignId, Micros] = field(default_factory=dict)
    """Nobody was due: not asked again before."""
    loads: dict[TrunkId, TrunkLoad] = field(default_factory=dict)
    pacers: dict[CampaignId, Pacer] = field(default_factory=dict, compare=False)
    """Made of what the campaigns' rows keep."""
    pace_at: dict[CampaignId, Micros] = field(default_factory=dict)
    """When each campaign that runs next decides on its calls, at the latest."""
    quiet_at: dict[CampaignId, Micros] = field(default_factory=dict)
    """Of blended campaigns: not dialled before, since callers waited."""
    kept_at: dict[CampaignId, Micros] = field(default_factory=dict)
    """When what each has learned was stored last."""
    paces: dict[CampaignId, Pace] = field(default_factory=dict)
    """What was decided last, for people."""
    database_up: bool = True
    """Nothing is dialled while it is away."""


@dataclass(slots=True)
class TrunkLoad:
    """What campaigns do to a trunk, and it to them."""

    begun: deque[Micros] = field(default_factory=deque)
    """When the calls of the last second began."""
    failures: int = 0
    """In a row."""
    held_until: Micros = 0
    """Left alone until then."""


@dataclass(slots=True)
class Recent:
    """What happened lately, by number, contact and debt; older things go by themselves."""

    _known: dict[str, dict[tuple[str, Happened], Past]] = field(default_factory=dict)
    _order: deque[tuple[Micros, Past]] = field(default_factory=deque)

    def add(self, past: Past, now: Micros) -> None:
        """Remember it; known already: as it is now."""
        while self._order and self._order[0][0] <= now - CLAIM_LIFE:
            self._forget(self._order.popleft()[1])
        for key in keys(past):
            self._known.setdefault(key, {})[past.id, past.what] = past
        self._order.append((now, past))

    def _forget(self, past: Past) -> None:
        for key in keys(past):
            known = self._known.get(key, {})
            if known.get((past.id, past.what)) is past:  # else it was remembered again since
                del known[past.id, past.what]
                if not known:
                    del self._known[key]

    def erase(self, digits: str) -> None:
        """Forget all of a number."""
        for past in list(self._known.get(number_key(digits), {}).values()):
            self._forget(past)
        self._order = deque((at, past) for at, past in self._order if past.number != digits)

    def of(self, key: str) -> Collection[Past]:
        """What is remembered under a key."""
        return self._known.get(key, {}).values()

    def __len__(self) -> int:
        return len(self._order)


def number_key(digits: str) -> str:
    return f"number {digits}"


def keys(past: Past) -> tuple[str, ...]:
    """Under which it is remembered."""
    found = [number_key(past.number)]
    if past.contact is not None:
        found.append(contact_key(past.contact))
    if past.debt:
        found.append(debt_key(past.debt))
    return tuple(found)


def contact_key(contact: ContactId) -> str:
    return f"contact {contact}"


def debt_key(debt: str) -> str:
    return f"debt {debt}"


def keep(out: Outbound, before: Outbound) -> None:
    """Into a World that is rebuilt from its rows: what no row of the journal has."""
    out.contacts = before.contacts
    out.do_not_call, out.unread = before.do_not_call, before.unread
    out.zones, out.recent, out.promised, out.clock = before.zones, before.recent, before.promised, before.clock
    out.ready, out.claiming, out.dry, out.loads = before.ready, before.claiming, before.dry, before.loads
    out.quiet_at = before.quiet_at
    elsewhere = {name for ready in out.ready.values() for name in ready} | {it.contact for it in out.attempts.values()}
    for contact in out.contacts.values():
        if contact.id not in elsewhere:  # an agent looked at them
            out.ready.setdefault(contact.campaign, deque()).append(contact.id)
