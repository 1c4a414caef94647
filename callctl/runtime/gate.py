"""What waits for the journal on its way to the PBX.

A caller is answered once the call is stored: whoever has heard anything of callctl leaves a record, also when callctl
is killed in that moment and the caller hangs up before it is back. Rows are stored behind the wishes, since Asterisk
can be asked again; but it cannot be asked of a caller who has gone. What is wished for that caller meanwhile waits
behind the answer, in order; nobody else's wishes do. Words that tell somebody what is promised (not to be called any
more) wait in the same way.

Somebody on a list is dialled once Postgres has the attempt, or not at all: after a kill nobody could say whether a
phone has rung, and what is only on this machine's disk the next callctl may not find. What is not dialled in time never
is, and the core is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Protocol

import structlog

from callctl.core.commands import Answer, Bridge, Command, Dial, Hangup, Lease, Play, StopPlay, Watch
from callctl.core.events import Event, LegGone
from callctl.core.ids import LegId, PlaybackId
from callctl.core.model import World
from callctl.runtime.ports import Pbx

log = structlog.get_logger(__name__)

PATIENCE = 0.5
"""Seconds after which a caller is answered all the same: neither database nor disk takes anything just now."""
DIAL_PATIENCE = 2.0
"""Seconds after which a call that Postgres does not know is not made. Less than `recovery.YOUNG`: audits do not miss
its leg before."""
NOT_DIALLED = 41
"""Q.850: temporary failure."""


class Stored(Protocol):
    """Of `ports.Journal`."""

    async def flushed(self, seq: int) -> None: ...
    async def committed(self, seq: int) -> None: ...


class Gate:
    """Fulfils `ports.Pbx`, before another one. `seq` is the number of the step that the commands come of, `tell` puts
    an event into the inbox."""

    def __init__(
        self,
        pbx: Pbx,
        world: Callable[[], World],
        seq: Callable[[], int],
        journal: Stored,
        tell: Callable[[Event], None],
    ) -> None:
        self._pbx = pbx
        self._world = world
        self._seq = seq
        self._journal = journal
        self._tell = tell
        self._held: dict[LegId, list[Command]] = {}
        self._playing: dict[PlaybackId, LegId] = {}
        self._dials: dict[LegId, Dial] = {}
        self._opening: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Callers who wait for their answer, and calls that wait to be made."""
        return len(self._held) + len(self._dials)

    def send(self, command: Command) -> None:
        leg = self._waits_for(command)
        if leg is not None:
            self._held[leg].append(command)
            if isinstance(command, Play):
                self._playing[command.playback] = leg
        elif isinstance(command, Answer) or (isinstance(command, Play) and command.promise):
            self._held[command.leg] = [command]
            if isinstance(command, Play):
                self._playing[command.playback] = command.leg
            self._begin(self._open(command.leg, self._seq()), "answer")
        elif isinstance(command, Dial):
            self._dials[command.leg] = command
            self._begin(self._dial(command, self._seq()), "dial")
        elif not self._of_a_call_to_be(command):
            self._pbx.send(command)

    def _begin(self, opening: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(opening, name=name)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def abandon(self) -> None:
        """Nobody is answered and nobody dialled any more: callctl is ending, and Asterisk has these callers still."""
        for task in self._opening:
            task.cancel()

    # ── callers ──────────────────────────────────────────────────────────────────────────────

    def _waits_for(self, command: Command) -> LegId | None:
        """The leg behind whose answer it waits; None: it need not."""
        match command:
            case Watch() | Lease():
                return None  # nobody hears them, and they keep the call
            case Bridge(caller=caller, agent=agent):
                return next((leg for leg in (caller, agent) if leg in self._held), None)
            case StopPlay(playback=playback):
                return self._playing.get(playback)
            case _:
                leg = getattr(command, "leg", None)
                return leg if leg in self._held else None

    async def _open(self, leg: LegId, seq: int) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._journal.flushed(seq)
        except TimeoutError:
            log.warning("answered_unstored", leg=leg, why=f"not stored in {PATIENCE:g} s")
        except Exception as error:  # the journal is closed, or another callctl has taken over: the caller is theirs
            log.info("not_answered", leg=leg, why=str(error))
            self._forget(leg)
            return
        for command in self._forget(leg):
            self._pbx.send(command)

    def _forget(self, leg: LegId) -> list[Command]:
        self._playing = {playback: of for playback, of in self._playing.items() if of != leg}
        return self._held.pop(leg)

    # ── who is called ────────────────────────────────────────────────────────────────────────

    def _of_a_call_to_be(self, command: Command) -> bool:
        """Whether it is for a leg that is not dialled yet. There is nothing to do to it but to give it up."""
        leg = getattr(command, "leg", None)
        if leg is None or leg not in self._dials:
            return False
        if isinstance(command, Hangup):
            self._give_up(leg)
        return True

    async def _dial(self, dial: Dial, seq: int) -> None:
        why = ""
        try:
            async with asyncio.timeout(DIAL_PATIENCE):
                await self._journal.committed(seq)
        except TimeoutError:
            why = f"the database did not take the attempt in {DIAL_PATIENCE:g} s"
        except Exception as error:
            why = str(error) or type(error).__name__
        if self._dials.get(dial.leg) is not dial:
            return  # given up meanwhile
        if not why and self._is_wanted(dial):
            del self._dials[dial.leg]
            self._pbx.send(dial)
            return
        log.warning("not_dialled", leg=dial.leg, call=dial.call, why=why or "the core wants it no more")
        self._give_up(dial.leg)

    def _is_wanted(self, dial: Dial) -> bool:
        """As commands are, of a node that is up; and the core may have been told that there is no such leg."""
        world = self._world()
        return dial.leg in world.legs and world.node_up(dial.node)

    def _give_up(self, leg: LegId) -> None:
        dial = self._dials.pop(leg)
        self._tell(LegGone(dial.node, leg, cause=NOT_DIALLED, unsent=True))
