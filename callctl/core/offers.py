"""Where a call and agents meet: the offer, the ring, the answer, the bridge, and how each of them fails.

What an agent hears and does between picking up and having the call is `briefing`'s.
"""

from __future__ import annotations

from dataclasses import replace

from callctl.core import aftertalk, agents, briefing, calls, compliance, rings
from callctl.core.commands import Bridge, DropBridge, Hangup, Hold, Lease, RingPhone
from callctl.core.display import shown
from callctl.core.events import BridgeFailed, LegAnswered, LegRinging
from callctl.core.facts import CallOffered
from callctl.core.ids import AgentId, LegId, Micros
from callctl.core.model import (
    Agent,
    Briefed,
    Call,
    Connected,
    Idle,
    Leg,
    LegRole,
    Offered,
    OnCall,
    Outcome,
    Party,
    Place,
    Queued,
    Reachable,
    Reserved,
    Ring,
    Ringing,
    RingResult,
    Rung,
)
from callctl.core.permits import Permit, Purpose
from callctl.core.policy import RINGS_SEVERAL, HangupReason, PhonePolicy
from callctl.core.routing import Choice, more
from callctl.core.turn import Turn

MOST_RINGS = 200
"""Of a call, the newest are kept in its record, which is stored anew at each; the journal's events have them all."""


def offer(turn: Turn, call: Call, choice: Choice) -> None:
    """Ring the chosen agents' phones for the call. Who may not be dialled is not free for a while: others will be."""
    phase = call.phase
    assert isinstance(phase, Queued)
    place = phase.place
    if rung := _ring(turn, call, place, choice):
        more_at = _more_at(turn, place)
        calls.move(turn, call, "agent chosen", Offered(place, rung, more_at, several=more_at is not None))
        _at_once(turn, call, rung)


def _at_once(turn: Turn, call: Call, rung: tuple[Rung, ...]) -> None:
    """Who is on an open line need not be rung: the first of them picks up now."""
    for one in rung:
        agent = turn.world.agents[one.agent]
        line = agent.open_line
        if line is not None and is_offered(call, agent.id):
            briefing.picked_up(turn, call, agent, line)


def _more_at(turn: Turn, place: Place) -> Micros | None:
    queue = turn.world.policy.queues[place.queue]
    return turn.now + queue.ring_more if queue.strategy in RINGS_SEVERAL else None


def ring_more(turn: Turn, call: Call) -> None:
    """The strategy rings several: who is still free, now that all who wait have been served, is rung as well."""
    phase = call.phase
    if not isinstance(phase, Offered) or phase.more_at is None or phase.more_at > turn.now:
        return
    if phase.place.leave_by is not None and phase.place.leave_by <= turn.now:  # nobody new: who rings, rings on
        calls.move(turn, call, "more rung", replace(phase, more_at=None))
        return
    choice = more(turn.world, call, phase, turn.now)
    rung = _ring(turn, call, phase.place, choice) if choice is not None else ()
    rings_now, more_at = (*phase.rings, *rung), _more_at(turn, phase.place)
    calls.move(turn, call, "more rung", replace(phase, rings=rings_now, more_at=more_at))
    _at_once(turn, call, rung)


def _ring(turn: Turn, call: Call, place: Place, choice: Choice) -> tuple[Rung, ...]:
    """Ring each of them: one leg for each contact."""
    rung = []
    for name in choice.agents:
        phone = turn.world.policy.phones[turn.world.policy.agents[name].phone]
        permit = compliance.ask(turn, call, Purpose.AGENT, phone.outside) if phone.outside is not None else None
        if phone.outside is not None and permit is None:
            agents.not_dialled(turn, turn.world.agents[name])
        else:
            rung.append(_ring_one(turn, call, place, choice, turn.world.agents[name], phone, permit))
    return tuple(rung)


def _ring_one(
    turn: Turn, call: Call, place: Place, choice: Choice, agent: Agent, phone: PhonePolicy, permit: Permit | None
) -> Rung:
    assert isinstance(agent.state, Idle)
    now, queue = turn.now, turn.world.policy.queues[place.queue]
    timeout = turn.world.policy.agents[agent.id].ring_timeout or queue.ring_timeout
    over = permit.to.trunk if permit is not None else None
    line, contacts = agent.open_line, agent.phone.contacts if isinstance(agent.phone, Reachable) else ()
    legs = (line,) if line is not None else tuple(LegId(turn.world.ids.ulid(now)) for _ in contacts)
    agents.rung(turn, agent, place.queue)
    agents.move(turn, agent, "chosen for a call", Reserved(call.id, frozenset(legs), agent.state.since, over))
    call.story.rings.append(Ring(agent.id, now, choice.why))
    del call.story.rings[:-MOST_RINGS]
    number, name = shown(call, queue, now - place.since)
    for leg, contact in zip(legs, contacts, strict=True) if line is None else ():
        turn.add_leg(Leg(leg, call.node, call.id, LegRole.AGENT, agent.id, now, over=over))
        endpoint, contact = (permit.to.endpoint, "") if permit is not None else (phone.endpoint, contact)
        to = RingPhone(call.node, leg, call.id, endpoint, contact, number, name, timeout, phone.auto_answer, permit)
        turn.wish(to)
    turn.tell(CallOffered(call.id, place.queue, agent.id, legs, choice.why, choice.considered, choice.fitted))
    return Rung(agent.id, now + timeout)


def leg_ringing(turn: Turn, agent: Agent, leg: Leg, event: LegRinging) -> None:
    """A contact rings. That a second one does as well changes nothing."""
    match agent.state:
        case Reserved(call, legs, idle_since, over) if leg.id in legs:
            agents.move(turn, agent, "phone rings", Ringing(call, legs, idle_since, over))
        case Ringing(legs=legs) if leg.id in legs:
            pass
        case _:
            turn.stray(event, agent.state)


def leg_answered(turn: Turn, agent: Agent, leg: Leg, event: LegAnswered) -> None:
    """A contact was answered: it gets the call, if that still waits for it; else it is hung up."""
    call = turn.world.calls.get(leg.call)
    match agent.state:
        case Reserved() | Ringing() as ringing if call and leg.id in ringing.legs and is_offered(call, agent.id):
            for loser in sorted(ringing.legs - {leg.id}):
                turn.wish(Hangup(leg.node, loser, HangupReason.ANSWERED_ELSEWHERE))
            leg.up_since = turn.now
            briefing.picked_up(turn, call, agent, leg.id)
        case OnCall(leg=taken) | Briefed(leg=taken) if taken == leg.id:
            turn.stray(event, agent.state)  # said twice
        case _:
            turn.wish(Hangup(leg.node, leg.id, HangupReason.ANSWERED_ELSEWHERE))
            if call is not None and not isinstance(agent.state, OnCall | Briefed):
                rings.ghost(turn, call, agent)


def is_offered(call: Call, agent: AgentId) -> bool:
    """Whether the call still waits for this agent."""
    return isinstance(call.phase, Offered) and agent in call.phase.agents


def leg_gone(turn: Turn, agent: Agent, leg: Leg, cause: int, sip: int) -> None:
    """One of the agent's legs exists no more."""
    turn.drop_leg(leg)
    rings.count_outside(turn, leg)
    agent.settles_until = turn.now + agents.SETTLES  # also where the call had ended before
    turn.agents.add(agent.id)
    out_of_state(turn, agent, leg, cause, sip)


def out_of_state(turn: Turn, agent: Agent, leg: Leg, cause: int, sip: int) -> None:
    """What it means for the agent and the call that this leg of the agent's is gone."""
    match agent.state:
        case (Reserved() | Ringing() | Briefed()) as ringing if leg.id in ringing.legs:
            _contact_out(turn, agent, ringing, leg, cause, sip)
        case OnCall(call_id, talking) if talking == leg.id:
            call = turn.world.calls[call_id]
            if isinstance(call.phase, Connected) and _too_soon(turn, call, call.phase):
                rings.dropped(turn, call, call.phase.place.queue, agent)
                agents.release(turn, agent, "hangs up at once")
                _wait_on(turn, call, call.phase, "agent hangs up at once", f"{agent.id} hung up at once")
            elif isinstance(call.phase, Connected) and _is_here(turn, call) and aftertalk.goes_on(turn, call, agent):
                pass
            elif isinstance(call.phase, Connected):
                calls.end(turn, call, "agent leaves", Outcome.ANSWERED, Party.AGENT, cause=cause, sip=sip)


def _too_soon(turn: Turn, call: Call, phase: Connected) -> bool:
    """Whether the agent has hung up so soon that the two have not talked, and the caller is still here."""
    least = turn.world.policy.queues[phase.place.queue].least_talk
    here = _is_here(turn, call) and turn.world.node_up(call.node)
    return here and call.story.connected is not None and turn.now - call.story.connected < least


def _is_here(turn: Turn, call: Call) -> bool:
    """Whether the caller is still there, in callctl's hands."""
    caller = turn.world.legs.get(call.leg)
    return caller is not None and caller.left_by is None


def _contact_out(
    turn: Turn, agent: Agent, ringing: Reserved | Ringing | Briefed, leg: Leg, cause: int, sip: int
) -> None:
    call = turn.world.calls.get(ringing.call)
    if call is not None and not is_offered(call, agent.id):
        call = None  # it has moved on
    if call is not None:
        rings.note_cause(turn, call, agent, cause, sip)
    rest = ringing.legs - {leg.id}
    if rest and not isinstance(ringing, Briefed):
        agents.move(turn, agent, "a contact is out", replace(ringing, legs=rest))
        return
    if call is not None:
        result = rings.result_of(*rings.causes(call, agent.id))
        rings.failed(turn, call, agent, RingResult.NOT_ACCEPTED if isinstance(ringing, Briefed) else result)
    agents.phone_settles(turn, agent)
    agents.move(turn, agent, "last leg gone", Idle(ringing.idle_since))
    if call is not None:
        calls.ring_over(turn, call, agent.id, "ring failed")


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
    calls.leave_agent(turn, call, agent, phase.agent_leg, HangupReason.FAILURE)
    agents.hold(turn, agent, agents.FAULT_HOLD)
    agents.release(turn, agent, "bridge failed")
    _wait_on(turn, call, phase, "bridge failed", event.why)


def _wait_on(turn: Turn, call: Call, phase: Connected, trigger: str, why: str) -> None:
    """The two have not talked: the caller is back at the old place."""
    call.story.agent = call.story.connected = None
    policy = turn.world.policy
    turn.wish(DropBridge(call.node, phase.bridge))
    if phase.place.harbour_by is None:
        turn.wish(Hold(call.node, call.leg, phase.place.queue, policy.queues[phase.place.queue].music))
    turn.wish(Lease(call.node, call.leg, policy.lease))
    call.lease_renew = turn.now + policy.lease_renewal
    calls.requeue(turn, call, trigger, why)


def no_answer(turn: Turn, call: Call, phase: Offered) -> None:
    """An agent's phone has rung long enough. When it was the last, the caller goes back to the old place."""
    if briefing.whispered_enough(turn, call, phase):
        return
    for rung in [rung for rung in phase.rings if rung.until <= turn.now]:
        agent = turn.world.agents[rung.agent]
        rings.withdraw(turn, agent, call, rings.unanswered(call, agent))
        calls.ring_over(turn, call, agent.id, "no answer")
