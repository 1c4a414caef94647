"""The World: calls, legs, agents, nodes, as values. A phase holds only what is true in it.

Memory is a cache: Asterisk owns what exists, Postgres what was promised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from callctl.core.ids import (
    AgentId,
    CallId,
    IdSource,
    LegId,
    MenuId,
    Micros,
    NodeId,
    PhoneId,
    PlaybackId,
    QueueId,
    TrunkId,
)
from callctl.core.index import Index
from callctl.core.policy import Address, Destination, Feature, HangupReason, Policy, Withheld

# ── what is written down of a call ───────────────────────────────────────────────────────────


class Outcome(StrEnum):
    """How a call ended, in telephony's terms."""

    ANSWERED = "answered"
    """An agent and the caller talked."""
    ABANDONED = "abandoned"
    """The caller hung up while queued or ringing."""
    LEFT_IN_MENU = "left_in_menu"
    """The caller hung up in a menu or an announcement."""
    COMPLETED = "completed"
    """The call's way ended as configured, without an agent: a menu's hang-up, an announcement, a feature code."""
    UNKNOWN_NUMBER = "unknown_number"
    WAITED_TOO_LONG = "waited_too_long"
    """The caller waited the queue's longest wait, and nobody answered where the call went then."""
    LEFT_FOR_FALLBACK = "left_for_fallback"
    """The caller left callctl's hands for the dialplan: the lease ended, or somebody redirected the channel."""
    PBX_LOST = "pbx_lost"
    FAILED = "failed"


class Party(StrEnum):
    """Who ended a call."""

    CALLER = "caller"
    AGENT = "agent"
    CALLCTL = "callctl"
    PBX = "pbx"


class RingResult(StrEnum):
    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    """The phone said busy or declined (486, 600, 603)."""
    FORWARDED = "forwarded"
    """The phone answered 302; refused."""
    UNREACHABLE = "unreachable"
    """The phone could not be rung (4xx, 5xx, no contact)."""
    ABANDONED = "abandoned"
    """The caller left while it rang."""
    GHOST = "ghost"
    """The agent answered when the caller had already gone."""
    LOST = "lost"
    """The PBX or the way to it failed."""


@dataclass(frozen=True, slots=True)
class MenuVisit:
    menu: MenuId
    at: Micros
    digits: str = ""
    """What was pressed, in order."""


@dataclass(frozen=True, slots=True)
class Ring:
    """One agent's phone rung for a call."""

    agent: AgentId
    at: Micros
    why: str
    ended: Micros | None = None
    result: RingResult | None = None
    cause: int = 0
    """Q.850."""
    sip: int = 0


@dataclass(slots=True)
class Story:
    """The call record in the making: every time of the call's way."""

    answered_by_pbx: Micros | None = None
    menus: list[MenuVisit] = field(default_factory=list)
    queue: QueueId | None = None
    queued: Micros | None = None
    rings: list[Ring] = field(default_factory=list)
    """The newest, in order."""
    agent: AgentId | None = None
    connected: Micros | None = None
    ended: Micros | None = None
    ended_by: Party | None = None
    outcome: Outcome | None = None
    cause: int = 0
    sip: int = 0
    wrap_up_ended: Micros | None = None


# ── a call ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Arrived:
    """Before its first destination. Left within the step that entered it."""


@dataclass(frozen=True, slots=True)
class InMenu:
    menu: MenuId
    tries: int
    """How often the prompts have been started, this one included."""
    playing: PlaybackId | None
    digit_by: Micros | None
    """Set when the prompts have ended: a digit is waited for until then."""


@dataclass(frozen=True, slots=True)
class Announcing:
    playing: PlaybackId
    prompts: tuple[str, ...]
    then: Destination


@dataclass(frozen=True, slots=True)
class Queued:
    queue: QueueId
    priority: int
    since: Micros
    leave_by: Micros | None = None
    """The queue's longest wait; None: no limit."""


@dataclass(frozen=True, slots=True)
class Offered:
    """An agent's phone rings for this call. The place in the queue is kept."""

    queue: QueueId
    priority: int
    since: Micros
    agent: AgentId
    ring_until: Micros
    leave_by: Micros | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    queue: QueueId
    priority: int
    since: Micros
    """When the caller was queued: should the bridge fail, the place is still known."""
    agent: AgentId
    agent_leg: LegId
    talk_until: Micros
    leave_by: Micros | None = None
    attempt: int = 0
    """How often the two had to be joined again. A failure that is told of an earlier attempt says nothing."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more will happen to the caller; kept until its legs are gone and wrap-up is over."""

    at: Micros
    reason: HangupReason


CallPhase: TypeAlias = Arrived | InMenu | Announcing | Queued | Offered | Connected | Ended


@dataclass(slots=True)
class Call:
    id: CallId
    node: NodeId
    leg: LegId
    """The caller's channel."""
    phase: CallPhase
    entered: Micros
    caller: Address = field(default_factory=Withheld)
    caller_name: str = ""
    dialled: str = ""
    """As text for people; decided by its parsed form."""
    trunk: TrunkId | None = None
    phone: PhoneId | None = None
    diverted_from: Address | None = None
    feature: Feature | None = None
    lease_renew: Micros | None = None
    """When to renew the waiting caller's lease."""
    story: Story = field(default_factory=Story)


class LegRole(StrEnum):
    CALLER = "caller"
    AGENT = "agent"


@dataclass(slots=True)
class Leg:
    """A channel."""

    id: LegId
    node: NodeId
    call: CallId
    role: LegRole
    agent: AgentId | None = None
    made: Micros = 0
    """When callctl decided to make it; 0: somebody else made it, or it is from before a restart."""
    left_by: Micros | None = None
    """Set when the channel left callctl's app: if it is not gone by then, the dialplan has it."""


# ── an agent ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class LoggedOut:
    pass


@dataclass(frozen=True, slots=True)
class Available:
    pass


@dataclass(frozen=True, slots=True)
class Paused:
    reason: str


AgentStatus: TypeAlias = LoggedOut | Available | Paused
"""What the person chose."""


@dataclass(frozen=True, slots=True)
class Idle:
    since: Micros
    """Since last becoming routable: the key of longest-idle. Meaningless while not routable."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """The phone has been asked to ring; it does not yet."""

    call: CallId
    legs: frozenset[LegId]
    idle_since: Micros


@dataclass(frozen=True, slots=True)
class Ringing:
    """At least one contact rings. Stays until the last leg is gone, though the call may have moved on."""

    call: CallId
    legs: frozenset[LegId]
    idle_since: Micros


@dataclass(frozen=True, slots=True)
class OnCall:
    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class WrapUp:
    call: CallId
    until: Micros


AgentState: TypeAlias = Idle | Reserved | Ringing | OnCall | WrapUp
"""What is happening."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    pass


@dataclass(frozen=True, slots=True)
class Reachable:
    contacts: tuple[str, ...]
    """Dial targets, checked by the adapter: one leg is made for each."""


@dataclass(frozen=True, slots=True)
class BusyElsewhere:
    """In use by something that is not ours."""

    contacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settling:
    """Still in use, from our own call that has just ended. Not rung; its end does not restart idleness."""

    contacts: tuple[str, ...]


PhoneState: TypeAlias = Unreachable | Reachable | BusyElsewhere | Settling


@dataclass(slots=True)
class Agent:
    id: AgentId
    status: AgentStatus
    state: AgentState
    phone: PhoneState = field(default_factory=Unreachable)
    device_busy: bool = False
    """What the PBX last said of the device: ringing or in use, by whomever."""
    settles_until: Micros = 0
    """After our own call's end: a device that is said to be busy before then is busy from that call."""
    misses: int = 0
    held_until: Micros | None = None
    """After a ring that was not answered: not offered a call until then."""


# ── a node ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Down:
    since: Micros


@dataclass(frozen=True, slots=True)
class Syncing:
    """The link is back, what was missed is not yet known: facts are kept, commands are dropped (`owed` resends)."""


@dataclass(frozen=True, slots=True)
class Up:
    beat_at: Micros
    """When the heartbeat is next written."""


NodePhase: TypeAlias = Down | Syncing | Up


@dataclass(slots=True)
class Node:
    id: NodeId
    phase: NodePhase
    booted: str = ""
    """Asterisk's startup time as it says it; another value means that all older legs are lost."""


# ── the world ────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class World:
    """Everything the core knows. Mutable; only `engine.step` changes it."""

    policy: Policy
    ids: IdSource
    calls: dict[CallId, Call] = field(default_factory=dict)
    legs: dict[LegId, Leg] = field(default_factory=dict)
    agents: dict[AgentId, Agent] = field(default_factory=dict)
    nodes: dict[NodeId, Node] = field(default_factory=dict)
    trunks: dict[TrunkId, tuple[bool, str]] = field(default_factory=dict)
    """What the PBX last said of each trunk: usable or not, and why."""
    draining: dict[QueueId, frozenset[AgentId]] = field(default_factory=dict)
    """Queues that the configuration no longer has, while callers are in them: their agents serve on."""
    index: Index = field(default_factory=Index)
    _phones: tuple[Policy, dict[PhoneId, tuple[AgentId, ...]]] | None = field(default=None, compare=False, repr=False)
    """Whose each phone is, by the policy that it was made from."""

    def node_up(self, node: NodeId) -> bool:
        """Whether commands reach the node, and what it missed is known."""
        known = self.nodes.get(node)
        return known is not None and isinstance(known.phase, Up)

    def agent_of_phone(self, phone: PhoneId | None) -> Agent | None:
        """The agent who works on the phone."""
        return next((self.agents[a] for a in self._whose(phone)), None)

    def agents_of_phone(self, phone: PhoneId) -> list[Agent]:
        """Everybody who works on the phone, and is here. Asked a dozen times a call: not by a look at all agents."""
        return [self.agents[a] for a in self._whose(phone) if a in self.agents]

    def _whose(self, phone: PhoneId | None) -> tuple[AgentId, ...]:
        if self._phones is None or self._phones[0] is not self.policy:
            whose: dict[PhoneId, tuple[AgentId, ...]] = {}
            for agent in self.policy.agents.values():
                whose[agent.phone] = (*whose.get(agent.phone, ()), agent.id)
            self._phones = self.policy, whose
        return self._phones[1].get(phone, ()) if phone is not None else ()
