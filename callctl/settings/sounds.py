"""The recordings that a policy plays, and whether Asterisk has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from callctl.core.flows import InLanguage, Spoken
from callctl.core.policy import Policy
from callctl.core.spoken import Saying
from callctl.core.walk import in_language

_SOUND = "sound:"


def sounds_played(policy: Policy, language: str) -> set[str]:
    """Names of sounds, as Asterisk looks for them below a language's folder; not what callctl speaks itself."""
    found = (it for it in _all(policy, language) if isinstance(it, str) and it.startswith(_SOUND))
    return {name for it in found if not (name := it.removeprefix(_SOUND)).startswith("/")}


def kinds_said(policy: Policy) -> frozenset[Saying]:
    """As what flows say values."""
    return frozenset(Saying(it.kind) for it in _all(policy.flows, "") if isinstance(it, Spoken))


def is_there(folder: Path, language: str, name: str) -> bool:
    """Whether a file of that sound is there, in any format: of the language, or of the one that it is a kind of."""
    for it in dict.fromkeys((language, language.partition("_")[0])):
        path = folder / it / name
        if any(file.suffix and file.stem == path.name for file in path.parent.glob("*.*")):
            return True
    return False


def _all(value: Any, language: str) -> Iterator[object]:
    """All text and all that is said in a part of the policy; of prompts by language those of one, or all of them."""
    if isinstance(value, str | Spoken):
        yield value
    elif isinstance(value, InLanguage):
        words = in_language(value.of, language) if language else tuple(it for of in value.of.values() for it in of)
        yield from words
    elif isinstance(value, Mapping):
        for it in value.values():
            yield from _all(it, language)
    elif isinstance(value, tuple | list | frozenset):
        for it in value:
            yield from _all(it, language)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _all(getattr(value, field.name), language)
