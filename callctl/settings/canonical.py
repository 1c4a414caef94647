"""Whether two configurations say the same: a hash that does not see the order of what has none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from callctl.core.flows import InLanguage

KEPT_ORDER = frozenset({"trunks", "agents"})
"""Of the policy's mappings: their order means something (emergency calls try trunks in it, some strategies agents)."""


def digest(value: Any) -> str:
    """SHA-256 (hex) of what a value of dataclasses says."""
    text = json.dumps(_canonical(value), ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _canonical(value: Any, ordered: bool = False) -> Any:
    if isinstance(value, InLanguage):  # the first language is for callers of any other
        return ["InLanguage", _canonical(value.of, ordered=True)]
    if is_dataclass(value) and not isinstance(value, type):
        names = {f.name: _canonical(getattr(value, f.name), f.name in KEPT_ORDER) for f in fields(value)}
        return [type(value).__name__, names]
    if isinstance(value, Mapping):
        pairs = [[_canonical(k), _canonical(v)] for k, v in value.items()]
        return pairs if ordered else sorted(pairs, key=lambda pair: json.dumps(pair[0]))
    if isinstance(value, frozenset):
        return sorted((_canonical(v) for v in value), key=json.dumps)
    if isinstance(value, tuple):
        return [_canonical(v) for v in value]
    return value
