"""What a forecast begins from: agents, the people who are called, and the rules by which they are.

Where nothing was measured these are assumptions, plausible and fitted to no data. Times in seconds, shares 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

TALK, WRAP = 60.0, 15.0
TALK_VARIATION, WRAP_VARIATION = 1.0, 0.6
RING = 25.0
PICK_UP = 2.0
GAMMA = (3.0, 3.0)
FAST_FAILURE, FAST = 0.15, (1.5, 4.0)
MACHINE_TALK = 5.0


@dataclass(frozen=True, slots=True)
class Rings:
    """How long calls ring: a human answers `pick_up` and a gamma law's time after the dialling, before `timeout`."""

    timeout: float = RING
    pick_up: float = PICK_UP
    """Set-up and the first ring."""
    gamma: tuple[float, float] = GAMMA
    """Shape, and scale in s, of the rest: 9 s on average."""
    quantiles: tuple[float, ...] = ()
    """In place of these: the times to the answer that 0 %, …, 100 % of the answered calls were below."""
    fast: float = FAST_FAILURE
    """Of the calls that nobody answers, so many fail at once (busy, no such number); the others ring out."""
    fast_within: tuple[float, float] = FAST


@dataclass(frozen=True, slots=True)
class Amd:
    """Answering machine detection. Whom it takes for a machine is hung up on."""

    listens: float = 2.0
    false_positive: float = 0.05
    """Of the humans: taken for machines."""
    false_negative: float = 0.1
    """Of the machines: put through to an agent."""


@dataclass(frozen=True, slots=True)
class Again:
    """After an attempt that ended so the contact is due again."""

    delay: float
    growth: float = 1.0
    """Each further delay is so many times as long as the one before."""
    most: int = 5
    """Attempts that may end so."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """The list. A contact that is not due again is done with."""

    count: int
    no_answer: Again | None = None
    busy: Again | None = None
    """And whatever else failed at once."""
    machine: Again | None = None
    most: int = 15
    """Attempts to reach a contact, in all."""


@dataclass(frozen=True, slots=True)
class Day:
    """A campaign's day. Steps are (from this second on, the value), in order, beside what holds at first."""

    agents: int
    answer: float
    """The probability that a human answers a call."""
    talk: float = TALK
    wrap: float = WRAP
    hours: float = 8.0
    grace: float = 2.0
    """So long does who has answered wait for an agent, AMD's time apart; then the call is abandoned."""
    talk_variation: float = TALK_VARIATION
    wrap_variation: float = WRAP_VARIATION
    """Coefficients of variation; the laws are lognormal."""
    answers: Sequence[tuple[float, float]] = ()
    """Steps of `answer`."""
    staff: Sequence[tuple[float, int]] = ()
    """Steps of `agents`, never above it. Who leaves finishes the call first."""
    rings: Rings = field(default_factory=Rings)
    machines: float = 0.0
    """Of the answers so many are machines', beside the humans'."""
    machine_talk: float = MACHINE_TALK
    """So long does an agent listen to one, and has nothing to write up."""
    amd: Amd | None = None
    """None: whoever answers is put through."""
    contacts: Contacts | None = None
    """None: the list has no end."""
    lines: int = 0
    """Calls in flight at a time, not yet with an agent; 0: no limit."""
    channels: int = 0
    """Calls at a time, those with agents included; 0: no limit."""
    calls_a_second: float = 0.0
    """0: no limit."""
    parts: int = 16
    """Of the day, that are told apart: half hours, of eight hours."""
