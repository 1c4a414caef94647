"""The whole house on real parts, up for all tests that only use it; tests that break parts build their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from callctl.lab.house import House, Overlay, house
from callctl.lab.install import Installation, ensure
from tests.e2e.floor import Floor, on_floor

QUICK: Overlay = {
    "queues": {
        "sales": {"wrap_up": "1s", "ring_timeout": "5s"},
        "support": {"wrap_up": "1s", "ring_timeout": "5s"},
    },
}
"""Shorter times than config/ has, so that tests need not wait for people."""


@pytest.fixture(scope="session")
def installation() -> Installation:
    """The machine's Asterisk, or the rootfs; built if it is missing."""
    return ensure()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_house(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house that is up for the whole session. Leave it as you found it."""
    folder: Path = tmp_path_factory.mktemp("house")
    async with house(installation, folder, QUICK) as built:
        yield built


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def on_the_floor(shared_house: House) -> AsyncIterator[Floor]:
    """The floor of one test module; see `floor`."""
    async with on_floor(shared_house, QUICK) as built:
        yield built


@pytest_asyncio.fixture(loop_scope="session")
async def floor(on_the_floor: Floor) -> AsyncIterator[Floor]:
    """A queue, menus and agents to play with; after each test all is quiet again."""
    yield on_the_floor
    await on_the_floor.quiet()
