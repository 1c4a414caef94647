"""Runs by the thousand: whatever goes wrong, every caller and every record is accounted for."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

import pytest

from callctl.core import engine
from callctl.core.ids import Micros
from callctl.core.index import Lane
from callctl.core.law import AttemptOutcome
from callctl.core.model import World
from callctl.core.routing import Choice, choose
from callctl.sim.plan import Ill, day, draw, draw_calls
from callctl.sim.run import run
from tests.core.book import against

pytestmark = pytest.mark.simulation

SEEDS = int(os.environ.get("SIMULATION", "2000"))
SHARES = 20
CALLS, CALL_SHARES = SEEDS // 4, 5
"""Runs of the office that calls people on lists."""


@pytest.mark.parametrize("share", range(SHARES))
def test_nothing_goes_wrong(share: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And each choice of an agent is what docs/acd.md says, over some ten calls a seed."""

    def by_the_book(world: World, lanes: Iterable[Lane], now: Micros) -> Choice | None:
        choice = choose(world, lanes, now)
        assert not (why := against(choice, world, now)), why
        return choice

    monkeypatch.setattr(engine, "choose", by_the_book)
    wrong, calls = {}, 0
    for seed in range(share * SEEDS // SHARES, (share + 1) * SEEDS // SHARES):
        report = run(draw(seed))
        calls += report.counts["Call"]
        if report.wrong:
            wrong[seed] = report.wrong
    assert not wrong, f"see it with: callctl simulate --seed {min(wrong)} --shrink"
    assert calls >= 9 * SEEDS // SHARES, "some 21,000 in 2,000 runs"


@pytest.mark.parametrize("share", range(CALL_SHARES))
def test_nothing_goes_wrong_where_people_on_lists_are_called(share: int) -> None:
    wrong, attempts = {}, 0
    for seed in range(share * CALLS // CALL_SHARES, (share + 1) * CALLS // CALL_SHARES):
        report = run(draw_calls(seed))
        attempts += sum(report.counts[f"attempt {outcome}"] for outcome in AttemptOutcome)
        if report.wrong:
            wrong[seed] = report.wrong
    assert not wrong, f"see it with: callctl simulate --calls --seed {min(wrong)} --shrink"
    assert attempts >= 3 * CALLS // CALL_SHARES, "some 2,000 in 500 runs"


def test_every_way_in_which_a_call_to_somebody_on_a_list_ends_comes_about() -> None:
    counts = sum((run(draw_calls(seed)).counts for seed in range(60)), Counter[str]())
    assert {how for how in AttemptOutcome if not counts[f"attempt {how}"]} == set()
    assert {act for act in ("Drive", "Look", "LeaveLine", "Say", "Bar", "Erase", "Reload") if not counts[act]} == set()
    assert counts["glances"] > 1_000


def test_every_ill_comes_about_and_every_end() -> None:
    """A simulation in which nothing happens finds nothing."""
    counts = sum((run(draw(seed)).counts for seed in range(100)), run(draw(100)).counts)
    assert {ill for ill in Ill if not counts[ill]} == set()
    assert counts["Flip"] > 20
    ends = {
        "voicemail",
        "sent_out",
        "answered",
        "abandoned",
        "left_in_menu",
        "completed",
        "unknown_number",
        "left_for_fallback",
        "pbx_lost",
    }
    assert {end for end in ends if not counts[f"ended {end}"]} == set()
    assert counts["glances"] > 1_000
    assert counts["fell_back"] > 50
    assert counts["asked"] > 5


def test_a_long_day_leaves_nothing_in_memory() -> None:
    """Four hours of a large office (24 h: `callctl simulate --day 24 --agents 200`)."""
    sizes: list[dict[str, int]] = []
    report = run(day(1, 4, 200), check_every=500, each_hour=lambda hour, size: sizes.append(size))
    assert not report.wrong
    assert len(sizes) == 4
    assert sizes[-1]["steps"] > 50_000
    for size in sizes:
        assert size["calls"] < 60
        assert size["legs"] < 120
        assert size["alarms"] < 64 + 4 * (60 + 120 + 200) + 1
