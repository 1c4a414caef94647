"""Facts that come in: what happened in Asterisk, what a person asked, that time passed."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from callctl.core.addresses import E164, Address, Emergency
from callctl.core.contacts import Contact, Number
from callctl.core.hours import Offsets
from callctl.core.ids import (
    AgentId,
    CallId,
    CampaignId,
    ContactId,
    DispositionId,
    LegId,
    Micros,
    NodeId,
    PhoneId,
    PlaybackId,
    SwitchId,
    TrunkId,
)
from callctl.core.lookups import LookedUp as LookedUp
from callctl.core.policy import Policy

# ── from the PBX ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class CallArrived:
    """A channel entered callctl from a trunk or a phone."""

    node: NodeId
    leg: LegId
    dialled: Address
    dialled_text: str
    """As dialled, for people: printable, at most 80 characters."""
    caller: Address
    caller_name: str
    trunk: TrunkId | None = None
    phone: PhoneId | None = None
    diverted_from: Address | None = None
    feature_code: str = ""
    """Non-empty: a feature code was dialled on a phone."""


@dataclass(frozen=True, slots=True)
class LegRinging:
    node: NodeId
    leg: LegId


@dataclass(frozen=True, slots=True)
class LegUp:
    """A leg to somebody on a list was answered; the dialplan has it still, to find out whether a person did."""

    node: NodeId
    leg: LegId


class Heard(StrEnum):
    """What answering machine detection made of an answer."""

    NOTHING = "nothing"
    """Nobody listened: detection is off."""
    HUMAN = "human"
    MACHINE = "machine"
    UNSURE = "unsure"
    SILENCE = "silence"
    """Nobody said anything within the time."""
    FAX = "fax"
    SIT = "sit"
    """A special information tone: the number does not exist, or cannot be reached (ITU-T E.180)."""


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """A leg that callctl made was answered and stands in callctl's app."""

    node: NodeId
    leg: LegId
    heard: Heard = Heard.NOTHING
    quiet: Micros = 0
    """Of a human who spoke: how long before this the greeting ended."""
    late: bool = False
    """Found in a list: when it was, nobody saw."""


@dataclass(frozen=True, slots=True)
class MessageLeft:
    """By the dialplan: a message for an answering machine was played to its end, after the beep; or a caller has left
    one in a mailbox."""

    node: NodeId
    leg: LegId
    length: Micros = 0
    """Of a caller's message."""


@dataclass(frozen=True, slots=True)
class LegLeft:
    """A channel left callctl's app; if it hung up, `LegGone` follows."""

    node: NodeId
    leg: LegId


@dataclass(frozen=True, slots=True)
class LegGone:
    """A channel exists no more, or could never be made."""

    node: NodeId
    leg: LegId
    cause: int = 0
    """Q.850 cause; 0: unknown."""
    sip: int = 0
    """SIP status; 0: unknown."""
    unsent: bool = False
    """Its `Dial` never went out: no phone rang, and no trunk was asked."""


@dataclass(frozen=True, slots=True)
class DigitPressed:
    node: NodeId
    leg: LegId
    digit: str
    """One of 0-9 A-D * #; the adapter lets nothing else through."""


@dataclass(frozen=True, slots=True)
class PlaybackEnded:
    node: NodeId
    leg: LegId
    playback: PlaybackId
    failed: bool = False


@dataclass(frozen=True, slots=True)
class BridgeFailed:
    """The two legs could not be joined."""

    node: NodeId
    call: CallId
    agent: LegId
    """The agent's leg: the call may have another by now."""
    why: str
    attempt: int = 0
    """The `Bridge`'s."""


class LegState(StrEnum):
    DOWN = "down"
    RINGING = "ringing"
    UP = "up"


@dataclass(frozen=True, slots=True)
class LegSeen:
    """A channel in a snapshot."""

    leg: LegId
    state: LegState
    in_app: bool
    """Stands in callctl's app: commands reach it."""
    bridge: str = ""
    """The id of the bridge it stands in; empty: none."""
    arrival: CallArrived | LegAnswered | None = None
    """How it came into the app, where the PBX can still tell; of a leg that callctl dialled: with what was heard."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a node says exists."""

    legs: tuple[LegSeen, ...] = ()
    bridges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The way to the PBX is gone. It means nothing yet about the calls there."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class LinkRestored:
    """The way is back; `booted` tells whether it is the same PBX process. Buffered events follow, then `Synced`."""

    node: NodeId
    booted: str


@dataclass(frozen=True, slots=True)
class Synced:
    """The snapshot after a (re)connect, or of the periodic audit. `named`: legs that the buffered events named,
    about which the events are right and the lists may be wrong; `gone`: those of them that have ended, or left the
    app. Who is named and not gone may still be nobody's: events before these can have been lost."""

    node: NodeId
    snapshot: Snapshot
    named: frozenset[LegId] = frozenset()
    gone: frozenset[LegId] = frozenset()


@dataclass(frozen=True, slots=True)
class PhoneContacts:
    """The contacts of a phone that can be rung now; empty: unreachable."""

    node: NodeId
    phone: PhoneId
    contacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhoneBusy:
    """Whether the device rings or is in use, by whatever."""

    node: NodeId
    phone: PhoneId
    busy: bool


@dataclass(frozen=True, slots=True)
class TrunkState:
    node: NodeId
    trunk: TrunkId
    up: bool
    why: str


@dataclass(frozen=True, slots=True)
class EmergencyDialled:
    """A phone called an emergency number; the dialplan did it alone."""

    node: NodeId
    phone: PhoneId
    number: Emergency
    result: str
    """`dialled`, or Asterisk's DIALSTATUS at the end."""


# ── from people ──────────────────────────────────────────────────────────────────────────────


class Wish(StrEnum):
    LOGIN = "login"
    LOGOUT = "logout"
    PAUSE = "pause"
    UNPAUSE = "unpause"


@dataclass(frozen=True, slots=True)
class StatusAsked:
    """Somebody asks that an agent's status be changed."""

    agent: AgentId
    wish: Wish
    reason: str = ""
    """For a pause; empty: `manual`."""
    by: str = ""


@dataclass(frozen=True, slots=True)
class SwitchAsked:
    """Somebody asks that a switch be on, or off."""

    switch: SwitchId
    on: bool
    by: str = ""


class CampaignWish(StrEnum):
    START = "start"
    PAUSE = "pause"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    policy: Policy


@dataclass(frozen=True, slots=True)
class CampaignAsked:
    """Somebody asks that a campaign be started, paused or stopped."""

    campaign: CampaignId
    wish: CampaignWish
    by: str = ""


@dataclass(frozen=True, slots=True)
class DoNotCallAsked:
    """A number, or all that begin so, is not to be called any more; or (`off`) may be again."""

    digits: str
    """E.164 without the plus; of a prefix: its digits."""
    scope: str = ""
    """A campaign; empty: everywhere."""
    prefix: bool = False
    off: bool = False
    how: str = ""


@dataclass(frozen=True, slots=True)
class ConsentAsked:
    """Somebody gave consent to be called, or took it back."""

    number: E164
    scope: str
    """`*`: all."""
    given: bool
    how: str
    at: Micros = 0
    """When it was given; 0: now. It is revoked as from now."""


class PreviewWish(StrEnum):
    NEXT = "next"
    """Of `manual`: a contact to look at."""
    DIAL = "dial"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class PreviewAsked:
    """An agent asks for a contact, or says what is to become of the one that is looked at."""

    agent: AgentId
    wish: PreviewWish
    by: str = ""


@dataclass(frozen=True, slots=True)
class DispositionChosen:
    """An agent says what the call that is in wrap-up, or still going on, came to."""

    agent: AgentId
    disposition: DispositionId
    amount: int | None = None
    """Of a sale, in hundredths."""
    note: str = ""
    callback_at: Micros | None = None
    mine: bool = False
    """The callback is this agent's alone at first."""
    number: Number | None = None
    """Of the caller, with what is known of where it is."""


@dataclass(frozen=True, slots=True)
class PersonErased:
    """Everything about somebody goes: it is gone from the database already."""

    numbers: tuple[E164, ...]
    contacts: tuple[ContactId, ...]
    forget: bool = False
    """Also that they are not to be called."""


# ── from the store ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ContactsClaimed:
    """Contacts that were read, and are ours now."""

    campaign: CampaignId
    contacts: tuple[Contact, ...]
    zones: Mapping[str, Offsets]
    """Of all time zones that they name."""


@dataclass(frozen=True, slots=True)
class DoNotCallLists:
    """The do-not-call lists, as the database has them: sorted numbers and prefixes, by scope."""

    numbers: Mapping[str, array[int]]
    prefixes: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class ClockCompared:
    """This machine's clock was held against the database's."""

    off: Micros
    """Ours less theirs."""


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """Postgres takes nothing of what is decided, which waits on the disk meanwhile; or takes it again, and has all of
    it. Said at each change; at a start it takes it."""

    up: bool
    why: str = ""
    """For people; empty: it is up."""


# ── from the clock ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class TimePassed:
    """`now` may have reached a deadline."""


OfNode: TypeAlias = (
    CallArrived
    | LegRinging
    | LegUp
    | LegAnswered
    | MessageLeft
    | LegLeft
    | LegGone
    | DigitPressed
    | PlaybackEnded
    | BridgeFailed
    | LinkLost
    | LinkRestored
    | Synced
    | PhoneContacts
    | PhoneBusy
    | TrunkState
    | EmergencyDialled
)
OfPeople: TypeAlias = (
    StatusAsked
    | SwitchAsked
    | CampaignAsked
    | DoNotCallAsked
    | ConsentAsked
    | DispositionChosen
    | PersonErased
    | PreviewAsked
)
OfServers: TypeAlias = LookedUp
OfStore: TypeAlias = ContactsClaimed | DoNotCallLists | ClockCompared | DatabaseState
OfNoNode: TypeAlias = OfPeople | OfStore | OfServers | PolicyChanged | TimePassed
Event: TypeAlias = OfNode | OfNoNode
