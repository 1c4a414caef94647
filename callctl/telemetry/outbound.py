"""Metrics of campaigns: dials, answers, agents, pace, the budget; of what the gate refused; of what agents said."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callctl.core import detection, pacers, trunking
from callctl.core import facts as f
from callctl.core.campaigns import CampaignPhase, CampaignPolicy, Mode, Then
from callctl.core.events import Heard, PreviewWish
from callctl.core.facts import Fact
from callctl.core.ids import SECOND, CallId, CampaignId, Micros
from callctl.core.law import AttemptOutcome
from callctl.core.model import Outcome, World
from callctl.core.policy import OF_ALL, Policy
from callctl.runtime import live
from callctl.runtime.live import Tally

EVERYWHERE = "everywhere"
"""The label of the house's own list."""
_TO_AGENT = (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10)
_DETECTION = (0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 8)
_ANSWER = (1, 2, 4, 6, 8, 10, 12, 15, 20, 25, 30, 45, 60)
_TALK = (5, 10, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600)
_WRAP_UP = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600)
_PREVIEWS = ("dialled", "skipped", "refused", "gone")
_LINES = ("rings", "open", "closed", "failed")
Tallies: TypeAlias = Callable[[], Mapping[CampaignId, Tally]]
_REMEMBERED = 10_000
"""Calls in wrap-up whose campaign is remembered; the oldest is forgotten first."""


class OutboundMetrics:
    """Counters and histograms, made from facts. The World is asked for what a fact does not say of its call."""

    def __init__(self, registry: CollectorRegistry, world: Callable[[], World]) -> None:
        self._registry = registry
        self._world = world
        self._connected: set[CallId] = set()
        """Calls that were counted as connected and have not ended."""
        self._wraps_up: OrderedDict[CallId, CampaignId] = OrderedDict()
        self._make_attempts()
        self._make_calls()
        self._make_rest()

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"callctl_{name}", what, labels, registry=self._registry)

    def _histogram(self, name: str, what: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(f"callctl_{name}", what, ("campaign",), registry=self._registry, buckets=buckets)

    def _make_attempts(self) -> None:
        counter = self._counter
        self.begun = counter("attempts_begun", "Attempts that the gate let pass", "campaign")
        self.ended = counter("attempts_ended", "Attempts that are over", "campaign", "outcome")
        self.refused = counter("attempts_refused", "Attempts that the gate refused", "campaign", "rule")
        self.dispositions = counter("dispositions", "What calls came to", "disposition", "by")
        self.callbacks = counter("callbacks_agreed", "Times to call back that agents agreed", "campaign", "personal")

    def _make_calls(self) -> None:
        counter, histogram = self._counter, self._histogram
        self.dials = counter("campaign_dials", "Calls begun to people on lists", "campaign", "trunk")
        self.answers = counter(
            "campaign_answers", "Answers, by what detection heard and what was done", "campaign", "heard", "then"
        )
        self.connects = counter("campaign_connects", "People who were called and reached an agent", "campaign")
        self.harbours = counter(
            "campaign_safe_harbours", "People who heard the safe harbour: no agent came within the grace", "campaign"
        )
        self.messages = counter("campaign_messages_left", "Messages left on answering machines", "campaign")
        self.answer_after = histogram("campaign_answer_seconds", "From the dial to an answer", _ANSWER)
        self.detection = histogram("campaign_detection_seconds", "From the answer until it was judged", _DETECTION)
        self.to_agent = histogram("campaign_answer_to_agent_seconds", "From the answer to an agent", _TO_AGENT)
        self.talk = histogram("campaign_talk_seconds", "Talks with people who were called", _TALK)
        self.wrap_up = histogram("campaign_wrap_up_seconds", "Wrap-up after such a talk", _WRAP_UP)

    def _make_rest(self) -> None:
        counter = self._counter
        self.too_fast = counter("trunk_answered_too_fast", "Answers sooner than the trunk's `fast_answer`", "trunk")
        self.held = counter("trunk_held", "Times campaigns began to leave a trunk alone: it failed", "trunk")
        self.opt_outs = counter("opt_outs", "People who asked by a key not to be called any more")
        self.previews = counter("previews_ended", "Contacts that agents looked at, by the end", "campaign", "how")
        self.previews_refused = counter("previews_refused", "What agents asked of previews and cannot be", "wish")
        self.lines = counter("agent_line_changes", "What became of nailed-up agents' lines", "how")

    def configured(self, policy: Policy) -> None:
        """Start the series at 0."""
        for campaign in policy.campaigns.values():
            self._campaign_configured(campaign)
        for trunk in policy.trunks:
            self.too_fast.labels(trunk)
            self.held.labels(trunk)
        for disposition in policy.dispositions:
            for by in ("agent", "default"):
                self.dispositions.labels(disposition, by)
        for wish in PreviewWish:
            self.previews_refused.labels(wish.value)
        for how in _LINES:
            self.lines.labels(how)

    def _campaign_configured(self, campaign: CampaignPolicy) -> None:
        for one in (self.begun, self.connects, self.harbours, self.messages):
            one.labels(campaign.id)
        for histogram in (self.answer_after, self.detection, self.to_agent, self.talk, self.wrap_up):
            histogram.labels(campaign.id)
        for outcome in AttemptOutcome:
            self.ended.labels(campaign.id, outcome.value)
        for trunk in campaign.trunks:
            self.dials.labels(campaign.id, trunk)
        for heard in Heard:
            for then in Then:
                self.answers.labels(campaign.id, heard.value, then.value)
        for how in _PREVIEWS:
            self.previews.labels(campaign.id, how)
        for personal in ("yes", "no"):
            self.callbacks.labels(campaign.id, personal)

    # ── one fact at a time ───────────────────────────────────────────────────────────────────

    def saw(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            count = _COUNTED.get(type(fact))
            if count is not None:
                count(self, fact)

    def _attempt(self, fact: Fact) -> None:
        match fact:
            case f.AttemptBegan():
                self.begun.labels(fact.campaign).inc()
            case f.AttemptEnded():
                self.ended.labels(fact.campaign, fact.outcome.value).inc()
            case f.AttemptRefused():
                self.refused.labels(fact.campaign, fact.rule).inc()
            case f.DispositionNoted():
                self.dispositions.labels(fact.disposition, fact.by).inc()
            case f.CallbackAgreed():
                self.callbacks.labels(fact.campaign, "yes" if fact.personal else "no").inc()

    def _call(self, fact: Fact) -> None:
        match fact:
            case f.CallDialled():
                self.dials.labels(fact.campaign, fact.trunk).inc()
            case f.CallPickedUp():
                self._picked_up(fact)
            case f.AnswerJudged():
                self.answers.labels(fact.campaign, fact.heard.value, fact.then.value).inc()
                if fact.heard is not Heard.NOTHING:
                    self.detection.labels(fact.campaign).observe(_seconds(fact.took))
            case f.CallConnected(campaign=name) if name is not None:
                self._reached(fact, name)
            case f.CallEnded(campaign=name) if name is not None:
                self._ended(fact, name)
            case f.WrapUpEnded():
                if (name := self._wraps_up.pop(fact.call, None)) is not None:
                    self.wrap_up.labels(name).observe(_seconds(fact.lasted))
            case f.HarbourReached():
                self.harbours.labels(fact.campaign).inc()
            case f.MessageDropped():
                self.messages.labels(fact.campaign).inc()

    def _picked_up(self, fact: f.CallPickedUp) -> None:
        self.answer_after.labels(fact.campaign).observe(_seconds(fact.after))
        call = self._world().calls.get(fact.call)
        if fact.too_fast and call is not None and call.trunk is not None:
            self.too_fast.labels(call.trunk).inc()

    def _reached(self, fact: f.CallConnected, name: CampaignId) -> None:
        """Told again after a bridge that failed: counted once."""
        if fact.call in self._connected:
            return
        self._connected.add(fact.call)
        self.connects.labels(name).inc()
        call = self._world().calls.get(fact.call)
        story = call.story if call is not None else None
        known = story is not None and story.connected is not None and story.picked_up is not None
        took = story.connected - story.picked_up if known else fact.waited  # type: ignore[union-attr,operator]
        self.to_agent.labels(name).observe(_seconds(took))

    def _ended(self, fact: f.CallEnded, name: CampaignId) -> None:
        self._connected.discard(fact.call)
        if fact.outcome is Outcome.ANSWERED:
            self.talk.labels(name).observe(_seconds(fact.talked))
            self._wraps_up[fact.call] = name
            if len(self._wraps_up) > _REMEMBERED:
                self._wraps_up.popitem(last=False)

    def _rest(self, fact: Fact) -> None:
        match fact:
            case f.TrunkHeld():
                self.held.labels(fact.trunk).inc()
            case f.OptedOut():
                self.opt_outs.inc()
            case f.PreviewEnded():
                self.previews.labels(fact.campaign, fact.how).inc()
            case f.PreviewRefused():
                self.previews_refused.labels(fact.wish).inc()
            case f.LineChanged():
                self.lines.labels(fact.how).inc()


_COUNTED: Mapping[type[Any], Callable[[OutboundMetrics, Any], None]] = {
    f.AttemptBegan: OutboundMetrics._attempt,
    f.AttemptEnded: OutboundMetrics._attempt,
    f.AttemptRefused: OutboundMetrics._attempt,
    f.DispositionNoted: OutboundMetrics._attempt,
    f.CallbackAgreed: OutboundMetrics._attempt,
    f.CallDialled: OutboundMetrics._call,
    f.CallPickedUp: OutboundMetrics._call,
    f.AnswerJudged: OutboundMetrics._call,
    f.CallConnected: OutboundMetrics._call,
    f.CallEnded: OutboundMetrics._call,
    f.WrapUpEnded: OutboundMetrics._call,
    f.HarbourReached: OutboundMetrics._call,
    f.MessageDropped: OutboundMetrics._call,
    f.TrunkHeld: OutboundMetrics._rest,
    f.OptedOut: OutboundMetrics._rest,
    f.PreviewEnded: OutboundMetrics._rest,
    f.PreviewRefused: OutboundMetrics._rest,
    f.LineChanged: OutboundMetrics._rest,
}
"""The facts that are counted here. Most facts are not: each is asked about but once."""


# ── how things are ───────────────────────────────────────────────────────────────────────────────


class OutboundGauges(Collector):
    """How things are, at each scrape."""

    def __init__(self, world: Callable[[], World], now: Callable[[], Micros], tallies: Tallies) -> None:
        self._world = world
        self._now = now
        self._tallies = tallies

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry then need not ask the World while the daemon is still being built."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        world, now = self._world(), self._now()
        yield _do_not_call(world)
        yield from _phases(world, now)
        yield from _people(world)
        yield _contacts(self._tallies())
        yield from _paces(world)
        yield from _budgets(world)
        yield from _trunks(world, now)
        if world.outbound.clock is not None:
            off = _seconds(world.outbound.clock.off)
            yield GaugeMetricFamily("callctl_clock_off_seconds", "This machine's clock less the database's", value=off)


def _gauge(name: str, what: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"callctl_{name}", what, labels=labels)


def _do_not_call(world: World) -> GaugeMetricFamily:
    numbers = _gauge("do_not_call_numbers", "Numbers that are not called", "scope")
    for scope, listed in world.outbound.do_not_call.items():
        numbers.add_metric([scope or EVERYWHERE], listed.count())
    return numbers


def _phases(world: World, now: Micros) -> Iterator[GaugeMetricFamily]:
    phases = _gauge("campaign_phase", "1: the campaign is so", "campaign", "phase")
    claimed = _gauge("campaign_claimed", "Contacts that are claimed", "campaign")
    ready = _gauge("campaign_contacts_ready", "Of these, those who are not being called", "campaign")
    dry = _gauge("campaign_nobody_due", "1: nobody was due when contacts were last asked for", "campaign")
    counts = dict.fromkeys(world.policy.campaigns, 0)
    for contact in world.outbound.contacts.values():
        counts[contact.campaign] = counts.get(contact.campaign, 0) + 1
    for campaign, count in counts.items():
        known = live.known_of(world, campaign)
        for phase in CampaignPhase:
            phases.add_metric([campaign, phase.value], int(phase is known.phase))
        claimed.add_metric([campaign], count)
        ready.add_metric([campaign], live.ready(world, campaign))
        dry.add_metric([campaign], int(live.is_dry(world, campaign, now)))
    yield from (phases, claimed, ready, dry)


def _people(world: World) -> Iterator[GaugeMetricFamily]:
    calls = _gauge("campaign_calls", "A campaign's calls by where they are", "campaign", "where")
    flight = _gauge("campaign_in_flight", "Of these: not yet with an agent, and may want one", "campaign")
    for campaign, counts in live.calls(world).items():
        for where, count in counts.items():
            calls.add_metric([campaign, where], count)
        flight.add_metric([campaign], sum(counts[where] for where in live.IN_FLIGHT))
    agents = _gauge("campaign_agents", "A campaign's agents by what they do", "campaign", "state")
    for name, policy in world.policy.campaigns.items():
        if policy.queue is not None:
            for state, who in live.agents(world, policy).items():
                agents.add_metric([name, state], len(who))
    yield from (calls, flight, agents)


def _contacts(tallies: Mapping[CampaignId, Tally]) -> GaugeMetricFamily:
    found = _gauge("campaign_contacts", "Contacts by standing, as the database last counted", "campaign", "standing")
    for name, tally in tallies.items():
        for standing in live.STANDINGS:
            found.add_metric([name, standing], tally.contacts.get(standing, 0))
    return found


def _paces(world: World) -> Iterator[GaugeMetricFamily]:
    """Of predictive campaigns; 0 while one does not run."""
    risk = _gauge("campaign_pace_risk_ratio", "That the next customer would find nobody", "campaign")
    allowed = _gauge("campaign_pace_allowed_ratio", "Which risk the budget allows", "campaign")
    answers = _gauge("campaign_pace_expected_answers", "Of the calls in flight", "campaign")
    free = _gauge("campaign_pace_expected_free", "Agents who become free within 10 s", "campaign")
    for name, policy in world.policy.campaigns.items():
        if policy.mode is Mode.PREDICTIVE:
            pace = live.pace_of(world, name)
            risk.add_metric([name], pace.risk if pace is not None else 0)
            allowed.add_metric([name], pace.allowed if pace is not None else 0)
            answers.add_metric([name], pace.expected_answers if pace is not None else 0)
            free.add_metric([name], pace.expected_free if pace is not None else 0)
    yield from (risk, allowed, answers, free)


def _budgets(world: World) -> Iterator[GaugeMetricFamily]:
    customers = _gauge("campaign_budget_customers", "Customers of the window by their end", "campaign", "end")
    saved = _gauge("campaign_budget_saved", "Abandoned calls that the budget has left", "campaign")
    share = _gauge("campaign_abandoned_ratio", "Abandoned, of the window's customers", "campaign")
    most = _gauge("campaign_abandoned_most_ratio", "The most that may be: the law's, or the campaign's", "campaign")
    off = _gauge("campaign_detection_off", "1: detection went off, since it errs too often", "campaign")
    away = _gauge("campaign_turned_away", "Answers of the window that got no agent, taken for no person", "campaign")
    lost = _gauge("campaign_false_positives", "Of those, about so many people; NaN: not known yet", "campaign")
    judged = _gauge(
        "campaign_judged", "Answers that agents have labelled, by what was heard", "campaign", "heard", "was"
    )
    for name, policy in world.policy.campaigns.items():
        known = live.known_of(world, name)
        budget = known.budget
        customers.add_metric([name, "connected"], budget.connected)
        customers.add_metric([name, "abandoned"], budget.abandoned)
        saved.add_metric([name], budget.saved)
        share.add_metric([name], pacers.abandoned_share(world, known, policy))
        most.add_metric([name], pacers.most_abandoned(world, policy) / OF_ALL)
        off.add_metric([name], int(known.detection_off))
        away.add_metric([name], known.turned_away)
        mistaken = detection.false_positives(known)
        lost.add_metric([name], math.nan if mistaken is None else mistaken)
        for heard in Heard:
            for was in ("human", "machine"):
                judged.add_metric([name, heard.value, was], known.judged.get(heard.value, {}).get(was, 0))
    yield from (customers, saved, share, most, off, away, lost, judged)


def _trunks(world: World, now: Micros) -> Iterator[GaugeMetricFamily]:
    free = _gauge("trunk_lines_free", "Calls that campaigns may begin now, where there is a limit", "trunk")
    failures = _gauge("trunk_failures", "Failures in a row; 0 since a call has reached a phone there", "trunk")
    held = _gauge("trunk_held_seconds", "For how long yet campaigns leave it alone", "trunk")
    for name, lines in live.rooms(world, now).lines.items():
        if lines != trunking.MANY:
            free.add_metric([name], lines)
        load = world.outbound.loads.get(name)
        failures.add_metric([name], load.failures if load is not None else 0)
        held.add_metric([name], live.seconds_held(world, name, now))
    yield from (free, failures, held)


def _seconds(length: Micros) -> float:
    return length / SECOND
