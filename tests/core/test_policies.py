"""A new policy in a living World by example: what is removed drains, and nobody is left behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callctl.core.events import PolicyChanged, StatusAsked, Wish
from callctl.core.facts import AgentStatusChanged, CallEnded, StatusRefused
from callctl.core.ids import SECOND, AgentId, NodeId, PhoneId, TrunkId
from callctl.core.model import (
    Announcing,
    Available,
    Down,
    InMenu,
    LoggedOut,
    Offered,
    OnCall,
    Outcome,
    Queued,
    Reachable,
    Unreachable,
)
from callctl.core.policies import RETIRED_PHONE
from callctl.core.policy import AgentPolicy, DefaultStatus, Policy, QueuePolicy, TrunkKind, TrunkPolicy
from callctl.sim.office import CARE, SALES, TO_MENU, bare, policy
from tests.core.world import Stage, stage

pytestmark = pytest.mark.core


def change(it: Stage, to: Policy) -> None:
    it.do(PolicyChanged(to))


def without_queues(*names: str) -> Policy:
    known = policy()
    left = tuple(q for q in known.queues if q not in names)
    agents = {a: replace(p, queues=left) for a, p in known.agents.items()}
    return replace(bare(), queues={q: known.queues[q] for q in left}, agents=agents)


def test_a_removed_queue_drains_by_the_agents_it_had() -> None:
    known = policy()
    it = stage(
        replace(
            known,
            agents={
                **known.agents,
                AgentId("carl"): AgentPolicy(
                    AgentId("carl"), "Carl", PhoneId("carl"), (CARE,), DefaultStatus.AVAILABLE
                ),
            },
            phones={**known.phones, PhoneId("carl"): replace(known.phones[PhoneId("ana")], id=PhoneId("carl"))},
        ),
        reachable=("carl",),
    )
    it.arrive("c1")
    left = it.world.policy
    agents = {a: replace(p, queues=(CARE,)) for a, p in left.agents.items()}
    change(it, replace(left, entries={}, menus={}, queues={CARE: QueuePolicy(CARE)}, agents=agents))
    assert isinstance(it.call("c1").phase, Queued)  # carl is free, and was never sales'
    it.contacts("ana", "sip:a@1")
    assert isinstance(it.call("c1").phase, Offered)
    it.answer(it.legs("ana")[0])
    it.gone("c1")
    assert it.told(CallEnded)[0].outcome is Outcome.ANSWERED


def test_a_removed_queue_whose_agents_are_removed_too_is_served_by_everybody() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    known = policy(("carl",))
    carl = replace(known.agents[AgentId("carl")], queues=(CARE,))
    change(it, replace(known, entries={}, menus={}, queues={CARE: QueuePolicy(CARE)}, agents={AgentId("carl"): carl}))
    it.contacts("carl", "sip:c@1")
    assert isinstance(it.call("c1").phase, Offered)


def test_a_drained_queue_is_forgotten_at_the_next_change() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    change(it, without_queues(SALES))
    assert SALES in it.world.policy.queues
    it.gone("c1")
    change(it, without_queues(SALES))
    assert SALES not in it.world.policy.queues
    assert not it.world.draining


def test_a_caller_in_a_removed_menu_finishes_there() -> None:
    it = stage(reachable=())
    it.arrive("c1", TO_MENU)
    change(it, bare())
    it.press("c1", "3")
    assert isinstance(it.call("c1").phase, InMenu)
    it.press("c1", "1")
    assert isinstance(it.call("c1").phase, Queued)


@pytest.mark.parametrize(("number", "phase"), [("442079460004", InMenu), ("442079460005", Queued)])
def test_what_an_announcement_leads_to_is_kept(number: str, phase: type) -> None:
    it = stage(reachable=())
    it.arrive("c1", number)
    change(it, bare())
    it.heard("c1")
    assert isinstance(it.call("c1").phase, phase)


def test_a_menu_that_changes_is_the_new_one_at_once() -> None:
    it = stage(reachable=())
    it.arrive("c1", TO_MENU)
    known = policy()
    menus = {name: replace(menu, options={}) for name, menu in known.menus.items()}
    change(it, replace(known, menus=menus))
    it.press("c1", "1")
    assert isinstance(it.call("c1").phase, InMenu)


def test_a_removed_agent_is_gone_at_once_when_idle() -> None:
    it = stage()
    change(it, policy(("ben",)))
    assert AgentId("ana") not in it.world.agents
    assert [(f.agent, f.why) for f in it.told(AgentStatusChanged)] == [("ana", "removed")]


def test_a_removed_agent_finishes_the_talk_and_is_gone_with_the_last_leg() -> None:
    it = stage()
    leg = it.talk("c1", "ana")
    change(it, policy(("ben",)))
    assert it.agent("ana").state == OnCall(it.call("c1").id, leg)
    assert it.agent("ana").status == LoggedOut()
    it.gone("c1")
    it.wait(11)
    assert AgentId("ana") in it.world.agents  # the leg is not gone yet
    it.gone(leg)
    assert AgentId("ana") not in it.world.agents
    assert AgentId("ana") not in it.world.policy.agents


def test_a_removed_agent_cannot_come_back_by_asking() -> None:
    it = stage()
    it.talk("c1", "ana")
    change(it, policy(("ben",)))
    change(it, policy(("ben",)))
    assert it.told(AgentStatusChanged) == []  # told once
    it.do(StatusAsked(AgentId("ana"), Wish.LOGIN))
    assert it.told(StatusRefused)[0].why == "no such agent"
    it.feature("f1", "ana", "*45")
    assert it.agent("ana").status == LoggedOut()


def test_a_removed_agent_whose_wrap_up_is_over_leaves_a_leg_that_ends_later() -> None:
    it = stage()
    it.arrive("c1", "442079460007")
    leg = it.legs("ana")[0]
    it.answer(leg)
    it.gone("c1")
    change(it, policy(("ben",)))
    it.gone(leg)
    assert not it.world.legs
    assert AgentId("ana") not in it.world.agents


def test_an_added_agent_starts_as_configured() -> None:
    it = stage()
    change(it, policy(("ana", "ben", "carl")))
    assert it.agent("carl").status == Available()
    assert it.agent("carl").phone == Unreachable()


def test_a_known_agent_keeps_status_and_phone() -> None:
    it = stage()
    it.ask("ana", Wish.PAUSE, "lunch")
    before = it.agent("ana")
    change(it, replace(policy(), sha="second"))
    assert it.agent("ana") == before


def test_another_phone_is_not_rung_before_it_is_heard_of() -> None:
    it = stage()
    known = policy(("ana", "ben", "carl"))
    ana = replace(known.agents[AgentId("ana")], phone=PhoneId("carl"))
    change(it, replace(known, agents={AgentId("ana"): ana}))
    assert it.agent("ana").phone == Unreachable()
    it.contacts("carl", "sip:c@1")
    assert it.agent("ana").phone == Reachable(("sip:c@1",))


def test_neither_is_a_phone_whose_endpoint_changes() -> None:
    it = stage()
    known = policy()
    other = replace(known.phones[PhoneId("ana")], endpoint="ana-2")
    change(it, replace(known, phones={**known.phones, PhoneId("ana"): other}))
    assert it.agent("ana").phone == Unreachable()
    assert isinstance(it.agent("ben").phone, Reachable)


def test_an_agent_who_joins_a_queue_serves_who_waits_there() -> None:
    known = policy()
    only = {a: replace(p, queues=(CARE,)) for a, p in known.agents.items()}
    it = stage(replace(known, agents=only))
    it.arrive("c1")
    assert isinstance(it.call("c1").phase, Queued)
    change(it, known)
    assert isinstance(it.call("c1").phase, Offered)


def test_new_nodes_are_down_until_heard_of() -> None:
    it = stage()
    trunk = TrunkPolicy(TrunkId("t"), TrunkKind.IP, NodeId("pbx2"), "192.0.2.9")
    change(it, replace(policy(), trunks={TrunkId("t"): trunk}))
    assert it.world.nodes[NodeId("pbx2")].phase == Down(it.now)


def test_wrap_up_and_talk_follow_the_queue_that_is_gone() -> None:
    it = stage()
    leg = it.talk("c1", "ana")
    change(it, bare())
    it.wait(1)
    it.gone(leg)
    it.gone("c1")
    assert getattr(it.agent("ana").state, "until", 0) == it.now + 10 * SECOND
    assert RETIRED_PHONE not in it.world.policy.phones


def test_a_queue_that_is_gone_keeps_its_hours() -> None:
    """A caller hears a greeting that leads to it. (Found by a review: the calendar was gone.)"""
    it = stage()
    it.arrive("c1", "442079460020")
    change(it, bare())
    it.heard("c1")
    assert isinstance(it.call("c1").phase, Announcing)
