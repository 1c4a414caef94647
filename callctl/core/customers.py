"""Somebody on a list is called: from the ringing to an agent, the safe harbour, a message, or nobody.

The person who answers is owed an agent within the grace. They wait in the campaign's queue before everybody else; when
the grace is over they hear the safe harbour's menu, and the call is an abandoned one.
"""

from __future__ import annotations

from dataclasses import replace

from callctl.core import agents, briefing, calls, detection, handover, ivr, pacers, trunking
from callctl.core.campaigns import CampaignPolicy, Mode, Then
from callctl.core.commands import Lease
from callctl.core.events import Heard, LegAnswered, LegGone, LegRinging, LegUp, MessageLeft
from callctl.core.facts import AnswerJudged, CallPickedUp, CustomerWaits, HarbourReached, MessageDropped
from callctl.core.ids import SECOND, Micros
from callctl.core.model import (
    Agent,
    Call,
    Detecting,
    Dialled,
    Dialling,
    HandedOver,
    Leg,
    Offered,
    OnCall,
    Outcome,
    Party,
    Place,
    Queued,
    RingResult,
)
from callctl.core.policy import (
    ANYBODY,
    Announce,
    Destination,
    Drop,
    HangUp,
    HangupReason,
    Stage,
    ToMenu,
)
from callctl.core.turn import Turn, place_now

DETECTS_FOR: Micros = 60 * SECOND
"""Detection takes some seconds. After 15 the dialplan says by itself that nobody is there, and is not cut off."""
FIRST = 1_000_000
"""Points: before every caller, since a second is all that they wait."""
SORRY: Destination = Announce(("sound:im-sorry", "sound:goodbye"), HangUp())
"""Where no safe harbour is configured."""


def ringing(turn: Turn, call: Call, event: LegRinging) -> None:
    """The network's first sign: from now on the time that it rings is counted."""
    phase = call.phase
    policy = _policy(turn, call)
    if not isinstance(phase, Dialled) or phase.rings:
        turn.stray(event, phase)
        return
    call.story.rang = turn.now
    until = turn.now + pacers.ring_timeout(turn.world, policy) if policy is not None else phase.until
    calls.move(turn, call, "rings", Dialled(until, rings=True))
    if call.trunk is not None:
        trunking.worked(turn, call.trunk)


def rang_out(turn: Turn, call: Call, phase: Dialled) -> None:
    """It has rung long enough, or the network has not even said that it does."""
    if not phase.rings and call.trunk is not None:
        trunking.failed(turn, call.trunk, "a call did not begin to ring")
    cause = 19 if phase.rings else 102  # Q.850: no answer; recovery on timer expiry
    calls.end(turn, call, "not reached", Outcome.NOT_REACHED, Party.CALLCTL, HangupReason.NO_ANSWER, cause=cause)


def give_up(turn: Turn, call: Call) -> None:
    """It has rung for as long as the law asks, and whoever answered now would hardly find an agent."""
    call.story.given_up = True
    calls.end(turn, call, "not reached", Outcome.NOT_REACHED, Party.CALLCTL, HangupReason.NO_ANSWER, cause=19)


def up(turn: Turn, call: Call, event: LegUp) -> None:
    """Something has answered; what, is being found out."""
    if not isinstance(call.phase, Dialled):
        turn.stray(event, call.phase)
        return
    _picked_up(turn, call)
    calls.move(turn, call, "picked up", Detecting(turn.now + DETECTS_FOR))


def _picked_up(turn: Turn, call: Call) -> None:
    assert call.campaign is not None
    pacers.rang(turn, call, answered=True)
    call.story.picked_up = call.story.answered_by_pbx = turn.now
    trunk = turn.world.policy.trunks.get(call.trunk) if call.trunk is not None else None
    after = turn.now - call.entered
    if trunk is not None:
        trunking.worked(turn, trunk.id)
    turn.tell(CallPickedUp(call.id, call.campaign, after, trunk is not None and after < trunk.fast_answer))


def answered(turn: Turn, call: Call, event: LegAnswered) -> None:
    """Whoever answered is in callctl's hands: an agent, a message, or the end."""
    if not isinstance(call.phase, Dialled | Detecting):
        turn.stray(event, call.phase)
        return
    unseen = isinstance(call.phase, Dialled) and event.late
    if isinstance(call.phase, Dialled):
        _picked_up(turn, call)
    policy, picked_up = _policy(turn, call), call.story.picked_up
    assert call.campaign is not None
    assert picked_up is not None
    then, sampled = detection.decide(turn, call, event.heard)
    to_agent = then is Then.AGENT and policy is not None and policy.mode is not Mode.BROADCAST
    if not to_agent:
        agents.not_reached(turn, call)
    call.story.heard = event.heard
    pacers.judged(turn, call, human=then is Then.AGENT)
    turn.tell(AnswerJudged(call.id, call.campaign, event.heard, turn.now - picked_up, then, sampled))
    if then is Then.AGENT and policy is not None:
        _to_a_person(turn, call, policy, 0 if unseen else picked_up, event)
    elif then is Then.MESSAGE and policy is not None and policy.detection is not None:
        call.story.outcome = Outcome.MACHINE
        handover.leave_message(turn, call, Drop(policy.detection.message), "answered")
    elif then is Then.AGENT:
        _to_nobody(turn, call, picked_up)
    else:
        outcome = Outcome.NOT_REACHED if event.heard is Heard.SIT else Outcome.MACHINE
        cause = 1 if event.heard is Heard.SIT else 0  # a recording says that there is no such number
        calls.end(turn, call, "answered", outcome, Party.CALLCTL, cause=cause)


def _policy(turn: Turn, call: Call) -> CampaignPolicy | None:
    return turn.world.policy.campaigns.get(call.campaign) if call.campaign is not None else None


# ── a person is there ────────────────────────────────────────────────────────────────────────


def _to_a_person(turn: Turn, call: Call, policy: CampaignPolicy, picked_up: Micros, event: LegAnswered) -> None:
    """`picked_up`: 0 where nobody saw it, so that the grace may be over."""
    call.lease_renew = turn.now + turn.world.policy.lease_renewal
    turn.wish(Lease(call.node, call.leg, turn.world.policy.lease))
    if policy.mode is Mode.BROADCAST or policy.queue is None:
        call.story.outcome = Outcome.COMPLETED
        ivr.enter(turn, call, ToMenu(policy.message) if policy.message is not None else SORRY, "answered")
        return
    spoke = event.heard is Heard.HUMAN and event.quiet and not event.late
    greeted = turn.now - event.quiet if spoke else picked_up
    harbour_by = greeted + pacers.grace(turn.world, policy)  # it may be over: then who is free in this very step comes
    queue, since = policy.queue, turn.now
    call.story.queue, call.story.queued = queue, since
    agent = turn.world.agents.get(call.wants) if call.wants is not None else None
    place = Place(
        queue, FIRST, since, since, stages=(Stage(0, ANYBODY),), harbour_by=harbour_by, wants=call.wants,
        wants_until=turn.now + (harbour_by - turn.now) // 2,
    )  # fmt: skip
    turn.tell(CustomerWaits(call.id, policy.id, queue, max(0, harbour_by - turn.now)))
    if agent is not None and agent.state == Dialling(call.id) and agent.open_line is not None:
        _to_the_agent(turn, call, place, agent)
    else:
        calls.move(turn, call, "answered", Queued(place_now(turn.world, place, turn.now)))


def _to_nobody(turn: Turn, call: Call, picked_up: Micros) -> None:
    """The campaign was taken out of the configuration while it rang: a person is told that nobody is there."""
    assert call.campaign is not None
    agents.not_reached(turn, call)
    turn.wish(Lease(call.node, call.leg, turn.world.policy.lease))
    call.lease_renew = turn.now + turn.world.policy.lease_renewal
    call.story.outcome, call.story.harboured = Outcome.ABANDONED, turn.now
    turn.tell(HarbourReached(call.id, call.campaign, turn.now - picked_up))
    ivr.enter(turn, call, SORRY, "answered")


def _to_the_agent(turn: Turn, call: Call, place: Place, agent: Agent) -> None:
    """The agent for whom the call was made is on the line."""
    line = agent.open_line
    assert line is not None
    agents.hush(turn, call)
    agents.move(turn, agent, "customer answers", OnCall(call.id, line))
    briefing.join(turn, call, place, agent, line, "answered")


def too_late(turn: Turn, call: Call) -> None:
    """The grace is over, and nobody was free in this moment either."""
    phase = call.phase
    if isinstance(phase, Queued | Offered) and phase.place.harbour_by is not None:
        harbour(turn, call, phase)


def harbour(turn: Turn, call: Call, phase: Queued | Offered) -> None:
    """The grace is over, and no agent has come."""
    assert call.campaign is not None
    assert call.story.picked_up is not None
    if isinstance(phase, Offered):
        calls.withdraw_all(turn, call, phase, RingResult.ABANDONED)
        calls.move(turn, call, "grace over", Queued(replace(phase.place, harbour_by=None)))
    pacers.abandoned(turn, call)
    policy = _policy(turn, call)
    call.story.outcome, call.story.harboured = Outcome.ABANDONED, turn.now
    turn.tell(HarbourReached(call.id, call.campaign, turn.now - call.story.picked_up))
    to: Destination = ToMenu(policy.harbour) if policy is not None and policy.harbour is not None else SORRY
    ivr.enter(turn, call, to, "grace over")


# ── the end ──────────────────────────────────────────────────────────────────────────────────


def leg_gone(turn: Turn, call: Call, leg: Leg, event: LegGone) -> None:
    """The leg of a call that nobody has answered yet exists no more, or was never made."""
    turn.drop_leg(leg)
    cause, sip = event.cause, event.sip
    rang = isinstance(call.phase, Dialled) and call.phase.rings
    if event.unsent:
        call.story.unsent = True  # the trunk has not even been asked
    elif call.trunk is not None and not rang and trunking.is_the_trunks(cause, sip):
        trunking.failed(turn, call.trunk, f"SIP {sip}, cause {cause}")
    elif call.trunk is not None and (sip or cause):
        trunking.worked(turn, call.trunk)
    calls.end(turn, call, "not reached", Outcome.NOT_REACHED, Party.PBX, cause=cause, sip=sip)


def not_judged(turn: Turn, call: Call) -> None:
    """Detection has taken too long: the dialplan has told the person that nobody is there."""
    calls.end(turn, call, "not judged", Outcome.FAILED, Party.CALLCTL)


def message_left(turn: Turn, call: Call, event: MessageLeft) -> None:
    """The message was played to its end."""
    if not isinstance(call.phase, HandedOver) or not isinstance(call.phase.to, Drop):
        turn.stray(event, call.phase)
        return
    assert call.campaign is not None
    call.story.message_left = turn.now
    turn.tell(MessageDropped(call.id, call.campaign))
    calls.end(turn, call, "message left", Outcome.MACHINE, Party.CALLCTL)
