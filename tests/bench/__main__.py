"""`make bench`: how fast it is, and what it costs.

python -m tests.bench          app_queue and callctl beside each other, on real parts
python -m tests.bench step     the core alone
python -m tests.bench import   a million people onto a list
python -m tests.bench law      the gate's judgement, and claims of contacts
python -m tests.bench hello    from a customer's "hello" to the agent's ear
python -m tests.bench ivr      from a key to the next prompt, beside plain dialplan
python -m tests.bench pacing   callctl's pacing beside its peers', in a simulated world
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from callctl.lab.asterisk import AsteriskError
from callctl.lab.house import HouseError
from callctl.lab.install import InstallError
from tests.bench import hello, imports, ivr, law, speed, step
from tests.bench.pacing import pictures, quality

INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {text}", file=sys.stderr, flush=True)

    try:
        table = _run(args, say)
    except (InstallError, HouseError, AsteriskError) as error:
        print(f"The bench stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    print(f"{_machine()}\n\n{table}")
    return 0


def _run(args: argparse.Namespace, say: Callable[[str], None]) -> str:
    match args.what:
        case "import":
            return imports.run(say, args.rows)
        case "law":
            return law.run(say, args.contacts)
        case "pacing":
            return _pacing(args, say)
        case "hello":
            return asyncio.run(hello.run(args, say))
        case "ivr":
            return asyncio.run(ivr.run(args, say))
        case "step":
            return step.run(say)
        case _:
            return asyncio.run(speed.run(args, say))


def _pacing(args: argparse.Namespace, say: Callable[[str], None]) -> str:
    measured = quality.run(say, quality.rows(args.talks, args.sizes), args.days, args.jobs, args.keep)
    if args.pictures is not None:
        for file in pictures.draw(measured, args.pictures):
            say(f"drew {file}")
    return quality.table(measured, args.days)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=...", description="How fast callctl is, and what it costs, beside Asterisk's app_queue."
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=("calls", "step", "import", "law", "pacing", "hello", "ivr"),
        default="calls",
        help="real calls (default), the core alone, an import, the gate and claims, pacing, what agents hear, a flow",
    )
    parser.add_argument("--calls", type=int, default=hello.CALLS, help="to customers who say hello (%(default)s)")
    parser.add_argument("--contacts", type=int, default=law.CONTACTS, help="to claim from (%(default)s)")
    parser.add_argument("--rows", type=int, default=imports.ROWS, help="of the list that is imported (%(default)s)")
    parser.add_argument("--days", type=int, default=6, help="that each dialer paces of each row (%(default)s)")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[5, 10, 20, 50, 100, 300], help="agents of pacing's rows (all)"
    )
    parser.add_argument(
        "--talks", type=float, nargs="+", default=[60.0, 180.0], help="mean seconds of talk of pacing's rows (60 180)"
    )
    parser.add_argument("--jobs", type=int, help="processes of pacing (default: one a processor)")
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help="of pacing: keep each row there, and measure no row twice"
    )
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="of pacing: draw there, as in docs/pacing")
    parser.add_argument("--rate", type=float, nargs="+", default=[40.0], help="calls a second; several: in turn (40)")
    parser.add_argument("--seconds", type=float, default=60.0, help="measured load of each side, over all rounds (60)")
    parser.add_argument("--rounds", type=int, default=3, help="the sides take turns so often (3)")
    parser.add_argument("--talk", type=float, default=3.0, help="seconds that an agent talks (3)")
    parser.add_argument(
        "--ring", type=float, default=0.0, help="seconds that its phone rings before; not in the delay (0)"
    )
    parser.add_argument("--agents", type=int, default=400, help="that are logged in (400)")
    parser.add_argument("--long", action="store_true", help="long calls with audio as well")
    parser.add_argument("--long-calls", type=int, default=100, help="so many at once (100)")
    parser.add_argument("--long-seconds", type=float, default=180.0, help="each so long (180)")
    return parser


def _machine() -> str:
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, load average {load:.1f} at the end; CPU times are medians of the rounds."


if __name__ == "__main__":
    sys.exit(main())
