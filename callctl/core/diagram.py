"""The machines' tables as Mermaid state diagrams. Pure: values in, text out; `tests/tools/diagrams.py` writes it."""

from __future__ import annotations

from callctl.core import agents, calls, nodes
from callctl.core.turn import Moves

MACHINES: dict[str, tuple[str, str, Moves]] = {
    "A call": ("Arrived", "Ended", calls.MOVES),
    "An agent's state": ("Idle", "", agents.MOVES),
    "A node": ("Down", "", nodes.MOVES),
}
"""Title → the first phase, the last one (empty: none), the table."""


def mermaid(first: str, last: str, moves: Moves) -> str:
    """A `stateDiagram-v2`: one edge for each pair of phases, in the table's order, its triggers together."""
    edges: dict[tuple[str, str], list[str]] = {}
    for (frm, trigger), targets in moves.items():
        for to in targets:
            assert frm is not None
            assert to is not None
            edges.setdefault((frm.__name__, to.__name__), []).append(trigger)
    lines = ["stateDiagram-v2", f"    [*] --> {first}"]
    lines += [f"    {frm} --> {to}: {' / '.join(triggers)}" for (frm, to), triggers in edges.items()]
    lines += [f"    {last} --> [*]"] if last else []
    return "\n".join(lines)


def section() -> str:
    """All machines, as Markdown."""
    drawn = (f"### {title}\n\n```mermaid\n{mermaid(*machine)}\n```\n" for title, machine in MACHINES.items())
    return "\n".join(drawn)


if __name__ == "__main__":
    print(section())
