"""What of a number people get to see: the one place that decides it, for log lines, the API and `explain`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from callctl.core.addresses import E164, Address, Emergency, Extension, ShortCode, Withheld

_KEPT = re.compile(
    r"""(?<![\w.+(])(?<!\d-)(?:
        (?:19|20)\d\d([-.])(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])
          (?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!-?\w|\.\d)
      | \d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?!\w)
      | (?:OCTET\.){3}OCTET(?:[:/]\d{1,5})?(?!\w|[.-]\d)
      | (?:0|[1-9]\d?)\.(?:0|[1-9]\d{0,2})\.(?:0|[1-9]\d?)(?:-?(?:rc|beta|alpha|dev|post)\.?\d+)?(?!\w|[.-]\d)
      | (?<!\d[ -])(?<!\)[ -])(?:0|[1-9]\d*)\.\d+(?!\w|[.-]\d)
      | [0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?!\w)
    )|(?<=\w)-0[0-9a-f]{7}(?!\w)""".replace("OCTET", r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"),
    re.VERBOSE,
)
"""What has as many digits as a number, and is none: days and times, IP addresses, versions, decimals (Asterisk's unique
ids among them), UUIDs, and the counter at the end of a channel's name."""

_NUMBER = re.compile(r"(?<!\w)(?<!\d\.)(?:\+|\(\+?)?\d(?:[ \t\u00a0.()\u2010-\u2015-]{0,3}\d)*(?!\w|\.\w)")
"""Digits, together or as people group them."""

_PLAIN = re.compile(r"(?<!\d)\d{7,15}(?!\d)")
_FEWEST, _MOST = 7, 15
"""Digits of a number of the public network (at most 15: ITU-T E.164)."""


def _hidden(number: str) -> str:
    """The first digits tell the country and the last two the line apart; between them nothing is shown."""
    return f"{number[:3]}…{number[-2:]}"


def _judged(found: re.Match[str]) -> str:
    """A run of digits for people: hidden where it could be a number, or several that follow one another."""
    text = found.group()
    digits = re.sub(r"\D", "", text)
    if len(digits) < _FEWEST:
        return text
    groups = [len(group) for group in re.findall(r"\d+", text)]
    if len(digits) > _MOST and (max(groups) > _MOST or min(groups) >= _FEWEST):  # a time in microseconds; two numbers
        return _PLAIN.sub(lambda one: _hidden(one.group()), text)
    return _hidden(("+" if "+" in text else "") + digits)


_ENOUGH = re.compile(rf"(?:\d\D*){{{_FEWEST}}}")


def _masked(text: str) -> str:
    """Piece by piece, between what is kept: a number never reaches over it."""
    if len(text) < _FEWEST or not _ENOUGH.search(text):
        return text  # as most are: there are too few digits in it
    pieces, end = [], 0
    for kept in _KEPT.finditer(text):
        pieces += [_NUMBER.sub(_judged, text[end : kept.start()]), kept.group()]
        end = kept.end()
    return "".join((*pieces, _NUMBER.sub(_judged, text[end:])))


@dataclass(frozen=True, slots=True)
class Masking:
    """Public numbers and pressed digits are hidden unless `unmask`; the house's own numbers are shown."""

    unmask: bool = False

    def address(self, address: Address) -> str:
        """An address as text for people."""
        match address:
            case E164():
                return str(address) if self.unmask else _hidden(str(address))
            case Extension() | ShortCode() | Emergency() | Withheld():
                return str(address)

    def text(self, text: str) -> str:
        """Free text, with everything hidden in it that reads like a number of the public network."""
        return text if self.unmask else _masked(text)

    def digits(self, digits: str) -> str:
        """Digits that a caller pressed; how many there were stays visible."""
        return digits if self.unmask else "•" * len(digits)


MASKED = Masking()
