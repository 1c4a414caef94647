"""`callctl simulate campaign`: what a day would bring, from a campaign's configuration and its past."""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace

from callctl.core.campaigns import CampaignPolicy, Mode, Retry
from callctl.core.hours import local, starts
from callctl.core.ids import SECOND, CampaignId
from callctl.core.law import AbandonedLimit, AttemptOutcome
from callctl.core.policy import Policy
from callctl.forecast import forecast as forecasts
from callctl.forecast import report
from callctl.forecast.campaign import TALK, TALK_VARIATION, WRAP, WRAP_VARIATION, Again, Amd, Contacts, Day, Rings
from callctl.forecast.forecast import Forecast, Way, forecast
from callctl.forecast.predictive import LEAST_RING
from callctl.lists.database import opened
from callctl.printing import as_json, fail, table
from callctl.settings import DatabaseSettings, Loaded, load
from callctl.settings.errors import shown
from callctl.settings.types import nearest
from callctl.store.errors import StoreError
from callctl.store.past import Lasting, Past, past

OK, WRONG = 0, 2
DAYS = 28
"""Of the past that count."""
LIKE_ANY_HOUR = 50
"""Calls by which an hour is believed to be as any: with few calls its own share says little."""
FEW_CALLS, FEW_TALKS = 200, 30
"""Of the past, below which it is not believed."""
ANSWER, MACHINES = 0.25, 0.3
LOOK = 15.0
"""Seconds that an agent looks at a contact."""
BEGINS = 9.0
AMD_OF_GRACE = 0.8
"""Seconds of the grace that AMD takes: it listens on after the greeting's end, from which the grace counts."""
HUMAN = (AttemptOutcome.ANSWERED, AttemptOutcome.ABANDONED, AttemptOutcome.HUNG_UP)
AT_ONCE = (AttemptOutcome.BUSY, AttemptOutcome.REFUSED, AttemptOutcome.INVALID, AttemptOutcome.FAILED)


def command(args: argparse.Namespace) -> int:
    """Forecast the day; the exit code."""
    loaded = load(args.config, args.overlay)
    campaign = loaded.policy.campaigns.get(CampaignId(args.campaign))
    if campaign is None:
        names = loaded.policy.campaigns
        right = nearest(args.campaign, names) if names else "add one under `campaigns:`"
        return fail(f"there is no campaign {shown(args.campaign)}; {right}", WRONG)
    if campaign.mode is Mode.BROADCAST and args.mode is None:
        return fail("a broadcast has no agents who wait: say --mode preview, power or predictive", WRONG)
    known, why = (None, "without history") if args.no_history else _past(loaded, campaign)
    taken = _Taken(args, loaded.policy, campaign, known)
    _say(args, f"{campaign.id}: {why}")
    done = []
    for it in forecast(taken.day, taken.way, args.seed, compare=args.compare):
        done.append(it)
        speed = taken.day.hours * 3600 / max(it.took, 1e-3)
        _say(args, f"{it.name}: {taken.day.hours:g} h in {it.took:.1f} s, {speed:,.0f} times as fast as life")
    _tell(args, taken, done)
    return OK


def _say(args: argparse.Namespace, text: str) -> None:
    if not args.json:
        print(text, file=sys.stderr, flush=True)


# ── what is told ─────────────────────────────────────────────────────────────────────────────────


def _tell(args: argparse.Namespace, taken: _Taken, done: Sequence[Forecast]) -> None:
    day, begins, cap = taken.day, taken.begins, taken.cap
    if args.svg is not None:
        args.svg.write_text(report.picture(args.campaign, day, begins, done, cap), "utf-8")
    if as_json(args, _plain(taken, done)):
        return
    table(("taken for given", "", "from"), taken.said)
    print("", *report.terminal(day, begins, done[0], cap), "", sep="\n")
    table(report.COLUMNS, report.rows(done), right=report.RIGHT)
    if short := report.about_lines(done[0]):
        print(short)
    if done[0].told.contacts is not None:
        print(report.about_list(done[0].told.contacts, begins))
    if args.svg is not None:
        print(f"drawn into {args.svg}")


def _plain(taken: _Taken, done: Sequence[Forecast]) -> dict[str, object]:
    """For programs."""
    return {
        "day": asdict(taken.day),
        "way": asdict(taken.way),
        "taken_for_given": [{"what": what, "value": value, "from": source} for what, value, source in taken.said],
        "forecasts": [
            {
                "name": it.name,
                "occupancy": it.told.whole.occupancy,
                "wait": it.told.whole.wait,
                "abandoned_share": it.told.whole.abandoned_share,
                "short_of_lines": it.told.short,
                **asdict(it.told.whole),
                "parts": [asdict(part) for part in it.told.parts],
                "list": None if it.told.contacts is None else asdict(it.told.contacts),
                "cpu_seconds": it.took,
            }
            for it in done
        ],
    }


# ── the past ─────────────────────────────────────────────────────────────────────────────────────


def _past(loaded: Loaded, campaign: CampaignPolicy) -> tuple[Past | None, str]:
    """What the database knows, and a word on it for people; None: nothing."""
    database = loaded.daemon.database
    if database.url is None and not database.data_dir.exists():
        return None, "there is no database yet: all is assumed"
    zone = loaded.policy.calendars[campaign.hours].zone if campaign.hours is not None else ""
    try:
        found = asyncio.run(_read(database, campaign, zone or "UTC"))
    except StoreError as error:
        return None, f"without history: {error}"
    calls = sum(sum(outcomes.values()) for outcomes in found.attempts.values())
    return found, f"{calls:,} attempts, {found.talks.count:,} talks in the last {DAYS} days"


async def _read(database: DatabaseSettings, campaign: CampaignPolicy, zone: str) -> Past:
    since = time.time_ns() // 1000 - DAYS * 24 * 3600 * SECOND
    async with opened(database) as connection:
        return await past(connection, campaign.id, since, zone)


# ── from these to a day ──────────────────────────────────────────────────────────────────────────


class _Taken:
    """What the forecast takes for given, from what is said, the past, the configuration, or assumptions."""

    def __init__(self, args: argparse.Namespace, policy: Policy, campaign: CampaignPolicy, known: Past | None) -> None:
        self.args, self.policy, self.campaign = args, policy, campaign
        self.known = known or Past()
        self.said: list[tuple[str, str, str]] = []
        """For people: what it is, its value, where from."""
        self.calls: Counter[AttemptOutcome] = sum(self.known.attempts.values(), Counter())
        limits = [
            rule
            for rules in policy.rule_sets
            for rule in rules.rules
            if rules.country == policy.country and campaign.kind in rules.kinds and isinstance(rule, AbandonedLimit)
        ]
        self.cap = min([campaign.most_abandoned, *(limit.most for limit in limits)]) / 100_000
        self.grace = min([campaign.grace, *(limit.grace for limit in limits)]) / SECOND
        self.least_ring = max([LEAST_RING, *(limit.least_ring / SECOND for limit in limits)])
        self.begins = self._begins()
        """The hour at which the house opens next."""
        self.way = self._way()
        self.day = self._day()

    def _take(self, what: str, shown_as: str, source: str) -> None:
        self.said.append((what, shown_as, source))

    def _begins(self) -> float:
        if self.campaign.hours is None:
            return BEGINS
        calendar = self.policy.calendars[self.campaign.hours]
        at = next(starts(calendar, time.time_ns() // 1000, 14), None)
        return BEGINS if at is None else local(calendar.offsets, at)[1] / 3600

    def _way(self) -> Way:
        args, campaign = self.args, self.campaign
        mode = forecasts.Mode(args.mode or ("preview" if campaign.mode is Mode.MANUAL else campaign.mode))
        lines = campaign.lines_per_agent if args.lines is None else round(100 * args.lines)
        shown_as = {
            forecasts.Mode.POWER: f"power, {lines / 100:g} lines for each free agent",
            forecasts.Mode.PREDICTIVE: f"predictive, at most {100 * self.cap:g} % abandoned",
            forecasts.Mode.PREVIEW: f"preview, {LOOK:g} s to look at a contact (assumed)",
        }
        self._take("mode", shown_as[mode], "--mode" if args.mode else "configuration")
        return Way(mode, lines, self.cap, self.least_ring, LOOK)

    def _day(self) -> Day:
        args, campaign = self.args, self.campaign
        self._take("hours", f"{args.hours:g} from {report.o_clock(self.begins, 0)}", "--hours, the calendar")
        agents = self._agents()
        answer, by_hour = self._answers()
        amd, machines = self._machines()
        queue = self.policy.queues.get(campaign.queue) if campaign.queue is not None else None
        usual = max(1.0, queue.wrap_up / SECOND) if queue is not None else WRAP
        talk, talk_variation = self._lasting("talk", args.talk, self.known.talks, TALK, TALK_VARIATION, "assumed")
        wrap, wrap_variation = self._lasting(
            "wrap-up", args.wrap_up, self.known.wraps, usual, WRAP_VARIATION, "the queue's wrap_up"
        )
        grace = self.grace if amd is None else max(0.5, self.grace - AMD_OF_GRACE)
        self._take("grace", f"{grace:g} s", "configuration")
        rings, contacts = self._rings(), self._contacts()
        channels, second = self._lines()
        return Day(
            agents=agents,
            answer=answer,
            talk=talk,
            wrap=wrap,
            hours=args.hours,
            grace=grace,
            talk_variation=talk_variation,
            wrap_variation=wrap_variation,
            answers=by_hour,
            rings=rings,
            machines=machines,
            amd=amd,
            contacts=contacts,
            lines=campaign.most_lines,
            channels=channels,
            calls_a_second=second,
            parts=max(4, min(48, round(2 * args.hours))),
        )

    def _agents(self) -> int:
        if self.args.agents is not None:
            self._take("agents", str(self.args.agents), "--agents")
            return int(self.args.agents)
        count = max(1, sum(self.campaign.queue in agent.queues for agent in self.policy.agents.values()))
        self._take("agents", str(count), f"queue {self.campaign.queue}")
        return count

    def _answers(self) -> tuple[float, tuple[tuple[float, float], ...]]:
        """Of the calls, by people: at first, and the steps of the day."""
        said, calls = self.args.answer_rate, _ended(self.calls)
        if said is not None or calls < FEW_CALLS:
            rate = ANSWER if said is None else float(said)
            self._take("answers", f"{rate:.1%} of the calls", "assumed" if said is None else "--answer-rate")
            return rate, ()
        usual = _humans(self.calls) / calls

        def at(hour: int) -> float:
            here = self.known.attempts.get(hour % 24, Counter())
            return (_humans(here) + LIKE_ANY_HOUR * usual) / (_ended(here) + LIKE_ANY_HOUR)

        first, end = int(self.begins), self.begins + self.args.hours
        by_hour = {hour: at(hour) for hour in range(first, math.ceil(end))}
        low, high = min(by_hour.values()), max(by_hour.values())
        self._take("answers", f"{usual:.1%} of the calls, {low:.1%} to {high:.1%} by the hour", f"{calls:,} attempts")
        steps = (((hour - self.begins) * 3600, rate) for hour, rate in by_hour.items() if hour > self.begins)
        return by_hour[first], tuple(steps)

    def _machines(self) -> tuple[Amd | None, float]:
        """AMD, and the share of machines among the answers."""
        amd = None if self.campaign.detection is None else Amd()
        if amd is not None:
            errs = f"errs with {amd.false_positive:.0%} of people, {amd.false_negative:.0%} of machines"
            self._take("AMD", f"listens {amd.listens:g} s, {errs}", "assumed")
        seen = self.calls[AttemptOutcome.MACHINE]
        share, source = 0.0 if amd is None else MACHINES, "assumed"
        if seen and _ended(self.calls) >= FEW_CALLS:
            share, source = min(seen / (seen + _humans(self.calls)), 0.95), f"{_ended(self.calls):,} attempts"
        if self.args.machines is not None:
            share, source = float(self.args.machines), "--machines"
        self._take("machines", f"{share:.0%} of the answers", source)
        return amd, share

    def _lasting(
        self, what: str, said: float | None, seen: Lasting, mean: float, variation: float, source: str
    ) -> tuple[float, float]:
        """A mean in s, and the coefficient of variation."""
        if seen.count >= FEW_TALKS and seen.mean > 0.1:
            mean, variation, source = seen.mean, min(max(seen.deviation / seen.mean, 0.05), 3.0), f"{seen.count:,} seen"
        if said is not None:
            mean, source = said, f"--{what}"
        self._take(what, f"{mean:.0f} s on average, variation {variation:.2g}", source)
        return mean, variation

    def _rings(self) -> Rings:
        assumed = Rings(timeout=self.campaign.ring_timeout / SECOND)
        fast = sum(self.calls[outcome] for outcome in AT_ONCE)
        lost = self.calls[AttemptOutcome.NO_ANSWER] + fast
        if self.known.answered < FEW_TALKS or lost < FEW_TALKS:
            self._take("rings", f"answered after 11 s on average, else {assumed.timeout:g} s", "assumed")
            return assumed
        middle = self.known.to_answer[len(self.known.to_answer) // 2]
        shown_as = (
            f"half of the answers within {middle:.0f} s, else {assumed.timeout:g} s; {fast / lost:.0%} fail at once"
        )
        self._take("rings", shown_as, f"{self.known.answered:,} answers")
        return replace(assumed, quantiles=tuple(self.known.to_answer), fast=fast / lost)

    def _contacts(self) -> Contacts | None:
        count = self.known.contacts if self.args.list is None else self.args.list
        if not count:
            self._take("list", "without end", "assumed")
            return None
        source = "who is not done with" if self.args.list is None else "--list"
        self._take("list", f"{count:,} contacts, tried again as `retries` says", source)
        retries = self.campaign.retries
        return Contacts(
            count,
            _again(retries.get(AttemptOutcome.NO_ANSWER)),
            _again(retries.get(AttemptOutcome.BUSY)),
            _again(retries.get(AttemptOutcome.MACHINE)),
            self.campaign.most_per_contact,
        )

    def _lines(self) -> tuple[int, float]:
        """Channels of the trunks, and calls a second; 0: no limit."""
        trunks = [self.policy.trunks[trunk] for trunk in self.campaign.trunks]
        limited = all(it.max_channels for it in trunks)
        channels = sum(max(0, it.max_channels - it.keep_free) for it in trunks) if limited else 0
        second = sum(it.calls_a_second for it in trunks) if all(it.calls_a_second for it in trunks) else 0
        limits = ((self.campaign.most_lines, "in flight"), (channels, "channels"), (second, "calls a second"))
        self._take("lines", ", ".join(f"{n} {what}" for n, what in limits if n) or "without limit", "configuration")
        return channels, float(second)


def _humans(calls: Counter[AttemptOutcome]) -> int:
    return sum(calls[outcome] for outcome in HUMAN)


def _ended(calls: Counter[AttemptOutcome]) -> int:
    """Of which it is known how."""
    return sum(calls.values()) - calls[AttemptOutcome.UNKNOWN]


def _again(retry: Retry | None) -> Again | None:
    return None if retry is None else Again(retry.delay / SECOND, retry.growth / 100, retry.most)
