"""Charts as SVG: panels of lines, or of bars, beside or below each other. The same data gives the same bytes.

Colours are those of Okabe and Ito, which people with any colour vision tell apart (jfly.uni-koeln.de/color); lines
differ by dashes as well. The background is light whatever the page's is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#aa4499", "#767676"
_INK, _FAINT, _GRID = "#222222", "#5c5c5c", "#e3e3e3"
_FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
_TOP, _LEFT, _RIGHT, _BOTTOM = 100, 56, 24, 52
"""px around the panels; the heading and the legend are on top."""
_GAP = 34
_LETTER = 6.6
"""px that a letter of the legend is wide, about."""

Label = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Line:
    """`points`: x and y. `dash`: as SVG has it; empty: whole."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str = BLUE
    dash: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, with marks; `log`: by ratio."""

    low: float
    high: float
    marks: Sequence[float]
    label: Label = lambda value: f"{value:g}"
    title: str = ""
    log: bool = False

    def part(self, value: float) -> float:
        """Where it is: 0 at the low end, 1 at the high one; beyond them it is at the end."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines over `x`. `spans`: stretches of x that are shaded, with a word; `bound`: a value of y that is marked."""

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Line] = ()
    spans: Sequence[tuple[float, float, str]] = ()
    bound: tuple[float, str] | None = None


@dataclass(frozen=True, slots=True)
class Bars:
    """Groups of bars: `values` by group, then by series."""

    title: str
    groups: Sequence[str]
    values: Sequence[Sequence[float]]
    y: Axis
    x_title: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Of bars."""

    name: str
    colour: str


@dataclass(slots=True)
class _Canvas:
    width: int
    height: int
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, size: int = 12, anchor: str = "start", more: str = "") -> None:
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{more}>{escape(text)}</text>'
        )

    def line(self, x: float, y: float, to_x: float, to_y: float, colour: str, more: str = "") -> None:
        self.parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{colour}"{more}/>')

    def box(self, x: float, y: float, width: float, height: float, colour: str, more: str = "") -> None:
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"{more}/>'
        )

    def svg(self, title: str) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}"'
            f' height="{self.height}" role="img" font-family="{_FONT}" fill="{_INK}">\n<title>{escape(title)}</title>\n'
        )
        return head + "\n".join(self.parts) + "\n</svg>\n"


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where on the canvas a panel is."""

    left: float
    top: float
    width: float
    height: float

    def x(self, part: float) -> float:
        return self.left + part * self.width

    def y(self, part: float) -> float:
        return self.top + (1 - part) * self.height


def lines(
    title: str, subtitle: str, panels: Sequence[Panel], *, below: bool = False, width: int = 960, height: int = 250
) -> str:
    """Panels of lines, beside each other or below. `height`: of a panel, px. Lines of one name look the same."""
    canvas, plots = _laid(len(panels), below, width, height)
    named = {line.name: line for panel in panels for line in panel.lines}
    _head(canvas, title, subtitle, [(line.name, line.colour, line.dash) for line in named.values()], rule=True)
    for n, (panel, plot) in enumerate(zip(panels, plots, strict=True)):
        for k, (begin, end, word) in enumerate(panel.spans):
            left, right = plot.x(panel.x.part(begin)), plot.x(panel.x.part(end))
            canvas.box(left, plot.top, right - left, plot.height, "#e8d9ae", ' fill-opacity="0.45"')
            canvas.text(left + 6, plot.top + 15 + 15 * k, word, 11, more=f' fill="{_FAINT}"')
        _frame(canvas, plot, panel.title, panel.y, first=below or not n)
        _x_marks(canvas, plot, panel.x)
        if panel.bound is not None:
            value, word = panel.bound
            y = plot.y(panel.y.part(value))
            canvas.line(plot.left, y, plot.x(1), y, _INK, ' stroke-dasharray="1 4" stroke-linecap="round"')
            canvas.text(plot.x(1) - 4, y - 5, word, 11, "end", f' fill="{_FAINT}"')
        for line in panel.lines:
            _draw(canvas, plot, panel, line)
    return canvas.svg(title)


def bars(
    title: str, subtitle: str, panels: Sequence[Bars], series: Sequence[Series], *, width: int = 960, height: int = 250
) -> str:
    """Panels of grouped bars. One that is higher than its axis is cut off at the top, with its value."""
    canvas, plots = _laid(len(panels), False, width, height)
    _head(canvas, title, subtitle, [(it.name, it.colour, "") for it in series], rule=False)
    for n, (panel, plot) in enumerate(zip(panels, plots, strict=True)):
        _frame(canvas, plot, panel.title, panel.y, first=not n)
        group = plot.width / len(panel.groups)
        bar = 0.92 * group / len(series)
        for g, (name, values) in enumerate(zip(panel.groups, panel.values, strict=True)):
            begin = plot.left + (g + 0.04) * group
            canvas.text(begin + 0.46 * group, plot.y(0) + 17, name, 12, "middle", f' fill="{_FAINT}"')
            for k, (value, it) in enumerate(zip(values, series, strict=True)):
                high = panel.y.part(value) * plot.height
                x, y = begin + k * bar, plot.y(0) - high
                canvas.box(x, y, bar - 1, high, it.colour)
                _on_bar(canvas, x + bar / 2 - 0.5, y, value, cut=value > panel.y.high)
        canvas.text(plot.x(0.5), plot.y(0) + 38, panel.x_title, 12, "middle", f' fill="{_FAINT}"')
    return canvas.svg(title)


def _on_bar(canvas: _Canvas, x: float, y: float, value: float, *, cut: bool) -> None:
    shown = f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"
    if cut:
        canvas.box(x - 20, y + 9, 40, 3, "#ffffff", f' transform="rotate(-20 {x:.1f} {y + 10:.1f})"')
    canvas.text(x, y - 3, shown, 9, "middle")


def _laid(count: int, below: bool, width: int, height: int) -> tuple[_Canvas, list[_Plot]]:
    """The canvas, and each panel's place."""
    if below:
        step = height + _GAP + 40
        plots = [_Plot(_LEFT, _TOP + 24 + n * step, width - _LEFT - _RIGHT, height) for n in range(count)]
        canvas = _Canvas(width, round(plots[-1].top + height + _BOTTOM))
    else:
        wide = (width - _LEFT - _RIGHT - (count - 1) * _GAP) / count
        plots = [_Plot(_LEFT + n * (wide + _GAP), _TOP + 24, wide, height) for n in range(count)]
        canvas = _Canvas(width, _TOP + 24 + height + _BOTTOM)
    canvas.box(0, 0, canvas.width, canvas.height, "#ffffff")
    return canvas, plots


def _head(canvas: _Canvas, title: str, subtitle: str, legend: Sequence[tuple[str, str, str]], *, rule: bool) -> None:
    canvas.text(16, 28, title, 18, more=' font-weight="600"')
    canvas.text(16, 50, subtitle, 13, more=f' fill="{_FAINT}"')
    x = 16.0
    for name, colour, dash in legend:
        if rule:
            canvas.line(x, 74, x + 26, 74, colour, f' stroke-width="3"{_dashed(dash)}')
        else:
            canvas.box(x + 7, 66, 14, 14, colour)
        canvas.text(x + 32, 78, name, 13)
        x += 32 + len(name) * _LETTER + 26


def _frame(canvas: _Canvas, plot: _Plot, title: str, y: Axis, *, first: bool) -> None:
    """The panel's title, and y's marks; their words stand at the first panel alone."""
    canvas.text(plot.left, plot.top - 20, title, 13, more=' font-weight="600"')
    for mark in y.marks:
        at = plot.y(y.part(mark))
        canvas.line(plot.left, at, plot.x(1), at, _GRID if mark != y.low else _FAINT)
        if first:
            canvas.text(plot.left - 8, at + 4, y.label(mark), 12, "end", f' fill="{_FAINT}"')


def _x_marks(canvas: _Canvas, plot: _Plot, x: Axis) -> None:
    for mark in x.marks:
        at = plot.x(x.part(mark))
        canvas.line(at, plot.y(0), at, plot.y(0) + 4, _FAINT)
        canvas.text(at, plot.y(0) + 17, x.label(mark), 12, "middle", f' fill="{_FAINT}"')
    canvas.text(plot.x(0.5), plot.y(0) + 38, x.title, 12, "middle", f' fill="{_FAINT}"')


def _draw(canvas: _Canvas, plot: _Plot, panel: Panel, line: Line) -> None:
    places = [(plot.x(panel.x.part(x)), plot.y(panel.y.part(y))) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    width = 3 if line.strong else 2
    canvas.parts.append(
        f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="{width}"'
        f' stroke-linejoin="round"{_dashed(line.dash)}/>'
    )
    for x, y in places:
        canvas.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width}" fill="{line.colour}"/>')


def _dashed(dash: str) -> str:
    return f' stroke-dasharray="{dash}"' if dash else ""
