"""Deadlines are fields of phases, so they survive a crash. The alarms of the index only say where to look."""

from __future__ import annotations

from callctl.core import agents, calls, customers, ivr, nailing, nodes, offers, previews, waiting
from callctl.core.ids import AgentId, CallId, CampaignId, LegId, Micros, NodeId
from callctl.core.index import Alarm
from callctl.core.model import (
    Agent,
    Announcing,
    Call,
    Connected,
    Detecting,
    Dialled,
    Ended,
    InMenu,
    Leg,
    LegRole,
    LookingUp,
    Offered,
    Outcome,
    Party,
    Queued,
    Up,
    World,
)
from callctl.core.policy import Overflow
from callctl.core.turn import Turn, agent_due, call_due


def run(turn: Turn) -> None:
    """Every deadline that has come, once. One that is armed again for now waits for the next step: no loop."""
    alarms = turn.world.index.alarms
    ripe: list[Alarm] = []
    while alarms and alarms[0][0] <= turn.now:
        alarm = turn.world.index.pop_alarm()
        if due(turn.world, alarm) == alarm[0] and alarm not in ripe:
            ripe.append(alarm)
    for alarm in ripe:
        if due(turn.world, alarm) == alarm[0]:
            _fire(turn, alarm)


def due(world: World, alarm: Alarm) -> Micros | None:
    """The owner's deadline as it is now. Those of a node that is not up rest until it is."""
    _, kind, name = alarm
    if kind == "call":
        call = world.calls.get(CallId(name))
        return call_due(call) if call is not None and world.node_up(call.node) else None
    if kind == "leg":
        leg = world.legs.get(LegId(name))
        return leg.left_by if leg is not None and world.node_up(leg.node) else None
    if kind == "agent":
        agent = world.agents.get(AgentId(name))
        return agent_due(agent) if agent is not None else None
    if kind == "campaign":
        return world.outbound.pace_at.get(CampaignId(name))
    node = world.nodes.get(NodeId(name))
    return node.phase.beat_at if node is not None and isinstance(node.phase, Up) else None


def _fire(turn: Turn, alarm: Alarm) -> None:
    world, (_, kind, name) = turn.world, alarm
    if kind == "call":
        _call_due(turn, world.calls[CallId(name)])
    elif kind == "leg":
        _gone_to_dialplan(turn, world.legs[LegId(name)])
    elif kind == "agent":
        _agent_due(turn, world.agents[AgentId(name)])
    elif kind == "campaign":
        turn.paced.add(CampaignId(name))
    else:
        nodes.due(turn, world.nodes[NodeId(name)])


def _agent_due(turn: Turn, agent: Agent) -> None:
    agents.due(turn, agent)
    nailing.due(turn, agent)
    previews.due(turn, agent)


def _call_due(turn: Turn, call: Call) -> None:
    """One of the call's deadlines has come."""
    now, phase = turn.now, call.phase
    if call.lease_renew is not None and call.lease_renew <= now:
        calls.renew_lease(turn, call)
    match phase:
        case InMenu(digit_by=digit_by) if digit_by is not None and digit_by <= now:
            ivr.no_digit(turn, call, phase)
        case InMenu(heard_by=heard_by) | Announcing(heard_by=heard_by) if heard_by is not None and heard_by <= now:
            ivr.not_told(turn, call, phase)
        case LookingUp(until=until) if until <= now:
            ivr.no_answer(turn, call, phase)
        case LookingUp(heard_by=heard_by) if heard_by is not None and heard_by <= now:
            ivr.not_told(turn, call, phase)
        case Dialled(until) if until <= now:
            customers.rang_out(turn, call, phase)
        case Detecting(until) if until <= now:
            customers.not_judged(turn, call)
        case Queued(place) | Offered(place) if place.harbour_by is not None and place.harbour_by <= now:
            turn.too_late.append(call.id)
        case Queued():
            _queued_due(turn, call, phase)
        case Offered(rings=rings) if any(rung.until <= now for rung in rings):
            offers.no_answer(turn, call, phase)
            _call_due(turn, call)  # the longest wait may have passed while it rang
        case Offered(more_at=more_at) if more_at is not None and more_at <= now:
            turn.more.append(call.id)
        case Offered(place) if place.says_at is not None and place.says_at <= now:
            waiting.speak(turn, call, phase)
        case Connected(talk_until=talk_until) if talk_until <= now:
            calls.end(turn, call, "longest talk", Outcome.ANSWERED, Party.CALLCTL)


def _queued_due(turn: Turn, call: Call, phase: Queued) -> None:
    """Of several that have come at once, what ends the waiting counts alone."""
    now, place = turn.now, phase.place
    queue = turn.world.policy.queues[place.queue]
    if place.leave_by is not None and place.leave_by <= now:
        ivr.send_on(turn, call, place, Overflow.WAITED, queue.give_up)
        return
    if place.alone_by is not None and place.alone_by <= now:
        ivr.send_on(turn, call, place, Overflow.UNSTAFFED, queue.unstaffed)
        return
    if place.relax_at is not None and place.relax_at <= now:
        phase = calls.relax(turn, call, phase)
    if place.says_at is not None and place.says_at <= now:
        waiting.speak(turn, call, phase)


def _gone_to_dialplan(turn: Turn, leg: Leg) -> None:
    """The channel lives, but no longer in callctl's app: the lease ended, or somebody redirected it."""
    if leg.role is LegRole.AGENT:
        offers.leg_gone(turn, turn.world.agents[leg.agent or AgentId("")], leg, 0, 0)
        return
    if leg.role is LegRole.LINE:
        nailing.leg_gone(turn, turn.world.agents[leg.agent or AgentId("")], leg, 0, 0)
        return
    call = turn.world.calls[leg.call]
    turn.drop_leg(leg)
    if not isinstance(call.phase, Ended):
        calls.end(turn, call, "leaves for the dialplan", Outcome.LEFT_FOR_FALLBACK, Party.PBX)
