"""The World: calls, legs, agents, nodes, as values. A phase holds only what is true in it.

Memory is a cache: Asterisk owns what exists, Postgres what was promised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, TypeAlias

from callctl.core.addresses import Address, Withheld
from callctl.core.contacts import Number
from callctl.core.events import Heard
from callctl.core.flows import Flows, Spot
from callctl.core.ids import (
    AgentId,
    AttemptId,
    BridgeId,
    CallId,
    CampaignId,
    ContactId,
    DispositionId,
    IdSource,
    LegId,
    LookupId,
    MenuId,
    Micros,
    NodeId,
    PhoneId,
    PlaybackId,
    QueueId,
    SwitchId,
    TrunkId,
)
from callctl.core.index import Index
from callctl.core.outbound import Outbound
from callctl.core.policy import (
    ANYBODY,
    Drop,
    Feature,
    HangupReason,
    Overflow,
    Policy,
    Requirement,
    Staffed,
    Stage,
    ToNumber,
    Voicemail,
)
from callctl.core.ways import Way

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
    BLOCKED = "blocked"
    """The caller's number is blocked."""
    WAITED_TOO_LONG = "waited_too_long"
    """The caller waited the queue's longest wait, and nobody answered where the call went then."""
    VOICEMAIL = "voicemail"
    """The caller was sent to voicemail."""
    SENT_OUT = "sent_out"
    """The caller was sent to a number of the public network."""
    OVERFLOWED = "overflowed"
    """A queue did not take the caller, or no longer, and nobody answered where the call went then."""
    LEFT_FOR_FALLBACK = "left_for_fallback"
    """The caller left callctl's hands for the dialplan: the lease ended, or somebody redirected the channel."""
    PBX_LOST = "pbx_lost"
    FAILED = "failed"
    NOT_REACHED = "not_reached"
    """Somebody on a list was called, and nobody answered; the attempt says why."""
    MACHINE = "machine"
    """An answering machine, a fax or an announcement answered a call to somebody on a list."""
    HUNG_UP = "hung_up"
    """Somebody on a list answered, and hung up before an agent was to come."""


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
    """The phone declined (603, 480)."""
    BUSY = "busy"
    """The phone said busy (486, 600); many phones say so when their user rejects a call."""
    NOT_ACCEPTED = "not_accepted"
    """Picked up, but not accepted: voicemail or silence on an outside number, or hung up at the whisper."""
    DROPPED = "dropped"
    """Picked up, and hung up at once: the caller waits on."""
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    """Another of the agents who were rung has the call."""
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


@dataclass(frozen=True, init=False)
class Hidden:
    """A value that is kept in memory alone. To dataclasses it has no fields: so nothing of it is stored, printed or
    compared but that it is there."""

    text: ClassVar[str]
    """Empty: forgotten, with the life of callctl in which it was given."""

    def __init__(self, text: str = "") -> None:
        object.__setattr__(self, "text", text)

    def __reduce__(self) -> tuple[type[Hidden], tuple[()]]:
        return Hidden, ()


Value: TypeAlias = str | Hidden


@dataclass(frozen=True, slots=True)
class MenuVisit:
    menu: MenuId
    """Or where keys were pressed in a flow: `flow/node`."""
    at: Micros
    digits: str = ""
    """What was pressed, in order; of what is kept in memory alone a dot for each key."""


@dataclass(frozen=True, slots=True)
class QueueVisit:
    queue: QueueId
    at: Micros
    left: Micros | None = None
    """When the caller was sent on; None: answered there, or gone from there."""
    why: Overflow | None = None


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


@dataclass(frozen=True, slots=True)
class Said:
    """What the agent says that a call came to."""

    disposition: DispositionId
    by: str
    """`agent`, or `default`."""
    amount: int | None = None
    """Of a sale, in hundredths."""
    note: str = ""
    callback_at: Micros | None = None
    mine: bool = False
    """The callback is the agent's own at first."""
    number: Number | None = None
    """Where to call back."""


@dataclass(slots=True)
class Story:
    """The call record in the making: every time of the call's way."""

    answered_by_pbx: Micros | None = None
    menus: list[MenuVisit] = field(default_factory=list)
    queue: QueueId | None = None
    """The last."""
    queued: Micros | None = None
    """When the caller began to wait. Kept where one queue sends on to the next."""
    queues: list[QueueVisit] = field(default_factory=list)
    """The newest, in order; those too that did not take the caller."""
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
    to_ask: bool = False
    """Drawn when the agent had the call: it goes on where the queue says `after`, should the agent end the talk."""
    asked_after: Micros | None = None
    """When the agent had ended the talk and the call went on there; None: the call ended with the talk."""
    said: Said | None = None
    rang: Micros | None = None
    """Of a call to somebody on a list: when the network first said that it rings."""
    picked_up: Micros | None = None
    """Of such a call: when it was answered, by whomever."""
    heard: Heard | None = None
    """Of such a call: what answering machine detection made of it."""
    unsent: bool = False
    """Of such a call: it was never made."""
    counted: str = ""
    """Of such a call: as what the budget has it, `connected` or `abandoned`."""
    given_up: bool = False
    """Of such a call: it rang for long, and whoever had answered would have found no agent."""
    harboured: Micros | None = None
    """Of such a call: when the safe harbour's message began, since no agent had come."""
    message_left: Micros | None = None
    """Of such a call: when the message for an answering machine had been played to its end. Of a caller's:
    when a message in a mailbox had been left; None: none was kept."""
    path: tuple[str, ...] = ()
    """The nodes of flows that the caller came through, the newest in order: `flow/node`."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What flows wrote down: the answers of a survey, say. Never changed in place."""

    @property
    def talk_ended(self) -> Micros | None:
        """When the talk was over, if there was one; None: it goes on."""
        return self.asked_after if self.asked_after is not None else self.ended


# ── a call ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Arrived:
    """Before its first destination. Left within the step that entered it."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """A call to somebody on a list, not yet answered."""

    until: Micros
    """Then it has rung long enough, or has not even begun to."""
    rings: bool = False
    """The network has said so."""


@dataclass(frozen=True, slots=True)
class Detecting:
    """Such a call was answered; the dialplan finds out whether a person did."""

    until: Micros
    """Then it has taken too long."""


@dataclass(frozen=True, slots=True)
class InMenu:
    menu: MenuId
    tries: int
    """How often the prompts have been started, this one included."""
    playing: PlaybackId | None
    digit_by: Micros | None
    """Set when the prompts have ended: a digit is waited for until then."""
    heard_by: Micros | None = None
    """Set while they play: then they count as heard, though nobody has said so."""
    spot: Spot | None = None
    """In a flow: where."""
    digits: Value = ""
    """Where several are asked for: those pressed so far."""


@dataclass(frozen=True, slots=True)
class Announcing:
    playing: PlaybackId
    prompts: tuple[str, ...]
    then: Way
    heard_by: Micros | None = None
    """As in a menu."""
    spot: Spot | None = None
    """In a flow: where."""


@dataclass(frozen=True, slots=True)
class LookingUp:
    """A flow has asked somebody, and the caller waits for the answer."""

    spot: Spot
    request: LookupId
    """Names the question: a ULID of ours."""
    since: Micros
    until: Micros
    """Then it has taken too long."""
    playing: PlaybackId | None = None
    heard_by: Micros | None = None
    """As in a menu."""


@dataclass(frozen=True, slots=True)
class Place:
    """A caller's place in a queue. It is kept while a phone rings, and should a bridge fail."""

    queue: QueueId
    priority: int
    since: Micros
    """When the caller began to wait."""
    entered: Micros = 0
    """When the caller came into this queue."""
    credit: Micros = 0
    """How long the caller had waited in an earlier call, and left: it counts for the score."""
    leave_by: Micros | None = None
    """The queue's longest wait; None: no limit."""
    stages: tuple[Stage, ...] = ()
    """The caller's own, in place of the queue's."""
    asks: Requirement = ANYBODY
    """What is asked of an agent now."""
    relax_at: Micros | None = None
    """When something else will be asked; None: never."""
    says_at: Micros | None = None
    """When the caller is next told something, or should have been told it; None: never."""
    said: int = 0
    """How often the caller has been."""
    playing: PlaybackId | None = None
    """What the caller is being told, out of the music."""
    wants: AgentId | None = None
    wants_until: Micros | None = None
    """The agent for whom the caller waits until then, and no other."""
    alone_by: Micros | None = None
    """Set while the queue is not staffed: when the caller goes where `unstaffed` says."""
    harbour_by: Micros | None = None
    """Of somebody who was called: when the grace is over, and the safe harbour's message is owed."""


@dataclass(frozen=True, slots=True)
class Queued:
    place: Place


@dataclass(frozen=True, slots=True)
class Rung:
    """An agent whose phone rings, or who has picked up and not yet accepted."""

    agent: AgentId
    until: Micros
    """Then it is a miss."""


@dataclass(frozen=True, slots=True)
class Offered:
    """Phones ring for this call: one agent's, unless the strategy rings several."""

    place: Place
    rings: tuple[Rung, ...]
    more_at: Micros | None = None
    """When more agents are rung as well; None: never."""
    several: bool = False
    """The strategy rings several."""

    @property
    def agents(self) -> tuple[AgentId, ...]:
        return tuple(rung.agent for rung in self.rings)


@dataclass(frozen=True, slots=True)
class Connected:
    place: Place
    agent: AgentId
    agent_leg: LegId
    talk_until: Micros
    attempt: int = 0
    """How often the two had to be joined again. A failure that is told of an earlier attempt says nothing."""
    own: BridgeId = BridgeId("")
    """The bridge's id, where the agent's leg is an open line, which has one with each caller; empty: the leg's."""

    @property
    def bridge(self) -> BridgeId:
        return self.own or BridgeId(self.agent_leg)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The dialplan has the caller, as configured; callctl waits for the end."""

    to: Voicemail | ToNumber | Drop
    at: Micros
    taken: bool = False
    """The channel has left callctl's app, as it was sent."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more will happen to the caller; kept until its legs are gone and wrap-up is over."""

    at: Micros
    reason: HangupReason


CallPhase: TypeAlias = (
    Arrived | Dialled | Detecting | InMenu | Announcing | LookingUp | Queued | Offered | Connected | HandedOver | Ended
)


@dataclass(frozen=True, slots=True)
class Flow:
    """Queues that have sent the caller on, and the wait there; forgotten with the next key that the caller presses."""

    since: Micros | None
    """When the caller began to wait; None: no queue has taken them yet."""
    queues: tuple[QueueId, ...]


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
    called: str = ""
    """The number that was dialled, as it was understood; for flows."""
    language: str = ""
    """Of what is played; empty: the channel's own."""
    values: Mapping[str, Value] = field(default_factory=dict)
    """What flows know of the caller, by name. Never changed in place."""
    trunk: TrunkId | None = None
    phone: PhoneId | None = None
    diverted_from: Address | None = None
    feature: Feature | None = None
    flow: Flow | None = None
    """Set while the caller is on a way that began with being sent on from a queue."""
    lease_renew: Micros | None = None
    """When to renew the waiting caller's lease."""
    story: Story = field(default_factory=Story)
    campaign: CampaignId | None = None
    """Of a call to somebody on a list: `caller` is who is called, `dialled` the number, `trunk` the one it goes out
    over."""
    attempt: AttemptId | None = None
    contact: ContactId | None = None
    number_at: int = 0
    """Which of the contact's numbers, from 0."""
    wants: AgentId | None = None
    """Of such a call: the agent for whom it is made."""
    tone: PlaybackId | None = None
    """The ringing tone that this agent hears meanwhile."""

    @property
    def is_answered(self) -> bool:
        """Whether the caller pays."""
        return self.story.answered_by_pbx is not None


class LegRole(StrEnum):
    CALLER = "caller"
    """Also of who is called by a campaign."""
    AGENT = "agent"
    LINE = "line"
    """An agent's open line: in no call of its own."""


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
    up_since: Micros = 0
    """Of a leg that callctl made: when it was answered; 0: not yet."""
    over: TrunkId | None = None
    """Of a leg to a number outside: the trunk that it was dialled over."""
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
    over: TrunkId | None = None
    """The trunk over which a number outside is rung; None: a phone of the house. A reload may say otherwise since."""


@dataclass(frozen=True, slots=True)
class Ringing:
    """At least one contact rings. Stays until the last leg is gone, though the call may have moved on."""

    call: CallId
    legs: frozenset[LegId]
    idle_since: Micros
    over: TrunkId | None = None


@dataclass(frozen=True, slots=True)
class Briefed:
    """The agent has picked up, and alone hears what call it is; the caller still waits."""

    call: CallId
    leg: LegId
    idle_since: Micros
    playing: PlaybackId | None
    over: TrunkId | None = None

    @property
    def confirm(self) -> bool:
        """The agent must press a key to have the call: voicemail may have picked up. Else it is theirs when the prompts
        end."""
        return self.over is not None

    @property
    def legs(self) -> frozenset[LegId]:
        return frozenset({self.leg})


@dataclass(frozen=True, slots=True)
class OnCall:
    call: CallId
    leg: LegId
    over: TrunkId | None = None


@dataclass(frozen=True, slots=True)
class WrapUp:
    call: CallId
    until: Micros


@dataclass(frozen=True, slots=True)
class Previewing:
    """The agent looks at a contact before it is called."""

    campaign: CampaignId
    contact: ContactId
    since: Micros
    until: Micros | None
    """Then what the campaign's preview says is done; None: there is no hurry."""
    dials: bool = False
    """It is to be called as soon as the agent is on the line."""


@dataclass(frozen=True, slots=True)
class Dialling:
    """A call for this agent goes out."""

    call: CallId


AgentState: TypeAlias = Idle | Reserved | Ringing | Briefed | OnCall | WrapUp | Previewing | Dialling
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


@dataclass(frozen=True, slots=True)
class Tally:
    """What an agent has done for one queue since logging in."""

    answered: int = 0
    ended: Micros = 0
    """When the last call of it ended; 0: none has."""
    rung: Micros = 0
    """When the phone was last rung for it; 0: never."""


@dataclass(frozen=True, slots=True)
class Line:
    """The agent's phone stays on the line while the agent is available."""

    legs: frozenset[LegId]
    """One for each contact that rings; of one that is up: that leg alone."""
    up: bool = False
    until: Micros | None = None
    """Of one that rings: when it has rung long enough."""


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
    talked: Micros = 0
    """How long, since logging in."""
    tallies: Mapping[QueueId, Tally] = field(default_factory=dict)
    """Never changed in place: a row may be on its way with it."""
    line: Line | None = None
    """Of an agent who is nailed up, or for whom a call is about to go out."""

    def is_on_line(self, leg: LegId) -> bool:
        """Whether this leg stays when the talk is over."""
        return self.line is not None and leg in self.line.legs

    @property
    def open_line(self) -> LegId | None:
        """The leg on which the agent is at once; None: the phone must be rung."""
        return next(iter(self.line.legs)) if self.line is not None and self.line.up else None


# ── a trunk's calls out ──────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Usage:
    """What has gone out over a trunk on one day, emergency calls apart."""

    id: TrunkId
    day: int
    """Days since 1970-01-01, UTC."""
    calls: int = 0
    lasted: Micros = 0
    """Of the calls that are over."""


# ── a switch ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Switch:
    """It is on. One that is off has nothing to be remembered by."""

    id: SwitchId
    since: Micros
    by: str
    """Who turned it on, for people."""


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


@dataclass(frozen=True, slots=True)
class LeftWaiting:
    """A caller who left a queue unserved, and may come back."""

    queue: QueueId
    waited: Micros
    at: Micros


@dataclass(frozen=True, slots=True)
class _People:
    """What follows from a policy about its agents."""

    policy: Policy
    whose: Mapping[PhoneId, tuple[AgentId, ...]]
    """Whose each phone is."""
    order: Mapping[AgentId, int]
    serving: Mapping[QueueId, tuple[AgentId, ...]]
    guarded: Mapping[AgentId, tuple[QueueId, ...]]
    """By agent, the queues of which a rule says that somebody must be there."""


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
    turns: dict[QueueId, AgentId] = field(default_factory=dict)
    """Who was rung last for a queue; follows from the agents' tallies."""
    last_agents: dict[str, tuple[AgentId, Micros]] = field(default_factory=dict)
    """By the caller's number: who talked with them last, and when that ended. The newest are kept."""
    flows: dict[str, Flows] = field(default_factory=dict)
    """By version, those that a caller has entered and may be inside."""
    left: dict[str, LeftWaiting] = field(default_factory=dict)
    """By the caller's number: who left while waiting, where that counts when they call again. The newest are kept."""
    usage: dict[TrunkId, Usage] = field(default_factory=dict)
    unstaffed: set[QueueId] = field(default_factory=set)
    """Queues of which a rule says that somebody must be there, and nobody is; follows from the agents."""
    switches: dict[SwitchId, Switch] = field(default_factory=dict)
    """Those that are on."""
    outbound: Outbound = field(default_factory=Outbound)
    index: Index = field(default_factory=Index)
    _people: _People | None = field(default=None, compare=False, repr=False)

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

    def order_of(self, agent: AgentId | None) -> int:
        """The agent's place in the file's order, from 0; −1 for nobody."""
        return self._known_people().order.get(agent, -1) if agent is not None else -1

    def _whose(self, phone: PhoneId | None) -> tuple[AgentId, ...]:
        return self._known_people().whose.get(phone, ()) if phone is not None else ()

    def _known_people(self) -> _People:
        if self._people is None or self._people.policy is not self.policy:
            whose: dict[PhoneId, tuple[AgentId, ...]] = {}
            for agent in self.policy.agents.values():
                whose[agent.phone] = (*whose.get(agent.phone, ()), agent.id)
            serving: dict[QueueId, list[AgentId]] = {}
            for agent in self.policy.agents.values():
                for queue in agent.queues:
                    serving.setdefault(queue, []).append(agent.id)
            order = {name: at for at, name in enumerate(self.policy.agents)}
            rules = {q.id for q in self.policy.queues.values() if q.staffed is not Staffed.ANYWAY}
            guarded = {a.id: tuple(q for q in a.queues if q in rules) for a in self.policy.agents.values()}
            served = {queue: tuple(names) for queue, names in serving.items()}
            self._people = _People(self.policy, whose, order, served, guarded)
        return self._people

    def served_by(self, agent: AgentId) -> tuple[QueueId, ...]:
        """The queues that an agent serves, those that drain among them."""
        policy = self.policy.agents.get(agent)
        own = policy.queues if policy is not None else ()
        return (*own, *(queue for queue, who in self.draining.items() if agent in who)) if self.draining else own

    def guarded_by(self, agent: AgentId) -> tuple[QueueId, ...]:
        """The agent's queues of which a rule says that somebody must be there, and those that drain."""
        own = self._known_people().guarded.get(agent, ())
        return (*own, *(queue for queue, who in self.draining.items() if agent in who)) if self.draining else own

    def serving(self, queue: QueueId) -> tuple[AgentId, ...]:
        """The agents of a queue; of one that drains, those who drain it."""
        return (*self._known_people().serving.get(queue, ()), *sorted(self.draining.get(queue, ())))
