"""What strangers send: names, numbers and headers made to be misread. They stay text, everywhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from callctl.lab.ports import HOST
from callctl.lab.rawphone import RawPhone
from tests.e2e.byhand import RawCaller, Ringing, header, phone_by_hand
from tests.e2e.floor import DESK_DID, TONES_DID, Floor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

KNOWN = "+442079460777"
ASSERTED, DIVERTED = "+442079460778", "+442079460779"
SHELL = "${SHELL(touch /tmp/callctl-was-here)}"
NAMES: dict[str, tuple[bytes, str]] = {
    "quotes and backslashes": (rb'"a\"b\\c"', 'a\\"b\\\\c'),
    "commas and pipes": (b'"a,b;c|d&e=f"', "a,b;c|d&e=f"),
    "a function of the dialplan": (f'"{SHELL}"'.encode(), SHELL),
    "a variable": (b'"${CHANNEL} $[1+1] ${CC_LEG}"', "${CHANNEL} $[1+1] ${CC_LEG}"),
    "SQL": (b'"\'; drop table call; --"', "'; drop table call; --"),
    "markup": (b'"[red]<b>&amp;{0}%s%n"', "[red]<b>&amp;{0}%s%n"),
    "a control character": (b'"a\x01b\x1b[31mc"', "a b [31mc"),
    "an accent": ('"Éva Łódź 客"'.encode(), "Éva Łódź 客"),
    "no UTF-8": (b'"a\xff\xfe\xc3(b"', "a"),
    "10,000 letters": (b'"' + b"A" * 10_000 + b'"', "A" * 79),
    "a header's shape": (b'"x%0D%0AEvil: 1"', "x%0D%0AEvil: 1"),
}
"""What stands before the address in From; what it comes to, or begins with."""
NUMBERS: dict[str, bytes] = {
    "line ends": b"+33%0D%0AEvil%3A%201%0D%0A%0D%0AEvent%3A%20Fake",
    "NUL": b"+33%00612345678",
    "quotes": b"%22%3E%3Csip:x%40y%3E",
    "a function of the dialplan": b"%24%7BSHELL(touch%20/tmp/callctl-was-here)%7D",
    "commas": b"1,2,callctl-emergency",
    "a dial string": b"PJSIP%2F999%40trunk-carrier",
    "no UTF-8": b"%ff%fe%c3%28",
    "10,000 digits": b"4" * 10_000,
    "anonymous": b"anonymous",
    "our own extension": b"107",
    "an emergency number": b"999",
    "a feature code": b"*46",
    "a phone's name": b"phone107",
}


@dataclass
class Strangers:
    """The floor, and two peers by hand: a trunk that is trusted, and one that is not. agent7's phone shows its SIP."""

    floor: Floor
    trusted: RawCaller
    untrusted: RawCaller
    phone: RawPhone
    ringing: Ringing

    async def call(self, caller: RawCaller, address: bytes, *extra: bytes, number: str = DESK_DID) -> dict[str, object]:
        """Dial in until agent7's phone rings; the call as callctl shows it."""
        trunk = "trusted" if caller is self.trusted else "untrusted"
        rung = len(self.phone.invites)
        caller.invite(number, address, extra)
        await caller.answered()
        call = await self.floor.until_call(lambda c: c["trunk"] == trunk and c["phase"] == "offered")
        if len(self.phone.invites) == rung:
            await self.phone.sip.wait(lambda _: len(self.phone.invites) > rung)
        return call

    async def end(self, caller: RawCaller, call: dict[str, object]) -> dict[str, object]:
        """Hang up; the record, and agent7 idle again."""
        caller.hangup()
        row = await self.floor.row(str(call["id"]))
        await self.floor.until_agent("agent7", standing="routable")
        return dict(row)


def _trunk(caller: RawCaller, trust: bool) -> dict[str, object]:
    peer = f"{HOST}:{caller.sip.port}"
    kind = {"kind": "ip", "host": HOST, "port": caller.sip.port, "match": [peer], "qualify": "0s"}
    return {**kind, "trust_identity": trust, "numbers": {"country": "GB"}}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def strangers(on_the_floor: Floor) -> AsyncIterator[Strangers]:
    floor = on_the_floor
    port = floor.house.node.ports.sip
    trusted, untrusted = await RawCaller.open(port), await RawCaller.open(port)
    await floor.reload({"trunks": {"trusted": _trunk(trusted, True), "untrusted": _trunk(untrusted, False)}})
    async with phone_by_hand(floor, "agent7") as phone:
        ringing = Ringing(phone)
        await floor.house.daemon.post("agents", "agent7", "login")
        yield Strangers(floor, trusted, untrusted, phone, ringing)
        await floor.house.daemon.post("agents", "agent7", "logout")
    trusted.sip.close()
    untrusted.sip.close()
    await floor.reload({})


def _nothing_done(floor: Floor) -> None:
    """Nobody ran a command, and neither log has lines of a caller's making."""
    root = floor.house.node.installation.root or Path("/")
    assert not (root / "tmp/callctl-was-here").exists()
    assert not Path("/tmp/callctl-was-here").exists()
    for line in floor.house.node.log.read_text(encoding="utf-8", errors="replace").splitlines():
        # pjproject ends some of its lines twice.
        assert not line or (line.startswith("[20") and "] forged.c" not in line[:60]), (
            f"not a line of Asterisk's: {line!r}"
        )
    for text in floor.house.daemon.log.read_text(encoding="utf-8").splitlines():
        assert json.loads(text)["level"] not in ("error", "critical"), text


@pytest.mark.parametrize("what", NAMES)
async def test_a_name_is_text(strangers: Strangers, what: str) -> None:
    sent, wanted = NAMES[what]
    call = await strangers.call(strangers.trusted, sent + b" <sip:" + KNOWN.encode() + b"@x>")
    shown = header(strangers.phone.invites[-1], "From")
    row = await strangers.end(strangers.trusted, call)
    assert row["caller"] == call["caller"] == KNOWN
    assert row["caller_name"] == call["caller_name"]
    name = str(row["caller_name"])
    assert name.startswith(wanted) if what in ("no UTF-8",) else name == wanted
    assert name.isprintable()
    assert len(name) <= 80
    assert KNOWN in shown
    assert shown.isprintable()
    assert header(strangers.phone.invites[-1], "Evil") == ""
    _nothing_done(strangers.floor)


@pytest.mark.parametrize("what", NUMBERS)
async def test_a_number_that_is_none_is_withheld(strangers: Strangers, what: str) -> None:
    """It is no extension, no code and no way out either; the caller is served as any other."""
    call = await strangers.call(strangers.trusted, b"<sip:" + NUMBERS[what] + b"@x>")
    invite = strangers.phone.invites[-1]
    row = await strangers.end(strangers.trusted, call)
    assert row["caller_kind"] == "Withheld", row["caller"]
    assert str(row["caller"]).isprintable()
    assert (row["trunk"], row["phone"], row["feature"], row["queue"]) == ("trusted", None, None, "desk")
    assert header(invite, "From").isprintable()
    assert header(invite, "Evil") == ""
    assert b"callctl-was-here" not in invite
    _nothing_done(strangers.floor)


async def test_the_network_is_believed_where_it_is_trusted_alone(strangers: Strangers) -> None:
    extra = (f"P-Asserted-Identity: <sip:{ASSERTED}@x>".encode(), f"Diversion: <sip:{DIVERTED}@x>".encode())
    address = f"<sip:{KNOWN}@x>".encode()
    call = await strangers.call(strangers.trusted, address, *extra)
    assert ASSERTED in header(strangers.phone.invites[-1], "From")
    row = await strangers.end(strangers.trusted, call)
    assert (row["caller"], row["diverted_from"]) == (ASSERTED, DIVERTED)

    call = await strangers.call(strangers.untrusted, address, *extra)
    assert KNOWN in header(strangers.phone.invites[-1], "From")
    assert ASSERTED.encode() not in strangers.phone.invites[-1]
    row = await strangers.end(strangers.untrusted, call)
    assert (row["caller"], row["diverted_from"]) == (KNOWN, None)


@pytest.mark.parametrize(
    "user", [b"%24%7BSHELL(touch%20/tmp/callctl-was-here)%7D", b"x%0D%0AEvil:%201", b"1" * 5000, b"%ff%00"]
)
async def test_asserted_and_diverted_are_text_too(strangers: Strangers, user: bytes) -> None:
    uri = b'"' + SHELL.encode() + b'" <sip:' + user + b"@x>"
    extra = (b"P-Asserted-Identity: " + uri, b"Diversion: " + uri + b";reason=unconditional")
    call = await strangers.call(strangers.trusted, f"<sip:{KNOWN}@x>".encode(), *extra)
    invite = strangers.phone.invites[-1]
    row = await strangers.end(strangers.trusted, call)
    assert row["caller_kind"] == "Withheld"
    for text in (row["caller"], row["caller_name"], row["diverted_from"] or ""):
        assert str(text).isprintable()
        assert len(str(text)) <= 100
    assert header(invite, "Evil") == ""
    _nothing_done(strangers.floor)


@pytest.mark.parametrize("privacy", [b"Privacy: id", b"Privacy: user;id"])
async def test_who_wants_privacy_has_it(strangers: Strangers, privacy: bytes) -> None:
    asserted = f'P-Asserted-Identity: "Ada" <sip:{ASSERTED}@x>'.encode()
    call = await strangers.call(strangers.trusted, b'"Anonymous" <sip:anonymous@anonymous.invalid>', asserted, privacy)
    invite = strangers.phone.invites[-1]
    row = await strangers.end(strangers.trusted, call)
    assert (row["caller"], row["caller_kind"], row["caller_name"]) == ("withheld", "Withheld", "")
    for secret in (ASSERTED.encode(), b"Ada"):
        assert secret not in invite, "the agent's phone was shown who wants to be nobody"
    log = strangers.floor.house.daemon.log.read_text(encoding="utf-8")
    assert ASSERTED not in log


async def channel_says(floor: Floor, trunk: str, function: str) -> str:
    """A function's value for the trunk's one channel, as the dialplan would read it."""
    node = floor.house.node
    lines = (await node.cli("core show channels concise")).splitlines()
    found = [line.rsplit("!", 1)[1] for line in lines if line.startswith(f"PJSIP/trunk-{trunk}-")]
    assert len(found) == 1
    url = f"{node.ari_url}/channels/{found[0]}/variable"
    headers = {"Authorization": aiohttp.encode_basic_auth("callctl", node.secrets.ari)}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(url, params={"variable": function}) as answer,
    ):
        return str((await answer.json())["value"])


@pytest.mark.parametrize("trunk", ["trusted", "untrusted"])
@pytest.mark.parametrize(
    ("address", "privacy"),
    [
        (f'"Ada" <sip:{KNOWN}@x>', ["Privacy: id"]),
        (f'"Ada" <sip:{KNOWN}@x>', ["Privacy: USER;critical"]),
        (f'"Ada" <sip:{KNOWN}@x>', ["privacy:session ; Header"]),
        (f'"Ada" <sip:{KNOWN}@x>', ["Privacy: full"]),
        (f'"Ada" <sip:{KNOWN}@anonymous.invalid>', []),
        ('"Ada" <sip:Anonymous@x>', []),
    ],
)
async def test_privacy_needs_no_asserted_identity(
    strangers: Strangers, trunk: str, address: str, privacy: list[str]
) -> None:
    """Neither callctl nor the agent, nor the fallback (which sees the channel's presentation) is told who calls."""
    caller = strangers.trusted if trunk == "trusted" else strangers.untrusted
    call = await strangers.call(caller, address.encode(), *(line.encode() for line in privacy))
    invite = strangers.phone.invites[-1]
    shown = [await channel_says(strangers.floor, trunk, f"CALLERID({part}-pres)") for part in ("num", "name")]
    row = await strangers.end(caller, call)
    assert (row["caller_kind"], row["caller_name"]) == ("Withheld", "")
    assert KNOWN not in str(row["caller"])
    for secret in (KNOWN.encode(), b"Ada"):
        assert secret not in invite, "the agent's phone was shown who wants to be nobody"
    assert [text.startswith("prohib") for text in shown] == [True, True], shown


@pytest.mark.parametrize("privacy", ["Privacy: none", "Privacy: critical;session;history", 'Privacy: "(),;x'])
async def test_who_asks_for_no_privacy_is_shown(strangers: Strangers, privacy: str) -> None:
    call = await strangers.call(strangers.untrusted, f"<sip:{KNOWN}@x>".encode(), privacy.encode())
    assert KNOWN in header(strangers.phone.invites[-1], "From")
    assert (await strangers.end(strangers.untrusted, call))["caller"] == KNOWN
    _nothing_done(strangers.floor)


@pytest.mark.parametrize(
    "dialled",
    [
        "%24%7BSHELL(touch%20%2Ftmp%2Fcallctl-was-here)%7D",
        "1%2C1%2Ccallctl-emergency",
        "+4420%0D%0AEvil%3A%201",
        "h",
        "s",
        "4" * 3000,
        "999",
        "*46",
        "107",
    ],
)
async def test_a_dialled_text_that_is_no_number_goes_nowhere(strangers: Strangers, dialled: str) -> None:
    """From a trunk there are no extensions, no codes and no way out: told so, or refused, and over."""
    floor = strangers.floor
    arrivals = len(floor.house.network.arrivals)
    strangers.untrusted.invite(dialled, f"<sip:{KNOWN}@x>".encode())
    said = await strangers.untrusted.final()
    if said.startswith(b"SIP/2.0 200"):
        await strangers.untrusted.answered()
        call = await floor.until_call(lambda c: c["trunk"] == "untrusted" and c["phase"] == "announcing")
        assert call["feature"] is None
        assert str(call["dialled"]).isprintable()
        strangers.untrusted.hangup()
        row = await floor.row(str(call["id"]))
        assert (row["outcome"], row["queue"]) == ("unknown_number", None)
    await floor.until_channels(lambda found: not found, "the last channel to end")
    assert floor.house.network.arrivals[arrivals:] == []
    _nothing_done(floor)


async def test_keys_that_are_none_do_nothing(strangers: Strangers) -> None:
    """A key of the fourth column is no option; a forged INFO is no key at all."""
    floor = strangers.floor
    caller = await floor.call(TONES_DID)
    await caller.line.wait_answered()
    await caller.line.press("A")
    call = await floor.until_call(lambda c: c["id"] == caller.call and c.get("tries") == 2)
    assert call["story"]["menus"][-1]["digits"] == "A"
    await caller.line.hangup()
    await floor.row(caller)

    strangers.untrusted.invite(TONES_DID, f"<sip:{KNOWN}@x>".encode())
    await strangers.untrusted.answered()
    call = await floor.until_call(lambda c: c["trunk"] == "untrusted" and c["phase"] == "in_menu")
    for key in ("1" + SHELL, "Z" * 10_000, "", "%00", "é", "1"):  # the last is a key
        strangers.untrusted.info(f"Signal={key}\r\nDuration=160\r\n".encode())
    await floor.until_call(lambda c: c["id"] == call["id"] and c["phase"] in ("queued", "offered"))
    strangers.untrusted.hangup()
    row = await floor.row(str(call["id"]))
    assert row["queue"] == "desk"
    assert [visit["digits"] for visit in row["menus"]] == ["1"]
    _nothing_done(floor)


async def test_what_is_no_sip_is_dropped(strangers: Strangers) -> None:
    """And forges no line of Asterisk's log."""
    floor, forged = strangers.floor, b"[2026-11-22 00:00:00.000] NOTICE[1] forged.c: login"
    for address in (b'"A\r\n' + forged + b'" <sip:@x>', b'"A <sip:{x@x>', b"<sip:" + b"@" * 5000 + b">"):
        strangers.untrusted.invite(DESK_DID, address)
    strangers.untrusted.sip.send(b"INVITE sip:x SIP/2.0\r\nVia: x\r\n\r\n", floor.house.node.ports.sip)
    strangers.untrusted.sip.send(b"\0" * 3000, floor.house.node.ports.sip)
    call = await strangers.call(strangers.untrusted, f"<sip:{KNOWN}@x>".encode())
    assert (await strangers.end(strangers.untrusted, call))["caller"] == KNOWN
    _nothing_done(floor)


async def test_the_daemon_is_as_before(strangers: Strangers) -> None:
    floor = strangers.floor
    metrics = await floor.house.daemon.metrics()
    assert metrics["callctl_poison_events_total"] == 0
    assert metrics['callctl_node_up{node="pbx"}'] == 1
    assert (await floor.agent("agent7"))["misses"] == 0
    assert "callctl-was-here" not in await floor.house.node.cli("dialplan show globals")
    caller = await floor.call()
    await floor.until_phase(caller, "offered")
    assert (await floor.row_of_hangup(caller))["outcome"] == "abandoned"
