"""An agent sees a contact before it is called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.campaigns import Over, Preview
from callctl.core.commands import Bridge, Dial, Hangup, Play, RingPhone, StopPlay
from callctl.core.contacts import Callback
from callctl.core.events import CampaignAsked, CampaignWish, Heard, LegAnswered, PreviewAsked, PreviewWish, Wish
from callctl.core.facts import AttemptEnded, PreviewBegan, PreviewEnded, PreviewRefused
from callctl.core.ids import AgentId, seconds
from callctl.core.ledger import Planned, Standing
from callctl.core.model import Connected, Dialling, Idle, OnCall, Paused, Previewing, WrapUp
from callctl.sim.lists import ASK, LOOK, NAILED, calling, person
from callctl.sim.office import NODE
from tests.core.calling import Calling

pytestmark = pytest.mark.core

ANA = AgentId("ana")


def say(case: Calling, wish: PreviewWish, agent: AgentId = ANA) -> None:
    case.it.do(PreviewAsked(agent, wish, "test"))


def looking() -> Calling:
    """Ana looks at a contact; the other agent is away."""
    case = Calling(LOOK)
    case.it.ask(NAILED, Wish.LOGOUT)
    case.give(LOOK, 1, 2)
    return case


def test_a_free_agent_gets_a_contact_to_look_at() -> None:
    case = looking()
    (began,) = case.it.told(PreviewBegan)
    assert (began.agent, began.contact) == ("ana", 1)
    state = case.it.agent("ana").state
    assert isinstance(state, Previewing)
    assert state.until == case.it.now + seconds(10)
    assert not case.it.wished(Dial)


def test_who_wants_to_dial_is_rung_first_and_hears_the_ringing_tone() -> None:
    case = looking()
    say(case, PreviewWish.DIAL)
    (ring,) = case.it.wished(RingPhone)
    assert not case.it.wished(Dial)
    case.it.answer(ring.leg)
    (dial,) = case.it.wished(Dial)
    assert [it.prompts for it in case.it.wished(Play)] == [("tone:ring",)]
    assert isinstance(case.it.agent("ana").state, Dialling)
    case.it.ring(dial.leg)
    case.it.do(LegAnswered(NODE, dial.leg))
    assert case.it.wished(StopPlay)
    (bridge,) = case.it.wished(Bridge)
    assert (bridge.caller, bridge.agent) == (dial.leg, ring.leg)
    assert isinstance(case.call(dial.leg).phase, Connected)
    assert case.it.agent("ana").state == OnCall(case.call(dial.leg).id, ring.leg)
    case.it.wait(3)
    case.it.gone(dial.leg)
    assert isinstance(case.it.agent("ana").state, WrapUp)
    assert ring.leg in [it.leg for it in case.it.wished(Hangup)], "who is not nailed up has the line for one call"


def test_the_time_for_looking_ends_with_the_call() -> None:
    case = looking()
    case.it.wait(10.1)
    assert any(leg.role == "line" for leg in case.it.world.legs.values())


def test_nobody_answers_and_the_next_contact_comes() -> None:
    case = looking()
    say(case, PreviewWish.DIAL)
    case.it.answer(case.rings()[0].leg)
    (dial,) = case.it.wished(Dial)
    case.it.gone(dial.leg, 17, 486)
    assert case.it.told(AttemptEnded)
    state = case.it.agent("ana").state
    assert isinstance(state, Previewing | Idle)
    case.it.wait(2)
    state = case.it.agent("ana").state
    assert isinstance(state, Previewing)
    assert state.contact == 2


def test_a_contact_may_be_skipped() -> None:
    case = looking()
    say(case, PreviewWish.SKIP)
    assert [it.how for it in case.it.told(PreviewEnded)] == ["skipped"]
    assert case.it.last is not None
    (plan,) = [it for it in case.it.last.touched.ledger if isinstance(it, Planned)]
    assert plan.standing is Standing.LATER
    assert [it.contact for it in case.it.told(PreviewBegan)] == [2]


def test_who_leaves_looks_at_nobody() -> None:
    case = looking()
    case.it.ask("ana", Wish.PAUSE)
    assert [it.how for it in case.it.told(PreviewEnded)] == ["gone"]
    assert isinstance(case.it.agent("ana").state, Idle)


def test_a_stopped_campaign_shows_nobody() -> None:
    case = looking()
    case.it.do(CampaignAsked(LOOK, CampaignWish.STOP, "test"))
    assert isinstance(case.it.agent("ana").state, Idle)
    say(case, PreviewWish.DIAL)
    assert case.it.told(PreviewRefused)


def test_by_hand_a_contact_is_asked_for_and_may_not_be_skipped() -> None:
    case = Calling(ASK)
    case.it.ask(NAILED, Wish.LOGOUT)
    say(case, PreviewWish.NEXT)
    assert "nobody is ready" in case.it.told(PreviewRefused)[0].why
    case.give(ASK, 1)
    assert isinstance(case.it.agent("ana").state, Idle)
    say(case, PreviewWish.NEXT)
    assert isinstance(case.it.agent("ana").state, Previewing)
    say(case, PreviewWish.SKIP)
    assert "may not be skipped" in case.it.told(PreviewRefused)[0].why


@pytest.mark.parametrize(("over", "status"), [(Over.SKIP, None), (Over.PAUSE, Paused("preview"))])
def test_what_happens_when_the_time_for_looking_is_over(over: Over, status: Paused | None) -> None:
    known = calling()
    campaigns = {**known.campaigns, LOOK: replace(known.campaigns[LOOK], preview=Preview(seconds(5), over))}
    case = Calling(LOOK, config=replace(known, campaigns=campaigns))
    case.it.ask(NAILED, Wish.LOGOUT)
    case.give(LOOK, 1)
    ended = [it for it in case.it.wait(5.1) if isinstance(it, PreviewEnded)]
    assert [it.how for it in ended] == ["skipped"]
    if status is not None:
        assert case.it.agent("ana").status == status


def test_a_promised_callback_comes_to_who_has_promised_it() -> None:
    case = Calling(LOOK)
    now = case.it.now
    back = Callback(now, person(1, LOOK).numbers[0].address, AgentId(NAILED), now + seconds(3600))
    case.come(LOOK, person(1, LOOK, claimed=now, callback=back), person(2, LOOK, claimed=now))
    given = {it.agent: it.contact for it in case.it.told(PreviewBegan)}
    assert given == {"ana": 2, NAILED: 1}


def test_an_agent_on_the_line_dials_at_once() -> None:
    case = Calling(LOOK)
    case.it.ask("ana", Wish.LOGOUT)
    case.give(LOOK, 1)
    say(case, PreviewWish.DIAL, AgentId(NAILED))
    (dial,) = case.it.wished(Dial)
    case.answers(dial.leg, Heard.NOTHING)
    assert isinstance(case.call(dial.leg).phase, Connected)


def test_who_hangs_up_while_it_is_dialled_ends_the_call() -> None:
    case = Calling(LOOK)
    case.it.ask("ana", Wish.LOGOUT)
    case.give(LOOK, 1)
    say(case, PreviewWish.DIAL, AgentId(NAILED))
    (dial,) = case.it.wished(Dial)
    case.it.gone(case.line())
    assert dial.leg in [it.leg for it in case.it.wished(Hangup)]
    assert case.it.told(AttemptEnded)
