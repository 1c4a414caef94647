"""What happened in a run, as text: the same for every run of a seed, byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum

from callctl.core.commands import Beat
from callctl.core.engine import Step
from callctl.core.events import Event, TimePassed
from callctl.core.ids import SECOND, Micros
from callctl.core.policy import Policy
from callctl.sim.office import START


def told(value: object) -> str:
    """A value of the core as text. Sets are sorted: their order is not the same in every process."""
    if isinstance(value, Policy):
        return f"Policy({value.sha})"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(map(told, value))) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(told, value)) + "]"
    if is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}({', '.join(f'{f.name}={told(getattr(value, f.name))}' for f in fields(value))})"
    return repr(value)


class Story:
    """Told every step. `write` gets each line; `digest` is of all of them."""

    def __init__(self, write: Callable[[str], object] = lambda line: None) -> None:
        self._write = write
        self._hash = hashlib.sha256()

    def step(self, event: Event, done: Step, now: Micros) -> None:
        commands = [c for c in done.commands if not isinstance(c, Beat)]
        if isinstance(event, TimePassed) and not commands and not done.facts:
            return
        self._line(f"@{(now - START) / SECOND:.6f} {told(event)}")
        for command in commands:
            self._line(f"    > {told(command)}")
        for fact in done.facts:
            self._line(f"    . {told(fact)}")

    def died(self, lost: int, now: Micros) -> None:
        self._line(f"@{(now - START) / SECOND:.6f} callctl is killed; {lost} steps were not stored")

    def _line(self, line: str) -> None:
        self._hash.update(line.encode() + b"\n")
        self._write(line)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()
