"""How calls find agents, on real Asterisk, SIP, audio and Postgres: skills, overflow, the last agent."""

from __future__ import annotations

import asyncio
import json

import pytest

from callctl.lab.phones import Behaviour
from tests.e2e.floor import AGENT, CALLER, GOODBYE, MUSIC, PICKY_DID, WORDS_DID, Floor
from tests.e2e.test_call_path import connected

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_a_skill_is_asked_for_less_while_the_caller_waits(floor: Floor) -> None:
    """agent7 speaks a little German, agent8 none: who wants it hears music until less will do."""
    await floor.staff("agent8", "agent7", how=Behaviour.answer())
    caller = await floor.call(PICKY_DID, tone_hz=CALLER)
    place = await floor.until_phase(caller, "queued")
    assert place["asks"]["needs"] == {"german": 50}
    await caller.line.wait_heard(lambda audio: audio.has_tone(MUSIC, 0.9), "the music")
    assert await connected(floor, caller) == "agent7"
    await caller.line.wait_heard(lambda audio: audio.has_tone(AGENT, 0.9), "the agent")
    explained = await floor.cli("explain", caller.call)
    assert "After 3.0 s in picky asks for german ≥ 10" in explained
    assert "first in order of 1 free in picky with german ≥ 10" in explained
    await floor.row_of_hangup(caller)

    await floor.staff("agent6", how=Behaviour.answer())
    fluent = await floor.call(PICKY_DID)
    assert await connected(floor, fluent) == "agent6"
    row = await floor.row_of_hangup(fluent)
    assert (row["connected"] - row["queued"]).total_seconds() < 2


async def test_a_full_queue_and_an_exit_key(floor: Floor) -> None:
    first, second = await floor.call(PICKY_DID), await floor.call(PICKY_DID)
    for caller in (first, second):
        await floor.until_phase(caller, "queued")
    before = await floor.house.daemon.metrics()
    third = await floor.call(PICKY_DID)
    await third.line.wait_heard(lambda audio: audio.has_tone(GOODBYE), "goodbye", last=0.4)
    await third.line.wait_ended(5)
    assert (await floor.row(third))["outcome"] == "overflowed"
    changed = await floor.metrics_since(before)
    assert changed['callctl_queue_flowed_out_total{queue="picky",to="hang_up",waited="no",why="full"}'] == 1

    await first.line.wait_heard(lambda audio: audio.has_tone(MUSIC, 0.9), "the music")
    await first.line.press("0")
    await floor.until_call(lambda call: call["id"] == first.call and call.get("queue") == "desk")
    await floor.staff("agent8", how=Behaviour.answer())  # who serves the desk, and has no German
    assert await connected(floor, first) == "agent8"
    row = await floor.row_of_hangup(first)
    visits = [(visit["queue"], visit["why"]) for visit in json.loads(row["queues"])]
    assert visits == [("picky", "exit_key"), ("desk", None)]
    assert row["outcome"] == "answered"


async def test_who_calls_again_finds_the_last_agent_over_a_restart_too(floor: Floor) -> None:
    await floor.staff("agent7", how=Behaviour.answer())
    caller = await floor.call(PICKY_DID)
    assert await connected(floor, caller) == "agent7"
    await floor.row_of_hangup(caller)
    await floor.staff("agent6", how=Behaviour.answer())  # speaks better, and is first in order

    again = await floor.call(PICKY_DID, caller.number)
    assert await connected(floor, again) == "agent7"
    assert "at first for agent7 alone" in await floor.cli("explain", again.call)
    await floor.row_of_hangup(again)

    await floor.house.daemon.stop()
    await floor.house.daemon.start()
    await floor.until_agent("agent7", standing="routable")
    once_more = await floor.call(PICKY_DID, caller.number)
    assert await connected(floor, once_more) == "agent7"
    await floor.row_of_hangup(once_more)


async def test_who_left_and_calls_again_has_the_wait_counted_over_a_restart_too(floor: Floor) -> None:
    caller = await floor.call(WORDS_DID)
    await floor.until_phase(caller, "queued")
    await asyncio.sleep(2)
    row = await floor.row_of_hangup(caller)
    await floor.house.daemon.stop()
    await floor.house.daemon.start()
    again = await floor.call(WORDS_DID, caller.number)
    place = await floor.until_phase(again, "queued")
    assert place["credit"] == pytest.approx((row["ended"] - row["queued"]).total_seconds(), abs=0.01)
    await floor.row_of_hangup(again)
