"""Random flows × random callers, and every node of the office's flows × every kind of caller: nothing raises, nothing
hangs, nothing goes round by itself, and each call ends with one record. `Stage.do` checks the rest after each step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callctl.core.addresses import E164
from callctl.core.commands import Play
from callctl.core.engine import Step, next_due
from callctl.core.events import Event, LegSeen, LegState, LinkLost, LinkRestored, LookedUp, PolicyChanged, Snapshot
from callctl.core.events import Synced as SyncedEvent
from callctl.core.flows import (
    Branch,
    Chance,
    Compares,
    Enter,
    Figure,
    Flow,
    Flows,
    Gather,
    Goes,
    InLanguage,
    Lookup,
    Menu,
    Node,
    Note,
    Open,
    Put,
    QueueHas,
    Relation,
    Speak,
    Spoken,
)
from callctl.core.ids import SECOND, FlowId, LookupId, MenuId
from callctl.core.model import Announcing, Ended, HandedOver, InMenu, LookingUp, Queued
from callctl.core.policy import Policy
from callctl.core.recovery import restore
from callctl.core.walk import MOST_NODES, node_at
from callctl.core.ways import Announce, Back, Destination, HangUp, Next, OptOut, ToFlow, ToMenu, ToQueue, Voicemail, Way
from callctl.sim.flows import ALWAYS
from callctl.sim.flows import flows as office_flows
from callctl.sim.office import MAIN, NODE, SALES, bare, policy
from callctl.sim.rows import copied
from callctl.store import codec
from tests.core.world import Stage, stage

pytestmark = pytest.mark.core

NUMBER, CALLER = "442079460099", "c1"
NAMES = tuple(f"n{at}" for at in range(6))
FLOWS = tuple(map(FlowId, ("f", "g", "h")))
SECRET = "739184620517"
"""What is pressed where it is kept in memory alone; elsewhere these keys are not pressed."""
KEYS = "12*#"
MOST_STEPS = 400
"""What happens to a caller who does nothing, until they are out of every flow: three tries of 18 nodes, and more."""
OUT: tuple[Destination, ...] = (
    ToQueue(SALES),
    HangUp(),
    ToMenu(MAIN),
    Announce(("sound:bye",), HangUp()),
    Voicemail("100"),
    OptOut(),
)
PROMPTS = ((), ("sound:a",), (Spoken("digits", "{a}"), InLanguage({"en": ("sound:en",), "fr": ()})))


# ── flows ────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Maker:
    """Draws flows. `sound`: as `check` would let them pass: whoever presses nothing comes to later nodes and flows
    alone, and everything that is named is there."""

    draw: st.DrawFn
    sound: bool

    def pick(self, *of: object) -> object:
        return self.draw(st.sampled_from(of))

    def way(self, flow: int, at: int, pressed: bool = False) -> Way:
        names, flows = (NAMES, FLOWS) if pressed else (NAMES[at + 1 :], FLOWS[flow + 1 :])
        ways: list[Way] = [*OUT, Back(), *map(Next, names), *map(Next, names)]
        ways += map(ToFlow, () if pressed and self.sound else flows)
        if not self.sound:
            ways += [*map(Next, (*NAMES, "nowhere")), *map(ToFlow, (*FLOWS, FlowId("nowhere")))]
        return self.draw(st.sampled_from(ways))

    def node(self, flow: int, at: int) -> Node:
        on, other, key = self.way(flow, at), self.way(flow, at), self.way(flow, at, pressed=True)
        prompts = self.draw(st.sampled_from(PROMPTS))
        tries, barge_in, flag = (self.draw(st.integers(1, 3)), self.draw(st.booleans()), self.draw(st.booleans()))
        name = MenuId(f"{FLOWS[flow]}/{NAMES[at]}")
        said = "{a}-{caller}-{nobody}"
        url = "https://crm.example/{secret}" if flag else "https://crm.example/?a={a}"
        pin = replace(
            Gather(name, prompts, "secret", key, on), tries=tries, least=6, most=12, sensitive=True, barge_in=barge_in
        )
        found = (("b", "/b"),)
        test = Compares("{secret}", Relation.ABOVE, ("5",)) if flag else Compares("{b}", Relation.IS, ("x", ""))
        called = FLOWS[flow + 1 :] if self.sound else (*FLOWS, FlowId("nowhere"))
        kinds: list[Node] = [
            Menu(name, prompts, {"1": key, "*": key}, on, tries=tries, barge_in=barge_in),
            Gather(name, prompts, "a", key, on, tries=tries, luhn=flag, most=3, barge_in=barge_in),
            replace(pin, end="" if flag else "#"),
            pin,
            Speak(prompts, on),
            Lookup(url, found, on, other, meanwhile=prompts),
            Branch((((test,), on), ((Chance(5000), Open(ALWAYS)), other)), on),
            Branch((((QueueHas(SALES, Figure.WAITING, most=0),), on),), other),
            Put((("a", said),), on, language="fr" if flag else ""),
            Note((("noted", said),), on),
            Goes(on),
            *(Enter(it, on) for it in called),
        ]
        return self.draw(st.sampled_from(kinds))

    def flow(self, number: int) -> Flow:
        nodes = {name: self.node(number, at) for at, name in enumerate(NAMES)}
        answers = self.draw(st.booleans())
        return Flow(FLOWS[number], NAMES[0], nodes, {"a": "12"}, answers)


@st.composite
def some_flows(draw: st.DrawFn, sound: bool) -> dict[FlowId, Flow]:
    maker = Maker(draw, sound)
    return {name: maker.flow(at) for at, name in enumerate(FLOWS)}


def policy_of(flows: dict[FlowId, Flow], version: str = "v1", start: FlowId = FLOWS[0]) -> Policy:
    known = policy()
    made = Flows(version, flows, office_flows().calendars)
    return replace(known, sha=version, flows=made, entries={**known.entries, E164(NUMBER): ToFlow(start)})


# ── callers ──────────────────────────────────────────────────────────────────────────────────


@dataclass
class Caller:
    """Somebody in a flow, and all that may happen meanwhile."""

    it: Stage
    told: list[str] = field(default_factory=list)
    lives: int = 1
    pressed: int = 0

    def __post_init__(self) -> None:
        self._watch_on(self.it)
        self.it.arrive(CALLER, NUMBER)

    def _watch_on(self, it: Stage) -> None:
        self.it = it
        self._played = self._playing()
        it.watch = self._watch

    @property
    def phase(self) -> object:
        return self.it.call(CALLER).phase if CALLER in self.it.world.legs else None

    def _playing(self) -> object:
        return getattr(self.phase, "playing", None)

    def _watch(self, event: Event, done: Step) -> None:
        self.told += [repr(done.facts), *map(codec.dumps, done.facts)]
        calls = (*self.it.world.calls.values(), *self.it.rows.calls.values(), *done.touched.records)
        self.told += [text for call in calls for text in (repr(call), codec.dumps(call))]
        playing = self._playing()
        if playing not in (None, self._played) and isinstance(self.phase, InMenu | Announcing | LookingUp):
            assert playing in {it.playback for it in done.commands if isinstance(it, Play)}, event
        self._played = playing

    def press(self, key: str) -> None:
        """Another key than this one, where what is pressed is kept in memory alone."""
        if CALLER not in self.it.world.legs:
            return
        phase = self.phase
        if isinstance(phase, InMenu) and phase.spot is not None:
            node = node_at(self.it.world, phase.spot)
            if isinstance(node, Gather) and node.sensitive and key != "#":
                key = SECRET[self.pressed % len(SECRET)]
                self.pressed += 1
        self.it.press(CALLER, key)

    def goes_on(self, failed: bool = False) -> None:
        """The caller does nothing: prompts end, or time passes; what is heard meanwhile takes a while."""
        if isinstance(self.phase, LookingUp):
            self.it.wait(3)
        if self._playing() is not None:
            self.it.heard(CALLER, failed)
        elif (due := next_due(self.it.world)) is not None:
            self.it.wait((due - self.it.now) / SECOND + 0.001)

    def answer(self, how: str) -> None:
        phase = self.phase
        request = phase.request if isinstance(phase, LookingUp) and how != "late" else LookupId("old")
        call = self.it.call(CALLER).id if CALLER in self.it.world.legs else next(iter(self.it.rows.records))
        self.it.do(LookedUp(call, request, {} if how == "failed" else {"b": "x"}, "timeout" * (how == "failed")))

    def link_breaks(self) -> None:
        self.it.do(LinkLost(NODE))
        self.goes_on_in_silence()
        self._link()

    def goes_on_in_silence(self) -> None:
        self.it.wait(1)

    def _link(self) -> None:
        self.it.do(LinkRestored(NODE, "boot-1"))
        seen = tuple(LegSeen(leg, LegState.UP, True) for leg in self.it.world.legs)
        self.it.do(SyncedEvent(NODE, Snapshot(seen)))

    def is_killed(self) -> None:
        """callctl is, and starts again from the rows; nothing of a Hidden is in them."""
        self.lives += 1
        rows, now = copied(self.it.rows), self.it.now + SECOND
        parts = rows.calls.values(), rows.agents.values(), rows.nodes.values()
        world = restore(self.it.world.policy, self.lives, *parts, [NODE], now, flows=rows.flows.values())
        again = Stage(world, now, rows=rows)
        again.rows.agents, again.rows.nodes = copied((world.agents, world.nodes))
        self._watch_on(again)
        self._link()

    def hangs_up(self) -> None:
        if CALLER in self.it.world.legs:
            self.it.gone(CALLER)

    def is_in_flow(self) -> bool:
        return CALLER in self.it.world.legs and not isinstance(self.phase, Queued | HandedOver | Ended)

    def ends(self, sound: bool) -> None:
        """Whoever does nothing any more is out of every flow soon; then they hang up, and there is one record."""
        for _ in range(MOST_STEPS):
            if not self.is_in_flow():
                break
            self.goes_on()
        assert not (sound and self.is_in_flow()), f"goes round for ever: {self.phase}"
        self.hangs_up()
        self.it.wait(60)
        assert CALLER not in self.it.world.legs
        assert len(self.it.rows.records) == 1
        assert not self.it.rows.calls
        told = "\n".join(self.told)
        for at in range(len(SECRET) - 5):
            assert SECRET[at : at + 6] not in told


ACTS = st.one_of(
    st.sampled_from(KEYS).map(lambda key: ("press", key)),
    st.sampled_from(("on", "on", "on", "cannot hear", "keys", "link", "killed", "bare", "new", "wait", "up")).map(
        lambda what: (what, "")
    ),
    st.sampled_from(("found", "failed", "late")).map(lambda how: ("answer", how)),
)


def do(caller: Caller, act: tuple[str, str], other: Policy) -> None:
    match act:
        case ("press", key):
            caller.press(key)
        case ("keys", _):
            for key in "111111222222#":
                caller.press(key)
        case ("on", _):
            caller.goes_on()
        case ("cannot hear", _):
            caller.goes_on(failed=True)
        case ("answer", how):
            caller.answer(how)
        case ("link", _):
            caller.link_breaks()
        case ("killed", _):
            caller.is_killed()
        case ("bare", _):
            caller.it.do(PolicyChanged(bare()))
        case ("new", _):
            caller.it.do(PolicyChanged(other))
        case ("wait", _):
            caller.it.wait(2.5)
        case ("up", _):
            caller.hangs_up()


@pytest.mark.parametrize("sound", [True, False], ids=["checked", "arbitrary"])
def test_random_flows_and_random_callers(sound: bool) -> None:
    @settings(max_examples=60, deadline=None)
    @given(some_flows(sound), some_flows(sound), st.lists(ACTS, max_size=25))
    def walks(flows: dict[FlowId, Flow], others: dict[FlowId, Flow], acts: list[tuple[str, str]]) -> None:
        caller, other = Caller(stage(policy_of(flows), reachable=())), policy_of(others, "v2")
        for act in acts:
            do(caller, act, other)
        caller.ends(sound)

    walks()


# ── every node, by name ──────────────────────────────────────────────────────────────────────

OFFICE = office_flows().of


def nodes() -> Iterator[tuple[FlowId, str]]:
    yield from ((flow.id, node) for flow in OFFICE.values() for node in flow.nodes)


def caller_at(flow: FlowId, node: str) -> Caller:
    """Somebody comes to this node at once."""
    return Caller(stage(policy_of({**OFFICE, flow: replace(OFFICE[flow], start=node)}, start=flow), reachable=()))


@pytest.mark.parametrize("does", ["nothing", "every key", "*#", "hangs up", "is killed", "answers fail"])
@pytest.mark.parametrize(("flow", "node"), list(nodes()))
def test_at_each_node(flow: FlowId, node: str, does: str) -> None:
    caller = caller_at(flow, node)
    match does:
        case "every key":
            for key in "0123456789*#":
                caller.it.press(CALLER, key) if CALLER in caller.it.world.legs else None
        case "*#":
            for key in "*#*#":
                caller.press(key)
        case "hangs up":
            caller.hangs_up()
        case "is killed":
            caller.is_killed()
        case "answers fail":
            caller.answer("failed")
    caller.ends(sound=False)


def test_a_thousand_nodes_that_take_no_time_are_one_step() -> None:
    made: dict[str, Node] = {f"n{at}": Put((("a", f"{at}"),), Next(f"n{at + 1}")) for at in range(999)}
    caller = Caller(stage(policy_of({FLOWS[0]: Flow(FLOWS[0], "n0", {**made, "n999": Speak((), HangUp())})})))
    assert isinstance(caller.phase, Announcing)
    assert caller.it.call(CALLER).values["a"] == "998"
    assert MOST_NODES > 1_000
    caller.ends(sound=True)


def test_lookups_that_cannot_be_asked_go_round_no_further_than_anything_else() -> None:
    look = Lookup("https://crm.example/{nobody}", (), HangUp(), Next("n0"))
    caller = Caller(stage(policy_of({FLOWS[0]: Flow(FLOWS[0], "n0", {"n0": look})})))
    assert isinstance(caller.phase, Ended)
    caller.ends(sound=True)


def test_a_thousand_nodes_are_heard_one_after_the_other() -> None:
    made: dict[str, Node] = {f"n{at}": Speak((f"sound:{at}",), Next(f"n{at + 1}")) for at in range(999)}
    caller = Caller(stage(policy_of({FLOWS[0]: Flow(FLOWS[0], "n0", {**made, "n999": Goes(HangUp())})})))
    for at in range(1, 999):
        caller.goes_on()
        assert caller.it.wished(Play)[0].prompts == (f"sound:{at}",)
    caller.goes_on()
    assert not caller.is_in_flow()
