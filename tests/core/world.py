"""Builders: a policy that has one of everything, and a Stage that plays events into a World and checks every step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from callctl.core.addresses import E164
from callctl.core.commands import Command
from callctl.core.engine import Step, next_due, step
from callctl.core.events import (
    CallArrived,
    DigitPressed,
    Event,
    LegAnswered,
    LegGone,
    LegRinging,
    LinkRestored,
    PhoneBusy,
    PhoneContacts,
    PlaybackEnded,
    Snapshot,
    StatusAsked,
    Synced,
    TimePassed,
    Wish,
)
from callctl.core.facts import Fact
from callctl.core.ids import (
    SECOND,
    AgentId,
    LegId,
    Micros,
    PhoneId,
    PlaybackId,
    seconds,
)
from callctl.core.invariants import check
from callctl.core.model import (
    Agent,
    Announcing,
    Briefed,
    Call,
    InMenu,
    LookingUp,
    Offered,
    Queued,
    Reserved,
    Ringing,
    World,
)
from callctl.core.policy import Policy
from callctl.core.recovery import restore
from callctl.sim.office import NODE, START, TO_QUEUE, policy
from callctl.sim.rows import Rows, copied

_T = TypeVar("_T")
ZOE = "33142685300"


@dataclass
class Stage:
    """A World, its clock and its journal. Every event played is followed by every check."""

    world: World
    now: Micros = START
    last: Step | None = None
    rows: Rows = field(default_factory=Rows)
    watch: Callable[[Event, Step], None] = lambda event, done: None

    # ── time and events ──────────────────────────────────────────────────────────────────────

    def do(self, event: Event) -> Step:
        """Play an event now; every invariant must hold afterwards, and no deadline may be left behind.

        Raises:
            AssertionError: one does not.
        """
        done = step(self.world, event, self.now)
        self.last = done
        self.rows.take(done)
        broken = check(self.world) + self.rows.differ(self.world)
        assert not broken, f"after {event}: {broken}"
        due = next_due(self.world)
        assert due is None or due > self.now, f"after {event}: a deadline {self.now - due} µs ago is left"
        self.watch(event, done)
        return done

    def wait(self, length: float) -> list[Fact]:
        """Let time pass (in seconds), as the loop does: a `TimePassed` at each deadline. What was told meanwhile."""
        until = self.now + seconds(length)
        told: list[Fact] = []
        while (due := next_due(self.world)) is not None and due <= until:
            self.now = max(self.now, due)
            told.extend(self.do(TimePassed()).facts)
        self.now = until
        return told

    @property
    def commands(self) -> tuple[Command, ...]:
        """What the last step wished."""
        assert self.last is not None
        return self.last.commands

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What the last step told."""
        assert self.last is not None
        return self.last.facts

    def told(self, kind: type[_T]) -> list[_T]:
        """The last step's facts of a kind."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def wished(self, kind: type[_T]) -> list[_T]:
        """The last step's commands of a kind."""
        return [command for command in self.commands if isinstance(command, kind)]

    # ── what there is ────────────────────────────────────────────────────────────────────────

    def call(self, leg: str) -> Call:
        """The call of this caller's leg."""
        return next(c for c in self.world.calls.values() if c.leg == leg)

    def agent(self, name: str) -> Agent:
        return self.world.agents[AgentId(name)]

    def legs(self, agent: str) -> list[LegId]:
        """The legs that ring the agent, in the order of the contacts."""
        state = self.agent(agent).state
        assert isinstance(state, Reserved | Ringing | Briefed)
        return [leg for leg in self.world.legs if leg in state.legs]

    def legs_or_none(self, agent: str) -> list[LegId]:
        """The legs that ring the agent; none: nothing rings."""
        return self.legs(agent) if isinstance(self.agent(agent).state, Reserved | Ringing) else []

    # ── who acts ─────────────────────────────────────────────────────────────────────────────

    def link_up(self, booted: str = "boot-1", snapshot: Snapshot = Snapshot()) -> Step:  # noqa: B008
        self.do(LinkRestored(NODE, booted))
        return self.do(Synced(NODE, snapshot))

    def arrive(self, leg: str, dialled: str = TO_QUEUE, caller: str = ZOE) -> Step:
        """A caller whose channel is `leg`."""
        return self.do(arrival_of(leg, dialled, caller))

    def feature(self, leg: str, phone: str, code: str) -> Step:
        """A feature code is dialled on a phone."""
        number = E164("1")
        return self.do(CallArrived(NODE, LegId(leg), number, code, number, "", None, PhoneId(phone), None, code))

    def press(self, leg: str, digit: str) -> Step:
        return self.do(DigitPressed(NODE, LegId(leg), digit))

    def heard(self, leg: str, failed: bool = False) -> Step:
        """What is played to the caller is over."""
        phase = self.call(leg).phase
        assert isinstance(phase, InMenu | Announcing | LookingUp | Queued | Offered)
        playing = phase.place.playing if isinstance(phase, Queued | Offered) else phase.playing
        return self.do(PlaybackEnded(NODE, LegId(leg), playing or PlaybackId(""), failed))

    def whispered(self, agent: str, failed: bool = False) -> Step:
        """What is played to the agent who has picked up is over."""
        state = self.agent(agent).state
        assert isinstance(state, Briefed)
        return self.do(PlaybackEnded(NODE, state.leg, state.playing or PlaybackId(""), failed))

    def ring(self, leg: str) -> Step:
        return self.do(LegRinging(NODE, LegId(leg)))

    def answer(self, leg: str) -> Step:
        return self.do(LegAnswered(NODE, LegId(leg)))

    def gone(self, leg: str, cause: int = 16, sip: int = 0) -> Step:
        return self.do(LegGone(NODE, LegId(leg), cause, sip))

    def contacts(self, phone: str, *contacts: str) -> Step:
        return self.do(PhoneContacts(NODE, PhoneId(phone), contacts))

    def busy(self, phone: str, busy: bool) -> Step:
        return self.do(PhoneBusy(NODE, PhoneId(phone), busy))

    def ask(self, agent: str, wish: Wish, reason: str = "") -> Step:
        return self.do(StatusAsked(AgentId(agent), wish, reason, "supervisor"))

    def talk(self, leg: str, agent: str) -> LegId:
        """A caller is queued, the agent's phone rings and is answered. The agent's leg."""
        self.arrive(leg)
        talking = self.legs(agent)[0]
        self.ring(talking)
        self.answer(talking)
        return talking


def arrival_of(leg: str, dialled: str, caller: str = ZOE) -> CallArrived:
    """Zoe dials, or somebody else with her name."""
    return CallArrived(NODE, LegId(leg), E164(dialled), dialled, E164(caller), "Zoe")


def stage(config: Policy | None = None, reachable: Iterable[str] | None = None, up: bool = True) -> Stage:
    """A World from nothing: its node up, and a contact for each phone (or only these) that can be rung."""
    config = config or policy()
    it = Stage(restore(config, 1, (), (), (), (NODE,), START))
    it.rows.agents = copied(it.world.agents)
    if up:
        it.link_up()
        inside = [p for p, it_ in config.phones.items() if it_.outside is None]
        for phone in inside if reachable is None else reachable:
            it.now += SECOND
            it.contacts(phone, f"sip:{phone}@192.0.2.1")
    return it
