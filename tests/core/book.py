"""docs/acd.md, read a second time: by plain looks at everything, without the core's index."""

from __future__ import annotations

from collections.abc import Iterator

from callctl.core.ids import AgentId, CallId, Micros
from callctl.core.model import Agent, Available, Idle, Place, Queued, Reachable, World
from callctl.core.policy import Strategy
from callctl.core.routing import Choice
from callctl.core.turn import MINUTE


def against(choice: Choice | None, world: World, now: Micros) -> str:
    """How a choice differs from the book's; empty: not at all."""
    wanted = by_the_book(world, now)
    if choice is None or wanted is None:
        return "" if (choice, wanted) == (None, None) else f"{choice} instead of {wanted}"
    (call, able), rung = wanted, set(choice.agents)
    queue = world.calls[choice.call].story.queue
    several = queue is not None and world.policy.queues[queue].strategy is Strategy.RING_ALL
    right = call == choice.call and (rung == able if several else len(rung) == 1 and rung <= able)
    return "" if right else f"{choice} instead of {wanted}"


def by_the_book(world: World, now: Micros) -> tuple[CallId, set[AgentId]] | None:
    """The caller who is served next, and the agents of whom any may be rung."""
    could = [
        (-points(world, call.phase.place, now), call.phase.place.since - call.phase.place.credit, call.id, able)
        for call in world.calls.values()
        if isinstance(call.phase, Queued)
        and world.node_up(call.node)
        and (able := list(fitting(world, call.phase.place)))
    ]
    if not could:
        return None
    _, _, call, able = min(could, key=lambda it: it[:3])
    phase = world.calls[call].phase
    assert isinstance(phase, Queued)
    return call, best(world, phase.place, able)


def points(world: World, place: Place, now: Micros) -> int:
    """In sixty-millionths: no rounding decides."""
    queue = world.policy.queues[place.queue]
    return (queue.weight + place.priority) * MINUTE + queue.ageing * (now - place.since + place.credit)


def fitting(world: World, place: Place) -> Iterator[Agent]:
    for agent in world.agents.values():
        policy = world.policy.agents.get(agent.id)
        free = isinstance(agent.status, Available) and isinstance(agent.state, Idle) and agent.held_until is None
        if policy is None or not free or not isinstance(agent.phone, Reachable):
            continue
        if place.queue not in world.served_by(agent.id) or place.asks.only not in (None, agent.id):
            continue
        penalty = policy.penalties.get(place.queue, 0)
        most = place.asks.max_penalty
        if penalty < place.asks.min_penalty or (most is not None and penalty > most):
            continue
        if all(policy.skills.get(skill, 0) >= level for skill, level in place.asks.needs):
            yield agent


def best(world: World, place: Place, able: list[Agent]) -> set[AgentId]:
    def rank(agent: Agent) -> tuple[int, int]:
        policy = world.policy.agents[agent.id]
        return policy.penalties.get(place.queue, 0), -sum(policy.skills.get(s, 0) for s in place.asks.prefers)

    first = min(map(rank, able))
    alike = [agent for agent in able if rank(agent) == first]
    strategy = world.policy.queues[place.queue].strategy
    order = list(world.policy.agents)
    if strategy in (Strategy.RANDOM, Strategy.RING_ALL):
        return {agent.id for agent in alike}
    if strategy is Strategy.RR_MEMORY:
        last = order.index(world.turns[place.queue]) if place.queue in world.turns else -1
        turn = order[last + 1 :] + order[: last + 1]
        return {min((agent.id for agent in alike), key=turn.index)}

    def number(agent: Agent) -> float:
        tally = agent.tallies.get(place.queue)
        match strategy:
            case Strategy.LEAST_RECENT:
                return tally.ended if tally else 0
            case Strategy.FEWEST_CALLS:
                return tally.answered if tally else 0
            case Strategy.LEAST_TALK_TIME:
                return agent.talked
            case Strategy.LINEAR:
                return order.index(agent.id)
            case _:
                return 0

    def idle(agent: Agent) -> Micros:
        assert isinstance(agent.state, Idle)
        return agent.state.since

    return {min(alike, key=lambda agent: (number(agent), idle(agent), agent.id)).id}
