"""A day on which each agent looks at a contact, dials it and waits for the answer: preview, and dialling by hand."""

from __future__ import annotations

from callctl.forecast.campaign import Day
from callctl.forecast.contacts import Ended
from callctl.forecast.told import Told
from callctl.forecast.world import Quiet, World

NOBODY_DUE = 5.0
"""Seconds until an agent for whom there was no contact asks again."""


def live_looking(day: Day, look: float, seed: int) -> Told:
    """What becomes of the day. `look`: s from the end of the last call until the next is dialled. Nobody is ever
    abandoned: the agent is there."""
    return _Looking(day, look, seed).lived()


class _Looking(World):
    def __init__(self, day: Day, look: float, seed: int) -> None:
        super().__init__(day, Quiet(), seed)
        self.look = look
        self.bound: dict[int, int] = {}
        """By call: whose it is."""

    def begin(self) -> None:
        super().begin()
        for agent in range(self.day.agents):
            self.later(self.look, self._looked, agent)

    def _looked(self, now: float, agent: int) -> None:
        if agent in self.away or agent not in self.idle:
            return
        if not self.most(now):
            self.later(now + NOBODY_DUE, self._looked, agent)
            return
        self.idle.remove(agent)
        self.view.idle -= 1
        self.bound[self.dial(now)] = agent

    def free(self, now: float, agent: int) -> None:
        super().free(now, agent)
        if agent not in self.away:
            self.later(now + self.look, self._looked, agent)

    def wants_agent(self, now: float, call: int, answered: float, human: bool) -> None:
        self.idle.appendleft(self.bound.pop(call))
        self.view.idle += 1
        self.connect(now, call, human)

    def ended(self, now: float, call: int, how: Ended) -> None:
        super().ended(now, call, how)
        if call in self.bound:
            self.free(now, self.bound.pop(call))
