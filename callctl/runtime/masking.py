"""What of a number people get to see: the one place that decides it, for log lines, the API and `explain`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from callctl.core.policy import E164, Address, Emergency, Extension, ShortCode, Withheld

_NUMBER = re.compile(r"(?<![\w.])\+?\d{7,15}(?![\w.])")
"""Something that reads like a number of the public network, in free text."""


def _hidden(number: str) -> str:
    """The first digits tell the country and the last two the line apart; between them nothing is shown."""
    return f"{number[:3]}…{number[-2:]}"


@dataclass(frozen=True, slots=True)
class Masking:
    """Public numbers and pressed digits are hidden unless `unmask`; the house's own numbers are shown."""

    unmask: bool = False

    def address(self, address: Address) -> str:
        """An address as text for people."""
        match address:
            case E164():
                return str(address) if self.unmask else _hidden(str(address))
            case Extension() | ShortCode() | Emergency() | Withheld():
                return str(address)

    def text(self, text: str) -> str:
        """Free text, with everything hidden in it that reads like a number of the public network."""
        return text if self.unmask else _NUMBER.sub(lambda found: _hidden(found.group()), text)

    def digits(self, digits: str) -> str:
        """Digits that a caller pressed; how many there were stays visible."""
        return digits if self.unmask else "•" * len(digits)


MASKED = Masking()
