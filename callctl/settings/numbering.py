"""Numbers in the configuration itself: how they are read, and which may be dialled outside."""

from __future__ import annotations

from callctl.core.addresses import E164, Address, Extension, Withheld
from callctl.core.policy import NumberRules
from callctl.numbers import Numbering, country_prefix
from callctl.settings.campaigns import chosen
from callctl.settings.models import Document


def numbering_of(document: Document) -> Numbering:
    """The lists that numbers in the configuration itself are read with."""
    return Numbering(
        country=document.country,
        emergency=frozenset(document.emergency.numbers or () if document.emergency else ()),
        short_codes=frozenset(document.short_codes),
        features=frozenset((*document.features, *codes_of(document), *switch_codes(document))),
        extensions=frozenset(p.extension for p in document.phones.values() if p.extension),
    )


def codes_of(document: Document) -> dict[str, str]:
    """What agents dial to say what a call came to: the disposition's name by its code."""
    return {it.code: path[-1] for path, it, _ in chosen(document.dispositions or {}) if it.code}


def switch_codes(document: Document) -> dict[str, str]:
    """What turns a switch when it is dialled: the switch's name by its code."""
    return {it.code: name for name, it in document.switches.items() if it.code}


def caller_numbers(document: Document, numbering: Numbering) -> dict[str, E164]:
    """What each text of a caller ID means, where it means a number of the public network."""
    texts = {it.number for campaign in document.campaigns.values() for it in campaign.caller_ids or () if it.number}
    found = {text: entry_address(text, numbering) for text in texts}
    return {text: number for text, number in found.items() if isinstance(number, E164)}


def entry_address(text: str, numbering: Numbering) -> Address:
    """The address that a key of `numbers:` means. Few digits are an extension of the house."""
    address = numbering.parse(text, NumberRules(country=numbering.country))
    if isinstance(address, Withheld) and text.isascii() and text.isdigit() and 2 <= len(text) <= 6:
        return Extension(text)
    return address


def allowed_prefixes(document: Document) -> tuple[str, ...]:
    """The digits that a number must begin with to be dialled outside: those of the house's country, if none are
    given."""
    allowed = document.dialing.allowed if document.dialing is not None else None
    return (country_prefix(document.country),) if allowed is None else tuple(p.removeprefix("+") for p in allowed)


def reaches(document: Document, country: str) -> bool:
    """Whether `dialing` allows any number of the country."""
    code = country_prefix(country)
    return any(it.startswith(code) or code.startswith(it) for it in allowed_prefixes(document))
