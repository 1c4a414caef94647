"""German: ones before tens ("einundzwanzig"), "eins", "ein" and "eine"; 24 hours.

Asterisk's own sounds have no German. The names are those that Asterisk looks for (`main/say.c`), which Debian's
`asterisk-prompt-de` has recordings for.
"""

from __future__ import annotations

from callctl.core.spoken import grammar as g
from callctl.core.spoken.grammar import Form, Grammar, Noun, Sounds, Unit, digit
from callctl.core.spoken.values import Date

HUNDRED, THOUSAND, MILLION, MILLIONS = "digits/hundred", "digits/thousand", "digits/million", "digits/millions"
ONE = {Form.COUNTING: "digits/1", Form.MASCULINE: "digits/ein", Form.FEMININE: "digits/eine"}
HOUR = "digits/oclock"


def number(n: int, form: Form = Form.COUNTING) -> Sounds:
    if n == 1:
        return (ONE[form],)
    if n < 100:
        return _tens(n, digit(n - n % 10))
    if n >= 1_000_000:
        count, rest = divmod(n, 1_000_000)
        many = (*number(count, Form.FEMININE), MILLION if count == 1 else MILLIONS)
    else:
        size, name = (1000, THOUSAND) if n >= 1000 else (100, HUNDRED)
        count, rest = divmod(n, size)
        many = (*number(count, Form.MASCULINE), name)
    return (*many, *(number(rest, form) if rest else ()))


def _tens(n: int, ten: str) -> Sounds:
    """ "einund", "zwanzig"."""
    return (digit(n),) if n in g.TENS else (f"digits/{n % 10}-and", ten)


def ordinal(n: int) -> Sounds:
    """Of 1 to 31: "achtundzwanzigster"."""
    return (f"digits/h-{n}",) if n in g.TENS else _tens(n, f"digits/h-{n - n % 10}")


def _year(year: int) -> Sounds:
    """ "neunzehnhundert…" up to 1999."""
    century, rest = divmod(year, 100)
    if 11 <= century <= 19:
        return (*number(century), HUNDRED, *(number(rest) if rest else ()))
    return number(year)


def _date(date: Date) -> Sounds:
    return (g.weekday(date), *ordinal(date.day), g.month(date), *_year(date.year))


def _time(hour: int, minute: int, clock: int) -> Sounds:
    return (*number(hour, Form.MASCULINE), HOUR, *(number(minute) if minute else ()))


CENT = Noun("digits/cent", "digits/cent")
UNITS = {
    "euro": Unit(Noun("digits/euro", "digits/euro"), CENT),
    "dollar": Unit(Noun("digits/dollar", "digits/dollar"), CENT),
    "pound": Unit(Noun("callctl/pound", "callctl/pound"), Noun("callctl/penny", "callctl/pence")),
    "franc": Unit(Noun("callctl/franc", "callctl/franc"), Noun("callctl/rappen", "callctl/rappen")),
    "yen": Unit(Noun("callctl/yen", "callctl/yen"), None),
    "peso": Unit(Noun("callctl/peso", "callctl/pesos"), Noun("callctl/centavo", "callctl/centavos")),
}
LETTERS = {
    "ä": ("callctl/a-umlaut",), "ö": ("callctl/o-umlaut",), "ü": ("callctl/u-umlaut",), "ß": ("callctl/eszett",),
}  # fmt: skip
TEXTS = (
    g.numbered(
        "digits/",
        "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
        "siebzehn achtzehn neunzehn zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
        g.TENS,
    )
    | {
        f"digits/{n}-and": f"{word}und"
        for n, word in enumerate(["ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"], 1)
    }
    | g.numbered(
        "digits/h-",
        "erster zweiter dritter vierter fünfter sechster siebter achter neunter zehnter elfter zwölfter dreizehnter "
        "vierzehnter fünfzehnter sechzehnter siebzehnter achtzehnter neunzehnter zwanzigster dreißigster",
        (*range(1, 21), 30),
    )
    | g.numbered("digits/day-", "Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag")
    | g.numbered(
        "digits/mon-",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    )
    | {
        "digits/ein": "ein", "digits/eine": "eine", HUNDRED: "hundert", THOUSAND: "tausend", MILLION: "Million",
        MILLIONS: "Millionen", g.MINUS: "minus", HOUR: "Uhr", "digits/euro": "Euro", "digits/cent": "Cent",
        "digits/dollar": "Dollar", "callctl/pound": "Pfund", "callctl/penny": "Penny",
        "callctl/pence": "Pence", "callctl/franc": "Franken", "callctl/rappen": "Rappen", "callctl/yen": "Yen",
        "callctl/peso": "Peso", "callctl/pesos": "Pesos", "callctl/centavo": "Centavo",
        "callctl/centavos": "Centavos", "callctl/a-umlaut": "ä", "callctl/o-umlaut": "ö", "callctl/u-umlaut": "ü",
        "callctl/eszett": "Eszett",
    }
    | g.alphabet()
    | g.signs(
        "Leerzeichen Ausrufezeichen Raute Dollarzeichen Stern plus Bindestrich Punkt Schrägstrich gleich at "
        "Anführungszeichen Prozent und-Zeichen Apostroph Klammer_auf Klammer_zu Komma Doppelpunkt Semikolon "
        "kleiner_als größer_als Fragezeichen Unterstrich"
    )
    | g.phonetic(
        "Anton Berta Cäsar Dora Emil Friedrich Gustav Heinrich Ida Julius Kaufmann Ludwig Martha Nordpol Otto Paula "
        "Quelle Richard Samuel Theodor Ulrich Viktor Wilhelm Xanthippe Ypsilon Zacharias"
    )
)  # fmt: skip

GERMAN = Grammar("de", number, _date, _time, (24,), UNITS, (), g.spelling(LETTERS), TEXTS)
