"""Lists are dialled on real parts: each kind of subscriber, agents on open lines, the safe harbour, messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callctl.lab.install import Installation
from callctl.lab.phones import Behaviour
from tests.e2e.drill import AGENT, SHOWN, TEAM, Drill, drilling

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

OUTCOMES = {
    "person": (Behaviour.human(0.5), "answered"),
    "another": (Behaviour.human(1.5), "answered"),
    "machine": (Behaviour.voicemail(0.3), "machine"),
    "busy": (Behaviour.busy(0.2), "busy"),
    "rings": (Behaviour.no_answer(1), "no_answer"),
    "never": (Behaviour.never(), "no_answer"),
    "silent": (Behaviour.silence(0.2), "machine"),
    "rejects": (Behaviour.status(603), "refused"),
    "congested": (Behaviour.congestion(), "failed"),
    "unknown": (Behaviour.unallocated(), "invalid"),
    "announced": (Behaviour.sit(), "invalid"),
    "recorded": (Behaviour.sit_answered(0.2), "invalid"),
    "fax": (Behaviour.fax(0.2), "machine"),
    "leaves": (Behaviour.drop(0.2, stay=0.3), "hung_up"),
}
"""What each does, and what the attempt comes to."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Drill]:
    async with drilling(installation, tmp_path_factory.mktemp("dialing")) as built:
        yield built


@pytest_asyncio.fixture(loop_scope="module")
async def drill(house: Drill) -> AsyncIterator[Drill]:
    yield house
    await house.quiet()


async def test_each_outcome_is_recorded_right(drill: Drill) -> None:
    await drill.staff("agent21", "agent22")
    numbers = await drill.people(**{name: how for name, (how, _) in OUTCOMES.items()})
    await drill.start()
    for name in ("person", "another"):
        line = await drill.line(numbers[name])
        await line.wait_heard(lambda audio: audio.tone_seconds(AGENT) > 0.5, "the agent")
        await line.hangup()
    rows = await drill.attempts(list(numbers.values()))
    assert {name: rows[number]["outcome"] for name, number in numbers.items()} == {
        name: outcome for name, (_, outcome) in OUTCOMES.items()
    }
    assert all(drill.calls_to(number) == 1 for number in numbers.values())
    person = rows[numbers["person"]]
    heard = {name: rows[numbers[name]]["heard"] for name in ("machine", "silent", "fax", "recorded", "leaves", "busy")}
    assert heard == {
        "machine": "machine", "silent": "silence", "fax": "fax", "recorded": "sit", "leaves": None, "busy": None
    }  # fmt: skip
    assert (person["campaign"], person["call_outcome"], person["heard"]) == ("drill", "answered", "human")
    assert person["agent"] in TEAM
    assert person["rang"] < person["picked_up"] < person["connected"]
    shown = {arrival.number for arrival in drill.house.network.arrivals if arrival.dialled in numbers.values()}
    assert shown == {SHOWN}
    kept = await (await drill.line(numbers["machine"])).heard(after_beep=True)
    assert kept.sound_seconds() > 2
    assert rows[numbers["machine"]]["message_left"] is not None


async def test_an_agent_hears_a_beep_and_the_customer_and_stays_on_the_line(drill: Drill) -> None:
    before = len(drill.house.network.arrivals)
    await drill.staff("agent21")
    phone = await drill.house.network.wait_arrival(phone="phone121", after=before)
    first = len(drill.house.network.arrivals)
    numbers = await drill.people(one=Behaviour.human(0.3), two=Behaviour.human(0.3))
    await drill.configure(lines_per_agent=1)
    await drill.start()
    for number in numbers.values():
        line = await drill.line(number)
        await line.wait_heard(lambda audio: audio.tone_seconds(AGENT) > 0.3, "the agent")
        await line.hangup()
    await drill.attempts(list(numbers.values()))
    rung = [it for it in drill.house.network.arrivals[first:] if it.phone == "phone121"]
    assert not rung, "the phone was rung once, for the line"
    assert drill.house.network.line(phone.channel).is_up


async def test_nobody_is_free_and_the_safe_harbour_is_heard_within_the_grace(drill: Drill) -> None:
    await drill.configure(detection=None, lines_per_agent=2)
    await drill.staff("agent21")
    numbers = await drill.people(first=Behaviour.human(0.5, pause=5), second=Behaviour.human(1.0, pause=30))
    await drill.start()
    second = await drill.line(numbers["second"])
    await second.wait_answered(20)
    await second.wait_heard(lambda audio: audio.sound_seconds() > 0.4, "the safe harbour", timeout=8)
    heard = await second.heard()
    begins = heard.sound_begins()
    assert begins is not None
    assert begins <= 2.6, "within the grace of 2 s, and the time that Asterisk needs to play"
    await second.wait_heard(lambda audio: audio.sound_seconds() > 3.0, "what to press", 15, last=10)
    await second.press("9")
    await second.wait_ended(15)
    first = await drill.line(numbers["first"])
    await first.hangup()
    rows = await drill.attempts(list(numbers.values()))
    assert rows[numbers["second"]]["outcome"] == "abandoned"
    assert rows[numbers["second"]]["harboured"] is not None
    assert rows[numbers["first"]]["outcome"] == "answered"
    listed = await drill.fetch("select how from do_not_call where number = $1", int(numbers["second"][1:]))
    assert len(listed) == 1


async def test_who_calls_back_finds_the_agent_of_the_last_talk(drill: Drill) -> None:
    await drill.configure(lines_per_agent=1)
    await drill.staff("agent21", "agent22")
    numbers = await drill.people(customer=Behaviour.human(0.3))
    await drill.start()
    line = await drill.line(numbers["customer"])
    await line.wait_heard(lambda audio: audio.tone_seconds(AGENT) > 0.3, "the agent")
    await asyncio.sleep(1.2)
    await line.hangup()
    rows = await drill.attempts(list(numbers.values()))
    agent = rows[numbers["customer"]]["agent"]
    await drill.agent(agent, lambda it: it["state"] == "idle")
    other = next(name for name in TEAM if name != agent)
    await drill.house.daemon.post("agents", agent, "pause")  # the other is idle longer now …
    await drill.house.daemon.post("agents", agent, "unpause")
    back = await drill.house.network.call(SHOWN, numbers["customer"])
    await back.wait_heard(lambda audio: audio.tone_seconds(AGENT) > 0.3, "an agent")
    await drill.agent(agent, lambda it: it["state"] == "on_call")
    await drill.agent(other, lambda it: it["state"] == "idle")
    await back.hangup()
