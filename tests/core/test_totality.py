"""Totality: every event × every call phase, agent state, status, phone state and node phase. Nothing is left out,
nothing raises, everything still holds afterwards, and what fits nowhere changes nothing and is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from callctl.core.engine import next_due, step
from callctl.core.events import (
    CampaignAsked,
    ClockCompared,
    ConsentAsked,
    ContactsClaimed,
    DatabaseState,
    DispositionChosen,
    DoNotCallAsked,
    DoNotCallLists,
    EmergencyDialled,
    Event,
    LegAnswered,
    LegRinging,
    LinkLost,
    LinkRestored,
    PersonErased,
    PhoneBusy,
    PhoneContacts,
    PlaybackEnded,
    PolicyChanged,
    PreviewAsked,
    StatusAsked,
    SwitchAsked,
    Synced,
    TimePassed,
    TrunkState,
)
from callctl.core.facts import StrayEvent
from callctl.core.invariants import check
from callctl.core.model import (
    AgentState,
    AgentStatus,
    Arrived,
    Briefed,
    CallPhase,
    LegRole,
    NodePhase,
    PhoneState,
    World,
)
from callctl.sim.office import policy
from callctl.sim.rows import copied
from tests.core.situations import SITUATIONS, everything, links
from tests.core.world import Stage

pytestmark = pytest.mark.core

REPORTS = (
    PhoneContacts,
    PhoneBusy,
    TrunkState,
    EmergencyDialled,
    StatusAsked,
    SwitchAsked,
    PolicyChanged,
    CampaignAsked,
    DoNotCallAsked,
    ConsentAsked,
    DispositionChosen,
    ContactsClaimed,
    DoNotCallLists,
    ClockCompared,
    PersonErased,
    DatabaseState,
    PreviewAsked,
    TimePassed,
    LinkLost,
    LinkRestored,
    Synced,
)
"""These say how things are. Said again, or of something we do not use, they change nothing, and that is no stray."""


def _worlds() -> Iterator[tuple[str, str, Stage]]:
    for name, made in SITUATIONS.items():
        for link, it in links(made()):
            yield name, link, it


def test_every_phase_of_every_machine_is_in_a_situation() -> None:
    seen: set[type] = {Arrived}  # left within the step that enters it, so no event can meet it
    for _, _, it in _worlds():
        seen.update(type(call.phase) for call in it.world.calls.values())
        seen.update(type(node.phase) for node in it.world.nodes.values())
        for agent in it.world.agents.values():
            seen.update((type(agent.state), type(agent.status), type(agent.phone)))
    for union in (CallPhase, AgentState, AgentStatus, PhoneState, NodePhase):
        assert set(get_args(union)) <= seen, f"no situation has {set(get_args(union)) - seen}"


def test_every_event_is_played() -> None:
    assert set(everything(SITUATIONS["talks"]().world)) == set(get_args(Event))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_event_in_this_situation(situation: str) -> None:
    for link, it in links(SITUATIONS[situation]()):
        frozen = copied(it.world)
        for kind, events in everything(it.world).items():
            assert events, f"no {kind.__name__} to play"
            for event in events:
                _play(f"{situation}, link {link}", copied(frozen), frozen, event, it.now)


def _play(where: str, world: World, before: World, event: Event, now: int) -> None:
    try:
        done = step(world, event, now)
    except Exception as error:
        raise AssertionError(f"{where}: {event} raises {error!r}") from error
    broken = check(world)
    assert not broken, f"{where}: after {event}: {broken}"
    due = next_due(world)
    assert due is None or due > now, f"{where}: after {event}: a deadline is left behind"
    strays = [fact for fact in done.facts if isinstance(fact, StrayEvent)]
    if _same(world, before) and not done.commands:
        if not isinstance(event, REPORTS) and not _said_before(event, before):
            assert done.facts == tuple(strays), f"{where}: {event} changes nothing, and tells {done.facts}"
            assert len(strays) == 1, f"{where}: {event} fits nowhere, and is not counted"
    elif not isinstance(event, REPORTS):
        assert not strays, f"{where}: {event} is counted as a stray, and changes something"


def _said_before(event: Event, world: World) -> bool:
    """A second contact rings; or one that nobody wants answers while nothing can be commanded: its end is owed."""
    leg = world.legs.get(event.leg) if isinstance(event, PlaybackEnded) else None
    if leg is not None and leg.role is LegRole.LINE and leg.agent is not None:
        return not isinstance(world.agents[leg.agent].state, Briefed)
    if not isinstance(event, LegRinging | LegAnswered) or event.leg not in world.legs:
        return False
    agent = world.legs[event.leg].agent
    if agent is not None and world.legs[event.leg].role is LegRole.LINE and isinstance(event, LegRinging):
        line = world.agents[agent].line
        return line is not None and not line.up
    if agent is None or isinstance(event, LegAnswered):
        return agent is not None and not world.node_up(event.node)
    return event.leg in getattr(world.agents[agent].state, "legs", ())


def _same(a: World, b: World) -> bool:
    """Equal but for alarms, which are checked against their owners whenever they are read."""
    mine, theirs = a.index.alarms, b.index.alarms
    a.index.alarms = b.index.alarms = []
    try:
        return a == b
    finally:
        a.index.alarms, b.index.alarms = mine, theirs


def test_a_policy_of_nothing_is_survived() -> None:
    for name, _, it in _worlds():
        it.do(PolicyChanged(policy(())))
        assert it.wait(30) is not None, name
