"""The simulation is worth what it notices: each deliberate breakage must make a run go wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.mutations import MUTATIONS, OF_CALLS, SEEDS, Mutation, noticed

pytestmark = pytest.mark.simulation


@pytest.mark.parametrize("mutation", [*MUTATIONS, *OF_CALLS], ids=lambda mutation: mutation.name)
def test_it_is_noticed(mutation: Mutation, tmp_path: Path) -> None:
    assert noticed(mutation, tmp_path), f"{SEEDS} runs went well with it"


def test_there_are_enough() -> None:
    assert len(MUTATIONS) >= 20
    assert len(OF_CALLS) >= 12
    assert len({it.name for it in (*MUTATIONS, *OF_CALLS)}) == len(MUTATIONS) + len(OF_CALLS)
