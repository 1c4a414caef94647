"""`callctl queues --watch`: the queues live in a terminal, as long as somebody looks.

A daemon that goes away is waited for: what was last known stays on the screen, and since when.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from callctl.api.client import Client, NoDaemonError, RefusedError

Answer = dict[str, Any]
Seen = TypeVar("Seen")
MOST_CALLERS = 12
"""Of those who wait, over all queues; who waits longest is never left out."""

_STANDINGS = {"routable": "green", "held": "yellow", "busy": "magenta", "unreachable": "red", "paused": "blue"}


def watch(client: Client, every: float) -> int:
    """Until Ctrl-C. NoDaemonError, RefusedError: nobody answers at the very first time."""

    def shown(seen: tuple[Answer, Answer], since: float, why: str) -> RenderableType:
        return picture(*seen, since, why)

    return follow(lambda: (client.get("queues"), client.get("agents")), shown, every)


def follow(look: Callable[[], Seen], shown: Callable[[Seen, float, str], RenderableType], every: float) -> int:
    """Show what is seen, again and again, in the whole terminal until Ctrl-C. `shown`: of what was seen, when (seconds
    since 1970), and what has gone wrong since. What `look` raises at the very first time."""
    seen = look()
    since, why = time.time(), ""
    with _waited_for(signal.SIGINT) as pressed, Live(console=Console(), screen=True, auto_refresh=False) as live:
        while True:
            live.update(Group(shown(seen, since, why), Text("Ctrl-C ends", style="dim")), refresh=True)
            if pressed(every):
                return 0
            try:
                seen = look()
                since, why = time.time(), ""
            except (NoDaemonError, RefusedError) as error:
                why = str(error)


@contextmanager
def _waited_for(number: signal.Signals) -> Iterator[Callable[[float], bool]]:
    """A signal that is only taken where it is waited for, for some seconds: as an exception out of anywhere it would
    now and then be raised where Python can only ignore it, and Ctrl-C would do nothing."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield lambda length: signal.sigtimedwait({number}, length) is not None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def heading(what: str, since: float, why: str) -> Text:
    """What it is and when it was so; where nothing new comes: that, and why."""
    if why:
        return Text(f"{what}: nothing new for {time.time() - since:.0f} s: {why}", style="bold red")
    return Text(f"{what}, {time.strftime('%H:%M:%S', time.localtime(since))}", style="bold")


def picture(queues: Answer, agents: Answer, since: float, why: str) -> RenderableType:
    """One look. `since`: when this was so (seconds since 1970); `why`: what has gone wrong since, or nothing."""
    return Group(
        heading("callctl queues", since, why),
        Panel(_queues(queues["queues"]), title="Queues", title_align="left"),
        Panel(_callers(queues["queues"]), title="Who waits", title_align="left"),
        Panel(_agents(agents["agents"]), title="Agents", title_align="left"),
    )


def _queues(queues: Sequence[Answer]) -> Table:
    table = _table("queue", "waiting", "ringing", "longest wait", "talking", "free", "busy", "paused", "not reachable")
    for queue in queues:
        here = queue["agents"]
        wait, target = queue["longest_wait"], queue["service_level"]
        style = "dim" if not queue["waiting"] else "green" if wait <= target else "bold red"
        free = here["routable"]
        table.add_row(
            Text(queue["id"], style="bold"),
            Text(str(queue["waiting"]), style="bold yellow" if queue["waiting"] else "dim"),
            str(queue["ringing"]),
            Text(f"{wait:.0f} s", style=style),
            str(queue["talking"]),
            Text(str(free), style="green" if free else "red" if queue["waiting"] else "dim"),
            str(here["busy"] + here["held"]),
            str(here["paused"]),
            str(here["unreachable"]),
        )
    return table


def _callers(queues: Sequence[Answer]) -> RenderableType:
    waiting = [{**call, "queue": queue["id"]} for queue in queues for call in queue["order"]]
    if not waiting:
        return Text("nobody", style="dim")
    table = _table("queue", "place", "waited", "score", "what is so")
    for call in sorted(waiting, key=lambda call: -call["waited"])[:MOST_CALLERS]:
        what = "rings" if call["phase"] == "offered" else call["waits"] or "waits"
        style = "magenta" if call["phase"] == "offered" else ""
        place, score = str(call["position"]), f"{call['score']:.1f}"
        table.add_row(call["queue"], place, f"{call['waited']:.0f} s", score, Text(what, style=style))
    if len(waiting) > MOST_CALLERS:
        table.add_row(Text(f"… {len(waiting) - MOST_CALLERS} more", style="dim"))
    return table


def _agents(agents: Sequence[Answer]) -> RenderableType:
    here = [agent for agent in agents if agent["standing"] != "logged_out"]
    if not here:
        return Text("nobody is logged in", style="red")
    table = _table("agent", "name", "standing", "does", "misses")
    for agent in here:
        standing = agent["standing"] + (f" ({agent['reason']})" if agent["reason"] else "")
        does = agent["state"].replace("_", " ")
        if "idle" in agent:
            does += f" for {agent['idle']:.0f} s"
        elif "left" in agent:
            does += f", {agent['left']:.0f} s left"
        style = _STANDINGS.get(agent["standing"], "")
        table.add_row(agent["id"], agent["name"], Text(standing, style=style), does, str(agent["misses"] or ""))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=column != "what is so", ratio=6 if column == "what is so" else None)
    return table
