"""Italian: "ventuno" and "ventotto" in one word, "mille" and "mila", "un" and "una"; 24 hours.

The texts that Debian ships with Asterisk's Italian sounds are not those of the recordings in all places ("centinaia"
for `hundred`, "migliaia" for `thousands`). What is relied on is how Asterisk itself plays them (`main/say.c`): "cento",
"mille" and "mila", and "un milione" as one sound.
"""

from __future__ import annotations

from callctl.core.spoken import grammar as g
from callctl.core.spoken.grammar import Form, Grammar, Noun, Sounds, Unit, digit
from callctl.core.spoken.values import Date

HUNDRED, THOUSAND, THOUSANDS = "digits/hundred", "digits/thousand", "digits/thousands"
A_MILLION, MILLIONS, AND = "digits/million", "digits/millions", "vm-and"
ELIDED = tuple(ten + one for ten in range(20, 91, 10) for one in (1, 8))


def number(n: int, form: Form = Form.COUNTING) -> Sounds:
    """Only "one" by itself agrees with the noun: "un euro", "ventuno euro"."""
    if n == 1 and form is not Form.COUNTING:
        return ("digits/un",) if form is Form.MASCULINE else ("callctl/1f",)
    if n in g.TENS or n in ELIDED:
        return (digit(n),)
    if n < 100:
        return (digit(n - n % 10), digit(n % 10))
    for size, one, many in ((1_000_000, A_MILLION, MILLIONS), (1000, THOUSAND, THOUSANDS), (100, HUNDRED, HUNDRED)):
        if n >= size:
            count, rest = divmod(n, size)
            here = (one,) if count == 1 else (*number(count), many)
            joint = (AND,) if size == 1_000_000 else ()
            return (*here, *((*joint, *number(rest)) if rest else ()))
    raise AssertionError(n)


def _date(date: Date) -> Sounds:
    day = ("digits/h-1",) if date.day == 1 else number(date.day)
    return (g.weekday(date), *day, g.month(date), *number(date.year))


def _time(hour: int, minute: int, clock: int) -> Sounds:
    """ "ore quattordici e trenta", "mezzanotte", "una e cinque"."""
    minutes = (AND, *number(minute)) if minute else ()
    if hour == 0:
        return ("digits/ore-mezzanotte", *minutes)
    if hour == 1:
        return ("digits/ore-una", *(minutes or ("digits/oclock",)))
    return ("digits/hours", *number(hour), *minutes)


def _noun(one: str, many: str, form: Form = Form.MASCULINE) -> Noun:
    return Noun(one, many, form, ("callctl/of", many))


CENT = _noun("callctl/cent", "callctl/cents")
UNITS = {
    "euro": Unit(_noun("digits/euros", "digits/euros"), CENT),
    "dollar": Unit(_noun("letters/dollar", "digits/dollars"), CENT),
    "pound": Unit(_noun("callctl/pound", "callctl/pounds", Form.FEMININE), _noun("callctl/penny", "callctl/pence")),
    "franc": Unit(_noun("callctl/franc", "callctl/francs"), CENT),
    "yen": Unit(_noun("callctl/yen", "callctl/yen", Form.COUNTING), None),
    "peso": Unit(_noun("callctl/peso", "callctl/pesos"), _noun("callctl/centavo", "callctl/centavos")),
}
LETTERS = {
    letter: (f"letters/{plain}", "callctl/grave")
    for letter, plain in {"à": "a", "è": "e", "ì": "i", "ò": "o", "ù": "u"}.items()
} | {"é": ("letters/e", "callctl/acute")}
TEXTS = (
    g.numbered(
        "digits/",
        "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici "
        "diciassette diciotto diciannove venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
        g.TENS,
    )
    | g.numbered(
        "digits/",
        "ventuno ventotto trentuno trentotto quarantuno quarantotto cinquantuno cinquantotto sessantuno sessantotto "
        "settantuno settantotto ottantuno ottantotto novantuno novantotto",
        ELIDED,
    )
    | g.numbered("digits/day-", "domenica lunedì martedì mercoledì giovedì venerdì sabato")
    | g.numbered(
        "digits/mon-",
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    )
    | {
        HUNDRED: "cento", THOUSAND: "mille", THOUSANDS: "mila", A_MILLION: "un milione", MILLIONS: "milioni",
        AND: "e", g.MINUS: "meno", "digits/un": "un", "callctl/1f": "una", "digits/h-1": "primo",
        "digits/hours": "ore", "digits/ore-una": "una", "digits/ore-mezzanotte": "mezzanotte",
        "digits/oclock": "in punto", "digits/euros": "euro", "digits/dollars": "dollari", "callctl/of": "di",
        "callctl/cent": "centesimo", "callctl/cents": "centesimi", "callctl/pound": "sterlina",
        "callctl/pounds": "sterline", "callctl/penny": "penny", "callctl/pence": "pence", "callctl/franc": "franco",
        "callctl/francs": "franchi", "callctl/yen": "yen", "callctl/peso": "peso", "callctl/pesos": "pesos",
        "callctl/centavo": "centavo", "callctl/centavos": "centavos", "callctl/grave": "con l'accento grave",
        "callctl/acute": "con l'accento acuto",
    }
    | g.alphabet()
    | g.signs(
        "spazio punto_esclamativo cancelletto dollaro asterisco più trattino punto slash uguale chiocciola virgolette "
        "percento e_commerciale apostrofo parentesi_aperta parentesi_chiusa virgola due_punti punto_e_virgola minore "
        "maggiore punto_interrogativo underscore"
    )
    | g.phonetic(
        "a_come_Ancona b_come_Bologna c_come_Como d_come_Domodossola e_come_Empoli f_come_Firenze g_come_Genova "
        "h_come_hotel i_come_Imola i_lunga kappa l_come_Livorno m_come_Milano n_come_Napoli o_come_Otranto "
        "p_come_Palermo q_come_quarto r_come_Roma s_come_Savona t_come_Torino u_come_Udine v_come_Venezia vu_doppia "
        "ics ipsilon z_come_Zara"
    )
)  # fmt: skip

ITALIAN = Grammar("it", number, _date, _time, (24,), UNITS, (AND,), g.spelling(LETTERS), TEXTS)
