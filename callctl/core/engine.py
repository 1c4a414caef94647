"""The only door of the core: `step(world, event, now)`, and `next_due(world)`.

Two kinds of transition: *event-triggered* (a digit was pressed) and *state-triggered* (a caller waits and an agent
is free, a deadline has come: however that came about), so nobody can forget to kick the queue.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from copy import copy
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from callctl.core import (
    admission,
    agents,
    arrivals,
    briefing,
    calls,
    customers,
    deadlines,
    dialing,
    dispositions,
    handover,
    ivr,
    lines,
    lists,
    nailing,
    nodes,
    offers,
    policies,
    previews,
    recovery,
    switches,
)
from callctl.core.calls import ended_fact
from callctl.core.commands import ClaimContacts, Command, Hangup
from callctl.core.events import (
    BridgeFailed,
    CallArrived,
    CampaignAsked,
    ClockCompared,
    ConsentAsked,
    ContactsClaimed,
    DatabaseState,
    DigitPressed,
    DispositionChosen,
    DoNotCallAsked,
    DoNotCallLists,
    EmergencyDialled,
    Event,
    LegAnswered,
    LegGone,
    LegLeft,
    LegRinging,
    LegUp,
    LinkLost,
    LinkRestored,
    LookedUp,
    MessageLeft,
    OfNode,
    OfNoNode,
    OfPeople,
    PersonErased,
    PhoneBusy,
    PhoneContacts,
    PlaybackEnded,
    PolicyChanged,
    PreviewAsked,
    StatusAsked,
    SwitchAsked,
    Synced,
    TimePassed,
    TrunkState,
)
from callctl.core.facts import DispositionRefused, EmergencyCalled, Fact, StatusRefused, SwitchTurned, TrunkChanged
from callctl.core.flows import Flows
from callctl.core.ids import SECOND, AgentId, AttemptId, CallId, IdSource, Micros, NodeId, SwitchId, is_ours
from callctl.core.law import AttemptOutcome
from callctl.core.ledger import Entry
from callctl.core.lookups import Ask
from callctl.core.model import (
    Agent,
    Briefed,
    Call,
    Detecting,
    Dialled,
    Down,
    Ended,
    HandedOver,
    Leg,
    LegRole,
    Node,
    Switch,
    Syncing,
    Usage,
    World,
)
from callctl.core.outbound import Attempt, Campaign
from callctl.core.policy import HangupReason, Policy, Voicemail
from callctl.core.routing import choose
from callctl.core.turn import Turn

LEFT_GRACE: Micros = 2 * SECOND
"""A channel that left callctl's app and is not gone after so long has gone to the dialplan."""


@dataclass(frozen=True, slots=True)
class Touched:
    """The aggregates whose rows change, as they are after the step. Valid until the next step: copy to keep."""

    calls: tuple[Call, ...] = ()
    agents: tuple[Agent, ...] = ()
    nodes: tuple[Node, ...] = ()
    trunks: tuple[Usage, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    over: tuple[AttemptId, ...] = ()
    """Attempts that are over."""
    switches: tuple[Switch, ...] = ()
    """Turned on."""
    off: tuple[SwitchId, ...] = ()
    """Switches that were turned off."""
    ledger: tuple[Entry, ...] = ()
    flows: tuple[Flows, ...] = ()
    """Versions of flows that a caller has entered."""
    forgotten: tuple[str, ...] = ()
    """Versions of flows that nobody is inside any more."""
    closed: tuple[CallId, ...] = ()
    """Calls that left the World."""
    records: tuple[Call, ...] = ()
    """Calls whose record is to be written."""


@dataclass(frozen=True, slots=True)
class Step:
    commands: tuple[Command, ...]
    """Wishes to the outside, in order."""
    facts: tuple[Fact, ...]
    """The story with its why."""
    touched: Touched
    claims: tuple[ClaimContacts, ...] = ()
    """Contacts that are wanted of the database."""
    asks: tuple[Ask, ...] = ()
    """Questions of flows to servers."""


def step(world: World, event: Event, now: Micros) -> Step:
    """Let one event change the World; `now` never goes backward.

    Raises:
        AssertionError: a bug of the core. The World may be half-changed: rebuild it from the journal.
    """
    turn = Turn(world, now)
    _event_triggered(turn, event)
    _state_triggered(turn)
    commands = tuple(c for c in turn.commands if world.node_up(c.node))
    return Step(commands, tuple(turn.facts), _touched(turn), tuple(turn.claims), tuple(turn.asks))


def first_step(
    calls: Iterable[Call],
    attempts: Iterable[Attempt],
    nodes: Container[NodeId],
    now: Micros,
    switches: Iterable[Switch] = (),
    known: Container[SwitchId] = (),
) -> Step:
    """The step before a life's first event: of the rows that it begins with, calls on a node which is no more end as
    lost, with a record. Without it they would be read, and left out of the World, at every start. Attempts whose
    call is not known were cut off: nobody knows how they ended. Switches that are not `known` any more are off."""
    calls = list(calls)
    gone = [call for call in calls if call.node not in nodes]
    kept = {call.id: call for call in calls if call.node in nodes}
    ends = tuple(recovery.lost(call, now) for call in gone if not isinstance(call.phase, Ended))
    closed = tuple(call.id for call in gone)
    cut = Turn(World(Policy(), IdSource(0)), now)
    for attempt in attempts:
        if not recovery.goes_on(attempt, kept):
            dialing.begun(cut.world.outbound, attempt)
            dialing.end(cut, attempt, AttemptOutcome.UNKNOWN)
    over = tuple(sorted(cut.attempts))
    off = tuple(sorted(it.id for it in switches if it.id not in known))
    touched = Touched(closed=closed, records=ends, over=over, off=off, ledger=tuple(cut.ledger))
    forgotten = (SwitchTurned(name, False, "configuration") for name in off)
    return Step((), (*(ended_fact(call) for call in ends), *cut.facts, *forgotten), touched)


def next_due(world: World) -> Micros | None:
    """When `TimePassed` is next wanted; None: not before something happens."""
    index = world.index
    if len(index.alarms) > 64 + 4 * (len(world.calls) + len(world.agents) + len(world.legs)):
        index.compact([alarm for alarm in set(index.alarms) if deadlines.due(world, alarm) == alarm[0]])
    while index.alarms:
        if deadlines.due(world, index.alarms[0]) == index.alarms[0][0]:
            return index.alarms[0][0]
        index.pop_alarm()
    return None


# ── event-triggered ──────────────────────────────────────────────────────────────────────────


def _event_triggered(turn: Turn, event: Event) -> None:
    if isinstance(event, OfNoNode):
        _of_no_node(turn, event)
    elif event.node not in turn.world.nodes:
        turn.stray(event, "unknown node")
    else:
        _of_a_node(turn, event)


def _of_no_node(turn: Turn, event: OfNoNode) -> None:
    match event:
        case (
            StatusAsked()
            | SwitchAsked()
            | CampaignAsked()
            | DoNotCallAsked()
            | ConsentAsked()
            | DispositionChosen()
            | PersonErased()
            | PreviewAsked()
        ):
            _of_people(turn, event)
        case DatabaseState(up=up):
            turn.world.outbound.database_up = up
            turn.paced.update(turn.world.outbound.pace_at)
        case PolicyChanged():
            policies.apply(turn, event)
        case ContactsClaimed():
            dialing.claimed(turn, event)
        case DoNotCallLists():
            lists.lists_read(turn, event)
        case ClockCompared():
            lists.clock_compared(turn, event)
        case LookedUp():
            ivr.looked_up(turn, event)
        case TimePassed():
            pass
        case _:
            assert_never(event)


def _of_people(turn: Turn, event: OfPeople) -> None:
    match event:
        case StatusAsked(agent_id, wish, reason, by):
            _ask(turn, agent_id, wish, reason, by)
        case SwitchAsked():
            switches.asked(turn, event)
        case CampaignAsked():
            lists.campaign_asked(turn, event)
        case DoNotCallAsked():
            lists.do_not_call(turn, event)
        case ConsentAsked():
            lists.consent(turn, event)
        case PersonErased():
            lists.erase(turn, event)
        case PreviewAsked():
            previews.asked(turn, event)
        case DispositionChosen(agent=agent_id):
            agent = turn.world.agents.get(agent_id)
            if agent is None:
                turn.tell(DispositionRefused(agent_id, "no such agent"))
            else:
                dispositions.choose(turn, agent, event)
        case _:
            assert_never(event)


def _of_a_node(turn: Turn, event: OfNode) -> None:
    match event:
        case CallArrived():
            arrivals.arrive(turn, event)
        case (
            LegRinging()
            | LegUp()
            | LegAnswered()
            | MessageLeft()
            | LegLeft()
            | LegGone()
            | DigitPressed()
            | PlaybackEnded()
        ):
            _of_leg(turn, event)
        case BridgeFailed():
            offers.bridge_failed(turn, event)
        case LinkLost() | LinkRestored() | Synced():
            _of_node(turn, event)
        case PhoneContacts(_, phone, contacts):
            for agent in turn.world.agents_of_phone(phone):
                agents.contacts_changed(turn, agent, contacts)
        case PhoneBusy(_, phone, busy):
            for agent in turn.world.agents_of_phone(phone):
                agents.device_busy(turn, agent, busy)
        case TrunkState(node, trunk, up, why):
            if turn.world.trunks.get(trunk) != (up, why):
                turn.world.trunks[trunk] = (up, why)
                turn.tell(TrunkChanged(node, trunk, up, why))
                agents.trunk_changed(turn, trunk)
        case EmergencyDialled(node, phone, number, result):
            whose = turn.world.agent_of_phone(phone)
            turn.tell(EmergencyCalled(node, phone, whose.id if whose else None, number, result))
        case _:
            assert_never(event)


OfLeg: TypeAlias = LegRinging | LegUp | LegAnswered | MessageLeft | LegLeft | LegGone | DigitPressed | PlaybackEnded


def _of_leg(turn: Turn, event: OfLeg) -> None:
    leg = turn.world.legs.get(event.leg)
    rung = isinstance(event, LegRinging | LegAnswered) and is_ours(event.leg)
    if leg is None and rung and turn.world.node_up(event.node):
        # Rung by an earlier life, or given up: no phone may ring for nobody, and nobody listen to silence. Others'
        # calls ring the agents' phones too, and are none of our business.
        turn.wish(Hangup(event.node, event.leg, HangupReason.ANSWERED_ELSEWHERE))
    elif leg is None:
        turn.stray(event, "unknown leg")
    elif leg.role is LegRole.CALLER:
        _of_caller(turn, leg, event)
    elif leg.role is LegRole.LINE:
        _of_line(turn, turn.world.agents[leg.agent or AgentId("")], leg, event)
    else:
        _of_agent_leg(turn, turn.world.agents[leg.agent or AgentId("")], leg, event)


def _of_caller(turn: Turn, leg: Leg, event: OfLeg) -> None:
    call = turn.world.calls[leg.call]
    match event:
        case LegGone() if isinstance(call.phase, Dialled):
            customers.leg_gone(turn, call, leg, event)
        case LegRinging() if call.attempt is not None:
            customers.ringing(turn, call, event)
        case LegUp():
            customers.up(turn, call, event)
        case LegAnswered() if call.attempt is not None:
            customers.answered(turn, call, event)
        case MessageLeft() if isinstance(call.phase, HandedOver) and isinstance(call.phase.to, Voicemail):
            handover.message_left(turn, call, call.phase.to, event)
        case MessageLeft():
            customers.message_left(turn, call, event)
        case LegGone(cause=cause, sip=sip):
            calls.leg_gone(turn, leg, cause, sip)
        case LegLeft() if isinstance(call.phase, HandedOver) and not call.phase.taken:
            handover.taken(turn, call, call.phase)
        case LegLeft() if isinstance(call.phase, HandedOver | Dialled | Detecting):
            turn.stray(event, call.phase)
        case LegLeft():
            _leaves(turn, leg, event)
        case DigitPressed():
            ivr.digit(turn, call, event)
        case PlaybackEnded():
            ivr.playback_ended(turn, call, event)
        case LegRinging() | LegAnswered():
            turn.stray(event, "caller")
        case _:
            assert_never(event)


def _of_line(turn: Turn, agent: Agent, leg: Leg, event: OfLeg) -> None:
    match event:
        case LegAnswered():
            nailing.answered(turn, agent, leg, event)
        case LegGone(cause=cause, sip=sip):
            nailing.leg_gone(turn, agent, leg, cause, sip)
        case LegLeft():
            _leaves(turn, leg, event)
        case DigitPressed():
            briefing.digit(turn, agent, event)
        case PlaybackEnded() if not isinstance(agent.state, Briefed):
            pass  # the beep, or the ringing tone: nothing waits for its end
        case PlaybackEnded():
            briefing.playback_ended(turn, agent, event)
        case LegRinging() if agent.line is not None and not agent.line.up and agent.is_on_line(leg.id):
            pass  # nothing depends on it
        case LegRinging():
            turn.stray(event, "line")
        case LegUp() | MessageLeft():
            turn.stray(event, "line")
        case _:
            assert_never(event)


def _of_agent_leg(turn: Turn, agent: Agent, leg: Leg, event: OfLeg) -> None:
    match event:
        case LegUp() | MessageLeft():
            turn.stray(event, "agent")
        case LegRinging():
            offers.leg_ringing(turn, agent, leg, event)
        case LegAnswered():
            offers.leg_answered(turn, agent, leg, event)
        case LegGone(cause=cause, sip=sip):
            offers.leg_gone(turn, agent, leg, cause, sip)
        case LegLeft():
            _leaves(turn, leg, event)
        case DigitPressed():
            briefing.digit(turn, agent, event)
        case PlaybackEnded():
            briefing.playback_ended(turn, agent, event)
        case _:
            assert_never(event)


def _leaves(turn: Turn, leg: Leg, event: LegLeft) -> None:
    if leg.left_by is not None:
        turn.stray(event, "left before")
        return
    leg.left_by = turn.now + LEFT_GRACE
    turn.world.index.alarm((leg.left_by, "leg", leg.id))


def _of_node(turn: Turn, event: LinkLost | LinkRestored | Synced) -> None:
    match event:
        case LinkLost():
            nodes.link_lost(turn, event)
        case LinkRestored():
            nodes.link_restored(turn, event)
        case Synced() if isinstance(turn.world.nodes[event.node].phase, Down):
            turn.stray(event, "Down")  # the link was lost again before the snapshot could be held against anything
        case Synced(node, snapshot, named, gone):
            recovering = isinstance(turn.world.nodes[node].phase, Syncing)
            if not recovering:  # else no leg was made since the lists: the node was not up
                named |= recovery.young(turn.world, turn.now)
            talks = recovery.talks_seen(turn.world, snapshot) if recovering else {}
            turn.bridges = {call: bridge for call, (bridge, _) in talks.items()}
            for what in recovery.missed(turn.world, node, snapshot, named, gone):
                _event_triggered(turn, what)
                leg = turn.world.legs[what.leg] if recovering and isinstance(what, LegLeft) else None
                if leg is not None and leg.left_by is not None:
                    leg.left_by = turn.now  # long ago: no agent is rung for it meanwhile
            recovery.keep_together(turn, talks)
            nodes.synced(turn, event)


def _ask(turn: Turn, agent_id: AgentId, wish: str, reason: str, by: str) -> None:
    agent = turn.world.agents.get(agent_id)
    if agent is None or policies.is_retired(turn.world, agent_id):
        turn.tell(StatusRefused(agent_id, wish, "no such agent"))
    else:
        agents.ask(turn, agent, wish, reason, by)


# ── state-triggered ──────────────────────────────────────────────────────────────────────────


def _state_triggered(turn: Turn) -> None:
    admission.look(turn)
    deadlines.run(turn)
    admission.look(turn)  # a ring that was missed may have paused the last agent
    _match(turn)
    for late in [
        turn.world.calls[name] for name in turn.too_late if name in turn.world.calls
    ]:  # it may have ended since
        customers.too_late(turn, late)
    for call in turn.more:
        offers.ring_more(turn, turn.world.calls[call])
    nailing.look(turn)
    if turn.world.outbound.pace_at or turn.paced:
        _dial(turn)
    nailing.look(turn)  # whose preview is over may keep no line, and may be free
    _match(turn)


def _match(turn: Turn) -> None:
    while (choice := choose(turn.world, turn.dirty, turn.now)) is not None:
        offers.offer(turn, turn.world.calls[choice.call], choice)


def _dial(turn: Turn) -> None:
    """Who is free now, and is asked for by nobody who waits."""
    previews.go_on(turn)
    _match(turn)
    for agent in turn.agents:
        if turn.world.index.is_free(agent):
            turn.paced.update(lines.running(turn.world, agent))
    lines.run(turn)
    previews.give(turn)


# ── the result ───────────────────────────────────────────────────────────────────────────────


def _touched(turn: Turn) -> Touched:
    world = turn.world
    closed = {call.id: call for call in turn.closed}
    for agent in [world.agents[a] for a in turn.agents]:
        if policies.may_go(world, agent):
            policies.bury(world, agent)
    return Touched(
        calls=tuple(world.calls[c] for c in sorted(turn.calls) if c in world.calls),
        agents=tuple(world.agents[a] for a in sorted(turn.agents) if a in world.agents),
        nodes=tuple(copy(world.nodes[n]) for n in sorted(turn.nodes)),
        trunks=tuple(copy(world.usage[t]) for t in sorted(turn.trunks)),
        campaigns=tuple(world.outbound.campaigns[c] for c in sorted(turn.campaigns)),
        attempts=tuple(world.outbound.attempts[a] for a in sorted(turn.attempts) if a in world.outbound.attempts),
        over=tuple(sorted(turn.attempts - world.outbound.attempts.keys())),
        switches=tuple(world.switches[s] for s in sorted(turn.switches) if s in world.switches),
        off=tuple(sorted(turn.switches - world.switches.keys())),
        ledger=tuple(turn.ledger),
        flows=tuple(world.flows[v] for v in sorted(turn.flows) if v in world.flows),
        forgotten=tuple(sorted(turn.flows - world.flows.keys())),
        closed=tuple(sorted(closed)),
        records=tuple(world.calls.get(c) or closed[c] for c in sorted(turn.records)),
    )
