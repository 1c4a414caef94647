"""Leases around prompts: Asterisk sets none while it plays, so the one before must outlast the prompts."""

import pytest

from callctl.asterisk.prompts import PROMPT_MOST, SPARE, Prompts
from callctl.core.commands import Lease, Play, StopPlay
from callctl.core.ids import SECOND, LegId, NodeId, PlaybackId

pytestmark = pytest.mark.adapter

NODE, LEG = NodeId("pbx"), LegId("c.1")
FIRST, NEXT = PlaybackId("p1"), PlaybackId("p2")
LONG = Lease(NODE, LEG, PROMPT_MOST + SPARE)


class Clock:
    """Seconds, as the test has it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def prompts(clock: Clock) -> Prompts:
    return Prompts(NODE, clock)


def lease(seconds: int) -> Lease:
    return Lease(NODE, LEG, seconds * SECOND)


def play(playback: PlaybackId) -> Play:
    return Play(NODE, LEG, playback, ("sound:long",))


def test_the_lease_outlasts_the_prompts_and_is_its_own_again_behind_them(prompts: Prompts) -> None:
    assert prompts.may_set(lease(10))
    assert prompts.before(play(FIRST)) == (LONG,)
    assert prompts.overdue(LEG) is None, "they play"
    assert prompts.ended(LEG, FIRST)
    assert prompts.overdue(LEG) == lease(10)
    assert prompts.may_set(lease(10))
    assert prompts.overdue(LEG) is None
    assert not prompts.ended(LEG, FIRST)


def test_the_newest_lease_follows_the_last_prompt(prompts: Prompts) -> None:
    prompts.may_set(lease(10))
    prompts.before(play(FIRST))
    assert not prompts.may_set(lease(20))
    prompts.before(play(NEXT))
    assert not prompts.ended(LEG, FIRST)
    assert prompts.ended(LEG, NEXT)
    assert prompts.overdue(LEG) == lease(20)


def test_prompt_after_prompt_needs_a_lease_only_when_none_outlasts_the_next(prompts: Prompts, clock: Clock) -> None:
    prompts.may_set(lease(90))
    assert prompts.before(play(FIRST)) == (LONG,)
    clock.now += SPARE / SECOND
    assert prompts.before(play(NEXT)) == (), "a key in the first"
    assert not prompts.ended(LEG, FIRST)
    clock.now += 0.001
    assert prompts.ended(LEG, NEXT)
    assert prompts.before(play(FIRST)) == (LONG,), "a key behind the second"
    assert prompts.overdue(LEG) is None


def test_a_prompt_soon_after_another_needs_none_and_a_late_one_does(prompts: Prompts, clock: Clock) -> None:
    prompts.may_set(lease(90))
    prompts.before(play(FIRST))
    clock.now += 5
    assert prompts.ended(LEG, FIRST)
    assert prompts.before(play(NEXT)) == ()
    assert prompts.ended(LEG, NEXT)
    assert prompts.may_set(lease(90)), "nothing was pressed: its own again"
    assert prompts.before(play(FIRST)) == (LONG,)


def test_who_is_moved_out_of_a_prompt_has_its_own_lease_again(prompts: Prompts) -> None:
    prompts.may_set(lease(10))
    prompts.before(play(FIRST))
    assert tuple(prompts.hush(LEG)) == (StopPlay(NODE, FIRST), lease(10))
    assert not prompts.ended(LEG, FIRST)
    assert prompts.before(play(NEXT)) == (LONG,)


def test_who_is_moved_just_behind_a_prompt_has_its_own_lease_again_too(prompts: Prompts) -> None:
    prompts.may_set(lease(10))
    prompts.before(play(FIRST))
    prompts.ended(LEG, FIRST)
    assert tuple(prompts.hush(LEG)) == (lease(10),)
    assert prompts.overdue(LEG) is None


def test_a_lease_that_is_longer_already_stays(prompts: Prompts, clock: Clock) -> None:
    prompts.may_set(lease(3600))
    assert prompts.before(play(FIRST)) == ()
    clock.now += 1
    assert prompts.before(play(NEXT)) == (Lease(NODE, LEG, 3600 * SECOND + SPARE),), "nobody renews it meanwhile"


def test_a_leg_without_a_lease_yet_may_listen_too(prompts: Prompts) -> None:
    assert prompts.before(play(FIRST)) == (LONG,)
    assert not prompts.ended(LEG, FIRST)
    prompts.before(play(NEXT))
    assert not prompts.may_set(lease(10))
    assert prompts.ended(LEG, NEXT)
    assert prompts.overdue(LEG) == lease(10)


def test_who_has_gone_is_forgotten(prompts: Prompts) -> None:
    prompts.may_set(lease(10))
    prompts.before(play(FIRST))
    prompts.forget(LEG)
    assert not prompts.ended(LEG, FIRST)
    assert prompts.overdue(LEG) is None
    assert prompts.before(play(NEXT)) == (LONG,), "another of that name"
