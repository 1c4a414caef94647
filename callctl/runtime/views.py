"""The World as plain dicts (JSON's types alone), for the API and the gauges. Pure: reads, changes nothing.

Times are ISO 8601 in UTC with microseconds; ages and lengths are seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from callctl.core.facts import Fact, TrunkChanged
from callctl.core.ids import SECOND, AgentId, CallId, Micros, QueueId, TrunkId
from callctl.core.model import (
    Agent,
    AgentState,
    AgentStatus,
    Announcing,
    Arrived,
    Available,
    Briefed,
    BusyElsewhere,
    Call,
    CallPhase,
    Connected,
    Detecting,
    Dialled,
    Dialling,
    Down,
    Ended,
    HandedOver,
    Idle,
    InMenu,
    LoggedOut,
    LookingUp,
    MenuVisit,
    Node,
    NodePhase,
    Offered,
    OnCall,
    Paused,
    PhoneState,
    Place,
    Previewing,
    Queued,
    QueueVisit,
    Reachable,
    Reserved,
    Ring,
    Ringing,
    Settling,
    Story,
    Syncing,
    Unreachable,
    Up,
    World,
    WrapUp,
)
from callctl.core.policy import Policy, Requirement, SwitchPolicy, TrunkPolicy
from callctl.core.routing import score
from callctl.core.turn import place_key
from callctl.core.waits import why_waits
from callctl.runtime.masking import MASKED, Masking

Plain: TypeAlias = dict[str, Any]
"""A JSON object."""

CALL_PHASES: Mapping[type[CallPhase], str] = {
    Arrived: "arrived",
    Dialled: "dialled",
    Detecting: "detecting",
    InMenu: "in_menu",
    Announcing: "announcing",
    LookingUp: "looking_up",
    Queued: "queued",
    Offered: "offered",
    Connected: "connected",
    HandedOver: "handed_over",
    Ended: "ended",
}
AGENT_STATUSES: Mapping[type[AgentStatus], str] = {
    LoggedOut: "logged_out",
    Available: "available",
    Paused: "paused",
}
AGENT_STATES: Mapping[type[AgentState], str] = {
    Idle: "idle",
    Reserved: "reserved",
    Ringing: "ringing",
    Briefed: "briefed",
    OnCall: "on_call",
    WrapUp: "wrap_up",
    Previewing: "previewing",
    Dialling: "dialling",
}
PHONE_STATES: Mapping[type[PhoneState], str] = {
    Unreachable: "unreachable",
    Reachable: "reachable",
    BusyElsewhere: "busy_elsewhere",
    Settling: "settling",
}
NODE_PHASES: Mapping[type[NodePhase], str] = {Down: "down", Syncing: "syncing", Up: "up"}

STANDINGS = ("routable", "held", "busy", "unreachable", "paused", "logged_out")
"""What an agent is to a queue, the first that is true from the end."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(at: Micros) -> str:
    """A moment as ISO 8601 in UTC, to the microsecond."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def iso_or_none(at: Micros | None) -> str | None:
    return None if at is None else iso(at)


def in_seconds(length: Micros) -> float:
    """A length of time in seconds, to the millisecond."""
    return round(length / SECOND, 3)


def switches(world: World) -> list[Plain]:
    """The configured switches, in the file's order. `since` and `by` are null of one that is off."""
    return [switch(world, it) for it in world.policy.switches.values()]


def switch(world: World, it: SwitchPolicy) -> Plain:
    on = world.switches.get(it.id)
    return {
        "id": it.id,
        "description": it.description,
        "code": it.code or None,
        "on": on is not None,
        "since": None if on is None else iso(on.since),
        "by": None if on is None else on.by,
    }


# ── trunks: the World does not decide by them, so what is known of them stands here ──────────────


@dataclass(frozen=True, slots=True)
class TrunkNow:
    up: bool
    why: str
    since: Micros


@dataclass(slots=True)
class TrunkBoard:
    """The newest state of each trunk, from the facts. An observer like any other."""

    states: dict[TrunkId, TrunkNow] = field(default_factory=dict)

    def saw(self, at: Micros, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if isinstance(fact, TrunkChanged):
                before = self.states.get(fact.trunk)
                since = before.since if before is not None and before.up == fact.up else at
                self.states[fact.trunk] = TrunkNow(fact.up, fact.why, since)


def trunks(policy: Policy, states: Mapping[TrunkId, TrunkNow], now: Micros) -> list[Plain]:
    """The configured trunks, in the file's order. `up` is null until the PBX has said something."""
    return [_trunk(trunk, states.get(name), now) for name, trunk in policy.trunks.items()]


def _trunk(trunk: TrunkPolicy, state: TrunkNow | None, now: Micros) -> Plain:
    return {
        "id": trunk.id,
        "node": trunk.node,
        "kind": trunk.kind.value,
        "host": trunk.host,
        "port": trunk.port,
        "transport": trunk.transport.value,
        "max_channels": trunk.max_channels,
        "emergency": trunk.emergency,
        "up": None if state is None else state.up,
        "why": "not heard of yet" if state is None else state.why,
        "since": None if state is None else iso(state.since),
        "age": None if state is None else in_seconds(now - state.since),
    }


# ── calls ────────────────────────────────────────────────────────────────────────────────────────


def calls(world: World, now: Micros, masking: Masking = MASKED) -> list[Plain]:
    """The calls that are there now, the oldest first."""
    ordered = sorted(world.calls.values(), key=lambda c: (c.entered, c.id))
    return [call(c, now, masking) for c in ordered]


def call(it: Call, now: Micros, masking: Masking = MASKED) -> Plain:
    """One call: who, where from, what is happening, and its record in the making."""
    plain: Plain = {
        "id": it.id,
        "node": it.node,
        "leg": it.leg,
        "phase": CALL_PHASES[type(it.phase)],
        "entered": iso(it.entered),
        "age": in_seconds(now - it.entered),
        "caller": masking.address(it.caller),
        "caller_name": masking.text(it.caller_name),
        "dialled": masking.text(it.dialled),
        "trunk": it.trunk,
        "phone": it.phone,
        "diverted_from": None if it.diverted_from is None else masking.address(it.diverted_from),
        "feature": None if it.feature is None else it.feature.value,
        "campaign": it.campaign,
        "attempt": it.attempt,
    }
    plain.update(_phase(it.phase, now))
    plain["story"] = _story(it.story, masking)
    return plain


def _phase(phase: CallPhase, now: Micros) -> Plain:
    match phase:
        case InMenu():
            return {"menu": phase.menu, "tries": phase.tries}
        case Announcing(spot=spot) | LookingUp(spot=spot) if spot is not None:
            return {"node": spot.name}
        case Arrived() | Announcing() | LookingUp() | Detecting():
            return {}
        case Dialled():
            return {"rings": phase.rings}
        case Queued(place):
            return _place(place, now)
        case Offered(place):
            first = phase.rings[0]
            return {
                **_place(place, now),
                "agent": first.agent,
                "agents": list(phase.agents),
                "ring_until": iso(first.until),
            }
        case Connected(place):
            return {
                "queue": place.queue,
                "agent": phase.agent,
                "agent_leg": phase.agent_leg,
                "talk_until": iso(phase.talk_until),
            }
        case HandedOver():
            return {"since": iso(phase.at)}
        case Ended():
            return {"ended": iso(phase.at), "reason": phase.reason.value}


def _place(place: Place, now: Micros) -> Plain:
    return {
        "queue": place.queue,
        "priority": place.priority,
        "since": iso(place.since),
        "waited": in_seconds(now - place.since),
        "credit": in_seconds(place.credit),
        "asks": _asks(place.asks),
    }


def _asks(asks: Requirement) -> Plain:
    """What is asked of an agent."""
    return {
        "needs": dict(asks.needs),
        "prefers": list(asks.prefers),
        "min_penalty": asks.min_penalty,
        "max_penalty": asks.max_penalty,
    }


def _story(story: Story, masking: Masking) -> Plain:
    return {
        "answered_by_pbx": iso_or_none(story.answered_by_pbx),
        "menus": [{"menu": v.menu, "at": iso(v.at), "digits": masking.digits(v.digits)} for v in story.menus],
        "queue": story.queue,
        "queued": iso_or_none(story.queued),
        "queues": [queue_visit(it) for it in story.queues],
        "rings": [ring(it) for it in story.rings],
        "agent": story.agent,
        "connected": iso_or_none(story.connected),
        "ended": iso_or_none(story.ended),
        "ended_by": None if story.ended_by is None else story.ended_by.value,
        "outcome": None if story.outcome is None else story.outcome.value,
        "cause": story.cause,
        "sip": story.sip,
        "wrap_up_ended": iso_or_none(story.wrap_up_ended),
        "rang": iso_or_none(story.rang),
        "picked_up": iso_or_none(story.picked_up),
        "heard": None if story.heard is None else story.heard.value,
        "harboured": iso_or_none(story.harboured),
        "message_left": iso_or_none(story.message_left),
        "asked_after": iso_or_none(story.asked_after),
        "path": list(story.path),
        "notes": {name: masking.text(said) for name, said in story.notes.items()},
    }


def menu_visit(it: MenuVisit, masking: Masking) -> Plain:
    return {"menu": it.menu, "at": iso(it.at), "digits": masking.digits(it.digits)}


def queue_visit(it: QueueVisit) -> Plain:
    return {
        "queue": it.queue,
        "at": iso(it.at),
        "left": iso_or_none(it.left),
        "why": None if it.why is None else it.why.value,
    }


def ring(it: Ring) -> Plain:
    return {
        "agent": it.agent,
        "at": iso(it.at),
        "why": it.why,
        "ended": iso_or_none(it.ended),
        "result": None if it.result is None else it.result.value,
        "cause": it.cause,
        "sip": it.sip,
    }


# ── agents ───────────────────────────────────────────────────────────────────────────────────────


def standing(agent: Agent) -> str:
    """What the agent is to a queue: one of STANDINGS."""
    match agent.status:
        case LoggedOut():
            return "logged_out"
        case Paused():
            return "paused"
        case Available():
            pass
    if not isinstance(agent.state, Idle):
        return "busy"
    match agent.phone:
        case Unreachable():
            return "unreachable"
        case BusyElsewhere() | Settling():
            return "busy"
        case Reachable():
            return "routable" if agent.held_until is None else "held"


def agents(world: World, now: Micros) -> list[Plain]:
    """The agents in the file's order; then those that the file has no more and who still have a call."""
    return [agent(world, it, now) for it in agents_in_order(world)]


def agents_in_order(world: World) -> Iterable[Agent]:
    yield from (world.agents[name] for name in world.policy.agents if name in world.agents)
    yield from (it for name, it in world.agents.items() if name not in world.policy.agents)


def agent(world: World, it: Agent, now: Micros) -> Plain:
    """One agent: status (what the person chose), state (what is happening), phone."""
    policy = world.policy.agents.get(it.id)
    return {
        "id": it.id,
        "name": it.id if policy is None else policy.name,
        "queues": [] if policy is None else list(policy.queues),
        "skills": {} if policy is None else dict(policy.skills),
        "penalties": {} if policy is None else dict(policy.penalties),
        "status": AGENT_STATUSES[type(it.status)],
        "reason": it.status.reason if isinstance(it.status, Paused) else None,
        "state": AGENT_STATES[type(it.state)],
        **_agent_state(it.state, now),
        "nailed_up": policy is not None and policy.nailed_up,
        "line": None if it.line is None else "open" if it.line.up else "rings",
        "standing": standing(it),
        "phone": {
            "id": None if policy is None else policy.phone,
            "state": PHONE_STATES[type(it.phone)],
            "contacts": 0 if isinstance(it.phone, Unreachable) else len(it.phone.contacts),
        },
        "misses": it.misses,
        "held_until": iso_or_none(it.held_until if it.held_until and it.held_until > now else None),
    }


def _agent_state(state: AgentState, now: Micros) -> Plain:
    match state:
        case Idle():
            return {"call": None, "idle_since": iso(state.since), "idle": in_seconds(now - state.since)}
        case Reserved() | Ringing() | Briefed() | OnCall() | Dialling():
            return {"call": state.call}
        case Previewing():
            return {
                "call": None,
                "campaign": state.campaign,
                "contact": state.contact,
                "since": iso(state.since),
                "until": iso_or_none(state.until),
                "dials": state.dials,
            }
        case WrapUp():
            return {"call": state.call, "until": iso(state.until), "left": in_seconds(state.until - now)}


# ── queues and nodes ─────────────────────────────────────────────────────────────────────────────


def queues_in_order(world: World) -> Iterable[QueueId]:
    """The queues in the file's order; then those that the file has no more while callers are in them."""
    yield from world.policy.queues
    yield from (name for name in world.draining if name not in world.policy.queues)


def in_queue(world: World) -> dict[QueueId, list[tuple[Queued | Offered, Call]]]:
    """Each queue's calls in the order in which they are served; those that ring keep their place."""
    found: dict[QueueId, list[tuple[Queued | Offered, Call]]] = {name: [] for name in queues_in_order(world)}
    for it in world.calls.values():
        if isinstance(it.phase, (Queued, Offered)):
            found.setdefault(it.phase.place.queue, []).append((it.phase, it))
    for queue, waiting in found.items():
        ageing = world.policy.queues[queue].ageing
        waiting.sort(key=lambda w: place_key(w[0].place, w[1].id, ageing))
    return found


def standings(world: World) -> dict[QueueId, dict[str, list[AgentId]]]:
    """Each queue's agents by what they are to it."""
    found: dict[QueueId, dict[str, list[AgentId]]] = {
        name: {standing: [] for standing in STANDINGS} for name in queues_in_order(world)
    }
    for it in agents_in_order(world):
        policy = world.policy.agents.get(it.id)
        served = set(policy.queues) if policy is not None else set()
        served.update(queue for queue, who in world.draining.items() if it.id in who)
        for queue in served & found.keys():
            found[queue][standing(it)].append(it.id)
    return found


def queues(world: World, now: Micros) -> list[Plain]:
    """The queues: who waits, how long, and which agents stand where."""
    stand = standings(world)
    waits = longest_waits(world, now)
    talking = Counter(c.phase.place.queue for c in world.calls.values() if isinstance(c.phase, Connected))
    return [
        {
            "id": name,
            "waiting": len(waiting),
            "ringing": sum(isinstance(phase, Offered) for phase, _ in waiting),
            "longest_wait": longest_wait(waiting, now),
            "strategy": world.policy.queues[name].strategy.value,
            "weight": world.policy.queues[name].weight,
            "service_level": in_seconds(world.policy.queues[name].service_level),
            "talking": talking[name],
            "agents": {where: len(who) for where, who in stand.get(name, {}).items()},
            "agents_by_standing": stand.get(name, {}),
            "order": [
                {
                    "call": it.id,
                    "position": at,
                    "phase": CALL_PHASES[type(phase)],
                    **_place(phase.place, now),
                    "score": round(score(world.policy.queues[name], phase.place, now), 2),
                    "waits": waits.get(it.id),
                }
                for at, (phase, it) in enumerate(waiting, start=1)
            ],
        }
        for name, waiting in in_queue(world).items()
    ]


MOST_EXPLAINED = 20


def longest_waits(world: World, now: Micros) -> dict[CallId, str]:
    """Why they still wait, of those who have waited longest: a look at all agents for each costs too much for all."""
    waiting = [it for it in world.calls.values() if isinstance(it.phase, Queued)]
    waiting.sort(key=lambda it: it.phase.place.since if isinstance(it.phase, Queued) else now)
    return {it.id: why_waits(world, it, now) for it in waiting[:MOST_EXPLAINED]}


def longest_wait(waiting: Sequence[tuple[Queued | Offered, Call]], now: Micros) -> float:
    """Seconds that the longest waiting caller has waited; 0 when nobody waits."""
    return max((in_seconds(now - phase.place.since) for phase, _ in waiting), default=0.0)


def nodes(world: World, now: Micros) -> list[Plain]:
    return [_node(it, now) for it in world.nodes.values()]


def _node(it: Node, now: Micros) -> Plain:
    down = it.phase.since if isinstance(it.phase, Down) else None
    return {
        "id": it.id,
        "phase": NODE_PHASES[type(it.phase)],
        "booted": it.booted,
        "down_since": iso_or_none(down),
        "down": None if down is None else in_seconds(now - down),
    }
