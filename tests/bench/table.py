"""What was measured, as markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One side. CPU in ms a call, delays in seconds, memory in MB."""

    sent: int
    failed: int
    asterisk: float
    callctl: float
    postgres: float
    p50: float
    p99: float
    rss: float
    least_heard: int | None

    @property
    def total(self) -> float:
        return self.asterisk + self.callctl


def speed_table(what: str, rows: Mapping[str, Row]) -> str:
    """The sides beside each other, and callctl's total as a share of app_queue's."""
    return _table(what, rows, "CPU of {}, ms a call", [])


def long_table(what: str, rows: Mapping[str, Row]) -> str:
    """The same of long calls, and what was heard."""
    heard = [("RTP packets heard by who heard least", [str(row.least_heard) for row in rows.values()])]
    return _table(what, rows, "CPU of {}, ms a call", heard)


def _table(what: str, rows: Mapping[str, Row], cpu: str, more: Sequence[tuple[str, list[str]]]) -> str:
    sides, all_ = list(rows), list(rows.values())
    base = all_[0].total
    lines: list[tuple[str, list[str]]] = [
        ("calls", [str(r.sent) for r in all_]),
        ("failed", [str(r.failed) for r in all_]),
        (cpu.format("Asterisk"), [f"{r.asterisk:.1f}" for r in all_]),
        (cpu.format("callctl"), [f"{r.callctl:.1f}" if r.rss else "" for r in all_]),
        ("**total, ms a call**", [f"**{r.total:.1f}**" for r in all_]),
        ("**ratio to app_queue**", [f"**{r.total / base:.2f}**" for r in all_]),
        (cpu.format("Postgres"), [f"{r.postgres:.1f}" if r.rss else "" for r in all_]),
        ("arrived to bridged, p50 ms", [f"{1000 * r.p50:.1f}" for r in all_]),
        ("arrived to bridged, p99 ms", [f"{1000 * r.p99:.1f}" for r in all_]),
        ("callctl's peak RSS, MB", [f"{r.rss:.0f}" if r.rss else "" for r in all_]),
        *more,
    ]
    head = [f"| {what} | " + " | ".join(sides) + " |", "|---|" + "---:|" * len(sides)]
    return "\n".join([*head, *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in lines)]) + "\n"
