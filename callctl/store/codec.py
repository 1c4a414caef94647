"""The core's dataclasses as JSON and back, by their type hints and a table of tags.

A dataclass becomes an object with its class's name under `$`; that is always written, so that a field
which later becomes a union still reads the old rows. Decoding is lenient where versions differ (an unknown
field is ignored, a missing one takes its default) and strict where meaning would be guessed.

Text: Postgres stores neither U+0000 nor lone surrogates, in text or jsonb. What is stored instead is
U+2400 (the picture of NUL) and U+FFFD: see `storable`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import msgspec

TAG = "$"
_Encode = Callable[[Any], Any]
_Decode = Callable[[Any], Any]
_DECODERS: dict[Any, _Decode] = {}
_PLAIN = frozenset({int, bool, type(None)})
"""What JSON has of its own, and needs no look at."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class DecodeError(ValueError):
    """A stored value that does not fit its type; `str()` says where in it, what it is, and what would fit."""

    def __init__(self, what: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.path = path

    def under(self, step: str) -> DecodeError:
        """The same error, seen from one level further out."""
        return DecodeError(self.what, (step, *self.path))

    def __str__(self) -> str:
        return f"{'.'.join(self.path) or 'value'}: {self.what}"


def storable(text: str) -> str:
    """The text as Postgres can hold it: NUL as its picture (U+2400), a lone surrogate as U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub(lambda m: "\u2400" if m[0] == "\0" else "\ufffd", text)


def encode(value: Any) -> Any:
    """A core value as JSON's own types. TypeError: a type that is never stored, numpy's numbers among them. ValueError:
    a number that JSON does not have."""
    return _ENCODERS[type(value)](value)


def decode(hint: Any, data: Any) -> Any:
    """The value of type `hint` (a class, or a union of them) that `encode` made. DecodeError: no fit."""
    return _decoder(hint)(data)


def dumps(value: Any) -> str:
    """`encode`, as JSON text."""
    return to_text(encode(value))


def loads(hint: Any, text: str) -> Any:
    """`decode`, from JSON text."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise DecodeError(f"is not JSON ({error})") from None
    return decode(hint, data)


def to_text(data: Any) -> str:
    """JSON's own types as compact text."""
    return msgspec.json.encode(data).decode("utf-8")


# ── encoding: by the value's own type ────────────────────────────────────────────────────────


class _Encoders(dict[type, _Encode]):
    """By type, each made when it is first asked for; a look-up costs no call, and there is one for every field."""

    def __missing__(self, kind: type) -> _Encode:
        made = self[kind] = _make_encoder(kind)
        return made


_ENCODERS = _Encoders()


def _make_encoder(kind: type) -> _Encode:
    if kind is str:
        return storable
    if kind in _PLAIN:
        return _same
    if kind is float:
        return _finite
    if issubclass(kind, Enum):
        return _enum_value
    if dataclasses.is_dataclass(kind):
        return _object_encoder(kind)
    if issubclass(kind, (list, tuple)):
        return lambda items: [encode(item) for item in items]
    if issubclass(kind, (set, frozenset)):
        return lambda items: sorted((encode(item) for item in items), key=to_text)
    if issubclass(kind, Mapping):
        return _encode_mapping
    raise TypeError(f"{kind.__qualname__} is never stored: give it a dataclass, an enum or a plain value")


def _same(value: Any) -> Any:
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):  # it would be stored as null, and not be read again
        raise ValueError(f"{value} is never stored")
    return value


def _enum_value(value: Enum) -> Any:
    return value.value


def _object_encoder(of: type) -> _Encode:
    tag = of.__name__
    names = tuple(field.name for field in dataclasses.fields(of))

    def encode_object(value: Any) -> dict[str, Any]:
        data: dict[str, Any] = {TAG: tag}
        for name in names:
            part = getattr(value, name)
            kind = type(part)
            data[name] = part if kind in _PLAIN else _ENCODERS[kind](part)
        return data

    return encode_object


def _encode_mapping(value: Mapping[Any, Any]) -> Any:
    if all(isinstance(key, str) and not isinstance(key, Enum) for key in value):
        return {storable(key): encode(part) for key, part in value.items()}
    return [[encode(key), encode(part)] for key, part in value.items()]


# ── decoding: by the hint ────────────────────────────────────────────────────────────────────


def _decoder(hint: Any) -> _Decode:
    known = _DECODERS.get(hint)
    if known is None:
        known = _DECODERS[hint] = _make_decoder(hint)
    return known


def _make_decoder(hint: Any) -> _Decode:
    origin = typing.get_origin(hint)
    if isinstance(hint, typing.NewType):
        return _decoder(hint.__supertype__)
    if hint in (int, str, bool, float):
        return _scalar_decoder(hint)
    if hint is None or hint is type(None):
        return _decode_none
    if origin in (typing.Union, types.UnionType):
        return _union_decoder(typing.get_args(hint))
    if origin in (tuple, list, frozenset):
        return _sequence_decoder(origin, typing.get_args(hint))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_decoder(*typing.get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum_decoder(hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _object_decoder(hint)
    raise TypeError(f"no stored form is defined for {hint!r}")


def _shown(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _scalar_decoder(kind: type) -> _Decode:
    def decode_scalar(data: Any) -> Any:
        if type(data) is kind:
            return data
        if kind is float and type(data) is int:
            return float(data)
        raise DecodeError(f"{_shown(data)} is no {kind.__name__}")

    return decode_scalar


def _decode_none(data: Any) -> None:
    if data is not None:
        raise DecodeError(f"{_shown(data)} is not null")


def _enum_decoder(kind: type[Enum]) -> _Decode:
    table = {member.value: member for member in kind}

    def decode_enum(data: Any) -> Enum:
        if isinstance(data, (str, int)) and data in table:
            return table[data]
        raise DecodeError(f"{_shown(data)} is no {kind.__name__}: known are {', '.join(map(str, table))}")

    return decode_enum


def _sequence_decoder(origin: type, args: tuple[Any, ...]) -> _Decode:
    fixed = origin is tuple and (len(args) != 2 or args[1] is not Ellipsis)

    def decode_sequence(data: Any) -> Any:
        if not isinstance(data, list):
            raise DecodeError(f"{_shown(data)} is no list")
        if fixed and len(data) != len(args):
            raise DecodeError(f"{len(data)} items where {len(args)} belong")
        kinds = args if fixed else (args[0],) * len(data)
        return origin(_at(str(n), kind, item) for n, (kind, item) in enumerate(zip(kinds, data, strict=True)))

    return decode_sequence


def _mapping_decoder(key: Any, value: Any) -> _Decode:
    def decode_mapping(data: Any) -> dict[Any, Any]:
        if isinstance(data, dict):
            pairs: list[Any] = list(data.items())
        elif isinstance(data, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in data):
            pairs = data
        else:
            raise DecodeError(f"{_shown(data)} is no mapping")
        return {_at("key", key, k): _at(str(k), value, v) for k, v in pairs}

    return decode_mapping


def _at(step: str, hint: Any, data: Any) -> Any:
    try:
        return _decoder(hint)(data)
    except DecodeError as error:
        raise error.under(step) from None


def _union_decoder(hints: tuple[Any, ...]) -> _Decode:
    """Objects by their tag; a union holds at most one kind of anything else, or scalars that JSON tells apart."""
    objects = [hint for hint in hints if isinstance(hint, type) and dataclasses.is_dataclass(hint)]
    tags = {hint.__name__: hint for hint in objects}
    others = [hint for hint in hints if hint is not type(None) and hint not in tags.values()]
    scalars = len(others) > 1 and set(others) <= {str, int, bool}
    if len(tags) + len(others) + (type(None) in hints) != len(hints) or (len(others) > 1 and not scalars):
        raise TypeError(f"the stored form of {hints!r} would be ambiguous")

    def decode_union(data: Any) -> Any:
        if data is None and type(None) in hints:
            return None
        if isinstance(data, dict) and TAG in data:
            tag = data[TAG]
            if not isinstance(tag, str) or tag not in tags:
                raise DecodeError(f"unknown tag {_shown(tag)}: known are {', '.join(tags) or 'none'}")
            return _decoder(tags[tag])(data)
        if scalars:
            if type(data) in others:
                return data
            raise DecodeError(f"{_shown(data)} is none of {', '.join(kind.__name__ for kind in others)}")
        if others:
            return _decoder(others[0])(data)
        raise DecodeError(f"{_shown(data)} has no tag: known are {', '.join(tags)}")

    return decode_union


def _object_decoder(kind: type) -> _Decode:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    required = {
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }

    def decode_object(data: Any) -> Any:
        if not isinstance(data, dict):
            raise DecodeError(f"{_shown(data)} is no {kind.__name__}")
        if data.get(TAG, kind.__name__) != kind.__name__:
            raise DecodeError(f"tagged {_shown(data[TAG])} where {kind.__name__} belongs")
        values: dict[str, Any] = {}
        for field in fields:
            if field.name in data:
                values[field.name] = _at(field.name, hints[field.name], data[field.name])
            elif field.name in required:
                raise DecodeError(f"{kind.__name__} without its field {field.name}")
        return kind(**values)

    return decode_object
