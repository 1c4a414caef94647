"""Gauges that are read off the World when they are asked for. Label values come from the configuration, or from
enumerations of the core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callctl.core.ids import SECOND, MailboxId, Micros
from callctl.core.model import Up, World
from callctl.runtime import views
from callctl.runtime.mailboxes import BoxNow


class WorldGauges(Collector):
    """Gauges that are read off the World at each scrape, and so can never drift from it."""

    def __init__(self, world: Callable[[], World], now: Callable[[], Micros]) -> None:
        self._world = world
        self._now = now

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry then need not ask the World while the daemon is still being built."""
        return ()

    def collect(self) -> Iterable[Metric]:
        world, now = self._world(), self._now()
        yield self._nodes(world)
        yield from self._queues(world, now)
        yield self._switches(world)
        yield _counted(
            "callctl_calls",
            "Calls that are there now",
            "phase",
            views.CALL_PHASES.values(),
            (views.CALL_PHASES[type(call.phase)] for call in world.calls.values()),
        )
        agents = list(views.agents_in_order(world))
        yield _counted(
            "callctl_agents_status",
            "Agents by what they chose",
            "status",
            views.AGENT_STATUSES.values(),
            (views.AGENT_STATUSES[type(agent.status)] for agent in agents),
        )
        yield _counted(
            "callctl_agents_state",
            "Agents by what is happening",
            "state",
            views.AGENT_STATES.values(),
            (views.AGENT_STATES[type(agent.state)] for agent in agents),
        )
        yield _counted(
            "callctl_agents_phone",
            "Agents by their phone's state",
            "phone",
            views.PHONE_STATES.values(),
            (views.PHONE_STATES[type(agent.phone)] for agent in agents),
        )

    def _nodes(self, world: World) -> Metric:
        up = GaugeMetricFamily("callctl_node_up", "1: the link is up and what is there is known", labels=["node"])
        for node in world.nodes.values():
            up.add_metric([node.id], isinstance(node.phase, Up))
        return up

    def _switches(self, world: World) -> Metric:
        on = GaugeMetricFamily("callctl_switch_on", "1: the switch is on", labels=["switch"])
        for name in world.policy.switches:
            on.add_metric([name], name in world.switches)
        return on

    def _queues(self, world: World, now: Micros) -> Iterable[Metric]:
        waiting = GaugeMetricFamily("callctl_queue_waiting", "Callers who wait or ring", labels=["queue"])
        longest = GaugeMetricFamily(
            "callctl_queue_longest_wait_seconds", "How long the longest waiting caller has", labels=["queue"]
        )
        for name, calls in views.in_queue(world).items():
            waiting.add_metric([name], len(calls))
            longest.add_metric([name], views.longest_wait(calls, now))
        agents = GaugeMetricFamily(
            "callctl_queue_agents", "A queue's agents by what they are to it", labels=["queue", "standing"]
        )
        for name, by_standing in views.standings(world).items():
            for standing, who in by_standing.items():
                agents.add_metric([name, standing], len(who))
        target = GaugeMetricFamily(
            "callctl_queue_service_level_target_seconds",
            "Within how long a caller should be answered",
            labels=["queue"],
        )
        for name, queue in world.policy.queues.items():
            target.add_metric([name], queue.service_level / SECOND)
        yield from (waiting, longest, agents, target)


class MailboxGauges(Collector):
    """What lies in the mailboxes, as it was last counted."""

    def __init__(self, boxes: Callable[[], Mapping[MailboxId, BoxNow]]) -> None:
        self._boxes = boxes

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        new = GaugeMetricFamily("callctl_voicemail_new", "Messages that nobody has heard", labels=["mailbox"])
        old = GaugeMetricFamily("callctl_voicemail_old", "Messages that were heard and kept", labels=["mailbox"])
        for name, box in self._boxes().items():
            new.add_metric([name], box.new)
            old.add_metric([name], box.old)
        yield from (new, old)


def _counted(name: str, what: str, label: str, every: Iterable[str], found: Iterable[str]) -> GaugeMetricFamily:
    counts = dict.fromkeys(every, 0)
    for one in found:
        counts[one] += 1
    family = GaugeMetricFamily(name, what, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
