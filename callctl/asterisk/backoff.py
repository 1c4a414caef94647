"""How long to wait before trying again: doubling, capped, jittered, so that nobody knocks in step."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Seconds before the next try. `reset` after a success."""

    first: float = 0.2
    cap: float = 5.0
    _next: float = field(default=0.0, init=False)
    _random: random.Random = field(default_factory=random.Random, init=False, repr=False)

    def next(self) -> float:
        """Between half of the step and the step; the step doubles up to the cap."""
        self._next = min(self.cap, self._next * 2 or self.first)
        return self._next * self._random.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._next = 0.0
