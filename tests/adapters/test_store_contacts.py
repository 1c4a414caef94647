"""Contacts on a real Postgres: claimed once, in order, and with all that rules count; the ledger in its tables."""

from __future__ import annotations

import asyncio
import json
from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callctl.core.addresses import E164
from callctl.core.campaigns import CampaignPolicy, Compare, Filter, Mode, Order, Value
from callctl.core.contacts import Callback, Consent, Contact, Happened, Past
from callctl.core.ids import SECOND, AgentId, AttemptId, CampaignId, ContactId, Micros, TrunkId
from callctl.core.law import AttemptOutcome, CallKind
from callctl.core.ledger import (
    AttemptMade,
    AttemptOver,
    Barred,
    ConsentGiven,
    Entry,
    Listed,
    Planned,
    Promised,
    Remembered,
    Standing,
    TriedAgain,
    Withheld,
)
from callctl.core.outbound import Attempt, Campaign
from callctl.runtime.ports import Batch
from callctl.store import contacts
from callctl.store.contacts import Wanted
from callctl.store.pool import connect
from callctl.store.start import Store
from callctl.store.times import to_datetime
from tests.adapters.store_kit import NOW, ask, life, opened

pytestmark = pytest.mark.adapter

SPRING = CampaignPolicy(CampaignId("spring"), CallKind.SALES, Mode.PREVIEW)
DAY: Micros = 86_400 * SECOND
ZOE, ADA = E164("33140000001"), E164("33140000002")


async def put(url: str, count: int = 1, numbers: Sequence[E164] = (ZOE,), **columns: Any) -> list[int]:
    """Contacts on the list, due since yesterday."""
    values = {"campaign": "spring", "due": to_datetime(NOW - DAY)} | columns
    connection = await connect(url)
    names = ", ".join(values)
    marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    ids = []
    for _ in range(count):
        put_one = f"insert into contact ({names}) values ({marks}) returning id"
        id_ = await connection.fetchval(put_one, *values.values())
        for n, number in enumerate(numbers):
            insert = "insert into contact_number (contact, n, number, zones) values ($1, $2, $3, '{Europe/Paris}')"
            await connection.execute(insert, id_, n, int(number.digits))
        ids.append(id_)
    await connection.close()
    return ids


async def claim(
    store: Store, most: int = 100, campaign: CampaignPolicy = SPRING, now: Micros = NOW, **options: Any
) -> list[Contact]:
    epoch = options.pop("epoch", store.journal.epoch.id)
    known = options.pop("known", store.journal.stored_seq)
    return await contacts.claim(store.pool, epoch, known, campaign, most, now, 30 * DAY, **options)


async def ids(store: Store, **options: Any) -> list[int]:
    return [it.id for it in await claim(store, **options)]


async def enter(store: Store, *entries: Entry, seq: int | None = None) -> None:
    """As the journal stores them, with a step."""
    seq = store.journal.stored_seq + 1 if seq is None else seq
    store.journal.append(Batch(seq, NOW, ledger=entries))
    await store.journal.committed(seq)  # a slow machine: what is only spooled is not yet there to be asked for


# ── the claim ────────────────────────────────────────────────────────────────────────────────


async def test_each_contact_is_claimed_once_however_many_ask(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await put(postgres_url, 300)
        claims = await asyncio.gather(*(ids(store, most=20) for _ in range(24)))
        found = [it for one in claims for it in one]
        assert len(found) == len(set(found)) == 300
        assert await ids(store) == []


async def test_an_epoch_that_has_ended_claims_nobody(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path / "1") as store:
        first = store.journal.epoch.id
        await put(postgres_url, 3)
        assert len(await ids(store, most=1)) == 1
    async with opened(postgres_url, tmp_path / "2", life=life(7)) as store:
        assert await ids(store, epoch=first) == []
        assert len(await ids(store)) == 3, "whom the earlier life had claimed, and was not calling, is anybody's"


async def test_nobody_is_claimed_from_a_database_that_is_behind(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await put(postgres_url)
        assert await ids(store, known=store.journal.stored_seq + 1) == []
        await enter(store, ConsentGiven(ZOE, "sales", NOW, "on paper"))
        assert len(await ids(store, known=store.journal.stored_seq)) == 1


async def test_claims_that_nobody_holds_are_let_go(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await put(postgres_url, 2)
        assert len(await ids(store)) == 2
        await contacts.release_lost(store.pool, store.journal.epoch.id, NOW)
        assert await ids(store) == []
        await contacts.release_lost(store.pool, store.journal.epoch.id, NOW + 1)
        assert len(await ids(store)) == 2


async def test_who_was_being_called_at_a_kill_is_nobodys(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path / "1") as store:
        (contact,) = await put(postgres_url)
        await ids(store)
        attempt = made(ContactId(contact))
        store.journal.append(Batch(1, NOW, attempts={attempt.id: attempt}, ledger=(AttemptMade(attempt),)))
        await store.journal.flushed(1)
    async with opened(postgres_url, tmp_path / "2", life=life(7)) as store:
        assert store.restored.attempts == (attempt,)
        assert await ids(store) == []


@pytest.mark.parametrize(
    ("order", "expected"),
    [(Order.OLDEST, "cabd"), (Order.NEWEST, "cdba"), (Order.RANDOM, "cbda"), (Order.LEAST_RECENT, "cdab")],
)
async def test_orders(order: Order, expected: str, postgres_url: str, tmp_path: Path) -> None:
    """c has the highest priority; a was tried today, b yesterday… d never."""
    async with opened(postgres_url, tmp_path) as store:
        tried = {"a": NOW - 2 * DAY, "b": NOW - DAY}
        names: dict[int, str] = {}
        for name, shuffle, priority in (("a", 0.9, 0), ("b", 0.1, 0), ("c", 0.95, 5), ("d", 0.5, 0)):
            last = to_datetime(tried[name]) if name in tried else None
            found = await put(postgres_url, shuffle=shuffle, priority=priority, last_attempt=last)
            names[found[0]] = name
        campaign = replace(SPRING, order=order)
        one_by_one = [(await ids(store, most=1, campaign=campaign))[0] for _ in names]
        assert "".join(names[it] for it in one_by_one) == expected


async def test_those_of_one_claim_come_in_order_too(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        put_with = {n * 7 % 40: (await put(postgres_url, priority=n * 7 % 40))[0] for n in range(40)}
        by_priority = [put_with[n] for n in sorted(put_with, reverse=True)]
        (promised,) = await put(postgres_url, numbers=(ADA,))
        await enter(store, Promised(SPRING.id, Callback(NOW, ADA), ContactId(promised)))
        assert await ids(store) == [promised, *by_priority]


FIELDS: dict[str, Value] = {"balance": 120, "town": 'Łódź "x" \'', "vip": True, "code": "7"}


@pytest.mark.parametrize(
    ("name", "compare", "values", "fits"),
    [
        ("balance", Compare.AT_LEAST, (120,), True),
        ("balance", Compare.AT_LEAST, (121,), False),
        ("balance", Compare.AT_MOST, (120,), True),
        ("balance", Compare.AT_MOST, (119,), False),
        ("town", Compare.IS, ('Łódź "x" \'',), True),
        ("town", Compare.IS, ("$v0",), False),
        ("town", Compare.IS_NOT, ("Paris",), True),
        ("town", Compare.AT_LEAST, (1,), False),
        ("vip", Compare.IS, (True,), True),
        ("vip", Compare.IS_NOT, (True,), False),
        ("code", Compare.IS, (7,), True),
        ("balance", Compare.IS, (120,), True),
        ("balance", Compare.IS_NOT, ("text",), True),
        ("missing", Compare.IS_NOT, ("x",), True),
        ("missing", Compare.IS, ("x",), False),
        ("code", Compare.ONE_OF, (6, 7), True),
        ("code", Compare.ONE_OF, ("a",), False),
        ('town" || true || "', Compare.IS, ("x",), False),
        ("*", Compare.IS, ("7",), False),
    ],
)
async def test_filters(
    name: str, compare: Compare, values: tuple[Value, ...], fits: bool, postgres_url: str, tmp_path: Path
) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await put(postgres_url, fields=json.dumps(FIELDS))
        campaign = replace(SPRING, filters=(Filter(name, compare, values),))
        assert len(await ids(store, campaign=campaign)) == fits
    async with opened(postgres_url, tmp_path, life=life(8)) as store:
        both = (Filter("vip", Compare.IS, (True,)), Filter(name, compare, values))
        assert len(await ids(store, campaign=replace(SPRING, filters=both))) == fits


async def test_who_is_due_later_is_claimed_then(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await put(postgres_url, standing="later", due=to_datetime(NOW + SECOND))
        assert await ids(store) == []
        assert len(await ids(store, now=NOW + SECOND)) == 1


async def test_a_time_that_was_agreed_comes_first_and_is_the_agents_own_for_a_while(
    postgres_url: str, tmp_path: Path
) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await put(postgres_url, 2, priority=9)
        (promised,) = await put(postgres_url, numbers=(ADA,))
        ana = AgentId("ana")
        back = Callback(NOW + SECOND, ADA, ana, NOW + 60 * SECOND, "ask for Ada")
        await enter(store, Promised(SPRING.id, back, ContactId(promised)))
        assert promised not in await ids(store, most=1)
        later = NOW + 2 * SECOND
        assert promised not in await ids(store, now=later, agents=[AgentId("ben")])
        (found,) = await claim(store, now=later, most=1, agents=[ana])
        assert (found.id, found.callback) == (promised, back)
        await enter(store, Planned(found.id, Standing.OPEN, later, 0, ""))
        assert await ids(store, now=NOW + 60 * SECOND, most=1) == [promised], "then it is anybody's"


async def test_somebody_who_was_reached_is_called_again(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        (one,) = await put(postgres_url, numbers=(ADA,))
        (found,) = await claim(store, most=1)
        await enter(store, TriedAgain(found.id, NOW + SECOND, 0, "too early"))
        assert await ids(store, now=NOW + 2 * SECOND) == [], "who is claimed stays so"
        await enter(store, Planned(found.id, Standing.DONE, NOW, 0, "was reached"))
        await enter(store, TriedAgain(found.id, NOW + 60 * SECOND, 0, "not at home, said by ana"))
        assert await ids(store, now=NOW + 59 * SECOND) == []
        assert await ids(store, now=NOW + 60 * SECOND) == [one]


async def test_a_caller_who_is_on_no_list_is_put_onto_one(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        back = Callback(NOW + SECOND, ZOE, None, 0, "")
        await enter(store, Promised(SPRING.id, back, name="Zoë"), Promised(SPRING.id, replace(back, note="again")))
        (found,) = await claim(store, now=NOW + SECOND)
        assert (found.name, found.numbers[0].address) == ("Zoë", ZOE)
        assert found.callback is not None
        assert found.callback.note == "again", "the same number is the same contact"


# ── what a claim knows ───────────────────────────────────────────────────────────────────────


def made(
    contact: ContactId, id_: str = "attempt-1", number: E164 = ZOE, began: Micros = NOW, debt: str = ""
) -> Attempt:
    own = E164("442079460000")
    return Attempt(AttemptId(id_), SPRING.id, contact, number, TrunkId("out"), own, began, debt, ("us 1",))


async def test_what_rules_count_of_a_contact(postgres_url: str, tmp_path: Path) -> None:
    """Its own, its numbers' and its debt's; each once, and none older than asked for."""
    async with opened(postgres_url, tmp_path) as store:
        mine, other, third = [
            ContactId((await put(postgres_url, numbers=(number,), debt=debt))[0])
            for number, debt in ((ZOE, "loan"), (ADA, "loan"), (ZOE, ""))
        ]
        old = made(mine, "old", began=NOW - 40 * DAY)
        entries = [old, made(mine, "own", debt="loan"), made(other, "debt", ADA, debt="loan"), made(third, "number")]
        await enter(store, *(AttemptMade(it) for it in entries))
        await enter(store, AttemptOver(AttemptId("own"), mine, ZOE, AttemptOutcome.BUSY, NOW + 1))
        talk = Past("call", NOW, Happened.CONVERSATION, ZOE.digits)
        await enter(store, Remembered(talk, "talked"), ConsentGiven(ZOE, "sales", NOW, "on paper"))
        found = {it.id: it for it in await claim(store)}[mine]
        assert {it.id for it in found.past} == {"own", "debt", "number", "call"}
        assert next(it for it in found.past if it.id == "own").outcome is AttemptOutcome.BUSY
        assert talk in found.past
        assert found.consents == (Consent(ZOE, "sales", NOW, "on paper"),)
        assert (found.attempts, found.per_number, found.outcomes) == (2, (2,), ((AttemptOutcome.BUSY, 1),))


async def test_consent_that_is_revoked_is_kept_and_not_claimed(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await put(postgres_url)
        await enter(store, ConsentGiven(ZOE, "sales", NOW, "on paper"), ConsentGiven(ZOE, "news", NOW, "web"))
        revoked = Past("r", NOW + 1, Happened.REVOKED, ZOE.digits, scope="sales")
        await enter(store, Remembered(revoked, "on the phone"))
        (found,) = await claim(store)
        assert [it.scope for it in found.consents] == ["news"]
        assert revoked in found.past
        assert await ask(postgres_url, "select scope, revoked_how from consent order by id") == [
            ("sales", "on the phone"),
            ("news", ""),
        ]


async def test_a_number_where_a_time_was_agreed_with_somebody_else(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        first, second = await put(postgres_url, 2)
        await enter(store, Promised(SPRING.id, Callback(NOW + DAY, ZOE), ContactId(first)))
        (found,) = await claim(store)
        assert (found.id, found.numbers[0].promised) == (second, True)


async def test_a_number_that_is_anothers_is_barred_on_every_list(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        (mine,) = await put(postgres_url, key="k1", campaign="winter")
        await put(postgres_url, key="k1")
        await put(postgres_url, key="k2", campaign="autumn")
        await put(postgres_url, campaign="summer")
        await enter(store, Barred(ZOE, "another's", ContactId(mine)))
        await put(postgres_url, key="k1", campaign="later")
        found = await contacts.at(store.pool, Wanted(ZOE), [], NOW, DAY)
        barred = sorted(it.contact.campaign for it in found if it.contact.numbers[0].barred == "another's")
        assert barred == ["later", "spring", "summer", "winter"], "k2 is another person"


async def test_what_somebody_asked_for_outlives_the_file_that_had_it(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await enter(store, Listed("", ZOE.digits, False, "file tps.csv", NOW))
        await enter(store, Listed("", ZOE.digits, False, "said so", NOW + 1), Listed("", "1", False, "said so", NOW))
        await enter(store, Listed("", "1", False, "file tps.csv", NOW + 1))
        assert await ask(postgres_url, "select how from do_not_call order by number") == ["said so", "said so"]


async def test_what_was_taken_off_does_not_undo_a_later_listing(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await enter(store, Listed("", ZOE.digits, False, "later", NOW + SECOND))
        await enter(store, Listed("", ZOE.digits, False, "spooled", NOW, off=True))
        assert await ask(postgres_url, "select how from do_not_call") == ["later"]


async def test_a_revocation_is_known_however_long_ago(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await put(postgres_url)
        revoked = Past("r", NOW - 300 * DAY, Happened.REVOKED, ZOE.digits, scope="sales")
        await enter(store, ConsentGiven(ZOE, "*", NOW - 400 * DAY, "web"), Remembered(revoked, "on the phone"))
        (found,) = await claim(store)
        assert revoked in found.past


async def test_a_plan_ends_a_time_that_was_agreed_unless_it_is_yet_to_come(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        for at, standing, kept in ((NOW + DAY, "later", NOW + DAY), (NOW - 1, "done", None)):
            (id_,) = await put(postgres_url, callback_at=to_datetime(at), callback_number=int(ZOE.digits))
            await ids(store, now=NOW + 2 * DAY)
            await enter(store, Planned(ContactId(id_), Standing.DONE, NOW, 0, "", NOW))
            wanted = f"select standing, callback_at from contact where id = {id_}"
            assert await ask(postgres_url, wanted) == [(standing, None if kept is None else to_datetime(kept))]


async def test_an_earlier_lifes_plan_does_not_undo_a_later_claim(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        (id_,) = await put(postgres_url)
        await ids(store)
        connection = await connect(postgres_url)
        await connection.execute("update contact set epoch = epoch + 1")
        await connection.close()
        await enter(store, Planned(ContactId(id_), Standing.DONE, NOW, 0, "", NOW))
        assert await ask(postgres_url, "select standing from contact") == ["claimed"]


async def test_refusals_are_kept_with_their_version(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        entry = Withheld(NOW, SPRING.id, ContactId(5), ZOE, "us.hours", "2026-11-27", "it is night", NOW + DAY)
        await enter(store, entry)
        assert await ask(postgres_url, "select rule, version, why, number from dial_refusal") == [
            ("us.hours", "2026-11-27", "it is night", int(ZOE.digits))
        ]


# ── the journal's side ───────────────────────────────────────────────────────────────────────


async def test_an_entry_is_carried_out_once_through_the_spool_too(postgres_url: str, tmp_path: Path) -> None:
    """What was cut off after its commit is tried again, and found done."""
    async with opened(postgres_url, tmp_path) as store:
        (contact,) = await put(postgres_url)
        attempt = made(ContactId(contact))
        await enter(store, AttemptMade(attempt), seq=5)
        await enter(store, AttemptMade(attempt), seq=5)
        await enter(store, Listed("", "1", True, "x", NOW), Listed("", "1", True, "x", NOW, off=True))
        await enter(store, Listed("", ZOE.digits, False, "x", NOW, off=True), Listed("", ZOE.digits, False, "x", NOW))
        assert await ask(postgres_url, "select attempts from contact") == [1]
        assert await ask(postgres_url, "select number, prefix from do_not_call") == [(int(ZOE.digits), False)]


async def test_one_entry_that_cannot_be_stored_does_not_stop_the_others(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        wrong = Planned(ContactId(2**70), Standing.OPEN, NOW, 0, "")
        await enter(store, Listed("", "1", True, "x", NOW), wrong, Listed("", "2", True, "x", NOW))
        assert await ask(postgres_url, "select number from do_not_call order by 1") == [1, 2]
        assert store.journal.counts.refused_rows == 1


async def test_campaigns_and_open_attempts_are_restored(postgres_url: str, tmp_path: Path) -> None:
    campaign, attempt = Campaign(SPRING.id, since=NOW, by="ada"), made(ContactId(1))
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(
            Batch(1, NOW, campaigns={campaign.id: campaign}, attempts={attempt.id: attempt, AttemptId("b"): attempt})
        )
        store.journal.append(Batch(2, NOW, over=frozenset({AttemptId("b")})))
        await store.journal.flushed(2)
    async with opened(postgres_url, tmp_path, life=life(3)) as store:
        assert store.restored.campaigns == (campaign,)
        assert store.restored.attempts == (attempt,)


async def test_do_not_call_lists_are_read_as_sorted_numbers(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        numbers = sorted([int(ZOE.digits), int(ADA.digits), 999_999_999_999_999, 1])
        entries = [Listed("", str(n), False, "x", NOW) for n in reversed(numbers)]
        await enter(store, *entries, Listed("spring", "44", True, "x", NOW), Listed("spring", "33", False, "x", NOW))
        found = await contacts.do_not_call(store.pool)
        assert found.numbers == {"": array("Q", numbers), "spring": array("Q", [33])}
        assert found.prefixes == {"spring": frozenset({"44"})}


async def test_the_clocks_are_compared(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        import time

        off = await contacts.clock_off(store.pool, lambda: time.time_ns() // 1000)
        assert abs(off) < SECOND
        assert abs(await contacts.clock_off(store.pool, lambda: time.time_ns() // 1000 + 5 * SECOND)) > 4 * SECOND


async def test_contacts_are_found_by_number_and_by_key(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        first, second = await put(postgres_url), await put(postgres_url, numbers=(ADA,), key="k")
        by_number = await contacts.at(store.pool, Wanted(ZOE), [SPRING.id], NOW, DAY)
        by_key = await contacts.at(store.pool, Wanted(key="k"), [SPRING.id], NOW, DAY)
        assert [it.contact.id for it in by_number] == first
        assert [it.contact.id for it in by_key] == second
        alone = await contacts.one(store.pool, ContactId(second[0]), NOW, DAY)
        assert alone is not None
        assert (alone.key, alone.standing) == ("k", "open")
        assert await contacts.one(store.pool, ContactId(10**9), NOW, DAY) is None
