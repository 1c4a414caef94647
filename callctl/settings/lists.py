"""How a campaign's lists are read: which column is what, and what is done with people who are there already."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field
from pydantic.json_schema import JsonSchemaValue

from callctl.settings import types as t
from callctl.settings.errors import shown
from callctl.settings.strict import Strict
from callctl.settings.types import bad, nearest

ANY_OTHER = "*"
"""The heading that stands for every column that is not named."""


class Goes(StrEnum):
    """What a column's cells become."""

    KEY = "key"
    """The house's own name for the contact, once in a campaign."""
    NAME = "name"
    """Several columns: joined by spaces."""
    COUNTRY = "country"
    STATE = "state"
    ZONE = "zone"
    DEBT = "debt"
    PRIORITY = "priority"
    NUMBER = "number"
    """Several columns: tried in their order."""
    KIND = "kind"
    """Of the number in the column before it."""
    FIELD = "field"
    IGNORE = "ignore"


class FieldType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes_no"
    DATE = "date"


class Duplicates(StrEnum):
    """What is done with a row whose contact is on the list already."""

    SKIP = "skip"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a column goes."""

    goes: Goes
    word: str = ""
    """Of a number: its kind, if all of the column are of one. Of a field: its name."""
    type: FieldType = FieldType.TEXT

    def __str__(self) -> str:
        if self.goes is Goes.FIELD:
            return f"field.{self.word}" + ("" if self.type is FieldType.TEXT else f":{self.type}")
        return f"{self.goes}.{self.word}" if self.word else str(self.goes)


_KIND = re.compile(r"[a-z][a-z0-9_-]{0,19}")
_FIELD = re.compile(r"[\w -]{1,60}")


def target_of(text: str) -> Target:
    """`number.mobile`, `field.amount:number`, `name`, …; raises `bad(...)`."""
    word, dot, rest = text.partition(".")
    if word == Goes.FIELD:
        return _field_of(rest)
    if word == Goes.NUMBER and dot:
        if not _KIND.fullmatch(rest):
            raise bad(f"{shown(rest)} is no kind of number", "write a short word such as `number.mobile`")
        return Target(Goes.NUMBER, rest)
    try:
        return Target(Goes(text))
    except ValueError:
        words = [goes for goes in Goes if goes is not Goes.FIELD] + ["number.mobile", "field.NAME", "field.NAME:date"]
        raise bad(f"{shown(text)} is nothing that a column can be", nearest(text, words)) from None


def _field_of(text: str) -> Target:
    name, colon, kind = text.partition(":")
    if not _FIELD.fullmatch(name):
        raise bad(f"{shown(name)} is no field's name", "write `field.NAME`: at most 60 letters, digits, - and _")
    try:
        return Target(Goes.FIELD, name, FieldType(kind) if colon else FieldType.TEXT)
    except ValueError:
        raise bad(f"{shown(kind)} is no type of a field", nearest(kind, list(FieldType))) from None


def delimiter_of(text: str) -> str:
    """One character, or the word `tab`; raises `bad(...)`."""
    one = "\t" if text in ("tab", "\\t") else text
    if len(one) != 1 or one in "\"'\r\n\0" or one.isalnum():
        raise bad(f"{shown(text)} cannot part cells", 'write one character such as `";"`, or `tab`')
    return one


def encoding_of(text: str) -> str:
    """The name of an encoding of text, as Python writes it; raises `bad(...)`."""
    try:
        found = codecs.lookup(text)
        if "\0" not in text and isinstance("".encode(found.name), bytes) and found.name not in _ODD:
            return found.name
    except (LookupError, ValueError):
        pass
    raise bad(f"{shown(text)} is no known encoding", nearest(text.lower(), _ENCODINGS))


_ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1", "iso8859-15", "cp1250", "cp1251", "shift_jis", "gb18030")
_ODD = ("idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined")
"""Python's own ways to write text down: no file has them."""


class TargetText(t.Kind):
    wanted = "what the column is, such as `number.mobile` or `field.amount:number`"

    def read(self, text: str, known: dict[str, Any]) -> object:
        return target_of(text)

    def schema(self) -> JsonSchemaValue:
        kinds = "|".join(FieldType)
        words = "|".join(goes for goes in Goes if goes is not Goes.FIELD)
        return {"type": "string", "pattern": rf"^(?:{words}|number\..+|field\.[^:]+(?::(?:{kinds}))?)$"}


class DelimiterText(t.Kind):
    wanted = 'one character such as `";"`, or `tab`'

    def read(self, text: str, known: dict[str, Any]) -> object:
        return delimiter_of(text)

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^(?:.|tab)$"}


class EncodingName(t.Kind):
    wanted = "an encoding such as `utf-8` or `cp1252`"

    def read(self, text: str, known: dict[str, Any]) -> object:
        return encoding_of(text)

    def schema(self) -> JsonSchemaValue:
        return {"type": "string"}


Heading = Annotated[str, t.Text(r"(?=.*\S).{1,200}", "a column's heading, at most 200 characters", number=True)]


class ListModel(Strict):
    """How the campaign's lists are read: CSV files with a row of headings."""

    columns: dict[Heading, Annotated[Target, TargetText()]] = Field(
        default={},
        description="What each column is, by its heading; one that is not named is guessed by it. `*`: all others.",
    )
    delimiter: Annotated[str, DelimiterText()] | None = Field(
        default=None, description="What parts the cells; found out if not given."
    )
    encoding: Annotated[str, EncodingName()] | None = Field(
        default=None, description="Of the text; found out if not given."
    )
    country: t.Country | None = Field(
        default=None, description="In whose form numbers without a country code are; the house's if not given."
    )
    duplicates: Annotated[Duplicates, t.OneOf(Duplicates)] = Field(
        default=Duplicates.SKIP, description="Contacts that are there already: leave them, or bring them up to date."
    )

    def judge(self) -> None:
        others = self.columns.get(ANY_OTHER)
        numbers = any(target.goes is Goes.NUMBER for target in self.columns.values())
        if others is not None and not numbers:
            raise bad("no column is a `number`, and none can be guessed beside `*`", "name one", "columns")
        if others is not None and others.goes is not Goes.IGNORE:
            raise bad("`*` can only be `ignore`", "name the other columns one by one", "columns")


@dataclass(frozen=True, slots=True)
class ListForm:
    """A `ListModel` for those who read lists. Empty: to be found out."""

    columns: Mapping[str, Target] = field(default_factory=dict)
    delimiter: str = ""
    encoding: str = ""
    country: str = ""
    duplicates: Duplicates = Duplicates.SKIP


def form_of(model: ListModel) -> ListForm:
    """The form that a campaign's `list:` states."""
    return ListForm(model.columns, model.delimiter or "", model.encoding or "", model.country or "", model.duplicates)
