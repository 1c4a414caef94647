"""Wishes to the outside. Each may be lost and sent again: ids are ours, so a repeat changes nothing.

Commands of one node are carried out in the order given. A command's failure comes back as an event:
`RingPhone` → `LegGone`, `Bridge` → `BridgeFailed`, `Play` → `PlaybackEnded(failed=True)`.
A 404 on anything else is success: the leg is gone, and `LegGone` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from callctl.core.ids import BridgeId, CallId, LegId, Micros, NodeId, PlaybackId, QueueId
from callctl.core.permits import Permit
from callctl.core.policy import AutoAnswer, HangupReason, Voicemail


@dataclass(frozen=True, slots=True)
class Watch:
    """Subscribe to a leg that we did not make: without it Asterisk does not say when it ends."""

    node: NodeId
    leg: LegId


@dataclass(frozen=True, slots=True)
class Answer:
    node: NodeId
    leg: LegId


@dataclass(frozen=True, slots=True)
class RingBack:
    """Let a caller who is not answered hear the ringing tone. Again: nothing changes."""

    node: NodeId
    leg: LegId


@dataclass(frozen=True, slots=True)
class HandOver:
    """Give the leg to the dialplan for good: to a mailbox, or to a number of the public network."""

    node: NodeId
    leg: LegId
    to: Voicemail | Permit
    longest: Micros
    """The leg's further life."""


@dataclass(frozen=True, slots=True)
class Play:
    """Play the prompts as one list. Takes the leg out of no bridge."""

    node: NodeId
    leg: LegId
    playback: PlaybackId
    prompts: tuple[str, ...]
    """Asterisk media URIs from the configuration."""


@dataclass(frozen=True, slots=True)
class StopPlay:
    node: NodeId
    playback: PlaybackId


@dataclass(frozen=True, slots=True)
class Hold:
    """Put the leg into its queue's holding bridge, with music. In it already: nothing happens."""

    node: NodeId
    leg: LegId
    queue: QueueId
    music: str


@dataclass(frozen=True, slots=True)
class Unhold:
    """Take the leg out of its queue's holding bridge: it is to hear prompts. Not in it: nothing happens."""

    node: NodeId
    leg: LegId
    queue: QueueId


@dataclass(frozen=True, slots=True)
class RingPhone:
    """Make a leg to one contact of an agent's phone, through the dialplan, with our id."""

    node: NodeId
    leg: LegId
    call: CallId
    endpoint: str
    contact: str
    """A checked SIP URI of one contact; empty: the endpoint's own choice."""
    caller_number: str
    """Digits and plus alone, or empty (withheld)."""
    caller_name: str
    """Printable, at most 80 characters."""
    timeout: Micros
    auto_answer: AutoAnswer = AutoAnswer.NO
    permit: Permit | None = None
    """To a number of the public network: `endpoint` is the trunk's, and the permit names the number."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """Join caller and agent in a bridge of their own."""

    node: NodeId
    call: CallId
    caller: LegId
    agent: LegId
    attempt: int = 0
    """Comes back with a failure."""

    @property
    def bridge(self) -> BridgeId:
        return BridgeId(self.agent)


@dataclass(frozen=True, slots=True)
class DropBridge:
    node: NodeId
    bridge: BridgeId


@dataclass(frozen=True, slots=True)
class Hangup:
    node: NodeId
    leg: LegId
    reason: HangupReason


@dataclass(frozen=True, slots=True)
class Lease:
    """The leg's longest further life without callctl; then the dialplan takes it (TIMEOUT(absolute))."""

    node: NodeId
    leg: LegId
    length: Micros


@dataclass(frozen=True, slots=True)
class Beat:
    """Write the heartbeat: without it new calls take the fallback."""

    node: NodeId


Command: TypeAlias = (
    Watch
    | Answer
    | RingBack
    | HandOver
    | Play
    | StopPlay
    | Hold
    | Unhold
    | RingPhone
    | Bridge
    | DropBridge
    | Hangup
    | Lease
    | Beat
)
