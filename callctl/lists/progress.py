"""How far an import is: a bar on a terminal, a line every few seconds elsewhere, nothing where JSON is wanted."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_LINE_EVERY = 5.0
_BAR_EVERY = 0.1


class Shown:
    """Shows progress on stderr while it is entered. `size`: bytes of the file."""

    def __init__(self, size: int, *, quiet: bool) -> None:
        self._size = max(size, 1)
        self._quiet = quiet
        self._began = self._told = time.monotonic()
        self._bar: Progress | None = None
        if not quiet and sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=self._size)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        return max(time.monotonic() - self._began, 1e-6)

    def at(self, rows: int, position: int) -> None:
        """So many rows are read, of so many bytes."""
        now = time.monotonic()
        if self._quiet or now - self._told < (_LINE_EVERY if self._bar is None else _BAR_EVERY):
            return
        self._told = now
        said = f"{rows:,} rows, {rows / self.seconds:,.0f} a second"
        if self._bar is not None:
            self._bar.update(self._task, completed=position, description=said)
        else:
            print(f"{position / self._size:4.0%}  {said}", file=sys.stderr, flush=True)
