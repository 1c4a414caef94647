"""`make demo`: the real thing on this machine, seen live. Real Asterisk, SIP, audio, Postgres; simulated people.

A second Asterisk plays the telephone network: its callers press digits and send a tone, its phones register and
answer. Nothing is left running, and nothing is kept but what the commands install (.venv/, .cache/) and the logs of
the last run (.demo/).
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import os
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog
from rich.console import Console
from rich.live import Live

from callctl.api.client import NoDaemonError
from callctl.lab.asterisk import AsteriskError
from callctl.lab.campaign import CHANGES as CAMPAIGN_CHANGES
from callctl.lab.campaign import Campaign
from callctl.lab.house import House, HouseError, laid_over
from callctl.lab.install import Installation, InstallError, ensure
from callctl.lab.people import People
from callctl.lab.report import Report, report
from callctl.lab.view import draw
from callctl.lab.watched import Watched
from callctl.settings import SettingsError
from callctl.store.errors import StoreError

FOLDER = Path(".demo")
LOCK = "lock"
INTERRUPTED = 130
CHANGES = {
    "queues": {
        "sales": {"wrap_up": "3s", "ring_timeout": "10s"},
        "support": {"wrap_up": "3s", "ring_timeout": "10s"},
        "operator": {"wrap_up": "3s", "ring_timeout": "10s"},
    }
}
"""A livelier pace than config/ has."""
REFRESH = 0.25


def main(argv: list[str] | None = None) -> int:
    """Run the demo; 0: everything went as it should."""
    args = _parser().parse_args(argv)
    console = Console()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        with _alone():
            installation = ensure(console=console)
            return asyncio.run(Demo(args, console).run(installation))
    except (InstallError, HouseError, AsteriskError, SettingsError, StoreError, NoDaemonError) as error:
        console.print(f"[red]The demo stopped:[/red] {error}", highlight=False)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


@contextmanager
def _alone() -> Iterator[None]:
    """One demo at a time in this folder. HouseError: another runs."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HouseError(f"another demo runs in this folder ({FOLDER.absolute()}); end it first") from None
        yield


class Demo:
    """One run of the demo."""

    def __init__(self, args: argparse.Namespace, console: Console) -> None:
        self._args = args
        self._console = console
        self._stop = asyncio.Event()
        self._began = time.monotonic()

    async def run(self, installation: Installation) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        house = self._house(installation)
        result = None
        try:
            if not await self._start(house):
                return INTERRUPTED
            if self._args.no_people:
                await self._watch(Watched(house))
                return 0
            people = People(house.network, seed=self._args.seed, pause=self._args.pause)
            campaign = Campaign(house, seed=self._args.seed)
            if not await self._prepare(people, campaign):
                return INTERRUPTED
            watched = Watched(house, people, campaign)
            await self._watch(watched)
            result = await report(house, people.tally, campaign.customers, watched.restarts)
        finally:
            with self._console.status("Stopping everything ..."):
                await house.stop()
        self._print(result)
        return 0 if result.ok else 1

    def _hung_up(self) -> None:
        """The terminal is gone: nothing can be shown any more, everything is still to be ended."""
        self._console.file = open(os.devnull, "w")  # noqa: SIM115 - until the process ends
        self._stop.set()

    def _house(self, installation: Installation) -> House:
        """Fresh in an empty folder."""
        for old in FOLDER.iterdir():
            if old.name != LOCK:
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        if self._args.no_people:
            return House(installation, FOLDER.absolute(), phones=())
        return House(installation, FOLDER.absolute(), laid_over(CHANGES, CAMPAIGN_CHANGES))

    async def _start(self, house: House) -> bool:
        """False: somebody stopped it meanwhile."""
        return await self._steps(
            ("Starting Asterisk", house.node.start),
            ("Starting callctl and its Postgres", house.start_daemon),
            ("Starting the telephone network", house.network.start),
            ("Waiting for the phones to register", house.phones_reachable),
        )

    async def _prepare(self, people: People, campaign: Campaign) -> bool:
        """False: somebody stopped it meanwhile."""

        async def told() -> None:
            await asyncio.gather(people.agents_ready(), campaign.customers.ready())

        return await self._steps(
            ("Telling phones and people how to answer", told),
            (f"Importing a list of {len(campaign.customers.people)} people", campaign.take_list),
            ("Opening the lines of the campaign's agents", campaign.staff),
        )

    async def _steps(self, *steps: tuple[str, Callable[[], Awaitable[object]]]) -> bool:
        for what, step in steps:
            began = time.monotonic()
            with self._console.status(f"{what} ..."):
                await step()
            self._console.print(f"[green]✓[/green] {what} [dim]{time.monotonic() - began:.1f} s[/dim]", highlight=False)
            if self._stop.is_set():
                return False
        return True

    async def _watch(self, watched: Watched) -> None:
        """Show the house until the time is over or somebody presses Ctrl-C; then until the last call has ended."""
        done = asyncio.gather(self._end_in_time(), *watched.goes_on(self._stop))
        console, picture = self._console, None
        with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
            while not done.done():
                scene = await watched.look()  # to the very end: a callctl that has ended is started again by it
                if console.is_terminal or not self._stop.is_set():
                    picture = draw(scene, self._title(watched), watched.trouble, console.width)
                if console.is_terminal and picture is not None:
                    live.update(picture, refresh=True)
                await asyncio.wait((done,), timeout=REFRESH)
        await done
        if not console.is_terminal and picture is not None:  # how it was when it was to end
            console.print(picture)

    def _title(self, watched: Watched) -> str:
        left = "ending: waiting for the last call" if self._stop.is_set() else "Ctrl-C ends it"
        return f"callctl demo   {time.monotonic() - self._began:.0f} s   {watched.so_far}   {left}"

    async def _end_in_time(self) -> None:
        seconds = self._args.time
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        self._stop.set()

    def _print(self, result: Report) -> None:
        for part in result.shown():
            self._console.print(part, highlight=False)
        self._console.print(f"[dim]Log and configuration: {FOLDER}/ · again: --seed {self._args.seed}[/dim]")


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)?", text)
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time; right is 60s, 5m or 1h")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600, None: 1}[match[2]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--for", dest="time", type=_seconds, metavar="TIME", help="end by itself after 60s, 5m, 1h")
    parser.add_argument("--no-people", action="store_true", help="leave the phones to you: prints addresses")
    parser.add_argument("--pause", type=_seconds, default=2.5, metavar="TIME", help="mean time between callers (2.5s)")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="who does what (another each time if not given)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
