"""The stored form of the core's values: whole, lenient between versions, never guessing."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callctl.core.addresses import E164, Withheld
from callctl.core.campaigns import CampaignPhase
from callctl.core.facts import CallQueued, DigitTaken, Fact
from callctl.core.flows import Flow, Flows, Node
from callctl.core.ids import AgentId, CallId, CampaignId, FlowId, LegId, MenuId, NodeId, PlaybackId, QueueId
from callctl.core.model import (
    Agent,
    Announcing,
    Available,
    Call,
    CallPhase,
    Idle,
    InMenu,
    Place,
    Queued,
    Reachable,
    Story,
    WrapUp,
)
from callctl.core.outbound import Campaign
from callctl.core.pacing import Learned, Pacer, Seen
from callctl.core.policy import Feature, HangUp, HangupReason, Policy, ToQueue
from callctl.store.codec import DecodeError, decode, dumps, encode, loads, storable
from callctl.store.rows import LIVE

pytestmark = pytest.mark.adapter

STORED: list[Any] = [*LIVE.values(), Policy, *get_args(Fact)]

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.__name__)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_stored_type_comes_back_whole(kind: Any, data: st.DataObject) -> None:
    value = data.draw(_one_field_drawn(kind) if kind is Policy else _flows() if kind is Flows else st.from_type(kind))
    text = dumps(value)
    back = loads(kind, text)
    assert "\\u0000" not in text
    assert json.loads(dumps(back)) == json.loads(text)
    if "\\x00" not in repr(value):
        assert back == value


def _one_field_drawn(kind: type[Policy]) -> st.SearchStrategy[Policy]:
    """A policy is too large to be drawn whole: one of its fields is, the others have their defaults."""
    hints = get_type_hints(kind)
    return st.sampled_from(sorted(hints)).flatmap(lambda name: st.builds(kind, **{name: st.from_type(hints[name])}))


def _flows() -> st.SearchStrategy[Flows]:
    """The same of flows: one node at a time."""
    node = st.sampled_from(get_args(Node)).flatmap(st.from_type)
    made = node.map(lambda it: Flow(FlowId("f"), "n", {"n": it}))
    return st.one_of(made.map(lambda flow: Flows("v", {flow.id: flow})), st.builds(Flows, of=st.just({})))


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


def test_a_call_of_a_daemon_that_knew_no_flows_is_read() -> None:
    menu = InMenu(MenuId("main"), 1, None, 7)
    call = Call(CallId("C"), NodeId("pbx"), LegId("L"), menu, 5, Withheld(), story=Story(answered_by_pbx=6))
    data: Any = encode(call)
    del data["values"], data["language"], data["story"]["path"], data["story"]["notes"]
    del data["phase"]["spot"], data["phase"]["digits"]
    assert decode(Call, data) == call
    told = Announcing(PlaybackId("P"), ("sound:a",), HangUp(), 9)
    data = encode(told)
    del data["spot"]
    assert decode(CallPhase, data) == told


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


@pytest.mark.parametrize("value", [object(), np.float64(1), np.int64(1), np.zeros(2)])
def test_a_type_that_is_never_stored_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="never stored"):
        encode(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_does_not_have_is_refused(value: float) -> None:
    """It would come back as null, and the whole row with it would not be read."""
    with pytest.raises(ValueError, match="never stored"):
        encode(value)


def worked() -> Campaign:
    """A campaign that has paced calls for a while: what numpy has reckoned is in it."""
    pacer = Pacer()
    for n in range(300):
        pacer.decide(Seen(5, ringing=(3.5, n % 20), talking=(61.0,), wrapping=(2.0,), detecting=(0.5,)), float(n))
        pacer.rang(n % 23 + 0.5, answered=n % 3 == 0)
        pacer.learned.detections.end(0.9, lost=n % 5 == 0)
        pacer.learned.talks.end(80.0 + n)
        pacer.learned.wraps.end(9.25)
        (pacer.budget.abandon if n % 40 == 0 else pacer.budget.connect)()
    judged = {"human": {"human": 40, "machine": 1}, "unsure": {"human": 3}}
    return Campaign(CampaignId("spring"), budget=pacer.budget, learned=pacer.learned, judged=judged, counted_from=7)


def test_what_a_campaign_has_learned_comes_back_whole() -> None:
    campaign = worked()
    assert isinstance(campaign.learned, Learned)
    back = loads(Campaign, dumps(campaign))
    assert back == campaign
    assert back.learned.rings.ages == campaign.learned.rings.ages
    assert (
        Pacer(learned=back.learned, budget=back.budget).decide(Seen(5), 0.0).dial
        == Pacer(learned=campaign.learned, budget=campaign.budget).decide(Seen(5), 0.0).dial
    )


def test_an_older_daemons_campaign_and_call_are_read() -> None:
    row = {"$": "Campaign", "id": "spring", "phase": "running", "since": 5, "by": "ana", "began": 5}
    assert decode(Campaign, row) == Campaign(CampaignId("spring"), CampaignPhase.RUNNING, 5, "ana", 5)
    call = Call(CallId("C"), NodeId("pbx"), LegId("L"), Queued(Place(QueueId("q"), 0, 1)), 1)
    data = encode(call)
    for new in ("campaign", "attempt", "wants"):
        del data[new]
    for new in ("rang", "picked_up", "heard", "harboured", "message_left", "to_ask", "asked_after"):
        del data["story"][new]
    del data["phase"]["place"]["harbour_by"]
    assert decode(Call, data) == call


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
