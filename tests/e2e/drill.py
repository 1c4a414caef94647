"""A house that dials: a campaign of its own, people on a list, and subscribers who act as they are told.

Postgres, Asterisk and the subscribers' recordings are asked beside the daemon.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from callctl.lab.house import House, Overlay, house
from callctl.lab.install import Installation
from callctl.lab.line import Line
from callctl.lab.phones import Behaviour
from callctl.store.embedded import EmbeddedPostgres

TEAM = {"agent21": "phone121", "agent22": "phone122"}
SHOWN = "+442079460003"
MESSAGE = ("sound:queue-thankyou", "sound:demo-thanks")
AGENT = 620.0
"""Hz: the tone that agents send."""
_NUMBERS = itertools.count(100)

ROUND_THE_CLOCK = {"mon-sat": ["00:00-24:00"], "sun": ["00:00-24:00"]}
ALWAYS = {"kind": "calling_hours", "week": ROUND_THE_CLOCK, "source": "the test", "verified": True}
CAMPAIGN: dict[str, Any] = {
    "kind": "service",
    "mode": "power",
    "queue": "outbound",
    "trunks": ["carrier"],
    "caller_ids": [{"number": SHOWN, "verified": "the test"}],
    "lines_per_agent": 3,
    "harbour": "sorry",
    "detection": {"machine": "message", "silence": "hang_up", "message": list(MESSAGE)},
    "ring_timeout": "15s",
    "retries": dict.fromkeys(("busy", "no_answer", "machine", "refused", "abandoned", "failed", "invalid")),
    "after_conversation": "0s",
}
BASE: Overlay = {
    "queues": {"outbound": {"wrap_up": "1s", "hours": None, "closed": None, "last_agent": "7d"}},
    "rule_sets": {"gb-house": {"rules": {"hours": ALWAYS}}},
    "campaigns": {"drill": CAMPAIGN},
    "trunks": {"carrier": {"calls_a_day": 0, "calls_a_second": 0, "fast_answer": "100ms"}},
}

Row = Mapping[str, Any]


@dataclass
class Drill:
    house: House
    folder: Path
    base: Overlay = field(default_factory=lambda: BASE)
    """What `configure` lays over config/, beside the campaign."""
    files: int = 0
    numbers: dict[str, str] = field(default_factory=dict)
    """By name, of who is called."""

    # ── the list ─────────────────────────────────────────────────────────────────────────────

    async def people(self, campaign: str = "drill", **manners: str) -> dict[str, str]:
        """People who act so (`Behaviour`) come onto the campaign's list. Their numbers, by name."""
        numbers = {name: f"+44207946{next(_NUMBERS):04d}" for name in manners}
        for name, how in manners.items():
            await self.house.network.behave(numbers[name], how)
        self.files += 1
        path = self.folder / f"list-{self.files}.csv"
        path.write_text("name,phone\n" + "".join(f"{n},{it}\n" for n, it in numbers.items()), encoding="utf-8")
        await self.cli("contacts", "import", "--campaign", campaign, str(path))
        self.numbers |= numbers
        return numbers

    async def cli(self, *words: str) -> str:
        """What the command says. AssertionError: it failed."""
        where = ("--config", str(self.house.config), "--overlay", str(self.house.overlay))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callctl", *words, *where,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()

    async def start(self, campaign: str = "drill") -> None:
        await self.house.daemon.post("campaigns", campaign, "start")

    async def stop(self, campaign: str = "drill") -> None:
        await self.house.daemon.post("campaigns", campaign, "stop")

    async def configure(self, **changes: object) -> None:
        """The campaign otherwise, from now on."""
        campaigns = {**self.base["campaigns"], "drill": {**CAMPAIGN, **changes}}
        self.house.change({**self.base, "campaigns": campaigns})
        await self.cli("reload")

    # ── agents ───────────────────────────────────────────────────────────────────────────────

    async def staff(self, *agents: str) -> None:
        """Log them in; their phones are picked up, and stay on the line."""
        for name in agents:
            await self.house.network.phone(TEAM[name]).behave(Behaviour.answer(), AGENT)
            await self.house.daemon.post("agents", name, "login")
        for name in agents:
            await self.agent(name, lambda it: it["line"] == "open")

    async def agent(self, name: str, holds: Any, timeout: float = 10) -> Row:
        return await self.house.daemon.until(f"{name} to be so", ("agents", name), holds, timeout)

    async def quiet(self) -> None:
        """Nobody is called any more, everybody has hung up, no agent is there."""
        await self.stop()
        for arrival in self.house.network.arrivals:
            line = self.house.network.line(arrival.channel)
            if not line.ended and arrival.dialled:
                await line.hangup()
        for name in TEAM:
            await self.house.daemon.post("agents", name, "logout")
        for name in TEAM:
            await self.agent(name, lambda it: it["state"] == "idle" and it["line"] is None)

    # ── what Postgres says ───────────────────────────────────────────────────────────────────

    async def attempts(self, numbers: Sequence[str], timeout: float = 60) -> dict[str, Row]:
        """The attempts at these numbers, once all are over: by number, with the call's record."""
        url = EmbeddedPostgres(self.house.state / "postgres").url()
        connection = await asyncpg.connect(url)
        wanted, found = [int(it[1:]) for it in numbers], []
        try:
            async with asyncio.timeout(timeout):
                while True:
                    found = await connection.fetch(QUERY, wanted)
                    if len({it["number"] for it in found if it["outcome"] is not None}) == len(wanted):
                        assert len(found) == len(wanted), "a number was tried twice"
                        return {f"+{it['number']}": dict(it) for it in found}
                    await asyncio.sleep(0.1)
        except TimeoutError:
            log = self.house.daemon.tail(8)
            raise AssertionError(f"not all over in {timeout:g} s: {[dict(it) for it in found]}; {log}") from None
        finally:
            await connection.close()

    async def fetch(self, query: str, *args: object) -> list[Row]:
        connection = await asyncpg.connect(EmbeddedPostgres(self.house.state / "postgres").url())
        try:
            return [dict(it) for it in await connection.fetch(query, *args)]
        finally:
            await connection.close()

    async def line(self, number: str) -> Line:
        """The subscriber's end of the first call to the number."""
        arrival = await self.house.network.wait_arrival(dialled=number, timeout=20)
        return self.house.network.line(arrival.channel)

    def calls_to(self, number: str) -> int:
        """How often the number was called, as the telephone network knows."""
        return sum(arrival.dialled == number for arrival in self.house.network.arrivals)


QUERY = """
select a.number, a.outcome, a.call, a.ended, c.outcome as call_outcome, c.agent, c.heard, c.rang, c.picked_up,
    c.connected, c.harboured, c.message_left, c.campaign, c.attempt
from attempt a left join call c on c.id = a.call
where a.number = any($1::bigint[])
"""


@asynccontextmanager
async def drilling(installation: Installation, folder: Path, changes: Overlay | None = None) -> AsyncIterator[Drill]:
    base = {**BASE, **(changes or {})}
    async with house(installation, folder, base, phones=TEAM.values()) as built:
        yield Drill(built, folder, base)
