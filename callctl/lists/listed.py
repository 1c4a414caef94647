"""`callctl do-not-call import`: a file of numbers that are not called, by the million, onto the database's list."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from callctl.lists.columns import guessed
from callctl.lists.database import opened
from callctl.lists.errors import ListError
from callctl.lists.phones import Phones
from callctl.lists.places import Places
from callctl.lists.progress import Shown
from callctl.lists.reading import Refusal, Table
from callctl.settings import Loaded, load
from callctl.settings.errors import shown
from callctl.settings.lists import Goes
from callctl.settings.types import nearest
from callctl.store.pool import Connection, answering
from callctl.store.queries import SQL

OK, WRONG = 0, 2
CHUNK = 20_000
"""Numbers that are sent at a time."""
FIRST_TOLD = 5
"""Rows that could not be read, of which the first are told."""


def command(args: argparse.Namespace) -> int:
    """The exit code. All of the file or nothing of it."""
    try:
        if args.config is None:
            raise ListError("which database? add --config DIR")
        loaded = load(args.config, args.overlay)
        if args.campaign and args.campaign not in loaded.policy.campaigns:
            raise ListError(f"--campaign: there is no campaign {shown(args.campaign)}")
        with Table(Path(args.number), headed=False) as table:
            return asyncio.run(_import(args, loaded, table))
    except ListError as error:
        print(f"callctl: {error}", file=sys.stderr)
        return WRONG


async def _import(args: argparse.Namespace, loaded: Loaded, table: Table) -> int:
    how = f"file {args.source or Path(args.number).name}"
    column = _column(table, args.column)
    bad: list[tuple[int, str]] = []
    async with opened(loaded.daemon.database) as connection:
        with answering():
            async with connection.transaction():
                with Shown(table.size, quiet=args.json) as progress:
                    read = await _copy(
                        connection, _numbers(table, *column, loaded.policy.country, bad), table, progress
                    )
                await connection.fetchval(SQL["new_list_version"])
                added = int(await connection.fetchval(SQL["list_numbers"], args.campaign, how, timeout=600))
                gone = 0
                if args.replace and bad:
                    raise ListError(f"{_first(bad)}; with --replace each row must hold a number: nothing has changed")
                if args.replace:
                    gone = int(await connection.fetchval(SQL["unlist_others"], args.campaign, how, timeout=600))
    if args.json:
        print(json.dumps({"read": read, "added": added, "removed": gone, "refused": len(bad)}))
    else:
        _tell(read, added, gone, bad)
    return OK


def _tell(read: int, added: int, gone: int, bad: list[tuple[int, str]]) -> None:
    removed = f", {gone:,} removed that the file no longer has" if gone else ""
    print(f"{read:,} numbers read: {added:,} are new on the list{removed}")
    if bad:
        print(_first(bad), file=sys.stderr)


def _first(bad: list[tuple[int, str]]) -> str:
    some = "".join(f"\n  line {line}: {why}" for line, why in bad[:FIRST_TOLD])
    return f"{len(bad):,} rows hold no number; the first:{some}"


def _column(table: Table, wanted: str | None) -> tuple[int, bool]:
    """Which column the numbers are in, and whether the first row is one as well. ListError: nobody can say."""
    headings = [heading.casefold() for heading in table.headings]
    if wanted is not None:
        if wanted.casefold() not in headings:
            raise ListError(f"--column: there is no column {shown(wanted)}; {nearest(wanted, table.headings)}")
        return headings.index(wanted.casefold()), False
    if len(headings) == 1:
        return 0, guessed(table.headings[0]).goes is not Goes.NUMBER
    numbers = [n for n, heading in enumerate(table.headings) if guessed(heading).goes is Goes.NUMBER]
    if len(numbers) != 1:
        raise ListError(f"{len(headings)} columns: say with --column HEADING which holds the numbers")
    return numbers[0], False


def _numbers(table: Table, at: int, headless: bool, country: str, bad: list[tuple[int, str]]) -> Iterator[int]:
    """The number of each row; `headless`: of the first row too, if it holds one."""
    phones = Phones(Places())
    first: list[tuple[int, list[str]]] = [(1, table.headings)] if headless else []
    for row in itertools.chain(first, table):
        if isinstance(row, Refusal):
            bad.append((row.line, row.why))
            continue
        line, cells = row
        found = phones.read(cells[at], country)
        if not isinstance(found, str):
            yield found.digits
        elif line > 1 or any(c.isdigit() for c in cells[at]):
            bad.append((line, f"{shown(cells[at])} {found}"))


async def _copy(connection: Connection, numbers: Iterator[int], table: Table, progress: Shown) -> int:
    await connection.execute(SQL["listed_table"])
    read = 0
    while chunk := list(itertools.islice(numbers, CHUNK)):
        await connection.copy_records_to_table("listed_now", records=[(number,) for number in chunk])
        read += len(chunk)
        progress.at(read, table.position)
    return read
