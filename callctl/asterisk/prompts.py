"""What plays on which leg, and the leases that must wait for it.

While a prompt plays on a channel Asterisk (22.10.1) sets no variable of it and moves it into no bridge, and lets
the whole socket wait until the prompt is over: 25 seconds in which nothing else is done. So a lease is set before a
prompt and after it, not during: before it one that outlasts the prompt, or Asterisk would take a caller who listens
to the fallback though callctl lives; after it the one that the core wants. Should callctl die during a prompt, the
caller waits for the fallback the longer. What an earlier connection left playing is found by a variable of the channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from callctl.core.commands import Command, Lease, Play, StopPlay
from callctl.core.ids import SECOND, LegId, Micros, NodeId, PlaybackId

PROMPT_MOST: Micros = 180 * SECOND
"""So long may the prompts of one Play take; nobody can know how long a sound of Asterisk's is."""


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
        """What to send before it: a lease for as long as the prompts may take. The leg's own follows them."""
        self._playing.setdefault(command.leg, []).append(command.playback)
        lease = self._leases.get(command.leg)
        if lease is not None:
            self._late.add(command.leg)
        return (Lease(self._node, command.leg, max(PROMPT_MOST, lease.length if lease is not None else 0)),)

    def may_set(self, lease: Lease) -> bool:
        """False: it must wait until the prompts are over."""
        self._leases[lease.leg] = lease
        if lease.leg in self._playing:
            self._late.add(lease.leg)
            return False
        return True

    def plays_on(self, leg: LegId) -> bool:
        """Whether a prompt plays there, as far as we have been told."""
        return leg in self._playing

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
