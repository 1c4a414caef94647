"""Spanish: "uno", "un" and "una", hundreds that agree with their noun, "cien" and "ciento"; 24 hours."""

from __future__ import annotations

from callctl.core.spoken import grammar as g
from callctl.core.spoken.grammar import Form, Grammar, Noun, Sounds, Unit, digit
from callctl.core.spoken.values import Date

HUNDRED, HUNDRED_AND, THOUSAND = "digits/hundred", "digits/100-and", "digits/thousand"
MILLION, MILLIONS, AND, TWENTY_AND, OF = (
    "digits/million",
    "digits/millions",
    "digits/and",
    "digits/20-and",
    "digits/es-de",
)
ONE = {Form.COUNTING: "digits/1", Form.MASCULINE: "digits/1M", Form.FEMININE: "digits/1F"}


def number(n: int, form: Form = Form.COUNTING) -> Sounds:
    if n >= 1_000_000:
        count, rest = divmod(n, 1_000_000)
        name = MILLION if count == 1 else MILLIONS
        return (*number(count, Form.MASCULINE), name, *(number(rest, form) if rest else ()))
    if n >= 1000:
        count, rest = divmod(n, 1000)
        # "veintiún mil libras", but "doscientas mil libras"
        many = () if count == 1 else _hundreds(count, form, Form.MASCULINE)
        return (*many, THOUSAND, *(number(rest, form) if rest else ()))
    return _hundreds(n, form, form)


def _hundreds(n: int, form: Form, last: Form) -> Sounds:
    """`last`: how "one" is said."""
    if n < 100:
        return _tens(n, last)
    if n == 100:
        return (HUNDRED,)
    hundreds, rest = n - n % 100, n % 100
    return (_hundred(hundreds, form), *(_tens(rest, last) if rest else ()))


def _hundred(n: int, form: Form) -> str:
    if n == 100:
        return HUNDRED_AND
    return f"callctl/{n}f" if form is Form.FEMININE else digit(n)


def _tens(n: int, form: Form) -> Sounds:
    ten, rest = n - n % 10, n % 10
    if rest == 1 and ten != 10:
        if ten == 0:
            return (ONE[form],)
        if ten == 20:
            # Asterisk has no "veintiún": "veinti" and "un".
            return (digit(21),) if form is Form.COUNTING else (TWENTY_AND, ONE[form])
        return (digit(ten), AND, ONE[form])
    if n < 30 or rest == 0:
        return (digit(n),)
    return (digit(ten), AND, digit(rest))


def _date(date: Date) -> Sounds:
    day = ("digits/h-1",) if date.day == 1 else number(date.day)
    return (g.weekday(date), *day, OF, g.month(date), OF, *number(date.year))


def _time(hour: int, minute: int, clock: int) -> Sounds:
    """ "catorce y treinta", "catorce horas", "una en punto"."""
    if minute:
        return (*number(hour, Form.FEMININE), AND, *number(minute))
    return (*number(hour, Form.FEMININE), "digits/oclock" if hour == 1 else "hours")


def _noun(one: str, many: str, form: Form = Form.MASCULINE) -> Noun:
    return Noun(one, many, form, (OF, many))


CENTAVO = _noun("callctl/centavo", "callctl/centavos")
CENT = _noun("callctl/cent", "callctl/cents")
UNITS = {
    "euro": Unit(_noun("callctl/euro", "callctl/euros"), CENT),
    "dollar": Unit(_noun("letters/dollar", "digits/dollars"), CENTAVO),
    "pound": Unit(_noun("callctl/pound", "callctl/pounds", Form.FEMININE), _noun("callctl/penny", "callctl/pence")),
    "franc": Unit(_noun("callctl/franc", "callctl/francs"), CENT),
    "yen": Unit(_noun("callctl/yen", "callctl/yens"), None),
    "peso": Unit(_noun("callctl/peso", "callctl/pesos"), CENTAVO),
}
LETTERS = {
    letter: (f"letters/{plain}", "callctl/acute")
    for letter, plain in {"á": "a", "é": "e", "í": "i", "ó": "o", "ú": "u"}.items()
} | {"ñ": ("callctl/enye",), "ü": ("letters/u", "callctl/diaeresis")}
TEXTS = (
    g.numbered(
        "digits/",
        "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
        "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
        "veintiocho veintinueve treinta cuarenta cincuenta sesenta setenta ochenta noventa doscientos trescientos "
        "cuatrocientos quinientos seiscientos setecientos ochocientos novecientos",
        (*range(31), *range(40, 91, 10), *range(200, 901, 100)),
    )
    | g.numbered("digits/day-", "domingo lunes martes miércoles jueves viernes sábado")
    | g.numbered(
        "digits/mon-",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    )
    | g.numbered(
        "callctl/",
        "doscientas trescientas cuatrocientas quinientas seiscientas setecientas ochocientas novecientas",
        (f"{n}f" for n in range(200, 901, 100)),
    )
    | {
        "digits/1M": "un", "digits/1F": "una", HUNDRED: "cien", HUNDRED_AND: "ciento", THOUSAND: "mil",
        MILLION: "millón", MILLIONS: "millones", AND: "y", TWENTY_AND: "veinti", OF: "de", g.MINUS: "menos",
        "digits/h-1": "primero", "digits/oclock": "en punto", "hours": "horas", "digits/dollars": "dólares",
        "callctl/euro": "euro", "callctl/euros": "euros", "callctl/cent": "céntimo", "callctl/cents": "céntimos",
        "callctl/centavo": "centavo", "callctl/centavos": "centavos", "callctl/pound": "libra",
        "callctl/pounds": "libras", "callctl/penny": "penique", "callctl/pence": "peniques",
        "callctl/franc": "franco", "callctl/francs": "francos", "callctl/yen": "yen", "callctl/yens": "yenes",
        "callctl/peso": "peso", "callctl/pesos": "pesos", "callctl/enye": "eñe", "callctl/acute": "con acento",
        "callctl/diaeresis": "con diéresis",
    }
    | g.alphabet()
    | g.signs(
        "espacio signo_de_exclamación tecla_de_número dólar asterisco más guion punto diagonal igual arroba comillas "
        "por_ciento et apóstrofo abre_paréntesis cierra_paréntesis coma dos_puntos punto_y_coma menor_que mayor_que "
        "signo_de_interrogación guion_bajo"
    )
    | g.phonetic(
        "Alfa Bravo Carlos Delta Eco Francia Gato Hotel India Japón Kilo Lima María Nancy Óscar Papa Queso Romeo "
        "Sandra Tango Urgente Víctor Whiskey X-Ray Yankee Zulú"
    )
)  # fmt: skip

SPANISH = Grammar("es", number, _date, _time, (24,), UNITS, (AND,), g.spelling(LETTERS), TEXTS)
