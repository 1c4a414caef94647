"""Importing a long list: rows a second, what they cost in CPU time, and what memory it wants.

A million rows, one in a hundred bad, by `callctl contacts import` as a process of its own into a real Postgres, whose
CPU time is told beside it: on few cores it is a part of the wall time.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from callctl.store.embedded import EmbeddedPostgres
from callctl.store.migrate import migrate
from callctl.store.pool import connect
from tests.bench.cpu import tree_seconds

ROWS = 1_000_000
BAD = 100
"""One row of so many is bad."""
Say = Callable[[str], None]
HEADINGS = ("id", "First name", "Last name", "Phone", "Mobile", "City", "Amount due")
_AREAS = ("212", "305", "415", "617", "713", "312", "808", "907", "206", "404")
_CITIES = ("Springfield", "Zürich", "New York", "Saint-Étienne")
_BAD = ("", "4.15555E+09", "+1 555", "415-555-0100 x12", "=1+1", "n/a")


def people(count: int, seed: int = 1) -> Iterator[tuple[str, ...]]:
    """Rows of a list: two numbers each, of the US, in several styles."""
    draw = random.Random(seed)
    for n in range(count):
        bad = n % BAD == BAD - 1
        first = draw.choice(_BAD) if bad else "+1" + _number(draw)
        number = _number(draw)
        second = "" if bad else f"({number[:3]}) {number[3:6]}-{number[6:]}"
        yield (
            *(f"C{n:07d}", f"Ana{draw.randrange(5000)}", f"Smith{draw.randrange(50000)}", first, second),
            *(
                draw.choice(("Springfield", "Zürich", "New York", "Saint-Étienne")),
                f"{draw.randrange(100000) / 100:.2f}",
            ),
        )


def _number(draw: random.Random) -> str:
    return f"{draw.choice(_AREAS)}{draw.randrange(200, 1000)}{draw.randrange(10000):04d}"


def write(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEADINGS)
        out.writerows(people(count))


def run(say: Say, rows: int = ROWS) -> str:
    """The figures, as a table."""
    folder = Path(tempfile.mkdtemp(prefix="callctl-bench-"))
    server = EmbeddedPostgres(folder / "postgres", supervise=False)
    folder.chmod(0o711)
    try:
        return asyncio.run(_run(server, folder, rows, say))
    finally:
        asyncio.run(server.stop())
        shutil.rmtree(folder, ignore_errors=True)


async def _run(server: EmbeddedPostgres, folder: Path, rows: int, say: Say) -> str:
    url = await server.start()
    connection = await connect(url)
    await migrate(connection)
    await connection.close()
    file = folder / "people.csv"
    write(file, rows)
    config = _config(folder, url)
    size = file.stat().st_size / 2**20
    lines = [f"{rows:,} rows, {size:.0f} MiB, two numbers a row, {100 / BAD:.0f} % of them bad", ""]
    lines += [
        "| import | rows/s | wall | its CPU a row | Postgres' CPU a row | peak RSS |",
        "|---|---|---|---|---|---|",
    ]
    for what, flags in (("into an empty list", ()), ("again, skip", ()), ("again, update", ("--duplicates", "update"))):
        say(what)
        lines.append(f"| {what} | {await asyncio.to_thread(_measure, server, file, config, flags)} |")
    return "\n".join(lines)


def _config(folder: Path, url: str) -> Path:
    config = folder / "config"
    config.mkdir()
    (config / "secret").write_text(url)
    (config / "secret").chmod(0o600)
    (config / "callctl.yaml").write_text(
        "country: US\nnodes: {pbx: {ari: {url: 'http://127.0.0.1:1/ari', password: file:secret},"
        " ami: {port: 1, password: file:secret}}}\ndatabase: {url: file:secret}\n"
        'numbers: {"+12125550100": {hang_up: normal}}\ntrunks: {out: {kind: ip, host: 192.0.2.9}}\n'
        "menus: {said: {prompts: [sound:hello-world], options: {9: {opt_out: {}}}, give_up: {hang_up: normal}}}\n"
        "campaigns: {bench: {kind: sales, mode: broadcast, message: said, trunks: [out],"
        " caller_ids: [{number: '+12125550100', verified: a bench}]}}\n"
    )
    return config


def _measure(server: EmbeddedPostgres, file: Path, config: Path, flags: tuple[str, ...]) -> str:
    """One import, as a row of the table."""
    assert server.pid is not None
    command = [sys.executable, "-m", "callctl", "contacts", "import", str(file), "--campaign", "bench", "--json"]
    servers, began = tree_seconds(server.pid), time.monotonic()
    with subprocess.Popen([*command, "--config", str(config), *flags], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the import ended with {process.returncode}")
    wall, read = time.monotonic() - began, json.loads(told)["read"]
    own, its = used.ru_utime + used.ru_stime, tree_seconds(server.pid) - servers
    costs = f"{own / read * 1e6:.0f} µs | {its / read * 1e6:.0f} µs"
    return f"{read / wall:,.0f} | {wall:.1f} s | {costs} | {used.ru_maxrss / 1024:.0f} MiB"
