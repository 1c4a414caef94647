"""What the operator decided about calls to lists of people: campaigns, retries, dispositions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from callctl.core.addresses import E164
from callctl.core.ids import (
    SECOND,
    CalendarId,
    CampaignId,
    DispositionId,
    MenuId,
    Micros,
    QueueId,
    TrunkId,
)
from callctl.core.law import AttemptOutcome, CallKind

HOUR: Micros = 3600 * SECOND
DAY: Micros = 24 * HOUR


class Mode(StrEnum):
    """How a campaign's numbers are dialled."""

    MANUAL = "manual"
    """The agent asks for each call."""
    PREVIEW = "preview"
    """The agent sees the contact first."""
    POWER = "power"
    """So many lines for each free agent."""
    PREDICTIVE = "predictive"
    BROADCAST = "broadcast"
    """A recorded message."""


class Order(StrEnum):
    """Which of the contacts that are due comes first; the higher `priority` always does."""

    OLDEST = "oldest"
    """As imported."""
    NEWEST = "newest"
    RANDOM = "random"
    """Drawn once, at the import."""
    LEAST_RECENT = "least-recently-tried"
    """Who was never tried, then whose last attempt is longest ago."""


class NextNumber(StrEnum):
    """Of a contact's numbers, which is tried after this outcome."""

    SAME = "same"
    NEXT = "next"
    """The next in the contact's order; after the last the first."""


@dataclass(frozen=True, slots=True)
class Retry:
    """After one outcome."""

    delay: Micros
    growth: int = 100
    """Percent by which each further delay is longer than the one before, for the same outcome: 200 doubles it."""
    most: int = 5
    """Attempts that may end so, for one contact; then it is done."""
    number: NextNumber = NextNumber.SAME


RETRIES: Mapping[AttemptOutcome, Retry] = {
    AttemptOutcome.BUSY: Retry(15 * 60 * SECOND, 200, 5, NextNumber.SAME),
    AttemptOutcome.NO_ANSWER: Retry(4 * HOUR, 150, 5, NextNumber.NEXT),
    AttemptOutcome.MACHINE: Retry(8 * HOUR, 100, 4, NextNumber.NEXT),
    AttemptOutcome.REFUSED: Retry(24 * HOUR, 200, 2, NextNumber.NEXT),
    AttemptOutcome.ABANDONED: Retry(72 * HOUR, 100, 1, NextNumber.SAME),
    AttemptOutcome.FAILED: Retry(30 * 60 * SECOND, 200, 3, NextNumber.SAME),
    AttemptOutcome.INVALID: Retry(60 * SECOND, 100, 1, NextNumber.NEXT),
}
"""Where a campaign says nothing else. ANSWERED and UNKNOWN are not tried again by themselves."""


class Compare(StrEnum):
    """How a filter compares a contact's field with a value."""

    IS = "is"
    IS_NOT = "is_not"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    ONE_OF = "one_of"


Value: TypeAlias = str | int | bool


@dataclass(frozen=True, slots=True)
class Filter:
    """Only contacts whose field compares so. A contact without the field fits `is_not` alone."""

    name: str
    compare: Compare
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.compare.replace('_', ' ')} {' or '.join(map(str, self.values))}"


def fits(one: Filter, fields: Mapping[str, Value]) -> bool:
    """Whether a contact's fields fit. The claim asks the database the same."""
    found = fields.get(one.name)
    if one.compare in (Compare.AT_LEAST, Compare.AT_MOST):
        (bound,) = one.values
        if isinstance(found, bool) or not isinstance(found, int | float) or not isinstance(bound, int):
            return False
        return found >= bound if one.compare is Compare.AT_LEAST else found <= bound
    same = found is not None and any(_same(found, value) for value in one.values)
    return not same if one.compare is Compare.IS_NOT else same


def _same(found: Value, value: Value) -> bool:
    """A number may have been stored as text."""
    if isinstance(value, bool) or isinstance(found, bool):
        return found is value
    return found == value or (isinstance(value, int) and found == str(value))


@dataclass(frozen=True, slots=True)
class CallerId:
    """A number of the house that a campaign may show."""

    number: E164
    verified: str
    """How it is known to be the house's own: a word for people."""
    areas: tuple[str, ...] = ()
    """Shown to numbers that begin so (digits, with country code), the longest first; none: to all others."""
    trunks: tuple[TrunkId, ...] = ()
    """Shown on calls over these; none: over all."""

    def __str__(self) -> str:
        return f"{self.number} ({self.verified})"


class Then(StrEnum):
    """What is done with a call that was answered, by what answering machine detection (AMD) has made of it."""

    AGENT = "agent"
    """As with a person."""
    HANG_UP = "hang_up"
    MESSAGE = "message"
    """A recorded message is left after the beep (voicemail drop)."""


@dataclass(frozen=True, slots=True)
class Detection:
    """Answering machine detection: Asterisk's AMD, before anybody hears anything."""

    machine: Then = Then.HANG_UP
    unsure: Then = Then.AGENT
    """AMD could not tell within its time."""
    silence: Then = Then.AGENT
    """Nobody said anything."""
    message: tuple[str, ...] = ()
    """Asterisk media URIs (`sound:…`): what is left after the beep."""
    off_at: int = 0
    """AMD goes off by itself, with an alarm, where of 100,000 calls that people answered so many were taken for
    machines (as dispositions tell); 0: never."""
    sample: int = 0
    """Of 100,000 answers that would get no agent so many do, to learn how often AMD errs."""


class Over(StrEnum):
    """What happens when the time for looking at a contact is over."""

    DIAL = "dial"
    SKIP = "skip"
    PAUSE = "pause"
    """The agent is paused, and the contact goes to somebody else."""


@dataclass(frozen=True, slots=True)
class Preview:
    """How an agent looks at a contact before the call."""

    limit: Micros = 0
    """For so long; 0: as long as it takes."""
    over: Over = Over.DIAL
    skip: bool = True
    """The agent may leave the contact to somebody else."""


@dataclass(frozen=True, slots=True)
class Blend:
    """Callers come before those who are called: agents serve both."""

    keep_free: int = 0
    """So many free agents are not dialled for."""
    resume_after: Micros = 10 * SECOND
    """Nobody is dialled while callers wait for the campaign's agents, nor for so long after."""


@dataclass(frozen=True, slots=True)
class CampaignPolicy:
    id: CampaignId
    kind: CallKind
    mode: Mode = Mode.PREVIEW
    queue: QueueId | None = None
    """Whose agents are called for; of all modes but broadcast."""
    hours: CalendarId | None = None
    """When the house calls at all; None: whenever the law lets it."""
    trunks: tuple[TrunkId, ...] = ()
    caller_ids: tuple[CallerId, ...] = ()
    order: Order = Order.OLDEST
    filters: tuple[Filter, ...] = ()
    retries: Mapping[AttemptOutcome, Retry] = field(default_factory=lambda: dict(RETRIES))
    most_per_number: int = 10
    most_per_contact: int = 15
    """Attempts in all; then the contact is done."""
    consent: str = ""
    """The scope of consent that the house itself asks for, beside the law; empty: none."""
    dispositions: tuple[DispositionId, ...] = ()
    """What agents may choose; none: all."""
    after_conversation: Micros = 7 * DAY
    """Somebody who talked with an agent about something else is not called for so long."""
    callback_window: Micros = HOUR
    """A callback that an agent promised is theirs alone from its time on for so long; then it is anybody's."""
    lines_per_agent: int = 100
    """Of `power`: in hundredths, how many lines for each free agent; 100: progressive."""
    most_lines: int = 0
    """Calls in flight at a time, not yet with an agent; 0: as many as its trunks carry."""
    ring_timeout: Micros = 25 * SECOND
    """How long it rings, from the network's first sign of it (18x)."""
    connect_timeout: Micros = 15 * SECOND
    """How long that sign is waited for."""
    grace: Micros = 2 * SECOND
    """An agent comes within so long of the answer (of the greeting's end, where speech was detected), or the call is
    abandoned. A rule set's shorter one comes before it."""
    most_abandoned: int = 3000
    """Of 100,000 calls that people answered; a rule set's lower one comes before it."""
    harbour: MenuId | None = None
    """The safe harbour: the menu that a person hears for whom no agent came within the grace."""
    message: MenuId | None = None
    """Of `broadcast`: the menu that who answers hears."""
    detection: Detection | None = None
    """None: whoever answers is taken for a person."""
    preview: Preview = Preview()
    blend: Blend = Blend()


@dataclass(frozen=True, slots=True)
class Disposition:
    """What a call came to, as the agent says."""

    id: DispositionId
    label: str
    code: str
    """Digits that an agent dials."""
    parent: DispositionId | None = None
    sale: bool = False
    resolved: bool = False
    callback: bool = False
    """A time is agreed."""
    do_not_call: bool = False
    """The number goes on the house's list."""
    wrong_number: bool = False
    """The number is not this person's: barred for them everywhere."""
    machine: bool = False
    right_party: bool = False
    refused: bool = False
    """The person said no; rules may ask for a rest."""
    campaign: CampaignId | None = None
    """Which calls back at the time that is agreed with a caller who is on no list."""
    retry: Micros = 0
    """Somebody on a list of whom this is said is called again after so long; 0: not for this."""


@dataclass(frozen=True, slots=True)
class DispositionPolicy:
    """Of a queue or campaign."""

    required: bool = False
    """Wrap-up goes on until one is chosen, where there is no default."""
    default: DispositionId | None = None
    """What is noted when wrap-up ends without one."""
    of: tuple[DispositionId, ...] = ()
    """Those that may be chosen; none: all."""


class CampaignPhase(StrEnum):
    """What people have asked of a campaign."""

    STOPPED = "stopped"
    """Nothing is claimed, and what was is let go."""
    RUNNING = "running"
    PAUSED = "paused"
    """Nothing is dialled; what is claimed is kept."""
