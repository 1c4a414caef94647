"""The law as data: rule sets, each with its version and the source of every rule. `judgement` judges by them.

A rule set says for whom it holds: the country and, of some, the states of the person called, and which kinds of calls.
Where several sets hold, all their rules do. Lengths of time are rolling windows: a limit of 7 in 7 days counts those
of the last 168 hours, which is never laxer than seven days of the calendar.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from callctl.core.hours import Span
from callctl.core.ids import SECOND, Micros, RuleSetId


class CallKind(StrEnum):
    """What calls are in law."""

    SALES = "sales"
    """To sell, or to ask for a gift: solicitation, telemarketing."""
    DEBT = "debt"
    """To collect what is owed."""
    SERVICE = "service"
    """About what the person called already has or has asked for: an appointment, a delivery."""
    SURVEY = "survey"


class AttemptOutcome(StrEnum):
    """How an attempt to reach somebody ended, in telephony's terms."""

    ANSWERED = "answered"
    """A person answered, and talked with an agent."""
    ABANDONED = "abandoned"
    """A person answered, and no agent came in time."""
    MACHINE = "machine"
    """Voicemail, a fax, an announcement answered."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    """The phone declined."""
    INVALID = "invalid"
    """There is no such number, or it is out of service."""
    FAILED = "failed"
    """The network, or the trunk, could not bring the call there."""
    HUNG_UP = "hung_up"
    """A person answered, and hung up before an agent was to come."""
    UNSENT = "unsent"
    """No call was made: the database did not take the attempt in time. No rule counts it."""
    UNKNOWN = "unknown"
    """callctl was killed meanwhile, and nobody can say. Never tried again by itself."""


UNDELIVERED = frozenset({AttemptOutcome.BUSY, AttemptOutcome.INVALID, AttemptOutcome.FAILED, AttemptOutcome.UNSENT})
"""Calls that rang nobody's phone. Reg F does not count them: 12 CFR 1006.14(b)(3)(ii)."""


class Per(StrEnum):
    """Whose attempts a rule counts."""

    NUMBER = "number"
    """All to the number, of all campaigns."""
    CONTACT = "contact"
    """All to the contact of the campaign, whatever the number."""
    DEBT = "debt"
    """All about the debt, whatever the number and the campaign; of a contact without one: the contact's."""


class After(StrEnum):
    """What a rest follows."""

    CONVERSATION = "conversation"
    """An agent talked with the person, whoever had called."""
    REFUSAL = "refusal"
    """The person said no, by a disposition with the flag `refused`."""
    ABANDONED = "abandoned"
    """The person answered, and no agent came in time."""
    MACHINE = "machine"
    """It was taken for an answering machine, and hung up."""


@dataclass(frozen=True, slots=True)
class CallingHours:
    """No call outside these hours, by the clock where the person is."""

    id: str
    week: tuple[tuple[Span, ...], ...]
    """By weekday, Monday first."""
    closed: frozenset[int] = frozenset()
    """Days without calls, such as holidays: days since 1970-01-01."""
    source: str = ""
    verified: bool = True
    """False: taken from memory or second hand; to be read in the source before anybody relies on it."""


@dataclass(frozen=True, slots=True)
class AttemptLimit:
    """At most so many attempts within so long."""

    id: str
    most: int
    within: Micros
    per: Per
    undelivered: bool = True
    """False: calls that rang nobody's phone do not count."""
    source: str = ""
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Rest:
    """No attempt for so long after something."""

    id: str
    after: After
    lasting: Micros
    per: Per
    source: str = ""
    verified: bool = True


@dataclass(frozen=True, slots=True)
class ConsentNeeded:
    """No call without the person's consent on record, given for this and not revoked."""

    id: str
    scope: str
    """What it was given for: a word of the house, such as `sales`."""
    max_age: Micros = 0
    """It counts for so long after it was given; 0: until revoked."""
    source: str = ""
    verified: bool = True


@dataclass(frozen=True, slots=True)
class AbandonedLimit:
    """How many of those who answer may find no agent in time, and what is owed to them."""

    id: str
    most: int
    """Of 100,000 calls that a person answered: 3,000 is 3 %."""
    window: Micros
    """Each successive window of so long, from the campaign's first start."""
    grace: Micros = 2 * SECOND
    """From the end of the greeting; then the call is abandoned."""
    least_ring: Micros = 15 * SECOND
    """Let it ring so long before giving up."""
    machines_count: bool = False
    """Persons who were taken for machines, as far as dispositions show it, count as abandoned."""
    source: str = ""
    verified: bool = True


Rule: TypeAlias = CallingHours | AttemptLimit | Rest | ConsentNeeded | AbandonedLimit


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules that hold for some people and kinds of calls: by who is called, whatever the campaign says of itself."""

    id: RuleSetId
    version: str
    """The day of its last change, as the file has it; written down with each verdict."""
    country: str
    """ISO 3166, of the person called."""
    states: frozenset[str] = frozenset()
    """ISO 3166-2 without the country, of the person called; none: all of the country. Who may be of any state, since
    neither contact nor number says, has the rules of all of them."""
    kinds: frozenset[CallKind] = frozenset(CallKind)
    rules: tuple[Rule, ...] = ()
