"""A row to a contact, or why it is none. Everything in it is untrusted text."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, TypeAlias
from zoneinfo import available_timezones

import msgspec
import phonenumbers

from callctl.lists.columns import Columns
from callctl.lists.phones import Phone, Phones
from callctl.lists.places import Places
from callctl.lists.reading import Refusal
from callctl.settings.errors import shown
from callctl.settings.lists import FieldType, Goes
from callctl.settings.types import nearest
from callctl.states import BY_NAME, STATES

MOST_NUMBERS = 10
LONGEST_WORD = 200
"""Characters of a key, a name, a debt."""
LONGEST_FIELD = 4_000
HIGHEST_PRIORITY = 1_000
FIRES = "=+-@\t\r"
"""What a spreadsheet may take for the beginning of a formula."""

_ZONES = frozenset(available_timezones())
_NOT_ISO = {"UK": "GB", "USA": "US", "ENGLAND": "GB", "UNITED KINGDOM": "GB", "UNITED STATES": "US", "CANADA": "CA"}
_encode = msgspec.json.Encoder(decimal_format="number").encode

FieldValue: TypeAlias = str | int | bool | Decimal


class Contact(NamedTuple):
    """Somebody to be put onto a list."""

    line: int
    key: str | None
    name: str
    country: str
    state: str
    zone: str
    debt: str
    fields: str
    """JSON."""
    priority: int
    phones: tuple[Phone, ...]
    left_out: tuple[Refusal, ...]
    """Numbers of the row that could not be taken."""


class _Wrong(Exception):
    """A cell that cannot be taken, and so its row."""

    def __init__(self, column: int, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.column, self.reason, self.detail = column, reason, detail


class Rows:
    """Reads the rows of one file. `country`: in whose form numbers without a country code are (ISO 3166)."""

    def __init__(self, headings: Sequence[str], columns: Columns, country: str, places: Places) -> None:
        self._headings = headings
        self._country = country
        self._phones = Phones(places)
        self._places = places
        self._names = [n for n, target in enumerate(columns) if target.goes is Goes.NAME]
        self._once = {target.goes: n for n, target in enumerate(columns) if target.goes in _SINGLE}
        self._fields = [(n, t.word, _FIELDS[t.type]) for n, t in enumerate(columns) if t.goes is Goes.FIELD]
        self._numbers = [(n, t.word, _kind_column(columns, n)) for n, t in enumerate(columns) if t.goes is Goes.NUMBER]

    def read(self, line: int, cells: list[str]) -> Contact | Refusal:
        """The contact, or why there is none."""
        try:
            return self._read(line, cells)
        except _Wrong as wrong:
            column = self._headings[wrong.column] if wrong.column >= 0 else ""
            return Refusal(line, column, wrong.reason, wrong.detail, tuple(cells))

    def zoneless(self, contact: Contact) -> bool:
        """Whether no number of the contact says where it may be."""
        return not any(self._places.all[phone.place].zones for phone in contact.phones)

    def _read(self, line: int, cells: list[str]) -> Contact:
        country = self._one(cells, Goes.COUNTRY, _country)
        phones, left_out = self._phones_of(line, cells, country or self._country)
        where = country or self._places.all[phones[0].place].country or self._country
        priority = self._one(cells, Goes.PRIORITY, _priority)
        return Contact(
            line=line,
            key=self._one(cells, Goes.KEY, _word) or None,
            name=self._name(cells),
            country=country,
            state=self._one(cells, Goes.STATE, lambda text: _state(text, where)),
            zone=self._one(cells, Goes.ZONE, _zone),
            debt=self._one(cells, Goes.DEBT, _word),
            fields=self._fields_of(cells),
            priority=int(priority or 0),
            phones=phones,
            left_out=left_out,
        )

    def _one(self, cells: list[str], goes: Goes, read: Callable[[str], str]) -> str:
        """The value of the one column that goes there; empty: there is none, or it is empty."""
        column = self._once.get(goes)
        if column is None or not (text := bare(cells[column])):
            return ""
        try:
            return read(text)
        except _Wrong as wrong:
            raise _Wrong(column, wrong.reason, wrong.detail) from None

    def _name(self, cells: list[str]) -> str:
        parts = [part for n in self._names if (part := bare(cells[n]))]
        name = " ".join(parts)
        if len(name) > LONGEST_WORD:
            raise _Wrong(self._names[0], _TOO_LONG, f"{len(name)} characters; at most {LONGEST_WORD}")
        return name

    def _fields_of(self, cells: list[str]) -> str:
        values: dict[str, FieldValue] = {}
        for column, name, read in self._fields:
            if text := bare(cells[column]):
                try:
                    values[name] = read(text)
                except _Wrong as wrong:
                    raise _Wrong(column, wrong.reason, wrong.detail) from None
        return _encode(values).decode() if values else "{}"

    def _phones_of(self, line: int, cells: list[str], country: str) -> tuple[tuple[Phone, ...], tuple[Refusal, ...]]:
        """The row's numbers, each once, and those left out. _Wrong: not one is good."""
        good: dict[int, Phone] = {}
        bad: list[tuple[int, str, str]] = []
        for column, kind, kind_column in self._numbers:
            text = cells[column].strip()
            if not text:
                continue
            found = self._phones.read(text, country)
            if isinstance(found, str):
                bad.append((column, found, shown(text)))
            elif found.digits not in good:
                if len(good) == MOST_NUMBERS:
                    bad.append((column, f"is one number more than the {MOST_NUMBERS} that a contact can have", ""))
                    continue
                if kind_column:
                    kind = _kind(cells[kind_column])
                good[found.digits] = found._replace(kind=kind) if kind else found
        if not good:
            raise _Wrong(*(bad[0] if bad else (-1, "has no phone number", "")))
        if not bad:
            return tuple(good.values()), ()
        heading = self._headings
        return tuple(good.values()), tuple(Refusal(line, heading[n], why, what, tuple(cells)) for n, why, what in bad)


def bare(cell: str) -> str:
    """A cell without the spaces around it, and without the apostrophe by which `harmless` has disarmed it."""
    text = cell.strip()
    if text.startswith("'") and text.lstrip("'")[:1] in _FIRES_SET:
        return text[1:]
    return text


def harmless(text: str) -> str:
    """Text for a cell: what a spreadsheet would take for a formula is disarmed by an apostrophe, as `bare` undoes."""
    return "'" + text if text.lstrip("'")[:1] in _FIRES_SET else text


_FIRES_SET = frozenset(FIRES)
_SINGLE = frozenset({Goes.KEY, Goes.COUNTRY, Goes.STATE, Goes.ZONE, Goes.DEBT, Goes.PRIORITY})
_TOO_LONG = "is too long"


def _kind_column(columns: Columns, number: int) -> int:
    """The column that says what kind of number stands in that one; 0: none."""
    after = number + 1
    return after if after < len(columns) and columns[after].goes is Goes.KIND else 0


def _kind(cell: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "_", bare(cell).lower())[:20]


def _word(text: str) -> str:
    if len(text) > LONGEST_WORD:
        raise _Wrong(0, _TOO_LONG, f"{len(text):,} characters; at most {LONGEST_WORD}")
    return text


@lru_cache(maxsize=1024)
def _country(text: str) -> str:
    code = text.upper()
    if code in phonenumbers.SUPPORTED_REGIONS:
        return code
    hint = _NOT_ISO.get(code)
    right = f"did you mean `{hint}`?" if hint else "write an ISO 3166 code such as `GB`"
    raise _Wrong(0, "is no country", f"{shown(text)}; {right}")


@lru_cache(maxsize=1024)
def _zone(text: str) -> str:
    if text in _ZONES:
        return text
    right = _like(text, "zone", _ZONES, "write one such as `Europe/London`")
    raise _Wrong(0, "is no time zone", f"{shown(text)}; {right}")


@lru_cache(maxsize=1024)
def _state(text: str, country: str) -> str:
    """Two letters or the full name, in the US and Canada; elsewhere a code of ISO 3166-2."""
    code = text.upper().removeprefix(f"{country}-")
    if country not in STATES:
        if re.fullmatch(r"[A-Z0-9]{1,3}", code):
            return code
        raise _Wrong(0, "is no state", f"{shown(text)}; write its code as ISO 3166-2 has it, such as `ENG`")
    if code in STATES[country]:
        return code
    if found := BY_NAME[country].get(text.casefold()):
        return found
    right = _like(text.title(), country, [*STATES[country].values(), *STATES[country]], "write its two letters")
    raise _Wrong(0, f"is no state of {country}", f"{shown(text)}; {right}")


_MOST_HINTS = 500
_hints: dict[tuple[str, str], str] = {}


def _like(word: str, of: str, words: Collection[str], otherwise: str) -> str:
    """`did you mean …?` Looking for it takes milliseconds: not for each row of a long list that is wrong throughout."""
    if (word, of) not in _hints:
        if len(_hints) >= _MOST_HINTS:
            return otherwise
        _hints[word, of] = nearest(word, sorted(words))
    return _hints[word, of]


def _priority(text: str) -> str:
    if re.fullmatch(r"-?[0-9]{1,4}", text) and abs(int(text)) <= HIGHEST_PRIORITY:
        return text
    right = f"write a whole number from -{HIGHEST_PRIORITY} to {HIGHEST_PRIORITY}"
    raise _Wrong(0, "is no priority", f"{shown(text)}; {right}")


# ── fields ───────────────────────────────────────────────────────────────────────────────────────


def _text(text: str) -> FieldValue:
    if len(text) > LONGEST_FIELD:
        raise _Wrong(0, _TOO_LONG, f"{len(text):,} characters; at most {LONGEST_FIELD:,}")
    return text


def _number(text: str) -> FieldValue:
    if re.fullmatch(r"-?[0-9]{1,15}", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]{1,15}\.[0-9]{1,9}", text):
        return Decimal(text)
    raise _Wrong(0, "is no number", f"{shown(text)}; write it such as `1234.5`")


def _yes_no(text: str) -> FieldValue:
    word = text.lower()
    if word in ("yes", "y", "true", "1"):
        return True
    if word in ("no", "n", "false", "0"):
        return False
    raise _Wrong(0, "is neither yes nor no", f"{shown(text)}; write `yes` or `no`")


@lru_cache(maxsize=1024)
def _date(text: str) -> FieldValue:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise _Wrong(0, "is no date", f"{shown(text)}; write it such as `2026-12-25`")


_FIELDS: Mapping[FieldType, Callable[[str], FieldValue]] = {
    FieldType.TEXT: _text,
    FieldType.NUMBER: _number,
    FieldType.YES_NO: _yes_no,
    FieldType.DATE: _date,
}
