"""How well dialers pace: callctl's beside its peers', each in the same world, over the same days.

Peers run with their defaults, and tuned with hindsight: of each family that setting is taken which kept its agents
busiest with at most 3 % abandoned on a day of its own, which no administrator could have known. callctl has one
configuration for every row, and every day begins cold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.bench.pacing.ours import Callctl
from tests.bench.pacing.peers import DEFAULTS, TUNABLE
from tests.bench.pacing.world import Day, Dialer, Scenario, live_a_day

CAP, TUNED_CAP = 0.03, 0.0305
TUNING_DAY = 1000
"""The seed of the day on which peers are tuned."""
MANY = 300
SHORT_DAY, LONG_DAY = 3.0, 8.0
"""Hours; the short one with 300 agents."""
ADAPT = "ViciDial ADAPT"
Say = Callable[[str], None]
Make = Callable[[Scenario], Dialer]


@dataclass(frozen=True, slots=True)
class Measured:
    """A dialer's days of one row, together. Times in seconds, shares 0..1."""

    name: str
    occupancy: float
    wait: float
    abandoned: float
    worst_day: float
    worst_half_hour: float
    first_ten: float
    decision_p99: float


def rows(talks: Iterable[float], agents: Iterable[int]) -> list[Scenario]:
    """The world's rows of the agents and talks asked for, the days with AMD, and the shock days."""
    talks, agents = list(talks), list(agents)
    plain = [Scenario(n, p, talk, hours=_hours(n)) for talk in talks for n in agents for p in (0.1, 0.25, 0.5)]
    amd = [Scenario(n, 0.25, 60.0, grace=1.2, amd=True) for n in (10, 50) if n in agents and 60.0 in talks]
    shock = [Scenario(n, 0.25, 60.0, shock=True) for n in (10, 50, 100) if n in agents and 60.0 in talks]
    return plain + amd + shock


def run(say: Say, scenarios: list[Scenario], days: int) -> str:
    """The table, in Markdown."""
    lines = [
        "| day | progressive | ViciDial ADAPT, defaults | best peer, tuned with hindsight | **callctl** |"
        " abandoned, worst day | worst half hour | decision p99 |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for scenario, row in zip(scenarios, pool.map(_row, scenarios, [days] * len(scenarios)), strict=True):
            say(f"{_name(scenario)}: callctl {_cell(row[-1])}")
            lines.append(_line(scenario, row))
    return "\n".join(lines) + "\n\nOccupancy / idle seconds a call (abandoned of all answers). Days: " + str(days) + "."


def _row(scenario: Scenario, days: int) -> list[Measured]:
    """Progressive, ADAPT, the best tuned peer, callctl."""
    defaults = {name: _measure(name, make, scenario, days) for name, make in DEFAULTS.items()}
    adapt = max((it for name, it in defaults.items() if name.startswith(ADAPT)), key=lambda it: it.occupancy)
    progressive = next(it for name, it in defaults.items() if name.lower().startswith("progressive"))
    tuned = [_tuned(family, scenario, days) for family in TUNABLE]
    lawful = [it for it in [*defaults.values(), *filter(None, tuned)] if it.abandoned <= TUNED_CAP]
    best = max(lawful, key=lambda it: it.occupancy)
    return [progressive, adapt, best, _measure("callctl", Callctl, scenario, days)]


def _tuned(family: str, scenario: Scenario, days: int) -> Measured | None:
    """The family's best setting of the tuning day, over the days; None: none of them kept the cap."""
    tried = [(live_a_day(scenario, make(scenario), TUNING_DAY), name, make) for name, make in TUNABLE[family]]
    lawful = [it for it in tried if it[0].abandoned_share <= CAP]
    if not lawful:
        return None
    _, name, make = max(lawful, key=lambda it: it[0].occupancy)
    return _measure(f"{family} {name}", make, scenario, days)


def _measure(name: str, make: Make, scenario: Scenario, days: int) -> Measured:
    lived = [live_a_day(scenario, make(scenario), seed) for seed in range(days)]
    return Measured(
        name,
        _mean(lived, lambda day: day.occupancy),
        _mean(lived, lambda day: day.wait),
        sum(day.abandoned for day in lived) / max(1, sum(day.answers for day in lived)),
        max(day.abandoned_share for day in lived),
        max(day.worst_half_hour for day in lived),
        max(day.first_ten for day in lived),
        max(day.decision_p99 for day in lived),
    )


def _mean(days: list[Day], of: Callable[[Day], float]) -> float:
    return sum(map(of, days)) / len(days)


def _hours(agents: int) -> float:
    return SHORT_DAY if agents >= MANY else LONG_DAY


def _name(day: Scenario) -> str:
    kind = " AMD" * day.amd + " shock" * day.shock
    return f"{day.talk:.0f} s, {day.agents} agents, {day.answer:.2f}{kind}"


def _cell(it: Measured) -> str:
    return f"{it.occupancy:.1%} / {it.wait:.1f} ({it.abandoned:.2%})"


def _line(scenario: Scenario, row: list[Measured]) -> str:
    progressive, adapt, best, ours = row
    cells = [
        _name(scenario),
        f"{progressive.occupancy:.1%} / {progressive.wait:.1f}",
        _cell(adapt),
        f"{_cell(best)} {best.name}",
        f"**{_cell(ours)}**",
        f"{ours.worst_day:.2%}",
        f"{ours.worst_half_hour:.1%}",
        f"{1000 * ours.decision_p99:.2f} ms",
    ]
    return "| " + " | ".join(cells) + " |"
