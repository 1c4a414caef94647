"""What is seen of campaigns, on a real Prometheus that scraped a house that dials: dashboard, rules, alerts, and the
command line."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from callctl.lab.install import Installation
from callctl.lab.phones import Behaviour
from callctl.lab.prometheus import SHIPPED, Prometheus, ensure, running
from tests.e2e.drill import AGENT, Drill, drilling
from tests.e2e.test_prometheus import queries

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class Seen:
    prometheus: Prometheus
    drill: Drill

    async def value(self, expression: str) -> float:
        (one,) = await self.prometheus.query(expression)
        return float(one["value"][1])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Seen]:
    """Somebody talked, somebody found nobody, a machine got the message, somebody was busy; an agent said what a call
    came to."""
    async with drilling(installation, tmp_path_factory.mktemp("campaigns")) as drill:
        target = drill.house.daemon.url.removeprefix("http://")
        async with running(ensure(), tmp_path_factory.mktemp("prometheus"), target) as prometheus:
            await prometheus.until('callctl_campaign_dials_total{campaign="drill"}')
            await asyncio.sleep(2)  # a rate needs two looks at it before it rises
            await _a_run(drill, prometheus)
            yield Seen(prometheus, drill)
            await drill.quiet()


async def _a_run(drill: Drill, prometheus: Prometheus) -> None:
    await drill.staff("agent21")
    numbers = await drill.people(person=Behaviour.human(0.5), machine=Behaviour.voicemail(0.3), busy=Behaviour.busy())
    await drill.start()
    line = await drill.line(numbers["person"])
    await line.wait_heard(lambda audio: audio.tone_seconds(AGENT) > 0.5, "the agent")
    await drill.house.daemon.post("agents", "agent21", "disposition", disposition="sold")
    await line.hangup()
    await drill.attempts(list(numbers.values()))
    two = await drill.people(first=Behaviour.human(0.5), second=Behaviour.human(0.5))
    await prometheus.until('callctl_campaign_safe_harbours_total{campaign="drill"} > 0', 60)
    for number in two.values():
        await (await drill.line(number)).hangup()
    await drill.attempts(list(two.values()))
    await prometheus.until('callctl_campaign_contacts{campaign="drill", standing="done"} == 5', 60)
    await prometheus.until('callctl_campaign_wrap_up_seconds_count{campaign="drill"} == 2')
    await asyncio.sleep(2)


async def test_every_query_gives_data(seen: Seen) -> None:
    empty = []
    for where, expression in queries(of_campaigns=True):
        try:
            await seen.prometheus.until(expression, 5)
        except (TimeoutError, ValueError) as error:
            empty.append(f"{where}: {error}")
    assert not empty, "\n".join(empty)
    assert len(list(queries(of_campaigns=True))) >= 35


async def test_the_numbers_are_what_happened(seen: Seen) -> None:
    async def total(name: str, more: str = "") -> float:
        return await seen.value(f'sum(callctl_{name}{{campaign="drill"{more}}})')

    assert await total("campaign_dials_total") == 5
    assert await total("campaign_connects_total") == 2
    assert await total("campaign_safe_harbours_total") == 1
    assert await total("campaign_messages_left_total") == 1
    assert await total("campaign_answers_total", ',heard="machine",then="message"') == 1
    assert await total("attempts_ended_total", ',outcome="busy"') == 1
    assert await total("campaign_abandoned_ratio") == pytest.approx(1 / 3)
    assert await total("campaign_judged", ',was="human"') == 1
    assert await seen.value('callctl:campaign_contacts_done:ratio{campaign="drill"}') == 1
    assert await seen.value('callctl_queue_answered_total{queue="outbound"}') == 0, "who is called is no caller"
    within = await total("campaign_answer_to_agent_seconds_bucket", ',le="5.0"')
    assert within == 2


async def test_the_command_line_shows_the_same(seen: Seen) -> None:
    body = json.loads(await seen.drill.cli("campaign", "watch", "drill", "--json"))
    assert (body["budget"]["connected"], body["budget"]["abandoned"]) == (2, 1)
    assert body["tally"]["outcomes"] == {"answered": 2, "abandoned": 1, "busy": 1, "machine": 1}
    assert body["agents"]["idle"] == 1
    shown = await seen.drill.cli("campaign", "watch", "drill", "--once")
    for part in ("agent21", "33.33 % of at most", "100.0 % done with", "answered 2 (40.0 %)", "lines for each of"):
        assert part in shown


async def test_a_customer_s_way_is_told(seen: Seen) -> None:
    rows = await seen.drill.attempts([seen.drill.numbers["first"], seen.drill.numbers["second"]])
    abandoned = next(row for row in rows.values() if row["outcome"] == "abandoned")
    told = await seen.drill.cli("explain", abandoned["call"])
    for part in ("Dialled for drill", "Picked up", "goes to an agent", "owed within", "hears the safe harbour"):
        assert part in told


# ── alerts ───────────────────────────────────────────────────────────────────────────────────────

RUNS = {'callctl_campaign_phase{campaign="c", phase="running"}': "1x20"}
ALERTS: dict[str, tuple[dict[str, str], str, dict[str, str]]] = {
    "CallctlAbandonedTooMany": (
        {
            'callctl_campaign_abandoned_ratio{campaign="c"}': "0.04x20",
            'callctl_campaign_abandoned_most_ratio{campaign="c"}': "0.03x20",
            'callctl_campaign_budget_customers{campaign="c", end="abandoned"}': "2x20",
        },
        'callctl_campaign_budget_customers{campaign="c", end="abandoned"}',
        {"campaign": "c", "severity": "critical"},
    ),
    "CallctlDetectionOff": (
        {'callctl_campaign_detection_off{campaign="c"}': "1x20"},
        'callctl_campaign_detection_off{campaign="c"}',
        {"campaign": "c", "severity": "warning"},
    ),
    "CallctlTrunkHeld": (
        {'callctl_trunk_failures{trunk="t"}': "3x20"},
        'callctl_trunk_failures{trunk="t"}',
        {"trunk": "t", "severity": "warning"},
    ),
    "CallctlNoContactsLeft": (
        {
            **RUNS,
            'callctl_campaign_contacts_ready{campaign="c"}': "0x20",
            'callctl_campaign_nobody_due{campaign="c"}': "1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0",
        },
        'callctl_campaign_phase{campaign="c", phase="running"}',
        {"campaign": "c", "severity": "warning"},
    ),
    "CallctlLineDown": (
        {'callctl_campaign_agents{campaign="c", state="line_down"}': "2x20"},
        'callctl_campaign_agents{campaign="c", state="line_down"}',
        {"campaign": "c", "state": "line_down", "severity": "warning"},
    ),
}
"""By alert: the series by which it fires, one of them without which it does not, and its labels."""


def _fires(alert: str, series: dict[str, str], labels: list[dict[str, str]]) -> dict[str, Any]:
    """A test of promtool's: what fires after 9 minutes, samples half a minute apart."""
    expected = [{"exp_labels": it} for it in labels]
    return {
        "interval": "30s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": "9m", "alertname": alert, "exp_alerts": expected}],
    }


@pytest.mark.parametrize("alert", ALERTS)
async def test_an_alert_fires_when_it_should_and_not_else(alert: str, tmp_path: Path) -> None:
    document = yaml.safe_load((SHIPPED / "callctl.rules.yml").read_text(encoding="utf-8"))
    for rule in (rule for group in document["groups"] for rule in group["rules"]):
        rule.pop("annotations", None)  # words for people, which promtool would compare
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    series, needed, labels = ALERTS[alert]
    calm = {**series, needed: "0x20"}
    tests = [_fires(alert, series, [labels]), _fires(alert, calm, [])]
    told = tmp_path / "test.yml"
    told.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": tests}), encoding="utf-8")
    done = subprocess.run(  # noqa: ASYNC221 - a moment
        [ensure().promtool, "test", "rules", str(told)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def test_every_alert_of_campaigns_is_tried() -> None:
    document = yaml.safe_load((SHIPPED / "callctl.rules.yml").read_text(encoding="utf-8"))
    named = {
        rule["alert"]
        for group in document["groups"]
        for rule in group["rules"]
        if "alert" in rule and ("campaign" in rule["expr"] or "trunk_failures" in rule["expr"])
    }
    assert named == set(ALERTS)
