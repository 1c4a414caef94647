"""Callers leave messages in mailboxes; agents see their lamp, and hear them: real Asterisk and audio."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from callctl.lab.audio import Audio, is_whole, read_wav
from callctl.lab.house import Overlay
from callctl.lab.line import Line
from callctl.lab.phones import Account, Behaviour
from callctl.lab.rawphone import RawPhone, call_id
from callctl.lab.rawsip import reply
from tests.e2e.byhand import header
from tests.e2e.floor import CALLER, GOODBYE, Caller, Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

BOX_DID, SHORT_DID = "+442079460040", "+442079460041"
PIN = "482913"
SPEECH = "queue-periodic-announce"
LAMP = "phone110"
BEEP = 700.0
"""Hz: of Asterisk's own."""


def sound_of(floor: Floor, name: str) -> Audio:
    folder = (floor.house.node.installation.root or Path("/")) / "usr/share/asterisk/sounds/en_US_f_Allison"
    return read_wav(folder / f"{name}.wav")


def changes(floor: Floor) -> Overlay:
    greeting = f"sound:{floor.house.node.inside / 'floor/goodbye'}"
    pin = {"pin": "file:secrets/pin"}
    return {
        "numbers": {
            BOX_DID: {"voicemail": 200},
            SHORT_DID: {"voicemail": 201},
        },
        "phones": {LAMP: {"extension": 110, "password": f"file:secrets/{LAMP}"}},
        "voicemail": {"silence": "2s"},
        "mailboxes": {
            200: {"name": "Reception", **pin, "greeting": [greeting], "lamp": ["agent6", LAMP]},
            201: {"name": "Night desk", **pin, "greeting": [greeting], "beep": False, "longest": "5s"},
        },
        "features": {"*97": "voicemail"},
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def boxes(on_the_floor: Floor) -> AsyncIterator[Floor]:
    """The floor with mailboxes; those are empty at first."""
    floor = on_the_floor
    for name, value in (("pin", PIN), (LAMP, secrets.token_hex(16))):
        path = floor.house.overlay / "secrets" / name
        path.write_text(value + "\n", encoding="ascii")
        path.chmod(0o600)
    await floor.reload(changes(floor))
    yield floor
    await floor.reload({})


def folder(floor: Floor, box: str) -> Path:
    return floor.house.node.spool / "voicemail/callctl" / box


async def until_recorded(floor: Floor, box: str) -> None:
    """Until Asterisk records: the greeting is over, and the beep."""
    async with asyncio.timeout(20):
        while not list((folder(floor, box) / "tmp").glob("*.wav")):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def until_kept(floor: Floor, box: str, number: int) -> Audio:
    """The message that was kept. A recording is closed by a thread of Asterisk's own."""
    path = folder(floor, box) / f"INBOX/msg{number:04d}.wav"
    async with asyncio.timeout(20):
        while not is_whole(path):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    return read_wav(path)


async def leave(floor: Floor, did: str = BOX_DID, box: str = "200") -> Caller:
    """A caller says something behind the beep, is quiet, and so comes to the end."""
    caller = await floor.call(did)
    await until_recorded(floor, box)
    await caller.line.say(SPEECH)
    await caller.line.wait_ended(30)
    return caller


async def until_asked(line: Line) -> None:
    """Until the phone hears that a PIN is wanted: keys that came sooner would be lost."""
    await line.wait_answered()
    await line.wait_heard(lambda audio: audio.sound_seconds() > 0, "the question", last=0.5)


async def listed(floor: Floor, *box: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(await floor.cli("voicemail", *box, "--json"))
    return answer


async def test_what_the_caller_says_is_kept(boxes: Floor) -> None:
    """The greeting and a beep are heard, silence ends the message, and it is what was spoken; it is told and listed."""
    before = await boxes.house.daemon.metrics()
    caller = await leave(boxes)
    heard = await caller.line.heard()
    assert heard.tone_seconds(GOODBYE) > 0.3, "the box's own greeting"
    assert heard.tone_seconds(BEEP) > 0.2
    speech = sound_of(boxes, SPEECH)
    kept = await until_kept(boxes, "200", 0)
    assert kept.likeness(speech) > 0.95
    assert speech.seconds - 0.5 < kept.seconds < speech.seconds + 2
    row = await boxes.row(caller.call)
    assert (row["outcome"], row["queue"]) == ("voicemail", None)
    assert row["message_left"] is not None
    assert re.search(r"Left a message of \d s in mailbox 200", await boxes.cli("explain", caller.call))
    changed = await boxes.metrics_since(before)
    assert changed['callctl_voicemail_messages_total{mailbox="200"}'] == 1


async def test_who_says_nothing_leaves_no_message(boxes: Floor) -> None:
    caller = await boxes.call(SHORT_DID)
    await caller.line.wait_ended(30)
    assert (await boxes.row(caller.call))["message_left"] is None
    assert not list((folder(boxes, "201") / "INBOX").glob("*.wav"))


async def test_a_message_has_a_longest_length_and_a_beep_can_be_left_out(boxes: Floor) -> None:
    caller = await boxes.call(SHORT_DID, tone_hz=CALLER)
    await caller.line.wait_ended(30)
    kept = await until_kept(boxes, "201", 0)
    assert kept.tone_seconds(CALLER, 0.8) > 4
    assert 4.5 < kept.seconds < 6.5, "Asterisk counts whole seconds"
    heard = await caller.line.heard()
    assert heard.tone_seconds(GOODBYE) > 0.3
    assert heard.tone_seconds(BEEP) == 0


async def test_who_hangs_up_has_left_the_message(boxes: Floor) -> None:
    caller = await boxes.call(SHORT_DID, tone_hz=CALLER)
    await until_recorded(boxes, "201")
    await asyncio.sleep(3)  # of the message
    row = await boxes.row_of_hangup(caller, lambda it: it["message_left"] is not None)
    assert (row["outcome"], row["ended_by"]) == ("voicemail", "caller")
    assert (await until_kept(boxes, "201", 1)).tone_seconds(CALLER, 0.8) > 2


async def test_what_lies_in_a_mailbox_is_listed(boxes: Floor) -> None:
    before = {box["id"]: box["new"] for box in (await listed(boxes))["mailboxes"]}
    caller = await leave(boxes)
    after = {box["id"]: box["new"] for box in (await listed(boxes))["mailboxes"]}
    assert after == {**before, "200": before["200"] + 1}
    box = await listed(boxes, "200", "--unmask")
    newest = box["messages"][0]
    assert (newest["caller"], newest["new"], newest["folder"]) == (caller.number, True, "INBOX")
    spoken = sound_of(boxes, SPEECH).seconds
    assert spoken - 1.5 < newest["length"] < spoken + 2.5
    row = await boxes.row(caller.call)
    begun = datetime.fromisoformat(newest["at"])
    assert row["entered"].replace(microsecond=0) <= begun <= row["ended"]
    shown = await boxes.cli("voicemail", "200")
    assert caller.number not in shown
    assert "heard" not in shown
    async with asyncio.timeout(40):
        while (await boxes.house.daemon.metrics()).get('callctl_voicemail_new{mailbox="200"}') != after["200"]:  # noqa: ASYNC110
            await asyncio.sleep(0.5)


def told(message: bytes) -> tuple[int, int] | None:
    """New and old messages by a NOTIFY of message-summary (RFC 3842)."""
    found = re.search(rb"\r\nVoice-Message: ([0-9]+)/([0-9]+)", message)
    return (int(found[1]), int(found[2])) if message.startswith(b"NOTIFY") and found else None


async def test_the_lamp_is_told(boxes: Floor) -> None:
    """A phone that never asked for it is told when it registers, and of each new message."""
    password = boxes.house.secret(LAMP)
    phone = await RawPhone.open(Account(LAMP, password), boxes.house.node.ports.sip)
    phone.sip.respond = lambda request: reply(request, "200 OK")
    try:
        new, old = told(await phone.sip.wait(lambda m: told(m) is not None)) or (0, 0)
        await leave(boxes)
        message = await phone.sip.wait(lambda m: told(m) == (new + 1, old), timeout=10)
        assert header(message, "Event") == "message-summary"
        assert b"Messages-Waiting: yes" in message
        assert b"Message-Account: sip:*97@" in message, "the phone's key for voicemail dials the code"
    finally:
        await phone.register(expires=0)
        phone.close()


async def test_a_phone_that_asks_for_its_lamp_is_told_once(boxes: Floor) -> None:
    """By SUBSCRIBE (RFC 3842): then the news comes by that way alone."""
    account = Account(LAMP, boxes.house.secret(LAMP))
    phone = await RawPhone.open(account, boxes.house.node.ports.sip)
    phone.sip.respond = lambda request: reply(request, "200 OK")
    try:
        subscribed = await phone.subscribe("message-summary", "application/simple-message-summary")
        new, old = told(await phone.sip.wait(lambda m: told(m) is not None and subscribed in m)) or (0, 0)
        await leave(boxes)
        await phone.sip.wait(lambda m: told(m) == (new + 1, old) and subscribed in m, timeout=10)
        assert {call_id(m) for m in phone.sip.received if told(m) == (new + 1, old)} == {subscribed}
        assert await phone.subscribe("presence", "application/pidf+xml", wants=b"489"), "nothing else is told"
    finally:
        await phone.register(expires=0)
        phone.close()


async def test_the_code_plays_the_messages_of_the_phones_mailbox(boxes: Floor) -> None:
    """Behind the PIN; meanwhile the agent gets no call, and what was heard is old. callctl itself is not needed."""
    await leave(boxes)
    await boxes.staff("agent6", how=Behaviour.answer())
    new = (await listed(boxes, "200"))["new"]
    line = await boxes.dial("phone106", "*97")
    await until_asked(line)
    await boxes.until_agent("agent6", phone="busy_elsewhere")
    await line.press(PIN + "#")
    await asyncio.sleep(1)
    await line.press("1")
    speech = sound_of(boxes, SPEECH)
    async with asyncio.timeout(60):
        while (await line.heard()).likeness(speech) < 0.9:  # noqa: ASYNC110
            await asyncio.sleep(2)
    await line.hangup()
    async with asyncio.timeout(10):
        while (await listed(boxes, "200"))["new"] != new - 1:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert [it["folder"] for it in (await listed(boxes, "200"))["messages"]].count("Old") == 1


async def test_without_the_pin_nothing_is_played(boxes: Floor) -> None:
    line = await boxes.dial("phone106", "*97")
    await until_asked(line)
    await line.press("1111#1")
    wrong = sound_of(boxes, "vm-incorrect")
    async with asyncio.timeout(30):
        while (await line.heard()).likeness(wrong) < 0.9:  # noqa: ASYNC110
            await asyncio.sleep(2)
    await line.hangup()
    await line.wait_ended()
    assert (await line.heard()).likeness(sound_of(boxes, SPEECH)) < 0.9
