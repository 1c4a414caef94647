"""What a caller does on a walk, and what became of them in words."""

from __future__ import annotations

import re
import shlex

from callctl.api.explain import Teller, explain
from callctl.core.conditions import NAME
from callctl.core.ids import SECOND, Micros
from callctl.core.lookups import Ask, LookupFailure
from callctl.flows.entry import MistakenError, later_than
from callctl.printing import printable
from callctl.settings.errors import shown
from callctl.settings.types import nearest
from callctl.sim.walk import Noticed, Walk

LISTEN, ANSWER, HANG_UP = ("listen", ""), "answer", "hang up"
AGENT_HANGS_UP = "agent hangs up"
AT, FOUND, FAILED = "at", "found", "failed"
_DIGITS = re.compile(r"[0-9*#]{1,100}")
_NOBODY_ASKED = "nothing is being looked up"


def is_act(text: str) -> bool:
    """Whether a caller can do that, or a server answer so, or time go on to there."""
    word, rest = _split(text)
    try:
        match word:
            case _ if word == AT and rest:
                later_than(0, rest)
            case _ if word == FOUND:
                _values(rest)
            case _ if word == FAILED and rest:
                _failure(rest)
            case _:
                return text in (*LISTEN, ANSWER, HANG_UP, AGENT_HANGS_UP) or _DIGITS.fullmatch(text) is not None
    except MistakenError:
        return False
    return True


def act(walk: Walk, what: str) -> str:
    """Do it; what is to be said of it, if it came to nothing."""
    word, rest = _split(what)
    try:
        if word in (AT, FOUND, FAILED):
            return _told(walk, word, rest)
    except MistakenError as error:
        return str(error)
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


def _told(walk: Walk, word: str, rest: str) -> str:
    """The time, or the answer of a lookup."""
    if word == AT:
        walk.set_time(later_than(walk.now, rest))
        return ""
    answered = walk.found(_values(rest)) if word == FOUND else walk.failed(_failure(rest))
    return "" if answered else _NOBODY_ASKED


def words(it: Noticed, teller: Teller, since: Micros) -> str:
    """A line: seconds since the call began, and what happened."""
    if it.asked is not None:
        said = _asks(it.asked)
    elif it.fact is None:
        said = f"{'The agent hears' if it.to_agent else 'Hears'} {' '.join(it.prompts)}"
        said += "".join(f"; says {value}" for value in it.says)
    else:
        said = str(explain([it], teller)[0]["text"])
    return f"{(it.at - since) / SECOND:8.1f} s  {printable(said)}"


def _asks(ask: Ask) -> str:
    headers = f" with the headers {ask.headers}" if ask.headers else ""
    wanted = " ".join(f"{name}=…" for name, _ in ask.into)
    return f"Asks {ask.url}{headers}; answer it: found {wanted}, or failed timeout"


def _split(text: str) -> tuple[str, str]:
    word, _, rest = text.strip().partition(" ")
    return word.lower(), rest.strip()


def _values(text: str) -> dict[str, str]:
    """`name=Ada due="1 May"`. MistakenError: it is nothing such."""
    try:
        pairs = [part.partition("=") for part in shlex.split(text)]
    except ValueError:
        pairs = [("", "", "")]
    if not all(equals and re.fullmatch(NAME, name) for name, equals, _ in pairs):
        raise MistakenError(f"{shown(text)} are no values", 'write them such as name=Ada due="1 May"')
    return {name: value for name, _, value in pairs}


def _failure(text: str) -> LookupFailure:
    """MistakenError: lookups do not fail so."""
    try:
        return LookupFailure(text.lower())
    except ValueError:
        right = nearest(text, [str(it) for it in LookupFailure])
        raise MistakenError(f"no lookup fails by {shown(text)}", right) from None


def _nothing(walk: Walk) -> str:
    if walk.is_in_dialplan:
        return "the dialplan has the caller for good; hang up ends it"
    return "two hours passed, and nothing came by itself; hang up, or press a key"
