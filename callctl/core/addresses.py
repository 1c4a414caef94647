"""Addresses: parsed once, at the edge, and never a string again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class E164:
    """A valid number of the public network: digits with country code, without the plus."""

    digits: str

    def __str__(self) -> str:
        return f"+{self.digits}"


@dataclass(frozen=True, slots=True)
class Extension:
    """A number inside the house: digits."""

    digits: str

    def __str__(self) -> str:
        return self.digits


@dataclass(frozen=True, slots=True)
class ShortCode:
    """A listed short number: a service of the network, or a feature code such as *45."""

    digits: str

    def __str__(self) -> str:
        return self.digits


@dataclass(frozen=True, slots=True)
class Emergency:
    """A listed emergency number."""

    digits: str

    def __str__(self) -> str:
        return self.digits


@dataclass(frozen=True, slots=True)
class Withheld:
    """No usable number: withheld by the caller, missing, or not a number; `said` is masked text for people."""

    said: str = ""

    def __str__(self) -> str:
        return "withheld" if not self.said else f"unusable ({self.said})"


Address: TypeAlias = E164 | Extension | ShortCode | Emergency | Withheld
