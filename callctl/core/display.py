"""What an agent's phone shows of a call."""

from __future__ import annotations

import re

from callctl.core.addresses import E164, Extension, ShortCode
from callctl.core.ids import SECOND, Micros
from callctl.core.model import Call
from callctl.core.policy import QueuePolicy

FIELDS = ("name", "number", "queue", "waited")
"""What may stand in braces in a queue's `display`."""
LONGEST = 80
"""Characters."""

_FIELD = re.compile(r"\{([a-z]+)\}")


def shown(call: Call, queue: QueuePolicy, waited: Micros) -> tuple[str, str]:
    """The number (empty: withheld) and the name. Filled in at one go: braces in a caller's name mean nothing."""
    number = str(call.caller) if isinstance(call.caller, E164 | Extension | ShortCode) else ""
    minutes, seconds = divmod(waited // SECOND, 60)
    values = {
        "name": call.caller_name if number else "",
        "number": number,
        "queue": queue.id,
        "waited": f"{minutes}:{seconds:02}",
    }
    name = _FIELD.sub(lambda found: values.get(found[1], found[0]), queue.display)
    return number, " ".join(name.split())[:LONGEST]
