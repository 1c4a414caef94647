"""The scalars of flows: how each is read, and what is said when it is wrong."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import Discriminator, Field, Tag
from pydantic.json_schema import JsonSchemaValue

from callctl.core.conditions import MOST_DIGITS, NAME, is_pattern, names_in, stray_brace
from callctl.core.lookups import pointer_mistake, template_mistake
from callctl.settings import types as t
from callctl.settings.errors import shown
from callctl.settings.types import Kind, Text, bad

LANGUAGE = r"[a-z]{2,3}(?:_[A-Za-z]{2,12}){0,2}"
LONGEST = 1000
"""Characters of a template."""


@dataclass(frozen=True)
class TemplateText(Kind):
    """Text with values in it."""

    wanted = 'text with values in it, such as `"{order}"`'

    def read(self, text: str, known: dict[str, Any]) -> object:
        if len(text) > LONGEST:
            raise bad(f"more than {LONGEST} characters", "write less")
        at = stray_brace(text)
        if at >= 0:
            raise bad(
                f"the brace of {shown(text[at:])} names no value", "write `{order}`, or `{{` for the brace itself"
            )
        return text

    def schema(self) -> JsonSchemaValue:
        kinds: Any = ["string", "number"]
        return {"type": kinds}


@dataclass(frozen=True)
class SomeNumber(TemplateText):
    """A number, or text with values in it."""

    wanted = 'a number such as `3` or `2.5`, or a value such as `"{limit}"`'

    def read(self, text: str, known: dict[str, Any]) -> object:
        if "{" not in text and not re.fullmatch(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?", text):
            raise bad(f"{shown(text)} is no number", f"write {self.wanted}")
        return super().read(text, known)


@dataclass(frozen=True)
class ValueText(TemplateText):
    """A value's name, or text with values in it."""

    wanted = 'a value such as `order`, or text with values in it, such as `"{order}"`'

    def read(self, text: str, known: dict[str, Any]) -> object:
        if "{" not in text and not re.fullmatch(NAME, text):
            raise bad(f"{shown(text)} does not fit", f"write {self.wanted}")
        return super().read(text, known)


@dataclass(frozen=True)
class DialPattern(Kind):
    """As Asterisk's dialplan writes them, without the underscore."""

    wanted = "a pattern such as `NXXXX` or `[1-5]X.`"

    def read(self, text: str, known: dict[str, Any]) -> object:
        if not is_pattern(text) or len(text) > 80:
            right = "write digits, X (0-9), Z (1-9), N (2-9), [15-7], and at the end . or !"
            raise bad(f"{shown(text)} is no pattern", right)
        return text

    def schema(self) -> JsonSchemaValue:
        kinds: Any = ["string", "integer"]
        return {"type": kinds}


@dataclass(frozen=True)
class DigitsRange(Kind):
    """How many digits: `6`, or `4-8`."""

    wanted = "how many, such as `6` or `4-8`"

    def read(self, text: str, known: dict[str, Any]) -> object:
        found = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", text)
        if found is None:
            raise bad(f"{shown(text)} does not fit", f"write {self.wanted}")
        least, most = int(found[1]), int(found[2] or found[1])
        if least > most:
            raise bad(f"{shown(text)}: the least is more than the most", f"write `{most}-{least}`")
        if not 1 <= least <= most <= MOST_DIGITS:
            raise bad(f"{shown(text)} is out of range", f"write {self.wanted}, from 1 to {MOST_DIGITS}")
        return least, most

    def schema(self) -> JsonSchemaValue:
        kinds: Any = ["integer", "string"]
        return {"type": kinds, "pattern": "^[0-9]+(-[0-9]+)?$"}


@dataclass(frozen=True)
class LookupUrl(Kind):
    """Whom callctl asks is the operator's own word alone: values stand in the path or the query, encoded."""

    wanted = "a URL such as `https://crm.example/orders/{order}`"

    def read(self, text: str, known: dict[str, Any]) -> object:
        if (wrong := template_mistake(text, names_in(text))) is not None:
            raise bad(wrong, f"write {self.wanted}")
        return text

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^https?://"}


@dataclass(frozen=True)
class JsonPointer(Kind):
    """Where a value stands in an answer: RFC 6901."""

    wanted = "where it stands in the answer, such as `/order/status`"

    def read(self, text: str, known: dict[str, Any]) -> object:
        wrong = pointer_mistake(text) if 0 < len(text) <= 200 else f"{shown(text)} does not fit"
        if wrong is not None:
            raise bad(wrong, f"write {self.wanted}")
        return text

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^/"}


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def may_carry_secrets(url: str) -> bool:
    """Whether nobody on the way can read what is asked: encrypted, or within this machine."""
    host = re.sub(r":[0-9]*$", "", re.split(r"[/?]", url.partition("://")[2])[0])
    return url.startswith("https:") or host in ("localhost", "[::1]") or (host.startswith("127.") and _is_ip(host))


def names_of(value: str) -> list[str]:
    """The values that a `value` is made of."""
    return list(names_in(value)) if "{" in value else [value]


T = TypeVar("T")
Few: TypeAlias = Annotated[
    Annotated[T, Tag("text")] | Annotated[tuple[T, ...], Field(min_length=1, max_length=200), Tag("list")],
    Discriminator(lambda raw: "list" if isinstance(raw, list | tuple) else "text"),
]
"""One, or a list of them."""


def several(few: str | tuple[str, ...]) -> tuple[str, ...]:
    """All of them, in a tuple."""
    return (few,) if isinstance(few, str) else few


NodeName = Annotated[
    str,
    Text(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}",
        "a node of this flow, `return`, or where else the call goes, such as `{queue: sales}`",
        number=True,
    ),
]
ValueName = Annotated[str, Text(NAME, "a name of at most 40 letters, digits and underscores, a letter first")]
Plain = Annotated[str, Text(r"[^{}]{0,200}", "plain text of at most 200 characters, without braces", number=True)]
Template = Annotated[str, TemplateText()]
ValueOrTemplate = Annotated[str, ValueText()]
NumberOrTemplate = Annotated[str, SomeNumber()]
EndKey = Annotated[str, Text(r"[0-9*#]?", 'one key in quotes, such as `"#"`, or `""` for none', number=True)]
Pointer = Annotated[str, JsonPointer()]
_Start = Annotated[
    str, Text(r"\+[1-9][0-9]{0,14}|[0-9*#]{2,8}|withheld", 'a beginning such as `"+33"`, an extension, or `withheld`')
]
FewNumbers = Few[_Start]
FewTexts = Few[Template]
FewPatterns = Few[Annotated[str, DialPattern()]]
FewLanguages = Few[t.Language]
