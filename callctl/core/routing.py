"""Routing: which waiting caller goes to which free agent. State-triggered: whoever became matchable, and however.

**Who is served first.** Over all queues that could be served now, the caller of the highest score:

    score = queue's weight + caller's priority + queue's ageing × minutes waited

then who has waited longest, then the lower id. Only callers for whom a free agent fits count.

**Nobody starves** where `ageing` is above 0. Let caller x wait in a queue of ageing a, and let W be the most that any
weight plus priority of others exceeds x's. Among queues of the same ageing nobody who came more than W / a minutes
after x is served before x by an agent who fits both. A caller of a queue that ages faster (b > a) is served before x
only within a wait of (W + a × x's wait) / b minutes of their own: x waits longer than they do, and ever more so.

**Whom it is offered to.** Of the free agents who fit what the caller asks (`policy.Requirement`): those of the lowest
penalty; of these, those whose levels in the preferred skills add up to most; of these, whom the queue's strategy names;
then who has been idle longest, then the lower id.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from callctl.core.ids import SECOND, AgentId, CallId, Micros, QueueId
from callctl.core.index import Group, Lane, PlaceKey
from callctl.core.model import Call, Offered, Place, World
from callctl.core.policy import ANYBODY, QueuePolicy, Requirement, Strategy
from callctl.core.ranks import Considered, RankKey, rank
from callctl.core.turn import MINUTE, place_now

MOST_CONSIDERED = 5
"""Of the free agents, so many are named with each choice."""

MOST_RUNG = 50
"""Of those who ring for one call at a time: each is a channel and an INVITE."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A caller and whom to ring for them, and why."""

    call: CallId
    agents: tuple[AgentId, ...]
    """One, unless the strategy rings several."""
    why: str
    considered: tuple[Considered, ...] = ()
    """The best of those who were free and fitted, in order."""
    fitted: int = 0
    """How many they were in all."""


def choose(world: World, lanes: Iterable[Lane], now: Micros) -> Choice | None:
    """The next match in these lanes, or None."""
    best: tuple[tuple[int, Micros, CallId], Lane, Requirement, Group] | None = None
    for lane, asks, group in _matchable(world, lanes):
        order = _order(world.policy.queues[lane[0]], group.waiting[0], now)
        if best is None or order < best[0]:
            best = order, lane, asks, group
    if best is None:
        return None
    (_, _, call), (queue, _), asks, group = best
    return _choice(world, call, queue, asks, group.free, now)


def more(world: World, call: Call, phase: Offered, now: Micros) -> Choice | None:
    """Who is rung as well, beside those who ring for the call already; None: nobody who fits is free."""
    place = place_now(world, phase.place, now)
    line = world.index.lines.get((place.queue, call.node))
    fit = (rank(it, place.queue, place.asks) for it in line.free.values()) if line is not None else ()
    free = sorted(key for key in fit if key is not None)
    room = MOST_RUNG - len(phase.rings)
    return _choice(world, call.id, place.queue, place.asks, free, now, room) if free and room > 0 else None


def _choice(
    world: World,
    call: CallId,
    queue: QueueId,
    asks: Requirement,
    free: list[RankKey],
    now: Micros,
    room: int = MOST_RUNG,
) -> Choice:
    strategy = world.policy.queues[queue].strategy
    at = _pick(world, queue, strategy, free)
    near = [free[at], *(key for key in free[: MOST_CONSIDERED + 1] if key != free[at])]
    considered = tuple(_considered(key, now) for key in near[:MOST_CONSIDERED])
    agents: tuple[AgentId, ...] = (free[at][-1],)
    if strategy is Strategy.RING_ALL:
        agents = tuple(key[-1] for key in free[: min(_alike(free), room)])
    why = _why(world, queue, strategy, asks, considered, len(free), len(agents), now)
    return Choice(call, agents, why, considered, len(free))


def _matchable(world: World, lanes: Iterable[Lane]) -> Iterator[tuple[Lane, Requirement, Group]]:
    for lane in lanes:
        line = world.index.lines.get(lane)
        if line is not None and world.node_up(lane[1]):
            yield from ((lane, asks, group) for asks, group in line.groups.items() if group.waiting and group.free)


def _order(queue: QueuePolicy, place: PlaceKey, now: Micros) -> tuple[int, Micros, CallId]:
    """The caller's order over all queues, at this moment: the highest score first."""
    return place[0] - queue.weight * MINUTE - queue.ageing * now, place[1], place[2]


def score(queue: QueuePolicy, place: Place, now: Micros) -> float:
    """The caller's score, in points."""
    return queue.weight + place.priority + queue.ageing * (now - place.since + place.credit) / MINUTE


def _pick(world: World, queue: QueueId, strategy: Strategy, free: list[RankKey]) -> int:
    """Which of the free agents, best first, is rung."""
    if strategy not in (Strategy.RANDOM, Strategy.RR_MEMORY):
        return 0
    alike = _alike(free)
    if strategy is Strategy.RANDOM:
        return world.ids.below(alike)
    last = _number_of_last(world, queue)
    return bisect_right(free, last, 0, alike, key=lambda key: key[2]) % alike


def _alike(free: list[RankKey]) -> int:
    """How many have the first one's penalty and preferred skills."""
    return bisect_right(free, free[0][:2], key=lambda key: key[:2])


def _number_of_last(world: World, queue: QueueId) -> int:
    """The place in the file's order of whom was rung last for the queue; before all, if nobody was."""
    return world.order_of(world.turns.get(queue))


# ── why ──────────────────────────────────────────────────────────────────────────────────────


def _considered(key: RankKey, now: Micros) -> Considered:
    penalty, preference, number, since, agent = key
    return Considered(agent, penalty, -preference, number, now - since)


_SAYS: Mapping[Strategy, str] = {
    Strategy.LONGEST_IDLE: "longest idle of {who}",
    Strategy.LEAST_RECENT: "longest since a call's end of {who}",
    Strategy.FEWEST_CALLS: "fewest calls of {who}",
    Strategy.LEAST_TALK_TIME: "least talk time of {who}",
    Strategy.RANDOM: "drawn from {who}",
    Strategy.RR_MEMORY: "next in turn of {who}, after {last}",
    Strategy.LINEAR: "first in order of {who}",
    Strategy.RING_ALL: "all {rung} rung of {who}",
    Strategy.RING_PROGRESSIVELY: "longest idle of {who}",
}


def _why(
    world: World,
    queue: QueueId,
    strategy: Strategy,
    asks: Requirement,
    considered: tuple[Considered, ...],
    fitted: int,
    rung: int,
    now: Micros,
) -> str:
    first = considered[0]
    who = f"{fitted} free in {queue}"
    if asks != ANYBODY and asks.needs:
        who += f" with {Requirement(asks.needs)}"
    says = _SAYS[strategy].format(who=who, rung=rung, last=world.turns.get(queue, "nobody"))
    amounts = [amount(strategy, it, first, asks, now) for it in considered[:2]]
    text = says + (f": {amounts[0]}" if amounts[0] else "")
    if len(considered) > 1 and rung == 1:
        text += f", next {considered[1].agent} {amounts[1]}".rstrip()
    return text


def amount(strategy: Strategy, it: Considered, first: Considered, asks: Requirement, now: Micros) -> str:
    """The agent's numbers, as far as they decided."""
    said = [f"penalty {it.penalty}"] if it.penalty or first.penalty else []
    if asks.prefers:
        said.append(f"{'+'.join(asks.prefers)} {it.preference}")
    match strategy:
        case Strategy.LONGEST_IDLE | Strategy.RING_PROGRESSIVELY:
            said.append(f"{it.idle / SECOND:.1f} s")
        case Strategy.LEAST_RECENT:
            said.append(f"{(now - it.number) / SECOND:.1f} s" if it.number else "none yet")
        case Strategy.FEWEST_CALLS:
            said.append(f"{it.number} call{'' if it.number == 1 else 's'}")
        case Strategy.LEAST_TALK_TIME:
            said.append(f"{it.number / SECOND:.0f} s")
        case Strategy.RANDOM | Strategy.RR_MEMORY | Strategy.LINEAR | Strategy.RING_ALL:
            pass
    return ", ".join(said)
