"""How values are said, in every language; and that no text whatever is more than the package can bear."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callctl.core.spoken import (
    NoGrammarError,
    Saying,
    UnsayableError,
    currencies,
    grammar_of,
    needed,
    say,
    text_of,
)
from callctl.core.spoken.values import Date

pytestmark = pytest.mark.core

LANGUAGES = ("de", "en", "en_GB", "es", "fr", "it")


def words(kind: Saying, value: str, language: str, currency: str = "", clock: int = 0) -> str:
    media = say(kind, value, language, currency=currency, clock=clock)
    return " ".join(text_of(it.removeprefix("sound:"), language) for it in media)


def test_media_are_sounds_of_asterisk() -> None:
    assert say(Saying.NUMBER, "-21", "en") == ("sound:digits/minus", "sound:digits/20", "sound:digits/1")
    assert say(Saying.DATE, "2026-11-28", "fr_CA") == (
        "sound:digits/day-6", "sound:digits/20", "sound:digits/8", "sound:digits/mon-10",
        "sound:digits/2", "sound:digits/thousand", "sound:digits/20", "sound:digits/6",
    )  # fmt: skip


DATES = {
    "en": {
        "2026-11-28": "Saturday November twenty eighth twenty twenty six",
        "2005-01-01": "Saturday January first two thousand five",
        "1999-12-31": "Friday December thirty first nineteen ninety nine",
        "1905-02-20": "Monday February twentieth nineteen oh five",
        "1900-03-30": "Friday March thirtieth nineteen hundred",
        "2000-02-29": "Tuesday February twenty ninth two thousand",
        "2110-07-03": "Thursday July third twenty one ten",
        "2026-11-28T23:59:59+01:00": "Saturday November twenty eighth twenty twenty six",
    },
    "en_GB": {
        "2026-11-28": "Saturday twenty eighth November twenty twenty six",
        "2005-01-01": "Saturday first January two thousand and five",
        "1066-10-14": "Sunday fourteenth October one thousand and sixty six",
    },
    "fr": {
        "2026-11-28": "samedi vingt huit novembre deux mille vingt six",
        "2026-08-01": "samedi premier août deux mille vingt six",
        "1971-05-21": "vendredi vingt et un mai mille neuf cent soixante et onze",
        "1980-12-31": "mercredi trente et un décembre mille neuf cent quatre-vingt",
    },
    "es": {
        "2026-11-28": "sábado veintiocho de noviembre de dos mil veintiséis",
        "2026-08-01": "sábado primero de agosto de dos mil veintiséis",
        "1931-01-31": "sábado treinta y uno de enero de mil novecientos treinta y uno",
    },
    "it": {
        "2026-11-28": "sabato ventotto novembre due mila venti sei",
        "2026-08-01": "sabato primo agosto due mila venti sei",
        "1988-05-08": "domenica otto maggio mille nove cento ottantotto",
    },
    "de": {
        "2026-11-28": "Samstag achtund zwanzigster November zwei tausend sechsund zwanzig",
        "2026-08-01": "Samstag erster August zwei tausend sechsund zwanzig",
        "2023-10-03": "Dienstag dritter Oktober zwei tausend dreiund zwanzig",
        "1989-12-31": "Sonntag einund dreißigster Dezember neunzehn hundert neunund achtzig",
        "1900-12-30": "Sonntag dreißigster Dezember neunzehn hundert",
    },
}


@pytest.mark.parametrize(("language", "value"), [(it, value) for it, values in DATES.items() for value in values])
def test_dates(language: str, value: str) -> None:
    assert words(Saying.DATE, value, language) == DATES[language][value]


TIMES = {
    "en": {
        "14:30": "two thirty P.M.", "14:00": "two P.M.", "00:00": "twelve A.M.", "12:05": "twelve oh five P.M.",
        "09:21:59": "nine twenty one A.M.", "2026-11-28T23:59Z": "eleven fifty nine P.M.",
    },
    "en_GB": {"14:30": "two thirty P.M.", "00:01": "twelve oh one A.M."},
    "fr": {
        "14:30": "quatorze heure trente", "01:00": "une heure", "21:21": "vingt et une heure vingt et une",
        "00:05": "zéro heure cinq", "11:11": "onze heure onze",
    },
    "es": {
        "14:30": "catorce y treinta", "14:00": "catorce horas", "01:00": "una en punto", "01:01": "una y uno",
        "21:31": "veinti una y treinta y uno", "00:00": "cero horas",
    },
    "it": {
        "14:30": "ore quattordici e trenta", "01:05": "una e cinque", "01:00": "una in punto",
        "00:00": "mezzanotte", "00:28": "mezzanotte e ventotto", "21:00": "ore ventuno",
    },
    "de": {
        "14:30": "vierzehn Uhr dreißig", "01:01": "ein Uhr eins", "21:00": "einund zwanzig Uhr",
        "00:31": "null Uhr einund dreißig",
    },
}  # fmt: skip


@pytest.mark.parametrize(("language", "value"), [(it, value) for it, values in TIMES.items() for value in values])
def test_times(language: str, value: str) -> None:
    assert words(Saying.TIME, value, language) == TIMES[language][value]


def test_english_by_either_clock() -> None:
    said = {value: words(Saying.TIME, value, "en_GB", clock=24) for value in ("14:30", "14:00", "09:05", "00:30")}
    assert list(said.values()) == ["fourteen thirty", "fourteen hundred", "oh nine oh five", "zero thirty"]
    with pytest.raises(UnsayableError, match="no clock of 12 hours in 'fr': 24"):
        say(Saying.TIME, "14:30", "fr", clock=12)


MONEY = {
    "en": {
        "12.50 EUR": "twelve euros and fifty cents", "EUR 1.01": "one euro and one cent", "1 USD": "one dollar",
        "-0.50 USD": "minus fifty cents", "0 EUR": "zero euros", "-0.00 EUR": "zero euros", "2.01GBP":
        "two pounds and one penny", "2.5 GBP": "two pounds and fifty pence", "1500 JPY":
        "one thousand five hundred yen", "1500.00 JPY": "one thousand five hundred yen",
    },
    "en_GB": {"110.10 GBP": "one hundred and ten pounds and ten pence"},
    "fr": {
        "12.50 EUR": "douze euro cinquante centime", "1 EUR": "un euro", "21 GBP": "vingt et une livre",
        "81.01 EUR": "quatre-vingt un euro un centime", "2000000 EUR": "deux million d'euros",
        "1000000 USD": "un million de dollars", "2000001 EUR": "deux million un euro", "0.99 CAD":
        "quatre-vingt dix-neuf cents",
    },
    "es": {
        "12.50 EUR": "doce euros y cincuenta céntimos", "1.01 EUR": "un euro y un céntimo", "21 MXN":
        "veinti un pesos", "21 GBP": "veinti una libras", "201.01 GBP": "doscientas una libras y un penique",
        "1000000 USD": "un millón de dólares", "100 USD": "cien dólares", "1 USD": "un dólar",
    },
    "it": {
        "12.50 EUR": "dodici euro e cinquanta centesimi", "1.01 EUR": "un euro e un centesimo", "1 GBP":
        "una sterlina", "1000000 EUR": "un milione di euro", "21 EUR": "ventuno euro", "1 JPY": "uno yen",
    },
    "de": {
        "12.50 EUR": "zwölf Euro fünfzig Cent", "1.01 EUR": "ein Euro ein Cent", "1000000 EUR": "eine Million Euro",
        "101 EUR": "ein hundert ein Euro", "0.05 CHF": "fünf Rappen", "3 MXN": "drei Pesos",
    },
}  # fmt: skip


@pytest.mark.parametrize(("language", "value"), [(it, value) for it, values in MONEY.items() for value in values])
def test_money(language: str, value: str) -> None:
    assert words(Saying.MONEY, value, language) == MONEY[language][value]


def test_a_currency_by_argument_is_for_amounts_without_one() -> None:
    assert words(Saying.MONEY, "12.50", "en", "EUR") == "twelve euros and fifty cents"
    assert words(Saying.MONEY, "12.50 USD", "en", "EUR") == "twelve dollars and fifty cents"
    assert "EUR" in currencies("de")


def test_digits_and_letters() -> None:
    assert words(Saying.DIGITS, "0123", "en") == "zero one two three"
    assert words(Saying.DIGITS, "+49 30-12*#", "de") == "plus vier neun drei null eins zwei Stern Raute"
    assert words(Saying.SPELLED, "Zoë_7@x.fr", "fr") == "z o e tréma tiret bas sept arobase x point f r"
    assert words(Saying.SPELLED, "Größe", "de") == "g r ö Eszett e"
    assert words(Saying.SPELLED, "Peña é", "es") == "p e eñe a espacio e con acento"
    assert words(Saying.SPELLED, "Città", "it") == "c i t t a con l'accento grave"
    assert words(Saying.SPELLED, "Zoë", "en_GB") == "zed o e"
    assert words(Saying.PHONETIC, "Zoë-7", "en_GB") == "zulu oscar echo dash seven"
    assert words(Saying.PHONETIC, "é", "fr") == "echo accent aigu"


WRONG = [
    (Saying.DIGITS, "12a", "is not digits: 0 to 9, * and #"),
    (Saying.DIGITS, " ", "there is nothing to say"),
    (Saying.DIGITS, "1" * 61, "of up to 60 characters"),
    (Saying.DIGITS, "١٢", "is not digits"),
    (Saying.NUMBER, "12.5", "'12.5' is not a number: digits with - or nothing before them, up to 999,999,999"),
    (Saying.NUMBER, "1000000000", "is not a number"),
    (Saying.NUMBER, "1,000", "is not a number"),
    (Saying.NUMBER, "²", "is not a number"),
    (Saying.NUMBER, "", "there is nothing to say: a number is empty"),
    (Saying.MONEY, "12.50", "'12.50' has no currency: write it like \"12.50 EUR\""),
    (Saying.MONEY, "12,50 EUR", "is not an amount"),
    (Saying.MONEY, "EUR 1 EUR", "is not an amount"),
    (Saying.MONEY, "12.505 EUR", "has too many digits behind the point: EUR has 2 digits"),
    (Saying.MONEY, "12.50 JPY", "JPY has no digits but 0"),
    (Saying.MONEY, "1 XTS", "no words for the currency 'XTS': one of ARS, AUD"),
    (Saying.DATE, "28.11.2026", 'is not a date: write it like "2026-11-28"'),
    (Saying.DATE, "2026-02-29", "'2026-02-29' is no day of the calendar"),
    (Saying.DATE, "0000-01-01", "is no day of the calendar"),
    (Saying.DATE, "2026-11-28T24:00", "is no time of the day"),
    (Saying.TIME, "24:00", "is no time of the day: from 00:00 to 23:59"),
    (Saying.TIME, "2:30", 'is not a time of day: write it like "14:30"'),
    (Saying.TIME, "2026-02-30T10:00", "is no day of the calendar"),
    (Saying.SPELLED, "Ж", "'ж' cannot be spelled in 'en'"),
    (Saying.SPELLED, "a\nb", "cannot be spelled"),
    (Saying.PHONETIC, "日", "cannot be spelled"),
]


@pytest.mark.parametrize(("kind", "value", "why"), WRONG)
def test_what_cannot_be_said(kind: Saying, value: str, why: str) -> None:
    with pytest.raises(UnsayableError) as caught:
        say(kind, value, "en")
    assert why in str(caught.value)


@pytest.mark.parametrize("language", ["fi", "", "fr-CA", "FR", "../en", "pt_BR"])
def test_a_language_without_grammar(language: str) -> None:
    with pytest.raises(NoGrammarError, match="values can be said in de, en, en_GB, es, fr, it"):
        grammar_of(language)


def test_a_region_falls_back_to_its_language() -> None:
    found = {it: grammar_of(it).language for it in ("fr_CA", "en_US", "en_GB", "es_MX_x")}
    assert found == {"fr_CA": "fr", "en_US": "en", "en_GB": "en_GB", "es_MX_x": "es"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sound_that_is_needed_has_its_text_and_no_other_has(language: str) -> None:
    assert needed(language) == set(grammar_of(language).texts)
    assert all(text_of(sound, language).strip() for sound in needed(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_one_kind_needs(language: str) -> None:
    assert needed(language, [Saying.DIGITS]) > {"digits/0", "digits/star"}
    assert not any(it.startswith("callctl/") for it in needed(language, [Saying.DATE, Saying.NUMBER, Saying.DIGITS]))
    euros, all_money = needed(language, [Saying.MONEY], ["EUR"]), needed(language, [Saying.MONEY])
    assert euros < all_money
    assert "callctl/peso" in all_money - euros


near = st.one_of(
    st.text(max_size=70),
    st.text("0123456789-+.:,TZ EURGBP*#", max_size=70),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}Z?)?", fullmatch=True),
    st.from_regex(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?", fullmatch=True),
    st.from_regex(r"-?[0-9]{1,10}(\.[0-9]{1,3})? ?(EUR|GBP|JPY|MXN|XXX)?", fullmatch=True),
    st.from_regex(r"[0-9a-zA-Zäéñß@. _-]{1,20}", fullmatch=True),
)


@pytest.mark.parametrize("language", LANGUAGES)
@example(kind=Saying.NUMBER, value="1000001", currency="")
@given(kind=st.sampled_from(Saying), value=near, currency=st.sampled_from(["", "EUR", "CLP", "?"]))
def test_any_text_is_said_with_needed_sounds_or_refused(language: str, kind: Saying, value: str, currency: str) -> None:
    try:
        media, why = say(kind, value, language, currency=currency), ""
    except UnsayableError as error:
        media, why = (), str(error)
    assert bool(media) != bool(why)
    assert len(why) < 400
    assert {it.removeprefix("sound:") for it in media} <= needed(language, [kind])


def test_the_documentation_says_what_is_said() -> None:
    text = (Path(__file__).parents[2] / "docs/spoken.md").read_text(encoding="utf-8")
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in text.splitlines() if "| `" in line]
    assert {row[0] for row in rows} == {kind.value for kind in Saying}
    for kind, value, language, said in rows:
        assert words(Saying(kind), value, language) == said
    assert ", ".join(sorted(currencies("en"))) in text


@given(st.dates())
def test_the_day_of_the_week(day: date) -> None:
    assert Date(day.year, day.month, day.day).weekday == day.isoweekday() % 7
    assert say(Saying.DATE, day.isoformat(), "en")[0] == f"sound:digits/day-{day.isoweekday() % 7}"
