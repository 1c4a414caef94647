"""Campaigns live, and agents who look at contacts: a whole daemon on a real database, asked by the command line.

The PBX is played by its events.
"""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from callctl.core.addresses import E164
from callctl.core.events import (
    CampaignAsked,
    CampaignWish,
    Event,
    Heard,
    LegAnswered,
    LinkRestored,
    PhoneContacts,
    Snapshot,
    StatusAsked,
    Synced,
)
from callctl.core.events import Wish as StatusWish
from callctl.core.facts import DetectionOff, Fact, Paced, TrunkHeld
from callctl.core.ids import AgentId, CampaignId, LegId, NodeId, PhoneId, TrunkId
from callctl.core.model import Dialling, OnCall, Previewing
from callctl.runtime import live
from callctl.runtime.ports import Batch
from callctl.store.errors import StoreError
from callctl.tallies import Tallies
from tests.adapters.store_kit import until
from tests.adapters.test_cli import ROOT, _until_shown
from tests.adapters.test_daemon import config, running
from tests.adapters.test_people import ADA, MORE, ZOE, Office, contact

pytestmark = pytest.mark.adapter

PBX, ANA, SPRING = NodeId("pbx"), AgentId("ana"), CampaignId("spring")
CAMPAIGNS = MORE.replace("consent: sales", "retries: {}").replace(
    "dispositions:",
    """  hand: {kind: sales, mode: manual, queue: sales, trunks: [out],
    caller_ids: [{number: "+442079460001", verified: "yes"}], preview: {skip: false}}
dispositions:""",
)


@pytest.fixture
async def office(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Office]:
    """Ana is logged in, and her phone can be rung."""
    async with running(postgres_url, tmp_path, monkeypatch, config(tmp_path, CAMPAIGNS)) as house:
        await until(lambda: "" in house.world_now.outbound.do_not_call and house.world_now.outbound.clock is not None)
        made = Office(house, tmp_path, postgres_url, capsys)
        await happens(made, LinkRestored(PBX, "boot-1"), Synced(PBX, Snapshot()))
        await happens(made, PhoneContacts(PBX, PhoneId("desk"), ("sip:desk@192.0.2.5",)))
        await happens(made, StatusAsked(ANA, StatusWish.LOGIN))
        yield made


async def happens(office: Office, *events: Event) -> None:
    for event in events:
        await office.house.desk.ask(event)


def state(office: Office) -> Any:
    return office.house.world_now.agents[ANA].state


async def answers(office: Office, leg: LegId) -> None:
    await happens(office, LegAnswered(PBX, leg, Heard.NOTHING))


async def test_an_agent_sees_who_is_to_be_called_and_dials(office: Office) -> None:
    await contact(office, name="Ada", key="K1", fields='{"plan": "gold", "since": 2019}')
    await office.run("campaign", "start", "spring")
    await until(lambda: isinstance(state(office), Previewing))
    shown = await office.run("agent", "show", "ana")
    for part in ("ana: available, previewing, phone reachable", "of spring (K1)", "Ada", "+44…81", "plan", "gold"):
        assert part in shown
    assert str(ADA) not in shown, "numbers are masked unless asked for"
    assert str(ADA) in await office.run("agent", "show", "ana", "--unmask")
    said = await office.run("agent", "dial", "ana")
    assert "previewing, is rung to dial, phone reachable, line rings" in said
    line = office.house.world_now.agents[ANA].line
    assert line is not None
    await answers(office, min(line.legs))
    assert isinstance(state(office), Dialling)
    body = await office.json("agent", "show", "ana")
    assert (body["state"], body["line"]) == ("dialling", "open")
    assert body["customer"]["fields"] == {"plan": "gold", "since": 2019}
    assert body["customer"]["numbers"] == [{"number": "+44…81", "kind": ""}]
    call = office.house.world_now.calls[state(office).call]
    await answers(office, call.leg)
    assert isinstance(state(office), OnCall)
    assert (await office.json("agent", "show", "ana"))["customer"]["name"] == "Ada"


async def test_skipping_and_what_is_refused(office: Office) -> None:
    assert "there is no contact that is looked at" in await office.run("agent", "skip", "ana", code=1)
    assert "no campaign runs in which the agent calls" in await office.run("agent", "next", "ana", code=1)
    assert "did you mean ana?" in await office.run("agent", "next", "anna", code=1)
    await contact(office)
    await office.run("campaign", "start", "spring")
    await until(lambda: isinstance(state(office), Previewing))
    assert "ana: available, idle" in await office.run("agent", "skip", "ana")


async def test_a_manual_contact_is_read_when_it_is_wanted(office: Office) -> None:
    await office.run("campaign", "start", "hand")
    assert "nobody is ready to be called" in await office.run("agent", "next", "ana", code=1)
    await contact(office, ZOE, campaign="hand", name="Zoe")
    shown = await office.run("agent", "next", "ana")
    assert "Zoe" in shown
    assert "previewing" in shown
    assert "may not be skipped" in await office.run("agent", "skip", "ana", code=1)
    assert "the agent is not free" in await office.run("agent", "next", "ana", code=1)


async def test_the_preview_of_the_api(office: Office) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(office.folder / "s"))) as session:
        url = "http://callctl/v1/agents/ana"
        async with session.post(f"{url}/preview", json={"wish": "jump"}) as answer:
            assert answer.status == 400
            assert '"next"' in (await answer.json(content_type=None))["right"]
        async with session.post(f"{url}/preview", json={"wish": "dial"}) as answer:
            assert answer.status == 409
        async with session.get(url) as answer:
            body = await answer.json()
    assert (body["state"], body["line"], body["nailed_up"], body["customer"]) == ("idle", None, False, None)


async def test_whom_an_agent_looks_at_with_the_database_away(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await contact(office, name="Ada", fields='{"plan": "gold"}')
    await office.run("campaign", "start", "spring")
    await until(lambda: isinstance(state(office), Previewing))

    async def away(*_: object) -> None:
        raise StoreError("gone")

    monkeypatch.setattr("callctl.people.contacts.one", away)
    shown = await office.run("agent", "show", "ana")
    assert "Ada" in shown
    assert "the database is away" in shown


async def test_a_campaign_is_watched(office: Office) -> None:
    await contact(office, name="Ada")
    await contact(office, E164("442079460985"), standing="done", why="was reached")
    assert "nothing is dialled: it is stopped" in await office.run("campaign", "watch", "spring", "--once")
    await office.run("campaign", "start", "spring")
    await until(lambda: isinstance(state(office), Previewing))
    tallies = office.house.tallies
    assert tallies is not None
    await tallies.count()
    shown = await office.run("campaign", "watch", "spring", "--once")
    for part in (
        "callctl campaign spring, ",
        "running since",
        "previewing",
        "agents dial, one contact each",
        "0 in flight",
        "out ",
        "0.00 % of at most 3 %",
        "50.0 % done with",
        "1 claimed, 1 done",
        "no attempt yet",
    ):
        assert part in shown
    body = await office.json("campaign", "watch", "spring")
    assert body["agents"]["previewing"] == 1
    assert body["agents_by_state"]["previewing"] == ["ana"]
    assert body["tally"]["contacts"] == {"open": 0, "later": 0, "claimed": 1, "done": 1, "unknown": 0}
    assert body["tally"]["done_percent"] == 50
    assert body["lines"][0]["trunk"] == "out"
    assert body["budget"]["most_percent"] == 3
    assert "which campaign?" in await office.run("campaign", "watch", code=2)
    assert "did you mean spring?" in await office.run("campaign", "watch", "sprin", "--once", code=1)
    assert "--once" in await office.run("campaign", "watch", "spring", code=2), "there is no terminal here"
    assert "with watch alone" in await office.run("campaign", "list", "--once", code=2)


async def test_the_live_picture_in_a_terminal(office: Office) -> None:
    await office.run("campaign", "start", "spring")
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    environ = {"PYTHONPATH": str(ROOT), "COLUMNS": "160", "LINES": "60", "TERM": "xterm"}
    socket = str(office.folder / "s")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callctl", "campaign", "watch", "spring", "--every", "0.2", "--socket", socket),
        env={**os.environ, **environ},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    await _until_shown(leader, "callctl campaign spring", "Agents", "idle", "Abandoned, of what may be", "Ctrl-C ends")
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0
    os.close(follower)
    os.close(leader)


async def test_what_was_counted_is_a_metric(office: Office) -> None:
    await contact(office)
    tallies = office.house.tallies
    assert tallies is not None
    await tallies.count()
    text = office.house.metrics.exposition().decode()
    assert 'callctl_campaign_contacts{campaign="spring",standing="open"} 1.0' in text
    assert 'callctl_campaign_contacts{campaign="hand",standing="done"} 0.0' in text


async def test_counting_waits_the_longer_the_longer_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake: the first count takes a second, the next finds the database away; then nobody waits on."""
    slept: list[float] = []
    world: Any = None
    tallies = Tallies(world, lambda: world, lambda: 0, every=10)

    async def count(_: Tallies) -> float:
        if slept:
            raise StoreError("away")
        return 1.0

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise asyncio.CancelledError

    monkeypatch.setattr(Tallies, "count", count)
    monkeypatch.setattr("callctl.tallies.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await tallies._run()
    assert slept == [50.0, 10]


def test_the_share_that_is_done_with() -> None:
    assert live.Tally(0, {"done": 3, "open": 1}, {}).done == 0.75
    assert live.Tally(0, {}, {}).done == 0.0


async def test_what_was_decided_for_a_campaign_is_told(office: Office) -> None:
    assert "nothing was decided within a week" in await office.run("explain", "campaign", "spring")
    await office.run("campaign", "start", "spring")
    await happens(office, CampaignAsked(SPRING, CampaignWish.START, "nobody"))  # it runs already: no news
    house = office.house
    assert house.store is not None
    paced = Paced(SPRING, 2, 3, 0, 1, 0.4, 0.5, 0.02, 0.03, 1.5, "2 to dial: 3 free, 0 waiting")
    held = TrunkHeld(TrunkId("out"), house.clock.now(), 2, "SIP 503")
    other = replace(paced, campaign=CampaignId("hand"))
    await office.run("campaign", "pause", "spring")
    await put_down(office, paced, other, held, DetectionOff(SPRING, 40, 3))
    told = await office.run("explain", "campaign", "spring")
    for part in (
        "Is running from now on, by api:uid=",
        "2 begun; decided: 2 to dial: 3 free, 0 waiting",
        "it failed 2 times in a row (SIP 503)",
        "is off from now on: 3 of 40 people were taken for machines",
    ):
        assert told.count(part) == 1, part
    body = await office.json("explain", "campaign", "spring", "--last", "2")
    assert [line["kind"] for line in body["lines"]] == ["TrunkHeld", "DetectionOff"]
    assert "did you mean spring?" in await office.run("explain", "campaign", "sprin", code=1)
    assert "say which" in await office.run("explain", "campaign", code=2)
    assert "say whose" in await office.run("explain", "call", "spring", code=2)


async def put_down(office: Office, *facts: Fact) -> None:
    """As if the loop had told them."""
    house = office.house
    assert house.loop is not None
    assert house.store is not None
    house.loop.seq += 1
    at = house.clock.now()
    house.store.journal.append(Batch(house.seq, at, facts=tuple((house.seq, at, fact) for fact in facts)))
    await house.store.journal.committed(house.seq)
