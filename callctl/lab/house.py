"""The whole house on this machine: Asterisk, callctl and the telephone network, for the demo and the tests.

callctl is started as its users start it: `callctl run` on config/, with an overlay for what differs here (ports,
folders, the trunk's address). Its Postgres is its own.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from callctl.api.client import Client, NoDaemonError, RefusedError
from callctl.lab.database import put_empty
from callctl.lab.install import Installation
from callctl.lab.network import Network
from callctl.lab.node import REPOSITORY, Node
from callctl.lab.phones import Account
from callctl.lab.ports import HOST, free_tcp
from callctl.lab.proxy import Proxy
from callctl.settings import create_missing, load
from callctl.settings.folder import read_all
from callctl.store.embedded import EmbeddedPostgres
from callctl.store.postmaster import die_with_parent

Overlay = Mapping[str, Any]
"""YAML to lay over config/, by its top-level keys."""

START_SECONDS = 60.0
STOP_SECONDS = 10.0
UNAVAILABLE = 503


class HouseError(RuntimeError):
    """A part of the house did not come up or go down; says what its log says."""


class Daemon:
    """One callctl process."""

    def __init__(self, config: Path, overlay: Path, folder: Path, socket: Path, http_port: int) -> None:
        self.config = config
        self.overlay = overlay
        self.log = folder / "callctl.log"
        self.url = f"http://{HOST}:{http_port}"
        self.client = Client(socket)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """None: it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self, *, ready: bool = True) -> None:
        """Start it; return when it is ready, or (`ready` false) at once."""
        # As where it is installed: Python finds its modules compiled, and need not do it at each start.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "callctl", "run", "--config", str(self.config), "--overlay", str(self.overlay),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment,
                preexec_fn=die_with_parent,
            )  # fmt: skip
        if ready:
            await self.until_ready()

    async def until_ready(self, timeout: float = START_SECONDS) -> None:
        """Wait for /readyz. HouseError with the log's end when it does not come."""
        why = "nothing answers"
        try:
            async with asyncio.timeout(timeout), aiohttp.ClientSession() as session:
                while True:
                    if self.pid is None:
                        raise HouseError(f"callctl ended: {self.tail()}")
                    try:
                        async with session.get(f"{self.url}/readyz") as answer:
                            body = await answer.json()
                            if body["ready"]:
                                return
                            why = "; ".join(body["reasons"])
                    except aiohttp.ClientError:
                        pass
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise HouseError(f"callctl is not ready after {timeout:g} s ({why}): {self.tail()}") from None

    async def reasons(self) -> list[str]:
        """Why it is not ready, by /readyz; empty: it is, or nothing answers yet."""
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/readyz") as answer:
                return [str(reason) for reason in (await answer.json())["reasons"]]
        except aiohttp.ClientError:
            return []

    async def wait_ended(self, timeout: float = 20.0) -> int:
        """Wait until it ends by itself; its exit code. HouseError: it did not."""
        assert self._process is not None
        try:
            async with asyncio.timeout(timeout):
                return await self._process.wait()
        except TimeoutError:
            raise HouseError(f"callctl did not end in {timeout:g} s: {self.tail()}") from None

    async def stop(self) -> int:
        """SIGTERM, and wait; returns the exit code. HouseError: it did not end in time, and was killed."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """SIGKILL, and wait."""
        await self._end(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it any other signal."""
        if self.pid is not None:
            os.kill(self.pid, number)

    async def _end(self, number: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        self.send_signal(number)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise HouseError(f"callctl did not end within {STOP_SECONDS:g} s of {number.name}: {self.tail()}") from None

    async def get(self, *parts: str, **query: str | int) -> dict[str, Any]:
        """Ask the control API."""
        return await asyncio.to_thread(self.client.get, *parts, **query)

    async def post(self, *parts: str, **body: str) -> dict[str, Any]:
        return await asyncio.to_thread(self.client.post, *parts, **body)

    async def insist(self, *parts: str, timeout: float = START_SECONDS) -> dict[str, Any]:
        """Post it until it is taken, also by one that starts now. NoDaemonError, RefusedError: not in `timeout` s."""
        until = time.monotonic() + timeout
        while True:
            try:
                return await self.post(*parts)
            except (NoDaemonError, RefusedError) as error:
                unavailable = isinstance(error, NoDaemonError) or error.status == UNAVAILABLE
                if not unavailable or time.monotonic() > until:
                    raise
                await asyncio.sleep(0.2)

    async def command(self, *words: str) -> str:
        """What `callctl WORDS` prints. HouseError, with that: it failed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callctl", *words, "--config", str(self.config), "--overlay", str(self.overlay),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said = (await process.communicate())[0].decode(errors="replace").strip()
        if process.returncode != 0:
            raise HouseError(f"callctl {' '.join(words)}: {said}")
        return said

    async def metrics(self) -> dict[str, float]:
        """Every sample of /metrics, by its name with labels as Prometheus writes it."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    async def until(
        self, what: str, parts: tuple[str, ...], holds: Callable[[dict[str, Any]], bool], timeout: float = 15.0
    ) -> dict[str, Any]:
        """Ask the control API until its answer holds; returns that answer. HouseError: it never did."""
        answer: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout):
                while True:
                    try:
                        answer = await self.get(*parts)
                        if holds(answer):
                            return answer
                    except NoDaemonError:
                        pass
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise HouseError(f"waited {timeout:g} s for {what}, in vain; last: {answer}") from None

    def tail(self, lines: int = 25) -> str:
        """The end of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


class House:
    """Asterisk, callctl and the network. `folder` is kept: logs and the overlay. The database goes with the house."""

    def __init__(
        self,
        installation: Installation,
        folder: Path,
        changes: Overlay | None = None,
        *,
        config: Path = REPOSITORY / "config",
        phones: Iterable[str] | None = None,
        wire: bool = False,
    ) -> None:
        """`wire`: callctl reaches Asterisk's ARI over `self.wire`, which can be cut."""
        self.folder = folder
        self.config = config
        self.since = datetime.now(UTC)
        """A database that is not the house's own may hold older calls."""
        self.node = Node(installation)
        self.wire = Proxy(self.node.ports.http) if wire else None
        self.overlay = folder / "overlay"
        self._here: Overlay = {}
        # Not below `folder`: a socket's path must be short, and Postgres, which runs as nobody, must get there.
        self._state = tempfile.TemporaryDirectory(prefix="callctl-", ignore_cleanup_errors=True)
        os.chmod(self._state.name, 0o711)
        self.state = Path(self._state.name)
        socket, port = self.state / "control.sock", free_tcp()
        self._write_secret("ari", self.node.secrets.ari)
        self._write_secret("ami", self.node.secrets.ami)
        self.change(changes or {})
        create_missing(config, self.overlay)
        self.network = Network(installation, self.node.ports.sip, self._accounts(phones))
        self._here = self._differences(socket, port)
        self.change(changes or {})
        self.daemon = Daemon(config, self.overlay, folder, socket, port)

    def _write_secret(self, name: str, value: str) -> None:
        path = self.overlay / "secrets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value + "\n", encoding="ascii")
        path.chmod(0o600)

    def secret(self, name: str) -> str:
        """A password of this house: of a phone, say."""
        return (self.overlay / "secrets" / name).read_text(encoding="ascii").strip()

    def change(self, changes: Overlay) -> None:
        """Lay other changes over config/; in force at the next reload or start."""
        merged = laid_over(self._here, changes)
        (self.overlay / "here.yaml").write_text(yaml.safe_dump(merged, sort_keys=False), encoding="utf-8")

    def _differences(self, socket: Path, port: int) -> Overlay:
        """What differs on this machine."""
        ports, trunk = self.node.ports, self.network.trunk_port
        url = self.node.ari_url if self.wire is None else f"http://{HOST}:{self.wire.port}/ari"
        return {
            "nodes": {
                "pbx": {
                    "ari": {"url": url},
                    "ami": {"port": ports.ami},
                    "include_dir": str(self.node.generated),
                }
            },
            "http": {"port": port},
            "control_socket": str(socket),
            "state_dir": str(self.state),
            "speech": {"folder": str(self.node.folder / "spoken"), "seen_as": str(self.node.inside / "spoken")},
            "log": {"level": "debug", "format": "json"},
            "trunks": {"carrier": {"host": HOST, "port": trunk, "match": [f"{HOST}:{trunk}"], "qualify": "5s"}},
        }

    def _accounts(self, names: Iterable[str] | None) -> Iterable[Account]:
        phones = read_all(self.config, self.overlay)[0].root.get("phones")
        assert isinstance(phones, dict)
        for name in phones if names is None else names:
            yield Account(str(name), self.secret(str(name)))

    # ── life ─────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Everything up: the node, callctl ready, the network, its phones registered and reachable."""
        if self.wire is not None:
            await self.wire.start()
        await asyncio.gather(self.node.start(), put_empty(self.state / "postgres"))
        # The phones first register a second after their boot: callctl has made their accounts by then.
        await asyncio.gather(self.network.start(), self.daemon.start())
        await self.phones_reachable()

    async def start_daemon(self) -> None:
        """callctl for the first time: its database is a copy of an empty one."""
        await put_empty(self.state / "postgres")
        await self.daemon.start()

    async def phones_reachable(self, timeout: float = 30.0) -> None:
        """Wait until callctl knows that every phone of the network can be rung."""
        wanted = set(self.network.phones)

        def reached(answer: dict[str, Any]) -> bool:
            unreachable = {a["phone"]["id"] for a in answer["agents"] if a["phone"]["state"] == "unreachable"}
            return not (unreachable & wanted)

        await self.daemon.until("the phones to be reachable", ("agents",), reached, timeout)

    async def stop(self) -> None:
        """Everything down, also when a part fails; nothing is left running."""
        trouble: list[str] = []

        async def end(name: str, stopping: Callable[[], Awaitable[object]]) -> None:
            try:
                await stopping()
            except Exception as error:
                trouble.append(f"{name}: {error}")

        await end("callctl", self.daemon.stop)
        await asyncio.gather(end("network", self.network.stop), end("node", self.node.stop))
        if self.wire is not None:
            await end("wire", self.wire.stop)
        for log, name in ((self.node.log, "asterisk.log"), (self.network.asterisk.log, "network.log")):
            if log.exists():
                shutil.copyfile(log, self.folder / name)
        self.network.remove()
        self.node.remove()
        self._state.cleanup()
        if trouble:
            raise HouseError("; ".join(trouble))


def database_url(config: Path, overlay: Path) -> str:
    """Where the calls are stored: in the configured database, or in callctl's own. SettingsError: cannot be told."""
    database = load(config, overlay).daemon.database
    return EmbeddedPostgres(database.data_dir).url() if database.url is None else database.url.reveal()


def laid_over(base: Overlay, changes: Overlay) -> dict[str, Any]:
    """Mappings key by key; anything else is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = laid_over(old, value) if both else value  # type: ignore[arg-type]
    return merged


@asynccontextmanager
async def house(
    installation: Installation,
    folder: Path,
    changes: Overlay | None = None,
    *,
    phones: Iterable[str] | None = None,
    wire: bool = False,
) -> AsyncIterator[House]:
    """A house that is up inside the block and gone after it."""
    built = House(installation, folder, changes, phones=phones, wire=wire)
    try:
        await built.start()
        yield built
    finally:
        await built.stop()
