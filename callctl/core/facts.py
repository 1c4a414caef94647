"""The story, with its why: for the journal, the log lines and the metrics. Nothing reads it back to decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from callctl.core.ids import AgentId, CallId, LegId, MenuId, Micros, NodeId, PhoneId, QueueId, TrunkId
from callctl.core.model import AgentState, AgentStatus, Outcome, Party, PhoneState, RingResult
from callctl.core.permits import Purpose
from callctl.core.policy import (
    E164,
    Address,
    Destination,
    Emergency,
    Feature,
    Overflow,
    Requirement,
    ToNumber,
    Voicemail,
)
from callctl.core.ranks import Considered


@dataclass(frozen=True, slots=True)
class CallEntered:
    call: CallId
    node: NodeId
    leg: LegId
    caller: Address
    dialled: str
    to: Destination | Feature


@dataclass(frozen=True, slots=True)
class MenuEntered:
    call: CallId
    menu: MenuId
    tries: int


@dataclass(frozen=True, slots=True)
class DigitTaken:
    call: CallId
    menu: MenuId
    digit: str
    to: Destination | None
    """None: no option of the menu."""


@dataclass(frozen=True, slots=True)
class DigitTimedOut:
    call: CallId
    menu: MenuId
    tries: int


@dataclass(frozen=True, slots=True)
class PromptFailed:
    call: CallId
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallQueued:
    call: CallId
    queue: QueueId
    priority: int
    position: int
    """1: next."""
    wants: AgentId | None = None
    """For whom alone the caller waits at first."""


@dataclass(frozen=True, slots=True)
class CallRelaxed:
    """Something else is asked of an agent for this caller from now on."""

    call: CallId
    queue: QueueId
    asks: Requirement
    waited: Micros


@dataclass(frozen=True, slots=True)
class CallerTold:
    """Words for a waiting caller have begun."""

    call: CallId
    queue: QueueId
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallHandedOver:
    """The dialplan has the caller now."""

    call: CallId
    to: Voicemail | ToNumber


@dataclass(frozen=True, slots=True)
class CallOffered:
    call: CallId
    queue: QueueId
    agent: AgentId
    legs: tuple[LegId, ...]
    why: str
    considered: tuple[Considered, ...] = ()
    """The best of the free agents who fitted, in order, with the numbers that were compared."""
    fitted: int = 0
    """How many they were in all."""


@dataclass(frozen=True, slots=True)
class DialRefused:
    """The gate does not let a leg to the outside be made."""

    call: CallId
    purpose: Purpose
    number: E164
    trunk: TrunkId
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class AgentAccepted:
    """The agent has pressed the key that accepts the call."""

    call: CallId
    agent: AgentId
    key: str


@dataclass(frozen=True, slots=True)
class AgentDropped:
    """The agent had the call, and hung up at once: nobody has talked."""

    call: CallId
    queue: QueueId
    agent: AgentId


@dataclass(frozen=True, slots=True)
class RingEnded:
    call: CallId
    queue: QueueId
    agent: AgentId
    result: RingResult
    rang: Micros
    """How long."""
    cause: int = 0
    sip: int = 0


@dataclass(frozen=True, slots=True)
class GhostAnswered:
    """An agent answered a caller who had already gone, or whose call had gone elsewhere. No miss, no wrap-up."""

    call: CallId
    queue: QueueId | None
    agent: AgentId


@dataclass(frozen=True, slots=True)
class CallRequeued:
    call: CallId
    queue: QueueId
    position: int
    why: str


@dataclass(frozen=True, slots=True)
class FlowedOut:
    """The caller is sent on: the queue did not take them, or no longer."""

    call: CallId
    queue: QueueId
    why: Overflow
    taken: bool
    """False: the queue did not take the caller at all."""
    waited: Micros
    """In this queue and those that sent the caller on before it."""
    to: Destination


@dataclass(frozen=True, slots=True)
class CallConnected:
    call: CallId
    queue: QueueId
    agent: AgentId
    waited: Micros
    """Speed of answer: from queued to connected."""


@dataclass(frozen=True, slots=True)
class CallEnded:
    call: CallId
    queue: QueueId | None
    agent: AgentId | None
    outcome: Outcome
    by: Party
    cause: int
    sip: int
    waited: Micros
    """From queued to connected or ended; 0: never queued."""
    talked: Micros


@dataclass(frozen=True, slots=True)
class WrapUpEnded:
    call: CallId
    agent: AgentId
    lasted: Micros


@dataclass(frozen=True, slots=True)
class AgentStatusChanged:
    agent: AgentId
    status: AgentStatus
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class AgentStateChanged:
    agent: AgentId
    state: AgentState


@dataclass(frozen=True, slots=True)
class AgentPhoneChanged:
    agent: AgentId
    phone: PhoneState


@dataclass(frozen=True, slots=True)
class StatusRefused:
    agent: AgentId
    wish: str
    why: str


@dataclass(frozen=True, slots=True)
class TrunkChanged:
    node: NodeId
    trunk: TrunkId
    up: bool
    why: str


@dataclass(frozen=True, slots=True)
class EmergencyCalled:
    node: NodeId
    phone: PhoneId
    agent: AgentId | None
    number: Emergency
    result: str


@dataclass(frozen=True, slots=True)
class NodeChanged:
    node: NodeId
    phase: str
    why: str


@dataclass(frozen=True, slots=True)
class PolicyApplied:
    sha: str


@dataclass(frozen=True, slots=True)
class StrayEvent:
    """An event that fitted no phase: it changed nothing, and is counted."""

    event: str
    phase: str


Fact: TypeAlias = (
    CallEntered
    | MenuEntered
    | DigitTaken
    | DigitTimedOut
    | PromptFailed
    | CallQueued
    | CallRelaxed
    | CallerTold
    | CallHandedOver
    | CallOffered
    | DialRefused
    | AgentAccepted
    | AgentDropped
    | RingEnded
    | GhostAnswered
    | CallRequeued
    | FlowedOut
    | CallConnected
    | CallEnded
    | WrapUpEnded
    | AgentStatusChanged
    | AgentStateChanged
    | AgentPhoneChanged
    | StatusRefused
    | TrunkChanged
    | EmergencyCalled
    | NodeChanged
    | PolicyApplied
    | StrayEvent
)
