"""From the spool into the database: several units in one transaction, oldest first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from callctl.store.pool import Connection
from callctl.store.rows import Rows, merged
from callctl.store.spool import Spool
from callctl.store.write import ForeignRowsError, write

SPOOL_FRAMES = 200
"""So many spooled units share a transaction, at most."""
UNIT_FACTS = 1_000
"""So many facts share one, at most."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What became of the spool's oldest frames."""

    seq: int = 0
    """Everything up to this step of their epoch is stored; 0: nothing was."""
    refused: int = 0
    """Rows that the server refused."""


async def store_spooled(connection: Connection, spool: Spool, *, history: bool = False) -> Drained:
    """Store the spool's oldest frames in one transaction and forget them.

    What this database or this code cannot take is set aside. DeposedError: the frames stay.
    """
    payloads = await asyncio.to_thread(spool.peek, SPOOL_FRAMES)
    if not payloads:
        return Drained()
    try:
        together = _of_one_epoch(payloads)
        rows = merged(together)
        refused = await write(connection, rows, history=history)
    except (ForeignRowsError, ValueError) as error:
        await asyncio.to_thread(spool.set_aside, str(error))
        return Drained()
    await asyncio.to_thread(spool.pop, len(together))
    return Drained(rows.seq, refused)


def _of_one_epoch(payloads: list[bytes]) -> list[Rows]:
    """As many as can go together, one at least. ValueError: the first cannot be read."""
    first = Rows.from_bytes(payloads[0])
    together = [first]
    for payload in payloads[1:]:
        try:
            rows = Rows.from_bytes(payload)
        except ValueError:
            break
        if (rows.epoch, rows.seed) != (first.epoch, first.seed) or len(rows.events) + sum(
            len(other.events) for other in together
        ) > UNIT_FACTS:
            break
        together.append(rows)
    return together
