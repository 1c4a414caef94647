"""Says a value in a language, as media for Asterisk; and which sounds a language needs on the disk for that.

A voice records words, not sentences: what is said is a row of sounds, in the order that the language's grammar gives.
Asterisk finds each one in the folder of the language that the playback (ARI's `lang`) or the channel has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import assert_never

from callctl.core.spoken import values
from callctl.core.spoken.english import BRITISH, ENGLISH
from callctl.core.spoken.french import FRENCH
from callctl.core.spoken.german import GERMAN
from callctl.core.spoken.grammar import CURRENCIES, MINUS, PHONETIC, Form, Grammar, Sounds
from callctl.core.spoken.italian import ITALIAN
from callctl.core.spoken.spanish import SPANISH
from callctl.core.spoken.values import Date, Money, Saying, UnsayableError, shown

GRAMMARS = {it.language: it for it in (ENGLISH, BRITISH, FRENCH, SPANISH, ITALIAN, GERMAN)}
_PLACES = {code: places for code, (_, places) in CURRENCIES.items()}


class NoGrammarError(ValueError):
    """callctl has no grammar for that language; the text says which it has."""


def grammar_of(language: str) -> Grammar:
    """A language's grammar, or that of the language without its region ("fr" for "fr_CA"), as Asterisk looks for
    sounds. NoGrammarError when there is neither."""
    found = GRAMMARS.get(language) or GRAMMARS.get(language.partition("_")[0])
    if found is None:
        raise NoGrammarError(f"no grammar for {shown(language)}: values can be said in {', '.join(sorted(GRAMMARS))}")
    return found


def say(kind: Saying, value: str, language: str, *, currency: str = "", clock: int = 0) -> tuple[str, ...]:
    """A value as media, in order: "sound:digits/20".

    `currency` (ISO 4217) is that of an amount which names none. `clock`: 12 or 24 hours; 0: as is usual in the
    language. UnsayableError for a value that cannot be said, NoGrammarError as `grammar_of`.
    """
    return tuple(f"sound:{sound}" for sound in _sounds(kind, value, grammar_of(language), currency, clock))


def _sounds(kind: Saying, value: str, grammar: Grammar, currency: str, clock: int) -> Sounds:
    match kind:
        case Saying.DIGITS:
            return tuple(grammar.characters[key][0] for key in values.keys(value))
        case Saying.NUMBER:
            return _number(values.whole(value), grammar)
        case Saying.MONEY:
            return _money(values.money(value, currency, _PLACES), grammar)
        case Saying.DATE:
            return grammar.date(values.date(value))
        case Saying.TIME:
            return grammar.time(*values.time(value), _clock(clock, grammar))
        case Saying.SPELLED:
            return _spelled(values.letters(value), grammar)
        case Saying.PHONETIC:
            return tuple(map(_phonetic, _spelled(values.letters(value), grammar)))
        case _:
            assert_never(kind)


def _number(n: int, grammar: Grammar) -> Sounds:
    return (*((MINUS,) if n < 0 else ()), *grammar.number(abs(n), Form.COUNTING))


def _money(amount: Money, grammar: Grammar) -> Sounds:
    unit = grammar.units[CURRENCIES[amount.currency][0]]
    sign = (MINUS,) if amount.negative else ()
    minor = unit.minor.counted(amount.minor, grammar.number) if unit.minor and amount.minor else ()
    if minor and not amount.major:
        return (*sign, *minor)
    major = unit.major.counted(amount.major, grammar.number)
    return (*sign, *major, *((*grammar.and_minor, *minor) if minor else ()))


def _clock(clock: int, grammar: Grammar) -> int:
    if clock and clock not in grammar.clocks:
        usual = " or ".join(map(str, grammar.clocks))
        raise UnsayableError(f"no clock of {clock} hours in {shown(grammar.language)}: {usual}")
    return clock or grammar.clocks[0]


def _spelled(text: str, grammar: Grammar) -> Sounds:
    unknown = next((it for it in text if it not in grammar.characters), None)
    if unknown is not None:
        raise UnsayableError(
            f"{shown(unknown)} cannot be spelled in {shown(grammar.language)}: letters, digits and the signs "
            f"of an address can be"
        )
    return tuple(sound for it in text for sound in grammar.characters[it])


def _phonetic(sound: str) -> str:
    """ "alpha" for "a"; what has no such name as it is."""
    return PHONETIC.get("z" if sound == "letters/zed" else sound.removeprefix("letters/"), sound)


def currencies(language: str) -> frozenset[str]:
    """ISO 4217's codes of the currencies that can be said."""
    units = grammar_of(language).units
    return frozenset(code for code, (unit, _) in CURRENCIES.items() if unit in units)


def text_of(sound: str, language: str) -> str:
    """What a sound says in the language: the text to record. `sound` is one of `needed`; KeyError for others."""
    return grammar_of(language).texts[sound]


def needed(
    language: str, kinds: Collection[Saying] = tuple(Saying), currency: Collection[str] | None = None
) -> frozenset[str]:
    """The sounds, without "sound:", that any value of these kinds can come to; of amounts only in these currencies,
    if some are given. KeyError for a currency that `currencies` has not."""
    grammar = grammar_of(language)
    codes = currencies(language) if currency is None else currency
    units = frozenset(CURRENCIES[code][0] for code in codes)
    found: set[str] = set()
    for kind in kinds:
        found |= _needed(grammar.language, kind, units if kind is Saying.MONEY else frozenset())
    return frozenset(found)


@lru_cache(maxsize=256)
def _needed(language: str, kind: Saying, units: frozenset[str]) -> frozenset[str]:
    """Found by saying enough values."""
    return frozenset(sound for sounds in _all(GRAMMARS[language], kind, units) for sound in sounds)


def _all(grammar: Grammar, kind: Saying, units: frozenset[str]) -> Iterator[Sounds]:
    match kind:
        case Saying.DIGITS:
            yield from (grammar.characters[key][:1] for key in "0123456789*#+")
        case Saying.NUMBER:
            yield (MINUS,)
            yield from (grammar.number(n, Form.COUNTING) for n in _numbers())
        case Saying.MONEY:
            yield (MINUS, *grammar.and_minor)
            for unit in map(grammar.units.__getitem__, units):
                yield from (unit.major.counted(n, grammar.number) for n in _numbers())
                if unit.minor:
                    yield from (unit.minor.counted(n, grammar.number) for n in range(1, 100))
        case Saying.DATE:
            yield from (grammar.date(Date(year, 1, 1)) for year in range(1, 10_000))
            yield from (grammar.date(Date(2024, month, day)) for month in range(1, 13) for day in range(1, 32))
        case Saying.TIME:
            for clock in grammar.clocks:
                yield from (grammar.time(n // 60, n % 60, clock) for n in range(1440))
        case Saying.SPELLED:
            yield from grammar.characters.values()
        case Saying.PHONETIC:
            yield from (tuple(map(_phonetic, sounds)) for sounds in grammar.characters.values())
        case _:
            assert_never(kind)


def _numbers() -> Iterable[int]:
    """Each group of three digits, and what may stand between two groups."""
    return (n * size + rest for size in (1, 1000, 1_000_000) for n in range(1000) for rest in {0, size // 1000})
