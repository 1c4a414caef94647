"""Where the numbers of a list may be, as callctl.places says.

Its answers take some hundred µs each, so they are kept by just so many digits as phonenumbers' data looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import phonenumbers
from phonenumbers.tzdata import TIMEZONE_DATA

from callctl.lists.plans import Known
from callctl.places import Place, asked, longest_area, states_of, where

_NORTH_AMERICA = "1"


class Places:
    """Places of numbers, each with a number of its own, from 0."""

    def __init__(self) -> None:
        self.all: list[Place] = []
        self._index: dict[Place, int] = {}
        self._seen: dict[tuple[str, str], int] = {}

    def of(self, known: Known) -> int:
        """The place of a valid number."""
        digits, code, region, local = known
        key = (digits[: _digits_that_count(code)] if local else code, region)
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = self._kept(_place(known))
        return found

    def of_parsed(self, number: phonenumbers.PhoneNumber) -> int:
        """As `of`, of a number that only phonenumbers itself could read."""
        return self._kept(asked(number))

    def _kept(self, place: Place) -> int:
        found = self._index.get(place)
        if found is None:
            found = self._index[place] = len(self.all)
            self.all.append(place)
        return found


def _place(known: Known) -> Place:
    digits, code, region, local = known
    zones = _longest(TIMEZONE_DATA, digits, _digits_that_count(code)) if local else TIMEZONE_DATA.get(code)
    states = states_of(digits, region) if local else ()
    return where(region, zones or (), states)


def _longest(data: Mapping[str, tuple[str, ...]], digits: str, longest: int) -> tuple[str, ...] | None:
    for length in range(longest, 0, -1):
        if (found := data.get(digits[:length])) is not None:
            return found
    return None


@cache
def _digits_that_count(code: str) -> int:
    """The longest beginning of a number with this calling code that the data tells apart from others."""
    longest = max((len(prefix) for prefix in TIMEZONE_DATA if prefix.startswith(code)), default=len(code))
    return max(longest, longest_area()) if code == _NORTH_AMERICA else longest
