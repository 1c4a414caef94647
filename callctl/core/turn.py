"""One step in the making: what it wishes, tells and touches. The transition functions write into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from callctl.core.commands import Answer, Command, Hold, Lease, Play, Watch
from callctl.core.events import Event
from callctl.core.facts import AgentStateChanged, Fact, StrayEvent
from callctl.core.ids import AgentId, CallId, Micros, NodeId
from callctl.core.index import IdleKey, Lane, PlaceKey
from callctl.core.model import (
    Agent,
    AgentState,
    Announcing,
    Arrived,
    Available,
    Call,
    Connected,
    Ended,
    Idle,
    InMenu,
    Leg,
    LegRole,
    Node,
    Offered,
    Queued,
    Reachable,
    Up,
    World,
    WrapUp,
)

Moves: TypeAlias = Mapping[tuple[type | None, str], tuple[type | None, ...]]
"""A machine's table: (phase, trigger) → the phases it may lead to. None: not yet, or no longer, in the World."""


class IllegalMove(AssertionError):
    """A transition that its machine's table does not have: a bug of the core, never of the outside."""


@dataclass(slots=True)
class Turn:
    world: World
    now: Micros
    commands: list[Command] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    calls: set[CallId] = field(default_factory=set)
    agents: set[AgentId] = field(default_factory=set)
    nodes: set[NodeId] = field(default_factory=set)
    records: set[CallId] = field(default_factory=set)
    """Calls whose record is to be written."""
    closed: list[Call] = field(default_factory=list)
    """Calls that left the World."""
    dirty: set[Lane] = field(default_factory=set)
    """Lanes in which a caller or an agent may have become matchable."""

    def wish(self, *commands: Command) -> None:
        """What is to be done; of a channel that has left the app only its end: the fallback sets its own time limit."""
        self.commands.extend(c for c in commands if not self._has_left(c))

    def _has_left(self, command: Command) -> bool:
        leg = self.world.legs.get(command.leg) if isinstance(command, Watch | Answer | Play | Hold | Lease) else None
        return leg is not None and leg.left_by is not None

    def tell(self, fact: Fact) -> None:
        self.facts.append(fact)

    def stray(self, event: Event, where: object) -> None:
        """The event fits no phase: it changes nothing, and is counted. `where`: the phase, or what is not known."""
        phase = where if isinstance(where, str) else type(where).__name__
        self.tell(StrayEvent(type(event).__name__, phase))

    # ── calls and legs ───────────────────────────────────────────────────────────────────────

    def touch_call(self, call: Call) -> None:
        """The call's row changes; its place and its deadline are noted anew."""
        self.calls.add(call.id)
        at = place_of(call)
        if self.world.index.place(call.id, at) and at is not None and not at[1]:
            self.dirty.add(at[0])
        due = call_due(call)
        if due is not None:
            self.world.index.alarm((due, "call", call.id))

    def add_leg(self, leg: Leg) -> None:
        self.world.legs[leg.id] = leg
        self.world.index.legs.setdefault(leg.call, set()).add(leg.id)

    def drop_leg(self, leg: Leg) -> None:
        del self.world.legs[leg.id]
        self.world.index.legs[leg.call].discard(leg.id)
        self.close_if_over(leg.call)

    def close_if_over(self, call_id: CallId) -> None:
        """An ended call leaves the World with its last leg and the end of its wrap-up."""
        call = self.world.calls.get(call_id)
        if call is None or not isinstance(call.phase, Ended) or self.world.index.legs.get(call_id):
            return
        agent = self.world.agents.get(call.story.agent) if call.story.agent else None
        if agent is not None and isinstance(agent.state, WrapUp) and agent.state.call == call_id:
            return
        del self.world.calls[call_id]
        self.world.index.legs.pop(call_id, None)
        self.calls.discard(call_id)
        self.closed.append(call)

    # ── agents ───────────────────────────────────────────────────────────────────────────────

    def touch_agent(self, agent: Agent) -> None:
        """The agent's row changes; whether it is routable, and its deadline, are noted anew."""
        self.agents.add(agent.id)
        at = free_of(self.world, agent)
        if self.world.index.free(agent.id, at) and at is not None:
            self.dirty.update(at[0])
        due = agent_due(agent)
        if due is not None:
            self.world.index.alarm((due, "agent", agent.id))

    def set_state(self, agent: Agent, state: AgentState) -> None:
        agent.state = state
        self.tell(AgentStateChanged(agent.id, state))
        self.touch_agent(agent)

    # ── nodes ────────────────────────────────────────────────────────────────────────────────

    def touch_node(self, node: Node) -> None:
        self.nodes.add(node.id)
        if isinstance(node.phase, Up):
            self.world.index.alarm((node.phase.beat_at, "node", node.id))

    def dirty_node(self, node: NodeId) -> None:
        """Every lane of the node may have become matchable."""
        self.dirty.update(lane for lane in self.world.index.lines if lane[1] == node)


def place_of(call: Call) -> tuple[Lane, bool, PlaceKey] | None:
    """Where the call stands in a queue: its lane, whether an agent's phone rings for it, its place."""
    match call.phase:
        case Queued(queue, priority, since):
            return (queue, call.node), False, (-priority, since, call.id)
        case Offered(queue, priority, since):
            return (queue, call.node), True, (-priority, since, call.id)
    return None


def free_of(world: World, agent: Agent) -> tuple[tuple[Lane, ...], IdleKey] | None:
    """The lanes in which the agent is routable (Available, Idle, Reachable, not held), or None."""
    if not (isinstance(agent.status, Available) and isinstance(agent.phone, Reachable)):
        return None
    policy = world.policy.agents.get(agent.id)
    if not isinstance(agent.state, Idle) or agent.held_until is not None or policy is None:
        return None
    node = world.policy.phones[policy.phone].node
    queues = (*policy.queues, *(q for q, served in world.draining.items() if agent.id in served))
    return tuple((queue, node) for queue in dict.fromkeys(queues)), (agent.state.since, agent.id)


def call_due(call: Call) -> Micros | None:
    """The call's next deadline."""
    match call.phase:
        case InMenu(digit_by=digit_by):
            return _earliest(digit_by, call.lease_renew)
        case Offered(ring_until=ring_until):
            return _earliest(ring_until, call.lease_renew)
        case Connected(talk_until=talk_until):
            return talk_until
        case Queued(leave_by=leave_by):
            return _earliest(leave_by, call.lease_renew)
        case Announcing():
            return call.lease_renew
        case Arrived() | Ended():
            return None


def agent_due(agent: Agent) -> Micros | None:
    """The agent's next deadline: the end of wrap-up, or of the hold after a missed ring."""
    match agent.state:
        case WrapUp(until=until):
            return until
        case Idle():
            return agent.held_until
        case _:
            return None


def _earliest(a: Micros | None, b: Micros | None) -> Micros | None:
    return min((t for t in (a, b) if t is not None), default=None)


def caller_leg(call: Call) -> Leg:
    """The leg record of the call's caller."""
    return Leg(call.leg, call.node, call.id, LegRole.CALLER)


def moved(moves: Moves, old: object, trigger: str, new: object) -> None:
    """Assert that the table has this move.

    Raises:
        IllegalMove: it does not.
    """
    frm, to = (None if old is None else type(old)), (None if new is None else type(new))
    if to not in moves.get((frm, trigger), ()):
        raise IllegalMove(f"{frm and frm.__name__} --{trigger}--> {to and to.__name__}")
