"""One person's data: all of it, shown and erased. GDPR articles 15, 17 and 20."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callctl.core.addresses import E164
from callctl.core.ids import ContactId
from callctl.runtime.views import Plain
from callctl.store.errors import StoreError
from callctl.store.pool import Connection, Pool, answering
from callctl.store.queries import SQL

ERASING = 600.0
"""Seconds that one statement may take: every event is looked at."""
MOST_WAL_FILES = 200


@dataclass(frozen=True, slots=True)
class Person:
    """Who is meant by a number: every contact that has it, and all their numbers."""

    numbers: tuple[E164, ...]
    contacts: tuple[ContactId, ...]

    @property
    def digits(self) -> list[int]:
        return [int(number.digits) for number in self.numbers]

    @property
    def texts(self) -> list[str]:
        """The numbers as call records have them."""
        return [str(number) for number in self.numbers]

    @property
    def patterns(self) -> list[str]:
        """Regular expressions: the digits as a whole number, wherever they stand in a text."""
        return [f"(^|[^0-9]){number.digits}([^0-9]|$)" for number in self.numbers]


class InCallError(StoreError):
    """They are in a call, or being called: nobody is erased in the middle of it."""


async def person_of(pool: Pool, number: E164) -> Person:
    """Whoever has this number: every contact with it, and all of their numbers that nobody else has."""
    digits = int(number.digits)
    with answering():
        contacts = [row["contact"] for row in await pool.fetch(SQL["person_contacts"], digits)]
        rows = await pool.fetch(SQL["person_numbers"], contacts, digits)
    found = sorted({number.digits, *(str(row["number"]) for row in rows)})
    return Person(tuple(map(E164, found)), tuple(map(ContactId, sorted(contacts))))


async def calls(pool: Pool, person: Person) -> list[Plain]:
    """Their call records, as the table has them, each with its story."""
    with answering():
        rows = await pool.fetch(SQL["person_calls"], person.texts, timeout=60)
        told = await pool.fetch(SQL["person_events"], [row["id"] for row in rows], timeout=60)
    stories: dict[str, list[Plain]] = {}
    for event in told:
        line = {"at": str(event["at"]), "kind": event["kind"], "body": json.loads(event["body"])}
        stories.setdefault(event["call"], []).append(line)
    return [
        {**{name: _plain(value) for name, value in row.items()}, "story": stories.get(row["id"], [])} for row in rows
    ]


async def rows(pool: Pool, person: Person) -> dict[str, list[Plain]]:
    """What the tables of attempts, consents, lists and so on hold of them, by table."""
    found: dict[str, list[Plain]] = {}
    with answering():
        for row in await pool.fetch(SQL["person_rows"], person.digits, list(person.contacts), timeout=60):
            found.setdefault(row["what"], []).append(json.loads(row["body"]))
    return found


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | bool) else str(value)


async def erase(pool: Pool, person: Person, forget: bool) -> None:
    """All of it, or nothing, in one transaction. `forget`: also that they are not to be called. InCallError: they are
    in a call."""
    with answering():
        async with pool.acquire() as connection, connection.transaction():
            if await connection.fetch(SQL["person_live"], person.patterns):
                raise InCallError("they are in a call, or being called: try again when it is over")
            await _erase(connection, person, forget)


async def _erase(connection: Connection, person: Person, forget: bool) -> None:
    digits, contacts, texts, patterns = person.digits, list(person.contacts), person.texts, person.patterns
    theirs = [row["id"] for row in await connection.fetch(SQL["person_calls"], texts, timeout=ERASING)]
    statements: list[tuple[str, Sequence[Any]]] = [
        ("erase_attempts", (digits, contacts)),
        ("erase_refusals", (digits, contacts)),
        ("erase_happened", (digits, contacts)),
        ("erase_consents", (digits,)),
        ("erase_contacts", (contacts,)),
        ("erase_wrong_numbers", (digits,)),
        ("erase_calls", (texts,)),
        ("erase_texts", (patterns,)),
        ("erase_events", (theirs, patterns)),
        ("erase_aside", (patterns,)),
    ]
    statements.append(("erase_do_not_call" if forget else "erase_do_not_call_how", (digits,)))
    for name, values in statements:
        await connection.execute(SQL[name], *values, timeout=ERASING)


async def scrub(connection: Connection) -> list[str]:
    """Rewrite every table that held what was erased, and let go of the write-ahead log that tells of it. Each table is
    locked meanwhile: for a quiet hour. Returns their names."""
    tables = [row[0] for row in await connection.fetch(SQL["erased_tables"])]
    for table in sorted(tables):
        await connection.execute(f"vacuum (full) {table}", timeout=3600)
    # The log is let go of up to the checkpoint before the last; what is recycled is written over when its turn comes.
    for _ in range(2 + min(int(await connection.fetchval(SQL["wal_files"])), MOST_WAL_FILES)):
        await connection.execute("select pg_switch_wal()")
        await connection.execute("checkpoint", timeout=600)
    return tables
