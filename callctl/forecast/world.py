"""A campaign's day in virtual time: people who answer or don't, agents who talk and write up, nothing else.

A number is answered by a human with probability `answer`, some seconds after the dialling and never after the ring's
timeout; otherwise some fail at once (busy, no such number) and the rest ring out. Who has answered waits `grace`
seconds for an agent, in the order of answering, and is dropped then. The longest idle agent takes the next call; talk
and wrap-up are lognormal; after the wrap-up the agent is idle again.

A dialer sees what a dialer can see (`View`, the notifications), never the truth. Times are float seconds since the
day's beginning, shares are 0..1. The calls and the agents draw from streams of their own: the n-th dial of a seed meets
the same person, whoever dials.
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
from itertools import islice
from typing import Protocol

from callctl.forecast.campaign import Day
from callctl.forecast.contacts import Ended, List
from callctl.forecast.told import FIRST_TEN, Part, Told, share

ENDLESS = 1_000_000


@dataclass(slots=True)
class View:
    """What a dialer sees. One instance is used all day: to be read, not kept, not changed."""

    now: float = 0.0
    agents: int = 0
    """Logged in."""
    idle: int = 0
    waiting: int = 0
    """Humans, as far as is known, who have answered and have no agent yet."""
    most: int = ENDLESS
    """Lines, and contacts, that there are for more calls."""
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

    def dial(self, view: View) -> int:
        """More than `view.most` are not dialled."""

    def cut(self, view: View) -> int:
        """How many of the calls that ring, the oldest, are given up; asked right after `dial`, before that is done."""

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

    def cut(self, view: View) -> int:
        return 0

    def answered(self, now: float, rang: float) -> None: ...

    def failed(self, now: float, rang: float) -> None: ...

    def connected(self, now: float) -> None: ...

    def abandoned(self, now: float) -> None: ...

    def machine(self, now: float) -> None: ...

    def talked(self, now: float, seconds: float) -> None: ...

    def wrapped(self, now: float, seconds: float) -> None: ...


def live(day: Day, dialer: Dialer, seed: int, *, timed: bool = False) -> Told:
    """What becomes of the day with this dialer. `timed`: what each of its decisions costs, which itself takes time."""
    return World(day, dialer, seed, time.thread_time if timed else _no_time).lived()


def _no_time() -> float:
    return 0.0


@dataclass(slots=True)
class _Tally:
    """What is counted; lists are by part of the day."""

    parts: list[Part]
    first_answers: int = 0
    first_abandoned: int = 0
    false_positives: int = 0
    asked: int = 0
    """Decisions."""
    short: int = 0
    """Of these, those that took the last line."""
    busy: float = 0.0
    """Agents' s, of what they have finished."""
    logged_in: float = 0.0
    """Agents' s, until the last change of their number."""
    told: tuple[float, float] = (0.0, 0.0)
    """Busy and logged in s until the last part's end."""


class World:
    """One day. Methods without a dash are there to be changed by other kinds of days."""

    def __init__(self, day: Day, dialer: Dialer, seed: int, clock: Callable[[], float] = _no_time) -> None:
        self.day, self.dialer, self.clock = day, dialer, clock
        self.people, self.agents = random.Random(f"people {seed}"), random.Random(f"agents {seed}")
        self.end = day.hours * 3600
        self.window = self.end / day.parts
        self.answer = day.answer
        self.machines = day.machines / (1 - day.machines)
        """For each human who answers."""
        self.talk = _lognormal(day.talk, day.talk_variation)
        self.wrap = _lognormal(day.wrap, day.wrap_variation)
        self.answer_delay = _answer_delay(day, self.people)
        self.list = None if day.contacts is None else List(day.contacts)
        self.view = View(agents=day.agents, idle=day.agents)
        self.idle: deque[int] = deque(range(day.agents))
        """The longest idle first."""
        self.waiting: dict[int, tuple[float, bool]] = {}
        """By call, the first to answer first: when it was answered, whether by a human."""
        self.leaving: set[int] = set()
        self.away: set[int] = set()
        self.counted = 0.0
        """Until when the logged in time is counted."""
        self.dialled = 0
        self.part = Part()
        """Of the day, which is now."""
        self.tally = _Tally([self.part])
        self.allowance = self.asked_at = 0.0
        """Calls that may begin, where there is a limit of calls a second, and since when that is so."""
        self.costs = array("d")
        self.asked = False
        """Whether the dialer is to be asked once the events of now are handled."""
        self.lines_left = ENDLESS
        self.sequence = 0
        self.events: list[tuple[float, int, Callable[[float, int], None], int]] = []

    def lived(self) -> Told:
        self.begin()
        events, view, end, pop = self.events, self.view, self.end, heapq.heappop
        while events[0][0] < end:
            now, _, happens, about = pop(events)
            view.now = now
            happens(now, about)
            if self.asked and events[0][0] > now:
                self.asked = False
                self._ask(now)
        return self._told()

    def begin(self) -> None:
        self.later(self.end, self._over, 0)
        self.later(0.0, self._polled, 0)
        for part in range(1, self.day.parts):
            self.later(part * self.window, self._part_over, part)
        for at, agents in self.day.staff:
            self.later(at, self._staffed, agents)
        for n, (at, _) in enumerate(self.day.answers):
            self.later(at, self._answer_rate, n)

    def later(self, when: float, happens: Callable[[float, int], None], about: int) -> None:
        self.sequence += 1
        heapq.heappush(self.events, (when, self.sequence, happens, about))

    def _over(self, now: float, _: int) -> None:
        """Never handled: the last event of the day, for there to be one."""

    # ── the dialer ───────────────────────────────────────────────────────────────────────────

    def _polled(self, now: float, _: int) -> None:
        self.asked = True
        self.later(now + self.dialer.poll, self._polled, 0)

    def _ask(self, now: float) -> None:
        view, ringing = self.view, self.view.ringing
        view.most = self.most(now)
        began = self.clock()
        count = self.dialer.dial(view)
        cut = self.dialer.cut(view)
        self.costs.append(self.clock() - began)
        for call in list(islice(ringing, cut)):
            del ringing[call]
            self.part.cut += 1
            self.ended(now, call, Ended.NO_ANSWER)
        for _ in range(min(count, view.most)):
            self.dial(now)
        self.tally.asked += 1
        self.tally.short += count >= self.lines_left

    def most(self, now: float) -> int:
        """Calls that may begin now: for which there are lines, and contacts."""
        self.lines_left = self._lines_left(now)
        return self.lines_left if self.list is None else min(self.lines_left, self.list.due(now))

    def _lines_left(self, now: float) -> int:
        day, view, most = self.day, self.view, ENDLESS
        in_flight = len(view.ringing) + len(view.detecting) + view.waiting
        if day.lines:
            most = min(most, day.lines - in_flight)
        if day.channels:
            most = min(most, day.channels - in_flight - len(view.talking))
        if day.calls_a_second:
            passed = now - self.asked_at
            self.allowance = min(day.calls_a_second, self.allowance + passed * day.calls_a_second)
            most = min(most, int(self.allowance))
        self.asked_at = now
        return max(0, most)

    def dial(self, now: float) -> int:
        """A call begins; its number."""
        call = self.dialled
        self.dialled += 1
        self.part.dials += 1
        self.allowance -= 1
        if self.list is not None:
            self.list.take(call, now)
        self.view.ringing[call] = now
        draw, people, rings, answer = self.people.random(), self.people, self.day.rings, self.answer
        if draw < answer + answer * self.machines:
            delay = self.answer_delay()
            self.later(now + delay, self._human_answers if draw < answer else self._machine_answers, call)
        elif people.random() < rings.fast:
            self.later(now + people.uniform(*rings.fast_within), self._busy, call)
        else:
            self.later(now + rings.timeout, self._rang_out, call)
        return call

    def ended(self, now: float, call: int, how: Ended) -> None:
        if self.list is not None:
            self.list.ended(call, now, how)

    # ── the called ───────────────────────────────────────────────────────────────────────────

    def _rang_out(self, now: float, call: int) -> None:
        self._fails(now, call, Ended.NO_ANSWER)

    def _busy(self, now: float, call: int) -> None:
        self._fails(now, call, Ended.BUSY)

    def _fails(self, now: float, call: int, how: Ended) -> None:
        since = self.view.ringing.pop(call, None)
        if since is None:  # given up
            return
        self.dialer.failed(now, now - since)
        self.asked |= self.dialer.eager
        self.ended(now, call, how)

    def _human_answers(self, now: float, call: int) -> None:
        since = self.view.ringing.pop(call, None)
        if since is None:
            return
        self.dialer.answered(now, now - since)
        self.asked |= self.dialer.eager
        self.part.answers += 1
        self.tally.first_answers += now < FIRST_TEN
        if self.day.amd is not None:
            self.view.detecting[call] = now
            self.later(now + self.day.amd.listens, self._human_detected, call)
        else:
            self.wants_agent(now, call, now, True)

    def _machine_answers(self, now: float, call: int) -> None:
        since = self.view.ringing.pop(call, None)
        if since is None:
            return
        self.dialer.answered(now, now - since)
        self.asked |= self.dialer.eager
        if self.day.amd is not None:
            self.view.detecting[call] = now
            self.later(now + self.day.amd.listens, self._machine_detected, call)
        else:
            self.wants_agent(now, call, now, False)

    def _human_detected(self, now: float, call: int) -> None:
        assert self.day.amd is not None
        answered = self.view.detecting.pop(call)
        if self.people.random() < self.day.amd.false_positive:
            self.tally.false_positives += 1
            self._taken_for_machine(now, call)
        else:
            self.wants_agent(now, call, answered, True)

    def _machine_detected(self, now: float, call: int) -> None:
        assert self.day.amd is not None
        answered = self.view.detecting.pop(call)
        if self.people.random() < self.day.amd.false_negative:
            self.wants_agent(now, call, answered, False)
        else:
            self._taken_for_machine(now, call)

    def _taken_for_machine(self, now: float, call: int) -> None:
        self.dialer.machine(now)
        self.asked |= self.dialer.eager
        self.ended(now, call, Ended.MACHINE)

    def wants_agent(self, now: float, call: int, answered: float, human: bool) -> None:
        if self.idle:
            self.connect(now, call, human)
            return
        self.waiting[call] = (answered, human)
        self.view.waiting += 1
        self.later(now + self.day.grace, self._grace_over, call)

    def _grace_over(self, now: float, call: int) -> None:
        waited = self.waiting.pop(call, None)
        if waited is None:
            return
        answered, human = waited
        self.view.waiting -= 1
        self.dialer.abandoned(now)
        if human:
            self.tally.parts[int(answered / self.window)].abandoned += 1
            self.tally.first_abandoned += answered < FIRST_TEN
        self.asked |= self.dialer.eager
        self.ended(now, call, Ended.ANSWERED if human else Ended.MACHINE)

    # ── the agents ───────────────────────────────────────────────────────────────────────────

    def connect(self, now: float, call: int, human: bool) -> None:
        """To the longest idle agent."""
        agent = self.idle.popleft()
        self.view.idle -= 1
        self.view.talking[agent] = now
        self.part.handled += 1
        self.dialer.connected(now)
        self.ended(now, call, Ended.ANSWERED if human else Ended.MACHINE)
        if human:
            self.later(now + self.agents.lognormvariate(*self.talk), self._talk_over, agent)
        else:
            self.later(now + self.day.machine_talk, self._machine_heard, agent)

    def _talk_over(self, now: float, agent: int) -> None:
        self._hung_up(now, agent)
        self.view.wrapping[agent] = now
        self.later(now + self.agents.lognormvariate(*self.wrap), self._wrap_over, agent)

    def _machine_heard(self, now: float, agent: int) -> None:
        self._hung_up(now, agent)
        self.free(now, agent)

    def _hung_up(self, now: float, agent: int) -> None:
        seconds = now - self.view.talking.pop(agent)
        self.tally.busy += seconds
        self.dialer.talked(now, seconds)

    def _wrap_over(self, now: float, agent: int) -> None:
        seconds = now - self.view.wrapping.pop(agent)
        self.tally.busy += seconds
        self.dialer.wrapped(now, seconds)
        self.free(now, agent)

    def free(self, now: float, agent: int) -> None:
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
            self.connect(now, call, human)

    # ── what changes over the day ────────────────────────────────────────────────────────────

    def _staffed(self, now: float, agents: int) -> None:
        """The first of them leave; all who were away come back before."""
        self._come_back(now)
        for agent in range(self.day.agents - agents):
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

    def _come_back(self, now: float) -> None:
        self._count(now)
        self.leaving.clear()
        back, self.away = sorted(self.away), set()
        self.view.agents += len(back)
        for agent in back:
            self.free(now, agent)

    def _answer_rate(self, now: float, step: int) -> None:
        self.answer = self.day.answers[step][1]

    # ── what is told ─────────────────────────────────────────────────────────────────────────

    def _count(self, now: float) -> None:
        self.tally.logged_in += self.view.agents * (now - self.counted)
        self.counted = now

    def _part_over(self, now: float, part: int) -> None:
        self._count(now)
        tally, view = self.tally, self.view
        busy = tally.busy + sum(now - since for since in (*view.talking.values(), *view.wrapping.values()))
        self.part.busy, self.part.logged_in = busy - tally.told[0], tally.logged_in - tally.told[1]
        tally.told = (busy, tally.logged_in)
        if part < self.day.parts:
            self.part = Part()
            tally.parts.append(self.part)

    def _told(self) -> Told:
        self._part_over(self.end, self.day.parts)
        tally = self.tally
        costs = sorted(self.costs)
        return Told(
            parts=tuple(tally.parts),
            false_positives=tally.false_positives,
            short=share(tally.short, tally.asked),
            first_ten=share(tally.first_abandoned, tally.first_answers),
            contacts=None if self.list is None else self.list.told(self.end),
            decisions=len(costs),
            decision_p99=costs[len(costs) * 99 // 100],
            deciding=sum(costs),
        )


def _answer_delay(day: Day, people: random.Random) -> Callable[[], float]:
    """Draws how long after the dialling a call is answered."""
    rings = day.rings
    if rings.quantiles:
        last = len(rings.quantiles) - 1

        def measured() -> float:
            place = people.random() * last
            below = rings.quantiles[int(place)]
            return below + (place % 1) * (rings.quantiles[min(int(place) + 1, last)] - below)

        return measured

    def assumed() -> float:
        while True:
            delay = rings.pick_up + people.gammavariate(*rings.gamma)
            if delay <= rings.timeout:
                return delay

    return assumed


def _lognormal(mean: float, variation: float) -> tuple[float, float]:
    """Mu and sigma, of a mean and a coefficient of variation."""
    variance = math.log1p(variation * variation)
    return math.log(mean) - variance / 2, math.sqrt(variance)
