"""How a campaign's calls went lately: what a forecast begins from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from callctl.core.ids import CampaignId, Micros
from callctl.core.law import AttemptOutcome
from callctl.store.pool import Connection, answering
from callctl.store.queries import SQL
from callctl.store.times import to_datetime

QUANTILES = tuple(n / 20 for n in range(21))
"""Of the time to the answer: 0 %, 5 %, …, 100 %."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """Seconds: how many were seen, their mean, and their standard deviation. With fewer than two both are 0."""

    count: int = 0
    mean: float = 0.0
    deviation: float = 0.0


@dataclass(frozen=True, slots=True)
class Past:
    """Of one campaign, since some moment."""

    contacts: int = 0
    """Not done with, now."""
    attempts: Mapping[int, Counter[AttemptOutcome]] = field(default_factory=dict)
    """By the hour of the clock, and how they ended."""
    talks: Lasting = Lasting()
    wraps: Lasting = Lasting()
    answered: int = 0
    """Calls of which the time to the answer is known."""
    to_answer: Sequence[float] = ()
    """The QUANTILES of it, in seconds; none: nothing was answered."""


async def past(connection: Connection, campaign: CampaignId, since: Micros, zone: str) -> Past:
    """`zone`: the IANA's name of the clock by which hours are told. StoreError: the database does not answer."""
    begin = to_datetime(since)
    with answering():
        contacts = await connection.fetchval(SQL["past_contacts"], campaign)
        attempts: dict[int, Counter[AttemptOutcome]] = {}
        for row in await connection.fetch(SQL["past_attempts"], campaign, begin, zone, timeout=120):
            attempts.setdefault(row["hour"], Counter())[AttemptOutcome(row["outcome"])] = row["attempts"]
        talks = await connection.fetchrow(SQL["past_talks"], campaign, begin, timeout=120)
        rings = await connection.fetchrow(SQL["past_rings"], campaign, begin, list(QUANTILES), timeout=120)
    return Past(
        contacts,
        attempts,
        Lasting(talks["talks"], talks["talk"] or 0.0, talks["talk_deviation"] or 0.0),
        Lasting(talks["wraps"], talks["wrap"] or 0.0, talks["wrap_deviation"] or 0.0),
        rings["rings"],
        tuple(rings["quantiles"] or ()),
    )
