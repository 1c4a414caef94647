"""`callctl contacts`: what was asked for, done and told."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pwd
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import phonenumbers
from pydantic_core import PydanticCustomError

from callctl.core.ids import CampaignId
from callctl.lists.columns import Columns, columns_of
from callctl.lists.database import opened
from callctl.lists.dump import dump
from callctl.lists.errors import ListError
from callctl.lists.importing import Import
from callctl.lists.load import Held, Load
from callctl.lists.places import Places
from callctl.lists.progress import Shown
from callctl.lists.reading import Table, delimiter_shown
from callctl.lists.report import RefusedFile, Tally
from callctl.lists.rows import Rows
from callctl.settings import Loaded, load
from callctl.settings.errors import shown
from callctl.settings.lists import ANY_OTHER, Duplicates, Goes, ListForm, Target, delimiter_of, encoding_of, target_of
from callctl.settings.types import nearest
from callctl.store.pool import Connection, answering

OK, FAILED, WRONG = 0, 1, 2


def command(args: argparse.Namespace) -> int:
    """Import or export; the exit code."""
    try:
        loaded = load(args.config, args.overlay)
        configured = loaded.lists.get(CampaignId(args.campaign))
        if configured is None:
            right = nearest(args.campaign, loaded.lists) if loaded.lists else "add one under `campaigns:`"
            raise ListError(f"--campaign: there is no campaign {shown(args.campaign)}; {right}")
        if args.action == "export":
            return asyncio.run(_export(args, loaded))
        return _import(args, loaded, _form(args, configured, loaded.policy.country))
    except ListError as error:
        print(f"callctl: {error}", file=sys.stderr)
        return WRONG


async def _export(args: argparse.Namespace, loaded: Loaded) -> int:
    async with opened(loaded.daemon.database) as connection:
        with answering():
            count = await dump(connection, args.campaign, args.output, mark=args.excel)
    if args.output is not None:
        print(f"{args.output}: {count:,} contacts")
    return OK


# ── import ───────────────────────────────────────────────────────────────────────────────────────


def _import(args: argparse.Namespace, loaded: Loaded, form: ListForm) -> int:
    with Table(args.file, form.delimiter, form.encoding) as table:
        try:
            columns = columns_of(table.headings, _here(form, args, table))
        except ListError as error:
            raise ListError(f"{args.file}: {error}") from None
        job = _Job(args, form, table, columns)
        if not args.json:
            _print_form(job)
        try:
            tally = asyncio.run(job.run(loaded))
        except KeyboardInterrupt:
            print(f"callctl: stopped: {job.state}", file=sys.stderr)
            raise
        _tell(job, tally)
        return FAILED if tally.read and tally.read == tally.rows_refused else OK


def _here(form: ListForm, args: argparse.Namespace, table: Table) -> dict[str, Target]:
    """What the form says of this file's columns; it may speak of others' as well. A flag's column must be there."""
    headings, flagged = {heading.casefold() for heading in table.headings}, _mapped(args.map)
    return {
        heading: target
        for heading, target in form.columns.items()
        if heading in flagged or heading == ANY_OTHER or heading.strip().casefold() in headings
    }


class _Job:
    """One import that was asked for."""

    def __init__(self, args: argparse.Namespace, form: ListForm, table: Table, columns: Columns) -> None:
        self.args = args
        self.form = form
        self.table = table
        self.columns = columns
        _check_report(args)
        self.refused = RefusedFile(args.report or Path(f"{args.file}.refused.csv"), table.headings)
        self.state = "nothing has changed"
        """For people who stop it."""
        self.seconds = 0.0

    async def run(self, loaded: Loaded) -> Tally:
        """ListError, StoreError: nothing has changed."""
        async with opened(loaded.daemon.database) as connection:
            with answering():
                return await self._run(connection)

    async def _run(self, connection: Connection) -> Tally:
        """All in one transaction; what ends in the middle is undone by the server, as the connection is cut off."""
        args, places = self.args, Places()
        rows = Rows(self.table.headings, self.columns, self.form.country, places)
        loading = Load(connection, args.campaign, places, self.form.duplicates, _held(self.columns))
        transaction = connection.transaction()
        await transaction.start()
        await loading.begin()
        with Shown(self.table.size, quiet=args.json) as progress:
            tally = await Import(self.table, rows, loading, self.refused, progress).run()
        if args.dry_run:
            await transaction.rollback()
        else:
            await loading.end(args.file.name, _who(), tally.counts())
            self.state = "it was being committed: whether it is done, the campaign's list shows"
            await transaction.commit()
        self.seconds = progress.seconds
        return tally


def _check_report(args: argparse.Namespace) -> None:
    """Never over the list itself, nor over a file that is no report."""
    if args.report is None or not args.report.exists():
        return
    if args.report.samefile(args.file):
        raise ListError("--report: this is the list itself; name another file")
    if args.report.is_dir() or not args.report.read_bytes()[:16].startswith(b"line,column,why"):
        raise ListError(f"--report: {args.report} is there already, and is no report of an import; name another file")


def _form(args: argparse.Namespace, form: ListForm, country: str) -> ListForm:
    """The configuration's form, and what the flags change of it. ListError: a flag's value cannot be used."""
    try:
        form = replace(
            form,
            columns={**form.columns, **_mapped(args.map)},
            delimiter=delimiter_of(args.delimiter) if args.delimiter is not None else form.delimiter,
            encoding=encoding_of(args.encoding) if args.encoding is not None else form.encoding,
            country=args.country or form.country or country,
            duplicates=Duplicates(args.duplicates) if args.duplicates else form.duplicates,
        )
    except PydanticCustomError as error:
        context = error.context or {}
        raise ListError(f"{context.get('wrong')}; {context.get('right')}") from None
    if form.country not in phonenumbers.SUPPORTED_REGIONS:
        raise ListError(f"--country: `{form.country}` is no country; write an ISO 3166 code such as `GB`")
    return form


def _mapped(texts: Sequence[str]) -> dict[str, Target]:
    found = {}
    for text in texts:
        heading, equals, target = text.rpartition("=")
        if not equals or not heading.strip():
            raise ListError(f"--map: write COLUMN=TARGET, such as `Phone=number`, not {text!r}")
        found[heading.strip()] = target_of(target.strip())
    return found


def _held(columns: Columns) -> Held:
    return Held(frozenset(t.goes for t in columns), tuple(t.word for t in columns if t.goes is Goes.FIELD))


def _who() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


# ── telling ──────────────────────────────────────────────────────────────────────────────────────


def _print_form(job: _Job) -> None:
    table = job.table
    parted = delimiter_shown(table.delimiter)
    print(f"{job.args.file}: {table.encoding}, cells parted by `{parted}`, numbers of {job.form.country}")
    named = [(heading, target) for heading, target in zip(table.headings, job.columns, strict=True) if heading]
    width = min(max(len(heading) for heading, _ in named), 40)
    for heading, target in named:
        print(f"  {_printable(heading)[:40]:<{width}}  → {target}")
    sys.stdout.flush()


def _tell(job: _Job, tally: Tally) -> None:
    refused, dry = job.refused, job.args.dry_run
    if job.args.json:
        table = job.table
        columns = {heading: str(t) for heading, t in zip(table.headings, job.columns, strict=True) if heading}
        file = {"file": str(job.args.file), "encoding": table.encoding, "delimiter": table.delimiter}
        told = {"campaign": job.args.campaign, "dry_run": dry, **file, "columns": columns, **tally.plain()}
        told |= {"seconds": round(job.seconds, 3), "report": str(refused.path) if refused.rows else None}
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    print(read_in(tally.read, job.seconds))
    for line in tally.lines():
        print(_printable(line))
    if refused.rows:
        print(f"{refused.path}: what was refused, and why")
    print("a dry run: nothing has changed" if dry else f"done: {job.args.campaign} has them")


def read_in(rows: int, seconds: float) -> str:
    """How fast it was says nothing of a list that is read in a moment."""
    if seconds < 1:
        return f"{rows:,} rows read in {seconds:.2f} s"
    return f"{rows:,} rows read in {seconds:.1f} s ({rows / seconds:,.0f} a second)"


def _printable(text: str) -> str:
    """What came from outside may hold escape sequences: the terminal never sees them."""
    return "".join(c if c.isprintable() else "?" for c in text)
