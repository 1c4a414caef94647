"""Contacts into the database: one transaction, of which nothing is left when it is cut off.

Chunk by chunk: the database says who is there, and takes the others by COPY, which costs it less than the way over
temporary tables. Those who are there are changed by way of such. The transaction locks no more than the rows that it
changes, and never one that a daemon has claimed.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from callctl.lists.places import Places
from callctl.lists.rows import Contact
from callctl.places import Place
from callctl.settings.lists import Duplicates, Goes
from callctl.store.errors import StoreError
from callctl.store.pool import Connection
from callctl.store.queries import SQL

TIMEOUT = 600.0
"""Seconds for one statement: the disk may be busy."""
_LOCK = 0x6C697374  # "list"
_CONTACT = ("id", "campaign", "key", "imported", "name", "country", "state", "zone", "debt", "fields", "priority")
_CHANGED = ("contact", "name", "country", "state", "zone", "debt", "fields", "priority")
_NUMBER = ("contact", "n", "number", "kind", "country", "zones", "states")
_COLUMNS = (Goes.NAME, Goes.COUNTRY, Goes.STATE, Goes.ZONE, Goes.DEBT, Goes.PRIORITY)
"""In the order of `list_change`'s parameters."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the file has columns for, and so changes of contacts that are there."""

    columns: frozenset[Goes]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of a chunk's contacts."""

    taken: int
    changed: int
    in_file: tuple[int, ...]
    """Places in the chunk: the same contact is further up in the file."""
    there: tuple[int, ...]
    """On the list already, and left as they are."""
    busy: tuple[int, ...]
    """To be changed, but a daemon has claimed them."""


class Load:
    """One import, in a transaction that its caller has begun on the connection."""

    def __init__(
        self, connection: Connection, campaign: str, places: Places, duplicates: Duplicates, held: Held
    ) -> None:
        self._connection = connection
        self._campaign = campaign
        self._places = places
        self._written: list[str] = []
        """The places, as COPY reads them."""
        self._update = duplicates is Duplicates.UPDATE
        self._held = held
        self._id = 0

    async def begin(self) -> None:
        """StoreError: another import of the campaign is under way."""
        await self._connection.execute(SQL["list_begin"])
        if not await self._connection.fetchval(SQL["list_lock"], _LOCK, self._campaign):
            raise StoreError(f"another import into {self._campaign} is under way; wait for its end")
        await self._connection.execute(SQL["list_tables"])
        self._id = await self._connection.fetchval(SQL["list_number_import"])

    async def merge(self, contacts: Sequence[Contact]) -> Merged:
        """Put a chunk of the file onto the list. StoreError: somebody else has put one of them there meanwhile."""
        keys, firsts = [c.key for c in contacts], [c.phones[0].digits for c in contacts]
        found = await self._connection.fetch(SQL["list_find"], self._campaign, self._id, keys, firsts, timeout=TIMEOUT)
        in_file = tuple(row["n"] for row in found if row["in_file"])
        known = {row["n"]: row["known"] for row in found if not row["in_file"]}
        old = known.keys() | set(in_file)
        await self._take([c for n, c in enumerate(contacts) if n not in old])
        if not self._update:
            return Merged(len(contacts) - len(old), 0, in_file, tuple(known), ())
        free = await self._change({known[n]: contacts[n] for n in known}) if known else frozenset()
        busy = tuple(n for n in known if known[n] not in free)
        return Merged(len(contacts) - len(old), len(free), in_file, (), busy)

    async def end(self, file: str, who: str, counts: Sequence[int]) -> None:
        """Note the import. `counts`: read, taken, changed, duplicates, refused."""
        await self._connection.execute(SQL["list_end"], self._id, self._campaign, file, who, *counts)

    async def _take(self, contacts: Sequence[Contact]) -> None:
        """New ones."""
        if not contacts:
            return
        ids = await self._connection.fetchval(SQL["list_number_contacts"], len(contacts))
        ours = self._campaign, self._id
        rows = ((n, ours[0], c.key, ours[1], *_said(c)) for n, c in zip(ids, contacts, strict=True))
        try:
            await self._copy("contact", rows, _CONTACT)
        except asyncpg.UniqueViolationError:
            raise StoreError(
                f"somebody else put a contact of this file onto the list of {self._campaign} meanwhile; run it again"
            ) from None
        await self._copy_numbers("contact_number", zip(ids, contacts, strict=True))

    async def _change(self, known: Mapping[int, Contact]) -> frozenset[int]:
        """Bring contacts up to date, by their numbers in the database; those that could be held."""
        do = self._connection.execute
        held = await self._connection.fetch(SQL["list_hold"], list(known), timeout=TIMEOUT)
        free = frozenset(row["id"] for row in held)
        mine = [(contact, said) for contact, said in known.items() if contact in free]
        await self._copy("list_row", ((contact, *_said(said)) for contact, said in mine), _CHANGED)
        await self._copy_numbers("list_number", mine)
        await do(SQL["list_merge"], timeout=TIMEOUT)
        has = (goes in self._held.columns for goes in _COLUMNS)
        await do(SQL["list_change"], self._id, *has, list(self._held.fields), timeout=TIMEOUT)
        await do(SQL["list_clear_numbers"], timeout=TIMEOUT)
        await do(SQL["list_put_numbers"], timeout=TIMEOUT)
        await do(SQL["list_clear"], timeout=TIMEOUT)
        return free

    async def _copy_numbers(self, table: str, contacts: Iterable[tuple[int, Contact]]) -> None:
        """As text: asyncpg's own way to write arrays would take longer than all the rest of a row."""
        self._written += [_as_text(place) for place in self._places.all[len(self._written) :]]
        written = self._written
        lines = (
            f"{contact}\t{n}\t{digits}\t{kind}\t{written[place]}\n"
            for contact, said in contacts
            for n, (digits, place, kind) in enumerate(said.phones)
        )
        with io.BytesIO("".join(lines).encode()) as source:  # closed: asyncpg leaves it in a circle
            await self._connection.copy_to_table(table, source=source, columns=_NUMBER, timeout=TIMEOUT)

    async def _copy(self, table: str, records: Any, columns: Sequence[str]) -> None:
        await self._connection.copy_records_to_table(table, records=records, columns=columns, timeout=TIMEOUT)


def _said(c: Contact) -> tuple[Any, ...]:
    """What a row says of its contact, its key and numbers apart."""
    return c.name, c.country, c.state, c.zone, c.debt, c.fields, c.priority


def _as_text(place: Place) -> str:
    """Its columns. Country, zones and states are phonenumbers' own words, and a kind is one of ours: nothing in them
    has a meaning to COPY."""
    return f"{place.country}\t{{{','.join(place.zones)}}}\t{{{','.join(place.states)}}}"
