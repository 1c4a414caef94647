"""An agent sees a contact before it is called: preview, where contacts come by themselves, and manual, where they are
asked for."""

from __future__ import annotations

from dataclasses import replace

from callctl.core import agents, dialing, lines, trunking
from callctl.core.campaigns import CampaignPhase, CampaignPolicy, Mode, Over
from callctl.core.commands import Play
from callctl.core.contacts import Contact
from callctl.core.events import PreviewAsked, PreviewWish
from callctl.core.facts import PreviewBegan, PreviewEnded, PreviewRefused
from callctl.core.ids import SECOND, AgentId, CampaignId, Micros, PlaybackId
from callctl.core.ledger import Planned, Standing
from callctl.core.model import Agent, Available, Dialling, Idle, Paused, Previewing
from callctl.core.turn import Turn

SKIPPED: Micros = 600 * SECOND
"""A contact that was skipped comes to somebody else, or again, after so long."""
RINGING_TONE = ("tone:ring",)
"""What the agent hears until the customer answers: Asterisk's, of the country in indications.conf."""
LOOKS = (Mode.PREVIEW, Mode.MANUAL)


def go_on(turn: Turn) -> None:
    """State-triggered: who is not available any more looks at nobody; who is on the line by now has the call made."""
    looking = (it.id for it in turn.world.agents.values() if isinstance(it.state, Previewing)) if turn.campaigns else ()
    for name in sorted({*turn.agents, *looking}):
        agent = turn.world.agents.get(name)
        if agent is not None and isinstance(agent.state, Previewing):
            _go_on(turn, agent, agent.state)


def give(turn: Turn) -> None:
    """State-triggered: free agents get contacts to look at."""
    for campaign, policy in _running(turn):
        _give(turn, campaign, policy)


def _running(turn: Turn) -> list[tuple[CampaignId, CampaignPolicy]]:
    world, out = turn.world, turn.world.outbound
    found = ((name, world.policy.campaigns.get(name)) for name in sorted(out.pace_at))
    return [(name, policy) for name, policy in found if policy is not None and policy.mode is Mode.PREVIEW]


def _give(turn: Turn, campaign: CampaignId, policy: CampaignPolicy) -> None:
    """A contact to each free agent of the campaign."""
    world = turn.world
    if policy.queue is None:
        return
    free = [it for it in world.serving(policy.queue) if world.index.is_free(it) and _has_a_line(turn, it)]
    if not free or lines.standstill(turn, policy):
        return
    for name in free[policy.blend.keep_free :]:
        contact = _next_of(turn, policy, name)
        if contact is None:
            break
        _begin(turn, world.agents[name], policy, contact)
    lines.claim(turn, policy, 2 * len(free))


def _has_a_line(turn: Turn, agent: AgentId) -> bool:
    """Whether the agent's phone can be kept on the line: not a number outside."""
    policy = turn.world.policy.agents.get(agent)
    return policy is not None and turn.world.policy.phones[policy.phone].outside is None


def _next_of(turn: Turn, policy: CampaignPolicy, agent: AgentId) -> Contact | None:
    """The next contact who may be called: the gate is asked before anybody looks at them, and again at the call."""
    while (contact := lines.take(turn, policy.id, agent)) is not None:
        number = contact.numbers[contact.next_number].address
        shown = trunking.shown(policy, policy.trunks[0], number) if policy.trunks else None
        if dialing.may_be_tried(turn, contact, shown.number if shown is not None else None):
            return contact
    return None


def _begin(turn: Turn, agent: Agent, policy: CampaignPolicy, contact: Contact) -> None:
    until = turn.now + policy.preview.limit if policy.preview.limit else None
    agents.move(turn, agent, "looks at a contact", Previewing(policy.id, contact.id, turn.now, until))
    number = contact.numbers[contact.next_number].address
    turn.tell(PreviewBegan(agent.id, policy.id, contact.id, number, until))


def _go_on(turn: Turn, agent: Agent, state: Previewing) -> None:
    campaign = turn.world.outbound.campaigns.get(state.campaign)
    running = campaign is not None and campaign.phase is CampaignPhase.RUNNING
    if state.contact not in turn.world.outbound.contacts:
        _end(turn, agent, state, "gone", "callctl")
    elif not isinstance(agent.status, Available) or not running:
        _let_go(turn, agent, state, "gone", "callctl", 0)
    elif state.dials and agent.open_line is not None:
        _dial(turn, agent, state)
    elif state.dials and agent.line is None and agent.held_until is not None:
        _let_go(turn, agent, state, "gone", "callctl", 0)  # the phone was not picked up


def _let_go(turn: Turn, agent: Agent, state: Previewing, how: str, by: str, delay: Micros) -> None:
    contact = turn.world.outbound.contacts.get(state.contact)
    standing = Standing.LATER if delay else Standing.OPEN
    _end(turn, agent, state, how, by)
    if contact is None:
        return  # erased
    plan = Planned(contact.id, standing, turn.now + delay, contact.next_number, f"{how} by {agent.id}")
    dialing.let_go(turn, plan)


def _end(turn: Turn, agent: Agent, state: Previewing, how: str, by: str) -> None:
    agents.move(turn, agent, "looks no more", Idle(turn.now))
    turn.tell(PreviewEnded(agent.id, state.campaign, state.contact, how, by))


# ── what the agent says ──────────────────────────────────────────────────────────────────────


def asked(turn: Turn, event: PreviewAsked) -> None:
    """An agent asks for a contact, or what is to become of the one that is looked at."""
    agent = turn.world.agents.get(event.agent)
    why_not = "no such agent" if agent is None else _ask(turn, agent, event)
    if why_not:
        turn.tell(PreviewRefused(event.agent, event.wish, why_not))


def _ask(turn: Turn, agent: Agent, event: PreviewAsked) -> str:
    state = agent.state
    if event.wish is PreviewWish.NEXT:
        return _next(turn, agent)
    if not isinstance(state, Previewing):
        return "there is no contact that is looked at"
    policy = turn.world.policy.campaigns.get(state.campaign)
    if state.dials:
        return "the call is being made"
    if event.wish is PreviewWish.DIAL:
        wants_to_dial(turn, agent, state)
        return ""
    if policy is not None and not policy.preview.skip:
        return f"contacts of {policy.id} may not be skipped"
    _let_go(turn, agent, state, "skipped", event.by, SKIPPED)
    return ""


def _next(turn: Turn, agent: Agent) -> str:
    """Of the first campaign that runs and has contacts; where none is ready some are claimed meanwhile."""
    world = turn.world
    if not world.index.is_free(agent.id):
        return "the agent is not free"
    asked = [world.policy.campaigns[name] for name in sorted(world.outbound.pace_at) if name in world.policy.campaigns]
    mine = [it for it in asked if it.mode in LOOKS and it.queue in world.served_by(agent.id)]
    for policy in mine:
        if not _has_a_line(turn, agent.id):
            return "the agent works on a number outside: a phone of the house is needed"
        if why := lines.standstill(turn, policy):
            return why
        contact = _next_of(turn, policy, agent.id)
        if contact is not None:
            _begin(turn, agent, policy, contact)
            return ""
        world.outbound.dry.pop(policy.id, None)
        lines.claim(turn, policy, 4)
    return "nobody is ready to be called just now" if mine else "no campaign runs in which the agent calls"


def wants_to_dial(turn: Turn, agent: Agent, state: Previewing) -> None:
    """The call is made as soon as the agent is on the line."""
    state = replace(state, dials=True, until=turn.now + agents.LINE_RINGS)
    agents.move(turn, agent, "is to dial", state)
    if agent.open_line is not None:
        _dial(turn, agent, state)


def _dial(turn: Turn, agent: Agent, state: Previewing) -> None:
    world = turn.world
    policy, contact = world.policy.campaigns.get(state.campaign), world.outbound.contacts.get(state.contact)
    room = trunking.room(world, policy.trunks, turn.now) if policy is not None else None
    trunk = next((name for name, left in room.lines.items() if left > 0), None) if room is not None else None
    if policy is None or contact is None or trunk is None or lines.standstill(turn, policy):
        _let_go(turn, agent, state, "refused", "callctl", 0)
        return
    call = lines.dial(turn, policy, contact, trunk, agent.id)
    if call is None:
        _end(turn, agent, state, "refused", "callctl")
        return
    agents.move(turn, agent, "dials", Dialling(call.id))
    turn.tell(PreviewEnded(agent.id, state.campaign, state.contact, "dialled", "agent"))
    line = agent.open_line
    if line is not None:
        call.tone = PlaybackId(world.ids.ulid(turn.now))
        turn.wish(Play(world.legs[line].node, line, call.tone, RINGING_TONE))


def due(turn: Turn, agent: Agent) -> None:
    """The time for looking is over."""
    state = agent.state
    if not isinstance(state, Previewing) or state.until is None or state.until > turn.now:
        return
    policy = turn.world.policy.campaigns.get(state.campaign)
    if state.dials:
        _let_go(turn, agent, state, "gone", "callctl", 0)  # the phone cannot be rung
        return
    match policy.preview.over if policy is not None else Over.SKIP:
        case Over.DIAL:
            wants_to_dial(turn, agent, state)
        case Over.SKIP:
            _let_go(turn, agent, state, "skipped", "callctl", SKIPPED)
        case Over.PAUSE:
            _let_go(turn, agent, state, "skipped", "callctl", 0)
            agents.set_status(turn, agent, Paused("preview"), "callctl", "the time for a contact was over")
