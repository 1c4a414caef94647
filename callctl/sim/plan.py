"""A plan: everything that people and mishaps do in one run, made from a seed before the run begins.

What happens is data, so a run that fails can be made shorter by leaving things out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeAlias

from callctl.core.events import Wish
from callctl.core.policy import Strategy
from callctl.sim.office import ENTRIES, TO_DESK, TO_FRONT, TO_MENU, TO_QUEUE

# All times and lengths are in seconds of the run.


class Manner(StrEnum):
    """What a phone does when it rings."""

    ANSWERS = "answers"
    VOICEMAIL = "voicemail"
    """Answers, and presses no key."""
    NEVER = "never"
    REJECTS = "rejects"
    BUSY = "busy"
    FORWARDS = "forwards"
    BROKEN = "broken"
    """503."""


class Ill(StrEnum):
    """What goes wrong. `much`, from 0 to 1, says how much of it."""

    LINK_CUT = "link_cut"
    """ARI and AMI for `length`; `much` of what is under way still arrives."""
    LINK_STALLED = "link_stalled"
    KILLED = "killed"
    """callctl, within a batch (`much`: how far in it); started again after `length`."""
    KILLED_TWICE = "killed_twice"
    FROZEN = "frozen"
    """SIGSTOP for `length`."""
    BUSY = "busy"
    """callctl's core has its hands full for `length`, while the link goes on; a second at the most."""
    PBX_KILLED = "pbx_killed"
    POSTGRES_AWAY = "postgres_away"
    COMMAND_FAILS = "command_fails"
    """Below a half of `much`: before it had an effect; else only its answer says so."""
    STEP_LOST = "step_lost"
    """None of a step's commands arrive; below a half of `much` the link breaks, else an audit finds out."""
    DOUBLED = "doubled"
    """An event comes twice: below a half of `much` at once, else late."""
    REDIRECTED = "redirected"
    """Somebody sends a channel (`much`: which) into the dialplan."""
    HUNG_UP = "hung_up"
    """Somebody hangs a channel up at the PBX."""
    AUDITED = "audited"
    """No ill: the periodic audit, just now."""


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody dials a number, presses keys (each so long after the arrival), waits, talks, hangs up."""

    at: float
    leg: str
    number: str
    presses: tuple[tuple[float, str], ...]
    patience: float
    talk: float
    agent_ends: bool


@dataclass(frozen=True, slots=True)
class Phone:
    """How a phone behaves from now on."""

    at: float
    phone: str
    manner: Manner
    rings_after: float
    then_after: float


@dataclass(frozen=True, slots=True)
class Contacts:
    """A phone registers so many contacts; none: it is gone."""

    at: float
    phone: str
    count: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A phone is in use by something that is not callctl's."""

    at: float
    phone: str
    length: float


@dataclass(frozen=True, slots=True)
class Ask:
    at: float
    agent: str
    wish: Wish


@dataclass(frozen=True, slots=True)
class Reload:
    """Another configuration: the number of one of `office.POLICIES`."""

    at: float
    policy: int


@dataclass(frozen=True, slots=True)
class Mishap:
    at: float
    ill: Ill
    length: float
    much: float


Act: TypeAlias = Call | Phone | Contacts | Elsewhere | Ask | Reload | Mishap


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    """Also of what is drawn while it runs: how long things are under way."""
    length: float
    acts: tuple[Act, ...]
    agents: tuple[str, ...] = ("ana", "ben", "carl")
    contacts: tuple[int, ...] = (1,)
    """How many each agent's phone has at first, in turn."""
    strategy: Strategy = Strategy.LONGEST_IDLE
    slowness: float = 1.0
    """How much longer than on a good day everything is under way."""
    audit_every: float = 30.0


DAY_CALL_GAP = 3.0
"""Mean seconds between two calls of the long run."""


def draw(seed: int) -> Plan:
    """A minute or so of a small office on a bad day."""
    rng = Random(f"plan {seed}")
    length = rng.choice((30.0, 60.0, 90.0))
    agents = ("ana", "ben", "carl")[: rng.randint(1, 3)] + rng.choice(((), (), ("mob",)))
    count = rng.choice((rng.randint(1, 8), rng.randint(8, 25)))
    acts: list[Act] = [_call(rng, n, rng.uniform(0, length)) for n in range(1, count + 1)]
    some: tuple[tuple[int, Callable[[], Act]], ...] = (
        (rng.randint(0, 5), lambda: _phone(rng, rng.uniform(0, length), rng.choice(agents))),
        (rng.randint(0, 2), lambda: Contacts(rng.uniform(0, length), rng.choice(agents), rng.randint(0, 2))),
        (rng.randint(0, 1), lambda: Elsewhere(rng.uniform(0, length), rng.choice(agents), rng.uniform(1, 20))),
        (rng.randint(0, 3), lambda: Ask(rng.uniform(0, length), rng.choice(agents), rng.choice(list(Wish)))),
        (rng.choice((0, 0, 0, 1)), lambda: Reload(rng.uniform(0, length), rng.randint(0, 4))),
        (rng.randint(1, 5), lambda: _mishap(rng, rng.uniform(0, length))),
    )
    acts += [make() for count, make in some for _ in range(count)]
    contacts = tuple(rng.choice((1, 1, 2)) for _ in agents)
    slowness, audit_every = rng.choice((1.0, 1.0, 5.0, 40.0)), rng.choice((30.0, 30.0, 7.0, 1.0))
    strategy = rng.choice(list(Strategy))
    return Plan(seed, length, _in_order(acts), agents, contacts, strategy, slowness, audit_every)


def day(seed: int, hours: float, agents: int) -> Plan:
    """A long day of a large office, a tenth of its agents on numbers outside: does memory stay flat?"""
    rng = Random(f"day {seed}")
    names = tuple(f"{'mob' if n % 10 == 9 else 'a'}{n:03d}" for n in range(agents))
    acts: list[Act] = []
    at, n = 0.0, 0
    while (at := at + rng.expovariate(1 / DAY_CALL_GAP)) < hours * 3600:
        n += 1
        acts.append(_call(rng, n, at))
        if n % 50 == 0:
            acts.append(_phone(rng, at, rng.choice(names)))
        if n % 200 == 0:
            acts.append(Mishap(at, rng.choice(list(Ill)), 2.0, rng.random()))
    return Plan(seed, hours * 3600, _in_order(acts), names)


def _in_order(acts: list[Act]) -> tuple[Act, ...]:
    return tuple(sorted(acts, key=lambda act: act.at))


def _call(rng: Random, n: int, at: float) -> Call:
    number = rng.choice([TO_MENU, *[TO_QUEUE] * 5, *[TO_DESK, TO_FRONT] * 3, *ENTRIES, "19995550100"])
    presses = tuple((rng.uniform(0, 12), rng.choice("1123459#")) for _ in range(rng.choice((0, 0, 1, 2, 3))))
    patience = rng.choice((rng.uniform(0.1, 4), rng.uniform(1, 60)))
    talk, agent_ends = rng.uniform(0.2, 30), rng.random() < 0.5
    return Call(round(at, 6), f"c{n}", number, tuple(sorted(presses)), patience, talk, agent_ends)


def _phone(rng: Random, at: float, phone: str) -> Phone:
    manner = rng.choice([Manner.ANSWERS, Manner.ANSWERS, *Manner])
    return Phone(at, phone, manner, rng.choice((0.02, 0.3)), rng.uniform(0.01, 8))


def _mishap(rng: Random, at: float) -> Mishap:
    length = rng.choice((rng.uniform(0.01, 1), rng.uniform(1, 10), rng.uniform(5, 30)))
    return Mishap(at, rng.choice(list(Ill)), length, rng.random())
