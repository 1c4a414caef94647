"""What may be said behind `callctl contacts`. Apart from the rest: each start of the daemon reads it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

EPILOG = """\
callctl contacts import people.csv --campaign renewals --config /etc/callctl --dry-run
callctl contacts import people.csv --campaign renewals --config /etc/callctl \\
    --map 'Handy=number.mobile' --map 'Amount due=field.amount:number' --map '*=ignore'
callctl contacts export --campaign renewals --config /etc/callctl --output renewals.csv"""

IMPORT_EPILOG = """\
targets: key · name · country · state · zone · debt · priority · number · number.KIND (mobile, home, …) ·
  kind (of the number in the column before) · field.NAME · field.NAME:number, :yes_no or :date · ignore
a column that no --map names is guessed by its heading, and else becomes a text field; '*=ignore' leaves those out

the same contact: within a campaign, by an equal key; of those without a key, by an equal first number

exit codes: 0 imported, even if rows were refused · 1 failed, or not one row could be taken · 2 the file or the usage"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be said behind `callctl contacts`."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    _import(_action(actions, "import", "put the people of a CSV file onto a campaign's list", IMPORT_EPILOG))
    export = _action(actions, "export", "write a campaign's list as CSV, fit to be imported again", "")
    export.add_argument("--output", type=Path, metavar="FILE", help="a file of its user's alone (default: stdout)")
    export.add_argument("--excel", action="store_true", help="with the mark by which Excel knows UTF-8")


def _action(actions: Any, name: str, what: str, epilog: str) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = actions.add_parser(
        name,
        help=what,
        description=what[0].upper() + what[1:] + ".",
        epilog=epilog or None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.add_argument("--campaign", required=True, metavar="NAME", help="whose list")
    added.add_argument("--config", type=Path, required=True, metavar="DIR", help="the configuration's folder")
    added.add_argument(
        "--overlay", type=Path, metavar="DIR", help="a second folder whose values replace those of --config"
    )
    return added


def _import(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="CSV with a row of headings")
    add("--map", action="append", default=[], metavar="COLUMN=TARGET", help="what a column is; may be repeated")
    add("--delimiter", metavar="X", help="one character, or `tab` (default: found out)")
    add("--encoding", metavar="NAME", help="such as utf-8 or cp1252 (default: found out)")
    add("--country", metavar="CC", help="in whose form numbers without a country code are (ISO 3166)")
    add("--duplicates", choices=("skip", "update"), help="contacts that are there: leave or change them")
    add("--dry-run", action="store_true", help="everything but the end: nothing is changed")
    add("--report", type=Path, metavar="PATH", help="where refused rows are written (default: FILE.refused.csv)")
    add("--json", action="store_true", help="print JSON")
