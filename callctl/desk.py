"""What the API may see and ask of the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from callctl.api.ports import Condition, Health, Record, Reloaded, Stored, UnavailableError
from callctl.asterisk.ami import AmiError
from callctl.core.events import Event
from callctl.core.facts import Fact
from callctl.core.ids import SECOND, CallId, MailboxId, Micros, TrunkId
from callctl.core.model import World
from callctl.links import Links
from callctl.runtime.clock import SystemClock
from callctl.runtime.loop import Loop
from callctl.runtime.mailboxes import BoxNow, Message
from callctl.runtime.views import TrunkBoard, TrunkNow
from callctl.store import cdr
from callctl.store.errors import StoreError
from callctl.store.journal import Mode
from callctl.store.pool import Pool
from callctl.store.start import Store

STUCK: Micros = 5 * SECOND
"""A loop that has not turned for so long is not alive."""


class Inside(Protocol):
    """What the desk needs to see of the daemon behind it."""

    @property
    def clock(self) -> SystemClock: ...
    @property
    def world_now(self) -> World: ...
    @property
    def starting(self) -> str:
        """What the start waits for; empty: started."""
        ...

    @property
    def loop(self) -> Loop | None: ...
    @property
    def store(self) -> Store | None: ...
    @property
    def links(self) -> Links: ...
    async def plan(self) -> Reloaded: ...
    async def reload(self) -> Reloaded: ...


class DaemonDesk:
    """Fulfils `api.ports.Desk`."""

    def __init__(self, daemon: Inside) -> None:
        self.trunks = TrunkBoard()
        self._daemon = daemon

    @property
    def world(self) -> World:
        return self._daemon.world_now

    @property
    def trunk_states(self) -> Mapping[TrunkId, TrunkNow]:
        return self.trunks.states

    def now(self) -> Micros:
        return self._daemon.clock.now()

    # ── asking ───────────────────────────────────────────────────────────────────────────────

    async def ask(self, event: Event) -> tuple[Fact, ...]:
        """Give an event to the core; its facts, once they are stored. UnavailableError: it cannot be taken."""
        loop = self._daemon.loop
        if loop is None:
            raise UnavailableError("callctl is starting")
        try:
            return await loop.ask(event)
        except asyncio.QueueFull as error:
            raise UnavailableError(str(error)) from error
        except StoreError as error:
            raise UnavailableError(f"it could not be stored: {error}") from error

    async def plan(self) -> Reloaded:
        return await self._daemon.plan()

    async def reload(self) -> Reloaded:
        if self._daemon.starting:
            raise UnavailableError("callctl is starting")
        return await self._daemon.reload()

    async def mailboxes(self) -> Mapping[MailboxId, BoxNow]:
        """The configuration's mailboxes, counted now. UnavailableError: an Asterisk does not say."""
        try:
            return await self._daemon.links.count()
        except AmiError as error:
            raise UnavailableError(str(error)) from error

    async def messages(self, box: MailboxId) -> Sequence[Message]:
        """What lies in one, the newest first. UnavailableError: an Asterisk does not say."""
        try:
            return await self._daemon.links.messages(box)
        except AmiError as error:
            raise UnavailableError(str(error)) from error

    # ── what is stored ───────────────────────────────────────────────────────────────────────

    async def records(self, limit: int) -> Sequence[Record]:
        """The newest call records, newest first. UnavailableError: the database is away."""
        try:
            return await cdr.recent_calls(self.pool(), limit)
        except StoreError as error:
            raise UnavailableError(str(error)) from error

    async def record(self, call: CallId) -> Record | None:
        """One call's record, or None. UnavailableError: the database is away."""
        try:
            return await cdr.call(self.pool(), call)
        except StoreError as error:
            raise UnavailableError(str(error)) from error

    async def events(self, call: CallId) -> Sequence[Stored]:
        """What is stored of a call, in order. UnavailableError: the database is away."""
        try:
            return await cdr.events(self.pool(), call)
        except StoreError as error:
            raise UnavailableError(str(error)) from error

    def pool(self) -> Pool:
        """For reading. UnavailableError: callctl is starting."""
        store = self._daemon.store
        if store is None:
            raise UnavailableError("callctl is starting")
        return store.pool

    # ── health ───────────────────────────────────────────────────────────────────────────────

    def health(self) -> Health:
        return Health(self._alive(), tuple(self._ready()))

    def _alive(self) -> Condition:
        loop = self._daemon.loop
        if loop is None:
            return Condition("loop", True, "starting")
        still = self.now() - loop.turned_at
        ok = still < STUCK
        return Condition("loop", ok, "turns" if ok else f"has not turned for {still / SECOND:.1f} s")

    def _ready(self) -> Iterator[Condition]:
        starting = self._daemon.starting
        yield Condition("start", not starting, f"waiting for {starting}" if starting else "started")
        yield from self._daemon.links.conditions()
        yield from self._trunk_conditions()
        store = self._daemon.store
        if store is not None:
            storing = store.journal.mode is Mode.STORING
            why = "stores" if storing else store.journal.why or store.journal.mode.value
            yield Condition("journal", storing, why, needed=store.journal.mode is Mode.DEPOSED)

    def _trunk_conditions(self) -> Iterator[Condition]:
        for trunk in self.world.policy.trunks:
            state = self.trunks.states.get(trunk)
            why = "not heard of yet" if state is None else state.why
            yield Condition(f"trunk.{trunk}", state is not None and state.up, why, needed=False)
