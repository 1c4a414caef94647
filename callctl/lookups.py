"""Looks values up over HTTP for flows: each question gets one answer within its time, whatever the server does.

The server that the operator's own URL names is trusted as written, so it may be inside the house. Where it sends us
on to another one, that one must be outside: of each address that its name stands for this is judged, and the
connection goes to the very address that was (no name that means another place a moment later gets in between).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Protocol

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from callctl import __version__
from callctl.core.ids import SECOND, CallId, LookupId
from callctl.core.lookups import Ask, LookedUp, LookupFailure, Number, pick
from callctl.networks import INSIDE, NEVER_BY_NAME, Place, literal, place_of
from callctl.telemetry.lookups import DROPPED, FOUND, LookupMetrics

AT_ONCE = 32
"""Questions to one server at a time."""
WAITING = 128
"""Further ones that wait for their turn there; beyond, they fail at once: callers must not wait for callers."""
LARGEST = 64 * 1024
"""Bytes of an answer, as they come and unpacked. To read the worst of that size holds the loop for some 10 ms."""
REDIRECTS = 3
KEPT_OPEN = 15.0
"""Seconds for which a connection without a question is kept."""
NAMES_KNOWN = 10
"""Seconds for which a name's addresses are known."""
RESOLVING = 16
"""Names that are looked up at one time: each takes a thread, and a DNS server that is away holds it for long."""
TELL_EVERY = 60.0
"""Seconds between two log lines about the same failure of the same server."""
GOODBYE = 0.5
"""Seconds that the end may take."""
_REDIRECT = frozenset({301, 302, 303, 307, 308})
_log = structlog.get_logger(__name__)

GetAddrInfo = Callable[..., list[Any]]


class Sealed(Protocol):
    """A header's value, which printing does not show."""

    def reveal(self) -> str: ...


Headers = Mapping[str, Mapping[str, Sealed]]
"""Sets of headers by name; each by header. They go to the operator's own server alone, not where it redirects to."""


class _Failed(Exception):
    """The lookup ends so. `why`: for the log; of nothing that a caller said, and no secret."""

    def __init__(self, failure: LookupFailure, why: str) -> None:
        super().__init__(why)
        self.failure = failure
        self.why = why


@dataclass(slots=True)
class _Lane:
    """The way to one server."""

    turns: asyncio.Semaphore
    open: int = 0
    """Questions that are asked there, or wait for their turn."""


@dataclass(slots=True, eq=False)
class _Question:
    """One on its way."""

    ask: Ask
    url: URL
    server: str
    lane: _Lane
    task: asyncio.Task[None] | None = None


class Lookups:
    """Asks, and gives each answer to `put`. Made and used in one running loop; `stop` ends it."""

    def __init__(
        self,
        put: Callable[[LookedUp], None],
        headers: Callable[[], Headers],
        metrics: LookupMetrics,
        *,
        tls: ssl.SSLContext | None = None,
        getaddrinfo: GetAddrInfo = socket.getaddrinfo,
        at_once: int = AT_ONCE,
        waiting: int = WAITING,
        own: frozenset[Place] = NEVER_BY_NAME,
        others: frozenset[Place] = INSIDE,
    ) -> None:
        """`headers`: the sets of now, asked each time. `tls`: whom to trust; None: whom the machine trusts. `own` and
        `others`: where the operator's server and one that it redirects to must not be."""
        self._put = put
        self._headers = headers
        self._metrics = metrics
        self._at_once = at_once
        self._waiting = waiting
        self._others = others
        names = _Names(getaddrinfo)
        self._own = _session(_Resolver(names, own), tls)
        self._abroad = _session(_Resolver(names, others), tls)
        self._lanes: dict[str, _Lane] = {}
        """By server; one that is asked nothing has none."""
        self._open: dict[LookupId, _Question] = {}
        self._of_call: dict[CallId, set[_Question]] = {}
        self._told: dict[tuple[str, str], float] = {}
        metrics.in_flight.set_function(lambda: len(self._open))

    def ask(self, ask: Ask) -> None:
        """Look it up. Never blocks, never raises; the answer comes by `put`, once. While a question is on its way, the
        same one again is nothing new."""
        if ask.request in self._open:
            return
        try:
            url = URL(ask.url, encoded=True)
            server = _server(url)
        except ValueError:
            self._answer(ask, {}, LookupFailure.REFUSED, 0.0)
            return
        lane = self._lanes.setdefault(server, _Lane(asyncio.Semaphore(self._at_once)))
        if lane.open >= self._at_once + self._waiting:
            self._tell(server, LookupFailure.BUSY, "too many questions wait for it")
            self._answer(ask, {}, LookupFailure.BUSY, 0.0)
            return
        question = _Question(ask, url, server, lane)
        lane.open += 1
        self._open[ask.request] = question
        self._of_call.setdefault(ask.call, set()).add(question)
        question.task = asyncio.create_task(self._run(question), name=f"lookup {ask.request}")
        question.task.add_done_callback(lambda task: self._ended(question, task))

    def drop(self, call: CallId) -> None:
        """Nobody waits for what this call has asked any more: no answer comes."""
        for question in self._of_call.get(call, ()):
            if question.task is not None:
                question.task.cancel()

    async def stop(self) -> None:
        """Drop everything and close all connections."""
        tasks = [question.task for question in self._open.values() if question.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GOODBYE)
        await self._own.close()
        await self._abroad.close()

    def _ended(self, question: _Question, task: asyncio.Task[None]) -> None:
        """Also of a task that was cancelled before it began."""
        self._forget(question)
        if task.cancelled():
            self._metrics.ended(DROPPED, 0.0)
        elif (error := task.exception()) is not None:
            _log.error("lookup_broke", server=question.server, exc_info=error)

    def _forget(self, question: _Question) -> None:
        """From now on the same question is a new one. Again: nothing happens."""
        ask = question.ask
        if self._open.get(ask.request) is not question:
            return
        del self._open[ask.request]
        question.lane.open -= 1
        if not question.lane.open:
            del self._lanes[question.server]
        of_call = self._of_call[ask.call]
        of_call.discard(question)
        if not of_call:
            del self._of_call[ask.call]

    async def _run(self, question: _Question) -> None:
        ask = question.ask
        loop = asyncio.get_running_loop()
        began = loop.time()
        found: Mapping[str, str] = {}
        failure: LookupFailure | None = None
        why = ""
        try:
            async with asyncio.timeout(ask.timeout / SECOND), question.lane.turns:
                found, whole = pick(_parsed(await self._fetch(question.url, ask.headers)), ask.into)
            failure = None if whole else LookupFailure.MISSING
        except _Failed as error:
            failure, why = error.failure, error.why
        except TimeoutError:
            failure, why = LookupFailure.TIMEOUT, "no answer in time"
        except (aiohttp.ClientError, OSError) as error:
            failure, why = LookupFailure.UNREACHABLE, _told(error)
        except Exception as error:  # whatever it is, a caller waits for the answer
            failure, why = LookupFailure.UNREACHABLE, f"{type(error).__name__}, which nobody expects"
        if failure is not None and why:
            self._tell(question.server, failure, why)
        self._forget(question)
        self._answer(ask, found, failure, loop.time() - began)

    def _answer(self, ask: Ask, found: Mapping[str, str], failure: LookupFailure | None, seconds: float) -> None:
        self._metrics.ended(FOUND if failure is None else failure.value, seconds)
        self._put(LookedUp(ask.call, ask.request, found, "" if failure is None else failure.value))

    def _tell(self, server: str, failure: LookupFailure, why: str) -> None:
        """In the log, without the URL, in which callers' data are; a server that is away is not told of each time."""
        now = asyncio.get_running_loop().time()
        key = (server, f"{failure}: {why}")
        if now - self._told.get(key, -TELL_EVERY) < TELL_EVERY:
            return
        if len(self._told) >= 1000:
            self._told.clear()
        self._told[key] = now
        _log.warning("lookup_failed", server=server, failed=failure.value, why=why)

    # ── one question ─────────────────────────────────────────────────────────────────────────

    async def _fetch(self, url: URL, headers: str | None) -> bytes:
        """The answer's body, unpacked."""
        own = _server(url)
        secret = self._revealed(headers)
        session = self._own
        for _ in range(REDIRECTS + 1):
            async with session.get(url, allow_redirects=False, headers=secret) as response:
                if response.status not in _REDIRECT:
                    return await _body(response)
                before, url = url, _led(url, response.headers.get("Location"))
                response.close()
            if session is self._abroad or _server(url) != own:  # who was led away is not led back in
                session, secret = self._abroad, None
                self._judge(before, url)
        raise _Failed(LookupFailure.STATUS, f"more than {REDIRECTS} redirects")

    def _revealed(self, name: str | None) -> dict[str, str] | None:
        if name is None:
            return None
        found = self._headers().get(name)
        if found is None:  # taken out of the configuration while the caller was on the way
            raise _Failed(LookupFailure.REFUSED, "its set of headers is no longer in the configuration")
        return {header: value.reveal() for header, value in found.items()}

    def _judge(self, before: URL, url: URL) -> None:
        """Whether a server may send us on to there; what a name stands for is judged by the resolver."""
        if before.scheme == "https" and url.scheme != "https":
            raise _Failed(LookupFailure.REFUSED, "a redirect from https to http")
        address = literal(url.raw_host or "")
        if address is not None and (place := place_of(address)) in self._others:
            raise _Failed(LookupFailure.REFUSED, f"a redirect to a {place} address")


def _server(url: URL) -> str:
    """Scheme, host and port, for a server that is written in one way or another. ValueError: none of them."""
    if url.scheme not in {"http", "https"} or not url.raw_host:
        raise ValueError("no http:// or https:// URL")
    host = url.raw_host.lower().rstrip(".")
    return f"{url.scheme}://{f'[{host}]' if ':' in host else host}:{url.port}"


def _session(resolver: AbstractResolver, tls: ssl.SSLContext | None) -> aiohttp.ClientSession:
    """One that keeps nothing, tells nothing, and takes nothing from the environment."""
    connector = aiohttp.TCPConnector(
        resolver=resolver,
        limit=0,  # AT_ONCE is the limit
        ssl=True if tls is None else tls,
        keepalive_timeout=KEPT_OPEN,
        ttl_dns_cache=NAMES_KNOWN,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": f"callctl/{__version__}"},
        timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        auto_decompress=False,
        trust_env=False,
    )


def _led(url: URL, location: str | None) -> URL:
    """Where a redirect leads."""
    if location is None:
        raise _Failed(LookupFailure.STATUS, "a redirect without a Location")
    try:
        named = URL(location)
        target = url.join(named).with_fragment(None)
        _server(named if named.scheme else target)  # `http://` alone would join to where we are
        _server(target)
    except ValueError as error:
        raise _Failed(LookupFailure.REFUSED, "a redirect to what is no http:// or https:// URL") from error
    if target.raw_user is not None or target.raw_password is not None:
        raise _Failed(LookupFailure.REFUSED, "a redirect with a user name in it")
    return target


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Read no further than LARGEST, packed or not."""
    status = response.status
    if not 200 <= status < 300:
        raise _Failed(LookupFailure.STATUS, f"answered with {status}")
    if status == HTTPStatus.NO_CONTENT:
        return b"null"
    unpacked = _Unpacked(response.headers.get("Content-Encoding", ""))
    if (response.content_length or 0) > LARGEST:
        raise _too_big()
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > LARGEST:
            raise _too_big()
        unpacked.take(chunk)
    return unpacked.all()


def _too_big() -> _Failed:
    return _Failed(LookupFailure.TOO_BIG, f"more than {LARGEST} bytes")


class _Unpacked:
    """An answer's body: as it comes, or of gzip or deflate, of which never more is unpacked than may be."""

    def __init__(self, encoding: str) -> None:
        match encoding.strip().lower():
            case "" | "identity":
                self._inflater = None
            case "gzip" | "x-gzip" | "deflate":
                self._inflater = zlib.decompressobj(wbits=47)  # by its first bytes: gzip or zlib
            case _:
                raise _Failed(LookupFailure.NOT_JSON, "packed in a way that was not asked for")
        self._data = bytearray()

    def take(self, chunk: bytes) -> None:
        if self._inflater is None:
            self._data += chunk
            return
        try:
            self._data += self._inflater.decompress(chunk, LARGEST + 1 - len(self._data))
        except zlib.error as error:
            raise _Failed(LookupFailure.NOT_JSON, "not packed as it says") from error
        if len(self._data) > LARGEST:
            raise _too_big()

    def all(self) -> bytes:
        if self._inflater is not None and not self._inflater.eof:
            raise _Failed(LookupFailure.UNREACHABLE, "the answer broke off")
        return bytes(self._data)


def _told(error: BaseException) -> str:
    """What went wrong with a connection, without the URL in it."""
    why = getattr(error, "os_error", None) or error
    strerror = getattr(why, "strerror", None)
    return f"{type(error).__name__}: {strerror}" if strerror else type(error).__name__


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────


def _parsed(body: bytes) -> object:
    """The document, numbers as text as they are written: 12.50 stays 12.50. UTF-8 whatever the header says (RFC 8259);
    a byte order mark is passed over. A key that comes twice could be read either way: such a document counts as none.
    """
    try:
        return json.loads(
            body.decode("utf-8-sig"),
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_constant,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError) as error:
        raise _Failed(LookupFailure.NOT_JSON, "the answer is no JSON") from error


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is no JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


# ── names ────────────────────────────────────────────────────────────────────────────────────


class _Names:
    """Asks the machine's resolver in threads of its own. Nothing waits for them: not other work, and not the end."""

    def __init__(self, getaddrinfo: GetAddrInfo) -> None:
        self._getaddrinfo = getaddrinfo
        self._running = 0

    async def addresses(self, host: str, port: int) -> list[tuple[int, str]]:
        """Family and address, each once. OSError: there are none, or too many are being looked up."""
        if self._running >= RESOLVING:
            raise OSError(None, "the DNS does not answer")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any]] = loop.create_future()

        def done(infos: list[Any] | Exception) -> None:
            self._running -= 1
            if answer.done():
                return
            if isinstance(infos, Exception):
                answer.set_exception(infos)
            else:
                answer.set_result(infos)

        def work() -> None:
            infos: list[Any] | Exception
            try:
                infos = self._getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
            except Exception as error:  # UnicodeError too
                infos = error if isinstance(error, OSError) else OSError(None, "no such name")
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(done, infos)

        threading.Thread(target=work, name="lookup-name", daemon=True).start()
        self._running += 1
        infos = await answer
        return list(dict.fromkeys((family, address[0]) for family, _, _, _, address in infos))


class _Resolver(AbstractResolver):
    """Gives the connection addresses that were judged, and only these."""

    def __init__(self, names: _Names, forbidden: frozenset[Place]) -> None:
        self._names = names
        self._forbidden = forbidden

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """One that must not be, and none of them is gone to: nobody means both."""
        results = []
        for found, address in await self._names.addresses(host, port):
            if (place := place_of(ip_address(address))) in self._forbidden:
                raise _Failed(LookupFailure.REFUSED, f"its name stands for a {place} address")
            results.append(
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=found,
                    proto=socket.IPPROTO_TCP,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        if not results:
            raise OSError(None, "no address")
        return results

    async def close(self) -> None:
        """Nothing to let go."""
