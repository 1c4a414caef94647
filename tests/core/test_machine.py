"""A state machine that plays PBX, callers, agents, people, clock and mishaps against the core.

After each step: every invariant, honest deadlines, rows that say what the World is, and a PBX that is what the World
wants of it. The last one is the design's: whatever commands are lost, `owed` leads to the same PBX.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from callctl.core.commands import Answer, Play
from callctl.core.engine import Step, next_due
from callctl.core.events import (
    DigitPressed,
    Event,
    LegState,
    LinkLost,
    LinkRestored,
    PolicyChanged,
    Snapshot,
    StatusAsked,
    Synced,
    TimePassed,
    Wish,
)
from callctl.core.facts import GhostAnswered
from callctl.core.ids import AgentId, CallId, LegId, PhoneId, seconds
from callctl.core.model import Idle, Up
from callctl.core.policy import Policy
from callctl.core.recovery import restore
from callctl.sim.amiss import amiss
from callctl.sim.office import ENTRIES, NODE, START, bare, policy
from callctl.sim.pbx import Channel, ModelPbx
from callctl.sim.rows import Rows, copied
from tests.core.situations import CAUSES, everything
from tests.core.world import Stage

pytestmark = pytest.mark.core

AGENTS = ("ana", "ben", "carl")
PHONES = st.sampled_from([PhoneId(name) for name in AGENTS])
NUMBERS = st.sampled_from([*ENTRIES, "442079460001", "442079460001", "442079460007", "19995550100"])
POLICIES: tuple[Callable[[], Policy], ...] = (
    lambda: policy(AGENTS),
    lambda: policy(("ana", "ben")),
    lambda: policy(("carl",)),
    bare,
    lambda: replace(policy(AGENTS), menus={}, entries={}),
)
REMEMBERED = 4
"""How many steps back a crash may find the journal."""


class Machine(RuleBasedStateMachine):
    """The rules are what the outside may do; `self.pbx` is that outside."""

    @initialize()
    def begin(self) -> None:
        self.pbx = ModelPbx()
        self.policy = policy(AGENTS)
        self.seed = 1
        self.callers = 0
        self.delivered: list[Event] = []
        self.ghosts: list[CallId] = []
        self.history: list[Rows] = []
        self.quick = True
        self.seen: Snapshot | None = None
        self.lose_commands = False
        self.faithful = True
        """Every command since the last snapshot was carried out."""
        self._start(Rows(), START)
        self.reconnect()
        self.everything_is_repaired()

    def _start(self, rows: Rows, now: int) -> None:
        """callctl starts from what the journal has."""
        kept = copied(rows)
        parts = kept.calls.values(), kept.agents.values(), kept.nodes.values()
        world = restore(self.policy, self.seed, *parts, [NODE], now, switches=kept.switches.values())
        self.stage = Stage(world, now, rows=rows, watch=self._carry)
        rows.calls, rows.agents, rows.nodes = copied((world.calls, world.agents, world.nodes))

    def _carry(self, event: Event, done: Step) -> None:
        self.ghosts.extend(fact.call for fact in done.facts if isinstance(fact, GhostAnswered))
        self.history = [*self.history[1 - REMEMBERED :], copied(self.stage.rows)]
        for command in done.commands:
            if not self.lose_commands:
                self.pbx.carry(command)
        if self.lose_commands and done.commands:
            self.faithful = False

    def _channels(self, fits: Callable[[Channel], bool]) -> list[Channel]:
        return [channel for channel in self.pbx.channels.values() if fits(channel)]

    def _pick(self, data: st.DataObject, fits: Callable[[Channel], bool]) -> Channel | None:
        found = self._channels(fits)
        return data.draw(st.sampled_from(found)) if found else None

    def _connected(self) -> bool:
        return self.pbx.link

    def _soon(self) -> None:
        """News arrive at once, if the way is quick and nobody collects them for a snapshot."""
        if self.pbx.link and self.quick and self.stage.world.node_up(NODE):
            self.deliver(len(self.pbx.news))

    # ── callers and agents ───────────────────────────────────────────────────────────────────

    @rule(number=NUMBERS)
    def caller_arrives(self, number: str) -> None:
        self.callers += 1
        self.pbx.arrive(LegId(f"17000.{self.callers}"), number)
        self._soon()

    @rule(data=st.data())
    def caller_hangs_up(self, data: st.DataObject) -> None:
        if channel := self._pick(data, lambda c: c.phone is None):
            self.pbx.end(channel, 16)
        self._soon()

    @rule(data=st.data(), digit=st.sampled_from("12349#"))
    def caller_presses(self, data: st.DataObject, digit: str) -> None:
        if channel := self._pick(data, lambda c: c.phone is None and c.in_app):
            self.pbx.press(channel, digit)
        self._soon()

    @rule(data=st.data())
    def prompts_end(self, data: st.DataObject) -> None:
        if channel := self._pick(data, lambda c: c.playing is not None):
            self.pbx.heard(channel)
        self._soon()

    @rule(data=st.data())
    def phone_rings(self, data: st.DataObject) -> None:
        if channel := self._pick(data, lambda c: c.phone is not None and c.state is LegState.DOWN):
            self.pbx.ring(channel)
        self._soon()

    @rule(data=st.data())
    def phone_answers(self, data: st.DataObject) -> None:
        if channel := self._pick(data, lambda c: c.phone is not None and c.state is not LegState.UP):
            self.pbx.answer(channel)
        self._soon()

    @rule(data=st.data(), cause=st.sampled_from(CAUSES[:-1]))
    def phone_ends(self, data: st.DataObject, cause: tuple[int, int]) -> None:
        if channel := self._pick(data, lambda c: c.phone is not None):
            self.pbx.end(channel, *cause)
        self._soon()

    @rule(data=st.data())
    def channel_is_redirected(self, data: st.DataObject) -> None:
        if channel := self._pick(data, lambda c: c.in_app):
            self.pbx.leave(channel)
        self._soon()

    @rule(phone=PHONES, contacts=st.integers(0, 2))
    def phone_registers(self, phone: PhoneId, contacts: int) -> None:
        self.pbx.register(phone, tuple(f"sip:{phone}@192.0.2.{n}" for n in range(contacts)))
        self._soon()

    @rule(phone=PHONES)
    def phone_is_used_elsewhere(self, phone: PhoneId) -> None:
        self.pbx.in_use ^= {phone}
        self.pbx.say_busy(phone)
        self._soon()

    @rule(works=st.booleans())
    def bridging_works(self, works: bool) -> None:
        self.pbx.bridging_works = works

    @rule(number=NUMBERS, data=st.data())
    def caller_is_served(self, number: str, data: st.DataObject) -> None:
        """What mostly happens: somebody calls, and a phone that rings is answered."""
        self.caller_arrives(number)
        self.phone_rings(data)
        self.phone_answers(data)

    @rule()
    def everything_is_repaired(self) -> None:
        """All phones are there and free, all agents ready, the link is up."""
        self.quick = self.pbx.bridging_works = True
        if not self.pbx.link:
            self.reconnect()
        self.look()
        self.sync()
        self.pbx.in_use.clear()
        for name in AGENTS:
            self.pbx.register(PhoneId(name), tuple(f"sip:{name}@192.0.2.{n}" for n in range(len(name) - 2)))
            self.pbx.say_busy(PhoneId(name))
            self.agent_is_ready(name)
        self._soon()

    @rule(quick=st.booleans())
    def news_are_quick(self, quick: bool) -> None:
        self.quick = quick
        self._soon()

    # ── people ───────────────────────────────────────────────────────────────────────────────

    @rule(agent=st.sampled_from([*AGENTS, "nobody"]), wish=st.sampled_from(Wish))
    def somebody_asks(self, agent: str, wish: Wish) -> None:
        self.stage.do(StatusAsked(AgentId(agent), wish, "", "test"))

    @rule(agent=st.sampled_from(AGENTS))
    def agent_is_ready(self, agent: str) -> None:
        for wish in (Wish.LOGIN, Wish.UNPAUSE):
            self.stage.do(StatusAsked(AgentId(agent), wish, "", "test"))

    @rule(made=st.sampled_from(POLICIES))
    def policy_changes(self, made: Callable[[], Policy]) -> None:
        self.policy = made()
        self.stage.do(PolicyChanged(self.policy))
        self.pbx.report_phones()

    # ── clock and link ───────────────────────────────────────────────────────────────────────

    @rule(length=st.sampled_from((0.001, 0.5, 2.0, 5.0, 20.0)))
    def time_passes(self, length: float) -> None:
        until, rounds = self.stage.now + seconds(length), 0
        while (due := next_due(self.stage.world)) is not None and due <= until:
            self.stage.now, rounds = due, rounds + 1
            self.stage.do(TimePassed())
            assert rounds < 20 * length + 100, "the clock spins"
        self.stage.now = until

    @precondition(_connected)
    @rule(count=st.integers(1, 9))
    def deliver(self, count: int) -> None:
        """The oldest news reach callctl."""
        for _ in range(min(count, len(self.pbx.news))):
            event = self.pbx.news.pop(0)
            self.delivered = [*self.delivered[-20:], event]
            self.stage.do(event)

    @rule(data=st.data())
    def an_event_comes_twice(self, data: st.DataObject) -> None:
        """Late by a moment, or by the length of a call; a digit would be a digit."""
        again = [e for e in self.delivered if not isinstance(e, DigitPressed) and hasattr(e, "leg")]
        again = [e for e in again if getattr(e, "leg") not in self.pbx.channels]  # noqa: B009
        if again and self.stage.world.node_up(NODE):
            self.faithful = False  # a caller who is no more may have come in again: the next audit tells
            self.stage.do(data.draw(st.sampled_from(again)))

    @rule(data=st.data())
    def an_event_fits_nothing(self, data: st.DataObject) -> None:
        kinds = everything(self.stage.world)
        known = {*self.stage.world.legs, LegId("new")}
        strays = [e for events in kinds.values() for e in events if hasattr(e, "leg") and e.leg not in known]
        self.stage.do(data.draw(st.sampled_from(strays)))

    @precondition(_connected)
    @rule(lost=st.integers(0, 5))
    def link_breaks(self, lost: int) -> None:
        """What was on its way is lost, or some of it."""
        del self.pbx.news[max(0, len(self.pbx.news) - lost) :]
        self.deliver(len(self.pbx.news))
        self._lose_link()

    def _lose_link(self) -> None:
        self.pbx.link, self.seen = False, None
        self.pbx.news.clear()
        self.stage.do(LinkLost(NODE))

    @precondition(lambda self: not self.pbx.link)
    @rule()
    def reconnect(self) -> None:
        self.pbx.link = True
        self.stage.do(LinkRestored(NODE, self.pbx.booted))
        self.pbx.hush()
        self.pbx.report_phones()

    @precondition(_connected)
    @rule()
    def look(self) -> None:
        """The adapter reads what exists: at a connect, and every now and then."""
        self.seen = self.pbx.snapshot()

    @precondition(lambda self: self.seen is not None)
    @rule()
    def sync(self) -> None:
        """The barrier has come: everything that was said before it is delivered, then the snapshot."""
        assert self.seen is not None
        self.deliver(len(self.pbx.news))
        seen, self.seen, self.faithful = self.seen, None, True
        self.stage.do(Synced(NODE, seen, frozenset(self.pbx.touched), frozenset(self.pbx.gone)))

    @precondition(_connected)
    @rule()
    def pbx_restarts(self) -> None:
        self.pbx.restart()
        self.seen, self.faithful = None, True
        self.stage.do(LinkLost(NODE))

    @rule(steps=st.integers(1, REMEMBERED), pbx_too=st.booleans())
    def callctl_is_killed(self, steps: int, pbx_too: bool) -> None:
        """It starts again with what the journal had then: a few steps may not have been stored."""
        if pbx_too:
            self.pbx.restart()
        rows = self.history[-steps:][0]
        self.pbx.link, self.seen, self.seed, self.history = False, None, self.seed + 1, [rows]
        self.pbx.news.clear()
        self._start(copied(rows), self.stage.now + seconds(1))

    @precondition(lambda self: self.stage.world.node_up(NODE) and self.pbx.news)
    @rule(then_break=st.booleans())
    def a_step_is_lost(self, then_break: bool) -> None:
        """The commands of the next step never arrive; the link breaks, or the next audit finds out."""
        self.lose_commands = True
        self.deliver(1)
        self.lose_commands = False
        lost = self.stage.commands
        if then_break or any(isinstance(command, Play | Answer) for command in lost):
            self._lose_link()

    # ── what must hold ───────────────────────────────────────────────────────────────────────

    @invariant()
    def the_pbx_is_what_the_world_wants(self) -> None:
        if self.faithful and isinstance(self.stage.world.nodes[NODE].phase, Up):
            wrong = list(amiss(self.stage.world, self.pbx))
            assert not wrong, wrong

    def teardown(self) -> None:
        """Everybody hangs up and time passes: nothing is left, and every call has its record."""
        if not hasattr(self, "stage"):
            return
        if not self.pbx.link:
            self.reconnect()
        self.seen = None
        for channel in self._channels(lambda c: True):
            self.pbx.end(channel, 16)
        for _ in range(2):  # whom the news before the first look named, in vain, the second tells of
            self.look()
            self.sync()
        self.time_passes(20.0)
        self.deliver(len(self.pbx.news))
        self.time_passes(20.0)
        world = self.stage.world
        assert not world.calls, f"calls are left: {world.calls}"
        assert not world.legs, f"legs are left: {world.legs}"
        assert all(isinstance(agent.state, Idle) for agent in world.agents.values()), world.agents
        for call, records in self.stage.rows.records.items():
            first = records[0]
            assert first.story.outcome is not None
            assert {(r.story.outcome, r.story.ended, r.story.ended_by) for r in records} == {
                (first.story.outcome, first.story.ended, first.story.ended_by)
            }
            again = (first.story.connected is not None) + self.ghosts.count(call)
            assert len(records) <= 1 + again, f"{call} has {len(records)} records"


def test_whatever_happens() -> None:
    run_state_machine_as_test(Machine, settings=settings(settings.get_profile("quick"), stateful_step_count=60))
