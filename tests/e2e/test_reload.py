"""The configuration changes while callers talk and wait."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from callctl.lab.house import House
from callctl.lab.phones import Account, Behaviour
from tests.e2e.conftest import QUICK
from tests.e2e.floor import AGENT, CALLER, DESK_DID, MUSIC, Floor, changes
from tests.e2e.night import Listener, hears, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

NEW_DID = "+442079460014"
PASSWORD = "a-new-phones-password"


class Editor:
    """The operator's hand: lays changes over what the floor has, and asks callctl on the command line."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._base = merged(QUICK, changes(house))

    def write(self, **sections: dict[str, Any]) -> None:
        """These sections' entries, over the floor's."""
        self.house.change(merged(self._base, sections))

    async def callctl(self, *args: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callctl", *args, "--socket", str(self.house.state / "control.sock"),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def in_force(self) -> str:
        """The policy's fingerprint."""
        return str((await self.house.daemon.get("status"))["policy"])

    async def until_another(self, before: str) -> None:
        async def other() -> bool:
            return await self.in_force() != before

        await until(other, "another configuration in force")


def merged(*layers: Any) -> dict[str, Any]:
    """By section and entry."""
    found: dict[str, Any] = {}
    for layer in layers:
        for section, entries in layer.items():
            found[section] = {**found.get(section, {}), **entries}
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def editor(floor: Floor) -> AsyncIterator[Editor]:
    """What is changed is changed back."""
    house = floor.house
    hand = Editor(house)
    yield hand
    hand.write()
    await house.daemon.post("reload")
    for name in [name for name in house.network.phones if name.startswith("new")]:
        del house.network.phones[name]
    await house.network.reload_phones()


def newcomer(house: House, agent: str, phone: str) -> dict[str, dict[str, Any]]:
    """An agent with a phone, and a number of their own."""
    secret = house.overlay / "secrets" / phone
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    return {
        "phones": {phone: {"extension": 109, "password": f"file:secrets/{phone}"}},
        "agents": {agent: {"name": "New", "phone": phone, "queues": ["desk"], "default": "available"}},
        "numbers": {NEW_DID: {"queue": "desk"}},
    }


@pytest.mark.parametrize(("how", "agent", "name"), [("SIGHUP", "newa", "new1"), ("callctl reload", "newb", "new2")])
async def test_a_new_agent_works_at_once_and_nobody_is_disturbed(
    floor: Floor, editor: Editor, how: str, agent: str, name: str
) -> None:
    house = floor.house
    await floor.staff("agent6", how=Behaviour.answer())
    talking = await floor.call(DESK_DID, tone_hz=CALLER)
    await floor.until_phase(talking, "connected")
    waiting = await floor.call(DESK_DID)
    place = await floor.until_phase(waiting, "queued")
    await hears(waiting.line, MUSIC)
    ears = [
        await Listener.of(talking.line, AGENT),
        await Listener.of(floor.phone("agent6").lines()[-1], CALLER),
        await Listener.of(waiting.line, MUSIC),
    ]
    before = await editor.in_force()
    editor.write(**newcomer(house, agent, name))
    if how == "SIGHUP":
        house.daemon.send_signal(signal.SIGHUP)
        await editor.until_another(before)
    else:
        code, out, err = await editor.callctl("reload")
        assert (code, err) == (0, "")
        assert f"agent {agent}: added" in out
        assert f"phone {name}: added" in out
        assert await editor.in_force() != before
    assert (await floor.until_phase(waiting, "queued"))["since"] == place["since"]
    assert [await ear.gaps() < 0.3 for ear in ears] == [True] * 3

    phone = await house.network.add_phone(Account(name, PASSWORD))
    await phone.behave(Behaviour.answer(), 900)
    await floor.until_phase(waiting, "connected", timeout=15)
    await hears(waiting.line, 900)
    caller = await floor.call(NEW_DID)  # a number that was unknown before
    await floor.until_phase(caller, "queued")
    await floor.until_phase(talking, "connected")
    assert [await ear.gaps() < 0.3 for ear in ears[:2]] == [True] * 2


async def test_a_plan_says_what_would_change_and_changes_nothing(floor: Floor, editor: Editor) -> None:
    before = await editor.in_force()
    editor.write(queues={"desk": {"music": "floor", "ring_timeout": "9s", "wrap_up": "1s"}})
    code, out, err = await editor.callctl("plan")
    assert (code, err) == (0, "")
    assert re.search(r"queue desk\.ring_timeout: 5s → 9s", out), out
    assert await editor.in_force() == before
    code, out, _ = await editor.callctl("reload")
    assert (code, "9s" in out) == (0, True)
    code, out, _ = await editor.callctl("plan")
    assert (code, out.strip()) == (0, "a reload would change nothing")


@pytest.mark.parametrize("how", ["SIGHUP", "callctl reload", "callctl plan"])
async def test_a_wrong_configuration_changes_nothing(floor: Floor, editor: Editor, how: str) -> None:
    caller = await floor.call(DESK_DID)
    await floor.until_phase(caller, "queued")
    before = await editor.in_force()
    generated = {p.name: p.read_bytes() for p in floor.house.node.generated.iterdir()}
    good = newcomer(floor.house, "newc", "new3")
    editor.write(
        **good,
        queues={"desk": {"music": "floor", "ring_timeout": "soon", "wrap_up": "1s"}},
        menus={"tones": {"prompts": ["sound:beep"], "options": {1: {"queue": "dsek"}}, "give_up": {"queue": "desk"}}},
    )
    wanted = (
        r"here\.yaml:\d+:\d+: queues\.desk\.ring_timeout: ",
        r"here\.yaml:\d+:\d+: menus\.tones\.options\.1\.queue: .*`?desk",
    )
    if how == "SIGHUP":
        at = len(floor.house.daemon.log.read_text())
        floor.house.daemon.send_signal(signal.SIGHUP)

        async def told() -> bool:
            return "reload_refused" in floor.house.daemon.log.read_text()[at:]

        await until(told, "the refusal in the log")
        said = floor.house.daemon.log.read_text()[at:]
    else:
        code, _, said = await editor.callctl(how.split()[1])
        assert code == 2
    for pattern in wanted:
        assert re.search(pattern, said), said
    assert "Traceback" not in said
    assert await editor.in_force() == before
    assert {p.name: p.read_bytes() for p in floor.house.node.generated.iterdir()} == generated
    await floor.staff("agent6", how=Behaviour.answer())
    await floor.until_phase(caller, "connected")


async def test_a_removed_queue_is_drained(floor: Floor, editor: Editor) -> None:
    house = floor.house
    editor.write(
        queues={"extra": {"music": "floor", "ring_timeout": "5s", "wrap_up": "0s"}},
        numbers={NEW_DID: {"queue": "extra"}},
        agents={"agent7": {"queues": ["extra"]}},
    )
    await house.daemon.post("reload")
    caller = await floor.call(NEW_DID)
    await floor.until_phase(caller, "queued")
    editor.write()
    code, out, _ = await editor.callctl("reload")
    assert code == 0
    assert "queue extra: removed" in out
    await hears(caller.line, MUSIC)
    await floor.until_phase(caller, "queued")
    assert "extra" in [queue["id"] for queue in (await house.daemon.get("queues"))["queues"]]
    await floor.staff("agent7", how=Behaviour.answer())
    await floor.until_phase(caller, "connected")
    await hears(caller.line, AGENT)
    row = await floor.row_of_hangup(caller)
    assert (row["queue"], row["outcome"]) == ("extra", "answered")
    await house.daemon.post("reload")
    assert "extra" not in [queue["id"] for queue in (await house.daemon.get("queues"))["queues"]]
