"""What was said while lists were read, for as long as they may contradict it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.addresses import E164
from callctl.core.events import CallArrived, DigitPressed, LegAnswered, LegGone, LegSeen, LegState, Snapshot
from callctl.core.ids import LegId, NodeId
from callctl.runtime.window import GONE_KEPT, Window, seen_in

pytestmark = pytest.mark.adapter

LEG = LegId("c1")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_who_went_long_before_the_lists_is_forgotten() -> None:
    clock = Clock()
    window = Window(clock)
    window.heard(LegGone(NodeId("pbx"), LEG))
    clock.now += GONE_KEPT + 0.1
    window.open()
    assert window.close() == (frozenset(), frozenset())
    assert not window.is_gone(LEG)


def test_who_went_while_callctl_stood_still_over_the_lists_is_not() -> None:
    """The lists were read before, and are used after it. callctl met the dead caller anew, and a second record came of
    it. (Found by simulation, seed 66.)"""
    clock = Clock()
    window = Window(clock)
    window.open()
    window.heard(LegGone(NodeId("pbx"), LEG))
    clock.now += 10 * GONE_KEPT
    assert window.close() == (frozenset({LEG}), frozenset({LEG}))


def test_a_key_does_not_tell_that_the_leg_was_answered() -> None:
    """The answer was lost with the link, the key came behind it: the lists were not believed, and the agent rang on.
    (Found by simulation, seed 770.)"""
    window = Window(Clock())
    window.open()
    window.heard(DigitPressed(NodeId("pbx"), LEG, "1"))
    assert window.close() == (frozenset(), frozenset())
    window.open()
    window.heard(LegAnswered(NodeId("pbx"), LEG))
    assert window.close() == (frozenset({LEG}), frozenset())


def test_who_is_in_the_first_list_alone_is_not_met_anew() -> None:
    """A list still held a caller whose record the life before had written: a second one came of it. (Found by
    simulation, seed 12273.)"""
    node = NodeId("pbx")
    arrival = CallArrived(node, LEG, E164("442079460001"), "", E164("33142685300"), "")
    seen = LegSeen(LEG, LegState.UP, True, "", arrival)
    assert seen_in(Snapshot((seen,)), Snapshot()).legs == (replace(seen, arrival=None),)
    assert seen_in(Snapshot(), Snapshot((seen,))).legs == (seen,)
