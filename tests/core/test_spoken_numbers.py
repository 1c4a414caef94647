"""Cardinals in each language, against num2words, a library for that; where the two write a word differently, both are
brought to one spelling."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from num2words import num2words

from callctl.core.spoken import Saying, grammar_of, say, text_of
from callctl.core.spoken.grammar import Form

pytestmark = pytest.mark.core

LANGUAGES = ("de", "en", "en_GB", "es", "fr", "it")


def said(n: int, language: str) -> str:
    return " ".join(text_of(it.removeprefix("sound:"), language) for it in say(Saying.NUMBER, str(n), language))


def plain(text: str) -> str:
    """Without accents, spaces, hyphens and capitals: recordings have none. Nor the vowel that Italians drop."""
    letters = (it for it in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(it))
    return re.sub(r"[ ,-]", "", "".join(letters)).replace("oo", "o")


def written(n: int, language: str) -> str:
    """What num2words says. Where it is wrong by the language's own rules, its answer is put right."""
    text = str(num2words(n, lang="en" if language == "en_GB" else language))
    match language:
        case "en":
            text = text.replace(" and ", " ")
        case "fr":  # the plural's s is silent
            text = re.sub(r"\b(vingt|cent|million)s\b", r"\1", text)
        case "de":  # Duden: hunderteintausend, hunderteine Millionen
            text = text.replace("einstausend", "eintausend").replace("eins Millionen", "eine Millionen")
        case "es":  # RAE: veintiún mil, treinta y un millones
            text = re.sub(r"uno( mil\b| millones)", r"un\1", text)
        case "it":
            text = text.replace("dicotto", "diciotto")
    return plain(text)


SPREAD = sorted({n * size + rest for size in (1, 1000, 1_000_000) for n in range(1000) for rest in (0, 1, 21)})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_group_of_three_digits(language: str) -> None:
    both = ((n, plain(said(n, language)), written(n, language)) for n in SPREAD)
    wrong = [it for it in both if it[1] != it[2]]
    assert not wrong, wrong[:10]


@pytest.mark.parametrize("language", LANGUAGES)
@given(n=st.integers(0, 999_999_999))
@example(n=100_100_100)
@example(n=80_080_080)
@example(n=1_001_001)
def test_any_number(language: str, n: int) -> None:
    assert plain(said(n, language)) == written(n, language)


@pytest.mark.parametrize("language", LANGUAGES)
@given(n=st.integers(1, 999_999_999))
def test_a_negative_number_is_minus_and_the_number(language: str, n: int) -> None:
    assert say(Saying.NUMBER, f"-{n}", language) == ("sound:digits/minus", *say(Saying.NUMBER, str(n), language))
    assert say(Saying.NUMBER, f"+00{n}"[:11], language)


def words(n: int, language: str, form: Form) -> str:
    return " ".join(text_of(it, language) for it in grammar_of(language).number(n, form))


@pytest.mark.parametrize(
    ("language", "n", "counting", "masculine", "feminine"),
    [
        ("es", 1, "uno", "un", "una"),
        ("es", 21, "veintiuno", "veinti un", "veinti una"),
        ("es", 31, "treinta y uno", "treinta y un", "treinta y una"),
        ("es", 101, "ciento uno", "ciento un", "ciento una"),
        ("es", 500, "quinientos", "quinientos", "quinientas"),
        ("es", 21_000, "veinti un mil", "veinti un mil", "veinti un mil"),
        ("es", 200_300, "doscientos mil trescientos", "doscientos mil trescientos", "doscientas mil trescientas"),
        ("es", 2_000_001, "dos millones uno", "dos millones un", "dos millones una"),
        ("fr", 1, "un", "un", "une"),
        ("fr", 11, "onze", "onze", "onze"),
        ("fr", 21, "vingt et un", "vingt et un", "vingt et une"),
        ("fr", 71, "soixante et onze", "soixante et onze", "soixante et onze"),
        ("fr", 81, "quatre-vingt un", "quatre-vingt un", "quatre-vingt une"),
        ("fr", 91, "quatre-vingt onze", "quatre-vingt onze", "quatre-vingt onze"),
        ("fr", 21_001, "vingt et un mille un", "vingt et un mille un", "vingt et un mille une"),
        ("it", 1, "uno", "un", "una"),
        ("it", 21, "ventuno", "ventuno", "ventuno"),
        ("de", 1, "eins", "ein", "eine"),
        ("de", 101, "ein hundert eins", "ein hundert ein", "ein hundert eine"),
        ("de", 21_000_000, "einund zwanzig Millionen", "einund zwanzig Millionen", "einund zwanzig Millionen"),
    ],
)
def test_what_a_number_stands_before(language: str, n: int, counting: str, masculine: str, feminine: str) -> None:
    forms = (Form.COUNTING, Form.MASCULINE, Form.FEMININE)
    assert tuple(words(n, language, form) for form in forms) == (counting, masculine, feminine)
