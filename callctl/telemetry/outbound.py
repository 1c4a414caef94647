"""Metrics of campaigns, of what the gate refused them, and of what agents said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from callctl.core import facts as f
from callctl.core.campaigns import CampaignPhase
from callctl.core.facts import Fact
from callctl.core.ids import SECOND, Micros
from callctl.core.law import AttemptOutcome
from callctl.core.model import World
from callctl.core.policy import Policy

EVERYWHERE = "everywhere"
"""The label of the house's own list."""


class OutboundMetrics:
    """Counters, made from facts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"callctl_{name}", what, labels, registry=registry)

        self.begun = counter("attempts_begun", "Attempts that the gate let pass", "campaign")
        self.ended = counter("attempts_ended", "Attempts that are over", "campaign", "outcome")
        self.refused = counter("attempts_refused", "Attempts that the gate refused", "campaign", "rule")
        self.dispositions = counter("dispositions", "What calls came to", "disposition", "by")
        self.callbacks = counter("callbacks_agreed", "Times to call back that agents agreed", "campaign", "personal")

    def configured(self, policy: Policy) -> None:
        """Start the series at 0."""
        for campaign in policy.campaigns:
            self.begun.labels(campaign)
            for outcome in AttemptOutcome:
                self.ended.labels(campaign, outcome.value)
        for disposition in policy.dispositions:
            for by in ("agent", "default"):
                self.dispositions.labels(disposition, by)

    def saw(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
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


class OutboundGauges(Collector):
    """How things are, at each scrape."""

    def __init__(self, world: Callable[[], World]) -> None:
        self._world = world

    def collect(self) -> Iterator[GaugeMetricFamily]:
        out = self._world().outbound
        numbers = GaugeMetricFamily("callctl_do_not_call_numbers", "Numbers that are not called", labels=["scope"])
        for scope, listed in out.do_not_call.items():
            numbers.add_metric([scope or EVERYWHERE], listed.count())
        yield numbers
        phases = GaugeMetricFamily("callctl_campaign_phase", "1: the campaign is so", labels=["campaign", "phase"])
        claimed = GaugeMetricFamily("callctl_campaign_claimed", "Contacts that are claimed", labels=["campaign"])
        counts = dict.fromkeys(self._world().policy.campaigns, 0)
        for contact in out.contacts.values():
            counts[contact.campaign] = counts.get(contact.campaign, 0) + 1
        for campaign, count in counts.items():
            known = out.campaigns.get(campaign)
            for phase in CampaignPhase:
                now = known.phase if known is not None else CampaignPhase.STOPPED
                phases.add_metric([campaign, phase.value], int(phase is now))
            claimed.add_metric([campaign], count)
        yield phases
        yield claimed
        if out.clock is not None:
            yield GaugeMetricFamily(
                "callctl_clock_off_seconds", "This machine's clock less the database's", value=_seconds(out.clock.off)
            )


def _seconds(length: Micros) -> float:
    return length / SECOND
