"""How long each agent has done what, counted from the facts: what occupancy is made of.

One series for each agent and activity: agents come from the configuration, so there are as many as it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from callctl.core import facts as f
from callctl.core.facts import Fact
from callctl.core.ids import SECOND, AgentId, Micros
from callctl.core.model import (
    AgentState,
    AgentStatus,
    Available,
    Briefed,
    Dialling,
    Idle,
    LoggedOut,
    OnCall,
    Outcome,
    Paused,
    Previewing,
    Reserved,
    Ringing,
    World,
    WrapUp,
)
from callctl.core.rings import MISSES
from callctl.runtime.views import agents_in_order

ACTIVITIES = ("idle", "ringing", "talking", "wrap_up", "previewing", "dialling", "paused")
"""What an agent does who is logged in. What is happening counts before what was chosen: who has asked for a pause
talks until the call is over."""


def activity(status: AgentStatus, state: AgentState) -> str | None:
    """One of ACTIVITIES; None: logged out."""
    match state:
        case Reserved() | Ringing() | Briefed():
            return "ringing"
        case OnCall():
            return "talking"
        case WrapUp():
            return "wrap_up"
        case Previewing():
            return "previewing"
        case Dialling():
            return "dialling"
    if isinstance(status, Available):
        return "idle"
    return "paused" if isinstance(status, Paused) else None


@dataclass(slots=True)
class _Kept:
    """Of one agent."""

    status: AgentStatus
    state: AgentState
    since: Micros
    lasted: dict[str, Micros] = field(default_factory=lambda: dict.fromkeys(ACTIVITIES, 0))
    answered: int = 0
    missed: int = 0

    @property
    def doing(self) -> str | None:
        return activity(self.status, self.state)

    def until(self, at: Micros) -> None:
        """It lasted until now."""
        if (doing := self.doing) is not None:
            self.lasted[doing] += max(0, at - self.since)
        self.since = at


class AgentTimes(Collector):
    """Told every fact, and asked at each scrape. `world` is read for who they are, `now` for what has lasted."""

    def __init__(self, world: Callable[[], World], now: Callable[[], Micros]) -> None:
        self._world = world
        self._now = now
        self._kept: dict[AgentId, _Kept] = {}

    def saw(self, at: Micros, facts: Sequence[Fact]) -> None:
        for fact in facts:
            match fact:
                case f.AgentStateChanged(agent=name, state=state):
                    kept = self._of(name, at)
                    kept.until(at)
                    kept.state = state
                case f.AgentStatusChanged(agent=name, status=status):
                    kept = self._of(name, at)
                    kept.until(at)
                    kept.status = status
                case f.CallEnded(agent=name, outcome=Outcome.ANSWERED) if name is not None:
                    self._of(name, at).answered += 1
                case f.AgentDropped(agent=name):
                    self._of(name, at).missed += 1
                case f.RingEnded(agent=name, result=result) if result in MISSES:
                    self._of(name, at).missed += 1

    def _of(self, name: AgentId, at: Micros) -> _Kept:
        kept = self._kept.get(name)
        if kept is None:
            agent = self._world().agents.get(name)
            known = (agent.status, agent.state) if agent is not None else (LoggedOut(), Idle(at))
            kept = self._kept[name] = _Kept(*known, at)
        return kept

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry then need not ask the World while the daemon is still being built."""
        return ()

    def collect(self) -> Iterable[Metric]:
        now = self._now()
        seconds = CounterMetricFamily(
            "callctl_agent_activity_seconds",
            "How long each agent has done what since callctl's start, logged in",
            labels=["agent", "activity"],
        )
        answered = CounterMetricFamily("callctl_agent_answered", "Calls that each agent has answered", labels=["agent"])
        missed = CounterMetricFamily("callctl_agent_missed", "Rings that each agent has missed", labels=["agent"])
        for agent in agents_in_order(self._world()):
            kept = self._of(agent.id, now)
            for what, lasted in kept.lasted.items():
                running = max(0, now - kept.since) if what == kept.doing else 0
                seconds.add_metric([agent.id, what], (lasted + running) / SECOND)
            answered.add_metric([agent.id], kept.answered)
            missed.add_metric([agent.id], kept.missed)
        yield from (seconds, answered, missed)
