"""The parts of the simulation: its time, its ways, its story, and how it makes a failing run short."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import replace
from random import Random

import pytest

from callctl.runtime.ports import Batch
from callctl.sim.clock import StandstillError, VirtualLoop
from callctl.sim.plan import Call, Plan, draw, draw_calls
from callctl.sim.run import run
from callctl.sim.shrink import shrink, transcript
from callctl.sim.store import Database, VirtualJournal
from callctl.sim.story import Story
from callctl.sim.wire import Wire
from tests.scenarios.transcript import Transcript

pytestmark = pytest.mark.simulation


def virtually(work: asyncio.Future[None] | object) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(work)  # type: ignore[arg-type]
    finally:
        loop.close()


def test_a_day_passes_at_once() -> None:
    async def sleep() -> None:
        began, real = asyncio.get_running_loop().time(), time.monotonic()
        await asyncio.sleep(86_400)
        assert asyncio.get_running_loop().time() - began == pytest.approx(86_400)
        assert time.monotonic() - real < 60

    virtually(sleep())


def test_what_waits_for_postgres_itself_waits_until_it_is_back() -> None:
    """And what is only in the spool is not there."""

    async def work() -> None:
        loop, database = asyncio.get_running_loop(), Database()
        journal = VirtualJournal(database, Random(1))
        journal.append(Batch(1, 0))
        await journal.committed(1)
        database.up.clear()
        await journal.committed(1)
        journal.append(Batch(2, 0))
        await journal.flushed(2)
        loop.call_later(60, database.up.set)
        began = loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await journal.committed(2)
        await journal.committed(2)
        assert loop.time() - began > 60

    virtually(work())


def test_who_waits_for_what_cannot_come_is_told() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StandstillError):
        virtually(wait())


def test_things_arrive_in_order_and_a_cut_loses_the_rest() -> None:
    async def send() -> None:
        arrived: list[int] = []
        delays = iter((0.5, 0.1, 0.2, 9.0, 9.0, 9.0))
        wire: Wire[int] = Wire(lambda: next(delays), arrived.append)
        for n in range(3):
            wire.put(n)
        await asyncio.sleep(1)
        assert arrived == [0, 1, 2]
        for n in range(3, 6):
            wire.put(n)
        wire.stall()
        await asyncio.sleep(20)
        assert arrived == [0, 1, 2]
        wire.cut(1)
        wire.flow()
        await asyncio.sleep(20)
        assert arrived == [0, 1, 2, 3]
        assert len(wire) == 0

    virtually(send())


@pytest.mark.parametrize("seed", [3, 7])
def test_a_run_is_the_same_again_in_another_process(seed: int) -> None:
    """Byte for byte, whatever the order of sets there."""
    story = Story()
    run(draw(seed), story)
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "callctl", "simulate", "--seed", str(seed)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == f"story: {story.digest}"


def test_a_failing_run_is_made_short() -> None:
    """Say that it fails whenever two certain callers call: nobody else is needed."""
    plan = draw(5)
    callers = [act for act in plan.acts if isinstance(act, Call)]
    needed = {callers[0], callers[-1]}
    short = shrink(plan, lambda plan: needed <= set(plan.acts))
    assert set(short.acts) == needed


@pytest.mark.parametrize("seed", [3, 7])
def test_a_run_with_lists_is_the_same_again_in_another_process(seed: int) -> None:
    story = Story()
    run(draw_calls(seed), story)
    done = subprocess.run(
        [sys.executable, "-m", "callctl", "simulate", "--calls", "--seed", str(seed)],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == f"story: {story.digest}"


@pytest.mark.parametrize("seed", [1, 7, 10, 15, 33])
def test_what_happens_with_lists_can_be_played_as_a_transcript(seed: int) -> None:
    played = Transcript().play(transcript(draw_calls(seed), "a reason"))
    assert ". AttemptEnded" in played


def test_what_is_made_short_can_be_played_as_a_transcript() -> None:
    """The same calls end in the same way."""
    plan: Plan = draw(5)
    written = transcript(replace(plan, acts=plan.acts[:8]), "a reason")
    played = Transcript().play(written)
    assert played.startswith("# Seed 5: a reason\n")
    assert ". CallEntered" in played
    assert ". CallEnded" in played
