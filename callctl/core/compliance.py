"""The gate before every leg to the outside. Emergency calls do not come here: the dialplan makes them alone.

Today it holds the rules against toll fraud: what may be dialled at all, and how much a trunk may carry on a day.
"""

from __future__ import annotations

from callctl.core.facts import DialRefused
from callctl.core.ids import SECOND, Micros, NodeId, TrunkId
from callctl.core.model import Call, Usage, World
from callctl.core.permits import Permit, Purpose, Verdict
from callctl.core.policy import OutsideNumber
from callctl.core.turn import MINUTE, Turn

DAY: Micros = 86_400 * SECOND
RULES = ("stopped", "trunk", "not_allowed", "refused", "premium", "calls_a_day", "minutes_a_day")
"""By which a leg may be refused, in the order in which they are looked at."""


def may_dial(world: World, purpose: Purpose, to: OutsideNumber, node: NodeId, now: Micros) -> Verdict:
    """Whether a leg may be made from this node now, and why. Of RULES the first that refuses is named."""
    rules, trunk = world.policy.dialing, world.policy.trunks.get(to.trunk)
    if rules.stopped:
        return _no("stopped", "dialling out is stopped (dialing: {stopped: true})")
    if trunk is None:
        return _no("trunk", f"there is no trunk {to.trunk} any more")
    if trunk.node != node:
        return _no("trunk", f"the trunk {to.trunk} is at {trunk.node}, the call at {node}")
    digits = to.number.digits
    if not digits.startswith(rules.allowed):
        return _no("not_allowed", f"{to.number} begins with nothing that `dialing` allows")
    if rules.refused and digits.startswith(rules.refused):
        return _no("refused", f"{to.number} begins with what `dialing` refuses")
    if to.premium and not rules.premium:
        return _no("premium", f"{to.number} is a premium-rate number")
    used = usage(world, to.trunk, now)
    if trunk.calls_a_day and used.calls >= trunk.calls_a_day:
        return _no("calls_a_day", f"{trunk.id} has carried its {trunk.calls_a_day} calls of the day (UTC)")
    if trunk.minutes_a_day and used.lasted >= trunk.minutes_a_day * MINUTE:
        return _no("minutes_a_day", f"{trunk.id} has carried its {trunk.minutes_a_day} minutes of the day (UTC)")
    return Verdict(Permit(purpose, to), "allowed", f"{purpose}: allowed")


def _no(rule: str, why: str) -> Verdict:
    return Verdict(None, rule, why)


def ask(turn: Turn, call: Call, purpose: Purpose, to: OutsideNumber) -> Permit | None:
    """A permit, counted as a call out; None, and told why, where it may not be dialled."""
    verdict = may_dial(turn.world, purpose, to, call.node, turn.now)
    if verdict.permit is None:
        turn.tell(DialRefused(call.id, purpose, to.number, to.trunk, verdict.rule, verdict.why))
        return None
    used = usage(turn.world, to.trunk, turn.now)
    used.calls += 1
    _keep(turn, used)
    return verdict.permit


def lasted(turn: Turn, trunk: TrunkId, length: Micros) -> None:
    """A call out is over, and lasted so long."""
    used = usage(turn.world, trunk, turn.now)
    used.lasted += length
    _keep(turn, used)


def _keep(turn: Turn, used: Usage) -> None:
    turn.world.usage[used.id] = used
    turn.trunks.add(used.id)


def usage(world: World, trunk: TrunkId, now: Micros) -> Usage:
    """What has gone out over the trunk today."""
    known, day = world.usage.get(trunk), now // DAY
    return known if known is not None and known.day == day else Usage(trunk, day)
