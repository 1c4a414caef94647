"""Values in text, digits that fit, and comparisons: of whatever a caller or a server may give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.core.conditions import compares, fill, fits, holds, is_pattern, lengths, luhn, names_in, stray_brace
from callctl.core.flows import Compares, Relation

pytestmark = pytest.mark.core

VALUES = {"order": "4711", "due": "2026-12-24", "odd": "{order}"}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("{order}", "4711"),
        ("no. {order}, due {due}", "no. 4711, due 2026-12-24"),
        ("{missing}", ""),
        ("{odd}", "{order}"),  # what a value says is no template
        ("{{order}}", "{order}"),
        ("{{{order}}}", "{4711}"),
        ("{ order}", "{ order}"),
        ("{order", "{order"),
        ("order}", "order}"),
        ("{0}{order!r}{order.x}", "{0}{order!r}{order.x}"),
    ],
)
def test_values_in_text(template: str, text: str) -> None:
    assert fill(template, VALUES) == text


def test_values_are_written_as_the_place_wants_them() -> None:
    assert fill("<{odd}>", VALUES, lambda value: value.replace("{", "%7B").replace("}", "%7D")) == "<%7Border%7D>"


def test_names() -> None:
    assert names_in("{a}, {{b}}, {c}{a} {d") == ("a", "c", "a")
    assert [stray_brace(text) for text in ("", "{a}", "{{", "x{", "{a}{ b}", "{1}", "}")] == [-1, -1, -1, 1, 3, 0, -1]


@given(st.text(alphabet="{}ab 1_", max_size=12))
def test_any_template_is_text(template: str) -> None:
    assert isinstance(fill(template, {"a": "{b}", "b": "}"}), str)
    if stray_brace(template) < 0:
        assert fill(template.replace("{", "{{").replace("}", "}}"), {}) == template


def test_luhn() -> None:
    assert all(luhn(digits) for digits in ("79927398713", "4111111111111111", "0", "18"))
    assert not any(luhn(digits) for digits in ("", "79927398710", "1", "4111-1111", "٠", "*", "²"))


@given(st.text(alphabet="0123456789", min_size=1, max_size=31))
def test_every_number_has_one_check_digit(digits: str) -> None:
    assert sum(luhn(f"{digits}{check}") for check in range(10)) == 1


@pytest.mark.parametrize(
    ("pattern", "good", "wrong"),
    [
        ("NXX", ["200", "999"], ["100", "20", "2000", "", "2*0"]),
        ("nxx", ["234"], ["134"]),
        ("Z.", ["10", "1*#"], ["1", "0123", ""]),
        ("12!", ["12", "1234"], ["1", "21"]),
        ("!", ["", "1", "*#"], []),
        ("[15-7]X", ["10", "59", "60", "71"], ["20", "80", "1"]),
        ("*1#", ["*1#"], ["*1", "1"]),
        ("", [""], ["1"]),
    ],
)
def test_patterns(pattern: str, good: list[str], wrong: list[str]) -> None:
    assert [text for text in [*good, *wrong] if fits(pattern, text)] == good


@pytest.mark.parametrize("pattern", [".X", "!!", "[", "[]", "[7-5]", "[X]", "A", "X-X", "_X", "X]", "1.!", "[1-]", "é"])
def test_what_is_no_pattern_fits_nothing(pattern: str) -> None:
    assert not is_pattern(pattern)
    assert not any(fits(pattern, text) for text in ("", "1", "12", pattern))


def test_how_many_digits_fit() -> None:
    assert [lengths(it) for it in ("NXX", "Z.", "12!", "[1-5][12]")] == [(3, 3), (2, None), (2, None), (2, 2)]


@given(st.text(alphabet="XZN[]-.!0159*#", max_size=8), st.text(alphabet="0159*#", max_size=8))
def test_what_fits_has_one_of_the_lengths(pattern: str, digits: str) -> None:
    if is_pattern(pattern) and fits(pattern, digits):
        least, most = lengths(pattern)
        assert least <= len(digits) <= (len(digits) if most is None else most)


@pytest.mark.parametrize(
    ("relation", "value", "to", "so"),
    [
        (Relation.IS, "12", ("13", "12"), True),
        (Relation.IS, "12", ("012",), False),
        (Relation.IS, "", ("",), True),
        (Relation.BEGINS, "+4420", ("+33", "+44"), True),
        (Relation.BEGINS, "+4420", ("",), False),
        (Relation.FITS, "234", ("1X", "NXX"), True),
        (Relation.ABOVE, "9.5", ("9",), True),
        (Relation.ABOVE, "10", ("9",), True),
        (Relation.ABOVE, "9.0", ("9",), False),
        (Relation.BELOW, "-3", ("2",), True),
        (Relation.BELOW, "9", ("9.00",), False),
        (Relation.BELOW, "", ("9",), False),
        (Relation.ABOVE, "", ("-9",), False),
        (Relation.ABOVE, "1e9", ("3",), False),
        (Relation.BELOW, "NaN", ("3",), False),
        (Relation.BELOW, "3", ("many",), False),
        (Relation.BELOW, "٣", ("9",), False),
    ],
)
def test_comparing(relation: Relation, value: str, to: tuple[str, ...], so: bool) -> None:
    assert compares(relation, value, to) is so


def test_both_sides_may_have_values() -> None:
    assert holds(Compares("{order}", Relation.IS, ("1", "{order}")), VALUES)
    assert holds(Compares("{due}/{order}", Relation.BEGINS, ("2026-12-24/47",)), VALUES)
    assert holds(Compares("{order}", Relation.FITS, ("NXXX",)), VALUES)
    assert not holds(Compares("{order}", Relation.BEGINS, ("{missing}",)), VALUES)


@given(st.sampled_from(Relation), st.text(max_size=8), st.lists(st.text(max_size=8), max_size=3))
def test_any_comparison_is_so_or_not(relation: Relation, value: str, to: list[str]) -> None:
    assert compares(relation, value, tuple(to)) in (True, False)
