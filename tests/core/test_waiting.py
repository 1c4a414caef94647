"""What callers hear while they wait, where they are sent for good, and why they still wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.commands import Bridge, HandOver, Hangup, Hold, Play, StopPlay, Unhold
from callctl.core.events import (
    DigitPressed,
    LegLeft,
    LegSeen,
    LegState,
    LinkLost,
    LinkRestored,
    MessageLeft,
    Snapshot,
    Synced,
    Wish,
)
from callctl.core.facts import CallConnected, CallEnded, CallerTold, DialRefused, VoicemailLeft
from callctl.core.ids import SECOND, AgentId, LegId, seconds
from callctl.core.model import HandedOver, InMenu, Offered, Outcome, Queued
from callctl.core.policy import (
    MAILBOXES,
    Announce,
    DialingRules,
    HangUp,
    HangupReason,
    ToNumber,
    Voicemail,
    WaitingWords,
)
from callctl.core.waiting import WORDS_MOST, position_prompts
from callctl.core.waits import why_waits
from callctl.sim.office import DESK, HELP, NODE, OUT, TO_DESK, TO_QUEUE, TO_VOICEMAIL, policy
from tests.core.world import Stage, stage

pytestmark = pytest.mark.core

TO_NUMBER = "442079460017"
ALONE = ("sound:queue-youarenext", "sound:soon")


def waiting(*legs: str) -> Stage:
    it = stage(reachable=())
    for leg in legs or ("c1",):
        it.arrive(leg, TO_DESK)
    return it


def told(it: Stage, leg: str) -> tuple[str, ...]:
    """What is played to the caller now."""
    playing = [p.prompts for p in it.wished(Play) if p.leg == leg]
    return playing[-1] if playing else ()


# ── words ────────────────────────────────────────────────────────────────────────────────────


def test_words_come_out_of_the_music_and_it_goes_on_behind_them() -> None:
    it = waiting()
    it.wait(1.9)
    assert not it.wished(Play)
    it.wait(0.1)
    assert [type(c) for c in it.commands if isinstance(c, Unhold | Play | Hold)] == [Unhold, Play]
    assert told(it, "c1") == ALONE
    it.heard("c1")
    assert [type(c) for c in it.commands] == [Hold]
    it.wait(5)
    assert told(it, "c1") == ALONE[:1]  # in turn: nothing of the operator's this time
    it.heard("c1")
    it.wait(5)
    assert told(it, "c1") == ALONE


def test_each_hears_their_own_place() -> None:
    it = waiting("c1", "c2", "c3")
    prompts = {fact.prompts[:2] for fact in it.wait(2) if isinstance(fact, CallerTold)}
    assert prompts == {
        ALONE,
        ("sound:queue-thereare", "sound:digits/2"),
        ("sound:queue-thereare", "sound:digits/3"),
    }


def test_a_place_that_no_file_names_is_more_than_the_last_one() -> None:
    assert position_prompts(20)[1] == "sound:digits/20"
    assert position_prompts(21) == position_prompts(400)
    assert position_prompts(21)[0] == "sound:queue-quantity1"


def test_an_agent_is_rung_while_words_play_and_they_stop_at_the_answer() -> None:
    it = waiting()
    it.wait(2)
    it.contacts("ana", "sip:ana@1")
    assert isinstance(it.call("c1").phase, Offered)
    assert not it.wished(StopPlay)
    it.answer(it.legs("ana")[0])
    it.whispered("ana")
    assert [type(c) for c in it.commands][:2] == [StopPlay, Bridge]
    assert it.told(CallConnected)[0].waited == seconds(2)


def test_words_that_end_while_a_phone_rings_give_way_to_music() -> None:
    it = waiting()
    it.wait(2)
    it.contacts("ana", "sip:ana@1")
    it.heard("c1")
    assert [type(c) for c in it.commands] == [Hold]
    assert isinstance(it.call("c1").phase, Offered)


def test_words_whose_end_nobody_told_give_way_too() -> None:
    known = policy()
    desk = replace(known.queues[DESK], words=WaitingWords(seconds(1), 0, position=True), longest_wait=0)
    it = stage(replace(known, queues={**known.queues, DESK: desk}), reachable=())
    it.arrive("c1", TO_DESK)
    it.wait(1 + WORDS_MOST / 1_000_000)
    phase = it.call("c1").phase
    assert isinstance(phase, Queued)
    assert (phase.place.playing, phase.place.says_at) == (None, None)  # `every: 0s`: once


def test_who_leaves_the_queue_hears_no_more_of_them() -> None:
    known = policy()
    help_ = replace(known.queues[HELP], words=WaitingWords(seconds(1), seconds(9), position=True))
    it = stage(replace(known, queues={**known.queues, HELP: help_}), reachable=())
    it.arrive("c1", "442079460008")
    it.wait(1)
    it.do(DigitPressed(NODE, LegId("c1"), "9"))
    assert [type(c) for c in it.commands][:3] == [StopPlay, Unhold, Play]
    assert isinstance(it.call("c1").phase, InMenu)


def test_after_an_outage_it_is_quiet_again() -> None:
    it = waiting()
    it.wait(2)
    it.do(LinkLost(NODE))
    it.do(LinkRestored(NODE, "boot-1"))
    it.do(Synced(NODE, Snapshot((LegSeen(LegId("c1"), LegState.UP, True),))))
    kinds = [type(c) for c in it.commands]
    assert StopPlay in kinds
    assert Hold in kinds


# ── for good ─────────────────────────────────────────────────────────────────────────────────


def test_voicemail_is_the_dialplans_business() -> None:
    it = stage()
    it.arrive("c1", TO_VOICEMAIL)
    assert [c.to for c in it.wished(HandOver)] == [Voicemail("100")]
    it.do(LegLeft(NODE, LegId("c1")))
    it.wait(60)
    assert isinstance(it.call("c1").phase, HandedOver)
    it.gone("c1")
    (ended,) = it.told(CallEnded)
    assert (ended.outcome, ended.by) == (Outcome.VOICEMAIL, "caller")


def test_a_message_that_a_caller_leaves_is_told_once() -> None:
    it = stage()
    it.arrive("c1", TO_VOICEMAIL)
    it.do(LegLeft(NODE, LegId("c1")))
    it.wait(20)
    left = MessageLeft(NODE, LegId("c1"), 12 * SECOND)
    call = it.call("c1")
    it.do(left)
    assert it.told(VoicemailLeft) == [VoicemailLeft(call.id, "100", 12 * SECOND)]
    it.do(left)
    assert it.told(VoicemailLeft) == []
    assert isinstance(call.phase, HandedOver), "the dialplan hangs up"
    it.gone("c1")
    assert call.story.message_left is not None
    assert call.story.outcome is Outcome.VOICEMAIL


def test_a_mailbox_of_the_configuration_is_told_by_its_number() -> None:
    assert Voicemail(f"100@{MAILBOXES}").box == "100"
    assert Voicemail("100@default").box == "100@default"


def test_a_caller_sent_out_counts_for_the_trunk() -> None:
    it = stage()
    it.arrive("c1", TO_NUMBER)
    assert it.call("c1").story.answered_by_pbx is None  # who answers there does
    it.do(LegLeft(NODE, LegId("c1")))
    it.wait(120)
    it.gone("c1")
    assert it.told(CallEnded)[0].outcome is Outcome.SENT_OUT
    assert (it.world.usage[OUT].calls, it.world.usage[OUT].lasted) == (1, seconds(120))


def test_a_handover_that_was_lost_is_owed() -> None:
    it = stage()
    it.arrive("c1", TO_NUMBER)
    seen = LegSeen(LegId("c1"), LegState.RINGING, True)
    it.do(Synced(NODE, Snapshot((seen,))))
    assert len(it.wished(HandOver)) == 1
    assert it.world.usage[OUT].calls == 1, "counted once"


@pytest.mark.parametrize("last_resort", [HangUp(), Announce(("sound:bye",), HangUp()), Voicemail("1")])
def test_who_may_not_be_sent_out_goes_to_the_last_resort(last_resort: HangUp | Announce | Voicemail) -> None:
    it = stage(replace(policy(), dialing=DialingRules(stopped=True), last_resort=last_resort))
    it.arrive("c1", TO_NUMBER)
    assert it.told(DialRefused)[0].rule == "stopped"
    kind = {HangUp: Hangup, Announce: Play, Voicemail: HandOver}[type(last_resort)]
    assert len(it.wished(kind)) == 1


def test_nobody_goes_round_where_the_last_resort_is_that_very_number() -> None:
    known = policy()
    number = next(to for to in known.entries.values() if isinstance(to, ToNumber))
    it = stage(replace(known, dialing=DialingRules(), last_resort=number))
    it.arrive("c1", TO_NUMBER)
    assert it.told(CallEnded)[0].outcome is Outcome.COMPLETED


def test_nobody_goes_round_where_the_last_resort_leads_to_that_number() -> None:
    known = policy()
    number = next(to for to in known.entries.values() if isinstance(to, ToNumber))
    it = stage(replace(known, dialing=DialingRules(), last_resort=Announce(("sound:bye",), number)))
    it.arrive("c1", TO_NUMBER)
    assert it.told(CallEnded)[0].outcome is Outcome.COMPLETED
    assert [h.reason for h in it.wished(Hangup)] == [HangupReason.CONGESTION]


def test_a_greeting_may_lead_to_a_queue_that_is_closed() -> None:
    it = stage()
    it.arrive("c1", "442079460020")
    it.heard("c1")
    assert told(it, "c1") == ("sound:closed",)
    it.heard("c1")
    assert isinstance(it.call("c1").phase, Offered)


def test_who_is_told_something_while_a_phone_rings_hears_it() -> None:
    it = stage(policy(("ana",)))
    it.arrive("c1", TO_DESK)
    it.ring(it.legs("ana")[0])
    it.wait(2)
    assert told(it, "c1") == ALONE
    assert isinstance(it.call("c1").phase, Offered)


# ── why it still waits ───────────────────────────────────────────────────────────────────────


def test_why_a_call_waits() -> None:
    it = stage(policy(("ana", "ben", "carl")), reachable=("ana", "ben"))
    it.talk("c1", "ana")
    it.arrive("c2")
    it.wait(1)
    it.arrive("c3")
    it.ask("ben", Wish.LOGOUT)
    assert why_waits(it.world, it.call("c2"), it.now) == "", "it rings"
    said = why_waits(it.world, it.call("c3"), it.now)
    assert said == "1 in sales come first; ana talks, carl has no phone that can be rung, 1 logged out"


def test_why_a_call_waits_for_a_skill() -> None:
    it = stage(policy(("ana", "ben", "carl")), reachable=("carl",))
    it.arrive("c1", "442079460008")
    it.wait(1)
    assert why_waits(it.world, it.call("c1"), it.now) == (
        "asks for german ≥ 50, preferably german, penalty 0 to 0 for 3 s more; "
        "ana has no phone that can be rung, ben has german 30, carl has german 0"
    )
    it.ask("ana", Wish.PAUSE, "lunch")
    assert "ana is paused (lunch)" in why_waits(it.world, it.call("c1"), it.now)


def test_why_a_call_waits_after_a_miss_and_with_the_link_down() -> None:
    it = stage(policy(("ana",)))
    it.arrive("c1", TO_QUEUE)
    it.gone(it.legs("ana")[0], 17, 486)
    assert why_waits(it.world, it.call("c1"), it.now) == "ana is left alone for 5 s after a ring"
    it.do(LinkLost(NODE))
    assert why_waits(it.world, it.call("c1"), it.now) == "the link to pbx is down"
    for name in it.world.agents:
        it.ask(name, Wish.LOGOUT)
    it.do(LinkRestored(NODE, "boot-1"))
    it.do(Synced(NODE, Snapshot((LegSeen(LegId("c1"), LegState.UP, True, "hold-sales"),))))
    assert why_waits(it.world, it.call("c1"), it.now) == "nobody is logged in, of 1 agent"
    assert it.agent("ana").id == AgentId("ana")
