"""The command line: parsing and printing only. A running daemon is asked over its control socket."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callctl import __version__, cli_people, cli_speak
from callctl.api.client import Client, NoDaemonError, RefusedError
from callctl.flows import arguments as flow_arguments
from callctl.forecast import arguments as forecast_arguments
from callctl.lists import arguments as lists_arguments
from callctl.printing import as_json, clock, fail, print_problems, printable, seconds, table
from callctl.sim import arguments

if TYPE_CHECKING:
    from callctl.settings import Loaded
    from callctl.store.pool import Connection

OK, FAILED, WRONG, NO_DAEMON, INTERRUPTED = 0, 1, 2, 3, 130
DEFAULT_SOCKET = Path("/run/callctl/control.sock")

_EPILOG = """\
exit codes: 0 good · 1 failed · 2 wrong configuration or usage · 3 no daemon answers
the control socket: --socket, else that of --config, else $CALLCTL_SOCKET, else /run/callctl/control.sock
help of one command: callctl COMMAND --help"""

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Prints messages, never a traceback (unless CALLCTL_DEBUG is set)."""
    args = _parser().parse_args(argv)
    command: Command = args.command
    try:
        code = command(args)
        sys.stdout.flush()
        return code
    except NoDaemonError as error:
        return fail(str(error), NO_DAEMON)
    except RefusedError as error:
        return _refused(error)
    except BrokenPipeError:  # the reader of our output has gone: `callctl calls | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("CALLCTL_DEBUG"):
            raise
        told = _told(error)
        return told if told is not None else fail(_unexpected(error), FAILED)


def _told(error: Exception) -> int | None:
    """Print an error that has words of its own for people; None: it has none."""
    from callctl.settings.errors import SettingsError
    from callctl.store.errors import StoreError

    if isinstance(error, SettingsError):
        print_problems(str(problem) for problem in error.problems)
        return WRONG
    if isinstance(error, StoreError):
        return fail(str(error), FAILED)
    return None


def _unexpected(error: Exception) -> str:
    return f"internal error: {type(error).__name__}: {error} (CALLCTL_DEBUG=1 shows where)"


def _refused(error: RefusedError) -> int:
    print_problems(error.problems)
    return fail(str(error), WRONG if error.problems else FAILED)


# ── parsing ──────────────────────────────────────────────────────────────────────────────────────


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="callctl",
        description="Call control beside an Asterisk PBX: menus, queues, agents, records, metrics.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"callctl {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_daemon_commands(commands)
    _add_looks(commands)
    _add_deeds(commands)
    cli_people.add_commands(commands, _add, _asks, _client, _import_numbers)
    cli_speak.add_commands(commands, _add, _files)
    _add_contacts(commands)
    _add_flows(commands)
    _add_simulation(commands)
    return parser


_Commands = Any  # argparse's own class for this is private


def _add(commands: _Commands, name: str, command: Command, what: str, *, epilog: str = "") -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=what[0].upper() + what[1:] + ".",
        epilog=epilog or None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.set_defaults(command=command)
    return added


def _add_daemon_commands(commands: _Commands) -> None:
    run = _add(commands, "run", _run, "run the daemon in the foreground")
    _files(run, required=True)
    check = _add(
        commands,
        "check",
        _check,
        "check the configuration and tell every mistake at once",
        epilog="each mistake is a line: file:line:column: path: what is wrong; what would be right",
    )
    check.add_argument(
        "--sounds", type=Path, metavar="DIR", help="Asterisk's folder of sounds: each that is played must be there"
    )
    _files(check, required=True)
    _json_flag(check)
    secrets = _add(commands, "secrets", _secrets, "make the secrets that the configuration refers to")
    _files(secrets, required=True)
    secrets.add_argument(
        "--create",
        action="store_true",
        required=True,
        help="make each missing file: secret of phones, nodes, mailboxes (mode 0600); a carrier's are yours to write",
    )
    db = _add(commands, "db", _migrate, "care for the database")
    db.add_argument(
        "action",
        choices=("migrate", "scrub"),
        help="migrate: bring the schema up to this callctl's; scrub: leave nothing of what was erased in its files"
        " (locks table after table: at a quiet hour)",
    )
    _files(db, required=True)


def _add_looks(commands: _Commands) -> None:
    status = _add(commands, "status", _status, "tell whether the daemon is ready, and why not")
    calls = _add(commands, "calls", _calls, "list the calls that are there, or the newest that ended")
    calls.add_argument("--ended", type=_count, metavar="N", help="the newest N call records instead (1 to 1000)")
    explain = _add(
        commands,
        "explain",
        _explain,
        "tell a call's way in words with the why of each choice; or a contact's, and whether it may be called now; or"
        " what was decided for a campaign",
        epilog="callctl explain 01KAZ… · callctl explain contact +442079460000 · callctl explain campaign spring",
    )
    explain.add_argument("call", metavar="CALL", help="the call's id, from `callctl calls`; or contact, or campaign")
    explain.add_argument(
        "whose", nargs="?", metavar="WHOSE", help="a contact's number, telephone number or key; or a campaign's name"
    )
    explain.add_argument("--last", type=_count, default=50, metavar="N", help="with campaign: the newest N (50)")
    for it in (calls, explain):
        it.add_argument("--unmask", action="store_true", help="show numbers and pressed digits")
    queues = _add(commands, "queues", _queues, "list the queues: who waits, how long, and their agents")
    queues.add_argument("--watch", action="store_true", help="live, in the whole terminal, until Ctrl-C")
    queues.add_argument(
        "--every", type=cli_people.pause, default=1.0, metavar="S", help="with --watch: seconds between looks"
    )
    trunks = _add(commands, "trunks", _trunks, "list the trunks and whether they can carry calls")
    voicemail = _add(commands, "voicemail", _voicemail, "list the mailboxes, or the messages in one")
    voicemail.add_argument("box", nargs="?", metavar="BOX", help="the mailbox whose messages are listed")
    voicemail.add_argument("--unmask", action="store_true", help="show numbers")
    plan = _add(commands, "plan", _plan, "show what a reload of the running daemon would change")
    for it in (status, calls, explain, queues, trunks, voicemail, plan):
        _asks(it)


def _add_deeds(commands: _Commands) -> None:
    agents = _add(
        commands,
        "agents",
        _agents,
        "list the agents, or change one's status",
        epilog="callctl agents login ana · callctl agents pause ana --reason lunch",
    )
    agents.add_argument("wish", nargs="?", choices=("login", "logout", "pause", "unpause"), help="what to do")
    agents.add_argument("agent", nargs="?", metavar="AGENT", help="the agent's id")
    agents.add_argument("--reason", default="", help="why the agent pauses (at most 40 characters)")
    switch = _add(
        commands,
        "switch",
        _switch,
        "list the switches, or turn one on or off",
        epilog="callctl switch closed_today on · callctl switch closed_today off",
    )
    switch.add_argument("name", nargs="?", metavar="SWITCH", help="the switch's name")
    switch.add_argument("way", nargs="?", choices=("on", "off"), help="what it is to be; as it is, if not given")
    reload = _add(commands, "reload", _reload, "put the configuration on disk in force, all or nothing")
    for it in (agents, switch, reload):
        _asks(it)


def _add_contacts(commands: _Commands) -> None:
    what = "put people onto a campaign's list, or write the list down"
    lists_arguments.arguments(_add(commands, "contacts", _contacts, what, epilog=lists_arguments.EPILOG))


def _import_numbers(args: argparse.Namespace) -> int:
    from callctl.lists.listed import command

    return command(args)


def _contacts(args: argparse.Namespace) -> int:
    from callctl.lists.command import command

    return command(args)


def _add_flows(commands: _Commands) -> None:
    what = "walk a caller's way in the terminal before anybody calls, or draw the ways that there are"
    flow = _add(commands, "flow", _walk, what, epilog=flow_arguments.EPILOG)
    flow_arguments.arguments(flow, _add, partial(_files, required=True), walk=_walk, test=_try_cases, draw=_draw)


def _walk(args: argparse.Namespace) -> int:
    from callctl.flows.command import walk

    return walk(args)


def _try_cases(args: argparse.Namespace) -> int:
    from callctl.flows.command import test

    return test(args)


def _draw(args: argparse.Namespace) -> int:
    from callctl.flows.command import draw

    return draw(args)


def _add_simulation(commands: _Commands) -> None:
    what = "run the same core and loop against a virtual PBX, with everything that can go wrong; or forecast a campaign"
    simulate = _add(commands, "simulate", _simulate, what, epilog=arguments.EPILOG)
    arguments.arguments(simulate)
    kinds = simulate.add_subparsers(title="or", metavar="campaign")
    what = "forecast a campaign's day: how busy agents are, how long they wait, who is abandoned, when the list ends"
    forecast_arguments.arguments(_add(kinds, "campaign", _forecast, what, epilog=forecast_arguments.EPILOG))


def _forecast(args: argparse.Namespace) -> int:
    from callctl.cli_forecast import command

    return command(args)


def _simulate(args: argparse.Namespace) -> int:
    from callctl.sim.command import command

    return command(args)


def _files(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--config", type=Path, required=required, metavar="DIR", help="the configuration's folder")
    parser.add_argument(
        "--overlay", type=Path, metavar="DIR", help="a second folder whose values replace those of --config"
    )


def _asks(parser: argparse.ArgumentParser) -> None:
    _files(parser, required=False)
    parser.add_argument("--socket", type=Path, metavar="PATH", help="the daemon's control socket")
    _json_flag(parser)


def _json_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1000")
    return int(text)


# ── the daemon's own commands ────────────────────────────────────────────────────────────────────


def _load(args: argparse.Namespace) -> Loaded:
    from callctl.settings import load

    return load(args.config, args.overlay)


def _run(args: argparse.Namespace) -> int:
    gc.disable()  # while the modules load, nothing is garbage: an eighth of the time until callers are served
    from callctl import daemon

    gc.freeze()
    gc.enable()
    try:
        return daemon.run(args.config, args.overlay)
    except daemon.StartError as error:
        return fail(str(error), FAILED)


def _check(args: argparse.Namespace) -> int:
    from callctl.settings import SettingsError, load

    if args.sounds is not None and not args.sounds.is_dir():
        return fail(f"{args.sounds}: there is no such folder", WRONG)
    try:
        loaded = load(args.config, args.overlay, sounds=args.sounds)
    except SettingsError as error:
        if args.json:
            print(json.dumps({"ok": False, "problems": [str(p) for p in error.problems]}, indent=2))
            return WRONG
        print_problems(str(problem) for problem in error.problems)
        count = len(error.problems)
        return fail(f"{args.config}: {count} mistake{'s' if count > 1 else ''}; nothing can be applied", WRONG)
    policy = loaded.policy
    counts = {
        "nodes": len(loaded.daemon.nodes),
        "trunks": len(policy.trunks),
        "numbers": len(policy.entries),
        "menus": len(policy.menus),
        "queues": len(policy.queues),
        "agents": len(policy.agents),
        "phones": len(policy.phones),
        "feature codes": len(policy.features),
        "emergency numbers": len(policy.emergency.numbers),
        "campaigns": len(policy.campaigns),
        "rule sets": len(policy.rule_sets),
    }
    warnings = [*(str(warning) for warning in loaded.warnings), *cli_speak.warnings(loaded)]
    if not as_json(args, {"ok": True, "sha": policy.sha, "counts": counts, "warnings": warnings}):
        print_problems(f"warning: {warning}" for warning in warnings)
        named = (f"{n} {what[:-1] if n == 1 else what}" for what, n in counts.items())
        print(f"{args.config}: good: {', '.join(named)}")
    return OK


def _secrets(args: argparse.Namespace) -> int:
    from callctl.settings import create_missing

    try:
        made = create_missing(args.config, args.overlay)
    except OSError as error:
        return fail(f"cannot make a secret: {error.filename}: {error.strerror}", FAILED)
    for path in made:
        print(f"made {path}")
    if not made:
        print("nothing is missing")
    return OK


def _migrate(args: argparse.Namespace) -> int:
    from callctl.store.migrate import migrate
    from callctl.store.person import scrub

    database = _load(args).daemon.database
    url = None if database.url is None else database.url.reveal()
    done = asyncio.run(_at_database(url, database.data_dir, scrub if args.action == "scrub" else migrate))
    for name in done:
        print(f"{'rewritten' if args.action == 'scrub' else 'applied'} {name}")
    if not done:
        print("the schema is current")
    return OK


async def _at_database(
    url: str | None, folder: Path, work: Callable[[Connection], Awaitable[Sequence[str]]]
) -> Sequence[str]:
    from callctl.store.embedded import EmbeddedPostgres
    from callctl.store.pool import connect

    if url is None:
        own = EmbeddedPostgres(folder, supervise=False)
        try:
            return await _at_database(await own.start(), folder, work)
        finally:
            await own.stop()
    connection = await connect(url)
    try:
        return await work(connection)
    finally:
        await connection.close()


def _client(args: argparse.Namespace) -> Client:
    configured = None if args.config is None else _configured_socket(args.config, args.overlay)
    return Client(args.socket or configured or Path(os.environ.get("CALLCTL_SOCKET") or DEFAULT_SOCKET))


def _configured_socket(config: Path, overlay: Path | None) -> Path | None:
    """The socket that the files name. Mistakes elsewhere in them do not matter here, nor do secrets."""
    from callctl.settings.folder import read_all

    named = read_all(config, overlay)[0].root.get("control_socket")
    return Path(os.path.abspath(config / named)) if isinstance(named, str) and named else None


# ── looking ──────────────────────────────────────────────────────────────────────────────────────


def _status(args: argparse.Namespace) -> int:
    answer = _client(args).get("status")
    if not as_json(args, answer):
        print(f"callctl {answer['version']}: {'ready' if answer['ready'] else 'not ready'}")
        rows = [
            (c["name"], "ok" if c["ok"] else "FAILS" if c["needed"] else "fails", c["why"])
            for c in answer["conditions"]
        ]
        table(("condition", "state", "why"), rows)
    return OK if answer["ready"] else FAILED


def _calls(args: argparse.Namespace) -> int:
    unmask = int(args.unmask)
    if args.ended:
        answer = _client(args).get("records", limit=args.ended, unmask=unmask)
        if not as_json(args, answer):
            _print_records(answer["records"])
        return OK
    answer = _client(args).get("calls", unmask=unmask)
    if not as_json(args, answer):
        rows = [
            (
                *(c["id"], c["phase"], seconds(c["age"]), c["caller"], c["dialled"]),
                *(c["trunk"] or c["phone"], c.get("queue"), c.get("agent")),
            )
            for c in answer["calls"]
        ]
        table(("call", "phase", "age", "caller", "dialled", "from", "queue", "agent"), rows, "no calls")
    return OK


def _print_records(records: list[dict[str, Any]]) -> None:
    rows = [
        (
            *(r["id"], clock(r["entered"]), r["caller"], r["dialled"], r["queue"], r["agent"], r["outcome"]),
            *(r["ended_by"], seconds(r["waited"]) if r["queued"] else None),
            seconds(r["talked"]) if r["connected"] else None,
        )
        for r in records
    ]
    columns = ("call", "entered", "caller", "dialled", "queue", "agent", "outcome", "by", "waited", "talked")
    table(columns, rows, "no call has ended yet", right=(8, 9))


def _explain(args: argparse.Namespace) -> int:
    if args.call in ("contact", "campaign") and args.whose is None:
        return fail(f"say which: callctl explain {args.call} {args.call.upper()}", WRONG)
    if args.call == "contact":
        return _explain_contact(args)
    if args.call == "campaign":
        return _explain_campaign(args)
    if args.whose is not None:
        return fail("say whose: callctl explain contact CONTACT, or callctl explain campaign CAMPAIGN", WRONG)
    answer = _client(args).get("calls", args.call, "explain", unmask=int(args.unmask))
    if as_json(args, answer):
        return OK
    state = f"is there now: {answer['phase']}" if answer["live"] else "has ended"
    print(f"Call {answer['call']} {state}")
    rows = [(clock(line["at"]), f"+{line['after']:.3f} s", line["text"]) for line in answer["lines"]]
    table(("time (UTC)", "after", "what happened"), rows, "nothing is stored of it yet", right=(1,))
    return OK


def _explain_campaign(args: argparse.Namespace) -> int:
    answer = _client(args).get("campaigns", args.whose, "explain", limit=args.last, unmask=int(args.unmask))
    if not as_json(args, answer):
        rows = [(clock(line["at"]), line["text"]) for line in answer["lines"]]
        table(("time (UTC)", "what was decided"), rows, "nothing was decided within a week")
    return OK


def _explain_contact(args: argparse.Namespace) -> int:
    answer = _client(args).get("contacts", args.whose, "explain", unmask=int(args.unmask))
    if not as_json(args, answer):
        for n, contact in enumerate(answer["contacts"]):
            if n:
                print()
            cli_people.print_contact(contact)
    return OK


def _agents(args: argparse.Namespace) -> int:
    if args.wish is not None:
        return _wish(args)
    answer = _client(args).get("agents")
    if not as_json(args, answer):
        rows = [
            (
                *(a["id"], a["name"], a["status"] + (f" ({a['reason']})" if a["reason"] else "")),
                *(a["state"], a["phone"]["state"], a["standing"], ", ".join(a["queues"]), a["call"]),
            )
            for a in answer["agents"]
        ]
        table(("agent", "name", "status", "state", "phone", "standing", "queues", "call"), rows, "no agents")
    return OK


def _wish(args: argparse.Namespace) -> int:
    if args.agent is None:
        return fail(f"which agent? callctl agents {args.wish} AGENT", WRONG)
    if args.reason and args.wish != "pause":
        return fail("--reason goes with pause alone", WRONG)
    body = {"reason": args.reason} if args.reason else {}
    answer = _client(args).post("agents", args.agent, args.wish, **body)
    if not as_json(args, answer):
        reason = f" ({answer['reason']})" if answer["reason"] else ""
        print(f"{answer['id']}: {answer['status']}{reason}, {answer['state']}, phone {answer['phone']['state']}")
    return OK


def _switch(args: argparse.Namespace) -> int:
    client = _client(args)
    if args.name is None:
        answer = client.get("switches")
        switches = answer["switches"]
    elif args.way is None:
        switches = [answer := client.get("switches", args.name)]
    else:
        switches = [answer := client.put("switches", args.name, on=args.way == "on")]
    if not as_json(args, answer):
        rows = [
            (s["id"], "ON" if s["on"] else "off", clock(s["since"]), s["by"], s["code"], s["description"])
            for s in switches
        ]
        table(("switch", "is", "since (UTC)", "by", "code", "what it is"), rows, "no switches")
    return OK


def _queues(args: argparse.Namespace) -> int:
    if args.watch and not sys.stdout.isatty():
        return fail("--watch wants a terminal; for programs there is --json", WRONG)
    if args.watch:
        from callctl.watch import watch

        return watch(_client(args), args.every)
    answer = _client(args).get("queues")
    if not as_json(args, answer):
        rows = [
            (
                *(q["id"], q["waiting"], q["ringing"], seconds(q["longest_wait"]), q["talking"]),
                ", ".join(f"{n} {what}" for what, n in q["agents"].items() if n) or "none",
            )
            for q in answer["queues"]
        ]
        columns = ("queue", "waiting", "of these ringing", "longest wait", "talking", "agents")
        table(columns, rows, "no queues", right=(1, 2, 3, 4))
    return OK


def _trunks(args: argparse.Namespace) -> int:
    answer = _client(args).get("trunks")
    if not as_json(args, answer):
        states = {True: "up", False: "DOWN", None: "unknown"}
        rows = [
            (t["id"], states[t["up"]], seconds(t["age"]), f"{t['host']}:{t['port']}/{t['transport']}", t["why"])
            for t in answer["trunks"]
        ]
        table(("trunk", "state", "for", "where", "why"), rows, "no trunks")
    return OK


def _voicemail(args: argparse.Namespace) -> int:
    if args.box is not None:
        return _messages(args)
    answer = _client(args).get("voicemail")
    if not as_json(args, answer):
        rows = [(b["id"], b["name"], b["new"], b["old"], ", ".join(b["lamp"])) for b in answer["mailboxes"]]
        table(("mailbox", "name", "new", "old", "lamp on"), rows, "no mailboxes", right=(2, 3))
    return OK


def _messages(args: argparse.Namespace) -> int:
    answer = _client(args).get("voicemail", args.box, unmask=int(args.unmask))
    if not as_json(args, answer):
        rows = [
            (clock(m["at"])[:19], m["caller"], seconds(m["length"]), "new" if m["new"] else "heard", m["folder"])
            for m in answer["messages"]
        ]
        table(("begun (UTC)", "caller", "length", "state", "folder"), rows, "no messages", right=(2,))
    return OK


def _plan(args: argparse.Namespace) -> int:
    answer = _client(args).get("plan")
    if not as_json(args, answer):
        _print_changes(answer["changes"], "a reload would change nothing", "a reload would change:")
    return OK


def _reload(args: argparse.Namespace) -> int:
    answer = _client(args).post("reload")
    if not as_json(args, answer):
        _print_changes(answer["changes"], "reloaded; nothing changed", "reloaded:")
    return OK


def _print_changes(changes: list[str], none: str, some: str) -> None:
    print(some if changes else none)
    for change in changes:
        print(f"  {printable(change)}")
