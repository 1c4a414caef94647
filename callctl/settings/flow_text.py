"""What a reload changes in flows, and what their nodes hold, in words: for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, assert_never

from callctl.core.flows import (
    Branch,
    Chance,
    Compares,
    Flow,
    Flows,
    InLanguage,
    Node,
    Open,
    QueueHas,
    Relation,
    Spoken,
    Test,
)
from callctl.core.ways import Back, Next

Fields = Callable[[str, Any, Any], Iterator[str]]
"""The lines of a dataclass of which fields have changed: the name before them, the old one and the new one."""
Words = Callable[[Any], str]
"""A way in words."""


def flow_changes(old: Flows, new: Flows, told: Fields, words: Words) -> Iterator[str]:
    """One line for each flow, node and field. Calendars are told by themselves."""
    for name in [*old.of, *(name for name in new.of if name not in old.of)]:
        before, after = old.of.get(name), new.of.get(name)
        if before is None or after is None:
            yield f"flow {name}: {'added' if before is None else 'removed'}"
        elif before != after:
            yield from _flow(f"flow {name}", before, after, told, words)


def _flow(name: str, old: Flow, new: Flow, told: Fields, words: Words) -> Iterator[str]:
    if old.start != new.start:
        yield f"{name}.start: {old.start} → {new.start}"
    if old.answers != new.answers:
        yield f"{name}.answer: {_answer(old)} → {_answer(new)}"
    for value in [*old.values, *(it for it in new.values if it not in old.values)]:
        before, after = old.values.get(value), new.values.get(value)
        if before != after:
            yield f"{name}: value {value}: {_default(before)} → {_default(after)}"
    for node in [*old.nodes, *(it for it in new.nodes if it not in old.nodes)]:
        from_, to_ = old.nodes.get(node), new.nodes.get(node)
        here = f"{name}: node {node}"
        if isinstance(from_, Branch) and isinstance(to_, Branch):
            yield from _branch(here, from_, to_, words)
        elif from_ is None or to_ is None:
            yield f"{here}: {'added' if from_ is None else 'removed'}"
        elif type(from_) is not type(to_):
            yield f"{here}: {_kind(from_)} → {_kind(to_)}"
        else:
            yield from told(here, from_, to_)


def _branch(name: str, old: Branch, new: Branch, words: Words) -> Iterator[str]:
    for i in range(max(len(old.cases), len(new.cases))):
        before, after = (
            " and ".join(map(test_text, it.cases[i][0])) + f": {words(it.cases[i][1])}" if i < len(it.cases) else "none"
            for it in (old, new)
        )
        if before != after:
            yield f"{name}: case {i + 1}: {before} → {after}"
    if old.otherwise != new.otherwise:
        yield f"{name}.otherwise: {words(old.otherwise)} → {words(new.otherwise)}"


def _answer(flow: Flow) -> str:
    return "on_entry" if flow.answers else "on_agent"


def _default(value: str | None) -> str:
    return "none" if value is None else f'"{value}"'


_KINDS = {"Speak": "play", "Put": "set", "Enter": "call"}


def _kind(node: Node) -> str:
    """As the configuration calls it."""
    name = type(node).__name__
    return _KINDS.get(name, name.lower())


def part_text(value: object) -> str | None:
    """What stands in a node; None: nothing that is a flow's."""
    match value:
        case Next(node):
            return f"node {node}"
        case Back():
            return "return"
        case Spoken(kind, of):
            return f"{of} as {kind}"
        case InLanguage(of):
            return "; ".join(f"{name}: {', '.join(_part(it) for it in words)}" for name, words in of.items())
        case Compares() | Open() | QueueHas() | Chance():
            return test_text(value)
    return None


def _part(word: str | Spoken) -> str:
    return part_text(word) or str(word)


def test_text(test: Test) -> str:
    """A branch's test."""
    match test:
        case Compares(what, relation, to):
            verb = "is" if relation in (Relation.IS, Relation.ABOVE, Relation.BELOW) else ""
            more = "" if relation is Relation.IS else str(relation)
            given = " or ".join(it or '""' for it in to)
            return " ".join(filter(None, (what, verb, more, given)))
        case Open(calendar, meant):
            return f"{calendar} is {'open' if meant else 'closed'}"
        case QueueHas(queue, figure, least, most):
            few = f"{least} or more" if most is None else f"{least}" if least == most else f"{least} to {most}"
            return f"{queue} has {few} {figure}"
        case Chance(of):
            return f"{of / 100:g}% of callers"
        case _:
            assert_never(test)
