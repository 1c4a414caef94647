"""Pacing in the benchmark's world (tests/bench/pacing): a few short days of what `make bench ARGS=pacing` measures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.bench.pacing.ours import Callctl
from tests.bench.pacing.peers import Progressive
from tests.bench.pacing.world import Scenario, live_a_day

pytestmark = pytest.mark.simulation

MOST = 0.035
"""Of an hour or three; over a whole day it is less (docs/pacing.md)."""
DAY = Scenario(agents=20, answer=0.25, talk=60.0, hours=1.5)


def test_agents_wait_less_and_few_are_abandoned() -> None:
    ours, progressive = live_a_day(DAY, Callctl(DAY), 1), live_a_day(DAY, Progressive(), 1)
    assert progressive.abandoned == 0
    assert ours.wait < progressive.wait / 3
    assert ours.abandoned_share <= MOST


def test_the_same_day_twice_is_the_same() -> None:
    day = replace(DAY, hours=0.5)
    first, second = (live_a_day(day, Callctl(day), 2) for _ in range(2))
    assert (first.dials, first.abandoned, first.occupancy) == (second.dials, second.abandoned, second.occupancy)


def test_a_shock_is_survived() -> None:
    """Agents leave, and the answer rate halves and doubles."""
    day = Scenario(agents=20, answer=0.25, talk=60.0, hours=3.0, shock=True)
    lived = live_a_day(day, Callctl(day), 1)
    assert lived.abandoned_share <= MOST


def test_many_agents_with_few_answers_begin_without_a_flood() -> None:
    """300 free agents at once, one call in ten answered: the first cohort alone says little about the rate."""
    day = Scenario(agents=300, answer=0.1, talk=60.0, hours=0.25)
    assert live_a_day(day, Callctl(day), 1).first_ten <= 0.05


def test_where_nobody_answers_it_stays_progressive() -> None:
    day = Scenario(agents=5, answer=0.0, talk=60.0, hours=0.5)
    lived = live_a_day(day, Callctl(day), 1)
    assert lived.dials == live_a_day(day, Progressive(), 1).dials
