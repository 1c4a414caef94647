"""Who waits in which holding bridge, and the music there.

A holding bridge is made once and taken for granted: should it not be there, or be on its way out, the seat is refused
and the bridge made anew. Its music is two channels of Asterisk's, which end with the last caller's leaving, so that it
is asked for behind each seat; but a moment behind: whom an agent answers by then needs none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable

from callctl.asterisk.translate import hold_bridge, music
from callctl.asterisk.wire import Reply, Request
from callctl.core.commands import Bridge, Command, DropBridge, Hold, Unhold
from callctl.core.ids import LegId
from callctl.core.policy import QueuePolicy

MUSIC_AFTER = 0.1
"""Seconds behind a caller's seat before music is asked for: whom an agent answers by then hears no scrap of it, and
Asterisk does not make and end the two channels that play it."""
HOLD_AGAIN = 0.1
HOLD_TRIES = 20
"""Seconds between, and number of, further tries to seat a leg in a holding bridge; then the audit sees to it."""

Send = Callable[[Hold], None]
Ask = Callable[[Hold, Request], None]


class Seats:
    """Of one connection. `send` carries a Hold out once more, `ask` sends a Hold's request for music."""

    def __init__(self, send: Send, ask: Ask) -> None:
        self.bridges: set[str] = set()
        """The holding bridges that exist, as far as we know."""
        self._send = send
        self._ask = ask
        self._wishes: dict[LegId, tuple[Command, int]] = {}
        """By leg: the Hold or Bridge that was last wished for it, and how often it was tried again."""

    def wished(self, command: Hold | Unhold | Bridge | DropBridge) -> None:
        """Take note of where a leg is to be."""
        match command:
            case Hold(leg=leg):
                self._wishes[leg] = (command, 0)
            case Unhold(leg=leg):
                self._wishes.pop(leg, None)
            case DropBridge(out=out) if out is not None:
                self._wishes.pop(out, None)
            case Bridge(caller=caller, agent=agent):
                self._wishes[caller] = self._wishes[agent] = (command, 0)

    def asked(self, command: Hold) -> None:
        """The seat has been asked for."""
        self.bridges.add(hold_bridge(command.queue))
        asyncio.get_running_loop().call_later(MUSIC_AFTER, self._play, command)

    def refused(self, command: Hold, reply: Reply) -> None:
        """The bridge that we took for granted is not there, or is being destroyed: make it anew, with music.

        Only while this is still what the core wants of the leg: it may have been bridged to an agent since.
        """
        wish, tries = self._wishes.get(command.leg, (None, 0))
        if reply.status in (404, 409) and "ridge" in reply.text and wish is command and tries < HOLD_TRIES:
            self.bridges.discard(hold_bridge(command.queue))
            self._wishes[command.leg] = (command, tries + 1)
            asyncio.get_running_loop().call_later(HOLD_AGAIN, self._again, command)

    def forget(self, leg: LegId) -> None:
        """The leg is gone."""
        self._wishes.pop(leg, None)

    def seen(self, bridges: Iterable[str]) -> None:
        """These are all that exist."""
        self.bridges &= set(bridges)

    def _again(self, command: Hold) -> None:
        wish, tries = self._wishes.get(command.leg, (None, 0))
        if wish is command:
            self._send(command)
            self._wishes[command.leg] = (command, tries)

    def _play(self, command: Hold) -> None:
        """If the caller still sits where it was wished."""
        if self._wishes.get(command.leg, (None, 0))[0] is command:
            self._ask(command, music(command.queue, command.music))


def music_where(taken: Collection[str], queues: Iterable[QueuePolicy]) -> Iterable[Request]:
    """For who sits there since an earlier connection, which may have ended between a seat and its music."""
    return [music(queue.id, queue.music) for queue in queues if hold_bridge(queue.id) in taken]
