"""The way after the talk on real parts: the agent hangs up, and the caller hears the survey and marks the talk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callctl.lab.house import Overlay
from callctl.lab.line import Line
from callctl.lab.phones import Behaviour
from tests.e2e.floor import AGENT, CALLER, GOODBYE, MUSIC, PROMPT, SERVED, Caller, Floor, changes
from tests.e2e.test_call_path import connected, in_order

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

ASKED_DID = "+442079460040"


def asked(floor: Floor) -> Overlay:
    """A queue whose callers are asked something after the talk, by a menu of tones."""
    menus = changes(floor.house)["menus"]
    prompts, goodbye = menus["tones"]["prompts"], menus["brief"]["give_up"]["announce"]
    return {
        "numbers": {ASKED_DID: {"queue": "asked"}},
        "menus": {
            "survey": {
                "prompts": [*prompts],
                "options": {mark: {"announce": [*goodbye]} for mark in range(1, 6)},
                "give_up": {"hang_up": "normal"},
            }
        },
        "queues": {"asked": {"music": "floor", "wrap_up": "2s", "after": {"menu": "survey"}}},
        "agents": {"agent6": {"queues": [*SERVED, "asked"]}},
    }


@pytest_asyncio.fixture(loop_scope="session")
async def talk(floor: Floor) -> AsyncIterator[tuple[Caller, Line]]:
    """A caller and agent6's phone, who hear each other."""
    await floor.reload(asked(floor))
    await floor.staff("agent6", how=Behaviour.answer())
    rung = len(floor.house.network.arrivals)
    caller = await floor.call(ASKED_DID, tone_hz=CALLER)
    assert await connected(floor, caller) == "agent6"
    arrival = await floor.house.network.wait_arrival(phone="phone106", after=rung)
    phone = floor.house.network.line(arrival.channel)
    await caller.line.wait_heard(lambda audio: audio.has_tone(AGENT, 0.9), "the agent")
    await asyncio.sleep(0.5)  # longer than `least_talk`: they have talked
    yield caller, phone
    await floor.quiet()
    await floor.reload({})


async def hears_the_survey(caller: Caller) -> None:
    await caller.line.wait_heard(
        lambda audio: audio.has_tone(PROMPT, 0.9) and audio.tone_share(MUSIC) < 0.02, "the survey's prompt", last=0.5
    )


async def test_the_agent_hangs_up_and_the_caller_marks_the_talk(floor: Floor, talk: tuple[Caller, Line]) -> None:
    caller, phone = talk
    before = await floor.house.daemon.metrics()
    call = await floor.until_phase(caller, "connected")
    await phone.hangup()
    await hears_the_survey(caller)
    assert (await floor.until_phase(caller, "in_menu"))["menu"] == "survey"
    assert await floor.bridge(call["agent_leg"]) == set()
    await floor.until_lease(call["leg"], 0, 210)  # while prompts play; of the talk it was four hours
    await floor.until_agent("agent6", state="idle")  # wrap-up is over, and the caller is still asked
    await caller.line.press("4")
    await caller.line.wait_ended()
    assert (await caller.line.heard()).tone_seconds(GOODBYE) > 0.4, "what is said behind the mark"
    row = await floor.row(caller)
    in_order(row, "entered", "queued", "connected", "asked_after", "ended")
    in_order(row, "asked_after", "wrap_up_ended", "ended")
    assert (row["outcome"], row["ended_by"], row["agent"], row["queue"]) == ("answered", "callctl", "agent6", "asked")
    assert [(visit["menu"], visit["digits"]) for visit in row["menus"]] == [("survey", "4")]
    changed = await floor.metrics_since(before)
    assert changed['callctl_after_talk_total{queue="asked"}'] == 1
    assert changed['callctl_queue_talk_seconds_count{queue="asked"}'] == 1
    assert changed['callctl_queue_ended_total{outcome="answered",queue="asked"}'] == 1
    explained = await floor.cli("explain", caller.call)
    assert "of talk: goes to menu survey" in explained
    (listed,) = [line for line in (await floor.cli("calls", "--ended", "5")).splitlines() if caller.call in line]
    assert "answered" in listed


async def test_who_hangs_up_on_the_agent_is_not_asked(floor: Floor, talk: tuple[Caller, Line]) -> None:
    caller, phone = talk
    row = await floor.row_of_hangup(caller)
    await phone.wait_ended()
    assert (row["outcome"], row["ended_by"], row["asked_after"], row["menus"]) == ("answered", "caller", None, [])


async def test_an_agent_who_hangs_up_while_callctl_is_dead_has_the_caller_asked(
    floor: Floor, talk: tuple[Caller, Line]
) -> None:
    """And a kill while the caller is asked brings the prompt again."""
    caller, phone = talk
    await floor.house.daemon.kill()
    await phone.hangup()
    await phone.wait_ended()
    await floor.house.daemon.start()
    await hears_the_survey(caller)
    await floor.until_agent("agent6", state="idle")
    await floor.house.daemon.kill()
    await floor.house.daemon.start()
    await floor.until_phase(caller, "in_menu")
    await hears_the_survey(caller)
    await caller.line.press("2")
    await caller.line.wait_ended()
    row = await floor.row(caller)
    assert (row["outcome"], row["agent"], row["ended_by"]) == ("answered", "agent6", "callctl")
    assert [(visit["menu"], visit["digits"]) for visit in row["menus"]] == [("survey", "2")]
    in_order(row, "connected", "asked_after", "wrap_up_ended", "ended")
