"""What one language knows, and what most of them have in common.

A sound is the name of a file below the language's folder, as Asterisk looks for it, without extension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto, unique
from typing import TypeAlias

from callctl.core.spoken.values import Date

Sounds: TypeAlias = tuple[str, ...]


@unique
class Form(Enum):
    """What a number stands before: it changes how "one" is said, and more in some languages."""

    COUNTING = auto()
    """Nothing: "uno", "eins"."""
    MASCULINE = auto()
    """A noun: "un euro", "ein Euro". Neuters too."""
    FEMININE = auto()


Number: TypeAlias = Callable[[int, Form], Sounds]
"""The cardinal of 0 to `values.MOST`."""


@dataclass(frozen=True, slots=True)
class Noun:
    """A unit of money, or its hundredth."""

    one: str
    many: str
    form: Form = Form.MASCULINE
    after_million: Sounds = ()
    """Instead of `many`, behind a round million: "deux millions d'euros"."""

    def counted(self, count: int, number: Number) -> Sounds:
        """So many of it."""
        if count >= 1_000_000 and count % 1_000_000 == 0 and self.after_million:
            return (*number(count, self.form), *self.after_million)
        return (*number(count, self.form), self.one if count == 1 else self.many)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of money: euro and cent."""

    major: Noun
    minor: Noun | None
    """None: it has no hundredths."""


@dataclass(frozen=True)
class Grammar:
    """Of one language."""

    language: str
    number: Number
    date: Callable[[Date], Sounds]
    time: Callable[[int, int, int], Sounds]
    """Hour, minute, and the clock: 12 or 24 hours."""
    clocks: tuple[int, ...]
    """The clocks that people tell the time by, the usual one first."""
    units: Mapping[str, Unit]
    """By the names in CURRENCIES."""
    and_minor: Sounds
    """Between euros and cents."""
    characters: Mapping[str, Sounds]
    """How letters and signs are spelled; lower case."""
    texts: Mapping[str, str]
    """Of every sound that the language can use: what it says, to be recorded."""


CURRENCIES: Mapping[str, tuple[str, int]] = {
    "ARS": ("peso", 2), "AUD": ("dollar", 2), "CAD": ("dollar", 2), "CHF": ("franc", 2), "CLP": ("peso", 0),
    "COP": ("peso", 2), "EUR": ("euro", 2), "GBP": ("pound", 2), "JPY": ("yen", 0), "MXN": ("peso", 2),
    "NZD": ("dollar", 2), "USD": ("dollar", 2),
}  # fmt: skip
"""By ISO 4217's code: the unit, and how many digits are behind the point (ISO 4217's minor unit)."""

MINUS = "digits/minus"

SIGNS: Mapping[str, str] = {
    " ": "letters/space", "!": "letters/exclaimation-point", "#": "digits/pound", "$": "letters/dollar",
    "*": "digits/star", "+": "letters/plus", "-": "letters/dash", ".": "letters/dot", "/": "letters/slash",
    "=": "letters/equals", "@": "letters/at", **{sign: f"letters/ascii{ord(sign)}" for sign in "\"%&'(),:;<>?_"},
}  # fmt: skip
"""The names of Asterisk's sounds for signs, its own spelling of "exclamation" too."""
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
PHONETIC: Mapping[str, str] = {letter: f"phonetic/{letter}_p" for letter in ALPHABET}


def digit(n: int) -> str:
    """A sound by number: 0 to 20, 30 … 90 in all languages."""
    return f"digits/{n}"


def month(date: Date) -> str:
    return f"digits/mon-{date.month - 1}"


def weekday(date: Date) -> str:
    return f"digits/day-{date.weekday}"


def spelling(letters: Mapping[str, Sounds] | None = None) -> dict[str, Sounds]:
    """The alphabet, digits and signs, and a language's own letters."""
    common = {letter: (f"letters/{letter}",) for letter in ALPHABET}
    common |= {str(n): (digit(n),) for n in range(10)}
    return common | {sign: (sound,) for sign, sound in SIGNS.items()} | dict(letters or {})


def numbered(prefix: str, words: str, numbers: Iterable[int | str] | None = None) -> dict[str, str]:
    """Texts for sounds with numbers in their names, in order. A _ in a word is a space."""
    found = words.split()
    return {f"{prefix}{n}": word.replace("_", " ") for n, word in zip(numbers or range(len(found)), found, strict=True)}


TENS = (*range(21), *range(30, 91, 10))
"""0 to 20, and the tens."""


def alphabet(words: str = " ".join(ALPHABET)) -> dict[str, str]:
    return {f"letters/{letter}": word for letter, word in zip(ALPHABET, words.split(), strict=True)}


def phonetic(words: str) -> dict[str, str]:
    return {PHONETIC[letter]: word.replace("_", " ") for letter, word in zip(ALPHABET, words.split(), strict=True)}


def signs(words: str) -> dict[str, str]:
    """In the order of SIGNS."""
    return {sound: word.replace("_", " ") for sound, word in zip(SIGNS.values(), words.split(), strict=True)}
