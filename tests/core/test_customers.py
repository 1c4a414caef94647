"""People on lists are called: the lines, the answer, the agent, the safe harbour, the message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.campaigns import Blend, Disposition
from callctl.core.commands import Bridge, Dial, HandOver, Hangup, Hold, Play
from callctl.core.events import (
    CampaignAsked,
    CampaignWish,
    DatabaseState,
    DispositionChosen,
    Heard,
    LegAnswered,
    LegLeft,
    LegUp,
    MessageLeft,
    PlaybackEnded,
    Wish,
)
from callctl.core.facts import (
    AttemptEnded,
    CallConnected,
    CallQueued,
    HarbourReached,
    LineChanged,
    OptedOut,
    Paced,
    TrunkHeld,
)
from callctl.core.ids import AgentId, DispositionId, PlaybackId, seconds
from callctl.core.law import AttemptOutcome
from callctl.core.ledger import Entry, Listed, TriedAgain
from callctl.core.model import Connected, Detecting, Dialled, HandedOver, Idle, InMenu, OnCall, Paused, WrapUp
from callctl.core.outbound import EVERYWHERE
from callctl.core.policy import Drop
from callctl.sim.lists import BLAST, HARBOUR, NAILED, OUTBOUND, PREDICT, PUSH, calling
from callctl.sim.office import NODE, OUT, SALES
from tests.core.calling import Calling

pytestmark = pytest.mark.core


def test_a_customer_and_an_agent_who_is_nailed_up_talk_at_once() -> None:
    case = Calling(PUSH)
    first, second = case.give(PUSH, 1, 2)
    case.answers(first, Heard.HUMAN)
    call = case.call(first)
    assert isinstance(call.phase, Connected)
    (bridge,) = case.it.wished(Bridge)
    assert (bridge.caller, bridge.agent) == (first, case.line())
    assert str(bridge.bridge) not in (first, case.line()), "an open line has a bridge of its own with each customer"
    assert [it.prompts for it in case.it.wished(Play)] == [("sound:ascending-2tone",)]
    (said,) = case.it.told(CallConnected)
    assert said.campaign == PUSH
    assert isinstance(case.it.agent(NAILED).state, OnCall)
    assert isinstance(case.call(second).phase, Dialled)


def test_the_line_stays_when_the_talk_is_over() -> None:
    case = Calling(PUSH)
    (first, _) = case.give(PUSH, 1, 2)
    case.answers(first, Heard.HUMAN)
    line = case.line()
    case.it.wait(3)
    case.it.gone(first)
    assert [it.leg for it in case.it.wished(Hangup)] == []
    assert isinstance(case.it.agent(NAILED).state, WrapUp)
    assert case.line() == line
    (ended,) = case.it.told(AttemptEnded)
    assert ended.outcome is AttemptOutcome.ANSWERED


def test_nobody_is_dialled_without_an_agent_on_the_line() -> None:
    case = Calling(PUSH, on_line=False)
    case.it.ask("ana", Wish.LOGOUT)
    assert case.give(PUSH, 1, 2) == []
    case.open_line()
    assert len(case.it.wished(Dial)) == 2, "two lines for each free agent"


def test_the_safe_harbour_comes_within_the_grace() -> None:
    case = Calling(PUSH)
    case.it.ask("ana", Wish.LOGOUT)
    first, second = case.give(PUSH, 1, 2)
    case.answers(first, Heard.HUMAN)
    case.it.now += seconds(1)
    case.answers(second, Heard.HUMAN)  # a second of which detection took
    assert not case.it.wished(Hold), "no music: it is a second or two"
    told = case.it.wait(1.0)
    assert [type(it) for it in told if isinstance(it, HarbourReached)] == [HarbourReached]
    phase = case.call(second).phase
    assert isinstance(phase, InMenu)
    assert phase.menu == HARBOUR
    case.it.press(second, "9")
    assert case.it.told(OptedOut)[0].number == case.call(second).caller
    listed = case.it.world.outbound.do_not_call[EVERYWHERE]
    assert listed.holds_number(int(case.call(second).caller.digits))  # type: ignore[union-attr]
    assert case.it.last is not None
    assert any(isinstance(entry, Listed) for entry in case.it.last.touched.ledger)
    case.it.heard(second)
    (ended,) = case.it.told(AttemptEnded)
    assert ended.outcome is AttemptOutcome.ABANDONED


def test_who_hangs_up_within_the_grace_was_not_abandoned() -> None:
    case = Calling(PUSH)
    case.it.ask("ana", Wish.LOGOUT)
    first, second = case.give(PUSH, 1, 2)
    case.answers(first, Heard.HUMAN)
    case.answers(second, Heard.HUMAN)
    case.it.gone(second)
    (ended,) = case.it.told(AttemptEnded)
    assert ended.outcome is AttemptOutcome.HUNG_UP
    budget = case.it.world.outbound.campaigns[PUSH].budget
    assert (budget.connected, budget.abandoned) == (1, 0)


def test_the_greeting_s_end_begins_the_grace() -> None:
    case = Calling(PUSH)
    case.it.ask("ana", Wish.LOGOUT)
    first, second = case.give(PUSH, 1, 2)
    case.answers(first, Heard.HUMAN)
    case.it.ring(second)
    case.it.do(LegAnswered(NODE, second, Heard.HUMAN, seconds(0.8)))
    told = case.it.wait(1.1)
    assert not [it for it in told if isinstance(it, HarbourReached)]
    assert [it for it in case.it.wait(0.2) if isinstance(it, HarbourReached)]


def test_an_answering_machine_gets_the_message() -> None:
    case = Calling(PUSH)
    (first, *_) = case.give(PUSH, 1, 2)
    case.answers(first, Heard.MACHINE)
    (command,) = case.it.wished(HandOver)
    assert command.to == Drop(("sound:message",))
    assert isinstance(case.call(first).phase, HandedOver)
    case.it.do(LegLeft(NODE, first))
    case.it.do(MessageLeft(NODE, first))
    (ended,) = case.it.told(AttemptEnded)
    assert ended.outcome is AttemptOutcome.MACHINE
    assert case.call(first).story.message_left is not None
    assert [it.leg for it in case.it.wished(Hangup)] == [first]


@pytest.mark.parametrize(
    ("cause", "sip", "outcome"),
    [
        (17, 486, AttemptOutcome.BUSY),
        (19, 480, AttemptOutcome.NO_ANSWER),
        (21, 603, AttemptOutcome.REFUSED),
        (1, 404, AttemptOutcome.INVALID),
        (34, 503, AttemptOutcome.FAILED),
        (0, 0, AttemptOutcome.UNKNOWN),
    ],
)
def test_how_a_call_that_nobody_answered_ended(cause: int, sip: int, outcome: AttemptOutcome) -> None:
    case = Calling(PUSH)
    (first, *_) = case.give(PUSH, 1, 2)
    case.it.gone(first, cause, sip)
    (ended,) = case.it.told(AttemptEnded)
    assert ended.outcome is outcome


def test_it_rings_as_long_as_the_law_asks_from_the_first_sign_on() -> None:
    case = Calling(PUSH)
    (first, *_) = case.give(PUSH, 1, 2)
    case.it.wait(10)
    case.it.ring(first)
    case.it.wait(14.9)
    assert isinstance(case.call(first).phase, Dialled)
    told = case.it.wait(0.2)
    assert AttemptOutcome.NO_ANSWER in {it.outcome for it in told if isinstance(it, AttemptEnded)}


def test_a_trunk_that_fails_is_left_alone_for_longer_each_time() -> None:
    case = Calling(PUSH)
    first, second = case.give(PUSH, 1, 2, 3, 4, 5)[:2]
    case.it.gone(first, 34, 503)
    (held,) = case.it.told(TrunkHeld)
    assert held.until == case.it.now + seconds(5)
    assert not case.it.wished(Dial)
    case.it.gone(second, 34, 503)
    assert not case.it.told(TrunkHeld), "it was on its way already"
    assert case.it.world.outbound.paces[PUSH].dial == 0
    case.it.now += seconds(5.6)
    case.it.wait(0)
    assert case.it.world.outbound.loads[OUT].failures == 1


def test_callers_come_before_those_who_are_called() -> None:
    known = calling(("ana",))
    known = replace(
        known,
        agents={AgentId("ana"): replace(known.agents[AgentId("ana")], nailed_up=True, queues=(SALES, OUTBOUND))},
        campaigns={
            **known.campaigns,
            PUSH: replace(known.campaigns[PUSH], blend=Blend(resume_after=seconds(10)), detection=None),
        },
    )
    case = Calling(PUSH, config=known, on_line=False)
    case.open_line("ana")
    case.it.arrive("c1")
    case.it.arrive("c2")
    assert case.give(PUSH, 1, 2) == []
    assert "callers wait" in case.it.world.outbound.paces[PUSH].why
    case.it.gone("c2")
    case.it.wait(2)
    case.it.gone("c1")
    dialled = [it for it in case.it.wait(7) if isinstance(it, Paced)]
    assert not dialled
    assert [it for it in case.it.wait(30) if isinstance(it, Paced)]


def test_nothing_is_dialled_while_the_database_is_away() -> None:
    case = Calling(PUSH)
    case.it.do(DatabaseState(False, "no answer"))
    assert case.give(PUSH, 1, 2) == []
    case.it.do(DatabaseState(True))
    assert len(case.it.wished(Dial)) == 2


def test_a_broadcast_plays_its_message() -> None:
    case = Calling(BLAST)
    first, second = case.give(BLAST, 1, 2, 3)
    case.answers(first)
    phase = case.call(first).phase
    assert isinstance(phase, InMenu)
    case.it.press(first, "1")
    assert case.it.told(CallQueued)
    case.answers(second)
    case.it.heard(second)
    told = case.it.wait(4)
    assert [it.outcome for it in told if isinstance(it, AttemptEnded)] == [AttemptOutcome.ANSWERED]


def test_predictive_begins_progressively() -> None:
    case = Calling(PREDICT)
    case.it.ask("ana", Wish.LOGOUT)
    assert len(case.give(PREDICT, *range(1, 30))) == 1
    assert "1 free" in case.it.told(Paced)[0].why


def test_who_hangs_up_the_line_is_paused() -> None:
    case = Calling(PUSH)
    line = case.line()
    case.it.gone(line)
    assert case.it.agent(NAILED).status == Paused("line_closed")
    assert [it.how for it in case.it.told(LineChanged)] == ["closed"]
    case.it.ask(NAILED, Wish.UNPAUSE)
    assert [it.how for it in case.it.told(LineChanged)] == ["rings"]


def test_a_line_ends_with_logging_out_and_not_in_a_talk() -> None:
    case = Calling(PUSH)
    case.it.ask("ana", Wish.LOGOUT)
    (first, *_) = case.give(PUSH, 1, 2)
    case.answers(first, Heard.HUMAN)
    line = case.line()
    case.it.ask(NAILED, Wish.LOGOUT)
    assert not case.it.wished(Hangup)
    case.it.wait(1)
    case.it.gone(first)
    assert line in [it.leg for it in case.it.wished(Hangup)]


def test_detection_is_in_the_dialplan_s_hands() -> None:
    case = Calling(PUSH)
    (first, *_) = case.give(PUSH, 1, 2)
    case.it.ring(first)
    case.it.do(LegUp(NODE, first))
    assert isinstance(case.call(first).phase, Detecting)
    case.it.gone(first)
    (ended,) = case.it.told(AttemptEnded)
    assert ended.outcome is AttemptOutcome.HUNG_UP


def test_a_stopped_campaign_dials_no_more_and_talks_go_on() -> None:
    case = Calling(PUSH)
    first, second = case.give(PUSH, 1, 2, 3)[:2]
    case.answers(first, Heard.HUMAN)
    case.it.do(CampaignAsked(PUSH, CampaignWish.STOP, "test"))
    case.it.gone(second, 17, 486)
    assert not case.it.wished(Dial)
    assert isinstance(case.call(first).phase, Connected)
    case.it.gone(first)
    assert isinstance(case.it.agent(NAILED).state, WrapUp | Idle)


def test_who_was_reached_is_called_again_where_the_disposition_says_so() -> None:
    known = calling()
    later = Disposition(DispositionId("later"), "Not at home", "", retry=seconds(7200))
    case = Calling(PUSH, config=replace(known, dispositions={**known.dispositions, later.id: later}))
    (first, _) = case.give(PUSH, 1, 2)
    case.answers(first, Heard.HUMAN)
    case.it.wait(2)
    case.it.do(DispositionChosen(AgentId(NAILED), later.id))
    case.it.gone(first)
    entries: list[Entry] = []
    case.it.watch = lambda event, done: entries.extend(done.touched.ledger)
    case.it.wait(5.1)
    (again,) = [entry for entry in entries if isinstance(entry, TriedAgain)]
    assert (again.contact, again.next_number) == (1, 0)
    assert again.due == case.it.now - seconds(0.1) + seconds(7200)


def test_a_playback_that_ended_on_a_line_is_no_event_of_a_call() -> None:
    case = Calling(PUSH)
    case.it.do(PlaybackEnded(NODE, case.line(), PlaybackId("old")))
