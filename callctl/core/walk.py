"""Follows a flow from node to node, as far as the caller need do nothing and nobody be asked.

Whoever is inside walks on the version that they began. It is believed nothing that the check of the configuration has
promised: a node that is not there, or more nodes than anybody means, and the caller goes to the last resort.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from callctl.core import admission, calls, conditions, lookups
from callctl.core.addresses import Withheld
from callctl.core.facts import LookupAnswered, Noted, Walked
from callctl.core.flows import (
    Branch,
    Chance,
    Compares,
    Enter,
    Figure,
    Flow,
    Flows,
    Gather,
    Goes,
    InLanguage,
    Lookup,
    Node,
    Note,
    Open,
    Prompts,
    Put,
    QueueHas,
    Spoken,
    Spot,
    Stay,
    Test,
)
from callctl.core.hours import is_open
from callctl.core.ids import FlowId, QueueId
from callctl.core.lookups import LookupFailure
from callctl.core.model import Call, Hidden, World
from callctl.core.spoken import NoGrammarError, Saying, UnsayableError, say
from callctl.core.turn import Turn
from callctl.core.ways import Back, Destination, Next, ToFlow, Way

MOST_NODES = 2000
"""That a caller comes through at once: more than a flow has that anybody draws."""
MOST_PATH = 200
"""Of a call the newest nodes are kept in its record; the journal's events have them all."""
OUT_OF = 10_000
"""Of so many callers a chance says how many."""

_Inside: TypeAlias = tuple[Stay, Spot]


def settle(turn: Turn, call: Call, to: Way, at: Spot | None) -> _Inside | Destination:
    """Where a way leads in the end: to a node at which the caller stays a while, or out of flows."""
    passed: list[str] = []
    for _ in range(MOST_NODES):
        match to:
            case ToFlow(name):
                at = _begin(turn, call, name, at)
            case Next(node) if at is not None:
                at = replace(at, node=node)
            case Back() if at is not None and at.back:
                (flow, node), rest = at.back[-1], at.back[:-1]
                caller = node_at(turn.world, at := Spot(at.version, flow, node, rest))
                to = caller.then if isinstance(caller, Enter) else turn.world.policy.last_resort
                continue
            case Next() | Back():
                to = turn.world.policy.last_resort
                break
            case _:
                break
        node_ = node_at(turn.world, at) if at is not None else None
        if at is None or node_ is None:
            to = turn.world.policy.last_resort
            break
        if (asks := asks_again(turn.world, call, node_, at)) is not None:
            node_, at = asks
        passed.append(at.name)
        if isinstance(node_, Stay) and not _cannot_ask(turn.world, call, node_):
            _passed(turn, call, passed)
            return node_, at
        to, at = _through(turn, call, node_, at)
    else:
        to = turn.world.policy.last_resort
    _passed(turn, call, passed)
    return turn.world.policy.last_resort if isinstance(to, Next | Back | ToFlow) else to


def _passed(turn: Turn, call: Call, nodes: list[str]) -> None:
    if nodes:
        call.story.path = (*call.story.path, *nodes)[-MOST_PATH:]
        turn.tell(Walked(call.id, tuple(nodes)))


def _begin(turn: Turn, call: Call, name: FlowId, at: Spot | None) -> Spot | None:
    """The start of a flow: of the version in which the caller is, else of the newest, which is kept from now on."""
    world = turn.world
    version = at.version if at is not None else world.policy.flows.version
    flow = flow_at(world, version, name)
    if flow is None:
        return None
    if version == world.policy.flows.version and version not in world.flows:
        world.flows[version] = world.policy.flows
        turn.flows.add(version)
    if flow.answers:
        calls.answer(turn, call)
    call.values = {**flow.values, **call.values}
    call.language = call.language or flow.language
    return Spot(version, name, flow.start)


def _through(turn: Turn, call: Call, node: Node, at: Spot) -> tuple[Way, Spot]:
    """Past a node that takes no time."""
    match node:
        case Branch(cases, otherwise):
            to = next((way for tests, way in cases if all(_holds(turn, call, it, at) for it in tests)), otherwise)
            return to, at
        case Put(values, then, language):
            known = plain(turn.world, call)
            call.values = {**call.values, **{name: conditions.fill(text, known) for name, text in values}}
            call.language = language or call.language
            return then, at
        case Note(values, then):
            known = plain(turn.world, call)
            noted = {name: conditions.fill(text, known) for name, text in values}
            call.story.notes = {**call.story.notes, **noted}
            turn.tell(Noted(call.id, call.story.agent, noted))
            return then, at
        case Enter(flow, _):
            return Next(_start(turn.world, call, at, flow)), Spot(at.version, flow, "", (*at.back, (at.flow, at.node)))
        case Goes(to):
            return to, at
        case Lookup(failed=failed):  # passed here, lest a flow that nobody has checked go round without an end
            turn.tell(LookupAnswered(call.id, at.name, LookupFailure.MISSING, 0))
            return failed, at
        case _:
            raise AssertionError(f"{node} takes time")


def _cannot_ask(world: World, call: Call, node: Node) -> bool:
    """A value is missing that is needed to ask."""
    return isinstance(node, Lookup) and lookups.fill(node.url, plain(world, call)) is None


def _start(world: World, call: Call, at: Spot, name: FlowId) -> str:
    flow = flow_at(world, at.version, name)
    if flow is None:
        return ""
    call.values = {**flow.values, **call.values}
    return flow.start


# ── what is where ────────────────────────────────────────────────────────────────────────────


def flows_of(world: World, version: str) -> Flows:
    """The flows of a version; of one that nobody remembers (a file was changed while callctl was away) today's."""
    return world.flows.get(version, world.policy.flows)


def flow_at(world: World, version: str, name: FlowId) -> Flow | None:
    return flows_of(world, version).of.get(name)


def node_at(world: World, at: Spot) -> Node | None:
    """The node at which a caller stands. None: nobody remembers it."""
    flow = flow_at(world, at.version, at.flow)
    return flow.nodes.get(at.node) if flow is not None else None


def stay_at(world: World, at: Spot) -> Stay | None:
    """The same of a node at which a caller stays a while."""
    node = node_at(world, at)
    return node if isinstance(node, Stay) else None


def asks_again(world: World, call: Call, node: Node, at: Spot) -> tuple[Gather, Spot] | None:
    """A value that is kept in memory alone was lost with an earlier life of callctl, and is needed here: the caller
    is asked for it again. None: nothing is needed that is not there."""
    lost = [name for name, value in call.values.items() if isinstance(value, Hidden) and not value.text]
    needed = _needed(node) if lost else ()
    name = next((name for name in lost if name in needed), None)
    return _asker(world, name, at) if name is not None else None


def _needed(node: Node) -> tuple[str, ...]:
    match node:
        case Lookup(url=url):
            return conditions.names_in(url)
        case Branch(cases):
            tests = [test for tests, _ in cases for test in tests if isinstance(test, Compares)]
            return tuple(name for it in tests for text in (it.what, *it.to) for name in conditions.names_in(text))
        case _:
            return ()


def _asker(world: World, name: str, at: Spot) -> tuple[Gather, Spot] | None:
    """The node that asks for a value: of this flow, else of one that this flow calls."""
    flow = flow_at(world, at.version, at.flow)
    nodes = flow.nodes if flow is not None else {}
    for node_name, node in nodes.items():
        if isinstance(node, Gather) and node.into == name:
            return node, replace(at, node=node_name)
    for node_name, node in nodes.items():
        called = flow_at(world, at.version, node.flow) if isinstance(node, Enter) else None
        for inner_name, inner in called.nodes.items() if called is not None else ():
            if called is not None and isinstance(inner, Gather) and inner.into == name:
                return inner, Spot(at.version, called.id, inner_name, (*at.back, (at.flow, node_name)))
    return None


# ── values and tests ─────────────────────────────────────────────────────────────────────────


def language_of(world: World, call: Call) -> str:
    """The caller's language: the one that was chosen, or else the channel's own, English where none is said."""
    if call.language:
        return call.language
    known = (world.policy.trunks.get(call.trunk) if call.trunk is not None else None) or (
        world.policy.phones.get(call.phone) if call.phone is not None else None
    )
    return (known.language if known is not None else "") or "en"


def plain(world: World, call: Call) -> dict[str, str]:
    """What a flow can name, as text."""
    known = {
        "caller": "" if isinstance(call.caller, Withheld) else str(call.caller),
        "called": call.called,
        "name": call.caller_name,
        "language": language_of(world, call),
    }
    return known | {name: value.text if isinstance(value, Hidden) else value for name, value in call.values.items()}


def _holds(turn: Turn, call: Call, test: Test, at: Spot) -> bool:
    match test:
        case Compares():
            return conditions.holds(test, plain(turn.world, call))
        case Open(name, meant):
            calendar = flows_of(turn.world, at.version).calendars.get(name)
            return calendar is not None and is_open(calendar, turn.now, turn.world.switches) == meant
        case QueueHas(queue, figure, least, most):
            found = _figure(turn.world, queue, figure)
            return least <= found and (most is None or found <= most)
        case Chance(of):
            return turn.world.ids.below(OUT_OF) < of


def _figure(world: World, queue: QueueId, figure: Figure) -> int:
    match figure:
        case Figure.WAITING:
            return admission.waiting(world, queue)
        case Figure.FREE:
            return admission.free(world, queue)
        case Figure.STAFFED:
            return admission.logged_in(world, queue)


def in_language(of: Mapping[str, tuple[str | Spoken, ...]], language: str) -> tuple[str | Spoken, ...]:
    """The prompts of a language; of one that has none those of the first. `fr_CA` may be French."""
    return of.get(language) or of.get(language.partition("_")[0]) or next(iter(of.values()), ())


def heard(world: World, call: Call, prompts: Prompts) -> tuple[str, ...]:
    """What is played: values put into words, and of several languages the caller's."""
    language = language_of(world, call)
    media: list[str] = []
    for prompt in prompts:
        chosen = in_language(prompt.of, language) if isinstance(prompt, InLanguage) else (prompt,)
        for part in chosen:
            media += _said(world, call, part, language) if isinstance(part, Spoken) else (part,)
    return tuple(media)


def _said(world: World, call: Call, part: Spoken, language: str) -> tuple[str, ...]:
    """A value in words. What a server or a caller gave may be none that can be said so: then nothing is said of it."""
    try:
        return say(Saying(part.kind), conditions.fill(part.of, plain(world, call)), language)
    except (UnsayableError, NoGrammarError):
        return ()
