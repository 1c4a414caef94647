"""Callers, and the phones of agents: they do what the plan says, each at a moment of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from callctl.core.briefing import ACCEPT_KEY
from callctl.core.commands import Dial
from callctl.core.events import Heard
from callctl.core.ids import LegId, PhoneId
from callctl.sim.customers import Customers
from callctl.sim.office import is_outside
from callctl.sim.pbx import Channel
from callctl.sim.plan import Call, Manner, Phone
from callctl.sim.switch import Switch

SILENCE = 1.0
"""Seconds, beside what is under way, in which something is heard when an agent has hung up."""
ALONE = 8.0
"""Seconds for which somebody listens to the fallback or to the safe harbour."""
LISTENS = 2.0
"""Seconds after which an agent on an outside number presses the key that accepts."""
WALK = 2.0
"""Seconds that an agent needs to the second contact, and to each more."""
HABIT = Phone(0.0, "", Manner.ANSWERS, 0.02, 1.5)
"""What a phone does until it is told otherwise."""
ENDS = {Manner.REJECTS: (21, 603), Manner.BUSY: (17, 486), Manner.BROKEN: (0, 503), Manner.FORWARDS: (0, 302)}
"""(Q.850 cause, SIP status) by which a phone ends a ring."""


class Crowd:
    """Everybody on the telephone. Fulfils `switch.People`."""

    def __init__(self, wrong: Callable[[str], None], slowness: float = 1.0) -> None:
        self.switch = Switch(self, wrong)
        self.customers = Customers(self.switch, wrong, slowness)
        self.contacts: dict[PhoneId, int] = {}
        """How many contacts each phone registers, when the PBX is there."""
        self._loop = asyncio.get_running_loop()
        self._manners: dict[str, Phone] = {}
        self._calls: dict[LegId, Call] = {}
        self._wrong = wrong
        self._late = SILENCE + 0.05 * slowness
        self._heard: dict[LegId, float] = {}
        """When prompts last began."""
        self.left_first: set[LegId] = set()
        """Callers who hung up on an agent."""

    # ── callers ──────────────────────────────────────────────────────────────────────────────

    def call(self, act: Call) -> None:
        """Somebody dials."""
        leg = LegId(act.leg)
        self._calls[leg] = act
        self.switch.dial(leg, act.number)
        for after, digit in act.presses:
            self._loop.call_later(after, self._press, leg, digit)
        self._loop.call_later(act.patience, self._loses_patience, leg)

    def _press(self, leg: LegId, digit: str) -> None:
        if (channel := self.switch.model.channels.get(leg)) is not None:
            self.switch.press(channel, digit)

    def _loses_patience(self, leg: LegId) -> None:
        channel = self.switch.model.channels.get(leg)
        if channel is not None and len(self._in(channel.bridge)) < 2:
            self.switch.end(channel, 16)

    def _in(self, bridge: str) -> list[Channel]:
        if not bridge or bridge.startswith("hold-"):
            return []
        return [channel for channel in self.switch.model.channels.values() if channel.bridge == bridge]

    def bridged(self, caller: Channel, agent: Channel) -> None:
        """They talk for so long; then one of them hangs up, and the other a moment later by itself, if need be."""
        self.customers.bridged(caller)
        act = self._calls.get(caller.id) or self.customers.of(caller.id)
        if act is not None:
            first, second = (agent, caller) if act.agent_ends else (caller, agent)
            self._loop.call_later(act.talk, self._ends, first, second)
            if not second.is_line:
                self._loop.call_later(act.talk + ALONE, self.switch.end, second, 16)

    def _ends(self, first: Channel, second: Channel) -> None:
        """One of two who talk hangs up."""
        talk = first.bridge and first.bridge == second.bridge and self.switch.alive(first) and self.switch.alive(second)
        if talk and first.phone is None:
            self.left_first.add(first.id)
        elif talk:
            self._loop.call_later(self._late, self._hears_nothing, second, self._loop.time())
        self.switch.end(first, 16)

    def _hears_nothing(self, caller: Channel, since: float) -> None:
        waits = caller.bridge.startswith("hold-") or len(self._in(caller.bridge)) > 1
        if not self.switch.alive(caller) or not caller.in_app or waits or self._heard.get(caller.id, 0.0) >= since:
            return
        if self.customers.calm(since):
            self._wrong(f"{caller.id} has heard nothing since the agent hung up")

    def hang_up(self, phone: PhoneId) -> None:
        """An agent hangs up whatever the phone has."""
        for channel in [it for it in self.switch.model.channels.values() if it.phone == phone and it.in_app]:
            self.switch.end(channel, 16)

    def left_alone(self, channel: Channel) -> None:
        self.customers.left_alone(channel)
        self._loop.call_later(ALONE, self.switch.end, channel, 16)

    def called(self, channel: Channel, command: Dial) -> None:
        self.customers.called(channel, command)

    def entered(self, channel: Channel, heard: Heard) -> None:
        self.customers.entered(channel, heard)

    def hears(self, channel: Channel) -> None:
        self._heard[channel.id] = self._loop.time()
        self.customers.hears(channel)

    def hung_up(self, channel: Channel) -> None:
        self.customers.hung_up(channel)

    # ── phones ───────────────────────────────────────────────────────────────────────────────

    def behave(self, act: Phone) -> None:
        self._manners[act.phone] = act

    def rung(self, channel: Channel, timeout: float) -> None:
        act = self._manners.get(channel.phone or "", HABIT)
        later = self._loop.call_later
        later(timeout, self._no_answer, channel)
        if act.manner in ENDS:
            later(act.rings_after, self.switch.end, channel, *ENDS[act.manner])
            return
        later(act.rings_after, self.switch.ring, channel)
        others = sum(c.phone == channel.phone for c in self.switch.model.channels.values()) - 1
        answers = act.rings_after + act.then_after + others * WALK
        if act.manner in (Manner.ANSWERS, Manner.VOICEMAIL):
            later(answers, self.switch.answer, channel)
        if act.manner is Manner.ANSWERS and is_outside(act.phone or channel.phone or ""):
            later(answers + LISTENS, self.switch.press, channel, ACCEPT_KEY)

    def _no_answer(self, channel: Channel) -> None:
        if not channel.in_app:
            self.switch.end(channel, 19)

    def register(self, phone: PhoneId, count: int) -> None:
        self.contacts[phone] = count
        self.switch.register(phone, count)

    def register_all(self) -> None:
        """The PBX is back: every phone registers anew."""
        for phone, count in self.contacts.items():
            self.switch.register(phone, count)
