"""The headings of a file to what its columns are: as the form says, else by the headings' words."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from pydantic_core import PydanticCustomError

from callctl.lists.errors import ListError
from callctl.settings.lists import ANY_OTHER, Goes, Target, target_of
from callctl.settings.types import nearest

Columns: TypeAlias = tuple[Target, ...]
"""What each column is, in the file's order."""

OURS = "callctl."
"""Columns of an export that an import passes over begin so."""

_WORDS: Mapping[str, str] = {
    "number": "phone, phone number, phone no, telephone, telephone number, tel, tel no, number, msisdn,"
    "contact number, telefon, telefonnummer, rufnummer, telefono, teléfono, téléphone, telefone, telefoon, numero,"
    "número, numéro, 電話番号",
    "number.mobile": "mobile, mobile phone, mobile number, mobile no, cell, cell phone, cellphone, cellular, gsm,"
    "handy, handynummer, mobiltelefon, movil, móvil, celular, portable, cellulare, mobiel",
    "number.home": "home, home phone, home number, home telephone, phone home",
    "number.work": "work, work phone, work number, business phone, office phone, phone work",
    "number.landline": "landline, land line, fixed line",
    "name": "name, full name, contact name, customer name, first name, firstname, given name, middle name, last name,"
    "lastname, surname, family name, vorname, nachname, prénom, nom, nombre, apellido, apellidos, nome, cognome, 氏名",
    "key": "key, id, contact id, customer id, customer number, external id, client id, lead id",
    "country": "country, country code",
    "state": "state, province, state code",
    "zone": "zone, time zone, timezone, tz",
    "debt": "debt, debt id, debt number",
    "priority": "priority",
}
_TARGETS = {word.strip(): target for target, words in _WORDS.items() for word in words.split(",")}
_MOST_IN_A_NAME = 60
REPORT = ("line", "column", "why")
"""What stands before a row that was refused: once it is mended, its file may be imported as it is."""
IGNORED = Target(Goes.IGNORE)


def columns_of(headings: Sequence[str], wanted: Mapping[str, Target]) -> Columns:
    """What the columns are. `wanted`, by heading, comes first.

    ListError: a heading that is wanted is not there, none is a number's, or two are what only one can be.
    """
    named = _named(headings, wanted)
    others = wanted.get(ANY_OTHER)
    columns: list[Target] = []
    for n, heading in enumerate(headings):
        behind_number = bool(columns) and columns[-1].goes is Goes.NUMBER
        ours = n < len(REPORT) and tuple(headings[: len(REPORT)]) == REPORT
        columns.append(named.get(n) or others or (IGNORED if ours else guessed(heading, behind_number)))
    _check(headings, columns)
    return tuple(columns)


def guessed(heading: str, behind_number: bool = False) -> Target:
    """What a column most likely is. An export's own headings are targets, and mean themselves."""
    name = field_name(heading)
    if not name or heading.casefold().startswith(OURS):
        return Target(Goes.IGNORE)
    if heading.startswith(("field.", "number.")):
        with contextlib.suppress(PydanticCustomError):
            return target_of(heading)
    words = name.replace("_", " ")
    if re.fullmatch(r"kind ?[0-9]*", words):
        return Target(Goes.KIND) if behind_number else Target(Goes.FIELD, name)
    target = _TARGETS.get(words)
    if target is None and (several := _TARGETS.get(words.rstrip(" 0123456789"), "")).startswith("number"):
        target = several
    return Target(Goes.FIELD, name) if target is None else target_of(target)


_ONCE = (Goes.KEY, Goes.COUNTRY, Goes.STATE, Goes.ZONE, Goes.DEBT, Goes.PRIORITY)


def field_name(heading: str) -> str:
    """`Last payment (EUR)` → `last_payment_eur`; empty: the heading has no letter or digit."""
    return re.sub(r"[\W_]+", "_", heading.casefold()).strip("_")[:_MOST_IN_A_NAME]


def _named(headings: Sequence[str], wanted: Mapping[str, Target]) -> dict[int, Target]:
    """What the form says, by the column's place. A heading in other letters' case is the same one."""
    places: dict[str, list[int]] = {}
    for n, heading in enumerate(headings):
        places.setdefault(heading, []).append(n)
    for n, heading in enumerate(headings):
        places.setdefault(heading.casefold(), []).append(n)
    found = {}
    for heading, target in wanted.items():
        if heading == ANY_OTHER:
            continue
        at = places.get(heading.strip()) or places.get(heading.strip().casefold())
        if at is None:
            raise ListError(f"has no column `{heading}`: {nearest(heading, [h for h in headings if h])}")
        found.update(dict.fromkeys(at, target))
    return found


def _check(headings: Sequence[str], columns: Sequence[Target]) -> None:
    if not any(target.goes is Goes.NUMBER for target in columns):
        raise ListError("no column is a phone number's: say which with --map 'HEADING=number'")
    once = Counter(str(t.goes) for t in columns if t.goes in _ONCE)
    once += Counter(f"field.{t.word}" for t in columns if t.goes is Goes.FIELD)
    for what, count in once.items():
        if count > 1:
            both = [h for h, t in zip(headings, columns, strict=True) if what in (str(t.goes), f"field.{t.word}")]
            raise ListError(f"{count} columns are `{what}` ({', '.join(both)}): say with --map what each is")
    for before, target in pairwise((None, *columns)):
        if target is not None and target.goes is Goes.KIND and (before is None or before.goes is not Goes.NUMBER):
            raise ListError("a column `kind` stands behind none that is a number's")
