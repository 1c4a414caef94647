"""callctl stops, dies, or loses its way to Asterisk; Asterisk dies. People on the phone are heard and asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callctl.lab.install import Installation
from callctl.lab.phones import Behaviour
from tests.e2e.floor import AGENT, CALLER, DESK_DID, MUSIC, PROMPT, TONES_DID, Floor
from tests.e2e.night import (
    FALLBACK,
    HARBOUR,
    Listener,
    context_of,
    evening,
    hears,
    night,
    one_row_each,
    rows_of,
    sounds_of_night,
    until,
    until_in_fallback,
    until_node,
    until_stale,
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

LEASE = {"lease": {"length": "10s", "renewal": "3s"}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dark(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Floor]:
    async with night(installation, tmp_path_factory.mktemp("away"), LEASE, wire=True) as floor:
        yield floor


@pytest_asyncio.fixture(loop_scope="module")
async def floor(dark: Floor) -> AsyncIterator[Floor]:
    """All parts are up before and after each test, and nobody is on the phone."""
    yield dark
    house = dark.house
    assert house.wire is not None
    await house.wire.mend()
    if house.node.pid is None:
        await house.node.start()
    if house.daemon.pid is None:
        await house.daemon.start()
    await house.daemon.until_ready()
    await dark.quiet()


async def take_away(floor: Floor, how: str) -> None:
    """Stop or kill callctl."""
    if how == "killed":
        await floor.house.daemon.kill()
        return
    began = time.monotonic()
    assert await floor.house.daemon.stop() == 0
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_calls_in_every_phase_outlive_callctl(floor: Floor, how: str) -> None:
    people = await evening(floor)
    since = (await floor.until_phase(people.queued, "queued"))["since"]
    ears = [
        await Listener.of(people.talking.line, AGENT),
        await Listener.of(people.phone_talking, CALLER),
        await Listener.of(people.queued.line, MUSIC),
        await Listener.of(people.ringing.line, MUSIC),
    ]
    rung = len(floor.house.network.arrivals)
    await take_away(floor, how)
    await hears(people.menu.line, PROMPT)  # it plays on, as nobody stops it
    await floor.house.daemon.start()

    for phase, caller in people.callers.items():
        call = await floor.until_phase(caller, phase)
        assert call["id"] == caller.call
    assert (await floor.until_phase(people.queued, "queued"))["since"] == since
    assert [await ear.gaps() < 0.5 for ear in ears] == [True] * 4, [await ear.gaps() for ear in ears]
    assert not people.phone_ringing.ended

    await people.phone_ringing.pick_up()
    await floor.until_phase(people.ringing, "connected")
    await hears(people.ringing.line, AGENT)
    await people.menu.line.press("1")
    order = [people.queued.call, (await floor.until_phase(people.menu, "queued"))["id"]]
    desk = next(q for q in (await floor.house.daemon.get("queues"))["queues"] if q["id"] == "desk")
    assert [place["call"] for place in desk["order"]] == order
    assert len(floor.house.network.arrivals) == rung, "no phone was rung twice"

    for caller in people.callers.values():
        await caller.line.hangup()
    rows = await one_row_each(floor, *people.callers.values())
    outcomes = {phase: rows[caller.call]["outcome"] for phase, caller in people.callers.items()}
    assert outcomes == {
        "connected": "answered", "offered": "answered", "queued": "abandoned", "in_menu": "abandoned",
    }  # fmt: skip


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_who_hangs_up_meanwhile_leaves_nothing_behind(floor: Floor, how: str) -> None:
    people = await evening(floor)
    await take_away(floor, how)
    await people.queued.line.hangup()
    await people.menu.line.hangup()
    await people.ringing.line.hangup()
    await people.phone_talking.hangup()
    await floor.house.daemon.start()

    await people.talking.line.wait_ended()  # nobody is left to talk to
    await people.phone_ringing.wait_ended()  # nobody is left to ring for
    await floor.until_channels(lambda found: not found, "the last channel to end")
    rows = await one_row_each(floor, *people.callers.values())
    outcomes = {phase: rows[caller.call]["outcome"] for phase, caller in people.callers.items()}
    assert outcomes == {
        "connected": "answered", "offered": "abandoned", "queued": "abandoned", "in_menu": "left_in_menu",
    }  # fmt: skip
    assert rows[people.talking.call]["ended_by"] == "agent"
    bridges = [b["id"] for b in await floor.ari("bridges") if not b["id"].startswith("hold-")]
    assert bridges == []
    for agent in ("agent6", "agent7"):
        await floor.until_agent(agent, state="idle", timeout=15)


async def test_a_phone_that_is_answered_while_callctl_is_away_hears_an_apology(floor: Floor) -> None:
    rung = len(floor.phone("agent7").lines())
    await floor.staff("agent7", how=Behaviour.never())
    caller = await floor.call(DESK_DID)
    phone = await floor.phone("agent7").wait_rung(rung)
    await floor.until_phase(caller, "offered")
    await take_away(floor, "killed")
    await phone.pick_up()
    await hears(phone, HARBOUR)
    await floor.house.daemon.start()
    await phone.wait_ended()
    await hears(caller.line, MUSIC)  # waits on, at the old place
    assert (await floor.row_of_hangup(caller))["outcome"] == "abandoned"


async def test_a_quick_restart_loses_nobody(floor: Floor) -> None:
    await take_away(floor, "stopped")
    number = floor.fresh_number()
    line = await floor.house.network.call(TONES_DID, number)
    floor.lines.append(line)
    await floor.house.network.until(lambda: line.state == "Ringing", "ringing", 5)
    assert await context_of(floor, number) == "callctl-enter"
    await floor.house.daemon.start()
    await hears(line, PROMPT)
    await line.press("1")
    await floor.until_call(lambda call: call["caller"] == number and call["phase"] == "queued")
    await line.hangup()
    await until(lambda: rows_of(floor, number), "the record")
    assert len(await rows_of(floor, number)) == 1


async def test_away_for_long(floor: Floor) -> None:
    """Dead for good: who talks talks on, who waits is taken to the fallback when the lease ends, who comes is held
    for five seconds while the heartbeat is fresh, and goes there at once when it is not."""
    await floor.staff("agent6", how=Behaviour.answer())
    talking = await floor.call(DESK_DID, tone_hz=CALLER)
    await floor.until_phase(talking, "connected")
    phone = floor.phone("agent6").lines()[-1]
    waiting = await floor.call(DESK_DID)
    await floor.until_phase(waiting, "queued")
    await hears(waiting.line, MUSIC)
    ears = [await Listener.of(talking.line, AGENT), await Listener.of(phone, CALLER)]

    await take_away(floor, "killed")
    died = time.monotonic()
    first = await floor.house.network.call(TONES_DID, floor.fresh_number())
    floor.lines.append(first)
    await first.wait_answered(8)
    assert 4 < time.monotonic() - died < 8
    await hears(first, FALLBACK)
    await until_in_fallback(floor, waiting.number, 12)
    assert 5 < time.monotonic() - died < 12
    await hears(waiting.line, FALLBACK)

    await until_stale(floor)
    began = time.monotonic()
    second = await floor.house.network.call(TONES_DID, floor.fresh_number())
    floor.lines.append(second)
    await second.wait_answered(2)
    assert time.monotonic() - began < 1
    await hears(second, FALLBACK)

    await floor.house.daemon.start()
    await floor.until_phase(talking, "connected")
    assert [await ear.gaps() < 0.5 for ear in ears] == [True, True]
    assert await context_of(floor, waiting.number) == "callctl-fallback", "it is left alone there"
    row = await floor.row(waiting)
    assert (row["outcome"], row["ended_by"]) == ("left_for_fallback", "pbx")
    await phone.hangup()
    rows = await one_row_each(floor, talking, waiting)
    assert rows[talking.call]["outcome"] == "answered"


async def test_a_cut_link_takes_new_callers_to_the_fallback(floor: Floor) -> None:
    house = floor.house
    assert house.wire is not None
    await house.wire.cut()
    began = time.monotonic()
    line = await house.network.call(TONES_DID, floor.fresh_number())
    floor.lines.append(line)
    await line.wait_answered(10)
    assert 4 < time.monotonic() - began < 8
    await hears(line, FALLBACK)
    status = await house.daemon.get("status")
    assert not status["ready"]
    assert any("pbx.ari" in reason and "cannot be reached" in reason for reason in status["reasons"])
    await house.wire.mend()
    await house.daemon.until_ready()
    caller = await floor.call(TONES_DID)
    await hears(caller.line, PROMPT)


async def test_a_link_that_is_cut_for_a_moment_loses_nothing(floor: Floor) -> None:
    house = floor.house
    assert house.wire is not None
    people = await evening(floor)
    ears = [
        await Listener.of(people.talking.line, AGENT),
        await Listener.of(people.phone_talking, CALLER),
        await Listener.of(people.queued.line, MUSIC),
    ]
    await house.wire.cut()
    await until_node(floor, "down")
    number = floor.fresh_number()
    line = await house.network.call(TONES_DID, number)
    floor.lines.append(line)
    await house.network.until(lambda: line.state == "Ringing", "ringing", 5)
    await people.phone_ringing.hangup()
    await house.wire.mend()
    await house.daemon.until_ready()
    await hears(line, PROMPT)
    for phase, caller in people.callers.items():
        if phase != "offered":
            await floor.until_phase(caller, phase)
    await floor.until_phase(people.ringing, "queued", "offered")
    assert [await ear.gaps() < 0.5 for ear in ears] == [True] * 3
    for caller in people.callers.values():
        await caller.line.hangup()
    await one_row_each(floor, *people.callers.values())


async def test_a_link_that_says_nothing_is_given_up_and_made_anew(floor: Floor) -> None:
    """No connection breaks, nothing comes: callctl notices. Who comes meanwhile is served afterwards."""
    house = floor.house
    assert house.wire is not None
    house.wire.clog()
    number = floor.fresh_number()
    line = await house.network.call(TONES_DID, number)
    floor.lines.append(line)
    await until_node(floor, "down", 12)
    status = await house.daemon.get("status")
    assert any("hangs" in reason or "does not answer" in reason for reason in status["reasons"]), status
    await house.wire.mend()
    await house.daemon.until_ready()
    await hears(line, PROMPT)
    await floor.until_call(lambda call: call["caller"] == number and call["phase"] == "in_menu")


@pytest.mark.parametrize("crash", [True, False], ids=["killed", "restarted"])
async def test_a_pbx_that_restarts_frees_everybody(floor: Floor, crash: bool) -> None:
    house = floor.house
    people = await evening(floor)
    await asyncio.gather(house.node.restart(crash=crash), until_node(floor, "down"))
    await house.daemon.until_ready()
    await sounds_of_night(floor)
    rows = await one_row_each(floor, *people.callers.values())
    if crash:  # a PBX that is stopped in order hangs everybody up first, as people do
        assert {(row["outcome"], row["ended_by"]) for row in rows.values()} == {("pbx_lost", "pbx")}
    await floor.until_agent("agent6", standing="routable", timeout=20)
    await floor.phone("agent6").behave(Behaviour.answer(), AGENT)
    caller = await floor.call(DESK_DID)
    await floor.until_phase(caller, "connected", timeout=15)
    await hears(caller.line, AGENT)
