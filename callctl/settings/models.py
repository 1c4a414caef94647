"""The configuration's form: sections, keys, defaults. Field descriptions are what editors show."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from callctl.core.ids import Micros
from callctl.core.policy import DefaultStatus, DidFrom, Feature, HangupReason, PhoneKind, Transport, TrunkKind
from callctl.settings import types as t
from callctl.settings.types import bad, duration


def lasting(default: str, about: str) -> Any:
    """A duration's field: its default as people write it."""
    return Field(default=duration(default), description=about, json_schema_extra={"default": default})


def key(about: str, example: str) -> Any:
    """A required field, with the example that is shown when it is missing."""
    return Field(description=about, examples=[example])


class Sending(StrEnum):
    PLUS = "+"
    ZEROS = "00"
    NATIONAL = "national"


class Dtmf(StrEnum):
    RFC4733 = "rfc4733"
    INBAND = "inband"
    INFO = "info"
    AUTO = "auto"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


Codecs = Annotated[tuple[t.Codec, ...], Field(min_length=1, max_length=8)]
Prompts = Annotated[tuple[t.Prompt, ...], Field(max_length=32)]


class Strict(BaseModel):
    """A mapping with known keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    def judge(self) -> None:
        """What must hold between keys; raises `bad(...)`."""

    @model_validator(mode="after")
    def _judged(self, info: ValidationInfo) -> Self:
        # What is left of a mapping with mistakes is looked at once more, by itself: see validate.py.
        if not (info.context or {}).get("leftovers"):
            self.judge()
        return self


# ── where calls go ───────────────────────────────────────────────────────────────────────────


class Way(Strict):
    """Where a call goes: one of `menu`, `queue` or `hang_up`."""

    menu: t.MenuRef | None = Field(default=None, description="The menu that the caller enters.")
    queue: t.QueueRef | None = Field(default=None, description="The queue that the caller waits in.")
    priority: Annotated[int, t.Whole(0, 1000)] | None = Field(
        default=None, description="With `queue`: higher is served first. 0 if not given."
    )
    hang_up: Annotated[HangupReason, t.OneOf(HangupReason)] | None = Field(
        default=None, description="End the call, with this reason."
    )

    _ways: ClassVar[tuple[str, ...]] = ("menu", "queue", "hang_up")

    def judge(self) -> None:
        given = [way for way in self._ways if getattr(self, way) is not None]
        choices = ", ".join(f"`{way}`" for way in self._ways)
        if not given:
            raise bad("this leads nowhere", f"write one of {choices}")
        if len(given) > 1:
            raise bad(f"`{given[1]}` stands beside `{given[0]}`", f"keep one of {choices}", given[1])
        if self.priority is not None and self.queue is None:
            raise bad("a priority without a queue", "remove it, or add `queue`", "priority")


class Goal(Way):
    """Where a call goes: one of `menu`, `queue`, `hang_up` or `announce` (with `then`)."""

    announce: Annotated[tuple[t.Prompt, ...], Field(min_length=1, max_length=32)] | None = Field(
        default=None, description="Play these prompts, then go where `then` says."
    )
    then: Way | None = Field(default=None, description="After `announce`; hang up if not given.")

    _ways: ClassVar[tuple[str, ...]] = ("menu", "queue", "hang_up", "announce")

    def judge(self) -> None:
        super().judge()
        if self.then is not None and self.announce is None:
            raise bad("`then` without `announce`", "remove it, or add `announce`", "then")


class MenuModel(Strict):
    """Prompts, and what each key does."""

    prompts: Annotated[tuple[t.Prompt, ...], Field(min_length=1, max_length=32)] = key(
        "Played one after the other: Asterisk media URIs.", "[sound:vm-enter-num-to-call]"
    )
    options: Annotated[dict[t.MenuKey, Goal], Field(min_length=1)] = key("Where each key leads.", "{1: {queue: sales}}")
    give_up: Goal = key("Where the caller goes when `tries` are used up.", "{hang_up: normal}")
    timeout: Annotated[Micros, t.Length("500ms", "1m")] = lasting("5s", "How long to wait for a key after the prompts.")
    tries: Annotated[int, t.Whole(1, 20)] = Field(default=3, description="How often the prompts are played, in all.")
    invalid: Prompts = Field(default=(), description="Played after a key that leads nowhere.")
    no_input: Prompts = Field(default=(), description="Played after a timeout.")
    barge_in: t.Bool = Field(default=True, description="A key during the prompts counts, and stops them.")


class QueueModel(Strict):
    """Where callers wait for an agent."""

    music: t.MusicClass = Field(default="default", description="A class of Asterisk's musiconhold.conf.")
    ring_timeout: Annotated[Micros, t.Length("5s", "3m")] = lasting(
        "20s", "How long one agent's phone rings before the caller goes back to the old place."
    )
    wrap_up: Annotated[Micros, t.Length("1s", "1h", zero=True)] = lasting(
        "10s", "The agent's time after a call before the next one."
    )
    longest_talk: Annotated[Micros, t.Length("1m", "24h")] = lasting("4h", "A call is ended after so long.")
    longest_wait: Annotated[Micros, t.Length("5s", "24h", zero=True)] = lasting(
        "0s", "A caller who has waited so long goes where `give_up` says; 0s: no limit."
    )
    give_up: Goal = Field(
        default=Goal(hang_up=HangupReason.NORMAL), description="Where a caller goes after `longest_wait`."
    )


# ── people and phones ────────────────────────────────────────────────────────────────────────


class AgentModel(Strict):
    """A person who answers calls."""

    name: t.Label = key("The person's name.", "Ada Lovelace")
    phone: t.PhoneRef = key("The phone that rings.", "phone101")
    queues: Annotated[tuple[t.QueueRef, ...], Field(max_length=200)] = key("The queues served.", "[sales]")
    default: Annotated[DefaultStatus, t.OneOf(DefaultStatus)] = Field(
        default=DefaultStatus.LOGGED_OUT, description="The status after the very first start."
    )
    misses: Annotated[int, t.Whole(1, 100)] = Field(
        default=3, description="After so many missed rings in a row the agent is paused."
    )
    miss_delay: Annotated[Micros, t.Length("1s", "10m", zero=True)] = lasting(
        "5s", "No new call for so long after a missed ring."
    )


class PhoneModel(Strict):
    """A SIP phone: one that callctl provisions in Asterisk, or a PJSIP endpoint that exists there."""

    kind: Annotated[PhoneKind, t.OneOf(PhoneKind)] = Field(
        default=PhoneKind.PROVISIONED, description="`provisioned` by callctl, or `existing` in Asterisk."
    )
    endpoint: t.Name | None = Field(
        default=None, description="The PJSIP endpoint's name; the phone's own if not given."
    )
    password: t.SecretRef | None = Field(
        default=None, description="The SIP password, as a reference; only for `provisioned`."
    )
    extension: t.Digits | None = Field(default=None, description="What colleagues dial, 2 to 6 digits.")
    emergency_caller: t.NumberText | None = Field(
        default=None, description="The caller ID that an emergency call from this phone shows: a number of yours."
    )
    node: t.NodeRef | None = Field(default=None, description="The PBX node; the first of `nodes` if not given.")
    webrtc: t.Bool = Field(default=False, description="A browser phone.")
    codecs: Codecs = Field(default=("alaw", "ulaw"), description="In the order of preference.")
    max_contacts: Annotated[int, t.Whole(1, 10)] = Field(default=2, description="So many devices may share the phone.")

    def judge(self) -> None:
        if self.kind is PhoneKind.PROVISIONED and self.password is None:
            raise bad("`password` is missing", "add `password: file:secrets/NAME`, or `kind: existing`")
        if self.kind is PhoneKind.EXISTING and self.password is not None:
            raise bad("an existing endpoint has its password in Asterisk", "remove it", "password")


# ── the outside ──────────────────────────────────────────────────────────────────────────────


class RulesModel(Strict):
    """How numbers are written on a trunk."""

    country: t.Country | None = Field(
        default=None, description="For numbers in national form; the house's if not given."
    )
    send: Annotated[Sending, t.OneOf(Sending)] = Field(
        default=Sending.PLUS, description="`+` sends +33…, `00` sends 0033…, `national` the country's own form."
    )
    did_from: Annotated[DidFrom, t.OneOf(DidFrom)] = Field(
        default=DidFrom.REQUEST, description="Where the called number stands: the `request` line, or the `to` header."
    )


class TrunkModel(Strict):
    """A line to the telephone network."""

    kind: Annotated[TrunkKind, t.OneOf(TrunkKind)] = key(
        "`register`: callctl's PBX logs in there; `ip`: both sides know each other by address.", "ip"
    )
    host: t.UriHost = key("The carrier's address or name.", "sip.example.com")
    port: t.Port = Field(default=5060, description="The carrier's SIP port; 5061 is usual with TLS.")
    transport: Annotated[Transport, t.OneOf(Transport)] = Field(default=Transport.UDP, description="Udp, tcp or tls.")
    username: t.SipUser | None = Field(default=None, description="For `register`, or where the carrier asks for it.")
    password: t.SecretRef | None = Field(default=None, description="As a reference; goes with `username`.")
    match: Annotated[tuple[t.Source, ...], Field(max_length=64)] = Field(
        default=(), description="Where calls come from: IP, IP:port or network; the host if not given."
    )
    numbers: RulesModel = Field(default=RulesModel(), description="How numbers are written on this trunk.")
    codecs: Codecs = Field(default=("alaw", "ulaw"), description="In the order of preference.")
    dtmf: Annotated[Dtmf, t.OneOf(Dtmf)] = Field(default=Dtmf.RFC4733, description="How key presses travel.")
    nat: t.Bool = Field(default=False, description="The carrier is behind NAT: answer to where packets come from.")
    srtp: t.Bool = Field(default=False, description="Encrypted audio (SDES); wants `transport: tls`.")
    trust_identity: t.Bool = Field(
        default=False, description="Believe P-Asserted-Identity and Diversion from here: only from a carrier you trust."
    )
    qualify: Annotated[Micros, t.Length("5s", "1h", zero=True)] = lasting(
        "60s", "Every how long the trunk is asked whether it is there; 0s: never."
    )
    max_channels: Annotated[int, t.Whole(0, 10_000)] = Field(default=0, description="Calls at once; 0: no limit.")
    emergency: t.Bool = Field(default=False, description="Emergency calls may go out here, in the order of the file.")
    node: t.NodeRef | None = Field(default=None, description="The PBX node; the first of `nodes` if not given.")

    def judge(self) -> None:
        if self.kind is TrunkKind.REGISTER and self.username is None:
            raise bad("`username` is missing", "add `username`, or make it `kind: ip`")
        if self.username is not None and self.password is None:
            raise bad("`password` is missing", "add `password: file:secrets/NAME`")
        if self.password is not None and self.username is None:
            raise bad("a password without a user name", "add `username`, or remove it", "password")


class EmergencyModel(Strict):
    """Emergency numbers go out from every phone, whatever else happens, by the dialplan alone."""

    numbers: Annotated[tuple[t.Digits, ...], Field(min_length=1, max_length=50)] = key(
        "The numbers of your country.", "[112]"
    )
    callback_window: Annotated[Micros, t.Length("1m", "7d")] = lasting(
        "1h", "How long after an emergency call its caller ID leads back to that phone."
    )


class LeaseModel(Strict):
    """How long a caller in a menu or queue stays with a callctl that has died."""

    length: Annotated[Micros, t.Length("10s", "1h")] = lasting("90s", "Then Asterisk takes the fallback.")
    renewal: Annotated[Micros, t.Length("1s", "10m")] = lasting("30s", "Every how long it is renewed.")

    def judge(self) -> None:
        if self.renewal * 2 > self.length:
            raise bad("the renewal leaves no second try", "at most half of `length`", "renewal")


# ── the daemon ───────────────────────────────────────────────────────────────────────────────


class AriModel(Strict):
    """Asterisk's REST interface: it carries every action on a call."""

    url: t.AriUrl = Field(default="http://127.0.0.1:8088/ari", description="Where http.conf says.")
    user: t.User = Field(default="callctl", description="A section of ari.conf.")
    password: t.SecretRef = key("As a reference.", "file:secrets/ari")


class AmiModel(Strict):
    """Asterisk's manager interface: states and reloads."""

    host: t.Host = Field(default="127.0.0.1", description="Where manager.conf says.")
    port: t.Port = Field(default=5038, description="Where manager.conf says.")
    user: t.User = Field(default="callctl", description="A section of manager.conf.")
    password: t.SecretRef = key("As a reference.", "file:secrets/ami")


class NodeModel(Strict):
    """One Asterisk."""

    ari: AriModel = key("The REST interface.", "{password: file:secrets/ari}")
    ami: AmiModel = key("The manager interface.", "{password: file:secrets/ami}")
    provision: t.Bool = Field(default=True, description="callctl writes phones and trunks into `include_dir`.")
    include_dir: t.FolderPath = Field(
        default=Path("/etc/asterisk/callctl.d"), description="A folder beside Asterisk's configuration."
    )


class DatabaseModel(Strict):
    """Postgres."""

    url: t.DbUrl | None = Field(default=None, description="An own server; null: callctl runs one itself.")
    data_dir: t.FolderPath | None = Field(
        default=None, description="Of the own server; below `state_dir` if not given."
    )


class HttpModel(Strict):
    """Metrics and health."""

    host: t.LoopbackHost = Field(
        default="127.0.0.1", description="A loopback address: nobody is asked for a password here."
    )
    port: t.Port = Field(default=9710, description="The port to listen on.")


class LogModel(Strict):
    """What is logged, and how."""

    level: Annotated[LogLevel, t.OneOf(LogLevel)] = Field(
        default=LogLevel.INFO, description="The least that is logged."
    )
    format: Annotated[LogFormat, t.OneOf(LogFormat)] = Field(
        default=LogFormat.AUTO, description="`auto`: text on a terminal, JSON elsewhere."
    )
    unmasked: t.Bool = Field(default=False, description="Show numbers and keys pressed in full.")


class Document(Strict):
    """All of it: the files of the folder, merged by these keys."""

    nodes: dict[t.Name, NodeModel] = Field(default={}, description="The Asterisk nodes; the first is the default.")
    database: DatabaseModel = Field(default=DatabaseModel(), description="Postgres.")
    http: HttpModel = Field(default=HttpModel(), description="Metrics and health.")
    control_socket: t.FolderPath = Field(
        default=Path("/run/callctl/control.sock"), description="Where the command line reaches the daemon."
    )
    state_dir: t.FolderPath = Field(default=Path("/var/lib/callctl"), description="The spool, and the own database.")
    log: LogModel = Field(default=LogModel(), description="What is logged, and how.")
    country: t.Country = Field(
        default="US", description="ISO 3166; numbers in national form are read as this country's."
    )
    trunks: dict[t.Name, TrunkModel] = Field(default={}, description="Lines to the telephone network.")
    numbers: dict[t.NumberText, Goal] = Field(default={}, description="Where calls to each number go.")
    unknown_number: Goal = Field(
        default=Goal(hang_up=HangupReason.UNALLOCATED), description="Where calls to any other number go."
    )
    menus: dict[t.Name, MenuModel] = Field(default={}, description="The IVR.")
    queues: dict[t.Name, QueueModel] = Field(default={}, description="Where callers wait.")
    agents: dict[t.Name, AgentModel] = Field(default={}, description="Who answers.")
    phones: dict[t.Name, PhoneModel] = Field(default={}, description="What rings.")
    features: dict[t.FeatureCode, Annotated[Feature, t.OneOf(Feature)]] = Field(
        default={}, description="Codes that agents dial on their phones."
    )
    short_codes: Annotated[tuple[t.ShortNumber, ...], Field(max_length=200)] = Field(
        default=(), description="Short numbers of the network that are no emergency numbers."
    )
    emergency: EmergencyModel | None = Field(default=None, description="Emergency numbers.")
    lease: LeaseModel = Field(default=LeaseModel(), description="How long callers wait for a dead callctl.")
