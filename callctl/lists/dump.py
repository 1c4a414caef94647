"""A campaign's list as CSV: to be read by people and spreadsheets, and to be imported again."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import asyncpg

from callctl.lists.columns import OURS
from callctl.lists.errors import ListError
from callctl.lists.report import csv_line, new_file
from callctl.settings.lists import FieldType, Goes, Target
from callctl.store.pool import Connection
from callctl.store.queries import SQL

_AHEAD = 1_000
"""Rows that are fetched at once."""
_PLAIN = ("key", "name", "country", "state", "zone", "debt", "priority")
_STANDING = ("standing", "why", "due", "attempts", "outcomes", "last_attempt", "callback_at", "barred")
_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class _Shape:
    """The file's columns."""

    numbers: int
    fields: Mapping[str, FieldType]

    def headings(self) -> list[str]:
        numbers = [word for n in range(1, self.numbers + 1) for word in (f"number{n}", f"kind{n}")]
        fields = [str(Target(Goes.FIELD, name, kind)) for name, kind in self.fields.items()]
        return [*_PLAIN, *numbers, *fields, *(OURS + word for word in _STANDING)]

    def cells(self, contact: asyncpg.Record) -> Iterator[str]:
        for word in _PLAIN:
            yield _text(contact[word])
        numbers, kinds = contact["numbers"] or (), contact["kinds"] or ()
        for n in range(self.numbers):
            yield f"+{numbers[n]}" if n < len(numbers) else ""
            yield kinds[n] if n < len(kinds) else ""
        fields = json.loads(contact["fields"], parse_float=str, parse_int=str)
        for name in self.fields:
            yield _text(fields.get(name))
        outcomes = json.loads(contact["outcomes"])
        for word in _STANDING:
            yield _counts(outcomes) if word == "outcomes" else _text(contact[word])


async def dump(connection: Connection, campaign: str, output: Path | None, *, mark: bool) -> int:
    """Write the list to a file, or to stdout; the number of contacts. `mark`: a byte order mark at the beginning.

    ListError: the file cannot be written. It is the old one, or none, until the whole list is there.
    """
    with _written(output) as file:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            shape = await _shape(connection, campaign)
            file.write(_MARK if mark else "")
            file.write(csv_line(shape.headings()))
            count = 0
            async for contact in connection.cursor(SQL["list_export"], campaign, prefetch=_AHEAD):
                file.write(csv_line(shape.cells(contact)))
                count += 1
    return count


async def _shape(connection: Connection, campaign: str) -> _Shape:
    numbers = await connection.fetchval(SQL["list_width"], campaign, timeout=None)
    fields = await connection.fetch(SQL["list_field_names"], campaign, timeout=None)
    return _Shape(max(numbers, 1), {row["name"]: _type(row["types"]) for row in fields})


def _type(types: Sequence[str]) -> FieldType:
    """Of a field's values in JSON; of several types: text."""
    only = types[0] if len(types) == 1 else ""
    return {"number": FieldType.NUMBER, "boolean": FieldType.YES_NO}.get(only, FieldType.TEXT)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds")
        case list():
            return "; ".join(value)
    return str(value)


def _counts(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items()))


@contextlib.contextmanager
def _written(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        yield sys.stdout
        return
    part = output.with_name(output.name + ".part")
    try:
        file = new_file(part)
    except OSError as error:
        raise ListError(f"{output}: {error.strerror}") from None
    try:
        with file:
            yield file
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
