"""What the demo's campaign came to, from three sides that must agree: those who were called, Postgres, and /metrics."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import mean

import asyncpg
from rich.console import RenderableType
from rich.table import Table

from callctl.lab.campaign import CAMPAIGN
from callctl.lab.customers import MANNERS, Customers, Heard, Manner
from callctl.lab.house import House

ANSWERED, ABANDONED = "answered", "abandoned"
_ENDED = re.compile(r'callctl_attempts_ended_total\{(?=.*campaign="demo")(?=.*outcome="([a-z_]+)").*\}')
_BEGUN = f'callctl_attempts_begun_total{{campaign="{CAMPAIGN}"}}'

_ATTEMPTS = "select number, outcome from attempt where campaign = $1 and began >= $2"
_WAITS = """
select extract(epoch from connected - picked_up)::float8 as s from call
where campaign = $1 and entered >= $2 and connected is not null
"""


@dataclass(slots=True)
class Reached:
    manners: Mapping[str, Manner]
    """By number."""
    called: Counter[str]
    """Calls that came to the list's numbers, by what they do there: the telephone network's count."""
    heard: Heard
    attempts: list[tuple[str, str | None]]
    """Number and outcome, from Postgres itself; None: it is not over."""
    begun: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    """By outcome, from /metrics."""
    waits: list[float] = field(default_factory=list)
    """Of who reached an agent: seconds since they picked up, in which detection listened."""
    most_abandoned: float = 0.0
    """In percent."""
    restarts: int = 0
    """Of callctl: /metrics counts from the last one on, and only how many calls there were is held against it."""

    @property
    def stored(self) -> Counter[str]:
        """By outcome."""
        return Counter(outcome or "open" for _, outcome in self.attempts)

    def of(self, manner: Manner) -> Counter[str]:
        """What Postgres says of the numbers of such people, by outcome."""
        return Counter(o or "open" for number, o in self.attempts if self.manners.get(number) == manner)

    def differs(self, manner: Manner) -> bool:
        """Whether the telephone network and Postgres say something else of such people."""
        stored = self.of(manner)
        known = stored.keys() <= manner.outcomes or self.restarts  # what was under way then may have been cut off
        return self.called[manner.does] != stored.total() or not known

    @property
    def agree(self) -> bool:
        """Those who were called, the rows and the counts say the same."""
        counted = {outcome: n for outcome, n in self.ended.items() if n}
        metrics = counted == dict(self.stored) and self.begun == len(self.attempts)
        return (metrics or bool(self.restarts)) and not any(self.differs(manner) for manner in MANNERS)

    @property
    def failed(self) -> list[str]:
        """Who was cut off, or answered and heard nobody, without having been taken for a machine."""
        machines = {number for number, outcome in self.attempts if outcome == "machine"}
        silent = (it for it in self.heard.nothing if it not in machines)
        return [*self.heard.failed, *(f"{it[-4:]}, called: answered, and heard nobody" for it in silent)]

    @property
    def mistaken(self) -> tuple[int, int]:
        """Of calls that detection has judged: how many it took for what they are not, and all."""
        judged = [m for m in MANNERS if m.mistaken]
        wrong = sum(n for m in judged for outcome, n in self.of(m).items() if outcome in m.mistaken)
        return wrong, sum(self.of(m).total() for m in judged)

    # ── for people ───────────────────────────────────────────────────────────────────────────

    def shown(self) -> Iterator[RenderableType]:
        people = len({number for number, _ in self.attempts})
        yield f"\n[bold]Of the list {people} numbers were called, {len(self.attempts)} times[/bold]"
        yield self._table()
        yield self._talks()
        yield self._counted()
        yield from (f"[red]failed: {why}[/red]" for why in self.failed)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column, justify in (("who they are", "left"), ("called", "right"), ("as Postgres has it", "left")):
            table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        for manner in MANNERS:
            stored = self.of(manner)
            said = ", ".join(f"{outcome.replace('_', ' ')} {n}" for outcome, n in stored.most_common())
            if stored or self.called[manner.does]:
                style = "red" if self.differs(manner) else ""
                table.add_row(manner.does, str(self.called[manner.does]), said, style=style)
        return table

    def _talks(self) -> str:
        stored = self.stored
        customers = stored[ANSWERED] + stored[ABANDONED]
        share = 100 * stored[ABANDONED] / customers if customers else 0.0
        said = f"Of {customers} people who answered {stored[ANSWERED]} had an agent"
        if self.waits:
            said += f", {mean(self.waits):.1f} s after they picked up (longest {max(self.waits):.1f} s)"
        if stored[ABANDONED]:
            said += f"; {stored[ABANDONED]} heard the safe harbour, and {self.heard.pressed} pressed 9"
        said += f": {share:.1f} % abandoned, of {self.most_abandoned:g} % that may be"
        wrong, judged = self.mistaken
        return said + (f"\nDetection took {wrong} of {judged} for something else than they are" if judged else "")

    def _counted(self) -> str:
        calls, rows = self.called.total(), len(self.attempts)
        if self.restarts:
            counted = f"The network counts {calls} calls, Postgres {rows} (/metrics began anew with callctl): "
        else:
            counted = f"The network counts {calls} calls, Postgres {rows}, /metrics {self.begun}: "
        differ = f"[red]they differ[/red] (Postgres {dict(self.stored)}, /metrics {self.ended})"
        return counted + ("[green]they agree[/green]" if self.agree else differ)


async def reached(house: House, customers: Customers, connection: asyncpg.Connection[asyncpg.Record]) -> Reached:
    """Ask all three, once nobody is called any more."""
    live = await house.daemon.get("campaigns", CAMPAIGN, "live")
    rows = await connection.fetch(_ATTEMPTS, CAMPAIGN, house.since)
    waits = await connection.fetch(_WAITS, CAMPAIGN, house.since)
    found = Reached(
        customers.manners,
        customers.called,
        customers.heard,
        [(f"+{row['number']}", row["outcome"]) for row in rows],
        waits=[row["s"] for row in waits if row["s"] is not None],
        most_abandoned=live["budget"]["most_percent"],
    )
    for name, value in (await house.daemon.metrics()).items():
        if name == _BEGUN:
            found.begun = int(value)
        elif match := _ENDED.match(name):
            found.ended[match[1]] = int(value)
    return found
