"""Where callers come to through flows and menus: what nothing reaches, and what goes round for ever.

All of it in a time that grows with the number of ways, not faster: a flow may have a thousand nodes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from callctl.settings.errors import KeyPath, Mistake
from callctl.settings.flow_parts import NodeForm, all_nodes, last_of, nodes_of, silent_ways, start_of, ways_of
from callctl.settings.flows import RETURN, CallModel, FlowModel
from callctl.settings.goals import Goal
from callctl.settings.models import Document

Stop: TypeAlias = tuple[str, str]
"""A flow and its node; a menu stands in the flow of no name."""
Edge: TypeAlias = tuple[KeyPath, Stop]
"""Where it is written, and where it leads."""
_MENU = ""


# ── what nothing reaches ─────────────────────────────────────────────────────────────────────


def unreached(flow: FlowModel) -> list[str]:
    """Nodes that no caller comes to; of those that only lead to each other, or to others of them, one."""
    nodes, start = nodes_of(flow), start_of(flow)
    if start is None:
        return []
    reached = _from(nodes, start, set())
    left = [name for name in nodes if name not in reached]
    led_to = {way for name in left for _, way in ways_of(nodes[name]) if way != name}
    told: list[str] = []
    for name in [*(it for it in left if it not in led_to), *left]:
        if name not in reached:
            told.append(name)
            reached |= _from(nodes, name, reached)
    return told


def _from(nodes: Mapping[str, NodeForm], start: str, known: set[str]) -> set[str]:
    """All nodes that this one leads to, itself too, but for those that are known."""
    found, ahead = {start}, [start]
    while ahead:
        for _, way in ways_of(nodes[ahead.pop()]):
            if isinstance(way, str) and way in nodes and way not in found and way not in known:
                found.add(way)
                ahead.append(way)
    return found


# ── what goes round ──────────────────────────────────────────────────────────────────────────


def calling_in_a_circle(document: Document) -> Iterator[Mistake]:
    """Flows that call each other would never end, whatever a caller does."""
    for _, edges in _rounds(_calls(document)):
        names = " → ".join(stop[0] for _, stop in (edges[-1], *edges))
        yield Mistake(edges[0][0], f"flows call each other in a circle ({names})", "lead on by `{flow: NAME}` instead")


def endless(document: Document) -> Iterator[Mistake]:
    """A caller who presses nothing must come to an end: a queue, or a hang-up."""
    for start, edges in _rounds(_silent(document)):
        stops = [start, *(stop for _, stop in edges)]
        flows = {flow for flow, _ in stops}
        names = " → ".join(name if len(flows) == 1 else _name(flow, name) for flow, name in stops)
        right = "lead to a queue or `hang_up` at last"
        if flows != {_MENU}:
            right += ", or ask for a key on the way"
        yield Mistake(edges[0][0], f"a caller who presses nothing goes round for ever ({names})", right)


def _name(flow: str, name: str) -> str:
    return f"menu {name}" if flow == _MENU else f"{flow}/{name}"


def _calls(document: Document) -> dict[Stop, list[Edge]]:
    """Which flow calls which."""
    calls: dict[Stop, list[Edge]] = {(name, ""): [] for name in document.flows}
    for path, _, node in all_nodes(document):
        if isinstance(node, CallModel) and node.call in document.flows:
            calls[(str(path[1]), "")].append(((*path, "call"), (node.call, "")))
    return calls


def _silent(document: Document) -> dict[Stop, list[Edge]]:
    """Where a caller comes to, from each place, who never presses a key."""
    edges: dict[Stop, list[Edge]] = {}
    for name, menu in document.menus.items():
        edges[(_MENU, name)] = list(_by_goal(document, ("menus", name, "give_up"), menu.give_up))
    groups = _groups(_calls(document))
    back = _come_back(document, groups)
    circle = {name: at for at, group in enumerate(groups) for name, _ in group}
    for path, _, node in all_nodes(document):
        flow = str(path[1])
        here = edges[(flow, str(path[3]))] = []
        if isinstance(node, CallModel):
            if circle.get(node.call) != circle[flow]:  # that is told by itself
                here += _into(document, (*path, "call"), node.call)
            if node.call not in back:
                continue
        for below, way in silent_ways(node):
            if isinstance(way, Goal):
                here += _by_goal(document, (*path, *below), way)
            elif way in nodes_of(document.flows[flow]):
                here.append(((*path, *below), (flow, way)))
    return edges


def _by_goal(document: Document, path: KeyPath, goal: Goal | None) -> Iterator[Edge]:
    if goal is None:
        return
    way = last_of(goal)
    if way.menu is not None and way.menu in document.menus:
        yield path, (_MENU, way.menu)
    elif way.flow is not None:
        yield from _into(document, path, way.flow)


def _into(document: Document, path: KeyPath, name: str) -> Iterator[Edge]:
    flow = document.flows.get(name)
    start = start_of(flow) if flow is not None else None
    if start is not None:
        yield path, (name, start)


def _come_back(document: Document, groups: list[list[Stop]]) -> set[str]:
    """Flows from whose start a caller who presses nothing may come to a `return`. `groups`: called before calling."""
    back: set[str] = set()
    for group in groups:
        for name, _ in group:
            flow = document.flows[name]
            nodes, start = nodes_of(flow), start_of(flow)
            found, ahead = {start}, [start] if start is not None else []
            while ahead:
                node = nodes[ahead.pop()]
                if isinstance(node, CallModel) and node.call not in back:
                    continue
                for _, way in silent_ways(node):
                    if way == RETURN:
                        back.add(name)
                    elif isinstance(way, str) and way in nodes and way not in found:
                        found.add(way)
                        ahead.append(way)
    return back


def _rounds(edges: Mapping[Stop, list[Edge]]) -> Iterator[tuple[Stop, list[Edge]]]:
    """One round of each group that leads to itself: where it begins, and its ways in order. It begins at what is
    written first."""
    order = {stop: at for at, stop in enumerate(edges)}
    for group in _groups(edges):
        start = min(group, key=order.__getitem__)
        if len(group) > 1 or any(to == start for _, to in edges[start]):
            yield start, _round(edges, start, set(group))


def _round(edges: Mapping[Stop, list[Edge]], start: Stop, group: set[Stop]) -> list[Edge]:
    """The shortest way from here through the group and back."""
    came: dict[Stop, tuple[Stop, Edge]] = {}
    ahead = deque([start])
    while start not in came:
        here = ahead.popleft()
        for edge in edges[here]:
            if edge[1] in group and edge[1] not in came:
                came[edge[1]] = here, edge
                ahead.append(edge[1])
    at, edge = came[start]
    found = [edge]
    while at != start:
        at, edge = came[at]
        found.append(edge)
    return found[::-1]


def _groups(edges: Mapping[Stop, list[Edge]]) -> list[list[Stop]]:
    """Those that lead to each other, each group behind all that it leads to. Tarjan, "Depth-first search and linear
    graph algorithms", SIAM Journal on Computing 1 (2), 1972; without recursion."""
    number: dict[Stop, int] = {}
    low: dict[Stop, int] = {}
    waiting: dict[Stop, None] = {}
    groups: list[list[Stop]] = []
    work: list[tuple[Stop, Iterator[Edge]]] = []

    def enter(stop: Stop) -> None:
        number[stop] = low[stop] = len(number)
        waiting[stop] = None
        work.append((stop, iter(edges[stop])))

    for root in edges:
        if root not in number:
            enter(root)
        while work:
            stop, ahead = work[-1]
            for _, to in ahead:
                if to not in number:
                    enter(to)
                    break
                if to in waiting:
                    low[stop] = min(low[stop], number[to])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[stop])
                if low[stop] == number[stop]:
                    groups.append(_popped(waiting, stop))
    return groups


def _popped(waiting: dict[Stop, None], last: Stop) -> list[Stop]:
    """All that came after this one, and itself."""
    group: list[Stop] = []
    while last in waiting:
        stop, _ = waiting.popitem()
        group.append(stop)
    return group
