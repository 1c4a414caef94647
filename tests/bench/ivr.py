"""From a key to the next prompt, in audio: a flow of five nodes, and the same in plain dialplan.

Each call is greeted, comes past the opening hours to a menu, presses its key, gives four digits, is thanked and hung up
on. Every node that plays does so with a tone of 0.2 s and another of 0.6 s; keys are pressed from the second on, or
soon after it. The delay is from the packet that says that the last key is released, which is when Asterisk takes it for
pressed, to the first packet of the next node's first tone.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from callctl.lab.audio import tone, write_wav
from callctl.lab.house import House
from callctl.lab.install import Installation, ensure
from callctl.lab.node import REPOSITORY
from callctl.lab.ports import HOST, free_udp_range
from tests.bench import cpu
from tests.bench.ground import SHIPPED, callers, conf
from tests.bench.speed import Costs, costs_now, percentile
from tests.bench.walkers import TONES, Line, Step, Walker

Say = Callable[[str], None]

SIDES = ("dialplan", "callctl")
DIDS = {"dialplan": "+442079469001", "callctl": "+442079469002"}
KEYS = ("", "1", "4711", "")
"""What is pressed at each node that plays."""
MENU, DIGITS = 1, 2
"""Which of them those are, from 0."""
LASTS = (0.2, 0.6)
"""Seconds of each node's two tones."""
RTP_PORTS = 1_500
"""Two a call: more calls at once than 40/s that are all given up."""
WARM = 6.0
"""Seconds before anything is measured: so many calls begin as end."""
SETTLE = 3.0
"""Seconds after callctl's start."""
FLOW = """
numbers:
  "DID": {flow: orders}
calendars:
  always: {zone: Europe/London, week: {mon-sun: ["00:00-24:00"]}}
flows:
  orders:
    values: {order: digits}
    nodes:
      hello: {play: [1a, 1b], then: hours}
      hours: {hours: always, open: menu, closed: thanks}
      menu:
        menu: [2a, 2b]
        options: {1: number}
        give_up: {hang_up: normal}
      number:
        gather: [3a, 3b]
        into: order
        digits: 4
        pattern: ZXXX
        then: thanks
        give_up: {hang_up: normal}
      thanks: {play: [4a, 4b], then: {hang_up: normal}}
"""
_numbers = itertools.count()


def way(sounds: Path) -> str:
    """The flow, in YAML."""
    return re.sub(r"\b([1-4][ab])\b", rf"sound:{sounds}/\1", FLOW.replace("DID", DIDS["callctl"]))


@dataclass(slots=True)
class Found:
    """What the rounds of one side came to."""

    sent: int = 0
    why: Counter[str] = field(default_factory=Counter)
    """Why calls failed."""
    steps: list[Step] = field(default_factory=list)
    costs: list[Costs] = field(default_factory=list)
    """ms a call, of each round."""
    own: float = 0.0
    """Of a processor, what the callers took in the last round."""

    @property
    def failed(self) -> int:
        return self.why.total()


class Ground:
    """The node with the tones, callctl, and a line of each side's. `folder` must be empty."""

    def __init__(self, installation: Installation, folder: Path, lines: dict[str, Line]) -> None:
        self.lines = lines
        config = folder / "config"
        config.mkdir(parents=True)
        for name in SHIPPED:
            shutil.copy(REPOSITORY / "config" / name, config / name)
        (config / "bench.yaml").write_text(
            "country: GB\nphones: {desk: {kind: existing}}\nemergency: {numbers: ['112']}\n", encoding="utf-8"
        )
        self.house = House(installation, folder, changes(lines["callctl"].port), config=config, phones=())
        node = self.house.node
        (config / "way.yaml").write_text(way(node.inside / "tones"), encoding="utf-8")
        self._write_tones(node.folder / "tones")
        dialplan = conf("node-ivr.conf").replace("SOUNDS", str(node.inside / "tones"))
        bench = callers(lines["dialplan"].port, "bench-ivr")
        added = {"extensions.conf": dialplan, "pjsip.conf": bench, "modules.conf": "load = app_read.so"}
        for path, text in added.items():
            with (node.etc / path).open("a", encoding="utf-8") as file:
                file.write(f"\n{text}\n")
        first = free_udp_range(RTP_PORTS)
        node.override("rtp.conf", "general", "rtpstart", str(first))
        node.override("rtp.conf", "general", "rtpend", str(first + RTP_PORTS - 1))

    def _write_tones(self, folder: Path) -> None:
        folder.mkdir()
        for at, hz in enumerate(TONES[: 2 * len(KEYS)]):
            write_wav(folder / f"{at // 2 + 1}{'ab'[at % 2]}.wav", tone(hz, LASTS[at % 2], 0.3))

    async def start(self) -> None:
        await self.house.node.start()
        cpu.as_urgent(os.getpid())
        cpu.as_urgent(self.house.node.pid)
        await self.house.start_daemon()
        await self.house.daemon.stop()


def changes(port: int) -> dict[str, Any]:
    """callctl's callers are behind the port; no limit of the trunk, and the log as it is in production."""
    carrier = {"host": HOST, "port": port, "match": [f"{HOST}:{port}"], "max_channels": 0, "keep_free": 0}
    return {"trunks": {"carrier": carrier}, "log": {"level": "info"}}


class Load:
    """One side's callers at an even pace."""

    def __init__(self, ground: Ground, side: str) -> None:
        self._line = ground.lines[side]
        self._side = side
        self._sip = ground.house.node.ports.sip
        self.walkers: list[Walker] = []
        self._walking: set[asyncio.Task[None]] = set()

    async def send(self, rate: float, seconds: float) -> None:
        """`rate` callers a second, evenly, for so long."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for count in range(round(rate * seconds)):
            await asyncio.sleep(begin + count / rate - loop.time())
            number = next(_numbers)
            walker = Walker(KEYS, random.Random(number))
            self.walkers.append(walker)
            caller = f"+4420794{number % 100_000:05d}"
            task = asyncio.create_task(self._line.walk(DIDS[self._side], caller, self._sip, walker))
            self._walking.add(task)
            task.add_done_callback(self._walking.discard)
        await asyncio.sleep(begin + seconds - loop.time())

    async def finish(self) -> None:
        """Wait until every call is over: each gives up at some time."""
        await asyncio.gather(*self._walking)


async def _round(ground: Ground, side: str, rate: float, seconds: float, found: Found) -> None:
    daemon = ground.house.daemon
    try:
        if side == "callctl":
            await daemon.start()
            cpu.as_urgent(daemon.pid)
            await asyncio.sleep(SETTLE)
        load = Load(ground, side)
        await load.send(rate, WARM)
        ground.lines[side].late = 0.0
        own = time.process_time()
        before = costs_now(ground.house)
        await load.send(rate, seconds)
        found.costs.append(costs_now(ground.house).since(before, rate * seconds))
        found.own = (time.process_time() - own) / seconds
        await load.finish()
    finally:
        await daemon.stop()
    found.sent += len(load.walkers)
    found.why.update(it.why for it in load.walkers if not it.walked)
    found.steps += [step for walker in load.walkers for step in walker.steps]


def table(rate: float, found: dict[str, Found]) -> str:
    """The sides beside each other."""
    all_ = [found[side] for side in SIDES]

    def ms(delays: Callable[[Step], float], which: Callable[[Step], bool], share: float) -> list[str]:
        return [f"{1000 * percentile(map(delays, filter(which, it.steps)), share):.1f}" for it in all_]

    def after(it: Step) -> float:
        return it.heard - it.released

    def whole(it: Step) -> float:
        return it.heard - it.pressed

    def cost(part: str) -> list[str]:
        return [f"{median(getattr(c, part) for c in it.costs):.1f}" for it in all_]

    def any_(_: Step) -> bool:
        return True

    def at_menu(*, during: bool) -> Callable[[Step], bool]:
        return lambda it: it.node == MENU and it.during == during

    def digits(it: Step) -> bool:
        return it.node == DIGITS

    rows = [
        ("calls", [str(it.sent) for it in all_]),
        ("failed", [str(it.failed) for it in all_]),
        ("last keys with a next prompt", [str(len(it.steps)) for it in all_]),
        ("last key released to next prompt, p50 ms", ms(after, any_, 50)),
        ("**last key released to next prompt, p99 ms**", ms(after, any_, 99)),
        ("last key released to next prompt, most ms", ms(after, any_, 100)),
        ("… the menu's, while a prompt plays, p50 ms", ms(after, at_menu(during=True), 50)),
        ("… the menu's, while a prompt plays, p99 ms", ms(after, at_menu(during=True), 99)),
        ("… the menu's, in silence, p50 ms", ms(after, at_menu(during=False), 50)),
        ("… the menu's, in silence, p99 ms", ms(after, at_menu(during=False), 99)),
        ("… the last of four digits, p50 ms", ms(after, digits, 50)),
        ("… the last of four digits, p99 ms", ms(after, digits, 99)),
        ("its first packet to next prompt (held 100 ms), p50 ms", ms(whole, any_, 50)),
        ("its first packet to next prompt (held 100 ms), p99 ms", ms(whole, any_, 99)),
        ("CPU of Asterisk, ms a call", cost("asterisk")),
        ("CPU of callctl, ms a call", cost("callctl")),
        ("CPU of Postgres, ms a call", cost("postgres")),
    ]
    head = [f"| {rate:g} calls/s, a flow of 5 nodes | " + " | ".join(SIDES) + " |", "|---|" + "---:|" * len(SIDES)]
    return "\n".join([*head, *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows)]) + "\n"


def _tell(say: Say, found: Found, late: float) -> None:
    """Why calls failed so far, and whether the callers kept up."""
    say(
        f"  failed: {dict(found.why)}; the callers took {100 * found.own:.0f} % CPU, {1000 * late:.0f} ms late at worst"
    )


async def run(args: argparse.Namespace, say: Say) -> str:
    """The tables, as markdown."""
    lines = {side: await Line.open() for side in SIDES}
    with tempfile.TemporaryDirectory(prefix="callctl-bench-", ignore_cleanup_errors=True) as folder:
        ground = Ground(ensure(), Path(folder), lines)
        parts = []
        try:
            say("Starting Asterisk and Postgres ...")
            await ground.start()
            for rate in args.rate:
                found = {side: Found() for side in SIDES}
                for number, side in itertools.product(range(1, args.rounds + 1), SIDES):
                    say(f"{rate:g} calls/s, round {number} of {args.rounds}: {side}")
                    await _round(ground, side, rate, args.seconds / args.rounds, found[side])
                    _tell(say, found[side], lines[side].late)
                parts.append(table(rate, found))
        finally:
            say("Stopping everything ...")
            for line in lines.values():
                line.close()
            await ground.house.stop()
    return "\n".join(parts)
