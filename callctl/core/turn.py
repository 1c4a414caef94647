"""One step in the making: what it wishes, tells and touches. The transition functions write into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from callctl.core.addresses import E164
from callctl.core.commands import Answer, ClaimContacts, Command, HandOver, Hold, Lease, Play, RingBack, Watch
from callctl.core.events import Event
from callctl.core.facts import AgentStateChanged, Fact, StrayEvent
from callctl.core.ids import (
    SECOND,
    AgentId,
    AttemptId,
    BridgeId,
    CallId,
    CampaignId,
    Micros,
    NodeId,
    QueueId,
    SwitchId,
    TrunkId,
)
from callctl.core.index import Lane, PlaceKey, Standing
from callctl.core.ledger import Entry
from callctl.core.lookups import Ask
from callctl.core.model import (
    Agent,
    AgentState,
    Announcing,
    Arrived,
    Available,
    Call,
    Connected,
    Detecting,
    Dialled,
    Ended,
    HandedOver,
    Idle,
    InMenu,
    Leg,
    LegRole,
    LookingUp,
    Node,
    Offered,
    Place,
    Previewing,
    Queued,
    Reachable,
    Tally,
    Up,
    World,
    WrapUp,
)
from callctl.core.policy import ANYBODY, QueuePolicy, Requirement, Strategy
from callctl.core.ranks import Free, Merit

Moves: TypeAlias = Mapping[tuple[type | None, str], tuple[type | None, ...]]
"""A machine's table: (phase, trigger) → the phases it may lead to. None: not yet, or no longer, in the World."""


_NOT_AFTER = Watch | Answer | RingBack | HandOver | Play | Hold | Lease
MINUTE: Micros = 60 * SECOND
NO_TALLY = Tally()


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
    trunks: set[TrunkId] = field(default_factory=set)
    """Trunks over which something has gone out."""
    campaigns: set[CampaignId] = field(default_factory=set)
    attempts: set[AttemptId] = field(default_factory=set)
    """Begun or over."""
    switches: set[SwitchId] = field(default_factory=set)
    """Turned."""
    ledger: list[Entry] = field(default_factory=list)
    """What is promised about people and their numbers."""
    records: set[CallId] = field(default_factory=set)
    """Calls whose record is to be written."""
    closed: list[Call] = field(default_factory=list)
    """Calls that left the World."""
    dirty: set[Lane] = field(default_factory=set)
    """Lanes in which a caller or an agent may have become matchable."""
    staff: set[QueueId] = field(default_factory=set)
    """Queues whose agents have changed."""
    claims: list[ClaimContacts] = field(default_factory=list)
    """Contacts that are wanted."""
    asks: list[Ask] = field(default_factory=list)
    """Questions of flows to servers."""
    flows: set[str] = field(default_factory=set)
    """Versions that a caller has entered first, or that nobody is inside any more."""
    paced: set[CampaignId] = field(default_factory=set)
    """Campaigns that may have more to dial than a moment ago."""
    more: list[CallId] = field(default_factory=list)
    """Calls for which more agents are to be rung, of those who are free when nobody waits for them."""
    too_late: list[CallId] = field(default_factory=list)
    """Customers whose grace is over, unless somebody is free for them in this very step."""
    bridges: Mapping[CallId, BridgeId] = field(default_factory=dict)
    """In which calls stand with an agent's open line, as a start finds them."""
    away: set[AgentId] = field(default_factory=set)
    """Agents who are not available, of those who have changed."""

    def wish(self, *commands: Command) -> None:
        """What is to be done; of a channel that has left the app only its end: the fallback sets its own time limit."""
        self.commands.extend(c for c in commands if not self._has_left(c))

    def _has_left(self, command: Command) -> bool:
        leg = self.world.legs.get(command.leg) if isinstance(command, _NOT_AFTER) else None
        return leg is not None and leg.left_by is not None

    def tell(self, fact: Fact) -> None:
        self.facts.append(fact)

    def enter(self, entry: Entry) -> None:
        """Into the ledger."""
        self.ledger.append(entry)

    def stray(self, event: Event, where: object) -> None:
        """The event fits no phase: it changes nothing, and is counted. `where`: the phase, or what is not known."""
        phase = where if isinstance(where, str) else type(where).__name__
        self.tell(StrayEvent(type(event).__name__, phase))

    # ── calls and legs ───────────────────────────────────────────────────────────────────────

    def touch_call(self, call: Call) -> None:
        """The call's row changes; its place and its deadline are noted anew."""
        self.calls.add(call.id)
        if isinstance(call.caller, E164):
            self.world.index.in_call(call.caller.digits, call.id, over=isinstance(call.phase, Ended))
        at = standing_of(self.world, call)
        if self.world.index.place(call.id, at) and at is not None and not at.offered:
            self.dirty.add(at.lane)
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
        self.staff.update(self.world.guarded_by(agent.id))
        if not isinstance(agent.status, Available):
            self.away.add(agent.id)
        at = free_of(self.world, agent)
        if self.world.index.free(agent.id, at) and at is not None:
            self.dirty.update(at.lanes)
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


def standing_of(world: World, call: Call) -> Standing | None:
    """Where the call stands in a queue, if it does."""
    match call.phase:
        case Queued(place):
            return _standing(world, call, place, offered=False)
        case Offered(place):
            return _standing(world, call, place, offered=True)
    return None


def _standing(world: World, call: Call, place: Place, *, offered: bool) -> Standing:
    key = place_key(place, call.id, world.policy.queues[place.queue].ageing)
    return Standing((place.queue, call.node), key, place.asks, offered)


def place_key(place: Place, call: CallId, ageing: int) -> PlaceKey:
    """The order in which a queue's callers are served: of `routing`'s score, what does not change with time."""
    since = place.since - place.credit
    return ageing * since - place.priority * MINUTE, since, call


def place_now(world: World, place: Place, now: Micros) -> Place:
    """The place by the policy as it is: with what is asked of an agent after a wait until now, and with the end of
    waiting where nobody is there."""
    queue = world.policy.queues[place.queue]
    called = place.harbour_by is not None  # waits for a second or two, and for nothing but an agent
    alone_by = None if called else _alone_by(world, place, now)
    leave_by = (place.entered or place.since) + queue.longest_wait if queue.longest_wait and not called else None
    if leave_by != place.leave_by:
        place = replace(place, leave_by=leave_by)
    if place.wants is not None and not _waits_for(world, place, place.wants, now):
        place = replace(place, wants=None, wants_until=None)  # for good, though the agent may come back
    if place.wants is not None:
        asks = Requirement(only=place.wants)
        return replace(place, asks=asks, relax_at=place.wants_until, alone_by=alone_by)
    stages = place.stages or queue.stages
    asks, relax_at = ANYBODY, None
    for stage in stages:
        if place.since + stage.after > now:
            relax_at = place.since + stage.after
            break
        asks = stage.asks
    return replace(place, asks=asks, relax_at=relax_at, alone_by=alone_by)


def _waits_for(world: World, place: Place, wants: AgentId, now: Micros) -> bool:
    """Whether the caller still waits for one agent, who must be there for it."""
    agent = world.agents.get(wants)
    here = agent is not None and isinstance(agent.status, Available) and place.queue in world.served_by(wants)
    return here and place.wants_until is not None and now < place.wants_until


def _alone_by(world: World, place: Place, now: Micros) -> Micros | None:
    if place.queue not in world.unstaffed:
        return None
    return place.alone_by or now + world.policy.queues[place.queue].unstaffed_after


def free_of(world: World, agent: Agent) -> Free | None:
    """Where and how the agent is routable (Available, Idle, on the line or Reachable, not held), or None."""
    policy = world.policy.agents.get(agent.id)
    if not isinstance(agent.status, Available) or policy is None:
        return None
    ready = agent.open_line is not None if policy.nailed_up else isinstance(agent.phone, Reachable) and not agent.line
    if not isinstance(agent.state, Idle) or agent.held_until is not None or not ready:
        return None
    node = world.policy.phones[policy.phone].node
    queues = [world.policy.queues[q] for q in world.served_by(agent.id)]
    merits = {q.id: Merit(policy.penalties.get(q.id, 0), _number(world, agent, q)) for q in queues}
    return Free(agent.id, node, agent.state.since, merits, policy.skills)


def _number(world: World, agent: Agent, queue: QueuePolicy) -> int:
    """What the queue's strategy compares; the lowest is rung."""
    tally = agent.tallies.get(queue.id, NO_TALLY)
    match queue.strategy:
        case Strategy.LONGEST_IDLE | Strategy.RING_ALL | Strategy.RING_PROGRESSIVELY:
            assert isinstance(agent.state, Idle)
            return agent.state.since
        case Strategy.LEAST_RECENT:
            return tally.ended
        case Strategy.FEWEST_CALLS:
            return tally.answered
        case Strategy.LEAST_TALK_TIME:
            return agent.talked
        case Strategy.RANDOM:
            return 0
        case Strategy.RR_MEMORY | Strategy.LINEAR:
            return world.order_of(agent.id)
        case _:
            assert_never(queue.strategy)


def call_due(call: Call) -> Micros | None:
    """The call's next deadline."""
    match call.phase:
        case InMenu(digit_by=digit_by, heard_by=heard_by):
            return _earliest(digit_by, heard_by, call.lease_renew)
        case Offered(rings=rings, more_at=more_at):
            place = call.phase.place
            return _earliest(*(it.until for it in rings), more_at, place.says_at, place.harbour_by, call.lease_renew)
        case Connected(talk_until=talk_until):
            return talk_until
        case Queued(place):
            return _earliest(
                place.leave_by, place.relax_at, place.alone_by, place.says_at, place.harbour_by, call.lease_renew
            )
        case Dialled(until=until) | Detecting(until=until):
            return until
        case Announcing(heard_by=heard_by):
            return _earliest(heard_by, call.lease_renew)
        case LookingUp(until=until, heard_by=heard_by):
            return _earliest(until, heard_by, call.lease_renew)
        case Arrived() | HandedOver() | Ended():
            return None


def agent_due(agent: Agent) -> Micros | None:
    """The agent's next deadline: the end of wrap-up, of a look at a contact, of the hold after a missed ring, of the
    time for the line to be picked up."""
    rings_until = agent.line.until if agent.line is not None else None
    match agent.state:
        case WrapUp(until=until) | Previewing(until=until):
            return _earliest(until, rings_until)
        case Idle():
            return _earliest(agent.held_until, rings_until)
        case _:
            return rings_until


def _earliest(*times: Micros | None) -> Micros | None:
    return min((t for t in times if t is not None), default=None)


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
