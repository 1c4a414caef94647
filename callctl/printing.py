"""What the command line prints: JSON, tables, times, and what went wrong."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any


def fail(message: str, code: int) -> int:
    """Say what is wrong, on the error output; the exit code."""
    print(f"callctl: {message}", file=sys.stderr)
    return code


def print_problems(problems: Iterable[str]) -> None:
    """A line each, on the error output."""
    for problem in problems:
        print(problem, file=sys.stderr)


def as_json(args: argparse.Namespace, answer: dict[str, Any]) -> bool:
    """Print the answer itself if --json asks for it; whether it did."""
    if args.json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    return bool(args.json)


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], none: str = "", *, right: Sequence[int] = ()
) -> None:
    """A rich table on a terminal, aligned text elsewhere. Cells are text: nothing in them is markup."""
    if not rows:
        print(none)
        return
    cells = [["-" if cell is None or cell == "" else printable(str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(columns, cells, right)
        return
    widths = [max(len(row[n]) for row in ([*columns], *cells)) for n in range(len(columns))]
    for row in ([column.upper() for column in columns], *cells):
        aligned = [
            cell.rjust(width) if n in right else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(aligned).rstrip())


def _rich_table(columns: Sequence[str], cells: list[list[str]], right: Sequence[int]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for n, column in enumerate(columns):
        table.add_column(column, justify="right" if n in right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def printable(text: str) -> str:
    """What came from outside may hold escape sequences: the terminal never sees them."""
    return "".join(c if c.isprintable() else "?" for c in text)


def seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    from callctl.api.explain import length

    return length(round(seconds * 1_000_000))


def clock(iso: str | None) -> str:
    """`2026-11-22 01:02:03.456` of an ISO 8601 time."""
    return "-" if iso is None else iso.replace("T", " ")[:23]
