"""Between picking up and having the call: the agent alone hears the whisper, and outside presses a key.

The call stays `Offered` meanwhile. Where only a whisper is played the call is promised at once, and the other agents'
phones stop ringing; where a key must be pressed they ring on, since voicemail may have picked up.
"""

from __future__ import annotations

from dataclasses import replace

from callctl.core import agents, calls, pacers, rings, waiting
from callctl.core.commands import Bridge, Lease, Play, StopPlay
from callctl.core.events import DigitPressed, PlaybackEnded
from callctl.core.facts import AgentAccepted, CallConnected, PromptFailed
from callctl.core.ids import SECOND, BridgeId, LegId, Micros, PlaybackId, TrunkId
from callctl.core.model import (
    Agent,
    Briefed,
    Call,
    Connected,
    Offered,
    OnCall,
    Place,
    Reserved,
    Ringing,
    RingResult,
    Rung,
)
from callctl.core.policy import OF_ALL, HangUp, PhonePolicy, QueuePolicy
from callctl.core.turn import Turn

ACCEPT_KEY = "1"
ACCEPT_WITHIN: Micros = 20 * SECOND
"""From picking up, the prompts included: long enough to hear them twice, short enough for who waits."""
WHISPER_MOST: Micros = 30 * SECOND
"""An agent who has heard the whisper for so long has the call: nobody said that it has ended."""
SILENCE = "sound:silence/1"
BEEP = ("sound:ascending-2tone",)
"""Of 0.2 s: while it plays the agent does not hear the customer, and `sound:beep` is twice as long."""
BRIEFED_LEASE: Micros = 90 * SECOND
TALK_MARGIN: Micros = 60 * SECOND
"""A talking leg's lease is so much longer than the longest talk, so that callctl ends it first."""


def picked_up(turn: Turn, call: Call, agent: Agent, leg: LegId) -> None:
    """The agent has picked up: the call is theirs, or they hear first what it is."""
    phase, state = call.phase, agent.state
    assert isinstance(phase, Offered)
    assert isinstance(state, Reserved | Ringing)
    prompts = _prompts(turn, phase, agent, state.over)
    if state.over is None:
        _withdraw_others(turn, call, agent)
    if not prompts:
        accept(turn, call, agent, leg)
        return
    until = turn.now + (ACCEPT_WITHIN if state.over is not None else WHISPER_MOST)
    playing = PlaybackId(turn.world.ids.ulid(turn.now))
    agents.move(turn, agent, "picks up", Briefed(call.id, leg, state.idle_since, playing, state.over))
    _until(turn, call, agent, until)
    turn.wish(Lease(call.node, leg, BRIEFED_LEASE), Play(call.node, leg, playing, prompts))


def _phone(turn: Turn, agent: Agent) -> PhonePolicy:
    return turn.world.policy.phones[agents.policy_of(turn, agent).phone]


def _prompts(turn: Turn, phase: Offered, agent: Agent, over: TrunkId | None) -> tuple[str, ...]:
    """By what was dialled: voicemail may have picked up, whatever a reload says of the agent's phone since."""
    whisper, confirm = turn.world.policy.queues[phase.place.queue].whisper, _phone(turn, agent).confirm
    if phase.place.harbour_by is not None:
        whisper = ()  # a second or two is all that there is
    return whisper if over is None else (*whisper, *confirm, *confirm)


def _until(turn: Turn, call: Call, agent: Agent, until: Micros) -> None:
    phase = call.phase
    assert isinstance(phase, Offered)
    rung = tuple(Rung(it.agent, until) if it.agent == agent.id else it for it in phase.rings)
    call.phase = replace(phase, rings=rung)
    turn.touch_call(call)


def _withdraw_others(turn: Turn, call: Call, agent: Agent) -> None:
    phase = call.phase
    assert isinstance(phase, Offered)
    for name in phase.agents:
        if name != agent.id:
            rings.withdraw(turn, turn.world.agents[name], call, RingResult.ANSWERED_ELSEWHERE)
    mine = tuple(rung for rung in phase.rings if rung.agent == agent.id)
    call.phase = replace(phase, rings=mine, more_at=None)
    turn.touch_call(call)


def digit(turn: Turn, agent: Agent, event: DigitPressed) -> None:
    """The key that accepts; any other means nothing."""
    state = agent.state
    call = turn.world.calls.get(state.call) if isinstance(state, Briefed) else None
    offered = call is not None and isinstance(call.phase, Offered) and agent.id in call.phase.agents
    if not isinstance(state, Briefed) or call is None or not offered or not state.confirm or event.digit != ACCEPT_KEY:
        turn.stray(event, state)
    else:
        if state.playing is not None:
            turn.wish(StopPlay(call.node, state.playing))
        _withdraw_others(turn, call, agent)
        turn.tell(AgentAccepted(call.id, agent.id, event.digit))
        accept(turn, call, agent, state.leg)


def playback_ended(turn: Turn, agent: Agent, event: PlaybackEnded) -> None:
    """The whisper is over, or could not be played: the call is not kept from the agent for that."""
    state = agent.state
    if not isinstance(state, Briefed) or state.playing != event.playback:
        turn.stray(event, state)
        return
    call = turn.world.calls.get(state.call)
    agents.move(turn, agent, "prompts end", replace(state, playing=None))
    if call is None or not isinstance(call.phase, Offered) or agent.id not in call.phase.agents:
        return  # withdrawn: the leg is about to go
    if event.failed:
        turn.tell(PromptFailed(call.id, _prompts(turn, call.phase, agent, state.over)))
    if not state.confirm:
        accept(turn, call, agent, state.leg)


def accept(turn: Turn, call: Call, agent: Agent, leg: LegId) -> None:
    """The call is the agent's: join the two."""
    phase = call.phase
    assert isinstance(phase, Offered)
    rings.over(turn, call, agent, RingResult.ANSWERED)
    assert isinstance(agent.state, Reserved | Ringing | Briefed)
    agents.move(turn, agent, "has the call", OnCall(call.id, leg, agent.state.over))
    join(turn, call, waiting.hush(turn, call, phase.place), agent, leg, "agent has the call")


def join(turn: Turn, call: Call, place: Place, agent: Agent, leg: LegId, trigger: str) -> None:
    """The two talk from now on. On an open line a beep says that somebody is there."""
    longest = turn.world.policy.queues[place.queue].longest_talk
    on_line = agent.is_on_line(leg)
    own = turn.bridges.get(call.id) or BridgeId(turn.world.ids.ulid(turn.now)) if on_line else BridgeId("")
    call.story.agent, call.story.connected = agent.id, turn.now
    call.story.to_ask = _is_drawn(turn, call, turn.world.policy.queues[place.queue])
    calls.move(turn, call, trigger, Connected(place, agent.id, leg, turn.now + longest, own=own))
    calls.answer(turn, call)
    turn.wish(Bridge(call.node, call.id, call.leg, leg, own=own))
    if on_line:
        turn.wish(Play(call.node, leg, PlaybackId(turn.world.ids.ulid(turn.now)), BEEP))
    turn.wish(Lease(call.node, call.leg, longest + TALK_MARGIN), Lease(call.node, leg, longest + TALK_MARGIN))
    over = place.harbour_by is not None and place.harbour_by < turn.now
    pacers.connected(turn, call, late=over and call.id not in turn.bridges)  # else they talk already
    turn.tell(
        CallConnected(
            call.id, place.queue, agent.id, turn.now - place.since, call.campaign if not call.story.queues else None
        )
    )


def _is_drawn(turn: Turn, call: Call, queue: QueuePolicy) -> bool:
    """Whether the caller is one of those who go on after the talk. Stored with the talk: a restart decides no other."""
    if isinstance(queue.after, HangUp) or call.attempt is not None:  # who was called has not asked for anything
        return False
    return queue.after_share == OF_ALL or turn.world.ids.below(OF_ALL) < queue.after_share


def whispered_enough(turn: Turn, call: Call, phase: Offered) -> bool:
    """An agent's whisper has lasted too long for one whose end was told: the call is theirs. True if there is one."""
    for rung in phase.rings:
        agent = turn.world.agents[rung.agent]
        if rung.until <= turn.now and isinstance(agent.state, Briefed) and not agent.state.confirm:
            if agent.state.playing is not None:
                turn.wish(StopPlay(call.node, agent.state.playing))
            accept(turn, call, agent, agent.state.leg)
            return True
    return False


def resume(turn: Turn, agent: Agent) -> None:
    """After an outage: what was being played is not known, so it plays again, and the time for the key begins anew."""
    state = agent.state
    call = turn.world.calls.get(state.call) if isinstance(state, Briefed) else None
    if not isinstance(state, Briefed) or call is None or not isinstance(call.phase, Offered):
        return
    if agent.id not in call.phase.agents:
        return
    if state.playing is not None:
        turn.wish(StopPlay(call.node, state.playing))
    playing = PlaybackId(turn.world.ids.ulid(turn.now))
    agents.move(turn, agent, "recovered", replace(state, playing=playing))
    _until(turn, call, agent, turn.now + (ACCEPT_WITHIN if state.confirm else WHISPER_MOST))
    prompts = _prompts(turn, call.phase, agent, state.over) or (
        SILENCE,
    )  # the whisper may have been taken out meanwhile
    turn.wish(Play(call.node, state.leg, playing, prompts))
