"""The cookbook's recipes: each is good, does what its cases say, and stands on the page as it is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from callctl import cli
from callctl.core.commands import Play
from callctl.core.engine import Step
from callctl.core.events import LookedUp
from callctl.core.facts import CallEnded, LookupAnswered
from callctl.core.model import Call, InMenu, LookingUp, Queued
from callctl.settings import load_policy
from tests.core.world import Stage, stage

pytestmark = pytest.mark.adapter

DOCS = Path(__file__).parents[2] / "docs"
RECIPES = sorted(it.name for it in (DOCS / "cookbook").iterdir())
NUMBER, LEG = "442079460000", "c1"
NOT_HERE = re.compile(r".*include_dir: there is no folder `/etc/asterisk`.*")
"""Of a machine without Asterisk, and none of the recipe's."""


def test_there_are_five() -> None:
    assert RECIPES == ["emergency", "orders", "pin", "practice", "survey"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_copy_is_good_without_a_warning(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(DOCS / "cookbook" / name, tmp_path / name)
    assert cli.main(["secrets", "--create", "--config", str(tmp_path / name)]) == 0
    capsys.readouterr()
    assert cli.main(["check", "--config", str(tmp_path / name)]) == 0
    out, err = capsys.readouterr()
    assert "good: " in out
    assert [line for line in err.splitlines() if not NOT_HERE.fullmatch(line)] == []


@pytest.mark.parametrize("name", RECIPES)
def test_its_cases_pass(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = DOCS / "cookbook" / name
    files = [str(it) for it in sorted((folder / "cases").glob("*.yaml"))]
    assert cli.main(["flow", "test", *files, "--config", str(folder)]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out.splitlines()[-1].endswith(" 0 wrong")


def test_the_page_shows_the_recipes_as_they_are() -> None:
    page = (DOCS / "cookbook.md").read_text(encoding="utf-8")
    shown = re.findall(r"^`docs/cookbook/(\w+)/\1\.yaml`:\n\n```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    written = {name: (DOCS / f"cookbook/{name}/{name}.yaml").read_text(encoding="utf-8") for name in RECIPES}
    assert dict(shown) == written
    houses = {(DOCS / f"cookbook/{name}/house.yaml").read_text(encoding="utf-8") for name in RECIPES}
    assert len(houses) == 1, "the page says that it is the same everywhere"


def test_the_cases_say_how_they_are_run() -> None:
    for name in RECIPES:
        (cases,) = (DOCS / f"cookbook/{name}/cases").glob("*.yaml")
        how = f"# callctl flow test docs/cookbook/{name}/cases/*.yaml --config docs/cookbook/{name}"
        text = cases.read_text(encoding="utf-8")
        assert text.splitlines()[0] == how
        assert len(yaml.safe_load(text)["cases"]) >= 3


# ── what a server answers ────────────────────────────────────────────────────────────────────


def caller(name: str) -> Stage:
    """Somebody has called the number of this recipe; its agents' phones can be rung by nobody."""
    it = stage(load_policy(DOCS / "cookbook" / name), reachable=())
    it.arrive(LEG, NUMBER)
    return it


def call(it: Stage) -> Call:
    return it.call(LEG)


def press(it: Stage, keys: str) -> None:
    for key in keys:
        it.press(LEG, key)


def answer(it: Stage, found: Mapping[str, str], failed: str = "") -> Step:
    phase = call(it).phase
    assert isinstance(phase, LookingUp)
    return it.do(LookedUp(call(it).id, phase.request, found, failed))


def asked(it: Stage) -> str:
    assert it.last is not None
    (ask,) = it.last.asks
    return ask.url


def played(it: Stage) -> tuple[str, ...]:
    (play,) = it.wished(Play)
    return tuple(prompt for prompt in play.prompts if "/var/lib/" not in prompt)


ENGLISH = ("day-4", "mon-11", "20", "h-4", "20", "20", "6")
FRENCH = ("day-4", "20", "4", "mon-11", "2", "thousand", "20", "6")


@pytest.mark.parametrize(("key", "day"), [("1", ENGLISH), ("2", FRENCH)])
def test_a_sent_order_is_told_with_its_day(key: str, day: tuple[str, ...]) -> None:
    it = caller("orders")
    press(it, f"{key}1234561")
    assert asked(it) == "https://shop.example/orders/123456"
    answer(it, {"state": "sent", "due": "2026-12-24", "total": "42.00 USD"})
    assert played(it) == tuple(f"sound:digits/{part}" for part in day)
    it.heard(LEG)
    assert it.told(CallEnded)


def test_an_open_order_is_told_with_its_amount() -> None:
    it = caller("orders")
    press(it, "11234561")
    answer(it, {"state": "packed", "due": "2026-12-24", "total": "42.00 USD"})
    assert played(it) == ("sound:digits/40", "sound:digits/2", "sound:digits/dollars")
    press(it, "1")
    assert isinstance(call(it).phase, Queued)


@pytest.mark.parametrize(
    ("found", "failed"), [({}, "timeout"), ({"state": "sent"}, "missing"), ({}, "status"), ({"state": "lost"}, "")]
)
def test_whatever_the_shop_says_the_caller_comes_to_somebody(found: dict[str, str], failed: str) -> None:
    it = caller("orders")
    press(it, "11234561")
    answer(it, found, failed)
    if failed:
        it.heard(LEG)
    assert isinstance(call(it).phase, Queued)


def test_three_wrong_pins_and_it_is_over() -> None:
    it = caller("pin")
    press(it, "12345674")
    for n in range(3):
        assert isinstance(call(it).phase, InMenu)
        press(it, f"471{n}#")
        assert asked(it) == f"https://bank.example/callers/12345674?pin=471{n}"
        answer(it, {"allowed": "false", "tier": "none"})
        it.heard(LEG)
    assert it.told(CallEnded)


@pytest.mark.parametrize(("tier", "priority"), [("gold", 10), ("none", 0)])
def test_the_right_pin_opens_the_line(tier: str, priority: int) -> None:
    it = caller("pin")
    press(it, "123456744711#")
    done = answer(it, {"allowed": "true", "tier": tier})
    assert [fact.failed for fact in done.facts if isinstance(fact, LookupAnswered)] == [""]
    phase = call(it).phase
    assert isinstance(phase, Queued)
    assert phase.place.priority == priority
    assert "4711" not in repr(call(it).story)
