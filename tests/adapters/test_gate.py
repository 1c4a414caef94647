"""The gate before the PBX: nobody is answered whose call could be forgotten, and nobody dialled whose attempt could."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from callctl.core.addresses import E164
from callctl.core.commands import Answer, Bridge, Command, Dial, Hangup, Hold, Lease, Play, RingBack, StopPlay, Watch
from callctl.core.events import Event, LegGone
from callctl.core.ids import SECOND, CallId, LegId, NodeId, PlaybackId, QueueId, TrunkId
from callctl.core.model import Down, Leg, LegRole, Node, Up, World
from callctl.core.permits import Permit, Purpose
from callctl.core.policy import HangupReason, OutsideNumber, Policy
from callctl.core.recovery import restore
from callctl.runtime import gate as gate_module
from callctl.runtime.gate import Gate
from tests.adapters.store_kit import until

pytestmark = pytest.mark.adapter

NODE, ONE, TWO, AGENT = NodeId("pbx"), LegId("c1"), LegId("c2"), LegId("a1")
PLAYBACK = PlaybackId("p1")


class Journal:
    def __init__(self) -> None:
        self.asked: list[int] = []
        loop = asyncio.get_running_loop()
        self.safe: asyncio.Future[None] = loop.create_future()
        self.in_postgres: asyncio.Future[None] = loop.create_future()

    async def flushed(self, seq: int) -> None:
        self.asked.append(seq)
        await asyncio.shield(self.safe)

    async def committed(self, seq: int) -> None:
        self.asked.append(seq)
        await asyncio.shield(self.in_postgres)


class House:
    """A gate with its fakes, before a PBX that is up."""

    def __init__(self, seq: int = 1) -> None:
        self.sent: list[Command] = []
        self.told: list[Event] = []
        self.journal = Journal()
        self.world = restore(Policy(), 1, [], [], [], [NODE], 0)
        self.world.nodes[NODE] = Node(NODE, Up(0))
        self.gate = Gate(self, self._world, lambda: seq, self.journal, self.told.append)

    def _world(self) -> World:
        return self.world

    def send(self, command: Command) -> None:
        self.sent.append(command)

    def dial(self, leg: LegId = ONE) -> Dial:
        """As the core does: the leg is in the World from this step on."""
        self.world.legs[leg] = Leg(leg, NODE, CallId(f"of {leg}"), LegRole.CALLER)
        wish = dialled(leg)
        self.gate.send(wish)
        return wish


def dialled(leg: LegId) -> Dial:
    to = OutsideNumber(E164("33140000001"), TrunkId("carrier"), "33140000001", "trunk-carrier")
    return Dial(NODE, leg, CallId(f"of {leg}"), Permit(Purpose.CAMPAIGN, to), "+33140000009", 60 * SECOND)


def unsent(leg: LegId) -> LegGone:
    return LegGone(NODE, leg, cause=41, unsent=True)


async def turns() -> None:
    """Whatever can go on has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


# ── callers ──────────────────────────────────────────────────────────────────────────────────


WAITS: tuple[Command, ...] = (
    Answer(NODE, ONE),
    Play(NODE, ONE, PLAYBACK, ("sound:hello",)),
    StopPlay(NODE, PLAYBACK),
    Hold(NODE, ONE, QueueId("sales"), "default"),
    Bridge(NODE, CallId("call"), ONE, AGENT),
)
AT_ONCE: tuple[Command, ...] = (Watch(NODE, ONE), Lease(NODE, ONE, SECOND), Lease(NODE, AGENT, SECOND))


async def test_what_a_caller_would_hear_waits_until_the_call_is_stored() -> None:
    house = House(seq=7)
    for command in (*AT_ONCE, *WAITS):
        house.gate.send(command)
    await asyncio.sleep(0)
    assert (house.sent, house.journal.asked) == (list(AT_ONCE), [7])
    house.journal.safe.set_result(None)
    await until(lambda: len(house.sent) >= len(AT_ONCE) + len(WAITS))
    assert house.sent == [*AT_ONCE, *WAITS], "in order"
    house.gate.send(StopPlay(NODE, PLAYBACK))
    assert house.sent[-1] == StopPlay(NODE, PLAYBACK), "nothing waits any more"


async def test_nobody_waits_behind_another_caller() -> None:
    house = House()
    house.gate.send(Answer(NODE, ONE))
    house.gate.send(Hold(NODE, TWO, QueueId("sales"), "default"))
    assert house.sent == [Hold(NODE, TWO, QueueId("sales"), "default")]
    house.gate.abandon()


async def test_who_cannot_be_stored_is_answered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "PATIENCE", 0.01)
    house = House()
    house.gate.send(Answer(NODE, ONE))
    await until(lambda: bool(house.sent))
    assert house.sent == [Answer(NODE, ONE)]


async def test_a_caller_of_somebody_else_is_not_answered() -> None:
    house = House()
    house.journal.safe.set_exception(RuntimeError("another callctl has taken over"))
    house.gate.send(Answer(NODE, ONE))
    await until(lambda: not len(house.gate))
    assert house.sent == []


# ── who is called ────────────────────────────────────────────────────────────────────────────


async def test_nobody_is_dialled_before_postgres_has_the_attempt() -> None:
    house = House(seq=7)
    wish = house.dial()
    house.journal.safe.set_result(None)
    await turns()
    assert (house.sent, house.journal.asked) == ([], [7]), "the spool does not count"
    house.journal.in_postgres.set_result(None)
    await until(lambda: bool(house.sent))
    assert (house.sent, house.told, len(house.gate)) == ([wish], [], 0)
    house.gate.send(Hangup(NODE, ONE, HangupReason.NORMAL))
    assert house.sent[-1] == Hangup(NODE, ONE, HangupReason.NORMAL), "it is a leg like any other now"


async def test_who_is_dialled_holds_nobody_up() -> None:
    house = House()
    house.dial()
    house.gate.send(RingBack(NODE, TWO))
    assert house.sent == [RingBack(NODE, TWO)]
    house.gate.abandon()


async def test_what_postgres_does_not_take_in_time_is_never_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "DIAL_PATIENCE", 0.01)
    house = House()
    house.dial()
    await until(lambda: bool(house.told))
    assert house.told == [unsent(ONE)]
    house.journal.in_postgres.set_result(None)  # it comes after all
    await turns()
    assert (house.sent, len(house.gate)) == ([], 0)


async def test_what_will_never_be_in_postgres_is_not_dialled() -> None:
    house = House()
    house.journal.in_postgres.set_exception(RuntimeError())
    house.dial()
    await until(lambda: bool(house.told))
    assert (house.sent, house.told) == ([], [unsent(ONE)])


async def test_a_call_that_is_given_up_before_it_was_dialled_is_not_dialled() -> None:
    house = House()
    house.dial()
    house.gate.send(Lease(NODE, ONE, SECOND))
    house.gate.send(Watch(NODE, ONE))
    assert house.told == [], "of a leg that is not there"
    house.gate.send(Hangup(NODE, ONE, HangupReason.NORMAL))
    assert house.told == [unsent(ONE)]
    house.journal.in_postgres.set_result(None)
    await turns()
    assert (house.sent, house.told) == ([], [unsent(ONE)])


@asynccontextmanager
async def held() -> AsyncIterator[House]:
    """A dial waits; what happens then; then Postgres has it."""
    house = House()
    house.dial()
    await turns()
    yield house
    house.journal.in_postgres.set_result(None)
    await until(lambda: not len(house.gate))
    assert (house.sent, house.told) == ([], [unsent(ONE)])


async def test_what_the_core_has_let_go_meanwhile_is_not_dialled() -> None:
    """An audit, say, has told it that there is no such leg: a phone would ring for nobody."""
    async with held() as house:
        del house.world.legs[ONE]


async def test_nobody_is_dialled_over_a_node_that_has_gone_meanwhile() -> None:
    """As with any command: what a link drops nobody would hear of again."""
    async with held() as house:
        house.world.nodes[NODE] = Node(NODE, Down(1))


async def test_at_the_end_nobody_is_dialled() -> None:
    house = House()
    house.dial()
    await turns()
    house.gate.abandon()
    house.journal.in_postgres.set_result(None)
    await turns()
    assert (house.sent, house.told) == ([], [])


async def test_what_is_promised_is_told_once_it_is_stored() -> None:
    house = House()
    thanks = Play(NODE, ONE, PLAYBACK, ("sound:auth-thankyou",), promise=True)
    house.gate.send(thanks)
    house.gate.send(StopPlay(NODE, PLAYBACK))
    house.gate.send(Play(NODE, TWO, PlaybackId("p2"), ("sound:hello",)))
    await turns()
    assert house.sent == [Play(NODE, TWO, PlaybackId("p2"), ("sound:hello",))]
    house.journal.safe.set_result(None)
    await turns()
    assert house.sent[1:] == [thanks, StopPlay(NODE, PLAYBACK)]
