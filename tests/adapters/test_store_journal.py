"""The journal on a real Postgres: everything is stored once and in order, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from callctl.core.facts import Fact, StrayEvent
from callctl.core.ids import CallId
from callctl.core.model import Call
from callctl.store import journal as journal_module
from callctl.store.codec import loads
from callctl.store.embedded import EmbeddedPostgres
from callctl.store.errors import DeposedError, StoreError
from callctl.store.journal import Mode
from callctl.store.pool import connect
from callctl.store.rows import Rows, Unit, to_rows
from callctl.store.spool import Spool, SpoolFullError
from callctl.store.write import write
from tests.adapters.store_kit import NOW, agent, ask, batch, end_fact, ended, life, node, opened, queued, until

pytestmark = pytest.mark.adapter

LIVE = "select kind || ' ' || id from live order by 1"
SEQS = "select seq from call_event order by epoch, seq, n"


async def test_a_batch_is_rows_events_and_a_record(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, queued(1), agents={agent().id: agent()}, nodes={node().id: node()}))
        store.journal.append(batch(2, ended(2), ended=(ended(2),)))
        await store.journal.flushed(2)
        assert await ask(postgres_url, LIVE) == ["agent anna", "call call-1", "call call-2", "node pbx"]
        assert await ask(postgres_url, "select id, outcome from call") == [("call-2", "answered")]
        assert await ask(postgres_url, "select call, seq, n, kind from call_event order by seq") == [
            ("call-1", 1, 0, "CallQueued"),
            ("call-2", 2, 0, "CallQueued"),
        ]
        store.journal.append(batch(3, closed=frozenset({CallId("call-1")})))
        await store.journal.flushed(3)
        assert await ask(postgres_url, LIVE) == ["agent anna", "call call-2", "node pbx"]
        assert await ask(postgres_url, "select last_seq from epoch") == [3]
        assert store.journal.stored_seq == 3


async def test_what_comes_meanwhile_shares_a_transaction(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        for seq in range(1, 101):
            store.journal.append(batch(seq, queued(seq % 3, lease_renew=seq)))
        await store.journal.flushed(100)
        assert store.journal.counts.units == 1
        bodies = await ask(postgres_url, "select body from live where kind = 'call' order by id")
        assert [loads(Call, body).lease_renew for body in bodies] == [99, 100, 98]
        assert await ask(postgres_url, SEQS) == list(range(1, 101))


def test_merging_keeps_the_last_word_on_each_call() -> None:
    unit = Unit()
    unit.add(batch(1, queued(1), queued(2)))
    unit.add(batch(2, queued(1, dialled="later"), closed=frozenset({CallId("call-2")}), ended=(ended(2),)))
    unit.add(batch(3, ended=(ended(2, dialled="with wrap-up"),)))
    rows = to_rows(unit, 1, 2)
    assert [(kind, id_, seq) for kind, id_, seq, _ in rows.live] == [("call", "call-1", 2)]
    assert rows.gone == (("call", "call-2"),)
    assert [record["dialled"] for record in rows.records] == ["with wrap-up"]
    assert Rows.from_bytes(rows.to_bytes()) == rows


async def test_facts_of_one_step_keep_their_order(postgres_url: str, tmp_path: Path) -> None:
    facts: tuple[Fact, ...] = tuple(StrayEvent(str(n), "x") for n in range(5))
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, facts=facts))
        await store.journal.flushed(1)
        rows = await ask(postgres_url, "select n, body->>'event' from call_event order by n")
        assert rows == [(n, str(n)) for n in range(5)]


async def test_the_record_is_written_at_the_end_and_again_after_wrap_up(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, ended=(ended(1),)))
        await store.journal.flushed(1)
        done = ended(1)
        done.story.wrap_up_ended = NOW + 70_000_001
        store.journal.append(batch(2, ended=(done,)))
        await store.journal.flushed(2)
        times = "select extract(epoch from wrap_up_ended - entered) * 1000000, wrap_up_ended is null from call"
        assert await ask(postgres_url, times) == [(70_000_001, False)]


async def test_postgres_killed_between_batches_loses_and_doubles_nothing(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path
) -> None:
    async with opened(postgres_url, tmp_path) as store:
        journal = store.journal
        for seq in range(1, 11):
            journal.append(batch(seq, queued(seq), ended=(ended(seq),)))
        await journal.flushed(5)
        pid = fragile_postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        for seq in range(11, 21):
            journal.append(batch(seq, queued(seq), ended=(ended(seq),)))
            await journal.flushed(seq)  # one unit each
        assert journal.mode.value == "spooling"
        assert journal.spool_bytes > 0
        assert "does not take records" in journal.why
        await fragile_postgres.start()
        await until(lambda: journal.mode is Mode.STORING)
        journal.append(batch(21, queued(21)))
        await journal.flushed(21)
        assert journal.spool_bytes == 0
        assert await ask(postgres_url, SEQS) == list(range(1, 22))
        assert await ask(postgres_url, "select count(*) from call") == [20]
        assert await ask(postgres_url, "select count(*) from live") == [21]
        assert await ask(postgres_url, "select last_seq from epoch") == [21]


async def test_what_waits_for_postgres_itself_waits_until_it_has_the_spool_too(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path
) -> None:
    """And who dials is told when it goes away, and when it is back and has everything."""
    told: list[tuple[bool, str]] = []
    async with opened(postgres_url, tmp_path, on_database=lambda *said: told.append(said)) as store:
        journal = store.journal
        journal.append(batch(1, queued(1)))
        await journal.committed(1)
        assert await ask(postgres_url, "select last_seq from epoch") == [1]
        assert told == []
        assert fragile_postgres.pid is not None
        os.kill(fragile_postgres.pid, signal.SIGKILL)
        last = 1
        while not told:  # a transaction that had begun may still be over
            last += 1
            journal.append(batch(last, queued(last)))
            await journal.flushed(last)
        assert not told[0][0]
        assert told[0][1]
        waiting = asyncio.create_task(journal.committed(last + 1))
        journal.append(batch(last + 1, queued(last + 1)))
        await journal.flushed(last + 1)
        assert not waiting.done()
        await fragile_postgres.start()
        await waiting
        assert await ask(postgres_url, "select last_seq from epoch") == [last + 1]
        await until(lambda: len(told) > 1)
        assert told[1:] == [(True, "")]
        never = asyncio.create_task(journal.committed(99))
        await asyncio.sleep(0)
    with pytest.raises(StoreError, match="the journal is closed"):
        await never
    with pytest.raises(StoreError, match="the journal is closed"):
        await journal.committed(99)


async def test_postgres_killed_again_and_again_under_load(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path
) -> None:
    """Commits in doubt included: the kill comes while transactions run."""
    steps = 0
    enough = asyncio.Event()
    async with opened(postgres_url, tmp_path) as store:

        async def feed() -> None:
            nonlocal steps
            while not enough.is_set():
                steps += 1
                store.journal.append(batch(steps, queued(steps % 50), ended=(ended(steps),)))
                await asyncio.sleep(0.001)

        feeding = asyncio.create_task(feed())
        for _ in range(3):
            reached = store.journal.stored_seq
            await until(lambda reached=reached: store.journal.stored_seq > reached + 200)
            pid = fragile_postgres.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(lambda: store.journal.mode is Mode.SPOOLING)
            await fragile_postgres.start()
            await until(lambda: store.journal.mode is Mode.STORING)
        enough.set()
        await feeding
        await store.journal.flushed(steps)
        await until(lambda: store.journal.mode is Mode.STORING)
        assert await ask(postgres_url, SEQS) == list(range(1, steps + 1))
        assert await ask(postgres_url, "select count(*) from call") == [steps]


async def test_a_commit_in_doubt_is_not_stored_twice(postgres_url: str, tmp_path: Path) -> None:
    """The answer to COMMIT was lost, not the commit: the unit is tried again as it was, and merged with more."""
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, queued(1)))
        await store.journal.flushed(1)
        connection = await connect(postgres_url)
        epoch = store.journal.epoch
        unit = Unit()
        unit.add(batch(1, queued(1)))
        unit.add(batch(2, queued(2)))
        await write(connection, to_rows(unit, epoch.id, epoch.seed))
        await write(connection, to_rows(unit, epoch.id, epoch.seed))
        await connection.close()
        assert await ask(postgres_url, SEQS) == [1, 2]


async def test_a_try_sees_what_a_transaction_that_was_cut_off_stored_meanwhile(
    postgres_url: str, tmp_path: Path
) -> None:
    """It still ran at the server when the unit was tried again, merged with the call's end: the call's row goes."""
    async with opened(postgres_url, tmp_path) as store:
        epoch = store.journal.epoch
        unit = Unit()
        unit.add(batch(1, queued(1), queued(2)))
        cut_off, connection = await connect(postgres_url), await connect(postgres_url)
        running = cut_off.transaction()
        await running.start()
        await write(cut_off, to_rows(unit, epoch.id, epoch.seed))
        unit.add(batch(2, facts=(end_fact(1),), closed=frozenset({CallId("call-1")})))
        again = asyncio.create_task(write(connection, to_rows(unit, epoch.id, epoch.seed)))
        await until(lambda: _waits_for_a_lock(postgres_url))
        await running.commit()
        await again
        await cut_off.close()
        await connection.close()
        assert await ask(postgres_url, LIVE) == ["call call-2"]
        assert await ask(postgres_url, SEQS) == [1, 1, 2]


async def _waits_for_a_lock(url: str) -> bool:
    return await ask(url, "select count(*) from pg_locks where not granted") == [1]


async def test_who_waited_for_the_epochs_end_is_deposed(postgres_url: str, tmp_path: Path) -> None:
    """Another callctl takes over in the very moment: nothing of ours is stored after it."""
    async with opened(postgres_url, tmp_path) as store:
        epoch = store.journal.epoch
        other, connection = await connect(postgres_url), await connect(postgres_url)
        taking_over = other.transaction()
        await taking_over.start()
        await other.execute("update epoch set ended = now()")
        unit = Unit()
        unit.add(batch(1, queued(1)))
        trying = asyncio.create_task(write(connection, to_rows(unit, epoch.id, epoch.seed)))
        await until(lambda: _waits_for_a_lock(postgres_url))
        await taking_over.commit()
        with pytest.raises(DeposedError):
            await trying
        await other.close()
        await connection.close()
        assert await ask(postgres_url, SEQS) == []
        assert await ask(postgres_url, LIVE) == []


async def test_a_server_that_hangs_is_given_up_and_the_batch_spooled(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "WRITE_TIMEOUT", 0.3)
    async with opened(postgres_url, tmp_path) as store:
        backend = (await ask(postgres_url, "select pid from pg_locks where locktype = 'advisory'"))[0]
        os.kill(backend, signal.SIGSTOP)
        try:
            store.journal.append(batch(1, queued(1)))
            await store.journal.flushed(1)
            assert store.journal.spool_bytes > 0
        finally:
            os.kill(backend, signal.SIGCONT)
        await until(lambda: store.journal.mode is Mode.STORING)
        assert await ask(postgres_url, SEQS) == [1]


async def test_while_the_server_is_slow_all_that_comes_is_safe_in_the_spool_and_stored_once(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill would find it there. The transaction that was slow is not cut off: it is stored after all."""
    monkeypatch.setattr(journal_module, "WRITE_TIMEOUT", 60.0)
    told: list[tuple[bool, str]] = []
    async with opened(postgres_url, tmp_path, on_database=lambda *said: told.append(said)) as store:
        backend = (await ask(postgres_url, "select pid from pg_locks where locktype = 'advisory'"))[0]
        os.kill(backend, signal.SIGSTOP)
        try:
            for n in (1, 2, 3):
                store.journal.append(batch(n, queued(n), ended=(ended(n),)))
                await store.journal.flushed(n)
            assert store.journal.why == "the database is slow"
            assert told == [(False, "the database is slow")]
            committed = asyncio.create_task(store.journal.committed(1))
            await asyncio.sleep(0)
            assert not committed.done()
        finally:
            os.kill(backend, signal.SIGCONT)
        await committed
        await until(lambda: store.journal.mode is Mode.STORING)
        assert told[1:] == [(True, "")]
        assert await ask(postgres_url, SEQS) == [1, 2, 3]
        assert await ask(postgres_url, "select id from call order by 1") == ["call-1", "call-2", "call-3"]
        assert await ask(postgres_url, "select pid from pg_locks where locktype = 'advisory'") == [backend]


async def test_a_deposed_daemon_stores_nothing_more_and_says_so_once(postgres_url: str, tmp_path: Path) -> None:
    said: list[str] = []
    async with opened(postgres_url, tmp_path / "a", on_deposed=said.append) as old:
        old.journal.append(batch(1, queued(1)))
        await old.journal.flushed(1)
        await ask(postgres_url, "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
        async with opened(postgres_url, tmp_path / "b", life=life(7, "host:2")) as new:
            assert [call.id for call in new.restored.calls] == ["call-1"]
            old.journal.append(batch(2, queued(2), ended=(ended(2),)))
            with pytest.raises(DeposedError, match="another callctl has taken over"):
                await asyncio.gather(old.journal.flushed(99), until(lambda: bool(said)))
            assert len(said) == 1
            assert old.journal.mode is Mode.DEPOSED
            with pytest.raises(DeposedError):
                await old.journal.flushed(99)
            new.journal.append(batch(1, queued(3)))
            await new.journal.flushed(1)
            assert await ask(postgres_url, LIVE) == ["call call-1", "call call-3"]
            assert await ask(postgres_url, "select ended is null from epoch order by id") == [False, True]
    async with opened(postgres_url, tmp_path / "a", life=life(8)):  # its history was kept, and is told late
        assert await ask(postgres_url, LIVE) == ["call call-1", "call call-3"]
        assert await ask(postgres_url, "select id from call") == ["call-2"]
        assert await ask(postgres_url, SEQS) == [1, 2, 1]


async def test_closing_without_a_database_spools_and_the_next_start_stores(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path
) -> None:
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, queued(1)))
        await store.journal.flushed(1)
        await fragile_postgres.stop()
        store.journal.append(batch(2, queued(2), ended=(ended(2),)))
    await fragile_postgres.start()
    assert (tmp_path / "journal.spool").stat().st_size > 0
    async with opened(postgres_url, tmp_path, life=life(5), patience=10) as store:
        assert [call.id for call in store.restored.calls] == ["call-1", "call-2"]
        assert await ask(postgres_url, "select id from call") == ["call-2"]
        assert await ask(postgres_url, SEQS) == [1, 2]
        assert store.journal.spool_bytes == 0


async def test_closing_while_the_server_hangs_is_done_in_time(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path
) -> None:
    async with opened(postgres_url, tmp_path) as store:
        backend = (await ask(postgres_url, "select pid from pg_locks where locktype = 'advisory'"))[0]
        os.kill(backend, signal.SIGSTOP)
        try:
            store.journal.append(batch(1, queued(1)))
            async with asyncio.timeout(3):
                await store.journal.close(timeout=0.5)
        finally:
            os.kill(backend, signal.SIGCONT)
    async with opened(postgres_url, tmp_path, life=life(5), lock_patience=5) as store:
        assert await ask(postgres_url, SEQS) == [1]
    with pytest.raises(StoreError, match="the journal is closed"):
        await store.journal.flushed(9)


class _SlowDisk(Spool):
    """Takes a frame when it is let."""

    begun, may_go_on = threading.Event(), threading.Event()

    def append(self, payload: bytes) -> None:
        self.begun.set()
        assert self.may_go_on.wait(10)
        super().append(payload)


async def test_what_is_being_spooled_at_the_end_is_spooled_once(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callctl.store.start.Spool", _SlowDisk)
    async with opened(postgres_url, tmp_path) as store:
        await fragile_postgres.stop()
        store.journal.append(batch(1, queued(1)))
        await until(_SlowDisk.begun.is_set)
        closing = asyncio.create_task(store.journal.close(timeout=0.01))
        await asyncio.wait([closing], timeout=0.3)  # the writer is cancelled, its thread is not
        _SlowDisk.may_go_on.set()
        await asyncio.wait_for(closing, 10)
        assert store.journal.stored_seq == 1
    spool = Spool(tmp_path)
    spool.open()
    assert [Rows.from_bytes(frame).seq for frame in spool.peek(9)] == [1]
    spool.close()
    await fragile_postgres.start()
    async with opened(postgres_url, tmp_path, life=life(5)):
        assert await ask(postgres_url, SEQS) == [1]


async def test_a_spool_of_another_database_is_set_aside(
    postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path
) -> None:
    spool = Spool(tmp_path)
    spool.open()
    unit = Unit()
    unit.add(batch(1, queued(1)))
    spool.append(to_rows(unit, 1, 4711).to_bytes())
    spool.append(b'{"format": 99}')
    spool.append(b"[]")
    spool.close()
    async with opened(postgres_url, tmp_path) as store:
        assert store.restored.calls == ()
        assert store.journal.spool_bytes == 0
    assert len((tmp_path / "journal.aside").read_bytes().splitlines()) == 3


class _NoRoom(Spool):
    """A disk that takes `room` bytes."""

    room = 0

    def append(self, payload: bytes) -> None:
        if len(payload) > self.room:
            raise SpoolFullError("No space left on device")
        super().append(payload)


async def test_a_full_disk_drops_events_first_then_keeps_in_memory(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callctl.store.start.Spool", _NoRoom)
    monkeypatch.setattr(journal_module, "SPOOL_RETRY", 0.05)
    async with opened(postgres_url, tmp_path) as store:
        journal = store.journal
        await fragile_postgres.stop()
        monkeypatch.setattr(_NoRoom, "room", 3000)
        many = tuple(end_fact(1) for _ in range(50))
        journal.append(batch(1, queued(1), facts=many))
        await journal.flushed(1)
        assert journal.counts.dropped_events == 50
        monkeypatch.setattr(_NoRoom, "room", 0)
        journal.append(batch(2, queued(2), ended=(ended(2),)))
        waiting = asyncio.create_task(journal.flushed(2))
        await asyncio.sleep(0)
        for seq in range(3, 30):
            journal.append(batch(seq, queued(seq)))  # inbound goes on
        assert not waiting.done()
        await fragile_postgres.start()
        await asyncio.wait_for(waiting, 20)
        await journal.flushed(29)
        assert await ask(postgres_url, SEQS) == list(range(2, 30))
        assert await ask(postgres_url, "select count(*) from live") == [29]


async def test_memory_is_bounded_when_nothing_takes_the_batches(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callctl.store.start.Spool", _NoRoom)
    monkeypatch.setattr(journal_module, "MAX_UNITS", 3)
    monkeypatch.setattr(journal_module, "UNIT_BATCHES", 10)
    async with opened(postgres_url, tmp_path) as store:
        for seq in range(1, 1001):  # the writer has no turn in between
            store.journal.append(batch(seq, queued(seq % 5)))
        assert len(store.journal._units) == 3
        assert store.journal.counts.dropped_events == 970
        await store.journal.flushed(1000)
        assert await ask(postgres_url, "select count(*) from live") == [5]
        assert await ask(postgres_url, "select last_seq from epoch") == [1000]


@pytest.mark.parametrize(
    "text",
    ["a\0b", "\ud800", "x'; drop table call; --", '${EVIL} "q" \\u0000 \r\n\t', "☎" * 10_000, '{"$": "Call"}'],
    ids=["nul", "surrogate", "sql", "quotes", "long", "json"],
)
async def test_hostile_text_is_stored_as_text(postgres_url: str, tmp_path: Path, text: str) -> None:
    call = ended(1, caller_name=text, dialled=text)
    call.story.menus[0] = type(call.story.menus[0])(call.story.menus[0].menu, NOW, text)
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, call, facts=(StrayEvent(text, text),), ended=(call,)))
        await store.journal.flushed(1)
        await until(lambda: store.journal.mode is Mode.STORING)  # a slow machine's Postgres has it from the spool
        assert store.journal.counts.refused_rows == 0
    shown = text.replace("\0", "␀").replace("\ud800", "\ufffd")
    assert await ask(postgres_url, "select caller_name, dialled, menus->0->>'digits' from call") == [(shown,) * 3]
    assert await ask(postgres_url, "select body->>'event' from call_event") == [shown]
    body = (await ask(postgres_url, "select body from live"))[0]
    assert json.loads(body)["caller_name"] == shown


async def test_a_row_that_the_server_refuses_does_not_take_the_others_along(postgres_url: str, tmp_path: Path) -> None:
    bad = ended(1)
    bad.story.cause = 2**40  # no integer of Postgres
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, queued(3), ended=(bad, ended(2))))
        store.journal.append(batch(2, queued(4)))
        await store.journal.flushed(2)
        await until(lambda: store.journal.mode is Mode.STORING)
        assert store.journal.counts.refused_rows == 1
        assert await ask(postgres_url, "select id from call") == ["call-2"]
        assert await ask(postgres_url, LIVE) == ["call call-3", "call call-4"]
        assert await ask(postgres_url, SEQS) == [1, 2]


async def test_a_value_that_cannot_be_encoded_is_left_out(postgres_url: str, tmp_path: Path) -> None:
    bad: Any = queued(1)
    bad.lease_renew = object()
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, bad, queued(2)))
        await store.journal.flushed(1)
        assert await ask(postgres_url, LIVE) == ["call call-2"]
        assert await ask(postgres_url, SEQS) == [1, 1]


async def test_a_quiet_journal_gives_signs_of_life(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "BEAT_EVERY", 0.05)
    async with opened(postgres_url, tmp_path):
        first = await ask(postgres_url, "select beat from epoch")

        async def later() -> bool:
            return await ask(postgres_url, "select beat from epoch") > first

        await until(later)
        assert await ask(postgres_url, "select last_seq from epoch") == [0]
