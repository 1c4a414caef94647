"""Leases, a few at a time."""

from __future__ import annotations

import asyncio

import pytest

from callctl.asterisk import leases
from callctl.asterisk.leases import AT_ONCE, Leases
from callctl.asterisk.wire import Reply
from callctl.core.commands import Lease
from callctl.core.ids import SECOND, LegId, NodeId

pytestmark = pytest.mark.adapter


class Wire:
    """What was sent, each with the reply that it waits for."""

    def __init__(self) -> None:
        self.sent: list[Lease] = []
        self.replies: list[asyncio.Future[Reply]] = []
        self.all_sent = asyncio.Event()
        """More than may wait for an answer."""
        self.leases = Leases(self._send)

    def _send(self, lease: Lease) -> asyncio.Future[Reply]:
        self.sent.append(lease)
        if len(self.sent) > AT_ONCE:
            self.all_sent.set()
        self.replies.append(asyncio.get_running_loop().create_future())
        return self.replies[-1]

    async def answer(self, number: int) -> None:
        self.replies[number].set_result(Reply(204))
        await asyncio.sleep(0)


def lease(leg: int, seconds: int = 90) -> Lease:
    return Lease(NodeId("pbx"), LegId(f"leg{leg}"), seconds * SECOND)


async def test_a_few_at_a_time_in_order() -> None:
    wire = Wire()
    wanted = [lease(leg) for leg in range(AT_ONCE + 2)]
    for one in wanted:
        wire.leases.put(one)
    assert wire.sent == wanted[:AT_ONCE]
    await wire.answer(1)
    assert wire.sent == wanted[: AT_ONCE + 1]


async def test_of_a_leg_only_the_newest_and_none_of_one_that_is_gone() -> None:
    wire = Wire()
    for leg in range(AT_ONCE):
        wire.leases.put(lease(leg))
    wire.leases.put(lease(50, 90))
    wire.leases.put(lease(51))
    wire.leases.put(lease(50, 600))
    wire.leases.forget(LegId("leg51"))
    for number in range(AT_ONCE):
        await wire.answer(number)
    assert wire.sent[AT_ONCE:] == [lease(50, 600)]


async def test_none_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "PATIENCE", 0.01)
    wire = Wire()
    for leg in range(AT_ONCE + 1):
        wire.leases.put(lease(leg))
    async with asyncio.timeout(5):
        await wire.all_sent.wait()
    assert wire.sent[-1] == lease(AT_ONCE)


async def test_what_an_earlier_connection_was_asked_holds_nothing_up() -> None:
    wire = Wire()
    for leg in range(AT_ONCE + 1):
        wire.leases.put(lease(leg))
    wire.leases.clear()
    wire.leases.put(lease(70))
    assert wire.sent[-1] == lease(70)
    await wire.answer(0)
    assert len(wire.sent) == AT_ONCE + 1
