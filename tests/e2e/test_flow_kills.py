"""Flows under trouble on real parts: callctl is killed at each kind of node at which callers stay, flows are edited
meanwhile, prompts vanish, servers hang. Nobody hears silence, and each call has its record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from callctl.lab.audio import tone, write_wav
from callctl.lab.house import Overlay
from callctl.lab.install import Installation
from callctl.lab.ports import HOST
from callctl.store.embedded import EmbeddedPostgres
from tests.e2e.floor import GOODBYE, INVALID, PROMPT, Caller, Floor
from tests.e2e.night import hears, night, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

DID, BROKEN_DID, HANGING_DID = "+442079460061", "+442079460062", "+442079460063"
HELLO, NUMBER, PIN, MEANWHILE, NEW = 1250.0, 1350.0, 1450.0, 1550.0, 1650.0
"""In Hz, beside the floor's own."""
ORDER, SECRET = "4711", "83164927"


@dataclass
class Server:
    """What flows ask. It answers once `open` is set."""

    asked: list[str] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    _going_on: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._going_on.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.split()[1].decode())
            await self.open.wait()
            body = b'{"status": "sent"}'
            told = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
            writer.write(told + str(len(body)).encode() + b"\r\n\r\n" + body)
            await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        self._going_on.discard(task)

    async def close(self) -> None:
        for task in list(self._going_on):
            task.cancel()
        await asyncio.gather(*self._going_on)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dark(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Floor]:
    async with night(installation, tmp_path_factory.mktemp("flows"), {}) as floor:
        folder = floor.house.node.folder / "floor"
        lengths = {"hello": (HELLO, 4), "number": (NUMBER, 30), "pin": (PIN, 30), "meanwhile": (MEANWHILE, 2)}
        for name, (hz, seconds) in {**lengths, "new": (NEW, 30), "vanishes": (NEW, 1)}.items():
            write_wav(folder / f"{name}.wav", tone(hz, seconds, 0.3))
        yield floor


@pytest_asyncio.fixture(loop_scope="module")
async def server() -> AsyncIterator[Server]:
    made = Server()
    listening = await asyncio.start_server(made.serve, HOST, 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def floor(dark: Floor, server: Server) -> AsyncIterator[Floor]:
    """The flows are in force; after each test callctl is up, and nobody is on the phone."""
    await dark.reload(flows(dark, server))
    yield dark
    if dark.house.daemon.pid is None:
        await dark.house.daemon.start()
    await dark.quiet()


def flows(floor: Floor, server: Server, menu: str = "prompt") -> Overlay:
    """`menu`: what that node plays."""

    def sound(name: str) -> list[str]:
        return [f"sound:{floor.house.node.inside / 'floor' / name}"]

    def lookup(path: str, **more: Any) -> dict[str, Any]:
        url = f"http://{HOST}:{server.port}/{path}"
        into = {"status": "/status"}
        return {"lookup": url, "into": into, "timeout": "30s", "then": "write", "failed": "sorry", **more}

    end = {"hang_up": "normal"}
    bye = {"play": sound("goodbye"), "then": end}
    sorry = {"play": sound("invalid"), "then": end}
    write = {"note": {"status": "{status}"}, "then": "bye"}
    meanwhile = {"meanwhile": sound("meanwhile")}
    made = {
        "numbers": {DID: {"flow": "parcels"}, BROKEN_DID: {"flow": "broken"}, HANGING_DID: {"flow": "hanging"}},
        "flows": {
            "parcels": {
                "values": {"order": "digits", "pin": {"sensitive": True}},
                "nodes": {
                    "hello": {"play": sound("hello"), "then": "menu"},
                    "menu": {"menu": sound(menu), "options": {1: "number", 2: "pin"}, "give_up": end},
                    "number": {
                        "gather": sound("number"), "into": "order", "digits": 4, "pause": "10s",
                        "then": "ask", "give_up": "sorry",
                    },
                    "ask": lookup("parcels/{order}", **meanwhile),
                    "pin": {
                        "gather": sound("pin"), "into": "pin", "digits": len(SECRET), "then": "check",
                        "give_up": "sorry",
                    },
                    "check": lookup("check?pin={pin}", **meanwhile),
                    "write": write, "bye": bye, "sorry": sorry,
                },
            },
            "broken": {"nodes": {"gone": {"play": sound("vanishes"), "then": "bye"}, "bye": bye}},
            "hanging": {
                "nodes": {"ask": lookup("hangs", timeout="2s", **meanwhile), "write": write, "bye": bye, "sorry": sorry}
            },
        },
    }  # fmt: skip
    return dict(json.loads(json.dumps(made)))  # nothing in it twice: YAML would write aliases, which are refused


async def killed(floor: Floor) -> None:
    await floor.house.daemon.kill()
    await floor.house.daemon.start()


async def fetch(floor: Floor, query: str, *values: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(EmbeddedPostgres(floor.house.state / "postgres").url())
    try:
        return list(await connection.fetch(query, *values))
    finally:
        await connection.close()


async def stands(floor: Floor, caller: Caller, node: str) -> None:
    """Until it is stored that the caller is at that node: from then on no kill can make it another one."""
    query = "select 1 from live where kind = 'call' and id = $1 and body::jsonb #>> '{phase,spot,node}' = $2"

    async def there() -> bool:
        return bool(await fetch(floor, query, caller.call, node))

    await until(there, f"the caller to stand at {node}")


async def asked(server: Server, times: int) -> None:
    async def so_often() -> bool:
        return len(server.asked) >= times

    await until(so_often, f"{times} questions; so far: {server.asked}")


async def ends(floor: Floor, caller: Caller, hz: float = GOODBYE) -> dict[str, Any]:
    """The flow's end is heard; the record."""
    await caller.line.wait_ended(15)
    assert (await caller.line.heard()).tone_seconds(hz) > 0.4
    row = await floor.row(caller, lambda row: row["ended"] is not None)
    assert (row["outcome"], row["ended_by"]) == ("completed", "callctl")
    return {**row, "path": json.loads(row["path"]), "notes": json.loads(row["notes"])}


async def at_menu(floor: Floor) -> Caller:
    caller = await floor.call(DID)
    await stands(floor, caller, "menu")
    await hears(caller.line, PROMPT)
    return caller


async def at_number(floor: Floor) -> Caller:
    caller = await at_menu(floor)
    await caller.line.press("1")
    await stands(floor, caller, "number")
    await hears(caller.line, NUMBER)
    return caller


WAY = ["parcels/hello", "parcels/menu", "parcels/number", "parcels/ask", "parcels/write", "parcels/bye"]


async def test_killed_while_something_is_played(floor: Floor, server: Server) -> None:
    server.open.set()
    caller = await floor.call(DID)
    await stands(floor, caller, "hello")
    await hears(caller.line, HELLO)
    await killed(floor)
    await hears(caller.line, HELLO)
    await stands(floor, caller, "menu")
    await hears(caller.line, PROMPT)
    await caller.line.press("1")
    await hears(caller.line, NUMBER)
    await caller.line.press(ORDER)
    row = await ends(floor, caller)
    assert (row["path"], row["notes"]) == (WAY, {"status": "sent"})


async def test_killed_at_a_menu(floor: Floor, server: Server) -> None:
    server.open.set()
    caller = await at_menu(floor)
    await killed(floor)
    await hears(caller.line, PROMPT)
    await caller.line.press("1")
    await hears(caller.line, NUMBER)
    await caller.line.press(ORDER)
    row = await ends(floor, caller)
    assert (row["path"], server.asked) == (WAY, [f"/parcels/{ORDER}"])


async def test_killed_when_half_of_the_digits_are_pressed(floor: Floor, server: Server) -> None:
    """They are asked for from the first on: which of them callctl had heard nobody can tell the caller."""
    server.open.set()
    caller = await at_number(floor)
    await caller.line.press(ORDER[:2])
    await killed(floor)
    await hears(caller.line, NUMBER)
    await caller.line.press(ORDER)
    row = await ends(floor, caller)
    assert (row["path"], server.asked) == (WAY, [f"/parcels/{ORDER}"])


async def test_killed_while_a_server_is_asked(floor: Floor, server: Server) -> None:
    """It is asked again, and what is played meanwhile is played again."""
    caller = await at_number(floor)
    await caller.line.press(ORDER)
    await stands(floor, caller, "ask")
    await hears(caller.line, MEANWHILE)
    await asked(server, 1)
    await killed(floor)
    await asked(server, 2)
    await hears(caller.line, MEANWHILE)
    server.open.set()
    row = await ends(floor, caller)
    assert server.asked == [f"/parcels/{ORDER}"] * 2
    assert (row["path"], row["notes"]) == (WAY, {"status": "sent"})


async def test_killed_while_a_server_is_asked_for_what_was_kept_in_memory_alone(floor: Floor, server: Server) -> None:
    """The caller is asked for it again, and it is stored nowhere."""
    caller = await at_menu(floor)
    await caller.line.press("2")
    await stands(floor, caller, "pin")
    await hears(caller.line, PIN)
    await caller.line.press(SECRET)
    await stands(floor, caller, "check")
    await hears(caller.line, MEANWHILE)
    await asked(server, 1)
    await killed(floor)
    await hears(caller.line, PIN)
    server.open.set()
    await caller.line.press(SECRET)
    row = await ends(floor, caller)
    assert server.asked == [f"/check?pin={SECRET}"] * 2
    assert {visit["digits"] for visit in row["menus"] if visit["menu"] == "parcels/pin"} == {"•" * len(SECRET)}
    assert row["path"][-3:] == ["parcels/check", "parcels/write", "parcels/bye"]
    texts = (
        "select body::text from call_event union all select body::text from live union all select t::text from call t"
    )
    stored = "\n".join(found[0] for found in await fetch(floor, texts))
    assert caller.call in stored
    assert SECRET not in stored
    assert SECRET not in floor.house.daemon.log.read_text(encoding="utf-8")


async def test_killed_and_the_flow_edited_who_is_inside_ends_on_what_they_began(floor: Floor, server: Server) -> None:
    server.open.set()
    caller = await at_menu(floor)
    began = [row["id"] for row in await fetch(floor, "select id from live where kind = 'flows'")]
    await floor.house.daemon.kill()
    changed = flows(floor, server, menu="new")
    nodes = changed["flows"]["parcels"]["nodes"]
    nodes["number"]["then"] = "sorry"
    del nodes["ask"]
    floor.house.change({**floor.base, **{key: {**floor.base.get(key, {}), **of} for key, of in changed.items()}})
    await floor.house.daemon.start()
    await hears(caller.line, PROMPT)
    assert [row["id"] for row in await fetch(floor, "select id from live where kind = 'flows'")] == began
    later = await floor.call(DID)
    await stands(floor, later, "menu")
    await hears(later.line, NEW)
    assert len(await fetch(floor, "select id from live where kind = 'flows'")) == len(began) + 1
    for one in (caller, later):
        await one.line.press("1")
        await hears(one.line, NUMBER)
        await one.line.press(ORDER)
    assert (await ends(floor, caller))["path"] == WAY
    assert (await ends(floor, later, INVALID))["path"] == [*WAY[:3], "parcels/sorry"]
    await floor.reload(flows(floor, server))

    async def forgotten() -> bool:
        return len(await fetch(floor, "select id from live where kind = 'flows'")) <= 1

    await until(forgotten, "versions that nobody is inside to be forgotten")


async def test_a_prompt_that_has_vanished_is_passed_over(floor: Floor) -> None:
    before = await floor.house.daemon.metrics()
    (floor.house.node.folder / "floor/vanishes.wav").unlink(missing_ok=True)
    caller = await floor.call(BROKEN_DID)
    row = await ends(floor, caller)
    assert row["path"] == ["broken/gone", "broken/bye"]
    changed = await floor.metrics_since(before)
    assert changed["callctl_prompt_failures_total"] == 1
    assert changed['callctl_flow_nodes_total{flow="broken",node="bye"}'] == 1
    assert "could not be played" in await floor.cli("explain", caller.call)


async def test_a_server_that_hangs_and_a_caller_who_does_not_wait(floor: Floor, server: Server) -> None:
    caller = await floor.call(HANGING_DID)
    await hears(caller.line, MEANWHILE)
    await asked(server, 1)
    row = await floor.row_of_hangup(caller, lambda row: row["ended"] is not None)
    assert (row["ended_by"], json.loads(row["path"]), json.loads(row["notes"])) == ("caller", ["hanging/ask"], {})

    async def nothing_waits() -> bool:
        return (await floor.house.daemon.metrics())["callctl_lookups_in_flight"] == 0

    await until(nothing_waits, "the question to be given up")


async def test_a_server_that_hangs_and_a_caller_who_waits(floor: Floor, server: Server) -> None:
    caller = await floor.call(HANGING_DID)
    await hears(caller.line, MEANWHILE)
    row = await ends(floor, caller, INVALID)
    assert row["path"] == ["hanging/ask", "hanging/sorry"]
    heard = await caller.line.heard()
    assert heard.tone_seconds(MEANWHILE) > heard.seconds / 3, "not silence"
