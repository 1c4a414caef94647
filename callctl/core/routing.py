"""Routing: which waiting caller goes to which free agent. State-triggered: whoever became matchable, and however."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from callctl.core.ids import SECOND, AgentId, CallId, Micros
from callctl.core.index import Lane, PlaceKey
from callctl.core.model import World


@dataclass(frozen=True, slots=True)
class Choice:
    """A caller and the agent chosen for them, and why."""

    call: CallId
    agent: AgentId
    why: str


def choose(world: World, lanes: Iterable[Lane], now: Micros) -> Choice | None:
    """The next match in these lanes, or None.

    Over all lanes the caller of highest priority, then of longest wait, is served first, by the agent of that
    queue who has been idle longest (since last becoming routable; ties by id).
    """
    best: tuple[PlaceKey, Lane] | None = None
    for lane in lanes:
        line = world.index.lines.get(lane)
        if line is None or not line.waiting or not line.free or not world.node_up(lane[1]):
            continue
        if best is None or line.waiting[0] < best[0]:
            best = line.waiting[0], lane
    if best is None:
        return None
    place, lane = best
    free = world.index.lines[lane].free
    idle_since, agent = free[0]
    why = f"longest idle of {len(free)} free in {lane[0]}: {(now - idle_since) / SECOND:.1f} s"
    if len(free) > 1:
        why += f", next {free[1][1]} {(now - free[1][0]) / SECOND:.1f} s"
    return Choice(place[2], agent, why)
