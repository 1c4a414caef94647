"""How well dialers pace: callctl's beside its peers', each in the same world, over the same days.

Peers run with their defaults, and tuned with hindsight: of each family that setting is taken which kept its agents
busiest with at most 3 % abandoned on a day of its own, which no administrator could have known. callctl has one
configuration for every row, and every day begins cold.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from callctl.forecast.campaign import Day
from callctl.forecast.predictive import Predictive
from callctl.forecast.told import Told, share
from callctl.forecast.world import Dialer, live
from tests.bench.pacing.days import Scenario
from tests.bench.pacing.peers import DEFAULTS, TUNABLE

CAP, TUNED_CAP = 0.03, 0.0305
TUNING_DAY = 1000
"""The seed of the day on which peers are tuned."""
MANY = 300
SHORT_DAY, LONG_DAY = 3.0, 8.0
"""Hours; the short one with 300 agents."""
ADAPT = "ViciDial ADAPT"
OURS = "callctl"
Say = Callable[[str], None]
Make = Callable[[Day], Dialer]


@dataclass(frozen=True, slots=True)
class Measured:
    """A dialer's days of one row, together. Times in seconds, shares 0..1."""

    name: str
    occupancy: float
    wait: float
    abandoned: float
    worst_day: float
    worst_part: float
    first_ten: float
    decision_p99: float
    """CPU time; of one day, and of callctl alone: to look at the clock takes time itself."""
    course: tuple[tuple[float, float], ...] = ()
    """By part of the day: abandoned of the answers, occupancy; of all days together."""


@dataclass(frozen=True, slots=True)
class Row:
    """Of one scenario: every peer as it comes, the best setting of each family, callctl. None: none keeps the cap."""

    scenario: Scenario
    defaults: Sequence[Measured]
    tuned: Sequence[Measured | None]
    ours: Measured

    @property
    def progressive(self) -> Measured:
        return next(it for it in self.defaults if it.name == "progressive")

    @property
    def adapt(self) -> Measured:
        """The busiest of ViciDial's methods, with its defaults."""
        return max((it for it in self.defaults if it.name.startswith(ADAPT)), key=lambda it: it.occupancy)

    @property
    def best(self) -> Measured:
        """The busiest peer of those that keep the cap, tuned with hindsight or not."""
        lawful = [it for it in [*self.defaults, *filter(None, self.tuned)] if it.abandoned <= TUNED_CAP]
        return max(lawful, key=lambda it: it.occupancy)


def rows(talks: Iterable[float], agents: Iterable[int]) -> list[Scenario]:
    """The world's rows of the agents and talks asked for, the days with AMD, and the shock days."""
    talks, agents = list(talks), list(agents)
    plain = [Scenario(n, p, talk, hours=_hours(n)) for talk in talks for n in agents for p in (0.1, 0.25, 0.5)]
    amd = [Scenario(n, 0.25, 60.0, amd=True) for n in (10, 50) if n in agents and 60.0 in talks]
    shock = [Scenario(n, 0.25, 60.0, shock=True) for n in (10, 50, 100) if n in agents and 60.0 in talks]
    return plain + amd + shock


def run(say: Say, scenarios: list[Scenario], days: int, jobs: int | None = None, kept: Path | None = None) -> list[Row]:
    """Measure the rows. `kept`: a file of measurements that need not be made again, to which new ones are added."""
    done = _read(kept, days)
    found = []
    with ProcessPoolExecutor(jobs or os.cpu_count()) as pool:
        known = [{name: it for (row, name), it in done.items() if row == title(scenario)} for scenario in scenarios]
        for row in pool.map(_row, scenarios, [days] * len(scenarios), known):
            say(f"{title(row.scenario)}: callctl {_cell(row.ours)}")
            if kept is not None:
                _write(kept, days, row, done)
            found.append(row)
    return found


def _row(scenario: Scenario, days: int, known: dict[str, Measured | None]) -> Row:
    def surely(name: str, make: Make) -> Measured:
        return known.get(name) or _measure(name, make, scenario, days)

    def best(family: str) -> Measured | None:
        name = _tuned_name(family)
        return known[name] if name in known else _tuned(family, scenario, days)

    return Row(
        scenario,
        [surely(name, make) for name, make in DEFAULTS.items()],
        [best(family) for family in TUNABLE],
        surely(OURS, Predictive),
    )


def _tuned(family: str, scenario: Scenario, days: int) -> Measured | None:
    """The family's best setting of the tuning day, over the days; None: none of them kept the cap."""
    day = scenario.day()
    tried = [(live(day, make(day), TUNING_DAY), name, make) for name, make in TUNABLE[family]]
    lawful = [it for it in tried if it[0].whole.abandoned_share <= CAP]
    if not lawful:
        return None
    _, name, make = max(lawful, key=lambda it: it[0].whole.occupancy)
    return _measure(f"{family} {name}", make, scenario, days)


def _measure(name: str, make: Make, scenario: Scenario, days: int) -> Measured:
    day = scenario.day()
    lived = [live(day, make(day), seed, timed=name == OURS and not seed) for seed in range(days)]
    whole = [told.whole for told in lived]
    return Measured(
        name,
        sum(it.occupancy for it in whole) / days,
        sum(it.wait for it in whole) / days,
        share(sum(it.abandoned for it in whole), sum(it.answers for it in whole)),
        max(it.abandoned_share for it in whole),
        max(told.worst_part for told in lived),
        max(told.first_ten for told in lived),
        max(told.decision_p99 for told in lived),
        _course(lived),
    )


def _course(lived: list[Told]) -> tuple[tuple[float, float], ...]:
    together = zip(*(told.parts for told in lived), strict=True)
    return tuple(
        (
            share(sum(it.abandoned for it in parts), sum(it.answers for it in parts)),
            sum(it.busy for it in parts) / sum(it.logged_in for it in parts),
        )
        for parts in together
    )


def _hours(agents: int) -> float:
    return SHORT_DAY if agents >= MANY else LONG_DAY


# ── kept measurements ────────────────────────────────────────────────────────────────────────


def _tuned_name(family: str) -> str:
    return f"{family}, tuned"


def _read(kept: Path | None, days: int) -> dict[tuple[str, str], Measured | None]:
    """By row and dialer."""
    if kept is None or not kept.exists():
        return {}
    lines = map(json.loads, kept.read_text("utf-8").splitlines())
    return {
        (it["row"], it["dialer"]): None if it["measured"] is None else _measured(it["measured"])
        for it in lines
        if it["days"] == days
    }


def _measured(fields: dict[str, object]) -> Measured:
    course = fields.pop("course")
    assert isinstance(course, list)
    return Measured(**fields, course=tuple(map(tuple, course)))  # type: ignore[arg-type]


def _write(kept: Path, days: int, row: Row, done: dict[tuple[str, str], Measured | None]) -> None:
    named: list[tuple[str, Measured | None]] = [(it.name, it) for it in (*row.defaults, row.ours)]
    named += [(_tuned_name(family), it) for family, it in zip(TUNABLE, row.tuned, strict=True)]
    with kept.open("a", encoding="utf-8") as file:
        for name, it in named:
            if (title(row.scenario), name) not in done:
                fields = None if it is None else dataclasses.asdict(it)
                print(
                    json.dumps({"row": title(row.scenario), "dialer": name, "days": days, "measured": fields}),
                    file=file,
                )


# ── the table ────────────────────────────────────────────────────────────────────────────────


def table(measured: list[Row], days: int) -> str:
    """In Markdown."""
    lines = [
        "| day | progressive | ViciDial ADAPT, defaults | best peer, tuned with hindsight | **callctl** |"
        " abandoned, worst day | worst half hour | decision p99 |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
        *map(_line, measured),
    ]
    return "\n".join(lines) + f"\n\nOccupancy / idle seconds a call (abandoned of all answers). Days: {days}."


def title(day: Scenario) -> str:
    """Of a row, for people."""
    kind = " AMD" * day.amd + " shock" * day.shock
    return f"{day.talk:.0f} s, {day.agents} agents, {day.answer:.2f}{kind}"


def _cell(it: Measured) -> str:
    return f"{it.occupancy:.1%} / {it.wait:.1f} ({it.abandoned:.2%})"


def _line(row: Row) -> str:
    cells = [
        title(row.scenario),
        f"{row.progressive.occupancy:.1%} / {row.progressive.wait:.1f}",
        _cell(row.adapt),
        f"{_cell(row.best)} {row.best.name}",
        f"**{_cell(row.ours)}**",
        f"{row.ours.worst_day:.2%}",
        f"{row.ours.worst_part:.1%}",
        f"{1000 * row.ours.decision_p99:.2f} ms",
    ]
    return "| " + " | ".join(cells) + " |"
