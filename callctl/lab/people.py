"""The people of the demo: callers who press digits, wait, talk and hang up, and agents who answer."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from callctl.lab.asterisk import AsteriskError
from callctl.lab.line import Line
from callctl.lab.network import Network
from callctl.lab.phones import Behaviour

NUMBERS = ("+442079460000", "+442079460000", "+442079460000", "+442079460001", "+442079460002")
"""The main menu most often; straight to sales; straight to support."""
CALLER_TONE, AGENT_TONE = 440.0, 620.0
"""What callers and agents send, in Hz: real audio, told apart by its pitch."""


@dataclass(slots=True)
class Tally:
    """What the callers themselves saw, to hold against what callctl says."""

    called: int = 0
    failed: list[str] = field(default_factory=list)
    """Calls that did not come to be, or ended by themselves before the caller wanted it."""
    plans: Counter[str] = field(default_factory=Counter)


class People:
    """Callers who come at random, and agents who answer. `seed` repeats who does what (not its exact times)."""

    def __init__(self, network: Network, *, seed: int, pause: float) -> None:
        self.tally = Tally()
        self._network = network
        self._random = random.Random(seed)
        self._pause = pause
        """Mean seconds between two callers."""
        self._callers: set[asyncio.Task[None]] = set()

    async def agents_ready(self) -> None:
        """Tell the phones how to answer: after one to three seconds, talking until the caller goes."""
        for phone in self._network.phones.values():
            await phone.behave(Behaviour.answer(self._random.uniform(1.0, 3.0)), AGENT_TONE)

    async def come(self, stop: asyncio.Event) -> None:
        """Callers, one after the other, until told to stop; then until the last one has hung up."""
        while not stop.is_set():
            task = asyncio.create_task(self._caller())
            self._callers.add(task)
            task.add_done_callback(self._callers.discard)
            pause = min(self._random.expovariate(1 / self._pause), 4 * self._pause)
            await _wait(stop, pause)
        while self._callers:
            await asyncio.wait(set(self._callers))

    async def _caller(self) -> None:
        did = self._random.choice(NUMBERS)
        number = f"+4420794609{self._random.randrange(100):02d}"
        plan = self._random.choices(("talk", "leave_queue", "leave_menu"), weights=(10, 1, 1))[0]
        digits = self._random.choice(("1", "1", "2", "x1", "7"))
        talk, patience = self._random.uniform(4, 10), self._random.uniform(0.2, 1.0)
        self.tally.plans[plan] += 1
        try:
            line = await self._network.call(did, number, tone_hz=CALLER_TONE)
            self.tally.called += 1
            await line.wait_answered(15)
            in_menu = did == NUMBERS[0]
            if in_menu:
                await self._choose(line, "" if plan == "leave_menu" else digits)
            await self._stay(line, plan, patience if plan != "talk" else talk)
        except AsteriskError as error:
            self.tally.failed.append(f"{number[-4:]} to {did[-4:]}: {error}")

    async def _choose(self, line: Line, digits: str) -> None:
        """Press what the plan says, the prompt still playing; an x is a pause, 7 a mistake that is mended."""
        await asyncio.sleep(self._random.uniform(0.5, 1.5))
        for digit in digits.replace("7", "7x2"):
            if digit == "x":
                await asyncio.sleep(1.0)
            else:
                await line.press(digit)

    async def _stay(self, line: Line, plan: str, seconds: float) -> None:
        """Talk, or lose patience; then hang up. A line that ends before is a failed call."""
        if plan == "talk":
            await line.wait_heard(lambda audio: audio.has_tone(AGENT_TONE), "the agent", timeout=120)
        await asyncio.sleep(seconds)
        if line.ended:
            self.tally.failed.append(f"cut off before the caller hung up (cause {line.cause})")
        await line.hangup()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
