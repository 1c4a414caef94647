"""What the operator decided: typed, checked, immutable. It reaches the World as `PolicyChanged`.

Secrets are not here: a policy may be printed, hashed and compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from callctl.core.ids import SECOND, AgentId, MenuId, Micros, NodeId, PhoneId, QueueId, TrunkId

# ── addresses: parsed once, at the edge, never a string again ────────────────────────────────


@dataclass(frozen=True, slots=True)
class E164:
    """A valid number of the public network: digits with country code, without the plus."""

    digits: str

    def __str__(self) -> str:
        return f"+{self.digits}"


@dataclass(frozen=True, slots=True)
class Extension:
    """A number inside the house: digits."""

    digits: str

    def __str__(self) -> str:
        return self.digits


@dataclass(frozen=True, slots=True)
class ShortCode:
    """A listed short number: a service of the network, or a feature code such as *45."""

    digits: str

    def __str__(self) -> str:
        return self.digits


@dataclass(frozen=True, slots=True)
class Emergency:
    """A listed emergency number."""

    digits: str

    def __str__(self) -> str:
        return self.digits


@dataclass(frozen=True, slots=True)
class Withheld:
    """No usable number: withheld by the caller, missing, or not a number; `said` is masked text for people."""

    said: str = ""

    def __str__(self) -> str:
        return "withheld" if not self.said else f"unusable ({self.said})"


Address: TypeAlias = E164 | Extension | ShortCode | Emergency | Withheld

# ── where a call can go ──────────────────────────────────────────────────────────────────────


class HangupReason(StrEnum):
    """ARI's words for a hang-up reason."""

    NORMAL = "normal"
    BUSY = "busy"
    CONGESTION = "congestion"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNALLOCATED = "unallocated"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class ToMenu:
    menu: MenuId


@dataclass(frozen=True, slots=True)
class ToQueue:
    queue: QueueId
    priority: int = 0
    """Higher is served first; within a priority, who waited longer."""


@dataclass(frozen=True, slots=True)
class HangUp:
    reason: HangupReason = HangupReason.NORMAL


@dataclass(frozen=True, slots=True)
class Announce:
    """Play the prompts, then go on."""

    prompts: tuple[str, ...]
    then: ToMenu | ToQueue | HangUp


Destination: TypeAlias = ToMenu | ToQueue | HangUp | Announce


@dataclass(frozen=True, slots=True)
class Menu:
    """One menu of the first IVR. Prompts are Asterisk media URIs (`sound:…`), played as one list."""

    id: MenuId
    prompts: tuple[str, ...]
    options: Mapping[str, Destination]
    """By one digit: 0-9, * or #."""
    give_up: Destination
    """Where the caller goes when `tries` are used up."""
    timeout: Micros = 5 * SECOND
    """How long to wait for a digit after the prompts' end."""
    tries: int = 3
    """How often the prompts are played, in all."""
    invalid: tuple[str, ...] = ()
    """Played after a digit that is no option, before the prompts again."""
    no_input: tuple[str, ...] = ()
    """Played after a timeout, before the prompts again."""
    barge_in: bool = True
    """A digit during the prompts counts, and stops them."""


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    id: QueueId
    music: str = "default"
    """A music-on-hold class of Asterisk."""
    ring_timeout: Micros = 20 * SECOND
    """How long one agent's phone rings before the call goes back to its old place."""
    wrap_up: Micros = 10 * SECOND
    longest_talk: Micros = 4 * 3600 * SECOND
    longest_wait: Micros = 0
    """A caller who has waited so long, and for whom no phone rings, goes where `give_up` says; 0: no limit."""
    give_up: Destination = HangUp()


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
    miss_delay: Micros = 5 * SECOND
    """After a ring that was not answered, the agent is not offered a call for so long."""


class PhoneKind(StrEnum):
    PROVISIONED = "provisioned"
    """A PJSIP endpoint that callctl writes; it registers, and is qualified."""
    EXISTING = "existing"
    """A PJSIP endpoint that the operator keeps."""


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
    nat: bool = False
    srtp: bool = False
    trust_identity: bool = False
    """P-Asserted-Identity and Diversion from this trunk are believed."""
    qualify: Micros = 60 * SECOND
    """Every how long the trunk is asked OPTIONS; 0: never."""
    max_channels: int = 0
    """At most so many calls at once; 0: no limit."""
    emergency: bool = False
    """Emergency calls may go out here, in the order of the file."""


class Feature(StrEnum):
    """What a feature code dialled on an agent's phone does."""

    LOGIN = "login"
    LOGOUT = "logout"
    PAUSE = "pause"
    UNPAUSE = "unpause"


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
    menus: Mapping[MenuId, Menu] = field(default_factory=dict)
    queues: Mapping[QueueId, QueuePolicy] = field(default_factory=dict)
    agents: Mapping[AgentId, AgentPolicy] = field(default_factory=dict)
    phones: Mapping[PhoneId, PhonePolicy] = field(default_factory=dict)
    trunks: Mapping[TrunkId, TrunkPolicy] = field(default_factory=dict)
    features: Mapping[str, Feature] = field(default_factory=dict)
    short_codes: tuple[ShortCode, ...] = ()
    emergency: EmergencyPolicy = field(default_factory=EmergencyPolicy)

    lease: Micros = 90 * SECOND
    """A waiting caller's lease: unrenewed so long, Asterisk takes the caller to the fallback."""
    lease_renewal: Micros = 30 * SECOND
