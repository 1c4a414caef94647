"""No way around the gate: nobody but it makes a permit, and nothing leaves the house without one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from callctl.core import commands
from callctl.core.permits import Permit

pytestmark = pytest.mark.core

ROOT = Path(__file__).resolve().parents[2] / "callctl"


def makers(name: str) -> Iterator[str]:
    """Where something of this name is made: called, copied with changes, or decoded from text."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name | ast.Attribute) and ast.unparse(called).rpartition(".")[2] == name:
                yield str(path.relative_to(ROOT))


def test_only_the_gate_makes_permits() -> None:
    assert set(makers("Permit")) == {"core/compliance.py"}


def test_a_leg_to_the_outside_wants_a_permit() -> None:
    """By type: the number is in the permit, and in no other field of a command."""
    assert commands.RingPhone.__annotations__["permit"] == "Permit | None"
    assert commands.HandOver.__annotations__["to"] == "Voicemail | Permit | Drop"
    assert commands.Dial.__annotations__["permit"] == "Permit"
    fields = {
        f"{name}.{field}"
        for name, kind in vars(commands).items()
        if isinstance(kind, type) and kind.__module__ == commands.__name__
        for field, hint in kind.__annotations__.items()
        if "OutsideNumber" in str(hint) or "E164" in str(hint)
    }
    assert not fields
    assert set(Permit.__annotations__) == {"purpose", "to"}


def test_the_adapter_dials_outside_what_a_permit_names_alone() -> None:
    """`endpoint` and `contact` of a ring are for phones of the house; a number is read from the permit."""
    text = (ROOT / "asterisk" / "translate.py").read_text(encoding="utf-8")
    dialled = [line for line in text.splitlines() if ".to.dial" in line or ".to.endpoint" in line]
    assert dialled
    assert all("permit" in line or "to.to" in line for line in dialled), dialled
