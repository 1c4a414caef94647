"""What campaigns do, as metrics, log lines and words: from the facts and the World of a real core."""

from __future__ import annotations

import io
import json
import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog

from callctl.api.explain import Teller, explain
from callctl.core.events import (
    CampaignAsked,
    CampaignWish,
    Heard,
    LegAnswered,
    LegLeft,
    LegUp,
    MessageLeft,
    PreviewAsked,
    PreviewWish,
    Wish,
)
from callctl.core.facts import (
    CallDialled,
    CallEnded,
    CallPickedUp,
    DetectionOff,
    Fact,
    LineChanged,
    Paced,
    TrunkHeld,
)
from callctl.core.ids import SECOND, AgentId, CallId, LegId, Micros
from callctl.core.model import Outcome, Party
from callctl.core.policy import Policy
from callctl.runtime import live
from callctl.runtime.masking import MASKED
from callctl.sim.lists import LOOK, NAILED, OUTBOUND, PREDICT, PUSH, calling
from callctl.sim.office import NODE, OUT
from callctl.telemetry import log, story
from callctl.telemetry.metrics import Metrics
from tests.adapters import desk
from tests.adapters.test_telemetry import samples
from tests.core.calling import Calling

pytestmark = pytest.mark.adapter


class Watched:
    """A Stage whose facts go where the loop sends them."""

    def __init__(self, *campaigns: Any, config: Policy | None = None) -> None:
        self.case = Calling(config=config)
        self.it = self.case.it
        self.metrics = Metrics(lambda: self.it.world, lambda: self.it.now)
        self.facts: list[tuple[Micros, Fact]] = []
        self.it.watch = lambda _, done: self._saw(done.facts)
        for campaign in campaigns:
            self.start(campaign)

    def _saw(self, facts: tuple[Fact, ...]) -> None:
        self.metrics.saw(self.it.now, facts)
        self.facts += [(self.it.now, fact) for fact in facts]

    def start(self, campaign: Any) -> None:
        self.it.do(CampaignAsked(campaign, CampaignWish.START, "test"))

    def answers(self, leg: LegId, heard: Heard) -> None:
        """Detection takes half a second: the second answer is still within the grace."""
        self.it.do(LegUp(NODE, leg))
        self.it.wait(0.5)
        self.it.do(LegAnswered(NODE, leg, heard))

    @property
    def found(self) -> dict[str, float]:
        return samples(self.metrics)

    def words(self, leg: LegId, until: int | None = None) -> list[str]:
        """The call's way, as `callctl explain` tells it."""
        call = next(it.call for _, it in self.facts if isinstance(it, CallDialled) and it.leg == leg)
        mine = [(at, it) for at, it in self.facts if getattr(it, "call", None) == call]
        return [line["text"] for line in explain(desk.stored(mine), Teller(self.it.world.policy, MASKED))]


def talked() -> tuple[Watched, LegId]:
    """One customer talks and wraps up; another found nobody."""
    it = Watched(PUSH)
    it.it.ask("ana", Wish.LOGOUT)
    first, second = it.case.give(PUSH, 1, 2)
    it.answers(first, Heard.HUMAN)
    it.answers(second, Heard.UNSURE)
    it.it.wait(3)
    it.it.heard(second)
    it.it.wait(5)
    it.it.gone(second)
    it.it.wait(10)
    it.it.gone(first)
    it.it.wait(6)
    return it, first


def test_customers_are_counted_with_their_campaign_and_not_with_the_queue() -> None:
    it, _ = talked()
    found = it.found
    assert found[f"callctl_campaign_dials_total{{campaign=push,trunk={OUT}}}"] == 2
    assert found["callctl_campaign_answers_total{campaign=push,heard=human,then=agent}"] == 1
    assert found["callctl_campaign_answers_total{campaign=push,heard=unsure,then=agent}"] == 1
    assert found["callctl_campaign_connects_total{campaign=push}"] == 1
    assert found["callctl_campaign_safe_harbours_total{campaign=push}"] == 1
    assert found["callctl_attempts_ended_total{campaign=push,outcome=abandoned}"] == 1
    assert found["callctl_attempts_ended_total{campaign=push,outcome=answered}"] == 1
    assert found["callctl_campaign_talk_seconds_count{campaign=push}"] == 1
    assert found["callctl_campaign_wrap_up_seconds_sum{campaign=push}"] == 5
    queue = {name: value for name, value in found.items() if f"queue={OUTBOUND}" in name and "_queue_" in name}
    still = ("_agents", "_target", "_rings", "_ring_")
    assert not [name for name, value in queue.items() if value and not any(part in name for part in still)]


def test_the_way_from_the_answer_to_the_agent_is_measured() -> None:
    it, _ = talked()
    found = it.found
    assert found["callctl_campaign_answer_to_agent_seconds_count{campaign=push}"] == 1
    assert found["callctl_campaign_answer_to_agent_seconds_sum{campaign=push}"] == pytest.approx(0.5)
    assert found["callctl_campaign_answer_to_agent_seconds_bucket{campaign=push,le=0.25}"] == 0
    assert found["callctl_campaign_answer_to_agent_seconds_bucket{campaign=push,le=0.5}"] == 1
    assert found["callctl_campaign_detection_seconds_sum{campaign=push}"] == pytest.approx(1)
    assert found["callctl_campaign_answer_seconds_count{campaign=push}"] == 2


def test_callers_of_the_same_agents_count_as_ever() -> None:
    it = Watched()
    leg = it.it.talk("c1", "ana")
    it.it.wait(5)
    it.it.gone("c1")
    it.it.gone(leg)
    it.it.wait(60)
    assert it.found["callctl_queue_answered_total{queue=sales}"] == 1
    assert it.found["callctl_queue_talk_seconds_count{queue=sales}"] == 1
    assert it.found["callctl_campaign_connects_total{campaign=push}"] == 0


def test_wrap_up_after_a_customer_of_an_earlier_life_is_not_the_queue_s() -> None:
    it = Watched(PUSH)
    (first, _) = it.case.give(PUSH, 1, 2)
    it.answers(first, Heard.HUMAN)
    it.it.wait(3)
    it.it.gone(first)
    again = Metrics(lambda: it.it.world, lambda: it.it.now)
    it.it.watch = lambda _, done: again.saw(it.it.now, done.facts)
    it.it.wait(6)
    assert samples(again)[f"callctl_queue_wrap_up_seconds_count{{queue={OUTBOUND}}}"] == 0


def test_machines_and_messages() -> None:
    it = Watched(PUSH)
    (first, _) = it.case.give(PUSH, 1, 2)
    it.answers(first, Heard.MACHINE)
    assert it.found["callctl_campaign_calls{campaign=push,where=message}"] == 1
    it.it.do(LegLeft(NODE, first))
    it.it.do(MessageLeft(NODE, first))
    assert it.found["callctl_campaign_messages_left_total{campaign=push}"] == 1
    assert it.found["callctl_campaign_answers_total{campaign=push,heard=machine,then=message}"] == 1


def test_how_things_are_is_read_off_the_world() -> None:
    it = Watched(PUSH)
    first, _ = it.case.give(PUSH, 1, 2, 3)
    it.it.do(LegUp(NODE, first))
    found = it.found
    assert found["callctl_campaign_calls{campaign=push,where=ringing}"] == 1
    assert found["callctl_campaign_calls{campaign=push,where=detecting}"] == 1
    assert found["callctl_campaign_in_flight{campaign=push}"] == 2
    assert found["callctl_campaign_contacts_ready{campaign=push}"] == 1
    assert found["callctl_campaign_claimed{campaign=push}"] == 3
    assert found["callctl_campaign_agents{campaign=push,state=idle}"] == 1
    assert found["callctl_campaign_abandoned_most_ratio{campaign=push}"] == 0.03
    it.it.wait(1)
    it.it.do(LegAnswered(NODE, first, Heard.HUMAN))
    found = it.found
    assert found["callctl_campaign_agents{campaign=push,state=on_call}"] == 1
    assert found["callctl_campaign_calls{campaign=push,where=talking}"] == 1
    assert found["callctl_campaign_budget_customers{campaign=push,end=connected}"] == 1
    assert found["callctl_campaign_abandoned_ratio{campaign=push}"] == 0


def test_who_is_nailed_up_and_not_on_the_line_is_seen() -> None:
    it = Watched(PUSH)
    it.it.gone(it.case.line())
    assert it.found["callctl_campaign_agents{campaign=push,state=paused}"] == 1, "who hangs up the line is paused"
    assert it.found["callctl_agent_line_changes_total{how=closed}"] == 1
    it.it.ask(NAILED, Wish.UNPAUSE)
    assert it.found["callctl_campaign_agents{campaign=push,state=line_down}"] == 1
    it.it.ask(NAILED, Wish.LOGOUT)
    assert it.found["callctl_campaign_agents{campaign=push,state=logged_out}"] == 1


def test_the_pace_of_a_predictive_campaign_while_it_runs() -> None:
    it = Watched(PREDICT)
    it.case.give(PREDICT, 1, 2, 3)
    found = it.found
    assert found["callctl_campaign_pace_allowed_ratio{campaign=predict}"] > 0
    assert "callctl_campaign_pace_allowed_ratio{campaign=push}" not in found
    assert live.campaign(it.it.world, PREDICT, it.it.now)["pace"]["why"].startswith("1 to dial")


def test_a_trunk_that_fails_is_held_and_looking_changes_nothing() -> None:
    it = Watched(PUSH)
    (first, _) = it.case.give(PUSH, 1, 2)
    it.it.gone(first, 34, 503)
    found = it.found
    assert found[f"callctl_trunk_held_total{{trunk={OUT}}}"] == 1
    assert found[f"callctl_trunk_failures{{trunk={OUT}}}"] == 1
    assert found[f"callctl_trunk_held_seconds{{trunk={OUT}}}"] == 5
    assert found[f"callctl_trunk_lines_free{{trunk={OUT}}}"] == 0
    (line,) = live.campaign(it.it.world, PUSH, it.it.now)["lines"]
    assert line["why"] == "left alone for 6 s, since it fails"
    loads = it.it.world.outbound.loads
    it.it.now += 10 * SECOND
    assert it.found[f"callctl_trunk_held_seconds{{trunk={OUT}}}"] == 0
    assert it.it.world.outbound.loads is loads
    assert len(loads[OUT].begun) == 2, "what began is forgotten by the core alone"


def test_a_line_too_fast_to_be_a_persons() -> None:
    known = calling()
    trunk = replace(known.trunks[OUT], fast_answer=SECOND)
    it = Watched(PUSH, config=replace(known, trunks={OUT: trunk}))
    (first, second) = it.case.give(PUSH, 1, 2)
    it.it.do(LegUp(NODE, first))
    it.it.wait(1)
    it.it.do(LegUp(NODE, second))
    assert it.found[f"callctl_trunk_answered_too_fast_total{{trunk={OUT}}}"] == 1


def test_previews_and_what_agents_do_meanwhile() -> None:
    it = Watched(LOOK)
    it.it.ask(NAILED, Wish.LOGOUT)
    it.case.give(LOOK, 1, 2)
    assert it.found["callctl_campaign_agents{campaign=look,state=previewing}"] == 1
    assert it.found["callctl_agents_state{state=previewing}"] == 1
    it.it.wait(4)
    it.it.do(PreviewAsked(AgentId("ana"), PreviewWish.SKIP, "test"))
    it.it.do(PreviewAsked(AgentId("ana"), PreviewWish.NEXT, "test"))
    found = it.found
    assert found["callctl_previews_ended_total{campaign=look,how=skipped}"] == 1
    assert found["callctl_previews_refused_total{wish=next}"] == 1
    assert found["callctl_agent_activity_seconds_total{activity=previewing,agent=ana}"] == pytest.approx(4)


def test_opting_out_and_a_confusion_matrix() -> None:
    it = Watched(PUSH)
    it.it.ask("ana", Wish.LOGOUT)
    first, second = it.case.give(PUSH, 1, 2)
    it.answers(first, Heard.HUMAN)
    it.answers(second, Heard.HUMAN)
    it.it.wait(2)
    it.it.press(second, "9")
    it.it.world.outbound.campaigns[PUSH].judged = {"machine": {"human": 2, "machine": 5}}
    it.it.world.outbound.campaigns[PUSH].detection_off = True
    found = it.found
    assert found["callctl_opt_outs_total"] == 1
    assert found["callctl_campaign_judged{campaign=push,heard=machine,was=human}"] == 2
    assert found["callctl_campaign_judged{campaign=push,heard=human,was=human}"] == 0
    assert found["callctl_campaign_detection_off{campaign=push}"] == 1
    assert math.isnan(found["callctl_campaign_false_positives{campaign=push}"]), "not known yet"
    it.it.world.outbound.campaigns[PUSH].turned_away, it.it.world.outbound.campaigns[PUSH].mistaken = 40, 0.1
    assert it.found["callctl_campaign_turned_away{campaign=push}"] == 40
    assert it.found["callctl_campaign_false_positives{campaign=push}"] == pytest.approx(4)


def test_every_series_of_a_campaign_starts_at_nought() -> None:
    found = Watched().found
    for name in ("campaign_connects", "campaign_safe_harbours", "campaign_messages_left"):
        assert found[f"callctl_{name}_total{{campaign=look}}"] == 0
    assert found["callctl_campaign_answers_total{campaign=push,heard=sit,then=hang_up}"] == 0
    assert found["callctl_previews_ended_total{campaign=look,how=dialled}"] == 0
    assert found[f"callctl_campaign_dials_total{{campaign=blast,trunk={OUT}}}"] == 0
    assert found["callctl_campaign_answer_to_agent_seconds_count{campaign=push}"] == 0
    assert found["callctl_campaign_agents{campaign=look,state=logged_out}"] == 0
    assert found["callctl_campaign_abandoned_ratio{campaign=look}"] == 0
    assert found["callctl_opt_outs_total"] == 0


# ── in words ─────────────────────────────────────────────────────────────────────────────────────


def test_explain_tells_a_customer_s_way() -> None:
    it, first = talked()
    words = it.words(first)
    assert words[0].startswith("Dialled for push: contact 1 at +44…")
    assert "over out, showing +44…" in words[0]
    assert words[1:4] == [
        "Picked up 0.0 s after the dial",
        "Heard a person after 0.5 s: goes to an agent",
        "Waits for an agent of outbound, owed within 1.50 s",
    ]
    assert "Connected to Nia (nia) 0.00 s after it was known to be a person" in words
    assert any(text.startswith("Ended by who was called, 18.5 s of talk (answered)") for text in words)
    assert not [text for text in words if "no words" in text]


def test_explain_tells_of_the_safe_harbour() -> None:
    it, _ = talked()
    second = next(fact.leg for _, fact in it.facts if isinstance(fact, CallDialled) and fact.contact == 2)
    words = it.words(second)
    assert "Heard somebody, and could not tell whether a person after 0.5 s: goes to an agent" in words
    assert (
        "No agent came within the grace: hears the safe harbour, 2.00 s after the answer; the call is an abandoned one"
        in words
    )
    assert any("abandoned: no agent came within the grace" in text for text in words)


def test_every_end_of_a_call_has_words() -> None:
    for outcome in Outcome:
        ended = CallEnded(CallId("c"), None, None, outcome, Party.CALLER, 0, 0, 0, 0, PUSH)
        (line,) = explain(desk.stored([(desk.NOON, ended)]), Teller(desk.policy(), MASKED))
        assert line["text"]


# ── log lines ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored_logging")
def test_lines_are_loud_where_somebody_must_act_and_show_no_number() -> None:
    out = io.StringIO()
    log.configure("debug", json=True, stream=out)
    it, _ = talked()
    dialled = next(fact for _, fact in it.facts if isinstance(fact, CallDialled))
    paced = next(fact for _, fact in it.facts if isinstance(fact, Paced))
    story.Storyteller().saw(
        desk.NOON,
        [
            dialled,
            paced,
            CallPickedUp(dialled.call, PUSH, 300_000, too_fast=True),
            TrunkHeld(OUT, desk.NOON, 3, "SIP 503"),
            DetectionOff(PUSH, 40, 3),
            LineChanged(AgentId(NAILED), "failed"),
        ],
    )
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["level"] for line in lines] == ["info", "debug", "warning", "warning", "error", "warning"]
    assert lines[0]["number"].startswith("+44…")
    assert lines[1]["why"].startswith("2 to dial")
    assert lines[2]["after"] == 0.3
    assert lines[3]["until"].startswith("2026-")
    assert dialled.number.digits not in out.getvalue()
