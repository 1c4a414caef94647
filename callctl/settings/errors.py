"""What is wrong in the configuration, and where. All of it is told at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys, and places in lists from 0."""

_PLAIN_KEY = re.compile(r"[\w*#+.-]{1,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file; line and column count from 1. Line 0: the file or folder as a whole."""

    file: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, with what would be right. No secret is ever in its text."""

    file: str
    line: int
    column: int
    path: str
    wrong: str
    right: str

    @classmethod
    def at(cls, place: Place, path: KeyPath, wrong: str, right: str) -> Problem:
        return cls(place.file, place.line, place.column, path_text(path), wrong, right)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.path + ': ' if self.path else ''}{self.wrong}; {self.right}"


class Mistake(NamedTuple):
    """What is wrong between entries; the place is `path`'s value, or its key."""

    path: KeyPath
    wrong: str
    right: str
    of_key: bool = False


class SettingsError(Exception):
    """The configuration cannot be used. `problems` holds every mistake found: whole files, then line by line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted_problems(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


def sorted_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Whole files and folders first, then by file, line and column; what was found twice is told once."""
    once = dict.fromkeys(problems)
    return tuple(sorted(once, key=lambda p: (p.line > 0, p.file, p.line, p.column, p.path, p.wrong)))


def path_text(path: KeyPath) -> str:
    """`agents.agent1.queues[0]`; an odd key is shown quoted and cut."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _PLAIN_KEY.fullmatch(part) else quoted(part)
            text += f".{key}" if text else key
    return text


def shown(value: str) -> str:
    """A value of the file, fit for a message: printable and short, in backquotes."""
    return f"`{_clean(value)}`"


def quoted(value: str) -> str:
    return f'"{_clean(value)}"'


def _clean(value: str) -> str:
    text = "".join(c if c.isprintable() else "?" for c in value[:41])
    return text[:40] + "…" if len(value) > 40 else text
