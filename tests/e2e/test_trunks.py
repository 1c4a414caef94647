"""Trunks that register, and phones that the operator keeps: a house of their own on real parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from callctl.lab.house import House, Overlay
from callctl.lab.install import Installation
from callctl.lab.phones import Account, Behaviour
from callctl.lab.ports import HOST

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SALES_DID = "+442079460001"
CUSTOMER = Account("callcentre", "the-carriers-password")
AGENT_TONE = 620.0
OWN_PHONE = """
[desk]
type=endpoint
context=own
disallow=all
allow=alaw
direct_media=no
aors=desk
auth=desk
[desk]
type=aor
max_contacts=1
[desk]
type=auth
auth_type=userpass
username=desk
password=own-password
"""


def changes(house: House) -> Overlay:
    """A second trunk, which registers; and agent7 on a phone of the operator's own, without qualify."""
    return {
        "trunks": {
            "second": {
                "kind": "register", "host": HOST, "port": house.network.trunk_port, "username": CUSTOMER.name,
                "password": "file:secrets/second", "match": ["192.0.2.77"], "qualify": "0s",
                "max_channels": 1,
            }
        },
        "phones": {"desk": {"kind": "existing", "endpoint": "desk"}},
        "queues": {"sales": {"wrap_up": "1s"}},
        "agents": {
            **{f"agent{n}": {"default": "logged_out"} for n in range(1, 7)},
            "agent7": {"phone": "desk", "queues": ["sales"], "default": "available"},
        },
    }  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    built = House(installation, tmp_path_factory.mktemp("trunks"), phones=())
    secret = built.overlay / "secrets" / "second"
    secret.write_text(CUSTOMER.password + "\n", encoding="ascii")
    secret.chmod(0o600)
    built.change(changes(built))
    built.node.write("pjsip.conf", (built.node.etc / "pjsip.conf").read_text(encoding="utf-8") + OWN_PHONE)
    built.network.customers.append(CUSTOMER)
    await built.network.add_phone(Account("desk", "own-password"))
    try:
        await built.start()
        yield built
    finally:
        await built.stop()


async def trunk(house: House, name: str, up: bool, timeout: float = 30) -> dict[str, Any]:
    def holds(answer: dict[str, Any]) -> bool:
        return any(t["id"] == name and t["up"] is up for t in answer["trunks"])

    answer = await house.daemon.until(f"trunk {name} up={up}", ("trunks",), holds, timeout)
    return next(t for t in answer["trunks"] if t["id"] == name)


async def test_a_trunk_registers_and_says_so(house: House) -> None:
    found = await trunk(house, "second", up=True)
    assert found["why"] == "registered"
    assert "Registered" in await house.node.cli("pjsip show registrations")
    contacts = await house.network.asterisk.cli("pjsip show contacts")
    assert f"callcentre/sip:callcentre@{HOST}:{house.node.ports.sip}" in contacts


async def test_a_call_comes_over_the_registered_line_to_a_phone_of_the_operators_own(house: House) -> None:
    await trunk(house, "second", up=True)
    await house.network.phone("desk").behave(Behaviour.answer(0.3), AGENT_TONE)
    line = await house.network.call(SALES_DID, tone_hz=440, over=CUSTOMER.name)
    await line.wait_heard(lambda audio: audio.has_tone(AGENT_TONE), "the agent", timeout=15)
    calls = (await house.daemon.get("calls"))["calls"]
    assert [(c["trunk"], c["agent"]) for c in calls] == [("second", "agent7")]
    await line.hangup()
    await house.daemon.until("its end", ("calls",), lambda answer: not answer["calls"])


async def test_a_full_trunk_takes_no_more(house: House) -> None:
    """One call at a time: the second is told so by the dialplan (Q.850 34: no circuit), callctl never sees it."""
    await trunk(house, "second", up=True)
    await house.network.phone("desk").behave(Behaviour.answer(0.3), AGENT_TONE)
    first = await house.network.call(SALES_DID, over=CUSTOMER.name)
    await first.wait_answered()
    second = await house.network.call(SALES_DID, over=CUSTOMER.name)
    await second.wait_ended()
    assert (second.talking, second.cause) == (False, 34)
    assert len((await house.daemon.get("calls"))["calls"]) == 1
    await first.hangup()
    await house.daemon.until("its end", ("calls",), lambda answer: not answer["calls"])


async def test_a_wrong_password_is_told_by_the_trunks_state(house: House) -> None:
    await trunk(house, "second", up=True)
    secret = house.overlay / "secrets" / "second"
    secret.write_text("changed-at-the-carrier\n", encoding="ascii")
    await house.daemon.post("reload")
    await house.node.cli("pjsip send register trunk-second")
    found = await trunk(house, "second", up=False)
    assert "reject" in found["why"]
    secret.write_text(CUSTOMER.password + "\n", encoding="ascii")
    await house.daemon.post("reload")
    await house.node.cli("pjsip send register trunk-second")
    await trunk(house, "second", up=True)
