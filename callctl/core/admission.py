"""Whether a queue takes a caller, and whether somebody is there for those who wait."""

from __future__ import annotations

from callctl.core.hours import is_open, shut_by
from callctl.core.ids import AgentId, Micros, QueueId, SwitchId
from callctl.core.index import Line
from callctl.core.model import Call, LoggedOut, Paused, Queued, World
from callctl.core.policy import Destination, Overflow, QueuePolicy, Requirement, Staffed
from callctl.core.turn import Turn, place_now


def refusal(
    world: World, call: Call, queue: QueuePolicy, now: Micros
) -> tuple[Overflow, Destination, SwitchId | None] | None:
    """Why the queue does not take the caller now, where the caller goes instead, and the switch by which it is closed;
    None: it does."""
    if call.flow is not None and queue.id in call.flow.queues:
        return Overflow.AGAIN, world.policy.last_resort, None
    calendar = world.policy.calendars[queue.hours] if queue.hours is not None else None
    switch = shut_by((*queue.closed_while, *(calendar.closed_while if calendar is not None else ())), world.switches)
    if switch is not None or (calendar is not None and not is_open(calendar, now, world.switches)):
        return Overflow.CLOSED, queue.closed, switch
    if queue.id in world.unstaffed:
        return Overflow.UNSTAFFED, queue.unstaffed, None
    if queue.max_waiting and waiting(world, queue.id) >= queue.max_waiting:
        return Overflow.FULL, queue.full, None
    return None


def waiting(world: World, queue: QueueId) -> int:
    """How many wait in the queue, those whose agent's phone rings among them."""
    return sum(len(line.waiting) + len(line.offered) for line in _lines(world, queue))


def free(world: World, queue: QueueId) -> int:
    """How many agents of the queue could be rung at once."""
    return len({agent for line in _lines(world, queue) for agent in line.free})


def logged_in(world: World, queue: QueueId) -> int:
    """How many agents of the queue are not logged out."""
    here = [world.agents[a] for a in world.serving(queue) if a in world.agents]
    return sum(not isinstance(agent.status, LoggedOut) for agent in here)


def is_staffed(world: World, queue: QueuePolicy) -> bool:
    """Whether somebody is there, as far as the queue has a rule about it."""
    match queue.staffed:
        case Staffed.ANYWAY:
            return True
        case Staffed.LOGGED_IN:
            away: tuple[type, ...] = (LoggedOut,)
        case Staffed.AVAILABLE:
            away = (LoggedOut, Paused)
    return any(not isinstance(world.agents[a].status, away) for a in world.serving(queue.id) if a in world.agents)


def unstaffed(world: World) -> set[QueueId]:
    """The queues of which a rule says that somebody must be there, and nobody is."""
    return {queue.id for queue in world.policy.queues.values() if not is_staffed(world, queue)}


def look(turn: Turn) -> None:
    """State-triggered: an agent for whom callers wait has gone; the last agent of a queue has left it, or one is there
    again."""
    world = turn.world
    for agent in sorted(turn.away):
        _give_to_others(turn, agent)
    turn.away.clear()
    for name in sorted(turn.staff):
        queue = world.policy.queues.get(name)
        if queue is None:
            world.unstaffed.discard(name)
            continue
        if is_staffed(world, queue) == (name in world.unstaffed):
            world.unstaffed ^= {name}
            _tell_those_who_wait(turn, name)
    turn.staff.clear()


def _give_to_others(turn: Turn, agent: AgentId) -> None:
    """Who waits for this agent alone does so no longer."""
    asks = Requirement(only=agent)
    for queue in turn.world.served_by(agent):
        for line in _lines(turn.world, queue):
            group = line.groups.get(asks)
            for key in list(group.waiting) if group is not None else ():
                call = turn.world.calls[key[-1]]
                assert isinstance(call.phase, Queued)
                call.phase = Queued(place_now(turn.world, call.phase.place, turn.now))
                turn.touch_call(call)


def _lines(world: World, queue: QueueId) -> list[Line]:
    """The queue's lanes."""
    found = (world.index.lines.get((queue, node)) for node in world.nodes)
    return [line for line in found if line is not None]


def _tell_those_who_wait(turn: Turn, queue: QueueId) -> None:
    for key in [key for line in _lines(turn.world, queue) for key in line.waiting]:
        call = turn.world.calls[key[-1]]
        assert isinstance(call.phase, Queued)
        call.phase = Queued(place_now(turn.world, call.phase.place, turn.now))
        turn.touch_call(call)
