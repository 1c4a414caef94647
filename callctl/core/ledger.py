"""What is promised about people and their numbers, and what was done to them: entries that the journal stores with the
step that made them, each in its own table. Nothing reads them back to decide but through a claim."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from callctl.core.addresses import E164
from callctl.core.contacts import Callback, Number, Past
from callctl.core.ids import AgentId, AttemptId, CallId, CampaignId, ContactId, Micros
from callctl.core.law import AttemptOutcome
from callctl.core.outbound import Attempt


@dataclass(frozen=True, slots=True)
class Listed:
    """A number, or all that begin so, is not called any more; or may be again."""

    scope: str
    digits: str
    prefix: bool
    how: str
    at: Micros
    off: bool = False
    """It may be called again."""


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    number: E164
    scope: str
    at: Micros
    how: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """A conversation, a refusal, a consent that was revoked."""

    past: Past
    why: str


@dataclass(frozen=True, slots=True)
class AttemptMade:
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class AttemptOver:
    attempt: AttemptId
    contact: ContactId
    number: E164
    outcome: AttemptOutcome
    at: Micros
    call: CallId | None = None


class Standing(StrEnum):
    """How a contact stands between claims."""

    OPEN = "open"
    """Due now."""
    LATER = "later"
    DONE = "done"
    UNKNOWN = "unknown"
    """An attempt was cut off, and nobody can say how: people look at it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A contact is let go: when, and at which of its numbers, it is tried next."""

    contact: ContactId
    standing: Standing
    due: Micros
    next_number: int
    why: str
    decided: Micros = 0


@dataclass(frozen=True, slots=True)
class Promised:
    """A time is agreed. Of a caller who is on no list: a contact of the campaign is made."""

    campaign: CampaignId
    callback: Callback
    contact: ContactId | None = None
    name: str = ""
    number: Number | None = None
    """Where that contact's number may be."""


@dataclass(frozen=True, slots=True)
class TriedAgain:
    """Somebody who was reached, and was done with, is called again."""

    contact: ContactId
    due: Micros
    next_number: int
    why: str


@dataclass(frozen=True, slots=True)
class Barred:
    """A number is not this person's."""

    number: E164
    why: str
    contact: ContactId | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """An attempt that the gate did not let pass."""

    at: Micros
    campaign: CampaignId
    contact: ContactId
    number: E164
    rule: str
    version: str
    why: str
    until: Micros | None
    agent: AgentId | None = None


Entry: TypeAlias = (
    Listed | ConsentGiven | Remembered | AttemptMade | AttemptOver | Planned | Promised | TriedAgain | Barred | Withheld
)
