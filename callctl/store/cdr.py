"""Call records: a row from a Call, and what the API reads back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callctl.core.facts import Fact
from callctl.core.ids import AgentId, CallId, MenuId, Micros, QueueId
from callctl.core.model import Call, MenuVisit, QueueVisit, Ring, RingResult, Said
from callctl.core.policy import Overflow
from callctl.store.codec import DecodeError, loads, storable
from callctl.store.pool import Pool, answering
from callctl.store.queries import SQL
from callctl.store.times import iso, iso_or_none, to_datetime, to_micros

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

_TIMES = (
    *("answered_by_pbx", "queued", "connected", "ended", "wrap_up_ended"),
    *("rang", "picked_up", "harboured", "message_left", "asked_after"),
)
MOST_EVENTS = 10_000
"""Events read for one call, at most."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, as stored. Times in microseconds of wall time; names as in the table `call`."""

    id: CallId
    node: str
    trunk: str | None
    phone: str | None
    caller: str
    caller_kind: str
    caller_name: str
    dialled: str
    diverted_from: str | None
    feature: str | None
    entered: Micros
    answered_by_pbx: Micros | None
    menus: tuple[MenuVisit, ...]
    queue: str | None
    queued: Micros | None
    queues: tuple[QueueVisit, ...]
    rings: tuple[Ring, ...]
    agent: str | None
    connected: Micros | None
    ended: Micros | None
    ended_by: str | None
    outcome: str | None
    cause: int
    sip: int
    wrap_up_ended: Micros | None
    disposition: str | None = None
    disposition_by: str | None = None
    amount: str | None = None
    """As people write it: 1234.50."""
    note: str = ""
    campaign: str | None = None
    attempt: str | None = None
    rang: Micros | None = None
    picked_up: Micros | None = None
    heard: str | None = None
    harboured: Micros | None = None
    message_left: Micros | None = None
    asked_after: Micros | None = None
    path: tuple[str, ...] = ()
    """Nodes of flows, in order."""
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def waited(self) -> Micros:
        """From queued to connected, or to the end; 0: never queued."""
        until = self.connected if self.connected is not None else self.ended
        return 0 if self.queued is None or until is None else until - self.queued

    @property
    def talked(self) -> Micros:
        """From connected to the end of the talk; 0: never."""
        until = self.asked_after if self.asked_after is not None else self.ended
        return 0 if self.connected is None or until is None else until - self.connected


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One fact of a call. `fact` None: of a version that this code cannot read; `body` always shows it."""

    at: Micros
    epoch: int
    seq: int
    kind: str
    body: dict[str, Any]
    fact: Fact | None


def record_row(call: Call) -> dict[str, Any]:
    """The call record as JSON, in the columns of `call`."""
    story = call.story
    return {
        "id": storable(call.id),
        "node": storable(call.node),
        "trunk": _text(call.trunk),
        "phone": _text(call.phone),
        "caller": storable(str(call.caller)),
        "caller_kind": type(call.caller).__name__,
        "caller_name": storable(call.caller_name),
        "dialled": storable(call.dialled),
        "diverted_from": None if call.diverted_from is None else storable(str(call.diverted_from)),
        "feature": call.feature and call.feature.value,
        "entered": iso(call.entered),
        "answered_by_pbx": iso_or_none(story.answered_by_pbx),
        "menus": [_menu_row(visit) for visit in story.menus],
        "queue": _text(story.queue),
        "queued": iso_or_none(story.queued),
        "queues": [_visit_row(visit) for visit in story.queues],
        "rings": [_ring_row(ring) for ring in story.rings],
        "agent": _text(story.agent),
        "connected": iso_or_none(story.connected),
        "ended": iso_or_none(story.ended),
        "ended_by": story.ended_by and story.ended_by.value,
        "outcome": story.outcome and story.outcome.value,
        "cause": story.cause,
        "sip": story.sip,
        "wrap_up_ended": iso_or_none(story.wrap_up_ended),
        **_said_row(story.said),
        "campaign": _text(call.campaign),
        "attempt": _text(call.attempt),
        "rang": iso_or_none(story.rang),
        "picked_up": iso_or_none(story.picked_up),
        "heard": story.heard and story.heard.value,
        "harboured": iso_or_none(story.harboured),
        "message_left": iso_or_none(story.message_left),
        "asked_after": iso_or_none(story.asked_after),
        "path": [storable(node) for node in story.path],
        "notes": {storable(name): storable(said) for name, said in story.notes.items()},
    }


def _said_row(said: Said | None) -> dict[str, Any]:
    if said is None:
        return {"disposition": None, "disposition_by": None, "amount": None, "note": ""}
    amount = None if said.amount is None else f"{said.amount // 100}.{said.amount % 100:02}"
    return {
        "disposition": storable(said.disposition),
        "disposition_by": said.by,
        "amount": amount,
        "note": storable(said.note),
    }


def _text(value: str | None) -> str | None:
    return None if value is None else storable(value)


def _menu_row(visit: MenuVisit) -> dict[str, Any]:
    return {"menu": storable(visit.menu), "at": iso(visit.at), "digits": storable(visit.digits)}


def _visit_row(visit: QueueVisit) -> dict[str, Any]:
    return {
        "queue": storable(visit.queue),
        "at": iso(visit.at),
        "left": iso_or_none(visit.left),
        "why": visit.why and visit.why.value,
    }


def _ring_row(ring: Ring) -> dict[str, Any]:
    return {
        "agent": storable(ring.agent),
        "at": iso(ring.at),
        "ended": iso_or_none(ring.ended),
        "result": ring.result and ring.result.value,
        "cause": ring.cause,
        "sip": ring.sip,
        "why": storable(ring.why),
    }


# ── reading ──────────────────────────────────────────────────────────────────────────────────


async def recent_calls(
    pool: Pool, limit: int = 20, *, queue: str | None = None, agent: str | None = None
) -> list[CallRecord]:
    """The newest call records, newest first. StoreError, here and below: the database does not answer."""
    with answering():
        rows = await pool.fetch(SQL["recent_calls"], limit, queue, agent)
    return [_record(row) for row in rows]


async def call(pool: Pool, call_id: str) -> CallRecord | None:
    """The record of one call; None: there is none (yet: it is written when the call ends)."""
    with answering():
        row = await pool.fetchrow(SQL["one_call"], storable(call_id))
    return None if row is None else _record(row)


async def events(pool: Pool, call_id: str, limit: int = MOST_EVENTS) -> list[StoredEvent]:
    """What happened to a call and why, in order."""
    with answering():
        rows = await pool.fetch(SQL["call_events"], storable(call_id), limit)
    return [_event(row) for row in rows]


async def campaign_events(
    pool: Pool, campaign: str, trunks: Iterable[str], since: Micros, limit: int
) -> list[StoredEvent]:
    """What was decided for a campaign since a moment, and that its trunks were left alone: the newest, in order."""
    with answering():
        rows = await pool.fetch(SQL["campaign_events"], campaign, list(trunks), to_datetime(since), limit)
    return [_event(row) for row in reversed(rows)]


def _record(row: asyncpg.Record) -> CallRecord:
    values = {name: value for name, value in row.items() if name != "epoch"}
    values |= {name: _micros(row[name]) for name in _TIMES}
    values["entered"] = to_micros(row["entered"])
    values["amount"] = None if row["amount"] is None else str(row["amount"])
    values["menus"] = tuple(_menu(data) for data in json.loads(row["menus"]))
    values["queues"] = tuple(_visit(data) for data in json.loads(row["queues"]))
    values["path"] = tuple(json.loads(row["path"]))
    values["notes"] = json.loads(row["notes"])
    values["rings"] = tuple(_ring(data) for data in json.loads(row["rings"]))
    return CallRecord(**{name: values[name] for name in CallRecord.__slots__})


def _micros(at: datetime | None) -> Micros | None:
    return None if at is None else to_micros(at)


def _from_iso(text: str | None) -> Micros | None:
    from datetime import datetime

    return None if text is None else to_micros(datetime.fromisoformat(text))


def _menu(data: dict[str, Any]) -> MenuVisit:
    return MenuVisit(MenuId(data["menu"]), _from_iso(data["at"]) or 0, data["digits"])


def _visit(data: dict[str, Any]) -> QueueVisit:
    return QueueVisit(
        queue=QueueId(data["queue"]),
        at=_from_iso(data["at"]) or 0,
        left=_from_iso(data["left"]),
        why=None if data["why"] is None else Overflow(data["why"]),
    )


def _ring(data: dict[str, Any]) -> Ring:
    return Ring(
        agent=AgentId(data["agent"]),
        at=_from_iso(data["at"]) or 0,
        why=data["why"],
        ended=_from_iso(data["ended"]),
        result=None if data["result"] is None else RingResult(data["result"]),
        cause=data["cause"],
        sip=data["sip"],
    )


def _event(row: asyncpg.Record) -> StoredEvent:
    try:
        fact = loads(Fact, row["body"])
    except DecodeError:
        fact = None
    return StoredEvent(to_micros(row["at"]), row["epoch"], row["seq"], row["kind"], json.loads(row["body"]), fact)
