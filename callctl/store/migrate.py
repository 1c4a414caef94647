"""Brings a database's schema up to this code's: numbered files, each in its own transaction, under a lock."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeAlias

import asyncpg
import structlog

from callctl.store.errors import MigrationError
from callctl.store.queries import SQL

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

MIGRATE_LOCK = 0x63616C6C63746C01  # "callctl", 1
_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def shipped() -> tuple[Migration, ...]:
    """The migrations of this code, in order."""
    found = []
    for entry in files("callctl.store").joinpath("migrations").iterdir():
        if match := _FILE.fullmatch(entry.name):
            found.append(Migration(int(match[1]), entry.name, entry.read_text("utf-8")))
    return in_order(found)


def in_order(migrations: list[Migration]) -> tuple[Migration, ...]:
    """Sorted by number. MigrationError: a number is missing or there twice."""
    ordered = tuple(sorted(migrations, key=lambda m: m.number))
    for wanted, migration in enumerate(ordered, start=1):
        if migration.number != wanted:
            raise MigrationError(f"{migration.name}: the next migration's number should be {wanted:04}")
    return ordered


async def migrate(connection: Connection, migrations: tuple[Migration, ...] | None = None) -> tuple[str, ...]:
    """Apply what is missing; returns the names. Two at once: the second waits, and finds nothing to do.

    MigrationError: an applied migration is not the one shipped, the schema is newer than this code, or a
    migration fails (then its transaction is undone, and those before it stay).
    """
    wanted = shipped() if migrations is None else migrations
    await _lock(connection)
    try:
        if not await connection.fetchval(SQL["has_applied_table"]):
            await connection.execute(SQL["make_applied_table"])
        missing = _missing(wanted, await connection.fetch(SQL["applied"]))
        for migration in missing:
            await _apply(connection, migration)
        return tuple(migration.name for migration in missing)
    except asyncpg.InsufficientPrivilegeError as error:
        raise MigrationError(
            f"the database user may not create callctl's tables: {error}; make it the owner of the database"
        ) from None
    finally:
        if not connection.is_closed():
            await connection.fetchval(SQL["unlock"], MIGRATE_LOCK)


async def _lock(connection: Connection) -> None:
    try:
        await connection.execute(SQL["lock"], MIGRATE_LOCK)
    except TimeoutError:
        raise MigrationError("another callctl is migrating this database, and does not end") from None


async def pending(connection: Connection) -> tuple[str, ...]:
    """The names of the migrations that the database lacks. MigrationError as in `migrate`."""
    if not await connection.fetchval(SQL["has_applied_table"]):
        return tuple(migration.name for migration in shipped())
    return tuple(m.name for m in _missing(shipped(), await connection.fetch(SQL["applied"])))


def _missing(wanted: tuple[Migration, ...], applied: list[asyncpg.Record]) -> tuple[Migration, ...]:
    for row in applied:
        if row["number"] > len(wanted):
            raise MigrationError(
                f"the database has migration {row['name']}, which this callctl does not know: "
                "it was used by a newer callctl; run that one, or restore a backup from before"
            )
        ours = wanted[row["number"] - 1]
        if row["checksum"] != ours.checksum:
            raise MigrationError(
                f"migration {row['name']} was changed after this database took it "
                f"(there {row['checksum'][:12]}…, here {ours.checksum[:12]}…): put the file back as it was"
            )
    have = {row["number"] for row in applied}
    return tuple(migration for migration in wanted if migration.number not in have)


async def _apply(connection: Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(SQL["mark_applied"], migration.number, migration.name, migration.checksum)
    except asyncpg.InsufficientPrivilegeError:
        raise
    except asyncpg.PostgresError as error:
        raise MigrationError(f"migration {migration.name} failed and was undone: {error}") from error
    _log.info("schema.migrated", migration=migration.name)
