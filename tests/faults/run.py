"""One run: load, faults one after the other, and the books."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from callctl.lab.asterisk import AsteriskError
from callctl.lab.house import HouseError
from callctl.lab.install import Installation
from tests.faults.books import Books, Entry
from tests.faults.kinds import KINDS, Scene, order
from tests.faults.parts import Failure, Parts, parts
from tests.faults.people import People

WARM = 3.0
GAP = (2.0, 4.0)
"""Seconds of load before the first fault, and between the end of one and the next."""
TALK_AND_REST = 5.5
"""Seconds that a call holds an agent: ring, talk, wrap-up."""


@dataclass(frozen=True)
class Plan:
    seed: int
    faults: int = 60
    rate: float = 5.0
    """Callers a second."""
    kinds: tuple[str, ...] = tuple(KINDS)

    @property
    def agents(self) -> int:
        """Enough for the load, and three quarters more to catch up after an outage."""
        return max(8, round(self.rate * TALK_AND_REST * 1.75))


@dataclass(frozen=True)
class Result:
    plan: Plan
    calls: int
    entries: list[Entry]
    broke: str = ""
    """Why the run ended before its time; empty: it did not."""

    @property
    def ok(self) -> bool:
        return not self.broke and not any(entry.wrong for entry in self.entries)


Tell = Callable[[str], None]


async def run(installation: Installation, folder: Path, plan: Plan, tell: Tell) -> Result:
    """Never raises for what callctl does wrong: the result says it."""
    tell(f"seed {plan.seed}: Asterisk, Postgres, callctl, {plan.agents} agents' phones start ...")
    async with parts(installation, folder, plan.agents) as built:
        people = People(built.house.network, built.observer, plan.seed, plan.rate)
        books = Books(built, people)
        built.on_node_death = people.node_died
        await people.agents_ready()
        coming = asyncio.create_task(people.come())
        watching = asyncio.create_task(books.watch())
        broke = ""
        try:
            await _faults(built, people, books, plan, tell)
        except (Failure, HouseError, AsteriskError) as error:
            broke = str(error)
            tell(f"the run stops: {broke}")
        people.stop()
        tell(f"{len(people.alive)} callers end their calls ...")
        await coming
        watching.cancel()
        await books.audit_ends()
        if not broke:
            await built.house.daemon.stop()
        await books.audit_records()
        return Result(plan, len(people.done), books.entries, broke)


async def _faults(built: Parts, people: People, books: Books, plan: Plan, tell: Tell) -> None:
    scene = Scene(built, people, random.Random(plan.seed + 1))
    await asyncio.sleep(WARM)
    chosen = order(plan.seed, plan.faults, list(plan.kinds))
    for number, kind in enumerate(chosen, 1):
        entry = books.open(kind)
        books.in_charge = False
        entry.in_charge = round(await KINDS[kind](scene), 2)
        books.in_charge = True
        wrong = "" if not (found := sum(e.wrong for e in books.entries)) else f"  WRONG so far: {found}"
        tell(
            f"{entry.at:6.1f} s  {number:3}/{len(chosen)}  {kind:42}  in flight {entry.in_flight:3}, "
            f"talking {entry.pairs:3}; in charge after {entry.in_charge:5.2f} s{wrong}"
        )
        await scene.away(*GAP)
