"""Lists, configurations and databases for the lists' tests."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from callctl.cli import main
from callctl.lists.columns import columns_of
from callctl.lists.errors import ListError
from callctl.lists.places import Places
from callctl.lists.reading import Refusal, Table
from callctl.lists.rows import Contact, Rows
from callctl.settings.lists import Target, target_of
from callctl.store.migrate import migrate
from callctl.store.pool import Connection, connect

CAMPAIGN = (
    "{kind: sales, mode: broadcast, message: said, trunks: [out],"
    " caller_ids: [{number: '+442079460001', verified: a letter}]}"
)


def config(folder: Path, country: str = "GB") -> Path:
    """A configuration whose database is $DATABASE."""
    made = folder / "config"
    made.mkdir(exist_ok=True)
    (made / "callctl.yaml").write_text(
        f"country: {country}\nnodes: {{pbx: {{ari: {{url: 'http://127.0.0.1:1/ari', password: env:DATABASE}},"
        " ami: {port: 1, password: env:DATABASE}}}\ndatabase: {url: env:DATABASE}\n"
        'numbers: {"+442079460001": {hang_up: normal}}\ntrunks: {out: {kind: ip, host: 192.0.2.9}}\n'
        "menus: {said: {prompts: [sound:hello-world], options: {9: {opt_out: {}}}, give_up: {hang_up: normal}}}\n"
        "campaigns:\n" + "".join(f"  {name}: {CAMPAIGN}\n" for name in ("spring", "autumn"))
    )
    return made


async def migrated(url: str, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The database that `config` names, with callctl's tables."""
    monkeypatch.setenv("DATABASE", url)
    connection = await connect(url)
    with contextlib.redirect_stdout(sys.stderr):  # where the log goes
        await migrate(connection)
    return connection


def call(*args: str | Path) -> int:
    """`callctl contacts …`, in a thread of its own: it runs a loop of its own."""
    return main(["contacts", *map(str, args)])


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    parts = found["taken"] + found["changed"] + found["duplicates"]["rows"] + found["refused"]["rows"]
    assert found["read"] == parts  # no row is lost
    return found


def written(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def lines(*rows: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def read(path: Path, content: str | bytes, delimiter: str = "", encoding: str = "") -> list[tuple[int, Any]]:
    """A file's rows: the line of each, and its cells or its refusal."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with Table(path, delimiter, encoding) as table:
        return [(row.line, row) if isinstance(row, Refusal) else row for row in table]


def wrong(path: Path, content: str | bytes, delimiter: str = "") -> str:
    """Why a file is refused as a whole."""
    with pytest.raises(ListError) as caught:
        read(path, content, delimiter)
    return str(caught.value)


def taken(headings: str, cells: Sequence[str], country: str = "GB", **mapped: str) -> Contact | Refusal:
    """One row, under headings parted by commas."""
    wanted: dict[str, Target] = {heading: target_of(target) for heading, target in mapped.items()}
    names = headings.split(",")
    return Rows(names, columns_of(names, wanted), country, Places()).read(2, list(cells))


def digits(contact: Contact | Refusal) -> list[int]:
    assert isinstance(contact, Contact), contact
    return [phone.digits for phone in contact.phones]


def why(contact: Contact | Refusal) -> str:
    assert isinstance(contact, Refusal), contact
    return f"{contact.column}: {contact.why}"
