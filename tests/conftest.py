"""What all tests share: every test carries its marker, Hypothesis has two paces, transcripts can be rewritten."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

KINDS = frozenset({"core", "scenario", "simulation", "adapter", "e2e"})

settings.register_profile(
    "quick", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("long", parent=settings.get_profile("quick"), derandomize=False, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write golden transcripts as they are now")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before `-m` selects: a test that says of no kind would silently never run where kinds are chosen.

    Raises:
        pytest.UsageError: a test carries none of the markers, or more than one.
    """
    wrong = sorted({i.nodeid for i in items if len(KINDS & {mark.name for mark in i.iter_markers()}) != 1})
    if wrong:
        raise pytest.UsageError(f"each test needs one marker of {', '.join(sorted(KINDS))}: {', '.join(wrong)}")
