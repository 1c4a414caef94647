"""ARI's client against a server in this process that speaks as Asterisk does, or badly."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from callctl.asterisk.ari import (
    Ari,
    AriAddress,
    AriError,
    NotAsteriskError,
    RequestFailedError,
    UnreachableError,
    VersionRefusedError,
    WrongPasswordError,
    check_version,
)
from callctl.asterisk.wire import ALLOWED, Request
from callctl.lab.ports import HOST, free_tcp

pytestmark = pytest.mark.adapter

PING = Request("GET", ("asterisk", "ping"))
Answer = Callable[[dict[str, Any]], dict[str, Any] | None]


@dataclass
class Pbx:
    """Asterisk's part."""

    version: str = "22.10.1+dfsg"
    filter: Any = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: Answer = lambda request: {"status_code": 200, "message_body": "{}"}
    socket: web.WebSocketResponse | None = None
    gets: int = 0
    posts: int = 0
    cut: int = 0
    """So many HTTP requests are cut before the answer."""

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.guard])
        app.router.add_get("/ari/events", self.events)
        app.router.add_get("/ari/asterisk/info", self.info)
        app.router.add_get("/ari/asterisk/variable", self.variable)
        app.router.add_put("/ari/applications/callctl/eventFilter", self.put_filter)
        app.router.add_get("/ari/channels", self.channels)
        app.router.add_post("/ari/events/user/x", self.posted)
        return app

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        right = "Basic " + base64.b64encode("callctl:sé:cret".encode()).decode()
        if request.headers.get("Authorization") != right:
            return web.json_response({"error": "Authentication required"}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def events(self, request: web.Request) -> web.StreamResponse:
        assert dict(request.query) == {"app": "callctl", "subscribeAll": "false"}
        self.socket = web.WebSocketResponse(protocols=("ari",))
        await self.socket.prepare(request)
        async for message in self.socket:
            assert message.type is WSMsgType.TEXT
            asked = json.loads(message.data)
            self.asked.append(asked)
            answer = self.answer(asked)
            if answer is not None:
                await self.say({"type": "RESTResponse", "request_id": asked["request_id"], **answer})
        return self.socket

    async def say(self, event: Any) -> None:
        assert self.socket is not None
        await self.socket.send_str(event if isinstance(event, str) else json.dumps(event))

    async def info(self, request: web.Request) -> web.Response:
        return web.json_response({"system": {"version": self.version}, "status": {"startup_time": "T1"}})

    async def variable(self, request: web.Request) -> web.Response:
        return web.json_response({"value": "1000"})

    async def put_filter(self, request: web.Request) -> web.Response:
        self.filter = await request.json()
        return web.json_response({})

    async def channels(self, request: web.Request) -> web.Response:
        self.gets += 1
        self._maybe_cut(request)
        return web.json_response([{"id": "a"}])

    async def posted(self, request: web.Request) -> web.Response:
        self.posts += 1
        self._maybe_cut(request)
        return web.Response(status=204)

    def _maybe_cut(self, request: web.Request) -> None:
        if self.cut > 0:
            self.cut -= 1
            assert request.transport is not None
            request.transport.abort()


@asynccontextmanager
async def connected(
    pbx: Pbx, deadline: float = 5, connect: bool = True, password: str = "sé:cret"
) -> AsyncIterator[tuple[Ari, list[dict[str, Any]]]]:
    events: list[dict[str, Any]] = []
    async with TestServer(pbx.app()) as server:
        ari = Ari(AriAddress(str(server.make_url("/ari")), "callctl", password), events.append, deadline)
        try:
            if connect:
                await ari.connect()
            yield ari, events
        finally:
            await ari.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the server is in this loop
            await asyncio.sleep(0.005)


async def test_the_filter_is_put_and_lets_replies_through() -> None:
    pbx = Pbx()
    async with connected(pbx):
        assert pbx.filter == {"allowed": [{"type": kind} for kind in ALLOWED]}
        assert {"type": "RESTResponse"} in pbx.filter["allowed"]


async def test_requests_are_pipelined_in_order_and_matched() -> None:
    held: list[dict[str, Any]] = []
    pbx = Pbx(answer=lambda asked: held.append(asked))
    async with connected(pbx) as (ari, events):
        body = {"variables": {"A": "é"}}
        futures = [
            ari.submit(Request("POST", ("channels", f"id/{i}", "answer"), (("a b", "c&d"),), body)) for i in range(3)
        ]
        await until(lambda: len(held) == 3)
        assert [asked["uri"] for asked in held] == [f"channels/id%2F{i}/answer" for i in range(3)]
        assert held[0]["query_strings"] == [{"name": "a b", "value": "c&d"}]
        assert json.loads(held[0]["message_body"]) == body
        for asked in reversed(held):  # replies in any order
            status = 200 + int(asked["request_id"])
            await pbx.say({"type": "RESTResponse", "request_id": asked["request_id"], "status_code": status})
        assert [(await future).status for future in futures] == [201, 202, 203]
        assert events == []
        assert ari.answered == 3


async def test_a_request_without_an_answer_ends_by_its_deadline() -> None:
    pbx = Pbx(answer=lambda asked: None)
    async with connected(pbx, deadline=0.05) as (ari, _):
        reply = await ari.submit(PING)
        assert reply.unknown
        assert not reply.ok
        # The answer that comes too late meets nobody.
        await pbx.say({"type": "RESTResponse", "request_id": pbx.asked[0]["request_id"], "status_code": 200})


async def test_what_is_not_open_or_too_much_is_answered_at_once() -> None:
    pbx = Pbx()
    async with connected(pbx, connect=False) as (ari, _):
        assert (await ari.submit(PING)).unknown
    async with connected(pbx) as (ari, _):
        assert (await ari.submit(Request("POST", ("x",), (), {"a": "x" * 70_000}))).status == 413


async def test_too_many_open_requests_end_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a reconnect makes good what was not sent."""
    monkeypatch.setattr("callctl.asterisk.ari.MOST_OPEN", 2)
    async with connected(Pbx(answer=lambda asked: None)) as (ari, _):
        ari.submit(PING)
        ari.submit(PING)
        assert not ari.ended
        assert "too many" in (await ari.submit(PING)).text
        assert ari.ended
        assert "too many" in await ari.closed()


async def test_events_come_in_order_and_rubbish_is_counted() -> None:
    pbx = Pbx()
    async with connected(pbx) as (ari, events):
        await ari.submit(PING)
        for event in ({"type": "A"}, "{not json", "[1]", {"type": "B"}):
            await pbx.say(event)
        await until(lambda: len(events) == 2)
        assert [event["type"] for event in events] == ["A", "B"]
        assert ari.decode_errors == 2


async def test_the_end_of_the_socket_ends_what_is_open() -> None:
    pbx = Pbx(answer=lambda asked: None)
    async with connected(pbx) as (ari, _):
        future = ari.submit(PING)
        await until(lambda: len(pbx.asked) == 1)
        assert pbx.socket is not None
        await pbx.socket.close()
        assert "closed" in await ari.closed()
        assert (await future).unknown
        assert ari.ended
        assert (await ari.submit(PING)).unknown


async def test_a_watchdog_can_end_it() -> None:
    async with connected(Pbx()) as (ari, _):
        ari.end("it hangs")
        assert await ari.closed() == "it hangs"


async def test_a_get_is_asked_again_a_post_never() -> None:
    pbx = Pbx(cut=1)
    async with connected(pbx) as (ari, _):
        assert await ari.get(("channels",)) == [{"id": "a"}]
        assert pbx.gets == 2
        pbx.cut = 1
        with pytest.raises((UnreachableError, NotAsteriskError)):
            await ari.post(("events", "user", "x"))
        assert pbx.posts == 1


async def test_an_error_over_http_has_its_status() -> None:
    async with connected(Pbx()) as (ari, _):
        with pytest.raises(RequestFailedError) as caught:
            await ari.get(("nothing",))
        assert caught.value.status == 404


# ── what is wrong, said to the operator ──────────────────────────────────────────────────────


async def test_a_wrong_password_is_said_and_not_shown() -> None:
    async with connected(Pbx(), connect=False, password="wrong") as (ari, _):
        for trial in (ari.info, ari.connect):
            with pytest.raises(WrongPasswordError, match="does not accept user 'callctl'") as caught:
                await trial()
            assert "wrong" not in str(caught.value)
        assert "wrong" not in repr(ari.address)


async def test_an_address_where_nobody_is() -> None:
    ari = Ari(AriAddress(f"http://{HOST}:{free_tcp()}/ari", "callctl", "x"), lambda event: None)
    for trial in (ari.info, ari.connect):
        with pytest.raises(UnreachableError, match="cannot be reached"):
            await trial()
    await ari.close()


@asynccontextmanager
async def listening(behaviour: Callable[..., Any]) -> AsyncIterator[int]:
    """The port of a server that behaves so; its connections are closed at the end."""
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        try:
            await behaviour(reader, writer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async with await asyncio.start_server(serve, HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*tasks)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>")


@pytest.mark.parametrize(
    ("behaviour", "kind", "text"),
    [
        (silent, UnreachableError, "in time"),
        (rude, NotAsteriskError, "HTTP"),
        (page, NotAsteriskError, "no ARI"),
    ],
)
async def test_something_else_at_that_address(behaviour: Any, kind: type[AriError], text: str) -> None:
    async with listening(behaviour) as port:
        ari = Ari(AriAddress(f"http://{HOST}:{port}/ari", "callctl", "x"), lambda event: None, deadline=0.2)
        with pytest.raises(kind, match=text):
            await ari.info()
        with pytest.raises(AriError):
            await ari.connect()
        await ari.close()


async def test_another_http_service() -> None:
    async with TestServer(web.Application()) as server:
        ari = Ari(AriAddress(str(server.make_url("/ari")), "callctl", "x"), lambda event: None)
        with pytest.raises(NotAsteriskError, match="404"):
            await ari.info()
        with pytest.raises(NotAsteriskError, match="404"):
            await ari.connect()
        await ari.close()


async def test_who_is_there_is_told_with_its_clock() -> None:
    async with connected(Pbx(), connect=False) as (ari, _):
        info = await ari.info()
        assert (info.version, info.booted) == ("22.10.1+dfsg", "T1")
        assert info.clock_offset < -1_000_000  # its clock says 1970


@pytest.mark.parametrize(
    "version", ["22.10.0", "22.9.1", "20.18.2", "22.11.0-rc1", "22.11.0~rc1", "GIT-master-abc", ""]
)
async def test_a_version_that_must_not_be_driven(version: str) -> None:
    async with connected(Pbx(version=version), connect=False) as (ari, _):
        with pytest.raises(VersionRefusedError):
            await ari.info()


@pytest.mark.parametrize("version", ["22.10.1", "22.10.1+dfsg+~cs6.17", "22.10.2", "22.11.0", "23.1.0", "22.11.1-rc1"])
def test_a_version_that_may(version: str) -> None:
    check_version(version)
