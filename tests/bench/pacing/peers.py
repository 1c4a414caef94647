"""How other dialers pace, in our own words: rules read in their sources or manuals, none of their code.

None of the products was run. What they share here: an agent in wrap-up is no free agent, a call that AMD listens to is
still in flight, and there is no limit of trunks. Seconds, and shares in 0..1, where nothing else is said; the
percentages are theirs. Where each was read: reference/pacing.md, section 1.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from enum import StrEnum

from tests.bench.pacing.world import Dialer, Quiet, Scenario, View


def in_flight(view: View) -> int:
    """Dialled, and with no agent yet."""
    return len(view.ringing) + len(view.detecting) + view.waiting


class Progressive(Quiet):
    """A line for each idle agent, dialled as soon as there is one: nobody is ever abandoned. The floor of all."""

    eager = True

    def dial(self, view: View) -> int:
        return max(0, view.idle - in_flight(view))


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


class Webitel(Quiet):
    """Webitel call_center: `store/sqlstore/call_center-schema.sql`, cc_wrap_over_dial and cc_distribute_stats.

    Lines for each idle agent: attempts for each human answer within the last hour, looked up every 30 s; more by
    load_factor % for each point that the abandoned % are below the target; less above it, and 1 from the maximum on.
    Defaults: maximum 3 %, target the maximum, load_factor 10, min_attempts 0. The dispatcher itself isn't public: that
    it dials idle times that, less what is in flight, each second, and never less than progressive, is assumed.
    """

    WINDOW = 3600.0
    REFRESH = 30.0

    def __init__(
        self,
        target: float | None = None,
        maximum: float = 3.0,
        load_factor: float = 10.0,
        min_attempts: int = 0,
    ) -> None:
        self.target = maximum if target is None else target
        self.maximum, self.load_factor, self.min_attempts = maximum, load_factor, min_attempts
        self.over = 1.0
        self.attempts = self.humans = self.drops = 0
        """Since the last refresh."""
        self.refreshed = 0.0
        self.past: deque[tuple[float, int, int, int]] = deque()
        """Refreshes within the window: when; attempts, humans and drops since the one before."""

    def failed(self, now: float, rang: float) -> None:
        self.attempts += 1

    def machine(self, now: float) -> None:
        self.attempts += 1

    def connected(self, now: float) -> None:
        self.attempts += 1
        self.humans += 1

    def abandoned(self, now: float) -> None:
        self.attempts += 1
        self.humans += 1
        self.drops += 1

    def dial(self, view: View) -> int:
        if view.now - self.refreshed >= self.REFRESH:
            self._refresh(view)
        return max(0, round(view.idle * self.over) - in_flight(view))

    def _refresh(self, view: View) -> None:
        self.refreshed = view.now
        self.past.append((view.now, self.attempts, self.humans, self.drops))
        self.attempts = self.humans = self.drops = 0
        while self.past[0][0] <= view.now - self.WINDOW:
            self.past.popleft()
        _, attempts, humans, drops = (sum(column) for column in zip(*self.past, strict=True))
        if attempts <= self.min_attempts:
            self.over = 1.0
        elif humans:
            self.over = max(1.0, self._wrapped(attempts / humans, 100 * drops / humans))
        else:
            self.over = max(1.0, self._wrapped(attempts / max(1, view.agents) - 1, 0.0))

    def _wrapped(self, over: float, abandoned: float) -> float:
        if abandoned >= self.maximum:
            return 1.0
        below = self.target - abandoned
        if below >= 0:
            return over * (1 + (below or 0.99) * self.load_factor / 100)
        return over * (self.maximum - abandoned) * (100 + self.load_factor) / self.maximum / 100


# ── Issabel ──────────────────────────────────────────────────────────────────────────────────


class Issabel(Quiet):
    """Issabel's (Elastix') dialerd: `Predictor.class.php`, `CampaignProcess.class.php`.

    Every 5 s: a line for each idle agent and, once ten calls are completed, for each whose call is likely to be over
    by the time of an answer, with the exponential law taken at the call's whole age. Less the waiting, less what rings.
    overcommit: divided by the share answered of the last 30 minutes, at least 0.2. Defaults: quality 0.97, no
    overcommit, 8 s to answer until 20 are known.
    """

    poll = 5.0
    WINDOW = 1800.0
    ENOUGH = 10
    LEAST = 0.2

    def __init__(self, overcommit: bool = False, quality: float = 0.97) -> None:
        self.overcommit, self.quality = overcommit, quality
        self.completed, self.talk = 0, 0.0
        self.delays: deque[float] = deque([8.0], maxlen=20)
        self.ended: deque[tuple[float, bool]] = deque()
        """When, and whether answered."""
        self.successes = 0
        """Of these."""

    def answered(self, now: float, rang: float) -> None:
        self.delays.append(rang)
        self._ended(now, True)

    def failed(self, now: float, rang: float) -> None:
        self._ended(now, False)

    def talked(self, now: float, seconds: float) -> None:
        self.completed += 1
        self.talk += (seconds - self.talk) / self.completed

    def dial(self, view: View) -> int:
        wanted = max(0, view.idle + self._soon(view) - view.waiting)
        wanted = max(0, wanted - len(view.ringing) - len(view.detecting))
        if self.overcommit and wanted:
            wanted = self._overcommitted(wanted, view.now)
        return wanted

    def _soon(self, view: View) -> int:
        """Agents taken for free: those on the phone for longer than an age at which so many calls are over."""
        if self.completed < self.ENOUGH:
            return 0
        age = -math.log(1 - self.quality) * self.talk - sum(self.delays) / len(self.delays)
        return sum(view.now - since >= age for since in view.talking.values())

    def _ended(self, now: float, answered: bool) -> None:
        self.ended.append((now, answered))
        self.successes += answered

    def _overcommitted(self, wanted: int, now: float) -> int:
        while self.ended and self.ended[0][0] < now - self.WINDOW:
            self.successes -= self.ended.popleft()[1]
        if len(self.ended) < self.ENOUGH or not self.successes:
            return wanted
        return round(wanted / max(self.LEAST, self.successes / len(self.ended)))


# ── OMniLeads ────────────────────────────────────────────────────────────────────────────────


class OMniDialer(Quiet):
    """OMniLeads' omnidialer, predictive: `workers/handle-campaign/src/handler/predictive_pacer.py`.

    Every second: the agents free now and those expected within a ring, over the share of attempts that hit (moving
    average, 0.1), less what rings; times gamma, which falls from the boost to 0.2 as the drops (moving average, 0.1)
    go from half the limit to the limit. Five ticks over the limit, and it is progressive until they are below 0.8 of
    it. Defaults: boost 1, limit 3 %, 50 calls of warm-up, 3 calls a second.
    """

    WEIGHT = 0.1
    LEAST_HIT = 0.05
    LEAST_GAMMA = 0.2
    STREAK = 5
    RELEASE = 0.8

    def __init__(self, boost: float = 1.0, limit: float = 0.03, warm_up: int = 50, a_second: int = 3) -> None:
        self.boost, self.limit, self.warm_up, self.a_second = boost, limit, warm_up, a_second
        self.hit: float | None = None
        self.dropped = 0.0
        self.handled = self.streak = 0
        self.latched = False
        self.ring, self.amd, self.talk, self.wrap = _Mean(), _Mean(), _Mean(), _Mean()

    def answered(self, now: float, rang: float) -> None:
        self.ring.add(rang)

    def failed(self, now: float, rang: float) -> None:
        self._attempt(0.0)

    def machine(self, now: float) -> None:
        self._attempt(0.0)

    def connected(self, now: float) -> None:
        self._attempt(1.0)
        self.handled += 1
        self.dropped *= 1 - self.WEIGHT

    def abandoned(self, now: float) -> None:
        self._attempt(1.0)
        self.dropped += self.WEIGHT * (1 - self.dropped)

    def talked(self, now: float, seconds: float) -> None:
        self.talk.add(seconds)

    def wrapped(self, now: float, seconds: float) -> None:
        self.wrap.add(seconds)

    def _attempt(self, hit: float) -> None:
        self.hit = hit if self.hit is None else self.hit + self.WEIGHT * (hit - self.hit)

    def dial(self, view: View) -> int:
        self._regulate()
        if self.handled < self.warm_up or self.hit is None or self.latched:
            wanted = view.idle - in_flight(view)
        else:
            hit = max(self.hit, self.LEAST_HIT)
            ringing = len(view.ringing) + len(view.detecting)
            wanted = math.floor((view.idle + self._expected(view) - ringing * hit) / hit * self._gamma())
        return max(0, min(self.a_second, wanted))

    def _regulate(self) -> None:
        self.streak = self.streak + 1 if self.dropped >= self.limit else 0
        if self.streak >= self.STREAK:
            self.latched = True
        elif self.dropped < self.RELEASE * self.limit:
            self.latched = False

    def _gamma(self) -> float:
        if self.dropped >= self.limit:
            return self.LEAST_GAMMA
        beyond = max(0.0, self.dropped / (self.limit / 2) - 1)
        return self.boost + beyond * (self.LEAST_GAMMA - self.boost)

    def _expected(self, view: View) -> float:
        """Agents who will get free while a call rings."""
        ring = self.ring.mean + (2.0 if view.detecting else 0.0)
        return sum(
            1 - math.exp(-ring / max(1.0, mean - (view.now - since)))
            for mean, busy in ((self.talk.mean, view.talking), (self.wrap.mean, view.wrapping))
            for since in busy.values()
        )


class _Mean:
    """Of all that was added."""

    def __init__(self) -> None:
        self.count, self.mean = 0, 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.mean += (value - self.mean) / self.count


# ── which are compared ───────────────────────────────────────────────────────────────────────

Make = Callable[[Scenario], Dialer]

DEFAULTS: dict[str, Make] = {
    "progressive": lambda _: Progressive(),
    "ViciDial ADAPT_HARD_LIMIT": lambda day: Adapt(Method.HARD_LIMIT, day.hours),
    "ViciDial ADAPT_AVERAGE": lambda day: Adapt(Method.AVERAGE, day.hours),
    "ViciDial ADAPT_TAPERED": lambda day: Adapt(Method.TAPERED, day.hours),
    "Wombat boost 1.3": lambda _: Boost(1.3),
    "Webitel": lambda _: Webitel(),
    "Issabel": lambda _: Issabel(),
    "Issabel overcommit": lambda _: Issabel(overcommit=True),
    "OMniDialer predictive": lambda _: OMniDialer(),
}
"""As they come; Wombat has no default, 1.3 is its manual's example."""

ATTEMPT = 19.0
"""s that a line is occupied by an attempt, about."""
PLAIN = (0.1, 0.2, 0.28, 0.36, 0.44, 0.52, 0.6, 0.7, 0.8, 0.88, 0.95, 1.02)
"""Of the lines that would keep every agent busy, if nothing ever varied."""
AVAILABLE = (0.64, 0.7, 0.76, 0.82, 0.88, 0.94, 1.0, 1.07, 1.15, 1.25, 1.36, 1.5)
"""Of about the best factor for as many agents."""
TARGETS = (1.5, 2.0, 2.5, 3.0)
LOADS = (0.0, 20.0, 40.0)


def _plain(share: float) -> Make:
    return lambda day: Ratio(round(1 + share * ATTEMPT / (day.talk * day.answer), 3))


def _factor(share: float, day: Scenario) -> float:
    """Lines for each idle agent: the more agents, the steadier, the more. 0.78 / answer for ten."""
    best = 0.78 * math.pow(day.agents / 10, 0.42) / day.answer
    return round(share * best, 3)


def _available(share: float) -> Make:
    return lambda day: Ratio(_factor(share, day), available_only=True)


def _boost(share: float) -> Make:
    return lambda day: Boost(_factor(share, day))


def _webitel(target: float, load: float) -> Make:
    return lambda _: Webitel(target, maximum=12.0, load_factor=load)


TUNABLE: dict[str, list[tuple[str, Make]]] = {
    "ViciDial RATIO": [(f"{share:g}", _plain(share)) for share in PLAIN],
    "ViciDial RATIO available only": [(f"{share:g}", _available(share)) for share in AVAILABLE],
    "boost": [(f"{share:g}", _boost(share)) for share in AVAILABLE],
    "Webitel": [(f"target {t:g}, load {load:g}", _webitel(t, load)) for t in TARGETS for load in LOADS],
}
"""For each family the settings of which the best is chosen with hindsight, which no administrator has."""
