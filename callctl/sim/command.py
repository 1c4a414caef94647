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
from callctl.sim.plan import Plan, day, draw, draw_calls
from callctl.sim.run import Report, run
from callctl.sim.shrink import shrink, transcript
from callctl.sim.story import Story

WRONG = 2


def command(args: argparse.Namespace) -> int:
    """Run what was asked for; the exit code."""
    make = draw_calls if args.calls else draw
    if args.seeds is not None:
        return _many(args.seeds, args.jobs, args.calls)
    if args.day is not None:
        return _day(args.day, args.agents)
    if args.seed is None:
        print("callctl: say which: --seed N, --seeds A-B, --day HOURS, or campaign CAMPAIGN", file=sys.stderr)
        return WRONG
    if args.shrink:
        return _shrink(make(args.seed))
    return _one(make(args.seed), args.story)


def _one(plan: Plan, aloud: bool) -> int:
    story = Story(print if aloud else lambda line: None)
    report = run(plan, story)
    _tell(report)
    print(f"story: {story.digest}")
    return int(bool(report.wrong))


def _many(seeds: range, jobs: int | None, calls: bool) -> int:
    began, reports = time.monotonic(), []
    console = Console(stderr=True)
    for report in track(
        run_all(seeds, jobs, calls), "Simulating", len(seeds), console=console, disable=not sys.stderr.isatty()
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


def _shrink(plan: Plan) -> int:
    report = run(plan)
    if not report.wrong:
        print(f"seed {plan.seed} goes well: there is nothing to shrink")
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
