"""Callers on their way through flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from callctl.core.addresses import E164
from callctl.core.commands import Answer, Play
from callctl.core.engine import Step
from callctl.core.events import (
    LegSeen,
    LegState,
    LinkRestored,
    LookedUp,
    PolicyChanged,
    Snapshot,
    StatusAsked,
    Synced,
    Wish,
)
from callctl.core.facts import CallEnded, DigitsTaken, LookupAnswered, Noted, StrayEvent, Walked
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
    Menu,
    Node,
    Note,
    Open,
    Put,
    QueueHas,
    Relation,
    Speak,
    Spoken,
)
from callctl.core.ids import SECOND, AgentId, FlowId, LookupId, MenuId, seconds
from callctl.core.lookups import Ask
from callctl.core.model import Announcing, Ended, Hidden, InMenu, LookingUp, Outcome, Queued
from callctl.core.recovery import restore
from callctl.core.ways import Announce, Back, HangUp, HangupReason, Next, ToFlow, ToMenu, ToQueue
from callctl.sim.flows import ALWAYS
from callctl.sim.flows import flows as office_flows
from callctl.sim.office import MAIN, NODE, SALES, policy
from callctl.sim.rows import copied
from callctl.store import codec
from tests.core.world import ZOE, Stage, stage

pytestmark = pytest.mark.core

NUMBER = "442079460099"
F, G = FlowId("f"), FlowId("g")
MENU = Menu(MenuId("f/menu"), ("sound:menu",), {"1": Next("next"), "2": ToQueue(SALES)}, HangUp(), tries=2)
DONE = Speak(("sound:done",), HangUp())


def flow(nodes: Mapping[str, Node], name: FlowId = F, **changes: object) -> Flow:
    return replace(Flow(name, next(iter(nodes)), nodes), **changes)  # type: ignore[arg-type]


def caller_in(*of: Flow, version: str = "v1", **stage_changes: object) -> Stage:
    """Somebody has come into the first of these flows."""
    known = policy()
    flows = Flows(version, {it.id: it for it in of}, office_flows().calendars)
    made = replace(known, flows=flows, entries={**known.entries, E164(NUMBER): ToFlow(of[0].id)})
    it = stage(made, **stage_changes)  # type: ignore[arg-type]
    it.arrive("c1", NUMBER)
    return it


def played(done: Step | None) -> tuple[str, ...]:
    assert done is not None
    return next(c.prompts for c in done.commands if isinstance(c, Play))


def path(it: Stage) -> list[str]:
    return [name.removeprefix("f/") for name in it.call("c1").story.path]


def answer(it: Stage, found: Mapping[str, str] | None = None, failed: str = "") -> Step:
    phase = it.call("c1").phase
    assert isinstance(phase, LookingUp)
    return it.do(LookedUp(it.call("c1").id, phase.request, found or {}, failed))


def killed(it: Stage) -> Stage:
    """The same, after a kill: from the rows, with the link back."""
    rows = copied(it.rows)
    parts = (rows.calls.values(), rows.agents.values(), rows.nodes.values())
    world = restore(it.world.policy, 9, *parts, [NODE], it.now, flows=rows.flows.values())
    again = Stage(world, it.now + SECOND, rows=rows)
    again.rows.agents, again.rows.nodes = copied((world.agents, world.nodes))
    again.do(LinkRestored(NODE, "boot-1"))
    again.do(Synced(NODE, Snapshot(tuple(LegSeen(leg, LegState.UP, True) for leg in world.legs))))
    return again


# ── nodes ────────────────────────────────────────────────────────────────────────────────────


def test_prompts_are_heard_one_node_after_the_other() -> None:
    it = caller_in(flow({"a": Speak(("sound:a", "sound:b"), Next("next")), "next": DONE}))
    assert played(it.last) == ("sound:a", "sound:b")
    assert played(it.heard("c1")) == ("sound:done",)
    it.heard("c1")
    assert it.call("c1").story.outcome is Outcome.COMPLETED
    assert path(it) == ["a", "next"]


def test_a_menus_key_leads_to_a_node_or_out_of_the_flow() -> None:
    it = caller_in(flow({"menu": MENU, "next": DONE}), reachable=())
    assert played(it.press("c1", "1")) == ("sound:done",)
    it = caller_in(flow({"menu": MENU, "next": DONE}), reachable=())
    it.press("c1", "2")
    assert isinstance(it.call("c1").phase, Queued)
    assert [visit.menu for visit in it.call("c1").story.menus] == ["f/menu"]
    assert it.call("c1").story.menus[0].digits == "2"


def test_a_wrong_key_and_silence_use_up_the_tries() -> None:
    it = caller_in(flow({"menu": MENU, "next": DONE}))
    it.press("c1", "9")
    it.heard("c1")
    it.wait(5)
    assert isinstance(it.call("c1").phase, Ended)


def gathering(**changes: object) -> Gather:
    known = Gather(MenuId("f/order"), ("sound:order",), "order", Next("next"), ToQueue(SALES), least=2, most=4, tries=2)
    return replace(known, **changes)  # type: ignore[arg-type]


def said(it: Stage) -> str:
    value = it.call("c1").values.get("order", "")
    assert isinstance(value, str)
    return value


@pytest.mark.parametrize(
    ("keys", "value", "changes"),
    [
        ("12#", "12", {}),
        ("1234", "1234", {}),  # the longest ends by itself
        ("18#", "18", {"luhn": True}),
        ("250#", "250", {"pattern": "NXX"}),
        ("1234", "1234", {"end": ""}),
    ],
)
def test_digits_become_a_value(keys: str, value: str, changes: dict[str, object]) -> None:
    it = caller_in(flow({"order": gathering(**changes), "next": DONE}))
    for key in keys:
        it.press("c1", key)
    assert said(it) == value
    assert DigitsTaken(it.call("c1").id, MenuId("f/order"), value, len(value), True) in it.facts
    assert isinstance(it.call("c1").phase, Announcing)


@pytest.mark.parametrize(
    ("keys", "changes"),
    [
        ("1#", {}),  # too few
        ("1*3#", {}),
        ("#", {}),
        ("12#", {"luhn": True}),
        ("150#", {"pattern": "NXX"}),
        ("12A4", {}),
    ],
)
def test_digits_that_do_not_fit_are_asked_for_again(keys: str, changes: dict[str, object]) -> None:
    it = caller_in(flow({"order": gathering(invalid=("sound:wrong",), **changes), "next": DONE}))
    for key in keys:
        it.press("c1", key)
    assert played(it.last) == ("sound:wrong", "sound:order")
    for key in keys:
        it.press("c1", key)
    assert isinstance(it.call("c1").phase, Queued | Ended) or it.call("c1").story.queue == SALES


def test_a_pause_between_digits_ends_the_input() -> None:
    it = caller_in(flow({"order": gathering(), "next": DONE}))
    it.press("c1", "1")
    it.wait(2.9)
    it.press("c1", "2")
    it.wait(2.9)
    assert isinstance(it.call("c1").phase, InMenu)
    it.wait(0.2)
    assert said(it) == "12"


def test_nothing_pressed_is_asked_again_and_given_up() -> None:
    it = caller_in(flow({"order": gathering(no_input=("sound:nothing",)), "next": DONE}), reachable=())
    it.heard("c1")
    it.wait(5)
    it.heard("c1")
    it.wait(5)
    assert isinstance(it.call("c1").phase, Queued)


def test_digits_that_are_kept_in_memory_alone_are_nowhere_else() -> None:
    it = caller_in(flow({"order": gathering(sensitive=True), "next": DONE}))
    for key in "9876":
        it.press("c1", key)
        row = codec.dumps(it.call("c1"))
        assert "987" not in row
        assert "987" not in repr(it.call("c1"))
    assert it.call("c1").values == {"order": Hidden()}
    value = it.call("c1").values["order"]
    assert isinstance(value, Hidden)
    assert value.text == "9876"
    assert it.call("c1").story.menus[0].digits == "••••"
    assert DigitsTaken(it.call("c1").id, MenuId("f/order"), "", 4, True) in it.facts
    read = codec.loads(type(it.call("c1")), codec.dumps(it.call("c1")))
    assert isinstance(read.values["order"], Hidden)
    assert read.values["order"].text == ""


def test_values_are_set_noted_and_said() -> None:
    nodes: dict[str, Node] = {
        "set": Put((("label", "from {caller} to {called}"),), Next("note")),
        "note": Note((("who", "{label}"),), Next("say")),
        "say": Speak((Spoken("digits", "12"),), HangUp()),
    }
    it = caller_in(flow(nodes))
    assert Noted(it.call("c1").id, None, {"who": f"from +{ZOE} to +{NUMBER}"}) in it.facts
    assert it.call("c1").story.notes == {"who": f"from +{ZOE} to +{NUMBER}"}
    assert played(it.last) == ("sound:digits/1", "sound:digits/2")


def test_what_a_caller_hears_is_in_their_language() -> None:
    nodes: dict[str, Node] = {
        "set": Put((), Next("say"), "fr"),
        "say": Speak((InLanguage({"en": ("sound:en",), "fr": ("sound:fr",)}), "sound:both"), ToQueue(SALES)),
    }
    it = caller_in(flow(nodes))
    play = next(c for c in it.last.commands if isinstance(c, Play)) if it.last is not None else None
    assert play is not None
    assert (play.prompts, play.language) == (("sound:fr", "sound:both"), "fr")


def test_who_has_another_language_hears_the_first() -> None:
    say = Speak((InLanguage({"en": ("sound:en",), "fr": ("sound:fr",)}),), HangUp())
    assert played(caller_in(flow({"say": say})).last) == ("sound:en",)
    canadian = flow({"set": Put((), Next("say"), "fr_CA"), "say": say})
    assert played(caller_in(canadian).last) == ("sound:fr",)


# ── branches ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        (Compares("{caller}", Relation.BEGINS, ("+33", "+32")), True),
        (Compares("{caller}", Relation.BEGINS, ("+44",)), False),
        (Compares("{called}", Relation.IS, (f"+{NUMBER}",)), True),
        (Compares("{n}", Relation.ABOVE, ("6",)), True),
        (Compares("{n}", Relation.BELOW, ("6",)), False),
        (Compares("{text}", Relation.ABOVE, ("1",)), False),
        (Compares("{text}", Relation.BELOW, ("1",)), False),
        (Compares("{n}", Relation.FITS, ("ZX", "Z")), True),
        (Compares("{nobody}", Relation.IS, ("",)), True),
        (Open(ALWAYS), True),
        (Open(ALWAYS, meant=False), False),
        (QueueHas(SALES, Figure.FREE, least=2), True),
        (QueueHas(SALES, Figure.FREE, most=1), False),
        (QueueHas(SALES, Figure.WAITING, most=0), True),
        (QueueHas(SALES, Figure.STAFFED, least=3), False),
        (Chance(10_000), True),
        (Chance(0), False),
    ],
)
def test_a_branch_takes_the_first_case_that_holds(test: object, holds: bool) -> None:
    branch = Branch((((test,), Next("yes")),), Next("no"))  # type: ignore[arg-type]
    nodes: dict[str, Node] = {"which": branch, "yes": Speak(("sound:yes",), HangUp()), "no": DONE}
    it = caller_in(flow(nodes, values={"n": "7", "text": "seven"}))
    assert played(it.last) == (("sound:yes",) if holds else ("sound:done",))


def test_all_tests_of_a_case_must_hold() -> None:
    tests = (Open(ALWAYS), Compares("{caller}", Relation.BEGINS, ("+44",)))
    it = caller_in(flow({"which": Branch(((tests, Goes_away),), Next("no")), "no": DONE}))
    assert played(it.last) == ("sound:done",)


Goes_away = HangUp(HangupReason.BUSY)


def test_a_caller_for_whom_nothing_is_played_need_not_be_answered() -> None:
    nodes: dict[str, Node] = {"which": Branch(((((Open(ALWAYS)),), Goes_away),), Next("no")), "no": DONE}
    it = caller_in(flow(nodes, answers=False))
    assert it.call("c1").story.answered_by_pbx is None
    it = caller_in(flow(nodes))
    assert it.call("c1").story.answered_by_pbx is not None
    it = caller_in(flow({"no": DONE}, answers=False))
    assert it.last is not None
    assert any(isinstance(c, Answer) for c in it.last.commands)


# ── flows that call flows ────────────────────────────────────────────────────────────────────


def test_a_flow_that_was_called_leads_back() -> None:
    outer = flow({"sub": Enter(G, Next("next")), "next": DONE})
    inner = flow({"hello": Speak(("sound:hello",), Next("back")), "back": Goes(Back())}, G)
    it = caller_in(outer, inner)
    assert played(it.last) == ("sound:hello",)
    assert played(it.heard("c1")) == ("sound:done",)
    assert it.call("c1").story.path == ("f/sub", "g/hello", "g/back", "f/next")


def test_who_leads_back_without_having_been_called_goes_to_the_last_resort() -> None:
    it = caller_in(flow({"back": Goes(Back())}))
    assert it.call("c1").story.ended is not None


@pytest.mark.parametrize(
    "start",
    [Goes(Next("nowhere")), Enter(FlowId("nowhere"), HangUp()), Goes(ToFlow(FlowId("nowhere"))), Goes(Next("start"))],
)
def test_what_the_check_would_refuse_leads_to_the_last_resort(start: Node) -> None:
    it = caller_in(flow({"start": start}))
    assert isinstance(it.call("c1").phase, Ended)


# ── lookups ──────────────────────────────────────────────────────────────────────────────────

LOOK = Lookup(
    "https://crm.example/{order}",
    (("status", "/status"),),
    Next("next"),
    ToQueue(SALES),
    headers="crm",
    meanwhile=("sound:moment",),
)


def looking(reachable: tuple[str, ...] | None = None) -> Stage:
    say = Branch((((Compares("{status}", Relation.IS, ("sent",)),), Goes_away),), Next("said"))
    nodes: dict[str, Node] = {"look": LOOK, "next": say, "said": DONE}
    return caller_in(flow(nodes, values={"order": "1 2/3"}), reachable=reachable)


def test_a_server_is_asked_and_the_caller_hears_something_meanwhile() -> None:
    it = looking()
    assert it.last is not None
    call, phase = it.call("c1"), it.call("c1").phase
    assert isinstance(phase, LookingUp)
    asked = Ask(call.id, phase.request, "https://crm.example/1%202%2F3", "crm", seconds(5), (("status", "/status"),))
    assert it.last.asks == (asked,)
    assert played(it.last) == ("sound:moment",)
    assert played(it.heard("c1")) == ("sound:moment",)
    answer(it, {"status": "sent"})
    assert it.call("c1").values["status"] == "sent"
    assert isinstance(it.call("c1").phase, Ended)


def test_prompts_that_cannot_be_played_are_not_tried_again_and_again() -> None:
    it = looking()
    done = it.heard("c1", failed=True)
    assert not [c for c in done.commands if isinstance(c, Play)]
    assert isinstance(it.call("c1").phase, LookingUp)


def test_without_an_answer_the_caller_goes_another_way() -> None:
    it = looking(reachable=())
    done = answer(it, failed="status")
    assert isinstance(it.call("c1").phase, Queued)
    assert LookupAnswered(it.call("c1").id, "f/look", "status", 0) in done.facts


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    it = looking(reachable=())
    it.wait(7.1)
    assert isinstance(it.call("c1").phase, Queued)
    late = it.do(LookedUp(it.call("c1").id, LookupId("old"), {"status": "sent"}))
    assert late.facts == (StrayEvent("LookedUp", "Queued"),)
    assert "status" not in it.call("c1").values


def test_what_is_not_there_is_not_asked() -> None:
    it = caller_in(flow({"look": LOOK, "next": DONE}), reachable=())
    assert it.last is not None
    assert it.last.asks == ()
    assert isinstance(it.call("c1").phase, Queued)


def test_after_a_kill_the_server_is_asked_again_by_the_same_name() -> None:
    it = looking()
    assert it.last is not None
    before = it.last.asks
    it = killed(it)
    assert it.last is not None
    assert it.last.asks == before


def test_after_a_kill_a_caller_enters_the_pin_again() -> None:
    pin = gathering(sensitive=True, then=Next("look"))
    check = replace(LOOK, url="https://crm.example/{order}", then=HangUp())
    it = caller_in(flow({"order": pin, "look": check}))
    for key in "9876":
        it.press("c1", key)
    assert it.last is not None
    assert it.last.asks[0].url.endswith("/9876")
    it = killed(it)
    assert played(it.last) == ("sound:order",)
    for key in "9876":
        it.press("c1", key)
    assert isinstance(it.call("c1").phase, LookingUp)


# ── versions ─────────────────────────────────────────────────────────────────────────────────


def test_who_is_inside_walks_on_as_they_began() -> None:
    it = caller_in(flow({"menu": MENU, "next": DONE}))
    new = Flows("v2", {F: flow({"menu": MENU, "next": Speak(("sound:new",), HangUp())})})
    it.do(PolicyChanged(replace(it.world.policy, sha="second", flows=new)))
    assert set(it.world.flows) == {"v1"}
    it.arrive("c2", NUMBER)
    assert played(it.press("c1", "1")) == ("sound:done",)
    assert played(it.press("c2", "1")) == ("sound:new",)
    it = killed(it)
    assert it.call("c1").story.path == ("f/menu", "f/next")
    it.heard("c1")
    it.do(PolicyChanged(replace(it.world.policy, sha="third")))
    assert set(it.world.flows) == {"v2"}


def test_a_flow_that_nobody_remembers_leads_to_the_last_resort() -> None:
    it = caller_in(flow({"menu": MENU, "next": DONE}))
    known = replace(it.world.policy, last_resort=Announce(("sound:sorry",), HangUp()), flows=Flows("v2", {}))
    it.do(PolicyChanged(known))
    it.world.flows.clear()
    it.rows.flows.clear()
    it.press("c1", "1")
    it.wait(600)
    assert it.call("c1").story.outcome is not None


def test_the_queue_that_only_an_old_flow_leads_to_is_kept_for_who_is_inside() -> None:
    it = caller_in(flow({"menu": MENU, "next": DONE}), reachable=())
    rest = {name: queue for name, queue in it.world.policy.queues.items() if name != SALES}
    known = replace(it.world.policy, sha="second", queues=rest, entries={}, menus={}, flows=Flows("v2", {}))
    agents = {name: replace(agent, queues=tuple(rest)) for name, agent in known.agents.items()}
    it.do(PolicyChanged(replace(known, agents=agents)))
    it.press("c1", "2")
    assert isinstance(it.call("c1").phase, Queued)


def test_the_path_is_told_and_written_down() -> None:
    it = caller_in(flow({"a": Goes(Next("b")), "b": Put((), Next("c")), "c": DONE}))
    assert Walked(it.call("c1").id, ("f/a", "f/b", "f/c")) in it.facts


def test_a_queue_that_gives_up_may_lead_into_a_flow() -> None:
    it = caller_in(flow({"next": DONE}), reachable=())
    sales = replace(it.world.policy.queues[SALES], longest_wait=seconds(10), give_up=ToFlow(F))
    it.do(PolicyChanged(replace(it.world.policy, queues={**it.world.policy.queues, SALES: sales})))
    it.arrive("c2", "442079460001")
    it.do(StatusAsked(AgentId("ana"), Wish.PAUSE, "lunch", "test"))
    it.wait(10)
    assert isinstance(it.call("c2").phase, Announcing)
    it.heard("c2")
    assert any(isinstance(fact, CallEnded) for fact in it.facts)


def test_a_menu_may_lead_into_a_flow_and_back() -> None:
    it = caller_in(flow({"away": Goes(ToMenu(MAIN))}))
    assert it.call("c1").story.menus[0].menu == MAIN
    phase = it.call("c1").phase
    assert isinstance(phase, InMenu)
    assert phase.spot is None
