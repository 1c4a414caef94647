"""Whatever an agent's phone does, on real SIP: nobody waits for it in vain, and nothing is dialled for it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from callctl.lab.house import house
from callctl.lab.install import Installation
from callctl.lab.phones import Behaviour
from callctl.lab.ports import HOST
from callctl.lab.rawphone import RawPhone, answering, silent
from tests.e2e.byhand import RawCaller, Ringing, header, phone_by_hand
from tests.e2e.conftest import QUICK
from tests.e2e.floor import AGENT, CALLER, DESK_DID, MUSIC, RING_TIMEOUT, TEAM, TONES_DID, Caller, Floor, on_floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

TALK_LEASE = 4 * 3600 + 60
"""Seconds: config's longest talk, and a margin."""


def rung(floor: Floor, agent: str) -> int:
    """How often the agent's phone has rung so far."""
    return len(floor.phone(agent).lines())


async def rings(floor: Floor, caller: Caller) -> list[tuple[str, str | None, int]]:
    """(agent, result, SIP status) of each ring of a call, as Postgres has it after the caller hung up."""
    row = await floor.row_of_hangup(caller)
    return [(ring["agent"], ring["result"], ring["sip"]) for ring in row["rings"]]


async def test_an_unregistered_phone_is_not_rung(floor: Floor) -> None:
    await floor.staff("agent7", "agent8", how=Behaviour.answer())
    await floor.phone("agent7").unregister()
    await floor.until_agent("agent7", phone="unreachable", standing="unreachable")
    assert "phone107" not in await floor.house.node.cli("pjsip show contacts")
    before = rung(floor, "agent7")
    first = await floor.call()
    assert (await floor.until_phase(first, "connected"))["agent"] == "agent8"
    second = await floor.call()
    await floor.until_phase(second, "queued")
    await floor.phone("agent7").register()
    assert (await floor.until_phase(second, "connected"))["agent"] == "agent7"
    assert rung(floor, "agent7") == before + 1
    assert await rings(floor, second) == [("agent7", "answered", 0)]


async def test_a_phone_that_is_busy_elsewhere_is_not_rung(floor: Floor) -> None:
    """Two agents talk to each other; both are free for callers when they have hung up."""
    await floor.staff("agent6", "agent7", how=Behaviour.answer())
    talk = await floor.dial("phone106", "107")
    await talk.wait_answered()
    await floor.until_agent("agent6", phone="busy_elsewhere", standing="busy")
    await floor.until_agent("agent7", phone="busy_elsewhere", standing="busy")
    before = rung(floor, "agent6") + rung(floor, "agent7")
    caller = await floor.call()
    await caller.line.wait_answered()
    # Long enough for a ring to have come: the music is heard for a second.
    await caller.line.wait_heard(lambda audio: audio.seconds > 0.9, "a second of music")
    await floor.until_phase(caller, "queued", timeout=1)
    assert rung(floor, "agent6") + rung(floor, "agent7") == before
    await talk.hangup()
    await floor.until_phase(caller, "connected")
    assert [result for _, result, _ in await rings(floor, caller)] == ["answered"]


@pytest.mark.parametrize("how", [Behaviour.busy(), Behaviour.status(603), Behaviour.no_answer()])
async def test_a_phone_that_rejects_loses_the_call_to_the_next_agent(floor: Floor, how: str) -> None:
    sip = {"busy:0": 486, "status:0:603": 603, "noanswer:0": 480}[how]
    await floor.staff("agent7", how=how)
    await floor.staff("agent8", how=Behaviour.answer())
    caller = await floor.call()
    assert (await floor.until_phase(caller, "connected"))["agent"] == "agent8"
    assert (await floor.agent("agent7"))["misses"] == 1
    said = "busy" if sip == 486 else "rejected"
    assert await rings(floor, caller) == [("agent7", said, sip), ("agent8", "answered", 0)]


@pytest.mark.parametrize("sip", [500, 503, 404])
async def test_a_broken_phone_is_no_miss_of_the_person(floor: Floor, sip: int) -> None:
    await floor.staff("agent7", how=Behaviour.status(sip))
    await floor.staff("agent8", how=Behaviour.answer())
    caller = await floor.call()
    assert (await floor.until_phase(caller, "connected"))["agent"] == "agent8"
    assert await rings(floor, caller) == [("agent7", "unreachable", sip), ("agent8", "answered", 0)]
    assert (await floor.agent("agent7"))["misses"] == 0


async def test_who_misses_twice_is_paused(floor: Floor) -> None:
    """Never answers, then rejects: both are misses. The caller waits on at the old place, with music."""
    await floor.staff("agent7", how=Behaviour.never())
    caller = await floor.call()
    await floor.until_phase(caller, "offered")
    await floor.until_agent("agent7", misses=1, timeout=RING_TIMEOUT + 3)
    await floor.phone("agent7").behave(Behaviour.busy())
    agent = await floor.until_agent("agent7", status="paused")
    assert agent["reason"] == "missed_calls"
    await floor.until_phase(caller, "queued")
    assert [result for _, result, _ in await rings(floor, caller)] == ["no_answer", "busy"]
    listed = next(n for n in (await floor.cli("agents")).splitlines() if n.startswith("agent7"))
    assert "paused (missed_calls)" in listed


async def test_only_a_reachable_phone_can_miss(floor: Floor) -> None:
    """The phone goes away while it rings."""
    await floor.staff("agent7", how=Behaviour.never())
    caller = await floor.call()
    await floor.phone("agent7").wait_rung(rung(floor, "agent7") - 1)
    await floor.phone("agent7").unregister()
    await floor.until_agent("agent7", phone="unreachable")
    await floor.until_phase(caller, "queued", timeout=RING_TIMEOUT + 3)
    assert (await floor.agent("agent7"))["misses"] == 0
    await floor.phone("agent7").register()
    await floor.until_agent("agent7", phone="reachable")


@pytest.mark.parametrize(
    "target",
    ["0033899000000", "999", "s", "101", "Local%2F999%40callctl-emergency", "Local%2F999%40callctl-phone-phone101"],
)
async def test_a_forwarded_phone_dials_nothing(floor: Floor, target: str) -> None:
    """A 302 is refused, and its agent paused."""
    network = floor.house.network
    async with phone_by_hand(floor, "agent7") as phone:
        before = len(network.arrivals)
        caller = await _forwarded(floor, phone, target)
        await floor.until_phase(caller, "queued")
        await floor.until_channels(lambda found: len(found) == 1, "the caller's channel alone")
        assert len(phone.invites) == 1
        assert [(name, result) for name, result, _ in await rings(floor, caller)] == [("agent7", "forwarded")]
        # The network hears of nothing but what comes after.
        await floor.phone("agent8").behave(Behaviour.answer())
        await (await floor.dial("phone106", "108")).wait_answered()
        assert [arrival.phone for arrival in network.arrivals[before:]] == ["phone108"]


async def test_a_dial_string_in_a_forward_comes_to_nothing(floor: Floor) -> None:
    """Asterisk follows a redirection that names a channel driver before anybody is asked: what comes of it is ended
    at once, before anybody could answer."""
    network = floor.house.network
    await network.behave("999", Behaviour.answer(0.3))
    try:
        async with phone_by_hand(floor, "agent7") as phone:
            before = len(network.arrivals)
            caller = await _forwarded(floor, phone, "PJSIP%2F999%40trunk-carrier")
            await floor.until_channels(lambda found: len(found) == 1, "the caller's channel alone")
            assert [(name, result) for name, result, _ in await rings(floor, caller)] == [("agent7", "forwarded")]
            for arrival in network.arrivals[before:]:
                line = network.line(arrival.channel)
                await line.wait_ended()
                assert not line.talking
    finally:
        await network.behave("999", "")


async def _forwarded(floor: Floor, phone: RawPhone, target: str) -> Caller:
    """A call that met agent7's phone, which is forwarded there."""
    phone.sip.respond = answering("302 Moved Temporarily", [f"Contact: <sip:{target}@{HOST}>".encode()])
    caller = await floor.call()
    await floor.until_phase(caller, "queued")
    await floor.staff("agent7")
    agent = await floor.until_agent("agent7", status="paused", state="idle")
    assert agent["reason"] == "phone_forwarded"
    return caller


async def test_all_contacts_ring_and_the_loser_is_told_that_it_was_answered_elsewhere(floor: Floor) -> None:
    """The desk phone and one by hand, which shows the SIP of it."""
    played = floor.phone("agent7")
    other = await RawPhone.open(played.account, floor.house.node.ports.sip)
    try:
        ringing = Ringing(other)
        await floor.house.daemon.until(
            "two contacts", ("agents", "agent7"), lambda answer: answer["phone"]["contacts"] == 2
        )
        before = rung(floor, "agent7")
        await floor.staff("agent7", how=Behaviour.never())
        caller = await floor.call(tone_hz=CALLER)
        line = await played.wait_rung(before)
        await other.sip.wait(lambda message: message.startswith(b"INVITE"))
        assert line.state == "Ring"
        await line.pick_up()
        await floor.until_phase(caller, "connected")
        cancel = await other.sip.wait(lambda message: message.startswith(b"CANCEL"))
        assert b"\r\nReason: SIP;cause=200" in cancel
        assert len(ringing.ends) == 1
        await line.wait_heard(lambda audio: audio.has_tone(CALLER), "the caller")
        await floor.until_channels(lambda found: len(found) == 2, "the loser's channel to end")
    finally:
        await other.register(expires=0)
        other.close()


async def test_the_second_contact_answers(floor: Floor) -> None:
    phone = floor.phone("agent8")
    await phone.set_contacts(2)
    try:
        await floor.house.daemon.until(
            "two contacts", ("agents", "agent8"), lambda answer: answer["phone"]["contacts"] == 2
        )
        await phone.behave(Behaviour.answer(0.5), AGENT, contact=1)
        before = rung(floor, "agent8")
        await floor.staff("agent8", how=Behaviour.never())
        caller = await floor.call(tone_hz=CALLER)
        await floor.until_phase(caller, "connected")
        first, second = await phone.wait_rung(before), await phone.wait_rung(before + 1)
        # callctl may know of the answer before the one who answered has said that it talks.
        await floor.house.network.until(lambda: first.talking or second.talking, "a contact to talk", 5)
        winner, loser = (first, second) if first.talking else (second, first)
        await loser.wait_ended()
        assert loser.cause == 26  # answered elsewhere, by the Reason header
        await caller.line.wait_heard(lambda audio: audio.has_tone(AGENT), "the agent")
        await winner.wait_heard(lambda audio: audio.has_tone(CALLER), "the caller")
        assert await rings(floor, caller) == [("agent8", "answered", 0)]
    finally:
        await phone.unregister(1)
        await phone.set_contacts(1)
        await floor.house.daemon.until(
            "one contact", ("agents", "agent8"), lambda answer: answer["phone"]["contacts"] == 1
        )


async def test_who_answers_and_hangs_up_at_once_loses_no_caller(floor: Floor) -> None:
    await floor.staff("agent7", how=Behaviour.drop(0.5))
    caller = await floor.call()
    await floor.until_agent("agent7", misses=1)
    await caller.line.wait_heard(lambda audio: audio.has_tone(MUSIC, 0.9), "the music again", last=0.5)
    await floor.until_agent("agent7", status="paused", timeout=15)  # it did so again
    await floor.staff("agent8", how=Behaviour.answer())
    await caller.line.wait_heard(lambda audio: audio.has_tone(AGENT, 0.9), "the next agent", last=0.5)
    assert [result for _, result, _ in await rings(floor, caller)] == ["dropped", "dropped", "answered"]
    row = await floor.row_of_hangup(caller)
    assert (row["outcome"], row["agent"]) == ("answered", "agent8")


async def test_an_agent_who_answers_a_caller_who_has_gone_is_idle_at_once(floor: Floor) -> None:
    """callctl is held up while both happen, as the network might do to it."""
    before = await floor.house.daemon.metrics()
    await floor.staff("agent7", how=Behaviour.never())
    count = rung(floor, "agent7") + 1
    caller = await floor.call()
    line = await floor.phone("agent7").wait_rung(count - 1)
    await floor.until_agent("agent7", state="ringing")
    leg = (await floor.until_phase(caller, "offered"))["leg"]
    floor.house.daemon.send_signal(signal.SIGSTOP)
    try:
        await caller.line.hangup()
        await floor.until_channels(lambda found: all(c["id"] != leg for c in found), "the caller's end at the PBX")
        await line.pick_up()
        await line.wait_answered()
    finally:
        floor.house.daemon.send_signal(signal.SIGCONT)
    await line.wait_ended()
    agent = await floor.until_agent("agent7", state="idle", standing="routable")
    assert (agent["misses"], agent["held_until"]) == (0, None)
    row = await floor.row(caller, lambda row: row["rings"][0]["result"] == "ghost")
    assert (row["outcome"], row["ended_by"], row["connected"]) == ("abandoned", "caller", None)
    changed = await floor.metrics_since(before)
    assert changed['callctl_queue_ghosts_total{queue="desk"}'] == 1
    assert 'callctl_queue_wrap_up_seconds_count{queue="desk"}' not in changed
    assert "no miss, no wrap-up" in await floor.cli("explain", caller.call)


async def test_every_leg_ends_some_day(floor: Floor) -> None:
    """In force at Asterisk: the lease, the longest talk, for the trunk's leg and the agent's; RTP and SIP timers."""
    node = floor.house.node
    caller = await floor.call(TONES_DID)
    leg = (await floor.until_phase(caller, "in_menu"))["leg"]
    await floor.until_lease(leg, 180, 210)  # no renewal while a prompt plays
    await caller.line.wait_answered()
    await caller.line.press("1")
    await floor.until_lease(leg, 60, 90)
    await floor.staff("agent7", how=Behaviour.answer())
    call = await floor.until_phase(caller, "connected")
    for each in (leg, call["agent_leg"]):
        await floor.until_lease(each, TALK_LEASE - 60, TALK_LEASE)
    for endpoint in ("trunk-carrier", "phone107"):
        shown = await node.cli(f"pjsip show endpoint {endpoint}")
        values = dict(line.split(":", 1) for line in shown.splitlines() if ":" in line)
        settings = {key.strip(): value.strip() for key, value in values.items()}
        assert (settings["rtp_timeout"], settings["timers_sess_expires"]) == ("60", "1800")
        assert settings["timers"] in ("yes", "always")
    await floor.quiet()
    talk = await floor.dial("phone106", "108")
    await talk.wait_answered()
    channels = await floor.until_channels(lambda found: len(found) == 2, "the talk")
    dialler = next(c["id"] for c in channels if c["name"].startswith("PJSIP/phone106"))
    await floor.until_lease(dialler, 14000, 14400)


async def test_after_a_restart_nobody_is_rung_before_his_contact_qualifies(
    installation: Installation, tmp_path: Path
) -> None:
    """And, in the same house: a trunk's caller who sends no audio is ended, the agent's leg with it."""
    async with (
        house(installation, tmp_path, QUICK, phones=TEAM.values()) as built,
        on_floor(built, QUICK) as floor,
    ):
        raw = await RawCaller.open(built.node.ports.sip)
        async with phone_by_hand(floor, "agent7") as phone:
            await floor.staff("agent7")
            phone.sip.respond = silent
            invites = len(phone.invites)
            await built.node.restart()
            await built.daemon.until_ready()
            assert "phone107" in await built.node.cli("pjsip show contacts")
            await floor.until_agent("agent7", phone="unreachable")
            caller = await floor.call(DESK_DID)
            await caller.line.wait_answered()
            await caller.line.wait_heard(lambda audio: audio.seconds > 1.8, "two seconds", last=2)
            await floor.until_phase(caller, "queued", timeout=1)
            assert len(phone.invites) == invites, "a phone was rung that nobody had heard of"
            phone.sip.respond = answering("486 Busy Here")
            await built.node.cli("pjsip qualify phone107")
            await phone.sip.wait(lambda m: m.startswith(b"INVITE"))
            assert caller.number in header(phone.invites[-1], "From")
            await caller.line.hangup()
        await _no_audio(floor, raw)


async def _no_audio(floor: Floor, raw: RawCaller) -> None:
    """The shipped minute is made two seconds, by hand in the generated file; the rest is as ever."""
    built = floor.house
    trunk = {"kind": "ip", "host": HOST, "port": raw.sip.port, "match": [f"{HOST}:{raw.sip.port}"], "qualify": "0s"}
    await floor.reload({"trunks": {"raw": trunk}})
    generated = built.node.generated / "pjsip.conf"
    generated.write_text(generated.read_text().replace("rtp_timeout=60", "rtp_timeout=2"))
    await built.node.cli("module reload res_pjsip.so")
    await floor.staff("agent8", how=Behaviour.answer())
    count = rung(floor, "agent8")
    raw.invite(DESK_DID, b"<sip:+442079460555@x>")
    await raw.answered()
    call = await floor.until_call(lambda c: c["trunk"] == "raw" and c["phase"] == "connected")
    agent = await floor.phone("agent8").wait_rung(count)
    await raw.ended()
    await agent.wait_ended()
    row = await floor.row(call["id"])
    assert (row["outcome"], row["ended_by"], row["cause"]) == ("answered", "caller", 44)
    raw.close()


async def test_nothing_of_it_was_a_fault_of_callctl(floor: Floor) -> None:
    """After all that phones did: nothing of it was a fault of callctl."""
    log = floor.house.daemon.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert '"level": "error"' not in log
    metrics = await floor.house.daemon.metrics()
    assert metrics["callctl_poison_events_total"] == 0
