"""The core alone: what one `engine.step` costs in a large house and in a small one, and what memory it wants.

Every agent talks and as many callers wait: each end of a talk lets the longest waiting caller ring the agent who has
just become free, and another caller comes. Times are the thread's CPU time, so that other processes do not count.
"""

from __future__ import annotations

import random
import resource
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from callctl.core.addresses import E164
from callctl.core.commands import Command, Hangup, RingPhone
from callctl.core.engine import next_due, step
from callctl.core.events import (
    CallArrived,
    Event,
    LegAnswered,
    LegGone,
    LegRinging,
    LinkRestored,
    PhoneBusy,
    PhoneContacts,
    Snapshot,
    Synced,
    TimePassed,
)
from callctl.core.ids import MILLISECOND, AgentId, LegId, NodeId, PhoneId, QueueId, seconds
from callctl.core.model import OnCall, World
from callctl.core.policy import AgentPolicy, DefaultStatus, PhoneKind, PhonePolicy, Policy, QueuePolicy, ToQueue
from callctl.core.recovery import restore
from tests.bench.cpu import rss

NODE = NodeId("pbx")
START = 1_800_000_000 * seconds(1)
CALLS = 100_000
WARM = 10_000
"""Calls before the memory is looked at for the first time, and the times count."""
SMALL, LARGE = (10, 1), (1_000, 50)
"""Agents, who are as many as the waiting callers, and queues."""
SERVES = 5
"""Queues that an agent serves, where there are so many."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Found:
    """Times in ms, memory in MB."""

    times: array[int] = field(default_factory=lambda: array("q"))
    """ns, of each step that counts."""
    rss_early: float = 0
    rss_late: float = 0
    calls_left: int = 0

    def at(self, share: float) -> float:
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))] / 1e6


def policy(agents: int, queues: int) -> Policy:
    names = [f"a{n:04d}" for n in range(agents)]
    all_queues = [QueueId(f"q{n:02d}") for n in range(queues)]

    def serves(number: int) -> tuple[QueueId, ...]:
        return tuple(dict.fromkeys(all_queues[(number + i) % queues] for i in range(SERVES)))

    return Policy(
        sha="bench",
        entries={E164(f"4420794600{n:02d}"): ToQueue(queue) for n, queue in enumerate(all_queues)},
        menus={},
        queues={queue: QueuePolicy(queue, wrap_up=0) for queue in all_queues},
        agents={
            AgentId(name): AgentPolicy(AgentId(name), name, PhoneId(name), serves(n), DefaultStatus.AVAILABLE)
            for n, name in enumerate(names)
        },
        phones={PhoneId(name): PhonePolicy(PhoneId(name), PhoneKind.PROVISIONED, name, NODE) for name in names},
        features={},
    )


class House:
    """A World whose PBX does at once what it is told."""

    def __init__(self, agents: int, queues: int) -> None:
        self.found = Found()
        self.counts = False
        """Whether the steps' times are kept."""
        self._random = random.Random(1)
        self._now = START
        self._callers = 0
        self._queues = queues
        config = policy(agents, queues)
        self.world: World = restore(config, 1, (), (), (), (NODE,), START)
        self._agents = list(self.world.agents)
        self.do(LinkRestored(NODE, "boot"))
        self.do(Synced(NODE, Snapshot()))
        for phone in config.phones:
            self.do(PhoneContacts(NODE, phone, (f"sip:{phone}@192.0.2.1",)))
        for _ in range(agents * 2):
            self.arrive()

    def do(self, event: Event) -> None:
        """Play an event, and what the PBX says to the wishes that come of it."""
        self._now += MILLISECOND
        began = time.thread_time_ns()
        done = step(self.world, event, self._now)
        if self.counts:
            self.found.times.append(time.thread_time_ns() - began)
        for command in done.commands:
            self._obey(command)
        due = next_due(self.world)
        if due is not None and due <= self._now and not isinstance(event, TimePassed):
            self.do(TimePassed())

    def _obey(self, command: Command) -> None:
        match command:
            case RingPhone(leg=leg, endpoint=phone):
                self.do(LegRinging(NODE, leg))
                self.do(PhoneBusy(NODE, PhoneId(phone), True))
                self.do(LegAnswered(NODE, leg))
            case Hangup(leg=leg):
                self.do(LegGone(NODE, leg, 16))
            case _:
                pass

    def arrive(self) -> None:
        self._callers += 1
        number = f"4420794600{self._random.randrange(self._queues):02d}"
        leg = LegId(f"caller-{self._callers}")
        self.do(CallArrived(NODE, leg, E164(number), number, E164("442079460999"), "Zoe"))

    def cycle(self) -> None:
        """An agent hangs up, the caller's leg ends, the phone is free, the next one rings; somebody else calls."""
        agent = self.world.agents[self._random.choice(self._agents)]
        if isinstance(agent.state, OnCall):
            self.do(LegGone(NODE, agent.state.leg, 16))
            self.do(PhoneBusy(NODE, PhoneId(agent.id), False))
        self.arrive()


def measure(agents: int, queues: int, calls: int) -> Found:
    house = House(agents, queues)
    for _ in range(WARM):
        house.cycle()
    house.found.rss_early = rss()
    for number in range(calls - WARM):
        house.counts = number % 10 == 0  # a tenth is enough: memory that the bench itself takes must not count
        house.cycle()
    house.found.rss_late = rss()
    house.found.calls_left = len(house.world.calls)
    return house.found


def run(say: Say) -> str:
    """The table, as markdown. The small house first: peak memory is the large one's."""
    say("a small house")
    small = measure(*SMALL, CALLS)
    say("a large house")
    large = measure(*LARGE, CALLS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    rows = [
        ("p50 of a step, ms", f"{small.at(50):.3f}", f"{large.at(50):.3f}"),
        ("p99 of a step, ms", f"{small.at(99):.3f}", f"{large.at(99):.3f}"),
        ("ratio of the p50s", "1.00", f"{large.at(50) / small.at(50):.2f}"),
        ("ratio of the p99s", "1.00", f"{large.at(99) / small.at(99):.2f}"),
        (f"RSS after {WARM} calls, MB", f"{small.rss_early:.0f}", f"{large.rss_early:.0f}"),
        (f"RSS after {CALLS} calls, MB", f"{small.rss_late:.0f}", f"{large.rss_late:.0f}"),
        ("peak RSS, MB", "", f"{peak:.0f}"),
        ("calls in the World at the end", f"{small.calls_left}", f"{large.calls_left}"),
    ]
    heads = (f"{agents} agents, {queues} queues, {agents} waiting" for agents, queues in (SMALL, LARGE))
    lines = ["| `engine.step` | " + " | ".join(heads) + " |", "|---|---:|---:|"]
    return "\n".join([*lines, *(f"| {a} | {b} | {c} |" for a, b, c in rows)]) + "\n"
