"""`callctl simulate campaign`: from a configuration alone, and from what the database knows."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callctl import cli
from callctl.core.ids import SECOND, CampaignId
from callctl.core.law import AttemptOutcome
from callctl.store.past import QUANTILES, past
from callctl.store.pool import Connection, connect
from tests.adapters.store_kit import life, opened
from tests.adapters.test_daemon import config
from tests.adapters.test_store_contacts import put

pytestmark = pytest.mark.adapter

MORE = """
country: GB
trunks: {out: {kind: ip, host: 192.0.2.9, max_channels: 60}}
numbers: {"+442079460001": {queue: sales}}
dialing: {allowed: ["+44"]}
calendars: {office: {zone: Europe/London, week: {mon-sun: ["08:30-18:00"]}}}
rule_sets:
  gb:
    version: 2026-11-27
    title: A test
    counsel: none
    country: GB
    rules:
      abandoned: {kind: abandoned_limit, most: 2%, window: 1d, grace: 1500ms, source: a test, verified: true}
campaigns:
  spring:
    kind: sales
    queue: sales
    hours: office
    trunks: [out]
    caller_ids: [{number: "+442079460001", verified: "yes"}]
"""
QUICK = ("--hours", "0.5", "--agents", "6")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose database is not there."""
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("DATABASE", "postgresql://nobody@127.0.0.1:1/none")
    return config(tmp_path, MORE)


def run(folder: Path, *more: str) -> int:
    return cli.main(["simulate", "campaign", "spring", "--config", str(folder), *QUICK, *more])


def asked(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> Any:
    assert run(folder, "--json", *more) == 0
    return json.loads(capsys.readouterr().out)


def source(answer: Any, what: str) -> tuple[str, str]:
    return next((it["value"], it["from"]) for it in answer["taken_for_given"] if it["what"] == what)


# ── from the configuration alone ─────────────────────────────────────────────────────────────


def test_what_is_assumed_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder) == 0
    told = capsys.readouterr()
    assert "without history" in told.err
    for word in ("assumed", "preview", "occupancy", "08:30", "without end", "60 channels", "6"):
        assert word in told.out, word


def test_the_law_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = asked(folder, capsys, "--mode", "predictive")
    assert answer["way"]["cap"] == 0.02
    assert answer["day"]["grace"] == 1.5
    assert source(answer, "mode") == ("predictive, at most 2 % abandoned", "--mode")


def test_what_is_said_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = (
        "--mode",
        "power",
        "--lines",
        "1.5",
        "--answer-rate",
        "40%",
        "--talk",
        "90",
        "--wrap-up",
        "5",
        "--list",
        "80",
    )
    answer = asked(folder, capsys, *said)
    day = answer["day"]
    assert (day["answer"], day["talk"], day["wrap"], day["agents"], day["channels"]) == (0.4, 90.0, 5.0, 6, 60)
    assert answer["way"]["lines"] == 150
    assert answer["forecasts"][0]["list"]["tried"] == 80
    assert source(answer, "list")[1] == "--list"


def test_beside_its_peers_with_a_picture(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "spring.svg"
    answer = asked(folder, capsys, "--mode", "power", "--compare", "--svg", str(file))
    assert len(answer["forecasts"]) > 3
    assert file.read_text().startswith("<svg")


def test_an_unknown_campaign_and_numbers_that_make_no_sense(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["simulate", "campaign", "sprig", "--config", str(folder)]) == 2
    assert "`spring`" in capsys.readouterr().err
    for wrong in (("--answer-rate", "3"), ("--hours", "100"), ("--agents", "0"), ("--talk", "x")):
        with pytest.raises(SystemExit):
            run(folder, *wrong)


def test_simulate_wants_to_know_which(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["simulate"]) == 2
    assert "campaign" in capsys.readouterr().err


# ── from the past ────────────────────────────────────────────────────────────────────────────


async def called(connection: Connection, n: int, at: datetime, outcome: AttemptOutcome, talk: float = 0.0) -> None:
    """An attempt; with a talk also its call, answered after 5 s or 15 s in turn, with 20 s of wrap-up."""
    await connection.execute(
        "insert into attempt (id, campaign, trunk, epoch, began, outcome, call)"
        " values ($1, 'spring', 'out', 1, $2, $3, $4)",
        f"a{n}",
        at,
        str(outcome),
        f"c{n}" if talk else None,
    )
    if talk:
        answered = at + timedelta(seconds=5 if n % 2 else 15)
        ended = answered + timedelta(seconds=talk)
        await connection.execute(
            "insert into call (id, node, epoch, caller, caller_kind, caller_name, dialled, entered, answered_by_pbx,"
            " connected, ended, wrap_up_ended, menus, rings, cause, sip)"
            " values ($1, 'pbx', 1, '', 'E164', '', '', $2, $3, $3, $4, $5, '[]', '[]', 16, 0)",
            f"c{n}",
            at,
            answered,
            ended,
            ended + timedelta(seconds=20),
        )


async def history(url: str) -> None:
    """At ten o'clock in London half of the calls are answered, at eleven a tenth."""
    yesterday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=10)
    connection = await connect(url)
    n = 0
    for hour, answered in ((9, 100), (10, 20)):  # summer or winter time in London: one of both is off by an hour
        for k in range(200):
            outcome = AttemptOutcome.ANSWERED if k < answered else AttemptOutcome.NO_ANSWER
            if k >= 160:
                outcome = AttemptOutcome.BUSY
            talk = (100.0 if k % 2 else 140.0) if outcome is AttemptOutcome.ANSWERED else 0.0
            await called(connection, n, yesterday + timedelta(hours=hour, seconds=k), outcome, talk)
            n += 1
    await connection.close()


async def test_how_calls_went_lately(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path, life=life(1)):
        await put(postgres_url, 7)
        await history(postgres_url)
        connection = await connect(postgres_url)
        since = int((datetime.now(UTC) - timedelta(days=28)).timestamp()) * SECOND
        found = await past(connection, CampaignId("spring"), since, "UTC")
        nothing = await past(connection, CampaignId("autumn"), since, "UTC")
        await connection.close()
    assert found.contacts == 7
    assert found.attempts[9][AttemptOutcome.ANSWERED] == 100
    assert found.attempts[10] == {
        AttemptOutcome.ANSWERED: 20,
        AttemptOutcome.NO_ANSWER: 140,
        AttemptOutcome.BUSY: 40,
    }
    assert (found.talks.count, found.talks.mean) == (120, 120.0)
    assert found.talks.deviation == pytest.approx(20, rel=0.02)
    assert (found.wraps.mean, found.wraps.deviation) == (20.0, 0.0)
    assert len(found.to_answer) == len(QUANTILES)
    assert (found.to_answer[0], found.to_answer[-1]) == (5.0, 15.0)
    assert (nothing.contacts, nothing.talks.count, nothing.to_answer) == (0, 0, ())


def test_the_forecast_begins_from_the_past(
    postgres_url: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE", postgres_url)

    async def lived() -> None:
        async with opened(postgres_url, tmp_path / "life", life=life(1)):
            await put(postgres_url, 500)
            await history(postgres_url)

    asyncio.run(lived())
    capsys.readouterr()
    answer = asked(folder, capsys, "--mode", "power", "--hours", "4")
    day = answer["day"]
    assert day["talk"] == pytest.approx(120)
    assert day["wrap"] == pytest.approx(20)
    assert day["contacts"]["count"] == 500
    assert len(day["answers"]) == 4
    rates = [day["answer"], *(rate for _, rate in day["answers"])]
    assert max(rates) > 0.4, "the good hour"
    assert min(rates) < 0.2, "the bad one"
    assert day["rings"]["fast"] == pytest.approx(80 / 280)
    assert source(answer, "talk")[1] == "120 seen"
    assert source(asked(folder, capsys, "--no-history"), "talk")[1] == "assumed"
