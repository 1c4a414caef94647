"""Callers who come at a steady rate, walk the menu or go to a queue, wait, talk, and hang up; and agents who answer.

Each caller has another number, so that the books find a call wherever it is written.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from callctl.lab.ami import AmiError, Message
from callctl.lab.asterisk import AsteriskError
from callctl.lab.line import Line
from callctl.lab.network import Network
from callctl.lab.phones import Behaviour
from tests.faults.observer import Observer, key
from tests.faults.parts import MENU, SALES, SUPPORT

LOOK = 0.1
"""Seconds between a caller's looks at the phone."""
WAITS = 90.0
"""Seconds after which a caller no longer waits for an agent: a run in which that happens is not in order."""
FIRST_NUMBER, LAST_NUMBER = 1000, 9999


@dataclass(slots=True, eq=False)
class Caller:
    """One call, from outside. Times are of the monotonic clock, in seconds."""

    number: str
    did: str
    plan: str
    """talk, leave_queue or leave_menu."""
    ender: str
    """Who ends the talk: caller or agent."""
    patience: float
    talk: float
    began: float
    line: Line | None = None
    mate: Line | None = None
    """The agent's phone, once answered."""
    talked: bool = False
    """Asterisk has bridged the two."""
    hurry: str = ""
    """Who hangs up now, whatever the plan says: caller, agent or pbx (nothing comes from there any more)."""
    why: str = ""
    """What ended it, as far as the people know: caller, agent, pbx, impatient; empty: neither of them."""
    ended: float = 0.0
    cut: bool = False
    """Talked, and the agent's line ended without anybody's wish."""


@dataclass
class People:
    """`rate` callers a second. `seed` repeats who does what (not its exact times)."""

    network: Network
    observer: Observer
    seed: int
    rate: float
    alive: set[Caller] = field(default_factory=set)
    done: list[Caller] = field(default_factory=list)
    on_end: Callable[[Caller], object] = lambda _: None

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._arrived: dict[str, list[Line]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self.network.ami.listeners.append(self._heard)

    async def agents_ready(self) -> None:
        """Phones answer after 0.2 to 1 s, and talk until somebody hangs up."""
        for phone in self.network.phones.values():
            await phone.behave(Behaviour.answer(round(self._random.uniform(0.2, 1.0), 1)))

    async def come(self) -> None:
        """Until `stop`; then until the last one has hung up."""
        number = FIRST_NUMBER
        due = time.monotonic()
        while not self._stop.is_set() and number <= LAST_NUMBER:
            caller = self._caller(f"+44207946{number:04d}")
            number += 1
            task = asyncio.create_task(self._live(caller))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            due += 1 / self.rate
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - time.monotonic())):
                    await self._stop.wait()
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def stop(self) -> None:
        self._stop.set()

    @property
    def talking(self) -> list[Caller]:
        return [c for c in self.alive if c.talked]

    def node_died(self) -> None:
        """Everybody's call is gone, and everybody notices."""
        for caller in self.alive:
            caller.hurry = "pbx"

    def leave(self) -> list[Caller]:
        """A third of the callers hang up now, and a third of the agents who talk. Those who will."""
        leaving = []
        for caller in sorted(self.alive, key=lambda c: c.number):
            who = self._random.choice(("caller", "agent", ""))
            if who and not (who == "agent" and not caller.talked) and not caller.hurry:
                caller.hurry = who
                leaving.append(caller)
        return leaving

    # ── one call ─────────────────────────────────────────────────────────────────────────────

    def _caller(self, number: str) -> Caller:
        pick = self._random
        return Caller(
            number=number,
            did=pick.choices((MENU, SALES, SUPPORT), weights=(2, 1, 1))[0],
            plan=pick.choices(("talk", "leave_queue", "leave_menu"), weights=(16, 2, 1))[0],
            ender=pick.choices(("caller", "agent"), weights=(2, 1))[0],
            patience=pick.uniform(0.2, 2.0),
            talk=pick.uniform(1.5, 4.5),
            began=time.monotonic(),
        )

    async def _live(self, caller: Caller) -> None:
        self.alive.add(caller)
        try:
            caller.line = line = await self.network.call(caller.did, caller.number)
            await self._act(caller, line)
            await line.hangup()
        except AsteriskError as error:
            caller.why = f"the simulator: {error}"
        finally:
            caller.ended = time.monotonic()
            self.alive.discard(caller)
            self.done.append(caller)
            self.on_end(caller)
            self._clear(caller)

    async def _act(self, caller: Caller, line: Line) -> None:
        """Returns when the call is over, or the caller wants it to be."""
        press_at = time.monotonic() + 0.5
        leaves_at = 0.0
        ends_at = 0.0
        while not line.ended:
            now = time.monotonic()
            self._look(caller)
            if caller.hurry in ("caller", "pbx"):
                caller.why = caller.hurry
                return
            if caller.hurry == "agent" and caller.mate is not None:
                await self._agent_leaves(caller, line)
                return
            if line.talking and not leaves_at:
                leaves_at = now + caller.patience
            if now > caller.began + WAITS and not caller.talked:
                caller.why = "impatient"
                return
            if caller.plan != "talk" and leaves_at and now > leaves_at and not caller.talked:
                caller.why = "caller"
                return
            if caller.talked:
                ends_at = ends_at or now + caller.talk
                if caller.mate is None or now > ends_at:
                    break
            elif line.talking and caller.did == MENU and caller.plan != "leave_menu" and now > press_at:
                press_at = now + 4.0  # presses again, as people do, when nothing comes of it
                with suppress(AmiError):  # the call has just ended: seen at the next look
                    await line.press("1" if caller.number[-1] in "02468" else "2")
            await asyncio.sleep(LOOK)
        if line.ended or caller.mate is None:
            return
        if caller.ender == "caller":
            caller.why = "caller"
        else:
            await self._agent_leaves(caller, line)

    async def _agent_leaves(self, caller: Caller, line: Line) -> None:
        """The agent hangs up; the caller stays until told that it is over."""
        assert caller.mate is not None
        told_by = time.monotonic() + WAITS
        if caller.mate.ended:
            caller.cut = True
            return
        caller.why = "agent"
        await caller.mate.hangup()
        while not line.ended and caller.hurry not in ("caller", "pbx"):
            await asyncio.sleep(LOOK)
            if time.monotonic() > told_by:
                caller.why = "left alone"
                return

    def _look(self, caller: Caller) -> None:
        """Who of the agents is there for this caller?"""
        up = [line for line in self._arrived.get(key(caller.number), ()) if line.is_up]
        if caller.mate is not None and caller.mate.ended and up:
            caller.mate = up[-1]  # of several who were rung, and answered in one moment, another one has the call
        if caller.talked and caller.mate is not None and caller.mate.ended and not (caller.why or caller.hurry):
            caller.cut = True
        if up and self.observer.talks(caller.number):
            caller.mate = caller.mate if caller.mate in up else up[-1]
            caller.talked = True

    def _heard(self, event: Message) -> None:
        """A call comes to an agent's phone: by the number it shows it is known whose."""
        if event.get("UserEvent") == "SimArrived" and event.get("Phone"):
            line = self.network.line(event["Uniqueid"])
            self._arrived.setdefault(key(event.get("Number", "")), []).append(line)

    def _clear(self, caller: Caller) -> None:
        """What was heard is not needed here, and would fill the disk."""
        lines = self._arrived.get(key(caller.number), [])
        folder = self.network.asterisk.spool / "monitor"
        for line in (*lines, *([caller.line] if caller.line else [])):
            for file in folder.glob(f"heard-{line.id}-*.wav"):
                file.unlink(missing_ok=True)

    def phones_of(self, caller: Caller) -> list[Line]:
        """The agents' lines of a caller that have not ended."""
        return [line for line in self._arrived.get(key(caller.number), ()) if not line.ended]

    async def hang_up_phones(self) -> None:
        """When Asterisk has died: agents whose line is dead hang up."""
        ringing = [line for lines in self._arrived.values() for line in lines if not line.ended]
        for line in ringing:
            await line.hangup()
