"""What the nodes of flows are made of, each with its place: ways, prompts, values. For checks; a node that could not be
read is None, and has none of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias, assert_never

from callctl.core.conditions import names_in
from callctl.settings.errors import KeyPath
from callctl.settings.flow_types import names_of, several
from callctl.settings.flows import (
    RETURN,
    AnyPrompt,
    AnyWord,
    BranchModel,
    CallModel,
    CaseModel,
    ConfirmModel,
    FlowModel,
    GatherModel,
    GoesModel,
    HoursModel,
    LanguageModel,
    LookupModel,
    MenuNodeModel,
    NoteModel,
    NothingModel,
    PlayModel,
    SayModel,
    SetModel,
    ValueModel,
)
from callctl.settings.goals import Goal, Way
from callctl.settings.models import Document

NodeForm: TypeAlias = (
    PlayModel
    | MenuNodeModel
    | GatherModel
    | LookupModel
    | BranchModel
    | SetModel
    | NoteModel
    | CallModel
    | GoesModel
    | HoursModel
    | LanguageModel
    | NothingModel
    | None
)
PlacedWay: TypeAlias = tuple[KeyPath, str | Goal]


def nodes_of(flow: FlowModel) -> Mapping[str, NodeForm]:
    """Empty where nothing of them could be read."""
    return flow.nodes or {}


def all_nodes(document: Document) -> Iterator[tuple[KeyPath, FlowModel, NodeForm]]:
    """Every node of every flow, by its place."""
    for name, flow in document.flows.items():
        for node, form in nodes_of(flow).items():
            yield ("flows", name, "nodes", node), flow, form


def start_of(flow: FlowModel) -> str | None:
    """The node that callers enter; None: it is not known, or there is none of that name."""
    name = flow.start or next(iter(nodes_of(flow)), None)
    return name if name in nodes_of(flow) else None


# ── ways ─────────────────────────────────────────────────────────────────────────────────────


def ways_of(node: NodeForm) -> Iterator[PlacedWay]:
    """Where a caller can go from here. The place is below the node's."""
    match node:
        case None | NothingModel():
            return
        case PlayModel() | SetModel() | NoteModel() | CallModel():
            yield ("then",), node.then
        case GoesModel():
            yield ("goes",), node.goes
        case MenuNodeModel():
            yield from ((("options", key), way) for key, way in node.options.items())
            yield ("give_up",), node.give_up
        case GatherModel():
            yield from ((("then",), node.then), (("give_up",), node.give_up))
        case LookupModel():
            yield from ((("then",), node.then), (("failed",), node.failed))
        case BranchModel():
            yield from ((("branch", i, "then"), case.then) for i, case in enumerate(node.branch))
            yield ("otherwise",), node.otherwise
        case HoursModel():
            yield from ((("open",), node.open), (("closed",), node.closed))
        case LanguageModel():
            yield ("then",), node.then
            if node.give_up is not None:
                yield ("give_up",), node.give_up
        case _:
            assert_never(node)


def silent_ways(node: NodeForm) -> Iterator[PlacedWay]:
    """Where a caller can go from here who never presses a key."""
    match node:
        case MenuNodeModel() | GatherModel():
            yield ("give_up",), node.give_up
        case LanguageModel():
            yield (("give_up",), node.give_up) if node.give_up is not None else (("then",), node.then)
        case _:
            yield from ways_of(node)


def goals_in(node: NodeForm) -> Iterator[tuple[KeyPath, Goal]]:
    """The ways out of the flows from here."""
    yield from ((below, way) for below, way in ways_of(node) if isinstance(way, Goal))


def goals_of(document: Document) -> Iterator[tuple[KeyPath, Goal]]:
    """Every way out of the flows."""
    for path, _, node in all_nodes(document):
        for below, way in ways_of(node):
            if isinstance(way, Goal):
                yield (*path, *below), way


def ways_out(document: Document, name: str) -> Iterator[Goal]:
    """Where a caller of a flow can leave it, or a flow that it calls."""
    todo, seen = [name], {name}
    while todo:
        flow = document.flows.get(todo.pop())
        for node in nodes_of(flow).values() if flow is not None else ():
            if isinstance(node, CallModel) and node.call not in seen:
                seen.add(node.call)
                todo.append(node.call)
            yield from (way for _, way in ways_of(node) if isinstance(way, Goal))


def last_of(goal: Goal) -> Way:
    """Where it leads once what is announced has been heard."""
    return goal if goal.then is None else goal.then


def returns(flow: FlowModel) -> Iterator[KeyPath]:
    """Where it leads back to the flow that called it; places below the flow's."""
    for name, node in nodes_of(flow).items():
        for below, way in ways_of(node):
            if way == RETURN:
                yield ("nodes", name, *below)


# ── prompts ──────────────────────────────────────────────────────────────────────────────────


def prompts_of(node: NodeForm) -> Iterator[tuple[KeyPath, tuple[AnyPrompt, ...]]]:
    """All lists of prompts of a node."""
    match node:
        case PlayModel():
            yield ("play",), node.play
        case MenuNodeModel() | GatherModel() | LanguageModel():
            word = {MenuNodeModel: "menu", GatherModel: "gather", LanguageModel: "prompts"}[type(node)]
            yield (word,), getattr(node, word)
            yield from ((("invalid",), node.invalid), (("no_input",), node.no_input))
            if isinstance(node, GatherModel) and isinstance(node.confirm, ConfirmModel):
                yield ("confirm", "play"), node.confirm.play
        case LookupModel():
            yield ("meanwhile",), node.meanwhile


def words_of(node: NodeForm) -> Iterator[tuple[KeyPath, AnyWord]]:
    """All that may be played at a node, in any language."""
    for path, prompts in prompts_of(node):
        for i, prompt in enumerate(prompts or ()):
            if not isinstance(prompt, dict):
                yield (*path, i), prompt
                continue
            for language, words in prompt.items():
                yield from (((*path, i, language, j), word) for j, word in enumerate(words))


# ── values ───────────────────────────────────────────────────────────────────────────────────


def given(node: NodeForm) -> Iterator[tuple[KeyPath, str]]:
    """The values that a node gives. `language` is no value that `set` gives."""
    match node:
        case GatherModel():
            yield ("into",), node.into
        case LookupModel():
            yield from ((("into", name), name) for name in node.into)
        case SetModel():
            yield from ((("set", name), name) for name in node.set if name != "language")


def used(node: NodeForm) -> Iterator[tuple[KeyPath, str]]:
    """The values that a node looks at, each with where it is named."""
    for path, word in words_of(node):
        if isinstance(word, SayModel):
            yield from (((*path, "of"), name) for name in names_in(word.of))
    match node:
        case LookupModel():
            yield from ((("lookup",), name) for name in names_in(node.lookup))
        case SetModel():
            yield from ((("set", to), name) for to, text in node.set.items() for name in names_in(text))
        case NoteModel():
            yield from ((("note", to), name) for to, text in node.note.items() for name in names_in(text))
        case BranchModel():
            for i, case in enumerate(node.branch):
                yield from ((("branch", i, *path), name) for path, name in _tested(case))


def _tested(case: CaseModel) -> Iterator[tuple[KeyPath, str]]:
    if case.value is not None:
        yield from ((("value",), name) for name in names_of(case.value))
    for key, few in (("is", case.equals), ("begins", case.begins), ("above", case.above), ("below", case.below)):
        for i, text in enumerate(several(few or ())):
            at: KeyPath = (key,) if isinstance(few, str) else (key, i)
            yield from ((at, name) for name in names_in(text))


def declared(flow: FlowModel) -> Iterator[tuple[str, ValueModel]]:
    """The flow's values; a word is the type alone."""
    for name, it in (flow.values or {}).items():
        if it is not None:
            yield name, it if isinstance(it, ValueModel) else ValueModel.model_construct(type=it)


def secrets(document: Document) -> frozenset[str]:
    """Values that one of the flows calls sensitive: they are so in all of them."""
    return frozenset(name for flow in document.flows.values() for name, it in declared(flow) if it.sensitive)
