"""What a forecast says to people: a table, the day in the terminal, and as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from callctl.forecast.campaign import Day
from callctl.forecast.contacts import ListTold
from callctl.forecast.forecast import Forecast
from callctl.forecast.plot import columns
from callctl.forecast.svg import BLUE, GREEN, GREY, ORANGE, RED, Axis, Line, Panel, lines

COLUMNS = ("", "occupancy", "wait", "talks", "talks/h", "dials", "answers", "abandoned", "worst part")
RIGHT = (1, 2, 3, 4, 5, 6, 7, 8)
"""Which are set right."""
SHORT = 0.02
"""Of the decisions: from then on the lines are said to be too few."""
_STYLES = ((BLUE, "", True), (GREY, "2 3"), (ORANGE, "7 4"), (GREEN, "2 4"), (RED, "10 4 2 4"))


def rows(forecasts: Sequence[Forecast]) -> list[tuple[str, ...]]:
    """A row for each way to dial. `talks/h`: for each agent; `worst part`: the highest share abandoned."""
    return [_row(it) for it in forecasts]


def _row(it: Forecast) -> tuple[str, ...]:
    whole = it.told.whole
    hours = whole.logged_in / 3600
    return (
        it.name,
        f"{whole.occupancy:.1%}",
        f"{whole.wait:.1f} s",
        f"{whole.handled:,}",
        f"{whole.handled / hours:.1f}" if hours else "-",
        f"{whole.dials:,}",
        f"{whole.answers:,}",
        f"{whole.abandoned:,} ({whole.abandoned_share:.2%})",
        f"{it.told.worst_part:.1%}",
    )


def about_list(told: ListTold, begins: float) -> str:
    """What becomes of the list. `begins`: the day's first hour, such as 9.0."""
    text = f"list: {told.tried:,} of {told.count:,} contacts tried, {told.reached:,} people reached"
    if told.all_tried is not None:
        text += f"; everybody was tried once at {o_clock(begins, told.all_tried)}"
    if told.all_done is not None:
        text += f"; the list ends at {o_clock(begins, told.all_done)}"
    elif told.tried == told.count:
        text += f"; it does not end on this day: {told.count - told.done:,} are due again"
    if told.dry >= 60:
        text += f"; nobody was due for {told.dry / 60:.0f} min"
    return text


def about_lines(forecast: Forecast) -> str:
    """Where lines are too few, that they are; else nothing."""
    short = forecast.told.short
    return f"lines are too few: in {short:.0%} of its decisions {forecast.name} took the last" if short >= SHORT else ""


def o_clock(begins: float, seconds: float) -> str:
    """The time of day so many s after the beginning."""
    minutes = round(begins * 60 + seconds / 60)
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def terminal(day: Day, begins: float, forecast: Forecast, cap: float) -> list[str]:
    """The campaign's own day: occupancy, and what was abandoned, by part."""
    parts = forecast.told.parts
    step = day.hours * 3600 / len(parts)
    labels = [o_clock(begins, n * step) if n % 3 == 0 else "" for n in range(len(parts))]
    highest = max(cap * 2, *(part.abandoned_share for part in parts)) * 100
    return [
        *columns("occupancy", [100 * part.occupancy for part in parts], 100.0, labels, " %"),
        "",
        *columns("abandoned", [100 * part.abandoned_share for part in parts], highest, labels, " %"),
    ]


def picture(name: str, day: Day, begins: float, forecasts: Sequence[Forecast], cap: float) -> str:
    """The day of each way to dial, as SVG."""
    step = day.hours / day.parts
    middles = [begins + (n + 0.5) * step for n in range(day.parts)]
    marks = [begins + n for n in range(int(day.hours) + 1)]
    x = Axis(begins, begins + day.hours, marks, lambda hour: o_clock(hour, 0))
    styled = list(zip(forecasts, (_STYLES[n % len(_STYLES)] for n in range(len(forecasts))), strict=True))
    highest = max([2 * cap, *(part.abandoned_share for it in forecasts for part in it.told.parts)])
    top = next(top for top in (0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0) if top >= min(highest, 1.0))

    def course(of: str) -> list[Line]:
        return [
            Line(it.name, list(zip(middles, (getattr(part, of) for part in it.told.parts), strict=True)), *style)
            for it, style in styled
        ]

    percent = "{:.0%}".format
    quarters = [top * n / 4 for n in range(5)]
    panels = [
        Panel("Occupancy", x, Axis(0.0, 1.0, [0, 0.25, 0.5, 0.75, 1], percent), course("occupancy")),
        Panel(
            "Abandoned, of the answers",
            x,
            Axis(0.0, top, quarters, "{:.1%}".format),
            course("abandoned_share"),
            bound=(cap, f"{100 * cap:g} % may be"),
        ),
    ]
    return lines(f"Forecast of {name}", f"{day.agents} agents, {day.hours:g} h", panels, below=True, height=190)
