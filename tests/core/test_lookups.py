"""A lookup's URL and the values of its answer."""

from __future__ import annotations

import ipaddress
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.core.lookups import LONGEST_URL, LONGEST_VALUE, Number, fill, pick, pointer_mistake, template_mistake

pytestmark = pytest.mark.core

NAMES = {"number", "order"}


@pytest.mark.parametrize(
    "template",
    [
        "https://crm.example.com",
        "http://127.0.0.1:8080/orders/{order}",
        "http://[::1]:8080/a?n={number}&o={order}",
        "http://crm/",
        "https://crm.internal./o/{order}/x?y=%20z",
        "http://my_crm-1:65535/a;b=c/{order}.json",
        "https://crm.example.com?n={number}",
    ],
)
def test_a_template_that_can_be_used(template: str) -> None:
    assert template_mistake(template, NAMES) is None
    filled = fill(template, {"number": "+44", "order": "17"})
    assert filled is not None
    assert urlsplit(filled).netloc == urlsplit(template).netloc


@pytest.mark.parametrize(
    ("template", "wrong"),
    [
        ("", "no URL"),
        ("crm.example.com/x", "no URL"),
        ("ftp://crm/x", "no URL"),
        ("HTTP://crm/x", "no URL"),
        ("file:///etc/passwd", "no URL"),
        ("http://", "no server"),
        ("http:///x", "no server"),
        ("http://{order}/x", "who is asked"),
        ("http://crm:{order}/x", "who is asked"),
        ("http://u:p@crm/x", "lookup_headers"),
        ("http://crm@evil/x", "lookup_headers"),
        ("http://crm:0/x", "no port"),
        ("http://crm:65536/x", "no port"),
        ("http://crm:/x", "no port"),
        ("http://127.1/x", "no server"),
        ("http://2130706433/x", "no server"),
        ("http://0x7f.0.0.1/x", "no server"),
        ("http://0x7f000001/x", "no server"),
        ("http://127.0.0.01/x", "no server"),
        ("http://300.0.0.1/x", "no server"),
        ("http://[::1/x", "no server"),
        ("http://[fe80::1%25eth0]/x", "no server"),
        ("http://[127.0.0.1]/x", "no server"),
        ("http://crm\\evil/x", "no server"),
        ("http://cr m/x", "no server"),
        ("http://crm\n/x", "no server"),
        ("http://crém/x", "no server"),
        ("http://-crm/x", "no server"),
        ("http://crm/x#y", "never sent"),
        ("http://crm/{who}", "no variable `who`"),
        ("http://crm/{order", "a brace"),
        ("http://crm/order}", "a brace"),
        ("http://crm/{}", "a brace"),
        ("http://crm/{{order}}", "a brace"),
        ("http://crm/{order!r}", "a brace"),
        ("http://crm/a b", "a character"),
        ("http://crm/ä", "a character"),
        ("http://crm/%zz", "a character"),
        ("http://crm/a\r\nX: y", "a character"),
        ("http://crm/x/../y", "`..`"),
        ("http://crm/x/%2e%2E/y", "`..`"),
        ("http://crm/" + "x" * 1000, "longer"),
    ],
)
def test_a_template_with_a_mistake(template: str, wrong: str) -> None:
    assert wrong in (template_mistake(template, NAMES) or "")


@given(st.text(max_size=60))
def test_any_text_is_judged_and_filled(template: str) -> None:
    template_mistake(template, NAMES)
    fill(template, {"order": "1"})


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_value_stays_in_its_place(order: str, number: str) -> None:
    url = fill("http://crm:8080/a/{order}/b?n={number}&z=1", {"order": order, "number": number})
    if url is None:
        read = unquote(unquote(order)).replace("\\", "/")
        assert not order or {".", ".."} & {part.split(";")[0] for part in read.split("/")}
        return
    assert url.isascii()
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("http", "crm:8080", "")
    before, a, filled, b = parts.path.split("/")
    assert (before, a, b) == ("", "a", "b")
    told = order.encode("utf-8", "replace").decode()
    assert unquote(filled) == told
    assert parse_qs(parts.query, keep_blank_values=True) == {
        "n": [number.encode("utf-8", "replace").decode()],
        "z": ["1"],
    }


@pytest.mark.parametrize(
    "order", ["", ".", "..", "../x", "x/..", "..\\x", "%2e%2e", "%2E./x", "..;a", "%252e%252e", "a%2f..%2fb"]
)
def test_a_value_that_would_change_the_path_is_not_asked(order: str) -> None:
    assert fill("http://crm/customers/{order}/x", {"order": order}) is None


@pytest.mark.parametrize("order", ["...", "a..b", "2024/118", "a.b", ".x"])
def test_a_value_with_dots_is_asked(order: str) -> None:
    assert fill("http://crm/{order}", {"order": order}) is not None


def test_two_values_do_not_climb_together() -> None:
    assert fill("http://crm/a/{a}{b}/x", {"a": ".", "b": "."}) is None
    assert fill("http://crm/a/.{a}/x", {"a": "."}) is None


def test_what_is_not_there_is_not_asked() -> None:
    assert fill("http://crm/{order}", {}) is None
    assert fill("http://crm/?n={number}", {}) is None
    assert fill("http://crm/?n={number}", {"number": ""}) == "http://crm/?n="
    assert fill("http://crm?n={number}", {"number": "a&b=c"}) == "http://crm/?n=a%26b%3Dc"
    assert fill("http://crm/{order}", {"order": "x" * LONGEST_URL}) is None
    assert fill("http://crm/{order}", {"order": "{number}", "number": "7"}) == "http://crm/%7Bnumber%7D"


@given(st.ip_addresses())
def test_an_address_is_a_server(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    assert template_mistake(f"http://{host}/", ()) is None


# ── values ───────────────────────────────────────────────────────────────────────────────────

RFC = {
    "foo": ["bar", "baz"],
    "": "0",
    "a/b": "1",
    "c%d": "2",
    "e^f": "3",
    "g|h": "4",
    "i\\j": "5",
    'k"l': "6",
    " ": "7",
    "m~n": "8",
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/foo/0", "bar"),
        ("/foo/1", "baz"),
        ("/", "0"),
        ("/a~1b", "1"),
        ("/c%d", "2"),
        ("/e^f", "3"),
        ("/g|h", "4"),
        ("/i\\j", "5"),
        ('/k"l', "6"),
        ("/ ", "7"),
        ("/m~0n", "8"),
        ("", None),
        ("/foo", None),
        ("/foo/2", None),
        ("/foo/-", None),
        ("/foo/00", None),
        ("/foo/+1", None),
        ("/foo/-1", None),
        ("/foo/1٠", None),
        ("/foo/" + "9" * 5000, None),
        ("/foo/0/0", None),
        ("/nobody", None),
        ("/nobody/x", None),
    ],
)
def test_pointers_as_rfc_6901_has_them(pointer: str, value: str | None) -> None:
    assert pointer_mistake(pointer) is None
    expected = {} if value is None else {"v": value}
    assert pick(RFC, (("v", pointer),)) == (expected, value is not None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Ada", "Ada"),
        ("", ""),
        ("12.50", "12.50"),
        ("1e3", "1e3"),
        (Number("12.50"), "12.50"),
        (Number("-0"), "-0"),
        (Number("1" * 40), "1" * 40),
        (Number("1" * (LONGEST_VALUE + 1)), None),
        (Number("1.25E7"), "12500000"),
        (Number("-5e-3"), "-0.005"),
        (Number("0e0"), "0"),
        (Number("1e30"), "1" + "0" * 30),
        (Number("1e31"), None),
        (Number("1e-31"), None),
        (Number("1e+" + "9" * 5000), None),
        (Number("1" * 5000 + "e1"), None),
        (True, "true"),
        (False, "false"),
        (" two\r\n lines\t", "two lines"),
        ("x" * LONGEST_VALUE, "x" * LONGEST_VALUE),
        ("نمی\u200cخواهم", "نمی\u200cخواهم"),
        ("x" * (LONGEST_VALUE + 1), None),
        ("a\0b", None),
        ("a\x1bb", None),
        ("\ud800", None),
        (None, None),
        ({}, None),
        ([], None),
        ({"a": "b"}, None),
        (["a"], None),
    ],
)
def test_what_is_a_value(value: object, text: str | None) -> None:
    assert pick({"v": value}, (("v", "/v"),)) == ({} if text is None else {"v": text}, text is not None)
    assert pick(value, (("v", ""),)) == ({} if text is None else {"v": text}, text is not None)


def test_some_values_may_be_missing() -> None:
    assert pick({"a": "1"}, (("a", "/a"), ("b", "/b"))) == ({"a": "1"}, False)
    assert pick({"a": "1"}, ()) == ({}, True)


@pytest.mark.parametrize("pointer", ["a", "a/b", "#/a", "/a~", "/a~2"])
def test_a_pointer_with_a_mistake(pointer: str) -> None:
    assert pointer_mistake(pointer)
    pick(RFC, (("v", pointer),))
