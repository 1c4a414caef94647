"""French: soixante-dix and quatre-vingts, "une" before feminine nouns, and hours, which are 24."""

from __future__ import annotations

from callctl.core.spoken import grammar as g
from callctl.core.spoken.grammar import Form, Grammar, Noun, Sounds, Unit, digit
from callctl.core.spoken.values import Date

HUNDRED, THOUSAND, MILLION, AND = "digits/hundred", "digits/thousand", "digits/million", "vm-and"
ONE_FEMININE = "digits/1F"
HOUR = "digits/oclock"
"""Its plural sounds the same."""


def number(n: int, form: Form = Form.COUNTING) -> Sounds:
    """Only the last "un" agrees with the noun."""
    if n < 100:
        return _tens(n, form)
    for size, name in ((1_000_000, MILLION), (1000, THOUSAND), (100, HUNDRED)):
        if n >= size:
            count, rest = divmod(n, size)
            many = () if count == 1 and name != MILLION else number(count)
            return (*many, name, *(number(rest, form) if rest else ()))
    raise AssertionError(n)


def _tens(n: int, form: Form) -> Sounds:
    if n == 1 and form is Form.FEMININE:
        return (ONE_FEMININE,)
    if n in g.TENS:
        return (digit(n),)
    ten = 20 * (n // 20) if n > 60 else n - n % 10
    rest = n - ten
    joint = (AND,) if rest in (1, 11) and ten != 80 else ()
    return (digit(ten), *joint, *_tens(rest, form))


def _date(date: Date) -> Sounds:
    day = "digits/h-1" if date.day == 1 else None
    return (g.weekday(date), *((day,) if day else number(date.day)), g.month(date), *number(date.year))


def _time(hour: int, minute: int, clock: int) -> Sounds:
    minutes = number(minute, Form.FEMININE) if minute else ()
    return (*number(hour, Form.FEMININE), HOUR, *minutes)


def _noun(sound: str, form: Form = Form.MASCULINE) -> Noun:
    """Its plural sounds as the singular does."""
    return Noun(sound, sound, form, ("callctl/of", sound))


UNITS = {
    "euro": Unit(
        Noun("callctl/euro", "callctl/euro", after_million=("callctl/of-euros",)),
        _noun("callctl/centime"),
    ),
    "dollar": Unit(_noun("digits/dollars"), _noun("callctl/cents")),
    "pound": Unit(_noun("callctl/pound", Form.FEMININE), Noun("callctl/penny", "callctl/pence")),
    "franc": Unit(_noun("callctl/franc"), _noun("callctl/centime")),
    "yen": Unit(_noun("callctl/yen"), None),
    "peso": Unit(_noun("callctl/peso"), _noun("callctl/centavo")),
}
ACCENTS = {
    "callctl/acute": ("accent aigu", {"é": "e"}),
    "callctl/grave": ("accent grave", {"à": "a", "è": "e", "ù": "u"}),
    "callctl/circumflex": ("accent circonflexe", {"â": "a", "ê": "e", "î": "i", "ô": "o", "û": "u"}),
    "callctl/diaeresis": ("tréma", {"ä": "a", "ë": "e", "ï": "i", "ö": "o", "ü": "u", "ÿ": "y"}),
    "callctl/cedilla": ("cédille", {"ç": "c"}),
}
LETTERS = {
    letter: (f"letters/{plain}", accent)
    for accent, (_, letters) in ACCENTS.items()
    for letter, plain in letters.items()
}
TEXTS = (
    g.numbered(
        "digits/",
        "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
        "dix-huit dix-neuf vingt trente quarante cinquante soixante soixante-dix quatre-vingt quatre-vingt-dix",
        g.TENS,
    )
    | g.numbered("digits/day-", "dimanche lundi mardi mercredi jeudi vendredi samedi")
    | g.numbered(
        "digits/mon-",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    )
    | {
        HUNDRED: "cent", THOUSAND: "mille", MILLION: "million", AND: "et", ONE_FEMININE: "une", HOUR: "heure",
        g.MINUS: "moins", "digits/h-1": "premier", "digits/dollars": "dollars",
        "callctl/of": "de", "callctl/of-euros": "d'euros", "callctl/euro": "euro", "callctl/centime": "centime",
        "callctl/cents": "cents", "callctl/pound": "livre", "callctl/penny": "penny", "callctl/pence": "pence",
        "callctl/franc": "franc", "callctl/yen": "yen", "callctl/peso": "peso", "callctl/centavo": "centavo",
    }
    | {accent: text for accent, (text, _) in ACCENTS.items()}
    | g.alphabet()
    | g.signs(
        "espace point_d'exclamation dièse dollar étoile plus trait_d'union point barre_oblique égal arobase guillemet "
        "pour_cent et_commercial apostrophe parenthèse_ouvrante parenthèse_fermante virgule deux-points point-virgule "
        "inférieur_à supérieur_à point_d'interrogation tiret_bas"
    )
    | g.phonetic(
        "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec "
        "romeo sierra tango uniform victor whiskey xray yankee zulu"
    )
)  # fmt: skip

FRENCH = Grammar("fr", number, _date, _time, (24,), UNITS, (), g.spelling(LETTERS | {
    "œ": ("letters/o", "letters/e"), "æ": ("letters/a", "letters/e"),
}), TEXTS)  # fmt: skip
