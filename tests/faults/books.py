"""The books: what was lost, cut, doubled or left over, fault by fault. Asterisk, the people's phones and Postgres are
asked; callctl is not."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.faults.observer import key
from tests.faults.parts import Parts
from tests.faults.people import Caller, People

OWNERLESS = 30.0
"""Seconds, while callctl is in charge, after which a channel that nobody owns is an orphan."""
LOOK = 1.0
LOST_WITH_PBX = ("pbx_lost", "left_for_fallback")


@dataclass
class Entry:
    """One fault, and what came of it until the next one."""

    at: float
    """Seconds since the run began."""
    kind: str
    in_flight: int = 0
    pairs: int = 0
    """Calls, and pairs who talked, at that moment."""
    in_charge: float = 0.0
    """Seconds."""
    pairs_cut: int = 0
    callers_lost: int = 0
    records_lost: int = 0
    records_doubled: int = 0
    records_wrong: int = 0
    """Of calls that Asterisk's death ended, and whose outcome is another than pbx_lost."""
    orphans: int = 0
    twice: int = 0
    """Talks of an agent who had another one at the same time, by the records of both."""
    unmet: int = 0
    """Not counted as lost: Asterisk handed the call over, callctl died before it had reacted in any way, and the caller
    hung up, or Asterisk died, before callctl was back. Nobody but Asterisk ever knew of the call."""
    to_fallback: int = 0
    """Not a fault: what the dialplan is for."""
    notes: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        return (
            self.pairs_cut + self.callers_lost + self.records_lost + self.records_doubled + self.records_wrong
            + self.orphans + self.twice
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Books:
    """Every caller's end goes to the fault that came last before it."""

    def __init__(self, parts: Parts, people: People) -> None:
        self.began = time.monotonic()
        self.entries = [Entry(0.0, "before the first")]
        self.in_charge = True
        self._parts = parts
        self._people = people
        self._faults: dict[str, Entry] = {}
        self._bad: Counter[str] = Counter()
        self._orphans: set[str] = set()
        people.on_end = self.ended

    def open(self, kind: str) -> Entry:
        """A fault begins."""
        entry = Entry(round(time.monotonic() - self.began, 1), kind, len(self._people.alive), len(self._people.talking))
        self.entries.append(entry)
        return entry

    # ── callers ──────────────────────────────────────────────────────────────────────────────

    def ended(self, caller: Caller) -> None:
        """A call is over: by whose wish?"""
        entry = self._faults[caller.number] = self.entries[-1]
        seen = self._parts.observer.callers.get(key(caller.number))
        fell = seen is not None and seen.fallback
        entry.to_fallback += fell
        if caller.cut or (caller.talked and not caller.why):
            entry.pairs_cut += not self._pbx_died(caller)
            if not self._pbx_died(caller):
                self._note(entry, "pair cut", caller)
            else:
                caller.why = "pbx"
        elif not caller.why and self._pbx_died(caller):
            caller.why = "pbx"
        elif caller.why not in ("caller", "agent", "pbx") and not fell:
            entry.callers_lost += 1
            self._note(entry, "caller lost", caller)

    def _pbx_died(self, caller: Caller) -> bool:
        ended = caller.ended or time.monotonic()
        return any(died < ended and back > caller.began for died, back in self._parts.node_deaths)

    def _note(self, entry: Entry, what: str, caller: Caller) -> None:
        line = caller.line
        seen = self._parts.observer.callers.get(key(caller.number))
        entry.notes.append(
            f"{what}: {caller.number} at {caller.ended - self.began:.1f} s, after {caller.ended - caller.began:.1f} s, "
            f"plan {caller.plan}/{caller.ender}, why {caller.why or '?'}, talked {caller.talked}, "
            f"heard {line and line.talking}, cause {line and line.cause}, seen {seen}"
        )

    # ── records ──────────────────────────────────────────────────────────────────────────────

    async def audit_records(self) -> None:
        """At the end: exactly one record for every caller whom Asterisk gave to callctl, none for anybody else."""
        rows = await self._parts.database.fetch("select caller, outcome, entered, ended from call")
        assert rows is not None, "Postgres does not answer"
        found: dict[str, list[Any]] = {}
        for row in rows:
            found.setdefault(key(row["caller"]), []).append(row)
        for caller in self._people.done:
            entry = self._faults[caller.number]
            mine = found.pop(key(caller.number), [])
            seen = self._parts.observer.callers.get(key(caller.number))
            entered = seen is not None and seen.entered
            if len(mine) > 1:
                entry.records_doubled += len(mine) - 1
                self._note(entry, f"{len(mine)} records", caller)
            elif entered and not mine and not (caller.line and caller.line.talking):
                entry.unmet += 1
            elif entered and not mine:
                entry.records_lost += 1
                self._note(entry, "no record", caller)
            elif mine and mine[0]["ended"] is None:
                entry.records_lost += 1
                self._note(entry, "record without an end", caller)
            elif mine and self._was_there(mine[0]) and caller.why == "pbx" and mine[0]["outcome"] not in LOST_WITH_PBX:
                entry.records_wrong += 1
                self._note(entry, f"outcome {mine[0]['outcome']} in place of pbx_lost", caller)
        await self._audit_agents()
        for number, more in found.items():
            self.entries[-1].records_doubled += len(more)
            self.entries[-1].notes.append(f"records of nobody: {number} {more}")

    def _was_there(self, row: Any) -> bool:
        """Whether the call was at Asterisk when that died. A caller who dialled in that moment and gave up may be met
        by the next process: an INVITE is sent again until it is answered."""
        wall = time.time() - time.monotonic()
        entered, ended = (row[at].timestamp() - wall for at in ("entered", "ended"))
        return any(entered < died <= ended for died, _ in self._parts.node_deaths)

    async def _audit_agents(self) -> None:
        """Nobody had two calls at a time."""
        rows = await self._parts.database.fetch(
            "select a.agent, a.id as one, b.id as other from call a join call b on a.agent = b.agent and a.id < b.id "
            "and a.connected < b.ended and b.connected < a.ended"
        )
        assert rows is not None, "Postgres does not answer"
        self.entries[-1].twice += len(rows)
        self.entries[-1].notes += [f"{row['agent']} had {row['one']} and {row['other']}" for row in rows]

    # ── orphans ──────────────────────────────────────────────────────────────────────────────

    async def watch(self) -> None:
        """Look at Asterisk's channels once a second, for ever."""
        while True:
            if self.in_charge:
                await self._look()
            await asyncio.sleep(LOOK)

    async def _look(self) -> None:
        channels = await self._parts.ari("channels")
        known = await self._parts.database.fetch("select body->>'leg' as leg from live where kind = 'call'", LOOK)
        if channels is None or known is None:
            return
        legs = {row["leg"] for row in known}
        alive = {key(caller.number) for caller in self._people.alive}
        bad = {c["id"]: c for c in channels if not self._owned(c, legs, alive)}
        for channel in [c for c in self._bad if c not in bad]:
            del self._bad[channel]
        for channel, what in bad.items():
            self._bad[channel] += 1
            if self._bad[channel] * LOOK > OWNERLESS and channel not in self._orphans:
                self._orphans.add(channel)
                self.entries[-1].orphans += 1
                self.entries[-1].notes.append(f"orphan: {what['name']} {what['state']} {what['dialplan']}")

    def _owned(self, channel: dict[str, Any], legs: set[str], alive: set[str]) -> bool:
        """Callers are owned by somebody who holds the phone, and (in callctl's application) by a row of Postgres;
        agents' legs by a caller who is still there."""
        if channel["name"].startswith("PJSIP/trunk-"):
            lives = key(channel["caller"]["number"]) in alive
            return lives and (channel["dialplan"]["app_name"] != "Stasis" or channel["id"] in legs)
        numbers = {key(channel[who]["number"]) for who in ("caller", "connected")}
        return bool(numbers & alive)

    async def audit_ends(self, patience: float = OWNERLESS) -> None:
        """When the last caller has gone: nothing may be left in Asterisk or on the people's phones."""
        deadline = time.monotonic() + patience
        left: list[str] = ["?"]
        while left and time.monotonic() < deadline:
            await asyncio.sleep(LOOK / 4)
            channels, bridges = await self._parts.ari("channels"), await self._parts.ari("bridges")
            if channels is None or bridges is None:
                continue
            left = [f"channel {c['name']} {c['state']} {c['dialplan']}" for c in channels]
            left += [f"bridge {b['id']}" for b in bridges if not b["id"].startswith("hold-")]
            left += [f"phone's line {line.id}" for c in self._people.done for line in self._people.phones_of(c)]
            live = await self._parts.database.fetch("select id from live where kind = 'call'")
            left += [f"live row of call {row['id']}" for row in live or ()]
        self.entries[-1].orphans += len(left)
        self.entries[-1].notes += [f"left at the end: {what}" for what in left]
