"""`callctl flow`: walk a caller's way, or draw the ways that there are."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from callctl.api.explain import Teller, explain
from callctl.core.addresses import Address, Extension, Withheld
from callctl.core.ids import SECOND, AgentId, Micros
from callctl.core.policy import Policy
from callctl.flows.arguments import KEYS
from callctl.flows.draw import drawn
from callctl.flows.entry import destination, number
from callctl.printing import fail, printable
from callctl.runtime.masking import Masking
from callctl.settings import load_policy
from callctl.settings.errors import shown
from callctl.settings.types import nearest
from callctl.sim.walk import Noticed, Walk

OK, WRONG = 0, 2
PLACE = Extension("000000")
"""Dialled by who is to begin at a menu or a queue, in a policy of this walk alone."""
_DIGITS = re.compile(r"[0-9*#]+")


def draw(args: argparse.Namespace) -> int:
    """Print the flowchart; the exit code."""
    policy = load_policy(args.config, args.overlay)
    try:
        begins = dict(policy.entries) if args.entry is None else {args.entry: destination(args.entry, policy)}
    except ValueError as error:
        return fail(str(error), WRONG)
    print(drawn(policy, {str(name): to for name, to in begins.items()}))
    return OK


def walk(args: argparse.Namespace) -> int:
    """Walk with the keys of the standard input; the exit code."""
    policy = load_policy(args.config, args.overlay)
    try:
        begins = destination(args.entry, policy)
        caller, at, free = _caller(args.caller, policy), _moment(args.at), _agents(args.agents, policy)
    except ValueError as error:
        return fail(str(error), WRONG)
    dialled: Address = number(args.entry, policy)
    if policy.entries.get(dialled) != begins:
        policy, dialled = replace(policy, entries={**policy.entries, PLACE: begins}), PLACE
    way = Walk(policy, at, free)
    print(f"{datetime.fromtimestamp(at / SECOND).astimezone():%A %Y-%m-%d %H:%M %Z}; help tells the keys")
    way.call(dialled, args.entry, caller)
    teller = Teller(policy, Masking(unmask=True))
    _tell(way, teller, at)
    for line in _lines(way):
        _act(way, line)
        _tell(way, teller, at)
        if way.is_over:
            break
    else:
        way.hang_up()
        _tell(way, teller, at)
    return OK


# ── what is asked ────────────────────────────────────────────────────────────────────────────────


def _caller(text: str, policy: Policy) -> Address:
    caller = number(text, policy)
    if text and isinstance(caller, Withheld):
        raise ValueError(f"--caller {shown(text)} is not a number; such as +442079460999")
    return caller


def _moment(text: str | None) -> Micros:
    if text is None:
        return time.time_ns() // 1000
    try:
        return round(datetime.fromisoformat(text).timestamp()) * SECOND
    except ValueError:
        raise ValueError(f"--at {shown(text)} is not a time; such as 2026-12-24T18:30") from None


def _agents(text: str, policy: Policy) -> tuple[AgentId, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if AgentId(name) not in policy.agents:
            raise ValueError(f"there is no agent {shown(name)}; {nearest(name, policy.agents)}")
        if policy.phones[policy.agents[AgentId(name)].phone].outside is not None:
            raise ValueError(f"agent {shown(name)} works on a number outside, which nothing here can ring")
    return tuple(map(AgentId, names))


# ── what is done ─────────────────────────────────────────────────────────────────────────────────


def _lines(way: Walk) -> Iterator[str]:
    """What is typed, to the end of the input."""
    while True:
        if sys.stdin.isatty():
            print("hears the prompts > " if way.keeps_hearing else "> ", end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        yield line.strip().lower()


def _act(way: Walk, line: str) -> None:
    match line:
        case "":
            if not way.go_on():
                print(_nothing(way))
        case "hang up" | "hangup":
            way.hang_up()
        case "answer":
            if not way.pick_up():
                print("no phone rings")
        case "help":
            print(KEYS)
        case _ if _DIGITS.fullmatch(line):
            for digit in line:
                way.press(digit)
        case _:
            print(f"{shown(line)} is neither keys (0-9, *, #) nor a word known here; help tells them")


def _nothing(way: Walk) -> str:
    if way.is_in_dialplan:
        return "the dialplan has the caller for good; hang up ends it"
    return "nothing more comes by itself within a day; hang up, or press a key"


# ── what is told ─────────────────────────────────────────────────────────────────────────────────


def _tell(way: Walk, teller: Teller, since: Micros) -> None:
    for it in way.noticed():
        print(f"{(it.at - since) / SECOND:8.1f} s  {printable(_words(it, teller))}")


def _words(it: Noticed, teller: Teller) -> str:
    if it.fact is None:
        return f"{'The agent hears' if it.to_agent else 'Hears'} {' '.join(it.prompts)}"
    return str(explain([it], teller)[0]["text"])
