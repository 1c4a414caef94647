"""What the PBX should be, by what the World wants of it: where the two differ, something was lost or done twice."""

from __future__ import annotations

from collections.abc import Iterator

from callctl.core.events import (
    BridgeFailed,
    CallArrived,
    LegAnswered,
    LegLeft,
    LegRinging,
    LegState,
    LegUp,
    PlaybackEnded,
)
from callctl.core.ids import AgentId, LegId, is_ours
from callctl.core.model import (
    Announcing,
    Briefed,
    Call,
    Connected,
    Detecting,
    Dialled,
    Dialling,
    Ended,
    HandedOver,
    InMenu,
    Leg,
    LegRole,
    LookingUp,
    Offered,
    OnCall,
    Place,
    Queued,
    Reserved,
    Ringing,
    World,
)
from callctl.sim.pbx import Channel, ModelPbx


def amiss(world: World, pbx: ModelPbx) -> Iterator[str]:
    """Where the PBX is not what the World wants of it, apart from what the World cannot know yet."""
    coming = {event.leg for event in pbx.news if isinstance(event, CallArrived)}
    answering = {event.leg for event in pbx.news if isinstance(event, LegAnswered)}
    leaving = {event.leg for event in pbx.news if isinstance(event, LegLeft)}
    for channel in pbx.channels.values():
        leg = world.legs.get(channel.id)
        if leg is None:
            rings_on = is_ours(channel.id) and channel.state is not LegState.UP
            if channel.id not in coming and (channel.in_app or rings_on):
                yield f"{channel.id} is forgotten"
        elif leg.role is LegRole.AGENT:
            if not _wanted(world, leg.id):
                yield f"{channel.id} rings or stands in the app, and nobody wants it"
            elif channel.in_app and channel.id not in answering and not _talks(world, leg.agent):
                yield f"{channel.id} was answered, and {leg.agent} still rings"
        elif leg.role is LegRole.LINE:
            yield from _amiss_of_line(world, leg, channel, answering)
        elif isinstance(world.calls[leg.call].phase, Dialled | Detecting):
            yield from _amiss_of_dialled(world.calls[leg.call], pbx, channel, answering)
        elif isinstance(world.calls[leg.call].phase, HandedOver) and channel.left:
            pass
        elif channel.left and channel.id not in leaving and leg.left_by is None:
            yield f"{channel.id} is in the dialplan, and callctl does not know"
        elif channel.in_app:
            yield from _amiss_of_caller(world, pbx, channel)
    talks = {call.phase.bridge for call in world.calls.values() if isinstance(call.phase, Connected)}
    yield from (f"bridge {b} is left over" for b in pbx.bridges if is_ours(b) and b not in talks)


def _amiss_of_line(world: World, leg: Leg, channel: Channel, answering: set[LegId]) -> Iterator[str]:
    line = world.agents[leg.agent].line if leg.agent is not None else None
    if line is None or leg.id not in line.legs:
        yield f"{leg.id} is no line of {leg.agent}'s any more, and not hung up"
    elif channel.in_app and not line.up and leg.id not in answering:
        yield f"{leg.id} was picked up, and {leg.agent} is not on the line"


def _amiss_of_dialled(call: Call, pbx: ModelPbx, channel: Channel, answering: set[LegId]) -> Iterator[str]:
    """Who is called, and has not answered, as far as callctl knows."""
    coming = {event.leg for event in pbx.news if isinstance(event, LegRinging | LegUp)} | answering
    if channel.in_app and channel.id not in answering:
        yield f"{channel.id} has answered, and callctl does not know"
        return
    waits = channel.id not in coming and isinstance(call.phase, Dialled)
    news = channel.state is LegState.UP or (
        channel.state is LegState.RINGING and not getattr(call.phase, "rings", True)
    )
    if waits and news:
        yield f"{channel.id} is {channel.state}, and callctl waits for its ringing"


def _wanted(world: World, leg: LegId) -> bool:
    call, name = world.calls[world.legs[leg].call], world.legs[leg].agent
    assert name is not None
    agent = world.agents[name]
    match agent.state:
        case Reserved() | Ringing() | Briefed() as state:
            offered = isinstance(call.phase, Offered) and agent.id in call.phase.agents
            return leg in state.legs and state.call == call.id and offered
        case OnCall(leg=talking):
            return leg == talking
    return False


def _talks(world: World, agent: AgentId | None) -> bool:
    return agent is not None and isinstance(world.agents[agent].state, OnCall | Briefed)


def _amiss_of_caller(world: World, pbx: ModelPbx, channel: Channel) -> Iterator[str]:
    call = world.calls[world.legs[channel.id].call]
    if call.story.answered_by_pbx is not None and channel.state is not LegState.UP:
        yield f"{channel.id} is not answered"
    if channel.lease is None:
        yield f"{channel.id} has no lease"
    match call.phase:
        case Ended():
            yield f"{channel.id} is not hung up"
        case HandedOver():
            yield f"{channel.id} should have been handed over"
        case Queued(place) | Offered(place):
            yield from _amiss_of_waiting(call, place, pbx, channel)
        case InMenu(playing=playing) | Announcing(playing=playing) | LookingUp(playing=playing):
            over = {event.playback for event in pbx.news if isinstance(event, PlaybackEnded)}
            if channel.bridge:
                yield f"{channel.id} hears prompts, and stands in {channel.bridge}"
            if playing not in (None, channel.playing, *over):
                yield f"{channel.id} should hear {playing}, and hears {channel.playing}"
        case Connected() if channel.state is not LegState.UP:
            yield f"{channel.id} talks, and was never answered"
        case Connected(agent_leg=agent_leg, bridge=bridge):
            failed = any(isinstance(event, BridgeFailed) and event.call == call.id for event in pbx.news)
            both = agent_leg in pbx.channels and pbx.channels[agent_leg].in_app
            if both and not failed and {channel.bridge, pbx.channels[agent_leg].bridge} != {bridge}:
                yield f"{channel.id} and {agent_leg} talk, and stand in {channel.bridge or 'nothing'}"


def _amiss_of_waiting(call: Call, place: Place, pbx: ModelPbx, channel: Channel) -> Iterator[str]:
    if place.playing is not None:
        over = {event.playback for event in pbx.news if isinstance(event, PlaybackEnded)}
        if place.playing not in (channel.playing, *over):
            yield f"{channel.id} should hear {place.playing}, and hears {channel.playing}"
    elif place.harbour_by is not None:
        if channel.bridge:
            yield f"{channel.id} waits for a moment, and stands in {channel.bridge}"
    elif call.is_answered and channel.bridge != f"hold-{place.queue}":
        yield f"{channel.id} waits in {place.queue} and stands in {channel.bridge or 'nothing'}"


def stale(world: World, pbx: ModelPbx) -> Iterator[str]:
    """Prompts that somebody hears though the World has gone on. (The link sees to those of an earlier life.)"""
    for channel in pbx.channels.values():
        leg = world.legs.get(channel.id)
        if leg is not None and leg.role is LegRole.LINE and channel.playing in pbx.tones:
            yield from _stale_tone(world, leg, channel)
        if leg is None or leg.role is not LegRole.CALLER or channel.playing is None:
            continue
        match world.calls[leg.call].phase:
            case Queued(place) | Offered(place) if place.playing == channel.playing:
                pass
            case Queued() | Offered() | Connected() | InMenu(playing=None):
                yield f"{channel.id} still hears {channel.playing}"


def _stale_tone(world: World, line: Leg, channel: Channel) -> Iterator[str]:
    """A ringing tone, and nobody is rung."""
    state = world.agents[line.agent].state if line.agent is not None else None
    call = world.calls.get(state.call) if isinstance(state, Dialling) else None
    if call is None or call.tone != channel.playing:
        yield f"{channel.id} hears a ringing tone, and {line.agent} is {type(state).__name__}"
