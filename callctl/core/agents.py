"""The agent machine: every transition of an agent's state, as a table, and the functions that make them.

Status (what the person chose) and phone (what the PBX says of it) change freely beside it.
"""

from __future__ import annotations

from dataclasses import replace

from callctl.core import calls
from callctl.core.commands import Hangup, RingPhone
from callctl.core.events import LegAnswered, LegRinging
from callctl.core.facts import (
    AgentPhoneChanged,
    AgentStatusChanged,
    CallOffered,
    GhostAnswered,
    RingEnded,
    StatusRefused,
    WrapUpEnded,
)
from callctl.core.ids import AgentId, LegId, QueueId
from callctl.core.model import (
    Agent,
    AgentState,
    AgentStatus,
    Available,
    BusyElsewhere,
    Call,
    Connected,
    Idle,
    Leg,
    LegRole,
    LoggedOut,
    Offered,
    OnCall,
    Outcome,
    Party,
    Paused,
    PhoneState,
    Queued,
    Reachable,
    Reserved,
    Ring,
    Ringing,
    RingResult,
    Settling,
    Unreachable,
    WrapUp,
)
from callctl.core.policy import E164, AgentPolicy, Extension, HangupReason, ShortCode
from callctl.core.routing import Choice
from callctl.core.turn import Moves, Turn, moved

MOVES: Moves = {
    (Idle, "chosen for a call"): (Reserved,),
    (Reserved, "phone rings"): (Ringing,),
    (Reserved, "a contact is out"): (Reserved,),
    (Ringing, "a contact is out"): (Ringing,),
    (Reserved, "answers"): (OnCall,),
    (Ringing, "answers"): (OnCall,),
    (Reserved, "last leg gone"): (Idle,),
    (Ringing, "last leg gone"): (Idle,),
    (OnCall, "call ends"): (WrapUp, Idle),
    (OnCall, "bridge failed"): (Idle,),
    (WrapUp, "wrap-up over"): (Idle,),
    (WrapUp, "ready early"): (Idle,),
}
"""Drawn in callctl/README.md."""

REJECTED_SIP = frozenset({480, 486, 600, 603})
"""The person or the phone said no: RFC 3261 21.4.18, 21.4.24, 21.6.1, 21.6.2."""
REJECTED_CAUSES = frozenset({17, 21})
"""Q.850: user busy, call rejected."""
FORWARDED_SIP = frozenset({300, 301, 302, 305})
NO_ANSWER_CAUSES = frozenset({18, 19, 102})
"""Q.850: no user responding, no answer, recovery on timer expiry."""

# ── state ────────────────────────────────────────────────────────────────────────────────────


def move(turn: Turn, agent: Agent, trigger: str, state: AgentState) -> None:
    """Make a transition that the table has."""
    moved(MOVES, agent.state, trigger, state)
    turn.set_state(agent, state)


def offer(turn: Turn, call: Call, choice: Choice) -> None:
    """Ring the chosen agent's phone for the call: one leg for each contact."""
    agent, phase, now = turn.world.agents[choice.agent], call.phase, turn.now
    assert isinstance(phase, Queued)
    assert isinstance(agent.phone, Reachable)
    assert isinstance(agent.state, Idle)
    timeout = turn.world.policy.queues[phase.queue].ring_timeout
    legs = tuple(LegId(turn.world.ids.ulid(now)) for _ in agent.phone.contacts)
    calls.move(
        turn,
        call,
        "agent chosen",
        Offered(phase.queue, phase.priority, phase.since, agent.id, now + timeout),
    )
    move(turn, agent, "chosen for a call", Reserved(call.id, frozenset(legs), agent.state.since))
    call.story.rings.append(Ring(agent.id, now, choice.why))
    phone = turn.world.policy.phones[turn.world.policy.agents[agent.id].phone]
    for leg, contact in zip(legs, agent.phone.contacts, strict=True):
        turn.add_leg(Leg(leg, call.node, call.id, LegRole.AGENT, agent.id))
        turn.wish(RingPhone(call.node, leg, call.id, phone.endpoint, contact, *_display(call), timeout=timeout))
    turn.tell(CallOffered(call.id, phase.queue, agent.id, legs, choice.why))


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
            move(turn, agent, "phone rings", Ringing(call, legs, idle_since))
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
            ring_over(turn, call, agent, RingResult.ANSWERED)
            move(turn, agent, "answers", OnCall(call.id, leg.id))
            calls.connect(turn, call, agent.id, leg.id)
        case OnCall(leg=talking), _ if talking == leg.id:
            turn.stray(event, "OnCall")  # said twice
        case _:
            turn.wish(Hangup(leg.node, leg.id, HangupReason.ANSWERED_ELSEWHERE))
            if call is not None and not isinstance(agent.state, OnCall):
                _ghost(turn, call, agent)


def leg_gone(turn: Turn, agent: Agent, leg: Leg, cause: int, sip: int) -> None:
    """One of the agent's legs exists no more."""
    turn.drop_leg(leg)
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
        _note_cause(turn, call, cause, sip)
    rest = ringing.legs - {leg.id}
    if rest:
        move(turn, agent, "a contact is out", replace(ringing, legs=rest))
        return
    if call is not None and offered:
        ring = call.story.rings[-1]
        _ring_failed(turn, call, agent, ring_result(ring.cause, ring.sip))
    _phone_settles(turn, agent)
    move(turn, agent, "last leg gone", Idle(ringing.idle_since))
    if call is not None and offered:
        calls.requeue(turn, call, "ring failed", f"{agent.id}: {call.story.rings[-1].result}")


def _note_cause(turn: Turn, call: Call, cause: int, sip: int) -> None:
    """Of several contacts' causes, keep the one that says most: forwarded, then rejected, then the last."""
    ring = call.story.rings[-1]
    rank = (RingResult.FORWARDED, RingResult.REJECTED)
    said_more = (ring.cause or ring.sip) and ring_result(ring.cause, ring.sip) in rank
    if said_more and ring_result(cause, sip) is not RingResult.FORWARDED:
        return
    call.story.rings[-1] = replace(ring, cause=cause, sip=sip)
    turn.touch_call(call)


def ring_result(cause: int, sip: int) -> RingResult:
    """What a failed ring came to, from its Q.850 cause and SIP status (0: unknown)."""
    if sip in FORWARDED_SIP:
        return RingResult.FORWARDED
    if sip in REJECTED_SIP or (not sip and cause in REJECTED_CAUSES):
        return RingResult.REJECTED
    if not sip and cause in NO_ANSWER_CAUSES:
        return RingResult.NO_ANSWER
    return RingResult.UNREACHABLE


def ring_over(turn: Turn, call: Call, agent: Agent, result: RingResult) -> None:
    """Write the end of the agent's latest ring into the call's story."""
    at = _latest_ring(call, agent.id)
    ring = call.story.rings[at]
    call.story.rings[at] = replace(ring, ended=turn.now, result=result)
    assert call.story.queue is not None
    rang = turn.now - ring.at
    turn.tell(RingEnded(call.id, call.story.queue, agent.id, result, rang, ring.cause, ring.sip))


def _ghost(turn: Turn, call: Call, agent: Agent) -> None:
    at = _latest_ring(call, agent.id)
    if call.story.rings[at].result in (RingResult.ANSWERED, RingResult.GHOST):
        return  # a second contact that answered, or the same said twice
    call.story.rings[at] = replace(call.story.rings[at], result=RingResult.GHOST)
    turn.tell(GhostAnswered(call.id, call.story.queue, agent.id))
    turn.touch_call(call)
    if call.story.ended is not None:
        turn.records.add(call.id)


def _latest_ring(call: Call, agent: AgentId) -> int:
    rings = call.story.rings
    return next(at for at in range(len(rings) - 1, -1, -1) if rings[at].agent == agent)


def withdraw(turn: Turn, agent: Agent, call: Call, result: RingResult) -> None:
    """The call no longer wants this agent: hang up the legs that still ring. The agent is free when they are gone."""
    assert isinstance(agent.state, (Reserved, Ringing))
    reason = HangupReason.NO_ANSWER if result is RingResult.NO_ANSWER else HangupReason.NORMAL
    turn.wish(*(Hangup(call.node, leg, reason) for leg in sorted(agent.state.legs)))
    _ring_failed(turn, call, agent, result)


def _ring_failed(turn: Turn, call: Call, agent: Agent, result: RingResult) -> None:
    """What a ring without an answer means for the agent. Only misses by a reachable phone count."""
    ring_over(turn, call, agent, result)
    policy = _policy(turn, agent)
    missed = result in (RingResult.NO_ANSWER, RingResult.REJECTED)
    if missed and not isinstance(agent.phone, Unreachable):
        agent.misses += 1
    if missed or result in (RingResult.UNREACHABLE, RingResult.LOST):
        agent.held_until = turn.now + policy.miss_delay
    if isinstance(agent.status, Available):  # who has logged out meanwhile stays logged out
        if result is RingResult.FORWARDED:
            _set_status(turn, agent, Paused("phone_forwarded"), "callctl", "the phone answered 302")
        elif missed and agent.misses >= policy.misses:
            _set_status(turn, agent, Paused("missed_calls"), "callctl", f"{agent.misses} rings missed")
    turn.touch_agent(agent)


def _policy(turn: Turn, agent: Agent) -> AgentPolicy:
    return turn.world.policy.agents[agent.id]


def wrap_up(turn: Turn, agent: Agent, call: Call, queue: QueueId) -> None:
    """The talk is over."""
    length = turn.world.policy.queues[queue].wrap_up
    _phone_settles(turn, agent)
    if length > 0:
        move(turn, agent, "call ends", WrapUp(call.id, turn.now + length))
    else:
        call.story.wrap_up_ended = turn.now
        move(turn, agent, "call ends", Idle(turn.now))


def release(turn: Turn, agent: Agent, trigger: str, hold: bool) -> None:
    """Out of a talk that never was."""
    if hold:
        agent.held_until = turn.now + _policy(turn, agent).miss_delay
    _phone_settles(turn, agent)
    move(turn, agent, trigger, Idle(turn.now))


def end_wrap_up(turn: Turn, agent: Agent, state: WrapUp, trigger: str) -> None:
    """Ready for the next call."""
    call = turn.world.calls.get(state.call)
    move(turn, agent, trigger, Idle(turn.now))
    if call is None:
        return
    call.story.wrap_up_ended = turn.now
    assert call.story.ended is not None
    turn.tell(WrapUpEnded(call.id, agent.id, turn.now - call.story.ended))
    turn.touch_call(call)
    turn.records.add(call.id)
    turn.close_if_over(call.id)


def due(turn: Turn, agent: Agent) -> None:
    """One of the agent's deadlines has come."""
    if agent.held_until is not None and agent.held_until <= turn.now:
        agent.held_until = None
        turn.touch_agent(agent)
    if isinstance(agent.state, WrapUp) and agent.state.until <= turn.now:
        end_wrap_up(turn, agent, agent.state, "wrap-up over")


# ── status ───────────────────────────────────────────────────────────────────────────────────


def ask(turn: Turn, agent: Agent, wish: str, reason: str, by: str) -> str:
    """Somebody asks for another status. The answer: why not, or nothing; what is so already is no error."""
    why_not = ""
    match wish, agent.status:
        case "login", LoggedOut():
            _set_status(turn, agent, Available(), by, "logged in")
        case "logout", Available() | Paused():
            _set_status(turn, agent, LoggedOut(), by, "logged out")
        case "pause", Available() | Paused():
            _set_status(turn, agent, Paused(reason or "manual"), by, "paused")
        case "unpause", Paused():
            _set_status(turn, agent, Available(), by, "unpaused")
        case "unpause", Available() if isinstance(agent.state, WrapUp):
            end_wrap_up(turn, agent, agent.state, "ready early")
        case (("pause" | "unpause"), LoggedOut()):
            why_not = "logged out: log in first"
            turn.tell(StatusRefused(agent.id, wish, why_not))
    return why_not


def _set_status(turn: Turn, agent: Agent, status: AgentStatus, by: str, why: str) -> None:
    """A new status. Becoming Available starts idleness anew and forgives the misses."""
    agent.status = status
    if isinstance(status, Available):
        agent.misses, agent.held_until = 0, None
        if isinstance(agent.state, Idle):
            agent.state = Idle(turn.now)
    turn.tell(AgentStatusChanged(agent.id, status, by, why))
    turn.touch_agent(agent)


# ── phone ────────────────────────────────────────────────────────────────────────────────────


def contacts_changed(turn: Turn, agent: Agent, contacts: tuple[str, ...]) -> None:
    """The phone's contacts that can be rung now."""
    if not contacts:
        _set_phone(turn, agent, Unreachable())
        return
    match agent.phone:
        case Unreachable():
            _set_phone(turn, agent, BusyElsewhere(contacts) if _busy_elsewhere(agent) else Reachable(contacts))
        case known:
            _set_phone(turn, agent, replace(known, contacts=contacts))


def device_busy(turn: Turn, agent: Agent, busy: bool) -> None:
    """The device rings or is in use, or no longer. While it is our own call, that says nothing new."""
    agent.device_busy = busy
    match agent.phone, busy:
        case Reachable(contacts), True if _busy_elsewhere(agent):
            _set_phone(turn, agent, BusyElsewhere(contacts))
        case ((BusyElsewhere(contacts) | Settling(contacts)), False):
            _set_phone(turn, agent, Reachable(contacts))
        case _:
            turn.touch_agent(agent)


def _busy_elsewhere(agent: Agent) -> bool:
    return agent.device_busy and isinstance(agent.state, (Idle, WrapUp))


def _phone_settles(turn: Turn, agent: Agent) -> None:
    """Our call ended; the device says a moment later that it is free."""
    if agent.device_busy and isinstance(agent.phone, Reachable):
        _set_phone(turn, agent, Settling(agent.phone.contacts))


def _set_phone(turn: Turn, agent: Agent, phone: PhoneState) -> None:
    """A new phone state. Becoming reachable starts idleness anew, unless our own call has just settled."""
    if agent.phone == phone:
        return
    fresh = isinstance(phone, Reachable) and isinstance(agent.phone, (Unreachable, BusyElsewhere))
    agent.phone = phone
    if fresh and isinstance(agent.state, Idle):
        agent.state = Idle(turn.now)
    turn.tell(AgentPhoneChanged(agent.id, phone))
    turn.touch_agent(agent)
