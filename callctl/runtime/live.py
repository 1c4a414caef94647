"""A campaign while it runs, as plain dicts: agents, calls, lines, pace, budget. Pure: reads, changes nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from callctl.core import detection, pacers, trunking
from callctl.core.campaigns import CampaignPhase, CampaignPolicy
from callctl.core.ids import SECOND, AgentId, CampaignId, Micros, TrunkId
from callctl.core.model import (
    Agent,
    Announcing,
    Arrived,
    Available,
    Briefed,
    Call,
    Connected,
    Detecting,
    Dialled,
    Dialling,
    Ended,
    HandedOver,
    Idle,
    InMenu,
    LoggedOut,
    LookingUp,
    Offered,
    OnCall,
    Paused,
    Previewing,
    Queued,
    Reserved,
    Ringing,
    World,
    WrapUp,
)
from callctl.core.outbound import Campaign, TrunkLoad
from callctl.core.pacing import Pace
from callctl.core.policy import OF_ALL
from callctl.runtime.views import Plain, in_seconds, iso, iso_or_none

AGENTS = (
    "idle",
    "ringing",
    "on_call",
    "wrap_up",
    "previewing",
    "dialling",
    "line_down",
    "not_free",
    "paused",
    "logged_out",
)
"""What a campaign's agents do. `line_down`: available and nailed up, and not on the line; `not_free`: available, but
the phone cannot be rung, or is left alone for a moment."""
CALLS = ("ringing", "detecting", "waiting", "talking", "harbour", "message", "menu")
"""Where a campaign's calls are. `message`: one is being left on a machine; `menu`: a broadcast, or where a key led."""
STANDINGS = ("open", "later", "claimed", "done", "unknown")
"""How contacts stand on their list."""
IN_FLIGHT = ("ringing", "detecting", "waiting")
"""Of these: who has no agent yet, and may want one."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How far a campaign has come, as the database counted at a moment."""

    at: Micros
    contacts: Mapping[str, int]
    """By standing."""
    outcomes: Mapping[str, int]
    """Attempts since the campaign's first start by how they ended; `open`: they have not."""

    @property
    def done(self) -> float:
        """The share of the contacts that is done with, from 0 to 1 (penetration)."""
        return self.contacts.get("done", 0) / max(1, sum(self.contacts.values()))


def doing(world: World, agent: Agent) -> str:
    """One of AGENTS. What is happening counts before what was chosen."""
    match agent.state:
        case Reserved() | Ringing() | Briefed():
            return "ringing"
        case OnCall():
            return "on_call"
        case WrapUp():
            return "wrap_up"
        case Previewing():
            return "previewing"
        case Dialling():
            return "dialling"
        case Idle():
            return _idle(world, agent)


def _idle(world: World, agent: Agent) -> str:
    match agent.status:
        case LoggedOut():
            return "logged_out"
        case Paused():
            return "paused"
        case Available():
            pass
    policy = world.policy.agents.get(agent.id)
    if policy is not None and policy.nailed_up and agent.open_line is None:
        return "line_down"
    return "idle" if world.index.is_free(agent.id) else "not_free"


def agents(world: World, policy: CampaignPolicy) -> dict[str, list[AgentId]]:
    """The campaign's agents by what they do; nobody's of a broadcast."""
    found: dict[str, list[AgentId]] = {what: [] for what in AGENTS}
    for name in world.serving(policy.queue) if policy.queue is not None else ():
        if (agent := world.agents.get(name)) is not None:
            found[doing(world, agent)].append(name)
    return found


def calls(world: World) -> dict[CampaignId, dict[str, int]]:
    """How many calls of each configured campaign are where."""
    found = {name: dict.fromkeys(CALLS, 0) for name in world.policy.campaigns}
    for call in world.calls.values():
        where = _where(call)
        if call.campaign is not None and where is not None and call.campaign in found:
            found[call.campaign][where] += 1
    return found


def _where(call: Call) -> str | None:
    match call.phase:
        case Dialled():
            return "ringing"
        case Detecting():
            return "detecting"
        case Queued() | Offered():
            return "waiting"
        case Connected():
            return "talking"
        case HandedOver():
            return "message"
        case InMenu() | Announcing() | LookingUp():
            return "harbour" if call.story.harboured is not None else "menu"
        case Arrived() | Ended():
            return None


# ── lines ────────────────────────────────────────────────────────────────────────────────────────


def rooms(world: World, now: Micros) -> trunking.Room:
    """Lines that may be taken now over each trunk that a campaign has; `trunking.MANY`: no limit."""
    names = dict.fromkeys(name for policy in world.policy.campaigns.values() for name in policy.trunks)
    return trunking.room(_untouched(world), names, now)


def _untouched(world: World) -> World:
    """For a look: what is noted while looking is noted in a copy."""
    loads = {
        name: TrunkLoad(deque(load.begun), load.failures, load.held_until)
        for name, load in world.outbound.loads.items()
    }
    return replace(world, outbound=replace(world.outbound, loads=loads))


def _line(world: World, name: TrunkId, room: trunking.Room, used: Mapping[TrunkId, int], now: Micros) -> Plain:
    load = world.outbound.loads.get(name) or TrunkLoad()
    free = room.lines.get(name, 0)
    return {
        "trunk": name,
        "used": used.get(name, 0),
        "free": None if free == trunking.MANY else free,
        "why": room.why.get(name, ""),
        "failures": load.failures,
        "held_until": iso(load.held_until) if load.held_until > now else None,
    }


# ── the whole ────────────────────────────────────────────────────────────────────────────────────


def campaign(world: World, name: CampaignId, now: Micros) -> Plain:
    """A configured campaign as it is now. `free` of a line is None where nothing limits it."""
    policy, known = world.policy.campaigns[name], known_of(world, name)
    who, where = agents(world, policy), calls(world)[name]
    room, used = rooms(world, now), trunking.taken(world)
    pace = pace_of(world, name)
    return {
        "id": name,
        "at": iso(now),
        "mode": policy.mode.value,
        "kind": policy.kind.value,
        "queue": policy.queue,
        "phase": known.phase.value,
        "since": iso_or_none(known.since or None),
        "by": known.by,
        "agents": {what: len(them) for what, them in who.items()},
        "agents_by_state": who,
        "calls": where,
        "in_flight": sum(where[it] for it in IN_FLIGHT),
        "lines": [_line(world, trunk, room, used, now) for trunk in policy.trunks],
        "pace": None if pace is None else _pace(pace),
        "budget": budget(world, known, policy),
        "contacts": {"ready": ready(world, name), "nobody_due": is_dry(world, name, now)},
        "detection": _detection(policy, known),
    }


def tally(it: Tally) -> Plain:
    """What the database has counted."""
    return {
        "at": iso(it.at),
        "contacts": {standing: it.contacts.get(standing, 0) for standing in STANDINGS},
        "done_percent": round(100 * it.done, 3),
        "outcomes": dict(sorted(it.outcomes.items(), key=lambda pair: -pair[1])),
    }


def known_of(world: World, name: CampaignId) -> Campaign:
    """What is known of a campaign; of one that was never started: that."""
    return world.outbound.campaigns.get(name) or Campaign(name)


def pace_of(world: World, name: CampaignId) -> Pace | None:
    """What was decided last; None: it does not run, or nobody decides for it."""
    running = known_of(world, name).phase is CampaignPhase.RUNNING
    return world.outbound.paces.get(name) if running else None


def ready(world: World, name: CampaignId) -> int:
    """Contacts that are claimed, and not being called."""
    return len(world.outbound.ready.get(name, ()))


def is_dry(world: World, name: CampaignId, now: Micros) -> bool:
    """Whether nobody was due when last asked, a moment ago."""
    return world.outbound.dry.get(name, 0) > now


def _pace(pace: Pace) -> Plain:
    return {
        "dial": pace.dial,
        "idle": pace.idle,
        "waiting": pace.waiting,
        "in_flight": pace.in_flight,
        "expected_answers": round(pace.expected_answers, 3),
        "expected_free": round(pace.expected_free, 3),
        "risk": round(pace.risk, 5),
        "allowed": round(pace.allowed, 5),
        "saved": round(pace.saved, 3),
        "why": pace.why,
    }


def budget(world: World, known: Campaign, policy: CampaignPolicy) -> Plain:
    """What was abandoned of what may be, in the window that counts now. `percent` of customers, who reached an agent or
    were abandoned; `most_percent`: the lowest of the law's and the campaign's. `false_positives`: about so many people
    were taken for machines (none: not known yet), and stand in `percent` where `false_positives_count`."""
    it = known.budget
    lost = detection.false_positives(known)
    return {
        "connected": round(it.connected),
        "abandoned": round(it.abandoned),
        "false_positives": None if lost is None else round(lost, 1),
        "false_positives_count": pacers.counts_machines(world, policy),
        "percent": round(100 * pacers.abandoned_share(world, known, policy), 3),
        "most_percent": 100 * pacers.most_abandoned(world, policy) / OF_ALL,
        "grace": in_seconds(pacers.grace(world, policy)),
        "saved": round(it.saved, 3),
        "counted_from": iso_or_none(known.counted_from or known.began or None),
    }


def _detection(policy: CampaignPolicy, known: Campaign) -> Plain:
    """`judged`: what was heard → what agents said it was → how often. `turned_away`: answers of the law's window that
    got no agent, of which about `mistaken_percent` are people (none: not known yet)."""
    configured = policy.detection
    return {
        "on": configured is not None and not known.detection_off,
        "gone_off": known.detection_off,
        "off_at_percent": configured.off_at / 1000 if configured is not None and configured.off_at else None,
        "sample_percent": configured.sample / 1000 if configured is not None else None,
        "turned_away": known.turned_away,
        "mistaken_percent": None if known.mistaken is None else round(100 * known.mistaken, 3),
        "judged": {heard: dict(labels) for heard, labels in sorted(known.judged.items())},
    }


def seconds_held(world: World, name: TrunkId, now: Micros) -> float:
    """For how long yet campaigns leave a trunk alone."""
    load = world.outbound.loads.get(name)
    return max(0, load.held_until - now) / SECOND if load is not None else 0.0
