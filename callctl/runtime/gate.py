"""A caller is answered once the call is stored: whoever has heard anything of callctl leaves a record, also when
callctl is killed in that moment and the caller hangs up before it is back.

Rows are stored behind the wishes, since Asterisk can be asked again; but it cannot be asked of a caller who has gone.
What is wished for that caller meanwhile waits behind the answer, in order; nobody else's wishes do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from callctl.core.commands import Answer, Bridge, Command, Lease, Play, StopPlay, Watch
from callctl.core.ids import LegId, PlaybackId
from callctl.runtime.ports import Pbx

log = structlog.get_logger(__name__)

PATIENCE = 0.5
"""Seconds after which a caller is answered all the same: neither database nor disk takes anything just now."""


class Gate:
    """Fulfils `ports.Pbx`, before another one. `seq` is the number of the step that the commands come of, `stored`
    returns when it is stored (`ports.Journal.flushed`)."""

    def __init__(self, pbx: Pbx, seq: Callable[[], int], stored: Callable[[int], Awaitable[None]]) -> None:
        self._pbx = pbx
        self._seq = seq
        self._stored = stored
        self._held: dict[LegId, list[Command]] = {}
        self._playing: dict[PlaybackId, LegId] = {}
        self._opening: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Callers who wait for their answer."""
        return len(self._held)

    def send(self, command: Command) -> None:
        leg = self._waits_for(command)
        if leg is not None:
            self._held[leg].append(command)
            if isinstance(command, Play):
                self._playing[command.playback] = leg
        elif isinstance(command, Answer):
            self._held[command.leg] = [command]
            task = asyncio.create_task(self._open(command.leg, self._seq()), name="answer")
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        else:
            self._pbx.send(command)

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

    def abandon(self) -> None:
        """Nobody is answered any more: callctl is ending, and Asterisk has these callers still."""
        for task in self._opening:
            task.cancel()

    async def _open(self, leg: LegId, seq: int) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._stored(seq)
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
