"""The composition root: builds, starts and stops everything in order. Decides nothing.

The order of a start is the order of trust: configuration, health page, what is spoken, database, the World from its
rows, the loop, and only then the links to the PBX. Until the loop writes the heartbeat, callers take the fallback.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import structlog
import uvloop
from aiohttp import web

from callctl import __version__
from callctl.api.control import control_app
from callctl.api.ports import Reloaded, UnavailableError
from callctl.api.public import public_app
from callctl.api.server import SHUTDOWN_SECONDS, ListenError, Server, listen_tcp, listen_unix
from callctl.asterisk.provision import ProvisionError
from callctl.core.engine import first_step
from callctl.core.events import DatabaseState, Event, PolicyChanged
from callctl.core.facts import Fact
from callctl.core.ids import SECOND, CampaignId, NodeId
from callctl.core.model import World
from callctl.core.outbound import keep
from callctl.core.recovery import restore
from callctl.desk import DaemonDesk
from callctl.links import Links
from callctl.lookups import Lookups
from callctl.outbound import Outbound
from callctl.people import PeopleDesk
from callctl.runtime.clock import SystemClock
from callctl.runtime.gate import Gate
from callctl.runtime.inbox import BoundedInbox
from callctl.runtime.live import Tally
from callctl.runtime.loop import Loop
from callctl.runtime.notify import Notify
from callctl.runtime.poison import AGAIN, GIVE_UP, SET_ASIDE, Poison, PoisonedError, culprits
from callctl.runtime.ports import Batch, Restored
from callctl.settings import Loaded, SettingsError, changed_headers, changes, load, needs_restart, new_passwords
from callctl.speech import EspeakNg, SpeechError, build, sweep
from callctl.store.embedded import EmbeddedPostgres
from callctl.store.errors import StoreError
from callctl.store.journal import Mode
from callctl.store.start import Life, Store, open_store
from callctl.tallies import Tallies
from callctl.telemetry.log import configure
from callctl.telemetry.lookups import LookupMetrics
from callctl.telemetry.metrics import Metrics
from callctl.telemetry.story import Storyteller

log = structlog.get_logger("callctl.daemon")

T = TypeVar("T")

DATABASE_PATIENCE = 1.0
DATABASE_RETRY = 1.0
"""Seconds for which the start tries to reach the database before it says so, and before it tries again."""
LOCK_PATIENCE = 2.0
"""Seconds for which the start waits for another callctl to let go of the database, before it says so and waits on."""
LEAVE_IN = 4.5
"""Seconds in which the daemon ends, whatever hangs: Postgres, Asterisk, who asks."""
STORE_PATIENCE = 1.2
"""Seconds for which the end waits for Postgres; what it has not taken by then waits in the spool."""
POISON_PAUSE = 0.5
"""Seconds before a rebuilt World goes on: a step that fails again and again must not eat the machine."""
MUTE = 30.0
"""Seconds without a heartbeat after a failure that was not the first. The dialplan believes the last one for
`translate.BEAT_LASTS`; for the rest new callers take the fallback: longer than it takes to fail again."""


class StartError(Exception):
    """callctl cannot start; `str()` says why and what to do, for people."""


def run(config: Path, overlay: Path | None = None) -> int:
    """Run the daemon until SIGTERM or SIGINT; returns the exit code.

    Raises:
        SettingsError: the configuration is wrong.
        StartError: a port is taken, another callctl runs, a folder cannot be written.
    """
    loaded = load(config, overlay)
    configure(
        loaded.daemon.log.level,
        json={"json": True, "text": False}.get(loaded.daemon.log.format),
        unmask=loaded.daemon.log.unmasked,
    )
    return uvloop.run(Daemon(config, overlay, loaded).main())


class Daemon:
    """Everything of one callctl, from its start to its end."""

    def __init__(self, config: Path, overlay: Path | None, loaded: Loaded) -> None:
        self.config = config
        self.overlay = overlay
        self.loaded = loaded
        self.clock = SystemClock()
        self.inbox = BoundedInbox()
        self.links = Links(loaded, self.inbox, self.fail)
        self.inbox.on_relief = self.links.resync
        self.store: Store | None = None
        self.loop: Loop | None = None
        self.outbound: Outbound | None = None
        self.tallies: Tallies | None = None
        self.world = self._world(Restored())
        self.metrics = Metrics(lambda: self.world_now, self.clock.now, self._tallies)
        self.desk = DaemonDesk(self)
        self.notify = Notify.from_environment()
        self.starting = "starting"
        """What the start waits for; empty: started."""
        self._stop = asyncio.Event()
        self.poison = Poison(loaded.daemon.state_dir / "poison")
        self.people = PeopleDesk(
            lambda: self.world_now,
            self.clock.now,
            self.desk.pool,
            self._outbound,
            self.desk.ask,
            self._all_stored,
            self._forget_files,
            self._tallies,
        )
        self._failed = ""
        self._servers: list[Server] = []
        self._servers_stopping: asyncio.Task[None] | None = None
        self._leave_by: float | None = None
        self._reloading = asyncio.Lock()
        self._reloads: set[asyncio.Task[Reloaded]] = set()

    def _tallies(self) -> Mapping[CampaignId, Tally]:
        """How far the campaigns have come, as last counted."""
        return self.tallies.known if self.tallies is not None else {}

    @property
    def world_now(self) -> World:
        """The World as the loop has it."""
        return self.loop.world if self.loop is not None else self.world

    @property
    def seq(self) -> int:
        """Of the last step."""
        return self.loop.seq if self.loop is not None else 0

    async def main(self) -> int:
        """Start, run until told to stop, stop."""
        self._watch_signals()
        try:
            async with self._everything():
                self.starting = ""
                log.info("callctl_started", version=__version__, sha=self.loaded.policy.sha)
                self.notify.ready()
                await self._stop.wait()
                self.notify.stopping()
                log.info("callctl_stopping", why=self._failed or "asked to")
        except _StoppedError:
            log.info("callctl_stopped_while_starting")
        finally:
            self.notify.close()
        return 1 if self._failed else 0

    def stop(self) -> None:
        """End the daemon: everything is stored, calls stay as they are."""
        self._stop.set()

    def fail(self, why: str) -> None:
        """End the daemon with exit code 1: somebody else is in charge, or nothing can be promised any more."""
        self._failed = self._failed or why
        self._stop.set()

    # ── start and stop ───────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def _everything(self) -> AsyncIterator[None]:
        """In order; taken down in the opposite one."""
        async with AsyncExitStack() as stack:
            settings = self.loaded.daemon
            _make_folder(settings.state_dir, 0o711)  # callctl's own Postgres, another user, must get through
            stack.push_async_callback(self._stop_servers)
            await self._listen(listen_tcp(self._public(), settings.http.host, settings.http.port))
            # Before anything is touched: where another callctl listens, this one must not take its calls over.
            _make_folder(settings.control_socket.parent)
            control = await self._listen(listen_unix(control_app(self.desk, self.people), settings.control_socket))
            await self._or_stopped(self._speech_at_start())
            self.store = await self._or_stopped(self._open_store(stack))
            restored = self.store.restored
            self.world = self._world(restored)
            journal = self.store.journal
            self.outbound = Outbound(
                self.store.pool,
                journal.epoch.id,
                self._ask,
                self.clock.now,
                lambda: self.world_now.policy,
                journal.committed,
            )
            self.lookups = Lookups(
                self.inbox.put, lambda: self.loaded.lookup_headers, LookupMetrics(self.metrics.registry)
            )
            stack.push_async_callback(self.lookups.stop)
            self.loop = Loop(
                self.world,
                self.inbox,
                self.clock,
                Gate(self.links, lambda: self.world_now, lambda: self.seq, journal, self.inbox.put),
                journal,
                [self.metrics, self.desk.trunks, Storyteller()],
                self._rebuild,
                self.notify.alive,
                [agent.id for agent in self.store.restored.agents],
                lists=self.outbound,
                servers=self.lookups,
            )
            switches = restored.switches, self.loaded.policy.switches
            first = first_step(restored.calls, restored.attempts, settings.nodes, self.clock.now(), *switches)
            self.loop.begin(first)
            turning = asyncio.create_task(self.loop.run(), name="loop")
            turning.add_done_callback(self._loop_ended)
            stack.push_async_callback(self._stop_loop, turning)
            self.outbound.start()
            stack.push_async_callback(self.outbound.stop)
            self.tallies = Tallies(self.store.pool, lambda: self.world_now, self.clock.now)
            self.tallies.start()
            stack.callback(self.tallies.stop)
            self._start_links()
            stack.push_async_callback(self._stop_links)
            stack.push_async_callback(control.refuse)  # first of all: nobody is promised anything any more
            self._measure()
            yield

    async def _listen(self, starting: Awaitable[Server]) -> Server:
        try:
            server = await starting
        except ListenError as error:
            raise StartError(str(error)) from error
        self._servers.append(server)
        return server

    def _start_links(self) -> None:
        if self.poison.recent(self.clock.now()) >= AGAIN:
            self.links.mute(MUTE)  # an earlier life ended of it
        try:
            self.links.start(self.loaded)
        except (OSError, ProvisionError) as error:
            raise StartError(f"the PBX's files cannot be written: {error}") from error

    def _public(self) -> web.Application:
        return public_app(self.desk, self.metrics.exposition)

    def _loop_ended(self, task: asyncio.Task[None]) -> None:
        """Without the loop nothing is decided and no heartbeat written: callctl ends, and is started anew."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.critical("loop_died", exc_info=error)
            self.fail(f"the loop has died: {type(error).__name__}: {error}")

    async def _or_stopped(self, starting: Coroutine[None, None, T]) -> T:
        """What it comes to, unless somebody stops us first."""
        opening = asyncio.create_task(starting)
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait((opening, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            raise _StoppedError
        stopped.cancel()
        return opening.result()

    async def _open_store(self, stack: AsyncExitStack) -> Store:
        """The database, however long it takes: without it nobody knows what was promised, and callers are better
        off in the fallback."""
        url = await self._database_url(stack)
        life = Life(f"{socket.gethostname()}:{os.getpid()}", __version__, self.loaded.policy.sha, secrets.randbits(64))
        spool = self.loaded.daemon.state_dir / "spool"
        told = ""
        self.starting = "the database"
        while True:
            try:
                store = await open_store(
                    url,
                    life,
                    spool,
                    now=self.clock.now,
                    on_deposed=self.fail,
                    patience=DATABASE_PATIENCE,
                    lock_patience=LOCK_PATIENCE,
                    last_agents_of=max((q.last_agent for q in self.loaded.policy.queues.values()), default=0),
                    left_of=max((q.returns for q in self.loaded.policy.queues.values()), default=0),
                    on_database=self._database_changed,
                )
            except StoreError as error:
                self.starting = f"the database: {error}"
                if str(error) != told:
                    log.error("database_not_ready", why=str(error), then="waiting; callers take the fallback")
                    self.notify.waiting(self.starting)
                    told = str(error)
                await asyncio.sleep(DATABASE_RETRY)
                continue
            stack.push_async_callback(self._close_store, store)
            return store

    def _database_changed(self, up: bool, why: str) -> None:
        """The journal says so. Calls to lists wait while it is away; talks go on."""
        self.inbox.put(DatabaseState(up, why))

    async def _ask(self, event: Event) -> tuple[Fact, ...]:
        assert self.loop is not None
        return await self.loop.ask(event)

    async def _database_url(self, stack: AsyncExitStack) -> str:
        configured = self.loaded.daemon.database
        if configured.url is not None:
            return configured.url.reveal()
        self.starting = "the database: starting callctl's own"
        server = EmbeddedPostgres(configured.data_dir)
        try:
            url = await server.start()
        except StoreError as error:
            raise StartError(f"callctl's own database does not start: {error}") from error
        stack.push_async_callback(self._stop_database, server)
        return url

    # ── the end: everything within one time, each part leaving some to those after it ────────

    def _patience(self, most: float, others: float) -> float:
        """Seconds that a part may take to end, where those after it need `others`."""
        now = asyncio.get_running_loop().time()
        if self._leave_by is None:
            self._leave_by = now + LEAVE_IN
        return max(0.1, min(most, self._leave_by - now - others))

    async def _stop_links(self) -> None:
        try:
            async with asyncio.timeout(self._patience(1.1, 3.4)):
                await self.links.stop()
        except TimeoutError:
            log.warning("links_not_closed_in_time", then="cut off")

    async def _stop_loop(self, task: asyncio.Task[None]) -> None:
        """What has been heard is decided and given to the journal; the heartbeat runs out by itself."""
        assert self.loop is not None
        self.loop.stop()
        await asyncio.wait([task], timeout=self._patience(0.5, 2.9))
        if not task.done():
            log.warning("loop_not_drained_in_time", events=len(self.inbox))
            task.cancel()
            await asyncio.wait([task])

    async def _close_store(self, store: Store) -> None:
        """What Postgres does not take in time goes to the spool; who asked is told; only then do the servers go."""
        await store.journal.close(self._patience(STORE_PATIENCE, 1.7))
        if self.loop is not None:
            await self.loop.answered()
        self._servers_stop()
        await store.close_pool(self._patience(0.5, 0.7))

    async def _stop_database(self, server: EmbeddedPostgres) -> None:
        await server.stop(self._patience(3.0, 0.7))  # which includes what it does to one that does not stop

    def _servers_stop(self) -> asyncio.Task[None]:
        """All at one time."""
        if self._servers_stopping is None:
            patience = self._patience(SHUTDOWN_SECONDS, 0.1)
            self._servers_stopping = asyncio.create_task(_all(server.stop(patience) for server in self._servers))
        return self._servers_stopping

    async def _stop_servers(self) -> None:
        await self._servers_stop()

    # ── the World ────────────────────────────────────────────────────────────────────────────

    def _world(self, restored: Restored) -> World:
        return restore(
            self.loaded.policy,
            secrets.randbits(64),
            restored.calls,
            restored.agents,
            restored.nodes,
            self.loaded.daemon.nodes,
            self.clock.now(),
            restored.last_agents,
            restored.trunks,
            restored.left,
            restored.campaigns,
            restored.attempts,
            restored.switches,
            restored.flows,
        )

    async def _rebuild(self, event: Event, error: BaseException) -> World:
        """After a step that failed: keep what failed for people, and start again from the rows.

        PoisonedError: it failed too often for that; the loop dies of it, and callctl with the loop.
        """
        assert self.store is not None
        assert self.loop is not None
        self.metrics.poisoned()
        times = self.poison.keep(self.clock.now(), event, error)
        if times >= AGAIN:
            self.links.mute(MUTE)
        await asyncio.sleep(POISON_PAUSE)
        await self.store.journal.flushed(self.loop.given)
        if times >= GIVE_UP:
            raise PoisonedError(f"a step failed {times} times in a minute")
        if times >= SET_ASIDE:
            await self._set_aside(event)
        known = tuple((caller, agent, at) for caller, (agent, at) in self.world.last_agents.items())
        left = tuple(self.world.left.items())
        said = self.world.outbound
        self.world = self._world(replace(self.store.restore(), last_agents=known, left=left))
        keep(self.world.outbound, said)
        journal = self.store.journal
        if journal.mode is not Mode.STORING:
            self._database_changed(False, journal.why)  # a World that begins believes that it is up
        self.links.resync()
        return self.world

    async def _set_aside(self, event: Event) -> None:
        """Let the calls go that make the core fail: they are met anew, as if they had just come in."""
        assert self.store is not None
        assert self.loop is not None
        restored, now = self.store.restore(), self.clock.now()
        to_blame = await asyncio.to_thread(culprits, self._world, restored, event, now)
        if not to_blame:
            raise PoisonedError("a step fails again and again, and no call is to blame")
        log.critical(
            "calls_set_aside",
            calls=sorted(to_blame),
            why="the core fails with each of them",
            event_type=type(event).__name__,
        )
        self.poison.describe([call for call in restored.calls if call.id in to_blame])
        self.loop.seq += 1
        self.store.journal.append(Batch(self.loop.seq, now, closed=to_blame))
        await self.store.journal.flushed(self.loop.seq)
        cut = [attempt for attempt in restored.attempts if attempt.call in to_blame]
        self.loop.begin(first_step((), cut, self.loaded.daemon.nodes, now))

    # ── what is spoken ───────────────────────────────────────────────────────────────────────

    async def _speech_at_start(self) -> None:
        try:
            await self._build_speech(self.loaded, self._still_building)
        except SpeechError as error:
            raise StartError(f"speech: {error}") from error
        await self._sweep_speech()

    def _still_building(self, done: int, of: int) -> None:
        self.starting = f"what is to be spoken: {done} of {of} texts are built"
        if done % 100 == 0:
            self.notify.waiting(self.starting)

    async def _build_speech(self, loaded: Loaded, told: Callable[[int, int], None] = lambda done, of: None) -> None:
        """Every prompt that the policy names is there before a caller may come to it. SpeechError: one cannot be built;
        nothing that was there is lost."""
        speech = loaded.speech
        built = await build(loaded.spoken, speech.folder, EspeakNg(speech.command), told)
        if built:
            log.info("speech_built", texts=built, folder=str(speech.folder))

    async def _sweep_speech(self) -> None:
        """Files that no configuration has named for long go."""
        speech = self.loaded.speech
        try:
            gone = await asyncio.to_thread(sweep, self.loaded.spoken, speech.folder, self.clock.now() / SECOND)
        except OSError as error:
            log.warning("speech_not_swept", folder=str(speech.folder), why=str(error), then="at the next reload")
            return
        if gone:
            log.info("speech_swept", files=gone, folder=str(speech.folder))

    # ── reload ───────────────────────────────────────────────────────────────────────────────

    async def plan(self) -> Reloaded:
        """What a reload would do."""
        try:
            new = await asyncio.to_thread(load, self.config, self.overlay)
        except SettingsError as error:
            return Reloaded(False, "", problems=tuple(str(problem) for problem in error.problems))
        missing = self._missing_nodes(new)
        return Reloaded(False, "", problems=missing) if missing else self._reloaded(new)

    async def reload(self) -> Reloaded:
        """Put the configuration on disk in force, all or nothing: files, core and Asterisk have the new one, or the
        old one. Never raises."""
        async with self._reloading:
            try:
                return await self._reload()
            except SettingsError as error:
                return _refused(*(str(problem) for problem in error.problems))
            except (OSError, ProvisionError) as error:
                return _refused(f"the PBX's files cannot be written: {error}; the old configuration stays in force")
            except SpeechError as error:
                return _refused(f"speech: {error}; the old configuration stays in force")
            except _NotTakenError as error:
                return _refused(f"the core did not take it: {error}; the old configuration stays in force")

    async def _reload(self) -> Reloaded:
        """What can fail comes first; Asterisk, which reads what it is given, comes last."""
        new = await asyncio.to_thread(load, self.config, self.overlay)
        if missing := self._missing_nodes(new):
            return _refused(*missing)
        await self._build_speech(new)
        result = self._reloaded(new)
        before = self.links.write(new)
        try:
            await self._give_to_core(new)
        except BaseException:
            self.links.put_back(before)
            raise
        self.loaded = replace(new, daemon=self.loaded.daemon)
        unread = await self.links.have_read()
        self.links.speak_of(new)
        await self._sweep_speech()
        result = replace(result, changes=result.changes + unread)
        log.info("reloaded", sha=new.policy.sha, changes=result.changes)
        return result

    async def _give_to_core(self, new: Loaded) -> None:
        """Returns when the core has the new policy; _NotTakenError: it has the old one."""
        assert self.loop is not None
        try:
            await self.loop.ask(PolicyChanged(new.policy))
        except StoreError as error:  # it was taken: only its fact is lost, and callctl is ending
            log.warning("reload_not_stored", why=str(error))
        except Exception as error:
            raise _NotTakenError(str(error)) from error
        if self.loop.world.policy.sha != new.policy.sha:  # a step failed meanwhile: rebuilt, with the old policy
            raise _NotTakenError("a step failed meanwhile; see the log")

    def _missing_nodes(self, new: Loaded) -> tuple[str, ...]:
        """What forbids a reload: nodes that are only there after the next start, with phones or trunks already on
        them. These would be in no node's files, and so out of Asterisk."""
        here = self.loaded.daemon.nodes
        on: dict[NodeId, list[str]] = {}
        for word, things in (("phone", new.policy.phones.values()), ("trunk", new.policy.trunks.values())):
            for thing in things:
                if thing.node not in here:
                    on.setdefault(thing.node, []).append(f"{word} {thing.id}")
        return tuple(
            f"nodes.{node}: not among the nodes that callctl was started with ({', '.join(here)}), and a reload adds"
            f" none, but {names[0]}{f' and {len(names) - 1} more' * (len(names) > 1)} would be there;"
            " restart callctl, or keep the old name until then"
            for node, names in on.items()
        )

    def _reloaded(self, new: Loaded) -> Reloaded:
        old = self.loaded
        return Reloaded(
            True,
            new.policy.sha,
            (
                *changes(old.policy, new.policy),
                *new_passwords(old.secrets, new.secrets),
                *changed_headers(old.lookup_headers, new.lookup_headers),
                *needs_restart(old.daemon, new.daemon),
            ),
        )

    # ── signals and measures ─────────────────────────────────────────────────────────────────

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)

    def _reload_soon(self) -> None:
        if self.starting:
            log.warning("reload_ignored", why="callctl is still starting")
            return
        task = asyncio.create_task(self.reload())
        self._reloads.add(task)
        task.add_done_callback(self._reload_ended)

    def _reload_ended(self, task: asyncio.Task[Reloaded]) -> None:
        self._reloads.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("reload_failed", why=f"{type(error).__name__}: {error}", exc_info=error)

    async def _all_stored(self) -> None:
        """UnavailableError: the database is behind what was decided."""
        if self.loop is None or self.store is None:
            raise UnavailableError("callctl is starting")
        journal = self.store.journal
        await journal.flushed(self.loop.given)
        if journal.spool_bytes or journal.mode is not Mode.STORING:
            raise UnavailableError("the database does not take records: what waits for it may be about them")

    def _forget_files(self, texts: Iterable[str]) -> int:
        """What is kept for people in the state folder: failures, and what could not be stored."""
        assert self.store is not None
        wanted = tuple(texts)
        return self.poison.forget(wanted) + self.store.journal.forget(wanted)

    def _outbound(self) -> Outbound:
        if self.outbound is None:
            raise UnavailableError("callctl is starting")
        return self.outbound

    def _measure(self) -> None:
        """Gauges of what no fact tells."""
        assert self.store is not None
        journal = self.store.journal
        pull = self.metrics.pull
        self.metrics.mailboxes(self.links.boxes)
        pull("inbox_events", "Events that wait for the core", lambda: len(self.inbox))
        pull("inbox_dropped", "Events dropped over the inbox's bound since the start", lambda: self.inbox.dropped)
        pull("journal_waiting_batches", "Batches that wait in memory", lambda: journal.waiting_batches)
        pull("journal_dropped_events", "Explaining events that found no room", lambda: journal.counts.dropped_events)
        pull("journal_dropped_records", "Call records that found no room", lambda: journal.counts.dropped_records)
        pull("journal_refused_rows", "Rows that Postgres refused as data", lambda: journal.counts.refused_rows)
        pull("spool_bytes", "Bytes that wait on disk for Postgres", lambda: journal.spool_bytes)


def _refused(*problems: str) -> Reloaded:
    log.error("reload_refused", problems=problems)
    return Reloaded(False, "", problems=problems)


class _NotTakenError(Exception):
    """The core did not take the new policy."""


class _StoppedError(Exception):
    """Asked to stop before the start was over."""


def _make_folder(path: Path, mode: int = 0o750) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as error:
        raise StartError(
            f"{path} cannot be made: {error.strerror}; name another folder or give callctl the right"
        ) from error


async def _all(works: Iterable[Awaitable[None]]) -> None:
    await asyncio.gather(*works)
