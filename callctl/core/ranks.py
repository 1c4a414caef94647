"""What a free agent has to show for a caller, and the order that follows. Pure arithmetic over plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from callctl.core.ids import AgentId, Micros, NodeId, QueueId, SkillId
from callctl.core.policy import Requirement

RankKey: TypeAlias = tuple[int, int, int, Micros, AgentId]
"""(penalty, −preference, the strategy's number, idle since, id): the first is rung."""


class Merit(NamedTuple):
    """Of an agent in one queue."""

    penalty: int
    number: int
    """What the queue's strategy compares; the lowest is rung."""


class Free(NamedTuple):
    """A routable agent: on which node, for which queues and with what merit in each, idle since when."""

    agent: AgentId
    node: NodeId
    since: Micros
    merits: Mapping[QueueId, Merit]
    skills: Mapping[SkillId, int]

    @property
    def lanes(self) -> tuple[tuple[QueueId, NodeId], ...]:
        return tuple((queue, self.node) for queue in self.merits)


def rank(free: Free, queue: QueueId, asks: Requirement) -> RankKey | None:
    """The agent's place among the free ones for a caller of the queue who asks this; None: the agent does not fit."""
    if asks.only is not None and asks.only != free.agent:
        return None
    merit = free.merits[queue]
    if merit.penalty < asks.min_penalty or (asks.max_penalty is not None and merit.penalty > asks.max_penalty):
        return None
    for skill, level in asks.needs:
        if free.skills.get(skill, 0) < level:
            return None
    preference = sum(free.skills.get(skill, 0) for skill in asks.prefers) if asks.prefers else 0
    return merit.penalty, -preference, merit.number, free.since, free.agent


@dataclass(frozen=True, slots=True)
class Considered:
    """One of the free agents who fitted, with the numbers that were compared."""

    agent: AgentId
    penalty: int
    preference: int
    """The sum of the levels in the preferred skills."""
    number: int
    """What the strategy compares."""
    idle: Micros
    """How long."""
