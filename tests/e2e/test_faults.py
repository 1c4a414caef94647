"""The short form of `make faults`: a few faults under load, in an order of a fixed seed; all books at nought."""

from __future__ import annotations

from pathlib import Path

import pytest

from callctl.lab.install import Installation
from tests.faults.kinds import KINDS
from tests.faults.run import Plan, run
from tests.faults.table import table

pytestmark = pytest.mark.e2e

FEW = (
    "callctl killed twice within a second",
    "callctl killed, people leave meanwhile",
    "callctl killed while Postgres is down",
    "callctl killed while Postgres is frozen",
    "link cut",
    "Asterisk killed",
)
"""Those in which most can go wrong, and none that lasts for long."""


@pytest.mark.timeout(240)
async def test_nothing_is_lost_when_parts_break_under_load(installation: Installation, tmp_path: Path) -> None:
    """No time is asserted: how long a start takes is the machine's affair here."""
    told: list[str] = []
    result = await run(installation, tmp_path, Plan(seed=5, faults=len(FEW), rate=2.0, kinds=FEW), told.append)
    notes = [note for entry in result.entries for note in entry.notes]
    assert result.ok, "\n".join((result.broke, *told, *notes, table(result.entries, KINDS)))
    assert result.calls > len(FEW)
