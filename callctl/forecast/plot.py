"""Columns of characters: a day in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_HIGH = 5
"""Lines of a chart."""
_WIDE = 3
"""Characters of a column, the gap included."""


def columns(title: str, values: Sequence[float], top: float, labels: Sequence[str], unit: str = "") -> list[str]:
    """A chart's lines. `top`: the value of a full column; `labels`: below the columns, "" for none."""
    full = max(top, 1e-9)
    eighths = [min(round(value / full * 8 * _HIGH), 8 * _HIGH) for value in values]
    rows = []
    for row in range(_HIGH, 0, -1):
        cells = (_EIGHTHS[min(max(eighth - 8 * (row - 1), 0), 8)] * (_WIDE - 1) + " " for eighth in eighths)
        mark = f"{full * row / _HIGH:.3g}{unit}" if row in (_HIGH, _HIGH // 2 + 1) else ""
        rows.append(f"{mark:>7} ┤{''.join(cells)}".rstrip())
    return [title, *rows, f"{'':>7} └{'─' * (_WIDE * len(values))}", f"{'':>9}{_below(labels)}".rstrip()]


def _below(labels: Sequence[str]) -> str:
    """Labels under their columns; one that would touch the one before is left out."""
    line = ""
    for n, label in enumerate(labels):
        if label and len(line) <= n * _WIDE:
            line = line.ljust(n * _WIDE) + label + " "
    return line
