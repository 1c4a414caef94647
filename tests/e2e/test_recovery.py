"""Postgres goes, callctl freezes, callctl stays away for good: with a call in each phase, on real parts."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from callctl.lab.install import Installation
from callctl.lab.phones import Behaviour
from callctl.store.embedded import EmbeddedPostgres
from tests.e2e.floor import AGENT, CALLER, DESK_DID, MUSIC, PROMPT, TONES_DID, Floor
from tests.e2e.night import (
    FALLBACK,
    HARBOUR,
    Listener,
    evening,
    hears,
    night,
    one_row_each,
    until,
    until_in_fallback,
    until_stale,
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

LEASE = {"lease": {"length": "30s", "renewal": "5s"}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dark(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Floor]:
    async with night(installation, tmp_path_factory.mktemp("recovery"), LEASE) as floor:
        yield floor


@pytest_asyncio.fixture(loop_scope="module")
async def floor(dark: Floor) -> AsyncIterator[Floor]:
    """All parts are up before and after each test, and nobody is on the phone."""
    yield dark
    dark.house.daemon.send_signal(signal.SIGCONT)
    if dark.house.daemon.pid is None:
        await dark.house.daemon.start()
    await dark.house.daemon.until_ready()
    await dark.quiet()


async def spool_bytes(floor: Floor) -> float:
    return (await floor.house.daemon.metrics())["callctl_spool_bytes"]


def server(floor: Floor) -> EmbeddedPostgres:
    return EmbeddedPostgres(floor.house.state / "postgres")


async def test_while_postgres_hangs_calls_go_on_and_their_rows_wait_on_disk(floor: Floor) -> None:
    """Its process for callctl's journal is frozen; the spool's size is a metric; all is stored once afterwards."""
    backend = await journals_backend(floor)
    os.kill(backend, signal.SIGSTOP)
    try:
        await floor.staff("agent6", how=Behaviour.answer())
        caller = await floor.call(DESK_DID, tone_hz=CALLER)
        await floor.until_phase(caller, "connected")
        await hears(caller.line, AGENT)
        await caller.line.hangup()
        other = await floor.call(TONES_DID)
        await hears(other.line, PROMPT)
        await other.line.press("1")
        await floor.until_phase(other, "queued", "offered", "connected", timeout=15)
        await other.line.hangup()
        assert await spool_bytes(floor) > 0
    finally:
        os.kill(backend, signal.SIGCONT)
    await one_row_each(floor, caller, other)
    await until_spool_is_empty(floor)


@pytest_asyncio.fixture(loop_scope="module")
async def small_disk(dark: Floor) -> AsyncIterator[None]:
    """The spool is on a disk of its own, of 8 kB."""
    folder = dark.house.state / "spool"
    await dark.house.daemon.stop()
    made = await command("mount", "-t", "tmpfs", "-o", "size=8k,mode=0700", "tmpfs", str(folder))
    try:
        await dark.house.daemon.start()
        if not made:
            pytest.skip("only root may mount a disk")
        yield
    finally:
        await dark.house.daemon.stop()
        if made:
            await command("umount", "--lazy", str(folder))
        await dark.house.daemon.start()


@pytest.mark.usefixtures("small_disk")
async def test_with_postgres_away_and_the_disk_full_calls_go_on(floor: Floor) -> None:
    """It is said in the log and by readyz; what neither takes waits in memory, and is stored once when Postgres is
    back."""
    await floor.staff("agent6", how=Behaviour.answer())
    backend = await journals_backend(floor)
    os.kill(backend, signal.SIGSTOP)
    callers = []
    try:
        async with asyncio.timeout(60):
            while '"spool.full"' not in floor.house.daemon.tail(10_000):
                callers.append(await floor.call(TONES_DID))
                await hears(callers[-1].line, PROMPT)
                await callers[-1].line.hangup()
        talking = await floor.call(DESK_DID, tone_hz=CALLER)
        await floor.until_phase(talking, "connected")
        await hears(talking.line, AGENT)
    finally:
        os.kill(backend, signal.SIGCONT)
    await talking.line.hangup()
    await one_row_each(floor, *callers, talking)
    await until_spool_is_empty(floor)


async def test_killed_postgres_loses_no_call_and_no_row(floor: Floor) -> None:
    """callctl starts its own Postgres again; people in every phase notice nothing."""
    people = await evening(floor)
    ears = [await Listener.of(people.talking.line, AGENT), await Listener.of(people.queued.line, MUSIC)]
    pid = server(floor).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await people.phone_ringing.pick_up()
    await floor.until_phase(people.ringing, "connected")
    await people.menu.line.press("1")
    await floor.until_phase(people.menu, "queued")
    assert [await ear.gaps() < 0.5 for ear in ears] == [True, True]
    for caller in people.callers.values():
        await caller.line.hangup()
    await until(lambda: answers(floor), "Postgres to be back", 30)
    await one_row_each(floor, *people.callers.values())
    await until_spool_is_empty(floor)


async def test_frozen_until_its_heartbeat_is_stale(floor: Floor) -> None:
    """SIGSTOP: who talks talks on, who waits waits on, who comes late takes the fallback, who leaves
    meanwhile is seen to have left."""
    people = await evening(floor)
    ear = await Listener.of(people.talking.line, AGENT)
    floor.house.daemon.send_signal(signal.SIGSTOP)
    await until_stale(floor)
    late = await floor.house.network.call(TONES_DID, floor.fresh_number())
    floor.lines.append(late)
    await late.wait_answered(5)
    await hears(late, FALLBACK)
    await people.menu.line.hangup()
    floor.house.daemon.send_signal(signal.SIGCONT)
    await floor.house.daemon.until_ready()

    await floor.until_phase(people.talking, "connected")
    assert await ear.gaps() < 0.5
    for caller in people.callers.values():
        await caller.line.hangup()
    await one_row_each(floor, *people.callers.values())


async def test_an_answer_that_callctl_slept_through_costs_the_caller_nothing(floor: Floor) -> None:
    """The agent answers a callctl that is frozen, is told after 15 s that nobody is there, and hangs up. What callctl
    then reads first is the answer: it must not take the hang-up behind it for the end of a talk."""
    rung = len(floor.phone("agent7").lines())
    await floor.staff("agent7", how=Behaviour.never())
    caller = await floor.call(DESK_DID)
    phone = await floor.phone("agent7").wait_rung(rung)
    await floor.until_phase(caller, "offered")
    floor.house.daemon.send_signal(signal.SIGSTOP)
    await phone.pick_up()
    await hears(phone, HARBOUR, 25)
    await phone.hangup()
    floor.house.daemon.send_signal(signal.SIGCONT)
    await floor.house.daemon.until_ready()
    await floor.until_phase(caller, "queued", "offered")
    await hears(caller.line, MUSIC)
    assert (await floor.row_of_hangup(caller))["outcome"] == "abandoned"


async def test_when_leases_end_every_phase_takes_the_fallback(floor: Floor) -> None:
    """callctl is dead for good. The queue's lease and the ring's end by themselves; those of the menu, whose prompt
    holds it for three minutes, and of the talk, for hours, are shortened in Asterisk."""
    people = await evening(floor)
    await floor.house.daemon.kill()
    died = time.monotonic()
    for caller in (people.queued, people.ringing):
        await until_in_fallback(floor, caller.number, 45)
        assert time.monotonic() - died > 2, "not before the lease's end"
    # Only now: the fallback lasts for some twenty seconds, and all shall hear it at one time.
    for caller in (people.menu, people.talking):
        # The agent's leg shows the caller's number as well.
        theirs = [c["name"] for c in await floor.ari("channels") if c["caller"]["number"] == caller.number]
        channel = next(name for name in theirs if name.startswith("PJSIP/trunk-"))
        await floor.house.node.cli(f"dialplan set chanvar {channel} TIMEOUT(absolute) 3")
    for caller in (people.menu, people.talking):
        await until_in_fallback(floor, caller.number, 15)
    await asyncio.gather(*(hears(caller.line, FALLBACK) for caller in people.callers.values()))

    await floor.house.daemon.start()
    rows = await one_row_each(floor, *people.callers.values())
    assert {row["outcome"] for row in rows.values()} <= {"left_for_fallback", "answered"}
    assert rows[people.queued.call]["outcome"] == "left_for_fallback"
    await people.phone_talking.wait_ended()  # nobody is left to talk to, or to ring for
    await people.phone_ringing.wait_ended()
    for agent in ("agent6", "agent7"):
        await floor.until_agent(agent, state="idle", timeout=15)
    for caller in people.callers.values():
        assert not caller.line.ended, "recovery leaves the fallback alone"


async def answers(floor: Floor) -> bool:
    """Whether Postgres does."""
    try:
        await (await asyncpg.connect(server(floor).url())).close()
    except (OSError, asyncpg.PostgresError):
        return False
    return True


async def journals_backend(floor: Floor) -> int:
    """The process of Postgres that serves the journal."""
    connection = await asyncpg.connect(server(floor).url())
    try:
        return int(await connection.fetchval("select pid from pg_locks where locktype = 'advisory'"))
    finally:
        await connection.close()


async def command(*words: str) -> bool:
    """Run it; whether it succeeded."""
    process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait() == 0


async def until_spool_is_empty(floor: Floor) -> None:
    async def empty() -> bool:
        return await spool_bytes(floor) == 0

    await until(empty, "the spool to be stored")
