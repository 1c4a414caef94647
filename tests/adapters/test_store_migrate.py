"""The schema: the migrations make what `schema.sql` says, and nothing unclear is done to a database."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import replace
from importlib.resources import files

import pytest

from callctl.store import postmaster
from callctl.store.embedded import EmbeddedPostgres
from callctl.store.errors import MigrationError
from callctl.store.migrate import Migration, in_order, migrate, pending, shipped
from callctl.store.partitions import make_ahead
from callctl.store.pool import connect
from callctl.store.queries import parse
from tests.adapters.store_kit import NOW, ask
from tests.postgres import database

pytestmark = pytest.mark.adapter

BROKEN = Migration(len(shipped()) + 1, "9999_broken.sql", "create table half (id int); select 1 / 0;")


def _dump(url: str) -> str:
    """pg_dump's picture of the schema, without the lines that differ by run."""
    done = subprocess.run(
        [postmaster.installed() / "bin" / "pg_dump", "--schema-only", "--no-owner", url],
        capture_output=True,
        text=True,
        check=True,
    )
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith(("\\", "--")))


async def test_migrations_make_what_the_schema_says(postgres: EmbeddedPostgres, postgres_url: str) -> None:
    connection = await connect(postgres_url)
    assert await migrate(connection) == tuple(m.name for m in shipped())
    await connection.close()
    migrated = _dump(postgres_url)
    async with database(postgres) as other_url:
        connection = await connect(other_url)
        await connection.execute(files("callctl.store").joinpath("schema.sql").read_text("utf-8"))
        await connection.close()
        assert _dump(other_url) == migrated
    assert "CREATE TABLE public.call_event" in migrated


async def test_every_table_and_column_says_what_it_is(postgres_url: str) -> None:
    connection = await connect(postgres_url)
    await migrate(connection)
    await make_ahead(connection, NOW)
    silent = await connection.fetch("""
        select c.relname, a.attname from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and col_description(c.oid, a.attnum) is null
        union all
        select c.relname, null from pg_class c where c.relnamespace = 'public'::regnamespace
        and c.relkind in ('r', 'p') and not c.relispartition and obj_description(c.oid) is null
    """)
    await connection.close()
    assert [tuple(row) for row in silent] == []


async def test_a_second_run_finds_nothing_to_do(postgres_url: str) -> None:
    connection = await connect(postgres_url)
    assert await pending(connection) == tuple(m.name for m in shipped())
    await migrate(connection)
    assert await pending(connection) == ()
    assert await migrate(connection) == ()
    await connection.close()


async def test_two_at_once_apply_each_migration_once(postgres_url: str) -> None:
    connections = [await connect(postgres_url) for _ in range(2)]
    done = await asyncio.gather(*(migrate(connection) for connection in connections))
    assert sorted(done, key=len) == [(), tuple(m.name for m in shipped())]
    for connection in connections:
        await connection.close()


async def test_a_changed_migration_is_named(postgres_url: str) -> None:
    connection = await connect(postgres_url)
    await migrate(connection)
    first, *rest = shipped()
    changed = (replace(first, sql=first.sql + "-- harmless"), *rest)
    with pytest.raises(MigrationError, match=r"0001_journal\.sql was changed after this database took it"):
        await migrate(connection, changed)
    await connection.close()


async def test_a_newer_schema_is_refused(postgres_url: str) -> None:
    connection = await connect(postgres_url)
    await migrate(connection, (*shipped(), replace(BROKEN, sql="select 1")))
    with pytest.raises(MigrationError, match=r"9999_broken\.sql.*used by a newer callctl"):
        await migrate(connection)
    await connection.close()


async def test_a_failing_migration_is_undone_and_those_before_it_stay(postgres_url: str) -> None:
    connection = await connect(postgres_url)
    with pytest.raises(MigrationError, match=r"9999_broken\.sql failed and was undone: division by zero"):
        await migrate(connection, (*shipped(), BROKEN))
    await connection.close()
    assert await ask(postgres_url, "select to_regclass('half')::text") == [None]
    assert await ask(postgres_url, "select count(*) from migration") == [len(shipped())]


async def test_a_user_without_rights_is_told_so(postgres: EmbeddedPostgres, postgres_url: str) -> None:
    connection = await connect(postgres_url)
    await connection.execute("create role stranger; set role stranger")
    with pytest.raises(MigrationError, match="may not create callctl's tables"):
        await migrate(connection)
    await connection.execute("reset role; drop role stranger")
    await connection.close()


def test_a_gap_in_the_numbers_is_named() -> None:
    with pytest.raises(MigrationError, match=r"0003_x\.sql: the next migration's number should be 0002"):
        in_order([Migration(3, "0003_x.sql", ""), Migration(1, "0001_y.sql", "")])


async def test_months_are_made_ahead_and_late_rows_moved(postgres_url: str) -> None:
    connection = await connect(postgres_url)
    await migrate(connection)
    await connection.execute("""
        insert into call_event (at, epoch, seq, n, kind, body)
        values ('2026-09-21T13:33:20Z', 1, 1, 0, 'CallQueued', '{}')
    """)
    assert await make_ahead(connection, NOW) == (
        "call_event_2026_09",
        "call_event_2026_10",
        "call_event_2026_11",
    )
    assert await make_ahead(connection, NOW) == ()
    assert await connection.fetchval("select count(*) from call_event_2026_09") == 1
    assert await connection.fetchval("select count(*) from call_event_default") == 0
    await connection.close()


def test_queries_have_one_name_each() -> None:
    with pytest.raises(ValueError, match="the name a is used twice"):
        parse("-- name: a\nselect 1\n-- name: a\nselect 2\n")
    with pytest.raises(ValueError, match="b has no statement"):
        parse("-- name: b\n-- only a comment\n")
    assert parse("-- name: c\n-- why\nselect 1\n") == {"c": "select 1"}
