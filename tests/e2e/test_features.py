"""What a phone of the house may dial: its agent's status, its colleagues, callctl. And what it may not."""

from __future__ import annotations

import secrets

import pytest

from callctl.lab.line import Line
from callctl.lab.phones import Account, Behaviour
from tests.e2e.floor import AGENT, CALLER, PROMPT, TEAM, Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

LOGIN, LOGOUT, PAUSE, UNPAUSE = "*45", "*46", "*47", "*48"
DOES = {LOGIN: "login", LOGOUT: "logout", PAUSE: "pause", UNPAUSE: "unpause"}
NOBODYS = "phone109"


async def confirmed(line: Line) -> float:
    """What the phone heard until callctl hung up: seconds of sound."""
    await line.wait_answered()
    await line.wait_ended(15)
    assert line.cause == 16
    return (await line.heard()).sound_seconds()


@pytest.mark.parametrize(
    ("before", "code", "after", "reason"),
    [
        ([], LOGIN, "available", None),
        (["login"], PAUSE, "paused", "manual"),
        (["login", "pause"], UNPAUSE, "available", None),
        (["login"], LOGOUT, "logged_out", None),
    ],
)
async def test_a_code_on_the_phone_changes_its_agents_status(
    floor: Floor, before: list[str], code: str, after: str, reason: str | None
) -> None:
    for wish in before:
        await floor.house.daemon.post("agents", "agent7", wish)
    others = [(await floor.agent(name))["status"] for name in ("agent6", "agent8")]
    line = await floor.dial(TEAM["agent7"], code)
    agent = await floor.until_agent("agent7", status=after)
    assert agent["reason"] == reason
    call = await floor.until_call(lambda c: c["phone"] == "phone107")
    assert (call["feature"], call["caller"]) == (DOES[code], "107")
    assert await confirmed(line) > 0.5
    row = await floor.row(call["id"])
    assert (row["outcome"], row["phone"], row["trunk"], row["dialled"]) == ("completed", "phone107", None, code)
    assert [(await floor.agent(name))["status"] for name in ("agent6", "agent8")] == others


async def test_the_agent_on_the_phone_gets_calls_after_the_code(floor: Floor) -> None:
    caller = await floor.call()
    await floor.until_phase(caller, "queued")
    await floor.phone("agent7").behave(Behaviour.answer(), AGENT)
    await confirmed(await floor.dial(TEAM["agent7"], LOGIN))
    await floor.until_phase(caller, "connected")
    await caller.line.wait_heard(lambda audio: audio.has_tone(AGENT), "the agent")


async def test_what_cannot_be_is_refused_with_a_beep(floor: Floor) -> None:
    """A pause while logged out: the phone hears that it was not done."""
    line = await floor.dial(TEAM["agent7"], PAUSE)
    heard = await confirmed(line)
    assert 0 < heard < 2
    assert (await floor.agent("agent7"))["status"] == "logged_out"


async def test_a_phone_that_is_nobodys_changes_nobody(floor: Floor) -> None:
    house = floor.house
    password = secrets.token_hex(16)
    secret = house.overlay / "secrets" / NOBODYS
    secret.write_text(password + "\n", encoding="ascii")
    secret.chmod(0o600)
    await floor.reload({"phones": {NOBODYS: {"extension": 109, "password": f"file:secrets/{NOBODYS}"}}})
    try:
        before = (await house.daemon.get("agents"))["agents"]
        await house.network.add_phone(Account(NOBODYS, password))
        line = await floor.dial(NOBODYS, LOGIN)
        call = await floor.until_call(lambda c: c["phone"] == NOBODYS)
        assert 0 < await confirmed(line) < 2
        after = (await house.daemon.get("agents"))["agents"]
        assert [(a["id"], a["status"]) for a in after] == [(a["id"], a["status"]) for a in before]
        assert (await floor.row(call["id"]))["feature"] == "login"
        # It is a phone of the house all the same.
        await floor.phone("agent8").behave(Behaviour.answer(), AGENT)
        talk = await floor.dial(NOBODYS, "108")
        await talk.wait_answered()
        await talk.wait_heard(lambda audio: audio.has_tone(AGENT), "its colleague")
    finally:
        house.network.phones.pop(NOBODYS)
        await house.network.reload_phones()
        await floor.reload({})


async def test_colleagues_talk_by_extension(floor: Floor) -> None:
    phone = floor.phone("agent8")
    await phone.behave(Behaviour.answer(), AGENT)
    before = len(phone.lines())
    calls = (await floor.house.daemon.metrics())['callctl_calls_entered_total{node="pbx"}']
    line = await floor.dial(TEAM["agent6"], "108", tone_hz=CALLER)
    await line.wait_answered()
    other = await phone.wait_rung(before)
    await line.wait_heard(lambda audio: audio.has_tone(AGENT), "the colleague")
    await other.wait_heard(lambda audio: audio.has_tone(CALLER), "the caller")
    arrival = floor.house.network.arrivals[-1]
    assert arrival.number == "106"
    await line.hangup()
    await other.wait_ended()
    assert (await floor.house.daemon.metrics())['callctl_calls_entered_total{node="pbx"}'] == calls


async def test_a_phone_reaches_the_houses_own_numbers(floor: Floor) -> None:
    """A number of callctl's, dialled inside: the caller is the extension."""
    line = await floor.dial(TEAM["agent6"], "02079460010")
    call = await floor.until_call(lambda c: c["phone"] == "phone106" and c["phase"] == "in_menu")
    assert (call["caller"], call["menu"], call["trunk"]) == ("106", "tones", None)
    await line.wait_answered()
    await line.wait_heard(lambda audio: audio.has_tone(PROMPT), "the prompt")


@pytest.mark.parametrize(
    "number",
    [
        "+447700900123",
        "00447700900123",
        "07700900123",
        "08081570192",
        "*49",
        "*4",
        "110",
        "9999",
        "112112",
        "callctl-emergency",
        "callctl-trunk-carrier",
        "s",
        "h",
        "phone-phone108",
    ],
)
async def test_a_phone_reaches_nothing_else(floor: Floor, number: str) -> None:
    house = floor.house
    before = len(house.network.arrivals)
    entered = (await house.daemon.metrics())['callctl_calls_entered_total{node="pbx"}']
    line = await floor.dial(TEAM["agent6"], number)
    await line.wait_ended()
    assert not line.talking
    assert line.cause in (1, 3, 21), line.cause_text
    assert (await house.daemon.metrics())['callctl_calls_entered_total{node="pbx"}'] == entered
    assert house.network.arrivals[before:] == []
