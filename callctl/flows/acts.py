"""What a caller does on a walk, and what became of them in words."""

from __future__ import annotations

import re

from callctl.api.explain import Teller, explain
from callctl.core.ids import SECOND, Micros
from callctl.printing import printable
from callctl.sim.walk import Noticed, Walk

LISTEN, ANSWER, HANG_UP = ("listen", ""), "answer", "hang up"
AGENT_HANGS_UP = "agent hangs up"
_DIGITS = re.compile(r"[0-9*#]{1,100}")


def is_act(text: str) -> bool:
    """Whether a caller can do that."""
    return text in (*LISTEN, ANSWER, HANG_UP, AGENT_HANGS_UP) or _DIGITS.fullmatch(text) is not None


def act(walk: Walk, what: str) -> str:
    """Do it; what is to be said of it, if it came to nothing."""
    if what in LISTEN:
        return "" if walk.go_on() else _nothing(walk)
    if what == ANSWER:
        return "" if walk.pick_up() else "no phone rings"
    if what == AGENT_HANGS_UP:
        return "" if walk.agent_hangs_up() else "no agent talks with the caller"
    if what == HANG_UP:
        walk.hang_up()
    else:
        for digit in what:
            walk.press(digit)
    return ""


def words(it: Noticed, teller: Teller, since: Micros) -> str:
    """A line: seconds since the call began, and what happened."""
    if it.fact is None:
        said = f"{'The agent hears' if it.to_agent else 'Hears'} {' '.join(it.prompts)}"
    else:
        said = str(explain([it], teller)[0]["text"])
    return f"{(it.at - since) / SECOND:8.1f} s  {printable(said)}"


def _nothing(walk: Walk) -> str:
    if walk.is_in_dialplan:
        return "the dialplan has the caller for good; hang up ends it"
    return "two hours passed, and nothing came by itself; hang up, or press a key"
