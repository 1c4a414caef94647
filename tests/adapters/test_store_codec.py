"""The stored form of the core's values: whole, lenient between versions, never guessing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callctl.core.addresses import E164, Withheld
from callctl.core.facts import CallQueued, DigitTaken, Fact
from callctl.core.ids import AgentId, CallId, LegId, MenuId, NodeId, QueueId
from callctl.core.model import Agent, Available, Call, CallPhase, Idle, Node, Place, Queued, Reachable, WrapUp
from callctl.core.policy import Feature, HangUp, HangupReason, Policy, ToQueue
from callctl.store.codec import DecodeError, decode, dumps, encode, loads, storable

pytestmark = pytest.mark.adapter

STORED: list[Any] = [Call, Agent, Node, Policy, *get_args(Fact)]


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.__name__)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_stored_type_comes_back_whole(kind: Any, data: st.DataObject) -> None:
    value = data.draw(_one_field_drawn(kind) if kind is Policy else st.from_type(kind))
    text = dumps(value)
    back = loads(kind, text)
    assert "\\u0000" not in text
    assert dumps(back) == text
    if "\\x00" not in repr(value):
        assert back == value


def _one_field_drawn(kind: type[Policy]) -> st.SearchStrategy[Policy]:
    """A policy is too large to be drawn whole: one of its fields is, the others have their defaults."""
    hints = get_type_hints(kind)
    return st.sampled_from(sorted(hints)).flatmap(lambda name: st.builds(kind, **{name: st.from_type(hints[name])}))


@pytest.mark.parametrize("kind", get_args(CallPhase), ids=lambda kind: kind.__name__)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_union_finds_its_class_by_the_tag(kind: Any, data: st.DataObject) -> None:
    phase = data.draw(st.from_type(kind))
    assert type(decode(CallPhase, encode(phase))) is kind


def test_the_stored_form_is_plain() -> None:
    fact = DigitTaken(CallId("C"), MenuId("main"), "1", ToQueue(QueueId("sales"), 2))
    assert encode(fact) == {
        "$": "DigitTaken",
        "call": "C",
        "menu": "main",
        "digit": "1",
        "to": {"$": "ToQueue", "queue": "sales", "priority": 2, "stages": [], "agent": None},
    }


def test_an_enum_beside_objects_is_told_apart() -> None:
    hint: Any = HangUp | ToQueue | Feature
    assert decode(hint, encode(Feature.PAUSE)) is Feature.PAUSE
    assert decode(hint, encode(HangUp(HangupReason.BUSY))) == HangUp(HangupReason.BUSY)


def test_a_newer_daemons_unknown_field_is_ignored() -> None:
    data = encode(Queued(Place(QueueId("sales"), 0, 5))) | {"mood": "impatient"}
    assert decode(CallPhase, data) == Queued(Place(QueueId("sales"), 0, 5))


def test_an_older_daemons_missing_field_takes_its_default() -> None:
    agent = Agent(AgentId("anna"), Available(), Idle(7))
    data = encode(agent)
    del data["misses"], data["phone"], data["held_until"]
    assert decode(Agent, data) == agent


def test_a_row_without_tags_of_plain_classes_is_read() -> None:
    data = encode(Agent(AgentId("anna"), Available(), Idle(7)))
    del data["$"]
    assert decode(Agent, data).id == "anna"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"state": {"$": "Dreaming"}}, "state: unknown tag 'Dreaming': known are Idle"),
        ({"state": {"since": 7}}, "state: {'since': 7} has no tag"),
        ({"state": {"$": "WrapUp", "call": "C"}}, "state: WrapUp without its field until"),
        ({"state": {"$": "WrapUp", "call": "C", "until": "soon"}}, "state.until: 'soon' is no int"),
        ({"phone": {"$": "Reachable", "contacts": ["a", 3]}}, "phone.contacts.1: 3 is no str"),
        ({"misses": True}, "misses: True is no int"),
        ({"$": "Call"}, "tagged 'Call' where Agent belongs"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DecodeError) as error:
        decode(Agent, encode(Agent(AgentId("anna"), Available(), Idle(7))) | change)
    assert complaint in str(error.value)


def test_an_unknown_enum_value_is_named_with_what_would_fit() -> None:
    with pytest.raises(DecodeError, match="reason: 'tired' is no HangupReason: known are normal, busy"):
        decode(HangUp, {"$": "HangUp", "reason": "tired"})


def test_text_that_is_not_json_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="is not JSON"):
        loads(Agent, "{")


@pytest.mark.parametrize("hint", [CallQueued | CallQueued | str | float, str | float | None])
def test_an_ambiguous_union_is_refused_when_it_is_met(hint: Any) -> None:
    with pytest.raises(TypeError, match="ambiguous"):
        decode(hint, "x")


def test_a_type_that_is_never_stored_is_refused() -> None:
    with pytest.raises(TypeError, match="never stored"):
        encode(object())


def test_hostile_text_is_kept_as_far_as_postgres_can() -> None:
    assert storable("a\0b") == "a␀b"
    assert storable("a\ud800b") == "a\ufffdb"
    assert storable("${EVIL}'\"\\;--\r\n") == "${EVIL}'\"\\;--\r\n"
    assert storable("Zoë ☎ 😀") == "Zoë ☎ 😀"
    call = Call(CallId("C"), NodeId("pbx"), LegId("L"), Queued(Place(QueueId("q"), 0, 1)), 1, caller_name="x\0\udfff")
    assert json.loads(dumps(call))["caller_name"] == "x␀\ufffd"


def test_sets_are_stored_in_one_order() -> None:
    @dataclass(frozen=True)
    class Bag:
        items: frozenset[str]

    assert encode(Bag(frozenset({"b", "a", "c"})))["items"] == ["a", "b", "c"]


def test_contacts_and_addresses_keep_their_types() -> None:
    agent = Agent(AgentId("a"), Available(), WrapUp(CallId("C"), 9), Reachable(("PJSIP/a/sip:a@h",)))
    assert loads(Agent, dumps(agent)) == agent
    for address in (E164("33140000000"), Withheld("x")):
        assert decode(E164 | Withheld, encode(address)) == address
