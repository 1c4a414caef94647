"""Many runs, on all processors."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, islice
from multiprocessing import get_context

from callctl.sim.plan import draw, draw_calls
from callctl.sim.run import Report, run

SHARE = 25
"""Runs that one process does before it reports."""


def run_all(seeds: Iterable[int], jobs: int | None = None, calls: bool = False) -> Iterator[Report]:
    """The report of each seed, in order, as they come. `jobs`: processes; by default one a processor. `calls`: of an
    office that calls people on lists."""
    jobs = jobs or os.cpu_count() or 1
    shares, do = _shares(seeds), partial(_share, calls)
    if jobs == 1:
        yield from chain.from_iterable(map(do, shares))
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield from chain.from_iterable(pool.map(do, shares))


def _shares(seeds: Iterable[int]) -> Iterator[tuple[int, ...]]:
    left = iter(seeds)
    while share := tuple(islice(left, SHARE)):
        yield share


def _share(calls: bool, seeds: tuple[int, ...]) -> list[Report]:
    return [run(draw_calls(seed) if calls else draw(seed)) for seed in seeds]


def summed(reports: Iterable[Report]) -> Counter[str]:
    """What the runs counted, together."""
    return sum((report.counts for report in reports), Counter[str]())
