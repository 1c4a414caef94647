"""How long rings, talks and wrap-ups last, learned from those seen, the unfinished ones included.

A lifetime is known by its hazards: of those that reached an age, how many end there within a second, by what cause
(events over time at risk, the occurrence/exposure rate of survival analysis). So whatever still lasts counts with the
time it has lasted, no shape is assumed, and a table is a few dozen numbers that can be stored. All times in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

RING_AGES = tuple(float(age) for age in range(64))
TALK_AGES = (0.0, 2.0, 4.0, 6.0, 8.0, *(float(round(10 * 1.15**n)) for n in range(44)))
"""Finer where more end, up to 68 minutes."""
_RESCALE = 1e9


@dataclass(slots=True)
class Lifetimes:
    """Ends by age and cause, and the time at risk; what was seen `memory` ends ago counts 1/e of the newest."""

    ages: tuple[float, ...]
    memory: float
    smooth: float = 0.0
    """Ends by which each age is believed to be as any: for what is seen seldom, and ends at all ages."""
    ended: list[float] = field(default_factory=list)
    """By the cause that matters: answered, hung up, ready again."""
    lost: list[float] = field(default_factory=list)
    """By any other: busy, rang out."""
    at_risk: list[float] = field(default_factory=list)
    weight: float = 1.0
    """Of the newest end: it grows, so that nothing else needs to shrink at each."""

    def __post_init__(self) -> None:
        """Stored values may be anything: what makes no sense is forgotten."""
        self.memory = max(self.memory, 2.0) if math.isfinite(self.memory) else 1000.0
        every = (self.ended, self.lost, self.at_risk)
        sane = math.isfinite(self.weight) and self.weight >= 1.0
        if not sane or not all(len(counts) == len(self.ages) and all(map(_counts, counts)) for counts in every):
            self.weight = 1.0
            for counts in every:
                counts[:] = [0.0] * len(self.ages)

    def end(self, age: float, *, lost: bool = False) -> None:
        """One has ended at this age."""
        self.weight /= 1 - 1 / self.memory
        last = self.expose(self.at_risk, age, self.weight)
        (self.lost if lost else self.ended)[last] += self.weight
        self._rescale()

    def leave(self, age: float) -> None:
        """One is watched no more from this age on: how it would have ended, nobody knows (censored)."""
        self.expose(self.at_risk, age, self.weight)

    def _rescale(self) -> None:
        if self.weight > _RESCALE:
            for counts in (self.ended, self.lost, self.at_risk):
                counts[:] = [count / self.weight for count in counts]
            self.weight = 1.0

    def suppose(self, count: float, begin: float, span: float) -> None:
        """As if so many had ended, evenly, in a span of ages: what is believed before anything was seen."""
        for step in range(int(span)):
            self.ended[self.expose(self.at_risk, begin + step, count / span)] += count / span

    def expose(self, at_risk: list[float], age: float, weight: float) -> int:
        """Add the time up to an age; gives the index of that age's bin."""
        for n, begin in enumerate(self.ages[1:]):
            if age < begin:
                at_risk[n] += weight * (age - self.ages[n])
                return n
            at_risk[n] += weight * (begin - self.ages[n])
        at_risk[-1] += weight * (age - self.ages[-1])
        return len(self.ages) - 1

    @property
    def seen(self) -> float:
        """Ends remembered."""
        return (sum(self.ended) + sum(self.lost)) / self.weight


def _counts(value: float) -> bool:
    return math.isfinite(value) and value >= 0
