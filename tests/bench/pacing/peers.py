"""Further peers' rules, in our own words, and which settings of each are compared. See `callctl/forecast/rules.py`.

Where each was read: reference/pacing.md, section 1.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from callctl.forecast.campaign import Day
from callctl.forecast.rules import Adapt, Boost, Method, Progressive, Ratio, in_flight
from callctl.forecast.world import Dialer, Quiet, View

# ── Webitel ──────────────────────────────────────────────────────────────────────────────────


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

Make = Callable[[Day], Dialer]

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


def _factor(share: float, day: Day) -> float:
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
