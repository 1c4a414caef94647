"""Steps that fail again and again: they end in a minute, one way or the other, and no new caller is taken meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from callctl import daemon
from callctl.asterisk.link import Link
from callctl.asterisk.translate import BEAT_LASTS
from callctl.core.commands import Beat, Command
from callctl.core.engine import Step, step
from callctl.core.events import (
    DigitPressed,
    Event,
    LegGone,
    LegLeft,
    LegSeen,
    LegState,
    LinkRestored,
    Snapshot,
    Synced,
    TimePassed,
)
from callctl.core.ids import SECOND, CallId, LegId, Micros, NodeId
from callctl.core.model import World
from callctl.lab.ports import free_tcp
from callctl.links import Links
from callctl.runtime.poison import FILES_KEPT, GIVE_UP, WINDOW, Poison, culprits
from callctl.runtime.ports import Restored
from callctl.settings import load
from tests.adapters.store_kit import ask, batch, opened, queued, until
from tests.adapters.test_loop import fresh_world

pytestmark = pytest.mark.adapter

NODE = NodeId("pbx")
BAD = CallId("call-2")
Stepping = Callable[[World, Event, Micros], Step]


def fails(on: type[Event], call: CallId | None = BAD) -> Stepping:
    """A core with a bug that only this call brings out; None: every World does."""

    def stepping(world: World, event: Event, now: Micros) -> Step:
        if isinstance(event, on) and (call is None or call in world.calls):
            raise AssertionError("a bug of the core")
        return step(world, event, now)

    return stepping


class House:
    """A daemon on a real database, whose PBX holds two callers, and is there at once."""

    def __init__(self, url: str, folder: Path, patch: pytest.MonkeyPatch, stepping: Stepping) -> None:
        self.sent: list[Command] = []
        self.resyncs = 0
        patch.setenv("SECRET", url)
        patch.setattr(daemon, "POISON_PAUSE", 0.01)
        patch.setattr("callctl.runtime.loop.step", stepping)
        patch.setattr("callctl.runtime.poison.step", stepping)
        patch.setattr(Links, "start", lambda *_: self.link_up())
        patch.setattr(Links, "resync", lambda *_: self.link_up())
        patch.setattr(Link, "send", lambda _, command: self.sent.append(command))
        config = folder / "c"
        config.mkdir(exist_ok=True)
        (config / "a.yaml").write_text(
            "nodes: {pbx: {ari: {password: env:SECRET}, ami: {password: env:SECRET}}}\n"
            f"http: {{port: {free_tcp()}}}\ndatabase: {{url: env:SECRET}}\n"
            f"control_socket: {folder / 's'}\nstate_dir: {folder / 'state'}\n"
        )
        self.daemon = daemon.Daemon(config, None, load(config))

    def link_up(self) -> None:
        self.resyncs += 1
        legs = tuple(LegSeen(LegId(f"leg-{n}"), LegState.UP, True, "hold-sales") for n in (1, 2))
        for event in (LinkRestored(NODE, ""), Synced(NODE, Snapshot(legs))):
            self.daemon.inbox.put(event)
        self.daemon.inbox.put(TimePassed())

    @property
    def beats(self) -> int:
        return sum(isinstance(command, Beat) for command in self.sent)


async def two_callers(url: str, folder: Path) -> None:
    """An earlier life left them."""
    async with opened(url, folder) as store:
        store.journal.append(batch(1, queued(1), queued(2)))
        await store.journal.flushed(1)


@pytest.mark.parametrize("on", [TimePassed, Synced])
async def test_the_call_that_makes_the_core_fail_is_set_aside_and_the_others_go_on(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on: type[Event]
) -> None:
    await two_callers(postgres_url, tmp_path / "spool")
    house = House(postgres_url, tmp_path, monkeypatch, fails(on))
    running = asyncio.create_task(house.daemon.main())
    await until(lambda: house.resyncs == 4 or running.done())
    await until(lambda: house.daemon.world_now.node_up(NODE))
    assert list(house.daemon.world_now.calls) == ["call-1"]
    assert await ask(postgres_url, "select id from live where kind = 'call'") == ["call-1"]
    kept = sorted((tmp_path / "state" / "poison").iterdir())
    assert len(kept) == 3
    assert "set aside: Call(id='call-2'" in kept[-1].read_text()
    beats = house.beats
    asking = asyncio.get_running_loop().time()
    await until(lambda: asyncio.get_running_loop().time() > asking + 1.3)
    assert house.beats == beats  # though the node is up: not before it is known that it has helped
    house.daemon.stop()
    assert await asyncio.wait_for(running, 10) == 0


async def test_where_no_call_is_to_blame_the_daemon_ends_and_its_next_life_takes_no_callers_at_once(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_callers(postgres_url, tmp_path / "spool")
    house = House(postgres_url, tmp_path, monkeypatch, fails(Synced, None))
    assert await asyncio.wait_for(house.daemon.main(), 20) == 1
    assert (house.resyncs, house.beats) == (3, 0)
    assert await ask(postgres_url, "select count(*) from live where kind = 'call'") == [2]
    mended = House(postgres_url, tmp_path, monkeypatch, step)
    running = asyncio.create_task(mended.daemon.main())
    await until(lambda: mended.daemon.world_now.node_up(NODE))
    assert len(mended.daemon.world_now.calls) == 2
    assert mended.beats == 0
    mended.daemon.stop()
    assert await asyncio.wait_for(running, 10) == 0


async def test_a_step_that_fails_once_costs_no_call_and_no_heartbeat(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_callers(postgres_url, tmp_path / "spool")
    failed: list[Event] = []

    def once(world: World, event: Event, now: Micros) -> Step:
        if isinstance(event, Synced) and not failed:
            failed.append(event)
            raise AssertionError("a bug of the core")
        return step(world, event, now)

    house = House(postgres_url, tmp_path, monkeypatch, once)
    running = asyncio.create_task(house.daemon.main())
    await until(lambda: house.beats > 0)
    assert len(house.daemon.world_now.calls) == 2
    house.daemon.stop()
    assert await asyncio.wait_for(running, 10) == 0


async def test_a_step_that_changed_nothing_does_not_hold_up_the_failure_after_it(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_callers(postgres_url, tmp_path / "spool")
    house = House(postgres_url, tmp_path, monkeypatch, fails(LegGone, None))
    running = asyncio.create_task(house.daemon.main())
    await until(lambda: house.daemon.world_now.node_up(NODE))
    for event in (LegLeft(NODE, LegId("leg-1")), LegGone(NODE, LegId("leg-1"))):
        house.daemon.inbox.put(event)
    await until(lambda: house.resyncs == 2)
    await until(lambda: house.daemon.world_now.node_up(NODE))
    house.daemon.stop()
    assert await asyncio.wait_for(running, 10) == 0


def test_callers_take_the_fallback_for_most_of_the_time_without_a_heartbeat() -> None:
    assert daemon.MUTE >= BEAT_LASTS + 20


async def test_culprits_are_found_on_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(rows: Restored) -> World:
        world = fresh_world()
        world.calls = {call.id: call for call in rows.calls}
        return world

    rows = Restored((queued(1), queued(2), queued(3)))
    before = repr(rows)
    monkeypatch.setattr("callctl.runtime.poison.step", fails(TimePassed))
    assert culprits(build, rows, TimePassed(), 1) == {BAD}
    monkeypatch.setattr("callctl.runtime.poison.step", fails(TimePassed, None))
    assert culprits(build, rows, TimePassed(), 1) == frozenset()
    assert repr(rows) == before


def test_the_newest_are_kept_and_counted_over_lives(tmp_path: Path) -> None:
    poison = Poison(tmp_path / "poison")
    at = 1_790_000_000 * SECOND
    counts = [poison.keep(at + n * SECOND, TimePassed(), ValueError("x")) for n in range(FILES_KEPT + 5)]
    assert counts[:3] == [1, 2, 3]
    kept = sorted(int(path.stem) for path in (tmp_path / "poison").iterdir())
    assert kept == [at + n * SECOND for n in range(5, FILES_KEPT + 5)]
    again = Poison(tmp_path / "poison")
    assert again.recent(at + 25 * SECOND) == FILES_KEPT > GIVE_UP
    assert again.recent(at + 25 * SECOND + WINDOW) == 0


def test_which_key_was_pressed_is_not_kept(tmp_path: Path) -> None:
    """It may be one of a PIN."""
    poison = Poison(tmp_path / "poison")
    poison.keep(SECOND, DigitPressed(NODE, LegId("leg-a"), "7"), ValueError("x"))
    text = (tmp_path / "poison" / f"{SECOND}.txt").read_text("utf-8")
    assert "DigitPressed" in text
    assert "'7'" not in text
