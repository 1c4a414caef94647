"""What the operator decided: typed, checked, immutable. It reaches the World as `PolicyChanged`.

Secrets are not here: a policy may be printed, hashed and compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from callctl.core.addresses import E164, Address, Emergency, Extension, ShortCode
from callctl.core.campaigns import CampaignPolicy, Disposition, DispositionPolicy
from callctl.core.flows import NO_FLOWS, Flows
from callctl.core.flows import Menu as Menu
from callctl.core.hours import Calendar
from callctl.core.ids import (
    SECOND,
    AgentId,
    CalendarId,
    CampaignId,
    DispositionId,
    MailboxId,
    MenuId,
    Micros,
    NodeId,
    PhoneId,
    QueueId,
    SkillId,
    SwitchId,
    TrunkId,
)
from callctl.core.law import RuleSet
from callctl.core.ways import ANYBODY as ANYBODY
from callctl.core.ways import MAILBOXES as MAILBOXES
from callctl.core.ways import Announce as Announce
from callctl.core.ways import Destination as Destination
from callctl.core.ways import HangUp as HangUp
from callctl.core.ways import HangupReason as HangupReason
from callctl.core.ways import OptOut as OptOut
from callctl.core.ways import OutsideNumber as OutsideNumber
from callctl.core.ways import Requirement as Requirement
from callctl.core.ways import Stage as Stage
from callctl.core.ways import ToFlow as ToFlow
from callctl.core.ways import ToMenu as ToMenu
from callctl.core.ways import ToNumber as ToNumber
from callctl.core.ways import ToQueue as ToQueue
from callctl.core.ways import Voicemail as Voicemail

OF_ALL = 100_000
"""Shares are whole numbers of so many: three decimals of a percent."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A message for an answering machine: the dialplan waits for the beep, plays it, and ends the call."""

    prompts: tuple[str, ...]


class Strategy(StrEnum):
    """Which of the free agents who fit is rung, those of the lowest penalty and of the most preferred skills first.
    Exactly defined in docs/acd.md; the names are app_queue's, where it has them."""

    LONGEST_IDLE = "longest-idle"
    """Who has been idle longest, whatever the queue of the last call."""
    LEAST_RECENT = "leastrecent"
    """Whose last call of this queue ended longest ago."""
    FEWEST_CALLS = "fewestcalls"
    """Who has answered the fewest calls of this queue since logging in."""
    LEAST_TALK_TIME = "least-talk-time"
    """Who has talked least since logging in, over all queues."""
    RANDOM = "random"
    RR_MEMORY = "rrmemory"
    """The next in the file's order after the one who was rung last for this queue."""
    LINEAR = "linear"
    """The first in the file's order."""
    RING_ALL = "ringall"
    """All of them at once; after each `ring_more`, all who are free then as well."""
    RING_PROGRESSIVELY = "ring-progressively"
    """Who has been idle longest; after each `ring_more` the next as well, while the others ring on."""


RINGS_SEVERAL = frozenset({Strategy.RING_ALL, Strategy.RING_PROGRESSIVELY})
"""Several agents' phones ring for one caller; who accepts first has the call."""


class Staffed(StrEnum):
    """Who must be there for a queue to count as staffed."""

    ANYWAY = "anyway"
    """Nobody: callers wait however it is."""
    LOGGED_IN = "logged_in"
    """At least one agent who is not logged out."""
    AVAILABLE = "available"
    """At least one agent who is neither logged out nor paused."""


class Overflow(StrEnum):
    """Why a caller is sent on from a queue."""

    CLOSED = "closed"
    """Out of hours, or by a switch."""
    FULL = "full"
    UNSTAFFED = "unstaffed"
    WAITED = "waited"
    """The longest wait is over."""
    EXIT_KEY = "exit_key"
    """The caller pressed a key."""
    AGAIN = "again"
    """The caller had been sent on from this very queue before, without having pressed a key since."""


class Answering(StrEnum):
    """When a caller who comes straight into a queue is answered."""

    ON_ENTRY = "on_entry"
    """At once: the caller pays from then on, and hears music and words."""
    ON_AGENT = "on_agent"
    """When an agent has the call: the caller hears the ringing tone until then, as long as the network lets it ring."""


@dataclass(frozen=True, slots=True)
class WaitingWords:
    """What a waiting caller hears beside the music."""

    first: Micros = 15 * SECOND
    """After so long in the queue."""
    every: Micros = 60 * SECOND
    """And so long after the end of each; 0: once."""
    position: bool = False
    """The caller's place comes first."""
    prompts: tuple[tuple[str, ...], ...] = ()
    """One of these each time, in turn."""


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    id: QueueId
    strategy: Strategy = Strategy.LONGEST_IDLE
    weight: int = 0
    """Points of each caller's score, beside the callers of other queues."""
    ageing: int = 1
    """Points that a caller's score gains with each minute of waiting; 0: who has fewer points may wait for ever."""
    stages: tuple[Stage, ...] = ()
    """What is asked of an agent, by the time that the caller has waited; the first is from the start."""
    answer: Answering = Answering.ON_ENTRY
    music: str = "default"
    """A music-on-hold class of Asterisk."""
    words: WaitingWords | None = None
    ring_timeout: Micros = 20 * SECOND
    """How long one agent's phone rings before the call goes back to its old place."""
    ring_more: Micros = 5 * SECOND
    """Of the strategies that ring several: after how long more agents are rung as well."""
    whisper: tuple[str, ...] = ()
    """Prompts that the agent alone hears on picking up; then the two are joined."""
    display: str = "{name}"
    """What the agent's phone shows as the caller's name. See `display`."""
    wrap_up: Micros = 10 * SECOND
    least_talk: Micros = 1 * SECOND
    """An agent who hangs up sooner has not talked: a miss, and the caller waits on at the old place; 0: a talk."""
    longest_talk: Micros = 4 * 3600 * SECOND
    longest_wait: Micros = 0
    """A caller who has waited so long, and for whom no phone rings, goes where `give_up` says; 0: no limit."""
    give_up: Destination = HangUp()
    hours: CalendarId | None = None
    """None: always open. It is looked at when a caller comes: who waits already may go on waiting."""
    closed_while: tuple[SwitchId, ...] = ()
    """Closed at any time while one of these switches is on: looked at when a caller comes, as the hours are."""
    closed: Destination = HangUp()
    """Where a caller goes who comes out of hours, or while it is closed by a switch."""
    max_waiting: int = 0
    """Callers who wait at the same time, those whose agent's phone rings among them; 0: no limit."""
    full: Destination = HangUp(HangupReason.BUSY)
    """Where a caller goes who comes while so many wait."""
    staffed: Staffed = Staffed.ANYWAY
    unstaffed: Destination = HangUp()
    """Where callers go while the queue is not staffed: who comes, and who waits."""
    unstaffed_after: Micros = 0
    """Who waits already goes after it has not been staffed for so long."""
    exit_keys: Mapping[str, Destination] = field(default_factory=dict)
    """Where a key leads that a waiting caller presses."""
    returns: Micros = 0
    """Who left while waiting and calls again within so long has that wait counted; 0: it is forgotten."""
    service_level: Micros = 20 * SECOND
    """Within how long callers should be answered; nothing is decided by it."""
    short_abandon: Micros = 5 * SECOND
    """Who leaves sooner than this is no lost caller; nothing is decided by it."""
    last_agent: Micros = 0
    """A caller who talked with an agent of this queue within so long waits for that agent at first; 0: for nobody."""
    patience: Micros = 20 * SECOND
    """How long a caller waits for one agent, who must be available meanwhile; then for any who fits."""
    after: Destination = HangUp()
    """Where a caller goes when the agent has hung up after a talk: to a menu, an announcement or voicemail."""
    after_share: int = OF_ALL
    """Of how many callers, of `OF_ALL`; they are drawn."""
    dispositions: DispositionPolicy = DispositionPolicy()
    """What agents say of its calls."""


@dataclass(frozen=True, slots=True)
class CallerPolicy:
    """What is known of one caller's number."""

    name: str = ""
    """For people."""
    priority: int = 0
    """Points, beside the destination's."""
    agent: AgentId | None = None
    """Theirs: waited for at first, in queues that the agent serves."""
    blocked: bool = False


class DefaultStatus(StrEnum):
    LOGGED_OUT = "logged_out"
    AVAILABLE = "available"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class AgentPolicy:
    id: AgentId
    name: str
    phone: PhoneId
    queues: tuple[QueueId, ...]
    default: DefaultStatus = DefaultStatus.LOGGED_OUT
    """The status after the first start; afterwards what the agent chose is kept."""
    misses: int = 3
    """After so many missed rings in a row by a reachable phone: paused with reason `missed_calls`."""
    ring_timeout: Micros | None = None
    """In place of the queue's."""
    miss_delay: Micros = 5 * SECOND
    """After a ring that was not answered, the agent is not offered a call for so long."""
    busy_delay: Micros | None = None
    """After a phone that was busy; None: as after any miss."""
    reject_delay: Micros | None = None
    """After a call that was declined; None: as after any miss."""
    penalties: Mapping[QueueId, int] = field(default_factory=dict)
    """Of the queues where the agent comes after others; 0 where none is given."""
    skills: Mapping[SkillId, int] = field(default_factory=dict)
    """Levels, from 1 to 100."""
    nailed_up: bool = False
    """While available the agent's phone stays on the line (rung once), and each call comes in with a beep."""


class PhoneKind(StrEnum):
    PROVISIONED = "provisioned"
    """A PJSIP endpoint that callctl writes; it registers, and is qualified."""
    EXISTING = "existing"
    """A PJSIP endpoint that the operator keeps."""
    OUTSIDE = "outside"
    """A number of the public network, rung over a trunk; who answers there must press a key to accept the call."""


class AutoAnswer(StrEnum):
    """How a phone is told to answer by itself: which header it understands."""

    NO = "no"
    ANSWER_AFTER = "answer-after"
    """`Call-Info: …;answer-after=0`: Yealink, Grandstream, Snom, Cisco SPA, Linphone, baresip."""
    ALERT_INFO = "alert-info"
    """`Alert-Info: …;info=alert-autoanswer`: Fanvil, Grandstream, Mitel (Aastra), Yealink."""
    RING_ANSWER = "ring-answer"
    """`Alert-Info: Ring Answer`: Polycom."""
    ANSWER_MODE = "answer-mode"
    """`Answer-Mode: Auto`: RFC 5373."""


@dataclass(frozen=True, slots=True)
class PhonePolicy:
    id: PhoneId
    kind: PhoneKind
    endpoint: str
    """The PJSIP endpoint's name; checked to be letters, digits, dot, dash and underscore."""
    node: NodeId
    extension: Extension | None = None
    emergency_caller: E164 | None = None
    """The caller ID that an emergency call from this phone shows; a call-back to it reaches this phone."""
    webrtc: bool = False
    codecs: tuple[str, ...] = ("alaw", "ulaw")
    max_contacts: int = 2
    language: str = ""
    """Of Asterisk's sounds that are played to it; empty: Asterisk's own default."""
    auto_answer: AutoAnswer = AutoAnswer.NO
    outside: OutsideNumber | None = None
    """Of a phone that is `outside`, and of no other."""
    confirm: tuple[str, ...] = ("sound:silence/1", "sound:vm-press", "sound:digits/1", "sound:silence/2")
    """Of a phone that is `outside`: what is said there, twice, before the key is pressed that accepts a call."""


class TrunkKind(StrEnum):
    REGISTER = "register"
    IP = "ip"


class Transport(StrEnum):
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class DidFrom(StrEnum):
    REQUEST = "request"
    TO = "to"


@dataclass(frozen=True, slots=True)
class NumberRules:
    """How numbers are written on a trunk. ITU-T E.164 for the international form."""

    country: str = "US"
    """ISO 3166 code of the country in whose national form numbers without a prefix are read."""
    send: str = "+"
    """How numbers are sent: `+` (+33…), `00` (0033…) or `national` (the country's own form at home, else 00)."""
    did_from: DidFrom = DidFrom.REQUEST


@dataclass(frozen=True, slots=True)
class TrunkPolicy:
    id: TrunkId
    kind: TrunkKind
    node: NodeId
    host: str
    port: int = 5060
    transport: Transport = Transport.UDP
    username: str = ""
    match: tuple[str, ...] = ()
    """Addresses (IP, IP:port or network) that calls come from; `host` if empty."""
    numbers: NumberRules = field(default_factory=NumberRules)
    codecs: tuple[str, ...] = ("alaw", "ulaw")
    dtmf: str = "rfc4733"
    language: str = ""
    """Of Asterisk's sounds that its callers hear; empty: Asterisk's own default."""
    nat: bool = False
    srtp: bool = False
    trust_identity: bool = False
    """P-Asserted-Identity and Diversion from this trunk are believed."""
    qualify: Micros = 60 * SECOND
    """Every how long the trunk is asked OPTIONS; 0: never."""
    max_channels: int = 0
    """At most so many calls at once; 0: no limit."""
    keep_free: int = 0
    """Of these, so many are left to callers, transfers and emergencies: campaigns do not take them."""
    calls_a_second: int = 0
    """At most so many campaigns' calls begin within a second; 0: no limit."""
    back_off: Micros = 5 * SECOND
    """After a failure of the trunk's (503, congestion, no answer to INVITE) campaigns leave it alone for so long, twice
    as long after each further one in a row, ten minutes at the most."""
    fast_answer: Micros = 0
    """An answer sooner than this after the INVITE is flagged: hardly a person's; 0: never."""
    calls_a_day: int = 500
    """At most so many calls out on a day (UTC), emergency calls apart."""
    minutes_a_day: int = 3000
    """No call out any more on a day (UTC) on which calls out have lasted so long, emergency calls apart."""
    emergency: bool = False
    """Emergency calls may go out here, in the order of the file."""


@dataclass(frozen=True, slots=True)
class DialingRules:
    """Against toll fraud: what may be dialled at all. By digits, with country code."""

    allowed: tuple[str, ...] = ()
    """Numbers that begin with one of these; none: nothing outside is dialled."""
    refused: tuple[str, ...] = ()
    """Of these, the ones that are not."""
    premium: bool = False
    """Premium-rate numbers may be dialled."""
    longest: Micros = 2 * 3600 * SECOND
    """A caller who was sent to an outside number is cut off there after so long."""
    stopped: bool = False
    """The kill switch: nothing outside is dialled, emergency calls apart."""


class Feature(StrEnum):
    """What a feature code dialled on an agent's phone does."""

    LOGIN = "login"
    LOGOUT = "logout"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    DISPOSITION = "disposition"
    """Says what the call in wrap-up came to: the disposition of this code."""
    SWITCH = "switch"
    """Turns the switch of this code on, or off if it is on."""
    VOICEMAIL = "voicemail"
    """Plays the messages of the phone's mailbox. The dialplan's alone: it needs no callctl."""


@dataclass(frozen=True, slots=True)
class SwitchPolicy:
    """Something that people turn on and off, such as an emergency closure."""

    id: SwitchId
    description: str = ""
    """For people."""
    code: str = ""
    """Dialled on a phone of the house it turns the switch; empty: it has none."""
    on_says: tuple[str, ...] = ("sound:activated",)
    """What who dialled the code hears when it is on now."""
    off_says: tuple[str, ...] = ("sound:de-activated",)
    """The same when it is off now."""
    may: tuple[AgentId, ...] = ()
    """Who may turn it by its code; none: every phone of the house."""


@dataclass(frozen=True, slots=True)
class MailboxPolicy:
    """A mailbox of Asterisk's voicemail, as callctl writes it there."""

    id: MailboxId
    name: str
    email: str = ""
    """Where Asterisk sends each message, if it has a mail server; empty: nowhere."""
    greeting: tuple[str, ...] = ()
    """Plain sounds in place of Asterisk's own words, or of what the box's owner has recorded."""
    beep: bool = True
    longest: Micros = 180 * SECOND
    """Of a message: then it is cut."""
    shortest: Micros = 2 * SECOND
    """A message that is shorter is not kept."""
    lamp: tuple[PhoneId, ...] = ()
    """Phones that show whether a new message is there."""


@dataclass(frozen=True, slots=True)
class EmergencyPolicy:
    numbers: tuple[Emergency, ...] = ()
    callback_window: Micros = 3600 * SECOND
    """How long after an emergency call its caller ID leads back to that phone."""


@dataclass(frozen=True, slots=True)
class Policy:
    """All of it. `sha` names the configuration that it came from."""

    sha: str = ""
    default_node: NodeId = NodeId("pbx")
    country: str = "US"
    entries: Mapping[Address, Destination] = field(default_factory=dict)
    unknown_number: Destination = field(default_factory=lambda: HangUp(HangupReason.UNALLOCATED))
    callers: Mapping[Address, CallerPolicy] = field(default_factory=dict)
    blocked: Destination = field(default_factory=lambda: HangUp(HangupReason.REJECTED))
    """Where a blocked caller goes."""
    last_resort: Destination = HangUp()
    """Where a caller goes who would enter a queue again that they were sent on from: no queue, and no menu."""
    calendars: Mapping[CalendarId, Calendar] = field(default_factory=dict)
    menus: Mapping[MenuId, Menu] = field(default_factory=dict)
    flows: Flows = NO_FLOWS
    """Who comes now walks these; who is inside walks on the version that they began."""
    queues: Mapping[QueueId, QueuePolicy] = field(default_factory=dict)
    agents: Mapping[AgentId, AgentPolicy] = field(default_factory=dict)
    phones: Mapping[PhoneId, PhonePolicy] = field(default_factory=dict)
    trunks: Mapping[TrunkId, TrunkPolicy] = field(default_factory=dict)
    features: Mapping[str, Feature] = field(default_factory=dict)
    switches: Mapping[SwitchId, SwitchPolicy] = field(default_factory=dict)
    short_codes: tuple[ShortCode, ...] = ()
    emergency: EmergencyPolicy = field(default_factory=EmergencyPolicy)
    dialing: DialingRules = field(default_factory=DialingRules)
    rule_sets: tuple[RuleSet, ...] = ()
    """The law's, of all countries that are called."""
    campaigns: Mapping[CampaignId, CampaignPolicy] = field(default_factory=dict)
    dispositions: Mapping[DispositionId, Disposition] = field(default_factory=dict)
    mailboxes: Mapping[MailboxId, MailboxPolicy] = field(default_factory=dict)
    silence: Micros = 5 * SECOND
    """Ends a message, in every mailbox: Asterisk has one for all."""

    lease: Micros = 90 * SECOND
    """A waiting caller's lease: unrenewed so long, Asterisk takes the caller to the fallback."""
    lease_renewal: Micros = 30 * SECOND
