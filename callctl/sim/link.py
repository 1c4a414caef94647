"""The link to the virtual PBX, in the order of `asterisk/link.py`: connect, buffer, lists, barrier, buffer, `Synced`;
and what may happen on such a way. Fulfils `ports.Pbx`.

Four streams with no order between them: commands, ARI's events, the answers to commands, and what AMI says of phones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from random import Random

from callctl.core.commands import Bridge, Command, Dial, HandOver, Hold, Play, RingPhone, StopPlay
from callctl.core.events import (
    BridgeFailed,
    DigitPressed,
    Event,
    LegGone,
    LegLeft,
    LinkLost,
    LinkRestored,
    PhoneBusy,
    PhoneContacts,
    PlaybackEnded,
    Snapshot,
    Synced,
)
from callctl.core.ids import LegId
from callctl.runtime.ports import Inbox
from callctl.runtime.window import Window, seen_in
from callctl.sim.office import NODE
from callctl.sim.switch import Switch
from callctl.sim.wire import Wire

SECOND_LOOK = 0.2
RETRY = 0.5
HEARD_MOST = 10_000
"""Legs that have said something: more are forgotten, and are then as if unheard."""
FREEZE = 3.0
"""Seconds that the barrier may take."""
AUDITABLE = 6.0
"""Seconds after which an audit judges a leg: those younger than 5 s it does not."""
NOT_MADE = 41
"""Q.850: what is said of a call to somebody on a list that could not be made."""
HUNG_UP = 0.25
"""Seconds after a failed prompt in which its leg's end would have come."""


class BrokenError(Exception):
    """The connection is gone."""


@dataclass
class Troubles:
    """What is to go wrong on the way, set by the run."""

    fail_early: int = 0
    """So many commands fail before they have an effect."""
    fail_late: int = 0
    """So many have their effect, and their answer says that they failed."""
    double_now: int = 0
    double_late: int = 0


@dataclass(eq=False)
class _Barrier:
    """Our own event: what was said before it has been read when it comes."""

    come: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class _Connection:
    """What the PBX says to one connection. Once it is cut that is lost, though the PBX may not have noticed yet."""

    def __init__(self, link: VirtualLink) -> None:
        self.cut = False
        self._link = link

    def __call__(self, event: Event) -> None:
        if not self.cut:
            self._link.heard(event)


class VirtualLink:
    def __init__(self, switch: Switch, inbox: Inbox, rng: Random, slowness: float, audit_every: float) -> None:
        loop = asyncio.get_running_loop()
        self.live = False
        self.live_since = 0.0
        self.troubled = 0.0
        """When a command failed last."""
        self.troubles = Troubles()
        self._lost = 0
        self._made_good = -1
        """Of what was lost so far: what the last snapshot that was held against the World has found."""
        self._switch = switch
        self._inbox = inbox
        self._rng = rng
        self._slowness = slowness
        self._audit_every = audit_every
        self._loop = loop
        self._window = Window(loop.time)
        self._buffer: list[Event] | None = None
        self._connection = _Connection(self)
        self._broken: asyncio.Future[None] | None = None
        self._audit_now = asyncio.Event()
        self._awake = asyncio.Event()
        self._awake.set()
        self._heard: set[LegId] = set()
        self._doubted = 0
        """Prompts that failed, and may have been cut off by a hang-up."""
        self._commands: Wire[Command] = Wire(self._quick, self._arrives)
        self._events: Wire[Event | _Barrier] = Wire(self._quick, self._take)
        self._answers: Wire[Event] = Wire(self._quick, self._take)
        self._phones: Wire[Event] = Wire(self._slow, self._take_phone)

    def _quick(self) -> float:
        return self._slowness * self._rng.choice((0.0005, 0.001, 0.002, 0.005, 0.02))

    def _slow(self) -> float:
        return self._rng.choice((0.001, 0.005, 0.05, 0.3))

    # ── life ─────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Connect, and keep connected."""
        while True:
            await asyncio.sleep(self._quick())
            await self._awake.wait()
            if not (self._switch.reachable and self._switch.up):
                await asyncio.sleep(RETRY)
                continue
            self._broken = self._loop.create_future()
            try:
                self._open()
                await self._sync(recovering=True)
                self._switch.report_phones()
                await self._stay()
            except BrokenError:
                pass
            self.live = False
            self._empty_buffer()
            self._window.shut()
            self._inbox.put(LinkLost(NODE))

    def _open(self) -> None:
        self._buffer = []
        self._window.reopen()
        self._connection = _Connection(self)
        self._switch.connect(self._connection)
        self._inbox.put(LinkRestored(NODE, self._switch.model.booted))

    async def _sync(self, recovering: bool) -> None:
        lost = self._lost  # what is lost from now on is lost behind the lists
        seen = await self._look()
        barrier = _Barrier()
        await self._pause()
        self._events.put(barrier)
        await self._unless_broken(barrier.come, FREEZE)
        if recovering:
            self._hush(seen)
        self._empty_buffer()
        self.live_since = self.live_since if self.live else self._loop.time()
        self.live = True
        self._inbox.put(Synced(NODE, seen, *self._window.close()))
        self._made_good = lost

    def _empty_buffer(self) -> None:
        for event in self._buffer or ():
            self._inbox.put(event)
        self._buffer = None

    def _hush(self, seen: Snapshot) -> None:
        """What plays since an earlier connection: nothing else can be done to a leg before it is over."""
        for leg in seen.legs:
            for playback in self._switch.model.playing(leg.leg):
                self._commands.put(StopPlay(NODE, playback))

    async def _stay(self) -> None:
        while True:
            self._audit_now.clear()
            await self._unless_broken(self._audit_now.wait(), self._audit_every, late_is_broken=False)
            self._window.open()
            await self._sync(recovering=False)

    async def _look(self) -> Snapshot:
        first = await self._lists()
        await self._pause(SECOND_LOOK)
        return seen_in(first, await self._lists())

    async def _lists(self) -> Snapshot:
        """Channels and bridges, each read at a moment of its own."""
        bridges = self._switch.bridges() if self._rng.random() < 0.5 else None
        await self._pause()
        legs = self._switch.legs(lambda leg: leg not in self._heard, lambda: self._rng.random() < 0.5)
        await self._pause()
        return Snapshot(tuple(legs), self._switch.bridges() if bridges is None else bridges)

    async def _pause(self, seconds: float = 0.0) -> None:
        await self._unless_broken(asyncio.sleep(seconds + self._quick()), seconds + 1.0)
        await self._awake.wait()

    async def _unless_broken(self, waited: Awaitable[object], seconds: float, late_is_broken: bool = True) -> None:
        assert self._broken is not None
        awaited = asyncio.ensure_future(waited)
        try:
            done, _ = await asyncio.wait((awaited, self._broken), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            awaited.cancel()
        if self._broken in done or (late_is_broken and not done):
            raise BrokenError

    def audit(self) -> None:
        """The periodic audit, now."""
        self._audit_now.set()

    def break_(self, much: float) -> _Connection:
        """The connection ends; of each stream the first part of what is under way still arrives. Which one it was:
        the PBX may not have noticed yet."""
        self.lose()
        self._connection.cut = True
        for wire in (self._commands, self._events, self._answers, self._phones):
            wire.cut(round(len(wire) * much))
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(None)
        return self._connection

    def stall(self) -> None:
        for wire in (self._commands, self._events, self._answers, self._phones):
            wire.stall()

    def freeze(self) -> None:
        """The process stands still: what comes waits."""
        self._awake.clear()
        for wire in (self._events, self._answers, self._phones):
            wire.stall()

    def thaw(self) -> None:
        """The process goes on, with all that has come meanwhile."""
        self._awake.set()
        self.flow()

    def flow(self) -> None:
        """What was held up on the way arrives, unless nobody is awake."""
        self._commands.flow()
        if self._awake.is_set():
            for wire in (self._events, self._answers, self._phones):
                wire.flow()

    def lose(self) -> None:
        """Something was lost on the way: the next snapshot will tell."""
        self._lost += 1

    @property
    def faithful(self) -> bool:
        """Nothing was lost on the way since the last snapshot was held against the World."""
        return self._made_good == self._lost

    @property
    def has_the_app(self) -> bool:
        """What the PBX says comes to this connection."""
        return self._switch.listener is self._connection

    @property
    def quiet(self) -> bool:
        """Nothing is under way."""
        return not (self._commands or self._events or self._answers or self._phones or self._doubted)

    # ── events in ────────────────────────────────────────────────────────────────────────────

    def heard(self, event: Event) -> None:
        """The PBX has said something to the connection."""
        match event:
            case PhoneContacts() | PhoneBusy():
                self._phones.put(event)
            case BridgeFailed() | PlaybackEnded(failed=True):
                self._answers.put(event)
            case _:
                self._events.put(event)

    def _take(self, event: Event | _Barrier) -> None:
        if isinstance(event, _Barrier):
            if not event.come.done():
                event.come.set_result(None)
            return
        if isinstance(event, LegGone) and event.cause == NOT_MADE and event.leg in self._heard:
            return  # nobody is told that it was not made who has heard it ring
        if isinstance(event, PlaybackEnded) and event.failed:
            self._doubted += 1
            self._loop.call_later(HUNG_UP, self._tell_failed, event)
            return
        self._deliver(event)
        if not isinstance(event, DigitPressed | BridgeFailed):
            self._double(event)

    def _double(self, event: Event) -> None:
        if self.troubles.double_now:
            self.troubles.double_now -= 1
            self._deliver(event)
        elif self.troubles.double_late and isinstance(event, LegGone | LegLeft | PlaybackEnded):
            self.troubles.double_late -= 1
            self._loop.call_later(self._rng.uniform(0.01, 10), self._deliver, event)

    def _deliver(self, event: Event) -> None:
        leg: LegId | None = getattr(event, "leg", None)
        if leg is not None:
            if len(self._heard) >= HEARD_MOST:
                self._heard.clear()
            self._heard.add(leg)
        self._window.heard(event)
        self._put(event)

    def _tell_failed(self, event: PlaybackEnded) -> None:
        self._doubted -= 1
        if not self._window.is_away(event.leg):
            self._put(event)

    def _take_phone(self, event: Event) -> None:
        self._inbox.put(event)

    def _put(self, event: Event) -> None:
        if self._buffer is None:
            self._inbox.put(event)
        else:
            self._buffer.append(event)

    # ── commands out ─────────────────────────────────────────────────────────────────────────

    def send(self, command: Command) -> None:
        """Carry it out, in order. While the link is down it is dropped: `owed` sends it again."""
        if not self.live:
            return
        match command:
            case RingPhone(leg=leg) | Dial(leg=leg):
                self._window.making(leg)
            case Hold(leg=leg) | HandOver(leg=leg):
                self._hushed(leg)
            case Bridge(caller=caller, agent=agent):
                self._hushed(caller)
                self._hushed(agent)
        self._commands.put(command)

    def _hushed(self, leg: LegId) -> None:
        """A bridge would wait for the prompts to end."""
        for playback in self._switch.model.playing(leg):
            self._commands.put(StopPlay(NODE, playback))

    def _arrives(self, command: Command) -> None:
        failure, troubles = _failure(command), self.troubles
        fails_early = failure is not None and troubles.fail_early > 0
        fails_late = not fails_early and troubles.fail_late > 0 and isinstance(command, RingPhone | Dial | Bridge)
        if not fails_early:
            self._switch.carry(command)
        elif isinstance(command, Bridge):
            self._switch.deny(command.bridge)  # an audit has the two joined again, and they had been: it is believed
        if fails_late:
            troubles.fail_late -= 1
            self._denied(command)
        elif fails_early:
            troubles.fail_early -= 1
        if failure is not None and (fails_early or fails_late):
            self.troubled = self._loop.time()
            self._answers.put(failure)
        if isinstance(command, RingPhone | Dial):
            self._window.made(command.leg)

    def _denied(self, command: Command) -> None:
        """It had its effect, and callctl is told that it failed."""
        if isinstance(command, Bridge):
            self._switch.deny(command.bridge)
        elif isinstance(command, RingPhone | Dial):
            self.lose()  # it is ended when it says that it rings, or by an audit
            self._loop.call_later(AUDITABLE, self.audit)


def _failure(command: Command) -> Event | None:
    """What the core is told when the command fails."""
    match command:
        case RingPhone(node, leg):
            return LegGone(node, leg)
        case Dial(node, leg):
            return LegGone(node, leg, NOT_MADE)
        case Bridge(node, call, _, agent, attempt):
            return BridgeFailed(node, call, agent, "500 Internal Server Error", attempt)
        case Play(node, leg, playback):
            return PlaybackEnded(node, leg, playback, failed=True)
        case _:
            return None
