"""AMI against a scripted server: what panoramisk does not do by itself, and what phones' events come to."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog

from callctl.asterisk.ami import (
    Ami,
    AmiAddress,
    AmiError,
    AmiRefusedError,
    BadValueError,
    Connection,
    OutcomeUnknownError,
    check_text,
)
from callctl.asterisk.phones import Contact, Lists, Phones, Said
from callctl.core.addresses import Emergency
from callctl.core.events import EmergencyDialled, Event, PhoneBusy, PhoneContacts, TrunkState
from callctl.core.ids import SECOND, NodeId, PhoneId, TrunkId
from callctl.core.policy import EmergencyPolicy, PhoneKind, PhonePolicy, Policy, TrunkKind, TrunkPolicy
from callctl.lab.ports import HOST, free_tcp

pytestmark = pytest.mark.adapter

NODE = NodeId("pbx")
ANNA, KEPT = PhoneId("anna"), PhoneId("kept")
URI = "sip:anna@192.0.2.7:5062"
POLICY = Policy(
    phones={
        ANNA: PhonePolicy(ANNA, PhoneKind.PROVISIONED, "anna", NODE),
        KEPT: PhonePolicy(KEPT, PhoneKind.EXISTING, "1003", NODE),
    },
    trunks={
        t.id: t
        for t in (
            TrunkPolicy(TrunkId("ip"), TrunkKind.IP, NODE, "192.0.2.1", qualify=60 * SECOND),
            TrunkPolicy(TrunkId("reg"), TrunkKind.REGISTER, NODE, "192.0.2.2", username="acme", qualify=0),
        )
    },
    emergency=EmergencyPolicy((Emergency("112"),)),
)
Headers = dict[str, str]


@dataclass
class Pbx:
    """Asterisk's part: answers what it is scripted to, and what every login needs."""

    secret: str = "sécret"
    said: list[Headers] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    """Actions that get no answer."""
    variables: Headers = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    """By action: the items and the end of the list, `{id}` where the ActionID goes."""
    refused: set[str] = field(default_factory=set)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.split(": ", 1) for line in text.split("\r\n") if ": " in line)
                self.said.append(headers)
                if headers["Action"] not in self.silent:
                    writer.write(self._answer(headers).encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, asked: Headers) -> str:
        tag = f"ActionID: {asked['ActionID']}\r\n"
        if asked["Action"] in self.refused:
            return f"Response: Error\r\n{tag}Message: Permission denied\r\n\r\n"
        match asked["Action"]:
            case "Challenge":
                return f"Response: Success\r\n{tag}Challenge: 4711\r\n\r\n"
            case "Login":
                right = hashlib.md5(f"4711{self.secret}".encode()).hexdigest()
                if asked["Key"] != right:
                    return f"Response: Error\r\n{tag}Message: Authentication failed\r\n\r\n"
                boot = "Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n"
                return f"Response: Success\r\n{tag}Message: Authentication accepted\r\n\r\n{boot}"
            case "Getvar":
                value = self.variables.get(asked["Variable"], "")
                return f"Response: Success\r\n{tag}Variable: x\r\nValue: {value}\r\n\r\n"
            case name if name in self.lists or name in ("DeviceStateList", "PJSIPShowRegistrationsOutbound"):
                start = f"Response: Success\r\n{tag}EventList: start\r\nMessage: will follow\r\n\r\n"
                items = self.lists.get(name, "").replace("{id}", asked["ActionID"])
                return f"{start}{items}Event: {name}Complete\r\n{tag}EventList: Complete\r\n\r\n"
            case _:
                return f"Response: Success\r\n{tag}\r\n"

    def say(self, data: str | bytes) -> None:
        self.writers[-1].write(data if isinstance(data, bytes) else data.replace("\n", "\r\n").encode())

    @property
    def address(self) -> AmiAddress:
        return AmiAddress(HOST, self.port, "callctl", self.secret)


@asynccontextmanager
async def listening(pbx: Pbx, port: int = 0) -> AsyncIterator[Pbx]:
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        await pbx.serve(reader, writer)
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async with await asyncio.start_server(serve, HOST, port) as server:
        pbx.port = server.sockets[0].getsockname()[1]
        yield pbx
        for writer in pbx.writers:
            writer.close()
    await asyncio.gather(*tasks)


@asynccontextmanager
async def connected(pbx: Pbx) -> AsyncIterator[tuple[Connection, list[Said]]]:
    events: list[Said] = []
    async with listening(pbx):
        connection = Connection(pbx.address, events.append)
        try:
            await connection.connect()
            yield connection, events
        finally:
            connection.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the server is in this loop
            await asyncio.sleep(0.005)


# ── one connection ───────────────────────────────────────────────────────────────────────────


async def test_the_secret_is_never_sent() -> None:
    pbx = Pbx()
    async with connected(pbx):
        assert [asked["Action"] for asked in pbx.said] == ["Challenge", "Login"]
        assert pbx.secret not in str(pbx.said)
        assert pbx.secret not in repr(pbx.address)


async def test_a_wrong_secret_is_said() -> None:
    pbx = Pbx()
    async with listening(pbx):
        connection = Connection(AmiAddress(HOST, pbx.port, "callctl", "wrong"), lambda said: None)
        with pytest.raises(AmiRefusedError, match=r"does not accept user 'callctl'.*manager\.conf"):
            await connection.connect()
        connection.close()


async def test_nobody_there_is_said() -> None:
    connection = Connection(AmiAddress(HOST, free_tcp(), "callctl", "x"), lambda said: None)
    with pytest.raises(AmiError, match="cannot be reached"):
        await connection.connect()
    connection.close()


@pytest.mark.parametrize("value", ["a\r\nAction: Originate", "a\nb", "a\rb", "a\0b", "A=1,B=2"])
async def test_a_value_that_would_be_read_otherwise_is_not_sent(value: str) -> None:
    pbx = Pbx()
    async with connected(pbx) as (connection, _):
        before = len(pbx.said)
        with pytest.raises(BadValueError):
            await connection.action("PJSIPQualify", Endpoint=value)
        with pytest.raises(BadValueError):
            check_text(value)
        assert await connection.function("PJSIP_AOR", value, "contact") == ""
        assert len(pbx.said) == before


async def test_an_action_without_an_answer_ends_unknown() -> None:
    pbx = Pbx(silent={"Ping"})
    async with connected(pbx) as (connection, _):
        with pytest.raises(OutcomeUnknownError, match="did not answer Ping"):
            await connection.action("Ping", _deadline=0.05)


async def test_a_lost_connection_ends_what_is_open_and_sends_nothing_again() -> None:
    pbx = Pbx(silent={"PJSIPQualify"})
    async with connected(pbx) as (connection, _):
        connection._manager.reconnect_timeout = 0  # were panoramisk to reconnect by itself, then at once
        task = asyncio.create_task(connection.action("PJSIPQualify", Endpoint="anna"))
        await until(lambda: pbx.said[-1]["Action"] == "PJSIPQualify")
        pbx.writers[-1].transport.abort()
        with pytest.raises(OutcomeUnknownError, match="lost"):
            await task
        await connection.lost
        with pytest.raises(AmiError, match="not connected"):
            await connection.ping()
        assert pbx.said[-1]["Action"] == "PJSIPQualify"
        assert len(pbx.writers) == 1


async def test_a_list_is_whole_and_a_refused_one_is_an_error() -> None:
    item = "Event: DeviceStateChange\r\nActionID: {id}\r\nDevice: PJSIP/anna\r\nState: INUSE\r\n\r\n"
    pbx = Pbx(lists={"DeviceStateList": item * 3}, refused={"PJSIPShowContacts"})
    async with connected(pbx) as (connection, events):
        found = await connection.listing("DeviceStateList", "DeviceStateChange")
        assert [said["device"] for said in found] == ["PJSIP/anna"] * 3
        assert [said for said in events if said["event"] == "DeviceStateChange"] == []
        with pytest.raises(AmiRefusedError, match="Permission denied"):
            await connection.listing("PJSIPShowContacts", "ContactList")


async def test_events_survive_any_cut_and_any_bytes() -> None:
    pbx = Pbx()
    async with connected(pbx) as (connection, events):
        text = "Event: UserEvent\r\nName: Zoë ☎\r\nBad: \r\n\r\n".encode() + b"Event: X\r\nRaw: \xff\xfe\r\n\r\n"
        events.clear()
        for byte in text:
            pbx.say(bytes([byte]))
            await asyncio.sleep(0)
        await until(lambda: len(events) == 2)
        assert events[0]["name"] == "Zoë ☎"
        assert events[1]["raw"] == "\ufffd\ufffd"
        await connection.ping()


async def test_a_message_without_an_end_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callctl.asterisk.ami.LONGEST_UNFINISHED", 1000)
    pbx = Pbx()
    async with connected(pbx) as (connection, _):
        pbx.say("Event: X\n" + "A: b\n" * 500)
        assert "without an end" in await connection.lost


# ── the link ─────────────────────────────────────────────────────────────────────────────────


@dataclass
class Box:
    events: list[Event] = field(default_factory=list)

    def put(self, event: Event) -> None:
        self.events.append(event)


def at_home() -> Pbx:
    """Anna's phone is known by one living contact."""
    return Pbx(
        variables={
            "PJSIP_AOR(anna,contact)": "anna;@f00",
            "PJSIP_CONTACT(anna;@f00,uri)": URI,
            "PJSIP_CONTACT(anna;@f00,status)": "Reachable",
        }
    )


async def test_a_connect_tells_everything_and_events_what_changed() -> None:
    pbx, box = at_home(), Box()
    async with listening(pbx):
        ami = Ami(NODE, pbx.address, box, POLICY)
        ami.start()
        await until(lambda: ami.up)
        assert PhoneContacts(NODE, ANNA, (URI,)) in box.events
        assert PhoneContacts(NODE, KEPT, ()) in box.events
        box.events.clear()
        pbx.say("Event: DeviceStateChange\nDevice: PJSIP/anna\nState: RINGING\n\n")
        pbx.say("Event: DeviceStateChange\nDevice: PJSIP/anna\nState: INUSE\n\n")
        pbx.say("Event: Newchannel\nChannel: x\n\n")
        pbx.say(f"Event: ContactStatus\nEndpointName: anna\nURI: {URI}\nContactStatus: Unreachable\n\n")
        await until(lambda: len(box.events) == 2)
        assert box.events == [PhoneBusy(NODE, ANNA, True), PhoneContacts(NODE, ANNA, ())]
        box.events.clear()
        ami.relist()
        await until(lambda: TrunkState(NODE, TrunkId("ip"), False, "not yet asked") in box.events)
        assert PhoneContacts(NODE, ANNA, (URI,)) in box.events
        await ami.stop()


async def test_the_link_comes_back_by_itself() -> None:
    pbx, box = at_home(), Box()
    async with listening(pbx):
        ami = Ami(NODE, pbx.address, box, POLICY)
        ami.start()
        await until(lambda: ami.up)
        box.events.clear()
        pbx.writers[-1].transport.abort()
        await until(lambda: len(pbx.writers) == 2 and PhoneContacts(NODE, ANNA, (URI,)) in box.events)
        await until(lambda: ami.up)
        await ami.stop()


async def test_pings_that_nobody_answers_end_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callctl.asterisk.ami.PING_EVERY", 0.02)
    monkeypatch.setattr("callctl.asterisk.ami.PING_DEADLINE", 0.05)
    pbx = at_home()
    async with listening(pbx):
        ami = Ami(NODE, pbx.address, Box(), POLICY)
        ami.start()
        await until(lambda: ami.up)
        pbx.silent.add("Ping")
        await until(lambda: not ami.up)
        assert "Ping" in ami.why
        await ami.stop()


async def test_an_unqualified_phone_of_ours_is_asked_at_once() -> None:
    pbx, box = at_home(), Box()
    pbx.variables["PJSIP_CONTACT(anna;@f00,status)"] = "NonQualified"
    async with listening(pbx):
        ami = Ami(NODE, pbx.address, box, POLICY)
        ami.start()
        await until(lambda: any(s["Action"] == "PJSIPQualify" and s["Endpoint"] == "anna" for s in pbx.said))
        assert PhoneContacts(NODE, ANNA, ()) in box.events
        await ami.stop()


# ── what phones' events come to ──────────────────────────────────────────────────────────────


def phones(*contacts: Contact) -> Phones:
    found = Phones(NODE, POLICY)
    found.full(Lists(contacts, (), ()))
    return found


def contact_status(status: str, uri: str = URI, endpoint: str = "anna") -> Said:
    return {"event": "ContactStatus", "endpointname": endpoint, "uri": uri, "contactstatus": status}


def test_recorded_events_are_understood() -> None:
    """What Asterisk wrote during one run of tests/e2e/test_link.py."""
    state, told = phones(), []
    for said in json.loads((Path(__file__).parent / "data" / "ami_events.json").read_text(encoding="utf-8")):
        told += state.event(said)
    assert told == [
        PhoneBusy(NODE, ANNA, True),
        EmergencyDialled(NODE, ANNA, Emergency("112"), "dialled"),
        EmergencyDialled(NODE, ANNA, Emergency("112"), "ANSWER"),
    ]


def test_only_a_contact_that_answered_counts_for_a_phone_of_ours() -> None:
    state = phones()
    assert state.event(contact_status("NonQualified")) == []
    assert state.event(contact_status("Reachable")) == [PhoneContacts(NODE, ANNA, (URI,))]
    assert state.event(contact_status("Reachable")) == []
    second = "sip:anna@192.0.2.8"
    assert state.event(contact_status("Reachable", second)) == [PhoneContacts(NODE, ANNA, (URI, second))]
    assert state.event(contact_status("Removed")) == [PhoneContacts(NODE, ANNA, (second,))]
    assert state.event(contact_status("Unreachable", second)) == [PhoneContacts(NODE, ANNA, ())]


def test_a_phone_of_the_operators_need_not_be_qualified() -> None:
    assert phones().event(contact_status("NonQualified", endpoint="1003")) == [PhoneContacts(NODE, KEPT, (URI,))]


def test_a_contact_that_could_be_read_otherwise_does_not_count() -> None:
    evil = "sip:a&PJSIP/112@trunk-ip@192.0.2.7"
    assert phones().event(contact_status("Reachable", evil)) == []
    assert phones(Contact("anna", evil, "Reachable")).event(contact_status("Reachable")) == [
        PhoneContacts(NODE, ANNA, (URI,))
    ]


def test_a_phone_of_the_operators_that_is_qualified_waits_for_the_answer() -> None:
    state = phones()
    state.full(Lists((Contact("1003", URI, "NonQualified"),), (), (), ("1003",)))
    assert state.unqualified() == ["1003"]
    assert state.event(contact_status("Reachable", endpoint="1003")) == [PhoneContacts(NODE, KEPT, (URI,))]
    assert state.unqualified() == []


@pytest.mark.parametrize(("frequency", "rung"), [("60", ()), ("0", (URI,)), ("", (URI,))])
async def test_whether_the_operators_phone_is_qualified_is_asked(frequency: str, rung: tuple[str, ...]) -> None:
    pbx, box = at_home(), Box()
    pbx.variables |= {
        "PJSIP_ENDPOINT(1003,aors)": "desk",
        "PJSIP_AOR(desk,contact)": "desk;@f01",
        "PJSIP_AOR(desk,qualify_frequency)": frequency,
        "PJSIP_CONTACT(desk;@f01,uri)": URI,
        "PJSIP_CONTACT(desk;@f01,status)": "NonQualified",
    }
    async with listening(pbx):
        ami = Ami(NODE, pbx.address, box, POLICY)
        ami.start()
        await until(lambda: any(isinstance(e, PhoneContacts) and e.phone == KEPT for e in box.events))
        assert PhoneContacts(NODE, KEPT, rung) in box.events
        if not rung:
            await until(lambda: any(s["Action"] == "PJSIPQualify" and s["Endpoint"] == "1003" for s in pbx.said))
        await ami.stop()


def test_a_refused_contact_is_told_once() -> None:
    evil = "sip:a&PJSIP/112@trunk-ip@192.0.2.7\r\nX: y"
    seen = phones(Contact("anna", evil, "Reachable"), Contact("stranger", evil, "Reachable"), Contact("anna", "", ""))
    seen.event(contact_status("Reachable", evil))
    assert seen.refused() == [("anna", "sip:a&PJSIP/112@trunk-ip@192.0.2.7 X: y")]
    seen.event(contact_status("Reachable", evil))
    assert seen.refused() == []


async def test_a_refused_contact_is_in_the_log() -> None:
    pbx, box = at_home(), Box()
    pbx.variables["PJSIP_CONTACT(anna;@f00,uri)"] = "sip:anna&x@192.0.2.7"
    with structlog.testing.capture_logs() as said:
        async with listening(pbx):
            ami = Ami(NODE, pbx.address, box, POLICY)
            ami.start()
            await until(lambda: any(line["event"] == "contact_refused" for line in said))
            await ami.stop()
    assert [line["contact"] for line in said if line["event"] == "contact_refused"] == ["sip:anna&x@192.0.2.7"]


@pytest.mark.parametrize(
    ("state", "busy"),
    [
        ("INUSE", True), ("BUSY", True), ("RINGING", True), ("RINGINUSE", True), ("ONHOLD", True),
        ("NOT_INUSE", False), ("UNAVAILABLE", False), ("INVALID", False), ("UNKNOWN", False),
    ],
)  # fmt: skip
def test_device_states(state: str, busy: bool) -> None:
    seen = phones()
    told = seen.event({"event": "DeviceStateChange", "device": "PJSIP/anna", "state": state})
    assert told == ([PhoneBusy(NODE, ANNA, True)] if busy else [])
    assert seen.event({"event": "DeviceStateChange", "device": "Local/anna", "state": "INUSE"}) == []


def test_a_trunk_is_up_when_it_answers_or_is_registered() -> None:
    state = phones()
    uri = "sip:192.0.2.1:5060"
    assert state.event(contact_status("Reachable", uri, "trunk-ip")) == [
        TrunkState(NODE, TrunkId("ip"), True, "answers OPTIONS")
    ]
    assert state.event(contact_status("Unreachable", uri, "trunk-ip")) == [
        TrunkState(NODE, TrunkId("ip"), False, "does not answer OPTIONS")
    ]
    registry = {"event": "Registry", "username": "sip:acme@192.0.2.2:5060"}
    assert state.event({**registry, "status": "Registered"}) == [TrunkState(NODE, TrunkId("reg"), True, "registered")]
    assert state.event({**registry, "status": "Rejected"}) == [
        TrunkState(NODE, TrunkId("reg"), False, "registration: rejected")
    ]
    assert state.event({**registry, "username": "sip:other@x", "status": "Registered"}) == []


@pytest.mark.parametrize(
    "change",
    [
        {"userevent": "Other"}, {"phone": "nobody"}, {"number": "113"}, {"number": ""}, {"phone": ""},
    ],
)  # fmt: skip
def test_an_emergency_call_is_of_a_phone_and_a_number_that_exist(change: Headers) -> None:
    said = {"event": "UserEvent", "userevent": "CallctlEmergency", "phone": "anna", "number": "112", "result": "BUSY"}
    assert phones().event(said) == [EmergencyDialled(NODE, ANNA, Emergency("112"), "BUSY")]
    assert phones().event({**said, **change}) == []
    assert phones().event({**said, "result": "a\nb"}) == [EmergencyDialled(NODE, ANNA, Emergency("112"), "")]
