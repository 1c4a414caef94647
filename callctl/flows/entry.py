"""How a walk begins: where, who calls, when, and which agents are there. Read from what an operator wrote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from callctl.core.addresses import Address, Extension, Withheld
from callctl.core.ids import SECOND, AgentId, FlowId, MenuId, Micros, QueueId, SwitchId
from callctl.core.policy import Destination, NumberRules, Policy, ToFlow, ToMenu, ToQueue
from callctl.numbers import Numbering
from callctl.settings.errors import shown
from callctl.settings.types import nearest
from callctl.sim.walk import Walk

_PLACE = Extension("000000")
"""Dialled by who is to begin at a menu, a queue or a flow, in a policy of the walk alone."""


@dataclass
class MistakenError(Exception):
    """What was written means nothing here."""

    wrong: str
    right: str

    def __str__(self) -> str:
        return f"{self.wrong}; {self.right}"


def begun(
    policy: Policy, entry: str, caller: Address, at: Micros, agents: Iterable[AgentId], on: Iterable[SwitchId] = ()
) -> Walk:
    """The caller has just called. MistakenError: there is no such entry."""
    to, dialled = destination(entry, policy), _number(entry, policy)
    if policy.entries.get(dialled) != to:
        policy, dialled = replace(policy, entries={**policy.entries, _PLACE: to}), _PLACE
    walk = Walk(policy, at, frozenset(agents), on)
    walk.call(dialled, entry, caller)
    return walk


def destination(text: str, policy: Policy) -> Destination:
    """A menu, a queue, a flow, or where a number of `numbers:` leads. MistakenError says what there is instead."""
    if MenuId(text) in policy.menus:
        return ToMenu(MenuId(text))
    if QueueId(text) in policy.queues:
        return ToQueue(QueueId(text))
    if FlowId(text) in policy.flows.of:
        return ToFlow(FlowId(text))
    if (to := policy.entries.get(_number(text, policy))) is not None:
        return to
    names = [*policy.menus, *policy.queues, *policy.flows.of, *map(str, policy.entries)]
    raise MistakenError(f"there is no number, menu, queue or flow {shown(text)}", nearest(text, names))


def caller_of(text: str, policy: Policy) -> Address:
    """Who calls; empty: the number is withheld. MistakenError: it is no number."""
    caller = _number(text, policy)
    if text and isinstance(caller, Withheld):
        raise MistakenError(f"{shown(text)} is not a number", "write one such as +442079460999")
    return caller


def moment_of(text: str) -> Micros:
    """A time, by this machine's zone where it names none. MistakenError: it is none."""
    try:
        return round(datetime.fromisoformat(text).timestamp()) * SECOND
    except (ValueError, OverflowError):
        raise MistakenError(f"{shown(text)} is not a time", "write one such as 2026-12-24T18:30") from None


def later_than(now: Micros, text: str) -> Micros:
    """A moment as `moment_of` reads it, or a time of day alone: the next one. MistakenError: it is none, or is over."""
    try:
        of_day = time.fromisoformat(text)
    except ValueError:
        moment = moment_of(text)
    else:
        here = datetime.fromtimestamp(now / SECOND)
        day = here if here.time() <= of_day else here + timedelta(days=1)
        moment = round(datetime.combine(day, of_day).timestamp()) * SECOND
    if moment < now:
        raise MistakenError(f"{shown(text)} is over", "write a later time: it only goes forward")
    return moment


def agent_of(name: str, policy: Policy) -> AgentId:
    """An agent whose phone can be rung here. MistakenError: there is none of the name, or only a PBX could ring it."""
    agent = policy.agents.get(AgentId(name))
    if agent is None:
        raise MistakenError(f"there is no agent {shown(name)}", nearest(name, policy.agents))
    if policy.phones[agent.phone].outside is not None:
        raise MistakenError(f"agent {shown(name)} works on a number outside", "name one who has a phone of the house")
    return agent.id


def switch_of(name: str, policy: Policy) -> SwitchId:
    """MistakenError: there is no such switch."""
    if SwitchId(name) not in policy.switches:
        raise MistakenError(f"there is no switch {shown(name)}", nearest(name, policy.switches))
    return SwitchId(name)


def _number(text: str, policy: Policy) -> Address:
    """A number as the configuration reads it."""
    listed = next((entry for entry in policy.entries if str(entry) == text), None)
    return listed or Numbering.of(policy).parse(text, NumberRules(country=policy.country))
