"""Builders: a policy that has one of everything, and a Stage that plays events into a World and checks every step."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import TypeVar

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
    CallId,
    LegId,
    MenuId,
    Micros,
    NodeId,
    PhoneId,
    PlaybackId,
    QueueId,
    seconds,
)
from callctl.core.invariants import check
from callctl.core.model import Agent, Announcing, Call, InMenu, Node, Reserved, Ringing, World
from callctl.core.policy import (
    E164,
    AgentPolicy,
    Announce,
    DefaultStatus,
    Destination,
    Feature,
    HangUp,
    HangupReason,
    Menu,
    PhoneKind,
    PhonePolicy,
    Policy,
    QueuePolicy,
    ToMenu,
    ToQueue,
)
from callctl.core.recovery import restore

NODE = NodeId("pbx")
START: Micros = 1_700_000_000 * SECOND
SALES, CARE = QueueId("sales"), QueueId("care")
MAIN, SUB = MenuId("main"), MenuId("sub")

ENTRIES: dict[str, Destination] = {
    "442079460000": ToMenu(MAIN),
    "442079460001": ToQueue(SALES),
    "442079460002": ToQueue(SALES, priority=5),
    "442079460003": Announce(("sound:closed",), HangUp()),
    "442079460004": Announce(("sound:hello",), ToMenu(MAIN)),
    "442079460005": Announce(("sound:hello",), ToQueue(SALES)),
    "442079460006": HangUp(HangupReason.BUSY),
    "442079460007": ToQueue(CARE),
    "442079460010": ToMenu(SUB),
    "442079460011": ToMenu(MenuId("gives-up-to-queue")),
    "442079460012": ToMenu(MenuId("gives-up-to-announcement")),
    "442079460013": ToMenu(MenuId("no-barge-in")),
}
TO_MENU, TO_QUEUE, TO_QUEUE_FIRST = "442079460000", "442079460001", "442079460002"
FEATURES = {"*45": Feature.LOGIN, "*46": Feature.LOGOUT, "*47": Feature.PAUSE, "*48": Feature.UNPAUSE}


def menus() -> dict[MenuId, Menu]:
    """Menus that lead to every kind of destination, by digit and by giving up."""
    options: dict[str, Destination] = {
        "1": ToQueue(SALES),
        "2": Announce(("sound:hours",), ToMenu(MAIN)),
        "3": ToMenu(SUB),
        "4": HangUp(),
    }
    give_up: dict[str, Destination] = {
        "main": HangUp(),
        "sub": ToMenu(MAIN),
        "gives-up-to-queue": ToQueue(SALES),
        "gives-up-to-announcement": Announce(("sound:bye",), HangUp()),
        "no-barge-in": HangUp(),
    }
    return {
        MenuId(name): Menu(
            MenuId(name),
            (f"sound:{name}",),
            options,
            to,
            invalid=("sound:invalid",),
            no_input=("sound:nothing",),
            barge_in=name != "no-barge-in",
        )
        for name, to in give_up.items()
    }


def policy(agents: Iterable[str] = ("ana", "ben"), **changes: object) -> Policy:
    """A policy with these agents, each with a phone of the same name, in both queues and available at first."""
    names = tuple(agents)
    made = Policy(
        sha="first",
        entries={E164(number): to for number, to in ENTRIES.items()},
        menus=menus(),
        queues={SALES: QueuePolicy(SALES), CARE: QueuePolicy(CARE, wrap_up=0, longest_talk=seconds(600))},
        agents={
            AgentId(n): AgentPolicy(AgentId(n), n.title(), PhoneId(n), (SALES, CARE), DefaultStatus.AVAILABLE)
            for n in names
        },
        phones={PhoneId(n): PhonePolicy(PhoneId(n), PhoneKind.PROVISIONED, n, NODE) for n in names},
        features=FEATURES,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


_T = TypeVar("_T")


def copied(value: _T) -> _T:
    """A deep copy, faster than `copy.deepcopy`. Policies, which nobody changes, are shared."""
    out = BytesIO()
    _Pickler(out, pickle.HIGHEST_PROTOCOL).dump(value)
    out.seek(0)
    made: _T = _Unpickler(out).load()
    return made


_POLICIES: dict[int, Policy] = {}


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> int | None:
        if not isinstance(obj, Policy):
            return None
        _POLICIES[id(obj)] = obj
        return id(obj)


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: int) -> Policy:
        return _POLICIES[pid]


@dataclass
class Rows:
    """What the journal's `live` rows and call records would hold, from what the steps say they touched."""

    calls: dict[CallId, Call] = field(default_factory=dict)
    agents: dict[AgentId, Agent] = field(default_factory=dict)
    nodes: dict[NodeId, Node] = field(default_factory=dict)
    records: dict[CallId, list[Call]] = field(default_factory=dict)

    def take(self, done: Step) -> None:
        touched = done.touched
        self.calls.update((c.id, copied(c)) for c in touched.calls)
        self.agents.update((a.id, copied(a)) for a in touched.agents)
        self.nodes.update((n.id, copied(n)) for n in touched.nodes)
        for record in touched.records:
            self.records.setdefault(record.id, []).append(copied(record))
        for closed in touched.closed:
            self.calls.pop(closed, None)

    def differ(self, world: World) -> list[str]:
        """Where the rows no longer say what the World is."""
        return [
            *(f"row of call {c} is old" for c, call in world.calls.items() if self.calls.get(c) != call),
            *(f"row of call {c} is left over" for c in self.calls if c not in world.calls),
            *(f"row of agent {a} is old" for a, agent in world.agents.items() if self.agents.get(a) != agent),
            *(f"row of node {n} is old" for n, node in world.nodes.items() if self.nodes.get(n, node) != node),
        ]


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
        assert isinstance(state, Reserved | Ringing)
        return [leg for leg in self.world.legs if leg in state.legs]

    # ── who acts ─────────────────────────────────────────────────────────────────────────────

    def link_up(self, booted: str = "boot-1", snapshot: Snapshot = Snapshot()) -> Step:  # noqa: B008
        self.do(LinkRestored(NODE, booted))
        return self.do(Synced(NODE, snapshot))

    def arrive(self, leg: str, dialled: str = TO_QUEUE) -> Step:
        """A caller whose channel is `leg`."""
        return self.do(CallArrived(NODE, LegId(leg), E164(dialled), dialled, E164("33142685300"), "Zoe"))

    def feature(self, leg: str, phone: str, code: str) -> Step:
        """A feature code is dialled on a phone."""
        number = E164("1")
        return self.do(CallArrived(NODE, LegId(leg), number, code, number, "", None, PhoneId(phone), None, code))

    def press(self, leg: str, digit: str) -> Step:
        return self.do(DigitPressed(NODE, LegId(leg), digit))

    def heard(self, leg: str, failed: bool = False) -> Step:
        """What is played to the caller is over."""
        phase = self.call(leg).phase
        assert isinstance(phase, InMenu | Announcing)
        return self.do(PlaybackEnded(NODE, LegId(leg), phase.playing or PlaybackId(""), failed))

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


def stage(config: Policy | None = None, reachable: Iterable[str] | None = None, up: bool = True) -> Stage:
    """A World from nothing: its node up, and a contact for each phone (or only these) that can be rung."""
    config = config or policy()
    it = Stage(restore(config, 1, (), (), (), (NODE,), START))
    it.rows.agents = copied(it.world.agents)
    if up:
        it.link_up()
        for phone in config.phones if reachable is None else reachable:
            it.now += SECOND
            it.contacts(phone, f"sip:{phone}@192.0.2.1")
    return it
