"""Numbering plans, compiled: most valid numbers are known for such in a few µs, where phonenumbers needs 60 to 100.

It only ever says yes, with the very answer of `callctl.numbers.e164_digits`: what it is not sure of is asked there.
The data is phonenumbers' own. Names follow it: a national significant number is what follows the calling code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, TypeAlias

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc
from phonenumbers.phonenumberutil import is_number_type_geographical

Match: TypeAlias = Callable[[str], "re.Match[str] | None"]
_NON_GEOGRAPHIC = "001"
_SPECIAL, _FIXED, _MOBILE = 1, 2, 3
"""Groups of a region's pattern."""


class Known(NamedTuple):
    """A valid number."""

    digits: str
    """E.164, without the plus."""
    code: str
    """Its calling code."""
    region: str
    """ISO 3166; 001: of the world."""
    local: bool
    """Whether phonenumbers takes its first digits for a place."""


@dataclass(frozen=True, slots=True)
class _Region:
    name: str
    code: str
    kind: Match
    """Matches valid national significant numbers, in one of three groups."""
    general: Match
    lengths: frozenset[int]
    leading: Match | None
    """Alone says that a number is of this region, where it has such a pattern."""
    trunk_prefix: Match | None
    """What people write before national numbers: 0, mostly."""
    transforms: bool
    """What is found of the trunk prefix is sometimes more than cut off."""
    abroad: Match
    """What people write before international numbers: 00, mostly."""
    mobile_is_local: bool


def known(plain: str, country: str) -> Known | None:
    """The number that `plain` (digits, a plus at most before them) is in that country (ISO 3166).

    None: it is none, or one whose form is not common enough to be known here.
    """
    if plain.startswith("+"):
        return _international(plain[1:])
    if plain.startswith("00"):
        return _international(plain[2:])
    return _national(plain, country) if country in phonenumbers.SUPPORTED_REGIONS else None


def _international(digits: str) -> Known | None:
    regions = _regions_at(digits)
    if not regions:
        return None
    code = regions[0].code
    significant = _stripped(regions[0], digits[len(code) :])
    return None if significant is None else _judged(regions, significant)


def _national(digits: str, country: str) -> Known | None:
    region = _region(*_home(country))
    if region.abroad(digits):
        return None
    significant: str | None
    if digits.startswith(region.code):
        rest = digits[len(region.code) :]
        if region.general(digits):
            significant = _stripped(region, digits) if len(digits) in region.lengths else None
        elif region.general(rest) and not (region.trunk_prefix and region.trunk_prefix(rest)):
            return _international(digits)  # written without its plus
        else:
            return None
    else:
        significant = _stripped(region, digits)
    return None if significant is None else _judged(_regions(int(region.code)), significant)


def _stripped(region: _Region, digits: str) -> str | None:
    """Without the trunk prefix, if it has one; None: phonenumbers would do more than cut it off."""
    found = region.trunk_prefix(digits) if region.trunk_prefix else None
    if found is None:
        return digits
    if region.transforms and found[found.re.groups] is not None:
        return None
    rest = digits[found.end() :]
    if rest == digits or (region.general(digits) and not region.general(rest)):
        return digits
    return rest if len(rest) in region.lengths else None


def _judged(regions: tuple[_Region, ...], significant: str) -> Known | None:
    """The number, if one of the regions that share its calling code says that it is valid."""
    alone = len(regions) == 1
    for region in regions:
        if region.leading is not None and not alone:
            if not region.leading(significant):
                continue
            return _of(region, significant)
        if (found := _of(region, significant)) is not None:
            return found
    return None


def _of(region: _Region, significant: str) -> Known | None:
    found = region.kind(significant)
    if found is None:
        return None
    local = found.lastindex == _FIXED or (found.lastindex == _MOBILE and region.mobile_is_local)
    return Known(region.code + significant, region.code, region.name, local)


# ── phonenumbers' data ───────────────────────────────────────────────────────────────────────────


def _regions_at(digits: str) -> tuple[_Region, ...]:
    """Those whose calling code the digits begin with; no code begins with another."""
    for length in (1, 2, 3):
        if regions := _BY_CODE.get(digits[:length]):
            return regions
    for length in (1, 2, 3):
        start = digits[:length]
        if start and start[0] != "0" and int(start) in COUNTRY_CODE_TO_REGION_CODE:
            return _BY_CODE.setdefault(start, _regions(int(start)))
    return ()


_BY_CODE: dict[str, tuple[_Region, ...]] = {}


@cache
def _regions(code: int) -> tuple[_Region, ...]:
    """Of a calling code, the main one first."""
    return tuple(_region(code, name) for name in COUNTRY_CODE_TO_REGION_CODE[code])


@cache
def _home(country: str) -> tuple[int, str]:
    return phonenumbers.country_code_for_region(country), country


@cache
def _region(code: int, name: str) -> _Region:
    data = PhoneMetadata.metadata_for_region_or_calling_code(code, name)
    assert data is not None
    general = data.general_desc
    assert general is not None
    assert general.national_number_pattern
    prefix = data.national_prefix_for_parsing
    return _Region(
        name=name,
        code=str(code),
        kind=_kinds(data),
        general=re.compile(general.national_number_pattern).fullmatch,
        lengths=frozenset(general.possible_length),
        leading=re.compile(data.leading_digits).match if data.leading_digits is not None else None,
        trunk_prefix=re.compile(prefix).match if prefix else None,
        transforms=bool(data.national_prefix_transform_rule),
        abroad=re.compile(data.international_prefix or "NonMatch").match,
        mobile_is_local=is_number_type_geographical(phonenumbers.PhoneNumberType.MOBILE, code),
    )


def _kinds(data: PhoneMetadata) -> Match:
    """Special, fixed or mobile, in the order in which phonenumbers looks: what fits an earlier one is that."""
    special = (
        *(data.premium_rate, data.toll_free, data.shared_cost, data.voip),
        *(data.personal_number, data.pager, data.uan, data.voicemail),
    )
    mobile = () if data.same_mobile_and_fixed_line_pattern else (data.mobile,)
    groups = "|".join(f"({_any(descs)})" for descs in (special, (data.fixed_line,), mobile))
    pattern = re.compile(f"(?={_any((data.general_desc,))})(?:{groups})")
    assert pattern.groups == _MOBILE  # the data's own patterns have none that counts
    return pattern.match


def _any(descs: tuple[PhoneNumberDesc | None, ...]) -> str:
    """A pattern for whole numbers that fit one of the descriptions, in length too."""
    return "|".join(_whole(desc) for desc in descs if desc is not None and desc.national_number_pattern) or "(?!)"


def _whole(desc: PhoneNumberDesc) -> str:
    lengths = "|".join(rf"[0-9]{{{n}}}\Z" for n in desc.possible_length if n > 0)
    if desc.possible_length and not lengths:
        return "(?!)"
    return rf"(?={lengths})(?:{desc.national_number_pattern})\Z"
