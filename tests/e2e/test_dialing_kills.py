"""callctl is killed at every moment of dialling: no number rings twice for one attempt, and no outcome is made up."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from callctl.lab.install import Installation
from callctl.lab.phones import Behaviour
from tests.e2e.drill import TEAM, drilling

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="function")]

KILLS = 20
MANNERS = (
    Behaviour.human(0.3),
    Behaviour.human(1.5),
    Behaviour.busy(0.3),
    Behaviour.no_answer(2),
    Behaviour.voicemail(0.2),
    Behaviour.drop(0.2, stay=0.6),
    Behaviour.unallocated(),
)
COUNTS = """
select a.number, count(*) as attempts, count(*) filter (where a.outcome is null) as going_on,
    array_agg(a.outcome) as outcomes, max(c.standing) as standing
from attempt a join contact c on c.id = a.contact group by a.number
"""


async def test_no_number_rings_twice_for_one_attempt(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = Random(2026)
    async with drilling(installation, tmp_path_factory.mktemp("kills")) as drill:
        numbers = await drill.people(**{f"p{n}": MANNERS[n % len(MANNERS)] for n in range(140)})
        await drill.configure(most_lines=8)
        await drill.staff(*TEAM)
        await drill.start()
        for _ in range(KILLS):
            await asyncio.sleep(rng.uniform(0.05, 2.5))
            await drill.house.daemon.kill()
            await asyncio.sleep(rng.choice((0, 0, 0.7)))
            await drill.house.daemon.start()
            for arrival in drill.house.network.arrivals:  # customers talk for a while, and leave
                line = drill.house.network.line(arrival.channel)
                if arrival.dialled and line.is_up and rng.random() < 0.5:
                    await line.hangup()
        await drill.quiet()
        rows = {f"+{row['number']}": row for row in await drill.fetch(COUNTS)}
        rung = {number: drill.calls_to(number) for number in numbers.values() if drill.calls_to(number)}
        assert len(rung) > KILLS, "hardly anybody was called"
        for number, times in rung.items():
            row = rows[number]
            assert times <= row["attempts"], f"{number} rang {times} times for {row['attempts']} attempts"
            assert row["going_on"] == 0, f"{number}: an attempt goes on for ever"
            assert row["attempts"] == 1, f"{number} was tried again by itself: {row['outcomes']}"
        cut = sum(row["outcomes"] == ["unknown"] for row in rows.values())
        assert cut < len(rows)
        never = [number for number, row in rows.items() if number not in rung and row["outcomes"] != ["unknown"]]
        failed = await drill.fetch(
            "select number, outcome from attempt where number = any($1)", [int(it) for it in never]
        )
        assert all(row["outcome"] == "failed" for row in failed), failed
