"""What must hold within flows, between them, and between them and the rest.

A node with mistakes is None, and is passed over: it is told already, and what may follow from it is not told.
"""

from __future__ import annotations

from collections.abc import Iterator

from callctl.core.conditions import BUILT_IN
from callctl.core.spoken import NoGrammarError, Saying, grammar_of
from callctl.core.spoken.saying import GRAMMARS
from callctl.settings import flow_graph
from callctl.settings.errors import KeyPath, Mistake, shown
from callctl.settings.flow_parts import (
    all_nodes,
    declared,
    given,
    nodes_of,
    prompts_of,
    returns,
    secrets,
    start_of,
    used,
    ways_of,
    words_of,
)
from callctl.settings.flow_types import may_carry_secrets, names_of
from callctl.settings.flows import (
    RETURN,
    BranchModel,
    CallModel,
    FlowModel,
    GatherModel,
    LanguageModel,
    LookupModel,
    MenuNodeModel,
    NoteModel,
    SayModel,
    SetModel,
    ValueType,
)
from callctl.settings.goals import Way
from callctl.settings.models import Document
from callctl.settings.prompts import SpeakModel
from callctl.settings.types import nearest

_SAYS = {
    Saying.NUMBER: {ValueType.NUMBER, ValueType.DIGITS},
    Saying.MONEY: {ValueType.MONEY, ValueType.NUMBER},
    Saying.DATE: {ValueType.DATE},
    Saying.TIME: {ValueType.TIME},
}
"""Values of which types can be said so, beside text; anything can be said by its digits, or spelt."""
_COUNTS = {ValueType.TEXT, ValueType.DIGITS, ValueType.NUMBER, ValueType.MONEY}


def flow_mistakes(document: Document, whole: bool) -> Iterator[Mistake]:
    """What no caller could walk. `whole`: nothing may stand in a file that could not be read."""
    called = {node.call for _, _, node in all_nodes(document) if isinstance(node, CallModel)}
    for name, flow in document.flows.items():
        path: KeyPath = ("flows", name)
        yield from _targets(path, flow)
        yield from _names(path, flow)
        yield from _languages(path, flow)
        yield from _unsaid(path, flow, document)
        yield from _secrets(path, flow, secrets(document))
        yield from _types(path, flow)
        if whole and name not in called and _is_read(document):
            for below in returns(flow):
                right = "call this flow from another (`call: NAME`), or lead elsewhere"
                yield Mistake((*path, *below), "no flow calls this one: there is nowhere to return to", right)
    if whole and _is_read(document):
        yield from _never_given(document)
    yield from flow_graph.calling_in_a_circle(document)
    yield from flow_graph.endless(document)


def flow_oddities(goals: Iterator[tuple[KeyPath, Way]], document: Document) -> Iterator[Mistake]:
    """What may be meant, but is odd."""
    returning = {name for name, flow in document.flows.items() if any(returns(flow))}
    for path, way in goals:
        if way.flow in returning:
            wrong = f"the flow {shown(str(way.flow))} returns, and who comes from here has nowhere to return to"
            yield Mistake(
                (*path, "flow"), wrong, "let another flow call it: callers from here go to `last_resort` there"
            )


def _is_read(document: Document) -> bool:
    """Every node could be read."""
    return all(
        flow.nodes and flow.values is not None and None not in flow.nodes.values() for flow in document.flows.values()
    )


# ── nodes, and ways between them ─────────────────────────────────────────────────────────────


def _targets(path: KeyPath, flow: FlowModel) -> Iterator[Mistake]:
    """Every node that is named is there, and every one that is there is led to."""
    nodes = nodes_of(flow)
    if not nodes:
        return
    missing = flow.start is not None and flow.start not in nodes
    if missing:
        wrong = f"there is no node {shown(str(flow.start))} in this flow"
        yield Mistake((*path, "start"), wrong, nearest(flow.start or "", nodes))
    for name, node in nodes.items():
        if name == RETURN:
            wrong = "`return` leads to the flow that called this one: no node can be called so"
            yield Mistake((*path, "nodes", name), wrong, "name it otherwise", of_key=True)
        for below, way in ways_of(node):
            if isinstance(way, str) and way != RETURN and way not in nodes:
                missing = True
                wrong = f"there is no node {shown(way)} in this flow"
                yield Mistake((*path, "nodes", name, *below), wrong, nearest(way, [*nodes, RETURN]))
    if not missing and None not in nodes.values():
        for name in flow_graph.unreached(flow):
            right = "lead a node there, or remove it"
            yield Mistake(
                (*path, "nodes", name), f"no caller comes here from {shown(str(start_of(flow)))}", right, of_key=True
            )


# ── prompts ──────────────────────────────────────────────────────────────────────────────────


def _languages(path: KeyPath, flow: FlowModel) -> Iterator[Mistake]:
    """Prompts by language have all of the flow's languages, and no others."""
    known = flow.languages
    if known is None:
        return
    for name, node in nodes_of(flow).items():
        here: KeyPath = (*path, "nodes", name)
        for below, prompts in prompts_of(node):
            for i, prompt in enumerate(prompts or ()):
                if isinstance(prompt, dict):
                    yield from _spoken_in((*here, *below, i), tuple(prompt), known)
                elif isinstance(prompt, SpeakModel) and isinstance(prompt.speak, dict):
                    yield from _spoken_in((*here, *below, i, "speak"), tuple(prompt.speak), known)
        of_any_region = {name.partition("_")[0] for name in known}
        for at, language in _chosen(node):
            if known and language.partition("_")[0] not in of_any_region:
                wrong = f"{shown(language)} is none of the flow's `languages`"
                yield Mistake((*here, *at), wrong, nearest(language, known))


def _spoken_in(path: KeyPath, there: tuple[str, ...], known: tuple[str, ...]) -> Iterator[Mistake]:
    if not known:
        right = f"add `languages: [{', '.join(there)}]` to the flow: the first is for callers of any other"
        yield Mistake(path, "prompts by language, in a flow that has no `languages`", right)
        return
    if lacking := [name for name in known if name not in there]:
        some = " and ".join(shown(name) for name in lacking)
        yield Mistake(path, f"these prompts are missing in {some}", f"add `{lacking[0]}: [sound:…]`")
    for name in there:
        if name not in known:
            wrong = f"{shown(name)} is none of the flow's `languages`"
            yield Mistake((*path, name), wrong, nearest(name, known), of_key=True)


def _unsaid(path: KeyPath, flow: FlowModel, document: Document) -> Iterator[Mistake]:
    """Values are said in languages whose grammar is known."""
    heard = tuple(flow.languages or ()) or of_callers(document)
    for name, node in nodes_of(flow).items():
        said: list[tuple[KeyPath, tuple[str, ...]]] = []
        for below, word in words_of(node):
            if isinstance(word, SayModel):  # `prompts, place, language, place` where it is by language
                language = next((it for it in below[1:] if isinstance(it, str) and it != "play"), None)
                said.append(((*below, "say"), heard if language is None else (language,)))
        if isinstance(node, GatherModel) and node.confirm:
            said.append((("confirm",), heard))
        for below, languages in said:
            for language in languages:
                if not _has_grammar(language):
                    wrong = f"callctl has no grammar to say values in {shown(language)}"
                    right = f"play sounds there instead, or take one of {', '.join(sorted(GRAMMARS))}"
                    yield Mistake((*path, "nodes", name, *below), wrong, right)


def _has_grammar(language: str) -> bool:
    try:
        grammar_of(language)
    except NoGrammarError:
        return False
    return True


def of_callers(document: Document) -> tuple[str, ...]:
    """The languages of callers whom no flow has asked for theirs: of their trunk or phone, English where none is
    said."""
    said = [it.language for it in document.trunks.values()] + [it.language for it in document.phones.values()]
    return tuple(dict.fromkeys(it or "en" for it in said or [""]))


def _chosen(node: object) -> Iterator[tuple[KeyPath, str]]:
    match node:
        case SetModel() if "language" in node.set:
            yield ("set", "language"), node.set["language"]
        case LanguageModel():
            yield from ((("language", key), language) for key, language in node.language.items())
        case BranchModel():
            for i, case in enumerate(node.branch):
                if isinstance(case.language, str):
                    yield ("branch", i, "language"), case.language
                yield from (
                    (("branch", i, "language", j), it)
                    for j, it in enumerate(case.language or ())
                    if not isinstance(case.language, str)
                )


# ── values ───────────────────────────────────────────────────────────────────────────────────


def _names(path: KeyPath, flow: FlowModel) -> Iterator[Mistake]:
    """Nobody gives a value the name of one that every caller has."""
    places: list[tuple[KeyPath, str]] = [(("values", name), name) for name in flow.values or {}]
    for name, node in nodes_of(flow).items():
        places += [(("nodes", name, *below), value) for below, value in given(node)]
    for below, value in places:
        if value in BUILT_IN:
            wrong = f"every caller has a value {shown(value)} already"
            right = "name it otherwise" if value != "language" else "name it otherwise, or use `set: {language: …}`"
            yield Mistake((*path, *below), wrong, right, of_key=below[-1] == value)


def _never_given(document: Document) -> Iterator[Mistake]:
    known = set(BUILT_IN)
    for flow in document.flows.values():
        known |= set(flow.values or {})
    for _, _, node in all_nodes(document):
        known |= {name for _, name in given(node)}
    for path, _, node in all_nodes(document):
        for below, name in used(node):
            if name not in known:
                wrong = f"nothing ever gives a value {shown(name)}"
                yield Mistake((*path, *below), wrong, nearest(name, sorted(known)))


def _secrets(path: KeyPath, flow: FlowModel, hidden: frozenset[str]) -> Iterator[Mistake]:
    """What is sensitive comes from the caller's keys, and leaves by a lookup that nobody can read, or not at all."""
    for name, node in nodes_of(flow).items():
        here: KeyPath = (*path, "nodes", name)
        for below, value in given(node):
            if value in hidden and not isinstance(node, GatherModel):
                wrong = f"{shown(value)} is sensitive, and only what is gathered can be kept out of records"
                yield Mistake((*here, *below), wrong, "use another value", of_key=True)
        if isinstance(node, GatherModel) and node.into in hidden and node.confirm:
            wrong = f"{shown(node.into)} is sensitive, and would be said aloud"
            yield Mistake((*here, "confirm"), wrong, "remove it")
        for below, value in used(node):
            if value in hidden and (said := _gives_away(node, below)):
                yield Mistake((*here, *below), f"{shown(value)} is sensitive, and {said}", _instead(node, below))


def _gives_away(node: object, below: KeyPath) -> str:
    """What a place does with a value that it must not; empty: nothing."""
    if below[-1] == "of":
        return "would be said aloud"
    match node:
        case SetModel():
            return "would be in another value"
        case NoteModel():
            return "would be in the call's record"
        case LookupModel() if not may_carry_secrets(node.lookup):
            return "would cross a network in clear"
    return ""


def _instead(node: object, below: KeyPath) -> str:
    if isinstance(node, LookupModel) and below == ("lookup",):
        return "write https://"
    return "use another value"


def _types(path: KeyPath, flow: FlowModel) -> Iterator[Mistake]:
    """Values that have a type here are said, and compared, as what they are."""
    types = {name: it.type for name, it in declared(flow) if it.type is not ValueType.TEXT}
    for name, node in nodes_of(flow).items():
        here: KeyPath = (*path, "nodes", name)
        for below, word in words_of(node):
            known = types.get(word.of.strip("{}")) if isinstance(word, SayModel) else None
            if isinstance(word, SayModel) and known is not None and known not in _SAYS.get(word.say, {known}):
                wrong = f"{shown(word.of.strip('{}'))} is of type {known}, and is said as {word.say}"
                yield Mistake((*here, *below, "say"), wrong, f"write `say: {_as(known)}`, or change its type")
        if isinstance(node, BranchModel):
            for i, case in enumerate(node.branch):
                for value in names_of(case.value) if case.value else ():
                    if (case.above or case.below) and types.get(value, ValueType.TEXT) not in _COUNTS:
                        key = "above" if case.above else "below"
                        wrong = f"{shown(value)} is of type {types[value]}, and is no number"
                        yield Mistake((*here, "branch", i, key), wrong, "use `is` or `begins`, or change its type")


def _as(known: ValueType) -> str:
    return known.value if known.value in set(Saying) else Saying.SPELLED.value


# ── for other checks ─────────────────────────────────────────────────────────────────────────


def heard_by_keys(document: Document) -> Iterator[tuple[KeyPath, str]]:
    """Prompts of flows that a key is to stop."""
    for path, _, node in all_nodes(document):
        if isinstance(node, MenuNodeModel | GatherModel | LanguageModel) and node.barge_in:
            yield from (((*path, *below), word) for below, word in words_of(node) if isinstance(word, str))


def led_to(document: Document) -> Iterator[tuple[KeyPath, str]]:
    """Flows that others call."""
    for path, _, node in all_nodes(document):
        if isinstance(node, CallModel):
            yield path, node.call
