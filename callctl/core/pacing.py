"""How many calls to dial now, so that those who answer find a free agent.

Progressive dialling has one line for each free agent, and agents who wait. To dial more is a bet on what the next half
minute brings: which of the calls that ring are answered, and which agents become free. Both are known by age only: a
call that has rung for 12 s is more likely to be answered in the next second than one just dialled, and one that has
rung for 24 s is not. So `look_ahead` goes second by second: of each call in flight the chance that it was answered
by then, of each agent the chance to be free, each conditional on its age (`lifetimes`). The number of agents left for
one more customer is a sum of independent yes-or-no's, whose law is a normal one, corrected for skewness (the "refined
normal approximation" of the Poisson-binomial law: Hong 2013, doi:10.1016/j.csda.2012.10.006). The next call is dialled
while the chance that its customer would find nobody within the grace is below the risk that the budget allows.

What the budget allows is `budget`'s. Until a first cohort of calls was seen to its end nothing is bet on them: one line
for each free agent, progressively.

All times in seconds. Pure: what was learned (`Learned`) is plain data, the tables are derived from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from callctl.core.budget import Budget
from callctl.core.lifetimes import RING_AGES, TALK_AGES, Lifetimes

Floats = npt.NDArray[np.float64]
AHEAD = 30
"""Seconds looked ahead: longer than nearly all ring."""
SOON = 10
"""Seconds, for people: about as long as a call rings before it is answered."""
AT_ONCE = 8
"""Further calls weighed in one reckoning."""
STALE = 5.0
"""Tables are reckoned anew after so long."""
LEVEL_MEMORY = 200.0
"""Expected answers over which the answer rate of the hour is judged."""
LEVEL_AGENTS = 3.0
"""The same for each agent, where that is more: many answers come at once with many agents."""
KNOWN_ENDS, KNOWN_ANSWERS = 60.0, 10.0
"""Calls seen to their end, and answers among them, before which nothing is bet on them."""
SURE = 20.0
"""Answers as expected, with which the level begins."""
LEAST_LEVEL, MOST_LEVEL = 0.2, 5.0
HARDLY = 0.02
"""Seconds at risk that every age has, so that nothing is divided by nothing."""
FEW_ENDS = 5.0
"""Ends, before which nobody is believed to end."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A campaign's calls and agents at one moment. Ages in seconds."""

    idle: int
    waiting: int = 0
    """Customers who answered and have no agent yet."""
    ringing: Sequence[float] = ()
    detecting: Sequence[float] = ()
    """Since the answer: whether it is a human is being found out."""
    talking: Sequence[float] = ()
    wrapping: Sequence[float] = ()
    most: int = 10_000
    """Lines that may still be taken."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many to dial, and why."""

    dial: int
    idle: int
    waiting: int
    in_flight: int
    expected_answers: float
    """Of those in flight, sooner or later."""
    expected_free: float
    """Agents who become free within the time that a call rings."""
    risk: float
    """That the next customer, were one more dialled, would find nobody."""
    allowed: float
    saved: float
    """Abandoned calls that the budget has left."""

    @property
    def why(self) -> str:
        """For people."""
        return (
            f"{self.dial} to dial: {self.idle} free, {self.waiting} waiting, {self.in_flight} in flight of which"
            f" {self.expected_answers:.1f} will answer, {self.expected_free:.1f} agents soon free; the next one's risk"
            f" {self.risk:.1%} of {self.allowed:.1%} allowed, {self.saved:+.1f} abandoned calls left"
        )


@dataclass(slots=True)
class Learned:
    """Of one campaign. `rings` end with the answer, `detections` with a human, `talks` and `wraps` with the agent."""

    rings: Lifetimes = field(default_factory=lambda: believed(Lifetimes(RING_AGES, memory=20_000)))
    detections: Lifetimes = field(default_factory=lambda: Lifetimes(RING_AGES, memory=1000))
    talks: Lifetimes = field(default_factory=lambda: Lifetimes(TALK_AGES, memory=600, smooth=2.0))
    wraps: Lifetimes = field(default_factory=lambda: Lifetimes(TALK_AGES, memory=600, smooth=2.0))
    answered: float = SURE
    """Lately, against what `rings` let expect of the same calls: the level of the hour."""
    expected: float = SURE

    def level(self, going_on: float) -> float:
        """How many more answer now than usually; `going_on`: expected until now of the calls that still ring."""
        return min(max(self.answered / max(1.0, self.expected + going_on), LEAST_LEVEL), MOST_LEVEL)

    def begin(self, going_on: float) -> None:
        """The level is judged from now on: the calls that still ring had their time till now before it."""
        self.answered, self.expected = SURE, SURE - going_on

    def count(self, due: float, answered: bool, memory: float) -> None:
        """A call has ended of which `due` answers were expected."""
        keep = max(0.0, 1 - due / memory)
        self.answered = self.answered * keep + answered
        self.expected = self.expected * keep + due


def believed(rings: Lifetimes) -> Lifetimes:
    """Before anything was seen: that of five calls dialled all five are answered, between 2 and 12 s."""
    rings.suppose(5.0, 2.0, 10.0)
    return rings


@dataclass(frozen=True, slots=True)
class Chances:
    """By age, and second ahead: that it has happened by then. With what sums of such yes-or-no's need."""

    ages: Floats
    by: Floats
    moments: Floats

    @classmethod
    def of(cls, ages: Sequence[float], by: Floats) -> Chances:
        variance = by * (1 - by)
        return cls(np.asarray(ages), by, np.hstack([by, variance, variance * (1 - 2 * by)]))


class Answers:
    """The answers expected of a call up to an age, at the level 1 (survival analysis: its compensator)."""

    def __init__(self, rings: Lifetimes, ringing: Sequence[float]):
        answer, _ = hazards(rings, ringing)
        self._by_age = np.concatenate([[0.0], np.cumsum(answer)])

    def due(self, ages: Sequence[float]) -> float:
        """Of calls of these ages, together."""
        return float(np.interp(np.asarray(ages), _EDGES, self._by_age).sum()) if ages else 0.0


_EDGES = np.asarray([*RING_AGES, RING_AGES[-1] + 1])


class Lookahead:
    """The tables: by age (row) and second ahead (column), the chance that it has happened by then."""

    def __init__(self, learned: Learned, seen: Seen, grace: float, level: float):
        answer, fail = hazards(learned.rings, seen.ringing)
        ends = _ahead(RING_AGES, answer * level, fail)
        self.level = level
        self.doubt = 1 / max(1.0, min(learned.answered, sum(learned.rings.ended) / learned.rings.weight))
        """Of the answer rate: its relative variance, from the answers counted."""
        human = _within(learned.detections, seen.detecting) if _any(learned.detections) else None
        needs = np.cumsum(ends, axis=1) if human is None else _then(ends, human)
        self.needs = Chances.of(RING_AGES, _middle(needs))
        """By a call that rings: an agent."""
        self.asks = Chances.of(RING_AGES, _middle(np.cumsum(ends if human is None else human, axis=1)))
        """By one that was answered, and may be a machine."""
        wrapped = _within(learned.wraps, seen.wrapping)
        self.frees = Chances.of(TALK_AGES, _later(_then(_within(learned.talks, seen.talking), wrapped), grace))
        self.readies = Chances.of(TALK_AGES, _later(np.cumsum(wrapped, axis=1), grace))
        first = self.needs.by[0]
        self.when = np.diff(first, prepend=0.0) / max(float(first[-1]), 1e-9)
        """Of a call dialled now and answered: in which second."""


def hazards(lives: Lifetimes, lasting: Sequence[float]) -> tuple[Floats, Floats]:
    """By age, per second: of the cause that matters, and of any other. Those that still last are at risk too."""
    ended, lost, at_risk = (np.asarray(it) / lives.weight for it in (lives.ended, lives.lost, lives.at_risk))
    if lasting:
        reached = np.asarray(lasting)[:, None] - np.asarray(lives.ages)
        at_risk = at_risk + np.clip(reached, 0.0, _widths(lives.ages)).sum(axis=0)
    if not lives.smooth:
        return ended / (at_risk + HARDLY), lost / (at_risk + HARDLY)
    if ended.sum() < FEW_ENDS:
        return np.zeros_like(ended), np.zeros_like(ended)
    usual = ended.sum() / max(at_risk.sum(), HARDLY)
    return (ended + lives.smooth) / (at_risk + lives.smooth / usual), lost / (at_risk + HARDLY)


def _any(lives: Lifetimes) -> bool:
    return any(lives.ended) or any(lives.lost)


def _widths(ages: Sequence[float]) -> Floats:
    return np.diff(np.asarray(ages), append=2 * ages[-1] - ages[-2])


def _within(lives: Lifetimes, lasting: Sequence[float]) -> Floats:
    return _ahead(lives.ages, *hazards(lives, lasting))


_REACHED: dict[Sequence[float], npt.NDArray[np.intp]] = {}


def _ahead(ages: Sequence[float], matters: Floats, other: Floats) -> Floats:
    """By age, for each second ahead: the chance that it ends in that second, by the cause that matters."""
    reached = _REACHED.get(ages)
    if reached is None:
        begins = np.asarray(ages)
        seconds = (begins + np.minimum(_widths(ages), 20.0) / 2)[:, None] + np.arange(AHEAD)
        reached = _REACHED[ages] = np.searchsorted(begins, seconds, side="right") - 1
    both = matters + other
    ends = -np.expm1(-both)
    part = np.divide(matters, both, out=np.zeros_like(both), where=both > 0)
    here = ends[reached]
    lasts = np.cumprod(1 - here, axis=1)
    lasts = np.concatenate([np.ones((len(ages), 1)), lasts[:, :-1]], axis=1)
    return np.asarray(lasts * here * part[reached])


def _then(first: Floats, second: Floats) -> Floats:
    """That both have happened by then, one after the other; the second from its beginning."""
    halves = _middle(np.cumsum(second[:1], axis=1))[0]
    lag = np.arange(AHEAD)[None, :] - np.arange(AHEAD)[:, None]
    return np.asarray(first @ np.where(lag >= 0, halves[np.clip(lag, 0, None)], 0.0))


def _middle(by: Floats) -> Floats:
    """In the middle of each second, not at its end."""
    return np.asarray(by - np.diff(by, axis=1, prepend=0.0) / 2)


def _later(by: Floats, grace: float) -> Floats:
    """In the middle of each second, and the grace more."""
    at = np.arange(AHEAD) + 0.5 + grace
    padded = np.concatenate([np.zeros((len(by), 1)), by], axis=1)
    low = np.clip(np.floor(at).astype(int), 0, AHEAD)
    high = np.clip(low + 1, 0, AHEAD)
    part = at - np.floor(at)
    return np.asarray(padded[:, low] * (1 - part) + padded[:, high] * part)


@dataclass(slots=True)
class Pacer:
    """A campaign's pacing: told what happens, asked how many to dial."""

    grace: float = 2.0
    learned: Learned = field(default_factory=Learned)
    budget: Budget = field(default_factory=Budget)
    _answers: Answers | None = None
    _tables: Lookahead | None = None
    _made: float = 0.0
    _agents: int = 0

    def rang(self, age: float, *, answered: bool) -> None:
        """A call was answered, or ended otherwise, so long after it was dialled."""
        if self._answers is not None and self.mature:
            memory = max(LEVEL_MEMORY, LEVEL_AGENTS * self._agents)
            self.learned.count(self._answers.due([age]), answered, memory)
        self.learned.rings.end(age, lost=not answered)

    @property
    def mature(self) -> bool:
        """The first cohort was seen to its end: before, the quick ones would be taken for all."""
        rings = self.learned.rings
        return rings.seen >= max(KNOWN_ENDS, self._agents) and sum(rings.ended) >= KNOWN_ANSWERS * rings.weight

    def decide(self, seen: Seen, now: float) -> Pace:
        """How many calls to dial now. `now`: seconds, of any beginning."""
        self._agents = seen.idle + len(seen.talking) + len(seen.wrapping)
        tables = self._tables
        if tables is None or now - self._made >= STALE:
            tables = self._tables = self._look(seen)
            self._made = now
        if not self.mature:
            one_each = max(0, seen.idle - seen.waiting - len(seen.ringing) - len(seen.detecting))
            seen = replace(seen, most=min(one_each, seen.most))
        return look_ahead(tables, seen, self.budget)

    def _look(self, seen: Seen) -> Lookahead:
        self._answers = Answers(self.learned.rings, seen.ringing)
        going_on = self._answers.due(seen.ringing)
        if not self.mature:
            self.learned.begin(going_on)
        return Lookahead(self.learned, seen, self.grace, self.learned.level(going_on))


def look_ahead(tables: Lookahead, seen: Seen, budget: Budget) -> Pace:
    """The decision itself."""
    allowed = budget.allowed()
    calls = _moments(tables.needs, seen.ringing) + _moments(tables.asks, seen.detecting)
    agents = _moments(tables.frees, seen.talking) + _moments(tables.readies, seen.wrapping)
    mean = seen.idle - seen.waiting + agents[0] - calls[0]
    variance, third = agents[1] + calls[1], agents[2] - calls[2]
    one = tables.needs.moments[0].reshape(3, AHEAD)
    dial, risk = 0, 1.0
    while dial < seen.most:
        more = np.arange(dial, dial + AT_ONCE)[:, None]
        doubt = tables.doubt * (calls[0] + more * one[0]) ** 2
        risks = nobody_left(mean - more * one[0], variance + more * one[1] + doubt, third - more * one[2]) @ tables.when
        over = np.flatnonzero(risks > allowed)
        if len(over):
            dial, risk = min(dial + int(over[0]), seen.most), float(risks[over[0]])
            break
        dial, risk = min(dial + AT_ONCE, seen.most), float(risks[-1])
    return Pace(
        dial,
        seen.idle,
        seen.waiting,
        len(seen.ringing) + len(seen.detecting),
        float(calls[0][-1]),
        float(agents[0][SOON]),
        risk,
        allowed,
        budget.saved,
    )


def _moments(chances: Chances, lasting: Sequence[float]) -> Floats:
    """By second ahead: how many on average, the variance, and the third central moment."""
    if not lasting:
        return np.zeros((3, AHEAD))
    rows = np.searchsorted(chances.ages, lasting, side="right") - 1
    if len(rows) < len(chances.ages):
        total = chances.moments[rows].sum(axis=0)
    else:
        total = np.bincount(rows, minlength=len(chances.ages)) @ chances.moments
    return np.asarray(total.reshape(3, AHEAD))


def nobody_left(mean: Floats, variance: Floats, third: Floats) -> Floats:
    """The chance that the sum is 0 or less."""
    deviation = np.sqrt(variance + 1e-9)
    z = (0.5 - mean) / deviation
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    skewness = third / deviation**3
    chance = normal_law(z) + skewness * (1 - z * z) * density / 6
    return np.asarray(np.clip(np.where(variance < 1e-6, mean <= 0, chance), 0.0, 1.0))


def normal_law(z: Floats) -> Floats:
    """The normal law's distribution function, within 7.5e-8 (Abramowitz and Stegun 26.2.17)."""
    t = 1 / (1 + 0.2316419 * np.abs(z))
    tail = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) * t
    tail = tail * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    return np.asarray(np.where(z > 0, 1 - tail, tail))
