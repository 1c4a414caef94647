"""Batches, and a store on a database, for the store's tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from callctl.core.addresses import E164
from callctl.core.events import Heard
from callctl.core.facts import CallEnded, CallQueued, Fact
from callctl.core.ids import (
    SECOND,
    AgentId,
    AttemptId,
    CallId,
    CampaignId,
    LegId,
    MenuId,
    Micros,
    NodeId,
    QueueId,
    TrunkId,
)
from callctl.core.model import (
    Agent,
    Available,
    Call,
    Down,
    Ended,
    Idle,
    MenuVisit,
    Node,
    Outcome,
    Party,
    Place,
    Queued,
    Ring,
    RingResult,
    Story,
)
from callctl.core.policy import HangupReason
from callctl.runtime.ports import Batch
from callctl.store.pool import connect
from callctl.store.start import Life, Store, open_store

NOW: Micros = 1_790_000_000_123_457
SALES = QueueId("sales")


def now() -> Micros:
    return NOW


def life(seed: int = 2**64 - 1, holder: str = "host:1") -> Life:
    return Life(holder, "0.1.0", "sha", seed)


def queued(n: int, **fields: Any) -> Call:
    """`phase`: another one."""
    return Call(
        CallId(f"call-{n}"),
        NodeId("pbx"),
        LegId(f"leg-{n}"),
        fields.pop("phase", Queued(Place(SALES, 0, NOW))),
        NOW,
        E164("33140000000"),
        **fields,
    )


def ended(n: int, **fields: Any) -> Call:
    """A call that walked the whole way."""
    story = Story(
        answered_by_pbx=NOW + 1,
        menus=[MenuVisit(MenuId("main"), NOW + 2, "31")],
        queue=SALES,
        queued=NOW + 3,
        rings=[
            Ring(AgentId("bert"), NOW + 4, "longest idle", NOW + 5, RingResult.NO_ANSWER, 19, 480),
            Ring(AgentId("anna"), NOW + 6, "longest idle of 1", NOW + 7, RingResult.ANSWERED),
        ],
        agent=AgentId("anna"),
        connected=NOW + 3 + 2 * SECOND,
        ended=NOW + 3 + 60 * SECOND,
        ended_by=Party.CALLER,
        outcome=Outcome.ANSWERED,
        cause=16,
        sip=200,
    )
    values: dict[str, Any] = {
        "caller": E164("33140000000"),
        "caller_name": "Zoë",
        "dialled": "100",
        "trunk": TrunkId("carrier"),
        "story": story,
    }
    phase = Ended(NOW + 60 * SECOND, HangupReason.NORMAL)
    return Call(CallId(f"call-{n}"), NodeId("pbx"), LegId(f"leg-{n}"), phase, NOW, **(values | fields))


def dialled(n: int, **fields: Any) -> Call:
    """A campaign's call that nobody took within the grace."""
    story = Story(
        queue=SALES,
        queued=NOW + 9 * SECOND,
        ended=NOW + 15 * SECOND,
        ended_by=Party.CALLER,
        outcome=Outcome.ABANDONED,
        rang=NOW + SECOND,
        picked_up=NOW + 7 * SECOND,
        heard=Heard.HUMAN,
        harboured=NOW + 11 * SECOND,
        message_left=None,
    )
    values: dict[str, Any] = {
        "caller": E164("33140000001"),
        "dialled": "+33140000001",
        "campaign": CampaignId("spring"),
        "attempt": AttemptId(f"attempt-{n}"),
        "story": story,
    }
    phase = Ended(NOW + 15 * SECOND, HangupReason.NORMAL)
    return Call(CallId(f"call-{n}"), NodeId("pbx"), LegId(f"leg-{n}"), phase, NOW, **(values | fields))


def agent(name: str = "anna", misses: int = 0) -> Agent:
    return Agent(AgentId(name), Available(), Idle(NOW), misses=misses)


def node() -> Node:
    return Node(NodeId("pbx"), Down(NOW), booted="2026-11-22T00:00:00")


def end_fact(n: int) -> Fact:
    return CallEnded(CallId(f"call-{n}"), SALES, None, Outcome.ABANDONED, Party.CALLER, 16, 0, 5, 0)


def batch(seq: int, *calls: Call, facts: tuple[Fact, ...] | None = None, **fields: Any) -> Batch:
    """One step: the calls as they are, and that each was queued."""
    told = facts if facts is not None else tuple(CallQueued(call.id, SALES, 0, 1) for call in calls)
    return Batch(
        seq, NOW + seq, {call.id: call for call in calls}, facts=tuple((seq, NOW + seq, f) for f in told), **fields
    )


@asynccontextmanager
async def opened(url: str, spool: Path, **options: Any) -> AsyncIterator[Store]:
    """An open store, closed afterwards."""
    usual: dict[str, Any] = {"now": now, "on_deposed": lambda why: None, "lock_patience": 0.3}
    options = usual | options
    store = await open_store(url, options.pop("life", life()), spool, **options)
    try:
        yield store
    finally:
        await store.close()


async def ask(url: str, query: str, *values: Any) -> list[Any]:
    """Rows as tuples, or the values of a single column."""
    connection = await connect(url, patience=10)
    try:
        rows = [tuple(row) for row in await connection.fetch(query, *values)]
    finally:
        await connection.close()
    return [row[0] if len(row) == 1 else row for row in rows]


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]], patience: float = 20.0) -> None:
    """Wait for a condition. TimeoutError: it did not come."""
    async with asyncio.timeout(patience):
        while True:
            met = condition()
            if isinstance(met, bool):
                if met:
                    return
            elif await met:
                return
            await asyncio.sleep(0.02)
