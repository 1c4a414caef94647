"""The links on a real Asterisk, with real phones and a real telephone network: every command, every event."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pytest
import pytest_asyncio
import structlog

from callctl.asterisk.ami import Ami, AmiAddress
from callctl.asterisk.ari import AriAddress
from callctl.asterisk.link import Link
from callctl.asterisk.prompts import LINGERS
from callctl.asterisk.provision import Secrets, files, modules_of, write_if_changed
from callctl.core.addresses import E164, Emergency, Extension, ShortCode, Withheld
from callctl.core.commands import (
    Answer,
    Beat,
    Bridge,
    DropBridge,
    Hangup,
    Hold,
    Lease,
    Play,
    RingPhone,
    StopPlay,
    Watch,
)
from callctl.core.events import (
    BridgeFailed,
    CallArrived,
    DigitPressed,
    EmergencyDialled,
    Event,
    LegAnswered,
    LegGone,
    LegLeft,
    LegRinging,
    LegState,
    LinkLost,
    LinkRestored,
    PhoneBusy,
    PhoneContacts,
    PlaybackEnded,
    Synced,
    TrunkState,
)
from callctl.core.ids import SECOND, BridgeId, CallId, IdSource, LegId, NodeId, PhoneId, PlaybackId, QueueId, TrunkId
from callctl.core.policy import (
    EmergencyPolicy,
    Feature,
    HangupReason,
    NumberRules,
    PhoneKind,
    PhonePolicy,
    Policy,
    QueuePolicy,
    ToQueue,
    TrunkKind,
    TrunkPolicy,
)
from callctl.lab.install import ensure
from callctl.lab.line import Line
from callctl.lab.network import Network
from callctl.lab.node import Node
from callctl.lab.phones import Account, Behaviour
from callctl.lab.ports import HOST

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

NODE = NodeId("pbx")
QUEUE = QueueId("sales")
DID = "+33123456789"
PASSWORD = "phone-secret"
E = TypeVar("E")


@dataclass
class Box:
    """The inbox, held by the test."""

    events: list[Event] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, event: Event) -> None:
        self.events.append(event)
        self.changed.set()

    async def wait(
        self, kind: type[E], condition: Callable[[E], bool] = lambda _: True, after: int = 0, timeout: float = 10
    ) -> E:
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for event in self.events[after:]:
                        if isinstance(event, kind) and condition(event):
                            return event
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise AssertionError(f"no {kind.__name__} in {timeout} s; came: {self.events[after:]}") from None


def phone(name: str, extension: str, emergency: E164 | None = None) -> PhonePolicy:
    return PhonePolicy(
        PhoneId(name), PhoneKind.PROVISIONED, name, NODE, Extension(extension), emergency, max_contacts=2
    )


def policy(port: int) -> Policy:
    trunk = TrunkPolicy(
        TrunkId("pstn"), TrunkKind.IP, NODE, HOST, port, match=(f"{HOST}:{port}",),
        numbers=NumberRules(country="FR", send="national"), trust_identity=True, qualify=SECOND,
        max_channels=20, emergency=True,
    )  # fmt: skip
    dead = replace(trunk, id=TrunkId("dead"), port=9, match=("127.0.0.9",))
    return Policy(
        sha="test",
        country="FR",
        entries={E164("33123456789"): ToQueue(QUEUE)},
        queues={QUEUE: QueuePolicy(QUEUE)},
        phones={p.id: p for p in (phone("anna", "101", E164("33123456701")), phone("bert", "102"))},
        trunks={dead.id: dead, trunk.id: trunk},  # emergency calls try the dead one first
        features={"*45": Feature.LOGIN},
        emergency=EmergencyPolicy((Emergency("112"),)),
    )


@dataclass
class Stage:
    node: Node
    network: Network
    box: Box
    link: Link
    ami: Ami
    policy: Policy
    ids: IdSource

    def fresh(self) -> str:
        return self.ids.ulid(time.time_ns() // 1000)

    async def arrived(self, number: str = DID, **more: object) -> tuple[Line, CallArrived]:
        before = len(self.box.events)
        line = await self.network.call(number, **more)  # type: ignore[arg-type]
        return line, await self.box.wait(CallArrived, after=before)

    async def contact(self, name: str) -> str:
        def usable(event: PhoneContacts) -> bool:
            return event.phone == name and bool(event.contacts)

        await self.box.wait(PhoneContacts, usable, timeout=15)
        newest = [e for e in self.box.events if isinstance(e, PhoneContacts) and usable(e)][-1]
        return newest.contacts[0]

    async def ring(self, name: str, timeout: int = 20) -> LegId:
        leg = LegId(self.fresh())
        contact = await self.contact(name)
        self.link.send(
            RingPhone(NODE, leg, CallId(self.fresh()), name, contact, "+33612345678", 'A "B" <1>', timeout * SECOND)
        )
        return leg


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    installation = await asyncio.to_thread(ensure)
    node = Node(installation, "l-node")
    network = Network(installation, node.ports.sip, [Account("anna", PASSWORD), Account("bert", PASSWORD)], "l-net")
    rules = policy(network.trunk_port)
    secrets = Secrets({PhoneId("anna"): PASSWORD, PhoneId("bert"): PASSWORD})
    write_if_changed(node.generated, files(rules, secrets, NODE))
    box = Box()
    link = Link(NODE, AriAddress(node.ari_url, "callctl", node.secrets.ari), box, rules, audit_every=2)
    ami = Ami(NODE, AmiAddress(HOST, node.ports.ami, "callctl", node.secrets.ami), box, rules)
    link.on_live = ami.relist
    try:
        await asyncio.gather(node.start(), network.start())
        link.start()
        ami.start()
        await box.wait(Synced)
        link.send(Beat(NODE))
        yield Stage(node, network, box, link, ami, rules, IdSource(1))
    finally:
        await link.stop()
        await ami.stop()
        await asyncio.gather(node.stop(), network.stop())
        node.remove()
        network.remove()


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def beating(stage: Stage) -> AsyncIterator[None]:
    """The heartbeat goes on as the core would have it; what an earlier test heard of is forgotten."""

    async def beat() -> None:
        while True:
            stage.link.send(Beat(NODE))
            await asyncio.sleep(1)

    task = asyncio.create_task(beat())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_call_is_carried_from_prompt_to_talk(stage: Stage) -> None:
    box, link = stage.box, stage.link
    line, arrived = await stage.arrived(name="Éva")
    assert arrived.dialled == E164("33123456789")
    assert arrived.caller == E164("33612345678")
    assert arrived.trunk == "pstn"
    leg = arrived.leg
    link.send(Watch(NODE, leg))
    link.send(Answer(NODE, leg))
    link.send(Lease(NODE, leg, 90 * SECOND))
    link.send(Play(NODE, leg, PlaybackId("menu-1"), ("sound:demo-congrats",)))
    await line.wait_answered()
    await line.wait_heard(lambda audio: audio.sound_seconds() > 0.3, "the prompt")
    await line.press("5")
    digit = await box.wait(DigitPressed, lambda e: e.leg == leg)
    assert digit.digit == "5"

    start = time.monotonic()
    link.send(Hold(NODE, leg, QUEUE, "default"))  # the prompt still plays: it must not hold up the socket
    await box.wait(PlaybackEnded, lambda e: e.playback == "menu-1")
    assert time.monotonic() - start < 2
    await line.wait_heard(lambda audio: audio.sound_seconds() > 0.5, "music")

    anna = stage.network.phone("anna")
    await anna.behave(Behaviour.answer(0.5), tone_hz=600)
    agent = await stage.ring("anna")
    await box.wait(LegRinging, lambda e: e.leg == agent)
    await box.wait(PhoneBusy, lambda e: e.phone == "anna" and e.busy)
    await box.wait(LegAnswered, lambda e: e.leg == agent)
    call = CallId(stage.fresh())
    link.send(Lease(NODE, agent, 3600 * SECOND))
    link.send(Bridge(NODE, call, leg, agent))
    await line.wait_heard(lambda audio: audio.has_tone(600), "the agent's tone")
    seen = await box.wait(Synced, lambda e: agent in e.snapshot.bridges)
    legs = {found.leg: found for found in seen.snapshot.legs}
    assert legs[leg].in_app
    assert legs[leg].bridge == legs[agent].bridge == agent
    assert legs[leg].state is LegState.UP
    assert legs[leg].arrival == arrived

    await line.hangup()
    gone = await box.wait(LegGone, lambda e: e.leg == leg)
    assert gone.cause == 16
    link.send(Hangup(NODE, agent, HangupReason.NORMAL))
    await box.wait(LegGone, lambda e: e.leg == agent)
    link.send(DropBridge(NODE, BridgeId(agent)))
    await box.wait(Synced, lambda e: agent not in e.snapshot.bridges, after=len(box.events))
    await box.wait(PhoneBusy, lambda e: e.phone == "anna" and not e.busy, after=box.events.index(gone))


@pytest.mark.parametrize(
    ("behaviour", "cause", "sip"),
    [
        (Behaviour.busy(), 17, 486),
        (Behaviour.status(603), 21, 603),
        (Behaviour.status(500), 38, 500),
        (Behaviour.forward("0899000000"), 23, 302),
    ],
)
async def test_a_phone_that_refuses_is_told(stage: Stage, behaviour: str, cause: int, sip: int) -> None:
    bert = stage.network.phone("bert")
    await bert.behave(behaviour)
    before = len(stage.network.arrivals)
    leg = await stage.ring("bert")
    gone = await stage.box.wait(LegGone, lambda e: e.leg == leg)
    assert (gone.cause, gone.sip) == (cause, sip)
    assert [e for e in stage.box.events if isinstance(e, LegGone | LegAnswered) and e.leg == leg] == [gone]
    assert {a.phone for a in stage.network.arrivals[before:]} <= {"bert"}, "a forward was followed"


async def test_a_phone_that_never_answers_is_given_up(stage: Stage) -> None:
    bert = stage.network.phone("bert")
    await bert.behave(Behaviour.never())
    leg = await stage.ring("bert", timeout=1)
    await stage.box.wait(LegRinging, lambda e: e.leg == leg)
    gone = await stage.box.wait(LegGone, lambda e: e.leg == leg)
    assert gone.cause == 19


async def test_a_loser_is_hung_up_while_it_rings(stage: Stage) -> None:
    bert = stage.network.phone("bert")
    await bert.behave(Behaviour.never())
    leg = await stage.ring("bert")
    await stage.box.wait(LegRinging, lambda e: e.leg == leg)
    stage.link.send(Hangup(NODE, leg, HangupReason.ANSWERED_ELSEWHERE))
    assert (await stage.box.wait(LegGone, lambda e: e.leg == leg)).cause == 26


async def test_what_cannot_be_is_told_once(stage: Stage) -> None:
    leg, call = LegId(stage.fresh()), CallId(stage.fresh())
    before = len(stage.box.events)
    stage.link.send(RingPhone(NODE, leg, call, "nobody", "", "", "", SECOND))
    assert await stage.box.wait(LegGone, lambda e: e.leg == leg) == LegGone(NODE, leg)
    stage.link.send(RingPhone(NODE, leg, call, "anna", "sip:a@b&PJSIP/112@trunk-pstn", "", "", SECOND))
    with structlog.testing.capture_logs() as lines:
        stage.link.send(Bridge(NODE, call, leg, leg))
        await stage.box.wait(BridgeFailed, lambda e: e.call == call)
    said = [line for line in lines if line["event"] == "request_refused"]
    assert [(line["command"], line["call"], line["legs"]) for line in said] == [("Bridge", call, [leg, leg])]
    stage.link.send(Play(NODE, LegId(stage.fresh()), PlaybackId("p-none"), ("sound:beep",)))
    assert (await stage.box.wait(PlaybackEnded, lambda e: e.playback == "p-none")).failed
    told = [e for e in stage.box.events[before:] if isinstance(e, LegGone)]
    assert told == [LegGone(NODE, leg)] * 2
    stage.link.send(DropBridge(NODE, BridgeId(leg)))


async def test_a_hang_up_during_a_prompt_is_not_a_failed_prompt(stage: Stage) -> None:
    line, leg, playback = await in_a_prompt(stage)
    before = len(stage.box.events)
    await line.hangup()
    await stage.box.wait(LegGone, lambda e: e.leg == leg, after=before)
    stage.link.send(Play(NODE, LegId(stage.fresh()), PlaybackId("p-later"), ("sound:beep",)))
    await stage.box.wait(PlaybackEnded, lambda e: e.playback == "p-later", after=before)
    told = [e.playback for e in stage.box.events[before:] if isinstance(e, PlaybackEnded)]
    assert playback not in told


async def test_a_caller_who_hung_up_before_the_watch_is_told_to_have_gone(stage: Stage) -> None:
    """Else the core would hold that the call left for the fallback."""
    line, arrived = await stage.arrived()
    before = len(stage.box.events)
    await line.hangup()
    await stage.box.wait(LegLeft, lambda e: e.leg == arrived.leg, after=before)
    assert [e for e in stage.box.events[before:] if isinstance(e, LegGone)] == [], "unwatched, nothing tells its end"
    stage.link.send(Watch(NODE, arrived.leg))
    gone = await stage.box.wait(LegGone, lambda e: e.leg == arrived.leg, after=before, timeout=1.5)
    assert gone == LegGone(NODE, arrived.leg)
    refused = [name for name in stage.link.counted if name.startswith("refused_Watch")]
    assert refused == []


async def test_a_withheld_number_stays_withheld(stage: Stage) -> None:
    line, arrived = await stage.arrived(withheld=True)
    assert arrived.caller == Withheld()
    assert arrived.caller_name == ""
    await line.hangup()


async def test_phones_reach_only_what_is_listed(stage: Stage) -> None:
    anna, bert = stage.network.phone("anna"), stage.network.phone("bert")
    await bert.behave(Behaviour.answer())
    rung = len(bert.lines())
    line = await anna.dial("102")
    await line.wait_answered()
    assert (await bert.wait_rung(rung)).id
    await line.hangup()

    before = len(stage.box.events)
    feature = await anna.dial("*45")
    arrived = await stage.box.wait(CallArrived, after=before)
    assert (arrived.feature_code, arrived.phone, arrived.dialled) == ("*45", "anna", ShortCode("*45"))
    assert arrived.caller == Extension("101")
    await feature.hangup()

    before = len(stage.box.events)
    entry = await anna.dial("0123456789")
    arrived = await stage.box.wait(CallArrived, after=before)
    assert (arrived.dialled, arrived.phone, arrived.trunk) == (E164("33123456789"), "anna", None)
    await entry.hangup()

    arrivals = len(stage.network.arrivals)
    for number in ("0899000000", "00336", "callctl-emergency", "h", "phone-bert"):
        refused = await anna.dial(number)
        await refused.wait_ended()
        assert refused.cause in (1, 21), f"{number}: {refused.cause}"
    assert len(stage.network.arrivals) == arrivals


async def test_an_emergency_call_needs_no_callctl_and_is_called_back(stage: Stage) -> None:
    anna = stage.network.phone("anna")
    await stage.contact("anna")
    await stage.network.behave("112", Behaviour.answer())
    await stage.link.stop()
    try:
        arrivals = len(stage.network.arrivals)
        line = await anna.dial("112")
        arrival = await stage.network.wait_arrival(dialled="112", after=arrivals)
        assert arrival.number == "0123456701"
        await line.wait_answered()
        told = await stage.box.wait(EmergencyDialled)
        assert told == EmergencyDialled(NODE, PhoneId("anna"), Emergency("112"), "dialled")
        await line.hangup()
        await stage.box.wait(EmergencyDialled, lambda e: e.result == "ANSWER")

        await anna.behave(Behaviour.answer())
        for form in ("0123456701", "+33123456701", "0033123456701"):
            rung = len(anna.lines())
            back = await stage.network.call(form, caller="112")
            await anna.wait_rung(rung)
            await back.wait_answered()
            await back.hangup()
    finally:
        stage.link.start()
        await stage.box.wait(Synced, after=len(stage.box.events))


async def test_trunks_are_told(stage: Stage) -> None:
    await stage.box.wait(TrunkState, lambda e: e.trunk == "pstn" and e.up, timeout=15)
    await stage.box.wait(TrunkState, lambda e: e.trunk == "dead" and not e.up)


async def test_a_reload_harms_no_call(stage: Stage) -> None:
    line, arrived = await stage.arrived()
    stage.link.send(Watch(NODE, arrived.leg))
    stage.link.send(Answer(NODE, arrived.leg))
    stage.link.send(Hold(NODE, arrived.leg, QUEUE, "default"))
    await line.wait_answered()
    for module in modules_of(("pjsip.conf", "extensions.conf")):
        await stage.link.reload(module)
    await line.wait_heard(lambda audio: audio.sound_seconds() > 0.5, "music after the reload")
    stage.link.send(Hangup(NODE, arrived.leg, HangupReason.NORMAL))
    await stage.box.wait(LegGone, lambda e: e.leg == arrived.leg)


async def in_a_prompt(stage: Stage) -> tuple[Line, LegId, PlaybackId]:
    line, arrived = await stage.arrived()
    leg, playback = arrived.leg, PlaybackId(stage.fresh())
    stage.link.send(Watch(NODE, leg))
    stage.link.send(Answer(NODE, leg))
    stage.link.send(Lease(NODE, leg, 90 * SECOND))
    stage.link.send(Play(NODE, leg, playback, ("sound:demo-congrats",)))
    await line.wait_answered()
    await line.wait_heard(lambda audio: audio.sound_seconds() > 0.3, "the prompt")
    return line, leg, playback


async def lease_of(stage: Stage, leg: LegId) -> int:
    """Seconds left, as Asterisk has it; 0: no such channel."""
    channels = (await stage.node.cli("core show channels concise")).splitlines()
    name = next((line.split("!")[0] for line in channels if line.endswith(f"!{leg}")), "")
    for line in (await stage.node.cli(f"core show channel {name}")).splitlines():
        key, _, value = line.strip().partition(": ")
        if key == "Time to Hangup":
            return int(value) - int(time.time())  # an absolute time, whatever its name
    return 0


async def until_lease(stage: Stage, leg: LegId, seconds: int) -> None:
    async with asyncio.timeout(2 + LINGERS):
        while await lease_of(stage, leg) < seconds:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def test_a_lease_waits_for_the_prompt_and_nothing_waits_for_it_or_for_an_answer(stage: Stage) -> None:
    """Asterisk would do either only when the prompt is over, and would do nothing else until then."""
    line, leg, playback = await in_a_prompt(stage)
    assert 180 < await lease_of(stage, leg) <= 210, "long enough for any prompt"
    stage.link.send(Lease(NODE, leg, 3000 * SECOND))
    stage.link.send(Answer(NODE, leg))  # as an audit may owe it
    before = len(stage.box.events)
    stage.link.send(Play(NODE, LegId("nobody"), PlaybackId(stage.fresh()), ("sound:beep",)))
    await stage.box.wait(PlaybackEnded, lambda e: e.leg == "nobody" and e.failed, after=before, timeout=1)
    assert await lease_of(stage, leg) <= 210
    stage.link.send(StopPlay(NODE, playback))
    await stage.box.wait(PlaybackEnded, lambda e: e.playback == playback, timeout=1)
    await until_lease(stage, leg, 2900)
    await line.hangup()


async def test_a_prompt_that_is_longer_than_the_lease_is_heard_to_its_end(stage: Stage) -> None:
    """And behind it the caller has the lease that the core wants, not the prompt's."""
    line, arrived = await stage.arrived()
    leg, playback = arrived.leg, PlaybackId(stage.fresh())
    stage.link.send(Watch(NODE, leg))
    stage.link.send(Answer(NODE, leg))
    stage.link.send(Lease(NODE, leg, 2 * SECOND))
    before = len(stage.box.events)
    began = time.monotonic()
    stage.link.send(Play(NODE, leg, playback, ("sound:please-try-call-later", "sound:please-try-call-later")))
    ended = await stage.box.wait(PlaybackEnded, lambda e: e.playback == playback)
    assert not ended.failed
    assert time.monotonic() - began > 3, "else this shows nothing"
    assert [e for e in stage.box.events[before:] if isinstance(e, LegLeft)] == []
    # Nobody renews the lease now: it is two seconds again.
    await stage.box.wait(LegLeft, lambda e: e.leg == leg, after=before, timeout=4 + LINGERS)
    await line.hangup()


async def test_prompt_after_prompt_is_heard_under_one_lease(stage: Stage) -> None:
    """As a caller hears them who walks through menus; and they do not wait for one another."""
    line, leg, playback = await in_a_prompt(stage)
    first = await lease_of(stage, leg)
    await asyncio.sleep(2)
    before = len(stage.box.events)
    following = PlaybackId(stage.fresh())
    stage.link.send(StopPlay(NODE, playback))
    stage.link.send(Play(NODE, leg, following, ("sound:beep",)))
    await stage.box.wait(PlaybackEnded, lambda e: e.playback == playback, after=before, timeout=1)
    assert await lease_of(stage, leg) <= first - 1, "no other was set"
    await stage.box.wait(PlaybackEnded, lambda e: e.playback == following and not e.failed, after=before, timeout=2)
    async with asyncio.timeout(2 + LINGERS):
        while await lease_of(stage, leg) > 90:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    await line.hangup()


async def test_what_an_earlier_connection_left_playing_is_stopped(stage: Stage) -> None:
    line, leg, _ = await in_a_prompt(stage)
    before = len(stage.box.events)
    await stage.link.stop()
    stage.link.start()
    await stage.box.wait(Synced, after=before)
    await line.wait_heard(lambda audio: audio.is_silent(), "silence", timeout=3)
    stage.link.send(Lease(NODE, leg, 3000 * SECOND))
    await until_lease(stage, leg, 2900)
    await line.hangup()


async def test_what_happened_while_the_link_was_cut_is_found(stage: Stage) -> None:
    stays, first = await stage.arrived()
    leaves, second = await stage.arrived()
    for arrived in (first, second):
        stage.link.send(Watch(NODE, arrived.leg))
        stage.link.send(Answer(NODE, arrived.leg))
        stage.link.send(Hold(NODE, arrived.leg, QUEUE, "default"))
    await asyncio.gather(stays.wait_answered(), leaves.wait_answered())
    before = len(stage.box.events)
    await stage.link.stop()
    await leaves.hangup()
    await leaves.wait_ended()
    stage.link.start()
    seen = await stage.box.wait(Synced, after=before)
    legs = {found.leg: found for found in seen.snapshot.legs}
    assert second.leg not in legs
    assert legs[first.leg].bridge == "hold-sales"
    assert legs[first.leg].arrival == first
    stage.link.send(Hangup(NODE, first.leg, HangupReason.NORMAL))
    # The subscription has survived: the end is told.
    await stage.box.wait(LegGone, lambda e: e.leg == first.leg, after=before)
    await stage.box.wait(LegLeft, lambda e: e.leg == first.leg, after=before)


async def test_too_many_requests_at_once_are_made_good_by_a_reconnect(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(stage.box.events)
    monkeypatch.setattr("callctl.asterisk.ari.MOST_OPEN", 3)
    for _ in range(5):
        stage.link.send(Beat(NODE))
    monkeypatch.undo()
    await stage.box.wait(LinkLost, after=before, timeout=1)
    assert "too many requests" in stage.link.health.why
    await stage.box.wait(Synced, after=before)
    assert stage.link.counted["unanswered"] >= 2


async def test_a_restarted_pbx_is_noticed_and_phones_wait_to_be_reached(stage: Stage) -> None:
    await stage.contact("anna")
    restored = [e for e in stage.box.events if isinstance(e, LinkRestored)][-1]
    before = len(stage.box.events)
    await stage.node.restart(crash=True)
    await stage.box.wait(LinkLost, after=before)
    again = await stage.box.wait(LinkRestored, after=before, timeout=20)
    assert again.booted != restored.booted
    await stage.box.wait(Synced, after=before)
    after = stage.box.events.index(again)
    await stage.box.wait(PhoneContacts, lambda e: e.phone == "anna" and bool(e.contacts), after=after, timeout=20)


async def test_a_queue_whose_bridge_was_destroyed_is_held_anew(stage: Stage) -> None:
    line, arrived = await stage.arrived()
    stage.link.send(Answer(NODE, arrived.leg))
    stage.link.send(Hold(NODE, arrived.leg, QUEUE, "default"))
    await line.wait_answered()
    stage.link.send(DropBridge(NODE, BridgeId("hold-sales")))
    stage.link.send(Hold(NODE, arrived.leg, QUEUE, "default"))
    await line.wait_heard(lambda audio: audio.sound_seconds() > 0.5, "music")
    await line.hangup()


async def test_music_is_asked_for_after_a_link_that_ended_before_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callctl.asterisk.seats.MUSIC_AFTER", 3600)
    line, arrived = await stage.arrived()
    before = len(stage.box.events)
    stage.link.send(Answer(NODE, arrived.leg))
    stage.link.send(Hold(NODE, arrived.leg, QUEUE, "default"))
    await stage.box.wait(
        Synced, lambda e: any((leg.leg, leg.bridge) == (arrived.leg, "hold-sales") for leg in e.snapshot.legs), before
    )
    await stage.link.stop()
    stage.link.start()
    await line.wait_heard(lambda audio: audio.sound_seconds() > 0.5, "music")
    await line.hangup()


async def test_a_frozen_pbx_is_given_up_and_taken_back(stage: Stage) -> None:
    before = len(stage.box.events)
    stage.node.freeze()
    try:
        await stage.box.wait(LinkLost, after=before, timeout=15)
        assert not stage.link.health.up
        assert "hang" in stage.link.health.why or "in time" in stage.link.health.why
    finally:
        stage.node.thaw()
    await stage.box.wait(Synced, after=before, timeout=20)


async def test_a_second_daemon_takes_over_and_the_first_stops_for_good(stage: Stage) -> None:
    other = Link(NODE, stage.link.address, Box(), stage.policy)
    before = len(stage.box.events)
    other.start()
    try:
        await asyncio.wait_for(stage.link.replaced.wait(), 10)
        await stage.box.wait(LinkLost, after=before)
        assert "another callctl" in stage.link.health.why
        stage.link.send(Beat(NODE))
        assert stage.link.counted["dropped_while_down"] > 0
    finally:
        await other.stop()
