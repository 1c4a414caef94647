"""What became of a file's rows: counted for people, and the refused ones written down to be mended."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, TextIO

from callctl.lists.errors import ListError
from callctl.lists.reading import Refusal
from callctl.lists.rows import harmless

_FIRST = 5
"""Lines that are named of each reason."""
IN_FILE = "the same contact is further up in the file"
THERE = "is on the list already, and was left as it is"
BUSY = "is being called, and was left as it is: import it again later"


@dataclass(slots=True)
class Count:
    """How often something was so, and on which lines first."""

    rows: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        self.rows += 1
        if len(self.lines) < _FIRST:
            self.lines.append(line)


@dataclass(slots=True)
class Tally:
    """Of one import. In the end `read` is `taken` + `changed` + `duplicates` + `rows_refused`."""

    read: int = 0
    taken: int = 0
    changed: int = 0
    refused: dict[str, Count] = field(default_factory=dict)
    """Rows, by reason."""
    passed_over: dict[str, Count] = field(default_factory=dict)
    """Duplicates, by what they are duplicates of."""
    numbers: dict[str, Count] = field(default_factory=dict)
    """Numbers that were left out of contacts that were taken all the same."""
    no_zone: int = 0
    """Contacts for whose hours there is nothing to go by."""

    @property
    def rows_refused(self) -> int:
        return sum(count.rows for count in self.refused.values())

    @property
    def duplicates(self) -> int:
        return sum(count.rows for count in self.passed_over.values())

    def counts(self) -> tuple[int, int, int, int, int]:
        """As `list_import` has them."""
        return self.read, self.taken, self.changed, self.duplicates, self.rows_refused

    def refuse(self, refusal: Refusal) -> None:
        self.refused.setdefault(refusal.reason, Count()).add(refusal.line)

    def leave_out(self, refusal: Refusal) -> None:
        self.numbers.setdefault(refusal.reason, Count()).add(refusal.line)

    def pass_over(self, reason: str, line: int) -> None:
        self.passed_over.setdefault(reason, Count()).add(line)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "read": self.read,
            "taken": self.taken,
            "changed": self.changed,
            "duplicates": {"rows": self.duplicates, "reasons": _plain(self.passed_over)},
            "refused": {"rows": self.rows_refused, "reasons": _plain(self.refused)},
            "numbers_left_out": _plain(self.numbers),
            "no_time_zone": self.no_zone,
        }

    def lines(self) -> list[str]:
        """For people."""
        told = [f"{self.taken:>12,} taken"]
        for count, what, reasons in (
            (self.changed, "brought up to date", {}),
            (self.duplicates, "duplicates", self.passed_over),
            (self.rows_refused, "refused", self.refused),
            (sum(c.rows for c in self.numbers.values()), "numbers left out of contacts taken", self.numbers),
        ):
            if count:
                told.append(f"{count:>12,} {what}")
                told += _told(reasons)
        if self.no_zone:
            told.append(f"{self.no_zone:>12,} cannot be dialled: no time zone known, and none stated")
        return told


def _plain(reasons: dict[str, Count]) -> list[dict[str, Any]]:
    return [{"why": why, "rows": count.rows, "lines": count.lines} for why, count in _most_first(reasons)]


def _told(reasons: dict[str, Count]) -> list[str]:
    return [f"{count.rows:>16,}  {why} ({_lines(count)})" for why, count in _most_first(reasons)]


def _most_first(reasons: dict[str, Count]) -> list[tuple[str, Count]]:
    return sorted(reasons.items(), key=lambda one: -one[1].rows)


def _lines(count: Count) -> str:
    named = ", ".join(map(str, count.lines))
    return f"line{'s' if count.rows > 1 else ''} {named}{', …' if count.rows > len(count.lines) else ''}"


def new_file(path: Path) -> TextIO:
    """An empty file to write, its user's alone: it will hold people's numbers. OSError as of open."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="")


class RefusedFile:
    """The CSV file of what was refused, made at the first line."""

    def __init__(self, path: Path, headings: Iterable[str]) -> None:
        self.path = path
        self.rows = 0
        self._headings = tuple(headings)
        self._file: TextIO | None = None

    def add(self, line: int, column: str, why: str, cells: Iterable[str]) -> None:
        """ListError: the file cannot be written."""
        try:
            if self._file is None:
                self._file = new_file(self.path)
                self._write("line", "column", "why", *self._headings)
            self._write(str(line), column, why, *cells)
        except OSError as error:
            raise ListError(f"{self.path}: {error.strerror}; say with --report where it should be") from None
        self.rows += 1

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, *cells: str) -> None:
        assert self._file is not None
        self._file.write(csv_line(cells))


def csv_line(cells: Iterable[str]) -> str:
    """A line of CSV in which no spreadsheet finds a formula, and no text what it cannot show."""
    out = StringIO()
    csv.writer(out).writerow([harmless(cell).encode("utf-8", "replace").decode() for cell in cells])
    return out.getvalue()
