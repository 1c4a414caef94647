"""The composition root, with a store and links that do nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

from callctl import daemon
from callctl.lab.ports import free_tcp
from callctl.links import Links
from callctl.runtime.loop import Loop
from callctl.runtime.ports import Restored
from callctl.settings import load
from callctl.store.embedded import EmbeddedPostgres
from tests.adapters.store_kit import ask, until

pytestmark = pytest.mark.adapter


async def test_a_loop_that_dies_ends_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dies(loop: Loop) -> None:
        raise RuntimeError("a fault of an observer")

    async def nothing(*_: object, **__: object) -> None:
        return None

    async def store(*_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(restored=Restored(), journal=SimpleNamespace(close=nothing), close_pool=nothing)

    monkeypatch.setenv("SECRET", "postgresql://nobody@127.0.0.1/none")
    monkeypatch.setattr(Loop, "run", dies)
    monkeypatch.setattr(Links, "start", lambda *_: None)
    monkeypatch.setattr(daemon, "open_store", store)
    port = free_tcp()
    config = tmp_path / "c"
    config.mkdir()
    (config / "a.yaml").write_text(
        "nodes: {pbx: {ari: {password: env:SECRET}, ami: {password: env:SECRET}}}\n"
        f"http: {{port: {port}}}\ndatabase: {{url: env:SECRET}}\n"
        f"control_socket: {tmp_path / 's'}\nstate_dir: {tmp_path / 'state'}\n"
    )
    house = daemon.Daemon(config, None, load(config))
    assert await asyncio.wait_for(house.main(), 10) == 1


def config(folder: Path, extra: str = "") -> Path:
    """A configuration with one agent, whose PBX is not there."""
    made = folder / "c"
    made.mkdir()
    (made / "a.yaml").write_text(
        "nodes: {pbx: {ari: {url: 'http://127.0.0.1:1/ari', password: env:SECRET},"
        f" ami: {{port: 1, password: env:SECRET}}, include_dir: {folder / 'out'}}}}}\n"
        f"http: {{port: {free_tcp()}}}\ndatabase: {{url: env:DATABASE}}\n"
        "queues: {sales: {}}\nphones: {desk: {endpoint: desk, password: env:SECRET}}\n"
        "agents: {ana: {name: Ana, phone: desk, queues: [sales]}}\n"
        f"control_socket: {folder / 's'}\nstate_dir: {folder / 'state'}\n" + extra
    )
    return made


async def test_it_leaves_in_time_though_postgres_hangs_and_who_asked_is_answered(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("DATABASE", postgres_url)
    folder = config(tmp_path)
    house = daemon.Daemon(folder, None, load(folder))
    running = asyncio.create_task(house.main())
    await until(lambda: not house.starting or running.done())
    assert house.loop is not None
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(tmp_path / "s"))) as session:
        assert (await session.get("http://callctl/v1/records")).status == 200  # the pool has a connection, too
        hung = [int(pid) for pid in _family(fragile_postgres.pid)]
        for pid in hung:
            os.kill(pid, signal.SIGSTOP)
        try:
            reading = asyncio.create_task(session.get("http://callctl/v1/records"))
            before = house.loop.seq
            asking = asyncio.create_task(session.post("http://callctl/v1/agents/ana/login", json={}))
            await until(lambda: house.loop is not None and house.loop.seq > before)
            began = time.monotonic()
            os.kill(os.getpid(), signal.SIGTERM)
            assert await asyncio.wait_for(running, 10) == 0
            took = time.monotonic() - began
            answer = await asking
            assert answer.status == 200, await answer.text()
            await asyncio.gather(reading, return_exceptions=True)
        finally:
            for pid in hung:
                os.kill(pid, signal.SIGCONT)
    assert took < daemon.LEAVE_IN
    assert any(path.stat().st_size for path in (tmp_path / "state" / "spool").iterdir())
    await until(lambda: fragile_postgres.pid is not None)
    assert await ask(postgres_url, "select 1") == [1]


def _family(pid: int | None) -> list[str]:
    """A process, and its children."""
    done = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [str(pid), *done.stdout.split()]
