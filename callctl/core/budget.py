"""How many calls may be abandoned: the risk that pacing may take with the next one.

A controller with memory. Each customer who was connected earns `share` of an abandoned call, each one abandoned costs
one. What was saved raises the risk allowed, what was overspent lowers it at once, and a slow integral finds the level
at which both balance: so the risk hardly moves, which is what keeps agents busiest for the same share. Above the cap
itself the risk is held low until the share is below it again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

FIRST_RISK = 0.03
GAIN = 0.1
"""Of the risk's logarithm, for each abandoned call saved."""
MOST_SAVED = 12.0
"""Abandoned calls saved or overspent, beyond which the slow integral learns no faster."""
GUARDED_RISK = 0.01
GUARDED_FROM = 2
"""Abandoned calls: the first of a day is above any cap."""
LEAST_RISK, MOST_RISK = 0.001, 0.5


@dataclass(slots=True)
class Budget:
    """What was abandoned of what may be. `cap`: the law's or the campaign's; `share`: the target below it."""

    cap: float = 0.03
    share: float = 0.029
    saved: float = 0.0
    balance: float = field(default_factory=lambda: math.log(FIRST_RISK))
    connected: float = 0.0
    abandoned: float = 0.0

    def connect(self) -> None:
        """A customer reached an agent."""
        self.connected += 1
        self.saved += self.share
        self._learn()

    def abandon(self) -> None:
        """A customer found nobody within the grace."""
        self.abandoned += 1
        self.saved -= 1 - self.share
        self._learn()

    def _learn(self) -> None:
        """The slow part, at each customer.

        What is saved changes by -share·δ a customer, δ the risk's surplus (of its logarithm); δ = GAIN·saved + balance.
        With the balance's own gain at share·GAIN²/4 that loop is damped critically: it neither swings nor creeps,
        whatever the number of agents.
        """
        saved = min(max(self.saved, -MOST_SAVED), MOST_SAVED)
        self.balance += self.share * GAIN**2 / 4 * saved
        self.balance = min(max(self.balance, math.log(LEAST_RISK)), math.log(MOST_RISK))

    def allowed(self) -> float:
        """The risk that the next call may have."""
        risk = math.exp(min(max(self.balance + GAIN * self.saved, math.log(LEAST_RISK)), math.log(MOST_RISK)))
        overspent = self.abandoned >= GUARDED_FROM and self.abandoned > self.cap * (self.connected + self.abandoned)
        return min(risk, GUARDED_RISK) if overspent else risk
