"""Emergency calls: by the dialplan alone, from any phone, whatever the agent's state, callctl there or not."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from callctl.lab.audio import SILENCE_DBFS
from callctl.lab.house import House, house
from callctl.lab.install import Installation
from callctl.lab.line import Line
from callctl.lab.phones import Behaviour
from callctl.lab.ports import HOST
from callctl.lab.rawsip import RawSip, reply

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

PHONE, NUMBER = "phone101", "+442079460101"
OTHER = "phone102"
HELP, IN_NEED, COLLEAGUE = 520.0, 640.0, 760.0
"""What the emergency service, the caller and the other phone send, in Hz."""


def spare(port: int) -> dict[str, Any]:
    """A second trunk, which writes numbers as its country does."""
    return {
        "kind": "ip", "host": HOST, "port": port, "match": [f"{HOST}:{port}"],
        "numbers": {"send": "national"}, "qualify": "0s", "emergency": True,
    }  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def second() -> AsyncIterator[RawSip]:
    """The peer of the second trunk."""
    peer = await RawSip.open()
    yield peer
    peer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two_trunks(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory, second: RawSip
) -> AsyncIterator[House]:
    changes = {"trunks": {"spare": spare(second.port)}}
    folder = tmp_path_factory.mktemp("emergency")
    async with house(installation, folder, changes, phones=(PHONE, OTHER)) as built:
        yield built


@pytest_asyncio.fixture(loop_scope="module")
async def running(two_trunks: House) -> AsyncIterator[House]:
    """callctl runs; the phones act as ever; no emergency is remembered."""
    if two_trunks.daemon.pid is None:
        await two_trunks.daemon.start()
        await two_trunks.phones_reachable()
    await prepared(two_trunks)
    yield two_trunks


@pytest_asyncio.fixture(loop_scope="module")
async def stopped(two_trunks: House) -> AsyncIterator[House]:
    """callctl does not run."""
    await two_trunks.daemon.stop()
    await prepared(two_trunks)
    yield two_trunks


async def prepared(built: House) -> None:
    await built.node.cli("database deltree callctl-emergency")
    await built.network.behave("112", Behaviour.answer(), HELP)
    await built.network.phone(PHONE).behave(Behaviour.answer(), IN_NEED)
    await built.network.phone(OTHER).behave(Behaviour.answer(), COLLEAGUE)


async def help_reached(built: House) -> Line:
    """112 from the phone: it comes out at the network with the phone's own number, and both hear each other. The
    service's line."""
    before = len(built.network.arrivals)
    line = await built.network.phone(PHONE).dial("112", tone_hz=IN_NEED)
    arrival = await built.network.wait_arrival(dialled="112", after=before)
    assert arrival.number == NUMBER
    assert arrival.presentation.startswith("allowed")
    await line.wait_answered()
    await line.wait_heard(lambda audio: audio.has_tone(HELP), "the emergency service", last=0.4)
    service = built.network.line(arrival.channel)
    await service.wait_heard(lambda audio: audio.has_tone(IN_NEED), "the caller", last=0.4)
    await line.hangup()
    await service.wait_ended()
    return service


async def called_back(built: House, number: str = NUMBER) -> Line:
    """The service calls that number: the phone that had called rings, and is talked to."""
    line = await built.network.call(number, "+442079460112", tone_hz=HELP)
    await line.wait_answered()
    await line.wait_heard(lambda audio: audio.has_tone(IN_NEED), "the phone that had called", last=0.4)
    return line


async def in_context(built: House, context: str) -> bool:
    channels = (await built.node.cli("core show channels concise")).splitlines()
    return any(line.split("!")[1] == context for line in channels if "!" in line)


async def until_in(built: House, context: str) -> None:
    async with asyncio.timeout(10):
        while not await in_context(built, context):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("state", ["logged in", "paused", "logged out", "wrapping up"])
async def test_whatever_the_agent_does(running: House, state: str) -> None:
    daemon, network = running.daemon, running.network
    await daemon.post("agents", "agent1", "login")
    match state:
        case "paused":
            await daemon.post("agents", "agent1", "pause")
        case "logged out":
            await daemon.post("agents", "agent1", "logout")
        case "wrapping up":
            await daemon.post("agents", "agent2", "logout")
            caller = await network.call("+442079460001", "+442079460199")
            await daemon.until("the talk", ("calls",), lambda a: any(c["phase"] == "connected" for c in a["calls"]))
            await caller.hangup()
            await daemon.until("wrap-up", ("agents", "agent1"), lambda a: a["state"] == "wrap_up")
    await help_reached(running)
    await daemon.post("agents", "agent1", "login")
    await daemon.post("agents", "agent2", "login")


async def test_the_supervisor_is_told(running: House) -> None:
    before = await running.daemon.metrics()
    await help_reached(running)
    dialled = 'callctl_emergency_calls_total{node="pbx",result="dialled"}'
    answered = 'callctl_emergency_calls_total{node="pbx",result="answer"}'
    async with asyncio.timeout(5):
        while (now := await running.daemon.metrics()).get(answered, 0) <= before.get(answered, 0):  # noqa: ASYNC110 - asked
            await asyncio.sleep(0.05)
    assert now[dialled] == before.get(dialled, 0) + 1
    lines = [json.loads(line) for line in running.daemon.log.read_text().splitlines()]
    told = [line for line in lines if line.get("event") == "EMERGENCY call"]
    assert told[-1]["level"] == "warning"
    assert told[-1]["phone"] == PHONE
    assert told[-1]["number"] == "112"


async def test_with_callctl_stopped(stopped: House) -> None:
    await help_reached(stopped)


@pytest.mark.parametrize("failure", [Behaviour.status(503), Behaviour.status(404), Behaviour.busy()])
async def test_the_second_trunk_carries_it_when_the_first_fails(stopped: House, second: RawSip, failure: str) -> None:
    await stopped.network.behave("112", failure)
    second.respond = lambda r: reply(r, "180 Ringing") if r.startswith(b"INVITE") else reply(r, "200 OK")
    seen, before = len(second.received), len(stopped.network.arrivals)
    line = await stopped.network.phone(PHONE).dial("112")
    await stopped.network.wait_arrival(dialled="112", after=before)
    invite = await second.wait(lambda m: m.startswith(b"INVITE sip:112@") and m in second.received[seen:])
    assert re.search(rb"\r\nFrom:.*<sip:02079460101@", invite), "its own number, as that trunk writes it"
    await stopped.network.until(lambda: line.state == "Ringing", "the second trunk's ringing", 5)
    await line.hangup()
    await second.wait(lambda m: m.startswith(b"CANCEL sip:112@") and m in second.received[seen:])


async def test_a_call_that_no_trunk_carries_is_heard_to_have_failed(stopped: House, second: RawSip) -> None:
    """The phone plays the tone of congestion, on and off, and is then told 503: never silence."""
    await stopped.network.behave("112", Behaviour.status(503))
    second.respond = lambda r: reply(r, "503 Service Unavailable" if r.startswith(b"INVITE") else "200 OK")
    line = await stopped.network.phone(PHONE).dial("112")
    ami = stopped.network.ami
    await stopped.network.until(lambda: bool(line.channel), "the phone's channel", 5)
    record = {"Channel": line.channel, "File": "", "Options": f"r(heard-{line.id}-0.wav)"}
    await ami.action("MixMonitor", record)
    await line.wait_ended(15)
    assert line.answered_at is None
    assert line.cause == 34
    heard = await line.heard()
    assert 3 < heard.sound_seconds() < 8, f"{heard.level():.0f} dBFS in {heard.seconds:.1f} s"


async def every_form_is_called_back(built: House) -> None:
    await help_reached(built)
    before = len(built.network.arrivals)
    for form in (NUMBER, "00442079460101", "02079460101"):
        await (await called_back(built, form)).hangup()
    assert [arrival.phone for arrival in built.network.arrivals[before:]] == [PHONE] * 3


async def test_a_call_back_reaches_that_very_phone(running: House) -> None:
    await every_form_is_called_back(running)


async def test_a_call_back_reaches_that_very_phone_with_callctl_stopped(stopped: House) -> None:
    await every_form_is_called_back(stopped)


async def test_another_number_goes_the_normal_way(running: House) -> None:
    await help_reached(running)
    before = len(running.network.arrivals)
    line = await running.network.call("+442079460000", "+442079460112")
    await running.daemon.until("the menu", ("calls",), lambda a: any(c["phase"] == "in_menu" for c in a["calls"]))
    await line.hangup()
    assert running.network.arrivals[before:] == []


async def test_after_the_window_it_goes_the_normal_way(running: House) -> None:
    await help_reached(running)
    entries = (await running.node.cli("database show callctl-emergency")).splitlines()
    keys = [line.split(":")[0].strip().rsplit("/", 1)[1] for line in entries if line.startswith("/callctl-emergency")]
    assert sorted(keys) == ["00442079460101", "02079460101", "442079460101"]
    for key in keys:  # as if the hour were over
        await running.node.cli(f"database put callctl-emergency {key} {PHONE}:1")
    before = len(running.network.arrivals)
    line = await running.network.call(NUMBER, "+442079460112")
    await line.wait_answered()
    await line.wait_heard(lambda audio: audio.level() > SILENCE_DBFS, "the announcement of an unknown number")
    await line.hangup()
    assert running.network.arrivals[before:] == []


async def test_after_the_window_and_callctl_stopped_it_goes_to_the_fallback(stopped: House) -> None:
    await stopped.node.cli("dialplan set global CC_ALIVE_UNTIL 1")  # as if callctl had stopped long ago
    line = await stopped.network.call(NUMBER, "+442079460112")
    await line.wait_answered()
    await until_in(stopped, "callctl-fallback")
    await line.hangup()


async def test_a_call_back_of_a_phone_that_is_no_more_goes_the_normal_way(stopped: House) -> None:
    """The phone was taken out of the configuration within the hour."""
    await stopped.node.cli("dialplan set global CC_ALIVE_UNTIL 1")
    await stopped.node.cli(f"database put callctl-emergency {NUMBER[1:]} phone-of-old:{int(time.time()) + 600}")
    line = await stopped.network.call(NUMBER, "+442079460112")
    await line.wait_answered()
    await until_in(stopped, "callctl-fallback")
    await line.hangup()


@pytest.mark.parametrize("number", ["02079460999", "+33123456789", "0033123456789", "00900123456", "1", "s"])
async def test_a_phone_reaches_no_outside_number(stopped: House, second: RawSip, number: str) -> None:
    seen, before = len(second.received), len(stopped.network.arrivals)
    line = await stopped.network.phone(OTHER).dial(number)
    await line.wait_ended(5)
    assert line.answered_at is None
    assert stopped.network.arrivals[before:] == []
    assert not [m for m in second.received[seen:] if m.startswith(b"INVITE")]


async def test_a_colleague_is_reached_without_callctl(stopped: House) -> None:
    line = await stopped.network.phone(PHONE).dial("102", tone_hz=IN_NEED)
    await line.wait_answered()
    await line.wait_heard(lambda audio: audio.has_tone(COLLEAGUE), "the colleague", last=0.4)
    await line.hangup()
