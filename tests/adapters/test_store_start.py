"""A start and the reading side: what is restored, what is refused, what a record tells."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from callctl.core.addresses import E164, Withheld
from callctl.core.events import Heard
from callctl.core.facts import CallQueued
from callctl.core.flows import Flow, Flows, Menu, Spot
from callctl.core.ids import SECOND, AgentId, CallId, FlowId, MenuId
from callctl.core.model import InMenu, MenuVisit, Outcome, Ring, RingResult
from callctl.core.ways import HangUp, Next
from callctl.runtime.ports import Restored
from callctl.store import cdr
from callctl.store import pool as pool_module
from callctl.store.embedded import EmbeddedPostgres
from callctl.store.errors import StoreError
from callctl.store.pool import connect, shown
from callctl.store.rows import Rows, Unit, to_rows
from callctl.store.times import iso, to_datetime, to_micros
from callctl.store.write import write
from tests.adapters.store_kit import NOW, SALES, agent, ask, batch, dialled, ended, life, node, opened, queued

pytestmark = pytest.mark.adapter


async def test_a_start_restores_what_was_live(postgres_url: str, tmp_path: Path) -> None:
    call = ended(2, diverted_from=E164("441000"), caller=Withheld("anonymous"))
    async with opened(postgres_url, tmp_path) as store:
        assert store.restored == Restored()
        store.journal.append(
            batch(1, queued(1), call, agents={AgentId("anna"): agent(misses=2)}, nodes={node().id: node()})
        )
        await store.journal.flushed(1)
    async with opened(postgres_url, tmp_path, life=life(3)) as store:
        assert store.restored.calls == (queued(1), call)
        assert store.restored.agents == (agent(misses=2),)
        assert store.restored.nodes == (node(),)
        epochs = await ask(postgres_url, "select seed, ended is null, holder, code from epoch order by id")
        assert epochs == [(2**64 - 1, False, "host:1", "0.1.0"), (3, True, "host:1", "0.1.0")]


async def test_the_world_can_be_rebuilt_without_postgres(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path
) -> None:
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, queued(1), queued(2), agents={AgentId("anna"): agent()}))
        await store.journal.flushed(1)
    async with opened(postgres_url, tmp_path, life=life(3)) as store:
        await fragile_postgres.stop()
        store.journal.append(batch(1, queued(3), queued(2, dialled="77"), closed=frozenset({CallId("call-1")})))
        await store.journal.flushed(1)
        found = store.restore()
        assert found.calls == (queued(2, dialled="77"), queued(3))
        assert found.agents == (agent(),)


async def test_a_row_that_cannot_be_read_is_set_aside(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, queued(1), queued(2)))
        await store.journal.flushed(1)
    bad = json.dumps({"$": "Call", "id": "call-1"})
    await ask(postgres_url, "update live set body = $1 where id = 'call-1'", bad)
    await ask(postgres_url, "insert into live values ('spaceship', 'x', 1, 1, '{}')")
    async with opened(postgres_url, tmp_path, life=life(3)) as store:
        assert [call.id for call in store.restored.calls] == ["call-2"]
        assert await ask(postgres_url, "select id, why from live_aside order by id") == [
            ("call-1", "value: Call without its field node"),
            ("x", "value: unknown kind spaceship"),
        ]
        assert await ask(postgres_url, "select id from live") == ["call-2"]


async def test_a_second_daemon_is_refused_while_the_first_runs(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path / "a", life=life(1, "here:17")):
        with pytest.raises(StoreError, match=r"another callctl \(here:17, last sign of life .*\) is using"):
            async with opened(postgres_url, tmp_path / "b"):
                pass
    async with opened(postgres_url, tmp_path / "b"):
        pass


async def test_a_record_tells_the_whole_way(postgres_url: str, tmp_path: Path) -> None:
    call = ended(1)
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, queued(1)))
        store.journal.append(batch(2, call, ended=(call,)))
        await store.journal.flushed(2)
        record = await cdr.call(store.pool, "call-1")
        assert record is not None
        assert record.menus == (MenuVisit(call.story.menus[0].menu, NOW + 2, "31"),)
        assert record.rings == tuple(call.story.rings)
        assert record.rings[0] == Ring(AgentId("bert"), NOW + 4, "longest idle", NOW + 5, RingResult.NO_ANSWER, 19, 480)
        assert (record.caller, record.caller_kind, record.caller_name) == ("+33140000000", "E164", "Zoë")
        assert (record.entered, record.queued, record.ended) == (NOW, NOW + 3, NOW + 3 + 60 * SECOND)
        assert (record.outcome, record.ended_by, record.cause, record.sip) == ("answered", "caller", 16, 200)
        assert (record.waited, record.talked) == (2 * SECOND, 58 * SECOND)
        assert (record.trunk, record.phone, record.feature, record.diverted_from) == ("carrier", None, None, None)
        assert record.wrap_up_ended is None
        assert await cdr.call(store.pool, "no-such") is None
        told = await cdr.events(store.pool, "call-1")
        assert [(event.at, event.seq, event.kind) for event in told] == [
            (NOW + 1, 1, "CallQueued"),
            (NOW + 2, 2, "CallQueued"),
        ]
        assert told[0].fact == CallQueued(CallId("call-1"), SALES, 0, 1)


async def test_a_record_of_a_campaigns_call_tells_its_way_too(postgres_url: str, tmp_path: Path) -> None:
    call = dialled(1)
    call.story.message_left = NOW + 14 * SECOND
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, ended=(call, ended(2))))
        await store.journal.flushed(1)
        record, other = await cdr.call(store.pool, "call-1"), await cdr.call(store.pool, "call-2")
        assert record is not None
        assert other is not None
        assert (record.campaign, record.attempt, record.heard) == ("spring", "attempt-1", "human")
        assert (record.rang, record.picked_up) == (call.story.rang, call.story.picked_up)
        assert (record.harboured, record.message_left) == (call.story.harboured, call.story.message_left)
        assert (other.campaign, other.attempt, other.heard, other.rang, other.picked_up) == (None,) * 5
        call.story.message_left, call.story.heard = None, Heard.UNSURE
        store.journal.append(batch(2, ended=(call,)))
        await store.journal.flushed(2)
        record = await cdr.call(store.pool, "call-1")
        assert record is not None
        assert (record.message_left, record.heard) == (None, "unsure")


async def test_a_record_of_who_was_asked_after_the_talk_has_the_talk_and_the_call(
    postgres_url: str, tmp_path: Path
) -> None:
    call, usual = ended(1, caller=E164("33140000001")), ended(2, caller=E164("33140000002"))
    connected = call.story.connected
    assert connected is not None
    call.story.asked_after = connected + 20 * SECOND
    async with opened(postgres_url, tmp_path / "1") as store:
        store.journal.append(batch(1, ended=(call, usual)))
        await store.journal.flushed(1)
        record, other = await cdr.call(store.pool, "call-1"), await cdr.call(store.pool, "call-2")
        assert record is not None
        assert other is not None
        assert (record.asked_after, record.ended, record.talked) == (
            call.story.asked_after,
            call.story.ended,
            20 * SECOND,
        )
        assert (other.asked_after, other.talked) == (None, 58 * SECOND)
    async with opened(postgres_url, tmp_path / "2", life=life(7), last_agents_of=SECOND) as store:
        since = {caller: at for caller, _, at in store.restored.last_agents}
        assert since == {"+33140000001": call.story.asked_after, "+33140000002": usual.story.ended}


async def test_a_record_that_an_older_version_spooled_is_stored(postgres_url: str, tmp_path: Path) -> None:
    new = {"campaign", "attempt", "rang", "picked_up", "heard", "harboured", "message_left", "asked_after"}
    new |= {"path", "notes"}
    async with opened(postgres_url, tmp_path) as store:
        epoch = store.journal.epoch
        unit = Unit()
        unit.add(batch(1, ended=(ended(1),)))
        rows = to_rows(unit, epoch.id, epoch.seed)
        old = tuple({name: value for name, value in record.items() if name not in new} for record in rows.records)
        connection = await connect(postgres_url)
        await write(connection, Rows.from_bytes(replace(rows, records=old).to_bytes()))
        await connection.close()
        record = await cdr.call(store.pool, "call-1")
        assert record is not None
        assert (record.outcome, record.campaign) == ("answered", None)
        assert (record.path, record.notes) == ((), {})


async def test_a_record_tells_the_way_through_flows(postgres_url: str, tmp_path: Path) -> None:
    call = ended(1)
    call.story.path, call.story.notes = ("orders/menu", "orders/bye"), {"csat": "4", "odd": "x\0ÿ"}
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, ended=(call, ended(2))))
        await store.journal.flushed(1)
        record, other = await cdr.call(store.pool, "call-1"), await cdr.call(store.pool, "call-2")
        assert record is not None
        assert other is not None
        assert record.path == ("orders/menu", "orders/bye")
        assert record.notes == {"csat": "4", "odd": "x␀ÿ"}
        assert (other.path, other.notes) == ((), {})
        listed = {it.id: it.path for it in await cdr.recent_calls(store.pool)}
        assert listed == {"call-1": record.path, "call-2": ()}
        assert await ask(postgres_url, "select id from call where notes <> '{}'") == ["call-1"]


async def test_flows_in_which_callers_are_are_restored_until_they_are_forgotten(
    postgres_url: str, tmp_path: Path
) -> None:
    def of(version: str) -> Flows:
        node = Menu(MenuId("orders/menu"), ("sound:a",), {"1": Next("menu")}, HangUp())
        return Flows(version, {FlowId("orders"): Flow(FlowId("orders"), "menu", {"menu": node})})

    spot = Spot("1", FlowId("orders"), "menu")
    inside = queued(1, phase=InMenu(MenuId("orders/menu"), 1, None, NOW, spot=spot), values={"order": "12"})
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, inside, flows={"1": of("1"), "2": of("2")}))
        await store.journal.flushed(1)
        assert await ask(postgres_url, "select id from live where kind = 'flows' order by id") == ["1", "2"]
    async with opened(postgres_url, tmp_path, life=life(3)) as store:
        assert store.restored.calls == (inside,)
        assert sorted(store.restored.flows, key=lambda it: it.version) == [of("1"), of("2")]
        store.journal.append(batch(1, closed=frozenset({inside.id}), forgotten=frozenset({"1"})))
        await store.journal.flushed(1)
        assert store.restore().flows == (of("2"),)
    async with opened(postgres_url, tmp_path, life=life(4)) as store:
        assert store.restored.flows == (of("2"),)
        store.journal.append(batch(1, forgotten=frozenset({"2"})))
        store.journal.append(batch(2, flows={"2": of("2")}))  # in one unit: entered again
        await store.journal.flushed(2)
    async with opened(postgres_url, tmp_path, life=life(5)) as store:
        assert store.restored.flows == (of("2"),)


async def test_whom_a_campaign_called_has_no_place_in_a_queue_but_an_agent_to_come_back_to(
    postgres_url: str, tmp_path: Path
) -> None:
    talked = dialled(2, caller=E164("33140000002"))
    talked.story.outcome, talked.story.agent = Outcome.ANSWERED, AgentId("anna")
    called = dialled(3, caller=E164("33140000003"), campaign=None, attempt=None)
    async with opened(postgres_url, tmp_path / "1") as store:
        store.journal.append(batch(1, ended=(dialled(1), talked, called)))
        await store.journal.flushed(1)
    async with opened(postgres_url, tmp_path / "2", life=life(7), last_agents_of=SECOND, left_of=SECOND) as store:
        restored = store.restored
        assert [caller for caller, _ in restored.left] == ["+33140000003"]
        assert [(caller, agent) for caller, agent, _ in restored.last_agents] == [("+33140000002", "anna")]


async def test_reading_while_postgres_is_away_says_so(
    fragile_postgres: EmbeddedPostgres, postgres_url: str, tmp_path: Path
) -> None:
    async with opened(postgres_url, tmp_path) as store:
        assert await cdr.call(store.pool, "no\0such") is None
        await fragile_postgres.stop()
        with pytest.raises(StoreError, match="the database does not answer"):
            await cdr.recent_calls(store.pool)
        await fragile_postgres.start()
        assert await cdr.recent_calls(store.pool) == []


async def test_an_event_of_another_version_is_still_shown(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, queued(1)))
        await store.journal.flushed(1)
        await ask(postgres_url, 'update call_event set kind = \'Sung\', body = \'{"$": "Sung", "call": "call-1"}\'')
        (event,) = await cdr.events(store.pool, "call-1")
        assert event.fact is None
        assert event.body == {"$": "Sung", "call": "call-1"}


async def test_recent_calls(postgres_url: str, tmp_path: Path) -> None:
    calls = [ended(n) for n in range(5)]
    for n, call in enumerate(calls):
        call.entered += n
    calls[3].story.agent = AgentId("bert")
    calls[4].story.queue = None
    async with opened(postgres_url, tmp_path) as store:
        store.journal.append(batch(1, ended=tuple(calls)))
        await store.journal.flushed(1)
        assert [r.id for r in await cdr.recent_calls(store.pool, 2)] == ["call-4", "call-3"]
        assert [r.id for r in await cdr.recent_calls(store.pool, agent="bert")] == ["call-3"]
        assert len(await cdr.recent_calls(store.pool, queue="sales")) == 4


@pytest.mark.parametrize("at", [0, 1, NOW, 2**52 + 1, 253402300799999999])
def test_times_are_exact_to_the_microsecond(at: int) -> None:
    assert to_micros(to_datetime(at)) == at
    assert iso(at).endswith("+00:00")
    assert len(iso(at)) == 32


async def test_each_trouble_with_the_database_has_its_word(
    postgres: EmbeddedPostgres, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="there is no such database"):
        await connect(postgres.url("nowhere"))
    secret = (postgres.folder / "password").read_text().strip()
    with pytest.raises(StoreError, match="refused user or password") as error:
        await connect(postgres_url.replace(secret, "hunter2"))
    assert "hunter2" not in str(error.value)
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1/x: not reachable: .*is Postgres running there"):
        await connect("postgresql://u:geheim@127.0.0.1:1/x", patience=0.3)
    with pytest.raises(StoreError, match="its name is not known"):
        await connect("postgresql://u@no-such-host.invalid/x")
    with pytest.raises(StoreError, match="right is postgresql://USER@HOST/DATABASE"):
        await connect("mysql://u@h/x")
    monkeypatch.setattr(pool_module, "OLDEST", 990000)
    with pytest.raises(StoreError, match="Postgres 18 is too old; callctl needs 99 or newer"):
        await connect(postgres_url)


def test_a_url_is_shown_without_its_password() -> None:
    assert shown("postgresql://u:secret@db:5433/calls?sslmode=require") == "postgresql://u@db:5433/calls"
    assert shown("postgresql://u:secret@/calls?host=/run/pg") == "postgresql://u@/run/pg/calls"
    assert shown("postgresql://u:secret@db:port/calls") == "the database URL"
