"""Pacing in the forecast's world: a few short days of what `make bench ARGS=pacing` measures."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from callctl.forecast.predictive import Predictive
from callctl.forecast.rules import Progressive
from callctl.forecast.world import View, live
from tests.bench.pacing.days import Scenario

pytestmark = pytest.mark.simulation

MOST = 0.035
"""Of an hour or three; over a whole day it is less (docs/pacing.md)."""
DAY = Scenario(agents=20, answer=0.25, talk=60.0, hours=1.5).day()


def test_agents_wait_less_and_few_are_abandoned() -> None:
    ours, progressive = live(DAY, Predictive(DAY), 1).whole, live(DAY, Progressive(), 1).whole
    assert progressive.abandoned == 0
    assert ours.wait < progressive.wait / 3
    assert ours.abandoned_share <= MOST


def test_the_same_day_twice_is_the_same() -> None:
    day = replace(DAY, hours=0.5)
    first, second = (live(day, Predictive(day), 2).parts for _ in range(2))
    assert first == second


def test_a_shock_is_survived() -> None:
    """Agents leave, and the answer rate halves and doubles."""
    day = Scenario(agents=20, answer=0.25, talk=60.0, hours=3.0, shock=True).day()
    assert live(day, Predictive(day), 1).whole.abandoned_share <= MOST


def test_many_agents_with_few_answers_begin_without_a_flood() -> None:
    """300 free agents at once, one call in ten answered: the first cohort alone says little about the rate."""
    day = Scenario(agents=300, answer=0.1, talk=60.0, hours=0.25).day()
    assert live(day, Predictive(day), 1).first_ten <= 0.05


def test_where_nobody_answers_it_stays_progressive() -> None:
    day = Scenario(agents=5, answer=0.0, talk=60.0, hours=0.5).day()
    assert live(day, Predictive(day), 1).whole.dials == live(day, Progressive(), 1).whole.dials


def test_calls_are_given_up_after_the_least_ring_alone() -> None:
    """And never where the law says nothing of it."""
    day = Scenario(agents=5, answer=0.25, talk=60.0, hours=3.0).day()
    ages: list[float] = []

    class Spy(Predictive):
        def cut(self, view: View) -> int:
            count = super().cut(view)
            ages.extend(view.now - since for since in list(view.ringing.values())[:count])
            return count

    cutting, never = live(day, Spy(day), 1), live(day, Predictive(day, least_ring=math.inf), 1)
    assert cutting.whole.cut == len(ages) > 0
    assert min(ages) >= 15
    assert never.whole.cut == 0
