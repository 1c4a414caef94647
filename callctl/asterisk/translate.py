"""ARI's JSON to the core's events, the core's commands to ARI's requests. Pure: a table each way.

Everything here that comes from a caller is hostile: it becomes an address, a printable name or nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote

from callctl.asterisk.wire import APP, Method, Reply, Request
from callctl.core.addresses import Address, Withheld
from callctl.core.commands import (
    Answer,
    Beat,
    Bridge,
    Command,
    Dial,
    DropBridge,
    HandOver,
    Hangup,
    Hold,
    Lease,
    Play,
    RingBack,
    RingPhone,
    StopPlay,
    Unhold,
    Watch,
)
from callctl.core.events import (
    BridgeFailed,
    CallArrived,
    DigitPressed,
    Event,
    Heard,
    LegAnswered,
    LegGone,
    LegLeft,
    LegRinging,
    LegSeen,
    LegState,
    LegUp,
    MessageLeft,
    PlaybackEnded,
    Snapshot,
)
from callctl.core.ids import SECOND, LegId, Micros, NodeId, PhoneId, PlaybackId, TrunkId
from callctl.core.permits import Permit
from callctl.core.policy import AutoAnswer, DidFrom, Drop, NumberRules, OutsideNumber, Policy, Voicemail
from callctl.numbers import Numbering, from_to_header

Json = Mapping[str, Any]

LONGEST_TEXT = 80
"""Characters of a name or a dialled text that are kept."""
LEG_CONTEXT = "callctl-leg"
DIALLED_CONTEXT = "callctl-dialled"
OUT_CONTEXT = "callctl-out"
NO_FORWARD_CONTEXT = "callctl-no-forward"
MESSAGE_LEFT = "CallctlMessageLeft"
"""What the dialplan says when a message was left on an answering machine."""
VOICEMAIL_LEFT = "CallctlVoicemail"
"""And when a caller left one in a mailbox, with its length."""
BEAT_LASTS = 10
"""Seconds that a heartbeat is believed by the dialplan."""
DIGITS = frozenset("0123456789ABCD*#")

_ENDPOINT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CONTACT = re.compile(
    r"sips?:"
    r"(?:[A-Za-z0-9._~+!*'-]{1,64}@)?"
    r"(?:[A-Za-z0-9.-]{1,128}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::[0-9]{1,5})?"
    r"(?:;[A-Za-z0-9._-]{1,40}(?:=[A-Za-z0-9._~:+\[\]-]{1,128})?){0,12}"
)
_DIALLED = re.compile(r"\+?[0-9]{3,20}")
_MAILBOX = re.compile(r"[A-Za-z0-9._-]{1,40}(?:@[A-Za-z0-9._-]{1,40})?")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:_[A-Za-z]{2,12}){0,2}")
_SOUND = re.compile(r"sound:((?!.*\.\.)[A-Za-z0-9._/-]{1,200})")
_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def is_contact(text: str) -> bool:
    """Whether the text is a SIP URI plain enough to stand in a dial string.

    Nothing is in it that a dial string or a URI's header part could read otherwise.
    """
    return len(text) <= 255 and _CONTACT.fullmatch(text) is not None


def is_ours(leg: str) -> bool:
    """Whether a channel's id is one that callctl makes."""
    return _ULID.fullmatch(leg) is not None


def clean(text: str) -> str:
    """Printable, without line ends, at most 80 characters; for people to read."""
    kept = "".join(c if c.isprintable() else " " for c in text[: LONGEST_TEXT * 4])
    return " ".join(kept.split())[:LONGEST_TEXT]


# ── events in ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Reading:
    """What is needed to understand a node's events: its name, and how numbers are read on each trunk."""

    node: NodeId
    policy: Policy
    numbering: Numbering
    dialled: Container[LegId] = frozenset()
    """Legs to people on lists that nobody has answered: of no others is it told that they are up."""

    @classmethod
    def of(cls, node: NodeId, policy: Policy, dialled: Container[LegId] = frozenset()) -> Reading:
        return cls(node, policy, Numbering.of(policy), dialled)

    def event(self, said: Json) -> Event | None:
        """The core's event; None for what means nothing to it, or is not shaped as ARI's."""
        reader = _READERS.get(str(said.get("type")))
        if reader is None:
            return None
        try:
            return reader(self, said)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            return None

    def arrival(self, leg: LegId, args: Iterable[str]) -> CallArrived | LegAnswered | None:
        """How a call came in, from the arguments of `Stasis(callctl,in|feature,…)`, or what answered on a leg that was
        dialled (`Stasis(callctl,dialled,…)`); None for others."""
        kind, *rest = args
        if kind == "dialled":
            return LegAnswered(self.node, leg, *heard_in(*rest))
        said = _decoded(rest)
        phone = PhoneId(said["phone"]) if said.get("phone") else None
        if phone is not None and phone not in self.policy.phones:
            phone = None
        if kind == "feature":
            code = said.get("exten", "")
            return self._from_phone(leg, phone, code, feature_code=code)
        if kind != "in":
            return None
        if phone is not None:
            return self._from_phone(leg, phone, said.get("exten", ""))
        return self._from_trunk(leg, TrunkId(said.get("trunk", "")), said)

    def _from_phone(self, leg: LegId, phone: PhoneId | None, exten: str, feature_code: str = "") -> CallArrived:
        policy = self.policy.phones.get(phone) if phone is not None else None
        caller: Address = policy.extension if policy is not None and policy.extension else Withheld()
        return CallArrived(
            node=self.node,
            leg=leg,
            dialled=self.numbering.parse(exten),
            dialled_text=clean(exten),
            caller=caller,
            caller_name="",
            phone=phone,
            feature_code=feature_code if feature_code in self.policy.features else "",
        )

    def _from_trunk(self, leg: LegId, trunk: TrunkId, said: Mapping[str, str]) -> CallArrived:
        """From a trunk, or from a context of the operator's own: then the house's country reads the numbers."""
        policy = self.policy.trunks.get(trunk)
        rules = policy.numbers if policy is not None else NumberRules(country=self.policy.country)
        dialled = said.get("exten", "")
        if rules.did_from is DidFrom.TO:
            dialled = from_to_header(said.get("to", "")) or dialled
        hidden = said.get("pres", "").startswith(("prohib", "unavail"))
        caller = Withheld() if hidden else self.numbering.parse_caller(said.get("num", ""), rules)
        diversion = said.get("diversion", "") if policy is not None and policy.trust_identity else ""
        return CallArrived(
            node=self.node,
            leg=leg,
            dialled=self.numbering.parse(dialled, rules),
            dialled_text=clean(dialled),
            caller=caller,
            caller_name="" if hidden else clean(said.get("name", "")),
            trunk=policy.id if policy is not None else None,
            diverted_from=self.numbering.parse_caller(diversion, rules) if diversion else None,
        )


def _decoded(args: Iterable[str]) -> dict[str, str]:
    """`key=URIENCODEd` pairs; bytes that are no UTF-8 become the replacement character."""
    pairs = (arg.partition("=") for arg in args)
    return {key: unquote(value, errors="replace") for key, eq, value in pairs if eq}


def heard_in(status: str = "", cause: str = "", *_more: str) -> tuple[Heard, Micros]:
    """What answered, and of a human for how long it had been quiet: from AMD's status and cause (app_amd.c), which is
    the rule that decided with its figures: `HUMAN-700-700` after 700 ms of silence, `INITIALSILENCE-1500-1500`. No
    status at all: nobody listened, or AMD could not."""
    reason, quiet, *_ = (*cause.split("-"), "")
    if status == "HUMAN":
        return Heard.HUMAN, int(quiet) * _MILLISECOND if _FIGURE.fullmatch(quiet) else 0
    if reason in ("INITIALSILENCE", "NOAUDIODATA") and status in ("MACHINE", "NOTSURE"):
        return Heard.SILENCE, 0
    return _HEARD.get(status, Heard.UNSURE), 0


_HEARD = {"": Heard.NOTHING, "MACHINE": Heard.MACHINE, "FAX": Heard.FAX, "SIT": Heard.SIT}
_FIGURE = re.compile(r"[0-9]{1,5}")
_MILLISECOND = SECOND // 1000


def _started(reading: Reading, said: Json) -> Event | None:
    leg, args = LegId(said["channel"]["id"]), said["args"]
    if args == ["leg"]:
        return LegAnswered(reading.node, leg)
    return reading.arrival(leg, args)


def _left(reading: Reading, said: Json) -> Event:
    return LegLeft(reading.node, LegId(said["channel"]["id"]))


def _state_changed(reading: Reading, said: Json) -> Event | None:
    leg, state = LegId(said["channel"]["id"]), said["channel"]["state"]
    if state == "Ringing":
        return LegRinging(reading.node, leg)
    if state == "Up" and leg in reading.dialled:
        return LegUp(reading.node, leg)
    return None


def _progress(reading: Reading, said: Json) -> Event | None:
    """A 183 changes no channel's state: it is told by the Dial event alone."""
    leg = LegId(said["peer"]["id"])
    return LegRinging(reading.node, leg) if said["dialstatus"] == "PROGRESS" and leg in reading.dialled else None


def _told(reading: Reading, said: Json) -> Event | None:
    leg = LegId(said["channel"]["id"])
    if said["eventname"] == MESSAGE_LEFT:
        return MessageLeft(reading.node, leg)
    if said["eventname"] != VOICEMAIL_LEFT:
        return None
    seconds = said["userevent"].get("Seconds", "")
    return MessageLeft(reading.node, leg, int(seconds) * SECOND if _FIGURE.fullmatch(seconds) else 0)


def _destroyed(reading: Reading, said: Json) -> Event:
    leg = LegId(said["channel"]["id"])
    return LegGone(reading.node, leg, int(said.get("cause", 0)), int(said.get("tech_cause", 0)))


def _digit(reading: Reading, said: Json) -> Event | None:
    digit = said["digit"]
    if digit not in DIGITS:
        return None
    return DigitPressed(reading.node, LegId(said["channel"]["id"]), digit)


def _playback_ended(reading: Reading, said: Json) -> Event | None:
    playback = said["playback"]
    kind, _, target = playback["target_uri"].partition(":")
    if kind != "channel":
        return None
    failed = playback["state"] == "failed"
    return PlaybackEnded(reading.node, LegId(target), PlaybackId(playback["id"]), failed)


_READERS: dict[str, Callable[[Reading, Json], Event | None]] = {
    "StasisStart": _started,
    "StasisEnd": _left,
    "ChannelStateChange": _state_changed,
    "ChannelUserevent": _told,
    "Dial": _progress,
    "ChannelDestroyed": _destroyed,
    "ChannelDtmfReceived": _digit,
    "PlaybackFinished": _playback_ended,
}


@dataclass(frozen=True, slots=True)
class Forward:
    """A phone answered 302, and Asterisk has already dialled where it pointed to."""

    leg: LegId
    """The phone's leg; it ends now."""
    dialled: LegId | None
    """The channel that was made; None: it could not be."""


FORWARDED_CAUSE, FORWARDED_SIP = 23, 302
"""Q.850's "redirected to new destination", and SIP's "moved temporarily"."""


def forward_in(said: Json) -> Forward | None:
    """The forward that a Dial event tells of; None for any other event."""
    if said.get("type") != "Dial" or not said.get("forward"):
        return None
    peer, dialled = said.get("peer"), said.get("forwarded")
    if not isinstance(peer, Mapping) or "id" not in peer:
        return None
    made = LegId(str(dialled["id"])) if isinstance(dialled, Mapping) and "id" in dialled else None
    return Forward(LegId(str(peer["id"])), made)


# ── snapshots ────────────────────────────────────────────────────────────────────────────────


def snapshot(reading: Reading, channels: Iterable[Json], bridges: Iterable[Json]) -> Snapshot:
    """What a node's two lists say. A channel whose JSON is not as expected is left out."""
    bridges = tuple(bridges)
    seats = {str(leg): str(bridge["id"]) for bridge in bridges for leg in bridge.get("channels", ())}
    legs = (_seen(reading, channel, seats) for channel in channels)
    return Snapshot(tuple(leg for leg in legs if leg is not None), tuple(str(b["id"]) for b in bridges))


def _seen(reading: Reading, channel: Json, seats: Mapping[str, str]) -> LegSeen | None:
    try:
        leg = LegId(channel["id"])
        plan = channel.get("dialplan") or {}
        app, _, args = str(plan.get("app_data", "")).partition(",")
        in_app = plan.get("app_name") == "Stasis" and app == APP
        return LegSeen(
            leg=leg,
            state=_STATES.get(channel["state"], LegState.DOWN),
            in_app=in_app,
            bridge=seats.get(leg, ""),
            arrival=reading.arrival(leg, args.split(",")) if in_app else None,
        )
    except (KeyError, TypeError, AttributeError):
        return None


_STATES = {"Up": LegState.UP, "Ringing": LegState.RINGING}


# ── commands out ─────────────────────────────────────────────────────────────────────────────


def hold_bridge(queue: str) -> str:
    return f"hold-{queue}"


def whole_seconds(length: Micros) -> str:
    """Rounded up: a lease or a ring may last a moment longer, never end early."""
    return str(max(1, math.ceil(length / SECOND)))


def as_given(to: OutsideNumber) -> str:
    """The number as it is dialled, where that is written down with it."""
    return to.dial


def requests(
    command: Command,
    clock: float,
    holds: Container[str] = frozenset(),
    heard: Container[str] = frozenset(),
    written: Callable[[OutsideNumber], str] = as_given,
) -> tuple[Request, ...]:
    """The requests that carry a command out, in order.

    `clock` is Asterisk's, in seconds; `holds` are the holding bridges that exist, `heard` the endpoints that are
    listened to for good; `written` says how a number of a list is written on its trunk.
    ValueError where a value must not go to Asterisk.
    """
    match command:
        case Watch(leg=leg):
            return (_subscription("POST", f"channel:{leg}"),)
        case Answer(leg=leg):
            return (Request("POST", ("channels", leg, "answer")),)
        case RingBack(leg=leg):
            return (Request("POST", ("channels", leg, "ring")),)
        case HandOver():
            return _hand_over(command)
        case Play(leg=leg, playback=playback, prompts=prompts, language=language):
            query = (("media", ",".join(prompts)), ("playbackId", playback), *_in_language(language))
            remember = (("variable", PLAYBACK), ("value", playback))
            return (
                Request("POST", ("channels", leg, "variable"), remember),
                Request("POST", ("channels", leg, "play"), query),
            )
        case StopPlay(playback=playback):
            return (Request("DELETE", ("playbacks", playback)),)
        case Hold():
            return _hold(command, holds)
        case Unhold(leg=leg, queue=queue):
            return (_out_of(hold_bridge(queue), leg),)
        case RingPhone() | Dial():
            return _make(command, endpoint_of(command) in heard, written)
        case Bridge(bridge=bridge, caller=caller, agent=agent):
            return (
                Request("POST", ("bridges",), (("type", "mixing"), ("bridgeId", bridge))),
                Request("POST", ("bridges", bridge, "addChannel"), (("channel", f"{caller},{agent}"),)),
            )
        case DropBridge(bridge=bridge, out=out):
            drop = Request("DELETE", ("bridges", bridge))
            return (drop,) if out is None else (_out_of(bridge, out), drop)
        case Hangup(leg=leg, reason=reason):
            return (Request("DELETE", ("channels", leg), (("reason", reason.value),)),)
        case Lease(leg=leg, length=length):
            value = (("variable", "TIMEOUT(absolute)"), ("value", whole_seconds(length)))
            return (Request("POST", ("channels", leg, "variable"), value),)
        case Beat():
            until = (("variable", "CC_ALIVE_UNTIL"), ("value", str(int(clock) + BEAT_LASTS)))
            return (Request("POST", ("asterisk", "variable"), until),)


def _in_language(language: str) -> tuple[tuple[str, str], ...]:
    """Whose sounds: a name as `fr` or `en_GB`; of none the channel's own.

    ValueError: it is no such name.
    """
    if language and not _LANGUAGE.fullmatch(language):
        raise ValueError(f"{language!r} is no language of Asterisk's sounds")
    return (("lang", language),) if language else ()


def ids_of(command: Command) -> dict[str, str | list[str]]:
    """Whom a command is about, for a log line."""
    found: dict[str, str | list[str]] = {
        name: str(getattr(command, name)) for name in ("call", "leg") if hasattr(command, name)
    }
    if isinstance(command, Bridge):
        found["legs"] = [command.caller, command.agent]
    return found


PLAYBACK = "CC_PLAYBACK"
"""A channel's variable: the last prompts played on it, for the connection after this one."""
PLAYED = 1
"""Which request of a Play plays."""

HOLD_MUSIC = 2
"""Which request of a Hold asks for the music; it is sent apart."""

RING_MADE = 1
RING_WATCHED = 2
"""Which requests of a command that makes a leg do so, and subscribe to it. Where the endpoint is listened to for good,
making is all of it."""

Making: TypeAlias = RingPhone | Dial
"""Commands that make a leg."""


def endpoint_of(command: Making) -> str:
    """The PJSIP endpoint of the leg that is made."""
    return command.permit.to.endpoint if isinstance(command, Dial) else command.endpoint


SEAT = "addChannel"
"""The last part of the path of the request that puts a leg into its bridge."""


def _subscription(method: Method, source: str) -> Request:
    return Request(method, ("applications", APP, "subscription"), (("eventSource", source),))


def _hold(command: Hold, holds: Container[str]) -> tuple[Request, ...]:
    """The seat alone: see `music`."""
    bridge = hold_bridge(command.queue)
    make = Request("POST", ("bridges",), (("type", "holding"), ("bridgeId", bridge)))
    return (
        *(() if bridge in holds else (make,)),
        Request("POST", ("bridges", bridge, SEAT), (("channel", command.leg),)),
    )


def music(queue: str, name: str) -> Request:
    """Play music to who waits in a queue. It is asked for behind each seat: it ends when a bridge's last caller
    leaves. Where it plays already, asking changes nothing; where not, Asterisk makes two channels for it."""
    return Request("POST", ("bridges", hold_bridge(queue), "moh"), (("mohClass", name),))


def _make(command: Making, heard: bool, written: Callable[[OutsideNumber], str]) -> tuple[Request, ...]:
    whom, more = _dialled(command, written) if isinstance(command, Dial) else _rung(command)
    body = {
        **whom,
        "extension": "s",
        "priority": 1,
        "channelId": command.leg,
        "timeout": int(whole_seconds(command.timeout)),
        # A 302 leads into a context that dials nothing.
        "variables": {"FORWARD_CONTEXT": NO_FORWARD_CONTEXT, "CC_LEG": command.leg, **more},
    }
    make = Request("POST", ("channels",), (), body)
    if heard:
        return (make,)
    # Who refuses at once is gone before the leg can be subscribed to, and the cause with it: so the endpoint is
    # listened to until then.
    return (
        listen(endpoint_of(command)),
        make,
        _subscription("POST", f"channel:{command.leg}"),
    )


def _rung(command: RingPhone) -> tuple[dict[str, str], Mapping[str, str]]:
    """Whom to ring and how, and the variables of the leg."""
    return {
        "endpoint": _outside(command.permit) if command.permit is not None else _phone(command),
        "context": LEG_CONTEXT,
        "callerId": _caller_id(command.caller_name, command.caller_number),
    }, _AUTO_ANSWER.get(command.auto_answer, {})


def _dialled(command: Dial, written: Callable[[OutsideNumber], str]) -> tuple[dict[str, str], Mapping[str, str]]:
    """As `_rung`. The number alone tells who calls."""
    if not _DIALLED.fullmatch(command.caller_number):
        raise ValueError("a caller's number that must not be shown")
    return {
        "endpoint": _outside(command.permit, written),
        "context": DIALLED_CONTEXT,
        "callerId": _caller_id("", command.caller_number),
    }, {
        **({"CC_DETECT": "1"} if command.detect else {}),
        **({"CC_HARBOUR_SOUND": "&".join(sounds)} if (sounds := _sounds(command.harbour)) else {}),
    }


def _phone(command: RingPhone) -> str:
    """What to dial for one contact of a phone of the house."""
    if not _ENDPOINT.fullmatch(command.endpoint):
        raise ValueError("an endpoint's name that must not be dialled")
    if command.contact and not is_contact(command.contact):
        raise ValueError("a contact that must not be dialled")
    return f"PJSIP/{command.endpoint}" + (f"/{command.contact}" if command.contact else "")


def _outside(permit: Permit, written: Callable[[OutsideNumber], str] = as_given) -> str:
    """What to dial for a number of the public network. Nothing else makes a leg to the outside."""
    if not _ENDPOINT.fullmatch(permit.to.endpoint):
        raise ValueError("a trunk's name that must not be dialled")
    number = written(permit.to)
    if not _DIALLED.fullmatch(number):
        raise ValueError("a number that must not be dialled")
    return f"PJSIP/{number}@{permit.to.endpoint}"


_AUTO_ANSWER: Mapping[AutoAnswer, Mapping[str, str]] = {
    AutoAnswer.ANSWER_AFTER: {"PJSIP_HEADER(add,Call-Info)": "<sip:callctl>;answer-after=0"},
    AutoAnswer.ALERT_INFO: {"PJSIP_HEADER(add,Alert-Info)": "<http://callctl>;info=alert-autoanswer;delay=0"},
    AutoAnswer.RING_ANSWER: {"PJSIP_HEADER(add,Alert-Info)": "Ring Answer"},
    AutoAnswer.ANSWER_MODE: {"PJSIP_HEADER(add,Answer-Mode)": "Auto"},
}
"""Headers by which phones answer by themselves."""


def _hand_over(command: HandOver) -> tuple[Request, ...]:
    """The variables first: the dialplan reads them at once."""
    to, kind = _way(command.to)
    values = {**to, "TIMEOUT(absolute)": whole_seconds(command.longest)}
    way = (("context", OUT_CONTEXT), ("extension", kind), ("priority", "1"))
    return (
        *(
            Request("POST", ("channels", command.leg, "variable"), (("variable", name), ("value", value)))
            for name, value in values.items()
        ),
        Request("POST", ("channels", command.leg, "continue"), way),
    )


def _way(to: Voicemail | Permit | Drop) -> tuple[dict[str, str], str]:
    """The variables that say where to, and the extension that reads them."""
    match to:
        case Permit():
            _outside(to)
            return {"CC_TO": to.to.dial, "CC_VIA": to.to.endpoint}, "number"
        case Voicemail(mailbox=mailbox):
            if not _MAILBOX.fullmatch(mailbox):
                raise ValueError("a mailbox's name that must not be used")
            return {"CC_TO": mailbox}, "voicemail"
        case Drop():
            sounds = _sounds(to.prompts)
            if not sounds or len(sounds) < len(to.prompts):
                raise ValueError("a message that cannot be left: it must be of plain sounds")
            return {"CC_TO": "&".join(sounds)}, "message"


def _sounds(prompts: Iterable[str]) -> list[str]:
    """Of the prompts those that are plain sounds, as the dialplan plays them."""
    return [match[1] for prompt in prompts if (match := _SOUND.fullmatch(prompt)) is not None]


def _out_of(bridge: str, leg: LegId) -> Request:
    """Its reply comes when the leg stands in the bridge no more."""
    return Request("POST", ("bridges", bridge, "removeChannel"), (("channel", leg),))


def listen(endpoint: str) -> Request:
    """Be told of every channel of a PJSIP endpoint. Asterisk counts: each is ended by one `listened`."""
    return _subscription("POST", f"endpoint:PJSIP/{endpoint}")


def listened(endpoint: str) -> Request:
    """End the listening to an endpoint."""
    return _subscription("DELETE", f"endpoint:PJSIP/{endpoint}")


def _caller_id(name: str, number: str) -> str:
    """`"Name" <number>` with nothing in it that would end the quotes or the brackets."""
    plain = clean("".join(" " if c in '"<>\\' else c for c in name))
    digits = number if _NUMBER.fullmatch(number) else ""
    return f'"{plain}" <{digits}>'


# ── replies ──────────────────────────────────────────────────────────────────────────────────


NOT_MADE = 41
"""Q.850, temporary failure: the leg could not even be made, of a trunk that does not answer OPTIONS, say."""
_NO_CHANNEL = 422
"""How a subscription to a channel that is gone is refused. (404: it is our application that is not there.)"""


def failure(command: Command, index: int, reply: Reply) -> Event | None:
    """What the core is told when the request number `index` of a command was refused.

    None: nothing. No answer at all is nothing too: the watchdog then ends the link, and `owed` sends again.
    """
    if reply.ok or reply.unknown:
        return None
    match command:
        case Dial(node=node, leg=leg) if index == RING_MADE and reply.status != 409:
            return LegGone(node, leg, NOT_MADE)
        case RingPhone(node=node, leg=leg) if index == RING_MADE and reply.status != 409:
            return LegGone(node, leg)
        case RingPhone(node=node, leg=leg) | Dial(node=node, leg=leg) if index == RING_WATCHED:
            # The leg was made, and had already gone when we asked to watch it.
            return LegGone(node, leg)
        case Watch(node=node, leg=leg) if reply.status == _NO_CHANNEL:
            return LegGone(node, leg)
        case Bridge(node=node, call=call, agent=agent, attempt=attempt) if index == 1:
            return BridgeFailed(node, call, agent, f"{reply.status}", attempt)
        case Play(node=node, leg=leg, playback=playback) if index == PLAYED:
            return PlaybackEnded(node, leg, playback, failed=True)
        case _:
            return None


def harmless(command: Command, index: int, reply: Reply) -> bool:
    """Whether a refusal is part of normal life: the leg is gone, or what was to be made exists."""
    if reply.status == 404 or (isinstance(command, Making) and index != RING_MADE):
        return True
    if isinstance(command, Unhold | DropBridge | Watch) and reply.status == 422:
        return True  # it stands in no such bridge; there is no such channel
    return reply.status == 409 and isinstance(command, Hold | Bridge | Making)
