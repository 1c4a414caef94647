"""Break a house under load, again and again: real Asterisk, SIP, audio and Postgres, simulated people, real kills.

Callers come at a steady rate, walk the menu or go to a queue, wait, are answered, talk and hang up. Meanwhile callctl,
Asterisk, the link between and Postgres are killed, frozen or cut off in random order. Counted, by the word of Asterisk,
of the people's phones and of Postgres: pairs cut, callers lost, records lost or doubled, channels and bridges left
over, and the seconds until callctl is in charge again. Exit code 0: all of these are nought.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import tempfile
from pathlib import Path

import structlog

from callctl.lab.install import ensure
from tests.faults.kinds import KINDS
from tests.faults.run import Plan, Result, run
from tests.faults.table import table


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    kinds = tuple(kind for kind in KINDS if not args.only or any(word in kind for word in args.only))
    if not kinds:
        print(f"no such kind; there are: {', '.join(KINDS)}", file=sys.stderr)
        return 2
    folder = Path(args.keep) if args.keep else Path(tempfile.mkdtemp(prefix="callctl-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(args.seed, args.faults, args.rate, kinds)
    try:
        result = asyncio.run(run(ensure(), folder.absolute(), plan, lambda text: print(text, flush=True)))
    except KeyboardInterrupt:
        return 130
    _show(result, folder)
    if args.json:
        Path(args.json).write_text(
            json.dumps(
                {
                    "seed": plan.seed, "faults": plan.faults, "rate": plan.rate, "calls": result.calls,
                    "broke": result.broke, "entries": [entry.as_json() for entry in result.entries],
                },
                indent=1,
            )
        )  # fmt: skip
    return 0 if result.ok else 1


def _show(result: Result, folder: Path) -> None:
    for entry in result.entries:
        for note in entry.notes:
            print(f"{entry.at:.1f} s, {entry.kind}: {note}")
    print(f"\n{result.calls} calls at {result.plan.rate:g} a second, seed {result.plan.seed}:\n")
    print(table(result.entries, KINDS))
    fell = sum(entry.to_fallback for entry in result.entries)
    unmet = sum(entry.unmet for entry in result.entries)
    print(f"\n{unmet} callers had gone before callctl, killed as they came, had reacted to them in any way: no record.")
    print(f"{fell} callers took the dialplan's fallback, as documented. Logs: {folder}")
    print("All noughts." if result.ok else f"NOT all noughts. {result.broke}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="which faults, in which order, of which length"
    )
    parser.add_argument("--faults", type=int, default=60, metavar="N", help="how many (60)")
    parser.add_argument("--rate", type=float, default=5.0, metavar="N", help="callers a second (5)")
    parser.add_argument("--json", metavar="FILE", help="the books, fault by fault")
    parser.add_argument("--only", action="append", metavar="WORD", help="only kinds with this in their name")
    parser.add_argument("--keep", metavar="FOLDER", help="where logs go (a temporary folder)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
