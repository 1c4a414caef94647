"""What is asked of contacts, attempts and refusals by people. Every function: StoreError, the database does not
answer. Times in microseconds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from callctl.core.addresses import E164
from callctl.core.ids import SECOND, CampaignId, ContactId, Micros, RuleSetId
from callctl.core.law import AttemptOutcome
from callctl.runtime.views import Plain, iso_or_none
from callctl.store.pool import Pool, answering
from callctl.store.queries import SQL
from callctl.store.times import to_datetime, to_micros

MOST_ROWS = 100_000
"""Attempts that a report lists, at most."""


@dataclass(frozen=True, slots=True)
class Counts:
    """A campaign's contacts by standing, and its attempts by outcome."""

    contacts: Mapping[str, int]
    promised: int
    """Times to call that are agreed."""
    attempts: Mapping[str, int]


async def counts(pool: Pool, since: Micros) -> Mapping[CampaignId, Counts]:
    """By campaign; attempts since a moment."""
    contacts: dict[str, dict[str, int]] = defaultdict(dict)
    promised: dict[str, int] = defaultdict(int)
    attempts: dict[str, dict[str, int]] = defaultdict(dict)
    with answering():
        for row in await pool.fetch(SQL["standings"], timeout=60):
            contacts[row["campaign"]][row["standing"]] = row["contacts"]
            promised[row["campaign"]] += row["promised"]
        for row in await pool.fetch(SQL["outcomes"], to_datetime(since), timeout=60):
            attempts[row["campaign"]][row["outcome"]] = row["attempts"]
    names = {*contacts, *attempts}
    return {CampaignId(name): Counts(contacts[name], promised[name], attempts[name]) for name in sorted(names)}


async def standings(pool: Pool) -> Mapping[CampaignId, Mapping[str, int]]:
    """Contacts by campaign and standing."""
    found: dict[CampaignId, dict[str, int]] = defaultdict(dict)
    with answering():
        for row in await pool.fetch(SQL["standings"], timeout=300):
            found[CampaignId(row["campaign"])][row["standing"]] = row["contacts"]
    return found


async def outcomes_since(pool: Pool, since: Mapping[CampaignId, Micros]) -> Mapping[CampaignId, Mapping[str, int]]:
    """Attempts of these campaigns by how they ended (`open`: they have not), each since a moment of its own."""
    found: dict[CampaignId, dict[str, int]] = defaultdict(dict)
    with answering():
        names, moments = list(since), [to_datetime(at) for at in since.values()]
        for row in await pool.fetch(SQL["outcomes_since"], names, moments, timeout=300):
            found[CampaignId(row["campaign"])][row["outcome"]] = row["attempts"]
    return found


async def recycle(pool: Pool, campaign: CampaignId, of: Collection[AttemptOutcome], dry: bool) -> int:
    """Contacts that are done with, and ended so, are due again; how many. `dry`: would be."""
    with answering():
        name = "recyclable" if dry else "recycle"
        return int(await pool.fetchval(SQL[name], campaign, [str(outcome) for outcome in of], timeout=300))


async def listed(pool: Pool, number: E164) -> list[Plain]:
    """The entries of the do-not-call lists by which a number is not called."""
    beginnings = [int(number.digits[:n]) for n in range(1, len(number.digits))]
    with answering():
        rows = await pool.fetch(SQL["listed_of"], [int(number.digits)], beginnings)
    return [_entry(row) for row in rows]


async def refusals(pool: Pool, campaign: CampaignId, since: Micros) -> list[Plain]:
    """By rule and version: how many, and when last."""
    with answering():
        rows = await pool.fetch(SQL["refusals"], campaign, to_datetime(since))
    return [
        {"rule": r["rule"], "version": r["version"], "refusals": r["refusals"], "last": _iso(r["last"])} for r in rows
    ]


async def nowhere(pool: Pool, campaign: CampaignId) -> int:
    """Contacts of whom nobody knows a time zone."""
    with answering():
        return int(await pool.fetchval(SQL["nowhere"], campaign, timeout=60))


@dataclass(frozen=True, slots=True)
class Window:
    """One window of an abandoned limit."""

    begins: Micros
    ends: Micros
    live: int
    """Attempts that a person answered."""
    abandoned: int
    turned_away: int
    """Attempts that a machine answered, as detection heard."""


async def abandoned(pool: Pool, campaign: CampaignId, began: Micros, rules: RuleSetId, window: Micros) -> list[Window]:
    """As a rule set counts them: windows that follow each other from the campaign's first start; those with calls."""
    with answering():
        seconds = window // SECOND
        rows = await pool.fetch(SQL["abandoned_windows"], campaign, to_datetime(began), rules, seconds)
    return [
        Window(began + r["n"] * window, began + (r["n"] + 1) * window, r["live"], r["abandoned"], r["turned_away"])
        for r in rows
    ]


async def abandoned_rows(pool: Pool, campaign: CampaignId, began: Micros, rules: RuleSetId) -> list[Plain]:
    """The attempts themselves, oldest first; at most MOST_ROWS."""
    with answering():
        rows = await pool.fetch(SQL["abandoned_rows"], campaign, to_datetime(began), rules, MOST_ROWS)
    return [
        {
            "attempt": r["id"],
            "began": _iso(r["began"]),
            "ended": _iso(r["ended"]),
            "contact": r["contact"],
            "number": _number(r["number"]),
            "outcome": r["outcome"],
        }
        for r in rows
    ]


async def history(pool: Pool, contact: ContactId, numbers: Collection[str]) -> Plain:
    """Everything that was done, refused and said of a contact with these numbers (digits), the newest first."""
    digits = [int(number) for number in numbers]
    beginnings = sorted({int(number[:n]) for number in numbers for n in range(1, len(number))})
    with answering():
        attempts = await pool.fetch(SQL["attempts_of"], contact)
        refused = await pool.fetch(SQL["refusals_of"], contact)
        happened = await pool.fetch(SQL["happened_of"], contact, digits)
        consents = await pool.fetch(SQL["consents_all"], digits)
        entries = await pool.fetch(SQL["listed_of"], digits, beginnings)
    return {
        "attempts": [
            {
                "attempt": r["id"],
                "number": _number(r["number"]),
                "trunk": r["trunk"],
                "caller_id": _number(r["caller_id"]),
                "began": _iso(r["began"]),
                "ended": _iso(r["ended"]),
                "outcome": r["outcome"],
                "rules": json.loads(r["rules"]),
                "call": r["call"],
            }
            for r in attempts
        ],
        "refusals": [
            {
                "at": _iso(r["at"]),
                "number": _number(r["number"]),
                "rule": r["rule"],
                "version": r["version"],
                "why": r["why"],
                "until": _iso(r["until"]),
            }
            for r in refused
        ],
        "happened": [
            {
                "what": r["what"],
                "at": _iso(r["at"]),
                "number": _number(r["number"]),
                "debt": r["debt"],
                "scope": r["scope"],
                "why": r["why"],
            }
            for r in happened
        ],
        "consents": [
            {
                "number": _number(r["number"]),
                "scope": r["scope"],
                "given": _iso(r["given"]),
                "how": r["how"],
                "revoked": _iso(r["revoked"]),
                "revoked_how": r["revoked_how"],
            }
            for r in consents
        ],
        "do_not_call": [_entry(r) for r in entries],
    }


def _entry(row: Any) -> Plain:
    return {
        "scope": row["scope"],
        "number": _number(row["number"]),
        "prefix": row["prefix"],
        "since": _iso(row["since"]),
        "how": row["how"],
    }


def _number(digits: int | None) -> str | None:
    return None if digits is None else f"+{digits}"


def _iso(at: Any) -> str | None:
    return iso_or_none(None if at is None else to_micros(at))
