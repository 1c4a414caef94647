"""Leases around prompts: Asterisk sets none while it plays, so the one before must outlast the prompts."""

import pytest

from callctl.asterisk.prompts import PROMPT_MOST, Prompts
from callctl.core.commands import Lease, Play, StopPlay
from callctl.core.ids import SECOND, LegId, NodeId, PlaybackId

pytestmark = pytest.mark.adapter

NODE, LEG = NodeId("pbx"), LegId("c.1")
FIRST, NEXT = PlaybackId("p1"), PlaybackId("p2")


def lease(seconds: int) -> Lease:
    return Lease(NODE, LEG, seconds * SECOND)


def play(playback: PlaybackId) -> Play:
    return Play(NODE, LEG, playback, ("sound:long",))


LONG = Lease(NODE, LEG, PROMPT_MOST)


def test_the_lease_outlasts_the_prompts_and_is_its_own_again_behind_them() -> None:
    prompts = Prompts(NODE)
    assert prompts.may_set(lease(10))
    assert prompts.before(play(FIRST)) == (LONG,)
    assert prompts.ended(LEG, FIRST) == (lease(10),)
    assert prompts.ended(LEG, FIRST) == ()
    assert prompts.may_set(lease(10))


def test_the_newest_lease_follows_the_last_prompt() -> None:
    prompts = Prompts(NODE)
    prompts.may_set(lease(10))
    prompts.before(play(FIRST))
    assert not prompts.may_set(lease(20))
    assert prompts.before(play(NEXT)) == (LONG,)
    assert prompts.ended(LEG, FIRST) == ()
    assert prompts.ended(LEG, NEXT) == (lease(20),)


def test_who_is_moved_out_of_a_prompt_has_its_own_lease_again() -> None:
    prompts = Prompts(NODE)
    prompts.may_set(lease(10))
    prompts.before(play(FIRST))
    assert tuple(prompts.hush(LEG)) == (StopPlay(NODE, FIRST), lease(10))
    assert prompts.ended(LEG, FIRST) == ()


def test_a_lease_that_is_longer_already_stays() -> None:
    prompts = Prompts(NODE)
    prompts.may_set(lease(3600))
    assert prompts.before(play(FIRST)) == (lease(3600),)


def test_a_leg_without_a_lease_yet_may_listen_too() -> None:
    prompts = Prompts(NODE)
    assert prompts.before(play(FIRST)) == (LONG,)
    assert prompts.ended(LEG, FIRST) == ()
    prompts.before(play(NEXT))
    assert not prompts.may_set(lease(10))
    assert prompts.ended(LEG, NEXT) == (lease(10),)


def test_who_has_gone_is_forgotten() -> None:
    prompts = Prompts(NODE)
    prompts.may_set(lease(10))
    prompts.before(play(FIRST))
    prompts.forget(LEG)
    assert prompts.ended(LEG, FIRST) == ()
