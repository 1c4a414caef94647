"""Lines are taken: how many calls each campaign begins now, to whom, over which trunk.

State-triggered: when an agent becomes free, a call ends, contacts come, and at least every half second. Callers come
first: while any wait for the campaign's agents, and a while after, nobody is dialled for them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from callctl.core import calls, customers, dialing, judgement, pacers, trunking
from callctl.core.campaigns import CampaignPhase, CampaignPolicy, Mode
from callctl.core.commands import ClaimContacts, Dial
from callctl.core.contacts import Contact
from callctl.core.facts import CallDialled, Paced
from callctl.core.ids import SECOND, AgentId, CallId, CampaignId, LegId, Micros, TrunkId
from callctl.core.model import (
    Agent,
    Arrived,
    Available,
    Call,
    Connected,
    Detecting,
    Dialled,
    Idle,
    Leg,
    LegRole,
    LoggedOut,
    Offered,
    OnCall,
    Queued,
    World,
    WrapUp,
)
from callctl.core.outbound import Attempt, Campaign
from callctl.core.pacing import Pace, Seen
from callctl.core.permits import Permit
from callctl.core.policy import OutsideNumber
from callctl.core.turn import Turn

TICK: Micros = SECOND // 2
MANY_AGENTS = 50
"""From so many on something happens all the time, and the tick alone asks."""
MOST_AT_ONCE = 100
"""Calls that one step begins, of one campaign."""
CLAIMED = 20
"""Contacts kept ready, beside those that the next ten seconds may want."""
CLAIM_LOST: Micros = 30 * SECOND
"""An answer that has not come by then will not."""
MOST_CLAIMED = 1000


def run(turn: Turn) -> None:
    """Let every campaign decide that has a reason to."""
    out, now = turn.world.outbound, turn.now
    due = {name for name, at in out.pace_at.items() if at <= now} if out.pace_at else set()
    for name in sorted(turn.paced | due):
        campaign, policy = out.campaigns.get(name), turn.world.policy.campaigns.get(name)
        if campaign is None or policy is None or campaign.phase is not CampaignPhase.RUNNING:
            out.pace_at.pop(name, None)
            continue
        if name in due or name not in out.pace_at:
            out.pace_at[name] = now + TICK
            turn.world.index.alarm((now + TICK, "campaign", name))
        if name in due and now - out.kept_at.get(name, 0) >= pacers.KEPT_EVERY:
            out.kept_at[name] = now
            turn.campaigns.add(name)
        if policy.mode in (Mode.POWER, Mode.PREDICTIVE, Mode.BROADCAST):
            _decide(turn, campaign, policy, ticks=name in due)
    turn.paced.clear()


def running(world: World, agent: AgentId) -> Iterator[CampaignId]:
    """Campaigns that run, of queues that the agent serves."""
    if not world.outbound.pace_at:
        return
    queues = world.served_by(agent)
    for name in world.outbound.pace_at:
        policy = world.policy.campaigns.get(name)
        if policy is not None and policy.queue in queues:
            yield name


# ── how many ─────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Look:
    """What a decision looks at. Ages in seconds."""

    idle: int
    waiting: int
    ringing: list[float]
    detecting: list[float]
    talking: list[float]
    wrapping: list[float]
    agents: int
    """Who are logged in."""
    own: int = 0
    """The campaign's own calls that no agent has."""

    @property
    def in_flight(self) -> int:
        return self.waiting + len(self.ringing) + len(self.detecting)


def _decide(turn: Turn, campaign: Campaign, policy: CampaignPolicy, *, ticks: bool) -> None:
    world = turn.world
    look = _look(world, policy, turn.now)
    if not ticks and look.agents >= MANY_AGENTS:
        return
    room = trunking.room(world, policy.trunks, turn.now)
    most = min(room.all, MOST_AT_ONCE)
    if policy.most_lines:
        most = min(most, max(0, policy.most_lines - look.own))
    still = standstill(turn, policy)
    why_not = still or _why_not(turn, policy)
    if not room.all:
        why_not = why_not or "; ".join(f"{trunk}: {why}" for trunk, why in room.why.items())
    wanted = _paced(turn, campaign, policy, look, most) if not why_not else _standing(campaign, look, why_not)
    world.outbound.paces[campaign.id] = wanted
    _give_up(turn, policy, wanted.cut)
    begun = _begin(turn, policy, room, wanted.dial) if wanted.dial else 0
    if not still:
        _claim(turn, policy, wanted.dial - begun + look.agents)
    if begun:
        turn.tell(_told(campaign.id, wanted, begun))


def _give_up(turn: Turn, policy: CampaignPolicy, count: int) -> None:
    """Of the calls that have rung for long enough the oldest."""
    if not count:
        return
    since = turn.now - pacers.least_ring(turn.world, policy)
    calls_ = (turn.world.calls.get(it.call) for it in turn.world.outbound.attempts.values() if it.call is not None)
    long = [
        call
        for call in calls_
        if call is not None
        and call.campaign == policy.id
        and isinstance(call.phase, Dialled)
        and call.wants is None
        and call.story.rang is not None
        and call.story.rang <= since
    ]
    for call in sorted(long, key=lambda call: (call.entered, call.id))[:count]:
        customers.give_up(turn, call)


def standstill(turn: Turn, policy: CampaignPolicy) -> str:
    """Why nobody at all is called just now, whoever it is: then no contact is even looked at. Empty: no reason."""
    if not turn.world.outbound.database_up:
        return "the database is away: nobody is dialled without a record"
    return judgement.nobody(turn.world, policy, turn.now)


def _why_not(turn: Turn, policy: CampaignPolicy) -> str:
    world = turn.world
    quiet_at = world.outbound.quiet_at.get(policy.id, 0)
    if policy.mode is not Mode.BROADCAST and _callers_wait(world, policy):
        world.outbound.quiet_at[policy.id] = turn.now + policy.blend.resume_after
        return "callers wait for the campaign's agents"
    if quiet_at > turn.now:
        return f"callers waited a moment ago: on in {(quiet_at - turn.now) // SECOND + 1} s"
    return ""


def _callers_wait(world: World, policy: CampaignPolicy) -> bool:
    """Whether anybody waits who has called, in a queue that one of the campaign's agents serves."""
    if policy.queue is None:
        return False
    queues = {queue for agent in world.serving(policy.queue) for queue in world.served_by(agent)}
    for call in world.calls.values():
        if isinstance(call.phase, Queued) and call.phase.place.queue in queues and call.phase.place.harbour_by is None:
            return True
    return False


def _paced(turn: Turn, campaign: Campaign, policy: CampaignPolicy, look: _Look, most: int) -> Pace:
    """By the campaign's mode."""
    idle = max(0, look.idle - policy.blend.keep_free)
    if policy.mode is Mode.PREDICTIVE:
        pacer = pacers.of(turn.world, campaign)
        pacers.roll(turn.world, campaign, turn.now)
        seen = Seen(idle, look.waiting, look.ringing, look.detecting, look.talking, look.wrapping, most)
        return pacer.decide(seen, turn.now / SECOND)
    if policy.mode is Mode.POWER:
        pacers.of(turn.world, campaign)
        pacers.roll(turn.world, campaign, turn.now)
        each = min(policy.lines_per_agent, 100) if campaign.budget.overspent else policy.lines_per_agent
        wanted = idle * each // 100 - look.in_flight
        why = f"{each / 100:g} lines for each of {idle} free agents"
        if each < policy.lines_per_agent:
            why += ", since too many were abandoned"
    else:
        wanted, why = most, "as many as its lines carry"
    dial = max(0, min(wanted, most))
    return Pace(dial, idle, look.waiting, look.in_flight, 0.0, 0.0, 0.0, 0.0, campaign.budget.saved, said=why)


def _standing(campaign: Campaign, look: _Look, why: str) -> Pace:
    """Nothing is dialled."""
    return Pace(0, look.idle, look.waiting, look.in_flight, 0.0, 0.0, 0.0, 0.0, campaign.budget.saved, said=why)


def _told(name: CampaignId, pace: Pace, dial: int) -> Paced:
    return Paced(
        name,
        dial,
        pace.idle,
        pace.waiting,
        pace.in_flight,
        pace.expected_answers,
        pace.expected_free,
        pace.risk,
        pace.allowed,
        pace.saved,
        pace.why,
    )


def _look(world: World, policy: CampaignPolicy, now: Micros) -> _Look:
    """The campaign's agents, and all calls that may yet want one of them: also those of other campaigns."""
    found = _Look(0, 0, [], [], [], [], 0)
    whose = set(world.serving(policy.queue)) if policy.queue is not None else set()
    for name in whose:
        agent = world.agents.get(name)
        if agent is not None and not isinstance(agent.status, LoggedOut):
            _see_agent(world, agent, found, now)
    for attempt in world.outbound.attempts.values():
        call = world.calls.get(attempt.call) if attempt.call is not None else None
        other = world.policy.campaigns.get(attempt.campaign)
        if call is None or other is None or not (other.id == policy.id or _share(world, other, whose)):
            continue
        found.own += attempt.campaign == policy.id and not isinstance(call.phase, Connected)
        match call.phase:
            case Dialled() if call.wants is None:
                found.ringing.append((now - call.entered) / SECOND)
            case Detecting():
                found.detecting.append((now - (call.story.picked_up or now)) / SECOND)
            case Queued() | Offered():
                found.waiting += 1
    return found


def _share(world: World, other: CampaignPolicy, whose: set[AgentId]) -> bool:
    return other.queue is not None and not whose.isdisjoint(world.serving(other.queue))


def _see_agent(world: World, agent: Agent, found: _Look, now: Micros) -> None:
    found.agents += 1
    available = isinstance(agent.status, Available)
    match agent.state:
        case Idle():
            found.idle += world.index.is_free(agent.id)
        case OnCall(call) if available and (talk := world.calls.get(call)) is not None:
            found.talking.append((now - (talk.story.connected or now)) / SECOND)
        case WrapUp(call) if available and (talk := world.calls.get(call)) is not None:
            found.wrapping.append((now - (talk.story.ended or now)) / SECOND)


# ── to whom ──────────────────────────────────────────────────────────────────────────────────


def _begin(turn: Turn, policy: CampaignPolicy, room: trunking.Room, most: int) -> int:
    """Begin so many calls, as far as there are contacts and lines; how many were."""
    begun = 0
    while begun < most:
        trunk = next((name for name in policy.trunks if room.lines.get(name, 0) > 0), None)
        contact = take(turn, policy.id) if trunk is not None else None
        if trunk is None or contact is None:
            break
        if dial(turn, policy, contact, trunk, _theirs(contact, turn.now)):
            room.take(trunk)
            begun += 1
    return begun


def take(turn: Turn, campaign: CampaignId, whose: AgentId | None = None) -> Contact | None:
    """The next contact that is ready. A callback that an agent promised is that agent's alone for a while: it is
    dialled while that agent is free."""
    out = turn.world.outbound
    ready = out.ready.get(campaign, deque())
    for _ in range(len(ready)):
        contact = out.contacts.get(ready.popleft())
        if contact is None:
            continue
        theirs = _theirs(contact, turn.now)
        if theirs is None or theirs == whose or (whose is None and _may_have(turn, campaign, theirs)):
            return contact
        ready.append(contact.id)
    return None


def _may_have(turn: Turn, campaign: CampaignId, agent: AgentId) -> bool:
    """Whether the agent is free, and works for the campaign."""
    queue = turn.world.policy.campaigns[campaign].queue
    return turn.world.index.is_free(agent) and queue in turn.world.served_by(agent)


def _theirs(contact: Contact, now: Micros) -> AgentId | None:
    """Whose alone the contact is now."""
    back = contact.callback
    return back.agent if back is not None and back.theirs_until > now else None


def _ready(turn: Turn, campaign: CampaignId) -> int:
    """How many are ready for somebody who is there."""
    out, count = turn.world.outbound, 0
    for name in out.ready.get(campaign, ()):
        contact = out.contacts.get(name)
        theirs = _theirs(contact, turn.now) if contact is not None else None
        agent = turn.world.agents.get(theirs) if theirs is not None else None
        here = theirs is None or (agent is not None and isinstance(agent.status, Available))
        count += contact is not None and here
    return count


def dial(turn: Turn, policy: CampaignPolicy, contact: Contact, trunk: TrunkId, agent: AgentId | None) -> Call | None:
    """Begin a call to the contact over this trunk, if the gate lets it; None: it does not, and the contact goes."""
    world = turn.world
    number = contact.numbers[contact.next_number]
    shown = trunking.shown(policy, trunk, number.address)
    to = OutsideNumber(number.address, trunk, "", f"trunk-{trunk}", number.premium)
    made = dialing.begin(turn, contact, contact.next_number, to, shown.number if shown is not None else None)
    if made is None:
        return None
    attempt, permit = made
    call = _called(turn, policy, contact, attempt, agent)
    world.calls[call.id] = call
    attempt.call = call.id
    turn.add_leg(Leg(call.leg, call.node, call.id, LegRole.CALLER, made=turn.now))
    trunking.begun(world, attempt.trunk, turn.now)
    calls.move(turn, call, "is dialled", Dialled(turn.now + policy.connect_timeout))
    turn.wish(_command(world, policy, call, attempt, permit))
    turn.tell(
        CallDialled(
            call.id,
            call.leg,
            policy.id,
            attempt.id,
            contact.id,
            attempt.number,
            attempt.trunk,
            attempt.caller_id,
            agent,
        )
    )
    return call


def _called(turn: Turn, policy: CampaignPolicy, contact: Contact, attempt: Attempt, agent: AgentId | None) -> Call:
    return Call(
        id=CallId(turn.world.ids.ulid(turn.now)),
        node=turn.world.policy.trunks[attempt.trunk].node,
        leg=LegId(turn.world.ids.ulid(turn.now)),
        phase=Arrived(),
        entered=turn.now,
        caller=attempt.number,
        caller_name=contact.name,
        dialled=str(attempt.number),
        trunk=attempt.trunk,
        campaign=policy.id,
        attempt=attempt.id,
        contact=contact.id,
        number_at=attempt.at,
        wants=agent,
    )


def _command(world: World, policy: CampaignPolicy, call: Call, attempt: Attempt, permit: Permit) -> Dial:
    longest = policy.connect_timeout + pacers.ring_timeout(world, policy) + 5 * SECOND
    campaign = world.outbound.campaigns[policy.id]
    detect = policy.detection is not None and not campaign.detection_off
    harbour = world.policy.menus.get(policy.harbour) if policy.harbour is not None else None
    said = tuple(it for it in harbour.prompts if isinstance(it, str)) if harbour is not None else ()
    return Dial(call.node, call.leg, call.id, permit, str(attempt.caller_id), longest, detect, said)


def _claim(turn: Turn, policy: CampaignPolicy, wanted: int) -> None:
    claim(turn, policy, min(CLAIMED + 2 * max(0, wanted), MOST_CLAIMED))


def claim(turn: Turn, policy: CampaignPolicy, keep: int) -> None:
    """Ask for contacts where fewer than half of so many are ready."""
    out, now = turn.world.outbound, turn.now
    ready = _ready(turn, policy.id)
    if ready * 2 >= keep or out.dry.get(policy.id, 0) > now or not out.database_up:
        return
    asked = out.claiming.get(policy.id)
    if asked is not None and now - asked < CLAIM_LOST:
        return
    out.claiming[policy.id] = now
    whose = turn.world.serving(policy.queue) if policy.queue is not None else ()
    known = (turn.world.agents.get(name) for name in whose)
    here = tuple(agent.id for agent in known if agent is not None and isinstance(agent.status, Available))
    turn.claims.append(ClaimContacts(policy.id, keep - ready, here))
