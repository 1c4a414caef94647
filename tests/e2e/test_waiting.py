"""What callers hear while they wait, and where queues and numbers send them for good: real Asterisk and audio."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callctl.lab.audio import Audio, join, read_wav
from callctl.lab.phones import Behaviour
from tests.e2e.floor import (
    AGENT,
    CALLER,
    ELSEWHERE,
    GOODBYE,
    MAILBOX_DID,
    MUSIC,
    OUT_DID,
    WORDS_DID,
    Caller,
    Floor,
)
from tests.e2e.test_call_path import connected

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


def spoken(floor: Floor, *names: str) -> Audio:
    """The first two seconds of Asterisk's own sounds, one after the other."""
    folder = (floor.house.node.installation.root or Path("/")) / "usr/share/asterisk/sounds/en_US_f_Allison"
    return join([read_wav(folder / f"{name}.wav") for name in names]).between(0, 2)


async def until_told(floor: Floor, caller: Caller, words: str) -> None:
    """Until callctl says that these words have begun. What is heard is looked at once, at the end: each look at a line
    that is up costs some milliseconds of its recording."""
    async with asyncio.timeout(20):
        while words not in await floor.cli("explain", caller.call):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)


async def test_the_position_is_heard_and_the_music_goes_on(floor: Floor) -> None:
    first = await floor.call(WORDS_DID)
    await floor.until_phase(first, "queued")
    second = await floor.call(WORDS_DID)
    next_one, second_one = spoken(floor, "queue-youarenext"), spoken(floor, "queue-thereare", "digits/2")
    await until_told(floor, second, "hears sound:queue-thereare, sound:digits/2")
    await asyncio.sleep(8)  # the words last five seconds
    await floor.row_of_hangup(first)
    await first.line.wait_ended()
    heard = await first.line.heard()
    assert heard.likeness(next_one) > 0.9
    assert heard.likeness(second_one) < 0.9
    assert heard.between(-0.7, -0.2).has_tone(MUSIC, 0.9), "the music again"
    await until_told(floor, second, "hears sound:queue-youarenext")
    await asyncio.sleep(8)
    heard = await second.line.heard()
    assert heard.likeness(second_one) > 0.9
    assert heard.likeness(next_one) > 0.9, "now next"
    assert heard.tone_seconds(GOODBYE) > 0.2, "the operator's own words, behind the place"
    assert heard.between(-0.7, -0.2).has_tone(MUSIC, 0.9), "the music again"


async def test_words_delay_no_offer_and_stop_at_the_answer(floor: Floor) -> None:
    await floor.phone("agent6").behave(Behaviour.answer(), AGENT)
    caller = await floor.call(WORDS_DID, tone_hz=CALLER)
    await floor.until_phase(caller, "queued")
    async with asyncio.timeout(5):
        while "hears" not in await floor.cli("explain", caller.call):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    await floor.staff("agent6")
    assert await connected(floor, caller) == "agent6"
    await caller.line.wait_heard(lambda audio: audio.has_tone(AGENT, 0.9), "the agent alone", last=0.5)
    row = await floor.row_of_hangup(caller)
    assert (row["connected"] - row["queued"]).total_seconds() < 4


async def test_a_caller_leaves_a_message(floor: Floor) -> None:
    """In Asterisk's own voicemail; callctl knows of the end, also over a restart."""
    caller = await floor.call(MAILBOX_DID, tone_hz=CALLER)
    await floor.until_phase(caller, "handed_over")
    await caller.line.wait_heard(lambda audio: audio.sound_seconds() > 0.5, "the greeting")
    await floor.house.daemon.kill()
    await floor.house.daemon.start()
    assert (await floor.until_phase(caller, "handed_over", timeout=10))["id"] == caller.call
    box = floor.house.node.folder / "spool/voicemail/callctl/100"
    async with asyncio.timeout(30):
        while not list(box.rglob("*.wav")):  # noqa: ASYNC110 - another process: the greeting, then the beep
            await asyncio.sleep(0.2)
    await asyncio.sleep(5)
    row = await floor.row_of_hangup(caller)
    assert (row["outcome"], row["ended_by"], row["queue"]) == ("voicemail", "caller", None)
    async with asyncio.timeout(10):
        while not (box / "INBOX/msg0000.wav").exists():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    assert read_wav(box / "INBOX/msg0000.wav").tone_seconds(CALLER, 0.8) > 1


async def test_a_caller_is_sent_out(floor: Floor) -> None:
    """By the dialplan: callctl's death is nothing to the two. Then the kill switch, and the day's ceiling."""
    network = floor.house.network
    await network.behave(ELSEWHERE, Behaviour.answer(), AGENT)
    rung = len(network.arrivals)
    caller = await floor.call(OUT_DID, tone_hz=CALLER)
    arrival = await network.wait_arrival(dialled=ELSEWHERE, after=rung)
    assert arrival.number == caller.number
    await caller.line.wait_heard(lambda audio: audio.has_tone(AGENT, 0.9), "who answers there", last=0.5)
    await floor.house.daemon.kill()
    await floor.house.daemon.start()
    await floor.until_phase(caller, "handed_over", timeout=10)
    row = await floor.row_of_hangup(caller)
    assert (row["outcome"], row["ended_by"]) == ("sent_out", "caller")
    await network.line(arrival.channel).wait_ended()
    explained = await floor.cli("explain", caller.call)
    assert f"number {ELSEWHERE} over carrier" in explained

    before = await floor.house.daemon.metrics()
    await floor.reload({"dialing": {"stopped": True}})
    refused = await floor.call(OUT_DID)
    await refused.line.wait_ended()
    assert len(network.arrivals) == rung + 1
    assert "dialling out is stopped" in await floor.cli("explain", refused.call)
    changed = await floor.metrics_since(before)
    assert changed['callctl_dial_refused_total{purpose="overflow",rule="stopped"}'] == 1
    await floor.reload({"trunks": {"carrier": {"calls_a_day": 1}}})
    refused = await floor.call(OUT_DID)
    await refused.line.wait_ended()
    assert "has carried its 1 calls of the day" in await floor.cli("explain", refused.call)
    await floor.reload({})
