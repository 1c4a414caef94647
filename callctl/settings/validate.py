"""The tree against the models: every mistake with its place, and what is left for the checks that follow."""

from __future__ import annotations

import types
import typing
from collections.abc import Collection
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import Tag, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from callctl.settings.errors import KeyPath, Place, Problem, shown
from callctl.settings.strict import Strict
from callctl.settings.types import kind_of, nearest
from callctl.settings.yamlfile import Raw, Tree

SECTIONS = (
    *("menus", "flows", "queues", "phones", "nodes", "skills", "calendars", "agents", "trunks", "campaigns"),
    *("lookup_headers", "switches"),
)
"""What other sections refer to."""

Form = TypeVar("Form", bound=Strict)


class Validation(Generic[Form]):
    """One pass over a tree of this form. `document` holds what could be read: entries with mistakes are in it with
    those keys empty (None), so that duplicates and clashes are found in the same run."""

    def __init__(self, tree: Tree, home: Place, form: type[Form]) -> None:
        self.tree = tree
        self.home = home
        self.problems: list[Problem] = []
        self._known = {section: self._names(section) for section in SECTIONS}
        self.document = form.model_construct(**self._sections(form))

    def place(self, path: KeyPath, of_key: bool = False) -> Place:
        """Where a value (or its key) stands; of what is nowhere, where the nearest thing around it stands."""
        first, second = (self.tree.keys, self.tree.values) if of_key else (self.tree.values, self.tree.keys)
        while path:
            if (found := first.get(path) or second.get(path)) is not None:
                return found
            path, first, second = path[:-1], self.tree.keys, self.tree.values
        return self.home

    def _names(self, section: str) -> set[str] | None:
        if not self.tree.whole or (section,) in self.tree.broken | self.tree.doubtful:
            return None
        if not isinstance(self.tree.root.get(section), dict | None):
            return None
        return {str(path[1]) for path in self.tree.keys if len(path) == 2 and path[0] == section}

    def _sections(self, form: type[Form]) -> dict[str, Any]:
        hints = typing.get_type_hints(form, include_extras=True)
        sections: dict[str, Any] = {}
        for name, raw in self.tree.root.items():
            if name not in hints:
                place = self.place((name,), of_key=True)
                right = nearest(name, form.model_fields)
                self.problems.append(Problem.at(place, (name,), "this key is not known", right))
                continue
            kind = hints[name]
            if raw is None and _may_be_bare(kind):
                continue  # `trunks:` with everything below it commented out
            if typing.get_origin(kind) is dict and isinstance(raw, dict):
                sections[name] = self._entries(name, raw, *typing.get_args(kind))
            else:
                value = self._value(kind, raw, (name,))
                if value is not None:
                    sections[name] = value
        return sections

    def _entries(self, section: str, raw: dict[str, Raw], key_kind: Any, kind: Any) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for key, value in raw.items():
            path = (section, key)
            found = self._value(kind, value, path)
            try:
                _adapter(key_kind).validate_python(key, context=self._known)
            except ValidationError as error:
                self._note(error, path, kind, of_key=True)
                if section == "numbers":
                    continue  # it would be told a second time that this is no number
            if found is not None:
                entries[key] = found
        return entries

    def _value(self, kind: Any, raw: Raw, path: KeyPath) -> Any:
        """The value, or what is left of it; None when nothing is."""
        try:
            return _adapter(kind).validate_python(raw, context=self._known)
        except ValidationError as error:
            self._note(error, path, kind)
            model = _model(kind)
            if model is None or not isinstance(raw, dict):
                return None
            bad = {e["loc"][0] for e in error.errors(include_url=False) if e["loc"]}
        return self._leftovers(model, raw, bad)

    def _leftovers(self, model: type[Strict], raw: dict[str, Raw], bad: Collection[int | str]) -> Strict:
        values: dict[str, Any] = dict.fromkeys(model.model_fields)
        hints = typing.get_type_hints(model, include_extras=True)
        context = {**self._known, "leftovers": True}
        for key, value in raw.items():
            if key not in bad:
                values[key] = _adapter(hints[key]).validate_python(value, context=context)
            elif key in model.pieces and isinstance(value, dict):
                values[key] = _pieces(hints[key], value, context)
        for name, info in model.model_fields.items():
            if name not in raw and not info.is_required():
                values[name] = info.get_default(call_default_factory=True)
        return model.model_construct(**values)

    def _note(self, error: ValidationError, base: KeyPath, kind: Any, of_key: bool = False) -> None:
        for detail in error.errors(include_url=False, include_input=True):
            problem = self._problem(detail, base, kind, of_key)
            if problem is not None:
                self.problems.append(problem)

    def _problem(self, detail: ErrorDetails, base: KeyPath, kind: Any, of_key: bool) -> Problem | None:
        loc = detail["loc"]
        if loc and loc[-1] == "[key]":
            of_key, loc = True, loc[:-1]
        path = (*base, *_written(kind, loc))
        what = detail["type"]
        context = detail.get("ctx", {})
        if what == "union_tag_not_found" and (*path, "kind") in self.tree.broken:
            return None
        if what in ("union_tag_invalid", "union_tag_not_found"):
            return self._no_such_kind(path, list(_choices(_inner(kind, loc))), detail["input"])
        if what == "too_short" and detail["input"]:
            return None  # what is in it was refused, and told
        if what == "missing":
            if path in self.tree.broken:
                return None
            example = _field_example(kind, loc)
            place = self.place(path[:-1], of_key=True)
            return Problem.at(place, path, "the key is missing", f"add `{path[-1]}: {example}`")
        if what == "extra_forbidden":
            right = nearest(str(path[-1]), _keys_at(kind, loc[:-1]))
            return Problem.at(self.place(path, of_key=True), path, "this key is not known", right)
        if what == "callctl":
            if context.get("at"):
                path, of_key = (*path, context["at"]), True
            return Problem.at(self.place(path, of_key), path, context["wrong"], context["right"])
        wrong, right = _general(what, detail)
        return Problem.at(self.place(path, of_key), path, wrong, right)

    def _no_such_kind(self, path: KeyPath, kinds: list[str], raw: Any) -> Problem:
        """A mapping whose form depends on its `kind`, without one that is known."""
        here: KeyPath = (*path, "kind")
        if "kind" not in raw:
            place = self.place(path, of_key=True)
            return Problem.at(place, here, "the key is missing", f"add `kind`, {nearest('', kinds)}")
        found, place = raw["kind"], self.place(here)
        if not isinstance(found, str):
            return Problem.at(place, here, f"{kind_of(found)} is written here", f"write {nearest('', kinds)}")
        return Problem.at(place, here, f"{shown(found)} is not known here", nearest(found, kinds))


def _general(what: str, detail: ErrorDetails) -> tuple[str, str]:
    """pydantic's own errors, in our words."""
    found = kind_of(detail.get("input"))
    context = detail.get("ctx", {})
    match what:
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"{found} is written here", "write `key: value` lines below it, indented"
        case "tuple_type" | "list_type":
            return f"{found} is written here", "write a list: `[a, b]`, or lines that begin with `- `"
        case "too_short":
            return "nothing is in it", "write at least one"
        case "too_long":
            return f"more than {context.get('max_length')} are in it", "write fewer"
        case _:
            return str(detail["msg"]), "see config/ for examples"


def _pieces(kind: Any, raw: dict[str, Raw], context: dict[str, Any]) -> dict[str, Any]:
    """The entries of a mapping, None for each that is wrong."""
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    entry = _adapter(typing.get_args(kind)[1])
    found: dict[str, Any] = {}
    for name, value in raw.items():
        try:
            found[name] = entry.validate_python(value, context=context)
        except ValidationError:
            found[name] = None
    return found


def _may_be_bare(kind: Any) -> bool:
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return _may_be_bare(typing.get_args(kind)[0])
    return origin in (dict, tuple) or _model(kind) is not None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _model(kind: Any) -> type[Strict] | None:
    """The model in a type: `Goal`, `Goal | None`."""
    for one in (kind, *typing.get_args(kind)):
        if isinstance(one, type) and issubclass(one, Strict):
            return one
    return None


def _inner(kind: Any, loc: tuple[int | str, ...]) -> Any:
    """The type at a place inside a type."""
    for part in loc:
        if choices := _choices(kind):
            kind = choices[str(part)]
            continue
        model = _model(kind)
        if model is not None:
            kind = typing.get_type_hints(model, include_extras=True).get(_field(model, str(part)))
            continue
        kind = _bare(kind)
        arguments = typing.get_args(kind)
        kind = arguments[1] if typing.get_origin(kind) is dict else (arguments or (None,))[0]
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    return kind


def _bare(kind: Any) -> Any:
    """Without what is said about it, and without `| None`."""
    while True:
        arguments = typing.get_args(kind)
        if typing.get_origin(kind) is typing.Annotated:
            kind = arguments[0]
        elif typing.get_origin(kind) in (typing.Union, types.UnionType) and types.NoneType in arguments[1:]:
            kind = next(it for it in arguments if it is not types.NoneType)
        else:
            return kind


def _choices(kind: Any) -> dict[str, Any]:
    """Of a type that is one of several: the models by `kind`, or the forms by their tags; empty, of any other type."""
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    choices: dict[str, Any] = {}
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return choices
    for one in typing.get_args(kind):
        if typing.get_origin(one) is typing.Annotated:
            tags = [it.tag for it in one.__metadata__ if isinstance(it, Tag)]
            choices |= dict.fromkeys(tags, one) or _choices(one)
            continue
        field = one.model_fields.get("kind") if isinstance(one, type) and issubclass(one, Strict) else None
        if field is not None and typing.get_origin(field.annotation) is typing.Literal:
            choices[typing.get_args(field.annotation)[0]] = one
    return choices


def _written(kind: Any, loc: tuple[int | str, ...]) -> KeyPath:
    """A place as the file has it: pydantic puts the kind into it, behind the key of a mapping that has one."""
    return tuple(part for i, part in enumerate(loc) if not _choices(_inner(kind, loc[:i])))


def _keys_at(kind: Any, loc: tuple[int | str, ...]) -> list[str]:
    model = _model(_inner(kind, loc))
    return [info.alias or name for name, info in model.model_fields.items()] if model else []


def _field(model: type[Strict], key: str) -> str:
    """The field that a key of the file fills: `is` cannot be one's name."""
    return next((name for name, info in model.model_fields.items() if info.alias == key), key)


def _field_example(kind: Any, loc: tuple[int | str, ...]) -> str:
    model = _model(_inner(kind, loc[:-1]))
    examples = model.model_fields[str(loc[-1])].examples if model else None
    return str(examples[0]) if examples else "…"
