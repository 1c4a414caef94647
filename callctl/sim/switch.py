"""The virtual PBX in time: its dialplan, its leases, and what people do to it. What it keeps is `pbx.ModelPbx`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from callctl.core.commands import Beat, Bridge, Command, Dial, DropBridge, HandOver, Hangup, Lease, Play, RingPhone
from callctl.core.events import Event, Heard, LegSeen, LegState
from callctl.core.ids import SECOND, BridgeId, LegId, Micros, PhoneId, PlaybackId, is_ours
from callctl.core.policy import Drop
from callctl.sim.pbx import Channel, ModelPbx

BELIEVED = 10.0
"""Seconds for which the dialplan believes a heartbeat."""
FIRST_LEASE = 15.0
TRIES, TRY_EVERY = 10, 0.5
"""How often the dialplan tries a Stasis() that failed, and every how many seconds."""
CUSTOMER_TRIES = 2
"""How often for somebody who was called, and has answered."""
PROMPT = 3.0
"""Seconds that every prompt takes; a tone goes on until it is stopped."""
MESSAGE = 5.0
"""Seconds for the beep of an answering machine, and the message."""
GHOST = 0.05
"""Seconds for which lists may still hold what is gone, or lack what is new."""

Listener = Callable[[Event], None]


class People(Protocol):
    """Who is told what they see and hear."""

    def rung(self, channel: Channel, timeout: float) -> None: ...

    def bridged(self, caller: Channel, agent: Channel) -> None: ...

    def left_alone(self, channel: Channel) -> None:
        """The dialplan has it: the fallback, or the safe harbour."""
        ...

    def called(self, channel: Channel, command: Dial) -> None:
        """Somebody on a list is called."""
        ...

    def entered(self, channel: Channel, heard: Heard) -> None:
        """Who was called has answered, and is in callctl's hands."""
        ...

    def hears(self, channel: Channel) -> None:
        """Prompts begin."""
        ...

    def hung_up(self, channel: Channel) -> None:
        """By callctl."""
        ...


class Switch:
    """`wrong` is told what no caller may live through."""

    def __init__(self, people: People, wrong: Callable[[str], None]) -> None:
        self.model = ModelPbx(link=False)
        self.up = True
        self.reachable = True
        """Whether the network lets callctl through to it."""
        self.listener: Listener | None = None
        """The connection that has the application; None: it is inactive, and what is said is lost."""
        self.entered: set[LegId] = set()
        """Callers who came into the application."""
        self.fell_back: set[LegId] = set()
        self.hung_up: set[LegId] = set()
        """Callers whom callctl hung up."""
        self.lost: set[LegId] = set()
        """Callers whom a death of the PBX took out of the application."""
        self.watch: Callable[[Command], None] = lambda command: None
        """Told each command that arrives."""
        self._people = people
        self._wrong = wrong
        self._loop = asyncio.get_running_loop()
        self._alive_until = 0.0
        self._leases: dict[LegId, asyncio.TimerHandle] = {}
        self._ended: list[tuple[float, LegSeen]] = []
        self._made: dict[LegId, float] = {}
        self._failed_bridges: set[BridgeId] = set()
        """Of which callctl was told that they failed though they did not."""

    # ── the application ──────────────────────────────────────────────────────────────────────

    def connect(self, listener: Listener | None) -> None:
        """A connection takes the application over."""
        self.listener = listener
        self.model.link = True

    def disconnect(self, listener: Listener | None) -> None:
        """The PBX notices that this connection is gone."""
        if self.listener is listener:
            self.listener = None
            self.model.link = False

    def flush(self) -> None:
        """Say what there is to say."""
        news, self.model.news = self.model.news, []
        for event in news:
            if self.listener is not None:
                self.listener(event)

    def carry(self, command: Command) -> None:
        """A command arrives."""
        if not self.up:
            return
        self.watch(command)
        match command:
            case Beat():
                self._alive_until = self._loop.time() + BELIEVED
                return
            case Lease(leg=leg) if leg in self.model.channels and self.model.channels[leg].left:
                return  # it left while the command was under way: `turn.wish` sends none later
            case HandOver(leg=leg) if leg in self.model.channels and self.model.channels[leg].in_app:
                self._arm(leg, command.longest)
                if isinstance(command.to, Drop):
                    self._loop.call_later(MESSAGE, self._leave_message, self.model.channels[leg])
                self.leave(self.model.channels[leg])
                return
            case Hangup(leg=leg) if leg in self.model.channels:
                self._may_not_part(self.model.channels[leg].bridge, f"{leg} was hung up")
                self.hung_up.update({leg} & self.entered)
                self._people.hung_up(self.model.channels[leg])
                self.end(self.model.channels[leg], 16)
                return
            case DropBridge(bridge=bridge):
                self._may_not_part(bridge, "their bridge was destroyed")
        self.model.carry(command)
        self._follow(command)
        self.flush()

    def _follow(self, command: Command) -> None:
        channels = self.model.channels
        match command:
            case Lease(leg=leg, length=length) if leg in channels:
                self._arm(leg, length)
            case Play(leg=leg, playback=playback) if leg in channels:
                if playback not in self.model.tones:
                    self._loop.call_later(PROMPT, self._heard, leg, playback)
                if channels[leg].playing == playback:
                    self._people.hears(channels[leg])
            case RingPhone(leg=leg, timeout=timeout) if leg in channels:
                self._made[leg] = self._loop.time()
                self._people.rung(channels[leg], timeout / SECOND)
            case Dial(leg=leg) if leg in channels:
                self._made[leg] = self._loop.time()
                self._people.called(channels[leg], command)
            case Bridge(bridge=bridge, caller=caller, agent=agent) if self._pair(bridge):
                self._people.bridged(channels[caller], channels[agent])

    def _pair(self, bridge: str) -> bool:
        return sum(channel.bridge == bridge for channel in self.model.channels.values()) == 2

    def _may_not_part(self, bridge: str, how: str) -> None:
        """callctl ends a talk only when one of the two has gone, or where the bridge was said to have failed."""
        if is_ours(bridge) and self._pair(bridge) and bridge not in self._failed_bridges:
            self._wrong(f"a pair that talks was cut: {how}")

    def deny(self, bridge: BridgeId) -> None:
        """callctl is told that this bridge failed, though it did not."""
        self._failed_bridges.add(bridge)

    # ── the dialplan ─────────────────────────────────────────────────────────────────────────

    def dial(self, leg: LegId, number: str, tries: int = 0) -> None:
        """A caller comes: into the application, or, when callctl is away, to the fallback."""
        if not self.up:
            return
        if self._alive_until < self._loop.time() or tries > TRIES:
            self.fell_back.add(leg)
        elif self.listener is None:
            self._loop.call_later(TRY_EVERY, self.dial, leg, number, tries + 1)
        else:
            self.entered.add(leg)
            self._made[leg] = self._loop.time()
            self.model.arrive(leg, number)
            self._arm(leg, round(FIRST_LEASE * SECOND))
            self.flush()

    def _arm(self, leg: LegId, length: Micros) -> None:
        if leg in self._leases:
            self._leases[leg].cancel()
        self._leases[leg] = self._loop.call_later(length / SECOND, self._lease_ends, leg)

    def _lease_ends(self, leg: LegId) -> None:
        channel = self.model.channels.get(leg)
        if channel is None or channel.left:
            return
        if channel.number and not channel.in_app:
            self._say_sorry(channel)
        else:
            self.leave(channel)

    # ── who is called ────────────────────────────────────────────────────────────────────────

    def pick_up(self, channel: Channel, heard: Heard, listens: float, quiet: float) -> None:
        """Something answers. Where it is to, the dialplan listens for so many seconds before it enters the app;
        a greeting has then been over for `quiet` of them."""
        if not self.alive(channel) or channel.state is LegState.UP:
            return
        self._arm(channel.id, round(FIRST_LEASE * SECOND))
        self.model.pick_up(channel)
        if self._alive_until < self._loop.time():
            self._say_sorry(channel)
        elif channel.detects:
            self._loop.call_later(listens, self._enter, channel, heard, round(quiet * SECOND))
        else:
            self._enter(channel, Heard.NOTHING, 0)
        self.flush()

    def _enter(self, channel: Channel, heard: Heard, quiet: Micros, tries: int = 0) -> None:
        if not self.alive(channel) or channel.left:
            return
        if self.listener is not None:
            self.model.enter(channel, heard, quiet)
            self.flush()
            self._people.entered(channel, heard)
        elif tries < CUSTOMER_TRIES:
            self._loop.call_later(TRY_EVERY, self._enter, channel, heard, quiet, tries + 1)
        else:
            self._say_sorry(channel)

    def _say_sorry(self, channel: Channel) -> None:
        """The dialplan tells who has answered that nobody is there. It was never in the app: nothing is said of it."""
        channel.left = True
        self._people.left_alone(channel)

    def _leave_message(self, channel: Channel) -> None:
        if self.alive(channel):
            self.model.leave_message(channel)
            self.end(channel, 16)

    def leave(self, channel: Channel) -> None:
        """The lease has ended, or somebody redirected it: the dialplan has it."""
        self.model.leave(channel)
        self.flush()
        self._people.left_alone(channel)

    # ── people ───────────────────────────────────────────────────────────────────────────────

    def alive(self, channel: Channel) -> bool:
        return self.model.channels.get(channel.id) is channel

    def ring(self, channel: Channel) -> None:
        if self.alive(channel) and channel.state is LegState.DOWN:
            self.model.ring(channel)
            self.flush()

    def answer(self, channel: Channel) -> None:
        if self.alive(channel) and channel.state is not LegState.UP:
            self._arm(channel.id, round(FIRST_LEASE * SECOND))
            self.model.answer(channel)
            self.flush()

    def end(self, channel: Channel, cause: int, sip: int = 0) -> None:
        if not self.alive(channel):
            return
        if (lease := self._leases.pop(channel.id, None)) is not None:
            lease.cancel()
        self._made.pop(channel.id, None)
        now = self._loop.time()
        self._ended = [(at, seen) for at, seen in self._ended if at > now - GHOST]
        self._ended.append((now, _seen(channel)))
        self.model.end(channel, cause, sip)
        self.flush()

    def press(self, channel: Channel, digit: str) -> None:
        if self.alive(channel) and channel.in_app:
            self.model.press(channel, digit)
            self.flush()

    def register(self, phone: PhoneId, contacts: int) -> None:
        if self.up:
            self.model.register(phone, tuple(f"sip:{phone}@192.0.2.{n}" for n in range(contacts)))
            self.flush()

    def use(self, phone: PhoneId, busy: bool) -> None:
        if self.up:
            (self.model.in_use.add if busy else self.model.in_use.discard)(phone)
            self.model.say_busy(phone)
            self.flush()

    def report_phones(self) -> None:
        self.model.report_phones()
        self.flush()

    def _heard(self, leg: LegId, playback: PlaybackId) -> None:
        channel = self.model.channels.get(leg)
        if channel is not None and channel.playing == playback:
            self.model.heard(channel)
            self.flush()

    # ── its lists, as early or late as real ones ─────────────────────────────────────────────

    def legs(self, unheard: Callable[[LegId], bool], fickle: Callable[[], bool]) -> list[LegSeen]:
        """A list never contradicts an event that was delivered; what is `unheard` may be in it or not (`fickle`)."""
        now = self._loop.time()
        young = {leg for leg, at in self._made.items() if at > now - GHOST}
        found = [
            _seen(channel)
            for channel in self.model.channels.values()
            if not (channel.id in young and unheard(channel.id) and fickle())
        ]
        return found + [seen for at, seen in self._ended if at > now - GHOST and unheard(seen.leg) and fickle()]

    def bridges(self) -> tuple[str, ...]:
        return tuple(sorted(self.model.bridges))

    # ── its end ──────────────────────────────────────────────────────────────────────────────

    def die(self) -> None:
        """Every channel is gone, and nobody says so."""
        self.up = False
        self.lost |= {channel.id for channel in self.model.channels.values() if channel.in_app and not channel.phone}
        self.model.restart()
        for lease in self._leases.values():
            lease.cancel()
        self._leases.clear()
        self._made.clear()
        self._ended.clear()
        self._alive_until = 0.0
        self.listener = None

    def boot(self) -> None:
        self.up = True


def _seen(channel: Channel) -> LegSeen:
    return LegSeen(channel.id, channel.state, channel.in_app, channel.bridge, channel.arrival)
