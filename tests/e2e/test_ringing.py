"""How agents are rung, on real Asterisk, SIP and audio: the whisper, several at once, a number outside."""

from __future__ import annotations

import asyncio
import re

import pytest

from callctl.lab.line import Line
from callctl.lab.phones import Behaviour
from tests.e2e.floor import (
    AGENT,
    ALL_DID,
    CALLER,
    FRONT_DID,
    MOBILE,
    MOBILE_DID,
    MUSIC,
    TEAM,
    WHISPER,
    WHISPER_DID,
    Caller,
    Floor,
)
from tests.e2e.test_call_path import connected

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_the_agent_alone_hears_the_whisper(floor: Floor) -> None:
    """And sees the queue and the wait, on a phone that is told to answer by itself."""
    await floor.staff("agent7", how=Behaviour.answer())
    rung = len(floor.house.network.arrivals)
    caller = await floor.call(WHISPER_DID, tone_hz=CALLER, name="Zoe")
    arrival = await floor.house.network.wait_arrival(phone=TEAM["agent7"], after=rung)
    assert re.fullmatch(r"whispered 0:0\d Zoe", arrival.name), arrival
    assert arrival.auto == "<sip:callctl>;answer-after=0"
    agent = floor.house.network.line(arrival.channel)
    await agent.wait_answered()
    await floor.until_agent("agent7", state="briefed")
    await agent.wait_heard(lambda audio: audio.has_tone(WHISPER, 0.8), "the whisper", last=0.5)
    heard = await caller.line.heard()
    assert heard.between(-0.5).has_tone(MUSIC, 0.9), "the caller hears the music meanwhile"
    assert heard.tone_seconds(WHISPER) == 0
    assert await connected(floor, caller) == "agent7"
    await agent.wait_heard(lambda audio: audio.has_tone(CALLER, 0.9), "the caller", last=0.5)
    await caller.line.wait_heard(lambda audio: audio.has_tone(AGENT, 0.9), "the agent", last=0.5)
    assert (await caller.line.heard()).tone_seconds(WHISPER) == 0
    row = await floor.row_of_hangup(caller)
    assert [ring["result"] for ring in row["rings"]] == ["answered"]
    assert (await agent.heard()).tone_seconds(CALLER, 0.8) > 0


async def test_the_caller_who_hangs_up_at_the_whisper_leaves_no_miss(floor: Floor) -> None:
    await floor.staff("agent6", how=Behaviour.answer())
    caller = await floor.call(WHISPER_DID)
    await floor.until_agent("agent6", state="briefed")
    row = await floor.row_of_hangup(caller)
    assert (row["outcome"], [ring["result"] for ring in row["rings"]]) == ("abandoned", ["abandoned"])
    agent = await floor.until_agent("agent6", state="idle", standing="routable")
    assert agent["misses"] == 0


async def test_all_phones_ring_and_one_gets_the_call(floor: Floor) -> None:
    before = {agent: len(floor.phone(agent).lines()) for agent in TEAM}
    await floor.staff("agent6", "agent7", how=Behaviour.never())
    await floor.staff("agent8", how=Behaviour.answer(1.5))
    caller = await floor.call(ALL_DID)
    call = await floor.until_phase(caller, "offered")
    assert sorted(call["agents"]) == ["agent6", "agent7", "agent8"]
    assert await connected(floor, caller) == "agent8"
    for agent in ("agent6", "agent7"):
        line = await floor.phone(agent).wait_rung(before[agent])
        await line.wait_ended()
        assert line.cause == 26, "answered elsewhere: no missed call on the phone"
        seen = await floor.until_agent(agent, state="idle", standing="routable")
        assert seen["misses"] == 0
    row = await floor.row_of_hangup(caller)
    results = {ring["agent"]: ring["result"] for ring in row["rings"]}
    assert results == {"agent6": "answered_elsewhere", "agent7": "answered_elsewhere", "agent8": "answered"}
    assert "all 3 rung of 3 free in all" in await floor.cli("explain", caller.call)


async def test_two_answer_at_the_same_moment(floor: Floor) -> None:
    """asterisk#176: two agents answered one call."""
    await floor.staff("agent6", "agent7", "agent8", how=Behaviour.answer(1))
    caller = await floor.call(ALL_DID)
    got = await connected(floor, caller)
    others = [agent for agent in TEAM if agent != got]
    for agent in others:
        await floor.until_agent(agent, state="idle", standing="routable")
    channels = await floor.until_channels(lambda found: len(found) == 2, "the two who talk alone")
    assert len(channels) == 2
    row = await floor.row_of_hangup(caller)
    assert sorted(ring["result"] for ring in row["rings"]) == ["answered", "answered_elsewhere", "answered_elsewhere"]


async def test_who_comes_straight_to_the_front_is_answered_by_the_agent(floor: Floor) -> None:
    before = len(floor.phone("agent6").lines())
    await floor.staff("agent6", how=Behaviour.never())
    caller = await floor.call(FRONT_DID, tone_hz=CALLER)
    line = await floor.phone("agent6").wait_rung(before)
    await asyncio.sleep(0.5)
    assert caller.line.answered_at is None, "nobody pays yet"
    assert caller.line.state == "Ringing"
    await line.pick_up()
    await caller.line.wait_answered()
    assert await connected(floor, caller) == "agent6"
    await line.wait_heard(lambda audio: audio.has_tone(CALLER, 0.9), "the caller", last=0.5)
    row = await floor.row_of_hangup(caller)
    assert row["answered_by_pbx"] == row["connected"]


# ── a number outside ─────────────────────────────────────────────────────────────────────────


async def ring_mobile(floor: Floor) -> tuple[Caller, Line]:
    """A caller, and the line of the agent's mobile, picked up."""
    await floor.house.daemon.post("agents", "agent9", "login")
    await floor.until_agent("agent9", standing="routable")
    rung = len(floor.house.network.arrivals)
    caller = await floor.call(MOBILE_DID, tone_hz=CALLER)
    arrival = await floor.house.network.wait_arrival(dialled=MOBILE, after=rung)
    line = floor.house.network.line(arrival.channel)
    await line.wait_answered()
    return caller, line


async def test_an_agent_outside_presses_1(floor: Floor) -> None:
    await floor.house.network.behave(MOBILE, Behaviour.answer(0.5), AGENT)
    caller, line = await ring_mobile(floor)
    await line.wait_heard(lambda audio: audio.has_tone(WHISPER, 0.8), "what to press", last=0.5)
    assert (await caller.line.heard()).between(-0.5).has_tone(MUSIC, 0.9)
    await line.press("5")
    await floor.until_phase(caller, "offered")
    await line.press("1")
    assert await connected(floor, caller) == "agent9"
    await caller.line.wait_heard(lambda audio: audio.has_tone(AGENT, 0.9), "the agent", last=0.5)
    await line.wait_heard(lambda audio: audio.has_tone(CALLER, 0.9), "the caller", last=0.5)
    assert "pressed 1: accepted" in await floor.cli("explain", caller.call)
    row = await floor.row_of_hangup(caller)
    assert [ring["result"] for ring in row["rings"]] == ["answered"]
    await floor.house.daemon.post("agents", "agent9", "logout")


async def test_voicemail_is_a_miss(floor: Floor) -> None:
    """It answers, and presses nothing: the caller waits on, the agent is paused after two of them."""
    await floor.house.network.behave(MOBILE, Behaviour.answer(), AGENT)
    caller, line = await ring_mobile(floor)
    await line.wait_ended(30)
    assert (await caller.line.heard()).tone_seconds(AGENT) == 0, "no caller hears a voicemail's greeting"
    await floor.until_agent("agent9", misses=1)
    row = await floor.row_of_hangup(caller)
    assert row["rings"][0]["result"] == "not_accepted"
    assert row["outcome"] == "abandoned"
    await floor.house.daemon.post("agents", "agent9", "logout")
