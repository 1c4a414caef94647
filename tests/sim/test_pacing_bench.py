"""The benchmark of pacing: rows are kept, and drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.pacing import pictures, quality
from tests.bench.pacing.days import Scenario
from tests.bench.pacing.peers import DEFAULTS, TUNABLE
from tests.bench.pacing.quality import Measured, Row

pytestmark = pytest.mark.simulation

SHORT = Scenario(agents=3, answer=0.25, talk=30.0, hours=0.05)


def test_what_was_kept_is_not_measured_again(tmp_path: Path) -> None:
    kept = tmp_path / "rows.jsonl"
    first = quality.run(lambda text: None, [SHORT], 1, 1, kept)
    lines = kept.read_text()
    again = quality.run(lambda text: None, [SHORT], 1, 1, kept)
    assert again == first
    assert kept.read_text() == lines
    assert len(lines.splitlines()) == len(DEFAULTS) + len(TUNABLE) + 1
    assert "3 agents" in quality.table(first, 1)


def row(scenario: Scenario) -> Row:
    """As if measured: the more agents, the busier."""
    busy = 1 - 1 / (1 + scenario.agents)
    course = tuple((0.03, busy - n / 100) for n in range(16))
    some = Measured("", busy, 100 / scenario.agents, 0.02, 0.03, 0.05, 0.04, 0.001, course)
    defaults = [replace(some, name=name) for name in DEFAULTS]
    tuned = [replace(some, name=f"{family} 1") for family in TUNABLE]
    return Row(scenario, defaults, tuned, replace(some, name="callctl"))


def test_the_pictures_are_drawn_and_always_the_same(tmp_path: Path) -> None:
    measured = [row(scenario) for scenario in quality.rows([60.0], [5, 50, 300])]
    files = [pictures.draw(measured, tmp_path / name) for name in "ab"]
    assert [file.name for file in files[0]] == ["occupancy.svg", "wait.svg", "shock.svg"]
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert ET.parse(one).getroot().tag.endswith("svg")


def test_too_few_rows_are_no_picture(tmp_path: Path) -> None:
    assert pictures.draw([row(scenario) for scenario in quality.rows([60.0], [5])], tmp_path) == []
