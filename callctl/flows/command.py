"""`callctl flow`: walk a caller's way, try the operator's own cases, or draw the ways that there are."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from datetime import datetime

from callctl.api.explain import Teller
from callctl.core.ids import SECOND, Micros
from callctl.flows.acts import FOUND, HANG_UP, act, is_act, words
from callctl.flows.arguments import KEYS
from callctl.flows.cases import cases_of, ran
from callctl.flows.draw import drawn
from callctl.flows.entry import MistakenError, agent_of, begun, caller_of, destination, moment_of, switch_of
from callctl.printing import as_json, fail, printable
from callctl.runtime.masking import Masking
from callctl.settings import load_policy
from callctl.settings.errors import shown
from callctl.sim.walk import Walk

OK, FAILED, WRONG = 0, 1, 2


def draw(args: argparse.Namespace) -> int:
    """Print the flowchart; the exit code."""
    policy = load_policy(args.config, args.overlay)
    try:
        begins = dict(policy.entries) if args.entry is None else {args.entry: destination(args.entry, policy)}
    except MistakenError as error:
        return fail(str(error), WRONG)
    print(drawn(policy, {str(name): to for name, to in begins.items()}))
    return OK


def test(args: argparse.Namespace) -> int:
    """Walk every case of the files; the exit code."""
    policy = load_policy(args.config, args.overlay)
    results = [ran(case, policy) for case in cases_of(args.files, policy)]
    failed = [it for it in results if it.wrong]
    plain = [{"case": it.case.name, "wrong": it.wrong, "story": it.story} for it in results]
    if as_json(args, {"cases": plain, "failed": len(failed)}):
        return FAILED if failed else OK
    for it in results:
        place = it.case.place
        name = printable(it.case.name)
        print(f"wrong  {place.file}:{place.line}:{place.column}: {name}" if it.wrong else f"good   {name}")
        for line in it.wrong:
            print(f"       {printable(line)}")
        if it.wrong:
            print(*(f"       {line}" for line in it.story), sep="\n")
    print(f"{len(results)} {'case' if len(results) == 1 else 'cases'}, {len(failed)} wrong")
    return FAILED if failed else OK


def walk(args: argparse.Namespace) -> int:
    """Walk with the keys of the standard input; the exit code."""
    policy = load_policy(args.config, args.overlay)
    try:
        since = time.time_ns() // 1000 if args.at is None else moment_of(args.at)
        free = [agent_of(name.strip(), policy) for name in args.agents.split(",") if name.strip()]
        on = [switch_of(name.strip(), policy) for name in args.on.split(",") if name.strip()]
        way = begun(policy, args.entry, caller_of(args.caller, policy), since, free, on)
    except MistakenError as error:
        return fail(str(error), WRONG)
    print(f"{datetime.fromtimestamp(since / SECOND).astimezone():%A %Y-%m-%d %H:%M %Z}; help tells the keys")
    teller = Teller(policy, Masking(unmask=True))
    _tell(way, teller, since)
    for line in _lines(way):
        _do(way, line)
        _tell(way, teller, since)
        if way.is_over:
            break
    return OK


def _lines(way: Walk) -> Iterator[str]:
    """What is typed; behind its end the caller hangs up."""
    while True:
        if sys.stdin.isatty():
            doing = (
                "looks up > " if way.waits_for is not None else "hears the prompts > " if way.keeps_hearing else "> "
            )
            print(doing, end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            yield HANG_UP
            return
        line = line.strip()
        yield line if line[:6].lower() == f"{FOUND} " else line.lower()  # a value is as it is typed


def _do(way: Walk, line: str) -> None:
    if line == "help":
        print(KEYS)
    elif not is_act(line):
        print(f"{shown(line)} is neither keys (0-9, *, #) nor a word known here; help tells them")
    elif said := act(way, line):
        print(said)


def _tell(way: Walk, teller: Teller, since: Micros) -> None:
    for it in way.noticed():
        print(words(it, teller, since))
