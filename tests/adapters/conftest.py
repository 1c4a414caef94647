"""Fixtures of the adapters' tests."""

from tests.postgres import *  # noqa: F403
