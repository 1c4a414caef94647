"""Contacts into a real Postgres and out again: who is the same, what an update leaves alone, what a kill leaves."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from callctl.store.pool import Connection
from tests.adapters.lists_kit import call, config, lines, migrated, told, written

pytestmark = pytest.mark.adapter

_IMPORTING = "select (select count(*) from pg_stat_activity where application_name = 'callctl-import')"
HEADINGS = ("id", "name", "phone", "phone2", "city")


async def importing(tmp_path: Path, text: str, *flags: str, campaign: str = "spring") -> int:
    """`callctl contacts import`; its exit code."""
    file = tmp_path / "people.csv"
    file.write_text(text, encoding="utf-8", newline="")
    return await asyncio.to_thread(call, "import", file, "--campaign", campaign, "--config", config(tmp_path), *flags)


async def contacts(connection: Connection, campaign: str = "spring") -> list[dict[str, Any]]:
    """What is on a list, without what differs by run."""
    rows = await connection.fetch(
        """
        select c.key, c.name, c.country, c.state, c.zone, c.debt, c.priority, c.fields, c.standing, c.attempts,
            c.next_number, array_agg(n.number order by n.n) as numbers, array_agg(n.kind order by n.n) as kinds,
            array_agg(n.barred order by n.n) as barred, array_agg(n.attempts order by n.n) as tried
        from contact c join contact_number n on n.contact = c.id where c.campaign = $1 group by c.id order by c.id
        """,
        campaign,
    )
    return [dict(row) for row in rows]


async def _until(connection: Connection, question: str, value: int) -> None:
    async with asyncio.timeout(30):
        while not await connection.fetchval(question, value):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def count(connection: Connection, table: str) -> int:
    return int(await connection.fetchval(f"select count(*) from {table}"))


async def test_a_list_is_imported(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await migrated(postgres_url, monkeypatch)
    text = lines(HEADINGS, ("1", "Zoe", "020 7946 0123", "+13055550123", "Bath"), ("2", "Ana", "n/a", "", "=1+1"))
    assert await importing(tmp_path, text) == 0
    out = capsys.readouterr().out
    assert "phone2  → number" in out
    assert "1 taken" in out
    assert "is no phone number (line 3)" in out
    (contact,) = await contacts(connection)
    assert (contact["key"], contact["name"], contact["standing"]) == ("1", "Zoe", "open")
    assert contact["numbers"] == [442079460123, 13055550123]
    assert json.loads(contact["fields"]) == {"city": "Bath"}
    row = await connection.fetchrow("select country, zones, states from contact_number where n = 1")
    assert tuple(row or ()) == ("US", ["America/New_York"], ["FL"])
    assert await connection.fetchval("select max(due) <= now() from contact")
    done = await connection.fetchrow("select * from list_import")
    assert done is not None
    assert tuple(done.values())[1:3] == ("spring", "people.csv")
    assert tuple(done.values())[5:] == (2, 1, 0, 0, 1)
    assert done["id"] == await connection.fetchval("select imported from contact")
    assert written(tmp_path / "people.csv.refused.csv") == [
        ["line", "column", "why", *HEADINGS],
        ["3", "phone", "is no phone number: `n/a`", "2", "Ana", "n/a", "", "'=1+1"],
    ]
    assert (tmp_path / "people.csv.refused.csv").stat().st_mode & 0o777 == 0o600
    await connection.close()


async def test_the_same_contact_is_put_on_a_list_once(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await migrated(postgres_url, monkeypatch)
    first, second = "+442079460001", "+442079460002"
    text = lines(
        HEADINGS,
        ("1", "by key", first, "", ""),
        ("1", "the same key, another number", second, "", ""),
        ("2", "another key, the same number", first, "", ""),
        ("", "no key, and a number that only has contacts with keys", first, "", ""),
        ("", "no key, the same first number", first, second, ""),
        ("", "no key, another first number", second, first, ""),
    )
    assert await importing(tmp_path, text, "--json") == 0
    answer = told(capsys)
    assert (answer["read"], answer["taken"], answer["duplicates"]["rows"]) == (6, 4, 2)
    assert answer["duplicates"]["reasons"] == [
        {"why": "the same contact is further up in the file", "rows": 2, "lines": [3, 6]}
    ]
    assert [c["name"].split(",")[0] for c in await contacts(connection)] == [
        *("by key", "another key", "no key", "no key")
    ]
    assert [row[0] for row in written(tmp_path / "people.csv.refused.csv")] == ["line", "3", "6"]
    assert await importing(tmp_path, text, "--json") == 0
    answer = told(capsys)
    assert (answer["taken"], answer["duplicates"]["rows"]) == (0, 6)
    assert await importing(tmp_path, text, "--json", campaign="autumn") == 0
    assert told(capsys)["taken"] == 4
    await connection.close()


async def test_duplicates_by_the_thousand_and_across_chunks(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await migrated(postgres_url, monkeypatch)
    people = [(f"k{n}" if n % 2 else "", f"Ana {n}", f"+4420794{n:05d}", "", "") for n in range(7_000)]
    again = random.Random(1).sample(people, 5_500)
    assert await importing(tmp_path, lines(HEADINGS, *people, *again), "--json") == 0
    answer = told(capsys)
    assert (answer["taken"], answer["duplicates"]["rows"], answer["refused"]["rows"]) == (7_000, 5_500, 0)
    assert await importing(tmp_path, lines(HEADINGS, *people, *again), "--json", "--duplicates", "update") == 0
    answer = told(capsys)
    assert (answer["taken"], answer["changed"], answer["duplicates"]["rows"]) == (0, 7_000, 5_500)
    assert await count(connection, "contact_number") == 7_000
    await connection.close()


async def test_an_update_leaves_alone_what_has_happened(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await migrated(postgres_url, monkeypatch)
    a, b, c, d, e = (f"+44207946000{n}" for n in range(5))
    headings = ("id", "name", "zone", "priority", "mobile", "home", "phone", "phone2", "city", "car")
    assert await importing(tmp_path, lines(headings, ("1", "Zoe", "Europe/London", "1", a, b, c, d, "Bath", "VW"))) == 0
    await connection.execute("""
        update contact set standing = 'later', why = 'busy', attempts = 3, outcomes = '{"busy": 3}', next_number = 2,
            callback_at = now(), callback_number = 442079460003, due = now() + '1 day'
    """)
    await connection.execute("update contact_number set attempts = n + 1")
    await connection.execute("update contact_number set barred = 'wrong number' where n = 1")
    before = await connection.fetchrow("select due, why, attempts, outcomes, callback_at, callback_number from contact")
    capsys.readouterr()
    new = lines(("id", "name", "priority", "phone", "phone2", "city"), ("1", "Zoë", "2", e, c, ""))
    assert await importing(tmp_path, new, "--json", "--duplicates", "update") == 0
    assert told(capsys)["changed"] == 1
    (contact,) = await contacts(connection)
    assert (contact["name"], contact["zone"], contact["priority"]) == ("Zoë", "Europe/London", 2)
    assert json.loads(contact["fields"]) == {"car": "VW"}
    assert contact["numbers"] == [int(number) for number in (e, c, b, d)]  # a is gone; b is barred, d a callback's
    assert contact["barred"] == ["", "", "wrong number", ""]
    assert contact["tried"] == [0, 3, 2, 4]
    assert contact["kinds"] == ["", "", "home", ""]
    assert (contact["standing"], contact["next_number"]) == ("later", 1)  # c is next, as before
    after = await connection.fetchrow("select due, why, attempts, outcomes, callback_at, callback_number from contact")
    assert after == before
    await connection.close()


async def test_an_update_waits_for_no_daemon(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await migrated(postgres_url, monkeypatch)
    text = lines(HEADINGS, *((f"{n}", f"Ana {n}", f"+44207946000{n}", "", "") for n in range(3)))
    assert await importing(tmp_path, text) == 0
    await connection.execute("update contact set standing = 'claimed' where key = '0'")
    capsys.readouterr()
    async with connection.transaction():
        await connection.execute("select from contact where key = '1' for update")
        changed = text.replace("Ana", "Eva")
        assert await asyncio.wait_for(importing(tmp_path, changed, "--json", "--duplicates", "update"), 30) == 0
    answer = told(capsys)
    assert (answer["changed"], answer["duplicates"]["rows"]) == (1, 2)
    assert "is being called" in answer["duplicates"]["reasons"][0]["why"]
    assert [c["name"] for c in await contacts(connection)] == ["Ana 0", "Ana 1", "Eva 2"]
    await connection.close()


async def test_a_dry_run_says_all_and_changes_nothing(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await migrated(postgres_url, monkeypatch)
    text = lines(HEADINGS, ("1", "Zoe", "+80012345678", "", ""), ("1", "Zoe", "+442079460123", "", ""))
    assert await importing(tmp_path, text, "--dry-run") == 0
    out = capsys.readouterr().out
    assert "1 taken" in out
    assert "1 cannot be dialled: no time zone known" in out
    assert "a dry run: nothing has changed" in out
    assert (await count(connection, "contact"), await count(connection, "list_import")) == (0, 0)
    await connection.close()


async def test_what_a_user_may_do_wrong(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE", postgres_url)
    text = lines(HEADINGS, ("1", "Zoe", "n/a", "", ""))
    assert await importing(tmp_path, text) == 1
    assert "run `callctl db migrate` first" in capsys.readouterr().err
    connection = await migrated(postgres_url, monkeypatch)
    assert await importing(tmp_path, text) == 1  # all refused
    for flags, said in (
        (("--map", "phone"), "write COLUMN=TARGET"),
        (("--map", "fone=number"), "did you mean `phone`"),
        (("--map", "phone=nmber"), "did you mean `number`"),
        (("--delimiter", "ab"), "cannot part cells"),
        (("--encoding", "utf-9"), "did you mean `utf-8`"),
        (("--country", "XX"), "is no country"),
        (("--report", str(tmp_path / "none" / "x")), "say with --report"),
    ):
        capsys.readouterr()
        assert await importing(tmp_path, text, *flags) == 2
        assert said in capsys.readouterr().err
    assert await importing(tmp_path, text, campaign="sprin") == 2
    assert "did you mean `spring`?" in capsys.readouterr().err
    assert await count(connection, "list_import") == 1
    await connection.close()


async def test_two_imports_of_one_campaign_at_once(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await migrated(postgres_url, monkeypatch)
    text = lines(HEADINGS, ("1", "Zoe", "+442079460123", "", ""))
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(1818850164, hashtext('spring'))")
        assert await importing(tmp_path, text) == 1
        assert "another import into spring is under way" in capsys.readouterr().err
        assert await importing(tmp_path, text, campaign="autumn") == 0
    await connection.close()


async def test_a_killed_import_leaves_nothing_and_can_be_run_again(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await migrated(postgres_url, monkeypatch)
    # Seconds of work, of which a moment is enough.
    people = [(f"k{n}", "Ana", f"+44207{n:07d}", "", "") for n in range(120_000)]
    file = tmp_path / "people.csv"
    file.write_text(lines(HEADINGS, *people), encoding="utf-8")
    command = [sys.executable, "-m", "callctl", "contacts", "import", str(file), "--campaign", "spring", "--config"]
    for end in (signal.SIGKILL, signal.SIGINT):
        begun = 1 + await connection.fetchval("select last_value from contact_id_seq")
        process = await asyncio.create_subprocess_exec(*command, str(config(tmp_path)), stderr=subprocess.PIPE)
        await _until(connection, "select last_value >= $1 from contact_id_seq", begun)
        process.send_signal(end)
        _, said = await process.communicate()
        await _until(connection, f"{_IMPORTING} = $1", 0)
        assert (await count(connection, "contact"), await count(connection, "list_import")) == (0, 0)
    assert process.returncode == 130
    assert b"stopped: nothing has changed" in said
    done = await asyncio.to_thread(call, "import", file, "--campaign", "spring", "--config", config(tmp_path), "--json")
    assert done == 0
    answer = told(capsys)
    assert answer["taken"] + answer["refused"]["rows"] == len(people)
    assert await count(connection, "contact") == answer["taken"] > 0
    await connection.close()


async def test_what_is_exported_can_be_imported(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await migrated(postgres_url, monkeypatch)
    headings = ("id", "name", "mobile", "phone", "country", "state", "zone", "debt", "priority", "due", "paid", "note")
    text = lines(
        headings,
        (
            "1",
            "=Zoe",
            "+13055550123",
            "+442079460123",
            "US",
            "FL",
            "America/New_York",
            "D1",
            "7",
            "1.50",
            "no",
            "-x\ny",
        ),
        ("", "'t Hooft", "", "+31612345678", "", "", "", "", "", "", "yes", "'+1"),
        ("@3", '"Ana", or Eva', "+442079460124", "", "", "", "", "", "-2", "-3", "", "日本"),
        ("4", "", "+442079460125", "", "", "", "", "", "", "", "", ""),
    )
    mapped = ("--map", "due=field.due:number", "--map", "paid=field.paid:yes_no")
    assert await importing(tmp_path, text, *mapped) == 0
    before = await contacts(connection)
    out = tmp_path / "out.csv"
    given = ("--config", config(tmp_path))
    assert await asyncio.to_thread(call, "export", "--campaign", "spring", "--output", out, *given) == 0
    assert f"{out}: 4 contacts" in capsys.readouterr().out
    rows = written(out)
    assert rows[0][:11] == [
        *("key", "name", "country", "state", "zone", "debt", "priority", "number1", "kind1", "number2", "kind2")
    ]
    assert rows[1][:9] == ["1", "'=Zoe", "US", "FL", "America/New_York", "D1", "7", "'+13055550123", "mobile"]
    assert not any(cell[:1] in tuple("=+-@\t\r") for row in rows for cell in row if cell)
    assert await asyncio.to_thread(call, "import", out, "--campaign", "autumn", *given) == 0
    assert await contacts(connection, "autumn") == before
    assert len(before) == 4
    await connection.close()


async def test_an_export_says_how_things_stand(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await migrated(postgres_url, monkeypatch)
    assert await importing(tmp_path, lines(HEADINGS, ("1", "Zoe", "+442079460123", "+442079460124", ""))) == 0
    await connection.execute("""
        update contact set standing = 'done', why = 'sale', attempts = 2, outcomes = '{"busy": 1, "answered": 1}',
            due = '2026-11-27 08:00+00', last_attempt = '2026-11-26 08:00+00'
    """)
    await connection.execute("update contact_number set barred = 'wrong number' where n = 1")
    capsys.readouterr()
    given = ("--campaign", "spring", "--config", config(tmp_path), "--excel", "--output", tmp_path / "out.csv")
    assert await asyncio.to_thread(call, "export", *given) == 0
    headings, row = written(tmp_path / "out.csv")
    assert headings[0] == "\ufeffkey"
    assert dict(zip(headings, row, strict=True)) == {
        "\ufeffkey": "1",
        "name": "Zoe",
        "country": "",
        "state": "",
        "zone": "",
        "debt": "",
        "priority": "0",
        "number1": "'+442079460123",
        "kind1": "",
        "callctl.standing": "done",
        "callctl.why": "sale",
        "callctl.due": "2026-11-27T08:00:00+00:00",
        "callctl.attempts": "2",
        "callctl.callback_at": "",
        "callctl.outcomes": "answered 1, busy 1",
        "callctl.last_attempt": "2026-11-26T08:00:00+00:00",
        "callctl.barred": "442079460124 wrong number",
    }
    await connection.close()


async def test_a_mended_report_is_imported_as_it_is(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await migrated(postgres_url, monkeypatch)
    text = lines(("line", "column", "why", "id", "Phone"), ("7", "Phone", "is a formula", "1", "020 7946 0123"))
    assert await importing(tmp_path, text) == 0
    (contact,) = await contacts(connection)
    assert (contact["key"], json.loads(contact["fields"])) == ("1", {})
    await connection.close()


async def test_a_report_goes_over_no_other_file(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await migrated(postgres_url, monkeypatch)
    precious = tmp_path / "precious.txt"
    precious.write_text("precious")
    text = lines(HEADINGS, ("1", "Zoe", "020 7946 0123", "", "Bath"))
    for wrong, said in ((precious, "is no report"), (tmp_path / "people.csv", "the list itself")):
        assert await importing(tmp_path, text, "--report", str(wrong)) == 2
        assert said in capsys.readouterr().err
    assert precious.read_text() == "precious"
    await connection.close()
