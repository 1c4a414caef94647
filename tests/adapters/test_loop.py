"""The loop around the core, with a fake PBX, journal and observer (they say what they got)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import structlog

from callctl.core.commands import Beat, ClaimContacts, Command
from callctl.core.engine import Step, Touched, step
from callctl.core.events import Event, LinkRestored, Snapshot, StatusAsked, Synced, TimePassed, Wish
from callctl.core.facts import AgentStatusChanged, Fact
from callctl.core.ids import AgentId, CampaignId, Micros, NodeId, PhoneId, QueueId
from callctl.core.model import Available, LoggedOut, World
from callctl.core.outbound import Campaign
from callctl.core.pacing import Learned
from callctl.core.policy import AgentPolicy, PhoneKind, PhonePolicy, Policy, QueuePolicy
from callctl.core.recovery import restore
from callctl.runtime.clock import SystemClock
from callctl.runtime.inbox import BoundedInbox
from callctl.runtime.loop import Loop, copied_campaign
from callctl.runtime.ports import Batch

pytestmark = pytest.mark.adapter

NODE = NodeId("pbx")
ANA = AgentId("ana")


def policy() -> Policy:
    return Policy(
        queues={QueueId("sales"): QueuePolicy(QueueId("sales"))},
        agents={ANA: AgentPolicy(ANA, "Ana", PhoneId("ana"), (QueueId("sales"),))},
        phones={PhoneId("ana"): PhonePolicy(PhoneId("ana"), PhoneKind.PROVISIONED, "ana", NODE)},
    )


def fresh_world() -> World:
    return restore(policy(), 1, [], [], [], [NODE], 0)


class FakePbx:
    def __init__(self) -> None:
        self.sent: list[Command] = []
        self.heard = asyncio.Event()

    def send(self, command: Command) -> None:
        self.sent.append(command)
        self.heard.set()


class FakeJournal:
    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.appended = asyncio.Event()
        self.may_flush = asyncio.Event()

    def append(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.appended.set()

    async def flushed(self, seq: int) -> None:
        await self.may_flush.wait()
        assert self.batches[-1].seq >= seq

    async def committed(self, seq: int) -> None:
        await self.flushed(seq)


class FakeObserver:
    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def saw(self, at: Micros, facts: Sequence[Fact]) -> None:
        self.facts.extend(facts)


class FakeLists:
    def __init__(self) -> None:
        self.asked: list[tuple[ClaimContacts, int]] = []

    def claim(self, command: ClaimContacts, seq: int) -> None:
        self.asked.append((command, seq))


class House:
    """A loop with its fakes."""

    def __init__(self) -> None:
        self.pbx, self.journal, self.observer = FakePbx(), FakeJournal(), FakeObserver()
        self.poison: list[Event] = []
        self.poisoned = asyncio.Event()
        self.inbox = BoundedInbox()
        self.loop = Loop(
            fresh_world(), self.inbox, SystemClock(), self.pbx, self.journal, [self.observer], self.rebuild
        )

    async def rebuild(self, event: Event, error: BaseException) -> World:
        self.poison.append(event)
        self.poisoned.set()
        return fresh_world()


@asynccontextmanager
async def running() -> AsyncIterator[House]:
    house = House()
    task = asyncio.create_task(house.loop.run())
    try:
        yield house
    finally:
        house.journal.may_flush.set()
        house.loop.stop()
        await asyncio.wait_for(task, 5)


async def test_a_wish_goes_out_and_the_heartbeat_comes_from_the_loop_itself() -> None:
    async with running() as house:
        house.inbox.put(LinkRestored(NODE, "boot"))
        house.inbox.put(Synced(NODE, Snapshot()))
        for _ in range(2):
            house.pbx.heard.clear()
            await asyncio.wait_for(house.pbx.heard.wait(), 5)
        assert house.pbx.sent[:2] == [Beat(NODE), Beat(NODE)]


async def test_who_asks_is_answered_only_when_it_is_stored() -> None:
    async with running() as house:
        asked = asyncio.create_task(house.loop.ask(StatusAsked(ANA, Wish.LOGIN, by="test")))
        await asyncio.wait_for(house.journal.appended.wait(), 5)
        assert not asked.done()
        house.journal.may_flush.set()
        facts = await asyncio.wait_for(asked, 5)
        assert facts == (AgentStatusChanged(ANA, Available(), "test", "logged in"),)
        assert house.journal.batches[-1].agents[ANA].status == Available()


async def test_rows_are_copies_that_later_steps_do_not_change() -> None:
    async with running() as house:
        house.journal.may_flush.set()
        await house.loop.ask(StatusAsked(ANA, Wish.LOGIN))
        row = house.journal.batches[-1].agents[ANA]
        await house.loop.ask(StatusAsked(ANA, Wish.PAUSE, "lunch"))
        assert row.status == Available()


async def test_a_step_that_fails_is_set_aside_and_the_world_rebuilt(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as house:
        before = house.loop.world
        house.loop.world.legs["poison"] = "no leg at all"  # type: ignore[index,assignment]
        house.loop.world.nodes[NODE].phase = "broken"  # type: ignore[assignment]
        house.inbox.put(LinkRestored(NODE, "boot"))
        await asyncio.wait_for(house.poisoned.wait(), 5)
        assert house.poison == [LinkRestored(NODE, "boot")]
        house.journal.may_flush.set()
        await house.loop.ask(StatusAsked(ANA, Wish.LOGIN))
        assert house.loop.world is not before


async def test_what_is_over_the_inbox_bound_is_counted() -> None:
    inbox = BoundedInbox(bound=2)
    for _ in range(3):
        inbox.put(TimePassed())
    assert len(inbox) == 2
    assert inbox.dropped == 1
    answer = asyncio.get_running_loop().create_future()
    inbox.put(TimePassed(), answer)
    with pytest.raises(asyncio.QueueFull):
        await answer


async def test_after_a_drop_all_is_told_anew_once_half_of_the_inbox_is_done() -> None:
    inbox, told = BoundedInbox(bound=8), []
    inbox.on_relief = lambda: told.append(len(inbox))
    for _ in range(8):
        inbox.put(TimePassed())
    for _ in range(5):
        inbox.take()
    assert told == []  # nothing was dropped
    with structlog.testing.capture_logs() as said:
        for _ in range(8):
            inbox.put(TimePassed())
        while inbox.take() is not None:
            pass
    assert told == [4]
    assert [(line["event"], line.get("dropped")) for line in said] == [("inbox_full", None), ("inbox_relieved", 3)]


async def test_what_was_decided_before_a_step_that_fails_is_stored_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def halfway(world: World, event: Event, now: Micros) -> Step:
        if isinstance(event, LinkRestored):
            world.agents[ANA].status = LoggedOut()
            raise AssertionError("a bug of the core, halfway through a step")
        return step(world, event, now)

    monkeypatch.setattr("callctl.runtime.loop.step", halfway)
    house = House()
    house.inbox.put(StatusAsked(ANA, Wish.LOGIN))
    house.inbox.put(LinkRestored(NODE, "boot"))  # in the same turn
    house.loop.stop()
    await asyncio.wait_for(house.loop.run(), 5)
    assert house.poison == [LinkRestored(NODE, "boot")]
    assert house.journal.batches[0].agents[ANA].status == Available()


async def test_what_was_heard_before_the_end_is_decided_and_stored() -> None:
    async with running() as house:
        await asyncio.sleep(0)  # the loop waits for something to happen
        asked = asyncio.create_task(house.loop.ask(StatusAsked(ANA, Wish.LOGIN)))
        house.loop.stop()  # before the loop could take it
    assert (await asyncio.wait_for(asked, 5))[0] == AgentStatusChanged(ANA, Available(), "", "logged in")
    assert house.journal.batches[-1].agents[ANA].status == Available()


async def test_who_asks_is_told_when_it_will_never_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(seq: int) -> None:
        raise OSError("no disk, no database")

    async with running() as house:
        monkeypatch.setattr(house.journal, "flushed", never)
        with pytest.raises(OSError, match="no disk"):
            await asyncio.wait_for(house.loop.ask(StatusAsked(ANA, Wish.LOGIN)), 5)


async def test_a_claim_waits_for_the_step_that_wants_it_or_for_the_last_that_changed_anything() -> None:
    """What has changed nothing is in no batch: whoever waited for it would wait for ever."""
    claim = ClaimContacts(CampaignId("spring"), 20)
    nothing, something = Touched(), Touched(campaigns=(Campaign(CampaignId("spring")),))
    steps = iter([(something, ()), (nothing, (claim,)), (something, (claim,)), (nothing, (claim,))])

    def decide(world: World, event: Event, now: Micros) -> Step:
        touched, claims = next(steps)
        return Step((), (), touched, claims)

    house, lists = House(), FakeLists()
    loop = Loop(
        fresh_world(),
        house.inbox,
        SystemClock(),
        house.pbx,
        house.journal,
        [],
        house.rebuild,
        decide=decide,
        lists=lists,
    )
    for _ in range(3):
        house.inbox.put(TimePassed())
        await loop._turn()
    assert lists.asked == [(claim, 1), (claim, 3)]
    assert [batch.seq for batch in house.journal.batches] == [1, 3]
    house.inbox.put(TimePassed())
    await loop._turn()
    assert lists.asked[-1] == (claim, 3)


async def test_without_lists_nobody_is_claimed() -> None:
    house = House()
    step_ = Step((), (), Touched(), (ClaimContacts(CampaignId("spring"), 20),))
    loop = Loop(
        *(fresh_world(), house.inbox, SystemClock(), house.pbx, house.journal, [], house.rebuild),
        decide=lambda world, event, now: step_,
    )
    house.inbox.put(TimePassed())
    await loop._turn()
    assert loop.seq == 1


async def test_what_a_campaign_learns_later_is_not_in_the_row_of_before() -> None:
    campaign = Campaign(CampaignId("spring"), learned=Learned(), judged={"human": {"human": 1}})
    assert campaign.learned is not None
    before = copied_campaign(campaign)
    assert before == campaign
    campaign.budget.abandon()
    campaign.judged["human"]["human"] += 1
    for lives in (campaign.learned.rings, campaign.learned.detections, campaign.learned.talks, campaign.learned.wraps):
        lives.end(3.0)
        lives.end(3.0, lost=True)
    assert before == Campaign(CampaignId("spring"), learned=Learned(), judged={"human": {"human": 1}})
