"""A caller's way to an agent and back, on real Asterisk, SIP, audio and Postgres."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from callctl.lab.phones import Behaviour
from tests.e2e.floor import (
    AGENT,
    BROKEN_DID,
    CALLER,
    GOODBYE,
    HASTY_DID,
    INVALID,
    MUSIC,
    NO_INPUT,
    PROMPT,
    RING_TIMEOUT,
    SHIPPED_MENU_DID,
    TONES_DID,
    VIP_DID,
    Caller,
    Floor,
    Row,
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SALES = {"agent1": "phone101", "agent2": "phone102", "agent3": "phone103"}


async def connected(floor: Floor, caller: Caller) -> str:
    """The agent who has the call."""
    return str((await floor.until_phase(caller, "connected"))["agent"])


async def ready(floor: Floor, agent: str) -> None:
    """The agent is done with wrap-up, early."""
    await floor.until_agent(agent, state="wrap_up")
    await floor.house.daemon.post("agents", agent, "unpause")


def in_order(row: Row, *names: str) -> None:
    """Every time is set, and none is before the one before it."""
    times = [row[name] for name in names]
    assert all(times), dict(zip(names, times, strict=True))
    for (earlier, first), (later, second) in pairwise(zip(names, times, strict=True)):
        assert first <= second, f"{earlier} is after {later}"
    assert all(at.utcoffset() == timedelta(0) for at in times)


@pytest.mark.parametrize("by", ["caller", "agent"])
async def test_from_the_trunk_through_the_menu_to_an_agent_and_back(floor: Floor, by: str) -> None:
    """On the menu and the agents that are shipped (the music alone is a tone, to know it by); audio both ways."""
    house = floor.house
    before = await house.daemon.metrics()
    for name in SALES.values():
        await floor.phone(name).behave(Behaviour.answer(2.5), AGENT)
    rung = len(house.network.arrivals)

    caller = await floor.call(SHIPPED_MENU_DID, tone_hz=CALLER)
    line = caller.line
    await line.wait_answered()
    await line.wait_heard(lambda audio: audio.sound_seconds() > 0.5, "the prompt")
    leg = (await floor.until_phase(caller, "in_menu"))["leg"]
    await line.press("1")

    call = await floor.until_phase(caller, "offered")
    await line.wait_heard(lambda audio: audio.has_tone(MUSIC, 0.9), "the music alone, no prompt", last=0.5)
    assert await floor.bridge("hold-sales") == {leg}
    agent = call["agent"]
    await floor.until_phase(caller, "offered", timeout=1)  # what was heard was heard while waiting

    arrival = await house.network.wait_arrival(phone=SALES[agent], after=rung)
    assert arrival.number == caller.number
    phone = house.network.line(arrival.channel)
    await phone.wait_answered()
    await line.wait_heard(lambda audio: audio.has_tone(AGENT), "the agent's tone")
    await phone.wait_heard(lambda audio: audio.has_tone(CALLER), "the caller's tone")
    call = await floor.until_phase(caller, "connected")
    assert await floor.bridge(call["agent_leg"]) == {leg, call["agent_leg"]}
    assert await floor.bridge("hold-sales") == set()
    assert "Up" in await house.node.cli(f"core show channel {leg}")

    await (line if by == "caller" else phone).hangup()
    await asyncio.gather(line.wait_ended(), phone.wait_ended())
    assert (line.cause, phone.cause) == (16, 16)
    row = await floor.row(caller, lambda row: row["wrap_up_ended"] is not None)
    in_order(row, "entered", "answered_by_pbx", "queued", "connected", "ended", "wrap_up_ended")
    assert (row["outcome"], row["ended_by"], row["cause"], row["sip"]) == ("answered", by, 16, 0)
    assert (row["caller"], row["caller_kind"], row["dialled"]) == (caller.number, "E164", SHIPPED_MENU_DID)
    assert (row["trunk"], row["phone"], row["queue"], row["agent"]) == ("carrier", None, "sales", agent)
    assert [(visit["menu"], visit["digits"]) for visit in row["menus"]] == [("main", "1")]
    (ring,) = row["rings"]
    assert (ring["agent"], ring["result"]) == (agent, "answered")
    assert ring["why"].startswith("longest idle of 3 free in sales")
    assert row["entered"].isoformat() <= row["menus"][0]["at"] <= row["queued"].isoformat()
    assert row["queued"].isoformat() <= ring["at"] < ring["ended"] <= row["connected"].isoformat()
    assert await floor.bridge(call["agent_leg"]) == set()
    await _counted(floor, before, by)
    await _printed(floor, caller, agent, by)


async def _counted(floor: Floor, before: dict[str, float], by: str) -> None:
    changed = await floor.metrics_since(before)
    expected = {
        'callctl_calls_entered_total{node="pbx"}': 1,
        f'callctl_calls_ended_total{{by="{by}",outcome="answered"}}': 1,
        'callctl_menu_entered_total{menu="main"}': 1,
        'callctl_menu_choices_total{choice="1",menu="main"}': 1,
        'callctl_queue_entered_total{queue="sales"}': 1,
        'callctl_queue_answered_total{queue="sales"}': 1,
        'callctl_queue_answered_in_target_total{queue="sales"}': 1,
        'callctl_queue_ended_total{outcome="answered",queue="sales"}': 1,
        'callctl_queue_rings_total{queue="sales",result="answered"}': 1,
        'callctl_queue_speed_of_answer_seconds_count{queue="sales"}': 1,
        'callctl_queue_talk_seconds_count{queue="sales"}': 1,
        'callctl_queue_wrap_up_seconds_count{queue="sales"}': 1,
    }
    assert {name: changed.get(name) for name in expected} == expected
    counts = {n for n in changed if n.startswith(("callctl_calls_", "callctl_queue_", "callctl_menu_"))}
    others = {n for n in counts - expected.keys() if not n.partition("{")[0].endswith(("_bucket", "_sum"))}
    assert {n for n in others if "_total" in n} == set()
    assert not any(n.startswith(("callctl_poison", "callctl_prompt_failures")) for n in changed)


async def _printed(floor: Floor, caller: Caller, agent: str, by: str) -> None:
    """What the command line shows of it."""
    explained = await floor.cli("explain", caller.call)
    story = [
        "Entered on pbx", "Menu main: prompts started", "Pressed • in menu main: goes to queue sales",
        "Queued in sales at place 1; music", "longest idle of 3 free in sales", f"({agent}) answered after",
        "Connected to", f"Ended by the {by}", "Normal Clearing", "Wrap-up of",
    ]  # fmt: skip
    places = [explained.lower().find(words.lower()) for words in story]
    assert -1 not in places, f"{story[places.index(-1)]!r} is not in\n{explained}"
    assert places == sorted(places), explained
    assert caller.number not in explained
    assert caller.number in await floor.cli("explain", caller.call, "--unmask")

    (listed,) = [n for n in (await floor.cli("calls", "--ended", "5")).splitlines() if caller.call in n]
    assert [word for word in ("sales", agent, "answered", by) if word not in listed] == []
    agents = (await floor.cli("agents")).splitlines()
    assert any(line.split()[0] == agent and "reachable" in line for line in agents)
    queues = await floor.cli("queues")
    assert [q for q in ("sales", "support", "operator", "desk") if q not in queues] == []
    trunk = (await floor.cli("trunks")).splitlines()[1].split()
    assert trunk[:2] == ["carrier", "up"]


async def test_the_prompt_stops_at_the_digit(floor: Floor) -> None:
    """The prompt is one tone, the music another: both are told apart in what the caller receives."""
    caller = await floor.call(TONES_DID)
    line = caller.line
    await line.wait_answered()
    await line.wait_heard(lambda audio: audio.has_tone(PROMPT, 0.9), "the prompt")
    await line.press("1")
    await floor.until_phase(caller, "queued", timeout=2)
    await line.wait_heard(
        lambda audio: audio.has_tone(MUSIC, 0.9) and audio.tone_share(PROMPT) < 0.02, "the music alone", timeout=5
    )
    row = await floor.house.daemon.get("queues")
    assert next(q for q in row["queues"] if q["id"] == "desk")["order"][0]["call"] == caller.call
    await line.hangup()
    stored = await floor.row(caller)
    assert (stored["outcome"], stored["ended_by"], stored["cause"]) == ("abandoned", "caller", 16)
    assert stored["connected"] is stored["agent"] is None


async def test_an_unknown_number_is_told_so(floor: Floor) -> None:
    before = await floor.house.daemon.metrics()
    caller = await floor.call("+442079460999")
    await caller.line.wait_answered()
    await caller.line.wait_ended(20)
    assert caller.line.cause == 1
    assert (await caller.line.heard()).sound_seconds() > 1
    row = await floor.row(caller)
    assert (row["outcome"], row["ended_by"], row["dialled"]) == ("unknown_number", "callctl", "+442079460999")
    changed = await floor.metrics_since(before)
    assert changed['callctl_calls_ended_total{by="callctl",outcome="unknown_number"}'] == 1


async def test_a_menu_bears_with_its_caller(floor: Floor) -> None:
    """A digit that is no option, the menu again, no digit at all, and the end of its patience."""
    before = await floor.house.daemon.metrics()
    caller = await floor.call(TONES_DID)
    line = caller.line
    await line.wait_answered()
    await line.press("9")
    await floor.until_call(lambda c: c["id"] == caller.call and c.get("menu") == "brief")
    await line.press("7")
    await line.wait_heard(lambda audio: audio.has_tone(INVALID), "that 7 is no option", last=0.4)
    await line.wait_heard(lambda audio: audio.has_tone(PROMPT), "the prompt again", last=0.3)
    await line.press("9")
    await line.wait_heard(lambda audio: audio.has_tone(NO_INPUT), "that no digit came", last=0.4)
    await line.wait_ended(15)
    heard = (await line.heard()).between(-0.9)
    assert heard.tone_seconds(GOODBYE) >= 0.3
    row = await floor.row(caller)
    assert [(visit["menu"], visit["digits"]) for visit in row["menus"]] == [
        ("tones", "9"),
        ("brief", "79"),
        ("brief", ""),
    ]
    assert (row["outcome"], row["ended_by"], row["queue"]) == ("completed", "callctl", None)
    changed = await floor.metrics_since(before)
    assert changed['callctl_menu_choices_total{choice="invalid",menu="brief"}'] == 1
    assert changed['callctl_menu_choices_total{choice="9",menu="brief"}'] == 1
    assert changed['callctl_menu_timeouts_total{menu="brief"}'] == 3
    assert changed['callctl_menu_entered_total{menu="brief"}'] == 5


async def test_a_menu_works_without_its_prompt(floor: Floor) -> None:
    before = await floor.house.daemon.metrics()
    caller = await floor.call(BROKEN_DID)
    await caller.line.wait_answered()
    explained = ""
    async with asyncio.timeout(5):
        while "could not be played" not in explained:
            explained = await floor.cli("explain", caller.call)
    await caller.line.press("1")
    await floor.until_phase(caller, "queued")
    await caller.line.hangup()
    assert (await floor.row(caller))["queue"] == "desk"
    changed = await floor.metrics_since(before)
    assert changed["callctl_prompt_failures_total"] == 1


async def test_keys_in_the_queue_and_in_talk_do_no_harm(floor: Floor) -> None:
    caller = await floor.call(tone_hz=CALLER)
    line = caller.line
    await line.wait_answered()
    await line.press("1*#0")
    heard = await line.wait_heard(lambda audio: audio.has_tone(MUSIC), "music after the keys")
    assert heard.seconds > 0.9
    await floor.until_phase(caller, "queued", timeout=1)
    await floor.staff("agent7", how=Behaviour.answer())
    await connected(floor, caller)
    phone = await floor.phone("agent7").wait_rung(len(floor.phone("agent7").lines()) - 1)
    await phone.wait_answered()
    await line.press("42")
    await floor.house.network.until(lambda: phone.digits_heard == "42", "the keys at the agent's phone", 5)
    await floor.until_phase(caller, "connected", timeout=1)
    assert (await floor.row_of_hangup(caller))["menus"] == []


async def test_the_agent_idle_longest_is_rung(floor: Floor) -> None:
    """By the end of the last call, not by who logged in first; a pause begins idleness anew."""
    await floor.staff("agent8", "agent6", "agent7", how=Behaviour.answer())
    first = [await _answered_by(floor, agent) for agent in ("agent8", "agent6", "agent7")]
    for at in (1, 2, 0):
        await first[at].line.hangup()
        await ready(floor, ("agent8", "agent6", "agent7")[at])
    await floor.house.daemon.post("agents", "agent6", "pause")
    await floor.house.daemon.post("agents", "agent6", "unpause")
    await floor.until_agent("agent6", standing="routable")
    for agent in ("agent7", "agent8", "agent6"):
        await _answered_by(floor, agent)
    third = await floor.call()
    await floor.until_phase(third, "queued")


async def _answered_by(floor: Floor, agent: str) -> Caller:
    caller = await floor.call()
    assert await connected(floor, caller) == agent
    return caller


async def test_a_call_that_nobody_took_is_next_again(floor: Floor) -> None:
    """The first caller's agent does not answer: back to the old place, before those who came later."""
    await floor.staff("agent7", how=Behaviour.never())
    first = await floor.call()
    await floor.until_phase(first, "offered")
    second, third = await floor.call(), await floor.call()
    await first.line.wait_answered()
    await floor.until_agent("agent7", misses=1, timeout=RING_TIMEOUT + 3)
    order = next(q for q in (await floor.house.daemon.get("queues"))["queues"] if q["id"] == "desk")["order"]
    assert [place["call"] for place in order] == [first.call, second.call, third.call]
    assert order[0]["waited"] > max(RING_TIMEOUT, order[1]["waited"])
    await first.line.wait_heard(lambda audio: audio.has_tone(MUSIC), "the music that never stopped")
    await floor.house.daemon.post("agents", "agent7", "pause")
    await floor.staff("agent8", how=Behaviour.answer())
    await connected(floor, first)
    await floor.until_phase(second, "queued")
    row = await floor.row_of_hangup(first)
    results = [(ring["agent"], ring["result"]) for ring in row["rings"]]
    assert results[0] == ("agent7", "no_answer")
    assert results[-1] == ("agent8", "answered")
    assert row["agent"] == "agent8"
    explained = await floor.cli("explain", first.call)
    assert "did not answer after 5.0 s" in explained
    assert "Back in desk at place 1: agent7 did not answer" in explained


async def test_priority_then_the_longest_wait_then_wrap_up(floor: Floor) -> None:
    early, late, vip = await floor.call(), await floor.call(), await floor.call(VIP_DID)
    await floor.until_phase(vip, "queued")
    queue = next(q for q in (await floor.house.daemon.get("queues"))["queues"] if q["id"] == "desk")
    assert [place["call"] for place in queue["order"]] == [vip.call, early.call, late.call]
    assert queue["longest_wait"] >= queue["order"][1]["waited"] > queue["order"][0]["waited"]
    metrics = await floor.house.daemon.metrics()
    assert metrics['callctl_queue_waiting{queue="desk"}'] == 3
    assert metrics['callctl_queue_longest_wait_seconds{queue="desk"}'] >= queue["longest_wait"]
    shown = next(n for n in (await floor.cli("queues")).splitlines() if n.startswith("desk")).split()
    assert shown[1] == "3"

    await floor.staff("agent7", how=Behaviour.answer())
    rows = []
    for caller in (vip, early, late):
        await connected(floor, caller)
        rows.append(await floor.row_of_hangup(caller, lambda row: row["wrap_up_ended"] is not None))
    for before, after in pairwise(rows):
        assert before["wrap_up_ended"] - before["ended"] >= timedelta(seconds=1)
        assert before["wrap_up_ended"].isoformat() <= after["rings"][0]["at"]
        assert before["wrap_up_ended"] <= after["connected"]


async def test_who_waits_too_long_hears_goodbye_without_music(floor: Floor) -> None:
    before = await floor.house.daemon.metrics()
    caller = await floor.call(HASTY_DID)
    await caller.line.wait_heard(lambda audio: audio.has_tone(MUSIC), "music")
    await caller.line.wait_heard(
        lambda audio: audio.has_tone(GOODBYE) and audio.tone_share(MUSIC) < 0.05, "goodbye alone", last=0.4
    )
    await caller.line.wait_ended(5)
    row = await floor.row(caller)
    assert (row["outcome"], row["ended_by"], row["queue"]) == ("waited_too_long", "callctl", "hasty")
    assert 5 <= (row["ended"] - row["queued"]).total_seconds() < 9
    changed = await floor.metrics_since(before)
    assert changed['callctl_queue_flowed_out_total{queue="hasty",to="hang_up",waited="yes",why="waited"}'] == 1
    told = await floor.house.daemon.get("calls", caller.call, "explain")
    assert any("its longest wait" in line["text"] for line in told["lines"])
