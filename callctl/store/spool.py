"""Where batches wait while Postgres is away: one local file of whole units, each fsynced.

A frame is a magic, the payload's length and CRC-32, and the payload. A tail cut off by a crash was never
promised to anybody and is dropped; a frame damaged in the middle is kept beside for people and skipped.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Iterable
from pathlib import Path

import structlog

from callctl.store.errors import StoreError

_HEADER = struct.Struct("<4sII")
_MAGIC = b"CCS1"
MAX_BYTES = 256 * 1024 * 1024
_log = structlog.get_logger(__name__)


class SpoolFullError(StoreError):
    """The spool has reached its bound, or the disk is full: nothing was written."""


class Spool:
    """First in, first out. Every method blocks on the disk; they may be called from any one thread at a time.

    Not safe against two processes: the file is locked, and the second gets a StoreError.
    """

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.damaged = 0
        """Frames found damaged since the start."""
        self._guard = threading.Lock()
        self._fd = -1
        self._head = 0
        self._tail = 0

    @property
    def file(self) -> Path:
        return self.folder / "journal.spool"

    @property
    def waiting(self) -> int:
        """Bytes that wait to be stored."""
        return self._tail - self._head

    @property
    def size(self) -> int:
        """Bytes of the file: stored frames leave it only when all are stored."""
        return self._tail

    def open(self) -> None:
        """Open the file, make it if missing, drop a torn tail. StoreError: it cannot be used."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._head = 0
            self._tail = self._find_end()
            os.ftruncate(self._fd, self._tail)
            _sync_folder(self.folder)
        except BlockingIOError:
            self.close()
            raise StoreError(f"{self.file}: another callctl is using it") from None
        except OSError as error:
            self.close()
            raise StoreError(f"{self.file}: the spool cannot be used: {error.strerror}") from None

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def append(self, payload: bytes) -> None:
        """Add a frame; when this returns it is on the disk. SpoolFullError: it is not, and nothing is left of it."""
        frame = _HEADER.pack(_MAGIC, len(payload), zlib.crc32(payload)) + payload
        with self._guard:
            if self._tail + len(frame) > self.max_bytes:
                raise SpoolFullError(f"{self.file}: has reached its bound of {self.max_bytes} bytes")
            try:
                _write_all(self._fd, frame, self._tail)
                os.fsync(self._fd)
            except OSError as error:
                self._drop_partial()
                raise SpoolFullError(f"{self.file}: cannot be written: {error.strerror}") from None
            self._tail += len(frame)

    def peek(self, frames: int = 1, max_bytes: int = 1_000_000) -> list[bytes]:
        """The oldest frames' payloads, one at least, as far as the limits go; empty: nothing waits.

        A damaged frame at the head is put aside; one further on ends the list.
        """
        with self._guard:
            found: list[bytes] = []
            offset, size = self._head, 0
            while offset < self._tail and len(found) < frames and size < max_bytes:
                length, crc = self._header(offset)
                payload = os.pread(self._fd, length, offset + _HEADER.size)
                offset += _HEADER.size + length
                size += length
                if zlib.crc32(payload) == crc:
                    found.append(payload)
                elif found:
                    break
                else:
                    self._put_aside_damaged(payload, length)
            return found

    def pop(self, frames: int = 1) -> None:
        """Forget the oldest frames: they are stored. The file shrinks when the last is."""
        with self._guard:
            for _ in range(frames):
                length, _ = self._header(self._head)
                self._advance(length)

    def set_aside(self, why: str) -> None:
        """The oldest frame cannot be stored here: keep it beside for people, and forget it."""
        with self._guard:
            length, _ = self._header(self._head)
            kept = self._keep("aside", os.pread(self._fd, length, self._head + _HEADER.size))
            self._advance(length)
        _log.error("spool.set_aside", file=str(kept), why=why, bytes=length)

    def _put_aside_damaged(self, payload: bytes, length: int) -> None:
        self.damaged += 1
        self._keep("damaged", payload)
        _log.error("spool.damaged", file=str(self.file), offset=self._head, bytes=length)
        self._advance(length)

    # ── inside ───────────────────────────────────────────────────────────────────────────────

    def _header(self, offset: int) -> tuple[int, int]:
        _, length, crc = _HEADER.unpack(os.pread(self._fd, _HEADER.size, offset))
        return length, crc

    def _advance(self, length: int) -> None:
        self._head += _HEADER.size + length
        if self._head >= self._tail:
            self._head = self._tail = 0
            os.ftruncate(self._fd, 0)

    def _find_end(self) -> int:
        """Where the last whole frame ends. Damage inside is left for `peek`, except at the very end."""
        size = os.fstat(self._fd).st_size
        offset = 0
        while offset + _HEADER.size <= size:
            magic, length, crc = _HEADER.unpack(os.pread(self._fd, _HEADER.size, offset))
            end = offset + _HEADER.size + length
            if magic != _MAGIC or end > size:
                break
            if end == size and zlib.crc32(os.pread(self._fd, length, offset + _HEADER.size)) != crc:
                break
            offset = end
        if offset < size:
            torn = os.pread(self._fd, min(size - offset, self.max_bytes), offset)
            self._keep("torn", torn)
            _log.warning("spool.torn", file=str(self.file), offset=offset, bytes=size - offset)
        return offset

    def _drop_partial(self) -> None:
        try:
            os.ftruncate(self._fd, self._tail)
        except OSError as error:  # the next append overwrites it, the next open drops it
            _log.error("spool.partial_frame", file=str(self.file), why=error.strerror)

    def forget(self, texts: Iterable[str]) -> int:
        """Remove what was put aside, torn off or damaged, where it names any of these; how many files."""
        wanted, gone = [text.encode() for text in texts], 0
        for what in ("aside", "torn", "damaged"):
            file = self.folder / f"journal.{what}"
            if file.exists() and any(text in file.read_bytes() for text in wanted):
                file.unlink()
                gone += 1
        return gone

    def _keep(self, what: str, payload: bytes) -> Path:
        file = self.folder / f"journal.{what}"
        try:
            with file.open("ab") as out:
                out.write(payload + b"\n")
        except OSError as error:
            _log.error("spool.not_kept", file=str(file), why=error.strerror)
        return file


def _write_all(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view = view[written:]
        offset += written


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
