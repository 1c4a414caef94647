"""Contacts for the core, from a real Postgres: asked for without waiting, answered whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callctl import outbound as outbound_module
from callctl.core.campaigns import CampaignPolicy, Mode
from callctl.core.commands import ClaimContacts
from callctl.core.events import ContactsClaimed, Event
from callctl.core.facts import Fact
from callctl.core.ids import SECOND, AgentId, CampaignId
from callctl.core.law import CallKind
from callctl.core.policy import Policy
from callctl.outbound import Outbound
from callctl.store import contacts
from callctl.store.embedded import EmbeddedPostgres
from callctl.store.errors import StoreError
from callctl.store.journal import Mode as Writing
from callctl.store.start import Store
from callctl.store.times import to_datetime
from callctl.zones import offsets_of
from tests.adapters.store_kit import NOW, ask, batch, now, opened, until
from tests.adapters.test_store_contacts import put

pytestmark = pytest.mark.adapter

SPRING, AUTUMN = CampaignId("spring"), CampaignId("autumn")
POLICY = Policy(campaigns={it: CampaignPolicy(it, CallKind.SALES, Mode.PREVIEW) for it in (SPRING, AUTUMN)})


class House:
    """The core's side, which is told; `full` for so many times it cannot take anything."""

    def __init__(self, store: Store) -> None:
        self.told: list[Event] = []
        self.full = 0
        self.policy = POLICY
        journal = store.journal
        self.out = Outbound(store.pool, journal.epoch.id, self.ask, now, lambda: self.policy, journal.committed)

    async def ask(self, event: Event) -> tuple[Fact, ...]:
        if self.full:
            self.full -= 1
            raise asyncio.QueueFull("callctl has more to do than it can")
        self.told.append(event)
        return ()

    async def claim(self, most: int = 20, seq: int = 0, campaign: CampaignId = SPRING) -> ContactsClaimed:
        """Claim, and the answer."""
        before = len(self.told)
        self.out.claim(ClaimContacts(campaign, most), seq)
        await until(lambda: len(self.told) > before)
        (said,) = self.told[before:]
        assert isinstance(said, ContactsClaimed)
        return said


@asynccontextmanager
async def house(url: str, spool: Path) -> AsyncIterator[tuple[Store, House]]:
    async with opened(url, spool) as store:
        made = House(store)
        try:
            yield store, made
        finally:
            await made.out.stop()


async def test_who_is_due_is_claimed_with_the_time_zones_they_name(postgres_url: str, tmp_path: Path) -> None:
    async with house(postgres_url, tmp_path) as (store, it):
        (first,) = await put(postgres_url, zone="Asia/Tokyo")
        others = [(await put(postgres_url, zone=zone))[0] for zone in ("Mars/Olympus", "Europe", "../zone")]
        said = await it.claim()
        assert [contact.id for contact in said.contacts] == [first, *others]
        assert said.campaign == SPRING
        assert said.contacts[0].claimed == NOW
        known = {zone: offsets_of(zone) for zone in ("Asia/Tokyo", "Europe/Paris")}
        assert said.zones == known, "who may be in a zone that nobody knows is not called"
        assert await ask(postgres_url, "select epoch from contact") == [store.journal.epoch.id] * 4
        assert await it.claim() == ContactsClaimed(SPRING, (), {}), "nobody is left"


async def test_the_callbacks_that_an_agent_promised_are_claimed_for_that_agent(
    postgres_url: str, tmp_path: Path
) -> None:
    async with house(postgres_url, tmp_path) as (_, it):
        await put(
            *(postgres_url, 1),
            callback_at=to_datetime(NOW - SECOND),
            callback_agent="ana",
            callback_until=to_datetime(NOW + 3600 * SECOND),
            callback_number=33140000001,
        )
        assert (await it.claim()).contacts == ()
        it.out.claim(ClaimContacts(SPRING, 20, (AgentId("ana"),)), 0)
        await until(lambda: len(it.told) > 1)
        assert isinstance(said := it.told[1], ContactsClaimed)
        assert len(said.contacts) == 1


async def test_a_claim_waits_for_what_was_decided_before(postgres_url: str, tmp_path: Path) -> None:
    async with house(postgres_url, tmp_path) as (store, it):
        await put(postgres_url)
        claiming = asyncio.create_task(it.claim(seq=1))
        await asyncio.sleep(0)
        assert not it.told
        store.journal.append(batch(1))
        assert len((await claiming).contacts) == 1


async def test_a_claim_from_a_database_that_stays_behind_gives_nobody(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound_module, "BEHIND", 0.01)
    async with house(postgres_url, tmp_path) as (store, it):
        await put(postgres_url)
        assert (await it.claim(seq=1)).contacts == ()
        store.journal.append(batch(1))
        await store.journal.committed(1)
        assert len((await it.claim(seq=1)).contacts) == 1


async def test_while_the_database_is_away_nobody_is_due_and_then_they_are(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path
) -> None:
    async with house(postgres_url, tmp_path) as (store, it):
        await put(postgres_url)
        await fragile_postgres.stop()
        assert (await it.claim()).contacts == ()
        await fragile_postgres.start()
        await until(lambda: store.journal.mode is Writing.STORING)
        assert len((await it.claim()).contacts) == 1


async def test_a_claim_at_a_server_that_hangs_is_cut_off(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts, "CLAIM_TIMEOUT", 0.3)
    async with house(postgres_url, tmp_path) as (_, it):
        await put(postgres_url)
        assert len((await it.claim(most=1)).contacts) == 1  # the pool has a connection
        await put(postgres_url)
        hung = await ask(
            postgres_url,
            "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            " and pid not in (select pid from pg_locks where locktype = 'advisory')",  # the journal's
        )
        for pid in hung:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert (await it.claim()).contacts == ()
        finally:
            for pid in hung:
                os.kill(pid, signal.SIGCONT)
        assert hung
        assert len((await it.claim()).contacts) == 1, "it had claimed nobody"


async def test_of_one_campaign_there_is_one_claim_at_a_time(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[CampaignId] = []
    may_go_on = asyncio.Event()
    claim = contacts.claim
    asked: list[tuple[CampaignId, int]] = []

    async def slow(pool: object, epoch: int, known: int, campaign: CampaignPolicy, most: int, *rest: object) -> object:
        assert campaign.id not in running
        running.append(campaign.id)
        asked.append((campaign.id, most))
        await may_go_on.wait()
        running.remove(campaign.id)
        return await claim(pool, epoch, known, campaign, most, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(contacts, "claim", slow)
    async with house(postgres_url, tmp_path) as (_, it):
        await put(postgres_url, 9)
        it.out.claim(ClaimContacts(SPRING, 1), 0)
        it.out.claim(ClaimContacts(AUTUMN, 9), 0)
        await until(lambda: len(running) == 2)
        for most in (2, 3, 4):
            it.out.claim(ClaimContacts(SPRING, most), 0)
        may_go_on.set()
        await until(lambda: len(it.told) == 3)
        assert sorted(asked) == [(AUTUMN, 9), (SPRING, 1), (SPRING, 4)], "of those that were asked meanwhile the newest"
        found = [len(event.contacts) for event in it.told if isinstance(event, ContactsClaimed)]
        assert sorted(found) == [0, 1, 4]


async def test_the_core_gets_them_once_it_can_take_them(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound_module, "RETRY", 0.01)
    async with house(postgres_url, tmp_path) as (_, it):
        await put(postgres_url)
        it.full = 3
        assert len((await it.claim()).contacts) == 1


@pytest.mark.parametrize("error", [StoreError("the journal is closed"), RuntimeError("a step failed")])
async def test_an_answer_that_goes_wrong_ends_no_later_claim(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async with house(postgres_url, tmp_path) as (_, it):
        tried = 0

        async def fails(event: Event) -> tuple[Fact, ...]:
            nonlocal tried
            tried += 1
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(it.out, "_ask", fails)
            it.out.claim(ClaimContacts(SPRING, 1), 0)
            await until(lambda: tried > 0 and not it.out._claims)
        assert tried == 1
        assert (await it.claim()).contacts == ()


async def test_a_campaign_that_is_no_more_and_a_fault_of_ours_give_nobody(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    async with house(postgres_url, tmp_path) as (_, it):
        await put(postgres_url)
        with monkeypatch.context() as patch:
            patch.setattr(contacts, "claim", broken)
            assert (await it.claim()).contacts == ()
        it.policy = Policy()
        assert (await it.claim()).contacts == ()


async def test_after_the_end_nobody_is_claimed(postgres_url: str, tmp_path: Path) -> None:
    async with house(postgres_url, tmp_path) as (_, it):
        await put(postgres_url)
        it.out.claim(ClaimContacts(SPRING, 1), 99)  # waits for the journal
        await asyncio.sleep(0)
        await it.out.stop()
        it.out.claim(ClaimContacts(SPRING, 1), 0)
        assert not it.out._claims
        assert it.told == []
