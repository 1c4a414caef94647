"""The lab itself: a node and the telephone network on this machine, calls between them, and what is heard."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from callctl.lab.asterisk import AsteriskError
from callctl.lab.install import ensure
from callctl.lab.line import Line
from callctl.lab.network import Network
from callctl.lab.node import Node
from callctl.lab.phones import Account, Behaviour
from callctl.lab.rawphone import RawPhone, answering, silent

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

TRUNK = """
[pstn]
type=endpoint
context=test-trunk
disallow=all
allow=alaw,ulaw
direct_media=no
aors=pstn
trust_id_inbound=yes
send_pai=yes
[pstn]
type=aor
contact=sip:127.0.0.1:{port}
[pstn]
type=identify
endpoint=pstn
match=127.0.0.1:{port}
"""
PHONE = """
[anna]
type=endpoint
context=test-phone
disallow=all
allow=alaw,ulaw
direct_media=no
aors=anna
auth=anna
callerid="Anna" <201>
[anna]
type=aor
max_contacts=2
remove_existing=no
qualify_frequency=1
[anna]
type=auth
username=anna
password=anna-secret
"""
PHONES = PHONE + PHONE.replace("anna", "berta").replace("Anna", "Berta").replace("201", "202")
EXTENSIONS = """
[test-trunk]
exten => 600,1,Answer()
 same => n,PlayTones(600)
 same => n,Wait(60)
exten => 700,1,Answer()
 same => n,Read(DIGITS,,3,,1,10)
 same => n,Hangup(${IF($["${DIGITS}" = "4*7"]?29:31)})
exten => 800,1,Dial(PJSIP/anna,20)
 same => n,Hangup(${HANGUPCAUSE})
exten => 900,1,Set(GLOBAL(SEEN)=${CALLERID(num)}/${CALLERID(num-pres)}/${REDIRECTING(from-num)})
 same => n,Hangup(1)
exten => 810,1,Dial(PJSIP/berta,20,i)
 same => n,Hangup(${HANGUPCAUSE})
[test-phone]
exten => 112,1,Set(CALLERID(num)=+33199001122)
 same => n,Dial(PJSIP/112@pstn,20)
"""


@dataclass
class Lab:
    node: Node
    network: Network


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab() -> AsyncIterator[Lab]:
    installation = await asyncio.to_thread(ensure)
    node = Node(installation, "t-node")
    network = Network(installation, node.ports.sip, [Account("anna", "anna-secret")], "t-net")
    (node.generated / "pjsip.conf").write_text(TRUNK.format(port=network.trunk_port) + PHONES)
    (node.generated / "extensions.conf").write_text(EXTENSIONS)
    try:
        await asyncio.gather(node.start(), network.start())
        await node.cli("module load app_read.so")
        await registered(node, 1)
        yield Lab(node, network)
    finally:
        await asyncio.gather(node.stop(), network.stop())
        node.remove()
        network.remove()


async def registered(node: Node, contacts: int, name: str = "ua-anna") -> None:
    """Wait until the phone has so many contacts that answered OPTIONS."""
    async with asyncio.timeout(10):
        while await _available(node, name) != contacts:  # noqa: ASYNC110 - the PBX is another process
            await asyncio.sleep(0.05)


async def _available(node: Node, name: str) -> int:
    lines = (await node.cli("pjsip show contacts")).splitlines()
    return sum(name in line and "Avail" in line for line in lines)


async def test_a_caller_hears_the_node_and_the_end_is_told(lab: Lab) -> None:
    line = await lab.network.call("600", tone_hz=440)
    await line.wait_answered()
    heard = await line.wait_heard(lambda a: a.has_tone(600), "600 Hz")
    assert not heard.has_tone(440), "a caller must not hear himself"
    await line.hangup()
    await line.wait_ended()
    assert line.cause == 16
    assert (await line.heard()).tone_seconds(600) > 0.8


async def test_keys_pressed_arrive(lab: Lab) -> None:
    line = await lab.network.call("700", tone_hz=440)
    await line.wait_answered()
    await line.press("4*7")
    await line.wait_ended(15)
    assert line.cause == 29


async def test_two_people_hear_each_other(lab: Lab) -> None:
    anna = lab.network.phone("anna")
    await anna.behave(Behaviour.answer(after=0.3), tone_hz=800)
    before = len(anna.lines())
    caller = await lab.network.call("800", tone_hz=440)
    agent = await anna.wait_rung(after=before)
    await asyncio.gather(caller.wait_answered(), agent.wait_answered())
    await caller.wait_heard(lambda a: a.has_tone(800), "the agent")
    await agent.wait_heard(lambda a: a.has_tone(440), "the caller")
    await agent.press("5")
    await lab.network.until(lambda: caller.digits_heard == "5", "a digit", 5)
    await agent.hangup()
    await caller.wait_ended()


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        (Behaviour.busy(), 17),
        (Behaviour.status(603), 21),
        (Behaviour.status(500), 38),
        (Behaviour.no_answer(), 19),
        (Behaviour.congestion(), 34),
        (Behaviour.unallocated(), 1),
    ],
)
async def test_a_phone_refuses(lab: Lab, how: str, cause: int) -> None:
    await lab.network.phone("anna").behave(how)
    line = await lab.network.call("800")
    await line.wait_ended()
    assert not line.talking
    assert line.cause == cause


async def test_a_phone_with_two_contacts_and_with_none(lab: Lab) -> None:
    anna = lab.network.phone("anna")
    await anna.set_contacts(2)
    await registered(lab.node, 2)
    await anna.unregister(0)
    await anna.unregister(1)
    await registered(lab.node, 0)
    line = await lab.network.call("800")
    await line.wait_ended()
    assert not line.talking
    await anna.set_contacts(1)
    await anna.register()
    await registered(lab.node, 1)


async def test_a_phone_by_hand_answers_what_it_likes_and_goes_silent(lab: Lab) -> None:
    phone = await RawPhone.open(Account("berta", "berta-secret"), lab.node.ports.sip)
    try:
        await registered(lab.node, 1, "berta@")
        for status, cause in (("486 Busy Here", 17), ("302 Moved", 21), ("603 Decline", 21)):
            phone.sip.respond = answering(status, [b"Contact: <sip:600@x>"])
            line = await lab.network.call("810")
            await line.wait_ended()
            assert line.cause == cause, status
        assert len(phone.invites) == 3
        phone.sip.respond = silent
        await registered(lab.node, 0, "berta@")
    finally:
        phone.close()


async def test_a_number_of_the_network_is_dialled_by_a_phone(lab: Lab) -> None:
    await lab.network.behave("112", Behaviour.answer(), tone_hz=950)
    before = len(lab.network.arrivals)
    line = await lab.network.phone("anna").dial("112")
    arrival = await lab.network.wait_arrival(dialled="112", after=before)
    assert arrival.number == "+33199001122"
    await line.wait_answered()
    await line.wait_heard(lambda a: a.has_tone(950), "the emergency service")
    await line.hangup()


@pytest.mark.parametrize(
    ("withheld", "seen"),
    [(False, "+33611223344/allowed_not_screened/+33155"), (True, "+33611223344/prohib_not_screened/+33155")],
)
async def test_caller_id_privacy_and_diversion(lab: Lab, withheld: bool, seen: str) -> None:
    line = await lab.network.call(
        "900", "+33611223344", withheld=withheld, headers={"Diversion": "<sip:+33155@127.0.0.1>"}
    )
    await line.wait_ended()
    assert (await lab.node.cli("dialplan show globals")).count(f"SEEN={seen}") == 1


async def test_a_condition_that_does_not_come_is_said(lab: Lab) -> None:
    line: Line = await lab.network.call("600")
    await line.wait_answered()
    with pytest.raises(AsteriskError, match="did not hear nothing"):
        await line.wait_heard(lambda a: a.is_silent(), "nothing", timeout=1)
    await line.hangup()


async def test_a_node_that_crashes_comes_back_and_its_phones_with_it(lab: Lab) -> None:
    await lab.node.restart(crash=True)
    await registered(lab.node, 1)
    line = await lab.network.call("600")
    await line.wait_answered()
    await line.hangup()
