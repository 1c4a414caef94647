"""How many calls may be abandoned: the risk that pacing may take with the next one.

A controller with memory. Each customer who was connected earns `share` of an abandoned call, each one abandoned costs
one. What was saved raises the risk allowed, what was overspent lowers it at once, and a slow integral finds the level
at which both balance: so the risk hardly moves, which is what keeps agents busiest for the same share. Above the cap
itself, and after a burst, the risk is held low until that is over.

Plain data, that is stored as it is; a value that makes no sense begins anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

OF_CAP = 29 / 30
"""The target, of the cap."""
FIRST_RISK = 0.03
GAIN = 0.1
"""Of the risk's logarithm, for each abandoned call saved."""
MOST_SAVED = 12.0
"""Abandoned calls saved or overspent, beyond which the slow integral learns no faster."""
GUARDED_RISK = 0.01
GUARDED_FROM = 2
"""Abandoned calls: the first of a day is above any cap."""
LATELY = 100.0
"""Customers over which a burst is judged: it counts 1/e after so many."""
BURST = 4.0
"""Abandoned calls more than were earned lately, above which the risk is held low."""
LEAST_RISK, MOST_RISK = 0.001, 0.5
LEAST_CAP, MOST_CAP = 0.001, 0.2
_LOW, _HIGH = math.log(LEAST_RISK), math.log(MOST_RISK)


@dataclass(slots=True)
class Budget:
    """What was abandoned of what may be. `cap`: the law's or the campaign's."""

    cap: float = 0.03
    saved: float = 0.0
    balance: float = field(default_factory=lambda: math.log(FIRST_RISK))
    connected: float = 0.0
    abandoned: float = 0.0
    lately: float = 0.0
    """Abandoned calls more than were earned, of the last customers."""

    def __post_init__(self) -> None:
        """Stored values may be anything."""
        self.cap = _within(self.cap, LEAST_CAP, MOST_CAP, 0.03)
        self.balance = _within(self.balance, _LOW, _HIGH, math.log(FIRST_RISK))
        self.connected = _within(self.connected, 0.0, 1e12, 0.0)
        self.abandoned = _within(self.abandoned, 0.0, 1e12, 0.0)
        self.saved = _within(self.saved, -1e9, 1e9, 0.0)
        self.lately = _within(self.lately, -LATELY, LATELY, 0.0)

    @property
    def share(self) -> float:
        """The target: a little below the cap."""
        return self.cap * OF_CAP

    def connect(self) -> None:
        """A customer reached an agent."""
        self.connected += 1
        self._learn(self.share)

    def abandon(self) -> None:
        """A customer found nobody within the grace."""
        self.abandoned += 1
        self._learn(self.share - 1)

    def _learn(self, earned: float) -> None:
        """The slow part, at each customer.

        What is saved changes by -share·δ a customer, δ the risk's surplus (of its logarithm); δ = GAIN·saved + balance.
        With the balance's own gain at share·GAIN²/4 that loop is damped critically: it neither swings nor creeps,
        whatever the number of agents.
        """
        self.saved += earned
        self.lately += -earned - self.lately / LATELY
        saved = min(max(self.saved, -MOST_SAVED), MOST_SAVED)
        self.balance += self.share * GAIN**2 / 4 * saved
        self.balance = min(max(self.balance, _LOW), _HIGH)

    def take_back(self) -> None:
        """Somebody who was counted as connected has found nobody in the end."""
        self.connected -= 1
        self._learn(-self.share)

    @property
    def overspent(self) -> bool:
        """More are abandoned than may be, on the whole or lately."""
        above = self.abandoned >= GUARDED_FROM and self.abandoned > self.cap * (self.connected + self.abandoned)
        return above or self.lately > BURST

    def allowed(self) -> float:
        """The risk that the next call may have."""
        risk = math.exp(min(max(self.balance + GAIN * self.saved, _LOW), _HIGH))
        return min(risk, GUARDED_RISK) if self.overspent else risk


def _within(value: float, low: float, high: float, otherwise: float) -> float:
    return min(max(value, low), high) if math.isfinite(value) else otherwise
