"""Where a call and an agent meet: the offer, the ring, the answer, the bridge, and how each of them fails."""

from __future__ import annotations

from dataclasses import replace

from callctl.core import agents, calls, rings
from callctl.core.commands import Bridge, DropBridge, Hangup, Hold, Lease, RingPhone
from callctl.core.events import BridgeFailed, LegAnswered, LegRinging
from callctl.core.facts import CallConnected, CallOffered
from callctl.core.ids import SECOND, AgentId, LegId, Micros
from callctl.core.model import (
    Agent,
    Call,
    Connected,
    Idle,
    Leg,
    LegRole,
    Offered,
    OnCall,
    Outcome,
    Party,
    Queued,
    Reachable,
    Reserved,
    Ring,
    Ringing,
    RingResult,
)
from callctl.core.policy import E164, Extension, HangupReason, ShortCode
from callctl.core.routing import Choice
from callctl.core.turn import Turn

TALK_MARGIN: Micros = 60 * SECOND
"""A talking leg's lease is so much longer than the longest talk, so that callctl ends it first."""

MOST_RINGS = 200
"""Of a call, the newest are kept in its record, which is stored anew at each; the journal's events have them all."""


def offer(turn: Turn, call: Call, choice: Choice) -> None:
    """Ring the chosen agent's phone for the call: one leg for each contact."""
    agent, phase, now = turn.world.agents[choice.agent], call.phase, turn.now
    assert isinstance(phase, Queued)
    assert isinstance(agent.phone, Reachable)
    assert isinstance(agent.state, Idle)
    place = phase.place
    timeout = turn.world.policy.queues[place.queue].ring_timeout
    legs = tuple(LegId(turn.world.ids.ulid(now)) for _ in agent.phone.contacts)
    calls.move(turn, call, "agent chosen", Offered(place, agent.id, now + timeout))
    agents.rung(turn, agent, place.queue)
    agents.move(turn, agent, "chosen for a call", Reserved(call.id, frozenset(legs), agent.state.since))
    call.story.rings.append(Ring(agent.id, now, choice.why))
    del call.story.rings[:-MOST_RINGS]
    phone = turn.world.policy.phones[turn.world.policy.agents[agent.id].phone]
    for leg, contact in zip(legs, agent.phone.contacts, strict=True):
        turn.add_leg(Leg(leg, call.node, call.id, LegRole.AGENT, agent.id, now))
        turn.wish(RingPhone(call.node, leg, call.id, phone.endpoint, contact, *_display(call), timeout=timeout))
    turn.tell(CallOffered(call.id, place.queue, agent.id, legs, choice.why, choice.considered, choice.fitted))


def _display(call: Call) -> tuple[str, str]:
    """What the agent's phone shows: the caller's number (empty: withheld) and name."""
    match call.caller:
        case E164() | Extension() | ShortCode():
            return str(call.caller), call.caller_name
        case _:
            return "", ""


def leg_ringing(turn: Turn, agent: Agent, leg: Leg, event: LegRinging) -> None:
    """A contact rings. That a second one does as well changes nothing."""
    match agent.state:
        case Reserved(call, legs, idle_since) if leg.id in legs:
            agents.move(turn, agent, "phone rings", Ringing(call, legs, idle_since))
        case Ringing(legs=legs) if leg.id in legs:
            pass
        case _:
            turn.stray(event, agent.state)


def leg_answered(turn: Turn, agent: Agent, leg: Leg, event: LegAnswered) -> None:
    """A contact was answered: it gets the call, if that still waits for it; else it is hung up."""
    call = turn.world.calls.get(leg.call)
    match agent.state, call and call.phase:
        case Reserved() | Ringing() as ringing, Offered(agent=wanted) if (
            call is not None and leg.id in ringing.legs and ringing.call == call.id and wanted == agent.id
        ):
            for loser in sorted(ringing.legs - {leg.id}):
                turn.wish(Hangup(leg.node, loser, HangupReason.ANSWERED_ELSEWHERE))
            agent.misses = 0
            rings.over(turn, call, agent, RingResult.ANSWERED)
            agents.move(turn, agent, "answers", OnCall(call.id, leg.id))
            connect(turn, call, agent.id, leg.id)
        case OnCall(leg=talking), _ if talking == leg.id:
            turn.stray(event, "OnCall")  # said twice
        case _:
            turn.wish(Hangup(leg.node, leg.id, HangupReason.ANSWERED_ELSEWHERE))
            if call is not None and not isinstance(agent.state, OnCall):
                rings.ghost(turn, call, agent)


def connect(turn: Turn, call: Call, agent: AgentId, leg: LegId) -> None:
    """The agent has answered: join the two."""
    phase = call.phase
    assert isinstance(phase, Offered)
    place = phase.place
    longest = turn.world.policy.queues[place.queue].longest_talk
    call.story.agent, call.story.connected = agent, turn.now
    calls.move(turn, call, "agent answers", Connected(place, agent, leg, turn.now + longest))
    turn.wish(
        Bridge(call.node, call.id, call.leg, leg),
        Lease(call.node, call.leg, longest + TALK_MARGIN),
        Lease(call.node, leg, longest + TALK_MARGIN),
    )
    turn.tell(CallConnected(call.id, place.queue, agent, turn.now - place.since))


def leg_gone(turn: Turn, agent: Agent, leg: Leg, cause: int, sip: int) -> None:
    """One of the agent's legs exists no more."""
    turn.drop_leg(leg)
    agent.settles_until = turn.now + agents.SETTLES  # also where the call had ended before
    turn.agents.add(agent.id)
    match agent.state:
        case (Reserved() | Ringing()) as ringing if leg.id in ringing.legs:
            _contact_out(turn, agent, ringing, leg, cause, sip)
        case OnCall(call_id, talking) if talking == leg.id:
            call = turn.world.calls[call_id]
            if isinstance(call.phase, Connected):
                calls.end(turn, call, "agent leaves", Outcome.ANSWERED, Party.AGENT, cause=cause, sip=sip)


def _contact_out(turn: Turn, agent: Agent, ringing: Reserved | Ringing, leg: Leg, cause: int, sip: int) -> None:
    call = turn.world.calls.get(leg.call)
    offered = call is not None and isinstance(call.phase, Offered) and call.phase.agent == agent.id
    if call is not None and offered:
        rings.note_cause(turn, call, cause, sip)
    rest = ringing.legs - {leg.id}
    if rest:
        agents.move(turn, agent, "a contact is out", replace(ringing, legs=rest))
        return
    if call is not None and offered:
        ring = call.story.rings[-1]
        rings.failed(turn, call, agent, rings.result_of(ring.cause, ring.sip))
    agents.phone_settles(turn, agent)
    agents.move(turn, agent, "last leg gone", Idle(ringing.idle_since))
    if call is not None and offered:
        calls.requeue(turn, call, "ring failed", f"{agent.id}: {call.story.rings[-1].result}")


def joined_again(turn: Turn, command: Bridge) -> None:
    """An audit found the two apart, and has them joined once more."""
    call = turn.world.calls[command.call]
    assert isinstance(call.phase, Connected)
    call.phase = replace(call.phase, attempt=command.attempt)
    turn.touch_call(call)


def bridge_failed(turn: Turn, event: BridgeFailed) -> None:
    """The two could not be joined: the agent's leg goes, the caller waits on at the old place."""
    call = turn.world.calls.get(event.call)
    if call is None or not isinstance(call.phase, Connected) or call.phase.agent_leg != event.agent:
        turn.stray(event, "no such talk")
        return
    if call.phase.attempt != event.attempt:
        turn.stray(event, "joined again since")
        return
    phase = call.phase
    agent = turn.world.agents[phase.agent]
    call.story.agent = call.story.connected = None
    policy = turn.world.policy
    turn.wish(
        Hangup(call.node, phase.agent_leg, HangupReason.FAILURE),
        DropBridge(call.node, call.id),
        Hold(call.node, call.leg, phase.place.queue, policy.queues[phase.place.queue].music),
        Lease(call.node, call.leg, policy.lease),
    )
    call.lease_renew = turn.now + policy.lease_renewal
    agents.release(turn, agent, "bridge failed")
    calls.requeue(turn, call, "bridge failed", event.why)


def no_answer(turn: Turn, call: Call, phase: Offered) -> None:
    """The agent's phone has rung long enough: the caller goes back to the old place."""
    agent = turn.world.agents[phase.agent]
    result = rings.unanswered(call, agent)
    rings.withdraw(turn, agent, call, result)
    why = " did not answer" if result is RingResult.NO_ANSWER else f": {result}"
    calls.requeue(turn, call, "no answer", f"{phase.agent}{why}")
