"""What was missed and what is owed: two functions of the World and a node's snapshot. Used at each start, at each
reconnect and by the periodic audit. And `restore`: the World from the rows of the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from callctl.core import admission, briefing, dialing, handover, ivr, offers
from callctl.core.agents import LINE_LEASE, LINE_RINGS, outside_reachable
from callctl.core.briefing import BRIEFED_LEASE, TALK_MARGIN
from callctl.core.calls import close_story
from callctl.core.campaigns import CampaignPhase
from callctl.core.commands import Answer, Bridge, Command, DropBridge, Hangup, Hold, Lease, RingBack, Unhold, Watch
from callctl.core.events import (
    CallArrived,
    Event,
    LegAnswered,
    LegGone,
    LegLeft,
    LegRinging,
    LegSeen,
    LegState,
    LegUp,
    Snapshot,
)
from callctl.core.flows import Flows
from callctl.core.ids import (
    NO_CALL,
    SECOND,
    AgentId,
    BridgeId,
    CallId,
    IdSource,
    LegId,
    Micros,
    NodeId,
    QueueId,
    is_ours,
)
from callctl.core.model import (
    Agent,
    Announcing,
    Briefed,
    Call,
    Connected,
    Detecting,
    Dialled,
    Dialling,
    Down,
    Ended,
    HandedOver,
    Idle,
    InMenu,
    LeftWaiting,
    Leg,
    LegRole,
    LoggedOut,
    LookingUp,
    Node,
    Offered,
    OnCall,
    Outcome,
    Party,
    Queued,
    Reserved,
    Ringing,
    RingResult,
    Switch,
    Usage,
    World,
    WrapUp,
)
from callctl.core.outbound import Attempt, Campaign
from callctl.core.policies import keep_what_is_used, new_agent, reread
from callctl.core.policy import HangupReason, Policy
from callctl.core.routing import Choice
from callctl.core.turn import Turn, caller_leg

YOUNG: Micros = 5 * SECOND
"""Longer than an audit's answer waits in the inbox. A leg that young is judged by the next audit."""


def missed(
    world: World, node: NodeId, snapshot: Snapshot, named: frozenset[LegId], gone: frozenset[LegId]
) -> Iterator[Event]:
    """The events that nobody was listening to. Legs that delivered events have `named` are left to those; but who is
    not known nevertheless, and has not `gone`, came before anybody listened."""
    seen = {leg.leg: leg for leg in snapshot.legs}
    unnamed = [leg for leg in world.legs.values() if leg.node == node and leg.id not in named]
    unnamed.sort(key=lambda leg: leg.role is not LegRole.CALLER)  # whose caller has gone too has not hung up on them
    for leg in unnamed:
        found = seen.get(leg.id)
        if found is None:
            yield LegGone(node, leg.id)
        elif leg.role is LegRole.AGENT:
            yield from _missed_of_agent(world, leg, found)
        elif leg.role is LegRole.LINE:
            yield from _missed_of_line(world, leg, found)
        elif isinstance(phase := world.calls[leg.call].phase, Dialled | Detecting):
            yield from _missed_of_dialled(leg, phase, found)
        elif not found.in_app and leg.left_by is None and not _is_taken(world.calls[leg.call]):
            yield LegLeft(node, leg.id)
    for found in snapshot.legs:
        unknown = found.leg not in world.legs and found.leg not in gone
        if unknown and found.in_app and isinstance(found.arrival, CallArrived):
            yield found.arrival


def _is_taken(call: Call) -> bool:
    """Whether the dialplan is known to have the caller, as it should."""
    return isinstance(call.phase, HandedOver) and call.phase.taken


def young(world: World, now: Micros) -> frozenset[LegId]:
    """Legs that the lists of an audit may be too old to hold: they were made in the step just before it, say."""
    return frozenset(leg.id for leg in world.legs.values() if leg.made > now - YOUNG)


def _missed_of_agent(world: World, leg: Leg, found: LegSeen) -> Iterator[Event]:
    state = world.agents[leg.agent].state if leg.agent in world.agents else None
    taken = isinstance(state, OnCall | Briefed) and state.leg == leg.id
    if taken and not found.in_app and leg.left_by is None:
        yield LegLeft(leg.node, leg.id)
    if not isinstance(state, (Reserved, Ringing)) or leg.id not in state.legs:
        return
    if found.state is LegState.UP and found.in_app:
        yield LegAnswered(leg.node, leg.id)
    elif found.state is LegState.RINGING and isinstance(state, Reserved):
        yield LegRinging(leg.node, leg.id)


def _missed_of_line(world: World, leg: Leg, found: LegSeen) -> Iterator[Event]:
    agent = world.agents.get(leg.agent) if leg.agent is not None else None
    line = agent.line if agent is not None else None
    if line is None or leg.id not in line.legs:
        return
    if line.up and not found.in_app and leg.left_by is None:
        yield LegLeft(leg.node, leg.id)
    elif not line.up and found.state is LegState.UP and found.in_app:
        yield LegAnswered(leg.node, leg.id)


def _missed_of_dialled(leg: Leg, phase: Dialled | Detecting, found: LegSeen) -> Iterator[Event]:
    """It is in the dialplan's hands until somebody has answered."""
    if isinstance(found.arrival, LegAnswered) and found.in_app:
        yield replace(found.arrival, late=True)
    elif isinstance(phase, Dialled) and found.state is LegState.UP:
        yield LegUp(leg.node, leg.id)
    elif isinstance(phase, Dialled) and not phase.rings and found.state is LegState.RINGING:
        yield LegRinging(leg.node, leg.id)


def owed(
    world: World, node: NodeId, snapshot: Snapshot, now: Micros, gone: frozenset[LegId] = frozenset()
) -> Iterator[Command]:
    """What was decided and may not have been sent: as commands that change nothing if it was. Whom we do not know and
    who has `gone` since the lists were read may be in the fallback: they are left alone.

    A leg that we know and the snapshot has not (it came while the lists were read) is owed all that it could want.
    """
    talks: set[str] = set()
    seats = {found.leg: found.bridge for found in snapshot.legs}
    unlisted = [LegSeen(leg.id, LegState.DOWN, True) for leg in world.legs.values() if _unlisted(leg, node, seats)]
    for found in (*snapshot.legs, *unlisted):
        leg = world.legs.get(found.leg)
        if leg is None:
            rings_on = is_ours(found.leg) and found.state is not LegState.UP  # a loser of a ring that is over
            in_fallback = found.leg in gone and not is_ours(found.leg)
            if (found.in_app or rings_on) and not in_fallback:
                yield Hangup(node, found.leg, HangupReason.NORMAL)
            continue
        if leg.role is LegRole.LINE:
            agent = world.agents.get(leg.agent) if leg.agent is not None else None
            if agent is None or not agent.is_on_line(leg.id):
                yield Hangup(node, leg.id, HangupReason.NORMAL)
            elif agent.open_line is not None and not isinstance(agent.state, OnCall):
                yield Lease(node, leg.id, LINE_LEASE)
            continue
        call = world.calls[leg.call]
        if leg.role is LegRole.CALLER:
            yield from _owed_to_caller(world, call, found, now)
        elif not _wanted(world, leg):
            yield Hangup(node, leg.id, HangupReason.NORMAL)
        elif isinstance(world.agents[leg.agent or AgentId("")].state, Briefed):
            yield Lease(node, leg.id, BRIEFED_LEASE)
    for call in world.calls.values():
        phase = call.phase
        if call.node != node or not isinstance(phase, Connected):
            continue
        talks.add(phase.bridge)
        here = {seats.get(call.leg), seats.get(phase.agent_leg)}
        if None not in here and here != {phase.bridge}:
            yield Bridge(node, call.id, call.leg, phase.agent_leg, phase.attempt + 1, phase.own)
        left = max(phase.talk_until - now, SECOND) + TALK_MARGIN
        yield Lease(node, call.leg, left)
        yield Lease(node, phase.agent_leg, left)
    for bridge in snapshot.bridges:
        if bridge not in talks and is_ours(bridge):
            yield DropBridge(node, BridgeId(bridge))


def _unlisted(leg: Leg, node: NodeId, seats: Mapping[LegId, str]) -> bool:
    return leg.node == node and leg.id not in seats and leg.left_by is None


def _owed_to_caller(world: World, call: Call, found: LegSeen, now: Micros) -> Iterator[Command]:
    match call.phase:
        case Ended(reason=reason):
            yield Hangup(call.node, call.leg, reason)
            return
        case Dialled() | Detecting():
            return  # the dialplan's; and what was lost is never dialled again
        case HandedOver() as phase:
            yield Watch(call.node, call.leg)
            if not phase.taken and is_ours(found.bridge):
                yield DropBridge(call.node, BridgeId(found.bridge), call.leg)
            if not phase.taken:  # also who came into the app behind the lists; that others have left it was `missed`
                yield handover.owed(world, call, phase)
            return
        case Queued(place) | Offered(place):
            held = place.harbour_by is None and place.playing is None
            if call.is_answered and held and found.bridge != f"hold-{place.queue}":
                yield Hold(call.node, call.leg, place.queue, world.policy.queues[place.queue].music)
        case InMenu() | Announcing() | LookingUp() if found.bridge.startswith("hold-"):
            yield Unhold(call.node, call.leg, QueueId(found.bridge.removeprefix("hold-")))
        case InMenu() | Announcing() if is_ours(found.bridge):
            yield DropBridge(call.node, BridgeId(found.bridge), call.leg)
    yield Watch(call.node, call.leg)
    if found.state is not LegState.UP:
        yield Answer(call.node, call.leg) if call.is_answered else RingBack(call.node, call.leg)
    if not isinstance(call.phase, Connected):
        yield Lease(call.node, call.leg, world.policy.lease)


def _wanted(world: World, leg: Leg) -> bool:
    """Whether the agent's leg still has a call to be in."""
    agent, call = world.agents.get(leg.agent) if leg.agent else None, world.calls[leg.call]
    offered = isinstance(call.phase, Offered) and leg.agent in call.phase.agents
    match agent and agent.state:
        case Reserved(legs=legs) | Ringing(legs=legs):
            return offered and leg.id in legs
        case Briefed(leg=taken):
            return offered and taken == leg.id
        case OnCall(leg=talking):
            return talking == leg.id and isinstance(call.phase, Connected)
        case _:
            return False


def talks_seen(world: World, snapshot: Snapshot) -> dict[CallId, tuple[BridgeId, AgentId]]:
    """Calls of which the World does not know that they are joined with an agent on an open line: callctl was killed
    right behind that. (Of a leg that is rung for one call the answer alone tells as much.)"""
    seats: dict[str, list[Leg]] = {}
    for found in snapshot.legs:
        leg = world.legs.get(found.leg)
        if leg is not None and found.bridge and is_ours(found.bridge):
            seats.setdefault(found.bridge, []).append(leg)
    talks = {}
    for bridge, legs in seats.items():
        caller = next((leg for leg in legs if leg.role is LegRole.CALLER), None)
        line = next((leg for leg in legs if leg.role is LegRole.LINE), None)
        if caller is None or line is None or line.agent is None:
            continue
        if not isinstance(world.calls[caller.call].phase, Connected | Ended):
            talks[caller.call] = BridgeId(bridge), line.agent
    return talks


def keep_together(turn: Turn, talks: Mapping[CallId, tuple[BridgeId, AgentId]]) -> None:
    """Who talks, talks on: whatever else the agent, or the caller, could be given."""
    for name, (_, whose) in talks.items():
        call, agent = turn.world.calls.get(name), turn.world.agents.get(whose)
        if call is None or agent is None or agent.open_line is None:
            continue
        if isinstance(call.phase, Queued) and turn.world.index.is_free(whose):
            offers.offer(turn, call, Choice(name, (whose,), "they talk already", (), 1))
        if isinstance(agent.state, Briefed) and agent.state.call == name and offers.is_offered(call, whose):
            briefing.accept(turn, call, agent, agent.open_line)


def resume(turn: Turn, node: NodeId) -> None:
    """The node is up again: menus play again, deadlines count again, callers and agents can be matched."""
    for call in [c for c in turn.world.calls.values() if c.node == node]:
        ivr.resume(turn, call)
        reread(turn, call)
        turn.touch_call(call)
    for agent in turn.world.agents.values():
        policy = turn.world.policy.agents.get(agent.id)
        if policy is not None and turn.world.policy.phones[policy.phone].node == node:
            if agent.line is not None and not agent.line.up:
                agent.line = replace(agent.line, until=turn.now + LINE_RINGS)
            turn.touch_agent(agent)  # a line may be wanted
        if isinstance(agent.state, Briefed) and turn.world.calls[agent.state.call].node == node:
            briefing.resume(turn, agent)
    for leg in turn.world.legs.values():
        if leg.node == node and leg.left_by is not None:
            turn.world.index.alarm((leg.left_by, "leg", leg.id))
    turn.dirty_node(node)


# ── from the journal's rows ──────────────────────────────────────────────────────────────────


def restore(
    policy: Policy,
    seed: int,
    calls: Iterable[Call],
    agents: Iterable[Agent],
    nodes: Iterable[Node],
    node_ids: Iterable[NodeId],
    now: Micros,
    last_agents: Iterable[tuple[str, AgentId, Micros]] = (),
    usage: Iterable[Usage] = (),
    left: Iterable[tuple[str, LeftWaiting]] = (),
    campaigns: Iterable[Campaign] = (),
    attempts: Iterable[Attempt] = (),
    switches: Iterable[Switch] = (),
    flows: Iterable[Flows] = (),
) -> World:
    """The World as it was promised: rows become calls, legs and agents; every node is down until its link says more."""
    world = World(policy, IdSource(seed), last_agents={caller: (agent, at) for caller, agent, at in last_agents})
    world.flows = {it.version: it for it in flows}
    booted = {node.id: node.booted for node in nodes}
    world.nodes = {n: Node(n, Down(now), booted.get(n, "")) for n in node_ids}
    turn = Turn(world, now)
    for call in calls:
        if call.node not in world.nodes:
            continue
        world.calls[call.id] = call
        turn.add_leg(caller_leg(call))
    kept = {agent.id: agent for agent in agents}
    for agent_policy in policy.agents.values():
        world.agents[agent_policy.id] = kept.get(agent_policy.id) or new_agent(agent_policy, now)
    for agent in kept.values():
        if agent.id not in world.agents and not isinstance(agent.state, Idle):
            agent.status = LoggedOut()  # removed from the configuration while at work
            world.agents[agent.id] = agent
    for agent in list(world.agents.values()):
        _reseat(turn, agent)
        if agent.id not in policy.agents and isinstance(agent.state, Idle):
            for leg in agent.line.legs if agent.line is not None else ():
                turn.drop_leg(world.legs[leg])  # whoever is on that line is hung up as nobody's
            del world.agents[agent.id]
    keep_what_is_used(world, policy, policy)
    world.left = dict(left)
    world.outbound.campaigns = {campaign.id: campaign for campaign in campaigns}
    for attempt in attempts:
        if goes_on(attempt, world.calls):
            dialing.begun(world.outbound, attempt)
    world.outbound.pace_at = {
        it.id: now for it in world.outbound.campaigns.values() if it.phase is CampaignPhase.RUNNING
    }
    world.index.alarms.extend((at, "campaign", name) for name, at in world.outbound.pace_at.items())
    world.usage = {used.id: used for used in usage}
    world.switches = {it.id: it for it in switches if it.id in policy.switches}
    for agent in world.agents.values():
        outside_reachable(turn, agent)
    world.turns = _turns(world.agents.values())
    world.unstaffed = admission.unstaffed(world)
    for call in list(world.calls.values()):
        turn.touch_call(call)
        turn.close_if_over(call.id)
    for agent in world.agents.values():
        turn.touch_agent(agent)
    return world


def goes_on(attempt: Attempt, calls: Mapping[CallId, Call]) -> bool:
    """Whether the call that the attempt was made for may still come to something."""
    call = calls.get(attempt.call) if attempt.call is not None else None
    return call is not None and not isinstance(call.phase, Ended)


def _turns(agents: Iterable[Agent]) -> dict[QueueId, AgentId]:
    """Who was rung last for each queue."""
    last: dict[QueueId, tuple[Micros, AgentId]] = {}
    for agent in agents:
        for queue, tally in agent.tallies.items():
            if tally.rung:
                last[queue] = max(last.get(queue, (0, agent.id)), (tally.rung, agent.id))
    return {queue: agent for queue, (_, agent) in last.items()}


def lost(call: Call, now: Micros) -> Call:
    """The call as it ends when its node is no more. A copy, which no World has: `restore` leaves such calls out."""
    lost = RingResult.LOST
    rings = [replace(it, ended=now, result=lost) if it.result is None else it for it in call.story.rings]
    story = replace(call.story, rings=rings)
    ended = replace(call, phase=Ended(now, HangupReason.NORMAL), lease_renew=None, story=story)
    close_story(ended, Outcome.PBX_LOST, Party.PBX, 0, 0, now)
    return ended


def _reseat(turn: Turn, agent: Agent) -> None:
    """Give an agent's legs back to the World; out of a state whose call is no more."""
    calls, world = turn.world.calls, turn.world
    line, agent.line = agent.line, None
    policy = world.policy.agents.get(agent.id)
    node = world.policy.phones[policy.phone].node if policy is not None else world.policy.default_node
    if line is not None and node in world.nodes:
        agent.line = line
        for leg in line.legs:
            turn.add_leg(Leg(leg, node, NO_CALL, LegRole.LINE, agent.id, up_since=turn.now if line.up else 0))
    match agent.state:
        case Reserved(call, legs) | Ringing(call, legs) if call in calls:
            for leg in legs - (line.legs if line is not None else frozenset()):
                turn.add_leg(Leg(leg, calls[call].node, call, LegRole.AGENT, agent.id, over=agent.state.over))
        case Briefed(call, taken) | OnCall(call, taken) if call in calls and agent.is_on_line(taken):
            pass
        case Dialling(call) if call in calls:
            pass
        case Briefed(call, taken) if call in calls:
            turn.add_leg(
                Leg(taken, calls[call].node, call, LegRole.AGENT, agent.id, up_since=turn.now, over=agent.state.over)
            )
        case OnCall(call, talking) if call in calls:
            since = calls[call].story.connected or turn.now
            turn.add_leg(
                Leg(talking, calls[call].node, call, LegRole.AGENT, agent.id, up_since=since, over=agent.state.over)
            )
        case Idle() | WrapUp():
            pass
        case _:
            agent.state = Idle(turn.now)
