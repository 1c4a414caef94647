"""How many to dial: the learned lifetimes, the look-ahead's law, and the budget."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.core.budget import GUARDED_RISK, Budget
from callctl.core.lifetimes import RING_AGES, TALK_AGES, Lifetimes
from callctl.core.pacing import (
    Learned,
    Lookahead,
    Pacer,
    Seen,
    hazards,
    nobody_left,
    normal_law,
)

pytestmark = pytest.mark.core


def taught(answer: float, *, calls: int = 4000, talk: float = 60.0, seed: int = 1) -> Pacer:
    """One who has seen so many calls, answered between 4 and 12 s or ringing out at 25."""
    draw = random.Random(seed)
    pacer = Pacer()
    for _ in range(calls):
        answered = draw.random() < answer
        pacer.learned.rings.end(draw.uniform(4, 12) if answered else 25.0, lost=not answered)
    for _ in range(600):
        pacer.learned.talks.end(draw.expovariate(1 / talk))
        pacer.learned.wraps.end(draw.uniform(5, 25))
    return pacer


# ── lifetimes ────────────────────────────────────────────────────────────────────────────────


def test_a_hazard_is_ends_over_the_time_at_risk() -> None:
    lives = Lifetimes(TALK_AGES, memory=1e9, smooth=2.0)
    draw = random.Random(1)
    for _ in range(20_000):
        lives.end(draw.expovariate(1 / 60))
    found, _ = hazards(lives, ())
    assert all(rate == pytest.approx(1 / 60, rel=0.25) for rate in found[:20])


def test_what_still_lasts_counts_with_the_time_it_has_lasted() -> None:
    """Without it, whoever talks long would be known only when they end: talks would seem short."""
    lives = Lifetimes(TALK_AGES, memory=1e9, smooth=2.0)
    draw = random.Random(2)
    lasting = []
    for _ in range(20_000):
        talk, seen_for = draw.expovariate(1 / 60), draw.uniform(0, 120)
        if talk < seen_for:
            lives.end(talk)
        else:
            lasting.append(seen_for)
    with_them, without = hazards(lives, lasting)[0], hazards(lives, ())[0]
    assert sum(with_them[:20]) / 20 == pytest.approx(1 / 60, rel=0.1)
    assert sum(without[:20]) / 20 > 1.3 / 60


def test_old_ends_are_forgotten() -> None:
    lives = Lifetimes(RING_AGES, memory=100)
    for _ in range(1000):
        lives.end(5.0)
    for _ in range(1000):
        lives.end(25.0, lost=True)
    assert sum(lives.ended) / lives.weight < 0.01
    assert lives.seen == pytest.approx(100, rel=0.02)


def test_the_weights_of_a_long_life_stay_numbers() -> None:
    lives = Lifetimes(RING_AGES, memory=2)
    for _ in range(5000):
        lives.end(3.0)
    assert math.isfinite(lives.weight)
    assert lives.seen == pytest.approx(2, rel=0.01)


# ── the law of a sum ─────────────────────────────────────────────────────────────────────────


def exactly(idle: int, free: list[float], answers: list[float]) -> float:
    """P(idle + freed - answered <= 0), by convolution."""
    law = np.zeros(1 + len(free) + len(answers))
    law[0] = 1.0  # of freed + (answers that do not come)
    for chance in free + [1 - q for q in answers]:
        law[1:] = law[1:] * (1 - chance) + law[:-1] * chance
        law[0] *= 1 - chance
    return float(law[: max(0, len(answers) - idle + 1)].sum())


@given(
    st.integers(0, 6),
    st.lists(st.floats(0.02, 0.9), max_size=40),
    st.lists(st.floats(0.02, 0.6), min_size=2, max_size=80),
)
def test_the_refined_normal_law_is_near_the_exact_one(idle: int, free: list[float], answers: list[float]) -> None:
    mean = idle + sum(free) - sum(answers)
    both = [(q, 1) for q in free] + [(q, -1) for q in answers]
    variance = sum(q * (1 - q) for q, _ in both)
    third = sum(sign * q * (1 - q) * (1 - 2 * q) for q, sign in both)
    if variance < 0.5:
        return
    found = nobody_left(np.array([mean]), np.array([variance]), np.array([third]))[0]
    assert found == pytest.approx(exactly(idle, free, answers), abs=0.04)


def test_the_normal_law() -> None:
    z = np.linspace(-6, 6, 241)
    exact = [0.5 * math.erfc(-x / math.sqrt(2)) for x in z]
    assert np.abs(normal_law(z) - exact).max() < 1e-7


# ── the look-ahead ───────────────────────────────────────────────────────────────────────────


def test_the_chance_of_an_answer_depends_on_the_age() -> None:
    pacer = taught(0.25)
    tables = Lookahead(pacer.learned, Seen(5), 2.0, level=1.0)
    sooner_or_later = tables.needs.by[:, -1]
    assert sooner_or_later[0] == pytest.approx(0.25, abs=0.03)
    assert sooner_or_later[13] < 0.01, "nobody answers after 12 s"
    assert tables.needs.by[7, 2] > tables.needs.by[0, 2], "nobody answers before 4 s"


def test_an_agent_is_free_after_talk_and_wrap_up() -> None:
    tables = Lookahead(taught(0.25).learned, Seen(5), 0.0, level=1.0)
    assert tables.frees.by[0, 4] < 0.05, "wrap-up alone takes 5 s"
    assert tables.readies.by[0, -1] > 0.95
    assert np.all(np.diff(tables.frees.by, axis=1) >= -1e-12)


@pytest.mark.parametrize("answer", [0.1, 0.25, 0.5])
def test_more_lines_than_agents_where_few_answer(answer: float) -> None:
    pace = taught(answer).decide(Seen(idle=10, talking=[30.0] * 10), 0.0)
    assert 10 < pace.dial < 10 / answer * 1.2
    assert pace.risk > pace.allowed, "the one that was not dialled"


def test_a_call_in_flight_is_a_line_less() -> None:
    ahead = taught(0.25).decide(Seen(idle=10), 0.0)
    then = taught(0.25).decide(Seen(idle=10, ringing=[0.0] * ahead.dial), 0.0)
    assert then.dial == 0
    assert then.in_flight == ahead.dial


def test_nobody_free_and_nobody_soon_free_dials_nobody() -> None:
    assert taught(0.25).decide(Seen(idle=0, waiting=1), 0.0).dial == 0


def test_before_anything_was_seen_it_dials_no_more_than_one_each() -> None:
    assert Pacer().decide(Seen(idle=8), 0.0).dial <= 8


def test_no_more_than_the_lines_there_are() -> None:
    assert taught(0.1).decide(Seen(idle=50, most=7), 0.0).dial == 7


def test_who_asks_twice_hears_the_same() -> None:
    seen = Seen(idle=3, ringing=[1.0, 9.0], talking=[3.0, 80.0], wrapping=[4.0])
    assert taught(0.25).decide(seen, 0.0) == taught(0.25).decide(seen, 0.0)


def test_the_answer_rate_of_the_hour_is_followed() -> None:
    pacer = taught(0.25)
    before = pacer.decide(Seen(idle=20), 0.0).dial
    for _ in range(400):
        pacer.rang(25.0, answered=False)
        pacer.rang(8.0, answered=True)
    assert pacer.decide(Seen(idle=20), 10.0).dial < before, "half of them answer now"


# ── the budget ───────────────────────────────────────────────────────────────────────────────


def test_what_is_abandoned_lowers_the_risk_and_what_is_connected_raises_it() -> None:
    budget = Budget()
    at_first = budget.allowed()
    budget.abandon()
    after = budget.allowed()
    for _ in range(100):
        budget.connect()
    assert after < at_first < budget.allowed()


def test_over_the_share_the_risk_is_guarded() -> None:
    budget = Budget()
    for _ in range(3):
        budget.abandon()
    assert budget.allowed() <= GUARDED_RISK


def test_the_balance_stays_within_bounds() -> None:
    budget = Budget()
    for _ in range(100_000):
        budget.connect()
    assert budget.allowed() <= 0.5


def test_the_loop_is_damped() -> None:
    """With as many abandoned as the risk allowed says, times 1.5, the budget comes to rest at nothing saved."""
    budget, debt = Budget(), 0.0
    saved = []
    for _ in range(60_000):
        debt += 1.5 * budget.allowed()
        if debt >= 1:
            debt -= 1
            budget.abandon()
        else:
            budget.connect()
        saved.append(budget.saved)
    assert budget.abandoned / 60_000 == pytest.approx(0.029, rel=0.02)
    assert max(map(abs, saved[30_000:])) < 2.0, "it swings no more"


def test_why_is_said() -> None:
    why = taught(0.25).decide(Seen(idle=4, talking=[40.0] * 6), 0.0).why
    assert "to dial: 4 free" in why
    assert "allowed" in why


def test_what_was_learned_is_plain_data() -> None:
    assert all(isinstance(it, float) for it in Learned().rings.ended)
