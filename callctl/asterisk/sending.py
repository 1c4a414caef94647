"""Commands out over one connection: each becomes its requests, in order, and what comes of them is told.

A new connection is a new `Sending`: what an earlier one had asked for, the audit at the connect makes good.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

import structlog

from callctl.asterisk.ari import Ari
from callctl.asterisk.leases import Leases
from callctl.asterisk.listening import Listening
from callctl.asterisk.prompts import LINGERS, Prompts
from callctl.asterisk.seats import Seats
from callctl.asterisk.translate import (
    HOLD_MUSIC,
    RING_MADE,
    RING_WATCHED,
    SEAT,
    Making,
    as_given,
    endpoint_of,
    failure,
    harmless,
    ids_of,
    listened,
    requests,
)
from callctl.asterisk.wire import Reply, Request
from callctl.core.commands import (
    Answer,
    Bridge,
    Command,
    Dial,
    DropBridge,
    HandOver,
    Hold,
    Lease,
    Play,
    RingPhone,
    Unhold,
    Watch,
)
from callctl.core.events import Event
from callctl.core.ids import LegId, NodeId, PlaybackId
from callctl.core.policy import OutsideNumber
from callctl.runtime.window import Window

UNTOLD = 0.5
"""Seconds after which a leg that could not be watched is said to be gone, if Asterisk has not said so."""

log = structlog.get_logger("callctl.asterisk")


class Sending:
    """`tell` hands on an event as if Asterisk had said it. Legs to people on lists are put into `dialled`."""

    def __init__(
        self,
        node: NodeId,
        ari: Ari,
        window: Window,
        tell: Callable[[Event], None],
        counted: Counter[str],
        dialled: set[LegId],
        written: Callable[[OutsideNumber], str] = as_given,
    ) -> None:
        """`written`: how a number of a list is written on its trunk."""
        self.node = node
        self.clock_offset = 0.0
        """Asterisk's clock minus this machine's, in seconds."""
        self.listening = Listening()
        self.seats = Seats(self.send, self._ask_for_music)
        self._ari = ari
        self._window = window
        self._tell = tell
        self._counted = counted
        self._dialled = dialled
        self._written = written
        self._prompts = Prompts(node)
        self._leases = Leases(self._lease)
        self._watched: set[LegId] = set()
        """Legs whose end is sure to be told on this connection."""
        self._unmade: set[LegId] = set()

    # ── wishes ───────────────────────────────────────────────────────────────────────────────

    def send(self, command: Command) -> None:
        """Carry it out, in order; but a lease behind what is urgent, and after its leg's prompts. Not an Answer during
        a prompt, which an audit owes to who came while it read the lists: the leg was answered before, and Asterisk
        would let the whole socket wait for the prompt's end."""
        if isinstance(command, Lease):
            self._leases.put(command)
        elif isinstance(command, Answer) and self._prompts.plays_on(command.leg):
            self._counted["answered_already"] += 1
        elif not (isinstance(command, Watch) and command.leg in self._watched):
            self.submit(*self._prepared(command), command)

    def submit(self, *commands: Command) -> None:
        """As they are, at once."""
        for command in commands:
            self._submit(command)

    def _prepared(self, command: Command) -> Iterable[Command]:
        """Take note of it; what must be sent before it."""
        match command:
            case Hold(leg=leg):
                self.seats.wished(command)
                return self._prompts.hush(leg)
            case HandOver(leg=leg):
                self._leases.forget(leg)  # its life is the dialplan's now
                return self._prompts.hush(leg)
            case Unhold() | DropBridge():
                self.seats.wished(command)
            case Bridge(caller=caller, agent=agent):
                self.seats.wished(command)
                return (*self._prompts.hush(caller), *self._prompts.hush(agent))
            case Play():
                return self._prompts.before(command)
            case RingPhone(leg=leg):
                self._window.making(leg)
            case Dial(leg=leg):
                self._window.making(leg)
                self._dialled.add(leg)
            case _:
                pass
        return ()

    def _lease(self, command: Lease) -> asyncio.Future[Reply] | None:
        if self._ari.ended:
            return None
        if not self._prompts.may_set(command):
            self._counted["lease_after_prompt"] += 1
            return None
        return self._submit(command)

    def _submit(self, command: Command) -> asyncio.Future[Reply] | None:
        """The last request's reply; None: nothing was sent."""
        reply = None
        try:
            clock = time.time() + self.clock_offset
            wanted = requests(command, clock, self.seats.bridges, self.listening.endpoints, self._written)
        except ValueError as error:
            name = type(command).__name__
            log.error("command_refused", node=self.node, command=name, why=str(error), **ids_of(command))
            self._tell_failure(command, RING_MADE, Reply(400, str(error)))
            return None
        if isinstance(command, Hold):
            self.seats.asked(command)
        first = RING_MADE if isinstance(command, Making) and len(wanted) == 1 else 0
        for index, request in enumerate(wanted, first):
            reply = self._ari.submit(request)
            reply.add_done_callback(partial(self._replied, command, index, request.path[-1] == SEAT))
        return reply

    def _ask_for_music(self, command: Hold, request: Request) -> None:
        if not self._ari.ended:
            self._ari.submit(request).add_done_callback(partial(self._replied, command, HOLD_MUSIC, False))

    # ── what Asterisk has said ───────────────────────────────────────────────────────────────

    def ended(self, leg: LegId, playback: PlaybackId) -> None:
        """A prompt is over: the lease that waited for it goes out soon."""
        if self._prompts.ended(leg, playback):
            asyncio.get_running_loop().call_later(LINGERS, self._put_overdue, leg)

    def _put_overdue(self, leg: LegId) -> None:
        lease = self._prompts.overdue(leg)
        if lease is not None:
            self._leases.put(lease)

    def forget(self, leg: LegId) -> None:
        """The leg is gone, or not ours any more."""
        self._prompts.forget(leg)
        self._leases.forget(leg)
        self._watched.discard(leg)
        self.seats.forget(leg)

    # ── replies ──────────────────────────────────────────────────────────────────────────────

    def _replied(self, command: Command, index: int, seat: bool, future: asyncio.Future[Reply]) -> None:
        if future.cancelled():
            return
        reply = future.result()
        if isinstance(command, Making) and self._ring_replied(command, index, reply):
            return
        if reply.ok:
            if isinstance(command, Watch) and not self._window.is_away(command.leg):
                self._watched.add(command.leg)
            return
        if reply.unknown and self._ari.ended:
            self._counted["unanswered"] += 1  # no line for each: `pbx_link_down` says why
            return
        if isinstance(command, Hold) and seat:
            self.seats.refused(command, reply)
        if isinstance(command, Watch) and harmless(command, index, reply):
            # It hung up before we asked: nobody else will say so, and it would seem to have left for the dialplan.
            asyncio.get_running_loop().call_later(UNTOLD, self._tell_untold, command, index, reply)
            return
        if not harmless(command, index, reply):
            name = type(command).__name__
            self._counted[f"refused_{name}_{reply.status}"] += 1
            said = {"command": name, "step": index, "status": reply.status, **ids_of(command)}
            log.warning("request_refused", node=self.node, **said)
        self._tell_failure(command, index, reply)

    def _ring_replied(self, command: Making, index: int, reply: Reply) -> bool:
        """Whether all is said about this reply to the request of a command that makes a leg."""
        leg = command.leg
        if index == RING_MADE:
            self._window.made(leg)
            if not reply.ok and reply.status != 409 and endpoint_of(command) not in self.listening.endpoints:
                self._unmade.add(leg)
        elif index == RING_WATCHED:
            if reply.ok or leg in self._unmade:
                self._unmade.discard(leg)
                self._ari.submit(listened(endpoint_of(command)))
            else:
                # Its end is on its way, with the cause. Should it not come, the core must know nevertheless.
                asyncio.get_running_loop().call_later(UNTOLD, self._ring_untold, command, index, reply)
            return True
        return False

    def _ring_untold(self, command: Making, index: int, reply: Reply) -> None:
        self._ari.submit(listened(endpoint_of(command)))
        self._tell_untold(command, index, reply)

    def _tell_untold(self, command: Making | Watch, index: int, reply: Reply) -> None:
        if not self._ari.ended and not self._window.is_gone(command.leg):
            self._tell_failure(command, index, reply)

    def _tell_failure(self, command: Command, index: int, reply: Reply) -> None:
        event = failure(command, index, reply)
        if event is not None:
            self._tell(event)
