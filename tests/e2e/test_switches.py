"""An emergency closes the house: a code on a phone, heard, and kept over a kill."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callctl.lab.install import Installation
from tests.e2e.floor import DESK_DID, INVALID, MUSIC, NO_INPUT, PROMPT, TEAM, Floor
from tests.e2e.night import hears, night

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CODE, SWITCH = "*70", "closed_today"
"""Of the sample configuration."""
ON, OFF = INVALID, NO_INPUT
"""In Hz: what the phone hears."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def floor(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Floor]:
    async with night(installation, tmp_path_factory.mktemp("switches"), {}) as floor:
        sounds = f"sound:{floor.house.node.inside}/floor"
        says = {"on_says": [f"{sounds}/invalid"], "off_says": [f"{sounds}/no-input"]}
        closed = {"closed_while": [SWITCH], "closed": {"menu": "tones"}}
        await floor.reload({"switches": {SWITCH: says}, "queues": {"desk": closed}})
        yield floor


async def dialled(floor: Floor) -> float:
    """The code was dialled on an agent's phone: in Hz, what was heard."""
    line = await floor.dial(TEAM["agent7"], CODE)
    await line.wait_answered()
    await line.wait_ended(15)
    audio = await line.heard()
    return max((ON, OFF), key=audio.tone_seconds)


async def test_a_code_closes_the_house_and_a_kill_does_not_open_it(floor: Floor) -> None:
    daemon = floor.house.daemon
    waiting = await floor.call(DESK_DID)
    await floor.until_phase(waiting, "queued")
    assert await dialled(floor) == ON
    await daemon.kill()  # who dialled has heard it, so it is stored
    await daemon.start()
    await daemon.until_ready()
    (switch,) = (await daemon.get("switches"))["switches"]
    assert (switch["on"], switch["by"]) == (True, "agent agent7")
    assert (await daemon.metrics())['callctl_switch_on{switch="closed_today"}'] == 1
    away = await floor.call(DESK_DID)
    await floor.until_phase(away, "in_menu")
    await hears(away.line, PROMPT)
    await hears(waiting.line, MUSIC)
    assert f"Not taken by desk, closed by the switch {SWITCH}: goes to menu tones" in await floor.cli(
        "explain", away.call
    )
    assert await dialled(floor) == OFF
    taken = await floor.call(DESK_DID)
    await floor.until_phase(taken, "queued")
    assert (await floor.cli("switch", SWITCH)).splitlines()[1].split()[:2] == [SWITCH, "off"]
    await floor.quiet()
