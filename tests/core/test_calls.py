"""The call machine by example: entry, queue, talk, end, record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.addresses import E164, Withheld
from callctl.core.arrivals import PAUSE_FIRST
from callctl.core.commands import Answer, Beat, Bridge, DropBridge, Hangup, Hold, Lease, Play, Unhold, Watch
from callctl.core.events import BridgeFailed, CallArrived, LegLeft, Wish
from callctl.core.facts import (
    CallConnected,
    CallEnded,
    CallEntered,
    CallQueued,
    CallRequeued,
    FlowedOut,
    GhostAnswered,
    StrayEvent,
)
from callctl.core.ids import SECOND, LegId
from callctl.core.model import (
    AgentStatus,
    Available,
    Connected,
    Idle,
    LoggedOut,
    Offered,
    Outcome,
    Party,
    Paused,
    Place,
    Queued,
)
from callctl.core.offers import MOST_RINGS
from callctl.core.policy import Announce, HangUp, HangupReason, ToQueue
from callctl.sim.office import CARE, NODE, SALES, TO_MENU, TO_QUEUE, TO_QUEUE_FIRST, policy
from tests.core.situations import impatient
from tests.core.world import stage

pytestmark = pytest.mark.core


def test_a_caller_is_watched_leased_answered_and_held_with_music() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    assert it.commands == (
        Watch(NODE, LegId("c1")),
        Lease(NODE, LegId("c1"), 90 * SECOND),
        Answer(NODE, LegId("c1")),
        Hold(NODE, LegId("c1"), SALES, "default"),
    )
    (entered,), (queued,) = it.told(CallEntered), it.told(CallQueued)
    assert (entered.to, queued.position) == (ToQueue(SALES), 1)


def test_an_unknown_number_is_never_answered() -> None:
    it = stage()
    it.arrive("c1", "19995550100")
    assert not it.wished(Answer)
    assert it.wished(Hangup) == [Hangup(NODE, LegId("c1"), HangupReason.UNALLOCATED)]
    assert it.told(CallEnded)[0].outcome is Outcome.UNKNOWN_NUMBER
    it.gone("c1")
    assert not it.world.calls


def test_an_unknown_number_may_lead_to_a_queue_where_it_is_a_call_as_any() -> None:
    it = stage(policy(unknown_number=ToQueue(SALES)))
    it.arrive("c1", "19995550100")
    leg = it.legs("ana")[0]
    it.answer(leg)
    it.gone("c1")
    assert it.told(CallEnded)[0].outcome is Outcome.ANSWERED


def test_a_withheld_number_enters_and_is_not_shown_to_the_agent() -> None:
    it = stage()
    it.do(CallArrived(NODE, LegId("c1"), E164(TO_QUEUE), TO_QUEUE, Withheld(), "Secret"))
    ring = next(command for command in it.commands if type(command).__name__ == "RingPhone")
    assert (getattr(ring, "caller_number", None), getattr(ring, "caller_name", None)) == ("", "")


def test_the_lease_is_renewed_every_thirty_seconds_while_waiting() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    leases: list[tuple[int, int]] = []
    it.watch = lambda event, done: leases.extend((it.now, c.length) for c in done.commands if isinstance(c, Lease))
    start = it.now
    it.wait(100)
    assert leases == [(start + n * 30 * SECOND, 90 * SECOND) for n in (1, 2, 3)]


def test_the_lease_is_renewed_in_a_menu_and_while_a_phone_rings() -> None:
    it = stage(reachable=("ana",))
    it.arrive("c1", TO_MENU)
    it.wait(20)
    it.press("c1", "1")
    leases: list[str] = []
    it.watch = lambda event, done: leases.extend(c.leg for c in done.commands if isinstance(c, Lease))
    it.wait(15)
    assert leases == ["c1"]


def test_an_answer_joins_the_two_with_a_lease_longer_than_the_longest_talk() -> None:
    it = stage()
    it.arrive("c1")
    it.wait(3)
    leg = it.legs("ana")[0]
    it.answer(leg)
    call = it.call("c1")
    longest = it.world.policy.queues[SALES].longest_talk
    assert it.wished(Bridge) == [Bridge(NODE, call.id, LegId("c1"), leg)]
    assert {lease.leg for lease in it.wished(Lease)} == {"c1", leg}
    assert all(lease.length > longest for lease in it.wished(Lease))
    assert it.told(CallConnected)[0].waited == 3 * SECOND
    assert isinstance(call.phase, Connected)


def test_the_longest_talk_ends_the_call() -> None:
    it = stage()
    it.arrive("c1", "442079460007")
    leg = it.legs("ana")[0]
    it.answer(leg)
    ended = [fact for fact in it.wait(599.9) if isinstance(fact, CallEnded)]
    assert not ended
    ended = [fact for fact in it.wait(0.2) if isinstance(fact, CallEnded)]
    assert [(fact.by, fact.outcome, fact.talked) for fact in ended] == [(Party.CALLCTL, Outcome.ANSWERED, 600 * SECOND)]


@pytest.mark.parametrize(("who", "by"), [("caller", Party.CALLER), ("agent", Party.AGENT)])
def test_either_ends_the_talk_and_the_other_is_hung_up(who: str, by: Party) -> None:
    it = stage()
    leg = it.talk("c1", "ana")
    it.now += 7 * SECOND
    it.gone("c1" if who == "caller" else leg, 16)
    other = leg if who == "caller" else LegId("c1")
    assert it.wished(Hangup) == [Hangup(NODE, other, HangupReason.NORMAL)]
    assert it.wished(DropBridge)
    (ended,) = it.told(CallEnded)
    assert (ended.by, ended.outcome, ended.talked, ended.cause) == (by, Outcome.ANSWERED, 7 * SECOND, 16)
    it.gone(other)
    it.wait(30)
    records = it.rows.records[ended.call]
    assert [r.story.wrap_up_ended is None for r in records] == [True, False]
    assert not it.world.calls


def test_a_call_without_wrap_up_has_one_record() -> None:
    it = stage()
    it.arrive("c1", "442079460007")
    leg = it.legs("ana")[0]
    it.answer(leg)
    it.gone("c1")
    it.gone(leg)
    (record,) = next(iter(it.rows.records.values()))
    assert record.story.wrap_up_ended == record.story.ended
    assert not it.world.calls


@pytest.mark.parametrize(
    ("number", "outcome"), [(TO_MENU, Outcome.LEFT_IN_MENU), ("442079460003", Outcome.LEFT_IN_MENU)]
)
def test_who_hangs_up_before_a_queue_left_in_the_menu(number: str, outcome: Outcome) -> None:
    it = stage()
    it.arrive("c1", number)
    it.gone("c1")
    assert it.told(CallEnded)[0].outcome is outcome
    assert not it.world.calls


def test_who_hangs_up_while_waiting_has_abandoned() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    it.wait(12)
    it.gone("c1")
    (ended,) = it.told(CallEnded)
    assert (ended.outcome, ended.waited, ended.by) == (Outcome.ABANDONED, 12 * SECOND, Party.CALLER)


def test_an_announcement_is_played_and_the_call_is_complete() -> None:
    it = stage()
    it.arrive("c1", "442079460003")
    assert it.wished(Play)[0].prompts == ("sound:closed",)
    it.heard("c1")
    assert it.told(CallEnded)[0].outcome is Outcome.COMPLETED


def test_an_entry_may_refuse_with_a_reason() -> None:
    it = stage()
    it.arrive("c1", "442079460006")
    assert it.wished(Hangup)[0].reason is HangupReason.BUSY
    assert not it.wished(Answer)  # who is refused pays nothing


def test_a_second_arrival_of_a_channel_is_stray() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    it.arrive("c1")
    assert it.facts == (StrayEvent("CallArrived", "known leg"),)


def test_a_bridge_that_fails_sends_the_caller_back_to_the_old_place() -> None:
    it = stage(reachable=("ana",))
    it.arrive("c1")
    since = it.now
    it.wait(1)
    it.arrive("c2")
    leg = it.legs("ana")[0]
    it.answer(leg)
    it.do(BridgeFailed(NODE, it.call("c1").id, LegId(leg), "no channel"))
    assert it.call("c1").phase == Queued(Place(SALES, 0, since, since))
    assert it.told(CallRequeued)[0].position == 1
    assert it.wished(Hold) == [Hold(NODE, LegId("c1"), SALES, "default")]
    assert [h.leg for h in it.wished(Hangup)] == [leg]
    assert it.wished(Lease)[0].length == 90 * SECOND
    assert it.call("c1").lease_renew == it.now + 30 * SECOND
    story = it.call("c1").story
    assert (story.agent, story.connected) == (None, None)
    assert isinstance(it.agent("ana").state, Idle)


def test_a_late_bridge_failure_is_stray() -> None:
    it = stage()
    leg = LegId(it.talk("c1", "ana"))
    call = it.call("c1").id
    it.do(BridgeFailed(NODE, call, LegId("another"), "of an agent tried before"))
    assert it.facts == (StrayEvent("BridgeFailed", "no such talk"),)
    it.gone("c1")
    it.do(BridgeFailed(NODE, call, leg, "too late"))
    assert it.facts == (StrayEvent("BridgeFailed", "no such talk"),)


def test_a_channel_that_leaves_the_app_and_lives_is_with_the_dialplan() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    it.do(LegLeft(NODE, LegId("c1")))
    told = [fact for fact in it.wait(2) if isinstance(fact, CallEnded)]
    assert [(fact.outcome, fact.by) for fact in told] == [(Outcome.LEFT_FOR_FALLBACK, Party.PBX)]
    assert not it.world.calls
    it.gone("c1")
    assert it.facts == (StrayEvent("LegGone", "unknown leg"),)


def test_a_channel_that_leaves_the_app_and_is_gone_has_hung_up() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    it.do(LegLeft(NODE, LegId("c1")))
    it.now += SECOND // 10
    it.gone("c1", 16)
    assert it.told(CallEnded)[0].outcome is Outcome.ABANDONED


def test_a_higher_priority_waits_further_ahead() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    it.wait(5)
    it.arrive("c2", TO_QUEUE_FIRST)
    assert it.told(CallQueued)[0].position == 1
    it.contacts("ana", "sip:ana@192.0.2.1")
    assert it.call("c2").phase != it.call("c1").phase
    assert isinstance(it.call("c1").phase, Queued)


# ── feature codes ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("before", "code", "status", "prompt"),
    [
        ([Wish.LOGOUT], "*45", Available(), "sound:agent-loginok"),
        ([], "*46", LoggedOut(), "sound:agent-loggedoff"),
        ([], "*47", Paused("manual"), "sound:do-not-disturb"),
        ([Wish.PAUSE], "*48", Available(), "sound:do-not-disturb"),
        ([], "*45", Available(), "sound:agent-loginok"),
        ([Wish.LOGOUT], "*47", LoggedOut(), "sound:beeperr"),
        ([], "*99", Available(), "sound:beeperr"),
    ],
)
def test_a_feature_code_changes_the_status_and_says_so(
    before: list[Wish], code: str, status: AgentStatus, prompt: str
) -> None:
    it = stage()
    for wish in before:
        it.ask("ana", wish)
    it.feature("f1", "ana", code)
    assert it.agent("ana").status == status
    assert it.wished(Play)[0].prompts[:2] == (PAUSE_FIRST, prompt)
    it.heard("f1")
    assert it.told(CallEnded)[0].outcome is Outcome.COMPLETED


def test_a_feature_code_from_a_phone_that_is_nobodys_is_refused() -> None:
    it = stage(replace(policy(), agents={}), reachable=())
    it.feature("f1", "ana", "*45")
    assert it.wished(Play)[0].prompts == (PAUSE_FIRST, "sound:beeperr")


def test_a_record_keeps_the_newest_rings_and_a_phone_that_answers_late_is_still_a_ghost() -> None:
    it = stage(policy(["ana", "ben"]))
    it.arrive("c1")
    slow = it.legs("ana")[0]
    it.wait(20)  # ana's phone never says that it stopped to ring
    for _ in range(MOST_RINGS + 5):
        it.gone(it.legs("ben")[0], 0, 503)
        it.wait(5)
    rings = it.call("c1").story.rings
    assert [ring.agent for ring in rings] == ["ben"] * MOST_RINGS
    assert rings[-1].at > rings[0].at
    it.answer(slow)
    assert it.wished(Hangup)[0].leg == slow
    assert it.told(GhostAnswered)[0].agent == "ana"


# ── the longest wait ─────────────────────────────────────────────────────────────────────────


def test_who_has_waited_the_longest_wait_is_sent_on_without_music() -> None:
    it = stage(impatient(Announce(("sound:bye",), HangUp())), reachable=())
    it.arrive("c1")
    it.wait(59)
    assert isinstance(it.call("c1").phase, Queued)
    it.wait(1)
    assert it.told(FlowedOut)[0].waited == 60 * SECOND
    assert [type(c) for c in it.commands if not isinstance(c, Beat | Lease)] == [Unhold, Play]
    it.heard("c1")
    ended = it.told(CallEnded)[0]
    assert (ended.outcome, ended.queue, ended.waited) == (Outcome.WAITED_TOO_LONG, SALES, 60 * SECOND)


def test_a_phone_that_rings_at_the_longest_wait_rings_on() -> None:
    it = stage(impatient(HangUp()), reachable=("ana",))
    it.agent("ana").held_until = None
    it.contacts("ana")
    it.arrive("c1")
    it.wait(50)
    it.contacts("ana", "sip:ana@1")
    it.wait(12)
    assert isinstance(it.call("c1").phase, Offered)
    it.wait(8)
    assert it.told(CallEnded)[0].outcome is Outcome.WAITED_TOO_LONG


def test_who_is_sent_on_to_another_queue_waits_there_and_is_judged_there() -> None:
    it = stage(impatient(ToQueue(CARE)), reachable=())
    it.arrive("c1")
    since = it.now
    it.wait(60)
    assert it.call("c1").phase == Queued(Place(CARE, 0, since, it.now))
    assert [h.queue for h in it.wished(Hold)] == [CARE]
    assert not it.wished(Unhold)
    it.gone("c1")
    assert it.told(CallEnded)[0].outcome is Outcome.ABANDONED
