"""What kind of place an IP address is: who follows a redirect must not end up inside the house.

From the registries of IANA (special-purpose addresses, IPv4 and IPv6), and the addresses at which clouds give their
machines passwords.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address


class Place(StrEnum):
    PUBLIC = "public"
    LOOPBACK = "loopback"
    PRIVATE = "private"
    SHARED = "shared"
    """Behind a carrier's NAT (RFC 6598)."""
    LINK_LOCAL = "link_local"
    METADATA = "metadata"
    """Where a cloud tells a machine about itself, passwords included."""
    MULTICAST = "multicast"
    NOWHERE = "nowhere"
    """Unspecified, broadcast, for documents and measurements, or given to nobody."""


INSIDE = frozenset(Place) - {Place.PUBLIC}
"""Where nobody else may send us."""
NEVER_BY_NAME = frozenset({Place.LINK_LOCAL, Place.METADATA, Place.MULTICAST, Place.NOWHERE})
"""Where no server of a house is: a name that leads there was made to."""

_METADATA = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # most of them
            "169.254.170.2",  # AWS, containers
            "169.254.170.23",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",  # Google
            "100.100.100.200",  # Alibaba
            "168.63.129.16",  # Azure: a public address
            "192.0.0.192",  # Oracle
        ),
    )
)

_V4 = tuple(
    (IPv4Network(network), place)
    for network, place in (
        ("0.0.0.0/8", Place.NOWHERE),
        ("10.0.0.0/8", Place.PRIVATE),
        ("100.64.0.0/10", Place.SHARED),
        ("127.0.0.0/8", Place.LOOPBACK),
        ("169.254.0.0/16", Place.LINK_LOCAL),
        ("172.16.0.0/12", Place.PRIVATE),
        ("192.0.0.0/24", Place.NOWHERE),
        ("192.0.2.0/24", Place.NOWHERE),
        ("192.88.99.0/24", Place.NOWHERE),
        ("192.168.0.0/16", Place.PRIVATE),
        ("198.18.0.0/15", Place.NOWHERE),
        ("198.51.100.0/24", Place.NOWHERE),
        ("203.0.113.0/24", Place.NOWHERE),
        ("224.0.0.0/4", Place.MULTICAST),
        ("240.0.0.0/4", Place.NOWHERE),
    )
)
_V6 = tuple(
    (IPv6Network(network), place)
    for network, place in (
        ("::1/128", Place.LOOPBACK),
        ("fe80::/10", Place.LINK_LOCAL),
        ("fec0::/10", Place.PRIVATE),  # site-local, given up in 2004
        ("fc00::/7", Place.PRIVATE),
        ("ff00::/8", Place.MULTICAST),
        ("64:ff9b:1::/48", Place.PRIVATE),  # a house's own NAT64: where in it the IPv4 address is, nobody can tell
        ("2001::/23", Place.NOWHERE),  # for protocols; Teredo among them, which leads to any IPv4 address
        ("2001:db8::/32", Place.NOWHERE),
        ("3fff::/20", Place.NOWHERE),
    )
)
_GLOBAL = IPv6Network("2000::/3")
"""Of the rest only this is given to anybody."""
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


def place_of(address: IPv4Address | IPv6Address) -> Place:
    """What is there. An IPv6 address that stands for an IPv4 address is where that is."""
    if isinstance(address, IPv6Address):
        address = IPv6Address(int(address))  # without a zone
        if (inner := _ipv4_in(address)) is not None:
            return place_of(inner)
    if address in _METADATA:
        return Place.METADATA
    if isinstance(address, IPv4Address):
        return next((place for network, place in _V4 if address in network), Place.PUBLIC)
    known = next((place for network, place in _V6 if address in network), None)
    return known or (Place.PUBLIC if address in _GLOBAL else Place.NOWHERE)


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a URL's host is, without brackets; None: it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _ipv4_in(address: IPv6Address) -> IPv4Address | None:
    """Mapped, translated (NAT64), 6to4, or the old compatible form."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
