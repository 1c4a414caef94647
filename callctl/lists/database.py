"""The database of a configuration, for one command."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator

from callctl.settings import DatabaseSettings
from callctl.store.embedded import EmbeddedPostgres
from callctl.store.errors import StoreError
from callctl.store.migrate import pending
from callctl.store.pool import Connection, connect


@contextlib.asynccontextmanager
async def opened(database: DatabaseSettings) -> AsyncIterator[Connection]:
    """A connection of one's own. A server of our own that does not run is started, and stopped again.

    StoreError: it is not reachable, or its schema is not this code's.
    """
    if database.url is not None:
        async with _connected(database.url.reveal()) as connection:
            yield connection
        return
    own = EmbeddedPostgres(database.data_dir, supervise=False)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # its log is no part of what was asked for
            url = await own.start()
        async with _connected(url) as connection:
            yield connection
    finally:
        await own.stop()


@contextlib.asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    connection = await connect(url)
    try:
        if missing := await pending(connection):
            raise StoreError(f"the database lacks {len(missing)} migrations; run `callctl db migrate` first")
        yield connection
    except BaseException:
        # The server undoes what was begun; a farewell might have to wait for a statement that still runs.
        connection.terminate()
        raise
    await connection.close()
