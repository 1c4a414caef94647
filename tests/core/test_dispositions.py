"""What agents say of calls: when it is in force, what is refused, and that wrap-up waits for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.addresses import E164
from callctl.core.campaigns import DispositionPolicy
from callctl.core.contacts import Contact, Happened, Number
from callctl.core.engine import Step
from callctl.core.events import (
    CallArrived,
    CampaignAsked,
    CampaignWish,
    ContactsClaimed,
    DispositionChosen,
    PolicyChanged,
    Wish,
)
from callctl.core.facts import (
    CallbackAgreed,
    CampaignChanged,
    CampaignRefused,
    DispositionAwaited,
    DispositionNoted,
    DispositionRefused,
    StatusRefused,
)
from callctl.core.ids import AgentId, CampaignId, ContactId, DispositionId, LegId, PhoneId, seconds
from callctl.core.ledger import Barred, Entry, Listed, Planned, Promised, Remembered, Standing
from callctl.core.model import Idle, OnCall, Said, WrapUp
from callctl.sim.office import CALL_BACK, NEVER_AGAIN, NODE, NOT_THEIRS, SALES, SOLD, SPRING, policy
from tests.core.situations import owes_a_disposition, wraps_up
from tests.core.world import ZOE, Stage, stage

pytestmark = pytest.mark.core

ANA = AgentId("ana")


def say(it: Stage, disposition: DispositionId, **more: object) -> Step:
    return it.do(DispositionChosen(ANA, disposition, **more))  # type: ignore[arg-type]


def ledger(it: Stage) -> tuple[Entry, ...]:
    assert it.last is not None
    return it.last.touched.ledger


def refused(done: Step) -> str:
    return next((fact.why for fact in done.facts if isinstance(fact, DispositionRefused)), "")


def test_what_is_said_in_wrap_up_is_in_the_record_at_its_end() -> None:
    it = wraps_up()
    say(it, SOLD, amount=9950, note="two of them")
    assert not ledger(it)
    it.wait(10)
    assert isinstance(it.agent("ana").state, Idle)
    (record,) = it.last.touched.records if it.last else ()
    assert record.story.said == Said(SOLD, "agent", 9950, "two of them")


def test_the_last_word_counts() -> None:
    it = wraps_up()
    say(it, NOT_THEIRS)
    say(it, SOLD)
    it.wait(10)
    assert not any(isinstance(entry, Barred) for entry in ledger(it))


def test_it_may_be_said_during_the_call() -> None:
    it = stage()
    leg = it.talk("c1", "ana")
    assert isinstance(it.agent("ana").state, OnCall)
    say(it, SOLD)
    it.wait(5)
    it.gone(leg)
    it.wait(10)
    assert it.last is not None
    assert it.last.touched.records[0].story.said == Said(SOLD, "agent")


def test_who_does_not_want_to_be_called_is_not_called_from_that_moment_on() -> None:
    it = wraps_up()
    say(it, NEVER_AGAIN)
    assert [(e.digits, e.scope) for e in ledger(it) if isinstance(e, Listed)] == [(ZOE, "")]
    assert it.world.outbound.unread[""].holds(ZOE)
    it.wait(10)
    (refusal,) = [e.past for e in ledger(it) if isinstance(e, Remembered) and e.past.what is Happened.REFUSAL]
    assert refusal.number == ZOE


def test_a_number_that_is_anothers_is_barred_for_who_is_claimed_too() -> None:
    it = wraps_up()
    it.do(CampaignAsked(SPRING, CampaignWish.START, "me"))
    contact = Contact(ContactId(1), SPRING, (Number(E164(ZOE)), Number(E164("442079460001"))))
    it.do(ContactsClaimed(SPRING, (contact,), {}))
    say(it, NOT_THEIRS)
    it.wait(10)
    assert any(isinstance(entry, Barred) for entry in ledger(it))
    assert [bool(n.barred) for n in it.world.outbound.contacts[ContactId(1)].numbers] == [True, False]


def test_a_time_to_call_back() -> None:
    it = wraps_up()
    at = it.now + seconds(3600)
    say(it, CALL_BACK, callback_at=at, mine=True, note="ask for Zoe")
    it.wait(10)
    (promised,) = [entry for entry in ledger(it) if isinstance(entry, Promised)]
    assert promised.campaign == SPRING
    assert (promised.callback.at, promised.callback.agent, promised.callback.note) == (at, ANA, "ask for Zoe")
    assert promised.callback.theirs_until == at + it.world.policy.campaigns[SPRING].callback_window
    assert it.last is not None
    assert any(isinstance(fact, CallbackAgreed) and fact.personal for fact in it.last.facts)


@pytest.mark.parametrize(
    ("disposition", "more", "why"),
    [
        ("none", {}, "there is no disposition none"),
        (NEVER_AGAIN, {"amount": 5}, "takes no amount"),
        (SOLD, {"callback_at": 2 * 10**15}, "takes no time"),
        (CALL_BACK, {}, "wants a time"),
        (CALL_BACK, {"callback_at": 1}, "is over, or more than a year ahead"),
        (CALL_BACK, {"callback_at": 9 * 10**18}, "is over, or more than a year ahead"),
    ],
)
def test_what_cannot_be_said(disposition: DispositionId, more: dict[str, int], why: str) -> None:
    it = wraps_up()
    assert why in refused(say(it, DispositionId(disposition), **more))
    it.wait(10)
    assert not ledger(it)


def test_only_of_a_call_and_only_what_the_queue_has() -> None:
    assert "no call" in refused(say(stage(), SOLD))
    known = policy()
    sales = replace(known.queues[SALES], dispositions=DispositionPolicy(of=(SOLD,)))
    it = stage(replace(known, queues={**known.queues, SALES: sales}))
    it.talk("c1", "ana")
    assert "is not among those of sales: sold" in refused(say(it, NEVER_AGAIN))
    assert not refused(say(it, SOLD))


def test_a_default_is_noted_when_nobody_says_anything() -> None:
    known = policy()
    sales = replace(known.queues[SALES], dispositions=DispositionPolicy(default=NOT_THEIRS))
    it = stage(replace(known, queues={**known.queues, SALES: sales}))
    leg = it.talk("c1", "ana")
    it.wait(5)
    it.gone(leg)
    it.wait(10)
    assert it.last is not None
    assert any(isinstance(f, DispositionNoted) and f.by == "default" for f in it.last.facts)
    assert any(isinstance(entry, Barred) for entry in ledger(it))


def test_wrap_up_goes_on_until_it_is_said_where_it_must_be() -> None:
    it = owes_a_disposition()
    for _ in range(3):
        it.wait(10)
        assert it.last is not None
        assert any(isinstance(fact, DispositionAwaited) for fact in it.last.facts)
        assert isinstance(it.agent("ana").state, WrapUp)
    done = it.ask("ana", Wish.UNPAUSE)
    assert [f.why for f in done.facts if isinstance(f, StatusRefused)] == ["say first what the call came to"]
    say(it, SOLD)
    assert isinstance(it.agent("ana").state, Idle), "that was all that wrap-up went on for"


@pytest.mark.parametrize(("code", "good"), [("*61", True), ("*62", True)])
def test_it_is_said_by_a_code_on_the_phone(code: str, good: bool) -> None:
    it = wraps_up()
    it.do(CallArrived(NODE, LegId("f1"), E164("1"), code, E164(ZOE), "", None, PhoneId("ana"), None, code))
    call = next(call for call in it.world.calls.values() if call.story.queue == SALES)
    assert (call.story.said is not None) is good


def test_a_campaign_that_the_configuration_no_longer_has_is_stopped() -> None:
    it = stage()
    it.do(CampaignAsked(SPRING, CampaignWish.START, "me"))
    it.do(ContactsClaimed(SPRING, (Contact(ContactId(1), SPRING, (Number(E164(ZOE)),)),), {}))
    done = it.do(PolicyChanged(replace(policy(), campaigns={})))
    assert [f.phase for f in done.facts if isinstance(f, CampaignChanged)] == ["stopped"]
    assert [e.contact for e in done.touched.ledger if isinstance(e, Planned)] == [1]
    it.do(PolicyChanged(policy()))
    assert it.world.outbound.campaigns[SPRING].phase == "stopped", "nobody is called before somebody says so"


def test_campaigns_are_started_paused_and_stopped() -> None:
    it = stage()
    done = it.do(CampaignAsked(SPRING, CampaignWish.PAUSE, "me"))
    assert any(isinstance(fact, CampaignRefused) for fact in done.facts)
    for wish, phase in (
        (CampaignWish.START, "running"),
        (CampaignWish.PAUSE, "paused"),
        (CampaignWish.START, "running"),
    ):
        done = it.do(CampaignAsked(SPRING, wish, "me"))
        assert [f.phase for f in done.facts if isinstance(f, CampaignChanged)] == [phase]
        assert [c.id for c in done.touched.campaigns] == [SPRING]
    began = it.world.outbound.campaigns[SPRING].began
    assert not it.do(CampaignAsked(SPRING, CampaignWish.START, "me")).facts, "what is so already is no news"
    it.do(ContactsClaimed(SPRING, (Contact(ContactId(1), SPRING, (Number(E164(ZOE)),)),), {}))
    done = it.do(CampaignAsked(SPRING, CampaignWish.STOP, "me"))
    assert [(e.contact, e.standing) for e in done.touched.ledger if isinstance(e, Planned)] == [(1, Standing.OPEN)]
    assert not it.world.outbound.contacts
    it.now += seconds(1)
    it.do(CampaignAsked(SPRING, CampaignWish.START, "me"))
    assert it.world.outbound.campaigns[SPRING].began == began, "the law's windows count from the first start"
    done = it.do(CampaignAsked(CampaignId("none"), CampaignWish.START, "me"))
    assert any(isinstance(fact, CampaignRefused) for fact in done.facts)
