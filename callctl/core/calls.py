"""The call machine: every transition of a call, as a table, and the functions that make them."""

from __future__ import annotations

from typing import assert_never

from callctl.core import agents, rings
from callctl.core.commands import DropBridge, Hangup, Hold, Lease
from callctl.core.facts import (
    CallEnded,
    CallQueued,
    CallRelaxed,
    CallRequeued,
)
from callctl.core.ids import AgentId, Micros
from callctl.core.model import (
    Announcing,
    Arrived,
    Available,
    Call,
    CallPhase,
    Connected,
    Ended,
    InMenu,
    Leg,
    Offered,
    Outcome,
    Party,
    Place,
    Queued,
    QueueVisit,
    RingResult,
)
from callctl.core.policy import HangupReason, ToQueue
from callctl.core.turn import Moves, Turn, moved, place_now, standing_of

MOVES: Moves = {
    (Arrived, "goes to its entry"): (InMenu, Announcing, Queued, Ended),
    (InMenu, "prompts end"): (InMenu,),
    (InMenu, "digit"): (InMenu, Announcing, Queued, Ended),
    (InMenu, "no digit"): (InMenu, Announcing, Queued, Ended),
    (InMenu, "recovered"): (InMenu,),
    (Announcing, "prompts end"): (InMenu, Queued, Ended),
    (Announcing, "recovered"): (Announcing,),
    (Queued, "agent chosen"): (Offered,),
    (Queued, "asks for less"): (Queued,),
    (Queued, "sent on"): (InMenu, Announcing, Queued, Ended),
    (Queued, "exit key"): (InMenu, Announcing, Queued, Ended),
    (Offered, "exit key"): (Queued,),
    (Offered, "agent answers"): (Connected,),
    (Offered, "no answer"): (Queued,),
    (Offered, "ring failed"): (Queued,),
    (Connected, "bridge failed"): (Queued,),
    (Connected, "agent leaves"): (Ended,),
    (Connected, "longest talk"): (Ended,),
    **{
        (phase, trigger): (Ended,)
        for phase in (InMenu, Announcing, Queued, Offered, Connected)
        for trigger in ("caller leaves", "leaves for the dialplan", "pbx lost")
    },
}
"""The whole life of a call. Drawn in callctl/README.md."""


MOST_QUEUES = 50
"""Of a call, the newest visits of queues are kept in its record; the journal's events have them all."""


def move(turn: Turn, call: Call, trigger: str, phase: CallPhase) -> None:
    """Make a transition that the table has."""
    moved(MOVES, call.phase, trigger, phase)
    call.phase = phase
    turn.touch_call(call)


def enqueue(turn: Turn, call: Call, to: ToQueue, trigger: str) -> None:
    """The caller starts to wait, with music."""
    queue = turn.world.policy.queues[to.queue]
    since = call.flow.since if call.flow is not None and call.flow.since is not None else turn.now
    call.story.queue, call.story.queued = queue.id, since
    visited(turn, call, QueueVisit(queue.id, turn.now))
    turn.wish(Hold(call.node, call.leg, queue.id, queue.music))
    leave_by = turn.now + queue.longest_wait if queue.longest_wait else None
    known = turn.world.policy.callers.get(call.caller)
    priority = to.priority + (known.priority if known is not None else 0)
    wants = wanted(turn, call, to, known.agent if known is not None else None)
    until = turn.now + queue.patience if wants is not None else None
    place = Place(queue.id, priority, since, leave_by, to.stages, wants=wants, wants_until=until)
    move(turn, call, trigger, Queued(place_now(turn.world, place, turn.now)))
    turn.tell(CallQueued(call.id, queue.id, priority, position(turn, call), wants))


def wanted(turn: Turn, call: Call, to: ToQueue, theirs: AgentId | None) -> AgentId | None:
    """The one agent for whom the caller waits at first: asked for, theirs, or of the last talk; if available."""
    world, within = turn.world, turn.world.policy.queues[to.queue].last_agent
    last, ended = world.last_agents.get(str(call.caller), (None, 0)) if within else (None, 0)
    for agent in (to.agent, theirs, last if turn.now - ended <= within else None):
        here = world.agents.get(agent) if agent is not None else None
        if here is not None and isinstance(here.status, Available) and to.queue in world.served_by(here.id):
            return here.id
    return None


def visited(turn: Turn, call: Call, visit: QueueVisit) -> None:
    """Write a queue into the call's record."""
    call.story.queues.append(visit)
    del call.story.queues[:-MOST_QUEUES]


def requeue(turn: Turn, call: Call, trigger: str, why: str) -> None:
    """Back to the old place: priority and waiting time are kept. The music never stopped."""
    phase = call.phase
    assert isinstance(phase, (Offered, Connected))
    place = place_now(turn.world, phase.place, turn.now)
    move(turn, call, trigger, Queued(place))
    turn.tell(CallRequeued(call.id, place.queue, position(turn, call), why))


def position(turn: Turn, call: Call) -> int:
    """The caller's place in the queue; 1: next."""
    at = standing_of(turn.world, call)
    assert at is not None
    return turn.world.index.line(at.lane).position(at.key)


def relax(turn: Turn, call: Call, phase: Queued) -> None:
    """The caller has waited long enough for something else to be asked of an agent."""
    place = place_now(turn.world, phase.place, turn.now)
    move(turn, call, "asks for less", Queued(place))
    turn.tell(CallRelaxed(call.id, place.queue, place.asks, turn.now - place.since))


def leg_gone(turn: Turn, leg: Leg, cause: int, sip: int) -> None:
    """The caller's channel exists no more."""
    call = turn.world.calls[leg.call]
    turn.drop_leg(leg)
    if not isinstance(call.phase, Ended):
        end(turn, call, "caller leaves", left_outcome(call.phase), Party.CALLER, cause=cause, sip=sip)


def left_outcome(phase: CallPhase) -> Outcome:
    """What it is called when the caller leaves in this phase."""
    match phase:
        case Arrived() | InMenu() | Announcing():
            return Outcome.LEFT_IN_MENU
        case Queued() | Offered():
            return Outcome.ABANDONED
        case Connected():
            return Outcome.ANSWERED
        case Ended():
            return Outcome.COMPLETED
        case _:
            assert_never(phase)


def end(
    turn: Turn,
    call: Call,
    trigger: str,
    outcome: Outcome,
    by: Party,
    reason: HangupReason = HangupReason.NORMAL,
    cause: int = 0,
    sip: int = 0,
) -> None:
    """The call is over: hang up what is left of it, free the agent, write the record."""
    phase, now = call.phase, turn.now
    call.lease_renew = None
    move(turn, call, trigger, Ended(now, reason))
    close_story(call, outcome, by, cause, sip, now)
    if call.leg in turn.world.legs:
        turn.wish(Hangup(call.node, call.leg, reason))
    match phase:
        case Offered(agent=agent_id):
            result = RingResult.LOST if outcome is Outcome.PBX_LOST else RingResult.ABANDONED
            rings.withdraw(turn, turn.world.agents[agent_id], call, result)
        case Connected(agent=agent_id, agent_leg=agent_leg):
            if agent_leg in turn.world.legs:
                turn.wish(Hangup(call.node, agent_leg, HangupReason.NORMAL))
            turn.wish(DropBridge(call.node, call.id))
            agents.wrap_up(turn, turn.world.agents[agent_id], call, phase.place.queue)
    turn.records.add(call.id)
    turn.tell(ended_fact(call))
    turn.close_if_over(call.id)


def close_story(call: Call, outcome: Outcome, by: Party, cause: int, sip: int, now: Micros) -> None:
    """Write the end into the record."""
    story = call.story
    if story.outcome is None or outcome not in (Outcome.COMPLETED, Outcome.LEFT_IN_MENU):
        story.outcome = outcome  # who was sent on to a queue is judged as any caller there
    story.ended, story.ended_by, story.cause, story.sip = now, by, cause, sip


def ended_fact(call: Call) -> CallEnded:
    story = call.story
    assert story.ended is not None
    assert story.outcome is not None
    assert story.ended_by is not None
    answered = story.connected or story.ended
    return CallEnded(
        call=call.id,
        queue=story.queue,
        agent=story.agent,
        outcome=story.outcome,
        by=story.ended_by,
        cause=story.cause,
        sip=story.sip,
        waited=answered - story.queued if story.queued else 0,
        talked=story.ended - story.connected if story.connected else 0,
    )


def renew_lease(turn: Turn, call: Call) -> None:
    """Tell Asterisk that callctl still looks after the waiting caller."""
    call.lease_renew = turn.now + turn.world.policy.lease_renewal
    turn.wish(Lease(call.node, call.leg, turn.world.policy.lease))
    turn.touch_call(call)
