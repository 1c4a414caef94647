"""Reads `queries.sql`: named, commented statements, each used by its name."""

from __future__ import annotations

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def parse(text: str) -> dict[str, str]:
    """Statements by name, without the comments. ValueError: a name twice, or one without a statement."""
    parts = _NAME.split(text)
    found: dict[str, str] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        lines = [line for line in body.splitlines() if not line.startswith("--")]
        statement = "\n".join(lines).strip()
        if name in found:
            raise ValueError(f"queries.sql: the name {name} is used twice")
        if not statement:
            raise ValueError(f"queries.sql: {name} has no statement")
        found[name] = statement
    return found


def _load() -> dict[str, str]:
    return parse(files("callctl.store").joinpath("queries.sql").read_text("utf-8"))


SQL = _load()
"""Every statement of the store, by name."""
