"""One life of callctl: the core, the loop, the inbox and the clock as the daemon has them, on virtual parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random

from callctl.core.commands import Answer, Beat, Command, Play, StopPlay
from callctl.core.engine import Step, first_step, step
from callctl.core.events import Event
from callctl.core.ids import Micros
from callctl.core.model import World
from callctl.core.policy import Policy
from callctl.core.recovery import restore
from callctl.runtime.gate import Gate
from callctl.runtime.inbox import Answer as Reply
from callctl.runtime.inbox import BoundedInbox
from callctl.runtime.loop import Loop
from callctl.runtime.ports import Batch
from callctl.sim.clock import VirtualClock
from callctl.sim.link import AUDITABLE, VirtualLink
from callctl.sim.office import NODE
from callctl.sim.plan import Plan
from callctl.sim.rows import copied
from callctl.sim.servers import VirtualServers
from callctl.sim.store import Database, VirtualJournal, VirtualLists
from callctl.sim.switch import Listener, Switch

Watch = Callable[[World, Event, Step, Micros], None]


class KilledError(BaseException):
    """kill -9: nobody may catch it."""


class _Inbox(BoundedInbox):
    """Gives nothing while the process is frozen, or the core busy."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = False
        self.thawed = asyncio.Event()

    def take(self) -> tuple[Event, Reply | None] | None:
        return None if self.frozen else super().take()

    async def wait(self, seconds: float | None) -> None:
        if self.frozen:
            self.thawed.clear()
            await self.thawed.wait()
        else:
            await super().wait(seconds)


class Process:
    """`watch` sees every step; `wrong` is told what is wrong with it, in sentences."""

    def __init__(
        self,
        switch: Switch,
        database: Database,
        policy: Policy,
        plan: Plan,
        seed: int,
        watch: Watch,
        wrong: Callable[..., None],
        died: Callable[[], None],
    ) -> None:
        self.dead = False
        self.lost: Listener | None = None
        """The connection that it had when it was killed."""
        self.fuse: int | None = None
        """So many more things are sent or stored, then it is killed."""
        self.lose_next: float | None = None
        """The next step's commands are lost; below a half the link breaks then."""
        database.begin()
        rows = copied(database.rows.live())
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.began = asyncio.get_running_loop().time()
        switches = rows.switches.values()
        first = first_step(
            rows.calls.values(), rows.attempts.values(), [NODE], self.clock.now(), switches, policy.switches
        )
        world = restore(
            policy,
            seed,
            rows.calls.values(),
            rows.agents.values(),
            rows.nodes.values(),
            [NODE],
            self.clock.now(),
            usage=rows.trunks.values(),
            campaigns=rows.campaigns.values(),
            attempts=rows.attempts.values(),
            switches=switches,
            flows=rows.flows.values(),
        )
        self.inbox = _Inbox()
        self.link = VirtualLink(switch, self.inbox, Random(f"link {seed}"), plan.slowness, plan.audit_every)
        self.journal = VirtualJournal(database, Random(f"journal {seed}"), self.inbox.put if plan.lists else None)
        self.lists = VirtualLists(database, self.journal, Random(f"lists {seed}"), self.inbox.put, self.clock.now)
        self.servers = VirtualServers(self._answered, Random(f"servers {seed}"))
        self.journal.ahead.agents = copied(world.agents)
        self.journal.ahead.nodes = copied(world.nodes)
        self._watch = watch
        self._wrong = wrong
        self._died = died
        with_rows = list(rows.agents)
        self.gate = Gate(self, lambda: self.world, lambda: self.loop.seq, self.journal, self.inbox.put)
        self.loop = Loop(
            world,
            self.inbox,
            self.clock,
            self.gate,
            self,
            [],
            self._rebuild,
            with_rows=with_rows,
            decide=self._decide,
            lists=self.lists,
            servers=self.servers,
        )
        if first.touched.over or first.touched.off:
            self.loop.begin(first)
        if plan.lists is not None:
            self.lists.start()
        self._tasks = [asyncio.ensure_future(self.loop.run()), asyncio.ensure_future(self.link.run())]

    @property
    def world(self) -> World:
        return self.loop.world

    def kill(self, much: float) -> None:
        """kill -9: of what was written and not yet stored the first part was; the kernel still sends what it has."""
        if self.dead:
            return
        self.dead = True
        self.journal.die(much)
        self.lists.die()
        self.servers.die()
        self.lost = self.link.break_(1.0)
        for task in self._tasks:
            task.cancel()
        self.gate.abandon()
        self._died()

    async def ended(self) -> None:
        """Once it has been killed: nothing of it runs any more."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def freeze(self) -> None:
        self.inbox.frozen = True
        self.clock.hold()
        self.link.freeze()

    def thaw(self) -> None:
        self.clock.go_on()
        self.link.thaw()
        self.go_on()

    def go_on(self) -> None:
        """The core takes what has come, unless the whole process is frozen."""
        if not self.clock.held:
            self.inbox.frozen = False
            self.inbox.thawed.set()

    # ── what the loop calls ──────────────────────────────────────────────────────────────────

    def _decide(self, world: World, event: Event, now: Micros) -> Step:
        done = step(world, event, now)
        self._watch(world, event, done, now)
        if self.lose_next is not None and any(not isinstance(c, Beat) for c in done.commands):
            much, self.lose_next = self.lose_next, None
            self._lose(done.commands, much)
            done = replace(done, commands=())
        return done

    def _lose(self, lost: tuple[Command, ...], much: float) -> None:
        """Prompts and answers are not owed until the link is back: nobody can ask what has been heard."""
        self.link.lose()
        loop = asyncio.get_running_loop()
        if much < 0.5 or any(isinstance(command, Play | StopPlay | Answer) for command in lost):
            loop.call_soon(self.link.break_, 1.0)
        else:
            loop.call_later(AUDITABLE, self.link.audit)

    def _answered(self, event: Event) -> None:
        if not self.dead:
            self.inbox.put(event)

    def send(self, command: Command) -> None:
        self._burn()
        if not self.dead:
            self.link.send(command)

    def append(self, batch: Batch) -> None:
        if self.dead:
            return
        self.journal.append(batch)
        if self.fuse is None:
            self._wrong(*self.journal.differ(self.world))

    async def flushed(self, seq: int) -> None:
        await self.journal.flushed(seq)

    async def committed(self, seq: int) -> None:
        await self.journal.committed(seq)

    def _burn(self) -> None:
        if self.fuse is None or self.dead:
            return
        self.fuse -= 1
        if self.fuse < 0:
            self.kill(0.0)
            if asyncio.current_task() is self._tasks[0]:
                raise KilledError

    async def _rebuild(self, event: Event, error: BaseException) -> World:
        """A step raised: the simulation ends here."""
        self._wrong(f"{type(event).__name__} made the core fail: {type(error).__name__}: {error}")
        raise error
