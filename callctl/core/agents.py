"""The agent machine: every transition of an agent's state, as a table, and the functions that make them.

Status (what the person chose) and phone (what the PBX says of it) change freely beside it.
"""

from __future__ import annotations

from dataclasses import replace

from callctl.core import dialing, dispositions, pacers
from callctl.core.addresses import E164
from callctl.core.commands import StopPlay
from callctl.core.facts import (
    AgentPhoneChanged,
    AgentStatusChanged,
    StatusRefused,
    WrapUpEnded,
)
from callctl.core.ids import SECOND, AgentId, Micros, QueueId, TrunkId
from callctl.core.model import (
    Agent,
    AgentState,
    AgentStatus,
    Available,
    Briefed,
    BusyElsewhere,
    Call,
    Dialling,
    Idle,
    LoggedOut,
    OnCall,
    Paused,
    PhoneState,
    Previewing,
    Reachable,
    Reserved,
    Ringing,
    RingResult,
    Settling,
    Tally,
    Unreachable,
    World,
    WrapUp,
)
from callctl.core.policy import AgentPolicy
from callctl.core.turn import NO_TALLY, Moves, Turn, moved

MOVES: Moves = {
    (Idle, "chosen for a call"): (Reserved,),
    (Reserved, "phone rings"): (Ringing,),
    (Reserved, "a contact is out"): (Reserved,),
    (Ringing, "a contact is out"): (Ringing,),
    (Reserved, "has the call"): (OnCall,),
    (Ringing, "has the call"): (OnCall,),
    (Reserved, "picks up"): (Briefed,),
    (Ringing, "picks up"): (Briefed,),
    (Briefed, "prompts end"): (Briefed,),
    (Briefed, "recovered"): (Briefed,),
    (Briefed, "has the call"): (OnCall,),
    (Reserved, "last leg gone"): (Idle,),
    (Ringing, "last leg gone"): (Idle,),
    (Briefed, "last leg gone"): (Idle,),
    (OnCall, "call ends"): (WrapUp, Idle),
    (OnCall, "bridge failed"): (Idle,),
    (OnCall, "hangs up at once"): (Idle,),
    (WrapUp, "wrap-up over"): (Idle,),
    (WrapUp, "ready early"): (Idle,),
    (WrapUp, "disposition owed"): (WrapUp,),
    (Reserved, "released"): (Idle,),
    (Briefed, "released"): (Idle,),
    (Idle, "looks at a contact"): (Previewing,),
    (Previewing, "is to dial"): (Previewing,),
    (Previewing, "looks no more"): (Idle,),
    (Previewing, "dials"): (Dialling,),
    (Dialling, "customer answers"): (OnCall,),
    (Dialling, "not reached"): (Idle,),
}
"""Drawn in callctl/README.md."""

MOST_REMEMBERED = 100_000
"""Callers whose last agent is known; who talked longest ago is forgotten first."""

FAULT_HOLD: Micros = 1 * SECOND
"""The shortest hold after what no person did. It fails again as fast as it is tried, and no count of misses ends that:
with `miss_delay: 0s` callctl would do nothing else."""

NOT_DIALLED_HOLD: Micros = 60 * SECOND
"""Whose outside number may not be dialled is left alone for so long: a reload may allow it, or the next day."""

LINE_LEASE: Micros = 4 * 3600 * SECOND
"""An open line ends so long after callctl has last looked at it."""
LINE_RINGS: Micros = 30 * SECOND
"""How long a phone rings for its line to be opened."""
SETTLES: Micros = 1 * SECOND
"""So long after our call's end the device may still be said to be busy from it: AMI tells of devices and ARI of
channels, each on its own connection, and either may be behind."""

# ── state ────────────────────────────────────────────────────────────────────────────────────


def move(turn: Turn, agent: Agent, trigger: str, state: AgentState) -> None:
    """Make a transition that the table has."""
    moved(MOVES, agent.state, trigger, state)
    turn.set_state(agent, state)


def policy_of(turn: Turn, agent: Agent) -> AgentPolicy:
    return turn.world.policy.agents[agent.id]


def hold(turn: Turn, agent: Agent, shortest: Micros = 0) -> None:
    """No call for a moment after a ring that came to nothing: the configured `miss_delay`, `shortest` µs at least."""
    agent.held_until = turn.now + max(policy_of(turn, agent).miss_delay, shortest)


def hold_after(turn: Turn, agent: Agent, result: RingResult) -> None:
    """No call for a moment after a miss, by what it was."""
    policy = policy_of(turn, agent)
    delay = {RingResult.BUSY: policy.busy_delay, RingResult.REJECTED: policy.reject_delay}.get(result)
    agent.held_until = turn.now + (policy.miss_delay if delay is None else delay)


def not_dialled(turn: Turn, agent: Agent) -> None:
    """The agent's outside number may not be dialled now."""
    agent.held_until = turn.now + NOT_DIALLED_HOLD
    turn.touch_agent(agent)


def trunk_changed(turn: Turn, trunk: TrunkId) -> None:
    """Over it some agents' outside numbers are reached."""
    for agent in turn.world.agents.values():
        policy = turn.world.policy.agents.get(agent.id)
        outside = turn.world.policy.phones[policy.phone].outside if policy is not None else None
        if outside is not None and outside.trunk == trunk:
            outside_reachable(turn, agent)


def outside_reachable(turn: Turn, agent: Agent) -> None:
    """A number of the public network can be rung while its trunk is not known to be down."""
    outside = turn.world.policy.phones[policy_of(turn, agent).phone].outside
    if outside is not None:
        up, _ = turn.world.trunks.get(outside.trunk, (True, ""))
        contacts_changed(turn, agent, (str(outside.number),) if up else ())


def rung(turn: Turn, agent: Agent, queue: QueueId) -> None:
    """The agent's phone is rung for a call of the queue."""
    turn.world.turns[queue] = agent.id
    _count(agent, queue, rung=turn.now)


def _count(agent: Agent, queue: QueueId, **changes: int) -> None:
    tally = agent.tallies.get(queue, NO_TALLY)
    agent.tallies = {**agent.tallies, queue: replace(tally, **changes)}


def _talked(turn: Turn, agent: Agent, call: Call, queue: QueueId) -> None:
    assert call.story.connected is not None
    agent.talked += turn.now - call.story.connected
    remember(turn.world, call, agent.id, turn.now)
    pacers.talked(turn, agent.id, turn.now - call.story.connected)
    if isinstance(call.caller, E164) and call.attempt is None:
        dialing.talked(turn, call.id, call.caller)
    _count(agent, queue, answered=agent.tallies.get(queue, NO_TALLY).answered + 1, ended=turn.now)


def remember(world: World, call: Call, agent: AgentId, at: Micros) -> None:
    """Who talked with the caller last."""
    if isinstance(call.caller, E164):
        known = world.last_agents
        known.pop(str(call.caller), None)
        known[str(call.caller)] = agent, at
        if len(known) > MOST_REMEMBERED:
            del known[next(iter(known))]


def wrap_up(turn: Turn, agent: Agent, call: Call, queue: QueueId) -> None:
    """The talk is over; the misses before it are forgiven."""
    agent.misses = 0
    _talked(turn, agent, call, queue)
    length = turn.world.policy.queues[queue].wrap_up
    phone_settles(turn, agent)
    if length > 0:
        move(turn, agent, "call ends", WrapUp(call.id, turn.now + length))
    else:
        call.story.wrap_up_ended = turn.now
        pacers.wrapped(turn, agent.id, 0)
        dispositions.settle(turn, agent.id, call)
        move(turn, agent, "call ends", Idle(turn.now))


def release(turn: Turn, agent: Agent, trigger: str) -> None:
    """Out of a talk that never was."""
    phone_settles(turn, agent)
    move(turn, agent, trigger, Idle(turn.now))


def not_reached(turn: Turn, call: Call) -> None:
    """Nobody was reached for the agent for whom the call was made."""
    agent = turn.world.agents.get(call.wants) if call.wants is not None else None
    if agent is not None and agent.state == Dialling(call.id):
        hush(turn, call)
        move(turn, agent, "not reached", Idle(turn.now))


def hush(turn: Turn, call: Call) -> None:
    """The ringing tone that the agent hears, for whom the call was made, ends."""
    if call.tone is not None:
        turn.wish(StopPlay(call.node, call.tone))
        call.tone = None
        turn.touch_call(call)


def end_wrap_up(turn: Turn, agent: Agent, state: WrapUp, trigger: str) -> None:
    """Ready for the next call."""
    call = turn.world.calls.get(state.call)
    move(turn, agent, trigger, Idle(turn.now))
    if call is None:
        return
    call.story.wrap_up_ended = turn.now
    dispositions.settle(turn, agent.id, call)
    since = call.story.talk_ended
    assert since is not None
    pacers.wrapped(turn, agent.id, turn.now - since)
    turn.tell(WrapUpEnded(call.id, agent.id, turn.now - since))
    turn.touch_call(call)
    if call.story.ended is not None:  # else the record is written when the caller, who is asked something, has gone
        turn.records.add(call.id)
    turn.close_if_over(call.id)


def due(turn: Turn, agent: Agent) -> None:
    """One of the agent's deadlines has come."""
    if agent.held_until is not None and agent.held_until <= turn.now:
        agent.held_until = None
        turn.touch_agent(agent)
    if not isinstance(agent.state, WrapUp) or agent.state.until > turn.now:
        return
    if (more := dispositions.goes_on(turn, agent, agent.state)) is not None:
        move(turn, agent, "disposition owed", more)
    else:
        end_wrap_up(turn, agent, agent.state, "wrap-up over")


# ── status ───────────────────────────────────────────────────────────────────────────────────


def ask(turn: Turn, agent: Agent, wish: str, reason: str, by: str) -> str:
    """Somebody asks for another status. The answer: why not, or nothing; what is so already is no error."""
    why_not = ""
    match wish, agent.status:
        case "login", LoggedOut():
            set_status(turn, agent, Available(), by, "logged in")
        case "logout", Available() | Paused():
            set_status(turn, agent, LoggedOut(), by, "logged out")
        case "pause", Available() | Paused():
            set_status(turn, agent, Paused(reason or "manual"), by, "paused")
        case (("unpause" | "login"), Paused()):
            set_status(turn, agent, Available(), by, "unpaused")
        case "unpause", Available() if isinstance(agent.state, WrapUp) and _is_owed(turn, agent.state):
            why_not = "say first what the call came to"
            turn.tell(StatusRefused(agent.id, wish, why_not))
        case "unpause", Available() if isinstance(agent.state, WrapUp):
            end_wrap_up(turn, agent, agent.state, "ready early")
        case (("pause" | "unpause"), LoggedOut()):
            why_not = "logged out: log in first"
            turn.tell(StatusRefused(agent.id, wish, why_not))
    return why_not


def _is_owed(turn: Turn, state: WrapUp) -> bool:
    return dispositions.is_owed(turn, turn.world.calls.get(state.call))


def set_status(turn: Turn, agent: Agent, status: AgentStatus, by: str, why: str) -> None:
    """A new status. Becoming Available starts idleness anew and forgives the misses; logging in clears the tallies."""
    if isinstance(agent.status, LoggedOut) and not isinstance(status, LoggedOut):
        agent.talked = 0
        agent.tallies = {queue: Tally(rung=tally.rung) for queue, tally in agent.tallies.items()}
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
            from_ours = turn.now < agent.settles_until
            _set_phone(turn, agent, Settling(contacts) if from_ours else BusyElsewhere(contacts))
        case ((BusyElsewhere(contacts) | Settling(contacts)), False):
            _set_phone(turn, agent, Reachable(contacts))
        case _:
            turn.touch_agent(agent)


def _busy_elsewhere(agent: Agent) -> bool:
    return agent.device_busy and agent.line is None and isinstance(agent.state, (Idle, WrapUp, Previewing))


def phone_settles(turn: Turn, agent: Agent) -> None:
    """Our call ended; the device says a moment later that it is free."""
    agent.settles_until = turn.now + SETTLES
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
