"""Ids and time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.core.ids import MILLISECOND, SECOND, IdSource, is_ours, seconds

pytestmark = pytest.mark.core


def test_ids_have_one_length_and_are_recognised() -> None:
    source = IdSource(1)
    made = [source.ulid(1_700_000_000 * SECOND) for _ in range(1_000)]
    assert {len(name) for name in made} == {26}
    assert len(set(made)) == 1_000
    assert all(is_ours(name) for name in made)


@pytest.mark.parametrize(
    "name", ["", "1700000000.123", "asterisk-1700000000.123456", "hold-sales", "01HF7YAVYGZ29T5VQV69ANWWE", "i" * 26]
)
def test_the_pbx_own_names_are_not_ours(name: str) -> None:
    assert not is_ours(name)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**47), st.integers(1, 10**9))
def test_a_later_id_sorts_later(seed: int, at: int, later: int) -> None:
    source = IdSource(seed)
    assert source.ulid(at * MILLISECOND) < source.ulid((at + later) * MILLISECOND)


@given(st.integers(0, 2**64 - 1))
def test_the_same_seed_makes_the_same_ids(seed: int) -> None:
    assert IdSource(seed).ulid(0) == IdSource(seed).ulid(0)
    assert IdSource(seed).ulid(0) != IdSource(seed ^ 1).ulid(0)


def test_splitmix64_is_the_published_one() -> None:
    source = IdSource(1234567)
    assert [source._next64() for _ in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]  # from the reference implementation's test vectors (Vigna, prng.di.unimi.it; Rosetta Code)


def test_seconds_are_whole_microseconds() -> None:
    assert (seconds(1), seconds(0.5), seconds(0.0000004)) == (SECOND, 500_000, 0)
