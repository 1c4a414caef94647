"""Metrics of what flows look up over HTTP: how it ended, how long it took, how many wait. No label says which caller
or which URL."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from callctl.core.lookups import LookupFailure

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30)
FOUND = "found"
DROPPED = "dropped"
"""The call was over, or callctl ended."""
OUTCOMES = (FOUND, DROPPED, *(failure.value for failure in LookupFailure))


class LookupMetrics:
    """Counts since the daemon's start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.asked = Counter(
            "callctl_lookups_asked", "Lookups over HTTP by how they ended", ["outcome"], registry=registry
        )
        self.seconds = Histogram(
            "callctl_lookup_seconds",
            "From a lookup's wish to its answer, with the wait for its turn; those that were dropped are left out",
            registry=registry,
            buckets=_SECONDS,
        )
        self.in_flight = Gauge(
            "callctl_lookups_in_flight", "Lookups that wait for an answer or their turn", registry=registry
        )
        for outcome in OUTCOMES:
            self.asked.labels(outcome)

    def ended(self, outcome: str, seconds: float) -> None:
        """`outcome`: one of OUTCOMES."""
        self.asked.labels(outcome).inc()
        if outcome != DROPPED:
            self.seconds.observe(seconds)
