"""What can be said, and the values read from text: nothing else of callctl's, no language.

Values come as text from callers, files and answers of other systems: ASCII, at most `LONGEST` characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum, unique

LONGEST = 60
"""Characters. Nobody listens to more, and a playlist has to fit into one request."""
MOST = 999_999_999
"""The highest number that is said, and the highest amount."""

_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@unique
class Saying(StrEnum):
    """How a value is said."""

    DIGITS = "digits"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    TIME = "time"
    SPELLED = "spelled"
    PHONETIC = "phonetic"


class UnsayableError(ValueError):
    """The value cannot be said in that way; the text says what would be right."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount. `minor` is hundredths of `major`, 0 where the currency has none in use."""

    negative: bool
    major: int
    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Date:
    """A day of the Gregorian calendar. `month` and `day` from 1."""

    year: int
    month: int
    day: int

    @property
    def weekday(self) -> int:
        """0 is Sunday, as in the names of Asterisk's sounds. By Sakamoto's method."""
        year = self.year - (self.month < 3)
        shift = (0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4)[self.month - 1]
        return (year + year // 4 - year // 100 + year // 400 + shift + self.day) % 7


def whole(value: str, what: str = "a number") -> int:
    """A whole number: "-12", "007", "+5"."""
    match = re.fullmatch(r"([+-]?)0*([0-9]{1,9})", _short(value, what))
    if match is None:
        raise UnsayableError(f"{shown(value)} is not {what}: digits with - or nothing before them, up to {MOST:,}")
    return -int(match[2]) if match[1] == "-" else int(match[2])


def money(value: str, currency: str, places: dict[str, int]) -> Money:
    """An amount with its currency before or behind it, or without one, which then is `currency`. `places`: how many
    digits each known currency has behind the point."""
    pattern = r"(?:([A-Z]{3}) ?)?([+-]?)0*([0-9]{1,9})(?:\.([0-9]+))?(?: ?([A-Z]{3}))?"
    match = re.fullmatch(pattern, _short(value, "an amount"))
    if match is None or (match[1] and match[5]):
        raise UnsayableError(f'{shown(value)} is not an amount: write it like "12.50 EUR", up to {MOST:,}')
    code = match[1] or match[5] or currency
    if not code:
        raise UnsayableError(f'{shown(value)} has no currency: write it like "12.50 EUR"')
    if code not in places:
        raise UnsayableError(f"no words for the currency {shown(code)}: one of {', '.join(sorted(places))}")
    cents = (match[4] or "").rstrip("0")
    if len(cents) > places[code]:
        most = f"{places[code]} digits" if places[code] else "no digits but 0"
        raise UnsayableError(f"{shown(value)} has too many digits behind the point: {code} has {most}")
    major, minor = int(match[3]), int(cents.ljust(2, "0"))
    return Money(match[2] == "-" and (major, minor) != (0, 0), major, minor, code)


def date(value: str) -> Date:
    """An ISO date, or the date of an ISO date-time: "2026-11-28", "2026-11-28T14:30:00Z"."""
    match = re.fullmatch(rf"([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}})(?:[T ]{_TIME})?", _short(value, "a date"))
    if match is None:
        raise UnsayableError(f'{shown(value)} is not a date: write it like "2026-11-28"')
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if not (year and 1 <= month <= 12 and 1 <= day <= _length(year, month)):
        raise UnsayableError(f"{shown(value)} is no day of the calendar")
    if match[4] is not None:
        _in_day(value, int(match[4]), int(match[5]), int(match[6] or 0))
    return Date(year, month, day)


def time(value: str) -> tuple[int, int]:
    """The hour and minute of an ISO time or date-time: "14:30", "14:30:59", "2026-11-28T14:30Z". The zone, if it has
    one, is not looked at: what is written is said."""
    match = re.fullmatch(rf"(?:[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ])?{_TIME}", _short(value, "a time of day"))
    if match is None:
        raise UnsayableError(f'{shown(value)} is not a time of day: write it like "14:30"')
    if "-" in value[:8]:
        date(value)
    hour, minute = int(match[1]), int(match[2])
    _in_day(value, hour, minute, int(match[3] or 0))
    return hour, minute


_TIME = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"


def _in_day(value: str, hour: int, minute: int, second: int) -> None:
    if hour > 23 or minute > 59 or second > 60:
        raise UnsayableError(f"{shown(value)} is no time of the day: from 00:00 to 23:59")


def _length(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _MONTHS[month - 1] + (month == 2 and leap)


def keys(value: str) -> str:
    """Digits and the telephone's other keys, one by one: "0123", "+49 30-1234". Spaces and dashes are not said."""
    found = _short(value, "digits").replace(" ", "").replace("-", "")
    if re.fullmatch(r"\+?[0-9*#]+", found) is None:
        raise UnsayableError(f"{shown(value)} is not digits: 0 to 9, * and #, with + or nothing before them")
    return found


def letters(value: str) -> str:
    """Text to be spelled, in lower case."""
    return _short(value, "text").lower()


def _short(value: str, what: str) -> str:
    found = value.strip(" ")
    if not found:
        raise UnsayableError(f"there is nothing to say: {what} is empty")
    if len(found) > LONGEST:
        raise UnsayableError(f"{shown(value)} is too long: {what} of up to {LONGEST} characters can be said")
    return found


def shown(value: str) -> str:
    """The value for a message: quoted, and cut where it is long."""
    return repr(value if len(value) <= 30 else value[:29] + "…")
