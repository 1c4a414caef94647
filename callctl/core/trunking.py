"""Lines that campaigns may take: which trunk has room, which is left alone because it fails, what number it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from callctl.core import compliance
from callctl.core.addresses import E164
from callctl.core.campaigns import CallerId, CampaignPolicy
from callctl.core.facts import TrunkHeld
from callctl.core.ids import SECOND, Micros, TrunkId
from callctl.core.law import AttemptOutcome
from callctl.core.model import Dialled, Ended, World
from callctl.core.outbound import TrunkLoad
from callctl.core.turn import Turn

LONGEST_HOLD: Micros = 600 * SECOND
MANY = 10_000
"""Lines of a trunk that has no limit."""

BUSY_SIP, BUSY_CAUSES = frozenset({486, 600}), frozenset({17})
REFUSED_SIP, REFUSED_CAUSES = frozenset({603, 607, 608}), frozenset({21})
NO_ANSWER_SIP, NO_ANSWER_CAUSES = frozenset({480, 487}), frozenset({18, 19, 20})
INVALID_SIP, INVALID_CAUSES = frozenset({404, 410, 484, 604}), frozenset({1, 22, 28})
"""RFC 3261 21; Q.850 table 1: unallocated, number changed, invalid format."""
NO_MORE_WAITING = 408
"""A proxy on the way gave up: after ringing, since nobody answered; before, since the way there failed."""
TRUNK_SIP = frozenset({401, 403, 407, 408, 500, 502, 503, 504})
TRUNK_CAUSES = frozenset({3, 27, 34, 38, 41, 42, 47, 58})
"""The way there failed, not the person: the carrier does not know us, or forbids it; no route, out of order, no
circuit, network out of order, temporary failure, congestion, no resource."""


def outcome_of(cause: int, sip: int, *, rang: bool = False) -> AttemptOutcome:
    """How a call that nobody answered ended, by its SIP status, else by its Q.850 cause (0: unknown)."""
    if rang and sip == NO_MORE_WAITING:
        return AttemptOutcome.NO_ANSWER
    for outcome, statuses, causes in (
        (AttemptOutcome.BUSY, BUSY_SIP, BUSY_CAUSES),
        (AttemptOutcome.REFUSED, REFUSED_SIP, REFUSED_CAUSES),
        (AttemptOutcome.INVALID, INVALID_SIP, INVALID_CAUSES),
        (AttemptOutcome.NO_ANSWER, NO_ANSWER_SIP, NO_ANSWER_CAUSES),
    ):
        if sip in statuses or (cause in causes and sip not in TRUNK_SIP):
            return outcome
    return AttemptOutcome.FAILED if sip or cause else AttemptOutcome.UNKNOWN


def is_the_trunks(cause: int, sip: int) -> bool:
    """Whether it was the trunk that failed."""
    return sip in TRUNK_SIP or (not sip and cause in TRUNK_CAUSES)


def failed(turn: Turn, name: TrunkId, why: str) -> None:
    """A call could not be brought on its way: others are not tried there for a while, each time for longer."""
    policy = turn.world.policy.trunks.get(name)
    load = turn.world.outbound.loads.setdefault(name, TrunkLoad())
    if policy is None or load.held_until > turn.now:
        return  # of those that were on their way already
    load.failures += 1
    load.held_until = turn.now + min(policy.back_off << min(load.failures - 1, 20), LONGEST_HOLD)
    turn.tell(TrunkHeld(name, load.held_until, load.failures, why))


def worked(turn: Turn, name: TrunkId) -> None:
    """A call has reached a phone there."""
    load = turn.world.outbound.loads.get(name)
    if load is not None:
        load.failures = 0


# ── what is free ─────────────────────────────────────────────────────────────────────────────


def taken(world: World) -> Counter[TrunkId]:
    """Channels of each trunk that are in use, as far as callctl knows."""
    counts = Counter(call.trunk for call in world.calls.values() if call.trunk and not isinstance(call.phase, Ended))
    counts.update(leg.over for leg in world.legs.values() if leg.over is not None)
    return counts


def dialled(world: World) -> Counter[TrunkId]:
    """Calls of campaigns that ring, or do not even that yet, by trunk."""
    return Counter(call.trunk for call in world.calls.values() if call.trunk and isinstance(call.phase, Dialled))


@dataclass(slots=True)
class Room:
    """Lines that may be taken now over each of a campaign's trunks, in its order."""

    lines: dict[TrunkId, int]
    why: dict[TrunkId, str]
    """Of those that have none."""

    @property
    def all(self) -> int:
        return sum(self.lines.values())

    def take(self, trunk: TrunkId) -> None:
        self.lines[trunk] -= 1


def room(world: World, trunks: Iterable[TrunkId], now: Micros) -> Room:
    """How many calls may begin over each trunk now. One that has just failed is tried with one call."""
    found, used, rings = Room({}, {}), taken(world), dialled(world)
    for name in trunks:
        lines, why = _room(world, name, used[name], now)
        if lines and world.outbound.loads[name].failures:
            lines, why = (0, "it failed, and is being tried") if rings[name] else (1, "")
        found.lines[name] = lines
        if not lines:
            found.why[name] = why
    return found


def _room(world: World, name: TrunkId, used: int, now: Micros) -> tuple[int, str]:
    policy, load = world.policy.trunks.get(name), world.outbound.loads.setdefault(name, TrunkLoad())
    up, why = world.trunks.get(name, (True, ""))
    if policy is None:
        return 0, "there is no such trunk any more"
    if not up:
        return 0, why or "it is down"
    if not world.node_up(policy.node):
        return 0, f"callctl is not connected to {policy.node}"
    if load.held_until > now:
        return 0, f"left alone for {(load.held_until - now) // SECOND + 1} s, since it fails"
    if compliance.is_spent(world, name, now):
        return 0, "it has carried what it may on a day"
    lines, why = MANY, ""
    if policy.max_channels:
        lines, why = max(0, policy.max_channels - policy.keep_free - used), "all its channels are in use"
    if policy.calls_a_second:
        while load.begun and load.begun[0] <= now - SECOND:
            load.begun.popleft()
        left = max(0, policy.calls_a_second - len(load.begun))
        if left < lines:
            lines, why = left, f"{policy.calls_a_second} calls have begun within a second"
    return lines, why


def begun(world: World, name: TrunkId, now: Micros) -> None:
    """A call begins over the trunk."""
    world.outbound.loads.setdefault(name, TrunkLoad()).begun.append(now)
    if len(world.outbound.loads[name].begun) > MANY:
        world.outbound.loads[name].begun.popleft()


def shown(policy: CampaignPolicy, trunk: TrunkId, number: E164) -> CallerId | None:
    """The number that is shown: of those for this trunk the one for the longest beginning of the number called."""
    fits = [own for own in policy.caller_ids if not own.trunks or trunk in own.trunks]
    near = [(len(area), own) for own in fits for area in own.areas if number.digits.startswith(area)]
    if near:
        return max(near, key=lambda pair: pair[0])[1]
    return next((own for own in fits if not own.areas), None)
