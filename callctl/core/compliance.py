"""The gate before every leg to the outside. Emergency calls do not come here: the dialplan makes them alone.

Every leg obeys the rules against toll fraud: what may be dialled at all, and how much a trunk may carry on a day. A
campaign's attempt is judged in full, by `judgement`.
"""

from __future__ import annotations

from callctl.core.facts import DialRefused
from callctl.core.ids import SECOND, Micros, NodeId, TrunkId
from callctl.core.judgement import About, Refusal, judge, sets_for
from callctl.core.model import Call, HandedOver, Usage, World
from callctl.core.permits import Permit, Purpose, Verdict
from callctl.core.policy import Drop, OutsideNumber, ToNumber, Voicemail
from callctl.core.turn import MINUTE, Turn

DAY: Micros = 86_400 * SECOND
RULES = ("stopped", "trunk", "not_allowed", "refused", "premium", "calls_a_day", "minutes_a_day")
"""By which a leg may be refused, in the order in which they are looked at."""


def may_dial(
    world: World, purpose: Purpose, to: OutsideNumber, node: NodeId, now: Micros, about: About | None = None
) -> Verdict:
    """Whether a leg may be made from this node now, and why. The first rule that refuses is named: of RULES, then, for
    a campaign's attempt, of the house and the law. `about`: whom a campaign's attempt is to reach."""
    refused = _toll(world, to, node, now)
    if refused is not None:
        return Verdict(None, refused.rule, refused.why)
    if purpose is not Purpose.CAMPAIGN:
        return Verdict(Permit(purpose, to), "allowed", f"{purpose}: allowed")
    if about is None or about.number.address != to.number:
        return Verdict(None, "nobody", "a campaign's attempt reaches somebody, and at this number")
    refused = judge(world, about, now)
    if refused is not None:
        return Verdict(None, refused.rule, refused.why, refused.version, refused.until)
    kept = tuple(f"{rules.id} {rules.version}" for rules in sets_for(world, about))
    return Verdict(Permit(purpose, to), "allowed", f"{purpose}: allowed", kept=kept)


def _toll(world: World, to: OutsideNumber, node: NodeId, now: Micros) -> Refusal | None:
    rules, trunk = world.policy.dialing, world.policy.trunks.get(to.trunk)
    if rules.stopped:
        return Refusal("stopped", "dialling out is stopped (dialing: {stopped: true})")
    if trunk is None:
        return Refusal("trunk", f"there is no trunk {to.trunk} any more")
    if trunk.node != node:
        return Refusal("trunk", f"the trunk {to.trunk} is at {trunk.node}, the call at {node}")
    digits = to.number.digits
    if not digits.startswith(rules.allowed):
        return Refusal("not_allowed", f"{to.number} begins with nothing that `dialing` allows")
    if rules.refused and digits.startswith(rules.refused):
        return Refusal("refused", f"{to.number} begins with what `dialing` refuses")
    if to.premium and not rules.premium:
        return Refusal("premium", f"{to.number} is a premium-rate number")
    used = usage(world, to.trunk, now)
    if trunk.calls_a_day and used.calls >= trunk.calls_a_day:
        return Refusal("calls_a_day", f"{trunk.id} has carried its {trunk.calls_a_day} calls of the day (UTC)")
    if trunk.minutes_a_day and used.lasted >= trunk.minutes_a_day * MINUTE:
        return Refusal("minutes_a_day", f"{trunk.id} has carried its {trunk.minutes_a_day} minutes of the day (UTC)")
    return None


def ask(turn: Turn, call: Call, purpose: Purpose, to: OutsideNumber) -> Permit | None:
    """A permit, counted as a call out; None, and told why, where it may not be dialled."""
    verdict = may_dial(turn.world, purpose, to, call.node, turn.now)
    if verdict.permit is None:
        turn.tell(DialRefused(call.id, purpose, to.number, to.trunk, verdict.rule, verdict.why))
        return None
    _count(turn, to.trunk)
    return verdict.permit


def ask_campaign(turn: Turn, to: OutsideNumber, about: About) -> Verdict:
    """The verdict on a campaign's attempt; one that passes is counted as a call out."""
    trunk = turn.world.policy.trunks.get(to.trunk)
    node = turn.world.policy.default_node if trunk is None else trunk.node
    verdict = may_dial(turn.world, Purpose.CAMPAIGN, to, node, turn.now, about)
    if verdict.permit is not None:
        _count(turn, to.trunk)
    return verdict


def _count(turn: Turn, trunk: TrunkId) -> None:
    used = usage(turn.world, trunk, turn.now)
    used.calls += 1
    _keep(turn, used)


def again(phase: HandedOver) -> Permit | Voicemail | Drop:
    """For a command that may have been lost: the permit was given, and counted, when the phase was entered."""
    return Permit(Purpose.OVERFLOW, phase.to.to) if isinstance(phase.to, ToNumber) else phase.to


def lasted(turn: Turn, trunk: TrunkId, length: Micros) -> None:
    """A call out is over, and lasted so long."""
    used = usage(turn.world, trunk, turn.now)
    used.lasted += length
    _keep(turn, used)


def _keep(turn: Turn, used: Usage) -> None:
    turn.world.usage[used.id] = used
    turn.trunks.add(used.id)


def is_spent(world: World, trunk: TrunkId, now: Micros) -> bool:
    """Whether the trunk has carried what it may on a day."""
    policy, used = world.policy.trunks[trunk], usage(world, trunk, now)
    calls, minutes = policy.calls_a_day, policy.minutes_a_day
    return bool((calls and used.calls >= calls) or (minutes and used.lasted >= minutes * MINUTE))


def usage(world: World, trunk: TrunkId, now: Micros) -> Usage:
    """What has gone out over the trunk today."""
    known, day = world.usage.get(trunk), now // DAY
    return known if known is not None and known.day == day else Usage(trunk, day)
