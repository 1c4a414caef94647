"""What plays on which leg, and the leases that must wait for it.

While a prompt plays on a channel Asterisk (22.10.1) sets no variable of it and moves it into no bridge, and lets
the whole socket wait until the prompt is over: 25 seconds in which nothing else is done. So a lease is set before a
prompt and after it, not during; what an earlier connection left playing is found by a variable of the channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from callctl.core.commands import Command, Lease, Play, StopPlay
from callctl.core.ids import LegId, NodeId, PlaybackId


class Prompts:
    """Of one link."""

    def __init__(self, node: NodeId) -> None:
        self._node = node
        self._playing: dict[LegId, list[PlaybackId]] = {}
        self._leases: dict[LegId, Lease] = {}
        """The newest of each leg."""
        self._late: set[LegId] = set()
        """Legs whose newest lease has yet to be set."""

    def clear(self) -> None:
        """A new connection: nothing plays but what is stopped at its start."""
        self._playing.clear()
        self._leases.clear()
        self._late.clear()

    def forget(self, leg: LegId) -> None:
        """The leg is gone."""
        self._playing.pop(leg, None)
        self._leases.pop(leg, None)
        self._late.discard(leg)

    def before(self, command: Play) -> Iterable[Command]:
        """What to send before it: the lease in full, for as long as the prompts may take."""
        self._playing.setdefault(command.leg, []).append(command.playback)
        self._late.discard(command.leg)
        lease = self._leases.get(command.leg)
        return () if lease is None else (lease,)

    def may_set(self, lease: Lease) -> bool:
        """False: it must wait until the prompts are over."""
        self._leases[lease.leg] = lease
        if lease.leg in self._playing:
            self._late.add(lease.leg)
            return False
        return True

    def hush(self, leg: LegId) -> Iterator[Command]:
        """End what plays on the leg, so that it can be moved."""
        for playback in self._playing.pop(leg, ()):
            yield StopPlay(self._node, playback)
        yield from self._overdue(leg)

    def ended(self, leg: LegId, playback: PlaybackId) -> Iterable[Command]:
        """A prompt is over: what waited for it."""
        playing = self._playing.get(leg, [])
        if playback in playing:
            playing.remove(playback)
        if playing:
            return ()
        self._playing.pop(leg, None)
        return self._overdue(leg)

    def _overdue(self, leg: LegId) -> Iterable[Command]:
        if leg not in self._late:
            return ()
        self._late.discard(leg)
        return (self._leases[leg],)
