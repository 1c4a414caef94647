"""The days on which dialers are compared: the world of reference/pacing.md, section 4. All of it is assumed."""

from __future__ import annotations

from dataclasses import dataclass

from callctl.forecast.campaign import Amd, Day

MACHINES = 0.3
"""Of the answers, where there are machines."""
AMD_GRACE = 1.2
SHOCK_AGENTS = 0.3
SHOCK_ANSWER = 0.5
AGENTS_LEAVE, AGENTS_RETURN = 1 / 3, 2 / 3
ANSWER_HALVED, ANSWER_RESTORED = 1 / 2, 3 / 4
"""When, as a share of the day."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A day. `answer`: the probability that a human answers; `talk`: mean s.

    amd: besides the humans, machines answer (30 % of the answers are theirs). shock: 30 % of the agents leave at T/3,
    with their call finished, and are back at 2T/3; half as many answer from T/2 until 3T/4.
    """

    agents: int
    answer: float
    talk: float
    hours: float = 8.0
    amd: bool = False
    shock: bool = False

    def day(self) -> Day:
        end = self.hours * 3600
        staff = (
            (end * AGENTS_LEAVE, self.agents - round(self.agents * SHOCK_AGENTS)),
            (end * AGENTS_RETURN, self.agents),
        )
        answers = ((end * ANSWER_HALVED, self.answer * SHOCK_ANSWER), (end * ANSWER_RESTORED, self.answer))
        return Day(
            self.agents,
            self.answer,
            self.talk,
            hours=self.hours,
            grace=AMD_GRACE if self.amd else 2.0,
            answers=answers if self.shock else (),
            staff=staff if self.shock else (),
            machines=MACHINES if self.amd else 0.0,
            amd=Amd() if self.amd else None,
        )
