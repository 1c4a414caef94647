"""What every mapping of the configuration is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from callctl.settings.types import duration


def lasting(default: str, about: str) -> Any:
    """A duration's field: its default as people write it."""
    return Field(default=duration(default), description=about, json_schema_extra={"default": default})


def key(about: str, example: str) -> Any:
    """A required field, with the example that is shown when it is missing."""
    return Field(description=about, examples=[example])


def refuse(mistakes: Iterable[PydanticCustomError]) -> None:
    """Raises all of them at once; does nothing where there are none."""
    if found := [InitErrorDetails(type=it, input=None) for it in mistakes]:
        raise ValidationError.from_exception_data("callctl", found)


class Strict(BaseModel):
    """A mapping with known keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
    pieces: ClassVar[tuple[str, ...]] = ()
    """Mappings of which one wrong entry takes no other with it: it is None there."""

    def judge(self) -> None:
        """What must hold between keys; raises `bad(...)`, or several of them by `refuse`."""

    @model_validator(mode="after")
    def _judged(self, info: ValidationInfo) -> Self:
        # What is left of a mapping with mistakes is looked at once more, by itself: see validate.py.
        if not (info.context or {}).get("leftovers"):
            self.judge()
        return self
