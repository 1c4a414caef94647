"""A walk through every kind of way, by a caller who does anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.core.addresses import E164, Withheld
from callctl.core.facts import CallEnded, PromptFailed
from callctl.core.ids import AgentId
from callctl.sim.office import ENTRIES, START, policy
from callctl.sim.walk import Noticed, Walk

pytestmark = pytest.mark.core

OFFICE = policy()
INSIDE = [agent.id for agent in OFFICE.agents.values() if OFFICE.phones[agent.phone].outside is None]
ACTS = st.lists(st.sampled_from([*"0123456789*#", "go on", "go on", "answer", "agent hangs up"]), max_size=25)


def walked(number: str, free: frozenset[AgentId], acts: list[str]) -> list[Noticed]:
    """All that became of a caller who does this, and then hangs up."""
    walk = Walk(OFFICE, START, free)
    walk.call(E164(number), number, Withheld())
    for act in acts:
        if act == "go on":
            walk.go_on()
        elif act == "answer":
            walk.pick_up()
        elif act == "agent hangs up":
            walk.agent_hangs_up()
        else:
            walk.press(act)
    walk.hang_up()
    assert walk.is_over
    walk.press("1")  # nobody is there any more
    return list(walk.noticed())


@given(st.sampled_from(sorted(ENTRIES)), st.frozensets(st.sampled_from(INSIDE), max_size=3), ACTS)
def test_every_walk_ends_once(number: str, free: frozenset[AgentId], acts: list[str]) -> None:
    told = [it.fact for it in walked(number, free, acts) if it.fact is not None]
    ends = [fact for fact in told if isinstance(fact, CallEnded)]
    assert len(ends) == 1
    assert not any(isinstance(fact, PromptFailed) for fact in told)


@given(st.sampled_from(sorted(ENTRIES)), ACTS)
def test_the_same_walk_is_the_same_again(number: str, acts: list[str]) -> None:
    free = frozenset(INSIDE[:1])
    assert walked(number, free, acts) == walked(number, free, acts)
