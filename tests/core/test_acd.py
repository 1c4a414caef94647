"""Who is served, and by whom, against the words of docs/acd.md, read once more here without the index."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callctl.core import engine
from callctl.core.addresses import E164, Address
from callctl.core.commands import Hangup
from callctl.core.events import PolicyChanged, Wish
from callctl.core.facts import CallEnded, CallOffered, CallQueued, CallRelaxed
from callctl.core.ids import SECOND, AgentId, CallId, Micros, PhoneId, QueueId, SkillId, seconds
from callctl.core.index import Lane
from callctl.core.model import (
    Offered,
    Outcome,
    Place,
    Queued,
    Reserved,
    Ringing,
    World,
)
from callctl.core.policy import (
    AgentPolicy,
    CallerPolicy,
    DefaultStatus,
    Destination,
    HangupReason,
    PhoneKind,
    PhonePolicy,
    Policy,
    QueuePolicy,
    Requirement,
    Stage,
    Strategy,
    ToQueue,
)
from callctl.core.routing import Choice, choose, score
from callctl.core.turn import MINUTE, place_key
from callctl.sim.office import NODE
from tests.core.book import against
from tests.core.world import Stage as Theatre
from tests.core.world import stage

pytestmark = pytest.mark.core

ENGLISH, GERMAN = SkillId("english"), SkillId("german")
QUEUES = (QueueId("one"), QueueId("two"))
NUMBERS = ("442079460001", "442079460002")


# ── offices ──────────────────────────────────────────────────────────────────────────────────

levels = st.dictionaries(st.sampled_from((ENGLISH, GERMAN)), st.sampled_from((10, 50, 90)), max_size=2)
requirements = st.builds(
    Requirement,
    needs=levels.map(lambda it: tuple(sorted(it.items()))),
    prefers=st.sampled_from(((), (ENGLISH,), (ENGLISH, GERMAN))),
    min_penalty=st.sampled_from((0, 0, 1)),
    max_penalty=st.sampled_from((None, None, 0, 2)),
)
stages = st.lists(requirements, max_size=3).map(
    lambda asks: tuple(Stage(seconds(10 * at), asked) for at, asked in enumerate(asks))
)


@st.composite
def offices(draw: st.DrawFn) -> Policy:
    names = [AgentId(f"a{n}") for n in range(draw(st.integers(1, 5)))]
    queues = {
        name: QueuePolicy(
            name,
            draw(st.sampled_from(Strategy)),
            weight=draw(st.integers(0, 3)),
            ageing=draw(st.integers(0, 3)),
            stages=draw(stages),
            wrap_up=draw(st.sampled_from((0, seconds(3)))),
        )
        for name in QUEUES
    }
    people = {
        name: AgentPolicy(
            name, name, PhoneId(name), QUEUES[: draw(st.integers(1, 2))], DefaultStatus.AVAILABLE,
            penalties={QUEUES[0]: draw(st.integers(0, 2))}, skills=draw(levels),
        )
        for name in names
    }  # fmt: skip
    entries: dict[Address, Destination] = {
        E164(number): ToQueue(name, draw(st.integers(0, 4))) for number, name in zip(NUMBERS, QUEUES, strict=True)
    }
    phones = {PhoneId(n): PhonePolicy(PhoneId(n), PhoneKind.PROVISIONED, n, NODE) for n in names}
    return Policy(sha="x", entries=entries, queues=queues, agents=people, phones=phones)


acts = st.lists(
    st.tuples(
        st.sampled_from(("calls", "calls", "answers", "ends", "pauses", "returns", "misses", "waits")),
        st.integers(0, 9),
    ),
    max_size=40,
)


def play(it: Theatre, what: str, which: int) -> None:
    """Something happens, where it can."""
    people = list(it.world.agents.values())
    agent = people[which % len(people)]
    ringing = [a.id for a in people if isinstance(a.state, Reserved | Ringing)]
    match what:
        case "calls":
            it.arrive(f"c{len(it.world.calls)}-{it.now}", NUMBERS[which % 2])
        case "answers" if ringing:
            it.answer(it.legs(ringing[which % len(ringing)])[0])
        case "misses" if ringing:
            it.gone(it.legs(ringing[which % len(ringing)])[0], 17, 486)
        case "ends" if it.world.legs:
            it.gone(sorted(it.world.legs)[which % len(it.world.legs)])
        case "pauses":
            it.ask(agent.id, Wish.PAUSE)
        case "returns":
            it.ask(agent.id, Wish.UNPAUSE)
        case _:
            it.wait(which)


@settings(max_examples=300, deadline=None)
@given(offices(), acts)
def test_each_choice_is_the_books(config: Policy, what: list[tuple[str, int]]) -> None:
    it, seen = stage(config), Counter[Strategy]()

    def watched(world: World, lanes: set[Lane], now: Micros) -> Choice | None:
        choice = choose(world, lanes, now)
        assert not against(choice, world, now)
        if choice is not None:
            seen[config.queues[it.world.calls[choice.call].story.queue or QUEUES[0]].strategy] += 1
        return choice

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "choose", watched)
        for one, which in what:
            play(it, one, which)
            it.now += 1


# ── nobody starves ───────────────────────────────────────────────────────────────────────────

Caller: TypeAlias = tuple[int, int, int]
callers = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 3600 * SECOND))
"""(weight, priority, queued since)."""


def rank_of(caller: Caller, ageing: int, name: str, now: Micros) -> tuple[float, ...]:
    weight, priority, since = caller
    key = place_key(Place(QUEUES[0], priority, since), CallId(name), ageing)
    return key[0] - weight * MINUTE - ageing * now, key[1]


@given(callers, callers, st.integers(1, 10))
def test_nobody_is_overtaken_by_who_came_too_much_later(x: Caller, y: Caller, ageing: int) -> None:
    """docs/acd.md: among queues of the same ageing, not by who came more than W / ageing minutes later."""
    more = max(0, y[0] + y[1] - x[0] - x[1])
    if y[2] - x[2] > more * MINUTE / ageing:
        now = max(x[2], y[2])
        assert rank_of(x, ageing, "x", now) < rank_of(y, ageing, "y", now)


@given(callers, callers, st.integers(1, 5), st.integers(1, 5), st.integers(0, 24 * 3600 * SECOND))
def test_in_a_faster_queue_only_within_the_bound(x: Caller, y: Caller, a: int, b: int, later: int) -> None:
    now = max(x[2], y[2]) + later
    before = rank_of(y, b, "y", now) < rank_of(x, a, "x", now)
    more = y[0] + y[1] - x[0] - x[1]
    if before:
        assert b * (now - y[2]) / MINUTE >= a * (now - x[2]) / MINUTE - more - 1e-6


# ── by example ───────────────────────────────────────────────────────────────────────────────


def office(strategy: Strategy, agents: int = 3, **queue: object) -> Theatre:
    """One queue without wrap-up, agents a0, a1, …, each reachable a second after the other."""
    one = replace(QueuePolicy(QUEUES[0], strategy, wrap_up=0), **queue)  # type: ignore[arg-type]
    names = [f"a{n}" for n in range(agents)]
    people = {AgentId(n): AgentPolicy(AgentId(n), n, PhoneId(n), (QUEUES[0],), DefaultStatus.AVAILABLE) for n in names}
    phones = {PhoneId(n): PhonePolicy(PhoneId(n), PhoneKind.PROVISIONED, n, NODE) for n in names}
    return stage(
        Policy(queues={QUEUES[0]: one}, entries={E164(NUMBERS[0]): ToQueue(QUEUES[0])}, agents=people, phones=phones)
    )


def serve(it: Theatre, talk: float = 10) -> str:
    """A caller comes, talks, and goes: to whom?"""
    leg = f"c-{it.now}"
    it.arrive(leg, NUMBERS[0])
    phase = it.call(leg).phase
    assert isinstance(phase, Offered)
    (agent,) = phase.agents
    ring = it.legs(agent)[0]
    it.answer(ring)
    it.wait(talk)
    it.gone(leg)
    it.gone(ring)
    it.wait(1)
    return agent


def test_round_robin_goes_on_where_it_was() -> None:
    it = office(Strategy.RR_MEMORY)
    assert [serve(it) for _ in range(4)] == ["a0", "a1", "a2", "a0"]
    it.ask("a1", Wish.PAUSE)
    assert [serve(it) for _ in range(2)] == ["a2", "a0"]


def test_linear_begins_at_the_first_each_time() -> None:
    it = office(Strategy.LINEAR)
    assert [serve(it) for _ in range(3)] == ["a0", "a0", "a0"]


def test_fewest_calls_counts_since_the_log_in() -> None:
    it = office(Strategy.FEWEST_CALLS)
    assert [serve(it) for _ in range(4)] == ["a0", "a1", "a2", "a0"]
    it.ask("a0", Wish.LOGOUT)
    it.ask("a0", Wish.LOGIN)
    assert serve(it) == "a0"


def test_least_talk_time() -> None:
    it = office(Strategy.LEAST_TALK_TIME, 2)
    assert [serve(it, talk) for talk in (30, 5, 5, 5)] == ["a0", "a1", "a1", "a1"]


def test_least_recent_is_of_the_queue() -> None:
    it = office(Strategy.LEAST_RECENT, 2)
    assert [serve(it) for _ in range(3)] == ["a0", "a1", "a0"]


def test_random_draws_each_about_as_often() -> None:
    it = office(Strategy.RANDOM, 3)
    drawn = Counter(serve(it, 1) for _ in range(300))
    assert all(60 < drawn[name] < 140 for name in ("a0", "a1", "a2")), drawn


def test_a_requirement_is_relaxed_while_the_caller_waits() -> None:
    asks = (Stage(0, Requirement(((GERMAN, 50),))), Stage(seconds(10), Requirement(((GERMAN, 20),))))
    it = office(Strategy.LONGEST_IDLE, stages=asks)
    learns = replace(it.world.policy.agents[AgentId("a2")], skills={GERMAN: 20})
    it.do(PolicyChanged(replace(it.world.policy, agents={**it.world.policy.agents, learns.id: learns})))
    it.arrive("c1", NUMBERS[0])
    assert isinstance(it.call("c1").phase, Queued)
    told = it.wait(10)
    assert [f.asks for f in told if isinstance(f, CallRelaxed)] == [asks[1].asks]
    assert [(f.agent, f.why) for f in told if isinstance(f, CallOffered)] == [
        ("a2", "longest idle of 1 free in one with german ≥ 20: 10.0 s")
    ]


def test_who_waits_already_is_asked_what_the_new_configuration_asks() -> None:
    it = office(Strategy.LONGEST_IDLE, stages=(Stage(0, Requirement(((GERMAN, 50),))),))
    it.arrive("c1", NUMBERS[0])
    assert isinstance(it.call("c1").phase, Queued)
    queues = {QUEUES[0]: replace(it.world.policy.queues[QUEUES[0]], stages=())}
    it.do(PolicyChanged(replace(it.world.policy, queues=queues)))
    assert isinstance(it.call("c1").phase, Offered)


def test_the_score_is_weight_and_priority_and_minutes() -> None:
    assert score(QueuePolicy(QUEUES[0], weight=2, ageing=3), Place(QUEUES[0], 5, 0), 90 * SECOND) == 2 + 5 + 4.5


# ── one agent at first ───────────────────────────────────────────────────────────────────────


def of_one(last: float = 3600, patience: float = 15) -> Theatre:
    it = office(Strategy.LONGEST_IDLE, last_agent=seconds(last), patience=seconds(patience))
    it.wait(1)
    return it


def test_the_last_agent_is_waited_for_and_then_anybody() -> None:
    it = of_one()
    assert serve(it) == "a0"
    it.arrive("other", NUMBERS[0], caller="33142685301")
    assert isinstance(it.call("other").phase, Offered)  # a1
    it.answer(it.legs("a1")[0])
    it.ask("a0", Wish.PAUSE)
    it.ask("a0", Wish.UNPAUSE)
    assert serve(it) == "a0"  # though a2 has been idle longer
    it.arrive("busy", NUMBERS[0], caller="33142685302")
    it.arrive("again", NUMBERS[0])
    assert it.told(CallQueued)[0].wants == "a0"
    phase = it.call("again").phase
    assert isinstance(phase, Queued | Offered)


def test_who_waits_for_an_agent_who_goes_is_given_to_others_at_once() -> None:
    it = of_one()
    assert serve(it) == "a0"
    it.arrive("other", NUMBERS[0], caller="33142685301")
    it.answer(it.legs("a1")[0])
    it.arrive("third", NUMBERS[0], caller="33142685302")
    it.answer(it.legs("a2")[0])
    it.arrive("fourth", NUMBERS[0], caller="33142685303")
    it.answer(it.legs("a0")[0])
    it.arrive("again", NUMBERS[0])
    assert isinstance(it.call("again").phase, Queued)
    it.ask("a0", Wish.PAUSE)
    phase = it.call("again").phase
    assert isinstance(phase, Queued)
    assert (phase.place.wants, phase.place.asks) == (None, Requirement())


def test_patience_ends() -> None:
    it = of_one(patience=10)
    assert serve(it) == "a0"
    it.arrive("other", NUMBERS[0], caller="33142685301")
    it.arrive("third", NUMBERS[0], caller="33142685302")
    it.arrive("fourth", NUMBERS[0], caller="33142685303")  # all three are rung
    it.arrive("again", NUMBERS[0])
    for agent in ("a1", "a2", "a0"):
        it.answer(it.legs(agent)[0])
    it.gone("other")
    it.gone(next(leg for leg, one in it.world.legs.items() if one.agent == "a1"))
    assert isinstance(it.call("again").phase, Queued)  # a1 is free, and not the one
    it.wait(10)
    assert isinstance(it.call("again").phase, Offered)


def test_a_talk_too_long_ago_counts_no_more() -> None:
    it = of_one(last=60)
    assert serve(it) == "a0"
    it.wait(61)
    it.ask("a0", Wish.PAUSE)
    it.ask("a0", Wish.UNPAUSE)
    it.arrive("again", NUMBERS[0])
    assert it.told(CallQueued)[0].wants is None


def test_what_is_known_of_a_caller() -> None:
    it = office(Strategy.LONGEST_IDLE)
    vip = E164("33142685300")
    callers: dict[Address, CallerPolicy] = {vip: CallerPolicy("Ada", priority=5, agent=AgentId("a2"))}
    it.do(PolicyChanged(replace(it.world.policy, callers=callers)))
    it.arrive("c1", NUMBERS[0])
    queued = it.told(CallQueued)[0]
    assert (queued.priority, queued.wants) == (5, "a2")
    assert it.told(CallOffered)[0].agent == "a2"
    it.do(PolicyChanged(replace(it.world.policy, callers={vip: CallerPolicy(blocked=True)})))
    it.arrive("c2", NUMBERS[0])
    ended = it.told(CallEnded)[0]
    assert (ended.outcome, it.wished(Hangup)[0].reason) == (Outcome.BLOCKED, HangupReason.REJECTED)


# ── who comes back ───────────────────────────────────────────────────────────────────────────


def test_who_left_and_calls_again_has_the_wait_counted() -> None:
    it = office(Strategy.LONGEST_IDLE, agents=1, returns=seconds(300))
    it.ask("a0", Wish.PAUSE)
    it.arrive("first", NUMBERS[0])
    it.wait(60)
    it.gone("first")
    it.wait(200)
    it.arrive("other", NUMBERS[0], "33142685301")
    it.wait(30)
    it.arrive("again", NUMBERS[0])
    phase = it.call("again").phase
    assert isinstance(phase, Queued)
    assert phase.place.credit == seconds(60)
    assert it.call("again").story.queued == it.now, "the record tells of this call alone"
    it.ask("a0", Wish.UNPAUSE)
    assert isinstance(it.call("again").phase, Offered), "60 s of then beat 30 s"
    it.gone("again")
    it.wait(301)
    it.arrive("late", NUMBERS[0])
    late = it.call("late").phase
    assert isinstance(late, Queued | Offered)
    assert late.place.credit == 0
