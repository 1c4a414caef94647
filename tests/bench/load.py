"""Callers at an even pace, and what became of them, as the telephone network saw it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass

from callctl.lab.ami import Message
from callctl.lab.asterisk import AsteriskError
from callctl.lab.network import Network
from tests.bench.ground import DIDS, OVER

LET_RING = 60
"""Seconds that a caller waits for an answer."""
_numbers = itertools.count()


@dataclass(slots=True)
class Tally:
    """A call has succeeded when its caller was answered, an agent talked to the end, and the caller heard the end."""

    sent: int = 0
    refused: int = 0
    """Not even dialled."""
    callers: int = 0
    """Answered, and ended from the other end."""
    talked: int = 0
    """Agents who talked to the end."""
    cut: int = 0
    """Agents who did not."""
    least_heard: int | None = None
    """RTP packets that the caller or agent who heard least has received."""

    @property
    def failed(self) -> int:
        return self.sent - min(self.callers, self.talked)


class Load:
    """One side's callers. A phone rings `ring` seconds, its agent talks `talk`; both send a tone if `audio`."""

    def __init__(self, network: Network, side: str) -> None:
        self.tally = Tally()
        self._network = network
        self._side = side
        self._dialling: set[asyncio.Task[None]] = set()

    async def prepare(self, talk: float, ring: float, audio: bool) -> None:
        await self._network.set_global("BENCH_TALK", f"{talk:g}")
        await self._network.set_global("BENCH_RING", f"{ring:g}")
        await self._network.set_global("BENCH_TONE", "440" if audio else "")
        self._network.ami.listeners.append(self._on_event)

    async def send(self, rate: float, seconds: float, most: int | None = None) -> None:
        """`rate` callers a second, evenly, for so long; `most` in all."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for count in range(round(rate * seconds) if most is None else most):
            await asyncio.sleep(begin + count / rate - loop.time())
            task = asyncio.create_task(self._call())
            self._dialling.add(task)
            task.add_done_callback(self._dialling.discard)
        await asyncio.sleep(begin + seconds - loop.time())

    async def _call(self) -> None:
        self.tally.sent += 1
        number = next(_numbers)
        query = {
            "endpoint": f"PJSIP/{DIDS[self._side]}@{OVER[self._side]}", "context": "bench-caller", "extension": "s",
            "priority": "1", "timeout": str(LET_RING), "callerId": f"<+4420794{number % 100_000:05d}>",
        }  # fmt: skip
        try:
            await self._network.request("POST", "channels", query)
        except (AsteriskError, OSError):
            self.tally.refused += 1

    def _on_event(self, event: Message) -> None:
        tally = self.tally
        match event.get("UserEvent"):
            case "BenchCaller":
                tally.callers += 1
            case "BenchAgent" if int(event["Full"]):
                tally.talked += 1
            case "BenchAgent":
                tally.cut += 1
            case _:
                return
        heard = int(event["Heard"])
        tally.least_heard = heard if tally.least_heard is None else min(heard, tally.least_heard)

    async def finish(self, seconds: float) -> None:
        """Wait until every caller's call is over, `seconds` at most; what is not over then has failed."""
        with contextlib.suppress(AsteriskError):
            await self._network.until(lambda: self.tally.failed <= self.tally.refused, "the last call", seconds)
        self._network.ami.listeners.remove(self._on_event)
