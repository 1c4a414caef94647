"""What the demo came to, from three sides that must agree: the callers, Postgres, and /metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from callctl.lab.house import House
from callctl.lab.people import Tally

OUTCOMES = (
    "answered",
    "abandoned",
    "left_in_menu",
    "completed",
    "unknown_number",
    "waited_too_long",
    "pbx_lost",
    "failed",
)
NEWEST = 8
_ENDED = re.compile(r'callctl_calls_ended_total\{(?=.*outcome="([a-z_]+)").*\}')
MOST_RECORDS = 1000


@dataclass(slots=True)
class Report:
    tally: Tally
    records: list[dict[str, Any]] = field(default_factory=list)
    """From Postgres, newest first."""
    entered: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    """By outcome, from /metrics."""

    @property
    def stored(self) -> dict[str, int]:
        """By outcome, from Postgres."""
        return {o: n for o in OUTCOMES if (n := sum(r["outcome"] == o for r in self.records))}

    @property
    def agree(self) -> bool:
        """The callers, the rows and the counts say the same."""
        same = {o: n for o, n in self.ended.items() if n} == self.stored
        return same and self.tally.called == len(self.records) == self.entered

    @property
    def ok(self) -> bool:
        lost = sum(self.stored.get(o, 0) for o in ("pbx_lost", "failed"))
        return self.agree and not self.tally.failed and not lost

    def shown(self) -> Iterator[RenderableType]:
        """For people."""
        offered = [r for r in self.records if r["queued"]]
        answered = [r for r in offered if r["connected"]]
        yield (
            f"\n[bold]Offered to queues {len(offered)}, answered {len(answered)}, "
            f"abandoned {self.stored.get('abandoned', 0)}, failed {len(self.tally.failed)}[/bold]"
        )
        if answered:
            waits = [r["waited"] for r in answered]
            yield f"Speed of answer: mean {mean(waits):.1f} s, median {median(waits):.1f} s, longest {max(waits):.1f} s"
        counted = (
            f"The callers count {self.tally.called} calls, Postgres {len(self.records)}, /metrics {self.entered}: "
        )
        differ = f"[red]they differ[/red] (Postgres {self.stored}, /metrics {self.ended})"
        yield counted + ("[green]they agree[/green]" if self.agree else differ)
        yield "By outcome: " + ", ".join(f"{o.replace('_', ' ')} {n}" for o, n in self.stored.items())
        yield from (f"[red]failed: {why}[/red]" for why in self.tally.failed)
        if self.records:
            yield _newest(self.records)


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
    """Ask all three once no call is left and every wrap-up is over (the records are then final)."""
    await house.daemon.until("the last call to end", ("calls",), lambda answer: not answer["calls"], 30)
    records = (await house.daemon.get("records", limit=MOST_RECORDS))["records"]
    metrics = await house.daemon.metrics()
    result = Report(tally, records)
    for name, value in metrics.items():
        if name.startswith("callctl_calls_entered_total"):
            result.entered += int(value)
        elif match := _ENDED.match(name):
            result.ended[match[1]] = result.ended.get(match[1], 0) + int(value)
    return result
