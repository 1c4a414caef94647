"""A new policy in a living World: agents come and go, and what is still in use is kept until it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from callctl.core import agents
from callctl.core.events import PolicyChanged
from callctl.core.facts import AgentStatusChanged, PolicyApplied
from callctl.core.ids import MenuId, Micros, NodeId, PhoneId, QueueId
from callctl.core.model import (
    Agent,
    AgentStatus,
    Available,
    Connected,
    Down,
    Idle,
    InMenu,
    LoggedOut,
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
from callctl.core.turn import Turn

RETIRED_PHONE = PhoneId("retired")

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
        _adopt(turn, old.agents.get(policy.id), policy)
    turn.tell(PolicyApplied(new.sha))


def _retire(turn: Turn, agent: Agent) -> None:
    """Gone from the configuration: no more calls; out of the World once the last one is over."""
    agent.status = LoggedOut()
    turn.tell(AgentStatusChanged(agent.id, agent.status, "configuration", "removed"))
    turn.touch_agent(agent)


def _adopt(turn: Turn, old: AgentPolicy | None, policy: AgentPolicy) -> None:
    agent = turn.world.agents.get(policy.id)
    if agent is None:
        agent = turn.world.agents[policy.id] = new_agent(policy, turn.now)
        turn.tell(AgentStatusChanged(agent.id, agent.status, "configuration", "added"))
    elif old is not None and old.phone != policy.phone:
        agents.contacts_changed(turn, agent, ())
        agents.device_busy(turn, agent, False)
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
    menus, queues = _in_use(world)
    busy = {a.id for a in world.agents.values() if not isinstance(a.state, Idle)}
    kept_menus = {m: old.menus.get(m) or _last_resort(m, new) for m in _closure(menus, old) - set(new.menus)}
    queues |= {q for m in kept_menus.values() for q in _queues_of(m)}
    kept_queues = {q: old.queues.get(q) or QueuePolicy(q) for q in queues - set(new.queues)}
    kept_agents = {
        a: replace(old.agents[a], queues=()) if a in old.agents else AgentPolicy(a, a, RETIRED_PHONE, ())
        for a in busy - set(new.agents)
    }
    phones = {p.phone: old.phones.get(p.phone) or _retired_phone(new.default_node) for p in kept_agents.values()}
    world.draining = {
        q: world.draining.get(q) or frozenset(a.id for a in old.agents.values() if q in a.queues) for q in kept_queues
    }
    world.policy = replace(
        new,
        menus={**kept_menus, **new.menus},
        queues={**kept_queues, **new.queues},
        agents={**kept_agents, **new.agents},
        phones={**phones, **new.phones},
    )


def _in_use(world: World) -> tuple[set[MenuId], set[QueueId]]:
    menus, queues = set(), set()
    for call in world.calls.values():
        match call.phase:
            case InMenu(menu):
                menus.add(menu)
            case Queued(queue) | Offered(queue) | Connected(queue):
                queues.add(queue)
    return menus, queues


def _closure(menus: set[MenuId], policy: Policy) -> set[MenuId]:
    """The menus that can be reached from these."""
    found, todo = set(menus), list(menus)
    while todo:
        menu = policy.menus.get(todo.pop())
        for to in _destinations(menu) if menu else ():
            if isinstance(to, ToMenu) and to.menu not in found:
                found.add(to.menu)
                todo.append(to.menu)
    return found


def _destinations(menu: Menu) -> list[Destination]:
    direct = [*menu.options.values(), menu.give_up]
    return [*direct, *(to.then for to in direct if isinstance(to, Announce))]


def _queues_of(menu: Menu) -> set[QueueId]:
    return {to.queue for to in _destinations(menu) if isinstance(to, ToQueue)}


def _last_resort(menu: MenuId, policy: Policy) -> Menu:
    """For a caller whose menu nobody remembers (removed while callctl was away): say sorry, and end."""
    return Menu(menu, ("sound:im-sorry",), {}, policy.unknown_number, tries=1)


def _retired_phone(node: NodeId) -> PhonePolicy:
    return PhonePolicy(RETIRED_PHONE, PhoneKind.EXISTING, "retired", node)
