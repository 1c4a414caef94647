"""One import, from a file to the end of its transaction: rows are read while the database takes those before them."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass

from callctl.lists.load import Load, Merged
from callctl.lists.progress import Shown
from callctl.lists.reading import Refusal, Table
from callctl.lists.report import BUSY, IN_FILE, THERE, RefusedFile, Tally
from callctl.lists.rows import Contact, Rows

CHUNK = 5_000
"""Rows that the database takes at once."""
_BREATH = 20
"""Rows after which the database is looked after."""


@dataclass(slots=True)
class _Chunk:
    contacts: list[Contact]
    cells: list[list[str]]


class Import:
    """Reads `table`, puts its contacts on the list, and counts what became of its rows."""

    def __init__(self, table: Table, rows: Rows, load: Load, refused: RefusedFile, shown: Shown) -> None:
        self.tally = Tally()
        self._table = table
        self._rows = rows
        self._load = load
        self._refused = refused
        self._shown = shown
        self._chunk = _Chunk([], [])
        self._merging: asyncio.Task[Merged] | None = None
        self._merged = _Chunk([], [])
        """What the database is taking."""

    async def run(self) -> Tally:
        """All of the file. ListError, StoreError: it ends in the middle; the transaction is to be undone."""
        gc.freeze()
        gc.disable()  # rows hold no circles: looking for some is a quarter of the time
        try:
            await self._run()
        finally:
            gc.enable()
            gc.unfreeze()
            self._refused.close()
            if self._merging is not None:
                self._merging.cancel()
                await asyncio.gather(self._merging, return_exceptions=True)
        return self.tally

    async def _run(self) -> None:
        tally = self.tally
        for row in self._table:
            tally.read += 1
            self._read(row)
            if tally.read % _BREATH == 0:
                self._shown.at(tally.read, self._table.position)
                await asyncio.sleep(0)
            if len(self._chunk.contacts) == CHUNK:
                await self._hand_over()
        await self._hand_over()
        await self._count_merged()

    def _read(self, row: tuple[int, list[str]] | Refusal) -> None:
        read = row if isinstance(row, Refusal) else self._rows.read(*row)
        if isinstance(read, Refusal):
            self.tally.refuse(read)
            self._write_down(read, "")
            return
        assert not isinstance(row, Refusal)
        self._chunk.contacts.append(read)
        self._chunk.cells.append(row[1])
        if not read.zone and self._rows.zoneless(read):
            self.tally.no_zone += 1
        for number in read.left_out:
            self.tally.leave_out(number)
            self._write_down(number, " (the contact was taken with its other numbers)")

    def _write_down(self, refusal: Refusal, more: str) -> None:
        self._refused.add(refusal.line, refusal.column, refusal.why + more, refusal.cells)

    async def _hand_over(self) -> None:
        """Give the chunk to the database, once it has taken the one before."""
        await self._count_merged()
        if self._chunk.contacts:
            self._merged, self._chunk = self._chunk, _Chunk([], [])
            self._merging = asyncio.create_task(self._load.merge(self._merged.contacts))

    async def _count_merged(self) -> None:
        if self._merging is None:
            return
        merged = await self._merging
        self._merging = None
        self.tally.taken += merged.taken
        self.tally.changed += merged.changed
        contacts = self._merged.contacts
        for reason, places in ((IN_FILE, merged.in_file), (THERE, merged.there), (BUSY, merged.busy)):
            for n in places:
                self.tally.pass_over(reason, contacts[n].line)
                if reason is not THERE:
                    self._refused.add(contacts[n].line, "", reason, self._merged.cells[n])
