"""What must hold after every step: checked by tests and simulation, each violation a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from callctl.core import nailing
from callctl.core.addresses import E164
from callctl.core.admission import unstaffed
from callctl.core.ids import NO_CALL, AgentId, CallId, LegId
from callctl.core.index import Group, Lane, Line, Standing
from callctl.core.model import (
    Arrived,
    Available,
    Briefed,
    Call,
    Connected,
    Detecting,
    Dialled,
    Dialling,
    Ended,
    Leg,
    LegRole,
    Offered,
    OnCall,
    Previewing,
    Queued,
    Reserved,
    Ringing,
    Up,
    World,
    WrapUp,
)
from callctl.core.policies import may_go
from callctl.core.policy import ANYBODY, Requirement
from callctl.core.ranks import Free, rank
from callctl.core.turn import agent_due, call_due, free_of, standing_of


def check(world: World) -> list[str]:
    """Every invariant that is broken; empty: all hold."""
    return [
        *_calls(world),
        *_agents(world),
        *_legs(world),
        *_dialled(world),
        *_lines(world),
        *_claimed(world),
        *_index(world),
        *_watched(world),
        *_matched(world),
        *_staffed(world),
        *(f"switch {name} is on, and not configured" for name in world.switches.keys() - world.policy.switches.keys()),
    ]


def _calls(world: World) -> Iterator[str]:
    for call in world.calls.values():
        match call.phase:
            case Arrived():
                yield f"call {call.id} was left between its arrival and its first destination"
            case Offered(agents=agents):
                if not agents or len(set(agents)) < len(agents):
                    yield f"call {call.id} is offered to {agents}"
                if len(agents) > 1 and not call.phase.several:
                    yield f"call {call.id} is offered to {agents}, though its strategy rings one"
                for agent in agents:
                    state = world.agents[agent].state if agent in world.agents else None
                    if not isinstance(state, Reserved | Ringing | Briefed) or state.call != call.id:
                        yield f"call {call.id} is offered to {agent}, who is {state}"
            case Connected(agent=agent, agent_leg=leg):
                state = world.agents[agent].state if agent in world.agents else None
                if not isinstance(state, OnCall) or (state.call, state.leg) != (call.id, leg):
                    yield f"call {call.id} is connected to {agent} on {leg}, who is {state}"
            case Ended() if not _may_stay(world, call):
                yield f"call {call.id} is over, and still in the World"
        if not isinstance(call.phase, Ended) and call.leg not in world.legs:
            yield f"call {call.id} is {type(call.phase).__name__} without its caller"
        if (call.story.outcome is not None and call.story.ended is not None) != isinstance(call.phase, Ended):
            yield f"call {call.id} is {type(call.phase).__name__} with outcome {call.story.outcome}"


def _may_stay(world: World, call: Call) -> bool:
    agent = world.agents.get(call.story.agent) if call.story.agent else None
    wraps_up = agent is not None and isinstance(agent.state, WrapUp) and agent.state.call == call.id
    return wraps_up or bool(world.index.legs.get(call.id))


def _agents(world: World) -> Iterator[str]:
    holds: Counter[str] = Counter()
    for agent in world.agents.values():
        match agent.state:
            case Reserved(call_id) | Ringing(call_id) | Briefed(call_id):
                legs = agent.state.legs
                if not legs:
                    yield f"agent {agent.id} rings with no leg"
                if call_id not in world.calls:
                    yield f"agent {agent.id} rings for {call_id}, which is no more"
                for leg in legs:
                    if leg not in world.legs:
                        yield f"agent {agent.id} rings on {leg}, which is no more"
            case OnCall(call_id, _):
                holds[call_id] += 1
                call = world.calls.get(call_id)
                if call is None or not isinstance(call.phase, Connected) or call.phase.agent != agent.id:
                    yield f"agent {agent.id} is on {call_id}, which is {call and call.phase}"
        if may_go(world, agent):
            yield f"agent {agent.id} is not configured, idle, and still in the World"
    yield from (f"call {call_id} has {n} agents" for call_id, n in holds.items() if n > 1)


def _legs(world: World) -> Iterator[str]:
    for leg in world.legs.values():
        if leg.role is LegRole.LINE:
            yield from _line(world, leg)
            continue
        if leg.call not in world.calls:
            yield f"leg {leg.id} belongs to {leg.call}, which is no more"
        if leg.agent is not None and leg.agent not in world.agents:
            yield f"leg {leg.id} is of {leg.agent}, who is no more"
        if (leg.role is LegRole.AGENT) != (leg.agent is not None):
            yield f"leg {leg.id} is a {leg.role} with agent {leg.agent}"


def _line(world: World, leg: Leg) -> Iterator[str]:
    """A line's leg is somebody's, or is about to end."""
    if leg.call != NO_CALL:
        yield f"line {leg.id} is in a call, {leg.call}"
    if leg.agent is None or leg.agent not in world.agents:
        yield f"line {leg.id} is of {leg.agent}, who is no more"


def _dialled(world: World) -> Iterator[str]:
    """An attempt is in the World as long as its call, and no number and no contact is in two."""
    out = world.outbound
    calls = {call.attempt: call for call in world.calls.values() if call.attempt and not isinstance(call.phase, Ended)}
    for attempt in out.attempts.values():
        if attempt.call is not None and attempt.id not in calls:
            yield f"attempt {attempt.id} goes on, and its call does not"
    yield from (
        f"call {call.id} goes on, and its attempt {a} does not" for a, call in calls.items() if a not in out.attempts
    )
    busy = Counter(key for it in out.attempts.values() for key in (it.number.digits, str(it.contact)))
    yield from (f"{key} is called twice at a time" for key, n in busy.items() if n > 1)
    for agent in world.agents.values():
        if isinstance(agent.state, Dialling):
            call = world.calls.get(agent.state.call)
            if call is None or not isinstance(call.phase, Dialled | Detecting) or call.wants != agent.id:
                yield f"agent {agent.id} waits for {agent.state.call}, which is {call and call.phase}"
        if isinstance(agent.state, Previewing) and agent.state.contact in {it.contact for it in out.attempts.values()}:
            yield f"agent {agent.id} looks at {agent.state.contact}, who is being called"


def _lines(world: World) -> Iterator[str]:
    """Whoever wants a line has one, or is about to; nobody keeps one for nothing."""
    for agent in world.agents.values():
        if agent.line is None and nailing.is_wanted(world, agent):
            yield f"agent {agent.id} wants a line, and no phone rings"
        legs = (world.legs[leg] for leg in agent.line.legs) if agent.line is not None else ()
        up = all(world.node_up(leg.node) for leg in legs)
        if agent.line is not None and up and not nailing.is_kept(world, agent):
            yield f"agent {agent.id} keeps a line for nothing"


def _claimed(world: World) -> Iterator[str]:
    """Whoever is claimed waits to be called, is looked at, or is being called."""
    out = world.outbound
    ready = {name for names in out.ready.values() for name in names}
    called = {attempt.contact for attempt in out.attempts.values()}
    looked_at = {it.state.contact for it in world.agents.values() if isinstance(it.state, Previewing)}
    yield from (f"contact {name} is claimed for nothing" for name in out.contacts.keys() - ready - called - looked_at)
    yield from (f"contact {name} is looked at, and not claimed" for name in looked_at - out.contacts.keys())


def _index(world: World) -> Iterator[str]:
    """The indexes say what a naive scan says."""
    index = world.index
    places = {c.id: at for c in world.calls.values() if (at := standing_of(world, c)) is not None}
    if dict(index.places()) != places:
        yield f"places: {dict(index.places())} instead of {places}"
    frees = {a.id: free for a in world.agents.values() if (free := free_of(world, a)) is not None}
    if dict(index.frees()) != frees:
        yield f"free agents: {dict(index.frees())} instead of {frees}"
    for lane, line in index.lines.items():
        here = [at for at in places.values() if at.lane == lane]
        here_free = {name: it for name, it in frees.items() if lane in it.lanes}
        wanted = Line(
            waiting=sorted(at.key for at in here if not at.offered),
            offered=sorted(at.key for at in here if at.offered),
            free=here_free,
            groups={at.asks: _group(lane, at.asks, here, here_free) for at in here if not at.offered},
        )
        if line != wanted:
            yield f"lane {lane}: {line} instead of {wanted}"
    legs: dict[CallId, set[LegId]] = {}
    for leg in world.legs.values():
        legs.setdefault(leg.call, set()).add(leg.id)
    if {c: ls for c, ls in index.legs.items() if ls} != legs:
        yield f"legs by call: {index.legs} instead of {legs}"
    yield from _callers(world)


def _callers(world: World) -> Iterator[str]:
    callers: dict[str, set[CallId]] = {}
    for call in world.calls.values():
        if isinstance(call.caller, E164) and not isinstance(call.phase, Ended):
            callers.setdefault(call.caller.digits, set()).add(call.id)
    if world.index.callers != callers:
        yield f"calls by caller: {world.index.callers} instead of {callers}"


def _watched(world: World) -> Iterator[str]:
    """No deadline is forgotten."""
    alarms = set(world.index.alarms)
    for call in world.calls.values():
        due = call_due(call)
        if due is not None and world.node_up(call.node) and (due, "call", call.id) not in alarms:
            yield f"call {call.id} has a deadline that nobody watches"
    for leg in world.legs.values():
        if leg.left_by is not None and world.node_up(leg.node) and (leg.left_by, "leg", leg.id) not in alarms:
            yield f"leg {leg.id} has left, and nobody watches"
    for node in world.nodes.values():
        if isinstance(node.phase, Up) and (node.phase.beat_at, "node", node.id) not in alarms:
            yield f"node {node.id} has a heartbeat that nobody watches"
    for agent in world.agents.values():
        due = agent_due(agent)
        if due is not None and (due, "agent", agent.id) not in alarms:
            yield f"agent {agent.id} has a deadline that nobody watches"


def _group(lane: Lane, asks: Requirement, here: Iterable[Standing], free: Mapping[AgentId, Free]) -> Group:
    fit = (rank(it, lane[0], asks) for it in free.values())
    waiting = sorted(at.key for at in here if at.asks == asks and not at.offered)
    return Group(waiting, sorted(key for key in fit if key is not None))


def _staffed(world: World) -> Iterator[str]:
    """Queues of which nobody is there are known, and so are those who wait in them; nobody waits for who has gone, or
    asks for what is not asked any more."""
    found = unstaffed(world)
    if world.unstaffed != found:
        yield f"unstaffed are {sorted(world.unstaffed)} instead of {sorted(found)}"
    for call in world.calls.values():
        if isinstance(call.phase, Queued) and world.node_up(call.node):
            place = call.phase.place
            if place.harbour_by is None and (place.alone_by is None) == (place.queue in found):
                yield f"call {call.id} waits in {place.queue} until {place.alone_by}"
            stages = place.stages or world.policy.queues[place.queue].stages
            if place.asks not in (ANYBODY, Requirement(only=place.wants), *(stage.asks for stage in stages)):
                yield f"call {call.id} asks for {place.asks}, which nobody asks for in {place.queue}"
            if place.asks.only is not None and not isinstance(world.agents[place.asks.only].status, Available):
                yield f"call {call.id} waits for {place.asks}, who is away"


def _matched(world: World) -> Iterator[str]:
    """Nobody waits while somebody who fits could answer."""
    free = [at for a in world.agents.values() if (at := free_of(world, a)) is not None]
    for call in world.calls.values():
        if isinstance(call.phase, Queued) and world.node_up(call.node):
            place = call.phase.place
            lane = (place.queue, call.node)
            if any(lane in at.lanes and rank(at, place.queue, place.asks) is not None for at in free):
                yield f"call {call.id} waits in {lane[0]} while an agent is free"
