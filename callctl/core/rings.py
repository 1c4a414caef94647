"""What an agent's ring came to: read from its causes, written into the call's story, held against the agent."""

from __future__ import annotations

from dataclasses import replace

from callctl.core import agents
from callctl.core.commands import Hangup
from callctl.core.facts import GhostAnswered, RingEnded
from callctl.core.ids import AgentId
from callctl.core.model import Agent, Available, Call, Paused, Reserved, Ringing, RingResult, Unreachable
from callctl.core.policy import HangupReason
from callctl.core.turn import Turn

REJECTED_SIP = frozenset({480, 486, 600, 603})
"""The person or the phone said no: RFC 3261 21.4.18, 21.4.24, 21.6.1, 21.6.2."""
REJECTED_CAUSES = frozenset({17, 21})
"""Q.850: user busy, call rejected."""
FORWARDED_SIP = frozenset({300, 301, 302, 305})
NO_ANSWER_CAUSES = frozenset({18, 19, 102})
"""Q.850: no user responding, no answer, recovery on timer expiry."""


def result_of(cause: int, sip: int) -> RingResult:
    """What a failed ring came to, from its Q.850 cause and SIP status (0: unknown)."""
    if sip in FORWARDED_SIP:
        return RingResult.FORWARDED
    if sip in REJECTED_SIP or (not sip and cause in REJECTED_CAUSES):
        return RingResult.REJECTED
    if not sip and cause in NO_ANSWER_CAUSES:
        return RingResult.NO_ANSWER
    return RingResult.UNREACHABLE


def unanswered(call: Call, agent: Agent) -> RingResult:
    """What a ring came to that was long enough: a phone that never rang is no miss of the person's, and one contact's
    302 is not forgotten because another rang on."""
    ring = call.story.rings[-1]
    if result_of(ring.cause, ring.sip) is RingResult.FORWARDED:
        return RingResult.FORWARDED
    return RingResult.NO_ANSWER if isinstance(agent.state, Ringing) else RingResult.UNREACHABLE


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
    assert isinstance(agent.state, (Reserved, Ringing))
    reason = HangupReason.NO_ANSWER if result is RingResult.NO_ANSWER else HangupReason.NORMAL
    turn.wish(*(Hangup(call.node, leg, reason) for leg in sorted(agent.state.legs)))
    failed(turn, call, agent, result)


def failed(turn: Turn, call: Call, agent: Agent, result: RingResult) -> None:
    """What a ring without an answer means for the agent. Only misses by a reachable phone count."""
    over(turn, call, agent, result)
    policy = agents.policy_of(turn, agent)
    missed = result in (RingResult.NO_ANSWER, RingResult.REJECTED)
    if missed and not isinstance(agent.phone, Unreachable):
        agent.misses += 1
    if missed:
        agents.hold(turn, agent)
    elif result in (RingResult.UNREACHABLE, RingResult.LOST):
        agents.hold(turn, agent, agents.FAULT_HOLD)
    if isinstance(agent.status, Available):  # who has logged out meanwhile stays logged out
        if result is RingResult.FORWARDED:
            agents.set_status(turn, agent, Paused("phone_forwarded"), "callctl", "the phone answered 302")
        elif missed and agent.misses >= policy.misses:
            agents.set_status(turn, agent, Paused("missed_calls"), "callctl", f"{agent.misses} rings missed")
    turn.touch_agent(agent)


def note_cause(turn: Turn, call: Call, cause: int, sip: int) -> None:
    """Of several contacts' causes, keep the one that says most: forwarded, then rejected, then the last."""
    ring = call.story.rings[-1]
    rank = (RingResult.FORWARDED, RingResult.REJECTED)
    said_more = (ring.cause or ring.sip) and result_of(ring.cause, ring.sip) in rank
    if said_more and result_of(cause, sip) is not RingResult.FORWARDED:
        return
    call.story.rings[-1] = replace(ring, cause=cause, sip=sip)
    turn.touch_call(call)


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
