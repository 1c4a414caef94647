"""The IVR by example: prompts, digits, patience."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.addresses import E164
from callctl.core.commands import Hangup, Hold, Play, StopPlay
from callctl.core.events import PlaybackEnded, Wish
from callctl.core.facts import CallEnded, DigitTaken, DigitTimedOut, MenuEntered, PromptFailed, StrayEvent
from callctl.core.ids import SECOND, LegId, PlaybackId
from callctl.core.ivr import MAX_VISITS, PROMPTS_MOST
from callctl.core.model import Announcing, InMenu, Outcome, Party, Place, Queued
from callctl.core.policy import Menu, ToMenu
from callctl.sim.office import MAIN, NODE, SALES, SUB, TO_MENU, policy
from tests.core.world import Stage, stage

pytestmark = pytest.mark.core


def in_menu(number: str = TO_MENU) -> Stage:
    it = stage(reachable=())
    it.arrive("c1", number)
    return it


def playing(it: Stage) -> PlaybackId | None:
    phase = it.call("c1").phase
    assert isinstance(phase, InMenu)
    return phase.playing


def test_a_menu_plays_its_prompts_as_one_list() -> None:
    it = in_menu()
    (play,) = it.wished(Play)
    assert (play.prompts, play.playback) == (("sound:main",), playing(it))
    assert it.told(MenuEntered)[0].tries == 1


def test_a_digit_during_the_prompts_stops_them() -> None:
    it = in_menu()
    old = playing(it)
    it.press("c1", "1")
    assert old is not None
    assert it.wished(StopPlay) == [StopPlay(NODE, old)]
    assert it.wished(Hold)
    assert it.call("c1").phase == Queued(Place(SALES, 0, it.now, it.now))
    assert it.call("c1").story.menus[0].digits == "1"


def test_a_digit_after_the_prompts_needs_nothing_stopped() -> None:
    it = in_menu()
    it.heard("c1")
    it.press("c1", "1")
    assert not it.wished(StopPlay)


def test_without_barge_in_a_digit_counts_only_after_the_prompts() -> None:
    it = in_menu("442079460013")
    it.press("c1", "1")
    assert it.facts == (StrayEvent("DigitPressed", "InMenu without barge-in"),)
    it.heard("c1")
    it.press("c1", "1")
    assert isinstance(it.call("c1").phase, Queued)


def test_a_digit_that_is_no_option_says_so_and_repeats() -> None:
    it = in_menu()
    it.press("c1", "9")
    assert it.wished(Play)[0].prompts == ("sound:invalid", "sound:main")
    assert it.told(DigitTaken)[0].to is None
    assert it.told(MenuEntered)[0].tries == 2
    it.press("c1", "9")
    it.press("c1", "9")
    assert it.told(CallEnded)[0].outcome is Outcome.COMPLETED
    assert it.wished(Hangup)


def test_time_without_a_digit_says_so_and_repeats_and_gives_up() -> None:
    it = in_menu()
    for tries in (1, 2):
        it.heard("c1")
        it.wait(4.9)
        assert playing(it) is None
        told = it.wait(0.2)
        assert [f.tries for f in told if isinstance(f, DigitTimedOut)] == [tries]
        assert it.wished(Play)[0].prompts == ("sound:nothing", "sound:main")
    it.heard("c1")
    assert [f.by for f in it.wait(5) if isinstance(f, CallEnded)] == [Party.CALLCTL]


def test_prompts_whose_end_nobody_tells_count_as_heard_in_a_menu() -> None:
    it = in_menu()
    prompts = playing(it)
    told = it.wait(PROMPTS_MOST / SECOND)
    assert [type(fact) for fact in told if not isinstance(fact, StrayEvent)] == [PromptFailed]
    assert [stop.playback for stop in it.wished(StopPlay)] == [prompts]
    assert it.call("c1").phase == InMenu(MAIN, 1, None, it.now + 5 * SECOND)
    it.press("c1", "1")
    assert isinstance(it.call("c1").phase, Queued)


def test_an_announcement_whose_end_nobody_tells_leads_on() -> None:
    it = in_menu("442079460005")
    it.wait(PROMPTS_MOST / SECOND - 1)
    assert isinstance(it.call("c1").phase, Announcing)
    it.wait(1)
    assert isinstance(it.call("c1").phase, Queued)


@pytest.mark.parametrize(
    ("number", "phase"), [("442079460010", InMenu), ("442079460011", Queued), ("442079460012", Announcing)]
)
def test_giving_up_leads_where_the_menu_says(number: str, phase: type) -> None:
    it = in_menu(number)
    for _ in range(3):
        it.heard("c1")
        it.wait(5)
    assert isinstance(it.call("c1").phase, phase)


def test_a_menu_leads_to_another_and_the_way_is_recorded() -> None:
    it = in_menu()
    it.press("c1", "3")
    it.press("c1", "8")
    it.press("c1", "1")
    assert [(visit.menu, visit.digits) for visit in it.call("c1").story.menus] == [(MAIN, "3"), (SUB, "81")]


def test_an_option_may_announce_and_go_on() -> None:
    it = in_menu()
    it.press("c1", "2")
    assert it.wished(Play)[0].prompts == ("sound:hours",)
    it.press("c1", "1")
    assert it.facts == (StrayEvent("DigitPressed", "Announcing"),)
    it.heard("c1")
    assert isinstance(it.call("c1").phase, InMenu)


def test_a_prompt_that_fails_counts_as_heard() -> None:
    it = in_menu()
    it.heard("c1", failed=True)
    assert it.told(PromptFailed)[0].prompts == ("sound:main",)
    assert it.call("c1").phase == InMenu(MAIN, 1, None, it.now + 5 * SECOND)
    it = in_menu("442079460003")
    it.heard("c1", failed=True)
    assert it.told(PromptFailed)[0].prompts == ("sound:closed",)
    assert it.told(CallEnded)


def test_the_end_of_prompts_that_a_digit_stopped_is_stray() -> None:
    it = in_menu()
    old = playing(it)
    it.press("c1", "9")
    assert playing(it) != old
    before = it.call("c1").phase
    assert old is not None
    it.do(PlaybackEnded(NODE, LegId("c1"), old))
    assert it.told(StrayEvent)
    assert it.call("c1").phase == before


def test_menus_that_lead_in_circles_end_at_a_bound() -> None:
    loop = Menu(MAIN, ("sound:main",), {"1": ToMenu(MAIN)}, ToMenu(MAIN))
    it = stage(replace(policy(), menus={MAIN: loop}, entries={E164(TO_MENU): ToMenu(MAIN)}))
    it.arrive("c1", TO_MENU)
    for _ in range(MAX_VISITS - 1):
        it.press("c1", "1")
        assert isinstance(it.call("c1").phase, InMenu)
    it.press("c1", "1")
    assert it.told(CallEnded)[0].by is Party.CALLCTL


def test_the_digits_of_a_visit_are_bounded() -> None:
    loop = Menu(MAIN, ("sound:main",), {}, ToMenu(MAIN), tries=99)
    it = stage(replace(policy(), menus={MAIN: loop}, entries={E164(TO_MENU): ToMenu(MAIN)}))
    it.arrive("c1", TO_MENU)
    for _ in range(50):
        it.press("c1", "7")
    assert it.call("c1").story.menus[0].digits == "7" * 32


def test_a_caller_who_hangs_up_in_a_menu_is_not_missed_by_any_agent() -> None:
    it = stage()
    it.arrive("c1", TO_MENU)
    it.gone("c1")
    assert not it.world.calls
    it.ask("ana", Wish.PAUSE)
    assert it.agent("ana").misses == 0
