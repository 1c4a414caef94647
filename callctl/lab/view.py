"""The demo's live view: queues, agents and calls as callctl's own API tells them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

Answer = dict[str, Any]

_PHASES = {
    "in_menu": ("in the menu", "cyan"), "announcing": ("hears a message", "cyan"), "queued": ("waits", "yellow"),
    "offered": ("rings", "magenta"), "connected": ("talks", "green"), "ended": ("over", "dim"),
}  # fmt: skip
_STATES = {
    "idle": ("free", "green"), "reserved": ("is being rung", "magenta"), "ringing": ("rings", "magenta"),
    "on_call": ("talks", "bold green"), "wrap_up": ("wraps up", "blue"),
}  # fmt: skip
MOST_CALLS = 14


def draw(title: str, queues: Answer, agents: Answer, calls: Answer) -> RenderableType:
    """One picture of the house."""
    return Group(
        Text(title, style="bold"),
        Panel(_queues(queues["queues"]), title="Queues", title_align="left"),
        Panel(_agents(agents["agents"]), title="Agents", title_align="left"),
        Panel(_calls(calls["calls"]), title=f"Calls ({len(calls['calls'])})", title_align="left"),
    )


def _queues(queues: Iterable[Answer]) -> Table:
    table = _table("queue", "waiting", "ringing", "longest wait", "talking", "agents free")
    for queue in queues:
        waiting = Text(str(queue["waiting"]), style="bold yellow" if queue["waiting"] else "dim")
        table.add_row(
            queue["id"], waiting, str(queue["ringing"]), f"{queue['longest_wait']:.0f} s", str(queue["talking"]),
            str(queue["agents"].get("routable", 0)),
        )  # fmt: skip
    return table


def _agents(agents: Iterable[Answer]) -> Table:
    table = _table("agent", "name", "phone", "status", "state", "since", "queues")
    for agent in agents:
        words, style = _STATES.get(agent["state"], (agent["state"], ""))
        away = agent["status"] != "available"
        status = agent["status"].replace("_", " ") + (f" ({agent['reason']})" if agent["reason"] else "")
        since = f"{agent['idle']:.0f} s" if "idle" in agent and not away else ""
        if "left" in agent:
            since = f"{agent['left']:.0f} s left"
        table.add_row(
            agent["id"], agent["name"], agent["phone"]["state"].replace("_", " "),
            Text(status, style="dim" if away else ""), Text("" if away else words, style=style), since,
            ", ".join(agent["queues"]),
        )  # fmt: skip
    return table


def _calls(calls: Sequence[Answer]) -> Table:
    table = _table("caller", "dialled", "what happens", "for", "queue", "agent")
    for call in list(calls)[-MOST_CALLS:]:
        words, style = _PHASES.get(call["phase"], (call["phase"], ""))
        table.add_row(
            call["caller"], call["dialled"], Text(words, style=style), f"{call['age']:.0f} s",
            call.get("queue") or "", call.get("agent") or "",
        )  # fmt: skip
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table
