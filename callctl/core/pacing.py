"""How many calls to dial now, so that those who answer find a free agent.

Progressive dialling has one line for each free agent, and agents who wait. To dial more is a bet on what the next half
minute brings: which of the calls that ring are answered, and which agents become free. Both are known by age only: a
call that has rung for 12 s is more likely to be answered in the next second than one just dialled, and one that has
rung for 24 s is not. So `look_ahead` goes second by second: of each call in flight the chance that it was answered
by then, of each agent the chance to be free, each conditional on its age (`lifetimes`). The number of agents left for
one more customer is a sum of independent yes-or-no's, whose law is a normal one, corrected for skewness (the "refined
normal approximation" of the Poisson-binomial law: Hong 2013, doi:10.1016/j.csda.2012.10.006). The next call is dialled
while the chance that its customer would find nobody within the grace is below the risk that the budget allows.

A call that has rung for as long as the law asks is given up where its customer would hardly find anybody: its place is
worth more to another. What the budget allows is `budget`'s. Until a first cohort of calls was seen to its end nothing
is bet on them: one line for each free agent, progressively.

All times in seconds. Pure: what was learned (`Learned`) is plain data, the tables are derived from it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
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
AT_ONCE, MOST_AT_ONCE = 8, 64
"""Further calls weighed in one reckoning: at first, and at the most."""
MOST_EACH = 100
"""Lines in flight for each agent, whatever was learned."""
CALLS_STALE, AGENTS_STALE = 5.0, 10.0
"""Seconds after which the tables of calls, and of agents, are reckoned anew."""
FEW = 100
"""Calls and agents up to which they are added up one by one."""
CUT = 0.1
"""The risk above which a call that has rung for long enough is given up."""
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
    cut: int = 0
    """So many of the calls that ring, the oldest, are to be given up: their customers would hardly find anybody."""
    said: str = ""
    """Why, where it was not by a look ahead."""

    @property
    def why(self) -> str:
        """For people."""
        if self.said:
            return f"{self.dial} to dial: {self.said}"
        return (
            f"{self.dial} to dial: {self.idle} free, {self.waiting} waiting, {self.in_flight} in flight of which"
            f" {self.expected_answers:.1f} will answer, {self.expected_free:.1f} agents soon free; the next one's risk"
            f" {self.risk:.1%} of {self.allowed:.1%} allowed, {self.saved:+.1f} abandoned calls left"
            + (f"; {self.cut} that ring long are given up" if self.cut else "")
        )


@dataclass(slots=True)
class Learned:
    """Of one campaign. `rings` end with the answer, `detections` with a human, `talks` and `wraps` with the agent."""

    rings: Lifetimes = field(default_factory=lambda: believed())
    detections: Lifetimes = field(default_factory=lambda: Lifetimes(RING_AGES, memory=1000))
    talks: Lifetimes = field(default_factory=lambda: Lifetimes(TALK_AGES, memory=600, smooth=2.0))
    wraps: Lifetimes = field(default_factory=lambda: Lifetimes(TALK_AGES, memory=600, smooth=2.0))
    answered: float = SURE
    """Lately, against what `rings` let expect of the same calls: the level of the hour."""
    expected: float = SURE

    def __post_init__(self) -> None:
        """Stored values may be of other times, or anything: what makes no sense begins anew."""
        if self.rings.ages != RING_AGES or self.rings.smooth or not any(self.rings.at_risk):
            self.rings = believed()
        if self.detections.ages != RING_AGES or self.detections.smooth:
            self.detections = Lifetimes(RING_AGES, memory=1000)
        if self.talks.ages != TALK_AGES or not self.talks.smooth > 0:
            self.talks = Lifetimes(TALK_AGES, memory=600, smooth=2.0)
        if self.wraps.ages != TALK_AGES or not self.wraps.smooth > 0:
            self.wraps = Lifetimes(TALK_AGES, memory=600, smooth=2.0)
        if not (0 <= self.answered < math.inf and -math.inf < self.expected < math.inf):
            self.answered = self.expected = SURE

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


def believed() -> Lifetimes:
    """Of rings, before anything was seen: that of five calls dialled all five are answered, between 2 and 12 s."""
    rings = Lifetimes(RING_AGES, memory=20_000)
    rings.suppose(5.0, 2.0, 10.0)
    return rings


@dataclass(frozen=True, slots=True)
class Chances:
    """By age (row) and second ahead (column), the chance that it has happened by then."""

    ages: Sequence[float]
    by: Floats


class Answers:
    """The answers expected of a call up to an age, at the level 1 (survival analysis: its compensator)."""

    def __init__(self, answer: Floats):
        self._by_age = np.concatenate([[0.0], np.cumsum(answer)])

    def due(self, ages: Sequence[float]) -> float:
        """Of calls of these ages, together."""
        return float(np.interp(np.asarray(ages), _EDGES, self._by_age).sum()) if ages else 0.0


_EDGES = np.asarray([*RING_AGES, RING_AGES[-1] + 1])
_RINGS, _TALKS = len(RING_AGES), len(TALK_AGES)
_NEEDS, _ASKS = slice(0, _RINGS), slice(_RINGS, 2 * _RINGS)
_FREES, _READIES = slice(2 * _RINGS, 2 * _RINGS + _TALKS), slice(2 * _RINGS + _TALKS, 2 * (_RINGS + _TALKS))

_KINDS = tuple(map(np.asarray, (RING_AGES, RING_AGES, TALK_AGES, TALK_AGES)))
"""The ages of those that ring, are listened to, talk, wrap up."""


class Lookahead:
    """The tables. A row for each kind (rings, is listened to, talks, wraps up) and age; of each second ahead what a sum
    of such yes-or-no's needs: what it adds to the agents left on average, to the variance, to the third central moment,
    and to the answers.

    Those of the calls and those of the agents are reckoned apart: a decision waits for one of them at the most.
    """

    def __init__(self, grace: float):
        self.grace = grace
        self.level, self.doubt = 1.0, 1.0
        """Of the answer rate: its relative variance, from the answers counted."""
        self.rows = np.zeros((2 * (_RINGS + _TALKS), 4 * AHEAD))
        self.when = np.zeros(AHEAD)
        """Of a call dialled now and answered: in which second."""

    def reckon_calls(self, learned: Learned, seen: Seen, rings: tuple[Floats, Floats], level: float) -> None:
        """`rings`: their hazards."""
        answer, fail = rings
        ends = _ahead(RING_AGES, answer * level, fail)
        self.level = level
        self.doubt = 1 / max(1.0, min(learned.answered, sum(learned.rings.ended) / learned.rings.weight))
        human = _within(learned.detections, seen.detecting) if _any(learned.detections) else None
        needs = np.cumsum(ends, axis=1) if human is None else _then(ends, human)
        self._take(_NEEDS, _middle(needs))
        self._take(_ASKS, _middle(np.cumsum(ends if human is None else human, axis=1)))
        first = self.needs.by[0]
        self.when = np.diff(first, prepend=0.0) / max(float(first[-1]), 1e-9)

    def reckon_agents(self, learned: Learned, seen: Seen) -> None:
        wrapped = _within(learned.wraps, seen.wrapping)
        self._free(_FREES, _later(_then(_within(learned.talks, seen.talking), wrapped), self.grace))
        self._free(_READIES, _later(np.cumsum(wrapped, axis=1), self.grace))

    def _take(self, which: slice, by: Floats) -> None:
        """Calls take agents away."""
        self._free(which, by)
        rows = self.rows[which]
        rows[:, 3 * AHEAD :] = by
        rows[:, :AHEAD] = -by
        rows[:, 2 * AHEAD : 3 * AHEAD] *= -1

    def _free(self, which: slice, by: Floats) -> None:
        rows = self.rows[which]
        variance = by * (1 - by)
        rows[:, :AHEAD] = by
        rows[:, AHEAD : 2 * AHEAD] = variance
        rows[:, 2 * AHEAD : 3 * AHEAD] = variance * (1 - 2 * by)

    @property
    def needs(self) -> Chances:
        """By a call that rings: an agent."""
        return Chances(RING_AGES, self.rows[_NEEDS, 3 * AHEAD :])

    @property
    def asks(self) -> Chances:
        """By one that was answered, and may be a machine."""
        return Chances(RING_AGES, self.rows[_ASKS, 3 * AHEAD :])

    @property
    def frees(self) -> Chances:
        """Of one who talks: an agent."""
        return Chances(TALK_AGES, self.rows[_FREES, :AHEAD])

    @property
    def readies(self) -> Chances:
        """Of one in wrap-up."""
        return Chances(TALK_AGES, self.rows[_READIES, :AHEAD])

    def summed(self, seen: Seen) -> Floats:
        """Of all calls and agents: rows mean, variance, third moment, and the answers' mean; by second ahead."""
        lasting = (seen.ringing, seen.detecting, seen.talking, seen.wrapping)
        if sum(map(len, lasting)) < FEW:
            rows = _ring_rows(seen.ringing)
            rows += [_RINGS + row for row in _ring_rows(seen.detecting)]
            rows += [2 * _RINGS - 1 + (bisect_right(TALK_AGES, age) or 1) for age in seen.talking]
            rows += [2 * _RINGS + _TALKS - 1 + (bisect_right(TALK_AGES, age) or 1) for age in seen.wrapping]
            return np.asarray(self.rows[rows].sum(axis=0).reshape(4, AHEAD))
        counts = np.concatenate([_counts(it, of) for it, of in zip(lasting, _KINDS, strict=True)])
        return np.asarray((counts.astype(np.float64) @ self.rows).reshape(4, AHEAD))


def _counts(lasting: Sequence[float], begins: Floats) -> npt.NDArray[np.intp]:
    """How many are of each age."""
    return np.bincount(np.searchsorted(begins[1:], lasting, side="right"), minlength=len(begins))


def _ring_rows(ages: Sequence[float]) -> list[int]:
    rows = [*map(int, ages)]
    if rows and (max(rows) >= _RINGS or min(rows) < 0):
        return [min(max(row, 0), _RINGS - 1) for row in rows]
    return rows


def hazards(lives: Lifetimes, lasting: Sequence[float]) -> tuple[Floats, Floats]:
    """By age, per second: of the cause that matters, and of any other. Those that still last are at risk too."""
    ended, lost, at_risk = np.asarray([lives.ended, lives.lost, lives.at_risk]) / lives.weight
    if lasting:
        at_risk += _exposed(lives.ages, np.maximum(lasting, 0.0))
    if not lives.smooth:
        return ended / (at_risk + HARDLY), lost / (at_risk + HARDLY)
    if ended.sum() < FEW_ENDS:
        return np.zeros_like(ended), np.zeros_like(ended)
    usual = ended.sum() / max(at_risk.sum(), HARDLY)
    return (ended + lives.smooth) / (at_risk + lives.smooth / usual), lost / (at_risk + HARDLY)


def _any(lives: Lifetimes) -> bool:
    return any(lives.ended) or any(lives.lost)


def _exposed(ages: Sequence[float], lasting: Floats) -> Floats:
    """By age: the time that those of these ages have spent at it; at the last one, all that is beyond."""
    begins = np.asarray(ages)
    row = np.searchsorted(begins[1:], lasting, side="right")
    here = np.asarray(np.bincount(row, weights=lasting - begins[row], minlength=len(ages)), dtype=np.float64)
    beyond = len(lasting) - np.cumsum(np.bincount(row, minlength=len(ages)))
    here[:-1] += beyond[:-1] * np.diff(begins)
    return here


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
    lasts = np.cumprod((1 - ends)[reached], axis=1)
    lasts[:, 1:] = lasts[:, :-1]
    lasts[:, 0] = 1.0
    return np.asarray(lasts * (ends * np.divide(matters, both, out=np.zeros_like(both), where=both > 0))[reached])


_LAG = np.arange(AHEAD)[None, :] - np.arange(AHEAD)[:, None]


def _then(first: Floats, second: Floats) -> Floats:
    """That both have happened by then, one after the other; the second from its beginning."""
    halves = _middle(np.cumsum(second[:1], axis=1))[0]
    return np.asarray(first @ np.where(_LAG >= 0, halves[_LAG], 0.0))


def _middle(by: Floats) -> Floats:
    """In the middle of each second, not at its end."""
    middle = by / 2
    middle[:, 1:] += by[:, :-1] / 2
    return np.asarray(middle)


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
    """A campaign's pacing: told what happens, asked how many to dial. Can be made anew from what was stored."""

    grace: float = 2.0
    """Seconds that a customer waits for an agent."""
    least_ring: float = math.inf
    """Seconds that a call rings before it may be given up (`Pace.cut`): the law's. inf: it is never."""
    learned: Learned = field(default_factory=Learned)
    budget: Budget = field(default_factory=Budget)
    _answers: Answers | None = None
    _tables: Lookahead | None = None
    _calls_made: float = 0.0
    _agents_made: float = 0.0
    _agents: int = 0
    _mature: bool = False

    def rang(self, age: float, *, answered: bool) -> None:
        """A call was answered, or ended otherwise, so long after it was dialled."""
        self._count(age, answered)
        self.learned.rings.end(age, lost=not answered)

    def gave_up(self, age: float) -> None:
        """A call was hung up by us at this age: nobody knows whether it would have been answered."""
        self._count(age, answered=False)
        self.learned.rings.leave(age)

    def _count(self, age: float, answered: bool) -> None:
        if self._answers is not None and self.mature:
            memory = max(LEVEL_MEMORY, LEVEL_AGENTS * self._agents)
            self.learned.count(self._answers.due([age]), answered, memory)

    @property
    def mature(self) -> bool:
        """The first cohort was seen to its end: before, the quick ones would be taken for all."""
        if not self._mature:
            rings = self.learned.rings
            answers = sum(rings.ended) / rings.weight
            self._mature = rings.seen >= max(KNOWN_ENDS, self._agents) and answers >= KNOWN_ANSWERS
        return self._mature

    def decide(self, seen: Seen, now: float) -> Pace:
        """How many calls to dial now. `now`: seconds, of any beginning."""
        self._agents = seen.idle + len(seen.talking) + len(seen.wrapping)
        tables, mature = self._reckoned(seen, now), self.mature
        lines = MOST_EACH * self._agents if mature else seen.idle - seen.waiting
        most = max(0, min(seen.most, lines - len(seen.ringing) - len(seen.detecting)))
        pace = look_ahead(tables, seen, self.budget, most, self.least_ring if mature else math.inf)
        if mature:
            return pace
        why = f"one line each until some calls were seen to their end: {pace.idle} free, {pace.in_flight} in flight"
        return replace(pace, said=why)

    def _reckoned(self, seen: Seen, now: float) -> Lookahead:
        """The tables, of which a part is made anew where it is stale."""
        tables = self._tables
        if tables is None:
            tables = self._tables = Lookahead(self.grace)
            self._reckon_calls(tables, seen, now)
            self._reckon_agents(tables, seen, now)
        elif now - self._calls_made >= CALLS_STALE:
            self._reckon_calls(tables, seen, now)
        elif now - self._agents_made >= AGENTS_STALE:
            self._reckon_agents(tables, seen, now)
        return tables

    def _reckon_calls(self, tables: Lookahead, seen: Seen, now: float) -> None:
        self._calls_made = now
        rings = hazards(self.learned.rings, seen.ringing)
        self._answers = Answers(rings[0])
        going_on = self._answers.due(seen.ringing)
        if not self.mature:
            self.learned.begin(going_on)
        tables.reckon_calls(self.learned, seen, rings, self.learned.level(going_on))

    def _reckon_agents(self, tables: Lookahead, seen: Seen, now: float) -> None:
        self._agents_made = now
        tables.reckon_agents(self.learned, seen)


def look_ahead(tables: Lookahead, seen: Seen, budget: Budget, most: int, least_ring: float) -> Pace:
    """The decision itself: `most` calls, and giving up none that has not rung for `least_ring` s."""
    allowed = budget.allowed()
    total = tables.summed(seen)
    calls = total[3].copy()
    soon = float(total[0, SOON] + calls[SOON])
    total[0] += seen.idle - seen.waiting
    one = tables.rows[0].reshape(4, AHEAD)
    first = _risks(total, tables.doubt)
    risk = float(first @ tables.when)
    dial, at_once = 0, AT_ONCE
    while risk <= allowed and dial < most:
        more = np.arange(dial + 1, dial + at_once + 1)[:, None, None]
        risks = _risks(total + more * one, tables.doubt) @ tables.when
        fit = int((risks > allowed).argmax()) if risks[-1] > allowed else at_once - 1
        dial, risk, at_once = dial + fit + 1, float(risks[fit]), min(2 * at_once, MOST_AT_ONCE)
    dial = min(dial, most)
    cut = _too_many(tables, seen, total, least_ring) if first.max() > CUT else 0
    return Pace(
        dial,
        seen.idle,
        seen.waiting,
        len(seen.ringing) + len(seen.detecting),
        float(calls[-1]),
        soon,
        risk,
        allowed,
        budget.saved,
        cut,
    )


def _too_many(tables: Lookahead, seen: Seen, total: Floats, least_ring: float) -> int:
    """How many of the oldest calls to give up: those whose customers would likely find nobody."""
    old = sorted((age for age in seen.ringing if age >= least_ring), reverse=True)[:AT_ONCE]
    if not old:
        return 0
    rows = tables.rows[_ring_rows(old)].reshape(len(old), 4, AHEAD)
    answers = rows[:, 3]
    when = answers.copy()
    when[:, 1:] -= answers[:, :-1]
    without = total - np.cumsum(rows, axis=0)
    risks = (_risks(without, tables.doubt) * when).sum(axis=1) / np.maximum(answers[:, -1], 1e-9)
    kept = np.flatnonzero(risks <= CUT)
    return int(kept[0]) if len(kept) else len(old)


def _risks(total: Floats, doubt: float) -> Floats:
    """By second ahead: that nobody is left; `total`: as of `Lookahead.summed`, on the last two axes."""
    calls = total[..., 3, :]
    return nobody_left(total[..., 0, :], total[..., 1, :] + doubt * calls * calls, total[..., 2, :])


def nobody_left(mean: Floats, variance: Floats, third: Floats) -> Floats:
    """The chance that the sum is 0 or less."""
    variance = variance + 1e-9
    deviation = np.sqrt(variance)
    z = (0.5 - mean) / deviation
    at = np.take(_LAW, (z * _FINE + _MIDDLE).astype(np.intp), axis=0, mode="clip")
    return np.asarray((at[..., 0] + third / (variance * deviation) * at[..., 1]).clip(0.0, 1.0))


def normal_law(z: Floats) -> Floats:
    """The normal law's distribution function, within 7.5e-8 (Abramowitz and Stegun 26.2.17)."""
    t = 1 / (1 + 0.2316419 * np.abs(z))
    tail = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) * t
    tail = tail * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    return np.asarray(np.where(z > 0, 1 - tail, tail))


_FINE, _MIDDLE = 256, 8 * 256
_GRID = (np.arange(2 * _MIDDLE + 1) - _MIDDLE + 0.5) / _FINE
_LAW = np.stack(
    [normal_law(_GRID), (1 - _GRID * _GRID) * np.exp(-0.5 * _GRID * _GRID) / (6 * math.sqrt(2 * math.pi))], axis=1
)
_LAW[0], _LAW[-1] = (0.0, 0.0), (1.0, 0.0)
"""The normal law, and what a skewness of 1 adds to it, by z from -8 to 8: it is looked up, which is quicker."""
