"""Agents who are nailed up: the phone is rung once and stays on the line, and each call comes in with a beep.

The line is open from the moment the agent is available until logging out. Who hangs it up is paused: nobody is dialled
for a person who has left. For a preview a line is opened for the one call, also of an agent who is not nailed up.
"""

from __future__ import annotations

from dataclasses import replace

from callctl.core import agents, calls, offers
from callctl.core.commands import Hangup, Lease, RingPhone
from callctl.core.events import LegAnswered
from callctl.core.facts import LineChanged
from callctl.core.ids import NO_CALL, LegId
from callctl.core.model import (
    Agent,
    Available,
    Briefed,
    Dialled,
    Dialling,
    Idle,
    Leg,
    LegRole,
    Line,
    LoggedOut,
    OnCall,
    Outcome,
    Party,
    Paused,
    Previewing,
    Reachable,
    World,
    WrapUp,
)
from callctl.core.policy import HangupReason
from callctl.core.turn import Turn

CANCELLED = 16
"""Q.850: normal clearing. The call was given up before anybody answered."""
NAME = "callctl"
"""What the phone shows meanwhile."""


def look(turn: Turn) -> None:
    """State-triggered: open the lines that are wanted, and let go of those that are not."""
    for name in sorted(turn.agents):
        agent = turn.world.agents.get(name)
        if agent is None:
            continue
        if agent.line is None and is_wanted(turn.world, agent):
            _open(turn, agent)
        elif agent.line is not None and not is_kept(turn.world, agent):
            _close(turn, agent, agent.line)


def is_wanted(world: World, agent: Agent) -> bool:
    """Whether the agent's phone is to be rung for a line."""
    policy = world.policy.agents.get(agent.id)
    if policy is None or not isinstance(agent.phone, Reachable) or agent.held_until is not None:
        return False
    phone = world.policy.phones[policy.phone]
    if phone.outside is not None or not world.node_up(phone.node):
        return False
    if isinstance(agent.state, Previewing):
        return agent.state.dials
    return policy.nailed_up and isinstance(agent.status, Available) and isinstance(agent.state, Idle | WrapUp)


def is_kept(world: World, agent: Agent) -> bool:
    """A talk is never cut off: a line that is wanted no more ends behind it."""
    match agent.state:
        case OnCall() | Briefed() | Dialling():
            return True
        case Previewing(dials=True):
            return True
    policy = world.policy.agents.get(agent.id)
    return policy is not None and policy.nailed_up and not isinstance(agent.status, LoggedOut)


def _open(turn: Turn, agent: Agent) -> None:
    phone = turn.world.policy.phones[agents.policy_of(turn, agent).phone]
    assert isinstance(agent.phone, Reachable)
    contacts = agent.phone.contacts
    legs = tuple(LegId(turn.world.ids.ulid(turn.now)) for _ in contacts)
    agent.line = Line(frozenset(legs), until=turn.now + agents.LINE_RINGS)
    for leg, contact in zip(legs, contacts, strict=True):
        turn.add_leg(Leg(leg, phone.node, NO_CALL, LegRole.LINE, agent.id, turn.now))
        to = (phone.node, leg, NO_CALL, phone.endpoint, contact, "", NAME)
        turn.wish(RingPhone(*to, agents.LINE_RINGS, phone.auto_answer))
    turn.tell(LineChanged(agent.id, "rings"))
    turn.touch_agent(agent)


def _close(turn: Turn, agent: Agent, line: Line) -> None:
    """Not by the agent: nothing is held against anybody."""
    for leg in sorted(line.legs):
        if (known := turn.world.legs.get(leg)) is not None:
            turn.wish(Hangup(known.node, leg, HangupReason.NORMAL))
    agent.line = None
    agents.phone_settles(turn, agent)
    turn.tell(LineChanged(agent.id, "closed"))
    turn.touch_agent(agent)


def answered(turn: Turn, agent: Agent, leg: Leg, event: LegAnswered) -> None:
    """The agent is on the line."""
    line = agent.line
    if line is None or leg.id not in line.legs:
        turn.wish(Hangup(leg.node, leg.id, HangupReason.ANSWERED_ELSEWHERE))
        return
    if line.up:
        turn.stray(event, "line is open")
        return
    for loser in sorted(line.legs - {leg.id}):
        turn.wish(Hangup(leg.node, loser, HangupReason.ANSWERED_ELSEWHERE))
    leg.up_since = turn.now
    agent.line = Line(frozenset({leg.id}), up=True)
    agent.misses = 0
    if isinstance(agent.state, Idle):
        agent.state = Idle(turn.now)
    turn.wish(Lease(leg.node, leg.id, agents.LINE_LEASE))
    turn.tell(LineChanged(agent.id, "open"))
    turn.touch_agent(agent)


def due(turn: Turn, agent: Agent) -> None:
    """The phone has rung long enough for its line."""
    line = agent.line
    if line is not None and line.until is not None and line.until <= turn.now:
        for leg in sorted(line.legs):
            if (known := turn.world.legs.get(leg)) is not None:
                turn.wish(Hangup(known.node, leg, HangupReason.NO_ANSWER))
        _failed(turn, agent)


def leg_gone(turn: Turn, agent: Agent, leg: Leg, cause: int, sip: int) -> None:
    """A leg of the line exists no more."""
    turn.drop_leg(leg)
    agent.settles_until = turn.now + agents.SETTLES
    turn.agents.add(agent.id)
    line = agent.line
    if line is None or leg.id not in line.legs:
        return
    if line.up:
        agent.line = None
        _hung_up(turn, agent, leg, cause, sip)
    elif rest := line.legs - {leg.id}:
        agent.line = replace(line, legs=rest)
    else:
        _failed(turn, agent)


def _failed(turn: Turn, agent: Agent) -> None:
    """Nobody picked up: as with a call that nobody picks up."""
    agent.line = None
    agent.misses += 1
    agents.hold(turn, agent, agents.FAULT_HOLD)
    if isinstance(agent.status, Available) and agent.misses >= agents.policy_of(turn, agent).misses:
        agents.set_status(
            turn, agent, Paused("missed_calls"), "callctl", f"the line was not opened {agent.misses} times"
        )
    turn.tell(LineChanged(agent.id, "failed"))
    turn.touch_agent(agent)


def _hung_up(turn: Turn, agent: Agent, leg: Leg, cause: int, sip: int) -> None:
    """The agent has left the line. Whoever was on it with them is treated as with any agent's leg."""
    turn.tell(LineChanged(agent.id, "closed"))
    nailed_up = agents.policy_of(turn, agent).nailed_up
    if nailed_up and isinstance(agent.status, Available):
        agents.set_status(turn, agent, Paused("line_closed"), "phone", "the agent hung up the line")
    match agent.state:
        case Dialling(call):
            customer = turn.world.calls[call]
            if isinstance(customer.phase, Dialled):
                calls.end(turn, customer, "agent leaves", Outcome.NOT_REACHED, Party.AGENT, cause=CANCELLED)
            else:  # who has picked up is owed somebody: whoever is free, or the safe harbour
                agents.not_reached(turn, customer)
        case _:
            offers.out_of_state(turn, agent, leg, cause, sip)
    turn.touch_agent(agent)


def lost(turn: Turn, agent: Agent) -> None:
    """The PBX is another: no line is open there, and nobody has hung up."""
    agent.line = None
    turn.tell(LineChanged(agent.id, "closed"))
    turn.touch_agent(agent)
