"""Connections to Postgres: with patience at the start, and a clear word when it cannot be."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import TypeAlias
from urllib.parse import urlsplit

import asyncpg
import structlog

from callctl.store.errors import StoreError
from callctl.store.queries import SQL

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

OLDEST = 140000
CONNECT_TIMEOUT = 5.0
"""Seconds for one try."""
COMMAND_TIMEOUT = 30.0
_RETRY = 0.25
_SETTINGS = {"application_name": "callctl", "jit": "off"}
_log = structlog.get_logger(__name__)

TROUBLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises when the server goes away; the last when its farewell comes between two statements."""
NOT_REACHED = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)
"""Errors that a second try may cure: nobody listens, or the server is starting or stopping."""


def shown(url: str) -> str:
    """The database's URL for people: without its password."""
    try:
        parts = urlsplit(url)
        user = f"{parts.username}@" if parts.username else ""
        place = parts.hostname or "".join(q[5:] for q in parts.query.split("&") if q.startswith("host="))
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the database URL"
    return f"{parts.scheme}://{user}{place or 'localhost'}{port}{parts.path}"


async def connect(url: str, *, patience: float = 0.0, timeout: float = CONNECT_TIMEOUT) -> Connection:
    """One connection. `patience`: seconds to go on trying while nobody listens.

    StoreError: not reachable, user or password refused, no such database, too old.
    """
    deadline = asyncio.get_running_loop().time() + patience
    told = False
    while True:
        try:
            return await _connect(url, timeout)
        except NOT_REACHED as error:
            if asyncio.get_running_loop().time() >= deadline:
                raise StoreError(f"{shown(url)}: not reachable: {_why(error)}; is Postgres running there?") from error
            if not told:
                _log.warning("database.waiting", url=shown(url), why=_why(error), patience=patience)
                told = True
            await asyncio.sleep(_RETRY)


async def _connect(url: str, timeout: float) -> Connection:
    try:
        connection = await asyncpg.connect(
            url, timeout=timeout, command_timeout=COMMAND_TIMEOUT, server_settings=_SETTINGS
        )
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise StoreError(f"{shown(url)}: refused user or password: {error}") from None
    except asyncpg.InvalidCatalogNameError:
        raise StoreError(
            f"{shown(url)}: there is no such database; create it (`createdb`), owned by this user"
        ) from None
    except asyncpg.TooManyConnectionsError as error:
        raise StoreError(f"{shown(url)}: {error}; raise max_connections or free some") from None
    except (ValueError, asyncpg.ClientConfigurationError) as error:
        raise StoreError(
            f"the database URL cannot be used: {error}; right is postgresql://USER@HOST/DATABASE"
        ) from None
    try:
        await _check_version(url, connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def _check_version(url: str, connection: Connection) -> None:
    version = int(await connection.fetchval(SQL["version"]))
    if version < OLDEST:
        raise StoreError(
            f"{shown(url)}: Postgres {version // 10000} is too old; callctl needs {OLDEST // 10000} or newer"
        )


async def reading_pool(url: str, *, size: int = 4) -> Pool:
    """A pool for reading: at most `size` connections, opened as needed, to a database that `connect` has reached.

    The journal writes through a connection of its own, so that readers never hold it up.
    """
    return await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        timeout=CONNECT_TIMEOUT,
        command_timeout=COMMAND_TIMEOUT,
        server_settings=_SETTINGS,
    )


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Around a read: what asyncpg raises while the database is away becomes a StoreError."""
    try:
        yield
    except TROUBLE as error:
        raise StoreError(f"the database does not answer: {_why(error)}") from error


def _why(error: BaseException) -> str:
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
