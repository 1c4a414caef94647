"""From a customer's "hello" to the agent's ear, in audio.

Agents are nailed up, nobody listens for machines. The customers say a ladder of tones, another every 20 ms, from the
very moment they pick up; what comes out at the agent's end tells of each packet when it was said. Asterisk carries the
customer's voice as soon as the two are bridged, but for a moment the agent hears the beep in its place: so the delay is
from picking up until all is heard that is said from then on. How much of the first second is heard, at whatever time,
says what was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any

import asyncpg
import numpy as np

from callctl.lab.house import House, HouseError
from callctl.lab.install import ensure
from callctl.lab.phones import Account
from callctl.lab.ports import HOST
from callctl.lab.rawphone import RawPhone
from callctl.lab.rawsip import RawSip
from callctl.store.embedded import EmbeddedPostgres
from tests.bench.speed import percentile
from tests.bench.talkers import EVERY, FRAME, QUIET, RATE, People, Talk, alaw, linear
from tests.e2e.drill import BASE, CAMPAIGN

Say = Callable[[str], None]

CALLS = 200
AGENTS = {"agent21": "phone121", "agent22": "phone122", "agent23": "phone123"}
LADDER = [1000.0 + 45.0 * n for n in range(52)]
"""Hz: the tones. The beep is below, and none of them is taken for another."""
SAID = [alaw(8_000 * np.sin(2 * np.pi * hz * np.arange(FRAME) / RATE)) for hz in LADDER]
SECOND = round(1 / EVERY)
"""Packets."""
MAIN = 0.5
"""Of a packet's power: more than that, and it is this tone's."""
FAINT = 100.0
"""Amplitude, of 32,124: what is below is silence."""
RINGS, TALKS = (0.3, 1.5), (1.6, 2.6)
"""Seconds, from and to."""
LEFT = 0.2
"""Seconds after the last packet in which it may still be heard: the next customer comes later."""
PATIENCE = 20.0
"""Seconds for the last calls to end and be stored, beside what the calls take."""
_WAVES = np.exp(-2j * np.pi * np.outer(LADDER, np.arange(FRAME)) / RATE)
_RECORDS = """
select a.number, a.outcome, c.agent, c.picked_up, c.connected
from attempt a left join call c on c.id = a.call where a.ended is not null
"""


def tone_in(payload: bytes) -> int | None:
    """Which of the ladder's tones is the main sound of a packet."""
    samples = linear(payload)
    power = float(np.sum(samples * samples))
    if power < FAINT * FAINT * FRAME:
        return None
    shares = 2 * np.abs(_WAVES @ samples) ** 2 / (FRAME * power)
    best = int(np.argmax(shares))
    return best if shares[best] > MAIN else None


@dataclass(frozen=True, slots=True)
class Greeting:
    """What came of one customer's first words. Seconds."""

    first: float
    """From picking up until anything of it was heard; inf: never."""
    all: float
    """From picking up until everything was heard from then on."""
    way: float
    """From when a packet was said until it was heard: the slowest of the first second."""
    share: float
    """Of the first second, that was heard at some time."""
    decided: float
    """From picking up until callctl had decided who talks, by callctl's clock."""


LOST = Greeting(float("inf"), float("inf"), float("inf"), 0.0, float("inf"))
"""Nobody came."""


def greeting(customer: Talk, agent: Talk, connected: datetime | None) -> Greeting:
    said = customer.media.said
    begin, end = customer.answered_at, said[-1] + LEFT if said else 0.0
    heard: dict[int, float] = {}
    for at, payload in agent.media.heard:
        if begin <= at <= end and (tone := tone_in(payload)) is not None:
            heard.setdefault(tone, at)
    missing = max((n for n in range(len(SAID)) if n not in heard), default=-1)
    ways = [at - said[tone] for tone, at in heard.items() if tone < SECOND]
    return Greeting(
        first=min(heard.values(), default=float("inf")) - begin,
        all=heard.get(missing + 1, float("inf")) - begin,
        way=max(ways, default=float("inf")),
        share=len(ways) / SECOND,
        decided=connected.timestamp() - begin if connected is not None else float("inf"),
    )


@dataclass
class Bench:
    house: House
    say: Say
    customers: dict[str, Talk] = field(default_factory=dict)
    """By number."""
    lines: dict[str, Talk] = field(default_factory=dict)
    """By agent."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def customer(self, talk: Talk) -> None:
        draw = random.Random(talk.number)
        talk.ring()
        await asyncio.sleep(draw.uniform(*RINGS))
        if not talk.over.is_set():
            self.customers[talk.number] = talk
            talk.answer()
            leaves = round(draw.uniform(*TALKS) / EVERY)
            await talk.talk(lambda n: SAID[n] if n < len(SAID) else QUIET if n < leaves else None)
            talk.hang_up()

    async def agent(self, name: str, talk: Talk) -> None:
        self.lines[name] = talk
        talk.answer()
        await talk.talk(lambda _: QUIET)

    async def log_in(self) -> list[People]:
        """The agents' phones, on the line."""
        phones = []
        for name, phone in AGENTS.items():
            port = self.house.node.ports.sip
            raw = await RawPhone.open(Account(phone, self.house.secret(phone)), port)
            phones.append(People(raw.sip, port, lambda talk, name=name: self.begin(self.agent(name, talk))))  # type: ignore[misc]
        for name in AGENTS:
            await self.house.daemon.until(
                "the phone", ("agents", name), lambda it: it["phone"]["state"] == "reachable", PATIENCE
            )
            await self.house.daemon.post("agents", name, "login")
        for name in AGENTS:
            await self.house.daemon.until("the line", ("agents", name), lambda it: it["line"] == "open")
        return phones

    async def call(self, count: int) -> Sequence[Mapping[str, Any]]:
        """The campaign calls so many; the records of all."""
        path = self.house.folder / "people.csv"
        numbers = [f"+44207946{n:04d}" for n in range(1000, 1000 + count)]
        path.write_text("name,phone\n" + "".join(f"{it[-4:]},{it}\n" for it in numbers), encoding="utf-8")
        await command(self.house, "contacts", "import", "--campaign", "drill", str(path))
        await self.house.daemon.post("campaigns", "drill", "start")
        connection = await asyncpg.connect(EmbeddedPostgres(self.house.state / "postgres").url())
        try:
            async with asyncio.timeout(count * (RINGS[1] + TALKS[1]) / len(AGENTS) + PATIENCE):
                while len(found := await connection.fetch(_RECORDS)) < count:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise HouseError(f"not all {count} calls have ended: {self.house.daemon.tail()}") from None
        finally:
            await connection.close()
        return [dict(record) for record in found]

    def greetings(self, records: Sequence[Mapping[str, Any]]) -> list[Greeting]:
        found = []
        for record in records:
            customer, agent = self.customers.get(f"+{record['number']}"), record["agent"]
            if customer is None or agent is None:
                self.say(f"  +{record['number']}: {record['outcome']}, {agent or 'no agent'}")
                found.append(LOST)
            else:
                found.append(greeting(customer, self.lines[agent], record["connected"]))
        return found


async def command(house: House, *words: str) -> None:
    """A callctl command. HouseError: it failed."""
    where = ("--config", str(house.config), "--overlay", str(house.overlay))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "callctl", *words, *where,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    if process.returncode:
        raise HouseError(said.decode())


def changes(network: int) -> dict[str, Any]:
    """Of the house's configuration; the customers are behind the port."""
    carrier = {"host": HOST, "port": network, "match": [f"{HOST}:{network}"], "max_channels": 0, "keep_free": 0}
    return {
        **BASE,
        "queues": {"outbound": {"wrap_up": "0s", "hours": None, "closed": None}},
        "campaigns": {"drill": {**CAMPAIGN, "detection": None, "lines_per_agent": 1}},
        "trunks": {"carrier": {**BASE["trunks"]["carrier"], **carrier}},
        "log": {"level": "info"},
    }


def table(greetings: Sequence[Greeting]) -> str:
    rows: list[tuple[str, list[float]]] = [
        ("**picked up to heard, from then on without a gap**", [it.all for it in greetings]),
        ("picked up to anything heard", [it.first for it in greetings]),
        ("picked up to decided by callctl", [it.decided for it in greetings]),
        ("said to heard, the first second's slowest packet", [it.way for it in greetings]),
    ]
    lines = [
        f"| {len(greetings)} customers, {len(AGENTS)} agents nailed up; ms | p50 | p90 | p99 | most |",
        "|---|---:|---:|---:|---:|",
    ]
    for what, values in rows:
        cells = [*(percentile(values, share) for share in (50, 90, 99)), max(values)]
        lines.append(f"| {what} | " + " | ".join(f"{1000 * it:.0f}" for it in cells) + " |")
    shares = sorted(it.share for it in greetings)
    heard = f"{100 * fmean(shares):.1f} % was heard; of who was heard least, {100 * shares[0]:.0f} %"
    said = f"Of the customers' first second {heard}."
    return "\n".join((*lines, "", said)) + "\n"


async def run(args: argparse.Namespace, say: Say) -> str:
    """The table, as markdown."""
    network = await RawSip.open()
    with tempfile.TemporaryDirectory(prefix="callctl-bench-", ignore_cleanup_errors=True) as folder:
        house = House(ensure(), Path(folder), changes(network.port), phones=())
        bench, phones = Bench(house, say), []
        customers = People(network, house.node.ports.sip, lambda talk: bench.begin(bench.customer(talk)))
        try:
            say("Starting Asterisk, Postgres and callctl ...")
            await house.start()
            phones = await bench.log_in()
            say(f"{args.calls} calls ...")
            greetings = bench.greetings(await bench.call(args.calls))
        finally:
            say("Stopping everything ...")
            for people in (customers, *phones):
                people.close()
            await house.stop()
    return table(greetings)
