"""Fixtures: a real Postgres, started once a session; each test gets a database of its own.

A conftest that wants them: `from tests.postgres import *`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest_asyncio

from callctl.store.embedded import EmbeddedPostgres
from callctl.store.pool import connect

__all__ = ["fragile_postgres", "postgres", "postgres_url"]

_numbers = itertools.count()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    """The server. Not in pytest's own folders: root's are closed to the user that Postgres runs as."""
    folder = Path(tempfile.mkdtemp(prefix="callctl-test-"))
    server = EmbeddedPostgres(folder, supervise=False)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture
async def postgres_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The URL of an empty database, gone after the test."""
    async with database(postgres) as url:
        yield url


@asynccontextmanager
async def database(server: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database; its URL."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    await _do(server, f'create database "{name}"')
    yield server.url(name)
    await _do(server, f'drop database "{name}" with (force)')


@pytest_asyncio.fixture
async def fragile_postgres(postgres: EmbeddedPostgres, postgres_url: str) -> AsyncIterator[EmbeddedPostgres]:
    """The server, for a test that stops or kills it; it runs again afterwards."""
    yield postgres
    await postgres.start()


async def _do(server: EmbeddedPostgres, statement: str) -> None:
    connection = await connect(server.url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
