"""Where a number of the public network may be: country, time zones, states. phonenumbers says so by a number's first
digits. Its answers take some hundred µs each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import timezone
from phonenumbers.phonenumberutil import is_number_type_geographical

from callctl.core.addresses import E164
from callctl.core.contacts import Number
from callctl.states import OF_NUMBERS, STATES

_NORTH_AMERICA = "1"
TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})
"""Countries to phonenumbers, and of the US to its law."""


class Place(NamedTuple):
    country: str
    """ISO 3166; empty: it may be of several."""
    zones: tuple[str, ...]
    """IANA; none: not known."""
    states: tuple[str, ...]
    """Of the US or Canada; none: any."""


def number_of(address: E164) -> Number:
    """A valid number, with where it may be."""
    place = asked(phonenumbers.parse("+" + address.digits, None))
    return Number(address, country=place.country, zones=place.zones, states=place.states)


def asked(number: phonenumbers.PhoneNumber) -> Place:
    """What phonenumbers says about a number, without any shortcut."""
    region = phonenumbers.region_code_for_number(number) or ""
    kind = phonenumbers.number_type(number)
    states: tuple[str, ...] = ()
    if is_number_type_geographical(kind, number.country_code or 0):
        digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
        states = states_of(digits, region)
    return where(region, timezone.time_zones_for_number(number), states)


def where(region: str, zones: Iterable[str], states: tuple[str, ...]) -> Place:
    """The place, of phonenumbers' words: 001 is of no country, and territories of the US are states of it."""
    known = tuple(zone for zone in zones if zone != timezone.UNKNOWN_TIMEZONE)
    if region in TERRITORIES:
        return Place("US", known, (region,))
    return Place("" if region == "001" else region, known, states)


def states_of(digits: str, region: str) -> tuple[str, ...]:
    """Of the digits of a number with an area, in the US or Canada; none: any."""
    if region not in STATES:
        return ()
    areas = _areas()
    for length in range(longest_area(), 0, -1):
        if (name := areas.get(digits[:length])) is not None:
            return _named_states(name, region)
    return ()


def _named_states(name: str, region: str) -> tuple[str, ...]:
    """Of `Miami, FL`, `California`, `Nova Scotia/Prince Edward Island`; none where one of them is not clear."""
    ends = name.rpartition(", ")[2].split("/")
    codes = tuple(OF_NUMBERS.get(end, end) for end in ends)
    return codes if all(code in STATES[region] for code in codes) else ()


@cache
def _areas() -> Mapping[str, str]:
    """phonenumbers' English names of places in North America, by prefix. Its data is large, and read only here."""
    from phonenumbers.geodata import GEOCODE_DATA

    return {
        prefix: names["en"] for prefix, names in GEOCODE_DATA.items() if prefix[0] == _NORTH_AMERICA and "en" in names
    }


@cache
def longest_area() -> int:
    """The longest prefix of an area, in digits."""
    return max(map(len, _areas()))
