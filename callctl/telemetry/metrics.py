"""Metrics for Prometheus, made at one place from the facts. Label values come from the configuration, or from
enumerations of the core: never from a caller.

Counters count facts since the daemon's start. Gauges of the World are read when they are asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from callctl import __version__
from callctl.core import facts as f
from callctl.core.compliance import RULES
from callctl.core.facts import Fact
from callctl.core.ids import SECOND, CallId, MailboxId, Micros, QueueId, TrunkId
from callctl.core.model import Outcome, Party, RingResult, World
from callctl.core.permits import Purpose
from callctl.core.policy import (
    Announce,
    Destination,
    HangUp,
    OptOut,
    Policy,
    ToFlow,
    ToMenu,
    ToNumber,
    ToQueue,
    Voicemail,
)
from callctl.runtime.mailboxes import BoxNow
from callctl.telemetry.agents import AgentTimes
from callctl.telemetry.gauges import MailboxGauges, WorldGauges
from callctl.telemetry.outbound import OutboundGauges, OutboundMetrics, Tallies

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, that nobody asks for

_WAIT = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800)
_TALK = (5, 10, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200)
_WRAP_UP = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600)
_RING = (1, 2, 3, 5, 7.5, 10, 15, 20, 25, 30, 45, 60)

_DIAL_RESULTS = frozenset(
    {"dialled", "answer", "busy", "noanswer", "cancel", "congestion", "chanunavail", "invalidargs"}
)
"""`dialled`, and Asterisk's DIALSTATUS; anything else is `other`."""

_REMEMBERED = 10_000
"""Calls in wrap-up whose queue is remembered: far more than agents; the oldest is forgotten first."""


def _target(to: Destination) -> str:
    """Where a caller goes, as a label."""
    match to:
        case ToMenu():
            return f"menu {to.menu}"
        case ToFlow():
            return f"flow {to.flow}"
        case ToQueue():
            return f"queue {to.queue}"
        case Voicemail():
            return "voicemail"
        case ToNumber():
            return "number"
        case HangUp():
            return "hang_up"
        case OptOut():
            return "opt_out"
        case Announce():
            return _target(to.then)


class Metrics:
    """All metrics of the daemon on one registry of its own. Fulfils runtime's Observer."""

    def __init__(self, world: Callable[[], World], now: Callable[[], Micros], tallies: Tallies = dict) -> None:
        """`tallies`: how far campaigns have come, as the database was last counted."""
        self.registry = CollectorRegistry()
        self._world = world
        self._shown: Policy | None = None
        """The configuration whose series have been started."""
        self._now = now
        self._fresh: dict[CallId, tuple[Micros, f.CallConnected]] = {}
        """Connected a moment ago, and not yet counted as answered."""
        self._answered: set[CallId] = set()
        """Calls counted as answered that have not ended: as many as are there now."""
        self._trunks_up: dict[TrunkId, bool] = {}
        self._queue_of: OrderedDict[CallId, QueueId] = OrderedDict()
        self._make_calls()
        self._make_queues()
        self._make_rest()
        self._times = AgentTimes(world, now)
        self.registry.register(self._times)
        self.registry.register(WorldGauges(world, now))
        self.registry.register(OutboundGauges(world, now, tallies))
        self._outbound = OutboundMetrics(self.registry, world)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def exposition(self) -> bytes:
        """The text that Prometheus reads, in version 0.0.4 of its format."""
        self._count_talks()
        policy = self._world().policy
        if policy is not self._shown:
            self._shown = policy
            self._configured(policy)
        return generate_latest(self.registry)

    def saw(self, at: Micros, facts: Sequence[Fact]) -> None:
        for fact in facts:
            count = _COUNTED.get(type(fact))
            if count is not None:
                count(self, fact)
        self._times.saw(at, facts)
        self._outbound.saw(facts)

    def _configured(self, policy: Policy) -> None:
        """Start the series of everything configured at 0: a rate over a first count is right only then."""
        for queue in policy.queues:
            for one in (
                self.queue_entered,
                self.queue_answered,
                self.queue_abandoned,
                self.answered_in_target,
                self.abandoned_short,
                self.abandoned_after_target,
                self.requeued,
                self.ghosts,
                self.after_talk,
            ):
                one.labels(queue)
            for histogram in (self.speed_of_answer, self.abandon_wait, self.talk, self.wrap_up, self.ring):
                histogram.labels(queue)
            for result in RingResult:
                self.rings.labels(queue, result.value)
            for outcome in Outcome:
                self.queue_ended.labels(queue, outcome.value)
        self._outbound.configured(policy)
        for menu, its in policy.menus.items():
            self.menu_entered.labels(menu)
            self.menu_timeouts.labels(menu)
            for choice in (*its.options, "invalid"):
                self.menu_choices.labels(menu, choice)
        for outcome in Outcome:
            for party in Party:
                self.calls_ended.labels(outcome.value, party.value)
        for purpose in Purpose:
            for rule in RULES:
                self.dial_refused.labels(purpose.value, rule)
        for mailbox in policy.mailboxes:
            self.voicemail.labels(mailbox)
        self.trunk_up.clear()  # a trunk that is configured no more is no trunk that is down
        for name, trunk in policy.trunks.items():
            self.trunk_up.labels(trunk.node, name).set(int(self._trunks_up.get(name, False)))

    # ── what the facts do not say ────────────────────────────────────────────────────────────────

    def pull(self, name: str, what: str, read: Callable[[], float]) -> None:
        """A gauge `callctl_<name>` that asks `read` at each scrape."""
        Gauge(f"callctl_{name}", what, registry=self.registry).set_function(read)

    def mailboxes(self, boxes: Callable[[], Mapping[MailboxId, BoxNow]]) -> None:
        """Gauges of the mailboxes, by what was last counted."""
        self.registry.register(MailboxGauges(boxes))

    def poisoned(self) -> None:
        """An event raised an exception in the core and was put aside."""
        self._poison.inc()

    # ── the metrics ──────────────────────────────────────────────────────────────────────────────

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"callctl_{name}", what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"callctl_{name}", what, labels, registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"callctl_{name}", what, labels, registry=self.registry, buckets=buckets)

    def _make_calls(self) -> None:
        self.calls_entered = self._counter("calls_entered", "Calls that came in", "node")
        self.calls_ended = self._counter("calls_ended", "Calls that ended", "outcome", "by")
        self.menu_entered = self._counter("menu_entered", "Times a menu's prompts were started", "menu")
        self.menu_choices = self._counter(
            "menu_choices",
            "Digits taken in a menu, by option; `invalid`: no option; `digits`: several, as asked for",
            "menu",
            "choice",
        )
        self.flow_nodes = self._counter("flow_nodes", "Times callers came to a node of a flow", "flow", "node")
        self.menu_timeouts = self._counter("menu_timeouts", "Times no digit came in a menu", "menu")
        self.prompt_failures = self._counter("prompt_failures", "Prompts that could not be played")

    def _make_queues(self) -> None:
        self.queue_entered = self._counter("queue_entered", "Calls offered to a queue", "queue")
        self.queue_answered = self._counter("queue_answered", "Calls of a queue that reached an agent", "queue")
        self.queue_abandoned = self._counter("queue_abandoned", "Callers who left while waiting", "queue")
        self.answered_in_target = self._counter(
            "queue_answered_in_target", "Calls of a queue that reached an agent within its `service_level`", "queue"
        )
        self.abandoned_short = self._counter(
            "queue_abandoned_short", "Of the callers who left while waiting, those sooner than `short_abandon`", "queue"
        )
        self.abandoned_after_target = self._counter(
            "queue_abandoned_after_target", "Of those, the ones who had waited longer than `service_level`", "queue"
        )
        self.queue_ended = self._counter("queue_ended", "Calls of a queue that ended", "queue", "outcome")
        self.flowed_out = self._counter(
            "queue_flowed_out",
            "Callers sent on to somewhere else; `waited` no: the queue did not take them (they have not entered it)",
            "queue",
            "why",
            "to",
            "waited",
        )
        self.requeued = self._counter("queue_requeued", "Calls put back into their old place", "queue")
        self.speed_of_answer = self._histogram(
            "queue_speed_of_answer_seconds", "From queued to connected", _WAIT, "queue"
        )
        self.abandon_wait = self._histogram(
            "queue_abandon_wait_seconds", "From queued to the caller's leaving", _WAIT, "queue"
        )
        self.talk = self._histogram("queue_talk_seconds", "From connected to the end of the talk", _TALK, "queue")
        self.after_talk = self._counter(
            "after_talk", "Callers who went on to a queue's `after` when the agent had hung up", "queue"
        )
        self.wrap_up = self._histogram("queue_wrap_up_seconds", "Wrap-up after a call", _WRAP_UP, "queue")
        self.ring = self._histogram("queue_ring_seconds", "How long an agent's phone rang", _RING, "queue")
        self.rings = self._counter("queue_rings", "Rings of agents' phones by their result", "queue", "result")
        self.ghosts = self._counter("queue_ghosts", "Answers of agents to callers who had gone", "queue")

    def _make_rest(self) -> None:
        self.stray = self._counter("stray_events", "Events that fitted no phase", "event", "phase")
        self.refused = self._counter("status_refused", "Status changes that were refused", "wish")
        self.emergency = self._counter("emergency_calls", "Emergency calls from phones", "node", "result")
        self.dial_refused = self._counter(
            "dial_refused", "Legs to the outside that the gate refused", "purpose", "rule"
        )
        self.voicemail = self._counter(
            "voicemail_messages", "Messages that callers left; `other`: a box that callctl does not write", "mailbox"
        )
        self.trunk_up = self._gauge("trunk_up", "1: the trunk can carry calls", "node", "trunk")
        self._poison = self._counter("poison_events", "Events that broke the core and were put aside")
        self.policies = self._counter("policies_applied", "Configurations put in force")
        self._gauge("build_info", "Always 1", "version").labels(__version__).set(1)

    # ── one fact at a time ───────────────────────────────────────────────────────────────────────

    def _call_entered(self, fact: f.CallEntered) -> None:
        self.calls_entered.labels(fact.node).inc()

    def _call_ended(self, fact: f.CallEnded) -> None:
        if (fresh := self._fresh.pop(fact.call, None)) is not None and fact.outcome is Outcome.ANSWERED:
            self._count_answer(fresh[1])
        self.calls_ended.labels(fact.outcome.value, fact.by.value).inc()
        self._answered.discard(fact.call)
        if fact.queue is None or fact.campaign is not None:  # who was called is no caller of the queue
            return
        self.queue_ended.labels(fact.queue, fact.outcome.value).inc()
        if fact.outcome is Outcome.ABANDONED:
            self.queue_abandoned.labels(fact.queue).inc()
            self.abandon_wait.labels(fact.queue).observe(fact.waited / SECOND)
            queue = self._world().policy.queues.get(fact.queue)
            if queue is not None and fact.waited < queue.short_abandon:
                self.abandoned_short.labels(fact.queue).inc()
            if queue is not None and fact.waited > queue.service_level:
                self.abandoned_after_target.labels(fact.queue).inc()
        if fact.outcome is Outcome.ANSWERED and not fact.asked:
            self._talk_ended(fact.call, fact.queue, fact.talked)

    def _asked_after(self, fact: f.AskedAfter) -> None:
        self.after_talk.labels(fact.queue).inc()
        self._talk_ended(fact.call, fact.queue, fact.talked)

    def _talk_ended(self, call: CallId, queue: QueueId, talked: Micros) -> None:
        self.talk.labels(queue).observe(talked / SECOND)
        self._queue_of[call] = queue
        if len(self._queue_of) > _REMEMBERED:
            self._queue_of.popitem(last=False)

    def _menu_entered(self, fact: f.MenuEntered) -> None:
        self.menu_entered.labels(fact.menu).inc()

    def _digit(self, fact: f.DigitTaken) -> None:
        self.menu_choices.labels(fact.menu, "invalid" if fact.to is None else fact.digit).inc()

    def _walked(self, fact: f.Walked) -> None:
        for name in fact.nodes:
            flow, _, node = name.partition("/")
            self.flow_nodes.labels(flow, node).inc()

    def _digits(self, fact: f.DigitsTaken) -> None:
        self.menu_choices.labels(fact.menu, "digits" if fact.fits else "invalid").inc()

    def _timed_out(self, fact: f.DigitTimedOut) -> None:
        self.menu_timeouts.labels(fact.menu).inc()

    def _prompt_failed(self, _: f.PromptFailed) -> None:
        self.prompt_failures.inc()

    def _queued(self, fact: f.CallQueued) -> None:
        self.queue_entered.labels(fact.queue).inc()

    def _flowed_out(self, fact: f.FlowedOut) -> None:
        self.flowed_out.labels(fact.queue, fact.why.value, _target(fact.to), "yes" if fact.taken else "no").inc()

    def _requeued(self, fact: f.CallRequeued) -> None:
        self.requeued.labels(fact.queue).inc()

    def _connected(self, fact: f.CallConnected) -> None:
        if fact.campaign is None:
            self._fresh[fact.call] = self._now(), fact

    def _dropped(self, fact: f.AgentDropped) -> None:
        self._fresh.pop(fact.call, None)

    def _count_talks(self) -> None:
        """Those that are talks by now: an agent who hangs up at once has answered nobody."""
        now, queues = self._now(), self._world().policy.queues
        for call, (since, fact) in list(self._fresh.items()):
            queue = queues.get(fact.queue)
            if queue is None or now - since >= queue.least_talk:
                del self._fresh[call]
                self._count_answer(fact)

    def _count_answer(self, fact: f.CallConnected) -> None:
        if fact.call in self._answered:  # again, after a bridge that failed
            return
        self._answered.add(fact.call)
        self.queue_answered.labels(fact.queue).inc()
        self.speed_of_answer.labels(fact.queue).observe(fact.waited / SECOND)
        queue = self._world().policy.queues.get(fact.queue)
        if queue is not None and fact.waited <= queue.service_level:
            self.answered_in_target.labels(fact.queue).inc()

    def _ring_ended(self, fact: f.RingEnded) -> None:
        self.rings.labels(fact.queue, fact.result.value).inc()
        self.ring.labels(fact.queue).observe(fact.rang / SECOND)

    def _ghost(self, fact: f.GhostAnswered) -> None:
        self.ghosts.labels(fact.queue or "none").inc()

    def _wrapped_up(self, fact: f.WrapUpEnded) -> None:
        queue = self._queue_of.pop(fact.call, None)
        if queue is None:  # the call ended before this daemon started
            call = self._world().calls.get(fact.call)
            called = call is not None and call.campaign is not None and not call.story.queues
            queue = None if call is None or called else call.story.queue
        if queue is not None:
            self.wrap_up.labels(queue).observe(fact.lasted / SECOND)

    def _stray(self, fact: f.StrayEvent) -> None:
        self.stray.labels(fact.event, fact.phase).inc()

    def _refused(self, fact: f.StatusRefused) -> None:
        self.refused.labels(fact.wish).inc()

    def _emergency(self, fact: f.EmergencyCalled) -> None:
        result = fact.result.lower()
        self.emergency.labels(fact.node, result if result in _DIAL_RESULTS else "other").inc()

    def _trunk(self, fact: f.TrunkChanged) -> None:
        self._trunks_up[fact.trunk] = fact.up
        self.trunk_up.labels(fact.node, fact.trunk).set(int(fact.up))

    def _dial_refused(self, fact: f.DialRefused) -> None:
        self.dial_refused.labels(fact.purpose.value, fact.rule).inc()

    def _voicemail(self, fact: f.VoicemailLeft) -> None:
        known = self._world().policy.mailboxes
        self.voicemail.labels(fact.mailbox if fact.mailbox in known else "other").inc()

    def _policy(self, _: f.PolicyApplied) -> None:
        self.policies.inc()


_COUNTED: Mapping[type[Any], Callable[[Metrics, Any], None]] = {
    f.CallEntered: Metrics._call_entered,
    f.AskedAfter: Metrics._asked_after,
    f.CallEnded: Metrics._call_ended,
    f.MenuEntered: Metrics._menu_entered,
    f.DigitTaken: Metrics._digit,
    f.DigitTimedOut: Metrics._timed_out,
    f.DigitsTaken: Metrics._digits,
    f.Walked: Metrics._walked,
    f.PromptFailed: Metrics._prompt_failed,
    f.CallQueued: Metrics._queued,
    f.CallRequeued: Metrics._requeued,
    f.FlowedOut: Metrics._flowed_out,
    f.CallConnected: Metrics._connected,
    f.AgentDropped: Metrics._dropped,
    f.RingEnded: Metrics._ring_ended,
    f.GhostAnswered: Metrics._ghost,
    f.WrapUpEnded: Metrics._wrapped_up,
    f.StrayEvent: Metrics._stray,
    f.StatusRefused: Metrics._refused,
    f.EmergencyCalled: Metrics._emergency,
    f.DialRefused: Metrics._dial_refused,
    f.TrunkChanged: Metrics._trunk,
    f.VoicemailLeft: Metrics._voicemail,
    f.PolicyApplied: Metrics._policy,
}
"""The facts that are counted. Agents' changes are not: the gauges show what they come to."""
