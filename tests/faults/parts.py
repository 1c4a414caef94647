"""The parts of the house, each of which can be broken by itself: callctl, Asterisk, the link between, Postgres."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from callctl.lab.database import put_empty
from callctl.lab.house import House, Overlay
from callctl.lab.install import Installation
from callctl.lab.proxy import Proxy
from callctl.store.embedded import EmbeddedPostgres
from callctl.store.pool import TROUBLE
from tests.faults.observer import Observer

MENU, SALES, SUPPORT = "+442079460000", "+442079460001", "+442079460002"
QUEUES = ("sales", "support", "operator")
SHIPPED = tuple(f"agent{n}" for n in range(1, 9))
"""The agents that config/ has for callers."""
PATIENCE = 60.0
"""Seconds for which a part may be on its way back before the run is given up."""


QUICK: Overlay = {"wrap_up": "1s", "ring_timeout": "5s"}
RICH: dict[str, Overlay] = {
    "sales": {"whisper": ["sound:silence/1"], "words": {"first": "1s", "every": "5s", "position": True}},
    "support": {"strategy": "ring-progressively", "ring_more": "1s", "max_waiting": 10_000},
}
"""What the queues have beside that."""


class Failure(RuntimeError):
    """The run cannot go on: a part does not come back, say."""


class Parts:
    """What there is to break. `node_deaths` are the times (monotonic, seconds) of Asterisk's kill and its return."""

    def __init__(self, installation: Installation, folder: Path, agents: int) -> None:
        changes = _changes(agents)
        self.house = House(installation, folder, changes, wire=True)
        self.database = Database(self.house.state / "database")
        self.observer = Observer(self.house.node)
        self.node_deaths: list[tuple[float, float]] = []
        self.on_node_death: Callable[[], object] = lambda: None
        self._changes = changes
        self._ari: aiohttp.ClientSession | None = None
        node = self.house.node
        manager = (node.etc / "manager.conf").read_text(encoding="utf-8")
        node.write("manager.conf", manager + _observer(node.secrets.ami))
        node.write("stasis.conf", "")  # the heartbeat is a variable, and the shipped PBX tells nobody of those

    @property
    def wire(self) -> Proxy:
        assert self.house.wire is not None
        return self.house.wire

    async def start(self) -> None:
        """Everything up, agents logged in and reachable."""
        house = self.house
        await put_empty(self.database.server.folder)
        await asyncio.gather(house.node.start(), self.wire.start(), self.database.start())
        secret = house.overlay / "secrets" / "database"
        secret.write_text(self.database.server.url() + "\n", encoding="ascii")
        secret.chmod(0o600)
        await self.observer.connect()
        house.change({**self._changes, "database": {"url": "file:secrets/database"}})
        await asyncio.gather(house.network.start(), house.daemon.start())
        await house.phones_reachable(PATIENCE)
        await self.in_charge()

    async def stop(self) -> None:
        """Everything down, whatever state it was left in."""
        self.house.daemon.send_signal(signal.SIGCONT)
        self.database.thaw()
        if self._ari is not None:
            await self._ari.close()
        try:
            await self.observer.close()
            await self.house.daemon.stop()
            await self.database.stop()
        finally:
            await self.house.stop()

    async def kill_node(self) -> None:
        """Asterisk dies; whoever is on the line hangs up: nothing comes from there any more."""
        began = time.monotonic()
        await self.house.node.kill()
        self.node_deaths.append((began, float("inf")))
        self.on_node_death()

    async def start_node(self) -> None:
        """Asterisk is started again, as a machine's service manager does."""
        await self.house.node.start()
        self.node_deaths[-1] = (self.node_deaths[-1][0], time.monotonic())

    async def in_charge(self, since: float | None = None) -> float:
        """Wait until callctl answers for new calls: Asterisk had its heartbeat after `since` (monotonic, seconds; now
        if not given), and it says that it is ready. Returns the seconds from now.

        Failure: not within PATIENCE.
        """
        began = time.monotonic()
        since = began if since is None else since
        try:
            async with asyncio.timeout(PATIENCE):
                while self.observer.beat_at <= since or not await self._ready():  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.02)
        except TimeoutError:
            said = await self.house.daemon.reasons()
            raise Failure(
                f"callctl is not in charge after {PATIENCE:g} s ({said}): {self.house.daemon.tail()}"
            ) from None
        return time.monotonic() - began

    async def _ready(self) -> bool:
        with suppress(aiohttp.ClientError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{self.house.daemon.url}/readyz") as answer,
            ):
                return answer.status == 200
        return False

    async def ari(self, *path: str, **query: str) -> Any:
        """Ask Asterisk directly, not over the wire; None: it has none such, or does not answer."""
        node = self.house.node
        if self._ari is None:
            headers = {"Authorization": aiohttp.encode_basic_auth("callctl", node.secrets.ari)}
            self._ari = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(5))
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self._ari.get("/".join((node.ari_url, *path)), params=query) as answer:
                return await answer.json() if answer.status == 200 else None
        return None


class Database:
    """A Postgres of its own, which does not depend on callctl's life, nor is started again by anybody but us."""

    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedPostgres(folder, supervise=False)

    async def start(self) -> None:
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop()

    def kill(self) -> None:
        """SIGKILL to the server; its children notice and end."""
        if (pid := self.server.pid) is not None:
            os.kill(pid, signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP to all of it: connections stay open and silent."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in _sitting_in(self.server.folder / "data"):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    async def fetch(self, query: str, timeout: float = 5.0) -> list[asyncpg.Record] | None:
        """The rows; None: it does not answer just now."""
        try:
            async with asyncio.timeout(timeout):
                connection = await asyncpg.connect(self.server.url())
                try:
                    return list(await connection.fetch(query))
                finally:
                    connection.terminate()
        except TROUBLE:
            return None


def _sitting_in(folder: Path) -> Iterable[int]:
    """A Postgres and its children sit in its data folder."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and os.readlink(entry / "cwd") == str(folder):
                yield int(entry.name)


def _changes(agents: int) -> Overlay:
    """The shipped configuration with more agents, who all serve all queues, and short times; callers are told their
    place, agents hear a whisper, have skills, and ring one after the other."""
    more = range(301, 301 + agents - len(SHIPPED))
    own = {f"agent{n}": {"name": f"Agent {n}", "phone": f"phone{n}"} for n in more}
    return {
        "phones": {f"phone{n}": {"extension": n, "password": f"file:secrets/phone{n}"} for n in more},
        "agents": {
            name: {
                **own.get(name, {}),
                "queues": list(QUEUES),
                "default": "available",
                "skills": {"billing": 1 + at * 7 % 100},
            }
            for at, name in enumerate((*SHIPPED, *own))
        },
        "queues": {queue: {**QUICK, **RICH.get(queue, {})} for queue in QUEUES},
        "menus": {"main": {"prompts": ["sound:hello-world"], "timeout": "3s"}},
        "trunks": {"carrier": {"max_channels": 1000}},
    }  # fmt: skip


def _observer(secret: str) -> str:
    """A manager of Asterisk's for the books: the few events that they need, of every channel."""
    lines = ["", "[observer]", f"secret={secret}", "read=call,dialplan,user", "write=reporting", "writetimeout=5000"]
    lines += [f"eventfilter(action(include),name({name})) =" for name in ("BridgeEnter", "BridgeLeave", "Hangup")]
    for name, header, value in (
        ("Newexten", "Application", "Stasis"),
        ("VarSet", "Variable", "STASISSTATUS"),
        ("VarSet", "Variable", "CC_ALIVE_UNTIL"),
        ("UserEvent", "UserEvent", "CallctlFallback"),
    ):
        lines.append(f"eventfilter(action(include),name({name}),header({header}),method(exact)) = {value}")
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def parts(installation: Installation, folder: Path, agents: int) -> AsyncIterator[Parts]:
    """Up inside the block, gone after it."""
    built = Parts(installation, folder, agents)
    try:
        await built.start()
        yield built
    finally:
        await built.stop()
