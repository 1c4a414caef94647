"""The way after the talk: who is asked, who is not, and what the agent and the record have of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.commands import DropBridge, HandOver, Hangup, Hold, Lease, Play
from callctl.core.events import DigitPressed, LegAnswered, LegLeft, LegSeen, LegState, PolicyChanged, Snapshot, Synced
from callctl.core.facts import AskedAfter, CallEnded, DispositionNoted, FlowedOut, MenuEntered, WrapUpEnded
from callctl.core.flows import Flow, Flows, Goes, Lookup, Node
from callctl.core.ids import SECOND, AgentId, BridgeId, FlowId, LegId
from callctl.core.model import (
    Announcing,
    Connected,
    HandedOver,
    Idle,
    InMenu,
    LookingUp,
    OnCall,
    Outcome,
    Party,
    Queued,
    WrapUp,
)
from callctl.core.policy import (
    OF_ALL,
    Announce,
    Destination,
    HangUp,
    OutsideNumber,
    Policy,
    ToFlow,
    ToMenu,
    ToNumber,
    ToQueue,
    Voicemail,
)
from callctl.core.ways import Next
from callctl.sim.lists import NAILED, PUSH, calling
from callctl.sim.office import CARE, DESK, HELP, NODE, NUMBER, SALES, SURVEY, policy
from tests.core.calling import Calling
from tests.core.situations import asks_after
from tests.core.world import Stage, stage

pytestmark = pytest.mark.core

TO_SURVEY = ToMenu(SURVEY)


def talking(to: Destination = TO_SURVEY, share: int = OF_ALL, **changes: object) -> tuple[Stage, LegId]:
    """Ana has talked with c1 for 5 s. Her leg."""
    made = asks_after(to)
    sales = replace(made.queues[SALES], after_share=share, **changes)  # type: ignore[arg-type]
    it = stage(replace(made, queues={**made.queues, SALES: sales}))
    leg = it.talk("c1", "ana")
    it.wait(5)
    return it, leg


def test_the_caller_hears_the_survey_at_once_and_its_agent_wraps_up() -> None:
    it, leg = talking()
    it.gone(leg)
    call = it.call("c1")
    assert [type(command) for command in it.commands] == [DropBridge, Lease, Play]
    assert it.wished(DropBridge) == [DropBridge(NODE, BridgeId(leg), LegId("c1"))]
    assert it.wished(Lease) == [Lease(NODE, LegId("c1"), it.world.policy.lease)]
    assert it.wished(Play)[0].prompts == ("sound:survey",)
    assert isinstance(call.phase, InMenu)
    assert it.agent("ana").state == WrapUp(call.id, it.now + 10 * SECOND)
    (asked,) = it.told(AskedAfter)
    assert (asked.queue, asked.agent, asked.talked, asked.to) == (SALES, "ana", 5 * SECOND, TO_SURVEY)
    assert not it.told(CallEnded)


def test_the_record_is_of_the_talk_though_the_call_goes_on() -> None:
    it, leg = talking()
    asked = it.now
    it.gone(leg)
    it.wait(3)
    it.press("c1", "4")
    it.wait(3)
    it.heard("c1")
    (ended,) = it.told(CallEnded)
    assert (ended.outcome, ended.by, ended.talked, ended.asked) == (Outcome.ANSWERED, Party.CALLCTL, 5 * SECOND, True)
    story = it.rows.records[it.call("c1").id][-1].story
    assert (story.agent, story.outcome, story.queue) == ("ana", Outcome.ANSWERED, SALES)
    assert (story.asked_after, story.talk_ended, story.ended) == (asked, asked, asked + 6 * SECOND)
    assert [(visit.menu, visit.digits) for visit in story.menus] == [(SURVEY, "4")]
    it.gone("c1")
    told = it.wait(10)
    assert [fact.lasted for fact in told if isinstance(fact, WrapUpEnded)] == [10 * SECOND]
    assert not it.world.calls


def test_the_record_waits_for_the_caller_and_not_for_wrap_up() -> None:
    it, leg = talking()
    it.gone(leg)
    told = it.wait(10)
    assert any(isinstance(fact, WrapUpEnded) for fact in told)
    assert isinstance(it.agent("ana").state, Idle)
    assert not it.rows.records
    it.gone("c1")
    (record,) = (made[-1] for made in it.rows.records.values())
    assert record.story.wrap_up_ended is not None
    assert record.story.outcome is Outcome.ANSWERED
    assert record.story.ended_by is Party.CALLER
    assert not it.world.calls


def test_the_agent_takes_the_next_call_while_the_caller_is_asked() -> None:
    it, leg = talking(wrap_up=0)
    it.contacts("ben")
    it.gone(leg)
    assert it.call("c1").story.wrap_up_ended == it.now
    it.busy("ana", False)
    it.arrive("c2")
    it.answer(it.legs("ana")[0])
    assert isinstance(it.agent("ana").state, OnCall)
    it.gone("c1")
    assert isinstance(it.agent("ana").state, OnCall)
    assert len(it.world.calls) == 1


def test_an_announcement_and_voicemail_are_ways_too() -> None:
    it, leg = talking(Announce(("sound:bye",), Voicemail("100")))
    it.gone(leg)
    assert isinstance(it.call("c1").phase, Announcing)
    it.heard("c1")
    assert isinstance(it.call("c1").phase, HandedOver)
    assert it.wished(HandOver)[0].to == Voicemail("100")
    it.do(LegLeft(NODE, LegId("c1")))
    it.gone("c1")
    (ended,) = it.told(CallEnded)
    assert (ended.outcome, ended.by) == (Outcome.ANSWERED, Party.CALLER), "not voicemail: they have talked"


def in_a_flow(first: Node) -> tuple[Stage, LegId]:
    """The queue leads to a flow, that begins with this node."""
    it = stage(replace(asks_after(ToFlow(FlowId("survey"))), flows=Flows("1", {FlowId("survey"): one(first)})))
    leg = it.talk("c1", "ana")
    it.wait(5)
    it.gone(leg)
    return it, leg


def one(first: Node) -> Flow:
    return Flow(FlowId("survey"), "first", {"first": first, "no": Goes(ToQueue(CARE)), "bye": Goes(HangUp())})


def test_a_flow_is_a_way_too_whatever_it_begins_with() -> None:
    it, _ = in_a_flow(Lookup("http://localhost/", (("a", "/a"),), Next("bye"), Next("bye")))
    assert isinstance(it.call("c1").phase, LookingUp)
    told = it.wait(8)
    assert [fact.outcome for fact in told if isinstance(fact, CallEnded)] == [Outcome.ANSWERED]


@pytest.mark.parametrize("first", [Goes(ToQueue(CARE)), Goes(Next("no")), Goes(ToNumber(NUMBER))])
def test_a_flow_leads_to_no_second_talk(first: Node) -> None:
    """`check` refuses such flows."""
    it, _ = in_a_flow(first)
    assert not it.told(FlowedOut)
    (ended,) = it.told(CallEnded)
    assert (ended.outcome, ended.by) == (Outcome.ANSWERED, Party.CALLCTL)


@pytest.mark.parametrize("to", [HangUp(), ToQueue(CARE), ToNumber(NUMBER)])
def test_no_way_is_no_way(to: Destination) -> None:
    """`check` refuses the last two."""
    it, leg = talking(to)
    it.gone(leg)
    assert it.wished(Hangup)
    assert it.told(CallEnded)[0].by is Party.AGENT
    assert it.rows.records[it.call("c1").id][-1].story.asked_after is None


def test_who_hung_up_first_is_not_asked() -> None:
    it, leg = talking()
    it.gone("c1")
    it.gone(leg)
    assert not it.told(AskedAfter)
    (record,) = (made[-1] for made in it.rows.records.values())
    assert (record.story.ended_by, record.story.asked_after) == (Party.CALLER, None)


def test_whose_channel_has_left_is_not_asked() -> None:
    it, leg = talking()
    it.do(LegLeft(NODE, LegId("c1")))
    it.gone(leg)
    assert not it.told(AskedAfter)
    assert it.told(CallEnded)[0].by is Party.AGENT


def test_an_agent_who_hangs_up_at_once_has_not_talked() -> None:
    it = stage(asks_after(TO_SURVEY), reachable=("ana",))
    leg = it.talk("c1", "ana")
    it.now += SECOND // 2
    it.gone(leg)
    assert isinstance(it.call("c1").phase, Queued)
    assert it.wished(Hold)
    assert not it.told(AskedAfter)


def test_the_longest_talk_ends_the_call() -> None:
    it, _ = talking(longest_talk=60 * SECOND)
    (ended,) = [fact for fact in it.wait(60) if isinstance(fact, CallEnded)]
    assert (ended.by, ended.asked) == (Party.CALLCTL, False)


def test_who_was_called_is_not_asked() -> None:
    made = calling()
    made = replace(made, queues={q: replace(it, after=TO_SURVEY) for q, it in made.queues.items()})
    floor = Calling(PUSH, config=made)
    (customer,) = floor.give(PUSH, 1)
    floor.answers(customer)
    assert isinstance(floor.it.agent(NAILED).state, OnCall)
    floor.it.wait(5)
    floor.it.gone(floor.line())
    assert not floor.it.told(AskedAfter)
    assert floor.it.told(CallEnded)[0].by is Party.AGENT


def test_a_disposition_may_be_chosen_while_the_caller_is_asked() -> None:
    it = stage(policy(("ana",)))
    it.arrive("c1", "442079460008")
    it.answer(it.legs("ana")[0])
    it.wait(5)
    talk = it.call("c1").phase
    assert isinstance(talk, Connected)
    it.gone(talk.agent_leg)
    assert isinstance(it.call("c1").phase, HandedOver)
    told = it.wait(11)
    assert [fact.by for fact in told if isinstance(fact, DispositionNoted)] == ["default"]


# ── who is drawn ─────────────────────────────────────────────────────────────────────────────


def test_a_share_is_drawn_as_the_talk_begins_and_kept() -> None:
    """Thirty per cent of three hundred: far from none and from all, and as many as were drawn are asked."""
    it = stage(replace_share(30_000), reachable=("ana",))
    drawn = asked = 0
    for n in range(300):
        leg = it.talk(f"c{n}", "ana")
        drawn += it.call(f"c{n}").story.to_ask
        it.wait(2)
        it.gone(leg)
        asked += len(it.told(AskedAfter))
        assert bool(it.told(AskedAfter)) is it.call(f"c{n}").story.to_ask
        it.gone(f"c{n}")
        it.wait(11)
        it.busy("ana", False)
    assert drawn == asked
    assert 60 <= asked <= 120


def replace_share(share: int) -> Policy:
    made = asks_after(TO_SURVEY)
    return replace(made, queues={**made.queues, SALES: replace(made.queues[SALES], after_share=share)})


def test_a_share_of_nobody_asks_nobody() -> None:
    it, leg = talking(share=0)
    it.gone(leg)
    assert it.told(CallEnded)


def test_another_share_decides_of_later_talks_alone() -> None:
    it, leg = talking()
    it.do(PolicyChanged(replace_share(0)))
    it.gone(leg)
    assert it.told(AskedAfter)
    it.gone("c1")
    it.wait(11)
    it.busy("ana", False)
    it.contacts("ben")
    leg = it.talk("c2", "ana")
    it.wait(5)
    it.gone(leg)
    assert not it.told(AskedAfter)


def test_a_way_that_is_gone_leads_nobody() -> None:
    it, leg = talking()
    it.do(PolicyChanged(policy()))
    it.gone(leg)
    assert it.told(CallEnded)[0].by is Party.AGENT


def test_a_queue_that_is_gone_leads_its_talks_where_it_said() -> None:
    it, leg = talking()
    made = policy()
    left = {name: queue for name, queue in made.queues.items() if name in (CARE, DESK, HELP)}
    entries = {number: to for number, to in made.entries.items() if to == TO_SURVEY}
    it.do(PolicyChanged(replace(made, queues=left, entries=entries, menus={}, agents={
        name: replace(agent, queues=()) for name, agent in made.agents.items()
    })))  # fmt: skip
    it.gone(leg)
    assert [fact.menu for fact in it.told(MenuEntered)] == [SURVEY]


# ── one call has one talk ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("to", [ToQueue(SALES), ToNumber(OutsideNumber(NUMBER.number, NUMBER.trunk, "x", "y"))])
def test_a_reload_under_the_caller_makes_no_second_talk(to: Destination) -> None:
    it, leg = talking()
    it.gone(leg)
    made = policy()
    survey = replace(made.menus[SURVEY], options={"1": to})
    it.do(PolicyChanged(replace(made, menus={**made.menus, SURVEY: survey})))
    it.press("c1", "1")
    assert not it.told(FlowedOut)
    (ended,) = it.told(CallEnded)
    assert (ended.outcome, ended.by, ended.queue, ended.agent) == (Outcome.ANSWERED, Party.CALLCTL, SALES, "ana")


# ── what nobody listened to ──────────────────────────────────────────────────────────────────


def test_an_agent_who_hung_up_while_nobody_listened_has_the_caller_asked() -> None:
    it, leg = talking()
    it.world.nodes[NODE].booted = "boot-1"
    it.link_up(snapshot=Snapshot((LegSeen(LegId("c1"), LegState.UP, True, leg),), (leg,)))
    kinds = [type(command) for command in it.commands]
    assert kinds.index(DropBridge) < kinds.index(Play), "prompts for who stands in a bridge would not be heard"
    assert it.wished(DropBridge)[0].out == "c1"
    assert it.told(AskedAfter)
    assert isinstance(it.call("c1").phase, InMenu)


@pytest.mark.parametrize("seen", [(), (LegSeen(LegId("c1"), LegState.UP, False),)])
def test_who_has_gone_as_well_is_not_asked(seen: tuple[LegSeen, ...]) -> None:
    it, _ = talking()
    it.link_up(snapshot=Snapshot(seen))
    assert not it.told(AskedAfter)
    assert not it.wished(Play)


def on_a_line() -> tuple[Stage, LegId]:
    """Ana, who is nailed up, has talked with c1 for 5 s. Her line."""
    made = asks_after(TO_SURVEY)
    ana = AgentId("ana")
    it = stage(replace(made, agents={ana: replace(made.agents[ana], nailed_up=True)}), reachable=("ana",))
    line = it.agent("ana").line
    assert line is not None
    (leg,) = line.legs
    it.answer(leg)
    it.arrive("c1")
    assert isinstance(it.call("c1").phase, Connected)
    it.wait(5)
    return it, leg


def test_an_agent_who_hangs_up_the_line_has_the_caller_asked() -> None:
    it, leg = on_a_line()
    phase = it.call("c1").phase
    assert isinstance(phase, Connected)
    it.gone(leg)
    assert it.wished(DropBridge) == [DropBridge(NODE, phase.bridge, LegId("c1"))]
    assert it.told(AskedAfter)
    assert isinstance(it.agent("ana").state, WrapUp)


def test_who_has_gone_as_well_is_not_asked_though_the_line_is_older_than_the_call() -> None:
    it, _ = on_a_line()
    it.link_up(snapshot=Snapshot(()))
    assert not it.told(AskedAfter)
    assert it.told(CallEnded)[0].by is Party.CALLER


def test_a_kill_while_the_caller_is_asked_brings_the_prompt_again() -> None:
    it, leg = talking()
    it.gone(leg)
    it.wait(2)
    it.link_up(snapshot=Snapshot((LegSeen(LegId("c1"), LegState.UP, True),)))
    assert it.wished(Play)[0].prompts == ("sound:survey",)
    assert isinstance(it.agent("ana").state, WrapUp)
    it.press("c1", "5")
    assert isinstance(it.call("c1").phase, Announcing)


def test_what_comes_twice_asks_once() -> None:
    it, leg = talking()
    it.gone(leg)
    it.gone(leg)
    assert not it.commands
    it.do(Synced(NODE, Snapshot((LegSeen(LegId("c1"), LegState.UP, True),))))
    assert not it.wished(Play)
    it.do(LegAnswered(NODE, leg))
    it.do(DigitPressed(NODE, leg, "1"))
    assert isinstance(it.call("c1").phase, InMenu)
