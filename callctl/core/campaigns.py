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

    def __str__(self) -> str:
        return f"{self.number} ({self.verified})"


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
