"""The configuration's form: sections, keys, defaults. Field descriptions are what editors show."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from callctl.core.ids import Micros, SwitchId
from callctl.core.policy import (
    OF_ALL,
    Answering,
    AutoAnswer,
    DefaultStatus,
    DidFrom,
    Feature,
    HangupReason,
    PhoneKind,
    Staffed,
    Strategy,
    SwitchPolicy,
    Transport,
    TrunkKind,
)
from callctl.settings import types as t
from callctl.settings.campaigns import CampaignModel, DispositionModel, SayingModel
from callctl.settings.flows import FlowModel
from callctl.settings.goals import Asks, Goal, Level, Penalty, in_order
from callctl.settings.law import HolidaysModel, RuleSetModel
from callctl.settings.prompts import Prompts, Said, SpeechModel
from callctl.settings.strict import Strict, key, lasting
from callctl.settings.types import bad


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


_SWITCH = SwitchPolicy(SwitchId(""))
Switches = Annotated[tuple[t.SwitchRef, ...], Field(max_length=32)]
Codecs = Annotated[tuple[t.Codec, ...], Field(min_length=1, max_length=8)]


# ── where calls go ───────────────────────────────────────────────────────────────────────────


class MenuModel(Strict):
    """Prompts, and what each key does."""

    prompts: Said = key(
        "Played one after the other: Asterisk media URIs, or `{speak: the words}`.", "[sound:vm-enter-num-to-call]"
    )
    options: Annotated[dict[t.MenuKey, Goal], Field(min_length=1)] = key("Where each key leads.", "{1: {queue: sales}}")
    give_up: Goal = key("Where the caller goes when `tries` are used up.", "{hang_up: normal}")
    timeout: Annotated[Micros, t.Length("500ms", "1m")] = lasting("5s", "How long to wait for a key after the prompts.")
    tries: Annotated[int, t.Whole(1, 20)] = Field(default=3, description="How often the prompts are played, in all.")
    invalid: Prompts = Field(default=(), description="Played after a key that leads nowhere.")
    no_input: Prompts = Field(default=(), description="Played after a timeout.")
    barge_in: t.Bool = Field(default=True, description="A key during the prompts counts, and stops them.")


class CalendarModel(Strict):
    """When a place is open: by the clock on its wall."""

    zone: t.Zone = key("The time zone, as the IANA names it.", "Europe/London")
    week: dict[t.Weekdays, Annotated[tuple[t.Hours, ...], Field(max_length=8)]] = key(
        "Hours by day or days; a day that is not named is closed.", "{mon-fri: ['08:00-18:00'], sat: ['09:00-12:30']}"
    )
    dates: dict[t.Date, Annotated[tuple[t.Hours, ...], Field(max_length=8)]] = Field(
        default={}, description="In place of the day's hours; `[]`: closed all day."
    )
    holidays: HolidaysModel | None = Field(
        default=None, description="Closed all day, but for those that `dates` names; or open in `holiday_hours`."
    )
    holiday_hours: Annotated[tuple[t.Hours, ...], Field(max_length=8)] = Field(
        default=(), description="Hours on holidays; closed all day if not given."
    )
    closed_while: Switches = Field(default=(), description="Switches: closed at any time while one of them is on.")

    def judge(self) -> None:
        if self.holiday_hours and self.holidays is None:
            raise bad("hours on no holidays", "add `holidays: {country: GB}`, or remove them", "holiday_hours")


class SwitchModel(Strict):
    """Something that people turn on and off, such as an emergency closure; off at first, and kept over restarts."""

    description: t.Label | None = Field(default=None, description="For people.")
    code: t.FeatureCode | None = Field(
        default=None, description="Dialled on a phone of the house, it turns the switch on, or off if it is on."
    )
    on_says: Prompts = Field(default=_SWITCH.on_says, description="Heard by who dialled: it is on now.")
    off_says: Prompts = Field(default=_SWITCH.off_says, description="Heard by who dialled: it is off now.")
    may: Annotated[tuple[t.AgentRef, ...], Field(max_length=200)] = Field(
        default=(), description="Agents from whose phones the code works; every phone of the house if not given."
    )

    def judge(self) -> None:
        for name in ("on_says", "off_says", "may"):
            if name in self.model_fields_set and self.code is None:
                raise bad(f"`{name}` without `code`: it never comes to that", "add `code`, or remove it", name)


class WordsModel(Strict):
    """What a waiting caller hears beside the music."""

    first: Annotated[Micros, t.Length("1s", "1h", zero=True)] = lasting("15s", "After so long in the queue.")
    every: Annotated[Micros, t.Length("5s", "1h", zero=True)] = lasting(
        "60s", "And so long after the end of each; 0s: once."
    )
    position: t.Bool = Field(default=False, description="The caller's place comes first, in Asterisk's own words.")
    prompts: Annotated[tuple[Prompts, ...], Field(max_length=32)] = Field(
        default=(), description="One of these each time, in turn; each a list of prompts, or `[]` for nothing."
    )

    def judge(self) -> None:
        if not self.position and not any(self.prompts):
            raise bad("nothing is said", "add `position: true`, or `prompts`")


class QueueModel(Strict):
    """Where callers wait for an agent."""

    strategy: Annotated[Strategy, t.OneOf(Strategy)] = Field(
        default=Strategy.LONGEST_IDLE, description="Which of the free agents who fit is rung: see docs/acd.md."
    )
    weight: Annotated[int, t.Whole(0, 1000)] = Field(
        default=0, description="Points of each caller's score, beside the callers of other queues."
    )
    ageing: Annotated[int, t.Whole(0, 1000)] = Field(
        default=1, description="Points that a caller's score gains with each minute of waiting; 0: strict priority."
    )
    asks: Asks = Field(default=(), description="What is asked of an agent, by the time that the caller has waited.")
    answer: Annotated[Answering, t.OneOf(Answering)] = Field(
        default=Answering.ON_ENTRY,
        description="`on_agent`: who comes straight here hears the ringing tone, and pays, only from an agent on.",
    )
    music: t.MusicClass = Field(default="default", description="A class of Asterisk's musiconhold.conf.")
    words: WordsModel | None = Field(default=None, description="What callers hear beside the music.")
    ring_timeout: Annotated[Micros, t.Length("5s", "3m")] = lasting(
        "20s", "How long one agent's phone rings before the caller goes back to the old place."
    )
    ring_more: Annotated[Micros, t.Length("1s", "1m")] = lasting(
        "5s", "With `ringall` and `ring-progressively`: after so long more agents are rung as well."
    )
    whisper: Prompts = Field(default=(), description="What the agent alone hears on picking up.")
    display: t.Display = Field(
        default="{name}", description="What the agent's phone shows; `{name}`, `{number}`, `{queue}`, `{waited}`."
    )
    wrap_up: Annotated[Micros, t.Length("1s", "1h", zero=True)] = lasting(
        "10s", "The agent's time after a call before the next one."
    )
    least_talk: Annotated[Micros, t.Length("100ms", "10s", zero=True)] = lasting(
        "1s", "An agent who hangs up sooner has missed the call, and the caller waits on; 0s: that ends the call."
    )
    longest_talk: Annotated[Micros, t.Length("1m", "24h")] = lasting("4h", "A call is ended after so long.")
    longest_wait: Annotated[Micros, t.Length("5s", "24h", zero=True)] = lasting(
        "0s", "A caller who has waited so long goes where `give_up` says; 0s: no limit."
    )
    give_up: Goal = Field(
        default=Goal(hang_up=HangupReason.NORMAL), description="Where a caller goes after `longest_wait`."
    )
    hours: t.CalendarRef | None = Field(default=None, description="When callers are taken; always if not given.")
    closed_while: Switches = Field(
        default=(), description="Switches: no callers are taken while one of them is on, whatever `hours` says."
    )
    closed: Goal = Field(
        default=Goal(hang_up=HangupReason.NORMAL),
        description="Where a caller goes who comes out of hours, or while it is closed by a switch.",
    )
    max_waiting: Annotated[int, t.Whole(0, 10_000)] = Field(
        default=0, description="Callers who may wait at the same time; 0: no limit."
    )
    full: Goal = Field(
        default=Goal(hang_up=HangupReason.BUSY), description="Where a caller goes who comes while so many wait."
    )
    staffed: Annotated[Staffed, t.OneOf(Staffed)] = Field(
        default=Staffed.ANYWAY,
        description="Who must be there: `logged_in` or `available` (not paused); `anyway`: callers wait however it is.",
    )
    unstaffed: Goal = Field(
        default=Goal(hang_up=HangupReason.NORMAL), description="Where callers go while nobody is there."
    )
    unstaffed_after: Annotated[Micros, t.Length("1s", "1h", zero=True)] = lasting(
        "0s", "Who waits already goes after nobody has been there for so long."
    )
    returns: Annotated[Micros, t.Length("10s", "24h", zero=True)] = lasting(
        "0s", "Who left while waiting and calls again within so long has that wait counted; 0s: no."
    )
    service_level: Annotated[Micros, t.Length("1s", "1h")] = lasting(
        "20s", "Within how long callers should be answered: for the metrics alone."
    )
    short_abandon: Annotated[Micros, t.Length("1s", "1m", zero=True)] = lasting(
        "5s", "Who leaves sooner is counted apart: for the metrics alone."
    )
    last_agent: Annotated[Micros, t.Length("1m", "90d", zero=True)] = lasting(
        "0s", "A caller who talked with an agent within so long waits for that agent at first; 0s: no."
    )
    patience: Annotated[Micros, t.Length("1s", "1h")] = lasting(
        "20s", "How long a caller waits for one agent; then for any who fits."
    )
    after: Goal = Field(
        default=Goal(hang_up=HangupReason.NORMAL),
        description="Where a caller goes when the agent has hung up after a talk: to a survey, say.",
    )
    after_share: t.Share = Field(default=OF_ALL, description="With `after`: of how many callers; they are drawn.")
    exit_keys: dict[t.MenuKey, Goal] = Field(default={}, description="Where a key leads that a waiting caller presses.")
    dispositions: SayingModel = Field(default=SayingModel(), description="What agents say that its calls came to.")

    def judge(self) -> None:
        in_order(self.asks)
        if "closed" in self.model_fields_set and self.hours is None and not self.closed_while:
            right = "add `hours` or `closed_while`, or remove it"
            raise bad("`closed` without `hours`: it never comes to that", right, "closed")
        if "full" in self.model_fields_set and not self.max_waiting:
            raise bad("`full` without `max_waiting`: it never comes to that", "add it, or remove this", "full")
        if "unstaffed" in self.model_fields_set and self.staffed is Staffed.ANYWAY:
            right = "add `staffed: logged_in`, or remove it"
            raise bad("`unstaffed` without `staffed`: it never comes to that", right, "unstaffed")
        if "after_share" in self.model_fields_set and "after" not in self.model_fields_set:
            raise bad("`after_share` without `after`: nobody is asked", "add `after`, or remove it", "after_share")


# ── people and phones ────────────────────────────────────────────────────────────────────────


class AgentModel(Strict):
    """A person who answers calls."""

    name: t.Label = key("The person's name.", "Ada Lovelace")
    phone: t.PhoneRef = key("The phone that rings.", "phone101")
    queues: Annotated[tuple[t.QueueRef, ...], Field(max_length=200)] = key("The queues served.", "[sales]")
    penalties: dict[t.QueueRef, Penalty] = Field(
        default={}, description="Of queues where the agent comes after those of a lower penalty; 0 where none is given."
    )
    skills: dict[t.SkillRef, Level] = Field(default={}, description="Levels, 1 to 100.")
    default: Annotated[DefaultStatus, t.OneOf(DefaultStatus)] = Field(
        default=DefaultStatus.LOGGED_OUT, description="The status after the very first start."
    )
    misses: Annotated[int, t.Whole(1, 100)] = Field(
        default=3, description="After so many missed rings in a row the agent is paused."
    )
    ring_timeout: Annotated[Micros, t.Length("5s", "3m")] | None = Field(
        default=None, description="In place of the queue's."
    )
    miss_delay: Annotated[Micros, t.Length("1s", "10m", zero=True)] = lasting(
        "5s", "No new call for so long after a missed ring."
    )
    busy_delay: Annotated[Micros, t.Length("1s", "10m", zero=True)] | None = Field(
        default=None, description="After a phone that was busy; as `miss_delay` if not given."
    )
    reject_delay: Annotated[Micros, t.Length("1s", "10m", zero=True)] | None = Field(
        default=None, description="After a call that was declined; as `miss_delay` if not given."
    )
    nailed_up: t.Bool = Field(
        default=False,
        description="While the agent is available the phone stays on the line, and each call comes in with a beep.",
    )


class PhoneModel(Strict):
    """A SIP phone that callctl provisions in Asterisk, a PJSIP endpoint that exists there, or a number outside."""

    kind: Annotated[PhoneKind, t.OneOf(PhoneKind)] = Field(
        default=PhoneKind.PROVISIONED,
        description="`provisioned` by callctl, `existing` in Asterisk, or `outside`: a `number` of the public network.",
    )
    number: t.NumberText | None = Field(default=None, description="Of a phone that is `outside`.")
    trunk: t.TrunkRef | None = Field(default=None, description="With `number`: over this trunk, if there are several.")
    confirm: Prompts = Field(
        default=(), description="Of a phone that is `outside`: said twice before 1 is pressed to accept the call."
    )
    language: t.Language | None = Field(default=None, description="Of the sounds that are played to it, such as `fr`.")
    auto_answer: Annotated[AutoAnswer, t.OneOf(AutoAnswer)] = Field(
        default=AutoAnswer.NO, description="The header by which the phone answers by itself: see docs/acd.md."
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
        outside = self.kind is PhoneKind.OUTSIDE
        if outside and self.number is None:
            raise bad("`number` is missing", "add the number that is called, such as `+447912345678`")
        for name in (
            ("number", "trunk", "confirm") if not outside else ("password", "endpoint", "extension", "webrtc", "node")
        ):
            if name in self.model_fields_set:
                what = "an `outside` phone" if outside else "a phone of the house"
                raise bad(f"{what} has none", "remove it, or change `kind`", name)


class MailboxModel(Strict):
    """Where callers leave messages: a mailbox that callctl writes for Asterisk's voicemail."""

    name: t.MailboxName = key("Whose it is.", "Reception")
    pin: t.SecretRef = key("4 to 20 digits that are asked for before messages are played.", "file:secrets/mailbox100")
    email: t.Email | None = Field(default=None, description="Asterisk mails messages there, if it can send mail.")
    greeting: Annotated[tuple[t.PlainSound, ...], Field(max_length=32)] = Field(
        default=(), description="Said first, in place of Asterisk's own words; these alone, if given."
    )
    beep: t.Bool = Field(default=True, description="A beep says when to speak.")
    longest: Annotated[Micros, t.Length("5s", "10m")] = lasting("3m", "A message is cut after so long.")
    shortest: Annotated[Micros, t.Length("1s", "1m", zero=True)] = lasting("2s", "A shorter one is not kept.")
    lamp: Annotated[tuple[t.Name, ...], Field(max_length=200)] = Field(
        default=(), description="Agents or phones whose message lamp shows it, and whose code for voicemail plays it."
    )

    def judge(self) -> None:
        if self.shortest >= self.longest:
            raise bad("no message is as long as this and shorter than `longest`", "lower it", "shortest")


class VoicemailModel(Strict):
    """What holds for all mailboxes: of this Asterisk has one."""

    silence: Annotated[Micros, t.Length("1s", "30s")] = lasting("5s", "Silence for so long ends a message.")


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
    language: t.Language | None = Field(default=None, description="Of the sounds that its callers hear, such as `fr`.")
    nat: t.Bool = Field(default=False, description="The carrier is behind NAT: answer to where packets come from.")
    srtp: t.Bool = Field(default=False, description="Encrypted audio (SDES); wants `transport: tls`.")
    trust_identity: t.Bool = Field(
        default=False, description="Believe P-Asserted-Identity and Diversion from here: only from a carrier you trust."
    )
    qualify: Annotated[Micros, t.Length("5s", "1h", zero=True)] = lasting(
        "60s", "Every how long the trunk is asked whether it is there; 0s: never."
    )
    max_channels: Annotated[int, t.Whole(0, 10_000)] = Field(default=0, description="Calls at once; 0: no limit.")
    keep_free: Annotated[int, t.Whole(0, 10_000)] = Field(
        default=0, description="Of `max_channels`, left to callers, transfers and emergencies: campaigns take the rest."
    )
    calls_a_second: Annotated[int, t.Whole(0, 1000)] = Field(
        default=0, description="Of campaigns, that begin within a second; 0: no limit."
    )
    back_off: Annotated[Micros, t.Length("1s", "10m")] = lasting(
        "5s", "Campaigns leave the trunk alone for so long after it failed, twice as long after each further failure."
    )
    fast_answer: Annotated[Micros, t.Length("100ms", "10s", zero=True)] = lasting(
        "0s", "A campaign's call that is answered sooner is flagged: hardly a person; 0s: never."
    )
    calls_a_day: Annotated[int, t.Whole(0, 1_000_000)] = Field(
        default=500, description="Calls out on a day (UTC), emergency calls apart; 0: no limit."
    )
    minutes_a_day: Annotated[int, t.Whole(0, 10_000_000)] = Field(
        default=3000, description="No call out after so many minutes of them on a day (UTC); 0: no limit."
    )
    emergency: t.Bool = Field(default=False, description="Emergency calls may go out here, in the order of the file.")
    node: t.NodeRef | None = Field(default=None, description="The PBX node; the first of `nodes` if not given.")

    def judge(self) -> None:
        if self.kind is TrunkKind.REGISTER and self.username is None:
            raise bad("`username` is missing", "add `username`, or make it `kind: ip`")
        if self.username is not None and self.password is None:
            raise bad("`password` is missing", "add `password: file:secrets/NAME`")
        if self.password is not None and self.username is None:
            raise bad("a password without a user name", "add `username`, or remove it", "password")
        if self.keep_free and not self.max_channels:
            raise bad("`keep_free` without `max_channels`: of nothing", "add `max_channels`, or remove it", "keep_free")
        if self.keep_free and self.keep_free >= self.max_channels:
            wrong = f"all of {self.max_channels} `max_channels` are kept free: no campaign could dial"
            raise bad(wrong, f"at most {self.max_channels - 1}", "keep_free")


class CallerModel(Strict):
    """What is known of one caller's number."""

    name: t.Label | None = Field(default=None, description="For people.")
    priority: Annotated[int, t.Whole(0, 1000)] = Field(
        default=0, description="Points of the score, beside the destination's."
    )
    agent: t.AgentRef | None = Field(
        default=None, description="Waited for at first, in queues that the agent serves, as long as their `patience`."
    )
    blocked: t.Bool = Field(default=False, description="Calls from here go where `blocked` (at the top level) says.")


class EmergencyModel(Strict):
    """Emergency numbers go out from every phone, whatever else happens, by the dialplan alone."""

    numbers: Annotated[tuple[t.Digits, ...], Field(min_length=1, max_length=50)] = key(
        "The numbers of your country.", "[112]"
    )
    callback_window: Annotated[Micros, t.Length("1m", "7d")] = lasting(
        "1h", "How long after an emergency call its caller ID leads back to that phone."
    )


class DialingModel(Strict):
    """Against toll fraud: what may be dialled outside, whoever asks. Emergency calls are no part of it."""

    allowed: Annotated[tuple[t.Prefix, ...], Field(max_length=200)] | None = Field(
        default=None, description="Numbers that begin so; those of `country` if not given."
    )
    refused: Annotated[tuple[t.Prefix, ...], Field(max_length=200)] = Field(
        default=(), description="Of these, those that begin so are not dialled."
    )
    premium: t.Bool = Field(default=False, description="Premium-rate numbers may be dialled.")
    stopped: t.Bool = Field(default=False, description="The kill switch: nothing outside is dialled any more.")
    longest: Annotated[Micros, t.Length("1m", "24h")] = lasting(
        "2h", "A caller who was sent to an outside number is cut off after so long."
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
    speech: SpeechModel = Field(default=SpeechModel(), description="How the texts of `{speak: …}` are spoken.")
    country: t.Country = Field(
        default="US", description="ISO 3166; numbers in national form are read as this country's."
    )
    trunks: dict[t.Name, TrunkModel] = Field(default={}, description="Lines to the telephone network.")
    numbers: dict[t.NumberText, Goal] = Field(default={}, description="Where calls to each number go.")
    unknown_number: Goal = Field(
        default=Goal(hang_up=HangupReason.UNALLOCATED), description="Where calls to any other number go."
    )
    callers: dict[t.NumberText, CallerModel] = Field(default={}, description="What is known of callers, by number.")
    blocked: Goal = Field(
        default=Goal(hang_up=HangupReason.REJECTED), description="Where calls from a blocked number go."
    )
    last_resort: Goal = Field(
        default=Goal(hang_up=HangupReason.NORMAL),
        description="Where a caller goes who would come back to a queue that sent them on: not to a queue or menu.",
    )
    switches: dict[t.Name, SwitchModel] = Field(
        default={}, description="What people turn on and off: queues and calendars may be closed meanwhile."
    )
    calendars: dict[t.Name, CalendarModel] = Field(default={}, description="Opening hours, for queues and flows.")
    menus: dict[t.Name, MenuModel] = Field(default={}, description="The IVR.")
    flows: dict[t.Name, FlowModel] = Field(default={}, description="Callers' ways of many steps: see docs/flows.md.")
    skills: dict[t.Name, t.Label] = Field(default={}, description="What agents may be good at, in words.")
    queues: dict[t.Name, QueueModel] = Field(default={}, description="Where callers wait.")
    agents: dict[t.Name, AgentModel] = Field(default={}, description="Who answers.")
    phones: dict[t.Name, PhoneModel] = Field(default={}, description="What rings.")
    mailboxes: dict[t.MailboxNumber, MailboxModel] = Field(
        default={}, description="Where callers leave messages: see docs/voicemail.md."
    )
    voicemail: VoicemailModel = Field(default=VoicemailModel(), description="What holds for all mailboxes.")
    features: dict[t.FeatureCode, Annotated[Feature, t.OneOf(Feature)]] = Field(
        default={}, description="Codes that agents dial on their phones."
    )
    short_codes: Annotated[tuple[t.ShortNumber, ...], Field(max_length=200)] = Field(
        default=(), description="Short numbers of the network that are no emergency numbers."
    )
    emergency: EmergencyModel | None = Field(default=None, description="Emergency numbers.")
    dialing: DialingModel = Field(default=DialingModel(), description="What may be dialled outside.")
    rule_sets: dict[t.Name, RuleSetModel] = Field(
        default={}, description="The law for calls to people, by who is called: see docs/law.md."
    )
    campaigns: dict[t.Name, CampaignModel] = Field(default={}, description="Calls to lists of people.")
    dispositions: dict[t.Name, DispositionModel] = Field(
        default={}, description="What agents say that calls came to: a tree."
    )
    lookup_headers: dict[t.Name, t.Headers] = Field(
        default={},
        description="Headers for lookups, by a name for the set; values are references: see docs/lookups.md.",
    )
    lease: LeaseModel = Field(default=LeaseModel(), description="How long callers wait for a dead callctl.")
