"""Wishes to the outside. Each may be lost and sent again: ids are ours, so a repeat changes nothing.

Commands of one node are carried out in the order given. A command's failure comes back as an event:
`RingPhone` → `LegGone`, `Bridge` → `BridgeFailed`, `Play` → `PlaybackEnded(failed=True)`.
A 404 on anything else is success: the leg is gone, and `LegGone` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from callctl.core.ids import AgentId, BridgeId, CallId, CampaignId, LegId, Micros, NodeId, PlaybackId, QueueId
from callctl.core.permits import Permit
from callctl.core.policy import AutoAnswer, Drop, HangupReason, Voicemail


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
    """Give the leg to the dialplan for good: to a mailbox, to a number of the public network, or to leave a message."""

    node: NodeId
    leg: LegId
    to: Voicemail | Permit | Drop
    longest: Micros
    """The leg's further life."""


@dataclass(frozen=True, slots=True)
class Play:
    """Play the prompts as one list. Takes the leg out of no bridge."""

    node: NodeId
    leg: LegId
    playback: PlaybackId
    prompts: tuple[str, ...]
    """Asterisk media URIs, from the configuration or of values that are said."""
    promise: bool = False
    """They tell a person what is promised: they are played once it is stored."""
    language: str = ""
    """Of Asterisk's sounds; empty: the channel's own."""


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
class Dial:
    """Make a leg to somebody on a list, over a trunk, through the dialplan, with our id. Never sent again: nobody can
    know whether a phone rang for the one that was lost. It goes out once Postgres has the attempt, or not at all."""

    node: NodeId
    leg: LegId
    call: CallId
    permit: Permit
    caller_number: str
    """Digits and plus alone: never withheld."""
    timeout: Micros
    """The longest that it may last unanswered; the core ends it sooner."""
    detect: bool = False
    """Answering machine detection before the leg enters callctl's app."""
    harbour: tuple[str, ...] = ()
    """What who answers hears where callctl is not there any more: media URIs, of which the dialplan plays sounds."""


@dataclass(frozen=True, slots=True)
class ClaimContacts:
    """Contacts of the campaign who are due are wanted, at most so many. `ContactsClaimed` answers, empty where nobody
    is. It waits until Postgres has all that was decided before."""

    campaign: CampaignId
    most: int
    agents: tuple[AgentId, ...] = ()
    """Whose own callbacks may be among them."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """Join caller and agent in a bridge of their own."""

    node: NodeId
    call: CallId
    caller: LegId
    agent: LegId
    attempt: int = 0
    """Comes back with a failure."""
    own: BridgeId = BridgeId("")
    """The bridge's id, where the agent's leg outlives the talk; empty: the leg's."""

    @property
    def bridge(self) -> BridgeId:
        return self.own or BridgeId(self.agent)


@dataclass(frozen=True, slots=True)
class DropBridge:
    node: NodeId
    bridge: BridgeId
    out: LegId | None = None
    """Who is to hear prompts next: taken out first, since a bridge that ends lets go of its legs when it pleases, and
    prompts that begin before that may not be heard."""


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
    | Dial
    | Bridge
    | DropBridge
    | Hangup
    | Lease
    | Beat
)
"""To a node of the PBX."""
