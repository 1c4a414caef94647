"""`callctl campaign watch`: a campaign live in a terminal: agents, lines, pace with its why, outcomes, budget, list."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from callctl.api.client import Client
from callctl.printing import clock, printable
from callctl.watch import Answer, follow, heading

BAR = 30
"""Characters of a bar."""
_STATES = {
    "idle": "green",
    "on_call": "magenta",
    "wrap_up": "cyan",
    "line_down": "bold red",
    "not_free": "yellow",
    "paused": "blue",
    "logged_out": "dim",
}


def watch(client: Client, name: str, every: float) -> int:
    """Until Ctrl-C. NoDaemonError, RefusedError: nobody answers at first, or there is no such campaign."""
    return follow(lambda: client.get("campaigns", name, "live"), picture, every)


def once(answer: Answer) -> None:
    """One picture."""
    Console().print(picture(answer, time.time(), ""))


def picture(it: Answer, since: float, why: str) -> RenderableType:
    """One look. `since`: when this was so (seconds since 1970); `why`: what has gone wrong since, or nothing."""
    by = f" by {it['by']}" if it["by"] else ""
    started = f" since {clock(it['since'])} UTC{by}" if it["since"] else ""
    so = f"{it['phase']}{started}; {it['mode']}, {it['kind']}, agents of {it['queue'] or 'nobody'}"
    return Group(
        heading(f"callctl campaign {it['id']}", since, why),
        Text(printable(so)),
        _panel("Agents", _agents(it)),
        _panel("Calls and lines", Group(_calls(it), _lines(it["lines"]))),
        _panel("Pace", _pace(it["pace"], it["phase"], it["mode"])),
        _panel("Abandoned, of what may be", _budget(it["budget"])),
        _panel("Attempts by outcome, since the first start", _outcomes(it["tally"])),
        _panel("The list", _list(it)),
        *([_panel("What was heard, and what agents said it was", _matrix(it))] if _listens(it) else []),
    )


def _panel(title: str, inside: RenderableType) -> Panel:
    return Panel(inside, title=title, title_align="left")


def _listens(it: Answer) -> bool:
    detection = it["detection"]
    return bool(detection["on"] or detection["gone_off"] or detection["judged"])


# ── now ──────────────────────────────────────────────────────────────────────────────────────────


def _agents(it: Answer) -> RenderableType:
    here = {state: who for state, who in it["agents_by_state"].items() if who}
    if not here:
        return Text("nobody: a recording talks" if it["mode"] == "broadcast" else "nobody", style="dim")
    table = _table("state", "how many", "who")
    for state, who in here.items():
        names = Text(", ".join(who[:20]) + (f" and {len(who) - 20} more" if len(who) > 20 else ""))
        table.add_row(Text(state.replace("_", " "), style=_STATES.get(state, "")), str(len(who)), names)
    return table


def _calls(it: Answer) -> RenderableType:
    counts = (f"{count} {where}" for where, count in it["calls"].items() if count)
    return Text(f"{it['in_flight']} in flight; " + (", ".join(counts) or "no calls"))


def _lines(lines: Iterable[Answer]) -> RenderableType:
    table = _table("trunk", "in use", "free", "failures", "why none is free")
    for line in lines:
        free = "no limit" if line["free"] is None else str(line["free"])
        why = Text(printable(line["why"]), style="yellow")
        style = "red" if line["free"] == 0 else ""
        failures = Text(str(line["failures"] or ""), style="red")
        table.add_row(line["trunk"], str(line["used"]), Text(free, style=style), failures, why)
    return table


def _pace(pace: Answer | None, phase: str, mode: str) -> RenderableType:
    if pace is None:
        dials = "agents dial, one contact each" if mode in ("preview", "manual") else "nothing was decided yet"
        return Text(dials if phase == "running" else f"nothing is dialled: it is {phase}", style="dim")
    why = Text(printable(pace["why"]), style="" if pace["dial"] else "yellow")
    if not pace["allowed"]:
        return why
    numbers = (
        f"{pace['expected_answers']:.1f} answers expected · {pace['expected_free']:.1f} agents soon free · "
        f"risk of the next {100 * pace['risk']:.2f} % · allowed {100 * pace['allowed']:.2f} %"
    )
    return Group(why, Text(numbers, style="dim"))


def _budget(budget: Answer) -> RenderableType:
    percent, most = budget["percent"], budget["most_percent"]
    style = "bold red" if percent > most else "yellow" if percent > 0.8 * most else "green"
    bar = _bar(percent / most if most else 1.0, style)
    said = f" {percent:.2f} % of at most {most:g} %"
    counted = f"counted from {clock(budget['counted_from'])} UTC" if budget["counted_from"] else "never started"
    counts = (
        f"{budget['abandoned']} abandoned beside {budget['connected']} connected, {counted} · "
        f"{budget['saved']:+.1f} abandoned calls left · grace {budget['grace']:g} s"
    )
    return Group(bar.append(said, style=style), Text(counts, style="dim"))


# ── so far ───────────────────────────────────────────────────────────────────────────────────────


def _outcomes(tally: Answer | None) -> RenderableType:
    if tally is None:
        return Text("not counted yet", style="dim")
    total = sum(tally["outcomes"].values())
    if not total:
        return Text("no attempt yet", style="dim")
    cells = [f"{outcome} {count} ({100 * count / total:.1f} %)" for outcome, count in tally["outcomes"].items()]
    return Columns([Text(cell) for cell in cells], padding=(0, 3))


def _list(it: Answer) -> RenderableType:
    tally, contacts = it["tally"], it["contacts"]
    ready = f"{contacts['ready']} ready to be called" + (", and nobody else is due" if contacts["nobody_due"] else "")
    if tally is None:
        return Text(ready)
    standings = ", ".join(f"{count} {standing}" for standing, count in tally["contacts"].items())
    bar = _bar(tally["done_percent"] / 100, "green").append(f" {tally['done_percent']:.1f} % done with")
    return Group(bar, Text(f"{standings} (counted {clock(tally['at'])} UTC) · {ready}", style="dim"))


def _matrix(it: Answer) -> RenderableType:
    detection = it["detection"]
    if detection["gone_off"]:
        state = Text("Detection is OFF: it took too many people for machines. Stop and start to try again", style="red")
    else:
        state = Text("Detection is on" if detection["on"] else "Detection is not configured", style="dim")
    table = _table("heard", "a human, said agents", "a machine, said agents")
    for heard, labels in detection["judged"].items():
        table.add_row(heard, str(labels.get("human", 0)), str(labels.get("machine", 0)))
    known = table if detection["judged"] else Text("no agent has said yet", style="dim")
    return Group(state, known, _taken_for_machines(it["budget"]))


def _taken_for_machines(budget: Answer) -> Text:
    about = budget["false_positives"]
    if about is None:
        return Text("how many people are taken for machines is not known yet: too few labels", style="dim")
    counted = "counted as abandoned" if budget["false_positives_count"] else "not counted as abandoned"
    return Text(f"about {about:g} people taken for machines, {counted}", style="dim")


def _bar(share: float, style: str) -> Text:
    full = round(min(max(share, 0.0), 1.0) * BAR)
    return Text("█" * full, style=style).append("░" * (BAR - full), style="dim")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=not column.startswith("w"))
    return table
