"""What goes round in flows, and what nothing reaches: against the simplest reading of the same flows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callctl.settings.flow_graph import calling_in_a_circle, endless, unreached
from callctl.settings.flow_parts import nodes_of, ways_of
from callctl.settings.models import Document

pytestmark = pytest.mark.adapter

NAMES = ("a", "b", "c")
WAYS = st.sampled_from([*NAMES, *NAMES, "return", {"hang_up": "normal"}, {"flow": "f"}, {"flow": "g"}, {"menu": "m"}])
ANY_NODE = st.one_of(
    st.builds(lambda then: {"play": ["sound:a"], "then": then}, WAYS),
    st.builds(lambda then, else_: {"branch": [{"chance": "1%", "then": then}], "otherwise": else_}, WAYS, WAYS),
    st.builds(lambda one, up: {"menu": ["sound:a"], "options": {"1": one}, "give_up": up}, WAYS, WAYS),
    st.builds(lambda flow, then: {"call": flow, "then": then}, st.sampled_from("gh"), WAYS),
)
ANY_FLOW = st.fixed_dictionaries({"nodes": st.fixed_dictionaries(dict.fromkeys(NAMES, ANY_NODE))})
ANY_FLOWS = st.fixed_dictionaries(dict.fromkeys("fgh", ANY_FLOW))
Flows: TypeAlias = dict[str, dict[str, dict[str, dict[str, object]]]]
Place: TypeAlias = tuple[str, str, tuple[tuple[str, str], ...]]
"""A flow, a node, and the nodes that called."""


MENU = {"prompts": ["sound:a"], "options": {"1": {"flow": "f"}}, "give_up": {"flow": "h"}}


def document_of(flows: Flows) -> Document:
    from_a = {name: {**flow, "start": "a"} for name, flow in flows.items()}
    return Document.model_validate({"flows": from_a, "menus": {"m": MENU}}, context={})


def steps(flows: Flows, at: Place) -> Iterator[Place]:
    """Where a caller may be next who presses nothing, by the simplest reading."""
    flow, name, back = at
    node = flows[flow]["nodes"][name] if flow != "m" else {"goes": {"flow": "h"}}
    if "call" in node:
        yield str(node["call"]), "a", ((flow, name), *back)
        return
    branch = node.get("branch")
    ways = [node[key] for key in ("then", "otherwise", "give_up", "goes") if key in node and "call" not in node]
    ways += [branch[0]["then"]] if isinstance(branch, list) else []
    for way in ways:
        yield from _arrives(flows, flow, way, back)


def _arrives(flows: Flows, flow: str, way: object, back: tuple[tuple[str, str], ...]) -> Iterator[Place]:
    if isinstance(way, dict):
        if "flow" in way:
            yield str(way["flow"]), "a", ()
        elif "menu" in way:
            yield "m", "", ()
    elif way != "return":
        yield flow, str(way), back
    elif back:
        caller, node = back[0]
        yield from _arrives(flows, caller, flows[caller]["nodes"][node]["then"], back[1:])


@given(flows=ANY_FLOWS)
@settings(deadline=None, max_examples=300)
def test_what_goes_round_is_found_and_nothing_else(flows: Flows) -> None:
    document = document_of(flows)
    if list(calling_in_a_circle(document)):
        return
    todo: list[Place] = [(flow, name, ()) for flow in flows for name in NAMES]
    places: dict[Place, list[Place]] = {}
    while todo:
        place = todo.pop()
        if place not in places:
            places[place] = list(steps(flows, place))
            todo += places[place]
    ending: set[Place] = set()
    while more := {place for place, ahead in places.items() if place not in ending and ending.issuperset(ahead)}:
        ending |= more  # whatever happens to the caller, it ends
    assert bool(list(endless(document))) is (len(ending) < len(places))


@given(flows=ANY_FLOWS)
@settings(deadline=None)
def test_what_nothing_reaches_is_found(flows: Flows) -> None:
    for flow in document_of(flows).flows.values():
        ahead = {
            name: {way for _, way in ways_of(node) if isinstance(way, str)} for name, node in nodes_of(flow).items()
        }

        def closed(some: set[str], ahead: dict[str, set[str]] = ahead) -> set[str]:
            while more := {to for name in some for to in ahead[name] if to in ahead} - some:
                some |= more
            return some

        reached, alone = closed({"a"}), unreached(flow)
        assert not reached & set(alone)
        assert closed({"a", *alone}) == set(NAMES)
