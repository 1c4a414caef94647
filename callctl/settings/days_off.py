"""Public holidays, as the `holidays` library computes them: places are closed, and some laws let nobody be called.

The library is imported only where somebody names holidays, and of its some 250 countries only the one that is named:
to import it costs about 0.1 s, all countries as much again, once for each process.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from holidays import HolidayBase

FIRST_YEAR, LAST_YEAR = 2024, 2040
"""Of these, the last one included, holidays are known to the core. Fixed, so that the same files always give the same
policy."""
_EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


@lru_cache(maxsize=32)
def days_off(country: str, subdivision: str | None, categories: tuple[str, ...]) -> frozenset[int]:
    """The holidays of a country (ISO 3166), or of its part, as days since 1970-01-01. What the library does not have
    is found beforehand, by `subdivisions` and `categories_of`."""
    known = _country(country)
    assert known is not None
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    with warnings.catch_warnings():
        # Of a few countries it knows fewer years (their holidays are announced, not computed), and of some it says so.
        warnings.simplefilter("ignore")
        return frozenset(day_number(day) for day in known(years=years, subdiv=subdivision, categories=categories))


def last_year(country: str, subdivision: str | None, categories: tuple[str, ...]) -> int | None:
    """The last year of which it has holidays, LAST_YEAR at the most; None: it has none at all."""
    days = days_off(country, subdivision, categories)
    return (_EPOCH + timedelta(days=max(days))).year if days else None


def subdivisions(country: str) -> tuple[str, ...] | None:
    """The parts of a country that have holidays of their own; None: the library does not have the country."""
    known = _country(country)
    return None if known is None else _words(known.subdivisions)


def categories_of(country: str) -> tuple[str, ...]:
    """The kinds of holidays that the library has of a country."""
    known = _country(country)
    return () if known is None else _words(known.supported_categories)


def _words(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(words))


@lru_cache(maxsize=32)
def _country(code: str) -> type[HolidayBase] | None:
    import holidays
    from holidays.registry import COUNTRIES

    for module, (name, *codes) in COUNTRIES.items():
        if code in codes:
            # By its file, since the package that it is in imports every country of the world.
            path = Path(holidays.__file__).parent / "countries" / f"{module}.py"
            spec = importlib.util.spec_from_file_location(f"holidays.countries.{module}", path)
            assert spec is not None
            assert spec.loader is not None
            loaded = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(loaded)
            return cast("type[HolidayBase]", getattr(loaded, name))
    return None
