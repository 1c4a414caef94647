"""What the demo came to, from three sides that must agree: the callers, Postgres, and /metrics."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from callctl.lab.house import House, database_url
from callctl.lab.people import Tally
from callctl.store.pool import connect

NEWEST = 8
TELLING = "support"
"""The queue that asks for skills, and that a number with priority leads to."""
_ENDED = re.compile(r'callctl_calls_ended_total\{(?=.*outcome="([a-z_]+)").*\}')


@dataclass(slots=True)
class Report:
    tally: Tally
    records: list[dict[str, Any]] = field(default_factory=list)
    """The newest, for people, as callctl shows them."""
    stored: dict[str, int] = field(default_factory=dict)
    """Rows by outcome, from Postgres itself."""
    speeds: list[float] = field(default_factory=list)
    """Of the answered, in seconds; from Postgres."""
    offered: int = 0
    """Rows of calls that were queued."""
    entered: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    """By outcome, from /metrics."""
    told: list[str] = field(default_factory=list)
    """What `callctl explain` says of one of them: of those who reached an agent, the one with most to tell."""

    @property
    def rows(self) -> int:
        return sum(self.stored.values())

    @property
    def agree(self) -> bool:
        """The callers, the rows and the counts say the same."""
        same = {o: n for o, n in self.ended.items() if n} == self.stored
        return same and self.tally.called == self.rows == self.entered

    @property
    def ok(self) -> bool:
        lost = sum(self.stored.get(o, 0) for o in ("pbx_lost", "failed"))
        return self.agree and not self.tally.failed and not lost

    def shown(self) -> Iterator[RenderableType]:
        """For people."""
        waits = self.speeds
        yield (
            f"\n[bold]Offered to queues {self.offered}, answered {len(waits)}, "
            f"abandoned {self.stored.get('abandoned', 0)}, failed {len(self.tally.failed)}[/bold]"
        )
        if waits:
            yield f"Speed of answer: mean {mean(waits):.1f} s, median {median(waits):.1f} s, longest {max(waits):.1f} s"
        counted = f"The callers count {self.tally.called} calls, Postgres {self.rows}, /metrics {self.entered}: "
        differ = f"[red]they differ[/red] (Postgres {self.stored}, /metrics {self.ended})"
        yield counted + ("[green]they agree[/green]" if self.agree else differ)
        yield "By outcome: " + ", ".join(f"{o.replace('_', ' ')} {n}" for o, n in self.stored.items())
        yield from (f"[red]failed: {why}[/red]" for why in self.tally.failed)
        if self.records:
            yield _newest(self.records)
        if self.told:
            yield "\n[bold]callctl explain[/bold] of one of them:"
            yield from (Text(line) for line in self.told)


def _newest(records: list[dict[str, Any]]) -> Table:
    table = Table(title="The newest call records", title_justify="left", title_style="", box=None, pad_edge=False)
    for column in ("entered", "caller", "dialled", "queue", "agent", "outcome", "by"):
        table.add_column(column, no_wrap=True)
    for column in ("waited", "talked"):
        table.add_column(column, justify="right")
    for r in records[:NEWEST]:
        table.add_row(
            r["entered"][11:19], r["caller"], r["dialled"], r["queue"] or "", r["agent"] or "",
            r["outcome"].replace("_", " "), r["ended_by"], f"{r['waited']:.1f} s" if r["queued"] else "",
            f"{r['talked']:.1f} s" if r["connected"] else "",
        )  # fmt: skip
    return table


async def report(house: House, tally: Tally) -> Report:
    """Ask all three once no call is left and every wrap-up is over (the records are then final).

    StoreError: Postgres cannot be asked.
    """
    await house.daemon.until("the last call to end", ("calls",), lambda answer: not answer["calls"], 30)
    result = Report(tally, (await house.daemon.get("records", limit=NEWEST))["records"])
    await _ask_postgres(house, result)
    await _explain_one(house, result)
    for name, value in (await house.daemon.metrics()).items():
        if name.startswith("callctl_calls_entered_total"):
            result.entered += int(value)
        elif match := _ENDED.match(name):
            result.ended[match[1]] = result.ended.get(match[1], 0) + int(value)
    return result


async def _explain_one(house: House, result: Report) -> None:
    for record in result.records:
        if record["queue"] == TELLING and record["connected"]:
            answer = await house.daemon.get("calls", record["id"], "explain")
            told = [f"  +{line['after']:7.3f} s  {line['text']}" for line in answer["lines"]]
            result.told = max(result.told, told, key=len)


async def _ask_postgres(house: House, result: Report) -> None:
    """Count the rows in the database itself: callctl's word does not count here."""
    connection = await connect(await asyncio.to_thread(database_url, house.config, house.overlay))
    try:
        counted = await connection.fetch(
            "select outcome, count(*) as n from call where entered >= $1 group by outcome order by n desc", house.since
        )
        queued = await connection.fetch(
            "select extract(epoch from connected - queued)::float8 as s from call "
            "where entered >= $1 and queued is not null",
            house.since,
        )
    finally:
        await connection.close()
    result.stored = {row["outcome"]: row["n"] for row in counted}
    result.offered = len(queued)
    result.speeds = [row["s"] for row in queued if row["s"] is not None]
