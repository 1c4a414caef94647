"""Files to contacts: whatever a file holds, each of its rows is taken or refused with a reason, and none is lost."""

from __future__ import annotations

import codecs
import csv
import json
import random
import tempfile
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import geocoder, timezone
from pydantic import ValidationError

from callctl.lists.columns import columns_of, guessed
from callctl.lists.command import read_in
from callctl.lists.errors import ListError
from callctl.lists.phones import EXTENSION, FORMULA, NO_NUMBER, NOT_VALID, ROUNDED, SEVERAL
from callctl.lists.places import Places
from callctl.lists.plans import known
from callctl.lists.reading import MOST_LINES, Refusal, Table
from callctl.lists.rows import Contact, bare, harmless
from callctl.numbers import e164_digits
from callctl.places import asked
from callctl.settings.lists import ListForm, ListModel, Target, form_of, target_of
from tests.adapters.lists_kit import digits, lines, read, taken, why, wrong

pytestmark = pytest.mark.adapter

LONDON, BERLIN = 442079460123, 493012345678


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


# ── bytes to rows ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(file: Path, delimiter: str) -> None:
    text = delimiter.join(("name", "phone")) + "\n" + delimiter.join(("Zoe, or Zoé", "1")) + "\n"
    if delimiter == ",":
        text = 'name,phone\n"Zoe, or Zoé",1\n'
    assert read(file, text) == [(2, ["Zoe, or Zoé", "1"])]


def test_a_spreadsheets_own_way_to_name_the_delimiter(file: Path) -> None:
    assert read(file, "sep=;\r\nname;phone\r\nZoe;1\r\n") == [(3, ["Zoe", "1"])]


def test_any_other_delimiter_can_be_stated_and_is_checked(file: Path) -> None:
    assert read(file, "name~phone\nZoe~1\n", "~") == [(2, ["Zoe", "1"])]
    assert "not parted by `;`, but by `,`" in wrong(file, "name,phone\nZoe,1\n", ";")


@pytest.mark.parametrize(
    ("encoding", "mark", "found"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", codecs.BOM_UTF8, "utf-8"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("utf-32-le", codecs.BOM_UTF32_LE, "utf-32"),
        ("latin-1", b"", "cp1252"),
        ("cp1252", b"", "cp1252"),
    ],
)
def test_the_encoding_is_found(file: Path, encoding: str, mark: bytes, found: str) -> None:
    content = mark + "name,phone\nJosé Müller,+442079460123\nZoë Ñandú,+442079460124\n".encode(encoding)
    assert read(file, content) == [(2, ["José Müller", "+442079460123"]), (3, ["Zoë Ñandú", "+442079460124"])]
    with Table(file) as table:
        assert table.encoding == found


def test_the_first_foreign_letter_may_come_late(file: Path) -> None:
    many = b"name,phone\n" + b"Zoe,1\n" * 50_000
    assert read(file, many + "Zoë,1\n".encode("latin-1"))[-1] == (50_002, ["Zoë", "1"])
    assert read(file, many + "Zoë,1\n".encode())[-1] == (50_002, ["Zoë", "1"])


def test_a_few_broken_bytes_spoil_their_own_row_alone(file: Path) -> None:
    content = "name,phone\nZoë,1\nJosé,2\nÅsa,3\n".encode() + b"Jos\xe9,4\n" + b"Ana,5\n"
    rows = read(file, content)
    assert [line for line, row in rows if isinstance(row, Refusal)] == [5]
    assert "not of the file's encoding" in rows[3][1].why
    assert (rows[0], rows[4]) == ((2, ["Zoë", "1"]), (6, ["Ana", "5"]))


def test_an_encoding_can_be_stated(file: Path) -> None:
    assert read(file, "氏名,電話番号\n山田,1\n".encode("shift_jis"), encoding="shift_jis") == [(2, ["山田", "1"])]
    half = "name,phone\nZoe,1\n".encode("utf-16-le")[:-1]
    assert isinstance(read(file, half, encoding="utf-16-le")[-1][1], Refusal | list)


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"%PDF-1.7", bytes(range(256)) * 9]
)
def test_what_is_no_text_is_refused_as_a_whole(file: Path, content: bytes) -> None:
    assert "save the list as CSV" in wrong(file, content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("+442079460123,Zoe\n", "seems to be a contact"),
        (",".join(f"c{n}" for n in range(10_000)) + "\n", "has 10,000 columns"),
        ('"name,phone\nZoe,1\n', "cannot be read"),
    ],
)
def test_headings_that_are_none(file: Path, content: str, said: str) -> None:
    assert said in wrong(file, content)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="No such file"):
        Table(tmp_path / "none.csv")
    with pytest.raises(ListError, match="Is a directory"):
        Table(tmp_path)


def test_rows_that_cannot_be_read_are_refused_and_the_others_are_not(file: Path) -> None:
    long, wide = "x" * 70_000, ",".join("y" * 10_000)
    content = f'a,b\n1,2\n3\n4,5,6\n7,8,\n9,\0\n{long},1\n{wide}\n,\n\n"10\n11","12"\n"13"x,14\n15,16\n'
    rows = read(file, content)
    assert [(line, row) for line, row in rows if not isinstance(row, Refusal)] == [
        *((2, ["1", "2"]), (5, ["7", "8"]), (11, ["10\n11", "12"]), (14, ["15", "16"]))
    ]
    assert [(line, row.why) for line, row in rows if isinstance(row, Refusal)] == [
        (3, "has too few cells: 1, where the headings are 2"),
        (4, "has too many cells: 3, where the headings are 2"),
        (6, "holds a NUL character"),
        (7, "is longer than 64 KiB"),
        (8, "has too many cells: 10000, where the headings are 2"),
        (13, "text follows a closing quote"),
    ]


def test_an_open_quote_swallows_nothing(file: Path) -> None:
    rows = [f"{n},Ana,{n}\n" for n in range(5_000)]
    rows[10] = '10,"Ana,10\n'
    rows[4_000] = '4000,Ana,"x\n'
    rows[4_100] = '4100,Ana,x"\n'  # would end the quote, and make one row of a hundred
    rows[4_999] = '4999,Ana,"\n'
    found = read(file, "id,first,n\n" + "".join(rows))
    refused = [row for _, row in found if isinstance(row, Refusal)]
    assert [(row.line, row.column) for row in refused] == [(12, "first"), (4_002, "n"), (5_001, "n")]
    assert ["closed lines later" in row.why for row in refused] == [False, True, False]
    assert len(found) == 5_000
    assert [line for line, _ in found] == list(range(2, 5_002))


def test_a_quote_that_reaches_a_later_one_gives_back_the_rows_between(file: Path) -> None:
    content = 'a,b\n1,"2\n3,4\n5,6\n7,"8"\n9,10\n'
    found = read(file, content)
    assert [row if not isinstance(row, Refusal) else row.line for _, row in found] == [
        *(2, ["3", "4"], ["5", "6"], ["7", "8"], ["9", "10"])
    ]


def test_a_cell_may_have_many_lines_but_not_too_many(file: Path) -> None:
    few = "\n".join("x" * (MOST_LINES - 2))
    assert read(file, f'a,b\n"{few}",1\n') == [(2, [few, "1"])]
    many = "\n".join("x" * (MOST_LINES + 1))
    found = read(file, f'a,b\n"{many}",1\n2,3\n')
    assert isinstance(found[0][1], Refusal)
    assert found[-1][1] == ["2", "3"]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["", ",", ";"]), st.sampled_from(["", "utf-8", "utf-16", "cp1252"]))
def test_arbitrary_bytes_raise_nothing_of_their_own(content: bytes, delimiter: str, encoding: str) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        try:
            with Table(Path(file.name), delimiter, encoding) as table:
                for row in table:
                    assert isinstance(row, Refusal) or len(row[1]) == len(table.headings)
        except ListError:
            pass


_cell = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
_junk = st.sampled_from(['"open', '1,2,3,4,"', "\0,\0,\0", 'a"b', '"a"b,c,d', ",,,,,,,", "one", "x" * 70_000])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(_junk, st.tuples(_cell, _cell, st.sampled_from("123")).map(lambda row: lines(row))), max_size=25)
)
def test_no_good_row_is_lost_among_bad_ones(pieces: list[str]) -> None:
    """A good row stands on a line of its own; it comes out as it went in, or a row that holds it is refused."""
    good = [f"k{n},Ana,{n}\n" for n in range(len(pieces) + 1)]
    content = (
        "id,name,n\n" + good[0] + "".join(p.rstrip("\r\n") + "\n" + g for p, g in zip(pieces, good[1:], strict=True))
    )
    with tempfile.NamedTemporaryFile() as file:
        file.write(content.encode("utf-8"))
        file.flush()
        with Table(Path(file.name), ",", "utf-8") as table:
            rows = list(table)
    seen = {row[1][0] for row in rows if not isinstance(row, Refusal)}
    text = "".join(cell for row in rows for cell in (row.cells if isinstance(row, Refusal) else row[1]))
    assert all(f"k{n}" in seen or f"k{n}" in text for n in range(len(good)))


# ── headings to columns ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("heading", "target"),
    [
        *(
            ("Phone", "number"),
            ("PHONE 2", "number"),
            ("phone1", "number"),
            ("Tel.", "number"),
            ("Rufnummer", "number"),
        ),
        *(("Mobile", "number.mobile"), ("Cell phone", "number.mobile"), ("Home Phone", "number.home")),
        *(("First name", "name"), ("last_name", "name"), ("Name", "name"), ("ID", "key"), ("Time zone", "zone")),
        *(("Last payment (EUR)", "field.last_payment_eur"), ("State 2", "field.state_2"), ("kind", "field.kind")),
        *(("", "ignore"), ("callctl.standing", "ignore"), ("field.x:number", "field.x:number"), ("!?", "ignore")),
    ],
)
def test_what_a_heading_most_likely_is(heading: str, target: str) -> None:
    assert str(guessed(heading)) == target


def test_a_form_goes_before_what_is_guessed() -> None:
    wanted = {"phone": Target(target_of("ignore").goes), "Box": target_of("number.box"), "*": target_of("ignore")}
    assert [str(t) for t in columns_of(("Phone", "Box", "City"), wanted)] == ["ignore", "number.box", "ignore"]


@pytest.mark.parametrize(
    ("headings", "form", "said"),
    [
        ("name,city", {}, "no column is a phone number's"),
        ("phone,city", {"cty": "name"}, "did you mean `city`"),
        ("phone,id,key", {}, "2 columns are `key` (id, key)"),
        ("phone,a b,a-b", {}, "2 columns are `field.a_b` (a b, a-b)"),
        ("phone,city,kinds", {"kinds": "kind"}, "behind none that is a number's"),
    ],
)
def test_columns_that_do_not_go_together(headings: str, form: dict[str, str], said: str) -> None:
    with pytest.raises(ListError) as caught:
        columns_of(headings.split(","), {heading: target_of(target) for heading, target in form.items()})
    assert said in str(caught.value)


def test_the_form_in_yaml() -> None:
    model = ListModel.model_validate(
        {"columns": {"Tel": "number.home", "Due": "field.due:date", "*": "ignore"}, "delimiter": "tab", "country": "US"}
    )
    form = form_of(model)
    assert form == ListForm({k: target_of(v) for k, v in _YAML.items()}, "\t", "", "US")
    assert form_of(ListModel()) == ListForm()


_YAML = {"Tel": "number.home", "Due": "field.due:date", "*": "ignore"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"columns": {"a": "nmae"}}, "did you mean `name`"),
        ({"columns": {"a": "field.x:nmber"}}, "did you mean `number`"),
        ({"columns": {"a": "field."}}, "no field's name"),
        ({"columns": {"a": "number.Mobile Phone"}}, "no kind of number"),
        ({"columns": {"*": "ignore"}}, "no column is a `number`"),
        ({"columns": {"a": "number", "*": "name"}}, "can only be `ignore`"),
        ({"delimiter": "ab"}, "cannot part cells"),
        ({"encoding": "utf-9"}, "did you mean `utf-8`"),
        ({"encoding": "idna"}, "no known encoding"),
        ({"duplicates": "updat"}, "did you mean `update`"),
    ],
)
def test_a_wrong_form_in_yaml(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ListModel.model_validate(wrong)
    context = caught.value.errors()[0]["ctx"]
    assert said in f"{context['wrong']}; {context['right']}"


# ── cells to contacts ────────────────────────────────────────────────────────────────────────────


STYLES = {
    "GB": ("020 7946 0123", 442079460123),
    "US": ("(212) 555-0123", 12125550123),
    "CA": ("1-416-555-0123", 14165550123),
    "DE": ("030 / 1234-5678", 493012345678),
    "AT": ("+43 (0)1 234567890", 431234567890),
    "CH": ("044 668 18 00", 41446681800),
    "FR": ("01.42.68.53.00", 33142685300),
    "BE": ("02/555 12 12", 3225551212),
    "NL": ("06-12345678", 31612345678),
    "IT": ("06 6982 1234", 390669821234),
    "ES": ("912 34 56 78", 34912345678),
    "PT": ("21 234 5678", 351212345678),
    "PL": ("22 123 45 67", 48221234567),
    "CZ": ("212 345 678", 420212345678),
    "SE": ("08-123 456 78", 46812345678),
    "NO": ("21 23 45 67", 4721234567),
    "DK": ("32 12 34 56", 4532123456),
    "FI": ("040 1234567", 358401234567),
    "IE": ("(01) 234 5678", 35312345678),
    "GR": ("21 2345 6789", 302123456789),
    "TR": ("0(212) 345 67 89", 902123456789),
    "RU": ("8 (495) 123-45-67", 74951234567),
    "UA": ("044 123 4567", 380441234567),
    "IL": ("03-123-4567", 97231234567),
    "IN": ("098765-43210", 919876543210),
    "JP": ("０３－１２３４－５６７８", 81312345678),
    "CN": ("010-1234 5678", 861012345678),
    "AU": ("(02) 9374 4000", 61293744000),
    "BR": ("(11) 2345-6789", 551123456789),
    "MX": ("55 1234 5678", 525512345678),
    "AR": ("011 15-2345-6789", 5491123456789),
    "ZA": ("010 123 4567", 27101234567),
    "EG": ("٠٢ ٣٤٥٦٧٨٩٠", 20234567890),
}


@pytest.mark.parametrize("country", STYLES)
def test_numbers_as_they_are_written_in_their_country(country: str) -> None:
    text, expected = STYLES[country]
    contact = taken("phone", [text], country)
    assert digits(contact) == [expected]
    assert digits(taken("phone,country", [text, country.lower()], "IS")) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "+442079460123",
            "00442079460123",
            "'02079460123",
            '="+442079460123"',
            "tel:+44-20-7946-0123",
            "442079460123",
        ),
        *(
            "+44 (0)20 7946 0123",
            "442079460123.0",
            "442079460123",
            "\u202a+44 20 7946 0123\u202c",
            "＋４４ ２０ ７９４６ ０１２３",
        ),
        *("020\u20117946\u20110123", "(020)\u00a07946\u00a00123", "'+442079460123"),
    ],
)
def test_a_number_in_many_dresses(text: str) -> None:
    assert digits(taken("phone", [text])) == [LONDON]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *(("4.42079E+11", ROUNDED), ("4,42079E+11", ROUNDED), ("=1+2", FORMULA), ("@SUM(1)", FORMULA)),
        *(
            ("+44 20 7946 0123 x12", EXTENSION),
            ("+442079460123;ext=5", EXTENSION),
            ("020 7946 0123 ext. 12", EXTENSION),
        ),
        *(("02079460123, 02079460124", SEVERAL), ("02079460123 / 02079460124", SEVERAL)),
        *(
            ("+44 20", NOT_VALID),
            ("123", NOT_VALID),
            ("n/a", NO_NUMBER),
            ("1-800-FLOWERS", NO_NUMBER),
            ("-", NO_NUMBER),
        ),
        ("0" * 65, "is longer than 64 characters"),
    ],
)
def test_what_is_no_number_and_why(text: str, reason: str) -> None:
    assert why(taken("phone", [text])).startswith(f"phone: {reason}")


def test_a_good_number_is_enough() -> None:
    contact = taken("phone,mobile,home", ["12", "07400 123456", "+447400123456"])
    assert digits(contact) == [447400123456]
    assert isinstance(contact, Contact)
    assert contact.phones[0].kind == "mobile"
    assert [(refusal.column, refusal.reason) for refusal in contact.left_out] == [("phone", NOT_VALID)]
    assert why(taken("phone,mobile", ["", " "])) == ": has no phone number"


def test_at_most_ten_numbers() -> None:
    cells = [f"+4420794601{n:02d}" for n in range(12)]
    contact = taken(",".join(f"phone{n}" for n in range(12)), cells)
    assert isinstance(contact, Contact)
    assert (len(contact.phones), len(contact.left_out)) == (10, 2)


@pytest.mark.parametrize(
    ("headings", "cells", "said"),
    [
        ("phone,country", ("020 7946 0123", "UK"), "country: is no country: `UK`; did you mean `GB`?"),
        (
            "phone,zone",
            ("020 7946 0123", "Europe/Londn"),
            "zone: is no time zone: `Europe/Londn`; did you mean `Eur",
        ),
        ("phone,state", ("+12125550123", "Nwe York"), "state: is no state of US: `Nwe York`; did you mean `New York`?"),
        ("phone,state", ("+442079460123", "England"), "state: is no state: `England`"),
        ("phone,priority", ("+442079460123", "1001"), "priority: is no priority: `1001`"),
        ("phone,key", ("+442079460123", "k" * 201), "key: is too long: 201 characters"),
        ("phone,name", ("+442079460123", "k" * 201), "name: is too long: 201 characters"),
        ("phone,city", ("+442079460123", "k" * 4001), "city: is too long: 4,001 characters"),
        ("phone,field.a:number", ("+442079460123", "1,234"), "field.a:number: is no number: `1,234`"),
        ("phone,field.a:date", ("+442079460123", "11/12/2026"), "field.a:date: is no date"),
        ("phone,field.a:date", ("+442079460123", "2026-02-30"), "field.a:date: is no date"),
        ("phone,field.a:yes_no", ("+442079460123", "maybe"), "field.a:yes_no: is neither yes nor no"),
    ],
)
def test_cells_that_are_refused(headings: str, cells: tuple[str, ...], said: str) -> None:
    assert why(taken(headings, cells)).startswith(said)


def test_a_whole_contact() -> None:
    headings = "id,first name,last name,phone,country,state,zone,debt,priority,due:,paid,City"
    cells = [
        "K1",
        " Zoe ",
        "",
        "(212) 555-0123",
        "us",
        "new york",
        "America/New_York",
        "D",
        "-5",
        "12.50",
        "Yes",
        "'=x",
    ]
    contact = taken(headings, cells, **{"due:": "field.due:number", "paid": "field.paid:yes_no"})
    assert isinstance(contact, Contact)
    assert (contact.key, contact.name, contact.country, contact.state) == ("K1", "Zoe", "US", "NY")
    assert (contact.zone, contact.debt, contact.priority) == ("America/New_York", "D", -5)
    assert json.loads(contact.fields) == {"due": 12.5, "paid": True, "city": "=x"}


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_what_is_disarmed_is_the_same_once_it_is_bare(text: str) -> None:
    safe = harmless(text.strip())
    assert safe[:1] not in tuple("=+-@\t\r")
    assert bare(safe) == text.strip()


# ── numbering plans ──────────────────────────────────────────────────────────────────────────────

EXAMPLES = [
    (country, number)
    for country in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in range(11)
    if (number := phonenumbers.example_number_for_type(country, kind)) is not None
]


def _some_number(draw: random.Random) -> tuple[str, str]:
    """A number near a valid one, of any country, in one of the forms in which people write it; and the country."""
    country, example = draw.choice(EXAMPLES)
    national = list(phonenumbers.national_significant_number(example))
    for _ in range(draw.choice((0, 1, 2, 4, 8))):
        national[-draw.randint(1, len(national))] = draw.choice("0123456789")
    text = "".join(national)[: draw.choice((None, None, None, -1))] + draw.choice(("", "", "", "7"))
    code, trunk = str(example.country_code), phonenumbers.ndd_prefix_for_region(country, True) or ""
    form = draw.choice((f"+{code}", f"00{code}", "", trunk, code, f"+{code}{trunk}"))
    return form + text, country if draw.random() < 0.95 else draw.choice(("US", "GB", "IT", "AR", "BR", "KZ", "001"))


@pytest.mark.parametrize("seed", range(4))
def test_what_is_known_is_what_phonenumbers_says(seed: int) -> None:
    """Numbers of all countries: the short way gives the answers of the long one, for the number and for its place."""
    draw, places, yes, missed = random.Random(seed), Places(), 0, 0
    for _ in range(10_000):
        text, country = _some_number(draw)
        found, digits_ = known(text, country), e164_digits(text, country)
        missed += found is None and digits_ != ""
        if found is None:
            continue
        yes += 1
        number = phonenumbers.parse("+" + digits_, None)
        assert found.digits == digits_, (text, country)
        assert found.region == phonenumbers.region_code_for_number(number), (text, country)
        assert places.all[places.of(found)] == asked(number), (text, country)
    assert yes > 3_000
    assert missed < yes / 30  # the short way is the common one


def test_places_are_what_phonenumbers_says() -> None:
    for seed in range(3_000):
        text, country = _some_number(random.Random(seed))
        if not (digits_ := e164_digits(text, country)):
            continue
        number = phonenumbers.parse("+" + digits_, None)
        place = asked(number)
        zones = timezone.time_zones_for_number(number)
        assert place.zones == (() if zones == ("Etc/Unknown",) else zones)
        description = geocoder.description_for_number(number, "en")
        if place.country in ("US", "CA") and ", " in description:
            assert description.endswith(f", {place.states[0]}")


@pytest.mark.parametrize(
    ("number", "country", "states", "zone"),
    [
        ("+13055550123", "US", ("FL",), "America/New_York"),
        ("+18005550123", "US", (), "America/New_York"),
        ("+12025550123", "US", ("DC",), "America/New_York"),
        ("+19025550123", "CA", ("NS", "PE"), "America/Halifax"),
        ("+442079460123", "GB", (), "Europe/London"),
        ("+80012345678", "", (), ""),
    ],
)
def test_places(number: str, country: str, states: tuple[str, ...], zone: str) -> None:
    places = Places()
    found = known(number, "GB")
    assert found is not None
    place = places.all[places.of(found)]
    assert (place.country, place.states) == (country, states)
    assert zone in (*place.zones, "")


def test_the_csv_module_gives_nothing_away() -> None:
    """What reading.py counts on: after an error the reader goes on with the next line."""
    reader = csv.reader(iter(['"a"b,c\n', "d,e\n"]), strict=True)
    with pytest.raises(csv.Error, match="expected after"):
        next(reader)
    assert next(reader) == ["d", "e"]


def test_how_fast_it_was_is_told_of_lists_that_take_a_second_or_more() -> None:
    assert read_in(200, 0.04) == "200 rows read in 0.04 s"
    assert read_in(30_000, 2.0) == "30,000 rows read in 2.0 s (15,000 a second)"
