"""A new policy in a living World: agents come and go, and what is still in use is kept until it is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from callctl.core import admission, agents, lists, switches, walk
from callctl.core.events import PolicyChanged
from callctl.core.facts import AgentStatusChanged, PolicyApplied
from callctl.core.flows import Flows, Spot, ends
from callctl.core.hours import Calendar
from callctl.core.ids import AgentId, CalendarId, MenuId, Micros, NodeId, PhoneId, QueueId
from callctl.core.model import (
    Agent,
    AgentStatus,
    Announcing,
    Available,
    Call,
    Connected,
    Down,
    Idle,
    InMenu,
    LoggedOut,
    LookingUp,
    Node,
    Offered,
    Paused,
    Queued,
    World,
)
from callctl.core.policy import (
    AgentPolicy,
    Announce,
    DefaultStatus,
    Destination,
    Menu,
    PhoneKind,
    PhonePolicy,
    Policy,
    QueuePolicy,
    ToMenu,
    ToQueue,
)
from callctl.core.turn import Turn, place_now
from callctl.core.ways import ToFlow, Way

RETIRED_PHONE = PhoneId("-retired")
"""Whose phone nobody's can be called: no name in the configuration begins with a dash."""

_K = TypeVar("_K")
_V = TypeVar("_V")


def apply(turn: Turn, event: PolicyChanged) -> None:
    """From now on the new policy decides. Callers in a removed menu or queue finish there: it drains."""
    world, old, new = turn.world, turn.world.policy, event.policy
    for node in sorted(
        {p.node for p in new.phones.values()} | {t.node for t in new.trunks.values()} | {new.default_node}
    ):
        world.nodes.setdefault(node, Node(node, Down(turn.now)))
    keep_what_is_used(world, old, new)
    for agent in list(world.agents.values()):
        if agent.id not in new.agents:
            _retire(turn, agent)
    for policy in new.agents.values():
        was = old.agents.get(policy.id)
        _adopt(turn, was, old.phones.get(was.phone) if was else None, policy)
    world.unstaffed = admission.unstaffed(world)
    for call in world.calls.values():
        if reread(turn, call):
            turn.touch_call(call)
    _forget_flows(turn)
    lists.campaigns_changed(turn, old)
    switches.forget(turn)
    turn.tell(PolicyApplied(new.sha))


def reread(turn: Turn, call: Call) -> bool:
    """What a queue asks of agents, and whether it is staffed, holds for those who wait already. True if it does."""
    match call.phase:
        case Queued(place) | Offered(place) | Connected(place):
            call.phase = replace(call.phase, place=place_now(turn.world, place, turn.now))
            return True
        case _:
            return False


def _retire(turn: Turn, agent: Agent) -> None:
    """Gone from the configuration: no more calls; out of the World once the last one is over."""
    if isinstance(agent.status, LoggedOut) and is_retired(turn.world, agent.id):
        turn.touch_agent(agent)
        return  # told at an earlier change
    agent.status = LoggedOut()
    turn.tell(AgentStatusChanged(agent.id, agent.status, "configuration", "removed"))
    turn.touch_agent(agent)


def is_retired(world: World, agent: AgentId) -> bool:
    """Whether the configuration no longer has the agent."""
    policy = world.policy.agents.get(agent)
    return policy is None or policy.phone == RETIRED_PHONE


def may_go(world: World, agent: Agent) -> bool:
    """Whether a retired agent's last call is over: nothing in the World names the agent any more."""
    free = is_retired(world, agent.id) and isinstance(agent.state, Idle)
    return free and not any(leg.agent == agent.id for leg in world.legs.values())


def bury(world: World, agent: Agent) -> None:
    """Out of the World."""
    del world.agents[agent.id]
    others = {name: policy for name, policy in world.policy.agents.items() if name != agent.id}
    world.policy = replace(world.policy, agents=others)


def _adopt(turn: Turn, old: AgentPolicy | None, before: PhonePolicy | None, policy: AgentPolicy) -> None:
    agent = turn.world.agents.get(policy.id)
    if agent is None:
        agent = turn.world.agents[policy.id] = new_agent(policy, turn.now)
        turn.tell(AgentStatusChanged(agent.id, agent.status, "configuration", "added"))
    elif old is not None and before != turn.world.policy.phones[policy.phone]:
        agents.contacts_changed(turn, agent, ())
        agents.device_busy(turn, agent, False)
    agents.outside_reachable(turn, agent)
    turn.touch_agent(agent)


def new_agent(policy: AgentPolicy, now: Micros) -> Agent:
    """An agent as the configuration says at first."""
    status: AgentStatus
    match policy.default:
        case DefaultStatus.AVAILABLE:
            status = Available()
        case DefaultStatus.PAUSED:
            status = Paused("default")
        case DefaultStatus.LOGGED_OUT:
            status = LoggedOut()
    return Agent(policy.id, status, Idle(now))


def keep_what_is_used(world: World, old: Policy, new: Policy) -> None:
    """Set the new policy, with the menus, queues and agents of the old one that calls are still in."""
    menus, queues = _closure(*_in_use(world, old), old)
    kept_menus = {m: old.menus.get(m) or _last_resort(m, new) for m in menus - set(new.menus)}
    kept_queues = {q: old.queues.get(q) or QueuePolicy(q) for q in queues - set(new.queues)}
    kept_agents = {
        a: replace(old.agents.get(a) or AgentPolicy(a, a, RETIRED_PHONE, ()), phone=RETIRED_PHONE, queues=())
        for a in _in_work(world) - set(new.agents)
    }
    world.draining = {q: _who_drains(world, old, new, q) for q in kept_queues}
    world.policy = replace(
        new,
        menus={**kept_menus, **new.menus},
        queues={**kept_queues, **new.queues},
        calendars={**_calendars_of(kept_queues.values(), old), **new.calendars},
        agents={**new.agents, **kept_agents},  # behind: the order of the others stays when they go
        phones={RETIRED_PHONE: _retired_phone(new.default_node), **new.phones} if kept_agents else new.phones,
    )


def _calendars_of(queues: Iterable[QueuePolicy], policy: Policy) -> dict[CalendarId, Calendar]:
    """The hours of queues that are kept: somebody may yet come to one of them."""
    names = {queue.hours for queue in queues if queue.hours is not None}
    return {name: policy.calendars[name] for name in sorted(names & policy.calendars.keys())}


def _who_drains(world: World, old: Policy, new: Policy, queue: QueueId) -> frozenset[AgentId]:
    """Who serves a removed queue: its agents; where none of them is left, everybody, lest a caller wait for nobody."""
    known = world.draining.get(queue) or frozenset(a.id for a in old.agents.values() if queue in a.queues)
    return known & set(new.agents) or frozenset(new.agents)


def _in_work(world: World) -> set[AgentId]:
    """The agents whom a call, or the last leg of one, still names."""
    busy = {agent.id for agent in world.agents.values() if not isinstance(agent.state, Idle)}
    return busy | {leg.agent for leg in world.legs.values() if leg.agent is not None}


def _in_use(world: World, old: Policy) -> tuple[set[MenuId], set[QueueId]]:
    menus: set[MenuId] = set()
    queues: set[QueueId] = set()
    for call in world.calls.values():
        match call.phase:
            case InMenu(spot=spot) | Announcing(spot=spot) | LookingUp(spot=spot) if spot is not None:
                ways: list[Way] = list(_ways_of_flows(walk.flows_of(world, spot.version), spot))
                menus |= _menus_of(ways)
                queues |= _queues_of(ways)
            case InMenu(menu):
                menus.add(menu)
            case Queued(place) | Offered(place) | Connected(place):
                queues.add(place.queue)
            case Announcing(then=then):
                menus |= _menus_of(_through_flows(old, then))
                queues |= _queues_of(_through_flows(old, then))
    return menus, queues


def _closure(menus: set[MenuId], queues: set[QueueId], policy: Policy) -> tuple[set[MenuId], set[QueueId]]:
    """The menus and queues that can be reached from these, with these."""
    menus, queues = set(menus), set(queues)
    todo: list[Way] = [*map(ToMenu, menus), *map(ToQueue, queues)]
    while todo:
        ways = [end for way in _ways(policy, todo.pop()) for end in _through_flows(policy, way)]
        new_menus, new_queues = _menus_of(ways) - menus, _queues_of(ways) - queues
        menus |= new_menus
        queues |= new_queues
        todo += [*map(ToMenu, new_menus), *map(ToQueue, new_queues)]
    return menus, queues


def _through_flows(policy: Policy, way: Way) -> list[Way]:
    """A way, and if it leads into a flow those out of it."""
    end = way.then if isinstance(way, Announce) else way
    return [way, *ends(policy.flows, [end.flow])] if isinstance(end, ToFlow) else [way]


def _ways(policy: Policy, place: Way) -> list[Way]:
    """Where a caller can go from there."""
    match place:
        case ToMenu(name) if name in policy.menus:
            return [*policy.menus[name].options.values(), policy.menus[name].give_up]
        case ToQueue(name) if name in policy.queues:
            queue = policy.queues[name]
            ways = (queue.give_up, queue.closed, queue.full, queue.unstaffed, queue.after)
            return [*ways, *queue.exit_keys.values()]
        case _:
            return []


def _ways_of_flows(flows: Flows, spot: Spot) -> Iterator[Destination]:
    """Where a caller can go from the flow in which they are, and those to which it leads back."""
    return ends(flows, [spot.flow, *(flow for flow, _ in spot.back)])


def _forget_flows(turn: Turn) -> None:
    """Versions that nobody is inside any more."""
    spots = (getattr(call.phase, "spot", None) for call in turn.world.calls.values())
    used = {spot.version for spot in spots if spot is not None} | {turn.world.policy.flows.version}
    for version in [it for it in turn.world.flows if it not in used]:
        del turn.world.flows[version]
        turn.flows.add(version)


def _ends(of: list[Way]) -> list[Way]:
    """Where these lead in the end, announcements apart."""
    return [to.then if isinstance(to, Announce) else to for to in of]


def _menus_of(to: list[Way]) -> set[MenuId]:
    return {end.menu for end in _ends(to) if isinstance(end, ToMenu)}


def _queues_of(to: list[Way]) -> set[QueueId]:
    return {end.queue for end in _ends(to) if isinstance(end, ToQueue)}


def _last_resort(menu: MenuId, policy: Policy) -> Menu:
    """For a caller whose menu nobody remembers (removed while callctl was away): say sorry, and end."""
    return Menu(menu, ("sound:im-sorry",), {}, policy.unknown_number, tries=1)


def _retired_phone(node: NodeId) -> PhonePolicy:
    return PhonePolicy(RETIRED_PHONE, PhoneKind.EXISTING, "retired", node)
