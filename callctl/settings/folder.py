"""A folder of YAML files to one tree: merged by top-level key, and an overlay laid upon it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from callctl.settings.errors import KeyPath, Place, Problem
from callctl.settings.yamlfile import Raw, Tree, read

MOST_FILES = 200
FLOWS = "flows"
"""The folder, beside the other files, for a file of each flow. They may hold any section, as the others."""

_Below: TypeAlias = Mapping[KeyPath, Iterable[KeyPath]]
"""By path, all paths that begin with it."""


def read_all(directory: Path, overlay: Path | None = None) -> tuple[Tree, list[Problem]]:
    """All files of the directory, and those of the overlay upon them. Never raises."""
    tree, problems = read_folder(directory)
    if overlay is not None:
        upper, more = read_folder(overlay)
        problems += more
        tree.whole = tree.whole and upper.whole
        tree.doubtful |= upper.doubtful
        _lay(tree, upper, (), _below(tree), _below(upper))
    return tree, problems


def read_folder(directory: Path) -> tuple[Tree, list[Problem]]:
    """Every `*.yaml` of the directory and then of its folder `flows`, each in the order of names. The same key in two
    files: merged, no duplicates."""
    merged = Tree()
    whole = Place(str(directory))
    files, problems = _listed(directory)
    flows = directory / FLOWS
    if not problems and flows.is_dir():
        more, unread = _listed(flows)
        files += more
        problems += unread
    merged.whole = not problems
    wrongly_named = [p for p in files if p.suffix.lower() in (".yml", ".yaml") and p.suffix != ".yaml"]
    problems += [
        Problem.at(Place(str(p)), (), "this file is not read", f"name it {p.stem}.yaml") for p in wrongly_named
    ]
    if not merged.whole:
        return merged, problems
    merged.whole = not problems  # what seems missing may stand in them
    files = [p for p in files if p.suffix == ".yaml"]
    if not files or len(files) > MOST_FILES:
        wrong = "there is no *.yaml file in this folder" if not files else f"more than {MOST_FILES} files"
        problems.append(Problem.at(whole, (), wrong, "name the folder that holds the configuration"))
        merged.whole = False
        return merged, problems
    for path in files:
        tree, more_problems = read(path)
        problems += more_problems
        problems += _merge(merged, tree)
    return merged, problems


def _listed(directory: Path) -> tuple[list[Path], list[Problem]]:
    """What lies in a folder, in the order of names; or why nobody knows."""
    try:
        return sorted(p for p in directory.iterdir() if not p.name.startswith(".")), []
    except OSError as error:
        wrong = f"the configuration's folder cannot be read ({error.strerror})"
        right = "name the folder that holds the *.yaml files"
        return [], [Problem.at(Place(str(directory)), (), wrong, right)]


def _merge(into: Tree, tree: Tree) -> list[Problem]:
    problems: list[Problem] = []
    refused: set[KeyPath] = set()
    shift: dict[str, int] = {}
    for key, value in tree.root.items():
        old = into.root.get(key)
        if old is None:
            into.root[key] = value
        elif isinstance(old, list) and isinstance(value, list):
            shift[key] = len(old)
            old += value
        elif isinstance(old, dict) and isinstance(value, dict):
            for name, entry in value.items():
                if (first := into.keys.get((key, name))) is None:
                    old[name] = entry
                    continue
                wrong = f"the key is there already, in {first.file}, line {first.line}"
                problems.append(Problem.at(tree.keys[(key, name)], (key, name), wrong, "keep one of them"))
                refused.add((key, name))
                into.doubtful.add((key,))
        elif value is not None:
            first = into.keys[(key,)]
            wrong = f"`{key}` is set already, in {first.file}, line {first.line}"
            problems.append(Problem.at(tree.keys[(key,)], (key,), wrong, "keep one of them"))
            refused.add((key,))
    into.whole = into.whole and tree.whole
    into.broken |= {_shifted(path, shift) for path in tree.broken}
    into.doubtful |= tree.doubtful
    for theirs, ours in ((tree.values, into.values), (tree.keys, into.keys)):
        for path, place in theirs.items():
            if path[:1] not in refused and path[:2] not in refused:
                ours.setdefault(_shifted(path, shift), place)
    return problems


def _shifted(path: KeyPath, shift: dict[str, int]) -> KeyPath:
    """A list that goes on in a second file: its places count on."""
    if len(path) < 2 or not isinstance(path[1], int):
        return path
    return (path[0], path[1] + shift.get(str(path[0]), 0), *path[2:])


def _below(tree: Tree) -> _Below:
    """Made once: to look through all places for each key that an overlay sets is felt with a thousand phones."""
    below: dict[KeyPath, dict[KeyPath, None]] = {}
    for path in (*tree.values, *tree.keys):
        for length in range(len(path) + 1):
            below.setdefault(path[:length], {})[path] = None
    return below


def _take(into: Tree, tree: Tree, paths: Iterable[KeyPath]) -> None:
    """Take over the places of these paths."""
    for theirs, ours in ((tree.values, into.values), (tree.keys, into.keys)):
        for path in paths:
            if (place := theirs.get(path)) is not None:
                ours[path] = place


def _lay(tree: Tree, upper: Tree, path: KeyPath, old: _Below, new: _Below) -> None:
    """Lay one tree on another: mappings key by key; anything else replaces; null takes a key away. `old` and `new`
    are what was below each path before."""
    below, above = _mapping(tree, path), _mapping(upper, path)
    for key, value in above.items():
        here = (*path, key)
        tree.broken.discard(here)
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _lay(tree, upper, here, old, new)
            continue
        _forget(tree, old.get(here, ()))
        if value is None:
            below.pop(key, None)
            continue
        below[key] = value
        _take(tree, upper, new.get(here, ()))
    tree.broken |= {p for p in upper.broken if p[:-1] == path}


def _mapping(tree: Tree, path: KeyPath) -> dict[str, Raw]:
    value: Raw = tree.root
    for part in path:
        assert isinstance(value, dict)
        value = value[str(part)]
    assert isinstance(value, dict)
    return value


def _forget(tree: Tree, paths: Iterable[KeyPath]) -> None:
    for path in paths:
        tree.values.pop(path, None)
        tree.keys.pop(path, None)
