"""The kinds of fault. Each breaks something, waits where a condition can be waited for, mends it, and returns the
seconds from the part's return until callctl was in charge."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults.parts import Failure, Parts
from tests.faults.people import Caller, People


@dataclass
class Scene:
    """What a fault acts on. `random` chooses its lengths, from the run's seed."""

    parts: Parts
    people: People
    random: random.Random

    async def away(self, least: float, most: float) -> None:
        """The length of an outage, in seconds: it is what is tried, not a wait for something."""
        await asyncio.sleep(self.random.uniform(least, most))


BEAT = 2.0
"""Seconds: where callctl was in charge all the time, its last beat is no older."""
Fault = Callable[[Scene], Awaitable[float]]
"""Returns seconds."""


async def start_callctl(scene: Scene) -> float:
    """From the start of the process until it is in charge."""
    began = time.monotonic()
    await scene.parts.house.daemon.start(ready=False)
    return await scene.parts.in_charge(began)


async def kill(scene: Scene) -> float:
    """kill -9 of callctl, which is started anew at once."""
    await _kill_callctl(scene)
    return await start_callctl(scene)


async def kill_twice(scene: Scene) -> float:
    """Two kills within a second: the second meets callctl anywhere in its start."""
    await _kill_callctl(scene)
    await scene.parts.house.daemon.start(ready=False)
    await scene.away(0.05, 0.95)
    await _kill_callctl(scene)
    return await start_callctl(scene)


async def restart(scene: Scene) -> float:
    """SIGTERM, and a new start: what an upgrade does."""
    if await scene.parts.house.daemon.stop() != 0:
        raise Failure(f"callctl did not stop in order: {scene.parts.house.daemon.tail()}")
    return await start_callctl(scene)


async def freeze(scene: Scene) -> float:
    """SIGSTOP of callctl for 5 to 30 s: a machine that swaps, a virtual one that is moved."""
    scene.parts.house.daemon.send_signal(signal.SIGSTOP)
    try:
        await scene.away(5, 30)
    finally:
        scene.parts.house.daemon.send_signal(signal.SIGCONT)
    return await scene.parts.in_charge()


async def people_leave(scene: Scene) -> float:
    """kill -9 of callctl; a third of the callers and of the talking agents hang up before it is started."""
    await _kill_callctl(scene)
    leaving = scene.people.leave()
    await _until(lambda: all(_left(scene, caller) for caller in leaving), "those who leave to have hung up")
    return await start_callctl(scene)


async def pbx_killed(scene: Scene) -> float:
    """kill -9 of Asterisk, which is started again."""
    await _kill_pbx(scene)
    await scene.away(0, 1)
    await _start_pbx(scene)
    return await scene.parts.in_charge()


async def started_without_pbx(scene: Scene) -> float:
    """Both are killed, and callctl is started before Asterisk is."""
    await _kill_callctl(scene)
    await _kill_pbx(scene)
    await scene.parts.house.daemon.start(ready=False)
    await _until_says(scene, "cannot be reached")
    await _start_pbx(scene)
    return await scene.parts.in_charge()


async def link_cut(scene: Scene) -> float:
    """Every connection to ARI breaks, new ones are refused, for 0.2 to 6 s."""
    await scene.parts.wire.cut()
    await scene.away(0.2, 6)
    await scene.parts.wire.mend()
    return await scene.parts.in_charge()


async def link_stalled(scene: Scene) -> float:
    """Connections to ARI stay open and carry nothing, for 1 to 12 s."""
    scene.parts.wire.clog()
    await scene.away(1, 12)
    await scene.parts.wire.mend()
    return await scene.parts.in_charge()


async def postgres_killed(scene: Scene) -> float:
    """kill -9 of Postgres, started again after up to 3 s."""
    scene.parts.database.kill()
    await scene.away(0, 3)
    await scene.parts.database.start()
    return await scene.parts.in_charge(time.monotonic() - BEAT)


async def postgres_frozen(scene: Scene) -> float:
    """SIGSTOP of Postgres for 2 to 9 s."""
    scene.parts.database.freeze()
    try:
        await scene.away(2, 9)
    finally:
        scene.parts.database.thaw()
    return await scene.parts.in_charge(time.monotonic() - BEAT)


async def killed_without_postgres(scene: Scene) -> float:
    """Postgres is killed; a moment later, its rows in the spool, callctl too; both come back, callctl first."""
    scene.parts.database.kill()
    await scene.away(0.1, 2)
    await _kill_callctl(scene)
    await scene.parts.house.daemon.start(ready=False)
    await _until_says(scene, "not reachable")
    await scene.parts.database.start()
    return await scene.parts.in_charge()


async def killed_in_frozen_postgres(scene: Scene) -> float:
    """callctl is killed while Postgres hangs, so that a transaction may be committed that nobody was told of."""
    scene.parts.database.freeze()
    try:
        await scene.away(0.1, 1.5)
        await _kill_callctl(scene)
    finally:
        scene.parts.database.thaw()
    return await start_callctl(scene)


KINDS: dict[str, Fault] = {
    "callctl killed": kill,
    "callctl killed twice within a second": kill_twice,
    "callctl stopped and started": restart,
    "callctl frozen 5 to 30 s": freeze,
    "callctl killed, people leave meanwhile": people_leave,
    "Asterisk killed": pbx_killed,
    "callctl started while Asterisk is down": started_without_pbx,
    "link cut": link_cut,
    "link stalled": link_stalled,
    "Postgres killed": postgres_killed,
    "Postgres frozen 2 to 9 s": postgres_frozen,
    "callctl killed while Postgres is down": killed_without_postgres,
    "callctl killed while Postgres is frozen": killed_in_frozen_postgres,
}


def order(seed: int, faults: int, kinds: list[str] | None = None) -> list[str]:
    """So many faults in random order, each kind as often as another (give or take one)."""
    pick = random.Random(seed)
    chosen: list[str] = []
    while len(chosen) < faults:
        round_ = list(kinds or KINDS)
        pick.shuffle(round_)
        chosen += round_
    chosen = chosen[:faults]
    pick.shuffle(chosen)
    return chosen


async def _kill_callctl(scene: Scene) -> None:
    await scene.parts.house.daemon.kill()


async def _kill_pbx(scene: Scene) -> None:
    await scene.parts.kill_node()
    await scene.people.hang_up_phones()
    await scene.parts.observer.close()


async def _start_pbx(scene: Scene) -> None:
    await scene.parts.start_node()
    await scene.parts.observer.connect()


def _left(scene: Scene, caller: Caller) -> bool:
    """The caller has gone, or the agent has and the caller is to be told by callctl."""
    return caller not in scene.people.alive or (caller.why == "agent" and not scene.people.phones_of(caller))


async def _until_says(scene: Scene, what: str) -> None:
    """Until callctl, which lacks something, says so."""
    said: list[str] = []
    try:
        async with asyncio.timeout(30):
            while not any(what in reason for reason in said):
                said = await scene.parts.house.daemon.reasons()
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise Failure(f"callctl does not say {what!r} but {said}: {scene.parts.house.daemon.tail()}") from None


async def _until(holds: Callable[[], bool], what: str, timeout: float = 15) -> None:
    try:
        async with asyncio.timeout(timeout):
            while not holds():  # noqa: ASYNC110 - many tasks and processes make it so
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise Failure(f"waited {timeout:g} s for {what}, in vain") from None
