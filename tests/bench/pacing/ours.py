"""callctl's pacing (`callctl/core/pacing.py`) as a dialer of the benchmark's world: told the same as any peer."""

from __future__ import annotations

from callctl.core.pacing import Pacer, Seen
from tests.bench.pacing.world import Quiet, Scenario, View

DETECTION = 2.0
"""Seconds that AMD takes in the world; a dialer measures it."""
SMALL = 50
"""Agents, from which only the tick asks: with so many, something happens all the time."""


class Callctl(Quiet):
    """One configuration for every row; every day begins cold."""

    poll = 0.5

    def __init__(self, scenario: Scenario):
        self.eager = scenario.agents < SMALL
        self.amd = scenario.amd
        self.pacer = Pacer(grace=scenario.grace)

    def dial(self, view: View) -> int:
        now = view.now
        return self.pacer.decide(
            Seen(
                view.idle,
                view.waiting,
                [now - since for since in view.ringing.values()],
                [now - since for since in view.detecting.values()],
                [now - since for since in view.talking.values()],
                [now - since for since in view.wrapping.values()],
            ),
            now,
        ).dial

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
        self.pacer.learned.detections.end(DETECTION, lost=True)

    def _human(self) -> None:
        if self.amd:
            self.pacer.learned.detections.end(DETECTION)

    def talked(self, now: float, seconds: float) -> None:
        self.pacer.learned.talks.end(seconds)

    def wrapped(self, now: float, seconds: float) -> None:
        self.pacer.learned.wraps.end(seconds)
