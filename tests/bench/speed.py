"""The same SIP load through app_queue and through callctl, on the same Asterisk, in turns."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from callctl.lab.house import House
from callctl.lab.install import ensure
from tests.bench import cpu
from tests.bench.ground import Ground
from tests.bench.load import Load
from tests.bench.table import Row, long_table, speed_table

SIDES = ("app_queue", "callctl")
WARM = 2.0
"""Seconds beyond the talk before anything is measured: so many calls begin as end."""
DELAYS_SHARE = 0.5
"""Of the seconds that are measured for CPU time, so long is then listened for the delays, under the same load: the
listening costs Asterisk CPU time, so the two are not measured at once."""
SETTLE = 3.0
"""Seconds after callctl's start: it asks AMI for all phones and listens to them, which is no call's cost."""
GRACE = 20.0
"""Seconds for the last calls to end."""
RAMP = 10.0
"""Callers a second until the long calls are all there."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Costs:
    """CPU seconds since a moment."""

    asterisk: float
    callctl: float
    postgres: float

    def since(self, before: Costs, calls: float) -> Costs:
        """In ms a call."""
        share = 1000 / calls
        return Costs(
            (self.asterisk - before.asterisk) * share,
            (self.callctl - before.callctl) * share,
            (self.postgres - before.postgres) * share,
        )


@dataclass(slots=True)
class Found:
    """What the rounds of one side came to."""

    sent: int = 0
    failed: int = 0
    costs: list[Costs] = field(default_factory=list)
    """ms a call, of each round."""
    delays: list[float] = field(default_factory=list)
    """Seconds, of all rounds."""
    p99s: list[float] = field(default_factory=list)
    """Seconds, of each round."""
    rss: float = 0
    """MB, the highest of the rounds."""
    least_heard: int | None = None

    def row(self) -> Row:
        return Row(
            sent=self.sent,
            failed=self.failed,
            asterisk=median(c.asterisk for c in self.costs),
            callctl=median(c.callctl for c in self.costs),
            postgres=median(c.postgres for c in self.costs),
            p50=percentile(self.delays, 50),
            p99=median(self.p99s) if self.p99s else float("nan"),
            rss=self.rss,
            least_heard=self.least_heard,
        )


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest-rank percentile; nan of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))] if ordered else float("nan")


def costs_now(house: House) -> Costs:
    node, daemon = house.node.pid, house.daemon.pid
    assert node is not None
    if daemon is None:
        return Costs(cpu.seconds(node), 0, 0)
    own = cpu.seconds(daemon)
    return Costs(cpu.seconds(node), own, cpu.tree_seconds(daemon) - own)


class Bench:
    def __init__(self, ground: Ground, args: argparse.Namespace, say: Say) -> None:
        self._ground = ground
        self._args = args
        self._say = say

    async def at(self, rate: float) -> dict[str, Found]:
        """All rounds at one rate."""
        found = {side: Found() for side in SIDES}
        for number in range(1, self._args.rounds + 1):
            for side in SIDES:
                self._say(f"{rate:g} calls/s, round {number} of {self._args.rounds}: {side}")
                await self._with(side, self._short(side, rate, found[side]))
        return found

    async def long(self) -> dict[str, Found]:
        found = {side: Found() for side in SIDES}
        for side in SIDES:
            self._say(f"{self._args.long_calls} calls of {self._args.long_seconds:g} s with audio: {side}")
            await self._with(side, self._long(side, found[side]))
        return found

    async def _with(self, side: str, work: Awaitable[None]) -> None:
        """With callctl running for its own side only: app_queue is not to pay for what callctl listens to."""
        daemon = self._ground.house.daemon
        try:
            if side == "callctl":
                await daemon.start()
                await self._ground.agents_reachable()
                await asyncio.sleep(SETTLE)
            await work
        finally:
            await daemon.stop()

    async def _short(self, side: str, rate: float, found: Found) -> None:
        args, ground = self._args, self._ground
        load = Load(ground.house.network, side)
        await load.prepare(args.talk, args.ring, audio=False)
        await load.send(rate, args.ring + args.talk + WARM)
        seconds = args.seconds / args.rounds
        before, began = costs_now(ground.house), time.monotonic()
        await load.send(rate, seconds)
        lasted = time.monotonic() - began
        costs = costs_now(ground.house).since(before, rate * lasted)
        delays = ground.delays()
        await delays.start()
        await load.send(rate, seconds * DELAYS_SHARE)
        await load.finish(args.ring + args.talk + GRACE)
        await delays.stop()
        found.costs.append(costs)
        self._note(found, load, [delay - args.ring for delay in delays.seconds()])
        tally = load.tally
        self._say(
            f"  {costs.asterisk:.2f} + {costs.callctl:.2f} ms a call (Postgres {costs.postgres:.2f}), p50/p99 "
            f"{1000 * percentile(found.delays, 50):.1f}/{1000 * found.p99s[-1]:.1f} ms, {tally.sent} sent, "
            f"{tally.failed} failed (refused {tally.refused}, ended {tally.callers}, talked {tally.talked}, "
            f"cut {tally.cut})"
        )

    async def _long(self, side: str, found: Found) -> None:
        args, ground = self._args, self._ground
        load, delays = Load(ground.house.network, side), ground.delays()
        await load.prepare(args.long_seconds, 0, audio=True)
        await delays.start()
        ramp = args.long_calls / RAMP
        await load.send(RAMP, ramp + WARM, args.long_calls)
        await delays.stop()
        before, began = costs_now(ground.house), time.monotonic()
        steady = args.long_seconds - ramp - 2 * WARM
        await load.send(1, steady, 0)
        # As much of each call as was seen, so that the share of a call is known
        calls = args.long_calls * (time.monotonic() - began) / args.long_seconds
        found.costs.append(costs_now(ground.house).since(before, calls))
        await load.finish(args.long_seconds + GRACE)
        self._note(found, load, delays.seconds())

    def _note(self, found: Found, load: Load, delays: list[float]) -> None:
        found.sent += load.tally.sent
        found.failed += load.tally.failed
        found.delays += delays
        found.p99s.append(percentile(delays, 99))
        found.least_heard = load.tally.least_heard
        if self._ground.house.daemon.pid is not None:
            found.rss = max(found.rss, cpu.peak_rss(self._ground.house.daemon.pid))


async def run(args: argparse.Namespace, say: Say) -> str:
    """The table, as markdown."""
    with tempfile.TemporaryDirectory(prefix="callctl-bench-", ignore_cleanup_errors=True) as folder:
        ground = Ground(ensure(), Path(folder), args.agents)
        try:
            say("Starting Asterisk, the telephone network and Postgres ...")
            await ground.start()
            bench = Bench(ground, args, say)
            parts = []
            for rate in args.rate:
                found = await bench.at(rate)
                rings = f"{args.ring:g} s of ringing, " if args.ring else ""
                what = f"{rate:g} calls/s, {rings}{args.talk:g} s of talk, {args.agents} agents"
                parts.append(speed_table(what, {side: one.row() for side, one in found.items()}))
            if args.long:
                rows = {side: one.row() for side, one in (await bench.long()).items()}
                parts.append(long_table(f"{args.long_calls} calls of {args.long_seconds:g} s with audio", rows))
        finally:
            say("Stopping everything ...")
            await ground.stop()
    return "\n".join(parts)
