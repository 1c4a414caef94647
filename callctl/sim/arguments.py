"""What may be said behind `callctl simulate`. Apart from the simulation: each start of the daemon reads it."""

from __future__ import annotations

import argparse

EPILOG = """\
callctl simulate --seed 42            one run; the same again, byte for byte
callctl simulate --seed 42 --story    with every event, command and fact
callctl simulate --seeds 0-1999       many runs, on all processors
callctl simulate --calls --seeds 0-499   runs of an office that calls people on lists
callctl simulate --seed 42 --shrink   a failing run made short, as a transcript for tests/scenarios
callctl simulate --day 24 --agents 200
callctl simulate campaign spring      what a campaign's day would bring: see callctl simulate campaign --help

exit codes: 0 all went well · 1 something was wrong"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be said behind `callctl simulate`."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seed", type=_natural, metavar="N", help="one run")
    which.add_argument("--seeds", type=_span, metavar="A-B", help="runs A to B")
    which.add_argument("--day", type=float, metavar="HOURS", help="one long run of a large office")
    parser.add_argument("--calls", action="store_true", help="with --seed, --seeds: people on lists are called")
    parser.add_argument("--story", action="store_true", help="with --seed: print all that happens")
    parser.add_argument("--shrink", action="store_true", help="with --seed: make a failing run short")
    parser.add_argument("--agents", type=_natural, default=200, metavar="N", help="with --day (default: %(default)s)")
    parser.add_argument("--jobs", type=_natural, metavar="N", help="with --seeds: processes (default: one a processor)")


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _span(text: str) -> range:
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise argparse.ArgumentTypeError(f"{text!r} is no span of seeds; write 0-1999, say")
    return range(int(first), int(last) + 1)
