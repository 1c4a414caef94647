"""Recovery by example: what was missed, what is owed, and the World from its rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callctl.core import ivr
from callctl.core.addresses import E164
from callctl.core.commands import Answer, Bridge, Command, DropBridge, Hangup, Hold, Lease, Play, Watch
from callctl.core.engine import first_step, step
from callctl.core.events import (
    CallArrived,
    Event,
    LegSeen,
    LegState,
    LinkLost,
    LinkRestored,
    Snapshot,
    Synced,
    TimePassed,
)
from callctl.core.facts import CallEnded, RingEnded
from callctl.core.ids import SECOND, AgentId, BridgeId, LegId, NodeId, PhoneId
from callctl.core.invariants import check
from callctl.core.model import (
    Connected,
    Ended,
    Idle,
    InMenu,
    LoggedOut,
    Offered,
    OnCall,
    Outcome,
    Queued,
    RingResult,
    World,
    WrapUp,
)
from callctl.core.policy import HangupReason, Policy
from callctl.core.recovery import YOUNG, missed, owed, restore
from callctl.sim.amiss import amiss
from callctl.sim.office import MAIN, NODE, SALES, TO_MENU, TO_QUEUE, bare, policy
from callctl.sim.pbx import ModelPbx
from callctl.sim.rows import Rows, copied
from tests.core.situations import SITUATIONS
from tests.core.world import Stage, stage

pytestmark = pytest.mark.core

C1, NONE = LegId("c1"), frozenset[LegId]()


def up(leg: str, bridge: str = "", in_app: bool = True) -> LegSeen:
    return LegSeen(LegId(leg), LegState.UP, in_app, bridge)


def again(it: Stage, *seen: LegSeen, bridges: tuple[str, ...] = (), named: frozenset[LegId] = NONE) -> list[Command]:
    """The link breaks and is back; what is commanded."""
    it.do(LinkLost(NODE))
    it.do(LinkRestored(NODE, "boot-1"))
    it.do(Synced(NODE, Snapshot(seen, bridges), named, named))
    return [c for c in it.commands if type(c).__name__ != "Beat"]


# ── what is owed ─────────────────────────────────────────────────────────────────────────────


def test_a_waiting_caller_in_place_is_owed_only_what_is_harmless() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    assert again(it, up("c1", "hold-sales")) == [Watch(NODE, C1), Lease(NODE, C1, 90 * SECOND)]


def test_a_waiting_caller_in_no_bridge_is_owed_the_music() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    assert Hold(NODE, C1, SALES, "default") in again(it, up("c1"))


def test_an_unanswered_caller_is_owed_the_answer() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    assert Answer(NODE, C1) in again(it, LegSeen(C1, LegState.RINGING, True))


def test_a_talk_in_its_bridge_is_left_alone_but_for_its_lease() -> None:
    it = stage()
    leg = it.talk("c1", "ana")
    sent = again(it, up("c1", leg), up(leg, leg), bridges=(leg,))
    assert not [c for c in sent if not isinstance(c, Watch | Lease)]
    assert all(c.length > 4 * 3600 * SECOND - 10 * SECOND for c in sent if isinstance(c, Lease))


def test_a_talk_that_was_not_bridged_is_owed_the_bridge() -> None:
    it = stage()
    leg = it.talk("c1", "ana")
    assert Bridge(NODE, it.call("c1").id, C1, leg, attempt=1) in again(it, up("c1", "hold-sales"), up(leg))


def test_what_is_over_is_hung_up_and_its_bridge_dropped() -> None:
    it = stage()
    leg = it.talk("c1", "ana")
    it.wait(1)
    it.gone(leg)
    sent = again(it, up("c1", leg), bridges=(leg, "hold-sales", "somebody-else's"))
    assert sent == [Hangup(NODE, C1, HangupReason.NORMAL), DropBridge(NODE, BridgeId(leg))]


def test_a_loser_that_rings_on_is_hung_up_even_if_forgotten() -> None:
    it = stage()
    ours, theirs = "01HF7YAVYGZ29T5VQV69ANWWE1", "1700000000.123"
    ringing = [LegSeen(LegId(leg), LegState.RINGING, False) for leg in (ours, theirs)]
    assert again(it, *ringing) == [Hangup(NODE, LegId(ours), HangupReason.NORMAL)]


def test_an_agents_leg_that_somebody_took_to_the_dialplan_is_left_alone() -> None:
    assert again(stage(), up("01HF7YAVYGZ29T5VQV69ANWWE1", in_app=False)) == []


def test_an_agent_who_was_sent_to_the_dialplan_while_nobody_listened_is_not_bound_by_a_lease() -> None:
    """It would cut them off in the fallback. The talk is over. (Found by the state machine of test_machine.py.)"""
    it = stage()
    leg = it.talk("c1", "ana")
    it.wait(1)
    sent = again(it, up("c1", leg), up(leg, in_app=False), bridges=(leg,))
    assert leg not in [c.leg for c in sent if isinstance(c, Lease)]
    assert [h.leg for h in sent if isinstance(h, Hangup)] == [C1]
    assert it.told(CallEnded)[0].outcome is Outcome.ANSWERED


def test_a_caller_who_came_while_the_lists_were_read_is_owed_everything() -> None:
    it = stage(reachable=())
    it.do(LinkLost(NODE))
    it.do(LinkRestored(NODE, "boot-1"))
    it.arrive("c1")
    assert not it.commands
    it.do(Synced(NODE, Snapshot(), frozenset({C1}), frozenset({C1})))
    assert [type(command).__name__ for command in it.commands] == ["Hold", "Watch", "Answer", "Lease", "Beat"]


def test_a_menu_plays_again_from_its_start_with_a_fresh_deadline() -> None:
    it = stage()
    it.arrive("c1", TO_MENU)
    it.press("c1", "9")
    it.heard("c1")
    it.do(LinkLost(NODE))
    it.wait(60)
    sent = again(it, up("c1"))
    (play,) = it.wished(Play)
    assert play in sent
    assert play.prompts == ("sound:main",)
    assert it.call("c1").phase == InMenu(MAIN, 2, play.playback, None, it.now + ivr.PROMPTS_MOST)


def test_an_announcement_plays_again_and_goes_on() -> None:
    it = stage(reachable=())
    it.arrive("c1", "442079460005")
    assert [c.prompts for c in again(it, up("c1")) if isinstance(c, Play)] == [("sound:hello",)]
    it.heard("c1")
    assert isinstance(it.call("c1").phase, Queued)


# ── what was missed ──────────────────────────────────────────────────────────────────────────


def test_a_caller_who_hung_up_meanwhile_has_left() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    again(it)
    assert it.told(CallEnded)[0].outcome is Outcome.ABANDONED
    assert not it.world.calls


def test_what_the_events_named_is_left_to_the_events() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    again(it, named=frozenset({C1}))
    assert isinstance(it.call("c1").phase, Queued)


def test_a_ring_that_began_after_the_audits_lists_rings_on() -> None:
    it = stage(policy(["ana"]))
    it.arrive("c1", TO_MENU)
    lists = Snapshot((up("c1"),))
    it.press("c1", "1")  # heard before the lists are handed over, decided in the same turn
    legs = it.legs("ana")
    it.do(Synced(NODE, lists, frozenset({C1}), frozenset({C1})))
    assert it.legs("ana") == legs
    assert not it.told(RingEnded)
    it.now += YOUNG
    it.do(Synced(NODE, Snapshot((up("c1", "hold-sales"),))))
    assert [ring.result for ring in it.told(RingEnded)] == [RingResult.UNREACHABLE]


def test_a_leg_that_nobody_knows_is_hung_up_when_it_is_answered() -> None:
    it = stage()
    it.answer("01HF7YCNJ8E6XN9P6H06TVKGTD")
    assert [type(command) for command in it.commands] == [Hangup]


def test_a_caller_nobody_heard_of_arrives() -> None:
    it = stage(reachable=())
    arrival = CallArrived(NODE, C1, E164(TO_QUEUE), TO_QUEUE, E164("33142685300"), "")
    again(it, LegSeen(C1, LegState.UP, True, "", arrival))
    assert isinstance(it.call("c1").phase, Queued)


def test_a_caller_whose_lease_ended_has_left_for_the_fallback_and_no_phone_rings() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    it.do(LinkLost(NODE))
    it.contacts("ana", "sip:a@1")
    again(it, up("c1", in_app=False))
    assert [f.outcome for f in it.told(CallEnded)] == [Outcome.LEFT_FOR_FALLBACK]
    assert not it.wished(Lease)  # it would cut the caller off in the fallback
    assert not it.told(RingEnded)


def test_an_agent_who_answered_meanwhile_talks() -> None:
    it = stage()
    it.arrive("c1")
    leg = it.legs("ana")[0]
    assert Bridge(NODE, it.call("c1").id, C1, leg, attempt=1) in again(it, up("c1", "hold-sales"), up(leg))
    assert isinstance(it.call("c1").phase, Connected)


def test_a_phone_that_began_to_ring_meanwhile_rings() -> None:
    it = stage()
    it.arrive("c1")
    leg = it.legs("ana")[0]
    again(it, up("c1", "hold-sales"), LegSeen(leg, LegState.RINGING, False))
    assert type(it.agent("ana").state).__name__ == "Ringing"


def test_a_ring_that_never_began_is_no_miss_and_the_caller_is_offered_on() -> None:
    it = stage()
    it.arrive("c1")
    again(it, up("c1", "hold-sales"))
    assert it.told(RingEnded)[0].result is RingResult.UNREACHABLE
    assert it.agent("ana").misses == 0
    phase = it.call("c1").phase
    assert isinstance(phase, Offered)
    assert phase.agents == ("ben",)


def test_an_agent_who_hung_up_meanwhile_ends_the_call() -> None:
    it = stage()
    it.talk("c1", "ana")
    again(it, up("c1", it.call("c1").id))
    assert it.told(CallEnded)[0].outcome is Outcome.ANSWERED


def test_a_ring_that_timed_out_meanwhile_is_over_at_once() -> None:
    it = stage(reachable=("ana",))
    it.arrive("c1")
    leg = it.legs("ana")[0]
    it.ring(leg)
    it.do(LinkLost(NODE))
    it.wait(60)
    sent = again(it, up("c1", "hold-sales"), LegSeen(leg, LegState.RINGING, False))
    assert Hangup(NODE, leg, HangupReason.NO_ANSWER) in sent
    assert isinstance(it.call("c1").phase, Queued)


def test_missed_and_owed_change_nothing_themselves() -> None:
    for made in SITUATIONS.values():
        it = made()
        before = copied(it.world)
        for snapshot in (Snapshot(), Snapshot(tuple(up(leg) for leg in it.world.legs))):
            list(missed(it.world, NODE, snapshot, NONE, NONE))
            list(owed(it.world, NODE, snapshot, it.now))
        assert it.world == before


def test_the_audit_finds_what_is_right_to_be_right() -> None:
    it = stage()
    leg = it.talk("c1", "ana")
    it.arrive("c2")
    seen = (
        up("c1", leg),
        up(leg, leg),
        up("c2", "hold-sales"),
        *(LegSeen(b, LegState.DOWN, False) for b in it.legs("ben")),
    )
    before = copied(it.world.calls)
    it.do(Synced(NODE, Snapshot(seen, (leg, "hold-sales"))))
    assert it.world.calls == before
    assert not [c for c in it.commands if not isinstance(c, Watch | Lease)]


# ── from the rows ────────────────────────────────────────────────────────────────────────────


def restored(it: Stage, config: Policy | None = None) -> World:
    """The World as a start finds it. The rows may be none the worse for it."""
    rows: Rows = copied(it.rows)
    world = restore(
        config or it.world.policy,
        7,
        rows.calls.values(),
        rows.agents.values(),
        rows.nodes.values(),
        [NODE],
        it.now,
        campaigns=rows.campaigns.values(),
        attempts=rows.attempts.values(),
        switches=rows.switches.values(),
        flows=rows.flows.values(),
    )
    assert check(world) == []
    return world


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_situation_is_restored(situation: str) -> None:
    it = SITUATIONS[situation]()
    world = restored(it)
    assert {c: call.phase for c, call in world.calls.items()} == {c: call.phase for c, call in it.world.calls.items()}
    assert {a: agent.status for a, agent in world.agents.items()} == {
        a: agent.status for a, agent in it.world.agents.items()
    }
    over = {call.id for call in it.world.calls.values() if isinstance(call.phase, Ended)}
    alive = {leg.id for leg in it.world.legs.values() if leg.call not in over}
    ringing = {leg for agent in it.world.agents.values() for leg in getattr(agent.state, "legs", ())}
    assert {leg for leg in alive if it.world.legs[leg].agent is None or leg in ringing} <= set(world.legs)


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("config", [bare(), policy(()), policy(("ben",))], ids=["bare", "nobody", "only ben"])
def test_every_situation_is_restored_under_another_policy(situation: str, config: Policy) -> None:
    it = SITUATIONS[situation]()
    after = Stage(restored(it, config), it.now, rows=copied(it.rows))
    after.rows.agents = copied(after.world.agents)
    after.rows.nodes = copied(after.world.nodes)
    after.rows.calls = copied(after.world.calls)
    after.rows.switches = copied(after.world.switches)
    after.link_up("boot-1", Snapshot(tuple(up(leg) for leg in after.world.legs)))
    after.wait(60)
    for leg in list(after.world.legs):
        after.gone(leg)
    after.wait(20)
    assert not after.world.calls
    assert all(isinstance(agent.state, Idle) for agent in after.world.agents.values())


def test_a_call_of_a_node_that_is_no_more_ends_as_lost_at_the_start() -> None:
    it = stage(reachable=("ana",))
    it.arrive("c1")
    it.wait(3)
    before, call = copied(it.world), it.call("c1")
    kept = first_step([call], [], [NODE], it.now)
    assert (kept.facts, kept.touched.closed, kept.touched.records) == ((), (), ())
    done = first_step([call], [], [NodeId("other")], it.now)
    assert done.touched.closed == (call.id,)
    (record,) = done.touched.records
    assert (record.story.outcome, record.story.ended) == (Outcome.PBX_LOST, it.now)
    assert (record.story.rings[0].result, record.story.rings[0].ended) == (RingResult.LOST, it.now)
    (fact,) = done.facts
    assert isinstance(fact, CallEnded)
    assert (fact.outcome, fact.waited) == (Outcome.PBX_LOST, 3 * SECOND)
    assert it.world == before


def test_an_agent_removed_while_callctl_was_away_finishes_the_talk() -> None:
    it = stage()
    leg = it.talk("c1", "ana")
    world = restored(it, policy(("ben",)))
    ana = world.agents[AgentId("ana")]
    assert (ana.state, ana.status) == (OnCall(it.call("c1").id, leg), LoggedOut())


def test_a_queue_removed_while_callctl_was_away_is_served_by_everybody() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    after = Stage(restored(it, bare()), it.now, rows=copied(it.rows))
    assert after.world.draining == {SALES: frozenset({AgentId("ana"), AgentId("ben")})}


def test_an_agent_whose_call_is_no_more_is_idle() -> None:
    it = stage()
    it.talk("c1", "ana")
    it.rows.calls.clear()
    assert isinstance(restored(it).agents[AgentId("ana")].state, Idle)


def test_a_call_of_a_node_that_is_no_more_is_not_restored() -> None:
    it = stage(reachable=())
    it.arrive("c1")
    for call in it.rows.calls.values():
        call.node = NodeId("gone")
    assert not restored(it).calls


def test_wrap_up_goes_on_over_a_restart() -> None:
    it = stage()
    leg = it.talk("c1", "ana")
    it.gone("c1")
    it.gone(leg)
    until = getattr(it.agent("ana").state, "until", 0)
    world = restored(it)
    assert isinstance(world.agents[AgentId("ana")].state, WrapUp)
    step(world, TimePassed(), until)
    assert isinstance(world.agents[AgentId("ana")].state, Idle)


# ── the invariant of the design ──────────────────────────────────────────────────────────────


def _life(pbx: ModelPbx) -> list[Callable[[], None]]:
    """What people do in one call's life, after another: menu, queue, a miss, a talk, the end."""

    def agents_leg() -> LegId:
        return next(c.id for c in pbx.channels.values() if c.phone is not None)

    return [
        lambda: pbx.arrive(C1, TO_MENU),
        lambda: pbx.press(pbx.channels[C1], "9"),
        lambda: pbx.press(pbx.channels[C1], "1"),
        lambda: pbx.ring(pbx.channels[agents_leg()]),
        lambda: pbx.end(pbx.channels[agents_leg()], 17, 486),
        lambda: pbx.answer(pbx.channels[agents_leg()]),
        lambda: pbx.arrive(LegId("c2"), TO_QUEUE),
        lambda: pbx.end(pbx.channels[C1], 16),
    ]


@pytest.mark.parametrize("how", ["killed", "audited"])
@pytest.mark.parametrize("lost", range(8))
def test_a_step_whose_commands_are_lost_reaches_the_same_pbx(how: str, lost: int) -> None:
    pbx = ModelPbx()
    it = stage(reachable=())
    carried = True

    def carry(event: Event, sent: object) -> None:
        for command in getattr(sent, "commands", ()) if carried else ():
            pbx.carry(command)

    def deliver() -> None:
        while pbx.news:
            it.do(pbx.news.pop(0))

    it.watch = carry
    for name in ("ana", "ben"):
        pbx.register(PhoneId(name), (f"sip:{name}@1", f"sip:{name}@2"))
    deliver()
    for n, happens in enumerate(_life(pbx)):
        happens()
        carried = n != lost
        deliver()
        if carried:
            assert list(amiss(it.world, pbx)) == []
            continue
        carried = True
        if how == "killed" or any(isinstance(c, Play) for c in it.commands):
            rows = copied(it.rows)
            world = restore(
                it.world.policy, 9, rows.calls.values(), rows.agents.values(), rows.nodes.values(), [NODE], it.now
            )
            it = Stage(world, it.now + SECOND, rows=rows, watch=carry)
            it.rows.agents, it.rows.nodes = copied((world.agents, world.nodes))
            it.do(LinkRestored(NODE, pbx.booted))
            pbx.hush()
        it.now += YOUNG  # an audit leaves alone what was made just before it
        it.do(Synced(NODE, pbx.snapshot()))
        deliver()
        assert list(amiss(it.world, pbx)) == []
        it.wait(6)
