"""Starts that cannot succeed, or not yet: a clear word, a defined exit code, no traceback, no caller who is stuck."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from callctl.lab.database import put_empty
from callctl.lab.house import Daemon, House
from callctl.lab.install import Installation
from callctl.lab.ports import HOST, free_tcp
from callctl.store.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

MENU = "+442079460000"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Asterisk and the telephone network are up; callctl is each test's own."""
    house = House(installation, tmp_path_factory.mktemp("start"), phones=())
    try:
        await asyncio.gather(house.node.start(), house.network.start(), put_empty(house.state / "postgres"))
        # Once, so that Asterisk has its trunk: callers come in also while callctl cannot start.
        await house.daemon.start()
        await house.daemon.stop()
        yield house
    finally:
        await house.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def house(built: House) -> AsyncIterator[House]:
    """As configured, callctl stopped, its log empty, its heartbeat long run out."""
    await built.node.cli("dialplan set global CC_ALIVE_UNTIL 1")
    built.daemon.log.unlink(missing_ok=True)
    yield built
    await built.daemon.stop()
    built.change({})
    for name, value in (("ari", built.node.secrets.ari), ("ami", built.node.secrets.ami)):
        secret(built, name, value)
    if built.node.pid is None:
        await built.node.start()


def secret(house: House, name: str, value: str) -> None:
    path = house.overlay / "secrets" / name
    path.write_text(value + "\n")
    path.chmod(0o600)


async def ended(house: House) -> tuple[int, str]:
    """Start callctl, and wait for it to end by itself: its exit code, and all that it said."""
    await house.daemon.start(ready=False)
    code = await house.daemon.wait_ended()
    said = house.daemon.tail(100)
    assert "Traceback" not in said
    return code, said


async def until_reason(daemon: Daemon, pattern: str) -> None:
    """Until readyz gives a reason like this; and the log has no traceback."""
    reasons: list[str] = []
    try:
        async with asyncio.timeout(15):
            while not any(re.search(pattern, reason) for reason in reasons):
                reasons = await daemon.reasons()
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"no reason like {pattern!r}: {reasons}\n{daemon.tail()}") from None
    assert "Traceback" not in daemon.tail(100)
    assert re.search(pattern, daemon.tail(100)), "the log says it too"


async def caller_takes_the_fallback(house: House) -> None:
    line = await house.network.call(MENU)
    await line.wait_answered(2)
    await line.wait_heard(lambda audio: audio.sound_seconds() > 0.3, "words")
    channels = (await house.node.cli("core show channels concise")).splitlines()
    assert [c.split("!")[1] for c in channels if c.startswith("PJSIP/trunk")] == ["callctl-fallback"]
    await line.hangup()


async def caller_is_served(house: House) -> None:
    line = await house.network.call(MENU)
    await house.daemon.until("the menu", ("calls",), lambda a: any(c["phase"] == "in_menu" for c in a["calls"]))
    await line.hangup()


# ── Asterisk ─────────────────────────────────────────────────────────────────────────────────


async def test_asterisk_is_down_and_comes_up_later(house: House) -> None:
    await house.node.stop()
    await house.daemon.start(ready=False)
    await until_reason(house.daemon, r"/ari cannot be reached: ")
    assert any(r.startswith("pbx.ami: AMI at") for r in await house.daemon.reasons())
    await house.node.start()
    await house.daemon.until_ready()
    await caller_is_served(house)


async def test_a_wrong_ari_password(house: House) -> None:
    secret(house, "ari", "wrong")
    await house.daemon.start(ready=False)
    await until_reason(house.daemon, r"/ari does not accept user 'callctl' with this password \(see ari\.conf\)")
    await caller_takes_the_fallback(house)


async def test_a_wrong_ami_secret(house: House) -> None:
    secret(house, "ami", "wrong")
    await house.daemon.start(ready=False)
    await until_reason(
        house.daemon, r"AMI at \S+ does not accept user 'callctl' with this secret \(see manager\.conf\)"
    )


async def test_an_asterisk_that_is_too_old(house: House) -> None:
    """The Asterisk is a fake: an HTTP server that says what 22.9.0 would. Nothing more is asked of it."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response(
            {"system": {"version": "22.9.0"}, "status": {"startup_time": "2026-01-01T00:00:00.000+0000"}}
        )

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_tcp()
    await web.TCPSite(runner, HOST, port).start()
    try:
        house.change({"nodes": {"pbx": {"ari": {"url": f"http://{HOST}:{port}/ari"}}}})
        await house.daemon.start(ready=False)
        await until_reason(house.daemon, r"Asterisk 22\.9\.0 is too old: callctl needs 22\.10\.1 or newer")
        assert set(asked) == {"/ari/asterisk/info"}
        await caller_takes_the_fallback(house)
    finally:
        await house.daemon.stop()
        await runner.cleanup()


async def test_a_folder_that_cannot_be_written(house: House, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    house.change({"nodes": {"pbx": {"include_dir": str(tmp_path / "file" / "callctl.d")}}})
    code, said = await ended(house)
    assert code == 1
    assert re.search(r"^callctl: the PBX's files cannot be written: .*Not a directory", said, re.MULTILINE)


# ── the database ─────────────────────────────────────────────────────────────────────────────


async def test_nobody_listens_where_the_database_should_be(house: House) -> None:
    port = free_tcp()
    house.change({"database": {"url": f"postgresql://callctl@{HOST}:{port}/callctl"}})
    await house.daemon.start(ready=False)
    await until_reason(
        house.daemon, rf"postgresql://callctl@{HOST}:{port}/callctl: not reachable: .*is Postgres running"
    )
    await caller_takes_the_fallback(house)
    began = time.monotonic()
    assert await house.daemon.stop() == 0
    assert time.monotonic() - began < 5


async def test_the_database_comes_later(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    server = EmbeddedPostgres(house.state / "other", supervise=False)
    await put_empty(server.folder)
    secret(house, "database", server.url())
    house.change({"database": {"url": "file:secrets/database"}})
    await house.daemon.start(ready=False)
    try:
        await until_reason(house.daemon, r"not reachable")
        said = house.daemon.tail(100)
        assert (server.folder / "password").read_text().strip() not in said
        await server.start()
        await house.daemon.until_ready()
        await caller_is_served(house)
    finally:
        await house.daemon.stop()
        await server.stop()


# ── somebody is there already ────────────────────────────────────────────────────────────────


async def test_the_port_is_taken(house: House) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        house.change({"http": {"port": port}})
        code, said = await ended(house)
    assert code == 1
    assert f"callctl: cannot listen on {HOST}:{port}: another program listens there" in said


def rival(house: House, folder: Path, **differs: Any) -> Daemon:
    """A second callctl, configured as the first one but for what `differs`."""
    own = folder / "overlay"
    (own / "secrets").mkdir(parents=True)
    for source in (house.overlay / "secrets").iterdir():
        target = own / "secrets" / source.name
        target.write_bytes(source.read_bytes())
        target.chmod(0o600)
    port = free_tcp()
    house.change({"http": {"port": port}, **differs})
    (own / "here.yaml").write_bytes((house.overlay / "here.yaml").read_bytes())
    house.change({})
    path = Path(differs.get("control_socket", house.state / "control.sock"))
    return Daemon(house.config, own, folder, path, port)


async def test_another_callctl_has_the_control_socket(house: House, tmp_path: Path) -> None:
    """It touches nothing: neither Asterisk's files, nor the calls."""
    await house.daemon.start()
    second = rival(house, tmp_path, state_dir=str(house.state / "second"))
    await second.start(ready=False)
    assert await second.wait_ended() == 1
    said = second.tail(100)
    assert f"callctl: another callctl listens on {house.state / 'control.sock'}: stop it" in said
    assert "Traceback" not in said
    await caller_is_served(house)


async def test_another_callctl_has_the_database(house: House, tmp_path: Path) -> None:
    """It waits, and touches nothing; when the first one has stopped, it takes its place."""
    await house.daemon.start()
    second = rival(house, tmp_path, control_socket=str(house.state / "second.sock"))
    await second.start(ready=False)
    try:
        await until_reason(second, r"another callctl \(.*\) is using this database; stop it first")
        await caller_is_served(house)
        assert await house.daemon.stop() == 0
        await second.until_ready()
    finally:
        await second.stop()


# ── told to stop, told nonsense ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("when", ["database", "asterisk"])
async def test_told_to_stop_while_it_starts(house: House, when: str) -> None:
    if when == "asterisk":
        house.change({"nodes": {"pbx": {"ari": {"url": f"http://{HOST}:{free_tcp()}/ari"}}}})
    await house.daemon.start(ready=False)
    async with asyncio.timeout(15):
        while not await house.daemon.reasons():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    if when == "asterisk":
        await until_reason(house.daemon, "cannot be reached")
    began = time.monotonic()
    assert await house.daemon.stop() == 0
    assert time.monotonic() - began < 5
    assert "Traceback" not in house.daemon.tail(100)
    async with asyncio.timeout(5):  # its database stops too, by itself if need be
        while (house.state / "postgres/data/postmaster.pid").exists():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def test_a_wrong_configuration(house: House) -> None:
    house.change({"queues": {"sales": {"ring_timeout": "soon"}}, "http": {"prot": 1}})
    code, said = await ended(house)
    assert code == 2
    assert re.search(r"here\.yaml:\d+:\d+: queues\.sales\.ring_timeout: ", said)
    assert re.search(r"here\.yaml:\d+:\d+: http\.prot: .*`port`", said)
