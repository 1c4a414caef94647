"""What the demo came to, from three sides that must agree: the callers, Postgres, and /metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from callctl.lab.house import House
from callctl.lab.people import Tally

OUTCOMES = ("answered", "abandoned", "left_in_menu", "completed", "unknown_number", "pbx_lost", "failed")
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

    def lines(self) -> Iterator[str]:
        """For people, as rich markup."""
        offered = [r for r in self.records if r["queued"]]
        answered = [r for r in offered if r["connected"]]
        yield ""
        yield (
            f"[bold]Offered to queues {len(offered)}, answered {len(answered)}, "
            f"abandoned {self.stored.get('abandoned', 0)}, failed {len(self.tally.failed)}[/bold]"
        )
        waits = sorted(r["waited"] for r in answered)
        if waits:
            mean = sum(waits) / len(waits)
            median = waits[len(waits) // 2]
            yield f"Speed of answer: mean {mean:.1f} s, median {median:.1f} s, longest {waits[-1]:.1f} s"
        yield (
            f"Callers counted {self.tally.called} calls, Postgres holds {len(self.records)}, /metrics {self.entered}: "
            + ("[green]they agree[/green]" if self.agree else f"[red]they differ[/red] ({self.stored} / {self.ended})")
        )
        yield "By outcome: " + ", ".join(f"{o.replace('_', ' ')} {n}" for o, n in self.stored.items())
        yield from (f"[red]failed: {why}[/red]" for why in self.tally.failed)
        yield "Newest call records:"
        for record in self.records[:NEWEST]:
            yield "  " + _line(record)


def _line(record: dict[str, Any]) -> str:
    way = record["queue"] or "no queue"
    agent = f"{record['agent']}, waited {record['waited']:.1f} s, talked {record['talked']:.1f} s"
    return (
        f"{record['entered'][11:19]}  {record['caller']} → {record['dialled']}  {way}  {record['outcome']}"
        f" ({agent if record['agent'] else 'no agent'}), ended by {record['ended_by']}"
    )


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
