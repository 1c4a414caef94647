"""The demo's live view: queues, agents, calls and the campaign, as callctl's own API tells them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
_CALLED = {
    "ringing": ("rings", "magenta"), "detecting": ("is judged", "cyan"), "waiting": ("waits", "bold yellow"),
    "talking": ("talks", "green"), "harbour": ("safe harbour", "red"), "message": ("message", "blue"),
    "menu": ("menu", "cyan"),
}  # fmt: skip
"""Where those are who were called: a dot for each."""
_CAME_TO = {
    "answered": "green", "abandoned": "bold red", "hung_up": "yellow", "machine": "blue", "unknown": "red",
    "failed": "red",
}  # fmt: skip
_LINES = {"open": "line open", "rings": "line rings", None: "no line"}
MOST_CALLS = 14
WIDE = 150
"""Columns from which on the campaign stands beside the queues, and not below."""
LEFT, RIGHT = 11, 9
"""How the two share the width."""
ROOMY = 110
"""Columns from which on everything is told of queues, agents and calls."""
BAR = 40
_WIDTHS = {"agent": 8, "does": 19, "caller": 8, "what happens": 15, "queue": 8}


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn: what callctl has answered."""

    queues: Sequence[Answer] = ()
    agents: Sequence[Answer] = ()
    calls: Sequence[Answer] = ()
    phones: Sequence[str] = ()
    """What to tell who brings a phone."""
    campaign: Answer | None = None
    """As it is now (`campaigns/ID/live`)."""
    counts: Answer | None = None
    """Its contacts by standing, and its attempts by outcome (`campaigns/ID`)."""


def draw(scene: Scene, title: str, trouble: str = "", width: int = 80) -> RenderableType:
    """One picture of the house, so many columns wide. `trouble`: why it is not ready."""
    head: list[RenderableType] = [Text(title, style="bold")]
    if trouble:
        head.append(Text(trouble, style="bold red"))
    if scene.phones:
        head.append(_panel(Text("\n".join(scene.phones)), "Phones"))
    theirs = _serve(scene)
    calls = [call for call in scene.calls if not call.get("campaign")]
    beside = scene.campaign is not None and width >= WIDE
    roomy = (width * LEFT // (LEFT + RIGHT) if beside else width) >= ROOMY
    queues = _panel(_queues(scene.queues, roomy), "Queues")
    rest = [
        _panel(_agents([it for it in scene.agents if it not in theirs], roomy), "Agents"),
        _panel(_calls(calls, roomy), f"Calls ({len(calls)})"),
    ]
    if scene.campaign is None:
        return Group(*head, queues, *rest)
    campaign = _panel(_campaign(scene, scene.campaign, theirs), f"Campaign {scene.campaign['id']}")
    if not beside:
        return Group(*head, queues, campaign, *rest)
    columns = Table.grid(expand=True, padding=(0, 1, 0, 0))
    columns.add_column(ratio=LEFT)
    columns.add_column(ratio=RIGHT)
    columns.add_row(Group(queues, *rest), campaign)
    return Group(*head, columns)


def _panel(content: RenderableType, title: str) -> Panel:
    return Panel(content, title=title, title_align="left")


def _serve(scene: Scene) -> list[Answer]:
    """The agents who serve the campaign alone."""
    if scene.campaign is None:
        return []
    return [agent for agent in scene.agents if agent["queues"] == [scene.campaign["queue"]]]


# ── who calls ────────────────────────────────────────────────────────────────────────────────


def _queues(queues: Iterable[Answer], roomy: bool) -> Table:
    more = ("strategy", "weight") if roomy else ()
    table = _table("queue", *more, "waiting", "ringing", "longest wait", "talking", "agents free")
    for queue in queues:
        waiting = Text(str(queue["waiting"]), style="bold yellow" if queue["waiting"] else "dim")
        table.add_row(
            queue["id"], *(str(queue[it]) for it in more), waiting,
            str(queue["ringing"]), f"{queue['longest_wait']:.0f} s", str(queue["talking"]),
            str(queue["agents"].get("routable", 0)),
        )  # fmt: skip
    return table


def _agents(agents: Iterable[Answer], roomy: bool) -> Table:
    more = ("phone", "skills") if roomy else ()
    table = _table("agent", "name", "does", "serves", *more)
    for agent in agents:
        phone = agent["phone"]["state"]
        shown = Text(phone.replace("_", " "), style="" if phone == "reachable" else "dim")
        skills = Text(", ".join(f"{skill} {level}" for skill, level in agent["skills"].items()), style="dim")
        table.add_row(
            agent["id"], agent["name"], _doing(agent), Text(", ".join(agent["queues"]), style="dim"),
            *((shown, skills) if roomy else ()),
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


def _calls(calls: Sequence[Answer], roomy: bool) -> Table:
    more = ("priority", "asks for") if roomy else ()
    table = _table("caller", "dialled", "what happens", "for", "queue", *more, "agent")
    for call in list(calls)[-MOST_CALLS:]:
        words, style = _PHASES.get(call["phase"], (call["phase"], ""))
        asked = (str(call.get("priority") or ""), Text(_asks(call.get("asks")), style="dim")) if roomy else ()
        table.add_row(
            call["caller"], call["dialled"], Text(words, style=style), f"{call['age']:.0f} s",
            call.get("queue") or "", *asked, call.get("agent") or "",
        )  # fmt: skip
    if len(calls) > MOST_CALLS:
        table.add_row(Text(f"… {len(calls) - MOST_CALLS} more", style="dim"))
    return table


def _asks(asks: Answer | None) -> str:
    """What is asked of an agent just now."""
    return ", ".join(f"{skill} ≥ {level}" for skill, level in (asks or {}).get("needs", {}).items())


# ── who is called ────────────────────────────────────────────────────────────────────────────


def _campaign(scene: Scene, live: Answer, agents: Iterable[Answer]) -> RenderableType:
    counts = scene.counts or {"contacts": {}, "attempts_24h": {}}
    facts = Table.grid(padding=(0, 2, 0, 0), expand=True)
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(ratio=1)
    facts.add_row("is", Text(f"{live['mode']}, {live['phase']}", style="green" if live["phase"] == "running" else ""))
    facts.add_row("calls", _dots(live["calls"]))
    facts.add_row("pace", _pace(live["pace"]))
    facts.add_row("abandoned", _budget(live["budget"]))
    facts.add_row("came to", _came_to(counts["attempts_24h"]))
    facts.add_row("the list", _list(counts["contacts"]))
    return Group(_lines(agents, scene.calls), Text(), facts)


def _lines(agents: Iterable[Answer], calls: Iterable[Answer]) -> Table:
    """The campaign's agents, their lines, and with whom they talk."""
    callers = {call["id"]: call["caller"] for call in calls}
    table = _table("agent", "name", "line", "does")
    for agent in agents:
        does = _doing(agent)
        if agent["state"] == "on_call" and (caller := callers.get(agent["call"])):
            does.append(f" with {caller}", style="not bold")
        line = Text(_LINES.get(agent["line"], ""), style="green" if agent["line"] == "open" else "dim")
        table.add_row(agent["id"], agent["name"], line, does)
    return table


def _dots(calls: Mapping[str, int]) -> Text:
    """One for each person who is being called."""
    said = Text()
    for where, (words, style) in _CALLED.items():
        if count := calls.get(where, 0):
            said.append("   " if said else "").append(f"{'●' * count} ", style=style).append(words)
    return said if said else Text("nobody", style="dim")


def _pace(pace: Answer | None) -> Text:
    if pace is None:
        return Text("nothing is dialled", style="dim")
    first, _, why = pace["why"].partition(": ")
    return Text(first, style="bold" if pace["dial"] else "").append(f": {why}", style="not bold")


def _budget(budget: Answer) -> Text:
    customers = budget["connected"] + budget["abandoned"]
    over = budget["percent"] > budget["most_percent"]
    share = f": {budget['percent']:.1f} % of {budget['most_percent']:g} % that may be"
    said = Text(f"{budget['abandoned']} of {customers} who answered", style="bold red" if over else "green")
    return said.append(share, style="not bold default")


def _came_to(attempts: Mapping[str, int]) -> Text:
    said = Text()
    for outcome, count in sorted(attempts.items(), key=lambda it: (-it[1], it[0])):
        if outcome != "open":
            said.append(", " if said else "").append(f"{outcome.replace('_', ' ')} {count}", _CAME_TO.get(outcome, ""))
    return said if said else Text("nothing yet", style="dim")


def _list(contacts: Mapping[str, int]) -> Text:
    """How far it is, as a bar: done, to be tried again, not tried yet."""
    total = sum(contacts.values())
    if not total:
        return Text("nobody", style="dim")
    done, later = (contacts.get(it, 0) for it in ("done", "later"))
    parts = ((done, "█", "green", "done"), (later, "▓", "yellow", "later"), (total - done - later, "░", "dim", "left"))
    said, drawn, before = Text(), 0, 0
    for count, cell, style, _ in parts:
        before += count
        width = round(BAR * before / total) - drawn
        drawn += width
        said.append(cell * width, style=style)
    return said.append("\n").append(", ".join(f"{count} {words}" for count, _, _, words in parts), style="default")


def _table(*columns: str) -> Table:
    """The first column and what happens are never cut; on a narrow terminal the others are."""
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True, min_width=_WIDTHS.get(column))
    return table
