"""The daemon's clock: wall time that never goes backward."""

from __future__ import annotations

import time

from callctl.core.ids import Micros


class SystemClock:
    """Wall time anchored at the start, moved on by the monotonic clock: an operator's `date -s` moves no deadline."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def now(self) -> Micros:
        return (time.monotonic_ns() + self._offset) // 1_000
