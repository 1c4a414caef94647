"""What processes cost, as the kernel counts it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_COMM_ENDS = b") "


def _fields(pid: int) -> list[bytes]:
    """/proc/PID/stat from the third field on (proc(5)): the second, the name, may hold anything."""
    return Path(f"/proc/{pid}/stat").read_bytes().rpartition(_COMM_ENDS)[2].split()


def seconds(pid: int) -> float:
    """CPU seconds, user and system, of a process and its ended children since it began."""
    utime, stime, cutime, cstime = _fields(pid)[11:15]
    return (int(utime) + int(stime) + int(cutime) + int(cstime)) / _TICKS


def tree_seconds(pid: int) -> float:
    """The same, of a process and all below it."""
    return sum(seconds(one) for one in (pid, *_below(pid)))


def _below(pid: int) -> Iterator[int]:
    for entry in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, entry.read_text().split()):
            yield child
            yield from _below(child)


def as_urgent(pid: int | None) -> None:
    """Give a process and all below it this one's nice value before the whole machine: where the kernel groups processes
    by session, nice counts within one only, and each part of the house has its own."""
    assert pid is not None
    for one in (pid, *_below(pid)):
        with contextlib.suppress(OSError):  # no such groups here, or not allowed
            Path(f"/proc/{one}/autogroup").write_text(str(os.nice(0)))


def peak_rss(pid: int) -> float:
    """The most memory that a process had resident so far, in MB (10^6 bytes)."""
    return _status(pid, "VmHWM:")


def rss(pid: int | None = None) -> float:
    """The memory that a process (None: this one) has resident now, in MB."""
    return _status(pid or os.getpid(), "VmRSS:")


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"no {name} of {pid}")
