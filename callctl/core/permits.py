"""What may be dialled outside: a judgement, and the permit that it gives. `compliance.may_dial` alone makes permits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callctl.core.policy import OutsideNumber


class Purpose(StrEnum):
    """Why a number is dialled."""

    AGENT = "agent"
    """An agent works there."""
    OVERFLOW = "overflow"
    """A caller is sent there."""


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
