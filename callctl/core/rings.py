"""What an agent's ring came to: read from its causes, written into the call's story, held against the agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from callctl.core import agents, compliance
from callctl.core.commands import Hangup, Lease, StopPlay
from callctl.core.facts import AgentDropped, GhostAnswered, RingEnded
from callctl.core.ids import AgentId, QueueId
from callctl.core.model import (
    Agent,
    Available,
    Briefed,
    Call,
    Idle,
    Leg,
    Paused,
    Reserved,
    Ringing,
    RingResult,
    Unreachable,
)
from callctl.core.policy import HangupReason
from callctl.core.turn import Turn

BUSY_SIP = frozenset({486, 600})
"""RFC 3261 21.4.24, 21.6.1. Many phones say so when their user rejects a call."""
REJECTED_SIP = frozenset({480, 603})
"""The person or the phone said no: RFC 3261 21.4.18, 21.6.2."""
BUSY_CAUSE, REJECTED_CAUSE = 17, 21
"""Q.850: user busy, call rejected."""
MISSES = frozenset(
    {RingResult.NO_ANSWER, RingResult.REJECTED, RingResult.BUSY, RingResult.NOT_ACCEPTED, RingResult.DROPPED}
)
"""What counts as a miss of the agent's."""
_REASONS: Mapping[RingResult, HangupReason] = {
    RingResult.NO_ANSWER: HangupReason.NO_ANSWER,
    RingResult.ANSWERED_ELSEWHERE: HangupReason.ANSWERED_ELSEWHERE,
}
FORWARDED_SIP = frozenset({300, 301, 302, 305})
NO_ANSWER_CAUSES = frozenset({18, 19, 102})
"""Q.850: no user responding, no answer, recovery on timer expiry."""


def result_of(cause: int, sip: int) -> RingResult:
    """What a failed ring came to, from its Q.850 cause and SIP status (0: unknown)."""
    if sip in FORWARDED_SIP:
        return RingResult.FORWARDED
    if sip in BUSY_SIP or (not sip and cause == BUSY_CAUSE):
        return RingResult.BUSY
    if sip in REJECTED_SIP or (not sip and cause == REJECTED_CAUSE):
        return RingResult.REJECTED
    if not sip and cause in NO_ANSWER_CAUSES:
        return RingResult.NO_ANSWER
    return RingResult.UNREACHABLE


def unanswered(call: Call, agent: Agent) -> RingResult:
    """What a ring came to that was long enough: a phone that never rang is no miss of the person's, and one contact's
    302 is not forgotten because another rang on."""
    if result_of(*causes(call, agent.id)) is RingResult.FORWARDED:
        return RingResult.FORWARDED
    if isinstance(agent.state, Briefed):
        return RingResult.NOT_ACCEPTED
    outside = (
        isinstance(agent.state, Reserved) and agent.state.over is not None
    )  # some networks never say that it rings
    return RingResult.NO_ANSWER if outside or isinstance(agent.state, Ringing) else RingResult.UNREACHABLE


def over(turn: Turn, call: Call, agent: Agent, result: RingResult) -> None:
    """Write the end of the agent's latest ring into the call's story."""
    at = _latest_ring(call, agent.id)
    assert at is not None
    ring = call.story.rings[at]
    call.story.rings[at] = replace(ring, ended=turn.now, result=result)
    assert call.story.queue is not None
    rang = turn.now - ring.at
    turn.tell(RingEnded(call.id, call.story.queue, agent.id, result, rang, ring.cause, ring.sip))


def withdraw(turn: Turn, agent: Agent, call: Call, result: RingResult) -> None:
    """The call no longer wants this agent: hang up the legs that still ring. The agent is free when they are gone."""
    assert isinstance(agent.state, Reserved | Ringing | Briefed)
    reason = _REASONS.get(result, HangupReason.NORMAL)
    turn.wish(*(Hangup(call.node, leg, reason) for leg in sorted(agent.state.legs) if not agent.is_on_line(leg)))
    failed(turn, call, agent, result)
    if agent.open_line in agent.state.legs:  # it stays, and nothing rings
        if isinstance(agent.state, Briefed) and agent.state.playing is not None:
            turn.wish(StopPlay(call.node, agent.state.playing))
        turn.wish(*(Lease(call.node, leg, agents.LINE_LEASE) for leg in agent.state.legs))
        agents.move(turn, agent, "released", Idle(agent.state.idle_since))


def failed(turn: Turn, call: Call, agent: Agent, result: RingResult) -> None:
    """A ring without an answer is over."""
    over(turn, call, agent, result)
    _held_against(turn, agent, result)


def dropped(turn: Turn, call: Call, queue: QueueId, agent: Agent) -> None:
    """The agent had answered, and hung up at once."""
    turn.tell(AgentDropped(call.id, queue, agent.id))
    at = _latest_ring(call, agent.id)
    if at is not None:
        call.story.rings[at] = replace(call.story.rings[at], result=RingResult.DROPPED)
    _held_against(turn, agent, RingResult.DROPPED)


def _held_against(turn: Turn, agent: Agent, result: RingResult) -> None:
    """What it means for the agent. Only misses by a reachable phone count."""
    policy = agents.policy_of(turn, agent)
    missed = result in MISSES
    if missed and not isinstance(agent.phone, Unreachable):
        agent.misses += 1
    if missed:
        agents.hold_after(turn, agent, result)
    elif result in (RingResult.UNREACHABLE, RingResult.LOST):
        agents.hold(turn, agent, agents.FAULT_HOLD)
    if isinstance(agent.status, Available):  # who has logged out meanwhile stays logged out
        if result is RingResult.FORWARDED:
            agents.set_status(turn, agent, Paused("phone_forwarded"), "callctl", "the phone answered 302")
        elif missed and agent.misses >= policy.misses:
            agents.set_status(turn, agent, Paused("missed_calls"), "callctl", f"{agent.misses} rings missed")
    turn.touch_agent(agent)


def causes(call: Call, agent: AgentId) -> tuple[int, int]:
    """The cause and the SIP status of the agent's latest ring, as far as they are known."""
    at = _latest_ring(call, agent)
    return (0, 0) if at is None else (call.story.rings[at].cause, call.story.rings[at].sip)


def note_cause(turn: Turn, call: Call, agent: Agent, cause: int, sip: int) -> None:
    """Of several contacts' causes, keep the one that says most: forwarded, then rejected or busy, then the last."""
    at = _latest_ring(call, agent.id)
    if at is None:
        return
    ring = call.story.rings[at]
    rank = (RingResult.FORWARDED, RingResult.REJECTED, RingResult.BUSY)
    said_more = (ring.cause or ring.sip) and result_of(ring.cause, ring.sip) in rank
    if said_more and result_of(cause, sip) is not RingResult.FORWARDED:
        return
    call.story.rings[at] = replace(ring, cause=cause, sip=sip)
    turn.touch_call(call)


def count_outside(turn: Turn, leg: Leg) -> None:
    """A leg to an agent's outside number is over: it counts towards its trunk's minutes."""
    if leg.over is not None and leg.up_since:
        compliance.lasted(turn, leg.over, turn.now - leg.up_since)


def ghost(turn: Turn, call: Call, agent: Agent) -> None:
    at = _latest_ring(call, agent.id)
    if at is None:  # so long ago that the record has forgotten it
        turn.tell(GhostAnswered(call.id, call.story.queue, agent.id))
        return
    if call.story.rings[at].result not in (RingResult.ABANDONED, RingResult.LOST):
        return  # too late, a second contact that answered, or the same said twice: no caller had vanished
    call.story.rings[at] = replace(call.story.rings[at], result=RingResult.GHOST)
    turn.tell(GhostAnswered(call.id, call.story.queue, agent.id))
    turn.touch_call(call)
    if call.story.ended is not None:
        turn.records.add(call.id)


def _latest_ring(call: Call, agent: AgentId) -> int | None:
    rings = call.story.rings
    return next((at for at in range(len(rings) - 1, -1, -1) if rings[at].agent == agent), None)
