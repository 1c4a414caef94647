"""The story, with its why: for the journal, the log lines and the metrics. Nothing reads it back to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from callctl.core.addresses import E164, Address, Emergency
from callctl.core.campaigns import CampaignPhase, Then
from callctl.core.events import Heard
from callctl.core.ids import (
    AgentId,
    AttemptId,
    CallId,
    CampaignId,
    ContactId,
    DispositionId,
    LegId,
    MenuId,
    Micros,
    NodeId,
    PhoneId,
    QueueId,
    SwitchId,
    TrunkId,
)
from callctl.core.law import AttemptOutcome
from callctl.core.model import AgentState, AgentStatus, Outcome, Party, PhoneState, RingResult
from callctl.core.permits import Purpose
from callctl.core.policy import Destination, Drop, Feature, Overflow, Requirement, ToNumber, Voicemail
from callctl.core.ranks import Considered
from callctl.core.ways import Way


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
    to: Way | None
    """None: no option of the menu."""


@dataclass(frozen=True, slots=True)
class DigitsTaken:
    """Several digits, which a flow asked for."""

    call: CallId
    menu: MenuId
    digits: str
    """Empty where they are kept in memory alone."""
    count: int
    fits: bool
    """They are such as were asked for."""


@dataclass(frozen=True, slots=True)
class Walked:
    """A caller came through nodes of flows."""

    call: CallId
    nodes: tuple[str, ...]
    """`flow/node`, in order; the last is where the caller stays a while, or leaves the flow."""


@dataclass(frozen=True, slots=True)
class LookupAnswered:
    call: CallId
    node: str
    """`flow/node`."""
    failed: str
    """Why there is no answer; empty: there is one."""
    took: Micros


@dataclass(frozen=True, slots=True)
class Noted:
    """A flow wrote values into the call's record."""

    call: CallId
    agent: AgentId | None
    """Of the last talk."""
    values: Mapping[str, str]


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
    to: Voicemail | ToNumber | Drop


@dataclass(frozen=True, slots=True)
class VoicemailLeft:
    """The caller has left a message in a mailbox."""

    call: CallId
    mailbox: str
    """As the configuration names it."""
    length: Micros


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
class AttemptBegan:
    """The gate has let an attempt pass."""

    attempt: AttemptId
    campaign: CampaignId
    contact: ContactId
    number: E164
    kept: tuple[str, ...]
    """The rule sets that were held against it."""


@dataclass(frozen=True, slots=True)
class AttemptRefused:
    """The gate has not."""

    campaign: CampaignId
    contact: ContactId
    number: E164
    rule: str
    version: str
    why: str
    until: Micros | None


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """How an attempt ended, and what is next."""

    attempt: AttemptId
    campaign: CampaignId
    contact: ContactId
    outcome: AttemptOutcome
    due: Micros | None
    """When the contact is tried next, at the earliest."""


@dataclass(frozen=True, slots=True)
class CallDialled:
    """A line is taken for somebody on a list."""

    call: CallId
    leg: LegId
    campaign: CampaignId
    attempt: AttemptId
    contact: ContactId
    number: E164
    trunk: TrunkId
    caller_id: E164
    agent: AgentId | None = None
    """For whom it is made; None: for whoever is free."""


@dataclass(frozen=True, slots=True)
class CallPickedUp:
    """Somebody, or something, has answered a call to somebody on a list."""

    call: CallId
    campaign: CampaignId
    after: Micros
    """From the dial."""
    too_fast: bool = False
    """Sooner than the trunk's `fast_answer`: hardly a person."""


@dataclass(frozen=True, slots=True)
class AnswerJudged:
    """What answering machine detection has made of an answer, and what is done with it."""

    call: CallId
    campaign: CampaignId
    heard: Heard
    took: Micros
    """From the answer."""
    then: Then
    sampled: bool = False
    """It goes to an agent only since it belongs to the sample by which detection is measured."""


@dataclass(frozen=True, slots=True)
class CustomerWaits:
    """A person who was called is there; an agent is owed within the grace."""

    call: CallId
    campaign: CampaignId
    queue: QueueId
    grace_left: Micros


@dataclass(frozen=True, slots=True)
class HarbourReached:
    """No agent came within the grace: the person hears the safe harbour's message."""

    call: CallId
    campaign: CampaignId
    after: Micros
    """From the answer."""


@dataclass(frozen=True, slots=True)
class MessageDropped:
    """A message was left on an answering machine."""

    call: CallId
    campaign: CampaignId


@dataclass(frozen=True, slots=True)
class Paced:
    """How many calls a campaign begins now, and why."""

    campaign: CampaignId
    dial: int
    idle: int
    waiting: int
    in_flight: int
    expected_answers: float
    expected_free: float
    risk: float
    """That the next customer, were one more dialled, would find nobody."""
    allowed: float
    saved: float
    """Abandoned calls that the budget has left."""
    why: str


@dataclass(frozen=True, slots=True)
class TrunkHeld:
    """Campaigns leave the trunk alone for a while: it fails."""

    trunk: TrunkId
    until: Micros
    failures: int
    """In a row."""
    why: str


@dataclass(frozen=True, slots=True)
class DetectionOff:
    """Answering machine detection takes too many people for machines: it is off from now on."""

    campaign: CampaignId
    people: int
    """Calls that people answered, as dispositions tell."""
    mistaken: int


@dataclass(frozen=True, slots=True)
class PreviewBegan:
    """The agent looks at a contact."""

    agent: AgentId
    campaign: CampaignId
    contact: ContactId
    number: E164
    until: Micros | None


@dataclass(frozen=True, slots=True)
class PreviewEnded:
    agent: AgentId
    campaign: CampaignId
    contact: ContactId
    how: str
    """`dialled`, `skipped`, `refused`, `gone`."""
    by: str


@dataclass(frozen=True, slots=True)
class PreviewRefused:
    agent: AgentId
    wish: str
    why: str


@dataclass(frozen=True, slots=True)
class LineChanged:
    """The open line of an agent who is nailed up."""

    agent: AgentId
    how: str
    """`rings`, `open`, `closed`, `failed`."""


@dataclass(frozen=True, slots=True)
class OptedOut:
    """A person has asked, by a key, not to be called any more."""

    call: CallId
    number: E164 | None
    """None: it is withheld, and cannot be listed."""


@dataclass(frozen=True, slots=True)
class CampaignChanged:
    campaign: CampaignId
    phase: CampaignPhase
    by: str


@dataclass(frozen=True, slots=True)
class CampaignRefused:
    """What was asked of a campaign cannot be."""

    campaign: CampaignId
    wish: str
    why: str


@dataclass(frozen=True, slots=True)
class DoNotCallChanged:
    scope: str
    """A campaign; empty: everywhere."""
    digits: str
    prefix: bool
    off: bool
    """It may be called again."""
    how: str


@dataclass(frozen=True, slots=True)
class DoNotCallRead:
    """The lists were read from the database."""

    numbers: int
    prefixes: int


@dataclass(frozen=True, slots=True)
class ConsentChanged:
    number: E164
    scope: str
    given: bool
    """False: it was revoked."""
    how: str


@dataclass(frozen=True, slots=True)
class PersonForgotten:
    """Somebody was erased. Nothing says who."""

    contacts: int


@dataclass(frozen=True, slots=True)
class DispositionNoted:
    """What a call came to."""

    call: CallId
    agent: AgentId
    disposition: DispositionId
    by: str
    """`agent`, or `default`: none was chosen in time."""
    amount: int | None = None
    """Hundredths."""


@dataclass(frozen=True, slots=True)
class DispositionRefused:
    agent: AgentId
    why: str


@dataclass(frozen=True, slots=True)
class CallbackAgreed:
    call: CallId
    agent: AgentId
    campaign: CampaignId
    contact: ContactId | None
    at: Micros
    personal: bool


@dataclass(frozen=True, slots=True)
class DispositionAwaited:
    """Wrap-up goes on: a disposition is required, and none was chosen."""

    call: CallId
    agent: AgentId


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
    switch: SwitchId | None = None
    """By which it is closed; None: by the clock."""


@dataclass(frozen=True, slots=True)
class CallConnected:
    call: CallId
    queue: QueueId
    agent: AgentId
    waited: Micros
    """Speed of answer: from queued to connected."""
    campaign: CampaignId | None = None
    """Whose customer was called; None: the caller called."""


@dataclass(frozen=True, slots=True)
class AskedAfter:
    """The agent has hung up, and the caller goes on to what the queue says `after`."""

    call: CallId
    queue: QueueId
    agent: AgentId
    talked: Micros
    to: Destination


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
    campaign: CampaignId | None = None
    """Whose customer was called; None: the caller called, or has waited in a queue as callers do."""
    asked: bool = False
    """The talk was over before: `AskedAfter` has told of it."""


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
class SwitchTurned:
    switch: SwitchId
    on: bool
    by: str


@dataclass(frozen=True, slots=True)
class SwitchRefused:
    """Somebody would have turned a switch, and it was left as it is."""

    switch: SwitchId
    why: str
    by: str


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
    | DigitsTaken
    | LookupAnswered
    | Noted
    | Walked
    | DigitTimedOut
    | PromptFailed
    | CallQueued
    | CallRelaxed
    | CallerTold
    | CallHandedOver
    | VoicemailLeft
    | CallOffered
    | DialRefused
    | AttemptBegan
    | AttemptRefused
    | AttemptEnded
    | CallDialled
    | CallPickedUp
    | AnswerJudged
    | CustomerWaits
    | HarbourReached
    | MessageDropped
    | Paced
    | TrunkHeld
    | DetectionOff
    | PreviewBegan
    | PreviewEnded
    | PreviewRefused
    | LineChanged
    | OptedOut
    | CampaignChanged
    | CampaignRefused
    | DoNotCallChanged
    | DoNotCallRead
    | ConsentChanged
    | PersonForgotten
    | DispositionNoted
    | DispositionRefused
    | DispositionAwaited
    | CallbackAgreed
    | AgentAccepted
    | AgentDropped
    | RingEnded
    | GhostAnswered
    | CallRequeued
    | FlowedOut
    | CallConnected
    | AskedAfter
    | CallEnded
    | WrapUpEnded
    | AgentStatusChanged
    | AgentStateChanged
    | AgentPhoneChanged
    | StatusRefused
    | TrunkChanged
    | EmergencyCalled
    | NodeChanged
    | SwitchTurned
    | SwitchRefused
    | PolicyApplied
    | StrayEvent
)
