"""One caller whom a person plays, in a World of their own: the daemon's core, a virtual PBX and virtual time.

Prompts take no time here: how long they are only the PBX knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from callctl.core.addresses import Address
from callctl.core.commands import Command, Play, RingPhone
from callctl.core.conditions import fill
from callctl.core.engine import next_due, step
from callctl.core.events import (
    CallArrived,
    Event,
    LegState,
    LinkRestored,
    PlaybackEnded,
    StatusAsked,
    Synced,
    TimePassed,
    Wish,
)
from callctl.core.facts import Fact
from callctl.core.flows import Gather, Lookup, Menu, Prompts, Speak, Spoken, Stay, parts
from callctl.core.ids import SECOND, AgentId, CallId, LegId, Micros, NodeId, SwitchId, TrunkId
from callctl.core.lookups import Ask, LookedUp, LookupFailure
from callctl.core.model import Announcing, InMenu, LookingUp, Switch
from callctl.core.policy import Policy
from callctl.core.recovery import restore
from callctl.core.walk import heard, plain, stay_at
from callctl.sim.office import NODE
from callctl.sim.pbx import Channel, ModelPbx

CALLER = LegId("caller")
TALK = 30 * SECOND
"""How long an agent talks before hanging up."""
LONGEST = 2 * 3600 * SECOND
"""How long `go_on` lets time pass where the caller notices nothing."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something that became of the caller: a fact of the core, or prompts that begin."""

    at: Micros
    fact: Fact | None
    prompts: tuple[str, ...] = ()
    to_agent: bool = False
    """The prompts are for the agent alone."""
    says: tuple[str, ...] = ()
    """The values that are said by these prompts: `date 2026-12-01`."""
    asked: Ask | None = None
    """A question to a server, of which nobody here knows the answer."""

    @property
    def kind(self) -> str:
        """As a stored fact has it."""
        return type(self.fact).__name__


class Walk:
    """A caller's way. `free` agents, and nobody else, are logged in, with a phone that can be rung; `on` are the
    switches that are on."""

    def __init__(
        self, policy: Policy, now: Micros, free: Collection[AgentId] = (), on: Iterable[SwitchId] = ()
    ) -> None:
        self.now = now
        self._node, self._trunk = _way_in(policy)
        here = replace(  # one virtual PBX is all of them
            policy,
            phones={name: replace(it, node=self._node) for name, it in policy.phones.items()},
            trunks={name: replace(it, node=self._node) for name, it in policy.trunks.items()},
        )
        switches = [Switch(name, now, "") for name in on]
        self._world = restore(here, 1, (), (), (), (self._node,), now, switches=switches)
        self._pbx = ModelPbx(node=self._node)
        self._gives_up: dict[LegId, Micros] = {}
        """When the PBX stops ringing a phone."""
        self._call: CallId | None = None
        self._noticed: list[Noticed] = []
        self._asked: Ask | None = None
        """The newest question."""
        self._do(LinkRestored(self._node, self._pbx.booted))
        self._do(Synced(self._node, self._pbx.snapshot()))
        for agent in policy.agents.values():
            self._do(StatusAsked(agent.id, Wish.LOGIN if agent.id in free else Wish.LOGOUT))
            if agent.id in free:
                self._pbx.register(agent.phone, (f"sip:{agent.phone}@192.0.2.1",))
        self._deliver()

    # ── who acts ─────────────────────────────────────────────────────────────────────────────

    def call(self, dialled: Address, text: str, caller: Address) -> None:
        """The caller dials; once, and before anything else."""
        arrival = CallArrived(self._node, CALLER, dialled, text, caller, "", self._trunk)
        self._pbx.channels[CALLER] = Channel(CALLER, LegState.RINGING, True, arrival)
        self._do(arrival)
        self._deliver()

    def press(self, digit: str) -> None:
        """The caller presses one key of 0-9, * and #."""
        if (channel := self._pbx.channels.get(CALLER)) is not None:
            self._pbx.press(channel, digit)
            self._deliver()

    def hang_up(self) -> None:
        """The caller hangs up."""
        if (channel := self._pbx.channels.get(CALLER)) is not None:
            self._pbx.end(channel, 16)
            self._deliver()

    def pick_up(self) -> bool:
        """The agent who was rung first picks up; whether any phone rings."""
        channel = next((self._pbx.channels[leg] for leg in self._gives_up), None)
        if channel is None:
            return False
        del self._gives_up[channel.id]
        self._pbx.answer(channel)
        self._deliver()
        return True

    def agent_hangs_up(self) -> bool:
        """The agent who talks with the caller hangs up, after `TALK`; whether anybody talks."""
        talking = next((it for it in self._pbx.channels.values() if self._talks(it)), None)
        if talking is None:
            return False
        until = self.now + TALK
        while (due := next_due(self._world)) is not None and due < until:
            self.now = max(self.now, due)
            self._stop_ringing()
            self._do(TimePassed())
            self._deliver()
        self.now = until
        if talking.id in self._pbx.channels:
            self._pbx.end(talking, 16)
            self._deliver()
        return True

    def found(self, values: Mapping[str, str]) -> bool:
        """The server answers with these values, of which those count that are asked for; whether anything is asked."""
        if (ask := self.waits_for) is None:
            return False
        wanted = [name for name, _ in ask.into]
        known = {name: value for name, value in values.items() if name in wanted}
        self._answer(ask, known, "" if len(known) == len(set(wanted)) else LookupFailure.MISSING)
        return True

    def failed(self, why: LookupFailure) -> bool:
        """The server does not answer as it should; whether anything is asked."""
        if (ask := self.waits_for) is None:
            return False
        self._answer(ask, {}, why)
        return True

    def set_time(self, moment: Micros) -> bool:
        """It is so late at once: what the caller does next is done then, and what would have come by itself in the
        meantime comes when the walk goes on. False: that moment is over."""
        if moment < self.now:
            return False
        self.now = moment
        return True

    def go_on(self) -> bool:
        """What plays is heard out; where nothing plays, time passes until the caller notices something. Whether there
        was anything to wait for."""
        playing = next((it for it in self._pbx.channels.values() if self._hears(it)), None)
        if playing is not None:
            self._pbx.heard(playing)
            self._deliver()
            return True
        until, known = self.now + LONGEST, len(self._noticed)
        while len(self._noticed) == known and not self.is_over:
            due = min((it for it in (next_due(self._world), *self._gives_up.values()) if it is not None), default=until)
            if due >= until:
                return False
            self.now = max(self.now, due)
            self._stop_ringing()
            self._do(TimePassed())
            self._deliver()
        return True

    # ── what there is ────────────────────────────────────────────────────────────────────────

    @property
    def is_over(self) -> bool:
        """The caller has no line any more."""
        return CALLER not in self._pbx.channels

    @property
    def waits_for(self) -> Ask | None:
        """What is being looked up."""
        call = self._world.calls.get(self._call) if self._call is not None else None
        phase = call.phase if call is not None else None
        ask = self._asked
        return ask if isinstance(phase, LookingUp) and ask is not None and ask.request == phase.request else None

    @property
    def is_in_dialplan(self) -> bool:
        """It has the caller for good: voicemail, or a number outside."""
        return not self.is_over and self._pbx.channels[CALLER].left

    @property
    def keeps_hearing(self) -> bool:
        """Prompts play that have not been heard out."""
        return any(map(self._hears, self._pbx.channels.values()))

    def noticed(self) -> Iterator[Noticed]:
        """What has become of the caller since this was asked last."""
        while self._noticed:
            yield self._noticed.pop(0)

    # ── underneath ───────────────────────────────────────────────────────────────────────────

    def _talks(self, channel: Channel) -> bool:
        caller = self._pbx.channels.get(CALLER)
        together = caller is not None and channel.bridge and channel.bridge == caller.bridge
        return bool(together) and channel.phone is not None

    def _hears(self, channel: Channel) -> bool:
        return channel.playing is not None and channel.playing not in self._pbx.tones

    def _stop_ringing(self) -> None:
        for leg in [leg for leg, at in self._gives_up.items() if at <= self.now]:
            del self._gives_up[leg]
            self._pbx.end(self._pbx.channels[leg], 19, 480)

    def _answer(self, ask: Ask, values: Mapping[str, str], failed: str) -> None:
        self._do(LookedUp(ask.call, ask.request, values, failed))
        self._deliver()

    def _deliver(self) -> None:
        while self._pbx.news:
            event = self._pbx.news.pop(0)
            if isinstance(event, PlaybackEnded) and event.failed and event.leg not in self._pbx.channels:
                continue  # as the link does: a hang-up cut it off
            self._do(event)

    def _do(self, event: Event) -> None:
        done = step(self._world, event, self.now)
        self._call = self._call or next(iter(self._world.calls), None)
        if self._call is not None:
            told = (fact for fact in done.facts if getattr(fact, "call", None) == self._call)
            self._noticed += [Noticed(self.now, fact) for fact in told]
        for ask in done.asks:
            self._asked = ask
            self._noticed.append(Noticed(self.now, None, asked=ask))
        for command in done.commands:
            self._carry(command)

    def _carry(self, command: Command) -> None:
        self._pbx.carry(command)
        match command:
            case Play(leg=leg, prompts=prompts):
                self._noticed.append(Noticed(self.now, None, prompts, leg != CALLER, self._says(prompts)))
            case RingPhone(leg=leg, timeout=timeout) if leg in self._pbx.channels:
                self._gives_up[leg] = self.now + timeout
                self._pbx.ring(self._pbx.channels[leg])
        for leg in [leg for leg in self._gives_up if leg not in self._pbx.channels]:
            del self._gives_up[leg]

    def _says(self, played: tuple[str, ...]) -> tuple[str, ...]:
        """The values that the node where the caller is says by these prompts."""
        call = self._world.calls.get(self._call) if self._call is not None else None
        phase = call.phase if call is not None else None
        spot = phase.spot if isinstance(phase, InMenu | Announcing | LookingUp) else None
        node = stay_at(self._world, spot) if spot is not None else None
        if call is None or node is None:
            return ()
        known, says = plain(self._world, call), list[str]()
        for part in parts(_prompts_of(node)):
            media = heard(self._world, call, (part,)) if isinstance(part, Spoken) else ()
            if isinstance(part, Spoken) and media and _has(played, media):
                says.append(f"{part.kind} {fill(part.of, known)}")
        return tuple(dict.fromkeys(says))


def _prompts_of(node: Stay) -> Prompts:
    match node:
        case Menu() | Gather():
            return (*node.invalid, *node.no_input, *node.prompts)
        case Speak(prompts):
            return prompts
        case Lookup(meanwhile=meanwhile):
            return meanwhile


def _has(played: tuple[str, ...], media: tuple[str, ...]) -> bool:
    """Whether these are among what is played, one behind the other."""
    return any(played[at : at + len(media)] == media for at in range(len(played)))


def _way_in(policy: Policy) -> tuple[NodeId, TrunkId | None]:
    """Where callers come from: the first trunk, or a node that has phones."""
    for trunk in policy.trunks.values():
        return trunk.node, trunk.id
    return next((phone.node for phone in policy.phones.values()), NODE), None
