"""Campaigns and people on a real database, asked as an operator does: by the command line, over the control socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from callctl import cli
from callctl.core.addresses import E164
from callctl.core.ids import SECOND, CampaignId, ContactId, Micros
from callctl.core.law import AbandonedLimit, AttemptOutcome, RuleSet
from callctl.core.ledger import AttemptMade, AttemptOver, Entry
from callctl.core.policy import Policy
from callctl.daemon import Daemon
from callctl.runtime.ports import Batch
from callctl.store.pool import connect
from tests.adapters.store_kit import until
from tests.adapters.test_daemon import config, running
from tests.adapters.test_store_contacts import made, put

pytestmark = pytest.mark.adapter

ADA, ZOE = E164("442079460981"), E164("442079460982")
MORE = """
country: GB
trunks: {out: {kind: ip, host: 192.0.2.9}}
numbers: {"+442079460001": {queue: sales}}
dialing: {allowed: ["+44"]}
calendars: {never: {zone: Europe/London, week: {mon: ["00:00-00:01"]}}}
rule_sets:
  gb:
    version: 2026-11-27
    title: A test
    counsel: none
    country: GB
    rules:
      hours: {kind: calling_hours, week: {mon-sun: ["00:00-24:00"]}, source: a test, verified: true}
      abandoned: {kind: abandoned_limit, most: 3%, window: 1d, source: a test, verified: true}
campaigns:
  spring:
    kind: sales
    queue: sales
    trunks: [out]
    caller_ids: [{number: "+442079460001", verified: "yes"}]
    consent: sales
dispositions: {sold: {label: Sold, code: "*61", flags: [sale]}}
"""

Run = Callable[..., Any]


@dataclass
class Office:
    house: Daemon
    folder: Path
    url: str
    capsys: pytest.CaptureFixture[str]

    async def run(self, *args: str, code: int = 0) -> str:
        """A command, as an operator types it; what it prints, its errors too."""
        self.capsys.readouterr()
        found = await asyncio.to_thread(cli.main, [*args, "--socket", str(self.folder / "s")])
        said = self.capsys.readouterr()
        assert found == code, said
        return said.out + said.err

    async def json(self, *args: str) -> Any:
        return read(await self.run(*args, "--json"))


def read(said: str) -> Any:
    """What was printed as JSON; the daemon's log lines stand around it."""
    return json.JSONDecoder().raw_decode(said[said.index("{\n") :])[0]


@pytest.fixture
async def office(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Office]:
    async with running(postgres_url, tmp_path, monkeypatch, config(tmp_path, MORE)) as house:
        await until(lambda: "" in house.world_now.outbound.do_not_call and house.world_now.outbound.clock is not None)
        yield Office(house, tmp_path, postgres_url, capsys)


async def contact(office: Office, number: E164 = ADA, **columns: Any) -> int:
    (id_,) = await put(office.url, numbers=(number,), country="GB", **columns)
    connection = await connect(office.url)
    await connection.execute("update contact_number set country = 'GB', zones = '{Europe/London}'")
    await connection.close()
    return id_


async def reasons(office: Office, wanted: str) -> list[str]:
    found = await office.json("explain", "contact", wanted)
    return [reason["rule"] for number in found["contacts"][0]["numbers"] for reason in number["reasons"]]


async def test_a_campaign_is_started_and_looked_at(office: Office) -> None:
    await contact(office)
    assert "stopped" in await office.run("campaign", "list")
    assert "spring: running" in await office.run("campaign", "start", "spring")
    (listed,) = (await office.json("campaign", "list"))["campaigns"]
    assert (listed["phase"], listed["contacts"], listed["kind"]) == ("running", {"open": 1}, "sales")
    shown = await office.run("campaign", "show", "spring")
    assert "1 open" in shown
    assert "nothing was refused" in shown
    assert "which campaign?" in await office.run("campaign", "stop", code=2)
    assert "did you mean spring?" in await office.run("campaign", "start", "sprin", code=1)
    await office.run("campaign", "stop", "spring")
    assert "is stopped: start it first" in await office.run("campaign", "pause", "spring", code=1)


async def test_why_somebody_is_not_called_and_then_may_be(office: Office) -> None:
    id_ = await contact(office, key="K1")
    assert await reasons(office, "K1") == ["campaign", "consent"]
    await office.run("campaign", "start", "spring")
    assert await reasons(office, str(ADA)) == ["consent"]
    await office.run("consent", "give", str(ADA), "--scope", "sales", "--how", "web form 7")
    assert await reasons(office, str(id_)) == []
    said = await office.run("explain", "contact", str(id_))
    assert "may be called now" in said
    assert "kept: gb 2026-11-27" in said
    assert not office.house.world_now.outbound.zones, "a look changes nothing: who is claimed brings their zones"
    assert "consent for sales: web form 7" in said
    assert str(ADA) not in said, "numbers are masked unless asked for"
    assert str(ADA) in await office.run("explain", "contact", str(id_), "--unmask")
    await office.run("consent", "revoke", str(ADA), "--scope", "*", "--how", "on the phone")
    assert await reasons(office, str(id_)) == ["consent"]
    assert "revoked of *: on the phone" in await office.run("explain", "contact", str(id_))
    assert "no contact is known as" in await office.run("explain", "contact", "nobody", code=1)
    assert "say which" in await office.run("explain", "contact", code=2)


async def test_a_number_is_listed_at_once_and_over_a_restart(
    office: Office, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await contact(office)
    await office.run("campaign", "start", "spring")
    await office.run("do-not-call", "add", str(ADA), "--how", "wrote a letter")
    assert "do_not_call" in await reasons(office, str(id_))
    assert "wrote a letter" in await office.run("explain", "contact", str(id_))
    await office.run("do-not-call", "add", "+4420794", "--prefix", "--campaign", "spring")
    await office.run("do-not-call", "remove", str(ADA))
    assert "do_not_call" in await reasons(office, str(id_))
    await office.run("do-not-call", "remove", "+4420794", "--prefix", "--campaign", "spring")
    assert "do_not_call" not in await reasons(office, str(id_))
    await office.run("do-not-call", "add", str(ADA))
    assert "'12' is no telephone number; write a" in await office.run("do-not-call", "add", "12", code=1)
    assert "begins no number" in await office.run("do-not-call", "add", "x", "--prefix", code=1)
    office.house.stop()
    await until(lambda: office.house.loop is not None and office.house.loop._over)
    second = tmp_path / "again"
    second.mkdir()
    async with running(postgres_url, second, monkeypatch, config(second, MORE)) as house:
        await until(lambda: "" in house.world_now.outbound.do_not_call)
        assert house.world_now.outbound.do_not_call[""].holds(ADA.digits)
        assert house.world_now.outbound.campaigns["spring"].phase == "running"  # type: ignore[index]


async def tried(office: Office, contact_: int, outcomes: list[tuple[AttemptOutcome, Micros]]) -> None:
    """Attempts that ended so, and when each began."""
    house = office.house
    assert house.loop is not None
    assert house.store is not None
    entries: list[Entry] = []
    for n, (outcome, began) in enumerate(outcomes):
        attempt = made(ContactId(contact_), f"a{n}", ADA, began=began)
        attempt.rules = ("gb 2026-11-27",)
        entries += [AttemptMade(attempt), AttemptOver(attempt.id, ContactId(contact_), ADA, outcome, began)]
    house.loop.seq += 1
    house.store.journal.append(Batch(house.seq, house.clock.now(), ledger=tuple(entries)))
    await house.store.journal.committed(house.seq)


async def test_the_abandoned_rate_is_reported_as_the_rule_counts_it(office: Office) -> None:
    id_ = await contact(office)
    await office.run("campaign", "start", "spring")
    now = office.house.clock.now()
    outcomes = [AttemptOutcome.ANSWERED] * 30 + [AttemptOutcome.ABANDONED] + [AttemptOutcome.MACHINE] * 5
    await tried(office, id_, [(outcome, now + n * SECOND) for n, outcome in enumerate(outcomes)])
    report = await office.json("compliance", "report", "spring", "--rows")
    (limit,) = report["limits"]
    (window,) = limit["windows"]
    assert (window["answered_by_a_person"], window["abandoned"], window["kept"]) == (31, 1, False)
    assert window["percent"] == pytest.approx(100 / 31, abs=0.001)
    assert (window["taken_for_machines"], window["false_positives"]) == (5, None), (
        "nobody knows yet how many are people"
    )
    assert len(limit["rows"]) == 31
    said = await office.run("compliance", "report", "spring")
    assert "BROKEN" in said
    assert "at most 3 % in each 1 days" in said


@pytest.mark.parametrize("counts", [False, True], ids=["beside", "inside"])
async def test_people_taken_for_machines_are_beside_the_abandoned_or_among_them(office: Office, counts: bool) -> None:
    """98 answered, 2 abandoned; 40 taken for machines, of whom a tenth are people: 2 of 100, or 6 of 104."""
    id_ = await contact(office)
    await office.run("campaign", "start", "spring")
    world, now = office.house.world_now, office.house.clock.now()
    world.outbound.campaigns[CampaignId("spring")].mistaken = 0.1
    world.policy = counting(world.policy) if counts else world.policy
    outcomes = [AttemptOutcome.ANSWERED] * 98 + [AttemptOutcome.ABANDONED] * 2 + [AttemptOutcome.MACHINE] * 40
    await tried(office, id_, [(outcome, now + n * SECOND) for n, outcome in enumerate(outcomes)])
    (limit,) = (await office.json("compliance", "report", "spring"))["limits"]
    (window,) = limit["windows"]
    assert limit["false_positives_count"] is counts
    assert (window["taken_for_machines"], window["false_positives"]) == (40, 4.0)
    assert (window["answered_by_a_person"], window["abandoned"]) == (100, 2)
    assert window["percent"] == pytest.approx(600 / 104 if counts else 2.0, abs=0.001)
    assert window["kept"] is not counts
    said = await office.run("compliance", "report", "spring")
    assert ("machines count as abandoned" in said) is counts


def counting(policy: Policy) -> Policy:
    """Every rule set counts who was taken for a machine."""

    def with_machines(rules: RuleSet) -> RuleSet:
        kept = (replace(it, machines_count=True) if isinstance(it, AbandonedLimit) else it for it in rules.rules)
        return replace(rules, rules=tuple(kept))

    return replace(policy, rule_sets=tuple(with_machines(rules) for rules in policy.rule_sets))


async def test_windows_follow_each_other_from_the_first_start(office: Office) -> None:
    """Exactly 3 % is kept; the last microsecond of a window is in it, and the next is in the next."""
    id_ = await contact(office)
    await office.run("campaign", "start", "spring")
    began, day = office.house.world_now.outbound.campaigns[CampaignId("spring")].began, 86_400 * SECOND
    answered, abandoned = AttemptOutcome.ANSWERED, AttemptOutcome.ABANDONED
    first = [(answered, began + n) for n in range(97)] + [(abandoned, began + day - 1 - n) for n in range(3)]
    second = [(abandoned, began + day), (answered, began + day + 1)]
    before = [(abandoned, began - 1)]
    await tried(office, id_, first + second + before)
    (limit,) = (await office.json("compliance", "report", "spring"))["limits"]
    found = [(w["answered_by_a_person"], w["abandoned"], w["percent"], w["kept"]) for w in limit["windows"]]
    assert found == [(100, 3, 3.0, True), (2, 1, 50.0, False)]


async def test_one_persons_data_is_shown_and_erased(office: Office) -> None:
    await contact(office, name="Ada")
    await contact(office, ZOE, name="Zoe")
    shown = read(await office.run("person", "export", str(ADA)))
    assert [it["name"] for it in shown["contacts"]] == ["Ada"]
    assert "cannot be undone" in await office.run("person", "erase", str(ADA), code=2)
    assert "erased: 1 contacts" in await office.run("person", "erase", str(ADA), "--yes")
    assert read(await office.run("person", "export", str(ADA)))["contacts"] == []
    assert len(read(await office.run("person", "export", str(ZOE)))["contacts"]) == 1


async def test_what_is_said_of_calls_that_are_not_there(office: Office) -> None:
    assert "there is no call" in await office.run("disposition", "ana", "sold", code=1)
    assert "did you mean sold?" in await office.run("disposition", "ana", "solt", code=1)
    said = await office.run("disposition", "ana", "sold", "--callback", "2026-12-01T10:00", code=1)
    assert "in which time zone" in said


async def test_a_file_of_numbers_is_not_called(office: Office) -> None:
    id_ = await contact(office)
    file, more = office.folder / "tps.csv", ("--config", str(office.folder / "c"))
    await office.run("do-not-call", "remove", "+442079460983")  # which is not on it: no harm
    file.write_text(f"number;why\n{ADA};asked\n020 7946 0982;\nnonsense;\n", encoding="utf-8")
    said = await office.run("do-not-call", "import", str(file), *more)
    assert "2 numbers read: 2 are new on the list" in said
    assert "line 4: `nonsense` is no phone number" in said
    assert "do_not_call" in await reasons(office, str(id_))
    file.write_text(f"{ZOE}\n", encoding="utf-8")
    said = await office.run("do-not-call", "import", str(file), *more, "--replace")
    assert "1 numbers read: 0 are new on the list, 1 removed that the file no longer has" in said
    assert "do_not_call" not in await reasons(office, str(id_))
    await office.run("do-not-call", "remove", str(ZOE))
    await office.run("do-not-call", "import", str(file), *more)
    assert office.house.world_now.outbound.do_not_call[""].holds(ZOE.digits), "the file has brought it back"
    assert "add --config" in await office.run("do-not-call", "import", str(file), code=2)
    assert "no campaign" in await office.run("do-not-call", "import", str(file), *more, "--campaign", "x", code=2)
    assert "is on no do-not-call list" in await office.run("do-not-call", "show", "+442079460985")
    await office.run("do-not-call", "add", "+4420794", "--prefix", "--how", "not there")
    shown = await office.run("do-not-call", "show", str(ZOE))
    assert "file tps.csv" in shown
    assert "not there" in shown


async def test_who_is_done_with_is_taken_up_again(office: Office) -> None:
    done: dict[str, Any] = {"standing": "done", "attempts": 3}
    await contact(office, outcomes='{"busy": 3}', **done)
    await contact(office, ZOE, outcomes='{"busy": 2, "answered": 1}', **done)
    await contact(office, E164("442079460983"), outcomes='{"invalid": 1}', **done)
    said = await office.run("campaign", "recycle", "spring", "--of", "busy,no_answer", "--dry-run")
    assert "1 contacts would be due again" in said
    assert "1 contacts are due again" in await office.run("campaign", "recycle", "spring", "--of", "busy,no_answer")
    (listed,) = (await office.json("campaign", "list"))["campaigns"]
    assert listed["contacts"] == {"open": 1, "done": 2}
    assert "--of" in await office.run("campaign", "recycle", "spring", code=2)
    assert "of.0" in await office.run("campaign", "recycle", "spring", "--of", "busyy", code=1)
