"""What was said while lists were read, for as long as they may contradict it."""

from __future__ import annotations

import pytest

from callctl.core.events import LegGone
from callctl.core.ids import LegId, NodeId
from callctl.runtime.window import GONE_KEPT, Window

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
