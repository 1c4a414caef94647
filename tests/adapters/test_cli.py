"""The command line as people run it: a process of its own, a real unix socket; behind that a fake Desk."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from callctl import __version__
from callctl.api.control import control_app
from callctl.api.ports import Condition, Reloaded
from callctl.api.server import listen_unix
from callctl.core.model import Available, LoggedOut, Paused
from tests.adapters.desk import ANA, CY, FIRE, OVER, TALKING, WAITING, FakeDesk

pytestmark = pytest.mark.adapter

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def callctl(*argv: str, socket: Path | None = None, env: dict[str, str] | None = None) -> Ran:
    """Run the command line; whatever happens, it never shows a traceback."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "200", **(env or {})}
    if socket is not None:
        environ["CALLCTL_SOCKET"] = str(socket)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "callctl",
        *argv,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert b"Traceback" not in err
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
async def socket(desk: FakeDesk, tmp_path: Path) -> AsyncIterator[Path]:
    server = await listen_unix(control_app(desk), tmp_path / "control.sock")
    yield tmp_path / "control.sock"
    await server.stop()


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


async def test_help_suffices() -> None:
    ran = await callctl("--help")
    assert ran.code == 0
    for word in ("run", "check", "explain", "reload", "exit codes: 0 good", "3 no daemon answers", "CALLCTL_SOCKET"):
        assert word in ran.out
    for command in ("run", "check", "calls", "agents", "explain", "db", "secrets", "plan", "campaign", "agent"):
        assert (await callctl(command, "--help")).code == 0


async def test_version() -> None:
    assert (await callctl("--version")).out == f"callctl {__version__}\n"


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("cals",),
        ("calls", "--ended", "0"),
        ("calls", "--ended", "x"),
        ("agents", "pauze", "ana"),
        ("agents", "pause"),
        ("agents", "login", "ana", "--reason", "x"),
        ("agent", "next"),
        ("agent", "jump", "ana"),
        ("campaign", "watch"),
        ("campaign", "watch", "spring", "--every", "0"),
        ("explain", "campaign"),
        ("run",),
        ("secrets", "--config", "config"),
    ],
)
async def test_wrong_usage_is_2(argv: tuple[str, ...]) -> None:
    ran = await callctl(*argv)
    assert ran.code == 2
    assert "callctl" in ran.err


@pytest.mark.parametrize("command", ["calls", "agents", "queues", "trunks", "voicemail", "status", "reload", "plan"])
async def test_no_daemon_is_3_and_names_the_socket(command: str, tmp_path: Path) -> None:
    ran = await callctl(command, socket=tmp_path / "none.sock")
    assert ran.code == 3
    assert ran.err == (
        f"callctl: control socket {tmp_path}/none.sock: no daemon listens there; "
        "start one with `callctl run --config DIR`\n"
    )


async def test_something_else_on_the_socket(tmp_path: Path) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-nonsense\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(babble, tmp_path / "x.sock")
    ran = await callctl("calls", "--socket", str(tmp_path / "x.sock"))
    server.close()
    assert ran.code == 3
    assert "does not speak as callctl does" in ran.err


async def test_the_socket_is_found_in_the_configuration_even_in_a_wrong_one(desk: FakeDesk, tmp_path: Path) -> None:
    (tmp_path / "callctl.yaml").write_text("control_socket: run/c.sock\nnodez: 5\n")
    server = await listen_unix(control_app(desk), tmp_path / "run" / "c.sock")
    ran = await callctl("queues", "--json", "--config", str(tmp_path))
    await server.stop()
    assert ran.code == 0
    assert ran.json["queues"][0]["id"] == "sales"


# ── looking ──────────────────────────────────────────────────────────────────────────────────────


async def test_calls_are_plain_text_in_a_pipe(socket: Path) -> None:
    ran = await callctl("calls", socket=socket)
    assert (ran.code, ran.err) == (0, "")
    head, *rows = ran.out.splitlines()
    assert head.split() == ["CALL", "PHASE", "AGE", "CALLER", "DIALLED", "FROM", "QUEUE", "AGENT"]
    waiting = next(row for row in rows if row.startswith(WAITING))
    assert waiting.split() == [WAITING, "queued", "20.0", "s", "+33…78", "+33…89", "carrier", "sales", "-"]
    shown = await callctl("calls", "--unmask", "--json", socket=socket)
    assert shown.json["calls"][0]["caller"] == "+33612345678"


async def test_a_terminal_gets_a_table_and_no_escape_from_outside(desk: FakeDesk, socket: Path) -> None:
    desk.world.calls[WAITING].dialled = "\x1b[31m[red]evil"
    leader, follower = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "callctl",
        "calls",
        env={**os.environ, "PYTHONPATH": str(ROOT), "CALLCTL_SOCKET": str(socket), "COLUMNS": "200", "TERM": "xterm"},
        stdout=follower,
    )
    assert await process.wait() == 0
    os.close(follower)
    out = os.read(leader, 65536).decode()
    os.close(leader)
    assert WAITING in out
    assert "─" in out
    assert "?[31m[red]evil" in out
    assert "\x1b[31m" not in out


async def test_watch_goes_on_through_an_outage_and_ends_with_ctrl_c(desk: FakeDesk, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    server = await listen_unix(control_app(desk), path)
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    environ = {"PYTHONPATH": str(ROOT), "CALLCTL_SOCKET": str(path), "COLUMNS": "200", "LINES": "50", "TERM": "xterm"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callctl", "queues", "--watch", "--every", "0.2"),
        env={**os.environ, **environ},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    await _until_shown(leader, "Who waits", "sales", "Ana", "Ctrl-C ends")
    await server.stop()
    await _until_shown(leader, "nothing new for")
    server = await listen_unix(control_app(desk), path)
    await _until_shown(leader, "callctl queues,")
    process.send_signal(signal.SIGINT)
    assert await _ended(process, leader) == 0
    os.close(follower)
    os.close(leader)
    await server.stop()


async def _ended(process: asyncio.subprocess.Process, terminal: int) -> int:
    """The exit code. The terminal is read on: who writes to a full one waits, whatever the signal."""
    ends = asyncio.ensure_future(process.wait())
    while not ends.done():
        with suppress(BlockingIOError):
            os.read(terminal, 65536)
        await asyncio.wait({ends}, timeout=0.05)
    return ends.result()


async def _until_shown(terminal: int, *words: str) -> None:
    """Until all of it has been on the screen."""
    shown = ""
    async with asyncio.timeout(20):
        while not all(word in shown for word in words):
            try:
                shown += os.read(terminal, 65536).decode(errors="replace")
            except BlockingIOError:
                await asyncio.sleep(0.05)


async def test_watch_is_for_terminals(socket: Path) -> None:
    ran = await callctl("queues", "--watch", socket=socket)
    assert (ran.code, ran.out) == (2, "")
    assert "--json" in ran.err
    ran = await callctl("queues", "--watch", "--every", "0", socket=socket)
    assert ran.code == 2


async def test_ended_calls(desk: FakeDesk, socket: Path) -> None:
    ran = await callctl("calls", "--ended", "5", socket=socket)
    assert ran.code == 0
    row = ran.out.splitlines()[1]
    assert row.startswith(OVER)
    for part in ("sales", "ana", "answered", "caller", "8.8 s", "1 min 18 s"):
        assert part in row
    desk.away = "the database is away: connection refused"
    ran = await callctl("calls", "--ended", "5", socket=socket)
    assert ran.code == 1
    assert "the database is away" in ran.err


async def test_explain(socket: Path) -> None:
    ran = await callctl("explain", OVER, socket=socket)
    assert ran.code == 0
    assert ran.out.splitlines()[0] == f"Call {OVER} has ended"
    assert "+3.300 s  Offered to Ben (ben): longest idle of 2 free in sales: 9.0 s" in ran.out
    assert "Pressed • in menu main: goes to queue sales" in ran.out
    assert "Pressed 1 " in (await callctl("explain", OVER, "--unmask", socket=socket)).out
    assert "is there now: connected" in (await callctl("explain", TALKING, socket=socket)).out
    ran = await callctl("explain", "bla", socket=socket)
    assert (ran.code, ran.out) == (1, "")
    assert "'bla' is no call id" in ran.err
    assert "a call id has 26 letters and digits" in ran.err


async def test_queues_trunks_agents_and_status(desk: FakeDesk, socket: Path) -> None:
    queues = (await callctl("queues", socket=socket)).out
    assert queues.split()[:6] == ["QUEUE", "WAITING", "OF", "THESE", "RINGING", "LONGEST"]
    assert "12.5 s" in queues
    trunks = (await callctl("trunks", socket=socket)).out
    assert "DOWN" in trunks
    assert "unknown" in trunks
    assert "logged_out" in (await callctl("agents", socket=socket)).out
    assert (await callctl("status", socket=socket)).code == 0
    desk.ready = (Condition("pbx.link", False, "connection refused"),)
    ran = await callctl("status", socket=socket)
    assert ran.code == 1
    assert "not ready" in ran.out
    assert "connection refused" in ran.out


async def test_mailboxes_and_their_messages(desk: FakeDesk, socket: Path) -> None:
    boxes = (await callctl("voicemail", socket=socket)).out
    assert boxes.splitlines()[1].split() == ["100", "Reception", "2", "1", "p-ana"]
    messages = (await callctl("voicemail", "100", socket=socket)).out
    assert "+33…78" in messages
    assert "heard" in messages
    assert "33612345678" in (await callctl("voicemail", "100", "--unmask", socket=socket)).out
    ran = await callctl("voicemail", "7", socket=socket)
    assert ran.code == 1
    assert "no such mailbox" in ran.err or "no mailbox" in ran.err


async def test_nothing_there_is_said(desk: FakeDesk, socket: Path) -> None:
    desk.world.calls.clear()
    assert (await callctl("calls", socket=socket)).out == "no calls\n"


# ── doing ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_switch_is_turned_and_listed(desk: FakeDesk, socket: Path) -> None:
    ran = await callctl("switch", socket=socket)
    assert ran.out.splitlines()[1].split() == ["fire", "off", "-", "-", "*70", "Everybody", "out"]
    ran = await callctl("switch", "fire", "on", socket=socket)
    assert (ran.code, ran.out.splitlines()[1].split()[:2]) == (0, ["fire", "ON"])
    assert f"api:uid={os.getuid()}" in ran.out
    assert FIRE in desk.world.switches
    assert (await callctl("switch", "fire", "--json", socket=socket)).json["on"] is True
    assert (await callctl("switch", "fire", "off", "--json", socket=socket)).json["on"] is False
    assert desk.world.switches == {}
    ran = await callctl("switch", "water", "on", socket=socket)
    assert (ran.code, ran.out) == (1, "")
    assert "there are fire" in ran.err


async def test_an_agent_logs_in_pauses_and_is_refused(desk: FakeDesk, socket: Path) -> None:
    ran = await callctl("agents", "login", "cy", socket=socket)
    assert (ran.code, ran.out) == (0, "cy: available, idle, phone unreachable\n")
    assert desk.world.agents[CY].status == Available()
    ran = await callctl("agents", "pause", "ana", "--reason", "lunch", socket=socket)
    assert ran.out.startswith("ana: paused (lunch)")
    assert desk.world.agents[ANA].status == Paused("lunch")
    await callctl("agents", "logout", "ana", socket=socket)
    assert desk.world.agents[ANA].status == LoggedOut()
    desk.refuse = "the phone has no contact"
    ran = await callctl("agents", "login", "ana", socket=socket)
    assert (ran.code, ran.err) == (1, "callctl: login of ana is refused: the phone has no contact\n")
    ran = await callctl("agents", "login", "annna/../x?y", socket=socket)
    assert ran.code == 1
    assert "no agent has the id 'annna/../x?y'" in ran.err


async def test_plan_and_reload(desk: FakeDesk, socket: Path) -> None:
    ran = await callctl("plan", socket=socket)
    assert (ran.code, ran.out) == (0, "a reload would change:\n  queues.sales.wrap_up: 10 s → 5 s\n")
    assert (await callctl("reload", socket=socket)).out.startswith("reloaded:\n")
    desk.reloaded = Reloaded(False, "", problems=("config/q.yaml:3:5: queues.sales: wrong; right",))
    ran = await callctl("reload", socket=socket)
    assert ran.code == 2
    first, last = ran.err.splitlines()
    assert first == "config/q.yaml:3:5: queues.sales: wrong; right"
    assert "nothing was changed" in last


# ── without a daemon ─────────────────────────────────────────────────────────────────────────────


async def test_check_tells_every_mistake_and_counts_what_is_good(tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config, ignore=shutil.ignore_patterns("secrets"))
    ran = await callctl("check", "--config", str(config))
    assert ran.code == 2
    assert "callctl.yaml:" in ran.err
    assert ran.err.splitlines()[-1].endswith("nothing can be applied")
    made = await callctl("secrets", "--create", "--config", str(config))
    assert made.code == 0
    assert made.out.startswith("made ")
    assert (await callctl("secrets", "--create", "--config", str(config))).out == "nothing is missing\n"
    ran = await callctl("check", "--config", str(config))
    assert ran.code == 0
    assert ran.out.startswith(f"{config}: good: 1 node, 1 trunk, 7 numbers, ")
    as_json = (await callctl("check", "--json", "--config", str(config))).json
    assert as_json["ok"] is True
    assert as_json["counts"]["agents"] > 0
    (config / "queues.yaml").write_text("queues:\n  sales: {wrap_upp: 5s}\n")
    ran = await callctl("check", "--json", "--config", str(config))
    assert ran.code == 2
    assert any("queues.yaml:2:11: queues.sales.wrap_upp" in problem for problem in ran.json["problems"])


async def test_run_with_a_wrong_configuration(tmp_path: Path) -> None:
    ran = await callctl("run", "--config", str(tmp_path / "nowhere"))
    assert ran.code == 2
    assert f"{tmp_path}/nowhere: the configuration's folder cannot be read" in ran.err


async def test_migrate_says_which_database_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config, ignore=shutil.ignore_patterns("secrets"))
    (config / "db.yaml").write_text("database: {url: env:DATABASE_URL}\n")
    await callctl("secrets", "--create", "--config", str(config))
    env = {"DATABASE_URL": "postgresql://user:hidden@127.0.0.1:1/callctl"}
    ran = await callctl("db", "migrate", "--config", str(config), env=env)
    assert ran.code == 1
    assert "postgresql://user@127.0.0.1:1/callctl: not reachable" in ran.err
    assert "hidden" not in ran.err


async def test_a_closed_pipe_is_no_error(socket: Path) -> None:
    command = f"{sys.executable} -m callctl calls --json | head -c 1; exit ${{PIPESTATUS[0]}}"
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CALLCTL_SOCKET": str(socket)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, out, err) == (0, b"{", b"")


# ── what is spoken ───────────────────────────────────────────────────────────────────────────────


def speaking(folder: Path, text: str = "Good morning", command: str = "espeak-ng") -> Path:
    made = folder / "c"
    made.mkdir(exist_ok=True)
    (made / "a.yaml").write_text(
        'nodes: {pbx: {ari: {password: "env:NONE"}, ami: {password: "env:NONE"}, include_dir: out}}\n'
        f"menus: {{m: {{prompts: [{{speak: {text}}}], options: {{1: {{menu: m}}}}, give_up: {{hang_up: normal}}}}}}\n"
        f"numbers: {{'+12125550100': {{menu: m}}}}\nstate_dir: {folder / 'state'}\nspeech: {{command: {command}}}\n"
    )
    return made


async def test_what_is_spoken_is_built_ahead_and_listed_without_any_password(tmp_path: Path) -> None:
    made = str(speaking(tmp_path))
    listed = await callctl("speak", "list", "--config", made)
    assert re.search(r"no +en-gb +good-morning-\w{20} +Good morning", listed.out)
    for built, there in ((1, 0), (0, 1)):
        ran = await callctl("speak", "build", "--config", made)
        assert (ran.code, ran.out) == (0, f"{built} built, {there} were there: {tmp_path / 'state' / 'sounds'}\n")
    assert re.search(r"yes +en-gb +good-morning", (await callctl("speak", "list", "--config", made)).out)


async def test_what_cannot_be_spoken_is_told_by_build_and_by_check(tmp_path: Path) -> None:
    made = str(speaking(tmp_path, command="espeak-nogood"))
    ran = await callctl("speak", "build", "--config", made)
    assert ran.code == 1
    assert "speech: 1 text cannot be spoken: `espeak-nogood` is not there" in ran.err
    ran = await callctl("check", "--config", made, env={"NONE": "x"})
    assert ran.code == 0
    assert "warning: speech: 1 text to be spoken, but `espeak-nogood` is not there" in ran.err
    assert (await callctl("speak", "build", "--config", str(speaking(tmp_path, '"[[x]]"')))).code == 2
