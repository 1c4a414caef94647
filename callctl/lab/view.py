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
    "offered": ("rings", "magenta"), "connected": ("talks", "green"),
    "handed_over": ("sent out", "blue"), "ended": ("over", "dim"),
}  # fmt: skip
_STATES = {
    "idle": ("free", "green"), "reserved": ("is being rung", "magenta"), "ringing": ("rings", "magenta"),
    "briefed": ("hears the whisper", "magenta"), "on_call": ("talks", "bold green"), "wrap_up": ("wraps up", "blue"),
}  # fmt: skip
MOST_CALLS = 14
_WIDTHS = {"agent": 8, "does": 19, "caller": 8, "what happens": 15, "queue": 8}


def draw(
    title: str, trouble: str, phones: Sequence[str], queues: Answer, agents: Answer, calls: Answer
) -> RenderableType:
    """One picture of the house. `trouble`: why it is not ready; `phones`: what to tell who brings a phone."""
    parts: list[RenderableType] = [Text(title, style="bold")]
    if trouble:
        parts.append(Text(trouble, style="bold red"))
    if phones:
        parts.append(Panel(Text("\n".join(phones)), title="Phones", title_align="left"))
    parts += [
        Panel(_queues(queues["queues"]), title="Queues", title_align="left"),
        Panel(_agents(agents["agents"]), title="Agents", title_align="left"),
        Panel(_calls(calls["calls"]), title=f"Calls ({len(calls['calls'])})", title_align="left"),
    ]
    return Group(*parts)


def _queues(queues: Iterable[Answer]) -> Table:
    table = _table("queue", "strategy", "weight", "waiting", "ringing", "longest wait", "talking", "agents free")
    for queue in queues:
        waiting = Text(str(queue["waiting"]), style="bold yellow" if queue["waiting"] else "dim")
        table.add_row(
            queue["id"], queue["strategy"], str(queue["weight"]), waiting,
            str(queue["ringing"]), f"{queue['longest_wait']:.0f} s", str(queue["talking"]),
            str(queue["agents"].get("routable", 0)),
        )  # fmt: skip
    return table


def _agents(agents: Iterable[Answer]) -> Table:
    table = _table("agent", "name", "does", "phone", "serves", "skills")
    for agent in agents:
        phone = agent["phone"]["state"]
        table.add_row(
            agent["id"], agent["name"], _doing(agent),
            Text(phone.replace("_", " "), style="" if phone == "reachable" else "dim"),
            Text(", ".join(agent["queues"]), style="dim"),
            Text(", ".join(f"{skill} {level}" for skill, level in agent["skills"].items()), style="dim"),
        )  # fmt: skip
    return table


def _doing(agent: Answer) -> Text:
    """What the agent does, and for how long."""
    if agent["status"] != "available" and agent["state"] == "idle":
        reason = f" ({agent['reason']})" if agent["reason"] else ""
        return Text(agent["status"].replace("_", " ") + reason, style="dim")
    if agent["standing"] == "unreachable":
        return Text("waits for the phone", style="dim")
    words, style = _STATES.get(agent["state"], (agent["state"], ""))
    if "left" in agent:
        words += f", {agent['left']:.0f} s left"
    elif "idle" in agent:
        words += f" for {agent['idle']:.0f} s"
    return Text(words, style=style)


def _calls(calls: Sequence[Answer]) -> Table:
    table = _table("caller", "dialled", "what happens", "for", "queue", "priority", "asks for", "agent")
    for call in list(calls)[-MOST_CALLS:]:
        words, style = _PHASES.get(call["phase"], (call["phase"], ""))
        table.add_row(
            call["caller"], call["dialled"], Text(words, style=style), f"{call['age']:.0f} s",
            call.get("queue") or "", str(call.get("priority") or ""), Text(_asks(call.get("asks")), style="dim"),
            call.get("agent") or "",
        )  # fmt: skip
    if len(calls) > MOST_CALLS:
        table.add_row(Text(f"… {len(calls) - MOST_CALLS} more", style="dim"))
    return table


def _asks(asks: Answer | None) -> str:
    """What is asked of an agent just now."""
    return ", ".join(f"{skill} ≥ {level}" for skill, level in (asks or {}).get("needs", {}).items())


def _table(*columns: str) -> Table:
    """The first column and what happens are never cut; on a narrow terminal the others are."""
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True, min_width=_WIDTHS.get(column))
    return table
