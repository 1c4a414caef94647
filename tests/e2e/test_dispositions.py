"""What a call came to, said on the agent's phone and by the command line, on real calls; and what follows."""

from __future__ import annotations

import asyncio
import json

import pytest

from callctl.lab.phones import Behaviour
from tests.e2e.floor import TEAM, Caller, Floor
from tests.e2e.test_call_path import connected

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

REQUIRED = {"queues": {"desk": {"dispositions": {"required": True}}}}
NEVER = "*604"
"""Of config/campaigns.yaml: `never`, which puts the number onto the do-not-call list."""


async def talked(floor: Floor, more: dict[str, object] | None = None) -> Caller:
    """A call of the desk that has just ended; its agent is in wrap-up."""
    await floor.reload(more or REQUIRED)
    caller = await floor.call()
    await floor.staff("agent7", how=Behaviour.answer())
    assert await connected(floor, caller) == "agent7"
    await floor.house.daemon.post("agents", "agent7", "pause")
    await asyncio.sleep(1.5)  # who hangs up at once has not talked
    await caller.line.hangup()
    await floor.until_agent("agent7", state="wrap_up")
    return caller


async def test_a_code_on_the_phone_says_what_the_call_came_to(floor: Floor) -> None:
    caller = await talked(floor)
    line = await floor.dial(TEAM["agent7"], NEVER)
    row = await floor.row(caller, lambda row: row["disposition"] is not None, timeout=20)
    assert (row["disposition"], row["disposition_by"]) == ("never", "agent")
    assert row["wrap_up_ended"] > row["ended"]
    await line.wait_ended(10)
    await floor.until_agent("agent7", state="idle")
    told = await floor.cli("explain", caller.call)
    assert "says: never" in told
    answer = json.loads(await floor.cli("do-not-call", "remove", caller.number, "--json"))
    assert answer["digits"] == caller.number, "it was on the list, and the list takes it off again"


async def test_the_command_line_says_it_with_amount_and_time(floor: Floor) -> None:
    caller = await talked(floor)
    await floor.cli("disposition", "agent7", "sold", "--amount", "99.5", "--note", "two of them")
    row = await floor.row(caller, lambda row: row["disposition"] is not None, timeout=20)
    assert (row["disposition"], str(row["amount"]), row["note"]) == ("sold", "99.50", "two of them")
    await floor.until_agent("agent7", state="idle")
    caller = await talked(floor)
    said = await floor.cli("disposition", "agent7", "call_back", "--callback", "2027-02-01T10:00", "--mine")
    assert "2027-02-01T10:00:00+00:00" in said, "by the clock where the customer is: in London, in winter"
    await floor.row(caller, lambda row: row["disposition"] is not None, timeout=20)
    (contact,) = json.loads(await floor.cli("explain", "contact", caller.number, "--unmask", "--json"))["contacts"]
    assert contact["campaign"] == "spring"
    assert contact["callback"]["agent"] == "agent7"
    assert contact["callback"]["number"] == caller.number
    reasons = {reason["rule"] for number in contact["numbers"] for reason in number["reasons"]}
    assert {"campaign", "consent"} <= reasons
    await floor.cli("person", "erase", caller.number, "--yes")
    await floor.reload({})
