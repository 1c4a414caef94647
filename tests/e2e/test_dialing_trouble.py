"""Dialling in trouble, on real parts: Postgres stops, a trunk refuses, agents leave, the list is empty."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio

from callctl.lab.install import Installation
from callctl.lab.network import Arrival
from callctl.lab.phones import Behaviour
from callctl.lab.ports import HOST
from tests.bench.cpu import seconds as cpu_seconds
from tests.e2e.drill import AGENT, BASE, SHOWN, TEAM, Drill, drilling

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CUSTOMER = 1000.0
"""Hz: the tone that a customer sends."""
NEWS = {
    "kind": "service",
    "mode": "broadcast",
    "message": "news",
    "trunks": ["carrier"],
    "caller_ids": [{"number": SHOWN, "verified": "the test"}],
    "most_lines": 2,
    "retries": {},
}
LOOKS = {
    "kind": "service",
    "mode": "preview",
    "queue": "outbound",
    "preview": {"limit": "0s", "skip": True},
    "trunks": ["carrier"],
    "caller_ids": [{"number": SHOWN, "verified": "the test"}],
    "retries": {},
}
MENU = {
    "prompts": ["sound:demo-thanks"],
    "options": {1: {"queue": "outbound"}, 9: {"opt_out": {}}},
    "tries": 2,
    "give_up": {"hang_up": "normal"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Drill]:
    """With a second trunk to the same telephone network, which writes numbers with 00 in place of +."""
    async with drilling(installation, tmp_path_factory.mktemp("trouble")) as built:
        second = {
            "kind": "ip", "host": HOST, "port": built.house.network.trunk_port, "match": ["192.0.2.77"],
            "numbers": {"send": "00"}, "qualify": "5s",
        }  # fmt: skip
        built.base = {
            **BASE,
            "menus": {"news": MENU},
            "campaigns": {**BASE["campaigns"], "news": NEWS, "looks": LOOKS},
            "trunks": {"carrier": {**BASE["trunks"]["carrier"], "back_off": "1s"}, "second": second},
        }
        await built.configure(detection=None)
        yield built


@pytest_asyncio.fixture(loop_scope="module")
async def drill(house: Drill) -> AsyncIterator[Drill]:
    yield house
    for campaign in ("news", "looks"):
        await house.stop(campaign)
    await house.quiet()
    await nobody_left(house)


async def nobody_left(drill: Drill) -> None:
    """Nobody whom the next test does not expect is on the list. Who was claimed is let go first."""
    async with asyncio.timeout(20):
        while await drill.fetch("select 1 from contact where standing = 'claimed' limit 1"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await drill.fetch("update contact set standing = 'done'")


def called(drill: Drill, numbers: dict[str, str]) -> list[Arrival]:
    """The calls to these people so far, over whatever trunk."""
    wanted = {number[1:] for number in numbers.values()}
    return [it for it in drill.house.network.arrivals if it.dialled.lstrip("+0") in wanted]


async def until(condition: Callable[[], bool], what: str, timeout: float = 20) -> None:
    """Of something that no event of the network tells."""
    try:
        async with asyncio.timeout(timeout):
            while not condition():  # noqa: ASYNC110 - the lines tell nobody of their end
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"waited {timeout:g} s for {what}, in vain") from None


# ── Postgres ─────────────────────────────────────────────────────────────────────────────────


@contextmanager
def postgres_stopped(drill: Drill) -> Iterator[None]:
    """SIGSTOP to all its processes: they sit in its data folder."""
    folder, pids = str(drill.house.state / "postgres" / "data"), []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and os.readlink(entry / "cwd") == folder:
                pids.append(int(entry.name))
    assert pids
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


async def test_while_postgres_stands_still_nobody_is_dialled_and_who_talks_talks_on(drill: Drill) -> None:
    await drill.configure(detection=None, lines_per_agent=1)
    await drill.staff("agent21", "agent22")
    talking = await drill.people(talker=Behaviour.answer(0.3))
    await drill.house.network.behave(talking["talker"], Behaviour.answer(0.3), CUSTOMER)
    others = await drill.people(**{f"p{n}": Behaviour.no_answer(0.7) for n in range(40)})
    await drill.start()
    customer = await drill.line(talking["talker"])
    await customer.wait_heard(lambda audio: audio.tone_seconds(AGENT) > 0.5, "the agent")
    agents = [drill.house.network.phone(TEAM[name]).lines()[-1] for name in TEAM]
    await drill.house.network.until(lambda: len(called(drill, others)) > 2, "calls to others", 20)
    with postgres_stopped(drill):
        await asyncio.sleep(1)
        before = len(called(drill, others))
        await asyncio.sleep(4)
        assert len(called(drill, others)) == before, "somebody was called without a record"
        await customer.wait_heard(lambda audio: audio.tone_seconds(AGENT) > 0.8, "the agent")
        heard = [await line.heard() for line in agents]
        assert any(audio.between(-1.0).tone_seconds(CUSTOMER) > 0.8 for audio in heard), "the agent hears the customer"
    await drill.house.network.until(lambda: len(called(drill, others)) > before + 2, "calls again", 30)
    assert not customer.ended
    await customer.hangup()
    await drill.stop()
    for number in others.values():
        assert drill.calls_to(number) <= 1, "a number was called twice"


# ── agents ───────────────────────────────────────────────────────────────────────────────────


async def test_agents_leave_at_once_and_who_answers_hears_the_safe_harbour(drill: Drill) -> None:
    await drill.configure(detection=None, lines_per_agent=2)
    await drill.staff("agent21", "agent22")
    lines = [drill.house.network.phone(TEAM[name]).lines()[-1] for name in TEAM]
    numbers = await drill.people(**{f"c{n}": Behaviour.human(2.0, pause=20) for n in range(4)})
    more = await drill.people(**{f"m{n}": Behaviour.human(0.3) for n in range(8)})
    await drill.start()
    customers = [await drill.line(number) for number in numbers.values()]
    for name in TEAM:
        await drill.house.daemon.post("agents", name, "logout")
    for line in lines:
        await line.wait_ended(10)
    for customer in customers:
        await customer.wait_answered(10)
        await customer.wait_heard(lambda audio: audio.sound_seconds() > 0.4, "the safe harbour", timeout=8)
    for customer in customers:
        await customer.wait_ended(30)
    rows = await drill.attempts(list(numbers.values()))
    assert {row["outcome"] for row in rows.values()} == {"abandoned"}
    assert all(row["harboured"] is not None for row in rows.values())
    assert not called(drill, more), "nobody is called for agents who have left"


async def test_an_agent_hangs_up_in_a_talk_and_is_rung_again_when_back(drill: Drill) -> None:
    await drill.configure(detection=None, lines_per_agent=1)
    await drill.staff("agent21")
    numbers = await drill.people(one=Behaviour.human(0.3))
    more = await drill.people(two=Behaviour.human(0.3))
    await drill.start()
    customer = await drill.line(numbers["one"])
    await customer.wait_heard(lambda audio: audio.tone_seconds(AGENT) > 0.3, "the agent")
    await asyncio.sleep(1.2)
    await drill.house.network.phone("phone121").lines()[-1].hangup()
    await customer.wait_ended(10)
    row = (await drill.attempts(list(numbers.values())))[numbers["one"]]
    assert (row["outcome"], row["call_outcome"], row["agent"]) == ("answered", "answered", "agent21")
    said = await drill.agent("agent21", lambda it: it["status"] == "paused" and it["line"] is None)
    assert said["reason"] == "line_closed", said
    rung = len(drill.house.network.phone("phone121").lines())
    await asyncio.sleep(2)
    assert not called(drill, more), "nobody is called for an agent who is away"
    await drill.house.daemon.post("agents", "agent21", "unpause")
    await drill.house.network.phone("phone121").wait_rung(rung)
    await drill.agent("agent21", lambda it: it["line"] == "open")
    second = await drill.line(more["two"])
    await second.wait_heard(lambda audio: audio.tone_seconds(AGENT) > 0.3, "the agent")


# ── lists ────────────────────────────────────────────────────────────────────────────────────


async def test_an_empty_list_costs_nothing_and_who_is_added_is_called(drill: Drill) -> None:
    await drill.configure(detection=None, lines_per_agent=1)
    await drill.staff("agent21", "agent22")
    numbers = await drill.people(**{f"d{n}": Behaviour.busy() for n in range(2)})
    await drill.start()
    await drill.attempts(list(numbers.values()))
    pid = drill.house.daemon.pid
    assert pid is not None
    await asyncio.sleep(1)
    begun, transactions = cpu_seconds(pid), await _transactions(drill)
    await asyncio.sleep(8)
    assert cpu_seconds(pid) - begun < 2.0, "a quarter of a core for nothing"
    assert await _transactions(drill) - transactions < 80, "ten transactions a second for nothing"
    late = await drill.people(late=Behaviour.human(0.3))
    await drill.house.network.wait_arrival(dialled=late["late"], timeout=10)


async def _transactions(drill: Drill) -> int:
    query = "select xact_commit from pg_stat_database where datname = current_database()"
    return int((await drill.fetch(query))[0]["xact_commit"])


# ── a recorded message ───────────────────────────────────────────────────────────────────────


async def test_a_message_is_heard_and_its_keys_do_what_they_say(drill: Drill) -> None:
    await drill.staff("agent21")
    numbers = await drill.people("news", wants=Behaviour.human(0.3, pause=60), hates=Behaviour.human(0.3, pause=60))
    await drill.start("news")
    wants, hates = await drill.line(numbers["wants"]), await drill.line(numbers["hates"])
    for line in (wants, hates):
        await line.wait_answered(20)
        await line.wait_heard(lambda audio: audio.sound_seconds() > 0.4, "the message")
    await wants.press("1")
    await wants.wait_heard(lambda audio: audio.tone_seconds(AGENT) > 0.3, "the agent")
    await hates.press("9")
    await hates.wait_ended(15)
    await wants.hangup()
    rows = await drill.attempts(list(numbers.values()))
    assert {row["outcome"] for row in rows.values()} == {"answered"}
    assert rows[numbers["wants"]]["agent"] == "agent21"
    listed = await drill.fetch("select number from do_not_call where number = any($1)", [int(numbers["hates"][1:])])
    assert len(listed) == 1


# ── an agent looks at who is called ──────────────────────────────────────────────────────────


async def test_an_agent_sees_a_contact_dials_hears_it_ring_and_talks(drill: Drill) -> None:
    await drill.staff("agent21")
    phone = drill.house.network.phone("phone121").lines()[-1]
    numbers = await drill.people("looks", seen=Behaviour.answer(3))
    await drill.house.network.behave(numbers["seen"], Behaviour.answer(3), CUSTOMER)
    await drill.start("looks")
    await drill.agent("agent21", lambda it: it["state"] == "previewing")
    await asyncio.sleep(1)
    assert not called(drill, numbers), "nobody is called before the agent says so"
    await drill.house.daemon.post("agents", "agent21", "preview", wish="dial")
    customer = await drill.line(numbers["seen"])
    await phone.wait_heard(lambda audio: audio.sound_seconds() > 0.5, "the ringing", timeout=3)
    assert not customer.is_up
    await customer.wait_heard(lambda audio: audio.tone_seconds(AGENT) > 0.5, "the agent")
    await phone.wait_heard(lambda audio: audio.tone_seconds(CUSTOMER) > 0.5, "the customer")
    await drill.agent("agent21", lambda it: it["state"] == "on_call")
    await customer.hangup()
    row = (await drill.attempts(list(numbers.values())))[numbers["seen"]]
    assert (row["outcome"], row["agent"]) == ("answered", "agent21")


# ── trunks; last, since one is left alone for a while behind them ───────────────────────────


async def test_a_trunk_that_refuses_everything_is_left_alone_for_longer_and_longer(drill: Drill) -> None:
    """The back-off is 1 s here, then 2 s, then 4 s."""
    await drill.configure(detection=None, lines_per_agent=1)
    await drill.staff("agent21", "agent22")
    numbers = await drill.people(**{f"r{n}": Behaviour.congestion() for n in range(30)})
    await drill.start()
    waves: list[list[float]] = []

    def ended() -> list[float]:
        lines = (drill.house.network.line(arrival.channel) for arrival in called(drill, numbers))
        return sorted(line.ended_at for line in lines if line.ended_at is not None)

    def seen() -> bool:
        waves.clear()
        for at in ended():
            if waves and at - waves[-1][0] < 0.8:
                waves[-1].append(at)
            else:
                waves.append([at])
        return len(waves) >= 4

    await until(seen, "four waves of calls", 30)
    begins = [wave[0] for wave in waves]
    gaps = [later - sooner for sooner, later in itertools.pairwise(begins)]
    assert gaps[0] > 0.9, gaps
    assert gaps[1] > 1.9, gaps
    assert gaps[2] > 3.9, gaps
    assert all(len(wave) <= len(TEAM) for wave in waves), "no more than a line for each agent"
    await drill.stop()
    assert all(drill.calls_to(number) <= 1 for number in numbers.values())


async def test_another_trunk_takes_over(drill: Drill) -> None:
    await drill.configure(detection=None, lines_per_agent=1, trunks=["carrier", "second"])
    await drill.staff("agent21", "agent22")
    numbers = await drill.people(**{f"o{n}": Behaviour.congestion() for n in range(8)})
    for number in numbers.values():
        await drill.house.network.behave(f"00{number[1:]}", Behaviour.human(0.3))
    await drill.start()

    async def talk_with_all() -> None:
        for count in range(len(numbers)):
            await drill.house.network.until(lambda count=count: len(over_second()) > count, "a call", 60)  # type: ignore[misc]
            line = drill.house.network.line(over_second()[count].channel)
            await line.wait_heard(lambda audio: audio.tone_seconds(AGENT) > 0.3, "an agent")
            await line.hangup()

    def over_second() -> list[Arrival]:
        return [it for it in called(drill, numbers) if it.dialled.startswith("00")]

    talks = asyncio.create_task(talk_with_all())
    try:
        rows = await drill.attempts(list(numbers.values()), timeout=60)
    finally:
        talks.cancel()
    refused = [it for it in called(drill, numbers) if not it.dialled.startswith("00")]
    assert 0 < len(refused) <= len(numbers) / 2, "the first trunk is asked again only now and then"
    assert sum(row["outcome"] == "answered" for row in rows.values()) == len(numbers) - len(refused)
