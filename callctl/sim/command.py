"""`callctl simulate`: runs of the simulation for people."""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import track

from callctl.sim.batch import run_all, summed
from callctl.sim.plan import day, draw
from callctl.sim.run import Report, run
from callctl.sim.shrink import shrink, transcript
from callctl.sim.story import Story

EPILOG = """\
callctl simulate --seed 42            one run; the same again, byte for byte
callctl simulate --seed 42 --story    with every event, command and fact
callctl simulate --seeds 0-1999       many runs, on all processors
callctl simulate --seed 42 --shrink   a failing run made short, as a transcript for tests/scenarios
callctl simulate --day 24 --agents 200

exit codes: 0 all went well · 1 something was wrong"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be said behind `callctl simulate`."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seed", type=_natural, metavar="N", help="one run")
    which.add_argument("--seeds", type=_span, metavar="A-B", help="runs A to B")
    which.add_argument("--day", type=float, metavar="HOURS", help="one long run of a large office")
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


def command(args: argparse.Namespace) -> int:
    """Run what was asked for; the exit code."""
    if args.seeds is not None:
        return _many(args.seeds, args.jobs)
    if args.day is not None:
        return _day(args.day, args.agents)
    if args.shrink:
        return _shrink(args.seed)
    return _one(args.seed, args.story)


def _one(seed: int, aloud: bool) -> int:
    story = Story(print if aloud else lambda line: None)
    report = run(draw(seed), story)
    _tell(report)
    print(f"story: {story.digest}")
    return int(bool(report.wrong))


def _many(seeds: range, jobs: int | None) -> int:
    began, reports = time.monotonic(), []
    console = Console(stderr=True)
    for report in track(
        run_all(seeds, jobs), "Simulating", len(seeds), console=console, disable=not sys.stderr.isatty()
    ):
        reports.append(report)
        if report.wrong:
            _tell(report)
    wrong = sum(bool(report.wrong) for report in reports)
    virtual = sum(report.at for report in reports)
    print(f"{len(reports)} runs of {virtual / 3600:.0f} h in {time.monotonic() - began:.0f} s: {wrong} went wrong")
    _print_counts(summed(reports))
    return int(bool(wrong))


def _day(hours: float, agents: int) -> int:
    began, plan = time.monotonic(), day(1, hours, agents)
    print(f"{hours:g} h with {agents} agents, {len(plan.acts)} acts; the World each hour:")
    report = run(plan, check_every=500, each_hour=_print_hour)
    _tell(report)
    print(f"in {time.monotonic() - began:.0f} s")
    return int(bool(report.wrong))


def _print_hour(hour: int, sizes: dict[str, int]) -> None:
    counts = "  ".join(f"{name} {size}" for name, size in sizes.items())
    print(f"  {hour:3d} h  {memory():.1f} MB  {counts}", flush=True)


def memory() -> float:
    """What this process holds, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _shrink(seed: int) -> int:
    plan = draw(seed)
    report = run(plan)
    if not report.wrong:
        print(f"seed {seed} goes well: there is nothing to shrink")
        return 0
    short = shrink(plan)
    why = run(short).wrong[0]
    print(f"{len(plan.acts)} acts, of which {len(short.acts)} suffice", file=sys.stderr)
    print(transcript(short, why), end="")
    print(f"save it as {Path('tests/scenarios/NAME.txt')}, then: pytest tests/scenarios --rewrite", file=sys.stderr)
    return 1


def _tell(report: Report) -> None:
    if report.wrong:
        print(f"seed {report.seed}: WRONG at {report.at:.3f} s")
        for sentence in report.wrong:
            print(f"  {sentence}")
    else:
        print(f"seed {report.seed}: {report.at:.0f} s, all is well")
        _print_counts(report.counts)


def _print_counts(counts: dict[str, int]) -> None:
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
