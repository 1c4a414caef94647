"""A file to rows, as a stream. Whatever it holds: a row that cannot be read is refused, and the next one is read."""

from __future__ import annotations

import csv
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self, TextIO, TypeAlias

from callctl.lists.encoding import found_encoding, text_of
from callctl.lists.errors import ListError

MOST_CHARACTERS = 65_536
MOST_LINES = 1_000
"""Of one row. A quote that is not closed within them was not meant as one."""
MOST_COLUMNS = 1_000
_DELIMITERS = ",;\t|"
_SAMPLE = 50

Row: TypeAlias = tuple[int, list[str]]
"""The line on which it begins, from 1, and its cells: as many as there are headings."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row, or one number of it, that is not taken."""

    line: int
    column: str
    """The heading; empty: the row as a whole."""
    reason: str
    """The same words for all that are refused for it."""
    detail: str = ""
    cells: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


class Table:
    """A CSV file with headings. Iterating gives its rows, once; empty lines are none. Not `headed`: its first row may
    be one as well, and is in `headings` all the same.

    ListError: the file cannot be read, is no text, or its first row are no headings.
    """

    def __init__(self, path: Path, delimiter: str = "", encoding: str = "", *, headed: bool = True) -> None:
        self.headings: list[str] = []
        self.delimiter = delimiter
        self._path = path
        self._headed = headed
        try:
            self._bytes: BinaryIO = path.open("rb")
        except OSError as error:
            raise ListError(f"{path}: {error.strerror}") from None
        try:
            self.size = os.fstat(self._bytes.fileno()).st_size
            self.encoding = encoding or found_encoding(self._bytes)
            self._lines = _Lines(text_of(self._bytes, self.encoding))
            self._begin()
        except (ListError, OSError) as error:
            self._bytes.close()
            raise ListError(f"{path}: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bytes.close()

    @property
    def position(self) -> int:
        """How many of its bytes were read."""
        return self._bytes.tell()

    def _begin(self) -> None:
        sample = self._lines.ahead(_SAMPLE)
        if sample and sample[0].strip().lower().startswith("sep=") and len(sample[0].strip()) == 5:
            # A spreadsheet's own way to name the delimiter.
            self.delimiter = self.delimiter or sample[0].strip()[4]
            next(self._lines)
            del sample[0]
        self.delimiter = _checked(self.delimiter, sample) if self.delimiter else _delimiter(sample)
        self._reader = csv.reader(self._lines, delimiter=self.delimiter, strict=True)
        first = self._next()
        while first is not None and not isinstance(first, Refusal) and not any(first[1]):
            first = self._next()
        if first is None:
            raise ListError("is empty; its first row should be the headings")
        if isinstance(first, Refusal):
            raise ListError(f"the row of headings cannot be read: {first.why}")
        self.headings = _headings(first[1])
        if self._headed and any(sum(c.isdigit() for c in heading) >= 7 for heading in self.headings):
            raise ListError("its first row seems to be a contact; put a row of headings before it")

    def __iter__(self) -> Iterator[Row | Refusal]:
        try:
            yield from self._rows()
        except ListError as error:
            raise ListError(f"{self._path}: {error}") from None

    def _rows(self) -> Iterator[Row | Refusal]:
        wanted = len(self.headings)
        while (row := self._next()) is not None:
            if isinstance(row, Refusal):
                yield row
            elif any(row[1]):
                line, cells = row
                if len(cells) > wanted and not any(cells[wanted:]):
                    del cells[wanted:]
                if len(cells) == wanted and not self._lines.looks_swallowed(self.delimiter, wanted):
                    yield row
                else:
                    yield self._refuse(line, cells)

    def _next(self) -> Row | Refusal | None:
        """The next row, or why there is none; None: the end."""
        line = self._lines.begin()
        try:
            return line, next(self._reader)
        except StopIteration:
            return None
        except _Unreadable as error:
            reason = str(error)
        except csv.Error as error:
            reason = _QUOTE if "expected after" in str(error) else _UNCLOSED
        return self._refuse_raw(line, reason)

    def _refuse(self, line: int, cells: list[str]) -> Refusal:
        """A row of the wrong size. Over several lines, a quote has most likely swallowed them: they are read again."""
        if self._lines.several:
            return self._refuse_raw(line, _SWALLOWS)
        wanted = len(self.headings)
        what = "has too few cells" if len(cells) < wanted else "has too many cells"
        return Refusal(line, "", what, f"{len(cells)}, where the headings are {wanted}", tuple(cells))

    def _refuse_raw(self, line: int, reason: str) -> Refusal:
        """The row's first line alone; of an open quote, with its column."""
        raw = self._lines.back()
        column = ""
        if reason in (_UNCLOSED, _SWALLOWS):
            place = len(next(csv.reader([raw], delimiter=self.delimiter), ())) - 1
            column = self.headings[place] if 0 <= place < len(self.headings) else ""
        return Refusal(line, column, reason, "", (raw,))


_UNCLOSED = f"a quote is opened and not closed, within {MOST_LINES:,} lines and {MOST_CHARACTERS // 1024} KiB"
_SWALLOWS = "a quote is opened, and closed lines later, where it makes no row with as many cells as there are headings"
_QUOTE = "text follows a closing quote"
_LONG = f"is longer than {MOST_CHARACTERS // 1024} KiB"
_NUL = "holds a NUL character"
_FOREIGN = "holds bytes that are not of the file's encoding"


class _Unreadable(Exception):
    """A line, or a row of several, that is not given to the csv module."""


class _Lines:
    """The lines of a text, for the csv module: bounded, counted, and given again where a row went wrong."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self._given: list[str] = []
        """Of the row that is being read."""
        self._length = 0
        self._at = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        given = self._given
        given.append(line)
        self._at += 1
        self._length += len(line)
        if self._length > MOST_CHARACTERS or len(given) > MOST_LINES:
            raise _Unreadable(_LONG if len(given) == 1 else _UNCLOSED)
        if "\0" in line:
            raise _Unreadable(_NUL)
        if not line.isascii() and not _is_text(line):
            raise _Unreadable(_FOREIGN)
        return line

    def begin(self) -> int:
        """A row begins; the number of its first line, from 1."""
        self._given.clear()
        self._length = 0
        return self._at + 1

    @property
    def several(self) -> bool:
        """Whether the row has more than one line."""
        return len(self._given) > 1

    def back(self) -> str:
        """The row's first line, without its end. Those after it will be given again."""
        self._again.extendleft(reversed(self._given[1:]))
        self._at -= len(self._given[1:])
        return self._given[0].rstrip("\r\n")[:MOST_CHARACTERS] if self._given else ""

    def ahead(self, count: int) -> list[str]:
        """The next lines, without taking them."""
        while len(self._again) < count and (line := self._read()):
            self._again.append(line)
        return list(self._again)[:count]

    def looks_swallowed(self, delimiter: str, columns: int) -> bool:
        """Whether a row of the right size is made of lines that are rows themselves: a quote stands at the end of one
        and at the beginning of a later one, and neither belongs there."""
        lines = self._given
        if len(lines) < 3 or columns < 3:
            return False
        return all(line.count(delimiter) == columns - 1 for line in lines)

    def _read(self) -> str:
        """A line; of one that is too long, no more than is needed to see that."""
        try:
            line = rest = self._text.readline(MOST_CHARACTERS + 1)
            while len(rest) > MOST_CHARACTERS and rest[-1] not in "\r\n":
                rest = self._text.readline(MOST_CHARACTERS + 1)
        except OSError as error:
            raise ListError(f"cannot be read to its end: {error.strerror}") from None
        except ValueError as error:  # of an odd encoding, whose decoder cannot go on
            raise ListError(f"cannot be read as {self._text.encoding}: {error}") from None
        return line


def _is_text(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:  # encoding.BROKEN, or half a character
        return False
    return True


def _counts(lines: list[str], delimiter: str) -> list[int]:
    try:
        return [len(cells) for cells in csv.reader(lines, delimiter=delimiter) if cells]
    except csv.Error:
        return []


def _delimiter(sample: list[str]) -> str:
    """Of those that part the headings: the one by which most rows have as many cells, and then by which most."""
    best, found = (0.0, 0), ","
    for delimiter in _DELIMITERS:
        counts = _counts(sample, delimiter)
        if counts and counts[0] > 1:
            score = (counts.count(counts[0]) / len(counts), counts[0])
            if score > best:
                best, found = score, delimiter
    return found


def _checked(delimiter: str, sample: list[str]) -> str:
    """The delimiter that was asked for. ListError: the headings have it nowhere, and another one fits."""
    likely = _delimiter(sample)
    heading = sample[0] if sample else ""
    if delimiter not in heading and likely in heading:
        raise ListError(
            f"its headings are not parted by `{delimiter_shown(delimiter)}`, but by `{delimiter_shown(likely)}`"
        )
    return delimiter


def delimiter_shown(delimiter: str) -> str:
    """A delimiter for people."""
    return "tab" if delimiter == "\t" else delimiter


def _headings(cells: list[str]) -> list[str]:
    headings = [cell.strip() for cell in cells]
    while headings and not headings[-1]:
        headings.pop()
    if len(headings) > MOST_COLUMNS:
        raise ListError(f"has {len(headings):,} columns; at most {MOST_COLUMNS:,} are read")
    return headings
