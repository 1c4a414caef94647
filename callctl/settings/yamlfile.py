"""One YAML file to plain values, with the place of every key and value.

YAML 1.2's core schema, and less: a plain `true`, `false` or `null` is what it says, every other scalar stays
the text that was written (`22:00`, `+33…`, `0101` and `no` are not turned into something else; the field's
type reads them). Duplicate keys, anchors, aliases, tags and second documents are refused: people read these
files, from top to bottom.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, Union, cast

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.scanner import Scanner

from callctl.settings.errors import KeyPath, Place, Problem, quoted, shown

Raw: TypeAlias = Union[bool, str, list["Raw"], dict[str, "Raw"], None]  # noqa: UP007 (it names itself)

LARGEST = 1024 * 1024
"""Bytes. A thousand agents are about 100 kB."""
DEEPEST = 32

_CONSTANTS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


@dataclass(slots=True)
class Tree:
    """What one file, or all of them merged, say."""

    root: dict[str, Raw] = field(default_factory=dict)
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    broken: set[KeyPath] = field(default_factory=set)
    """Values that were refused while reading: they are not missing, they are wrong."""
    doubtful: set[KeyPath] = field(default_factory=set)
    """Mappings with a key written twice, meant as another perhaps: what seems missing in them may be there."""
    whole: bool = True
    """False when a file could not be read to its end: what seems missing may be there."""


class _AbortError(Exception):
    """Reading this file ends here; the problem is noted."""


class _Loader(Reader, Scanner, Parser):
    """PyYAML's reader, scanner and parser, with a composer of our own."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.tree = Tree()
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def load(self) -> Raw:
        """The only document's value; problems are gathered on the way."""
        self._next()  # the stream's start
        if isinstance(self._peek(), StreamEndEvent):
            return {}  # everything in it is commented out
        self._next()  # the document's start
        root = self._node(())
        self._next()  # the document's end
        if isinstance(event := self._peek(), DocumentStartEvent):
            self._note(self._place(event), (), "a second document begins", "put it into a file of its own")
        return root

    def _node(self, path: KeyPath) -> Raw:
        event = self._next()
        place = self.tree.values[path] = self._place(event)
        if isinstance(event, AliasEvent):
            name = str(event.anchor)
            right = f"write the value itself, or put a text that begins with * in quotes: {quoted('*' + name)}"
            self._refuse(place, path, f"an alias ({shown('*' + name)})", right)
            return None
        if isinstance(event, NodeEvent) and event.anchor is not None:
            self._refuse(place, path, f"an anchor ({shown('&' + str(event.anchor))})", "write values out")
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            self._refuse(place, path, f"a tag ({shown(str(tag))})", "write the value without it")
        if isinstance(event, ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= DEEPEST:
            self._note(place, path, f"deeper than {DEEPEST} levels", "no setting is so deep")
            raise _AbortError
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        return self._mapping(path)

    def _scalar(self, event: ScalarEvent, path: KeyPath) -> Raw:
        text = str(event.value)
        if not text.isprintable():
            what = "a character that cannot be printed, or a line end, is in the text"
            self._refuse(self.tree.values[path], path, what, "write printable text on one line")
            return None
        plain = event.style is None and event.implicit[0]
        return _CONSTANTS.get(text, text) if plain else text

    def _sequence(self, path: KeyPath) -> Raw:
        items: list[Raw] = []
        while not isinstance(self._peek(), SequenceEndEvent):
            items.append(self._node((*path, len(items))))
        self._next()
        return items

    def _mapping(self, path: KeyPath) -> Raw:
        mapping: dict[str, Raw] = {}
        while not isinstance(event := self._peek(), MappingEndEvent):
            place = self._place(event)
            key = self._key(path, place)
            if key is None:
                self._skip()
                continue
            here = (*path, key)
            if (first := self.tree.keys.get(here)) is not None:
                self._note(place, here, f"the key is there already, at line {first.line}", "keep one of them")
                self.tree.doubtful |= {path, here}
                self._skip()
                continue
            self.tree.keys[here] = place
            value = self._node(here)
            if here not in self.tree.broken:
                mapping[key] = value
        self._next()
        return mapping

    def _key(self, path: KeyPath, place: Place) -> str | None:
        """The next key; None, with the problem noted, when it is none."""
        event = self._peek()
        if isinstance(event, ScalarEvent) and event.value and event.anchor is None and event.tag is None:
            key = str(event.value)
            self._next()
            if key.isprintable():
                return key
            self._note(place, path, "the key cannot be printed", "write a plain word as the key")
            return None
        self._skip()
        if isinstance(event, AliasEvent):
            right = f"put it in quotes: {quoted('*' + str(event.anchor))}"
            self._note(place, path, "a key that begins with * stands without quotes", right)
        else:
            self._note(place, path, "this is no key", "write a plain word as the key")
        return None

    def _skip(self) -> None:
        """Pass over one value, whatever is in it."""
        depth = 0
        while True:
            event = self._next()
            if isinstance(event, CollectionStartEvent):
                depth += 1
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            if depth == 0:
                return

    def _next(self) -> yaml.Event:
        return cast(yaml.Event, self.get_event())  # type: ignore[no-untyped-call]

    def _peek(self) -> yaml.Event:
        return cast(yaml.Event, self.peek_event())  # type: ignore[no-untyped-call]

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file, 1, 1)

    def _note(self, place: Place, path: KeyPath, wrong: str, right: str) -> None:
        self.problems.append(Problem.at(place, path, wrong, right))

    def _refuse(self, place: Place, path: KeyPath, wrong: str, right: str) -> None:
        self.tree.broken.add(path)
        self._note(place, path, wrong, right)


def read(path: Path) -> tuple[Tree, list[Problem]]:
    """What the file says. Never raises: whatever is wrong is in the problems."""
    file = str(path)
    text = _text(path)
    if isinstance(text, Problem):
        return Tree(whole=False), [text]
    return parse(text, file)


def parse(text: str, file: str) -> tuple[Tree, list[Problem]]:
    """What the text of a file says."""
    if not text.strip():
        wrong = "the file is empty"
        return Tree(whole=False), [Problem.at(Place(file, 1, 1), (), wrong, "write settings, or remove it")]
    try:
        loader = _Loader(text, file)
    except ReaderError as error:
        place = _place_of(text, error.position, file)
        wrong = f"the character U+{ord(text[error.position]):04X} does not belong in a text file"
        return Tree(whole=False), [Problem.at(place, (), wrong, "remove it")]
    tree = loader.tree
    try:
        root = loader.load()
    except _AbortError:
        tree.whole = False
        return tree, loader.problems
    except yaml.MarkedYAMLError as error:
        tree.whole = False
        return tree, [*loader.problems, _syntax(error, text, file)]
    except ValueError:
        # An escape such as "\U00110000" names no character; PyYAML lets chr()'s error through.
        tree.whole = False
        place = Place(file, loader.line + 1, loader.column + 1)
        return tree, [*loader.problems, Problem.at(place, (), "an escape names no character", "remove it")]
    if isinstance(root, dict):
        tree.root = root
    else:
        tree.whole = False
        if not loader.problems:
            wrong = "the file holds no `key: value` lines"
            loader.problems.append(Problem.at(tree.values[()], (), wrong, "begin with a key such as `queues:`"))
    return tree, loader.problems


def _text(path: Path) -> str | Problem:
    whole = Place(str(path))
    try:
        # A pipe or a device would be read for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            return Problem.at(whole, (), "this is no regular file", "write a YAML file, or rename it")
        with path.open("rb") as source:
            data = source.read(LARGEST + 1)
    except OSError as error:
        return Problem.at(whole, (), f"cannot be read ({error.strerror})", "make it readable for callctl")
    if len(data) > LARGEST:
        return Problem.at(whole, (), f"larger than {LARGEST // 1024} KiB", "split it into several files")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", errors="replace")
        place = _place_of(before, len(before), str(path))
        wrong = f"the byte 0x{data[error.start]:02X} is not UTF-8"
        return Problem.at(place, (), wrong, "save the file as UTF-8")


def _place_of(text: str, position: int, file: str) -> Place:
    before = text[:position]
    return Place(file, before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(file, 1, 1) if mark is None else Place(file, mark.line + 1, mark.column + 1)
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        place = Place(file, place.line, indent.index("\t") + 1)
        return Problem.at(place, (), "a tab indents this line", "indent with spaces")
    rest = line[place.column - 1 :].lstrip("*")
    if (error.context or "").endswith("alias") or (rest[:1] in (":", "") and "*" in line):
        return Problem.at(place, (), "a text that begins with * stands without quotes", 'write it as "*"')
    what = " ".join(filter(None, [error.context, error.problem]))
    return Problem.at(place, (), f"no YAML: {what[:200]}", "see the line, and the one before it")
