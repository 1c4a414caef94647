from __future__ import annotations

import io
import json
import logging
import typing
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from callctl.api.explain import Teller, explain
from callctl.core.addresses import Emergency, Extension, Withheld
from callctl.core.engine import Step
from callctl.core.events import BridgeFailed, Event, Wish
from callctl.core.facts import (
    AgentStatusChanged,
    CallEnded,
    CallEntered,
    CallRequeued,
    DigitsTaken,
    DigitTaken,
    EmergencyCalled,
    Fact,
    GhostAnswered,
    NodeChanged,
    PolicyApplied,
    RingEnded,
    StrayEvent,
    TrunkChanged,
    Walked,
    WrapUpEnded,
)
from callctl.core.ids import SECOND, CallId, LegId, MenuId, PhoneId, QueueId, TrunkId
from callctl.core.model import Down, Outcome, Party, Paused, RingResult, Switch
from callctl.core.policy import QueuePolicy, ToMenu
from callctl.runtime.masking import MASKED, Masking
from callctl.runtime.ports import Observer
from callctl.sim import office
from callctl.telemetry import log, story
from callctl.telemetry.agents import ACTIVITIES
from callctl.telemetry.metrics import Metrics
from tests.adapters import desk
from tests.core import world as core
from tests.core.situations import asks_after

pytestmark = pytest.mark.adapter


@pytest.fixture
def metrics() -> Metrics:
    world = desk.world()
    return Metrics(lambda: world, lambda: desk.NOON)


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample as Prometheus reads it: `name{label=value,…}` → value."""
    found = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def see(metrics: Metrics, *facts: Fact) -> dict[str, float]:
    metrics.saw(desk.NOON, facts)
    return samples(metrics)


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────


def test_whole_call_is_counted(metrics: Metrics) -> None:
    whole = [fact for _, fact in desk.story(desk.OVER)]
    found = see(metrics, *whole, WrapUpEnded(desk.OVER, desk.ANA, 7 * SECOND))
    assert found["callctl_calls_entered_total{node=pbx}"] == 1
    assert found["callctl_calls_ended_total{by=caller,outcome=answered}"] == 1
    assert found["callctl_menu_choices_total{choice=1,menu=main}"] == 1
    assert found["callctl_queue_entered_total{queue=sales}"] == 1
    assert found["callctl_queue_answered_total{queue=sales}"] == 1
    assert found["callctl_queue_abandoned_total{queue=sales}"] == 0
    assert found["callctl_queue_ended_total{outcome=answered,queue=sales}"] == 1
    assert found["callctl_queue_speed_of_answer_seconds_sum{queue=sales}"] == pytest.approx(8.8)
    assert found["callctl_queue_talk_seconds_sum{queue=sales}"] == 78
    assert found["callctl_queue_wrap_up_seconds_sum{queue=sales}"] == 7
    assert found["callctl_queue_rings_total{queue=sales,result=rejected}"] == 1
    assert found["callctl_queue_rings_total{queue=sales,result=answered}"] == 1
    assert found["callctl_queue_ring_seconds_count{queue=sales}"] == 2


def test_abandoned_call_is_counted_with_its_wait(metrics: Metrics) -> None:
    ended = CallEnded(desk.OVER, desk.SALES, None, Outcome.ABANDONED, Party.CALLER, 16, 0, 30 * SECOND, 0)
    found = see(metrics, ended, CallRequeued(desk.WAITING, desk.SALES, 1, "no answer"))
    assert found["callctl_queue_abandoned_total{queue=sales}"] == 1
    assert found["callctl_queue_abandon_wait_seconds_sum{queue=sales}"] == 30
    assert found["callctl_queue_talk_seconds_count{queue=sales}"] == 0
    assert found["callctl_queue_requeued_total{queue=sales}"] == 1


def test_everything_configured_starts_at_zero(metrics: Metrics) -> None:
    found = samples(metrics)
    for result in RingResult:
        assert found[f"callctl_queue_rings_total{{queue=sales,result={result.value}}}"] == 0
    assert found["callctl_menu_choices_total{choice=invalid,menu=main}"] == 0
    assert found["callctl_queue_speed_of_answer_seconds_count{queue=sales}"] == 0


def test_a_new_configuration_starts_its_series() -> None:
    world = desk.world()
    metrics = Metrics(lambda: world, lambda: desk.NOON)
    assert "callctl_queue_entered_total{queue=sales}" in samples(metrics)
    assert "callctl_queue_entered_total{queue=care}" not in samples(metrics)
    care = QueueId("care")
    world.policy = replace(world.policy, queues={**world.policy.queues, care: QueuePolicy(care)})
    found = see(metrics, PolicyApplied("abc"))
    assert found["callctl_queue_entered_total{queue=care}"] == 0
    assert found["callctl_policies_applied_total"] == 1


def test_nodes_of_flows_and_digits_there_are_counted(metrics: Metrics) -> None:
    call, number = desk.WAITING, MenuId("orders/number")
    found = see(
        metrics,
        Walked(call, ("orders/hello", "orders/menu")),
        Walked(call, ("orders/menu",)),
        DigitsTaken(call, number, "4711", 4, True),
        DigitsTaken(call, number, "", 9, False),
    )
    nodes = {name: value for name, value in found.items() if name.startswith("callctl_flow_nodes_total")}
    assert nodes == {
        "callctl_flow_nodes_total{flow=orders,node=hello}": 1,
        "callctl_flow_nodes_total{flow=orders,node=menu}": 2,
    }
    assert found["callctl_menu_choices_total{choice=digits,menu=orders/number}"] == 1
    assert found["callctl_menu_choices_total{choice=invalid,menu=orders/number}"] == 1
    assert not any("4711" in name for name in found)


def test_what_a_caller_says_is_never_a_label(metrics: Metrics) -> None:
    caller = Withheld("FROM_CALLER")
    entered = CallEntered(desk.OVER, desk.PBX, LegId("l"), caller, '+33"x\nFROM_CALLER', ToMenu(desk.MAIN))
    digit = DigitTaken(desk.OVER, desk.MAIN, "9", None)
    emergency = EmergencyCalled(desk.PBX, PhoneId("p-ana"), desk.ANA, Emergency("112"), 'x"\nFROM_CALLER')
    metrics.saw(desk.NOON, [entered, digit, emergency])
    assert "from_caller" not in metrics.exposition().decode().lower()
    found = samples(metrics)
    assert found["callctl_menu_choices_total{choice=invalid,menu=main}"] == 1
    assert found["callctl_emergency_calls_total{node=pbx,result=other}"] == 1


def test_ghosts_strays_nodes_and_trunks(metrics: Metrics) -> None:
    found = see(
        metrics,
        RingEnded(desk.OVER, desk.SALES, desk.ANA, RingResult.GHOST, SECOND),
        GhostAnswered(desk.OVER, desk.SALES, desk.ANA),
        StrayEvent("LegRinging", "Ended"),
        TrunkChanged(desk.PBX, TrunkId("carrier"), True, "OPTIONS answered"),
    )
    assert found["callctl_queue_rings_total{queue=sales,result=ghost}"] == 1
    assert found["callctl_queue_ghosts_total{queue=sales}"] == 1
    assert found["callctl_stray_events_total{event=LegRinging,phase=Ended}"] == 1
    assert found["callctl_node_up{node=pbx}"] == 1
    assert found["callctl_trunk_up{node=pbx,trunk=carrier}"] == 1
    assert found["callctl_trunk_up{node=pbx,trunk=spare}"] == 0


def test_a_trunk_that_is_configured_no_more_is_not_shown() -> None:
    world, carrier = desk.world(), TrunkId("carrier")
    metrics = Metrics(lambda: world, lambda: desk.NOON)
    up = TrunkChanged(desk.PBX, carrier, True, "OPTIONS answered")
    assert "callctl_trunk_up{node=pbx,trunk=spare}" in see(metrics, up)
    world.policy = replace(world.policy, trunks={carrier: world.policy.trunks[carrier]})
    found = samples(metrics)
    assert found["callctl_trunk_up{node=pbx,trunk=carrier}"] == 1
    assert "callctl_trunk_up{node=pbx,trunk=spare}" not in found


def test_a_node_that_is_down_says_so() -> None:
    world = desk.world()
    world.nodes[desk.PBX].phase = Down(desk.NOON)
    assert samples(Metrics(lambda: world, lambda: desk.NOON))["callctl_node_up{node=pbx}"] == 0


def test_gauges_are_read_off_the_world(metrics: Metrics) -> None:
    found = samples(metrics)
    assert found["callctl_queue_waiting{queue=sales}"] == 1
    assert found["callctl_queue_longest_wait_seconds{queue=sales}"] == 12.5
    assert found["callctl_queue_agents{queue=sales,standing=routable}"] == 1
    assert found["callctl_queue_agents{queue=sales,standing=busy}"] == 1
    assert found["callctl_queue_agents{queue=sales,standing=logged_out}"] == 1
    assert found["callctl_calls{phase=queued}"] == 1
    assert found["callctl_calls{phase=offered}"] == 0
    assert found["callctl_agents_status{status=available}"] == 2
    assert found["callctl_agents_state{state=on_call}"] == 1
    assert found["callctl_agents_phone{phone=unreachable}"] == 1
    assert found["callctl_switch_on{switch=fire}"] == 0


def test_a_switch_that_is_on_shows() -> None:
    world = desk.world()
    world.switches[desk.FIRE] = Switch(desk.FIRE, desk.NOON, "eve")
    assert samples(Metrics(lambda: world, lambda: desk.NOON))["callctl_switch_on{switch=fire}"] == 1


def test_pulled_gauges_and_poison(metrics: Metrics) -> None:
    metrics.poisoned()
    metrics.pull("links", "Links that are open", lambda: 4)
    found = samples(metrics)
    assert found["callctl_poison_events_total"] == 1
    assert found["callctl_links"] == 4


def test_wrap_up_of_a_call_that_ended_before_the_start_has_its_queue(metrics: Metrics) -> None:
    world = desk.world()
    world.calls[desk.TALKING].story.queue = desk.SALES
    metrics = Metrics(lambda: world, lambda: desk.NOON)
    found = see(
        metrics,
        WrapUpEnded(desk.TALKING, desk.BEN, 4 * SECOND),
        WrapUpEnded(CallId("unknown"), desk.BEN, SECOND),
    )
    assert found["callctl_queue_wrap_up_seconds_sum{queue=sales}"] == 4
    assert found["callctl_queue_wrap_up_seconds_count{queue=sales}"] == 1


def test_counts_agree_with_the_records_of_a_real_core() -> None:
    stage = core.stage()
    metrics = Metrics(lambda: stage.world, lambda: stage.now)
    told: dict[CallId, list[tuple[int, Fact]]] = {}

    def watch(_: Event, done: Step) -> None:
        metrics.saw(stage.now, done.facts)
        for fact in done.facts:
            if isinstance(fact, CallEntered) or getattr(fact, "call", None) in told:
                told.setdefault(fact.call, []).append((stage.now, fact))  # type: ignore[union-attr]

    stage.watch = watch
    stage.arrive("c1", office.TO_MENU)
    stage.press("c1", "9")
    stage.gone("c1")  # in the menu
    stage.arrive("c2", office.TO_MENU)
    stage.press("c2", "1")
    ana = stage.legs("ana")[0]
    stage.ring(ana)
    stage.wait(25)  # ana does not answer; ben's phone rings
    stage.gone(ana)
    ben = stage.legs("ben")[0]
    stage.answer(ben)
    stage.do(BridgeFailed(office.NODE, stage.call("c2").id, LegId(ben), "no such channel"))
    stage.gone(ben)
    ana = stage.legs("ana")[0]
    stage.answer(ana)
    stage.wait(40)
    stage.gone("c2")
    stage.gone(ana)
    stage.wait(60)
    stage.arrive("c3")
    stage.wait(3)
    ringing = [leg for leg in stage.world.legs if leg != "c3"]
    stage.gone("c3")  # abandoned while it rings, and answered by a ghost
    stage.answer(ringing[0])
    for leg in ringing:
        stage.gone(leg)
    stage.arrive("c4", "442079460099")  # an unknown number
    stage.gone("c4")

    records = [versions[-1] for versions in stage.rows.records.values()]
    found = samples(metrics)
    assert len(records) == 4 == found["callctl_calls_entered_total{node=pbx}"]
    assert Counter(f"{{by={r.story.ended_by},outcome={r.story.outcome}}}" for r in records) == {
        name.removeprefix("callctl_calls_ended_total"): value
        for name, value in found.items()
        if name.startswith("callctl_calls_ended_total") and value
    }
    sales = [r for r in records if r.story.queue == office.SALES]
    outcomes = Counter(r.story.outcome for r in sales)
    assert found["callctl_queue_entered_total{queue=sales}"] == len(sales) == 2
    assert found["callctl_queue_speed_of_answer_seconds_count{queue=sales}"] == 1
    assert found["callctl_queue_answered_total{queue=sales}"] == outcomes[Outcome.ANSWERED] == 1
    assert found["callctl_queue_abandoned_total{queue=sales}"] == outcomes[Outcome.ABANDONED] == 1
    assert found["callctl_queue_ghosts_total{queue=sales}"] == 1
    assert found["callctl_queue_wrap_up_seconds_count{queue=sales}"] == 1
    assert set(told) == {r.id for r in records}
    for facts in told.values():
        lines = explain(desk.stored(facts), Teller(stage.world.policy, MASKED))
        assert lines[0]["kind"] == "CallEntered"
        assert not [line for line in lines if "no words" in line["text"]]


# ── log lines ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


def told(facts: list[Fact], *, unmask: bool = False, level: str = "debug") -> list[dict[str, typing.Any]]:
    out = io.StringIO()
    log.configure(level, json=True, unmask=unmask, stream=out)
    story.Storyteller().saw(desk.NOON, facts)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_every_fact_has_a_line() -> None:
    assert set(story.LINES) == set(typing.get_args(Fact))


def test_observers_fit_their_port(metrics: Metrics) -> None:
    observers: list[Observer] = [metrics, story.Storyteller()]
    for observer in observers:
        observer.saw(desk.NOON, [])


@pytest.mark.usefixtures("restored_logging")
def test_numbers_and_digits_are_masked_and_the_call_is_named() -> None:
    lines = told([fact for _, fact in desk.story(desk.OVER)])
    assert all(line["call"] == desk.OVER for line in lines)
    text = json.dumps(lines, ensure_ascii=False)
    assert "612345" not in text
    assert "123456789" not in text
    assert lines[0]["caller"] == "+33…78"
    assert lines[2]["digit"] == "•"
    to = {"kind": "ToQueue", "queue": "sales", "priority": 0, "stages": [], "agent": None}
    assert lines[2]["to"] == to
    assert lines[-1]["event"] == "call ended"
    assert lines[-1]["talked"] == 78


@pytest.mark.usefixtures("restored_logging")
def test_numbers_are_shown_when_asked() -> None:
    lines = told([fact for _, fact in desk.story(desk.OVER)], unmask=True)
    assert lines[0]["caller"] == "+33612345678"
    assert lines[0]["dialled"] == "+33123456789"
    assert lines[2]["digit"] == "1"


@pytest.mark.usefixtures("restored_logging")
def test_levels_say_what_somebody_must_act_upon() -> None:
    lost = CallEnded(desk.OVER, None, None, Outcome.PBX_LOST, Party.PBX, 0, 0, 0, 0)
    lines = told(
        [
            lost,
            NodeChanged(desk.PBX, "down", "link lost"),
            TrunkChanged(desk.PBX, TrunkId("carrier"), False, "no answer"),
            StrayEvent("LegRinging", "Ended"),
            AgentStatusChanged(desk.ANA, Paused("lunch"), "api", ""),
        ],
        level="info",
    )
    assert [line["level"] for line in lines] == ["error", "warning", "warning", "info"]
    assert lines[-1]["status"] == {"kind": "Paused", "reason": "lunch"}


@pytest.mark.usefixtures("restored_logging")
def test_libraries_go_the_same_way_and_through_the_same_mask() -> None:
    out = io.StringIO()
    log.configure("info", json=True, stream=out)
    logging.getLogger("some.library").warning("dialled %s, port %d", "+33612345678", 5060)
    with structlog.contextvars.bound_contextvars(call=desk.OVER):
        structlog.stdlib.get_logger("callctl.x").info("asked", number="00441632960961")
        try:
            raise ValueError("33612345678 is odd")
        except ValueError:
            structlog.stdlib.get_logger("callctl.x").exception("failed")
    foreign, own, failed = (json.loads(line) for line in out.getvalue().splitlines())
    assert foreign["event"] == "dialled +33…78, port 5060"
    assert foreign["logger"] == "some.library"
    assert own["call"] == desk.OVER
    assert own["number"] == "004…61"
    assert "612345" not in failed["exception"]


@pytest.mark.usefixtures("restored_logging")
def test_pretty_lines_and_wrong_level() -> None:
    out = io.StringIO()
    log.configure("info", json=False, stream=out)
    story.Storyteller().saw(desk.NOON, [NodeChanged(desk.PBX, "up", "synced")])
    assert "node changed" in out.getvalue()
    assert not out.getvalue().startswith("{")
    with pytest.raises(ValueError, match="must be debug"):
        log.configure("loud")


def test_masking_keeps_what_is_the_houses_own() -> None:
    assert MASKED.address(Extension("2001")) == "2001"
    assert MASKED.address(Emergency("112")) == "112"
    assert MASKED.text("call 0612345678 now, port 65535") == "call 061…78 now, port 65535"
    assert MASKED.text(desk.OVER) == desk.OVER
    assert Masking(unmask=True).digits("12") == "12"


def test_what_agents_do_is_counted_to_the_second() -> None:
    it = core.stage(office.policy(("ana",)))
    metrics = Metrics(lambda: it.world, lambda: it.now)
    it.watch = lambda event, done: metrics.saw(it.now, done.facts)
    it.wait(10)
    it.arrive("c1")
    it.wait(2)
    leg = it.legs("ana")[0]
    it.answer(leg)
    it.ask("ana", Wish.PAUSE)  # talks until the call is over
    it.wait(30)
    it.gone("c1")
    it.gone(leg)
    it.wait(10)
    it.wait(7)
    it.ask("ana", Wish.LOGOUT)
    it.wait(100)
    seen = samples(metrics)
    found = {what: seen[f"callctl_agent_activity_seconds_total{{activity={what},agent=ana}}"] for what in ACTIVITIES}
    # The first look at the agent is with the first change: what was before is not known.
    done = {"idle": 0.0, "ringing": 2.0, "talking": 30.0, "wrap_up": 10.0, "paused": 7.0}
    assert found == {**dict.fromkeys(ACTIVITIES, 0.0), **done}
    assert seen["callctl_agent_answered_total{agent=ana}"] == 1
    assert seen["callctl_agent_missed_total{agent=ana}"] == 0


def test_a_miss_is_counted_for_the_agent() -> None:
    it = core.stage(office.policy(("ana",)))
    metrics = Metrics(lambda: it.world, lambda: it.now)
    it.watch = lambda event, done: metrics.saw(it.now, done.facts)
    it.arrive("c1")
    it.gone(it.legs("ana")[0], 17, 486)
    assert samples(metrics)["callctl_agent_missed_total{agent=ana}"] == 1


def test_short_abandons_and_the_service_level_are_counted_apart() -> None:
    it = core.stage(office.policy(("ana",)), reachable=())
    metrics = Metrics(lambda: it.world, lambda: it.now)
    it.watch = lambda event, done: metrics.saw(it.now, done.facts)
    for leg, wait in (("c1", 1.0), ("c2", 10.0), ("c3", 30.0)):
        it.arrive(leg)
        it.wait(wait)
        it.gone(leg)
    for leg, wait in (("c4", 5.0), ("c5", 25.0)):
        it.arrive(leg)
        it.wait(wait)
        it.contacts("ana", "sip:ana@1")
        it.answer(it.legs("ana")[0])
        it.contacts("ana")
        it.gone(leg)
        it.gone(next(name for name, of in it.world.legs.items() if of.agent))
        it.wait(30)
    seen = samples(metrics)
    counts = {
        "abandoned": 3.0, "abandoned_short": 1.0, "abandoned_after_target": 1.0, "answered": 2.0,
        "answered_in_target": 1.0,
    }  # fmt: skip
    assert {name: seen[f"callctl_queue_{name}_total{{queue=sales}}"] for name in counts} == counts
    assert seen["callctl_queue_service_level_target_seconds{queue=sales}"] == 20


def test_an_agent_who_hangs_up_at_once_has_answered_nobody() -> None:
    it = core.stage(office.policy(("ana", "ben")))
    metrics = Metrics(lambda: it.world, lambda: it.now)
    it.watch = lambda event, done: metrics.saw(it.now, done.facts)
    leg = it.talk("c1", "ana")
    it.gone(leg)
    seen = samples(metrics)
    assert seen["callctl_queue_answered_total{queue=sales}"] == 0
    assert seen["callctl_agent_missed_total{agent=ana}"] == 1
    it.answer(it.legs("ben")[0])
    assert samples(metrics)["callctl_queue_answered_total{queue=sales}"] == 0
    it.wait(1)
    assert samples(metrics)["callctl_queue_answered_total{queue=sales}"] == 1
    it.gone("c1")
    seen = samples(metrics)
    assert seen["callctl_queue_answered_total{queue=sales}"] == 1
    assert (seen["callctl_agent_answered_total{agent=ana}"], seen["callctl_agent_answered_total{agent=ben}"]) == (0, 1)


def test_a_talk_that_leads_on_is_counted_when_it_ends_and_once() -> None:
    it = core.stage(asks_after(ToMenu(office.SURVEY)), reachable=("ana",))
    metrics = Metrics(lambda: it.world, lambda: it.now)
    it.watch = lambda event, done: metrics.saw(it.now, done.facts)
    assert samples(metrics)["callctl_after_talk_total{queue=sales}"] == 0
    leg = it.talk("c1", "ana")
    it.wait(20)
    it.gone(leg)
    it.wait(12)
    seen = samples(metrics)
    assert seen["callctl_after_talk_total{queue=sales}"] == 1
    assert seen["callctl_queue_talk_seconds_sum{queue=sales}"] == 20
    assert seen["callctl_queue_wrap_up_seconds_sum{queue=sales}"] == 10
    assert seen["callctl_queue_answered_total{queue=sales}"] == 1
    assert seen["callctl_calls_ended_total{by=caller,outcome=answered}"] == 0
    it.gone("c1")
    seen = samples(metrics)
    assert seen["callctl_queue_talk_seconds_count{queue=sales}"] == 1
    assert seen["callctl_queue_answered_in_target_total{queue=sales}"] == 1
    assert seen["callctl_calls_ended_total{by=caller,outcome=answered}"] == 1
    assert seen["callctl_queue_ended_total{outcome=answered,queue=sales}"] == 1


def test_refusals_start_at_nought() -> None:
    """Or the first one would be no increase."""
    it = core.stage(office.policy(("mob",)))
    seen = samples(Metrics(lambda: it.world, lambda: it.now))
    assert seen["callctl_dial_refused_total{purpose=overflow,rule=stopped}"] == 0
