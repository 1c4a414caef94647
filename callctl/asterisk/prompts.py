"""What plays on which leg, and the leases that must wait for it.

While a prompt plays on a channel Asterisk (22.10.1) sets no variable of it and moves it into no bridge, and lets
the whole socket wait until the prompt is over: 25 seconds in which nothing else is done. So a lease is set before a
prompt and after it, not during: before it one that outlasts the prompt, or Asterisk would take a caller who listens
to the fallback though callctl lives; after it the one that the core wants. Should callctl die during a prompt, the
caller waits for the fallback the longer. What an earlier connection left playing is found by a variable of the channel.

Somebody who walks through menus hears prompt after prompt. So the lease before a prompt has time to spare for those
that follow, and the core's own waits a moment behind the prompts' end (`LINGERS`): a key then costs no lease.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from callctl.core.commands import Command, Lease, Play, StopPlay
from callctl.core.ids import SECOND, LegId, Micros, NodeId, PlaybackId

PROMPT_MOST: Micros = 180 * SECOND
"""So long may the prompts of one Play take; nobody can know how long a sound of Asterisk's is."""
SPARE: Micros = 30 * SECOND
"""So long after a lease for prompts others may begin without another."""
LINGERS = 2.0
"""Seconds behind prompts after which the leg has its own lease again, unless others play."""


class Prompts:
    """Of one link."""

    def __init__(self, node: NodeId, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._node = node
        self._clock = clock
        self._playing: dict[LegId, list[PlaybackId]] = {}
        self._leases: dict[LegId, Lease] = {}
        """The newest of each leg."""
        self._late: set[LegId] = set()
        """Legs whose newest lease has yet to be set."""
        self._lasts: dict[LegId, float] = {}
        """By the clock, until when the lease lasts that was set last."""

    def clear(self) -> None:
        """A new connection: nothing plays but what is stopped at its start."""
        self._playing.clear()
        self._leases.clear()
        self._late.clear()
        self._lasts.clear()

    def forget(self, leg: LegId) -> None:
        """The leg is gone."""
        self._playing.pop(leg, None)
        self._leases.pop(leg, None)
        self._late.discard(leg)
        self._lasts.pop(leg, None)

    def before(self, command: Play) -> Iterable[Command]:
        """What to send before it: a lease for as long as the prompts may take, unless one lasts. The leg's own follows
        them."""
        leg, lease = command.leg, self._leases.get(command.leg)
        self._playing.setdefault(leg, []).append(command.playback)
        if lease is not None:
            self._late.add(leg)
        needed = max(PROMPT_MOST, lease.length if lease is not None else 0)
        if self._clock() + needed / SECOND <= self._lasts.get(leg, 0.0):
            return ()
        return (self._set(Lease(self._node, leg, needed + SPARE)),)

    def may_set(self, lease: Lease) -> bool:
        """False: it must wait until the prompts are over."""
        self._leases[lease.leg] = lease
        if lease.leg in self._playing:
            self._late.add(lease.leg)
            return False
        self._late.discard(lease.leg)
        self._set(lease)
        return True

    def plays_on(self, leg: LegId) -> bool:
        """Whether a prompt plays there, as far as we have been told."""
        return leg in self._playing

    def hush(self, leg: LegId) -> Iterator[Command]:
        """End what plays on the leg, so that it can be moved."""
        for playback in self._playing.pop(leg, ()):
            yield StopPlay(self._node, playback)
        if leg in self._late:
            self._late.discard(leg)
            yield self._set(self._leases[leg])

    def ended(self, leg: LegId, playback: PlaybackId) -> bool:
        """A prompt is over. True: a lease waited for it, which is overdue in a moment."""
        playing = self._playing.get(leg, [])
        if playback in playing:
            playing.remove(playback)
        if playing:
            return False
        self._playing.pop(leg, None)
        return leg in self._late

    def overdue(self, leg: LegId) -> Lease | None:
        """The leg's own lease, if it has waited for prompts and nothing plays now."""
        return self._leases[leg] if leg in self._late and leg not in self._playing else None

    def _set(self, lease: Lease) -> Lease:
        self._lasts[lease.leg] = self._clock() + lease.length / SECOND
        return lease
