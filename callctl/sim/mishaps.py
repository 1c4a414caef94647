"""What goes wrong in a run, and how it is made good again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import assert_never

from callctl.sim.link import Troubles
from callctl.sim.pbx import Channel
from callctl.sim.people import Crowd
from callctl.sim.plan import Ill, Mishap
from callctl.sim.process import Process
from callctl.sim.store import Database

NOTICED = 2.0
"""Seconds within which the PBX notices that a connection has been cut."""
TOO_LONG = 5.0
"""Seconds of nothing after which the link's watchdog gives a connection up."""
AMISS = 1.0
"""Seconds for which something may be amiss, after what went wrong is over."""
WITHIN, LATEST = 0.5, 20.0
"""Seconds in which a process that does nothing is killed all the same, at one time or another."""
REGISTERS = 1.0
"""Seconds after its boot in which phones find the PBX again."""


class Mishaps:
    """`begin` starts a new life of callctl."""

    def __init__(self, crowd: Crowd, database: Database, begin: Callable[[], Process], rng: Random) -> None:
        self.process = begin()
        self._begin = begin
        self._crowd = crowd
        self._switch = crowd.switch
        self._database = database
        self._rng = rng
        self._loop = asyncio.get_running_loop()
        self._back_after: list[float] = []
        """Seconds after which callctl is started again: of its next death, and of those after it."""
        self._starting: asyncio.Task[None] | None = None
        self._amiss_until = 0.0

    def calm(self, since: float) -> bool:
        """Whether nothing has been amiss since a moment: neither with callctl, nor with its ways."""
        process, link = self.process, self.process.link
        if (
            process.dead
            or process.inbox.frozen
            or process.lose_next is not None
            or self._database.away_since is not None
        ):
            return False
        if not (link.live and link.faithful and link.has_the_app) or link.troubles != Troubles():
            return False
        return since > max(process.began, link.live_since, link.troubled, self._amiss_until)

    def happen(self, act: Mishap) -> None:
        """Something goes wrong."""
        self._amiss_until = max(self._amiss_until, self._loop.time() + act.length + AMISS)
        match act.ill:
            case Ill.LINK_CUT | Ill.LINK_STALLED | Ill.DOUBLED | Ill.COMMAND_FAILS | Ill.AUDITED:
                self._on_the_way(act)
            case Ill.KILLED:
                self._kill(act, [act.length])
            case Ill.KILLED_TWICE:
                self._kill(act, [act.much, act.length])
            case Ill.FROZEN:
                self.process.freeze()
                self._later(act.length, self.process.thaw)
            case Ill.BUSY:
                self.process.inbox.frozen = True
                self._later(min(act.length, 1.0), self.process.go_on)
            case Ill.STEP_LOST:
                self.process.lose_next = act.much
            case Ill.POSTGRES_AWAY:
                self._database.go()
                self._later(act.length, self._database.come)
            case Ill.PBX_KILLED | Ill.REDIRECTED | Ill.HUNG_UP:
                self._at_the_pbx(act)
            case _:
                assert_never(act.ill)

    def _on_the_way(self, act: Mishap) -> None:
        link, troubles, much = self.process.link, self.process.link.troubles, act.much
        match act.ill:
            case Ill.LINK_CUT:
                self._switch.reachable = False
                self._later(much * NOTICED, self._switch.disconnect, link.break_(much))
                self._later(act.length, self._reach)
            case Ill.LINK_STALLED:
                link.stall()
                self._later(min(act.length, TOO_LONG), self._flow, act)
            case Ill.COMMAND_FAILS if much < 0.5:
                troubles.fail_early += 1
            case Ill.COMMAND_FAILS:
                troubles.fail_late += 1
            case Ill.DOUBLED if much < 0.5:
                troubles.double_now += 1
            case Ill.DOUBLED:
                troubles.double_late += 1
            case Ill.AUDITED:
                link.audit()

    def _at_the_pbx(self, act: Mishap) -> None:
        match act.ill:
            case Ill.PBX_KILLED:
                self._switch.die()
                self.process.link.break_(act.much)
                self._later(act.length, self._boot)
            case Ill.REDIRECTED:
                if channel := self._pick(act.much, lambda c: c.in_app):
                    self._switch.leave(channel)
            case Ill.HUNG_UP:
                if channel := self._pick(act.much, lambda c: True):
                    self._switch.end(channel, 16)

    def _later(self, seconds: float, what: Callable[..., object], *args: object) -> None:
        self._loop.call_later(seconds, what, *args)

    def _pick(self, much: float, fits: Callable[[Channel], bool]) -> Channel | None:
        found = [channel for channel in self._switch.model.channels.values() if fits(channel)]
        return found[int(much * len(found))] if found else None

    def _reach(self) -> None:
        self._switch.reachable = True

    def _flow(self, act: Mishap) -> None:
        if act.length > TOO_LONG:
            self.process.link.break_(act.much)
        self.process.link.flow()

    def _boot(self) -> None:
        if not self._switch.up:
            self._switch.boot()
            self._later(REGISTERS, self._crowd.register_all)

    # ── callctl ──────────────────────────────────────────────────────────────────────────────

    def _kill(self, act: Mishap, back_after: list[float]) -> None:
        if self.process.dead or self._back_after:
            return
        self._back_after = back_after
        self.process.fuse = int(act.much * 12)
        self._later(self._rng.choice((WITHIN, LATEST)), self.process.kill, act.much)

    def died(self) -> None:
        """callctl is dead; the PBX notices in a moment, and somebody starts it again."""
        self._later(self._rng.choice((0.0, 0.001, 0.05)), self._switch.disconnect, self.process.lost)
        after = self._back_after.pop(0) if self._back_after else 0.0
        self._starting = asyncio.ensure_future(self._start_again(after))

    async def _start_again(self, after: float) -> None:
        await self.process.ended()
        await asyncio.sleep(after)
        await self._database.up.wait()
        self.process = self._begin()
        if self._back_after:
            self._later(self._rng.uniform(0.0, 1.0), self.process.kill, self._rng.random())

    async def heal(self) -> None:
        """Everything works again."""
        self._reach()
        self._boot()
        self._crowd.register_all()
        self._database.come()
        self._back_after = []
        if self._starting is not None:
            await self._starting
        self.process.thaw()
        self.process.fuse = self.process.lose_next = None
