"""Why a caller still waits: who serves the queue, and what keeps each of them from this caller. For people."""

from __future__ import annotations

from callctl.core.ids import SECOND, AgentId, Micros
from callctl.core.model import (
    Agent,
    Available,
    Briefed,
    BusyElsewhere,
    Call,
    Idle,
    LoggedOut,
    OnCall,
    Paused,
    Place,
    Queued,
    Reachable,
    Reserved,
    Ringing,
    Settling,
    Unreachable,
    World,
    WrapUp,
)
from callctl.core.policy import ANYBODY
from callctl.core.turn import free_of, standing_of

MOST_NAMED = 6
"""Agents; of the others it is told how many they are."""


def why_waits(world: World, call: Call, now: Micros) -> str:
    """One sentence; empty: the call does not wait."""
    phase = call.phase
    if not isinstance(phase, Queued):
        return ""
    place = phase.place
    if not world.node_up(call.node):
        return f"the link to {call.node} is down"
    at = standing_of(world, call)
    before = world.index.line(at.lane).position(at.key) - 1 if at is not None else 0
    parts = [f"{before} in {place.queue} come first"] if before else []
    if place.wants is not None:
        for_ = (place.wants_until or now) - now
        parts.append(f"for {for_ / SECOND:.0f} s more for {place.wants} alone")
    elif place.asks != ANYBODY:
        parts.append(f"asks for {place.asks}" + _relaxed(place, now))
    agents = [world.agents[name] for name in world.serving(place.queue) if name in world.agents]
    wanted = [agent for agent in agents if place.wants in (None, agent.id)]
    parts.append(_kept_by(world, call, place, wanted, now))
    return "; ".join(parts)


def _relaxed(place: Place, now: Micros) -> str:
    return "" if place.relax_at is None else f" for {(place.relax_at - now) / SECOND:.0f} s more"


def _kept_by(world: World, call: Call, place: Place, agents: list[Agent], now: Micros) -> str:
    if not agents:
        return "nobody serves the queue"
    if all(isinstance(agent.status, LoggedOut) for agent in agents):
        return f"nobody is logged in, of {len(agents)} agent{'s' if len(agents) > 1 else ''}"
    here = [agent for agent in agents if not isinstance(agent.status, LoggedOut)]
    said = [f"{agent.id} {_kept(world, call, place, agent, now)}" for agent in here[:MOST_NAMED]]
    if len(here) > MOST_NAMED:
        said.append(f"{len(here) - MOST_NAMED} more")
    if len(agents) > len(here):
        said.append(f"{len(agents) - len(here)} logged out")
    return ", ".join(said)


def _kept(world: World, call: Call, place: Place, agent: Agent, now: Micros) -> str:
    """What keeps an agent who is logged in from the caller."""
    if missing := _missing(world, place, agent.id):
        return missing
    match agent.state:
        case OnCall():
            return "talks"
        case Reserved() | Ringing() | Briefed():
            return "is being rung"
        case WrapUp(until=until):
            return f"wraps up ({max(0, until - now) / SECOND:.0f} s)"
        case Idle():
            pass
    if isinstance(agent.status, Paused):
        return f"is paused ({agent.status.reason})"
    match agent.phone:
        case Unreachable():
            return "has no phone that can be rung"
        case BusyElsewhere() | Settling():
            return "has a busy phone"
        case Reachable():
            pass
    if agent.held_until is not None:
        return f"is left alone for {max(0, agent.held_until - now) / SECOND:.0f} s after a ring"
    assert isinstance(agent.status, Available)
    free = free_of(world, agent)
    return "is free on another node" if free is not None and free.node != call.node else "is free"


def _missing(world: World, place: Place, agent: AgentId) -> str:
    """What of what is asked the agent does not have; empty: nothing."""
    policy, asks = world.policy.agents.get(agent), place.asks
    if policy is None or asks == ANYBODY or asks.only is not None:
        return ""
    for skill, level in asks.needs:
        if policy.skills.get(skill, 0) < level:
            return f"has {skill} {policy.skills.get(skill, 0)}"
    penalty = policy.penalties.get(place.queue, 0)
    if penalty < asks.min_penalty or (asks.max_penalty is not None and penalty > asks.max_penalty):
        return f"has penalty {penalty}"
    return ""
