"""For the tests of what happens while callctl is away: a floor on a house of its own, whose parts may be broken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from callctl.lab.audio import tone, write_wav
from callctl.lab.house import Overlay, house
from callctl.lab.install import Installation
from callctl.lab.line import Line
from callctl.lab.phones import Behaviour
from callctl.store.embedded import EmbeddedPostgres
from tests.e2e.floor import CALLER, DESK_DID, MUSIC, TEAM, TONES_DID, Caller, Floor, on_floor

FALLBACK, HARBOUR = 270.0, 1150.0
"""In Hz: what the fallback plays, and what a person hears who answered for nobody."""
STALE = 10.0
"""Seconds after which the dialplan no longer believes a heartbeat."""


@dataclass
class Evening:
    """A call in each phase."""

    menu: Caller
    queued: Caller
    ringing: Caller
    talking: Caller
    phone_talking: Line
    phone_ringing: Line

    @property
    def callers(self) -> dict[str, Caller]:
        return {"in_menu": self.menu, "queued": self.queued, "offered": self.ringing, "connected": self.talking}


@asynccontextmanager
async def night(
    installation: Installation, folder: Path, changes: Overlay, *, wire: bool = False
) -> AsyncIterator[Floor]:
    """A house with the floor in it; the fallback and the harbour sound as pure tones."""
    async with (
        house(installation, folder, changes, phones=TEAM.values(), wire=wire) as built,
        on_floor(built, changes) as floor,
    ):
        await sounds_of_night(floor)
        yield floor


async def sounds_of_night(floor: Floor) -> None:
    """Asterisk keeps them in globals, which a restart clears."""
    node = floor.house.node
    for name, variable, hz in (("fallback", "FALLBACK", FALLBACK), ("harbour", "HARBOUR", HARBOUR)):
        write_wav(node.folder / f"floor/{name}.wav", tone(hz, 20, 0.3))
        await node.cli(f"dialplan set global CC_{variable}_SOUND {node.inside}/floor/{name}")


async def evening(floor: Floor) -> Evening:
    """Calls in a menu, a queue, ringing and talking; agent6 talks, agent7's phone rings until somebody picks up."""
    await floor.staff("agent6", how=Behaviour.answer())
    talking = await floor.call(DESK_DID, tone_hz=CALLER)
    await floor.until_phase(talking, "connected")
    phone_talking = floor.phone("agent6").lines()[-1]
    menu = await floor.call(TONES_DID)
    await floor.until_phase(menu, "in_menu")
    rung = len(floor.phone("agent7").lines())
    await floor.staff("agent7", how=Behaviour.never())
    ringing = await floor.call(DESK_DID)
    phone_ringing = await floor.phone("agent7").wait_rung(rung)
    await floor.until_phase(ringing, "offered")
    queued = await floor.call(DESK_DID)
    await floor.until_phase(queued, "queued")
    await until_stored(floor, queued)
    await hears(queued.line, MUSIC)  # it begins a moment behind the seat
    return Evening(menu, queued, ringing, talking, phone_talking, phone_ringing)


async def hears(line: Line, hz: float, timeout: float = 10, last: float = 0.6) -> None:
    """Until the line has heard nothing but that tone for so many seconds."""
    await line.wait_heard(lambda audio: audio.has_tone(hz, 0.8), f"{hz:g} Hz", timeout, last)


@dataclass
class Listener:
    """One line's ear, from now on."""

    line: Line
    hz: float
    since: float

    @classmethod
    async def of(cls, line: Line, hz: float) -> Listener:
        return cls(line, hz, (await line.heard()).seconds)

    async def gaps(self) -> float:
        """Seconds since it began in which the tone was not heard."""
        await until(self._enough, "half a second of sound")
        audio = (await self.line.heard()).between(self.since)
        return audio.seconds - audio.tone_seconds(self.hz)

    async def _enough(self) -> bool:
        return (await self.line.heard()).seconds > self.since + 0.5


async def contexts_of(floor: Floor, number: str) -> set[str]:
    """Where Asterisk's dialplan has the channels that show that number: the caller's, and those of agents."""
    return {
        str(channel["dialplan"]["context"])
        for channel in await floor.ari("channels")
        if channel["caller"]["number"] == number
    }


async def context_of(floor: Floor, number: str) -> str:
    """Where Asterisk's dialplan has that caller's channel; "" when there is none."""
    for channel in await floor.ari("channels"):
        if channel["caller"]["number"] == number:
            return str(channel["dialplan"]["context"])
    return ""


async def until(holds: Callable[[], Any], what: str, timeout: float = 10) -> None:
    """Until the awaited answer is true."""
    deadline = time.monotonic() + timeout
    while not await holds():
        assert time.monotonic() < deadline, f"waited {timeout:g} s for {what}, in vain"
        await asyncio.sleep(0.05)


async def until_node(floor: Floor, phase: str, timeout: float = 10) -> None:
    """Until callctl says that the node is so."""
    await floor.house.daemon.until(
        f"the node to be {phase}", ("status",), lambda said: said["nodes"][0]["phase"] == phase, timeout
    )


async def until_in_fallback(floor: Floor, number: str, timeout: float) -> None:
    async def there() -> bool:
        return "callctl-fallback" in await contexts_of(floor, number)

    await until(there, f"{number} to be in the fallback", timeout)


async def until_stale(floor: Floor) -> None:
    """Until Asterisk no longer believes the heartbeat."""

    async def stale() -> bool:
        said = await floor.ari("asterisk", "variable", variable="CC_ALIVE_UNTIL")
        return int(said["value"] or 0) < int(time.time())

    await until(stale, "the heartbeat to run out", STALE + 2)


async def until_stored(floor: Floor, caller: Caller) -> None:
    """Until a kill can no longer take the call, and all that came before it, from callctl's memory."""

    async def stored() -> bool:
        return bool(await _fetch(floor, "select 1 from live where kind = 'call' and id = $1", caller.call))

    await until(stored, "the call to be stored")


async def rows_of(floor: Floor, number: str) -> list[asyncpg.Record]:
    """Every call record of a caller."""
    return await _fetch(floor, "select * from call where caller = $1", number)


async def _fetch(floor: Floor, query: str, value: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(EmbeddedPostgres(floor.house.state / "postgres").url())
    try:
        return list(await connection.fetch(query, value))
    finally:
        await connection.close()


async def one_row_each(floor: Floor, *callers: Caller) -> dict[str, asyncpg.Record]:
    """The record of each call, once the last is closed; that there is one of each. By call."""
    found = {}
    for caller in callers:
        await floor.row(caller, lambda row: row["ended"] is not None)
        rows = await rows_of(floor, caller.number)
        assert [row["id"] for row in rows] == [caller.call]
        found[caller.call] = rows[0]
    return found
