"""One person's data: shown, and erased so that neither the database nor its files hold anything of it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callctl.core.addresses import E164
from callctl.core.contacts import Happened, Past
from callctl.core.facts import DoNotCallChanged
from callctl.core.ids import SECOND, ContactId, MenuId
from callctl.core.law import AttemptOutcome
from callctl.core.ledger import AttemptMade, AttemptOver, ConsentGiven, Entry, Listed, Remembered, Withheld
from callctl.core.model import MenuVisit
from callctl.runtime.ports import Batch
from callctl.store import contacts, person
from callctl.store.contacts import Wanted
from callctl.store.embedded import EmbeddedPostgres
from callctl.store.person import InCallError
from callctl.store.pool import connect
from callctl.store.start import Store
from tests.adapters.store_kit import NOW, ask, batch, ended, opened, queued
from tests.adapters.test_store_contacts import SPRING, made, put

pytestmark = pytest.mark.adapter

ADA, HER_OTHER, ZOE = E164("447911123481"), E164("447911123482"), E164("447911123483")
OTHER = E164("447911123488")
SECRET = "Ada the Countess of Nowhere"


async def _story(store: Store, url: str) -> list[int]:
    """Everything that may be stored of somebody; and the same of somebody else."""
    ids = []
    for seq, (one, name) in enumerate(((ADA, SECRET), (ZOE, "Zoe"))):
        numbers = (ADA, HER_OTHER) if one == ADA else (one,)
        (id_,) = await put(url, numbers=numbers, name=name, key=f"key-{name}", fields=json.dumps({"x": name}))
        ids.append(id_)
        contact = ContactId(id_)
        attempt = made(contact, f"attempt-{seq}", one, debt=name)
        entries: tuple[Entry, ...] = (
            AttemptMade(attempt),
            AttemptOver(attempt.id, contact, one, AttemptOutcome.BUSY, NOW),
            Remembered(Past(f"p-{one}", NOW, Happened.REFUSAL, one.digits, contact), name),
            ConsentGiven(one, "sales", NOW, name),
            Listed("", one.digits, False, name, NOW),
            Withheld(NOW, SPRING.id, contact, one, "us.hours", "1", f"{name} sleeps", None),
        )
        call = ended(10 + seq, caller=one, caller_name=name)
        call.story.menus.append(MenuVisit(MenuId("who/number"), NOW, one.digits))
        call.story.notes = {"who": name}
        other = ended(20 + seq, caller=OTHER, caller_name="Other")
        other.story.notes = {"calls_for": f"+{one.digits}"}
        told = (DoNotCallChanged("", one.digits, False, False, name),)
        store.journal.append(batch(3 * seq + 1, call, ended=(call, other)))
        store.journal.append(Batch(3 * seq + 2, NOW, ledger=entries, facts=((3 * seq + 2, NOW, told[0]),)))
        store.journal.append(batch(3 * seq + 3, closed=frozenset({call.id})))
    await store.journal.flushed(6)
    return ids


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _holds(folder: Path, one: E164, name: str) -> list[str]:
    """Files in which the number (as text, as the database's own form) or the name stands."""
    wanted = (
        one.digits.encode(),
        struct.pack("<q", int(one.digits)),
        struct.pack(">q", int(one.digits)),
        name.encode(),
    )
    return [str(path) for path in _files(folder) if any(text in path.read_bytes() for text in wanted)]


async def test_nothing_is_left_of_somebody_who_is_erased(
    postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path
) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await _story(store, postgres_url)
        assert _holds(postgres.folder, ADA, SECRET)
        who = await person.person_of(store.pool, HER_OTHER)
        assert set(who.numbers) == {ADA, HER_OTHER}
        await person.erase(store.pool, who, forget=True)
        connection = await connect(postgres_url)
        assert "public.contact" in await person.scrub(connection)
        await connection.close()
        for one in (ADA, HER_OTHER):
            assert not await _rows(postgres_url, one, SECRET)
            assert not _holds(postgres.folder, one, SECRET)
            assert not _holds(tmp_path, one, SECRET)
        assert _holds(postgres.folder, ZOE, "Zoe"), "somebody else is still there"
        assert len(await contacts.at(store.pool, Wanted(ZOE), [], NOW, 30 * 86_400 * SECOND)) == 1
        assert await ask(postgres_url, "select outcome from attempt where number is null") == ["busy"], "still counted"


async def _rows(url: str, one: E164, name: str) -> list[Any]:
    """Rows of any table that hold the number or the name."""
    connection = await connect(url)
    tables = await connection.fetch(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    )
    found = []
    for (table,) in tables:
        rows = await connection.fetch(f'select t::text from "{table}" as t')
        found += [row[0] for row in rows if one.digits in row[0] or name in row[0]]
    await connection.close()
    return found


async def test_that_they_are_not_to_be_called_stays_unless_it_is_to_be_forgotten(
    postgres_url: str, tmp_path: Path
) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await _story(store, postgres_url)
        await person.erase(store.pool, await person.person_of(store.pool, ADA), forget=False)
        assert await ask(postgres_url, "select count(*) from do_not_call") == [2]
        (row,) = await _rows(postgres_url, ADA, SECRET)
        assert row.startswith('("",447911123481,f,'), "the list's own row alone"
        assert SECRET not in row


async def test_nobody_is_erased_in_the_middle_of_a_call(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await _story(store, postgres_url)
        talking = queued(77, caller_name=ADA.digits)
        store.journal.append(batch(9, talking))
        await store.journal.flushed(9)
        with pytest.raises(InCallError, match="in a call"):
            await person.erase(store.pool, await person.person_of(store.pool, ADA), forget=False)
        assert len(await contacts.at(store.pool, Wanted(ADA), [], NOW, SECOND)) == 1


async def test_what_is_stored_of_somebody(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        await _story(store, postgres_url)
        (call,) = await person.calls(store.pool, await person.person_of(store.pool, ADA))
        assert (call["caller"], call["caller_name"]) == (str(ADA), SECRET)
        stranger = await person.person_of(store.pool, E164("447911123499"))
        assert (stranger.contacts, await person.calls(store.pool, stranger)) == ((), [])


async def test_who_shares_a_number_or_a_part_of_it_is_not_erased(postgres_url: str, tmp_path: Path) -> None:
    """Zoe has the landline too, and somebody else's number begins as Ada's does."""
    longer = E164("4479111234819")
    async with opened(postgres_url, tmp_path) as store:
        await _story(store, postgres_url)
        (zoe,) = await put(postgres_url, numbers=(HER_OTHER, ZOE), name="Zoe", key="shares")
        refusal = Past("zoes", NOW, Happened.REFUSAL, HER_OTHER.digits, ContactId(zoe))
        store.journal.append(Batch(7, NOW, ledger=(Remembered(refusal, "no"),)))
        call = ended(50, caller=longer, caller_name="Near")
        store.journal.append(batch(8, call, ended=(call,)))
        store.journal.append(batch(9, closed=frozenset({call.id})))
        await store.journal.flushed(9)
        who = await person.person_of(store.pool, ADA)
        assert who.numbers == (ADA,), "the shared one is not hers alone"
        await person.erase(store.pool, who, forget=True)
        assert await ask(postgres_url, "select caller_name from call where caller <> 'erased' order by 1") == [
            "Near",
            "Other",
            "Other",
            "Zoe",
        ]
        assert await ask(postgres_url, "select id from happened where contact = " + str(zoe)) == ["zoes"]
        assert len(await contacts.at(store.pool, Wanted(HER_OTHER), [], NOW, SECOND)) == 1


async def test_a_number_that_is_on_no_list_is_shown_and_erased_as_well(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        stranger = E164("447911123499")
        entries = (ConsentGiven(stranger, "sales", NOW, SECRET), Listed("", stranger.digits, False, SECRET, NOW))
        store.journal.append(Batch(1, NOW, ledger=entries))
        await store.journal.flushed(1)
        who = await person.person_of(store.pool, stranger)
        assert set(await person.rows(store.pool, who)) == {"consent", "do_not_call"}
        await person.erase(store.pool, who, forget=True)
        assert await person.rows(store.pool, who) == {}
