"""Values in text, and how values stand to what they are compared with. Whatever a caller or a server gave: nothing here
raises, and nothing in a value is ever read as a name, a pattern or a number's form of its own.

A template is text with values in it: `{order}`. `{{` and `}}` are a brace each; a brace that belongs to no name is
itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import assert_never

from callctl.core.flows import Compares, Relation

NAME = r"[A-Za-z_][A-Za-z0-9_]{0,39}"
"""What a value may be called."""
BUILT_IN = ("caller", "called", "language", "name")
"""Values that every caller has: the number, empty if withheld; the number that was called; the language; the name."""
MOST_DIGITS = 32
"""That one input may have."""

_PARTS = re.compile(rf"\{{\{{|\}}\}}|\{{({NAME})\}}")
_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_CLASSES = {"X": "0123456789", "Z": "123456789", "N": "23456789"}
_KEYS = "0123456789*#"
_REST = ".!"


# ── values in text ───────────────────────────────────────────────────────────────────────────


def fill(template: str, values: Mapping[str, str], written: Callable[[str], str] = str) -> str:
    """The text with the values in it, each as `written` writes it; a value that is missing is empty."""

    def part(found: re.Match[str]) -> str:
        name = found[1]
        return found[0][0] if name is None else written(values.get(name, ""))

    return _PARTS.sub(part, template)


def names_in(template: str) -> tuple[str, ...]:
    """The values that it names, in order."""
    return tuple(found[1] for found in _PARTS.finditer(template) if found[1] is not None)


def stray_brace(template: str) -> int:
    """Where an opening brace stands that begins no name; -1: nowhere."""
    return _PARTS.sub(lambda found: " " * len(found[0]), template).find("{")


# ── digits ───────────────────────────────────────────────────────────────────────────────────


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of ISO/IEC 7812-1."""
    if not (digits.isascii() and digits.isdigit()):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def fits(pattern: str, digits: str) -> bool:
    """Whether all of the digits fit, as Asterisk's dialplan would have it: X is 0-9, Z 1-9, N 2-9, [15-7] one of 1, 5,
    6 and 7; at the end `.` is one key or more, `!` any number of them. A pattern that is none fits nothing."""
    places = _places(pattern)
    if places is None:
        return False
    rest = places[-1] if places and places[-1] in _REST else ""
    fixed = places[: len(places) - len(rest)]
    if len(digits) < len(fixed) + (rest == ".") or (not rest and len(digits) > len(fixed)):
        return False
    return all(digit in place for digit, place in zip(digits, fixed, strict=False))


def is_pattern(pattern: str) -> bool:
    return bool(pattern) and _places(pattern) is not None


def lengths(pattern: str) -> tuple[int, int | None]:
    """How many digits fit at least, and at the most (None: any number); of what is a pattern."""
    places = _places(pattern) or []
    rest = places[-1] if places and places[-1] in _REST else ""
    fixed = len(places) - len(rest)
    return fixed + (rest == "."), None if rest else fixed


def _places(pattern: str) -> list[str] | None:
    """The keys that each place may have; None: it is no pattern."""
    places: list[str] = []
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        if letter in _REST:
            return [*places, letter] if at == len(pattern) - 1 else None
        if letter == "[":
            end = pattern.find("]", at)
            keys = _one_of(pattern[at + 1 : end]) if end > 0 else ""
            if not keys:
                return None
            places.append(keys)
            at = end + 1
            continue
        keys = _CLASSES.get(letter.upper(), letter)
        if not set(keys) <= set(_KEYS):
            return None
        places.append(keys)
        at += 1
    return places


def _one_of(text: str) -> str:
    """`15-7` → `1567`; empty: nothing, or not so written."""
    if not re.fullmatch(r"(?:[0-9]-[0-9]|[0-9*#])+", text):
        return ""
    keys = ""
    for found in re.finditer(r"([0-9])-([0-9])|[0-9*#]", text):
        if found[1] is not None and found[1] > found[2]:
            return ""
        keys += found[0] if found[1] is None else _KEYS[int(found[1]) : int(found[2]) + 1]
    return keys


# ── comparing ────────────────────────────────────────────────────────────────────────────────


def compares(relation: Relation, value: str, to: tuple[str, ...]) -> bool:
    """Whether the value stands so to any of these. Nothing begins with nothing; above and below are of numbers."""
    match relation:
        case Relation.IS:
            return value in to
        case Relation.BEGINS:
            return any(it and value.startswith(it) for it in to)
        case Relation.FITS:
            return any(fits(it, value) for it in to)
        case Relation.ABOVE:
            return any(_order(value, it) == 1 for it in to)
        case Relation.BELOW:
            return any(_order(value, it) == -1 for it in to)
        case _:
            assert_never(relation)


def holds(test: Compares, values: Mapping[str, str]) -> bool:
    """The test, with the values in both of its sides. A pattern has none."""
    to = test.to if test.relation is Relation.FITS else tuple(fill(it, values) for it in test.to)
    return compares(test.relation, fill(test.what, values), to)


def _order(value: str, to: str) -> int | None:
    """1: the number is greater than the other; None: one of them is none."""
    if not (_NUMBER.fullmatch(value) and _NUMBER.fullmatch(to)):
        return None
    one, other = Decimal(value), Decimal(to)
    return (one > other) - (one < other)
