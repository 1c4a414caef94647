"""The world in which dialers are compared: people who answer or don't, agents who talk and write up, nothing else.

The rules are those of "pacing world" (reference/pacing.md, section 4). A number is answered by a human with probability
`answer`, 2 s + Gamma(3, mean 9 s) after the dialling, never later than 25 s; otherwise 15 % fail at once (1.5 to 4 s:
busy, no such number) and the rest ring for 25 s. Who has answered waits `grace` seconds for an agent, in the order of
answering, and is dropped then. The longest idle agent takes the next call; talk and wrap-up are lognormal; after the
wrap-up the agent is idle again. All parameters are assumptions: plausible, not fitted to data.

A dialer is independent of the product here: it sees what a dialer can see (`View`, the notifications), never the
truth. Times are float seconds since the day's beginning, shares are 0..1. The calls and the agents draw from streams of
their own: the n-th dial of a seed meets the same person, whoever dials.
"""

from __future__ import annotations

import heapq
import math
import random
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

RING = 25.0
"""s, after which nobody answers any more."""
PICK_UP = 2.0
"""s before a human's phone can be answered: set-up and the first ring."""
GAMMA = (3.0, 3.0)
"""Shape, and scale in s, of the rest of a human's delay: 9 s on average."""
FAST_FAILURE = 0.15
"""Of the calls that nobody answers."""
FAST = (1.5, 4.0)
"""s, between which these fail."""
TALK_VARIATION = 1.0
WRAP_VARIATION = 0.6
MACHINES = 0.3
"""Of the answers, where there are machines."""
AMD = 2.0
"""s for which the answering machine detection listens."""
FALSE_POSITIVE = 0.05
"""Of the humans: taken for machines, and hung up on."""
FALSE_NEGATIVE = 0.1
"""Of the machines: taken for humans, and put through to an agent,"""
MACHINE_TALK = 5.0
"""who listens for so many s, and has nothing to write up."""
SHOCK_AGENTS = 0.3
SHOCK_ANSWER = 0.5
AGENTS_LEAVE, AGENTS_RETURN = 1 / 3, 2 / 3
ANSWER_HALVED, ANSWER_RESTORED = 1 / 2, 3 / 4
"""When, as a share of the day."""
WINDOWS = 16
"""Parts of the day of which the worst counts: half hours, of eight hours."""
ENOUGH = 30
"""Answers without which a window doesn't count."""
FIRST_TEN = 600.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A day. `answer`: the probability that a human answers; `talk`, `wrap`: mean s; `grace`: s, 1.2 with AMD.

    amd: besides the humans, machines answer (30 % of the answers are theirs). shock: 30 % of the agents leave at T/3,
    with their call finished, and are back at 2T/3; half as many answer from T/2 until 3T/4.
    """

    agents: int
    answer: float
    talk: float
    wrap: float = 15.0
    hours: float = 8.0
    grace: float = 2.0
    amd: bool = False
    shock: bool = False


@dataclass(slots=True)
class View:
    """What a dialer sees. One instance is used all day: to be read, not kept, not changed."""

    now: float = 0.0
    agents: int = 0
    """Logged in."""
    idle: int = 0
    waiting: int = 0
    """Humans, as far as is known, who have answered and have no agent yet."""
    ringing: dict[int, float] = field(default_factory=dict)
    """By call: when it was dialled, the oldest first."""
    detecting: dict[int, float] = field(default_factory=dict)
    """By call that AMD listens to: when it was answered."""
    talking: dict[int, float] = field(default_factory=dict)
    """By agent: since when."""
    wrapping: dict[int, float] = field(default_factory=dict)
    """By agent: since when."""


class Dialer(Protocol):
    """Asked every `poll` s how many calls to dial; `eager`: also when an agent got free or a call stopped ringing."""

    @property
    def poll(self) -> float: ...
    @property
    def eager(self) -> bool: ...

    def dial(self, view: View) -> int: ...

    def answered(self, now: float, rang: float) -> None:
        """By a human or a machine."""

    def failed(self, now: float, rang: float) -> None:
        """Busy, impossible, or rang out."""

    def connected(self, now: float) -> None:
        """A human, as far as is known, reached an agent."""

    def abandoned(self, now: float) -> None:
        """A human, as far as is known, was dropped."""

    def machine(self, now: float) -> None:
        """AMD said so, and hung up."""

    def talked(self, now: float, seconds: float) -> None: ...

    def wrapped(self, now: float, seconds: float) -> None: ...


class Quiet:
    """A dialer that dials nothing and notes nothing, for others to begin from."""

    poll: float = 1.0
    eager: bool = False

    def dial(self, view: View) -> int:
        return 0

    def answered(self, now: float, rang: float) -> None: ...

    def failed(self, now: float, rang: float) -> None: ...

    def connected(self, now: float) -> None: ...

    def abandoned(self, now: float) -> None: ...

    def machine(self, now: float) -> None: ...

    def talked(self, now: float, seconds: float) -> None: ...

    def wrapped(self, now: float, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Day:
    """What came of it.

    answers: humans who picked up, those whom AMD took for machines included; abandoned: of these, dropped after the
    grace (AMD's false positives are not in it). occupancy: talk and wrap-up, of the agents' logged in time. wait: idle
    s for each call that an agent took. worst_half_hour: the highest share abandoned in a sixteenth of the day with 30
    answers or more. first_ten: the share in the first ten minutes. decision_p99, deciding: s of CPU time of the thread.
    """

    dials: int
    answers: int
    abandoned: int
    false_positives: int
    handled: int
    occupancy: float
    wait: float
    worst_half_hour: float
    first_ten: float
    decisions: int
    decision_p99: float
    deciding: float

    @property
    def abandoned_share(self) -> float:
        return _share(self.abandoned, self.answers)


def live_a_day(scenario: Scenario, dialer: Dialer, seed: int) -> Day:
    return _World(scenario, dialer, seed).lived()


@dataclass(slots=True)
class _Tally:
    dials: int = 0
    false_positives: int = 0
    handled: int = 0
    busy: float = 0.0
    """Agents' s."""
    logged_in: float = 0.0
    """Agents' s, until the last change of their number."""
    answers: list[int] = field(default_factory=lambda: [0] * WINDOWS)
    """By the sixteenth of the day in which they answered."""
    abandoned: list[int] = field(default_factory=lambda: [0] * WINDOWS)
    first_answers: int = 0
    first_abandoned: int = 0


class _World:
    def __init__(self, scenario: Scenario, dialer: Dialer, seed: int) -> None:
        self.scenario, self.dialer = scenario, dialer
        self.people, self.agents = random.Random(f"people {seed}"), random.Random(f"agents {seed}")
        self.end = scenario.hours * 3600
        self.window = self.end / WINDOWS
        self.answer = scenario.answer
        self.talk = _lognormal(scenario.talk, TALK_VARIATION)
        self.wrap = _lognormal(scenario.wrap, WRAP_VARIATION)
        self.view = View(agents=scenario.agents, idle=scenario.agents)
        self.idle: deque[int] = deque(range(scenario.agents))
        """The longest idle first."""
        self.waiting: dict[int, tuple[float, bool]] = {}
        """By call, the first to answer first: when it was answered, whether by a human."""
        self.leaving: set[int] = set()
        self.away: set[int] = set()
        self.counted = 0.0
        """Until when the logged in time is counted."""
        self.tally = _Tally()
        self.costs = array("d")
        self.asked = False
        """Whether the dialer is to be asked once the events of now are handled."""
        self.sequence = 0
        self.events: list[tuple[float, int, Callable[[float, int], None], int]] = []

    def lived(self) -> Day:
        self._plan()
        events, view, end, pop = self.events, self.view, self.end, heapq.heappop
        while events[0][0] < end:
            now, _, happens, about = pop(events)
            view.now = now
            happens(now, about)
            if self.asked and events[0][0] > now:
                self.asked = False
                self._ask(now)
        return self._told()

    def _plan(self) -> None:
        self._later(self.end, self._over, 0)
        self._later(0.0, self._polled, 0)
        if self.scenario.shock:
            self._later(self.end * AGENTS_LEAVE, self._agents_leave, 0)
            self._later(self.end * AGENTS_RETURN, self._agents_return, 0)
            self._later(self.end * ANSWER_HALVED, self._answer_rate, 1)
            self._later(self.end * ANSWER_RESTORED, self._answer_rate, 0)

    def _later(self, when: float, happens: Callable[[float, int], None], about: int) -> None:
        self.sequence += 1
        heapq.heappush(self.events, (when, self.sequence, happens, about))

    def _over(self, now: float, _: int) -> None:
        """Never handled: the last event of the day, for there to be one."""

    # ── the dialer ───────────────────────────────────────────────────────────────────────────

    def _polled(self, now: float, _: int) -> None:
        self.asked = True
        self._later(now + self.dialer.poll, self._polled, 0)

    def _ask(self, now: float) -> None:
        began = time.thread_time()
        count = self.dialer.dial(self.view)
        self.costs.append(time.thread_time() - began)
        for _ in range(count):
            self._dial(now)

    def _dial(self, now: float) -> None:
        call = self.tally.dials
        self.tally.dials += 1
        self.view.ringing[call] = now
        draw, people, answer = self.people.random(), self.people, self.answer
        machines = answer * MACHINES / (1 - MACHINES) if self.scenario.amd else 0.0
        if draw < answer + machines:
            delay = PICK_UP + people.gammavariate(*GAMMA)
            while delay > RING:
                delay = PICK_UP + people.gammavariate(*GAMMA)
            self._later(now + delay, self._human_answers if draw < answer else self._machine_answers, call)
        elif people.random() < FAST_FAILURE:
            self._later(now + people.uniform(*FAST), self._fails, call)
        else:
            self._later(now + RING, self._fails, call)

    # ── the called ───────────────────────────────────────────────────────────────────────────

    def _fails(self, now: float, call: int) -> None:
        self.dialer.failed(now, now - self.view.ringing.pop(call))
        self.asked |= self.dialer.eager

    def _human_answers(self, now: float, call: int) -> None:
        self.dialer.answered(now, now - self.view.ringing.pop(call))
        self.asked |= self.dialer.eager
        self.tally.answers[int(now / self.window)] += 1
        self.tally.first_answers += now < FIRST_TEN
        if self.scenario.amd:
            self.view.detecting[call] = now
            self._later(now + AMD, self._human_detected, call)
        else:
            self._wants_agent(now, call, now, True)

    def _machine_answers(self, now: float, call: int) -> None:
        self.dialer.answered(now, now - self.view.ringing.pop(call))
        self.asked |= self.dialer.eager
        self.view.detecting[call] = now
        self._later(now + AMD, self._machine_detected, call)

    def _human_detected(self, now: float, call: int) -> None:
        answered = self.view.detecting.pop(call)
        if self.people.random() < FALSE_POSITIVE:
            self.tally.false_positives += 1
            self._taken_for_machine(now)
        else:
            self._wants_agent(now, call, answered, True)

    def _machine_detected(self, now: float, call: int) -> None:
        answered = self.view.detecting.pop(call)
        if self.people.random() < FALSE_NEGATIVE:
            self._wants_agent(now, call, answered, False)
        else:
            self._taken_for_machine(now)

    def _taken_for_machine(self, now: float) -> None:
        self.dialer.machine(now)
        self.asked |= self.dialer.eager

    def _wants_agent(self, now: float, call: int, answered: float, human: bool) -> None:
        if self.idle:
            self._connect(now, human)
            return
        self.waiting[call] = (answered, human)
        self.view.waiting += 1
        self._later(now + self.scenario.grace, self._grace_over, call)

    def _grace_over(self, now: float, call: int) -> None:
        waited = self.waiting.pop(call, None)
        if waited is None:
            return
        answered, human = waited
        self.view.waiting -= 1
        self.dialer.abandoned(now)
        if human:
            self.tally.abandoned[int(answered / self.window)] += 1
            self.tally.first_abandoned += answered < FIRST_TEN
        self.asked |= self.dialer.eager

    # ── the agents ───────────────────────────────────────────────────────────────────────────

    def _connect(self, now: float, human: bool) -> None:
        """To the longest idle agent."""
        agent = self.idle.popleft()
        self.view.idle -= 1
        self.view.talking[agent] = now
        self.tally.handled += 1
        self.dialer.connected(now)
        if human:
            self._later(now + self.agents.lognormvariate(*self.talk), self._talk_over, agent)
        else:
            self._later(now + MACHINE_TALK, self._machine_heard, agent)

    def _talk_over(self, now: float, agent: int) -> None:
        self._hung_up(now, agent)
        self.view.wrapping[agent] = now
        self._later(now + self.agents.lognormvariate(*self.wrap), self._wrap_over, agent)

    def _machine_heard(self, now: float, agent: int) -> None:
        self._hung_up(now, agent)
        self._free(now, agent)

    def _hung_up(self, now: float, agent: int) -> None:
        seconds = now - self.view.talking.pop(agent)
        self.tally.busy += seconds
        self.dialer.talked(now, seconds)

    def _wrap_over(self, now: float, agent: int) -> None:
        seconds = now - self.view.wrapping.pop(agent)
        self.tally.busy += seconds
        self.dialer.wrapped(now, seconds)
        self._free(now, agent)

    def _free(self, now: float, agent: int) -> None:
        self.asked |= self.dialer.eager
        if agent in self.leaving:
            self.leaving.discard(agent)
            self._gone(now, agent)
            return
        self.idle.append(agent)
        self.view.idle += 1
        if self.waiting:
            call = next(iter(self.waiting))
            _, human = self.waiting.pop(call)
            self.view.waiting -= 1
            self._connect(now, human)

    # ── the shock ────────────────────────────────────────────────────────────────────────────

    def _agents_leave(self, now: float, _: int) -> None:
        for agent in range(round(self.scenario.agents * SHOCK_AGENTS)):
            if agent in self.view.talking or agent in self.view.wrapping:
                self.leaving.add(agent)
            else:
                self.idle.remove(agent)
                self.view.idle -= 1
                self._gone(now, agent)

    def _gone(self, now: float, agent: int) -> None:
        self._count(now)
        self.away.add(agent)
        self.view.agents -= 1

    def _agents_return(self, now: float, _: int) -> None:
        self._count(now)
        self.leaving.clear()
        back, self.away = sorted(self.away), set()
        self.view.agents += len(back)
        for agent in back:
            self._free(now, agent)

    def _answer_rate(self, now: float, halved: int) -> None:
        self.answer = self.scenario.answer * (SHOCK_ANSWER if halved else 1.0)

    # ── the day's end ────────────────────────────────────────────────────────────────────────

    def _count(self, now: float) -> None:
        self.tally.logged_in += self.view.agents * (now - self.counted)
        self.counted = now

    def _told(self) -> Day:
        self._count(self.end)
        tally, view = self.tally, self.view
        under_way = (*view.talking.values(), *view.wrapping.values())
        busy = tally.busy + sum(self.end - since for since in under_way)
        shares = [
            _share(dropped, of) for dropped, of in zip(tally.abandoned, tally.answers, strict=True) if of >= ENOUGH
        ]
        costs = sorted(self.costs)
        return Day(
            dials=tally.dials,
            answers=sum(tally.answers),
            abandoned=sum(tally.abandoned),
            false_positives=tally.false_positives,
            handled=tally.handled,
            occupancy=busy / tally.logged_in,
            wait=(tally.logged_in - busy) / max(1, tally.handled),
            worst_half_hour=max(shares, default=0.0),
            first_ten=_share(tally.first_abandoned, tally.first_answers),
            decisions=len(costs),
            decision_p99=costs[len(costs) * 99 // 100],
            deciding=sum(costs),
        )


def _lognormal(mean: float, variation: float) -> tuple[float, float]:
    """Mu and sigma, of a mean and a coefficient of variation."""
    variance = math.log1p(variation * variation)
    return math.log(mean) - variance / 2, math.sqrt(variance)


def _share(some: int, of: int) -> float:
    return some / of if of else 0.0
