"""A real Prometheus beside the house: this machine's, or Debian's package unpacked into the cache."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from callctl.lab.install import InstallError, cache_folder
from callctl.lab.ports import HOST, free_tcp

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "prometheus"
TRIES = 3


@dataclass(frozen=True)
class Programs:
    prometheus: str
    promtool: str


def ensure(cache: Path | None = None) -> Programs:
    """Both programs. InstallError when they are neither here nor to be had from this machine's Debian mirror."""
    names = ("prometheus", "promtool")
    found = [shutil.which(name) for name in names]
    if all(found):
        return Programs(str(found[0]), str(found[1]))
    folder = (cache or cache_folder()) / "prometheus"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "lock"):
        if not (folder / ".complete").exists():
            _unpack(folder)
            (folder / ".complete").touch()
    return Programs(*(str(folder / "usr/bin" / name) for name in names))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _unpack(folder: Path) -> None:
    """By apt, with lists of our own: nothing of this machine's is changed, and its mirrors are used."""
    (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
    ours = ["-q", "-o", f"Dir::State::Lists={folder / 'lists'}", "-o", f"Dir::Cache={folder}"]
    ours += ["-o", "APT::Sandbox::User=root", "-o", f"Acquire::Retries={TRIES}"]
    _run(["apt-get", *ours, "update"], folder)
    _run(["apt-get", *ours, "download", "prometheus"], folder)
    _run(["dpkg-deb", "-x", str(next(folder.glob("prometheus_*.deb"))), str(folder)], folder)
    shutil.rmtree(folder / "lists")


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip()[-500:]
        raise InstallError(f"no Prometheus is installed, and `{command[0]}` could not get one: {said}") from None


class Prometheus:
    """One that runs. `query` asks it."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that it gives now. ValueError: it says that the expression is wrong."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/api/v1/query", data={"query": expression}) as answer,
        ):
            body = await answer.json()
        if body["status"] != "success":
            raise ValueError(f"{expression}: {body.get('error')}")
        return list(body["data"]["result"])

    async def until(self, expression: str, timeout: float = 30) -> list[dict[str, Any]]:
        """Until it gives any. TimeoutError names the expression."""
        try:
            async with asyncio.timeout(timeout):
                while not (found := await self.query(expression)):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.3)
                return found
        except TimeoutError:
            raise TimeoutError(f"no data in {timeout:g} s for {expression}") from None


@asynccontextmanager
async def running(programs: Programs, folder: Path, target: str) -> AsyncIterator[Prometheus]:
    """On the shipped configuration, but scraping `target` (host:port) every second."""
    config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    config["rule_files"] = [str(SHIPPED / name) for name in config["rule_files"]]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    port = free_tcp()
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            programs.prometheus,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{port}",
            stdout=log,
            stderr=log,
        )
    try:
        served = Prometheus(f"http://{HOST}:{port}")
        await _until_ready(served, process, folder / "log")
        yield served
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _until_ready(served: Prometheus, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            if process.returncode is not None:
                raise InstallError(f"Prometheus ended at once: see {log}")
            try:
                async with session.get(f"{served.url}/-/ready") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
