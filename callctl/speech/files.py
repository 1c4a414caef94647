"""The files of what is spoken. One has its name when it is whole, and goes when no policy has named it for long.

Asterisk, another user, reads them: so folder and files are open to everybody, as its own sounds are.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path

from callctl.speech.port import Speech, SpeechError
from callctl.speech.sound import for_telephones
from callctl.spoken import FILE, Spoken

PARALLEL = 2
"""Texts that are built at a time: callers' calls come first."""
WEEK = 7 * 86400.0
"""Seconds for which a file stays that the configuration names no more: callers who came before that may still hear it,
and an operator may take a change back."""
_NAMED = "in-force"
"""The file that says whose files the configuration named last."""
_UNFINISHED = re.compile(r"\.[a-z0-9-]{1,80}\.[0-9a-f]{16}\.part")
_HEADER = 44


async def build(
    spoken: Iterable[Spoken], folder: Path, speech: Speech, told: Callable[[int, int], None] = lambda done, all_: None
) -> int:
    """Build what is missing; returns how many were. `told` is called with the number of those done, and of all.

    SpeechError: one of them cannot be built. Those that were before it stay.
    """
    missing = await asyncio.to_thread(lambda: [it for it in _once(spoken) if not is_built(it, folder)])
    if not missing:
        return 0
    if (why := await asyncio.to_thread(speech.missing)) is not None:
        raise SpeechError(f"{_count(len(missing))} cannot be spoken: {why}")
    await asyncio.to_thread(_make, folder)
    waiting, done, failed = iter(missing), 0, list[SpeechError]()

    async def work() -> None:
        nonlocal done
        for it in waiting:
            try:
                await _build(it, folder, speech)
            except SpeechError as error:
                failed.append(error)
            if failed:
                return  # the others are let finish theirs
            done += 1
            told(done, len(missing))

    told(0, len(missing))
    workers = [asyncio.create_task(work()) for _ in range(min(PARALLEL, len(missing)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    if failed:
        raise failed[0]
    return len(missing)


def is_built(spoken: Spoken, folder: Path) -> bool:
    """Whether its file is there, and as long as its header says."""
    path = _path(spoken, folder)
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return False
    length = int.from_bytes(header[40:44], "little")
    return header[:4] == b"RIFF" and header[36:40] == b"data" and 0 < length == size - _HEADER


def sweep(named: Collection[Spoken], folder: Path, now: float) -> int:
    """Remember what is named now, and remove what has not been for a week; returns how many files went. `now`: seconds
    since 1970. OSError: the folder cannot be written."""
    if not folder.is_dir():
        return 0
    names = {it.name for it in named}
    _note(names, folder, now)
    gone = 0
    with os.scandir(folder) as entries:
        old = [it for it in entries if it.is_file(follow_symlinks=False) and it.stat().st_mtime < now - WEEK]
    for entry in old:
        ours = FILE.fullmatch(entry.name) and entry.name.removesuffix(".wav") not in names
        if ours or _UNFINISHED.fullmatch(entry.name):
            with suppress(FileNotFoundError):
                os.unlink(entry.path)
                gone += 1
    return gone


def _note(names: set[str], folder: Path, now: float) -> None:
    """A file is as old as the day on which it was named last: it may have been built long before."""
    try:
        before = set((folder / _NAMED).read_text(encoding="ascii").split("\n"))
    except (FileNotFoundError, UnicodeDecodeError):
        before = set()
    for name in before - names:
        if FILE.fullmatch(f"{name}.wav"):
            with suppress(FileNotFoundError):
                os.utime(folder / f"{name}.wav", (now, now))
    if names != before:
        _put(folder / _NAMED, "\n".join(sorted(names)).encode("ascii"))


async def _build(it: Spoken, folder: Path, speech: Speech) -> None:
    try:
        sound = await speech.say(it.text, it.voice, it.speed)
        whole = await asyncio.to_thread(for_telephones, sound)
        await asyncio.to_thread(_put, _path(it, folder), whole)
    except SpeechError as error:
        raise SpeechError(f"{_cut(it.text)} (voice {it.voice}) cannot be spoken: {error}") from error
    except OSError as error:
        raise SpeechError(f"what is spoken cannot be written to {folder}: {error.strerror or error}") from error


def _put(path: Path, data: bytes) -> None:
    """All of it, on disk, before it has its name: neither a crash nor a cut of the power leaves half a file."""
    unfinished = path.with_name(f".{path.stem}.{secrets.token_hex(8)}.part")
    try:
        with unfinished.open("xb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _make(folder: Path) -> None:
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
    except OSError as error:
        raise SpeechError(f"the folder {folder} cannot be made: {error.strerror or error}") from error


def _path(spoken: Spoken, folder: Path) -> Path:
    return folder / f"{spoken.name}.wav"


def _once(spoken: Iterable[Spoken]) -> Iterable[Spoken]:
    return {it.name: it for it in spoken}.values()


def _count(number: int) -> str:
    return f"{number} text{'' if number == 1 else 's'}"


def _cut(text: str) -> str:
    return f"`{text[:60]}{'…' if len(text) > 60 else ''}`"
