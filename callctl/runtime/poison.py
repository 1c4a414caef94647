"""Steps that fail: what is kept of them for people, and what is done when they come again and again.

The first costs a rebuild. From the second within a minute on, the heartbeat is withheld: no new callers, they take
the fallback. From the third on, the calls whose rows make the core fail are set aside; where none is to blame, or at
the sixth, callctl ends and is started anew. It counts across its lives, by the files that it kept.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from callctl.core.engine import step
from callctl.core.events import DigitPressed, Event, LegSeen, LegState, LinkRestored, Snapshot, Synced, TimePassed
from callctl.core.ids import SECOND, CallId, Micros
from callctl.core.model import Call, World
from callctl.runtime.loop import copied
from callctl.runtime.ports import Restored

WINDOW: Micros = 60 * SECOND
"""Failures within it belong together."""
AGAIN, SET_ASIDE, GIVE_UP = 2, 3, 6
"""So many of them within the window: no new callers; calls are set aside; callctl ends."""
FILES_KEPT = 20

log = structlog.get_logger(__name__)


class PoisonedError(Exception):
    """The core fails again and again, and no call is to blame: this life cannot go on."""


class Poison:
    """What failed, newest last: files in a folder, one a failure, named by their time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._times = sorted(int(path.stem) for path in folder.glob("*.txt") if path.stem.isdecimal())

    def recent(self, now: Micros) -> int:
        """Failures within the last minute."""
        return sum(now - WINDOW < at <= now for at in self._times)

    def keep(self, now: Micros, event: Event, error: BaseException) -> int:
        """Keep what made the core fail, for people who mend it; returns how many failures there were in a minute.

        A full disk must not make it worse. Which key was pressed is not written: it may be one of a PIN, and the World
        that would tell is half-changed.
        """
        text = f"{_without_key(event)!r}\n\n{''.join(traceback.format_exception(error))}"
        self._times.append(now)
        try:
            self._folder.mkdir(exist_ok=True, mode=0o700)
            (self._folder / f"{now}.txt").write_text(text, encoding="utf-8")
            for old in self._times[:-FILES_KEPT]:
                (self._folder / f"{old}.txt").unlink(missing_ok=True)
        except OSError as trouble:
            log.error("poison_not_kept", why=str(trouble))
        del self._times[:-FILES_KEPT]
        return self.recent(now)

    def forget(self, texts: Iterable[str]) -> int:
        """Remove the files that name any of these; how many."""
        wanted, gone = tuple(texts), 0
        for path in self._folder.glob("*.txt"):
            if any(text in path.read_text("utf-8", errors="replace") for text in wanted):
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def describe(self, calls: Sequence[Call]) -> None:
        """Add the rows of calls to the newest file: with them the failure can be had again."""
        if not self._times:
            return
        try:
            with (self._folder / f"{self._times[-1]}.txt").open("a", encoding="utf-8") as file:
                file.writelines(f"\nset aside: {call!r}\n" for call in calls)
        except OSError as trouble:
            log.error("poison_not_kept", why=str(trouble))


def _without_key(event: Event) -> Event:
    return replace(event, digit="•") if isinstance(event, DigitPressed) else event


def culprits(build: Callable[[Restored], World], restored: Restored, event: Event, now: Micros) -> frozenset[CallId]:
    """The calls each of which, alone in a World, makes the core fail: by their row, or by the event with it."""
    nothing = _fails(build, restored, (), event, now)
    if nothing:
        return frozenset()  # fails without any call: it is not theirs
    return frozenset(call.id for call in restored.calls if _fails(build, restored, (call.id,), event, now))


def _fails(
    build: Callable[[Restored], World], restored: Restored, only: tuple[CallId, ...], event: Event, now: Micros
) -> bool:
    """Whether a life with only these calls fails: at its start, when its PBX is back, at the event, at a deadline.

    On copies: a step changes what it is given.
    """
    rows = Restored(
        tuple(copied(call) for call in restored.calls if call.id in only),
        tuple(replace(agent) for agent in restored.agents),
        tuple(replace(node) for node in restored.nodes),
        flows=restored.flows,
    )
    try:
        world = build(rows)
        for event_ in _as_after_a_start(world, event):
            step(world, event_, now)
    except Exception:
        return True
    return False


def _as_after_a_start(world: World, event: Event) -> list[Event]:
    """The links come back and hold everything; or what the PBX really said, where that is what failed."""
    events: list[Event] = []
    for node in world.nodes.values():
        events.append(LinkRestored(node.id, node.booted))
        if isinstance(event, Synced) and event.node == node.id:
            continue
        legs = tuple(LegSeen(leg.id, LegState.UP, True) for leg in world.legs.values() if leg.node == node.id)
        events.append(Synced(node.id, Snapshot(legs)))
    return [*events, event, TimePassed()]
