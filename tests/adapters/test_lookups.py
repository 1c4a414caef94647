"""Lookups over HTTP, against real servers that do what servers do."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import subprocess
import threading
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from yarl import URL

from callctl.core.ids import SECOND, CallId, LookupId, Micros
from callctl.core.lookups import Ask, LookedUp, fill
from callctl.lookups import LARGEST, REDIRECTS, RESOLVING, Lookups
from callctl.networks import INSIDE, Place, place_of
from callctl.settings.secrets import Secret
from callctl.telemetry.lookups import LookupMetrics

pytestmark = pytest.mark.adapter

Handler = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]
NAME = (("name", "/name"),)
PATIENCE: Micros = 60 * SECOND
"""Far more than anything takes that is not meant to time out."""
LEFT: Micros = SECOND // 10
ADA = b'{"name": "Ada"}'


class Request:
    """As it came."""

    def __init__(self, head: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = lines[0].split(" ", 2)
        self.headers = {name.lower(): value for name, _, value in (it.partition(": ") for it in lines[1:] if it)}


class Web:
    """A server of raw bytes on loopback. `seen`: every request, in order."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.seen: list[Request] = []
        self.connections = 0
        self.came = asyncio.Event()
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                request = Request((await reader.readuntil(b"\r\n\r\n"))[:-4])
                self.seen.append(request)
                self.came.set()
                await self.handler(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def web(
    handler: Handler, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Web]:
    served = Web(handler)
    server = await asyncio.start_server(served.serve, host, port, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        await served.stop()
        await server.wait_closed()


def answer(body: bytes = ADA, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answers(*raw: bytes) -> Handler:
    """One of these each time, the last again and again."""
    left = list(raw)

    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return handler


async def hang(_: Request, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


class Asked:
    """The adapter, and what it has answered."""

    def __init__(self, lookups: Lookups, registry: CollectorRegistry, inbox: asyncio.Queue[LookedUp]) -> None:
        self.lookups = lookups
        self.registry = registry
        self.inbox = inbox

    def put(self, url: str, request: str = "r1", call: str = "c1", **more: Any) -> None:
        fields = {"headers": None, "timeout": PATIENCE, "into": NAME, **more}
        self.lookups.ask(Ask(CallId(call), LookupId(request), url, **fields))

    async def get(self, url: str, **more: Any) -> LookedUp:
        self.put(url, **more)
        return await self.inbox.get()

    def count(self, outcome: str) -> float:
        return self.registry.get_sample_value("callctl_lookups_asked_total", {"outcome": outcome}) or 0.0

    @property
    def in_flight(self) -> float | None:
        return self.registry.get_sample_value("callctl_lookups_in_flight")


@asynccontextmanager
async def asking(**more: Any) -> AsyncIterator[Asked]:
    registry = CollectorRegistry()
    inbox: asyncio.Queue[LookedUp] = asyncio.Queue()
    headers = more.pop("headers", {})
    lookups = Lookups(inbox.put_nowait, lambda: headers, LookupMetrics(registry), **more)
    try:
        yield Asked(lookups, registry, inbox)
    finally:
        await lookups.stop()
        assert registry.get_sample_value("callctl_lookups_in_flight") == 0


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    async with asking() as it:
        yield it


# ── what comes back ──────────────────────────────────────────────────────────────────────────


async def test_a_value_is_found(asked: Asked) -> None:
    async with web(answers(answer())) as crm:
        got = await asked.get(f"{crm.url}/customers/%2B44?n=a%26b")
    assert got == LookedUp(CallId("c1"), LookupId("r1"), {"name": "Ada"})
    (request,) = crm.seen
    assert (request.method, request.target) == ("GET", "/customers/%2B44?n=a%26b")
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"].startswith("callctl/")
    assert not {"cookie", "authorization", "referer"} & set(request.headers)
    assert asked.count("found") == 1
    assert asked.registry.get_sample_value("callctl_lookup_seconds_count") == 1


async def test_values_of_every_kind(asked: Asked) -> None:
    body = b'{"s": "\\u00fc", "n": 12.50, "big": 12345678901234567890123, "t": true, "e": 1.5e3, "l": [{"x": 1}]}'
    into = (("s", "/s"), ("n", "/n"), ("big", "/big"), ("t", "/t"), ("e", "/e"), ("x", "/l/0/x"))
    async with web(answers(answer(body))) as crm:
        got = await asked.get(crm.url, into=into)
    assert got.failed == ""
    assert got.found == {
        "s": "ü",
        "n": "12.50",
        "big": "12345678901234567890123",
        "t": "true",
        "e": "1500",
        "x": "1",
    }


PLAIN = [
    ("missing", answer(b"{}")),
    ("missing", answer(b'{"name": null}')),
    ("missing", answer(b'{"name": {"first": "Ada"}}')),
    ("missing", answer(b'{"name": ["Ada"]}')),
    ("missing", answer(b'{"name": "' + b"x" * 201 + b'"}')),
    ("missing", answer(b'{"name": "\\u0000"}')),
    ("missing", answer(b'{"name": "\\ud800"}')),
    ("missing", answer(b"[]")),
    ("missing", answer(b"null")),
    ("missing", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ("", answer(b"\xef\xbb\xbf" + ADA)),
    ("", answer(ADA, "200 OK", "Content-Type: text/html; charset=utf-16")),
    ("", answer(ADA, "201 Created")),
    ("", answer(b'{"name": "Ada"}  \r\n\t')),
    (
        "",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"
        + ADA[:5]
        + b"\r\na\r\n"
        + ADA[5:]
        + b"\r\n0\r\n\r\n",
    ),
    ("", answer(gzip.compress(ADA), "200 OK", "Content-Encoding: gzip")),
    ("", answer(zlib.compress(ADA), "200 OK", "Content-Encoding: deflate")),
    ("not_json", answer(b"")),
    ("not_json", answer(b"<!DOCTYPE html><title>Log in</title>", "200 OK", "Content-Type: text/html")),
    ("not_json", answer(b'{"name": "Ada"')),
    ("not_json", answer(b'{"name": "Ada"} x')),
    ("not_json", answer(b"{'name': 'Ada'}")),
    ("not_json", answer(b'{"name": NaN}')),
    ("not_json", answer(b'{"name": "Ada", "x": -Infinity}')),
    ("not_json", answer(b'{"name": "Ada", "name": "Bob"}')),
    ("not_json", answer(b'{"name": "Ada", "x": {"y": 1, "y": 2}}')),
    ("not_json", answer(b'{"name": "a\nb"}')),
    ("not_json", answer(b"[" * 60_000)),
    ("not_json", answer(b'{"a":' * 10_000 + b"1" + b"}" * 10_000)),
    ("not_json", answer('{"name": "Ad\u00e4"}'.encode("latin-1"), "200 OK", "Content-Type: application/json")),
    ("not_json", answer('{"name": "Ada"}'.encode("utf-16"), "200 OK", "Content-Type: text/json; charset=utf-16")),
    ("not_json", answer(ADA, "200 OK", "Content-Encoding: gzip")),
    ("not_json", answer(ADA, "200 OK", "Content-Encoding: br")),
    ("not_json", answer(gzip.compress(gzip.compress(ADA)), "200 OK", "Content-Encoding: gzip, gzip")),
    ("status", answer(ADA, "500 Internal Server Error")),
    ("status", answer(ADA, "404 Not Found")),
    ("status", answer(ADA, "401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')),
    ("status", answer(ADA, "503 Unavailable")),
    ("status", b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
    ("status", answer(b"", "304 Not Modified")),
    ("status", answer(ADA, "300 Multiple Choices", "Location: /x")),
    ("status", answer(ADA, "302 Found")),
    ("too_big", answer(b'{"name": "Ada", "x": "' + b"x" * LARGEST + b'"}')),
    ("too_big", answer(gzip.compress(b'{"x": "' + b"x" * LARGEST + b'"}'), "200 OK", "Content-Encoding: gzip")),
]


@pytest.mark.parametrize(("failed", "raw"), PLAIN, ids=[f"{n}-{failed}" for n, (failed, _) in enumerate(PLAIN)])
async def test_what_a_server_may_answer(asked: Asked, failed: str, raw: bytes) -> None:
    async with web(answers(raw)) as crm:
        got = await asked.get(crm.url)
    assert got.failed == failed
    assert got.found == ({} if failed else {"name": "Ada"})
    assert asked.count(failed or "found") == 1


async def test_what_is_found_stays_when_something_is_missing(asked: Asked) -> None:
    async with web(answers(answer())) as crm:
        got = await asked.get(crm.url, into=(*NAME, ("age", "/age")))
    assert (got.failed, got.found) == ("missing", {"name": "Ada"})


async def test_a_hundred_megabytes_are_not_read(asked: Asked) -> None:
    """The server notices that nobody reads on."""
    cut = asyncio.Event()

    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _block in range(1600):
                writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            cut.set()
            raise

    async with web(handler) as crm:
        assert (await asked.get(crm.url)).failed == "too_big"
        await cut.wait()


async def test_a_length_that_is_too_big_is_believed(asked: Asked) -> None:
    async with web(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")) as crm:
        assert (await asked.get(crm.url)).failed == "too_big"


async def test_a_bomb_is_not_unpacked(asked: Asked) -> None:
    """60 KB that would be 60 MB."""
    bomb = gzip.compress(b" " * 60_000_000)
    assert len(bomb) < LARGEST
    async with web(answers(answer(bomb, "200 OK", "Content-Encoding: gzip"))) as crm:
        tracemalloc.start()
        try:
            assert (await asked.get(crm.url)).failed == "too_big"
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + ADA,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + gzip.compress(ADA)[:20],
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
    ids=range(7),
)
async def test_an_answer_that_breaks_off_or_is_none(asked: Asked, raw: bytes) -> None:
    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        raise ConnectionError

    async with web(handler) as crm:
        assert (await asked.get(crm.url)).failed == "unreachable"


async def test_nobody_listens(asked: Asked) -> None:
    async with web(hang) as gone:
        pass
    assert (await asked.get(gone.url)).failed == "unreachable"


@pytest.mark.parametrize("url", ["", "crm", "ftp://127.0.0.1/x", "http://", "http://[::1/", "http://127.0.0.1:99999/"])
async def test_what_is_no_url_is_refused(asked: Asked, url: str) -> None:
    assert (await asked.get(url)).failed == "refused"


async def test_the_log_says_which_server_and_nothing_of_the_caller(asked: Asked) -> None:
    async with web(answers(answer(b"", "500 No"))) as crm:
        with capture_logs() as lines:
            for _ in range(3):
                await asked.get(f"{crm.url}/customers/447700900123?pin=4711")
            await asked.get("http://127.0.0.1:1/447700900123")
    assert [(it["event"], it["server"], it["failed"]) for it in lines] == [
        ("lookup_failed", crm.url, "status"),  # once a minute
        ("lookup_failed", "http://127.0.0.1:1", "unreachable"),
    ]
    assert "900123" not in f"{lines}"
    assert "4711" not in f"{lines}"


@given(st.text(max_size=30), st.text(max_size=30))
def test_the_server_that_is_asked_is_the_template_s(a: str, b: str) -> None:
    url = fill("https://crm.example.com:8443/x/{a}/y?b={b}", {"a": a, "b": b})
    if url is not None:
        read = URL(url, encoded=True)
        assert (str(read.origin()), read.raw_fragment) == ("https://crm.example.com:8443", "")
        assert read.raw_path_qs == url.removeprefix("https://crm.example.com:8443")
        assert len(read.raw_parts) == 4


# ── time ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_server_that_hangs_takes_no_more_than_the_timeout(asked: Asked) -> None:
    async with web(hang) as crm:
        assert (await asked.get(crm.url, timeout=LEFT)).failed == "timeout"
    assert asked.count("timeout") == 1


async def test_a_slow_drip_takes_no_more_than_the_timeout(asked: Asked) -> None:
    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with web(handler) as crm:
        assert (await asked.get(crm.url, timeout=LEFT)).failed == "timeout"


async def test_a_server_that_says_wait_for_ever(asked: Asked) -> None:
    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
            await writer.drain()

    async with web(handler) as crm:
        assert (await asked.get(crm.url, timeout=LEFT)).failed == "timeout"


async def test_a_server_that_does_not_take_the_connection(asked: Asked) -> None:
    """Its backlog is full: the kernel says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for n in range(4):
            asked.put(url, request=f"r{n}", timeout=LEFT)
        assert {(await asked.inbox.get()).failed for _ in range(4)} == {"timeout"}


async def test_a_name_that_is_not_resolved_in_time_holds_nobody() -> None:
    let_go = threading.Event()

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        let_go.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    async with asking(getaddrinfo=getaddrinfo) as asked:
        assert (await asked.get("http://crm.example/", timeout=LEFT)).failed == "timeout"
        for n in range(20):  # as many names at a time as there are threads for; the others are not waited for
            asked.put(f"http://crm{n}.example/", request=f"r{n}", timeout=LEFT)
        got = [(await asked.inbox.get()).failed for _ in range(20)]
        assert set(got) == {"timeout", "unreachable"}
        let_go.set()


async def test_names_are_looked_up_for_as_long_as_callctl_runs() -> None:
    def getaddrinfo(_: str, port: int, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    async with asking(getaddrinfo=getaddrinfo) as asked, web(answers(answer())) as crm:
        for n in range(RESOLVING + 4):
            assert (await asked.get(f"http://crm{n}.example:{crm.port}/")).failed == ""


async def test_a_name_that_is_not_there() -> None:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async with asking(getaddrinfo=getaddrinfo) as asked:
        assert (await asked.get("http://crm.example/")).failed == "unreachable"


# ── many at a time ───────────────────────────────────────────────────────────────────────────


async def test_the_same_question_is_not_sent_twice(asked: Asked) -> None:
    go = asyncio.Event()

    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(answer())

    async with web(handler) as crm:
        for _ in range(3):
            asked.put(crm.url)
        assert asked.in_flight == 1
        assert asked.inbox.empty()
        await crm.came.wait()
        asked.put(crm.url)
        go.set()
        assert (await asked.inbox.get()).found == {"name": "Ada"}
        assert len(crm.seen) == 1
        assert (await asked.get(crm.url)).found == {"name": "Ada"}  # it was answered: it is sent anew
        assert len(crm.seen) == 2
        assert asked.inbox.empty()


async def test_no_more_than_a_few_at_once_and_a_few_wait() -> None:
    go = asyncio.Event()
    most, there = 0, 0

    async def handler(_: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal most, there
        there += 1
        most = max(most, there)
        await go.wait()
        there -= 1
        writer.write(answer())

    async with asking(at_once=2, waiting=3) as asked, web(handler) as crm, web(answers(answer())) as other:
        for n in range(7):
            asked.put(crm.url, request=f"r{n}")
        first = [await asked.inbox.get() for _ in range(2)]
        assert [(it.request, it.failed) for it in first] == [("r5", "busy"), ("r6", "busy")]
        assert (await asked.get(other.url, request="r8")).failed == ""  # another server is another matter
        go.set()
        assert [(await asked.inbox.get()).failed for _ in range(5)] == [""] * 5
        assert most <= 2
        assert (await asked.get(crm.url, request="r9")).failed == ""


async def test_who_waits_for_a_turn_waits_no_longer_than_the_timeout() -> None:
    async with asking(at_once=1) as asked, web(hang) as crm:
        asked.put(crm.url)
        assert (await asked.get(crm.url, request="r2", timeout=LEFT)) == LookedUp(
            CallId("c1"), LookupId("r2"), {}, "timeout"
        )
        assert len(crm.seen) <= 1


async def test_what_a_call_asked_is_dropped_with_it() -> None:
    async with asking(at_once=1) as asked, web(hang) as crm:
        asked.put(crm.url, request="r1")
        asked.put(crm.url, request="r2")
        asked.put(crm.url, request="r3", call="c2", timeout=5 * LEFT)
        await crm.came.wait()
        asked.lookups.drop(CallId("c1"))
        asked.lookups.drop(CallId("nobody"))
        assert (await asked.inbox.get()).request == "r3"
        assert asked.inbox.empty()
        assert asked.count("dropped") == 2
        assert asked.in_flight == 0


async def test_the_end_drops_everything() -> None:
    async with web(hang) as crm:
        async with asking() as asked:
            asked.put(crm.url)
            await crm.came.wait()
            asked.put(crm.url, request="r2")  # and one that has not begun
        assert asked.inbox.empty()
        assert asked.count("dropped") == 2
        asked.put(crm.url, request="r3")
        assert (await asked.inbox.get()).failed == "unreachable"


async def test_a_connection_is_used_again_unless_its_answer_was_left(asked: Asked) -> None:
    big = answer(b" " * (LARGEST + 1))
    async with web(answers(answer(), answer(), big, answer())) as crm:
        assert [(await asked.get(crm.url)).failed for _ in range(4)] == ["", "", "too_big", ""]
        assert crm.connections == 2


async def test_a_cookie_is_not_kept(asked: Asked) -> None:
    async with web(answers(answer(ADA, "200 OK", "Set-Cookie: caller=1"))) as crm:
        await asked.get(crm.url)
        await asked.get(crm.url)
    assert "cookie" not in crm.seen[1].headers


async def test_the_environment_s_proxy_is_not_asked(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    async with web(answers(answer(b"{}"))) as proxy, web(answers(answer())) as crm:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert (await asked.get(crm.url)).failed == ""
        assert proxy.seen == []


# ── headers ──────────────────────────────────────────────────────────────────────────────────


async def test_a_set_of_headers_is_sent() -> None:
    headers = {"crm": {"Authorization": Secret("Bearer x"), "accept": Secret("application/vnd.crm+json")}}
    async with asking(headers=headers) as asked, web(answers(answer())) as crm:
        assert (await asked.get(crm.url, headers="crm")).failed == ""
        assert crm.seen[0].headers["authorization"] == "Bearer x"
        assert crm.seen[0].headers["accept"] == "application/vnd.crm+json"
        assert (await asked.get(crm.url)).failed == ""
        assert "authorization" not in crm.seen[1].headers


async def test_without_its_headers_nothing_is_asked(asked: Asked) -> None:
    async with web(answers(answer())) as crm:
        assert (await asked.get(crm.url, headers="crm")).failed == "refused"
        assert crm.seen == []


# ── redirects ────────────────────────────────────────────────────────────────────────────────


def moved(to: str, status: str = "302 Found") -> bytes:
    return answer(b"", status, f"Location: {to}")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_within_the_own_server_a_redirect_is_followed(status: str) -> None:
    async with (
        asking(headers={"crm": {"X-Key": Secret("k")}}) as asked,
        web(answers(moved("b?c=d#e", status), answer())) as crm,
    ):
        assert (await asked.get(f"{crm.url}/x/a", headers="crm")).failed == ""
        assert [(it.method, it.target, it.headers["x-key"]) for it in crm.seen] == [
            ("GET", "/x/a", "k"),
            ("GET", "/x/b?c=d", "k"),
        ]


async def test_a_circle_of_redirects_ends(asked: Asked) -> None:
    async with web(answers(moved("/"))) as crm:
        assert (await asked.get(crm.url)).failed == "status"
        assert len(crm.seen) == REDIRECTS + 1


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[::1]:{port}/",
        "http://0.0.0.0:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[64:ff9b::7f00:1]/",
        "http://x@127.0.0.1:{port}/",
        "http://:x@127.0.0.1:{port}/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "javascript:1",
        "http://",
        "http://[::1",
        "http://127.0.0.1:99999/",
    ],
)
async def test_a_redirect_into_the_house_is_refused(asked: Asked, to: str) -> None:
    async with web(answers(answer())) as inside, web(answers(moved(to.format(port=inside.port)))) as crm:
        got = await asked.get(crm.url)
        assert got.failed == "refused"
        assert inside.connections == 0


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.0.0.1", "0x7f000001", "017700000001", "127.0.0.1."])
async def test_other_ways_to_write_an_address_do_not_get_in(asked: Asked, host: str) -> None:
    async with web(answers(answer())) as inside, web(answers(moved(f"http://{host}:{inside.port}/"))) as crm:
        assert (await asked.get(crm.url)).failed in {"refused", "unreachable"}
        assert inside.connections == 0


def names(**known: str) -> Callable[..., list[Any]]:
    """A DNS. Several addresses are given with spaces; `a|b`: a the first time, then b."""
    left = {name: addresses.split("|") for name, addresses in known.items()}

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        turns = left[host.lower().split(".")[0]]
        addresses = turns.pop(0) if len(turns) > 1 else turns[0]
        families = {address: socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses.split()}
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for address, family in families.items()]

    return getaddrinfo


async def test_a_name_is_judged_by_all_that_it_stands_for() -> None:
    async with (
        asking(getaddrinfo=names(evil="8.8.8.8 127.0.0.1")) as asked,
        web(answers(answer())) as inside,
        web(answers(moved(f"http://evil.example:{inside.port}/"))) as crm,
    ):
        assert (await asked.get(crm.url)).failed == "refused"
        assert inside.connections == 0


async def test_the_connection_goes_where_the_judged_address_is() -> None:
    """A name that means another place each time: what is judged is gone to, not what it means a moment later."""
    async with (
        asking(getaddrinfo=names(evil="127.0.0.9|127.0.0.1"), others=frozenset()) as asked,
        web(answers(answer())) as inside,
        web(answers(answer(b'{"name": "Eve"}')), host="127.0.0.9", port=inside.port) as judged,
        web(answers(moved(f"http://evil.example:{inside.port}/"))) as crm,
    ):
        assert (await asked.get(crm.url)).found == {"name": "Eve"}
        assert (judged.connections, inside.connections) == (1, 0)


async def test_a_redirect_abroad_is_followed_without_the_headers() -> None:
    """Loopback plays the world outside here."""
    async with (
        asking(headers={"crm": {"Authorization": Secret("s")}}, others=INSIDE - {Place.LOOPBACK}) as asked,
        web(answers(answer())) as abroad,
        web(answers(moved(abroad.url))) as crm,
    ):
        assert (await asked.get(crm.url, headers="crm")).failed == ""
        assert crm.seen[0].headers["authorization"] == "s"
        assert "authorization" not in abroad.seen[0].headers


@pytest.mark.parametrize("who", ["x@", "x:y@", ":y@"])
async def test_no_redirect_brings_a_password_along(who: str) -> None:
    async with (
        asking(others=frozenset()) as asked,
        web(answers(answer())) as abroad,
        web(answers(moved(f"http://{who}127.0.0.1:{abroad.port}/"))) as crm,
    ):
        assert (await asked.get(crm.url)).failed == "refused"
        assert abroad.seen == []


async def test_who_was_led_abroad_is_not_led_back_in(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else anybody could have the operator's server asked for anything. 127.0.0.9 plays the world outside here."""
    outside = ip_address("127.0.0.9")
    monkeypatch.setattr(
        "callctl.lookups.place_of", lambda address: Place.PUBLIC if address == outside else place_of(address)
    )
    async with web(hang) as crm, web(answers(moved(f"{crm.url}/delete")), host=str(outside)) as abroad:
        crm.handler = answers(moved(f"http://{outside}:{abroad.port}/"), answer())
        assert (await asked.get(crm.url)).failed == "refused"
        assert (len(crm.seen), len(abroad.seen)) == (1, 1)


async def test_who_comes_back_from_abroad_has_no_headers() -> None:
    """Else anybody could have the operator's server asked for anything, with the operator's password."""
    async with (
        asking(headers={"crm": {"A": Secret("s")}}, others=INSIDE - {Place.LOOPBACK}) as asked,
        web(hang) as crm,
        web(answers(moved(f"{crm.url}/delete"))) as abroad,
    ):
        crm.handler = answers(moved(abroad.url), answer())
        assert (await asked.get(crm.url, headers="crm")).failed == ""
        assert [it.headers.get("a") for it in crm.seen] == ["s", None]


async def test_the_operator_s_name_may_be_inside_but_not_just_anywhere() -> None:
    known = names(crm="127.0.0.1", cloud="169.254.169.254", none="")
    async with asking(getaddrinfo=known) as asked, web(answers(answer())) as crm:
        assert (await asked.get(f"http://CRM.internal:{crm.port}/")).failed == ""
        assert crm.seen[0].headers["host"].lower() == f"crm.internal:{crm.port}"
        assert (await asked.get("http://cloud.example/")).failed == "refused"
        assert (await asked.get("http://none.example/")).failed == "unreachable"


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of crm.internal and 127.0.0.1, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=crm -keyout key"
    alternatives = ["-out", "crt", "-addext", "subjectAltName=DNS:crm.internal,IP:127.0.0.1"]
    subprocess.run([*command.split(), *alternatives], cwd=folder, check=True, capture_output=True)
    return folder / "crt", folder / "key"


def served_with(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


async def test_a_certificate_that_nobody_vouches_for(certificate: tuple[Path, Path], asked: Asked) -> None:
    async with web(answers(answer()), served_with(certificate)) as crm:
        assert (await asked.get(f"https://127.0.0.1:{crm.port}/")).failed == "unreachable"
        assert crm.seen == []


async def test_a_certificate_is_of_the_name_that_is_asked(certificate: tuple[Path, Path]) -> None:
    tls = ssl.create_default_context(cafile=str(certificate[0]))
    known = names(crm="127.0.0.1", other="127.0.0.1")
    async with asking(tls=tls, getaddrinfo=known) as asked, web(answers(answer()), served_with(certificate)) as crm:
        assert (await asked.get(f"https://crm.internal:{crm.port}/")).failed == ""
        assert (await asked.get(f"https://127.0.0.1:{crm.port}/")).failed == ""
        assert (await asked.get(f"https://other.internal:{crm.port}/")).failed == "unreachable"


async def test_no_redirect_leads_out_of_tls(certificate: tuple[Path, Path]) -> None:
    tls = ssl.create_default_context(cafile=str(certificate[0]))
    async with (
        asking(tls=tls, others=frozenset()) as asked,
        web(answers(answer())) as plain,
        web(answers(moved(plain.url)), served_with(certificate)) as crm,
    ):
        assert (await asked.get(f"https://127.0.0.1:{crm.port}/")).failed == "refused"
        assert plain.connections == 0
