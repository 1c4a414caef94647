"""The database of our own: it starts on whatever it finds, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from callctl.store import postmaster
from callctl.store.embedded import EmbeddedPostgres, default_folder
from callctl.store.errors import StoreError
from callctl.store.pool import connect
from tests.adapters.store_kit import ask, until

pytestmark = pytest.mark.adapter

OWNER = """
import asyncio, sys
from pathlib import Path
from callctl.store.embedded import EmbeddedPostgres

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]), supervise=False)
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A folder with a database that was made and stopped: copied by each test."""
    folder = Path(tempfile.mkdtemp(prefix="callctl-made-"))
    folder.chmod(0o755)

    async def make() -> None:
        server = EmbeddedPostgres(folder / "pg", supervise=False)
        await server.start()
        await server.stop()

    asyncio.run(make())
    yield folder / "pg"
    shutil.rmtree(folder)


@pytest.fixture
def folder(made: Path) -> Iterator[Path]:
    base = Path(tempfile.mkdtemp(prefix="callctl-pg-"))
    subprocess.run(["cp", "-a", made, base / "pg"], check=True)
    base.chmod(0o755)
    yield base / "pg"
    shutil.rmtree(base)


@pytest_asyncio.fixture
async def server(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder, supervise=False)
    yield server
    await server.stop()


def _stranger() -> subprocess.Popen[bytes]:
    """Another process of the server's user."""
    args = postmaster.run_as().popen_args()
    process: subprocess.Popen[bytes] = subprocess.Popen(["sleep", "60"], **args)  # type: ignore[call-overload]
    return process


def _owner(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


async def test_start_and_stop(server: EmbeddedPostgres) -> None:
    url = await server.start()
    pid = server.pid
    assert pid is not None
    assert await ask(url, "select current_database()::text, current_user::text") == [("callctl", "callctl")]
    assert await ask(url, "select setting from pg_settings where name = 'fsync'") == ["on"]
    await server.stop()
    assert server.pid is None
    assert not _alive(pid)
    await server.stop()


async def test_a_frozen_server_does_not_keep_the_daemon_from_leaving(server: EmbeddedPostgres) -> None:
    await server.start()
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await asyncio.wait_for(server.stop(), 4)
    assert not _alive(pid)
    assert await ask(await server.start(), "select 1") == [1]


async def test_only_its_owner_gets_in(server: EmbeddedPostgres) -> None:
    url = await server.start()
    assert await ask(url, "select setting from pg_settings where name = 'listen_addresses'") == [""]
    assert stat.S_IMODE((server.folder / "run").stat().st_mode) == 0o700
    assert stat.S_IMODE((server.folder / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((server.folder / "password").stat().st_mode) == 0o600
    secret = (server.folder / "password").read_text().strip()
    assert not list((server.folder / "run").glob("password"))
    with pytest.raises(StoreError, match="refused user or password"):
        await connect(url.replace(secret, "guess"))
    with pytest.raises(StoreError, match="refused user or password"):
        await connect(url.replace(f":{secret}", ""))


async def test_the_server_does_not_run_as_root(server: EmbeddedPostgres) -> None:
    await server.start()
    assert os.stat(f"/proc/{server.pid}").st_uid != 0


async def test_an_unclean_stop_is_recovered_from(server: EmbeddedPostgres) -> None:
    url = await server.start()
    await ask(url, "create table kept as select 42 as n")
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await server.start()
    assert server.pid != pid
    assert await ask(url, "select n from kept") == [42]


async def test_a_pid_file_whose_number_is_a_strangers_now(server: EmbeddedPostgres) -> None:
    """In a container the numbers come again: the stranger must not keep Postgres from starting."""
    stranger = _stranger()
    try:
        data = server.folder / "data"
        (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n1\n5432\n/tmp\n\n1 2\nready\n")
        assert server.pid is None
        await server.start()
        assert server.pid != stranger.pid
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_running_server_is_reused_and_not_stopped_by_the_guest(server: EmbeddedPostgres) -> None:
    await server.start()
    guest = EmbeddedPostgres(server.folder, supervise=False)
    assert await ask(await guest.start(), "select 1") == [1]
    assert guest.pid == server.pid
    await guest.stop()
    assert server.pid is not None


async def test_two_starts_at_once_make_one_server(server: EmbeddedPostgres) -> None:
    other = EmbeddedPostgres(server.folder, supervise=False)
    await asyncio.gather(server.start(), other.start())
    assert server.pid == other.pid is not None
    await other.stop()


async def test_it_stops_with_a_killed_owner_and_starts_again(server: EmbeddedPostgres) -> None:
    owner = _owner(server.folder)
    assert owner.stdout is not None
    pid = int(await asyncio.to_thread(owner.stdout.readline))
    assert _alive(pid)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert await ask(await server.start(), "select 1") == [1]  # at once: the old one may still be stopping
    await until(lambda: not _alive(pid))
    assert server.pid is not None


async def test_a_server_that_dies_is_started_again(folder: Path) -> None:
    server = EmbeddedPostgres(folder, supervise=True)
    url = await server.start()
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: server.pid not in (None, pid))
    connection = await connect(url, patience=10)
    await connection.close()
    await server.stop()
    assert server.pid is None


async def test_a_cut_off_initdb_is_begun_anew(folder: Path) -> None:
    shutil.rmtree(folder / "data")
    (folder / "data.part").mkdir()
    (folder / "data.part" / "PG_VERSION").write_text("18")
    server = EmbeddedPostgres(folder, supervise=False)
    assert await ask(await server.start(), "select 1") == [1]
    await server.stop()


async def test_data_of_another_version_is_refused(server: EmbeddedPostgres) -> None:
    (server.folder / "data" / "PG_VERSION").write_text("13\n")
    with pytest.raises(StoreError, match="was made by Postgres 13, built in is 18"):
        await server.start()


async def test_what_postgres_complains_of_is_passed_on(server: EmbeddedPostgres) -> None:
    (server.folder / "data" / "global" / "pg_control").unlink()
    with pytest.raises(StoreError, match=r"(?s)Postgres does not start; it says:.*pg_control"):
        await server.start()


async def test_a_lost_password_is_named(server: EmbeddedPostgres) -> None:
    (server.folder / "password").write_text("another\n")
    with pytest.raises(StoreError, match="password: is not this database's password"):
        await server.start()


async def test_a_deep_folder_gets_its_socket_elsewhere(folder: Path) -> None:
    deep = Path(shutil.move(folder, folder.parent / ("d" * 90)))
    server = EmbeddedPostgres(deep, supervise=False)
    try:
        url = await server.start()
        assert await ask(url, "select 1") == [1]
        assert not list((deep / "run").glob(".s.*"))
    finally:
        await server.stop()
        shutil.rmtree(server._run)


async def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot hold the built-in database: Not a directory"):
        await EmbeddedPostgres(tmp_path / "file" / "pg").start()


async def test_programs_that_the_server_cannot_reach_are_copied(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment under /root, say."""
    runs = postmaster._runs
    wheel = postmaster.installed()
    monkeypatch.setattr(postmaster, "_runs", lambda install, user: install != wheel and runs(install, user))
    assert await ask(await server.start(), "select 1") == [1]
    assert os.readlink(f"/proc/{server.pid}/exe").startswith(str(server.folder / "bin-"))


def test_a_folder_that_the_server_cannot_reach_is_found(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    folder = closed / "open" / "pg"
    folder.mkdir(parents=True)
    tmp_path.chmod(0o755)
    closed.chmod(0o700)
    mine = postmaster.RunAs(os.geteuid(), os.getegid())
    assert postmaster.barrier(folder, mine) is None
    assert postmaster.barrier(folder, postmaster.RunAs(None, None)) is None
    found = postmaster.barrier(folder, postmaster.RunAs(54321, 54321))
    assert found is not None
    assert closed.is_relative_to(found)


def test_the_default_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "callctl" / "postgres"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_folder() == Path("/var/lib/callctl/postgres")
