"""The core's ledger in its tables: one statement for each kind of entry, carried out in order, each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, TypeAlias, assert_never

from callctl.core.contacts import Number
from callctl.core.ledger import (
    AttemptMade,
    AttemptOver,
    Barred,
    ConsentGiven,
    Entry,
    Listed,
    Planned,
    Promised,
    Remembered,
    TriedAgain,
    Withheld,
)
from callctl.store.codec import storable, to_text
from callctl.store.pool import Connection
from callctl.store.queries import SQL

Values: TypeAlias = list[Any]
"""A statement's parameters, as JSON has them; times in microseconds since 1970."""


def ledger_row(entry: Entry) -> tuple[str, Values]:
    """The name of the entry's statement, and its parameters."""
    match entry:
        case Listed(scope, listed, prefix, how, at, off):
            if off:
                return "ledger_unlisted", [scope, int(listed), prefix, at]
            return "ledger_listed", [scope, int(listed), prefix, at, storable(how)]
        case ConsentGiven(number, scope, at, how):
            return "ledger_consent", [int(number.digits), scope, at, storable(how)]
        case Remembered(past, why):
            what, debt = str(past.what), storable(past.debt)
            return "ledger_happened", [
                past.id, what, past.at, int(past.number), past.contact, debt, past.scope, storable(why)
            ]  # fmt: skip
        case AttemptMade(it):
            digits, shown, rules = int(it.number.digits), int(it.caller_id.digits), to_text(list(it.rules))
            return "ledger_attempt", [
                it.id, it.campaign, it.contact, digits, storable(it.debt), it.trunk, shown, it.began, rules
            ]  # fmt: skip
        case AttemptOver(attempt, contact, number, outcome, at, call):
            return "ledger_attempt_over", [attempt, at, str(outcome), call, contact, int(number.digits)]
        case Planned(contact, standing, due, next_number, why, decided):
            return "ledger_planned", [contact, str(standing), due, next_number, storable(why), decided]
        case Promised(campaign, back, contact, name, number):
            where = number or Number(back.number)
            called, note = int(back.number.digits), storable(back.note)
            return "ledger_promised", [
                contact, campaign, storable(name), called, back.at, back.agent, back.theirs_until, note,
                where.country, list(where.zones), list(where.states),
            ]  # fmt: skip
        case TriedAgain(contact, due, next_number, why):
            return "ledger_again", [contact, due, next_number, storable(why)]
        case Barred(number, why, contact):
            return "ledger_barred", [int(number.digits), storable(why), contact]
        case Withheld(at, campaign, contact, number, rule, version, why, until):
            return "ledger_withheld", [
                at, campaign, contact, int(number.digits), rule, version, storable(why), until
            ]  # fmt: skip
        case _:
            assert_never(entry)


async def write_ledger(
    connection: Connection, epoch: int, rows: Iterable[tuple[int, str, Values]], stored: int
) -> None:
    """Carry out the entries of steps after `stored`, in order. Within the caller's transaction."""
    todo = [(kind, values) for seq, kind, values in rows if seq > stored]
    for kind, entries in groupby(todo, key=lambda entry: entry[0]):
        await connection.executemany(SQL[kind], [_with_epoch(kind, epoch, values) for _, values in entries])


def _with_epoch(kind: str, epoch: int, values: Sequence[Any]) -> Sequence[Any]:
    return (*values, epoch) if kind in ("ledger_attempt", "ledger_planned") else values
