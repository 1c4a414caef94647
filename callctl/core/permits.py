"""What may be dialled outside: a judgement, and the permit that it gives. `compliance.may_dial` alone makes permits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callctl.core.ids import Micros
from callctl.core.policy import OutsideNumber


class Purpose(StrEnum):
    """Why a number is dialled."""

    AGENT = "agent"
    """An agent works there."""
    OVERFLOW = "overflow"
    """A caller is sent there."""
    CAMPAIGN = "campaign"
    """Somebody on a list is called."""


@dataclass(frozen=True, slots=True)
class Permit:
    """A leg to this number may be made. Without one no command makes a leg to the outside."""

    purpose: Purpose
    to: OutsideNumber


@dataclass(frozen=True, slots=True)
class Verdict:
    permit: Permit | None
    """None: it may not."""
    rule: str
    """By which rule, in one word; for labels."""
    why: str
    """For people."""
    version: str = ""
    """Of the rule set that refuses; empty: a rule of the house."""
    until: Micros | None = None
    """Not before; None: not while this is so."""
    kept: tuple[str, ...] = ()
    """Of a campaign's attempt: the rule sets that were held against it, each with its version."""
