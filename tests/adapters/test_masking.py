"""What reads like a number of the public network is hidden however it is written; what only has its digits is not."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import IPv4Address
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.core.ids import IdSource
from callctl.runtime.masking import MASKED, Masking

pytestmark = pytest.mark.adapter

GROUPS = st.lists(st.text("0123456789", min_size=2, max_size=4), min_size=3, max_size=4)
WORDS = st.sampled_from(["", "call ", "from: ", "sip:", "tel.", "<", '"', "back to ("])
AFTER = st.sampled_from(["", " now", ".", ", please", ">", '"', "?", "!"])


def shown(text: str) -> str:
    return re.sub(r"\D", "", MASKED.text(text))


@pytest.mark.parametrize(
    ("written", "masked"),
    [
        ("call 0612345678.", "call 061…78."),
        ("06 12 34 56 78", "061…78"),
        ("06.12.34.56.78", "061…78"),
        ("06-12345678", "061…78"),
        ("+33 (0)6 12 34 56 78", "+33…78"),
        ("+44 20 7946 0018", "+44…18"),
        ("(555) 123-4567", "555…67"),
        ("(555) 123.4567", "555…67"),
        ("555.123.4567", "555…67"),
        ("+1-555-123-4567, then", "+15…67, then"),
        ("06 12 34 56 78 06 87 65 43 21", "061…21"),
        ("0612345678 0687654321", "061…78 068…21"),
        ("sip:+33612345678@10.0.0.1:5060", "sip:+33…78@10.0.0.1:5060"),
        ("PJSIP/33612345678-0000001a", "PJSIP/336…78-0000001a"),
        ("at 2026-11-22 02:31:20 06 12 34 56 78 called", "at 2026-11-22 02:31:20 061…78 called"),
    ],
)
def test_numbers_are_hidden_as_people_write_them(written: str, masked: str) -> None:
    assert MASKED.text(written) == masked
    assert Masking(unmask=True).text(written) == written


@pytest.mark.parametrize(
    "text",
    [
        "Asterisk 22.10.1 and 22.11.0-rc1, not 6.170.15",
        "1763778680.12",
        "1790000000123457",
        "PJSIP/2001-00000012",
        "192.168.100.200, 127.0.0.1:8088, 10.10.100.0/24",
        "2026-11-22T02:31:20.123456Z",
        "2026-11-22 02:31:20,123 and 2026-11-22",
        "2001:db8:1234:5678::1",
        "550e8400-e29b-41d4-a716-446655440000",
        "took 1234567.25 s; port 65535; 20 of 200",
        "config/here.yaml:12:34: queues",
    ],
)
def test_what_is_no_number_is_shown(text: str) -> None:
    assert MASKED.text(text) == text


@given(WORDS, st.sampled_from(["+33", "0033", "+4", "0", "06"]), GROUPS, st.sampled_from(" .-"), AFTER)
def test_every_grouped_number_is_hidden(before: str, prefix: str, groups: list[str], sep: str, after: str) -> None:
    number = prefix + sep.join(groups)
    assert len(shown(before + number + after)) <= 5, MASKED.text(before + number + after)


@given(WORDS, st.text("123456789", min_size=2, max_size=3), st.text("0123456789", min_size=6, max_size=10), AFTER)
def test_an_area_code_in_parentheses_hides_nothing_from_the_mask(before: str, area: str, rest: str, after: str) -> None:
    assert len(shown(f"{before}({area}) {rest}{after}")) <= 5


@given(
    st.one_of(
        st.integers(0, 2**64 - 1).map(lambda seed: IdSource(seed).ulid(1_790_000_000_000_000)),
        st.integers(0, 2**32 - 1).map(lambda address: str(IPv4Address(address))),
        st.integers(0, 2**128 - 1).map(lambda number: str(UUID(int=number))),
        st.datetimes(datetime(1970, 1, 1), datetime(2099, 1, 1)).map(lambda at: at.isoformat()),
        st.datetimes(datetime(1970, 1, 1), datetime(2099, 1, 1)).map(lambda at: at.replace(tzinfo=UTC).isoformat(" ")),
        st.tuples(st.integers(0, 99), st.integers(0, 999), st.integers(0, 99)).map(lambda v: "{}.{}.{}".format(*v)),
        st.tuples(st.integers(1_000_000_000, 1_999_999_999), st.integers(0, 10**7)).map(lambda v: "{}.{}".format(*v)),
    ),
    st.sampled_from(["{}", "at {}", "{}: gone", "<{}>", "is {}.", "{}, {}"]),
)
def test_ids_addresses_times_and_versions_are_shown(it: str, around: str) -> None:
    text = around.format(it, it)
    assert MASKED.text(text) == text
