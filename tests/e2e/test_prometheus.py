"""config/prometheus and config/grafana against a real Prometheus that scraped a real run: every query gives data."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from callctl.lab.phones import Behaviour
from callctl.lab.prometheus import SHIPPED, Programs, Prometheus, ensure, running
from tests.e2e.floor import DESK_DID, HASTY_DID, PICKY_DID, Floor
from tests.e2e.test_call_path import connected

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

GRAFANA = SHIPPED.parent / "grafana"
DASHBOARDS = sorted(GRAFANA.glob("*.json"))
EDGES = 0.1
"""`increase` reckons each series on to the edges of its span: by up to half a scrape, unless it began at nought. Of the
some 17 s of a run that is 3 % by which one series may rise above another."""
VARIABLES = {"$queue": ".*", "$campaign": ".*", "$__rate_interval": "30s"}


def queries(*, of_campaigns: bool = False) -> Iterator[tuple[str, str]]:
    """Of every panel of every dashboard, and of every rule that records: (where, expression). Of those about campaigns
    (test_campaign_metrics.py), or of all others."""
    for path in DASHBOARDS:
        if (path.stem == "campaigns") is not of_campaigns:
            continue
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                expression = target["expr"]
                for name, value in VARIABLES.items():
                    expression = expression.replace(name, value)
                yield f"{path.stem}: {panel['title']}", expression
    for rule in rules():
        if "record" in rule and rule["record"].startswith("callctl:campaign") is of_campaigns:
            denominator = rule.get("labels", {}).get("denominator")
            matcher = f'{{denominator="{denominator}"}}' if denominator else ""
            yield f"rule {rule['record']}", rule["record"] + matcher


def rules() -> Iterator[dict[str, Any]]:
    document = yaml.safe_load((SHIPPED / "callctl.rules.yml").read_text(encoding="utf-8"))
    for group in document["groups"]:
        yield from group["rules"]


@pytest.fixture(scope="module")
def programs() -> Programs:
    return ensure()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told(
    on_the_floor: Floor, programs: Programs, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Prometheus]:
    """A Prometheus that watched callers be answered in time and late, leave at once and late, be sent on and be rung
    in vain."""
    floor, folder = on_the_floor, tmp_path_factory.mktemp("prometheus")
    await floor.reload({"queues": {"desk": {"service_level": "1s", "short_abandon": "1s", "wrap_up": "1s"}}})
    async with running(programs, folder, floor.house.daemon.url.removeprefix("http://")) as prometheus:
        await prometheus.until("callctl_queue_entered_total")
        await asyncio.sleep(2)  # a rate needs two looks at it before it rises
        await _a_run(floor)
        await prometheus.until("increase(callctl_queue_wrap_up_seconds_count[30m]) > 0")
        await asyncio.sleep(2)
        yield prometheus
    await floor.reload({})


async def _a_run(floor: Floor) -> None:
    at_once = await floor.call(DESK_DID)
    await floor.until_phase(at_once, "queued")
    await floor.row_of_hangup(at_once)
    late, hasty = await floor.call(DESK_DID), await floor.call(HASTY_DID)
    await asyncio.sleep(1.5)
    await floor.row_of_hangup(late)
    await hasty.line.wait_ended(10)
    picky = [await floor.call(PICKY_DID) for _ in range(3)]
    await picky[2].line.wait_ended(10)
    for caller in picky[:2]:
        await floor.row_of_hangup(caller)
    patient = await floor.call(DESK_DID)
    await floor.staff("agent6", how=Behaviour.busy())
    await floor.until_agent("agent6", misses=1)
    await asyncio.sleep(1.2)
    await floor.staff("agent7", how=Behaviour.answer())
    assert await connected(floor, patient) == "agent7"
    await asyncio.sleep(1)
    await floor.row_of_hangup(patient)
    await floor.until_agent("agent7", state="idle")
    prompt = await floor.call(DESK_DID)
    assert await connected(floor, prompt)
    await asyncio.sleep(1)
    await floor.row_of_hangup(prompt, lambda row: row["wrap_up_ended"] is not None)
    await floor.house.daemon.post("agents", "agent7", "pause")


async def test_every_query_gives_data(told: Prometheus) -> None:
    empty = []
    for where, expression in queries():
        try:
            await told.until(expression, 5)
        except (TimeoutError, ValueError) as error:
            empty.append(f"{where}: {error}")
    assert not empty, "\n".join(empty)
    assert len(list(queries())) >= 40


async def test_the_service_levels_are_what_happened(told: Prometheus) -> None:
    """Of the desk: two answered, one of them in time; two left, one of them at once."""
    wanted = {
        "offered_ex_short": 1 / 3,
        "answered_only": 1 / 2,
        "answered_plus_late_abandon": 1 / 3,
        "all_offered": 1 / 4,
        "abandon_counts_as_good": 2 / 4,
    }
    found = await told.query('callctl:queue_service_level:ratio30m{queue="desk"}')
    level = {one["metric"]["denominator"]: float(one["value"][1]) for one in found}
    assert level == pytest.approx(wanted, rel=EDGES)
    (occupied,) = await told.query('callctl:agent_occupancy:ratio30m{agent="agent7"}')
    assert 0.05 < float(occupied["value"][1]) <= 1


async def test_alerts_can_be_evaluated(told: Prometheus) -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    for rule in alerts:
        await told.query(rule["expr"])
    assert await told.until("callctl_dial_refused_total or vector(0)")
    assert len(alerts) >= 5


async def test_promtool_finds_nothing_wrong(programs: Programs) -> None:
    for what, name in (("config", "prometheus.yml"), ("rules", "callctl.rules.yml")):
        done = subprocess.run(  # noqa: ASYNC221 - a moment
            [programs.promtool, "check", what, str(SHIPPED / name)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
async def test_a_dashboard_is_whole(path: Path) -> None:
    """Ids apart, panels beside each other, every target with a source and a name."""
    board = json.loads(path.read_text(encoding="utf-8"))  # noqa: ASYNC240 - a moment
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, f"{panel['title']} lies over another"
        assert at["x"] + at["w"] <= 24
        taken |= cells
        for target in panel["targets"]:
            assert target["legendFormat"]
            assert target["datasource"]["uid"] == "${datasource}"
    assert {variable["name"] for variable in board["templating"]["list"]} >= {"datasource"}
