"""What kind of place an IP address is."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.networks import Place, literal, place_of

pytestmark = pytest.mark.adapter


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("8.8.8.8", Place.PUBLIC),
        ("1.1.1.1", Place.PUBLIC),
        ("2606:4700::1111", Place.PUBLIC),
        ("2a00:1450::1", Place.PUBLIC),
        ("127.0.0.1", Place.LOOPBACK),
        ("127.255.255.254", Place.LOOPBACK),
        ("::1", Place.LOOPBACK),
        ("10.1.2.3", Place.PRIVATE),
        ("172.16.0.1", Place.PRIVATE),
        ("172.31.255.255", Place.PRIVATE),
        ("172.32.0.0", Place.PUBLIC),
        ("192.168.1.1", Place.PRIVATE),
        ("fc00::1", Place.PRIVATE),
        ("fd12:3456::1", Place.PRIVATE),
        ("fec0::1", Place.PRIVATE),
        ("100.64.0.1", Place.SHARED),
        ("100.127.255.255", Place.SHARED),
        ("100.128.0.0", Place.PUBLIC),
        ("169.254.0.1", Place.LINK_LOCAL),
        ("fe80::1", Place.LINK_LOCAL),
        ("fe80::1%eth0", Place.LINK_LOCAL),
        ("169.254.169.254", Place.METADATA),
        ("fd00:ec2::254", Place.METADATA),
        ("100.100.100.200", Place.METADATA),
        ("168.63.129.16", Place.METADATA),
        ("224.0.0.1", Place.MULTICAST),
        ("239.255.255.250", Place.MULTICAST),
        ("ff02::1", Place.MULTICAST),
        ("0.0.0.0", Place.NOWHERE),
        ("0.1.2.3", Place.NOWHERE),
        ("::", Place.NOWHERE),
        ("255.255.255.255", Place.NOWHERE),
        ("240.0.0.1", Place.NOWHERE),
        ("192.0.2.1", Place.NOWHERE),
        ("198.18.0.1", Place.NOWHERE),
        ("2001:db8::1", Place.NOWHERE),
        ("2001::1", Place.NOWHERE),
        ("4000::1", Place.NOWHERE),
        ("::ffff:127.0.0.1", Place.LOOPBACK),
        ("::ffff:169.254.169.254", Place.METADATA),
        ("::ffff:8.8.8.8", Place.PUBLIC),
        ("::127.0.0.1", Place.LOOPBACK),
        ("::10.0.0.1", Place.PRIVATE),
        ("64:ff9b::7f00:1", Place.LOOPBACK),
        ("64:ff9b::a9fe:a9fe", Place.METADATA),
        ("64:ff9b::808:808", Place.PUBLIC),
        ("64:ff9b:1::7f00:1", Place.PRIVATE),
        ("2002:7f00:1::1", Place.LOOPBACK),
        ("2002:c0a8:101::1", Place.PRIVATE),
    ],
)
def test_what_is_there(address: str, place: Place) -> None:
    assert place_of(ip_address(address)) is place


@given(st.ip_addresses(v=4))
def test_nothing_is_public_that_python_knows_as_special(address: IPv4Address) -> None:
    if place_of(address) is Place.PUBLIC:
        assert address.is_global
        assert not address.is_multicast
    else:
        assert place_of(IPv6Address(0xFFFF << 32 | int(address))) is place_of(address)


@given(st.ip_addresses(v=6))
def test_nothing_is_public_that_python_knows_as_special_in_ipv6(address: IPv6Address) -> None:
    if place_of(address) is Place.PUBLIC and address.sixtofour is None and int(address) >> 32 != 0x64FF9B << 64:
        assert address.is_global or address.ipv4_mapped is not None


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "localhost", "", "[::1]", "127.0.0.01"])
def test_what_is_no_address_is_a_name(host: str) -> None:
    assert literal(host) is None
