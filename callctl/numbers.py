"""Text to Address, and back to what a trunk is sent. The one place where numbers are read.

Text from outside is hostile: whatever it holds, it becomes an Address or `Withheld`, never an exception.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

import phonenumbers

from callctl.core.addresses import E164, Address, Emergency, Extension, ShortCode, Withheld
from callctl.core.ids import TrunkId
from callctl.core.policy import NumberRules, OutsideNumber, Policy

_LONGEST = 64
"""Characters. ITU-T E.164 allows 15 digits; the rest is room for separators and prefixes."""
_SEPARATORS = str.maketrans("", "", " -.()/\u00a0")
_WRITTEN = re.compile(r"\+?[0-9]{2,20}")
_LISTED = re.compile(r"[0-9*#]{1,16}")
_HEADER_URI = re.compile(r"<?\s*(sips?|tel):([^@;>\s]*)", re.IGNORECASE)
_HIDDEN = "*"


@dataclass(frozen=True, slots=True)
class Numbering:
    """The house's lists, and the country in whose national form its people dial."""

    country: str
    """ISO 3166, for text that comes without a trunk's rules."""
    emergency: frozenset[str] = frozenset()
    short_codes: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()

    @classmethod
    def of(cls, policy: Policy) -> Numbering:
        """The numbering that a policy holds."""
        extensions = {p.extension.digits for p in policy.phones.values() if p.extension is not None}
        extensions |= {a.digits for a in policy.entries if isinstance(a, Extension)}
        return cls(
            country=policy.country,
            emergency=frozenset(n.digits for n in policy.emergency.numbers),
            short_codes=frozenset(n.digits for n in policy.short_codes),
            features=frozenset(policy.features),
            extensions=frozenset(extensions),
        )

    def parse(self, text: str, rules: NumberRules | None = None) -> Address:
        """A dialled or called number. `rules` are the trunk's that it came from; None: one of our phones.

        What is listed counts first: emergency, short and feature codes, extensions. Then valid numbers of the
        public network. Anything else is `Withheld`, with the text masked. Never raises.
        """
        if not text or len(text) > _LONGEST:
            return Withheld(mask(text))
        plain = text.translate(_SEPARATORS)
        if _LISTED.fullmatch(plain):
            if plain in self.emergency:
                return Emergency(plain)
            if plain in self.short_codes or plain in self.features:
                return ShortCode(plain)
            if plain in self.extensions:
                return Extension(plain)
        digits = e164_digits(plain, self.country if rules is None else rules.country)
        return E164(digits) if digits else Withheld(mask(text))

    def parse_caller(self, text: str, rules: NumberRules | None = None) -> Address:
        """A caller's number. From a trunk it is nobody's extension, feature code or emergency number."""
        address = self.parse(text, rules)
        if rules is None or isinstance(address, E164 | Withheld):
            return address
        if isinstance(address, ShortCode) and address.digits in self.short_codes:
            return address
        return Withheld(mask(text))


def e164_digits(plain: str, country: str) -> str:
    """Digits with country code of a valid number written as +…, 00… or in the country's form; else empty."""
    if not _WRITTEN.fullmatch(plain):
        return ""
    forms = [plain]
    if plain.startswith("00"):
        # 00 is the international prefix that ITU-T E.123 recommends, whatever the country's own prefix is.
        forms.insert(0, "+" + plain[2:])
    for form in forms:
        try:
            number = phonenumbers.parse(form, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    return ""


_PREMIUM = frozenset({phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST})


def is_premium(number: E164) -> bool:
    """Whether who calls it pays for more than the call, as far as phonenumbers knows the country's plan."""
    return phonenumbers.number_type(phonenumbers.parse("+" + number.digits, None)) in _PREMIUM


def calling_code(number: E164) -> str:
    """The digits of the number's country."""
    return str(phonenumbers.parse("+" + number.digits, None).country_code)


def country_prefix(country: str) -> str:
    """The calling code of a country (ISO 3166), as digits. Some countries share theirs."""
    return str(phonenumbers.country_code_for_region(country))


def for_trunk(number: E164, rules: NumberRules) -> str:
    """The number as the trunk wants it: ASCII digits and at most a leading plus.

    `+`: +33…; `00`: 0033…; `national`: the country's own form for its own numbers, else 00….
    """
    if rules.send == "+":
        return "+" + number.digits
    if rules.send == "national":
        parsed = phonenumbers.parse("+" + number.digits, None)
        if parsed.country_code == phonenumbers.country_code_for_region(rules.country):
            written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
            return "".join(c for c in written if c in "0123456789")
    return "00" + number.digits


def outside(number: E164, trunk: TrunkId, rules: NumberRules) -> OutsideNumber:
    """The number as it is dialled over a trunk whose numbers are written so."""
    return OutsideNumber(number, trunk, for_trunk(number, rules), f"trunk-{trunk}", is_premium(number))


def from_to_header(text: str) -> str:
    """The user part of the URI in a To header, or of a bare SIP or tel URI; empty when there is none.

    It is text still: give it to `Numbering.parse`.
    """
    if len(text) > 1024:
        return ""
    # A quoted display name may hold anything, an address look-alike too.
    bare = re.sub(r'^\s*"(?:[^"\\]|\\.)*"', "", text)
    found = _HEADER_URI.search(bare[bare.rfind("<") :] if "<" in bare else bare)
    if found is None:
        return ""
    scheme, user = found[1].lower(), found[2]
    if scheme != "tel" and "@" not in bare[bare.find(user) :]:
        return ""
    return unquote(user.split(":", 1)[0], errors="replace")


def mask(number: str) -> str:
    """A number (or any text) fit for a log line: printable, short, only its first 2 to 4 and last 2 shown."""
    text = "".join(c if c.isprintable() and c.isascii() else "?" for c in number[:_LONGEST])
    cut = "…" if len(number) > _LONGEST else ""
    if len(text) < 7:
        return _HIDDEN * len(text)
    shown = 4 if len(text) >= 9 else 2
    return text[:shown] + _HIDDEN * (len(text) - shown - 2) + text[-2:] + cut
