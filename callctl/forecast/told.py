"""What came of a day, in its parts and in all."""

from __future__ import annotations

from dataclasses import dataclass

from callctl.forecast.contacts import ListTold

ENOUGH = 30
"""Answers without which a part of the day is not judged by its share of abandoned ones."""
FIRST_TEN = 600.0
"""The first ten minutes, in s."""


@dataclass(slots=True)
class Part:
    """A part of the day.

    answers: humans who picked up, those whom AMD took for machines included; abandoned: of these, dropped after the
    grace (AMD's false positives are not in it). handled: calls that agents took. cut: calls given up before an answer.
    busy: agents' s of talk and wrap-up; logged_in: agents' s.
    """

    dials: int = 0
    answers: int = 0
    abandoned: int = 0
    handled: int = 0
    cut: int = 0
    busy: float = 0.0
    logged_in: float = 0.0

    @property
    def abandoned_share(self) -> float:
        return share(self.abandoned, self.answers)

    @property
    def occupancy(self) -> float:
        """Talk and wrap-up, of the agents' logged in time."""
        return self.busy / self.logged_in if self.logged_in else 0.0

    @property
    def wait(self) -> float:
        """Idle s for each call that an agent took."""
        return (self.logged_in - self.busy) / max(1, self.handled)


@dataclass(frozen=True, slots=True)
class Told:
    """A day.

    short: in how many of its decisions the dialer took the last line; first_ten: the share abandoned in the first ten
    minutes; decision_p99, deciding: s of CPU time of the thread, 0 where that was not measured.
    """

    parts: tuple[Part, ...]
    false_positives: int
    short: float
    first_ten: float
    contacts: ListTold | None
    decisions: int
    decision_p99: float
    deciding: float

    @property
    def whole(self) -> Part:
        """All parts together."""
        names = Part.__dataclass_fields__
        return Part(**{name: sum(getattr(part, name) for part in self.parts) for name in names})

    @property
    def worst_part(self) -> float:
        """The highest share abandoned in a part with ENOUGH answers."""
        return max((part.abandoned_share for part in self.parts if part.answers >= ENOUGH), default=0.0)


def share(some: int, of: int) -> float:
    """0 where there is nothing."""
    return some / of if of else 0.0
