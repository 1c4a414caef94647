"""Numbers: what becomes which address, and that nothing from outside can raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.core.addresses import E164, Emergency, Extension, ShortCode, Withheld
from callctl.core.policy import EmergencyPolicy, Feature, HangUp, NumberRules, Policy
from callctl.numbers import Numbering, for_trunk, from_to_header, mask

pytestmark = pytest.mark.adapter

HOUSE = Numbering(
    country="GB",
    emergency=frozenset({"112", "999"}),
    short_codes=frozenset({"118500"}),
    features=frozenset({"*45"}),
    extensions=frozenset({"101", "200"}),
)
FRANCE = NumberRules(country="FR")
AMERICA = NumberRules(country="US")


@pytest.mark.parametrize(
    ("text", "rules", "address"),
    [
        ("+442079460000", None, E164("442079460000")),
        ("00442079460000", None, E164("442079460000")),
        ("020 7946 0000", None, E164("442079460000")),
        ("(020) 7946-0000", None, E164("442079460000")),
        ("442079460000", NumberRules(country="GB"), E164("442079460000")),
        ("0140000000", FRANCE, E164("33140000000")),
        ("+33140000000", AMERICA, E164("33140000000")),
        ("0033140000000", AMERICA, E164("33140000000")),
        ("01133140000000", AMERICA, E164("33140000000")),
        ("2025550123", AMERICA, E164("12025550123")),
        ("112", None, Emergency("112")),
        ("999", FRANCE, Emergency("999")),
        ("118500", None, ShortCode("118500")),
        ("*45", None, ShortCode("*45")),
        ("101", None, Extension("101")),
    ],
)
def test_addresses(text: str, rules: NumberRules | None, address: object) -> None:
    assert HOUSE.parse(text, rules) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "anonymous", "102", "*99", "+44", "+4420794600001111", "07700", "1-800-FLOWERS",
        "+442079460000x12", "tel:+442079460000", "+442079460000;ext=1", "++442079460000", "44207946+00",
        "٠٢٠٧٩٤٦٠٠٠٠",
        "+44207946\r\n0000", "+442079460000\0", '"+442079460000"', "${EXTEN}", "101,1",
        "\udcff\udcfe", "1" * 10_000,
    ],
)  # fmt: skip
def test_what_is_no_number_is_withheld_and_masked(text: str) -> None:
    address = HOUSE.parse(text)
    assert isinstance(address, Withheld)
    assert address.said.isprintable()
    assert len(address.said) <= 65


def test_a_caller_from_a_trunk_is_nobody_in_the_house() -> None:
    assert HOUSE.parse_caller("101") == Extension("101")
    for text in ("101", "112", "*45"):
        assert isinstance(HOUSE.parse_caller(text, FRANCE), Withheld)
    assert HOUSE.parse_caller("118500", FRANCE) == ShortCode("118500")
    assert HOUSE.parse_caller("+442079460000", FRANCE) == E164("442079460000")


@pytest.mark.parametrize(
    ("digits", "send", "country", "sent"),
    [
        ("442079460000", "+", "GB", "+442079460000"),
        ("442079460000", "00", "GB", "00442079460000"),
        ("442079460000", "national", "GB", "02079460000"),
        ("442079460000", "national", "FR", "00442079460000"),
        ("33140000000", "national", "FR", "0140000000"),
        ("12025550123", "national", "US", "2025550123"),
    ],
)
def test_what_a_trunk_is_sent(digits: str, send: str, country: str, sent: str) -> None:
    assert for_trunk(E164(digits), NumberRules(country=country, send=send)) == sent


@pytest.mark.parametrize(
    ("header", "user"),
    [
        ("<sip:+442079460000@192.0.2.1:5060;user=phone>;tag=1", "+442079460000"),
        ('"A, B" <sips:101@pbx>', "101"),
        ('"sip:999@evil" <sip:101@pbx>', "101"),
        ('"<sip:999@evil>" <sip:101@pbx>', "101"),
        ("sip:02079460000@pbx", "02079460000"),
        ("sip:%2B442079460000@pbx", "+442079460000"),
        ("sip:101:secret@pbx", "101"),
        ("sip:101;phone-context=x@pbx", "101"),
        ("tel:+442079460000", "+442079460000"),
        ("sip:192.0.2.1", ""),
        ("<sip:192.0.2.1>", ""),
        ("", ""),
        ("nonsense", ""),
        ("sip:" + "1" * 10_000 + "@pbx", ""),
    ],
)
def test_the_user_part_of_a_header(header: str, user: str) -> None:
    assert from_to_header(header) == user


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+442079460123", "+442*******23"),
        ("02079460", "02****60"),
        ("101", "***"),
        ("", ""),
        ("ab\r\ncdefgh", "ab??****gh"),
    ],
)
def test_masks(number: str, masked: str) -> None:
    assert mask(number) == masked


def test_numbering_of_a_policy() -> None:
    policy = Policy(
        country="GB",
        entries={Extension("200"): HangUp(), E164("442079460000"): HangUp()},
        features={"*45": Feature.LOGIN},
        short_codes=(ShortCode("118500"),),
        emergency=EmergencyPolicy(numbers=(Emergency("112"),)),
    )
    assert Numbering.of(policy) == Numbering(
        "GB", frozenset({"112"}), frozenset({"118500"}), frozenset({"*45"}), frozenset({"200"})
    )


@given(
    text=st.text(st.characters(codec=None, exclude_categories=[]), max_size=200),
    country=st.sampled_from(["GB", "US", "IT"]),
)
def test_nothing_raises(text: str, country: str) -> None:
    rules = NumberRules(country=country)
    for address in (
        HOUSE.parse(text, rules),
        HOUSE.parse_caller(text, rules),
        HOUSE.parse(from_to_header(text)),
    ):
        if isinstance(address, E164):
            for send in ("+", "00", "national"):
                assert set(for_trunk(address, NumberRules(country=country, send=send))) <= set("+0123456789")
    assert mask(text).isprintable()


@given(digits=st.from_regex(r"\A(\+|00|0|)[0-9]{2,18}\Z"))
def test_a_number_written_out_again_is_the_same_number(digits: str) -> None:
    address = HOUSE.parse(digits, FRANCE)
    if isinstance(address, E164):
        assert HOUSE.parse(str(address), FRANCE) == address
        assert HOUSE.parse("00" + address.digits, FRANCE) == address
