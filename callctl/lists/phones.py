"""A cell to a number that can be dialled, or why it cannot."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

import phonenumbers

from callctl.lists.places import Places
from callctl.lists.plans import known
from callctl.numbers import e164_digits

_LONGEST = 64
_SEPARATORS = str.maketrans("", "", " -.()/[]_~\t\r\n")
_PLAIN = re.compile(r"\+?[0-9]{2,20}")
_QUOTED_FORMULA = re.compile(r'="([^"]*)"')
_ROUNDED = re.compile(r"[0-9]+(?:[.,][0-9]+)?e\+?[0-9]+", re.IGNORECASE)
_FLOAT = re.compile(r"(\+?[0-9]{6,15})[.,]0+")
_EXTENSION = re.compile(
    r".*[0-9)]\s*(?:;ext=|,|#|x|ext\.?|extn\.?|extension|poste|anexo|ramal|int\.?|interno|durchwahl|доб\.?)"
    r"\s*[:.]?\s*[0-9]{1,8}",
    re.IGNORECASE | re.DOTALL,
)
_SEVERAL = re.compile(r"(?:[^0-9]*[0-9]){6,}[^0-9]*[,;/|&\n](?:[^0-9]*[0-9]){6,}.*", re.DOTALL)

FORMULA = "is a formula"
ROUNDED = "was destroyed by a spreadsheet, which rounded it: format the column as text, and export the list again"
EXTENSION = "has an extension, which cannot be dialled"
SEVERAL = "seem to be several numbers in one cell: give each a column of its own"
NO_NUMBER = "is no phone number"
NOT_VALID = "is no valid phone number"
LONG = f"is longer than {_LONGEST} characters"


class Phone(NamedTuple):
    """A number of a contact."""

    digits: int
    """E.164, without the plus."""
    place: int
    """In `Places.all`."""
    kind: str = ""


class Phones:
    """Reads numbers of one list; `places` gathers where they are."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def read(self, text: str, country: str) -> Phone | str:
        """The number that a cell holds, or why it holds none. `country`: in whose form it may be (ISO 3166)."""
        plain = text.translate(_SEPARATORS)
        if _PLAIN.fullmatch(plain) and "." not in text:
            return self._valid(plain, country)
        return self._odd(text, country)

    def _valid(self, plain: str, country: str) -> Phone | str:
        found = known(plain, country)
        if found is not None:
            return Phone(int(found.digits), self._places.of(found))
        digits = e164_digits(plain, country)
        if not digits:
            return NOT_VALID
        return Phone(int(digits), self._places.of_parsed(phonenumbers.parse("+" + digits, None)))

    def _odd(self, text: str, country: str) -> Phone | str:
        """A cell that is more than digits and common separators."""
        text = text.removeprefix("'").strip()  # a spreadsheet's mark for text
        if quoted := _QUOTED_FORMULA.fullmatch(text):  # and another
            text = quoted[1].strip()
        if len(text) > _LONGEST:
            return LONG
        if text[:1] in ("=", "@"):
            return FORMULA
        text = _ascii(text)
        if _ROUNDED.fullmatch(text):
            return ROUNDED
        if kept := _FLOAT.fullmatch(text):
            text = kept[1]
        plain = re.sub(r"^tel:", "", text, flags=re.IGNORECASE).translate(_SEPARATORS)
        found = self._valid(plain, country) if _PLAIN.fullmatch(plain) else NO_NUMBER
        return _clearer(text, found) if isinstance(found, str) else found


def _clearer(text: str, why: str) -> str:
    """Why a cell holds no number, said more closely where that can be seen."""
    if _SEVERAL.fullmatch(text):
        return SEVERAL
    return EXTENSION if _EXTENSION.fullmatch(text) else why


def _ascii(text: str) -> str:
    """Digits, dashes and spaces of other scripts become ASCII; marks that cannot be seen go."""
    if text.isascii():
        return text
    return "".join(_plainer(c) for c in unicodedata.normalize("NFKC", text))


def _plainer(c: str) -> str:
    match unicodedata.category(c):
        case "Nd":
            return str(unicodedata.digit(c))
        case "Cf":
            return ""
        case "Zs":
            return " "
        case "Pd":
            return "-"
    return "-" if c == "\u2212" else c  # a minus sign
