"""Text with values in it, and what values are held against. Nothing of it is ever interpreted as anything but text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from callctl.core.flows import Relation

_BRACES = re.compile(r"\{\{|\}\}|\{([a-z_][a-z0-9_]*)\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """The text with its values; one that is not known is empty. Two braces stand for one."""
    return _BRACES.sub(lambda m: values.get(m[1], "") if m[1] else m[0][0], template)


def names_in(template: str) -> tuple[str, ...]:
    """The values that a text names, in order."""
    return tuple(m[1] for m in _BRACES.finditer(template) if m[1])


def luhn(digits: str) -> bool:
    """Whether the last digit is right by ISO/IEC 7812-1, annex B."""
    doubled = [int(d) * (2 if at % 2 else 1) for at, d in enumerate(reversed(digits))]
    return bool(digits) and sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def fits(pattern: str, digits: str) -> bool:
    """Whether the digits fit a pattern as Asterisk writes it, from their first to their last."""
    classes = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": ".+", "!": ".*"}
    inside, made = False, ""
    for letter in pattern:
        inside = letter == "[" or (inside and letter != "]")
        made += letter if inside or letter == "]" else classes.get(letter.upper(), re.escape(letter))
    return re.fullmatch(made, digits) is not None


def compares(relation: Relation, value: str, to: tuple[str, ...]) -> bool:
    """Whether the value stands so to any of these."""
    match relation:
        case Relation.IS:
            return value in to
        case Relation.BEGINS:
            return value.startswith(to)
        case Relation.FITS:
            return any(fits(pattern, value) for pattern in to)
        case Relation.ABOVE | Relation.BELOW:
            try:
                number, bounds = float(value), [float(it) for it in to]
            except ValueError:
                return False
            above = relation is Relation.ABOVE
            return any(number > bound if above else number < bound for bound in bounds)
