"""How many to dial: the learned lifetimes, the look-ahead's law, and the budget."""

from __future__ import annotations

import dataclasses
import math
import random
from dataclasses import replace

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
from callctl.store.codec import dumps, loads

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


def looked(pacer: Pacer, grace: float) -> Lookahead:
    """The tables, at the level 1."""
    tables = Lookahead(grace)
    tables.reckon_calls(pacer.learned, Seen(5), hazards(pacer.learned.rings, ()), 1.0)
    tables.reckon_agents(pacer.learned, Seen(5))
    return tables


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
    tables = looked(taught(0.25), 2.0)
    sooner_or_later = tables.needs.by[:, -1]
    assert sooner_or_later[0] == pytest.approx(0.25, abs=0.03)
    assert sooner_or_later[13] < 0.01, "nobody answers after 12 s"
    assert tables.needs.by[7, 2] > tables.needs.by[0, 2], "nobody answers before 4 s"


def test_an_agent_is_free_after_talk_and_wrap_up() -> None:
    tables = looked(taught(0.25), 0.0)
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


def test_a_burst_lowers_the_risk_though_much_is_saved() -> None:
    budget = Budget()
    for _ in range(1000):
        budget.connect()
    for _ in range(8):
        budget.abandon()
    assert budget.saved > 10
    assert budget.allowed() <= GUARDED_RISK
    for _ in range(200):
        budget.connect()
    assert budget.allowed() > GUARDED_RISK, "the burst is over"


# ── giving up ────────────────────────────────────────────────────────────────────────────────


def cutter(least_ring: float) -> Pacer:
    pacer = taught(0.5)
    for _ in range(400):  # some answer late
        pacer.learned.rings.end(20.0)
    pacer.least_ring = least_ring
    return pacer


def test_old_calls_are_given_up_when_nobody_will_be_free() -> None:
    busy = Seen(idle=0, ringing=[18.0, 17.0, 3.0], talking=[5.0] * 4)
    assert cutter(15.0).decide(busy, 0.0).cut == 2, "the third has not rung for long enough"
    assert cutter(math.inf).decide(busy, 0.0).cut == 0


def test_nobody_is_given_up_while_agents_are_free() -> None:
    assert cutter(15.0).decide(Seen(idle=6, ringing=[18.0, 17.0, 3.0]), 0.0).cut == 0


def test_no_more_are_given_up_than_is_needed() -> None:
    cut = cutter(15.0).decide(Seen(idle=2, ringing=[18.0] * 8), 0.0).cut
    assert 0 < cut < 8


def test_who_was_given_up_counts_with_the_time_it_rang() -> None:
    """As neither answered nor lost: else the campaign would believe that nobody answers late."""
    pacer = taught(0.25)
    before = hazards(pacer.learned.rings, ())
    for _ in range(1000):
        pacer.gave_up(16.0)
    after = hazards(pacer.learned.rings, ())
    assert after[0][20] == before[0][20], "later ages are as they were"
    assert after[0][8] < before[0][8]
    assert sum(pacer.learned.rings.lost) == sum(taught(0.25).learned.rings.lost)


# ── what is stored ───────────────────────────────────────────────────────────────────────────


def test_a_pacer_goes_on_from_what_was_stored() -> None:
    pacer = taught(0.25)
    for _ in range(50):
        pacer.budget.connect()
    pacer.budget.abandon()
    seen = Seen(idle=4, ringing=[1.0, 9.0], talking=[40.0] * 6, wrapping=[3.0])
    learned = loads(Learned, dumps(pacer.learned))
    again = Pacer(learned=learned, budget=loads(Budget, dumps(pacer.budget)))
    assert again.decide(seen, 0.0) == pacer.decide(seen, 0.0)


def test_what_is_stored_is_plain() -> None:
    pacer = taught(0.25)
    for n in range(300):
        pacer.decide(Seen(idle=4, ringing=[1.0, 9.0], talking=[40.0] * 6), float(n))
        pacer.rang(8.0, answered=n % 4 == 0)
        pacer.gave_up(16.0)
        pacer.budget.connect()

    def leaves(value: object) -> set[type]:
        if isinstance(value, list | tuple):
            return set().union(*map(leaves, value))
        if dataclasses.is_dataclass(value):
            return set().union(*(leaves(getattr(value, it.name)) for it in dataclasses.fields(value)))
        return {type(value)}

    assert leaves(pacer.learned) | leaves(pacer.budget) <= {float, int}


@pytest.mark.parametrize(
    "wrong",
    [
        {"cap": math.nan},
        {"cap": -1.0},
        {"saved": math.inf},
        {"balance": 1e9},
        {"connected": -5.0},
        {"lately": math.nan},
    ],
)
def test_a_budget_that_makes_no_sense_still_bounds_the_risk(wrong: dict[str, float]) -> None:
    budget = Budget(**wrong)
    assert 0 < budget.allowed() <= 0.5
    budget.connect()
    assert all(math.isfinite(getattr(budget, it.name)) for it in dataclasses.fields(budget))


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=70),
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(allow_nan=True, allow_infinity=True),
)
def test_lifetimes_that_make_no_sense_are_forgotten(counts: list[float], memory: float, weight: float) -> None:
    rings = Lifetimes(RING_AGES, memory, ended=counts, lost=list(counts), at_risk=list(counts), weight=weight)
    learned = Learned(rings=rings, talks=Lifetimes((0.0, 1.0), 5.0), answered=weight, expected=memory)
    pace = Pacer(learned=learned).decide(Seen(idle=5, ringing=[3.0], talking=[9.0]), 0.0)
    assert 0 <= pace.dial <= 5
    assert math.isfinite(pace.risk)


def test_ages_before_the_beginning_and_beyond_all_tables() -> None:
    """A clock that was set back, a call that never ends: both are told from the nearest age that is known."""
    odd = Seen(idle=3, ringing=[-2.0, 500.0], detecting=[-0.5], talking=[-1.0, 1e6], wrapping=[-3.0])
    many = replace(odd, ringing=[-2.0, 500.0] * 60)
    for seen in (odd, many):
        assert taught(0.25).decide(seen, 0.0).dial >= 0


def test_a_campaign_that_nobody_answers_is_no_flood() -> None:
    pacer = taught(0.25)
    for _ in range(100_000):
        pacer.learned.rings.end(25.0, lost=True)
    pacer.learned.rings.ended[5] += 20 * pacer.learned.rings.weight
    assert pacer.decide(Seen(idle=3, most=1_000_000), 0.0).dial <= 300
