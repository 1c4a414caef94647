"""The call machine: every transition of a call, as a table, and the functions that make them."""

from __future__ import annotations

from typing import assert_never

from callctl.core import agents, ivr
from callctl.core.commands import Answer, Bridge, DropBridge, Hangup, Hold, Lease, Watch
from callctl.core.events import BridgeFailed, CallArrived
from callctl.core.facts import (
    CallConnected,
    CallEnded,
    CallEntered,
    CallQueued,
    CallRequeued,
)
from callctl.core.ids import SECOND, AgentId, CallId, LegId, Micros
from callctl.core.model import (
    Agent,
    Announcing,
    Arrived,
    Call,
    CallPhase,
    Connected,
    Ended,
    InMenu,
    Leg,
    Offered,
    Outcome,
    Party,
    Queued,
    RingResult,
)
from callctl.core.policy import Feature, HangUp, HangupReason, ToQueue
from callctl.core.turn import Moves, Turn, caller_leg, moved, place_of

MOVES: Moves = {
    (Arrived, "goes to its entry"): (InMenu, Announcing, Queued, Ended),
    (InMenu, "prompts end"): (InMenu,),
    (InMenu, "digit"): (InMenu, Announcing, Queued, Ended),
    (InMenu, "no digit"): (InMenu, Announcing, Queued, Ended),
    (InMenu, "recovered"): (InMenu,),
    (Announcing, "prompts end"): (InMenu, Queued, Ended),
    (Announcing, "recovered"): (Announcing,),
    (Queued, "agent chosen"): (Offered,),
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

TALK_MARGIN: Micros = 60 * SECOND
"""A talking leg's lease is so much longer than the longest talk, so that callctl ends it first."""


def move(turn: Turn, call: Call, trigger: str, phase: CallPhase) -> None:
    """Make a transition that the table has."""
    moved(MOVES, call.phase, trigger, phase)
    call.phase = phase
    turn.touch_call(call)


def arrive(turn: Turn, event: CallArrived) -> None:
    """A caller enters: from a trunk or a phone, to a number or a feature code."""
    if event.leg in turn.world.legs:
        turn.stray(event, "known leg")
        return
    world, now = turn.world, turn.now
    call = Call(
        id=CallId(world.ids.ulid(now)),
        node=event.node,
        leg=event.leg,
        phase=Arrived(),
        entered=now,
        caller=event.caller,
        caller_name=event.caller_name,
        dialled=event.dialled_text,
        trunk=event.trunk,
        phone=event.phone,
        diverted_from=event.diverted_from,
        lease_renew=now + world.policy.lease_renewal,
    )
    world.calls[call.id] = call
    turn.add_leg(caller_leg(call))
    turn.wish(Watch(call.node, call.leg), Lease(call.node, call.leg, world.policy.lease))
    if event.feature_code:
        _use_feature(turn, call, event.feature_code)
        return
    to = world.policy.entries.get(event.dialled)
    known = to is not None
    to = to or world.policy.unknown_number
    turn.tell(CallEntered(call.id, call.node, call.leg, call.caller, call.dialled, to))
    if not (isinstance(to, HangUp) and not known):
        call.story.answered_by_pbx = now
        turn.wish(Answer(call.node, call.leg))
    if not known:
        call.story.outcome = Outcome.UNKNOWN_NUMBER
    ivr.enter(turn, call, to, "goes to its entry")


def _use_feature(turn: Turn, call: Call, code: str) -> None:
    feature = turn.world.policy.features.get(code)
    agent = turn.world.agent_of_phone(call.phone)
    call.feature = feature
    call.story.answered_by_pbx = turn.now
    turn.wish(Answer(call.node, call.leg))
    turn.tell(
        CallEntered(
            call.id,
            call.node,
            call.leg,
            call.caller,
            call.dialled,
            feature or HangUp(HangupReason.UNALLOCATED),
        )
    )
    prompts: tuple[str, ...] = ("sound:beeperr",)
    if feature is not None and agent is not None:
        refused = agents.ask(turn, agent, feature.value, "", "phone")
        prompts = prompts if refused else FEATURE_PROMPTS[feature]
    ivr.announce(turn, call, prompts, HangUp(), "goes to its entry")


FEATURE_PROMPTS: dict[Feature, tuple[str, ...]] = {
    Feature.LOGIN: ("sound:agent-loginok",),
    Feature.LOGOUT: ("sound:agent-loggedoff",),
    Feature.PAUSE: ("sound:do-not-disturb", "sound:activated"),
    Feature.UNPAUSE: ("sound:do-not-disturb", "sound:de-activated"),
}


def enqueue(turn: Turn, call: Call, to: ToQueue, trigger: str) -> None:
    """The caller starts to wait, with music."""
    queue = turn.world.policy.queues[to.queue]
    call.story.queue, call.story.queued = queue.id, turn.now
    turn.wish(Hold(call.node, call.leg, queue.id, queue.music))
    move(turn, call, trigger, Queued(queue.id, to.priority, turn.now))
    turn.tell(CallQueued(call.id, queue.id, to.priority, position(turn, call)))


def requeue(turn: Turn, call: Call, trigger: str, why: str) -> None:
    """Back to the old place: priority and waiting time are kept. The music never stopped."""
    phase = call.phase
    assert isinstance(phase, (Offered, Connected))
    move(turn, call, trigger, Queued(phase.queue, phase.priority, phase.since))
    turn.tell(CallRequeued(call.id, phase.queue, position(turn, call), why))


def position(turn: Turn, call: Call) -> int:
    """The caller's place in the queue; 1: next."""
    at = place_of(call)
    assert at is not None
    return turn.world.index.line(at[0]).position(at[2])


def connect(turn: Turn, call: Call, agent: AgentId, leg: LegId) -> None:
    """The agent has answered: join the two."""
    phase = call.phase
    assert isinstance(phase, Offered)
    longest = turn.world.policy.queues[phase.queue].longest_talk
    call.story.agent, call.story.connected = agent, turn.now
    move(
        turn,
        call,
        "agent answers",
        Connected(phase.queue, phase.priority, phase.since, agent, leg, turn.now + longest),
    )
    turn.wish(
        Bridge(call.node, call.id, call.leg, leg),
        Lease(call.node, call.leg, longest + TALK_MARGIN),
        Lease(call.node, leg, longest + TALK_MARGIN),
    )
    turn.tell(CallConnected(call.id, phase.queue, agent, turn.now - phase.since))


def bridge_failed(turn: Turn, event: BridgeFailed) -> None:
    """The two could not be joined: the agent's leg goes, the caller waits on at the old place."""
    call = turn.world.calls.get(event.call)
    if call is None or not isinstance(call.phase, Connected):
        turn.stray(event, "no such talk")
        return
    phase = call.phase
    agent = turn.world.agents[phase.agent]
    call.story.agent = call.story.connected = None
    policy = turn.world.policy
    turn.wish(
        Hangup(call.node, phase.agent_leg, HangupReason.FAILURE),
        DropBridge(call.node, call.id),
        Hold(call.node, call.leg, phase.queue, policy.queues[phase.queue].music),
        Lease(call.node, call.leg, policy.lease),
    )
    call.lease_renew = turn.now + policy.lease_renewal
    agents.release(turn, agent, "bridge failed", hold=True)
    requeue(turn, call, "bridge failed", event.why)


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
            agents.withdraw(turn, turn.world.agents[agent_id], call, result)
        case Connected(agent=agent_id, agent_leg=agent_leg):
            if agent_leg in turn.world.legs:
                turn.wish(Hangup(call.node, agent_leg, HangupReason.NORMAL))
            turn.wish(DropBridge(call.node, call.id))
            agents.wrap_up(turn, turn.world.agents[agent_id], call, phase.queue)
    turn.records.add(call.id)
    turn.tell(ended_fact(call))
    turn.close_if_over(call.id)


def close_story(call: Call, outcome: Outcome, by: Party, cause: int, sip: int, now: Micros) -> None:
    """Write the end into the record."""
    story = call.story
    if story.outcome is not Outcome.UNKNOWN_NUMBER or outcome not in (Outcome.COMPLETED, Outcome.LEFT_IN_MENU):
        story.outcome = outcome  # an unknown number that leads to a queue is judged as any caller there
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


def due(turn: Turn, call: Call) -> None:
    """One of the call's deadlines has come."""
    now, phase = turn.now, call.phase
    if call.lease_renew is not None and call.lease_renew <= now:
        call.lease_renew = now + turn.world.policy.lease_renewal
        turn.wish(Lease(call.node, call.leg, turn.world.policy.lease))
        turn.touch_call(call)
    match phase:
        case InMenu(digit_by=digit_by) if digit_by is not None and digit_by <= now:
            ivr.no_digit(turn, call, phase)
        case Offered(ring_until=ring_until, agent=agent_id) if ring_until <= now:
            agent: Agent = turn.world.agents[agent_id]
            agents.withdraw(turn, agent, call, RingResult.NO_ANSWER)
            requeue(turn, call, "no answer", f"{agent_id} did not answer")
        case Connected(talk_until=talk_until) if talk_until <= now:
            end(turn, call, "longest talk", Outcome.ANSWERED, Party.CALLCTL)
