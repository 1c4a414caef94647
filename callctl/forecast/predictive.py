"""callctl's own pacing (`core/pacing`) as a dialer of the forecast's world: told the same as any peer."""

from __future__ import annotations

from itertools import islice

from callctl.core.budget import Budget
from callctl.core.pacing import Pace, Pacer, Seen
from callctl.forecast.campaign import Day
from callctl.forecast.world import Quiet, View

LEAST_RING = 15.0
"""Seconds, before which no call is given up: the law's, in the US and elsewhere."""
SMALL = 50
"""Agents, from which only the tick asks: with so many, something happens all the time."""


class Predictive(Quiet):
    """Every day begins cold. `cap`: the share that may be abandoned."""

    poll = 0.5

    def __init__(self, day: Day, cap: float = 0.03, least_ring: float = LEAST_RING) -> None:
        self.eager = day.agents < SMALL
        self.amd = day.amd
        self.pacer = Pacer(grace=day.grace, least_ring=least_ring, budget=Budget(cap=cap))
        self.pace: Pace | None = None
        """The last one."""

    def dial(self, view: View) -> int:
        now = view.now
        self.pace = self.pacer.decide(
            Seen(
                view.idle,
                view.waiting,
                [now - since for since in view.ringing.values()],
                [now - since for since in view.detecting.values()],
                [now - since for since in view.talking.values()],
                [now - since for since in view.wrapping.values()],
                view.most,
            ),
            now,
        )
        return self.pace.dial

    def cut(self, view: View) -> int:
        count = 0 if self.pace is None else self.pace.cut
        for since in islice(view.ringing.values(), count):
            self.pacer.gave_up(view.now - since)
        return count

    def answered(self, now: float, rang: float) -> None:
        self.pacer.rang(rang, answered=True)

    def failed(self, now: float, rang: float) -> None:
        self.pacer.rang(rang, answered=False)

    def connected(self, now: float) -> None:
        self._human()
        self.pacer.budget.connect()

    def abandoned(self, now: float) -> None:
        self._human()
        self.pacer.budget.abandon()

    def machine(self, now: float) -> None:
        if self.amd is not None:
            self.pacer.learned.detections.end(self.amd.listens, lost=True)

    def _human(self) -> None:
        if self.amd is not None:
            self.pacer.learned.detections.end(self.amd.listens)

    def talked(self, now: float, seconds: float) -> None:
        self.pacer.learned.talks.end(seconds)

    def wrapped(self, now: float, seconds: float) -> None:
        self.pacer.learned.wraps.end(seconds)
