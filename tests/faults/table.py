"""The result as a table, for people and for docs/faults.md."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from tests.faults.books import Entry

COLUMNS = (
    "fault", "times", "calls in flight", "of them talking", "pairs cut", "callers lost", "records lost",
    "records doubled", "outcome wrong", "orphans", "agents with two", "in charge after: median", "longest",
)  # fmt: skip


def table(entries: list[Entry], kinds: Iterable[str]) -> str:
    """Markdown: a row a kind, and their sum."""
    lines = [" | ".join(COLUMNS), " | ".join("---" if n == 0 else "--:" for n in range(len(COLUMNS)))]
    faults = [entry for entry in entries if entry.kind in set(kinds)]
    for kind in kinds:
        some = [entry for entry in faults if entry.kind == kind]
        if some:
            lines.append(_row(kind, some))
    other = [entry for entry in entries if entry not in faults and entry.wrong]
    if other:
        lines.append(_row("no fault", other))
    lines.append(_row("**all**", [*faults, *other]))
    return "\n".join(f"| {line} |" for line in lines)


def _row(kind: str, some: list[Entry]) -> str:
    times = [entry.in_charge for entry in some]
    counts = [
        sum(getattr(entry, name) for entry in some)
        for name in (
            "in_flight", "pairs", "pairs_cut", "callers_lost", "records_lost", "records_doubled", "records_wrong",
            "orphans", "twice",
        )
    ]  # fmt: skip
    return " | ".join((kind, str(len(some)), *map(str, counts), f"{median(times):.2f} s", f"{max(times):.2f} s"))
