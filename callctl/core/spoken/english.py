"""English, as in the United States, and as in the United Kingdom: "and" in numbers, day before month, "zed"."""

from __future__ import annotations

from callctl.core.spoken import grammar as g
from callctl.core.spoken.grammar import Form, Grammar, Noun, Sounds, Unit, digit
from callctl.core.spoken.values import Date

HUNDRED, THOUSAND, MILLION, AND, OH = "digits/hundred", "digits/thousand", "digits/million", "vm-and", "digits/oh"


def american(n: int, form: Form = Form.COUNTING) -> Sounds:
    """ "one hundred one"."""
    return _number(n, ())


def british(n: int, form: Form = Form.COUNTING) -> Sounds:
    """ "one hundred and one"."""
    return _number(n, (AND,))


def _number(n: int, joint: Sounds) -> Sounds:
    if n <= 20:
        return (digit(n),)
    if n < 100:
        return (digit(n - n % 10), *_rest(n % 10, ()))
    for size, name in ((1_000_000, MILLION), (1000, THOUSAND), (100, HUNDRED)):
        if n >= size:
            rest = n % size
            here = joint if rest < 100 else ()
            return (*_number(n // size, joint), name, *((*here, *_number(rest, joint)) if rest else ()))
    raise AssertionError(n)


def _rest(n: int, joint: Sounds) -> Sounds:
    return _number(n, joint) if n else ()


def ordinal(n: int) -> Sounds:
    """Of 1 to 31: "twenty-eighth"."""
    return (f"digits/h-{n}",) if n <= 20 or n == 30 else (digit(n - n % 10), f"digits/h-{n % 10}")


def _year(year: int, joint: Sounds) -> Sounds:
    """ "twenty twenty-six", "nineteen oh five", "nineteen hundred", "two thousand five"."""
    century, rest = divmod(year, 100)
    if century < 11 or (century % 10 == 0 and rest < 10):
        return _number(year, joint)
    if rest == 0:
        return (*_number(century, joint), HUNDRED)
    return (*_number(century, joint), *((OH,) if rest < 10 else ()), *_number(rest, joint))


def _date(date: Date) -> Sounds:
    return (g.weekday(date), g.month(date), *ordinal(date.day), *_year(date.year, ()))


def _british_date(date: Date) -> Sounds:
    return (g.weekday(date), *ordinal(date.day), g.month(date), *_year(date.year, (AND,)))


def _time(hour: int, minute: int, clock: int) -> Sounds:
    minutes = (*((OH,) if minute < 10 else ()), *american(minute)) if minute else ()
    if clock == 12:
        half = "digits/a-m" if hour < 12 else "digits/p-m"
        return (*american((hour + 11) % 12 + 1), *minutes, half)
    return (*((OH,) if 0 < hour < 10 else ()), *american(hour), *(minutes or (HUNDRED,)))


CENT = Noun("callctl/cent", "callctl/cents")
UNITS = {
    "euro": Unit(Noun("callctl/euro", "callctl/euros"), CENT),
    "dollar": Unit(Noun("letters/dollar", "digits/dollars"), CENT),
    "pound": Unit(Noun("callctl/pound", "callctl/pounds"), Noun("callctl/penny", "callctl/pence")),
    "franc": Unit(Noun("callctl/franc", "callctl/francs"), Noun("callctl/centime", "callctl/centimes")),
    "yen": Unit(Noun("callctl/yen", "callctl/yen"), None),
    "peso": Unit(Noun("callctl/peso", "callctl/pesos"), Noun("callctl/centavo", "callctl/centavos")),
}
TEXTS = (
    g.numbered(
        "digits/",
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety",
        g.TENS,
    )
    | g.numbered(
        "digits/h-",
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
        "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth",
        (*range(1, 21), 30),
    )
    | g.numbered("digits/day-", "Sunday Monday Tuesday Wednesday Thursday Friday Saturday")
    | g.numbered(
        "digits/mon-",
        "January February March April May June July August September October November December",
    )
    | {
        HUNDRED: "hundred", THOUSAND: "thousand", MILLION: "million", AND: "and", OH: "oh", g.MINUS: "minus",
        "digits/a-m": "A.M.", "digits/p-m": "P.M.", "digits/dollars": "dollars",
        "callctl/cent": "cent", "callctl/cents": "cents", "callctl/euro": "euro", "callctl/euros": "euros",
        "callctl/pound": "pound", "callctl/pounds": "pounds", "callctl/penny": "penny", "callctl/pence": "pence",
        "callctl/franc": "franc", "callctl/francs": "francs", "callctl/centime": "centime",
        "callctl/centimes": "centimes", "callctl/yen": "yen", "callctl/peso": "peso", "callctl/pesos": "pesos",
        "callctl/centavo": "centavo", "callctl/centavos": "centavos",
    }
    | g.alphabet()
    | g.signs(
        "space exclamation_point pound dollar star plus dash dot slash equals at quote percent ampersand tick "
        "open_parenthesis close_parenthesis comma colon semicolon less_than greater_than question_mark underscore"
    )
    | g.phonetic(
        "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec "
        "romeo sierra tango uniform victor whiskey xray yankee zulu"
    )
)  # fmt: skip
_PLAIN = {
    letter: (f"letters/{plain}",)
    for plain, letters in {
        "a": "àáâäãå",
        "c": "ç",
        "e": "èéêë",
        "i": "ìíîï",
        "n": "ñ",
        "o": "òóôöõø",
        "u": "ùúûü",
    }.items()
    for letter in letters
}
"""English people do not spell accents."""

ENGLISH = Grammar("en", american, _date, _time, (12, 24), UNITS, (AND,), g.spelling(_PLAIN), TEXTS)
BRITISH = Grammar(
    "en_GB", british, _british_date, _time, (12, 24), UNITS, (AND,), g.spelling(_PLAIN | {"z": ("letters/zed",)}),
    {sound: text for sound, text in TEXTS.items() if sound != "letters/z"} | {"letters/zed": "zed"},
)  # fmt: skip
