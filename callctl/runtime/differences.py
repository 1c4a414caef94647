"""What a reload would change, line by line: the difference of two policies. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from callctl.core.ids import SECOND
from callctl.core.policy import Policy

_SAME = frozenset({"sha"})
"""Names the configuration, is none of it."""


def differences(old: Policy, new: Policy) -> tuple[str, ...]:
    """`queues.sales.wrap_up: 10 s → 5 s`, `agents.ana: added`, …; empty: nothing would change."""
    return tuple(_compare("", old, new))


def _compare(path: str, old: Any, new: Any) -> Iterator[str]:
    if old == new and type(old) is type(new) and list(_keys(old)) == list(_keys(new)):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _mappings(path, old, new)
    elif is_dataclass(old) and type(old) is type(new):
        for part in fields(old):
            if part.name not in _SAME:
                at = f"{path}.{part.name}" if path else part.name
                before, after = getattr(old, part.name), getattr(new, part.name)
                if part.type == "Micros" and before != after:
                    yield f"{at}: {_length(before)} → {_length(after)}"
                else:
                    yield from _compare(at, before, after)
    else:
        yield f"{path}: {_said(old)} → {_said(new)}"


def _keys(value: Any) -> Iterator[str]:
    """The keys of a mapping in the file's order, which counts (of trunks for emergency calls, say)."""
    if isinstance(value, Mapping):
        yield from (_said(key) for key in value)


def _mappings(path: str, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[str]:
    for key in old:
        if key not in new:
            yield f"{path}.{_said(key)}: removed"
    for key, value in new.items():
        if key not in old:
            yield f"{path}.{_said(key)}: added"
        else:
            yield from _compare(f"{path}.{_said(key)}", old[key], value)
    kept = [key for key in old if key in new]
    if kept != [key for key in new if key in old]:
        yield f"{path}: another order"


def _length(micros: int) -> str:
    return f"{micros / SECOND:g} s"


def _said(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_said(part) for part in value) + "]"
    if is_dataclass(value) and not isinstance(value, type) and type(value).__str__ is object.__str__:
        inside = ", ".join(f"{part.name}={_said(getattr(value, part.name))}" for part in fields(value))
        return f"{type(value).__name__}({inside})"
    return str(value)
