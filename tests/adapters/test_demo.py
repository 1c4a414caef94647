"""The demo's parts that need no Asterisk."""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import random
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console, RenderableType

from callctl.api.client import NoDaemonError
from callctl.lab import demo
from callctl.lab.customers import MANNERS, NO_NUMBER, TALKS, Heard, drawn, write_list
from callctl.lab.house import HouseError, database_url
from callctl.lab.reached import Reached
from callctl.lab.view import Scene, draw
from callctl.lab.watched import AWAY, ENDED, Watched
from callctl.store.errors import StoreError

pytestmark = pytest.mark.adapter


def text(part: RenderableType, width: int = 80) -> str:
    """As a terminal shows it."""
    console = Console(width=width, color_system=None)
    with console.capture() as shown:
        console.print(part)
    return shown.get()


NODES = "nodes: {pbx: {ari: {password: env:SECRET}, ami: {password: env:SECRET}}}\n"


def test_calls_are_counted_where_they_are_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    config, overlay = tmp_path / "config", tmp_path / "overlay"
    for folder, text in ((config, NODES), (overlay, "database: {url: postgresql://somewhere/else}\n")):
        folder.mkdir()
        (folder / "a.yaml").write_text(text)
    assert database_url(config, overlay) == "postgresql://somewhere/else"


def test_a_database_that_cannot_be_asked_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(*_: object) -> int:
        raise StoreError("postgresql://somewhere/else: not reachable")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "ensure", lambda console: None)
    monkeypatch.setattr(demo.Demo, "run", fails)
    assert demo.main([]) == 1
    assert "The demo stopped: postgresql://somewhere/else: not reachable" in capsys.readouterr().out


# ── callctl is killed while it is looked at ──────────────────────────────────────────────────────


class FakeDaemon:
    """Answers as callctl does, while it runs."""

    def __init__(self) -> None:
        self.pid: int | None = 1
        self.answers = True
        self.starts = 0
        self.fails = False

    async def get(self, *parts: str) -> dict[str, Any]:
        if not self.answers:
            raise NoDaemonError("nobody answers")
        return {"status": {"ready": True}}.get(parts[0], {parts[0]: []})

    async def start(self) -> None:
        self.starts += 1
        await asyncio.sleep(0)
        if self.fails:
            raise HouseError("callctl ended: no such file")
        self.pid, self.answers = 2, True

    def die(self) -> None:
        self.pid, self.answers = None, False


class FakeHouse:
    def __init__(self) -> None:
        self.daemon = FakeDaemon()


def watched(house: FakeHouse) -> Watched:
    return Watched(house, people=object())  # type: ignore[arg-type]


async def test_a_callctl_that_was_killed_is_started_again_and_the_picture_says_so() -> None:
    house = FakeHouse()
    seen = watched(house)
    await seen.look()
    assert seen.trouble == ""
    house.daemon.die()
    before = await seen.look()
    assert seen.trouble == ENDED
    assert "is being started again" in text(draw(before, "demo", seen.trouble))
    await asyncio.sleep(0)
    for _ in range(3):
        await seen.look()
    assert (house.daemon.starts, seen.restarts, seen.trouble) == (1, 1, "")


async def test_a_callctl_that_only_does_not_answer_is_left_alone() -> None:
    house = FakeHouse()
    seen = watched(house)
    house.daemon.answers = False
    for _ in range(3):
        await seen.look()
    assert (house.daemon.starts, seen.trouble) == (0, AWAY)


async def test_a_callctl_that_does_not_start_again_ends_the_demo() -> None:
    house = FakeHouse()
    house.daemon.fails = True
    house.daemon.die()
    seen = watched(house)
    await seen.look()
    await asyncio.sleep(0.01)
    with pytest.raises(HouseError, match="no such file"):
        await seen.look()


# ── the list and who is on it ────────────────────────────────────────────────────────────────────


class LastCallers:
    """Callers whose last call ends once callctl, which was killed as the demo was to end, is back."""

    def __init__(self, house: FakeHouse) -> None:
        self.house = house
        self.tally = SimpleNamespace(called=1)

    async def come(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.house.daemon.die()
        while not self.house.daemon.starts:  # noqa: ASYNC110 - a number, which nobody announces
            await asyncio.sleep(0.01)


async def test_a_callctl_that_is_killed_while_the_demo_ends_is_started_again_without_a_terminal() -> None:
    house = FakeHouse()
    console = Console(file=io.StringIO(), force_terminal=False)
    shown = demo.Demo(argparse.Namespace(time=0.01), console)
    async with asyncio.timeout(10):
        await shown._watch(Watched(house, LastCallers(house)))  # type: ignore[arg-type]
    assert house.daemon.starts == 1


def test_the_list_is_taken_whole(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    people = drawn(200, random.Random(1))
    write_list(path, people)
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 200
    numbers = [number for it in people for number in it.numbers]
    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(r"\+44207946[02-9]\d{3}", number) for number in numbers)
    assert not {"+442079460000", "+442079460101", "+442079460900"} & set(numbers), "the house's own, and the callers'"
    assert {it.manners for it in people} >= {(manner,) for manner in MANNERS[:-1]}
    assert all(it.numbers[1:] and it.manners[1] is TALKS for it in people if it.manners[0] is NO_NUMBER)


# ── what it came to ──────────────────────────────────────────────────────────────────────────────

NUMBERS = {f"+4420794602{n:02d}": manner for n, manner in enumerate(MANNERS)}


def came_to(**changes: Any) -> Reached:
    """One call to one person of each kind, and all as it should be."""
    attempts = [(number, sorted(manner.right)[-1]) for number, manner in NUMBERS.items()]
    ended = Counter(outcome for _, outcome in attempts)
    called = Counter(manner.does for manner in MANNERS)
    plain: dict[str, Any] = {
        "manners": NUMBERS, "called": called, "heard": Heard(), "attempts": attempts, "begun": len(attempts),
        "ended": {**ended, "failed": 0},
    }  # fmt: skip
    return Reached(**{**plain, **changes})


def told(found: Reached) -> str:
    return "\n".join(map(text, found.shown()))


def test_what_the_campaign_came_to_agrees_on_all_three_sides() -> None:
    found = came_to()
    assert found.agree
    assert "The network counts 9 calls, Postgres 9, /metrics 9: they agree" in told(found)
    assert "Of 2 people who answered 2 had an agent" in told(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"called": Counter(manner.does for manner in MANNERS[1:])},
        {"begun": 8},
        {"ended": {"answered": 9}},
        {"attempts": [(number, "busy") for number in NUMBERS]},
        {"attempts": [(number, None) for number in NUMBERS]},
    ],
)
def test_a_side_that_says_something_else_is_seen(changes: dict[str, Any]) -> None:
    found = came_to(**changes)
    assert not found.agree
    assert "they differ" in told(found)


def test_a_mistake_of_detection_is_told_and_no_difference() -> None:
    attempts = [(number, sorted(manner.mistaken or manner.right)[0]) for number, manner in NUMBERS.items()]
    found = came_to(attempts=attempts, ended=Counter(outcome for _, outcome in attempts))
    assert found.agree
    assert "Detection took 4 of 4 for something else" in told(found)


def test_who_heard_nobody_has_failed_unless_taken_for_a_machine() -> None:
    talks, silent = list(NUMBERS)[:2]
    attempts = [(talks, "machine"), (silent, "answered")]
    found = came_to(heard=Heard(nothing=[talks, silent]), attempts=attempts)
    assert found.failed == [f"{silent[-4:]}, called: answered, and heard nobody"]


def test_after_a_restart_metrics_are_not_held_against_it() -> None:
    attempts = [(number, sorted(manner.right)[-1]) for number, manner in NUMBERS.items()]
    attempts[0] = (attempts[0][0], "unknown")
    assert not came_to(attempts=attempts).agree
    assert came_to(attempts=attempts, begun=1, ended={}, restarts=1).agree


# ── the picture ──────────────────────────────────────────────────────────────────────────────────

LIVE: dict[str, Any] = {
    "id": "demo", "mode": "predictive", "phase": "running", "queue": "outbound",
    "calls": {"ringing": 2, "detecting": 0, "waiting": 0, "talking": 1, "harbour": 1, "message": 0, "menu": 0},
    "pace": {"dial": 1, "why": "1 to dial: 2 free, 0 waiting"},
    "budget": {"connected": 38, "abandoned": 2, "percent": 5.0, "most_percent": 3.0},
}  # fmt: skip
COUNTS: dict[str, Any] = {
    "contacts": {"open": 100, "claimed": 20, "later": 30, "done": 50},
    "attempts_24h": {"answered": 38, "open": 3, "no_answer": 4},
}  # fmt: skip
AGENT: dict[str, Any] = {
    "id": "agent21", "name": "Conny Palm", "queues": ["outbound"], "skills": {}, "status": "available", "reason": None,
    "state": "on_call", "call": "01A", "standing": "busy", "line": "open", "phone": {"state": "reachable"},
}  # fmt: skip
CALL: dict[str, Any] = {
    "id": "01A", "caller": "+44…33", "dialled": "+44…33", "phase": "connected", "age": 3.0, "campaign": "demo",
}  # fmt: skip


@pytest.mark.parametrize("width", [80, 110, 180])
def test_the_campaign_is_drawn_beside_the_queues(width: int) -> None:
    other = {**AGENT, "id": "agent1", "name": "Ada Lovelace", "queues": ["sales"], "call": None, "state": "idle"}
    scene = Scene(agents=[other, AGENT], calls=[CALL], campaign=LIVE, counts=COUNTS)
    picture = text(draw(scene, "demo", "", width), width)
    for part in (
        "Campaign demo", "●● rings", "● talks", "● safe harbour", "1 to dial: 2 free", "talks with +44…33",
        "2 of 40 who answered: 5.0 % of 3 %", "answered 38, no answer 4", "50 done, 30 later, 120 left", "line open",
        "Calls (0)",
    ):  # fmt: skip
        assert part in picture, picture
    assert picture.count("agent21") == 1
    assert all(len(line) <= width for line in picture.splitlines())


def test_without_a_campaign_there_is_none_in_the_picture() -> None:
    assert "Campaign" not in text(draw(Scene(agents=[AGENT]), "demo"))
