"""ARI's JSON, as a real Asterisk 22.10.1 wrote it, to the core's events; the core's commands to requests."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.asterisk.translate import (
    DIGITS,
    LONGEST_TEXT,
    Reading,
    clean,
    endpoint_of,
    failure,
    forward_in,
    harmless,
    heard_in,
    ids_of,
    is_contact,
    is_ours,
    listened,
    music,
    requests,
    snapshot,
)
from callctl.asterisk.wire import ALLOWED, NO_ANSWER, Reply, Request
from callctl.core.addresses import E164, Extension, ShortCode, Withheld
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
    Watch,
)
from callctl.core.events import (
    BridgeFailed,
    CallArrived,
    DigitPressed,
    Heard,
    LegAnswered,
    LegGone,
    LegLeft,
    LegRinging,
    LegState,
    LegUp,
    MessageLeft,
    PlaybackEnded,
)
from callctl.core.ids import SECOND, BridgeId, CallId, LegId, NodeId, PhoneId, PlaybackId, QueueId, TrunkId
from callctl.core.permits import Permit, Purpose
from callctl.core.policy import (
    AutoAnswer,
    DidFrom,
    Drop,
    Feature,
    HangupReason,
    NumberRules,
    OutsideNumber,
    PhoneKind,
    PhonePolicy,
    Policy,
    TrunkKind,
    TrunkPolicy,
    Voicemail,
)

pytestmark = pytest.mark.adapter

DATA = Path(__file__).parent / "data"
NODE = NodeId("pbx")
LEG = LegId("01M80EC7N1J452VV4909EC3FQB")
CALL = CallId("01M80EC84TE6XN9P6H06TVKGTD")


def trunk(name: str, **more: Any) -> TrunkPolicy:
    return TrunkPolicy(
        TrunkId(name), TrunkKind.IP, NODE, "192.0.2.1", numbers=more.pop("numbers", NumberRules("FR")), **more
    )


POLICY = Policy(
    country="FR",
    phones={
        PhoneId("anna"): PhonePolicy(PhoneId("anna"), PhoneKind.PROVISIONED, "anna", NODE, Extension("101")),
    },
    trunks={
        t.id: t
        for t in (
            trunk("pstn", trust_identity=True),
            trunk("plain"),
            trunk("to", numbers=NumberRules("FR", did_from=DidFrom.TO)),
        )
    },
    features={"*45": Feature.LOGIN},
)
READING = Reading.of(NODE, POLICY)


def recorded(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def started(*args: str, leg: str = LEG) -> dict[str, Any]:
    return {"type": "StasisStart", "args": list(args), "channel": {"id": leg, "state": "Ring"}}


def arrived(*args: str) -> CallArrived:
    event = READING.event(started(*args))
    assert isinstance(event, CallArrived)
    return event


def test_every_recorded_event_is_understood() -> None:
    """What Asterisk wrote during one run of tests/e2e/test_link.py."""
    understood = [READING.event(said) for said in recorded("ari_events.json")]
    kinds = {type(event) for event in understood if event is not None}
    assert kinds == {CallArrived, LegRinging, LegAnswered, LegLeft, LegGone, DigitPressed, PlaybackEnded}
    ends = {(e.cause, e.sip) for e in understood if isinstance(e, LegGone)}
    assert ends == {(16, 0), (17, 486), (21, 603), (21, 0), (38, 500), (23, 302), (19, 480), (26, 0)}
    nothing = {said["type"] for said in recorded("ari_events.json") if READING.event(said) is None}
    assert nothing == {"Dial", "ChannelStateChange", "ChannelUserevent", "ApplicationReplaced", "RESTResponse"}


def test_every_recorded_kind_passes_the_filter() -> None:
    assert {said["type"] for said in recorded("ari_events.json")} <= set(ALLOWED)


def test_a_forward_is_seen() -> None:
    found = [f for said in recorded("ari_events.json") if (f := forward_in(said)) is not None]
    assert len(found) == 1
    assert is_ours(found[0].leg)
    assert found[0].dialled is not None
    assert not is_ours(found[0].dialled)


def test_a_snapshot_tells_what_exists_and_how_it_came_in() -> None:
    lists = recorded("ari_lists.json")
    found = snapshot(READING, lists["channels"], lists["bridges"])
    assert set(found.bridges) == {CALL, "hold-sales"}
    legs = {leg.leg: leg for leg in found.legs}
    assert legs[LEG].bridge == CALL
    assert legs[LEG].state is LegState.UP
    assert legs[LEG].in_app
    assert legs[LEG].arrival is None
    caller = next(leg for leg in found.legs if leg.leg != LEG)
    assert isinstance(caller.arrival, CallArrived)
    assert (caller.arrival.caller, caller.arrival.trunk) == (E164("33612345678"), "pstn")


def test_a_channel_in_the_dialplan_is_not_ours() -> None:
    channel = {"id": "x.1", "state": "Up", "dialplan": {"app_name": "Playback", "app_data": "callctl,in,exten=1"}}
    other = {"id": "x.2", "state": "Up", "dialplan": {"app_name": "Stasis", "app_data": "another,in,exten=1"}}
    broken: dict[str, Any] = {"state": "Up"}
    found = snapshot(READING, [channel, other, broken], [])
    assert [(leg.leg, leg.in_app, leg.arrival) for leg in found.legs] == [("x.1", False, None), ("x.2", False, None)]


# ── calls to people on lists ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("args", "heard", "quiet"),
    [
        (("dialled",), Heard.NOTHING, 0),
        (("dialled", "", ""), Heard.NOTHING, 0),  # AMD had no codec to listen with
        (("dialled", "HUMAN", "HUMAN-703-700"), Heard.HUMAN, 703_000),
        (("dialled", "HUMAN", ""), Heard.HUMAN, 0),
        (("dialled", "HUMAN", "HUMAN-x-700"), Heard.HUMAN, 0),
        (("dialled", "HUMAN", "HUMAN--5-700"), Heard.HUMAN, 0),
        (("dialled", "HUMAN", "HUMAN-999999999999-1"), Heard.HUMAN, 0),
        (("dialled", "MACHINE", "LONGGREETING-1800-1800"), Heard.MACHINE, 0),
        (("dialled", "MACHINE", "MAXWORDS-6-5"), Heard.MACHINE, 0),
        (("dialled", "MACHINE", "MAXWORDLENGTH-5000"), Heard.MACHINE, 0),
        (("dialled", "MACHINE", "INITIALSILENCE-1500-1500"), Heard.SILENCE, 0),
        (("dialled", "NOTSURE", "TOOLONG-4000"), Heard.UNSURE, 0),
        (("dialled", "NOTSURE", "NOAUDIODATA-0"), Heard.SILENCE, 0),
        (("dialled", "FAX", "LONGGREETING-1800-1800"), Heard.FAX, 0),
        (("dialled", "SIT", ""), Heard.SIT, 0),
        (("dialled", "HANGUP", ""), Heard.UNSURE, 0),
        (("dialled", "SOMETHING", "NEW-1", "x"), Heard.UNSURE, 0),
    ],
)
def test_what_was_heard_comes_with_the_answer(args: tuple[str, ...], heard: Heard, quiet: int) -> None:
    assert READING.event(started(*args)) == LegAnswered(NODE, LEG, heard, quiet)
    data = ",".join(("callctl", *args))
    channel = {"id": LEG, "state": "Up", "dialplan": {"app_name": "Stasis", "app_data": data}}
    (seen,) = snapshot(READING, [channel], []).legs
    assert (seen.in_app, seen.arrival) == (True, LegAnswered(NODE, LEG, heard, quiet))


@given(st.text(), st.text())
def test_no_verdict_raises(status: str, cause: str) -> None:
    heard, quiet = heard_in(status, cause)
    assert quiet == 0 or (heard is Heard.HUMAN and 0 < quiet < 100 * SECOND)


def test_only_of_legs_to_lists_it_is_told_that_they_are_up_and_that_the_network_makes_progress() -> None:
    """`Dial` and `ChannelStateChange` as an Asterisk 22.10.1 wrote them at 183 and 200, without what is not read."""
    progress = {"type": "Dial", "dialstatus": "PROGRESS", "forward": "", "peer": {"id": LEG, "state": "Down"}}
    up = {"type": "ChannelStateChange", "channel": {"id": LEG, "state": "Up"}}
    reading = Reading.of(NODE, POLICY, {LEG})
    assert reading.event(progress) == LegRinging(NODE, LEG)
    assert reading.event(up) == LegUp(NODE, LEG)
    for status in ("", "RINGING", "ANSWER", "BUSY", "NOANSWER"):
        assert reading.event({**progress, "dialstatus": status}) is None
    assert READING.event(progress) is None
    assert READING.event(up) is None
    assert READING.event({**up, "channel": {"id": LEG, "state": "Ringing"}}) == LegRinging(NODE, LEG)


def test_the_dialplan_tells_that_a_message_was_left() -> None:
    said = {"type": "ChannelUserevent", "eventname": "CallctlMessageLeft", "channel": {"id": LEG}, "userevent": {}}
    assert READING.event(said) == MessageLeft(NODE, LEG)
    assert READING.event({**said, "eventname": "SomethingElse"}) is None
    assert READING.event({**said, "channel": None}) is None


@pytest.mark.parametrize(
    ("seconds", "length"), [("12", 12 * SECOND), ("", 0), ("12;x", 0), ("-3", 0), ("9" * 30, 0), (None, 0)]
)
def test_the_dialplan_tells_that_a_caller_left_a_message(seconds: str | None, length: int) -> None:
    more = {} if seconds is None else {"Seconds": seconds}
    said = {"type": "ChannelUserevent", "eventname": "CallctlVoicemail", "channel": {"id": LEG}, "userevent": more}
    assert READING.event(said) == MessageLeft(NODE, LEG, length)


# ── who calls, and whom ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("args", "caller", "name"),
    [
        (("num=%2B33612345678", "name=Al", "pres=allowed"), E164("33612345678"), "Al"),
        (("num=0612345678", "name=", "pres=allowed_passed_screen"), E164("33612345678"), ""),
        (("num=%2B33612345678", "name=Al", "pres=prohib_not_screened"), Withheld(), ""),
        (("num=%2B33612345678", "name=Al", "pres=unavailable"), Withheld(), ""),
        (("num=anonymous", "name=Anonymous", "pres=allowed"), Withheld("an*****us"), "Anonymous"),
        (("num=", "name=", "pres=allowed"), Withheld(), ""),
        (("num=%2B33%0D%0A1", "name=a%0D%0Ab%00c%1B", "pres=allowed"), Withheld("******"), "a b c"),
        (("num=%24%7BSHELL%28x%29%7D", "name=%24%7BX%7D%2C%22%5C", "pres=allowed"), Withheld("${SH****)}"), '${X},"\\'),
        (("num=%FF%FE", "name=%FF%C3%A9", "pres=allowed"), Withheld("**"), "\ufffdé"),
        (("num=" + "1" * 10_000, "name=" + "x" * 10_000, "pres=allowed"), None, "x" * LONGEST_TEXT),
        # A caller from outside is never one of our phones or codes.
        (("num=101", "name=anna", "pres=allowed"), Withheld("***"), "anna"),
    ],
)
def test_a_caller_is_an_address_or_withheld(args: tuple[str, ...], caller: object, name: str) -> None:
    event = arrived("in", "exten=%2B33123456789", "trunk=pstn", "phone=", *args)
    assert event.caller_name == name
    if caller is None or isinstance(caller, Withheld):
        assert isinstance(event.caller, Withheld)
        assert len(event.caller.said) <= LONGEST_TEXT
    else:
        assert event.caller == caller


def test_the_called_number_comes_from_where_the_trunk_says() -> None:
    args = ("phone=", "num=", "pres=allowed", "to=%3Csip%3A%2B33123456789%40x%3E")
    assert arrived("in", "exten=account7", "trunk=to", *args).dialled == E164("33123456789")
    assert isinstance(arrived("in", "exten=account7", "trunk=plain", *args).dialled, Withheld)
    assert arrived("in", "exten=0123456789", "trunk=to", "to=").dialled == E164("33123456789")


def test_a_diversion_is_believed_of_marked_trunks_only() -> None:
    args = ("exten=0123456789", "phone=", "num=", "pres=allowed", "diversion=%2B33199001122")
    assert arrived("in", "trunk=pstn", *args).diverted_from == E164("33199001122")
    assert arrived("in", "trunk=plain", *args).diverted_from is None


def test_a_phone_is_known_by_its_context_not_by_what_it_says() -> None:
    event = arrived("in", "exten=0123456789", "trunk=", "phone=anna", "num=%2B33600000000", "name=Boss")
    assert (event.phone, event.caller, event.caller_name) == ("anna", Extension("101"), "")
    feature = arrived("feature", "exten=*45", "phone=anna")
    assert (feature.feature_code, feature.dialled, feature.phone) == ("*45", ShortCode("*45"), "anna")
    assert arrived("feature", "exten=*99", "phone=anna").feature_code == ""
    assert arrived("feature", "exten=*45", "phone=nobody").phone is None


def test_a_context_of_the_operators_own_is_read_by_the_house_country() -> None:
    event = arrived("in", "exten=0123456789", "trunk=", "phone=", "num=0612345678", "pres=allowed")
    assert (event.dialled, event.caller, event.trunk) == (E164("33123456789"), E164("33612345678"), None)


def test_only_keys_of_a_telephone_are_digits() -> None:
    for digit in ("5", "*", "#", "D"):
        event = READING.event({"type": "ChannelDtmfReceived", "digit": digit, "channel": {"id": LEG}})
        assert event == DigitPressed(NODE, LEG, digit)
    wrong: list[Any] = ["", "55", "e", "d", "\r", "٣", None, 5]
    for digit in wrong:
        assert READING.event({"type": "ChannelDtmfReceived", "digit": digit, "channel": {"id": LEG}}) is None


@pytest.mark.parametrize(
    "said",
    [
        {}, {"type": None}, {"type": "StasisStart"}, {"type": "StasisStart", "channel": None, "args": []},
        started(), started("else"), {"type": "ChannelDestroyed", "channel": {"id": "x"}, "cause": "many"},
        {"type": "PlaybackFinished", "playback": {"id": "p", "target_uri": "bridge:x", "state": "done"}},
        {"type": "PlaybackFinished", "playback": []}, {"type": "ChannelStateChange", "channel": {"id": "x"}},
        {"type": "SomethingNew", "channel": {"id": "x"}},
    ],
)  # fmt: skip
def test_what_is_not_understood_is_nothing(said: dict[str, Any]) -> None:
    assert READING.event(said) is None


@given(st.text(), st.text(), st.text(), st.text())
def test_no_text_from_outside_does_harm(exten: str, number: str, name: str, to: str) -> None:
    event = arrived(
        "in", f"exten={quote(exten)}", "trunk=to", f"num={quote(number)}", f"name={quote(name)}", f"to={quote(to)}",
        "pres=allowed",
    )  # fmt: skip
    for text in (event.dialled_text, event.caller_name):
        assert len(text) <= LONGEST_TEXT
        assert text.isprintable()


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.dictionaries(st.text(), x)))
def test_no_json_raises(said: Any) -> None:
    for kind in (*ALLOWED, "x"):
        READING.event({"type": kind, "channel": said, "playback": said, "digit": said, "args": said, "cause": said})


# ── commands ─────────────────────────────────────────────────────────────────────────────────

COMMANDS: list[tuple[Command, tuple[str, ...]]] = [
    (Watch(NODE, LEG), (f"POST applications/callctl/subscription eventSource=channel:{LEG}",)),
    (Answer(NODE, LEG), (f"POST channels/{LEG}/answer",)),
    (
        Play(NODE, LEG, PlaybackId("p1"), ("sound:a", "number:3")),
        (
            f"POST channels/{LEG}/variable variable=CC_PLAYBACK value=p1",
            f"POST channels/{LEG}/play media=sound:a,number:3 playbackId=p1",
        ),
    ),
    (
        Play(NODE, LEG, PlaybackId("p1"), ("sound:a",), language="fr_CA"),
        (
            f"POST channels/{LEG}/variable variable=CC_PLAYBACK value=p1",
            f"POST channels/{LEG}/play media=sound:a playbackId=p1 lang=fr_CA",
        ),
    ),
    (StopPlay(NODE, PlaybackId("p1")), ("DELETE playbacks/p1",)),
    (
        Hold(NODE, LEG, QueueId("sales"), "jazz"),
        (
            "POST bridges type=holding bridgeId=hold-sales",
            f"POST bridges/hold-sales/addChannel channel={LEG}",
        ),
    ),
    (
        Bridge(NODE, CALL, LegId("c.1"), LEG),
        (f"POST bridges type=mixing bridgeId={LEG}", f"POST bridges/{LEG}/addChannel channel=c.1,{LEG}"),
    ),
    (DropBridge(NODE, BridgeId(LEG)), (f"DELETE bridges/{LEG}",)),
    (
        DropBridge(NODE, BridgeId(LEG), LegId("c.1")),
        (f"POST bridges/{LEG}/removeChannel channel=c.1", f"DELETE bridges/{LEG}"),
    ),
    (Hangup(NODE, LEG, HangupReason.ANSWERED_ELSEWHERE), (f"DELETE channels/{LEG} reason=answered_elsewhere",)),
    (
        Lease(NODE, LEG, 90 * SECOND + 1),
        (f"POST channels/{LEG}/variable variable=TIMEOUT(absolute) value=91",),
    ),
    (Beat(NODE), ("POST asterisk/variable variable=CC_ALIVE_UNTIL value=1010",)),
]


def shown(request: Request) -> str:
    return " ".join([request.method, request.uri, *(f"{k}={v}" for k, v in request.query)])


@pytest.mark.parametrize(("command", "wanted"), COMMANDS)
def test_each_command_becomes_its_requests(command: Command, wanted: tuple[str, ...]) -> None:
    assert tuple(shown(r) for r in requests(command, 1000.9)) == wanted


def test_a_bridge_that_exists_is_not_made_and_its_music_is_asked_for_apart() -> None:
    found = requests(Hold(NODE, LEG, QueueId("sales"), "jazz"), 0, frozenset({"hold-sales"}))
    assert [shown(r) for r in found] == [f"POST bridges/hold-sales/addChannel channel={LEG}"]
    assert shown(music("sales", "jazz")) == "POST bridges/hold-sales/moh mohClass=jazz"


def ring(**more: Any) -> RingPhone:
    values: dict[str, Any] = {
        "contact": "sip:anna@192.0.2.7:5062;ob",
        "caller_number": "+33612345678",
        "caller_name": "Al",
    }
    return RingPhone(NODE, LEG, CALL, timeout=20 * SECOND, **{"endpoint": "anna", **values, **more})


def test_a_phone_is_rung_through_the_dialplan() -> None:
    listen, make, watch = requests(ring(), 0)
    assert (shown(listen), shown(listened(ring().endpoint))) == (
        "POST applications/callctl/subscription eventSource=endpoint:PJSIP/anna",
        "DELETE applications/callctl/subscription eventSource=endpoint:PJSIP/anna",
    )
    assert shown(watch) == f"POST applications/callctl/subscription eventSource=channel:{LEG}"
    assert shown(make) == "POST channels"
    assert make.body == {
        "endpoint": "PJSIP/anna/sip:anna@192.0.2.7:5062;ob",
        "context": "callctl-leg",
        "extension": "s",
        "priority": 1,
        "channelId": LEG,
        "timeout": 20,
        "callerId": '"Al" <+33612345678>',
        "variables": {"FORWARD_CONTEXT": "callctl-no-forward", "CC_LEG": LEG},
    }


OUTSIDE = OutsideNumber(E164("447912345678"), TrunkId("carrier"), "+447912345678", "trunk-carrier")


def permit(**changes: Any) -> Permit:
    return Permit(Purpose.AGENT, replace(OUTSIDE, **changes))


def test_a_number_outside_is_dialled_over_its_trunk_alone() -> None:
    make = requests(ring(endpoint="trunk-carrier", contact="", permit=permit()), 0)[1]
    assert make.body is not None
    assert make.body["endpoint"] == "PJSIP/+447912345678@trunk-carrier"


def dial(**more: Any) -> Dial:
    values: dict[str, Any] = {"permit": permit(), "caller_number": "+441632960000", "timeout": 40 * SECOND, **more}
    return Dial(NODE, LEG, CALL, **values)


def test_somebody_on_a_list_is_dialled_through_a_context_of_its_own() -> None:
    first, make, watch = requests(dial(), 0)
    assert shown(first) == "POST applications/callctl/subscription eventSource=endpoint:PJSIP/trunk-carrier"
    assert shown(watch) == f"POST applications/callctl/subscription eventSource=channel:{LEG}"
    assert endpoint_of(dial()) == "trunk-carrier"
    assert make.body == {
        "endpoint": "PJSIP/+447912345678@trunk-carrier",
        "context": "callctl-dialled",
        "extension": "s",
        "priority": 1,
        "channelId": LEG,
        "timeout": 40,
        "callerId": '"" <+441632960000>',
        "variables": {"FORWARD_CONTEXT": "callctl-no-forward", "CC_LEG": LEG},
    }
    (alone,) = requests(dial(detect=True), 0, heard={"trunk-carrier"})
    assert alone.body == {**make.body, "variables": {**make.body["variables"], "CC_DETECT": "1"}}
    told = requests(dial(harbour=("sound:im-sorry", "tone:busy", "sound:custom/who-we-are")), 0)[1].body
    assert told is not None
    assert told["variables"]["CC_HARBOUR_SOUND"] == "im-sorry&custom/who-we-are"


@pytest.mark.parametrize("number", ["", "anonymous", "+4416<329", "12", "+44,1632960000"])
def test_nobody_is_called_from_what_is_no_number(number: str) -> None:
    with pytest.raises(ValueError, match="must not be shown"):
        requests(dial(caller_number=number), 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"dial": "+4479&PJSIP/evil"},
        {"dial": "1@2"},
        {"dial": ""},
        {"dial": "*21#"},
        {"dial": "1" * 30},
        {"endpoint": "trunk/x"},
        {"endpoint": "a,b"},
    ],
)
def test_what_is_no_plain_number_is_never_dialled(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="must not be dialled"):
        requests(ring(permit=permit(**changes)), 0)
    with pytest.raises(ValueError, match="must not be dialled"):
        requests(dial(permit=permit(**changes)), 0)
    with pytest.raises(ValueError, match="must not be dialled"):
        requests(HandOver(NODE, LEG, permit(**changes), SECOND), 0)


@pytest.mark.parametrize("how", AutoAnswer)
def test_phones_are_told_to_answer_by_a_header(how: AutoAnswer) -> None:
    body = requests(ring(auto_answer=how), 0)[1].body
    assert body is not None
    headers = [name for name in body["variables"] if name.startswith("PJSIP_HEADER(add,")]
    assert len(headers) == (0 if how is AutoAnswer.NO else 1)


def test_a_caller_is_handed_over_with_the_variables_first() -> None:
    found = [shown(r) for r in requests(HandOver(NODE, LEG, permit(), 7200 * SECOND), 0)]
    assert found == [
        f"POST channels/{LEG}/variable variable=CC_TO value=+447912345678",
        f"POST channels/{LEG}/variable variable=CC_VIA value=trunk-carrier",
        f"POST channels/{LEG}/variable variable=TIMEOUT(absolute) value=7200",
        f"POST channels/{LEG}/continue context=callctl-out extension=number priority=1",
    ]
    found = [shown(r) for r in requests(HandOver(NODE, LEG, Voicemail("100@default"), SECOND), 0)]
    assert found[0] == f"POST channels/{LEG}/variable variable=CC_TO value=100@default"
    assert found[-1] == f"POST channels/{LEG}/continue context=callctl-out extension=voicemail priority=1"
    for mailbox in ("1,s", "1&2", "", "a" * 99):
        with pytest.raises(ValueError, match="mailbox"):
            requests(HandOver(NODE, LEG, Voicemail(mailbox), SECOND), 0)


def test_a_message_for_a_machine_is_of_plain_sounds() -> None:
    message = Drop(("sound:en_GB/vm-goodbye", "sound:custom/call_us-2"))
    found = [shown(r) for r in requests(HandOver(NODE, LEG, message, 120 * SECOND), 0)]
    assert found == [
        f"POST channels/{LEG}/variable variable=CC_TO value=en_GB/vm-goodbye&custom/call_us-2",
        f"POST channels/{LEG}/variable variable=TIMEOUT(absolute) value=120",
        f"POST channels/{LEG}/continue context=callctl-out extension=message priority=1",
    ]
    for prompt in (
        "sound:a,b",
        "sound:a&b",
        "sound:${X}",
        "sound:",
        "number:3",
        "sound:../a",
        "vm-goodbye",
        "sound:a b",
    ):
        with pytest.raises(ValueError, match="message"):
            requests(HandOver(NODE, LEG, Drop(("sound:fine", prompt)), SECOND), 0)
    with pytest.raises(ValueError, match="message"):
        requests(HandOver(NODE, LEG, Drop(()), SECOND), 0)


def test_a_caller_who_is_not_answered_hears_it_ring() -> None:
    assert [shown(r) for r in requests(RingBack(NODE, LEG), 0)] == [f"POST channels/{LEG}/ring"]


def test_a_name_cannot_leave_its_quotes() -> None:
    body = requests(ring(caller_name='x" <112> "\r\n\\', caller_number="1>2"), 0)[1].body
    assert body is not None
    assert body["callerId"] == '"x 112" <>'


@pytest.mark.parametrize(
    "contact",
    [
        "sip:a@b&PJSIP/112@trunk-pstn", "sip:a/b@c", "sip:a,b@c", "sip:a@b?Replaces=x", "sip:a@b;x={1}", "sip:a@b c",
        "sip:a@b\r\nX: y", "sip:a%2F@b", "http://x", "sip:", "sip:@", "tel:112", "sip:a@b@c", "sip:a@b;x=\"y\"",
        "sip:" + "a" * 300 + "@b", "sip:a@b|c", "sip:${X}@b", "sip:a@b\n", "sips:a@[::1", "Local/1@x",
    ],
)  # fmt: skip
def test_a_contact_that_could_be_read_otherwise_is_never_dialled(contact: str) -> None:
    assert not is_contact(contact)
    with pytest.raises(ValueError, match="contact"):
        requests(ring(contact=contact), 0)


@pytest.mark.parametrize(
    "contact",
    [
        "sip:anna@192.0.2.7:5062", "sip:anna@192.0.2.7:5062;transport=tcp", "sips:1001@[2001:db8::1]:5061",
        "sip:9tqk1v2l@192.0.2.5:49152;transport=ws;x-ast-orig-host=q1w2.invalid:0", "sip:192.0.2.7", "sip:a~b_c@h.x;ob",
    ],
)  # fmt: skip
def test_what_phones_register_is_a_contact(contact: str) -> None:
    assert is_contact(contact)


@pytest.mark.parametrize("language", ["../en", "en/../fr", "fr FR", "en,fr", "EN", "${X}", "e", "en_", "fr\n"])
def test_what_is_no_language_is_never_played(language: str) -> None:
    """Asterisk makes a folder's name of it."""
    with pytest.raises(ValueError, match="no language"):
        requests(Play(NODE, LEG, PlaybackId("p"), ("sound:a",), language=language), 0)


def test_an_endpoint_is_a_name() -> None:
    for endpoint in ("anna&bert", "anna/x", "", "a,b", "a@b"):
        with pytest.raises(ValueError, match="endpoint"):
            requests(ring(endpoint=endpoint), 0)


@given(st.text())
def test_clean_text_is_clean(text: str) -> None:
    kept = clean(text)
    assert kept.isprintable()
    assert len(kept) <= LONGEST_TEXT
    assert clean(kept) == kept


def test_failures_become_what_the_commands_promise() -> None:
    gone, refused = Reply(404), Reply(500, "Allocation failed")
    assert failure(dial(), 1, refused) == LegGone(NODE, LEG, 41)
    assert failure(ring(), 1, refused) == LegGone(NODE, LEG)
    for making in (ring(), dial()):
        assert failure(making, 1, Reply(409)) is None
        assert harmless(making, 1, Reply(409))
        assert not harmless(making, 1, refused)
        assert failure(making, 2, Reply(422)) == LegGone(NODE, LEG)
        assert failure(making, 0, gone) is None
    watch = Watch(NODE, LegId("c.1"))
    assert failure(watch, 0, Reply(422)) == LegGone(NODE, LegId("c.1"))
    assert failure(watch, 0, gone) is None, "our application is not there; of the leg it says nothing"
    assert harmless(watch, 0, Reply(422))
    bridge = Bridge(NODE, CALL, LegId("c.1"), LEG)
    assert failure(bridge, 1, Reply(400)) == BridgeFailed(NODE, CALL, LEG, "400")
    assert failure(bridge, 0, Reply(409)) is None
    play = Play(NODE, LEG, PlaybackId("p"), ("sound:x",))
    assert failure(play, 0, gone) is None
    assert failure(play, 1, gone) == PlaybackEnded(NODE, LEG, PlaybackId("p"), failed=True)
    for command, _ in COMMANDS:
        assert failure(command, 0, NO_ANSWER) is None
        assert failure(command, 0, Reply(204)) is None
        assert harmless(command, 0, gone)


def test_whom_a_command_is_about_is_named() -> None:
    assert ids_of(Bridge(NODE, CALL, LegId("c.1"), LEG)) == {"call": CALL, "legs": ["c.1", LEG]}
    assert ids_of(ring()) == {"call": CALL, "leg": LEG}, "and no number, no contact"
    assert ids_of(Answer(NODE, LEG)) == {"leg": LEG}
    assert ids_of(Beat(NODE)) == {}


def test_the_digits_are_those_of_a_telephone() -> None:
    assert len(DIGITS) == 16
