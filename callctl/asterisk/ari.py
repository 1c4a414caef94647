"""ARI's client: one inbound WebSocket for events and actions, pooled HTTP for lists.

Actions go over the WebSocket: pipelined, carried out by Asterisk in the order sent. Lists never do: a frame
of some 400 KB overruns Asterisk's thread stack and ends it. No POST is ever repeated here; every action
carries an id of ours, so that the core may.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from callctl.asterisk.wire import ALLOWED, APP, NO_ANSWER, OVERLOADED, Method, Reply, Request

DEADLINE = 10.0
"""Seconds that one request may take."""
TWICE_WITHIN = 16
"""Events: what is told of a channel and of its endpoint comes twice, word for word, one close behind the other."""
MOST_OPEN = 16_384
"""Requests without an answer at one time; one more ends the link. A reconnect must fit: five for each caller."""
LONGEST_REQUEST = 60_000
"""Bytes; Asterisk closes the socket at 64 KB."""
OLDEST = (22, 10, 1)


class AriError(Exception):
    """Something is wrong with the way to Asterisk; the text is for the operator."""


class UnreachableError(AriError):
    """Nobody answers at that address, or the answer does not come in time."""


class WrongPasswordError(AriError):
    """Asterisk does not accept the ARI user or the password."""


class NotAsteriskError(AriError):
    """What answers there is no ARI."""


class VersionRefusedError(AriError):
    """An Asterisk that callctl must not drive."""


class TakenOverError(AriError):
    """Another daemon has connected with the same application's name."""


class FrozenError(AriError):
    """Asterisk takes connections but does not answer in time."""


class RequestFailedError(AriError):
    """A request over HTTP that was answered with an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Info:
    """What Asterisk says of itself."""

    version: str
    booted: str
    """Its startup time as it writes it: another value is another process."""
    clock_offset: float
    """Asterisk's clock minus this machine's, in seconds; 0 where it cannot be told."""


@dataclass(frozen=True, slots=True)
class AriAddress:
    """Where an Asterisk's ARI is, and how to get in. The password is not printed."""

    url: str
    """`http://127.0.0.1:8088/ari`, without a slash at the end."""
    user: str
    password: str = field(repr=False)

    @property
    def where(self) -> str:
        return self.url


def version_of(text: str) -> tuple[tuple[int, int, int], str]:
    """`22.10.1+dfsg…` → ((22, 10, 1), ""), `22.11.0-rc1` → ((22, 11, 0), "rc1").

    VersionRefusedError when it is no release.
    """
    match = re.match(r"(\d+)\.(\d+)\.(\d+)(?:[-~](rc\d+))?", text)
    if match is None:
        raise VersionRefusedError(f"Asterisk says it is version {text[:40]!r}, which is no release that callctl knows")
    return (int(match[1]), int(match[2]), int(match[3])), match[4] or ""


def check_version(text: str) -> None:
    """VersionRefusedError unless callctl may drive this version of Asterisk."""
    version, candidate = version_of(text)
    if version < OLDEST:
        raise VersionRefusedError(
            f"Asterisk {text[:40]} is too old: callctl needs 22.10.1 or newer (older ones lose calls or have "
            f"known holes)"
        )
    if version == (22, 11, 0) and candidate:
        raise VersionRefusedError("Asterisk 22.11.0-rc1 crashes on a WebSocket's pong: use 22.10.1 or the final 22.11")


OnEvent = Callable[[dict[str, Any]], None]


class Ari:
    """One Asterisk's ARI. After `connect` events reach `on_event` in order; `closed` ends with why.

    `on_event` must be quick and must not raise: Asterisk cuts a reader that stalls.
    """

    def __init__(self, address: AriAddress, on_event: OnEvent, deadline: float = DEADLINE) -> None:
        self.address = address
        self.decode_errors = 0
        self.twice = 0
        """Events that were told a second time."""
        self.answered = 0
        """Replies so far: a sign of life."""
        self._on_event = on_event
        self._deadline = deadline
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._open: dict[str, tuple[asyncio.Future[Reply], asyncio.TimerHandle]] = {}
        self._last_id = 0
        self._lately: deque[str] = deque(maxlen=TWICE_WITHIN)
        self._tasks: list[asyncio.Task[None]] = []
        self._ended: asyncio.Future[str] | None = None

    # ── connection ───────────────────────────────────────────────────────────────────────────

    async def connect(self) -> None:
        """Open the WebSocket and put the event filter. AriError with the reason when that cannot be."""
        assert self._socket is None, "connect once; a new link is a new Ari"
        try:
            async with asyncio.timeout(self._deadline):
                self._socket = await self._http().ws_connect(
                    f"{self.address.url}/events",
                    params={"app": APP, "subscribeAll": "false"},
                    protocols=("ari",),
                    max_msg_size=16 * 1024 * 1024,
                    compress=0,
                )
        except aiohttp.WSServerHandshakeError as error:
            raise _refusal(error.status, self.address) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(error, self.address) from None
        self._ended = asyncio.get_running_loop().create_future()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        # Asterisk destroys an application that has no channels, and with it the filter: put it every time.
        await self.put(("applications", APP, "eventFilter"), {"allowed": [{"type": kind} for kind in ALLOWED]})

    async def closed(self) -> str:
        """Wait for the WebSocket's end; why it ended."""
        assert self._ended is not None
        return await asyncio.shield(self._ended)

    @property
    def ended(self) -> bool:
        """Whether the WebSocket is closed, or was declared dead."""
        return self._ended is None or self._ended.done()

    def end(self, why: str) -> None:
        """Declare the WebSocket dead: `closed` returns. For a watchdog."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(why)

    async def close(self) -> None:
        """Close everything. Requests without an answer end with NO_ANSWER."""
        self.end("closed by us")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._abandon()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1):
                if self._socket is not None:
                    await self._socket.close()
        if self._session is not None:
            await self._session.close()

    # ── actions, over the WebSocket ──────────────────────────────────────────────────────────

    def submit(self, request: Request) -> asyncio.Future[Reply]:
        """Send an action; never blocks, never raises. Actions are carried out in the order of submission.

        Too many without an answer end the link: the reconnect makes good what was not sent.
        """
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if self._socket is None or self._ended is None or self._ended.done():
            future.set_result(NO_ANSWER)
            return future
        if len(self._open) >= MOST_OPEN:
            # What is lost here nobody would send again while the link lives.
            self.end(OVERLOADED.text)
            future.set_result(OVERLOADED)
            return future
        self._last_id += 1
        key = str(self._last_id)
        text = request.frame(key)
        if len(text) > LONGEST_REQUEST:
            future.set_result(Reply(413, "the request is too long"))
            return future
        timer = asyncio.get_running_loop().call_later(self._deadline, self._overdue, key)
        self._open[key] = (future, timer)
        self._outgoing.put_nowait(text)
        return future

    def _overdue(self, key: str) -> None:
        self._settle(key, NO_ANSWER)

    def _settle(self, key: str, reply: Reply) -> None:
        entry = self._open.pop(key, None)
        if entry is None:
            return  # it came after its deadline
        future, timer = entry
        timer.cancel()
        if not future.done():
            future.set_result(reply)

    def _abandon(self) -> None:
        for key in list(self._open):
            self._settle(key, NO_ANSWER)

    async def _write(self) -> None:
        socket = self._socket
        assert socket is not None
        try:
            while True:
                await socket.send_str(await self._outgoing.get())
        except (ConnectionError, aiohttp.ClientError) as error:
            self.end(f"writing failed: {error}")

    async def _read(self) -> None:
        socket = self._socket
        assert socket is not None
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(message.data)
            elif message.type is aiohttp.WSMsgType.ERROR:
                break
        self.end(f"the WebSocket was closed (code {socket.close_code})")
        self._abandon()

    def _take(self, data: str) -> None:
        if data in self._lately:
            self.twice += 1
            return
        self._lately.append(data)
        try:
            event = msgspec.json.decode(data)
        except ValueError:
            self.decode_errors += 1
            return
        if not isinstance(event, dict):
            self.decode_errors += 1
        elif event.get("type") == "RESTResponse":
            self.answered += 1
            self._settle(
                str(event.get("request_id")),
                Reply(int(event.get("status_code", 0)), str(event.get("message_body") or "")),
            )
        else:
            self._on_event(event)

    # ── lists, over HTTP ─────────────────────────────────────────────────────────────────────

    async def get(self, path: tuple[str, ...], query: Mapping[str, str] | None = None) -> Any:
        """The decoded answer. Asked twice at most: a pooled connection may have been closed meanwhile."""
        try:
            return await self._ask("GET", path, query)
        except UnreachableError:
            return await self._ask("GET", path, query)

    async def put(self, path: tuple[str, ...], body: Mapping[str, Any] | None = None) -> Any:
        return await self._ask("PUT", path, None, body)

    async def post(self, path: tuple[str, ...], query: Mapping[str, str] | None = None) -> Any:
        """Once, whatever happens."""
        return await self._ask("POST", path, query)

    async def _ask(
        self,
        method: Method,
        path: tuple[str, ...],
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        url = f"{self.address.url}/" + "/".join(quote(part, safe="") for part in path)
        try:
            async with (
                asyncio.timeout(self._deadline),
                self._http().request(method, url, params=query, json=body) as response,
            ):
                text = await response.text(errors="replace")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(error, self.address) from None
        if response.status in (401, 403):
            raise _refusal(response.status, self.address)
        if not 200 <= response.status < 300:
            raise RequestFailedError(response.status, _message(text))
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise NotAsteriskError(f"{self.address.where}: the answer is no JSON, so this is no ARI") from None

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": aiohttp.encode_basic_auth(self.address.user, self.address.password)},
                # Below Asterisk's session_keep_alive (15 s), so that no request meets a closing connection.
                connector=aiohttp.TCPConnector(limit=20, keepalive_timeout=10),
                timeout=aiohttp.ClientTimeout(total=None),
                trust_env=False,
            )
        return self._session

    async def info(self) -> Info:
        """Who is there. AriError unless it is an Asterisk that callctl may drive."""
        try:
            before = time.time()
            said = await self.get(("asterisk", "info"))
            after = time.time()
            version, booted = str(said["system"]["version"]), str(said["status"]["startup_time"])
        except RequestFailedError as error:
            if error.status == 503:
                raise UnreachableError(f"{self.address.where}: Asterisk is still starting") from None
            raise NotAsteriskError(
                f"{self.address.where} answers {error.status} to asterisk/info: no ARI there "
                f"(is it enabled in ari.conf, and res_ari_asterisk.so loaded?)"
            ) from None
        except (KeyError, TypeError):
            raise NotAsteriskError(f"{self.address.where} answers, but not as Asterisk's ARI does") from None
        check_version(version)
        return Info(version, booted, await self._offset((before + after) / 2))

    async def _offset(self, guess: float) -> float:
        """Asterisk's ${EPOCH} has whole seconds: half a second is added, being right within half a second."""
        try:
            sent = time.time()
            said = await self.get(("asterisk", "variable"), {"variable": "EPOCH"})
            return float(said["value"]) + 0.5 - (sent + time.time()) / 2
        except (RequestFailedError, KeyError, TypeError, ValueError):
            return 0.0


def _message(text: str) -> str:
    with contextlib.suppress(ValueError, AttributeError, TypeError):
        said = json.loads(text)
        return str(said.get("message") or said.get("error") or "")[:200]
    return text[:80]


def _refusal(status: int, address: AriAddress) -> AriError:
    if status == 401:
        return WrongPasswordError(
            f"{address.where} does not accept user {address.user!r} with this password (see ari.conf)"
        )
    if status == 403:
        return WrongPasswordError(
            f"{address.where} forbids user {address.user!r} to act (read_only or an ACL in ari.conf)"
        )
    if status == 503:
        return UnreachableError(f"{address.where}: Asterisk is still starting")
    return NotAsteriskError(f"{address.where} answers {status} to the WebSocket's request: no ARI there")


def _unreachable(error: BaseException, address: AriAddress) -> AriError:
    if isinstance(error, TimeoutError):
        return UnreachableError(f"{address.where} does not answer in time")
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError):
        return NotAsteriskError(f"{address.where} does not speak HTTP as Asterisk does")
    return UnreachableError(f"{address.where} cannot be reached: {_short(error)}")


def _short(error: BaseException) -> str:
    inner = getattr(error, "os_error", None)
    text = str(getattr(inner, "strerror", None) or error or type(error).__name__)
    return text.splitlines()[0][:120] if text else type(error).__name__
