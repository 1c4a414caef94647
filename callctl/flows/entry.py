"""Where a walk or a drawing begins: a number, a menu or a queue of the configuration."""

from __future__ import annotations

from callctl.core.addresses import Address
from callctl.core.ids import MenuId, QueueId
from callctl.core.policy import Destination, NumberRules, Policy, ToMenu, ToQueue
from callctl.numbers import Numbering
from callctl.settings.errors import shown
from callctl.settings.types import nearest


def destination(text: str, policy: Policy) -> Destination:
    """What the operator means. ValueError says what there is instead."""
    if MenuId(text) in policy.menus:
        return ToMenu(MenuId(text))
    if QueueId(text) in policy.queues:
        return ToQueue(QueueId(text))
    if (to := policy.entries.get(number(text, policy))) is not None:
        return to
    names = [*policy.menus, *policy.queues, *map(str, policy.entries)]
    raise ValueError(f"there is no number, menu or queue {shown(text)}; {nearest(text, names)}")


def number(text: str, policy: Policy) -> Address:
    """A number as the configuration reads it."""
    listed = next((entry for entry in policy.entries if str(entry) == text), None)
    return listed or Numbering.of(policy).parse(text, NumberRules(country=policy.country))
