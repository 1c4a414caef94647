"""Contacts: claimed, and read for people; the do-not-call lists; this machine's clock against the database's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from array import array
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import asyncpg

from callctl.core.addresses import E164
from callctl.core.campaigns import CampaignPolicy, Compare, Filter, Order, Value
from callctl.core.contacts import Callback, Consent, Contact, Happened, Number, Past
from callctl.core.events import DoNotCallLists
from callctl.core.ids import AgentId, CampaignId, ContactId, Micros
from callctl.core.law import AttemptOutcome
from callctl.numbers import is_premium
from callctl.store.pool import Connection, Pool, answering
from callctl.store.queries import SQL
from callctl.store.times import to_datetime, to_micros

ORDERS: Mapping[Order, str] = MappingProxyType(
    {
        Order.OLDEST: "priority desc, contact.id",
        Order.NEWEST: "priority desc, contact.id desc",
        Order.RANDOM: "priority desc, shuffle, contact.id",
        Order.LEAST_RECENT: "priority desc, last_attempt nulls first, contact.id",
    }
)
"""As the claim sorts; each has its index."""
COLUMNS = (
    "contact.id, campaign, name, country, state, zone, debt, next_number, attempts, outcomes, callback_at,"
    " callback_number, callback_agent, callback_until, callback_note, key, fields, priority, standing, why, due,"
    " last_attempt, entered"
)
CLAIM_TIMEOUT = 10.0
"""Seconds after which a claim is cut off: its connection is ended, since a rollback would wait for the same server."""
MOST_PROMOTED = 5_000
"""Contacts whose time has come that one claim looks at."""
Row: TypeAlias = asyncpg.Record


@dataclass(frozen=True, slots=True)
class Listed:
    """A contact as it stands on its list, for people."""

    contact: Contact
    key: str | None
    fields: Mapping[str, Value]
    priority: int
    standing: str
    why: str
    due: Micros
    last_attempt: Micros | None
    entered: Micros


# ── the claim ────────────────────────────────────────────────────────────────────────────────


async def claim(
    pool: Pool,
    epoch: int,
    known: int,
    campaign: CampaignPolicy,
    most: int,
    now: Micros,
    horizon: Micros,
    agents: Iterable[AgentId] = (),
) -> list[Contact]:
    """At most `most` contacts that are due, ours from now on; what rules count of them, `horizon` µs back. Nobody else
    has them, however many ask at a time. `known`: the step up to which the database must know what was decided.

    None: it does not (the journal is behind), the epoch has ended, or nobody is due. StoreError: no answer, not within
    CLAIM_TIMEOUT either.
    """
    path, values = filter_path(campaign.filters)
    with answering():
        async with pool.acquire(timeout=CLAIM_TIMEOUT) as connection, _bounded(connection), connection.transaction():
            if await connection.fetchval(SQL["claim_begins"], epoch, known) is None:
                return []
            await connection.execute(SQL["promote"], campaign.id, to_datetime(now), MOST_PROMOTED)
            rows = await connection.fetch(
                _claim(campaign.order), campaign.id, most, epoch, to_datetime(now), path, values, list(agents)
            )
            return [it.contact for it in await _read(connection, rows, now, horizon)]


@contextlib.asynccontextmanager
async def _bounded(connection: Connection) -> AsyncIterator[None]:
    timer = asyncio.get_running_loop().call_later(CLAIM_TIMEOUT, connection.terminate)
    try:
        yield
    finally:
        timer.cancel()


def _claim(order: Order) -> str:
    return _with_columns("claim").replace("{order}", ORDERS[order])


def _with_columns(name: str) -> str:
    return SQL[name].replace("{columns}", COLUMNS)


def filter_path(filters: Sequence[Filter]) -> tuple[str | None, str]:
    """The filters as a JSON path, and its values as JSON. A field's name is quoted; no value stands in the path."""
    if not filters:
        return None, "{}"
    values: dict[str, Value] = {}
    parts = [f"({_condition(one, values)})" for one in filters]
    return " && ".join(parts), json.dumps(values)


def _condition(one: Filter, values: dict[str, Value]) -> str:
    field = f"$.{json.dumps(one.name)}"

    def named(value: Value) -> str:
        name = f"v{len(values)}"
        values[name] = value
        return f"${name}"

    if one.compare in (Compare.AT_LEAST, Compare.AT_MOST):
        return f"{field} {'>=' if one.compare is Compare.AT_LEAST else '<='} {named(one.values[0])}"
    same = " || ".join(f"{field} == {named(it)}" for value in one.values for it in _forms(value))
    if one.compare is Compare.IS_NOT:
        return f"!exists({field}) || !({same}) || ({same}) is unknown"
    return same


def _forms(value: Value) -> tuple[Value, ...]:
    """A number may have been stored as text."""
    return (value, str(value)) if isinstance(value, int) and not isinstance(value, bool) else (value,)


async def release_claims(connection: Connection, epoch: int) -> None:
    """At the start of a life: whom earlier ones had claimed, and were not calling, is anybody's again."""
    await connection.execute(SQL["release_claims"], epoch)


# ── reading ──────────────────────────────────────────────────────────────────────────────────


async def one(pool: Pool, contact: ContactId, now: Micros, horizon: Micros) -> Listed | None:
    """The contact; None: there is none."""
    with answering():
        async with pool.acquire() as connection, connection.transaction(readonly=True):
            rows = await connection.fetch(_with_columns("one_contact"), contact)
            found = await _read(connection, rows, now, horizon)
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What people may know of a contact."""

    number: E164 | None = None
    key: str = ""
    id: ContactId | None = None


async def at(pool: Pool, wanted: Wanted, campaigns: Iterable[CampaignId], now: Micros, horizon: Micros) -> list[Listed]:
    """The contacts of whom any of it holds; at most 200. A key is looked for in these campaigns."""
    digits = None if wanted.number is None else int(wanted.number.digits)
    with answering():
        async with pool.acquire() as connection, connection.transaction(readonly=True):
            rows = await connection.fetch(_with_columns("contacts_at"), digits, wanted.key, list(campaigns), wanted.id)
            return await _read(connection, rows, now, horizon)


async def _read(connection: Connection, rows: Sequence[Row], now: Micros, horizon: Micros) -> list[Listed]:
    """The rows as contacts, with their numbers, consents and past."""
    if not rows:
        return []
    ids = [row["id"] for row in rows]
    numbers = _by_contact(await connection.fetch(SQL["numbers_of"], ids))
    past = [_past(row) for row in await connection.fetch(SQL["past_of"], ids, to_datetime(max(0, now - horizon)))]
    consents = [_consent(row) for row in await connection.fetch(SQL["consents_of"], ids)]
    theirs = _Theirs(past, consents)
    return [_listed(row, numbers.get(row["id"], []), theirs, now) for row in rows]


def _by_contact(rows: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["contact"], []).append(row)
    return found


class _Theirs:
    """What happened, by number, contact and debt."""

    def __init__(self, past: Iterable[Past], consents: Iterable[Consent]) -> None:
        self._past: dict[str | int | tuple[str], list[Past]] = {}
        self._consents: dict[str, list[Consent]] = {}
        for it in past:
            self._past.setdefault(it.number, []).append(it)
            if it.contact is not None:
                self._past.setdefault(it.contact, []).append(it)
            if it.debt:
                self._past.setdefault((it.debt,), []).append(it)
        for given in consents:
            self._consents.setdefault(given.number.digits, []).append(given)

    def past(self, contact: int, digits: Sequence[str], debt: str) -> tuple[Past, ...]:
        found: dict[tuple[str, Happened], Past] = {}
        keys: tuple[str | int | tuple[str], ...] = (*digits, contact, (debt,))
        for key in keys:
            found.update({(it.id, it.what): it for it in self._past.get(key, ())})
        return tuple(sorted(found.values(), key=lambda it: (it.at, it.id, it.what)))

    def consents(self, digits: Sequence[str]) -> tuple[Consent, ...]:
        return tuple(given for one in digits for given in self._consents.get(one, ()))


def _listed(row: Row, numbers: Sequence[Row], theirs: _Theirs, now: Micros) -> Listed:
    digits = [str(it["number"]) for it in numbers]
    outcomes = json.loads(row["outcomes"])
    contact = Contact(
        id=ContactId(row["id"]),
        campaign=CampaignId(row["campaign"]),
        numbers=tuple(map(_number, numbers)),
        next_number=row["next_number"],
        name=row["name"],
        zone=row["zone"],
        country=row["country"],
        state=row["state"],
        debt=row["debt"],
        consents=theirs.consents(digits),
        past=theirs.past(row["id"], digits, row["debt"]),
        attempts=row["attempts"],
        outcomes=tuple((AttemptOutcome(name), count) for name, count in sorted(outcomes.items())),
        per_number=tuple(it["attempts"] for it in numbers),
        callback=_callback(row),
        claimed=now,
    )
    return Listed(
        contact=contact,
        key=row["key"],
        fields=json.loads(row["fields"]),
        priority=row["priority"],
        standing=row["standing"],
        why=row["why"],
        due=to_micros(row["due"]),
        last_attempt=None if row["last_attempt"] is None else to_micros(row["last_attempt"]),
        entered=to_micros(row["entered"]),
    )


def _number(row: Row) -> Number:
    address = E164(str(row["number"]))
    return Number(
        address=address,
        kind=row["kind"],
        country=row["country"],
        zones=tuple(row["zones"]),
        states=tuple(row["states"]),
        barred=row["barred"],
        promised=row["promised"],
        premium=is_premium(address),
    )


def _callback(row: Row) -> Callback | None:
    if row["callback_at"] is None:
        return None
    agent, until = row["callback_agent"], row["callback_until"]
    return Callback(
        at=to_micros(row["callback_at"]),
        number=E164(str(row["callback_number"])),
        agent=AgentId(agent) if agent else None,
        theirs_until=0 if until is None else to_micros(until),
        note=row["callback_note"],
    )


def _past(row: Row) -> Past:
    return Past(
        id=row["id"],
        at=to_micros(row["at"]),
        what=Happened(row["what"]),
        number=str(row["number"]),
        contact=None if row["contact"] is None else ContactId(row["contact"]),
        debt=row["debt"],
        outcome=None if row["outcome"] is None else AttemptOutcome(row["outcome"]),
        scope=row["scope"],
    )


def _consent(row: Row) -> Consent:
    return Consent(E164(str(row["number"])), row["scope"], to_micros(row["given"]), row["how"])


# ── numbers that are not called, and the time ────────────────────────────────────────────────


async def do_not_call(pool: Pool) -> DoNotCallLists:
    """The lists as they are stored. A million numbers are 8 MB."""
    with answering():
        rows = await pool.fetch(SQL["do_not_call_numbers"], timeout=300)
        prefixes: dict[str, set[str]] = {}
        for row in await pool.fetch(SQL["do_not_call_prefixes"]):
            prefixes.setdefault(row["scope"], set()).add(str(row["number"]))
    numbers = {row["scope"]: _numbers(row["numbers"]) for row in rows}
    return DoNotCallLists(numbers, {scope: frozenset(found) for scope, found in prefixes.items()})


def _numbers(packed: bytes) -> array[int]:
    found = array("Q")
    found.frombytes(packed)
    if sys.byteorder == "little":
        found.byteswap()
    return found


async def clock_off(pool: Pool, now: Callable[[], Micros]) -> Micros:
    """How far this machine's clock is ahead of the database's, by half a request's time either way."""
    with answering():
        before = now()
        theirs = to_micros(await pool.fetchval(SQL["clock"]))
        return (before + now()) // 2 - theirs


async def list_version(pool: Pool) -> int:
    """Rises with each file that is read onto a do-not-call list."""
    with answering():
        return int(await pool.fetchval(SQL["list_version"]))


async def release_lost(pool: Pool, epoch: int, before: Micros) -> None:
    """Claims that nobody holds any more: of ended epochs, or made before a moment."""
    with answering():
        await pool.execute(SQL["release_lost"], epoch, to_datetime(before))
