"""The gate before the PBX: nobody is answered whose call could be forgotten."""

from __future__ import annotations

import asyncio

import pytest

from callctl.core.commands import Answer, Bridge, Command, Hold, Lease, Play, StopPlay, Watch
from callctl.core.ids import SECOND, CallId, LegId, NodeId, PlaybackId, QueueId
from callctl.runtime import gate as gate_module
from callctl.runtime.gate import Gate
from tests.adapters.store_kit import until

pytestmark = pytest.mark.adapter

NODE, ONE, TWO, AGENT = NodeId("pbx"), LegId("c1"), LegId("c2"), LegId("a1")
PLAYBACK = PlaybackId("p1")


class Pbx:
    def __init__(self) -> None:
        self.sent: list[Command] = []

    def send(self, command: Command) -> None:
        self.sent.append(command)


class Journal:
    def __init__(self) -> None:
        self.asked: list[int] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def flushed(self, seq: int) -> None:
        self.asked.append(seq)
        await asyncio.shield(self.done)


WAITS: tuple[Command, ...] = (
    Answer(NODE, ONE),
    Play(NODE, ONE, PLAYBACK, ("sound:hello",)),
    StopPlay(NODE, PLAYBACK),
    Hold(NODE, ONE, QueueId("sales"), "default"),
    Bridge(NODE, CallId("call"), ONE, AGENT),
)
AT_ONCE: tuple[Command, ...] = (Watch(NODE, ONE), Lease(NODE, ONE, SECOND), Lease(NODE, AGENT, SECOND))


async def test_what_a_caller_would_hear_waits_until_the_call_is_stored() -> None:
    pbx, journal = Pbx(), Journal()
    gate = Gate(pbx, lambda: 7, journal.flushed)
    for command in (*AT_ONCE, *WAITS):
        gate.send(command)
    await asyncio.sleep(0)
    assert (pbx.sent, journal.asked) == (list(AT_ONCE), [7])
    journal.done.set_result(None)
    await until(lambda: len(pbx.sent) >= len(AT_ONCE) + len(WAITS))
    assert pbx.sent == [*AT_ONCE, *WAITS], "in order"
    gate.send(StopPlay(NODE, PLAYBACK))
    assert pbx.sent[-1] == StopPlay(NODE, PLAYBACK), "nothing waits any more"


async def test_nobody_waits_behind_another_caller() -> None:
    pbx, journal = Pbx(), Journal()
    gate = Gate(pbx, lambda: 1, journal.flushed)
    gate.send(Answer(NODE, ONE))
    gate.send(Hold(NODE, TWO, QueueId("sales"), "default"))
    assert pbx.sent == [Hold(NODE, TWO, QueueId("sales"), "default")]


async def test_who_cannot_be_stored_is_answered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "PATIENCE", 0.01)
    pbx, journal = Pbx(), Journal()
    gate = Gate(pbx, lambda: 1, journal.flushed)
    gate.send(Answer(NODE, ONE))
    await until(lambda: bool(pbx.sent))
    assert pbx.sent == [Answer(NODE, ONE)]


async def test_a_caller_of_somebody_else_is_not_answered() -> None:
    pbx, journal = Pbx(), Journal()
    gate = Gate(pbx, lambda: 1, journal.flushed)
    journal.done.set_exception(RuntimeError("another callctl has taken over"))
    gate.send(Answer(NODE, ONE))
    await until(lambda: not gate._held)
    assert pbx.sent == []
