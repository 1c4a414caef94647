"""The pictures of docs/pacing.md, from what was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from callctl.forecast.svg import BLUE, GREEN, GREY, ORANGE, RED, Axis, Bars, Line, Panel, Series, bars, lines
from tests.bench.pacing.days import AGENTS_LEAVE, AGENTS_RETURN, ANSWER_HALVED, ANSWER_RESTORED
from tests.bench.pacing.quality import CAP, LONG_DAY, Measured, Row

TALK = 60.0
SHOCKED = 50
"""Agents of the shock day that is drawn."""
PERCENT = "{:.0%}".format
FEW = 3
"""Rows of one answer rate, below which there is no picture."""


def draw(measured: Sequence[Row], folder: Path) -> list[Path]:
    """Those pictures for which enough rows were measured; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = [row for row in measured if row.scenario.talk == TALK and not (row.scenario.amd or row.scenario.shock)]
    by_answer = {p: [row for row in plain if row.scenario.answer == p] for p in (0.1, 0.25, 0.5)}
    shock = [row for row in measured if row.scenario.shock and row.scenario.agents == SHOCKED]
    made: dict[str, str] = {}
    if all(len(rows) >= FEW for rows in by_answer.values()):
        made["occupancy"] = _occupancy(by_answer)
        made["wait"] = _wait(by_answer)
    if shock:
        made["shock"] = _shock(shock[0])
    for name, svg in made.items():
        (folder / f"{name}.svg").write_text(svg, "utf-8")
    return [folder / f"{name}.svg" for name in made]


def _named(row: Row, name: str) -> Measured:
    return next(it for it in row.defaults if it.name == name)


_DIALERS: tuple[tuple[str, Callable[[Row], Measured], str, str], ...] = (
    ("callctl", lambda row: row.ours, BLUE, ""),
    ("best peer, tuned with hindsight", lambda row: row.best, ORANGE, "8 4"),
    ("Webitel*", lambda row: _named(row, "Webitel"), GREEN, "2 4"),
    ("ViciDial ADAPT*", lambda row: row.adapt, RED, "10 4 2 4"),
    ("progressive", lambda row: row.progressive, GREY, "2 3"),
)


def _occupancy(by_answer: dict[float, list[Row]]) -> str:
    panels = []
    for answer, rows in by_answer.items():
        sizes = sorted(row.scenario.agents for row in rows)
        x = Axis(sizes[0], sizes[-1], sizes, title="agents", log=True)
        drawn = [
            Line(
                name,
                sorted((float(row.scenario.agents), of(row).occupancy) for row in rows),
                colour,
                dash,
                strong=name == "callctl",
            )
            for name, of, colour, dash in _DIALERS
        ]
        panels.append(Panel(f"{answer:.0%} of the calls answered", x, Axis(0.2, 1.0, _tenths(2, 10), PERCENT), drawn))
    return lines(
        "Occupancy by the number of agents",
        "60 s of talk, at most 3 % abandoned. * with its defaults, whatever it abandons (Webitel up to 5.5 %)",
        panels,
        height=300,
    )


def _tenths(low: int, high: int) -> list[float]:
    return [n / 10 for n in range(low, high + 1, 2)]


def _wait(by_answer: dict[float, list[Row]]) -> str:
    series = [
        Series("ViciDial ADAPT, defaults", RED),
        Series("best peer, tuned with hindsight", ORANGE),
        Series("callctl", BLUE),
    ]
    panels = [
        Bars(
            f"{answer:.0%} of the calls answered",
            [str(row.scenario.agents) for row in rows],
            [[row.adapt.wait, row.best.wait, row.ours.wait] for row in rows],
            Axis(0.0, 80.0, [0, 20, 40, 60, 80], "{:.0f} s".format),
            "agents",
        )
        for answer, rows in by_answer.items()
    ]
    return bars("How long an agent waits between calls", "Seconds on average; 60 s of talk", panels, series, height=260)


def _shock(row: Row) -> str:
    begin, hours = 0.0, LONG_DAY
    x = Axis(begin, hours, list(range(int(hours) + 1)), "{:g} h".format)
    best = next(it for it in row.tuned if it is not None and it.name.startswith("boost"))
    shown = (
        ("callctl", row.ours, BLUE, ""),
        ("boost, tuned with hindsight", best, ORANGE, "8 4"),
        ("ViciDial ADAPT_TAPERED, defaults", _named(row, "ViciDial ADAPT_TAPERED"), RED, "10 4 2 4"),
    )

    def course(which: int) -> list[Line]:
        return [
            Line(
                name,
                [((n + 0.5) * hours / len(it.course), part[which]) for n, part in enumerate(it.course)],
                colour,
                dash,
                strong=name == "callctl",
            )
            for name, it, colour, dash in shown
        ]

    spans = [
        (hours * AGENTS_LEAVE, hours * AGENTS_RETURN, "30 % of the agents away"),
        (hours * ANSWER_HALVED, hours * ANSWER_RESTORED, "half as many answer"),
    ]
    panels = [
        Panel(
            "Abandoned of the answers, by half hour",
            x,
            Axis(0.0, 0.12, [0, 0.03, 0.06, 0.09, 0.12], PERCENT),
            course(0),
            spans,
            (CAP, ""),
        ),
        Panel("Occupancy", x, Axis(0.4, 1.0, _tenths(4, 10), PERCENT), course(1), spans),
    ]
    return lines(
        "A day of shocks",
        f"{SHOCKED} agents, a quarter of the calls answered, 60 s of talk",
        panels,
        below=True,
        height=200,
    )
