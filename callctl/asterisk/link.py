"""One node's link life: connect, learn what exists, be live, notice the end, come back.

The order of a (re)connect is the design's: buffer events, put the filter, ask who is there, read the lists, pass a
barrier through our own application, hand over the buffer in the order of arrival, then `Synced`.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from callctl.asterisk.ari import Ari, AriAddress, AriError, FrozenError, Info, RequestFailedError, TakenOverError
from callctl.asterisk.backoff import Backoff
from callctl.asterisk.provision import trunk_endpoint
from callctl.asterisk.seats import music_where
from callctl.asterisk.sending import Sending
from callctl.asterisk.translate import (
    FORWARDED_CAUSE,
    FORWARDED_SIP,
    PLAYBACK,
    Reading,
    forward_in,
    is_ours,
    snapshot,
)
from callctl.asterisk.wire import APP, Request
from callctl.core.commands import Command, StopPlay
from callctl.core.events import (
    Event,
    LegAnswered,
    LegGone,
    LegLeft,
    LegState,
    LegUp,
    LinkLost,
    LinkRestored,
    PlaybackEnded,
    Snapshot,
    Synced,
)
from callctl.core.ids import LegId, NodeId, PlaybackId
from callctl.core.policy import OutsideNumber, Policy
from callctl.numbers import for_trunk
from callctl.runtime.ports import Inbox
from callctl.runtime.window import Window, seen_in

AUDIT_EVERY = 30.0
SECOND_LOOK = 0.2
"""Seconds between the two lists that must agree about an absence."""
WATCH_EVERY = 2.0
FREEZE = 3.0
"""Seconds without any answer after which an Asterisk counts as frozen; or callctl, without a tick of its own."""
TICK = 0.5
BUFFER_MOST = 100_000
"""Events that a reconnect holds back; more than that and it starts again."""
HUNG_UP = 0.25
"""Seconds after a failed prompt in which its leg's end would have come."""
BARRIER = "callctl-barrier"

log = structlog.get_logger("callctl.asterisk")


@dataclass(frozen=True, slots=True)
class Health:
    """What `readyz` says of a node."""

    node: NodeId
    up: bool
    why: str
    version: str = ""
    since: float = 0.0
    """Unix time of the last change."""


class Link:
    """The ARI link to one node, and the `Pbx` port for it."""

    def __init__(
        self,
        node: NodeId,
        address: AriAddress,
        inbox: Inbox,
        policy: Policy,
        *,
        audit_every: float = AUDIT_EVERY,
    ) -> None:
        self.node = node
        self.address = address
        self.health = Health(node, False, "not connected yet", since=time.time())
        self.on_live: Callable[[], None] = lambda: None
        """Called after each `Synced` of a (re)connect."""
        self.counted: Counter[str] = Counter()
        """By name: events that meant nothing, commands dropped while down, requests refused."""
        self.replaced = asyncio.Event()
        """Set when another daemon has taken over: this link stays down for good."""
        self._inbox = inbox
        self._dialled: set[LegId] = set()
        """Legs to people on lists that nobody has answered, as far as is known: see `_recall_dialled`."""
        self._reading = Reading.of(node, policy, self._dialled)
        self._audit_every = audit_every
        self._ari: Ari | None = None
        self._live = False
        self._sending: Sending | None = None
        self._buffer: list[Event] | None = None
        self._adjusting: set[asyncio.Task[None]] = set()
        self._window = Window(time.monotonic)
        self._forwarders: set[LegId] = set()
        self._barriers: dict[str, asyncio.Future[None]] = {}
        self._barrier_ids = itertools.count(1)
        self._task: asyncio.Task[None] | None = None
        self._ticked = time.monotonic()
        self._ticking: asyncio.TimerHandle | None = None
        self._waking: asyncio.Task[None] | None = None

    # ── life ─────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin to connect, and keep connected until `stop`."""
        self._task = asyncio.create_task(self._run(), name=f"ari {self.node}")
        self._tick()

    async def stop(self) -> None:
        """Disconnect. Calls are not touched."""
        self._live = False
        if self._ticking is not None:
            self._ticking.cancel()
        if self._waking is not None:
            self._waking.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def resync(self) -> None:
        """Begin anew, as after a lost link: the core has forgotten what it knew."""
        if self._ari is not None:
            self._ari.end("asked to begin anew")

    def _tick(self) -> None:
        self._stood_still()
        self._ticking = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _stood_still(self) -> None:
        """Notice that this process was stopped. Answers that have come meanwhile are too old to act on: the agent may
        have been told that nobody is there, and have hung up. Once all has been read, the lists say who waits."""
        now = time.monotonic()
        still, self._ticked = now - self._ticked, now
        if still > FREEZE + TICK and self._live and self._waking is None:
            log.warning("stood_still", node=self.node, seconds=round(still, 1))
            self._waking = asyncio.create_task(self._wake(), name=f"wake {self.node}")

    async def _wake(self) -> None:
        try:
            await self._barrier()
            self._waking = None
            await self._audit_once()
        except AriError as error:
            if self._ari is not None:
                self._ari.end(f"callctl itself stood still: {error}")
        finally:
            self._waking = None

    def apply(self, policy: Policy) -> None:
        """Read numbers, trunks and phones by this policy from now on."""
        self._reading = Reading.of(self.node, policy, self._dialled)
        self._listen()

    async def _run(self) -> None:
        backoff, told = Backoff(), False
        while not self.replaced.is_set():
            ari = Ari(self.address, self._on_event)
            restored = False
            try:
                info = await self._open(ari)
                restored = True
                await self._sync(info)
                backoff.reset()
                told = False
                await self._stay(ari)
                why: Exception = AriError("the link ended")
            except AriError as error:
                why = error
            except asyncio.CancelledError:
                await self._shut(ari)
                raise
            except Exception as error:  # a fault of ours must not leave the node without a link
                log.exception("link_fault", node=self.node)
                why = AriError(f"a fault of callctl: {type(error).__name__}")
            if restored:
                self._empty_buffer()  # of a connection that did not last: what it said is true, and said once
            await self._shut(ari)
            self._set_health(False, str(why))
            if restored:
                self._inbox.put(LinkLost(self.node))
            (log.debug if told else log.warning)("pbx_link_down", node=self.node, why=str(why))
            told = True
            if not self.replaced.is_set():
                await asyncio.sleep(backoff.next())

    async def _open(self, ari: Ari) -> Info:
        """Connected, filter put, events buffered, the core told. Steps 2 and 3 of the design."""
        self._buffer = []
        self._window.reopen()
        self._forwarders.clear()
        parts = (ari, self._window, self._deliver, self.counted, self._dialled, self._written)
        self._sending = sending = Sending(self.node, *parts)
        await ari.info()  # a wrong version must not even take over the application
        await ari.connect()
        info = await ari.info()  # again: it may have been restarted in between
        self._ari = ari
        sending.clock_offset = info.clock_offset
        self._inbox.put(LinkRestored(self.node, info.booted))
        return info

    def _written(self, to: OutsideNumber) -> str:
        """How a number is written on its trunk."""
        trunk = self._reading.policy.trunks.get(to.trunk)
        return to.dial or ("" if trunk is None else for_trunk(to.number, trunk.numbers))

    async def _sync(self, info: Info) -> None:
        """Lists, barrier, buffer, Synced; then live. Steps 4 to 7."""
        seen = await self._look(self._recall_dialled)
        _, playing = await asyncio.gather(self._recall_listening(), self._left_playing(seen))
        await self._barrier()
        self._check_not_ended()
        assert self._sending is not None
        self._sending.submit(*(StopPlay(self.node, playback) for playback in playing))
        self._empty_buffer()
        named, gone = self._window.close()
        self._live = True
        self._set_health(True, "connected", info.version)
        log.info("pbx_link_up", node=self.node, version=info.version, legs=len(seen.legs), named=len(named))
        self._inbox.put(Synced(self.node, seen, named, gone))
        self._play_on(seen)
        self._listen()
        self.on_live()

    def _empty_buffer(self) -> None:
        for event in self._buffer or ():
            self._inbox.put(event)
        self._buffer = None

    async def _stay(self, ari: Ari) -> None:
        """Live until something ends it; AriError with why."""
        ended = asyncio.create_task(ari.closed())
        helpers = [asyncio.create_task(self._audit()), asyncio.create_task(self._watch(ari))]
        try:
            done, _ = await asyncio.wait((ended, *helpers), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                why = task.result()
                if self.replaced.is_set():
                    raise TakenOverError("another callctl has taken over this Asterisk's calls")
                raise AriError(str(why))
        finally:
            for task in (ended, *helpers):
                task.cancel()
            await asyncio.gather(ended, *helpers, return_exceptions=True)

    async def _shut(self, ari: Ari) -> None:
        self._live = False
        self._ari = self._sending = None
        self._buffer = None
        self._window.shut()
        for waiting in self._barriers.values():
            waiting.cancel()
        self._barriers.clear()
        for task in self._adjusting:
            task.cancel()
        await ari.close()

    def _set_health(self, up: bool, why: str, version: str = "") -> None:
        self.health = Health(self.node, up, why, version or self.health.version, time.time())

    # ── what exists ──────────────────────────────────────────────────────────────────────────

    async def _audit(self) -> str:
        """Hold the World against the lists every 30 s. A failed audit is tried again; the watchdog judges."""
        while True:
            await asyncio.sleep(self._audit_every)
            try:
                await self._audit_once()
            except AriError as error:
                self._window.shut()
                self.counted["audit_failed"] += 1
                log.warning("audit_failed", node=self.node, why=str(error))

    async def _audit_once(self) -> None:
        assert self._ari is not None
        assert self._sending is not None
        self._window.open()
        info = await self._ari.info()
        self._sending.clock_offset = info.clock_offset
        seen = await self._look()
        await self._barrier()
        self._check_not_ended()
        self._sending.seats.seen(seen.bridges)
        self._inbox.put(Synced(self.node, seen, *self._window.close()))

    def _check_not_ended(self) -> None:
        """A core that has begun anew must not be told `Synced` by the link that it gave up."""
        if self._ari is None or self._ari.ended:
            raise AriError("the link ended while the lists were read")

    async def _look(self, meanwhile: Callable[[Snapshot], None] = lambda _: None) -> Snapshot:
        first = await self._lists()
        meanwhile(first)
        await asyncio.sleep(SECOND_LOOK)
        return seen_in(first, await self._lists())

    async def _lists(self) -> Snapshot:
        assert self._ari is not None
        channels, bridges = await asyncio.gather(self._ari.get(("channels",)), self._ari.get(("bridges",)))
        return snapshot(self._reading, channels, bridges)

    def _recall_dialled(self, first: Snapshot) -> None:
        """Of legs that an earlier connection has dialled it must be told when they are up, too. Which of ours those are
        cannot be seen; of a phone's leg it says nothing to the core. Who is up in the next list needs no telling."""
        self._dialled.clear()
        self._dialled.update(leg.leg for leg in first.legs if is_ours(leg.leg) and leg.state is not LegState.UP)

    async def _left_playing(self, seen: Snapshot) -> list[PlaybackId]:
        """What plays since an earlier connection, or played: nothing else can be done to a leg before it is over."""
        alone = [leg.leg for leg in seen.legs if leg.in_app and leg.state is LegState.UP and not leg.bridge]
        found = await asyncio.gather(*(self._last_played(leg) for leg in alone))
        return [playback for playback in found if is_ours(playback)]

    async def _last_played(self, leg: LegId) -> PlaybackId:
        assert self._ari is not None
        try:
            said = await self._ari.get(("channels", leg, "variable"), {"variable": PLAYBACK})
        except RequestFailedError:  # nothing was ever played, or the leg is gone
            return PlaybackId("")
        return PlaybackId(str(said.get("value", "")) if isinstance(said, dict) else "")

    async def _recall_listening(self) -> None:
        assert self._ari is not None
        assert self._sending is not None
        self._sending.listening.begin(await self._ari.get(("applications", APP)))

    def _play_on(self, seen: Snapshot) -> None:
        """Music for who waits since an earlier connection, which may have ended before it was asked for."""
        assert self._ari is not None
        for request in music_where({leg.bridge for leg in seen.legs}, self._reading.policy.queues.values()):
            self._ari.submit(request)

    def _listen(self) -> None:
        """Listen to the phones and the campaigns' trunks that this policy has, beside all else: see `listening`."""
        if self._ari is None or self._sending is None or not self._live:
            return  # it is done at the connect
        wanted = endpoints_of(self._reading.policy, self.node)
        task = asyncio.create_task(self._sending.listening.adjust(wanted, self._ari.submit))
        self._adjusting.add(task)
        task.add_done_callback(self._adjusting.discard)

    async def _barrier(self) -> None:
        """Return when everything that Asterisk had queued for us before now has been read."""
        assert self._ari is not None
        name = f"{BARRIER}-{next(self._barrier_ids)}"
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._barriers[name] = arrived
        try:
            await self._ari.post(("events", "user", name), {"application": APP})
            async with asyncio.timeout(FREEZE):
                await arrived
        except TimeoutError:
            raise FrozenError("Asterisk accepted our own event but did not deliver it in time") from None
        finally:
            self._barriers.pop(name, None)

    async def _watch(self, ari: Ari) -> str:
        """Ask for a sign of life on both ways; return with why when there is none."""
        while True:
            await asyncio.sleep(WATCH_EVERY)
            before = ari.answered
            ping = ari.submit(Request("GET", ("asterisk", "ping")))
            try:
                async with asyncio.timeout(FREEZE):
                    await asyncio.gather(asyncio.shield(ping), ari.get(("asterisk", "ping")))
            except TimeoutError:
                if ari.answered == before:  # a long line of requests is no freeze
                    return f"Asterisk has answered nothing for {FREEZE:.0f} s: it hangs"
            except AriError as error:
                return str(error)

    # ── events in ────────────────────────────────────────────────────────────────────────────

    def _on_event(self, said: dict[str, Any]) -> None:
        """From ARI's reader: quick, and never raises."""
        self._stood_still()
        try:
            self._take(said)
        except Exception:
            self.counted["event_fault"] += 1
            channel = said.get("channel")
            leg = str(channel.get("id"))[:40] if isinstance(channel, Mapping) else ""
            log.exception("event_fault", node=self.node, type=str(said.get("type"))[:40], leg=leg)

    def _take(self, said: dict[str, Any]) -> None:
        event = self._reading.event(said)
        if isinstance(event, LegGone):
            self._take_end(event)
        elif isinstance(event, LegAnswered) and not is_ours(event.leg):
            self._refuse(event.leg)  # a forwarded call: nobody of ours asked for it
        elif isinstance(event, LegAnswered) and self._waking is not None:
            self.counted["answers_slept_through"] += 1
        elif event is not None:
            self._deliver(event)
        elif not self._is_control(said):
            self.counted[f"ignored_{str(said.get('type'))[:40]}"] += 1

    def _take_end(self, event: LegGone) -> None:
        """Once, though leg and endpoint may both tell; and with the cause that Asterisk forgets at some forwards."""
        if self._window.is_gone(event.leg):
            return
        if event.leg in self._forwarders:
            self._forwarders.discard(event.leg)
            event = replace(event, cause=event.cause or FORWARDED_CAUSE, sip=event.sip or FORWARDED_SIP)
        self._deliver(event)

    def _is_control(self, said: Mapping[str, Any]) -> bool:
        kind = said.get("type")
        if kind == "ApplicationReplaced":
            self.replaced.set()
            self._live = False
            if self._ari is not None:
                self._ari.end("another daemon has connected")
            return True
        if kind == "ChannelUserevent":
            waiting = self._barriers.get(str(said.get("eventname")))
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
            return waiting is not None
        forward = forward_in(said)
        if forward is not None:
            self._forwarders.add(forward.leg)
            if forward.dialled is not None:
                self._refuse(forward.dialled)
        return forward is not None

    def _refuse(self, leg: LegId) -> None:
        self.counted["forward_refused"] += 1
        if self._ari is not None:
            self._ari.submit(Request("DELETE", ("channels", leg), (("reason", "rejected"),)))

    def _deliver(self, event: Event) -> None:
        if isinstance(event, PlaybackEnded):
            if self._sending is not None:
                self._sending.ended(event.leg, event.playback)
            if event.failed:
                asyncio.get_running_loop().call_later(HUNG_UP, self._tell_failed, event)
                return
        elif isinstance(event, LegGone | LegLeft) and self._sending is not None:
            self._sending.forget(event.leg)
        if isinstance(event, LegUp | LegAnswered | LegGone):
            self._dialled.discard(event.leg)
        self._window.heard(event)
        self._put(event)

    def _tell_failed(self, event: PlaybackEnded) -> None:
        """A prompt that a hang-up cut off says `failed` as well: only if its leg is still here was it the prompt."""
        if not self._window.is_away(event.leg):
            self._put(event)

    def _put(self, event: Event) -> None:
        if self._buffer is None:
            self._inbox.put(event)
        elif len(self._buffer) < BUFFER_MOST:
            self._buffer.append(event)
        elif self._ari is not None:
            self._ari.end("more events at the reconnect than can be held")

    # ── commands out ─────────────────────────────────────────────────────────────────────────

    def send(self, command: Command) -> None:
        """Carry it out, as `sending` says. While the link is down it is dropped: `owed` sends it again."""
        if self._sending is None or not self._live:
            self.counted["dropped_while_down"] += 1
        else:
            self._sending.send(command)

    # ── for the other parts of this node ─────────────────────────────────────────────────────

    async def variable(self, name: str) -> str:
        """A global variable's or function's value. AriError when it cannot be had."""
        if self._ari is None:
            raise AriError("the link is down")
        said = await self._ari.get(("asterisk", "variable"), {"variable": name})
        return str(said.get("value", "")) if isinstance(said, dict) else ""

    async def reload(self, module: str) -> None:
        """Reload a module's configuration; calls go on. AriError when it cannot be."""
        if self._ari is None:
            raise AriError("the link is down")
        await self._ari.put(("asterisk", "modules", module))
        self._listen()  # there may be phones that were not known before


def endpoints_of(policy: Policy, node: NodeId) -> list[str]:
    """The endpoints of a node that are rung often: those of the phones of the house, and of the campaigns' trunks."""
    phones = [p.endpoint for p in policy.phones.values() if p.node == node and p.outside is None]
    trunks = {t for campaign in policy.campaigns.values() for t in campaign.trunks if t in policy.trunks}
    return phones + [trunk_endpoint(t) for t in sorted(trunks) if policy.trunks[t].node == node]
