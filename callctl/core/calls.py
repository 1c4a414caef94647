"""The call machine: every transition of a call, as a table, and the functions that make them."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from callctl.core import agents, compliance, dialing, pacers, rings
from callctl.core.addresses import E164
from callctl.core.commands import Answer, DropBridge, Hangup, Hold, Lease, RingBack
from callctl.core.facts import (
    CallEnded,
    CallQueued,
    CallRelaxed,
    CallRequeued,
)
from callctl.core.ids import SECOND, AgentId, LegId, Micros
from callctl.core.law import AttemptOutcome
from callctl.core.model import (
    Agent,
    Announcing,
    Arrived,
    Available,
    Call,
    CallPhase,
    Connected,
    Detecting,
    Dialled,
    Ended,
    HandedOver,
    InMenu,
    LeftWaiting,
    Leg,
    LookingUp,
    Offered,
    Outcome,
    Party,
    Place,
    Queued,
    QueueVisit,
    RingResult,
)
from callctl.core.policy import Answering, Drop, HangupReason, QueuePolicy, ToNumber, ToQueue, Voicemail
from callctl.core.turn import Moves, Turn, moved, place_now, standing_of

ENTERED = (InMenu, Announcing, LookingUp, Queued, HandedOver, Ended)
"""Where a destination leads."""

MOVES: Moves = {
    (Arrived, "goes to its entry"): ENTERED,
    (InMenu, "prompts end"): (InMenu,),
    (InMenu, "digit"): ENTERED,
    (InMenu, "no digit"): ENTERED,
    (InMenu, "recovered"): (InMenu,),
    (Announcing, "prompts end"): ENTERED,
    (Announcing, "recovered"): (Announcing,),
    (LookingUp, "prompts end"): (LookingUp,),
    (LookingUp, "answer comes"): ENTERED,
    (LookingUp, "no answer in time"): ENTERED,
    (LookingUp, "recovered"): (LookingUp, InMenu),
    (Queued, "agent chosen"): (Offered,),
    (Queued, "asks for less"): (Queued,),
    (Queued, "is told"): (Queued,),
    (Queued, "words end"): (Queued,),
    (Queued, "recovered"): (Queued,),
    (Offered, "is told"): (Offered,),
    (Offered, "words end"): (Offered,),
    (Offered, "recovered"): (Offered,),
    (Queued, "sent on"): ENTERED,
    (Queued, "exit key"): ENTERED,
    (Offered, "exit key"): (Queued,),
    (Offered, "more rung"): (Offered,),
    (Offered, "agent has the call"): (Connected,),
    (Offered, "no answer"): (Queued, Offered),
    (Offered, "ring failed"): (Queued, Offered),
    (Connected, "bridge failed"): (Queued,),
    (Connected, "agent hangs up at once"): (Queued,),
    (Connected, "agent leaves"): (InMenu, Announcing, LookingUp, HandedOver, Ended),
    (Connected, "longest talk"): (Ended,),
    (Arrived, "is dialled"): (Dialled,),
    (Dialled, "rings"): (Dialled,),
    (Dialled, "not reached"): (Ended,),
    (Dialled, "agent leaves"): (Ended,),
    (Dialled, "picked up"): (Detecting,),
    (Dialled, "answered"): (Queued, Connected, InMenu, Announcing, HandedOver, Ended),
    (Detecting, "answered"): (Queued, Connected, InMenu, Announcing, HandedOver, Ended),
    (Detecting, "not judged"): (Ended,),
    (Queued, "grace over"): (InMenu, Announcing),
    (Detecting, "caller leaves"): (Ended,),
    (Dialled, "pbx lost"): (Ended,),
    (Detecting, "pbx lost"): (Ended,),
    (Offered, "grace over"): (Queued,),
    (HandedOver, "message left"): (Ended,),
    **{
        (phase, trigger): (Ended,)
        for phase in (InMenu, Announcing, LookingUp, Queued, Offered, Connected, HandedOver)
        for trigger in ("caller leaves", "leaves for the dialplan", "pbx lost")
    },
    (HandedOver, "is taken over"): (HandedOver,),
}
"""The whole life of a call. Drawn in callctl/README.md."""


RING_SAYS = {RingResult.NO_ANSWER: " did not answer", RingResult.NOT_ACCEPTED: " did not accept"}

NOT_ON_ITS_WAY = frozenset({AttemptOutcome.FAILED, AttemptOutcome.UNKNOWN})
"""Nothing is learned of how people answer from calls that did not get to them."""
DIALPLAN_WAITS: Micros = 15 * SECOND
"""Then the dialplan itself says that nobody is there: `TIMEOUT(absolute)` of the context `callctl-dialled`."""
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
    if queue.answer is Answering.ON_AGENT and not call.is_answered:
        turn.wish(RingBack(call.node, call.leg))
    else:
        answer(turn, call)
        turn.wish(Hold(call.node, call.leg, queue.id, queue.music))
    known = turn.world.policy.callers.get(call.caller)
    priority = to.priority + (known.priority if known is not None else 0)
    wants = wanted(turn, call, to, known.agent if known is not None else None)
    until = turn.now + queue.patience if wants is not None else None
    says_at = turn.now + queue.words.first if queue.words is not None and call.is_answered else None
    credit = _credit(turn, call, queue)
    place = Place(
        queue.id, priority, since, turn.now, credit, None, to.stages, wants=wants, wants_until=until, says_at=says_at
    )
    move(turn, call, trigger, Queued(place_now(turn.world, place, turn.now)))
    turn.tell(CallQueued(call.id, queue.id, priority, position(turn, call), wants))


def _credit(turn: Turn, call: Call, queue: QueuePolicy) -> Micros:
    """How long the caller waited here in an earlier call that nobody answered, and not long ago."""
    left = turn.world.left.get(str(call.caller))
    if left is None or left.queue != queue.id or turn.now - left.at > queue.returns:
        return 0
    del turn.world.left[str(call.caller)]
    return left.waited


def _remember_wait(turn: Turn, call: Call, place: Place) -> None:
    """Who leaves while waiting may call again."""
    queue = turn.world.policy.queues[place.queue]
    if queue.returns and isinstance(call.caller, E164):
        known = turn.world.left
        known[str(call.caller)] = LeftWaiting(queue.id, turn.now - place.since + place.credit, turn.now)
        if len(known) > agents.MOST_REMEMBERED:
            del known[next(iter(known))]


def answer(turn: Turn, call: Call) -> None:
    """The caller pays from now on. Answered before: nothing happens."""
    if not call.is_answered:
        call.story.answered_by_pbx = turn.now
        turn.wish(Answer(call.node, call.leg))


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


def ring_over(turn: Turn, call: Call, agent: AgentId, trigger: str) -> None:
    """An agent's ring came to nothing. Where nobody else is rung, the caller goes back to the old place."""
    phase = call.phase
    assert isinstance(phase, Offered)
    rest = tuple(rung for rung in phase.rings if rung.agent != agent)
    if rest:
        move(turn, call, trigger, replace(phase, rings=rest))
        return
    result = next(ring.result for ring in reversed(call.story.rings) if ring.agent == agent)
    said = RING_SAYS.get(result, f": {result}") if result is not None else ""
    requeue(turn, call, trigger, f"{agent}{said}")


def position(turn: Turn, call: Call) -> int:
    """The caller's place in the queue; 1: next."""
    at = standing_of(turn.world, call)
    assert at is not None
    return turn.world.index.line(at.lane).position(at.key)


def relax(turn: Turn, call: Call, phase: Queued) -> Queued:
    """The caller has waited long enough for something else to be asked of an agent."""
    place = place_now(turn.world, phase.place, turn.now)
    phase = Queued(place)
    move(turn, call, "asks for less", phase)
    turn.tell(CallRelaxed(call.id, place.queue, place.asks, turn.now - place.since))
    return phase


def leg_gone(turn: Turn, leg: Leg, cause: int, sip: int) -> None:
    """The caller's channel exists no more."""
    call = turn.world.calls[leg.call]
    turn.drop_leg(leg)
    if not isinstance(call.phase, Ended):
        outcome = left_outcome(call.phase)
        if isinstance(call.phase, Queued | Offered) and call.phase.place.harbour_by is not None:
            in_time = call.phase.place.harbour_by > turn.now
            outcome = Outcome.HUNG_UP if in_time else Outcome.ABANDONED
        elif isinstance(call.phase, Detecting):
            outcome = _left_detecting(call, cause, sip, turn.now)
        end(turn, call, "caller leaves", outcome, Party.CALLER, cause=cause, sip=sip)


def _left_detecting(call: Call, cause: int, sip: int, now: Micros) -> Outcome:
    """Somebody, or something, had answered, and the dialplan listened."""
    if not cause and not sip:
        return Outcome.PBX_LOST  # found gone, whenever and however that was
    picked_up = call.story.picked_up or now
    return Outcome.HUNG_UP if now - picked_up < DIALPLAN_WAITS else Outcome.FAILED


def left_outcome(phase: CallPhase) -> Outcome:
    """What it is called when the caller leaves in this phase."""
    match phase:
        case Dialled():
            return Outcome.NOT_REACHED
        case Detecting():
            return Outcome.HUNG_UP
        case Arrived() | InMenu() | Announcing() | LookingUp():
            return Outcome.LEFT_IN_MENU
        case Queued() | Offered():
            return Outcome.ABANDONED
        case Connected():
            return Outcome.ANSWERED
        case HandedOver(to=to):
            said = {Voicemail: Outcome.VOICEMAIL, ToNumber: Outcome.SENT_OUT, Drop: Outcome.MACHINE}
            return said[type(to)]
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
    if outcome is Outcome.ABANDONED and isinstance(phase, Queued | Offered) and call.campaign is None:
        _remember_wait(turn, call, phase.place)
    match phase:
        case Offered():
            result = RingResult.LOST if outcome is Outcome.PBX_LOST else RingResult.ABANDONED
            withdraw_all(turn, call, phase, result)
        case Connected(agent=agent_id, agent_leg=agent_leg):
            leave_agent(turn, call, turn.world.agents[agent_id], agent_leg, HangupReason.NORMAL)
            turn.wish(DropBridge(call.node, phase.bridge))
            agents.wrap_up(turn, turn.world.agents[agent_id], call, phase.place.queue)
        case HandedOver(to=ToNumber(to), at=at):
            compliance.lasted(turn, to.trunk, now - at)
    if call.attempt is not None:
        _reached_or_not(turn, call, phase)
    turn.records.add(call.id)
    turn.tell(ended_fact(call))
    turn.close_if_over(call.id)


def _reached_or_not(turn: Turn, call: Call, phase: CallPhase) -> None:
    """A call to somebody on a list is over, and with it the attempt."""
    if isinstance(phase, Dialled) and (phase.rings or dialing.result_of(call) not in NOT_ON_ITS_WAY):
        pacers.rang(turn, call, answered=False)
    agents.not_reached(turn, call)
    if dialing.result_of(call) is AttemptOutcome.ABANDONED and call.story.harboured is None:
        pacers.abandoned(turn, call)
    if call.story.picked_up is not None and call.trunk is not None:
        compliance.lasted(turn, call.trunk, turn.now - call.story.picked_up)
    dialing.over(turn, call)
    if call.campaign is not None:
        turn.paced.add(call.campaign)


def leave_agent(turn: Turn, call: Call, agent: Agent, leg: LegId, reason: HangupReason) -> None:
    """The talk is over for the agent's leg; an open line stays."""
    if agent.is_on_line(leg):
        turn.wish(Lease(call.node, leg, agents.LINE_LEASE))
    elif leg in turn.world.legs:
        turn.wish(Hangup(call.node, leg, reason))


def withdraw_all(turn: Turn, call: Call, phase: Offered, result: RingResult) -> None:
    """No agent is wanted any more."""
    for agent in phase.agents:
        rings.withdraw(turn, turn.world.agents[agent], call, result)


def close_story(call: Call, outcome: Outcome, by: Party, cause: int, sip: int, now: Micros) -> None:
    """Write the end into the record."""
    story = call.story
    if story.asked_after is not None:
        story.outcome = Outcome.ANSWERED  # whatever becomes of the caller after the talk
    elif story.outcome is None or outcome not in (Outcome.COMPLETED, Outcome.LEFT_IN_MENU):
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
        talked=(story.talk_ended or story.ended) - story.connected if story.connected else 0,
        campaign=call.campaign if not story.queues else None,
        asked=story.asked_after is not None,
    )


def renew_lease(turn: Turn, call: Call) -> None:
    """Tell Asterisk that callctl still looks after the waiting caller."""
    call.lease_renew = turn.now + turn.world.policy.lease_renewal
    turn.wish(Lease(call.node, call.leg, turn.world.policy.lease))
    turn.touch_call(call)
