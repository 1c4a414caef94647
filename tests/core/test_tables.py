"""The machines' tables: drawn as they are, each row reachable, each row taken."""

from __future__ import annotations

import pytest

from callctl.core import agents, calls, nodes
from callctl.core.diagram import MACHINES, mermaid
from callctl.core.engine import step
from callctl.core.events import TimePassed
from callctl.core.ids import seconds
from callctl.core.model import Arrived, Down, Idle
from callctl.core.turn import IllegalMove, Moves, call_due, moved
from callctl.sim.rows import copied
from tests.core.situations import SITUATIONS, everything, links
from tests.core.world import Stage
from tests.tools.diagrams import BEGIN, END, README, drawn

pytestmark = pytest.mark.core

Row = tuple[object, str, object]


RESUMED = frozenset(
    {"hears_a_menu", "hears_an_announcement", "waits", "is_offered", "hears_the_whisper"}
    | {"is_told_the_position", "is_offered_while_words_play", "is_looked_up", "has_entered_a_pin"}
)
"""Where something else happens when the link is back."""


def rows(moves: Moves) -> set[Row]:
    return {(frm, trigger, to) for (frm, trigger), targets in moves.items() for to in targets}


def test_the_diagrams_are_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert drawn(text) == text, "run `make diagrams`"


def test_a_page_without_a_place_gets_one() -> None:
    assert drawn("# Title\n").startswith(f"# Title\n\n{BEGIN}\n")
    assert drawn("").rstrip().endswith(END)
    with pytest.raises(ValueError, match="without"):
        drawn(BEGIN)


def test_triggers_of_one_edge_stand_together() -> None:
    table: Moves = {(Idle, "a"): (Down, Idle), (Idle, "b"): (Down,)}
    assert mermaid("Idle", "Down", table).splitlines() == [
        "stateDiagram-v2",
        "    [*] --> Idle",
        "    Idle --> Down: a / b",
        "    Idle --> Idle: a",
        "    Down --> [*]",
    ]


def test_a_move_that_is_not_in_the_table_raises() -> None:
    with pytest.raises(IllegalMove, match="Arrived --digit--> Idle"):
        moved(calls.MOVES, Arrived(), "digit", Idle(0))


@pytest.mark.parametrize("title", MACHINES)
def test_every_phase_is_reachable(title: str) -> None:
    first, last, moves = MACHINES[title]
    edges = {(frm.__name__, to.__name__) for (frm, _), targets in moves.items() for to in targets if frm and to}
    found, todo = {first}, [first]
    while todo:
        at = todo.pop()
        news = {to for frm, to in edges if frm == at} - found
        found |= news
        todo.extend(news)
    assert found == {name for edge in edges for name in edge}
    dead_ends = found - {frm for frm, to in edges if frm != to}
    assert dead_ends == ({last} if last else set())


def test_every_row_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[int, set[Row]] = {}

    def watched(moves: Moves, old: object, trigger: str, new: object) -> None:
        moved(moves, old, trigger, new)
        taken.setdefault(id(moves), set()).add((type(old), trigger, type(new)))

    for machine in (calls, agents, nodes):
        monkeypatch.setattr(machine, "moved", watched)
    for name, made in SITUATIONS.items():
        for link, it in links(made()):
            if link == "up" or name in RESUMED:
                _play_everything(it)
    for machine in (calls, agents, nodes):
        dead = rows(machine.MOVES) - taken[id(machine.MOVES)]
        assert not dead, f"{machine.__name__}: no situation takes {dead}"


def _play_everything(it: Stage) -> None:
    """Every event, each on a copy; and time alone, beyond the longest talk."""
    frozen = copied(it.world)
    dues = [due for call in frozen.calls.values() if (due := call_due(call)) is not None]
    dues += [leg.left_by for leg in frozen.legs.values() if leg.left_by is not None]
    for at in (*dues, it.now + seconds(5 * 3600)):
        step(copied(frozen), TimePassed(), at)
    for events in everything(it.world).values():
        for event in events:
            step(copied(frozen), event, it.now)
