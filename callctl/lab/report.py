"""What the demo came to, from three sides that must agree: the callers, Postgres, and /metrics."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from callctl.lab.customers import Customers
from callctl.lab.house import House, database_url
from callctl.lab.people import Tally
from callctl.lab.reached import Reached, reached
from callctl.store.pool import connect

NEWEST, LOOKED_AT = 8, 50
"""Call records that are shown, and that are looked at for one to explain."""
A_FEW = 5
TELLING = "support"
"""The queue that asks for skills, and that a number with priority leads to."""
_ENDED = re.compile(r'callctl_calls_ended_total\{(?=.*outcome="([a-z_]+)").*\}')


@dataclass(slots=True)
class Report:
    tally: Tally
    records: list[dict[str, Any]] = field(default_factory=list)
    """The newest, for people, as callctl shows them."""
    stored: dict[str, int] = field(default_factory=dict)
    """Callers' rows by outcome, from Postgres itself."""
    dialled: dict[str, int] = field(default_factory=dict)
    """The rows of calls that the campaign made: /metrics counts how both ended."""
    speeds: list[float] = field(default_factory=list)
    """Of the answered, in seconds; from Postgres."""
    offered: int = 0
    """Rows of calls that were queued."""
    entered: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    """By outcome, from /metrics."""
    told: list[str] = field(default_factory=list)
    """What `callctl explain` says of one of them: of those who reached an agent, the one with most to tell."""
    told_of_called: list[str] = field(default_factory=list)
    """The same of somebody whom the campaign called."""
    campaign: Reached | None = None
    restarts: int = 0
    """Of callctl. /metrics began anew with each, and calls took the fallback meanwhile: nothing is held against it."""

    @property
    def rows(self) -> int:
        return sum(self.stored.values())

    @property
    def agree(self) -> bool:
        """The callers, the rows and the counts say the same."""
        same = Counter(self.ended) == Counter(self.stored) + Counter(self.dialled)
        return same and self.tally.called == self.rows == self.entered

    @property
    def ok(self) -> bool:
        lost = sum(self.stored.get(o, 0) for o in ("pbx_lost", "failed"))
        reached = self.campaign is None or (self.campaign.agree and not self.campaign.failed)
        return (self.agree or bool(self.restarts)) and not self.tally.failed and not lost and reached

    def shown(self) -> Iterator[RenderableType]:
        """For people."""
        waits = self.speeds
        yield (
            f"\n[bold]Callers: offered to queues {self.offered}, answered {len(waits)}, "
            f"abandoned {self.stored.get('abandoned', 0)}, failed {len(self.tally.failed)}[/bold]"
        )
        if waits:
            yield f"Speed of answer: mean {mean(waits):.1f} s, median {median(waits):.1f} s, longest {max(waits):.1f} s"
        yield "By outcome: " + ", ".join(f"{o.replace('_', ' ')} {n}" for o, n in self.stored.items())
        yield self._counted()
        yield from (f"[red]failed: {why}[/red]" for why in self.tally.failed)
        if self.campaign is not None:
            yield from self.campaign.shown()
        if self.records:
            yield ""
            yield _newest(self.records)
        for whose, told in (("a caller", self.told), ("somebody who was called", self.told_of_called)):
            if told:
                yield f"\n[bold]callctl explain[/bold] of {whose}:"
                yield from (Text(line) for line in told)

    def _counted(self) -> str:
        counted = f"The callers count {self.tally.called} calls, Postgres {self.rows}"
        if self.restarts:
            return f"{counted}; callctl was started again, and the fallback had its calls meanwhile"
        differ = f"[red]they differ[/red] (Postgres {self.stored} and {self.dialled}, /metrics {self.ended})"
        return f"{counted}, /metrics {self.entered}: " + ("[green]they agree[/green]" if self.agree else differ)


def _newest(records: list[dict[str, Any]]) -> Table:
    table = Table(
        title="The newest call records",
        title_justify="left",
        title_style="",
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in ("entered", "caller", "dialled", "queue", "agent", "outcome", "by"):
        table.add_column(column, no_wrap=True)
    for column in ("waited", "talked"):
        table.add_column(column, justify="right", no_wrap=True)
    for r in records[:NEWEST]:
        dialled = f"by {r['campaign']}" if r["campaign"] else r["dialled"]
        table.add_row(
            r["entered"][11:19], r["caller"], dialled, r["queue"] or "", r["agent"] or "",
            r["outcome"].replace("_", " "), r["ended_by"], f"{r['waited']:.1f} s" if r["queued"] else "",
            f"{r['talked']:.1f} s" if r["connected"] else "",
        )  # fmt: skip
    return table


async def report(house: House, tally: Tally, customers: Customers, restarts: int = 0) -> Report:
    """Ask all three once no call is left and every wrap-up is over (the records are then final).

    StoreError: Postgres cannot be asked.
    """
    await house.daemon.until("the last call to end", ("calls",), lambda answer: not answer["calls"], 30)
    result = Report(tally, (await house.daemon.get("records", limit=LOOKED_AT))["records"], restarts=restarts)
    await _ask_postgres(house, result, customers)
    await _explain(house, result)
    for name, value in (await house.daemon.metrics()).items():
        if name.startswith("callctl_calls_entered_total"):
            result.entered += int(value)
        elif match := _ENDED.match(name):
            result.ended[match[1]] = result.ended.get(match[1], 0) + int(value)
    return result


async def _explain(house: House, result: Report) -> None:
    """Of a few of the newest."""
    result.told = await _most_told(house, [r for r in result.records if r["queue"] == TELLING and r["connected"]])
    result.told_of_called = await _most_told(house, [r for r in result.records if r["campaign"] and r["connected"]])


async def _most_told(house: House, records: list[dict[str, Any]]) -> list[str]:
    found: list[str] = []
    for record in records[:A_FEW]:
        answer = await house.daemon.get("calls", record["id"], "explain")
        told = [f"  +{line['after']:7.3f} s  {line['text']}" for line in answer["lines"]]
        found = max(found, told, key=len)
    return found


async def _ask_postgres(house: House, result: Report, customers: Customers) -> None:
    """Count the rows in the database itself: callctl's word does not count here."""
    connection = await connect(await asyncio.to_thread(database_url, house.config, house.overlay))
    try:
        counted = await connection.fetch(
            "select campaign is null as came, outcome, count(*) as n from call where entered >= $1 "
            "group by 1, 2 order by n desc",
            house.since,
        )
        queued = await connection.fetch(
            "select extract(epoch from connected - queued)::float8 as s from call "
            "where entered >= $1 and queued is not null and campaign is null",
            house.since,
        )
        result.campaign = await reached(house, customers, connection)
    finally:
        await connection.close()
    result.campaign.restarts = result.restarts
    result.stored = {row["outcome"]: row["n"] for row in counted if row["came"]}
    result.dialled = {row["outcome"]: row["n"] for row in counted if not row["came"]}
    result.offered = len(queued)
    result.speeds = [row["s"] for row in queued if row["s"] is not None]
