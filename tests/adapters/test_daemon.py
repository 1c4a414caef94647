"""The composition root, with a store and links that do nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
import structlog

from callctl import daemon
from callctl.core.addresses import Emergency
from callctl.core.commands import ClaimContacts
from callctl.core.engine import Step, Touched, step
from callctl.core.events import (
    CampaignAsked,
    CampaignWish,
    ContactsClaimed,
    DatabaseState,
    EmergencyDialled,
    Event,
    PolicyChanged,
    StatusAsked,
    SwitchAsked,
    TimePassed,
    Wish,
)
from callctl.core.ids import AgentId, CallId, CampaignId, LegId, Micros, NodeId, PhoneId, SwitchId
from callctl.core.model import Agent, Available, Connected, Idle, OnCall, Place, World
from callctl.lab.ports import free_tcp
from callctl.links import Links
from callctl.outbound import Outbound
from callctl.runtime.loop import Loop
from callctl.runtime.notify import Notify
from callctl.runtime.ports import Restored
from callctl.settings import load
from callctl.store.embedded import EmbeddedPostgres
from callctl.store.errors import StoreError
from tests.adapters.store_kit import NOW, SALES, ask, batch, ended, opened, queued, until

pytestmark = pytest.mark.adapter


async def test_a_loop_that_dies_ends_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dies(loop: Loop) -> None:
        raise RuntimeError("a fault of an observer")

    async def nothing(*_: object, **__: object) -> None:
        return None

    async def store(*_: object, **__: object) -> SimpleNamespace:
        journal = SimpleNamespace(close=nothing, flushed=nothing, committed=nothing, epoch=SimpleNamespace(id=1))
        return SimpleNamespace(restored=Restored(), journal=journal, close_pool=nothing, pool=None)

    monkeypatch.setenv("SECRET", "postgresql://nobody@127.0.0.1/none")
    monkeypatch.setattr(Loop, "run", dies)
    monkeypatch.setattr(Links, "start", lambda *_: None)
    monkeypatch.setattr(Outbound, "start", lambda _: None)
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


@asynccontextmanager
async def running(
    url: str, folder: Path, patch: pytest.MonkeyPatch, made: Path | None = None
) -> AsyncIterator[daemon.Daemon]:
    """A started daemon on a real database; the PBX is away."""
    patch.setenv("SECRET", "x")
    patch.setenv("DATABASE", url)
    made = made or config(folder)
    house = daemon.Daemon(made, None, load(made))
    task = asyncio.create_task(house.main())
    await until(lambda: not house.starting or task.done())
    try:
        yield house
    finally:
        house.stop()
        assert await asyncio.wait_for(task, 10) == 0


def changed(house: daemon.Daemon, folder: Path) -> tuple[str, dict[str, str]]:
    """A new phone stands in the configuration. What is in force: the policy's fingerprint, and the PBX's files."""
    (house.config / "b.yaml").write_text("phones: {more: {extension: 102, password: env:SECRET}}\n")
    return in_force(house, folder)


def in_force(house: daemon.Daemon, folder: Path) -> tuple[str, dict[str, str]]:
    assert house.loaded.policy.sha == house.world_now.policy.sha
    return house.world_now.policy.sha, {path.name: path.read_text() for path in (folder / "out").iterdir()}


async def test_a_reload_puts_everything_in_force(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(postgres_url, tmp_path, monkeypatch) as house:
        sha, files = changed(house, tmp_path)
        answer = await house.reload()
        assert answer.ok
        assert "phone more: added" in answer.changes
        assert answer.changes[-1].startswith("node pbx: Asterisk has not reloaded app_voicemail.so, pbx_config.so")
        assert "(the link is down)" in answer.changes[-1]
        new_sha, new_files = in_force(house, tmp_path)
        assert new_sha != sha
        assert "[more]" in new_files["pjsip.conf"]
        assert "[more]" not in files["pjsip.conf"]


async def test_a_plan_tells_of_a_new_password_but_not_which(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(postgres_url, tmp_path, monkeypatch) as house:
        monkeypatch.setenv("SECRET", "another-one")
        said = (await house.plan()).changes
        assert "phone desk: another password" in said
        assert "another-one" not in "".join(said)
        assert (await house.reload()).ok
        assert "phone desk: another password" not in (await house.plan()).changes


async def test_a_reload_with_a_renamed_node_is_refused_and_takes_no_phone_out_of_asterisk(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(postgres_url, tmp_path, monkeypatch) as house:
        before = in_force(house, tmp_path)
        text = (house.config / "a.yaml").read_text()
        (house.config / "a.yaml").write_text(text.replace("nodes: {pbx:", "nodes: {centre:"))
        planned, answer = await house.plan(), await house.reload()
        assert not planned.ok
        assert not answer.ok
        assert answer.problems == planned.problems
        for said in ("nodes.centre", "phone desk", "restart callctl"):
            assert said in answer.problems[0]
        assert in_force(house, tmp_path) == before
        assert "[desk]" in before[1]["pjsip.conf"]


async def test_calls_of_a_node_that_was_renamed_while_callctl_was_away_are_closed_as_lost(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config(tmp_path)
    text = (made / "a.yaml").read_text()
    (made / "a.yaml").write_text(text.replace("nodes: {pbx:", "nodes: {centre:"))
    talks = Connected(Place(SALES, 0, NOW), AgentId("ana"), LegId("talks"), NOW)
    busy = Agent(AgentId("ana"), Available(), OnCall(CallId("call-2"), LegId("talks")))
    async with opened(postgres_url, tmp_path / "state" / "spool") as store:
        calls = queued(1), replace(queued(2), phase=talks), ended(3)
        store.journal.append(batch(1, *calls, ended=(ended(3),), agents={busy.id: busy}))
        await store.journal.flushed(1)
    async with running(postgres_url, tmp_path, monkeypatch, made) as house:
        assert not house.world_now.calls
        assert isinstance(house.world_now.agents[busy.id].state, Idle)

        async def closed() -> bool:
            return await ask(postgres_url, "select 1 from live where kind = 'call'") == []

        await until(closed)
        records = await ask(postgres_url, "select id, outcome, ended_by from call order by id")
        assert records[:2] == [("call-1", "pbx_lost", "pbx"), ("call-2", "pbx_lost", "pbx")]
        assert records[2][1] == "answered"
        ends = await ask(postgres_url, "select call from call_event where kind = 'CallEnded' order by call")
        assert ends == ["call-1", "call-2"]


@pytest.mark.parametrize(
    ("error", "said"),
    [(asyncio.QueueFull("more to do than it can"), "more to do"), (RuntimeError("see its log"), "see")],
)
async def test_what_the_core_does_not_take_is_not_in_force_anywhere(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    async def refuses(loop: Loop, event: Event) -> None:
        raise error

    async with running(postgres_url, tmp_path, monkeypatch) as house:
        before = changed(house, tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(Loop, "ask", refuses)
            answer = await house.reload()
        assert not answer.ok
        assert said in answer.problems[0]
        assert "the old configuration stays in force" in answer.problems[0]
        assert in_force(house, tmp_path) == before
        assert (await house.reload()).ok
        assert in_force(house, tmp_path) != before


async def test_what_the_core_breaks_at_is_not_in_force_anywhere(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(world: World, event: Event, now: Micros) -> Step:
        if isinstance(event, PolicyChanged):
            raise AssertionError("a bug of the core")
        return step(world, event, now)

    async with running(postgres_url, tmp_path, monkeypatch) as house:
        before = changed(house, tmp_path)
        monkeypatch.setattr("callctl.runtime.loop.step", breaks)
        assert not (await house.reload()).ok
        assert in_force(house, tmp_path) == before


async def test_what_the_core_took_is_in_force_though_it_was_not_stored(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(loop: Loop, event: Event) -> None:
        loop.inbox.put(event)
        await until(lambda: len(loop.inbox) == 0)
        raise StoreError("the journal is closed")

    async with running(postgres_url, tmp_path, monkeypatch) as house:
        before = changed(house, tmp_path)
        monkeypatch.setattr(Loop, "ask", taken)
        assert (await house.reload()).ok
        assert in_force(house, tmp_path) != before


async def test_an_agent_who_is_removed_and_added_again_begins_anew(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "select id from live where kind = 'agent' order by id"
    async with running(postgres_url, tmp_path, monkeypatch) as house:
        assert house.loop is not None
        cleo = "cleo: {name: Cleo, phone: third, queues: [sales]}"
        both = f"agents: {{bob: {{name: Bob, phone: more, queues: [sales]}}, {cleo}}}\n"
        phones = (
            "phones: {more: {extension: 102, password: env:SECRET}, third: {extension: 103, password: env:SECRET}}\n"
        )
        (house.config / "b.yaml").write_text(both + phones)
        assert (await house.reload()).ok
        for agent in ("bob", "cleo"):
            await house.loop.ask(StatusAsked(AgentId(agent), Wish.LOGIN))
        assert await ask(postgres_url, rows) == ["ana", "bob", "cleo"]
        (house.config / "b.yaml").write_text(f"agents: {{{cleo}}}\n{phones}")
        assert (await house.reload()).ok  # while it runs
        assert await ask(postgres_url, rows) == ["ana", "cleo"]
    (tmp_path / "c" / "b.yaml").unlink()
    async with running(postgres_url, tmp_path, monkeypatch, tmp_path / "c") as house:  # and while it did not
        assert house.loop is not None
        await house.loop.ask(StatusAsked(AgentId("ana"), Wish.LOGIN))
        assert await ask(postgres_url, rows) == ["ana"]


async def test_a_switch_stays_on_over_a_restart_and_is_forgotten_with_its_configuration(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "select id from live where kind = 'switch'"
    fire, folder = SwitchAsked(SwitchId("fire"), True, "eve"), tmp_path / "c"
    async with running(postgres_url, tmp_path, monkeypatch) as house:
        assert house.loop is not None
        (house.config / "b.yaml").write_text("switches: {fire: {}}\n")
        assert (await house.reload()).ok
        await house.loop.ask(fire)
        assert await ask(postgres_url, rows) == ["fire"]
    async with running(postgres_url, tmp_path, monkeypatch, folder) as house:
        assert house.loop is not None
        assert [it.by for it in house.world.switches.values()] == ["eve"]
        (house.config / "b.yaml").unlink()
        assert (await house.reload()).ok  # while it runs
        assert await ask(postgres_url, rows) == []
        (house.config / "b.yaml").write_text("switches: {fire: {}}\n")
        assert (await house.reload()).ok
        assert house.world.switches == {}
        await house.loop.ask(fire)
    (folder / "b.yaml").unlink()
    async with running(postgres_url, tmp_path, monkeypatch, folder) as house:  # and while it did not
        assert house.loop is not None
        await house.loop.ask(StatusAsked(AgentId("ana"), Wish.LOGIN))
        assert await ask(postgres_url, rows) == []


async def test_the_core_hears_when_postgres_goes_and_comes_and_its_claims_are_answered(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spring = CampaignId("spring")
    seen: list[Event] = []

    def watched(world: World, event: Event, now: Micros) -> Step:
        seen.append(event)
        match event:
            case DatabaseState() | ContactsClaimed():
                return Step((), (), Touched())
            case CampaignAsked():
                return Step((), (), Touched(), (ClaimContacts(spring, 20),))
            case _:
                return step(world, event, now)

    def said() -> list[bool]:
        return [event.up for event in seen if isinstance(event, DatabaseState)]

    monkeypatch.setattr("callctl.runtime.loop.step", watched)
    async with running(postgres_url, tmp_path, monkeypatch) as house:
        house.inbox.put(CampaignAsked(spring, CampaignWish.START))
        await until(lambda: ContactsClaimed(spring, (), {}) in seen)
        assert house.loop is not None
        assert said() == []
        await fragile_postgres.stop()
        await house.loop.ask(StatusAsked(AgentId("ana"), Wish.LOGIN))
        await until(lambda: said() == [False])
        await fragile_postgres.start()
        await until(lambda: said() == [False, True])


async def test_a_world_that_is_built_anew_is_told_that_postgres_is_away(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[bool] = []

    def breaks(world: World, event: Event, now: Micros) -> Step:
        if isinstance(event, DatabaseState):
            said.append(event.up)
            return Step((), (), Touched())
        if isinstance(event, EmergencyDialled):
            raise AssertionError("a bug of the core")
        return step(world, event, now)

    monkeypatch.setattr("callctl.runtime.loop.step", breaks)
    monkeypatch.setattr(daemon, "POISON_PAUSE", 0.0)
    async with running(postgres_url, tmp_path, monkeypatch) as house:
        assert house.loop is not None
        await fragile_postgres.stop()
        await house.loop.ask(StatusAsked(AgentId("ana"), Wish.LOGIN))
        await until(lambda: said == [False])
        house.inbox.put(EmergencyDialled(NodeId("pbx"), PhoneId("desk"), Emergency("112"), "dialled"))
        await until(lambda: said == [False, False])
        await fragile_postgres.start()


async def test_a_fault_at_sighup_is_said_and_ends_nothing(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: object) -> None:
        raise ZeroDivisionError("a fault of the settings")

    async with running(postgres_url, tmp_path, monkeypatch) as house:
        before = changed(house, tmp_path)
        with structlog.testing.capture_logs() as said, monkeypatch.context() as patch:
            patch.setattr(daemon, "load", faulty)
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: any(line["event"] == "reload_failed" for line in said))
        assert in_force(house, tmp_path) == before


class Systemd:
    """Its end of the notify socket."""

    def __init__(self, path: Path, patch: pytest.MonkeyPatch) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.said: list[str] = []
        patch.setenv("NOTIFY_SOCKET", str(path))

    def heard(self, what: str) -> int:
        """How often it was said."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.said += self.socket.recv(4096).decode().splitlines()
        return self.said.count(what)


async def test_systemd_hears_of_start_life_and_end_and_nothing_from_a_loop_that_hangs(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd = Systemd(tmp_path / "notify", monkeypatch)
    monkeypatch.setattr("callctl.runtime.notify.ALIVE_EVERY", 0.01)
    hung, go_on = asyncio.Event(), asyncio.Event()
    turn = Loop._turn

    async def hangs(loop: Loop) -> None:
        hung.set()
        await go_on.wait()
        await turn(loop)

    with contextlib.closing(systemd.socket):
        async with running(postgres_url, tmp_path, monkeypatch) as house:
            assert "NOTIFY_SOCKET" not in os.environ
            await until(lambda: systemd.heard("READY=1") == 1 and systemd.heard("WATCHDOG=1") >= 2)
            monkeypatch.setattr(Loop, "_turn", hangs)
            house.inbox.put(TimePassed())
            await asyncio.wait_for(hung.wait(), 5)
            before = systemd.heard("WATCHDOG=1")
            await asyncio.sleep(0.3)  # thirty times as long as between two signs of life
            assert systemd.heard("WATCHDOG=1") == before
            go_on.set()
            assert systemd.heard("STOPPING=1") == 0
        assert systemd.heard("STOPPING=1") == 1
        assert systemd.heard("READY=1") == 1


def test_without_systemd_nothing_is_said(tmp_path: Path) -> None:
    for notify in (Notify(), Notify(str(tmp_path / "nobody")), Notify("@callctl-test-nobody")):
        notify.ready()
        notify.alive()
        notify.waiting("the database:\nsomething")
        notify.close()
        notify.stopping()


def test_the_unit_has_a_watchdog() -> None:
    unit = (Path(daemon.__file__).parents[1] / "docs" / "callctl.service").read_text()
    for line in ("Type=notify", "WatchdogSec=30", "Restart=always", "TimeoutStartSec=infinity"):
        assert line in unit.splitlines()


SPEAKS = """
menus: {{m: {{prompts: [{{speak: {text}}}], options: {{1: {{queue: sales}}}}, give_up: {{queue: sales}}}}}}
speech: {{folder: {folder}, command: {command}}}
"""


def spoken(folder: Path, text: str = "Good morning", command: str = "espeak-ng") -> str:
    """A menu that speaks."""
    return SPEAKS.format(text=text, folder=folder / "sounds", command=command)


def files(folder: Path) -> set[str]:
    """The texts that are there to be heard."""
    return {path.name.rpartition("-")[0] for path in (folder / "sounds").glob("*.wav")}


async def test_what_is_spoken_is_there_before_a_start_and_a_reload_are_through(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(postgres_url, tmp_path, monkeypatch, config(tmp_path, spoken(tmp_path))) as house:
        assert files(tmp_path) == {"good-morning"}
        text = (house.config / "a.yaml").read_text()
        (house.config / "a.yaml").write_text(text.replace("Good morning", "Good evening"))
        answer = await house.reload()
        assert answer.ok
        assert any("good-evening" in change for change in answer.changes)
        assert files(tmp_path) == {"good-morning", "good-evening"}
        (named,) = house.loaded.spoken
        assert named.text == "Good evening"
        assert (tmp_path / "sounds" / "in-force").read_text() == named.name


async def test_a_reload_whose_texts_cannot_be_built_is_refused_whole(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(postgres_url, tmp_path, monkeypatch, config(tmp_path, spoken(tmp_path))) as house:
        text = (house.config / "a.yaml").read_text()
        _, before = changed(house, tmp_path)
        sha = house.world_now.policy.sha
        for edited, said in (
            (text.replace("Good morning", "Hello").replace("command: espeak-ng", "command: espeak-nogood"), "install"),
            (text.replace("Good morning", "Hello").replace("command:", "voices: {en: xx}, command:"), "no voice `xx`"),
        ):
            (house.config / "a.yaml").write_text(edited)
            answer = await house.reload()
            assert not answer.ok
            assert said in answer.problems[0]
            assert "the old configuration stays in force" in answer.problems[0]
            assert in_force(house, tmp_path) == (sha, before)
        assert files(tmp_path) == {"good-morning"}
        # What is there already needs no program.
        (house.config / "a.yaml").write_text(text.replace("command: espeak-ng", "command: espeak-nogood"))
        assert (await house.reload()).ok


async def test_a_start_whose_texts_cannot_be_built_says_so(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("DATABASE", postgres_url)
    made = config(tmp_path, spoken(tmp_path, command="espeak-nogood"))
    with pytest.raises(daemon.StartError, match=r"^speech: 1 text cannot be spoken: `espeak-nogood` is not there"):
        await daemon.Daemon(made, None, load(made)).main()


async def test_a_start_that_speaks_for_long_can_be_stopped(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("DATABASE", postgres_url)
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\ntouch {tmp_path}/begun\nexec sleep 600\n")
    slow.chmod(0o755)
    made = config(tmp_path, spoken(tmp_path, command=str(slow)))
    house = daemon.Daemon(made, None, load(made))
    task = asyncio.create_task(house.main())
    await until((tmp_path / "begun").exists)
    assert house.starting == "what is to be spoken: 0 of 1 texts are built"
    house.stop()
    assert await asyncio.wait_for(task, 10) == 0
