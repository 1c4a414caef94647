"""From the spool into the database: several units in one transaction, oldest first."""

from __future__ import annotations

import asyncio

from callctl.store.pool import Connection
from callctl.store.rows import Rows, merged
from callctl.store.spool import Spool
from callctl.store.write import ForeignRowsError, write

SPOOL_FRAMES = 200
"""So many spooled units share a transaction, at most."""
UNIT_FACTS = 1_000
"""So many facts share one, at most."""


async def store_spooled(connection: Connection, spool: Spool, *, history: bool = False) -> int:
    """Store the spool's oldest frames in one transaction and forget them; returns how many rows were refused.

    What this database or this code cannot take is set aside. DeposedError: the frames stay.
    """
    payloads = await asyncio.to_thread(spool.peek, SPOOL_FRAMES)
    if not payloads:
        return 0
    try:
        together = _of_one_epoch(payloads)
        refused = await write(connection, merged(together), history=history)
    except (ForeignRowsError, ValueError) as error:
        await asyncio.to_thread(spool.set_aside, str(error))
        return 0
    await asyncio.to_thread(spool.pop, len(together))
    return refused


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
