"""What a transaction writes: batches merged while they wait, then as rows, which is also the spool's form."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

import structlog

from callctl.core.facts import CallOffered, Fact
from callctl.core.flows import Flows
from callctl.core.ids import AgentId, AttemptId, CallId, Micros, SwitchId
from callctl.core.ledger import Entry
from callctl.core.model import Agent, Call, Node, Switch, Usage
from callctl.core.outbound import Attempt, Campaign
from callctl.runtime.ports import Batch
from callctl.store import codec
from callctl.store.cdr import record_row
from callctl.store.ledger import ledger_row
from callctl.store.times import to_datetime

LIVE: dict[str, type] = {"call": Call, "agent": Agent, "node": Node, "trunk": Usage}
LIVE |= {"campaign": Campaign, "attempt": Attempt, "switch": Switch, "flows": Flows}
"""What a kind of live row holds."""
FORMAT = 2
"""Of a spooled unit. A higher one is of a newer callctl and is set aside."""
_log = structlog.get_logger(__name__)
_T = TypeVar("_T")
_V = TypeVar("_V")

Aggregate: TypeAlias = Call | Agent | Node | Usage | Campaign | Attempt | Switch | Flows
LiveRow: TypeAlias = tuple[str, str, int, str]
"""kind, id, seq, body."""
EventRow: TypeAlias = tuple[Micros, str | None, int, int, str, str]
"""at, call, seq, n, kind, body."""
LedgerRow: TypeAlias = tuple[int, str, list[Any]]
"""seq, statement, its parameters."""


@dataclass(slots=True)
class Unit:
    """Batches that will share a transaction: the last state of each aggregate, and every fact."""

    seq: int = 0
    batches: int = 0
    live: dict[tuple[str, str], tuple[int, Aggregate]] = field(default_factory=dict)
    """By kind and id: the step that last changed it, and the value then."""
    closed: set[CallId] = field(default_factory=set)
    left: set[AgentId] = field(default_factory=set)
    over: set[AttemptId] = field(default_factory=set)
    off: set[SwitchId] = field(default_factory=set)
    forgotten: set[str] = field(default_factory=set)
    ledger: list[tuple[int, Entry]] = field(default_factory=list)
    ended: dict[CallId, Call] = field(default_factory=dict)
    facts: list[tuple[int, Micros, Fact]] = field(default_factory=list)
    urgent: bool = False
    """A phone is rung: the row that knows its leg is to be stored soon."""

    def add(self, batch: Batch, *, facts: bool = True) -> None:
        """Merge a later batch into this unit."""
        self.seq = batch.seq
        self.batches += 1
        self.closed -= batch.calls.keys()
        self.left -= batch.agents.keys()
        self.off -= batch.switches.keys()
        self.live.update({("call", id_): (batch.seq, call) for id_, call in batch.calls.items()})
        self.live.update({("agent", id_): (batch.seq, agent) for id_, agent in batch.agents.items()})
        self.live.update({("node", id_): (batch.seq, node) for id_, node in batch.nodes.items()})
        self.live.update({("trunk", id_): (batch.seq, used) for id_, used in batch.trunks.items()})
        self.live.update({("campaign", id_): (batch.seq, campaign) for id_, campaign in batch.campaigns.items()})
        self.live.update({("attempt", id_): (batch.seq, attempt) for id_, attempt in batch.attempts.items()})
        self.live.update({("switch", id_): (batch.seq, switch) for id_, switch in batch.switches.items()})
        for switch_id in batch.off:
            self.live.pop(("switch", switch_id), None)
            self.off.add(switch_id)
        for attempt_id in batch.over:
            self.live.pop(("attempt", attempt_id), None)
            self.over.add(attempt_id)
        self.live.update({("flows", version): (batch.seq, flows) for version, flows in batch.flows.items()})
        self.forgotten -= batch.flows.keys()
        for version in batch.forgotten:
            self.live.pop(("flows", version), None)
            self.forgotten.add(version)
        self.ledger.extend((batch.seq, entry) for entry in batch.ledger)
        for call_id in batch.closed:
            self.live.pop(("call", call_id), None)
            self.closed.add(call_id)
        for agent_id in batch.left:
            self.live.pop(("agent", agent_id), None)
            self.left.add(agent_id)
        for call in batch.ended:
            self.ended[call.id] = call
        self.urgent = self.urgent or any(isinstance(fact, CallOffered) for _, _, fact in batch.facts)
        if facts:
            self.facts.extend(batch.facts)


@dataclass(frozen=True, slots=True)
class Rows:
    """A unit as rows. `epoch` and `seed` say whose; everything of it up to `seq` is stored when this is."""

    epoch: int
    seed: int
    seq: int
    live: tuple[LiveRow, ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
    events: tuple[EventRow, ...] = ()
    records: tuple[dict[str, Any], ...] = ()
    ledger: tuple[LedgerRow, ...] = ()
    """In order; each is applied once."""

    def without_events(self) -> Rows:
        """What restores and what is counted, without what explains."""
        return replace(self, events=())

    def to_bytes(self) -> bytes:
        data = {
            "format": FORMAT,
            "epoch": self.epoch,
            "seed": self.seed,
            "seq": self.seq,
            "live": self.live,
            "gone": self.gone,
            "events": self.events,
            "records": self.records,
            "ledger": self.ledger,
        }
        return codec.to_text(data).encode("utf-8")

    @classmethod
    def from_bytes(cls, payload: bytes) -> Rows:
        """ValueError: not a unit that this code wrote or can read."""
        try:
            data = json.loads(payload)
            if data["format"] > FORMAT:
                raise ValueError(f"format {data['format']} is of a newer callctl")
            return cls(
                epoch=data["epoch"],
                seed=data["seed"],
                seq=data["seq"],
                live=tuple((kind, id_, seq, body) for kind, id_, seq, body in data["live"]),
                gone=tuple((kind, id_) for kind, id_ in data["gone"]),
                events=tuple((at, call, seq, n, kind, body) for at, call, seq, n, kind, body in data["events"]),
                records=tuple(data["records"]),
                ledger=tuple((seq, kind, row) for seq, kind, row in data.get("ledger", ())),
            )
        except (TypeError, KeyError) as error:
            raise ValueError(f"no unit of the journal: {error!r}") from None


def merged(several: Sequence[Rows]) -> Rows:
    """Rows of one epoch, in order, as one unit: the last word on each call, and every event."""
    live: dict[tuple[str, str], LiveRow] = {}
    gone: set[tuple[str, str]] = set()
    records: dict[str, dict[str, Any]] = {}
    for rows in several:
        live.update({(row[0], row[1]): row for row in rows.live})
        gone.difference_update(live)
        for key in rows.gone:
            live.pop(key, None)
            gone.add(key)
        records.update({record["id"]: record for record in rows.records})
    last = several[-1]
    return Rows(
        epoch=last.epoch,
        seed=last.seed,
        seq=max(rows.seq for rows in several),
        live=tuple(live.values()),
        gone=tuple(sorted(gone)),
        events=tuple(event for rows in several for event in rows.events),
        records=tuple(records.values()),
        ledger=tuple(entry for rows in several for entry in rows.ledger),
    )


def to_rows(unit: Unit, epoch: int, seed: int) -> Rows:
    """Encode a unit. A value that cannot be stored is left out and logged: the rest must not suffer."""
    live: list[LiveRow] = []
    for (kind, id_), (seq, value) in unit.live.items():
        body = _tried(kind, id_, codec.dumps, value)
        if body is not None:
            live.append((kind, codec.storable(id_), seq, body))
    records = (_tried("record", call.id, record_row, call) for call in unit.ended.values())
    return Rows(
        epoch=epoch,
        seed=seed,
        seq=unit.seq,
        live=tuple(live),
        gone=(
            *(("agent", codec.storable(agent)) for agent in sorted(unit.left)),
            *(("attempt", attempt) for attempt in sorted(unit.over)),
            *(("call", codec.storable(call)) for call in sorted(unit.closed)),
            *(("switch", codec.storable(switch)) for switch in sorted(unit.off)),
            *(("flows", version) for version in sorted(unit.forgotten)),
        ),
        events=tuple(_events(unit.facts)),
        records=tuple(record for record in records if record is not None),
        ledger=tuple(_ledger(unit.ledger)),
    )


def _ledger(entries: list[tuple[int, Entry]]) -> Iterator[LedgerRow]:
    for seq, entry in entries:
        row = _tried("ledger", str(seq), ledger_row, entry)
        if row is not None:
            yield (seq, *row)


def _events(facts: list[tuple[int, Micros, Fact]]) -> list[EventRow]:
    rows: list[EventRow] = []
    n = last = -1
    for seq, at, fact in facts:
        n = n + 1 if seq == last else 0
        last = seq
        row = _tried("event", str(seq), _event, (seq, n, at, fact))
        if row is not None:
            rows.append(row)
    return rows


def _event(told: tuple[int, int, Micros, Fact]) -> EventRow:
    seq, n, at, fact = told
    to_datetime(at)  # OverflowError here, not in the transaction
    call = getattr(fact, "call", None)
    return (at, call and codec.storable(call), seq, n, type(fact).__name__, codec.dumps(fact))


def _tried(kind: str, id_: str, make: Callable[[_V], _T], value: _V) -> _T | None:
    try:
        return make(value)
    except Exception as error:  # a fault of ours in one value must not stop the journal
        _log.error("journal.cannot_be_stored", kind=kind, id=id_, why=str(error), exc_info=error)
        return None
