"""How other dialers pace, in our own words: rules read in their sources or manuals, none of their code.

None of the products was run. What they share here: an agent in wrap-up is no free agent, a call that AMD listens to is
still in flight, and they know no limit of trunks. Seconds, and shares in 0..1, where nothing else is said; the
percentages are theirs. docs/pacing.md says what became of them; the benchmark has more of their kind.
"""

from __future__ import annotations

import math
from collections import deque
from enum import StrEnum

from callctl.forecast.world import Quiet, View


def in_flight(view: View) -> int:
    """Dialled, and with no agent yet."""
    return len(view.ringing) + len(view.detecting) + view.waiting


class Lines(Quiet):
    """callctl's own `power`: so many lines for each free agent, in hundredths; 100: progressive."""

    eager = True

    def __init__(self, lines: int = 100) -> None:
        self.lines = lines

    def dial(self, view: View) -> int:
        return max(0, view.idle * self.lines // 100 - in_flight(view))


class Progressive(Lines):
    """A line for each idle agent, dialled as soon as there is one: nobody is ever abandoned. The floor of all."""


# ── ViciDial ─────────────────────────────────────────────────────────────────────────────────


class Ratio(Quiet):
    """ViciDial's RATIO: `bin/AST_VDauto_dial.pl`. Default: level 1 of all agents who are ready or on a call.

    Every 2.5 s: as many calls as level times the counted agents, less the calls that exist, those with agents
    included. available_only (`available_only_ratio_tally`): only ready agents count, and calls with agents are allowed
    for one by one.
    """

    poll = 2.5

    def __init__(self, level: float = 1.0, available_only: bool = False) -> None:
        self.level, self.available_only = level, available_only

    def dial(self, view: View) -> int:
        talking = len(view.talking)
        counted = self.level * (view.idle if self.available_only else view.idle + talking)
        goal = round(counted + talking if self.available_only else counted)
        return max(0, goal - in_flight(view) - talking)


class Method(StrEnum):
    """What an ADAPT campaign does when the day's drops are over the limit."""

    HARD_LIMIT = "ADAPT_HARD_LIMIT"
    AVERAGE = "ADAPT_AVERAGE"
    TAPERED = "ADAPT_TAPERED"


class Adapt(Ratio):
    """ViciDial's ADAPT_*: `bin/AST_VDadapt.pl`. Defaults: level at most 3.0, 3 % dropped, intensity 0, difference 0.

    Every 15 s the level grows or shrinks by the share of agents who were ready more than calls were waiting, on the
    average of the last 15 s; every 60 s the drops of the whole day are counted anew. Sampled when asked, every 2.5 s,
    where ViciDial samples each second. The day begins at 9:00, and TAPERED's latest time is its end; that hours and
    minutes are subtracted as decimal numbers is ViciDial's.
    """

    BEGINS = 9.0
    """O'clock."""

    def __init__(
        self,
        method: Method,
        hours: float = 8.0,
        maximum: float = 3.0,
        dropped: float = 3.0,
        intensity: float = 0.0,
        difference: float = 0.0,
    ) -> None:
        super().__init__()
        self.method, self.maximum, self.dropped = method, maximum, dropped
        self.intensity, self.difference = intensity, difference
        self.latest = _hhmm(self.BEGINS + hours)
        self.samples: deque[tuple[int, int, int]] = deque(maxlen=6)
        """Ready agents, waiting calls, all agents."""
        self.adapted = self.counted = 0.0
        self.calls = self.answers = self.drops = 0
        self.before = (0, 0)
        """Calls and drops when last counted."""
        self.today = 0.0
        """% dropped of the answers, when last counted."""
        self.flood = False
        """Whether most calls of the last counted minute were drops."""

    def connected(self, now: float) -> None:
        self.answers += 1

    def abandoned(self, now: float) -> None:
        self.answers += 1
        self.drops += 1

    def dial(self, view: View) -> int:
        self.samples.append((view.idle, view.waiting, view.agents))
        if view.now - self.counted >= 60:
            self.counted = view.now
            self._count()
        if view.now - self.adapted >= 15:
            self.adapted = view.now
            self._adapt(view.now)
        count = super().dial(view)
        self.calls += count
        return count

    def _count(self) -> None:
        self.today = 100 * self.drops / max(1, self.answers)
        calls, drops = self.calls - self.before[0], self.drops - self.before[1]
        self.flood = calls > 20 and drops / calls > 0.5
        self.before = (self.calls, self.drops)

    def _adapt(self, now: float) -> None:
        ready, waiting, agents = (sum(column) / len(self.samples) for column in zip(*self.samples, strict=True))
        change = (ready - waiting + self.difference) / max(1.0, agents)
        intensity = self.intensity / 100
        change *= abs(intensity - 1) if change < 0 else intensity + 1
        level = max(1.0, min(self.maximum, round(self.level * (1 + change), 3)))
        if self.flood:
            level /= 2
        if self.calls > 50 and self.today > self.dropped:
            level = self._over(level, now)
        self.level = max(1.0, level)

    def _over(self, level: float, now: float) -> float:
        if self.method is Method.HARD_LIMIT:
            return 1.0
        if self.method is Method.AVERAGE:
            return level / 2
        left = self.latest - _hhmm(self.BEGINS + now / 3600)
        return 1.0 if left < 0 else level * min(1.0, left / 1000)


def _hhmm(hours: float) -> int:
    """17.5 o'clock is 1730."""
    minutes = int(hours * 60 + 1e-6)
    return minutes // 60 * 100 + minutes % 60


# ── times a factor ───────────────────────────────────────────────────────────────────────────


class Boost(Quiet):
    """Progressive times a factor: WombatDialer's queue end-point (manual, closed source) and OMniLeads' progressive
    campaigns (omnidialer, `docs/dialer_modes.md`). Default: 1, which is progressive with a poll of 1 s.

    Rounded up, as in OMniLeads; Wombat rounds down.
    """

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def dial(self, view: View) -> int:
        return max(0, math.ceil(view.idle * self.factor - 1e-9) - in_flight(view))
