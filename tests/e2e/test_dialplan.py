"""What the shipped dialplan does by itself: callctl is not there, or went away, or was never asked."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from callctl.lab.ami import Ami, Message
from callctl.lab.audio import Audio
from callctl.lab.install import ensure
from callctl.lab.line import Line
from callctl.lab.network import Network
from callctl.lab.node import Node
from callctl.lab.phones import Account, Behaviour
from callctl.lab.ports import HOST
from callctl.lab.rawsip import RawSip, invite, reply

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

ENDPOINT = """
[{name}]
type=endpoint
context=test-{name}
disallow=all
allow=alaw,ulaw
direct_media=no
aors={name}
trust_id_inbound=yes
[{name}]
type=aor
contact=sip:127.0.0.1:{port}
[{name}]
type=identify
endpoint={name}
match=127.0.0.1:{port}
"""
PHONE = """
[anna]
type=endpoint
context=test-anna
disallow=all
allow=alaw,ulaw
direct_media=no
aors=anna
auth=anna
callerid="Anna" <201>
[anna]
type=aor
max_contacts=2
qualify_frequency=1
[anna]
type=auth
username=anna
password=anna-secret
"""
EXTENSIONS = """
[test-pstn]
exten => _[0-9+]!,1,Set(CC_TRUNK=pstn)
 same => n,Set(CC_EXTEN=${EXTEN})
 same => n,Goto(callctl-enter,s,1)
[test-raw]
exten => _[0-9+]!,1,Set(CC_TRUNK=raw)
 same => n,Set(CC_EXTEN=${EXTEN})
 same => n,Goto(callctl-enter,s,1)
[test-evil]
[test-anna]
exten => *11,1,Set(CC_PHONE=anna)
 same => n,Goto(callctl-feature,${EXTEN},1)
exten => 112,1,UserEvent(CallctlEmergency,Phone: anna)
 same => n,Dial(PJSIP/112@pstn,20,i)
"""
Event = dict[str, Any]


@dataclass
class App:
    """callctl's place, held by the test: its app is there while the WebSocket is open."""

    node: Node
    http: aiohttp.ClientSession
    events: list[Event] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _socket: aiohttp.ClientWebSocketResponse | None = None
    _task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._socket = await self.http.ws_connect("events?app=callctl&subscribeAll=false")
        self._task = asyncio.create_task(self._read(self._socket))

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            self.events.append(json.loads(message.data))
            self.changed.set()

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._task is not None:
            await self._task
        self._socket = self._task = None

    async def request(self, method: str, path: str, body: object = None, **query: str) -> int:
        async with self.http.request(method, path, params=query, json=body) as answer:
            return answer.status

    async def get(self, path: str, **query: str) -> Any:
        async with self.http.get(path, params=query) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def beat(self, seconds: float = 60) -> None:
        """The heartbeat, ahead by so much."""
        value = str(int(time.time() + seconds))
        assert await self.request("POST", "asterisk/variable", variable="CC_ALIVE_UNTIL", value=value) == 204

    async def wait(self, kind: str, after: int = 0, **channel: str) -> Event:
        async with asyncio.timeout(10):
            while True:
                for event in self.events[after:]:
                    seen = event.get("channel") or event.get("peer") or {}
                    if event["type"] == kind and channel.items() <= seen.items():
                        return event
                self.changed.clear()
                await self.changed.wait()


@dataclass
class Stage:
    node: Node
    network: Network
    app: App
    ami: Ami
    told: list[Message]
    raw: RawSip
    evil: RawSip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    installation = await asyncio.to_thread(ensure)
    node = Node(installation, "d-node")
    network = Network(installation, node.ports.sip, [Account("anna", "anna-secret")], "d-net")
    raw, evil = await RawSip.open(), await RawSip.open()
    peers = {"pstn": network.trunk_port, "raw": raw.port, "evil": evil.port}
    conf = PHONE + "".join(ENDPOINT.format(name=name, port=port) for name, port in peers.items())
    (node.generated / "pjsip.conf").write_text(conf)
    (node.generated / "extensions.conf").write_text(EXTENSIONS)
    ami = Ami()
    told: list[Message] = []
    headers = {"Authorization": aiohttp.encode_basic_auth("callctl", node.secrets.ari)}
    try:
        await asyncio.gather(node.start(), network.start())
        ami.listeners.append(told.append)
        await ami.connect(HOST, node.ports.ami, "callctl", node.secrets.ami)
        async with aiohttp.ClientSession(base_url=f"{node.ari_url}/", headers=headers) as http:
            app = App(node, http)
            yield Stage(node, network, app, ami, told, raw, evil)
            await app.close()
    finally:
        raw.close()
        evil.close()
        await ami.close()
        await asyncio.gather(node.stop(), network.stop())
        node.remove()
        network.remove()


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(stage: Stage) -> AsyncIterator[Stage]:
    """The stage with callctl's app connected, the heartbeat fresh, and nothing heard of yet."""
    await stage.app.open()
    await stage.app.beat()
    stage.app.events.clear()
    yield stage
    await stage.app.close()
    await stage.app.beat(-1)


def speech(audio: Audio) -> bool:
    return audio.sound_seconds() > 0.3


async def heard_speech(line: Line) -> None:
    await line.wait_answered()
    await line.wait_heard(speech, "words")


async def test_without_a_heartbeat_the_fallback_answers(stage: Stage) -> None:
    await stage.app.beat(-1)
    line = await stage.network.call("0123")
    await heard_speech(line)
    await line.wait_ended(30)
    assert line.cause == 16


async def test_with_the_link_cut_the_fallback_answers_after_five_seconds(stage: Stage) -> None:
    await stage.app.beat()
    start = time.monotonic()
    line = await stage.network.call("0123")
    await line.wait_answered(15)
    assert 4 < time.monotonic() - start < 12
    await heard_speech(line)
    await line.hangup()
    await stage.app.beat(-1)


async def test_a_caller_waits_out_a_quick_restart(stage: Stage) -> None:
    await stage.app.beat()
    line = await stage.network.call("0123")
    await stage.network.until(lambda: line.state == "Ringing", "ringing", 5)
    await stage.app.open()
    start = await stage.app.wait("StasisStart")
    assert start["args"][:3] == ["in", "exten=0123", "trunk=pstn"]
    await line.hangup()
    await stage.app.close()


async def test_a_lease_that_ends_leads_to_the_fallback(fresh: Stage) -> None:
    line = await fresh.network.call("0123")
    channel = (await fresh.app.wait("StasisStart"))["channel"]["id"]
    lease = {"variable": "TIMEOUT(absolute)", "value": "1"}
    assert await fresh.app.request("POST", f"channels/{channel}/answer") == 204
    assert await fresh.app.request("POST", "bridges/hold-x", type="holding") == 200
    assert await fresh.app.request("POST", "bridges/hold-x/addChannel", channel=channel) == 204
    assert await fresh.app.request("POST", f"channels/{channel}/variable", **lease) == 204
    await fresh.app.wait("StasisEnd", id=channel)
    await heard_speech(line)
    await line.hangup()


async def test_an_emptied_queue_plays_again_when_it_is_asked_to(fresh: Stage) -> None:
    """Asterisk ends a holding bridge's music when the last caller leaves: it must be asked for with each caller."""
    assert await fresh.app.request("POST", "bridges/hold-y", type="holding") == 200
    for _ in range(2):
        before = len(fresh.app.events)
        line = await fresh.network.call("0123")
        channel = (await fresh.app.wait("StasisStart", before))["channel"]["id"]
        assert await fresh.app.request("POST", f"channels/{channel}/answer") == 204
        assert await fresh.app.request("POST", "bridges/hold-y/addChannel", channel=channel) == 204
        assert await fresh.app.request("POST", "bridges/hold-y/moh") == 204
        await line.wait_answered()
        await line.wait_heard(lambda a: a.sound_seconds() > 0.5, "music")
        await line.hangup()
        await fresh.app.wait("ChannelLeftBridge", before, id=channel)


async def originate(stage: Stage, endpoint: str, leg: str, where: str = "callctl-leg,s", **variables: str) -> None:
    body = {"variables": {"FORWARD_CONTEXT": "callctl-no-forward", **variables}}
    context, extension = where.split(",")
    query = {"context": context, "extension": extension, "priority": "1", "channelId": leg, "timeout": "10"}
    assert await stage.app.request("POST", "channels", body, endpoint=endpoint, **query) == 200


async def registered(stage: Stage) -> None:
    async with asyncio.timeout(10):
        while "Avail" not in await stage.node.cli("pjsip show aor anna"):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def test_a_leg_answered_with_callctl_dead_hears_an_apology(stage: Stage) -> None:
    await registered(stage)
    phone = stage.network.phone("anna")
    await phone.behave(Behaviour.answer())
    before = len(phone.lines())
    await originate(stage, "PJSIP/anna", "LEG-HARBOUR", CC_LEG="LEG-HARBOUR")
    line = await phone.wait_rung(before)
    await heard_speech(line)
    await line.wait_ended(20)


async def test_a_leg_reaches_callctl(fresh: Stage) -> None:
    await registered(fresh)
    phone = fresh.network.phone("anna")
    await phone.behave(Behaviour.answer())
    before = len(phone.lines())
    await originate(fresh, "PJSIP/anna", "LEG-PLAIN", CC_LEG="LEG-PLAIN")
    assert (await fresh.app.wait("StasisStart", id="LEG-PLAIN"))["args"] == ["leg"]
    line = await phone.wait_rung(before)
    assert await fresh.app.request("DELETE", "channels/LEG-PLAIN") == 204
    await line.wait_ended()


DIALLED = "callctl-dialled,s"


@pytest.mark.parametrize("alive", [False, True])
async def test_somebody_on_a_list_who_answers_with_callctl_dead_hears_words(stage: Stage, alive: bool) -> None:
    """Nobody listens for a machine where callctl has been dead for a while; where it has just died, it was done."""
    await stage.app.beat(60 if alive else -1)
    await stage.network.behave("4477", Behaviour.human())
    before = len(stage.network.arrivals)
    leg = f"LEG-LIST-{alive}"
    await originate(stage, "PJSIP/4477@pstn", leg, DIALLED, CC_LEG=leg, CC_DETECT="1")
    line = stage.network.line((await stage.network.wait_arrival(dialled="4477", after=before)).channel)
    await heard_speech(line)
    await line.wait_ended(20)
    assert line.cause == 16
    await stage.app.beat(-1)


async def test_a_lease_of_a_call_to_a_list_that_ends_leads_to_words(fresh: Stage) -> None:
    await fresh.network.behave("4477", Behaviour.human())
    before = len(fresh.network.arrivals)
    await originate(fresh, "PJSIP/4477@pstn", "LEG-LIST-T", DIALLED, CC_LEG="LEG-LIST-T")
    assert (await fresh.app.wait("StasisStart", id="LEG-LIST-T"))["args"][0] == "dialled"
    lease = {"variable": "TIMEOUT(absolute)", "value": "1"}
    assert await fresh.app.request("POST", "channels/LEG-LIST-T/variable", **lease) == 204
    line = fresh.network.line((await fresh.network.wait_arrival(dialled="4477", after=before)).channel)
    await heard_speech(line)
    await line.wait_ended(20)


async def test_a_call_to_a_list_that_is_not_ours_ends(fresh: Stage) -> None:
    await fresh.network.behave("4477", Behaviour.human())
    before = len(fresh.network.arrivals)
    await originate(fresh, "PJSIP/4477@pstn", "LEG-STRANGER", DIALLED, CC_LEG="LEG-OTHER")
    line = fresh.network.line((await fresh.network.wait_arrival(dialled="4477", after=before)).channel)
    await line.wait_ended(5)
    assert (await line.heard()).is_silent()
    assert not any(e["type"] == "StasisStart" for e in fresh.app.events)


async def test_without_its_module_detection_is_left_out(fresh: Stage) -> None:
    await fresh.node.cli("module unload app_amd.so")
    try:
        await fresh.network.behave("4477", Behaviour.silence())
        await originate(fresh, "PJSIP/4477@pstn", "LEG-NO-AMD", DIALLED, CC_LEG="LEG-NO-AMD", CC_DETECT="1")
        assert (await fresh.app.wait("StasisStart", id="LEG-NO-AMD"))["args"] == ["dialled", "", ""]
        assert await fresh.app.request("DELETE", "channels/LEG-NO-AMD") == 204
    finally:
        await fresh.node.cli("module load app_amd.so")


@pytest.mark.parametrize("target", [b"<sip:999@evil>", b"<sip:Local/999%40test-pstn@evil>"])
async def test_a_302_is_not_followed(fresh: Stage, target: bytes) -> None:
    before = len(fresh.network.arrivals)
    fresh.evil.respond = lambda r: reply(r, "302 Moved", [b"Contact: " + target]) if r[:6] == b"INVITE" else None
    leg = f"LEG-302-{len(target)}"
    await fresh.app.request("POST", "applications/callctl/subscription", eventSource="endpoint:PJSIP/evil")
    await originate(fresh, "PJSIP/evil", leg, CC_LEG=leg)
    await fresh.app.wait("Dial", id=leg)
    end = await fresh.app.wait("ChannelDestroyed", id=leg)
    assert any(e["type"] == "Dial" and e["dialstatus"] == "CANCEL" for e in fresh.app.events)
    # Asterisk may hang the leg up before the answer's code has reached the channel.
    assert (end["cause"], end.get("tech_cause")) in ((23, 302), (0, None))
    assert fresh.network.arrivals[before:] == []


async def test_a_phone_that_forwards_its_calls_is_told_as_such(fresh: Stage) -> None:
    await registered(fresh)
    phone = fresh.network.phone("anna")
    await phone.behave(Behaviour.forward("999", after=0.2))
    before, arrived = len(phone.lines()), len(fresh.network.arrivals)
    await fresh.app.request("POST", "applications/callctl/subscription", eventSource="endpoint:PJSIP/anna")
    await originate(fresh, "PJSIP/anna", "LEG-FORWARD", CC_LEG="LEG-FORWARD")
    await phone.wait_rung(before)
    await fresh.app.wait("ChannelDestroyed", id="LEG-FORWARD")
    assert [e["forward"] for e in fresh.app.events if e["type"] == "Dial" and e["dialstatus"] == "CANCEL"] == ["999"]
    assert len(fresh.network.arrivals) == arrived + 1


async def test_a_call_that_a_302_smuggled_out_ends_when_it_is_answered(fresh: Stage) -> None:
    """Asterisk follows `PJSIP/999@pstn` in a 302: callctl-leg knows the call is not its own."""
    await fresh.network.behave("999", Behaviour.answer())
    before = len(fresh.network.arrivals)
    contact = b"Contact: <sip:PJSIP/999%40pstn@evil>"
    fresh.evil.respond = lambda r: reply(r, "302 Moved", [contact]) if r[:6] == b"INVITE" else None
    await originate(fresh, "PJSIP/evil", "LEG-SMUGGLE", CC_LEG="LEG-SMUGGLE")
    arrival = await fresh.network.wait_arrival(dialled="999", after=before)
    line = fresh.network.line(arrival.channel)
    await line.wait_ended(5)
    assert not any(e["type"] == "StasisStart" for e in fresh.app.events)


@pytest.mark.parametrize("way", ["ring group", "queue"])
async def test_the_fallback_follows_no_302(stage: Stage, way: str) -> None:
    """Asterisk would dial `PJSIP/999@pstn` for it, at the house's cost."""
    rings: list[float] = []

    def forwards(request: bytes) -> bytes | None:
        if request[:6] != b"INVITE":
            return None
        rings.append(time.monotonic())
        return reply(request, "302 Moved", [b"Contact: <sip:PJSIP/999%40pstn@evil>"])

    stage.evil.respond = forwards
    await stage.app.beat(-1)
    before = len(stage.network.arrivals)
    if way == "queue":
        await stage.node.cli("queue add member PJSIP/evil to callctl-fallback")
    else:
        await stage.node.cli("dialplan set global CC_FALLBACK_DIAL PJSIP/evil")
    try:
        line = await stage.network.call("0123")
        if way == "queue":
            await stage.evil.wait(lambda _: len(rings) > 1, 15)  # it rings again when it is done with the first ring
        else:
            await heard_speech(line)
            assert rings
        assert stage.network.arrivals[before:] == []
        await line.hangup()
    finally:
        await stage.node.cli("queue remove member PJSIP/evil from callctl-fallback")
        await stage.node.cli('dialplan set global CC_FALLBACK_DIAL ""')


async def seconds_left(stage: Stage, context: str) -> float:
    """How long who hears words in that context may stay there; 0: for ever."""
    async with asyncio.timeout(15):
        while True:
            for channel in await stage.app.get("channels"):
                plan = channel["dialplan"]
                if (plan["context"], plan["app_name"]) == (context, "Playback"):
                    path = f"channels/{channel['id']}/variable"
                    return float((await stage.app.get(path, variable="TIMEOUT(absolute)"))["value"])
            await asyncio.sleep(0.05)


async def test_no_call_lasts_for_ever_without_callctl(stage: Stage) -> None:
    """What began with a lease ends with a limit: a phone or trunk that never hangs up would stay for ever."""
    await stage.app.beat(-1)
    await registered(stage)
    line = await stage.network.call("0123")
    assert 14_000 < await seconds_left(stage, "callctl-fallback") <= 14_400
    await line.hangup()
    phone = stage.network.phone("anna")
    line = await phone.dial("*11")
    assert 200 < await seconds_left(stage, "callctl-feature-enter") <= 300
    await line.hangup()
    await phone.behave(Behaviour.answer())
    before = len(phone.lines())
    await originate(stage, "PJSIP/anna", "LEG-LONG", CC_LEG="LEG-LONG")
    line = await phone.wait_rung(before)
    assert 200 < await seconds_left(stage, "callctl-leg") <= 300
    await line.hangup()


async def test_a_feature_code_without_callctl_gets_an_apology(stage: Stage) -> None:
    line = await stage.network.phone("anna").dial("*11")
    await heard_speech(line)
    await line.wait_ended(20)


async def test_a_feature_code_reaches_callctl(fresh: Stage) -> None:
    line = await fresh.network.phone("anna").dial("*11")
    assert (await fresh.app.wait("StasisStart"))["args"] == ["feature", "exten=*11", "phone=anna"]
    await line.hangup()


@pytest.mark.parametrize(
    ("sent", "number", "name"),
    [
        (b'"a,b|c&d=e" <sip:+33,1;x=y@x>', "num=%2B331", "name=a%2Cb%7Cc%26d%3De"),
        (b'"${EPOCH}" <sip:+331@x>', "num=%2B331", "name=%24%7BEPOCH%7D"),
        (b'"Andr\xe9" <sip:+331@x>', "num=%2B331", "name=Andr%EF%BF%BD"),
        (b'"' + b"x" * 10_000 + b'" <sip:+331@x>', "num=%2B331", "name=" + "x" * 79),
        (b'"a" <sip:+33%0D%0AX%3A%201@x>', "num=%2B33X1", None),
    ],
)
async def test_what_a_caller_sends_is_text(fresh: Stage, sent: bytes, number: str, name: str | None) -> None:
    lines, sdp = invite(sent, "0123", fresh.node.ports.sip)
    fresh.raw.request("INVITE", "0123", fresh.node.ports.sip, lines, sdp)
    start = await fresh.app.wait("StasisStart")
    args = start["args"]
    assert args[:4] == ["in", "exten=0123", "trunk=raw", "phone="]
    assert args[4] == number
    assert name is None or args[5] == name
    assert len(args) == 9
    await fresh.app.request("DELETE", f"channels/{start['channel']['id']}")


async def test_a_caller_cannot_forge_ami_events(fresh: Stage) -> None:
    forged = b"<sip:1%0D%0A%0D%0AEvent%3A%20DeviceStateChange%0D%0ADevice%3A%20PJSIP%2Fx%0D%0A%0D%0A@x>"
    lines, sdp = invite(forged, "0123", fresh.node.ports.sip)
    fresh.raw.request("INVITE", "0123", fresh.node.ports.sip, lines, sdp)
    start = await fresh.app.wait("StasisStart")
    await fresh.app.request("DELETE", f"channels/{start['channel']['id']}")
    await fresh.ami.action("Ping")  # what came before it has been read
    assert not [e for e in fresh.told if e.get("Device") == "PJSIP/x" or e["Event"] == "Newchannel"]


async def test_an_emergency_call_is_told_by_ami(stage: Stage) -> None:
    await stage.network.behave("112", Behaviour.answer())
    line = await stage.network.phone("anna").dial("112")
    await line.wait_answered()
    await line.hangup()
    await stage.ami.action("Ping")
    assert [e["Phone"] for e in stage.told if e.get("UserEvent") == "CallctlEmergency"] == ["anna"]
